"""Complete a case and reopen it. At completion everything derived is worked out and stored beside the answers."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from plaqueweb.accounts.models import User
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Invalid, NotAllowed
from plaqueweb.reads.answers import (
    NOT_MEASURED,
    Measured,
    Verdict,
    caliper_thickness,
    label_verdict,
    mask_thickness,
    missing_answers,
    plaque_present,
)
from plaqueweb.reads.bundle import Bundle, load_bundle
from plaqueweb.reads.choices import ReadState
from plaqueweb.reads.drafts import check_draft_no
from plaqueweb.reads.grades import derived, study_grade
from plaqueweb.reads.models import Assignment, Lesion, Propagation, Read
from plaqueweb.reads.own import kept
from plaqueweb.reads.quality import conflict_reason, kept_clips, kept_reasons
from plaqueweb.reads.readset import content_read
from plaqueweb.reads.states import ASSIGNMENT, READ

DERIVED_OF_LESION = [
    "is_index", "key_clip", "key_frame", "key_region", "thickness_mm", "thickness_px", "thickness_source",
    "manual_scale", "grade",
]  # fmt: skip


@transaction.atomic
def complete_read(*, read: Read, by: User, draft_no: int) -> Bundle:
    """Turn a draft into a completed read: derive plaque present, official thickness and the rule's verdict.

    The reader's class is never touched: the verdict stands beside it.

    Raises:
        NotAllowed: the read is another reader's.
        Stale: the draft was changed meanwhile.
        InvalidTransition: the read is no draft, or its case is not open.
        Invalid: answers are missing (rule ``read-incomplete``, with the list in ``missing``), or the class is not the
            rule's verdict and no reason was given (``conflict-reason``).
    """
    _own(read, by)
    check_draft_no(read, draft_no)
    READ.next(read.state, "complete")
    bundle = load_bundle(read, masks=True)
    missing = missing_answers(bundle)
    if missing:
        words = ngettext("%(n)d answer left: %(list)s", "%(n)d answers left: %(list)s", len(missing))
        raise Invalid(
            words % {"n": len(missing), "list": ", ".join(item.words for item in missing)},
            rule="read-incomplete",
            extra={"missing": [item.as_json() for item in missing]},
        )
    official, verdict = _derive_lesions(bundle), label_verdict(bundle)
    if read.assignment.frames_only:  # it marks frames and answers nothing about the study
        official, verdict = NOT_MEASURED, Verdict(None, "")
    conflict = conflict_reason(read, verdict)
    content_no, present = content_read(read.assignment), plaque_present(bundle)
    graded = (
        None
        if read.assignment.frames_only
        else study_grade(bundle.protocol, bundle.index_lesion(), plaque_present=present)
    )
    changes = {
        "plaque_present": present, "grade": graded, "rule_class": verdict.value, "rule_reason": verdict.ground[:200],
        "thickness_mm": official.mm, "thickness_px": official.px, "thickness_source": official.source,
        "manual_scale": official.manual,
        "conflict_reason": conflict, "quality_reasons": kept_reasons(read), "clip_quality": kept_clips(read),
        "own": kept(read), "content_no": content_no, "completed_at": timezone.now(),
    }  # fmt: skip
    READ.apply(
        Read.objects.filter(draft_no=draft_no), pk=read.pk, event="complete", draft_no=F("draft_no") + 1, **changes
    )
    for name, value in changes.items():
        setattr(read, name, value)
    read.state, read.draft_no = ReadState.COMPLETED, draft_no + 1
    _move(read, "complete")
    Propagation.objects.filter(read=read).delete()  # what was not accepted is no part of the answer
    record_event(
        actor=by, verb="read.completed", target=read, project_id=read.assignment.round.project_id,
        diff={"draft_no": read.draft_no, "missing": 0},
    )  # fmt: skip
    return bundle


@transaction.atomic
def reopen_read(*, read: Read, by: User) -> Bundle:
    """Make a completed read a draft again; what was derived at completion is cleared until it is completed anew.

    Raises:
        NotAllowed: the read is another reader's.
        InvalidTransition: it is not completed, or signed.
    """
    _own(read, by)
    cleared = {
        "plaque_present": None, "grade": None, "rule_class": None, "rule_reason": "", "thickness_mm": None,
        "thickness_px": None,
        "thickness_source": "", "manual_scale": None, "completed_at": None,
    }  # fmt: skip
    READ.apply(Read.objects.all(), pk=read.pk, event="reopen", draft_no=F("draft_no") + 1, **cleared)
    for name, value in cleared.items():
        setattr(read, name, value)
    read.state, read.draft_no = ReadState.DRAFT, read.draft_no + 1
    _move(read, "reopen")
    record_event(actor=by, verb="read.reopened", target=read, project_id=read.assignment.round.project_id)
    return load_bundle(read, masks=True)


def _own(read: Read, by: User) -> None:
    if read.assignment.reader_id != by.pk:
        raise NotAllowed(_("This read belongs to another reader."))


def _move(read: Read, event: str) -> None:
    if read.is_correction:
        return  # its case stays signed: what was signed stands until the correction is signed too
    read.assignment.state = ASSIGNMENT.apply(Assignment.objects.all(), pk=read.assignment_id, event=event)


def _derive_lesions(bundle: Bundle) -> Measured:
    """Measure every lesion, by its caliper or else its mask; return the index lesion's as the official thickness."""
    official = NOT_MEASURED
    index = bundle.index_lesion()
    for lesion in bundle.lesions:
        found = caliper_thickness(bundle, lesion) if bundle.protocol.counts_calipers else NOT_MEASURED
        if not found.source and bundle.protocol.counts_masks:
            found = mask_thickness(bundle, lesion)
        lesion.thickness_mm, lesion.thickness_px, lesion.thickness_source = found.mm, found.px, found.source
        lesion.manual_scale, lesion.grade = found.manual, derived(bundle.protocol, lesion)
        if lesion.key_clip_id is None and found.at is not None:
            annotation = bundle.annotations[found.at]
            lesion.key_clip_id, lesion.key_frame = annotation.clip_id, annotation.frame
            lesion.key_region = annotation.region
        if lesion is index:
            lesion.is_index, official = True, found
    if bundle.lesions:
        Lesion.objects.bulk_update(bundle.lesions, DERIVED_OF_LESION)
    return official

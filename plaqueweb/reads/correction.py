"""Correct a signed read: a new revision with kind and reason that begins as what was signed. Both stay.

What was signed stands until the correction is signed too: the case stays signed, and nothing is hidden or revealed.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Invalid, InvalidTransition, NotAllowed
from plaqueweb.reads.bundle import newest_read
from plaqueweb.reads.choices import MODEL_ARMS, Arm, AssignmentState, Policy, ReadState, RevisionKind
from plaqueweb.reads.copying import copy_answers
from plaqueweb.reads.models import Assignment, Read, Round
from plaqueweb.reads.readset import content_read
from plaqueweb.studies.models import Disclosure

REASON_CHARACTERS = 500


@transaction.atomic
def begin_correction(*, assignment: Assignment, by: User, kind: str, reason: str) -> Read:
    """Begin to correct the signed read of a case; return the draft, which says what was signed.

    Raises:
        NotAllowed: the case is another reader's.
        Invalid: no kind, no reason, or too long a one.
        InvalidTransition: as in ``why_not``.
    """
    if assignment.reader_id != by.pk:
        raise NotAllowed(_("This case belongs to another reader."))
    reason = reason.strip()
    if kind not in RevisionKind.values:
        raise Invalid(_("Say which kind of correction it is."), rule="correction-kind")
    if not reason:
        raise Invalid(_("Say why you correct the answer."), rule="correction-reason")
    if len(reason) > REASON_CHARACTERS:
        raise Invalid(_("The reason may have %(n)d characters.") % {"n": REASON_CHARACTERS}, rule="too-long")
    signed = newest_read(assignment)
    refused = why_not(assignment, signed)
    if signed is None or refused is not None:
        raise refused or InvalidTransition(_("Only a signed answer is corrected."), rule="correction-unsigned")
    try:
        with transaction.atomic():
            draft = Read.objects.create(
                assignment=assignment, revision=signed.revision + 1, supersedes=signed, arm=signed.arm,
                revision_kind=kind, revision_reason=reason, content_no=content_read(assignment),
            )  # fmt: skip
    except IntegrityError:  # begun in another window at the same moment
        raise _begun() from None
    copy_answers(of=signed, to=draft)
    record_event(
        actor=by, verb="correction.begun", target=draft, project_id=assignment.round.project_id,
        diff={"corrects": str(signed.pk), "kind": kind, "reason_characters": len(reason)},
    )  # fmt: skip
    return draft


@transaction.atomic
def discard_correction(*, read: Read, by: User) -> None:
    """Give up a correction that is not signed: what was signed goes on to stand.

    Raises:
        NotAllowed: the read is another reader's.
        InvalidTransition: it is no correction, or signed.
    """
    if read.assignment.reader_id != by.pk:
        raise NotAllowed(_("This read belongs to another reader."))
    rows = Read.objects.filter(pk=read.pk, supersedes__isnull=False).exclude(state=ReadState.SIGNED)
    if not rows.exists():
        raise InvalidTransition(_("Only a correction that is not signed can be discarded."), rule="correction-signed")
    record_event(
        actor=by, verb="correction.discarded", target=read, project_id=read.assignment.round.project_id,
        diff={"corrects": str(read.supersedes_id), "kind": read.revision_kind, "draft_no": read.draft_no},
    )  # fmt: skip
    rows.delete()


def may_correct(round_: Round) -> bool:
    """Tell whether a round's signed answers may be corrected at all: see ``why_not``."""
    return round_.policy not in (Policy.PRACTICE, Policy.OPEN) and round_.closed_at is None


def why_not(assignment: Assignment, newest: Read | None) -> InvalidTransition | None:
    """Return why a case's answer cannot be corrected now, or None where it can.

    Rules: ``correction-unsigned``, ``correction-begun``, ``round-closed``, ``correction-practice`` (the known answer
    was shown) and ``correction-imported`` (it is corrected where it came from).
    """
    round_ = assignment.round
    if round_.policy == Policy.PRACTICE:
        words = _("A practice case is not corrected: its known answer was shown.")
        return InvalidTransition(words, rule="correction-practice")
    if round_.policy == Policy.OPEN:
        words = _("An imported answer is corrected where it came from.")
        return InvalidTransition(words, rule="correction-imported")
    if newest is not None and newest.is_correction and newest.state != ReadState.SIGNED:
        return _begun()
    if newest is None or assignment.state != AssignmentState.SIGNED or newest.state != ReadState.SIGNED:
        return InvalidTransition(_("Only a signed answer is corrected."), rule="correction-unsigned")
    if round_.closed_at is not None:
        return InvalidTransition(_("This round is closed: its answers stay as they are."), rule="round-closed")
    return None


def _begun() -> InvalidTransition:
    return InvalidTransition(_("A correction of this case is begun already."), rule="correction-begun")


def correction_arm(*, read: Read, by: User) -> str:
    """Return the arm of a correction signed now: it counts as blind only if its reader was shown nothing since."""
    return Arm.INFORMED if is_informed(read.assignment, by) else read.arm


def is_informed(assignment: Assignment, reader: User) -> bool:
    """Tell whether results of the case were open to its reader: by a disclosure, a role, or others' key frames.

    What was shown by design of an answer with the model (its own disclosure) does not make that answer informed.
    """
    shown = Disclosure.objects.filter(user=reader, study=assignment.study_id)
    if assignment.arm in MODEL_ARMS:
        shown = shown.full()
    if reader.can(Capability.SEE_RESULTS, assignment.round.project_id) or shown.exists():
        return True
    given = Assignment.objects.filter(
        round=assignment.round_id, study=assignment.study_id, reader=reader, stage_no__gt=1, opened_at__isnull=False
    )
    return assignment.stage_no == 1 and assignment.arm not in MODEL_ARMS and given.exists()

"""Case preparation: a person gives each clip its segment, view and use, without sight of any result.

Use decides what is read: by readers in rounds that are given out from now on, and by models. A change of use is a
change of what the study holds for them, so it counts up the content; predictions already made stay, as of the earlier
content, and a new job is queued once the study is settled (when it is said to be prepared, or a little later).
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from plaqueweb.ingest.settle import settle_study, touch_study
from plaqueweb.ingest.store import FLAGGED
from plaqueweb.studies.choices import ClipState, ClipUse, Segment, View
from plaqueweb.studies.models import Clip, Study

PARTS = ("segment", "view", "use", "use_reason", "calipers")
REASON_CHARACTERS = 200


@transaction.atomic
def prepare_clip(*, clip: Clip, by: User, changes: dict[str, Any]) -> Clip:
    """Give a clip its segment, view or use, or say whether a measurement is drawn into it. What is not named stays.

    A measurement drawn in answers the question before it is asked: such a clip is for reference only or set aside.

    Args:
        clip: as the person saw it; if somebody changed it meanwhile, nothing is stored.
        changes: some of ``segment``, ``view``, ``use``, ``use_reason``, ``calipers``.

    Raises:
        NotAllowed: the user may not prepare cases.
        InvalidTransition: the clip is held or refused.
        Invalid: an unknown value, no reason for setting it aside (``aside-reason``), or a clip with a measurement that
            is to be read (``clip-calipers``).
        Conflict: somebody else changed the clip meanwhile.
    """
    project_id = clip.study.project_id
    _may_prepare(by, project_id)
    if clip.state != ClipState.STORED:
        raise InvalidTransition(_("This clip is not stored: see the release queue."), rule="clip-not-stored")
    before = {name: getattr(clip, name) for name in PARTS}
    after = _after(before, changes)
    if after == before:
        return clip
    if not Clip.objects.filter(pk=clip.pk, state=ClipState.STORED, **before).update(**after):
        raise Conflict(_("Somebody else changed this clip meanwhile."), rule="overtaken")
    for name, value in after.items():
        setattr(clip, name, value)
    diff = {name: [before[name], after[name]] for name in PARTS if before[name] != after[name]}
    record_event(actor=by, verb="clip.prepared", target=clip, project_id=project_id, diff=diff)
    if before["use"] != after["use"] and ClipUse.READ in (before["use"], after["use"]):
        touch_study(clip.study_id, preparing=True)
    return clip


def _after(before: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Work out the clip's new values and check them."""
    after = before | {name: changes[name] for name in PARTS if name in changes}
    _known(after["segment"], ["", *Segment.values], "segment")
    _known(after["view"], View.values, "view")
    _known(after["use"], ClipUse.values, "use")
    _known(after["calipers"], [True, False], "calipers")
    if after["calipers"] and not before["calipers"] and after["use"] == ClipUse.READ and "use" not in changes:
        after |= {"use": ClipUse.REFERENCE, "use_reason": FLAGGED}
    if before["calipers"] and not after["calipers"] and before["use_reason"] == FLAGGED and "use" not in changes:
        after |= {"use": ClipUse.READ}
    reason = after["use_reason"]
    if not isinstance(reason, str) or len(reason) > REASON_CHARACTERS:
        words = _("The reason may have %(n)d characters.") % {"n": REASON_CHARACTERS}
        raise Invalid(words, rule="too-long")
    after["use_reason"] = "" if after["use"] == ClipUse.READ else " ".join(reason.split())
    if after["use"] == ClipUse.ASIDE and not after["use_reason"]:
        raise Invalid(_("Say why the clip is set aside."), rule="aside-reason")
    if after["use"] == ClipUse.READ and after["calipers"]:
        words = _("A measurement is drawn into this clip: it cannot be read. Take the mark off first if there is none.")
        raise Invalid(words, rule="clip-calipers")
    return after


def _known(value: Any, allowed: list[Any], name: str) -> None:
    if not isinstance(value, str | bool) or value not in allowed:
        words = _("“%(value)s” is no %(name)s.") % {"value": str(value)[:40], "name": name}
        raise Invalid(words, rule="preparation-value")


@transaction.atomic
def finish_preparation(*, study: Study, by: User, done: bool = True) -> Study:
    """Say that a study's clips were all looked at, or take it back. What was changed is settled at once.

    Raises:
        NotAllowed: the user may not prepare cases.
        Invalid: no clip of it is to be read.
    """
    _may_prepare(by, study.project_id)
    if done and not Clip.objects.filter(study=study).for_reading().exists():
        raise Invalid(_("No clip of %(study)s is to be read.") % {"study": study.label}, rule="read-set-empty")
    Study.objects.filter(pk=study.pk).update(prepared_at=Now() if done else None, preparing_at=None)
    record_event(actor=by, verb="study.prepared" if done else "study.preparation-reopened", target=study)
    settle_study(study.pk, by=by)
    study.refresh_from_db()
    return study


def to_prepare(project_id: Any) -> Q:
    """Condition on studies of a project whose clips nobody has gone through."""
    return Q(project_id=project_id, prepared_at__isnull=True, clips__state=ClipState.STORED)


def _may_prepare(by: User, project_id: Any) -> None:
    if not by.can(Capability.PREPARE, project_id):
        raise NotAllowed(_("You may not prepare cases in this project."))

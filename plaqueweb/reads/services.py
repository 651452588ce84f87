"""The only ways to change rounds, cases and reads. Each is keyword-only, atomic and guarded by compare-and-set."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Invalid, NotAllowed
from plaqueweb.reads.choices import ReadState
from plaqueweb.reads.completion import complete_read, reopen_read
from plaqueweb.reads.correction import begin_correction, discard_correction
from plaqueweb.reads.drafts import open_assignment, save_draft
from plaqueweb.reads.importing import ImportResult, import_reads
from plaqueweb.reads.models import Assignment, Read
from plaqueweb.reads.qualification import save_profile
from plaqueweb.reads.readset import clips_of_assignment
from plaqueweb.reads.rounds import (
    add_cases,
    add_reader,
    close_round,
    create_round,
    reassign,
    restore,
    reveal_round,
    withdraw,
)
from plaqueweb.reads.rounds_frames import open_stage_two
from plaqueweb.reads.signing import confirm_and_sign, sign_reads, verify_read
from plaqueweb.reads.simulated import record_simulated_read
from plaqueweb.reads.states import ASSIGNMENT

ACTIVITY_SECONDS = 60
SKIP_CHARACTERS = 300

__all__ = [
    "ImportResult", "add_activity", "add_cases", "add_reader", "begin_correction", "close_round", "complete_read",
    "confirm_and_sign", "create_round", "discard_correction", "import_reads", "keep_place", "open_assignment",
    "open_stage_two", "reassign", "record_simulated_read", "reopen_read", "restore", "reveal_round", "save_draft",
    "save_profile", "sign_reads", "skip_assignment", "verify_read", "withdraw",
]  # fmt: skip


@transaction.atomic
def skip_assignment(*, assignment: Assignment, by: User, reason: str) -> None:
    """Set a case aside with a reason; opening it again takes it up.

    Raises:
        NotAllowed: the case is another reader's.
        Invalid: no reason, or too long a one.
        InvalidTransition: it is completed or signed.
    """
    _own(assignment, by)
    reason = reason.strip()
    if not reason:
        raise Invalid(_("Say why you skip the case."), rule="skip-reason")
    if len(reason) > SKIP_CHARACTERS:
        raise Invalid(_("The reason may have %(n)d characters.") % {"n": SKIP_CHARACTERS}, rule="too-long")
    assignment.state = ASSIGNMENT.apply(Assignment.objects.all(), pk=assignment.pk, event="skip", skip_reason=reason)
    assignment.skip_reason = reason
    record_event(
        actor=by, verb="assignment.skipped", target=assignment, project_id=assignment.round.project_id,
        diff={"reason_characters": len(reason)},
    )  # fmt: skip


@transaction.atomic
def add_activity(*, assignment: Assignment, by: User, seconds: int) -> int:
    """Add active reading time to a case in hand and return its sum. No audit row: it is a counter, not an answer.

    Raises:
        NotAllowed: the case is another reader's.
        Invalid: not between 1 and 60 seconds.
    """
    _own(assignment, by)
    if type(seconds) is not int or not 1 <= seconds <= ACTIVITY_SECONDS:
        raise Invalid(_("Active time comes in steps of 1 to %(n)d seconds.") % {"n": ACTIVITY_SECONDS}, rule="activity")
    rows = Assignment.objects.filter(pk=assignment.pk, state__in=["opened", "completed"])
    if rows.update(active_seconds=F("active_seconds") + seconds):
        assignment.active_seconds += seconds
    return assignment.active_seconds


@transaction.atomic
def keep_place(*, assignment: Assignment, by: User, clip: UUID, frame: int) -> None:
    """Keep with the draft where its reader is, so that a return finds the place. No answer: the draft number stays.

    Raises:
        NotAllowed: the case is another reader's.
        Invalid: the clip is not part of the case (``clip-not-in-case``) or has no such frame (``frame-number``).
    """
    _own(assignment, by)
    found = next((one for one in clips_of_assignment(assignment, pictures=False) if one.pk == clip), None)
    if found is None:
        raise Invalid(_("This clip is not part of the case."), rule="clip-not-in-case")
    if not 1 <= frame <= found.frames:
        words = _("Clip %(clip)d has frames 1 to %(n)d.") % {"clip": found.number, "n": found.frames}
        raise Invalid(words, rule="frame-number")
    drafts = Read.objects.filter(assignment=assignment, state=ReadState.DRAFT)
    drafts.update(place={"clip": str(clip), "frame": frame})


def _own(assignment: Assignment, by: User) -> None:
    if assignment.reader_id != by.pk:
        raise NotAllowed(_("This case belongs to another reader."))

"""The next case's pictures may be fetched while this one is read: the bundle of frames and the first picture, no more.

The door is narrow. It leads to the reader's own next case and no other, while the one before it in the reader's order
is open; to clips that are to be read there; under the addresses they will have, so that the browser keeps them.
Fetching is not opening: no state, no event, no time, and nothing else of the case is told.
See docs/decisions/0007-next-case-ahead.md.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import DomainError
from plaqueweb.reads.aliases import Aliases, aliases_of
from plaqueweb.reads.choices import AssignmentState
from plaqueweb.reads.models import Assignment
from plaqueweb.reads.qualification import check_gate
from plaqueweb.reads.readset import clips_shown
from plaqueweb.reads.rounds_washout import check_washout
from plaqueweb.studies.models import Clip
from plaqueweb.studies.selectors import clip_payload

WAITING = (AssignmentState.ASSIGNED, AssignmentState.OPENED)
FIRST_FRAME = 1


def _ahead(user: User) -> QuerySet[Assignment]:
    """Cases never opened whose nearest waiting forerunner in the reader's order is open."""
    before = Assignment.objects.filter(
        round=OuterRef("round"), reader=OuterRef("reader"), order_no__lt=OuterRef("order_no"), state__in=WAITING
    ).order_by("-order_no")
    rows: QuerySet[Assignment] = Assignment.objects.visible_to(user).select_related("round__project", "round__protocol")
    rows = rows.filter(state=AssignmentState.ASSIGNED, opened_at__isnull=True)
    return rows.annotate(forerunner=Subquery(before.values("state")[:1])).filter(forerunner=AssignmentState.OPENED)


def _may_open(row: Assignment, user: User) -> bool:
    """Whether the reader could open the case now: neither a washout nor a missing qualification holds it back."""
    try:
        check_gate(row, user)
        check_washout(row)
    except DomainError:
        return False
    return True


def next_ahead(assignment: Assignment, *, user: User) -> Assignment | None:
    """Return the case whose pictures may be fetched while this one is open; None: there is none."""
    if assignment.state != AssignmentState.OPENED:
        return None
    rows = _ahead(user).filter(round=assignment.round_id, order_no__gt=assignment.order_no)
    row = rows.order_by("order_no").first()
    return row if row is not None and _may_open(row, user) else None


def ahead_payload(assignment: Assignment, *, user: User) -> list[dict[str, Any]]:
    """Return addresses and sizes of the next case's pictures, in the order of its clips."""
    row = next_ahead(assignment, user=user)
    if row is None:
        return []
    clips = clips_shown(row)
    aliases = aliases_of(row, clips)
    shown = [clip_payload(clip) for clip in clips]
    if aliases is not None:
        shown = [aliases.addressed(clip, payload) for clip, payload in zip(clips, shown, strict=True)]
    return [
        {"cine_url": payload["cine_url"], "frame_url": payload["frame_url"], "bytes": clip.cine.bytes}
        for clip, payload in zip(clips, shown, strict=True)
    ]


def ahead_aliases(assignment: Assignment, *, user: User) -> Aliases | None:
    """Return the names of a case that may be fetched ahead and shows its clips under other names; else None."""
    row = _ahead(user).filter(pk=assignment.pk).first()
    return aliases_of(row) if row is not None and _may_open(row, user) else None


def ahead_clip(pk: str, *, user: User) -> Clip | None:
    """Return a clip of a case that may be fetched ahead, where it goes by its own id; else None."""
    try:
        key = UUID(pk)
    except ValueError:
        return None
    for row in _ahead(user).filter(study__clips=key):
        if row.round.hides_identity or not _may_open(row, user):
            continue
        found = next((clip for clip in clips_shown(row) if clip.pk == key), None)
        if found is not None:
            return found
    return None


__all__ = ["FIRST_FRAME", "ahead_aliases", "ahead_clip", "ahead_payload", "next_ahead"]

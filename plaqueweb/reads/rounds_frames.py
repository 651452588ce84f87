"""The second stage: after the free first readings all readers outline the same frames, blind and in random order.

The frames come from the readers, never from a model: the union of the key frames of all first readings of a case, at
least two, and as many frames without plaque that they are a fifth of all.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Invalid, InvalidTransition
from plaqueweb.reads.choices import Arm, AssignmentState, Extent, Frames, PlaqueAnswer
from plaqueweb.reads.models import Assignment, FrameAnnotation, Lesion, Read, Round, SegmentFinding
from plaqueweb.reads.rounds import may_manage
from plaqueweb.studies.models import Clip

Place = tuple[UUID, int]
"""Clip and frame, from 1."""
PLAQUE_PER_CONTROL = 4
"""One frame without plaque for each four with: a fifth of all frames."""
LEAST_READS = 2
STILL_TO_READ = (AssignmentState.ASSIGNED, AssignmentState.OPENED, AssignmentState.COMPLETED)
MARKED = (Extent.ALL_MARKED, Extent.INDEX_ONLY)


@dataclass
class Seen:
    """What the first readings of one study say of its frames."""

    study: UUID
    readers: set[UUID] = field(default_factory=set)
    key: set[Place] = field(default_factory=set)  # any reader's key frame
    plaque: set[Place] = field(default_factory=set)  # marked by any reader
    free: set[Place] = field(default_factory=set)  # examined without plaque by any reader
    all_none: bool = True  # every reader found no plaque in any segment


def choose_frames(
    seen: Sequence[Seen], frames: Mapping[UUID, Collection[Place]], *, seed: str
) -> dict[UUID, list[Place]]:
    """Return the frames that all readers of each study outline: key frames and frames without plaque.

    Frames without plaque are drawn where a reader examined one and nobody marked it, then from studies in which all
    readers found none, then from clips that nobody marked.

    Args:
        seen: studies with at least two first readings.
        frames: all readable frames of each study.

    Raises:
        ValueError: no reader set a key frame, or there are too few frames without plaque.
    """
    chosen = {row.study: set(row.key) for row in seen}
    wanted = math.ceil(sum(map(len, chosen.values())) / PLAQUE_PER_CONTROL)
    if not wanted:
        raise ValueError("no key frame")
    draw = random.Random(seed)  # order of reading, no secret
    drawn: list[tuple[UUID, Place]] = []
    for pool in _pools(seen, frames):
        fresh = sorted(set(pool) - set(drawn), key=lambda item: (str(item[0]), str(item[1][0]), item[1][1]))
        drawn += draw.sample(fresh, min(len(fresh), wanted - len(drawn)))
    if len(drawn) < wanted:
        raise ValueError("too few frames without plaque")
    for study, place in drawn:
        chosen[study].add(place)
    return {
        study: sorted(places, key=lambda place: (str(place[0]), place[1])) for study, places in chosen.items() if places
    }


def _pools(seen: Sequence[Seen], frames: Mapping[UUID, Collection[Place]]) -> Iterable[list[tuple[UUID, Place]]]:
    yield [(row.study, place) for row in seen for place in row.free - row.plaque - row.key]
    yield [
        (row.study, place)
        for row in seen
        if row.all_none and not row.plaque and not row.key
        for place in frames.get(row.study, ())
    ]
    marked = {place[0] for row in seen for place in row.plaque | row.key}
    yield [(row.study, place) for row in seen for place in frames.get(row.study, ()) if place[0] not in marked]


def stage_two_state(round_: Round) -> dict[str, Any] | None:
    """Return how far a round is from its second stage: first readings that are not signed; None where it has none."""
    if round_.frames != Frames.TWO_STAGES:
        return None
    first = Assignment.objects.filter(round=round_, stage_no=1)
    left = first.filter(state__in=STILL_TO_READ).count()
    return {"left": left, "opened_at": round_.stage_two_at}


@transaction.atomic
def open_stage_two(*, round_: Round, by: User | None) -> int:
    """Give every reader the same frames of each case to outline; return how many frames were chosen.

    Raises:
        NotAllowed: ``by`` may not manage rounds.
        InvalidTransition: the round has one stage, is closed, has opened it already, or first readings are unsigned.
        Invalid: no key frame was set, or there are too few frames without plaque (rule ``stage-frames``).
    """
    may_manage(by, round_.project)
    _check_ready(round_)
    seen = _seen(round_)
    frames = _frames_of([row.study for row in seen])
    try:
        chosen = choose_frames(seen, frames, seed=f"{round_.seed}:stage-two")
    except ValueError:
        words = _("The first readings give no frames for a second stage: no key frames, or no frames without plaque.")
        raise Invalid(words, rule="stage-frames") from None
    if not Round.objects.filter(pk=round_.pk, stage_two_at=None).update(stage_two_at=Now()):
        raise InvalidTransition(_("The second stage was opened before."), rule="round-stage-two")
    round_.refresh_from_db(fields=["stage_two_at"])
    for reader in sorted({reader for row in seen for reader in row.readers}):
        _assign_frames(
            round_,
            reader,
            {row.study: chosen[row.study] for row in seen if reader in row.readers and row.study in chosen},
        )
    count = sum(map(len, chosen.values()))
    plaque = sum(len(row.key) for row in seen)
    record_event(
        actor=by, verb="round.stage_two", target=round_,
        diff={"cases": len(chosen), "frames": count, "without_plaque": count - plaque},
    )  # fmt: skip
    return count


def _check_ready(round_: Round) -> None:
    state = stage_two_state(round_)
    if state is None:
        raise InvalidTransition(_("This round is read in one stage."), rule="round-one-stage")
    if round_.closed_at is not None:
        raise InvalidTransition(_("This round is closed."), rule="round-closed")
    if round_.stage_two_at is not None:
        raise InvalidTransition(_("The second stage was opened before."), rule="round-stage-two")
    if state["left"]:
        words = _("Not all first readings are signed. The second stage takes its frames from all of them.")
        raise InvalidTransition(words, rule="round-unsigned")


def _assign_frames(round_: Round, reader: UUID, chosen: Mapping[UUID, list[Place]]) -> None:
    last = Assignment.objects.filter(round=round_, reader=reader).aggregate(n=Max("order_no"))["n"] or 0
    draw = random.Random(f"{round_.seed}:{reader}:stage-two")  # order of reading, no secret
    rows = []
    for n, study in enumerate(draw.sample(sorted(chosen), len(chosen)), 1):
        places = [[str(clip), number] for clip, number in chosen[study]]
        draw.shuffle(places)
        rows.append(
            Assignment(
                round=round_, study_id=study, reader_id=reader, order_no=last + n, stage_no=2, arm=Arm.BLIND,
                frames=places,
            )
        )  # fmt: skip
    Assignment.objects.bulk_create(rows)


def _seen(round_: Round) -> list[Seen]:
    """What the signed first readings say; studies with one reading only are left out."""
    reads = Read.objects.counting().unaided().filter(assignment__round=round_, assignment__repeat_no=0)
    reads = reads.exclude(assignment__state__in=[AssignmentState.WITHDRAWN, AssignmentState.REASSIGNED])
    study_of: dict[UUID, UUID] = {}
    found: dict[UUID, Seen] = {}
    for read, study, reader in reads.values_list("pk", "assignment__study_id", "assignment__reader_id"):
        study_of[read] = study
        found.setdefault(study, Seen(study)).readers.add(reader)
    keys = Lesion.objects.filter(read__in=study_of, key_clip__isnull=False, key_frame__isnull=False)
    for read, clip, number in keys.values_list("read_id", "key_clip_id", "key_frame"):
        if clip is not None and number is not None:
            found[study_of[read]].key.add((clip, number))
    marks = FrameAnnotation.objects.filter(read__in=study_of)
    for read, clip, number, extent, painted in marks.values_list(
        "read_id", "clip_id", "frame", "extent", "mask__sha256"
    ):
        row = found[study_of[read]]
        if extent in MARKED or painted:
            row.plaque.add((clip, number))
        elif extent == Extent.NO_PLAQUE:
            row.free.add((clip, number))
    some = SegmentFinding.objects.filter(read__in=study_of).exclude(plaque__in=[PlaqueAnswer.NONE, ""])
    for read in some.values_list("read_id", flat=True):
        found[study_of[read]].all_none = False
    readable = {clip for places in _frames_of(found).values() for clip, _number in places}
    for row in found.values():
        row.key = {place for place in row.key if place[0] in readable}
    return [row for _key, row in sorted(found.items()) if len(row.readers) >= LEAST_READS]


def _frames_of(studies: Collection[UUID]) -> dict[UUID, list[Place]]:
    frames: dict[UUID, list[Place]] = defaultdict(list)
    clips = Clip.objects.for_reading().filter(study__in=list(studies)).order_by("study_id", "number")
    for study, clip, count in clips.values_list("study_id", "pk", "frames"):
        frames[study] += [(clip, number) for number in range(1, count + 1)]
    return frames


def same_frame_reads(reads: QuerySet[Read]) -> QuerySet[Read]:
    """Keep the signed second-stage reads: all readers of a case marked the same frames in them."""
    return reads.filter(assignment__stage_no__gt=1, arm=Arm.BLIND)

"""Carrying a mask over the cine: a leased row of the light worker, drafts that nobody has accepted yet."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.db.models.functions import Now

from inference.metrics import dice
from inference.types import rle_decode, rle_encode
from plaqueweb.core import work
from plaqueweb.core.errors import Invalid, InvalidTransition, NotAllowed
from plaqueweb.core.models import ObjectKind
from plaqueweb.core.storage import put_file
from plaqueweb.ops import room
from plaqueweb.reads import propagation
from plaqueweb.reads.bundle import own_read
from plaqueweb.reads.models import Propagation, Read
from plaqueweb.studies.models import Clip, Region
from tests.factories import member
from tests.plaqueweb.reads.helpers import COMPLETE, case, complete, frame, lesion, opened, save

pytestmark = pytest.mark.django_db
ROWS, COLUMNS, FRAMES = 120, 160, 10


def moving_case(**clip: Any) -> tuple[Read, Clip]:
    """A case whose clip moves; its plaque is painted on frame 4, and the case is open."""
    assignment, made = case(frames=FRAMES, rows=ROWS, columns=COLUMNS, **clip)
    data, offsets = room._bundle(room.moving(ROWS, COLUMNS, FRAMES))
    made.cine = put_file(source=io.BytesIO(data), project_id=made.study.project_id, kind=ObjectKind.CINE)
    made.frame_offsets = offsets
    made.save()
    read = opened(assignment)
    save(read, lesions=[lesion()], frames=[painted(made, 4)])
    return own_read(user=assignment.reader, pk=read.pk), made


def lump(number: int) -> Any:
    """Where ``room.moving`` draws the lump on a frame."""
    phase = 2 * np.pi * (number - 1) / FRAMES
    yy, xx = np.mgrid[:ROWS, :COLUMNS]
    here = 0.3 * ROWS * (1 + 0.03 * np.sin(phase))
    dx, dy = 0.02 * COLUMNS * np.sin(phase), 0.015 * ROWS * np.cos(phase)
    return np.hypot(xx - COLUMNS / 2 - dx, yy - ROWS / 2 - dy - 0.78 * here) < 0.25 * here


def painted(clip: Clip, number: int, **more: Any) -> dict[str, Any]:
    mask = {"size": [ROWS, COLUMNS], "rle": [int(n) for n in rle_encode(lump(number))]}
    return frame(clip, number, extent="all_marked", masks={"1": mask}, **more)


def ask(read: Read, clip: Clip, **more: Any) -> Propagation:
    given = {"frame": 4, "region": 1, "lesion": 1, **more}
    return propagation.ask_propagation(read=read, by=read.assignment.reader, clip_id=clip.pk, **given)


def test_a_mask_follows_the_loop_both_ways() -> None:
    read, clip = moving_case()
    row = ask(read, clip)

    assert propagation.process_next()

    row.refresh_from_db()
    shown = propagation.payload(row)
    assert (shown["state"], shown["done"], shown["total"]) == ("done", FRAMES - 1, FRAMES - 1)
    assert [one["frame"] for one in shown["frames"]] == [1, 2, 3, 5, 6, 7, 8, 9, 10]
    scores = [dice(rle_decode(one["mask"]["rle"], (ROWS, COLUMNS)), lump(one["frame"])) for one in shown["frames"]]
    assert min(scores) >= 0.9  # type: ignore[type-var]


def test_nothing_is_saved_until_the_reader_accepts() -> None:
    read, clip = moving_case()
    ask(read, clip)
    propagation.process_next()
    before = {row.frame for row in read.annotations.all()}

    save(read, frames=[painted(clip, 5, sources={"1": "propagated"})])

    assert before == {4}
    stored = read.annotations.get(frame=5).mask
    assert (stored.source, stored.areas["1"]["source"]) == ("propagated", "propagated")


def test_it_stops_at_frames_that_say_something_already() -> None:
    read, clip = moving_case()
    save(read, frames=[painted(clip, 2), frame(clip, 7, extent="no_plaque")])

    row = ask(own_read(user=read.assignment.reader, pk=read.pk), clip)

    assert row.frames == [5, 6, 3]
    save(read, frames=[painted(clip, 3), painted(clip, 5)])
    Propagation.objects.all().delete()
    fresh = own_read(user=read.assignment.reader, pk=read.pk)
    with pytest.raises(Invalid) as caught:
        ask(fresh, clip)
    assert caught.value.rule == "propagate-nowhere"


def test_a_biplane_mask_stays_in_its_half() -> None:
    read, clip = moving_case(region__x1=COLUMNS // 2 - 1)
    Region.objects.create(clip=clip, number=2, x0=COLUMNS // 2, y0=0, x1=COLUMNS - 1, y1=ROWS - 1, source="none")
    half = lump(4) & (np.arange(COLUMNS) < COLUMNS // 2)
    mask = {"size": [ROWS, COLUMNS], "rle": [int(n) for n in rle_encode(half)]}
    save(read, frames=[frame(clip, 4, extent="all_marked", masks={"1": mask})])
    row = ask(own_read(user=read.assignment.reader, pk=read.pk), clip)

    propagation.process_next()

    row.refresh_from_db()
    for one in propagation.payload(row)["frames"]:
        assert not rle_decode(one["mask"]["rle"], (ROWS, COLUMNS))[:, COLUMNS // 2 :].any()


def test_only_what_is_saved_of_ones_own_draft_can_be_carried() -> None:
    read, clip = moving_case()

    with pytest.raises(Invalid) as caught:
        ask(read, clip, frame=5)
    assert caught.value.rule == "propagate-nothing"
    other = member(read.assignment.round.project, "reader")
    with pytest.raises(NotAllowed):
        propagation.ask_propagation(read=read, by=other, clip_id=clip.pk, frame=4, region=1, lesion=1)
    save(read, answers=COMPLETE)
    complete(read)
    done = own_read(user=read.assignment.reader, pk=read.pk)
    with pytest.raises(InvalidTransition):
        ask(done, clip)


def test_one_at_a_time_and_completion_throws_the_drafts_away() -> None:
    read, clip = moving_case()
    ask(read, clip)

    with pytest.raises(propagation.AlreadyRunning):
        ask(read, clip)
    propagation.process_next()
    again = ask(read, clip)

    assert Propagation.objects.get() == again
    save(read, answers=COMPLETE)
    complete(read)
    assert not Propagation.objects.exists()


def test_cancelled_while_it_runs_it_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    read, clip = moving_case()
    row = ask(read, clip)
    monkeypatch.setattr(propagation, "REPORT_EACH", 0.0)
    seen: list[int] = []

    def grey(self: Any, number: int) -> Any:
        if len(seen) == 4:
            propagation.cancel_propagation(read=read, row=row.pk, by=read.assignment.reader)
        seen.append(number)
        return real(self, number)

    real = propagation._Frames.grey
    monkeypatch.setattr(propagation._Frames, "grey", grey)
    propagation.process_next()

    row.refresh_from_db()
    assert (row.work_state, row.result) == ("cancelled", None)
    assert len(seen) < FRAMES


def test_a_killed_workers_row_is_done_by_the_next() -> None:
    read, clip = moving_case()
    row = ask(read, clip)
    dead = work.claim_next(Propagation)
    assert dead is not None
    Propagation.objects.update(lease_until=Now() - timedelta(seconds=1))

    assert work.sweep(Propagation) == (1, 1)
    assert propagation.process_next()

    row.refresh_from_db()
    assert (row.work_state, row.attempts) == ("done", 1)
    with pytest.raises(work.Overtaken):
        work.close(dead, result=b"")


def test_over_http_it_is_ones_own_alone(api: Any) -> None:
    read, clip = moving_case()
    mine = api(read.assignment.reader)
    body = {"clip": str(clip.pk), "frame": 4, "region": 1, "lesion": 1}
    place = f"/api/v1/reads/{read.pk}/propagations/"

    asked = mine.post(place, body, format="json")
    propagation.process_next()
    row = f"{place}{asked.json()['id']}/"
    done = mine.get(row).json()

    assert asked.status_code == 202
    assert (done["state"], len(done["frames"])) == ("done", FRAMES - 1)
    assert [one["id"] for one in mine.get(place).json()] == [done["id"]]
    stranger = api(member(read.assignment.round.project, "reader"))
    assert [stranger.get(place).status_code, stranger.get(row).status_code] == [404, 404]
    assert stranger.post(place, body, format="json").status_code == 404
    assert mine.get(f"{place}{uuid4()}/").status_code == 404
    assert mine.post(place, {**body, "model": 1}, format="json").status_code == 422
    assert mine.delete(row).status_code == 204
    assert mine.get(row).status_code == 404
    assert Read.objects.get(pk=read.pk).draft_no == read.draft_no

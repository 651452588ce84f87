"""Masks made of several readers': which reads enter, stored once for the same inputs, never with a model in sight."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from plaqueweb.accounts.models import User
from plaqueweb.predictions.models import Showing
from plaqueweb.reads.models import Read, Round
from plaqueweb.review.mask_references import ensure, fused_frame
from plaqueweb.review.models import MaskReference
from tests.factories import member
from tests.plaqueweb.review.world import ALL, INDEX, NONE, World, box

BOXES = [box(10, 10, 10, 10), box(10, 10, 10, 12), box(10, 11, 10, 10)]


@pytest.fixture
def three(world: World) -> World:
    """Three readers on fixed frames: frame 2 marked by all, frame 3 examined by all, frame 4 by one."""
    Round.objects.filter(pk=world.round.pk).update(frames="fixed")
    for number, mask in enumerate(BOXES):
        marks = {2: (ALL, mask), 3: (NONE, None)}
        world.read(member(world.project, "reader"), 1, marks=marks | ({4: (ALL, mask)} if number == 0 else {}))
    return world


def reads() -> list[uuid.UUID]:
    return list(Read.objects.order_by("id").values_list("pk", flat=True))


def readers() -> list[User]:
    return [row.assignment.reader for row in Read.objects.order_by("id").select_related("assignment__reader")]


@pytest.mark.parametrize("method", ["staple", "majority"])
def test_frames_that_three_readers_declared_are_fused(three: World, method: str) -> None:
    found = ensure(reads(), method)

    rows = list(MaskReference.objects.order_by("frame"))
    assert {row.pk for row in rows} == set(found)
    assert [(row.frame, row.method, len(row.raters)) for row in rows] == [(2, method, 3), (3, method, 3)]
    marked, empty = fused_frame(rows[0]), fused_frame(rows[1])
    assert marked is not None
    assert empty is not None
    assert not empty.plaque.any()
    assert (BOXES[0] & BOXES[1] & BOXES[2] & ~marked.plaque).sum() == 0
    assert (marked.plaque & ~np.logical_or.reduce(BOXES)).sum() == 0
    assert rows[0].area_px == marked.plaque.sum()


def test_majority_is_counted_by_hand(three: World) -> None:
    ensure(reads(), "majority")
    marked = fused_frame(MaskReference.objects.get(frame=2))

    assert marked is not None
    assert (marked.plaque == ((BOXES[0].astype(int) + BOXES[1] + BOXES[2]) >= 2)).all()


def test_staple_stores_each_readers_estimates_and_the_majority_none(three: World) -> None:
    ensure(reads(), "staple")
    ensure(reads(), "majority")

    by_method = {row.method: row.raters for row in MaskReference.objects.filter(frame=2)}
    assert [one["read"] for one in by_method["staple"]] == [str(pk) for pk in reads()]
    assert [one["reader"] for one in by_method["staple"]] == [str(one.pk) for one in readers()]
    assert all(0.5 < one["sensitivity"] <= 1.0 for one in by_method["staple"])
    assert all(one["sensitivity"] is None for one in by_method["majority"])


def test_the_same_inputs_are_fused_once_and_others_are_another_row(three: World) -> None:
    first = ensure(reads(), "staple")
    again = ensure(reads()[::-1], "staple")
    three.read(member(three.project, "reader"), 1, marks={2: (ALL, BOXES[0])})
    more = ensure(reads(), "staple")

    assert again == first
    assert len(set(more) - set(first)) == 1  # frame 2 has a fourth reader now, frame 3 not
    assert MaskReference.objects.filter(frame=2).count() == 2
    assert len(set(MaskReference.objects.values_list("input_hash", flat=True))) == 3


def test_two_readers_are_too_few(three: World) -> None:
    assert ensure(reads()[:2], "staple") == []


def test_a_reader_does_not_vote_twice(three: World) -> None:
    assert ensure([reads()[0], reads()[0], reads()[1]], "staple") == []


def test_frames_of_ones_own_choice_are_not_shared(three: World) -> None:
    Round.objects.update(frames="reader")

    assert ensure(reads(), "staple") == []


def test_what_was_not_declared_fully_marked_is_unknown(three: World) -> None:
    three.read(member(three.project, "reader"), 1, marks={2: (INDEX, BOXES[0])})

    ensure(reads(), "majority")

    assert len(MaskReference.objects.get(frame=2).raters) == 3


@pytest.mark.parametrize("arm", ["aided", "concurrent", "unknown"])
def test_a_read_with_the_model_in_sight_never_enters(three: World, arm: str) -> None:
    three.read(member(three.project, "reader"), 1, marks={2: (ALL, BOXES[0])}, arm=arm)

    ensure(reads(), "staple")

    assert len(MaskReference.objects.get(frame=2).raters) == 3


@pytest.mark.parametrize("door", ["shown", "disclosed"])
def test_a_reader_who_had_met_the_model_before_signing_never_enters(three: World, door: str) -> None:
    late = member(three.project, "reader")
    if door == "shown":
        Showing.objects.create(user=late, study=three.study, door="comparison")
    else:
        three.disclose(late)
    three.read(late, 1, marks={2: (ALL, BOXES[0])})

    ensure(reads(), "staple")

    assert str(late.pk) not in str(MaskReference.objects.get(frame=2).raters)


def test_who_met_the_model_after_signing_stays_in(three: World) -> None:
    assert timezone.now() >= Read.objects.order_by("-signed_at")[0].signed_at
    for reader in readers():
        three.disclose(reader)

    assert len(ensure(reads(), "staple")) == 2


def test_a_fused_mask_is_never_edited_but_can_be_erased(three: World) -> None:
    ensure(reads(), "staple")
    row = MaskReference.objects.get(frame=2)
    with pytest.raises(DatabaseError), transaction.atomic():
        MaskReference.objects.filter(pk=row.pk).update(area_px=1)

    MaskReference.objects.filter(pk=row.pk).update(rle=None)

    row.refresh_from_db()
    assert fused_frame(row) is None


def test_who_reads_the_study_blind_sees_none(three: World) -> None:
    ensure(reads(), "staple")
    assert MaskReference.objects.visible_to(three.coordinator).count() == 2
    three.assign(three.coordinator, state="opened")

    assert not MaskReference.objects.visible_to(three.coordinator).exists()

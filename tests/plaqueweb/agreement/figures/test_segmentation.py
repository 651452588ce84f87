"""Dice by size, distances and worst studies of the segmentation tab, on frames whose answer is known."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from plaqueweb.agreement.answers import FramePair
from plaqueweb.agreement.figures.segmentation import NO_SCALE, WORST, band_of, compute_segmentation

A, B = uuid.UUID(int=1), uuid.UUID(int=2)


def pair(study: int, frame: int, dice: float | None, mm2: float | None = 30.0, **more: Any) -> FramePair:
    key = uuid.UUID(int=1000 + study)
    values = {"other": None, "kind": "both", "reader_px": 50, "other_px": 50, **more}
    return FramePair(key, key, (uuid.UUID(int=5000 + study), frame, 1), A, dice=dice, reader_mm2=mm2, **values)


def test_a_subject_with_many_frames_weighs_no_more_than_one_with_few() -> None:
    model = [pair(1, frame, 1.0) for frame in range(9)] + [pair(2, 1, 0.5)]

    row = compute_segmentation(model, [])["bands"][0]

    assert row["model"]["value"] == pytest.approx(0.75)
    assert (row["model"]["frames"], row["model"]["subjects"]) == (10, 2)
    assert row["model"]["reason"] == "too-few"
    assert (row["readers"]["value"], row["readers"]["reason"]) == (None, "no-units")


def test_sizes_are_those_that_the_reader_marked_and_their_lower_ends_belong_to_them() -> None:
    assert [band_of(pair(1, 1, 0.8, mm2)) for mm2 in (19.9, 20.0, 59.9, 60.0)] == ["small", "middle", "middle", "large"]
    assert band_of(pair(1, 1, 0.8, None)) == NO_SCALE
    assert band_of(pair(1, 1, 0.0, 0.0, reader_px=0, kind="false_mark")) == ""

    found = compute_segmentation([pair(1, 1, 0.6, 5.0), pair(2, 1, 0.9, 80.0)], [])

    assert [row["band"] for row in found["bands"]] == ["all", "small", "large"]
    assert found["bands"][2]["studies"] == [str(uuid.UUID(int=1002))]


def test_readers_stand_beside_the_model_in_the_same_band() -> None:
    model = [pair(n, 1, 0.7) for n in range(12)]
    readers = [pair(n, 1, 0.9, other=B) for n in range(12)]

    row = compute_segmentation(model, readers)["bands"][0]

    assert (row["model"]["value"], row["readers"]["value"]) == (pytest.approx(0.7), pytest.approx(0.9))


def test_frames_without_a_distance_are_counted_not_averaged_in() -> None:
    model = [pair(1, 1, 0.8, hd95_mm=2.0), pair(2, 1, 0.8, hd95_mm=4.0), pair(3, 1, 0.0, kind="missed", other_px=0)]

    found = {row["key"]: row for row in compute_segmentation(model, [])["distances"]}

    assert found["hd95_mm"]["model"]["value"] == pytest.approx(3.0)
    assert (found["hd95_mm"]["model"]["frames"], found["hd95_mm"]["model"]["without"]) == (2, 1)
    assert found["nsd"]["model"]["value"] is None


def test_the_worst_studies_come_once_each_with_their_worst_frame() -> None:
    model = [pair(n, frame, 0.9 - n / 20 - frame / 100) for n in range(12) for frame in (1, 2)]
    model.append(pair(0, 3, None, kind="true_negative", reader_px=0, other_px=0))

    worst = compute_segmentation(model, [])["worst"]

    assert len(worst) == WORST
    assert worst[0]["study"] == str(uuid.UUID(int=1011))
    assert {row["frame"] for row in worst} == {2}
    assert [row["dice"] for row in worst] == sorted(row["dice"] for row in worst)


def test_nothing_marked_gives_no_figure_and_says_so() -> None:
    found = compute_segmentation([], [])
    assert found["bands"][0]["model"]["reason"] == "no-units"
    assert (found["worst"], found["studies"]) == ([], [])

"""Thickness, Dice and the human ceiling, computed from real rows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plaqueweb.agreement.compute import compute
from plaqueweb.agreement.evidence import load
from plaqueweb.agreement.selectors import manifest, scope, select
from plaqueweb.reads.models import FrameMask
from tests.plaqueweb.agreement.world import ALL, INDEX, NONE, World, box, empty

pytestmark = pytest.mark.django_db


def results(world: World, against: str = "") -> dict[str, Any]:
    user = world.coordinator
    found = scope(user, world.project, world.round)
    frozen = manifest(user, select(world.project, world.round, found, against=against), found)
    return compute(frozen, load(frozen))


def reader(world: World) -> str:
    return f"reader:{world.reader_a.pk}"


def test_pairs_on_one_key_frame_are_never_mixed_with_pairs_on_two(world: World) -> None:
    for frame, model_frame, mm in ((2, 2, 5.0), (2, 3, 6.0)):
        study = world.study()
        clip = world.clip(study)
        world.read(study, world.reader_a, 1, 4.5, key=(clip, frame))
        world.predict(study, 1, mm, key_clip=clip, key_frame=model_frame, key_region=1)

    thickness = results(world, reader(world))["thickness"]

    assert thickness["same_frame"]["bland_altman"]["bias"] == pytest.approx(0.5)
    assert len(thickness["same_frame"]["points"]) == 1
    assert thickness["as_read"]["bland_altman"]["bias"] == pytest.approx(1.0)  # each side's own frame, both studies


def test_a_thickness_without_millimetres_enters_no_pair_and_is_counted(world: World) -> None:
    for mm, model_mm in ((None, 5.0), (4.0, None), (4.0, 4.4)):
        study = world.study()
        world.read(study, world.reader_a, 1, mm)
        world.predict(study, 1, model_mm)

    thickness = results(world, reader(world))["thickness"]

    assert len(thickness["as_read"]["points"]) == 1
    assert (thickness["reference_without_mm"], thickness["model_without_mm"]) == (1, 1)


def test_pairs_on_two_sides_of_the_rule_are_told_by_the_displayed_thickness(world: World) -> None:
    for mm, model_mm in ((3.96, 4.3), (3.9, 4.3)):  # 3.96 is displayed as 4.0
        study = world.study()
        world.read(study, world.reader_a, 1, mm)
        world.predict(study, 1, model_mm)

    points = results(world, reader(world))["thickness"]["as_read"]["points"]

    assert sorted((point["reference"], point["crosses"]) for point in points) == [(3.9, True), (3.96, False)]


def test_dice_counts_missed_frames_as_zero_and_leaves_true_negatives_and_unknown_frames_out(world: World) -> None:
    study = world.study()
    clip = world.clip(study, frames=8)
    marked = box(clip, slice(10, 20), slice(10, 20))
    marks = {
        (clip, 1): (ALL, marked),
        (clip, 2): (ALL, marked),
        (clip, 3): (NONE, None),
        (clip, 4): (NONE, None),
        (clip, 5): (INDEX, marked),
        (clip, 6): ("", marked),
    }
    world.read(study, world.reader_a, 1, marks=marks)
    half = box(clip, slice(10, 20), slice(10, 15))
    world.model_masks(world.predict(study, 1), clip, {1: half, 2: empty(clip), 4: half, 5: marked, 7: marked})

    dice = results(world, reader(world))["dice"]

    counts = {key: dice[key] for key in ("scored", "missed", "false_marks", "true_negatives", "unknown", "no_result")}
    assert counts == {"scored": 3, "missed": 1, "false_marks": 1, "true_negatives": 1, "unknown": 2, "no_result": 0}
    assert dice["median"]["value"] == pytest.approx((2 * 50 / 150) / 3)


def test_all_lesions_of_a_frame_together_are_compared_with_the_model(world: World) -> None:
    study = world.study()
    clip = world.clip(study)
    left, right = box(clip, slice(0, 10), slice(0, 10)), box(clip, slice(0, 10), slice(20, 30))
    world.read(study, world.reader_a, 1, marks={(clip, 1): (ALL, [left, right])})
    world.model_masks(world.predict(study, 1), clip, {1: left | right})

    assert results(world, reader(world))["dice"]["median"]["value"] == pytest.approx(1.0)


def test_frames_of_an_erased_mask_or_without_a_model_result_are_not_scored(world: World) -> None:
    study = world.study()
    clip = world.clip(study)
    other = world.clip(study)
    marked = box(clip, slice(0, 10), slice(0, 10))
    read = world.read(study, world.reader_a, 1, marks={(clip, 1): (ALL, marked), (other, 1): (ALL, marked)})
    world.model_masks(world.predict(study, 1), clip, {1: marked})
    FrameMask.objects.filter(annotation__read=read, annotation__clip=clip).update(rle=None)

    dice = results(world, reader(world))["dice"]

    assert (dice["scored"], dice["unknown"], dice["no_result"]) == (0, 1, 1)


def test_against_a_reference_dice_uses_the_marks_of_all_visible_readers(world: World) -> None:
    study = world.study()
    clip = world.clip(study)
    marked = box(clip, slice(0, 10), slice(0, 10))
    for person in (world.reader_a, world.reader_b):
        world.read(study, person, 1, marks={(clip, 1): (ALL, marked)})
    world.model_masks(world.predict(study, 1), clip, {1: marked})
    world.truth(study, 1)

    assert results(world, "known_truth")["dice"]["scored"] == 2


def test_the_ceiling_compares_two_readers_and_the_model_on_the_same_cases(world: World) -> None:
    answers = [(1, 1, 1), (1, 0, 1), (0, 0, 0), (0, 0, 1), (1, 1, 1)]
    for a, b, model in answers:
        study = world.study()
        world.read(study, world.reader_a, a)
        world.read(study, world.reader_b, b)
        world.predict(study, model)
    alone = world.study()
    world.read(alone, world.reader_a, 1)
    world.predict(alone, 0)

    ceiling = results(world)["ceiling"]

    row = {row["key"]: row for row in ceiling["rows"]}["same_class"]
    assert (row["n"], row["subjects"], ceiling["readers"]) == (5, 5, 2)
    assert row["readers"]["value"] == pytest.approx(4 / 5)
    assert row["model"]["value"] == pytest.approx((4 / 5 + 3 / 5) / 2)
    assert row["difference"]["value"] == pytest.approx(-0.1)
    assert row["difference"]["reason"] == "too-few"


def test_without_a_second_reader_there_is_no_ceiling(world: World) -> None:
    study = world.study()
    world.read(study, world.reader_a, 1)
    world.predict(study, 1)

    assert results(world)["ceiling"] is None


def test_the_ceiling_of_thickness_counts_pairs_within_one_millimetre(world: World) -> None:
    for a, b, model in ((4.0, 4.9, 5.5), (6.0, 8.0, 6.5)):
        study = world.study()
        world.read(study, world.reader_a, 1, a)
        world.read(study, world.reader_b, 1, b)
        world.predict(study, 1, model)

    row = {row["key"]: row for row in results(world)["ceiling"]["rows"]}["within_1mm"]

    assert (row["readers"]["value"], row["model"]["value"]) == (pytest.approx(0.5), pytest.approx((0.5 + 0.5) / 2))


def test_the_known_truth_of_a_phantom_gives_thickness_pairs_as_read(world: World) -> None:
    study = world.study()
    world.truth(study, 1, 4.2)
    world.predict(study, 1, 4.0)

    assert results(world)["thickness"]["as_read"]["mae"]["value"] == pytest.approx(0.2)


def test_simulated_readers_and_synthetic_clips_are_said(world: World) -> None:
    study = world.study()
    world.clip(study, synthetic=True)
    world.read(study, world.reader_b, 1)
    world.predict(study, 1)

    found = results(world)

    assert (found["simulated"], found["synthetic"]) == (True, True)


def test_results_are_plain_json(world: World) -> None:
    for klass in (1, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1):
        study = world.study()
        world.read(study, world.reader_a, klass, 4.0 + klass)
        world.read(study, world.reader_b, klass, 4.1)
        world.predict(study, klass, 4.4)

    found = results(world)

    assert json.loads(json.dumps(found, allow_nan=False)) == found

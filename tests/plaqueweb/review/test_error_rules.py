"""What brings a case into error review, from plain answers."""

from __future__ import annotations

import pytest

from plaqueweb.review.error_models import REASON_KEYS, ErrorReason
from plaqueweb.review.errors.rules import Said, class_of_readers, compare, is_near, rank
from plaqueweb.review.models import DifferenceReason

CUT = 4.0


@pytest.mark.parametrize(
    ("readers", "reference", "expected"),
    [
        ([1, 1, 0], None, (1, "majority")),
        ([1, 1, 0], 0, (0, "reference")),
        ([1, 0], None, (None, "")),  # a tie says nothing about the model
        ([1, 1, 0, 0], None, (None, "")),
        ([1, 9, None], None, (1, "reader")),
        ([9, 9], None, (None, "")),
        ([1, 1], 9, (1, "majority")),  # a reference that cannot be assessed has no class
        ([], None, (None, "")),
    ],
)
def test_whose_class_stands_for_the_readers(
    readers: list[int | None], reference: int | None, expected: tuple[int | None, str]
) -> None:
    assert class_of_readers([Said(klass) for klass in readers], reference) == expected


@pytest.mark.parametrize(
    ("model", "dice", "expected"),
    [
        (Said(1, 6.0), [0.8], ()),
        (Said(0, 6.0), [0.8], ("class",)),
        (Said(1, 7.0), [0.8], ()),  # exactly 1.0 mm is no difference
        (Said(1, 7.1), [0.8], ("thickness",)),
        (Said(1, 6.0), [0.69], ("dice",)),
        (Said(1, 6.0), [0.9, 0.5], ()),  # the mean of two readers counts, 0.70 itself is enough
        (Said(None), [], ("no_result",)),
        (Said(0, 4.5), [], ("class", "thickness", "near")),
        (Said(1, 5.4), [], ()),
    ],
)
def test_each_trigger_alone(model: Said, dice: list[float], expected: tuple[str, ...]) -> None:
    found = compare([Said(1, 6.0), Said(1, 6.0)], model, reference=None, cutoff_mm=CUT, dice=dice)

    assert found.triggers == expected


def test_without_a_mask_or_a_scale_nothing_is_said_of_them() -> None:
    found = compare([Said(1)], Said(1), reference=None, cutoff_mm=CUT)

    assert (found.triggers, found.gap_mm, found.dice) == ((), None, None)


def test_no_result_needs_a_reader_who_answered() -> None:
    assert compare([Said(9)], Said(None), reference=None, cutoff_mm=CUT).triggers == ()


@pytest.mark.parametrize(
    ("mm", "near"), [(3.44, False), (3.45, True), (3.5, True), (4.5, True), (4.54, True), (4.56, False), (None, False)]
)
def test_near_is_as_displayed(mm: float | None, near: bool) -> None:
    assert is_near(mm, CUT) is near


def test_a_readers_thickness_near_the_rule_is_enough() -> None:
    assert compare([Said(1, 4.1)], Said(1, 5.0), reference=None, cutoff_mm=CUT).triggers == ("near",)


def test_worst_first() -> None:
    def found(model: Said) -> tuple[int, float, float]:
        return rank(compare([Said(1, 6.0)], model, reference=None, cutoff_mm=CUT))

    assert sorted([found(Said(1, 9.0)), found(Said(None)), found(Said(0, 1.0)), found(Said(1, 7.5))]) == [
        found(Said(0, 1.0)), found(Said(None)), found(Said(1, 9.0)), found(Said(1, 7.5)),
    ]  # fmt: skip


def test_the_words_are_those_of_a_difference_and_each_has_its_key() -> None:
    shared = {one.value: str(one.label) for one in ErrorReason}

    assert {one.value: str(one.label) for one in DifferenceReason}.items() <= shared.items()
    assert list(ErrorReason.values)[: len(DifferenceReason)] == list(DifferenceReason.values)  # same digits
    assert len(set(REASON_KEYS.values())) == len(ErrorReason)

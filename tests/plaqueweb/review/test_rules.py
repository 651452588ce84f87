from __future__ import annotations

import uuid

import numpy as np
import pytest

from plaqueweb.review.rules import Answer, any_differences, differences, mean_dice, thickness_difference
from tests.plaqueweb.review.world import box

CLIP = uuid.uuid4()


def at(frame: int) -> tuple[uuid.UUID, int, int]:
    return CLIP, frame, 1


@pytest.mark.parametrize(
    ("a", "b", "broken"),
    [
        (Answer(1, 5.0), Answer(1, 5.0), []),
        (Answer(1, 5.0), Answer(0, 5.0), ["class"]),
        (Answer(9), Answer(1, 5.0), ["class"]),
        (Answer(9), Answer(9), []),
        (Answer(1, 5.0), Answer(1, 6.0), []),  # exactly 1.0 mm is still within
        (Answer(1, 5.0), Answer(1, 6.1), ["thickness"]),
        (Answer(1, 5.04), Answer(1, 6.04), []),  # both as displayed: 5.0 and 6.0
        (Answer(1, 4.96), Answer(1, 6.05), ["thickness"]),  # 5.0 and 6.1
        (Answer(1, None), Answer(1, 9.0), []),  # no scale: no thickness to compare
        (Answer(0, 1.0), Answer(1, 9.0), ["class", "thickness"]),
    ],
)
def test_reads_differ_by_class_and_by_more_than_a_millimetre(a: Answer, b: Answer, broken: list[str]) -> None:
    assert differences(a, b) == broken


def test_masks_differ_below_a_mean_dice_of_0_7_on_frames_both_declared() -> None:
    # 10 × 10 against 10 × 10 shifted by 3 columns: 2·70 / 200 = 0.70; by 4 columns: 0.60
    base, near, far = box(5, 5, 10, 10), box(5, 8, 10, 10), box(5, 9, 10, 10)

    assert differences(Answer(1, 5.0, {at(1): base}), Answer(1, 5.0, {at(1): near})) == []
    assert differences(Answer(1, 5.0, {at(1): base}), Answer(1, 5.0, {at(1): far})) == ["dice"]


def test_dice_is_a_mean_over_common_frames_and_leaves_out_frames_empty_for_both() -> None:
    base, empty = box(5, 5, 10, 10), np.zeros((48, 64), dtype=bool)
    a = Answer(1, None, {at(1): base, at(2): base, at(3): empty, at(4): base})
    b = Answer(1, None, {at(1): base, at(2): empty, at(3): empty})

    assert mean_dice(a, b) == pytest.approx(0.5)  # 1.0 and 0.0; frame 3 empty for both, frame 4 not declared by b


def test_frames_that_only_one_of_them_declared_are_unknown() -> None:
    a, b = Answer(1, None, {at(1): box(5, 5, 10, 10)}), Answer(1, None, {at(2): box(30, 30, 4, 4)})

    assert mean_dice(a, b) is None
    assert differences(a, b) == []


def test_any_pair_of_three_is_enough() -> None:
    answers = [Answer(1, 5.0), Answer(1, 5.2), Answer(1, 6.3)]

    assert any_differences(answers) == ["thickness"]


def test_a_difference_of_lengths_is_taken_as_displayed() -> None:
    assert thickness_difference(6.04, 5.55) == pytest.approx(-0.4)  # 6.0 and 5.6
    assert thickness_difference(None, 5.0) is None

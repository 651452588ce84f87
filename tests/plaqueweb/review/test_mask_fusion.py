"""Masks of readers with known sensitivity: STAPLE must come nearer to the truth than any of them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.metrics import dice
from plaqueweb.review.mask_fusion import MARGIN_PX, Fused, fuse, majority

Mask = NDArray[np.bool_]
SHAPE = (96, 128)


def truth(radius: int = 18) -> Mask:
    """A disc in the middle of the picture."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.asarray((y - 48) ** 2 + (x - 64) ** 2 <= radius**2)


def reader(mask: Mask, sensitivity: float, specificity: float, rng: np.random.Generator) -> Mask:
    """Plaque pixels are marked with the sensitivity, others near the disc are spared with the specificity."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    near = (np.abs(y - 48) <= 26) & (np.abs(x - 64) <= 26)
    draw = rng.random(SHAPE)
    return np.asarray(np.where(mask, draw < sensitivity, near & (draw >= specificity)))


SKILLS = [(0.95, 0.95), (0.80, 0.97), (0.70, 0.90)]


@pytest.fixture(scope="module", params=range(5))
def case(request: pytest.FixtureRequest) -> tuple[Mask, list[Mask], Fused]:
    """Truth, three readers of known skill, and what STAPLE makes of them; for five seeds."""
    rng = np.random.default_rng(request.param)
    real = truth()
    readers = [reader(real, *skill, rng) for skill in SKILLS]
    return real, readers, fuse(readers, "staple")


def test_staple_comes_nearer_to_the_truth_than_any_single_reader(case: tuple[Mask, list[Mask], Fused]) -> None:
    real, readers, fused = case

    assert dice(fused.mask, real) > max(dice(one, real) or 0.0 for one in readers)


def test_staple_recovers_each_readers_sensitivity_and_specificity(case: tuple[Mask, list[Mask], Fused]) -> None:
    real, readers, fused = case

    union = np.any(readers, axis=0)
    rows, columns = np.nonzero(union)
    box = np.s_[
        rows.min() - MARGIN_PX : rows.max() + MARGIN_PX + 1, columns.min() - MARGIN_PX : columns.max() + MARGIN_PX + 1
    ]
    for one, (sensitivity, _specificity), found, spared in zip(
        readers, SKILLS, fused.sensitivity, fused.specificity, strict=True
    ):
        assert found == pytest.approx(sensitivity, abs=0.05)
        assert found == pytest.approx(float((one & real).sum() / real.sum()), abs=0.03)
        assert spared == pytest.approx(float((~one & ~real)[box].sum() / (~real)[box].sum()), abs=0.02)


def test_a_poor_reader_moves_staple_less_than_the_majority() -> None:
    rng = np.random.default_rng(3)
    real = truth()
    masks = [reader(real, 0.97, 0.99, rng), reader(real, 0.55, 0.80, rng), reader(real, 0.60, 0.80, rng)]

    assert (dice(fuse(masks, "staple").mask, real) or 0.0) > (dice(fuse(masks, "majority").mask, real) or 0.0)


def test_the_order_of_readers_changes_nothing_but_the_order_of_estimates() -> None:
    rng = np.random.default_rng(1)
    masks = [reader(truth(), *skill, rng) for skill in SKILLS]
    one, other = fuse(masks, "staple"), fuse(masks[::-1], "staple")

    assert (one.mask == other.mask).all()
    assert one.sensitivity == pytest.approx(other.sensitivity[::-1], abs=1e-4)


def test_majority_needs_more_than_half_and_a_tie_is_not_marked() -> None:
    stack = np.zeros((4, 1, 3), dtype=bool)
    stack[:3, 0, 0] = stack[:2, 0, 1] = stack[:1, 0, 2] = True

    assert majority(stack).tolist() == [[True, False, False]]


@pytest.mark.parametrize("method", ["staple", "majority"])
def test_nobody_marked_anything_is_an_empty_mask_without_estimates(method: str) -> None:
    fused = fuse([np.zeros(SHAPE, dtype=bool)] * 3, method)

    assert not fused.mask.any()
    assert fused.sensitivity == (None, None, None)


def test_one_mark_of_three_is_no_plaque_and_the_corner_of_a_picture_is_no_error() -> None:
    corner = np.zeros(SHAPE, dtype=bool)
    corner[:3, :3] = True
    empty = np.zeros(SHAPE, dtype=bool)

    assert not fuse([corner, empty, empty], "majority").mask.any()
    assert fuse([corner, corner, corner], "staple").mask.sum() == 9


def test_equal_masks_come_out_as_they_are() -> None:
    fused = fuse([truth()] * 3, "staple")

    assert (fused.mask == truth()).all()
    assert fused.sensitivity == pytest.approx((1.0, 1.0, 1.0), abs=1e-3)


def test_background_far_away_does_not_change_the_estimates() -> None:
    """A cart's picture is mostly background: specificity must not near 1 because of it."""
    rng = np.random.default_rng(2)
    masks = [reader(truth(), *skill, rng) for skill in SKILLS]
    wide = [np.pad(mask, MARGIN_PX * 20) for mask in masks]

    assert fuse(wide, "staple").specificity == pytest.approx(fuse(masks, "staple").specificity, abs=1e-6)


@pytest.mark.parametrize(
    ("masks", "method"),
    [
        ([truth()] * 2, "staple"),
        ([truth(), truth(), truth()[:-1]], "staple"),
        ([truth()] * 3, "mean"),
    ],
)
def test_what_cannot_be_fused_is_refused(masks: list[Mask], method: str) -> None:
    with pytest.raises(ValueError):
        fuse(masks, method)

"""Carrying a mask by optical flow: moving discs under speckle, where the truth is known on every frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.flow import LEAST_LIKENESS, carry, step_flow
from inference.metrics import dice

ROWS, COLUMNS, FRAMES = 120, 150, 16


def disc(y: float, x: float, radius: float) -> NDArray[np.bool_]:
    yy, xx = np.mgrid[:ROWS, :COLUMNS]
    return np.hypot(yy - y, xx - x) <= radius


def loop(
    sway: float, pulse: float, noise: float, *, seed: int = 3
) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.bool_]]]:
    """One beat: a disc on a wall that sways by ``sway`` pixels and pulses; speckle moves along, noise does not."""
    rng = np.random.default_rng(seed)
    grain = rng.rayleigh(1.0, (ROWS + 80, COLUMNS + 80))
    pictures, truth = [], []
    yy, _xx = np.mgrid[:ROWS, :COLUMNS]
    for number in range(FRAMES):
        phase = 2 * np.pi * number / FRAMES
        dy, dx = sway * np.sin(phase), 1.5 * sway * np.sin(phase + 0.7)
        here = disc(60 + dy, 75 + dx, 16 * (1 + pulse * np.sin(phase)))
        light = 25 + 70 * here + 60 * (yy > 72 + dy)
        oy, ox = round(40 - dy), round(40 - dx)
        speckle = grain[oy : oy + ROWS, ox : ox + COLUMNS]
        picture = light * (0.6 + 0.4 * speckle) + noise * rng.standard_normal((ROWS, COLUMNS))
        pictures.append(np.clip(picture, 0, 255).astype(np.uint8))
        truth.append(here)
    return pictures, truth


def carried(pictures: list[Any], mask: NDArray[np.bool_], start: int = 1) -> dict[int, NDArray[np.bool_]]:
    order = list(range(start + 1, len(pictures) + 1))
    return {one.frame: one.mask for one in carry(lambda n: pictures[n - 1], mask, start, order)}


@pytest.mark.parametrize(
    ("sway", "pulse", "noise", "least"), [(0.0, 0.0, 4.0, 0.99), (4.0, 0.0, 4.0, 0.98), (6.0, 0.08, 8.0, 0.97)]
)
def test_a_mask_follows_a_moving_disc_over_a_whole_beat(sway: float, pulse: float, noise: float, least: float) -> None:
    pictures, truth = loop(sway, pulse, noise)

    found = carried(pictures, truth[0])

    assert sorted(found) == list(range(2, FRAMES + 1))
    scores = [dice(found[number], truth[number - 1]) for number in found]
    assert min(scores) >= least
    assert np.mean(scores) >= least + 0.005


def test_a_known_shift_is_found_to_a_tenth_of_a_pixel() -> None:
    rng = np.random.default_rng(1)
    from scipy import ndimage

    picture = ndimage.gaussian_filter(rng.standard_normal((90, 90)), 3).astype(np.float32) * 100
    moved = ndimage.shift(picture, (2.3, -4.6), order=3, mode="nearest").astype(np.float32)

    down, across = step_flow(picture, moved)

    middle = (slice(25, 65), slice(25, 65))
    assert np.median(down[middle]) == pytest.approx(-2.3, abs=0.1)
    assert np.median(across[middle]) == pytest.approx(4.6, abs=0.1)


def test_it_ends_where_the_picture_is_another_one() -> None:
    pictures, truth = loop(3.0, 0.0, 4.0)
    rng = np.random.default_rng(9)
    for number in range(8, FRAMES):
        pictures[number] = (120 * rng.rayleigh(1.0, (ROWS, COLUMNS))).clip(0, 255).astype(np.uint8)

    found = list(carry(lambda n: pictures[n - 1], truth[0], 1, list(range(2, FRAMES + 1))))

    assert [one.frame for one in found] == list(range(2, 9))
    assert all(one.likeness >= LEAST_LIKENESS for one in found)


def test_backwards_and_to_the_edge_of_the_picture() -> None:
    pictures, truth = loop(4.0, 0.0, 4.0)
    edge = disc(60, 4, 12)

    back = [one.frame for one in carry(lambda n: pictures[n - 1], truth[8], 9, list(range(8, 0, -1)))]
    at_edge = list(carry(lambda n: pictures[n - 1], edge, 1, [2]))

    assert back == list(range(8, 0, -1))
    assert at_edge == [] or at_edge[0].mask.shape == (ROWS, COLUMNS)


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        next(carry(lambda _n: np.zeros((9, 9), np.uint8), np.zeros((9, 9), bool), 1, [2]))

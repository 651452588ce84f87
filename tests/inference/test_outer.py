"""The oval through the outer wall: bulges go, true shapes and the sector's edge stay."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.outer import ALLOWED_MM, RAYS, oval, trim
from inference.preprocess import Canvas
from inference.types import PLAQUE, RegionBox
from inference.vessel import find_vessel

PX_MM = 0.45
SIZE = 96


def polar() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, x = np.mgrid[:SIZE, :SIZE] * PX_MM
    y, x = y - SIZE * PX_MM / 2, x - SIZE * PX_MM / 2
    return np.hypot(x, y), np.arctan2(y, x)


def margins(radius_mm: NDArray[np.floating], plaque: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Margins (3, SIZE, SIZE) of a vessel whose outer wall lies at ``radius_mm`` (over the picture), 1.5 mm thick."""
    away, _ = polar()
    inside = (radius_mm - away) * 4
    blood = (radius_mm - 1.5 - away) * 8
    wall = np.where(plaque, inside - 8, inside)
    return np.stack([blood, wall, np.where(plaque, inside, inside - 8)]).astype(np.float32)


def reach(part: NDArray[np.float32], turn: float, width: float = 0.2) -> float:
    """How far the vessel reaches from the middle around the angle ``turn``, in mm."""
    away, angle = polar()
    near = np.abs((angle - turn + np.pi) % (2 * np.pi) - np.pi) < width
    return float(away[near & (part.max(axis=0) > 0)].max())


def bulging(height: float, half: float = 0.6, radius: float = 12.0) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    _, angle = polar()
    plaque = np.abs(angle) < half
    return margins(radius + height * plaque * np.cos(np.clip(angle / half, -1, 1) * np.pi / 2), plaque), plaque


@pytest.mark.parametrize("height", [2.0, 4.0])
def test_a_bulge_of_plaque_beyond_the_oval_is_given_back(height: float) -> None:
    part, _ = bulging(height)
    assert reach(part, 0.0) > 12.0 + 0.8 * height
    trim(part, PX_MM)
    assert reach(part, 0.0) < 12.0 + ALLOWED_MM + 0.2 * height
    assert reach(part, 0.0) > 12.0
    assert reach(part, 2.5) == pytest.approx(12.0, abs=0.5 * PX_MM)


def test_an_oval_vessel_keeps_every_pixel() -> None:
    _, angle = polar()
    part = margins(12.0 * (1 + 0.12 * np.cos(2 * (angle - 0.7))), np.abs(angle) < 0.5)
    before = part.max(axis=0) > 0
    trim(part, PX_MM)
    assert np.array_equal(part.max(axis=0) > 0, before)


def test_without_scale_the_mean_radius_is_what_counts() -> None:
    part, _ = bulging(3.0)
    trim(part, None)
    assert reach(part, 0.0) < 12.0 + ALLOWED_MM + 0.6


def test_a_vessel_cut_by_the_sector_keeps_its_wall() -> None:
    """Along the cut the outline is straight; taken for wall it would pull the oval inward on the other side."""
    away, angle = polar()
    part = margins(np.full_like(away, 12.0), np.abs(angle) < 0.6)
    cut = away * np.cos(angle - np.pi) > 5.0
    part[:, cut] = -9.0
    before = part.max(axis=0) > 0
    trim(part, PX_MM, np.where(cut, 0, 90).astype(np.uint8))
    assert np.array_equal(part.max(axis=0) > 0, before)


def test_a_circle_is_an_oval_and_too_little_outline_is_none() -> None:
    assert oval(np.full(RAYS, 12.0), np.ones(RAYS)) == pytest.approx([12.0, 0, 0, 0, 0], abs=1e-4)
    assert oval(np.full(RAYS, 12.0), np.zeros(RAYS)) is None


def test_the_bulge_is_gone_from_the_masks_on_the_source_grid() -> None:
    part, _ = bulging(3.0)
    logits = np.concatenate((np.zeros((1, SIZE, SIZE), np.float32), part))
    whole = np.full((4, 192, 192), -9.0, dtype=np.float32)
    whole[0] = 0
    whole[:, 48:144, 48:144] = logits
    canvas = Canvas(RegionBox(1, 0, 0, 383, 383, 0.225, 0.225, "us_region"))
    vessel = find_vessel(whole, canvas)
    assert vessel is not None
    rows, columns = np.nonzero(vessel.labels == PLAQUE)
    x, y = (columns + vessel.column - 191.5) * 0.225, (rows + vessel.row - 191.5) * 0.225
    assert np.hypot(x, y).max() < 12.0 + ALLOWED_MM + 0.6

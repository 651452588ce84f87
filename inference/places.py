"""Where a plaque lies on a frame: its pieces, its middle, its angle around the aorta, distances along the outer wall.

Plain numpy and scipy.ndimage. Points are (x, y) = (column, row) in source pixels, pixel centres at whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference import walls
from inference.types import Point, Spacing

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
_EIGHT = np.ones((3, 3), dtype=bool)
_SQUARE: Spacing = (1.0, 1.0)


def pieces(mask: NDArray[Any]) -> list[Mask]:
    """The 8-connected pieces of a mask, each as a mask of the same shape; none of an empty one."""
    labels, count = ndimage.label(np.asarray(mask, dtype=bool), structure=_EIGHT)
    return [labels == number for number in range(1, count + 1)]


def middle(mask: NDArray[Any]) -> Point | None:
    """The centroid (x, y) in pixels; None of an empty mask."""
    array = np.asarray(mask, dtype=bool)
    if not array.any():
        return None
    row, column = walls.centre_of(array, _SQUARE)
    return float(column), float(row)


def wall_curve(wall: Sequence[Sequence[float]] | NDArray[Any], spacing: Spacing) -> Floats | None:
    """The outer wall as a closed curve (n, 2) of (row, column) in mm; None where there is none to speak of.

    ``wall`` is a drawn outline of (x, y) points in pixels, or the mask of the whole aorta.
    """
    if isinstance(wall, np.ndarray) and wall.dtype == np.bool_:
        return walls.outline_of(wall, spacing) if wall.any() else None
    if len(wall) < 3:
        return None
    try:
        return walls.resample([(float(p[0]), float(p[1])) for p in wall], (0, 0), spacing)
    except ValueError:
        return None


def wall_distance(a: Point, b: Point, curve: Floats, spacing: Spacing) -> float:
    """Distance in mm of two places along a closed curve from :func:`wall_curve`, the shorter way round.

    Each place counts where the wall is nearest to it. Symmetric, 0 for one place, never more than half the way round.
    """
    start, step = curve, np.roll(curve, -1, axis=0) - curve
    length = np.hypot(step[:, 0], step[:, 1])
    before = np.concatenate(([0.0], np.cumsum(length)))
    square = np.maximum(length**2, 1e-12)

    def along(point: Point) -> float:
        place = np.asarray([point[1] * spacing[0], point[0] * spacing[1]])
        share = np.clip(((place - start) * step).sum(axis=1) / square, 0.0, 1.0)
        gap = start + share[:, None] * step - place
        nearest = int(np.hypot(gap[:, 0], gap[:, 1]).argmin())
        return float(before[nearest] + share[nearest] * length[nearest])

    apart = abs(along(a) - along(b))
    return min(apart, float(before[-1]) - apart)


def straight_distance(a: Point, b: Point, spacing: Spacing) -> float:
    """Distance in mm of two places as the crow flies."""
    return math.hypot((a[0] - b[0]) * spacing[1], (a[1] - b[1]) * spacing[0])


def angle_around(point: Point, centre: Point, spacing: Spacing | None) -> float:
    """Angle (radians, 0 to 2π) of a place around a centre, as ``LesionResult.angle``: 0 is picture right, clockwise."""
    row_mm, col_mm = spacing or _SQUARE
    turn = math.atan2((point[1] - centre[1]) * row_mm, (point[0] - centre[0]) * col_mm)
    return turn % (2 * math.pi)


def turned_apart(a: float, b: float) -> float:
    """How far two angles lie apart, 0 to π."""
    apart = abs(a - b) % (2 * math.pi)
    return min(apart, 2 * math.pi - apart)


def centre_of_outline(outline: Sequence[Sequence[float]]) -> Point | None:
    """Centre (x, y) of the area within a closed outline of at least three points; None where it holds none."""
    points = np.asarray(outline, dtype=np.float64)
    if points.shape[0] < 3:
        return None
    following = np.roll(points, -1, axis=0)
    cross = points[:, 0] * following[:, 1] - following[:, 0] * points[:, 1]
    area = float(cross.sum()) / 2
    if abs(area) < 1e-9:
        return None
    x, y = ((points + following) * cross[:, None]).sum(axis=0) / (6 * area)
    return float(x), float(y)

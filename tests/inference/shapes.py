"""Drawn shapes with known thickness, for tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def cap_on_wall(
    thickness: float, spacing: tuple[float, float], *, radius: float = 12.0, middle: float = 0.6, half: float = 0.7
) -> tuple[Mask, Mask]:
    """A smooth cap on a round wall of this radius (mm): plaque mask and aorta mask on one grid."""
    rows, columns = int(30 / spacing[0]), int(30 / spacing[1])
    y, x = np.mgrid[:rows, :columns].astype(float)
    y, x = (y + 0.5) * spacing[0] - 15.0, (x + 0.5) * spacing[1] - 15.0
    away, angle = np.hypot(x, y), np.arctan2(y, x)
    height = thickness * np.cos(np.clip((angle - middle) / half, -1, 1) * np.pi / 2)
    aorta = away < radius
    return aorta & (away > radius - height) & (np.abs(angle - middle) < half), aorta


def wall_outline(spacing: tuple[float, float], radius: float = 12.0) -> list[tuple[float, float]]:
    """The outer wall of ``cap_on_wall`` as drawn points (x, y) in pixels."""
    turn = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    x = (15.0 + radius * np.cos(turn)) / spacing[1] - 0.5
    y = (15.0 + radius * np.sin(turn)) / spacing[0] - 0.5
    return list(zip(x.tolist(), y.tolist(), strict=True))

"""Drawn shapes with known thickness, for tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Labels = NDArray[np.uint8]


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


def vessel_labels(
    spacing: tuple[float, float] = (0.2, 0.2),
    *,
    radius: float = 12.0,
    top: float = 5.0,
    at: float = 0.0,
    half: float = 0.6,
    crater: tuple[float, float] | None = None,
    stalk: tuple[float, float, float] | None = None,
    centre: tuple[float, float] = (16.0, 16.0),
    side: float = 32.0,
) -> Labels:
    """Labels (0..3) of a round aorta in short axis with one plaque whose thickness and place are known; lengths in mm.

    The plaque is ``top`` mm thick at the angle ``at`` and falls to the bare wall (1 mm) at ``at`` +- ``half``.
    ``crater`` = (depth, width) is cut into its middle. ``stalk`` = (length, lean, radius of the head) stands on it.
    ``centre`` is (row, column).
    """
    rows, columns = int(side / spacing[0]), int(side / spacing[1])
    y, x = np.mgrid[:rows, :columns].astype(float)
    y, x = (y + 0.5) * spacing[0] - centre[0], (x + 0.5) * spacing[1] - centre[1]
    away, angle = np.hypot(x, y), np.arctan2(y, x)
    turn = (angle - at + np.pi) % (2 * np.pi) - np.pi
    height = 1.0 + (top - 1.0) * np.cos(np.clip(turn / half, -1, 1) * np.pi / 2) ** 0.5
    if crater is not None:
        height = np.where(np.abs(turn) * radius < crater[1] / 2, height - crater[0], height)
    plaque = np.abs(turn) < half
    labels = np.where(away < radius - np.where(plaque, height, 1.0), 1, np.where(plaque, 3, 2)).astype(np.uint8)
    if stalk is not None:
        length, lean, head = stalk
        foot = (radius - top + 0.5) * np.array([np.cos(at), np.sin(at)])
        way = np.array([np.cos(at + np.pi + lean), np.sin(at + np.pi + lean)])
        along = np.clip((x - foot[0]) * way[0] + (y - foot[1]) * way[1], 0.0, length)
        thin = np.hypot(x - foot[0] - along * way[0], y - foot[1] - along * way[1]) < 0.5
        round_end = np.hypot(x - foot[0] - length * way[0], y - foot[1] - length * way[1]) < head
        labels[(thin | round_end) & (labels == 1)] = 3
    labels[away >= radius] = 0
    return labels

"""Grey values along the wall of the aorta, read on the canvas picture: the ground for quality and echogenicity.

For every ray, in mm inward from the outer wall: the ground outside it, the wall band, the blood beyond the lumen edge,
the plaque in between, and what lies behind the plaque along the sound beam. Values are grey levels (0..255), NaN where
nothing could be read.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference import walls
from inference.preprocess import Canvas
from inference.thickness import WallProfile
from inference.vessel import Vessel

Profile = NDArray[np.float32]
Floats = NDArray[np.float64]
_OFFSETS = np.arange(-3.0, 9.01, 0.5)
_BEHIND = np.arange(1.0, 5.01, 0.5)
_BARE_WALL_MM = 1.5
CONTRAST = 10.0
"""Grey levels by which wall or plaque must be brighter than the blood beside it, to count as seen."""
_APEX_ABOVE_MM = 3.0
"""Where the beams meet: about this far above the middle of the region's upper edge (a transesophageal probe)."""


def read(
    image: NDArray[np.uint8], vessel: Vessel, canvas: Canvas, wall: WallProfile, solid: Floats, unit: float
) -> dict[str, Profile]:
    """Profiles ``outside``, ``wall``, ``blood``, ``plaque``, ``bright``, ``behind`` over the rays (see the module).

    ``image`` is uint8 (size, size) on the canvas; ``solid`` is how far wall or plaque reaches inward (0: unknown);
    ``unit`` is the length of one (nominal) mm.
    """
    to_canvas = _Mapping(vessel, canvas)
    offsets = _OFFSETS * unit
    start, along = to_canvas.place(wall.curve), to_canvas.direction(wall.normal)
    values = _look(image, start, along, offsets)
    inner = np.maximum(np.maximum(solid, wall.length), _BARE_WALL_MM * unit)[:, None]
    outside = offsets < -0.9 * unit
    band = (offsets > -0.9 * unit) & (offsets < 1.1 * unit)
    blood = (offsets > inner + 0.7 * unit) & (offsets < inner + 3.1 * unit)
    plaque = (offsets > 0.4 * unit) & (offsets < wall.length[:, None] - 0.2 * unit)
    return {
        "outside": _mean(values, np.broadcast_to(outside, values.shape)),
        "wall": _mean(values, np.broadcast_to(band, values.shape)),
        "blood": _mean(values, blood),
        "plaque": _mean(values, plaque),
        "bright": np.where(plaque.any(axis=1), np.max(values, axis=1, where=plaque, initial=0.0), np.nan).astype(
            np.float32
        ),
        "behind": _behind(image, to_canvas, wall, unit),
    }


class _Mapping:
    """From (row, column) in mm on the vessel's part of the picture to the canvas."""

    def __init__(self, vessel: Vessel, canvas: Canvas) -> None:
        region = canvas.region
        self.spacing = np.asarray(region.spacing or (1.0, 1.0))
        self.step = np.array([canvas.step_rows, canvas.step_columns])
        corner = np.array([vessel.row - region.y0, vessel.column - region.x0])
        self.shift = (corner + 0.5) / self.step + np.array([canvas.top, canvas.left]) - 0.5
        self.apex = np.array([-_APEX_ABOVE_MM, region.columns * self.spacing[1] / 2]) - corner * self.spacing

    def place(self, points: Floats) -> Floats:
        return np.asarray(points / self.spacing / self.step + self.shift)

    def direction(self, vectors: Floats) -> Floats:
        return np.asarray(vectors / self.spacing / self.step)


def _look(image: NDArray[np.uint8], start: Floats, along: Floats, at: Floats) -> Profile:
    rows, columns = start[:, :1] + along[:, :1] * at, start[:, 1:] + along[:, 1:] * at
    return np.asarray(walls.nearest(image, rows, columns), dtype=np.float32)


def _mean(values: Profile, where: NDArray[np.bool_]) -> Profile:
    count = where.sum(axis=1)
    total = np.sum(values, axis=1, where=where)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _behind(image: NDArray[np.uint8], to_canvas: _Mapping, wall: WallProfile, unit: float) -> Profile:
    """Mean grey 1 to 5 mm behind the outer wall along the beam; NaN where the beam does not leave the aorta there."""
    beam = wall.curve - to_canvas.apex
    beam /= np.maximum(np.hypot(beam[:, 0], beam[:, 1]), 1e-9)[:, None]
    leaves = (beam * wall.normal).sum(axis=1) < -0.3
    values = _look(image, to_canvas.place(wall.curve), to_canvas.direction(beam), _BEHIND * unit)
    return np.where(leaves, values.mean(axis=1), np.nan).astype(np.float32)


def quality_of(grey: dict[str, Profile]) -> float:
    """Share (0..1) of the aorta's border with contrast: wall, plaque or ground brighter than the blood beside it.

    Rays whose wall lies outside the sector (black on both sides) do not count; with less than a fifth left it is 0.
    """
    solid = np.fmax(np.fmax(grey["wall"], grey["plaque"]), grey["outside"])
    shown = (grey["wall"] > 0) | (grey["outside"] > 0)
    if shown.sum() < 0.2 * shown.size:
        return 0.0
    clear = solid - np.nan_to_num(grey["blood"], nan=0.0) >= CONTRAST
    return float((clear & shown).sum() / shown.sum())

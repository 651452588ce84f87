"""Grey values along the wall of the aorta, read on the canvas picture: the ground for quality and echogenicity.

For every ray, in mm inward from the outer wall: the ground outside it, the wall band, the blood beyond the lumen edge,
the plaque in between, and what lies behind the plaque along the sound beam. Values are grey levels (0..255), NaN where
nothing could be read.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    images: NDArray[np.uint8],
    vessels: Sequence[Vessel],
    canvas: Canvas,
    profiles: Sequence[WallProfile],
    solids: Floats,
    units: Floats,
) -> list[dict[str, Profile]]:
    """Profiles ``outside``, ``wall``, ``blood``, ``plaque``, ``bright``, ``behind`` over the rays of each frame.

    ``images`` is uint8 (n, size, size) on the canvas; ``solids`` (n, rays) is how far wall or plaque reaches inward (0:
    unknown); ``units`` (n) is the length of one (nominal) mm.
    """
    to_canvas = _Mapping(vessels, canvas)
    curves, normals = np.stack([wall.curve for wall in profiles]), np.stack([wall.normal for wall in profiles])
    lengths, unit = np.stack([wall.length for wall in profiles]), units[:, None, None]
    offsets = (_OFFSETS * unit).astype(np.float32)
    values = _look(images, to_canvas.place(curves), to_canvas.direction(normals), offsets)
    inner = np.maximum(np.maximum(solids, lengths), _BARE_WALL_MM * units[:, None])[:, :, None]
    outside, band = offsets < -0.9 * unit, (offsets > -0.9 * unit) & (offsets < 1.1 * unit)
    blood = (offsets > inner + 0.7 * unit) & (offsets < inner + 3.1 * unit)
    plaque = (offsets > 0.4 * unit) & (offsets < lengths[:, :, None] - 0.2 * unit)
    bright = np.max(values * plaque, axis=2)
    found = {
        "outside": _mean(values, outside),
        "wall": _mean(values, band),
        "blood": _mean(values, blood),
        "plaque": _mean(values, plaque),
        "bright": np.where(plaque.any(axis=2), bright, np.float32(np.nan)),
        "behind": _behind(images, to_canvas, curves, normals, units),
    }
    return [{name: profile[n] for name, profile in found.items()} for n in range(len(vessels))]


class _Mapping:
    """From (row, column) in mm on each vessel's part of the picture to the canvas: (n, points, 2)."""

    def __init__(self, vessels: Sequence[Vessel], canvas: Canvas) -> None:
        region = canvas.region
        self.spacing = np.asarray(region.spacing or (1.0, 1.0))
        self.step = np.array([canvas.step_rows, canvas.step_columns])
        corner = np.array([(vessel.row - region.y0, vessel.column - region.x0) for vessel in vessels])[:, None]
        self.shift = (corner + 0.5) / self.step + np.array([canvas.top, canvas.left]) - 0.5
        self.apex = np.array([-_APEX_ABOVE_MM, region.columns * self.spacing[1] / 2]) - corner * self.spacing

    def place(self, points: Floats) -> Floats:
        return np.asarray(points / self.spacing / self.step + self.shift)

    def direction(self, vectors: Floats) -> Floats:
        return np.asarray(vectors / self.spacing / self.step)


def _look(images: NDArray[np.uint8], start: Floats, along: Floats, at: Profile) -> Profile:
    """Grey levels of each picture ``at`` (n, 1, steps) from its starts (n, points, 2) along their ways."""
    begin, way = start.astype(np.float32)[:, :, None], along.astype(np.float32)[:, :, None]
    frame = np.arange(len(images))[:, None, None]
    values = walls.nearest(images, frame, begin[..., 0] + way[..., 0] * at, begin[..., 1] + way[..., 1] * at)
    return np.asarray(values, dtype=np.float32)


def _mean(values: Profile, where: NDArray[np.bool_]) -> Profile:
    """Mean over the last axis of what counts; NaN where nothing does."""
    weight = np.broadcast_to(where, values.shape).astype(np.float32)
    count = weight.sum(axis=2)
    total = np.einsum("nrk,nrk->nr", values, weight)
    return np.where(count > 0, total / np.maximum(count, np.float32(1)), np.float32(np.nan))


def _behind(images: NDArray[np.uint8], to_canvas: _Mapping, curves: Floats, normals: Floats, units: Floats) -> Profile:
    """Mean grey 1 to 5 mm behind the outer wall along the beam; NaN where the beam does not leave the aorta there."""
    beam = curves - to_canvas.apex
    beam /= np.maximum(np.hypot(beam[..., 0], beam[..., 1]), 1e-9)[..., None]
    leaves = (beam * normals).sum(axis=2) < -0.3
    at = (_BEHIND * units[:, None, None]).astype(np.float32)
    values = _look(images, to_canvas.place(curves), to_canvas.direction(beam), at)
    return np.where(leaves, values.mean(axis=2), np.float32(np.nan))


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

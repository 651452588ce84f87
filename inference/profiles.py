"""What is kept of a frame's masks for the clip's measurements: profiles over the angle around the aorta, never masks.

Angles are those of ``inference.walls.directions``: 0 is picture right, growing clockwise, seen from the aorta's centre.
So the same ray of two frames shows the same part of the wall, however the aorta moved in between. Lengths are mm where
the region is calibrated, else source pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inference import border, walls
from inference.kernels import grid, paint, rays
from inference.preprocess import Canvas
from inference.thickness import (
    FREE_REACH_MM,
    SPIKE_MM,
    SPIKE_WIDTH_MM,
    UNEXPLAINED_MM2,
    WallProfile,
)
from inference.types import LUMEN, PLAQUE, Point, Spacing
from inference.vessel import Vessel

Profile = NDArray[np.float32]
Floats = NDArray[np.float64]
Labels = NDArray[np.uint8]
STALK_MM = 1.8
"""Half the width of the thickest stalk as the network draws it; it draws stalks wider than they are."""
SMOOTH_MM = 1.5
"""Length of wall over which a thickness is smoothed: the network's edge is less quiet than a reader's."""
_NOMINAL_RADIUS_MM = 12.0
"""Without calibration the aorta is taken as this large where a length only chooses what to look at."""
_FILL_MM2, _DROP_MM2 = 1.0, 2.0
_HEAD_MM = 1.5
_CRATER_MM = 4.0
_ANY = (np.arange(256) > 0).astype(np.float32)
_SOLID = ((np.arange(256) > 0) & (np.arange(256) != LUMEN)).astype(np.float32)
_ALL = np.ones(walls.RAYS, dtype=np.bool_)


@dataclass(frozen=True)
class Piece:
    """One connected plaque of one frame. ``chord`` runs from the lumen edge to the outer wall, in source pixels."""

    number: int
    area_px: int
    thickness: float
    thickness_px: float
    chord: tuple[Point, Point]


@dataclass(frozen=True)
class FreePart:
    """A mobile part: middle of its outermost 1.5 mm, and its foot, as (row, column) from the aorta's centre; its area.

    ``ray`` is where the foot stands; ``protrusion`` is how far the head reaches from the outer wall.
    """

    head: tuple[float, float]
    foot: tuple[float, float]
    ray: int
    area: float
    protrusion: float


@dataclass(frozen=True)
class FrameProfile:
    """One frame over the angle. ``length`` is the wall-normal plaque thickness, ``piece`` whose it is (0: nobody's).

    ``solid`` is how far anything but blood reaches inward where there is plaque on both sides within 4 mm (else 0),
    ``radius`` where the outer wall lies.
    ``grey`` holds what was read in the picture, see ``inference.border``.
    """

    frame: int
    radius: Profile
    arc: Profile
    length: Profile
    solid: Profile
    piece: NDArray[np.uint8]
    pieces: tuple[Piece, ...]
    free: tuple[FreePart, ...]
    aorta_px: int
    lumen_px: int
    small_pieces: int = 0
    grey: dict[str, Profile] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Measured:
    """A frame's profile with the vessel's labels and its plaques on the same part of the picture, uint8.

    ``pieces`` numbers the connected plaques (8-connected) of at least 2 mm2 from 1, holes below 1 mm2 filled;
    ``plaque_px`` is their area together.
    """

    profile: FrameProfile
    labels: Labels
    pieces: Labels
    plaque_px: int
    wall: WallProfile

    def run_lengths(self, corner: tuple[int, int], size: tuple[int, int]) -> tuple[list[int], list[int], list[int]]:
        """Run lengths of plaque, lumen and the rest of the vessel in a picture of ``size``, the part's upper left
        corner lying at ``corner``. Raises ValueError where it lies outside."""
        rows, columns = self.labels.shape
        if min(corner) < 0 or corner[0] + rows > size[0] or corner[1] + columns > size[1]:
            raise ValueError("The part of a mask must lie inside the picture.")
        plaque, lumen, rest = grid.rle_of(self.labels, self.pieces, np.array(corner), np.array(size))
        return plaque.tolist(), lumen.tolist(), rest.tolist()


def measure_vessel(vessel: Vessel, frame: int, canvas: Canvas, image: NDArray[np.uint8] | None = None) -> Measured:
    """Everything that masks tell about frame number ``frame``, and the grey along its wall where the canvas picture,
    uint8 (size, size), is given."""
    calibrated = canvas.region.spacing
    spacing = calibrated or (1.0, 1.0)
    scale = np.array(spacing)
    labels = np.ascontiguousarray(vessel.labels)
    size, sums, boxes = paint.counted(labels)
    aorta_px = int(size[1:].sum())
    centre = sums / aorta_px * scale
    spans = (boxes[:, 1::2] - boxes[:, ::2]) * scale
    curve, normal, arc, radius = rays.outline(labels, _ANY, centre, spans[0], scale, walls.directions(walls.RAYS))
    unit = 1.0 if calibrated else float(radius.mean()) / _NOMINAL_RADIUS_MM
    pixel = spacing[0] * spacing[1] if calibrated else 1.0 / unit**2
    pieces, areas, small, box = grid.pieces_of(labels, PLAQUE, _FILL_MM2 / pixel, _DROP_MM2 / pixel)
    begin, raw = rays.chords(pieces, _ANY, (box[1::2] - box[::2]) * scale, curve, normal, _ALL, scale)
    wall = _wall_profile(
        labels, pieces, int(areas.sum()), WallProfile(curve, normal, begin, raw, raw, arc), scale, unit
    )
    look = _between_plaque(wall.raw > 0, float(arc.mean()), unit)
    solid = rays.chords(labels, _SOLID, spans[1], curve, normal, look, scale)[1]
    owner = rays.owners(pieces, curve, normal, wall.begin, wall.length, scale)
    profile = FrameProfile(
        frame=frame,
        radius=radius.astype(np.float32),
        arc=arc.astype(np.float32),
        length=wall.length.astype(np.float32),
        solid=solid.astype(np.float32),
        piece=owner,
        pieces=_pieces(areas, owner, wall, spacing, (vessel.row, vessel.column)),
        free=_free_parts(wall, centre, scale, unit),
        aorta_px=aorta_px,
        lumen_px=int(size[LUMEN]),
        small_pieces=small,
        grey={} if image is None else border.read(image, vessel, canvas, wall, solid, unit),
    )
    return Measured(profile, labels, pieces, int(areas.sum()), wall)


def _wall_profile(
    labels: Labels, pieces: Labels, area_px: int, wall: WallProfile, scale: Floats, unit: float
) -> WallProfile:
    """``wall`` with its thickness smoothed, and without mobile parts; ``area_px`` is that of the pieces."""
    raw, free = wall.raw, None
    if raw.max() <= 0:
        return wall
    area, limits = area_px * scale[0] * scale[1], (SPIKE_WIDTH_MM * unit, SPIKE_MM * unit, UNEXPLAINED_MM2 * unit**2)
    if rays.may_hold_free_part(raw, wall.arc, area, *limits):
        free = _free_mask(labels, pieces, scale, STALK_MM * unit, FREE_REACH_MM * unit)
        if free is not None:
            steps = scale * free.steps
            raw = rays.bridged(raw, wall.begin, wall.curve, wall.normal, free.mask.view(np.uint8), steps)
    count = max(3, 2 * round((SMOOTH_MM * unit / max(float(wall.arc.mean()), 1e-9) - 1) / 2) + 1)
    return WallProfile(wall.curve, wall.normal, wall.begin, rays.median_of(raw, count), raw, wall.arc, free)


def _free_mask(labels: Labels, pieces: Labels, scale: Floats, radius: float, reach: float) -> walls.FreeMask | None:
    """Mobile parts as ``walls.mobile_part`` finds them; distances of other pixels than theirs are left out (0)."""
    steps = (max(1, int(0.34 * radius / scale[0])), max(1, int(0.34 * radius / scale[1])))
    coarse = scale * steps
    times, grow = max(1, round(radius / float(coarse.mean()))), max(1, int(0.7 * reach / float(coarse.max())))
    found, mask, away = grid.free_part(pieces, labels, *steps, coarse, times, grow, reach)
    return walls.FreeMask(mask.view(np.bool_), away, steps) if found else None


def _between_plaque(plaque: NDArray[np.bool_], arc: float, unit: float) -> NDArray[np.bool_]:
    """Rays with plaque, and those between two plaques within 4 mm: the ground of a crater may look like bare wall."""
    if not plaque.any() or plaque.all():
        return plaque
    size = 2 * max(1, round(0.5 * _CRATER_MM * unit / arc)) + 1
    line = plaque.astype(np.float64)
    return np.asarray((rays.spread(rays.spread(line, size, True), size, False) > 0) | plaque)


def _pieces(
    areas: NDArray[np.int64], owner: Labels, wall: WallProfile, spacing: Spacing, corner: tuple[int, int]
) -> tuple[Piece, ...]:
    found: list[Piece] = []
    best = rays.longest(owner, wall.length, min(areas.size - 1, 255))
    for number, ray in enumerate(best.tolist()):
        if number == 0 or ray < 0:
            continue
        (row, column), (down, across) = wall.curve[ray].tolist(), wall.normal[ray].tolist()
        begin, length = float(wall.begin[ray]), float(wall.length[ray])
        r1, c1 = row + down * begin, column + across * begin
        r0, c0 = (r1 + down * length) / spacing[0] + corner[0], (c1 + across * length) / spacing[1] + corner[1]
        r1, c1 = r1 / spacing[0] + corner[0], c1 / spacing[1] + corner[1]
        found.append(Piece(number, int(areas[number]), length, math.hypot(r1 - r0, c1 - c0), ((c0, r0), (c1, r1))))
    return tuple(found)


def _free_parts(wall: WallProfile, centre: Floats, scale: Floats, unit: float) -> tuple[FreePart, ...]:
    """Head and foot of every mobile part; the foot is where it comes nearest to the rest of the plaque."""
    if wall.free is None:
        return ()
    steps = scale * wall.free.steps
    mask = wall.free.mask.view(np.uint8)
    found = grid.free_parts(mask, wall.free.away, wall.curve, steps, _HEAD_MM * unit, 0.5 * unit)
    parts = []
    for row, column, foot_row, foot_column, ray, size, gap in found.tolist():
        head = (row - float(centre[0]), column - float(centre[1]))
        foot = (foot_row - float(centre[0]), foot_column - float(centre[1]))
        area, half = size * float(steps[0] * steps[1]), 0.5 * float(steps.mean())
        parts.append(FreePart(head=head, foot=foot, ray=int(ray), area=area, protrusion=gap + half))
    return tuple(sorted(parts, key=lambda part: -part.area))

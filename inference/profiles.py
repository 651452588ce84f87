"""What is kept of a frame's masks for the clip's measurements: profiles over the angle around the aorta, never masks.

Angles are those of ``inference.walls.directions``: 0 is picture right, growing clockwise, seen from the aorta's centre.
So the same ray of two frames shows the same part of the wall, however the aorta moved in between. Lengths are mm where
the region is calibrated, else source pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference import border, walls
from inference.preprocess import Canvas
from inference.thickness import WallProfile, profile_of
from inference.types import LUMEN, PLAQUE, Point, Spacing
from inference.vessel import Vessel

Profile = NDArray[np.float32]
_EIGHT = np.ones((3, 3), dtype=bool)
STALK_MM = 1.4
"""Half the width of the thickest stalk as the network draws it; it draws stalks wider than they are."""
_NOMINAL_RADIUS_MM = 12.0
"""Without calibration the aorta is taken as this large where a length only chooses what to look at."""
_FILL_MM2, _DROP_MM2 = 1.0, 2.0
_HEAD_MM = 1.5
_CRATER_MM = 4.0


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
    """A frame's profile with its cleaned plaque mask on the vessel's part of the picture."""

    profile: FrameProfile
    plaque: NDArray[np.bool_]
    wall: WallProfile


def plaque_pieces(mask: NDArray[np.bool_], spacing: Spacing | None, unit: float) -> tuple[NDArray[np.int32], int, int]:
    """Connected plaques (8-connected, numbered from 1) without pinholes, their count, and how many were too small.

    Holes below 1 mm2 are filled; pieces below 2 mm2 are dropped. ``unit`` is pixels per nominal mm without calibration.
    """
    out = np.zeros(mask.shape, dtype=np.int32)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return out, 0, 0
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    pixel = 1.0 / unit**2 if spacing is None else spacing[0] * spacing[1]
    part = mask[box]
    ground, count = ndimage.label(~part)
    if count > 1:
        sizes = np.bincount(ground.ravel())
        # Ground that touches the box's edge is outside; a small one there cannot be told from a notch and stays.
        edge = np.unique(np.concatenate((ground[0], ground[-1], ground[:, 0], ground[:, -1])))
        fill = sizes < _FILL_MM2 / pixel
        fill[edge] = fill[0] = False
        part = part | fill[ground]
    pieces, count = ndimage.label(part, structure=_EIGHT)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    keep = sizes >= _DROP_MM2 / pixel
    keep[0] = False
    numbers = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    out[box] = numbers[pieces]
    return out, int(keep.sum()), count - int(keep.sum())


def measure_vessel(vessel: Vessel, frame: int, canvas: Canvas, image: NDArray[np.uint8] | None = None) -> Measured:
    """Everything that masks tell about one frame, and the grey along its wall where the canvas picture is given."""
    calibrated = canvas.region.spacing
    spacing = calibrated or (1.0, 1.0)
    aorta, lumen = vessel.labels > 0, vessel.labels == LUMEN
    curve = walls.outline_of(aorta, spacing)
    centre = walls.centre_of(aorta, spacing)
    radius = np.hypot(*(curve - centre).T)
    unit = 1.0 if calibrated else float(radius.mean()) / _NOMINAL_RADIUS_MM
    pieces, count, small = plaque_pieces(vessel.labels == PLAQUE, calibrated, unit)
    plaque = pieces > 0
    if count:
        wall = profile_of(plaque, aorta, curve, spacing, STALK_MM * unit, smooth_mm=unit, unit=unit)
        solid = _solid(aorta & ~lumen, wall, spacing, unit)
    else:
        nothing = np.zeros(len(curve))
        wall = WallProfile(curve, walls.inward_normals(curve), nothing, nothing, nothing, walls.arc_steps(curve))
        solid = nothing
    owner = _owners(pieces, wall, spacing)
    profile = FrameProfile(
        frame=frame,
        radius=radius.astype(np.float32),
        arc=wall.arc.astype(np.float32),
        length=wall.length.astype(np.float32),
        solid=solid.astype(np.float32),
        piece=owner,
        pieces=_pieces(pieces, count, owner, wall, spacing, (vessel.row, vessel.column)),
        free=_free_parts(wall, centre, spacing, unit),
        aorta_px=int(np.count_nonzero(aorta)),
        lumen_px=int(np.count_nonzero(lumen)),
        small_pieces=small,
        grey={} if image is None else border.read(image, vessel, canvas, wall, solid, unit),
    )
    return Measured(profile, plaque, wall)


def _solid(mask: NDArray[np.bool_], wall: WallProfile, spacing: Spacing, unit: float) -> NDArray[np.float64]:
    """How far anything but blood reaches inward: where there is plaque, and between two plaques within 4 mm; else 0.

    The ground of a crater may look like bare wall, but it lies between plaque.
    """
    here = wall.raw > 0
    size = 2 * max(1, round(0.5 * _CRATER_MM * unit / float(wall.arc.mean()))) + 1
    wide = ndimage.maximum_filter1d(here, size, mode="wrap")
    rays = np.flatnonzero(here | ndimage.minimum_filter1d(wide, size, mode="wrap"))
    begin, end = walls.first_runs(mask, wall.curve, wall.normal, spacing, rays)
    return walls.across_wall(wall.curve, wall.normal, end, end - begin, spacing)


def _owners(pieces: NDArray[np.int32], wall: WallProfile, spacing: Spacing) -> NDArray[np.uint8]:
    """Which piece each ray's chord goes through (looked up at one and two thirds of it)."""
    found = np.zeros(len(wall.curve), dtype=np.int32)
    for share in (0.6, 0.3):
        place = (wall.curve + wall.normal * (wall.begin + share * wall.length)[:, None]) / spacing
        here = walls.nearest(pieces, place[:, 0], place[:, 1])
        found = np.where(here > 0, here, found)
    return np.where(wall.length > 0, np.minimum(found, 255), 0).astype(np.uint8)


def _pieces(
    pieces: NDArray[np.int32],
    count: int,
    owner: NDArray[np.uint8],
    wall: WallProfile,
    spacing: Spacing,
    corner: tuple[int, int],
) -> tuple[Piece, ...]:
    areas = np.bincount(pieces.ravel(), minlength=count + 1)
    found: list[Piece] = []
    for number in range(1, min(count, 255) + 1):
        mine = np.where(owner == number, wall.length, 0.0)
        best = int(mine.argmax())
        if mine[best] <= 0:
            continue
        outer = wall.curve[best] + wall.normal[best] * wall.begin[best]
        inner = outer + wall.normal[best] * mine[best]
        (r0, c0), (r1, c1) = inner / spacing + corner, outer / spacing + corner
        px = float(np.hypot(r1 - r0, c1 - c0))
        chord = ((float(c0), float(r0)), (float(c1), float(r1)))
        found.append(Piece(number, int(areas[number]), float(mine[best]), px, chord))
    return tuple(found)


def _free_parts(wall: WallProfile, centre: NDArray[np.float64], spacing: Spacing, unit: float) -> tuple[FreePart, ...]:
    """Head and foot of every mobile part; the foot is where it comes nearest to the rest of the plaque."""
    if wall.free is None:
        return ()
    grid = np.asarray(spacing) * wall.free.steps
    numbers, count = ndimage.label(wall.free.mask, structure=_EIGHT)
    parts: list[FreePart] = []
    for number in range(1, count + 1):
        at = np.argwhere(numbers == number)
        away = wall.free.away[at[:, 0], at[:, 1]]
        places = at * grid
        outer = places[away >= away.max() - _HEAD_MM * unit]
        head, foot = outer.mean(axis=0), places[away <= away.min() + 0.5 * unit].mean(axis=0)
        gap = np.hypot(outer[:, None, 0] - wall.curve[None, ::3, 0], outer[:, None, 1] - wall.curve[None, ::3, 1])
        ray = int(np.hypot(wall.curve[:, 0] - foot[0], wall.curve[:, 1] - foot[1]).argmin())
        parts.append(
            FreePart(
                head=(float(head[0] - centre[0]), float(head[1] - centre[1])),
                foot=(float(foot[0] - centre[0]), float(foot[1] - centre[1])),
                ray=ray,
                area=float(len(at) * grid[0] * grid[1]),
                protrusion=float(gap.min(axis=1).max() + 0.5 * grid.mean()),
            )
        )
    return tuple(sorted(parts, key=lambda part: -part.area))

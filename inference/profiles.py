"""What is kept of a frame's masks for the clip's measurements: profiles over the angle around the aorta, never masks.

Angles are those of ``inference.walls.directions``: 0 is picture right, growing clockwise, seen from the aorta's centre.
So the same ray of two frames shows the same part of the wall, however the aorta moved in between. Lengths are mm where
the region is calibrated, else source pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference import border, walls
from inference.preprocess import Canvas
from inference.thickness import WallProfile, profiles_of
from inference.types import LUMEN, PLAQUE, Point, Spacing
from inference.vessel import Vessel

Profile = NDArray[np.float32]
Floats = NDArray[np.float64]
_EIGHT = np.ones((3, 3), dtype=bool)
STALK_MM = 1.8
"""Half the width of the thickest stalk as the network draws it; it draws stalks wider than they are."""
SMOOTH_MM = 1.5
"""Length of wall over which a thickness is smoothed: the network's edge is less quiet than a reader's."""
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


def plaque_pieces(
    mask: NDArray[np.bool_], spacing: Spacing | None, unit: float
) -> tuple[NDArray[np.int32], NDArray[np.intp], int]:
    """Connected plaques (8-connected, numbered from 1) without pinholes, their areas, and how many were too small.

    Holes below 1 mm2 are filled; pieces below 2 mm2 are dropped. The areas (pixels) begin with a 0 for the ground.
    ``unit`` is pixels per nominal mm without calibration.
    """
    out = np.zeros(mask.shape, dtype=np.int32)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return out, np.zeros(1, dtype=np.intp), 0
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    pixel = 1.0 / unit**2 if spacing is None else spacing[0] * spacing[1]
    part = mask[box]
    pieces, count = ndimage.label(part, structure=_EIGHT)
    if count > euler_number(part):
        pieces, count = ndimage.label(_without_pinholes(part, _FILL_MM2 / pixel), structure=_EIGHT)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    keep = sizes >= _DROP_MM2 / pixel
    keep[0] = True
    out[box] = pieces if keep.all() else np.where(keep, np.cumsum(keep) - 1, 0).astype(np.int32)[pieces]
    areas = sizes[keep]
    areas[0] = 0
    return out, areas, count + 1 - areas.size


def euler_number(mask: NDArray[np.bool_]) -> int:
    """Pieces (8-connected) less holes of a mask, from its squares of four pixels (Gray 1971): quicker than labels."""
    pixels = np.pad(mask, 1).view(np.uint8)
    first, last = pixels[:-1, :-1], pixels[1:, 1:]
    four = first + pixels[:-1, 1:] + pixels[1:, :-1] + last
    ones, threes = np.count_nonzero(four == 1), np.count_nonzero(four == 3)
    diagonal = np.count_nonzero((four == 2) & (first == last))
    return int(ones - threes - 2 * diagonal) // 4


def _without_pinholes(part: NDArray[np.bool_], limit: float) -> NDArray[np.bool_]:
    """A mask cut to its bounding box with holes of fewer pixels than ``limit`` filled."""
    ground, _ = ndimage.label(~part)
    sizes = np.bincount(ground.ravel())
    # Ground that touches the box's edge is outside; a small one there cannot be told from a notch and stays.
    edge = np.unique(np.concatenate((ground[0], ground[-1], ground[:, 0], ground[:, -1])))
    fill = sizes < limit
    fill[edge] = fill[0] = False
    return np.asarray(part | fill[ground])


def measure_vessel(vessel: Vessel, frame: int, canvas: Canvas, image: NDArray[np.uint8] | None = None) -> Measured:
    """Everything that masks tell about one frame, and the grey along its wall where the canvas picture is given."""
    return measure_vessels([vessel], [frame], canvas, None if image is None else image[None])[0]


def measure_vessels(
    vessels: Sequence[Vessel], frames: Sequence[int], canvas: Canvas, images: NDArray[np.uint8] | None = None
) -> list[Measured]:
    """:func:`measure_vessel` for several frames (their numbers are ``frames``) at once: a call of numpy costs much more
    than the few rays of one frame. ``images`` is uint8 (n, size, size)."""
    if not vessels:
        return []
    calibrated = canvas.region.spacing
    spacing = calibrated or (1.0, 1.0)
    labels = walls.stacked([vessel.labels for vessel in vessels])
    aortas = [vessel.labels > 0 for vessel in vessels]
    centres = np.stack([walls.centre_of(aorta, spacing) for aorta in aortas])
    curves = walls.outlines_of(labels > 0, centres, spacing)
    away = curves - centres[:, None]
    radii = np.hypot(away[..., 0], away[..., 1])
    units = np.ones(len(vessels)) if calibrated else radii.mean(axis=1) / _NOMINAL_RADIUS_MM
    parts = [plaque_pieces(v.labels == PLAQUE, calibrated, float(u)) for v, u in zip(vessels, units, strict=True)]
    pieces = walls.stacked([part[0] for part in parts])
    profiles = profiles_of(pieces > 0, aortas, curves, spacing, STALK_MM, units, SMOOTH_MM)
    solids = _solid((labels > 0) & (labels != LUMEN), profiles, spacing, units)
    owners = _owners(pieces, profiles, spacing)
    flat = labels.reshape(len(labels), -1)
    aorta_px, lumen_px = np.count_nonzero(flat, axis=1), np.count_nonzero(flat == LUMEN, axis=1)
    greys = [{}] * len(vessels) if images is None else border.read(images, vessels, canvas, profiles, solids, units)
    found = []
    for n, (vessel, wall) in enumerate(zip(vessels, profiles, strict=True)):
        numbers, areas, small = parts[n]
        profile = FrameProfile(
            frame=frames[n],
            radius=radii[n].astype(np.float32),
            arc=wall.arc.astype(np.float32),
            length=wall.length.astype(np.float32),
            solid=solids[n].astype(np.float32),
            piece=owners[n],
            pieces=_pieces(areas, owners[n], wall, spacing, (vessel.row, vessel.column)),
            free=_free_parts(wall, centres[n], spacing, float(units[n])),
            aorta_px=int(aorta_px[n]),
            lumen_px=int(lumen_px[n]),
            small_pieces=small,
            grey=greys[n],
        )
        found.append(Measured(profile, numbers > 0, wall))
    return found


def _solid(mask: NDArray[np.bool_], profiles: Sequence[WallProfile], spacing: Spacing, units: Floats) -> Floats:
    """How far anything but blood reaches inward: where there is plaque, and between two plaques within 4 mm; else 0.

    The ground of a crater may look like bare wall, but it lies between plaque. ``mask`` is a stack.
    """
    rays = np.stack([wall.raw > 0 for wall in profiles])
    for here, wall, unit in zip(rays, profiles, units, strict=True):
        if here.any() and not here.all():
            size = 2 * max(1, round(0.5 * _CRATER_MM * unit / float(wall.arc.mean()))) + 1
            wide = ndimage.maximum_filter1d(here, size, mode="wrap")
            here |= ndimage.minimum_filter1d(wide, size, mode="wrap")
    curves, normals = np.stack([wall.curve for wall in profiles]), np.stack([wall.normal for wall in profiles])
    begin, end = walls.first_runs(mask, curves, normals, spacing, rays)
    return walls.across_wall(curves, normals, end, end - begin, spacing)


def _owners(pieces: NDArray[np.int32], profiles: Sequence[WallProfile], spacing: Spacing) -> NDArray[np.uint8]:
    """Which piece each ray's chord goes through (looked up at one and two thirds of it): (n, rays)."""
    length = np.stack([wall.length for wall in profiles])
    frame, ray = np.nonzero(length > 0)
    out = np.zeros(length.shape, dtype=np.uint8)
    if ray.size == 0:
        return out
    curve, normal, begin = (np.stack([getattr(w, name) for w in profiles]) for name in ("curve", "normal", "begin"))
    curve, normal, begin, length = (values[frame, ray] for values in (curve, normal, begin, length))
    found = np.zeros(ray.size, dtype=np.int32)
    for share in (0.6, 0.3):
        place = (curve + normal * (begin + share * length)[:, None]) / spacing
        here = walls.nearest(pieces, frame, place[:, 0], place[:, 1])
        found = np.where(here > 0, here, found)
    out[frame, ray] = np.minimum(found, 255)
    return out


def _pieces(
    areas: NDArray[np.intp],
    owner: NDArray[np.uint8],
    wall: WallProfile,
    spacing: Spacing,
    corner: tuple[int, int],
) -> tuple[Piece, ...]:
    found: list[Piece] = []
    for number in range(1, min(areas.size - 1, 255) + 1):
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

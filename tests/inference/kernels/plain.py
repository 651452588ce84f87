"""What the compiled loops do, in plain numpy and scipy: the reference that they are held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import csr_array

from inference import walls
from inference.border import _APEX_ABOVE_MM, _BARE_WALL_MM, _BEHIND, _OFFSETS, CONTRAST
from inference.outer import (
    _BASIS,
    _BLACK,
    _EDGE_PX,
    _LEAST_WEIGHT,
    _NARROW_MM,
    _ROUNDS,
    _SHRINK,
    _STEEP,
    _TRUST,
    _TUKEY,
    _WIDE_MM,
    ALLOWED_MM,
    NOMINAL_RADIUS_MM,
    RAYS,
)
from inference.preprocess import Canvas, _matrix, to_grey
from inference.profiles import _DROP_MM2, _FILL_MM2, _HEAD_MM, FreePart
from inference.thickness import WallProfile
from inference.types import Spacing
from inference.vessel import _MARGIN, Vessel, least_area_px
from inference.walls import bilinear, directions, nearest

Floats = NDArray[np.float64]
Small = NDArray[np.float32]
Profile = NDArray[np.float32]
Margins = NDArray[np.float32]
_STEP_PX = 0.75
_EIGHT = np.ones((3, 3), dtype=bool)


def on_canvas(canvas: Canvas, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The region of a picture on the canvas, by two sparse products in float32."""
    r, (by, bx) = canvas.region, canvas._block
    down, across = canvas.step_rows / by, canvas.step_columns / bx
    rows = csr_array(_matrix((0.5 - canvas.top) * down - 0.5, down, canvas.size, r.rows, by))
    columns = csr_array(_matrix((0.5 - canvas.left) * across - 0.5, across, canvas.size, r.columns, bx))
    lines = rows @ to_grey(frame[r.y0 : r.y1 + 1, r.x0 : r.x1 + 1]).astype(np.float32)
    return np.asarray((columns @ np.ascontiguousarray(lines.T)).T + np.float32(0.5), dtype=np.uint8, order="C")


@dataclass(frozen=True)
class Part:
    """A vessel on the canvas: margins (3, h, w) of lumen, wall and plaque over the ground, and the box they fill."""

    margins: Margins
    box: tuple[slice, slice]


def part_of(logits: Margins, canvas: Canvas) -> Part | None:
    rough = np.maximum(np.maximum(logits[1], logits[2]), logits[3]) > logits[0]
    rows, columns = np.flatnonzero(rough.any(axis=1)), np.flatnonzero(rough.any(axis=0))
    if rows.size == 0:
        return None
    r0, c0 = int(rows[0]), int(columns[0])
    pieces, count = ndimage.label(rough[r0 : rows[-1] + 1, c0 : columns[-1] + 1], structure=_EIGHT)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    largest = int(sizes.argmax())
    if sizes[largest] < least_area_px(canvas):
        return None
    found = ndimage.find_objects(pieces, max_label=largest)[largest - 1]
    box = (_widened(found[0], r0, canvas.size), _widened(found[1], c0, canvas.size))
    part = logits[1:, box[0], box[1]] - logits[0, box[0], box[1]]
    if count > 1:
        mine = np.zeros(part.shape[1:], dtype=np.bool_)
        piece = pieces[found] == largest
        top, left = found[0].start + r0 - box[0].start, found[1].start + c0 - box[1].start
        mine[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
        part[:, ~mine & rough[box]] = -1e4
    return Part(part, box)


def _widened(part: slice, start: int, limit: int) -> slice:
    return slice(max(part.start + start - _MARGIN, 0), min(part.stop + start + _MARGIN, limit))


def arg_largest(values: Margins) -> NDArray[np.uint8]:
    """Number, from 1, of the largest of the planes (k, h, w) where that is above zero, else 0."""
    best, label = values[0].copy(), (values[0] > 0).astype(np.uint8)
    np.maximum(best, 0, out=best)
    for n in range(1, len(values)):
        higher = values[n] > best
        np.copyto(label, n + 1, where=higher)
        np.maximum(best, values[n], out=best)
    return label


def trim(parts: Sequence[Margins], px_mm: float | None, shown: Sequence[NDArray[np.uint8]] | None = None) -> None:
    """Lower what lies outside the oval of each vessel, in place.

    ``parts`` are (3, h, w) margins of lumen, wall and plaque over the ground, one vessel each, of any sizes; ``px_mm``
    is the side of their pixels in mm, None without calibration. ``shown`` are the same parts (h, w) of the pictures.
    """
    if not parts:
        return
    height = 1 + max(int(part.shape[1]) for part in parts)
    width = 1 + max(int(part.shape[2]) for part in parts)
    margin = np.full((len(parts), height, width), -1.0, dtype=np.float32)
    label = np.zeros((len(parts), height, width), dtype=np.uint8)
    for n, part in enumerate(parts):
        at = np.s_[n, : part.shape[1], : part.shape[2]]
        margin[at] = part.max(axis=0)
        label[at] = part.argmax(axis=0)
    inside = margin > 0
    count = np.maximum(inside.sum(axis=(1, 2)), 1)
    centres = np.stack(
        [inside.sum(axis=2) @ np.arange(height) / count, inside.sum(axis=1) @ np.arange(width) / count], axis=1
    )
    radius, known = _outline(margin, centres)
    unit = np.full(len(parts), px_mm) if px_mm else NOMINAL_RADIUS_MM / np.maximum(radius.mean(axis=1), 1.0)
    weight = known * _trust(label, centres, radius)
    if shown is not None:
        weight *= _in_sector(shown, (height, width), centres, radius)
    oval, found = ovals(radius * unit[:, None], weight)
    for n in np.flatnonzero(found).tolist():
        _cap(parts[n], centres[n], oval[n] / unit[n], ALLOWED_MM / float(unit[n]))


def _outline(margin: Margins, centres: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Radius in pixels at which each ray leaves the vessel for the last time (n, RAYS), and whether it does."""
    frame = np.arange(len(margin))[:, None, None]
    reach = np.arange(0.0, 0.75 * max(margin.shape[1:]), _STEP_PX, dtype=np.float32)
    way = directions(RAYS).astype(np.float32)[None, :, None, :]
    middle = centres.astype(np.float32)[:, None, None, :]
    rows, columns = (middle[..., axis] + way[..., axis] * reach for axis in (0, 1))
    inside = nearest(margin, frame, rows, columns) > 0
    last = reach.size - 1 - np.argmax(inside[:, :, ::-1], axis=2)
    # Around that place the margin is followed to where it falls through zero.
    near = reach[last][:, :, None] + np.arange(-1.5, 1.6, 0.5, dtype=np.float32)
    rows, columns = (middle[..., axis] + way[..., axis] * near for axis in (0, 1))
    values = bilinear(margin, frame, rows, columns)
    over = values > 0
    high = np.minimum(over.shape[2] - 1 - np.argmax(over[:, :, ::-1], axis=2), over.shape[2] - 2)
    pick = np.take_along_axis
    first, second = (pick(values, (high + k)[:, :, None], axis=2)[:, :, 0] for k in (0, 1))
    share = np.clip(first / np.maximum(first - second, 1e-6), 0.0, 1.0)
    radius = pick(near, high[:, :, None], axis=2)[:, :, 0] + 0.5 * share
    known = np.asarray(inside.any(axis=2) & over.any(axis=2), dtype=np.bool_)
    return np.where(known, radius, 0.0).astype(np.float64), known


def _at(stack: NDArray[np.uint8], centres: NDArray[np.float64], radius: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Values of a stack (n, h, w) on each ray at its radius; 0 outside."""
    places = centres[:, None, :] + radius[:, :, None] * directions(RAYS)
    frame = np.arange(len(stack))[:, None]
    found: NDArray[np.uint8] = nearest(stack, frame, *(places[..., axis].astype(np.float32) for axis in (0, 1)))
    return found


def _trust(label: NDArray[np.uint8], centres: NDArray[np.float64], radius: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much the outline of each ray counts, by what lies just inside of it (0 blood, 1 wall, 2 plaque)."""
    within = _at(label, centres, np.maximum(radius - 0.75, 0.0))
    return _TRUST[within]


def _in_sector(
    shown: Sequence[NDArray[np.uint8]],
    shape: tuple[int, int],
    centres: NDArray[np.float64],
    radius: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Whether there is a picture two pixels outside the outline: along the sector's edge the outline is no wall."""
    stack = np.zeros((len(shown), *shape), dtype=np.uint8)
    for n, picture in enumerate(shown):
        stack[n, : picture.shape[0], : picture.shape[1]] = picture
    seen = [_at(stack, centres, radius + _EDGE_PX + away) > _BLACK for away in (-0.5, 0.5, 1.5)]
    return np.asarray(seen[0] | seen[1] | seen[2])


def ovals(radius: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Coefficients (n, 5) of the ovals through outlines (n, RAYS) in mm, and for which of them one was found."""
    scale, now = _WIDE_MM, weight
    coefficients = np.zeros((len(radius), _BASIS.shape[1]))
    enough = [weight.sum(axis=1)]
    ridge = 1e-6 * np.eye(_BASIS.shape[1])
    for _ in range(_ROUNDS):
        left = (_BASIS.T[None] * now[:, None, :]) @ _BASIS + ridge
        right = (now * radius) @ _BASIS
        coefficients = np.linalg.solve(left, right[:, :, None])[:, :, 0]
        away = (radius - coefficients @ _BASIS.T) / (_TUKEY * scale)
        now = weight * np.square(np.clip(1.0 - away * away, 0.0, None))
        enough.append(now.sum(axis=1))
        scale = max(_NARROW_MM, scale * _SHRINK)
    found = (np.min(enough, axis=0) >= _LEAST_WEIGHT) & ((coefficients @ _BASIS.T).min(axis=1) > 0)
    return coefficients, np.asarray(found, dtype=np.bool_)


def _cap(part: Margins, centre: NDArray[np.float64], oval: NDArray[np.float64], allowed: float) -> None:
    """Let the margins (3, h, w) fall through zero ``allowed`` pixels outside the oval, if they did not before."""
    rows = (np.arange(part.shape[1], dtype=np.float32) - np.float32(centre[0]))[:, None]
    columns = (np.arange(part.shape[2], dtype=np.float32) - np.float32(centre[1]))[None]
    away = np.maximum(np.hypot(rows, columns), np.float32(1e-3))
    sine, cosine = rows / away, columns / away
    a0, a1, b1, a2, b2 = (np.float32(value) for value in oval)
    reach = a0 + a1 * cosine + b1 * sine + a2 * (2 * cosine * cosine - 1) + b2 * (2 * sine * cosine)
    np.minimum(part, _STEEP * (reach + np.float32(allowed) - away), out=part)


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
    pieces, count = ndimage.label(_without_pinholes(part, _FILL_MM2 / pixel), structure=_EIGHT)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    keep = sizes >= _DROP_MM2 / pixel
    keep[0] = True
    out[box] = pieces if keep.all() else np.where(keep, np.cumsum(keep) - 1, 0).astype(np.int32)[pieces]
    areas = sizes[keep]
    areas[0] = 0
    return out, areas, count + 1 - areas.size


def _without_pinholes(part: NDArray[np.bool_], limit: float) -> NDArray[np.bool_]:
    """A mask cut to its bounding box with holes of fewer pixels than ``limit`` filled."""
    ground, _ = ndimage.label(~part)
    sizes = np.bincount(ground.ravel())
    # Ground that touches the box's edge is outside; a small one there cannot be told from a notch and stays.
    edge = np.unique(np.concatenate((ground[0], ground[-1], ground[:, 0], ground[:, -1])))
    fill = sizes < limit
    fill[edge] = fill[0] = False
    return np.asarray(part | fill[ground])


def free_parts(wall: WallProfile, centre: NDArray[np.float64], spacing: Spacing, unit: float) -> tuple[FreePart, ...]:
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


def grey_of(
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

"""The wall of a vessel as a closed curve, and plaque along its normals. Plain numpy and scipy.ndimage.

Places are (row, column); lengths are mm where ``spacing`` is mm per pixel, and pixels where it is (1, 1). Edges are
found coarsely by the nearest pixel and then, around that place, where the bilinear mask crosses one half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.types import Point, Spacing

Floats = NDArray[np.float64]
Places = NDArray[np.floating[Any]]
Whole = NDArray[np.integer[Any]]
Mask = NDArray[np.bool_]
Outline = Sequence[Point]

RAYS = 180
_START_WITHIN_PX = 2.0
_EIGHT = np.ones((3, 3), dtype=bool)
_COARSE_STEPS = 48


def stacked(masks: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Masks of any sizes as one array (n, rows, columns), each in the upper left corner, with empty pixels after it."""
    height, width = (max(mask.shape[axis] for mask in masks) + 1 for axis in (0, 1))
    out = np.zeros((len(masks), height, width), dtype=masks[0].dtype)
    for n, mask in enumerate(masks):
        out[n, : mask.shape[0], : mask.shape[1]] = mask
    return out


def bilinear(stack: NDArray[Any], frame: Whole, rows: Places, columns: Places) -> Places:
    """Values of frames of a stack (n, rows, columns) at fractional places; outside the grid counts as background."""
    height, width = stack.shape[1:]
    r0, c0 = np.floor(rows), np.floor(columns)
    inside = (r0 >= 0) & (c0 >= 0) & (r0 < height - 1) & (c0 < width - 1)
    fr, fc = rows - r0, columns - c0
    flat = (stack.view(np.uint8) if stack.dtype == np.bool_ else stack).ravel()
    i = np.where(inside, frame * (height * width) + r0.astype(np.int32) * width + c0.astype(np.int32), 0)
    first, second, below, last = (flat[i + shift].astype(np.float32) for shift in (0, 1, width, width + 1))
    top = first + (second - first) * fc
    low = below + (last - below) * fc
    return np.asarray((top + (low - top) * fr) * inside)


def nearest(stack: NDArray[Any], frame: Whole, rows: Places, columns: Places) -> NDArray[Any]:
    """The nearest pixel's value in frames of a stack (n, rows, columns) at fractional places; 0 outside the grid."""
    height, width = stack.shape[1:]
    r, c = (rows + np.float32(0.5)).astype(np.int32), (columns + np.float32(0.5)).astype(np.int32)
    inside = (r >= 0) & (c >= 0) & (r < height) & (c < width)
    r *= width
    r += c
    return np.asarray(stack.ravel()[np.where(inside, r + frame * (height * width), 0)] * inside)


@cache
def directions(count: int) -> Floats:
    """Unit vectors (row, column) of ``count`` angles; 0 is picture right, growing clockwise."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack((np.sin(angles), np.cos(angles)), axis=1)


def centre_of(mask: Mask, spacing: Spacing) -> Floats:
    """Centroid (row, column) in mm of a mask that is not empty."""
    rows, columns = mask.sum(axis=1), mask.sum(axis=0)
    total = float(rows.sum())
    return np.array([rows @ np.arange(rows.size), columns @ np.arange(columns.size)]) / total * spacing


def outline_of(aorta: Mask, spacing: Spacing, count: int = RAYS) -> Floats:
    """The outer edge of one aorta mask, as :func:`outlines_of`."""
    stack = stacked([aorta])
    return np.asarray(outlines_of(stack, centre_of(aorta, spacing)[None], spacing, count)[0])


def outlines_of(aorta: Mask, centres: Floats, spacing: Spacing, count: int = RAYS) -> Floats:
    """The outer edge of each aorta mask of a stack as a closed, smoothed curve of (row, column) in mm: (n, count, 2).

    ``centres`` (n, 2) in mm are what it is seen from. Holes do not matter; the outermost edge counts. No mask may be
    empty.
    """
    scale = np.asarray(spacing)
    frame = np.arange(len(aorta))[:, None, None]
    middle = (centres / scale).astype(np.float32)[:, None, None, :]
    unit = (directions(count) / scale).astype(np.float32)[None, :, None, :]
    far = np.maximum(*_spans(aorta, spacing))
    step = np.maximum(0.8 * min(spacing), 0.85 * far / (0.6 * _COARSE_STEPS))
    number = np.ceil(0.85 * far / step + 2)
    at = np.arange(int(number.max()))
    reach = (step[:, None] * at).astype(np.float32)[:, None, :]
    inside = nearest(aorta, frame, middle[..., 0] + unit[..., 0] * reach, middle[..., 1] + unit[..., 1] * reach)
    inside &= at < number[:, None, None]
    last = np.where(inside.any(axis=2), at.size - 1 - np.argmax(inside[:, :, ::-1], axis=2), 0)
    fine = 0.5 * min(spacing)
    number = np.ceil(step / fine + 4.5)
    at = np.arange(int(number.max()))
    near = ((step[:, None] * last)[:, :, None] + fine * (at - 2)).astype(np.float32)
    values = bilinear(aorta, frame, middle[..., 0] + unit[..., 0] * near, middle[..., 1] + unit[..., 1] * near)
    values[np.broadcast_to(at >= number[:, None, None], values.shape)] = 0
    radius = _last_fall(values.reshape(-1, at.size), near.reshape(-1, at.size), fine).reshape(len(aorta), count)
    # About two pixels along the curve: enough against the staircase, too little to round off an oval.
    arc = 2 * np.pi * radius.mean(axis=1) / count
    width = np.maximum(0.9, 1.5 * max(spacing) / np.maximum(arc, 1e-9))
    radius = np.stack([ndimage.gaussian_filter1d(r, w, mode="wrap") for r, w in zip(radius, width, strict=True)])
    return np.asarray(centres[:, None, :] + radius[:, :, None] * directions(count))


def _spans(stack: Mask, spacing: Spacing) -> tuple[Floats, Floats]:
    """Height and width (mm) of what each mask of a stack holds, as two arrays; 0 for an empty one."""
    spans = []
    for axis, step in ((2, spacing[0]), (1, spacing[1])):
        line = np.asarray(stack.any(axis=axis))
        spans.append(step * (line.shape[1] - line.argmax(axis=1) - line[:, ::-1].argmax(axis=1)) * line.any(axis=1))
    return spans[0], spans[1]


def _last_fall(values: Places, near: Places, step: float) -> Floats:
    """Where each line of ``values`` falls through one half for the last time."""
    over = values >= 0.5
    high = near.shape[1] - 1 - np.argmax(over[:, ::-1], axis=1)
    high = np.minimum(np.where(over.any(axis=1), high, 2), near.shape[1] - 2)
    line = np.arange(len(values))
    v0, v1 = values[line, high], values[line, high + 1]
    fallen = step * np.clip((v0 - 0.5) / np.maximum(v0 - v1, 1e-9), 0.0, 1.0)
    return np.asarray(near[line, high] + fallen, dtype=np.float64)


def resample(outline: Outline, origin: tuple[int, int], spacing: Spacing, count: int = 240) -> Floats:
    """A drawn outline (x, y in pixels) as an evenly spaced closed curve of (row, column) in mm of the cropped grid.

    Raises ValueError for fewer than three points, places that are not finite, or no length.
    """
    points = np.asarray([(p[1] - origin[0], p[0] - origin[1]) for p in outline], dtype=np.float64) * spacing
    if points.shape[0] < 3 or not np.isfinite(points).all():
        raise ValueError("An outer-wall outline needs at least three points with finite coordinates.")
    closed = np.vstack((points, points[:1]))
    length = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))))
    if length[-1] <= 0:
        raise ValueError("An outer-wall outline must enclose an area.")
    at = np.linspace(0, length[-1], count, endpoint=False)
    curve = np.stack([np.interp(at, length, closed[:, axis]) for axis in (0, 1)], axis=1)
    return np.asarray(ndimage.gaussian_filter1d(curve, 1.0, axis=0, mode="wrap"))


def inward_normals(curve: Floats) -> Floats:
    """Unit normals of closed curves (..., points, 2) of (row, column), pointing to their inside."""
    following, before = np.roll(curve, -1, axis=-2), np.roll(curve, 1, axis=-2)
    tangent = following - before
    normal = np.stack((tangent[..., 1], -tangent[..., 0]), axis=-1)
    normal /= np.maximum(np.hypot(normal[..., 0], normal[..., 1]), 1e-9)[..., None]
    area = np.sum(curve[..., 1] * following[..., 0] - following[..., 1] * curve[..., 0], axis=-1)
    return np.asarray(np.where(area[..., None, None] > 0, normal, -normal))


def arc_steps(curve: Floats) -> Floats:
    """Length of wall that each point of closed curves (..., points, 2) stands for, in mm."""
    away = np.roll(curve, -1, axis=-2) - curve
    step = np.hypot(away[..., 0], away[..., 1])
    return np.asarray(0.5 * (step + np.roll(step, 1, axis=-1)))


def first_runs(
    plaque: Mask, curve: Floats, normal: Floats, spacing: Spacing, rays: Mask | None = None
) -> tuple[Floats, Floats]:
    """Start and end (mm along the inward normal) of the first run of plaque from the wall; 0, 0 where there is none.

    ``plaque`` is a stack (n, rows, columns), ``curve`` and ``normal`` are (n, points, 2). ``rays`` (n, points) says
    which points to look at, all when not given.
    """
    frames, points = curve.shape[:2]
    begin, end = np.zeros(frames * points), np.zeros(frames * points)
    half_pixel, before = 0.5 * min(spacing), _START_WITHIN_PX * max(spacing)
    down, across = (((v / spacing).astype(np.float32)).reshape(-1, 2) for v in (curve, normal))

    def places(at: Whole, along: Places) -> tuple[Whole, Places, Places]:
        start, way = down[at], across[at]
        return (at // points)[:, None], start[:, :1] + way[:, :1] * along, start[:, 1:] + way[:, 1:] * along

    near = np.arange(-before, before + half_pixel, 2 * half_pixel).astype(np.float32)
    look = np.arange(begin.size) if rays is None else np.flatnonzero(rays)
    ray = look[nearest(plaque, *places(look, near)).any(axis=1)]
    if ray.size == 0:
        return begin.reshape(frames, points), end.reshape(frames, points)
    frame = ray // points
    far = np.minimum(np.hypot(*_spans(plaque, spacing)), 0.55 * np.ptp(curve, axis=1).max(axis=1)) + before
    step = np.maximum(half_pixel, far / _COARSE_STEPS)
    number = np.ceil((far + 2 * step + before) / step).astype(np.intp)[frame]
    step = step[frame]
    at = np.arange(int(number.max()))
    inside = nearest(plaque, *places(ray, (step[:, None] * at - before).astype(np.float32)))
    inside &= at < number[:, None]
    first = np.argmax(inside, axis=1)
    after = inside | (at < first[:, None])
    stop = np.minimum(np.where(after.all(axis=1), at.size, np.argmin(after, axis=1)), number - 1)
    offset = np.arange(int(np.ceil(step.max() / half_pixel + 4.5)))
    counted = offset < np.ceil(step / half_pixel + 4.5)[:, None]

    def crossing(place: NDArray[np.intp], rising: bool) -> Floats:
        """Where the bilinear mask crosses one half, between this coarse place and the one before."""
        there = step * place - before
        around = ((there - step - 2 * half_pixel)[:, None] + half_pixel * offset).astype(np.float32)
        values = bilinear(plaque, *places(ray, around))
        over = ((values >= 0.5) if rising else (values < 0.5)) & counted
        high = np.clip(np.argmax(over, axis=1), 1, offset.size - 1)
        line = np.arange(len(place))
        v0, v1 = values[line, high - 1], values[line, high]
        apart = np.where(np.abs(v1 - v0) > 1e-9, v1 - v0, 1.0)
        found = around[line, high - 1] + half_pixel * np.clip((0.5 - v0) / apart, 0.0, 1.0)
        return np.asarray(np.where(over.any(axis=1), found, there), dtype=np.float64)

    first_end = crossing(first, True), crossing(stop, False)
    ok = first_end[1] > first_end[0]
    begin[ray], end[ray] = (np.where(ok, values, 0.0) for values in first_end)
    return begin.reshape(frames, points), end.reshape(frames, points)


def across_wall(curve: Floats, normal: Floats, end: Floats, length: Floats, spacing: Spacing) -> Floats:
    """``length`` (n, points) without chords that run along the wall (0 instead).

    Where an outline is dented (a vessel found only in part), a normal can run along the wall instead; such a chord is
    longer than its inner end lies away from the outline, and does not count.
    """
    frame, ray = np.nonzero(length > 0)
    if ray.size == 0:
        return length
    inner = (curve[frame, ray] + normal[frame, ray] * end[frame, ray, None]).astype(np.float32)
    wall = curve[:, ::3].astype(np.float32)
    away = (inner[:, None, 0] - wall[frame, :, 0]) ** 2
    away += (inner[:, None, 1] - wall[frame, :, 1]) ** 2
    closest = np.sqrt(away.min(axis=1))
    out = length.copy()
    mine = length[frame, ray]
    out[frame, ray] = np.where(mine <= 1.15 * closest + 2.0 * max(spacing), mine, 0.0)
    return out


def running_median(profile: Floats, arc_mm: float, width_mm: float) -> Floats:
    """Running median over about ``width_mm`` of wall (at least three rays) of a closed profile.

    The maximum of a noisy profile is biased upward; a peak narrower than half the width is not one that a reader
    would measure. Where the median leaves nothing (a plaque of one ray), the profile stays as it is.
    """
    count = max(3, 2 * round((width_mm / max(arc_mm, 1e-9) - 1) / 2) + 1)
    half = count // 2
    padded = np.concatenate((profile[-half:], profile, profile[:half]))
    if count == 3:
        a, b, c = padded[:-2], padded[1:-1], padded[2:]
        smooth = np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))
    else:
        windows = np.lib.stride_tricks.sliding_window_view(padded, count)
        smooth = np.partition(windows, half, axis=1)[:, half]
    return np.asarray(smooth if smooth.max() > 0 else profile)


def is_spiked(profile: Floats, arc_mm: float, width_mm: float, height_mm: float) -> bool:
    """Whether a closed profile has a peak narrower than ``width_mm`` that is ``height_mm`` higher than its foot."""
    size = max(3, 2 * round(width_mm / max(arc_mm, 1e-9) / 2) + 1)
    low = ndimage.maximum_filter1d(ndimage.minimum_filter1d(profile, size, mode="wrap"), size, mode="wrap")
    return bool((profile - low).max() > height_mm)


@dataclass(frozen=True)
class FreeMask:
    """Mobile parts on a coarse grid: ``mask``, how far its pixels lie from the rest of the plaque, the grid's steps."""

    mask: Mask
    away: Floats
    steps: tuple[int, int]


def _grown(mask: Mask, times: int) -> Mask:
    """A mask grown by about this many pixels to an octagon.

    Steps to the four and to the eight neighbours take turns, as slices: far quicker than distances on small grids.
    """
    out = mask
    for n in range(times):
        wide = out.copy()
        wide[:, 1:] |= out[:, :-1]
        wide[:, :-1] |= out[:, 1:]
        source = wide.copy() if n % 2 else out
        wide[1:] |= source[:-1]
        wide[:-1] |= source[1:]
        out = wide
    return out


def mobile_part(
    plaque: Mask, aorta: Mask, spacing: Spacing, radius_mm: float, least_reach_mm: float
) -> FreeMask | None:
    """What stands free in the lumen on a thin stalk, or None where there is none.

    Everything that is not blood (plaque and the outside of the aorta) is opened with a disc of ``radius_mm``; what is
    then no longer joined to the wall, and reaches ``least_reach_mm`` away from what is, is mobile. Plaque that is thin
    or rough but sits on the wall is left alone, because the outside counts as its ground.
    """
    steps = (max(1, int(0.34 * radius_mm / spacing[0])), max(1, int(0.34 * radius_mm / spacing[1])))
    part = np.s_[:: steps[0], :: steps[1]]
    coarse = (spacing[0] * steps[0], spacing[1] * steps[1])
    piece = plaque[part]
    times = max(1, round(radius_mm / float(np.mean(coarse))))
    edge = times + 1
    solid = np.pad(~aorta[part] | piece, edge, constant_values=True)
    opened = _grown(~_grown(~solid, times), times)
    joined, _ = ndimage.label(opened, structure=_EIGHT)
    base = joined == joined[0, 0]
    free = np.pad(piece, edge) & ~base
    if not free.any():
        return None
    if not (free & ~_grown(base, max(1, int(0.7 * least_reach_mm / max(coarse))))).any():
        return None
    away = ndimage.distance_transform_edt(~base, sampling=coarse)
    pieces, count = ndimage.label(free, structure=_EIGHT)
    far = ndimage.maximum(away, pieces, np.arange(1, count + 1))
    keep = np.concatenate(([False], np.asarray(far) >= least_reach_mm))
    inner = np.s_[edge:-edge, edge:-edge]
    return FreeMask(keep[pieces][inner], away[inner], steps) if keep.any() else None

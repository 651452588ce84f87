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
Mask = NDArray[np.bool_]
Outline = Sequence[Point]

RAYS = 180
_START_WITHIN_PX = 2.0
_EIGHT = np.ones((3, 3), dtype=bool)
_COARSE_STEPS = 48


def bilinear(values: NDArray[Any], rows: Floats, columns: Floats) -> Floats:
    """Values at fractional places; outside the grid counts as background."""
    height, width = values.shape
    r0, c0 = np.floor(rows), np.floor(columns)
    inside = (r0 >= 0) & (c0 >= 0) & (r0 < height - 1) & (c0 < width - 1)
    fr, fc = rows - r0, columns - c0
    flat = values.ravel()
    i = np.where(inside, r0 * width + c0, 0).astype(np.intp)
    first, below = flat[i], flat[i + width]
    top = first + (flat[i + 1] - first) * fc
    low = below + (flat[i + width + 1] - below) * fc
    return np.asarray((top + (low - top) * fr) * inside)


def nearest(mask: NDArray[Any], rows: Floats, columns: Floats) -> NDArray[Any]:
    """The nearest pixel's value at fractional places; 0 outside the grid."""
    height, width = mask.shape
    r, c = (rows + 0.5).astype(np.int32), (columns + 0.5).astype(np.int32)
    inside = (r >= 0) & (c >= 0) & (r < height) & (c < width)
    return np.asarray(mask.ravel()[np.where(inside, r * width + c, 0)] * inside)


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


def outline_of(aorta: Mask, spacing: Spacing, count: int = RAYS, centre: Floats | None = None) -> Floats:
    """The outer edge of an aorta mask as a closed, smoothed curve of (row, column) in mm, seen from its centroid.

    Holes do not matter; the outermost edge counts. The mask must not be empty.
    """
    scale = np.asarray(spacing)
    middle = (centre_of(aorta, spacing) if centre is None else centre) / scale
    unit = directions(count) / scale
    rows, columns = np.flatnonzero(aorta.any(axis=1)), np.flatnonzero(aorta.any(axis=0))
    far = max((rows[-1] - rows[0] + 1) * spacing[0], (columns[-1] - columns[0] + 1) * spacing[1])
    step = max(0.8 * min(spacing), 0.85 * far / (0.6 * _COARSE_STEPS))
    reach = np.arange(0.0, 0.85 * far + 2 * step, step)
    inside = nearest(aorta, middle[0] + unit[:, :1] * reach, middle[1] + unit[:, 1:] * reach)
    last = inside.shape[1] - 1 - np.argmax(inside[:, ::-1], axis=1)
    last = np.where(inside.any(axis=1), last, 0)
    found = reach[last]
    fine = 0.5 * min(spacing)
    around = np.arange(-2 * fine, step + 2.5 * fine, fine)
    near = found[:, None] + around
    values = bilinear(aorta.astype(np.float64), middle[0] + unit[:, :1] * near, middle[1] + unit[:, 1:] * near)
    radius = _last_fall(values, near, fine)
    # About two pixels along the curve: enough against the staircase, too little to round off an oval.
    arc = 2 * np.pi * float(radius.mean()) / count
    radius = ndimage.gaussian_filter1d(radius, max(0.9, 1.5 * max(spacing) / max(arc, 1e-9)), mode="wrap")
    return np.asarray(middle * scale + radius[:, None] * directions(count))


def _last_fall(values: Floats, near: Floats, step: float) -> Floats:
    """Where each line of ``values`` falls through one half for the last time."""
    over = values >= 0.5
    high = near.shape[1] - 1 - np.argmax(over[:, ::-1], axis=1)
    high = np.minimum(np.where(over.any(axis=1), high, 2), near.shape[1] - 2)
    line = np.arange(len(values))
    v0, v1 = values[line, high], values[line, high + 1]
    return np.asarray(near[line, high] + step * np.clip((v0 - 0.5) / np.maximum(v0 - v1, 1e-9), 0.0, 1.0))


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
    """Unit normals of a closed curve (row, column), pointing to its inside."""
    following, before = np.roll(curve, -1, axis=0), np.roll(curve, 1, axis=0)
    tangent = following - before
    normal = np.stack((tangent[:, 1], -tangent[:, 0]), axis=1)
    normal /= np.maximum(np.hypot(normal[:, 0], normal[:, 1]), 1e-9)[:, None]
    area = float(np.sum(curve[:, 1] * following[:, 0] - following[:, 1] * curve[:, 0]))
    return np.asarray(normal if area > 0 else -normal)


def arc_steps(curve: Floats) -> Floats:
    """Length of wall that each point of a closed curve stands for, in mm."""
    step = np.hypot(*(np.roll(curve, -1, axis=0) - curve).T)
    return np.asarray(0.5 * (step + np.roll(step, 1)))


def first_runs(
    plaque: Mask, curve: Floats, normal: Floats, spacing: Spacing, rays: NDArray[np.intp] | None = None
) -> tuple[Floats, Floats]:
    """Start and end (mm along the inward normal) of the first run of plaque from the wall; 0, 0 where there is none.

    ``rays`` names the points of the curve to look at, all when not given.
    """
    begin, end = np.zeros(len(curve)), np.zeros(len(curve))
    half_pixel, before = 0.5 * min(spacing), _START_WITHIN_PX * max(spacing)
    down, across = curve / spacing, normal / spacing
    near = np.arange(-before, before + half_pixel, 2 * half_pixel)
    look = np.arange(len(curve)) if rays is None else rays
    hit = nearest(plaque, down[look, :1] + across[look, :1] * near, down[look, 1:] + across[look, 1:] * near)
    ray = look[hit.any(axis=1)]
    if ray.size == 0:
        return begin, end
    rows, columns = np.flatnonzero(plaque.any(axis=1)), np.flatnonzero(plaque.any(axis=0))
    span = float(np.hypot((rows[-1] - rows[0] + 1) * spacing[0], (columns[-1] - columns[0] + 1) * spacing[1]))
    far = min(span, 0.55 * float(np.ptp(curve, axis=0).max())) + before
    step = max(half_pixel, far / _COARSE_STEPS)
    reach = np.arange(-before, far + 2 * step, step)
    start, along = down[ray], across[ray]
    inside = nearest(plaque, start[:, :1] + along[:, :1] * reach, start[:, 1:] + along[:, 1:] * reach)
    first = np.argmax(inside, axis=1)
    after = inside | (np.arange(reach.size)[None, :] < first[:, None])
    stop = np.where(after.all(axis=1), reach.size - 1, np.argmin(after, axis=1))
    soft = plaque.astype(np.float64)
    offsets = np.arange(-step - 2 * half_pixel, 2.5 * half_pixel, half_pixel)

    def crossing(at: NDArray[np.intp], rising: bool) -> Floats:
        """Where the bilinear mask crosses one half, between this coarse place and the one before."""
        around = reach[at][:, None] + offsets
        values = bilinear(soft, start[:, :1] + along[:, :1] * around, start[:, 1:] + along[:, 1:] * around)
        over = (values >= 0.5) if rising else (values < 0.5)
        high = np.clip(np.argmax(over, axis=1), 1, around.shape[1] - 1)
        line = np.arange(len(at))
        v0, v1 = values[line, high - 1], values[line, high]
        apart = np.where(np.abs(v1 - v0) > 1e-9, v1 - v0, 1.0)
        found = around[line, high - 1] + half_pixel * np.clip((0.5 - v0) / apart, 0.0, 1.0)
        return np.asarray(np.where(over.any(axis=1), found, reach[at]))

    begin[ray], end[ray] = crossing(first, True), crossing(stop, False)
    ok = end > begin
    return np.where(ok, begin, 0.0), np.where(ok, end, 0.0)


def across_wall(curve: Floats, normal: Floats, end: Floats, length: Floats, spacing: Spacing) -> Floats:
    """``length`` without chords that run along the wall (0 instead).

    Where an outline is dented (a vessel found only in part), a normal can run along the wall instead; such a chord is
    longer than its inner end lies away from the outline, and does not count.
    """
    ray = np.flatnonzero(length > 0)
    if ray.size == 0:
        return length
    inner = (curve[ray] + normal[ray] * end[ray, None]).astype(np.float32)
    wall = curve[::3].astype(np.float32)
    away = (inner[:, None, 0] - wall[None, :, 0]) ** 2 + (inner[:, None, 1] - wall[None, :, 1]) ** 2
    closest = np.sqrt(away.min(axis=1))
    out = length.copy()
    out[ray] = np.where(length[ray] <= 1.15 * closest + 2.0 * max(spacing), length[ray], 0.0)
    return out


def running_median(profile: Floats, arc_mm: float, width_mm: float) -> Floats:
    """Running median over about ``width_mm`` of wall (at least three rays) of a closed profile.

    The maximum of a noisy profile is biased upward; a peak narrower than half the width is not one that a reader
    would measure. Where the median leaves nothing (a plaque of one ray), the profile stays as it is.
    """
    count = max(3, 2 * round((width_mm / max(arc_mm, 1e-9) - 1) / 2) + 1)
    half = count // 2
    padded = np.concatenate((profile[-half:], profile, profile[:half]))
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

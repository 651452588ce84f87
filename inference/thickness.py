"""Plaque thickness from masks, with spacing per axis. Plain numpy and scipy.ndimage.

Thickness runs perpendicular to the wall, from the lumen edge to the outer (media-adventitia) edge; the plaque mask
holds the wall. The wall-normal chord follows what a reader does with a caliper; the depth method (distance to the
outside of the outer wall) is a check on it; the largest inscribed disc needs no wall but saturates, so it is only a
labelled fallback. Points are (x, y) = (column, row) in source pixels, pixel centres at whole numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.types import Point, Spacing, Thickness

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Outline = Sequence[Point]

WALL_NORMAL = "wall-normal"
FITTED = "wall-normal (circle fitted)"
DEPTH = "depth"
INSCRIBED = "inscribed (no outline)"
_NONE = Thickness(None, None, "none", note="The mask is empty.")
OPENING_MM = 0.6
_EIGHT = np.ones((3, 3), dtype=bool)
_START_WITHIN_PX = 2.0


def _checked(mask: NDArray[Any], spacing: Spacing | None) -> tuple[Mask, Spacing]:
    array = np.asarray(mask)
    if array.ndim != 2:
        raise ValueError(f"A mask has two dimensions (rows, columns); this one has {array.ndim}.")
    if spacing is not None and not (len(spacing) == 2 and all(np.isfinite(s) and s > 0 for s in spacing)):
        raise ValueError("Spacing is (row, column) in mm per pixel, both above zero.")
    return array.astype(bool, copy=False), spacing or (1.0, 1.0)


def _crop(*masks: Mask, margin: int = 3) -> tuple[list[Mask], tuple[int, int]]:
    """The masks cut to their common bounding box, padded with ``margin`` background pixels; and the box's origin."""
    together = masks[0] if len(masks) == 1 else np.logical_or.reduce(masks)
    rows, columns = np.flatnonzero(together.any(axis=1)), np.flatnonzero(together.any(axis=0))
    cut = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return [np.pad(mask[cut], margin) for mask in masks], (int(rows[0]) - margin, int(columns[0]) - margin)


def _finish(
    a: Floats,
    b: Floats,
    origin: tuple[int, int],
    spacing: Spacing,
    calibrated: bool,
    method: str,
    profile: Floats,
    note: str = "",
) -> Thickness:
    """A result from a chord given as (row, column) in mm of the cropped grid."""
    scale = np.asarray(spacing)
    pa, pb = a / scale, b / scale
    mm = float(np.hypot(*(a - b)))
    ends = (
        (float(pa[1] + origin[1]), float(pa[0] + origin[0])),
        (float(pb[1] + origin[1]), float(pb[0] + origin[0])),
    )
    px = float(np.hypot(*(pa - pb)))
    return Thickness(mm if calibrated else None, px, method, ends, tuple(np.round(profile, 3).tolist()), note)


def _bilinear(values: Floats, rows: Floats, columns: Floats) -> Floats:
    """Values at fractional places; outside the grid counts as background."""
    height, width = values.shape
    r0, c0 = np.floor(rows).astype(np.intp), np.floor(columns).astype(np.intp)
    inside = (r0 >= 0) & (c0 >= 0) & (r0 < height - 1) & (c0 < width - 1)
    r, c = np.clip(r0, 0, height - 2), np.clip(c0, 0, width - 2)
    fr, fc = rows - r0, columns - c0
    flat, i = values.ravel(), r * width + c
    top = flat[i] * (1 - fc) + flat[i + 1] * fc
    low = flat[i + width] * (1 - fc) + flat[i + width + 1] * fc
    return np.asarray(np.where(inside, top * (1 - fr) + low * fr, 0.0))


def _nearest(mask: Mask, rows: Floats, columns: Floats) -> Mask:
    """Whether fractional places lie in the mask, by the nearest pixel; outside the grid is outside."""
    height, width = mask.shape
    r, c = (rows + 0.5).astype(np.int32), (columns + 0.5).astype(np.int32)
    inside = (r >= 0) & (c >= 0) & (r < height) & (c < width)
    flat = np.clip(r, 0, height - 1) * width + np.clip(c, 0, width - 1)
    return np.asarray(mask.ravel()[flat] & inside)


def outline_of(aorta: Mask, spacing: Spacing, count: int = 200) -> Floats:
    """The outer edge of an aorta mask as a closed, smoothed curve of (row, column) in mm, seen from its centroid.

    Holes do not matter; the outermost edge counts. The mask must not be empty.
    """
    rows, columns = np.nonzero(aorta)
    centre = np.array([rows.mean(), columns.mean()])
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    unit = np.stack((np.sin(angles) / spacing[0], np.cos(angles) / spacing[1]), axis=1)
    step = 0.8 * min(spacing)
    far = max((rows.max() - rows.min()) * spacing[0], (columns.max() - columns.min()) * spacing[1])
    reach = np.arange(0.0, 0.85 * far + 4 * step, step)
    inside = _nearest(aorta, centre[0] + unit[:, :1] * reach, centre[1] + unit[:, 1:] * reach)
    last = inside.shape[1] - 1 - np.argmax(inside[:, ::-1], axis=1)
    last = np.where(inside.any(axis=1), last, 0)
    # The coarse walk finds the edge to a pixel; the crossing of one half is found around it.
    near = reach[last][:, None] + step * np.arange(-2, 4) * 0.5
    values = _bilinear(aorta.astype(np.float64), centre[0] + unit[:, :1] * near, centre[1] + unit[:, 1:] * near)
    high = near.shape[1] - 1 - np.argmax(values[:, ::-1] >= 0.5, axis=1)
    high = np.minimum(np.where((values >= 0.5).any(axis=1), high, 2), near.shape[1] - 2)
    line = np.arange(count)
    v0, v1 = values[line, high], values[line, high + 1]
    radius = near[line, high] + 0.5 * step * np.clip((v0 - 0.5) / np.maximum(v0 - v1, 1e-9), 0.0, 1.0)
    # About two pixels along the curve: enough against the staircase, too little to round off an oval.
    arc = 2 * np.pi * float(np.median(radius)) / count
    radius = ndimage.gaussian_filter1d(radius, max(1.0, 1.5 * max(spacing) / max(arc, 1e-9)), mode="wrap")
    turned = np.stack((np.sin(angles), np.cos(angles)), axis=1)
    return np.asarray(centre * spacing + radius[:, None] * turned)


def _resample(outline: Outline, origin: tuple[int, int], spacing: Spacing, count: int = 240) -> Floats:
    """A drawn outline (x, y in pixels) as an evenly spaced closed curve of (row, column) in mm of the cropped grid."""
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


def _inward_normals(curve: Floats) -> Floats:
    tangent = np.roll(curve, -1, axis=0) - np.roll(curve, 1, axis=0)
    normal = np.stack((tangent[:, 1], -tangent[:, 0]), axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    following = np.roll(curve, -1, axis=0)
    area = float(np.sum(curve[:, 1] * following[:, 0] - following[:, 1] * curve[:, 0]))
    return np.asarray(normal if area > 0 else -normal)


def _first_runs(plaque: Mask, curve: Floats, normal: Floats, spacing: Spacing) -> tuple[Floats, Floats]:
    """Start and end (mm along the inward normal) of the first run of plaque from the wall; 0, 0 where there is none."""
    begin, end = np.zeros(len(curve)), np.zeros(len(curve))
    step = 0.5 * min(spacing)
    before = _START_WITHIN_PX * max(spacing)
    down, across = curve / spacing, normal / spacing
    near = np.arange(-before, before + step, step)
    hit = _nearest(plaque, down[:, :1] + across[:, :1] * near, down[:, 1:] + across[:, 1:] * near)
    ray = np.flatnonzero(hit.any(axis=1))
    if ray.size == 0:
        return begin, end
    rows, columns = np.flatnonzero(plaque.any(axis=1)), np.flatnonzero(plaque.any(axis=0))
    span = np.hypot((rows[-1] - rows[0] + 1) * spacing[0], (columns[-1] - columns[0] + 1) * spacing[1])
    reach = np.arange(-before, span + before + 2 * step, step)
    start, along = down[ray], across[ray]
    inside = _nearest(plaque, start[:, :1] + along[:, :1] * reach, start[:, 1:] + along[:, 1:] * reach)
    first = np.argmax(inside, axis=1)
    after = inside | (np.arange(reach.size)[None, :] < first[:, None])
    stop = np.where(after.all(axis=1), reach.size - 1, np.argmin(after, axis=1))
    soft = plaque.astype(np.float64)

    def crossing(at: NDArray[np.intp], rising: bool) -> Floats:
        """Where the bilinear mask crosses one half, within two steps of the coarse place."""
        around = reach[at][:, None] + step * np.arange(-3, 3)
        values = _bilinear(soft, start[:, :1] + along[:, :1] * around, start[:, 1:] + along[:, 1:] * around)
        over = (values >= 0.5) if rising else (values < 0.5)
        high = np.clip(np.argmax(over, axis=1), 1, around.shape[1] - 1)
        line = np.arange(len(at))
        v0, v1 = values[line, high - 1], values[line, high]
        apart = np.where(np.abs(v1 - v0) > 1e-9, v1 - v0, 1.0)
        found = around[line, high - 1] + step * np.clip((0.5 - v0) / apart, 0.0, 1.0)
        return np.asarray(np.where(over.any(axis=1), found, reach[at]))

    begin[ray], end[ray] = crossing(first, True), crossing(stop, False)
    ok = end > begin
    return np.where(ok, begin, 0.0), np.where(ok, end, 0.0)


def _wall_part(plaque: Mask, spacing: Spacing, opening_mm: float) -> Mask:
    """The plaque without thin stalks and what hangs on them: opened with a disc of this radius.

    A mobile part is protrusion, not wall thickness. Where opening would leave nothing (a thin plaque), it stays whole.
    """
    core = ndimage.distance_transform_edt(plaque, sampling=spacing) > opening_mm
    if not core.any():
        return plaque
    near = ndimage.distance_transform_edt(~core, sampling=spacing) <= opening_mm + 0.25 * min(spacing)
    return np.asarray(plaque & near)


def _lengths(plaque: Mask, curve: Floats, normal: Floats, spacing: Spacing) -> tuple[Floats, Floats, Floats]:
    """Start, end and length of the wall-normal chords that go across the wall (0 where there is none).

    Where an outline is dented (a vessel found only in part), a normal can run along the wall instead; such a chord is
    longer than its inner end lies away from the outline, and does not count.
    """
    begin, end = _first_runs(plaque, curve, normal, spacing)
    length = end - begin
    ray = np.flatnonzero(length > 0)
    if ray.size:
        inner = (curve[ray] + normal[ray] * end[ray, None]).astype(np.float32)
        away = inner[:, None, :] - curve[None, ::2, :].astype(np.float32)
        nearest = np.sqrt((away[..., 0] ** 2 + away[..., 1] ** 2).min(axis=1))
        length[ray] = np.where(length[ray] <= 1.15 * nearest + 2.0 * max(spacing), length[ray], 0.0)
    return begin, end, length


def _is_spike(length: Floats, curve: Floats, opening_mm: float) -> bool:
    """Whether the longest chords stand on less wall than four opening radii, as a stalk's do and a plaque's do not."""
    best = int(length.argmax())
    high = length > 0.8 * length[best]
    count = len(length)
    right = int(np.argmin(np.concatenate((np.roll(high, -best), [False]))))
    left = int(np.argmin(np.concatenate((np.roll(high, -best - 1)[::-1], [False]))))
    arc = float(np.hypot(*(np.roll(curve, -1, axis=0) - curve).T).sum()) / count
    return (right + left) * arc < 4 * opening_mm


def _chord(
    plaque: Mask,
    curve: Floats,
    spacing: Spacing,
    calibrated: bool,
    origin: tuple[int, int],
    method: str,
    opening_mm: float = OPENING_MM,
) -> Thickness | None:
    normal = _inward_normals(curve)
    begin, end, length = _lengths(plaque, curve, normal, spacing)
    if length.max() <= 0:
        return None
    if calibrated and _is_spike(length, curve, opening_mm):
        opened = _lengths(_wall_part(plaque, spacing, opening_mm), curve, normal, spacing)
        if opened[2].max() > 0:
            begin, end, length = opened
    best = int(length.argmax())
    inner = curve[best] + normal[best] * end[best]
    outer = curve[best] + normal[best] * begin[best]
    return _finish(inner, outer, origin, spacing, calibrated, method, length)


def wall_normal_thickness(
    plaque: NDArray[Any], aorta: NDArray[Any], spacing: Spacing | None, *, opening_mm: float = OPENING_MM
) -> Thickness:
    """The longest wall-normal chord of ``plaque``; ``aorta`` is the mask bounded by the outer wall (same grid).

    ``spacing`` is mm per pixel (row, column); None gives pixels only. What stands on the wall narrower than twice
    ``opening_mm`` is a mobile part: protrusion, not wall thickness. Where no chord starts at the wall, the largest
    inscribed disc is given, labelled. Raises ValueError on shapes or a spacing that is not above zero.
    """
    mask, scale = _checked(plaque, spacing)
    whole, _ = _checked(aorta, spacing)
    if mask.shape != whole.shape:
        raise ValueError(f"Plaque and aorta must lie on one grid; got {mask.shape} and {whole.shape}.")
    if not mask.any():
        return _NONE
    (mask, whole), origin = _crop(mask, whole | mask)
    found = _chord(mask, outline_of(whole, scale), scale, spacing is not None, origin, WALL_NORMAL, opening_mm)
    return found or _inscribed(mask, scale, spacing is not None, origin)


def depth_thickness(plaque: NDArray[Any], aorta: NDArray[Any], spacing: Spacing | None) -> Thickness:
    """The greatest distance of a plaque point to the outside of the outer wall, less half a pixel.

    Same inputs and errors as :func:`wall_normal_thickness`; a check on it, a little low for sharp peaks.
    """
    mask, scale = _checked(plaque, spacing)
    whole, _ = _checked(aorta, spacing)
    if mask.shape != whole.shape:
        raise ValueError(f"Plaque and aorta must lie on one grid; got {mask.shape} and {whole.shape}.")
    if not mask.any():
        return _NONE
    (mask, whole), origin = _crop(mask, whole | mask)
    whole = ndimage.binary_fill_holes(whole)
    distance, nearest = ndimage.distance_transform_edt(whole, sampling=scale, return_indices=True)
    at = np.unravel_index(int(np.argmax(np.where(mask, distance, 0.0))), mask.shape)
    inner = np.asarray(at, dtype=np.float64) * scale
    outside = np.asarray([nearest[0][at], nearest[1][at]], dtype=np.float64) * scale
    away = outside - inner
    outer = inner + away * (1 - 0.5 * min(scale) / max(float(np.hypot(*away)), 1e-9))
    return _finish(inner, outer, origin, scale, spacing is not None, DEPTH, np.zeros(0))


def _inscribed(mask: Mask, scale: Spacing, calibrated: bool, origin: tuple[int, int]) -> Thickness:
    distance, nearest = ndimage.distance_transform_edt(mask, sampling=scale, return_indices=True)
    at = np.unravel_index(int(distance.argmax()), mask.shape)
    middle = np.asarray(at, dtype=np.float64) * scale
    edge = np.asarray([nearest[0][at], nearest[1][at]], dtype=np.float64) * scale
    note = "No outer wall: the largest inscribed disc is a lower bound."
    return _finish(edge, 2 * middle - edge, origin, scale, calibrated, INSCRIBED, np.zeros(0), note)


def inscribed_thickness(mask: NDArray[Any], spacing: Spacing | None) -> Thickness:
    """Twice the largest inscribed radius: a lower bound that saturates on thick plaque; needs no outer wall."""
    array, scale = _checked(mask, spacing)
    if not array.any():
        return _NONE
    (array,), origin = _crop(array)
    return _inscribed(array, scale, spacing is not None, origin)


def fit_outer_circle(mask: Mask, spacing: Spacing) -> tuple[Floats, float] | None:
    """Centre (row, column) and radius in mm of the circle on which the plaque's outer edge lies; None when none fits.

    Deterministic RANSAC over edge points: the circle must hold the whole plaque inside, follow a good part of its edge,
    and be much larger than the plaque is thick. Then a least-squares fit (Kasa) to the points on it.
    """
    inner = ndimage.binary_erosion(mask)
    points = np.argwhere(mask & ~inner) * np.asarray(spacing)
    if points.shape[0] < 12:
        return None
    tolerance = 1.0 * max(spacing)
    thick = 2 * float(ndimage.distance_transform_edt(mask, sampling=spacing).max())
    rng = np.random.default_rng(points.shape[0])
    triples = points[rng.integers(0, points.shape[0], size=(240, 3))]
    a, b, c = triples[:, 0], triples[:, 1], triples[:, 2]
    d = 2 * (a[:, 0] * (b[:, 1] - c[:, 1]) + b[:, 0] * (c[:, 1] - a[:, 1]) + c[:, 0] * (a[:, 1] - b[:, 1]))
    usable = np.abs(d) > 1e-6
    a, b, c, d = a[usable], b[usable], c[usable], d[usable]
    sa, sb, sc = (a**2).sum(1), (b**2).sum(1), (c**2).sum(1)
    centres = np.stack(
        (
            (sa * (b[:, 1] - c[:, 1]) + sb * (c[:, 1] - a[:, 1]) + sc * (a[:, 1] - b[:, 1])) / d,
            (sa * (c[:, 0] - b[:, 0]) + sb * (a[:, 0] - c[:, 0]) + sc * (b[:, 0] - a[:, 0])) / d,
        ),
        axis=1,
    )
    radii = np.hypot(*(a - centres).T)
    sized = (radii > max(0.8 * thick, 4 * max(spacing))) & (radii < 12 * thick)
    centres, radii = centres[sized], radii[sized]
    if radii.size == 0:
        return None
    sample = points[:: max(1, points.shape[0] // 120)]
    away = np.hypot(sample[None, :, 0] - centres[:, :1], sample[None, :, 1] - centres[:, 1:]) - radii[:, None]
    holds = (away <= 1.5 * tolerance).mean(axis=1) >= 0.98
    follows = np.where(holds, (np.abs(away) <= tolerance).mean(axis=1), 0.0)
    best = int(follows.argmax())
    if follows[best] < 0.25:
        return None
    distance = np.hypot(*(points - centres[best]).T) - radii[best]
    edge = points[np.abs(distance) <= 1.5 * tolerance]
    system = np.column_stack((2 * edge, np.ones(len(edge))))
    solution, *_ = np.linalg.lstsq(system, (edge**2).sum(1), rcond=None)
    radius = float(np.sqrt(max(solution[2] + solution[0] ** 2 + solution[1] ** 2, 1e-9)))
    # Edge pixels lie half a pixel inside the edge itself.
    return solution[:2], radius + 0.5 * float(np.mean(spacing))


def thickness_from_mask(
    mask: NDArray[Any], spacing: Spacing | None, outline: Outline | NDArray[Any] | None = None
) -> Thickness:
    """Thickness of a reader's plaque mask (rows, columns), worked on its bounding box.

    ``outline`` is the drawn outer wall as (x, y) points in pixels, or a mask of the aorta; without it a circle is
    fitted to the outer edge of each component, else the largest inscribed disc is given, labelled. ``spacing`` None
    gives pixels only. Raises ValueError on a bad shape, spacing or outline.
    """
    array, scale = _checked(mask, spacing)
    if not array.any():
        return _NONE
    if isinstance(outline, np.ndarray) and outline.shape == array.shape:
        return wall_normal_thickness(array, outline, spacing)
    if outline is not None:
        (array,), origin = _crop(array)
        curve = _resample([(float(p[0]), float(p[1])) for p in outline], origin, scale)
        found = _chord(array, curve, scale, spacing is not None, origin, WALL_NORMAL)
        return found or _inscribed(array, scale, spacing is not None, origin)
    (array,), origin = _crop(array)
    pieces, count = ndimage.label(array, structure=_EIGHT)
    results = [_of_component(pieces == n + 1, scale, spacing is not None, origin) for n in range(min(count, 8))]
    return max(results, key=lambda result: result.mm if result.mm is not None else (result.px or 0.0))


def _of_component(piece: Mask, scale: Spacing, calibrated: bool, origin: tuple[int, int]) -> Thickness:
    fitted = fit_outer_circle(piece, scale)
    if fitted is not None:
        centre, radius = fitted
        angles = np.linspace(0, 2 * np.pi, 360, endpoint=False)
        curve = centre + radius * np.stack((np.sin(angles), np.cos(angles)), axis=1)
        found = _chord(piece, curve, scale, calibrated, origin, FITTED)
        if found is not None:
            return found
    return _inscribed(piece, scale, calibrated, origin)

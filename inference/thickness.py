"""Plaque thickness from masks, with spacing per axis. Plain numpy and scipy.ndimage.

Thickness runs perpendicular to the wall, from the lumen edge to the outer (media-adventitia) edge; the plaque mask
holds the wall. The wall-normal chord follows what a reader does with a caliper; the depth method (distance to the
outside of the outer wall) is a check on it; the largest inscribed disc needs no wall but saturates, so it is only a
labelled fallback. Points are (x, y) = (column, row) in source pixels, pixel centres at whole numbers.

The profile of chords is smoothed by a running median over ``SMOOTH_MM`` of wall before its maximum is taken: the
maximum of a noisy profile is biased upward. What stands free in the lumen on a thin stalk is protrusion, not thickness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference import walls
from inference.types import Point, Spacing, Thickness
from inference.walls import Floats, Mask, Outline, outline_of

__all__ = [
    "Point",
    "WallProfile",
    "depth_of",
    "depth_thickness",
    "fit_outer_circle",
    "inscribed_thickness",
    "outline_of",
    "profile_of",
    "thickness_from_mask",
    "wall_normal_thickness",
]

WALL_NORMAL = "wall-normal"
FITTED = "wall-normal (circle fitted)"
DEPTH = "depth"
INSCRIBED = "inscribed (no outline)"
_NONE = Thickness(None, None, "none", note="The mask is empty.")
OPENING_MM = 0.6
"""Half the width of the thickest stalk that a reader would still call one; networks draw stalks wider."""
SMOOTH_MM = 1.0
SPIKE_MM, SPIKE_WIDTH_MM, UNEXPLAINED_MM2 = 1.0, 3.0, 1.5
FREE_REACH_MM = 1.5
_EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class WallProfile:
    """Plaque along the wall of one frame: one ray for every point of ``curve``, in mm (pixels without calibration).

    ``curve`` and ``normal`` are (n, 2) as (row, column); ``begin`` is where plaque starts along the inward normal and
    ``length`` its wall-normal thickness there, smoothed, without mobile parts (0 where there is no plaque), ``raw`` the
    same before smoothing. ``arc`` is the length of wall that each ray stands for, ``free`` what was taken for mobile.
    """

    curve: Floats
    normal: Floats
    begin: Floats
    length: Floats
    raw: Floats
    arc: Floats
    free: walls.FreeMask | None = None

    def chord(self) -> tuple[Floats, Floats]:
        """Inner and outer end (row, column) of the longest chord."""
        best = int(self.length.argmax())
        outer = self.curve[best] + self.normal[best] * self.begin[best]
        return outer + self.normal[best] * self.length[best], outer


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


def profile_of(plaque: Mask, aorta: Mask, curve: Floats, spacing: Spacing, opening_mm: float) -> WallProfile:
    """The profile of wall-normal plaque thickness of one frame along ``curve``, as :func:`profiles_of`."""
    return profiles_of(walls.stacked([plaque]), [aorta], curve[None], spacing, opening_mm, np.ones(1))[0]


def profiles_of(
    plaque: Mask,
    aortas: Sequence[Mask],
    curves: Floats,
    spacing: Spacing,
    opening_mm: float,
    units: Floats,
    smooth_mm: float = SMOOTH_MM,
) -> list[WallProfile]:
    """The profiles of wall-normal plaque thickness of several frames at once, each along its curve (n, points, 2).

    ``plaque`` is a stack (n, rows, columns), see :func:`inference.walls.stacked`; lengths as ``spacing``. ``units``
    (n) is how much of that length is one millimetre (pixels per nominal mm where there is no calibration).
    ``opening_mm`` is half the width below which what stands on the wall is a mobile part; 0 looks for none.
    ``smooth_mm`` is the length of wall over which the profile is smoothed.
    """
    normals, arcs = walls.inward_normals(curves), walls.arc_steps(curves)
    begins, ends = walls.first_runs(plaque, curves, normals, spacing)
    raws = walls.across_wall(curves, normals, ends, ends - begins, spacing)
    found = []
    for n, (curve, normal, begin, raw, arc) in enumerate(zip(curves, normals, begins, raws, arcs, strict=True)):
        unit, free = float(units[n]), None
        if raw.max() <= 0:
            found.append(WallProfile(curve, normal, begin, raw, raw, arc))
            continue
        if opening_mm > 0:
            mask = plaque[n, : aortas[n].shape[0], : aortas[n].shape[1]]
            if _may_hold_free_part(mask, raw, arc, spacing, unit):
                free = walls.mobile_part(mask, aortas[n], spacing, opening_mm * unit, FREE_REACH_MM * unit)
            if free is not None:
                raw = _without_free(raw, begin, curve, normal, free, spacing)
        length = walls.running_median(raw, float(arc.mean()), smooth_mm * unit)
        found.append(WallProfile(curve, normal, begin, length, raw, arc, free))
    return found


def _may_hold_free_part(plaque: Mask, raw: Floats, arc: Floats, spacing: Spacing, unit: float) -> bool:
    """A quick look: a narrow peak in the profile, or more plaque than the profile explains."""
    if walls.is_spiked(raw, float(arc.mean()), SPIKE_WIDTH_MM * unit, SPIKE_MM * unit):
        return True
    radius = float(arc.sum()) / (2 * np.pi)
    explained = float((raw * arc * (1 - np.minimum(raw, radius) / (2 * radius))).sum())
    area = float(np.count_nonzero(plaque)) * spacing[0] * spacing[1]
    return area - explained > max(UNEXPLAINED_MM2 * unit**2, 0.04 * area)


def _without_free(
    raw: Floats, begin: Floats, curve: Floats, normal: Floats, free: walls.FreeMask, spacing: Spacing
) -> Floats:
    """The profile with chords that run through a mobile part bridged from the plaque on both sides of its foot."""
    grid = np.asarray(spacing) * free.steps
    ray = np.flatnonzero(raw > 0)
    along = begin[ray, None] + raw[ray, None] * np.linspace(0.0, 1.0, 24)
    down = (curve[ray, :1] + normal[ray, :1] * along) / grid[0]
    across = (curve[ray, 1:] + normal[ray, 1:] * along) / grid[1]
    hit = np.zeros(raw.size, dtype=np.bool_)
    hit[ray] = walls.nearest(free.mask[None], np.zeros(1, dtype=np.intp), down, across).any(axis=1)
    if not hit.any():
        return raw
    hit = ndimage.maximum_filter1d(hit, 3, mode="wrap")
    good = np.flatnonzero(~hit)
    if good.size == 0:
        return np.zeros_like(raw)
    bridged = np.interp(np.arange(raw.size), good, raw[good], period=raw.size)
    return np.asarray(np.where(hit, np.minimum(raw, bridged), raw))


def _chord(
    plaque: Mask,
    curve: Floats,
    spacing: Spacing,
    calibrated: bool,
    origin: tuple[int, int],
    method: str,
    opening_mm: float,
    aorta: Mask | None = None,
) -> Thickness | None:
    within = aorta if aorta is not None else _inside(curve, plaque.shape, spacing) | plaque
    profile = profile_of(plaque, within, curve, spacing, opening_mm if calibrated else 0.0)
    if profile.length.max() <= 0:
        return None
    inner, outer = profile.chord()
    return _finish(inner, outer, origin, spacing, calibrated, method, profile.length)


def _inside(curve: Floats, shape: tuple[int, ...], spacing: Spacing) -> Mask:
    """Pixels within a closed curve, by the radius over the angle seen from its middle."""
    centre = curve.mean(axis=0)
    away = curve - centre
    angle = np.arctan2(away[:, 0], away[:, 1])
    order = np.argsort(angle)
    rows, columns = np.arange(shape[0]) * spacing[0] - centre[0], np.arange(shape[1]) * spacing[1] - centre[1]
    at = np.arctan2(rows[:, None], columns[None, :])
    radius = np.interp(at, angle[order], np.hypot(away[:, 0], away[:, 1])[order], period=2 * np.pi)
    return np.asarray(np.hypot(rows[:, None], columns[None, :]) < radius)


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
    curve = outline_of(whole, scale)
    found = _chord(mask, curve, scale, spacing is not None, origin, WALL_NORMAL, opening_mm, whole)
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


def depth_of(aorta: NDArray[Any], place: Point, spacing: Spacing) -> float:
    """Distance (mm) of a place (x, y in pixels) to the outside of the outer wall, less half a pixel; 0 outside it."""
    whole, scale = _checked(aorta, spacing)
    column, row = round(place[0]), round(place[1])
    if not (0 <= row < whole.shape[0] and 0 <= column < whole.shape[1]) or not whole[row, column]:
        return 0.0
    (part,), origin = _crop(whole, margin=1)
    ground, _ = ndimage.label(~part)
    # Of each row of the outside only its nearest pixel can be the nearest of all.
    outside = ground == ground[0, 0]
    row, column = row - origin[0], column - origin[1]
    reach = np.arange(outside.shape[1]) - column
    across = np.where(outside, np.abs(reach), outside.shape[1]).min(axis=1)
    down = np.arange(outside.shape[0]) - row
    return float(np.hypot(down * scale[0], across * scale[1]).min()) - 0.5 * min(scale)


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
        curve = walls.resample([(float(p[0]), float(p[1])) for p in outline], origin, scale)
        found = _chord(array, curve, scale, spacing is not None, origin, WALL_NORMAL, OPENING_MM)
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
        found = _chord(piece, curve, scale, calibrated, origin, FITTED, 0.0)
        if found is not None:
            return found
    return _inscribed(piece, scale, calibrated, origin)

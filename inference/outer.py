"""The outer wall as a smooth closed curve, where the segmenter lets it run out into tissue of the same grey.

A thick plaque is often as bright as what lies behind it, and then the drawn plaque bulges outward: the wall-normal
chord grows by as much. The outer wall of an aorta in cross section is nearly an oval, so an oval is laid through the
outline, by the parts that agree with each other: r(u) = a0 + a1 cos u + b1 sin u + a2 cos 2u + b2 sin 2u over the angle
u, by least squares with Tukey's biweight (Beaton and Tukey, Technometrics 16:147-185, 1974), where outlines along the
sector's edge do not count and those on plaque count less. What lies further out than the oval is given back to the
ground. Nothing is ever added.

All of it happens on the canvas, on the real-valued outputs, for all frames of a batch at once; the edge then lies where
the oval lies and not on a pixel. Lengths are mm; without calibration the mean radius counts as 12 mm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.walls import bilinear, directions, nearest

Floats = NDArray[np.float32]
RAYS = 90
ALLOWED_MM = 0.4
"""How far an outline may lie outside of the oval: walls are not that even."""
NOMINAL_RADIUS_MM = 12.0
_STEP_PX = 0.75
_ON_PLAQUE, _ON_BLOOD = 0.2, 0.3
"""Weight of an outline whose inside is plaque, or blood, against one whose inside is bare wall."""
_ROUNDS, _WIDE_MM, _NARROW_MM, _SHRINK, _TUKEY = 7, 3.0, 0.5, 0.65, 4.7
_LEAST_WEIGHT = 15.0
"""Rays' worth of outline that an oval needs at least."""
_BLACK = 3
_EDGE_PX = 2.0
_STEEP = 6.0
"""Logits a pixel by which the foreground falls through zero at the oval."""
_ANGLES = 2 * np.pi * np.arange(RAYS) / RAYS
_BASIS = np.stack([np.ones(RAYS), *(f(k * _ANGLES) for k in (1, 2) for f in (np.cos, np.sin))], axis=1)


def trim(parts: Sequence[Floats], px_mm: float | None, shown: Sequence[NDArray[np.uint8]] | None = None) -> None:
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


def _outline(margin: Floats, centres: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
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
    return np.array([_ON_BLOOD, 1.0, _ON_PLAQUE])[within]


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


def _cap(part: Floats, centre: NDArray[np.float64], oval: NDArray[np.float64], allowed: float) -> None:
    """Let the margins (3, h, w) fall through zero ``allowed`` pixels outside the oval, if they did not before."""
    rows = (np.arange(part.shape[1], dtype=np.float32) - np.float32(centre[0]))[:, None]
    columns = (np.arange(part.shape[2], dtype=np.float32) - np.float32(centre[1]))[None]
    away = np.maximum(np.hypot(rows, columns), np.float32(1e-3))
    sine, cosine = rows / away, columns / away
    a0, a1, b1, a2, b2 = (np.float32(value) for value in oval)
    reach = a0 + a1 * cosine + b1 * sine + a2 * (2 * cosine * cosine - 1) + b2 * (2 * sine * cosine)
    np.minimum(part, _STEEP * (reach + np.float32(allowed) - away), out=part)

"""Loops of ``inference.outer``: where the outline of a vessel on the canvas lies, the oval through it, and the cut.

A vessel is its margins (3, h, w), float32, of lumen, wall and plaque over the ground. Around them the margin counts as
-1. Lengths are canvas pixels but for the fit, which is in mm.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.kernels import compiled

Bytes = NDArray[np.uint8]
Whole = NDArray[np.int64]
Floats = NDArray[np.float64]
Small = NDArray[np.float32]
_HALF, _ONE, _NIL = np.float32(0.5), np.float32(1.0), np.float32(0.0)
_STEP = np.float32(0.75)
_SAMPLES = 7


@compiled
def between(margin: Small, row: Any, column: Any) -> Any:
    """The margin (h + 1, w + 1, its last row and column beside the vessel) between its pixels, bilinear, as float32; 0
    outside."""
    top, left = math.floor(row), math.floor(column)
    if top < 0 or left < 0 or top >= margin.shape[0] - 1 or left >= margin.shape[1] - 1:
        return _NIL
    fr, fc = np.float32(row - np.float32(top)), np.float32(column - np.float32(left))
    r, c = int(top), int(left)
    first, below = margin[r, c], margin[r + 1, c]
    upper = first + (margin[r, c + 1] - first) * fc
    lower = below + (margin[r + 1, c + 1] - below) * fc
    return np.float32(upper + (lower - upper) * fr)


@compiled
def seen_from_middle(
    part: Small, shown: Bytes, directions: Floats, trust: Floats, edge: float, black: int
) -> tuple[Floats, Floats, Floats]:
    """Centre (2) of a vessel, and radius and weight (n) of its outline along the rays of ``directions`` (n, 2).

    The radius is where a ray leaves the vessel for the last time. The weight is that of what lies just inside
    (``trust`` of lumen, wall, plaque), and 0 where a ray never leaves it, or where there is no picture ``edge`` pixels
    further out: ``shown`` (h, w) is no brighter than ``black`` there. Without a picture ``shown`` is (0, 0).
    """
    height, width = part.shape[1:]
    margin = np.empty((height + 1, width + 1), np.float32)
    sums, size = np.zeros(2), 0
    for row in range(height + 1):
        margin[row, width] = -1.0
    for column in range(width):
        margin[height, column] = -1.0
    for row in range(height):
        here = 0
        for column in range(width):
            most = max(max(part[0, row, column], part[1, row, column]), part[2, row, column])
            margin[row, column] = most
            if most > 0:
                here += 1
                sums[1] += column
        sums[0] += here * row
        size += here
    centre = np.empty(2)
    centre[0], centre[1] = sums[0] / max(size, 1), sums[1] / max(size, 1)
    count = directions.shape[0]
    radius, weight = np.zeros(count), np.zeros(count)
    r0, c0 = np.float32(centre[0]), np.float32(centre[1])
    reaches = max(height + 1, width + 1)
    values = np.empty(_SAMPLES, np.float32)
    for ray in range(count):
        dr, dc = np.float32(directions[ray, 0]), np.float32(directions[ray, 1])
        last = -1
        for k in range(reaches - 1, -1, -1):
            reach = np.float32(k) * _STEP
            r, c = int(r0 + dr * reach + _HALF), int(c0 + dc * reach + _HALF)
            if 0 <= r <= height and 0 <= c <= width and margin[r, c] > 0:
                last = k
                break
        if last < 0:
            continue
        high = -1
        for k in range(_SAMPLES):
            near = np.float32(last) * _STEP + np.float32(-1.5 + 0.5 * k)
            values[k] = between(margin, r0 + dr * near, c0 + dc * near)
            if values[k] > 0:
                high = k
        if high < 0:
            continue
        high = min(high, _SAMPLES - 2)
        share = values[high] / max(values[high] - values[high + 1], np.float32(1e-6))
        begin = np.float32(last) * _STEP + np.float32(-1.5 + 0.5 * high)
        radius[ray] = begin + _HALF * min(max(share, _NIL), _ONE)
        weight[ray] = trust[_label(part, centre, directions[ray], max(radius[ray] - 0.75, 0.0))]
        if shown.size:
            lit = False
            for away in range(3):
                r, c = _place(centre, directions[ray], radius[ray] + edge + (away - 0.5))
                lit |= 0 <= r < shown.shape[0] and 0 <= c < shown.shape[1] and shown[r, c] > black
            if not lit:
                weight[ray] = 0.0
    return centre, radius, weight


@compiled
def _place(centre: Floats, direction: Floats, radius: float) -> tuple[int, int]:
    """The pixel on a ray."""
    row = np.float32(centre[0] + radius * direction[0]) + _HALF
    column = np.float32(centre[1] + radius * direction[1]) + _HALF
    return int(row), int(column)


@compiled
def _label(part: Small, centre: Floats, direction: Floats, radius: float) -> int:
    """The number, from 0, of the greatest margin on a ray; 0 outside."""
    r, c = _place(centre, direction, radius)
    if not (0 <= r < part.shape[1] and 0 <= c < part.shape[2]):
        return 0
    best = 0
    for plane in range(1, 3):
        if part[plane, r, c] > part[best, r, c]:
            best = plane
    return best


@compiled
def fitted(
    radius: Floats, weight: Floats, basis: Floats, rounds: int, wide: float, narrow: float, shrink: float, tukey: float
) -> tuple[Floats, float, float]:
    """Coefficients (k) of ``basis`` (n, k) through radii (n), by least squares with Tukey's weights.

    Further the least sum of weights of all rounds, and the least radius of the curve. See ``inference.outer``.
    """
    count, terms = basis.shape
    now, scale, enough = np.empty(count), wide, 0.0
    for n in range(count):
        now[n] = weight[n]
        enough += weight[n]
    answer, curve, least = np.zeros(terms), np.zeros(count), 0.0
    for _ in range(rounds):
        left, right = np.zeros((terms, terms)), np.zeros(terms)
        for n in range(count):
            for i in range(terms):
                weighted = now[n] * basis[n, i]
                right[i] += weighted * radius[n]
                for j in range(i + 1):
                    left[i, j] += weighted * basis[n, j]
        # Cholesky's way: the matrix is symmetric, and a small ridge keeps it positive.
        for i in range(terms):
            left[i, i] += 1e-6
            for j in range(i + 1):
                total = left[i, j]
                for k in range(j):
                    total -= left[i, k] * left[j, k]
                left[i, j] = math.sqrt(total) if i == j else total / left[j, j]
        for i in range(terms):
            total = right[i]
            for k in range(i):
                total -= left[i, k] * answer[k]
            answer[i] = total / left[i, i]
        for i in range(terms - 1, -1, -1):
            total = answer[i]
            for k in range(i + 1, terms):
                total -= left[k, i] * answer[k]
            answer[i] = total / left[i, i]
        left_over, least = 0.0, np.inf
        for n in range(count):
            curve[n] = 0.0
            for i in range(terms):
                curve[n] += answer[i] * basis[n, i]
            least = min(least, curve[n])
            away = (radius[n] - curve[n]) / (tukey * scale)
            kept = max(1.0 - away * away, 0.0)
            now[n] = weight[n] * (kept * kept)
            left_over += now[n]
        enough = min(enough, left_over)
        scale = max(narrow, scale * shrink)
    return answer, enough, least


@compiled
def cap(part: Small, centre: Floats, oval: Floats, allowed: float, steep: float) -> None:
    """Let the margins fall through zero ``allowed`` pixels outside an oval (5 coefficients), if they did not before, by
    ``steep`` a pixel, in place."""
    a0, a1, b1 = np.float32(oval[0]), np.float32(oval[1]), np.float32(oval[2])
    a2, b2 = np.float32(oval[3]), np.float32(oval[4])
    slope, beyond, two = np.float32(steep), np.float32(allowed), np.float32(2)
    for row in range(part.shape[1]):
        down = np.float32(row) - np.float32(centre[0])
        for column in range(part.shape[2]):
            across = np.float32(column) - np.float32(centre[1])
            away = max(np.sqrt(down * down + across * across), np.float32(1e-3))
            sine, cosine = down / away, across / away
            bent = a2 * (two * cosine * cosine - _ONE) + b2 * (two * sine * cosine)
            reach = a0 + a1 * cosine + b1 * sine + bent
            limit = slope * (reach + beyond - away)
            for plane in range(3):
                part[plane, row, column] = min(part[plane, row, column], limit)

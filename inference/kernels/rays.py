"""Loops along the rays and the wall of one frame: the outline, chords of plaque, their profile, the grey.

Places are (row, column); lengths are mm where ``spacing`` is mm per pixel, and pixels where it is (1, 1). The
arithmetic is that of ``inference.walls``, step by step and in the same types, for the numbers to be the same.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.kernels import compiled

Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]
Floats = NDArray[np.float64]
Small = NDArray[np.float32]
_HALF = np.float32(0.5)
_ONE, _NIL = np.float32(1.0), np.float32(0.0)
_COARSE_STEPS = 48
_START_WITHIN_PX = 2.0


@compiled
def nearest(grid: Bytes, row: Any, column: Any) -> Any:
    """The nearest pixel's value; 0 outside the grid."""
    r, c = int(row + _HALF), int(column + _HALF)
    return grid[r, c] if 0 <= r < grid.shape[0] and 0 <= c < grid.shape[1] else np.uint8(0)


@compiled
def at_half(grid: Bytes, table: Small, row: Any, column: Any) -> Any:
    """``table`` of the grid's values between its pixels, bilinear, as float32; outside the grid counts as 0."""
    height, width = grid.shape
    top, left = math.floor(row), math.floor(column)
    if top < 0 or left < 0 or top >= height or left >= width:
        return _NIL
    fr, fc = np.float32(row - np.float32(top)), np.float32(column - np.float32(left))
    r, c = int(top), int(left)
    first = table[grid[r, c]]
    second = table[grid[r, c + 1]] if c + 1 < width else _NIL
    below = table[grid[r + 1, c]] if r + 1 < height else _NIL
    last = table[grid[r + 1, c + 1]] if r + 1 < height and c + 1 < width else _NIL
    upper = first + (second - first) * fc
    lower = below + (last - below) * fc
    return np.float32(upper + (lower - upper) * fr)


@compiled
def reading(grid: Bytes, table: Small, r0: Any, c0: Any, dr: Any, dc: Any, along: float) -> Any:
    """``at_half`` so far ``along`` a ray (r0, c0), (dr, dc), all float32; and that length as float32."""
    at = np.float32(along)
    return at_half(grid, table, r0 + dr * at, c0 + dc * at), at


@compiled
def outline(
    labels: Bytes, table: Small, centre: Floats, spans: Floats, spacing: Floats, directions: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """The outer edge of what ``table`` (256) says is inside: curve (n, 2), inward normals (n, 2), arcs and radii (n).

    ``centre`` (mm) is what it is seen from, ``spans`` its height and width (mm); ``directions`` (n, 2) are the rays. As
    ``walls.outlines_of``, ``inward_normals`` and ``arc_steps``.
    """
    count = directions.shape[0]
    least, most = min(spacing[0], spacing[1]), max(spacing[0], spacing[1])
    far = max(spans[0], spans[1])
    step = max(0.8 * least, 0.85 * far / (0.6 * _COARSE_STEPS))
    steps = math.ceil(0.85 * far / step + 2)
    fine = 0.5 * least
    fines = math.ceil(step / fine + 4.5)
    r0, c0 = np.float32(centre[0] / spacing[0]), np.float32(centre[1] / spacing[1])
    radius = np.empty(count)
    for ray in range(count):
        dr, dc = np.float32(directions[ray, 0] / spacing[0]), np.float32(directions[ray, 1] / spacing[1])
        last = steps - 1
        while last > 0:
            reach = np.float32(step * last)
            if table[nearest(labels, r0 + dr * reach, c0 + dc * reach)] > 0:
                break
            last -= 1
        # From the far end inward to the last place that is inside; with none, the third one from the near end.
        high = fines - 2
        v1, _ = reading(labels, table, r0, c0, dr, dc, step * last + fine * (high - 1))
        v0, along = reading(labels, table, r0, c0, dr, dc, step * last + fine * (high - 2))
        if v1 < _HALF:
            while high > 0 and v0 < _HALF:
                high -= 1
                v1 = v0
                v0, along = reading(labels, table, r0, c0, dr, dc, step * last + fine * (high - 2))
            if v0 < _HALF:
                v1, _ = reading(labels, table, r0, c0, dr, dc, step * last + fine)
                v0, along = reading(labels, table, r0, c0, dr, dc, step * last)
        share = (v0 - _HALF) / max(v0 - v1, np.float32(1e-9))
        radius[ray] = along + np.float32(fine) * min(max(share, _NIL), _ONE)
    total = 0.0
    for ray in range(count):
        total += radius[ray]
    arc = 2 * np.pi * (total / count) / count
    radius = smoothed(radius, max(0.9, 1.5 * most / max(arc, 1e-9)))
    curve = np.empty((count, 2))
    for ray in range(count):
        curve[ray, 0] = centre[0] + radius[ray] * directions[ray, 0]
        curve[ray, 1] = centre[1] + radius[ray] * directions[ray, 1]
    normal, arcs = sides(curve)
    radii = np.empty(count)
    for ray in range(count):
        radii[ray] = math.hypot(curve[ray, 0] - centre[0], curve[ray, 1] - centre[1])
    return curve, normal, arcs, radii


@compiled
def smoothed(line: Floats, width: float) -> Floats:
    """A closed line after a Gaussian of this standard deviation (in points), cut off at four of them."""
    reach = int(4.0 * width + 0.5)
    weight, whole = np.empty(reach + 1), -1.0
    for k in range(reach + 1):
        weight[k] = math.exp(-0.5 / (width * width) * (k * k))
        whole += 2 * weight[k]
    count = line.size
    out = np.empty(count)
    for n in range(count):
        total = line[n] * weight[0]
        for k in range(reach, 0, -1):
            total += (line[(n - k) % count] + line[(n + k) % count]) * weight[k]
        out[n] = total / whole
    return out


@compiled
def sides(curve: Floats) -> tuple[Floats, Floats]:
    """Inward unit normals (n, 2) of a closed curve (n, 2), and the length of wall (n) that each point stands for."""
    count = curve.shape[0]
    normal, step, arcs = np.empty((count, 2)), np.empty(count), np.empty(count)
    area = 0.0
    for n in range(count):
        before, after = (n - 1) % count, (n + 1) % count
        down, across = curve[after, 0] - curve[before, 0], curve[after, 1] - curve[before, 1]
        size = max(math.hypot(across, -down), 1e-9)
        normal[n, 0], normal[n, 1] = across / size, -down / size
        area += curve[n, 1] * curve[after, 0] - curve[after, 1] * curve[n, 0]
        step[n] = math.hypot(curve[after, 0] - curve[n, 0], curve[after, 1] - curve[n, 1])
    for n in range(count):
        arcs[n] = 0.5 * (step[n] + step[(n - 1) % count])
    if area <= 0:
        for n in range(count):
            normal[n, 0], normal[n, 1] = -normal[n, 0], -normal[n, 1]
    return normal, arcs


@compiled
def chords(
    grid: Bytes, table: Small, spans: Floats, curve: Floats, normal: Floats, look: Flags, spacing: Floats
) -> tuple[Floats, Floats]:
    """Start and length (n) of the first run of what ``table`` says is inside, along each inward normal; 0 where none.

    ``spans`` are its height and width (mm), ``look`` (n) the rays to look at. As ``walls.first_runs`` and
    ``across_wall``: a chord that runs along the wall does not count.
    """
    count = curve.shape[0]
    begin, length = np.zeros(count), np.zeros(count)
    least, most = min(spacing[0], spacing[1]), max(spacing[0], spacing[1])
    half, before = 0.5 * least, _START_WITHIN_PX * most
    wide = 0.0
    for axis in range(2):
        low = high = curve[0, axis]
        for n in range(1, count):
            low, high = min(low, curve[n, axis]), max(high, curve[n, axis])
        wide = max(wide, high - low)
    far = min(math.hypot(spans[0], spans[1]), 0.55 * wide) + before
    step = max(half, far / _COARSE_STEPS)
    number = math.ceil((far + 2 * step + before) / step)
    offsets = math.ceil(step / half + 4.5)
    nears = math.ceil((before + half - -before) / (2 * half))
    near_step = (-before + 2 * half) - -before
    third = (count + 2) // 3
    wall = np.empty((2, third), np.float32)
    for n in range(third):
        wall[0, n], wall[1, n] = np.float32(curve[3 * n, 0]), np.float32(curve[3 * n, 1])
    for ray in range(count):
        if not look[ray]:
            continue
        r0, c0 = np.float32(curve[ray, 0] / spacing[0]), np.float32(curve[ray, 1] / spacing[1])
        dr, dc = np.float32(normal[ray, 0] / spacing[0]), np.float32(normal[ray, 1] / spacing[1])
        some = False
        for k in range(nears):
            along = np.float32(-before + k * near_step)
            some |= table[nearest(grid, r0 + dr * along, c0 + dc * along)] > 0
        if not some:
            continue
        first = stop = -1
        for k in range(number):
            along = np.float32(step * k - before)
            inside = table[nearest(grid, r0 + dr * along, c0 + dc * along)] > 0
            if first < 0:
                if inside:
                    first = k
            elif not inside:
                stop = k
                break
        if first < 0:
            first = stop = 0
        stop = number - 1 if stop < 0 else stop
        a = crossing(grid, table, r0, c0, dr, dc, step * first - before, step, half, offsets, True)
        b = crossing(grid, table, r0, c0, dr, dc, step * stop - before, step, half, offsets, False)
        if b <= a:
            continue
        begin[ray] = a
        row = np.float32(curve[ray, 0] + normal[ray, 0] * b)
        column = np.float32(curve[ray, 1] + normal[ray, 1] * b)
        closest = np.float32(np.inf)
        for n in range(third):
            down, across = row - wall[0, n], column - wall[1, n]
            closest = min(closest, down * down + across * across)
        if b - a <= np.float32(1.15) * np.sqrt(closest) + np.float32(2.0 * most):
            length[ray] = b - a
    return begin, length


@compiled
def crossing(
    grid: Bytes,
    table: Small,
    r0: Any,
    c0: Any,
    dr: Any,
    dc: Any,
    there: float,
    step: float,
    half: float,
    offsets: int,
    rising: bool,
) -> float:
    """Where the values between pixels cross one half, between the coarse place ``there`` and the one before."""
    v0 = before = _NIL
    for k in range(offsets):
        along = np.float32((there - step - 2 * half) + half * k)
        v1 = at_half(grid, table, r0 + dr * along, c0 + dc * along)
        if (v1 >= _HALF) if rising else (v1 < _HALF):
            if k == 0:  # the first step of the look is already over: its own slope, cut off at its begin
                v0, before = v1, along
                along = np.float32((there - step - 2 * half) + half)
                v1 = at_half(grid, table, r0 + dr * along, c0 + dc * along)
            apart = v1 - v0 if abs(v1 - v0) > np.float32(1e-9) else _ONE
            share = min(max((_HALF - v0) / apart, _NIL), _ONE)
            return float(before + np.float32(half) * share)
        v0, before = v1, along
    return there


@compiled
def median_of(line: Floats, count: int) -> Floats:
    """Running median over ``count`` points (odd) of a closed line; the line itself where that leaves nothing."""
    size, half = line.size, count // 2
    out, window = np.empty(size), np.empty(count)
    for n in range(size):
        for k in range(count):
            value = line[(n + k - half) % size]
            at = k
            while at > 0 and window[at - 1] > value:
                window[at] = window[at - 1]
                at -= 1
            window[at] = value
        out[n] = window[half]
    for n in range(size):
        if out[n] > 0:
            return out
    return line


@compiled
def spread(line: Floats, count: int, up: bool) -> Floats:
    """The greatest (``up``) or least value within ``count`` points (odd) around each point of a closed line."""
    size, half = line.size, count // 2
    out = np.empty(size)
    for n in range(size):
        out[n] = line[n]
        for k in range(-half, half + 1):
            value = line[(n + k) % size]
            if (value > out[n]) if up else (value < out[n]):
                out[n] = value
    return out


@compiled
def may_hold_free_part(
    raw: Floats, arcs: Floats, area: float, spike_width: float, spike_height: float, unexplained: float
) -> bool:
    """A quick look: a peak narrower and higher than given, or more plaque (``area``) than the profile explains."""
    around = 0.0
    for n in range(raw.size):
        around += arcs[n]
    size = max(3, 2 * int(np.rint(spike_width / max(around / raw.size, 1e-9) / 2)) + 1)
    opened = spread(spread(raw, size, False), size, True)
    for n in range(raw.size):
        if raw[n] - opened[n] > spike_height:
            return True
    radius, explained = around / (2 * np.pi), 0.0
    for n in range(raw.size):
        explained += raw[n] * arcs[n] * (1 - min(raw[n], radius) / (2 * radius))
    return area - explained > max(unexplained, 0.04 * area)


@compiled
def owners(pieces: Bytes, curve: Floats, normal: Floats, begin: Floats, length: Floats, spacing: Floats) -> Bytes:
    """Which piece each ray's chord goes through (n), looked up at three and six tenths of it."""
    out = np.zeros(length.size, np.uint8)
    for ray in range(length.size):
        if length[ray] > 0:
            for share in range(2):
                along = begin[ray] + (0.6 if share == 0 else 0.3) * length[ray]
                row = (curve[ray, 0] + normal[ray, 0] * along) / spacing[0]
                column = (curve[ray, 1] + normal[ray, 1] * along) / spacing[1]
                here = nearest(pieces, row, column)
                if here > 0:
                    out[ray] = here
    return out


@compiled
def longest(owner: Bytes, length: Floats, count: int) -> Whole:
    """The ray of the longest chord of each piece (count + 1), the first of equal ones; -1 where a piece has none."""
    best = np.empty(count + 1, np.int64)
    for n in range(count + 1):
        best[n] = -1
    for ray in range(owner.size):
        mine = owner[ray]
        if mine <= count and length[ray] > 0 and (best[mine] < 0 or length[ray] > length[best[mine]]):
            best[mine] = ray
    return best


@compiled
def bridged(raw: Floats, begin: Floats, curve: Floats, normal: Floats, mask: Bytes, steps: Floats) -> Floats:
    """The profile with chords that run through a mobile part (``mask``, pixels of ``steps`` mm) bridged from the plaque
    on both sides of its foot. As ``inference.thickness._without_free``."""
    count = raw.size
    hit, wide, some, clear = np.zeros(count, np.bool_), np.zeros(count, np.bool_), False, -1
    for ray in range(count):
        if raw[ray] > 0:
            for k in range(24):
                along = begin[ray] + raw[ray] * (k / 23.0)
                row = (curve[ray, 0] + normal[ray, 0] * along) / steps[0]
                column = (curve[ray, 1] + normal[ray, 1] * along) / steps[1]
                if nearest(mask, row, column) > 0:
                    hit[ray] = some = True
                    break
    for ray in range(count):
        wide[ray] = hit[ray - 1] or hit[ray] or hit[(ray + 1) % count]
        clear = clear if wide[ray] else ray
    out = np.empty(count)
    for ray in range(count):
        if not some or not wide[ray]:
            out[ray] = raw[ray]
        elif clear < 0:
            out[ray] = 0.0
        else:
            before, after = 1, 1
            while wide[(ray - before) % count]:
                before += 1
            while wide[(ray + after) % count]:
                after += 1
            low, high = raw[(ray - before) % count], raw[(ray + after) % count]
            out[ray] = min(raw[ray], low + (high - low) / (before + after) * before)
    return out


@compiled
def clear_share(grey: Small, contrast: float) -> float:
    """Share of rays with contrast, of the first four rows of ``grey_along``. See ``inference.border.quality_of``."""
    shown, clear = 0, 0
    for ray in range(grey.shape[1]):
        outside, wall, blood, plaque = grey[0, ray], grey[1, ray], grey[2, ray], grey[3, ray]
        if wall > 0 or outside > 0:
            shown += 1
            solid = wall if wall >= plaque or plaque != plaque else plaque
            solid = solid if solid >= outside or outside != outside else outside
            clear += solid - (blood if blood == blood else _NIL) >= contrast
    return clear / shown if shown and shown >= 0.2 * grey.shape[1] else 0.0


@compiled
def grey_along(
    image: Bytes,
    curve: Floats,
    normal: Floats,
    length: Floats,
    solid: Floats,
    unit: float,
    scale: Floats,
    shift: Floats,
    apex: Floats,
    offsets: Floats,
    behind: Floats,
    bare_wall: float,
) -> Small:
    """Mean grey ``outside``, of the ``wall``, the ``blood`` and the ``plaque``, the plaque's greatest (``bright``), and
    the mean ``behind`` the wall along the beam: (6, n), NaN where nothing could be read.

    Canvas places are ``places * scale + shift``; ``offsets`` and ``behind`` are in units of ``unit`` (one nominal mm)
    along the normal and along the beam from ``apex``. See ``inference.border``.
    """
    count = curve.shape[0]
    out = np.empty((6, count), np.float32)
    total, seen = np.zeros(4, np.float32), np.zeros(4, np.int64)
    for ray in range(count):
        r0 = np.float32(curve[ray, 0] / scale[0] / scale[2] + shift[0])
        c0 = np.float32(curve[ray, 1] / scale[1] / scale[3] + shift[1])
        dr = np.float32(normal[ray, 0] / scale[0] / scale[2])
        dc = np.float32(normal[ray, 1] / scale[1] / scale[3])
        inner = max(max(solid[ray], length[ray]), bare_wall * unit)
        for kind in range(4):
            total[kind], seen[kind] = 0, 0
        for kind in range(6):
            out[kind, ray] = np.nan
        bright = 0
        for k in range(offsets.size):
            at = np.float32(offsets[k] * unit)
            value = nearest(image, r0 + dr * at, c0 + dc * at)
            if at < -0.9 * unit:
                total[0] += value
                seen[0] += 1
            if at > -0.9 * unit and at < 1.1 * unit:
                total[1] += value
                seen[1] += 1
            if at > inner + 0.7 * unit and at < inner + 3.1 * unit:
                total[2] += value
                seen[2] += 1
            if at > 0.4 * unit and at < length[ray] - 0.2 * unit:
                total[3] += value
                seen[3] += 1
                bright = max(bright, int(value))
        for kind in range(4):
            if seen[kind]:
                out[kind, ray] = total[kind] / np.float32(seen[kind])
        if seen[3]:
            out[4, ray] = bright
        down, across = curve[ray, 0] - apex[0], curve[ray, 1] - apex[1]
        far = max(math.hypot(down, across), 1e-9)
        down, across = down / far, across / far
        if down * normal[ray, 0] + across * normal[ray, 1] < -0.3:
            dr, dc = np.float32(down / scale[0] / scale[2]), np.float32(across / scale[1] / scale[3])
            whole = np.float32(0)
            for k in range(behind.size):
                at = np.float32(behind[k] * unit)
                whole += np.float32(nearest(image, r0 + dr * at, c0 + dc * at))
            out[5, ray] = whole / np.float32(behind.size)
    return out

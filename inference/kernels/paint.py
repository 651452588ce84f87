"""Loops over pixels: from the picture to the canvas, from there to labels on the source grid, what these sum up to.

Labels are uint8 (rows, columns), in one block (C order); boxes are half open.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.kernels import compiled

Bytes = NDArray[np.uint8]
Whole = NDArray[np.int64]
Floats = NDArray[np.float64]
Small = NDArray[np.float32]


@compiled
def resample(
    grey: Bytes,
    corner: Whole,
    rows: Whole,
    row_first: Whole,
    row_weight: Small,
    columns: Whole,
    column_first: Whole,
    column_weight: Small,
    wide: int,
) -> Bytes:
    """A region of a picture on the canvas, uint8 (len(rows) - 1, len(columns) - 1).

    ``grey`` is the whole picture, ``corner`` the region's first row and column, ``wide`` its columns. The weights of
    canvas row n are ``row_weight[rows[n] : rows[n + 1]]``, for the region's rows from ``row_first[n]`` on; so with the
    columns. Sums run in that order and in float32, first over rows and then over columns; halves are rounded up.
    """
    height, width = rows.size - 1, columns.size - 1
    out = np.empty((height, width), np.uint8)
    line, total = np.empty(wide, np.float32), np.empty(height, np.float32)
    turned = np.empty((wide, height), np.float32)
    for row in range(height):
        for column in range(wide):
            line[column] = 0
        for k in range(rows[row + 1] - rows[row]):
            weight = row_weight[rows[row] + k]
            source = grey[corner[0] + row_first[row] + k, corner[1] : corner[1] + wide]
            for column in range(wide):
                line[column] += weight * np.float32(source[column])
        for column in range(wide):
            turned[column, row] = line[column]
    for column in range(width):
        for row in range(height):
            total[row] = 0
        for k in range(columns[column + 1] - columns[column]):
            weight, source32 = column_weight[columns[column] + k], turned[column_first[column] + k]
            for row in range(height):
                total[row] += weight * source32[row]
        for row in range(height):
            out[row, column] = np.uint8(np.int32(total[row] + np.float32(0.5)))
    return out


@compiled
def taps(
    start: int, stop: int, step: float, shift: float, first: int, count: int, size: int
) -> tuple[Whole, Whole, Small, Small]:
    """Which two lines of ``count`` canvas lines from ``first`` make each source line, and their weights.

    As ``inference.preprocess._taps``: source line n lies at ``(n + 0.5) * step + shift - 0.5`` of ``size`` canvas
    lines; the weight of a line that is not there is 0.
    """
    lines = stop - start
    here, after = np.empty(lines, np.int64), np.empty(lines, np.int64)
    share, rest = np.zeros(lines, np.float32), np.zeros(lines, np.float32)
    for n in range(lines):
        at = (start + n + 0.5) * step + shift - 0.5
        inside = -0.5 <= at <= size - 0.5
        at = min(max(at, 0.0), size - 1.0)
        low = min(int(at), size - 2)
        line = low - first
        if inside and 0 <= line < count:
            share[n] = 1 - (at - low)
        if inside and 0 <= line + 1 < count:
            rest[n] = at - low
        here[n], after[n] = min(max(line, 0), count - 1), min(max(line + 1, 0), count - 1)
    return here, after, share, rest


@compiled
def paint(part: Small, box: Whole, source: Whole, steps: Floats, shifts: Floats, size: int) -> tuple[Bytes, bool]:
    """Labels of a part of the source grid, uint8, and whether any is lumen (1).

    ``part`` (3, h, w) holds the margins of lumen, wall and plaque in ``box`` of the canvas (``size`` lines each way);
    ``source`` is the box on the region's grid, ``steps`` the canvas pixels per source pixel down and across, ``shifts``
    where the region begins on the canvas. The margins are mixed from the four pixels around each place; the label is
    the greatest one's number where that is above zero, else 0.
    """
    height, width = part.shape[1:]
    r0, r1, rs, rt = taps(source[0], source[1], steps[0], shifts[0], box[0], height, size)
    c0, c1, cs, ct = taps(source[2], source[3], steps[1], shifts[1], box[2], width, size)
    labels = np.zeros((r0.size, c0.size), np.uint8)
    # Between pixels that are all ground there is ground: each canvas row's foreground bounds what has to be mixed.
    low, high = np.empty(height, np.int64), np.empty(height, np.int64)
    for row in range(height):
        low[row], high[row] = width, -1
        for column in range(width):
            if part[0, row, column] > 0 or part[1, row, column] > 0 or part[2, row, column] > 0:
                low[row], high[row] = min(low[row], column), column
    wide = np.zeros((height, 3, c0.size), np.float32)
    for row in range(height):
        left, right = low[row], high[row]
        for beside in range(max(row - 1, 0), min(row + 2, height)):
            left, right = min(left, low[beside]), max(right, high[beside])
        begin, end = _reached(c0, c1, left, right)
        # Slices, and columns counted from 0: a column that could be below 0 would keep the loop from being wide.
        near, far, share_near, share_far = c0[begin:end], c1[begin:end], cs[begin:end], ct[begin:end]
        for plane in range(3):
            line, values = wide[row, plane, begin:end], part[plane, row]
            for n in range(line.size):
                line[n] = values[near[n]] * share_near[n] + values[far[n]] * share_far[n]
    seen = np.uint8(0)
    for n in range(r0.size):
        share, rest = rs[n], rt[n]
        begin, end = _reached(c0, c1, min(low[r0[n]], low[r1[n]]), max(high[r0[n]], high[r1[n]]))
        if begin >= end:
            continue
        marks, above, below = labels[n, begin:end], wide[r0[n], :, begin:end], wide[r1[n], :, begin:end]
        blood_above, wall_above, plaque_above = above[0], above[1], above[2]
        blood_below, wall_below, plaque_below = below[0], below[1], below[2]
        for column in range(marks.size):
            blood = blood_above[column] * share + blood_below[column] * rest
            wall = wall_above[column] * share + wall_below[column] * rest
            plaque = plaque_above[column] * share + plaque_below[column] * rest
            label = np.uint8(2) if wall > blood else np.uint8(1)
            most = wall if wall > blood else blood
            label = np.uint8(3) if plaque > most else label
            most = plaque if plaque > most else most
            label = label if most > 0 else np.uint8(0)
            marks[column] = label
            seen |= np.uint8(label == 1)
    return labels, bool(seen > 0)


@compiled
def _reached(c0: Whole, c1: Whole, left: int, right: int) -> tuple[int, int]:
    """The source columns that read any canvas column from ``left`` to ``right``, half open."""
    begin, end = 0, c0.size
    while begin < end and c1[begin] < left:
        begin += 1
    while end > begin and c0[end - 1] > right:
        end -= 1
    return begin, end


@compiled
def counted(labels: Bytes) -> tuple[Whole, Floats, Whole]:
    """Pixels of each label (4), the sum of rows and columns of what is not ground (2), and two boxes (2, 4).

    The boxes (row, row, column, column) hold what is not ground, and what is wall or plaque (2, 3); zeros for nothing.
    """
    height, width = labels.shape
    size, sums = np.zeros(4, np.int64), np.zeros(2, np.float64)
    down = np.zeros(width, np.int32)
    solid_down = np.zeros(width, np.uint8)
    boxes = np.zeros((2, 4), np.int64)
    for row in range(height):
        some = solid = plaque = np.int32(0)
        for column in range(width):
            label = labels[row, column]
            down[column] += np.int32(label > 0)
            solid_down[column] |= np.uint8(label > 1)
            some += np.int32(label > 0)
            solid += np.int32(label > 1)
            plaque += np.int32(label == 3)
        size[1] += some - solid
        size[2] += solid - plaque
        size[3] += plaque
        sums[0] += some * row
        if some:
            if boxes[0, 1] == 0:
                boxes[0, 0] = row
            boxes[0, 1] = row + 1
        if solid:
            if boxes[1, 1] == 0:
                boxes[1, 0] = row
            boxes[1, 1] = row + 1
    size[0] = height * width - size[1] - size[2] - size[3]
    for column in range(width):
        sums[1] += down[column] * column
        if down[column]:
            if boxes[0, 3] == 0:
                boxes[0, 2] = column
            boxes[0, 3] = column + 1
        if solid_down[column]:
            if boxes[1, 3] == 0:
                boxes[1, 2] = column
            boxes[1, 3] = column + 1
    return size, sums, boxes

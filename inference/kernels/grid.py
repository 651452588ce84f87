"""Loops over the connected pieces of a frame: the vessel on the canvas, plaques, mobile parts; and run lengths.

Masks and labels are uint8 (rows, columns), in one block (C order); boxes are half open. Pieces are numbered from 1 in
the order in which their first pixel comes, row by row.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from inference.kernels import compiled

Bytes = NDArray[np.uint8]
Whole = NDArray[np.int64]
Floats = NDArray[np.float64]
Small = NDArray[np.float32]
_LOWERED = np.float32(-1e4)
_EACH = np.uint64(0x0101010101010101)
"""Times a byte: eight of it. Eight equal pixels are passed over at once."""


@compiled
def runs_of(mask: Bytes) -> tuple[Whole, Whole, Whole]:
    """Where each row's runs begin in the list (rows + 1), and the first column of each run and the one after its last.

    ``mask`` holds 0 and 1.
    """
    height, width = mask.shape
    first = np.empty(height + 1, np.int64)
    start = np.empty(height * ((width + 1) // 2), np.int64)
    stop = np.empty(height * ((width + 1) // 2), np.int64)
    line = np.zeros(8 * (width // 8 + 1), np.uint8)
    words = line.view(np.uint64)
    count = 0
    for row in range(height):
        first[row] = count
        for column in range(width):
            line[column] = mask[row, column]
        before = np.uint8(0)
        for word in range(words.size):  # the line ends in at least one 0, which ends a last run
            if words[word] == np.uint64(before) * _EACH:
                continue
            for column in range(8 * word, 8 * word + 8):
                now = line[column]
                if now != before:
                    if now:
                        start[count] = column
                    else:
                        stop[count] = column
                        count += 1
                    before = now
    first[height] = count
    return first, start[:count], stop[:count]


@compiled
def joined(first: Whole, start: Whole, stop: Whole, reach: int) -> tuple[Whole, int]:
    """The piece of each run, from 1, and how many there are; ``reach`` 1 joins over corners (8), 0 over sides (4)."""
    root = np.empty(start.size, np.int64)
    for run in range(start.size):
        root[run] = run
    for row in range(1, first.size - 1):
        above, here = first[row - 1], first[row]
        while above < first[row] and here < first[row + 1]:
            if start[above] < stop[here] + reach and start[here] < stop[above] + reach:
                a, b = above, here
                while root[a] != a:
                    root[a] = root[root[a]]
                    a = root[a]
                while root[b] != b:
                    root[b] = root[root[b]]
                    b = root[b]
                root[max(a, b)] = min(a, b)
            if stop[above] < stop[here]:
                above += 1
            else:
                here += 1
    piece = np.empty(start.size, np.int64)
    count = 0
    for run in range(start.size):
        top = run
        while root[top] != top:
            top = root[top]
        if top == run:
            count += 1
            piece[run] = count
        else:
            piece[run] = piece[top]
    return piece, count


@compiled
def cut_vessel(logits: Small, least: float, margin: int) -> tuple[bool, Whole, Small]:
    """The largest piece of foreground in a frame's outputs (4, size, size): its margins over the ground.

    Returns whether all outputs are numbers; the piece's box (row, row, column, column), widened by ``margin`` pixels
    and empty where no piece (8-connected) has ``least`` pixels; and logits less that of the ground (3, h, w) in that
    box, float32, where other pieces are lowered to -1e4.
    """
    height, width = logits.shape[1:]
    rough = np.empty((height, width), np.uint8)
    odd = 0
    for row in range(height):
        for column in range(width):
            ground = logits[0, row, column]
            a, b, c = logits[1, row, column], logits[2, row, column], logits[3, row, column]
            rough[row, column] = (a > ground) | (b > ground) | (c > ground)
            # A difference of a number with itself is 0, that of an infinity or of no number is not.
            odd |= ((ground - ground) + (a - a) + (b - b) + (c - c)) != np.float32(0)
    box, none = np.zeros(4, np.int64), np.empty((3, 0, 0), np.float32)
    if odd:
        return False, box, none
    first, start, stop = runs_of(rough)
    piece, count = joined(first, start, stop, 1)
    size, largest = np.zeros(count + 1, np.int64), 0
    for run in range(start.size):
        size[piece[run]] += stop[run] - start[run]
    for n in range(1, count + 1):
        largest = n if size[n] > size[largest] else largest
    if largest == 0 or size[largest] < least:
        return True, box, none
    box[0], box[2] = height, width
    for row in range(height):
        for run in range(first[row], first[row + 1]):
            if piece[run] == largest:
                box[0], box[1] = min(box[0], row), row + 1
                box[2], box[3] = min(box[2], start[run]), max(box[3], stop[run])
    box[0], box[1] = max(box[0] - margin, 0), min(box[1] + margin, height)
    box[2], box[3] = max(box[2] - margin, 0), min(box[3] + margin, width)
    top, left = box[0], box[2]
    part = np.empty((3, box[1] - top, box[3] - left), np.float32)
    for plane in range(3):
        for row in range(part.shape[1]):
            for column in range(part.shape[2]):
                ground = logits[0, top + row, left + column]
                part[plane, row, column] = logits[plane + 1, top + row, left + column] - ground
    if count > 1:
        for row in range(top, box[1]):
            for run in range(first[row], first[row + 1]):
                if piece[run] != largest:
                    for column in range(max(start[run], left), min(stop[run], box[3])):
                        for plane in range(3):
                            part[plane, row - top, column - left] = _LOWERED
    return True, box, part


@compiled
def pieces_of(labels: Bytes, label: int, fill: float, drop: float) -> tuple[Bytes, Whole, int, Whole]:
    """The pieces (8-connected) of one label, uint8 on the same grid (from the 255th on all are 255), without specks.

    Holes (4-connected ground within the label's bounding box that does not touch its edge) of fewer than ``fill``
    pixels are filled, pieces of fewer than ``drop`` are left out. Further the pixels of each piece, beginning with a 0
    for the ground; how many were left out; and the box (row, row, column, column) of what stayed, zeros for nothing.
    """
    out = np.zeros(labels.shape, np.uint8)
    box = np.zeros(4, np.int64)
    mine = np.zeros(labels.shape, np.uint8)
    down = np.zeros(labels.shape[1], np.uint8)
    top, bottom = labels.shape[0], 0
    for row in range(labels.shape[0]):
        any_here = False
        for column in range(labels.shape[1]):
            here = labels[row, column] == label
            mine[row, column] = np.uint8(here)
            down[column] |= np.uint8(here)
            any_here |= here
        if any_here:
            top, bottom = min(top, row), row + 1
    if bottom == 0:
        return out, np.zeros(1, np.int64), 0, box
    left, right = 0, labels.shape[1]
    while not down[left]:
        left += 1
    while not down[right - 1]:
        right -= 1
    height, width = bottom - top, right - left
    part, ground = np.empty((height, width), np.uint8), np.empty((height, width), np.uint8)
    for row in range(height):
        for column in range(width):
            part[row, column] = mine[top + row, left + column]
            ground[row, column] = 1 - part[row, column]
    first, start, stop = runs_of(ground)
    hole, holes = joined(first, start, stop, 0)
    sizes, open_ = np.zeros(holes + 1, np.int64), np.zeros(holes + 1, np.bool_)
    for row in range(height):
        for run in range(first[row], first[row + 1]):
            sizes[hole[run]] += stop[run] - start[run]
            if row == 0 or row == height - 1 or start[run] == 0 or stop[run] == width:
                open_[hole[run]] = True
    for row in range(height):
        for run in range(first[row], first[row + 1]):
            if not open_[hole[run]] and sizes[hole[run]] < fill:
                for column in range(start[run], stop[run]):
                    part[row, column] = 1
    first, start, stop = runs_of(part)
    piece, count = joined(first, start, stop, 1)
    sizes = np.zeros(count + 1, np.int64)
    for run in range(start.size):
        sizes[piece[run]] += stop[run] - start[run]
    number, kept = np.zeros(count + 1, np.int64), 0
    for n in range(1, count + 1):
        if sizes[n] >= drop:
            kept += 1
            number[n] = kept
    areas = np.zeros(kept + 1, np.int64)
    box[0], box[2] = labels.shape[0], labels.shape[1]
    for row in range(height):
        for run in range(first[row], first[row + 1]):
            mine_is = number[piece[run]]
            if mine_is:
                areas[mine_is] += stop[run] - start[run]
                for column in range(left + start[run], left + stop[run]):
                    out[top + row, column] = min(mine_is, 255)
                box[0], box[1] = min(box[0], top + row), top + row + 1
                box[2], box[3] = min(box[2], left + start[run]), max(box[3], left + stop[run])
    if kept == 0:
        box[0] = box[2] = 0
    return out, areas, count - kept, box


@compiled
def rle_of(labels: Bytes, pieces: Bytes, corner: Whole, size: Whole) -> tuple[Whole, Whole, Whole]:
    """Run lengths of plaque, lumen and the rest of the vessel in a picture of ``size``, zeros first, row by row.

    ``labels`` and ``pieces`` are the part of it whose upper left corner is ``corner``. A pixel of a piece is plaque
    whatever its label; lumen is label 1 besides, and the rest whatever else is not ground.
    """
    height, width = labels.shape
    edges = np.empty((3, height * (width + 1) + 2), np.int64)  # where runs begin and end, in turn, after a 0
    count = np.ones(3, np.int64)
    kinds = np.zeros(8 * (width // 8 + 1), np.uint8)
    words = kinds.view(np.uint64)
    for row in range(height):
        for column in range(width):
            label = labels[row, column]
            kind = np.uint8(2) if label == 1 else np.uint8(3)
            kind = kind if label else np.uint8(0)
            kinds[column] = np.uint8(1) if pieces[row, column] else kind
        base = (corner[0] + row) * size[1] + corner[1]
        before = np.uint8(0)
        for word in range(words.size):
            if words[word] == np.uint64(before) * _EACH:
                continue
            for column in range(8 * word, 8 * word + 8):
                kind = kinds[column]
                if kind == before:
                    continue
                if before:
                    edges[before - 1, count[before - 1]] = base + column
                    count[before - 1] += 1
                if kind:
                    if count[kind - 1] > 1 and edges[kind - 1, count[kind - 1] - 1] == base + column:
                        count[kind - 1] -= 1  # it goes on from the end of the row above
                    else:
                        edges[kind - 1, count[kind - 1]] = base + column
                        count[kind - 1] += 1
                before = kind
    total = size[0] * size[1]
    for which in range(3):
        if count[which] == 1 or edges[which, count[which] - 1] < total:
            edges[which, count[which]] = total
            count[which] += 1
    for which in range(3):
        since = 0
        for n in range(1, count[which]):
            at = edges[which, n]
            edges[which, n] = at - since
            since = at
    return edges[0, 1 : count[0]], edges[1, 1 : count[1]], edges[2, 1 : count[2]]


@compiled
def _grown(mask: Bytes, times: int) -> Bytes:
    """A mask grown by so many pixels to an octagon: steps to the four and to the eight neighbours take turns."""
    height, width = mask.shape
    now = np.zeros((height + 2, width + 2), np.uint8)
    wide, then = np.zeros((height + 2, width + 2), np.uint8), np.zeros((height + 2, width + 2), np.uint8)
    for row in range(height):
        for column in range(width):
            now[row + 1, column + 1] = mask[row, column]
    for turn in range(times):
        for row in range(1, height + 1):
            for column in range(1, width + 1):
                wide[row, column] = now[row, column - 1] | now[row, column] | now[row, column + 1]
        source = wide if turn % 2 else now
        for row in range(1, height + 1):
            for column in range(1, width + 1):
                then[row, column] = wide[row, column] | source[row - 1, column] | source[row + 1, column]
        now, then = then, now
    out = np.empty((height, width), np.uint8)
    for row in range(height):
        for column in range(width):
            out[row, column] = now[row + 1, column + 1]
    return out


@compiled
def free_part(
    pieces: Bytes, labels: Bytes, down: int, across: int, coarse: Floats, times: int, grow: int, least: float
) -> tuple[bool, Bytes, Floats]:
    """What stands free in the lumen on a thin stalk, as ``inference.walls.mobile_part``; and whether anything does.

    Every ``down``-th row and ``across``-th column is looked at; ``coarse`` is the size of such a pixel in mm. ``times``
    is by how many pixels what is no blood is opened, ``least`` (mm) how far a part must reach from the rest, ``grow`` a
    number of pixels that is certainly less. Gives the mask on that grid, and how far its pixels lie from the rest (mm,
    0 elsewhere).
    """
    height, width = -(-pieces.shape[0] // down), -(-pieces.shape[1] // across)
    edge = times + 1
    hollow = np.zeros((height + 2 * edge, width + 2 * edge), np.uint8)
    for row in range(height):
        for column in range(width):
            r, c = row * down, column * across
            hollow[row + edge, column + edge] = np.uint8(labels[r, c] > 0 and pieces[r, c] == 0)
    firm = _grown(hollow, times)
    for row in range(firm.shape[0]):
        for column in range(firm.shape[1]):
            firm[row, column] = 1 - firm[row, column]
    first, start, stop = runs_of(_grown(firm, times))
    piece, _ = joined(first, start, stop, 1)
    base = np.zeros((height + 2 * edge, width + 2 * edge), np.uint8)
    for row in range(base.shape[0]):
        for run in range(first[row], first[row + 1]):
            if piece[run] == 1:  # that of the corner, which is outside
                for column in range(start[run], stop[run]):
                    base[row, column] = 1
    free = np.zeros((height, width), np.uint8)
    away = np.zeros((height, width))
    some = False
    for row in range(height):
        for column in range(width):
            if pieces[row * down, column * across] > 0 and base[row + edge, column + edge] == 0:
                free[row, column], some = 1, True
    if not some:
        return False, free, away
    near, far_off = _grown(base, grow), False
    for row in range(height):
        for column in range(width):
            far_off |= free[row, column] > near[row + edge, column + edge]
    if not far_off:
        return False, free, away
    first, start, stop = runs_of(free)
    piece, count = joined(first, start, stop, 1)
    reach = np.zeros(count + 1)
    for row in range(height):
        for run in range(first[row], first[row + 1]):
            for column in range(start[run], stop[run]):
                away[row, column] = _apart(base, row + edge, column + edge, coarse)
                reach[piece[run]] = max(reach[piece[run]], away[row, column])
    kept = False
    for row in range(height):
        for run in range(first[row], first[row + 1]):
            if reach[piece[run]] >= least:
                kept = True
            else:
                for column in range(start[run], stop[run]):
                    free[row, column] = 0
    return kept, free, away


@compiled
def _apart(mask: Bytes, row: int, column: int, steps: Floats) -> float:
    """Distance of a pixel to the nearest pixel of the mask."""
    best = np.inf
    for way in (-1, 1):
        r = row
        while 0 <= r < mask.shape[0]:
            rise = ((r - row) * steps[0]) ** 2
            if rise >= best:
                break
            for side in (-1, 1):
                c = column
                while 0 <= c < mask.shape[1]:
                    square = rise + ((c - column) * steps[1]) ** 2
                    if square >= best:
                        break
                    if mask[r, c]:
                        best = square
                        break
                    c += side
            r += way
    return math.sqrt(best)


@compiled
def free_parts(mask: Bytes, away: Floats, curve: Floats, steps: Floats, head: float, foot: float) -> Floats:
    """What is told of each mobile part (8-connected) of a mask, (parts, 7).

    ``away`` is how far each pixel (``steps`` mm) lies from the rest of the plaque, ``curve`` (n, 2) the outer wall. Row
    and column (mm) of the middle of what lies within ``head`` mm of its furthest pixel, and within ``foot`` of its
    nearest; the ray of ``curve`` nearest to the latter; its pixels; how far the former reaches from the wall.
    """
    first, start, stop = runs_of(mask)
    piece, count = joined(first, start, stop, 1)
    out, far, near = np.zeros((count, 7)), np.zeros(count), np.empty(count)
    for n in range(count):
        near[n] = np.inf
    size = np.zeros((count, 2), np.int64)
    for turn in range(2):
        for row in range(mask.shape[0]):
            for run in range(first[row], first[row + 1]):
                n = piece[run] - 1
                for column in range(start[run], stop[run]):
                    here, y, x = away[row, column], row * steps[0], column * steps[1]
                    if turn == 0:
                        far[n], near[n] = max(far[n], here), min(near[n], here)
                        out[n, 5] += 1
                        continue
                    if here >= far[n] - head:
                        out[n, 0], out[n, 1], size[n, 0] = out[n, 0] + y, out[n, 1] + x, size[n, 0] + 1
                        gap = np.inf
                        for ray in range(0, curve.shape[0], 3):
                            gap = min(gap, (y - curve[ray, 0]) ** 2 + (x - curve[ray, 1]) ** 2)
                        out[n, 6] = max(out[n, 6], math.sqrt(gap))
                    if here <= near[n] + foot:
                        out[n, 2], out[n, 3], size[n, 1] = out[n, 2] + y, out[n, 3] + x, size[n, 1] + 1
    for n in range(count):
        for k in range(4):
            out[n, k] /= size[n, k // 2]
        least = np.inf
        for ray in range(curve.shape[0]):
            gap = math.hypot(curve[ray, 0] - out[n, 2], curve[ray, 1] - out[n, 3])
            if gap < least:
                least, out[n, 4] = gap, ray
    return out

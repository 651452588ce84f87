"""Signs of a measurement that was drawn into the picture: crosses of calipers and dotted lines between them.

Marks are drawn with one grey over speckle that lives: in a loop they are the pixels that stay bright while the picture
moves; in a still they are thin, of one grey, and come in pairs. Found are plus and diagonal crosses of 2 to 6 pixels'
reach, and rows of evenly spaced dots. Not found: rings, single strokes and discs without a dotted line, marks fainter
than ``BRIGHT``, and a number without a mark, which no rule on pixels tells from other text (``burnin`` holds text
outside the sector for a person). The verdict only sets a clip aside until a person has looked; it is no proof.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plaqueweb.ingest.burnin import moving_hull

Grey = NDArray[np.int16]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

BRIGHT = 100
"""Least grey of a mark."""
STILL = 12
"""A mark's grey changes by no more than this over a loop; lossy compression moves it that far."""
MOVES = 12
LEAST_MOVING = 0.005
CONTRAST = 32
"""A mark's darkest pixel lies this far above the pixels between its arms."""
EVEN = 46
"""Greys within one mark of a loop: drawn with one level, softened by the scanner's own smoothing."""
EVEN_IN_STILL = 10
REACHES = range(3, 7)
DOTS = 5
"""Dots in one line, evenly spaced, that make a dotted line."""
DOTS_IN_STILL = 7
SPACINGS = (3.0, 4.0, 5.0, 6.0, 8.0)
DIRECTIONS = 36
BESIDE = 4
"""Of sixteen places around a cross, so many may be marked."""
ALIKE = 10
"""Two crosses of a still belong together when their greys differ by no more."""
FARTHEST = 0.6
"""... and lie no farther apart than this share of the picture's longer side."""
_PAD = 48


def shows_calipers(low: NDArray[np.uint8], high: NDArray[np.uint8]) -> bool:
    """Tell whether a measurement seems to be drawn into a clip.

    Args:
        low: the least grey of each pixel over the clip, uint8 (rows, columns); of a still, its grey.
        high: the greatest grey of each pixel.
    """
    grey = np.pad(low.astype(np.int16), _PAD)
    change = np.pad(high.astype(np.int16) - low, _PAD)
    moving = high.astype(np.int16) - low > MOVES
    loop = float(moving.mean()) >= LEAST_MOVING
    marks = (grey >= BRIGHT) & (change <= STILL)
    if loop:
        marks &= np.pad(moving_hull(moving), _PAD)
    rows, columns = np.nonzero(marks)
    at: tuple[Places, Places] = (rows, columns)
    if not len(at[0]):
        return False
    if loop:
        crossed = any(len(found[0]) for _shape, _reach, found in crosses(grey, marks, at, EVEN))
        return crossed or dotted(grey, marks, at, EVEN)
    return _pair(grey, marks, at) or dotted(grey, marks, at, EVEN_IN_STILL, DOTS_IN_STILL)


def crosses(
    grey: Grey, marks: Mask, at: tuple[Places, Places], even: int
) -> Iterator[tuple[str, int, tuple[Places, Places]]]:
    """Yield shape ("+" or "x"), reach in pixels, and the middles of crosses that stand alone."""
    for shape in ("+", "x"):
        rows, columns = at
        lowest = highest = grey[rows, columns]
        for reach in range(1, REACHES.stop):
            arms = _arms(shape, reach)
            stays = np.logical_and.reduce([marks[rows + dy, columns + dx] for dy, dx in arms])
            rows, columns, lowest, highest = rows[stays], columns[stays], lowest[stays], highest[stays]
            if not len(rows):
                break
            values = [grey[rows + dy, columns + dx] for dy, dx in arms]
            lowest, highest = np.minimum.reduce([lowest, *values]), np.maximum.reduce([highest, *values])
            if reach not in REACHES:
                continue
            between = np.maximum.reduce([grey[rows + dy, columns + dx] for dy, dx in _between(shape, reach)])
            good = (lowest - between >= CONTRAST) & (highest - lowest <= even)
            same = _Alike(grey, marks, rows, columns, even)
            good &= same.count(_arms(shape, reach + 2)) <= 1  # one arm may run on into a line
            good &= same.count(_ring(reach + 5)) <= BESIDE
            yield shape, reach, (rows[good], columns[good])


@dataclass(frozen=True)
class _Alike:
    """Counts marks around middles that have nearly the middle's own grey."""

    grey: Grey
    marks: Mask
    rows: Places
    columns: Places
    even: int

    def count(self, places: list[tuple[int, int]]) -> NDArray[np.int64]:
        own, found = self.grey[self.rows, self.columns], np.zeros(len(self.rows), dtype=np.int64)
        for dy, dx in places:
            y, x = self.rows + dy, self.columns + dx
            found += self.marks[y, x] & (np.abs(self.grey[y, x] - own) <= self.even)
        return found


def _ring(radius: int) -> list[tuple[int, int]]:
    """Sixteen places around a mark: letters have neighbours there, a caliper at most its own line."""
    turns = np.arange(16) * np.pi / 8
    return [(round(radius * float(np.sin(turn))), round(radius * float(np.cos(turn)))) for turn in turns]


def _arms(shape: str, reach: int) -> list[tuple[int, int]]:
    if shape == "+":
        return [(reach, 0), (-reach, 0), (0, reach), (0, -reach)]
    return [(reach, reach), (-reach, -reach), (reach, -reach), (-reach, reach)]


def _between(shape: str, reach: int) -> list[tuple[int, int]]:
    """Places between the arms, two pixels or more from each."""
    if shape == "+":
        steps = [(a, b) for a in range(2, reach + 1) for b in range(2, reach + 1)]
        return [(a * down, b * across) for a, b in steps for down in (-1, 1) for across in (-1, 1)]
    return [place for far in range(3, reach + 1) for place in ((far, 0), (-far, 0), (0, far), (0, -far))]


def dotted(grey: Grey, marks: Mask, at: tuple[Places, Places], even: int, least: int = DOTS) -> bool:
    """Tell whether small dots stand evenly in a line, with darker pixels between them and on both sides."""
    for angle in np.arange(DIRECTIONS) * np.pi / DIRECTIONS:
        way = np.array((np.sin(angle), np.cos(angle)))
        across = [np.rint(np.array((way[1], -way[0])) * far).astype(int) for far in (-4.0, -2.5, 2.5, 4.0)]
        for spacing in SPACINGS:
            rows, columns = at
            first = grey[rows, columns]
            for number in range(least):
                dot, gap = (np.rint(way * spacing * step).astype(int) for step in (number, number + 0.5))
                y, x = rows + dot[0], columns + dot[1]
                lit = marks[y, x] & (grey[y, x] - grey[rows + gap[0], columns + gap[1]] >= CONTRAST)
                lit &= np.abs(grey[y, x] - first) <= even
                lit &= np.maximum.reduce([grey[y + dy, x + dx] for dy, dx in across]) + CONTRAST <= grey[y, x]
                rows, columns, first = rows[lit], columns[lit], first[lit]
                if not len(rows):
                    break
            if len(rows):
                return True
    return False


def _pair(grey: Grey, marks: Mask, at: tuple[Places, Places]) -> bool:
    """Tell whether a still shows two crosses of one shape, size and grey."""
    farthest = FARTHEST * max(grey.shape)
    for _shape, _reach, (rows, columns) in crosses(grey, marks, at, EVEN_IN_STILL):
        if len(rows) > 40:  # a grid or a texture, no caliper
            continue
        for first in range(len(rows)):
            for second in range(first + 1, len(rows)):
                apart = float(np.hypot(rows[first] - rows[second], columns[first] - columns[second]))
                alike = abs(int(grey[rows[first], columns[first]]) - int(grey[rows[second], columns[second]])) <= ALIKE
                if alike and 6 <= apart <= farthest:
                    return True
    return False

"""From a decoded frame to the canvas of the networks and back.

Calibrated regions are brought to one physical scale (0.45 mm a pixel), so that 4 mm look the same on every scanner and
at every depth; regions without calibration are fitted into the canvas with their shape kept. Masks go back to the
source grid before anything is measured. The sampling weights are worked out once per clip.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from inference.kernels import paint
from inference.pictures import Planes
from inference.types import RegionBox

CANVAS = 192
CANVAS_MM = 0.45
SPACING_MM = (0.005, 5.0)
"""Millimetres per pixel that an ultrasound picture can have; the rest is a mistake in the file."""
_Weights = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]
VERSION = "canvas-192-0.45mm-v2"


def to_grey(frame: NDArray[Any]) -> NDArray[np.uint8]:
    """A frame (rows, columns) or (rows, columns, 3 or 4) as grey uint8, by the luma weights of ITU-R BT.601.

    Raises ValueError for another shape or another kind of number.
    """
    array = np.asarray(frame)
    if array.dtype != np.uint8:
        raise ValueError(f"Frames must hold 8-bit values (uint8); these hold {array.dtype}.")
    if array.ndim == 2:
        return array
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        raise ValueError(f"A frame is (rows, columns) or (rows, columns, 3); got the shape {array.shape}.")
    first = array[..., 0]
    if array.shape[2] == 1 or _holds_grey(array):
        # Grey stored as colour: any channel is the grey value, and taking one is many times cheaper.
        return np.ascontiguousarray(first)
    red, green, blue = (array[..., channel].astype(np.uint16) for channel in range(3))
    return np.asarray((red * 77 + green * 150 + blue * 29) // 256, dtype=np.uint8)


def _holds_grey(array: NDArray[np.uint8]) -> bool:
    """Whether all three channels are equal; a coarse look first."""
    red, green, blue = array[..., 0], array[..., 1], array[..., 2]
    if not np.array_equal(red[::3, ::3], green[::3, ::3]):
        return False
    return np.array_equal(red, green) and np.array_equal(red, blue)


def colour_share(frame: NDArray[Any] | Planes, region: RegionBox) -> float:
    """Share of the region's pixels that carry colour (largest minus smallest channel above 20): flow overlays.

    Every third row and column is looked at. Cb and Cr are brought to RGB by the formula of PS3.3 C.7.6.3.1.2, in steps
    of 1/128; where both keep within 6 of grey, no pixel can reach 20.
    """
    planes = frame if isinstance(frame, Planes) else Planes(frame)
    pixels = planes.pixels
    if pixels.ndim != 3 or pixels.shape[2] < 3:
        return 0.0
    part = pixels[region.y0 : region.y1 + 1 : 3, region.x0 : region.x1 + 1 : 3]
    if part.size == 0:
        return 0.0
    if planes.ycbcr:
        chroma = part[..., 1:]
        if int(chroma.min()) >= 122 and int(chroma.max()) <= 134:
            return 0.0
        y, cb, cr = part[..., 0].astype(np.int16), chroma[..., 0].astype(np.int32) - 128, chroma[..., 1] - np.int32(128)
        red, green, blue = (np.clip(y + (turned >> 7), 0, 255) for turned in (cr * 179, cb * -44 - cr * 91, cb * 227))
    else:
        red, green, blue = (part[..., channel].astype(np.int16) for channel in range(3))
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return float(np.mean(spread > 20))


def _matrix(start: float, scale: float, count: int, limit: int, block: int = 1) -> NDArray[np.float32]:
    """Linear sampling as a matrix (count, limit): row n reads the source at ``start + scale * n``.

    The source is averaged in blocks first, so that shrinking does not alias the speckle; ``start`` and ``scale`` count
    in blocks. Rows that read outside the source are 0. A product of two such matrices around a picture resamples it.
    """
    blocks = limit // block
    small = np.zeros((count, blocks), dtype=np.float32)
    line = np.arange(count)
    at = start + scale * line
    inside = (at >= -0.5) & (at <= blocks - 0.5)
    at = np.clip(at, 0, blocks - 1)
    low = np.minimum(at.astype(np.intp), max(blocks - 2, 0))
    np.add.at(small, (line, low), 1 - (at - low))
    np.add.at(small, (line, np.minimum(low + 1, blocks - 1)), at - low)
    small[~inside] = 0
    out = np.zeros((count, limit), dtype=np.float32)
    out[:, : blocks * block] = np.repeat(small / block, block, axis=1)
    return out


def _weights(matrix: NDArray[np.float32]) -> _Weights:
    """A matrix whose rows hold one run each of what is not 0: where each row's weights begin (rows + 1), in which
    column, and the weights."""
    sparse = csr_array(matrix)
    begin = sparse.indptr.astype(np.int64)
    first = np.append(sparse.indices, 0)[np.minimum(begin[:-1], sparse.indices.size)].astype(np.int64)
    return begin, first, sparse.data


def _taps(
    source: slice, step: float, shift: float, box: slice, size: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
    """Which two lines of a box on the canvas make each source line, and their weights; 0 for lines outside the box."""
    at = (np.arange(source.start, source.stop) + 0.5) * step + shift - 0.5
    inside = (at >= -0.5) & (at <= size - 0.5)
    at = np.clip(at, 0, size - 1)
    low = np.minimum(at.astype(np.intp), size - 2)
    second = at - low
    here, after = low - box.start, low - box.start + 1
    count = box.stop - box.start
    weights = [
        np.where(inside & (line >= 0) & (line < count), share, 0.0).astype(np.float32)
        for line, share in ((here, 1 - second), (after, second))
    ]
    return np.clip(here, 0, count - 1), np.clip(after, 0, count - 1), weights[0], weights[1]


def _mixed(
    lines: NDArray[np.float32],
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    share: NDArray[np.float32],
    rest: NDArray[np.float32],
) -> NDArray[np.float32]:
    out = lines[first]
    out *= share[:, None, None]
    other = lines[second]
    other *= rest[:, None, None]
    out += other
    return out


class Canvas:
    """The way from one region of a picture to the network's canvas and back."""

    def __init__(self, region: RegionBox, size: int = CANVAS, canvas_mm: float = CANVAS_MM) -> None:
        self.region, self.size = region, size
        rows, columns = region.rows, region.columns
        if rows < 2 or columns < 2:
            raise ValueError("A region must be at least two pixels high and wide.")
        spacing = region.spacing
        self.calibrated = spacing is not None
        if spacing is not None:
            if not all(SPACING_MM[0] <= side <= SPACING_MM[1] for side in spacing):  # no number fails, too
                raise ValueError(f"A pixel is {SPACING_MM[0]} to {SPACING_MM[1]} mm wide and high; got {spacing}.")
            # Source pixels per canvas pixel. Top of the region stays at the top: the aorta lies near the probe.
            self.step_rows, self.step_columns = canvas_mm / spacing[0], canvas_mm / spacing[1]
            self.top = 0.0
        else:
            self.step_rows = self.step_columns = max(rows, columns) / size
            self.top = (size - rows / self.step_rows) / 2
        self.left = (size - columns / self.step_columns) / 2
        # For the loops of the way back: canvas pixels per source pixel, and where the region begins on the canvas.
        self.way_back = (
            np.array([1 / self.step_rows, 1 / self.step_columns]),
            np.array([self.top, self.left], dtype=np.float64),
        )
        self.side_mm = (
            None if spacing is None else float(np.sqrt(self.step_rows * spacing[0] * self.step_columns * spacing[1]))
        )
        self._block = (self._factor(self.step_rows), self._factor(self.step_columns))
        self._forward: tuple[_Weights, _Weights] | None = None

    @staticmethod
    def _factor(step: float) -> int:
        """Whole pixels to average before sampling, so that shrinking does not alias the speckle."""
        return max(1, int(step + 0.35))

    def frame(self, frame: NDArray[Any]) -> NDArray[np.uint8]:
        """The region of a picture, grey or colour, on the canvas: uint8 (size, size); black where there is no picture.

        Raises ValueError when the region lies outside the picture, or the picture is none (see ``to_grey``).
        """
        r = self.region
        part = frame[r.y0 : r.y1 + 1, r.x0 : r.x1 + 1]
        if part.shape[:2] != (r.rows, r.columns):
            raise ValueError(f"The region {r.x0},{r.y0}-{r.x1},{r.y1} lies outside the picture {frame.shape}.")
        if self._forward is None:
            by, bx = self._block
            down, across = self.step_rows / by, self.step_columns / bx
            self._forward = (
                _weights(_matrix((0.5 - self.top) * down - 0.5, down, self.size, r.rows, by)),
                _weights(_matrix((0.5 - self.left) * across - 0.5, across, self.size, r.columns, bx)),
            )
        # A grey picture is read where it lies; of any other, a strided one among them, the region is copied first.
        whole = frame.ndim == 2 and frame.flags.c_contiguous and frame.flags.writeable
        grey = to_grey(frame) if whole else np.array(to_grey(part), order="C")
        corner = np.array((r.y0, r.x0) if whole else (0, 0))
        rows, columns = self._forward
        return paint.resample(grey, corner, *rows, *columns, r.columns)

    def labels(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Labels of the region on the canvas, by the nearest pixel (for training)."""
        r = self.region
        rows = np.floor((np.arange(self.size) + 0.5 - self.top) * self.step_rows).astype(np.intp)
        columns = np.floor((np.arange(self.size) + 0.5 - self.left) * self.step_columns).astype(np.intp)
        inside = ((rows >= 0) & (rows < r.rows))[:, None] & ((columns >= 0) & (columns < r.columns))
        picked = labels[np.clip(rows, 0, r.rows - 1)[:, None] + r.y0, np.clip(columns, 0, r.columns - 1) + r.x0]
        return np.asarray(np.where(inside, picked, 0), dtype=np.uint8)

    def back(self, values: NDArray[np.float32], canvas_box: tuple[slice, slice]) -> NDArray[np.float32]:
        """Real values (..., h, w) of a box on the canvas, on the part of the region that ``source_box`` names."""
        rows, columns = self.source_box(canvas_box)
        down = _taps(rows, 1 / self.step_rows, self.top, canvas_box[0], self.size)
        across = _taps(columns, 1 / self.step_columns, self.left, canvas_box[1], self.size)
        # Whole lines are picked and mixed, first of columns and then of rows: two of them make each line.
        planes = values.reshape(-1, *values.shape[-2:])
        wide = _mixed(np.ascontiguousarray(planes.transpose(2, 0, 1)), *across)
        high = _mixed(np.ascontiguousarray(wide.transpose(2, 1, 0)), *down)
        return high.transpose(1, 0, 2).reshape(*values.shape[:-2], high.shape[0], high.shape[2])

    def source_box(self, canvas_box: tuple[slice, slice]) -> tuple[slice, slice]:
        """The part of the region (row and column slices within it) that a box on the canvas can reach."""
        (r, c), region = canvas_box, self.region
        r0, r1 = (r.start - self.top - 1) * self.step_rows, (r.stop - self.top + 1) * self.step_rows
        c0, c1 = (c.start - self.left - 1) * self.step_columns, (c.stop - self.left + 1) * self.step_columns
        return _within(r0, r1, region.rows), _within(c0, c1, region.columns)


def _within(start: float, stop: float, count: int) -> slice:
    return slice(int(min(max(start, 0), count)), int(min(max(math.ceil(stop), 0), count)))


def whole_picture(rows: int, columns: int, reason: str) -> RegionBox:
    """The region used where none is valid: the whole picture, in pixels only."""
    return RegionBox(number=1, x0=0, y0=0, x1=columns - 1, y1=rows - 1, reason=reason)


def choose_region(regions: Sequence[RegionBox], rows: int, columns: int) -> RegionBox:
    """The region to read: valid and calibrated before uncalibrated, short axis before others, then the largest.

    Falls back to the whole picture, in pixels, where no region is valid or lies in the picture.
    """
    inside = [
        r
        for r in regions
        if r.valid and not getattr(r, "is_strip", False) and 0 <= r.x0 < r.x1 < columns and 0 <= r.y0 < r.y1 < rows
    ]
    if not inside:
        reasons = sorted({r.reason for r in regions if r.reason})
        return whole_picture(rows, columns, "; ".join(reasons) or "The file names no usable region.")
    return max(inside, key=lambda r: (r.spacing is not None, r.view == "SAX", r.rows * r.columns))

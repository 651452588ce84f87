"""From a decoded frame to the canvas of the networks and back.

Calibrated regions are brought to one physical scale (0.4 mm a pixel), so that 4 mm look the same on every scanner and at
every depth; regions without calibration are fitted into the canvas with their shape kept. Masks go back to the source
grid before anything is measured. Plain numpy; the same sampling weights are used for a whole clip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.types import RegionBox

CANVAS = 192
CANVAS_MM = 0.4
VERSION = "canvas-192-0.4mm-v1"


def to_grey(frame: NDArray[Any]) -> NDArray[np.uint8]:
    """A frame (rows, columns) or (rows, columns, 3 or 4) as grey uint8, by the luma weights of ITU-R BT.601."""
    array = np.asarray(frame)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.dtype != np.uint8:
        raise ValueError(f"Frames must hold 8-bit values (uint8); these hold {array.dtype}.")
    if array.ndim == 2:
        return array
    if array.ndim != 3 or array.shape[2] not in (3, 4):
        raise ValueError(f"A frame is (rows, columns) or (rows, columns, 3); got the shape {array.shape}.")
    weighted = array[..., 0] * np.uint16(77) + array[..., 1] * np.uint16(150) + array[..., 2] * np.uint16(29)
    return np.asarray(weighted >> 8, dtype=np.uint8)


def colour_share(frame: NDArray[Any], region: RegionBox) -> float:
    """Share of the region's pixels that carry colour (largest minus smallest channel above 20): flow overlays."""
    if frame.ndim != 3 or frame.shape[2] < 3:
        return 0.0
    part = frame[region.y0 : region.y1 + 1 : 2, region.x0 : region.x1 + 1 : 2, :3]
    return float(np.mean(part.max(axis=2).astype(np.int16) - part.min(axis=2) > 20)) if part.size else 0.0


@dataclass(frozen=True)
class _Axis:
    """Linear sampling along one axis: for every output place the lower source index and the share of the upper."""

    low: NDArray[np.intp]
    share: NDArray[np.float32]
    inside: NDArray[np.bool_]


def _axis(start: float, scale: float, count: int, limit: int) -> _Axis:
    """``count`` output places at ``start + scale * n`` in a source of ``limit`` samples."""
    at = start + scale * np.arange(count)
    inside = (at >= -0.5) & (at <= limit - 0.5)
    at = np.clip(at, 0, limit - 1)
    low = np.minimum(at.astype(np.intp), max(limit - 2, 0))
    return _Axis(low, (at - low).astype(np.float32), inside)


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
            # Source pixels per canvas pixel. Top of the region stays at the top: the aorta lies near the probe.
            self.step_rows, self.step_columns = canvas_mm / spacing[0], canvas_mm / spacing[1]
            self.top = 0.0
        else:
            self.step_rows = self.step_columns = max(rows, columns) / size
            self.top = (size - rows / self.step_rows) / 2
        self.left = (size - columns / self.step_columns) / 2
        self._block = (self._factor(self.step_rows), self._factor(self.step_columns))
        self._forward: tuple[_Axis, _Axis] | None = None
        self._back: tuple[_Axis, _Axis] | None = None

    @staticmethod
    def _factor(step: float) -> int:
        """Whole pixels to average before sampling, so that shrinking does not alias the speckle."""
        return max(1, int(step + 0.35))

    def frame(self, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The region of a grey picture on the canvas, uint8 (size, size); black where the canvas has no picture."""
        r = self.region
        part = grey[r.y0 : r.y1 + 1, r.x0 : r.x1 + 1]
        if part.shape != (r.rows, r.columns):
            raise ValueError(f"The region {r.x0},{r.y0}-{r.x1},{r.y1} lies outside the picture {grey.shape}.")
        by, bx = self._block
        height, width = part.shape[0] // by, part.shape[1] // bx
        if (by, bx) != (1, 1):
            part = part[: height * by, : width * bx]
            total = np.add.reduceat(part, np.arange(0, width * bx, bx), axis=1, dtype=np.uint16) if bx > 1 else part
            if by > 1:
                total = np.add.reduceat(total, np.arange(0, height * by, by), axis=0, dtype=np.uint16)
            scale = np.float32(1.0 / (by * bx))
        else:
            total, scale = part, np.float32(1.0)
        if self._forward is None:
            self._forward = (
                _axis(((0.5 - self.top) * self.step_rows) / by - 0.5, self.step_rows / by, self.size, height),
                _axis(((0.5 - self.left) * self.step_columns) / bx - 0.5, self.step_columns / bx, self.size, width),
            )
        return np.asarray(_sample(total, *self._forward) * scale + np.float32(0.5), dtype=np.uint8)

    def labels(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Labels of the region on the canvas, by the nearest pixel (for training)."""
        r = self.region
        rows = np.floor((np.arange(self.size) + 0.5 - self.top) * self.step_rows).astype(np.intp)
        columns = np.floor((np.arange(self.size) + 0.5 - self.left) * self.step_columns).astype(np.intp)
        inside = ((rows >= 0) & (rows < r.rows))[:, None] & ((columns >= 0) & (columns < r.columns))
        picked = labels[np.clip(rows, 0, r.rows - 1)[:, None] + r.y0, np.clip(columns, 0, r.columns - 1) + r.x0]
        return np.asarray(np.where(inside, picked, 0), dtype=np.uint8)

    def back(self, values: NDArray[np.float32], box: tuple[slice, slice] | None = None) -> NDArray[np.float32]:
        """A canvas of real values (size, size) on the region's source grid (rows, columns), 0 outside the canvas."""
        if self._back is None:
            start_r = 0.5 / self.step_rows + self.top - 0.5
            start_c = 0.5 / self.step_columns + self.left - 0.5
            self._back = (
                _axis(start_r, 1 / self.step_rows, self.region.rows, self.size),
                _axis(start_c, 1 / self.step_columns, self.region.columns, self.size),
            )
        rows, columns = self._back
        if box is not None:
            rows = _Axis(rows.low[box[0]], rows.share[box[0]], rows.inside[box[0]])
            columns = _Axis(columns.low[box[1]], columns.share[box[1]], columns.inside[box[1]])
        return _sample(values, rows, columns)

    def source_box(self, canvas_box: tuple[slice, slice]) -> tuple[slice, slice]:
        """The part of the region (row and column slices within it) that a box on the canvas can reach."""
        (r, c), region = canvas_box, self.region
        r0, r1 = (r.start - self.top - 1) * self.step_rows, (r.stop - self.top + 1) * self.step_rows
        c0, c1 = (c.start - self.left - 1) * self.step_columns, (c.stop - self.left + 1) * self.step_columns
        return (
            slice(int(np.clip(r0, 0, region.rows)), int(np.clip(np.ceil(r1), 0, region.rows))),
            slice(int(np.clip(c0, 0, region.columns)), int(np.clip(np.ceil(c1), 0, region.columns))),
        )


def _sample(values: NDArray[Any], rows: _Axis, columns: _Axis) -> NDArray[np.float32]:
    """Separable bilinear sampling; 0 outside."""
    array = values.astype(np.float32, copy=False)
    high_r = np.minimum(rows.low + 1, array.shape[0] - 1)
    high_c = np.minimum(columns.low + 1, array.shape[1] - 1)
    upper, lower = array[rows.low], array[high_r]
    lines = upper + (lower - upper) * rows.share[:, None]
    left = lines[:, columns.low]
    out = left + (lines[:, high_c] - left) * columns.share
    out *= rows.inside[:, None]
    out *= columns.inside
    return np.asarray(out, dtype=np.float32)


def whole_picture(rows: int, columns: int, reason: str) -> RegionBox:
    """The region used where none is valid: the whole picture, in pixels only."""
    return RegionBox(number=1, x0=0, y0=0, x1=columns - 1, y1=rows - 1, reason=reason)


def choose_region(regions: list[RegionBox], rows: int, columns: int) -> RegionBox:
    """The region to read: valid and calibrated before uncalibrated, short axis before others, then the largest.

    Falls back to the whole picture, in pixels, where no region is valid or lies in the picture.
    """
    inside = [
        r for r in regions
        if r.valid and 0 <= r.x0 < r.x1 < columns and 0 <= r.y0 < r.y1 < rows
    ]
    if not inside:
        reasons = sorted({r.reason for r in regions if r.reason})
        return whole_picture(rows, columns, "; ".join(reasons) or "The file names no usable region.")
    return max(inside, key=lambda r: (r.spacing is not None, r.view == "SAX", r.rows * r.columns))

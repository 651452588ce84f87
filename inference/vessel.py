"""The aorta in one frame: labels of the largest vessel on the source grid, from the segmenter's real-valued outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference import outer
from inference.kernels import grid, paint
from inference.preprocess import Canvas

Floats = NDArray[np.float32]
_MARGIN = 3
_LEAST_MM2 = 10.0
_LEAST_SHARE = 0.0016
"""Without calibration: share of the canvas that the smallest vessel covers."""


@dataclass(frozen=True)
class Vessel:
    """``labels`` (uint8, see ``inference.types``) of a part of the picture whose upper left corner is (row, column)."""

    labels: NDArray[np.uint8]
    row: int
    column: int


def least_area_px(canvas: Canvas) -> float:
    """How many canvas pixels a vessel covers at least: 10 mm2, or 0.16 % of the canvas without calibration."""
    spacing = canvas.region.spacing
    if spacing is None:
        return _LEAST_SHARE * canvas.size**2
    return _LEAST_MM2 / (canvas.step_rows * spacing[0] * canvas.step_columns * spacing[1])


def find_vessel(logits: Floats, canvas: Canvas, image: NDArray[np.uint8] | None = None) -> Vessel | None:
    """The vessel of :func:`look_for_vessel` alone."""
    return look_for_vessel(logits, canvas, image)[1]


def look_for_vessel(
    logits: Floats, canvas: Canvas, image: NDArray[np.uint8] | None = None
) -> tuple[bool, Vessel | None]:
    """The largest vessel with a lumen in a frame's outputs (4, size, size), on the source grid; None without one.

    The real-valued outputs are carried to the source grid and compared there, so that an edge lies where it was
    predicted and not on the canvas's coarser steps. What bulges out of the vessel's oval is given back to the ground
    first (see ``inference.outer``); ``image``, uint8 (size, size), says where the sector ends. The first value is False
    where the outputs are no numbers.
    """
    finite, box, part = grid.cut_vessel(np.ascontiguousarray(logits), least_area_px(canvas), _MARGIN)
    if part.size == 0:
        return bool(finite), None
    top, bottom, left, right = box.tolist()
    outer.trim(part, canvas.side_mm, None if image is None else image[top:bottom, left:right])
    rows, columns = canvas.source_box((slice(top, bottom), slice(left, right)))
    source = np.array([rows.start, rows.stop, columns.start, columns.stop])
    labels, lumen = paint.paint(part, box, source, *canvas.way_back, canvas.size)
    region = canvas.region
    return True, Vessel(labels, rows.start + region.y0, columns.start + region.x0) if lumen else None

"""The aorta in one frame: labels of the largest vessel on the source grid, from the segmenter's real-valued outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference import outer
from inference.preprocess import Canvas
from inference.types import LUMEN

Floats = NDArray[np.float32]
_MARGIN = 3
_LEAST_MM2 = 10.0
_LEAST_SHARE = 0.0016
"""Without calibration: share of the canvas that the smallest vessel covers."""
_EIGHT = np.ones((3, 3), dtype=bool)


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
    """:func:`find_vessels` for one frame: outputs (4, size, size), its picture on the canvas (size, size)."""
    return find_vessels(logits[None], canvas, None if image is None else image[None])[0]


def find_vessels(logits: Floats, canvas: Canvas, images: NDArray[np.uint8] | None = None) -> list[Vessel | None]:
    """The largest vessel with a lumen in each frame's outputs (n, 4, size, size), on the source grid; None without one.

    The real-valued outputs are carried to the source grid and compared there, so that an edge lies where it was
    predicted and not on the canvas's coarser steps. What bulges out of the vessel's oval is given back to the ground
    first (see ``inference.outer``); ``images``, uint8 (n, size, size), say where the sector ends.
    """
    found = [_part_of(frame, canvas) for frame in logits]
    there = [n for n, part in enumerate(found) if part is not None]
    parts = [part for part in found if part is not None]
    shown = None if images is None else [images[n][part.box] for n, part in zip(there, parts, strict=True)]
    spacing = canvas.region.spacing
    side = None if spacing is None else float(np.sqrt(canvas.step_rows * spacing[0] * canvas.step_columns * spacing[1]))
    outer.trim([part.margins for part in parts], side, shown)
    return [None if part is None else _on_source(part, canvas) for part in found]


@dataclass(frozen=True)
class _Part:
    """A vessel on the canvas: margins (3, h, w) of lumen, wall and plaque over the ground, and the box they fill."""

    margins: Floats
    box: tuple[slice, slice]


def _part_of(logits: Floats, canvas: Canvas) -> _Part | None:
    rough = np.maximum(np.maximum(logits[1], logits[2]), logits[3]) > logits[0]
    rows, columns = np.flatnonzero(rough.any(axis=1)), np.flatnonzero(rough.any(axis=0))
    if rows.size == 0:
        return None
    r0, c0 = int(rows[0]), int(columns[0])
    pieces, count = ndimage.label(rough[r0 : rows[-1] + 1, c0 : columns[-1] + 1], structure=_EIGHT)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    largest = int(sizes.argmax())
    if sizes[largest] < least_area_px(canvas):
        return None
    found = ndimage.find_objects(pieces, max_label=largest)[largest - 1]
    box = (_widened(found[0], r0, canvas.size), _widened(found[1], c0, canvas.size))
    part = logits[1:, box[0], box[1]] - logits[0, box[0], box[1]]
    if count > 1:
        mine = np.zeros(part.shape[1:], dtype=np.bool_)
        piece = pieces[found] == largest
        top, left = found[0].start + r0 - box[0].start, found[1].start + c0 - box[1].start
        mine[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
        part[:, ~mine & rough[box]] = -1e4
    return _Part(part, box)


def _on_source(part: _Part, canvas: Canvas) -> Vessel | None:
    labels = arg_largest(canvas.back(part.margins, part.box))
    if not (labels == LUMEN).any():
        return None
    source = canvas.source_box(part.box)
    region = canvas.region
    return Vessel(labels, source[0].start + region.y0, source[1].start + region.x0)


def _widened(part: slice, start: int, limit: int) -> slice:
    return slice(max(part.start + start - _MARGIN, 0), min(part.stop + start + _MARGIN, limit))


def arg_largest(values: Floats) -> NDArray[np.uint8]:
    """Number, from 1, of the largest of the planes (k, h, w) where that is above zero, else 0."""
    best, label = values[0].copy(), (values[0] > 0).astype(np.uint8)
    np.maximum(best, 0, out=best)
    for n in range(1, len(values)):
        higher = values[n] > best
        np.copyto(label, n + 1, where=higher)
        np.maximum(best, values[n], out=best)
    return label

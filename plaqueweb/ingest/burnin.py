"""Signs of text in the picture, and the share of colour, gathered while the frames stream by.

Ultrasound speckle lives: between frames it changes. What stays bright and still outside the hull of the moving part,
in rows that turn from dark to bright many times, looks like a line of letters. The heuristic only ever adds a clip to
the queue of a person; it clears nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
Mask = NDArray[np.bool_]

MOVES = 12
"""A pixel moves when its grey changes by more than this over the clip."""
STILL = 6
BRIGHT = 110
MIN_MOVING_SHARE = 0.005
"""Below this share of moving pixels there is no hull to speak of, and nothing is concluded."""
MARGIN = 6
EDGES_IN_TEXT = 10
"""A row through five or more letters turns from dark to bright about this often; rulers and grey bars do not."""
TEXT_ROWS = 5
TEXT_HEIGHT = 14
COLOUR_SPREAD = 20


def boxes_mask(boxes: list[tuple[int, int, int, int]], rows: int, columns: int) -> Mask:
    """True inside any of the inclusive boxes (x0, y0, x1, y1)."""
    mask = np.zeros((rows, columns), dtype=np.bool_)
    for x0, y0, x1, y1 in boxes:
        mask[y0 : y1 + 1, x0 : x1 + 1] = True
    return mask


def moving_hull(moving: Mask) -> Mask:
    """Between the first and last moving pixel of each row and of each column, widened by ``MARGIN``."""
    hull = np.zeros_like(moving)
    for axis in (0, 1):
        lines = moving if axis == 0 else moving.T
        enough = lines.sum(axis=1) >= 3  # single flickering pixels make no hull
        first = np.maximum(lines.argmax(axis=1) - MARGIN, 0)
        last = lines.shape[1] - 1 - lines[:, ::-1].argmax(axis=1) + MARGIN
        index = np.arange(lines.shape[1])
        part = enough[:, None] & (index >= first[:, None]) & (index <= last[:, None])
        hull |= part if axis == 0 else part.T
    return hull


class ClipStatistics:
    """Feed every frame once with ``add``; then ask ``looks_like_text`` and ``colour_share``."""

    def __init__(self, rows: int, columns: int, kept: Mask | None) -> None:
        self._kept = kept
        self._low = np.full((rows, columns), 255, dtype=np.uint8)
        self._high = np.zeros((rows, columns), dtype=np.uint8)
        self._frames = 0
        self._coloured = 0
        self._seen = 0

    def add(self, frame: Frame) -> None:
        """``frame`` is uint8 (rows, columns) or (rows, columns, 3), blanked already."""
        bright = frame
        if frame.ndim == 3:
            red, green, blue = (frame[..., index] for index in range(3))
            bright = np.maximum(np.maximum(red, green), blue)
            every = (slice(None, None, 2), slice(None, None, 2))
            dark = np.minimum(np.minimum(red[every], green[every]), blue[every])
            coloured = bright[every].astype(np.int16) - dark > COLOUR_SPREAD
            self._coloured += int(coloured.sum())
            self._seen += coloured.size if self._kept is None else int(self._kept[every].sum())
        np.minimum(self._low, bright, out=self._low)
        np.maximum(self._high, bright, out=self._high)
        self._frames += 1

    @property
    def colour_share(self) -> float:
        """Share of kept pixels whose channels differ by more than 20 grey levels, over all frames (0 for grey)."""
        return round(self._coloured / self._seen, 5) if self._seen else 0.0

    @property
    def extremes(self) -> tuple[Frame, Frame]:
        """Least and greatest grey of each pixel over all frames, uint8 (rows, columns)."""
        return self._low, self._high

    @property
    def looks_like_text(self) -> bool:
        """True where bright, still, letter-like rows lie in the kept part outside the hull of what moves."""
        if self._frames < 3:
            return False
        change = self._high.astype(np.int16) - self._low
        moving = change > MOVES
        if moving.mean() < MIN_MOVING_SHARE:
            return False
        candidate = (change <= STILL) & (self._low >= BRIGHT) & ~moving_hull(moving)
        if self._kept is not None:
            candidate &= self._kept
        edges = (candidate[:, 1:] & ~candidate[:, :-1]).sum(axis=1)
        lettered = (edges >= EDGES_IN_TEXT).astype(np.int32)
        window = np.convolve(lettered, np.ones(TEXT_HEIGHT, dtype=np.int32))
        return bool(window.max(initial=0) >= TEXT_ROWS)

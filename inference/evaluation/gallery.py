"""The worst cases as pictures: input, truth, prediction side by side, with what went wrong."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inference.evaluation.cases import Case, mask_of
from inference.evaluation.score import predicted_mask
from inference.types import ClipResult

COLOURS: dict[str, tuple[int, int, int]] = {"aorta": (86, 180, 233), "lumen": (240, 228, 66), "plaque": (213, 94, 0)}
"""Told apart with any kind of colour vision (Okabe and Ito 2008)."""
_PANEL = 300
_GAP = 6
_MARGIN_SHARE = 0.35


@dataclass(frozen=True)
class Picture:
    """One bad case: a picture (rows, columns, 3), what it shows, and how bad it is among its kind of fault."""

    name: str
    fault: str
    caption: str
    badness: float
    image: NDArray[np.uint8] = field(repr=False)


class Gallery:
    """Keeps the worst cases of every kind of fault while cases stream by; memory does not grow with their number."""

    def __init__(self, threshold: float, each: int = 6) -> None:
        self.threshold, self.each = threshold, each
        self._worst: dict[str, list[tuple[float, int, Picture]]] = {}
        self._seen = 0

    def look(self, case: Case, result: ClipResult | None, row: dict[str, Any]) -> None:
        """Take one case in; it is drawn only when it is among the worst so far."""
        self._seen += 1
        for fault, badness, text in _faults(row, self.threshold):
            heap = self._worst.setdefault(fault, [])
            if len(heap) >= self.each and badness <= heap[0][0]:
                continue
            picture = Picture(case.name, fault, text, badness, panel(case, result, _frame_of(row, fault, result)))
            entry = (badness, -self._seen, picture)
            if len(heap) < self.each:
                heapq.heappush(heap, entry)
            else:
                heapq.heapreplace(heap, entry)

    def pictures(self) -> list[Picture]:
        """All kept pictures, by fault, the worst first."""
        return [
            entry[2]
            for fault in FAULTS
            for entry in sorted(self._worst.get(fault, []), key=lambda entry: (-entry[0], -entry[1]))
        ]


FAULTS: tuple[str, ...] = ("wrong class", "thickness", "plaque overlap", "no result")


def _faults(row: dict[str, Any], threshold: float) -> list[tuple[str, float, str]]:
    """What is wrong with a case: fault, badness, words."""
    about = f"{row['case']}: {row['kind'] or 'kind unknown'}"
    if row["family"]:
        about += f", {row['family']}"
    found: list[tuple[str, float, str]] = []
    if row["no_result"] is not None:
        found.append(("no result", 1.0, f"{about}; no result: {row['no_result']} {row['error']}".rstrip()))
    if row["class"] is not None and row["probability"] is not None and row["predicted"] != row["class"]:
        found.append(
            (
                "wrong class",
                abs(row["probability"] - threshold),
                f"{about}; class {row['class']}, predicted {row['predicted']} (probability {row['probability']:.2f})",
            )
        )
    if row["true_mm"] and row["predicted_mm"] is not None:
        error = row["predicted_mm"] - row["true_mm"]
        if abs(error) > 0.5:
            words = f"{about}; {row['predicted_mm']:.1f} mm for {row['true_mm']:.1f} mm"
            found.append(("thickness", abs(error), words))
    overlap = row["structures"].get("plaque", {}).get("dice") or []
    if overlap and row["no_result"] is None and float(np.mean(overlap)) < 0.85:
        mean = float(np.mean(overlap))
        found.append(("plaque overlap", 1 - mean, f"{about}; plaque Dice {mean:.2f} over {len(overlap)} frames"))
    return found


def _frame_of(row: dict[str, Any], fault: str, result: ClipResult | None) -> int:
    """Index of the frame that shows the fault best."""
    if fault == "plaque overlap":
        # The list of overlaps holds frames with plaque alone; where all have it, it is by frame.
        values = row["structures"]["plaque"]["dice"]
        if len(values) == row["frames"]:
            return int(np.argmin(values))
    if result is not None and result.key_frame is not None:
        return result.key_frame - 1
    return row["frames"] // 2


def panel(case: Case, result: ClipResult | None, frame: int) -> NDArray[np.uint8]:
    """Input, truth and prediction of one frame (from 0) side by side, cut to the aorta and its surroundings."""
    grey = case.frames[frame]
    base = np.repeat(grey[..., None], 3, axis=2) if grey.ndim == 2 else grey[..., :3]
    size = (int(base.shape[0]), int(base.shape[1]))
    names = [name for name in COLOURS if name in case.known] or list(COLOURS)
    truth = {} if case.labels is None else {name: mask_of(case.labels[frame], name) for name in names}
    drawn = {}
    if result is not None and frame < len(result.per_frame):
        drawn = {name: predicted_mask(result.per_frame[frame], size, name) for name in COLOURS}
    box = _box([*truth.values()] or [*drawn.values()], size)
    parts = [_part(base, {}, box), _part(base, truth, box), _part(base, drawn, box)]
    joined = Image.new("RGB", (3 * _PANEL + 2 * _GAP, _PANEL), (255, 255, 255))
    for n, part in enumerate(parts):
        joined.paste(part, (n * (_PANEL + _GAP), 0))
    return np.asarray(joined)


def _box(masks: list[NDArray[np.bool_]], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A square (left, upper, right, lower) around the masks with a margin; the whole picture where they are empty."""
    together = np.logical_or.reduce(masks) if masks else np.zeros(size, dtype=np.bool_)
    rows, columns = np.flatnonzero(together.any(axis=1)), np.flatnonzero(together.any(axis=0))
    if rows.size == 0:
        side = max(size)
        return ((size[1] - side) // 2, (size[0] - side) // 2, (size[1] + side) // 2, (size[0] + side) // 2)
    side = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    half = int(side * (0.5 + _MARGIN_SHARE)) + 4
    row, column = int(rows[0] + rows[-1]) // 2, int(columns[0] + columns[-1]) // 2
    return (column - half, row - half, column + half, row + half)


def _part(base: NDArray[np.uint8], masks: dict[str, NDArray[np.bool_]], box: tuple[int, int, int, int]) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(base)).crop(box).resize((_PANEL, _PANEL), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for name, mask in masks.items():
        cut = Image.fromarray(mask.astype(np.uint8) * 255).crop(box)
        large = np.asarray(cut.resize((_PANEL, _PANEL), Image.Resampling.BILINEAR)) > 127
        inner = large.copy()
        inner[1:-1, 1:-1] &= large[:-2, 1:-1] & large[2:, 1:-1] & large[1:-1, :-2] & large[1:-1, 2:]
        rows, columns = np.nonzero(large & ~inner)
        draw.point(list(zip(columns.tolist(), rows.tolist(), strict=True)), fill=COLOURS[name])
    return picture

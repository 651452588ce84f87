"""From the networks' outputs to frame and clip results, all measured on the source grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.postprocess import area_mm2, choose_key_frame, clean_mask, clip_probability, rule_verdict
from inference.preprocess import Canvas
from inference.thickness import wall_normal_thickness
from inference.types import LUMEN, PLAQUE, ClipResult, FrameResult, NoResult, Thickness, rle_encode_part

Floats = NDArray[np.float32]
_MARGIN = 3
_AORTA_LEAST_PX = 60
"""On the canvas (0.4 mm a pixel) about 10 mm2: less is no aorta in cross-section."""
_EIGHT = np.ones((3, 3), dtype=bool)
_STALK_MM = 1.2
"""Half the width of a mobile part as the network draws it; it draws stalks wider than they are."""
NO_AORTA = "No aorta was found."
NO_SCALE = "No scale in the file: pixels only."
COLOUR = "A colour overlay covers the picture."


class ClipMeasurer:
    """Measures the frames of one clip whose pictures have ``size`` = (rows, columns)."""

    def __init__(self, canvas: Canvas, size: tuple[int, int]) -> None:
        self.canvas, self.size = canvas, size
        self.spacing = canvas.region.spacing

    def measure(
        self, done: int, probabilities: Floats, logits: Floats, coloured: NDArray[np.bool_]
    ) -> list[FrameResult]:
        """Results of one batch; ``done`` frames came before. ``logits`` is (n, 4, size, size)."""
        return [
            self._frame(done + n + 1, float(probabilities[n]), logits[n], bool(coloured[n]))
            for n in range(len(probabilities))
        ]

    def _frame(self, number: int, probability: float, logits: Floats, coloured: bool) -> FrameResult:
        found = None if coloured else self._aorta(logits)
        if found is None:
            empty = [self.size[0] * self.size[1]]
            return FrameResult(
                number,
                probability,
                0,
                None if self.spacing is None else 0.0,
                None,
                None,
                0,
                list(empty),
                list(empty),
                list(empty),
                reason=COLOUR if coloured else NO_AORTA,
                no_result=NoResult.COLOUR if coloured else NoResult.NO_AORTA,
                no_thickness=NoResult.COLOUR if coloured else NoResult.NO_AORTA,
            )
        labels, row, column = found
        plaque = clean_mask(labels == PLAQUE, self.spacing)
        lumen, aorta = labels == LUMEN, labels > 0
        thickness = self._thickness(plaque, aorta)
        x, y = column, row
        chord = None
        if thickness.chord is not None:
            (ax, ay), (bx, by) = thickness.chord
            chord = ((ax + x, ay + y), (bx + x, by + y))
        pixels = int(np.count_nonzero(plaque))
        return FrameResult(
            frame=number,
            probability_complex=probability,
            plaque_area_px=pixels,
            plaque_area_mm2=area_mm2(pixels, self.spacing),
            max_thickness_mm=thickness.mm,
            max_thickness_px=thickness.px,
            lumen_area_px=int(np.count_nonzero(lumen)),
            plaque_rle=rle_encode_part(plaque, row, column, self.size),
            lumen_rle=rle_encode_part(lumen, row, column, self.size),
            wall_rle=rle_encode_part(aorta & ~(plaque | lumen), row, column, self.size),
            chord=chord,
            no_thickness=NoResult.NO_SCALE if self.spacing is None else None,
        )

    def _thickness(self, plaque: NDArray[np.bool_], aorta: NDArray[np.bool_]) -> Thickness:
        if not plaque.any():
            return Thickness(0.0 if self.spacing is not None else None, 0.0, "none")
        return wall_normal_thickness(plaque, aorta, self.spacing, opening_mm=_STALK_MM)

    def _aorta(self, logits: Floats) -> tuple[NDArray[np.uint8], int, int] | None:
        """Labels of the largest vessel on its part of the source grid, with that part's upper left corner.

        The networks' real-valued outputs are carried to the source grid and compared there, so that an edge lies where
        it was predicted and not on the canvas's coarser steps. None where there is no vessel with a lumen.
        """
        rough = logits[1:].max(axis=0) > logits[0]
        pieces, count = ndimage.label(rough, structure=_EIGHT)
        if count == 0:
            return None
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        largest = int(sizes.argmax())
        if sizes[largest] < _AORTA_LEAST_PX:
            return None
        rows, columns = ndimage.find_objects(pieces, max_label=largest)[largest - 1]
        limit = self.canvas.size
        box = (
            slice(max(rows.start - _MARGIN, 0), min(rows.stop + _MARGIN, limit)),
            slice(max(columns.start - _MARGIN, 0), min(columns.stop + _MARGIN, limit)),
        )
        part = np.ascontiguousarray(logits[:, box[0], box[1]])
        if count > 1:
            part[1:, (pieces[box] != largest) & (pieces[box] > 0)] = -1e4
        fine = self.canvas.back(part, box)
        labels = _arg_largest(fine)
        if not (labels == LUMEN).any():
            return None
        source = self.canvas.source_box(box)
        return labels, source[0].start + self.canvas.region.y0, source[1].start + self.canvas.region.x0

    def clip(
        self, frames: list[FrameResult], *, threshold: float, coloured: float, device: str, seconds: float
    ) -> ClipResult:
        """The clip's result: mean logit over the frames with an aorta, key frame by the median of three."""
        gated = [f for f in frames if f.no_result is None]
        probability = clip_probability(f.probability_complex for f in gated) if gated else None
        no_result = None if gated else (NoResult.COLOUR if coloured > 0.5 else NoResult.NO_AORTA)
        calibrated = self.spacing is not None
        series = [f.max_thickness_mm if calibrated else f.max_thickness_px for f in frames]
        at = choose_key_frame(series)
        key = None if at is None else frames[at]
        official = key.max_thickness_mm if key is not None else (0.0 if calibrated and gated else None)
        verdict = rule_verdict(official)
        areas = [f.plaque_area_mm2 for f in frames if f.plaque_area_mm2 is not None]
        reasons = []
        if no_result is not None:
            reasons.append(COLOUR if no_result is NoResult.COLOUR else NO_AORTA)
        if not calibrated:
            reasons.append(self.canvas.region.reason or NO_SCALE)
        return ClipResult(
            frames=len(frames),
            rows=self.size[0],
            columns=self.size[1],
            region=self.canvas.region,
            spacing_mm=self.spacing,
            probability_complex=probability,
            predicted_class=None if probability is None else int(probability >= threshold),
            rule_verdict=None if verdict is None else int(verdict),
            max_thickness_mm=official,
            key_frame=None if key is None else key.frame,
            key_chord=None if key is None else key.chord,
            thickness_method="wall-normal" if key is not None else "none",
            max_plaque_area_mm2=max(areas) if areas else None,
            max_plaque_area_px=max(f.plaque_area_px for f in frames),
            reason="; ".join(reasons),
            per_frame=frames,
            device=device,
            seconds=seconds,
            no_result=no_result,
            no_thickness=no_result or (None if calibrated else NoResult.NO_SCALE),
            gated_frames=len(gated),
        )


def _arg_largest(values: Floats) -> NDArray[np.uint8]:
    """Index of the largest of four planes (4, h, w); many times quicker than argmax along the first axis."""
    best, label = values[0].copy(), np.zeros(values.shape[1:], dtype=np.uint8)
    for n in range(1, len(values)):
        higher = values[n] > best
        label[higher] = n
        np.maximum(best, values[n], out=best)
    return label

"""Why a frame or a clip gives no result: pure functions with wide limits. A poor but readable picture counts.

The limits are those of anatomy, not of a training set: a descending aorta in short axis is nearly round, in adults
mostly 15 to 40 mm wide, more in aneurysms; 8 to 70 mm is taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.types import NoResult, View

DIAMETER_MM = (8.0, 70.0)
LEAST_ROUND = 0.40
"""Smallest over largest width of a vessel in short axis. A sector may cut a part off, so the limit is low."""
LEAST_LUMEN_SHARE = 0.10
LEAST_QUALITY = 0.15
LEAST_GATED_SHARE = 0.05
TEXTS: dict[NoResult, str] = {
    NoResult.NO_AORTA: "No aorta was found.",
    NoResult.COLOUR: "A colour overlay covers the picture.",
    NoResult.POOR_QUALITY: "The wall cannot be told from the blood: poor picture quality.",
    NoResult.NO_SCALE: "No scale in the file: pixels only.",
    NoResult.OUT_OF_DISTRIBUTION: "The picture is unlike anything the model was trained on.",
    NoResult.FAILED: "The networks gave values that are no numbers.",
}


@dataclass(frozen=True)
class VesselShape:
    """What a found vessel looks like: widths over all directions in mm (pixels without calibration), lumen share."""

    least_width: float
    greatest_width: float
    lumen_share: float
    calibrated: bool


def shape_of(radius: NDArray[np.floating], lumen_px: int, aorta_px: int, calibrated: bool) -> VesselShape:
    """The shape behind radii over evenly spaced angles (an even number of them) and two areas."""
    half = radius.size // 2
    widths = radius[:half] + radius[half : 2 * half]
    return VesselShape(float(widths.min()), float(widths.max()), lumen_px / max(aorta_px, 1), calibrated)


def is_plausible(shape: VesselShape, view: View) -> bool:
    """Whether a vessel of this shape may be an aorta: lumen, size (where calibrated), roundness (short axis only)."""
    if shape.lumen_share < LEAST_LUMEN_SHARE:
        return False
    if shape.calibrated and not DIAMETER_MM[0] <= 0.5 * (shape.least_width + shape.greatest_width) <= DIAMETER_MM[1]:
        return False
    return view != "SAX" or shape.least_width >= LEAST_ROUND * shape.greatest_width


def frame_gate(
    *, coloured: bool, finite: bool, shape: VesselShape | None, view: View, quality: float | None
) -> NoResult | None:
    """Why this frame gives no result, or None. ``shape`` None means that no vessel was found."""
    if coloured:
        return NoResult.COLOUR
    if not finite:
        return NoResult.FAILED
    if shape is None or not is_plausible(shape, view):
        return NoResult.NO_AORTA
    if quality is not None and quality < LEAST_QUALITY:
        return NoResult.POOR_QUALITY
    return None


def clip_gate(frames: Sequence[NoResult | None]) -> NoResult | None:
    """Why a clip gives no result, or None: the commonest reason of its frames when hardly one (5 %) has a result."""
    gated = sum(reason is None for reason in frames)
    if gated and gated >= LEAST_GATED_SHARE * len(frames):
        return None
    counted = Counter(reason for reason in frames if reason is not None)
    return counted.most_common(1)[0][0] if counted else NoResult.FAILED

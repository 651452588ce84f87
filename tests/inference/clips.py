"""Clips of drawn labels, measured as the predictor would measure them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.measure import ClipMeasurer
from inference.preprocess import Canvas
from inference.types import ClipResult, RegionBox, View
from inference.vessel import Vessel


def measurer_for(
    size: tuple[int, int], spacing: tuple[float, float] | None = (0.2, 0.2), view: View = "SAX"
) -> ClipMeasurer:
    """A measurer for pictures that are one region."""
    row_mm, col_mm = spacing or (None, None)
    region = RegionBox(1, 0, 0, size[1] - 1, size[0] - 1, row_mm, col_mm, "us_region" if spacing else "none", view=view)
    return ClipMeasurer(Canvas(region), size)


def measured(
    frames: Sequence[NDArray[np.uint8]],
    spacing: tuple[float, float] | None = (0.2, 0.2),
    view: View = "SAX",
    probabilities: Sequence[float] | None = None,
) -> ClipResult:
    """The result of a clip whose frames have exactly these labels."""
    measurer = measurer_for(frames[0].shape, spacing, view)
    given = probabilities or [0.5] * len(frames)
    results = [measurer.frame(n + 1, p, Vessel(f, 0, 0)) for n, (f, p) in enumerate(zip(frames, given, strict=True))]
    return measurer.clip(results, threshold=0.5, coloured=0.0, device="cpu", seconds=0.0)

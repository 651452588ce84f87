"""Plaque area by frame and region: a model's on every frame, a reader's where marked. One unit for both sides."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaqueweb.predictions.models import ClipPrediction
from plaqueweb.review.comparison import Comparison
from plaqueweb.review.masks import Place, area
from plaqueweb.review.sides import ModelSide, ReadSide, Side, marks_of
from plaqueweb.studies.choices import View
from plaqueweb.studies.models import Clip

STRIPS = frozenset({"ecg", "depth_ruler"})
"""Kinds of regions in which nothing is marked."""
PROBABILITY, AREA_PX, AREA_MM2, THICKNESS_MM = range(4)
"""Rows of ``ClipPrediction.curves``."""


def curves_of(part: ClipPrediction, frames: int) -> NDArray[np.float32]:
    """Unpack (4, frames) float32: probability, area px, area mm² or NaN, thickness mm or NaN."""
    return np.frombuffer(bytes(part.curves), dtype="<f4").reshape(4, frames)


def curve_payload(comparison: Comparison, clip: Clip) -> list[dict[str, Any]]:
    """Return both sides' areas on one clip, region by region: areas of two pictures are never added."""
    regions = {row.number: row.view for row in clip.regions.all() if row.kind not in STRIPS} or {1: View.UNKNOWN}
    return [_of_region(comparison, clip, number, regions[number]) for number in sorted(regions)]


def _of_region(comparison: Comparison, clip: Clip, number: int, view: str) -> dict[str, Any]:
    """The areas of one region, in mm² where everything shown there has a scale, else in pixels.

    Along the vessel a plaque has a length and no cross-section: a region in long axis has no area.
    """
    pair = comparison.pair if view != View.LAX else ()
    lines = [_parts(side, clip, number) for side in pair] or [[], []]
    marks = [_marks(side, clip, number) for side in pair] or [[], []]
    areas = [area_mm2 for dots in marks for _place, _extent, (_px, area_mm2) in dots]
    rows = [row for side in lines for row in side]
    scaled = all(mm2 is not None for mm2 in areas) and all(not np.isnan(row[AREA_MM2]).all() for row in rows)
    unit = "mm²" if scaled and (rows or areas) else "px"
    row = AREA_MM2 if unit == "mm²" else AREA_PX
    return {
        "region": number,
        "view": view,
        "unit": unit,
        "left": {"line": _line(lines[0], row), "dots": _dots(marks[0], unit)},
        "right": {"line": _line(lines[1], row), "dots": _dots(marks[1], unit)},
    }


def _parts(side: Side, clip: Clip, region: int) -> list[NDArray[np.float32]]:
    if not isinstance(side, ModelSide):
        return []
    here = [part for part in side.parts if part.clip_id == clip.pk and part.region_number == region]
    return [curves_of(part, clip.frames) for part in here if not part.no_result_reason]


def _line(rows: list[NDArray[np.float32]], row: int) -> list[float | None]:
    values = np.sum([one[row] for one in rows], axis=0) if rows else []
    return [None if math.isnan(value) else round(float(value), 2) for value in values]


Dot = tuple[Place, str, tuple[int, float | None]]


def _marks(side: Side, clip: Clip, region: int) -> list[Dot]:
    marks: ReadSide | None = marks_of(side)
    if marks is None:
        return []
    found = [one for at, one in marks.frames.items() if (at[0], at[2]) == (clip.pk, region) and not one.erased]
    return [(one.place, one.extent, area(one.area_px, marks.region(one.place))) for one in found]


def _dots(marks: list[Dot], unit: str) -> list[dict[str, Any]]:
    points = [
        {"frame": place[1], "area": mm2 if unit == "mm²" else px, "extent": extent}
        for place, extent, (px, mm2) in marks
    ]
    return sorted(points, key=lambda point: point["frame"])

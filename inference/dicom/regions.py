"""Calibration of ultrasound pictures: which part of the picture has which scale, and when each frame was taken.

Source: DICOM PS3.3 C.8.5.5 (US Region Calibration) and C.7.6.5 (Cine). The functions take any object that has the
DICOM keywords as attributes or mapping keys; pydicom is not imported here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from inference.dicom.elements import value_of
from inference.types import RegionBox, Spacing

RegionKind = Literal["tissue_2d", "colour_2d", "m_mode", "spectral", "ecg", "trace", "depth_ruler", "graphics", "other"]

UNITS_CM = 3
FORMAT_2D, FORMAT_M_MODE, FORMAT_SPECTRAL, FORMAT_WAVEFORM, FORMAT_GRAPHICS = 1, 2, 3, 4, 5
DATA_COLOUR_FLOW = 2
DATA_BARS = (0x0D, 0x0E)
DATA_ECG_AND_PULSE = (0x0A, 0x0B, 0x0C)
MIN_MM, MAX_MM = 0.005, 5.0
"""A pixel of an ultrasound picture is neither smaller than 5 micrometres nor larger than 5 mm."""
MAX_REGIONS = 64
MAX_SIDE = 65_535
RULER_WIDTH_SHARE = 0.15
"""A box that is wider than this share of the picture is not a depth ruler, whatever the file says."""
STRIP_HEIGHT_SHARE = 0.5
DEFAULT_FRAME_MS = 1000.0 / 30.0
MIN_FRAME_MS, MAX_FRAME_MS = 0.1, 10_000.0


@dataclass(frozen=True)
class UsRegion(RegionBox):
    """A ``RegionBox`` that also knows what the file says the box shows, and its rank where boxes overlap.

    ``low_priority`` is bit 0 of Region Flags (0018,6016): where regions overlap, the one without it owns the pixels.
    """

    kind: RegionKind = "other"
    low_priority: bool = False

    @property
    def is_strip(self) -> bool:
        """True for the boxes without tissue that are still worth keeping: ECG strip and depth ruler."""
        return self.kind in ("ecg", "depth_ruler")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _integer(item: Any, keyword: str) -> int | None:
    value = value_of(item, keyword)
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number


def _number(item: Any, keyword: str) -> float | None:
    """A finite float, or None."""
    value = value_of(item, keyword)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _storable(x0: int, y0: int, x1: int, y1: int) -> tuple[int, int, int, int]:
    """An unusable box in an order and size that can still be recorded beside its reason."""
    (x0, x1), (y0, y1) = sorted((x0, x1)), sorted((y0, y1))
    x0, y0, x1, y1 = (min(max(value, 0), MAX_SIDE) for value in (x0, y0, x1, y1))
    return x0, y0, x1, y1


def _box(item: Any, rows: int, cols: int) -> tuple[tuple[int, int, int, int], str]:
    """The box (x0, y0, x1, y1) and why it is unusable (empty when it can be used).

    Philips carts give the edge after the last pixel (x1 = Columns); that one pixel is cut. More is a sign that the
    picture was resized without mending the region, and then its scale is wrong as well.
    """
    keywords = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
    found = [_integer(item, keyword) for keyword in keywords]
    if any(value is None for value in found):
        return (0, 0, 0, 0), "The region has no complete box (0018,6018)-(0018,601E)."
    x0, y0, x1, y1 = (int(value) for value in found if value is not None)
    if x0 < 0 or y0 < 0 or x1 > cols or y1 > rows:
        inside = f"columns {x0} to {x1}, rows {y0} to {y1} in a picture of {cols} x {rows}"
        return _storable(x0, y0, x1, y1), f"The region lies outside the picture ({inside}); was the picture resized?"
    x1, y1 = min(x1, cols - 1), min(y1, rows - 1)
    if x1 <= x0 or y1 <= y0:
        return _storable(x0, y0, x1, y1), "The region's box is empty."
    return (x0, y0, x1, y1), ""


def _scale(item: Any) -> tuple[float | None, float | None, str]:
    """Millimetres per pixel (row, column) and why there is none."""
    units = (_integer(item, "PhysicalUnitsXDirection"), _integer(item, "PhysicalUnitsYDirection"))
    if units != (UNITS_CM, UNITS_CM):
        return None, None, "The units are not centimetres on both axes (0018,6024), (0018,6026)."
    col, row = _number(item, "PhysicalDeltaX"), _number(item, "PhysicalDeltaY")
    if col is None or row is None:
        return None, None, "The physical delta is missing or not a finite number (0018,602C), (0018,602E)."
    if col == 0 or row == 0:
        return None, None, "The physical delta is zero (0018,602C), (0018,602E)."
    row_mm, col_mm = abs(row) * 10.0, abs(col) * 10.0  # the sign is the axis direction
    if not (MIN_MM <= row_mm <= MAX_MM and MIN_MM <= col_mm <= MAX_MM):
        return None, None, f"The physical delta is not plausible: a pixel must measure {MIN_MM} to {MAX_MM} mm."
    return row_mm, col_mm, ""


def _kind(item: Any, box: tuple[int, int, int, int], rows: int, cols: int) -> RegionKind:
    spatial, data = _integer(item, "RegionSpatialFormat"), _integer(item, "RegionDataType")
    narrow = box[2] - box[0] + 1 <= RULER_WIDTH_SHARE * cols
    low = box[3] - box[1] + 1 <= STRIP_HEIGHT_SHARE * rows
    if spatial == FORMAT_2D:
        return "colour_2d" if data == DATA_COLOUR_FLOW else "tissue_2d"
    if spatial == FORMAT_M_MODE:
        return "m_mode"
    if spatial == FORMAT_SPECTRAL:
        return "spectral"
    if spatial == FORMAT_WAVEFORM:
        return "ecg" if data in DATA_ECG_AND_PULSE and low else "trace"
    if spatial == FORMAT_GRAPHICS and data not in DATA_BARS:
        in_cm = _integer(item, "PhysicalUnitsYDirection") == UNITS_CM
        return "depth_ruler" if in_cm and narrow else "graphics"
    return "graphics" if data in DATA_BARS else "other"


def _region(item: Any, number: int, rows: int, cols: int) -> UsRegion:
    box, box_fault = _box(item, rows, cols)
    kind = _kind(item, box, rows, cols)
    low = bool((_integer(item, "RegionFlags") or 0) & 1)
    if box_fault or kind not in ("tissue_2d", "colour_2d"):
        reason = box_fault or "Not a two-dimensional picture: nothing is measured here."
        kind = "other" if box_fault else kind
        return UsRegion(number, *box, source="none", valid=False, reason=reason, kind=kind, low_priority=low)
    row_mm, col_mm, fault = _scale(item)
    return UsRegion(
        number,
        *box,
        row_mm=row_mm,
        col_mm=col_mm,
        source="none" if fault else "us_region",
        valid=not fault,
        reason=fault,
        kind=kind,
        low_priority=low,
    )


def regions_from_dataset(ds: Any, rows: int, cols: int) -> list[UsRegion]:
    """Every region that the file names, in file order, numbered from 1.

    ``rows`` and ``cols`` are the size of the stored picture in pixels. A region that breaks a rule comes out with
    ``valid=False``, no millimetres and the broken rule as ``reason``; ECG strips and depth rulers are not valid either
    (nothing is measured in them) but carry their ``kind``. No sequence gives an empty list.
    """
    items = value_of(ds, "SequenceOfUltrasoundRegions")
    if items is None:
        return []
    try:
        listed = list(items)[:MAX_REGIONS]
    except Exception:  # noqa: BLE001 - a sequence that cannot be walked names no region
        return []
    return [_region(item, number, rows, cols) for number, item in enumerate(listed, start=1)]


def _rank(region: RegionBox) -> tuple[bool, int]:
    return (getattr(region, "low_priority", False), region.rows * region.columns)


def region_at(regions: Iterable[RegionBox], x: float, y: float) -> RegionBox | None:
    """The valid region that owns the point (column ``x``, row ``y``), or None.

    Where regions overlap the one of high priority (Region Flags, bit 0 clear) owns the pixels. Two of the same rank
    with different scales leave the point without an owner: a guess would be a wrong millimetre.
    """
    holding = [r for r in regions if r.valid and r.x0 <= x < r.x1 + 1 and r.y0 <= y < r.y1 + 1]
    if not holding:
        return None
    best = min(_rank(region)[0] for region in holding)
    top = [region for region in holding if _rank(region)[0] == best]
    scales = {(round(r.row_mm, 6), round(r.col_mm, 6)) if r.row_mm and r.col_mm else None for r in top}
    return min(top, key=_rank) if len(scales) == 1 else None


def spacing_at(regions: Iterable[RegionBox], x: float, y: float) -> Spacing | None:
    """(row_mm, col_mm) at the point, or None: then only pixels may be shown."""
    region = region_at(regions, x, y)
    return region.spacing if region else None


def spacing_between(regions: Sequence[RegionBox], start: Sequence[float], end: Sequence[float]) -> Spacing | None:
    """The spacing for a caliper from ``start`` to ``end`` (x, y): both ends must lie in one region, else None."""
    first, second = region_at(regions, start[0], start[1]), region_at(regions, end[0], end[1])
    if first is None or second is None or first.number != second.number:
        return None
    return first.spacing


def _frame_vector(ds: Any, frames: int) -> list[float] | None:
    """Cumulative times from Frame Time Vector (0018,1065): one increment per frame, the first of them 0."""
    value = value_of(ds, "FrameTimeVector")
    if value is None or isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return None
    try:
        steps = [float(step) for step in value]
    except (TypeError, ValueError, OverflowError):
        return None
    if len(steps) != frames or any(not (0 <= step <= MAX_FRAME_MS) for step in steps):
        return None
    times, total = [0.0], 0.0
    for step in steps[1:]:
        total += step
        times.append(round(total, 4))
    return times if frames == 1 or all(b > a for a, b in itertools.pairwise(times)) else None


def frame_times(ds: Any, frames: int) -> tuple[list[float], str]:
    """When each frame was taken, in ms from the first, and where that comes from.

    Order: what Frame Increment Pointer (0028,0009) points at, Frame Time (0018,1063), Frame Time Vector (0018,1065),
    Cine Rate (0018,0040), Recommended Display Frame Rate (0008,2144). The second value names the keyword, is "assumed"
    where the file says nothing usable (then 30 frames a second), or "still".
    """
    if frames <= 1:
        return [0.0], "still"
    vector = _frame_vector(ds, frames)
    step = _number(ds, "FrameTime")
    pointer = str(value_of(ds, "FrameIncrementPointer") or "").replace("(", "").replace(")", "").replace(",", "")
    if vector and ("00181065" in pointer or step is None):
        return vector, "FrameTimeVector"
    if step is not None and MIN_FRAME_MS <= step <= MAX_FRAME_MS:
        return [round(index * step, 4) for index in range(frames)], "FrameTime"
    if vector:
        return vector, "FrameTimeVector"
    for keyword in ("CineRate", "RecommendedDisplayFrameRate"):
        rate = _number(ds, keyword)
        if rate is not None and 1000.0 / MAX_FRAME_MS <= rate <= 1000.0 / MIN_FRAME_MS:
            return [round(index * 1000.0 / rate, 4) for index in range(frames)], keyword
    return [round(index * DEFAULT_FRAME_MS, 4) for index in range(frames)], "assumed"

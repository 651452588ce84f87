"""Every number that is stored: lengths and areas by the calibration of the region, per axis."""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from inference.types import rle_decode
from plaqueweb.core.errors import Invalid
from plaqueweb.studies.choices import CalibrationSource
from plaqueweb.studies.models import Clip, Region

Point = tuple[float, float]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Length:
    """A distance in image pixels, and in mm where a scale is known; otherwise why not."""

    px: float
    mm: float | None
    why_no_mm: str
    manual: bool = False  # the mm come from a scale that was set by hand

    def as_json(self) -> dict[str, Any]:
        """Return what is stored beside a caliper; ``scale`` is named only where it was set by hand."""
        stored = {"mm": self.mm, "px": self.px, "why_no_mm": self.why_no_mm}
        return stored | {"scale": CalibrationSource.MANUAL.value} if self.manual else stored


def contains(region: Region, point: Point) -> bool:
    """Tell whether a point lies in a region; its last pixel reaches to x1 + 1, y1 + 1."""
    return region.x0 <= point[0] <= region.x1 + 1 and region.y0 <= point[1] <= region.y1 + 1


def spacing_of(region: Region | None) -> tuple[float, float] | None:
    """Return ``(row_mm, col_mm)`` of a region that has a scale."""
    if region is None or region.source == CalibrationSource.NONE:
        return None
    return region.spacing


def by_hand(region: Region | None) -> bool:
    """Tell whether a region's scale was set by hand."""
    return region is not None and region.source == CalibrationSource.MANUAL


def region_numbered(clip: Clip, number: int) -> Region | None:
    """Return a clip's region by its number."""
    return next((region for region in clip.regions.all() if region.number == number), None)


def measure_caliper(clip: Clip, ends: tuple[Point, Point], *, region_number: int, where: str) -> Length:
    """Return a caliper's length: ``sqrt((dx · col_mm)² + (dy · row_mm)²)`` with one region's spacing.

    Raises:
        Invalid: its ends lie in two regions (rule ``caliper-two-regions``).
    """
    (x0, y0), (x1, y1) = ends
    dx, dy = x1 - x0, y1 - y0
    px = math.hypot(dx, dy)
    regions = [region for region in clip.regions.all() if region.valid]
    if not any(spacing_of(region) for region in regions):
        return Length(px, None, _("no scale in the file"))
    ordered = sorted(regions, key=lambda region: region.number != region_number)
    holder = next((r for r in ordered if contains(r, ends[0]) and contains(r, ends[1])), None)
    if holder is None:
        touched = [[r for r in regions if contains(r, end)] for end in ends]
        if all(touched):
            raise Invalid(_("%(where)s: both ends of a caliper must lie in one region.") % {"where": where},
                          rule="caliper-two-regions")  # fmt: skip
        return Length(px, None, _("an end lies outside the scaled part"))
    spacing = spacing_of(holder)
    if spacing is None:
        return Length(px, None, _("no scale in this region"))
    return Length(px, math.hypot(dx * spacing[1], dy * spacing[0]), "", by_hand(holder))


def mask_spacing(clip: Clip, region_number: int, mask: Mask) -> tuple[float, float] | None:
    """Return the spacing for a mask: the region's, when every pixel of the mask lies in it. Never a guess."""
    region = region_numbered(clip, region_number)
    spacing = spacing_of(region)
    if region is None or spacing is None:
        return None
    inside = np.count_nonzero(mask[region.y0 : region.y1 + 1, region.x0 : region.x1 + 1])
    return spacing if inside == np.count_nonzero(mask) else None


def area_of(pixels: int, spacing: tuple[float, float] | None, region: Region | None) -> dict[str, Any]:
    """Return an area in pixels and mm²; ``scale`` is named only where it was set by hand."""
    area: dict[str, Any] = {"px": pixels, "mm2": None if spacing is None else pixels * spacing[0] * spacing[1]}
    return area | {"scale": "manual"} if spacing is not None and by_hand(region) else area


@dataclass(frozen=True)
class PackedMasks:
    """The masks of one frame as they are stored."""

    rle: bytes
    sha256: str
    areas: dict[str, dict[str, Any]]


def pack_masks(
    clip: Clip, masks: Mapping[str, Sequence[int]], *, region_number: int, where: str, sources: Mapping[str, str]
) -> PackedMasks | None:
    """Check the masks of one frame and return them packed; None when no pixel is set.

    Args:
        clip: its ``rows`` and ``columns`` are the size of every mask; ``regions`` must be loaded.
        masks: lesion number → row-major run lengths, zero run first.
        where: the frame in words, for errors.
        sources: lesion number → where its mask comes from; stored beside its area.

    Raises:
        Invalid: runs that do not fill the picture (``mask-rle``), or two lesions on one pixel (``mask-overlap``).
    """
    size = (clip.rows, clip.columns)
    taken: Mask = np.zeros(size, dtype=np.bool_)
    areas: dict[str, dict[str, Any]] = {}
    kept: dict[str, list[int]] = {}
    for number in sorted(masks, key=int):
        try:
            mask = rle_decode(masks[number], size)
        except ValueError as error:
            raise Invalid(f"{where}: {error}", rule="mask-rle") from None
        pixels = int(np.count_nonzero(mask))
        if pixels == 0:
            continue
        if np.any(taken & mask):
            raise Invalid(_("%(where)s: two lesions cover the same pixel.") % {"where": where}, rule="mask-overlap")
        taken |= mask
        spacing = mask_spacing(clip, region_number, mask)
        areas[number] = area_of(pixels, spacing, region_numbered(clip, region_number)) | {"source": sources[number]}
        kept[number] = list(masks[number])
    if not kept:
        return None
    text = json.dumps(kept, separators=(",", ":")).encode()
    return PackedMasks(zlib.compress(text, 3), hashlib.sha256(text).hexdigest(), areas)


def masks_text(rle: bytes | memoryview) -> str:
    """Return stored masks as the JSON text they were packed from: ``{"1":[…],"2":[…]}``."""
    return zlib.decompress(bytes(rle)).decode()


def unpack_mask(rle: bytes | memoryview, number: int, size: tuple[int, int]) -> Mask | None:
    """Return one lesion's mask of shape ``(rows, columns)``, None where it has none."""
    runs = json.loads(masks_text(rle)).get(str(number))
    return None if runs is None else rle_decode(runs, size)


def longest(calipers: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the longest caliper: by mm where all have mm, else by px."""
    rows = list(calipers)
    if not rows:
        return None
    key = "mm" if all(row["mm"] is not None for row in rows) else "px"
    return max(rows, key=lambda row: float(row[key]))

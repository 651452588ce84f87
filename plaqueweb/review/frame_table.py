"""The comparison frame by frame: both areas and thicknesses, their difference, and Dice where both said all.

A frame about which a side says nothing is unknown: it has a word for it and no number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from django.core.cache import cache
from django.utils.translation import gettext as _

from inference.postprocess import displayed_mm, thickness_from_mask
from plaqueweb.predictions.models import ClipPrediction
from plaqueweb.reads.choices import CaliperKind, Extent
from plaqueweb.reads.measure import longest, mask_spacing
from plaqueweb.review.comparison import Comparison
from plaqueweb.review.curve import AREA_MM2, AREA_PX, THICKNESS_MM, curves_of
from plaqueweb.review.masks import Place
from plaqueweb.review.rules import thickness_difference
from plaqueweb.review.sides import ModelSide, ReadSide, Side, marks_of
from plaqueweb.review.words import uncertainty
from plaqueweb.studies.models import Clip

KEEP_S = 30 * 24 * 3600
"""A signed read never changes, so what was measured on its masks stays true; only the store is bounded."""
Length = tuple[float | None, float | None]
"""mm, px."""


@dataclass(frozen=True)
class Cell:
    """What one side says of one frame. ``words`` says why there is no number, or what limits it."""

    px: int | None = None
    mm2: float | None = None
    mm: float | None = None
    length_px: float | None = None
    sd_mm: float | None = None
    source: str = ""
    words: str = ""


@dataclass(frozen=True)
class FrameRow:
    """One frame and region; differences are right − left, as displayed."""

    clip: str
    clip_number: int
    frame: int
    region: int
    left: Cell = field(default_factory=Cell)
    right: Cell = field(default_factory=Cell)
    area: float | None = None
    area_unit: str = ""
    thickness: float | None = None
    thickness_unit: str = ""
    dice: float | None = None
    compared: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the row for JSON, without what is not known."""
        row = {key: value for key, value in asdict(self).items() if value not in (None, "")}
        return row | {side: {k: v for k, v in row[side].items() if v not in (None, "")} for side in ("left", "right")}


def frame_rows(c: Comparison) -> list[FrameRow]:
    """Return every frame of every clip and region, in order."""
    tellers = [_teller(side) for side in c.pair]
    dice = {one.place: one for one in c.dice}
    out: list[FrameRow] = []
    for clip in c.clips:
        for region in sorted({row.number for row in clip.regions.all()} or {1}):
            for frame in range(1, clip.frames + 1):
                place = (clip.pk, frame, region)
                left, right = (teller.cell(clip, place) for teller in tellers)
                one = dice.get(place)
                both = c.left.declared(place) and c.right.declared(place)
                out.append(
                    FrameRow(
                        str(clip.pk), clip.number, frame, region, left, right, *_area(left, right, both),
                        *_thickness(left, right), dice=one.value if one and one.declared else None,
                        compared=bool(one and one.declared),
                    )
                )  # fmt: skip
    return out


def _area(left: Cell, right: Cell, both: bool) -> tuple[float | None, str]:
    if not both or left.px is None or right.px is None:
        return None, ""
    if left.mm2 is not None and right.mm2 is not None:
        return round(round(right.mm2, 1) - round(left.mm2, 1), 1), "mm²"
    return right.px - left.px, "px"


def _thickness(left: Cell, right: Cell) -> tuple[float | None, str]:
    gap = thickness_difference(left.mm, right.mm)
    if gap is not None:
        return gap, "mm"
    if left.mm is None and right.mm is None and left.length_px is not None and right.length_px is not None:
        return round(right.length_px) - round(left.length_px), "px"
    return None, ""


class _Silent:
    """A side that has nothing to say of any frame."""

    def __init__(self, side: Side) -> None:
        self.side = side

    def cell(self, clip: Clip, place: Place) -> Cell:
        return Cell()


class _Reader(_Silent):
    def __init__(self, side: Side, marks: ReadSide) -> None:
        super().__init__(side)
        self.marks = marks
        self.calipers = dict(_calipers(marks))
        self.chords = mask_lengths(marks, skip=self.calipers.keys())

    def cell(self, clip: Clip, place: Place) -> Cell:
        marked = self.marks.frames.get(place)
        caliper = self.calipers.get(place)
        if marked is None and caliper is None:
            return Cell(words=_("not marked: unknown"))
        area = self.marks.area_at(place)
        mm, px = caliper or self.chords.get(place, (None, None))
        source = "" if mm is None and px is None else _("caliper") if caliper else _("from mask")
        extent = marked.extent if marked is not None else ""
        words = {
            Extent.NO_PLAQUE.value: _("examined, no plaque"),
            Extent.INDEX_ONLY.value: _("index lesion only"),
            Extent.UNUSABLE.value: _("unusable"),
            Extent.ALL_MARKED.value: "",
        }.get(extent, _("not said whether all is marked") if area else _("measured, no mask"))
        if marked is not None and marked.erased:
            words = _("mask was erased: unknown")
        pixels, mm2 = area or (None, None)
        return Cell(px=pixels, mm2=mm2, mm=mm, length_px=px, source=source, words=words)


class _Model(_Silent):
    def __init__(self, side: ModelSide) -> None:
        super().__init__(side)
        self.parts = {(part.clip_id, part.region_number): part for part in side.parts}
        self.row = side.prediction

    def cell(self, clip: Clip, place: Place) -> Cell:
        part = self.parts.get((place[0], place[2]))
        if part is None:
            return Cell(words=_("no result"))
        if part.no_result_reason:
            return Cell(words=_("no result: %(reason)s") % {"reason": part.get_no_result_reason_display()})
        curves = curves_of(part, clip.frames)[:, place[1] - 1]
        mm = _known(curves[THICKNESS_MM]) or None  # 0 where there is no plaque: nothing was measured
        return Cell(
            px=int(curves[AREA_PX]),
            mm2=_known(curves[AREA_MM2]),
            mm=mm,
            sd_mm=self._sd(part, place) if mm else None,
        )

    def _sd(self, part: ClipPrediction, place: Place) -> float | None:
        """The uncertainty belongs to the clip's official thickness, which its key frame gave."""
        return part.thickness_sd_mm if part.key_frame == place[1] else None


def _teller(side: Side) -> _Silent:
    if isinstance(side, ModelSide):
        return _Model(side)
    marks = marks_of(side)
    return _Reader(side, marks) if marks is not None else _Silent(side)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 3)


def _calipers(side: ReadSide) -> Iterator[tuple[Place, Length]]:
    """The longest thickness caliper of each frame."""
    for row in side.annotations:
        found = longest([one for one in row.calipers if one.get("kind") == CaliperKind.THICKNESS])
        if found is not None:
            yield (row.clip_id, row.frame, row.region), (found["mm"], found["px"])


def mask_lengths(side: ReadSide, *, skip: Any = ()) -> dict[Place, Length]:
    """Return the longest wall-normal chord of the masks on each marked frame that is not in ``skip``, measured once.

    A chord takes some 50 ms on a large picture; a signed read never changes, so the answer is kept.
    """
    key = f"mask-lengths:{side.read.pk}"
    known: dict[str, Length] = cache.get(key) or {}
    out: dict[Place, Length] = {}
    fresh = False
    for place, marked in side.frames.items():
        if place in skip or not marked.runs:
            continue
        name = f"{place[0]}.{place[1]}.{place[2]}"
        if name not in known:
            known[name], fresh = _measured(side, place), True
        out[place] = known[name]
    if fresh:
        cache.set(key, known, KEEP_S)
    return out


def _measured(side: ReadSide, place: Place) -> Length:
    clip, marked = side.clip(place[0]), side.frames[place]
    if clip is None:
        return None, None
    # Drawn points count pixel centres from +0.5, the library from 0.
    outline = [(float(x) - 0.5, float(y) - 0.5) for x, y in marked.outline] if marked.outline else None
    found = [thickness_from_mask(mask, mask_spacing(clip, place[2], mask), outline) for mask in marked.lesions.values()]
    mm = [one.mm for one in found if one.mm is not None]
    px = [one.px for one in found if one.px is not None]
    return max(mm, default=None), max(px, default=None)


CSV_HEAD = (
    "clip", "frame", "region", "left area px", "left area mm2", "left thickness mm", "left thickness px", "left says",
    "right area px", "right area mm2", "right thickness mm", "right thickness px", "right says",
    "right thickness sd mm", "area difference", "thickness difference", "dice",
)  # fmt: skip


def csv_row(row: FrameRow) -> list[str]:
    """Return a row for ``CSV_HEAD``; what is not known is empty, never 0."""
    cells: list[str] = []
    for cell in (row.left, row.right):
        lengths = [_text(cell.mm if cell.mm is None else displayed_mm(cell.mm), 1), _text(cell.length_px, 0)]
        cells += [_text(cell.px, 0), _text(cell.mm2, 1), *lengths, ", ".join(t for t in (cell.source, cell.words) if t)]
    sd = "" if row.right.sd_mm is None else uncertainty(row.right.sd_mm)
    gaps = [_gap(row.area, row.area_unit), _gap(row.thickness, row.thickness_unit)]
    place = [str(row.clip_number), str(row.frame), str(row.region)]
    return [*place, *cells, sd, *gaps, _text(row.dice, 2)]


def _text(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


def _gap(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.{0 if unit == 'px' else 1}f} {unit}"


__all__ = ["CSV_HEAD", "Cell", "FrameRow", "csv_row", "frame_rows", "mask_lengths"]

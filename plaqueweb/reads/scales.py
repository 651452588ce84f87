"""A scale set by hand on the depth ruler: worked out from lines of known length, kept with one read and used in it."""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils.translation import gettext as _

from plaqueweb.accounts.models import User
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Invalid
from plaqueweb.reads.choices import ScaleMethod
from plaqueweb.reads.draft_input import FrameKey, Points, ScaleInput
from plaqueweb.reads.measure import area_of, contains, mask_spacing, measure_caliper, region_numbered, unpack_mask
from plaqueweb.reads.models import FrameAnnotation, FrameMask, ManualScale
from plaqueweb.studies.choices import CalibrationSource
from plaqueweb.studies.models import Clip, Region
from plaqueweb.studies.selectors import hang_regions

if TYPE_CHECKING:
    from plaqueweb.reads.bundle import Bundle

LEAST_LINE_PX = 20.0  # an end is set to half a pixel or so: a shorter line would be wrong by more than 5 %
LEAST_MM, MOST_MM = 1.0, 500.0
LEAST_SCALE, MOST_SCALE = 0.005, 5.0  # mm per pixel of an ultrasound picture, as in inference.dicom.regions


def spacing_from_lines(lines: Sequence[tuple[Points, float]], *, where: str) -> tuple[float, float]:
    """Return ``(row_mm, col_mm)`` from lines of known length in mm.

    One line: the same scale in both directions. Two: each line is ``mm² = dx²·col² + dy²·row²``, two equations for
    the two scales, so that lines need not run exactly down or across.

    Raises:
        Invalid: a line is too short or its mm are out of reach (``scale-line``), two lines do not tell the axes apart
            (``scale-axes``), or the result is no scale of an ultrasound picture (``scale-range``).
    """
    for points, mm in lines:
        if math.dist(*points) < LEAST_LINE_PX or not LEAST_MM <= mm <= MOST_MM:
            words = {"where": where, "px": LEAST_LINE_PX, "low": LEAST_MM, "high": MOST_MM}
            raise Invalid(
                _("%(where)s: a line for the scale is at least %(px)d px long and stands for %(low)d to %(high)d mm.")
                % words,
                rule="scale-line",
            )
    if len(lines) == 1:
        ((points, mm),) = lines
        row = col = mm / math.dist(*points)
    else:
        row, col = _per_axis(lines, where)
    if not all(LEAST_SCALE <= value <= MOST_SCALE for value in (row, col)):
        raise Invalid(
            _("%(where)s: this would be %(row).3f × %(col).3f mm per pixel; an ultrasound picture has 0.005 to 5.")
            % {"where": where, "row": row, "col": col},
            rule="scale-range",
        )
    return row, col


def _per_axis(lines: Sequence[tuple[Points, float]], where: str) -> tuple[float, float]:
    (dx1, dy1), (dx2, dy2) = (
        ((b[0] - a[0]) ** 2, (b[1] - a[1]) ** 2) for (a, b), _mm in lines
    )  # fmt: skip
    one, two = (mm**2 for _points, mm in lines)
    determinant = dx1 * dy2 - dx2 * dy1
    # The angle between the squared directions: below 0.5 both lines run nearly the same way.
    apart = abs(determinant) / (math.hypot(dx1, dy1) * math.hypot(dx2, dy2))
    col2 = (one * dy2 - two * dy1) / determinant if determinant else 0.0
    row2 = (dx1 * two - dx2 * one) / determinant if determinant else 0.0
    if apart < 0.5 or col2 <= 0 or row2 <= 0:
        raise Invalid(_("%(where)s: draw one line down and one across.") % {"where": where}, rule="scale-axes")
    return math.sqrt(row2), math.sqrt(col2)


def scalable(clip: Clip) -> list[Region]:
    """Return the regions of a clip whose scale a reader may set: those that show tissue and have none from the file."""
    return [row for row in clip.regions.all() if not row.is_strip and row.source != CalibrationSource.US_REGION]


def with_scales(clips: dict[str, Clip], scales: Iterable[ManualScale]) -> dict[str, Clip]:
    """Return the clips with a read's own scales in their regions. The given clips and regions stay as they are."""
    by_clip: dict[str, dict[int, ManualScale]] = {}
    for scale in scales:
        by_clip.setdefault(str(scale.clip_id), {})[scale.region] = scale
    return {key: _scaled(clip, by_clip[key]) if key in by_clip else clip for key, clip in clips.items()}


def _scaled(clip: Clip, scales: dict[int, ManualScale]) -> Clip:
    own = copy.copy(clip)
    regions = []
    for region in clip.regions.all():
        scale = scales.get(region.number)
        if scale is not None:
            region = copy.copy(region)
            region.row_mm, region.col_mm = scale.row_mm, scale.col_mm
            region.source, region.valid, region.reason = CalibrationSource.MANUAL, True, ""
        regions.append(region)
    hang_regions(own, regions)
    return own


def save_scales(bundle: Bundle, given: Sequence[ScaleInput], *, by: User, at: datetime) -> frozenset[str]:
    """Set, change or take back scales of a draft; return the clips whose scale changed."""
    for scale in given:
        _save_scale(bundle, scale, by, at)
    changed = frozenset(scale.key[0] for scale in given)
    if changed:
        bundle.clips = with_scales(bundle.file_clips, bundle.scales.values())
    return changed


def _save_scale(bundle: Bundle, given: ScaleInput, by: User, at: datetime) -> None:
    clip = bundle.file_clips.get(given.key[0])
    if clip is None:
        raise Invalid(_("This clip is not part of the case."), rule="clip-not-in-case")
    where = _("Clip %(clip)d, region %(n)d") % {"clip": clip.number, "n": given.key[1]}
    region = next((row for row in scalable(clip) if row.number == given.key[1]), None)
    if region is None:
        raise Invalid(_("%(where)s: its scale stands in the file, or there is no such region.") % {"where": where},
                      rule="scale-in-file")  # fmt: skip
    stored = bundle.scales.get(given.key)
    diff: dict[str, Any] = {"clip": str(clip.pk), "region": region.number}
    if not given.lines:
        if stored is not None:
            stored.delete()
            del bundle.scales[given.key]
        _record(bundle, by, diff | {"row_mm": None, "col_mm": None})
        return
    _check_place(clip, region, given, where)
    row_mm, col_mm = spacing_from_lines(given.lines, where=where)
    method = ScaleMethod.ONE_LINE if len(given.lines) == 1 else ScaleMethod.TWO_LINES
    lines = [{"points": [list(point) for point in points], "mm": mm} for points, mm in given.lines]
    values = {"row_mm": row_mm, "col_mm": col_mm, "method": method, "lines": lines, "by": by, "at": at}
    bundle.scales[given.key], _made = ManualScale.objects.update_or_create(
        read=bundle.read, clip_id=UUID(given.key[0]), region=region.number, defaults=values
    )
    _record(bundle, by, diff | {"row_mm": row_mm, "col_mm": col_mm, "method": str(method)})


def _record(bundle: Bundle, by: User, diff: dict[str, Any]) -> None:
    project = bundle.read.assignment.round.project_id
    record_event(actor=by, verb="read.scale-set", target=bundle.read, project_id=project, diff=diff)


def _check_place(clip: Clip, region: Region, given: ScaleInput, where: str) -> None:
    """Lines lie in the picture, and not in another part of it: each part of a biplane picture has its own scale."""
    others = [row for row in clip.regions.all() if row.number != region.number and not row.is_strip]
    for points, _mm in given.lines:
        for point in points:
            if not (0 <= point[0] <= clip.columns and 0 <= point[1] <= clip.rows):
                raise Invalid(
                    _("%(where)s: a point lies outside the picture.") % {"where": where}, rule="point-outside"
                )
            if not contains(region, point) and any(contains(row, point) for row in others):
                raise Invalid(
                    _("%(where)s: a line for the scale lies in one region.") % {"where": where},
                    rule="scale-two-regions",
                )


def measure_again(bundle: Bundle, clips: Collection[str], *, but: Collection[FrameKey]) -> None:
    """Work out the stored lengths and areas of some clips anew; ``but`` were just written. Needs the bundle's masks."""
    if not clips:
        return
    marks: list[FrameAnnotation] = []
    masks: list[FrameMask] = []
    for key, annotation in bundle.annotations.items():
        if key[0] not in clips or key in but:
            continue
        clip = bundle.clips[key[0]]
        if annotation.calipers:
            where = bundle.frame_words(annotation)
            annotation.calipers = [_again(clip, row, annotation.region, where) for row in annotation.calipers]
            marks.append(annotation)
        mask = getattr(annotation, "mask", None)
        if mask is not None:
            mask.areas = _areas_again(clip, mask, annotation.region)
            masks.append(mask)
    FrameAnnotation.objects.bulk_update(marks, ["calipers"])
    FrameMask.objects.bulk_update(masks, ["areas"])


def _again(clip: Clip, row: dict[str, Any], region: int, where: str) -> dict[str, Any]:
    ends = ((row["points"][0][0], row["points"][0][1]), (row["points"][1][0], row["points"][1][1]))
    length = measure_caliper(clip, ends, region_number=region, where=where)
    kept = {name: row[name] for name in ("id", "kind", "lesion", "points")}
    return kept | length.as_json()


def _areas_again(clip: Clip, mask: FrameMask, number: int) -> dict[str, Any]:
    areas = {}
    for lesion, area in mask.areas.items():
        pixels = unpack_mask(mask.rle, int(lesion), (mask.rows, mask.columns)) if mask.rle is not None else None
        spacing = None if pixels is None else mask_spacing(clip, number, pixels)
        now = area_of(int(area["px"]), spacing, region_numbered(clip, number))
        areas[lesion] = now | {"source": area.get("source", mask.source)}
    return areas

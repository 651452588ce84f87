"""What others read of studies and clips, as plain values: no serializer on the reader's hot path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from plaqueweb.studies.choices import CalibrationSource
from plaqueweb.studies.models import Clip, Region

FRAME_NUMBER = "{n}"


def clips_for_reading(study_ids: Iterable[UUID]) -> QuerySet[Clip]:
    """Return the clips a reader looks at, with their regions and stored object. Two queries, however many clips."""
    rows: QuerySet[Clip] = Clip.objects.for_reading().filter(study_id__in=list(study_ids))
    regions = Prefetch("regions", queryset=Region.objects.order_by("number"))
    return rows.select_related("cine").prefetch_related(regions).order_by("study_id", "number", "id")


def region_payload(region: Region) -> dict[str, Any]:
    """Return a region as JSON values; the box is inclusive, mm are per pixel."""
    return {
        "id": str(region.pk),
        "number": region.number,
        "x0": region.x0,
        "y0": region.y0,
        "x1": region.x1,
        "y1": region.y1,
        "row_mm": region.row_mm,
        "col_mm": region.col_mm,
        "source": region.source,
        "valid": region.valid,
        "reason": region.reason,
        "view": region.view,
    }


def clip_payload(clip: Clip) -> dict[str, Any]:
    """Return a clip as the viewer needs it; needs ``cine`` and ``regions`` loaded."""
    key, version = str(clip.pk), clip.cine.sha256[:12]
    base = reverse("clips-detail", args=[key])
    return {
        "id": key,
        "number": clip.number,
        "kind": clip.kind,
        "frames": clip.frames,
        "rows": clip.rows,
        "columns": clip.columns,
        "frame_times_ms": clip.frame_times_ms,
        "stored_as": clip.stored_as,
        "synthetic": clip.synthetic,
        "segment": clip.segment,
        "view": clip.view,
        "state": clip.state,
        "cine_url": f"{base}cine/?v={version}",
        "frame_url": f"{base}frames/{FRAME_NUMBER}/?v={version}",
        "regions": [region_payload(region) for region in clip.regions.all()],
    }


def scale_words(clips: Sequence[Clip]) -> str:
    """Return in two words where the millimetres of a study come from."""
    regions = [region for clip in clips for region in clip.regions.all() if region.valid]
    if any(sum(1 for r in clip.regions.all() if r.valid and r.spacing) > 1 for clip in clips):
        return _("two regions")
    if not any(region.spacing for region in regions):
        return _("no scale")
    if any(region.source == CalibrationSource.MANUAL for region in regions):
        return _("set by hand")
    return _("in file")


def clips_by_study(study_ids: Iterable[UUID]) -> dict[UUID, list[Clip]]:
    """Return the readable clips of several studies. Two queries."""
    grouped: dict[UUID, list[Clip]] = defaultdict(list)
    for clip in clips_for_reading(study_ids):
        grouped[clip.study_id].append(clip)
    return grouped


def frame_content_type(data: bytes) -> str:
    """Return the media type of a canonical frame by its first bytes."""
    return "image/jpeg" if data[:2] == b"\xff\xd8" else "image/png"

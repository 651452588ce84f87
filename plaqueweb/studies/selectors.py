"""What others read of studies and clips, as plain values: no serializer on the reader's hot path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from plaqueweb.core.prepared import Prepared, PreparedIn
from plaqueweb.studies.choices import CalibrationSource, ClipState, ClipUse
from plaqueweb.studies.models import Clip, Region

FRAME_NUMBER = "{n}"


@dataclass(frozen=True)
class ClipSummary:
    """How many readable clips a study has, and where its millimetres come from."""

    clips: int
    scale: str


def clips_for_reading(study_ids: Iterable[UUID], *, pictures: bool = True) -> QuerySet[Clip]:
    """Return the clips a reader looks at, with their regions. Two queries, however many clips.

    Without ``pictures`` the stored object and the frame times are left out: a save measures, it shows nothing.
    """
    regions = Prefetch("regions", queryset=Region.objects.order_by("number"))
    rows = readable(pictures=pictures).filter(study_id__in=list(study_ids))
    return rows.prefetch_related(regions).order_by("study_id", "number", "id")


def readable(*, pictures: bool, use: str | None = ClipUse.READ) -> QuerySet[Clip]:
    """Stored clips of one use (None: of any) with what a page or, without ``pictures``, a measurement needs."""
    stored: QuerySet[Clip] = Clip.objects.filter(state=ClipState.STORED)
    rows = (stored if use is None else stored.filter(use=use)).defer("frame_offsets")
    rows = rows.select_related("cine") if pictures else rows.defer("frame_offsets", "frame_times_ms", "heart")
    return rows.order_by("number", "id")


def clips_of_study(study_id: UUID, *, pictures: bool = True) -> list[Clip]:
    """Return what ``clips_for_reading`` returns for one study. Two queries, whose SQL is made once."""
    return with_regions((_CLIPS if pictures else _CLIPS_TO_MEASURE)(study=study_id), _REGIONS(study=study_id))


def with_regions(clips: list[Clip], regions: Iterable[Region]) -> list[Clip]:
    """Hang regions that were loaded at once on their clips."""
    of_clip: dict[UUID, list[Region]] = defaultdict(list)
    for region in regions:
        of_clip[region.clip_id].append(region)
    for clip in clips:
        hang_regions(clip, of_clip[clip.pk])
    return clips


def hang_regions(clip: Any, regions: list[Region]) -> None:
    """Make ``clip.regions.all()`` these rows, as prefetching does."""
    rows: Any = Region.objects.all()
    rows._result_cache, rows._prefetch_done = regions, True
    clip._prefetched_objects_cache = {"regions": rows}


def clip_summaries(study_ids: Iterable[UUID]) -> dict[UUID, ClipSummary]:
    """Return for each study what the worklist says of its clips: one query for 50 studies, counted by the database."""
    return {
        study_id: ClipSummary(clips, scale_in_words(scaled=regions, with_scale=with_scale, by_hand=by_hand))
        for study_id, clips, regions, with_scale, by_hand in _SUMMARIES(study_ids)
    }


def region_payload(region: Region) -> dict[str, Any]:
    """Return a region as JSON values; the box is inclusive, mm are per pixel."""
    return {
        "id": str(region.pk),
        "number": region.number,
        "kind": region.kind,
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
        "heart": clip.heart,
        "stored_as": clip.stored_as,
        "synthetic": clip.synthetic,
        "segment": clip.segment,
        "view": clip.view,
        "use": clip.use,
        "state": clip.state,
        "cine_url": f"{base}cine/?v={version}",
        "frame_url": f"{base}frames/{FRAME_NUMBER}/?v={version}",
        "regions": [region_payload(region) for region in clip.regions.all()],
    }


def scale_words(clips: Sequence[Clip]) -> str:
    """Return in two words where the millimetres of loaded clips come from."""
    given = [
        [r.source for r in clip.regions.all() if r.spacing and r.source != CalibrationSource.NONE] for clip in clips
    ]
    sources = [source for of_clip in given for source in of_clip]
    by_hand = sources.count(CalibrationSource.MANUAL)
    return scale_in_words(scaled=len(sources), with_scale=sum(map(bool, given)), by_hand=by_hand)


def scale_in_words(*, scaled: int, with_scale: int, by_hand: int) -> str:
    """In two words where the millimetres come from: regions with a scale, clips that have one, scales set by hand."""
    if scaled > with_scale:
        return _("two regions")
    if not scaled:
        return _("no scale")
    return _("set by hand") if by_hand else _("in file")


def clips_by_study(study_ids: Iterable[UUID]) -> dict[UUID, list[Clip]]:
    """Return the readable clips of several studies. Two queries."""
    grouped: dict[UUID, list[Clip]] = defaultdict(list)
    for clip in clips_for_reading(study_ids):
        grouped[clip.study_id].append(clip)
    return grouped


def _summaries(study_ids: list[UUID]) -> QuerySet[Clip, Any]:
    scaled = Q(regions__valid=True, regions__row_mm__isnull=False) & ~Q(regions__source=CalibrationSource.NONE)
    rows = Clip.objects.for_reading().filter(study_id__in=study_ids).order_by().values_list("study_id")
    return rows.annotate(
        clips=Count("pk", distinct=True),
        scaled=Count("regions", filter=scaled),
        with_scale=Count("pk", filter=scaled, distinct=True),
        by_hand=Count("regions", filter=scaled & Q(regions__source=CalibrationSource.MANUAL)),
    )


_SUMMARIES = PreparedIn(_summaries)
_CLIPS = Prepared(lambda study: readable(pictures=True).filter(study_id=study), "study")
_CLIPS_TO_MEASURE = Prepared(lambda study: readable(pictures=False).filter(study_id=study), "study")
_REGIONS = Prepared(
    lambda study: Region.objects.filter(clip__in=Clip.objects.for_reading().filter(study_id=study)).order_by("number"),
    "study",
)


def frame_content_type(data: bytes) -> str:
    """Return the media type of a canonical frame by its first bytes."""
    return "image/jpeg" if data[:2] == b"\xff\xd8" else "image/png"

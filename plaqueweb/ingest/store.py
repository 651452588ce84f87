"""From the intake child's report to rows: subject, study, clip, regions. Only what the report allows is stored."""

from __future__ import annotations

import struct
import uuid
from datetime import date
from typing import IO, Any

from django.db.models import Max

from plaqueweb.core.errors import Invalid
from plaqueweb.core.models import StoredObject
from plaqueweb.ingest.keys import batch_identity
from plaqueweb.ingest.report import IntakeReport
from plaqueweb.studies.choices import CalibrationSource, ClipKind, ClipState, ClipUse, View
from plaqueweb.studies.models import Clip, Project, Region, Study, Subject

FLAGGED = "measurement drawn in"
"""Why a clip is for reference only: intake saw it, or a person said so by one key."""
MAGIC = b"CINE"
STRIPS = ("ecg", "depth_ruler")


def bundle_offsets(bundle: IO[bytes]) -> list[list[int]]:
    """Return offset and length of every frame of a cine bundle, by walking its headers.

    Raises:
        Invalid: it is no bundle, or it is cut off.
    """
    head = bundle.read(8)
    if len(head) < 8 or head[:4] != MAGIC:
        raise Invalid("The stored frames are no bundle.", rule="bundle")
    offsets, position = [], 8
    for _frame in range(struct.unpack("<I", head[4:])[0]):
        bundle.seek(position)
        size = bundle.read(4)
        if len(size) < 4:
            raise Invalid("The bundle of frames is cut off.", rule="bundle")
        length = struct.unpack("<I", size)[0]
        offsets.append([position + 4, length])
        position += 4 + length
    return offsets


def twin_of(project_id: uuid.UUID, report: IntakeReport) -> Clip | None:
    """Return the clip of this project that has the file's instance identifier already."""
    return Clip.objects.filter(study__project_id=project_id, sop_uid=report.sop_uid).select_related("study").first()


def store_clip(
    *,
    project: Project,
    batch: uuid.UUID,
    site: str,
    key: bytes,
    report: IntakeReport,
    cine: StoredObject,
    offsets: list[list[int]],
) -> Clip:
    """Make the clip with its subject, study and regions; call it inside the transaction that moves the upload."""
    study = _study(project, batch, site, key, report)
    number = (Clip.objects.filter(study=study).aggregate(n=Max("number"))["n"] or 0) + 1
    regions = _regions(report)
    views = {row["view"] for row in regions if row["kind"] not in STRIPS and row["valid"]}
    clip = Clip.objects.create(
        study=study,
        number=number,
        kind=ClipKind.CINE if report.frames > 1 else ClipKind.STILL,
        sop_uid=report.sop_uid,
        frames=report.frames,
        rows=report.rows,
        columns=report.columns,
        frame_times_ms=report.frame_times_ms,
        heart=report.heart,
        source_sha256=report.source_sha256,
        stored_as=report.stored_as,
        cine=cine,
        frame_offsets=offsets,
        synthetic=report.synthetic,
        burnt_in="burned-in-text" in report.findings,
        calipers=report.calipers,
        use=ClipUse.REFERENCE if report.calipers else ClipUse.READ,
        use_reason=FLAGGED if report.calipers else "",
        colour_share=report.colour_share,
        manufacturer=report.manufacturer[:64],
        scanner_model=report.scanner_model[:64],
        view=views.pop() if len(views) == 1 else View.UNKNOWN,
        state=ClipState.HELD if report.quarantined else ClipState.STORED,
    )
    Region.objects.bulk_create([Region(clip=clip, **row) for row in regions])
    ensure_region(clip, report)
    return clip


def ensure_region(clip: Clip, report: IntakeReport | None = None) -> None:
    """A clip without any calibrated region gets one over the whole picture, in pixels, with the reason why."""
    if clip.regions.exclude(kind__in=STRIPS).exists():
        return
    reasons = [str(row.get("reason") or "") for row in report.regions] if report else []
    reason = next((words for words in reasons if words), "The file names no calibrated region.")
    last = clip.regions.aggregate(n=Max("number"))["n"] or 0
    Region.objects.create(
        clip=clip, number=last + 1, x0=0, y0=0, x1=clip.columns - 1, y1=clip.rows - 1,
        source=CalibrationSource.NONE, valid=False, reason=reason[:200],
    )  # fmt: skip


def _study(project: Project, batch: uuid.UUID, site: str, key: bytes, report: IntakeReport) -> Study:
    """Find or make the study; the project row is locked so that two workers number one after the other."""
    Project.objects.select_for_update().get(pk=project.pk)
    uid, pseudonym = (report.study_uid, report.subject_pseudonym)
    if not report.has_identity or not uid or not pseudonym:
        uid, pseudonym = batch_identity(key, batch)
    found: Study | None = Study.objects.filter(project=project, uid=uid).first()
    if found is not None:
        return found
    subject, _made = Subject.objects.get_or_create(
        project=project, pseudonym=pseudonym, defaults={"sex": report.sex[:1], "age_band": report.age_band[:8]}
    )
    number = (Study.objects.filter(project=project).aggregate(n=Max("number"))["n"] or 0) + 1
    shifted = date.fromisoformat(report.study_date) if report.study_date else None
    made: Study = Study.objects.create(
        project=project, subject=subject, number=number, uid=uid, shifted_date=shifted, site=site
    )
    return made


def _regions(report: IntakeReport) -> list[dict[str, Any]]:
    """Valid regions first, then strips, numbered from 1. Rejected boxes are not stored; their reason is."""
    valid = [row for row in report.regions if row["valid"] and row["kind"] not in STRIPS]
    strips = [row for row in report.regions if row["kind"] in STRIPS and _inside(row, report)]
    keys = ("x0", "y0", "x1", "y1", "kind", "row_mm", "col_mm", "source", "valid", "reason", "view")
    rows = []
    for number, row in enumerate([*valid, *strips], start=1):
        kept = {name: row[name] for name in keys} | {"number": number, "reason": str(row["reason"])[:200]}
        if row["kind"] in STRIPS:
            kept |= {"row_mm": None, "col_mm": None, "source": CalibrationSource.NONE, "valid": False}
        rows.append(kept)
    return rows


def _inside(row: dict[str, Any], report: IntakeReport) -> bool:
    return bool(0 <= row["x0"] <= row["x1"] < report.columns and 0 <= row["y0"] <= row["y1"] < report.rows)

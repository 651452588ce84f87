"""Studies of a simulated programme: subjects, one short clip each with its scale, pictures."""

from __future__ import annotations

import hashlib
import io
import struct
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction

from plaqueweb.core.models import ObjectKind, StoredObject
from plaqueweb.core.storage import put_file
from plaqueweb.ingest.bundle import png
from plaqueweb.ingest.store import MAGIC, bundle_offsets
from plaqueweb.ops.programme.draw import Programme
from plaqueweb.ops.programme.geometry import COLUMNS, ROWS, SPACING_MM, aorta, pictures
from plaqueweb.ops.programme.parameters import FRAMES, QUALITY_NOISE, SCANNERS, SEGMENTS, SITES
from plaqueweb.studies.choices import CalibrationSource, ClipKind, ClipState, StoredAs, View
from plaqueweb.studies.models import Clip, Project, Region, Study, Subject

FRAME_MS = 40.0
MANUFACTURER = "Simulated"


def store_studies(
    programme: Programme, project: Project, start: datetime, batches: Iterable[range], say: Any
) -> list[Study]:
    """Store what is missing of a programme's studies; return all of them in order of arrival."""
    total = programme.parameters.studies
    there = {study.number: study for study in Study.objects.filter(project=project)}
    for batch in batches:
        missing = [index for index in batch if index + 1 not in there]
        if missing:
            objects = {index: _picture(programme, project, index) for index in missing}
            with transaction.atomic():
                there |= {study.number: study for study in _write(programme, project, start, missing, objects)}
        say("studies and pictures", batch[-1] + 1, total)
    return [there[number] for number in range(1, total + 1)]


def pseudonym(subject: int) -> str:
    """The name of a simulated subject."""
    return f"SIM-{subject + 1:05d}"


def _picture(programme: Programme, project: Project, index: int) -> tuple[StoredObject, list[list[int]], str]:
    """Draw the frames of a study's clip and store them; return the object, its offsets and the hash of its pixels."""
    s = programme.studies
    rng = np.random.default_rng((programme.parameters.seed, 3, index))
    noise = QUALITY_NOISE[int(s.quality[index])]
    frames = pictures(
        aorta(s.centre[index]), float(s.thickness_mm[index]), float(s.angle[index]), float(s.half_extent[index]),
        int(s.peak[index]), noise, rng,
    )  # fmt: skip
    body = io.BytesIO()
    body.write(MAGIC + struct.pack("<I", FRAMES))
    for frame in frames:
        data = png(frame)
        body.write(struct.pack("<I", len(data)) + data)
    body.seek(0)
    offsets = bundle_offsets(body)
    return put_file(source=body, project_id=project.pk, kind=ObjectKind.CINE), offsets, _sha(frames.tobytes())


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write(
    programme: Programme,
    project: Project,
    start: datetime,
    indices: Sequence[int],
    objects: dict[int, tuple[StoredObject, list[list[int]], str]],
) -> list[Study]:
    s = programme.studies
    subjects = {name: row for row in Subject.objects.filter(project=project) if (name := row.pseudonym)}
    studies, clips, regions = [], [], []
    for index in indices:
        cine, offsets, digest = objects[index]
        name = pseudonym(int(s.subject[index]))
        if name not in subjects:
            decade = int(s.decade[index]) * 10
            subjects[name] = Subject.objects.create(
                project=project, pseudonym=name, sex="MF"[int(s.sex[index])], age_band=f"{decade}-{decade + 9}"
            )
        arrived = start + timedelta(weeks=int(s.week[index]))
        uid = f"2.25.{uuid.uuid5(project.pk, f'study {index}').int}"
        study = Study(
            project=project, subject=subjects[name], number=index + 1, uid=uid, shifted_date=arrived.date(),
            content_no=1, content_hash=_sha(digest.encode()), ready_at=arrived, last_arrival_at=arrived,
            site=SITES[int(s.site[index])],
        )  # fmt: skip
        clip = Clip(
            study=study, number=1, kind=ClipKind.CINE, sop_uid=f"2.25.{uuid.uuid5(project.pk, f'clip {index}').int}",
            frames=FRAMES, rows=ROWS, columns=COLUMNS, frame_times_ms=[n * FRAME_MS for n in range(FRAMES)],
            source_sha256=digest, stored_as=StoredAs.LOSSLESS, cine=cine, frame_offsets=offsets, synthetic=True,
            manufacturer=MANUFACTURER, scanner_model=SCANNERS[int(s.scanner[index])],
            segment=SEGMENTS[int(s.segment[index])], view=View.SAX, state=ClipState.STORED,
        )  # fmt: skip
        studies.append(study)
        clips.append(clip)
        regions.append(_region(clip, bool(s.scaled[index])))
    Study.objects.bulk_create(studies)
    Clip.objects.bulk_create(clips)
    Region.objects.bulk_create(regions)
    return studies


def _region(clip: Clip, scaled: bool) -> Region:
    mm = SPACING_MM if scaled else None
    return Region(
        clip=clip, number=1, x0=0, y0=0, x1=COLUMNS - 1, y1=ROWS - 1, row_mm=mm, col_mm=mm, view=View.SAX,
        source=CalibrationSource.US_REGION if scaled else CalibrationSource.NONE, valid=scaled,
        reason="" if scaled else "Simulated: a file without a scale.",
    )  # fmt: skip

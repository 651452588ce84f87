"""The worker's path on one stored clip: from the cine object to rows ready to store, against the bare passes."""

from __future__ import annotations

import io
import statistics
import struct
import time
import uuid

from inference.bench import StoredClip, bare_passes, stored_clip
from plaqueweb.core.models import ObjectKind
from plaqueweb.core.storage import put_file
from plaqueweb.core.work import WorkState, claim_next
from plaqueweb.jobs import gpu
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.ops.bench import Figure
from plaqueweb.predictions.services import register_builtin_pipeline
from plaqueweb.studies.choices import CalibrationSource, ClipKind, ClipState, StoredAs
from plaqueweb.studies.models import Clip, Project, Region, Study, Subject
from plaqueweb.studies.services import create_project

FRAMES, ROUNDS = 48, 5


def store_clip(project: Project, work: StoredClip) -> Clip:
    """A study with one phantom clip, stored as JPEG as the intake stores it."""
    subject = Subject.objects.create(project=project, pseudonym="P-00001")
    study = Study.objects.create(
        project=project, subject=subject, number=1, uid=f"2.25.{uuid.uuid4().int}", content_no=1,
        content_hash=uuid.uuid4().hex,
    )  # fmt: skip
    body, offsets = io.BytesIO(), []
    body.write(b"CINE" + struct.pack("<I", len(work.stored)))
    for picture in work.stored:
        body.write(struct.pack("<I", len(picture.data)))
        offsets.append([body.tell(), len(picture.data)])
        body.write(picture.data)
    cine = put_file(source=io.BytesIO(body.getvalue()), project_id=project.pk, kind=ObjectKind.CINE)
    rows, columns = work.stored[0].read().size
    clip = Clip.objects.create(
        study=study, number=1, kind=ClipKind.CINE, sop_uid=f"2.25.{uuid.uuid4().int}", frames=len(work.stored),
        rows=rows, columns=columns, frame_times_ms=[33.3 * n for n in range(len(work.stored))],
        source_sha256=uuid.uuid4().hex * 2, stored_as=StoredAs.AS_IN_FILE, cine=cine, frame_offsets=offsets,
        state=ClipState.STORED,
    )  # fmt: skip
    box = work.region
    Region.objects.create(
        clip=clip, number=1, x0=box.x0, y0=box.y0, x1=box.x1, y1=box.y1, row_mm=box.row_mm, col_mm=box.col_mm,
        source=CalibrationSource.US_REGION,
    )  # fmt: skip
    return clip


def worker_figures(*, frames: int = FRAMES, rounds: int = ROUNDS) -> list[Figure]:
    """Time the worker's job and the bare passes in turn; medians of the ratio and of the other processor time."""
    project = create_project(slug=f"bench-{uuid.uuid4().hex[:8]}", name="Bench", by=None, is_demo=True)
    work = stored_clip(frames)
    clip = store_clip(project, work)
    pipeline = register_builtin_pipeline(project=project, by=None)
    InferenceJob.objects.create(study=clip.study, pipeline=pipeline, content_no=1, work_state=WorkState.QUEUED)
    claim = claim_next(InferenceJob)
    if claim is None:
        raise RuntimeError("the bench's job could not be claimed")
    gpu.predict(claim)
    predictor = gpu.predictor_for(pipeline)
    bare_passes(predictor, work.images)
    ratios, others = [], []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        bare_passes(predictor, work.images)
        bare, bare_cpu = time.perf_counter() - wall, time.process_time() - cpu
        wall, cpu = time.perf_counter(), time.process_time()
        gpu.predict(claim)
        ratios.append(bare / (time.perf_counter() - wall))
        others.append((time.process_time() - cpu - bare_cpu) / frames * 1000)
    on_gpu = predictor.device.type == "cuda"
    return [
        Figure(
            "worker's job against bare passes", statistics.median(ratios), "×", 0.85 if on_gpu else 0.95, at_most=False
        ),
        Figure("worker's other CPU a frame", statistics.median(others), "ms CPU", 1.5),
    ]


__all__ = ["store_clip", "worker_figures"]

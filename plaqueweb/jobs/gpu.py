"""The only door to torch: runs a pipeline on the clips of a study. Imported inside the gpu worker, nowhere else."""

from __future__ import annotations

import gzip
import io
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import imagecodecs
import numpy as np
from imagecodecs import DelayedImportError
from numpy.typing import NDArray

from inference.checkpoints import CheckpointError
from inference.predictor import Predictor
from inference.types import ClipResult
from plaqueweb.core.models import ObjectKind
from plaqueweb.core.storage import open_object, put_file
from plaqueweb.core.work import Claim
from plaqueweb.core.workers import check_stop
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.jobs.services import StudyOutcome
from plaqueweb.predictions.decision import decide, rule_class
from plaqueweb.predictions.models import Decision, Pipeline
from plaqueweb.predictions.services import weights_path
from plaqueweb.studies.models import Clip, Region

REPORT_EACH = 0.25  # seconds between two progress reports
STRIPS = ("ecg", "depth_ruler")
PNG = b"\x89PNG"
_loaded: dict[tuple[str, str, float, float], Predictor] = {}


class PermanentInferenceError(Exception):
    """It will fail the same way next time: no clip, unreadable frame, wrong weights."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class BundleFrames:
    """The stored frames of a clip, decoded one after the other."""

    def __init__(self, clip: Clip) -> None:
        self.clip = clip

    def __len__(self) -> int:
        return self.clip.frames

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        with open_object(self.clip.cine) as handle:
            for number, (offset, length) in enumerate(self.clip.frame_offsets, start=1):
                handle.seek(offset)
                yield self._decode(handle.read(length), number)

    def _decode(self, data: bytes, number: int) -> NDArray[np.uint8]:
        try:
            frame = imagecodecs.png_decode(data) if data[:4] == PNG else imagecodecs.jpeg8_decode(data)
        except DelayedImportError:
            raise
        except (RuntimeError, ValueError) as error:  # what imagecodecs raises for broken data
            text = f"clip {self.clip.number}: frame {number} unreadable"
            raise PermanentInferenceError("frame-unreadable", text) from error
        return np.asarray(frame, dtype=np.uint8)


class Progress:
    """Reports frames over all clips of a study, keeps the lease, and notices cancellation and stopping."""

    def __init__(self, claim: Claim, total: int) -> None:
        self.claim, self.total = claim, total
        self.before, self.told = 0, 0.0

    def __call__(self, done: int, _total: int) -> None:
        check_stop()
        now = time.monotonic()
        if now - self.told >= REPORT_EACH:
            self.told = now
            self.claim.extend(self.before + done, self.total)

    def clip_done(self, frames: int) -> None:
        """Count a finished clip."""
        self.before += frames


def predictor_for(pipeline: Pipeline) -> Predictor:
    """Return the pipeline's networks, loaded once a process and checked against the recorded sha256."""
    classifier, segmenter = pipeline.classifier, pipeline.segmenter
    key = (classifier.sha256, segmenter.sha256, pipeline.threshold, pipeline.temperature)
    if key not in _loaded:
        threads = int(os.environ.get("PLAQUEWEB_TORCH_THREADS") or max((os.cpu_count() or 2) - 1, 1))
        try:
            loaded = Predictor.load(
                weights_path(classifier), weights_path(segmenter), threshold=pipeline.threshold,
                temperature=pipeline.temperature, device=os.environ.get("PLAQUEWEB_DEVICE", "auto"), threads=threads,
            )  # fmt: skip
        except CheckpointError as error:
            raise PermanentInferenceError("weights", str(error)) from error
        if [card.sha256 for card in loaded.cards] != [classifier.sha256, segmenter.sha256]:
            raise PermanentInferenceError("weights-sha256", "the weights on disk are not the ones this pipeline names")
        _loaded.clear()  # one pipeline at a time in memory
        _loaded[key] = loaded
    return _loaded[key]


def predict(claim: Claim) -> StudyOutcome:
    """Run the claimed job's pipeline on every readable clip of its study.

    Raises:
        PermanentInferenceError: it would fail again.
        Overtaken, Stopping: the row is not ours any more, or the worker ends.
    """
    started = time.monotonic()
    job = InferenceJob.objects.select_related("study", "pipeline__classifier", "pipeline__segmenter").get(pk=claim.pk)
    clips = list(
        Clip.objects.filter(study_id=job.study_id).for_reading().select_related("cine").prefetch_related("regions")
    )
    if not clips:
        raise PermanentInferenceError("no-clips", "the study holds no readable clip")
    if job.study.content_no != job.content_no:
        raise PermanentInferenceError("content-moved", "the study holds other clips now; a newer job reads them")
    predictor = predictor_for(job.pipeline)
    progress = Progress(claim, sum(clip.frames for clip in clips))
    claim.extend(0, progress.total)
    results: list[tuple[Clip, ClipResult]] = []
    for clip in clips:
        regions = [region.box() for region in clip.regions.all() if region.kind not in STRIPS]
        try:
            results.append((clip, predictor.predict_clip(BundleFrames(clip), regions, progress=progress)))
        except ValueError as error:
            raise PermanentInferenceError("clip-unreadable", f"clip {clip.number}: {error}") from error
        progress.clip_done(clip.frames)
    rows = [_clip_row(job, clip, result) for clip, result in results]
    claim.extend(progress.total, progress.total)
    return StudyOutcome(prediction=_study_row(job, results, time.monotonic() - started), clips=rows)


def _has_aorta(result: ClipResult) -> bool:
    return result.probability_complex is not None


def _region_of(clip: Clip, result: ClipResult) -> Region | None:
    if result.region is None:
        return None
    return next((r for r in clip.regions.all() if r.number == result.region.number and r.kind not in STRIPS), None)


def _key(result: ClipResult) -> tuple[float | None, float | None]:
    """Thickness at the clip's key frame in mm and in pixels."""
    frame = next((f for f in result.per_frame if f.frame == result.key_frame), None)
    return result.max_thickness_mm, None if frame is None else frame.max_thickness_px


def _clip_row(job: InferenceJob, clip: Clip, result: ClipResult) -> dict[str, Any]:
    frames = result.per_frame
    curves = np.array(
        [
            [f.probability_complex for f in frames],
            [f.plaque_area_px for f in frames],
            [np.nan if f.plaque_area_mm2 is None else f.plaque_area_mm2 for f in frames],
            [np.nan if f.max_thickness_mm is None else f.max_thickness_mm for f in frames],
        ],
        dtype=np.float32,
    )
    masks = {
        "size": [result.rows, result.columns],
        "frames": {str(f.frame): {"plaque": f.plaque_rle, "lumen": f.lumen_rle, "wall": f.wall_rle} for f in frames},
    }
    packed = gzip.compress(json.dumps(masks, separators=(",", ":")).encode(), compresslevel=6, mtime=0)
    region = _region_of(clip, result)
    found = _has_aorta(result)
    mm, px = _key(result)
    return {
        "clip": clip,
        "region_number": region.number if region else 1,
        "probability": result.probability_complex,
        "max_thickness_mm": mm,
        "max_thickness_px": px,
        "max_area_mm2": result.max_plaque_area_mm2,
        "max_area_px": result.max_plaque_area_px,
        "key_frame": result.key_frame,
        "no_result_reason": "" if found else "no aorta found",
        "curves": curves.tobytes(),
        "masks": put_file(source=io.BytesIO(packed), project_id=job.study.project_id, kind=ObjectKind.MASKS),
    }


def _study_row(job: InferenceJob, results: list[tuple[Clip, ClipResult]], seconds: float) -> dict[str, Any]:
    """The maximum over the clips in which an aorta was found; the official thickness with its frame."""
    seen = [(clip, result) for clip, result in results if _has_aorta(result)]
    answered = [result.probability_complex for _, result in seen if result.probability_complex is not None]
    probability = max(answered, default=None)
    thickest = max(
        ((clip, result) for clip, result in seen if result.key_frame is not None),
        key=lambda pair: (pair[1].max_thickness_mm or 0.0, _key(pair[1])[1] or 0.0),
        default=None,
    )
    mm, px = _key(thickest[1]) if thickest else (None, None)
    scaled = [result for _, result in seen if result.spacing_mm is not None]
    if mm is None and scaled:
        mm = 0.0  # a scale is there and no plaque was found
    areas = [result.max_plaque_area_mm2 for _, result in seen if result.max_plaque_area_mm2 is not None]
    region = _region_of(*thickest) if thickest else None
    chord = thickest[1].key_chord if thickest else None
    decision = decide(probability=probability, threshold=job.pipeline.threshold, thickness_mm=mm)
    return {
        "content_hash": job.study.content_hash,
        "probability": probability,
        "predicted_class": None if probability is None else int(probability >= job.pipeline.threshold),
        "rule_class": None if decision == Decision.NO_RESULT else rule_class(mm),
        "decision": decision,
        "no_result_reason": "" if seen else "no aorta found",
        "thickness_mm": mm,
        "thickness_px": px,
        "area_mm2": max(areas, default=None),
        "area_px": max((result.max_plaque_area_px for _, result in seen), default=None),
        "key_clip": thickest[0] if thickest else None,
        "key_frame": thickest[1].key_frame if thickest else None,
        "key_region": region.number if region else None,
        "chord": [list(map(float, point)) for point in chord] if chord else None,
        "device": results[0][1].device,
        "seconds": seconds,
    }

"""The only door to torch: runs a pipeline on the clips of a study. Imported inside the gpu worker, nowhere else."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import imagecodecs
from django.conf import settings

from inference import tuning
from inference.checkpoints import CheckpointError
from inference.engines import EngineError
from inference.explain import explain, packed
from inference.pictures import JpegPicture, LazyPicture, Planes, StoredPicture
from inference.predictor import Predictor
from inference.types import ClipResult
from plaqueweb.core.models import ObjectKind, StoredObject
from plaqueweb.core.storage import open_object, put_file, read_range
from plaqueweb.core.work import Claim
from plaqueweb.core.workers import check_stop
from plaqueweb.jobs import rows
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.jobs.services import StudyOutcome
from plaqueweb.predictions.models import Pipeline
from plaqueweb.predictions.services import weights_path
from plaqueweb.studies.models import Clip

REPORT_EACH = 0.25  # seconds between two progress reports
PNG = b"\x89PNG"
_loaded: dict[tuple[str, str, float, float], Predictor] = {}


class PermanentInferenceError(Exception):
    """It will fail the same way next time: no clip, unreadable frame, wrong weights."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class BundlePicture:
    """A stored frame, PNG or JPEG, decoded by whoever takes it."""

    data: bytes
    clip: int
    number: int

    def read(self) -> Planes:
        """Decode it; a frame that cannot be decoded now never can."""
        png = self.data[:4] == PNG
        stored: StoredPicture = JpegPicture(self.data)
        if png:
            stored = LazyPicture(lambda: imagecodecs.png_decode(self.data))
        try:
            return stored.read()
        except imagecodecs.DelayedImportError:
            raise
        except (RuntimeError, ValueError) as error:  # what imagecodecs raises for broken data
            text = f"clip {self.clip}: frame {self.number} unreadable"
            raise PermanentInferenceError("frame-unreadable", text) from error


class BundleFrames:
    """The stored frames of a clip, read one after the other."""

    def __init__(self, clip: Clip) -> None:
        self.clip = clip

    def __len__(self) -> int:
        return self.clip.frames

    def __iter__(self) -> Iterator[BundlePicture]:
        with open_object(self.clip.cine) as handle:
            for number, (offset, length) in enumerate(self.clip.frame_offsets, start=1):
                handle.seek(offset)
                yield BundlePicture(handle.read(length), self.clip.number, number)

    def picture(self, number: int) -> BundlePicture:
        """One frame, numbered from 1."""
        offset, length = self.clip.frame_offsets[number - 1]
        return BundlePicture(read_range(self.clip.cine, offset, length), self.clip.number, number)


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
    """Return the pipeline's networks, loaded once a process, checked against the recorded sha256, and put on the
    setting that a short measurement finds quickest here."""
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
        _tune(loaded)
        if [card.sha256 for card in loaded.cards] != [classifier.sha256, segmenter.sha256]:
            raise PermanentInferenceError("weights-sha256", "the weights on disk are not the ones this pipeline names")
        _loaded.clear()  # one pipeline at a time in memory
        _loaded[key] = loaded
    return _loaded[key]


def _tune(predictor: Predictor) -> None:
    """Choose engine, type and batch: what the environment fixes, else what is measured."""
    seconds = float(os.environ.get("PLAQUEWEB_TUNE_SECONDS") or 3.0)
    try:
        tuning.choose(predictor, tuning.wish_from(), seconds=seconds, cache=settings.VAR_DIR / "engines.json")
    except EngineError as error:
        raise PermanentInferenceError("engine", str(error)) from error


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
        regions = [region.box() for region in clip.regions.all() if region.kind not in rows.STRIPS]
        try:
            results.append((clip, predictor.predict_clip(BundleFrames(clip), regions, progress=progress)))
        except ValueError as error:
            raise PermanentInferenceError("clip-unreadable", f"clip {clip.number}: {error}") from error
        progress.clip_done(clip.frames)
    clip_rows = [rows.clip_row(clip, result, masks=_stored_masks(job, result)) for clip, result in results]
    claim.extend(progress.total, progress.total)
    study = rows.study_row(
        results, threshold=job.pipeline.threshold, content_hash=job.study.content_hash,
        seconds=time.monotonic() - started,
    )  # fmt: skip
    study["maps"] = _stored_maps(job, predictor, results, study["key_clip"], study["key_frame"])
    return StudyOutcome(prediction=study, clips=clip_rows)


def _stored_masks(job: InferenceJob, result: ClipResult) -> StoredObject:
    packed = rows.packed_masks(result)
    return put_file(source=io.BytesIO(packed), project_id=job.study.project_id, kind=ObjectKind.MASKS)


def _stored_maps(
    job: InferenceJob,
    predictor: Predictor,
    results: list[tuple[Clip, ClipResult]],
    clip: Clip | None,
    frame: int | None,
) -> StoredObject | None:
    """What explains the study's key frame, as one archive; None where there is no key frame."""
    result = next((result for one, result in results if one == clip), None)
    if clip is None or frame is None or result is None or result.region is None:
        return None
    maps = explain(predictor, BundleFrames(clip).picture(frame).read().shown, result.region)
    return put_file(source=io.BytesIO(packed(maps)), project_id=job.study.project_id, kind=ObjectKind.MAPS)

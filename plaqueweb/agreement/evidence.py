"""Load the rows that a manifest names. No user here: whoever froze the manifest was allowed to see them."""

from __future__ import annotations

import gzip
import json
import uuid
import zlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.types import rle_decode
from plaqueweb.agreement.stats import FrameScore, score_frame
from plaqueweb.agreement.stats.overlap import SCORED_EXTENTS
from plaqueweb.core.storage import read_all
from plaqueweb.predictions.models import ClipPrediction, Prediction
from plaqueweb.reads.models import FrameAnnotation, FrameMask, Lesion, Read
from plaqueweb.review.models import Consensus
from plaqueweb.studies.models import Clip, Study

KeyPlace = tuple[uuid.UUID, int, int]
"""Clip, frame (from 1) and region of an official thickness."""


@dataclass(frozen=True)
class Answer:
    """What a read, a consensus or a prediction says about a study. Thickness in mm, None without calibration."""

    klass: int | None
    thickness_mm: float | None = None
    key: KeyPlace | None = None
    probability: float | None = None
    rater: uuid.UUID | None = None


@dataclass(frozen=True)
class Unit:
    """A study of the comparison; ``label`` is for people who may see studies."""

    study: uuid.UUID
    subject: uuid.UUID
    reference: Answer | None
    model: Answer | None


@dataclass(frozen=True)
class Frames:
    """Scores of the declared frames by study, and how many annotated frames could not be scored and why."""

    scores: dict[uuid.UUID, list[FrameScore]]
    unknown: int
    no_result: int


@dataclass(frozen=True)
class Evidence:
    """Everything the statistics need."""

    units: list[Unit]
    reads: dict[uuid.UUID, list[Answer]]
    frames: Frames
    simulated: bool
    synthetic: bool


def load(manifest: dict[str, Any]) -> Evidence:
    """Read the rows of a manifest (see ``selectors.manifest``).

    A reference or prediction that no longer exists stands as missing.
    """
    read_ids = [uuid.UUID(text) for text in manifest["reads"]]
    rows = [(uuid.UUID(a), uuid.UUID(b), _id(c), _id(d)) for a, b, c, d in manifest["units"]]
    reads = _reads(read_ids)
    references = _consensus([row[2] for row in rows if row[2]]) | {pk: answer for pk, (_study, answer) in reads.items()}
    predictions = _predictions([row[3] for row in rows if row[3]])
    units, by_study, prediction_of = [], defaultdict(list), {}
    for study, subject, reference, prediction in rows:
        units.append(Unit(study, subject, _get(references, reference), _get(predictions, prediction)))
        if prediction is not None:
            prediction_of[study] = prediction
    for study, answer in reads.values():
        by_study[study].append(answer)
    reader = manifest["against"].removeprefix("reader:") if manifest["against"].startswith("reader:") else ""
    scored = [pk for pk, (_study, answer) in reads.items() if not reader or str(answer.rater) == reader]
    subjects = {unit.study: unit.subject for unit in units}
    return Evidence(
        units=units,
        reads=dict(by_study),
        frames=_frames(scored, prediction_of, subjects),
        simulated=Read.objects.filter(pk__in=read_ids, assignment__reader__is_simulated=True).exists(),
        synthetic=Clip.objects.filter(study_id__in=list(subjects), synthetic=True).exists(),
    )


def _id(text: str) -> uuid.UUID | None:
    return uuid.UUID(text) if text else None


def _get(rows: dict[uuid.UUID, Answer], key: uuid.UUID | None) -> Answer | None:
    return rows.get(key) if key is not None else None


def _place(clip: uuid.UUID | None, frame: int | None, region: int | None) -> KeyPlace | None:
    return (clip, frame, region or 1) if clip is not None and frame is not None else None


def _reads(ids: list[uuid.UUID]) -> dict[uuid.UUID, tuple[uuid.UUID, Answer]]:
    """(study, answer) by read: the official thickness stands on the read, its place on the index lesion."""
    places = {
        read: _place(clip, frame, region)
        for read, clip, frame, region in Lesion.objects.filter(read_id__in=ids, is_index=True).values_list(
            "read_id", "key_clip_id", "key_frame", "key_region"
        )
    }
    rows = Read.objects.filter(pk__in=ids).order_by("pk")
    fields = rows.values_list("pk", "assignment__study_id", "assignment__reader_id", "reader_class", "thickness_mm")
    return {
        pk: (study, Answer(klass, thickness_mm=mm, key=places.get(pk), rater=reader))
        for pk, study, reader, klass, mm in fields
    }


def _consensus(ids: list[uuid.UUID]) -> dict[uuid.UUID, Answer]:
    rows = Consensus.objects.filter(pk__in=ids).values_list("pk", "reader_class", "thickness_mm")
    return {pk: Answer(klass, thickness_mm=mm) for pk, klass, mm in rows}


def _predictions(ids: list[uuid.UUID]) -> dict[uuid.UUID, Answer]:
    rows = Prediction.objects.filter(pk__in=ids).values_list(
        "pk", "predicted_class", "thickness_mm", "key_clip_id", "key_frame", "key_region", "probability"
    )
    return {
        pk: Answer(klass, thickness_mm=mm, key=_place(clip, frame, region), probability=probability)
        for pk, klass, mm, clip, frame, region, probability in rows
    }


def _frames(
    reads: list[uuid.UUID], predictions: dict[uuid.UUID, uuid.UUID], subjects: dict[uuid.UUID, uuid.UUID]
) -> Frames:
    annotations = FrameAnnotation.objects.filter(read_id__in=reads).order_by("clip_id", "frame")
    rows = list(annotations.values_list("pk", "read__assignment__study_id", "clip_id", "frame", "region", "extent"))
    declared = [row for row in rows if row[5] in SCORED_EXTENTS]
    masks = FrameMask.objects.filter(annotation_id__in=[row[0] for row in declared]).in_bulk(field_name="annotation_id")
    sizes = _sizes({row[2] for row in declared})
    model = ModelMasks(predictions)
    scores: dict[uuid.UUID, list[FrameScore]] = defaultdict(list)
    unknown, no_result = len(rows) - len(declared), 0
    for pk, study, clip, frame, region, extent in declared:
        reader_mask = _reader_mask(masks.get(pk), sizes[clip], empty=extent == "no_plaque")
        if reader_mask is None:
            unknown += 1
            continue
        model_mask = model.plaque(study, clip, region, frame, reader_mask.shape)
        if model_mask is None:
            no_result += 1
            continue
        scores[study].append(score_frame(subjects[study], reader_mask, model_mask))
    return Frames(dict(scores), unknown, no_result)


def _sizes(clips: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[int, int]]:
    rows = Clip.objects.filter(pk__in=list(clips)).values_list("pk", "rows", "columns")
    return {pk: (height, width) for pk, height, width in rows}


def _reader_mask(mask: FrameMask | None, size: tuple[int, int], *, empty: bool) -> NDArray[np.bool_] | None:
    """All lesions of a frame as one mask of shape (rows, columns); None once the mask was erased."""
    if empty or mask is None:
        return np.zeros(size, dtype=np.bool_)
    if mask.rle is None:
        return None
    lesions = json.loads(zlib.decompress(bytes(mask.rle)))
    whole = np.zeros((mask.rows, mask.columns), dtype=np.bool_)
    for runs in lesions.values():
        whole |= rle_decode(runs, (mask.rows, mask.columns))
    return whole


class ModelMasks:
    """The model's plaque masks, one stored object a clip and region, each opened once."""

    def __init__(self, predictions: dict[uuid.UUID, uuid.UUID]) -> None:
        """``predictions``: the prediction of each study."""
        self._predictions = predictions
        rows = ClipPrediction.objects.filter(prediction_id__in=list(predictions.values())).select_related("masks")
        self._rows = {(row.prediction_id, row.clip_id, row.region_number): row for row in rows}
        self._open: tuple[uuid.UUID, dict[str, Any]] | None = None

    def plaque(
        self, study: uuid.UUID, clip: uuid.UUID, region: int, frame: int, shape: tuple[int, ...]
    ) -> NDArray[np.bool_] | None:
        """Plaque on one frame, bool of ``shape`` (rows, columns); None where the model gave no result for the clip.

        A frame that the object does not list is one where the model marked nothing.
        """
        prediction = self._predictions.get(study)
        row = self._rows.get((prediction, clip, region)) if prediction else None
        if row is None or row.masks is None:
            return None
        if self._open is None or self._open[0] != row.pk:
            self._open = (row.pk, json.loads(gzip.decompress(read_all(row.masks))))
        document = self._open[1]
        rows, columns = document["size"]
        runs = document["frames"].get(str(frame), {}).get("plaque", [])
        if (rows, columns) != shape:
            return None
        return rle_decode(runs, (rows, columns)) if runs else np.zeros((rows, columns), dtype=np.bool_)


def study_labels(studies: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[str, str]]:
    """(label, subject's pseudonym) of studies; the caller checked that the user may see them."""
    rows = Study.objects.filter(pk__in=list(studies)).select_related("subject")
    return {row.pk: (row.label, row.subject.pseudonym) for row in rows}

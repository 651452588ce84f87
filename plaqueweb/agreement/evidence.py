"""Load the rows that a manifest names. No user here: whoever froze the manifest was allowed to see them."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from plaqueweb.agreement.stats import FrameScore, score_frame
from plaqueweb.agreement.stats.overlap import SCORED_EXTENTS
from plaqueweb.predictions.models import ClipPrediction, Prediction
from plaqueweb.reads.models import FrameAnnotation, Lesion, Read
from plaqueweb.review.masks import ModelMasks, frame_dice, marked_frames
from plaqueweb.review.models import Consensus
from plaqueweb.studies.models import Clip, Study

KeyPlace = tuple[uuid.UUID, int, int]
"""Clip, frame (from 1) and region of an official thickness."""


@dataclass(frozen=True)
class Answer:
    """What a read, a consensus or a prediction says about a study. Thickness in mm, None without calibration.

    ``no_result`` is the reason why a prediction has no class.
    """

    klass: int | None
    thickness_mm: float | None = None
    key: KeyPlace | None = None
    probability: float | None = None
    rater: uuid.UUID | None = None
    no_result: str = ""


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
        "pk", "predicted_class", "thickness_mm", "key_clip_id", "key_frame", "key_region", "probability",
        "no_result_reason",
    )  # fmt: skip
    return {
        pk: Answer(klass, thickness_mm=mm, key=_place(clip, frame, region), probability=probability, no_result=reason)
        for pk, klass, mm, clip, frame, region, probability, reason in rows
    }


def _frames(
    reads: list[uuid.UUID], predictions: dict[uuid.UUID, uuid.UUID], subjects: dict[uuid.UUID, uuid.UUID]
) -> Frames:
    """Compare the declared frames of each read with the study's prediction, as the comparison page does."""
    rows = FrameAnnotation.objects.filter(read_id__in=reads)
    # Where the masks were erased, nobody knows any more what the reader marked.
    erased = Q(mask__isnull=False, mask__rle__isnull=True)
    declared = rows.filter(extent__in=SCORED_EXTENTS).exclude(erased)
    joined = declared.select_related("clip", "mask", "read__assignment").prefetch_related("clip__regions")
    by_read: dict[uuid.UUID, list[FrameAnnotation]] = defaultdict(list)
    for row in joined.order_by("read_id", "clip_id", "frame"):
        by_read[row.read_id].append(row)
    parts: dict[uuid.UUID, list[ClipPrediction]] = defaultdict(list)
    for part in ClipPrediction.objects.filter(prediction_id__in=list(predictions.values())).select_related("masks"):
        parts[part.prediction_id].append(part)
    scores: dict[uuid.UUID, list[FrameScore]] = defaultdict(list)
    no_result = 0
    for marked in by_read.values():
        study = marked[0].read.assignment.study_id
        model = ModelMasks.of(parts[predictions[study]] if study in predictions else [])
        found = frame_dice(marked_frames(marked), model, {row.clip_id: row.clip for row in marked})
        scores[study] += [score_frame(subjects[study], row.reader_px, row.model_px, row.value) for row in found]
        no_result += len(marked) - len(found)
    return Frames(dict(scores), rows.count() - sum(map(len, by_read.values())), no_result)


def study_labels(studies: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[str, str]]:
    """(label, subject's pseudonym) of studies; the caller checked that the user may see them."""
    rows = Study.objects.filter(pk__in=list(studies)).select_related("subject")
    return {row.pk: (row.label, row.subject.pseudonym) for row in rows}

"""Predictions of simulated pipelines, by the same functions that turn a worker's results into rows."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from plaqueweb.core.models import ObjectKind
from plaqueweb.core.storage import put_file
from plaqueweb.jobs.rows import clip_row, packed_masks, study_row
from plaqueweb.ops.programme.answers import clip_result
from plaqueweb.ops.programme.draw import Programme
from plaqueweb.ops.programme.geometry import aorta
from plaqueweb.predictions.models import ClipPrediction, Pipeline, Prediction
from plaqueweb.predictions.simulated import record_simulated_predictions
from plaqueweb.studies.models import Clip, Study


def store_predictions(
    programme: Programme, pipeline: Pipeline, number: int, studies: Sequence[Study], batches: Iterable[range], say: Any
) -> int:
    """Store what is missing of one pipeline's predictions; return how many there are."""
    there = set(Prediction.objects.filter(pipeline=pipeline).values_list("study_id", flat=True))
    for batch in batches:
        missing = [index for index in batch if studies[index].pk not in there]
        if missing:
            wanted = [studies[index].pk for index in missing]
            clips = {row.study_id: row for row in Clip.objects.filter(study__in=wanted).prefetch_related("regions")}
            rows = [_rows(programme, pipeline, number, studies[n], n, clips[studies[n].pk]) for n in missing]
            record_simulated_predictions(pipeline=pipeline, rows=rows)
        say(f"predictions of {pipeline.name}", batch[-1] + 1, len(studies))
    return len(studies)


def _rows(
    programme: Programme, pipeline: Pipeline, number: int, study: Study, index: int, clip: Clip
) -> tuple[Prediction, list[ClipPrediction]]:
    result = clip_result(programme, programme.predictions[number], index, aorta(programme.studies.centre[index]))
    masks = put_file(source=io.BytesIO(packed_masks(result)), project_id=study.project_id, kind=ObjectKind.MASKS)
    row = study_row([(clip, result)], threshold=pipeline.threshold, content_hash=study.content_hash, seconds=0.0)
    prediction = Prediction(
        job_id=uuid.uuid5(study.pk, f"simulated {pipeline.pk}"), pipeline=pipeline, study=study,
        content_no=study.content_no, **row,
    )  # fmt: skip
    return prediction, [ClipPrediction(prediction=prediction, **clip_row(clip, result, masks=masks))]

"""Mean Dice of reads and predictions: asked for by the queue, computed in the light worker, kept for good."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from datetime import timedelta

import numpy as np
from django.db import DatabaseError, transaction

from plaqueweb.core import work
from plaqueweb.core.models import WorkState
from plaqueweb.core.workers import stop_asked, working_on
from plaqueweb.predictions.models import ClipPrediction, Prediction
from plaqueweb.reads.models import FrameAnnotation, Read
from plaqueweb.review.error_models import MaskOverlap
from plaqueweb.review.masks import DECLARED, marked_frames
from plaqueweb.review.overlap import frame_dice
from plaqueweb.review.sides import model_side, read_side

LEASE = timedelta(minutes=2)
TASK = "review.compare_masks"
log = logging.getLogger(__name__)
Pair = tuple[uuid.UUID, uuid.UUID]
"""Read and prediction."""


def known(pairs: Iterable[Pair]) -> dict[Pair, MaskOverlap]:
    """Return the rows that exist for these pairs, finished or not, without their logs."""
    wanted = set(pairs)
    rows = MaskOverlap.objects.filter(prediction_id__in={pair[1] for pair in wanted}).defer("log", "token")
    found = {(row.read_id, row.prediction_id): row for row in rows}
    return {pair: row for pair, row in found.items() if pair in wanted}


def want(project_id: uuid.UUID, pairs: Iterable[Pair]) -> int:
    """Queue the pairs for the light worker; return how many were asked for. Two requests at once leave one row each."""
    rows = [MaskOverlap(project_id=project_id, read_id=read, prediction_id=pk) for read, pk in sorted(set(pairs))]
    if not rows:
        return 0
    with transaction.atomic():
        MaskOverlap.objects.bulk_create(rows, ignore_conflicts=True)
        transaction.on_commit(_ring)
    return len(rows)


def compare_waiting() -> int:
    """Compute queued pairs until none is left; return how many were finished. Runs in the light worker."""
    finished = 0
    while not stop_asked() and (claim := work.claim_next(MaskOverlap, lease=LEASE)):
        with working_on(claim):
            finished += _compute(claim)
    return finished


def _compute(claim: work.Claim) -> int:
    row = MaskOverlap.objects.get(pk=claim.pk)
    try:
        dice, frames = mean_dice(row.read_id, row.prediction_id)
        work.close(claim, dice=dice, frames=frames)
    except work.Overtaken:
        work.end_cancelled(claim)
        return 0
    except (ValueError, KeyError, OSError, DatabaseError, Read.DoesNotExist, Prediction.DoesNotExist) as error:
        log.exception("overlap %s failed", row.pk)
        # A mask that cannot be opened stays so; storage and the database may come back.
        permanent = not isinstance(error, OSError | DatabaseError)
        work.fail(claim, code=type(error).__name__, log=str(error), permanent=permanent)
        return 0
    return 1


def mean_dice(read_id: uuid.UUID, prediction_id: uuid.UUID) -> tuple[float | None, int]:
    """Return mean Dice over declared frames that either side marked, and their number; (None, 0) without one."""
    read = Read.objects.select_related("assignment__reader").get(pk=read_id)
    prediction = Prediction.objects.select_related("pipeline").get(pk=prediction_id)
    annotations = FrameAnnotation.objects.filter(read=read, extent__in=DECLARED).select_related("mask", "clip")
    rows = list(annotations.prefetch_related("clip__regions"))
    clips = sorted({row.clip_id: row.clip for row in rows}.values(), key=lambda clip: clip.number)
    parts = ClipPrediction.objects.filter(prediction=prediction).select_related("masks").defer("curves")
    sides = read_side(read, clips, rows, marked_frames(rows), []), model_side(prediction, clips, list(parts))
    compared = [one for one in frame_dice(*sides) if one.declared]
    values = [one.value for one in compared if one.value is not None]
    return (float(np.mean(values)) if values else None), len(values)


def is_pending(row: MaskOverlap | None) -> bool:
    """Tell whether a pair still waits for its result."""
    return row is None or row.work_state in (WorkState.CREATED, WorkState.QUEUED, WorkState.RUNNING)


def _ring() -> None:
    """Ring for the light worker; a broker that is away is no error, the sweeper rings again."""
    from kombu.exceptions import OperationalError

    from plaqueweb.review.tasks import compare_masks  # the task imports this module

    try:
        compare_masks.apply_async(retry=False)
    except (OperationalError, OSError) as error:
        log.warning("doorbell %s: %s", TASK, error)

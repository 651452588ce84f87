"""Masks compared on the frames that readers marked, and the model's curves on the readers' key frames.

Curves and masks of a prediction are opened here alone, clip by clip, in the worker: no page reads rows of frames.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from django.db.models import Q

from inference import metrics
from plaqueweb.agreement.answers import FramePair, Frames, ModelAt, Unit
from plaqueweb.agreement.evidence_rows import batches
from plaqueweb.agreement.stats import FrameScore, score_frame
from plaqueweb.agreement.stats.overlap import SCORED_EXTENTS
from plaqueweb.predictions.models import ClipPrediction
from plaqueweb.reads.models import FrameAnnotation
from plaqueweb.review.masks import MarkedFrame, Mask, ModelMasks, marked_frames, region_of, within
from plaqueweb.studies.models import Clip

NSD_MM = 0.5
"""Tolerance of the normalised surface Dice, in mm."""
_CURVES = ("probability", "area_px", "area_mm2", "thickness_mm")
_READS_AT_ONCE = 100
Progress = Callable[[int, int], None]


def load_frames(
    scored: Sequence[uuid.UUID],
    every: Sequence[uuid.UUID],
    predictions: Mapping[uuid.UUID, uuid.UUID],
    subjects: Mapping[uuid.UUID, uuid.UUID],
    progress: Progress | None = None,
    *,
    borders: bool = False,
) -> Frames:
    """Compare the declared frames of ``scored`` reads with the study's prediction, as the comparison page does.

    With ``every`` read also each two readers on frames that both declared, and the model with each of them; ``scores``
    are of ``scored`` alone. Study by study: masks are not held together. ``borders`` adds distances in mm.
    """
    scores: dict[uuid.UUID, list[FrameScore]] = defaultdict(list)
    pairs: list[FramePair] = []
    unknown: dict[uuid.UUID, int] = defaultdict(int)
    no_result: dict[uuid.UUID, int] = defaultdict(int)
    wanted = set(scored)
    groups = _by_study(sorted({*scored, *every}))
    for done, (study, reads) in enumerate(groups.items(), 1):
        rows = _annotations(reads)
        declared = {read: [row for row in own if _declared(row)] for read, own in rows.items()}
        model = model_masks(predictions.get(study))
        clips = {row.clip_id: row.clip for own in declared.values() for row in own}
        marked = {read: marked_frames(own) for read, own in declared.items()}
        for read in reads:
            own = declared.get(read, [])
            reader = own[0].read.assignment.reader_id if own else None
            found = [
                with_model(study, subjects[study], reader, frame, model, clips, borders)
                for frame in marked.get(read, {}).values()
            ]
            kept = [pair for pair in found if pair is not None]
            pairs += kept
            if read not in wanted:
                continue
            unknown[study] += len(rows.get(read, ())) - len(own)
            no_result[study] += len(own) - len(kept)
            scores[study] += [score_frame(subjects[study], p.reader_px, p.other_px, p.dice) for p in kept]
        if every:
            people = {read: own[0].read.assignment.reader_id for read, own in declared.items() if own}
            pairs += _between_readers(study, subjects[study], marked, people, clips, borders)
        if progress is not None:
            progress(done, len(groups))
    return Frames(dict(scores), sum(unknown.values()), sum(no_result.values()), pairs, dict(unknown), dict(no_result))


def _by_study(reads: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[uuid.UUID]]:
    """Reads that hold annotations, by study."""
    grouped: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for part in batches(reads):
        rows = FrameAnnotation.objects.filter(read_id__in=part).order_by("read__assignment__study_id", "read_id")
        for study, read in rows.values_list("read__assignment__study_id", "read_id").distinct():
            grouped[study].append(read)
    return grouped


def _annotations(reads: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[FrameAnnotation]]:
    rows = FrameAnnotation.objects.filter(read_id__in=reads).select_related("clip", "mask", "read__assignment")
    found: dict[uuid.UUID, list[FrameAnnotation]] = defaultdict(list)
    for row in rows.prefetch_related("clip__regions").order_by("read_id", "clip_id", "frame"):
        found[row.read_id].append(row)
    return found


def _declared(row: FrameAnnotation) -> bool:
    # Where the masks were erased, nobody knows any more what the reader marked.
    mask = getattr(row, "mask", None)
    return row.extent in SCORED_EXTENTS and not (mask is not None and mask.rle is None)


def model_masks(prediction: uuid.UUID | None) -> ModelMasks:
    """The masks of a prediction, opened clip by clip; empty without one."""
    if prediction is None:
        return ModelMasks.of([])
    return ModelMasks.of(
        ClipPrediction.objects.filter(prediction_id=prediction).select_related("masks").defer("curves")
    )


def with_model(
    study: uuid.UUID,
    subject: uuid.UUID,
    reader: uuid.UUID | None,
    frame: MarkedFrame,
    model: ModelMasks,
    clips: Mapping[uuid.UUID, Clip],
    borders: bool,
) -> FramePair | None:
    """None where the model gave no result on the frame's clip."""
    clip = clips[frame.place[0]]
    theirs = model.plaque(frame.place[0], frame.place[1])
    if theirs is None or theirs.shape != frame.shape or reader is None:
        return None
    if len(clip.regions.all()) > 1:
        theirs = within(theirs, region_of(clip, frame.place[2]))
    return _pair(study, subject, frame, theirs, clip, reader, None, borders)


def _pair(
    study: uuid.UUID, subject: uuid.UUID, frame: MarkedFrame, theirs: Mask, clip: Clip, reader: uuid.UUID,
    other: uuid.UUID | None, borders: bool,
) -> FramePair:  # fmt: skip
    ours = frame.plaque
    region = region_of(clip, frame.place[2])
    spacing = region.spacing if region else None
    a, b = frame.area_px, int(np.count_nonzero(theirs))
    dice = metrics.dice(ours, theirs)
    kind = score_frame(subject, a, b, dice).kind
    distances: dict[str, float | None] = {}
    if borders and a and b and spacing is not None:
        distances = surface_distances(ours, theirs, spacing)
    return FramePair(
        study, subject, frame.place, reader, other, kind, dice, a, b,
        reader_mm2=a * spacing[0] * spacing[1] if spacing else None, **distances,
    )  # fmt: skip


def surface_distances(a: Mask, b: Mask, spacing: tuple[float, float]) -> dict[str, float | None]:
    """HD95 and ASSD in mm and NSD at 0.5 mm of two marked areas, computed on their common bounding box."""
    rows, columns = np.nonzero(a | b)
    box = np.s_[
        max(int(rows.min()) - 1, 0) : int(rows.max()) + 2, max(int(columns.min()) - 1, 0) : int(columns.max()) + 2
    ]
    cut, other = a[box], b[box]
    found = metrics.border_distances(cut, other, spacing)
    return {
        "hd95_mm": metrics.hausdorff(found),
        "assd_mm": metrics.mean_border_distance(found),
        "nsd": metrics.surface_dice(found, NSD_MM),
    }


def _between_readers(
    study: uuid.UUID,
    subject: uuid.UUID,
    marked: Mapping[uuid.UUID, Mapping[Any, MarkedFrame]],
    people: Mapping[uuid.UUID, uuid.UUID],
    clips: Mapping[uuid.UUID, Clip],
    borders: bool,
) -> list[FramePair]:
    found = []
    for first, second in combinations(sorted(people, key=lambda read: people[read]), 2):
        for place in marked[first].keys() & marked[second].keys():
            one, two = marked[first][place], marked[second][place]
            if one.shape == two.shape:
                found.append(
                    _pair(study, subject, one, two.plaque, clips[place[0]], people[first], people[second], borders)
                )
    return sorted(found, key=lambda pair: (str(pair.reader), str(pair.other), str(pair.key)))


def model_at(units: Sequence[Unit], predictions: Mapping[uuid.UUID, uuid.UUID]) -> dict[uuid.UUID, ModelAt]:
    """The model's thickness and area on the frame where the reference measured, from the curves of that clip alone."""
    wanted = {
        (predictions[unit.study], unit.reference.key[0]): unit
        for unit in units
        if unit.reference is not None and unit.reference.key is not None and unit.study in predictions
    }
    found: dict[uuid.UUID, ModelAt] = {}
    for part in batches({key[0] for key in wanted}):
        keyed = Q(prediction_id__in=part, no_result_reason="")
        rows = ClipPrediction.objects.filter(keyed).values_list("prediction_id", "clip_id", "region_number", "id")
        ids: dict[uuid.UUID, Unit] = {}
        for prediction, clip, region, pk in rows:
            unit = wanted.get((prediction, clip))
            key = unit.reference.key if unit is not None and unit.reference is not None else None
            if unit is not None and key is not None and key[2] == region:
                ids[pk] = unit
        for some in batches(ids):
            for pk, curves in ClipPrediction.objects.filter(pk__in=some).values_list("pk", "curves"):
                at = _at(ids[pk], bytes(curves))
                if at is not None:
                    found[ids[pk].study] = at
    return found


def _at(unit: Unit, packed: bytes) -> ModelAt | None:
    """One frame of packed curves, float32 of shape (4, frames)."""
    key = unit.reference.key if unit.reference is not None else None
    curves = np.frombuffer(packed, dtype="<f4")
    if key is None or curves.size == 0 or curves.size % len(_CURVES):
        return None
    table = curves.reshape(len(_CURVES), -1)
    if not 1 <= key[1] <= table.shape[1]:
        return None
    column = dict(zip(_CURVES, table[:, key[1] - 1].tolist(), strict=True))
    mm, area = column["thickness_mm"], column["area_mm2"]
    return ModelAt(mm if np.isfinite(mm) else None, area if np.isfinite(area) else None, key)

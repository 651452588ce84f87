"""Candidates of the rule between many signed answers, found once: neither a signed read nor a prediction ever changes.

For statistics, which run in the worker over whatever a manifest names; no user here.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from plaqueweb.predictions.models import ClipPrediction
from plaqueweb.reads.models import FrameAnnotation, Lesion
from plaqueweb.review.lesion_sides import model_lesions, places_of, read_lesions
from plaqueweb.review.link_models import LesionOverlap
from plaqueweb.review.masks import ModelMasks, marked_frames
from plaqueweb.review.matching import RULE_VERSION, Candidate, Drawn, Rule, candidates
from plaqueweb.studies.models import Clip, Region

Two = tuple[uuid.UUID, uuid.UUID]
"""Two answers of one study: a read first, then a prediction or the read with the higher id."""
_AT_ONCE = 40
"""Pairs whose masks are held together."""
_IDS = 500


def candidates_between(
    with_model: Iterable[Two], between_reads: Iterable[Two], progress: Callable[[int, int], None] | None = None
) -> dict[Two, list[Candidate]]:
    """The candidates of each pair of answers: what is known already, and the rest worked out and kept.

    A pair may be left out where nothing could be found because one side has no lesion; it is answered with none.
    """
    models, reads = list(dict.fromkeys(with_model)), list(dict.fromkeys(between_reads))
    found = _known([*models, *reads])
    left = [(pair, True) for pair in models if pair not in found]
    left += [(pair, False) for pair in reads if pair not in found]
    left.sort(key=lambda one: one[0])  # the pairs of one read stand together
    for start in range(0, len(left), _AT_ONCE):
        made = _work_out(left[start : start + _AT_ONCE])
        LesionOverlap.objects.bulk_create(
            [
                LesionOverlap(first_id=a, second_id=b, rule_version=RULE_VERSION, found=[packed(one) for one in rows])
                for (a, b), rows in made.items()
            ],
            ignore_conflicts=True,
        )
        found |= made
        if progress is not None:
            progress(min(start + _AT_ONCE, len(left)), len(left))
    return found


def packed(one: Candidate) -> list[Any]:
    """A candidate as JSON."""
    place = [str(one.place[0]), one.place[1], one.place[2]] if one.place is not None else None
    return [one.a, one.b, one.rule.value, one.value, one.iou, one.mm, one.degrees, place]


def unpacked(row: list[Any]) -> Candidate:
    """A candidate from what ``packed`` made."""
    a, b, rule, value, iou, mm, degrees, at = row
    place = (uuid.UUID(at[0]), int(at[1]), int(at[2])) if at is not None else None
    return Candidate(a, b, Rule(rule), int(value), iou, mm, degrees, place)


def _known(pairs: Sequence[Two]) -> dict[Two, list[Candidate]]:
    wanted = set(pairs)
    found: dict[Two, list[Candidate]] = {}
    for firsts in _batches(sorted({pair[0] for pair in pairs})):
        rows = LesionOverlap.objects.filter(first_id__in=firsts, rule_version=RULE_VERSION)
        for first, second, listed in rows.values_list("first_id", "second_id", "found"):
            if (first, second) in wanted:
                found[(first, second)] = [unpacked(row) for row in listed]
    return found


def _batches(ids: Sequence[uuid.UUID]) -> Iterator[Sequence[uuid.UUID]]:
    for start in range(0, len(ids), _IDS):
        yield ids[start : start + _IDS]


def _work_out(pairs: Sequence[tuple[Two, bool]]) -> dict[Two, list[Candidate]]:
    reads = {a for (a, _b), _model in pairs} | {b for (_a, b), model in pairs if not model}
    predictions = {b for (_a, b), model in pairs if model}
    world = _World(reads, predictions)
    found = {}
    for (a, b), model in pairs:
        first = world.read(a)
        found[(a, b)] = candidates(first, world.prediction(b, first) if model else world.read(b))
    return found


class _World:
    """The rows of some answers, one query a table."""

    def __init__(self, reads: set[uuid.UUID], predictions: set[uuid.UUID]) -> None:
        self._lesions: dict[uuid.UUID, list[Lesion]] = defaultdict(list)
        for lesion in Lesion.objects.filter(read_id__in=reads).order_by("read_id", "number"):
            self._lesions[lesion.read_id].append(lesion)
        self._annotations: dict[uuid.UUID, list[FrameAnnotation]] = defaultdict(list)
        rows = FrameAnnotation.objects.filter(read_id__in=self._lesions.keys()).select_related("mask", "clip")
        for row in rows.order_by("read_id", "clip_id", "frame"):
            self._annotations[row.read_id].append(row)
        self._parts: dict[uuid.UUID, list[ClipPrediction]] = defaultdict(list)
        parts = ClipPrediction.objects.filter(prediction_id__in=predictions).select_related("masks").defer("curves")
        for part in parts.order_by("prediction_id", "id"):
            self._parts[part.prediction_id].append(part)
        self._masks: dict[uuid.UUID, ModelMasks] = {}
        self._sides: dict[uuid.UUID, list[Drawn]] = {}
        clips = {row.clip_id for own in self._annotations.values() for row in own}
        clips |= {part.clip_id for own in self._parts.values() for part in own}
        self._regions: dict[uuid.UUID, list[Region]] = defaultdict(list)
        for region in Region.objects.filter(clip_id__in=clips).order_by("clip_id", "number"):
            self._regions[region.clip_id].append(region)
        self._segments = dict(Clip.objects.filter(pk__in=clips).values_list("pk", "segment"))

    def _of(self, clip: uuid.UUID) -> Sequence[Region]:
        return self._regions.get(clip, ())

    def read(self, pk: uuid.UUID) -> list[Drawn]:
        if pk not in self._sides:
            rows = self._annotations.get(pk, [])
            self._sides[pk] = read_lesions(self._lesions.get(pk, ()), rows, marked_frames(rows), self._of)
        return self._sides[pk]

    def prediction(self, pk: uuid.UUID, beside: Sequence[Drawn]) -> list[Drawn]:
        if not beside:
            return []
        if pk not in self._masks:
            self._masks[pk] = ModelMasks.of(self._parts.get(pk, ()))
        parts = self._parts.get(pk, ())
        return model_lesions(parts, self._masks[pk], self._segments, self._of, places_of(beside))

"""The model's masks against masks made of several readers': STAPLE or the majority of each pixel, frame by frame."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plaqueweb.agreement.answers import FramePair, Frames, KeyPlace
from plaqueweb.agreement.evidence_frames import model_masks, with_model
from plaqueweb.agreement.evidence_rows import batches
from plaqueweb.agreement.stats import FrameScore, score_frame
from plaqueweb.review.mask_references import fused_frame
from plaqueweb.review.models import MaskReference
from plaqueweb.studies.models import Clip


@dataclass(frozen=True)
class FusedMask:
    """What is known of one fused mask: its hashed inputs, and reader, sensitivity and specificity of each rater."""

    id: uuid.UUID
    study: uuid.UUID
    key: KeyPlace
    input_hash: str
    version: str
    raters: tuple[tuple[uuid.UUID, float | None, float | None], ...]


def fused_frames(
    frames: Frames,
    fused: Sequence[uuid.UUID],
    predictions: Mapping[uuid.UUID, uuid.UUID],
    subjects: Mapping[uuid.UUID, uuid.UUID],
    *,
    borders: bool,
) -> dict[str, Any]:
    """Replace the frames of an evidence: the model against each fused mask, and two readers on the same places.

    No pair of the model with a single reader remains: a figure has one reference.
    """
    by_study: dict[uuid.UUID, list[MaskReference]] = defaultdict(list)
    for part in batches(fused):
        for row in MaskReference.objects.filter(pk__in=part, study__in=list(subjects)).order_by(
            "clip", "frame", "region"
        ):
            by_study[row.study_id].append(row)
    scores: dict[uuid.UUID, list[FrameScore]] = {}
    pairs: list[FramePair] = []
    no_result: dict[uuid.UUID, int] = {}
    for study in sorted(by_study):
        rows = by_study[study]
        clips = {
            clip.pk: clip
            for clip in Clip.objects.filter(pk__in={row.clip_id for row in rows}).prefetch_related("regions")
        }
        model = model_masks(predictions.get(study))
        marked = [(row, frame) for row in rows if (frame := fused_frame(row)) is not None]
        found = [with_model(study, subjects[study], row.pk, frame, model, clips, borders) for row, frame in marked]
        kept = [pair for pair in found if pair is not None]
        pairs += kept
        no_result[study] = len(found) - len(kept)
        scores[study] = [score_frame(subjects[study], one.reader_px, one.other_px, one.dice) for one in kept]
    masks = tuple(_fused(row) for study in sorted(by_study) for row in by_study[study])
    places = {(mask.study, mask.key) for mask in masks}
    pairs += [pair for pair in frames.pairs if pair.other is not None and (pair.study, pair.key) in places]
    made = Frames(scores, 0, sum(no_result.values()), pairs, {}, no_result)
    return {"frames": made, "fused": masks}


def _fused(row: MaskReference) -> FusedMask:
    raters = tuple((uuid.UUID(one["reader"]), one["sensitivity"], one["specificity"]) for one in row.raters)
    place = (row.clip_id, row.frame, row.region)
    return FusedMask(row.pk, row.study_id, place, row.input_hash, row.version, raters)

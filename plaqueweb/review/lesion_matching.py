"""The lesions of an opened comparison side by side: what the rule pairs, corrected by what people said last."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plaqueweb.reads.models import Lesion
from plaqueweb.review.lesion_sides import model_lesions, model_ref, places_of, read_lesions
from plaqueweb.review.link_models import LesionLink, LinkAct
from plaqueweb.review.links import acts_between, in_order, said, verdicts_of
from plaqueweb.review.masks import Place
from plaqueweb.review.matching import Drawn, Matching, Ref, assign, candidates, swapped
from plaqueweb.review.sides import ModelSide, ReadSide, Side, marks_of
from plaqueweb.studies.models import Region

if TYPE_CHECKING:
    from plaqueweb.review.comparison import Comparison

Row = Lesion | dict[str, Any]
"""A lesion of a read, or a stored one of a prediction with its ``clip``."""


@dataclass(frozen=True)
class SideBySide:
    """The lesions left and right with what belongs together; a side is a read (or the one a reference took) or a model.

    ``rows`` hold the lesions of left and right by name. ``said_of``: the last act on each pair (left, right), acts that
    were taken back left out.
    """

    left: ReadSide | ModelSide
    right: ReadSide | ModelSide
    matching: Matching
    rows: tuple[dict[Ref, Row], dict[Ref, Row]]
    said_of: dict[tuple[Ref, Ref], LesionLink] = field(default_factory=dict)


def lesion_pairs(c: Comparison) -> SideBySide | None:
    """The lesions of both sides in pairs.

    None where a side is missing or lists no lesions at all, and where both are one and the same answer. Two models are
    paired by the rule alone, on the key frames of either one's lesions: people judge what a reader has marked, and no
    reader's answer enters.
    """
    left, right = _answer(c.left), _answer(c.right)
    if left is None or right is None or _key(left) == _key(right):
        return None
    if isinstance(left, ModelSide) == isinstance(right, ModelSide):
        turned = in_order(_key(left), _key(right))[0] != _key(left)
    else:
        turned = isinstance(left, ModelSide)
    first, second = (right, left) if turned else (left, right)
    if isinstance(first, ReadSide):
        mine = _drawn(first, ())
        theirs = _drawn(second, places_of(mine))
        acts = acts_between(first.read.pk, _key(second), prediction=isinstance(second, ModelSide))
    else:
        places = key_frames(first) | key_frames(second)
        mine, theirs, acts = _drawn(first, places), _drawn(second, places), []
    plaques = [one.plaque for one in mine], [one.plaque for one in theirs]
    matching = assign(*plaques, candidates(mine, theirs), verdicts_of(said(acts)))
    last = {(row.lesion, row.other_lesion): row for row in acts}
    kept = {pair: row for pair, row in last.items() if row.act != LinkAct.RULE}
    if turned:
        matching = swapped(matching)
        kept = {(pair[1], pair[0]): row for pair, row in kept.items()}
    return SideBySide(left, right, matching, (_rows(left), _rows(right)), kept)


def _answer(side: Side) -> ReadSide | ModelSide | None:
    if isinstance(side, ModelSide):
        return None if all(part.lesions is None for part in side.parts) else side
    return marks_of(side)


def _key(side: ReadSide | ModelSide) -> uuid.UUID:
    key: uuid.UUID = side.prediction.pk if isinstance(side, ModelSide) else side.read.pk
    return key


def key_frames(side: ReadSide | ModelSide) -> set[Place]:
    """The key frame of every lesion that a model lists; a reader's are looked at wherever the reader marked any."""
    if isinstance(side, ReadSide):
        return set()
    return {
        (part.clip_id, int(one["key_frame"]), part.region_number)
        for part in side.parts
        for one in part.lesions or []
        if one.get("key_frame")
    }


def _drawn(side: ReadSide | ModelSide, places: Collection[Place]) -> list[Drawn]:
    """The lesions of a side; a model's marks are made for these places alone."""
    if isinstance(side, ReadSide):
        return read_lesions(side.lesions, side.annotations, side.frames, _regions(side))
    segments = {clip.pk: clip.segment for clip in side.clips}
    return model_lesions(side.parts, side.masks, segments, _regions(side), places)


def _regions(side: Side) -> Callable[[uuid.UUID], Sequence[Region]]:
    def of(clip: uuid.UUID) -> Sequence[Region]:
        row = side.clip(clip)
        return list(row.regions.all()) if row is not None else ()

    return of


def _rows(side: ReadSide | ModelSide) -> dict[Ref, Row]:
    if isinstance(side, ReadSide):
        return {str(row.number): row for row in side.lesions}
    return {
        model_ref(part.clip_id, part.region_number, int(one["number"])): one | {"clip": part.clip_id}
        for part in side.parts
        for one in part.lesions or []
        if not part.no_result_reason
    }


__all__ = ["SideBySide", "lesion_pairs"]

"""Which lesions of two answers are the same plaque. Pure functions; ``lesion_sides`` makes their input from rows.

The rule, version ``lesions-2``. Two lesions of one study may be the same plaque where their segments do not differ, and

1. *frame*: on a frame (and region) on which both are marked, the two marks have IoU > 0.1;
2. *wall*: else, on such a frame, their middles lie at most 5 mm apart along the outer wall;
3. *quadrant*: else, where no frame is marked by both, they lie in one segment and within 45° around the aorta; where
   its centre is not known, the two measures above hold on the nearest frames of one clip.

Of these candidates pairs are chosen one to one at the least total cost: a pair costs 1 − its value (a frame's IoU;
0.05 to 0.1 by distance; 0.01 to 0.05 by quadrant), a lesion left alone one half, so that a pair always pays and a
better rule goes before a worse one. What people said goes before all: linked pairs stand, unlinked ones are none.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from inference import metrics
from inference.postprocess import (
    angle_around,
    middle,
    straight_distance,
    turned_apart,
    wall_curve,
    wall_distance,
)
from inference.types import Point, Spacing
from plaqueweb.review.assignment import heaviest
from plaqueweb.review.masks import Mask, Place

RULE_VERSION = "lesions-2"
"""Raise it when the rule could pair other lesions: what was kept under another version is not used."""
LEAST_IOU = 0.1
NEAR_MM = 5.0
NEAR_TURN = math.pi / 4
UNIT = 1_000_000
"""Values are whole millionths, so that sums are exact and the order of lesions changes nothing."""

Ref = str
"""A lesion within an answer: ``"2"`` of a read, ``"<clip>.<region>.<number>"`` of a prediction, counted by clip."""
Pair = tuple[Ref, Ref]


class Rule(StrEnum):
    """What made a pair."""

    FRAME = "frame"
    WALL = "wall"
    QUADRANT = "quadrant"
    PERSON = "person"


@dataclass(frozen=True)
class Plaque:
    """One lesion of an answer as far as pairs are chosen. ``clip`` is set where lesions are counted clip by clip.

    ``angle`` (radians, around the aorta) tells a lesion that was seen again on another clip.
    """

    ref: Ref
    segment: str = ""
    clip: uuid.UUID | None = None
    angle: float | None = None


class Mark:
    """One lesion on one frame and region: a mask, or the middle of a caliper. Pixels are made on demand."""

    def mask(self) -> Mask | None:
        """The mask (rows, columns), for reading only; None where there is only a caliper."""
        return None

    def caliper(self) -> Point | None:
        """The middle (x, y) of the thickness caliper."""
        return None

    def spacing(self) -> Spacing | None:
        """(row, column) in mm a pixel, None without a scale."""
        return None

    def wall(self) -> Sequence[Sequence[float]] | Mask | None:
        """The outer wall: points (x, y), or the mask of the aorta; None where nobody drew it."""
        return None

    @cached_property
    def at(self) -> Point | None:
        """The middle of the mask, else of the caliper."""
        mask = self.mask()
        found = middle(mask) if mask is not None else None
        return found if found is not None else self.caliper()


class Drawn:
    """A lesion with its marks, as candidates are looked for."""

    def __init__(self, plaque: Plaque, marks: Mapping[Place, Mark]) -> None:
        self.plaque, self.marks = plaque, marks

    def turn(self) -> float | None:
        """Angle (radians) of the lesion's middle around the aorta, None where it is not known."""
        return self.plaque.angle

    def centre(self, place: Place) -> Point | None:
        """The centre (x, y) of the aorta on a frame as this side knows it."""
        return None


@dataclass(frozen=True)
class Candidate:
    """Two lesions at one place, before segments are asked: the rule, its value in millionths, and what was measured."""

    a: Ref
    b: Ref
    rule: Rule
    value: int
    iou: float | None = None
    mm: float | None = None
    degrees: float | None = None
    place: Place | None = None

    def swapped(self) -> Candidate:
        """The same with the sides exchanged."""
        return Candidate(self.b, self.a, self.rule, self.value, self.iou, self.mm, self.degrees, self.place)


@dataclass(frozen=True)
class Verdicts:
    """What people last said: pairs that are the same plaque, and pairs that are not."""

    linked: tuple[Pair, ...] = ()
    unlinked: frozenset[Pair] = frozenset()


@dataclass(frozen=True)
class Match:
    """Two lesions that are the same plaque. ``ground`` is the candidate, None where only a person says so."""

    a: Ref
    b: Ref
    rule: Rule
    ground: Candidate | None = None


@dataclass(frozen=True)
class Matching:
    """Every lesion of both sides stands in exactly one place.

    ``only_a`` and ``only_b`` have no partner: missed by the other side, extra on the own. ``again_*`` are (lesion,
    lesion of the same side): the same plaque once more on another clip, where lesions are counted clip by clip.
    """

    matches: tuple[Match, ...] = ()
    only_a: tuple[Ref, ...] = ()
    only_b: tuple[Ref, ...] = ()
    again_a: tuple[Pair, ...] = ()
    again_b: tuple[Pair, ...] = ()
    version: str = RULE_VERSION

    def partner_of_a(self, ref: Ref) -> Ref | None:
        """The lesion of the second side that is this one of the first."""
        return next((one.b for one in self.matches if one.a == ref), None)

    def partner_of_b(self, ref: Ref) -> Ref | None:
        """The lesion of the first side that is this one of the second."""
        return next((one.a for one in self.matches if one.b == ref), None)


def order_of(ref: Ref) -> tuple[str, int, int]:
    """Sort key of a lesion: clip, region, number."""
    clip, _dot, rest = ref.rpartition(".")
    clip, _dot, region = clip.rpartition(".")
    return clip, int(region or 0), int(rest)


def candidates(a: Sequence[Drawn], b: Sequence[Drawn]) -> list[Candidate]:
    """Every two lesions that lie at one place, whatever their segments, in the order of the lesions."""
    found = []
    for one in sorted(a, key=lambda drawn: order_of(drawn.plaque.ref)):
        for other in sorted(b, key=lambda drawn: order_of(drawn.plaque.ref)):
            candidate = compare(one, other)
            if candidate is not None:
                found.append(candidate)
    return found


def compare(a: Drawn, b: Drawn) -> Candidate | None:
    """Whether two lesions lie at one place, by the first rule that can tell.

    A frame that both marked decides: the coarse rule is only for lesions that share none.
    """
    shared = sorted(a.marks.keys() & b.marks.keys(), key=lambda place: (str(place[0]), *place[1:]))
    ref = a.plaque.ref, b.plaque.ref
    overlaps = [(iou, place) for place in shared if (iou := overlap(a.marks[place], b.marks[place])) is not None]
    if overlaps:
        iou, place = max(overlaps, key=lambda found: found[0])
        if iou > LEAST_IOU:
            return Candidate(*ref, Rule.FRAME, round(iou * UNIT), iou=iou, place=place)
    apart = [(mm, place) for place in shared if (mm := distance(a.marks[place], b.marks[place])) is not None]
    if apart:
        mm, place = min(apart, key=lambda found: found[0])
        if mm <= NEAR_MM:
            return Candidate(*ref, Rule.WALL, _between(0.05, 0.10, 1 - mm / NEAR_MM), mm=mm, place=place)
    if overlaps or apart:
        return None
    angles = _turn(a, b), _turn(b, a)
    if angles[0] is None or angles[1] is None:
        return _on_one_clip(a, b)
    turned = turned_apart(angles[0], angles[1])
    if turned > NEAR_TURN:
        return None
    return Candidate(*ref, Rule.QUADRANT, _between(0.01, 0.05, 1 - turned / NEAR_TURN), degrees=math.degrees(turned))


def _turn(own: Drawn, other: Drawn) -> float | None:
    """Angle of a lesion, around the centre that the other side knows where its own side knows none."""
    turn = own.turn()
    for place in sorted(own.marks, key=lambda place: (str(place[0]), *place[1:])):
        if turn is not None:
            break
        mark, centre = own.marks[place], other.centre(place)
        if centre is not None and mark.at is not None:
            turn = angle_around(mark.at, centre, mark.spacing())
    return turn


def _on_one_clip(a: Drawn, b: Drawn) -> Candidate | None:
    """The measures of a shared frame on the nearest frames of one clip and region, worth no more than a quadrant."""
    beside = [(p, q) for p in a.marks for q in b.marks if p[0] == q[0] and p[2] == q[2]]
    least = min((abs(p[1] - q[1]) for p, q in beside), default=0)
    near = [(a.marks[p], b.marks[q]) for p, q in beside if abs(p[1] - q[1]) == least]
    ref = a.plaque.ref, b.plaque.ref
    iou = max((found for pair in near if (found := overlap(*pair)) is not None), default=0.0)
    if iou > LEAST_IOU:
        return Candidate(*ref, Rule.QUADRANT, _between(0.01, 0.05, iou), iou=iou)
    mm = min((found for pair in near if (found := distance(*pair)) is not None), default=math.inf)
    if mm > NEAR_MM:
        return None
    return Candidate(*ref, Rule.QUADRANT, _between(0.01, 0.05, 1 - mm / NEAR_MM), mm=mm)


def _between(low: float, high: float, share: float) -> int:
    return round((low + (high - low) * min(max(share, 0.0), 1.0)) * UNIT)


def overlap(a: Mark, b: Mark) -> float | None:
    """IoU of two masks of one picture, None where one has none."""
    one, other = a.mask(), b.mask()
    if one is None or other is None or one.shape != other.shape:
        return None
    return metrics.iou(one, other)


def distance(a: Mark, b: Mark) -> float | None:
    """Distance of two middles along the outer wall in mm; None without a scale or a middle.

    Where both sides know the wall it is the mean of both ways; where nobody does, the straight line stands for the arc
    (at 5 mm on an aorta 24 mm wide it is 0.04 mm shorter).
    """
    spacing = a.spacing() or b.spacing()
    if spacing is None or a.at is None or b.at is None:
        return None
    walls = [wall for mark in (a, b) if (wall := mark.wall()) is not None]
    curves = [curve for wall in walls if (curve := wall_curve(wall, spacing)) is not None]
    ways = [wall_distance(a.at, b.at, curve, spacing) for curve in curves]
    return math.fsum(ways) / len(ways) if ways else straight_distance(a.at, b.at, spacing)


def assign(
    a: Sequence[Plaque], b: Sequence[Plaque], found: Iterable[Candidate], verdicts: Verdicts | None = None
) -> Matching:
    """Choose the pairs: what people linked, then the rest one to one at the least total cost.

    The order in which lesions are given changes nothing. Verdicts on lesions that are not there are passed over.
    """
    of_a, of_b = {one.ref: one for one in a}, {one.ref: one for one in b}
    said = verdicts or Verdicts()
    edges = {
        (one.a, one.b): one
        for one in found
        if one.a in of_a and one.b in of_b and _segments_allow(of_a[one.a], of_b[one.b], one.rule)
    }
    linked = [pair for pair in said.linked if pair[0] in of_a and pair[1] in of_b]
    taken_a, taken_b = {pair[0] for pair in linked}, {pair[1] for pair in linked}
    open_edges = {
        pair: one.value
        for pair, one in edges.items()
        if pair[0] not in taken_a and pair[1] not in taken_b and pair not in said.unlinked
    }
    matches = [Match(*pair, Rule.PERSON, edges.get(pair)) for pair in linked]
    matches += [Match(*pair, edges[pair].rule, edges[pair]) for pair in heaviest(open_edges, key=order_of)]
    matches.sort(key=lambda one: (order_of(one.a), order_of(one.b)))
    possible = edges.keys() - said.unlinked
    to_b, to_a = {one.a: one.b for one in matches}, {one.b: one.a for one in matches}
    only_a, again_a = _alone(of_a, to_b, to_a, possible, said.unlinked)
    back = {(pair[1], pair[0]) for pair in possible}
    only_b, again_b = _alone(of_b, to_a, to_b, back, {(pair[1], pair[0]) for pair in said.unlinked})
    return Matching(tuple(matches), only_a, only_b, again_a, again_b)


def _segments_allow(a: Plaque, b: Plaque, rule: Rule) -> bool:
    """Two named segments must not differ; the coarse rule needs both named."""
    if rule == Rule.QUADRANT:
        return a.segment != "" and a.segment == b.segment
    return a.segment == "" or b.segment == "" or a.segment == b.segment


def _alone(
    side: Mapping[Ref, Plaque],
    partner: Mapping[Ref, Ref],
    back: Mapping[Ref, Ref],
    possible: Collection[Pair],
    unlinked: Collection[Pair],
) -> tuple[tuple[Ref, ...], tuple[Pair, ...]]:
    """Lesions of one side without a partner, and of these the ones that are seen again on another clip.

    Again: where lesions are counted clip by clip, one that could be the same as the other side's matched lesion, or
    that lies in one segment and quadrant with one on another clip that has no partner either. A person who unlinked a
    pair has said that it is another plaque.
    """
    alone = sorted((ref for ref in side if ref not in partner), key=order_of)
    kept: list[Ref] = []
    again: list[Pair] = []
    for ref in alone:
        own = side[ref]
        others = sorted((pair[1] for pair in possible if pair[0] == ref and pair[1] in back), key=order_of)
        same = [back[other] for other in others] if not any(pair[0] == ref for pair in unlinked) else []
        first = next((one for one in [*same, *kept] if _on_another_clip(own, side[one], near=one in kept)), None)
        if first is None:
            kept.append(ref)
        else:
            again.append((ref, first))
    return tuple(kept), tuple(again)


def _on_another_clip(a: Plaque, b: Plaque, *, near: bool) -> bool:
    if a.clip is None or b.clip is None or a.clip == b.clip:
        return False
    if not near:
        return True
    if a.segment == "" or a.segment != b.segment or a.angle is None or b.angle is None:
        return False
    return turned_apart(a.angle, b.angle) <= NEAR_TURN


def swapped(matching: Matching) -> Matching:
    """The same matching with the sides exchanged."""
    matches = [Match(one.b, one.a, one.rule, one.ground.swapped() if one.ground else None) for one in matching.matches]
    matches.sort(key=lambda one: (order_of(one.a), order_of(one.b)))
    return Matching(
        tuple(matches), matching.only_b, matching.only_a, matching.again_b, matching.again_a, matching.version
    )

"""Which lesions are the same plaque: the rule itself, on shapes whose overlap and distance can be counted."""

from __future__ import annotations

import itertools
import math
import random
import uuid
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.types import Point, Spacing
from plaqueweb.review.assignment import heaviest
from plaqueweb.review.links import Said, verdicts_of
from plaqueweb.review.masks import Mask, Place
from plaqueweb.review.matching import (
    LEAST_IOU,
    NEAR_MM,
    Candidate,
    Drawn,
    Mark,
    Matching,
    Plaque,
    Rule,
    Verdicts,
    assign,
    candidates,
    compare,
    order_of,
    swapped,
)
from tests.plaqueweb.review.world import box

CLIP, OTHER_CLIP = uuid.UUID(int=1), uuid.UUID(int=2)
FRAME: Place = (CLIP, 5, 1)
LATER: Place = (CLIP, 9, 1)


class Made(Mark):
    """A mark of a test."""

    def __init__(
        self, mask: Mask | None = None, caliper: Point | None = None, spacing: Spacing | None = (0.5, 0.5),
        wall: Sequence[Sequence[float]] | None = None,
    ) -> None:  # fmt: skip
        self._mask, self._caliper, self._spacing, self._wall = mask, caliper, spacing, wall

    def mask(self) -> Mask | None:
        return self._mask

    def caliper(self) -> Point | None:
        return self._caliper

    def spacing(self) -> Spacing | None:
        return self._spacing

    def wall(self) -> Sequence[Sequence[float]] | None:
        return self._wall


def drawn(ref: str = "1", segment: str = "descending", angle: float | None = None, **marks: Made) -> Drawn:
    at = {"here": FRAME, "later": LATER}
    return Drawn(Plaque(ref, segment, angle=angle), {at[name]: mark for name, mark in marks.items()})


def test_marks_that_overlap_on_one_frame_are_one_plaque() -> None:
    found = compare(drawn(here=Made(box(10, 10, 10, 10))), drawn(here=Made(box(10, 13, 10, 10))))

    assert found is not None
    assert (found.rule, found.place) == (Rule.FRAME, FRAME)
    assert found.iou == pytest.approx(70 / 130)


def test_one_frame_that_overlaps_is_enough() -> None:
    a = drawn(here=Made(box(0, 0, 5, 5)), later=Made(box(10, 10, 10, 10)))
    b = drawn(here=Made(box(30, 40, 5, 5)), later=Made(box(10, 10, 10, 10)))

    found = compare(a, b)

    assert found is not None
    assert (found.rule, found.place, found.iou) == (Rule.FRAME, LATER, 1.0)


@pytest.mark.parametrize("gap_px, near", [(9, True), (10, True), (11, False)])
def test_without_overlap_middles_at_most_five_mm_apart_are_one_plaque(gap_px: int, near: bool) -> None:
    found = compare(drawn(here=Made(box(10, 10, 4, 4))), drawn(here=Made(box(10, 10 + gap_px, 4, 4))))

    assert (found is not None and found.rule == Rule.WALL) is near
    if found is not None:
        assert found.mm == pytest.approx(gap_px * 0.5)


def test_the_distance_runs_along_the_wall_and_not_across_the_lumen() -> None:
    turn = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    flat = [[32 + 20 * math.cos(t), 24 + 2 * math.sin(t)] for t in turn]  # a slit: two sides 4 px apart
    above, below = (0.0, 22.0), (0.0, 26.0)
    a = drawn(here=Made(caliper=(32.0 + above[0], above[1]), spacing=(0.5, 0.5), wall=flat))
    b = drawn(here=Made(caliper=(32.0 + below[0], below[1]), spacing=(0.5, 0.5), wall=flat))

    assert compare(a, b) is None  # half the way round is 20 mm, though straight it is 2 mm
    plain = compare(drawn(here=Made(caliper=(32, 22))), drawn(here=Made(caliper=(32, 26))))
    assert plain is not None
    assert (plain.rule, plain.mm) == (Rule.WALL, 2.0)


def test_without_a_scale_there_are_no_millimetres_to_be_near_by() -> None:
    a = drawn(here=Made(box(10, 10, 4, 4), spacing=None), angle=0.1)
    b = drawn(here=Made(box(10, 15, 4, 4), spacing=None), angle=0.1)

    assert compare(a, b) is None


@pytest.mark.parametrize("degrees, same", [(0, True), (44, True), (46, False), (315.5, True)])
def test_without_a_shared_frame_segment_and_quadrant_decide(degrees: float, same: bool) -> None:
    a = drawn(angle=0.0, here=Made(box(10, 10, 4, 4)))
    b = drawn(angle=math.radians(degrees), later=Made(box(10, 10, 4, 4)))

    found = compare(a, b)

    assert (found is not None and found.rule == Rule.QUADRANT) is same


@pytest.mark.parametrize("shift_px, same", [(0, True), (3, True), (7, True), (40, False)])
def test_where_no_centre_is_known_the_nearest_frames_of_one_clip_decide(shift_px: int, same: bool) -> None:
    a = drawn(here=Made(box(10, 10, 6, 6)))
    b = drawn(later=Made(box(10, 10 + shift_px, 6, 6)))

    found = compare(a, b)

    assert (found is not None) is same
    if found is not None:
        assert (found.rule, found.place) == (Rule.QUADRANT, None)
        assert found.value <= 50_000
    assert compare(a, Drawn(Plaque("1", "descending"), {(OTHER_CLIP, 5, 1): Made(box(10, 10, 6, 6))})) is None


def test_a_side_that_knows_the_aorta_lends_its_centre() -> None:
    class Knowing(Drawn):
        def centre(self, place: Place) -> Point | None:
            return (32.0, 24.0)

    reader = drawn(here=Made(box(20, 50, 8, 8)))  # to the right of the centre

    def paired(angle: float) -> bool:
        return compare(reader, Knowing(Plaque("1", "descending", angle=angle), {})) is not None

    assert paired(0.0)
    assert not paired(math.pi)


def test_a_shared_frame_that_speaks_against_it_is_not_overruled_by_the_quadrant() -> None:
    a, b = drawn(angle=0.0, here=Made(box(0, 0, 4, 4))), drawn(angle=0.0, here=Made(box(40, 50, 4, 4)))

    assert compare(a, b) is None


def test_segments_that_differ_are_never_paired_and_unknown_ones_only_on_a_shared_frame() -> None:
    overlap = Candidate("1", "1", Rule.FRAME, 500_000)
    coarse = Candidate("1", "1", Rule.QUADRANT, 30_000)

    def paired(a: str, b: str, candidate: Candidate) -> bool:
        return bool(assign([Plaque("1", a)], [Plaque("1", b)], [candidate]).matches)

    assert paired("arch", "arch", overlap)
    assert not paired("arch", "descending", overlap)
    assert paired("arch", "", overlap)
    assert paired("arch", "arch", coarse)
    assert not paired("arch", "", coarse)
    assert not paired("", "", coarse)


def test_pairs_are_chosen_at_the_least_total_cost_and_not_greedily() -> None:
    found = [
        Candidate("1", "1", Rule.FRAME, 600_000),
        Candidate("1", "2", Rule.FRAME, 500_000),
        Candidate("2", "1", Rule.FRAME, 550_000),
    ]

    matching = assign(sides("1", "2"), sides("1", "2"), found)

    assert [(one.a, one.b) for one in matching.matches] == [("1", "2"), ("2", "1")]


def test_a_sure_pair_is_not_given_up_for_two_doubtful_ones() -> None:
    found = [
        Candidate("1", "1", Rule.FRAME, 900_000),
        Candidate("1", "2", Rule.FRAME, 110_000),
        Candidate("2", "1", Rule.FRAME, 110_000),
    ]

    matching = assign(sides("1", "2"), sides("1", "2"), found)

    assert [(one.a, one.b) for one in matching.matches] == [("1", "1")]
    assert (matching.only_a, matching.only_b) == (("2",), ("2",))


def sides(*refs: str) -> list[Plaque]:
    return [Plaque(ref, "descending") for ref in refs]


def test_what_a_person_linked_stands_and_what_was_unlinked_is_no_candidate() -> None:
    found = [Candidate("1", "1", Rule.FRAME, 900_000), Candidate("2", "2", Rule.FRAME, 800_000)]
    said = Verdicts(linked=(("1", "2"),), unlinked=frozenset({("2", "2")}))

    matching = assign(sides("1", "2"), sides("1", "2"), found, said)

    assert [(one.a, one.b, one.rule) for one in matching.matches] == [("1", "2", Rule.PERSON)]
    assert (matching.only_a, matching.only_b) == (("2",), ("1",))


def test_a_link_to_a_lesion_that_is_not_there_changes_nothing() -> None:
    matching = assign(sides("1"), sides("1"), [], Verdicts(linked=(("1", "7"),)))

    assert (matching.matches, matching.only_a, matching.only_b) == ((), ("1",), ("1",))


def test_the_last_act_counts_and_a_later_link_replaces_one_of_the_same_lesion() -> None:
    link, other = Said("link", "1", "1"), Said("link", "1", "2")

    assert verdicts_of([link, Said("unlink", "1", "1")]) == Verdicts((), frozenset({("1", "1")}))
    assert verdicts_of([Said("unlink", "1", "1"), link]) == Verdicts((("1", "1"),), frozenset())
    assert verdicts_of([link, other]).linked == (("1", "2"),)
    assert verdicts_of([link, other, Said("rule", "1", "2")]).linked == (("1", "1"),)
    assert verdicts_of([link, other, link]).linked == (("1", "1"),)


def test_the_same_plaque_on_another_clip_is_seen_again_and_no_extra_lesion() -> None:
    model = [
        Plaque(f"{CLIP}.1.1", "descending", CLIP, 0.2),
        Plaque(f"{OTHER_CLIP}.1.1", "descending", OTHER_CLIP, 0.3),
        Plaque(f"{OTHER_CLIP}.1.2", "descending", OTHER_CLIP, 3.0),
    ]
    found = [
        Candidate("1", model[0].ref, Rule.FRAME, 700_000),
        Candidate("1", model[1].ref, Rule.QUADRANT, 40_000),
    ]

    matching = assign(sides("1"), model, found)

    assert [one.b for one in matching.matches] == [model[0].ref]
    assert matching.again_b == ((model[1].ref, model[0].ref),)
    assert matching.only_b == (model[2].ref,)


def test_an_extra_plaque_on_two_clips_is_extra_once() -> None:
    model = [
        Plaque(f"{CLIP}.1.1", "arch", CLIP, 0.2),
        Plaque(f"{CLIP}.1.2", "arch", CLIP, 0.25),  # one clip: these are two plaques
        Plaque(f"{OTHER_CLIP}.1.1", "arch", OTHER_CLIP, 0.1),
    ]

    matching = assign([], model, [])

    assert matching.only_b == (model[0].ref, model[1].ref)
    assert matching.again_b == ((model[2].ref, model[0].ref),)


def test_readers_count_lesions_over_the_study_so_none_of_theirs_is_seen_again() -> None:
    matching = assign(sides("1", "2"), [], [])

    assert (matching.only_a, matching.again_a) == (("1", "2"), ())


def every_assignment(edges: dict[tuple[str, str], int]) -> int:
    """The greatest sum over all one-to-one choices, by trying them."""
    best = 0
    for count in range(len(edges) + 1):
        for chosen in itertools.combinations(edges, count):
            rows, columns = [a for a, _b in chosen], [b for _a, b in chosen]
            if len(set(rows)) == len(rows) and len(set(columns)) == len(columns):
                best = max(best, sum(edges[pair] for pair in chosen))
    return best


Edges = st.dictionaries(
    st.tuples(st.sampled_from("1234"), st.sampled_from("1234")), st.integers(1, 1_000_000), max_size=7
)


@given(edges=Edges)
def test_the_assignment_is_one_to_one_and_the_best_there_is(edges: dict[tuple[str, str], int]) -> None:
    pairs = heaviest(edges, key=order_of)

    assert len({a for a, _b in pairs}) == len({b for _a, b in pairs}) == len(pairs)
    assert set(pairs) <= edges.keys()
    assert sum(edges[pair] for pair in pairs) == every_assignment(edges)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[Drawn], list[Drawn]]:
    """Up to four lesions a side, as rectangles and calipers on two frames."""

    scales = {place: draw(st.sampled_from([(0.5, 0.5), (0.3, 0.9), None])) for place in (FRAME, LATER)}

    def lesion(number: int) -> Drawn:
        marks: dict[Place, Mark] = {}
        for place in draw(st.lists(st.sampled_from([FRAME, LATER]), max_size=2, unique=True)):
            top, left = draw(st.integers(0, 35)), draw(st.integers(0, 50))
            size = draw(st.integers(2, 12))
            mask = box(top, left, size, size) if draw(st.booleans()) else None
            marks[place] = Made(mask, (left + 1.0, top + 1.0), scales[place])
        angle = draw(st.none() | st.floats(0, 6.28))
        return Drawn(Plaque(str(number), draw(st.sampled_from(["", "arch", "descending"])), angle=angle), marks)

    return [lesion(n + 1) for n in range(draw(st.integers(0, 4)))], [
        lesion(n + 1) for n in range(draw(st.integers(0, 4)))
    ]


def matched(a: list[Drawn], b: list[Drawn]) -> Matching:
    return assign([one.plaque for one in a], [one.plaque for one in b], candidates(a, b))


@given(scene=scenes())
def test_every_lesion_stands_in_one_place_and_no_pair_is_below_the_rule(
    scene: tuple[list[Drawn], list[Drawn]],
) -> None:
    a, b = scene
    segment = {"a": {one.plaque.ref: one.plaque.segment for one in a}, "b": {x.plaque.ref: x.plaque.segment for x in b}}

    found = matched(a, b)

    paired_a, paired_b = [one.a for one in found.matches], [one.b for one in found.matches]
    assert sorted([*paired_a, *found.only_a]) == sorted(one.plaque.ref for one in a)
    assert sorted([*paired_b, *found.only_b]) == sorted(one.plaque.ref for one in b)
    for one in found.matches:
        ground = one.ground
        assert ground is not None
        assert ground.iou is not None or ground.mm is not None or ground.degrees is not None
        assert ground.iou is None or ground.iou > LEAST_IOU
        assert ground.mm is None or ground.mm <= NEAR_MM
        assert ground.degrees is None or ground.degrees <= 45.000001
        names = {segment["a"][one.a], segment["b"][one.b]}
        assert len(names - {""}) <= 1
    # Two lesions left alone could not have been paired.
    for one in candidates(a, b):
        if one.a in found.only_a and one.b in found.only_b:
            names = {segment["a"][one.a], segment["b"][one.b]}
            assert len(names - {""}) > 1 or (one.rule == Rule.QUADRANT and "" in names)


@given(scene=scenes(), seed=st.integers(0, 1000))
def test_the_order_in_which_lesions_are_given_changes_nothing(
    scene: tuple[list[Drawn], list[Drawn]], seed: int
) -> None:
    a, b = scene
    mixed = random.Random(seed)

    assert matched(mixed.sample(a, len(a)), mixed.sample(b, len(b))) == matched(a, b)


@given(scene=scenes())
def test_exchanging_the_sides_exchanges_the_pairs(scene: tuple[list[Drawn], list[Drawn]]) -> None:
    a, b = scene
    one_way, other_way = matched(a, b), matched(b, a)

    values = [sum(one.ground.value for one in found.matches if one.ground) for found in (one_way, other_way)]
    assert values[0] == values[1]
    if len({one.value for one in candidates(a, b)}) == len(candidates(a, b)):  # else equal choices may be left
        assert {(one.b, one.a) for one in other_way.matches} == {(one.a, one.b) for one in one_way.matches}
    assert swapped(swapped(one_way)) == one_way

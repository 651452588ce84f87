"""The measurement tab on evidence made by hand: choice of frame, the rule's two sides, last digits, two readers."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from plaqueweb.agreement.answers import Answer, Frames, ModelAt, Unit
from plaqueweb.agreement.boards.measurement import between_readers, compute, digits, frame_choice
from plaqueweb.agreement.evidence import Evidence
from plaqueweb.agreement.filters import AS_READ, SAME_FRAME

A, B = uuid.UUID(int=1), uuid.UUID(int=2)
CLIP = uuid.UUID(int=77)
OPTIONS = {"against": "adjudicated", "rule_mm": 4.0}
Row = tuple[float, float, float | None]


def evidence(rows: list[Row], readers: list[tuple[float, float]] | None = None) -> Evidence:
    """Studies, one a subject: (reference mm, model mm on its own frame 9, model mm on the reference's frame 3)."""
    units, reads, at = [], {}, {}
    for number, (reference, own, there) in enumerate(rows):
        study = uuid.UUID(int=1000 + number)
        key = (CLIP, 3, 1)
        units.append(Unit(study, study, Answer(1, reference, key), Answer(1, own, (CLIP, 9, 1))))
        if there is not None:
            at[study] = ModelAt(there, None, key)
        if readers is not None:
            a, b = readers[number]
            reads[study] = [Answer(1, a, (CLIP, 3, 1), rater=A), Answer(1, b, (CLIP, 5, 1), rater=B)]
    return Evidence(units, reads, Frames({}, 0, 0), True, True, at=at)


def test_the_part_of_the_error_due_to_the_frame_is_what_is_gone_on_the_same_frame() -> None:
    # As read 1 mm off everywhere, on the same frame half a millimetre: of the squared error a quarter is left.
    found = frame_choice(evidence([(3.0 + n / 10, 4.0 + n / 10, 3.5 + n / 10) for n in range(12)]))

    assert found["n"] == 12
    assert found["share"]["value"] == pytest.approx(0.75)
    assert found["shift"]["value"] == pytest.approx(0.5)
    assert (found["mae_read"]["value"], found["mae_same"]["value"]) == (pytest.approx(1.0), pytest.approx(0.5))


def test_without_a_value_on_the_others_frame_nothing_is_said_of_its_choice() -> None:
    found = frame_choice(evidence([(3.0, 4.0, None)] * 3))
    assert (found["n"], found["share"]["value"], found["share"]["reason"]) == (0, None, "no-units")


def test_comparisons_are_never_mixed() -> None:
    made = evidence([(3.0, 4.5, 3.2), (5.0, 4.8, None)])

    read, same = (compute(made, {**OPTIONS, "kind": kind}) for kind in (AS_READ, SAME_FRAME))

    assert [round(p["difference"], 6) for p in read["thickness"]["points"]] == [1.5, -0.2]
    assert [round(p["difference"], 6) for p in same["thickness"]["points"]] == [0.2]


def test_the_rules_two_sides_are_those_of_the_displayed_values_and_lead_to_their_cases() -> None:
    made = evidence([(3.96, 4.2, None), (3.94, 4.2, None), (5.0, 3.0, None), (2.0, 2.0, None)])

    found = compute(made, {**OPTIONS, "kind": AS_READ})

    # 3.96 is displayed as 4.0, 3.94 as 3.9.
    assert found["straddle"] == {
        "at_least-at_least": 1, "at_least-below": 1, "below-at_least": 1, "below-below": 1,
    }  # fmt: skip
    assert found["picks"]["straddle"]["below-at_least"] == [1]
    assert found["picks"]["straddle"]["all"] == [0, 1, 2, 3]
    assert found["picks"]["digits"]["4.2"] == found["picks"]["digits"]["4.2-model"] == [0, 1]
    assert "4.2-readers" not in found["picks"]["digits"]


def test_a_heap_at_the_rule_is_counted_for_readers_and_model_apart() -> None:
    made = evidence([(4.0, 3.9, None)] * 3, [(4.0, 4.0), (4.0, 3.9), (4.04, 4.5)])

    found: dict[str, Any] = digits(made, 4.0)

    assert found["steps"][0] == 3.5
    assert found["steps"][-1] == 4.5
    at = found["steps"].index(4.0)
    assert found["readers"]["counts"][at - 1 : at + 1] == [1, 4]
    assert found["readers"]["share_at"]["value"] == pytest.approx(0.8)
    assert found["model"]["counts"][at - 1] == 3
    assert found["model"]["share_at"]["value"] == 0.0


def test_two_readers_are_compared_on_the_same_cases_and_in_the_same_way() -> None:
    made = evidence([(4.0, 4.0, None), (4.0, 4.0, None)], [(3.0, 4.0), (5.0, 4.8)])

    read, same = between_readers(made, AS_READ), between_readers(made, SAME_FRAME)

    assert read["n"] == 2
    assert read["mae"]["value"] == pytest.approx(0.6)
    assert read["sd"] == pytest.approx(((1.0 + 0.04) / 2) ** 0.5)
    assert same["n"] == 0  # their key frames differ


def test_area_has_no_rule_to_cross_and_an_empty_comparison_no_points() -> None:
    found = compute(evidence([(4.0, 4.0, None)]), {**OPTIONS, "kind": AS_READ})
    assert found["area"]["points"] == []
    assert found["thickness"]["icc_agreement"]["value"] is None
    assert found["thickness"]["deming"]["slope"]["reason"] == "too-few"

"""Two pipelines on one list: known answers."""

from __future__ import annotations

from typing import Any

import pytest

from plaqueweb.agreement import stats
from plaqueweb.agreement.figures.pipelines import DuelUnit, compute_duel


def units(pattern: str, per_subject: int = 1, **groups: str) -> list[DuelUnit]:
    """Each letter a study: b both agree, g gained by the second, l lost by it, n neither."""
    answers = {"b": (1, 1), "g": (0, 1), "l": (1, 0), "n": (0, 0)}
    return [
        DuelUnit(f"s{i:03}", f"p{i // per_subject:03}", 1, *answers[letter], groups=groups)
        for i, letter in enumerate(pattern)
    ]


def row(found: dict[str, Any], key: str) -> dict[str, Any]:
    return next(r for r in found["rows"] if r["key"] == key)


PATTERN = "b" * 40 + "g" * 12 + "l" * 4 + "n" * 4


def test_the_difference_is_second_minus_first_with_an_interval_over_subjects() -> None:
    found = row(compute_duel(units(PATTERN), margin=0.05, accuracy=False), "agree_all")
    assert found["first"]["value"] == pytest.approx(44 / 60)
    assert found["second"]["value"] == pytest.approx(52 / 60)
    assert found["difference"]["value"] == pytest.approx(8 / 60)
    assert 0 < found["difference"]["interval"]["low"] < 8 / 60 < found["difference"]["interval"]["high"]


def test_swapping_the_pipelines_turns_every_sign() -> None:
    forth = units(PATTERN)
    back = [DuelUnit(u.study, u.subject, u.reference, u.second, u.first) for u in forth]
    one, two = (compute_duel(rows, margin=0.05, accuracy=True) for rows in (forth, back))
    assert one["flips"]["gained"] == two["flips"]["lost"]
    for first, second in zip(one["rows"], two["rows"], strict=True):
        if first["difference"]["value"] is not None:
            assert first["difference"]["value"] == pytest.approx(-second["difference"]["value"])
    assert (one["test"]["gained"], one["test"]["lost"]) == (two["test"]["lost"], two["test"]["gained"])


def test_mcnemar_is_that_of_the_library() -> None:
    found = compute_duel(units(PATTERN), margin=0.05, accuracy=False)["test"]
    assert (found["gained"], found["lost"], found["subjects"]) == (12, 4, 60)
    assert found["exact_p"] == pytest.approx(stats.mcnemar([[40, 12], [4, 4]]).exact_p)
    assert found["p"] == pytest.approx(stats.mcnemar_clustered(
        [x in "bg" for x in PATTERN], [x in "bl" for x in PATTERN], list(range(60))).p_value)  # fmt: skip


def test_two_studies_a_subject_have_no_exact_p_and_half_the_subjects() -> None:
    found = compute_duel(units(PATTERN, per_subject=2), margin=0.05, accuracy=False)
    assert (found["test"]["exact_p"], found["test"]["subjects"]) == (None, 30)
    assert found["n"]["judged_subjects"] == 30


@pytest.mark.parametrize(
    ("pattern", "verdict"),
    [
        ("b" * 190 + "g" * 6 + "l" * 4, (True, False, False)),
        ("b" * 60 + "g" * 36 + "l" * 4, (True, True, False)),
        ("b" * 60 + "g" * 2 + "l" * 38, (False, False, True)),
        ("b" * 40 + "g" * 10 + "l" * 10, (False, False, False)),
    ],
)
def test_the_verdict_follows_from_margin_and_interval(pattern: str, verdict: tuple[bool, bool, bool]) -> None:
    found = compute_duel(units(pattern), margin=0.05, accuracy=False)["verdict"]
    assert (found["not_inferior"], found["superior"], found["inferior"]) == verdict


def test_below_ten_subjects_there_is_no_verdict() -> None:
    found = compute_duel(units("b" * 8 + "l"), margin=0.05, accuracy=False)["verdict"]
    assert (found["not_inferior"], found["reason"]) == (None, "too-few")


def test_a_pipeline_without_a_class_does_not_agree() -> None:
    rows = [DuelUnit(f"s{i}", f"p{i}", 1, 1, None) for i in range(3)]
    found = compute_duel(rows, margin=0.05, accuracy=False)
    assert row(found, "agree_all")["difference"]["value"] == -1
    assert row(found, "agree")["difference"]["reason"] == "no-units"
    assert found["n"]["no_class"] == [0, 3]
    assert found["flips"]["lost"] == ["s0", "s1", "s2"]


def test_flips_go_both_ways_and_those_without_a_reference_stand_apart() -> None:
    rows = [*units("bgln"), DuelUnit("u", "q", None, 0, 1), DuelUnit("x", "r", 9, 0, 1), DuelUnit("y", "t", 1, None, 0)]
    flips = compute_duel(rows, margin=0.05, accuracy=False)["flips"]
    assert flips == {"gained": ["s001"], "lost": ["s002"], "neither": ["y"], "unjudged": ["u", "x"]}


def test_a_part_that_loses_is_flagged() -> None:
    found = compute_duel(
        units("b" * 100, quality="good") + [
            DuelUnit(f"t{i}", f"q{i}", 1, 1, 0 if i < 9 else 1, groups={"quality": "limited"}) for i in range(20)
        ] + [DuelUnit(f"u{i}", f"r{i}", 1, 1, 0, groups={"quality": "unusable"}) for i in range(3)],
        margin=0.05, accuracy=False,
    )["groups"]  # fmt: skip
    assert {r["level"]: r["flag"] for r in found} == {"good": "", "limited": "loss", "unusable": "watch"}


def test_thickness_takes_the_studies_that_all_three_measured() -> None:
    rows = [DuelUnit(f"s{i}", f"p{i}", 1, 1, 1, 4.0, 4.6, 3.8) for i in range(12)]
    rows.append(DuelUnit("x", "x", 1, 1, 1, 4.0, None, 9.0))
    found = compute_duel(rows, margin=0.05, accuracy=False)
    mae = row(found, "mae")
    assert (mae["n"], mae["first"]["value"], mae["second"]["value"]) == (12, pytest.approx(0.6), pytest.approx(0.2))
    assert mae["difference"]["value"] == pytest.approx(-0.4)
    assert row(found, "within_1mm")["difference"]["value"] == 0


def test_sensitivity_is_a_word_against_a_reference_only() -> None:
    keys = {r["key"] for r in compute_duel(units("bgl"), margin=0.05, accuracy=False)["rows"]}
    assert "sensitivity" not in keys
    assert row(compute_duel(units("bgl"), margin=0.05, accuracy=True), "sensitivity")["n"] == 3


def test_an_empty_list_gives_no_figure() -> None:
    found = compute_duel([], margin=0.05, accuracy=True)
    assert all(r["difference"]["value"] is None for r in found["rows"])
    assert found["verdict"]["reason"] == "no-units"

"""Fleiss' kappa, AC1, Brennan-Prediger and Krippendorff's alpha."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaqueweb.agreement import stats
from tests.plaqueweb.agreement.stats.tables import (
    GRADES_A,
    GRADES_B,
    THREE_RATERS,
    TWO_RATERS,
    numbers,
    rows,
    unhurried,
)

ANSWER = st.sampled_from([0, 1, 2, None])
TABLE = st.integers(2, 4).flatmap(lambda k: st.lists(st.lists(ANSWER, min_size=k, max_size=k), min_size=1, max_size=15))


def alpha_by_hand(answers: list[list[float | None]], level: str) -> float:
    """Alpha from all ordered pairs, as its definition reads."""
    units = [[x for x in row if x is not None] for row in answers]
    units = [unit for unit in units if len(unit) >= 2]
    values = [x for unit in units for x in unit]
    n = len(values)

    def distance(a: float, b: float) -> float:
        if level == "nominal":
            return float(a != b)
        if level == "interval":
            return (a - b) ** 2
        low, high = min(a, b), max(a, b)
        between = sum(low <= x <= high for x in values) - (values.count(low) + values.count(high)) / 2
        return 0.0 if a == b else between**2

    seen = sum(distance(a, b) / (len(u) - 1) for u in units for a, b in itertools.permutations(u, 2)) / n
    expected = sum(distance(a, b) for a, b in itertools.permutations(values, 2)) / (n * (n - 1))
    return 1 - seen / expected


def test_two_raters_match_the_worked_example() -> None:
    counts = stats.rating_counts(TWO_RATERS)
    assert stats.fleiss_kappa(counts).value == pytest.approx(0.69925, abs=5e-6)
    assert stats.gwet_ac1_raters(counts).value == pytest.approx(0.70075, abs=5e-6)
    assert stats.krippendorff_alpha(TWO_RATERS).value == pytest.approx(0.700752, abs=1e-6)
    assert stats.brennan_prediger(counts).value == pytest.approx(0.70, abs=1e-9)


def test_three_raters_match_the_worked_example() -> None:
    counts = stats.rating_counts(THREE_RATERS)
    assert stats.fleiss_kappa(counts).value == pytest.approx(0.466667, abs=1e-6)
    assert stats.gwet_ac1_raters(counts).value == pytest.approx(0.46667, abs=5e-6)
    assert stats.krippendorff_alpha(THREE_RATERS).value == pytest.approx(0.484444, abs=1e-6)


def test_ordinal_alpha_matches_the_worked_example() -> None:
    found = stats.krippendorff_alpha(list(zip(GRADES_A, GRADES_B, strict=True)), "ordinal")
    assert found.value == pytest.approx(0.889155, abs=1e-6)


def test_four_raters_with_missing_answers_give_the_published_values() -> None:
    answers = numbers("irrCAC__cac.raw4raters.csv")
    counts = stats.rating_counts(answers)
    ac1 = stats.gwet_ac1_raters(counts)

    assert stats.agreeing_pairs(counts).value == pytest.approx(0.81818, abs=5e-6)
    assert ac1.value == pytest.approx(0.77544, abs=5e-6)
    assert ac1.interval is not None
    assert ac1.interval.low == pytest.approx(0.461, abs=5e-4)
    assert stats.fleiss_kappa(counts).value == pytest.approx(0.76117, abs=5e-6)
    assert stats.brennan_prediger(counts).value == pytest.approx(0.77273, abs=5e-6)
    assert stats.krippendorff_alpha(answers).value == pytest.approx(0.74342, abs=5e-6)


def test_six_raters_of_thirty_patients_give_the_published_kappa() -> None:
    answers = [list(row.values()) for row in rows("irr__diagnoses.csv")]
    assert stats.fleiss_kappa(stats.rating_counts(answers)).value == pytest.approx(0.430, abs=5e-4)


@unhurried
@given(TABLE, st.sampled_from(["nominal", "ordinal", "interval"]))
def test_alpha_equals_its_definition_over_all_pairs(answers: list[list[int | None]], level: str) -> None:
    found = stats.krippendorff_alpha(answers, level)  # type: ignore[arg-type]
    pairable = [x for row in answers if sum(v is not None for v in row) >= 2 for x in row if x is not None]
    if len(set(pairable)) < 2:
        assert found.reason == ("no-spread" if pairable else "no-units")
    else:
        assert found.value == pytest.approx(alpha_by_hand(answers, level), abs=1e-9)  # type: ignore[arg-type]


@unhurried
@given(TABLE, st.permutations([0, 1, 2]))
def test_nominal_statistics_do_not_depend_on_names_order_of_raters_or_of_units(
    answers: list[list[int | None]], names: list[int]
) -> None:
    renamed = [[None if x is None else names[x] for x in reversed(row)] for row in reversed(answers)]
    for statistic in (stats.fleiss_kappa, stats.gwet_ac1_raters, stats.brennan_prediger):
        one, two = (statistic(stats.rating_counts(table, [0, 1, 2])) for table in (answers, renamed))
        assert one.value == pytest.approx(two.value, abs=1e-12)
        assert one.value is None or one.value <= 1.0 + 1e-12
    assert stats.krippendorff_alpha(answers).value == pytest.approx(stats.krippendorff_alpha(renamed).value, abs=1e-12)


@unhurried
@given(st.lists(st.floats(-5, 5).map(lambda x: round(x, 3)), min_size=6, max_size=12), st.floats(-100, 100))
def test_interval_alpha_does_not_change_when_all_values_move(values: list[float], shift: float) -> None:
    answers = [values[i : i + 2] for i in range(0, len(values) - 1, 2)]
    moved = [[x + shift for x in row] for row in answers]
    one, two = stats.krippendorff_alpha(answers, "interval"), stats.krippendorff_alpha(moved, "interval")
    assert one.value == pytest.approx(two.value, abs=1e-6)


def test_full_agreement_on_two_classes_is_one_everywhere() -> None:
    answers = [[1, 1, 1], [0, 0, 0], [1, 1, None]]
    counts = stats.rating_counts(answers)
    for figure in (
        stats.fleiss_kappa(counts),
        stats.gwet_ac1_raters(counts),
        stats.brennan_prediger(counts),
        stats.krippendorff_alpha(answers),
    ):
        assert figure.value == pytest.approx(1.0)


def test_one_class_throughout_leaves_kappa_and_alpha_undefined_and_ac1_at_one() -> None:
    counts = stats.rating_counts([[1, 1], [1, 1]], [0, 1])
    assert stats.fleiss_kappa(counts).reason == "one-class"
    assert stats.krippendorff_alpha([[1, 1], [1, 1]]).reason == "no-spread"
    assert stats.gwet_ac1_raters(counts).value == pytest.approx(1.0)


@pytest.mark.parametrize("answers", [[], [[1, None], [None, 0]]])
def test_without_a_unit_read_twice_there_is_no_value(answers: list[list[int | None]]) -> None:
    counts = stats.rating_counts(answers, [0, 1])
    assert stats.fleiss_kappa(counts).reason == "no-units"
    for level in ("nominal", "ordinal", "interval"):
        assert stats.krippendorff_alpha(answers, level).reason == "no-units"  # type: ignore[arg-type]


def test_nan_is_a_missing_answer() -> None:
    with_nan = [[1.0, math.nan, 1.0], [0.0, 0.0, 1.0]]
    with_none = [[1.0, None, 1.0], [0.0, 0.0, 1.0]]
    assert stats.krippendorff_alpha(with_nan).value == stats.krippendorff_alpha(with_none).value


def test_a_category_that_nobody_gave_changes_ac1_and_not_fleiss_kappa() -> None:
    narrow, wide = stats.rating_counts(THREE_RATERS, [0, 1]), stats.rating_counts(THREE_RATERS, [0, 1, 9])
    assert stats.fleiss_kappa(narrow).value == pytest.approx(stats.fleiss_kappa(wide).value)
    assert stats.gwet_ac1_raters(wide).value > stats.gwet_ac1_raters(narrow).value  # type: ignore[operator]


def test_several_units_a_subject_widen_the_interval() -> None:
    base = np.random.default_rng(2).integers(0, 2, (20, 3)).tolist()
    copies = [row for row in base for _ in range(10)]
    subjects = [number for number in range(20) for _ in range(10)]
    together = stats.fleiss_kappa(stats.rating_counts(copies), subjects)
    apart = stats.fleiss_kappa(stats.rating_counts(copies))
    alpha = stats.krippendorff_alpha(copies, subjects=subjects)
    assert together.interval is not None
    assert apart.interval is not None
    assert alpha.interval is not None
    assert together.interval.high - together.interval.low > 2 * (apart.interval.high - apart.interval.low)
    assert alpha.interval.low < alpha.value < alpha.interval.high  # type: ignore[operator]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: stats.rating_counts([[1, 2]], [0, 1]), "Categories are"),
        (lambda: stats.rating_counts([[1, 1]]), "at least two categories"),
        (lambda: stats.fleiss_kappa([[1, -1]]), "not negative"),
        (lambda: stats.fleiss_kappa([1, 2]), "one row a unit"),
        (lambda: stats.krippendorff_alpha([[1, 2]], "ratio"), "nominal, ordinal or interval"),
        (lambda: stats.krippendorff_alpha([[1.0, math.inf]], "interval"), "finite"),
        (lambda: stats.krippendorff_alpha([[1, 2]], subjects=["a", "b"]), "One subject a unit"),
    ],
)
def test_bad_input_is_refused_by_rule(call, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=words):
        call()

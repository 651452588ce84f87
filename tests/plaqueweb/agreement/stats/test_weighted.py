"""Weighted kappa."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaqueweb.agreement import stats
from plaqueweb.agreement.stats.weighted import weighted_kappa_error, weighted_kappa_values
from tests.plaqueweb.agreement.stats.tables import GRADES_A, GRADES_B, unhurried

GRADES = [1, 2, 3, 4, 5]
PAIRS = st.lists(st.tuples(st.sampled_from(GRADES), st.sampled_from(GRADES)), min_size=1, max_size=30)
KINDS = ("nominal", "linear", "quadratic")


@pytest.mark.parametrize(("weights", "value"), [("nominal", 0.473684), ("linear", 0.711538), ("quadratic", 0.872881)])
def test_grades_match_the_worked_example(weights: str, value: float) -> None:
    found = stats.weighted_kappa_of(GRADES_A, GRADES_B, GRADES, weights)  # type: ignore[arg-type]
    assert found.value == pytest.approx(value, abs=1e-6)
    assert found.n == 12


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("weights", ["linear", "quadratic"])
def test_weighted_kappa_equals_scikit_learn_with_grades_that_nobody_gave(seed: int, weights: str) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(seed)
    first, second = generator.integers(1, 5, (2, 60)).tolist()
    expected = metrics.cohen_kappa_score(first, second, weights=weights, labels=GRADES)
    found = stats.weighted_kappa_of(first, second, GRADES, weights)  # type: ignore[arg-type]
    assert found.value == pytest.approx(expected, abs=1e-12)


def test_nominal_weights_give_cohens_kappa_and_its_standard_error() -> None:
    table = [[40, 9], [6, 45]]
    plain, weighted = stats.cohen_kappa(table), stats.weighted_kappa(table, "nominal")
    assert weighted.value == pytest.approx(plain.value, abs=1e-12)
    assert weighted.se == pytest.approx(plain.se, abs=1e-12)


def test_the_large_sample_error_is_the_spread_over_repeated_samples() -> None:
    generator = np.random.default_rng(8)
    cells = np.asarray([[20, 6, 2], [5, 25, 6], [1, 7, 28]], dtype=float)
    drawn = generator.multinomial(400, (cells / cells.sum()).ravel(), size=4000).reshape(-1, 3, 3).astype(float)
    spread = weighted_kappa_values(drawn, "linear").std()
    assert weighted_kappa_error(cells * 4, "linear") == pytest.approx(spread, rel=0.05)


@unhurried
@given(PAIRS, st.sampled_from(KINDS))
def test_swapping_the_raters_or_reversing_the_scale_changes_nothing(pairs: list[tuple[int, int]], kind: str) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    value = stats.weighted_kappa_of(first, second, GRADES, kind).value  # type: ignore[arg-type]
    swapped = stats.weighted_kappa_of(second, first, GRADES, kind).value  # type: ignore[arg-type]
    reversed_scale = stats.weighted_kappa_of(first, second, GRADES[::-1], kind).value  # type: ignore[arg-type]
    assert value == pytest.approx(swapped)
    assert value == pytest.approx(reversed_scale)
    assert value is None or value <= 1.0


def test_a_missing_answer_drops_its_pair() -> None:
    assert stats.weighted_kappa_of([1, 2, None, 3], [1, 2, float("nan"), None], GRADES).n == 2


def test_the_same_grade_throughout_has_no_kappa() -> None:
    assert stats.weighted_kappa_of([3] * 5, [3] * 5, GRADES).reason == "one-class"
    assert stats.weighted_kappa_of([], [], GRADES).reason == "no-units"


def test_a_grade_off_the_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="Grades are"):
        stats.weighted_kappa_of([6], [1], GRADES)
    with pytest.raises(ValueError, match="same units"):
        stats.weighted_kappa_of([1, 2], [1], GRADES)
    with pytest.raises(ValueError, match="nominal, linear or quadratic"):
        stats.weighted_kappa([[1, 0], [0, 1]], "cubic")  # type: ignore[arg-type]

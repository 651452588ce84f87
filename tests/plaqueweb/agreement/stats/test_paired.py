"""McNemar, paired differences, predictive values at another prevalence, likelihood ratios, exact intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaqueweb.agreement import stats
from tests.plaqueweb.agreement.stats.tables import unhurried

TABLE = [[40, 9], [6, 45]]
COUNTS = st.tuples(*[st.integers(0, 40)] * 4)


def test_mcnemar_matches_the_worked_example() -> None:
    found = stats.mcnemar(TABLE)
    assert found.exact_p == pytest.approx(0.607239, abs=1e-6)
    assert found.chi_square == pytest.approx(0.266667, abs=1e-6)
    assert found.p_value == found.exact_p
    assert found.difference.value == pytest.approx(0.03)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (0, 5), (9, 6), (7, 7), (30, 12), (400, 380)])
def test_exact_and_mid_p_equal_the_binomial_of_scipy(b: int, c: int) -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    found = stats.mcnemar([[20, b], [c, 20]])
    exact = scipy_stats.binomtest(b, b + c, 0.5).pvalue if b + c else 1.0
    point = scipy_stats.binom.pmf(min(b, c), b + c, 0.5)
    assert found.exact_p == pytest.approx(exact, abs=1e-12)
    assert found.mid_p == pytest.approx(min(1.0, 2 * scipy_stats.binom.cdf(min(b, c), b + c, 0.5) - point), abs=1e-12)


def test_many_discordant_units_are_judged_by_chi_square() -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    found = stats.mcnemar([[20, 30], [12, 20]])
    assert found.p_value == pytest.approx(scipy_stats.chi2.sf((18 - 1) ** 2 / 42, 1), abs=1e-12)


@unhurried
@given(COUNTS)
def test_swapping_the_two_turns_the_difference_and_keeps_the_p_values(counts: tuple[int, int, int, int]) -> None:
    a, b, c, d = counts
    there, back = stats.mcnemar([[a, b], [c, d]]), stats.mcnemar([[a, c], [b, d]])
    assert (there.exact_p, there.mid_p) == pytest.approx((back.exact_p, back.mid_p))
    assert 0.0 <= there.mid_p <= there.exact_p <= 1.0
    if sum(counts):
        one, two = there.difference.interval, back.difference.interval
        assert one is not None
        assert two is not None
        assert (one.low, one.high) == pytest.approx((-two.high, -two.low), abs=1e-12)
        assert -1.0 <= one.low <= there.difference.value + 1e-12 <= one.high + 2e-12  # type: ignore[operator]


def test_newcombes_interval_covers_the_difference_as_often_as_it_says() -> None:
    generator = np.random.default_rng(12)
    shares = np.asarray([0.6, 0.2, 0.1, 0.1])
    covered = 0
    for counts in generator.multinomial(60, shares, size=400):
        interval = stats.paired_difference(counts.reshape(2, 2)).interval
        assert interval is not None
        covered += interval.low <= 0.1 <= interval.high
    assert 0.92 <= covered / 400 <= 0.985


def test_one_unit_a_subject_is_mcnemar_without_correction() -> None:
    first = [True] * 49 + [False] * 51
    second = [True] * 40 + [False] * 9 + [True] * 6 + [False] * 45
    found = stats.mcnemar_clustered(first, second, list(range(100)))
    assert (found.first_only, found.second_only) == (9, 6)
    assert found.chi_square == pytest.approx((9 - 6) ** 2 / 15)


def test_copies_of_a_subject_prove_nothing_more() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.random(60) < 0.8, generator.random(60) < 0.6
    single = stats.mcnemar_clustered(first, second, list(range(60)))
    copied = stats.mcnemar_clustered(np.repeat(first, 7), np.repeat(second, 7), np.repeat(np.arange(60), 7))
    assert copied.p_value == pytest.approx(single.p_value)
    assert copied.difference.se == pytest.approx(single.difference.se)


def test_paired_statistics_without_units_say_so() -> None:
    assert stats.paired_difference([[0, 0], [0, 0]]).reason == "no-units"
    assert stats.mcnemar_clustered([], [], []).difference.reason == "no-units"
    assert stats.mcnemar_clustered([True, False], [True, False], ["a", "b"]).p_value == 1.0
    with pytest.raises(ValueError, match="2 x 2"):
        stats.mcnemar(np.eye(3))
    with pytest.raises(ValueError, match="same units"):
        stats.mcnemar_clustered([True], [True, False], ["a"])


def test_exact_intervals_of_accuracy_are_those_of_clopper_and_pearson() -> None:
    found = stats.diagnostic([[42, 8], [3, 47]], exact=True)
    assert found.sensitivity.interval == stats.clopper_pearson(42, 50)
    assert stats.diagnostic([[42, 8], [3, 47]]).sensitivity.interval == stats.wilson(42, 50)


def test_both_intervals_of_a_share_equal_scipy() -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    for count, n in ((0, 7), (1, 30), (42, 50), (50, 50), (333, 1000)):
        result = scipy_stats.binomtest(count, n)
        for method, interval in (("wilson", stats.wilson(count, n)), ("exact", stats.clopper_pearson(count, n))):
            expected = result.proportion_ci(0.95, method)
            assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_at_the_prevalence_of_the_units_the_predictive_values_are_theirs() -> None:
    table = [[40, 9], [6, 45]]
    found, plain = stats.at_prevalence(table, 0.49), stats.diagnostic(table)
    assert found.ppv.value == pytest.approx(plain.ppv.value)
    assert found.npv.value == pytest.approx(plain.npv.value)


def test_a_rarer_disease_lowers_the_positive_predictive_value() -> None:
    # Bayes by hand: Se 0.9, Sp 0.8, prevalence 0.1: 0.09 / (0.09 + 0.18) and 0.72 / (0.72 + 0.01).
    found = stats.at_prevalence([[90, 10], [20, 80]], 0.1)
    assert found.ppv.value == pytest.approx(1 / 3)
    assert found.npv.value == pytest.approx(72 / 73)
    assert found.ppv.interval is not None
    assert found.ppv.interval.low < 1 / 3 < found.ppv.interval.high


def test_predictive_values_at_the_bound_have_no_interval() -> None:
    assert stats.at_prevalence([[10, 0], [2, 8]], 0.3).ppv.reason == "at-bound"
    assert stats.at_prevalence([[0, 0], [2, 8]], 0.3).ppv.reason == "no-units"
    with pytest.raises(ValueError, match="prevalence lies between"):
        stats.at_prevalence(TABLE, 1.0)


def test_likelihood_ratios_turn_the_odds_as_the_predictive_value_says() -> None:
    table = [[90, 10], [20, 80]]
    ratios, predictive = stats.likelihood_ratios(table), stats.at_prevalence(table, 0.2).ppv.value
    assert ratios.positive.value == pytest.approx(4.5)
    assert ratios.negative.value == pytest.approx(0.125)
    assert predictive == pytest.approx(0.25 * 4.5 / (1 + 0.25 * 4.5))
    assert stats.likelihood_ratios([[5, 5], [0, 5]]).positive.reason == "no-units"
    assert stats.likelihood_ratios([[5, 0], [2, 5]]).negative.reason == "at-bound"


def test_intervals_of_predictive_values_and_ratios_are_their_formulas() -> None:
    table = [[90, 10], [20, 80]]
    ppv, ratio = stats.at_prevalence(table, 0.1).ppv, stats.likelihood_ratios(table).positive
    assert ppv.interval is not None
    assert ratio.interval is not None
    of_logit = 1.959964 * np.sqrt(0.1 / (100 * 0.9) + 0.8 / (100 * 0.2))
    odds = 0.5 * np.exp([-of_logit, of_logit])
    assert (ppv.interval.low, ppv.interval.high) == pytest.approx(tuple(odds / (1 + odds)), rel=1e-6)
    of_log = 1.959964 * np.sqrt(1 / 90 - 1 / 100 + 1 / 20 - 1 / 100)
    assert (ratio.interval.low, ratio.interval.high) == pytest.approx(tuple(4.5 * np.exp([-of_log, of_log])), rel=1e-6)

"""Limits whose level is estimated: they hold their chance, whatever the first cases happened to be."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import betabinom, norm

from plaqueweb.agreement import stats
from plaqueweb.agreement.stats import estimated

CHANCE, CASES = 0.05, 200


@pytest.mark.parametrize(("hits", "n", "units"), [(0, 40, 20), (8, 50, 25), (50, 50, 10), (20, 100, 60)])
def test_predicted_counts_are_those_of_the_beta_binomial(hits: int, n: int, units: int) -> None:
    low, high = stats.predictive_counts(hits, n, units, 0.01)
    predicted = betabinom(units, hits + 0.5, n - hits + 0.5)
    assert predicted.sf(high) <= 0.01
    assert high == 0 or predicted.sf(high - 1) > 0.01
    assert predicted.cdf(low - 1) <= 0.01
    assert low == units or predicted.cdf(low) > 0.01


def test_fewer_first_cases_make_wider_limits() -> None:
    assert stats.predictive_counts(5, 50, 25, 0.001)[1] > stats.predictive_counts(50, 500, 25, 0.001)[1]
    assert stats.scores_decision(20, CASES, CHANCE) > stats.scores_decision(100, CASES, CHANCE)
    few = stats.bernoulli_decision(5, 50, 0.2, 0.4, CASES, CHANCE)
    assert few > stats.bernoulli_decision(50, 500, 0.2, 0.4, CASES, CHANCE)


def test_with_a_level_as_good_as_known_the_limit_is_that_of_the_exact_run_length() -> None:
    limit = stats.bernoulli_decision(30_000, 200_000, 0.15, 0.30, CASES, CHANCE)
    # A chart runs into its limit within T cases with about 1 - exp(-T / its mean run length).
    chance = 1 - np.exp(-CASES / stats.run_length(0.15, 0.15, 0.30, limit))
    assert chance == pytest.approx(CHANCE, rel=0.3)


def test_the_bernoulli_limit_holds_its_chance_over_first_cases_and_later_ones() -> None:
    generator = np.random.default_rng(6)
    alarms = 0
    for _series in range(600):
        events = generator.random(60 + CASES) < 0.15
        hits = int(events[:60].sum())
        before = stats.clopper_pearson(hits, 60).high
        limit = stats.bernoulli_decision(hits, 60, before, min(2 * before, (1 + before) / 2), CASES, CHANCE)
        alarms += bool(stats.bernoulli_cusum(events[60:], before, min(2 * before, (1 + before) / 2), limit).alarms)
    assert alarms / 600 <= CHANCE * 1.4


@pytest.mark.parametrize("shape", ["normal", "heavy", "skewed"])
def test_the_limit_of_scores_holds_its_chance_under_any_distribution(shape: str) -> None:
    generator = np.random.default_rng(7)
    draw = {"normal": generator.standard_normal, "heavy": lambda n: generator.standard_t(2, n),
            "skewed": generator.standard_exponential}[shape]  # fmt: skip
    limit = stats.scores_decision(40, CASES, CHANCE)
    raised = 0
    for _series in range(800):
        values = draw(40 + CASES)
        scores = stats.normal_scores(values[:40], values[40:])
        raised += bool(stats.cusum(scores, 0.0, 1.0, stats.ALLOWANCE, limit).alarms)
    assert raised / 800 == pytest.approx(CHANCE, abs=0.025)


def test_scores_are_normal_quantiles_of_the_rank_and_ties_count_half() -> None:
    scores = stats.normal_scores([1.0, 2.0, 2.0, 5.0], [0.0, 2.0, 9.0])
    assert scores == pytest.approx(norm.ppf(np.asarray([0.5, 2.5, 4.5]) / 5))


def test_a_limit_is_the_same_every_time() -> None:
    one = stats.scores_decision(30, 50, 0.1)
    estimated.scores_decision.cache_clear()
    assert stats.scores_decision(30, 50, 0.1) == one


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: stats.predictive_counts(3, 2, 5, 0.1), "part of the first cases"),
        (lambda: stats.predictive_counts(1, 2, 5, 0.0), "between 0 and 1"),
        (lambda: stats.bernoulli_decision(1, 5, 0.4, 0.2, 10, 0.1), "rises"),
        (lambda: stats.scores_decision(0, 10, 0.1), "first cases"),
        (lambda: stats.scores_decision(20, 0, 0.1), "at least one case"),
        (lambda: stats.normal_scores([], [1.0]), "first values"),
    ],
)
def test_bad_input_is_refused_by_rule(call, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=words):
        call()

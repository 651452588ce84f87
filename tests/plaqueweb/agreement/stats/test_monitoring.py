"""Control charts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaqueweb.agreement import stats
from tests.plaqueweb.agreement.stats.tables import unhurried


def test_a_p_chart_has_three_sigma_limits_for_the_size_of_each_period() -> None:
    chart = stats.p_chart([4, 10, 30], [100, 50, 100])
    centre = 44 / 250
    half = [3 * math.sqrt(centre * (1 - centre) / n) for n in (100, 50, 100)]
    assert chart.centre == pytest.approx(centre)
    assert chart.upper == pytest.approx(np.asarray([centre + h for h in half]))
    assert chart.lower == pytest.approx(np.maximum(0, np.asarray([centre - h for h in half])))
    assert chart.outside.tolist() == [True, False, True]


def test_a_small_period_has_a_point_and_no_limits() -> None:
    chart = stats.p_chart([5, 3], [5, 40])
    assert chart.values[0] == 1.0
    assert np.isnan(chart.upper[0])
    assert chart.outside.tolist() == [False, False]


def test_an_empty_period_has_no_point() -> None:
    chart = stats.p_chart([0, 3], [0, 40], centre=0.1)
    assert np.isnan(chart.values[0])
    assert not chart.outside[0]


def test_laneys_limits_widen_where_periods_differ_by_more_than_chance() -> None:
    generator = np.random.default_rng(1)
    units = np.full(60, 500)
    shifting = generator.binomial(units, np.clip(generator.normal(0.2, 0.06, 60), 0, 1))
    steady = generator.binomial(units, 0.2)
    assert stats.p_chart(shifting, units, laney=True).spread > 2
    assert stats.p_chart(steady, units, laney=True).spread == pytest.approx(1.0, abs=0.25)
    long = stats.p_chart(generator.binomial(500, 0.2, 4000), np.full(4000, 500), laney=True)
    assert long.spread == pytest.approx(1.0, abs=0.05)
    assert stats.p_chart(shifting, units).outside.sum() > stats.p_chart(shifting, units, laney=True).outside.sum()


def test_ewma_follows_its_recursion_and_its_limits_widen_to_the_steady_ones() -> None:
    chart = stats.ewma([1.0, -1.0, 2.0], 0.0, 1.0)
    assert chart.values == pytest.approx(np.asarray([0.2, -0.04, 0.368]))
    assert chart.upper[0] == pytest.approx(2.7 * 0.2)
    assert stats.ewma([0.0] * 200, 0.0, 1.0).upper[-1] == pytest.approx(2.7 * math.sqrt(0.2 / 1.8))


def test_ewma_with_weight_one_is_the_plain_series() -> None:
    values = [0.5, 3.5, -1.0]
    chart = stats.ewma(values, 0.0, 1.0, weight=1.0, width=3.0)
    assert chart.values == pytest.approx(np.asarray(values))
    assert chart.outside.tolist() == [False, True, False]


def test_a_lasting_shift_of_one_sigma_is_found_and_a_steady_series_is_left_alone() -> None:
    generator = np.random.default_rng(3)
    steady = generator.normal(0, 1, 60)
    shifted = np.concatenate([steady, generator.normal(1.0, 1, 60)])
    assert stats.cusum(steady, 0.0, 1.0).alarms == ()
    assert stats.cusum(shifted, 0.0, 1.0).alarms[0] >= 60
    assert stats.ewma(shifted, 0.0, 1.0).outside[60:].any()


def test_the_cusum_of_a_mean_runs_as_long_as_published_before_a_false_alarm() -> None:
    # Montgomery: k = 0.5, h = 5, two sides: 465 values on average; 10.4 after a shift of one sigma.
    generator = np.random.default_rng(4)
    false_alarms = len(stats.cusum(generator.normal(0, 1, 200_000), 0.0, 1.0).alarms)
    true_alarms = len(stats.cusum(generator.normal(1, 1, 20_000), 0.0, 1.0).alarms)
    assert 200_000 / false_alarms == pytest.approx(465, rel=0.15)
    assert 20_000 / true_alarms == pytest.approx(10.4, rel=0.05)


@unhurried
@given(st.lists(st.floats(-4, 4), max_size=40))
def test_turning_the_series_over_swaps_the_two_sides(values: list[float]) -> None:
    one, two = stats.cusum(values, 0.0, 1.0), stats.cusum([-v for v in values], 0.0, 1.0)
    assert one.alarms == two.alarms
    assert one.upper == pytest.approx(two.lower)


@pytest.mark.parametrize(("limit", "before", "after"), [(3.0, 400, 35), (3.5, 709, 39), (4.0, 1126, 47)])
def test_bernoulli_run_lengths_are_those_simulated_before(limit: float, before: int, after: int) -> None:
    assert stats.run_length(0.15, 0.15, 0.30, limit) == pytest.approx(before, rel=0.06)
    assert stats.run_length(0.30, 0.15, 0.30, limit) == pytest.approx(after, rel=0.06)


@pytest.mark.parametrize(("share", "limit"), [(0.15, 3.0), (0.2, 3.5), (0.3, 4.0)])
def test_the_run_length_is_the_mean_distance_of_alarms(share: float, limit: float) -> None:
    events = np.random.default_rng(5).random(200_000) < share
    alarms = stats.bernoulli_cusum(events, 0.15, 0.30, limit).alarms
    assert alarms[-1] / len(alarms) == pytest.approx(stats.run_length(share, 0.15, 0.30, limit), rel=0.15)


def test_a_bernoulli_cusum_sums_log_likelihood_ratios_and_starts_again_after_an_alarm() -> None:
    up, down = math.log(2), math.log(0.7 / 0.85)
    found = stats.bernoulli_cusum([True, False, True, True, True, False], 0.15, 0.30, 2.0)
    assert found.upper[:4] == pytest.approx(np.asarray([up, up + down, 2 * up + down, 3 * up + down]))
    assert found.alarms == (4,)
    assert found.upper[5] == 0.0


def test_the_limit_for_a_run_length_gives_at_least_that_run_length() -> None:
    limit = stats.decision_limit(500, 0.15, 0.30)
    assert stats.run_length(0.15, 0.15, 0.30, limit) >= 500
    assert stats.run_length(0.15, 0.15, 0.30, limit - 0.01) < stats.run_length(0.15, 0.15, 0.30, limit + 0.01)
    assert stats.run_length(0.15, 0.15, 0.30, limit - 0.002) < 500


def test_no_event_means_no_alarm_and_every_event_the_shortest_run() -> None:
    assert stats.run_length(0.0, 0.1, 0.2, 3.0) == math.inf
    assert stats.run_length(1.0, 0.1, 0.2, 3.0) == pytest.approx(math.ceil(3.0 / math.log(2)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: stats.p_chart([3], [2]), "part of a period"),
        (lambda: stats.p_chart([0], [0]), "centre of the chart"),
        (lambda: stats.p_chart([1], [2], centre=1.5), "between 0 and 1"),
        (lambda: stats.ewma([1.0], 0.0, 0.0), "standard deviation"),
        (lambda: stats.ewma([1.0], 0.0, 1.0, weight=0.0), "weight of an EWMA"),
        (lambda: stats.cusum([math.nan], 0.0, 1.0), "finite value"),
        (lambda: stats.bernoulli_cusum([1], 0.3, 0.1, 3.0), "rises"),
        (lambda: stats.bernoulli_cusum([2], 0.1, 0.3, 3.0), "true or false"),
        (lambda: stats.bernoulli_cusum([1], 0.1, 0.3, 0.0), "above 0"),
        (lambda: stats.decision_limit(0, 0.1, 0.3), "at least one case"),
    ],
)
def test_bad_input_is_refused_by_rule(call, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=words):
        call()

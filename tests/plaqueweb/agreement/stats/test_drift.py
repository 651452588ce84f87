"""Distance from a baseline without a reader."""

from __future__ import annotations

import math

import numpy as np
import pytest

from plaqueweb.agreement import stats


def test_the_distance_of_two_samples_is_the_largest_gap_of_their_distributions() -> None:
    from scipy.stats import ks_2samp

    generator = np.random.default_rng(4)
    first, second = generator.normal(size=80), generator.normal(0.6, 1.2, size=47)

    found = stats.ks_shift(first, second)

    assert found.value == pytest.approx(ks_2samp(first, second).statistic, abs=1e-12)
    assert found.limit == pytest.approx(math.sqrt(-math.log(0.00135) / 2) * math.sqrt(127 / (80 * 47)))
    assert (found.n, found.baseline) == (47, 80)


def test_equal_samples_are_at_no_distance_and_disjoint_ones_at_one() -> None:
    assert stats.ks_shift([1.0, 2.0], [1.0, 2.0]).value == 0
    assert stats.ks_shift([1.0, 2.0], [3.0, 4.0, 5.0]).value == 1
    assert stats.psi([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], bins=2).value == pytest.approx(0)


def test_the_stability_index_is_the_sum_over_bins() -> None:
    found = stats.psi([0.0] * 50 + [1.0] * 50, [0.0] * 20 + [1.0] * 80, bins=2)
    p, q = 50.5 / 101, (80.5 / 101, 20.5 / 101)
    assert found.value == pytest.approx(sum((x - p) * math.log(x / p) for x in q))


def test_kinds_are_compared_cell_by_cell_also_where_one_is_new() -> None:
    same = stats.psi_of_kinds(["800x600"] * 40, ["800x600"] * 20)
    new = stats.psi_of_kinds(["800x600"] * 40, ["1024x768"] * 20)
    assert (same.value, same.limit, same.outside) == (0, None, False)
    assert new.outside


def test_chance_alone_stays_within_the_limits() -> None:
    generator = np.random.default_rng(9)
    ks = [stats.ks_shift(generator.normal(size=60), generator.normal(size=30)).outside for _ in range(800)]
    index = [stats.psi(generator.normal(size=200), generator.normal(size=100)).outside for _ in range(800)]
    assert sum(ks) <= 8
    assert sum(index) <= 12


def test_a_shift_of_one_standard_deviation_is_seen() -> None:
    generator = np.random.default_rng(9)
    first, second = generator.normal(size=100), generator.normal(1.0, 1.0, size=60)
    assert stats.ks_shift(first, second).outside
    assert stats.psi(first, second).outside


def test_without_values_there_is_nothing_and_rubbish_is_refused() -> None:
    for found in (stats.ks_shift([], [1.0]), stats.psi([1.0], []), stats.psi_of_kinds([], ["a"])):
        assert (found.value, found.outside) == (None, False)
    with pytest.raises(ValueError, match="finite"):
        stats.ks_shift([float("nan")], [1.0])
    with pytest.raises(ValueError, match="two or more bins"):
        stats.psi([1.0], [1.0], bins=1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        stats.ks_shift([1.0], [1.0], 0.0)

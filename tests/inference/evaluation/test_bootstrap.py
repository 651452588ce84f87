from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference import metrics
from inference.evaluation.bootstrap import (
    auc_of,
    calibration_error_of,
    figure,
    mean_of,
    mean_of_subjects,
    spread_of,
    wilson,
)


def names(n):
    return [f"s{k}" for k in range(n)]


def test_the_interval_of_a_mean_is_about_that_of_the_normal_distribution() -> None:
    values = np.random.default_rng(0).normal(2.0, 1.0, 200)

    found = figure(mean_of(values.tolist()), names(200))

    half = 1.96 * values.std(ddof=1) / np.sqrt(200)
    assert found.value == pytest.approx(values.mean(), abs=1e-4)
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03)


def test_units_of_one_subject_are_drawn_together_so_that_copies_narrow_nothing() -> None:
    values = np.random.default_rng(1).normal(0.0, 1.0, 30)
    once = figure(mean_of(values.tolist()), names(30))

    copied = figure(mean_of(np.repeat(values, 10).tolist()), np.repeat(names(30), 10).tolist())

    assert (copied.subjects, copied.units) == (30, 300)
    assert (copied.value, copied.low, copied.high) == pytest.approx((once.value, once.low, once.high), abs=1e-3)


def test_a_long_clip_counts_no_more_than_a_short_one() -> None:
    found = figure(mean_of_subjects([1.0, 0.0, 0.0, 0.0], ["a", "b", "b", "b"]), ["a", "b", "b", "b"])

    assert found.value == 0.5


def test_a_share_of_one_has_wilsons_interval_over_subjects() -> None:
    found = figure(mean_of([1.0] * 50), names(50), share=True)

    assert found.value == found.high == 1.0
    assert found.low == pytest.approx(0.928652, abs=1e-4)


def test_wilson_gives_the_golden_interval() -> None:
    assert wilson(42 / 50, 50) == pytest.approx((0.71486, 0.91663), abs=1e-5)


def test_few_subjects_have_no_interval_and_none_have_no_value() -> None:
    few, none = figure(mean_of([0.1, 0.2, 0.3, 0.4]), names(4)), figure(mean_of([]), [])

    assert (few.value, few.low, few.high) == (0.25, None, None)
    assert (none.value, none.subjects) == (None, 0)


def test_a_statistic_that_most_resamples_cannot_give_has_no_interval() -> None:
    found = figure(auc_of([1, 0, 0, 0, 0, 0], [0.9, 0.1, 0.2, 0.3, 0.4, 0.5]), names(6))

    assert found.value == 1.0
    assert found.low is None


def test_the_same_rows_give_the_same_interval_twice() -> None:
    values = [0.3, 0.9, 0.4, 0.8, 0.1, 0.7]

    assert figure(mean_of(values), names(6)) == figure(mean_of(values), names(6))


def test_limits_of_agreement_of_the_golden_pairs() -> None:
    a = [2.1, 3.4, 4.2, 5, 6.3, 1.8, 3.9, 4.4, 7.2, 2.7]
    b = [2.3, 3.1, 4.5, 5.6, 6, 1.7, 4.1, 4, 7.9, 2.9]
    d = (np.asarray(a) - np.asarray(b)).tolist()

    assert figure(mean_of(d), names(10)).value == pytest.approx(-0.11)
    assert figure(spread_of(d, -1.96), names(10)).value == pytest.approx(-0.851756, abs=1e-4)
    assert figure(spread_of(d, 1.96), names(10)).value == pytest.approx(0.631756, abs=1e-4)


scores = st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9])), min_size=2, max_size=30)


@given(scores, st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_weighted_figures_are_those_of_the_drawn_sample(pairs, seed) -> None:
    labels, values = [y for y, _ in pairs], [p for _, p in pairs]
    weights = np.random.default_rng(seed).integers(0, 4, len(pairs))
    repeated = [k for k, times in enumerate(weights) for _ in range(times)]
    want = metrics.auc([labels[k] for k in repeated], [values[k] for k in repeated]) if repeated else None

    got = auc_of(labels, values)(weights[None].astype(float))[0]

    assert np.isnan(got) if want is None else got == pytest.approx(want)


@given(scores)
@settings(max_examples=40, deadline=None)
def test_the_calibration_error_of_all_is_the_metrics_own(pairs) -> None:
    labels, values = [y for y, _ in pairs], [p for _, p in pairs]
    bins = metrics.equal_mass_bins(values, 5)

    got = calibration_error_of(labels, values, bins)(np.ones((1, len(pairs))))[0]

    assert got == pytest.approx(metrics.expected_calibration_error(labels, values, 5))

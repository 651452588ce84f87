"""Brier score, calibration error, slope and intercept."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaqueweb.agreement import stats
from plaqueweb.agreement.stats.calibration import bin_numbers
from tests.plaqueweb.agreement.stats.tables import LABELS, PROBABILITIES, unhurried

UNITS = st.lists(st.tuples(st.booleans(), st.integers(0, 20).map(lambda x: x / 20)), min_size=1, max_size=40)


def simulated(slope: float, intercept: float, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Labels whose true logit is intercept + slope times the logit that is stated."""
    generator = np.random.default_rng(4)
    logit = generator.normal(0, 1.5, n)
    labels = generator.random(n) < 1 / (1 + np.exp(-(intercept + slope * logit)))
    return labels, 1 / (1 + np.exp(-logit))


def test_brier_score_and_calibration_error_match_the_worked_example() -> None:
    assert stats.brier(LABELS, PROBABILITIES).value == pytest.approx(0.1875, abs=1e-9)
    assert stats.calibration_error(LABELS, PROBABILITIES, 5, "equal-width").value == pytest.approx(0.083333, abs=1e-6)


def test_brier_score_and_reliability_equal_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    calibration = pytest.importorskip("sklearn.calibration")
    labels, p = simulated(0.7, 0.3, 300)
    share, mean = calibration.calibration_curve(labels, p, n_bins=10, strategy="uniform")
    bins = stats.reliability(labels, p, 10, "equal-width")
    assert stats.brier(labels, p).value == pytest.approx(metrics.brier_score_loss(labels, p), abs=1e-9)
    assert [b.observed.value for b in bins] == pytest.approx(share.tolist(), abs=1e-12)
    assert [b.mean_probability for b in bins] == pytest.approx(mean.tolist(), abs=1e-12)


def test_slope_and_intercept_equal_an_unpenalised_logistic_regression() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    labels, p = simulated(0.7, 0.3, 400)
    design = np.log(p / (1 - p))[:, np.newaxis]
    fitted = linear.LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(design, labels)
    found = stats.calibration_fit(labels, p)
    assert found.slope.value == pytest.approx(fitted.coef_[0, 0], abs=1e-5)
    assert found.intercept.value == pytest.approx(fitted.intercept_[0], abs=1e-5)


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, 0.0), (1.0, -0.8)])
def test_the_fit_recovers_how_the_labels_were_made(slope: float, intercept: float) -> None:
    labels, p = simulated(slope, intercept)
    found = stats.calibration_fit(labels, p)
    for figure, truth in ((found.slope, slope), (found.intercept, intercept)):
        assert figure.value is not None
        assert figure.se is not None
        assert abs(figure.value - truth) < 3.5 * figure.se


def test_probabilities_too_high_on_the_whole_show_in_the_large() -> None:
    labels, p = simulated(1.0, -0.8)
    large = stats.calibration_fit(labels, p).in_the_large
    assert large.interval is not None
    assert large.interval.high < 0


def test_the_error_of_the_slope_is_its_spread_over_repeated_samples() -> None:
    generator = np.random.default_rng(11)
    logit = generator.normal(0, 1.5, 300)
    p = 1 / (1 + np.exp(-logit))
    found = [stats.calibration_fit(generator.random(300) < p, p).slope for _ in range(150)]
    spread = np.std([figure.value for figure in found])
    assert np.mean([figure.se for figure in found]) == pytest.approx(spread, rel=0.2)


def test_copies_of_a_subject_do_not_narrow_the_slope() -> None:
    labels, p = simulated(1.0, 0.0, 200)
    subjects = np.repeat(np.arange(200), 6)
    single = stats.calibration_fit(labels, p).slope
    copied = stats.calibration_fit(np.repeat(labels, 6), np.repeat(p, 6), subjects).slope
    assert copied.se == pytest.approx(single.se, rel=0.15)


def test_the_error_over_subjects_is_the_sandwich_written_out() -> None:
    labels, p = simulated(0.8, 0.2, 60)
    subjects = np.repeat(np.arange(20), 3)
    found = stats.calibration_fit(labels, p, subjects)
    design = np.column_stack([np.ones(60), np.log(p / (1 - p))])
    fitted = 1 / (1 + np.exp(-(found.intercept.value + found.slope.value * design[:, 1])))  # type: ignore[operator]
    bread = np.linalg.inv((design.T * (fitted * (1 - fitted))) @ design)
    meat = sum(
        np.outer(g, g)
        for k in range(20)
        for g in [((labels - fitted)[:, np.newaxis] * design)[subjects == k].sum(axis=0)]
    )
    errors = np.sqrt(np.diag(bread @ meat @ bread) * 20 / 19)
    assert (found.intercept.se, found.slope.se) == pytest.approx(tuple(errors), rel=1e-9)


@unhurried
@given(UNITS, st.integers(1, 12), st.sampled_from(["equal-mass", "equal-width"]), st.randoms())
def test_calibration_error_is_bounded_and_does_not_depend_on_the_order(units, bins, binning, random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(units)
    random.shuffle(shuffled)
    one = stats.calibration_error([a for a, _ in units], [b for _, b in units], bins, binning).value
    two = stats.calibration_error([a for a, _ in shuffled], [b for _, b in shuffled], bins, binning).value
    assert one == pytest.approx(two)
    assert 0.0 <= one <= 1.0


@unhurried
@given(UNITS)
def test_the_brier_score_is_the_same_for_the_opposite_question(units: list[tuple[bool, float]]) -> None:
    labels, p = [a for a, _ in units], [b for _, b in units]
    value = stats.brier(labels, p).value
    assert value == pytest.approx(stats.brier([not a for a in labels], [1 - b for b in p]).value)
    assert 0.0 <= value <= 1.0  # type: ignore[operator]


def test_bins_of_equal_mass_hold_equally_many_and_ties_stay_together() -> None:
    distinct = bin_numbers(np.linspace(0, 1, 50), 10, "equal-mass")
    tied = bin_numbers(np.asarray([0.1] * 7 + [0.9] * 3), 10, "equal-mass")
    assert np.bincount(distinct).tolist() == [5] * 10
    assert len(set(tied[:7])) == 1
    assert len(set(tied[7:])) == 1


def test_tied_probabilities_go_to_the_bin_of_their_middle_rank() -> None:
    assert bin_numbers(np.asarray([0.1] * 2 + [0.5] * 6 + [0.9] * 2), 2, "equal-mass").tolist() == [0] * 2 + [1] * 8


def test_an_edge_belongs_to_the_bin_below_it() -> None:
    assert bin_numbers(np.asarray([0.0, 0.2, 0.3, 0.3000001, 1.0]), 10, "equal-width").tolist() == [0, 1, 2, 3, 9]


def test_the_bins_of_the_diagram_hold_every_unit() -> None:
    bins = stats.reliability(LABELS, PROBABILITIES, 4)
    assert sum(b.n for b in bins) == 12
    assert all(b.low <= b.mean_probability <= b.high for b in bins)


def test_what_cannot_be_fitted_says_why() -> None:
    assert stats.calibration_fit([1, 1], [0.2, 0.4]).slope.reason == "one-class"
    assert stats.calibration_fit([], []).slope.reason == "no-units"
    assert stats.calibration_fit([0, 0, 1, 1], [0.1, 0.2, 0.7, 0.8]).slope.reason == "separated"
    assert stats.calibration_fit([0, 0, 1, 1], [0.4, 0.5, 0.5, 0.6]).slope.reason == "separated"
    assert stats.calibration_fit([1, 1, 0, 0], [0.4, 0.5, 0.5, 0.6]).slope.reason == "separated"
    flat = stats.calibration_fit([0, 1, 1, 1], [0.5] * 4)
    assert flat.slope.reason == "no-spread"
    assert flat.in_the_large.value == pytest.approx(math.log(3))


def test_probabilities_of_0_and_1_do_not_break_the_fit() -> None:
    found = stats.calibration_fit([0, 1, 0, 1] * 5, [0.0, 1.0, 1.0, 0.3] * 5)
    assert found.slope.value is not None
    assert math.isfinite(found.slope.value)


def test_a_probability_outside_0_to_1_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        stats.brier([1], [1.2])
    with pytest.raises(ValueError, match="At least one bin"):
        stats.calibration_error([1], [0.2], 0)
    with pytest.raises(ValueError, match="equal-mass or equal-width"):
        stats.calibration_error([1], [0.2], 5, "quantile")  # type: ignore[arg-type]

"""ROC, DeLong, precision and recall."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaqueweb.agreement import stats
from tests.plaqueweb.agreement.stats.tables import LABELS, PROBABILITIES, rows, unhurried

SCORED = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=30)


def simulated(seed: int, n: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, n)
    return labels, np.round(labels + generator.normal(0, 1, n), 1), np.round(labels + generator.normal(0, 2, n), 1)


def delong_by_hand(labels: np.ndarray, *scores: np.ndarray) -> np.ndarray:
    """Covariance of the areas from all pairs, as DeLong's paper writes it."""
    up, down = np.nonzero(labels == 1)[0], np.nonzero(labels == 0)[0]
    wins = [(np.sign(s[up][:, np.newaxis] - s[down]) + 1) / 2 for s in scores]
    s10 = np.cov([w.mean(axis=1) for w in wins])
    s01 = np.cov([w.mean(axis=0) for w in wins])
    return np.atleast_2d(s10 / up.size + s01 / down.size)


def test_area_error_and_logit_interval_match_the_worked_example() -> None:
    found = stats.auc(LABELS, PROBABILITIES)
    assert found.interval is not None
    assert found.value == pytest.approx(0.777778, abs=1e-6)
    assert found.se == pytest.approx(0.157135, abs=1e-6)
    assert (found.interval.low, found.interval.high) == pytest.approx((0.370716, 0.954116), abs=1e-5)


@pytest.mark.parametrize(("marker", "value"), [("s100b", 0.7314), ("ndka", 0.612), ("wfns", 0.8237)])
def test_bleeding_table_gives_the_published_areas(marker: str, value: float) -> None:
    table = rows("pROC__aSAH.csv")
    found = stats.auc([row["outcome"] == "Poor" for row in table], [float(row[marker]) for row in table])
    assert found.value == pytest.approx(value, abs=5e-5)


def test_bleeding_table_gives_the_published_paired_comparison() -> None:
    # Printed in the manual of the program that the table came with: Z = 2.209, p = 0.02718; DeLong 0.6301 to 0.8326.
    table = rows("pROC__aSAH.csv")
    labels = [row["outcome"] == "Poor" for row in table]
    scores = {marker: [float(row[marker]) for row in table] for marker in ("wfns", "s100b")}
    found = stats.compare_auc(labels, scores["wfns"], scores["s100b"])
    area = stats.auc(labels, scores["s100b"])
    assert found.z == pytest.approx(2.209, abs=5e-4)
    assert found.p_value == pytest.approx(0.02718, abs=5e-6)
    assert area.value is not None
    assert area.se is not None
    assert (area.value - 1.96 * area.se, area.value + 1.96 * area.se) == pytest.approx((0.6301, 0.8326), abs=5e-5)


@pytest.mark.parametrize("seed", range(4))
def test_curve_area_and_average_precision_equal_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    labels, scores, _ = simulated(seed)
    curve = stats.roc_curve(labels, scores)
    false, true, thresholds = metrics.roc_curve(labels, scores, drop_intermediate=False)

    assert curve.false_positive_share == pytest.approx(false, abs=1e-12)
    assert curve.sensitivity == pytest.approx(true, abs=1e-12)
    assert curve.thresholds[1:] == pytest.approx(thresholds[1:])
    assert stats.auc(labels, scores).value == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-9)
    found = stats.average_precision(labels, scores)
    assert found.value == pytest.approx(metrics.average_precision_score(labels, scores), abs=1e-9)
    precision, recall, _ = metrics.precision_recall_curve(labels, scores)
    ours = stats.precision_recall(labels, scores)
    assert ours.precision[::-1] == pytest.approx(precision[:-1], abs=1e-12)
    assert ours.recall[::-1] == pytest.approx(recall[:-1], abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_delong_covariance_equals_the_sum_over_all_pairs(seed: int) -> None:
    labels, one, two = simulated(seed)
    covariance = delong_by_hand(labels, one, two)
    found = stats.compare_auc(labels, one, two)
    assert found.first.se == pytest.approx(math.sqrt(covariance[0, 0]), abs=1e-12)
    expected = math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert found.difference.se == pytest.approx(expected, abs=1e-12)


@unhurried
@given(SCORED)
def test_turning_labels_or_scores_round_mirrors_the_area(units: list[tuple[bool, int]]) -> None:
    labels, scores = [a for a, _ in units], [float(b) for _, b in units]
    value = stats.auc(labels, scores).value
    turned = stats.auc([not a for a in labels], scores).value
    stretched = stats.auc(labels, [math.exp(b) for b in scores]).value
    if len(set(labels)) < 2:
        assert value is None
    else:
        assert value is not None
        assert turned == pytest.approx(1 - value)
        assert stretched == pytest.approx(value)
        assert 0.0 <= value <= 1.0


@unhurried
@given(SCORED)
def test_the_interval_of_an_area_stays_within_0_to_1_and_holds_it(units: list[tuple[bool, int]]) -> None:
    found = stats.auc([a for a, _ in units], [float(b) for _, b in units])
    if found.interval is not None:
        assert 0.0 <= found.interval.low <= found.value <= found.interval.high <= 1.0  # type: ignore[operator]


def test_the_resampled_area_with_weight_one_is_the_area() -> None:
    labels, scores, _ = simulated(1)
    drawn = stats.auc_values(labels, scores)(np.vstack([np.ones(80), 2 * np.ones(80)]))
    assert drawn == pytest.approx(np.full(2, stats.auc(labels, scores).value))


def test_the_resampled_area_is_that_of_the_repeated_units() -> None:
    labels, scores, _ = simulated(2, 30)
    weights = np.random.default_rng(0).integers(0, 3, (5, 30))
    drawn = stats.auc_values(labels, scores)(weights.astype(float))
    repeated = [stats.auc(np.repeat(labels, w), np.repeat(scores, w)).value for w in weights]
    assert drawn == pytest.approx(np.asarray(repeated))


def test_resampled_average_precision_is_that_of_the_repeated_units() -> None:
    labels, scores, _ = simulated(3, 30)
    weights = np.random.default_rng(0).integers(0, 3, (5, 30))
    drawn = stats.average_precision_values(labels, scores)(weights.astype(float))
    repeated = [stats.average_precision(np.repeat(labels, w), np.repeat(scores, w)).value for w in weights]
    assert drawn == pytest.approx(np.asarray(repeated))


def test_one_unit_a_subject_is_delong_and_copies_of_units_widen_it() -> None:
    labels, scores, _ = simulated(5)
    single, named = stats.auc(labels, scores), stats.auc(labels, scores, list(range(80)))
    copied = stats.auc(np.repeat(labels, 5), np.repeat(scores, 5), np.repeat(np.arange(80), 5))
    naive = stats.auc(np.repeat(labels, 5), np.repeat(scores, 5))
    assert named == single
    # Copies add no knowledge: the error with subjects stays, without them it falls by about √5.
    assert copied.se == pytest.approx(single.se, rel=0.02)
    assert naive.se == pytest.approx(single.se / math.sqrt(5), rel=0.02)  # type: ignore[operator]


def test_the_error_over_subjects_with_units_of_both_classes_is_its_spread_over_repeated_samples() -> None:
    # A subject's own level moves its diseased and its healthy unit alike: the area varies less than units would say.
    generator = np.random.default_rng(21)
    labels, subjects = np.tile([1, 0], 60), np.repeat(np.arange(60), 2)
    areas, errors, naive = [], [], []
    for _ in range(300):
        scores = labels * 0.8 + np.repeat(generator.normal(0, 1, 60), 2) + generator.normal(0, 0.6, 120)
        found = stats.auc(labels, scores, subjects)
        areas.append(found.value)
        errors.append(found.se)
        naive.append(stats.auc(labels, scores).se)
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.15)
    assert np.mean(naive) > 1.3 * np.std(areas)


def test_perfect_separation_gives_a_value_and_no_interval_without_width() -> None:
    found = stats.auc([0] * 10 + [1] * 10, list(range(20)))
    assert (found.value, found.interval, found.reason) == (1.0, None, "at-bound")


def test_two_scores_with_the_same_ranks_cannot_be_told_apart() -> None:
    labels, scores, _ = simulated(6)
    found = stats.compare_auc(labels, scores, 3 * scores + 1)
    assert (found.difference.value, found.p_value, found.difference.reason) == (0.0, None, "no-spread")


def test_swapping_two_scores_turns_the_difference() -> None:
    labels, one, two = simulated(7)
    there, back = stats.compare_auc(labels, one, two), stats.compare_auc(labels, two, one)
    assert there.difference.value == pytest.approx(-back.difference.value)  # type: ignore[operator]
    assert there.p_value == pytest.approx(back.p_value)


def test_operating_point_counts_scores_at_the_threshold_as_positive() -> None:
    found = stats.operating_point([1, 1, 0, 0], [0.5, 0.4, 0.5, 0.1], 0.5)
    assert (found.sensitivity.count, found.sensitivity.n) == (1, 2)
    assert (found.specificity.count, found.specificity.n) == (1, 2)


def test_without_a_positive_unit_there_is_no_area_and_no_precision() -> None:
    assert stats.auc([0, 0], [1, 2]).reason == "one-class"
    assert stats.average_precision([0, 0], [1, 2]).reason == "one-class"
    assert stats.auc([], []).reason == "no-units"
    assert stats.average_precision([], []).reason == "no-units"
    assert stats.precision_recall([], []).prevalence is None
    assert np.isnan(stats.roc_curve([0, 0], [1, 2]).sensitivity).all()


@pytest.mark.parametrize(
    ("labels", "scores", "words"),
    [([9, 1], [0.1, 0.2], "label is 1 or 0"), ([1, 0], [0.1, math.nan], "finite"), ([1], [0.1, 0.2], "One score")],
)
def test_bad_labels_and_scores_are_refused(labels: list[int], scores: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        stats.auc(labels, scores)

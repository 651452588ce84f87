"""ROC curve, its area with DeLong's interval on the logit scale, and two areas compared on the same units.

AUC = P(X > Y) + P(X = Y)/2 for a positive unit X and a negative one Y. V10 of a positive unit is the share of negative
ones below it (ties half), V01 of a negative unit the share of positive ones above it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plaqueweb.agreement.stats.bootstrap import WeightedStatistic
from plaqueweb.agreement.stats.categorical import Diagnostic, diagnostic, divide
from plaqueweb.agreement.stats.clusters import clusters_of, subject_sums
from plaqueweb.agreement.stats.figures import MIN_SUBJECTS, Figure, Floats, Interval, Z
from plaqueweb.agreement.stats.quantiles import normal_two_sided


def labelled_scores(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], Floats]:
    """Checked labels (1 positive, 0 negative) and finite scores (larger: more likely positive), both shape (n,).

    Raises:
        ValueError: lengths differ, a label is not 0 or 1, or a score is not finite.
    """
    truth, values = np.asarray(labels, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != values.shape:
        raise ValueError(f"One score a label: got {truth.shape} labels and {values.shape} scores.")
    if not np.isin(truth, (0.0, 1.0)).all():
        raise ValueError("A label is 1 or 0; leave out units that nobody could assess, and count them.")
    if not np.isfinite(values).all():
        raise ValueError("Scores must be finite numbers.")
    return truth.astype(bool), values


@dataclass(frozen=True)
class RocCurve:
    """One point a threshold (score >= threshold is positive), from (0, 0) at infinity to (1, 1); shapes (t,)."""

    thresholds: Floats
    sensitivity: Floats
    false_positive_share: Floats


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> RocCurve:
    """All points of the empirical ROC curve, one for each distinct score and one at infinity.

    Shares are NaN where a class is missing. Raises ValueError as ``labelled_scores``.
    """
    truth, values = labelled_scores(labels, scores)
    order = np.argsort(-values, kind="stable")
    ranked, positive = values[order], truth[order]
    last = np.append(np.nonzero(np.diff(ranked))[0], ranked.size - 1) if ranked.size else np.zeros(0, dtype=np.intp)
    hits = np.concatenate([[0], np.cumsum(positive)[last]]).astype(np.float64)
    alarms = np.concatenate([[0], np.cumsum(~positive)[last]]).astype(np.float64)
    thresholds = np.concatenate([[np.inf], ranked[last]])
    total, negatives = np.full(hits.shape, truth.sum()), np.full(hits.shape, (~truth).sum())
    return RocCurve(thresholds, divide(hits, total.astype(float)), divide(alarms, negatives.astype(float)))


def operating_point(labels: ArrayLike, scores: ArrayLike, threshold: float, *, exact: bool = False) -> Diagnostic:
    """Sensitivity, specificity, predictive values and accuracy of "score >= threshold is positive"."""
    truth, values = labelled_scores(labels, scores)
    called = values >= threshold
    table = [
        [int((truth & called).sum()), int((truth & ~called).sum())],
        [int((~truth & called).sum()), int((~truth & ~called).sum())],
    ]
    return diagnostic(table, exact=exact)


def _midranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse.ravel()], dtype=np.float64)


def placements(truth: NDArray[np.bool_], scores: Floats) -> Floats:
    """V10 at the positive units and V01 at the negative ones, shape (n,); both classes must be there."""
    ranks = _midranks(scores)
    values = np.empty(scores.size, dtype=np.float64)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    values[truth] = (ranks[truth] - _midranks(scores[truth])) / negatives
    values[~truth] = 1 - (ranks[~truth] - _midranks(scores[~truth])) / positives
    return values


def _covariance(truth: NDArray[np.bool_], placed: Floats, index: NDArray[np.intp], count: int) -> Floats | None:
    """Covariance of m AUCs of the same units from their placements, shape (units, m); None when it needs more subjects.

    DeLong, DeLong, Clarke-Pearson 1988; with several units a subject Obuchowski 1997:
    Var = S10/n₁ + S01/n₀ + 2 S11/(n₁ n₀), S over subjects of the sums of V10 and V01 less their expectation.
    """
    positives, negatives = int(truth.sum()), int((~truth).sum())
    areas = placed[truth].mean(axis=0)
    centred = placed - areas
    up = subject_sums(centred * truth[:, np.newaxis], index, count)
    down = subject_sums(centred * ~truth[:, np.newaxis], index, count)
    with_positive = int(np.unique(index[truth]).size)
    with_negative = int(np.unique(index[~truth]).size)
    if with_positive < 2 or with_negative < 2:
        return None
    s10 = with_positive / (with_positive - 1) / positives * (up.T @ up)
    s01 = with_negative / (with_negative - 1) / negatives * (down.T @ down)
    cross = up.T @ down
    s11 = count / (count - 1) * (cross + cross.T) / 2
    return np.asarray(s10 / positives + s01 / negatives + 2 * s11 / (positives * negatives), dtype=np.float64)


def auc(labels: ArrayLike, scores: ArrayLike, subjects: Sequence[Any] | None = None) -> Figure:
    """Area under the ROC curve with DeLong's standard error and an interval on the logit scale.

    logit A ± z se / (A (1-A)), back-transformed, so that it stays within 0 to 1.
    Source: DeLong 1988; Pepe 2003, section 5.2.4 (logit); Obuchowski 1997 for several units a subject.

    Args:
        labels: 1 or 0. scores: larger is more likely 1. subjects: one a unit; None: units are independent.

    "one-class" without both classes. No interval below ``MIN_SUBJECTS`` subjects or with one subject in a class
    ("too-few"), nor at an area of 0 or 1 ("at-bound": its estimated variance is 0).

    Raises:
        ValueError: lengths differ, a label is not 0 or 1, or a score is not finite.
    """
    truth, values = labelled_scores(labels, scores)
    n = int(truth.size)
    if n == 0 or truth.all() or not truth.any():
        return Figure(None, n, reason="one-class" if n else "no-units")
    index, count = clusters_of(n, subjects)
    placed = placements(truth, values)
    area = float(placed[truth].mean())
    covariance = _covariance(truth, placed[:, np.newaxis], index, count)
    if covariance is None or count < MIN_SUBJECTS:
        return Figure(area, n, reason="too-few")
    se = math.sqrt(max(float(covariance[0, 0]), 0.0))
    spread = area * (1 - area)
    if spread < 1e-12 or se < 1e-12:
        return Figure(area, n, reason="at-bound")
    centre, half = math.log(area / (1 - area)), Z * se / spread
    return Figure(area, n, Interval(_logistic(centre - half), _logistic(centre + half), "logit"), se=se)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


@dataclass(frozen=True)
class AucDifference:
    """Two AUCs on the same units: first minus second, its standard error, z and two-sided p."""

    first: Figure
    second: Figure
    difference: Figure
    z: float | None
    p_value: float | None


def compare_auc(
    labels: ArrayLike, first: ArrayLike, second: ArrayLike, subjects: Sequence[Any] | None = None
) -> AucDifference:
    """Paired DeLong test of two scores on the same units: z = (A₁ - A₂) / √(Var₁ + Var₂ - 2 Cov).

    Source: DeLong 1988; with several units a subject Obuchowski 1997. z and p are None where an area is undefined,
    where there are too few subjects, and where both scores rank all units alike (the difference has no variance).

    Raises:
        ValueError: as ``auc``.
    """
    truth, one = labelled_scores(labels, first)
    _, two = labelled_scores(labels, second)
    areas = auc(labels, first, subjects), auc(labels, second, subjects)
    n = int(truth.size)
    if areas[0].value is None or areas[1].value is None:
        return AucDifference(*areas, Figure(None, n, reason=areas[0].reason), None, None)
    index, count = clusters_of(n, subjects)
    placed = np.column_stack([placements(truth, one), placements(truth, two)])
    covariance = _covariance(truth, placed, index, count)
    value = areas[0].value - areas[1].value
    if covariance is None or count < MIN_SUBJECTS:
        return AucDifference(*areas, Figure(value, n, reason="too-few"), None, None)
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if variance < 1e-15:
        return AucDifference(*areas, Figure(value, n, reason="no-spread"), None, None)
    se = math.sqrt(variance)
    interval = Interval(max(-1.0, value - Z * se), min(1.0, value + Z * se), "asymptotic")
    z = value / se
    return AucDifference(*areas, Figure(value, n, interval, se=se), z, normal_two_sided(z))


def auc_values(labels: ArrayLike, scores: ArrayLike) -> WeightedStatistic:
    """The AUC of resampled units as a statistic for ``with_interval``: weights (resamples, units) to (resamples,)."""
    truth, values = labelled_scores(labels, scores)
    order = np.argsort(values, kind="stable")
    ends = np.append(np.nonzero(np.diff(values[order]))[0], values.size - 1) if values.size else np.zeros(0, np.intp)
    positive = truth[order].astype(np.float64)

    def statistic(weights: Floats) -> Floats:
        ranked = weights[:, order]
        up = np.diff(np.cumsum(ranked * positive, axis=1)[:, ends], axis=1, prepend=0.0)
        reached = np.cumsum(ranked * (1 - positive), axis=1)[:, ends]
        below = reached - np.diff(reached, axis=1, prepend=0.0) / 2
        total = reached[:, -1] if values.size else np.zeros(weights.shape[0])
        return divide((up * below).sum(axis=1), up.sum(axis=1) * total)

    return statistic

"""Precision-recall curve and average precision. Both depend on the share of positive units: state it beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from plaqueweb.agreement.stats.bootstrap import WeightedStatistic, with_interval
from plaqueweb.agreement.stats.categorical import divide
from plaqueweb.agreement.stats.figures import Figure, Floats
from plaqueweb.agreement.stats.roc import labelled_scores


@dataclass(frozen=True)
class PrecisionRecall:
    """One point a distinct score, from the highest threshold down (score >= threshold is positive); shapes (t,).

    ``prevalence`` is the precision of calling every unit positive: the curve's floor.
    """

    thresholds: Floats
    precision: Floats
    recall: Floats
    prevalence: float | None


def precision_recall(labels: ArrayLike, scores: ArrayLike) -> PrecisionRecall:
    """Precision TP/(TP+FP) and recall TP/(TP+FN) at every distinct score; recall is NaN without a positive unit.

    Source: Davis and Goadrich 2006 (points are not joined by straight lines).

    Raises:
        ValueError: lengths differ, a label is not 0 or 1, or a score is not finite.
    """
    truth, values = labelled_scores(labels, scores)
    if truth.size == 0:
        empty = np.zeros(0)
        return PrecisionRecall(empty, empty, empty, None)
    order = np.argsort(-values, kind="stable")
    ranked, hits = values[order], np.cumsum(truth[order])
    last = np.append(np.nonzero(np.diff(ranked))[0], ranked.size - 1)
    found = hits[last].astype(np.float64)
    called = (last + 1).astype(np.float64)
    recall = divide(found, np.full(found.shape, float(truth.sum())))
    return PrecisionRecall(ranked[last], found / called, recall, float(truth.mean()))


def average_precision_values(labels: ArrayLike, scores: ArrayLike) -> WeightedStatistic:
    """Σ (R_t - R_{t-1}) P_t of resampled units: weights (resamples, units) to (resamples,); NaN without a positive."""
    truth, values = labelled_scores(labels, scores)
    order = np.argsort(-values, kind="stable")
    last = np.append(np.nonzero(np.diff(values[order]))[0], values.size - 1) if values.size else np.zeros(0, np.intp)
    positive = truth[order].astype(np.float64)

    def statistic(weights: Floats) -> Floats:
        ranked = weights[:, order]
        found = np.cumsum(ranked * positive, axis=1)[:, last]
        called = np.cumsum(ranked, axis=1)[:, last]
        gained = np.diff(found, axis=1, prepend=0.0)
        # A threshold that no drawn unit reaches gains nothing, whatever its precision.
        precision = np.where(called > 0, found / np.where(called > 0, called, 1.0), 0.0)
        total = found[:, -1] if found.shape[1] else np.zeros(weights.shape[0])
        return divide((gained * precision).sum(axis=1), total)

    return statistic


def average_precision(labels: ArrayLike, scores: ArrayLike, subjects: Sequence[Any] | None = None) -> Figure:
    """Average precision Σ (R_t - R_{t-1}) P_t over thresholds, with an interval over resampled subjects.

    Source: as in scikit-learn (step sum, no interpolation). "one-class" without a positive unit, "no-units" for none.

    Raises:
        ValueError: lengths differ, a label is not 0 or 1, or a score is not finite.
    """
    truth, _ = labelled_scores(labels, scores)
    n = int(truth.size)
    if not truth.any():
        return Figure(None, n, reason="one-class" if n else "no-units")
    statistic = average_precision_values(labels, scores)
    value = float(statistic(np.ones((1, n)))[0])
    return with_interval(Figure(value, n), statistic, list(range(n)) if subjects is None else subjects)

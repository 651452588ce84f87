"""A figure with its interval from resampled subjects: each drawn with replacement, with all that belongs to it.

Frames of one clip and clips of one patient are alike, so the subject is what is drawn. Source: Field and Welsh 2007,
"Bootstrapping clustered data", J R Stat Soc B 69:369-390.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""From weights (resamples, units), how often each unit was drawn, to one value a resample; NaN where undefined."""

RESAMPLES = 2000
SEED = 20210609
LEAST_SUBJECTS = 5
"""Fewer subjects give no interval: resampling them shows too little of what others would be like."""
_DEFINED = 0.9
_PLACES = 4


@dataclass(frozen=True)
class Figure:
    """A value with its 95 % interval, and how many subjects and units (clips, frames) it rests on.

    ``value`` is None where nothing could be counted; ``low`` and ``high`` are None where no interval can be given.
    """

    value: float | None
    low: float | None
    high: float | None
    subjects: int
    units: int
    unit: str = "subjects"


@lru_cache(maxsize=32)
def _draws(subjects: int) -> NDArray[np.uint16]:
    rng = np.random.default_rng((SEED, subjects))
    drawn = rng.integers(0, subjects, size=(RESAMPLES, subjects))
    drawn += np.arange(RESAMPLES)[:, None] * subjects
    counts = np.bincount(drawn.ravel(), minlength=RESAMPLES * subjects).reshape(RESAMPLES, subjects)
    return counts.astype(np.uint16)


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share of ``n`` (Wilson 1927). Raises ValueError for n below one."""
    if n < 1:
        raise ValueError("A share needs at least one subject.")
    z2 = 1.959964**2
    middle, half = share + z2 / (2 * n), float(np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))))
    return (middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n)


def figure(statistic: Statistic, subjects: Sequence[str], *, unit: str = "subjects", share: bool = False) -> Figure:
    """The statistic over all units with its percentile interval over resampled subjects.

    ``subjects`` names the subject of every unit. No interval is given for fewer than ``LEAST_SUBJECTS`` subjects, nor
    where the statistic is undefined in more than a tenth of the resamples. A ``share`` of exactly 0 or 1 varies in no
    resample; it takes Wilson's interval over the subjects instead of a width of zero.
    """
    units = len(subjects)
    if units == 0:
        return Figure(None, None, None, 0, 0, unit)
    names, index = np.unique(np.asarray(subjects), return_inverse=True)
    count = len(names)
    value = float(statistic(np.ones((1, units)))[0])
    if not np.isfinite(value):
        return Figure(None, None, None, count, units, unit)
    low = high = None
    if count >= LEAST_SUBJECTS:
        if share and value in (0.0, 1.0):
            low, high = wilson(value, count)
        else:
            values = np.asarray(statistic(_draws(count)[:, index].astype(np.float64)))
            values = values[np.isfinite(values)]
            if values.size >= _DEFINED * RESAMPLES:
                low, high = (float(v) for v in np.quantile(values, (0.025, 0.975)))
    return Figure(
        round(value, _PLACES),
        None if low is None else round(low, _PLACES),
        None if high is None else round(high, _PLACES),
        count,
        units,
        unit,
    )


def mean_of(values: Sequence[float]) -> Statistic:
    """The weighted mean of one value a unit."""
    v = np.asarray(values, dtype=np.float64)

    def statistic(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        return np.divide(weights @ v, total, out=np.full(len(weights), np.nan), where=total > 0)

    return statistic


def mean_of_subjects(values: Sequence[float], subjects: Sequence[str]) -> Statistic:
    """The mean over subjects of each subject's own mean: a long clip counts no more than a short one."""
    _, index, counts = np.unique(np.asarray(subjects), return_inverse=True, return_counts=True)
    share = 1.0 / counts[index]
    v = np.asarray(values, dtype=np.float64)

    def statistic(weights: Floats) -> Floats:
        w = weights * share
        total = w.sum(axis=1)
        return np.divide(w @ v, total, out=np.full(len(weights), np.nan), where=total > 0)

    return statistic


def spread_of(values: Sequence[float], multiple: float) -> Statistic:
    """Mean plus ``multiple`` standard deviations (n - 1): 1.96 and -1.96 give the limits of agreement."""
    v = np.asarray(values, dtype=np.float64)

    def statistic(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        fine = total > 1
        safe = np.where(fine, total, 2.0)
        mean = weights @ v / safe
        variance = np.maximum(weights @ v**2 - safe * mean**2, 0.0) / (safe - 1)
        return np.where(fine, mean + multiple * np.sqrt(variance), np.nan)

    return statistic


def auc_of(labels: Sequence[int], scores: Sequence[float]) -> Statistic:
    """The weighted area under the ROC curve, ties as one half; NaN where a resample holds one class only."""
    y, s = np.asarray(labels, dtype=bool), np.asarray(scores, dtype=np.float64)
    order = np.argsort(s, kind="stable")
    y, s = y[order], s[order]
    starts = np.flatnonzero(np.concatenate(([True], s[1:] != s[:-1])))

    def statistic(weights: Floats) -> Floats:
        w = weights[:, order]
        positive = np.add.reduceat(w * y, starts, axis=1)
        negative = np.add.reduceat(w * ~y, starts, axis=1)
        below = np.cumsum(negative, axis=1) - negative
        won = (positive * (below + 0.5 * negative)).sum(axis=1)
        pairs = positive.sum(axis=1) * negative.sum(axis=1)
        return np.divide(won, pairs, out=np.full(len(w), np.nan), where=pairs > 0)

    return statistic


def calibration_error_of(labels: Sequence[int], probabilities: Sequence[float], bins: NDArray[np.intp]) -> Statistic:
    """ECE with the bin of every unit fixed: the weighted mean gap between probability and label in each bin."""
    gap = np.asarray(probabilities, dtype=np.float64) - np.asarray(labels, dtype=np.float64)
    member = np.zeros((len(gap), int(bins.max(initial=0)) + 1))
    member[np.arange(len(gap)), bins] = 1.0

    def statistic(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        apart = np.abs((weights * gap) @ member).sum(axis=1)
        return np.divide(apart, total, out=np.full(len(weights), np.nan), where=total > 0)

    return statistic

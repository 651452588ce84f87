"""Does a probability of 0.7 come true seven times in ten? Brier score, calibration error, slope and intercept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plaqueweb.agreement.stats.categorical import divide
from plaqueweb.agreement.stats.clusters import clusters_of, interval_from_sums, subject_sums
from plaqueweb.agreement.stats.figures import MIN_SUBJECTS, Figure, Floats, Interval, Z
from plaqueweb.agreement.stats.intervals import proportion
from plaqueweb.agreement.stats.roc import labelled_scores

Binning = Literal["equal-mass", "equal-width"]
PROBABILITY_LIMIT = 1e-6
"""Probabilities are kept this far from 0 and 1 before their logit is taken."""
_ROUNDS = 50


def _checked(labels: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.bool_], Floats]:
    truth, p = labelled_scores(labels, probabilities)
    if ((p < 0) | (p > 1)).any():
        raise ValueError("Probabilities lie between 0 and 1.")
    return truth, p


def brier(labels: ArrayLike, probabilities: ArrayLike, subjects: Sequence[Any] | None = None) -> Figure:
    """Brier 1950: mean of (p - y)², 0 best; with an interval over resampled subjects. "no-units" for no unit.

    Raises:
        ValueError: lengths differ, a label is not 0 or 1, or a probability lies outside 0 to 1.
    """
    truth, p = _checked(labels, probabilities)
    n = int(truth.size)
    if n == 0:
        return Figure(None, 0, reason="no-units")
    squares = (p - truth) ** 2
    index, count = clusters_of(n, subjects)
    sums = subject_sums(np.column_stack([squares, np.ones(n)]), index, count)
    return interval_from_sums(Figure(float(squares.mean()), n), sums, lambda s: divide(s[:, 0], s[:, 1]))


@dataclass(frozen=True)
class Bin:
    """Units of one bin: their mean probability, and the observed share with its Wilson interval."""

    low: float
    high: float
    n: int
    mean_probability: float
    observed: Figure


def bin_numbers(probabilities: Floats, bins: int, binning: Binning) -> NDArray[np.intp]:
    """The bin 0..bins-1 of each unit, shape (n,).

    "equal-width": right-closed, ((b/B), (b+1)/B], 0 in the first. "equal-mass": by mid-rank, so that equal
    probabilities share a bin and the order of the units does not matter; with ties bins differ in size.

    Raises:
        ValueError: fewer than one bin or unknown binning.
    """
    if bins < 1:
        raise ValueError(f"At least one bin is needed; got {bins}.")
    if binning == "equal-width":
        # 0.3 * 10 is 3.0000000000000004 on some machines: an edge belongs to the bin below it.
        place = np.ceil(np.round(probabilities * bins, 9)) - 1
    elif binning == "equal-mass":
        _, inverse, counts = np.unique(probabilities, return_inverse=True, return_counts=True)
        middle = (np.cumsum(counts) - counts / 2)[inverse.ravel()]
        place = np.floor(middle / max(probabilities.size, 1) * bins)
    else:
        raise ValueError(f"Bins are equal-mass or equal-width; got {binning!r}.")
    return np.clip(place, 0, bins - 1).astype(np.intp)


def reliability(
    labels: ArrayLike, probabilities: ArrayLike, bins: int = 10, binning: Binning = "equal-mass"
) -> list[Bin]:
    """The reliability diagram: the bins that hold units, in order of probability. Raises as ``brier``."""
    truth, p = _checked(labels, probabilities)
    place = bin_numbers(p, bins, binning)
    found = []
    for number in np.unique(place):
        inside = place == number
        part, hits = p[inside], int(truth[inside].sum())
        observed = proportion(hits, int(inside.sum()))
        found.append(Bin(float(part.min()), float(part.max()), int(inside.sum()), float(part.mean()), observed))
    return found


def calibration_error(
    labels: ArrayLike,
    probabilities: ArrayLike,
    bins: int = 10,
    binning: Binning = "equal-mass",
    subjects: Sequence[Any] | None = None,
) -> Figure:
    """Expected calibration error Σ (n_b/n) abs(share_b - mean p_b), with an interval over resampled subjects.

    Source: Naeini, Cooper, Hauskrecht 2015; equal mass: Nixon 2019. The bins are made once, not anew in a resample.
    The error is biased upward in small samples (noise has no sign): read it beside the slope. "no-units" for no unit.

    Raises:
        ValueError: as ``brier``, or bins below 1.
    """
    truth, p = _checked(labels, probabilities)
    n = int(truth.size)
    if n == 0:
        return Figure(None, 0, reason="no-units")
    index, count = clusters_of(n, subjects)
    gaps = np.zeros((n, bins))
    gaps[np.arange(n), bin_numbers(p, bins, binning)] = truth - p
    sums = subject_sums(np.column_stack([gaps, np.ones(n)]), index, count)

    def statistic(drawn: Floats) -> Floats:
        return divide(np.abs(drawn[:, :-1]).sum(axis=1), drawn[:, -1])

    value = float(statistic(sums.sum(axis=0, keepdims=True))[0])
    return interval_from_sums(Figure(value, n), sums, statistic)


@dataclass(frozen=True)
class CalibrationFit:
    """logit P(y=1) = intercept + slope · logit p. Ideal: slope 1, intercept 0.

    ``slope`` below 1: probabilities too extreme. ``in_the_large`` is the intercept with the slope held at 1: below 0,
    probabilities too high on the whole.
    """

    slope: Figure
    intercept: Figure
    in_the_large: Figure


def calibration_fit(
    labels: ArrayLike, probabilities: ArrayLike, subjects: Sequence[Any] | None = None
) -> CalibrationFit:
    """Cox 1958: maximum-likelihood fit of the labels on logit p, probabilities kept 1e-6 from 0 and 1.

    Normal intervals from the information matrix; with several units a subject from the sandwich over subjects
    (Liang and Zeger 1986, factor K/(K-1)). No value with one class ("one-class"), when all probabilities are equal
    ("no-spread"; the intercept in the large still has one), or when the labels split at one probability
    ("separated"). No interval below ``MIN_SUBJECTS`` subjects ("too-few").

    Raises:
        ValueError: as ``brier``.
    """
    truth, p = _checked(labels, probabilities)
    n = int(truth.size)
    if n == 0 or truth.all() or not truth.any():
        nothing = Figure(None, n, reason="one-class" if n else "no-units")
        return CalibrationFit(nothing, nothing, nothing)
    kept = np.clip(p, PROBABILITY_LIMIT, 1 - PROBABILITY_LIMIT)
    logit = np.log(kept) - np.log1p(-kept)
    index, count = clusters_of(n, subjects)
    clusters = (index, count) if count < n else None
    (large,) = _fit(np.ones((n, 1)), truth, logit, clusters, count)
    if np.ptp(logit) < 1e-9:
        flat = Figure(None, n, reason="no-spread")
        return CalibrationFit(flat, flat, large)
    if _separated(truth, logit):
        apart = Figure(None, n, reason="separated")
        return CalibrationFit(apart, apart, large)
    intercept, slope = _fit(np.column_stack([np.ones(n), logit]), truth, np.zeros(n), clusters, count)
    return CalibrationFit(slope, intercept, large)


def _separated(truth: NDArray[np.bool_], logit: Floats) -> bool:
    up, down = logit[truth], logit[~truth]
    return bool(up.min() >= down.max() or up.max() <= down.min())


def _log_likelihood(truth: NDArray[np.bool_], eta: Floats) -> float:
    return float((truth * eta - np.logaddexp(0.0, eta)).sum())


def _fit(
    design: Floats,
    truth: NDArray[np.bool_],
    offset: Floats,
    clusters: tuple[NDArray[np.intp], int] | None,
    count: int,
) -> list[Figure]:
    """Logistic regression by Newton's method with halved steps; one figure a column of ``design``, shape (n, k)."""
    beta = np.zeros(design.shape[1])
    best = _log_likelihood(truth, offset)
    for _ in range(_ROUNDS):
        fitted = _logistic(offset + design @ beta)
        information = design.T @ (design * (fitted * (1 - fitted))[:, np.newaxis])
        step = np.linalg.solve(information, design.T @ (truth - fitted))
        while _log_likelihood(truth, offset + design @ (beta + step)) < best - 1e-12 and np.abs(step).max() > 1e-12:
            step = step / 2
        beta = beta + step
        best = _log_likelihood(truth, offset + design @ beta)
        if np.abs(step).max() < 1e-10:
            break
    fitted = _logistic(offset + design @ beta)
    covariance = np.linalg.inv(design.T @ (design * (fitted * (1 - fitted))[:, np.newaxis]))
    if clusters is not None and count > 1:
        scores = subject_sums(design * (truth - fitted)[:, np.newaxis], *clusters)
        covariance = covariance @ (scores.T @ scores) @ covariance * count / (count - 1)
    return [_figure(float(b), float(v), truth.size, count) for b, v in zip(beta, np.diag(covariance), strict=True)]


def _logistic(eta: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0.0, -eta)), dtype=np.float64)


def _figure(value: float, variance: float, n: int, count: int) -> Figure:
    if count < MIN_SUBJECTS:
        return Figure(value, n, reason="too-few")
    se = math.sqrt(max(variance, 0.0))
    return Figure(value, n, Interval(value - Z * se, value + Z * se, "asymptotic"), se=se)

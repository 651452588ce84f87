"""Limits of agreement beyond one pair a subject: repeated measures, replicates, ratios.

d = a - b, in the unit of the measurement. ``continuous.bland_altman`` is the plain case, ``proportional`` has the bias
that grows with the size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from plaqueweb.agreement.stats.clusters import clusters_of
from plaqueweb.agreement.stats.continuous import LIMIT_FACTOR, as_pair
from plaqueweb.agreement.stats.figures import MIN_SUBJECTS, Interval, Reason
from plaqueweb.agreement.stats.quantiles import chi_square_quantile


@dataclass(frozen=True)
class RepeatedLimits:
    """Bias and limits for one new measurement of each method; ``between`` and ``within`` are standard deviations.

    ``sd`` and the limits are None below two subjects ("too-few"); intervals are None below ``MIN_SUBJECTS``.
    """

    n: int
    subjects: int
    bias: float | None
    sd: float | None
    between: float | None
    within: float | None
    lower: float | None
    upper: float | None
    bias_interval: Interval | None = None
    lower_interval: Interval | None = None
    upper_interval: Interval | None = None
    reason: Reason = ""


def repeated_limits(a: Sequence[float], b: Sequence[float], subjects: Sequence[Any]) -> RepeatedLimits:
    """Limits of agreement with several pairs a subject whose true value may differ from pair to pair.

    With subject means d̄_i of m_i pairs, their variance s_m², the pooled variance within subjects s_w² and the
    harmonic mean m_h: bias = mean of d̄_i, sd² = s_m² + (1 - 1/m_h) s_w², limits bias ± 1.96 sd. Equal m_i give the
    analysis of variance of Bland and Altman 2007, section 3. Each subject weighs the same.
    Intervals: bias ± z s_m/√K; limits by MOVER with chi-square limits of the two variances. Source: Zou 2013.

    Raises:
        ValueError: lengths differ or a value is not finite.
    """
    first, second = as_pair(a, b)
    n = int(first.size)
    index, count = clusters_of(n, subjects)
    if n == 0:
        return RepeatedLimits(0, 0, None, None, None, None, None, None, reason="no-units")
    difference = first - second
    pairs = np.bincount(index, minlength=count).astype(np.float64)
    means = np.bincount(index, weights=difference, minlength=count) / pairs
    bias = float(means.mean())
    if count < 2:
        return RepeatedLimits(n, count, bias, None, None, None, None, None, reason="too-few")
    inside = float(((difference - means[index]) ** 2).sum()) / (n - count) if n > count else 0.0
    harmonic = count / float((1 / pairs).sum())
    variance_of_means = float(means.var(ddof=1))
    extra = (1 - 1 / harmonic) * inside
    sd = math.sqrt(variance_of_means + extra)
    between = math.sqrt(max(variance_of_means - inside / harmonic, 0.0))
    lower, upper = bias - LIMIT_FACTOR * sd, bias + LIMIT_FACTOR * sd
    known = RepeatedLimits(n, count, bias, sd, between, math.sqrt(inside), lower, upper)
    if count < MIN_SUBJECTS:
        return replace(known, reason="too-few")
    of_bias, of_lower, of_upper = _mover(bias, variance_of_means, extra, count, n)
    return replace(known, bias_interval=of_bias, lower_interval=of_lower, upper_interval=of_upper)


def _mover(bias: float, of_means: float, extra: float, k: int, n: int) -> tuple[Interval, Interval, Interval]:
    """Method of variance estimates recovery (Zou 2013), k subjects, n pairs: (bias, lower limit, upper limit)."""
    variance = of_means + extra
    down = (of_means * (1 - (k - 1) / chi_square_quantile(0.975, k - 1))) ** 2
    up = (of_means * ((k - 1) / chi_square_quantile(0.025, k - 1) - 1)) ** 2
    if n > k:
        down += (extra * (1 - (n - k) / chi_square_quantile(0.975, n - k))) ** 2
        up += (extra * ((n - k) / chi_square_quantile(0.025, n - k) - 1)) ** 2
    sd = math.sqrt(variance)
    low_sd, high_sd = math.sqrt(max(variance - math.sqrt(down), 0.0)), math.sqrt(variance + math.sqrt(up))
    of_bias = LIMIT_FACTOR**2 * of_means / k
    inward = math.sqrt(of_bias + (LIMIT_FACTOR * (sd - low_sd)) ** 2)
    outward = math.sqrt(of_bias + (LIMIT_FACTOR * (high_sd - sd)) ** 2)
    lower, upper, half = bias - LIMIT_FACTOR * sd, bias + LIMIT_FACTOR * sd, math.sqrt(of_bias)
    return (
        Interval(bias - half, bias + half, "asymptotic"),
        Interval(lower - outward, lower + inward, "mover"),
        Interval(upper - inward, upper + outward, "mover"),
    )


@dataclass(frozen=True)
class ReplicateLimits:
    """Limits from replicates that were not taken in pairs; ``repeatability_*`` is 1.96 √2 s_w of each method."""

    subjects: int
    bias: float | None
    sd: float | None
    lower: float | None
    upper: float | None
    repeatability_a: float | None
    repeatability_b: float | None
    reason: Reason = ""


def replicate_limits(a: ArrayLike, b: ArrayLike) -> ReplicateLimits:
    """Limits for single measurements when each method measured each subject several times, its true value constant.

    sd² = Var(ā_i - b̄_i) + (1 - 1/m_a) s_wa² + (1 - 1/m_b) s_wb². Source: Bland and Altman 1986, 1999 section 5.1.

    Args:
        a, b: shapes (subjects, m_a) and (subjects, m_b), m >= 2.

    "too-few" below two subjects.

    Raises:
        ValueError: the subjects differ in number, a method has one replicate, or a value is not finite.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.ndim != 2 or second.ndim != 2 or first.shape[0] != second.shape[0]:
        raise ValueError(f"Two methods need replicates of the same subjects; got {first.shape} and {second.shape}.")
    if first.shape[1] < 2 or second.shape[1] < 2:
        raise ValueError("Each method needs at least two replicates a subject.")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("Measurements must be finite numbers.")
    count = int(first.shape[0])
    if count < 2:
        return ReplicateLimits(count, None, None, None, None, None, None, reason="too-few")
    of_means = first.mean(axis=1) - second.mean(axis=1)
    noise = [float(x.var(axis=1, ddof=1).mean()) for x in (first, second)]
    added = sum((1 - 1 / x.shape[1]) * s for x, s in zip((first, second), noise, strict=True))
    bias, sd = float(of_means.mean()), math.sqrt(float(of_means.var(ddof=1)) + added)
    of_a, of_b = (LIMIT_FACTOR * math.sqrt(2 * s) for s in noise)
    return ReplicateLimits(count, bias, sd, bias - LIMIT_FACTOR * sd, bias + LIMIT_FACTOR * sd, of_a, of_b)


@dataclass(frozen=True)
class RatioLimits:
    """Mean ratio a/b (geometric) and limits within which 95 % of the ratios lie; unit-free."""

    n: int
    ratio: float | None
    lower: float | None
    upper: float | None
    reason: Reason = ""


def ratio_limits(a: Sequence[float], b: Sequence[float]) -> RatioLimits:
    """exp(mean ± 1.96 s) of log a - log b: for a spread that grows with the size. Source: Bland and Altman 1999, 3.1.

    "too-few" below two pairs.

    Raises:
        ValueError: a measurement is not above 0, lengths differ, or a value is not finite.
    """
    first, second = as_pair(a, b)
    if (first <= 0).any() or (second <= 0).any():
        raise ValueError("Ratios need measurements above 0.")
    n = int(first.size)
    if n == 0:
        return RatioLimits(0, None, None, None, reason="no-units")
    logs = np.log(first) - np.log(second)
    centre = float(logs.mean())
    if n < 2:
        return RatioLimits(n, math.exp(centre), None, None, reason="too-few")
    half = LIMIT_FACTOR * float(logs.std(ddof=1))
    return RatioLimits(n, math.exp(centre), math.exp(centre - half), math.exp(centre + half))

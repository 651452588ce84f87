"""Two methods that both measure with error, as a straight line: Deming's and Passing and Bablok's regression.

b = intercept + slope · a; slope 1 and intercept 0 mean that the methods agree. Units: those of the measurements.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plaqueweb.agreement.stats.categorical import divide
from plaqueweb.agreement.stats.clusters import clusters_of, subject_sums
from plaqueweb.agreement.stats.continuous import as_pair
from plaqueweb.agreement.stats.figures import MIN_SUBJECTS, Figure, Floats, Interval, Z
from plaqueweb.agreement.stats.quantiles import t_quantile

MAX_PAIRS = 5000
"""Passing and Bablok's line looks at every two pairs: memory grows with the square."""


@dataclass(frozen=True)
class Line:
    """b = intercept + slope · a."""

    slope: Figure
    intercept: Figure


def _deming_values(sums: Floats, ratio: float) -> tuple[Floats, Floats]:
    """Slope and intercept from sums [n, Σa, Σb, Σa², Σb², Σab], shape (..., 6); NaN where a and b do not co-vary."""
    n, a, b, aa, bb, ab = (sums[..., column] for column in range(6))
    ma, mb = divide(a, n), divide(b, n)
    saa, sbb, sab = aa - n * ma**2, bb - n * mb**2, ab - n * ma * mb
    apart = sbb - ratio * saa
    root = np.sqrt(apart**2 + 4 * ratio * sab**2)
    scale = np.abs(saa) + np.abs(sbb) + 1e-300
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(np.abs(sab) > 1e-12 * scale, (apart + root) / (2 * sab), np.nan)
    return np.asarray(slope), np.asarray(mb - slope * ma)


def deming(a: Sequence[float], b: Sequence[float], ratio: float = 1.0, subjects: Sequence[Any] | None = None) -> Line:
    """Deming's line, β = [s_bb - λs_aa + √((s_bb - λs_aa)² + 4λs_ab²)] / (2 s_ab), α = b̄ - β ā.

    Intervals: jackknife over subjects with t, K-1 degrees of freedom. Source: Deming 1943; Linnet 1990, 1993.

    Args:
        a, b: shape (n,). ratio: λ, the error variance of b over that of a (1: equal errors, orthogonal regression).
        subjects: one a pair; None: pairs are independent.

    "too-few" below three pairs (no value) or ``MIN_SUBJECTS`` subjects (no interval), "no-spread" without covariance.

    Raises:
        ValueError: lengths differ, a value is not finite, or the ratio is not above 0.
    """
    if not (math.isfinite(ratio) and ratio > 0):
        raise ValueError(f"The ratio of error variances is above 0; got {ratio}.")
    first, second = as_pair(a, b)
    n = int(first.size)
    if n < 3:
        nothing = Figure(None, n, reason="too-few" if n else "no-units")
        return Line(nothing, nothing)
    index, count = clusters_of(n, subjects)
    # Sums near the means keep their digits; the intercept moves back at the end.
    ma, mb = float(first.mean()), float(second.mean())
    x, y = first - ma, second - mb
    sums = subject_sums(np.column_stack([np.ones(n), x, y, x**2, y**2, x * y]), index, count)
    total = sums.sum(axis=0)
    slope, centred = (float(value) for value in _deming_values(total, ratio))
    if not math.isfinite(slope):
        flat = Figure(None, n, reason="no-spread")
        return Line(flat, flat)
    intercept = centred + mb - slope * ma
    if count < MIN_SUBJECTS:
        return Line(Figure(slope, n, reason="too-few"), Figure(intercept, n, reason="too-few"))
    slopes, centres = _deming_values(total - sums, ratio)
    left_out = slopes, centres + mb - slopes * ma
    return Line(_jackknife(slope, left_out[0], n), _jackknife(intercept, left_out[1], n))


def _jackknife(value: float, left_out: Floats, n: int) -> Figure:
    """From the values without each subject: se² = (K-1)/K Σ (θ_(k) - θ̄)². Source: Efron and Tibshirani 1993."""
    if not np.isfinite(left_out).all():
        return Figure(value, n, reason="undefined-resamples")
    count = left_out.size
    se = math.sqrt((count - 1) / count * float(((left_out - left_out.mean()) ** 2).sum()))
    half = t_quantile(0.975, count - 1) * se
    return Figure(value, n, Interval(value - half, value + half, "jackknife"), se=se)


def passing_bablok(a: Sequence[float], b: Sequence[float]) -> Line:
    """Passing and Bablok's line: the shifted median of the slopes between all two pairs; one pair a subject.

    Slopes of -1 and of equal pairs are left out, K slopes lie below -1: slope = median of the ordered slopes moved up
    by K, intercept = median(b - slope a). Interval of the slope: ranks M ± z √(n(n-1)(2n+5)/18) / 2, moved by K; of
    the intercept: medians at the ends of the slope's. Outliers hardly matter. Source: Passing and Bablok 1983.

    "too-few" below three pairs (no value) or ``MIN_SUBJECTS`` pairs (no interval), "no-spread" when no slope is left or
    the median is vertical.

    Raises:
        ValueError: lengths differ, a value is not finite, or more than ``MAX_PAIRS`` pairs.
    """
    first, second = as_pair(a, b)
    n = int(first.size)
    if n > MAX_PAIRS:
        raise ValueError(f"Passing and Bablok's line takes up to {MAX_PAIRS} pairs; got {n}. Use Deming's.")
    if n < 3:
        nothing = Figure(None, n, reason="too-few" if n else "no-units")
        return Line(nothing, nothing)
    slopes = _pair_slopes(first, second)
    count, shift = slopes.size, int((slopes < -1).sum())
    slope = _shifted_median(slopes, shift)
    if slope is None:
        flat = Figure(None, n, reason="no-spread")
        return Line(flat, flat)
    intercept = float(np.median(second - slope * first))
    if n < MIN_SUBJECTS:
        return Line(Figure(slope, n, reason="too-few"), Figure(intercept, n, reason="too-few"))
    reach = Z * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low_rank = round((count - reach) / 2)
    high_rank = count - low_rank + 1
    if low_rank + shift < 1 or high_rank + shift > count:
        return Line(Figure(slope, n, reason="too-few"), Figure(intercept, n, reason="too-few"))
    low, high = float(slopes[low_rank + shift - 1]), float(slopes[high_rank + shift - 1])
    if not (math.isfinite(low) and math.isfinite(high)):
        return Line(Figure(slope, n, reason="no-spread"), Figure(intercept, n, reason="no-spread"))
    ends = float(np.median(second - high * first)), float(np.median(second - low * first))
    return Line(Figure(slope, n, Interval(low, high, "rank")), Figure(intercept, n, Interval(*ends, "rank")))


def _pair_slopes(a: Floats, b: Floats) -> Floats:
    """Sorted slopes between all two pairs, without equal pairs and without slopes of -1; infinite where a is equal."""
    left, right = np.triu_indices(a.size, k=1)
    across, up = a[right] - a[left], b[right] - b[left]
    kept = (across != 0) | (up != 0)
    across, up = across[kept], up[kept]
    steep = np.where(up < 0, -np.inf, np.inf)
    slopes = np.where(across != 0, up / np.where(across != 0, across, 1.0), steep)
    return np.sort(slopes[slopes != -1])


def _shifted_median(slopes: Floats, shift: int) -> float | None:
    count = slopes.size
    middle = ((count - 1) // 2 + shift, count // 2 + shift)
    if count == 0 or middle[1] >= count:
        return None
    value = float(slopes[middle[0]] + slopes[middle[1]]) / 2
    return value if math.isfinite(value) else None

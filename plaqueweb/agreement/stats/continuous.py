"""Agreement of two measurements of the same thing, in its unit (millimetres for thickness)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plaqueweb.agreement.stats.bootstrap import bootstrap_values, cluster_index
from plaqueweb.agreement.stats.figures import MIN_SUBJECTS, Figure, Floats, Interval, Reason, finite
from plaqueweb.agreement.stats.intervals import proportion

LIMIT_FACTOR = 1.96


def as_pair(a: Sequence[float], b: Sequence[float]) -> tuple[Floats, Floats]:
    """Two checked lists of measurements in one unit, shape (n,). Raises ValueError on lengths or values not finite."""
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"Two methods need equally long lists; got {first.shape} and {second.shape}.")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("Measurements must be finite numbers.")
    return first, second


@dataclass(frozen=True)
class BlandAltman:
    """Bias and limits of agreement of a - b, in the unit of the measurement.

    ``sd`` and the limits are None below two pairs. The intervals are None, with ``reason`` "too-few", below ten
    subjects, and "no-units" without a pair.
    """

    n: int
    subjects: int
    bias: float | None
    sd: float | None
    lower: float | None
    upper: float | None
    bias_interval: Interval | None = None
    lower_interval: Interval | None = None
    upper_interval: Interval | None = None
    reason: Reason = ""

    def as_dict(self) -> dict[str, Any]:
        intervals = {
            name: interval.as_dict() if interval else None
            for name, interval in (
                ("bias_interval", self.bias_interval),
                ("lower_interval", self.lower_interval),
                ("upper_interval", self.upper_interval),
            )
        }
        numbers = {"bias": self.bias, "sd": self.sd, "lower": self.lower, "upper": self.upper}
        return {"n": self.n, "subjects": self.subjects, **numbers, **intervals, "reason": self.reason}


def bland_altman(a: Sequence[float], b: Sequence[float], subjects: Sequence[Any] | None = None) -> BlandAltman:
    """Bias d̄ of d = a - b, its standard deviation s, limits d̄ ± 1.96 s, and their 95 % intervals.

    Independent pairs (one a subject): d̄ ± t s/√n, and limit ± t s √(1/n + 1.96² / (2(n-1))), t with n-1 degrees of
    freedom. Source: Bland and Altman 1986, 1999. Several pairs a subject: the intervals come from resampled
    subjects, since pairs of one subject are alike.

    Args:
        a, b: measurements in one unit, shape (n,). subjects: one label a pair; None: every pair its own subject.

    Raises:
        ValueError: lengths differ or a value is not finite.
    """
    first, second = as_pair(a, b)
    labels = list(range(first.size)) if subjects is None else list(subjects)
    if len(labels) != first.size:
        raise ValueError(f"One subject a pair: {first.size} pairs, {len(labels)} subjects.")
    difference = first - second
    n, (_, count) = int(first.size), cluster_index(labels)
    if n == 0:
        return BlandAltman(0, 0, None, None, None, None, reason="no-units")
    bias = float(difference.mean())
    if n == 1:
        return BlandAltman(1, 1, bias, None, None, None, reason="too-few")
    sd = float(difference.std(ddof=1))
    lower, upper = bias - LIMIT_FACTOR * sd, bias + LIMIT_FACTOR * sd
    if count < MIN_SUBJECTS:
        return BlandAltman(n, count, bias, sd, lower, upper, reason="too-few")
    intervals = _t_intervals(bias, sd, n) if count == n else _subject_intervals(difference, labels)
    return BlandAltman(n, count, bias, sd, lower, upper, *intervals)


def _t_intervals(bias: float, sd: float, n: int) -> tuple[Interval, Interval, Interval]:
    # Loaded on first use: the web process stays small.
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    t = float(stdtrit(n - 1, 0.975))
    of_bias = t * sd / np.sqrt(n)
    of_limit = t * sd * np.sqrt(1 / n + LIMIT_FACTOR**2 / (2 * (n - 1)))
    centres = ((bias, of_bias), (bias - LIMIT_FACTOR * sd, of_limit), (bias + LIMIT_FACTOR * sd, of_limit))
    one, two, three = (Interval(float(c - half), float(c + half), "t") for c, half in centres)
    return one, two, three


def _subject_intervals(difference: Floats, subjects: Sequence[Any]) -> tuple[Interval, Interval, Interval]:
    def parts(weights: Floats) -> tuple[Floats, Floats]:
        total = weights.sum(axis=1)
        mean = weights @ difference / total
        squares = weights @ difference**2 - total * mean**2
        return mean, np.sqrt(np.maximum(squares, 0.0) / np.maximum(total - 1, 1))

    def interval(factor: float) -> Interval:
        values = bootstrap_values(lambda w: parts(w)[0] + factor * parts(w)[1], subjects)
        low, high = np.percentile(values, [2.5, 97.5])
        return Interval(float(low), float(high), "subject bootstrap")

    return interval(0.0), interval(-LIMIT_FACTOR), interval(LIMIT_FACTOR)


def mean_absolute_error(a: Sequence[float], b: Sequence[float]) -> Figure:
    """Mean of |a - b| in the unit of the measurement; no value without a pair."""
    first, second = as_pair(a, b)
    if first.size == 0:
        return Figure(None, 0, reason="no-units")
    return Figure(float(np.abs(first - second).mean()), int(first.size))


def within(a: Sequence[float], b: Sequence[float], limit: float) -> Figure:
    """Share of pairs with |a - b| <= limit (same unit), with its Wilson interval.

    A difference that equals the limit as decimals counts as within, although 4.6 - 4.1 is not 0.5 in binary.
    """
    first, second = as_pair(a, b)
    close = np.abs(first - second) <= limit + 1e-9
    return proportion(int(close.sum()), int(first.size))


def concordance(a: Sequence[float], b: Sequence[float]) -> Figure:
    """Lin 1989: 2 s_ab / (s_a² + s_b² + (ā - b̄)²) with sums divided by n as in his paper; unit-free, -1 to 1.

    No value below two pairs ("no-units") and when neither method varies and both are equal ("no-spread").
    """
    first, second = as_pair(a, b)
    n = int(first.size)
    if n < 2:
        return Figure(None, n, reason="no-units")
    covariance = float(((first - first.mean()) * (second - second.mean())).mean())
    spread = first.var() + second.var() + (first.mean() - second.mean()) ** 2
    value = finite(2 * covariance / spread) if spread > 0 else None
    return Figure(value, n, reason="" if value is not None else "no-spread")

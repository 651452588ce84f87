"""A bias between two methods that grows with the size of what is measured, and limits of agreement that follow it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plaqueweb.agreement.stats.categorical import divide
from plaqueweb.agreement.stats.clusters import clusters_of, interval_from_sums, subject_sums
from plaqueweb.agreement.stats.continuous import LIMIT_FACTOR, as_pair
from plaqueweb.agreement.stats.figures import MIN_SUBJECTS, Figure, Floats, Interval, Reason
from plaqueweb.agreement.stats.quantiles import t_quantile, t_two_sided


@dataclass(frozen=True)
class ProportionalBias:
    """d = intercept + slope · (a+b)/2, and limits that follow it: fitted ± 1.96 (spread_intercept + spread_slope · x).

    ``p_value`` tests slope 0 (two-sided t); None where the interval comes from resampled subjects.
    """

    slope: Figure
    intercept: Figure
    p_value: float | None
    spread_intercept: float | None
    spread_slope: float | None

    def limits(self, size: float) -> tuple[float, float] | None:
        """Limits of agreement at a mean of ``size``; None where the regression is undefined."""
        if self.slope.value is None or self.intercept.value is None:
            return None
        if self.spread_intercept is None or self.spread_slope is None:
            return None
        centre = self.intercept.value + self.slope.value * size
        half = LIMIT_FACTOR * max(self.spread_intercept + self.spread_slope * size, 0.0)
        return centre - half, centre + half


def _line_values(sums: Floats, which: int) -> Floats:
    """Intercept (0) and slope (1) of y on x from [n, Σx, Σy, Σx², Σxy], shape (..., 5); NaN without spread in x."""
    n, x, y, xx, xy = (sums[..., column] for column in range(5))
    spread = n * xx - x**2
    slope = divide(n * xy - x * y, np.where(spread > 1e-9 * n, spread, 0.0))
    return slope if which else divide(y - slope * x, n)


def proportional_bias(
    a: Sequence[float], b: Sequence[float], subjects: Sequence[Any] | None = None
) -> ProportionalBias:
    """Does the difference grow with the size? Least squares of a - b on (a+b)/2, with t intervals.

    The spread: absolute residuals regressed on the size, times √(π/2), as standard deviation.
    Source: Bland and Altman 1999, section 3.2. Where a subject repeats the intervals come from resampled subjects.
    A slope also appears when the two methods differ in spread alone; Deming's regression is the cross-check.

    "too-few" below three pairs, "no-spread" when all sizes are equal.

    Raises:
        ValueError: lengths differ or a value is not finite.
    """
    first, second = as_pair(a, b)
    n, size, difference = int(first.size), (first + second) / 2, first - second
    if n < 3:
        nothing = Figure(None, n, reason="too-few" if n else "no-units")
        return ProportionalBias(nothing, nothing, None, None, None)
    # Near their mean the sums keep their digits; the intercept moves back below.
    centre = float(size.mean())
    x = size - centre
    columns = np.column_stack([np.ones(n), x, difference, x**2, x * difference])
    total = columns.sum(axis=0)
    slope, middle = float(_line_values(total, 1)), float(_line_values(total, 0))
    if not math.isfinite(slope):
        flat = Figure(None, n, reason="no-spread")
        return ProportionalBias(flat, flat, None, None, None)
    intercept = middle - slope * centre
    residuals = np.abs(difference - middle - slope * x) * math.sqrt(math.pi / 2)
    spread_slope = float((residuals * x).sum() / (x**2).sum())
    spread = (float(residuals.mean()) - spread_slope * centre, spread_slope)
    index, count = clusters_of(n, subjects)
    figures = Figure(slope, n), Figure(intercept, n)
    if count < n:
        sums = subject_sums(columns, index, count)
        of_slope = interval_from_sums(figures[0], sums, lambda s: _line_values(s, 1))
        of_intercept = interval_from_sums(figures[1], sums, lambda s: _line_values(s, 0) - centre * _line_values(s, 1))
        return ProportionalBias(of_slope, of_intercept, None, *spread)
    return _with_t(slope, intercept, difference - middle - slope * x, x, centre, spread)


def _with_t(
    slope: float, intercept: float, residuals: Floats, x: Floats, centre: float, spread: tuple[float, float]
) -> ProportionalBias:
    n = int(x.size)
    squares = float((x**2).sum())
    error = math.sqrt(float((residuals**2).sum()) / (n - 2))
    if n < MIN_SUBJECTS or error == 0:
        reason: Reason = "too-few" if n < MIN_SUBJECTS else "at-bound"
        return ProportionalBias(Figure(slope, n, reason=reason), Figure(intercept, n, reason=reason), None, *spread)
    t = t_quantile(0.975, n - 2)
    ses = error / math.sqrt(squares), error * math.sqrt(1 / n + centre**2 / squares)
    of_slope, of_intercept = (
        Figure(value, n, Interval(value - t * se, value + t * se, "t"), se=se)
        for value, se in zip((slope, intercept), ses, strict=True)
    )
    return ProportionalBias(of_slope, of_intercept, t_two_sided(slope / ses[0], n - 2), *spread)

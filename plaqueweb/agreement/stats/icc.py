"""Intraclass correlation of k readers who measured the same n units once each.

Mean squares of the two-way table: rows MSR (n-1), readers MSC (k-1), error MSE ((n-1)(k-1)), within rows MSW (n(k-1)).
Source: Shrout and Fleiss 1979; intervals McGraw and Wong 1996, table 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from plaqueweb.agreement.stats.categorical import divide
from plaqueweb.agreement.stats.clusters import clusters_of, interval_from_sums, subject_sums
from plaqueweb.agreement.stats.figures import Figure, Floats, Interval, finite
from plaqueweb.agreement.stats.quantiles import f_quantile

Form = Literal["one-way", "agreement", "consistency"]
"""One-way: readers differ from unit to unit, ICC(1). Agreement: readers are a sample and their bias counts, ICC(2).
Consistency: these readers only, a constant bias does not count, ICC(3)."""


@dataclass(frozen=True)
class Anova:
    """Mean squares of an (n, k) table; each float or array of one shape."""

    n: Floats
    k: int
    rows: Floats
    readers: Floats
    error: Floats
    within: Floats


def icc_columns(ratings: Floats) -> Floats:
    """What a unit adds, shape (n, k + 3): [1, x_1 … x_k, (Σ_j x_j)², Σ_j x_j²], of ratings near 0 (see ``icc``)."""
    total = ratings.sum(axis=1)
    return np.column_stack([np.ones(len(ratings)), ratings, total**2, (ratings**2).sum(axis=1)])


def mean_squares(sums: Floats) -> Anova:
    """The two-way analysis of variance from sums of ``icc_columns``, shape (..., k + 3); NaN where n < 2."""
    k = sums.shape[-1] - 3
    n, readers, squared_totals, squares = sums[..., 0], sums[..., 1:-2], sums[..., -2], sums[..., -1]
    grand = divide(readers.sum(axis=-1) ** 2, n * k)
    between_rows = squared_totals / k - grand
    between_readers = divide((readers**2).sum(axis=-1), n) - grand
    total = squares - grand
    # Rounding may leave a little below nothing where all readers agree.
    error = np.maximum(total - between_rows - between_readers, 0.0)
    return Anova(
        n=n,
        k=k,
        rows=divide(np.maximum(between_rows, 0.0), n - 1),
        readers=np.asarray(np.maximum(between_readers, 0.0) / (k - 1), dtype=np.float64),
        error=divide(error, (n - 1) * (k - 1)),
        within=divide(np.maximum(total - between_rows, 0.0), n * (k - 1)),
    )


def icc_values(sums: Floats, form: Form, *, average: bool = False) -> Floats:
    """The ICC from sums of ``icc_columns``, shape (..., k + 3); NaN where the units do not differ at all."""
    a = mean_squares(sums)
    if form == "one-way":
        top, single, mean = a.rows - a.within, a.rows + (a.k - 1) * a.within, a.rows
    elif form == "agreement":
        top, bias = a.rows - a.error, divide(a.readers - a.error, np.asarray(a.n))
        single, mean = a.rows + (a.k - 1) * a.error + a.k * bias, a.rows + bias
    elif form == "consistency":
        top, single, mean = a.rows - a.error, a.rows + (a.k - 1) * a.error, a.rows
    else:
        raise ValueError(f"The form of an ICC is one-way, agreement or consistency; got {form!r}.")
    bottom = mean if average else single
    return divide(top, np.where(bottom > 1e-12, bottom, 0.0))


def icc(
    ratings: Any, form: Form = "agreement", *, average: bool = False, subjects: Sequence[Any] | None = None
) -> Figure:
    """ICC(1,·), ICC(2,·) or ICC(3,·) of a complete table of ratings, shape (n units, k readers), in one unit.

    ICC(1,1) = (MSR-MSW)/(MSR+(k-1)MSW), ICC(2,1) = (MSR-MSE)/(MSR+(k-1)MSE+k(MSC-MSE)/n),
    ICC(3,1) = (MSR-MSE)/(MSR+(k-1)MSE); ``average`` gives the reliability of the mean of the k readers. ICC(2,1) is
    the one that speaks for readers who are not in the table.

    Args:
        subjects: one a unit; where a subject repeats, the interval comes from resampled subjects, else from F.

    "too-few" below two units, "no-spread" when nothing varies. May be below 0.

    Raises:
        ValueError: fewer than two readers, or a rating missing or not finite: name the units read by all first.
    """
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise ValueError(f"Ratings have a row a unit and a column for each of two or more readers; got {table.shape}.")
    if not np.isfinite(table).all():
        raise ValueError("An ICC needs a finite rating of every unit by every reader.")
    n = int(table.shape[0])
    if n < 2:
        return Figure(None, n, reason="too-few" if n else "no-units")
    columns = icc_columns(table - table.mean())
    value = finite(icc_values(columns.sum(axis=0), form, average=average))
    if value is None:
        return Figure(None, n, reason="no-spread")
    index, count = clusters_of(n, subjects)
    if count < n:
        sums = subject_sums(columns, index, count)
        return interval_from_sums(Figure(value, n), sums, lambda drawn: icc_values(drawn, form, average=average))
    return _with_f_interval(value, mean_squares(columns.sum(axis=0)), form, average)


def _with_f_interval(value: float, anova: Anova, form: Form, average: bool) -> Figure:
    n, k = int(anova.n), anova.k
    rows, readers = float(anova.rows), float(anova.readers)
    noise = float(anova.within if form == "one-way" else anova.error)
    if noise < 1e-12 * max(rows, 1e-300):
        return Figure(value, n, reason="at-bound")
    if form == "agreement":
        low, high = _agreement_limits(rows, readers, noise, n, k)
        if average:
            low, high = (k * x / (1 + (k - 1) * x) for x in (low, high))
    else:
        df = n * (k - 1) if form == "one-way" else (n - 1) * (k - 1)
        ratio = rows / noise
        bottom, top = ratio / f_quantile(0.975, n - 1, df), ratio * f_quantile(0.975, df, n - 1)
        low, high = ((1 - 1 / x if average else (x - 1) / (x + k - 1)) for x in (bottom, top))
    return Figure(value, n, Interval(low, high, "f"))


def _agreement_limits(rows: float, readers: float, error: float, n: int, k: int) -> tuple[float, float]:
    """McGraw and Wong 1996, ICC(A,1), with Satterthwaite's degrees of freedom."""
    rho = (rows - error) / (rows + (k - 1) * error + k * (readers - error) / n)
    a, b = k * rho / (n * (1 - rho)), 1 + k * rho * (n - 1) / (n * (1 - rho))
    df = (a * readers + b * error) ** 2 / ((a * readers) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)))
    upper, lower = f_quantile(0.975, n - 1, df), f_quantile(0.975, df, n - 1)
    rest = k * readers + (k * n - k - n) * error
    low = n * (rows - upper * error) / (upper * rest + n * rows)
    high = n * (lower * rows - error) / (rest + n * lower * rows)
    return low, high

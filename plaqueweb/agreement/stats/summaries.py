"""All figures of one comparison at once, from sums per subject: made for a million pairs.

The values are those of ``categorical`` and ``continuous``; only the way to the intervals differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plaqueweb.agreement.stats import categorical as cat
from plaqueweb.agreement.stats.bootstrap import REPLICATES, SEED
from plaqueweb.agreement.stats.categorical import divide
from plaqueweb.agreement.stats.clusters import (
    clusters_of,
    resampled_interval,
    resampled_sums,
    subject_tables,
    sums_of,
)
from plaqueweb.agreement.stats.continuous import LIMIT_FACTOR, as_pair
from plaqueweb.agreement.stats.figures import MIN_SUBJECTS, Figure, Floats, finite


def class_codes(answers: ArrayLike) -> NDArray[np.int64]:
    """Rows of a 2 x 2 table, complex first: class 1 is 0, class 0 is 1, everything else (None, 9, NaN) is -1."""
    values = np.asarray(answers)
    if values.dtype == object:
        values = np.asarray([np.nan if value is None else value for value in values], dtype=np.float64)
    return np.where(values == 1, 0, np.where(values == 0, 1, -1)).astype(np.int64)


def class_sums(reference: ArrayLike, other: ArrayLike, subjects: Sequence[Any] | None = None) -> Floats:
    """2 x 2 tables per subject, shape (subjects with a pair, 4), of the units that both could classify.

    Raises:
        ValueError: lengths differ.
    """
    rows, columns = class_codes(reference), class_codes(other)
    if rows.shape != columns.shape or rows.ndim != 1:
        raise ValueError(f"Two raters need the same units; got {rows.shape} and {columns.shape}.")
    index, count = clusters_of(rows.size, subjects)
    sums = subject_tables(rows, columns, index, count, 2)
    return sums[sums.sum(axis=1) > 0]


def class_figures(sums: Floats, *, replicates: int = REPLICATES, seed: int = SEED) -> dict[str, Figure]:
    """Observed agreement, kappa, AC1, PABAK, positive and negative agreement, accuracy, sensitivity, specificity, ppv
    and npv (rows the reference), each with an interval over resampled subjects, from ``class_sums``.
    """
    total = sums.sum(axis=0).reshape(2, 2)
    drawn = _drawn(sums, replicates, seed)
    tables = None if drawn is None else drawn.reshape(-1, 2, 2)
    forms = {
        "observed": cat.observed_values,
        "kappa": cat.kappa_values,
        "ac1": cat.ac1_values,
        "pabak": cat.pabak_values,
        "positive": cat.positive_values,
        "negative": cat.negative_values,
    }
    values = {name: form(total) for name, form in forms.items()} | cat.diagnostic_values(total)
    resampled = {} if tables is None else {name: form(tables) for name, form in forms.items()}
    resampled |= {} if tables is None else cat.diagnostic_values(tables)
    n = int(total.sum())
    return {name: _figure(finite(value), n, resampled.get(name), "one-class") for name, value in values.items()}


def pair_sums(
    a: Sequence[float], b: Sequence[float], subjects: Sequence[Any] | None = None, within: Sequence[float] = (0.5, 1.0)
) -> Floats:
    """Sums per subject of [1, d, d², abs d, x, y, x², y², xy, 1(abs d <= limit) …], d = a - b; x, y near their mean.

    Shape (subjects, 9 + limits). Raises ValueError on lengths or values that are not finite.
    """
    first, second = as_pair(a, b)
    index, count = clusters_of(first.size, subjects)
    middle = float(np.concatenate([first, second]).mean()) if first.size else 0.0
    x, y, d = first - middle, second - middle, first - second
    near = [(np.abs(d) <= limit + 1e-9).astype(np.float64) for limit in within]
    return sums_of([np.ones(x.size), d, d * d, np.abs(d), x, y, x * x, y * y, x * y, *near], index, count)


def _pair_values(s: Floats, within: Sequence[float]) -> dict[str, Floats]:
    n, d, dd, absolute, x, y, xx, yy, xy = (s[..., column] for column in range(9))
    bias = divide(d, n)
    # The sum of squares about the mean; rounding may leave it a little below 0.
    sd = np.sqrt(divide(np.maximum(dd - bias * d, 0.0), n - 1))
    mx, my = divide(x, n), divide(y, n)
    spread = divide(xx, n) - mx**2 + divide(yy, n) - my**2 + (mx - my) ** 2
    values: dict[str, Floats] = {
        "bias": bias,
        "sd": np.asarray(sd),
        "lower": np.asarray(bias - LIMIT_FACTOR * sd),
        "upper": np.asarray(bias + LIMIT_FACTOR * sd),
        "mae": divide(absolute, n),
        "rmse": np.asarray(np.sqrt(divide(dd, n))),
        "ccc": divide(2 * (divide(xy, n) - mx * my), np.where(spread > 1e-12, spread, 0.0)),
    }
    return values | {f"within_{limit:g}": divide(s[..., 9 + i], n) for i, limit in enumerate(within)}


def pair_figures(
    sums: Floats, within: Sequence[float] = (0.5, 1.0), *, replicates: int = REPLICATES, seed: int = SEED
) -> dict[str, Figure]:
    """Bias, sd, lower and upper limit of agreement, mae, rmse, ccc and ``within_0.5`` …, from ``pair_sums``.

    Unit of the measurement, shares and ccc without one; intervals over resampled subjects.
    """
    total, drawn = sums.sum(axis=0), _drawn(sums, replicates, seed)
    resampled = {} if drawn is None else _pair_values(drawn, within)
    n = int(total[0])
    return {
        name: _figure(finite(value), n, resampled.get(name), "no-spread")
        for name, value in _pair_values(total, within).items()
    }


def _drawn(sums: Floats, replicates: int, seed: int) -> Floats | None:
    return resampled_sums(sums, replicates=replicates, seed=seed) if sums.shape[0] >= MIN_SUBJECTS else None


def _figure(value: float | None, n: int, resampled: Floats | None, undefined: Any) -> Figure:
    if value is None:
        return Figure(None, n, reason=undefined if n else "no-units")
    if resampled is None:
        return Figure(value, n, reason="too-few")
    return resampled_interval(Figure(value, n), resampled)

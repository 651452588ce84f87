"""Krippendorff's alpha: any number of raters, missing answers, nominal, ordinal or interval answers.

α = 1 - D_o / D_e, D_o = Σ_ck o_ck δ²_ck / n, D_e = Σ_ck n_c n_k δ²_ck / (n (n-1)); o is the coincidence matrix: a unit
with m answers adds 1/(m-1) for each ordered pair of them. Source: Krippendorff 2011, "Computing Krippendorff's
alpha-reliability". A unit with fewer than two answers has nothing to pair and drops out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from plaqueweb.agreement.stats.categorical import divide
from plaqueweb.agreement.stats.clusters import SumStatistic, clusters_of, interval_from_sums, subject_sums
from plaqueweb.agreement.stats.figures import Figure, Floats, finite
from plaqueweb.agreement.stats.raters import is_missing, rating_counts

Level = Literal["nominal", "ordinal", "interval"]
MAX_CATEGORIES = 200


def _coincidences(counts: Floats) -> Floats:
    """What a unit adds to the coincidence matrix, shape (units, q * q)."""
    units, q = counts.shape
    answers = counts.sum(axis=1)
    weight = np.where(answers >= 2, 1 / np.maximum(answers - 1, 1), 0.0)
    pairs = counts[:, :, np.newaxis] * counts[:, np.newaxis, :]
    pairs[:, np.arange(q), np.arange(q)] -= counts
    return np.asarray((pairs * weight[:, np.newaxis, np.newaxis]).reshape(units, q * q), dtype=np.float64)


def _distances(marginal: Floats, level: Level) -> Floats:
    """δ² of shape (..., q, q) from the marginals n_c, shape (..., q).

    Ordinal: δ_ck is the number of answers between c and k, half of c's and of k's own included.
    """
    q = marginal.shape[-1]
    if level == "nominal":
        return np.broadcast_to(1 - np.eye(q), (*marginal.shape[:-1], q, q))
    middle = np.cumsum(marginal, axis=-1) - marginal / 2
    return np.asarray((middle[..., :, np.newaxis] - middle[..., np.newaxis, :]) ** 2, dtype=np.float64)


def alpha_values(sums: Floats, q: int, level: Literal["nominal", "ordinal"]) -> Floats:
    """Alpha from coincidences of shape (..., q * q); NaN where undefined."""
    matrix = sums.reshape(*sums.shape[:-1], q, q)
    marginal = matrix.sum(axis=-1)
    n = marginal.sum(axis=-1)
    distance = _distances(marginal, level)
    seen = (matrix * distance).sum(axis=(-2, -1))
    products = marginal[..., :, np.newaxis] * marginal[..., np.newaxis, :]
    expected = (products * distance).sum(axis=(-2, -1))
    return np.asarray(1 - divide((n - 1) * seen, expected), dtype=np.float64)


def _interval_columns(values: Floats) -> Floats:
    """What a unit adds for the interval level: [m, Σx, Σx², Σ_{i≠j} (x_i-x_j)² / (m-1)], zeros when m < 2."""
    present = np.isfinite(values)
    filled = np.where(present, values, 0.0)
    m, total, squares = present.sum(axis=1), filled.sum(axis=1), (filled**2).sum(axis=1)
    paired = m >= 2
    # Pairs taken one by one: m Σx² - (Σx)² would leave rounding where all answers are equal.
    mean = total / np.maximum(m, 1)
    spread = (np.where(present, values - mean[:, np.newaxis], 0.0) ** 2).sum(axis=1)
    within = 2 * m * spread / np.maximum(m - 1, 1)
    return np.asarray(np.column_stack([m, total, squares, within]) * paired[:, np.newaxis], dtype=np.float64)


def interval_alpha_values(sums: Floats) -> Floats:
    """Alpha with δ = c - k from sums of shape (..., 4): 1 - (n-1) Σ within / (2 (n Σx² - (Σx)²)); no matrix needed."""
    n, total, squares, within = (sums[..., column] for column in range(4))
    spread = 2 * (n * squares - total**2)
    return np.asarray(1 - divide((n - 1) * within, np.where(spread > 1e-9, spread, 0.0)), dtype=np.float64)


def krippendorff_alpha(
    answers: Sequence[Sequence[Any]],
    level: Level = "nominal",
    *,
    categories: Sequence[Any] | None = None,
    subjects: Sequence[Any] | None = None,
) -> Figure:
    """Krippendorff's alpha of answers of shape (units, raters); None and NaN are missing.

    Args:
        answers: labels that can be sorted (nominal, ordinal: sorted order, or that of ``categories``), numbers in one
            unit (interval). subjects: one a unit, for an interval over resampled subjects; None: each unit its own.

    n counts the units with two answers. "no-units" without one, "no-spread" when every answer is the same.

    Raises:
        ValueError: unknown level, an answer outside ``categories``, or infinite numbers.
    """
    if level not in ("nominal", "ordinal", "interval"):
        raise ValueError(f"The level is nominal, ordinal or interval; got {level!r}.")
    index, count = clusters_of(len(answers), subjects)
    columns, statistic, paired = _parts(answers, level, categories)
    n = int(paired.sum())
    if n == 0:
        return Figure(None, 0, reason="no-units")
    sums = subject_sums(columns[paired], index[paired], count)
    value = finite(statistic(sums.sum(axis=0)))
    if value is None:
        return Figure(None, n, reason="no-spread")
    used = np.unique(index[paired])
    return interval_from_sums(Figure(value, n), sums[used], statistic)


def _parts(
    answers: Sequence[Sequence[Any]], level: Level, categories: Sequence[Any] | None
) -> tuple[Floats, SumStatistic, NDArray[np.bool_]]:
    """Columns per unit, the statistic of their sums, and which units have two answers."""
    if not any(not is_missing(answer) for row in answers for answer in row):
        return np.zeros((len(answers), 4)), interval_alpha_values, np.zeros(len(answers), dtype=bool)
    if level == "interval":
        values = np.asarray([[np.nan if is_missing(x) else float(x) for x in row] for row in answers], dtype=np.float64)
        if np.isinf(values).any():
            raise ValueError("Answers at the interval level are finite numbers.")
        # Alpha does not change when all values move; near their mean the sums keep their digits.
        columns = _interval_columns(values - np.nanmean(values))
        return columns, interval_alpha_values, columns[:, 0] >= 2
    names = sorted({x for row in answers for x in row if not is_missing(x)}) if categories is None else list(categories)
    if len(names) == 1:
        names = [*names, object()]
    if len(names) > MAX_CATEGORIES:
        raise ValueError(f"Alpha by categories takes up to {MAX_CATEGORIES} of them; use the interval level.")
    counts = rating_counts(answers, names)
    q = counts.shape[1]
    matrix_level: Literal["nominal", "ordinal"] = "nominal" if level == "nominal" else "ordinal"
    return _coincidences(counts), lambda sums: alpha_values(sums, q, matrix_level), counts.sum(axis=1) >= 2

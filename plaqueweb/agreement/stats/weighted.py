"""Weighted kappa of two raters on ordered grades: a miss by two grades weighs more than a miss by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from plaqueweb.agreement.stats.categorical import as_table, divide
from plaqueweb.agreement.stats.clusters import clusters_of, interval_from_sums, subject_tables
from plaqueweb.agreement.stats.figures import Figure, Floats, Interval, Z, finite
from plaqueweb.agreement.stats.raters import is_missing

Weights = Literal["nominal", "linear", "quadratic"]


def disagreement(q: int, weights: Weights) -> Floats:
    """Weights v of shape (q, q), 0 on the diagonal and 1 at most: 1 off it, abs(i-j)/(q-1), or its square.

    Raises:
        ValueError: fewer than two grades or unknown weights.
    """
    if q < 2:
        raise ValueError(f"Weighted agreement needs at least two grades; got {q}.")
    steps = np.abs(np.arange(q)[:, np.newaxis] - np.arange(q)) / (q - 1)
    forms: dict[str, Floats] = {"nominal": np.ceil(steps), "linear": steps, "quadratic": steps**2}
    if weights not in forms:
        raise ValueError(f"Weights are nominal, linear or quadratic; got {weights!r}.")
    return forms[weights]


def grade_codes(answers: Sequence[Any], grades: Sequence[Any]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Place of each answer among ``grades`` (in their order); -1 for None and NaN, which drop out.

    Raises:
        ValueError: an answer is none of the grades, or a grade is named twice.
    """
    places = {grade: place for place, grade in enumerate(grades)}
    if len(places) != len(grades):
        raise ValueError("Each grade is named once.")
    unknown = {answer for answer in answers if not is_missing(answer) and answer not in places}
    if unknown:
        raise ValueError(f"Grades are {list(grades)}; got {sorted(map(str, unknown))}.")
    return np.asarray([-1 if is_missing(answer) else places[answer] for answer in answers], dtype=np.int64)


def weighted_kappa_values(tables: Floats, weights: Weights) -> Floats:
    """1 - Σ v_ij n_ij / (Σ v_ij n_i. n_.j / n) of tables of shape (..., q, q). Source: Cohen 1968.

    NaN where n = 0 or where both raters gave every unit the same one grade.
    """
    v = disagreement(tables.shape[-1], weights)
    n = tables.sum(axis=(-2, -1))
    products = tables.sum(axis=-1)[..., :, np.newaxis] * tables.sum(axis=-2)[..., np.newaxis, :]
    expected = divide((v * products).sum(axis=(-2, -1)), n)
    seen = (v * tables).sum(axis=(-2, -1))
    return np.asarray(1 - divide(seen, np.where(expected > 1e-12 * n, expected, 0.0)), dtype=np.float64)


def weighted_kappa_error(table: Any, weights: Weights) -> float | None:
    """Large-sample standard error. Source: Fleiss, Cohen, Everitt 1969, eq. 9 (with agreement weights w = 1 - v).

    Var = {Σ p_ij [w_ij - (w̄_i. + w̄_.j)(1-κ)]² - [κ - p_e (1-κ)]²} / (n (1-p_e)²), w̄_i. = Σ_j w_ij p_.j,
    w̄_.j = Σ_i w_ij p_i. . None where kappa is undefined.
    """
    counts = as_table(table)
    kappa = finite(weighted_kappa_values(counts, weights))
    if kappa is None:
        return None
    n = counts.sum()
    p, w = counts / n, 1 - disagreement(counts.shape[0], weights)
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    expected = float((w * np.outer(rows, columns)).sum())
    means = (w @ columns)[:, np.newaxis] + (rows @ w)[np.newaxis, :]
    spread = float((p * (w - means * (1 - kappa)) ** 2).sum()) - (kappa - expected * (1 - kappa)) ** 2
    return float(np.sqrt(max(spread, 0.0) / n) / (1 - expected))


def weighted_kappa(table: Any, weights: Weights = "linear") -> Figure:
    """Weighted kappa of a q x q table of ordered grades, with its large-sample interval (within -1 to 1).

    The weights belong to the protocol: quadratic weights come close to an ICC and rise with the number of grades.
    "no-units" for an empty table, "one-class" when both gave every unit the same grade.
    """
    counts = as_table(table)
    n = int(counts.sum())
    if n == 0:
        return Figure(None, 0, reason="no-units")
    value, se = finite(weighted_kappa_values(counts, weights)), weighted_kappa_error(counts, weights)
    if value is None or se is None:
        return Figure(None, n, reason="one-class")
    return Figure(value, n, Interval(max(-1.0, value - Z * se), min(1.0, value + Z * se), "asymptotic"), se=se)


def table_statistic(values: Callable[[Floats], Floats], q: int) -> Callable[[Floats], Floats]:
    """A statistic of tables, shape (..., q, q), as one of their cells in a row, shape (..., q * q)."""
    return lambda sums: values(sums.reshape(*sums.shape[:-1], q, q))


def weighted_kappa_of(
    first: Sequence[Any],
    second: Sequence[Any],
    grades: Sequence[Any],
    weights: Weights = "linear",
    subjects: Sequence[Any] | None = None,
) -> Figure:
    """Weighted kappa of two lists of grades with an interval over resampled subjects; None and NaN are missing answers.

    ``grades`` names all grades of the scale in order, those that nobody gave too: they change the weights.

    Raises:
        ValueError: lengths differ, or an answer is none of the grades.
    """
    if len(first) != len(second):
        raise ValueError(f"Two raters need the same units; got {len(first)} and {len(second)}.")
    q = len(grades)
    index, count = clusters_of(len(first), subjects)
    sums = subject_tables(grade_codes(first, grades), grade_codes(second, grades), index, count, q)
    figure = weighted_kappa(sums.sum(axis=0).reshape(q, q), weights)
    used = sums[sums.sum(axis=1) > 0]
    return interval_from_sums(figure, used, table_statistic(lambda tables: weighted_kappa_values(tables, weights), q))

"""Agreement of two raters on the class of a study, and accuracy against a reference.

Classes are 1 (complex), 0 (not complex), ``CANNOT_ASSESS`` (9) and None (no result). A table has the reference in
its rows and the other rater in its columns. Two-class statistics use the units that both could classify.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaqueweb.agreement.stats.figures import Figure, Floats, Interval, Z, finite
from plaqueweb.agreement.stats.intervals import proportion

CANNOT_ASSESS = 9
CATEGORIES: tuple[int | None, ...] = (1, 0, CANNOT_ASSESS, None)
Class = int | None


@dataclass(frozen=True)
class Confusion:
    """Counts of shape (4, 4) in the order of ``CATEGORIES``: rows the reference, columns the other rater."""

    counts: NDArray[np.int64]

    @property
    def classes(self) -> Floats:
        """The 2 x 2 part where both gave a class: [[a, b], [c, d]], complex first."""
        return self.counts[:2, :2].astype(np.float64)

    @property
    def total(self) -> int:
        return int(self.counts.sum())

    @property
    def both_assessed(self) -> int:
        return int(self.counts[:2, :2].sum())


def confusion(reference: Sequence[Class], other: Sequence[Class]) -> Confusion:
    """Count the pairs of two equally long lists of classes.

    Raises:
        ValueError: the lists differ in length or hold something that is no class.
    """
    if len(reference) != len(other):
        raise ValueError(f"Two raters need the same units; got {len(reference)} and {len(other)}.")
    counts = np.zeros((4, 4), dtype=np.int64)
    for row, column in zip(reference, other, strict=True):
        if row not in CATEGORIES or column not in CATEGORIES:
            raise ValueError(f"A class is 1, 0, {CANNOT_ASSESS} or None; got {row!r} and {column!r}.")
        counts[CATEGORIES.index(row), CATEGORIES.index(column)] += 1
    return Confusion(counts)


def divide(numerator: Floats, denominator: Floats) -> Floats:
    """Element by element; NaN where the denominator is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(denominator > 0, numerator / denominator, np.nan), dtype=np.float64)


def observed_values(tables: Floats) -> Floats:
    """Observed agreement p_o = Σ n_ii / n of tables of shape (..., q, q); NaN where n = 0."""
    return divide(np.trace(tables, axis1=-2, axis2=-1), tables.sum(axis=(-2, -1)))


def kappa_values(tables: Floats) -> Floats:
    """Cohen 1960: (p_o - p_e) / (1 - p_e), p_e = Σ p_i. p_.i, of tables of shape (..., q, q).

    NaN where n = 0 or where both raters used one and the same class (p_e = 1).
    """
    n = tables.sum(axis=(-2, -1))
    expected = divide((tables.sum(axis=-1) * tables.sum(axis=-2)).sum(axis=-1), n**2)
    observed = observed_values(tables)
    # Whole counts: p_e = 1 exactly when n² units fall into one cell; compare with rounding in mind.
    return np.where(1 - expected > 1e-12, divide(observed - expected, 1 - expected), np.nan)


def ac1_values(tables: Floats) -> Floats:
    """Gwet 2008: p_e = Σ π_k (1 - π_k) / (q - 1), π_k the mean marginal; tables of shape (..., q, q), q >= 2."""
    n = tables.sum(axis=(-2, -1))
    marginal = divide((tables.sum(axis=-1) + tables.sum(axis=-2)) / 2, n[..., np.newaxis])
    expected = (marginal * (1 - marginal)).sum(axis=-1) / (tables.shape[-1] - 1)
    return divide(observed_values(tables) - expected, 1 - expected)


def pabak_values(tables: Floats) -> Floats:
    """Byrt 1993 for two classes, Brennan and Prediger 1981 for q: (p_o - 1/q) / (1 - 1/q)."""
    chance = 1 / tables.shape[-1]
    return np.asarray((observed_values(tables) - chance) / (1 - chance), dtype=np.float64)


def positive_values(tables: Floats) -> Floats:
    """Cicchetti and Feinstein 1990: 2a / (2a + b + c), complex first; NaN where nobody said complex."""
    a, off = tables[..., 0, 0], tables[..., 0, 1] + tables[..., 1, 0]
    return divide(2 * a, 2 * a + off)


def negative_values(tables: Floats) -> Floats:
    """Cicchetti and Feinstein 1990: 2d / (2d + b + c); NaN where nobody said not complex."""
    d, off = tables[..., 1, 1], tables[..., 0, 1] + tables[..., 1, 0]
    return divide(2 * d, 2 * d + off)


def as_table(table: Any) -> Floats:
    """A checked square table of counts, shape (q, q), q >= 2.

    Raises:
        ValueError: not square, below 2 x 2, negative or not finite.
    """
    array = np.asarray(table, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or array.shape[0] < 2:
        raise ValueError(f"An agreement table is square and at least 2 x 2; this one is {array.shape}.")
    if not np.isfinite(array).all() or (array < 0).any():
        raise ValueError("Counts of an agreement table are finite and not negative.")
    return array


def kappa_standard_error(table: Any) -> float | None:
    """Large-sample standard error of Cohen's kappa. Source: Fleiss, Cohen, Everitt 1969, eq. 13 (all weights 0/1).

    Var = {Σ p_ii [1 - (p_i. + p_.i)(1-κ)]² + (1-κ)² Σ_{i≠j} p_ij (p_.i + p_j.)² - [κ - p_e(1-κ)]²} / (n (1-p_e)²).
    None where kappa is undefined.
    """
    counts = as_table(table)
    kappa = finite(kappa_values(counts))
    if kappa is None:
        return None
    n = counts.sum()
    p = counts / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    expected = float((rows * columns).sum())
    diagonal = (np.diag(p) * (1 - (rows + columns) * (1 - kappa)) ** 2).sum()
    spread = p * (columns[:, np.newaxis] + rows[np.newaxis, :]) ** 2
    outside = (1 - kappa) ** 2 * (spread.sum() - np.trace(spread))
    variance = (diagonal + outside - (kappa - expected * (1 - kappa)) ** 2) / (n * (1 - expected) ** 2)
    return float(np.sqrt(max(float(variance), 0.0)))


def cohen_kappa(table: Any) -> Figure:
    """Cohen's kappa with its large-sample interval (within -1 to 1); n = units in the table.

    Undefined, with a reason, for an empty table ("no-units") and when both raters gave every unit the same class
    ("one-class"): chance would agree fully, so there is nothing to measure.
    """
    counts = as_table(table)
    n = int(counts.sum())
    if n == 0:
        return Figure(None, 0, reason="no-units")
    kappa, se = finite(kappa_values(counts)), kappa_standard_error(counts)
    if kappa is None or se is None:
        return Figure(None, n, reason="one-class")
    return Figure(kappa, n, Interval(max(-1.0, kappa - Z * se), min(1.0, kappa + Z * se), "asymptotic"), se=se)


def _point(value: float | None, n: int) -> Figure:
    if value is None:
        return Figure(None, n, reason="no-units" if n == 0 else "one-class")
    return Figure(value, n)


def gwet_ac1(table: Any) -> Figure:
    """Gwet's AC1 (see ``ac1_values``); shown beside kappa, which falls at a rare class."""
    counts = as_table(table)
    return _point(finite(ac1_values(counts)), int(counts.sum()))


def pabak(table: Any) -> Figure:
    """Prevalence- and bias-adjusted kappa, 2 p_o - 1 for two classes: observed agreement, restated."""
    counts = as_table(table)
    return _point(finite(pabak_values(counts)), int(counts.sum()))


def positive_agreement(table: Any) -> Figure:
    """Of what either called complex, how much both did; "one-class" where nobody said complex. 2 x 2 only."""
    counts = two_by_two(table)
    return _point(finite(positive_values(counts)), int(counts.sum()))


def negative_agreement(table: Any) -> Figure:
    """Of what either called not complex, how much both did. 2 x 2 only."""
    counts = two_by_two(table)
    return _point(finite(negative_values(counts)), int(counts.sum()))


def observed_agreement(table: Any) -> Figure:
    """Share of units with the same class, with its Wilson interval."""
    counts = as_table(table)
    return proportion(int(np.trace(counts)), int(counts.sum()))


def two_by_two(table: Any) -> Floats:
    """A checked 2 x 2 table of counts. Raises ValueError on any other shape."""
    counts = as_table(table)
    if counts.shape != (2, 2):
        raise ValueError(f"This statistic needs a 2 x 2 table; this one is {counts.shape}.")
    return counts


@dataclass(frozen=True)
class Diagnostic:
    """Accuracy of a rater (columns) against a reference (rows), each with an interval over independent units."""

    accuracy: Figure
    sensitivity: Figure
    specificity: Figure
    ppv: Figure
    npv: Figure


def diagnostic(table: Any, *, exact: bool = False) -> Diagnostic:
    """Sensitivity TP/(TP+FN), specificity TN/(TN+FP), PPV, NPV and accuracy from [[TP, FN], [FP, TN]].

    Intervals are Wilson's, or Clopper and Pearson's when ``exact``. PPV and NPV hold at the prevalence of these units
    only (``accuracy.at_prevalence`` moves them). A part without units has no value ("no-units").
    """
    counts = two_by_two(table).astype(np.int64)
    (tp, fn), (fp, tn) = counts.tolist()
    return Diagnostic(
        accuracy=proportion(tp + tn, tp + fn + fp + tn, exact=exact),
        sensitivity=proportion(tp, tp + fn, exact=exact),
        specificity=proportion(tn, tn + fp, exact=exact),
        ppv=proportion(tp, tp + fp, exact=exact),
        npv=proportion(tn, tn + fn, exact=exact),
    )


def diagnostic_values(tables: Floats) -> dict[str, Floats]:
    """The five shares of ``diagnostic`` for tables of shape (..., 2, 2), NaN where a part has no units."""
    tp, fn = tables[..., 0, 0], tables[..., 0, 1]
    fp, tn = tables[..., 1, 0], tables[..., 1, 1]
    return {
        "accuracy": divide(tp + tn, tp + fn + fp + tn),
        "sensitivity": divide(tp, tp + fn),
        "specificity": divide(tn, tn + fp),
        "ppv": divide(tp, tp + fp),
        "npv": divide(tn, tn + fn),
    }


def weighted_tables(reference: Sequence[Class], other: Sequence[Class], weights: Floats) -> Floats:
    """2 x 2 tables of shape (resamples, 2, 2) from weights of shape (resamples, units); other categories drop out."""
    cells = np.zeros((len(reference), 4), dtype=np.float64)
    for unit, pair in enumerate(zip(reference, other, strict=True)):
        if pair[0] in (0, 1) and pair[1] in (0, 1):
            cells[unit, CATEGORIES.index(pair[0]) * 2 + CATEGORIES.index(pair[1])] = 1.0
    return np.asarray((weights @ cells).reshape(-1, 2, 2), dtype=np.float64)

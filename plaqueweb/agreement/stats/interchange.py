"""Is the model within the variability of readers? Williams' index, interchangeability, leave one reader out.

Answers have shape (units,) for the model and (units, J) for J >= 2 readers; None and NaN are missing, and a pair counts
where both answered. No reference is needed: the model is held to what readers have in common with each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np

from plaqueweb.agreement.stats.categorical import divide, kappa_values
from plaqueweb.agreement.stats.clusters import (
    SumStatistic,
    clusters_of,
    interval_from_sums,
    resampled_interval,
    resampled_sums,
    subject_sums,
    subject_tables,
)
from plaqueweb.agreement.stats.figures import MIN_SUBJECTS, Figure, Floats, finite
from plaqueweb.agreement.stats.weighted import grade_codes

Measure = Literal["agreement", "kappa"]
MARGIN = 0.05
"""Default margin of interchangeability: up to 5 % more disagreement. Set it before the result is seen."""


def _numbers(model: Sequence[Any], readers: Sequence[Sequence[Any]]) -> tuple[Floats, Floats]:
    """Model (units,) and readers (units, J) as floats with NaN for missing. Raises ValueError on shapes."""
    own = np.asarray([np.nan if value is None else value for value in model], dtype=np.float64)
    rows = [[np.nan if value is None else value for value in row] for row in readers]
    if len(rows) != own.size or len({len(row) for row in rows}) > 1:
        raise ValueError(f"Each unit has a model's answer and a row of readers: {own.size} answers, {len(rows)} rows.")
    if rows and len(rows[0]) < 2:
        raise ValueError("Reader variability needs at least two readers.")
    table = np.asarray(rows, dtype=np.float64).reshape(own.size, -1)
    if np.isinf(own).any() or np.isinf(table).any():
        raise ValueError("Answers must be finite numbers or missing.")
    return own, table


def _pair_columns(model: Floats, readers: Floats, score: Callable[[Floats, Floats], Floats]) -> tuple[Floats, int]:
    """[score summed, pairs counted] for J model-reader pairs, then J(J-1)/2 reader pairs, shape (units, 2 pairs); J."""
    count = readers.shape[1]
    pairs = [(model, readers[:, j]) for j in range(count)]
    pairs += [(readers[:, i], readers[:, j]) for i, j in combinations(range(count), 2)]
    columns = []
    for first, second in pairs:
        both = np.isfinite(first) & np.isfinite(second)
        value = score(np.where(both, first, 0.0), np.where(both, second, 0.0))
        columns += [np.where(both, value, 0.0), both.astype(np.float64)]
    return np.column_stack(columns), count


def _same(first: Floats, second: Floats) -> Floats:
    return (first == second).astype(np.float64)


def _two_means(sums: Floats, readers: int) -> tuple[Floats, Floats]:
    """(mean over readers of model-reader score, mean over reader pairs) from sums of ``_pair_columns``."""
    shares = divide(sums[..., 0::2], sums[..., 1::2])
    return mean_of_defined(shares[..., :readers]), mean_of_defined(shares[..., readers:])


def mean_of_defined(values: Floats) -> Floats:
    """Mean over the last axis of what is not NaN; NaN where nothing is. Readers who share no unit make no pair."""
    present = np.isfinite(values)
    return divide(np.where(present, values, 0.0).sum(axis=-1), present.sum(axis=-1).astype(np.float64))


def _complete(statistic: SumStatistic, sums: Floats, n: int) -> Figure:
    """The statistic of all subjects with its interval; "one-class" where it is undefined."""
    value = finite(statistic(sums.sum(axis=0, keepdims=True))[0])
    if value is None:
        return Figure(None, n, reason="one-class" if n else "no-units")
    return interval_from_sums(Figure(value, n), sums, statistic)


def williams_index(
    model: Sequence[Any],
    readers: Sequence[Sequence[Any]],
    subjects: Sequence[Any] | None = None,
    measure: Measure = "agreement",
) -> Figure:
    """WI = mean_j a(M, R_j) / mean_{i<j} a(R_i, R_j); 1: the model agrees with readers as they agree with each other.

    a is the share of equal classes or Cohen's kappa. Source: Williams 1976; Chang 2010. Interval over resampled
    subjects; "as good as readers" is said when its lower end is above 0.95, a convention.

    "one-class" where a is undefined or readers agree no better than 0.

    Raises:
        ValueError: rows differ in length, fewer than two readers, or an answer is infinite.
    """
    own, table = _numbers(model, readers)
    index, count = clusters_of(own.size, subjects)
    n = int((np.isfinite(own) & np.isfinite(table).any(axis=1)).sum()) if own.size else 0
    if n == 0:
        return Figure(None, 0, reason="no-units")
    if measure == "agreement":
        columns, many = _pair_columns(own, table, _same)
        sums = subject_sums(columns, index, count)
        return _complete(lambda s: _ratio(*_two_means(s, many)), sums, n)
    if measure != "kappa":
        raise ValueError(f"The measure is agreement or kappa; got {measure!r}.")
    sums, statistic = _kappa_parts(own, table, index, count)
    return _complete(statistic, sums, n)


def _ratio(model: Floats, readers: Floats) -> Floats:
    return divide(model, np.where(readers > 1e-12, readers, 0.0))


def _kappa_parts(own: Floats, table: Floats, index: Any, count: int) -> tuple[Floats, SumStatistic]:
    values = np.concatenate([own, table.ravel()])
    grades = np.unique(values[np.isfinite(values)]).tolist()
    if len(grades) < 2:
        grades.append(grades[0] + 1)
    q, many = len(grades), table.shape[1]
    codes = [grade_codes([None if np.isnan(x) else x for x in column], grades) for column in (own, *table.T)]
    pairs = [(0, j + 1) for j in range(many)] + [(i + 1, j + 1) for i, j in combinations(range(many), 2)]
    sums = np.concatenate([subject_tables(codes[i], codes[j], index, count, q) for i, j in pairs], axis=1)

    def statistic(drawn: Floats) -> Floats:
        kappas = kappa_values(drawn.reshape(*drawn.shape[:-1], len(pairs), q, q))
        return _ratio(mean_of_defined(kappas[..., :many]), mean_of_defined(kappas[..., many:]))

    return sums, statistic


def williams_index_of_scores(
    model_reader: Any, reader_reader: Any, subjects: Sequence[Any] | None = None, *, distance: bool = False
) -> Figure:
    """Williams' index from scores of pairs: Dice of masks, or with ``distance`` absolute differences (in mm, say).

    Args:
        model_reader: shape (units, J), score of the model with each reader, NaN where missing.
        reader_reader: shape (units, pairs), score of each two readers. distance: smaller is better, and the index is
            mean reader-reader distance over mean model-reader distance.

    Raises:
        ValueError: the two have different numbers of units.
    """
    own, others = np.asarray(model_reader, dtype=np.float64), np.asarray(reader_reader, dtype=np.float64)
    if own.ndim != 2 or others.ndim != 2 or own.shape[0] != others.shape[0]:
        raise ValueError(f"Scores have a row a unit and a column a pair; got {own.shape} and {others.shape}.")
    scores = np.column_stack([own, others])
    present = np.isfinite(scores)
    columns = np.empty((scores.shape[0], 2 * scores.shape[1]))
    columns[:, 0::2], columns[:, 1::2] = np.where(present, scores, 0.0), present
    index, count = clusters_of(scores.shape[0], subjects)

    def statistic(sums: Floats) -> Floats:
        model, readers = _two_means(sums, own.shape[1])
        return _ratio(readers, model) if distance else _ratio(model, readers)

    n = int(present.any(axis=1).sum())
    return _complete(statistic, subject_sums(columns, index, count), n)


@dataclass(frozen=True)
class Interchangeability:
    """``gamma`` with its two-sided interval, its one-sided 95 % ``bound`` towards the worse, and the claim.

    ``model`` and ``readers`` are the two means whose difference gamma is. ``claimed`` is None without a bound.
    """

    gamma: Figure
    model: float | None
    readers: float | None
    bound: float | None
    margin: float
    claimed: bool | None


def interchangeability(
    model: Sequence[Any],
    readers: Sequence[Sequence[Any]],
    subjects: Sequence[Any] | None = None,
    margin: float = MARGIN,
) -> Interchangeability:
    """γ = P(M agrees with R) - P(R agrees with R'), means over readers and over pairs of readers.

    Claimed when the one-sided 95 % lower bound is above -margin: putting the model in a reader's place costs less than
    ``margin`` agreement. Source: Obuchowski, Subhas, Schoenhagen 2014. Bootstrap over subjects.

    Raises:
        ValueError: as ``williams_index``, or a margin not above 0.
    """
    return _interchange(model, readers, subjects, margin, _same, lower=True)


def interchangeability_of_values(
    model: Sequence[Any], readers: Sequence[Sequence[Any]], subjects: Sequence[Any] | None = None, *, margin: float
) -> Interchangeability:
    """γ = E(M - R)² - E(R - R')², in the squared unit (mm²): what the model adds to the spread between two readings.

    Claimed when the one-sided 95 % upper bound is below the margin (same squared unit). Source: Obuchowski 2014.

    Raises:
        ValueError: as ``interchangeability``.
    """
    return _interchange(model, readers, subjects, margin, lambda x, y: (x - y) ** 2, lower=False)


def _interchange(
    model: Sequence[Any],
    readers: Sequence[Sequence[Any]],
    subjects: Sequence[Any] | None,
    margin: float,
    score: Callable[[Floats, Floats], Floats],
    *,
    lower: bool,
) -> Interchangeability:
    if not margin > 0:
        raise ValueError(f"A margin is above 0; got {margin}.")
    own, table = _numbers(model, readers)
    if own.size == 0:
        return Interchangeability(Figure(None, 0, reason="no-units"), None, None, None, margin, None)
    index, count = clusters_of(own.size, subjects)
    columns, many = _pair_columns(own, table, score)
    sums = subject_sums(columns, index, count)
    n = int((columns[:, 1::2].sum(axis=1) > 0).sum())

    def gamma(drawn: Floats) -> Floats:
        of_model, of_readers = _two_means(drawn, many)
        return np.asarray(of_model - of_readers)

    of_model, of_readers = (finite(value) for value in _two_means(sums.sum(axis=0), many))
    found = Interchangeability(Figure(None, n, reason="no-units"), of_model, of_readers, None, margin, None)
    if of_model is None or of_readers is None:
        return found
    found = replace(found, gamma=Figure(of_model - of_readers, n, reason="too-few"))
    if count < MIN_SUBJECTS:
        return found
    drawn = gamma(resampled_sums(sums))
    figure = resampled_interval(found.gamma, drawn)
    if figure.interval is None:
        return replace(found, gamma=figure)
    bound = float(np.percentile(drawn[np.isfinite(drawn)], 5 if lower else 95))
    return replace(found, gamma=figure, bound=bound, claimed=bound > -margin if lower else bound < margin)

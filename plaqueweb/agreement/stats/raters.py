"""Agreement of many raters on a class, each unit rated by two or more of them; missing answers are allowed.

Counts have shape (units, q): how many raters gave unit i the class k. r_i is the number of raters of unit i. With the
same number of raters everywhere ``fleiss_kappa`` is Fleiss' own; otherwise it is Gwet's extension (Gwet 2014, ch. 2),
in which a unit with one rater counts for the marginals and not for the agreement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from plaqueweb.agreement.stats.categorical import divide
from plaqueweb.agreement.stats.clusters import clusters_of, interval_from_sums, subject_sums
from plaqueweb.agreement.stats.figures import Figure, Floats, Interval, finite
from plaqueweb.agreement.stats.quantiles import t_quantile

Chance = Literal["fleiss", "ac1", "uniform"]


def is_missing(answer: Any) -> bool:
    """None and NaN: the rater did not answer."""
    return answer is None or (isinstance(answer, float | np.floating) and bool(np.isnan(answer)))


def rating_counts(answers: Sequence[Sequence[Any]], categories: Sequence[Any] | None = None) -> Floats:
    """Counts of shape (units, q) from answers of shape (units, raters); None and NaN are missing.

    ``categories`` names the classes that could be given, those nobody gave too (they change AC1 and the uniform
    chance); None: those that were given.

    Raises:
        ValueError: an answer is none of the categories, or there are fewer than two of them.
    """
    given = {answer for row in answers for answer in row if not is_missing(answer)}
    names = sorted(given) if categories is None else list(categories)
    if not given <= set(names):
        raise ValueError(f"Categories are {names}; got {sorted(map(str, given - set(names)))}.")
    if len(names) < 2:
        raise ValueError("Agreement on a class needs at least two categories; name those that could be given.")
    place = {name: number for number, name in enumerate(names)}
    counts = np.zeros((len(answers), len(names)), dtype=np.float64)
    for unit, row in enumerate(answers):
        for answer in row:
            if not is_missing(answer):
                counts[unit, place[answer]] += 1
    return counts


def _checked(counts: Any) -> Floats:
    array = np.asarray(counts, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] < 2:
        raise ValueError(f"Counts have one row a unit and a column for each of two or more classes; got {array.shape}.")
    if not np.isfinite(array).all() or (array < 0).any():
        raise ValueError("Counts of raters are finite and not negative.")
    return array


def rater_columns(counts: Floats) -> Floats:
    """What a unit adds: [has two raters, its share of agreeing pairs, has one rater, n_ik / r_i for each class]."""
    raters = counts.sum(axis=1)
    pairs = raters * (raters - 1)
    agreeing = (counts * (counts - 1)).sum(axis=1)
    share = np.where(pairs > 0, agreeing / np.where(pairs > 0, pairs, 1), 0.0)
    classes = counts / np.where(raters > 0, raters, 1)[:, np.newaxis]
    return np.column_stack([raters >= 2, share, raters >= 1, classes]).astype(np.float64)


def _expected(marginal: Floats, chance: Chance) -> Floats:
    q = marginal.shape[-1]
    if chance == "fleiss":
        return np.asarray((marginal**2).sum(axis=-1), dtype=np.float64)
    if chance == "ac1":
        return np.asarray((marginal * (1 - marginal)).sum(axis=-1) / (q - 1), dtype=np.float64)
    return np.asarray(np.where(np.isfinite(marginal).all(axis=-1), 1 / q, np.nan), dtype=np.float64)


def rater_values(sums: Floats, chance: Chance) -> Floats:
    """(p_a - p_e) / (1 - p_e) from sums of ``rater_columns``, shape (..., 3 + q); NaN where undefined."""
    observed = divide(sums[..., 1], sums[..., 0])
    expected = _expected(divide(sums[..., 3:], sums[..., 2:3]), chance)
    apart = 1 - expected
    return np.asarray(divide(observed - expected, np.where(apart > 1e-12, apart, 0.0)), dtype=np.float64)


def _linearised_error(counts: Floats, columns: Floats, value: float, chance: Chance) -> float | None:
    """Gwet 2008 (2014, ch. 5): se² = Σ (κ*_i - κ)² / (n (n-1)) over units with a rater.

    κ_i = (n/n') [a_i - p_e·1(r_i >= 2)] / (1-p_e), κ*_i = κ_i - 2 (1-κ) (p_e,i - p_e) / (1-p_e).
    """
    rated = columns[:, 2] > 0
    part, n = columns[rated], int(rated.sum())
    if n < 2:
        return None
    marginal = part[:, 3:].mean(axis=0)
    expected = float(_expected(marginal, chance))
    single = (part[:, 1] - expected * part[:, 0]) * n / part[:, 0].sum() / (1 - expected)
    slope = {"fleiss": marginal, "ac1": (1 - marginal) / (counts.shape[1] - 1)}.get(chance)
    if slope is not None:
        single = single - 2 * (1 - value) * (part[:, 3:] @ slope - expected) / (1 - expected)
    return float(np.sqrt(((single - value) ** 2).sum() / (n * (n - 1))))


def _chance_corrected(counts: Any, chance: Chance, subjects: Sequence[Any] | None) -> Figure:
    checked = _checked(counts)
    columns = rater_columns(checked)
    n = int(columns[:, 0].sum())
    if n == 0:
        return Figure(None, 0, reason="no-units")
    value = finite(rater_values(columns.sum(axis=0), chance))
    if value is None:
        return Figure(None, n, reason="one-class")
    se = _linearised_error(checked, columns, value, chance)
    if subjects is not None:
        index, count = clusters_of(checked.shape[0], subjects)
        sums = subject_sums(columns, index, count)
        used = sums[sums[:, 2] > 0]
        return interval_from_sums(Figure(value, n), used, lambda drawn: rater_values(drawn, chance))
    if se is None:
        return Figure(value, n, reason="too-few")
    half = t_quantile(0.975, int(columns[:, 2].sum()) - 1) * se
    return Figure(value, n, Interval(value - half, min(1.0, value + half), "t"), se=se)


def fleiss_kappa(counts: Any, subjects: Sequence[Any] | None = None) -> Figure:
    """Fleiss 1971: P̄ = mean_i Σ_k n_ik(n_ik-1)/(r_i(r_i-1)), P̄_e = Σ π_k², κ = (P̄-P̄_e)/(1-P̄_e).

    Args:
        counts: shape (units, q), see ``rating_counts``. subjects: one a unit, for an interval over resampled subjects;
            None: units are independent, interval from Gwet's variance with t.

    n counts the units with two raters. With missing answers the value may fall below -1: units with one rater move the
    chance agreement and not the observed one. "no-units" without one, "one-class" when one class was given throughout.

    Raises:
        ValueError: counts are negative, not finite, or of another shape.
    """
    return _chance_corrected(counts, "fleiss", subjects)


def gwet_ac1_raters(counts: Any, subjects: Sequence[Any] | None = None) -> Figure:
    """Gwet 2008: as ``fleiss_kappa`` with P_e = Σ π_k (1-π_k) / (q-1). Stands beside kappa, not instead of it."""
    return _chance_corrected(counts, "ac1", subjects)


def brennan_prediger(counts: Any, subjects: Sequence[Any] | None = None) -> Figure:
    """Brennan and Prediger 1981: as ``fleiss_kappa`` with P_e = 1/q; PABAK for many raters."""
    return _chance_corrected(counts, "uniform", subjects)


def agreeing_pairs(counts: Any) -> Figure:
    """P̄ of ``fleiss_kappa``: mean share of pairs of raters that agree, over units with two raters."""
    sums = rater_columns(_checked(counts)).sum(axis=0)
    if sums[0] == 0:
        return Figure(None, 0, reason="no-units")
    return Figure(float(sums[1] / sums[0]), int(sums[0]))

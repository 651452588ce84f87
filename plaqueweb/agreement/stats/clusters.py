"""The subject-cluster bootstrap from sufficient statistics.

Most statistics need only sums over units: the cells of a table, or Σa, Σb, Σab. Added up once per subject they make a
matrix of shape (subjects, k); a resample is then a weighted sum of its rows and costs nothing per unit. The draws are
those of ``bootstrap.with_interval``, so both ways give the same interval.

Subjects with equal sums are exchangeable: how often a pattern of sums is drawn is multinomial with the share of
subjects that have it. For whole-number sums of many subjects the patterns are drawn instead of the subjects: the
same distribution, far fewer numbers. Sums of real numbers over very many subjects are drawn from their normal limit,
whose error falls with the root of the number of subjects and grows with their skewness.
Source: Efron and Tibshirani 1993, ch. 6 and 8 (multinomial form; clusters), ch. 22 (normal limit).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaqueweb.agreement.stats.bootstrap import REPLICATES, SEED, cluster_index, percentile_interval, subject_draws
from plaqueweb.agreement.stats.figures import MIN_SUBJECTS, Figure, Floats

MANY_DRAWS = 2_000_000
"""Above this number of subjects x resamples, patterns are drawn where they are few, else the normal limit where it
holds: of 1,000 subjects and 2,000 resamples its error is far below what the number of resamples leaves open."""
MOST_DRAWS = 50_000_000
"""Above this number the normal limit takes the place of draws in any case: they would fill memory and take seconds."""
_FEW_PATTERNS, _VERY_FEW = 8, 64
_CARRIERS = 100
"""A sum that fewer subjects carry is far from normal, however many subjects there are."""
_CACHED = 300_000
"""Numbers that are turned into floats at once: what fits the processor's cache is twice as fast."""

SumStatistic = Callable[[Floats], Floats]
"""From sums of shape (resamples, k) to one value a resample; NaN: undefined."""


def clusters_of(units: int, subjects: Sequence[Any] | None) -> tuple[NDArray[np.intp], int]:
    """Index of the subject of each unit and the number of subjects; None: every unit is a subject of its own.

    Raises:
        ValueError: not one subject a unit.
    """
    if subjects is None:
        return np.arange(units, dtype=np.intp), units
    if len(subjects) != units:
        raise ValueError(f"One subject a unit: {units} units, {len(subjects)} subjects.")
    return cluster_index(subjects)


def subject_sums(columns: Floats, index: NDArray[np.intp], count: int) -> Floats:
    """Sums of ``columns``, shape (units, k), per subject: shape (count, k)."""
    values = np.asarray(columns, dtype=np.float64)
    return sums_of([values[:, column] for column in range(values.shape[1])], index, count)


def sums_of(columns: Sequence[Floats], index: NDArray[np.intp], count: int) -> Floats:
    """As ``subject_sums``, of columns that stand each for itself, shape (units,): no table of all units is made."""
    parts = [np.bincount(index, weights=column, minlength=count) for column in columns]
    return np.stack(parts, axis=1) if parts else np.zeros((count, 0))


def subject_tables(
    rows: NDArray[np.integer[Any]], columns: NDArray[np.integer[Any]], index: NDArray[np.intp], count: int, q: int
) -> Floats:
    """q x q tables per subject, shape (count, q * q), from codes 0..q-1 of shape (units,); a code below 0 drops out."""
    kept = (rows >= 0) & (columns >= 0)
    cells = (index[kept] * q + rows[kept]) * q + columns[kept]
    return np.bincount(cells, minlength=count * q * q).reshape(count, q * q).astype(np.float64)


def _patterns(sums: Floats) -> tuple[Floats, NDArray[np.int64]] | None:
    """The distinct rows of whole-number sums and how many subjects have each; None when they are no whole numbers."""
    if not np.array_equal(sums, np.rint(sums)):
        return None
    low = sums.min(axis=0)
    sizes = [int(size) for size in sums.max(axis=0) - low + 1]
    space = 1
    for size in sizes:
        space *= size
    if space >= 2**62:
        return None
    codes = np.zeros(sums.shape[0], dtype=np.int64)
    for column, size in enumerate(sizes):
        codes = codes * size + (sums[:, column] - low[column]).astype(np.int64)
    _, first, counts = np.unique(codes, return_index=True, return_counts=True)
    return sums[first], counts.astype(np.int64)


@lru_cache(maxsize=4)
def _pattern_draws(multiplicity: tuple[int, ...], replicates: int, seed: int) -> Floats:
    subjects = sum(multiplicity)
    generator = np.random.default_rng(seed)
    shares = np.asarray(multiplicity, dtype=np.float64) / subjects
    draws = generator.multinomial(subjects, shares, size=replicates).astype(np.float64)
    draws.flags.writeable = False
    return draws


def forget_draws() -> None:
    """Empty what is kept of draws, as in a process that has just started."""
    subject_draws.cache_clear()
    _pattern_draws.cache_clear()


def _normal_sums(sums: Floats, replicates: int, seed: int) -> Floats:
    """Resampled sums in the limit of many subjects: normal with mean Σ s_k and covariance Σ (s_k - s̄)(s_k - s̄)ᵀ."""
    centred = sums - sums.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    noise = np.random.default_rng(seed).standard_normal((replicates, sums.shape[1]))
    drawn = sums.sum(axis=0) + (noise * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    # A sum of what is never negative is never negative; a rare count in the limit might be.
    return np.asarray(np.where(sums.min(axis=0) >= 0, np.maximum(drawn, 0.0), drawn), dtype=np.float64)


def resampled_sums(sums: Floats, *, replicates: int = REPLICATES, seed: int = SEED) -> Floats:
    """Sums of resampled subjects, shape (replicates, k), from sums per subject of shape (subjects, k).

    Raises:
        ValueError: there is no subject.
    """
    count = sums.shape[0]
    if count == 0:
        raise ValueError("A bootstrap needs at least one subject.")
    if count * replicates > MANY_DRAWS:
        carriers = np.count_nonzero(sums, axis=0)
        normal = count * replicates > MOST_DRAWS or not ((carriers > 0) & (carriers < _CARRIERS)).any()
        found = _patterns(sums)
        if found is not None and found[1].size * (_VERY_FEW if normal else _FEW_PATTERNS) < count:
            return np.asarray(_pattern_draws(tuple(found[1].tolist()), replicates, seed) @ found[0], dtype=np.float64)
        if normal:
            return _normal_sums(sums, replicates, seed)
    draws = subject_draws(count, replicates, seed)
    rows = max(1, _CACHED // count)
    parts = [draws[start : start + rows].astype(np.float64) @ sums for start in range(0, replicates, rows)]
    return np.concatenate(parts)


def interval_from_sums(
    figure: Figure, sums: Floats, statistic: SumStatistic, *, replicates: int = REPLICATES, seed: int = SEED
) -> Figure:
    """``figure`` with the percentile interval of ``statistic`` over resampled subjects, or with the reason for none.

    Args:
        sums: shape (subjects, k). statistic: from sums of shape (resamples, k) to values of shape (resamples,).
    """
    if figure.value is None:
        return replace(figure, interval=None)
    if sums.shape[0] < MIN_SUBJECTS:
        return replace(figure, interval=None, reason="too-few")
    return resampled_interval(figure, statistic(resampled_sums(sums, replicates=replicates, seed=seed)))


resampled_interval = percentile_interval

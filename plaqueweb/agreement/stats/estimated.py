"""Limits of charts whose level before a change is itself an estimate, from the first cases of a series.

Charts with textbook limits take the level as known: with 50 first cases their false alarms come several times as often
as promised. Here a limit holds its chance of a false alarm over everything that may differ, the first cases too.

Source: Jones, Champ and Rigdon 2001 (what estimation does to charts); Gandy and Kvaløy 2013 (calibrate the limit by
drawing the first cases again); Conover, Tercero-Gómez and Cordero-Franco 2017 (sequential normal scores: no
distribution assumed); Jeffreys' prior for shares: Brown, Cai and DasGupta 2001.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from plaqueweb.agreement.stats.bootstrap import SEED
from plaqueweb.agreement.stats.figures import Floats
from plaqueweb.agreement.stats.quantiles import normal_quantile

LEAST_SERIES, BEYOND, MOST_SERIES = 2000, 20, 20_000
"""Simulated series a limit is taken from: so many that 20 lie beyond it, which gives its chance to about a fifth."""
_ROWS = 500
"""Series at once: what fits the processor's cache is quicker."""
ALLOWANCE = 0.5
"""Allowance k of the CUSUM of normal scores, in standard deviations: made for a shift of one."""


def _check(chance: float, cases: int) -> None:
    if not 0.0 < chance < 1.0:
        raise ValueError(f"The chance of a false alarm lies between 0 and 1; got {chance}.")
    if cases < 1:
        raise ValueError(f"A chart watches at least one case; got {cases}.")


def _check_counts(hits: int, n: int) -> None:
    if not 0 <= hits <= n or n < 1:
        raise ValueError(f"Events are part of the first cases; got {hits} of {n}.")


def _series(chance: float) -> int:
    return min(max(LEAST_SERIES, math.ceil(BEYOND / chance)), MOST_SERIES)


def predictive_counts(hits: int, n: int, units: int, chance: float) -> tuple[int, int]:
    """(lowest, highest) count of events in ``units`` new cases that chance keeps to, each side but for ``chance``.

    Beta-binomial: the share of the first ``n`` cases, ``hits`` of them events, is uncertain with Jeffreys' prior
    Beta(1/2, 1/2). A count below the lowest or above the highest is out of limits.

    Raises:
        ValueError: counts that do not fit, or a chance outside 0 to 1.
    """
    _check_counts(hits, n)
    _check(chance, units)
    a, b = hits + 0.5, n - hits + 0.5
    start = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    weights = [
        math.exp(
            start + math.lgamma(units + 1) - math.lgamma(x + 1) - math.lgamma(units - x + 1)
            + math.lgamma(x + a) + math.lgamma(units - x + b) - math.lgamma(units + a + b)
        )
        for x in range(units + 1)
    ]  # fmt: skip
    low, tail = 0, weights[0]
    while tail <= chance and low < units:
        low += 1
        tail += weights[low]
    high, tail = units, weights[units]
    while tail <= chance and high > 0:
        high -= 1
        tail += weights[high]
    return low, high


@lru_cache(maxsize=256)
def bernoulli_decision(hits: int, n: int, before: float, after: float, cases: int, chance: float) -> float:
    """Limit h that a ``bernoulli_cusum`` of ``cases`` steady cases reaches with ``chance``, the level being estimated.

    Series are drawn with shares from Jeffreys' posterior Beta(hits + 1/2, n - hits + 1/2), so the uncertainty of the
    level is in the limit. ``before`` and ``after`` are the shares of the CUSUM's steps. Seeded: the same every time.

    Raises:
        ValueError: counts or shares that do not fit, no case, or a chance outside 0 to 1.
    """
    _check_counts(hits, n)
    _check(chance, cases)
    if not 0.0 < before < after < 1.0:
        raise ValueError(f"The share of events rises from above 0 to below 1; got {before} to {after}.")
    up, down = math.log(after / before), math.log((1 - after) / (1 - before))
    generator = np.random.default_rng(SEED)
    many = _series(chance)
    share = generator.beta(hits + 0.5, n - hits + 0.5, many)
    total, largest = np.zeros(many), np.zeros(many)
    for _case in range(cases):
        total = np.maximum(0.0, total + np.where(generator.random(many) < share, up, down))
        np.maximum(largest, total, out=largest)
    return _above(largest, chance, up)


def _above(largest: Floats, chance: float, least: float) -> float:
    """The limit, to 0.001 upwards, that ``largest`` values pass with ``chance``; never below one step."""
    value = float(np.quantile(largest, 1 - chance, method="higher"))
    return max(math.ceil((value + 1e-9) * 1000), math.ceil(least * 1000)) / 1000


def normal_scores(first: ArrayLike, values: ArrayLike) -> Floats:
    """Where each value lies among the first ones, as a normal score Φ⁻¹((rank + 1/2) / (n + 1)), shape (values,).

    rank: how many first values are smaller, ties by half. Under no change the scores have one distribution, whatever
    that of the values; a single wild value moves a sum by no more than one score. Unit-free.

    Raises:
        ValueError: no first value, or a value is not finite.
    """
    base, x = np.sort(np.asarray(first, dtype=np.float64)), np.asarray(values, dtype=np.float64)
    if base.size == 0 or not (np.isfinite(base).all() and np.isfinite(x).all()):
        raise ValueError("Scores need first values, and finite ones.")
    rank = (np.searchsorted(base, x, side="left") + np.searchsorted(base, x, side="right")) / 2
    return np.asarray([normal_quantile(share) for share in (rank + 0.5) / (base.size + 1)], dtype=np.float64)


@lru_cache(maxsize=64)
def scores_decision(first: int, cases: int, chance: float, allowance: float = ALLOWANCE) -> float:
    """Limit h that a two-sided ``cusum`` of ``normal_scores`` of ``cases`` steady values reaches with ``chance``.

    Ranks among ``first`` values have one distribution whatever that of the values: series of uniform numbers give the
    limit for all. Fewer first values give a wider one. Seeded: the same every time.

    Raises:
        ValueError: no first value, no case, or a chance outside 0 to 1.
    """
    _check_counts(0, first)
    _check(chance, cases)
    generator = np.random.default_rng(SEED)
    scores = normal_scores(np.arange(first), np.arange(first + 1) - 0.5)
    parts = [_largest_sums(generator, scores, cases, allowance) for _part in range(math.ceil(_series(chance) / _ROWS))]
    return _above(np.concatenate(parts), chance, 0.001)


def _largest_sums(generator: np.random.Generator, scores: Floats, cases: int, allowance: float) -> Floats:
    """The largest sum of either side in each of some steady series, shape (_ROWS,)."""
    first = scores.size - 1
    up, down, largest = np.zeros(_ROWS), np.zeros(_ROWS), np.zeros(_ROWS)
    # Row r lies between r and r + 1: one sorted array then holds the first values of all series.
    rows = np.arange(_ROWS, dtype=np.float64)
    base = (np.sort(generator.random((_ROWS, first)), axis=1) + rows[:, np.newaxis]).ravel()
    starts = np.arange(_ROWS) * first
    for _case in range(cases):
        score = scores[np.searchsorted(base, generator.random(_ROWS) + rows) - starts]
        up, down = np.maximum(0.0, up + score - allowance), np.maximum(0.0, down - score - allowance)
        np.maximum(largest, np.maximum(up, down), out=largest)
    return largest

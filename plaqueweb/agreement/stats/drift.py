"""Has what comes in, or what the model says of it, moved away from a stable stretch? No reader is needed for it.

Source: Yurdakul 2018, "Statistical properties of the population stability index"; Smirnov 1948.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from plaqueweb.agreement.stats.figures import Floats
from plaqueweb.agreement.stats.quantiles import chi_square_quantile

FALSE_ALARM = 0.0027
"""Chance of a value beyond the limit where nothing has moved: that of three standard deviations."""
BINS = 10


@dataclass(frozen=True)
class Shift:
    """How far a sample lies from its baseline, and the limit that chance alone keeps to (1 - ``FALSE_ALARM``)."""

    value: float | None
    limit: float | None
    n: int
    baseline: int

    @property
    def outside(self) -> bool:
        return self.value is not None and self.limit is not None and self.value > self.limit


def _finite(values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64).ravel()
    if not np.isfinite(array).all():
        raise ValueError("Values that are compared with a baseline are finite numbers.")
    return np.sort(array)


def ks_shift(baseline: ArrayLike, sample: ArrayLike, false_alarm: float = FALSE_ALARM) -> Shift:
    """D = sup |F_baseline - F_sample|; limit √(-ln(α/2)/2) √((n+m)/(n m)), the asymptotic one of Smirnov.

    With ties (picture sizes, rounded numbers) the limit errs towards silence. No value without values on both sides.

    Raises:
        ValueError: a value is not finite, or α outside 0 to 1.
    """
    first, second = _finite(baseline), _finite(sample)
    if not 0.0 < false_alarm < 1.0:
        raise ValueError(f"The chance of a false alarm lies between 0 and 1; got {false_alarm}.")
    n, m = int(first.size), int(second.size)
    if n == 0 or m == 0:
        return Shift(None, None, m, n)
    places = np.concatenate([first, second])
    below = [np.searchsorted(part, places, side="right") / part.size for part in (first, second)]
    distance = float(np.abs(below[0] - below[1]).max())
    return Shift(distance, math.sqrt(-math.log(false_alarm / 2) / 2) * math.sqrt((n + m) / (n * m)), m, n)


def _index(shares: Floats, others: Floats) -> float:
    return float(((others - shares) * np.log(others / shares)).sum())


def _psi(first: Floats, second: Floats, false_alarm: float) -> Shift:
    """PSI of two rows of counts; half a case is added to each cell, so that an empty one is finite."""
    n, m, cells = float(first.sum()), float(second.sum()), first.size
    if n == 0 or m == 0:
        return Shift(None, None, int(m), int(n))
    shares, others = (first + 0.5) / (n + cells / 2), (second + 0.5) / (m + cells / 2)
    limit = chi_square_quantile(1 - false_alarm, cells - 1) * (1 / n + 1 / m) if cells > 1 else None
    return Shift(_index(shares, others), limit, int(m), int(n))


def psi(baseline: ArrayLike, sample: ArrayLike, bins: int = BINS, false_alarm: float = FALSE_ALARM) -> Shift:
    """Population stability index Σ (q_b - p_b) ln(q_b / p_b) over bins of equal mass of the baseline.

    Chance alone gives about χ²(bins - 1) (1/n + 1/m): that quantile is the limit, where a fixed 0.25 would raise false
    alarms in small samples. Bins with equal edges are merged. Unit-free.

    Raises:
        ValueError: a value is not finite, or fewer than two bins.
    """
    first, second = _finite(baseline), _finite(sample)
    if bins < 2:
        raise ValueError(f"A distribution is compared over two or more bins; got {bins}.")
    if first.size == 0 or second.size == 0:
        return Shift(None, None, int(second.size), int(first.size))
    edges = np.unique(np.quantile(first, np.linspace(0, 1, bins + 1)[1:-1]))
    counts = [
        np.bincount(np.searchsorted(edges, part, side="left"), minlength=edges.size + 1) for part in (first, second)
    ]
    used = (counts[0] + counts[1]) > 0
    return _psi(counts[0][used].astype(float), counts[1][used].astype(float), false_alarm)


def psi_of_kinds(baseline: Sequence[Any], sample: Sequence[Any], false_alarm: float = FALSE_ALARM) -> Shift:
    """As ``psi`` over kinds (picture sizes, scanners): one cell a kind that occurs in either."""
    kinds = sorted({*baseline, *sample}, key=str)
    first = np.asarray([sum(kind == value for value in baseline) for kind in kinds], dtype=np.float64)
    second = np.asarray([sum(kind == value for value in sample) for kind in kinds], dtype=np.float64)
    if first.sum() == 0 or second.sum() == 0:
        return Shift(None, None, int(second.sum()), int(first.sum()))
    return _psi(first, second, false_alarm)

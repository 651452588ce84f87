"""Two raters or models on the same units: is one right more often than the other?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plaqueweb.agreement.stats.categorical import two_by_two
from plaqueweb.agreement.stats.clusters import clusters_of, subject_sums
from plaqueweb.agreement.stats.figures import Figure, Interval, Z
from plaqueweb.agreement.stats.intervals import wilson
from plaqueweb.agreement.stats.quantiles import chi_square_upper, half_binomial

EXACT_BELOW = 25
"""Fewer discordant units than this: the exact test is the one to quote."""


@dataclass(frozen=True)
class McNemar:
    """Discordant units and their p values (two-sided).

    ``first_only`` (b): the first was right and the second wrong; ``second_only`` (c): the other way round.
    ``difference`` = (b - c) / n, first minus second, with Newcombe's interval.
    """

    first_only: int
    second_only: int
    difference: Figure
    exact_p: float
    mid_p: float
    chi_square: float | None
    chi_square_p: float | None

    @property
    def discordant(self) -> int:
        return self.first_only + self.second_only

    @property
    def p_value(self) -> float:
        """Exact below ``EXACT_BELOW`` discordant units, else chi-square with continuity correction."""
        if self.discordant < EXACT_BELOW or self.chi_square_p is None:
            return self.exact_p
        return self.chi_square_p


def mcnemar(table: Any) -> McNemar:
    """McNemar's test of [[both, first only], [second only, neither]]; one unit a subject.

    Exact: 2 P(X <= min(b, c)), X binomial(b+c, 1/2), at most 1. Mid-p: exact minus P(X = min(b, c)).
    Chi-square with continuity correction: max(abs(b-c) - 1, 0)² / (b+c), one degree of freedom, None when b+c = 0.
    Source: McNemar 1947; Edwards 1948; Fagerland, Lydersen, Laake 2013 (mid-p); Newcombe 1998, method 10.

    Without a discordant unit both p values are 1. Several units a subject: ``mcnemar_clustered``.

    Raises:
        ValueError: no 2 x 2 table of counts.
    """
    counts = two_by_two(table)
    b, c = int(counts[0, 1]), int(counts[1, 0])
    below, point = half_binomial(min(b, c), b + c)
    chi = max(abs(b - c) - 1, 0) ** 2 / (b + c) if b + c else None
    return McNemar(
        first_only=b,
        second_only=c,
        difference=paired_difference(counts),
        exact_p=min(1.0, 2 * below),
        mid_p=min(1.0, 2 * below - point),
        chi_square=chi,
        chi_square_p=None if chi is None else chi_square_upper(chi, 1),
    )


def paired_difference(table: Any) -> Figure:
    """Difference of two paired shares, (b - c) / n, with Newcombe's hybrid score interval (1998, method 10).

    δ = √((p₁-l₁)² - 2φ(p₁-l₁)(u₂-p₂) + (u₂-p₂)²) with Wilson limits l, u and the correlation φ of the 2 x 2 table,
    its numerator reduced by n/2 (not below 0) when positive. "no-units" for an empty table.
    """
    counts = two_by_two(table)
    (both, b), (c, neither) = counts.tolist()
    n = both + b + c + neither
    if n == 0:
        return Figure(None, 0, reason="no-units")
    first, second = both + b, both + c
    one, two = wilson(int(first), int(n)), wilson(int(second), int(n))
    p1, p2 = first / n, second / n
    margins = first * (n - first) * second * (n - second)
    top = both * neither - b * c
    if top > 0:
        top = max(top - n / 2, 0.0)
    phi = top / math.sqrt(margins) if margins else 0.0
    down = (p1 - one.low) ** 2 - 2 * phi * (p1 - one.low) * (two.high - p2) + (two.high - p2) ** 2
    up = (one.high - p1) ** 2 - 2 * phi * (one.high - p1) * (p2 - two.low) + (p2 - two.low) ** 2
    value = (b - c) / n
    low, high = value - math.sqrt(max(down, 0.0)), value + math.sqrt(max(up, 0.0))
    return Figure(value, int(n), Interval(max(-1.0, low), min(1.0, high), "newcombe"), count=int(b - c))


@dataclass(frozen=True)
class ClusteredMcNemar:
    """Discordant units, the difference (b - c) / n with a normal interval over subjects, and its p value."""

    first_only: int
    second_only: int
    subjects: int
    difference: Figure
    chi_square: float | None
    p_value: float


def mcnemar_clustered(first: Sequence[bool], second: Sequence[bool], subjects: Sequence[Any]) -> ClusteredMcNemar:
    """McNemar's test for several units a subject, from whether each of two was right on each unit.

    χ² = (Σ_k d_k)² / Σ_k d_k², d_k = b_k - c_k of subject k, one degree of freedom; with one unit a subject it is
    McNemar's without correction. Source: Yang, Sun, Hardin 2010 (after Obuchowski 1998). The interval takes
    Var = K/(K-1) Σ (d_k - p̂ n_k)² / n². p is 1 when no subject has a balance of discordant units.

    Raises:
        ValueError: lengths differ.
    """
    one, two = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if one.shape != two.shape or one.ndim != 1:
        raise ValueError(f"Two raters need the same units; got {one.shape} and {two.shape}.")
    index, count = clusters_of(one.size, subjects)
    n, b, c = int(one.size), int((one & ~two).sum()), int((~one & two).sum())
    if n == 0:
        return ClusteredMcNemar(0, 0, 0, Figure(None, 0, reason="no-units"), None, 1.0)
    columns = np.column_stack([one.astype(float) - two.astype(float), np.ones(n)])
    sums = subject_sums(columns, index, count)
    balance, units = sums[:, 0], sums[:, 1]
    squares = float((balance**2).sum())
    chi = float(balance.sum()) ** 2 / squares if squares > 0 else None
    value = (b - c) / n
    figure = Figure(value, n, reason="too-few", count=b - c)
    if count > 1:
        se = math.sqrt(count / (count - 1) * float(((balance - value * units) ** 2).sum())) / n
        interval = Interval(max(-1.0, value - Z * se), min(1.0, value + Z * se), "asymptotic")
        figure = Figure(value, n, interval, count=b - c, se=se)
    return ClusteredMcNemar(b, c, count, figure, chi, 1.0 if chi is None else chi_square_upper(chi, 1))

"""Intervals of a proportion. Source: Wilson 1927; Clopper and Pearson 1934 (as in Brown, Cai, DasGupta 2001)."""

from __future__ import annotations

import math

from plaqueweb.agreement.stats.figures import Figure, Interval, Z


def _check(count: int, n: int) -> None:
    if n <= 0 or not 0 <= count <= n:
        raise ValueError(f"A proportion needs 0 <= count <= n and n > 0; got {count} of {n}.")


def wilson(count: int, n: int) -> Interval:
    """Score interval of a proportion: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), within 0 to 1.

    Args:
        count: units that agree, 0 to n. n: all units, at least 1.

    Raises:
        ValueError: n is not positive or the count lies outside 0 to n.
    """
    _check(count, n)
    p = count / n
    centre = p + Z**2 / (2 * n)
    half = Z * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    scale = 1 + Z**2 / n
    # At the ends the formula gives 0 and 1 exactly; rounding must not leave 1.0000000000000002.
    low = 0.0 if count == 0 else max(0.0, (centre - half) / scale)
    high = 1.0 if count == n else min(1.0, (centre + half) / scale)
    return Interval(low, high, "wilson")


def clopper_pearson(count: int, n: int) -> Interval:
    """Exact interval: Beta(α/2; x, n-x+1) and Beta(1-α/2; x+1, n-x); 0 at x = 0 and 1 at x = n.

    Raises:
        ValueError: n is not positive or the count lies outside 0 to n.
    """
    # Loaded on first use: the web process stays small.
    from scipy.special import betaincinv  # type: ignore[import-untyped]

    _check(count, n)
    low = 0.0 if count == 0 else float(betaincinv(count, n - count + 1, 0.025))
    high = 1.0 if count == n else float(betaincinv(count + 1, n - count, 0.975))
    return Interval(low, high, "clopper-pearson")


def proportion(count: int, n: int, *, exact: bool = False) -> Figure:
    """count/n with its Wilson interval, or Clopper and Pearson's when ``exact``. Units must be independent subjects.

    n = 0 gives no value ("no-units").
    """
    if n == 0:
        return Figure(None, 0, reason="no-units", count=0)
    return Figure(count / n, n, clopper_pearson(count, n) if exact else wilson(count, n), count=count)

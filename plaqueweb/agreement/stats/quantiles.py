"""Tails and quantiles of the normal, t, chi-square, F and binomial distributions.

``scipy.special`` is loaded on first use: the web process imports these modules and stays small.
"""

from __future__ import annotations

import math
from statistics import NormalDist

_NORMAL = NormalDist()


def normal_quantile(share: float) -> float:
    """z with P(Z <= z) = share, 0 < share < 1."""
    return _NORMAL.inv_cdf(share)


def normal_two_sided(z: float) -> float:
    """P(abs(Z) >= abs(z)), exact in the far tail."""
    return math.erfc(abs(z) / math.sqrt(2))


def normal_upper(z: float) -> float:
    """P(Z >= z)."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def t_quantile(share: float, df: float) -> float:
    """t with P(T <= t) = share; the normal quantile for infinite degrees of freedom."""
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    return normal_quantile(share) if math.isinf(df) else float(stdtrit(df, share))


def t_upper(t: float, df: float) -> float:
    """P(T >= t); the normal tail for infinite degrees of freedom."""
    from scipy.special import stdtr

    return normal_upper(t) if math.isinf(df) else float(stdtr(df, -t))


def t_two_sided(t: float, df: float) -> float:
    """P(abs(T) >= abs(t))."""
    return 2 * t_upper(abs(t), df)


def chi_square_quantile(share: float, df: float) -> float:
    """x with P(X <= x) = share for X chi-square with df degrees of freedom."""
    from scipy.special import chdtri

    return float(chdtri(df, 1 - share))


def chi_square_upper(x: float, df: float) -> float:
    """P(X >= x) for X chi-square with df degrees of freedom."""
    from scipy.special import chdtrc

    return float(chdtrc(df, x))


def f_quantile(share: float, df_top: float, df_bottom: float) -> float:
    """x with P(F <= x) = share; degrees of freedom may be fractions."""
    from scipy.special import fdtri

    return float(fdtri(df_top, df_bottom, share))


def half_binomial(count: int, n: int) -> tuple[float, float]:
    """(P(X <= count), P(X = count)) for X binomial with n trials at 1/2."""
    from scipy.special import bdtr

    point = math.exp(math.lgamma(n + 1) - math.lgamma(count + 1) - math.lgamma(n - count + 1) - n * math.log(2))
    return float(bdtr(count, n, 0.5)), point

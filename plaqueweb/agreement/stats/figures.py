"""What every statistic returns: a value with its n, its interval, and the reason when there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Method = Literal[
    "wilson",
    "clopper-pearson",
    "newcombe",
    "asymptotic",
    "logit",
    "t",
    "f",
    "mover",
    "rank",
    "jackknife",
    "subject bootstrap",
]
Reason = Literal["", "no-units", "one-class", "too-few", "no-spread", "undefined-resamples", "at-bound", "separated"]
"""Why a value or its interval is missing. "at-bound": the estimated variance is 0 (a share of 0 or 1, say), an interval
would have no width. "separated": the outcomes split at one probability, the logistic fit has no finite maximum."""
Floats = NDArray[np.float64]

MIN_SUBJECTS = 10
"""Below this number of subjects a point is given without an interval."""
LEVEL = 0.95
Z = 1.959963984540054
"""The 0.975 quantile of the normal distribution."""


@dataclass(frozen=True)
class Interval:
    """A two-sided 95 % confidence interval in the unit of its value, and how it was made."""

    low: float
    high: float
    method: Method

    def as_dict(self) -> dict[str, Any]:
        return {"low": self.low, "high": self.high, "level": LEVEL, "method": self.method}


@dataclass(frozen=True)
class Figure:
    """One number that may be shown.

    ``value`` is None when the statistic is undefined; ``reason`` then says why. With a value, ``reason`` says why
    there is no interval ("too-few"). ``n`` counts the units behind it; ``count`` is the numerator of a proportion.
    """

    value: float | None
    n: int
    interval: Interval | None = None
    reason: Reason = ""
    count: int | None = None
    se: float | None = None

    def as_dict(self) -> dict[str, Any]:
        interval = self.interval.as_dict() if self.interval else None
        return {"value": self.value, "n": self.n, "count": self.count, "interval": interval, "reason": self.reason}


def finite(value: float | np.floating[Any] | Floats) -> float | None:
    """The one value as a float, or None for NaN and infinity: neither is a number to show."""
    return float(value) if np.isfinite(value) else None

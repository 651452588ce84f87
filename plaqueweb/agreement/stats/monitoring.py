"""Has agreement changed since? Control charts for each model version, site and scanner.

Charts assume that the level before the change is known: take it from a stable stretch, and anew for a new model.
Source: Montgomery, "Introduction to statistical quality control".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plaqueweb.agreement.stats.categorical import divide
from plaqueweb.agreement.stats.figures import Floats

FEW_UNITS = 20
"""A period with fewer units has a point on the p-chart and no limits: three sigma mean nothing there."""
_MOVING_RANGE = 1.128
"""Expected range of two normal values in standard deviations (d2)."""


@dataclass(frozen=True)
class Chart:
    """One point a period: the value, its limits (NaN where there are none) and whether it lies outside; shapes (t,)."""

    values: Floats
    centre: float
    lower: Floats
    upper: Floats
    outside: NDArray[np.bool_]
    spread: float = 1.0
    """Laney's factor for the spread between periods; 1 on other charts."""


def p_chart(
    events: ArrayLike, units: ArrayLike, centre: float | None = None, *, laney: bool = False, few: int = FEW_UNITS
) -> Chart:
    """Share of events (disagreements) a period: p̄ ± 3 √(p̄ (1-p̄) / n_t), within 0 to 1. Source: Shewhart 1931.

    Args:
        events, units: whole numbers a period, shape (t,). centre: p̄ from a stable stretch; None: of these periods.
        laney: widen (or narrow) by the spread between periods, mean moving range of z over 1.128, for units that are
            alike within a period (Laney 2002).

    Raises:
        ValueError: counts that do not fit, no unit and no centre, or a centre outside 0 to 1.
    """
    hits, n = np.asarray(events, dtype=np.float64), np.asarray(units, dtype=np.float64)
    if hits.ndim != 1 or hits.shape != n.shape:
        raise ValueError(f"Each period has events and units; got {hits.shape} and {n.shape}.")
    if (hits < 0).any() or (hits > n).any() or not (np.isfinite(hits).all() and np.isfinite(n).all()):
        raise ValueError("Events are part of a period's units.")
    if centre is None:
        if n.sum() == 0:
            raise ValueError("Without a unit the centre of the chart must be given.")
        centre = float(hits.sum() / n.sum())
    if not 0.0 <= centre <= 1.0:
        raise ValueError(f"The centre of a p-chart lies between 0 and 1; got {centre}.")
    share = divide(hits, n)
    sigma = np.sqrt(divide(np.full(n.shape, centre * (1 - centre)), n))
    enough = n >= max(few, 1)
    factor = _laney(share[enough], sigma[enough], centre) if laney else 1.0
    lower = np.where(enough, np.clip(centre - 3 * sigma * factor, 0.0, 1.0), np.nan)
    upper = np.where(enough, np.clip(centre + 3 * sigma * factor, 0.0, 1.0), np.nan)
    return Chart(share, centre, lower, upper, (share < lower - 1e-12) | (share > upper + 1e-12), factor)


def _laney(share: Floats, sigma: Floats, centre: float) -> float:
    if share.size < 2 or not (sigma > 0).all():
        return 1.0
    z = (share - centre) / sigma
    return float(np.abs(np.diff(z)).mean()) / _MOVING_RANGE


def ewma(values: ArrayLike, centre: float, sigma: float, weight: float = 0.2, width: float = 2.7) -> Chart:
    """z_t = λ x_t + (1-λ) z_{t-1}, z_0 the centre; limits centre ± L σ √(λ/(2-λ) (1 - (1-λ)^{2t})).

    Source: Roberts 1959.

    Args:
        values: shape (t,), in time. centre, sigma: mean and standard deviation of one value before any change.
        weight: λ, above 0 and at most 1. width: L.

    Raises:
        ValueError: a value is not finite, sigma or width is not above 0, or the weight lies outside 0 to 1.
    """
    x = _series(values, sigma)
    if not 0.0 < weight <= 1.0:
        raise ValueError(f"The weight of an EWMA lies above 0 and up to 1; got {weight}.")
    if not width > 0:
        raise ValueError(f"The width of the limits is above 0; got {width}.")
    smooth = np.empty(x.size)
    last = centre
    for place, value in enumerate(x):
        last = weight * value + (1 - weight) * last
        smooth[place] = last
    steps = np.arange(1, x.size + 1)
    half = width * sigma * np.sqrt(weight / (2 - weight) * (1 - (1 - weight) ** (2 * steps)))
    outside = np.abs(smooth - centre) > half
    return Chart(smooth, centre, centre - half, centre + half, outside)


def _series(values: ArrayLike, sigma: float) -> Floats:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise ValueError("A series has one finite value a step.")
    if not (math.isfinite(sigma) and sigma > 0):
        raise ValueError(f"The standard deviation before a change is above 0; got {sigma}.")
    return x


@dataclass(frozen=True)
class Cusum:
    """Sums after each value, shape (t,), and the places (from 0) of alarms, after each of which they start at 0."""

    upper: Floats
    lower: Floats
    limit: float
    alarms: tuple[int, ...]


def cusum(values: ArrayLike, centre: float, sigma: float, allowance: float = 0.5, decision: float = 5.0) -> Cusum:
    """Two-sided CUSUM of a mean: C+ = max(0, C+ + (x - centre)/σ - k), C- likewise; alarm above h. Source: Page 1954.

    In standard deviations: allowance k = 0.5 looks for a shift of one, h = 5 gives a false alarm in about 465 values.

    Raises:
        ValueError: as ``ewma``; allowance below 0 or decision not above 0.
    """
    x = _series(values, sigma)
    if allowance < 0 or not decision > 0:
        raise ValueError(f"A CUSUM needs an allowance from 0 and a decision above 0; got {allowance}, {decision}.")
    upper, lower = np.empty(x.size), np.empty(x.size)
    up = down = 0.0
    alarms = []
    for place, value in enumerate((x - centre) / sigma):
        up, down = max(0.0, up + value - allowance), max(0.0, down - value - allowance)
        upper[place], lower[place] = up, down
        if max(up, down) > decision:
            alarms.append(place)
            up = down = 0.0
    return Cusum(upper, lower, decision, tuple(alarms))


def _steps(before: float, after: float) -> tuple[float, float]:
    if not 0.0 < before < after < 1.0:
        raise ValueError(f"The share of events rises from above 0 to below 1; got {before} to {after}.")
    return math.log(after / before), math.log((1 - after) / (1 - before))


def bernoulli_cusum(events: Sequence[Any] | NDArray[Any], before: float, after: float, decision: float) -> Cusum:
    """S = max(0, S + w), w = ln(p1/p0) at an event and ln((1-p1)/(1-p0)) otherwise; alarm at S >= h, then S = 0.

    The quickest test for a rise of a share case by case. Source: Reynolds and Stoumbos 1999; Steiner 2000.

    Args:
        events: true where model and readers disagree, in time, shape (t,). before, after: p0 < p1. decision: h, see
            ``run_length``.

    Raises:
        ValueError: shares out of order, a decision not above 0, or an event that is neither true nor false.
    """
    up, down = _steps(before, after)
    if not decision > 0:
        raise ValueError(f"The decision limit is above 0; got {decision}.")
    hits = np.asarray(events, dtype=np.float64)
    if hits.ndim != 1 or not np.isin(hits, (0.0, 1.0)).all():
        raise ValueError("An event is true or false.")
    sums = np.empty(hits.size)
    last, alarms = 0.0, []
    for place, hit in enumerate(hits):
        last = max(0.0, last + (up if hit else down))
        sums[place] = last
        if last >= decision:
            alarms.append(place)
            last = 0.0
    return Cusum(sums, np.zeros(hits.size), decision, tuple(alarms))


def run_length(share: float, before: float, after: float, decision: float) -> float:
    """Mean number of cases until ``bernoulli_cusum`` gives an alarm when events have the true ``share``.

    Exact by renewal: a cycle runs from 0 until the sum is back at 0 or at the limit; the mean is E(cycle length) over
    P(cycle ends in an alarm). Within a cycle the sum is i ln(p1/p0) + (t-i) ln((1-p1)/(1-p0)) after t cases with i
    events, so only a few states carry weight. Infinite where no event can occur.

    Raises:
        ValueError: as ``bernoulli_cusum``, or a share outside 0 to 1.
    """
    up, down = _steps(before, after)
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"A share lies between 0 and 1; got {share}.")
    if not decision > 0:
        raise ValueError(f"The decision limit is above 0; got {decision}.")
    if share == 0.0:
        return math.inf
    states, case, length, alarm = {0: 1.0}, 0, 0.0, 0.0
    while states:
        case += 1
        following: dict[int, float] = {}
        for hits, weight in states.items():
            for next_hits, chance in ((hits + 1, weight * share), (hits, weight * (1 - share))):
                total = next_hits * up + (case - next_hits) * down
                if total >= decision:
                    alarm += chance
                    length += chance * case
                elif total <= 0:
                    length += chance * case
                elif chance > 1e-15:
                    following[next_hits] = following.get(next_hits, 0.0) + chance
        states = following
    return length / alarm if alarm > 0 else math.inf


def decision_limit(cases: float, before: float, after: float) -> float:
    """The smallest limit h (to 0.001) with which ``bernoulli_cusum`` runs ``cases`` on average before a false alarm.

    Raises:
        ValueError: as ``bernoulli_cusum``, or fewer than one case.
    """
    if not cases >= 1:
        raise ValueError(f"A run has at least one case; got {cases}.")
    high = 1.0
    while run_length(before, before, after, high) < cases:
        high *= 2
    low = 0.0
    while high - low > 0.0005:
        middle = (low + high) / 2
        low, high = (low, middle) if run_length(before, before, after, middle) >= cases else (middle, high)
    return math.ceil(high * 1000) / 1000

"""Agreement of one series in time: a p-chart by period, and case by case two cumulative sums, of disagreement on the
class and of the difference of thickness.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from plaqueweb.agreement import stats
from plaqueweb.agreement.figures.periods import CASES, MIN_BASELINE, PERIODS, Met, baseline, period_start, periods_of

WEIGHT = 0.05
"""Of the moving average, case by case: it shows the course and raises no alarm, the sums are quicker."""
OVERDISPERSED = 1.2
"""Laney's limits take the place of Shewhart's above this factor."""
_STEP = 10
"""First values are counted in tens where a limit is simulated, downwards: fewer simulations, a limit a little wide."""


def agreement(key: tuple[str, str], rows: Sequence[Met], weeks: int, chance: float, split: str = "") -> dict[str, Any]:
    """Points and alarms of one series; ``chance``: of a false alarm of one chart within the horizon."""
    periods = periods_of(rows, weeks)
    base = baseline(len(rows))
    hits = sum(not row.agrees for row in rows[:base])
    # Half an event is added: without one in the baseline every single disagreement would be an alarm.
    level = (hits + 0.5) / (base + 1) if base else None
    shown = _Shares(level, hits, base, chance / PERIODS, periods)
    sums, bias = _class_sums(rows, hits, base, chance), _bias(rows, base, chance)
    average = _average(rows, level)
    points, end = [], 0
    for place, (day, inside) in enumerate(periods):
        start, end = end, end + len(inside)
        points.append(
            {
                "start": day.isoformat(),
                "n": len(inside),
                **shown.point(place, judged=start >= base > 0),
                "ewma": average[end - 1] if inside and average else None,
                "cusum": _at(sums["sums"], end - 1 if inside else -1),
                **_bias_point(bias, rows, start, end),
                "studies": [row.study for row in inside],
            }
        )
    return {
        "pipeline": key[0],
        "site": key[1] if split == "site" else "",
        "scanner": key[1] if split == "scanner" else "",
        "cases": len(rows),
        "baseline": {"cases": base, "differ": hits, "level": level},
        "laney": shown.spread if shown.spread > 1 else None,
        "decision": sums["decision"],
        "looks_for": sums["looks_for"],
        "bias": {"decision": bias["decision"], "baseline": bias["baseline"], "level": bias["level"]},
        "points": points,
        "alarms": _alarms(rows, points, {"cusum": sums, "bias": bias}, weeks),
    }


class _Shares:
    """The p-chart: counts of a period against what the first cases predict, wider where periods differ (Laney)."""

    def __init__(
        self, level: float | None, hits: int, base: int, chance: float, periods: Sequence[tuple[Any, Sequence[Met]]]
    ) -> None:
        self.level, self.hits, self.base, self.chance = level, hits, base, chance
        self.events = [sum(not row.agrees for row in inside) for _day, inside in periods]
        self.units = [len(inside) for _day, inside in periods]
        spread = stats.p_chart(self.events, self.units, level, laney=True).spread
        self.spread = spread if spread > OVERDISPERSED else 1.0

    def point(self, place: int, *, judged: bool) -> dict[str, Any]:
        """Share of one period, with limits where it is judged and has enough cases."""
        differ, n = self.events[place], self.units[place]
        value = differ / n if n else None
        lower = upper = None
        if judged and self.level is not None and n >= stats.FEW_UNITS:
            counts = stats.predictive_counts(self.hits, self.base, n, self.chance)
            lower, upper = (min(max(self.level + (c / n - self.level) * self.spread, 0.0), 1.0) for c in counts)
        outside = value is not None and upper is not None and value > upper + 1e-12
        return {"differ": differ, "value": value, "lower": lower, "upper": upper, "outside": outside}


def _average(rows: Sequence[Met], level: float | None) -> list[float]:
    """The moving average of disagreement after each case; empty without a level."""
    if level is None:
        return []
    chart = stats.ewma([float(not row.agrees) for row in rows], level, 1.0, WEIGHT)
    return [float(value) for value in chart.values]


def _class_sums(rows: Sequence[Met], hits: int, base: int, chance: float) -> dict[str, Any]:
    """The Bernoulli CUSUM after each case beyond the first ones, None among them.

    Its steps start at the upper end of what the first cases allow: a level that only looked low is no change.
    """
    nothing = {"sums": [None] * len(rows), "decision": None, "looks_for": None, "alarms": []}
    before = stats.clopper_pearson(hits, base).high if base else 1.0
    if not before < 0.95:
        return nothing
    after = min(2 * before, (1 + before) / 2)
    decision = stats.bernoulli_decision(hits, base, before, after, CASES, chance)
    found = stats.bernoulli_cusum([not row.agrees for row in rows[base:]], before, after, decision)
    return {
        "sums": [*([None] * base), *found.upper.tolist()],
        "decision": decision,
        "looks_for": after,
        "alarms": [(base + place, float(found.upper[place])) for place in found.alarms],
    }


def _bias(rows: Sequence[Met], base: int, chance: float) -> dict[str, Any]:
    """The CUSUM of model minus other side in mm, as normal scores among the first differences; above 0 is thicker."""
    places = [place for place, row in enumerate(rows) if row.mm is not None]
    first = [place for place in places if place < base]
    values = np.asarray([rows[place].mm for place in places], dtype=np.float64)
    found: dict[str, Any] = {
        "sums": [None] * len(rows), "decision": None, "baseline": len(first), "level": None, "alarms": []
    }  # fmt: skip
    if len(first) < MIN_BASELINE:
        return found
    known = values[: len(first)]
    decision = stats.scores_decision(len(first) // _STEP * _STEP, CASES, chance)
    scores = stats.normal_scores(known, values[len(first) :])
    chart = stats.cusum(scores, 0.0, 1.0, stats.ALLOWANCE, decision)
    later = places[len(first) :]
    signed = np.where(chart.upper >= chart.lower, chart.upper, -chart.lower)
    for place, value in zip(later, signed.tolist(), strict=True):
        found["sums"][place] = value
    alarms = [(later[place], float(signed[place])) for place in chart.alarms]
    return found | {"decision": decision, "level": float(known.mean()), "alarms": alarms}


def _bias_point(bias: dict[str, Any], rows: Sequence[Met], start: int, end: int) -> dict[str, Any]:
    """Mean difference of a period in mm, over how many studies, and the sum at its end."""
    inside = [row.mm for row in rows[start:end] if row.mm is not None]
    last = next((value for value in reversed(bias["sums"][start:end]) if value is not None), None)
    return {"mm_n": len(inside), "mm": float(np.mean(inside)) if inside else None, "bias": last}


def _at(values: Sequence[float | None], place: int) -> float | None:
    return values[place] if place >= 0 else None


def _alarms(
    rows: Sequence[Met], points: Sequence[dict[str, Any]], sums: dict[str, dict[str, Any]], weeks: int
) -> list[dict[str, Any]]:
    """Each crossing of a limit towards more disagreement or another thickness, one a chart and period."""
    found = [
        {"chart": "p_chart", "start": p["start"], "value": p["value"], "limit": p["upper"], "n": p["n"]}
        for p in points
        if p["outside"]
    ]
    found += [alarm for chart, one in sums.items() for alarm in _crossings(chart, rows, one, weeks)]
    first = {(alarm["chart"], alarm["start"]): alarm for alarm in reversed(found)}
    return sorted(first.values(), key=lambda alarm: (alarm["start"], alarm["chart"]))


def _crossings(chart: str, rows: Sequence[Met], one: dict[str, Any], weeks: int) -> Iterable[dict[str, Any]]:
    for place, value in one["alarms"]:
        start = period_start(rows[place].at, weeks).isoformat()
        yield {"chart": chart, "start": start, "value": value, "limit": one["decision"], "n": place + 1}

"""Has it changed? Disagreement and label-free signals by week, each pipeline (and scanner) with limits of its own.

Pure and JSON-ready. Every pipeline starts anew: its first cases are its baseline, and no change is smoothed over.
Agreement is dated by the reader's signature, a signal by the study's arrival.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar

import numpy as np

from plaqueweb.agreement import stats

BASELINE = 50
"""Cases of a series from which its level is taken."""
MIN_BASELINE = 20
"""Below this number of cases a series has points and no limits."""
FALSE_ALARMS = 400.0
"""The Bernoulli CUSUM runs this many cases on average before a false alarm."""
WEIGHT, WIDTH = 0.05, 2.7
"""EWMA of single cases. Simulated: 370, 590, 820 cases to a false alarm at 5, 15, 30 % disagreement, 46, 29, 15 to an
alarm once it doubles. The textbook weight of 0.2 is meant for means and would give 90 at 5 %."""
OVERDISPERSED = 1.2
"""Laney's limits take the place of Shewhart's above this factor."""
WEEKS = (1, 2, 4)
SIGNALS = ("class_share", "probability", "thickness", "area", "picture")


@dataclass(frozen=True)
class Met:
    """A case that the model and the other side both gave a class; ``at`` the day the other side signed."""

    study: str
    at: date
    pipeline: str
    scanner: str
    agrees: bool


@dataclass(frozen=True)
class Seen:
    """A prediction, whether anybody read the study or not; ``picture`` the size, say 800x600."""

    study: str
    at: date
    pipeline: str
    scanner: str
    klass: int | None
    probability: float | None = None
    thickness: float | None = None
    area: float | None = None
    picture: str = ""


Row = TypeVar("Row", Met, Seen)


@dataclass(frozen=True)
class Change:
    """A pipeline that took over on a day."""

    pipeline: str
    at: date


def compute_time(
    met: Sequence[Met], seen: Sequence[Seen], changes: Sequence[Change], *, weeks: int = 0, by_scanner: bool = False
) -> dict[str, Any]:
    """All figures of the time tab.

    Args:
        weeks: length of a period; 0 takes the shortest of 1, 2 and 4 in which the middle period has 20 cases.
        by_scanner: a series for each pipeline and scanner, else for each pipeline.
    """
    series = _grouped(met, by_scanner)
    length = weeks or max((period_length([row.at for row in rows]) for rows in series.values()), default=WEEKS[0])
    signals = _grouped(seen, by_scanner)
    return {
        "weeks": length,
        "series": [_agreement(key, rows, length) for key, rows in series.items()],
        "signals": [_signals(key, rows, length) for key, rows in signals.items()],
        "changes": [{"pipeline": row.pipeline, "at": row.at.isoformat()} for row in sorted(changes, key=_when)],
        "n": {"cases": len(met), "predictions": len(seen), "differ": sum(not row.agrees for row in met)},
    }


def _when(row: Any) -> tuple[date, str]:
    return row.at, row.pipeline


def week_start(day: date) -> date:
    """The Monday of a day's ISO week."""
    return day - timedelta(days=day.weekday())


def period_start(day: date, weeks: int) -> date:
    """The Monday on which a day's period began; periods of several weeks are counted from 1970, so they never move."""
    monday = week_start(day)
    number = (monday - date(1970, 1, 5)).days // 7
    return monday - timedelta(weeks=number % weeks)


def period_length(days: Sequence[date]) -> int:
    """The shortest of 1, 2 and 4 weeks in which the middle period holds 20 cases; the longest where none does."""
    for weeks in WEEKS:
        counts: dict[date, int] = defaultdict(int)
        for day in days:
            counts[period_start(day, weeks)] += 1
        if counts and np.median(list(counts.values())) >= stats.FEW_UNITS:
            return weeks
    return WEEKS[-1] if days else WEEKS[0]


def _grouped(rows: Sequence[Row], by_scanner: bool) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.at, row.study)):
        found[row.pipeline, row.scanner if by_scanner else ""].append(row)
    return dict(sorted(found.items(), key=lambda item: (item[1][0].at, item[0])))


def _periods(rows: Sequence[Row], weeks: int) -> list[tuple[date, list[Row]]]:
    """Every period from the first case to the last, empty ones too."""
    inside: dict[date, list[Row]] = defaultdict(list)
    for row in rows:
        inside[period_start(row.at, weeks)].append(row)
    found, day = [], min(inside)
    while day <= max(inside):
        found.append((day, inside.get(day, [])))
        day += timedelta(weeks=weeks)
    return found


def _baseline(count: int) -> int:
    return min(BASELINE, count) if count >= MIN_BASELINE else 0


def _agreement(key: tuple[str, str], rows: Sequence[Met], weeks: int) -> dict[str, Any]:
    """p-chart of disagreement by period, EWMA and Bernoulli CUSUM case by case."""
    periods = _periods(rows, weeks)
    events = [sum(not row.agrees for row in inside) for _day, inside in periods]
    units = [len(inside) for _day, inside in periods]
    base = _baseline(len(rows))
    hits = sum(not row.agrees for row in rows[:base])
    # Half an event is added: without one in the baseline every single disagreement would be an alarm.
    level = (hits + 0.5) / (base + 1) if base else None
    laney = stats.p_chart(events, units, level, laney=True)
    over = laney.spread > OVERDISPERSED
    chart = laney if over else stats.p_chart(events, units, level)
    one_by_one = _case_by_case(rows, level, base)
    ends = np.cumsum(units)
    points = [
        {
            "start": day.isoformat(),
            "n": units[i],
            "differ": events[i],
            "value": _number(chart.values[i]),
            "lower": _number(chart.lower[i]) if level is not None else None,
            "upper": _number(chart.upper[i]) if level is not None else None,
            "outside": bool(level is not None and chart.values[i] > chart.upper[i] + 1e-12),
            "ewma": one_by_one["ewma"][ends[i] - 1] if units[i] and one_by_one["ewma"] else None,
            "ewma_limit": one_by_one["ewma_limit"][ends[i] - 1] if units[i] and one_by_one["ewma"] else None,
            "cusum": one_by_one["cusum"][ends[i] - 1] if units[i] and one_by_one["cusum"] else None,
            "studies": [row.study for row in inside],
        }
        for i, (day, inside) in enumerate(periods)
    ]
    return {
        "pipeline": key[0],
        "scanner": key[1],
        "cases": len(rows),
        "baseline": {"cases": base, "differ": hits, "level": level},
        "laney": laney.spread if over else None,
        "decision": one_by_one["decision"],
        "looks_for": one_by_one["looks_for"],
        "points": points,
        "alarms": _alarms(rows, points, one_by_one, weeks),
    }


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _case_by_case(rows: Sequence[Met], level: float | None, base: int) -> dict[str, Any]:
    """EWMA and CUSUM after each case of a series; empty without a baseline, within which the EWMA gives no alarm."""
    if level is None or not 0.0 < level < 0.95:
        return {"ewma": [], "ewma_limit": [], "cusum": [], "decision": None, "looks_for": None, "ewma_at": [], "at": []}
    after = min(2 * level, (1 + level) / 2)
    decision = stats.decision_limit(FALSE_ALARMS, level, after)
    differs = [not row.agrees for row in rows]
    smooth = stats.ewma([float(x) for x in differs], level, float(np.sqrt(level * (1 - level))), WEIGHT, WIDTH)
    cusum = stats.bernoulli_cusum(differs, level, after, decision)
    return {
        "ewma": smooth.values.tolist(),
        "ewma_limit": smooth.upper.tolist(),
        "ewma_at": [place for place in _excursions(smooth, level) if place >= base],
        "cusum": cusum.upper.tolist(),
        "decision": decision,
        "looks_for": after,
        "at": list(cusum.alarms),
    }


def _excursions(chart: stats.Chart, level: float) -> list[int]:
    """Where a value first lies above its limit; the next counts once it was back at the level: one cause, one alarm."""
    found, ready = [], True
    for place, (value, limit) in enumerate(zip(chart.values, chart.upper, strict=True)):
        if ready and value > limit:
            found.append(place)
            ready = False
        elif value <= level:
            ready = True
    return found


def _alarms(
    rows: Sequence[Met], points: Sequence[dict[str, Any]], found: dict[str, Any], weeks: int
) -> list[dict[str, Any]]:
    """Each crossing of a limit towards more disagreement, one a chart and period."""
    alarms = [
        {"chart": "p_chart", "start": p["start"], "value": p["value"], "limit": p["upper"], "n": p["n"]}
        for p in points
        if p["outside"]
    ]
    for chart, places, values, limits in (
        ("ewma", found["ewma_at"], found["ewma"], found["ewma_limit"]),
        ("cusum", found["at"], found["cusum"], None),
    ):
        for place in places:
            start = period_start(rows[place].at, weeks).isoformat()
            limit = limits[place] if limits else found["decision"]
            alarms.append({"chart": chart, "start": start, "value": values[place], "limit": limit, "n": place + 1})
    first = {(alarm["chart"], alarm["start"]): alarm for alarm in reversed(alarms)}
    return sorted(first.values(), key=lambda alarm: (alarm["start"], alarm["chart"]))


def _signals(key: tuple[str, str], rows: Sequence[Seen], weeks: int) -> dict[str, Any]:
    """Each signal by period against the series' first cases; a period inside the baseline is shown and not judged."""
    base = list(rows[: _baseline(len(rows))])
    last = base[-1].at if base else None
    periods = _periods(rows, weeks)
    found = []
    for name in SIGNALS:
        points = []
        for day, inside in periods:
            judged = [row for row in inside if last is not None and row.at > last]
            shift = SHIFTS[name](base, judged)
            points.append({"start": day.isoformat(), "n": len(inside), "mean": MEANS[name](inside), **shift})
        found.append({"signal": name, "baseline": MEANS[name](base), "points": points})
    alarms = [
        {"chart": part["signal"], "start": p["start"], "value": p["value"], "limit": p["limit"], "n": p["judged"]}
        for part in found
        for p in part["points"]
        if p["outside"]
    ]
    return {
        "pipeline": key[0],
        "scanner": key[1],
        "predictions": len(rows),
        "baseline": len(base),
        "signals": found,
        "studies": [{"start": day.isoformat(), "studies": [row.study for row in inside]} for day, inside in periods],
        "alarms": alarms,
    }


def _values(rows: Sequence[Seen], name: str) -> list[float]:
    given = (getattr(row, name) for row in rows)
    return [float(value) for value in given if value is not None]


def _mean(name: str) -> Callable[[Sequence[Seen]], float | None]:
    def mean(rows: Sequence[Seen]) -> float | None:
        values = _values(rows, name)
        return float(np.mean(values)) if values else None

    return mean


def _class_share(rows: Sequence[Seen]) -> float | None:
    return sum(row.klass is not None for row in rows) / len(rows) if rows else None


def _commonest(rows: Sequence[Seen]) -> str | None:
    sizes = [row.picture for row in rows if row.picture]
    return max(sorted(set(sizes)), key=sizes.count) if sizes else None


def _judged(shift: stats.Shift, few: int = MIN_BASELINE // 4) -> dict[str, Any]:
    """A distance and its limit; a period with fewer than five values is not judged."""
    enough = shift.n >= few and shift.baseline >= MIN_BASELINE
    return {
        "judged": shift.n,
        "value": shift.value if enough else None,
        "limit": shift.limit if enough else None,
        "outside": enough and shift.outside,
    }


def _ks(name: str) -> Callable[[Sequence[Seen], Sequence[Seen]], dict[str, Any]]:
    return lambda base, rows: _judged(stats.ks_shift(_values(base, name), _values(rows, name)))


def _kinds(form: Callable[[Seen], str]) -> Callable[[Sequence[Seen], Sequence[Seen]], dict[str, Any]]:
    return lambda base, rows: _judged(
        stats.psi_of_kinds([form(row) for row in base if form(row)], [form(row) for row in rows if form(row)])
    )


SHIFTS: dict[str, Callable[[Sequence[Seen], Sequence[Seen]], dict[str, Any]]] = {
    "class_share": _kinds(lambda row: "class" if row.klass is not None else "none"),
    "probability": _ks("probability"),
    "thickness": _ks("thickness"),
    "area": _ks("area"),
    "picture": _kinds(lambda row: row.picture),
}
"""Distance from the baseline: PSI of kinds, else the Kolmogorov-Smirnov distance of the values."""
MEANS: dict[str, Callable[[Sequence[Seen]], Any]] = {
    "class_share": _class_share,
    "probability": _mean("probability"),
    "thickness": _mean("thickness"),
    "area": _mean("area"),
    "picture": _commonest,
}

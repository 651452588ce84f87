"""Signals that need no reader, by period: how far the predictions lie from the first ones of their series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from plaqueweb.agreement import stats
from plaqueweb.agreement.figures.periods import MIN_BASELINE, PERIODS, SIGNALS, Seen, baseline, periods_of


def signals(key: tuple[str, str], rows: Sequence[Seen], weeks: int, chance: float, split: str = "") -> dict[str, Any]:
    """Each signal by period against the series' first cases; what lies among them is shown and not judged.

    ``chance``: of a false alarm of one signal in ``PERIODS`` periods.
    """
    base = list(rows[: baseline(len(rows))])
    last = base[-1].at if base else None
    periods = periods_of(rows, weeks)
    found = []
    for name in SIGNALS:
        points = []
        for day, inside in periods:
            judged = [row for row in inside if last is not None and row.at > last]
            shift = SHIFTS[name](base, judged, chance / PERIODS)
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
        "site": key[1] if split == "site" else "",
        "scanner": key[1] if split == "scanner" else "",
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


Distance = Callable[[Sequence[Seen], Sequence[Seen], float], dict[str, Any]]
"""From the first cases, those of a period, and the chance of a false alarm."""


def _ks(name: str) -> Distance:
    return lambda base, rows, chance: _judged(stats.ks_shift(_values(base, name), _values(rows, name), chance))


def _kinds(form: Callable[[Seen], str]) -> Distance:
    def distance(base: Sequence[Seen], rows: Sequence[Seen], chance: float) -> dict[str, Any]:
        first, later = ([form(row) for row in part if form(row)] for part in (base, rows))
        return _judged(stats.psi_of_kinds(first, later, chance))

    return distance


SHIFTS: dict[str, Distance] = {
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

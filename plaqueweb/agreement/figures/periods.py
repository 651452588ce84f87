"""Cases in time: what a series holds, the periods that it is counted in, and the first cases that give its level."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

import numpy as np

from plaqueweb.agreement import stats

BASELINE = 100
"""First cases of a series: they give its level and raise no alarm."""
MIN_BASELINE = 20
"""Below this number of cases a series has points and no limits."""
FALSE_ALARM = 0.05
"""Chance that a pipeline which does not change raises any alarm within the horizon, all charts and series together."""
CASES, PERIODS = 500, 26
"""The horizon: so many cases, or periods, after the first cases."""
WEEKS = (1, 2, 4)
SPLITS = ("site", "scanner")
"""What a pipeline's studies are parted by, each on its own: every part is watched beside the whole."""
SIGNALS = ("class_share", "probability", "thickness", "area", "picture")
CHARTS = ("p_chart", "cusum", "bias", *SIGNALS)
"""What may raise an alarm; each has an equal part of ``FALSE_ALARM``."""


@dataclass(frozen=True)
class Met:
    """A case that the model and the other side both gave a class; ``at`` the day the other side signed.

    ``mm`` is model minus other side where both measured plaque, each as read.
    """

    study: str
    at: date
    pipeline: str
    scanner: str
    agrees: bool
    mm: float | None = None
    site: str = ""


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
    site: str = ""


Row = TypeVar("Row", Met, Seen)


def chance_each(series: int) -> float:
    """Chance of a false alarm of one chart within the horizon, where so many series share ``FALSE_ALARM`` evenly."""
    return FALSE_ALARM / (len(CHARTS) * max(series, 1))


def chance_of(parts: int, *, whole: bool) -> float:
    """The same of one series where a pipeline is watched as a whole and in so many parts: the whole has half of it.

    A change that is everywhere shows first in the whole, which has the most cases: many parts must not make it blind.
    """
    if not parts:
        return chance_each(1)
    return chance_each(2) if whole else chance_each(2 * parts)


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


def grouped(rows: Sequence[Row], split: str) -> dict[tuple[str, str], list[Row]]:
    """Rows by pipeline and by what ``split`` names, "site" or "scanner" ("" nothing), in order of time."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.at, row.study)):
        found[row.pipeline, getattr(row, split) if split else ""].append(row)
    return dict(sorted(found.items(), key=lambda item: (item[1][0].at, item[0])))


def parts(met: Sequence[Met], seen: Sequence[Seen], split: str) -> Counter[str]:
    """How many sites or scanners each pipeline has, "not known" among them; none where all studies are of one."""
    found = Counter(pipeline for pipeline, _part in {*grouped(met, split), *grouped(seen, split)})
    return Counter({pipeline: count for pipeline, count in found.items() if count > 1})


def periods_of(rows: Sequence[Row], weeks: int) -> list[tuple[date, list[Row]]]:
    """Every period from the first case to the last, empty ones too."""
    inside: dict[date, list[Row]] = defaultdict(list)
    for row in rows:
        inside[period_start(row.at, weeks)].append(row)
    found, day = [], min(inside)
    while day <= max(inside):
        found.append((day, inside.get(day, [])))
        day += timedelta(weeks=weeks)
    return found


def baseline(count: int) -> int:
    """How many of a series' cases are its first ones."""
    return min(BASELINE, count) if count >= MIN_BASELINE else 0

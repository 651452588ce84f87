"""Has it changed? Agreement and label-free signals by week, each pipeline (and site or scanner) with limits of its own.

Pure and JSON-ready. Every pipeline starts anew: its first cases are its baseline, and no change is smoothed over.
Agreement is dated by the reader's signature, a signal by the study's arrival. Limits hold their chance of a false alarm
although the level comes from few first cases (``stats.estimated``), and share it out among charts and series.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from plaqueweb.agreement.figures.periods import (
    BASELINE,
    CASES,
    FALSE_ALARM,
    PERIODS,
    WEEKS,
    Met,
    Seen,
    chance_each,
    grouped,
    period_length,
)
from plaqueweb.agreement.figures.weeks_agreement import agreement
from plaqueweb.agreement.figures.weeks_signals import signals


@dataclass(frozen=True)
class Change:
    """A pipeline that took over on a day."""

    pipeline: str
    at: date


def compute_time(
    met: Sequence[Met], seen: Sequence[Seen], changes: Sequence[Change], *, weeks: int = 0, split: str = ""
) -> dict[str, Any]:
    """All figures of the time tab.

    Args:
        weeks: length of a period; 0 takes the shortest of 1, 2 and 4 in which the middle period has 20 cases.
        split: a series for each pipeline and "site" or "scanner", "" for each pipeline. The more series, the wider the
            limits: a pipeline's chance of a false alarm stays the same.
    """
    series = grouped(met, split)
    length = weeks or max((period_length([row.at for row in rows]) for rows in series.values()), default=WEEKS[0])
    watched = grouped(seen, split)
    parts = Counter(pipeline for pipeline, _part in {*series, *watched})
    return {
        "weeks": length,
        "series": [agreement(key, rows, length, chance_each(parts[key[0]]), split) for key, rows in series.items()],
        "signals": [signals(key, rows, length, chance_each(parts[key[0]]), split) for key, rows in watched.items()],
        "changes": [{"pipeline": row.pipeline, "at": row.at.isoformat()} for row in sorted(changes, key=_when)],
        "promise": {"chance": FALSE_ALARM, "cases": CASES, "periods": PERIODS, "first": BASELINE},
        "n": {
            "cases": len(met),
            "predictions": len(seen),
            "differ": sum(not row.agrees for row in met),
            "measured": sum(row.mm is not None for row in met),
        },
    }


def _when(row: Change) -> tuple[date, str]:
    return row.at, row.pipeline

"""Has it changed? Agreement and label-free signals by week, each pipeline (and site or scanner) with limits of its own.

Pure and JSON-ready. Every pipeline starts anew: its first cases are its baseline, and no change is smoothed over.
Agreement is dated by the reader's signature, a signal by the study's arrival. Limits hold their chance of a false alarm
although the level comes from few first cases (``stats.estimated``), and share it out among charts and series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from plaqueweb.agreement.figures.periods import (
    BASELINE,
    CASES,
    FALSE_ALARM,
    PERIODS,
    SPLITS,
    WEEKS,
    Met,
    Seen,
    chance_of,
    grouped,
    parts,
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
        split: a series for each pipeline and "site" or "scanner", "" for each pipeline. Limits are the same whatever is
            shown: every pipeline is watched as a whole and in each of its parts, and its chance of a false alarm is
            shared out among all of these (``chance_of``). ``watched``: False where the one part is the whole.
    """
    series = grouped(met, split)
    length = weeks or max((period_length([row.at for row in rows]) for rows in series.values()), default=WEEKS[0])
    by = {name: parts(met, seen, name) for name in SPLITS}

    def more(pipeline: str) -> dict[str, Any]:
        return {"watched": not split or by[split][pipeline] > 0}

    def chance(pipeline: str) -> float:
        whole = not split or not by[split][pipeline]
        return chance_of(sum(counts[pipeline] for counts in by.values()), whole=whole)

    return {
        "weeks": length,
        "series": [agreement(key, rows, length, chance(key[0]), split) | more(key[0]) for key, rows in series.items()],
        "signals": [
            signals(key, rows, length, chance(key[0]), split) | more(key[0])
            for key, rows in grouped(seen, split).items()
        ],
        "changes": [{"pipeline": row.pipeline, "at": row.at.isoformat()} for row in sorted(changes, key=_when)],
        "promise": {
            "chance": FALSE_ALARM,
            "cases": CASES,
            "periods": PERIODS,
            "first": BASELINE,
            "parts": {name: max(counts.values(), default=0) for name, counts in by.items()},
        },
        "n": {
            "cases": len(met),
            "predictions": len(seen),
            "differ": sum(not row.agrees for row in met),
            "measured": sum(row.mm is not None for row in met),
        },
    }


def _when(row: Change) -> tuple[date, str]:
    return row.at, row.pipeline

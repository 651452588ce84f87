"""Geometry of the charts: positions are computed here, the templates and the script only draw them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from plaqueweb.agreement import present


def ceiling_chart(part: Mapping[str, Any] | None, cases: Callable[[str], str]) -> dict[str, Any] | None:
    """Rows of the ceiling chart with x positions in percent of a common axis; None without two readers.

    ``cases`` gives the address of the cases behind a row.
    """
    if part is None:
        return None
    values = []
    for row in part["rows"]:
        for side in ("readers", "model"):
            figure = row[side]
            values += [figure["value"]] if figure["value"] is not None else []
            values += [figure["interval"]["low"], figure["interval"]["high"]] if figure["interval"] else []
    low = min(0.9, math.floor(min(values, default=0.0) * 10) / 10)
    ticks = [round(low + step * 0.1, 1) for step in range(round((1 - low) * 10) + 1)]
    while len(ticks) > 8:  # every second tick, keeping 1.0
        ticks = ticks[::-1][::2][::-1]
    low = min(low, ticks[0])

    def x(value: float) -> str:
        return f"{(value - low) / (1 - low) * 100:.2f}%"

    rows = [_ceiling_row(row, x) | {"href": cases(row["key"])} for row in part["rows"]]
    return {
        "readers": part["readers"],
        "rows": rows,
        "note": next((row["note"] for row in rows if row["note"]), ""),
        "ticks": [{"x": x(tick), "label": present.number(tick, 1)} for tick in ticks],
    }


def _ceiling_row(row: Mapping[str, Any], x: Any) -> dict[str, Any]:
    share = row["key"] in present.SHARES
    shown: dict[str, Any] = {"label": str(present.FIGURE_WORDS[row["key"]]), "n": row["n"], "subjects": row["subjects"]}
    for side in ("readers", "model"):
        figure = row[side]
        value, interval = figure["value"], figure["interval"]
        shown[side] = {
            "text": "–" if value is None else present.percent(value) if share else present.number(value, 2),
            "interval": present.interval_words(interval, share=share),
            "x": x(value) if value is not None else "",
            "low": x(interval["low"]) if interval else "",
            "high": x(interval["high"]) if interval else "",
        }
    difference = row["difference"]
    value = difference["value"]
    text = "–"
    if value is not None:
        text = present.percent(value, sign=True) if share else present.number(value, 2, sign=True)
    shown["difference"] = text
    shown["difference_interval"] = present.interval_words(difference["interval"], share=share, sign=True)
    shown["note"] = present.why_not(difference["reason"], row["subjects"])
    return shown

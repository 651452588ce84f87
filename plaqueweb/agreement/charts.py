"""Geometry of the charts: positions are computed here, the templates and the script only draw them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from plaqueweb.agreement import present
from plaqueweb.agreement.compute import AS_READ, SAME_FRAME
from plaqueweb.agreement.report import Report

NEAR_MM = (3.5, 4.5)


def ceiling_chart(part: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Rows of the ceiling chart with x positions in percent of a common axis; None without two readers."""
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

    rows = [_ceiling_row(row, x) for row in part["rows"]]
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


def bland_altman_chart(report: Report) -> list[dict[str, Any]]:
    """One entry a kind that has pairs, the larger first: never mixed, each with words, data and table rows."""
    parts = report.results["thickness"]
    kinds = [kind for kind in (AS_READ, SAME_FRAME) if parts[kind]["points"]]
    kinds.sort(key=lambda kind: -len(parts[kind]["points"]))
    return [_bland_altman(report, kind, parts[kind], float(parts["rule_mm"])) for kind in kinds]


def _bland_altman(report: Report, kind: str, part: Mapping[str, Any], rule_mm: float) -> dict[str, Any]:
    found = part["bland_altman"]
    points = [_point(report, point) for point in part["points"]]
    lines = [
        _limit(_("upper limit"), found["upper"], found["upper_interval"], dashed=True),
        _limit(_("bias"), found["bias"], found["bias_interval"], dashed=False),
        _limit(_("lower limit"), found["lower"], found["lower_interval"], dashed=True),
    ]
    lines = [line for line in lines if line is not None]
    crossing = sum(point["crosses"] for point in points)
    return {
        "kind": kind,
        "kind_words": str(present.KIND_WORDS[kind]),
        "n": found["n"],
        "subjects": found["subjects"],
        "lines": lines,
        "note": present.why_not(found["reason"], found["subjects"]),
        "crossing": crossing,
        "figures": _thickness_lines(part, found["subjects"]),
        "points": points,
        "data": {
            "points": points,
            "lines": lines,
            "near": [rule_mm - (4.0 - NEAR_MM[0]), rule_mm + (NEAR_MM[1] - 4.0)],
            "rule": rule_mm,
            "words": {
                "x": _("mean of both, mm"),
                "y": _("model − %(other)s, mm") % {"other": present.against_words(report.selection)},
                "near": _("near %(mm)s mm") % {"mm": present.number(rule_mm, 0 if rule_mm == int(rule_mm) else 1)},
            },
        },
    }


def _limit(
    name: str, value: float | None, interval: Mapping[str, Any] | None, *, dashed: bool
) -> dict[str, Any] | None:
    if value is None:
        return None
    return {
        "name": name,
        "value": value,
        "text": f"{present.number(value, 2, sign=True)} mm",
        "low": interval["low"] if interval else None,
        "high": interval["high"] if interval else None,
        "interval": present.interval_words(interval, share=False, sign=True),
        "dashed": dashed,
    }


def _point(report: Report, point: Mapping[str, Any]) -> dict[str, Any]:
    place = report.places[point["study"]]
    return {
        "label": place.label,
        "href": place.href,
        "mean": point["mean"],
        "difference": point["difference"],
        "crosses": point["crosses"],
        "model_text": f"{present.number(point['model'], 1)} mm",
        "reference_text": f"{present.number(point['reference'], 1)} mm",
        "difference_text": f"{present.number(point['difference'], 1, sign=True)} mm",
    }


def _thickness_lines(part: Mapping[str, Any], subjects: int) -> list[dict[str, str]]:
    words = (
        ("mae", _("Mean absolute difference"), False, " mm"),
        ("within_05", _("Within 0.5 mm"), True, ""),
        ("within_10", _("Within 1.0 mm"), True, ""),
        ("ccc", _("Lin’s concordance"), False, ""),
    )
    rows = []
    for key, label, share, unit in words:
        figure = part[key]
        value = figure["value"]
        text = "–" if value is None else present.percent(value) if share else present.number(value, 2) + unit
        interval = present.interval_words(figure["interval"], share=share)
        note = "" if interval else present.why_not(figure["reason"], subjects)
        rows.append({"label": label, "value": text, "interval": interval, "note": note})
    return rows

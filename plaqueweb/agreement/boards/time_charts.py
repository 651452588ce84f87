"""The charts of the time tab: one with limits by period, one case by case, one for each signal that needs no reader."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plaqueweb.agreement import present
from plaqueweb.agreement.boards.shown import Chart, Column, Row, cases_of
from plaqueweb.agreement.boards.time_axis import DASH, Axis, false_alarms, series_name
from plaqueweb.agreement.boards.time_sums import sums_of
from plaqueweb.agreement.figures.periods import BASELINE, MIN_BASELINE

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report

SIGNAL_WORDS: dict[str, tuple[Any, str, int]] = {
    "class_share": (gettext_lazy("Share with a class"), "share", 0),
    "probability": (gettext_lazy("Score"), "number", 2),
    "thickness": (gettext_lazy("Thickness"), "mm", 1),
    "area": (gettext_lazy("Plaque area"), "mm²", 0),
    "picture": (gettext_lazy("Picture size"), "text", 0),
}
"""Words, unit and digits of the mean of each signal."""


def charts_of(report: Report) -> dict[str, list[Chart]]:
    """The charts of agreement, and one a signal."""
    results = report.results
    axis = Axis(
        [point["start"] for series in results["series"] for point in series["points"]]
        + [p["start"] for series in results["signals"] for part in series["signals"] for p in part["points"]],
        int(results["weeks"]),
    )
    names = list(SIGNAL_WORDS)
    return {
        "agreement": [_weeks(report, axis), *sums_of(report, axis)],
        "signals": [_signal(report, axis, place, name) for place, name in enumerate(names)],
    }


def _period(report: Report) -> str:
    weeks = report.results["weeks"]
    return _("by week") if weeks == 1 else _("by %(n)s weeks") % {"n": weeks}


def _weeks(report: Report, axis: Axis) -> Chart:
    results, lines, rows = report.results, [], []
    outside = 0
    several = len(results["series"]) > 1
    for number, series in enumerate(results["series"]):
        name = series_name(report, series)
        points = []
        limits: dict[str, list[dict[str, Any]]] = {"upper": [], "lower": []}
        for place, point in enumerate(series["points"]):
            x = axis.place[point["start"]]
            href = cases_of(report, "weeks", f"{number}-{place}", point["n"], series["pipeline"])
            for key, line in limits.items():
                if point[key] is not None:
                    line.append({"x": x, "y": point[key], "label": _limit_words(key, point[key])})
            day = date_format(date.fromisoformat(point["start"]), "Y-m-d")
            if point["value"] is not None:
                words = _("%(name)s, from %(day)s: %(differ)s of %(n)s differ") % {
                    "name": name, "day": day, "differ": point["differ"], "n": point["n"],
                }  # fmt: skip
                mark = {"x": x, "y": point["value"], "label": words, "href": href}
                points.append(mark | ({"ring": True} if point["outside"] else {}))
            outside += point["outside"]
            rows.append(Row((name, day, str(point["n"]), str(point["differ"]), *_shares(point),
                             _("above") if point["outside"] else ""), href))  # fmt: skip
        lines.append({"name": name, "tone": "model", "points": points, "marks": True, "label": several})
        lines += [
            {"name": _("limits"), "tone": "mute", "points": line, "dash": "dashed", "step": True}
            for line in limits.values()
        ]
    alone = [series["baseline"]["level"] for series in results["series"] if series["baseline"]["level"] is not None]
    rules = axis.rules(report)
    if len(alone) == 1:
        rules.append({"axis": "y", "at": alone[0], "tone": "faint", "width": 1, "text": present.percent(alone[0]),
                      "name": _("first cases")})  # fmt: skip
    return Chart(
        key="weeks",
        title=_("Class differs from %(other)s, %(period)s")
        % {"other": present.against_words(report.selection), "period": _period(report)},
        ground=_("n = %(n)s comparisons, each pipeline on its own") % {"n": results["of"]["cases"]},
        draw="lines",
        data={
            "lines": lines,
            "x": {"names": axis.names, "name": axis.words},
            "y": {"min": 0, "ticks": "percent", "name": _("% other class")},
            "rules": rules,
        },
        columns=[
            Column(_("Series")), Column(_("Period from")), Column(_("Studies"), True), Column(_("Differ"), True),
            Column(_("Share"), True), Column(_("Lower limit"), True), Column(_("Upper limit"), True),
            Column(_("Moving average"), True), Column(_("Outside"), False),
        ],
        rows=rows,
        missing="" if rows else _("No figure yet. It needs studies to which the model and a reader gave a class."),
        foot=_foot(report, outside),
        tall=True,
    )  # fmt: skip


def _limit_words(key: str, value: float) -> str:
    side = _("upper limit") if key == "upper" else _("lower limit")
    return f"{side}: {present.percent(value)}"


def _shares(point: Mapping[str, Any]) -> tuple[str, ...]:
    keys = ("value", "lower", "upper", "ewma")
    return tuple(DASH if point[key] is None else present.percent(point[key]) for key in keys)


def _foot(report: Report, outside: int) -> str:
    """What the limits stand on; where there are none, why."""
    series = report.results["series"]
    if series and all(row["cases"] <= BASELINE for row in series):
        return _("no limits yet: the first %(n)s studies of a series give its level") % {"n": BASELINE}
    words = [_("level from the first %(n)s studies") % {"n": max((s["baseline"]["cases"] for s in series), default=0)}]
    wide = [row["laney"] for row in series if row["laney"]]
    if wide:
        words.append(_("limits widened by %(x)s (Laney): periods differ by more than chance") % {
            "x": present.number(max(wide), 1)})  # fmt: skip
    words += false_alarms(report)
    words.append(_("%(n)s outside") % {"n": outside})
    return "; ".join(words)


def _mean(name: str, value: Any) -> str:
    _words, unit, digits = SIGNAL_WORDS[name]
    if value is None:
        return DASH
    if unit == "text":
        return str(value).replace("x", " × ")
    if unit == "share":
        return present.percent(value)
    text = present.number(value, digits)
    return text if unit == "number" else f"{text} {unit}"


def _signal(report: Report, axis: Axis, place: int, name: str) -> Chart:
    results, lines, rows = report.results, [], []
    outside = 0
    for number, series in enumerate(results["signals"]):
        part = series["signals"][place]
        title = series_name(report, series)
        values, limits = [], []
        for at, point in enumerate(part["points"]):
            x = axis.place[point["start"]]
            href = cases_of(report, "signals", f"{number}-{at}", point["n"], series["pipeline"], f"signal_{name}")
            day = date_format(date.fromisoformat(point["start"]), "Y-m-d")
            told = _mean(name, point["mean"])
            if point["value"] is not None:
                label = f"{title}, {day}: {told}, {present.number(point['value'], 2)}"
                mark = {"x": x, "y": point["value"], "label": label, "href": href}
                values.append(mark | ({"ring": True} if point["outside"] else {}))
            if point["limit"] is not None:
                limit = present.number(point["limit"], 2)
                limits.append({"x": x, "y": point["limit"], "label": _("limit %(limit)s") % {"limit": limit}})
            outside += point["outside"]
            numbers = [DASH if point[key] is None else present.number(point[key], 2) for key in ("value", "limit")]
            rows.append(Row((title, day, str(point["n"]), told, _mean(name, part["baseline"]), *numbers,
                             _("above") if point["outside"] else ""), href))  # fmt: skip
        lines.append({"name": title, "tone": "model", "points": values, "marks": True, "label": False})
        lines.append({"name": _("limit"), "tone": "mute", "points": limits, "dash": "dashed", "step": True})
    drawn = any(line["points"] for line in lines)
    measure = _("stability index") if name in ("class_share", "picture") else _("largest gap of the distributions")
    return Chart(
        key=f"signal_{name}",
        title=_("%(signal)s: distance from the first predictions") % {"signal": SIGNAL_WORDS[name][0]},
        ground=_("no reader needed, n = %(n)s predictions") % {"n": results["of"]["predictions"]},
        draw="lines",
        data={
            "lines": lines,
            "x": {"names": axis.names},
            "y": {"min": 0, "name": measure},
            "rules": axis.rules(report),
        },
        columns=[
            Column(_("Series")), Column(_("Period from")), Column(_("Predictions"), True),
            Column(_("Commonest") if name == "picture" else _("Mean"), True), Column(_("First predictions"), True),
            Column(_("Distance"), True), Column(_("Limit"), True), Column(_("Outside"), False),
        ],
        rows=rows,
        missing="" if drawn else _(
            "No figure yet. A period is judged against the first %(n)s predictions or more of its pipeline."
        ) % {"n": MIN_BASELINE},
        foot="; ".join([*false_alarms(report), _("%(n)s outside") % {"n": outside}]) if drawn else "",
    )  # fmt: skip

"""The charts of the time tab: one with limits by period, one case by case, one for each signal that needs no reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plaqueweb.agreement import present
from plaqueweb.agreement.boards.shown import Chart, Column, Row, cases_of
from plaqueweb.agreement.figures.weeks import MIN_BASELINE

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report

DASH = "–"
SIGNAL_WORDS: dict[str, tuple[Any, str, int]] = {
    "class_share": (gettext_lazy("Share with a class"), "share", 0),
    "probability": (gettext_lazy("Score"), "number", 2),
    "thickness": (gettext_lazy("Thickness"), "mm", 1),
    "area": (gettext_lazy("Plaque area"), "mm²", 0),
    "picture": (gettext_lazy("Picture size"), "text", 0),
}
"""Words, unit and digits of the mean of each signal."""


def charts_of(report: Report) -> dict[str, list[Chart]]:
    """The two charts of agreement, and one a signal."""
    results = report.results
    axis = _Axis(
        [point["start"] for series in results["series"] for point in series["points"]]
        + [p["start"] for series in results["signals"] for part in series["signals"] for p in part["points"]],
        int(results["weeks"]),
    )
    names = list(SIGNAL_WORDS)
    return {
        "agreement": [_weeks(report, axis), _cusum(report, axis)],
        "signals": [_signal(report, axis, place, name) for place, name in enumerate(names)],
    }


class _Axis:
    """The periods of all series in order, and where each stands."""

    def __init__(self, starts: Iterable[str], weeks: int) -> None:
        self.weeks = weeks
        given = sorted({date.fromisoformat(text) for text in starts})
        self.days: list[date] = []
        day = given[0] if given else None
        while day is not None and day <= given[-1]:
            self.days.append(day)
            day += timedelta(weeks=weeks)
        self.place = {day.isoformat(): place for place, day in enumerate(self.days)}

    @property
    def names(self) -> list[str]:
        return [date_format(day, "j M") for day in self.days]

    @property
    def words(self) -> str:
        if not self.days:
            return ""
        years = sorted({self.days[0].year, self.days[-1].year})
        text = "–".join(map(str, years))
        return (
            _("week from, %(year)s") % {"year": text}
            if self.weeks == 1
            else _("%(n)s weeks from, %(year)s") % {"n": self.weeks, "year": text}
        )

    def rules(self, report: Report) -> list[dict[str, Any]]:
        """A line where a further pipeline came into use."""
        found = []
        for change in report.results["changes"]:
            day = date.fromisoformat(change["at"])
            place = next(
                (i for i, start in enumerate(self.days) if start <= day < start + timedelta(weeks=self.weeks)), None
            )
            if place is not None:
                name = _("%(name)s from here") % {"name": _name(report, change["pipeline"])}
                found.append({"axis": "x", "at": place, "tone": "mute", "name": name, "width": 1})
        return found


def _name(report: Report, pipeline: str) -> str:
    return str(report.results["names"].get(pipeline, ""))


def _series_name(report: Report, series: Mapping[str, Any]) -> str:
    name = _name(report, series["pipeline"])
    if report.options.get("split") == "scanner":
        return f"{name}, {series['scanner'] or _('scanner not known')}"
    return name


def _period(report: Report) -> str:
    weeks = report.results["weeks"]
    return _("by week") if weeks == 1 else _("by %(n)s weeks") % {"n": weeks}


def _weeks(report: Report, axis: _Axis) -> Chart:
    results, lines, rows = report.results, [], []
    outside = 0
    several = len(results["series"]) > 1
    for number, series in enumerate(results["series"]):
        name = _series_name(report, series)
        points = []
        limits: dict[str, list[dict[str, Any]]] = {"upper": [], "lower": []}
        for place, point in enumerate(series["points"]):
            x = axis.place[point["start"]]
            href = cases_of(report, "weeks", f"{number}-{place}", point["n"])
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
        ground=_("n = %(n)s comparisons, each pipeline on its own; limits 3 SD") % {"n": results["of"]["cases"]},
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
        foot=_foot(results["series"], outside),
        tall=True,
    )  # fmt: skip


def _limit_words(key: str, value: float) -> str:
    side = _("upper limit") if key == "upper" else _("lower limit")
    return f"{side}: {present.percent(value)}"


def _shares(point: Mapping[str, Any]) -> tuple[str, ...]:
    keys = ("value", "lower", "upper", "ewma")
    return tuple(DASH if point[key] is None else present.percent(point[key]) for key in keys)


def _foot(series: Sequence[Mapping[str, Any]], outside: int) -> str:
    """What the limits stand on; where there are none, why."""
    if series and all(not row["baseline"]["cases"] for row in series):
        return _("no limits yet: a series needs %(n)s studies for its first level") % {"n": MIN_BASELINE}
    words = [_("level from the first %(n)s studies") % {"n": max((s["baseline"]["cases"] for s in series), default=0)}]
    wide = [row["laney"] for row in series if row["laney"]]
    if wide:
        words.append(_("limits widened by %(x)s (Laney): periods differ by more than chance") % {
            "x": present.number(max(wide), 1)})  # fmt: skip
    words.append(_("%(n)s outside") % {"n": outside})
    return "; ".join(words)


def _cusum(report: Report, axis: _Axis) -> Chart:
    results, lines, rows = report.results, [], []
    limits = {}
    for number, series in enumerate(results["series"]):
        name = _series_name(report, series)
        points = []
        hit = {alarm["start"] for alarm in series["alarms"] if alarm["chart"] == "cusum"}
        for place, point in enumerate(series["points"]):
            if point["cusum"] is None:
                continue
            href = cases_of(report, "weeks", f"{number}-{place}", point["n"])
            words = f"{name}: {present.number(point['cusum'], 2)}"
            mark = {"x": axis.place[point["start"]], "y": point["cusum"], "label": words, "href": href}
            points.append(mark | ({"ring": True} if point["start"] in hit else {}))
            day = date_format(date.fromisoformat(point["start"]), "Y-m-d")
            cells = (name, day, str(point["n"]), present.number(point["cusum"], 2),
                     present.number(series["decision"], 2), _("alarm") if point["start"] in hit else "")  # fmt: skip
            rows.append(Row(cells, href))
        lines.append(
            {"name": name, "tone": "model", "points": points, "marks": True, "label": len(results["series"]) > 1}
        )
        if series["decision"] is not None:
            limits[round(series["decision"], 2)] = series
    rules = axis.rules(report)
    for value in limits:
        rules.append({"axis": "y", "at": value, "tone": "mute", "dash": "dashed", "text": present.number(value, 2),
                      "name": _("alarm")})  # fmt: skip
    looks = [series["looks_for"] for series in results["series"] if series["looks_for"]]
    return Chart(
        key="cusum",
        title=_("Cumulative sum of disagreement, case by case"),
        ground=_("Bernoulli CUSUM, %(n)s comparisons, at each period’s end") % {"n": results["of"]["cases"]},
        draw="lines",
        data={
            "lines": lines,
            "x": {"names": axis.names, "name": axis.words},
            "y": {"min": 0, "name": _("sum")},
            "rules": rules,
        },
        columns=[
            Column(_("Series")), Column(_("Period from")), Column(_("Studies"), True),
            Column(_("Sum at its end"), True), Column(_("Alarm at"), True), Column(_("Alarm"), False),
        ],
        rows=rows,
        missing="" if rows else _("No figure yet. A series needs %(n)s studies for its first level.") % {
            "n": MIN_BASELINE},
        foot=_("looks for %(share)s; starts again after an alarm; one false alarm in 400 studies")
        % {"share": present.percent(max(looks))} if looks else "",
    )  # fmt: skip


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


def _signal(report: Report, axis: _Axis, place: int, name: str) -> Chart:
    results, lines, rows = report.results, [], []
    outside = 0
    for number, series in enumerate(results["signals"]):
        part = series["signals"][place]
        title = _series_name(report, series)
        values, limits = [], []
        for at, point in enumerate(part["points"]):
            x, href = axis.place[point["start"]], cases_of(report, "signals", f"{number}-{at}", point["n"])
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
        foot=_("limit: 1 period in 370 lies above it by chance; %(n)s outside") % {"n": outside} if drawn else "",
    )  # fmt: skip

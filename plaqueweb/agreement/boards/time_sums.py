"""The cumulative sums of the time tab, case by case: of disagreement on the class, and of differences of thickness."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from plaqueweb.agreement import present
from plaqueweb.agreement.boards.shown import Chart, Column, Row, cases_of
from plaqueweb.agreement.boards.time_axis import DASH, Axis, false_alarms, series_name
from plaqueweb.agreement.figures.periods import BASELINE, MIN_BASELINE

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report


def sums_of(report: Report, axis: Axis) -> list[Chart]:
    """Both charts; a report that was frozen before thickness was watched has the first alone."""
    charts = [_class(report, axis)]
    if all("bias" in series for series in report.results["series"]):
        charts.append(_thickness(report, axis))
    return charts


def _class(report: Report, axis: Axis) -> Chart:
    series = report.results["series"]
    looks = [row["looks_for"] for row in series if row["looks_for"]]
    words = [_("looks for %(share)s; starts again after an alarm") % {"share": present.percent(max(looks, default=0))}]
    return _sums(
        report,
        axis,
        key="cusum",
        title=_("Cumulative sum of disagreement, case by case"),
        ground=_("Bernoulli CUSUM, %(n)s comparisons, at each period’s end") % {"n": report.results["of"]["cases"]},
        value="cusum",
        limits={number: row["decision"] for number, row in enumerate(series) if row["decision"] is not None},
        foot="; ".join([*words, *false_alarms(report)]) if looks else "",
    )


def _thickness(report: Report, axis: Axis) -> Chart:
    rows = report.results["series"]
    first = [row["bias"]["baseline"] for row in rows]
    words = _("level from the first %(n)s measured by both; above 0 the model is thicker than it was, below it thinner")
    return _sums(
        report,
        axis,
        key="bias",
        title=_("Cumulative sum of the difference of thickness, as read"),
        ground=_("CUSUM of normal scores, %(n)s measured by both, at each period’s end")
        % {"n": report.results["of"]["measured"]},
        value="bias",
        limits={n: row["bias"]["decision"] for n, row in enumerate(rows) if row["bias"]["decision"] is not None},
        foot="; ".join([words % {"n": max(first, default=0)}, *false_alarms(report)]),
        measured=True,
    )


def _sums(
    report: Report,
    axis: Axis,
    *,
    key: str,
    title: str,
    ground: str,
    value: str,
    limits: dict[int, float],
    foot: str,
    measured: bool = False,
) -> Chart:
    """One line a series with a ring at each alarm; ``measured``: two-sided, with the mean difference in the table."""
    results, lines, rows = report.results, [], []
    several = len(results["series"]) > 1
    for number, series in enumerate(results["series"]):
        name = series_name(report, series)
        hit = {alarm["start"] for alarm in series["alarms"] if alarm["chart"] == key}
        points = []
        for place, point in enumerate(series["points"]):
            if point[value] is None or number not in limits:
                continue
            href = cases_of(report, "weeks", f"{number}-{place}", point["n"], series["pipeline"], key)
            told = present.number(point[value], 2)
            mark = {"x": axis.place[point["start"]], "y": point[value], "label": f"{name}: {told}", "href": href}
            points.append(mark | ({"ring": True} if point["start"] in hit else {}))
            mean = [DASH if point["mm"] is None else present.number(point["mm"], 2, sign=True)] if measured else []
            n = point["mm_n"] if measured else point["n"]
            cells = [name, date_format(date.fromisoformat(point["start"]), "Y-m-d"), str(n), *mean, told]
            alarm = _("alarm") if point["start"] in hit else ""
            rows.append(Row((*cells, present.number(limits[number], 2), alarm), href))
        lines.append({"name": name, "tone": "model", "points": points, "marks": True, "label": several})
    rules = axis.rules(report)
    for limit in sorted({round(limit, 2) for limit in limits.values()}):
        for side in (limit, -limit) if measured else (limit,):
            words = {"text": present.number(side, 2), "name": _("alarm")}
            rules.append({"axis": "y", "at": side, "tone": "mute", "dash": "dashed", **words})
    return Chart(
        key=key,
        title=title,
        ground=ground,
        draw="lines",
        data={
            "lines": lines,
            "x": {"names": axis.names, "name": axis.words},
            "y": {"name": _("sum")} | ({} if measured else {"min": 0}),
            "rules": rules,
        },
        columns=[
            Column(_("Series")), Column(_("Period from")), Column(_("Studies"), True),
            *([Column(_("Mean difference, mm"), True)] if measured else []),
            Column(_("Sum at its end"), True), Column(_("Alarm at"), True), Column(_("Alarm"), False),
        ],
        rows=rows,
        missing="" if rows else _missing(measured),
        foot=foot if rows else "",
    )  # fmt: skip


def _missing(measured: bool) -> str:
    if measured:
        return _(
            "No figure yet. The first %(n)s studies of a series give its level, if both measured plaque in %(least)s."
        ) % {"n": BASELINE, "least": MIN_BASELINE}
    return _("No figure yet. The first %(n)s studies of a series give its level.") % {"n": BASELINE}

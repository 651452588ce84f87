"""The charts of the readers' tab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from plaqueweb.agreement import present
from plaqueweb.agreement.boards.shown import Chart, Column, Row, cases_of, figure_words, interval_or_why
from plaqueweb.agreement.stats import MIN_SUBJECTS

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report

DASH = "–"


def charts_of(report: Report) -> list[Chart]:
    """Kappa, bias, repeats, time and order."""
    return [_kappa(report), _bias(report), _repeats(report), _time(report), _order(report)]


def names_of(report: Report) -> dict[str, str]:
    """Names by id; "another reader 2" where the name is not for this user."""
    results = report.results
    return {
        row["reader"]: row["name"] or _("another reader %(n)s") % {"n": row["number"] + 1} for row in results["people"]
    }


def _numbers(report: Report) -> dict[str, int]:
    return {row["reader"]: row["number"] for row in report.results["people"]}


def overall_lines(report: Report) -> list[dict[str, str]]:
    """Agreement of all readers at once, each with its interval and n."""
    found = report.results["overall"]
    if not found or not found["units"]:
        return []
    words = (
        ("observed", _("Pairs of readers with the same class"), True),
        ("fleiss", _("Fleiss’ kappa"), False),
        ("alpha", _("Krippendorff’s alpha"), False),
        ("ac1", _("Gwet AC1"), False),
    )
    return [
        {
            "label": label,
            "value": figure_words(found[key], share=share),
            "interval": ""
            if key == "observed"
            else interval_or_why(found[key], share=share, subjects=found["subjects"]),
            "n": str(found[key]["n"]),
        }
        for key, label, share in words
    ]


def _kappa(report: Report) -> Chart:
    results, names, numbers = report.results, names_of(report), _numbers(report)
    people = [row["reader"] for row in results["people"]]
    columns = [results["own"]] if results["own"] in people else people
    cells, rows = [], []
    for row in results["pairs"]:
        key = f"{numbers[row['a']]}-{numbers[row['b']]}"
        href = cases_of(report, "pairs", key, row["differs"]) or cases_of(report, "shared", key, row["both"])
        text = figure_words(row["kappa"], share=False)
        for one, other in ((row["a"], row["b"]), (row["b"], row["a"])):
            if other in columns:
                cell = {"row": people.index(one), "column": columns.index(other), "value": row["kappa"]["value"]}
                cells.append({**cell, "text": text, "href": href})
        rows.append(
            Row(
                (
                    f"{names[row['a']]} · {names[row['b']]}", text,
                    interval_or_why(row["kappa"], share=False, subjects=row["subjects"]),
                    figure_words(row["observed"], share=True), figure_words(row["ac1"], share=False),
                    figure_words(row["positive"], share=True), figure_words(row["negative"], share=True),
                    str(row["kappa"]["n"]), str(row["shared"]), str(row["differs"]),
                ),
                href,
            )
        )  # fmt: skip
    for place, reader in enumerate(people):
        if reader in columns:
            cell = {"row": place, "column": columns.index(reader), "value": None, "text": DASH, "tone": "outside"}
            cells.append(cell)
    return Chart(
        key="kappa",
        title=_("Cohen’s kappa of each two readers"),
        ground=_("same studies, first readings, %(n)s studies read by two or more") % {"n": results["of"]["shared"]},
        draw="heat",
        data={
            "rows": [names[reader] for reader in people],
            "columns": [names[reader] for reader in columns],
            "cells": cells,
            "min": 0,
            "max": 1,
            "words": {"rows": "", "columns": ""},
        },
        columns=[
            Column(_("Readers")), Column(_("Kappa"), True), Column(_("95 % CI"), True), Column(_("Same class"), True),
            Column(_("AC1"), True), Column(_("Both say complex"), True), Column(_("Both say not complex"), True),
            Column(_("Both assessed"), True), Column(_("Both read"), True), Column(_("Differ"), True),
        ],
        rows=rows,
        missing="" if rows else _("No figure yet. It needs two signed reads on one study, by two readers."),
        foot=_(
            "a cell opens the studies on which the two differ, can’t assess included; where they never do, all of both"
        ),
    )  # fmt: skip


def _interval(figure: Mapping[str, Any] | None) -> tuple[float | None, float | None]:
    return (figure["low"], figure["high"]) if figure else (None, None)


def _bias(report: Report) -> Chart:
    names, numbers = names_of(report), _numbers(report)
    marks, rows = [], []
    for row in report.results["bias"]:
        found = row["bland_altman"]
        if found["bias"] is None:
            continue
        href = cases_of(report, "bias", numbers[row["reader"]], row["count"])
        low, high = _interval(found["bias_interval"])
        limits = DASH if found["lower"] is None else _limits(found)
        text = f"{present.number(found['bias'], 2, sign=True)} mm"
        ground = _("n = %(n)s") % {"n": found["subjects"]}
        marks.append({"label": names[row["reader"]], "ground": ground, "value": found["bias"], "low": low, "high": high,
                      "tone": "phys", "text": text, "href": href})  # fmt: skip
        interval = present.interval_words(found["bias_interval"], share=False, sign=True)
        why = present.why_not(found["reason"], found["subjects"])
        rows.append(
            Row((names[row["reader"]], text, interval or why, limits, str(found["n"]), str(found["subjects"])), href)
        )
    reach = max([0.5, *(abs(mark[key]) for mark in marks for key in ("value", "low", "high") if mark[key] is not None)])
    return Chart(
        key="bias",
        title=_("Thickness: each reader − mean of the others"),
        ground=_("as read, own key frames, same studies"),
        draw="forest",
        data={
            "rows": marks,
            "x": {"min": -_up(reach), "max": _up(reach), "ticks": "signed", "name": "mm"},
            "rules": [{"axis": "x", "at": 0, "tone": "faint", "width": 1}],
        },
        columns=[
            Column(_("Reader")), Column(_("Bias"), True), Column(_("95 % CI"), True),
            Column(_("Limits of agreement"), True), Column(_("Studies"), True), Column(_("Subjects"), True),
        ],
        rows=rows,
        missing="" if rows else _("No figure yet. It needs a study on which two readers measured a thickness in mm."),
        foot=_("above 0: this reader measures thicker plaques than the others"),
    )  # fmt: skip


def _up(reach: float) -> float:
    return round(int(reach * 2 + 0.999) / 2, 1)


def _limits(found: Mapping[str, Any]) -> str:
    ends = present.number(found["lower"], 2, sign=True), present.number(found["upper"], 2, sign=True)
    return _("%(low)s to %(high)s mm") % {"low": ends[0], "high": ends[1]}


def _repeats(report: Report) -> Chart:
    names, numbers = names_of(report), _numbers(report)
    marks, rows = [], []
    for row in report.results["repeats"]:
        if not row["n"]:
            continue
        number = numbers[row["reader"]]
        href = cases_of(report, "repeats", number, row["n"])
        kappa = row["kappa"]
        low, high = _interval(kappa["interval"])
        if kappa["value"] is not None:
            marks.append({"label": names[row["reader"]], "ground": _("n = %(n)s") % {"n": row["subjects"]},
                          "value": kappa["value"], "low": low, "high": high, "tone": "phys",
                          "text": figure_words(kappa, share=False), "href": href})  # fmt: skip
        thickness = row["thickness"]
        limits = _limits(thickness) if thickness["lower"] is not None else DASH
        rows.append(
            Row(
                (
                    names[row["reader"]], str(row["n"]), figure_words(kappa, share=False),
                    interval_or_why(kappa, share=False, subjects=row["subjects"]),
                    figure_words(row["observed"], share=True), str(row.get("differs", 0)),
                    figure_words(row["mae"], share=False, unit=" mm"), limits,
                ),
                href,
            )
        )  # fmt: skip
    return Chart(
        key="repeats",
        title=_("The same reader twice: kappa of hidden repeats"),
        ground=_("first reading and repeat of the same study"),
        draw="forest",
        data={"rows": marks, "x": {"min": min([0, *(m["low"] or 0 for m in marks)]), "max": 1, "name": _("kappa")}},
        columns=[
            Column(_("Reader")), Column(_("Repeats"), True), Column(_("Kappa"), True), Column(_("95 % CI"), True),
            Column(_("Same class"), True), Column(_("Changed"), True), Column(_("Mean absolute difference"), True),
            Column(_("Limits, second − first"), True),
        ],
        rows=rows,
        missing="" if rows else _(
            "No figure yet. It needs signed hidden repeats: a round in which some cases come a second time."
        ),
        foot=_("below %(n)s subjects a point without an interval") % {"n": MIN_SUBJECTS},
    )  # fmt: skip


def _minutes(seconds: float | None) -> str:
    return DASH if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _time(report: Report) -> Chart:
    names, numbers = names_of(report), _numbers(report)
    found = [row for row in report.results["time"] if row["n"]]
    rows = [
        Row(
            (
                names[row["reader"]], _minutes(row["median"]),
                _("%(low)s to %(high)s") % {"low": _minutes(row["low"]), "high": _minutes(row["high"])}, str(row["n"]),
                str(row["unmeasured"]),
            ),
            cases_of(report, "time", numbers[row["reader"]]),
        )
        for row in found
    ]  # fmt: skip
    labels = [names[row["reader"]] for row in found]
    values = [round(row["median"] / 60, 3) for row in found]
    told = [row.cells[1] for row in rows]
    return Chart(
        key="time",
        title=_("Active time for a case, median"),
        ground=_("time in which the reader did something, first readings"),
        draw="bars",
        data={
            "names": labels,
            "series": [{"name": _("median"), "tone": "phys", "values": values, "labels": told,
                        "hrefs": [row.href for row in rows]}],
            "horizontal": True,
            "y": {"name": _("minutes"), "min": 0},
        },
        columns=[
            Column(_("Reader")), Column(_("Median, min:s"), True), Column(_("Middle half"), True),
            Column(_("Cases"), True), Column(_("Not measured"), True),
        ],
        rows=rows,
        missing="" if rows else _("No figure yet. Times are taken while a case is open in the reading page."),
    )  # fmt: skip


def _order(report: Report) -> Chart:
    names, numbers = names_of(report), _numbers(report)
    lines: list[dict[str, Any]] = []
    rows: list[Row] = []
    words = (_("first third"), _("middle third"), _("last third"))
    for row in report.results["sequence"]:
        points = []
        for place, part in enumerate(row["parts"]):
            if not part["cases"]:
                continue
            href = cases_of(report, "order", f"{numbers[row['reader']]}-{place}", part["cases"])
            share = figure_words(part["observed"], share=True)
            where = f"{part['from']}–{part['to']}"
            rows.append(Row((names[row["reader"]], words[place], where, share, _minutes(part["seconds"]["median"]),
                             str(part["cases"]), str(part["observed"]["n"])), href))  # fmt: skip
            if part["observed"]["value"] is not None:
                label = f"{names[row['reader']]}, {words[place]}: {share}"
                points.append({"x": place, "y": part["observed"]["value"], "label": label, "href": href})
        if points:
            lines.append({"name": names[row["reader"]], "tone": "phys", "points": points, "marks": True, "label": True})
    return Chart(
        key="order",
        title=_("Order: same class as the other readers, by third of the list"),
        ground=_("each reader’s own order, pairs of reads"),
        draw="lines",
        data={
            "lines": lines,
            "x": {"names": list(words)},
            "y": {"min": min([0.5, *(p["y"] for line in lines for p in line["points"])]), "max": 1, "ticks": "percent",
                  "name": _("% same class")},
        },
        columns=[
            Column(_("Reader")), Column(_("Part")), Column(_("Place in the list"), True), Column(_("Same class"), True),
            Column(_("Median time"), True), Column(_("Cases"), True), Column(_("Pairs"), True),
        ],
        rows=rows,
        missing="" if lines else _("No figure yet. It needs cases that two readers have read."),
    )  # fmt: skip

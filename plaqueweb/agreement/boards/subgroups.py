"""Subgroups: for whom does the model agree less, on the same cases on which two readers are held against each other?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plaqueweb.agreement import present
from plaqueweb.agreement.boards.base import Board, Results, common
from plaqueweb.agreement.boards.parts import DIMENSION_WORDS, Picks, ground, groups_of, part_words, take
from plaqueweb.agreement.boards.shown import Chart, Column, Row, cases_of, figure_words, interval_or_why
from plaqueweb.agreement.comparison import CONSENSUS_KINDS, MAJORITY
from plaqueweb.agreement.evidence import Evidence
from plaqueweb.agreement.figures.subgroups import GroupUnit, compute_subgroups

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report


def compute(evidence: Evidence, options: Mapping[str, Any]) -> Results:
    """Agreement in each part of the studies."""
    units = [
        GroupUnit(
            study=str(unit.study),
            subject=str(unit.subject),
            model=unit.model.klass if unit.model else None,
            readers={str(a.rater): a.klass for a in evidence.reads.get(unit.study, []) if a.rater},
            reference=unit.reference.klass if unit.reference else None,
            groups=groups_of(evidence, unit),
        )
        for unit in evidence.units
    ]
    found = compute_subgroups(units, reference=True)
    picks = Picks(evidence.units)
    for number, row in enumerate(found["rows"]):
        picks.add("subgroups", number, row["studies"])
    rows = [{**take(row, "studies"), "count": len(row["studies"])} for row in found["rows"]]
    return common(evidence, options) | {
        "rows": rows,
        "unknown": found["unknown"],
        "readers": found["readers"],
        "picks": picks.found,
    }


def show(report: Report) -> dict[str, Any]:
    """The forest plot, and which dimension is not known of any study."""
    results = report.results
    two = results["readers"] >= 2
    chart = _against_readers(report) if two else _against_reference(report)
    unknown = ", ".join(str(DIMENSION_WORDS[name]).lower() for name in results["unknown"])
    return {
        "chart": chart,
        "charts": {chart.key: chart},
        "unknown": unknown,
        "ground": ground(report),
        "few": _few(results["rows"]),
    }


def _few(rows: list[dict[str, Any]]) -> list[str]:
    """Parts that are too small for an interval."""
    return [
        f"{part_words(row['dimension'], row['level'])} (n {row['model']['n']})"
        for row in rows
        if row["model"]["reason"] == "too-few"
    ]


def _mark(figure: Mapping[str, Any], tone: str) -> dict[str, Any]:
    interval = figure["interval"]
    return {
        "value": figure["value"],
        "low": interval["low"] if interval else None,
        "high": interval["high"] if interval else None,
        "tone": tone,
        "text": figure_words(figure, share=True),
    }


def _against_readers(report: Report) -> Chart:
    results, marks, table = report.results, [], []
    for number, row in enumerate(results["rows"]):
        label, href = part_words(row["dimension"], row["level"]), cases_of(report, "subgroups", number, row["count"])
        subjects = row["subjects"]
        ground = _("n = %(n)s") % {"n": subjects}
        if row["model"]["value"] is not None:
            marks.append({"label": label, "ground": ground, "href": href, **_mark(row["readers"], "phys")})
            marks.append({"label": label, "ground": "", "href": href, "joined": True, **_mark(row["model"], "model")})
        difference = row["difference"] or {"value": None, "interval": None, "reason": "no-units"}
        table.append(
            Row(
                (
                    label, str(subjects), str(row["count"]), figure_words(row["readers"], share=True),
                    interval_or_why(row["readers"], share=True, subjects=subjects),
                    figure_words(row["model"], share=True),
                    interval_or_why(row["model"], share=True, subjects=subjects),
                    figure_words(difference, share=True, sign=True),
                    interval_or_why(difference, share=True, subjects=subjects, sign=True), str(row["no_class"]),
                ),
                href,
            )
        )  # fmt: skip
    columns = [
        Column(_("Part")), Column(_("Subjects"), True), Column(_("Studies"), True), Column(_("Two readers"), True),
        Column(_("95 % CI"), True), Column(_("Model and reader"), True), Column(_("95 % CI"), True),
        Column(_("Difference"), True), Column(_("95 % CI"), True), Column(_("No class"), True),
    ]  # fmt: skip
    every = results["rows"][0]
    return Chart(
        key="subgroups",
        title=_("Same class: model and a reader, beside two readers"),
        ground=_("same cases, n = %(n)s subjects, %(readers)s readers")
        % {"n": every["subjects"], "readers": results["readers"]},
        draw="forest",
        data={"rows": marks, "x": _axis(marks)},
        columns=columns,
        rows=table,
        missing="" if marks else _("No figure yet. It needs a study to which the model and two readers gave a class."),
        legend=(("phys", _("two readers")), ("model", _("model and one reader"))),
        foot=_("lines: 95 % CI over resampled subjects; below 10 subjects a point alone"),
        cases=cases_of(report, "subgroups", 0, every["count"]),
    )


def _axis(marks: list[dict[str, Any]]) -> dict[str, Any]:
    ends = [mark[key] for mark in marks for key in ("value", "low", "high") if mark[key] is not None]
    low = min([0.5, *ends])
    return {"min": max(-1, int(low * 10) / 10), "max": 1, "ticks": "percent", "name": _("% same class")}


def _against_reference(report: Report) -> Chart:
    """With one reader there is no ceiling: the model against the comparison's other side alone."""
    results, marks, table = report.results, [], []
    other = present.against_words(report.selection)
    for number, row in enumerate(results["rows"]):
        label, figure = part_words(row["dimension"], row["level"]), row["reference"]
        href = cases_of(report, "subgroups", number, row["count"])
        if figure["value"] is not None:
            ground = _("n = %(n)s") % {"n": figure["n"]}
            marks.append({"label": label, "ground": ground, "href": href, **_mark(figure, "model")})
        cells = (
            label, str(row["subjects"]), str(row["count"]), figure_words(figure, share=True),
            interval_or_why(figure, share=True, subjects=row["subjects"]), str(row["no_class"]),
        )  # fmt: skip
        table.append(Row(cells, href))
    columns = [
        Column(_("Part")), Column(_("Subjects"), True), Column(_("Studies"), True), Column(_("Same class"), True),
        Column(_("95 % CI"), True), Column(_("No class"), True),
    ]  # fmt: skip
    every = results["rows"][0]
    decided = report.selection.against in CONSENSUS_KINDS or report.selection.against == MAJORITY
    return Chart(
        key="subgroups",
        title=_("Same class: model against %(other)s") % {"other": other},
        ground=_("n = %(n)s subjects; two readers are needed for the human ceiling") % {"n": every["subjects"]},
        draw="forest",
        data={"rows": marks, "x": _axis(marks)},
        columns=columns,
        rows=table,
        missing="" if marks else _("No figure yet. It needs a study to which both gave a class."),
        legend=(("model", _("model against the reference") if decided else _("model and reader")),),
        cases=cases_of(report, "subgroups", 0, every["count"]),
    )


BOARD = Board(
    slug="subgroups",
    title=gettext_lazy("Subgroups"),
    template="agreement/boards/subgroups.html",
    compute=compute,
    present=show,
    parts=(),
)

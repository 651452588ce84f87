"""Charts whose marks stand in the page itself: the confusion table and the human ceiling, as data to save and draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from plaqueweb.agreement import present
from plaqueweb.agreement.boards.shown import Chart, Column, Row, cases_of, figure_words, n_words

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report

SHOWN_OF = {"within_1mm": "as_read", "dice": "dice"}
"""Which studies stand behind a row of the ceiling; the others need a class of both sides."""


def confusion_cells(report: Report) -> dict[str, Any]:
    """The confusion table with the cases of every cell; a subject's cell has all of its studies."""
    counts = report.results["confusion"]
    return present.matrix(
        report.selection,
        counts,
        lambda row, column: cases_of(report, "confusion", f"{row}-{column}", counts[row][column]),
    )


def confusion_chart(report: Report) -> Chart:
    """The confusion table: rows the other side, columns the model, every cell with its cases."""
    selection, results = report.selection, report.results
    table = confusion_cells(report)
    against = present.against_words(selection)
    unit = results.get("unit") == "subject"
    n = table["total"]
    count = n_words(n) if unit else ngettext("n = %(n)s study", "n = %(n)s studies", n) % {"n": n}
    cells = [
        {
            "row": place, "column": column, "value": None, "text": str(cell["count"]), "href": cell["href"],
            "tone": cell["kind"],
            "label": _("%(row)s, model: %(column)s") % {"row": row["label"], "column": cell["column"]},
        }
        for place, row in enumerate(table["rows"])
        for column, cell in enumerate(row["cells"])
    ]  # fmt: skip
    model = [_("Model: %(class)s") % {"class": name} for name in table["columns"]]
    return Chart(
        key="confusion",
        title=_("Class"),
        ground=_("%(n)s, model against %(other)s") % {"n": count, "other": against},
        draw="heat",
        data={
            "rows": [row["label"] for row in table["rows"]],
            "columns": table["columns"],
            "cells": cells,
            "min": 0,
            "max": 1,
            "words": {"rows": against, "columns": _("Model")},
        },
        columns=[Column(against), *(Column(name, True) for name in model), Column(_("All"), True)],
        rows=[
            Row((row["label"], *(str(cell["count"]) for cell in row["cells"]), str(row["total"])))
            for row in table["rows"]
        ],
        offscreen=True,
    )


def ceiling_table(report: Report, part: Mapping[str, Any]) -> Chart:
    """Two readers and, one below the other, model and one reader: the same measures on the same cases."""
    marks: list[dict[str, Any]] = []
    rows = []
    for row in part["rows"]:
        share, href = row["key"] in present.SHARES, ceiling_cases(report, row["key"])
        label, ground = str(present.FIGURE_WORDS[row["key"]]), n_words(row["subjects"])
        cells = [label]
        for side in ("readers", "model", "difference"):
            figure, sign = row[side], side == "difference"
            cells += [figure_words(figure, share=share, sign=sign),
                      present.interval_words(figure["interval"], share=share, sign=sign) or "–"]  # fmt: skip
        rows.append(Row((*cells, str(row["subjects"])), href))
        for side, tone in (("readers", "phys"), ("model", "model")):
            figure, interval = row[side], row[side]["interval"]
            marks.append({"label": label, "ground": ground, "value": figure["value"], "tone": tone, "href": href,
                          "low": interval["low"] if interval else None, "high": interval["high"] if interval else None,
                          "text": figure_words(figure, share=share), "joined": side == "model"})  # fmt: skip
    low = min([0.0, *(mark[key] for mark in marks for key in ("value", "low") if mark[key] is not None)])
    return Chart(
        key="ceiling",
        title=_("Human ceiling beside the model"),
        ground=ngettext(
            "same cases, same measure, %(n)s reader", "same cases, same measure, %(n)s readers", part["readers"]
        )
        % {"n": part["readers"]},
        draw="forest",
        data={"rows": marks, "x": {"min": low, "max": 1}},
        columns=[
            Column(_("Measure")), Column(_("Two readers"), True), Column(_("95 % CI"), True),
            Column(_("Model and one reader"), True), Column(_("95 % CI"), True), Column(_("Difference"), True),
            Column(_("95 % CI"), True), Column(_("Subjects"), True),
        ],
        rows=rows,
        offscreen=True,
    )  # fmt: skip


def ceiling_cases(report: Report, key: str) -> str:
    """Address of the cases of a row of the ceiling."""
    base = reverse("agreement-cases", args=[report.selection.project.slug])
    return f"{base}?{present.query(report.selection, show=SHOWN_OF.get(key, 'compared'))}"

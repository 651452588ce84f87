"""The comparison as CSV: one row a study."""

from __future__ import annotations

import csv
import io
from typing import Any

from plaqueweb.agreement import present
from plaqueweb.agreement.boards.shown import Chart
from plaqueweb.agreement.report import Report

COLUMNS = (
    "study",
    "subject",
    "site",
    "reference",
    "pipeline",
    "reference_class",
    "model_class",
    "model_probability",
    "model_no_result",
    "reference_thickness_mm",
    "model_thickness_mm",
    "thickness_difference_mm",
    "thickness_kind",
    "dice",
    "frames_scored",
    "run",
    "notice",
)
NOTICE = "Research use only. Not for diagnosis."
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe_cell(text: str) -> str:
    """A text cell that no spreadsheet takes for a formula (CWE-1236): such a one gets an apostrophe before it.

    Numbers are written by this module alone and keep their minus.
    """
    return f"'{text}" if text.startswith(FORMULA) or text.lstrip().startswith(FORMULA[:4]) else text


def to_csv(report: Report) -> str:
    """RFC 4180 text with a header; empty cells where something is missing; classes as 1, 0, 9 (cannot assess)."""
    handle = io.StringIO()
    writer = csv.writer(handle, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for unit in report.results.get("units", []):
        writer.writerow(_row(report, unit))
    return handle.getvalue()


def chart_csv(chart: Chart, report: Report) -> str:
    """The table of one chart as RFC 4180 text; every row repeats title, ground, run and notice."""
    handle = io.StringIO()
    writer = csv.writer(handle, lineterminator="\r\n")
    writer.writerow([*(column.label for column in chart.columns), "chart", "ground", "run", "interim", "notice"])
    ground = [chart.title, chart.ground, str(report.run.pk if report.run else "")]
    for row in chart.rows:
        cells = [
            cell.replace("−", "-") if column.number else cell
            for column, cell in zip(chart.columns, row.cells, strict=True)
        ]
        safe = [
            cell if column.number and _is_number(cell) else safe_cell(cell)
            for column, cell in zip(chart.columns, cells, strict=True)
        ]
        writer.writerow([*safe, *map(safe_cell, ground), "yes" if report.interim else "no", NOTICE])
    return handle.getvalue()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _row(report: Report, unit: dict[str, Any]) -> list[str]:
    place, selection = report.places[unit["study"]], report.selection
    a, b = unit["model_mm"], unit["reference_mm"]
    texts = [place.label, place.subject, unit.get("site", ""), present.against_words(selection)]
    texts.append(selection.pipeline.name if selection.pipeline else "")
    values = [
        _text(unit["reference"]),
        _text(unit["model"]),
        _text(unit["probability"], 4),
        unit["no_result"],
        _text(b, 2),
        _text(a, 2),
        _text(a - b if a is not None and b is not None else None, 2),
        unit["kind"] or "",
        _text(unit["dice"], 4),
        str(unit["frames"]),
    ]
    return [*map(safe_cell, texts), *values, str(report.run.pk if report.run else ""), NOTICE]


def _text(value: float | None, digits: int | None = None) -> str:
    if value is None:
        return ""
    return str(value) if digits is None else f"{value:.{digits}f}"

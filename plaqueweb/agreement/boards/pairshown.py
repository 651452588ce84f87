"""Bland-Altman of one named comparison as a chart: thickness in mm, area in mm²."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from plaqueweb.agreement import present
from plaqueweb.agreement.boards.shown import Chart, Column, Row, Rows, figure_words, interval_or_why, n_words
from plaqueweb.agreement.filters import KINDS

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report

NEAR_MM = 0.5
"""The band around the rule: readings near it change the class for a small difference."""
QUANTITIES = {"thickness": "mm", "area": "mm²"}


def bland_altman(
    report: Report, part: Mapping[str, Any], kind: str, *, quantity: str = "thickness", key: str = "bland-altman"
) -> Chart:
    """Mean of both against model − other; pairs on two sides of the rule are crosses (thickness only)."""
    found, unit = part["bland_altman"], QUANTITIES[quantity]
    points = part["points"]
    subjects = int(found["subjects"])
    rule = float(report.results["rule_mm"]) if quantity == "thickness" else None
    crossing = sum(point["crosses"] for point in points)
    return Chart(
        key=key,
        title=_title(report, quantity),
        ground=f"{KINDS[kind]}, {n_words(subjects, len(points))}",
        draw="scatter",
        data=_drawn(report, part, unit, rule),
        columns=(
            Column(str(_("Case"))),
            Column(f"{present.against_words(report.selection)}, {unit}", number=True),
            Column(f"{_('Model')}, {unit}", number=True),
            Column(f"{_('Model − other')}, {unit}", number=True),
            *([Column(str(_("Rule")))] if rule is not None else []),
        ),
        rows=Rows(points, lambda point: _row(report, point, rule), lambda point: abs(point["difference"])),
        order=_("furthest apart first"),
        foot=_crossing_words(crossing, rule) if rule is not None else "",
        missing="" if points else needed(quantity, kind),
        facts=[*_limits(found, unit), *_facts(part, unit, subjects)] if points else [],
        note=present.why_not(found["reason"], subjects) if points else "",
        legend=[("ask", str(_("two sides of the rule")))] if crossing else [],
    )


def _title(report: Report, quantity: str) -> str:
    other = present.against_words(report.selection)
    if quantity == "area":
        return _("Plaque area, model − %(other)s") % {"other": other}
    return _("Thickness, model − %(other)s") % {"other": other}


def needed(quantity: str, kind: str) -> str:
    """What a first figure of this comparison needs."""
    what = _("a thickness in millimetres") if quantity == "thickness" else _("an area in mm²")
    how = {
        "same_frame": _("on one frame: a reader’s key frame, which the model measured too"),
        "same_lesion": _("of one and the same plaque, each on its own key frame"),
        "as_read": _("of both"),
    }[kind]
    return _("No figure yet. A first figure needs a study with %(what)s %(how)s.") % {"what": what, "how": how}


def _crossing_words(count: int, rule: float) -> str:
    return ngettext(
        "%(n)s pair falls on two sides of %(mm)s mm", "%(n)s pairs fall on two sides of %(mm)s mm", count
    ) % {"n": count, "mm": present.number(rule, 1)}


def _drawn(report: Report, part: Mapping[str, Any], unit: str, rule: float | None) -> dict[str, Any]:
    found, points = part["bland_altman"], part["points"]
    reach = max([1.0, *(abs(point["difference"]) for point in points), *_ends(found)])
    largest = max([5.0, *(point["mean"] for point in points)])
    bands: list[dict[str, Any]] = [
        {"axis": "y", "from": interval["low"], "to": interval["high"]}
        for interval in (found["bias_interval"], found["lower_interval"], found["upper_interval"])
        if interval
    ]
    rules: list[dict[str, Any]] = [{"at": 0, "axis": "y", "tone": "mid", "width": 1}]
    if rule is not None:
        near = _("near %(mm)s mm") % {"mm": present.number(rule, 0 if rule == int(rule) else 1)}
        bands.append(
            {"axis": "x", "from": rule - NEAR_MM, "to": rule + NEAR_MM, "tone": "ask", "opacity": 0.14, "text": near}
        )
        rules.append({"at": rule, "axis": "x", "tone": "ask", "dash": "dotted", "width": 1})
    for key, name, dash in (
        ("upper", _("upper limit"), "dashed"),
        ("bias", _("bias"), "solid"),
        ("lower", _("lower limit"), "dashed"),
    ):
        if found[key] is not None:
            text = f"{present.number(found[key], 2, sign=True)} {unit}"
            rules.append({"at": found[key], "axis": "y", "dash": dash, "text": text, "name": str(name)})
    return {
        "points": [
            {
                "x": point["mean"],
                "y": point["difference"],
                "label": _point_words(report, point, unit),
                "href": report.places[point["study"]].href,
                "cross": bool(point["crosses"]) and rule is not None,
            }
            for point in points
        ],
        "x": {"name": f"{_('mean of both')}, {unit}", "min": 0, "max": math.ceil(largest + 0.001)},
        "y": {
            "name": f"{_('model')} − {present.against_words(report.selection)}, {unit}",
            "min": -math.ceil(reach + 0.001),
            "max": math.ceil(reach + 0.001),
            "ticks": "signed",
        },
        "rules": rules,
        "bands": bands,
    }


def _ends(found: Mapping[str, Any]) -> list[float]:
    ends = [abs(found[key]) for key in ("lower", "upper") if found[key] is not None]
    for key in ("lower_interval", "upper_interval"):
        if found[key]:
            ends += [abs(found[key]["low"]), abs(found[key]["high"])]
    return ends


def _point_words(report: Report, point: Mapping[str, Any], unit: str) -> str:
    one, two = present.number(point["reference"], 1), present.number(point["model"], 1)
    difference = present.number(point["difference"], 1, sign=True)
    return f"{report.places[point['study']].label}: {one} → {two} {unit} ({difference} {unit})"


def _row(report: Report, point: Mapping[str, Any], rule: float | None) -> Row:
    place = report.places[point["study"]]
    cells = [
        place.label,
        present.number(point["reference"], 1),
        present.number(point["model"], 1),
        present.number(point["difference"], 1, sign=True),
    ]
    if rule is not None:
        cells.append(str(_("two sides") if point["crosses"] else _("one side")))
    return Row(tuple(cells), place.href)


def _limits(found: Mapping[str, Any], unit: str) -> Sequence[tuple[str, str, str]]:
    words = (("upper", _("upper limit")), ("bias", _("bias")), ("lower", _("lower limit")))
    return [
        (
            str(name),
            f"{present.number(found[key], 2, sign=True)} {unit}",
            present.interval_words(found[f"{key}_interval"], share=False, sign=True),
        )
        for key, name in words
        if found[key] is not None
    ]


def _facts(part: Mapping[str, Any], unit: str, subjects: int) -> Sequence[tuple[str, str, str]]:
    rows = (
        ("mae", _("Mean absolute difference"), False, f" {unit}"),
        ("within_05", _("Within 0.5 %(unit)s") % {"unit": unit}, True, ""),
        ("within_10", _("Within 1.0 %(unit)s") % {"unit": unit}, True, ""),
        ("ccc", _("Lin’s concordance"), False, ""),
    )
    return [
        (
            str(label),
            figure_words(part[key], share=share, unit=ending),
            interval_or_why(part[key], share=share, subjects=subjects),
        )
        for key, label, share, ending in rows
        if key in part
    ]

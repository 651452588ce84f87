"""The charts and words of the measurement tab."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from plaqueweb.agreement import present
from plaqueweb.agreement.boards.pairshown import QUANTITIES, bland_altman, needed
from plaqueweb.agreement.boards.parts import ground
from plaqueweb.agreement.boards.shown import Chart, Column, Row, Rows, cases_of, figure_words, interval_or_why, n_words
from plaqueweb.agreement.filters import AS_READ, KINDS, SAME_FRAME

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report

SIDES = ("at_least", "below")


def show(report: Report) -> dict[str, Any]:
    """Bland-Altman and scatter of thickness and area, the rule's two sides, last digits, and the choice of frame."""
    results = report.results
    kind = results["kind"]
    thickness, area = results["thickness"], results["area"]
    ordered = [
        bland_altman(report, thickness, kind),
        scatter(report, thickness, kind, "thickness"),
        straddle(report),
        digits(report),
        bland_altman(report, area, kind, quantity="area", key="bland-altman-area"),
        scatter(report, area, kind, "area"),
    ]
    return {
        "charts": {chart.key: chart for chart in ordered},
        "ordered": ordered,
        "kind_words": KINDS[kind],
        "choice": choice_words(results["frame_choice"]),
        "readers": readers_words(results["readers"], kind),
        "coefficients": coefficients(thickness),
        "without": results["without"],
        "ground": ground(report),
    }


def scatter(report: Report, part: Mapping[str, Any], kind: str, quantity: str) -> Chart:
    """Reference against model with the line of identity and Deming's."""
    unit, points = QUANTITIES[quantity], part["points"]
    other = present.against_words(report.selection)
    largest = max([5.0, *(point[side] for point in points for side in ("reference", "model"))])
    end = math.ceil(largest + 0.001)
    lines: list[dict[str, Any]] = [{"from": [0, 0], "to": [end, end], "tone": "mid", "dash": "dotted"}]
    slope, intercept = part["deming"]["slope"]["value"], part["deming"]["intercept"]["value"]
    if slope is not None and intercept is not None:
        lines.append(_inside(slope, intercept, end))
    title = _("Plaque area: model and %(other)s") if quantity == "area" else _("Thickness: model and %(other)s")
    rule = float(report.results["rule_mm"])
    rules = [{"at": rule, "axis": axis, "tone": "ask", "dash": "dotted", "width": 1} for axis in ("x", "y")]
    return Chart(
        key=f"scatter-{quantity}",
        title=title % {"other": other},
        ground=f"{KINDS[kind]}, {n_words(int(part['bland_altman']['subjects']), len(points))}",
        draw="scatter",
        data={
            "points": [
                {
                    "x": point["reference"],
                    "y": point["model"],
                    "label": _("%(case)s: %(one)s → %(two)s %(unit)s")
                    % {
                        "case": report.places[point["study"]].label,
                        "one": present.number(point["reference"], 1),
                        "two": present.number(point["model"], 1),
                        "unit": unit,
                    },
                    "href": report.places[point["study"]].href,
                    "cross": bool(point["crosses"]),
                }
                for point in points
            ],
            "x": {"name": f"{other}, {unit}", "min": 0, "max": end},
            "y": {"name": f"{_('model')}, {unit}", "min": 0, "max": end},
            "rules": rules if quantity == "thickness" else [],
            "lines": lines,
        },
        columns=[
            Column(_("Case")),
            Column(f"{other}, {unit}", True),
            Column(_("Model, %(unit)s") % {"unit": unit}, True),
        ],
        rows=Rows(points, lambda point: _pair_row(report, point), lambda point: abs(point["difference"])),
        order=_("furthest apart first"),
        missing="" if points else needed(quantity, kind),
        # The thickness has a card of its own for these.
        facts=[(name, value, interval) for name, value, interval, _n in coefficients(part)]
        if points and quantity == "area"
        else [],
        foot=_("dotted: equal · solid: Deming’s line, equal error on both sides"),
    )


def _pair_row(report: Report, point: Mapping[str, Any]) -> Row:
    place = report.places[point["study"]]
    return Row((place.label, present.number(point["reference"], 1), present.number(point["model"], 1)), place.href)


def _inside(slope: float, intercept: float, end: float) -> dict[str, Any]:
    """The part of a line that lies within the square from 0 to ``end``."""
    ends = []
    for x in (0.0, float(end)):
        y = min(max(intercept + slope * x, 0.0), float(end))
        ends.append([x if slope == 0 else (y - intercept) / slope, y])
    return {"from": ends[0], "to": ends[1], "tone": "ink"}


def coefficients(part: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """ICC, lines and proportional bias as rows: name, value, interval or why not, n."""
    subjects = int(part["bland_altman"]["subjects"])
    rows: list[tuple[str, Mapping[str, Any] | None]] = [
        (_("ICC(2,1), absolute agreement"), part["icc_agreement"]),
        (_("ICC(3,1), consistency"), part["icc_consistency"]),
        (_("Lin’s concordance"), part["ccc"]),
        (_("Proportional bias, slope on the mean"), part["proportional"]["slope"]),
        (_("Deming, slope"), part["deming"]["slope"]),
        (_("Deming, intercept"), part["deming"]["intercept"]),
    ]
    robust = part["passing_bablok"]
    if robust is not None:
        rows += [(_("Passing-Bablok, slope"), robust["slope"]), (_("Passing-Bablok, intercept"), robust["intercept"])]
    return [
        (
            str(name),
            figure_words(figure, share=False),
            interval_or_why(figure, share=False, subjects=subjects) or "–",
            str(figure["n"]),
        )
        for name, figure in rows
        if figure is not None
    ]


def straddle(report: Report) -> Chart:
    """Pairs by the side of the rule, as displayed."""
    results = report.results
    rule, counted = present.number(float(results["rule_mm"]), 1), results["straddle"]
    other = present.against_words(report.selection)
    names = {"at_least": _("%(mm)s mm or more") % {"mm": rule}, "below": _("below %(mm)s mm") % {"mm": rule}}
    cells, rows = [], []
    for row, one in enumerate(SIDES):
        for column, two in enumerate(SIDES):
            key = f"{one}-{two}"
            href = cases_of(report, "straddle", key, counted[key])
            tone = "agree" if one == two else "differ"
            cells.append(
                {
                    "row": row,
                    "column": column,
                    "value": None,
                    "text": str(counted[key]),
                    "href": href,
                    "tone": tone,
                    "label": f"{names[one]}, {_('Model')}: {names[two]}",
                }
            )
            rows.append(Row((names[one], names[two], str(counted[key])), href))
    total = sum(counted.values())
    apart = counted["at_least-below"] + counted["below-at_least"]
    return Chart(
        key="straddle",
        title=_("Which side of %(mm)s mm: model and %(other)s") % {"mm": rule, "other": other},
        ground=f"{KINDS[results['kind']]}, {_('n = %(n)s pairs') % {'n': total}}",
        draw="heat",
        data={
            "rows": [f"{other}: {names[side]}" if len(other) < 10 else str(names[side]) for side in SIDES],
            "columns": [f"{_('Model')}: {names[side]}" for side in SIDES],
            "cells": cells,
            "min": 0,
            "max": 1,
            "words": {"rows": "", "columns": ""},
        },
        columns=[Column(other), Column(_("Model")), Column(_("Pairs"), True)],
        rows=rows,
        missing="" if total else needed("thickness", results["kind"]),
        foot=_("%(n)s of %(total)s pairs lie on two sides, as displayed to 0.1 mm") % {"n": apart, "total": total},
        cases=cases_of(report, "straddle", "all", total),
    )


def digits(report: Report) -> Chart:
    """How often each displayed thickness near the rule was given."""
    found = report.results["digits"]
    steps = [present.number(step, 1) for step in found["steps"]]
    series, rows = [], []
    keys = [f"{step:.1f}" for step in found["steps"]]
    hrefs = [cases_of(report, "digits", key, _given(found, place)) for place, key in enumerate(keys)]
    for key, name, tone in (("readers", _("all readers"), "phys"), ("model", _("Model"), "model")):
        counts = found[key]["counts"]
        own = [cases_of(report, "digits", f"{step}-{key}", n) for step, n in zip(keys, counts, strict=True)]
        series.append({"name": name, "tone": tone, "values": counts, "labels": [str(n) for n in counts], "hrefs": own})
    for place, step in enumerate(steps):
        cells = (step, str(found["readers"]["counts"][place]), str(found["model"]["counts"][place]))
        rows.append(Row(cells, hrefs[place]))
    rule = present.number(float(report.results["rule_mm"]), 1)
    below = present.number(float(report.results["rule_mm"]) - 0.1, 1)
    facts = [
        (
            _("%(name)s: %(rule)s among %(below)s and %(rule)s") % {"name": name, "rule": rule, "below": below},
            figure_words(found[key]["share_at"], share=True),
            present.interval_words(found[key]["share_at"]["interval"], share=True),
        )
        for key, name in (("readers", _("Readers")), ("model", _("Model")))
    ]
    any_given = any(sum(found[key]["counts"]) for key in ("readers", "model"))
    return Chart(
        key="digits",
        title=_("Displayed thickness near %(mm)s mm") % {"mm": rule},
        ground=_("as read, all readers and the model"),
        draw="bars",
        data={"names": steps, "series": series, "x": {"name": "mm"}, "y": {"name": _("values"), "min": 0}},
        columns=[Column("mm", True), Column(_("Readers"), True), Column(_("Model"), True)],
        rows=rows,
        missing="" if any_given else _("No figure yet. It needs a thickness near the rule."),
        facts=facts if any_given else [],
        legend=[("phys", _("all readers")), ("model", _("Model"))],
        foot=_("a heap at the rule, and a gap below it, shows rounding towards it; about half is expected"),
    )


def _given(found: Mapping[str, Any], place: int) -> int:
    return int(found["readers"]["counts"][place]) + int(found["model"]["counts"][place])


def choice_words(found: Mapping[str, Any]) -> dict[str, str] | None:
    """The part of the error that comes from measuring on another frame; None without pairs on one frame."""
    if not found["n"]:
        return None
    subjects = found["subjects"]

    def words(figure: Mapping[str, Any], *, share: bool, unit: str = "", sign: bool = False) -> str:
        interval = interval_or_why(figure, share=share, subjects=subjects, sign=sign)
        value = figure_words(figure, share=share, unit=unit, sign=sign)
        return f"{value} ({interval})" if interval else value

    return {
        "share": words(found["share"], share=True, sign=False),
        "shift": words(found["shift"], share=False, unit=" mm", sign=True),
        "read": words(found["mae_read"], share=False, unit=" mm"),
        "same": words(found["mae_same"], share=False, unit=" mm"),
        "n": n_words(subjects, found["n"]),
    }


def readers_words(found: Mapping[str, Any], kind: str) -> dict[str, str] | None:
    """Two readers on the same cases: the human ceiling of this comparison."""
    if not found["n"] or found["mae"]["value"] is None:
        return None
    interval = interval_or_why(found["mae"], share=False, subjects=found["subjects"])
    value = figure_words(found["mae"], share=False, unit=" mm")
    limits = 1.96 * float(found["sd"] or 0.0)
    kinds = {AS_READ: _("as read"), SAME_FRAME: _("on one frame")}
    return {
        "mae": f"{value} ({interval})" if interval else value,
        "limits": f"± {present.number(limits, 2)} mm",
        "n": _("%(n)s pairs of readings, %(subjects)s subjects, %(kind)s")
        % {"n": found["n"], "subjects": found["subjects"], "kind": kinds.get(kind, KINDS[kind])},
    }

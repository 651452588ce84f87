"""When it can be trusted: how often the model agrees with the comparison's other side under chosen conditions."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from plaqueweb.agreement import present
from plaqueweb.agreement.answers import Unit
from plaqueweb.agreement.boards.base import Results, klass, model_class
from plaqueweb.agreement.boards.parts import Picks, groups_of, part_words
from plaqueweb.agreement.boards.shown import Chart, Column, Row, cases_of, figure_words, interval_or_why
from plaqueweb.agreement.evidence import Evidence
from plaqueweb.agreement.figures.subgroups import ALL, pair_share

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report

CONDITIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("segment", ()),
    ("quality", ()),
    ("scale", ("no",)),
    ("thickness", ("near",)),
)
"""Dimensions and their levels that are shown; () for every level that occurs. The tab Subgroups has all of them."""


def compute_trust(evidence: Evidence, picks: Picks) -> dict[str, Any]:
    """Same class by condition, and how many subjects came since the last disagreement.

    The studies behind each row go into ``picks`` under "trust".
    """
    groups = [(unit, groups_of(evidence, unit)) for unit in evidence.units if unit.reference is not None]
    levels: list[tuple[str, str]] = [(ALL, "")]
    for dimension, wanted in CONDITIONS:
        seen = sorted({of[dimension] for _unit, of in groups} - {""})
        levels += [(dimension, level) for level in seen if not wanted or level in wanted]
    rows = []
    for number, (dimension, level) in enumerate(levels):
        chosen = [unit for unit, of in groups if dimension == ALL or of[dimension] == level]
        rows.append({"dimension": dimension, "level": level, **_share(chosen)})
        rows[-1]["count"] = picks.add("trust", number, [str(unit.study) for unit in chosen])
    return {"rows": rows, "since": since_last(evidence, [unit for unit, _of in groups], picks)}


def _share(units: list[Unit]) -> dict[str, Any]:
    both = [unit for unit in units if _classes(unit) is not None]
    found = pair_share(
        [(model_class(unit), [klass(unit.reference)], None) for unit in both], [str(unit.subject) for unit in both]
    )
    return {"figure": found.as_dict(), "subjects": len({unit.subject for unit in both}), "left": len(units) - len(both)}


def _classes(unit: Unit) -> tuple[int, int] | None:
    one, two = klass(unit.reference), model_class(unit)
    return (one, two) if one in (0, 1) and two in (0, 1) else None


def since_last(evidence: Evidence, units: list[Unit], picks: Picks) -> dict[str, Any]:
    """Subjects compared, in the order in which their studies arrived, after the last that differed.

    ``last`` is the place in the picks of the study that differed, False where none did.
    """
    dated: list[tuple[datetime, uuid.UUID, Unit]] = []
    for unit in units:
        arrived = evidence.context(unit.study).arrived
        if arrived is not None and _classes(unit) is not None:
            dated.append((arrived, unit.study, unit))
    subjects: set[uuid.UUID] = set()
    last = False
    for _arrived, study, unit in sorted(dated, key=lambda row: (row[0], str(row[1])), reverse=True):
        one, two = _classes(unit) or (0, 0)
        if one != two:
            last = picks.add("trust", "last", [str(study)]) > 0
            break
        subjects.add(unit.subject)
    return {"subjects": len(subjects), "last": last, "n": len({unit.subject for _at, _pk, unit in dated})}


def trust_chart(report: Report) -> Chart:
    """One row a condition, with interval and n."""
    found: Results = report.results["trust"]
    other = present.against_words(report.selection)
    marks, rows = [], []
    for number, row in enumerate(found["rows"]):
        figure, subjects = row["figure"], row["subjects"]
        label = part_words(row["dimension"], row["level"])
        href = cases_of(report, "trust", number, row["count"])
        text, why = figure_words(figure, share=True), interval_or_why(figure, share=True, subjects=subjects)
        rows.append(Row((label, text, why, str(subjects), str(row["left"])), href))
        if figure["value"] is None:
            continue
        interval = figure["interval"] or {"low": None, "high": None}
        marks.append(
            {
                "label": label, "ground": _("n = %(n)s") % {"n": subjects}, "value": figure["value"],
                "low": interval["low"], "high": interval["high"], "tone": "model", "text": text, "href": href,
            }
        )  # fmt: skip
    return Chart(
        key="trust",
        title=_("When it can be trusted"),
        ground=_("same class as %(other)s") % {"other": other},
        draw="forest",
        data={"rows": marks, "x": {"min": _left(marks), "max": 1, "ticks": "percent", "name": _("% same class")}},
        columns=[
            Column(_("Condition")), Column(_("Same class"), True), Column(_("95 % CI"), True),
            Column(_("Subjects"), True), Column(_("Studies without both classes"), True),
        ],
        rows=rows,
        missing="" if marks else _("No figure yet. It needs a study to which both gave a class."),
        foot=_since_words(found["since"]),
        cases=cases_of(report, "trust", "last", int(found["since"]["last"])),
    )  # fmt: skip


def _left(marks: list[dict[str, Any]]) -> float:
    ends = [mark[key] for mark in marks for key in ("value", "low") if mark[key] is not None]
    return max(0.0, int(min([0.5, *ends]) * 10) / 10)


def _since_words(since: dict[str, Any]) -> str:
    if not since["n"]:
        return ""
    if not since["last"]:
        return ngettext(
            "%(n)s subject, none of them with a disagreement", "%(n)s subjects, none of them with a disagreement",
            since["n"],
        ) % {"n": since["n"]}  # fmt: skip
    return ngettext(
        "%(n)s subject since the last disagreement", "%(n)s subjects since the last disagreement", since["subjects"]
    ) % {"n": since["subjects"]}

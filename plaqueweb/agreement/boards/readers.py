"""Readers: how they agree with each other and with themselves. A reader without the right to see results gets the own
column only, and rounds that are closed only (``selectors.hidden_rounds``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plaqueweb.accounts.roles import Capability
from plaqueweb.agreement.answers import Answer
from plaqueweb.agreement.boards.base import Board, Results, common
from plaqueweb.agreement.boards.parts import Picks, take
from plaqueweb.agreement.boards.readers_charts import charts_of, overall_lines
from plaqueweb.agreement.evidence import Evidence
from plaqueweb.agreement.figures.readers import Reading, compute_readers

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report


def _reading(study: Any, subject: Any, answer: Answer, keys: Mapping[Any, str]) -> Reading:
    return Reading(
        study=str(study),
        subject=str(subject),
        reader=keys[answer.rater],
        klass=answer.klass,
        mm=answer.thickness_mm,
        repeat=answer.repeat_no,
        order=answer.order_no or 0,
        seconds=answer.active_seconds or 0,
    )


def compute(evidence: Evidence, options: Mapping[str, Any]) -> Results:
    """All figures of the readers; of one reader, where ``options["own"]`` names one."""
    own = str(options.get("own", ""))
    raters = {a.rater for answers in evidence.reads.values() for a in answers if a.rater}
    # In the own column nothing tells who the others are, not even an id.
    keys = {rater: str(rater) for rater in raters}
    if own:
        others = sorted((rater for rater in raters if str(rater) != own), key=str)
        keys |= {rater: f"other-{place}" for place, rater in enumerate(others, 1)}
    readings = [
        _reading(unit.study, unit.subject, answer, keys)
        for unit in evidence.units
        for answers in (evidence.reads, evidence.repeats)
        for answer in answers.get(unit.study, [])
        if answer.rater in keys
    ]
    found = compute_readers(readings, own)
    people = found["order_of_readers"]
    number = {reader: str(place) for place, reader in enumerate(people)}
    names = {str(key): name for key, name in evidence.names.items()}
    picks = Picks(evidence.units)
    for row in found["pairs"]:
        key = f"{number[row['a']]}-{number[row['b']]}"
        row["differs"] = picks.add("pairs", key, row["differ"])
        row["both"] = picks.add("shared", key, row["studies"])
    for row in found["bias"]:
        row["count"] = picks.add("bias", number[row["reader"]], [point["study"] for point in row["points"]])
    for row in found["repeats"]:
        if row["reader"] in number:
            picks.add("repeats", number[row["reader"]], row["studies"])
            row["differs"] = picks.add("changed", number[row["reader"]], row["differ"])
    for row in found["time"]:
        timed = [one.study for one in readings if one.reader == row["reader"] and not one.repeat and one.seconds > 0]
        picks.add("time", number.get(row["reader"], ""), timed)
    for row in found["sequence"]:
        for third, part in enumerate(row["parts"]):
            picks.add("order", f"{number[row['reader']]}-{third}", part["studies"])
    return common(evidence, options) | {
        "people": [_person(names, reader, place) for place, reader in enumerate(people)],
        "rows": {row["reader"]: row for row in found["readers"]},
        "pairs": [take(row, "differ", "studies") for row in found["pairs"]],
        "overall": found["overall"],
        "bias": [take(row, "points") for row in found["bias"]],
        "repeats": [take(row, "studies", "differ") for row in found["repeats"]],
        "time": found["time"],
        "sequence": [{**row, "parts": [take(part, "studies") for part in row["parts"]]} for row in found["sequence"]],
        "own": own,
        "of": found["n"],
        "picks": picks.found,
    }


def _person(names: Mapping[str, str], reader: str, place: int) -> dict[str, Any]:
    """Name and number of a reader; in the own column the others have no name."""
    return {"reader": reader, "name": names.get(reader, ""), "number": place}


def own_column(report: Report) -> dict[str, str]:
    """Who may not see results of all gets the own column, whatever the address asks for."""
    if report.user.can(Capability.SEE_RESULTS, report.selection.project.pk):
        return {}
    return {"own": str(report.user.pk)}


def show(report: Report) -> dict[str, Any]:
    """The charts, in the order of the page, and the agreement of all readers at once."""
    charts = charts_of(report)
    return {
        "charts": {chart.key: chart for chart in charts},
        "ordered": charts,
        "overall": overall_lines(report),
        "own": bool(report.results["own"]),
        "of": report.results["of"],
        "ground": _("first readings, before anything was disclosed"),
    }


BOARD = Board(
    slug="readers",
    title=gettext_lazy("Readers"),
    template="agreement/boards/readers.html",
    compute=compute,
    present=show,
    version=2,
    parts=("repeats",),
    check=own_column,
)

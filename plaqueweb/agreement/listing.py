"""The studies behind a mark with the answers of the pipeline that it belongs to, and of a second one beside it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from plaqueweb.agreement import evidence_rows, present, stats
from plaqueweb.agreement.answers import Answer
from plaqueweb.agreement.comparison import PipelineChoice
from plaqueweb.agreement.report import Report
from plaqueweb.core.errors import NotFound

PAGE = 200
"""Cases of one page of a list, as many as a chart's table shows."""


@dataclass(frozen=True)
class Listed:
    """One page of a list: its rows in words, how many studies and subjects the whole list has, how many studies stand
    before the page, and the study to go on from ("" at the end); with the pipelines by name, "" without a second.
    """

    rows: list[present.CaseRow]
    studies: int
    subjects: int
    before: int
    after: str
    model: str
    second: str = ""


def listed(
    report: Report, units: Sequence[Mapping[str, Any]], *, wanted: Mapping[str, str], of: str = "", after: str = ""
) -> Listed:
    """The page behind the study ``after`` of a list of cases, in the order of the run; only its studies are named.

    ``wanted`` narrows the list; ``of`` names another pipeline than that of the comparison, "" names none. A study that
    is not in the list starts from the beginning.

    Raises:
        NotFound: the pipeline is not among those the user may see here.
    """
    every: Sequence[Mapping[str, Any]] = units
    chosen, second = report.selection.pipeline, report.options.get("second", "")
    if of:
        chosen = _pipeline(report, of)
        said = _answers(report, chosen, every)
        every = [{**unit, **_of_model(said.get(unit["study"]))} for unit in every]
    every = present.narrowed(every, wanted)
    start = 1 + next((place for place, unit in enumerate(every) if unit["study"] == after), -1) if after else 0
    page = every[start : start + PAGE]
    other = _pipeline(report, second) if second else None
    if other is not None:
        said = _answers(report, other, page)
        page = [{**unit, "second": _class(said.get(unit["study"]))} for unit in page]
    selection = replace(report.selection, pipeline=chosen)
    studies = [unit["study"] for unit in page]
    places = present.places(report.user, selection, studies, "" if of else second)
    return Listed(
        [present.case_row(unit, places[unit["study"]]) for unit in page],
        studies=len(every),
        subjects=len({unit["subject"] for unit in every}),
        before=start,
        after=studies[-1] if start + len(page) < len(every) else "",
        model=chosen.name if chosen else "",
        second=other.name if other else "",
    )


def _pipeline(report: Report, key: str) -> PipelineChoice:
    found = next((row for row in report.choices.pipelines if str(row.id) == key), None)
    if found is None:
        raise NotFound(_("There is no such pipeline that you may see."), rule="agreement-filter")
    return found


def _answers(report: Report, pipeline: PipelineChoice, rows: Sequence[Mapping[str, Any]]) -> dict[str, Answer]:
    """What a pipeline said, by study: the predictions that the run was computed from."""
    frozen = report.run.manifest.get("pipelines", {}).get(str(pipeline.id), []) if report.run is not None else []
    wanted = {row["study"] for row in rows}
    named = {study: uuid.UUID(pk) for study, pk in frozen if study in wanted}
    found = evidence_rows.predictions(list(named.values()), lesions=False)
    return {study: found[pk] for study, pk in named.items() if pk in found}


def _class(answer: Answer | None) -> int | None:
    if answer is None:
        return None
    return stats.CANNOT_ASSESS if answer.klass is None else answer.klass


def _of_model(answer: Answer | None) -> dict[str, Any]:
    """The columns of a row that a model fills. A Dice is only known of the comparison's own pipeline."""
    return {
        "model": _class(answer), "has_prediction": answer is not None, "dice": None,
        "probability": answer.probability if answer else None, "model_mm": answer.thickness_mm if answer else None,
    }  # fmt: skip

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


@dataclass(frozen=True)
class Listed:
    """Rows as in ``results["units"]``, where they lead, and the names of the pipelines; "" without a second."""

    units: list[dict[str, Any]]
    places: Mapping[str, present.Place]
    model: str
    second: str = ""


def listed(report: Report, units: Sequence[Mapping[str, Any]], of: str) -> Listed:
    """The rows of a list of cases; ``of`` names another pipeline than that of the comparison, "" names none.

    Raises:
        NotFound: it is not among those the user may see here.
    """
    rows = [dict(unit) for unit in units]
    chosen, places = report.selection.pipeline, report.places
    if of:
        chosen = _pipeline(report, of)
        said = _answers(report, chosen, rows)
        rows = [row | _of_model(row, said.get(row["study"])) for row in rows]
        places = present.places(report.user, replace(report.selection, pipeline=chosen), [row["study"] for row in rows])
    if not (second := report.options.get("second", "")):
        return Listed(rows, places, chosen.name if chosen else "")
    other = _pipeline(report, second)
    said = _answers(report, other, rows)
    rows = [row | {"second": _class(said.get(row["study"]))} for row in rows]
    return Listed(rows, places, chosen.name if chosen else "", other.name)


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


def _of_model(row: Mapping[str, Any], answer: Answer | None) -> dict[str, Any]:
    """The columns of a row that a model fills. A Dice is only known of the comparison's own pipeline."""
    return {
        "model": _class(answer), "has_prediction": answer is not None, "dice": None,
        "probability": answer.probability if answer else None, "model_mm": answer.thickness_mm if answer else None,
    }  # fmt: skip

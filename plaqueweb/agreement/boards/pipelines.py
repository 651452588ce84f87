"""Pipelines: two on one frozen list. The margin stands before the figures; what was trained on judges nobody."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plaqueweb.agreement import plans, present
from plaqueweb.agreement.answers import Answer
from plaqueweb.agreement.boards.base import Board, Gate, Results, common
from plaqueweb.agreement.boards.parts import Picks, groups_of, take
from plaqueweb.agreement.boards.pipelines_charts import differences, flips_of, headline, parts_chart, verdict
from plaqueweb.agreement.comparison import PipelineChoice
from plaqueweb.agreement.evidence import Evidence
from plaqueweb.agreement.figures.pipelines import DuelUnit, compute_duel
from plaqueweb.core.errors import NotFound
from plaqueweb.predictions.models import Pipeline
from plaqueweb.studies.models import CaseList

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report

TEMPLATE = "agreement/boards/pipelines_gate.html"


def compute(evidence: Evidence, options: Mapping[str, Any]) -> Results:
    """The two pipelines study by study; ``options`` hold both, the margin, and whether accuracy is a word."""
    first, second = uuid.UUID(str(options["pipeline"])), uuid.UUID(str(options["second"]))
    of_first, of_second = (evidence.predictions.get(key, {}) for key in (first, second))
    units, keys = [], {}
    for unit in evidence.units:
        one, two = of_first.get(unit.study), of_second.get(unit.study)
        key = next((answer.key for answer in (two, one) if answer is not None and answer.key is not None), None)
        keys[str(unit.study)] = [str(key[0]), key[1]] if key is not None else None
        units.append(
            DuelUnit(
                study=str(unit.study),
                subject=str(unit.subject),
                reference=unit.reference.klass if unit.reference else None,
                first=_class(one),
                second=_class(two),
                reference_mm=unit.reference.thickness_mm if unit.reference else None,
                first_mm=one.thickness_mm if one else None,
                second_mm=two.thickness_mm if two else None,
                ran=(one is not None, two is not None),
                groups=groups_of(evidence, unit),
            )
        )
    found = compute_duel(units, margin=float(options["margin"]), accuracy=options.get("accuracy") == "yes")
    picks = Picks(evidence.units)
    flips = {key: picks.add("flips", key, studies) for key, studies in found["flips"].items()}
    for number, row in enumerate(found["groups"]):
        picks.add("parts", number, row["studies"])
    for number, row in enumerate(found["rows"]):
        row["count"] = picks.add("differences", number, row["studies"])
    seconds = {row.study: row for row in units}
    return common(evidence, options) | {
        **take(found, "flips", "n", "groups", "rows"),
        "of": found["n"],
        "rows": [take(row, "studies") for row in found["rows"]],
        "flips": flips,
        "groups": [{**take(row, "studies"), "count": len(row["studies"])} for row in found["groups"]],
        "changed": {
            study: {"first": seconds[study].first, "second": seconds[study].second, "key": keys[study]}
            for studies in found["flips"].values()
            for study in studies
        },
        "picks": picks.found,
    }


def _class(answer: Answer | None) -> int | None:
    return answer.klass if answer is not None else None


def _second(report: Report) -> PipelineChoice | None:
    """The pipeline that would take over: the one asked for, else the only other one.

    Raises:
        NotFound: it is not among those the user may see, or is the first one.
    """
    first = report.selection.pipeline
    others = [row for row in report.choices.pipelines if first is not None and row.id != first.id]
    wanted = dict(report.selection.asked).get("second", "")
    if not wanted:
        return others[0] if len(others) == 1 else None
    if first is not None and wanted == str(first.id):
        return None  # the other select was changed to it: ask again
    found = next((row for row in others if str(row.id) == wanted), None)
    if found is None:
        raise NotFound(_("There is no such pipeline that you may see."), rule="agreement-filter")
    return found


def gate(report: Report) -> Gate | None:
    """What is missing before two pipelines may be compared, first things first."""
    selection, second = report.selection, _second(report)
    context: dict[str, Any] = {
        "second": second,
        "others": [row for row in report.choices.pipelines if row != selection.pipeline],
        "rounds": report.choices.rounds,
        "carried": [
            ("round", str(selection.round.pk) if selection.round else ""),
            ("pipeline", str(selection.pipeline.id) if selection.pipeline else ""),
            ("against", selection.against),
        ],
        "needs": "",
        "why": "",
    }
    round_ = selection.round
    if len(report.choices.pipelines) < 2:
        return Gate(TEMPLATE, context | {"needs": "pipelines"})
    if round_ is None:
        return Gate(TEMPLATE, context | {"needs": "round"})
    if round_.case_list.frozen_at is None:
        return Gate(TEMPLATE, context | {"needs": "frozen"})
    if second is None or selection.pipeline is None:
        return Gate(TEMPLATE, context | {"needs": "second"})
    seen = plans.trained_on(round_.case_list, _pipelines(selection.pipeline.id, second.id))
    if seen is not None:
        return Gate(TEMPLATE, context | {"needs": "unseen", "why": plans.trained_words(seen)})
    if _plan(report, second) is None:
        may = plans.may_plan(report.user, selection.project.pk)
        return Gate(TEMPLATE, context | {"needs": "margin", "may_plan": may})
    return None


def _pipelines(*keys: uuid.UUID) -> list[Pipeline]:
    return list(Pipeline.objects.filter(pk__in=keys).select_related("classifier", "segmenter"))


def _plan(report: Report, second: PipelineChoice) -> Any:
    selection = report.selection
    if selection.round is None or selection.pipeline is None:
        return None
    case_list: CaseList = selection.round.case_list
    return plans.plan_for(case_list=case_list, first=selection.pipeline.id, second=second.id, against=selection.against)


def inputs(report: Report) -> dict[str, str]:
    """The second pipeline and the margin that was stored enter the run."""
    second = _second(report)
    plan = _plan(report, second) if second is not None else None
    if second is None or plan is None:
        raise NotFound(_("There is nothing here that you may see."))
    accuracy = "yes" if report.selection.has_reference else "no"
    return {"second": str(second.id), "margin": repr(plan.margin), "accuracy": accuracy}


def show(report: Report) -> dict[str, Any]:
    """Differences, test, flips with pictures and parts that lose."""
    second = _second(report)
    plan = _plan(report, second) if second is not None else None
    round_ = report.selection.round
    charts = [differences(report), parts_chart(report)]
    looks = plans.looks_at([round_.case_list]) if round_ is not None else plans.Looks(0, 0)
    return {
        "charts": {chart.key: chart for chart in charts},
        "ordered": charts,
        "second": second,
        "others": [row for row in report.choices.pipelines if row != report.selection.pipeline],
        "plan": plan,
        "margin_words": present.percent(plan.margin) if plan else "",
        "verdict": verdict(report, second.name if second else ""),
        "verdict_ground": headline(report),
        "flips": flips_of(report),
        "losses": [row for row in report.results["groups"] if row["flag"]],
        "looks": looks,
        "is_test": round_ is not None and round_.case_list.purpose == "test",
        "case_list": round_.case_list if round_ is not None else None,
        "test": report.results["test"],
        "of": report.results["of"],
    }


BOARD = Board(
    slug="pipelines",
    title=gettext_lazy("Pipelines"),
    template="agreement/boards/pipelines.html",
    compute=compute,
    present=show,
    version=2,
    parts=("pipelines",),
    inputs=("second",),
    check=inputs,
    gate=gate,
)

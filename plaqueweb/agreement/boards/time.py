"""Time: has it changed? Disagreement by week with limits, signals that need no reader, and the alarms of both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy

from plaqueweb.agreement.answers import Answer, Unit
from plaqueweb.agreement.boards.base import Board, Results, common
from plaqueweb.agreement.boards.parts import Picks, ground, take
from plaqueweb.agreement.boards.time_charts import charts_of
from plaqueweb.agreement.evidence import Evidence
from plaqueweb.agreement.figures.periods import Met, Seen
from plaqueweb.agreement.figures.weeks import Change, compute_time
from plaqueweb.agreement.filters import NARROWING
from plaqueweb.agreement.models import Alarm

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report

CLASSES = (0, 1)


def compute(evidence: Evidence, options: Mapping[str, Any]) -> Results:
    """Both kinds of series of every pipeline."""
    met, seen = _met(evidence), _seen(evidence)
    found = compute_time(
        met, seen, _changes(met, seen), weeks=int(options.get("period") or 0), split=str(options.get("split") or "")
    )
    picks = Picks(evidence.units)
    for number, series in enumerate(found["series"]):
        for place, point in enumerate(series["points"]):
            picks.add("weeks", f"{number}-{place}", point["studies"])
        series["points"] = [take(point, "studies") for point in series["points"]]
    for number, series in enumerate(found["signals"]):
        for place, period in enumerate(series.pop("studies")):
            picks.add("signals", f"{number}-{place}", period["studies"])
    names = {str(key): evidence.names.get(key, "") for key in evidence.predictions}
    return common(evidence, options) | {
        "weeks": found["weeks"],
        "series": found["series"],
        "signals": found["signals"],
        "changes": found["changes"],
        "promise": found["promise"],
        "of": found["n"],
        "names": names,
        "picks": picks.found,
    }


def _day(at: datetime | None) -> date | None:
    return at.date() if at is not None else None


def dated(evidence: Evidence, unit: Unit) -> date | None:
    """The day of a comparison: that of the named reader's signature; of a reference the last signature on the study."""
    reads = [answer.at for answer in evidence.reads.get(unit.study, []) if answer.at is not None]
    reference = unit.reference
    if reference is not None and reference.rater is not None and reference.at is not None:
        return _day(reference.at)
    if reads:
        return _day(max(reads))
    return _day(evidence.context(unit.study).arrived or (reference.at if reference is not None else None))


def _met(evidence: Evidence) -> list[Met]:
    found = []
    for unit in evidence.units:
        day = dated(evidence, unit)
        if unit.reference is None or unit.reference.klass not in CLASSES or day is None:
            continue
        for pipeline, answers in evidence.predictions.items():
            model = answers.get(unit.study)
            if model is not None and model.klass in CLASSES:
                agrees = model.klass == unit.reference.klass
                context, mm = evidence.context(unit.study), _difference(model, unit.reference)
                row = Met(str(unit.study), day, str(pipeline), context.scanner, agrees, mm, context.site)
                found.append(row)
    return found


def _difference(model: Answer, reference: Answer) -> float | None:
    """Thickness as read, model minus the other, mm; None unless both measured plaque."""
    if not model.thickness_mm or not reference.thickness_mm:
        return None
    return model.thickness_mm - reference.thickness_mm


def _seen(evidence: Evidence) -> list[Seen]:
    found = []
    for pipeline, answers in evidence.predictions.items():
        for study, model in answers.items():
            context = evidence.context(study)
            # What comes in is dated by its arrival: a pipeline that ran over old studies in one night saw no drift.
            day = _day(context.arrived or model.at)
            if day is not None:
                row = Seen(
                    str(study), day, str(pipeline), context.scanner, model.klass, model.probability,
                    model.thickness_mm, model.area_mm2, context.picture, context.site,
                )  # fmt: skip
                found.append(row)
    return found


def _changes(met: list[Met], seen: list[Seen]) -> list[Change]:
    """When a further pipeline came into use: the day of its first case, where the first one began a week earlier."""
    first: dict[str, date] = {}
    for key, at in [*((row.pipeline, row.at) for row in met), *((row.pipeline, row.at) for row in seen)]:
        first[key] = min(first.get(key, at), at)
    start = min(first.values(), default=None)
    return [Change(key, at) for key, at in first.items() if start is not None and (at - start).days >= 7]


def show(report: Report) -> dict[str, Any]:
    """The charts of both kinds, and the alarms that stand."""
    charts = charts_of(report)
    standing = list(
        Alarm.objects.visible_to(report.user)
        .filter(project=report.selection.project)
        .select_related("pipeline", "owner")
        .order_by("-starts_on", "-id")
    )
    return {
        "charts": {chart.key: chart for chart in [*charts["agreement"], *charts["signals"]]},
        "agreement": charts["agreement"],
        "signals": charts["signals"],
        "ground": ground(report),
        "alarms": standing,
    }


BOARD = Board(
    slug="time",
    title=gettext_lazy("Time"),
    template="agreement/boards/time.html",
    compute=compute,
    present=show,
    version=3,
    parts=("pipelines",),
    filters=(*NARROWING, "period", "split"),
)

"""What a tab of the dashboard is: a pure ``compute`` over evidence, and a ``present`` that turns its results into words
and charts. Registered in ``registry``; nothing else names the tabs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from plaqueweb.agreement import stats
from plaqueweb.agreement.answers import Answer, Unit
from plaqueweb.agreement.coverage import reason_of
from plaqueweb.agreement.evidence import Evidence
from plaqueweb.agreement.filters import AS_READ, NARROWING, SAME_FRAME

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report

Results = dict[str, Any]
Compute = Callable[[Evidence, Mapping[str, Any]], Results]
Present = Callable[["Report"], dict[str, Any]]


@dataclass(frozen=True)
class Gate:
    """What stands before the figures: the template that asks for it, and its context."""

    template: str
    context: dict[str, Any]


@dataclass(frozen=True)
class Board:
    """One tab.

    ``compute(evidence, options)`` returns JSON-ready figures, without a word for people and without a user; raise
    ``version`` when any number could change. ``options`` holds the filters (``filters``), and of the manifest
    ``against``, ``rule_mm`` and ``counts``. ``parts`` name what of the evidence is loaded (``evidence.PARTS``).
    ``filters`` change numbers and enter the hash; ``views`` are further parameters of the address that only change how
    they are shown. ``inputs`` are free parameters that change numbers, checked by ``check`` (say a second pipeline).
    ``inline`` is the number of studies up to which a run is computed within the request. ``gate`` returns what must be
    done before anything is computed or shown, None to go on.
    """

    slug: str
    title: Any
    template: str
    compute: Compute
    present: Present
    version: int = 1
    parts: tuple[str, ...] = ()
    filters: tuple[str, ...] = NARROWING
    units: tuple[str, ...] = ("subject", "study")
    defaults: tuple[tuple[str, str], ...] = (("unit", "subject"),)
    views: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    check: Callable[[Report], dict[str, str]] | None = None
    inline: int = 500
    gate: Callable[[Report], Gate | None] | None = None
    visible: Callable[[Any, Any], bool] | None = None

    @property
    def route(self) -> str:
        """Name of its address."""
        return "agreement" if self.slug == "overview" else f"agreement-{self.slug}"

    def code_version(self, base: str) -> str:
        """What a cached run must match."""
        return f"{base}/{self.slug}-{self.version}"[:32]


def klass(answer: Answer | None) -> int | None:
    """Class of a reference: 1, 0, 9 (cannot assess) or None."""
    return answer.klass if answer else None


def model_class(unit: Unit) -> int | None:
    """1, 0, cannot assess (it ran and gave no class, say without an aorta in view), or None (no result at all)."""
    if unit.model is None:
        return None
    return stats.CANNOT_ASSESS if unit.model.klass is None else unit.model.klass


def common(evidence: Evidence, options: Mapping[str, Any]) -> Results:
    """What every tab's results hold: n, one row a study (``units``), and what is simulated."""
    return {
        "n": counts(evidence, options),
        "units": [unit_row(unit, evidence) for unit in evidence.units],
        "simulated": evidence.simulated,
        "synthetic": evidence.synthetic,
    }


def counts(evidence: Evidence, options: Mapping[str, Any]) -> dict[str, int]:
    """How much a page stands on: studies with a reference, their subjects, scored frames, and what is missing."""
    compared = [unit for unit in evidence.units if unit.reference is not None]
    return {
        "subjects": len({unit.subject for unit in compared}),
        "studies": len(compared),
        "frames": sum(len(scores) for scores in evidence.frames.scores.values()),
        "missing": len(evidence.units) - len(compared),
        "no_result": sum(model_class(unit) is None for unit in compared),
        "model_cannot_assess": sum(model_class(unit) == stats.CANNOT_ASSESS for unit in compared),
        "cannot_assess": sum(klass(unit.reference) == stats.CANNOT_ASSESS for unit in compared),
        **{key: int(value) for key, value in options.get("counts", {}).items()},
    }


def unit_row(unit: Unit, evidence: Evidence) -> dict[str, Any]:
    """One study as every list of cases needs it."""
    scores = evidence.frames.scores.get(unit.study, [])
    values = [score.dice for score in scores if score.dice is not None]
    return {
        "study": str(unit.study),
        "subject": str(unit.subject),
        "reference": klass(unit.reference),
        "model": model_class(unit),
        "has_reference": unit.reference is not None,
        "has_prediction": unit.model is not None,
        "no_result": reason_of(unit),
        "probability": unit.model.probability if unit.model else None,
        "reference_mm": unit.reference.thickness_mm if unit.reference else None,
        "model_mm": unit.model.thickness_mm if unit.model else None,
        "kind": official_kind(unit),
        "dice": float(np.mean(values)) if values else None,
        "frames": len(scores),
        "site": evidence.context(unit.study).site,
    }


def official_kind(unit: Unit) -> str | None:
    """Where the two official thicknesses stand: on one and the same frame, or each on its own; None without two mm."""
    if unit.reference is None or unit.model is None:
        return None
    if unit.reference.thickness_mm is None or unit.model.thickness_mm is None:
        return None
    same = unit.reference.key is not None and unit.reference.key == unit.model.key
    return SAME_FRAME if same else AS_READ


def picks(units: Sequence[Unit], chosen: Iterable[Any]) -> list[int]:
    """Places in ``units`` of the studies behind a cell, bar or point: ``results["picks"][chart][key]``."""
    wanted = set(chosen)
    return [place for place, unit in enumerate(units) if unit.study in wanted]


def per_subject(units: Sequence[Unit]) -> list[Unit]:
    """One unit a subject: complex if any of its studies is, not complex if all classified ones are, else cannot assess
    or missing; the greatest thickness and probability of the classified side. A subject with one study stays as it is.
    """
    grouped: dict[Any, list[Unit]] = {}
    for unit in units:
        grouped.setdefault(unit.subject, []).append(unit)
    made = []
    for own in grouped.values():
        if len(own) == 1:
            made.append(own[0])
            continue
        reference = _worst([unit.reference for unit in own])
        model = _worst([unit.model for unit in own])
        made.append(Unit(own[0].study, own[0].subject, reference, model))
    return made


def _worst(answers: Sequence[Answer | None]) -> Answer | None:
    given = [answer for answer in answers if answer is not None]
    if not given:
        return None
    classified = [answer for answer in given if answer.klass in (0, 1)] or given

    def rank(answer: Answer) -> tuple[int, float, float]:
        return (int(answer.klass == 1), answer.probability or 0.0, answer.thickness_mm or 0.0)

    return max(classified, key=rank)

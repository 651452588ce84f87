"""The human ceiling: how often two readers agree, beside how often the model and one reader do, on the same cases.

Source: the interchangeability index, Obuchowski, Subhas, Schoenhagen 2014 (γ = P(M agrees R) - P(R agrees R')): no
reference is needed. Every pair of raters is weighed alike; subjects are resampled whole.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from plaqueweb.agreement.evidence import Evidence
from plaqueweb.agreement.stats import Figure, with_interval
from plaqueweb.agreement.stats.categorical import ac1_values, kappa_values, observed_values, weighted_tables
from plaqueweb.agreement.stats.figures import Floats

MODEL = uuid.UUID(int=0)
WITHIN_MM = 1.0


@dataclass(frozen=True)
class Case:
    """A study that the model and at least two readers answered: value by rater (class, or thickness in mm)."""

    subject: uuid.UUID
    values: dict[uuid.UUID, float]


def ceiling(evidence: Evidence) -> dict[str, Any] | None:
    """Rows "same class", kappa, AC1, thickness within 1.0 mm; None unless two readers share a study with the model.

    Each row: readers, model and difference as figures over n studies, JSON-ready.
    """
    classes = _cases(evidence, lambda answer: float(answer.klass) if answer.klass in (0, 1) else None)
    lengths = _cases(evidence, lambda answer: answer.thickness_mm)
    rows = [
        _row("same_class", classes, lambda cases, pairs: _tables(cases, pairs, observed_values)),
        _row("kappa", classes, lambda cases, pairs: _tables(cases, pairs, kappa_values)),
        _row("ac1", classes, lambda cases, pairs: _tables(cases, pairs, ac1_values)),
        _row("within_1mm", lengths, _within),
    ]
    shown = [row for row in rows if row is not None]
    if not shown:
        return None
    readers = {rater for case in classes + lengths for rater in case.values if rater != MODEL}
    return {"readers": len(readers), "rows": shown}


def _cases(evidence: Evidence, value: Callable[[Any], float | None]) -> list[Case]:
    cases = []
    for unit in evidence.units:
        answers = {answer.rater: value(answer) for answer in evidence.reads.get(unit.study, []) if answer.rater}
        values = {rater: number for rater, number in answers.items() if number is not None}
        model = value(unit.model) if unit.model else None
        if model is not None and len(values) >= 2:
            cases.append(Case(unit.subject, values | {MODEL: model}))
    return cases


Pairs = Sequence[tuple[uuid.UUID, uuid.UUID]]
PairStatistic = Callable[[list[Case], Pairs], Callable[[Floats], Floats]]


def _row(key: str, cases: list[Case], statistic: PairStatistic) -> dict[str, Any] | None:
    """Readers' pairs, model's pairs and their difference, with intervals over subjects."""
    if not cases:
        return None
    readers = sorted({rater for case in cases for rater in case.values if rater != MODEL})
    two = statistic(cases, [pair for pair in combinations(readers, 2) if _shared(cases, pair)])
    one = statistic(cases, [(reader, MODEL) for reader in readers])
    subjects = [case.subject for case in cases]

    def figure(function: Callable[[Floats], Floats]) -> dict[str, Any]:
        value = float(function(np.ones((1, len(cases))))[0])
        if not np.isfinite(value):
            return Figure(None, len(cases), reason="one-class").as_dict()
        return with_interval(Figure(value, len(cases)), function, subjects).as_dict()

    return {
        "key": key,
        "n": len(cases),
        "subjects": len(set(subjects)),
        "readers": figure(two),
        "model": figure(one),
        "difference": figure(lambda weights: one(weights) - two(weights)),
    }


def _shared(cases: list[Case], pair: tuple[uuid.UUID, uuid.UUID]) -> bool:
    return any(pair[0] in case.values and pair[1] in case.values for case in cases)


def _mean(parts: list[Floats]) -> Floats:
    """Mean over the pairs that are defined in a resample; NaN where none is."""
    stacked = np.stack(parts)
    defined = np.isfinite(stacked)
    total = np.where(defined, stacked, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(defined.any(axis=0), total / defined.sum(axis=0), np.nan), dtype=np.float64)


def _tables(cases: list[Case], pairs: Pairs, values: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    columns = [[(_klass(case, a), _klass(case, b)) for case in cases] for a, b in pairs]

    def of(weights: Floats) -> Floats:
        parts = []
        for column in columns:
            first, second = [pair[0] for pair in column], [pair[1] for pair in column]
            parts.append(values(weighted_tables(first, second, weights)))
        return _mean(parts)

    return of


def _klass(case: Case, rater: uuid.UUID) -> int | None:
    return int(case.values[rater]) if rater in case.values else None


def _within(cases: list[Case], pairs: Pairs) -> Callable[[Floats], Floats]:
    both = np.asarray([[float(a in case.values and b in case.values) for case in cases] for a, b in pairs])
    near = np.asarray([[_near(case, a, b) for case in cases] for a, b in pairs])

    def of(weights: Floats) -> Floats:
        shared = both @ weights.T
        with np.errstate(divide="ignore", invalid="ignore"):
            return _mean(list(np.where(shared > 0, (near @ weights.T) / shared, np.nan)))

    return of


def _near(case: Case, a: uuid.UUID, b: uuid.UUID) -> float:
    if a not in case.values or b not in case.values:
        return 0.0
    return float(abs(case.values[a] - case.values[b]) <= WITHIN_MM + 1e-9)

"""The human ceiling: how well two readers agree, beside how well the model and one reader do, on the same cases.

No reference is needed. Every pair of raters is weighed alike; subjects are resampled whole, from sums per subject.
Source: the interchangeability index, Obuchowski, Subhas, Schoenhagen 2014 (γ = P(M agrees R) - P(R agrees R')).
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from plaqueweb.agreement import stats
from plaqueweb.agreement.evidence import Evidence
from plaqueweb.agreement.stats import Figure
from plaqueweb.agreement.stats.categorical import ac1_values, divide, kappa_values, observed_values
from plaqueweb.agreement.stats.clusters import clusters_of, subject_sums, subject_tables
from plaqueweb.agreement.stats.figures import Floats, finite
from plaqueweb.agreement.stats.interchange import mean_of_defined
from plaqueweb.agreement.stats.summaries import class_codes

WITHIN_MM = 1.0
Sides = Callable[[Floats], tuple[Floats, Floats]]
"""From sums of shape (resamples, k) to (two readers, model and one reader), each (resamples,)."""


@dataclass(frozen=True)
class Panel:
    """Studies that the model and at least two readers answered: ``model`` (n,), ``readers`` (n, J), NaN for missing."""

    studies: list[uuid.UUID]
    subjects: list[uuid.UUID]
    model: Floats
    readers: Floats
    raters: list[uuid.UUID]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Columns of the two raters of each pair: J pairs with the model (-1), then the pairs of readers."""
        count = self.readers.shape[1]
        return [(-1, j) for j in range(count)] + list(combinations(range(count), 2))

    def column(self, place: int) -> Floats:
        return self.model if place < 0 else self.readers[:, place]


def ceiling(evidence: Evidence) -> dict[str, Any] | None:
    """Rows "same class", kappa, AC1, thickness within 1.0 mm, Dice; None unless two readers share a case.

    Each row: readers, model and difference as figures over n units (studies, frames for Dice), JSON-ready.
    """
    classes = panel(evidence, lambda answer: float(answer.klass) if answer.klass in (0, 1) else None)
    lengths = panel(evidence, lambda answer: answer.thickness_mm)
    rows = [
        _row("same_class", classes, *_tables(classes, observed_values)),
        _row("kappa", classes, *_tables(classes, kappa_values)),
        _row("ac1", classes, *_tables(classes, ac1_values)),
        _row("within_1mm", lengths, *_within(lengths)),
        _dice(evidence),
    ]
    shown = [row for row in rows if row is not None]
    if not shown:
        return None
    return {"readers": len(set(classes.raters) | set(lengths.raters)), "rows": shown, "williams": williams(classes)}


def williams(of: Panel) -> dict[str, Any]:
    """Williams' index of agreement on the class: above 1 the model agrees with readers more than they do."""
    if not of.studies:
        return Figure(None, 0, reason="no-units").as_dict()
    return stats.williams_index(of.model.tolist(), of.readers.tolist(), of.subjects).as_dict()


def panel(evidence: Evidence, value: Callable[[Any], float | None]) -> Panel:
    """The answers of the model and of all readers on the studies that all of them can be compared on."""
    kept: list[tuple[uuid.UUID, uuid.UUID, float, dict[uuid.UUID, float]]] = []
    for unit in evidence.units:
        answers = {answer.rater: value(answer) for answer in evidence.reads.get(unit.study, []) if answer.rater}
        values = {rater: number for rater, number in answers.items() if number is not None}
        model = value(unit.model) if unit.model else None
        if model is not None and len(values) >= 2:
            kept.append((unit.study, unit.subject, model, values))
    raters = sorted({rater for row in kept for rater in row[3]})
    table = np.full((len(kept), len(raters)), np.nan)
    for place, row in enumerate(kept):
        for rater, number in row[3].items():
            table[place, raters.index(rater)] = number
    model_values = np.asarray([row[2] for row in kept], dtype=np.float64)
    return Panel([row[0] for row in kept], [row[1] for row in kept], model_values, table, raters)


def _row(key: str, of: Panel, sums: Floats, sides: Sides) -> dict[str, Any] | None:
    """Readers' pairs, model's pairs and their difference, with intervals over subjects."""
    if not of.studies:
        return None
    return _three(key, sums, sides, len(of.studies), len(set(of.subjects)))


def _three(key: str, sums: Floats, sides: Sides, n: int, subjects: int) -> dict[str, Any]:
    total = sums.sum(axis=0, keepdims=True)

    def figure(of: Callable[[Floats], Floats]) -> dict[str, Any]:
        value = finite(of(total)[0])
        if value is None:
            return Figure(None, n, reason="one-class").as_dict()
        return stats.interval_from_sums(Figure(value, n), sums, of).as_dict()

    return {
        "key": key,
        "n": n,
        "subjects": subjects,
        "readers": figure(lambda drawn: sides(drawn)[0]),
        "model": figure(lambda drawn: sides(drawn)[1]),
        "difference": figure(lambda drawn: sides(drawn)[1] - sides(drawn)[0]),
    }


def _two(values: Floats, readers: int) -> tuple[Floats, Floats]:
    """Means over the reader pairs and over the model's pairs of what is defined, from (resamples, pairs)."""
    return mean_of_defined(values[..., readers:]), mean_of_defined(values[..., :readers])


def _tables(of: Panel, values: Callable[[Floats], Floats]) -> tuple[Floats, Sides]:
    if not of.studies:
        return np.zeros((0, 0)), lambda drawn: (drawn, drawn)
    index, count = clusters_of(len(of.studies), of.subjects)
    parts = [subject_tables(class_codes(of.column(a)), class_codes(of.column(b)), index, count, 2) for a, b in of.pairs]

    def sides(drawn: Floats) -> tuple[Floats, Floats]:
        return _two(values(drawn.reshape(drawn.shape[0], len(parts), 2, 2)), of.readers.shape[1])

    return np.concatenate(parts, axis=1), sides


def _within(of: Panel) -> tuple[Floats, Sides]:
    if not of.studies:
        return np.zeros((0, 0)), lambda drawn: (drawn, drawn)
    index, count = clusters_of(len(of.studies), of.subjects)
    columns = []
    for a, b in of.pairs:
        distance = np.abs(of.column(a) - of.column(b))
        both = np.isfinite(distance)
        columns += [np.where(both, distance <= WITHIN_MM + 1e-9, False), both]
    sums = subject_sums(np.column_stack(columns), index, count)

    def sides(drawn: Floats) -> tuple[Floats, Floats]:
        return _two(divide(drawn[:, 0::2], drawn[:, 1::2]), of.readers.shape[1])

    return sums, sides


def _dice(evidence: Evidence) -> dict[str, Any] | None:
    """Dice of two readers and of model and reader on the same frames, which at least two readers declared.

    Frames on which both of a pair marked nothing have no Dice. Each frame of each pair weighs the same.
    """
    found: dict[Any, dict[str, list[float]]] = defaultdict(lambda: {"model": [], "readers": []})
    subjects = {}
    for pair in evidence.frames.pairs:
        if pair.dice is not None:
            found[(pair.study, pair.key)]["model" if pair.other is None else "readers"].append(pair.dice)
            subjects[(pair.study, pair.key)] = pair.subject
    kept = {key: sides for key, sides in found.items() if sides["model"] and sides["readers"]}
    if not kept:
        return None
    rows = [_frame_sums(sides) for sides in kept.values()]
    index, count = clusters_of(len(rows), [subjects[key] for key in kept])
    sums = subject_sums(np.asarray(rows), index, count)

    def sides(drawn: Floats) -> tuple[Floats, Floats]:
        return divide(drawn[:, 0], drawn[:, 1]), divide(drawn[:, 2], drawn[:, 3])

    return _three("dice", sums, sides, len(rows), count)


def _frame_sums(sides: Mapping[str, Sequence[float]]) -> list[float]:
    readers, model = sides["readers"], sides["model"]
    return [sum(readers), len(readers), sum(model), len(model)]

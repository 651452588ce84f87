"""Lesions found, missed and extra: the model beside readers, and two readers beside each other on the same studies.

A study counts where both are an answer: a reader who could not assess, and a model without a result, have listed no
lesions for another reason than seeing none. Two readers are taken in both orders, since neither is the
reference. Lesions of one subject are alike: intervals resample subjects.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from itertools import permutations
from typing import Any

from plaqueweb.agreement import stats
from plaqueweb.agreement.answers import Answer
from plaqueweb.agreement.evidence import Evidence
from plaqueweb.agreement.stats import LesionCounts

FIGURES = ("sensitivity", "precision", "extra", "clean")
MISSED, EXTRA = "missed", "extra"


def compute_lesions(evidence: Evidence, reader: str = "") -> dict[str, Any]:
    """The figures of both comparisons, JSON-ready, and the studies with a missed or an extra lesion of the model.

    Args:
        evidence: with the part ``matches``.
        reader: id of the one reader that the model is compared with; "" compares it with each.
    """
    model: list[LesionCounts] = []
    readers: list[LesionCounts] = []
    studies: dict[str, set[str]] = {MISSED: set(), EXTRA: set()}
    again = 0
    for unit in evidence.units:
        own = [answer for answer in evidence.reads.get(unit.study, ()) if answer.klass in (0, 1)]
        if unit.model is None or unit.model.klass is None:
            continue
        for answer in own:
            if reader and str(answer.rater) != reader:
                continue
            counts = counts_of(evidence, unit.subject, answer, unit.model)
            if counts is None:
                continue
            model.append(counts[0])
            again += counts[1]
            if counts[0].matched < counts[0].reference:
                studies[MISSED].add(str(unit.study))
            if counts[0].matched < counts[0].other:
                studies[EXTRA].add(str(unit.study))
        pairs = (counts_of(evidence, unit.subject, a, b) for a, b in permutations(own, 2))
        readers += [counts[0] for counts in pairs if counts is not None]
    return {
        "model": _figures(model),
        "readers": _figures(readers),
        "again": again,
        "studies": {key: sorted(found) for key, found in studies.items()},
    }


def counts_of(
    evidence: Evidence, subject: uuid.UUID, reference: Answer, other: Answer
) -> tuple[LesionCounts, int] | None:
    """Lesions of two answers of a study, None where the two were not matched.

    What is seen again on another clip counts once; how many of the other's were, is told beside.
    """
    if reference.id is None or other.id is None:
        return None
    matching = evidence.matches.get((reference.id, other.id))
    if matching is None:
        return None
    matched = len(matching.matches)
    first, second = matched + len(matching.only_a), matched + len(matching.only_b)
    return LesionCounts(subject, first, second, matched), len(matching.again_b)


def _figures(counted: Iterable[LesionCounts]) -> dict[str, Any]:
    rows = list(counted)
    found = stats.lesion_figures(rows)
    return {name: getattr(found, name).as_dict() for name in FIGURES} | {
        "studies": len(rows),
        "subjects": len({row.subject for row in rows}),
        "reference": sum(row.reference for row in rows),
        "other": sum(row.other for row in rows),
        "matched": sum(row.matched for row in rows),
    }

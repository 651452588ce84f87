"""How readers agree with each other, and each with him- or herself: pure, JSON-ready, without a name or a word.

Kappa and bias take first readings only; hidden repeats count towards the reader's own repeatability alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from plaqueweb.agreement import stats

PARTS = 3
"""A reader's cases are cut into thirds by the order in which they were read."""
CLASSES = (0, 1)


@dataclass(frozen=True)
class Reading:
    """One signed read. ``klass`` 1, 0 or 9; ``mm`` the official thickness; ``order`` its place in the reader's list.

    ``seconds`` is the active time, 0 where it was not measured. ``repeat`` is 0 for the first reading.
    """

    study: str
    subject: str
    reader: str
    klass: int | None
    mm: float | None = None
    repeat: int = 0
    order: int = 0
    seconds: int = 0


Answers = dict[str, dict[str, Reading]]
"""First readings by reader and study."""


def compute_readers(readings: Sequence[Reading], own: str = "") -> dict[str, Any]:
    """All figures of the readers' tab.

    Args:
        own: the one reader whose column is wanted; the others' pairs, times and repeats are then not even computed.
    """
    first = _first(readings)
    people = sorted(first)
    shown = [own] if own else people
    pairs = [(a, b) for a, b in combinations(people, 2) if not own or own in (a, b)]
    return {
        "readers": [_person(reader, first[reader]) for reader in shown if reader in first],
        "order_of_readers": people,
        "pairs": [_pair(a, b, first) for a, b in pairs],
        "overall": _overall(first) if not own else None,
        "bias": [_bias(reader, first) for reader in shown if reader in first],
        "repeats": [_repeats(reader, readings) for reader in shown],
        "time": [_time(reader, first.get(reader, {})) for reader in shown],
        "sequence": [_sequence(reader, first) for reader in shown if reader in first],
        "own": own,
        "n": _counts(first, people),
    }


def _first(readings: Sequence[Reading]) -> Answers:
    found: Answers = defaultdict(dict)
    for row in readings:
        if row.repeat == 0:
            found[row.reader][row.study] = row
    return dict(found)


def _counts(first: Answers, people: list[str]) -> dict[str, int]:
    rows = [row for answers in first.values() for row in answers.values()]
    readers_of: dict[str, int] = defaultdict(int)
    for row in rows:
        readers_of[row.study] += 1
    return {
        "readers": len(people),
        "reads": len(rows),
        "studies": len(readers_of),
        "subjects": len({row.subject for row in rows}),
        "shared": sum(count >= 2 for count in readers_of.values()),
        "cannot_assess": sum(row.klass == stats.CANNOT_ASSESS for row in rows),
    }


def _person(reader: str, answers: dict[str, Reading]) -> dict[str, Any]:
    rows = list(answers.values())
    given = [row for row in rows if row.klass in CLASSES]
    subjects = [row.subject for row in given]
    share = stats.proportion(sum(row.klass == 1 for row in given), len(given))
    complex_ = np.asarray([float(row.klass == 1) for row in given])
    figure = stats.with_interval(share, lambda w: w @ complex_ / w.sum(axis=1), subjects) if given else share
    return {
        "reader": reader,
        "reads": len(rows),
        "cannot_assess": sum(row.klass == stats.CANNOT_ASSESS for row in rows),
        "complex": figure.as_dict(),
    }


def _pair(a: str, b: str, first: Answers) -> dict[str, Any]:
    shared = sorted(set(first[a]) & set(first[b]))
    one, two = [first[a][study].klass for study in shared], [first[b][study].klass for study in shared]
    subjects = [first[a][study].subject for study in shared]
    figures = stats.class_figures(
        stats.class_sums(np.asarray(one, dtype=object), np.asarray(two, dtype=object), subjects)
    )
    both = [x in CLASSES and y in CLASSES for x, y in zip(one, two, strict=True)]
    return {
        "a": a,
        "b": b,
        "shared": len(shared),
        "subjects": len({subject for subject, kept in zip(subjects, both, strict=True) if kept}),
        "table": stats.confusion(one, two).counts.tolist(),
        "studies": shared,
        "differ": [study for study, x, y in zip(shared, one, two, strict=True) if x != y],
        **{key: figures[key].as_dict() for key in ("kappa", "observed", "ac1", "positive", "negative")},
    }


def _overall(first: Answers) -> dict[str, Any]:
    """Agreement of all readers at once; cannot assess is a missing answer here and counted beside."""
    people = sorted(first)
    studies = sorted({study for answers in first.values() for study in answers})
    rows, subjects = [], []
    for study in studies:
        given = [first[reader].get(study) for reader in people]
        answers = [row.klass if row is not None and row.klass in CLASSES else None for row in given]
        if sum(answer is not None for answer in answers) >= 2:
            rows.append(answers)
            subjects.append(next(row.subject for row in given if row is not None))
    counts = stats.rating_counts(rows, CLASSES)
    return {
        "units": len(rows),
        "subjects": len(set(subjects)),
        "fleiss": stats.fleiss_kappa(counts, subjects).as_dict(),
        "alpha": stats.krippendorff_alpha(rows, categories=CLASSES, subjects=subjects).as_dict(),
        "ac1": stats.gwet_ac1_raters(counts, subjects).as_dict(),
        "observed": stats.agreeing_pairs(counts).as_dict(),
        "complete": sum(None not in row for row in rows),
    }


def _bias(reader: str, first: Answers) -> dict[str, Any]:
    """Thickness of one reader minus the mean of the others' on the same study, in mm, as read."""
    points = []
    for study, row in sorted(first[reader].items()):
        others = [first[other][study].mm for other in first if other != reader and study in first[other]]
        measured = [mm for mm in others if mm is not None]
        if row.mm is not None and measured:
            points.append((study, row.subject, row.mm, float(np.mean(measured))))
    found = stats.bland_altman([p[2] for p in points], [p[3] for p in points], [p[1] for p in points])
    return {
        "reader": reader,
        "bland_altman": found.as_dict(),
        "points": [
            {"study": study, "mean": (own + other) / 2, "difference": own - other, "own": own, "others": other}
            for study, _subject, own, other in points
        ],
    }


def _repeats(reader: str, readings: Sequence[Reading]) -> dict[str, Any]:
    """First reading against the first hidden repeat of the same study by the same reader."""
    rows = [row for row in readings if row.reader == reader and row.repeat in (0, 1)]
    by = {(row.study, row.repeat): row for row in rows}
    studies = sorted(study for study, repeat in by if repeat == 1 and (study, 0) in by)
    first, again = [by[study, 0] for study in studies], [by[study, 1] for study in studies]
    subjects = [row.subject for row in first]
    one, two = [row.klass for row in first], [row.klass for row in again]
    figures = stats.class_figures(
        stats.class_sums(np.asarray(one, dtype=object), np.asarray(two, dtype=object), subjects)
    )
    lengths = [(a, b) for a, b in zip(first, again, strict=True) if a.mm is not None and b.mm is not None]
    a, b = [float(x.mm or 0) for x, _y in lengths], [float(y.mm or 0) for _x, y in lengths]
    return {
        "reader": reader,
        "n": len(studies),
        "subjects": len(set(subjects)),
        "kappa": figures["kappa"].as_dict(),
        "observed": figures["observed"].as_dict(),
        "thickness": stats.bland_altman(b, a, [x.subject for x, _y in lengths]).as_dict(),
        "mae": stats.mean_absolute_error(a, b).as_dict(),
        "studies": studies,
        "differ": [study for study, x, y in zip(studies, one, two, strict=True) if x != y],
    }


def _seconds(rows: Sequence[Reading]) -> dict[str, Any]:
    values = [row.seconds for row in rows if row.seconds > 0]
    quartiles = np.percentile(values, [25, 50, 75]).tolist() if values else [None] * 3
    return {"n": len(values), "low": quartiles[0], "median": quartiles[1], "high": quartiles[2]}


def _time(reader: str, answers: dict[str, Reading]) -> dict[str, Any]:
    rows = list(answers.values())
    return {"reader": reader, "unmeasured": sum(row.seconds <= 0 for row in rows), **_seconds(rows)}


def _sequence(reader: str, first: Answers) -> dict[str, Any]:
    """Does a reader get faster, or agree less, along the list? Thirds by order, each against all other readers."""
    ordered = sorted(first[reader].values(), key=lambda row: (row.order, row.study))
    bounds = [round(len(ordered) * part / PARTS) for part in range(PARTS + 1)]
    parts = [ordered[low:high] for low, high in pairwise(bounds)]
    return {"reader": reader, "parts": [_third(rows, reader, first) for rows in parts]}


def _third(rows: Sequence[Reading], reader: str, first: Answers) -> dict[str, Any]:
    pairs = [
        (row, first[other][row.study].klass)
        for row in rows
        for other in first
        if other != reader and row.study in first[other]
    ]
    one, two = [row.klass for row, _other in pairs], [other for _row, other in pairs]
    subjects = [row.subject for row, _other in pairs]
    figures = stats.class_figures(
        stats.class_sums(np.asarray(one, dtype=object), np.asarray(two, dtype=object), subjects)
    )
    return {
        "cases": len(rows),
        "from": rows[0].order if rows else None,
        "to": rows[-1].order if rows else None,
        "seconds": _seconds(rows),
        "observed": figures["observed"].as_dict(),
        "studies": [row.study for row in rows],
    }

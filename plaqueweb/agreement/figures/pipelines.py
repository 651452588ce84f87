"""Two pipelines on one frozen case list, study by study: which agrees more often, where they part, for whom it loses.

Pure and JSON-ready. The first pipeline is the one that stands, the second the one that would replace it; every
difference is second minus first. A pipeline without a class does not agree: nobody wins by abstaining.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from plaqueweb.agreement import stats
from plaqueweb.agreement.figures.subgroups import DIMENSIONS
from plaqueweb.agreement.stats.figures import Floats

CLASSES = (0, 1)


@dataclass(frozen=True)
class DuelUnit:
    """A study of the list: the reference's class and mm, and both pipelines' (None: no class, no scale)."""

    study: str
    subject: str
    reference: int | None
    first: int | None
    second: int | None
    reference_mm: float | None = None
    first_mm: float | None = None
    second_mm: float | None = None
    ran: tuple[bool, bool] = (True, True)
    groups: Mapping[str, str] = field(default_factory=dict)


def compute_duel(units: Sequence[DuelUnit], *, margin: float, accuracy: bool) -> dict[str, Any]:
    """All figures of the pipelines' tab.

    Args:
        margin: how much agreement (a share above 0) may be lost before the second counts as worse; it was stored before
            this was computed. accuracy: the reference is one against which sensitivity and specificity are words.
    """
    judged = [unit for unit in units if unit.reference in CLASSES]
    headline = _share_row("agree_all", judged, _agrees)
    both = [unit for unit in judged if unit.first in CLASSES and unit.second in CLASSES]
    rows = [headline, _share_row("agree", both, _agrees)]
    if accuracy:
        rows.append(_share_row("sensitivity", [unit for unit in judged if unit.reference == 1], _agrees))
        rows.append(_share_row("specificity", [unit for unit in judged if unit.reference == 0], _agrees))
    rows.append(_share_row("with_class", list(units), lambda unit, side: _side(unit, side) in CLASSES))
    rows += [_kappa_row(both), *_thickness_rows(units)]
    return {
        "n": _counts(units, judged),
        "rows": rows,
        "test": _mcnemar(judged),
        "verdict": _verdict(headline["difference"], margin),
        "margin": margin,
        "flips": _flips(units),
        "groups": _groups(judged, margin),
    }


def _side(unit: DuelUnit, side: int) -> int | None:
    return unit.second if side else unit.first


def _agrees(unit: DuelUnit, side: int) -> bool:
    return _side(unit, side) == unit.reference


def _counts(units: Sequence[DuelUnit], judged: Sequence[DuelUnit]) -> dict[str, Any]:
    return {
        "studies": len(units),
        "subjects": len({unit.subject for unit in units}),
        "judged": len(judged),
        "judged_subjects": len({unit.subject for unit in judged}),
        "cannot_assess": sum(unit.reference == stats.CANNOT_ASSESS for unit in units),
        "no_reference": sum(unit.reference is None for unit in units),
        "no_class": [sum(_side(unit, side) not in CLASSES for unit in units) for side in (0, 1)],
        "not_run": [sum(not unit.ran[side] for unit in units) for side in (0, 1)],
    }


def _paired(
    key: str, columns: Floats, subjects: Sequence[str], statistic: Callable[[Floats, int], Floats]
) -> dict[str, Any]:
    """First, second and second - first of a statistic of sums per subject; ``columns`` of shape (units, k)."""
    index, count = stats.clusters_of(len(subjects), subjects)
    sums = stats.subject_sums(columns, index, count) if len(subjects) else np.zeros((0, columns.shape[1]))
    total = sums.sum(axis=0)
    forms: dict[str, Callable[[Floats], Floats]] = {
        "first": lambda drawn: statistic(drawn, 0),
        "second": lambda drawn: statistic(drawn, 1),
        "difference": lambda drawn: statistic(drawn, 1) - statistic(drawn, 0),
    }
    row: dict[str, Any] = {"key": key, "n": len(subjects), "subjects": count}
    for name, form in forms.items():
        value = float(form(total)) if len(subjects) else float("nan")
        if not np.isfinite(value):
            figure = stats.Figure(None, len(subjects), reason="one-class" if len(subjects) else "no-units")
        else:
            figure = stats.interval_from_sums(stats.Figure(value, len(subjects)), sums, form)
        row[name] = figure.as_dict()
    return row


def _share_row(key: str, units: Sequence[DuelUnit], holds: Callable[[DuelUnit, int], bool]) -> dict[str, Any]:
    columns = np.asarray([[holds(unit, 0), holds(unit, 1), 1.0] for unit in units], dtype=np.float64).reshape(-1, 3)
    row = _paired(key, columns, [unit.subject for unit in units], lambda s, side: stats.divide(s[..., side], s[..., 2]))
    return row | {"studies": _behind(units, [holds(unit, 0) != holds(unit, 1) for unit in units])}


def _behind(units: Sequence[DuelUnit], changed: Sequence[Any]) -> list[str]:
    """The studies that make a difference; all where none does."""
    parting = [unit.study for unit, parts in zip(units, changed, strict=True) if parts]
    return parting or [unit.study for unit in units]


def _kappa_row(units: Sequence[DuelUnit]) -> dict[str, Any]:
    columns = np.zeros((len(units), 8))
    for row, unit in enumerate(units):
        for side in (0, 1):
            columns[row, 4 * side + 2 * (unit.reference == 0) + (_side(unit, side) == 0)] = 1.0

    def kappa(sums: Floats, side: int) -> Floats:
        return stats.kappa_values(sums[..., 4 * side : 4 * side + 4].reshape(*sums.shape[:-1], 2, 2))

    made = _paired("kappa", columns, [unit.subject for unit in units], kappa)
    return made | {"studies": _behind(units, [unit.first != unit.second for unit in units])}


def _thickness_rows(units: Sequence[DuelUnit]) -> list[dict[str, Any]]:
    """Mean absolute error and share within 1.0 mm, where reference and both pipelines have mm; as read."""
    kept = [u for u in units if u.reference_mm is not None and u.first_mm is not None and u.second_mm is not None]
    errors = np.zeros((len(kept), 2))
    for number, unit in enumerate(kept):
        for side, mm in enumerate((unit.first_mm, unit.second_mm)):
            errors[number, side] = abs(float(mm or 0) - float(unit.reference_mm or 0))
    subjects, ones = [unit.subject for unit in kept], np.ones((len(kept), 1))
    near = (errors <= 1.0 + 1e-9).astype(np.float64)

    def mean(sums: Floats, side: int) -> Floats:
        return stats.divide(sums[..., side], sums[..., 2])

    return [
        _paired("mae", np.hstack([errors, ones]), subjects, mean) | {"studies": [unit.study for unit in kept]},
        _paired("within_1mm", np.hstack([near, ones]), subjects, mean)
        | {"studies": _behind(kept, (near[:, 0] != near[:, 1]).tolist())},
    ]


def _mcnemar(judged: Sequence[DuelUnit]) -> dict[str, Any]:
    """Discordant studies both ways, p over subjects, and the exact p where every subject has one study."""
    second, first = [_agrees(unit, 1) for unit in judged], [_agrees(unit, 0) for unit in judged]
    subjects = [unit.subject for unit in judged]
    found = stats.mcnemar_clustered(second, first, subjects)
    exact = None
    if judged and len(set(subjects)) == len(subjects):
        table = [[0, 0], [0, 0]]
        for one, two in zip(second, first, strict=True):
            table[int(not one)][int(not two)] += 1
        exact = stats.mcnemar(table).exact_p
    return {
        "gained": found.first_only,
        "lost": found.second_only,
        "subjects": found.subjects,
        "chi_square": found.chi_square,
        "p": found.p_value,
        "exact_p": exact,
    }


def _verdict(difference: Mapping[str, Any], margin: float) -> dict[str, Any]:
    """Not inferior: the interval's lower end lies above -margin. Superior: above 0. None without an interval."""
    interval = difference["interval"]
    if interval is None:
        return {"not_inferior": None, "superior": None, "inferior": None, "reason": difference["reason"]}
    return {
        "not_inferior": interval["low"] > -margin,
        "superior": interval["low"] > 0,
        "inferior": interval["high"] < -margin,
        "reason": "",
    }


def _flips(units: Sequence[DuelUnit]) -> dict[str, list[str]]:
    """Studies whose class changed: now with the reference, no longer with it, and without a reference to tell."""
    changed = [unit for unit in units if unit.first != unit.second]
    return {
        "gained": [u.study for u in changed if u.reference in CLASSES and _agrees(u, 1)],
        "lost": [u.study for u in changed if u.reference in CLASSES and _agrees(u, 0)],
        "neither": [u.study for u in changed if u.reference in CLASSES and not _agrees(u, 0) and not _agrees(u, 1)],
        "unjudged": [u.study for u in changed if u.reference not in CLASSES],
    }


def _groups(judged: Sequence[DuelUnit], margin: float) -> list[dict[str, Any]]:
    """Each part's difference. "loss": its interval lies below 0; "watch": the point lies below -margin."""
    rows = []
    for dimension in DIMENSIONS:
        levels = sorted({unit.groups.get(dimension, "") for unit in judged} - {""})
        for level in levels:
            part = [unit for unit in judged if unit.groups.get(dimension, "") == level]
            row = _share_row("agree_all", part, _agrees)
            value, interval = row["difference"]["value"], row["difference"]["interval"]
            flag = ""
            if interval is not None and interval["high"] < 0:
                flag = "loss"
            elif value is not None and value < -margin:
                flag = "watch"
            rows.append(
                {**row, "dimension": dimension, "level": level, "flag": flag, "studies": [u.study for u in part]}
            )
    return rows

"""For whom does it hold? Model against readers, and readers against each other, in each part of the studies.

Pure and JSON-ready. Each row compares on the same studies, so the model and the readers meet the same cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from plaqueweb.agreement import stats
from plaqueweb.agreement.stats.figures import Floats

ALL = "all"
DIMENSIONS = ("segment", "quality", "site", "scanner", "scale", "sex", "age_band", "thickness", "confidence")
"""In the order of the chart. Levels are keys; the page has the words."""
CLASSES = (0, 1)


@dataclass(frozen=True)
class GroupUnit:
    """A study: the classes of model, readers and reference, and the level of each dimension ("" unknown)."""

    study: str
    subject: str
    model: int | None
    readers: Mapping[str, int | None]
    reference: int | None = None
    groups: Mapping[str, str] = field(default_factory=dict)


def thickness_band(mm: float | None) -> str:
    """The band of a thickness as displayed (to 0.1 mm): below 3.5, 3.5 to 4.5, above 4.5 mm; "" without one."""
    if mm is None:
        return ""
    shown = float(f"{mm:.1f}")
    if shown > 4.5:
        return "above_near"
    return "near" if shown >= 3.5 else "below_near"


def compute_subgroups(units: Sequence[GroupUnit], *, reference: bool = False) -> dict[str, Any]:
    """Rows "all" and one a level: same class of model and readers, of two readers, and of model and reference.

    Args:
        reference: give the model against the reference too.
    """
    levels: list[tuple[str, str]] = [(ALL, "")]
    for dimension in DIMENSIONS:
        seen = {unit.groups.get(dimension, "") for unit in units}
        levels += [(dimension, level) for level in sorted(seen, key=lambda text: (text == "", text))]
    rows = [_row(dimension, level, units, reference) for dimension, level in levels]
    # A dimension that nothing is known of is no row: it would repeat "all".
    known = {row["dimension"] for row in rows if row["level"]}
    return {
        "rows": [row for row in rows if row["dimension"] == ALL or row["dimension"] in known],
        "unknown": [name for name in DIMENSIONS if name not in known],
        "readers": len({reader for unit in units for reader in unit.readers}),
        "n": {"studies": len(units), "subjects": len({unit.subject for unit in units})},
    }


def _row(dimension: str, level: str, units: Sequence[GroupUnit], reference: bool) -> dict[str, Any]:
    chosen = [unit for unit in units if dimension == ALL or unit.groups.get(dimension, "") == level]
    people = sorted({reader for unit in chosen for reader in unit.readers})
    compared = [unit for unit in chosen if _compared(unit)] if len(people) >= 2 else chosen
    model = [_class(unit.model) for unit in compared]
    table = [[_class(unit.readers.get(reader)) for reader in people] for unit in compared]
    subjects = [unit.subject for unit in compared]
    row: dict[str, Any] = {
        "dimension": dimension,
        "level": level,
        "studies": [unit.study for unit in chosen],
        "subjects": len(set(subjects)),
        "compared": len(compared),
        "no_class": sum(_class(unit.model) is None for unit in chosen),
        "model": pair_share([(m, answers, None) for m, answers in zip(model, table, strict=True)], subjects).as_dict(),
        "readers": pair_share([(None, answers, 0) for answers in table], subjects).as_dict(),
        "difference": None,
        "reference": None,
    }
    if len(people) >= 2 and compared:  # two people may read there, and never one study
        found = stats.interchangeability(model, table, subjects)
        row["difference"] = found.gamma.as_dict()
    if reference:
        pairs: list[PairUnit] = [(_class(unit.model), [_class(unit.reference)], None) for unit in chosen]
        row["reference"] = pair_share(pairs, [unit.subject for unit in chosen]).as_dict()
    return row


def _compared(unit: GroupUnit) -> bool:
    """The model and at least two readers gave a class."""
    given = sum(_class(answer) is not None for answer in unit.readers.values())
    return _class(unit.model) is not None and given >= 2


def _class(value: int | None) -> int | None:
    return value if value in CLASSES else None


PairUnit = tuple[int | None, Sequence[int | None], int | None]
"""(model's class, readers' classes, None) for model and reader, (None, readers' classes, 0) for two readers."""


def pair_share(units: Sequence[PairUnit], subjects: Sequence[str]) -> stats.Figure:
    """Share of equal classes, mean over the pairs of raters that share a study; interval over resampled subjects."""
    if not units:
        return stats.Figure(None, 0, reason="no-units")
    between = units[0][2] is not None
    many = len(units[0][1])
    places = [(i, j) for i in range(many) for j in range(i + 1, many)] if between else [(None, j) for j in range(many)]
    columns = np.zeros((len(units), 2 * len(places)))
    for row, (model, answers, _kind) in enumerate(units):
        for place, (i, j) in enumerate(places):
            one, two = model if i is None else answers[i], answers[j]
            if one is not None and two is not None:
                columns[row, 2 * place : 2 * place + 2] = (one == two, 1)
    if not places:
        return stats.Figure(None, 0, reason="no-units")
    index, count = stats.clusters_of(len(units), subjects)
    sums = stats.subject_sums(columns, index, count)
    used = sums[sums[:, 1::2].sum(axis=1) > 0]
    n = int((columns[:, 1::2].sum(axis=1) > 0).sum())
    if n == 0:
        return stats.Figure(None, 0, reason="no-units")
    value = float(_mean_share(used.sum(axis=0)))
    return stats.interval_from_sums(stats.Figure(value, n), used, _mean_share)


def _mean_share(sums: Floats) -> Floats:
    shares = stats.divide(sums[..., 0::2], sums[..., 1::2])
    return stats.mean_of_defined(shares)

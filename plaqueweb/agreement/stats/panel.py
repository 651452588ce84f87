"""Leave one reader out: the model and a reader, held to the same panel of the other readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plaqueweb.agreement.stats.categorical import divide
from plaqueweb.agreement.stats.clusters import clusters_of, interval_from_sums, subject_sums
from plaqueweb.agreement.stats.figures import Figure, Floats, finite
from plaqueweb.agreement.stats.interchange import mean_of_defined
from plaqueweb.agreement.stats.raters import is_missing


@dataclass(frozen=True)
class LeaveOneOut:
    """Shares of units that match the majority of the other readers.

    ``model`` and ``readers`` are means over the readers left out; ``difference`` is model minus readers on the same
    units. ``by_reader`` has (model, reader) for each reader left out, None without units. ``ties`` counts the panels
    without a majority, which drop out.
    """

    model: Figure
    readers: Figure
    difference: Figure
    by_reader: tuple[tuple[float | None, float | None], ...]
    ties: int


def leave_one_reader_out(
    model: Sequence[Any], readers: Sequence[Sequence[Any]], subjects: Sequence[Any] | None = None
) -> LeaveOneOut:
    """For each reader j: do the model and reader j match the majority of the readers without j?

    The target is the same for both and contains neither: a model against a consensus that holds its rival would be held
    to a harder target than the rival. A unit counts for j where model, reader j and a panel's majority are there.
    A reader without such a unit is left out of the means. Intervals over resampled subjects. "no-units" without any.

    Args:
        model: classes, shape (units,). readers: shape (units, J), J >= 3 (two left make a panel); None and NaN are
            missing.

    Raises:
        ValueError: rows differ from the units, or fewer than three readers.
    """
    rows = [[None if is_missing(answer) else answer for answer in row] for row in readers]
    if len(rows) != len(model) or len({len(row) for row in rows}) > 1:
        raise ValueError(
            f"Each unit has a model's answer and a row of readers: {len(model)} answers, {len(rows)} rows."
        )
    count = len(rows[0]) if rows else 0
    if rows and count < 3:
        raise ValueError("A panel without one reader needs at least three readers.")
    columns = np.zeros((len(rows), 3 * count))
    ties = 0
    for unit, (own, row) in enumerate(zip(model, rows, strict=True)):
        for j in range(count):
            target, tied = _majority(row[:j] + row[j + 1 :])
            ties += tied
            if target is not None and not is_missing(own) and row[j] is not None:
                columns[unit, 3 * j : 3 * j + 3] = (1, own == target, row[j] == target)
    index, subjects_count = clusters_of(len(rows), subjects)
    sums = subject_sums(columns, index, subjects_count)
    n = int((columns[:, 0::3].sum(axis=1) > 0).sum()) if rows else 0
    if n == 0:
        nothing = Figure(None, 0, reason="no-units")
        return LeaveOneOut(nothing, nothing, nothing, ((None, None),) * count, ties)
    total = sums.sum(axis=0)
    shares = [divide(total[k::3], total[0::3]) for k in (1, 2)]
    by_reader = tuple((finite(own), finite(reader)) for own, reader in zip(*shares, strict=True))
    return LeaveOneOut(
        model=_mean(sums, "model", n),
        readers=_mean(sums, "readers", n),
        difference=_mean(sums, "difference", n),
        by_reader=by_reader,
        ties=ties,
    )


def _mean(sums: Floats, part: str, n: int) -> Figure:
    def statistic(drawn: Floats) -> Floats:
        units = drawn[..., 0::3]
        model, readers = divide(drawn[..., 1::3], units), divide(drawn[..., 2::3], units)
        values = {"model": model, "readers": readers, "difference": model - readers}[part]
        return mean_of_defined(values)

    value = finite(statistic(sums.sum(axis=0)))
    if value is None:
        return Figure(None, n, reason="no-units")
    return interval_from_sums(Figure(value, n), sums, statistic)


def _majority(answers: list[Any]) -> tuple[Any, int]:
    """(the class of more than half of those who answered, or None; 1 when two answered or more without a majority)."""
    given = [answer for answer in answers if answer is not None]
    for answer in set(given):
        if 2 * given.count(answer) > len(given) and len(given) >= 2:
            return answer, 0
    return None, int(len(given) >= 2)

"""Lesions found, missed and added, after someone or a rule has matched them one to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plaqueweb.agreement.stats.categorical import divide
from plaqueweb.agreement.stats.clusters import SumStatistic, clusters_of, interval_from_sums, subject_sums
from plaqueweb.agreement.stats.figures import Figure, finite


@dataclass(frozen=True)
class LesionCounts:
    """One study: lesions of the reference and of the other, and how many of them were matched one to one."""

    subject: Any
    reference: int
    other: int
    matched: int

    def __post_init__(self) -> None:
        if min(self.reference, self.other, self.matched) < 0 or self.matched > min(self.reference, self.other):
            raise ValueError(
                "Matched lesions are part of both sides; got "
                f"{self.matched} of {self.reference} in the reference and {self.other} in the other."
            )


@dataclass(frozen=True)
class LesionFigures:
    """``sensitivity`` and ``precision`` are shares of lesions, ``extra`` is extra lesions a study.

    ``clean`` is the share without an extra lesion among the studies whose reference has none. n counts what the
    figure is a share of: lesions for the first three, studies for the last two.
    """

    sensitivity: Figure
    precision: Figure
    f1: Figure
    extra: Figure
    clean: Figure


def lesion_figures(studies: Sequence[LesionCounts]) -> LesionFigures:
    """Σ matched / Σ reference, Σ matched / Σ other, their harmonic mean, Σ (other - matched) / studies.

    A study without lesions counts for ``extra`` and ``clean``. Intervals over resampled subjects: several lesions of
    one subject are alike. Source: Chakraborty 1989 (lesion sensitivity beside false marks an image).
    "no-units" where the denominator is 0.
    """
    columns = np.zeros((len(studies), 7))
    for row, study in enumerate(studies):
        extra, empty = study.other - study.matched, study.reference == 0
        columns[row] = (
            study.reference,
            study.other,
            study.matched,
            1,
            empty,
            empty and extra == 0,
            study.reference + study.other,
        )
    index, count = clusters_of(len(studies), [study.subject for study in studies])
    sums = subject_sums(columns, index, count)
    total = columns.sum(axis=0).astype(int)

    def figure(part: int, counted: int | None, statistic: SumStatistic) -> Figure:
        # Only subjects that the figure is about decide whether there are enough of them for an interval.
        used = sums[sums[:, part] > 0]
        n = int(used[:, part].sum())
        value = finite(statistic(used.sum(axis=0))) if n else None
        if value is None:
            return Figure(None, 0, reason="no-units", count=counted)
        return interval_from_sums(Figure(value, n, count=counted), used, statistic)

    return LesionFigures(
        sensitivity=figure(0, int(total[2]), lambda s: divide(s[..., 2], s[..., 0])),
        precision=figure(1, int(total[2]), lambda s: divide(s[..., 2], s[..., 1])),
        f1=figure(6, None, lambda s: divide(2 * s[..., 2], s[..., 6])),
        extra=figure(3, int(total[1] - total[2]), lambda s: divide(s[..., 1] - s[..., 2], s[..., 3])),
        clean=figure(4, int(total[5]), lambda s: divide(s[..., 5], s[..., 4])),
    )

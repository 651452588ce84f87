"""What the statistics of a programme should find: values of the population it was drawn from.

Where a formula is exact it is used (``same_frame_bias``); the others are plain counts over a draw so large that its own
error does not show (200 000 studies: about 0.002 of a share or kappa, 0.003 mm). No function of ``agreement`` is used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from plaqueweb.ops.programme.draw import Bools, Floats, Ints, Programme, draw
from plaqueweb.ops.programme.parameters import QUALITY_NOISE, QUALITY_SHARE, SCANNER_SHARE, Parameters

LARGE = 200_000


@dataclass(frozen=True)
class PairTruth:
    """Two raters on the same cases. Differences are second − first, mm; limits of agreement are bias ± 1.96 SD."""

    agreement: float
    kappa: float
    bias: float
    sd: float
    same_frame_bias: float
    same_frame_sd: float

    @property
    def limits(self) -> tuple[float, float]:
        """Limits of agreement as read."""
        return self.bias - 1.96 * self.sd, self.bias + 1.96 * self.sd

    @property
    def frame_share(self) -> float:
        """Share of the variance of the differences as read that the choice of frame brings."""
        return 1.0 - self.same_frame_sd**2 / self.sd**2


@dataclass(frozen=True)
class Truth:
    """Of the population: prevalence of complex plaque, pairs, and accuracy of each rater.

    ``readers`` by (i, j), ``model`` by (pipeline, reader): reader first, model second. ``repeats`` by reader: second
    reading against first. ``accuracy`` by reader name or pipeline name: sensitivity, specificity.
    """

    prevalence: float
    readers: dict[tuple[int, int], PairTruth]
    model: dict[tuple[int, int], PairTruth]
    repeats: dict[int, PairTruth]
    accuracy: dict[str, tuple[float, float]]
    drift_from: dict[str, int]


@lru_cache(maxsize=8)
def expected(parameters: Parameters) -> Truth:
    """Work out the truth of a programme; takes about a second."""
    large = replace(parameters, studies=LARGE, seed=parameters.seed + 1, repeats=0.5, follow_ups=0.0)
    p = draw(large)
    count = range(len(p.first))
    readers = {(i, j): _readers(p, i, j) for i in count for j in count if i < j}
    model = {(k, i): _model(p, k, i) for k in range(len(p.predictions)) for i in count}
    return Truth(
        prevalence=float(p.studies.complex.mean()),
        readers=readers,
        model=model,
        repeats={i: _repeat(p, i) for i in count},
        accuracy=_accuracies(p),
        drift_from={t.name: t.drift_from for t in large.pipelines if t.drift_mm},
    )


def same_frame_sd(parameters: Parameters, i: int, j: int) -> float:
    """SD of the difference of two readers on one frame, by formula, leaving out the rare cut at the least thickness."""
    a, b = parameters.readers[i], parameters.readers[j]
    own = a.sd_mm**2 * (1 - a.common) + b.sd_mm**2 * (1 - b.common)
    shared = (a.sd_mm * a.common**0.5 - b.sd_mm * b.common**0.5) ** 2
    assessed = np.asarray(QUALITY_SHARE) * (1 - np.asarray(a.cannot_assess)) * (1 - np.asarray(b.cannot_assess))
    factor = float(assessed @ np.square(QUALITY_NOISE) / assessed.sum())
    return float(np.sqrt((own + shared) * factor))


def thickness_error_sd(parameters: Parameters, pipeline: int) -> float:
    """SD of a pipeline's error of thickness on its own frame before any drift, by formula, mm."""
    t = parameters.pipelines[pipeline]
    quality = float(np.dot(QUALITY_SHARE, np.square(QUALITY_NOISE)))
    return float(t.sd_mm * np.sqrt(quality * np.dot(SCANNER_SHARE, np.square(t.scanner_noise))))


def _pair(a: Ints, b: Ints, x: Floats, y: Floats, same: Bools) -> PairTruth:
    both = np.isin(a, (0, 1)) & np.isin(b, (0, 1))
    agree = float((a[both] == b[both]).mean())
    pa, pb = float(a[both].mean()), float(b[both].mean())
    chance = pa * pb + (1 - pa) * (1 - pb)
    measured = np.isfinite(x) & np.isfinite(y)
    difference = (y - x)[measured]
    on_one = (y - x)[measured & same]
    return PairTruth(
        agreement=agree, kappa=(agree - chance) / (1 - chance), bias=float(difference.mean()),
        sd=float(difference.std()), same_frame_bias=float(on_one.mean()), same_frame_sd=float(on_one.std()),
    )  # fmt: skip


def _readers(p: Programme, i: int, j: int) -> PairTruth:
    a, b = p.first[i], p.first[j]
    return _pair(a.klass, b.klass, a.thickness_mm, b.thickness_mm, a.frame == b.frame)


def _model(p: Programme, k: int, i: int) -> PairTruth:
    a, b = p.first[i], p.predictions[k]
    return _pair(a.klass, b.klass, a.thickness_mm, b.thickness_mm, (a.frame == b.frame) & (b.thickness_mm > 0))


def _repeat(p: Programme, i: int) -> PairTruth:
    a, b = p.first[i], p.second[i]
    at = b.study
    return _pair(a.klass[at], b.klass, a.thickness_mm[at], b.thickness_mm, a.frame[at] == b.frame)


def _accuracies(p: Programme) -> dict[str, tuple[float, float]]:
    said = {t.name: r.klass for t, r in zip(p.parameters.readers, p.first, strict=True)}
    said |= {t.name: r.klass for t, r in zip(p.parameters.pipelines, p.predictions, strict=True)}
    truth = p.studies.complex
    found = {}
    for name, klass in said.items():
        known = np.isin(klass, (0, 1))
        found[name] = (float(klass[known & truth].mean()), float(1 - klass[known & ~truth].mean()))
    return found

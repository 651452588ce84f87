"""Draw a programme from its parameters: numpy only, one stream of random numbers a person, so that adding a reader
changes nothing about the studies or the other readers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaqueweb.ops.programme.parameters import (
    FRAMES,
    PROFILE,
    QUALITY_NOISE,
    QUALITY_SHARE,
    REASON_SHARE,
    RULE_MM,
    SCANNER_SHARE,
    SEGMENT_SHARE,
    SITE_SHARE,
    Parameters,
    PipelineTraits,
    ReaderTraits,
)

CANNOT_ASSESS = 9
LEAST_MM = 0.6
"""What is measured as plaque is never thinner than this."""
NO_RESULT = ("", "no aorta", "poor quality", "out of distribution")
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Studies:
    """n studies in order of arrival. ``thickness_mm`` is that of the thickest frame, 0 without plaque.

    ``case`` is how hard a case is, N(0, 1): the part of the error of thickness that all who look at it share.
    ``reasons`` (n, 3) in the order of ``REASONS``. ``angle`` in radians, ``half_extent`` half the plaque's width in
    radians, ``peak`` its thickest frame (from 1), ``centre`` (n, 2) where the aorta lies, in px from the middle.
    """

    subject: Ints
    week: Ints
    segment: Ints
    quality: Ints
    scanner: Ints
    site: Ints
    sex: Ints
    decade: Ints
    scaled: Bools
    thickness_mm: Floats
    reasons: Bools
    complex: Bools
    case: Floats
    angle: Floats
    half_extent: Floats
    peak: Ints
    centre: Floats

    @property
    def plaque(self) -> Bools:
        """Where there is plaque."""
        return self.thickness_mm > 0


@dataclass(frozen=True)
class Reads:
    """What one reader says about the studies ``study`` (indices): class 0, 1 or 9, mm NaN where nothing is measured."""

    study: Ints
    klass: Ints
    thickness_mm: Floats
    frame: Ints
    reasons: Bools
    quality: Ints
    confidence: Ints
    seconds: Ints
    half_extent: Floats
    turn: Floats
    sitting: Floats


@dataclass(frozen=True)
class Predictions:
    """What one pipeline says about every study: probability NaN without a result, mm 0 where it finds no plaque."""

    probability: Floats
    klass: Ints
    thickness_mm: Floats
    frame: Ints
    reasons: Bools
    no_result: Ints
    half_extent: Floats
    turn: Floats


@dataclass(frozen=True)
class Programme:
    """A drawn programme."""

    parameters: Parameters
    studies: Studies
    first: tuple[Reads, ...]
    second: tuple[Reads, ...]
    predictions: tuple[Predictions, ...]


def draw(parameters: Parameters) -> Programme:
    """Draw a programme. The same parameters always give the same one."""
    studies = _studies(parameters)
    repeated = _repeated(parameters)
    everything = np.arange(parameters.studies)
    first = [
        _reads(parameters, studies, traits, everything, _stream(parameters, 10 + number))
        for number, traits in enumerate(parameters.readers)
    ]
    second = [
        _reads(parameters, studies, traits, repeated, _stream(parameters, 1000 + number))
        for number, traits in enumerate(parameters.readers)
    ]
    predictions = [
        _predictions(studies, traits, _stream(parameters, 2000 + number))
        for number, traits in enumerate(parameters.pipelines)
    ]
    return Programme(parameters, studies, tuple(first), tuple(second), tuple(predictions))


def displayed(mm: Floats) -> Floats:
    """Thickness as displayed, to 0.1 mm, halves up: what the label rule looks at."""
    return np.floor(mm * 10.0 + 0.5 + 1e-6) / 10.0


def _stream(parameters: Parameters, number: int) -> np.random.Generator:
    return np.random.default_rng((parameters.seed, number))


def _pick(rng: np.random.Generator, shares: Any, n: int) -> Ints:
    return rng.choice(len(shares), size=n, p=np.asarray(shares) / np.sum(shares)).astype(np.int64)


def _studies(p: Parameters) -> Studies:
    rng, n = _stream(p, 1), p.studies
    week = np.arange(n) * p.weeks // n
    subject = np.arange(n)
    late = rng.permutation(np.arange(n - n // 2, n))[: round(p.follow_ups * n)]
    early = rng.permutation(n // 2)[: late.size]
    subject[late[: early.size]] = early
    _, subject = np.unique(subject, return_inverse=True)
    plaque = rng.random(n) < p.plaque
    thickness = np.minimum(1.6 + rng.gamma(2.2, 1.15, n), 9.0)
    thickness[late[: early.size]] = np.minimum(thickness[early] + 0.3, 9.0)
    plaque[late[: early.size]] = plaque[early]
    thickness = np.where(plaque, thickness, 0.0)
    reasons = (rng.random((n, 3)) < np.asarray(REASON_SHARE)) & plaque[:, None]
    people = int(subject.max()) + 1
    sex, decade = rng.integers(0, 2, people), rng.integers(5, 9, people)
    return Studies(
        subject=subject.astype(np.int64), week=week.astype(np.int64), segment=_pick(rng, SEGMENT_SHARE, n),
        quality=_pick(rng, QUALITY_SHARE, n), scanner=_pick(rng, SCANNER_SHARE, n), sex=sex[subject],
        site=_pick(_stream(p, 6), SITE_SHARE, people)[subject],
        decade=decade[subject], scaled=rng.random(n) >= p.no_scale, thickness_mm=thickness, reasons=reasons,
        complex=(displayed(thickness) >= RULE_MM) | reasons.any(axis=1), case=rng.normal(size=n),
        angle=rng.uniform(0, 2 * np.pi, n), half_extent=rng.uniform(0.35, 0.8, n),
        peak=rng.integers(3, FRAMES - 1, n), centre=rng.uniform(-8, 8, (n, 2)),
    )  # fmt: skip


def _repeated(p: Parameters) -> Ints:
    """Studies that every reader sees twice: among the first half, so that time passes between."""
    rng = _stream(p, 2)
    wanted = min(round(p.repeats * p.studies), p.studies // 2)
    return np.sort(rng.permutation(p.studies // 2)[:wanted]).astype(np.int64)


def _frames(rng: np.random.Generator, shares: Any, peak: Ints) -> tuple[Ints, Floats]:
    """Chosen frame and the share of the greatest thickness that the plaque has there."""
    away: Ints = _pick(rng, shares, peak.size)
    side = np.where(rng.random(peak.size) < 0.5, -1, 1)
    return (peak + side * away).astype(np.int64), np.asarray(PROFILE)[away]


def _noise(rng: np.random.Generator, case: Floats, common: float) -> Floats:
    """Standard normal errors, of whose variance the share ``common`` is the case's."""
    noise: Floats = np.sqrt(common) * case + np.sqrt(1.0 - common) * rng.normal(size=case.size)
    return noise


def _reads(p: Parameters, s: Studies, t: ReaderTraits, study: Ints, rng: np.random.Generator) -> Reads:
    n, quality = study.size, s.quality[study]
    frame, share = _frames(rng, t.frames, s.peak[study])
    spread = t.sd_mm * np.asarray(QUALITY_NOISE)[quality]
    bias = t.bias_mm + t.learning_mm * (1.0 - study / max(p.studies - 1, 1))
    error = bias + spread * _noise(rng, s.case[study], t.common)
    there = s.plaque[study]
    believed = np.where(there, np.maximum(s.thickness_mm[study] * share + error, LEAST_MM), np.nan)
    seen = (s.reasons[study] & (rng.random((n, 3)) >= t.overlook)) & there[:, None]
    klass = ((displayed(np.nan_to_num(believed)) >= RULE_MM) | seen.any(axis=1)).astype(np.int64)
    klass = np.where((rng.random(n) < t.lapse) & there, 1 - klass, klass)
    cannot = rng.random(n) < np.asarray(t.cannot_assess)[quality]
    near = np.abs(believed - RULE_MM)
    doubt = np.nan_to_num(np.exp(-near), nan=0.1) + 0.25 * quality + rng.uniform(0, 0.3, n)
    said = np.where(rng.random(n) < 0.85, quality, np.clip(quality + rng.integers(-1, 2, n), 0, 2))
    practised = 1.0 + 0.7 * np.exp(-study / (0.15 * p.studies))
    seconds = t.seconds * practised * np.where(there, 1.0, 0.5) * rng.lognormal(0.0, 0.35, n)
    return Reads(
        study=study, klass=np.where(cannot, CANNOT_ASSESS, klass),
        thickness_mm=np.where(cannot, np.nan, believed), frame=frame, reasons=seen & ~cannot[:, None],
        quality=said.astype(np.int64), confidence=np.digitize(doubt, (0.5, 0.95)).astype(np.int64),
        seconds=np.maximum(np.rint(seconds), 5).astype(np.int64),
        half_extent=np.clip(s.half_extent[study] + rng.normal(0, t.extent_sd, n), 0.2, 1.0),
        turn=rng.normal(0, t.extent_sd, n), sitting=rng.random(n),
    )  # fmt: skip


def _predictions(s: Studies, t: PipelineTraits, rng: np.random.Generator) -> Predictions:
    n = s.week.size
    frame, share = _frames(rng, t.frames, s.peak)
    spread = t.sd_mm * np.asarray(QUALITY_NOISE)[s.quality] * np.asarray(t.scanner_noise)[s.scanner]
    bias = t.bias_mm + t.drift_mm * np.maximum(s.week - t.drift_from + 1, 0) * (t.drift_mm != 0)
    error = bias + spread * _noise(rng, s.case, t.common)
    missed = (s.thickness_mm < 3.0) & (rng.random(n) < t.missed)
    found = s.plaque & ~missed
    mm = np.where(found, np.maximum(s.thickness_mm * share * (1.0 + t.slope) + error, LEAST_MM), 0.0)
    seen = s.reasons & (rng.random((n, 3)) < t.reason_seen) & found[:, None]
    logit = np.where(found, t.steepness * (mm - (RULE_MM - 0.05)), -4.0)
    logit = np.where(seen.any(axis=1), np.maximum(logit, 3.0), logit)
    probability = 1.0 / (1.0 + np.exp(-np.clip(logit + rng.normal(0, 0.4, n), -12, 12)))
    without = rng.random(n) < np.asarray(t.no_result)[s.quality]
    why = np.where(without, rng.choice([1, 2, 2, 3], size=n), 0)
    return Predictions(
        probability=np.where(without, np.nan, probability),
        klass=np.where(without, CANNOT_ASSESS, probability >= t.threshold).astype(np.int64),
        thickness_mm=np.where(without, np.nan, mm), frame=frame, reasons=seen & ~without[:, None],
        no_result=why.astype(np.int64),
        half_extent=np.clip(s.half_extent + rng.normal(0, t.extent_sd, n), 0.2, 1.0),
        turn=rng.normal(0, t.extent_sd, n),
    )  # fmt: skip

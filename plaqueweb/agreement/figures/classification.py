"""The model's probability against a class: ROC, calibration, and what other thresholds would have done.

Pure and JSON-ready. A unit is a study or a subject; ``label`` is the other side's class (1 complex, 0 not complex).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plaqueweb.agreement import stats
from plaqueweb.agreement.stats.figures import Floats

BINS = 10
STEPS = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""Thresholds that are looked at besides the frozen one."""
MOST_POINTS = 240
"""More points of a ROC curve than this cannot be told apart; some are left out between the ends."""
CHANCE_DRAWS, CHANCE_SEED = 500, 20261


@dataclass(frozen=True)
class Scored:
    """A unit with a class on the other side; ``probability`` is None where the model gave no class."""

    study: str
    subject: str
    label: int
    probability: float | None


def compute_classification(units: Sequence[Scored], threshold: float | None) -> dict[str, Any]:
    """All figures; ``threshold`` is the pipeline's frozen one, None where pipelines differ or it is not known.

    ``auc`` and the rest are over answered units, ``auc_all`` over all: no result ranks below every complex and above
    every not complex unit, so that nobody wins by abstaining.
    """
    answered = [unit for unit in units if unit.probability is not None]
    labels = np.asarray([unit.label for unit in answered])
    scores = np.asarray([unit.probability for unit in answered], dtype=np.float64)
    subjects = [unit.subject for unit in answered]
    worst = np.asarray([_worst(unit) for unit in units], dtype=np.float64)
    fit = stats.calibration_fit(labels, scores, subjects)
    return {
        "n": len(answered),
        "subjects": len(set(subjects)),
        "all": len(units),
        "all_subjects": len({unit.subject for unit in units}),
        "complex": int(labels.sum()) if len(answered) else 0,
        "threshold": threshold,
        "auc": stats.auc(labels, scores, subjects).as_dict(),
        "auc_all": stats.auc([unit.label for unit in units], worst, [unit.subject for unit in units]).as_dict(),
        "roc": _roc(answered, labels, scores),
        "brier": stats.brier(labels, scores, subjects).as_dict(),
        "ece": stats.calibration_error(labels, scores, BINS, subjects=subjects).as_dict(),
        "ece_chance": chance_error(scores),
        "slope": fit.slope.as_dict(),
        "in_the_large": fit.in_the_large.as_dict(),
        "bins": _bins(answered, labels, scores),
        "thresholds": _thresholds(answered, labels, scores, threshold),
    }


def _worst(unit: Scored) -> float:
    if unit.probability is not None:
        return unit.probability
    return -1.0 if unit.label == 1 else 2.0


def _roc(units: Sequence[Scored], labels: Any, scores: Floats) -> list[dict[str, Any]]:
    """Points from (0, 0) to (1, 1), each with its threshold (None: above all) and the units that stand at it."""
    if len(set(labels.tolist())) < 2:
        return []
    curve = stats.roc_curve(labels, scores)
    at: dict[float, list[str]] = {}
    for unit in units:
        at.setdefault(float(unit.probability or 0.0), []).append(unit.study)
    places = np.unique(np.linspace(0, len(curve.thresholds) - 1, min(MOST_POINTS, len(curve.thresholds))).astype(int))
    return [
        {
            "threshold": float(curve.thresholds[i]) if np.isfinite(curve.thresholds[i]) else None,
            "sensitivity": float(curve.sensitivity[i]),
            "false_positive": float(curve.false_positive_share[i]),
            "studies": at.get(float(curve.thresholds[i]), []),
        }
        for i in places
    ]


def _bins(units: Sequence[Scored], labels: Any, scores: Floats) -> list[dict[str, Any]]:
    found = []
    for made in stats.reliability(labels, scores, BINS) if len(units) else []:
        inside = [unit.study for unit in units if made.low <= float(unit.probability or 0.0) <= made.high]
        found.append(
            {
                "low": made.low,
                "high": made.high,
                "n": made.n,
                "mean": made.mean_probability,
                "observed": made.observed.as_dict(),
                "studies": inside,
            }
        )
    return found


def chance_error(scores: Floats) -> float | None:
    """The calibration error that a perfectly calibrated model would show on average at these probabilities.

    Labels are drawn from the probabilities 500 times with a fixed seed; bins are of equal mass, as in the figure.
    """
    if scores.size == 0:
        return None
    rng = np.random.default_rng(CHANCE_SEED)
    place = stats.calibration.bin_numbers(scores, BINS, "equal-mass")
    gaps = (rng.random((CHANCE_DRAWS, scores.size)) < scores).astype(np.float64) - scores
    sums = np.zeros((CHANCE_DRAWS, BINS))
    for number in range(BINS):
        sums[:, number] = gaps[:, place == number].sum(axis=1)
    return float(np.abs(sums).sum(axis=1).mean() / scores.size)


def _thresholds(units: Sequence[Scored], labels: Any, scores: Floats, frozen: float | None) -> list[dict[str, Any]]:
    """The 2 × 2 table [[TP, FN], [FP, TN]] of every threshold looked at, in order; a probability at it is complex.

    ``missed`` and ``false`` are the studies of FN and FP.
    """
    steps = sorted({*STEPS, *([round(frozen, 6)] if frozen is not None else [])})
    found = []
    for step in steps:
        called = _called(scores, step)
        missed = [unit.study for unit, yes in zip(units, called, strict=True) if unit.label == 1 and not yes]
        false = [unit.study for unit, yes in zip(units, called, strict=True) if unit.label != 1 and yes]
        found.append({"threshold": step, "table": table_at(labels, scores, step), "missed": missed, "false": false})
    return found


def _called(scores: Any, threshold: float) -> Any:
    return np.asarray(scores, dtype=np.float64) >= threshold - 1e-12


def table_at(labels: Any, scores: Any, threshold: float) -> list[list[int]]:
    """[[TP, FN], [FP, TN]] of "probability >= threshold is complex"."""
    truth, called = np.asarray(labels) == 1, _called(scores, threshold)
    return [
        [int((truth & called).sum()), int((truth & ~called).sum())],
        [int((~truth & called).sum()), int((~truth & ~called).sum())],
    ]

"""The figures of class, thickness and overlap that several tabs share: pure, JSON-ready, without a word for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from plaqueweb.agreement import stats
from plaqueweb.agreement.boards.base import common, klass, model_class, per_subject
from plaqueweb.agreement.ceiling import ceiling
from plaqueweb.agreement.comparison import is_reference
from plaqueweb.agreement.coverage import coverage
from plaqueweb.agreement.evidence import Evidence, Unit
from plaqueweb.agreement.filters import KINDS
from plaqueweb.agreement.pairs import Pair, crosses, measured_pairs
from plaqueweb.agreement.stats.figures import Floats

CODE_VERSION = "agreement-5"
"""Raise it when a number of all tabs could change (of one tab: its ``version``): other cached runs are not shown."""


def compute(options: Mapping[str, Any], evidence: Evidence) -> dict[str, Any]:
    """The figures of one comparison that the overview and the API show.

    ``options``: a manifest, or its part of the same keys with the filters. The class part has one unit a study, or a
    subject with the filter ``unit``: intervals are Wilson's where every subject has one, else from resampled subjects.
    Thickness is in mm, only where both have a scale. Dice is on declared frames.
    """
    units = chosen_units(evidence, options)
    accuracy = is_reference(options["against"])
    reference, model = [klass(unit.reference) for unit in units], [model_class(unit) for unit in units]
    table = stats.confusion(reference, model)
    subjects = [unit.subject for unit in units]
    return common(evidence, options) | {
        "unit": "subject" if _asked_unit(options) == "subject" else "study",
        "confusion": table.counts.tolist(),
        "class": class_figures(table, reference, model, subjects),
        "accuracy": accuracy_figures(table, reference, model, subjects) if accuracy else None,
        "coverage": coverage(units, accuracy=accuracy),
        "thickness": thickness(evidence, float(options["rule_mm"])),
        "dice": dice_figures(evidence),
        "ceiling": ceiling(evidence),
    }


def chosen_units(evidence: Evidence, options: Mapping[str, Any]) -> list[Unit]:
    """Studies, or one unit a subject where the filter ``unit`` asks for it."""
    return per_subject(evidence.units) if _asked_unit(options) == "subject" else evidence.units


def _asked_unit(options: Mapping[str, Any]) -> str:
    return str(options.get("unit") or options.get("options", {}).get("unit") or "")


def _subjects_of(reference: list[int | None], model: list[int | None], subjects: list[Any]) -> tuple[bool, int]:
    """Whether each subject has one classified study, and how many subjects have any."""
    used = [s for s, a, b in zip(subjects, reference, model, strict=True) if a in (0, 1) and b in (0, 1)]
    return len(set(used)) == len(used), len(set(used))


def class_figures(
    table: stats.Confusion, reference: list[int | None], model: list[int | None], subjects: list[Any]
) -> dict[str, Any]:
    """Agreement on the class with intervals: Wilson's for the observed share of independent units, else resampled."""
    independent, count = _subjects_of(reference, model, subjects)
    found = stats.class_figures(stats.class_sums(_numbers(reference), _numbers(model), subjects))
    observed = stats.observed_agreement(table.classes)
    figures = {key: found[key] for key in ("kappa", "ac1", "pabak", "positive", "negative")}
    figures["observed"] = _share(observed, independent, count, found["observed"])
    return {key: figure.as_dict() for key, figure in figures.items()} | {
        "both_assessed": table.both_assessed,
        "total": table.total,
        "subjects": count,
    }


def _numbers(classes: Sequence[int | None]) -> Floats:
    return np.asarray([np.nan if value is None else value for value in classes], dtype=np.float64)


def _share(figure: stats.Figure, independent: bool, count: int, resampled: stats.Figure) -> stats.Figure:
    """A proportion: Wilson over independent units, subjects resampled otherwise, no interval below ten subjects."""
    if figure.value is None:
        return figure
    if count < stats.MIN_SUBJECTS:
        return stats.Figure(figure.value, figure.n, reason="too-few", count=figure.count)
    if independent:
        return figure
    return replace(figure, interval=resampled.interval, reason=resampled.reason)


def accuracy_figures(
    table: stats.Confusion, reference: list[int | None], model: list[int | None], subjects: list[Any]
) -> dict[str, Any]:
    """Accuracy, sensitivity, specificity, PPV, NPV against a reference; ``exact``: Clopper and Pearson's interval."""
    independent, count = _subjects_of(reference, model, subjects)
    found = stats.diagnostic(table.classes)
    resampled = stats.class_figures(stats.class_sums(_numbers(reference), _numbers(model), subjects))
    made = {}
    for key in ("accuracy", "sensitivity", "specificity", "ppv", "npv"):
        figure = _share(getattr(found, key), independent, count, resampled[key])
        exact = None
        if figure.count is not None and figure.n and independent and count >= stats.MIN_SUBJECTS:
            exact = stats.clopper_pearson(figure.count, figure.n).as_dict()
        made[key] = figure.as_dict() | {"exact": exact}
    return made


def thickness(evidence: Evidence, rule_mm: float) -> dict[str, Any]:
    """Thickness of each comparison by itself, and how many studies have no millimetres."""
    units = evidence.units
    parts: dict[str, Any] = {kind: pair_part(measured_pairs(evidence, units, kind), rule_mm) for kind in KINDS}
    compared = [unit for unit in units if unit.reference is not None and unit.model is not None]
    no_mm = [unit.reference is not None and unit.reference.thickness_mm is None for unit in compared]
    model_no_mm = [unit.model is not None and unit.model.thickness_mm is None for unit in compared]
    return parts | {"rule_mm": rule_mm, "reference_without_mm": sum(no_mm), "model_without_mm": sum(model_no_mm)}


def pair_part(pairs: Sequence[Pair], rule_mm: float) -> dict[str, Any]:
    """Bland-Altman and its neighbours over pairs of one kind, and the points themselves."""
    a, b = [pair.model for pair in pairs], [pair.reference for pair in pairs]
    subjects = [pair.unit.subject for pair in pairs]
    return {
        "bland_altman": stats.bland_altman(a, b, subjects).as_dict(),
        "mae": _continuous(stats.mean_absolute_error(a, b), a, b, subjects, np.abs),
        "within_05": _near(a, b, subjects, 0.5),
        "within_10": _near(a, b, subjects, 1.0),
        "ccc": _concordance(a, b, subjects),
        "points": [_point(pair, rule_mm) for pair in pairs],
    }


def _point(pair: Pair, rule_mm: float) -> dict[str, Any]:
    return {
        "study": str(pair.unit.study),
        "mean": (pair.model + pair.reference) / 2,
        "difference": pair.model - pair.reference,
        "reference": pair.reference,
        "model": pair.model,
        "crosses": crosses(pair, rule_mm),
    }


def _continuous(
    figure: stats.Figure, a: list[float], b: list[float], subjects: list[Any], transform: Callable[[Floats], Floats]
) -> dict[str, Any]:
    """A figure that is the mean of a transformed difference, with its interval over subjects."""
    values = transform(np.asarray(a) - np.asarray(b))
    return stats.with_interval(figure, lambda w: w @ values / w.sum(axis=1), subjects).as_dict()


def _near(a: list[float], b: list[float], subjects: list[Any], limit: float) -> dict[str, Any]:
    figure = stats.within(a, b, limit)
    close = (np.abs(np.asarray(a) - np.asarray(b)) <= limit + 1e-9).astype(np.float64)
    count = len(set(subjects))
    again = stats.with_interval(figure, lambda w: w @ close / w.sum(axis=1), subjects)
    return _share(figure, count == len(subjects), count, again).as_dict()


def _concordance(a: list[float], b: list[float], subjects: list[Any]) -> dict[str, Any]:
    x, y = np.asarray(a), np.asarray(b)

    def resampled(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        mx, my = weights @ x / total, weights @ y / total
        spread = weights @ x**2 / total - mx**2 + weights @ y**2 / total - my**2 + (mx - my) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(spread > 1e-12, 2 * (weights @ (x * y) / total - mx * my) / spread, np.nan)

    return stats.with_interval(stats.concordance(a, b), resampled, subjects).as_dict()


def dice_figures(evidence: Evidence) -> dict[str, Any]:
    """Dice over subjects with the counts of frames without which it means nothing."""
    frames = evidence.frames
    scores = [score for of_study in frames.scores.values() for score in of_study]
    return stats.dice_summary(scores, unknown=frames.unknown).as_dict() | {"no_result": frames.no_result}

"""From evidence to the results of a run: pure, JSON-ready, without a word for people and without a user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from plaqueweb.agreement import stats
from plaqueweb.agreement.ceiling import ceiling
from plaqueweb.agreement.coverage import coverage, reason_of
from plaqueweb.agreement.evidence import Answer, Evidence, Unit
from plaqueweb.agreement.selectors import CONSENSUS_KINDS
from plaqueweb.agreement.stats import categorical as cat
from plaqueweb.agreement.stats.figures import Floats

CODE_VERSION = "agreement-2"
"""Raise it when any number could change: cached runs of another version are not shown."""
AS_READ, SAME_FRAME = "as_read", "same_frame"


def compute(manifest: dict[str, Any], evidence: Evidence) -> dict[str, Any]:
    """All figures of one comparison.

    The class part has one unit a study: intervals are Wilson's where every subject has one study, else from
    resampled subjects. Thickness is in mm, only where both have a scale. Dice is on declared frames.
    """
    units = evidence.units
    reference = [_klass(unit.reference) for unit in units]
    model = [_model_class(unit) for unit in units]
    table = stats.confusion(reference, model)
    subjects = [unit.subject for unit in units]
    accuracy = manifest["against"] in CONSENSUS_KINDS
    return {
        "n": _counts(manifest, evidence),
        "confusion": table.counts.tolist(),
        "class": _class_figures(table, reference, model, subjects),
        "accuracy": _accuracy_figures(table, reference, model, subjects) if accuracy else None,
        "coverage": coverage(units, accuracy=accuracy),
        "thickness": _thickness(units, float(manifest["rule_mm"])),
        "dice": _dice(evidence),
        "ceiling": ceiling(evidence),
        "units": [_unit_row(unit, evidence) for unit in units],
        "simulated": evidence.simulated,
        "synthetic": evidence.synthetic,
    }


def _klass(answer: Answer | None) -> int | None:
    return answer.klass if answer else None


def _model_class(unit: Unit) -> int | None:
    """1, 0, cannot assess (it ran and gave no class, say without an aorta in view), or None (no result at all)."""
    if unit.model is None:
        return None
    return stats.CANNOT_ASSESS if unit.model.klass is None else unit.model.klass


def _counts(manifest: dict[str, Any], evidence: Evidence) -> dict[str, int]:
    compared = [unit for unit in evidence.units if unit.reference is not None]
    frames = evidence.frames
    return {
        "subjects": len({unit.subject for unit in compared}),
        "studies": len(compared),
        "frames": sum(len(scores) for scores in frames.scores.values()),
        "missing": len(evidence.units) - len(compared),
        "no_result": sum(_model_class(unit) is None for unit in compared),
        "model_cannot_assess": sum(_model_class(unit) == stats.CANNOT_ASSESS for unit in compared),
        "cannot_assess": sum(_klass(unit.reference) == stats.CANNOT_ASSESS for unit in compared),
        **{key: int(value) for key, value in manifest["counts"].items()},
    }


Values = Callable[[Floats], Floats]


def _resampled(reference: list[int | None], model: list[int | None], values: Values) -> Values:
    return lambda weights: values(cat.weighted_tables(reference, model, weights))


def _independent(reference: list[int | None], model: list[int | None], subjects: list[Any]) -> tuple[bool, int]:
    """Whether each subject has one classified study, and how many subjects have any."""
    used = [s for s, a, b in zip(subjects, reference, model, strict=True) if a in (0, 1) and b in (0, 1)]
    return len(set(used)) == len(used), len(set(used))


def _share(figure: stats.Figure, independent: bool, count: int, values: Values, subjects: list[Any]) -> stats.Figure:
    """A proportion: Wilson over independent units, subjects resampled otherwise, no interval below ten subjects."""
    if figure.value is None:
        return figure
    if count < stats.MIN_SUBJECTS:
        return stats.Figure(figure.value, figure.n, reason="too-few", count=figure.count)
    if independent:
        return figure
    return stats.with_interval(figure, values, subjects)


def _class_figures(
    table: stats.Confusion, reference: list[int | None], model: list[int | None], subjects: list[Any]
) -> dict[str, Any]:
    independent, count = _independent(reference, model, subjects)
    pairs = table.classes
    classified = [a in (0, 1) and b in (0, 1) for a, b in zip(reference, model, strict=True)]
    used = [s for s, kept in zip(subjects, classified, strict=True) if kept]
    ref = [value for value, kept in zip(reference, classified, strict=True) if kept]
    mod = [value for value, kept in zip(model, classified, strict=True) if kept]

    def interval(figure: stats.Figure, values: Values) -> stats.Figure:
        return stats.with_interval(figure, _resampled(ref, mod, values), used) if used else figure

    observed = stats.observed_agreement(pairs)
    same = _share(observed, independent, count, _resampled(ref, mod, cat.observed_values), used)
    figures = {
        "observed": same,
        "kappa": interval(stats.cohen_kappa(pairs), cat.kappa_values),
        "ac1": interval(stats.gwet_ac1(pairs), cat.ac1_values),
        "pabak": interval(stats.pabak(pairs), cat.pabak_values),
        "positive": interval(stats.positive_agreement(pairs), cat.positive_values),
        "negative": interval(stats.negative_agreement(pairs), cat.negative_values),
    }
    return {key: figure.as_dict() for key, figure in figures.items()} | {
        "both_assessed": table.both_assessed,
        "total": table.total,
        "subjects": count,
    }


def _accuracy_figures(
    table: stats.Confusion, reference: list[int | None], model: list[int | None], subjects: list[Any]
) -> dict[str, Any]:
    independent, count = _independent(reference, model, subjects)
    found = stats.diagnostic(table.classes)
    figures = {
        key: _share(
            getattr(found, key),
            independent,
            count,
            _resampled(reference, model, lambda tables, key=key: cat.diagnostic_values(tables)[key]),  # type: ignore[misc]
            subjects,
        )
        for key in ("accuracy", "sensitivity", "specificity", "ppv", "npv")
    }
    exact = {
        key: stats.clopper_pearson(figure.count, figure.n).as_dict()
        for key, figure in figures.items()
        if figure.count is not None and figure.n and independent and count >= stats.MIN_SUBJECTS
    }
    return {key: figure.as_dict() | {"exact": exact.get(key)} for key, figure in figures.items()}


def thickness_kind(unit: Unit) -> str | None:
    """Which comparison a pair belongs to: "same_frame" on equal key frames, else "as_read"; None without two mm."""
    if unit.reference is None or unit.model is None:
        return None
    if unit.reference.thickness_mm is None or unit.model.thickness_mm is None:
        return None
    same = unit.reference.key is not None and unit.reference.key == unit.model.key
    return SAME_FRAME if same else AS_READ


def _displayed(mm: float) -> float:
    """Thickness as displayed, to 0.1 mm: the label rule is applied to what is read on the screen."""
    return float(f"{mm:.1f}")


def _thickness(units: list[Unit], rule_mm: float) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for kind in (AS_READ, SAME_FRAME):
        pairs = [unit for unit in units if thickness_kind(unit) == kind]
        a = [float(unit.model.thickness_mm) for unit in pairs]  # type: ignore[union-attr,arg-type]
        b = [float(unit.reference.thickness_mm) for unit in pairs]  # type: ignore[union-attr,arg-type]
        subjects = [unit.subject for unit in pairs]
        parts[kind] = {
            "bland_altman": stats.bland_altman(a, b, subjects).as_dict(),
            "mae": _continuous(stats.mean_absolute_error(a, b), a, b, subjects, np.abs),
            "within_05": _near(a, b, subjects, 0.5),
            "within_10": _near(a, b, subjects, 1.0),
            "ccc": _concordance(a, b, subjects),
            "points": [_point(unit, x, y, rule_mm) for unit, x, y in zip(pairs, a, b, strict=True)],
        }
    compared = [unit for unit in units if unit.reference is not None and unit.model is not None]
    no_mm = [unit.reference is not None and unit.reference.thickness_mm is None for unit in compared]
    model_no_mm = [unit.model is not None and unit.model.thickness_mm is None for unit in compared]
    return parts | {"rule_mm": rule_mm, "reference_without_mm": sum(no_mm), "model_without_mm": sum(model_no_mm)}


def _point(unit: Unit, model: float, reference: float, rule_mm: float) -> dict[str, Any]:
    crosses = (_displayed(model) >= rule_mm) != (_displayed(reference) >= rule_mm)
    return {
        "study": str(unit.study),
        "mean": (model + reference) / 2,
        "difference": model - reference,
        "reference": reference,
        "model": model,
        "crosses": crosses,
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
    return _share(figure, count == len(subjects), count, lambda w: w @ close / w.sum(axis=1), subjects).as_dict()


def _concordance(a: list[float], b: list[float], subjects: list[Any]) -> dict[str, Any]:
    x, y = np.asarray(a), np.asarray(b)

    def resampled(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        mx, my = weights @ x / total, weights @ y / total
        spread = weights @ x**2 / total - mx**2 + weights @ y**2 / total - my**2 + (mx - my) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(spread > 1e-12, 2 * (weights @ (x * y) / total - mx * my) / spread, np.nan)

    return stats.with_interval(stats.concordance(a, b), resampled, subjects).as_dict()


def _dice(evidence: Evidence) -> dict[str, Any]:
    frames = evidence.frames
    scores = [score for of_study in frames.scores.values() for score in of_study]
    return stats.dice_summary(scores, unknown=frames.unknown).as_dict() | {"no_result": frames.no_result}


def _unit_row(unit: Unit, evidence: Evidence) -> dict[str, Any]:
    scores = evidence.frames.scores.get(unit.study, [])
    values = [score.dice for score in scores if score.dice is not None]
    return {
        "study": str(unit.study),
        "subject": str(unit.subject),
        "reference": _klass(unit.reference),
        "model": _model_class(unit),
        "has_reference": unit.reference is not None,
        "has_prediction": unit.model is not None,
        "no_result": reason_of(unit),
        "probability": unit.model.probability if unit.model else None,
        "reference_mm": unit.reference.thickness_mm if unit.reference else None,
        "model_mm": unit.model.thickness_mm if unit.model else None,
        "kind": thickness_kind(unit),
        "dice": float(np.mean(values)) if values else None,
        "frames": len(scores),
    }

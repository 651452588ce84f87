"""From rows of cases to figures: classes by study, masks by frame, thickness by clip, each with n and interval.

Whoever answers seldom is seldom wrong. So every figure of the class stands twice: over the studies that got an answer,
and over all of them, where no result counts as wrong (``..._all``). Dice likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inference import metrics
from inference.evaluation.bootstrap import (
    SEED,
    Figure,
    auc_of,
    calibration_error_of,
    figure,
    mean_of,
    mean_of_subjects,
    spread_of,
    wilson,
)
from inference.evaluation.cases import STRUCTURES
from inference.evaluation.score import REASONS
from inference.postprocess import COMPLEX_MM, displayed_mm
from inference.types import NoResult

Row = dict[str, Any]
BINS = 10
_CHANCE_DRAWS = 400
BANDS_MM: tuple[tuple[float, float, str], ...] = (
    (0.0, 2.0, "below 2 mm"),
    (2.0, 3.5, "2 to 3.5 mm"),
    (3.5, 4.5, "3.5 to 4.5 mm"),
    (4.5, 6.0, "4.5 to 6 mm"),
    (6.0, np.inf, "above 6 mm"),
)
ECHO_BANDS: tuple[tuple[float, float, str], ...] = (
    (-np.inf, 0.9, "darker than the tissue around (below 0.9)"),
    (0.9, 1.4, "like the tissue around (0.9 to 1.4)"),
    (1.4, np.inf, "brighter (above 1.4)"),
)
QUALITY_BANDS: tuple[tuple[float, float, str], ...] = (
    (-np.inf, 1.5, "poor (contrast to noise below 1.5)"),
    (1.5, 2.2, "fair (1.5 to 2.2)"),
    (2.2, np.inf, "good (above 2.2)"),
)
"""About a third of the phantom's clips lie in each band."""


@dataclass(frozen=True)
class Evaluation:
    """Everything that was counted. ``figures`` by name; ``coverage`` share of clips by kind of no result.

    ``groups`` holds, by stratum and level, the figures of that part alone; ``reasons`` the single reasons against
    truth. ``roc`` is (false positive rate, sensitivity) by falling threshold over answered studies; ``reliability`` one
    entry a bin. ``threshold`` is the pipeline's.
    """

    threshold: float
    figures: dict[str, Figure]
    coverage: dict[str, Figure]
    groups: dict[str, dict[str, dict[str, Figure]]]
    reasons: dict[str, dict[str, Figure]]
    roc: list[tuple[float, float]] = field(repr=False, default_factory=list)
    reliability: list[dict[str, float]] = field(repr=False, default_factory=list)


def studies_of(rows: Sequence[Row]) -> list[Row]:
    """One row a subject: true class and probability are the greatest over its clips, as for a study.

    Kind, thickness and looks are those of its truly worst clip. A study has a result when one of its clips has.
    Subjects without a true class are left out.
    """
    by_subject: dict[str, list[Row]] = {}
    for row in rows:
        if row["class"] is not None:
            by_subject.setdefault(row["subject"], []).append(row)
    studies = []
    for clips in by_subject.values():
        worst = max(clips, key=lambda row: (row["class"], row["true_mm"] or 0.0))
        answered = [row for row in clips if row["probability"] is not None]
        best = max(answered, key=lambda row: row["probability"], default=None)
        verdicts = [row["rule"] for row in clips if row["rule"] is not None]
        studies.append(
            {
                **worst,
                "probability": None if best is None else best["probability"],
                "predicted": None if best is None else max(row["predicted"] for row in answered),
                "rule": max(verdicts) if verdicts else None,
            }
        )
    return studies


def summarise(rows: Sequence[Row], threshold: float) -> Evaluation:
    """All figures from the rows of single cases. Raises ValueError without rows."""
    if not rows:
        raise ValueError("There is no case to evaluate.")
    studies = studies_of(rows)
    figures = class_figures(studies) | calibration_figures(studies) | mask_figures(rows) | thickness_figures(rows)
    answered = [s for s in studies if s["probability"] is not None]
    return Evaluation(
        threshold=threshold,
        figures=figures,
        coverage=_coverage(rows),
        groups={name: _group(rows, studies, level_of) for name, level_of in STRATA.items()},
        reasons={reason: _reason(rows, reason) for reason in REASONS},
        roc=_roc(answered),
        reliability=_reliability(answered),
    )


def _coverage(rows: Sequence[Row]) -> dict[str, Figure]:
    subjects = [row["subject"] for row in rows]
    shares = {"a class": [row["no_result"] is None for row in rows]}
    shares["a thickness in mm"] = [row["predicted_mm"] is not None for row in rows]
    for reason in NoResult:
        shares[f"no result: {reason}"] = [row["no_result"] == str(reason) for row in rows]
    shares["no thickness: no scale"] = [row["no_thickness"] == str(NoResult.NO_SCALE) for row in rows]
    return {name: _share(values, subjects, "clips") for name, values in shares.items()}


def _share(values: Sequence[bool], subjects: Sequence[str], unit: str) -> Figure:
    return figure(mean_of([float(v) for v in values]), subjects, unit=unit, share=True)


def class_figures(studies: Sequence[Row]) -> dict[str, Figure]:
    """Coverage, accuracy, sensitivity, specificity, AUC, and the rule's verdict, over answered and over all studies."""
    found: dict[str, Figure] = {}
    who = [s["subject"] for s in studies]
    found["coverage"] = _share([s["probability"] is not None for s in studies], who, "studies")
    answered = [s for s in studies if s["probability"] is not None]
    for suffix, part in (("", answered), ("_all", studies)):
        for name, chosen in (
            ("accuracy", part),
            ("sensitivity", [s for s in part if s["class"] == 1]),
            ("specificity", [s for s in part if s["class"] == 0]),
        ):
            right = [s["predicted"] == s["class"] for s in chosen]
            found[name + suffix] = _share(right, [s["subject"] for s in chosen], "studies")
        # No result ranks below every negative and above every positive: always wrong.
        scores = [(2.0 - 3.0 * s["class"]) if s["probability"] is None else s["probability"] for s in part]
        labels, names = [s["class"] for s in part], [s["subject"] for s in part]
        found["auc" + suffix] = figure(auc_of(labels, scores), names, unit="studies")
    for suffix, part in (("", [s for s in studies if s["rule"] is not None]), ("_all", list(studies))):
        right = [s["rule"] == s["class"] for s in part]
        found["rule_accuracy" + suffix] = _share(right, [s["subject"] for s in part], "studies")
    return found


def calibration_figures(studies: Sequence[Row]) -> dict[str, Figure]:
    """Brier score and ECE over the answered studies, and the ECE that a perfectly calibrated model would show here.

    ECE is biased upward in small samples. ``ece_by_chance`` is its mean when classes are drawn from the probabilities.
    """
    answered = [s for s in studies if s["probability"] is not None]
    labels, scores = [s["class"] for s in answered], [s["probability"] for s in answered]
    who = [s["subject"] for s in answered]
    squares = [(p - y) ** 2 for p, y in zip(scores, labels, strict=True)]
    bins = metrics.equal_mass_bins(scores, BINS)
    drawn = np.random.default_rng(SEED).random((_CHANCE_DRAWS, len(scores))) < np.asarray(scores)
    chance = [metrics.expected_calibration_error(y.astype(int).tolist(), scores, BINS) or 0.0 for y in drawn]
    by_chance = round(float(np.mean(chance)), 4) if scores else None
    return {
        "brier": figure(mean_of(squares), who, unit="studies"),
        "ece": figure(calibration_error_of(labels, scores, bins), who, unit="studies"),
        "ece_by_chance": Figure(by_chance, None, None, len(scores), len(scores), "studies"),
    }


def mask_figures(rows: Sequence[Row]) -> dict[str, Figure]:
    """Overlap and border figures of every structure on frames that hold it; the mean over subjects of their means."""
    found: dict[str, Figure] = {}
    for name in STRUCTURES:
        known = [row for row in rows if name in row["structures"]]
        if not known:
            continue
        answered = [row for row in known if row["no_result"] is None]
        for key in ("dice", "iou", "hd95", "nsd", "assd"):
            label = {"nsd": "nsd_1mm", "hd95": "hd95_mm", "assd": "assd_mm"}.get(key, key)
            found[f"{name}_{label}"] = _over_frames(answered, name, key)
        found[f"{name}_dice_all"] = _over_frames(known, name, "dice", zero=True)
        found[f"{name}_missed"] = _missed(answered, name)
        found[f"{name}_invented"] = _invented(answered, name)
    return found


def _over_frames(rows: Sequence[Row], name: str, key: str, *, zero: bool = False) -> Figure:
    values: list[float] = []
    who: list[str] = []
    for row in rows:
        wrong = zero and row["no_result"] is not None
        for value in row["structures"][name][key]:
            if value is not None:
                values.append(0.0 if wrong else value)
                who.append(row["subject"])
    return figure(mean_of_subjects(values, who), who, unit="frames")


def _missed(rows: Sequence[Row], name: str) -> Figure:
    """Share of the frames with the structure on which nothing was drawn over it."""
    pairs = [(value == 0.0, row["subject"]) for row in rows for value in row["structures"][name]["dice"]]
    return _share([missed for missed, _ in pairs], [who for _, who in pairs], "frames")


def _invented(rows: Sequence[Row], name: str) -> Figure:
    """Share of the frames without the structure on which some was drawn."""
    pairs: list[tuple[bool, str]] = []
    for row in rows:
        part = row["structures"][name]
        pairs += [(n < part["invented"], row["subject"]) for n in range(part["absent"])]
    return _share([drawn for drawn, _ in pairs], [who for _, who in pairs], "frames")


def measured(rows: Sequence[Row]) -> list[Row]:
    """The clips with plaque whose thickness the model measured in mm."""
    return [row for row in rows if row["true_mm"] and row["predicted_mm"] is not None]


def thickness_figures(rows: Sequence[Row]) -> dict[str, Figure]:
    """Error of the thickness on clips with plaque: MAE, bias, limits of agreement, shares within 0.5 and 1.0 mm.

    The limits are bias +- 1.96 standard deviations of predicted less true (Bland and Altman 1986).
    ``thickness_mae_wall`` leaves out mobile kinds. ``at_4mm`` is how often the displayed thickness falls on the right
    side of 4.0 mm.
    """
    part = measured(rows)
    who = [row["subject"] for row in part]
    errors = [row["predicted_mm"] - row["true_mm"] for row in part]
    still = [(abs(e), row["subject"]) for e, row in zip(errors, part, strict=True) if row["kind"] != "mobile"]
    plaque = [row for row in rows if row["true_mm"]]
    sides = [row for row in rows if row["true_mm"] is not None and row["predicted_mm"] is not None]
    right = [_above(row["predicted_mm"]) == _above(row["true_mm"]) for row in sides]
    return {
        "thickness_measured": _share(
            [row["predicted_mm"] is not None for row in plaque], [row["subject"] for row in plaque], "clips"
        ),
        "thickness_mae_mm": figure(mean_of([abs(e) for e in errors]), who, unit="clips"),
        "thickness_mae_wall_mm": figure(mean_of([e for e, _ in still]), [s for _, s in still], unit="clips"),
        "thickness_bias_mm": figure(mean_of(errors), who, unit="clips"),
        "thickness_lower_limit_mm": figure(spread_of(errors, -1.96), who, unit="clips"),
        "thickness_upper_limit_mm": figure(spread_of(errors, 1.96), who, unit="clips"),
        "thickness_within_0.5mm": _share([abs(e) <= 0.5 for e in errors], who, "clips"),
        "thickness_within_1mm": _share([abs(e) <= 1.0 for e in errors], who, "clips"),
        "at_4mm_accuracy": _share(right, [row["subject"] for row in sides], "clips"),
    }


def _above(mm: float) -> bool:
    return displayed_mm(mm) >= COMPLEX_MM - 1e-6


def band_of(value: float | None, bands: Sequence[tuple[float, float, str]]) -> str:
    """The name of the band with low <= value < high; empty where there is no value."""
    if value is None:
        return ""
    return next((name for low, high, name in bands if low <= value < high), "")


STRATA: dict[str, Callable[[Row], str]] = {
    "kind of plaque": lambda row: row["kind"],
    "true thickness": lambda row: band_of(row["true_mm"], BANDS_MM) if row["true_mm"] else "",
    "echogenicity": lambda row: band_of(row["echogenicity"], ECHO_BANDS),
    "picture quality": lambda row: band_of(row["quality"], QUALITY_BANDS),
    "family of appearance": lambda row: row["family"],
    "value out of its trained range": lambda row: row["beyond"],
}


def _group(rows: Sequence[Row], studies: Sequence[Row], level_of: Callable[[Row], str]) -> dict[str, dict[str, Figure]]:
    """Per level: coverage, accuracy, plaque Dice and thickness error of the cases on it. Cases of no level are left."""
    order = [name for bands in (BANDS_MM, ECHO_BANDS, QUALITY_BANDS) for *_, name in bands]
    levels = {level_of(row) for row in rows} - {""}
    found: dict[str, dict[str, Figure]] = {}
    for level in sorted(levels, key=lambda name: (order.index(name) if name in order else -1, name)):
        part = [row for row in rows if level_of(row) == level]
        classes = class_figures([s for s in studies if level_of(s) == level])
        thickness = thickness_figures(part)
        found[level] = {
            **{key: classes[key] for key in ("coverage", "accuracy", "accuracy_all", "sensitivity", "specificity")},
            "plaque_dice": mask_figures(part).get("plaque_dice", Figure(None, None, None, 0, 0, "frames")),
            **{key: thickness[key] for key in ("thickness_mae_mm", "thickness_bias_mm")},
        }
    return found


def _reason(rows: Sequence[Row], reason: str) -> dict[str, Figure]:
    """A single reason: share of clips that got a yes or no, and sensitivity and specificity of those."""
    asked = [row for row in rows if reason in row["reasons"] and reason in row["answers"]]
    told = [row for row in asked if row["answers"][reason] != "cannot tell"]
    found = {
        "told": _share(
            [row["answers"][reason] != "cannot tell" for row in asked], [r["subject"] for r in asked], "clips"
        )
    }
    for name, present in (("sensitivity", True), ("specificity", False)):
        part = [row for row in told if row["reasons"][reason] is present]
        right = [(row["answers"][reason] == "yes") is present for row in part]
        found[name] = _share(right, [row["subject"] for row in part], "clips")
    return found


def _roc(answered: Sequence[Row]) -> list[tuple[float, float]]:
    labels = np.asarray([s["class"] for s in answered], dtype=bool)
    scores = np.asarray([s["probability"] for s in answered], dtype=np.float64)
    if labels.all() or not labels.any():
        return []
    points = [(0.0, 0.0)]
    for cut in np.unique(scores)[::-1]:
        called = scores >= cut
        points.append((float(called[~labels].mean()), float(called[labels].mean())))
    return points


def _reliability(answered: Sequence[Row]) -> list[dict[str, float]]:
    """Per bin of equal mass: mean probability, share of class 1 with its Wilson interval, and how many studies."""
    if not answered:
        return []
    scores = np.asarray([s["probability"] for s in answered], dtype=np.float64)
    labels = np.asarray([s["class"] for s in answered], dtype=np.float64)
    bins = metrics.equal_mass_bins(scores.tolist(), BINS)
    found = []
    for number in np.unique(bins):
        here = bins == number
        share, n = float(labels[here].mean()), int(here.sum())
        low, high = wilson(share, n)
        found.append({"probability": float(scores[here].mean()), "share": share, "low": low, "high": high, "n": n})
    return found

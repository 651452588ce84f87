"""One case against its truth: a row of plain values from which all figures are made."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference import metrics
from inference.evaluation.cases import Case, mask_of
from inference.types import ClipResult, FrameResult, NoResult, rle_decode

TOLERANCE_MM = 1.0
REASONS: tuple[str, ...] = ("ulceration", "mobile")
_PLACES = 4


def predicted_mask(frame: FrameResult, size: tuple[int, int], structure: str) -> NDArray[np.bool_]:
    """What the model drew of "plaque", "lumen" or "aorta" on one frame of ``size`` = (rows, columns)."""
    if structure == "plaque":
        return rle_decode(frame.plaque_rle, size)
    if structure == "lumen":
        return rle_decode(frame.lumen_rle, size)
    return rle_decode(frame.plaque_rle, size) | rle_decode(frame.lumen_rle, size) | rle_decode(frame.wall_rle, size)


def _answer(result: ClipResult, reason: str) -> str:
    """What the clip's plaques say together: one yes is a yes, then one "cannot tell" is that; no plaque is a no."""
    answers = {lesion.reasons.get(reason, "cannot tell") for lesion in result.lesions}
    return "yes" if "yes" in answers else "cannot tell" if "cannot tell" in answers else "no"


def row_of(case: Case, result: ClipResult | None, error: str = "") -> dict[str, Any]:
    """One case as a row; ``result`` is None where the predictor refused the clip, and ``error`` says why."""
    truth = case.truth
    row: dict[str, Any] = {
        "case": case.name,
        "subject": case.subject,
        "frames": len(case.frames),
        "kind": truth.kind,
        "family": truth.family,
        "beyond": truth.beyond,
        "class": truth.label,
        "true_mm": truth.thickness_mm,
        "reasons": truth.reasons,
        "ulcer_mm": truth.ulcer_depth_mm,
        "echogenicity": _rounded(truth.echogenicity),
        "quality": _rounded(truth.quality),
        "no_result": str(NoResult.FAILED),
        "no_thickness": str(NoResult.FAILED),
        "error": error,
        "probability": None,
        "predicted": None,
        "predicted_mm": None,
        "rule": None,
        "answers": {},
        "structures": {},
    }
    if result is None:
        row["structures"] = {name: _nothing_drawn(case, name) for name in case.known}
        return row
    row |= {
        "no_result": None if result.no_result is None else str(result.no_result),
        "no_thickness": None if result.no_thickness is None else str(result.no_thickness),
        "probability": _rounded(result.probability_complex, 6),
        "predicted": result.predicted_class,
        "predicted_mm": _rounded(result.max_thickness_mm),
        "rule": result.rule_verdict,
        "flags": list(result.flags),
        "answers": {} if result.no_result is not None else {reason: _answer(result, reason) for reason in REASONS},
        "structures": {name: _structure(case, result, name) for name in case.known},
    }
    return row


def _rounded(value: float | None, places: int = _PLACES) -> float | None:
    return None if value is None else round(float(value), places)


def _nothing_drawn(case: Case, name: str) -> dict[str, Any]:
    present = 0 if case.labels is None else sum(bool(mask_of(frame, name).any()) for frame in case.labels)
    zeros, unknown = [0.0] * present, [None] * present
    return {
        "dice": zeros,
        "iou": zeros,
        "nsd": zeros,
        "hd95": unknown,
        "assd": unknown,
        "absent": len(case.frames) - present,
        "invented": 0,
    }


def _structure(case: Case, result: ClipResult, name: str) -> dict[str, Any]:
    """Overlap and border figures on every frame where the truth holds the structure, and what was drawn elsewhere.

    ``absent`` counts the frames without it, ``invented`` those of them on which the model drew some. Distances are None
    where the model drew nothing, and where the clip has no scale.
    """
    assert case.labels is not None
    found: dict[str, Any] = {"dice": [], "iou": [], "hd95": [], "nsd": [], "assd": [], "absent": 0, "invented": 0}
    size = (result.rows, result.columns)
    for labels, frame in zip(case.labels, result.per_frame, strict=True):
        true, drawn = mask_of(labels, name), predicted_mask(frame, size, name)
        if not true.any():
            found["absent"] += 1
            found["invented"] += int(drawn.any())
            continue
        found["dice"].append(_rounded(metrics.dice(true, drawn)))
        found["iou"].append(_rounded(metrics.iou(true, drawn)))
        if result.spacing_mm is None:
            for key in ("hd95", "nsd", "assd"):
                found[key].append(None)
            continue
        borders = metrics.border_distances(true, drawn, result.spacing_mm)
        found["hd95"].append(_rounded(metrics.hausdorff(borders)))
        found["nsd"].append(_rounded(metrics.surface_dice(borders, TOLERANCE_MM)))
        found["assd"].append(_rounded(metrics.mean_border_distance(borders)))
    return found

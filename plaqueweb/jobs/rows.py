"""From the library's results to rows ready to store: one a study, one a clip, none a frame. Pure, without torch."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import imagecodecs
import numpy as np

from inference.types import REASONS, Answer, ClipResult, LesionResult, NoResult
from plaqueweb.core.models import StoredObject
from plaqueweb.predictions.choices import most_telling
from plaqueweb.predictions.decision import decide, rule_class
from plaqueweb.studies.models import Clip, Region

STRIPS = ("ecg", "depth_ruler")
"""Kinds of region that hold no picture."""
MAX_LESIONS = 24
"""Lesions stored of a clip, the thickest first."""
MAX_FLAGS, FLAG_CHARACTERS = 12, 300
DIGITS = 4

Pair = tuple[Clip, ClipResult]


def clip_row(clip: Clip, result: ClipResult, *, masks: StoredObject) -> dict[str, Any]:
    """Fields of ``ClipPrediction``, but for the prediction that it belongs to."""
    region = region_of(clip, result)
    mm, px = key_thickness(result)
    lesions = thickest_first(result.lesions)
    left_out = len(lesions) - MAX_LESIONS
    more = [f"{left_out} thinner plaques are not listed."] if left_out > 0 else []
    return {
        "clip": clip,
        "region_number": region.number if region else 1,
        "probability": number(result.probability_complex),
        "max_thickness_mm": mm,
        "max_thickness_px": px,
        "max_area_mm2": number(result.max_plaque_area_mm2),
        "max_area_px": result.max_plaque_area_px,
        "key_frame": result.key_frame,
        "gated_frames": result.gated_frames,
        "no_result_reason": reason_of(result),
        "no_thickness": "" if mm is not None else str(result.no_thickness or ""),
        "probability_sd": number(result.probability_sd),
        "thickness_sd_mm": number(result.thickness_sd_mm),
        "area_sd_mm2": number(result.area_sd_mm2),
        "protrusion_mm": number(result.protrusion_mm),
        "area_ratio": number(result.area_ratio),
        "arc_share": number(result.arc_share),
        "ood_score": number(result.ood_score),
        "quality": number(result.quality),
        "flags": flags([*result.flags, *more]),
        "lesions": [lesion_row(lesion) for lesion in lesions[:MAX_LESIONS]],
        "curves": curves(result),
        "masks": masks,
    }


def study_row(results: Sequence[Pair], *, threshold: float, content_hash: str, seconds: float) -> dict[str, Any]:
    """Fields of ``Prediction``, but for job, pipeline and study: what the clips that have a class say together.

    Probability, area, ratio, arc and protrusion are the greatest over these clips; thickness, its uncertainty and
    quality are those of the thickest one. Without any such clip the most telling reason stands.
    """
    seen = [(clip, result) for clip, result in results if has_class(result)]
    best = _best(seen, lambda result: result.probability_complex)
    probability = number(best.probability_complex) if best else None
    thickest = _thickest(seen)
    mm, px = key_thickness(thickest[1]) if thickest else (None, None)
    if mm is None and any(result.spacing_mm is not None for _, result in seen):
        mm = 0.0  # a scale is there and no plaque was found
    region = region_of(*thickest) if thickest else None
    u = number(thickest[1].thickness_sd_mm) if thickest else None
    answers = study_reasons([result for _, result in seen])
    said = {"ulceration": answers.get("ulceration"), "mobile": answers.get("mobile")}
    largest = _best(seen, lambda result: result.max_plaque_area_mm2)
    chord = thickest[1].key_chord if thickest else None
    return {
        "content_hash": content_hash,
        "probability": probability,
        "predicted_class": None if probability is None else int(probability >= threshold),
        "rule_class": rule_class(mm, **said) if seen else None,
        "decision": decide(probability=probability, threshold=threshold, thickness_mm=mm, uncertainty_mm=u, **said),
        "reasons": answers or None,
        "no_result_reason": "" if seen else most_telling(reason_of(result) for _, result in results),
        "no_thickness": _no_thickness(results, seen, mm),
        "thickness_mm": mm,
        "thickness_px": px,
        "thickness_sd_mm": u,
        "probability_sd": number(best.probability_sd) if best else None,
        "area_mm2": number(largest.max_plaque_area_mm2) if largest else None,
        "area_sd_mm2": number(largest.area_sd_mm2) if largest else None,
        "area_px": max((result.max_plaque_area_px for _, result in seen), default=None),
        "protrusion_mm": _greatest(result.protrusion_mm for _, result in seen),
        "area_ratio": _greatest(result.area_ratio for _, result in seen),
        "arc_share": _greatest(result.arc_share for _, result in seen),
        "ood_score": _greatest(result.ood_score for _, result in seen or results),
        "quality": number(thickest[1].quality) if thickest else _greatest(result.quality for _, result in results),
        "flags": flags(flag for _, result in seen for flag in result.flags),
        "key_clip": thickest[0] if thickest else None,
        "key_frame": thickest[1].key_frame if thickest else None,
        "key_region": region.number if region else None,
        "chord": [list(map(float, point)) for point in chord] if chord else None,
        "device": results[0][1].device,
        "engine": results[0][1].engine[:160],
        "outputs": list(results[0][1].outputs),
        "seconds": seconds,
    }


def lesion_row(lesion: LesionResult) -> dict[str, Any]:
    """One lesion as JSON: the fields of ``LesionResult``, frames as runs [first, last], numbers finite or None."""
    named = ("number", "key_frame", "thickness_method", "area_px")
    plain: dict[str, Any] = {name: getattr(lesion, name) for name in named}
    numbers = {
        name: None if (value := number(getattr(lesion, name))) is None else round(value, DIGITS)
        for name in (
            "thickness_mm", "thickness_px", "area_mm2", "extent_mm", "extent_share", "angle", "protrusion_mm",
            "mobility_mm", "mobility_sd_mm", "ulcer_depth_mm", "ulcer_width_mm", "ulcer_sd_mm", "echogenicity_db",
            "calcified_share", "shadow_share",
        )
    }  # fmt: skip
    chord = [[round(float(x), 2), round(float(y), 2)] for x, y in lesion.chord] if lesion.chord else None
    others = {
        "chord": chord,
        "frames": runs(lesion.frames),
        "mobility_frames": runs(lesion.mobility_frames),
        "reasons": {name: lesion.reasons[name] for name in REASONS if name in lesion.reasons},
    }
    return plain | numbers | others


def study_reasons(results: Iterable[ClipResult]) -> dict[str, Answer]:
    """Each question of the label rule over all lesions: yes if any says so, else "cannot tell" if any does, else no.

    A question that no lesion answers is left out: unknown is not "no".
    """
    lesions = [lesion for result in results for lesion in result.lesions]
    found: dict[str, Answer] = {}
    for name in REASONS:
        answers = {lesion.reasons[name] for lesion in lesions if name in lesion.reasons}
        if answers:
            found[name] = "yes" if "yes" in answers else "cannot tell" if "cannot tell" in answers else "no"
    return found


def has_class(result: ClipResult) -> bool:
    """Whether a clip has a class."""
    return result.no_result is None and number(result.probability_complex) is not None


def reason_of(result: ClipResult) -> str:
    """Why a clip has no class, "" where it has one. A probability that is missing without a reason is a failure."""
    return "" if has_class(result) else str(result.no_result or NoResult.FAILED)


def region_of(clip: Clip, result: ClipResult) -> Region | None:
    """The stored region that was read."""
    if result.region is None:
        return None
    return next((r for r in clip.regions.all() if r.number == result.region.number and r.kind not in STRIPS), None)


def key_thickness(result: ClipResult) -> tuple[float | None, float | None]:
    """Thickness at the clip's key frame in mm and in pixels."""
    frame = next((f for f in result.per_frame if f.frame == result.key_frame), None)
    return number(result.max_thickness_mm), None if frame is None else number(frame.max_thickness_px)


def curves(result: ClipResult) -> bytes:
    """Probability, area px, area mm² or NaN, thickness mm or NaN: float32 (4, frames)."""
    frames = result.per_frame
    rows = [
        [f.probability_complex for f in frames],
        [f.plaque_area_px for f in frames],
        [np.nan if f.plaque_area_mm2 is None else f.plaque_area_mm2 for f in frames],
        [np.nan if f.max_thickness_mm is None else f.max_thickness_mm for f in frames],
    ]
    return np.array(rows, dtype=np.float32).tobytes()


def packed_masks(result: ClipResult) -> bytes:
    """The masks of every frame as gzipped JSON of run lengths; equal masks give equal bytes."""
    masks = {
        "size": [result.rows, result.columns],
        "frames": {
            str(f.frame): {"plaque": f.plaque_rle, "lumen": f.lumen_rle, "wall": f.wall_rle} for f in result.per_frame
        },
    }
    return bytes(imagecodecs.gzip_encode(json.dumps(masks, separators=(",", ":")).encode(), level=6))


def number(value: float | None) -> float | None:
    """A finite number to store, or None: a column of numbers and JSON know neither NaN nor infinity."""
    return float(value) if value is not None and math.isfinite(value) else None


def runs(frames: Iterable[int]) -> list[list[int]]:
    """Frame numbers as runs [first, last], so that a lesion of a long clip stays small."""
    out: list[list[int]] = []
    for frame in sorted(frames):
        if out and frame <= out[-1][1] + 1:
            out[-1][1] = frame
        else:
            out.append([frame, frame])
    return out


def flags(texts: Iterable[str]) -> list[str]:
    """Warnings in their order, each once."""
    return [text[:FLAG_CHARACTERS] for text in dict.fromkeys(texts)][:MAX_FLAGS]


def thickest_first(lesions: Iterable[LesionResult]) -> list[LesionResult]:
    """Lesions by thickness, then area, the greatest first."""

    def size(lesion: LesionResult) -> tuple[float, float, int]:
        return (lesion.thickness_mm or 0.0, lesion.thickness_px or 0.0, lesion.area_px)

    return sorted(lesions, key=size, reverse=True)


def _thickest(seen: Sequence[Pair]) -> Pair | None:
    measured = [pair for pair in seen if pair[1].key_frame is not None]
    return max(measured, key=lambda p: (p[1].max_thickness_mm or 0.0, key_thickness(p[1])[1] or 0.0), default=None)


def _best(seen: Sequence[Pair], value: Callable[[ClipResult], float | None]) -> ClipResult | None:
    known = [(found, result) for _, result in seen if (found := number(value(result))) is not None]
    return max(known, key=lambda pair: pair[0], default=(None, None))[1]


def _greatest(values: Iterable[float | None]) -> float | None:
    return max((found for value in values if (found := number(value)) is not None), default=None)


def _no_thickness(results: Sequence[Pair], seen: Sequence[Pair], mm: float | None) -> str:
    """Why the study has no mm: of the clips with a class if there are any, else why there is no class."""
    if mm is not None:
        return ""
    if not seen:
        return most_telling(reason_of(result) for _, result in results)
    return most_telling(result.no_thickness or NoResult.NO_SCALE for _, result in seen)

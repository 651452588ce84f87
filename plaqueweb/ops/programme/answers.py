"""A drawn programme in the forms that the site takes: a client's read, the library's clip result."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np

from inference.types import ClipResult, FrameResult, LesionResult, NoResult, RegionBox, rle_encode
from plaqueweb.ops.programme.draw import CANNOT_ASSESS, NO_RESULT, Predictions, Programme, Reads
from plaqueweb.ops.programme.geometry import (
    COLUMNS,
    ROWS,
    SPACING_MM,
    Aorta,
    chord,
    lumen_mask,
    plaque_mask,
    share_on,
    wall_mask,
)
from plaqueweb.ops.programme.parameters import FRAMES, QUALITIES, REASONS, SEGMENTS

CONFIDENCES = ("sure", "probable", "unsure")
_SPACE = uuid.UUID("0d6a0f0e-7c83-4d57-9d0d-53c2f4a4b6f1")


def read_body(p: Programme, reads: Reads, row: int, a: Aorta, clip: str) -> dict[str, Any]:
    """Answers, lesions and frames of one read, as a client sends them."""
    study = int(reads.study[row])
    there = not np.isnan(reads.thickness_mm[row])
    body: dict[str, Any] = {"answers": _answers(p, reads, row, there), "lesions": [], "frames": []}
    if int(reads.klass[row]) == CANNOT_ASSESS:
        return body
    frame = int(reads.frame[row])
    if not there:
        body["frames"] = [_empty(clip, frame)]
        return body
    seen = {name: "yes" if found else "no" for name, found in zip(REASONS, reads.reasons[row], strict=True)}
    body["lesions"] = [
        {"number": 1, "segment": SEGMENTS[int(p.studies.segment[study])], "is_index": True, "key_clip": clip,
         "key_frame": frame, "key_region": 1, **seen},
    ]  # fmt: skip
    beside = frame + (1 if frame < FRAMES else -1)
    body["frames"] = [_painted(p, reads, row, a, clip, number, frame) for number in sorted({frame, beside})]
    return body


def _answers(p: Programme, reads: Reads, row: int, there: bool) -> dict[str, Any]:
    study, klass = int(reads.study[row]), int(reads.klass[row])
    segment = SEGMENTS[int(p.studies.segment[study])]
    unseen = {"visibility": "not", "plaque": None}
    quality = int(reads.quality[row])
    seen = {
        "visibility": "partly" if klass == CANNOT_ASSESS else ("well", "partly", "partly")[quality],
        "plaque": "unclear" if klass == CANNOT_ASSESS else "present" if there else "none",
    }
    return {
        "reader_class": klass, "quality": QUALITIES[quality], "confidence": CONFIDENCES[int(reads.confidence[row])],
        "note": "", "findings": {name: seen if name == segment else unseen for name in SEGMENTS},
    }  # fmt: skip


def _empty(clip: str, frame: int) -> dict[str, Any]:
    return {"clip": clip, "frame": frame, "region": 1, "extent": "no_plaque", "calipers": [], "masks": {}}


def _painted(p: Programme, reads: Reads, row: int, a: Aorta, clip: str, number: int, key: int) -> dict[str, Any]:
    """One outlined frame: as thick as the reader believes on the key frame, in proportion elsewhere."""
    study = int(reads.study[row])
    peak, angle = int(p.studies.peak[study]), float(p.studies.angle[study] + reads.turn[row])
    believed = float(reads.thickness_mm[row])
    here = believed * share_on(number, peak) / share_on(key, peak)
    mask = plaque_mask(a, here, angle, float(reads.half_extent[row]))
    if not mask.any():
        return _empty(clip, number)
    calipers = []
    if number == key:
        points = [list(point) for point in chord(a, believed, angle)]
        name = f"{p.parameters.digest()}/{study}/{clip}/{believed!r}"
        calipers = [{"id": str(uuid.uuid5(_SPACE, name)), "kind": "thickness", "lesion": 1, "points": points}]
    return {
        "clip": clip, "frame": number, "region": 1, "extent": "all_marked", "calipers": calipers,
        "masks": {"1": {"size": [ROWS, COLUMNS], "rle": [int(run) for run in rle_encode(mask)]}},
    }  # fmt: skip


def clip_result(p: Programme, said: Predictions, study: int, a: Aorta) -> ClipResult:
    """What a pipeline says of a study's one clip, as the library would put it; masks on every frame."""
    s = p.studies
    without = NO_RESULT[int(said.no_result[study])]
    mm = 0.0 if without else float(said.thickness_mm[study])
    peak, key = int(s.peak[study]), int(said.frame[study])
    angle = float(s.angle[study] + said.turn[study])
    probability = None if without else float(said.probability[study])
    scaled = bool(s.scaled[study])
    frames = [
        _frame(a, mm * share_on(n, peak) / share_on(key, peak), angle, float(said.half_extent[study]), n, probability,
               peak, scaled)
        for n in range(1, FRAMES + 1)
    ]  # fmt: skip
    found = mm > 0
    at_key = frames[key - 1]
    thickness = None if without or not scaled else mm
    return ClipResult(
        frames=FRAMES, rows=ROWS, columns=COLUMNS, region=_box(scaled),
        spacing_mm=(SPACING_MM, SPACING_MM) if scaled else None, probability_complex=probability,
        predicted_class=None if without else int(said.klass[study]), rule_verdict=None,
        max_thickness_mm=thickness, key_frame=key if found else None,
        key_chord=chord(a, mm, angle) if found else None, thickness_method="simulated",
        max_plaque_area_mm2=at_key.plaque_area_mm2 if found else (0.0 if thickness is not None else None),
        max_plaque_area_px=at_key.plaque_area_px, reason="", per_frame=frames, device="none: simulated",
        no_result=NoResult(without) if without else None,
        no_thickness=NoResult(without) if without else None if scaled else NoResult.NO_SCALE,
        lesions=(_lesion(p, said, study, at_key, thickness, angle),) if found else (), gated_frames=FRAMES,
        quality=(0.9, 0.6, 0.3)[int(s.quality[study])],
        ood_score=(0.2, 0.5, 0.9)[int(s.quality[study])], engine="simulated", outputs=(),
    )  # fmt: skip


def _box(scaled: bool) -> RegionBox:
    mm = SPACING_MM if scaled else None
    return RegionBox(
        number=1, x0=0, y0=0, x1=COLUMNS - 1, y1=ROWS - 1, row_mm=mm, col_mm=mm,
        source="us_region" if scaled else "none", valid=scaled, reason="", view="SAX",
    )  # fmt: skip


def _frame(
    a: Aorta, mm: float, angle: float, half: float, number: int, probability: float | None, peak: int, scaled: bool
) -> FrameResult:
    plaque = plaque_mask(a, mm, angle, half)
    lumen = lumen_mask(a, plaque)
    area = int(plaque.sum())
    return FrameResult(
        frame=number, probability_complex=(probability or 0.0) * share_on(number, peak), plaque_area_px=area,
        plaque_area_mm2=area * SPACING_MM**2 if scaled else None, max_thickness_mm=mm if scaled else None,
        max_thickness_px=mm / SPACING_MM, lumen_area_px=int(lumen.sum()), plaque_rle=rle_encode(plaque),
        lumen_rle=rle_encode(lumen), wall_rle=rle_encode(wall_mask(a, plaque)),
        chord=chord(a, mm, angle) if area else None, thickness_method="simulated",
    )  # fmt: skip


def _lesion(
    p: Programme, said: Predictions, study: int, at_key: FrameResult, mm: float | None, angle: float
) -> LesionResult:
    answers = {name: "yes" if seen else "no" for name, seen in zip(REASONS, said.reasons[study], strict=True)}
    return LesionResult(
        number=1, key_frame=at_key.frame, frames=tuple(range(1, FRAMES + 1)), thickness_mm=mm,
        thickness_px=at_key.max_thickness_px, thickness_method="simulated", chord=at_key.chord,
        area_mm2=at_key.plaque_area_mm2, area_px=at_key.plaque_area_px, angle=angle % (2 * np.pi),
        reasons=answers,  # type: ignore[arg-type]
    )  # fmt: skip

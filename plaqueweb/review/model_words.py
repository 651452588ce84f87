"""What the model says besides the numbers that a reader gives too: lesions with reasons, warnings, why no result.

Everything is words ready to show, made from rows that the comparison was opened with, so it passes the same gate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from inference.types import REASONS
from plaqueweb.predictions.choices import NoResultReason, what_to_do
from plaqueweb.predictions.models import ClipPrediction, Prediction
from plaqueweb.review import words
from plaqueweb.review.sides import ModelSide

Stored = Mapping[str, Any]


def model_words(side: ModelSide) -> dict[str, Any]:
    """Return what a model's column says of itself."""
    row = side.prediction
    return {
        "pipeline": row.pipeline.name,
        "decision": str(row.get_decision_display()),
        "no_result": reason_words(row.no_result_reason) if row.predicted_class is None else None,
        "no_thickness": reason_words(row.no_thickness) if row.predicted_class is not None else None,
        "flags": list(row.flags or []),
        "clips": _clips_without_result(side),
        "lesions": lesions(side),
        "details": [{"label": label, "value": value} for label, value in _details(side, row)],
    }


def reason_words(reason: str) -> dict[str, str] | None:
    """A reason with what to do about it; None for "", the key itself stands for one that nobody knows any more."""
    if not reason:
        return None
    known = reason in NoResultReason.values
    return {
        "reason": reason,
        "words": str(NoResultReason(reason).label) if known else reason,
        "what_to_do": what_to_do(reason),
    }


def _clips_without_result(c: ModelSide) -> list[dict[str, Any]]:
    """Clips that have no class while the study may have one."""
    return [
        {"clip": str(part.clip_id), "number": number, **(reason_words(part.no_result_reason) or {})}
        for part in c.parts
        if part.no_result_reason and (number := _number(c, part)) is not None
    ]


def _number(c: ModelSide, part: ClipPrediction) -> int | None:
    clip = c.clip(part.clip_id)
    return clip.number if clip is not None else None


def lesions(c: ModelSide) -> list[dict[str, Any]]:
    """The model's lesions over all clips, the thickest first."""
    found = [(part, lesion) for part in c.parts for lesion in part.lesions or []]
    found.sort(key=lambda pair: (pair[1].get("thickness_mm") or 0.0, pair[1].get("area_px") or 0), reverse=True)
    return [_lesion(c, part, lesion) for part, lesion in found]


def _lesion(c: ModelSide, part: ClipPrediction, lesion: Stored) -> dict[str, Any]:
    number = _number(c, part)
    at = {"number": lesion.get("number"), "clip": number}
    said = lesion.get("reasons") or {}
    several = number is not None and len(c.clips) > 1
    return {
        "clip": str(part.clip_id),
        "key_frame": lesion.get("key_frame"),
        "region": part.region_number,
        "name": _("Lesion %(number)s, clip %(clip)s") % at if several else _("Lesion %(number)s") % at,
        "thickness": words.length(lesion.get("thickness_mm"), lesion.get("thickness_px")),
        "area": words.area(lesion.get("area_px"), lesion.get("area_mm2")),
        "reasons": [
            {"key": key, "label": words.reason_label(key), "answer": said.get(key)}
            | {"words": words.answer_words(said.get(key)), "ground": ground(key, lesion)}
            for key in (REASONS if said else ())
        ],
        "more": ", ".join(_more(lesion)),
    }


def ground(reason: str, lesion: Stored) -> str:
    """The measurement behind an answer: "2.1 ± 0.3 mm deep, 3.0 mm wide"; "" where nothing shows."""
    if reason == "ulceration" and round(lesion.get("ulcer_depth_mm") or 0.0, 1) > 0:
        deep = words.length(lesion["ulcer_depth_mm"], None, sd=lesion.get("ulcer_sd_mm"))
        parts = [_("%(length)s deep") % {"length": deep}]
        if lesion.get("ulcer_width_mm") is not None:
            parts.append(_("%(length)s wide") % {"length": words.length(lesion["ulcer_width_mm"], None)})
        return ", ".join(parts)
    if reason == "mobile" and lesion.get("mobility_mm") is not None:
        moves = words.length(lesion["mobility_mm"], None, sd=lesion.get("mobility_sd_mm"))
        text = _("moves %(length)s") % {"length": moves}
        frames = words.frame_runs(lesion.get("mobility_frames") or [])
        return f"{text}, {frames}" if frames else text
    return ""


def _more(lesion: Stored) -> Iterator[str]:
    if lesion.get("extent_mm") is not None:
        yield _("%(length)s along the wall") % {"length": words.length(lesion["extent_mm"], None)}
    protrusion, thickness = lesion.get("protrusion_mm"), lesion.get("thickness_mm")
    if protrusion is not None and (thickness is None or protrusion >= thickness + 0.1):
        yield _("reaches %(length)s into the lumen") % {"length": words.length(protrusion, None)}
    if lesion.get("calcified_share"):
        yield _("%(share)s calcified") % {"share": words.share(lesion["calcified_share"])}
    if lesion.get("shadow_share"):
        yield _("%(share)s of it in shadow") % {"share": words.share(lesion["shadow_share"])}
    if lesion.get("echogenicity_db") is not None:
        value = words.signed(lesion["echogenicity_db"], 1)
        yield _("%(value)s dB against the tissue around") % {"value": value}


def _details(c: ModelSide, row: Prediction) -> Iterator[tuple[str, str]]:
    yield _("Classifier and rule"), str(row.get_decision_display())
    if row.area_mm2 is not None:
        yield _("Largest area"), words.area(None, row.area_mm2, sd=row.area_sd_mm2)
    if row.protrusion_mm is not None:
        yield _("Reaches into the lumen"), words.length(row.protrusion_mm, None)
    if row.area_ratio is not None:
        yield _("Plaque / aorta, largest"), words.share(row.area_ratio)
    if row.arc_share is not None:
        yield _("Share of the circumference"), words.share(row.arc_share)
    if row.quality is not None:
        yield _("Picture quality"), _("%(value)s of 1") % {"value": f"{row.quality:.2f}"}
    if row.ood_score is not None:
        yield _("Distance from the training pictures"), _("score %(value)s") % {"value": f"{row.ood_score:.1f}"}
    used = [(part, clip) for part in c.parts if (clip := c.clip(part.clip_id)) and part.gated_frames is not None]
    if used:
        pair = {"used": sum(part.gated_frames or 0 for part, _clip in used), "of": sum(k.frames for _part, k in used)}
        yield _("Frames used"), _("%(used)d of %(of)d") % pair
    if row.engine or row.device:
        yield _("Run on"), row.engine or row.device
    if row.outputs:
        yield _("Switched on"), ", ".join(str(name) for name in row.outputs)

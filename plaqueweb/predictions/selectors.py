"""Predictions and pipelines as plain dicts, for the API and the pages above."""

from __future__ import annotations

import zipfile
from typing import Any

from plaqueweb.core.storage import open_object
from plaqueweb.predictions.cards import section_payload, sections_of
from plaqueweb.predictions.choices import what_to_do
from plaqueweb.predictions.models import ClipPrediction, Measured, ModelVersion, Pipeline, PipelineState, Prediction


def prediction_payload(prediction: Prediction) -> dict[str, Any]:
    """One prediction with its clips; masks are fetched apart, by ``masks_url``."""
    pipeline = prediction.pipeline
    rows = sorted(prediction.clips.all(), key=lambda row: (row.clip.number, row.region_number))
    return {
        "id": str(prediction.pk),
        "study": str(prediction.study_id),
        "pipeline": pipeline.name,
        "pipeline_id": str(prediction.pipeline_id),
        "content_no": prediction.content_no,
        "predicted_class": prediction.predicted_class,
        "rule_class": prediction.rule_class,
        "probability": prediction.probability,
        "threshold": pipeline.threshold,
        "decision": prediction.decision,
        "decision_words": str(prediction.get_decision_display()),
        "thickness_mm": prediction.thickness_mm,
        "thickness_px": prediction.thickness_px,
        "area_mm2": prediction.area_mm2,
        "area_px": prediction.area_px,
        "key_clip": str(prediction.key_clip_id) if prediction.key_clip_id else None,
        "key_frame": prediction.key_frame,
        "key_region": prediction.key_region,
        "chord": prediction.chord,
        "reasons": prediction.reasons or {},
        **measured_payload(prediction),
        "maps": maps_payload(prediction),
        "synthetic_only": is_synthetic_only(pipeline.classifier) or is_synthetic_only(pipeline.segmenter),
        "device": prediction.device,
        "engine": prediction.engine,
        "outputs": prediction.outputs or [],
        "seconds": prediction.seconds,
        "created_at": prediction.created_at.isoformat(),
        "clips": [clip_prediction_payload(row) for row in rows],
    }


MAPS = ("reconstruction", "error", "activation")
"""What explains the key frame: PNGs of the picture's size, in one stored archive."""


def maps_payload(prediction: Prediction) -> dict[str, str] | None:
    """Addresses of the key frame's maps by name, or None where there are none."""
    if prediction.maps_id is None:
        return None
    return {name: f"/api/v1/predictions/{prediction.pk}/maps/{name}/" for name in MAPS}


def map_png(prediction: Prediction, name: str) -> bytes | None:
    """One map as PNG, or None where there is none of this name."""
    if prediction.maps is None or name not in MAPS:
        return None
    with open_object(prediction.maps) as handle, zipfile.ZipFile(handle) as archive:
        return archive.read(f"{name}.png")


def measured_payload(row: Measured) -> dict[str, Any]:
    """What is said of a study and of a clip alike: why there is no result and what to do, uncertainties, warnings."""
    return {
        "no_result_reason": row.no_result_reason,
        "no_result_words": row.get_no_result_reason_display(),
        "what_to_do": what_to_do(row.no_result_reason),
        "no_thickness": row.no_thickness,
        "no_thickness_words": row.get_no_thickness_display(),
        "probability_sd": row.probability_sd,
        "thickness_sd_mm": row.thickness_sd_mm,
        "area_sd_mm2": row.area_sd_mm2,
        "protrusion_mm": row.protrusion_mm,
        "area_ratio": row.area_ratio,
        "arc_share": row.arc_share,
        "ood_score": row.ood_score,
        "quality": row.quality,
        "flags": row.flags or [],
    }


def clip_prediction_payload(row: ClipPrediction) -> dict[str, Any]:
    """What was found on one clip."""
    return {
        "clip": str(row.clip_id),
        "region": row.region_number,
        "probability": row.probability,
        "max_thickness_mm": row.max_thickness_mm,
        "max_thickness_px": row.max_thickness_px,
        "max_area_mm2": row.max_area_mm2,
        "max_area_px": row.max_area_px,
        "key_frame": row.key_frame,
        "gated_frames": row.gated_frames,
        **measured_payload(row),
        "lesions": row.lesions or [],
        "masks_url": f"/api/v1/predictions/{row.prediction_id}/clips/{row.clip_id}/masks/" if row.masks_id else None,
    }


def is_synthetic_only(version: ModelVersion) -> bool:
    """Tell whether a model's card says that it saw synthetic data only."""
    card = version.card
    words = f"{card.get('intended_use', '')} {card.get('summary', '')}".lower()
    return bool(card.get("synthetic_only")) or "synthetic data only" in words


def model_payload(version: ModelVersion) -> dict[str, Any]:
    """A model version with its card."""
    return {
        "name": version.name,
        "version": version.version,
        "task": version.task,
        "sha256": version.sha256,
        "synthetic_only": is_synthetic_only(version),
        "card": version.card,
    }


def pipeline_payload(pipeline: Pipeline) -> dict[str, Any]:
    """A pipeline with its models."""
    return {
        "id": str(pipeline.pk),
        "name": pipeline.name,
        "state": pipeline.state,
        "state_words": str(PipelineState(pipeline.state).label),
        "hash": pipeline.hash,
        "threshold": pipeline.threshold,
        "temperature": pipeline.temperature,
        "parameters": pipeline.parameters,
        "code_version": pipeline.code_version,
        "activated_at": pipeline.activated_at.isoformat() if pipeline.activated_at else None,
        "classifier": model_payload(pipeline.classifier),
        "segmenter": model_payload(pipeline.segmenter),
        "figures": [section_payload(section) for section in sections_of(pipeline)],
        "created_at": pipeline.created_at.isoformat(),
    }

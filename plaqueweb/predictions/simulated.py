"""Pipelines that are no model: what they say was drawn by a simulation. They are marked so and never activated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import NotAllowed
from plaqueweb.predictions.models import ClipPrediction, ModelTask, ModelVersion, Pipeline, Prediction
from plaqueweb.studies.models import Project

EXTERNAL = "external"
CODE_VERSION = "simulated"
INTENDED_USE = "To show pages full and to test statistics. There are no weights: every answer was drawn at random."


@transaction.atomic
def register_simulated_pipeline(
    *, project: Project, name: str, version: str, threshold: float, traits: Mapping[str, Any]
) -> Pipeline:
    """Register a simulated pipeline, or return the one there is.

    Its two models are external, without a file; their sha256 is that of the stated traits. The card has no metrics,
    so that the pipeline can be neither evaluated nor activated.

    Raises:
        NotAllowed: the project is not marked synthetic.
    """
    if not project.is_synthetic:
        raise NotAllowed(_("Simulated pipelines belong to synthetic projects only."), rule="simulated-project")
    described = {"simulated": True, "name": name, "version": version, "threshold": threshold, "traits": dict(traits)}
    digest = _digest(described)
    found: Pipeline | None = Pipeline.objects.filter(project=project, hash=digest).first()
    if found is not None:
        return found
    models = [_model(name, version, task, described) for task in (ModelTask.CLASSIFY, ModelTask.SEGMENT)]
    pipeline: Pipeline = Pipeline.objects.create(
        project=project, name=f"{name} {version}", classifier=models[0], segmenter=models[1], threshold=threshold,
        parameters={"simulated": described}, code_version=CODE_VERSION, hash=digest,
    )  # fmt: skip
    record_event(actor=None, verb="pipeline.registered", target=pipeline, diff={"hash": digest, "simulated": True})
    return pipeline


@transaction.atomic
def record_simulated_predictions(*, pipeline: Pipeline, rows: Iterable[tuple[Prediction, list[ClipPrediction]]]) -> int:
    """Write predictions of a simulated pipeline; return how many.

    Raises:
        NotAllowed: the pipeline is not a simulated one.
    """
    if "simulated" not in pipeline.parameters:
        raise NotAllowed(_("Only a simulated pipeline can be simulated."), rule="pipeline-is-real")
    pairs = list(rows)
    Prediction.objects.bulk_create([prediction for prediction, _parts in pairs])
    ClipPrediction.objects.bulk_create([part for _prediction, parts in pairs for part in parts])
    record_event(
        actor=None, verb="prediction.simulated", target=pipeline, project_id=pipeline.project_id,
        diff={"predictions": len(pairs)},
    )  # fmt: skip
    return len(pairs)


def _model(name: str, version: str, task: ModelTask, described: dict[str, Any]) -> ModelVersion:
    digest = _digest({**described, "task": task.value})
    card = {
        "name": name, "version": version, "sha256": digest, "intended_use": INTENDED_USE, "simulated": True,
        "training": {"data": "none: the answers are simulated", "traits": described["traits"]}, "metrics": {},
    }  # fmt: skip
    row, _made = ModelVersion.objects.get_or_create(
        sha256=digest,
        defaults={"name": name, "version": version, "task": task, "kind": EXTERNAL, "file_name": "none", "card": card},
    )
    return row


def _digest(described: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(described, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

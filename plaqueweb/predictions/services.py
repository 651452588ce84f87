"""Register pipelines from weights with cards, and move them along their table."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

import inference
from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Capability
from plaqueweb.audit.services import record_event
from plaqueweb.core.errors import Invalid, NotAllowed
from plaqueweb.predictions.models import ModelTask, ModelVersion, Pipeline, PipelineState
from plaqueweb.predictions.states import PIPELINE
from plaqueweb.studies.models import Project

SHIPPED = Path(inference.__file__).parent / "weights"
DESCRIPTION = "pipeline.json"
CARD_NEEDS = ("name", "version", "sha256", "metrics", "training", "intended_use")


def weights_folder() -> Path:
    """Return where weights lie: ``PLAQUEWEB_MODEL_DIR``, else the ones that ship with the package."""
    return Path(os.environ.get("PLAQUEWEB_MODEL_DIR") or SHIPPED)


@transaction.atomic
def register_builtin_pipeline(*, project: Project, by: User | None) -> Pipeline:
    """Register the pipeline that ships with the package; the same one again returns the row there is.

    Raises:
        Invalid: the description, a weights file or a card is missing, or a checksum does not fit.
    """
    folder = weights_folder()
    described = _read_json(folder / DESCRIPTION)
    stated = described.pop("hash", "")
    canonical = json.dumps(described, sort_keys=True, separators=(",", ":"))
    if hashlib.sha256(canonical.encode()).hexdigest() != stated:
        raise Invalid(_("The pipeline description does not fit its checksum."), rule="pipeline-hash")
    found = Pipeline.objects.filter(project=project, hash=stated).first()
    if found is not None:
        return found
    classifier = _version(folder, described["classifier"], described["classifier_sha256"], ModelTask.CLASSIFY)
    segmenter = _version(folder, described["segmenter"], described["segmenter_sha256"], ModelTask.SEGMENT)
    pipeline = Pipeline.objects.create(
        project=project,
        name=described["name"],
        classifier=classifier,
        segmenter=segmenter,
        threshold=described["threshold"],
        temperature=described["temperature"],
        parameters={"preprocessing": described["preprocessing"]},
        code_version=described["code_version"],
        hash=stated,
    )
    record_event(actor=by, verb="pipeline.registered", target=pipeline, diff={"hash": stated})
    return pipeline


@transaction.atomic
def move_pipeline(*, pipeline: Pipeline, event: str, by: User | None) -> Pipeline:
    """Move a pipeline along its table: evaluate, shadow, activate, retire.

    Activating one retires the project's active one in the same transaction, so that there is always at most one.

    Raises:
        NotAllowed: the user may not manage pipelines.
        Invalid: a model has no card with its evaluation (``evaluate`` and ``activate``).
        InvalidTransition: the state does not know the event.
    """
    if by is not None and not by.can(Capability.MANAGE_PIPELINES, pipeline.project_id):
        raise NotAllowed(_("You may not manage pipelines in this project."))
    if event in {"evaluate", "activate"}:
        _need_cards(pipeline)
    PIPELINE.next(Pipeline.objects.get(pk=pipeline.pk).state, event)
    changes: dict[str, Any] = {}
    if event == "activate":
        others = Pipeline.objects.filter(project_id=pipeline.project_id, state=PipelineState.ACTIVE)
        for other in others.exclude(pk=pipeline.pk):
            PIPELINE.apply(Pipeline.objects.all(), pk=other.pk, event="retire")
            record_event(actor=by, verb="pipeline.retire", target=other, diff={"replaced_by": str(pipeline.pk)})
        changes["activated_at"] = Now()
    PIPELINE.apply(Pipeline.objects.all(), pk=pipeline.pk, event=event, **changes)
    record_event(actor=by, verb=f"pipeline.{event}", target=pipeline, diff={"hash": pipeline.hash})
    pipeline.refresh_from_db()
    return pipeline


def activate_pipeline(*, pipeline: Pipeline, by: User | None) -> Pipeline:
    """Make a pipeline the project's active one; a newly registered one counts as evaluated by its card's figures."""
    with transaction.atomic():
        if pipeline.state == PipelineState.REGISTERED:
            pipeline = move_pipeline(pipeline=pipeline, event="evaluate", by=by)
        return move_pipeline(pipeline=pipeline, event="activate", by=by)


def weights_path(version: ModelVersion) -> Path:
    """Return where a model's weights lie; the name in the row is a bare file name.

    Raises:
        Invalid: the row names a path.
    """
    name = version.file_name
    if Path(name).name != name:
        raise Invalid("A weights file is named without folders.", rule="weights-name")
    return weights_folder() / name


def _version(folder: Path, file_name: str, sha256: str, task: ModelTask) -> ModelVersion:
    weights = folder / Path(file_name).name
    card = _read_json(weights.with_suffix(".card.json"))
    if not weights.is_file():
        raise Invalid(_("The weights %(name)s are missing.") % {"name": weights.name}, rule="weights-missing")
    with weights.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if found != sha256 or card.get("sha256") != sha256:
        text = _("The weights %(name)s are not the ones that were recorded: the checksum differs.")
        raise Invalid(text % {"name": weights.name}, rule="weights-sha256")
    row, _made = ModelVersion.objects.get_or_create(
        sha256=sha256,
        defaults={
            "name": card["name"],
            "version": card["version"],
            "task": task,
            "file_name": weights.name,
            "card": card,
        },
    )
    return row


def _need_cards(pipeline: Pipeline) -> None:
    for version in (pipeline.classifier, pipeline.segmenter):
        missing = [key for key in CARD_NEEDS if not version.card.get(key)]
        if missing:
            words = _("%(model)s has no complete model card (missing: %(what)s); it cannot be activated.")
            raise Invalid(words % {"model": str(version), "what": ", ".join(missing)}, rule="pipeline-card")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Invalid(_("%(name)s is missing.") % {"name": path.name}, rule="pipeline-file") from None
    except json.JSONDecodeError:
        raise Invalid(_("%(name)s is no JSON file.") % {"name": path.name}, rule="pipeline-file") from None
    return found

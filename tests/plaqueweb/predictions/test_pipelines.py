"""Pipelines: registered from files with checksums, activated only with cards, one active at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plaqueweb.accounts.roles import Role
from plaqueweb.core.errors import Invalid, InvalidTransition, NotAllowed
from plaqueweb.predictions import services
from plaqueweb.predictions.decision import rule_class
from plaqueweb.predictions.models import Pipeline, PipelineState
from plaqueweb.predictions.states import PIPELINE
from plaqueweb.studies.models import Project
from tests.factories import ModelVersionFactory, PipelineFactory, member
from tests.weights import write_test_pipeline

CARD = {
    "name": "n",
    "version": "1",
    "sha256": "x",
    "metrics": {"auc": 1},
    "training": {"data": "d"},
    "intended_use": "t",
}


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLAQUEWEB_MODEL_DIR", str(tmp_path))
    return write_test_pipeline(tmp_path)


@pytest.mark.django_db
def test_registering_twice_gives_the_same_pipeline(project: Project, weights: Path) -> None:
    first = services.register_builtin_pipeline(project=project, by=None)
    second = services.register_builtin_pipeline(project=project, by=None)

    assert first == second
    assert first.classifier.card["intended_use"].startswith("Tests")


@pytest.mark.django_db
def test_changed_weights_are_refused(project: Project, weights: Path) -> None:
    with (weights / "classifier.safetensors").open("ab") as handle:
        handle.write(b"x")

    with pytest.raises(Invalid) as refused:
        services.register_builtin_pipeline(project=project, by=None)

    assert refused.value.rule == "weights-sha256"
    assert not Pipeline.objects.exists()


@pytest.mark.django_db
def test_an_edited_description_is_refused(project: Project, weights: Path) -> None:
    path = weights / "pipeline.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"threshold": 0.01}))

    with pytest.raises(Invalid) as refused:
        services.register_builtin_pipeline(project=project, by=None)

    assert refused.value.rule == "pipeline-hash"


@pytest.mark.django_db
def test_without_a_complete_card_nothing_is_activated(project: Project) -> None:
    bare = PipelineFactory(project=project, state=PipelineState.REGISTERED)

    with pytest.raises(Invalid) as refused:
        services.activate_pipeline(pipeline=bare, by=None)

    bare.refresh_from_db()
    assert (refused.value.rule, bare.state) == ("pipeline-card", "registered")


@pytest.mark.django_db
def test_activating_one_retires_the_other_and_rolls_back(project: Project) -> None:
    models = {"classifier": ModelVersionFactory(card=CARD), "segmenter": ModelVersionFactory(card=CARD)}
    old = PipelineFactory(project=project, **models)
    new = PipelineFactory(project=project, state=PipelineState.REGISTERED, **models)

    services.activate_pipeline(pipeline=new, by=None)
    old.refresh_from_db()
    assert old.state == PipelineState.RETIRED

    services.activate_pipeline(pipeline=old, by=None)
    assert list(Pipeline.objects.filter(state="active")) == [old]


@pytest.mark.django_db
def test_a_coordinator_may_not_activate(project: Project) -> None:
    pipeline = PipelineFactory(project=project, state=PipelineState.EVALUATED)

    with pytest.raises(NotAllowed):
        services.activate_pipeline(pipeline=pipeline, by=member(project, Role.COORDINATOR))


@pytest.mark.parametrize("state", PIPELINE.states)
@pytest.mark.parametrize("event", PIPELINE.events)
def test_every_pair_of_state_and_event(state: str, event: str) -> None:
    allowed = {
        ("registered", "evaluate"): "evaluated", ("evaluated", "shadow"): "shadow", ("evaluated", "activate"): "active",
        ("shadow", "activate"): "active", ("active", "retire"): "retired", ("shadow", "retire"): "retired",
        ("retired", "activate"): "active",
    }  # fmt: skip
    if (state, event) in allowed:
        assert PIPELINE.next(state, event) == allowed[state, event]
    else:
        with pytest.raises(InvalidTransition):
            PIPELINE.next(state, event)


@pytest.mark.parametrize(("mm", "verdict"), [(None, None), (0.0, 0), (3.94, 0), (3.95, 1), (4.0, 1)])
def test_the_rule_reads_the_displayed_tenth(mm: float | None, verdict: int | None) -> None:
    assert rule_class(mm) == verdict

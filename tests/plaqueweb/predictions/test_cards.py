"""Figures of a pipeline come from its cards, with their intervals, and from nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from plaqueweb.predictions.cards import card_sections, sections_of
from plaqueweb.predictions.models import ModelVersion, Pipeline
from plaqueweb.predictions.selectors import pipeline_payload
from plaqueweb.studies.models import Project
from tests.factories import ModelVersionFactory, PipelineFactory, member

FIGURES: dict[str, Any] = {
    "accuracy": 0.9137, "thickness_bias_mm": -0.214, "auc": 0.9612, "accuracy_by_kind": {"thick": 0.8},
    "intervals": {"accuracy": [0.8651, 0.9502], "thickness_bias_mm": [-0.31, -0.12]},
    "n": {"accuracy": [120, 123, "studies"]}, "data": {"source": "phantom", "seed": 5},
}  # fmt: skip


def version(metrics: Any) -> ModelVersion:
    return ModelVersion(name="m", version="1", card={"metrics": metrics})


def test_a_figure_stands_with_its_interval_and_its_subjects() -> None:
    (section,) = card_sections(version({"unseen_phantom": FIGURES}))

    shown = {one.key: (one.words, one.interval, one.subjects) for one in section.headline}

    assert shown["accuracy"] == ("91.4 %", "86.5 to 95.0 %", 120)
    assert shown["thickness_bias_mm"] == ("−0.21 mm", "−0.31 to −0.12 mm", None)
    assert shown["auc"] == ("0.961", "", None)
    assert section.data == "source phantom, seed 5"


@pytest.mark.parametrize(
    "metrics",
    [
        None,
        "good",
        {},
        {"unseen_phantom": {"accuracy": "0.9", "auc": True, "ece": float("nan")}},
        {"notes": ["a"], "unseen_phantom": {"intervals": {"accuracy": [0.1, 0.2]}}},
    ],
)
def test_what_is_no_figure_is_not_shown(metrics: Any) -> None:
    assert card_sections(version(metrics)) == []


@pytest.mark.parametrize("interval", [None, 0.5, [0.8], [0.8, "0.9"], [0.8, None]])
def test_a_broken_interval_leaves_the_value_without_one(interval: Any) -> None:
    (section,) = card_sections(version({"x": {"accuracy": 0.9, "intervals": {"accuracy": interval}}}))

    assert (section.figures[0].words, section.figures[0].interval) == ("90.0 %", "")


def test_loose_numbers_are_of_the_training() -> None:
    (section,) = card_sections(version({"validation_plaque_dice": 0.8}))

    assert (section.title, section.figures[0].label) == ("While training", "Validation plaque dice")


def test_what_stands_in_both_cards_is_given_once() -> None:
    one, two = version({"unseen_phantom": FIGURES}), version({"unseen_phantom": FIGURES | {"plaque_dice": 0.86}})

    sections = sections_of(Pipeline(classifier=one, segmenter=two))

    assert [section.name for section in sections] == ["unseen_phantom"]
    keys = [figure.key for figure in sections[0].figures]
    assert sorted(keys) == ["accuracy", "auc", "plaque_dice", "thickness_bias_mm"]


@pytest.mark.django_db
def test_page_and_api_give_the_cards_figures(project: Project, client: Client) -> None:
    card = {"summary": "synthetic data only", "metrics": {"unseen_phantom": FIGURES}}
    pipeline = PipelineFactory(project=project, classifier=ModelVersionFactory(card=card))
    client.force_login(member(project, "engineer"))

    page = client.get(reverse("pipelines", args=[project.slug])).content.decode()
    figures = pipeline_payload(pipeline)["figures"][0]["figures"]

    assert "91.4 %" in page
    assert "86.5 to 95.0 %" in page
    assert {"value": 0.9137, "low": 0.8651, "high": 0.9502}.items() <= figures[0].items()

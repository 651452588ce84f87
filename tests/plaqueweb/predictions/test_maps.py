"""What explains a prediction's key frame: stored as one object, shown to whoever may see the prediction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from plaqueweb.core.models import StoredObject
from plaqueweb.core.sweeping import is_linked
from plaqueweb.predictions.models import PipelineState, Prediction
from plaqueweb.predictions.selectors import MAPS, map_png, prediction_payload
from plaqueweb.studies.models import Project
from tests.factories import AssignmentFactory, PredictionFactory, RoundFactory, StudyFactory, maps_of, member

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\nthis one"
Api = Callable[[Any], APIClient]


@pytest.fixture
def prediction(project: Project) -> Prediction:
    row: Prediction = PredictionFactory(study=StudyFactory(subject__project=project), maps=maps_of(project, PNG))
    return row


def test_addresses_of_the_maps_stand_in_the_prediction(prediction: Prediction) -> None:
    found = prediction_payload(prediction)["maps"]

    assert list(found) == list(MAPS)
    assert found["error"] == f"/api/v1/predictions/{prediction.pk}/maps/error/"


def test_a_prediction_without_maps_says_so(project: Project) -> None:
    row = PredictionFactory(study=StudyFactory(subject__project=project))

    assert prediction_payload(row)["maps"] is None
    assert map_png(row, "error") is None


@pytest.mark.parametrize("name", MAPS)
def test_a_map_is_answered_as_it_was_stored(api: Api, project: Project, prediction: Prediction, name: str) -> None:
    answer = api(member(project, "engineer")).get(f"/api/v1/predictions/{prediction.pk}/maps/{name}/")

    assert (answer.status_code, answer["Content-Type"], answer.content) == (200, "image/png", PNG)
    assert "private" in answer["Cache-Control"]


@pytest.mark.parametrize("name", ["masks", "../error", "errors", ""])
def test_no_other_name_is_opened(api: Api, project: Project, prediction: Prediction, name: str) -> None:
    answer = api(member(project, "engineer")).get(f"/api/v1/predictions/{prediction.pk}/maps/{name}/")

    assert answer.status_code == 404
    assert map_png(prediction, name) is None


def test_a_blinded_reader_gets_what_a_prediction_that_never_was_answers(
    api: Api, project: Project, prediction: Prediction
) -> None:
    reader = member(project, "reader", "engineer")
    AssignmentFactory(round=RoundFactory(project=project), study=prediction.study, reader=reader, state="opened")

    answer = api(reader).get(f"/api/v1/predictions/{prediction.pk}/maps/error/")

    assert answer.status_code == 404
    assert PNG not in answer.content


def test_maps_of_a_pipeline_in_shadow_are_shown_to_nobody(api: Api, project: Project, prediction: Prediction) -> None:
    pipeline = prediction.pipeline
    type(pipeline).objects.filter(pk=pipeline.pk).update(state=PipelineState.SHADOW)

    answer = api(member(project, "engineer")).get(f"/api/v1/predictions/{prediction.pk}/maps/error/")

    assert answer.status_code == 404


def test_a_stranger_to_the_project_gets_nothing(api: Api, prediction: Prediction) -> None:
    answer = api(member(StudyFactory().subject.project, "engineer")).get(
        f"/api/v1/predictions/{prediction.pk}/maps/error/"
    )

    assert answer.status_code == 404


def test_maps_that_a_prediction_names_are_not_swept(prediction: Prediction) -> None:
    assert is_linked(StoredObject.objects.get(pk=prediction.maps_id))

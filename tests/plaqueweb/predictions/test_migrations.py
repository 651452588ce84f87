"""Old predictions keep their meaning when reasons become a list, and stay unchangeable, forwards and backwards."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import DatabaseError

from plaqueweb.predictions.models import ClipPrediction, Prediction
from tests.factories import ClipFactory, pipeline_of

pytestmark = pytest.mark.django_db(transaction=True)
APP = "predictions"
BEFORE, AFTER = "0003_explanation_and_uncertainty", "0004_typed_reasons_and_lesions"


def migrate(name: str) -> Any:
    """Bring the app to a migration and return its models as they were then."""
    executor = MigrationExecutor(connection)
    executor.migrate([(APP, name)])
    return executor.loader.project_state([(APP, name)]).apps


@pytest.fixture
def before() -> Iterator[Any]:
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes(APP)[0][1]
    yield migrate(BEFORE)
    migrate(newest)


def stored(apps: Any, reason: str) -> uuid.UUID:
    """A prediction with one clip, written by the tables of that time."""
    clip = ClipFactory()
    row = apps.get_model(APP, "Prediction").objects.create(
        id=uuid.uuid4(), job_id=uuid.uuid4(), pipeline_id=pipeline_of(clip.study.project).pk, study_id=clip.study_id,
        content_no=1, content_hash="h", decision="no_result", no_result_reason=reason,
    )  # fmt: skip
    apps.get_model(APP, "ClipPrediction").objects.create(
        id=uuid.uuid4(), prediction_id=row.pk, clip_id=clip.pk, no_result_reason=reason, curves=b""
    )
    return uuid.UUID(str(row.pk))


def refused(apps: Any, key: uuid.UUID) -> None:
    for model, where in (("Prediction", {"pk": key}), ("ClipPrediction", {"prediction_id": key})):
        with pytest.raises(DatabaseError, match="never changes"), transaction.atomic():
            apps.get_model(APP, model).objects.filter(**where).update(no_result_reason="")


def test_the_one_old_reason_becomes_its_key_and_no_prediction_can_be_changed_before_or_after(before: Any) -> None:
    told, silent = stored(before, "no aorta found"), stored(before, "")

    after = migrate(AFTER)

    for key, reason in ((told, "no aorta"), (silent, "")):
        row = Prediction.objects.get(pk=key)
        assert (row.no_result_reason, row.no_thickness, row.content_hash) == (reason, "", "h")
        assert ClipPrediction.objects.get(prediction=row).no_result_reason == reason
    refused(after, told)
    refused(migrate(BEFORE), told)

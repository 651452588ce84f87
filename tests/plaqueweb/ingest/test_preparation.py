"""Case preparation: what each clip is for, said without sight of any result."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from plaqueweb.ingest.preparation import finish_preparation, prepare_clip
from plaqueweb.ingest.settle import settle_study, touch_study
from plaqueweb.ingest.store import FLAGGED
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.predictions.models import Prediction
from plaqueweb.studies.models import Clip, Project, Study
from tests.factories import AssignmentFactory, ClipFactory, PredictionFactory, StudyFactory, member, pipeline_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def coordinator(project: Project) -> User:
    return member(project, "coordinator")


@pytest.fixture
def study(project: Project) -> Study:
    row = StudyFactory(subject__project=project)
    for number in (1, 2):
        ClipFactory(study=row, number=number)
    touch_study(row.pk)
    Study.objects.filter(pk=row.pk).update(ready_at=timezone.now(), content_no=1)
    row.refresh_from_db()
    return row


def clip_of(study: Study, number: int = 1) -> Clip:
    return Clip.objects.select_related("study").get(study=study, number=number)


def test_segment_and_view_change_nothing_of_what_is_read(study: Study, coordinator: User) -> None:
    clip = prepare_clip(clip=clip_of(study), by=coordinator, changes={"segment": "arch", "view": "LAX"})

    study.refresh_from_db()
    assert (clip.segment, clip.view, clip.use) == ("arch", "LAX", "read")
    assert (study.content_no, study.ready_at is not None) == (1, True)
    assert AuditEvent.objects.get(verb="clip.prepared").diff == {"segment": ["", "arch"], "view": ["unknown", "LAX"]}


def test_a_clip_set_aside_needs_a_reason(study: Study, coordinator: User) -> None:
    with pytest.raises(Invalid) as refused:
        prepare_clip(clip=clip_of(study), by=coordinator, changes={"use": "aside", "use_reason": "  "})

    assert refused.value.rule == "aside-reason"
    assert clip_of(study).use == "read"


def test_a_measurement_drawn_in_is_for_reference_and_can_be_taken_back(study: Study, coordinator: User) -> None:
    flagged = prepare_clip(clip=clip_of(study), by=coordinator, changes={"calipers": True})
    assert (flagged.use, flagged.use_reason) == ("reference", FLAGGED)

    with pytest.raises(Invalid) as refused:
        prepare_clip(clip=clip_of(study), by=coordinator, changes={"use": "read"})
    assert refused.value.rule == "clip-calipers"

    cleared = prepare_clip(clip=clip_of(study), by=coordinator, changes={"calipers": False})
    assert (cleared.use, cleared.use_reason, cleared.calipers) == ("read", "", False)


def test_another_use_is_another_content_with_a_job_of_its_own(study: Study, coordinator: User) -> None:
    pipeline_of(study.project)
    PredictionFactory(study=study, content_no=1, content_hash=study.content_hash)
    before = Prediction.objects.values().get()

    prepare_clip(clip=clip_of(study), by=coordinator, changes={"use": "aside", "use_reason": "Not the aorta"})
    prepare_clip(clip=clip_of(study), by=coordinator, changes={"use": "reference", "use_reason": ""})
    settled = settle_study(study.pk)
    study.refresh_from_db()
    assert (settled, study.content_no, study.ready_at) == (False, 2, None)  # while a person is at it, nothing is queued
    assert not InferenceJob.objects.exists()

    finish_preparation(study=study, by=coordinator)

    study.refresh_from_db()
    assert study.prepared_at is not None
    assert study.ready_at is not None
    assert [job.content_no for job in InferenceJob.objects.all()] == [2]
    assert Prediction.objects.values().get() == before  # it stays, as of the earlier content


def test_a_preparation_left_open_settles_after_a_while(study: Study, coordinator: User) -> None:
    prepare_clip(clip=clip_of(study), by=coordinator, changes={"use": "reference"})
    Study.objects.filter(pk=study.pk).update(preparing_at=timezone.now() - timedelta(minutes=2))

    assert settle_study(study.pk)


def test_the_read_set_of_a_model_is_what_is_to_be_read(study: Study, coordinator: User) -> None:
    prepare_clip(clip=clip_of(study, 2), by=coordinator, changes={"use": "reference"})

    assert [clip.number for clip in Clip.objects.filter(study=study).for_reading()] == [1]


def test_a_study_without_a_clip_to_read_is_not_prepared(study: Study, coordinator: User) -> None:
    for number in (1, 2):
        prepare_clip(clip=clip_of(study, number), by=coordinator, changes={"use": "reference"})

    with pytest.raises(Invalid) as refused:
        finish_preparation(study=study, by=coordinator)
    assert refused.value.rule == "read-set-empty"


def test_only_who_prepares_may_and_only_stored_clips(study: Study, coordinator: User, project: Project) -> None:
    with pytest.raises(NotAllowed):
        prepare_clip(clip=clip_of(study), by=member(project, "reader", "adjudicator"), changes={"segment": "arch"})
    Clip.objects.filter(study=study, number=2).update(state="held")
    with pytest.raises(InvalidTransition):
        prepare_clip(clip=clip_of(study, 2), by=coordinator, changes={"segment": "arch"})


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(study: Study, coordinator: User) -> None:
    mine, theirs = clip_of(study), clip_of(study)
    prepare_clip(clip=theirs, by=coordinator, changes={"segment": "arch"})

    with pytest.raises(Conflict):
        prepare_clip(clip=mine, by=coordinator, changes={"segment": "descending"})
    assert clip_of(study).segment == "arch"


@pytest.mark.parametrize(
    "rubbish",
    [
        {"use": "eaten"},
        {"segment": 7},
        {"view": None},
        {"calipers": "perhaps"},
        {"score": 1},
        {"use_reason": "x" * 201},
    ],
)
def test_rubbish_is_refused_with_its_field(
    study: Study, coordinator: User, api: Callable[[User], APIClient], rubbish: dict[str, Any]
) -> None:
    clip = clip_of(study)

    answer = api(coordinator).patch(f"/api/v1/preparation/{study.pk}/clips/{clip.pk}/", rubbish, format="json")

    assert answer.status_code == 422
    assert next(iter(rubbish)) in answer.content.decode()


def test_the_api_prepares_and_says_it_is_done(
    study: Study, coordinator: User, api: Callable[[User], APIClient]
) -> None:
    clip, client = clip_of(study), api(coordinator)
    url = f"/api/v1/preparation/{study.pk}/clips/{clip.pk}/"

    changed = client.patch(url, {"use": "aside", "use_reason": "Colour Doppler"}, format="json")
    done = client.post(f"/api/v1/preparation/{study.pk}/", {"done": True}, format="json")
    again = client.post(f"/api/v1/preparation/{study.pk}/", {"done": False}, format="json")

    assert (changed.json()["use"], changed.json()["use_reason"]) == ("aside", "Colour Doppler")
    assert done.json()["prepared_at"] is not None
    assert again.json()["prepared_at"] is None
    assert client.get(url).json()["use"] == "aside"


def test_who_does_not_prepare_finds_nothing(
    study: Study, project: Project, api: Callable[[User], APIClient], browser_of: Callable[[User], Client]
) -> None:
    adjudicator = member(project, "adjudicator", "engineer")
    clip = clip_of(study)

    assert browser_of(adjudicator).get(f"/p/{project.slug}/prepare/").status_code == 404
    assert browser_of(adjudicator).get(f"/p/{project.slug}/prepare/{study.pk}/").status_code == 404
    answer = api(adjudicator).patch(f"/api/v1/preparation/{study.pk}/clips/{clip.pk}/", {"use": "read"}, format="json")
    assert answer.status_code == 404


def test_the_page_shows_the_clips_and_no_result(
    study: Study, project: Project, coordinator: User, browser_of: Callable[[User], Client]
) -> None:
    PredictionFactory(study=study, probability=0.918273, thickness_mm=7.654321)

    page = browser_of(coordinator).get(f"/p/{project.slug}/prepare/{study.pk}/").content.decode()
    table = browser_of(coordinator).get(f"/p/{project.slug}/prepare/").content.decode()

    assert str(clip_of(study).pk) in page
    assert study.label in table
    for text in (page, table):
        assert not any(word in text for word in ("0.918273", "7.654321", "probability"))


def test_a_measurement_is_not_shown_to_a_coordinator_who_still_reads_the_study_blind(
    study: Study, project: Project, browser_of: Callable[[User], Client], api: Callable[[User], APIClient]
) -> None:
    both = member(project, "coordinator", "reader")
    Clip.objects.filter(study=study, number=2).update(calipers=True, use="reference")
    clip = clip_of(study, 2)
    assert api(both).get(f"/api/v1/clips/{clip.pk}/frames/1/").status_code == 200
    AssignmentFactory(round__project=project, study=study, reader=both)

    page = browser_of(both).get(f"/p/{project.slug}/prepare/{study.pk}/").content.decode()

    assert api(both).get(f"/api/v1/clips/{clip.pk}/frames/1/").status_code == 404
    assert f"/api/v1/clips/{clip.pk}/" not in page
    assert f"/api/v1/clips/{clip_of(study).pk}/" in page

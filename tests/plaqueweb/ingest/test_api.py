"""The uploads API and the pages around it."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Role
from plaqueweb.ingest.models import Upload, UploadState
from plaqueweb.jobs.models import InferenceJob
from plaqueweb.studies.models import Project
from tests.factories import (
    AssignmentFactory,
    ClipFactory,
    InferenceJobFactory,
    PipelineFactory,
    ProjectFactory,
    RoundFactory,
    StudyFactory,
    member,
)

pytestmark = pytest.mark.django_db
ApiOf = Callable[[User | None], APIClient]


def post(client: APIClient, project: Project, body: bytes = b"x", batch: uuid.UUID | None = None) -> object:
    file = SimpleUploadedFile("Secret^Name.dcm", body)
    fields = {"file": file, "batch": str(batch or uuid.uuid4()), "project": project.slug}
    return client.post("/api/v1/uploads/", fields, format="multipart")


def held(project: Project) -> Upload:
    clip = ClipFactory(study=StudyFactory(subject__project=project, content_no=0, ready_at=None), state="held")
    return Upload.objects.create(
        project=project, batch=uuid.uuid4(), state=UploadState.QUARANTINED, work_state="done", sha256="0" * 64, bytes=5,
        findings=["no-valid-region"], clip=clip, study=clip.study, batch_closed=True,
    )  # fmt: skip


def test_a_sent_file_is_safe_before_the_answer_and_its_name_is_not_kept(project: Project, api: ApiOf) -> None:
    client = api(member(project, Role.COORDINATOR))

    answer = post(client, project)

    assert answer.status_code == 201  # type: ignore[attr-defined]
    upload = Upload.objects.get()
    assert upload.source is not None
    assert "Secret" not in answer.content.decode() + str(upload.__dict__)  # type: ignore[attr-defined]


def test_an_empty_file_is_refused_with_its_rule(project: Project, api: ApiOf) -> None:
    answer = post(api(member(project, Role.COORDINATOR)), project, b"")

    assert (answer.status_code, answer.json()["rule"]) == (422, "intake-02")  # type: ignore[attr-defined]
    assert not Upload.objects.exists()


def test_a_file_is_sent_with_the_site_of_its_study_or_refused_with_the_rule(project: Project, api: ApiOf) -> None:
    client = api(member(project, Role.COORDINATOR))
    for site in ("Site A", "=1"):
        file = SimpleUploadedFile("x.dcm", b"x")
        fields = {"file": file, "batch": str(uuid.uuid4()), "project": project.slug, "site": site}
        answer = client.post("/api/v1/uploads/", fields, format="multipart")

    assert (answer.status_code, answer.json()["rule"]) == (422, "site-label")
    assert list(Upload.objects.values_list("site", flat=True)) == ["Site A"]


def test_a_reader_may_not_send_and_a_stranger_finds_no_project(project: Project, api: ApiOf) -> None:
    reader, stranger = member(project, Role.READER), member(ProjectFactory(), Role.COORDINATOR)

    assert post(api(reader), project).status_code == 403  # type: ignore[attr-defined]
    assert post(api(stranger), project).status_code == 404  # type: ignore[attr-defined]


def test_uploads_of_another_project_do_not_exist(project: Project, api: ApiOf) -> None:
    upload = held(project)
    stranger = api(member(ProjectFactory(), Role.DATA_STEWARD))

    for path in (f"{upload.pk}/", f"{upload.pk}/frames/1/"):
        assert stranger.get(f"/api/v1/uploads/{path}").status_code == 404
    assert stranger.post(f"/api/v1/uploads/{upload.pk}/release/", {"reason": "r"}, format="json").status_code == 404
    assert stranger.post(f"/api/v1/uploads/batches/{upload.batch}/close/").status_code == 404


def test_a_held_clip_is_shown_frame_by_frame_and_released_with_a_reason(project: Project, api: ApiOf) -> None:
    PipelineFactory(project=project)
    upload, client = held(project), api(member(project, Role.DATA_STEWARD))

    assert client.get(f"/api/v1/uploads/{upload.pk}/frames/1/")["Content-Type"] == "image/png"
    assert client.get(f"/api/v1/uploads/{upload.pk}/frames/99/").status_code == 404
    assert client.post(f"/api/v1/uploads/{upload.pk}/release/", {"reason": " "}, format="json").status_code == 422
    answer = client.post(f"/api/v1/uploads/{upload.pk}/release/", {"reason": "no text"}, format="json")

    assert (answer.status_code, answer.json()["state"]) == (200, "stored")
    assert InferenceJob.objects.count() == 1
    again = client.post(f"/api/v1/uploads/{upload.pk}/refuse/", {"reason": "late"}, format="json")
    assert again.status_code == 409


def test_an_unknown_filter_is_refused(project: Project, api: ApiOf) -> None:
    client = api(member(project, Role.COORDINATOR))

    assert client.get("/api/v1/uploads/?owner_id=1").status_code == 400
    assert client.get("/api/v1/uploads/?batch=no-uuid").status_code == 400


def test_the_release_page_decides(project: Project, browser_of: Callable[[User], Client]) -> None:
    upload, client = held(project), browser_of(member(project, Role.DATA_STEWARD))
    url = f"/p/{project.slug}/release/{upload.pk}/"

    assert client.get(url).status_code == 200
    assert client.post(url, {"action": "release", "reason": ""}).status_code == 422
    assert client.post(url, {"action": "refuse", "reason": "a name"}).status_code == 302

    assert "a name" in client.get(url).content.decode()


def test_a_blinded_members_overview_has_no_model_column_and_no_counts(
    project: Project, browser_of: Callable[[User], Client]
) -> None:
    both = member(project, Role.COORDINATOR, Role.READER)
    job = InferenceJobFactory(study=StudyFactory(subject__project=project), work_state="failed", error_code="no-clips")
    ClipFactory(study=job.study)
    open_page = browser_of(both).get(f"/p/{project.slug}/").content.decode()
    AssignmentFactory(round=RoundFactory(project=project), study=job.study, reader=both)

    blind_page = browser_of(both).get(f"/p/{project.slug}/").content.decode()

    assert "Model job" in open_page
    assert "Model job" not in blind_page
    assert "Model queue" not in blind_page
    assert "no readable clip" not in blind_page


def test_a_blinded_reader_finds_no_job_of_the_study(project: Project, api: ApiOf) -> None:
    both = member(project, Role.COORDINATOR, Role.READER)
    job = InferenceJobFactory(study=StudyFactory(subject__project=project))
    AssignmentFactory(round=RoundFactory(project=project), study=job.study, reader=both)

    client = api(both)

    assert client.get("/api/v1/jobs/").json()["results"] == []
    assert client.get(f"/api/v1/jobs/{job.pk}/").status_code == 404
    assert client.post("/api/v1/jobs/", {"study": str(job.study_id)}, format="json").status_code == 404


def test_the_studies_table_asks_the_same_number_of_queries_for_many_rows(
    project: Project, browser_of: Callable[[User], Client], django_assert_max_num_queries: Callable[..., object]
) -> None:
    client = browser_of(member(project, Role.COORDINATOR))
    for _ in range(18):
        ClipFactory(study=StudyFactory(subject__project=project))

    with django_assert_max_num_queries(40):  # type: ignore[attr-defined]
        assert client.get(f"/p/{project.slug}/").status_code == 200

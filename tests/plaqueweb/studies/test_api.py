"""Clips frame by frame, lists with allowed filters, frozen case lists."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Conflict, Invalid, InvalidTransition
from plaqueweb.core.storage import read_all
from plaqueweb.studies import services
from plaqueweb.studies.models import CaseListItem, Project
from plaqueweb.studies.selectors import clip_summaries, clips_by_study, scale_words
from tests.factories import ClipFactory, StudyFactory, SubjectFactory, UserFactory, member

pytestmark = pytest.mark.django_db
Api = Callable[[Any], APIClient]


def test_the_bundle_and_its_frames_are_the_same_bytes(api: Api) -> None:
    clip = ClipFactory()
    client = api(member(clip.study.project, "coordinator"))
    shown = client.get(f"/api/v1/clips/{clip.pk}/").json()

    bundle = b"".join(client.get(shown["cine_url"]).streaming_content)  # type: ignore[arg-type]
    third = client.get(shown["frame_url"].replace("{n}", "3"))

    at = 8
    for _n in range(2):
        at += 4 + struct.unpack_from("<I", bundle, at)[0]
    length = struct.unpack_from("<I", bundle, at)[0]
    assert bundle[:8] == b"CINE" + struct.pack("<I", 4)
    assert bundle == read_all(clip.cine)
    assert third.content == bundle[at + 4 : at + 4 + length]
    assert third["Content-Type"] == "image/png"


def test_pixels_are_kept_by_the_browser_alone_and_for_good(api: Api) -> None:
    clip = ClipFactory()
    client = api(member(clip.study.project, "coordinator"))

    for url in (f"/api/v1/clips/{clip.pk}/cine/", f"/api/v1/clips/{clip.pk}/frames/1/"):
        first = client.get(url)
        again = client.get(url, HTTP_IF_NONE_MATCH=first["ETag"])

        assert first["Cache-Control"] == "private, max-age=31536000, immutable"
        assert again.status_code == 304


@pytest.mark.parametrize("number", ["0", "5", "999999"])
def test_a_frame_that_is_not_there_is_not_found(api: Api, number: str) -> None:
    clip = ClipFactory()

    answer = api(member(clip.study.project, "coordinator")).get(f"/api/v1/clips/{clip.pk}/frames/{number}/")

    assert (answer.status_code, answer.json()["rule"]) == (404, "frame-number")


def test_pixels_of_a_held_clip_come_by_the_release_queue_only(api: Api) -> None:
    clip = ClipFactory(state="held")
    client = api(member(clip.study.project, "coordinator"))

    assert client.get(f"/api/v1/clips/{clip.pk}/cine/").status_code == 404
    assert client.get(f"/api/v1/clips/{clip.pk}/frames/1/").status_code == 404


@pytest.mark.parametrize("path", ["projects", "subjects", "studies"])
def test_lists_show_ones_own_projects_only(api: Api, path: str) -> None:
    study, _foreign = StudyFactory(), StudyFactory()
    client = api(member(study.project, "coordinator"))

    assert len(client.get(f"/api/v1/{path}/").json()["results"]) == 1
    assert api(UserFactory()).get(f"/api/v1/{path}/").json()["results"] == []


@pytest.mark.parametrize("query", ["signed=1", "ordering=-content_no", "project__slug=x", "clips__state=held"])
def test_only_allowed_filters_are_known(api: Api, query: str) -> None:
    study = StudyFactory()

    answer = api(member(study.project, "coordinator")).get(f"/api/v1/studies/?{query}")

    assert (answer.status_code, answer.json()["rule"]) == (400, "unknown-parameter")


def test_a_study_comes_with_its_stored_clips(api: Api) -> None:
    study = StudyFactory()
    stored = ClipFactory(study=study)
    ClipFactory(study=study, state="held")

    body = api(member(study.project, "coordinator")).get(f"/api/v1/studies/{study.pk}/").json()

    assert [clip["id"] for clip in body["clips"]] == [str(stored.pk)]
    assert body["clips"][0]["regions"][0]["row_mm"] == 0.5


@pytest.mark.parametrize(
    "region, words",
    [
        ({}, "in file"),
        ({"region__source": "manual"}, "set by hand"),
        ({"region__source": "none", "region__row_mm": None, "region__col_mm": None}, "no scale"),
        ({"region": False}, "no scale"),
    ],
)
def test_a_study_says_where_its_millimetres_come_from(region: dict[str, Any], words: str) -> None:
    clip = ClipFactory(**region)

    summary = clip_summaries([clip.study_id])[clip.study_id]

    assert (summary.clips, summary.scale) == (1, words)
    assert scale_words(clips_by_study([clip.study_id])[clip.study_id]) == words


# --- projects, protocols, case lists ---


def test_a_project_begins_with_a_protocol_and_its_maker_as_coordinator() -> None:
    user = UserFactory()

    project = services.create_project(slug="aorta", name="Aorta TEE", by=user)

    assert project.protocols.get().label_rule["thickness_mm"] == 4.0
    assert user.roles_in(project.pk) == ["coordinator", "administrator"]
    assert AuditEvent.objects.filter(verb="project.created").count() == 1


@pytest.mark.parametrize("slug", ["", "Aorta", "a b", "../x"])
def test_a_short_name_is_a_slug(slug: str) -> None:
    with pytest.raises(Invalid):
        services.create_project(slug=slug, name="x", by=None)


def test_a_short_name_is_taken_once(project: Project) -> None:
    with pytest.raises(Conflict):
        services.create_project(slug=project.slug, name="x", by=None)


@pytest.mark.parametrize(
    "given",
    [
        {"label_rule": {"thickness_mm": 0}},
        {"label_rule": {"thickness_mm": True}},
        {"label_rule": {"reasons": ["colour"]}},
        {"label_rule": {"version": " "}},
        {"segments": ["abdominal"]},
        {"segments": []},
        {"required": ["everything"]},
    ],
)
def test_a_protocol_against_a_rule_is_refused(project: Project, given: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        services.create_protocol(project=project, by=None, **given)


def test_a_frozen_list_is_hashed_and_takes_no_more(project: Project) -> None:
    studies = [StudyFactory(subject=SubjectFactory(project=project)) for _ in range(3)]
    first = services.create_case_list(project=project, name="a", purpose="test", studies=studies, by=None)
    second = services.create_case_list(project=project, name="b", purpose="test", studies=studies[::-1], by=None)

    digests = [services.freeze_case_list(case_list=row, by=None) for row in (first, second)]

    assert digests[0] == digests[1]
    with pytest.raises(InvalidTransition):
        services.add_to_case_list(case_list=first, studies=studies, by=None)
    with pytest.raises(InvalidTransition):
        services.freeze_case_list(case_list=first, by=None)


def test_the_hash_knows_the_content(project: Project) -> None:
    study = StudyFactory(subject=SubjectFactory(project=project))
    first = services.create_case_list(project=project, name="a", purpose="test", studies=[study], by=None)
    second = services.create_case_list(project=project, name="b", purpose="test", studies=[study], by=None)
    CaseListItem.objects.filter(case_list=second).update(content_no=2)

    assert services.freeze_case_list(case_list=first, by=None) != services.freeze_case_list(case_list=second, by=None)


def test_a_subject_has_one_purpose(project: Project) -> None:
    subject = SubjectFactory(project=project)
    services.create_case_list(
        project=project, name="a", purpose="train", studies=[StudyFactory(subject=subject)], by=None
    )

    with pytest.raises(Invalid) as caught:
        services.create_case_list(
            project=project, name="b", purpose="test", studies=[StudyFactory(subject=subject)], by=None
        )

    assert caught.value.rule == "subject-one-purpose"


@pytest.mark.parametrize("foreign, empty", [(True, False), (False, True)])
def test_only_readable_studies_of_the_project_are_listed(project: Project, foreign: bool, empty: bool) -> None:
    study = StudyFactory(
        content_no=0 if empty else 1, **({} if foreign else {"subject": SubjectFactory(project=project)})
    )

    with pytest.raises(Invalid):
        services.create_case_list(project=project, name="a", purpose="test", studies=[study], by=None)


def test_an_empty_list_cannot_be_frozen(project: Project) -> None:
    row = services.create_case_list(project=project, name="a", purpose="test", studies=[], by=None)

    with pytest.raises(Invalid):
        services.freeze_case_list(case_list=row, by=None)


def test_a_disclosure_is_written_once(project: Project) -> None:
    study, user = StudyFactory(subject=SubjectFactory(project=project)), member(project, "reader")

    rows = {services.disclose(user=user, study=study, kind="after_each", round_id=study.pk).pk for _ in range(2)}

    assert len(rows) == 1
    assert AuditEvent.objects.filter(verb="results.disclosed").count() == 1

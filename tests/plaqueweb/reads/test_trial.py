"""A throw-away test read: it answers as a read does, and no row of any table is another one afterwards."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.core.errors import Invalid, NotAllowed
from plaqueweb.reads.trial import DRAWN, try_read
from plaqueweb.studies.models import Clip, Project, Study
from tests.factories import AssignmentFactory, ClipFactory, ProjectFactory, RoundFactory, StudyFactory, member
from tests.plaqueweb.reads.helpers import COMPLETE, caliper, frame, lesion, opened, save
from tests.plaqueweb.studies.test_questions import ECHO

pytestmark = pytest.mark.django_db
FORM: dict[str, Any] = {
    "limit": "5.0", "reasons": ["mobile"], "segments": ["ascending", "arch", "descending"],
    "required": ["findings", "class", "quality", "confidence"], "questions": json.dumps([ECHO]), "scheme": "common_5mm",
}  # fmt: skip


@pytest.fixture
def coordinator(project: Project) -> User:
    return member(project, "coordinator")


@pytest.fixture
def clip(project: Project) -> Clip:
    row: Clip = ClipFactory(study=StudyFactory(subject__project=project))
    return row


def everything() -> dict[str, list[Any]]:
    kept = [model for model in apps.get_models() if model._meta.label != "sessions.Session"]
    return {model._meta.label: sorted(map(repr, model._default_manager.values_list())) for model in kept}


def answered(clip_id: str) -> dict[str, Any]:
    present = COMPLETE["findings"] | {"descending": {"visibility": "well", "plaque": "present"}}
    own = {"number": 1, "segment": "descending", "is_index": True, "key_clip": clip_id, "key_frame": 1, "key_region": 1}
    marks = {
        "clip": clip_id, "frame": 1, "region": 1, "extent": None, "outline": None, "masks": {},
        "calipers": [caliper(10, 5, 10, 16)],
    }  # fmt: skip
    return {
        "save_id": str(uuid4()), "answers": COMPLETE | {"reader_class": 1, "findings": present, "own": {"echo": "low"}},
        "lesions": [own | {"ulceration": "no", "mobile": "no", "thrombus": "no"}], "frames": [marks],
    }  # fmt: skip


def test_nothing_of_it_stays_whatever_is_done(coordinator: User, clip: Clip, project: Project) -> None:
    read = opened_case(project)
    before = everything()
    asked = {"project": project, "by": coordinator, "form": FORM}

    try_read(**asked)
    try_read(**asked, study=clip.study)
    for complete in (False, True):
        try_read(**asked, study=clip.study, body=answered(str(clip.pk)), complete=complete)
    for refused in ({"body": {"save_id": "x"}}, {"complete": True}):
        with pytest.raises(Invalid):
            try_read(**asked, study=clip.study, **refused)

    assert everything() == before
    assert read.state == "draft"


def opened_case(project: Project) -> Any:
    """A read that really is there, so that the comparison of tables is of something."""
    row = AssignmentFactory(round=RoundFactory(project=project))
    ClipFactory(study=row.study)
    return opened(row)


def test_it_is_measured_and_judged_as_a_read_is(coordinator: User, clip: Clip, project: Project) -> None:
    found = try_read(
        project=project, by=coordinator, form=FORM, study=clip.study, body=answered(str(clip.pk)), complete=True
    )

    assert found.read["state"] == "completed"
    assert (found.read["rule_class"], found.read["rule_reason"]) == (1, "5.5 ≥ 5.0 mm")
    own = found.read["lesions"][0]
    assert (own["thickness_mm"], own["thickness_source"], own["grade"]) == (5.5, "caliper", 4)
    assert found.read["answers"]["own"] == {"echo": "low"}
    assert found.protocol["rule"]["thickness_mm"] == 5.0
    assert [row["id"] for row in found.clips] == [str(clip.pk)]


def test_what_is_missing_is_named(coordinator: User, clip: Clip, project: Project) -> None:
    body = answered(str(clip.pk))
    del body["answers"]["own"]

    found = try_read(project=project, by=coordinator, form=FORM, study=clip.study, body=body)
    assert [row["field"] for row in found.read["missing"]] == ["own.echo"]
    with pytest.raises(Invalid) as refused:
        try_read(project=project, by=coordinator, form=FORM, study=clip.study, body=body, complete=True)
    assert refused.value.rule == "read-incomplete"


def test_a_drawn_case_needs_no_study(coordinator: User, project: Project, browser_of: Callable[[User], Client]) -> None:
    found = try_read(project=project, by=coordinator, form=FORM, body=answered(str(DRAWN)))

    assert found.read["lesions"][0]["thickness_mm"] == pytest.approx(11 * 0.3)
    client, url = browser_of(coordinator), f"/p/{project.slug}/protocol/drawn/"
    data = client.get(url).content
    assert (data[:4], struct.unpack("<I", data[4:8])) == (b"CINE", (24,))
    assert client.get(f"{url}?frame=24").content[:2] == b"\xff\xd8"
    assert client.get(f"{url}?frame=25").status_code == 404
    assert not Clip.objects.filter(pk=DRAWN).exists()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"limit": "x"}, "protocol-limit"),
        ({"segments": []}, "protocol-segments"),
        ({"questions": "[1]"}, "questions-shape"),
    ],
)
def test_a_protocol_that_could_not_be_saved_is_refused(
    coordinator: User, project: Project, change: dict[str, Any], rule: str, browser_of: Callable[[User], Client]
) -> None:
    client = browser_of(coordinator)
    before = everything()
    with pytest.raises(Invalid) as refused:
        try_read(project=project, by=coordinator, form=FORM | change)
    assert refused.value.rule == rule
    assert client.post(f"/p/{project.slug}/protocol/test/", FORM | change).status_code == 422
    assert everything() == before


def test_a_study_without_clips_says_so(coordinator: User, project: Project) -> None:
    with pytest.raises(Invalid) as refused:
        try_read(project=project, by=coordinator, form=FORM, study=StudyFactory(subject__project=project))
    assert refused.value.rule == "trial-no-clip"


def test_the_page_and_its_call(
    coordinator: User,
    clip: Clip,
    project: Project,
    browser_of: Callable[[User], Client],
    api: Callable[[User], APIClient],
) -> None:
    page = browser_of(coordinator).post(f"/p/{project.slug}/protocol/test/", FORM | {"study": str(clip.study_id)})
    assert page.status_code == 200
    assert "data-trial" in page.content.decode()
    client = api(coordinator)
    before = everything()
    sent = {"project": project.slug, "form": FORM, "study": str(clip.study_id), "body": answered(str(clip.pk))}
    answer = client.post("/api/v1/protocol-tests/", sent, format="json").json()
    assert answer["read"]["rule_class"] == 1
    drawn = client.post("/api/v1/protocol-tests/", {"project": project.slug, "form": FORM}, format="json")
    assert drawn.json()["clips"][0]["cine_url"] == f"/p/{project.slug}/protocol/drawn/"
    wrong = client.post("/api/v1/protocol-tests/", sent | {"more": 1}, format="json")
    assert wrong.status_code == 422
    assert everything() == before


def test_a_preview_says_what_is_not_right_yet_in_words(
    coordinator: User, clip: Clip, project: Project, api: Callable[[User], APIClient]
) -> None:
    client, before = api(coordinator), everything()
    sent = {"project": project.slug, "form": FORM, "study": str(clip.study_id), "preview": True}

    shown = client.post("/api/v1/protocol-tests/", sent, format="json").json()
    assert (shown["refused"], shown["read"]["state"], len(shown["clips"])) == (None, "draft", 1)
    half = client.post("/api/v1/protocol-tests/", sent | {"form": FORM | {"limit": "x"}}, format="json")
    assert (half.status_code, half.json()["read"]) == (200, None)
    assert "no length in mm" in half.json()["refused"]
    assert client.post("/api/v1/protocol-tests/", sent | {"study": str(uuid4())}, format="json").status_code == 404
    assert everything() == before


def test_only_the_preview_may_stand_in_a_frame_and_only_beside_the_form(
    coordinator: User, project: Project, browser_of: Callable[[User], Client]
) -> None:
    client = browser_of(coordinator)
    shown, form = (client.get(f"/p/{project.slug}/protocol/{name}") for name in ("preview/", ""))

    assert "data-preview" in shown.content.decode()
    assert shown["X-Frame-Options"] == "SAMEORIGIN"
    assert policy(shown)["frame-ancestors"] == policy(form)["frame-src"] == "'self'"
    other = client.get(f"/p/{project.slug}/rounds/")
    for answer in (form, other):
        assert (answer["X-Frame-Options"], policy(answer)["frame-ancestors"]) == ("DENY", "'none'")
    assert policy(shown)["frame-src"] == policy(other)["frame-src"] == "'none'"


def policy(answer: Any) -> dict[str, str]:
    return dict(part.split(maxsplit=1) for part in answer["Content-Security-Policy"].split(";") if part.strip())


def test_the_form_offers_studies_with_a_clip_to_read(
    coordinator: User, clip: Clip, project: Project, browser_of: Callable[[User], Client]
) -> None:
    bare, aside = StudyFactory(subject__project=project), ClipFactory(study__subject__project=project, use="aside")
    words = browser_of(coordinator).get(f"/p/{project.slug}/protocol/").content.decode()

    assert f'value="{clip.study_id}"' in words
    assert f'value="{bare.pk}"' not in words
    assert f'value="{aside.study_id}"' not in words


def test_only_who_makes_rounds_may_and_only_of_own_studies(
    coordinator: User,
    clip: Clip,
    project: Project,
    browser_of: Callable[[User], Client],
    api: Callable[[User], APIClient],
) -> None:
    stranger = member(ProjectFactory(), "coordinator")
    for person in (member(project, "reader"), member(project, "engineer"), stranger):
        assert browser_of(person).post(f"/p/{project.slug}/protocol/test/", FORM).status_code == 404
        for page in ("drawn", "preview"):
            assert browser_of(person).get(f"/p/{project.slug}/protocol/{page}/").status_code == 404
        sent = {"project": project.slug, "form": FORM}
        assert api(person).post("/api/v1/protocol-tests/", sent, format="json").status_code == 404
        with pytest.raises(NotAllowed):
            try_read(project=project, by=person, form=FORM)
    other: Study = StudyFactory()
    sent = {"project": project.slug, "form": FORM, "study": str(other.pk)}
    assert api(coordinator).post("/api/v1/protocol-tests/", sent, format="json").status_code == 404
    with pytest.raises(NotAllowed):
        try_read(project=project, by=coordinator, form=FORM, study=other)


def test_the_same_answers_give_the_same_as_a_real_read(coordinator: User, project: Project) -> None:
    read = opened_case(project)
    clip = Clip.objects.get(study=read.assignment.study)
    own = lesion(key_clip=str(clip.pk), key_frame=1, key_region=1)
    marks = frame(clip, calipers=[caliper(10, 5, 10, 13)])
    bundle = save(read, answers=COMPLETE, lesions=[own], frames=[marks])
    real = (bundle.lesions[0].thickness_mm, bundle.lesions[0].thickness_source)
    body = {"save_id": str(uuid4()), "answers": COMPLETE, "lesions": [own], "frames": [marks]}

    found = try_read(project=project, by=coordinator, form=FORM, study=clip.study, body=body)
    assert (found.read["lesions"][0]["thickness_mm"], found.read["lesions"][0]["thickness_source"]) == real

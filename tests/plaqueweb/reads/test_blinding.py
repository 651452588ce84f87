"""A blinded reader meets nothing of the others: not on pages, not in the API, not by guessing addresses."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.reads.models import Assignment, Read
from tests.factories import AssignmentFactory, member
from tests.plaqueweb.reads.helpers import COMPLETE, caliper, case, complete, frame, lesion, opened, save, sign

pytestmark = pytest.mark.django_db
CANARY = "canary-of-another-reader"
CHANGING = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]*"|Server \d\d:\d\d UTC|"trace_id":"[^"]*"')


@pytest.fixture
def assignment() -> Assignment:
    row, _ = case()
    opened(row)
    return row


def read_by_another(assignment: Assignment) -> Read:
    other = AssignmentFactory(
        round=assignment.round, study=assignment.study, reader=member(assignment.round.project, "reader", name=CANARY)
    )
    clip = assignment.study.clips.get()
    read = opened(other)
    marks = frame(clip, 2, calipers=[caliper(1, 1, 41.7, 1)])
    save(read, answers={**COMPLETE, "reader_class": 1, "note": CANARY}, lesions=[lesion()], frames=[marks])
    complete(read)
    return sign(read)[0]


def urls_of(assignment: Assignment) -> list[str]:
    slug, public_id = assignment.round.project.slug, assignment.public_id
    read = Read.objects.get(assignment=assignment)
    clip = assignment.study.clips.get()
    return [
        f"/p/{slug}/worklist/", f"/read/{public_id}/", "/api/v1/assignments/", f"/api/v1/assignments/{public_id}/",
        "/api/v1/reads/", f"/api/v1/reads/{read.pk}/", "/api/v1/rounds/", f"/api/v1/rounds/{assignment.round_id}/",
        "/api/v1/projects/", "/api/v1/subjects/", "/api/v1/studies/", f"/api/v1/clips/{clip.pk}/",
        f"/api/v1/clips/{clip.pk}/cine/", f"/api/v1/clips/{clip.pk}/frames/1/",
    ]  # fmt: skip


def bodies(client: Client, urls: list[str]) -> dict[str, Any]:
    found = {}
    for url in urls:
        answer = client.get(url)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        found[url] = (answer.status_code, CHANGING.sub(b"", body))
    return found


def test_no_byte_differs_whether_others_have_signed_or_not(
    assignment: Assignment, browser_of: Callable[[User], Client]
) -> None:
    client = browser_of(assignment.reader)
    urls = urls_of(assignment)

    before = bodies(client, urls)
    read_by_another(assignment)
    after = bodies(client, urls)

    assert after == before
    assert {url: status for url, (status, _body) in after.items() if status != 200} == {}
    assert CANARY.encode() not in b"".join(body for _status, body in after.values())


@pytest.mark.parametrize("roles", [("reader",), ("reader", "coordinator"), ("reader", "adjudicator", "engineer")])
def test_others_reads_of_a_study_one_reads_blind_are_not_there(
    assignment: Assignment, api: Callable[[Any], APIClient], roles: tuple[str, ...]
) -> None:
    other = read_by_another(assignment)
    blind = member(assignment.round.project, *roles)
    AssignmentFactory(round=assignment.round, study=assignment.study, reader=blind)
    client = api(blind)

    assert client.get(f"/api/v1/reads/{other.pk}/").status_code == 404
    assert client.get("/api/v1/reads/").json()["results"] == []
    assert client.get(f"/api/v1/assignments/{other.assignment.public_id}/").status_code == 404


def test_one_cannot_write_what_one_may_see(assignment: Assignment, api: Callable[[Any], APIClient]) -> None:
    other = read_by_another(assignment)
    client = api(member(assignment.round.project, "coordinator"))
    url = f"/api/v1/reads/{other.pk}/"

    assert client.get(url).status_code == 200
    assert client.patch(url, {}, format="json", HTTP_IF_MATCH='"1"').status_code == 404
    for act in ("complete", "reopen"):
        assert client.post(f"{url}{act}/", HTTP_IF_MATCH='"1"').status_code == 404
    assert client.post(f"{url}sign/", {"password": "x", "meaning": "authored"}, format="json").status_code == 404


def test_clips_of_a_case_that_was_not_opened_are_not_there(api: Callable[[Any], APIClient]) -> None:
    row, clip = case()
    client = api(row.reader)

    before = client.get(f"/api/v1/clips/{clip.pk}/").status_code
    opened(row)
    after = client.get(f"/api/v1/clips/{clip.pk}/").status_code

    assert (before, after) == (404, 200)


def test_a_withdrawn_case_takes_its_clips_along(assignment: Assignment, api: Callable[[Any], APIClient]) -> None:
    clip = assignment.study.clips.get()
    Assignment.objects.filter(pk=assignment.pk).update(state="withdrawn")

    assert api(assignment.reader).get(f"/api/v1/clips/{clip.pk}/").status_code == 404
    assert api(assignment.reader).get(f"/api/v1/clips/{clip.pk}/frames/1/").status_code == 404


def test_without_a_log_in_there_is_nothing(assignment: Assignment, api: Callable[[Any], APIClient]) -> None:
    client = api(None)

    assert {client.get(url).status_code for url in urls_of(assignment) if url.startswith("/api/")} == {403}

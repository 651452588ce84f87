"""What holds for every address: headers, problem documents, the schema, the front door."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.studies.models import Project
from tests.factories import UserFactory, member

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/login/", "/", "/nowhere/", "/api/v1/me/", "/api/v1/nowhere/", "/api/schema/"])
def test_every_answer_is_strict_and_says_what_the_site_is_for(client: Client, path: str) -> None:
    answer = client.get(path)

    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Intended-Use"] == "research"
    assert answer["X-Trace-Id"]
    assert "no-store" in answer["Cache-Control"]


def test_the_log_in_page_says_research_use_only(client: Client) -> None:
    assert "Research use only. Not for diagnosis." in client.get("/login/").content.decode()


def test_an_unknown_api_address_is_a_problem_document(client: Client) -> None:
    answer = client.get("/api/v1/nowhere/")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["rule"] == "not-found"


def test_an_unknown_page_is_a_page(client: Client) -> None:
    answer = client.get("/nowhere/")

    assert answer.status_code == 404
    assert "Nothing here" in answer.content.decode()


def test_the_front_door_leads_readers_to_their_worklist(project: Project, browser_of: Callable[[User], Client]) -> None:
    reader, coordinator = member(project, "reader"), member(project, "coordinator")

    assert browser_of(reader).get("/")["Location"] == f"/p/{project.slug}/worklist/"
    assert browser_of(coordinator).get("/")["Location"] == f"/p/{project.slug}/"


def test_a_user_without_a_project_is_told_whom_to_ask(project: Project, browser_of: Callable[[User], Client]) -> None:
    assert "No project yet" in browser_of(UserFactory()).get("/").content.decode()


@pytest.mark.parametrize("page", ["", "studies/", "release/", "jobs/", "pipelines/", "audit/", "rounds/"])
def test_pages_of_the_coordinator_do_not_exist_for_a_reader(
    project: Project, browser_of: Callable[[User], Client], page: str
) -> None:
    reader, coordinator = member(project, "reader"), member(project, "coordinator")

    assert browser_of(reader).get(f"/p/{project.slug}/{page}").status_code == 404
    assert browser_of(coordinator).get(f"/p/{project.slug}/{page}").status_code == 200


def test_a_malformed_body_is_a_problem_document(project: Project, api: Callable[[User | None], APIClient]) -> None:
    client = api(member(project, "reader"))

    answer = client.generic("POST", "/api/v1/reads/sign/", b"{not json", content_type="application/json")

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_the_schema_is_valid_and_without_warnings(tmp_path: Path) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))

    assert "/api/v1/reads/{id}/complete/" in (tmp_path / "schema.yml").read_text()

"""Starting a project in the browser does what the command does, for administrators only."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from plaqueweb.accounts.models import Membership, User
from plaqueweb.audit.models import AuditEvent
from plaqueweb.predictions.models import Pipeline
from plaqueweb.studies.models import Project, Protocol
from tests.factories import UserFactory, member

pytestmark = pytest.mark.django_db
BrowserOf = Callable[[User], Client]
PAGE = "/projects/new/"
NOBODY = {"email": ["", ""], "person": ["", ""], "role": ["reader", "reader"]}


def form(**more: Any) -> dict[str, Any]:
    return {"name": "Pilot, our hospital", "slug": "pilot", "own": ["coordinator"], "model": "on", **NOBODY, **more}


@pytest.fixture
def administrator(project: Project) -> User:
    return member(project, "administrator", name="Admin")


def test_an_administrator_starts_a_project_as_the_command_does(browser_of: BrowserOf, administrator: User) -> None:
    answer = browser_of(administrator).post(PAGE, form())
    call_command("add_project", "other", "Other")

    pilot, other = Project.objects.get(slug="pilot"), Project.objects.get(slug="other")
    assert (answer.status_code, answer["Location"]) == (302, "/p/pilot/enter/")
    assert User.objects.get(pk=administrator.pk).roles_in(pilot.pk) == ["coordinator", "administrator"]
    for project in (pilot, other):
        assert Pipeline.objects.get(project=project).state == "active"
        assert Protocol.objects.get(project=project).version == 1
    assert AuditEvent.objects.filter(verb="project.created", actor_id=administrator.pk).exists()


def test_first_members_get_passwords_that_are_shown_once(browser_of: BrowserOf, administrator: User) -> None:
    known = UserFactory(email="kim@example.org", name="Dr. H. Kim")
    people = {"email": ["ann@example.org", "kim@example.org"], "person": ["Ann", ""], "role": ["reader", "adjudicator"]}

    page = browser_of(administrator).post(PAGE, form(**people)).content.decode()

    password = re.search(r"<code>([^<]+)</code>", page)
    ann, pilot = User.objects.get(email="ann@example.org"), Project.objects.get(slug="pilot")
    assert password is not None
    assert ann.check_password(password[1])
    assert page.count("<code>") == 1
    assert (ann.roles_in(pilot.pk), known.roles_in(pilot.pk)) == (["reader"], ["adjudicator"])


def test_without_the_model_no_pipeline_is_there(browser_of: BrowserOf, administrator: User) -> None:
    given = form()
    del given["model"]

    browser_of(administrator).post(PAGE, given)

    assert Project.objects.filter(slug="pilot").exists()
    assert not Pipeline.objects.exists()


def test_the_short_name_follows_from_the_name(browser_of: BrowserOf, administrator: User) -> None:
    browser_of(administrator).post(PAGE, form(slug=""))

    assert Project.objects.filter(slug="pilot-our-hospital").exists()


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"name": " "}, 422, "needs a name"),
        ({"slug": "Not a slug"}, 422, "short name"),
        ({"slug": "study"}, 409, "taken"),
        ({"own": ["king"]}, 422, "Unknown role"),
        ({"email": ["", "no address"], "person": ["", "Ann"]}, 422, "Person 2: "),
        ({"email": ["ann@example.org", ""], "person": ["", ""]}, 422, "Person 1: "),
        ({"email": ["ann@example.org"] * 2, "person": ["Ann"] * 2}, 409, "Person 2: "),
    ],
)
def test_a_refusal_stores_nothing_and_loses_nothing(
    browser_of: BrowserOf, administrator: User, change: dict[str, Any], status: int, says: str
) -> None:
    Project.objects.update(slug="study")
    before = Membership.objects.count(), User.objects.count()

    answer = browser_of(administrator).post(PAGE, form(**change))

    page = answer.content.decode()
    assert (answer.status_code, says in page) == (status, True)
    assert all(f'value="{text}"' in page for text in change.get("email", []) if text)
    assert Project.objects.count() == 1
    assert (Membership.objects.count(), User.objects.count()) == before


@pytest.mark.parametrize("roles", [("coordinator", "engineer", "data_steward", "auditor"), ("reader",), ()])
def test_who_administers_nothing_has_no_such_page(
    browser_of: BrowserOf, project: Project, roles: tuple[str, ...]
) -> None:
    client = browser_of(member(project, *roles) if roles else UserFactory())

    assert client.get(PAGE).status_code == client.post(PAGE, form()).status_code == 404
    assert Project.objects.count() == 1


def test_the_first_log_in_without_any_project_leads_there(browser_of: BrowserOf) -> None:
    call_command("add_user", "you@example.org", "--name", "You")
    client = browser_of(User.objects.get())

    there = client.get("/", follow=True)
    client.post(PAGE, form())

    assert there.redirect_chain == [(PAGE, 302)]
    assert "There is no project here yet." in there.content.decode()
    assert User.objects.get().roles_in(Project.objects.get().pk) == ["coordinator", "administrator"]


def test_who_belongs_to_no_project_is_told_whom_to_ask(browser_of: BrowserOf, project: Project) -> None:
    page = browser_of(UserFactory()).get("/")

    assert page.status_code == 200
    assert "No project yet" in page.content.decode()


def test_the_menu_of_projects_leads_there_for_administrators(browser_of: BrowserOf, administrator: User) -> None:
    project = Project.objects.get()
    reader = member(project, "reader")

    assert PAGE in browser_of(administrator).get(f"/p/{project.slug}/").content.decode()
    assert PAGE not in browser_of(reader).get(f"/p/{project.slug}/worklist/").content.decode()

"""The members of a project and their roles, on the page and below it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from plaqueweb.accounts.models import Membership, User
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from plaqueweb.studies.members import add_member, change_roles
from plaqueweb.studies.models import Project
from tests.factories import ProjectFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(project: Project) -> User:
    return member(project, "administrator")


def test_a_new_person_gets_a_random_password_that_is_shown_once(
    project: Project, administrator: User, browser_of: Callable[[User], Client]
) -> None:
    client, url = browser_of(administrator), f"/p/{project.slug}/members/"
    given = {"action": "add", "email": "Kim@Example.org", "name": "Dr. H. Kim", "roles": ["reader"]}

    answer = client.post(url, given)
    again = client.get(url)

    password = re.findall(r"<code>([^<]+)</code>", answer.content.decode())[0]
    kim = User.objects.get(email="kim@example.org")
    assert kim.check_password(password)
    assert kim.roles_in(project.pk) == ["reader"]
    assert password not in again.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert AuditEvent.objects.filter(verb="membership.set", actor_id=administrator.pk).count() == 1


def test_a_known_person_keeps_the_password(project: Project, administrator: User) -> None:
    known = member(ProjectFactory(), "reader")

    row, password = add_member(project=project, email=known.email, name="", roles=["adjudicator"], by=administrator)

    assert (row.user, password) == (known, "")
    with pytest.raises(Conflict):
        add_member(project=project, email=known.email, name="", roles=["reader"], by=administrator)


@pytest.mark.parametrize(
    ("email", "name", "roles", "rule"),
    [
        ("nobody", "N", ["reader"], "member-email"),
        ("a@example.org", " ", ["reader"], "member-name"),
        ("a@example.org", "A", [], "role"),
        ("a@example.org", "A", ["king"], "role"),
    ],
)
def test_rubbish_is_refused_by_its_rule(
    project: Project, administrator: User, email: str, name: str, roles: list[str], rule: str
) -> None:
    with pytest.raises(Invalid) as refused:
        add_member(project=project, email=email, name=name, roles=roles, by=administrator)
    assert refused.value.rule == rule


def test_a_project_keeps_an_administrator(project: Project, administrator: User) -> None:
    own = Membership.objects.get(project=project, user=administrator)

    with pytest.raises(InvalidTransition) as refused:
        change_roles(membership=own, roles=["reader"], by=administrator)
    assert refused.value.rule == "last-administrator"

    member(project, "administrator")
    assert change_roles(membership=own, roles=[], by=administrator) is None
    assert not Project.objects.visible_to(administrator).exists()
    assert AuditEvent.objects.filter(verb="membership.ended").count() == 1


def test_only_who_manages_members_may(project: Project, browser_of: Callable[[User], Client]) -> None:
    coordinator = member(project, "coordinator", "reader")

    assert browser_of(coordinator).get(f"/p/{project.slug}/members/").status_code == 404
    with pytest.raises(NotAllowed):
        add_member(project=project, email="a@example.org", name="A", roles=["administrator"], by=coordinator)


def test_a_member_of_another_project_is_not_found(
    project: Project, administrator: User, browser_of: Callable[[User], Client]
) -> None:
    other = member(ProjectFactory(), "reader")
    row = Membership.objects.get(user=other)

    answer = browser_of(administrator).post(
        f"/p/{project.slug}/members/", {"action": "roles", "member": str(row.pk), "roles": ["reader"]}
    )

    assert answer.status_code == 404

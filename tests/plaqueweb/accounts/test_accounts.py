"""Users, roles, and the limits on guessing passwords."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from plaqueweb.accounts.models import Membership
from plaqueweb.accounts.roles import CAPABILITIES, Capability, Role
from plaqueweb.accounts.services import check_password, set_roles
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core import limits
from plaqueweb.core.errors import Invalid, TooMany
from plaqueweb.studies.models import Project
from tests.factories import PASSWORD, UserFactory, member

pytestmark = pytest.mark.django_db


def test_every_role_is_known_to_the_capability_table() -> None:
    assert set(CAPABILITIES) == set(Role.values)


def test_a_plain_reader_may_read_and_nothing_else(project: Project) -> None:
    reader = member(project, "reader")

    held = {capability for capability in Capability.values if reader.can(capability, project.pk)}

    assert held == {Capability.READ}


def test_roles_in_one_project_mean_nothing_in_another(project: Project) -> None:
    from tests.factories import ProjectFactory

    coordinator = member(project, "coordinator")

    assert coordinator.can(Capability.UPLOAD, project.pk)
    assert not coordinator.can(Capability.UPLOAD, ProjectFactory().pk)


def test_memberships_are_found_by_capability(project: Project) -> None:
    member(project, "reader")
    coordinator = member(project, "reader", "coordinator")

    found = Membership.objects.with_capability(Capability.UPLOAD)

    assert [row.user for row in found] == [coordinator]


def test_an_unknown_role_is_refused_by_name(project: Project) -> None:
    with pytest.raises(Invalid, match="superuser"):
        set_roles(project=project, user=UserFactory(), roles=["superuser"], by=None)


def test_the_limit_on_wrong_passwords_holds_and_not_one_earlier() -> None:
    user = UserFactory()
    for _ in range(limits.LOGIN_ATTEMPTS):
        with pytest.raises(Invalid):
            check_password(user=user, password="wrong", purpose="sign")

    with pytest.raises(TooMany):
        check_password(user=user, password=PASSWORD, purpose="sign")


def test_a_right_password_forgets_the_wrong_ones() -> None:
    user = UserFactory()
    for _ in range(limits.LOGIN_ATTEMPTS - 1):
        with pytest.raises(Invalid):
            check_password(user=user, password="wrong", purpose="sign")
    check_password(user=user, password=PASSWORD, purpose="sign")

    with pytest.raises(Invalid):
        check_password(user=user, password="wrong", purpose="sign")


def test_logging_in_leaves_an_audit_row(client: Client) -> None:
    user = UserFactory()

    answer = client.post(reverse("login"), {"username": user.email.upper(), "password": PASSWORD})

    assert answer.status_code == 302
    assert AuditEvent.objects.filter(verb="user.logged-in", object_id=str(user.pk)).exists()


def test_a_closed_account_has_no_session(client: Client) -> None:
    user = UserFactory()
    client.force_login(user)
    user.is_active = False
    user.save()

    assert client.get("/api/v1/me/").status_code in {401, 403}


def test_a_token_asks_for_the_password_and_works_as_its_user(api) -> None:  # type: ignore[no-untyped-def]
    user = UserFactory()
    refused = api(user).post("/api/v1/tokens/", {"password": "wrong"}, format="json")
    token = api(user).post("/api/v1/tokens/", {"password": PASSWORD}, format="json").json()["token"]

    me = api(None).get("/api/v1/me/", headers={"Authorization": f"Token {token}"})

    assert refused.status_code == 422
    assert refused["Content-Type"] == "application/problem+json"
    assert me.json()["id"] == str(user.pk)


def test_anonymous_api_calls_are_refused_as_problem_documents(api) -> None:  # type: ignore[no-untyped-def]
    answer = api(None).get("/api/v1/me/")

    assert answer.status_code in {401, 403}
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["trace_id"]

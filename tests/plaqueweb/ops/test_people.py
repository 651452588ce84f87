"""A first user's own project, by commands."""

from __future__ import annotations

import re

import pytest
from django.core.management import CommandError, call_command

from plaqueweb.accounts.models import User
from plaqueweb.predictions.models import Pipeline
from plaqueweb.studies.models import Project

pytestmark = pytest.mark.django_db


def test_a_project_starts_with_the_shipped_pipeline_and_a_person_who_can_log_in(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("add_project", "pilot", "Pilot, own data")
    call_command("add_user", "Ann@example.org", "--name", "Ann", "--project", "pilot", "--role", "coordinator")

    password = re.search(r"Password of ann@example.org: (\S+)", capsys.readouterr().out)
    ann, project = User.objects.get(email="ann@example.org"), Project.objects.get(slug="pilot")
    assert password is not None
    assert ann.check_password(password[1])
    assert ann.roles_in(project.pk) == ["coordinator"]
    assert Pipeline.objects.get(project=project).state == "active"
    assert not project.is_synthetic


def test_a_person_who_is_known_keeps_the_password_and_gets_the_new_roles(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("add_project", "pilot", "Pilot", "--no-model")
    call_command("add_user", "ann@example.org", "--name", "Ann", "--project", "pilot", "--role", "reader")
    before = User.objects.get(email="ann@example.org").password
    capsys.readouterr()

    call_command("add_user", "ann@example.org", "--project", "pilot", "--role", "reader", "--role", "adjudicator")

    ann = User.objects.get(email="ann@example.org")
    assert ann.password == before
    assert ann.roles_in(Project.objects.get().pk) == ["reader", "adjudicator"]
    assert "Password" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "command, says",
    [
        (("add_project", "Not a slug", "X"), "short name"),
        (("add_user", "ann@example.org", "--name", "Ann", "--project", "nowhere", "--role", "reader"), "no project"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_stored(command: tuple[str, ...], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        call_command(*command)

    assert not User.objects.exists()
    assert not Project.objects.exists()

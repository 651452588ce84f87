"""The protocol editor: versions are added, never changed; rubbish is refused by its rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from plaqueweb.accounts.models import User
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Conflict, Invalid, NotAllowed
from plaqueweb.studies.models import Project, Protocol
from plaqueweb.studies.protocols import limit_of, save_version
from plaqueweb.studies.services import create_protocol
from tests.factories import ProjectFactory, member

pytestmark = pytest.mark.django_db
ALL = ["ascending", "arch", "descending"]


@pytest.fixture
def home() -> Project:
    project: Project = ProjectFactory()
    if not Protocol.objects.filter(project=project).exists():
        create_protocol(project=project, by=None)
    return project


@pytest.fixture
def coordinator(home: Project) -> User:
    return member(home, "coordinator")


def save(project: Project, by: User, **changed: Any) -> Protocol:
    given = {"limit": "5", "reasons": ["mobile"], "segments": ALL, "required": ["findings"], "based_on": 1}
    return save_version(project=project, by=by, **(given | changed))


def test_the_page_saves_a_version_beside_the_last(
    home: Project, coordinator: User, browser_of: Callable[[User], Client]
) -> None:
    client, url = browser_of(coordinator), f"/p/{home.slug}/protocol/"
    first = Protocol.objects.values().get(project=home)

    answer = client.post(
        url,
        {"based_on": "1", "limit": "5,0", "reasons": ["thrombus", "mobile"], "segments": ["arch"], "required": []},
    )

    assert answer.status_code == 302
    second = Protocol.objects.get(project=home, version=2)
    assert second.label_rule == {"version": "complex@5mm-v2", "thickness_mm": 5.0, "reasons": ["mobile", "thrombus"]}
    assert (second.segments, second.required, second.frozen_at) == (["arch"], ["class"], None)
    assert Protocol.objects.values().get(project=home, version=1) == first
    assert AuditEvent.objects.filter(verb="protocol.created", actor_id=coordinator.pk).count() == 1
    page = client.get(url).content.decode()
    assert "5.0 mm" in page
    assert 'value="5.0"' in page
    assert 'value="4.0"' in client.get(f"{url}?from=1").content.decode()
    assert client.get(f"{url}?from=9").status_code == 404


def test_what_was_typed_survives_a_refusal(
    home: Project, coordinator: User, browser_of: Callable[[User], Client]
) -> None:
    answer = browser_of(coordinator).post(
        f"/p/{home.slug}/protocol/", {"based_on": "1", "limit": "thick", "segments": ["arch"]}
    )

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "“thick” is no length in mm." in page
    assert 'value="thick"' in page
    assert Protocol.objects.filter(project=home).count() == 1


@pytest.mark.parametrize("text", ["", "x", "0", "-4", "100", "nan", "inf", "4.05", "1e9"])
def test_a_limit_is_a_length_to_a_tenth(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        limit_of(text)
    assert refused.value.rule == "protocol-limit"


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"segments": []}, "protocol-segments"),
        ({"segments": ["leg"]}, "protocol-choice"),
        ({"reasons": ["colour"]}, "protocol-choice"),
        ({"required": ["name"]}, "protocol-choice"),
        ({"questions": "[{}]"}, "question-kind"),
        ({"questions": "{"}, "protocol-json"),
        ({"questions": "[NaN]"}, "protocol-json"),
        ({"scheme": "best"}, "grading-scheme"),
        ({"scheme": "own", "grades": "[]"}, "grading-shape"),
        (
            {
                "limit": "4.0",
                "reasons": ["ulceration", "mobile", "thrombus"],
                "required": ["findings", "quality", "confidence"],
            },
            "protocol-unchanged",
        ),
    ],
)
def test_rubbish_is_refused_by_its_rule(home: Project, coordinator: User, changed: dict[str, Any], rule: str) -> None:
    with pytest.raises(Invalid) as refused:
        save(home, coordinator, **changed)
    assert refused.value.rule == rule


def test_two_editors_do_not_overwrite_each_other(home: Project, coordinator: User) -> None:
    save(home, coordinator)

    with pytest.raises(Conflict) as refused:
        save(home, coordinator, limit="6")
    assert refused.value.rule == "protocol-stale"
    assert save(home, coordinator, limit="6", based_on=2).version == 3


def test_only_who_makes_rounds_may(home: Project, browser_of: Callable[[User], Client]) -> None:
    reader, stranger = member(home, "reader"), member(ProjectFactory(), "coordinator")

    for person in (reader, stranger):
        assert browser_of(person).get(f"/p/{home.slug}/protocol/").status_code == 404
        with pytest.raises(NotAllowed):
            save(home, person)


def test_questions_and_scheme_are_versions_like_the_rest(
    home: Project, coordinator: User, browser_of: Callable[[User], Client]
) -> None:
    client, url = browser_of(coordinator), f"/p/{home.slug}/protocol/"
    asks = '[{"key": "echo", "words": "Echo", "kind": "text", "required": true, "shown_if": null}]'
    grades = '[{"words": "a", "from_mm": 0, "reasons": []}, {"words": "b", "from_mm": 4, "reasons": []}]'
    sent = {
        "based_on": "1", "limit": "4.0", "reasons": ["mobile"], "segments": ["arch"], "questions": asks,
        "scheme": "own", "grades": grades,
    }  # fmt: skip

    assert client.post(url, sent).status_code == 302

    second = Protocol.objects.get(project=home, version=2)
    assert [row["key"] for row in second.own_questions] == ["echo"]
    assert second.grading is not None
    assert [row["from_mm"] for row in second.grading["grades"]] == [0.0, 4.0]
    again = client.post(url, sent | {"based_on": "2"})
    assert (again.status_code, "Nothing differs from version 2." in again.content.decode()) == (422, True)
    wrong = client.post(url, sent | {"based_on": "2", "questions": '[{"kind": "text", "key": "9"}]'})
    assert "Question 1: its name in exports" in wrong.content.decode()
    assert "&quot;key&quot;: &quot;9&quot;" in wrong.content.decode()
    shipped = client.post(url, sent | {"based_on": "2", "scheme": "ase2015"})
    assert shipped.status_code == 302
    page = client.get(url).content.decode()
    assert "ASE 2015, five grades" in page
    assert 'value="ase2015" selected' in page

"""Sites: labels that people choose, given by number, never taken from a file and never shown to a reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Role
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Invalid, NotAllowed
from plaqueweb.studies.models import Project, Study
from plaqueweb.studies.sites import numbers_of, set_site, site_label, sites_of
from tests.factories import AssignmentFactory, ClipFactory, RoundFactory, StudyFactory, member

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]


@pytest.fixture
def studies(project: Project) -> list[Study]:
    return [StudyFactory(subject__project=project, number=number) for number in (1, 2, 3, 7)]


def by_number(project: Project) -> dict[int, str]:
    return dict(Study.objects.filter(project=project).values_list("number", "site"))


@pytest.mark.parametrize(("text", "label"), [(" Site  A ", "Site A"), ("", ""), ("Zürich-2", "Zürich-2")])
def test_a_label_is_kept_with_single_spaces(text: str, label: str) -> None:
    assert site_label(text) == label


@pytest.mark.parametrize("text", ["x" * 41, "=1+1", "A/B", "-A", "A, B", "<b>"])
def test_a_label_has_no_other_signs(text: str) -> None:
    with pytest.raises(Invalid) as error:
        site_label(text)
    assert error.value.rule == "site-label"


def test_numbers_are_written_as_people_write_them() -> None:
    assert numbers_of("S-0001 – S-0040, 55,7-9") == [(1, 40), (55, 55), (7, 9)]
    for text in ("", "all", "1-", "1;2", "1-2-3"):
        with pytest.raises(Invalid) as error:
            numbers_of(text)
        assert error.value.rule == "site-studies"


def test_studies_get_their_site_by_number_with_one_audit_row(project: Project, studies: list[Study]) -> None:
    by = member(project, Role.COORDINATOR)

    assert set_site(project=project, numbers=[(1, 2), (7, 9)], site="Site A", by=by) == 3
    assert set_site(project=project, numbers=[(2, 3)], site=" Site  A", by=by) == 1

    assert by_number(project) == {1: "Site A", 2: "Site A", 3: "Site A", 7: "Site A"}
    rows = AuditEvent.objects.filter(verb="study.site_set").order_by("id")
    assert [row.diff for row in rows] == [{"site": "Site A", "studies": [1, 2, 7]}, {"site": "Site A", "studies": [3]}]
    assert set_site(project=project, numbers=[(7, 7)], site="", by=by) == 1
    assert by_number(project)[7] == ""
    assert sites_of(project) == ["Site A"]


def test_nobody_else_may_and_a_number_must_be_there(project: Project, studies: list[Study]) -> None:
    for role in (Role.READER, Role.ENGINEER, Role.ADJUDICATOR):
        with pytest.raises(NotAllowed):
            set_site(project=project, numbers=[(1, 1)], site="Site A", by=member(project, role))
    with pytest.raises(Invalid):
        set_site(project=project, numbers=[(4, 6)], site="Site A", by=member(project, Role.COORDINATOR))
    assert set(by_number(project).values()) == {""}


def test_a_coordinator_sets_sites_on_the_list_of_studies(
    project: Project, studies: list[Study], browser_of: Browser
) -> None:
    client = browser_of(member(project, Role.COORDINATOR))
    address = reverse("studies-site", args=[project.slug])

    done = client.post(address, {"studies": "1-3", "site": "Site B"}, follow=True).content.decode()
    refused = client.post(address, {"studies": "1", "site": "a@b"}, follow=True).content.decode()

    assert "3 studies have another site now." in done
    assert done.count("Site B</span>") == 3
    assert "A site is a label of up to 40" in refused
    assert by_number(project) == {1: "Site B", 2: "Site B", 3: "Site B", 7: ""}
    found = client.get(reverse("studies", args=[project.slug]), {"q": "site b"}).content.decode()
    assert found.count("data-row=") == 3
    study = client.get(reverse("study", args=[project.slug, studies[0].pk])).content.decode()
    assert "Site B" in study
    assert browser_of(member(project, Role.READER)).post(address, {"studies": "1"}).status_code == 404


def test_a_reader_meets_no_site_on_the_worklist_or_in_the_case(project: Project, browser_of: Browser) -> None:
    reader: Any = member(project, Role.READER)
    study = StudyFactory(subject__project=project, site="Site Secret")
    ClipFactory(study=study)
    assignment = AssignmentFactory(round=RoundFactory(project=project), study=study, reader=reader, state="opened")
    client = browser_of(reader)

    pages = [reverse("worklist", args=[project.slug]), reverse("read", args=[assignment.public_id])]
    for address in (*pages, f"/api/v1/assignments/{assignment.public_id}/"):
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert "Secret" not in answer.content.decode()

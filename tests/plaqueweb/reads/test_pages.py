"""Pages of the reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from plaqueweb.accounts.models import User
from plaqueweb.reads.models import Assignment, Read
from tests.factories import PASSWORD, AssignmentFactory, ClipFactory, StudyFactory, UserFactory, member
from tests.plaqueweb.reads.helpers import COMPLETE, case, complete, opened, save

pytestmark = pytest.mark.django_db
BrowserOf = Callable[[User], Client]


def worklist(assignment: Assignment) -> str:
    return f"/p/{assignment.round.project.slug}/worklist/"


def completed_case() -> Assignment:
    assignment, _ = case()
    read = opened(assignment)
    save(read, answers=COMPLETE)
    complete(read)
    return assignment


def test_the_worklist_says_which_case_is_next(browser_of: BrowserOf) -> None:
    assignment, _ = case()
    AssignmentFactory(round=assignment.round, reader=assignment.reader, order_no=assignment.order_no + 1)
    opened(Assignment.objects.order_by("order_no").last())

    page = browser_of(assignment.reader).get(worklist(assignment))

    assert f"Case {assignment.order_no + 1} of {assignment.order_no + 1}" in page.content.decode()
    assert "Continue" in page.content.decode()
    assert "blinded" in page.content.decode()


def test_the_worklist_names_no_study_subject_or_date(browser_of: BrowserOf) -> None:
    assignment = completed_case()

    page = browser_of(assignment.reader).get(worklist(assignment)).content.decode()

    for told in (
        assignment.study.label,
        assignment.study.subject.pseudonym,
        assignment.study.uid,
        str(assignment.study_id),
    ):
        assert told not in page


@pytest.mark.parametrize("cases", [5, 50])
def test_the_worklist_page_costs_the_same_queries(
    browser_of: BrowserOf, cases: int, django_assert_max_num_queries: Any
) -> None:
    assignment, _ = case()
    for n in range(cases - 1):
        row = AssignmentFactory(round=assignment.round, reader=assignment.reader, order_no=100 + n)
        ClipFactory(study=row.study)
        save(opened(row), answers={"quality": "good"})
    client = browser_of(assignment.reader)

    with django_assert_max_num_queries(13):
        page = client.get(worklist(assignment)).content.decode()

    assert page.count("data-row=") == cases


def test_tabs_show_one_state(browser_of: BrowserOf) -> None:
    assignment = completed_case()
    AssignmentFactory(round=assignment.round, reader=assignment.reader, order_no=99)

    page = browser_of(assignment.reader).get(worklist(assignment) + "?state=completed").content.decode()

    assert page.count("data-row=") == 1


def test_a_reader_without_cases_is_told_so(browser_of: BrowserOf) -> None:
    study = StudyFactory()

    page = browser_of(member(study.project, "reader")).get(f"/p/{study.project.slug}/worklist/")

    assert "No case is assigned to you." in page.content.decode()


@pytest.mark.parametrize("roles", [("coordinator",), ("engineer",), ()])
def test_who_does_not_read_has_no_worklist(browser_of: BrowserOf, roles: tuple[str, ...]) -> None:
    assignment, _ = case()
    user = member(assignment.round.project, *roles) if roles else UserFactory()

    assert browser_of(user).get(worklist(assignment)).status_code == 404


def test_another_readers_case_has_no_page(browser_of: BrowserOf) -> None:
    assignment, _ = case()
    other = member(assignment.round.project, "reader")

    assert browser_of(other).get(f"/read/{assignment.public_id}/").status_code == 404
    assert browser_of(assignment.reader).get(f"/read/{assignment.public_id}/").status_code == 200


def test_the_sitting_is_signed_with_the_password(browser_of: BrowserOf) -> None:
    assignment = completed_case()
    read = Read.objects.get()

    answer = browser_of(assignment.reader).post(
        worklist(assignment) + "sign/",
        {"read": [str(read.pk)], "password": PASSWORD, "round": str(assignment.round_id)},
    )

    read.refresh_from_db()
    assert (answer.status_code, read.state) == (302, "signed")
    assert answer["Location"] == f"/read/{assignment.public_id}/compare/"


def test_a_wrong_password_leaves_the_dialog_open_and_says_why(browser_of: BrowserOf) -> None:
    assignment = completed_case()
    read = Read.objects.get()

    answer = browser_of(assignment.reader).post(
        worklist(assignment) + "sign/", {"read": [str(read.pk)], "password": "wrong", "round": str(assignment.round_id)}
    )

    read.refresh_from_db()
    assert (answer.status_code, read.state) == (422, "completed")
    assert "data-open-at-once" in answer.content.decode()
    assert "That is not your password. Nothing was changed." in answer.content.decode()


def test_a_completed_case_is_reopened_from_the_dialog(browser_of: BrowserOf) -> None:
    assignment = completed_case()

    answer = browser_of(assignment.reader).post(f"/read/{assignment.public_id}/reopen/")

    assignment.refresh_from_db()
    assert (answer["Location"], assignment.state) == (f"/read/{assignment.public_id}/", "opened")


def test_a_case_is_skipped_with_a_reason(browser_of: BrowserOf) -> None:
    assignment, _ = case()

    browser_of(assignment.reader).post(f"/read/{assignment.public_id}/skip/", {"reason": "no aorta in any clip"})

    assignment.refresh_from_db()
    assert (assignment.state, assignment.skip_reason) == ("skipped", "no aorta in any clip")

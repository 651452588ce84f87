"""Qualification: the reader's profile, and a practice set with feedback and a pass mark before real cases open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, transaction
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.agreement.selectors import primary_reads
from plaqueweb.core.errors import Invalid, InvalidTransition
from plaqueweb.reads import services
from plaqueweb.reads.models import Assignment, PracticeKey, ReaderProfile, Round
from plaqueweb.reads.qualification import PracticeResult, practice_result, qualifications
from plaqueweb.review.models import Case
from plaqueweb.review.practice import open_practice
from plaqueweb.review.services import record_known_truth, refresh_cases
from plaqueweb.studies.models import CaseList, Disclosure, Project, Study
from plaqueweb.studies.services import create_case_list
from tests.factories import ClipFactory, StudyFactory, SubjectFactory, member
from tests.plaqueweb.reads.helpers import opened, signed_case

pytestmark = pytest.mark.django_db
BrowserOf = Callable[[User], Client]
ApiOf = Callable[[Any], APIClient]


def list_of(project: Project, name: str, count: int, *, known: bool) -> CaseList:
    """A list whose studies are complex and not complex in turn."""
    studies: list[Study] = [StudyFactory(subject=SubjectFactory(project=project)) for _ in range(count)]
    for number, study in enumerate(studies):
        ClipFactory(study=study)
        if known:
            record_known_truth(
                study=study, reader_class=number % 2, thickness_mm=4.8 if number % 2 else 1.2, reasons={}
            )
    return create_case_list(project=project, name=name, purpose="test", studies=studies, by=None)


@pytest.fixture
def reader(project: Project) -> User:
    return member(project, "reader", name="Ada")


@pytest.fixture
def practice(project: Project, reader: User) -> Round:
    return open_practice(
        project=project, case_list=list_of(project, "practice", 4, known=True), name="Practice", readers=[reader],
        pass_mark=75, seed=1, by=None,
    )  # fmt: skip


def real(practice: Round, reader: User, name: str = "Real") -> Round:
    project = practice.project
    return services.create_round(
        project=project, protocol=project.protocols.get(), case_list=list_of(project, name, 2, known=False), name=name,
        readers=[reader], seed=2, by=None, practice=practice,
    )  # fmt: skip


def rows_of(round_: Round) -> list[Assignment]:
    rows = Assignment.objects.filter(round=round_)
    rows = rows.select_related("round__project", "round__protocol", "round__practice", "reader", "study")
    return list(rows.order_by("study__number"))


def read_practice(practice: Round, *, right: int) -> None:
    """Sign all cases; the first ``right`` of them as the key says."""
    for at, row in enumerate(rows_of(practice)):
        known = PracticeKey.objects.get(round=practice, study=row.study).reader_class
        signed_case(row, reader_class=known if at < right else 1 - known)


def profile(reader: User) -> ReaderProfile:
    return services.save_profile(user=reader, speciality="cardiology", years=12, tee_count=3000)


# --- the mark


@pytest.mark.parametrize(
    "read, agree, passed",
    [(10, 8, True), (10, 7, False), (9, 8, None), (2, 0, None), (3, 0, False), (5, 5, None), (0, 0, None)],
)
def test_a_set_is_passed_at_its_end_and_failed_when_the_mark_is_out_of_reach(
    read: int, agree: int, passed: bool | None
) -> None:
    result = PracticeResult(practice=None, name="P", of=10, read=read, agree=agree, pass_mark=80)  # type: ignore[arg-type]

    assert (result.needed, result.passed) == (8, passed)


def test_can_t_assess_and_a_skipped_case_do_not_agree(practice: Round, reader: User) -> None:
    first, second, third, _fourth = rows_of(practice)
    signed_case(first, reader_class=0)
    signed_case(second, reader_class=9)
    services.skip_assignment(assignment=third, by=reader, reason="no picture")

    result = practice_result(round_=practice, reader_id=reader.pk)

    assert (result.read, result.agree, result.passed) == (3, 1, False)


# --- the gate


def test_real_cases_open_after_profile_and_practice(practice: Round, reader: User) -> None:
    row = rows_of(real(practice, reader))[0]

    with pytest.raises(InvalidTransition) as bare:
        opened(row)
    profile(reader)
    with pytest.raises(InvalidTransition) as unread:
        opened(row)
    read_practice(practice, right=3)
    opened(row)

    row.refresh_from_db()
    assert (bare.value.rule, unread.value.rule, row.state) == ("profile-first", "practice-first", "opened")


def test_a_failed_set_keeps_the_round_closed_until_another_one_is_passed(
    practice: Round, reader: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile(reader)
    row = rows_of(real(practice, reader))[0]
    read_practice(practice, right=2)
    with pytest.raises(InvalidTransition):
        opened(row)

    again = open_practice(
        project=practice.project, case_list=practice.case_list, name="Again", readers=[reader], pass_mark=75, seed=3,
        by=None, repeat_of=practice, washout_days=1,
    )  # fmt: skip
    monkeypatch.setattr("plaqueweb.reads.drafts.check_washout", lambda assignment: None)
    read_practice(again, right=4)
    opened(row)

    row.refresh_from_db()
    assert row.state == "opened"


def test_who_joins_a_round_gets_its_practice_set_too(practice: Round, reader: User, project: Project) -> None:
    round_ = real(practice, reader)
    late = member(project, "reader")

    services.add_reader(round_=round_, reader=late, by=None)

    assert Assignment.objects.filter(round=practice, reader=late).count() == 4


def test_the_worklist_leads_to_what_is_missing(practice: Round, reader: User, browser_of: BrowserOf) -> None:
    round_ = real(practice, reader)
    client = browser_of(reader)
    url = f"/p/{practice.project.slug}/worklist/?round={round_.pk}"

    bare = client.get(url).content.decode()
    profile(reader)
    unread = client.get(url).content.decode()
    read_practice(practice, right=4)
    ready = client.get(url).content.decode()

    assert "Fill in your reader profile first" in bare
    assert "Pass the practice set “Practice” first" in unread
    assert f"?round={practice.pk}" in unread
    assert "Start" in ready
    assert "4 of 4 agree" in client.get(f"/p/{practice.project.slug}/worklist/?round={practice.pk}").content.decode()


# --- feedback


def test_the_known_answer_stands_beside_ones_own_after_the_signature(
    practice: Round, reader: User, browser_of: BrowserOf, api: ApiOf
) -> None:
    row = next(row for row in rows_of(practice) if PracticeKey.objects.get(study=row.study).reader_class == 1)
    page, shown = (
        f"/p/{practice.project.slug}/practice/{row.public_id}/",
        f"/api/v1/assignments/{row.public_id}/feedback/",
    )

    early = (browser_of(reader).get(page).status_code, api(reader).get(shown).status_code)
    signed_case(row, reader_class=0)
    body = browser_of(reader).get(page).content.decode()
    found = api(reader).get(shown).json()

    assert early == (404, 404)
    assert "Your class differs from the known answer" in body
    assert "known truth of the phantom" in body
    assert (found["known_class"], found["known_thickness_mm"], found["agrees"]) == (1, 4.8, False)
    assert (found["result"]["read"], found["result"]["agree"]) == (1, 0)
    for stranger in (member(practice.project, "reader"), member(practice.project, "coordinator")):
        assert api(stranger).get(shown).status_code == 404


def test_feedback_opens_nothing_else_and_makes_later_reads_informed(practice: Round, reader: User) -> None:
    from plaqueweb.studies.blinding import is_disclosed

    read_practice(practice, right=4)
    row = rows_of(practice)[0]

    assert set(Disclosure.objects.filter(user=reader).values_list("kind", flat=True)) == {"practice"}
    assert not is_disclosed(reader, row.study)


def test_practice_enters_no_figure_and_no_review(practice: Round, reader: User, project: Project) -> None:
    second = member(project, "reader")
    services.add_reader(round_=practice, reader=second, by=None)
    read_practice(practice, right=1)
    refresh_cases(round=practice)

    counted, informed = primary_reads(member(project, "coordinator"), project, None)

    assert (counted, informed, Case.objects.count()) == ((), 0, 0)


# --- what a set may be


def test_a_set_needs_a_known_answer_for_each_case(project: Project, reader: User) -> None:
    with pytest.raises(Invalid) as caught:
        open_practice(
            project=project, case_list=list_of(project, "L", 2, known=False), name="P", readers=[reader], pass_mark=80,
            seed=1, by=None,
        )  # fmt: skip

    assert caught.value.rule == "practice-unknown"
    assert not Round.objects.exists()


@pytest.mark.parametrize("mark", [0, 101, -1])
def test_a_pass_mark_is_a_percentage(project: Project, reader: User, mark: int) -> None:
    with pytest.raises(Invalid) as caught:
        open_practice(
            project=project, case_list=list_of(project, "L", 2, known=True), name="P", readers=[reader],
            pass_mark=mark, seed=1, by=None,
        )  # fmt: skip

    assert caught.value.rule == "practice-mark"


def test_a_real_round_holds_no_subject_of_its_practice_set(practice: Round, reader: User) -> None:
    with pytest.raises(Invalid) as caught:
        services.create_round(
            project=practice.project, protocol=practice.protocol, case_list=practice.case_list, name="Real",
            readers=[reader], seed=2, by=None, practice=practice,
        )  # fmt: skip

    assert caught.value.rule == "practice-overlap"


def test_the_key_never_changes(practice: Round) -> None:
    for change in (lambda: PracticeKey.objects.update(reader_class=0), lambda: PracticeKey.objects.all().delete()):
        with pytest.raises((IntegrityError, OperationalError, Exception), match="never changes"), transaction.atomic():
            change()


# --- profile and report


def test_a_profile_is_filled_in_on_its_page(practice: Round, reader: User, browser_of: BrowserOf) -> None:
    client, url = browser_of(reader), f"/p/{practice.project.slug}/profile/"

    refused = client.post(url, {"speciality": "cardiology", "years": "ninety", "tee_count": "10"})
    kept = client.post(url, {"speciality": "cardiology", "years": "9", "tee_count": "1200"})
    page = client.get(url).content.decode()

    assert (refused.status_code, kept.status_code) == (422, 302)
    assert "between 0 and 70" in refused.content.decode()
    assert 'value="1200"' in page
    row = ReaderProfile.objects.get()
    assert (row.user, row.speciality, row.years, row.tee_count) == (reader, "cardiology", 9, 1200)
    assert browser_of(member(practice.project, "engineer")).get(url).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"speciality": "magic", "years": 1, "tee_count": 1},
        {"speciality": "cardiology", "years": -1, "tee_count": 1},
        {},
    ],
)
def test_the_api_refuses_what_is_no_profile(reader: User, api: ApiOf, body: dict[str, Any]) -> None:
    client = api(reader)

    assert client.get("/api/v1/me/profile/").status_code == 404
    assert client.put("/api/v1/me/profile/", body, format="json").status_code == 422
    assert not ReaderProfile.objects.exists()


def test_profile_and_practice_reach_the_report(practice: Round, reader: User, project: Project, api: ApiOf) -> None:
    profile(reader)
    read_practice(practice, right=3)
    other = member(project, "reader", name="Bo")

    found = qualifications(readers=[reader, other], project_id=project.pk)
    shown = api(member(project, "coordinator")).get(f"/api/v1/rounds/{practice.pk}/qualifications/").json()

    assert (found[0].speciality_words, found[0].years, found[0].tee_count) == ("Cardiology", 12, 3000)
    assert [(one.agree, one.of, one.passed) for one in found[0].practice] == [(3, 4, True)]
    assert (found[1].speciality, found[1].years, found[1].practice) == ("", None, ())
    assert [(row["name"], row["practice"][0]["passed"]) for row in shown] == [("Ada", True)]
    assert api(reader).get(f"/api/v1/rounds/{practice.pk}/qualifications/").status_code == 404


# --- opening one


def test_a_practice_set_is_opened_on_its_page_and_by_the_api(
    project: Project, reader: User, browser_of: BrowserOf, api: ApiOf
) -> None:
    manager = member(project, "coordinator")
    known, unknown = list_of(project, "known", 3, known=True), list_of(project, "unknown", 2, known=False)
    url = f"/p/{project.slug}/rounds/practice/"
    form = {"name": "P", "case_list": str(known.pk), "readers": [str(reader.pk)], "pass_mark": "80"}

    page = browser_of(manager).get(url).content.decode()
    refused = browser_of(manager).post(url, form | {"case_list": str(unknown.pk)})
    made = browser_of(manager).post(url, form)
    by_api = api(manager).post(
        "/api/v1/practice/", {**form, "name": "P2", "project": project.slug, "pass_mark": 100}, format="json"
    )

    assert "3 of 3 answers known" in page
    assert "0 of 2 answers known" in page
    assert (refused.status_code, "No answer is known for" in refused.content.decode()) == (422, True)
    assert made.status_code == 302
    assert (by_api.status_code, by_api.json()["cases"], by_api.json()["pass_mark"]) == (201, 3, 100)
    assert Round.objects.filter(policy="practice").count() == 2
    assert browser_of(reader).get(url).status_code == 404
    assert api(reader).post("/api/v1/practice/", {**form, "project": project.slug}, format="json").status_code == 404


def test_who_still_reads_a_study_blind_learns_not_that_its_answer_is_known(
    project: Project, browser_of: BrowserOf
) -> None:
    both = member(project, "reader", "coordinator")
    known = list_of(project, "known", 3, known=True)
    services.create_round(
        project=project, protocol=project.protocols.get(), case_list=known, name="R", readers=[both], seed=1, by=None
    )

    page = browser_of(both).get(f"/p/{project.slug}/rounds/practice/").content.decode()

    assert "0 of 3 answers known" in page

"""Pages and API of those who manage rounds: what a round will take, opening it, and all that can be done with it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.predictions.models import Pipeline
from plaqueweb.reads import services
from plaqueweb.reads.models import Assignment, Round
from plaqueweb.reads.rounds_plan import kappa_half_width, limits_half_width
from plaqueweb.studies.models import CaseList, Clip, Disclosure, Project, Study
from plaqueweb.studies.services import create_case_list
from tests.factories import ClipFactory, StudyFactory, SubjectFactory, member, pipeline_of
from tests.plaqueweb.reads.helpers import signed_case

pytestmark = pytest.mark.django_db
BrowserOf = Callable[[User], Client]
ApiOf = Callable[[Any], APIClient]


@pytest.fixture
def studies(project: Project) -> list[Study]:
    made = [StudyFactory(subject=SubjectFactory(project=project)) for _ in range(6)]
    for study in made:
        ClipFactory(study=study, number=1)
    return made


@pytest.fixture
def manager(project: Project) -> User:
    return member(project, "coordinator")


def form(studies: list[Study], readers: list[User], **more: Any) -> dict[str, Any]:
    return {
        "name": "Round 1", "studies": [str(row.pk) for row in studies], "readers": [str(row.pk) for row in readers],
        "policy": "blinded", "reveal": "all_signed", "purpose": "test", "frames": "reader", **more,
    }  # fmt: skip


def url(project: Project, rest: str = "") -> str:
    return f"/p/{project.slug}/rounds/{rest}"


# --- what it will take


@pytest.mark.parametrize("n, half", [(30, 0.62), (50, 0.48), (100, 0.34), (200, 0.24)])
def test_limits_of_agreement_are_as_wide_as_published(n: int, half: float) -> None:
    assert limits_half_width(n) == pytest.approx(half, abs=0.005)


def test_kappas_interval_is_that_of_the_golden_table() -> None:
    # 2 × 2 of 40, 9, 6, 45: agreement .85, both readers call nearly half complex; published error .0714.
    half = kappa_half_width(100, agreement=0.85, share=0.475)

    assert half is not None
    assert half / 1.959964 == pytest.approx(0.0714, abs=0.0005)
    assert kappa_half_width(1, agreement=0.85, share=0.3) is limits_half_width(1) is None


def test_the_preview_follows_the_form(
    studies: list[Study], project: Project, manager: User, browser_of: BrowserOf
) -> None:
    readers = [member(project, "reader") for _ in range(3)]
    client = browser_of(manager)

    full = client.post(url(project, "new/plan/"), form(studies, readers)).content.decode()
    dealt = client.post(url(project, "new/plan/"), form(studies, readers, reads_per_case="2")).content.decode()
    aided = client.post(url(project, "new/plan/"), form(studies, readers, policy="ai_assisted")).content.decode()
    repeats = client.post(url(project, "new/plan/"), form(studies, readers, repeats="2")).content.decode()

    assert "18 reads" in full
    assert "6 cases of 6 subjects × 3 readers" in full
    assert "12 reads" in dealt
    assert "36 reads" in aided
    assert ("24 reads", "a reader with the own repeat" in repeats) == ("24 reads", True)
    assert "No figure yet" in full


def test_the_preview_counts_hours_by_earlier_reads(
    studies: list[Study], project: Project, manager: User, browser_of: BrowserOf
) -> None:
    reader = member(project, "reader")
    cases = create_case_list(project=project, name="L", purpose="test", studies=studies, by=None)
    round_ = services.create_round(
        project=project, protocol=project.protocols.get(), case_list=cases, name="R", readers=[reader], seed=1, by=None
    )
    for row in Assignment.objects.filter(round=round_).select_related("round__project", "round__protocol", "reader"):
        signed_case(row)
    Assignment.objects.update(active_seconds=120)

    page = browser_of(manager).post(url(project, "new/plan/"), form(studies, [reader])).content.decode()

    assert "2.0 min, n 6 signed" in page
    assert "0.2 h" in page


@pytest.mark.parametrize(
    "given", [{}, {"reads_per_case": "many"}, {"seed": "x"}, {"case_list": "no id"}, {"repeats": "9 %%"}]
)
def test_a_half_filled_form_is_planned_as_far_as_it_goes(
    project: Project, manager: User, browser_of: BrowserOf, given: dict[str, Any]
) -> None:
    assert browser_of(manager).post(url(project, "new/plan/"), given).status_code == 200


def test_the_preview_names_the_rule_that_would_refuse(
    studies: list[Study], project: Project, manager: User, browser_of: BrowserOf
) -> None:
    cases = create_case_list(project=project, name="L", purpose="test", studies=studies, by=None)
    given = form([], [member(project, "reader")], case_list=str(cases.pk), repeats="5")

    page = browser_of(manager).post(url(project, "new/plan/"), given).content.decode()

    assert "at most 2 of them, a third" in page


# --- opening


def test_a_round_is_opened_over_chosen_studies(
    studies: list[Study], project: Project, manager: User, browser_of: BrowserOf
) -> None:
    readers = [member(project, "reader") for _ in range(2)]

    answer = browser_of(manager).post(url(project, "new/"), form(studies, readers, repeats="20 %", seed="11"))

    round_ = Round.objects.get()
    assert answer["Location"] == url(project, f"{round_.pk}/")
    assert (round_.repeats, round_.seed, Assignment.objects.count()) == (1, 11, 14)
    assert round_.case_list.frozen_at is not None


def test_a_round_with_the_model_is_opened_over_a_list(
    studies: list[Study], project: Project, manager: User, browser_of: BrowserOf
) -> None:
    cases = create_case_list(project=project, name="L", purpose="test", studies=studies[:3], by=None)
    pipeline = pipeline_of(project)
    given = form(
        [], [member(project, "reader")], case_list=str(cases.pk), policy="ai_assisted", pipeline=str(pipeline.pk)
    )

    browser_of(manager).post(url(project, "new/"), given)
    page = browser_of(manager).get(url(project, f"{Round.objects.get().pk}/")).content.decode()

    assert Round.objects.get().pipelines == [str(pipeline.pk)]
    assert pipeline.name in page


def test_frames_are_named_by_study_and_clip(
    studies: list[Study], project: Project, manager: User, browser_of: BrowserOf
) -> None:
    lines = f"{studies[0].label} / 1: 2, 4\n\nS-{studies[1].number}/1: 3"

    browser_of(manager).post(
        url(project, "new/"), form(studies, [member(project, "reader")], frames="fixed", fixed_frames=lines)
    )

    keys = [str(Clip.objects.get(study=study).pk) for study in studies[:2]]
    assert Round.objects.get().fixed_frames == {keys[0]: [2, 4], keys[1]: [3]}


@pytest.mark.parametrize(
    "more, words",
    [
        ({"reveal": "after_each"}, "give a reason"),
        ({"policy": "concurrent"}, "which pipeline"),
        ({"policy": "open"}, "Imported reads"),
        ({"reads_per_case": "three"}, "no whole number"),
        ({"reads_per_case": "2"}, "between 1 and the number of readers"),
        ({"frames": "fixed", "fixed_frames": "the third"}, "write the study"),
        ({"frames": "two_stages"}, "at least two reads"),
        ({"repeat_of": "7"}, "no such round"),
        ({"case_list": "x"}, "no such case list"),
        ({"readers": []}, "Choose readers"),
        ({"studies": []}, "Choose studies"),
        ({"repeats": "300 %"}, "at most"),
    ],
)
def test_a_refused_round_says_why_and_keeps_the_form(
    studies: list[Study], project: Project, manager: User, browser_of: BrowserOf, more: dict[str, Any], words: str
) -> None:
    given = form(studies, [member(project, "reader")]) | more

    answer = browser_of(manager).post(url(project, "new/"), given)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert 'value="Round 1"' in answer.content.decode()
    assert not Round.objects.exists()
    assert not CaseList.objects.exists()


@pytest.mark.parametrize("rest", ["", "new/"])
def test_rounds_are_not_for_readers(project: Project, browser_of: BrowserOf, rest: str) -> None:
    assert browser_of(member(project, "reader")).get(url(project, rest)).status_code == 404


# --- one round


@pytest.fixture
def round_(studies: list[Study], project: Project) -> Round:
    cases = create_case_list(project=project, name="L", purpose="test", studies=studies, by=None)
    readers = [member(project, "reader", name=name) for name in ("Ada", "Bo")]
    return services.create_round(
        project=project, protocol=project.protocols.get(), case_list=cases, name="R", readers=readers, seed=1, by=None,
        reveal="never",
    )  # fmt: skip


def act(client: Client, round_: Round, name: str, **more: Any) -> str:
    answer = client.post(url(round_.project, f"{round_.pk}/"), {"act": name, **more}, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_cases_are_withdrawn_given_back_and_reassigned(round_: Round, manager: User, browser_of: BrowserOf) -> None:
    client = browser_of(manager)
    row = Assignment.objects.filter(reader__name="Ada").select_related("study").first()
    assert row is not None
    third = member(round_.project, "reader", name="Cy")

    taken = act(client, round_, "withdraw", assignment=str(row.pk))
    back = act(client, round_, "restore", assignment=str(row.pk))
    given = act(client, round_, "reassign", assignment=str(row.pk), to=str(third.pk))

    row.refresh_from_db()
    assert f"{row.study.label} was taken from Ada" in taken
    assert f"Ada has {row.study.label} back" in back
    assert f"{row.study.label} is Cy’s now" in given
    assert (row.state, Assignment.objects.get(reader=third).study_id) == ("reassigned", row.study_id)


@pytest.mark.parametrize("name", ["withdraw", "restore", "reassign", "reader", "cases", "stage-two", "reveal", "burn"])
def test_what_cannot_be_done_is_said_and_changes_nothing(
    round_: Round, manager: User, browser_of: BrowserOf, name: str
) -> None:
    before = list(Assignment.objects.order_by("pk").values())
    stranger = Assignment.objects.first()
    assert stranger is not None
    more = {"assignment": str(stranger.pk) if name == "restore" else "", "reason": "x"}

    answer = browser_of(manager).post(url(round_.project, f"{round_.pk}/"), {"act": name, **more}, follow=True)

    assert answer.status_code in (200, 404)
    assert list(Assignment.objects.order_by("pk").values()) == before


def test_a_closed_round_is_revealed_with_a_reason(round_: Round, manager: User, browser_of: BrowserOf) -> None:
    row = Assignment.objects.select_related("round__project", "round__protocol", "reader", "study").first()
    assert row is not None
    signed_case(row)
    client = browser_of(manager)

    early = act(client, round_, "reveal", reason="end of the study")
    act(client, round_, "close")
    before = Disclosure.objects.count()
    bare = act(client, round_, "reveal", reason=" ")
    shown = act(client, round_, "reveal", reason="end of the study")

    assert "Close the round first" in early
    assert "Say why" in bare
    assert "1 signed cases are revealed" in shown
    assert (before, Disclosure.objects.get().user) == (0, row.reader)


def test_who_reads_blind_in_a_round_sees_no_cases_of_others(round_: Round, browser_of: BrowserOf) -> None:
    both = member(round_.project, "reader", "coordinator", name="Di")
    services.add_reader(round_=round_, reader=both, by=None)
    Round.objects.filter(pk=round_.pk).update(repeats=1)

    page = browser_of(both).get(url(round_.project, f"{round_.pk}/")).content.decode()

    assert "Cases and readers" not in page
    assert "Hidden repeats" not in page


# --- case lists


def test_a_case_list_is_made_filled_and_frozen(
    studies: list[Study], project: Project, manager: User, browser_of: BrowserOf
) -> None:
    client, lists = browser_of(manager), f"/p/{project.slug}/case-lists/"
    create_case_list(project=project, name="train", purpose="train", studies=studies[:1], by=None)

    made = client.post(lists, {"name": "Held out", "purpose": "test"})
    page = client.get(made["Location"]).content.decode()
    both = client.post(made["Location"], {"act": "add", "studies": [str(row.pk) for row in studies[:3]]}, follow=True)
    client.post(made["Location"], {"act": "add", "studies": [str(row.pk) for row in studies[1:3]]})
    client.post(made["Location"], {"act": "freeze"})
    late = client.post(made["Location"], {"act": "add", "studies": [str(studies[4].pk)]}, follow=True)

    row = CaseList.objects.get(name="Held out")
    assert "serves “train”" in page
    assert "has one purpose" in both.content.decode() or "one purpose in a project" in both.content.decode()
    assert (row.items.count(), bool(row.frozen_at), len(row.hash)) == (2, True, 64)
    assert "frozen" in late.content.decode()
    assert "Held out" in client.get(lists).content.decode()


def test_a_nameless_list_or_another_projects_list_is_not_there(
    project: Project, manager: User, browser_of: BrowserOf
) -> None:
    client = browser_of(manager)
    other = create_case_list(
        project=StudyFactory().project, name="theirs", purpose="test", studies=[], by=None
    )  # fmt: skip

    assert client.post(f"/p/{project.slug}/case-lists/", {"name": " ", "purpose": "test"}).status_code == 422
    assert client.get(f"/p/{project.slug}/case-lists/{other.pk}/").status_code == 404
    assert browser_of(member(project, "reader")).get(f"/p/{project.slug}/case-lists/").status_code == 404


# --- the API does what the pages do


def test_the_api_opens_any_round_and_does_all_with_it(
    studies: list[Study], project: Project, manager: User, api: ApiOf
) -> None:
    client = api(manager)
    readers = [member(project, "reader") for _ in range(3)]
    body = {
        "project": project.slug, "name": "R", "studies": [str(row.pk) for row in studies],
        "readers": [str(row.pk) for row in readers[:2]], "policy": "concurrent",
        "pipeline": str(pipeline_of(project).pk), "reads_per_case": 1, "reveal": "never",
    }  # fmt: skip

    made = client.post("/api/v1/rounds/", body, format="json")
    base = f"/api/v1/rounds/{made.json()['id']}/"
    rows = client.get(f"{base}assignments/").json()["results"]
    taken = client.post(f"{base}withdraw/", {"assignment": rows[0]["id"]}, format="json").json()
    back = client.post(f"{base}restore/", {"assignment": rows[0]["id"]}, format="json").json()
    given = client.post(
        f"{base}reassign/", {"assignment": rows[0]["id"], "to": str(readers[2].pk)}, format="json"
    ).json()
    stage = client.post(f"{base}stage-two/")
    closed = client.post(f"{base}close/").json()
    shown = client.post(f"{base}reveal/", {"reason": "end"}, format="json").json()

    assert (made.status_code, made.json()["policy"], made.json()["reads_per_case"]) == (201, "concurrent", 1)
    assert (len(rows), taken["state"], back["state"]) == (6, "withdrawn", "assigned")
    assert (given["reader"], given["arm"]) == (str(readers[2].pk), "concurrent")
    assert (stage.status_code, stage.json()["rule"]) == (409, "round-one-stage")
    assert closed["closed_at"]
    assert shown == {"disclosed": 0}


def test_the_api_tells_readers_nothing_about_repeats(round_: Round, api: ApiOf) -> None:
    reader = User.objects.get(name="Ada")
    twice = services.create_round(
        project=round_.project, protocol=round_.protocol, case_list=round_.case_list, name="twice", readers=[reader],
        seed=1, by=None, repeats=2,
    )  # fmt: skip

    shown = api(reader).get(f"/api/v1/rounds/{twice.pk}/").json()

    assert (shown["repeats"], shown["repeat_of"], shown["case_list"]) == (None, None, None)
    assert shown["cases"] == 8  # as many as the worklist has, not the six of the list
    assert api(reader).get(f"/api/v1/rounds/{round_.pk}/assignments/").status_code == 404


@pytest.mark.parametrize("name", ["withdraw", "restore", "reassign", "reveal", "stage-two", "close", "readers"])
def test_the_api_lets_nobody_else_change_a_round(round_: Round, api: ApiOf, name: str) -> None:
    body = {"assignment": str(uuid.uuid4()), "to": str(uuid.uuid4()), "reason": "x", "reader": str(uuid.uuid4())}

    for user in (User.objects.get(name="Ada"), member(round_.project, "engineer")):
        assert api(user).post(f"/api/v1/rounds/{round_.pk}/{name}/", body, format="json").status_code in (404, 422)
    round_.refresh_from_db()
    assert round_.closed_at is None
    assert Pipeline.objects.count() == 0


def test_the_api_makes_fills_and_freezes_case_lists(
    studies: list[Study], project: Project, manager: User, api: ApiOf
) -> None:
    client, base = api(manager), "/api/v1/case-lists/"
    body = {"project": project.slug, "name": "L", "purpose": "test", "studies": [str(studies[0].pk)]}

    made = client.post(base, body, format="json")
    one = f"{base}{made.json()['id']}/"
    more = client.post(f"{one}studies/", {"studies": [str(studies[1].pk)]}, format="json").json()
    frozen = client.post(f"{one}freeze/").json()
    late = client.post(f"{one}studies/", {"studies": [str(studies[2].pk)]}, format="json")
    stray = client.post(base, body | {"name": "M", "studies": [str(uuid.uuid4())]}, format="json")

    assert (made.status_code, more["studies"], len(frozen["hash"])) == (201, 2, 64)
    assert client.get(one).json()["study_ids"] == [str(row.pk) for row in studies[:2]]
    assert (late.status_code, late.json()["rule"]) == (409, "list-frozen")
    assert (stray.status_code, stray.json()["rule"]) == (422, "round-studies")
    assert [row["name"] for row in client.get(base).json()["results"]] == ["L"]
    for user in (member(project, "reader"), member(project, "auditor")):
        assert api(user).get(one).status_code == 404
        assert api(user).post(base, body | {"name": "N"}, format="json").status_code == 404


def test_the_preview_tells_who_reads_blind_nothing_of_others_pace(
    studies: list[Study], project: Project, browser_of: BrowserOf
) -> None:
    both, other = member(project, "reader", "coordinator"), member(project, "reader")
    cases = create_case_list(project=project, name="L", purpose="test", studies=studies, by=None)
    round_ = services.create_round(
        project=project, protocol=project.protocols.get(), case_list=cases, name="R", readers=[both, other], seed=1,
        by=None,
    )  # fmt: skip
    rows = Assignment.objects.filter(round=round_, reader=other).select_related("round__project", "round__protocol")
    for row in rows.select_related("reader", "study"):
        signed_case(row)
    Assignment.objects.update(active_seconds=120)
    given = form(studies, [other])

    blind = browser_of(both).post(url(project, "new/plan/"), given).content.decode()
    free = browser_of(member(project, "coordinator")).post(url(project, "new/plan/"), given).content.decode()

    assert "n 6 signed" not in blind
    assert "n 6 signed" in free


def test_a_repeated_round_takes_the_cases_of_the_first_where_none_are_chosen(
    round_: Round, manager: User, browser_of: BrowserOf
) -> None:
    reader = User.objects.get(name="Ada")
    rows = Assignment.objects.filter(round=round_, reader=reader).select_related("round__project", "round__protocol")
    for row in rows.select_related("reader", "study"):
        signed_case(row)
    given = form([], [reader], name="Again", repeat_of=str(round_.pk), washout_days="30")

    browser_of(manager).post(url(round_.project, "new/"), given)

    again = Round.objects.get(name="Again")
    assert (again.case_list, again.repeat_of, again.washout_days) == (round_.case_list, round_, 30)
    assert Assignment.objects.filter(round=again).count() == 6


def test_the_preview_warns_of_cases_that_a_reader_has_elsewhere(
    round_: Round, manager: User, browser_of: BrowserOf
) -> None:
    client, reader = browser_of(manager), User.objects.get(name="Ada")
    given = form([], [reader], case_list=str(round_.case_list_id))

    bare = client.post(url(round_.project, "new/plan/"), given).content.decode()
    repeated = client.post(
        url(round_.project, "new/plan/"), given | {"repeat_of": str(round_.pk), "washout_days": "28"}
    ).content.decode()

    assert "6 reads are of cases that their readers have in another round" in bare
    assert "in another round" not in repeated

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.audit.models import AuditEvent
from plaqueweb.core.errors import Invalid, NotFound
from plaqueweb.review import comments, services
from plaqueweb.review.comments import answer_thread, start_thread, threads_of
from plaqueweb.review.models import Case, Comment
from plaqueweb.review.payload import compare_payload
from tests.factories import ClipFactory, UserFactory, member
from tests.plaqueweb.review.world import ALL, NOWHERE, World, box

Api = Callable[[User | None], APIClient]
Browser = Callable[[User], Client]


@pytest.fixture
def compared(world: World) -> World:
    """A case with one read and one prediction."""
    world.read(world.reader_a, 1, 6.0, marks={2: (ALL, box(10, 10, 10, 10))})
    world.predict(1, 5.6, masks={2: box(10, 13, 10, 10)})
    services.refresh_open_cases()
    return world


def pin(world: World, by: User | None = None, **change: Any) -> Comment:
    given: dict[str, Any] = {"clip": world.clip.pk, "frame": 2, "x": 12.5, "y": 20.25, "text": "Shadow behind calcium?"}
    return start_thread(case=world.case, by=by or world.coordinator, **(given | change))


def seen(world: World, user: User | None = None) -> list[dict[str, Any]]:
    return threads_of(user=user or world.coordinator, case=world.case)


def url(world: World) -> str:
    return f"/api/v1/cases/{world.case.pk}/comments/"


def test_a_thread_keeps_its_place_its_answers_and_who_said_what(compared: World) -> None:
    compared.disclose(compared.reader_a)
    first = pin(compared)
    answer_thread(thread=first, by=compared.reader_a, text="Yes, see frame 3")

    (thread,) = seen(compared)

    assert (thread["number"], thread["frame"], thread["x"], thread["y"]) == (1, 2, 12.5, 20.25)
    assert [(row["by"], row["own"], row["text"]) for row in (thread, *thread["answers"])] == [
        ("C. Coordinator", True, "Shadow behind calcium?"),
        ("Reader A", False, "Yes, see frame 3"),
    ]
    assert thread["resolved"] is False


def test_a_thread_is_resolved_and_opened_again_by_further_rows(compared: World) -> None:
    first = pin(compared)
    answer_thread(thread=first, by=compared.coordinator, text="", settles=True)
    assert seen(compared)[0]["resolved"] is True
    answer_thread(thread=first, by=compared.coordinator, text="a later remark changes nothing")
    assert seen(compared)[0]["resolved"] is True

    answer_thread(thread=first, by=compared.coordinator, text="not yet", settles=False)

    assert seen(compared)[0]["resolved"] is False
    assert Comment.objects.count() == 4


def test_a_comment_is_never_edited(compared: World) -> None:
    row = pin(compared)

    with pytest.raises(DatabaseError), transaction.atomic():
        Comment.objects.filter(pk=row.pk).update(text="something else")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"text": "  "}, "comment-text"),
        ({"text": "x" * 1001}, "comment-length"),
        ({"frame": 5}, "comment-place"),
        ({"frame": 0}, "comment-place"),
        ({"x": 64.5}, "comment-place"),
        ({"y": -0.5}, "comment-place"),
        ({"x": float("nan")}, "comment-place"),
    ],
)
def test_what_says_nothing_or_lies_outside_is_refused(compared: World, change: dict[str, Any], rule: str) -> None:
    with pytest.raises(Invalid) as told:
        pin(compared, **change)

    assert told.value.rule == rule
    assert not Comment.objects.exists()


def test_a_clip_of_another_study_is_not_found(compared: World) -> None:
    other = ClipFactory(study=compared.add_study())

    for clip in (other.pk, NOWHERE):
        with pytest.raises(NotFound):
            pin(compared, clip=clip)


def test_an_answer_to_an_answer_is_refused_and_an_empty_one_too(compared: World) -> None:
    first = pin(compared)
    second = answer_thread(thread=first, by=compared.coordinator, text="yes")

    for thread, text, rule in ((second, "and?", "comment-thread"), (first, " ", "comment-text")):
        with pytest.raises(Invalid) as told:
            answer_thread(thread=thread, by=compared.coordinator, text=text)
        assert told.value.rule == rule


def test_nobody_who_is_blinded_a_stranger_or_undisclosed_reads_counts_or_adds_comments(
    compared: World, api: Api, browser_of: Browser
) -> None:
    first = pin(compared, by=compared.adjudicator)
    compared.assign(compared.coordinator, state="opened")

    for user in (compared.coordinator, compared.reader_b, UserFactory()):
        client = api(user)
        assert client.get(url(compared)).status_code == 404
        body = {"clip": str(compared.clip.pk), "frame": 1, "x": 1, "y": 1, "text": "hello"}
        assert client.post(url(compared), body, format="json").status_code == 404
        assert threads_of(user=user, case=compared.case) == []
        with pytest.raises(NotFound):
            pin(compared, by=user)
        with pytest.raises(NotFound):
            answer_thread(thread=first, by=user, text="hello")
    assert Comment.objects.count() == 1


def test_the_api_adds_answers_and_lists(compared: World, api: Api) -> None:
    client = api(compared.coordinator)
    place = {"clip": str(compared.clip.pk), "frame": 2, "x": 3.5, "y": 4.0}

    made = client.post(url(compared), place | {"text": "<b>bold</b> & more"}, format="json")
    assert made.status_code == 201
    thread = made.json()[0]["id"]
    settled = client.post(url(compared), {"thread": thread, "text": "done", "settles": True}, format="json")

    assert settled.status_code == 201
    (row,) = client.get(url(compared)).json()
    assert (row["text"], row["resolved"], row["answers"][0]["text"]) == ("<b>bold</b> & more", True, "done")


@pytest.mark.parametrize(
    "body",
    [
        {"text": "no place"},
        {"thread": str(NOWHERE), "text": "no such thread"},
        {"text": "x", "clip": "x", "frame": 1, "x": 0, "y": 0},
        {"text": "x", "who": "me"},
    ],
)
def test_what_is_no_comment_is_refused(compared: World, api: Api, body: dict[str, Any]) -> None:
    answer = api(compared.coordinator).post(url(compared), body, format="json")

    assert answer.status_code in (404, 422)
    assert answer["Content-Type"] == "application/problem+json"
    assert not Comment.objects.exists()


def test_a_thread_is_answered_in_its_own_case_only(compared: World, api: Api) -> None:
    first = pin(compared)
    other = Case.objects.create(round=compared.round, study=compared.add_study(), number=9)

    answer = api(compared.coordinator).post(
        f"/api/v1/cases/{other.pk}/comments/", {"thread": str(first.pk), "text": "here?"}, format="json"
    )

    assert answer.status_code == 404


def test_the_page_carries_comments_as_data_and_never_as_markup(compared: World, browser_of: Browser) -> None:
    pin(compared, text="</script><img src=x onerror=alert(1)>")

    html = (
        browser_of(compared.coordinator).get(f"/p/{compared.project.slug}/cases/{compared.case.pk}/").content.decode()
    )

    assert "onerror=alert(1)>" not in html
    assert "\\u003Cimg" in html


def test_that_something_was_said_is_audited_and_what_was_said_is_not(compared: World) -> None:
    pin(compared)

    event = AuditEvent.objects.get(verb="comment.added")

    assert "calcium" not in str(event.diff)
    assert event.actor_id == compared.coordinator.pk


def test_comments_take_one_query_however_many(compared: World, django_assert_num_queries: Any) -> None:
    for number in range(3):
        first = pin(compared, text=f"thread {number}")
        for _ in range(3):
            answer_thread(thread=first, by=member(compared.project, "coordinator"), text="answer")

    case = compared.case
    with django_assert_num_queries(1):
        rows = threads_of(user=compared.coordinator, case=case)

    assert [len(row["answers"]) for row in rows] == [3, 3, 3]


def test_the_document_of_the_comparison_holds_the_threads(compared: World) -> None:
    pin(compared)

    assert [row["text"] for row in compare_payload(compared.compare())["comments"]] == ["Shadow behind calcium?"]


def test_the_limit_of_a_comment_fits_its_column() -> None:
    assert Comment._meta.get_field("text").max_length == comments.CHARACTERS

"""The pages and API of error review: filters, neighbours, empty states, CSV, query counts."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.predictions.models import Showing
from plaqueweb.review import services
from plaqueweb.review.errors.services import record
from plaqueweb.review.models import Case
from plaqueweb.review.tasks import compare_masks
from tests.factories import ClipFactory, member
from tests.plaqueweb.review.world import ALL, World, box

Browser = Callable[[User], Client]
Api = Callable[[User | None], APIClient]


def fill(world: World, count: int) -> None:
    """Cases with ever smaller differences of thickness, all of another class than the model's."""
    for n in range(count):
        if n:
            world.study = world.add_study()
            world.clip = ClipFactory(study=world.study, number=1)
        world.read(world.reader_a, 1, 9.0 - n / 2, marks={2: (ALL, box(10, 10, 10, 10))})
        world.read(world.reader_b, 1, 9.0 - n / 2)
        world.predict(0, 2.0, masks={2: box(10, 10, 10, 8)})
    services.refresh_open_cases()


@pytest.fixture
def three(world: World) -> World:
    fill(world, 3)
    return world


def base(world: World) -> str:
    return f"/p/{world.project.slug}/errors/"


def payload(html: str) -> dict[str, Any]:
    found = re.search(r'<script id="compare-data"[^>]*>(.*?)</script>', html, re.S)
    assert found is not None
    document: dict[str, Any] = json.loads(found[1])
    return document


def test_the_queue_shows_why_each_case_is_in_it_worst_first(three: World, browser_of: Browser) -> None:
    html = browser_of(three.coordinator).get(base(three)).content.decode()

    numbers = re.findall(r'<td class="num">(−\d\.\d mm)</td>', html)
    assert numbers == ["−7.0 mm", "−6.5 mm", "−6.0 mm"]
    assert "class differs (the reference)" in html
    assert "areas of 3 cases are being compared" in html
    assert "style=" not in html


def test_the_live_part_rests_when_nothing_is_compared_any_more(three: World, browser_of: Browser) -> None:
    client = browser_of(three.coordinator)
    first = client.get(base(three)).content.decode()
    compare_masks()
    second = client.get(base(three)).content.decode()
    part = client.get(base(three), {"fragment": "queue"})

    assert "data-live" in first
    assert "data-live" not in second
    assert part.status_code == 286
    assert "<html" not in part.content.decode()


def test_a_case_knows_the_one_before_and_after_within_the_filter(three: World, browser_of: Browser) -> None:
    client = browser_of(three.coordinator)
    order = re.findall(r'data-row="([^"]+)"', client.get(base(three)).content.decode())
    said = [payload(client.get(f"{base(three)}{pk}/?trigger=class").content.decode())["errors"] for pk in order]

    assert said[0]["previous_url"] is None
    assert f"/errors/{order[1]}/" in said[0]["next_url"]
    assert "trigger=class" in said[0]["next_url"]
    assert f"/errors/{order[1]}/" in said[2]["previous_url"]
    assert said[2]["next_url"] is None


def test_the_page_asks_why_and_says_that_it_changes_no_reference(three: World, browser_of: Browser) -> None:
    case = Case.objects.first()
    assert case is not None
    html = browser_of(three.coordinator).get(f"{base(three)}{case.pk}/").content.decode()

    assert html.count("data-error-reason=") == 11
    assert "changes no reference" in html
    assert "data-comment-dialog" not in html
    assert "style=" not in html
    assert Showing.objects.filter(user=three.coordinator, study=case.study).exists()


def test_reviewed_cases_leave_the_waiting_list_and_are_counted(three: World, browser_of: Browser) -> None:
    client, case = browser_of(three.coordinator), Case.objects.first()
    assert case is not None
    record(project=three.project, case=case.pk, pipeline="", reasons=["wall", "outline"], note="", by=three.coordinator)

    waiting = client.get(base(three)).content.decode()
    done = client.get(base(three), {"state": "reviewed"}).content.decode()

    assert waiting.count("data-row=") == 2
    assert done.count("data-row=") == 1
    assert "Wall taken for plaque, Outline too thick or thin" in done
    assert re.search(r'Outline too thick or thin</th><td class="num">1</td>', waiting)


def test_the_csv_has_a_column_for_each_reason_and_no_formula(three: World, browser_of: Browser) -> None:
    case = Case.objects.first()
    assert case is not None
    record(project=three.project, case=case.pk, pipeline="", reasons=["wall"], note="=1+1", by=three.coordinator)

    answer = browser_of(three.coordinator).get(f"{base(three)}reasons.csv")
    (line,) = csv.DictReader(io.StringIO(answer.content.decode()))

    assert (line["wall"], line["missed"], line["note"]) == ("1", "0", "'=1+1")
    assert (line["case"], line["pipeline"], line["triggers"]) == (str(case.number), "PlaqueNet 0.1", "class thickness")


def test_empty_states_say_what_would_fill_them(world: World, browser_of: Browser) -> None:
    client = browser_of(world.coordinator)
    assert "No model result to look at." in client.get(base(world)).content.decode()
    fill(world, 1)
    assert "No case in this filter." in client.get(base(world), {"trigger": "no_result"}).content.decode()
    record(project=world.project, case=world.case.pk, pipeline="", reasons=["wall"], note="", by=world.coordinator)
    assert "All reviewed." in client.get(base(world)).content.decode()


@pytest.mark.parametrize("role", ["reader", "auditor", "data_steward"])
def test_nobody_else_finds_the_pages(three: World, browser_of: Browser, role: str) -> None:
    client, case = browser_of(member(three.project, role)), Case.objects.first()
    assert case is not None

    for address in (base(three), f"{base(three)}reasons.csv", f"{base(three)}{case.pk}/"):
        assert client.get(address).status_code == 404


def test_a_case_on_which_they_agree_has_no_page(world: World, browser_of: Browser) -> None:
    world.read(world.reader_a, 1, 6.0)
    world.predict(1, 6.0)
    services.refresh_open_cases()

    assert browser_of(world.coordinator).get(f"{base(world)}{world.case.pk}/").status_code == 404


def test_the_api_lists_the_queue_and_the_reviews(three: World, api: Api) -> None:
    client = api(three.coordinator)
    found = client.get("/api/v1/error-reviews/queue/", {"project": three.project.slug}).json()
    first = found["rows"][0]
    body = {"project": three.project.slug, "case": first["case"], "pipeline": found["pipeline"], "reasons": ["frame"]}
    made = client.post("/api/v1/error-reviews/", body | {"note": "late systole"}, format="json")

    assert (found["total"], first["triggers"]) == (3, ["class", "thickness"])
    assert (first["readers_class"], first["model_class"], first["state"]) == (1, 0, "waiting")
    assert made.status_code == 201
    assert made.json()["reads"] == first["reads"]
    again = client.get("/api/v1/error-reviews/queue/", {"project": three.project.slug}).json()
    assert (again["total"], again["reviewed"]) == (2, 1)
    assert [row["note"] for row in client.get("/api/v1/error-reviews/").json()["results"]] == ["late systole"]
    assert api(three.reader_a).get("/api/v1/error-reviews/").json()["results"] == []


def test_more_cases_take_no_more_queries(
    three: World, browser_of: Browser, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    client = browser_of(three.coordinator)
    client.get(base(three))
    with django_assert_max_num_queries(26):
        assert client.get(base(three)).content.decode().count("data-row=") == 3
    fill_more(three)
    client.get(base(three))

    with django_assert_max_num_queries(26):
        assert client.get(base(three)).content.decode().count("data-row=") == 8


def fill_more(world: World) -> None:
    """Five cases on top."""
    for _ in range(5):
        world.study = world.add_study()
        world.clip = ClipFactory(study=world.study, number=1)
        world.read(world.reader_a, 1, 6.0)
        world.read(world.reader_b, 1, 6.0)
        world.predict(0, 2.0)
    services.refresh_open_cases()

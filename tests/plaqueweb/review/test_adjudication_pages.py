"""The adjudicator's pages and API: blind first, nothing of anybody else's, rubbish refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.review.models import Adjudication, AdjudicationPlan, BlindAnswer, Consensus
from tests.factories import member
from tests.plaqueweb.review.test_adjudication import begun, caliper
from tests.plaqueweb.review.world import World

Browser = Callable[[User], Client]
Api = Callable[[User | None], APIClient]


def test_the_queue_says_nothing_of_why_a_case_is_in_it(waiting: World, browser_of: Browser) -> None:
    html = browser_of(waiting.adjudicator).get(f"/p/{waiting.project.slug}/adjudication/").content.decode()

    assert "1 case waits" in html
    assert waiting.study.label not in html
    for told in ("Reader A", "Reader B", "differs,", "discordant", "drawn", "to adjudicate"):
        assert told not in html


def test_an_empty_queue_says_what_would_bring_a_case(world: World, browser_of: Browser) -> None:
    html = browser_of(world.adjudicator).get(f"/p/{world.project.slug}/adjudication/").content.decode()

    assert "Nothing waits" in html
    assert "class differs, thickness differs by more than 1.0 mm" in html


def test_who_neither_decides_nor_plans_finds_no_queue(waiting: World, browser_of: Browser) -> None:
    client, base = browser_of(waiting.reader_a), f"/p/{waiting.project.slug}/adjudication/"

    assert client.get(base).status_code == 404
    assert client.post(f"{base}begin/").status_code == 404
    assert client.post(f"{base}share/").status_code == 404


def test_a_coordinator_plans_the_share_before_the_first_comparison(world: World, browser_of: Browser) -> None:
    client, base = browser_of(world.coordinator), f"/p/{world.project.slug}/adjudication/"

    client.post(f"{base}share/", {"round": str(world.round.pk), "share": "25"})
    refused = client.post(f"{base}share/", {"round": str(world.round.pk), "share": "lots"}, follow=True)

    assert AdjudicationPlan.objects.get().share == 0.25
    assert "The share lies between 0 and 100 %." in refused.content.decode()
    assert client.post(f"{base}share/", {"round": "x", "share": "1"}).status_code == 404


def test_a_coordinator_who_reads_blind_is_told_no_counts(waiting: World, browser_of: Browser) -> None:
    client, url = browser_of(waiting.coordinator), f"/p/{waiting.project.slug}/adjudication/"
    assert "Readers differ" in client.get(url).content.decode()
    waiting.assign(waiting.coordinator, state="opened")

    assert "Readers differ" not in client.get(url).content.decode()


def test_the_page_goes_from_ones_own_answer_to_the_reads(waiting: World, browser_of: Browser, api: Api) -> None:
    client, base = browser_of(waiting.adjudicator), f"/p/{waiting.project.slug}/adjudication/"
    opened = client.post(f"{base}begin/", follow=True)
    address = opened.redirect_chain[-1][0]
    first = opened.content.decode()
    assert "your own answer" in first
    assert "not complex (0)" not in first
    assert "style=" not in first

    row = Adjudication.objects.get()
    made = api(waiting.adjudicator).post(f"/api/v1/adjudications/{row.pk}/answer/", {"reader_class": 1}, format="json")
    second = client.get(address).content.decode()

    assert made.status_code == 201
    assert "names hidden" in second
    assert "class differs" in second
    for hidden in ("Reader A", "Reader B", "cut-off", "PlaqueNet"):
        assert hidden not in second


def test_the_api_walks_from_the_queue_to_the_reference(waiting: World, api: Api) -> None:
    client = api(waiting.adjudicator)
    made = client.post("/api/v1/adjudications/", {"case": str(waiting.case.pk)}, format="json")
    url = f"/api/v1/adjudications/{made.json()['id']}/"
    early = client.post(f"{url}decide/", {"take": "1", "reason_code": "missed"}, format="json")
    body = {"reader_class": 1, "reasons": {"mobile": "no"}, "caliper": caliper(waiting)}
    answer = client.post(f"{url}answer/", body, format="json")
    done = client.post(f"{url}decide/", {"take": "own", "reason_code": "missed"}, format="json")

    assert (made.status_code, early.status_code, answer.status_code, done.status_code) == (201, 409, 201, 201)
    assert answer.json()["own"]["thickness_mm"] == pytest.approx(4.0)
    assert done.json()["decision"]["model_visible"] is False
    assert [row["state"] for row in client.get("/api/v1/adjudications/").json()["results"]] == ["decided"]
    assert Consensus.objects.get().reader_class == 1


@pytest.mark.parametrize(
    "body", [{"reader_class": 5}, {"reader_class": 1, "why": "x"}, {}, {"reader_class": 1, "caliper": {"frame": 1}}]
)
def test_the_api_names_the_rule_of_rubbish(waiting: World, api: Api, body: dict[str, Any]) -> None:
    row = begun(waiting)

    refused = api(waiting.adjudicator).post(f"/api/v1/adjudications/{row.pk}/answer/", body, format="json")

    assert refused.status_code == 422
    assert refused["Content-Type"] == "application/problem+json"
    assert not BlindAnswer.objects.exists()


def test_somebody_elses_adjudication_is_not_there(waiting: World, api: Api) -> None:
    row = begun(waiting)
    for user in (waiting.coordinator, member(waiting.project, "adjudicator"), waiting.reader_a):
        client = api(user)
        assert client.get(f"/api/v1/adjudications/{row.pk}/").status_code == 404
        assert (
            client.post(f"/api/v1/adjudications/{row.pk}/answer/", {"reader_class": 1}, format="json").status_code
            == 404
        )
        assert client.get("/api/v1/adjudications/").json()["results"] == []
    assert api(waiting.reader_a).post(
        "/api/v1/adjudications/", {"case": str(waiting.case.pk)}, format="json"
    ).status_code == 404  # fmt: skip


def test_the_queue_takes_the_same_queries_for_more_cases(
    waiting: World, browser_of: Browser, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    client, url = browser_of(waiting.adjudicator), f"/p/{waiting.project.slug}/adjudication/"
    first = waiting.study
    for _ in range(5):
        waiting.study = waiting.add_study()
        waiting.read(waiting.reader_a, 1, 5.0, key_frame=None)
        waiting.read(waiting.reader_b, 0, 2.0, key_frame=None)
    waiting.study = first
    client.get(url)

    with django_assert_max_num_queries(22):
        assert client.get(url).content.decode().count("data-row=") == 6

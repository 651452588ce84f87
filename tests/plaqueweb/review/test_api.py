from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from plaqueweb.accounts.models import User
from plaqueweb.review import services
from plaqueweb.review.models import Consensus, DifferenceNote
from tests.factories import UserFactory
from tests.plaqueweb.review.world import ALL, World, box

Api = Callable[[User | None], APIClient]


@pytest.fixture
def compared(world: World) -> World:
    """A case with one read and one prediction."""
    world.read(world.reader_a, 1, 6.0, marks={2: (ALL, box(10, 10, 10, 10))})
    world.predict(1, 5.6, masks={2: box(10, 13, 10, 10)})
    services.refresh_open_cases()
    return world


def url(world: World, tail: str = "") -> str:
    return f"/api/v1/cases/{world.case.pk}/{tail}"


@pytest.mark.parametrize("tail", ["", "compare/", "notes/"])
def test_a_case_is_not_there_for_who_may_not_see_it(compared: World, api: Api, tail: str) -> None:
    stranger = UserFactory()
    undisclosed = compared.reader_b
    blinded = compared.coordinator
    compared.assign(blinded, state="opened")

    for user in (stranger, undisclosed, blinded):
        assert api(user).get(url(compared, tail)).status_code == 404
    assert api(None).get(url(compared, tail)).status_code in (401, 403)


def test_blinded_people_find_no_case_in_the_list(compared: World, api: Api) -> None:
    assert len(api(compared.coordinator).get("/api/v1/cases/").json()["results"]) == 1
    compared.assign(compared.coordinator, state="assigned")

    assert api(compared.coordinator).get("/api/v1/cases/").json()["results"] == []


def test_the_compare_document_is_given_to_a_reader_once_disclosed(compared: World, api: Api) -> None:
    compared.disclose(compared.reader_a)

    answer = api(compared.reader_a).get(url(compared, "compare/"))

    assert answer.status_code == 200
    assert answer.json()["verdict"] == "Same plaque, same class; model 0.4 mm thinner."
    assert [row["key"] for row in answer.json()["numbers"]] == ["class", "reason", "thickness", "area", "dice", "time"]


def test_notes_are_added_and_listed(compared: World, api: Api) -> None:
    client = api(compared.coordinator)
    document = client.get(url(compared, "compare/")).json()
    body = {"read": document["read"]["id"], "prediction": document["prediction"]["id"], "reason": "frame"}

    made = client.post(url(compared, "notes/"), body, format="json")

    assert made.status_code == 201
    assert [row["reason"] for row in client.get(url(compared, "notes/")).json()] == ["frame"]


def test_a_note_with_an_unknown_key_or_reason_is_refused(compared: World, api: Api) -> None:
    client = api(compared.coordinator)
    document = client.get(url(compared, "compare/")).json()
    body = {"read": document["read"]["id"], "prediction": document["prediction"]["id"], "reason": "frame"}

    for change in ({"reason": "luck"}, {"who": "me"}, {"comment": "x" * 501}):
        answer = client.post(url(compared, "notes/"), body | change, format="json")
        assert answer.status_code == 422
        assert answer["Content-Type"] == "application/problem+json"
    assert not DifferenceNote.objects.exists()


def test_references_are_read_here_and_written_nowhere(compared: World, api: Api) -> None:
    answer = api(compared.adjudicator).post("/api/v1/consensus/", {"case": str(compared.case.pk)}, format="json")

    assert answer.status_code == 405
    assert not Consensus.objects.exists()


def test_references_are_hidden_from_the_blinded(compared: World, api: Api) -> None:
    services.record_known_truth(study=compared.study, reader_class=1, thickness_mm=5.0, reasons={})
    assert len(api(compared.coordinator).get("/api/v1/consensus/").json()["results"]) == 1
    compared.assign(compared.coordinator, state="completed")

    assert api(compared.coordinator).get("/api/v1/consensus/").json()["results"] == []


def test_only_listed_filters_are_known(compared: World, api: Api) -> None:
    client = api(compared.coordinator)

    assert client.get("/api/v1/cases/?reader=1").status_code == 400
    assert len(client.get("/api/v1/cases/?state=open").json()["results"]) == 1

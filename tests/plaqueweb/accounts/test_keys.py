"""Keys of one's own: kept with the person, refused where two acts would share one."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/me/keys/"


def client_of(user: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_keys_come_back_at_every_computer_and_belong_to_one_person() -> None:
    reader, other = UserFactory(), UserFactory()
    keys = {"KeyB": "Shift+KeyQ", "Ctrl+Shift+KeyZ": "Ctrl+KeyY"}

    assert client_of(reader).put(ADDRESS, {"keys": keys}, format="json").status_code == 200

    assert client_of(reader).get(ADDRESS).json() == {"keys": keys}
    assert client_of(other).get(ADDRESS).json() == {"keys": {}}


def test_an_empty_map_restores_the_defaults() -> None:
    reader = UserFactory(keys={"KeyB": "KeyQ"})

    client_of(reader).put(ADDRESS, {"keys": {}}, format="json")

    reader.refresh_from_db()
    assert reader.keys is None


@pytest.mark.parametrize(
    "given, rule",
    [
        ({"keys": {"KeyB": "KeyQ", "KeyC": "KeyQ"}}, "keys-conflict"),
        ({"keys": {"KeyB": "<b>"}}, "keys"),
        ({"keys": {"b": "KeyQ"}}, "keys"),
        ({"keys": {"KeyB": 3}}, "keys"),
        ({"keys": ["KeyB"]}, "keys"),
        ({}, "keys"),
        ([], "keys"),
    ],
)
def test_what_is_no_map_of_keys_is_refused(given: Any, rule: str) -> None:
    reader = UserFactory()

    answer = client_of(reader).put(ADDRESS, given, format="json")

    assert (answer.status_code, answer.json()["rule"]) == (422, rule)
    reader.refresh_from_db()
    assert reader.keys is None

"""Who comes to a page that is not theirs is told so calmly, and what to do, whatever is behind it."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Role
from plaqueweb.reads.models import Assignment
from plaqueweb.studies.models import GuidePicture, Project
from tests.factories import ProjectFactory, UserFactory, member
from tests.plaqueweb.api.test_blind_crawl import patterns, world

pytestmark = pytest.mark.django_db
OPEN = {"/login/", "/", "/projects/new/", "/words.js", "/health/", "/api/schema/", "/logout/"}
"""Addresses that belong to no project."""
__all__ = ["world"]  # the fixture


def pages(world: dict[str, Any]) -> list[str]:
    """Return every address of a page in a project, with keys of the world in its holes."""
    keys = [str(world[name].pk) for name in ("study", "case", "round", "job")]
    fill = {
        "slug": [world["project"].slug],
        "pk": keys,
        "digest": GuidePicture.objects.values_list("stored__sha256", flat=True),
        "public_id": Assignment.objects.values_list("public_id", flat=True),
    }
    found = set()
    for route in patterns(get_resolver()):
        if not route.startswith("api/"):
            plain = re.sub(r"<\w+:(\w+)>", r"<\1>", route)
            holes = re.findall(r"<(\w+)>", plain)
            for values in itertools.product(*(fill[hole] for hole in holes)):
                address = plain
                for hole, value in zip(holes, values, strict=True):
                    address = address.replace(f"<{hole}>", value)
                found.add(f"/{address}")
    return sorted(found - OPEN)


def visit(user: User, addresses: list[str]) -> dict[str, str]:
    """GET addresses; return the text of each answer that is no page with its words, by address and status."""
    client = Client()
    client.force_login(user)
    odd = {}
    for address in addresses:
        answer = client.get(address)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        text = body.decode(errors="replace")  # pictures are no page
        words = {404: "Nothing here", 405: "This address is no page"}.get(answer.status_code)
        calm = words is not None and words in text and text.count("<h1") == 1 and user.email in text
        if not calm or "Go to the start" not in text:
            odd[f"{answer.status_code} {address}"] = text
    return odd


@pytest.mark.parametrize("who", ["of another project", "of none"])
def test_every_page_turns_a_stranger_away_in_the_same_words(world: dict[str, Any], who: str) -> None:
    user = member(ProjectFactory(), *Role.values) if who == "of another project" else UserFactory()
    addresses = pages(world)

    odd = visit(user, addresses)

    assert odd == {}
    assert len(addresses) > 60


def test_a_blinded_reader_reaches_own_pages_and_is_turned_away_from_all_others(world: dict[str, Any]) -> None:
    mine = Assignment.objects.get(reader=world["blinded"]).public_id
    slug = world["project"].slug
    picture = f"guide/{GuidePicture.objects.get().stored.sha256}/"
    own = {
        f"/p/{slug}/{page}"
        for page in ("enter/", "worklist/", "profile/", "review/", "discordance/", "discordance.csv", picture)
    }

    odd = visit(world["blinded"], pages(world))

    reached = {key.split(" ", 1)[1] for key in odd}
    assert {address for address in reached if "/agreement" not in address} <= own | {f"/read/{mine}/"}
    assert f"/read/{mine}/" in reached


def test_the_words_do_not_depend_on_what_is_behind_the_address(world: dict[str, Any]) -> None:
    client = Client()
    client.force_login(world["blinded"])

    def text(address: str) -> str:
        return re.sub(
            r"<code>[0-9a-f]{16}</code>|csrfmiddlewaretoken.*?>|\d\d:\d\d", "", client.get(address).content.decode()
        )

    hidden = text(f"/p/{world['project'].slug}/cases/{world['case'].pk}/")
    absent = text(f"/p/{world['project'].slug}/cases/{world['round'].pk}/")

    assert hidden == absent


def test_a_form_opened_as_a_page_says_that_nothing_was_sent(world: dict[str, Any]) -> None:
    client = Client()
    client.force_login(world["blinded"])

    answer = client.get(f"/p/{world['project'].slug}/worklist/sign/")

    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "nothing was sent" in answer.content.decode()


def test_who_is_in_no_project_can_leave(project: Project) -> None:
    client = Client()
    client.force_login(UserFactory(email="lost@example.org"))

    page = client.get("/").content.decode()

    assert "lost@example.org" in page
    assert "Log out" in page

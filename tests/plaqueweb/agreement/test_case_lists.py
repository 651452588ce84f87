"""The list behind a mark comes in pages: in the order of the run, with the count of all, and under the same address."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from plaqueweb.accounts.models import User
from plaqueweb.agreement import listing
from tests.plaqueweb.agreement.test_pages import full
from tests.plaqueweb.agreement.world import World

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
__all__ = ["full"]


def cases(world: World, client: Client, address: str = "", **query: str) -> str:
    base = reverse("agreement-cases", args=[world.project.slug])
    response = client.get(f"{base}{address}", query)
    assert response.status_code == 200
    return response.content.decode()


def link(text: str, words: str) -> str:
    """Address of the link that starts with these words, "" without one."""
    found = re.search(rf'<a[^>]* href="([^"]+)"[^>]*>{words}', text)
    return unescape(found[1]) if found else ""


def rows(text: str) -> list[str]:
    """The cells of every row, without what is around them."""
    body = text[text.index("<tbody>") : text.index("</tbody>")] if "<tbody>" in text else ""
    return [re.sub(r"<[^>]+>|\s+", " ", row).strip() for row in body.split("</tr>")[:-1]]


@pytest.mark.parametrize("query", [{}, {"show": "compared"}, {"board": "measurement", "pick": "digits.no"}])
def test_pages_put_together_are_the_whole_list_in_its_order(
    full: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch, query: dict[str, str]
) -> None:
    client = browser_of(full.coordinator)
    whole = rows(cases(full, client, **query))
    monkeypatch.setattr(listing, "PAGE", 5)

    text, seen = cases(full, client, **query), []
    for _page in range(4):
        seen += rows(text)
        if not (older := link(text, "Older")):
            break
        text = cases(full, client, older)

    assert seen == whole
    assert len(whole) == (0 if "pick" in query else 12)


def test_every_page_says_where_it_stands_and_how_many_there_are(
    full: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser_of(full.coordinator)
    monkeypatch.setattr(listing, "PAGE", 5)

    first = cases(full, client, show="compared", against=f"reader:{full.reader_a.pk}")
    second = cases(full, client, link(first, "Older"))
    last = cases(full, client, link(second, "Older"))

    for text, place in ((first, "1 to 5 of 12"), (second, "6 to 10 of 12"), (last, "11 to 12 of 12")):
        assert place in text
        assert "12 studies" in text
        assert "Reader A, mm" in text
    assert (link(first, "‹ From the start"), link(last, "Older")) == ("", "")
    assert rows(cases(full, client, link(last, "‹ From the start"))) == rows(first)


def test_a_case_that_is_not_in_the_list_starts_from_the_beginning(
    full: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser_of(full.coordinator)
    monkeypatch.setattr(listing, "PAGE", 5)

    assert rows(cases(full, client, after="nothing")) == rows(cases(full, client))


def test_a_list_of_one_page_has_no_foot(full: World, browser_of: Browser) -> None:
    text = cases(full, browser_of(full.coordinator))

    assert len(rows(text)) == 12
    assert "1 to 12 of 12" not in text


def test_a_page_asks_as_many_queries_whatever_the_list_holds(
    full: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    client = browser_of(full.coordinator)
    monkeypatch.setattr(listing, "PAGE", 5)
    older = link(cases(full, client), "Older")
    with django_assert_max_num_queries(60) as asked:
        cases(full, client)

    with django_assert_max_num_queries(len(asked.captured_queries)):
        assert len(rows(cases(full, client, older))) == 5

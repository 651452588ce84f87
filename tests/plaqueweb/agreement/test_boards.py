"""What every tab has: an address, filters that live in it, charts with a table, and cases behind each mark."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from plaqueweb.accounts.models import User
from plaqueweb.agreement.boards.registry import BOARDS
from plaqueweb.agreement.models import AgreementRun
from plaqueweb.audit.models import AuditEvent
from tests.factories import ProjectFactory, member
from tests.plaqueweb.agreement.test_pages import full
from tests.plaqueweb.agreement.world import World

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
SLUGS = [board.slug for board in BOARDS]
AT_ONCE = [board.slug for board in BOARDS if board.gate is None]
"""Tabs that show figures unasked; the others want something first (a margin, say) and compute nothing before."""
__all__ = ["full"]


def get(world: World, client: Client, slug: str, **query: str) -> Any:
    name = next(board.route for board in BOARDS if board.slug == slug)
    return client.get(reverse(name, args=[world.project.slug]), query)


def charts(text: str) -> dict[str, dict[str, Any]]:
    """Data of the charts of a page by key."""
    found = [
        json.loads(body) for body in re.findall(r'<script id="d-[^"]+" type="application/json">(.*?)</script>', text)
    ]
    return {one["key"]: one for one in found}


@pytest.mark.parametrize("slug", AT_ONCE)
def test_every_tab_shows_its_figures_with_n_and_the_other_tabs(full: World, browser_of: Browser, slug: str) -> None:
    response = get(full, browser_of(full.coordinator), slug)
    text = response.content.decode()

    assert response.status_code == 200
    assert text.count('aria-current="true"') == 1
    assert "12 subjects" in text
    assert "interim" in text
    assert not re.search(r"\sstyle=|\son\w+=", text[text.index('<div class="agreement"') :])
    assert AgreementRun.objects.get().kind == slug


@pytest.mark.parametrize("slug", SLUGS)
def test_every_chart_names_its_comparison_and_every_mark_opens_cases(
    full: World, browser_of: Browser, slug: str
) -> None:
    client = browser_of(full.coordinator)
    found = charts(get(full, client, slug).content.decode())

    for chart in found.values():
        assert chart["title"]
        assert chart["ground"]
        for href in set(re.findall(r'"href": "([^"]+)"', json.dumps(chart["data"]))):
            assert client.get(href).status_code == 200, href


@pytest.mark.parametrize("slug", SLUGS)
def test_every_chart_has_its_numbers_as_csv_with_notice_run_and_an_audit_row(
    full: World, browser_of: Browser, slug: str
) -> None:
    client = browser_of(full.coordinator)
    found = charts(get(full, client, slug).content.decode())

    for key in found:
        address = reverse("agreement-chart", args=[full.project.slug])
        response = client.get(address, {"board": slug, "chart": key})
        rows = list(csv.DictReader(io.StringIO(response.content.decode())))
        assert rows, key
        assert {row["notice"] for row in rows} == {"Research use only. Not for diagnosis."}
        assert {row["interim"] for row in rows} == {"yes"}
    assert AuditEvent.objects.filter(verb="agreement.exported").count() == len(found)


@pytest.mark.parametrize("slug", AT_ONCE)
def test_a_tab_is_computed_once_for_the_same_rows_and_filters(full: World, browser_of: Browser, slug: str) -> None:
    client = browser_of(full.coordinator)
    for query in ({}, {}, {"unit": "study"}, {"unit": "study"}):
        get(full, client, slug, **query)
    assert AgreementRun.objects.count() == 1 + ("unit" in next(b for b in BOARDS if b.slug == slug).filters)


def test_filters_of_another_tab_stay_in_the_address_and_unknown_values_are_404(
    full: World, browser_of: Browser
) -> None:
    client = browser_of(full.coordinator)

    text = get(full, client, "overview", scale="no", unit="clip").content.decode()

    tab = re.search(r'<a href="([^"]+)" aria-current="true"', text)
    assert tab is not None
    assert "scale=no" in tab[1]
    for query in ({"segment": "leg"}, {"quality": "x"}, {"scale": "maybe"}, {"scanner": "none"}, {"kind": "x"}):
        assert get(full, client, "overview", **query).status_code == 404


def test_a_filter_narrows_the_studies_and_says_when_none_is_left(full: World, browser_of: Browser) -> None:
    client = browser_of(full.coordinator)
    assert "No study is left under these filters." in get(full, client, "overview", scale="yes").content.decode()
    assert "12 studies" in get(full, client, "overview", scale="no").content.decode()


@pytest.mark.parametrize("slug", SLUGS)
def test_people_outside_get_404_and_a_reader_of_the_open_round_an_empty_page(
    full: World, browser_of: Browser, slug: str
) -> None:
    stranger = member(ProjectFactory(), "coordinator")
    assert get(full, browser_of(stranger), slug).status_code == 404
    assert "No figure yet." in get(full, browser_of(full.reader_a), slug).content.decode()


def test_an_unknown_tab_or_chart_is_404(full: World, browser_of: Browser) -> None:
    client = browser_of(full.coordinator)
    address = reverse("agreement-chart", args=[full.project.slug])
    assert client.get(address, {"chart": "nothing"}).status_code == 404
    assert client.get(address, {"board": "nothing", "chart": "bland-altman"}).status_code == 404
    assert client.get(reverse("agreement-cases", args=[full.project.slug]), {"board": "no"}).status_code == 404

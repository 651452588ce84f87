"""Sites on the dashboard: a filter in the address, series of their own, a part of Subgroups, columns of the files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from plaqueweb.accounts.models import User
from plaqueweb.agreement.figures.periods import chance_each
from plaqueweb.agreement.models import AgreementRun
from plaqueweb.agreement.paper import tables
from plaqueweb.agreement.paper.facts import Facts
from plaqueweb.agreement.services import recompute
from plaqueweb.agreement.tasks import compute_waiting
from plaqueweb.studies.models import Study
from plaqueweb.studies.sites import set_site
from tests.plaqueweb.agreement.reports_world import fill, frozen
from tests.plaqueweb.agreement.world import World

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]


@pytest.fixture
def full(world: World) -> World:
    """20 studies, numbered from the first: 8 of site A, 7 of site B, 5 without."""
    fill(world)
    first = Study.objects.filter(project=world.project).order_by("number").values_list("number", flat=True)[0]
    for site, low, high in (("Site A", 0, 7), ("Site B", 8, 14)):
        set_site(project=world.project, numbers=[(first + low, first + high)], site=site, by=world.coordinator)
    return world


def text_of(world: World, client: Client, name: str, **query: str) -> str:
    address = reverse(name, args=[world.project.slug])
    response = client.get(address, {"against": f"reader:{world.reader_a.pk}", **query})
    assert response.status_code == 200
    return response.content.decode()


def rows_of(world: World, client: Client, name: str, **query: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of(world, client, name, **query))))


def test_the_filter_keeps_the_studies_of_a_site_and_offers_only_sites_that_are_there(
    full: World, browser_of: Browser
) -> None:
    client = browser_of(full.coordinator)

    text = text_of(full, client, "agreement-classification", site="Site B")
    text_of(full, client, "agreement", site="Site B")
    compute_waiting()
    rows = rows_of(full, client, "agreement-csv", site="Site B")

    assert re.findall(r'<option value="(Site [^"]+)"', text) == ["Site A", "Site B"]
    assert {row["site"] for row in rows} == {"Site B"}
    assert len(rows) == 7
    unknown = client.get(reverse("agreement", args=[full.project.slug]), {"site": "Site C"})
    assert unknown.status_code == 404


def test_series_by_site_share_the_chance_of_a_false_alarm(full: World, browser_of: Browser) -> None:
    client = browser_of(full.coordinator)

    text_of(full, client, "agreement-time", split="site")
    run = AgreementRun.objects.get(kind="time")
    series: list[dict[str, Any]] = run.results["series"]

    assert sorted((row["site"], row["scanner"]) for row in series) == [("", ""), ("Site A", ""), ("Site B", "")]
    assert sum(row["cases"] for row in series) == 18  # one has no class of the model, one never ran
    assert chance_each(3) == chance_each(1) / 3
    body = text_of(full, client, "agreement-chart", board="time", chart="weeks", split="site")
    assert "PlaqueNet 0.1,Site A" in body.replace('"', "").replace(", ", ",")
    assert "site not known" in body


def test_a_site_that_is_given_later_is_seen_at_once_and_leaves_earlier_runs_as_they_were(
    full: World, browser_of: Browser
) -> None:
    client = browser_of(full.coordinator)
    before = text_of(full, client, "agreement-subgroups")
    run = AgreementRun.objects.get(kind="subgroups")
    last = Study.objects.filter(project=full.project, site="").order_by("-number").values_list("number", flat=True)
    set_site(project=full.project, numbers=[(n, n) for n in last], site="Site C", by=full.coordinator)

    after = text_of(full, client, "agreement-subgroups")

    assert "Site: Site A" in before
    assert "Site: not known" in before
    assert "Site: Site C" not in before
    assert "Site: Site C" in after
    assert "Site: not known" not in after
    assert recompute(run=run) == run.results


def test_a_report_tells_how_many_studies_each_site_has(full: World) -> None:
    facts = Facts(frozen(full).manifest)

    cells = {row[0]: row[1] for row in tables.characteristics(facts).rows}

    assert cells["Studies, site: Site A"] == "8 (40.0 %)"
    assert cells["Studies, site: not known"] == "5 (25.0 %)"
    assert "Studies by site: not known (5), Site A (8) and Site B (7)." in facts.acquisition()


def test_without_any_site_nothing_speaks_of_sites(world: World, browser_of: Browser) -> None:
    fill(world)
    client = browser_of(world.coordinator)

    assert 'name="site"' not in text_of(world, client, "agreement-classification")
    assert "Site: " not in text_of(world, client, "agreement-subgroups")
    assert not any("site" in row[0] for row in tables.characteristics(Facts(frozen(world).manifest)).rows)

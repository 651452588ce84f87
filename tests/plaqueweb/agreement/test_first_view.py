"""In a large project the first view comes before anything is read, and its next request has the figures counted."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from plaqueweb.accounts.models import User
from plaqueweb.accounts.roles import Role
from plaqueweb.accounts.services import set_roles
from plaqueweb.agreement import shortcut
from plaqueweb.agreement.models import AgreementRun
from plaqueweb.agreement.tasks import compute_waiting
from plaqueweb.core.models import WorkState
from tests.plaqueweb.agreement.test_pages import full, small
from tests.plaqueweb.agreement.test_shortcut import body, large, no_rows, read_anew
from tests.plaqueweb.agreement.world import World

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
__all__ = ["full", "large"]


@pytest.fixture
def uncounted(large: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """So many studies that the worker counts them."""
    small(monkeypatch, 3)
    return large


def test_the_first_view_says_how_much_there_is_without_reading_it(
    uncounted: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser_of(uncounted.coordinator)
    with monkeypatch.context() as patch:
        no_rows(patch)
        first = body(uncounted, client)

    assert "Being counted" in first
    assert "12 studies with a prediction, 24 signed reads and 12 references" in first
    assert not AgreementRun.objects.exists()
    address = re.search(r'hx-get="([^"]+fragment=run)"', first)
    assert address is not None
    part = client.get(address[1].replace("&amp;", "&"))
    assert part.status_code == 200
    assert "a worker computes it" in part.content.decode()
    assert AgreementRun.objects.get().work_state == WorkState.QUEUED
    assert compute_waiting() == 1
    done = client.get(address[1].replace("&amp;", "&"))
    assert (done.status_code, done["HX-Refresh"]) == (286, "true")
    assert "12 subjects" in body(uncounted, client)


def test_without_scripts_a_link_leads_on(uncounted: World, browser_of: Browser) -> None:
    client = browser_of(uncounted.coordinator)
    link = re.search(r'<p data-without-script><a href="([^"]+)"', body(uncounted, client))
    assert link is not None

    assert "a worker computes it" in client.get(link[1].replace("&amp;", "&")).content.decode()
    assert AgreementRun.objects.get().work_state == WorkState.QUEUED


def test_a_first_view_with_filters_checks_them_at_once(uncounted: World, browser_of: Browser) -> None:
    client = browser_of(uncounted.coordinator)
    address = reverse("agreement", args=[uncounted.project.slug])

    assert client.get(address, {"against": "reader:nobody"}).status_code == 404
    assert client.get(address, {"round": str(uuid.uuid4())}).status_code == 404
    assert "Being counted" in body(uncounted, client, round=str(uncounted.round.pk))


def test_who_may_see_nothing_is_told_so_and_not_to_wait(
    uncounted: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = body(uncounted, browser_of(uncounted.reader_a))

    assert "No figure yet" in shown
    assert "Being counted" not in shown
    assert shown == read_anew(uncounted, browser_of(uncounted.reader_a), monkeypatch)


def test_a_page_that_waited_for_nothing_is_sent_on(
    uncounted: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All results left while the page stood there: its next request leads to a page that says so."""
    client = browser_of(uncounted.coordinator)
    assert "Being counted" in body(uncounted, client)
    set_roles(project=uncounted.project, user=uncounted.coordinator, roles=[Role.READER], by=None)

    part = client.get(reverse("agreement", args=[uncounted.project.slug]), {"fragment": "run"})

    assert part["HX-Redirect"].endswith("wait=1")
    assert "No figure yet" in client.get(part["HX-Redirect"]).content.decode()


def stamped(asked: CaptureQueriesContext) -> list[str]:
    """The tables of answers whose rows were joined to one text, which a stamp does and nothing else."""
    joined = [row["sql"] for row in asked.captured_queries if re.search(r"GROUP_CONCAT|STRING_AGG", row["sql"])]
    return sorted(found[1] for sql in joined if (found := re.search(r'FROM "((?:reads|review|predictions)_\w+)"', sql)))


def test_a_small_project_is_never_stamped_and_a_large_one_is(
    full: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser_of(full.coordinator)

    def stamped_tables() -> list[str]:
        with CaptureQueriesContext(connection) as asked:
            assert "12 subjects" in body(full, client)
        return stamped(asked)  # read at once: the next request empties the log

    few = stamped_tables()
    monkeypatch.setattr(shortcut, "MANY_STUDIES", 11)
    body(full, client, wait="1")
    many = stamped_tables()

    assert few == []
    assert many == ["predictions_prediction", "reads_read", "review_consensus"]


def test_more_studies_need_no_more_queries(
    large: World, browser_of: Browser, django_assert_max_num_queries: Any
) -> None:
    client = browser_of(large.coordinator)
    body(large, client)
    with django_assert_max_num_queries(30) as few:
        body(large, client)
        enough = len(few.captured_queries)
    for number in range(6):
        study = large.study()
        large.read(study, large.reader_a, number % 2, 4.0)
        large.predict(study, 1, 4.0)
    body(large, client)
    with django_assert_max_num_queries(enough):
        body(large, client)

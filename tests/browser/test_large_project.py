"""A project too large to be counted within a request: its page stands at once, counts, and then shows its figures."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from plaqueweb.agreement.boards.shown import MOST_ROWS
from plaqueweb.agreement.listing import PAGE
from plaqueweb.ops.room import Room
from tests.browser.conftest import Visit

pytestmark = pytest.mark.browser
CASES = [["plain"]]
FRAGMENT = "**/*fragment=run*"
COMPUTE = "from plaqueweb.agreement.tasks import compute_waiting as compute\nassert compute() == 1"


@pytest.fixture(scope="module")
def world(room: Room) -> dict[str, Any]:
    filled: dict[str, Any] = json.loads(
        room.python("from tests.browser import large_world as w\nw.main()").splitlines()[-1]
    )
    return filled


@pytest.fixture
def page(visit: Visit, world: dict[str, Any]) -> Page:
    return visit(world["email"], viewport={"width": 1280, "height": 720}, accept_downloads=True)


def test_the_page_counts_by_itself_and_its_long_table_leads_to_all_rows(
    page: Page, room: Room, world: dict[str, Any]
) -> None:
    n, held = world["studies"], []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(FRAGMENT, hold)
    page.goto(f"{room.address}{world['address']}")
    card = page.locator("#agreement-run")
    expect(card).to_contain_text(
        f"{n} studies with a prediction, {2 * n} signed reads and {n} references that you may see"
    )
    expect(card.get_by_role("link", name="Show them")).to_be_hidden()  # it is for browsers without scripts

    for route in held:
        route.continue_()
    page.unroute(FRAGMENT)
    expect(card.locator("[data-state=queued]")).to_be_visible()
    room.python(COMPUTE)
    expect(card).to_be_hidden()
    expect(page.locator(".agreement-sentence")).to_contain_text(f"of {n} subjects")
    page.wait_for_selector("[data-chart=d-bland-altman] svg")
    box = page.locator(".page-head").bounding_box()
    assert box is not None
    assert box["height"] < 60  # tabs and buttons stand in one line

    table = page.locator("#r-bland-altman")
    table.locator("summary").click()
    expect(table).to_contain_text(f"{MOST_ROWS} of {n} rows, furthest apart first.")
    expect(table.locator("tbody tr")).to_have_count(MOST_ROWS)
    table.locator("tbody tr").last.scroll_into_view_if_needed()
    expect(table.locator("thead")).to_be_in_viewport()
    with page.expect_download() as sent:
        table.get_by_role("link", name=f"All {n} rows: CSV").click()
    with Path(sent.value.path()).open(encoding="utf-8", newline="") as file:
        assert len(list(csv.reader(file))) == 1 + n


def test_a_list_of_all_cases_is_walked_page_by_page_with_keys(page: Page, room: Room, world: dict[str, Any]) -> None:
    n = world["studies"]
    page.goto(f"{room.address}{world['address']}?wait=1")
    page.locator("#c-ceiling footer a", has_text="cases").click()
    seen: list[str] = []
    for first in range(1, n + 1, PAGE):
        last = min(first + PAGE - 1, n)
        expect(page.locator("main .card-foot")).to_contain_text(f"{first} to {last} of {n}")
        expect(page.locator(".page-head")).to_contain_text(f"{n} studies")
        seen += page.locator("main table.data tbody td:first-child").all_inner_texts()
        if last < n:
            page.keyboard.press("KeyO")

    assert len(seen) == len(set(seen)) == n
    page.keyboard.press("Shift+KeyO")
    expect(page.locator("main .card-foot")).to_contain_text(f"1 to {PAGE} of {n}")
    page.keyboard.press("KeyJ")
    expect(page.locator("main tr[aria-selected=true]")).to_contain_text(seen[0])

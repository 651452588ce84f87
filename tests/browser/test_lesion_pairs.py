"""Same plaque? Lesions are paired, unlinked, linked and taken back by key and by button."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from plaqueweb.ops.room import Room
from tests.browser.conftest import Visit

pytestmark = pytest.mark.browser
CASES = [["plain"]]


@pytest.fixture(scope="module")
def world(room: Room) -> dict[str, Any]:
    filled: dict[str, Any] = json.loads(room.python("from tests.browser import lesions_world as w\nw.main()"))
    return filled


@pytest.fixture
def open_case(visit: Visit, room: Room, world: dict[str, Any]) -> Callable[..., Page]:
    """Return a function that opens the case as somebody."""

    def go(who: str, query: str = "") -> Page:
        page = visit(world[who], viewport={"width": 1280, "height": 720})
        page.goto(room.address + world["case"] + query)
        expect(page.locator('[data-compare][data-ready="yes"]')).to_be_visible()
        return page

    return go


def states(page: Page) -> list[str | None]:
    return [row.get_attribute("data-pair") for row in page.locator("tr[data-pair]").all()]


def test_a_coordinator_unlinks_links_and_takes_back(open_case: Callable[..., Page]) -> None:
    page = open_case("manager")
    rows, verdict = page.locator("tr[data-pair]"), page.locator("[data-verdict]")
    expect(rows).to_have_count(2)
    assert states(page) == ["same", "extra"]
    expect(verdict).to_contain_text("Same plaque")

    page.keyboard.press("t")
    expect(rows.first).to_be_hidden()
    page.keyboard.press("l")  # shows the tab of the rows that it walks
    expect(rows.first).to_be_visible()
    expect(rows.first).to_have_attribute("aria-current", "true")
    page.keyboard.press("s")
    expect(rows).to_have_count(3)
    assert states(page) == ["missed", "extra", "extra"]
    expect(verdict).to_contain_text("Different plaque")

    missed = page.locator('tr[data-pair="missed"]')
    missed.locator("[data-pair-choice]").select_option(label="Lesion 2")
    missed.get_by_role("button", name="Same plaque").click()
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("said by Dr Manager")

    page.keyboard.press("z")
    expect(page.locator('tr[data-pair="missed"]')).to_be_visible()
    expect(rows).to_have_count(3)
    page.keyboard.press("z")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("overlap (IoU)")
    expect(verdict).to_contain_text("Same plaque")

    page.reload()
    expect(rows).to_have_count(2)


def test_who_may_not_say_it_sees_the_pairs_alone(open_case: Callable[..., Page]) -> None:
    page = open_case("engineer")

    expect(page.locator('tr[data-pair="same"]')).to_be_visible()
    expect(page.locator("[data-pair-act]")).to_have_count(0)
    page.keyboard.press("l")
    page.keyboard.press("s")
    expect(page.locator("[data-toasts]")).to_contain_text("Coordinators and adjudicators")


def test_two_models_stand_in_pairs_that_nobody_judges(open_case: Callable[..., Page], world: dict[str, Any]) -> None:
    page = open_case("manager", world["models"])

    expect(page.locator("tr[data-pair]")).to_have_count(2)
    assert states(page) == ["same", "alone"]
    expect(page.locator('tr[data-pair="same"]')).to_contain_text("overlap (IoU) 1.00")
    expect(page.locator('tr[data-pair="alone"]')).to_contain_text("only PlaqueNet 2.0")
    expect(page.locator("[data-pair-act]")).to_have_count(0)
    page.keyboard.press("l")
    page.keyboard.press("s")
    expect(page.locator("[data-toasts]")).to_contain_text("paired by the rule alone")

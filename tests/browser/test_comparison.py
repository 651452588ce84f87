"""The comparison page walked by keyboard: sides, frames, swipe, links, comments; no error, no serious barrier."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from plaqueweb.ops.room import Room
from tests.browser.conftest import Visit
from tests.conftest import REPO

pytestmark = pytest.mark.browser
CASES = [["plain"]] * 6
OpenCase = Callable[..., Page]


@pytest.fixture(scope="module")
def world(room: Room) -> dict[str, Any]:
    """Who is there, and which rounds and cases."""
    filled: dict[str, Any] = json.loads(room.python("from tests.browser import rounds_world as w\nw.main()"))
    return filled


@pytest.fixture
def open_case(visit: Visit, room: Room, world: dict[str, Any]) -> OpenCase:
    """Return a function that opens the first comparison of the round as its coordinator."""

    def opened(*, bypass_csp: bool = False) -> Page:
        page = visit(world["manager"], bypass_csp=bypass_csp)
        page.goto(f"{room.address}/p/room/review/?round={world['given']['round']}")
        page.locator('a[href*="/cases/"]').first.click()
        expect(ready(page)).to_be_visible()
        return page

    return opened


def ready(page: Page) -> Locator:
    return page.locator('[data-compare][data-ready="yes"]')


def frame(page: Page) -> str:
    return ready(page).get_attribute("data-frame") or ""


def test_disagreements_frames_links_and_swipe_go_by_key(open_case: OpenCase) -> None:
    page = open_case()
    page.keyboard.press("x")
    expect(ready(page)).to_have_attribute("data-frame", "20")  # examined without plaque; the model marked some
    expect(page.locator("[data-walk]")).to_have_text("largest difference")
    page.keyboard.press("x")
    expect(page.locator("[data-walk]")).to_have_text("difference 2 of 2")
    page.keyboard.press("Shift+X")
    expect(ready(page)).to_have_attribute("data-frame", "20")

    page.keyboard.press("t")
    here = page.locator('#panel-frames tr[aria-current="true"]')
    expect(here).to_contain_text("examined, no plaque")
    here.focus()
    page.keyboard.press("ArrowDown")
    expect(ready(page)).to_have_attribute("data-frame", "21")
    expect(here).to_contain_text("not marked: unknown")
    page.locator('th[data-column="dice"] button').focus()
    page.keyboard.press("Enter")
    expect(page.locator('th[data-column="dice"]')).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("#panel-frames tbody tr").first).to_contain_text("0.00")
    page.locator("#panel-frames tbody tr").first.click()
    expect(ready(page)).to_have_attribute("data-frame", "20")

    page.keyboard.press("w")
    divider = page.locator("[data-divider]")
    expect(divider).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "52")
    expect(ready(page)).to_have_attribute("data-frame", "20")  # the arrow moved the divider, not the frame
    page.keyboard.press("w")
    expect(divider).to_be_hidden()

    page.keyboard.press("Shift+F")
    expect(page.locator('[data-link="frame"]')).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("[")
    expect(page.locator("[data-opacity]")).to_have_value("90")


def test_the_choice_of_sides_stays_in_the_address(open_case: OpenCase) -> None:
    page = open_case()
    reads = page.locator('select[name="left"] optgroup').first.locator("option")
    reader, other = reads.nth(0).inner_text(), reads.nth(1).inner_text()

    page.select_option('select[name="right"]', label=other)
    page.wait_for_url(re.compile(r"right=read\."))
    expect(ready(page)).to_be_visible()
    page.reload()
    expect(ready(page)).to_be_visible()

    expect(page.locator('select[name="left"] option:checked')).to_have_text(reader)
    expect(page.locator('select[name="right"] option:checked')).to_have_text(other)
    expect(page.locator("[data-verdict]")).to_contain_text(re.compile("Same|:"))
    expect(page.locator("#panel-numbers > .cmp-table thead")).to_contain_text("Right − left")


def test_a_comment_is_pinned_under_the_cursor_and_survives_a_reload_until_it_is_sent(open_case: OpenCase) -> None:
    page = open_case()
    pane = page.locator('[data-pane="image"]')
    box = pane.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.keyboard.press("c")
    text = page.locator("#comment-new")
    expect(text).to_be_focused()
    page.keyboard.type("<b>shadow</b> & calcium?")
    expect(pane.locator('[data-pin="+"]')).to_be_attached()

    page.reload()
    expect(ready(page)).to_be_visible()
    expect(text).to_have_value("<b>shadow</b> & calcium?")
    expect(page.locator("[data-comment-note]")).to_have_text("Not sent yet.")
    text.focus()
    page.keyboard.press("Control+Enter")

    thread = page.locator('[data-thread="1"]')
    expect(thread).to_contain_text("<b>shadow</b> & calcium?")
    expect(thread.locator("b", has_text="shadow")).to_have_count(0)
    expect(text).to_have_value("")
    expect(pane.locator('[data-pin="1"]')).to_be_attached()
    expect(page.locator("[data-comment-count]")).to_have_text("1")
    thread.get_by_role("button", name="Resolve").press("Enter")
    expect(thread).to_contain_text("resolved it")
    at = frame(page)
    text.press("Escape")
    page.keyboard.press("ArrowRight")
    expect(ready(page)).not_to_have_attribute("data-frame", at)
    thread.get_by_role("button", name=re.compile("^1 · frame")).press("Enter")
    expect(ready(page)).to_have_attribute("data-frame", at)


@pytest.mark.parametrize("tab", ["numbers", "frames", "comments"])
def test_axe_finds_no_serious_barrier_on_any_tab(open_case: OpenCase, tab: str) -> None:
    page = open_case(bypass_csp=True)
    page.locator(f"#tab-{tab}").click()
    if tab == "frames":
        expect(page.locator("#panel-frames tbody tr").first).to_be_visible()
    page.keyboard.press("w")
    page.evaluate((REPO / "static" / "node_modules" / "axe-core" / "axe.min.js").read_text())

    found = page.evaluate("axe.run()")["violations"]

    grave = [one for one in found if one["impact"] in {"serious", "critical"}]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in grave] == []

"""The reading page in a room of its own: what is drawn is measured, kept and never lost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from plaqueweb.ops.room import Room
from tests.browser.conftest import Console
from tests.conftest import REPO, skip_or_fail

pytestmark = pytest.mark.browser
PLAIN, UNSCALED, BIPLANE, CARRY = range(4)
OpenCase = Callable[..., Page]


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    """One room for this file: each test reads its own case."""
    if not (REPO / "static" / "dist" / ".vite" / "manifest.json").exists():
        skip_or_fail("the front end is not built (python3 run.py test builds it)")
    made = Room([["plain", "plain"], ["unscaled"], ["biplane"], ["plain"]])
    yield made
    made.close()


@pytest.fixture
def open_case(chromium: Browser, room: Room, console: Console) -> Iterator[OpenCase]:
    """Return a function that logs in, in a context of its own or a given one, and opens a case."""
    contexts: list[BrowserContext] = []

    def opened(case: int, context: BrowserContext | None = None, **options: Any) -> Page:
        if context is None:
            context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
            contexts.append(context)
            context.set_default_timeout(30_000)
            page = context.new_page()
            watch(page, console)
            page.goto(f"{room.address}/login/")
            page.fill("#id_username", room.email)
            page.fill("#id_password", room.password)
            page.click("button[type=submit]")
            page.wait_for_url("**/p/room/**")
        else:
            page = context.new_page()
            watch(page, console)
        page.goto(f"{room.address}/read/{room.cases[case]}/")
        expect(page.locator("#reading[data-ready]")).to_be_visible()
        return page

    yield opened
    for context in contexts:
        context.close()


def watch(page: Page, console: Console) -> None:
    page.on("console", console.log)
    page.on("pageerror", lambda error: console.complaints.append(f"exception: {error}"))


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Return where a place of the pane, as shares of its width and height, is on the page."""
    box = page.locator("#reading canvas").first.bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*at(page, *start))
    page.mouse.down()
    page.mouse.move(*at(page, (start[0] + end[0]) / 2, (start[1] + end[1]) / 2), steps=3)
    page.mouse.move(*at(page, *end), steps=3)
    page.mouse.up()


def saved(page: Page) -> None:
    expect(page.locator('.rd-save[data-kind="saved"]')).to_contain_text("Saved")


def read_of(page: Page, room: Room, case: int) -> dict[str, Any]:
    """Return the read as the server has it."""
    answer = page.request.get(f"{room.address}/api/v1/assignments/{room.cases[case]}/")
    assert answer.ok
    read: dict[str, Any] = json.loads(answer.text())["read"]
    return read


def test_a_clip_without_a_scale_gets_the_readers_own(open_case: OpenCase, room: Room) -> None:
    page = open_case(UNSCALED)
    expect(page.locator(".vp-tr")).to_contain_text("no scale in the file")
    page.keyboard.press("c")
    drag(page, (0.4, 0.3), (0.4, 0.5))
    expect(page.locator(".vp-chord")).to_contain_text("px, no scale in the file")
    page.keyboard.press("Escape")

    page.get_by_role("button", name="set scale", exact=True).click()
    drag(page, (0.8, 0.1), (0.8, 0.6))
    dialog = page.get_by_role("dialog")
    words = dialog.locator(".rd-field").first.inner_text()
    px = float(re.findall(r"[\d.]+(?= px, down)", words)[0])
    page.keyboard.type("50")
    page.keyboard.press("Enter")
    expect(page.locator(".vp-tr")).to_contain_text("scale set by hand")
    expect(page.locator(".vp-chord")).to_contain_text("mm, manual")
    saved(page)

    read = read_of(page, room, UNSCALED)
    caliper = read["frames"][0]["calipers"][0]
    assert read["scales"][0]["row_mm"] == pytest.approx(50 / px, rel=0.01)
    assert caliper["scale"] == "manual"
    assert caliper["mm"] == pytest.approx(caliper["px"] * read["scales"][0]["row_mm"])
    page.keyboard.press("Control+z")
    expect(page.locator(".vp-chord")).to_contain_text("px, no scale in the file")


def test_a_scale_in_the_file_is_not_overruled(open_case: OpenCase) -> None:
    page = open_case(PLAIN)
    page.keyboard.press("q")
    expect(page.locator(".rd-notice")).to_contain_text("stands in the file")
    expect(page.get_by_role("button", name="set scale", exact=True)).to_have_count(0)


def test_both_halves_of_a_biplane_picture_have_a_scale_and_an_answer(open_case: OpenCase, room: Room) -> None:
    page = open_case(BIPLANE)
    page.keyboard.press("l")
    page.keyboard.press("b")
    drag(page, (0.3, 0.5), (0.35, 0.5))
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    page.keyboard.press("b")
    drag(page, (0.65, 0.5), (0.7, 0.5))
    page.keyboard.press("Escape")
    expect(page.locator(".rd-section", has_text="Frame 1, region 2")).to_be_visible()
    page.keyboard.press("c")
    drag(page, (0.3, 0.3), (0.3, 0.4))
    drag(page, (0.7, 0.3), (0.7, 0.4))
    drag(page, (0.3, 0.6), (0.7, 0.6))
    expect(page.locator(".rd-notice")).to_contain_text("one region")
    saved(page)

    frames = read_of(page, room, BIPLANE)["frames"]
    assert [(frame["region"], frame["extent"]) for frame in frames] == [(1, "all_marked"), (2, None)]
    mm = [frame["calipers"][0]["mm"] for frame in frames]
    assert mm[1] == pytest.approx(2 * mm[0], rel=0.02)
    assert all(frame["areas"]["1"]["mm2"] for frame in frames)
    page.reload()
    expect(page.locator("#reading[data-ready]")).to_be_visible()
    expect(page.locator(".vp-chord")).to_have_count(2)


def test_a_lesion_is_carried_over_the_loop_and_kept_frame_by_frame(open_case: OpenCase, room: Room) -> None:
    page = open_case(CARRY)
    page.keyboard.press("l")
    page.keyboard.press("b")
    drag(page, (0.48, 0.78), (0.52, 0.78))
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    page.keyboard.press("Shift+J")
    expect(page.locator(".rd-carry")).to_contain_text("Carrying lesion 1 over the loop: 0 / 23 frames")
    room.python("from plaqueweb.reads.propagation import process_next; assert process_next()")

    expect(page.locator(".rd-carry")).to_contain_text("Drafts: 23 left", timeout=30_000)
    expect(page.locator(".vp-draft")).to_have_count(1)
    assert len(read_of(page, room, CARRY)["frames"]) == 1
    page.keyboard.press("y")
    page.keyboard.press("Shift+Y")
    page.keyboard.press("y")
    expect(page.locator(".rd-carry")).to_contain_text("Drafts: 20 left")
    saved(page)
    frames = {frame["frame"]: frame for frame in read_of(page, room, CARRY)["frames"]}
    assert sorted(frames) == [1, 2, 4]
    assert frames[4]["sources"] == {"1": "propagated"}
    assert frames[4]["extent"] == "all_marked"

    page.reload()
    expect(page.locator(".rd-carry")).to_contain_text("left")
    page.get_by_role("button", name="leave out all").click()
    expect(page.locator(".rd-carry")).to_be_hidden()
    page.keyboard.press("Control+z")
    assert sorted(frame["frame"] for frame in read_of(page, room, CARRY)["frames"]) == [1, 2, 4]

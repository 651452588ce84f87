"""The reading guide in a room of its own: written with a picture, read beside a case and on the worklist by one key."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from plaqueweb.ops.room import Room
from tests.browser.conftest import Console, Visit
from tests.browser.test_protocol import CASES, ROUND, SETTING_UP

__all__ = ["CASES", "SETTING_UP"]
pytestmark = pytest.mark.browser
KEPT = """
from plaqueweb.studies.models import Protocol
row = Protocol.objects.latest("version")
print(row.version, [(s["title"], s["about"], len(s["pictures"])) for s in row.guide or []])
"""
LOOK = """() => {
  const root = document.querySelector("#reading");
  const words = (name) => document.querySelector(name)?.textContent;
  return [root.dataset.frame, words(".rd-tool.is-on"), words(".rd-options")];
}"""


def picture() -> dict[str, Any]:
    image = Image.new("RGB", (640, 400), "black")
    ImageDraw.Draw(image).ellipse((120, 60, 520, 340), outline="white", width=6)
    out = io.BytesIO()
    image.save(out, "PNG")
    return {"name": "example.png", "mimeType": "image/png", "buffer": out.getvalue()}


def test_a_guide_is_written_and_read_beside_the_case(visit: Visit, room: Room, console: Console) -> None:
    console.announced += ["api/v1/guide-pictures/", "p/room/protocol/"]
    page = visit("c@room.example")
    page.goto(f"{room.address}/p/room/protocol/")
    _write(page)
    page.get_by_role("button", name="Save version 2").click()
    expect(page.get_by_text("Reading guide, section 2: picture 1 needs an alternative text")).to_be_visible()
    page.get_by_label("Alternative text of picture 1").fill("A ring without a flap")
    page.get_by_role("button", name="Save version 2").click()
    expect(page.get_by_text("Version 2 is saved: choose it for the next round.")).to_be_visible()
    expect(page.get_by_role("cell", name="2 sections, 1 picture")).to_be_visible()
    assert room.python(KEPT).strip() == "2 [('Quality', 'quality', 0), ('Mobile part', 'mobile', 1)]"

    case = room.python(ROUND).strip()
    _read(visit(room.email), room, case)


def test_without_a_guide_there_is_no_button(visit: Visit, room: Room) -> None:
    page = visit("c@room.example")
    page.goto(f"{room.address}/p/room/protocol/?from=1")
    expect(page.get_by_role("button", name="Write a reading guide")).to_be_visible()
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Test read").click()
    tried = opened.value
    tried.wait_for_selector("#reading[data-ready]")
    tried.keyboard.press("/")
    expect(tried.get_by_role("button", name="Guide")).to_have_count(0)
    expect(tried.locator(".gd")).to_have_count(0)


def _write(page: Page) -> None:
    page.get_by_role("button", name="Write a reading guide").click()
    page.get_by_label("Title of section 1").fill("Quality")
    page.get_by_label("What section 1 is about").select_option("quality")
    page.get_by_label("Text of section 1").fill("Judge the study.\n\n- good: the wall is seen\n- limited: in part")
    page.get_by_role("button", name="Add a section").click()
    page.get_by_label("Title of section 2").fill("Mobile part")
    page.get_by_label("What section 2 is about").select_option("mobile")
    page.get_by_label("Text of section 2").fill("It moves on its own. <b>Not</b> with the wall.\n" * 40)
    chosen = page.get_by_label("Picture for section 2")
    chosen.set_input_files({"name": "no.gif", "mimeType": "image/gif", "buffer": b"GIF89a"})
    expect(page.get_by_text("no.gif is not added: This is no PNG, JPEG or WebP picture.")).to_be_visible()
    chosen.set_input_files(picture())
    expect(page.get_by_label("Alternative text of picture 1")).to_be_focused()
    page.get_by_label("Caption of picture 1").fill("No flap here")
    shown = page.frame_locator("iframe").get_by_role("complementary", name="Reading guide")
    expect(shown.get_by_role("heading", name="Mobile part")).to_be_visible()
    expect(shown.get_by_text("<b>Not</b>").first).to_be_visible()
    expect(page.get_by_text("Not saved yet; kept in this tab.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Caption of picture 1")).to_have_value("No flap here")


def _read(page: Page, room: Room, case: str) -> None:
    _on_the_worklist(page, room)
    page.goto(f"{room.address}/read/{case}/")
    page.wait_for_selector("#reading[data-ready]")
    for key in ("ArrowRight", "ArrowRight", "l", "b"):
        page.keyboard.press(key)
    page.wait_for_selector('#reading[data-frame="3"]')
    before, size = page.evaluate(f"JSON.stringify(({LOOK})())"), page.locator(".rd-pane").bounding_box()
    guide = page.get_by_role("complementary", name="Reading guide")
    page.locator('[data-about="mobile"]').hover()
    page.keyboard.press("/")

    expect(guide.get_by_role("heading", name="Mobile part")).to_be_in_viewport()
    expect(guide.get_by_role("heading", name="Quality")).not_to_be_in_viewport()
    image = guide.get_by_role("img", name="A ring without a flap")
    image.scroll_into_view_if_needed()
    page.wait_for_function("() => document.querySelector('.gd img').naturalWidth === 640")
    page.keyboard.press("ArrowRight")  # frames and answers go on beside it; scrolling is the guide's
    page.keyboard.press("ArrowDown")
    page.wait_for_selector('#reading[data-frame="4"]')
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector('#reading[data-frame="3"]')
    image.click()
    expect(page.get_by_role("dialog").get_by_role("img")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(guide).to_be_visible()
    page.keyboard.press("Escape")
    expect(guide).to_be_hidden()
    page.wait_for_function(f"(before) => JSON.stringify(({LOOK})()) === before", arg=before)
    assert page.locator(".rd-pane").bounding_box() == size

    page.locator('[data-about="quality"]').get_by_role("radio", name="Good").first.click()
    page.get_by_role("button", name="Guide").click()
    expect(guide.get_by_role("heading", name="Quality")).to_be_in_viewport()
    page.keyboard.press("/")
    expect(guide).to_be_hidden()
    page.keyboard.press("?")
    expect(page.get_by_text("reading guide, at what you point to or answer")).to_be_visible()


def _on_the_worklist(page: Page, room: Room) -> None:
    page.goto(f"{room.address}/p/room/worklist/")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("/")
    guide = page.get_by_role("complementary", name="Reading guide")
    expect(guide.get_by_role("heading", name="Quality")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Escape")
    expect(guide).to_be_hidden()

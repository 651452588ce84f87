"""The beat beside the picture: ms after R, R waves on the bar, an ECG with the playhead, or nothing."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from plaqueweb.ops.room import Room
from tests.browser.conftest import Console
from tests.browser.test_reading_room import OpenCase, open_case

__all__ = ["open_case"]
pytestmark = pytest.mark.browser
CASES = [["plain", "beats", "traced"]]
SPIKES = r"""() => {
  const [ecg, head] = [".scrub-ecg", ".scrub-head"].map((name) => document.querySelector(name));
  const points = ecg.getAttribute("d").slice(1).split("L").map((pair) => pair.split(" ").map(Number));
  const top = Math.min(...points.map(([, y]) => y));
  const cursor = Number(/[\d.]+/.exec(head.getAttribute("transform"))[0]);
  return [points.filter(([, y]) => y === top).map(([x]) => x), cursor];
}"""


def test_each_clip_shows_what_its_file_tells(
    open_case: OpenCase, room: Room, chromium: Browser, console: Console
) -> None:
    page = open_case(0, viewport={"width": 1280, "height": 720})
    expect(page.locator(".rd-beat")).to_be_empty()
    expect(page.locator(".scrub-beat > *")).to_have_count(0)
    height = page.locator(".rd-pane").bounding_box()

    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")  # frame 24, at 920 ms; R waves at 120 and 800 ms
    expect(page.locator(".rd-beat")).to_have_text("120 ms after R")
    page.keyboard.press("Home")
    expect(page.locator(".rd-beat")).to_have_text("120 ms before the first R")
    assert page.locator(".scrub-r").get_attribute("d").count("M") == 2  # type: ignore[union-attr]
    expect(page.locator(".scrub-ecg")).to_have_count(0)
    assert page.locator(".rd-pane").bounding_box() == height

    page.keyboard.press("ArrowDown")
    _traced(page)
    page.keyboard.press("ArrowUp")
    expect(page.locator(".scrub-ecg")).to_have_count(0)
    assert page.evaluate("[...document.querySelectorAll('.rd-bar-line')].every((e) => e.scrollWidth <= e.clientWidth)")


def _traced(page: Page) -> None:
    expect(page.locator(".scrub-ecg")).to_be_visible()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#reading")).to_have_attribute("data-frame", "4")  # at 120 ms, on the R wave
    expect(page.locator(".rd-beat")).to_have_text("0 ms after R")
    spikes, cursor = page.evaluate(SPIKES)
    assert min(spikes) == pytest.approx(cursor, abs=1)

    box = page.locator(".scrub").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + max(spikes), box["y"] + box["height"] - 6)  # on the second spike, in the strip
    expect(page.locator("#reading")).to_have_attribute("data-frame", "21")
    expect(page.locator(".rd-beat")).to_have_text("0 ms after R")

    zoom = page.get_by_text(re.compile(r"^\d+ %$"))
    before = zoom.inner_text()
    page.keyboard.press("f")  # at "fit" already: now the whole frame, with the trace that is burnt in
    expect(zoom).not_to_have_text(before)
    page.keyboard.press("f")
    expect(zoom).to_have_text(before)

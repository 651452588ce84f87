"""A case is read by keys alone, with as few as promised; and two minutes without the server lose nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from plaqueweb.ops.room import Room
from tests.browser.conftest import Console, Visit, watch

pytestmark = pytest.mark.browser
CASES = [["plain", "plain"]] + [["plain"]] * 5
TWO_MINUTES = 120_000


@pytest.fixture
def page(visit: Visit, room: Room) -> Page:
    """A page on the worklist, logged in."""
    made = visit(room.email)
    made.context.set_default_timeout(60_000)
    return made


def shown(page: Page) -> None:
    expect(page.locator("#reading[data-ready]")).to_be_visible()
    expect(page.locator('#reading .vp[data-frame]:not([data-frame="0"])').first).to_be_visible()


def open_case(page: Page, room: Room, case: int) -> None:
    page.goto(f"{room.address}/read/{room.cases[case]}/")
    shown(page)


def detail(page: Page, room: Room, case: int) -> dict[str, Any]:
    answer = page.request.get(f"{room.address}/api/v1/assignments/{room.cases[case]}/")
    assert answer.ok
    found: dict[str, Any] = json.loads(answer.text())
    return found


def unread(page: Page, room: Room) -> int:
    """Return a case that was never opened: the last one in the reader's order."""
    rows = json.loads(page.request.get(f"{room.address}/api/v1/assignments/?page_size=50").text())["results"]
    return room.cases.index([row["public_id"] for row in rows if row["state"] == "assigned"][-1])


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Return where a place of the pane, as shares of its width and height, is on the page."""
    box = page.locator("#reading canvas").first.bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def caliper(page: Page, x: float, frame: int) -> None:
    """Measure on a frame, once it is the one on screen."""
    expect(page.locator("#reading .vp").first).to_have_attribute("data-frame", str(frame))
    page.keyboard.press("c")
    page.mouse.click(*at(page, x, 0.3))
    page.mouse.click(*at(page, x, 0.5))
    page.keyboard.press("Escape")


def press(page: Page, *keys: str) -> int:
    """Press keys and return how many."""
    for key in keys:
        page.keyboard.press(key)
    return len(keys)


def test_cases_are_read_by_keyboard_from_the_worklist_to_the_signature(page: Page, room: Room) -> None:
    first = page.locator("table[data-rows] tbody tr").first
    expect(first).to_be_visible()
    page.keyboard.press("Enter")  # the next case, whichever it is
    shown(page)

    opened = room.cases.index(page.url.rstrip("/").rsplit("/", 1)[1])
    press(page, "ArrowDown", "ArrowUp", "Space")  # viewing: the loop goes on while the answer is given
    used = press(page, "n")
    expect(page.get_by_text("All answers given")).to_be_visible()
    used += press(page, "Control+Enter")
    page.wait_for_url(lambda url: "/read/" in url and room.cases[opened] not in url)
    assert used == 2
    read = detail(page, room, opened)["read"]
    assert (read["state"], read["answers"]["reader_class"], read["plaque_present"]) == ("completed", 0, False)

    complex_case = unread(page, room)
    open_case(page, room, complex_case)
    press(page, *["ArrowRight"] * 4)  # viewing: to the frame
    expect(page.locator("#reading .vp").first).to_have_attribute("data-frame", "5")
    used = press(page, "c")
    page.mouse.click(*at(page, 0.5, 0.6))
    page.mouse.click(*at(page, 0.5, 0.75))
    expect(page.locator(".vp-chord")).to_contain_text("mm")
    used += press(page, "d", "u", "n", "1", "6", "3")
    expect(page.get_by_text("All answers given")).to_be_visible()
    used += press(page, "Control+Enter")
    page.wait_for_url(lambda url: room.cases[complex_case] not in url)
    assert used <= 10
    read = detail(page, room, complex_case)["read"]
    lesion = read["lesions"][0]
    assert (read["state"], read["answers"]["reader_class"], read["rule_class"]) == ("completed", 1, 1)
    assert (lesion["segment"], lesion["key_frame"], lesion["ulceration"], lesion["mobile"]) == (
        "descending",
        5,
        "yes",
        "no",
    )
    assert read["answers"]["findings"]["arch"] == {"visibility": "well", "plaque": "none"}

    page.goto(f"{room.address}/p/{room.slug}/worklist/")
    sign = page.get_by_role("button", name="Sign").first
    sign.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog[open]")
    dialog.get_by_label("Password").focus()
    page.keyboard.type(room.password)
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 cases signed")).to_be_visible()
    assert {detail(page, room, case)["state"] for case in (opened, complex_case)} == {"signed"}


CINES = """() => performance.getEntriesByType('resource')
  .filter(entry => entry.name.includes('/cine/') && entry.responseEnd > 0)
  .map(({ name, transferSize }) => ({ name, transferSize }))"""


def test_the_next_cases_pictures_are_there_before_it_is_opened(page: Page, room: Room) -> None:
    page.keyboard.press("Enter")
    shown(page)
    here = room.cases.index(page.url.rstrip("/").rsplit("/", 1)[1])
    told = detail(page, room, here)
    own = len(told["clips"])
    page.wait_for_function(f"() => ({CINES})().length > {own}")
    names = {entry["name"] for entry in page.evaluate(CINES)}
    following = room.cases.index(told["next_url"].rstrip("/").rsplit("/", 1)[1])
    assert detail(page, room, following)["state"] == "assigned"
    assert detail(page, room, following)["read"] is None

    open_case(page, room, following)
    page.wait_for_function(f"() => ({CINES})().length > 0")
    entry = page.evaluate(CINES)[0]
    assert entry["name"] in names
    assert entry["transferSize"] == 0  # out of the browser's own store


def test_two_minutes_offline_lose_nothing(page: Page, room: Room, console: Console) -> None:
    case = unread(page, room)
    page.clock.install()
    open_case(page, room, case)
    caliper(page, 0.3, 1)
    page.clock.run_for(1500)
    expect(page.locator('.rd-save[data-kind="saved"]')).to_contain_text("Saved")
    room.kill()

    for half in range(4):  # half a minute each: something is drawn, the page tries again and again
        page.keyboard.press("ArrowRight")
        caliper(page, 0.35 + 0.05 * half, half + 2)
        page.clock.run_for(TWO_MINUTES // 4)
        expect(page.locator(".rd-save")).to_contain_text("Offline since")
    expect(page.locator(".rd-save")).to_contain_text("kept here")

    room.start()
    page.clock.run_for(6000)
    expect(page.locator('.rd-save[data-kind="saved"]')).to_contain_text("Saved")
    forgive(console)
    frames = detail(page, room, case)["read"]["frames"]
    assert sorted((frame["frame"], len(frame["calipers"])) for frame in frames) == [(n, 1) for n in range(1, 6)]
    assert kept(page) == []


def test_reloading_while_offline_keeps_the_strokes(page: Page, room: Room, console: Console) -> None:
    case = unread(page, room)
    open_case(page, room, case)
    caliper(page, 0.3, 1)
    expect(page.locator('.rd-save[data-kind="saved"]')).to_contain_text("Saved")
    room.kill()
    page.keyboard.press("ArrowRight")
    caliper(page, 0.4, 2)
    expect(page.locator(".rd-save")).to_contain_text("Offline since", timeout=30_000)

    page.on("dialog", lambda dialog: dialog.accept())
    with pytest.raises(Exception, match="ERR_CONNECTION_REFUSED"):
        page.reload()
    context = page.context
    page.close()  # the browser's own page of failure would load again by itself
    room.start()
    page = watch(context.new_page(), console)
    open_case(page, room, case)
    expect(page.locator('.rd-save[data-kind="saved"]')).to_contain_text("Saved")
    expect(page.locator(".vp-chord")).to_have_count(1)
    forgive(console)
    frames = detail(page, room, case)["read"]["frames"]
    assert sorted(frame["frame"] for frame in frames) == [1, 2]
    assert kept(page) == []


def forgive(console: Console) -> None:
    """Forget what a browser complains of while no server is there."""
    console.complaints[:] = [text for text in console.complaints if "ERR_" not in text]


KEPT = """() => new Promise((resolve, reject) => {
  const opened = indexedDB.open("plaqueweb-reading", 1);
  opened.onerror = () => reject(opened.error);
  opened.onsuccess = () => {
    const all = opened.result.transaction("pending").objectStore("pending").getAllKeys();
    all.onsuccess = () => { opened.result.close(); resolve(all.result); };
  };
})"""


def kept(page: Page) -> list[str]:
    """Return what the browser still keeps for the server."""
    found: list[str] = page.evaluate(KEPT)
    return found

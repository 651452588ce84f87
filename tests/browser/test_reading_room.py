"""The reading page in a room of its own: what is drawn is measured, kept and never lost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from plaqueweb.ops.room import Room
from tests.browser.conftest import Console, Visit, watch
from tests.conftest import REPO

pytestmark = pytest.mark.browser
CASES = [["plain", "plain"], ["unscaled"], ["biplane"], *[["plain"]] * 6]
PLAIN, UNSCALED, BIPLANE, CARRY, KILLED, TABS, EXPIRED, PEN, CORRECTED = range(9)
OpenCase = Callable[..., Page]


@pytest.fixture
def open_case(visit: Visit, room: Room, console: Console) -> OpenCase:
    """Return a function that logs in, in a context of its own or a given one, and opens a case."""

    def opened(case: int, context: BrowserContext | None = None, **options: Any) -> Page:
        page = visit(room.email, **options) if context is None else watch(context.new_page(), console)
        page.goto(f"{room.address}/read/{room.cases[case]}/")
        expect(page.locator("#reading[data-ready]")).to_be_visible()
        # Nothing can be drawn before the first picture is there.
        expect(page.locator('#reading .vp[data-frame]:not([data-frame="0"])').first).to_be_visible()
        return page

    return opened


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


def expected(console: Console, *parts: str) -> None:
    """Forget complaints that a test provokes, however many there are of them."""
    console.complaints[:] = [text for text in console.complaints if not any(part in text for part in parts)]


def caliper_on(page: Page, x: float) -> None:
    page.keyboard.press("c")
    drag(page, (x, 0.3), (x, 0.4))
    page.keyboard.press("Escape")


def calipers_of(page: Page, room: Room, case: int) -> int:
    return sum(len(frame["calipers"]) for frame in read_of(page, room, case)["frames"])


def test_a_killed_server_loses_nothing(open_case: OpenCase, room: Room, console: Console) -> None:
    page = open_case(KILLED)
    caliper_on(page, 0.3)
    saved(page)
    room.kill()
    page.keyboard.press("ArrowRight")
    caliper_on(page, 0.4)
    expect(page.locator(".rd-save")).to_contain_text("Offline since", timeout=20_000)

    room.start()
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.locator("#reading[data-ready]")).to_be_visible()
    saved(page)
    expected(console, "ERR_", "status of 50")
    assert calipers_of(page, room, KILLED) == 2


def test_two_tabs_never_overwrite_each_other(open_case: OpenCase, room: Room, console: Console) -> None:
    first = open_case(TABS)
    second = open_case(TABS, first.context)
    caliper_on(first, 0.3)
    saved(first)
    second.bring_to_front()
    second.keyboard.press("ArrowRight")
    caliper_on(second, 0.5)

    dialog = second.get_by_role("dialog", name="Changed in another window")
    expect(dialog).to_contain_text("Saved there")
    dialog.get_by_role("button", name="Keep mine").click()
    saved(second)
    expected(console, "status of 412")
    assert calipers_of(second, room, TABS) == 2


def test_a_session_that_ends_in_mid_stroke_asks_for_the_password_in_place(
    open_case: OpenCase, room: Room, console: Console
) -> None:
    page = open_case(EXPIRED)
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("c")
    page.mouse.move(*at(page, 0.4, 0.3))
    page.mouse.down()
    page.context.clear_cookies(name="sessionid")
    page.mouse.move(*at(page, 0.4, 0.5), steps=4)
    page.mouse.up()

    dialog = page.get_by_role("dialog", name="Log in again")
    dialog.get_by_label("Password").fill(room.password)
    page.keyboard.press("Enter")
    saved(page)
    expect(page.locator("#reading")).to_have_attribute("data-frame", "5")
    expect(page.locator('.rd-tool[aria-pressed="true"]')).to_have_attribute("aria-label", "Caliper")
    expected(console, "status of 401", "status of 403")
    assert calipers_of(page, room, EXPIRED) == 1


TOUCH = """([type, kind, id, x, y, size]) => {
  const pane = document.querySelector('.rd-pane');
  pane.setPointerCapture = () => undefined;
  pane.dispatchEvent(new PointerEvent(type, {
    pointerType: kind, pointerId: id, clientX: x, clientY: y, width: size, height: size, bubbles: true,
    cancelable: true, button: type === "pointermove" ? -1 : 0, buttons: type === "pointerup" ? 0 : 1,
  }));
}"""


def test_the_pen_draws_while_the_hand_rests_and_two_fingers_zoom(open_case: OpenCase, room: Room) -> None:
    page = open_case(PEN)

    def touch(type_: str, kind: str, number: int, x: float, y: float, size: int = 12) -> None:
        page.evaluate(TOUCH, [f"pointer{type_}", kind, number, *at(page, x, y), size])

    page.keyboard.press("l")
    page.keyboard.press("b")
    touch("down", "pen", 1, 0.4, 0.5, 1)
    touch("down", "touch", 2, 0.8, 0.8)
    touch("move", "touch", 2, 0.6, 0.6)
    touch("move", "pen", 1, 0.45, 0.5, 1)
    touch("up", "pen", 1, 0.45, 0.5, 1)
    saved(page)
    frames = read_of(page, room, PEN)["frames"]
    row = frames[0]["masks"]["1"]["rle"]
    assert len(frames) == 1
    assert sum(row[1::2]) < 0.02 * sum(row)
    zoom = page.locator(".rd-options .rd-num").first.inner_text()

    page.wait_for_timeout(700)
    touch("down", "touch", 3, 0.4, 0.5)
    touch("down", "touch", 4, 0.6, 0.5)
    touch("move", "touch", 4, 0.8, 0.5)
    touch("up", "touch", 4, 0.8, 0.5)
    touch("up", "touch", 3, 0.4, 0.5)
    expect(page.locator(".rd-options > .rd-num").first).not_to_have_text(zoom)
    assert read_of(page, room, PEN)["frames"] == frames


def test_a_signed_answer_is_corrected_and_both_stay(open_case: OpenCase, room: Room) -> None:
    page = open_case(CORRECTED)
    panel = page.locator(".rd-panel")
    for key in ("n", "0", "3", "6"):
        page.keyboard.press(key)
    expect(page.get_by_text("All answers given")).to_be_visible()
    saved(page)
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda address: room.cases[CORRECTED] not in address)
    page.goto(f"{room.address}/p/room/worklist/")
    page.click("[data-dialog-open=sign-dialog]")
    page.fill("#sign-password", room.password)
    page.click("[data-sign-submit]")
    expect(page.get_by_text("1 case signed.")).to_be_visible()

    page.locator(f'tr[data-row="{room.cases[CORRECTED]}"]').get_by_role("link", name="Correct the answer").click()
    expect(page.locator("h1")).to_have_text("Correct an answer")
    page.get_by_label("Slip of the hand").check()
    page.fill("#correct-reason", "I pressed 0 and meant 9")
    page.click("button:has-text('Correct this answer')")
    expect(page.locator("#reading[data-ready]")).to_be_visible()
    expect(panel).to_contain_text("I pressed 0 and meant 9")
    expect(panel.get_by_role("radio", name="Not complex")).to_be_checked()
    page.keyboard.press("9")
    saved(page)
    page.keyboard.press("Control+Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Sign this correction")
    dialog.get_by_label("Password").fill(room.password)
    dialog.get_by_role("button", name="Sign this correction").click()
    page.wait_for_url("**/worklist/**")

    row = page.locator(f'tr[data-row="{room.cases[CORRECTED]}"]')
    expect(row).to_contain_text("can’t assess")
    expect(row).to_contain_text("Corrected, revision 2.")
    kept = page.request.get(f"{room.address}/api/v1/reads/?assignment={room.cases[CORRECTED]}").json()["results"]
    assert sorted((one["revision"], one["reader_class"], one["state"]) for one in kept) == [
        (1, 0, "signed"), (2, 9, "signed"),
    ]  # fmt: skip


def test_logging_out_leaves_nothing_in_the_browser(open_case: OpenCase, room: Room) -> None:
    page = open_case(PEN)
    page.goto(f"{room.address}/p/room/worklist/")
    page.locator("form[data-logout] button").click()
    page.wait_for_url("**/login/**")
    assert page.evaluate("indexedDB.databases().then(all => all.map(one => one.name))") == []


def test_no_serious_barrier_on_the_worklist_and_the_reading_page(open_case: OpenCase, room: Room) -> None:
    axe = (REPO / "static" / "node_modules" / "axe-core" / "axe.min.js").read_text()

    def barriers(page: Page) -> list[str]:
        page.evaluate(axe)
        found = page.evaluate("axe.run()")["violations"]
        grave = [one for one in found if one["impact"] in ("serious", "critical")]
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in grave]

    page = open_case(PLAIN, bypass_csp=True)
    assert barriers(page) == []
    page.keyboard.press("l")
    expect(page.locator(".rd-lesion")).to_be_visible()
    assert barriers(page) == []
    page.keyboard.press("?")
    assert barriers(page) == []
    page.goto(f"{room.address}/p/room/worklist/")
    assert barriers(page) == []

"""Rounds in the browser: opening one, an answer with the model after a blind one, and given frames."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from plaqueweb.ops.room import Room
from tests.browser.conftest import Visit

pytestmark = pytest.mark.browser
CASES = [["plain"]] * 6


@pytest.fixture(scope="module")
def world(room: Room) -> dict[str, Any]:
    """Who is there, and which rounds and cases."""
    filled: dict[str, Any] = json.loads(room.python("from tests.browser import rounds_world as w\nw.main()"))
    return filled


def test_a_coordinator_sees_what_a_round_takes_while_filling_it_in(
    room: Room, world: dict[str, Any], visit: Visit
) -> None:
    page = visit(world["manager"])
    page.goto(f"{room.address}/p/room/rounds/new/")
    plan = page.locator("#round-plan")

    page.fill("#round-name", "Round 7")
    page.select_option("#round-list", label="Room, test, 6 studies, frozen")
    for at in (0, 1, 2):
        page.locator("input[name=readers]").nth(at).check()
    expect(plan).to_contain_text("18 reads")
    expect(plan).to_contain_text("6 cases of 6 subjects × 3 readers")
    page.fill("#round-each", "2")
    expect(plan).to_contain_text("12 reads")
    expect(page.locator("#round-pipeline")).to_be_hidden()
    page.select_option("#round-policy", "concurrent")
    expect(page.locator("#round-pipeline")).to_be_visible()
    page.fill("#round-repeats", "50")
    expect(plan).to_contain_text("at most 1 of them, a third")
    page.fill("#round-repeats", "1")
    page.click("button:has-text('Open the round')")

    expect(page.locator("h1")).to_have_text("Round 7")
    row = page.locator("#cases tbody tr").first
    row.get_by_role("button", name="Withdraw").click()
    expect(page.locator("#cases tbody tr").first).to_contain_text("withdrawn")
    page.locator("#cases tbody tr").first.get_by_role("button", name="Give back").click()
    expect(page.locator("#cases tbody tr").first).to_contain_text("to read")


def test_the_model_appears_after_the_blind_answer_is_signed(room: Room, world: dict[str, Any], visit: Visit) -> None:
    page = visit(room.email)
    blind = f"{room.address}/read/{world['aided']['cases'][0]}/"
    page.goto(blind)
    expect(page.locator("#reading[data-ready]")).to_be_visible()
    expect(page.locator(".rd-model")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.locator("dialog[open]")).to_contain_text("next mark")
    expect(page.locator("dialog[open]")).not_to_contain_text("model")
    page.keyboard.press("Escape")

    for key in ("n", "0", "3", "6"):
        page.keyboard.press(key)
    page.keyboard.press("Control+Enter")
    page.fill("dialog[open] input[type=password]", room.password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: address != blind and "/read/" in address)

    expect(page.locator("#reading[data-ready]")).to_be_visible()
    expect(page.locator(".rd-model")).to_contain_text("1 Complex · 4.8 mm")
    expect(page.locator(".rd-model")).to_contain_text("Your blind answer: 0 Not complex")
    expect(page.locator(".rd-head")).to_contain_text("after disclosure")
    page.keyboard.press("y")
    expect(page.locator("#reading[data-frame='9']")).to_be_visible()
    expect(page.locator(".vp-chord.vp-model")).to_have_count(1)
    page.keyboard.press("1")
    page.keyboard.press("Control+Enter")
    expect(page.locator("dialog[open]")).to_contain_text("You say complex; by the rule it is not complex")
    page.keyboard.press("5")  # one key gives the reason and goes on
    page.wait_for_url(lambda address: world["aided"]["cases"][1] in address)
    page.goto(blind)
    expect(page.locator("#reading[data-ready]")).to_be_visible()
    expect(page.locator(".rd-class.is-on")).to_contain_text("Not complex")
    expect(page.locator(".rd-model")).to_have_count(0)


def test_a_second_stage_asks_for_the_given_frames_alone(room: Room, world: dict[str, Any], visit: Visit) -> None:
    page = visit(room.email)
    page.goto(f"{room.address}/read/{world['given']['cases'][0]}/")
    expect(page.locator("#reading[data-ready]")).to_be_visible()
    frames = page.locator(".rd-asked-item")
    count = frames.count()

    expect(page.locator(".rd-class")).to_have_count(0)
    page.keyboard.press("1")  # answers nothing: there is no class to give
    page.keyboard.press("Home")
    page.keyboard.press("e")
    expect(page.locator(".rd-notice")).to_contain_text("asks for other frames")
    for _frame in range(count):
        page.keyboard.press("PageDown")
        page.keyboard.press("e")
    expect(page.locator(".rd-asked")).to_contain_text(f"{count} of {count} marked")
    page.keyboard.press("Control+Enter")

    page.wait_for_url(lambda address: world["given"]["cases"][0] not in address)


def test_cases_that_may_come_twice_are_read_under_other_names(room: Room, world: dict[str, Any], visit: Visit) -> None:
    page = visit(room.email)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{room.address}/read/{world['twice']['cases'][0]}/")
    expect(page.locator("#reading[data-ready]")).to_be_visible()

    expect(page.locator(".rd-model")).to_contain_text("1 Complex · 4.8 mm")
    page.keyboard.press("y")
    expect(page.locator("#reading[data-frame='9']")).to_be_visible()
    page.keyboard.press("e")
    expect(page.locator(".rd-save")).to_contain_text("Saved")
    page.reload()
    expect(page.locator("#reading[data-ready]")).to_be_visible()
    expect(page.locator(".scrub-none")).to_have_count(1)
    assert not [url for url in asked if "/api/v1/clips/" in url]
    assert [url for url in asked if "/model/masks/" in url]
    assert [url for url in asked if f"/assignments/{world['twice']['cases'][0]}/clips/" in url]


def test_fixed_frames_are_asked_beside_the_class(room: Room, world: dict[str, Any], visit: Visit) -> None:
    page = visit(room.email)
    for case in world["fixed"]["cases"]:
        page.goto(f"{room.address}/read/{case}/")
        expect(page.locator("#reading[data-ready]")).to_be_visible()
        if page.locator(".rd-asked").count():
            break

    for key in ("n", "0", "3", "6"):
        page.keyboard.press(key)
    expect(page.locator(".rd-left")).to_contain_text("2 answers left")
    page.keyboard.press("e")
    page.keyboard.press("PageDown")
    page.keyboard.press("e")

    expect(page.locator(".rd-left")).to_contain_text("All answers given")
    expect(page.locator(".rd-asked-item")).to_have_count(2)


def test_real_cases_open_after_the_profile_and_a_passed_practice_set(
    room: Room, world: dict[str, Any], visit: Visit
) -> None:
    page = visit(room.email)
    main = f"{room.address}/p/room/worklist/?round={world['practice']['asks']}"
    page.goto(main)
    page.keyboard.press("Enter")
    page.select_option("#profile-speciality", "cardiology")
    page.fill("#profile-years", "12")
    page.fill("#profile-tee", "2500")
    page.keyboard.press("Enter")
    page.wait_for_url("**/worklist/")
    page.goto(main)
    expect(page.locator(".band")).to_contain_text("Pass the practice set “Practice 1” first")
    page.keyboard.press("Enter")

    expect(page.locator("h1 + span")).to_contain_text("Practice 1")
    page.keyboard.press("Enter")
    for number in (1, 2):
        expect(page.locator("#reading[data-ready]")).to_be_visible()
        for key in ("n", "0", "3", "6"):
            page.keyboard.press(key)
        page.keyboard.press("Control+Enter")
        page.fill("dialog[open] input[type=password]", room.password)
        page.keyboard.press("Enter")
        page.wait_for_url("**/practice/**")
        expect(page.locator(".side-column")).to_contain_text(f"of {number} agree")
        page.click(".side-column a.primary")
    page.goto(main)

    expect(page.locator(".band a.primary")).to_contain_text("Start")

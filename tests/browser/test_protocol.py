"""The protocol editor in a room of its own: from a question that a coordinator defines to a reader's signed answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from plaqueweb.ops.room import Room
from tests.browser.conftest import Console
from tests.conftest import REPO, skip_or_fail

pytestmark = pytest.mark.browser
COORDINATOR = """
from plaqueweb.accounts.services import create_user, set_roles
from plaqueweb.studies.models import Project
import os
user = create_user(email="c@room.example", name="Coordinator", password=os.environ["PLAQUEWEB_ROOM_PASSWORD"], by=None)
set_roles(project=Project.objects.get(), user=user, roles=["coordinator"], by=None)
"""
ROUND = """
from plaqueweb.accounts.models import User
from plaqueweb.reads.models import Assignment
from plaqueweb.reads.rounds import create_round
from plaqueweb.studies.models import CaseList, Protocol
row = create_round(project=CaseList.objects.get().project, protocol=Protocol.objects.latest("version"),
    case_list=CaseList.objects.get(), name="Own", readers=[User.objects.get(email__startswith="reader@")], seed=2,
    by=None, policy="blinded", reveal="after_each")
print(Assignment.objects.get(round=row).public_id)
"""
COUNTS = """
from django.apps import apps
kept = [model for model in apps.get_models() if model._meta.label != "sessions.Session"]
print({model._meta.label: model._default_manager.count() for model in kept})
"""
SIGNED = """
from plaqueweb.reads.models import Read
read = Read.objects.get(assignment__round__name="Own")
print(read.state, read.own, read.assignment.round.protocol.version)
"""


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    if not (REPO / "static" / "dist" / ".vite" / "manifest.json").exists():
        skip_or_fail("the front end is not built (python3 run.py test builds it)")
    made = Room([["plain", "plain"]])
    made.python(COORDINATOR)
    yield made
    made.close()


@pytest.fixture
def open_as(chromium: Browser, room: Room, console: Console) -> Iterator[Callable[[str], Page]]:
    contexts: list[BrowserContext] = []

    def log_in(email: str) -> Page:
        context = chromium.new_context(viewport={"width": 1280, "height": 720})
        contexts.append(context)
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.on("console", console.log)
        page.on("pageerror", lambda error: console.complaints.append(f"exception: {error}"))
        page.goto(f"{room.address}/login/")
        page.fill("#id_username", email)
        page.fill("#id_password", room.password)
        page.click("button[type=submit]")
        page.wait_for_url("**/p/room/**")
        return page

    yield log_in
    for context in contexts:
        context.close()


def test_a_question_is_defined_answered_and_signed(open_as: Callable[[str], Page], room: Room) -> None:
    page = open_as("c@room.example")
    page.goto(f"{room.address}/p/room/protocol/")
    _write(page)
    _reorder_and_reload(page)
    preview = page.locator("[data-preview]")
    expect(preview.get_by_text("How deep")).to_be_hidden()
    preview.get_by_role("radio", name="Low").click()
    expect(preview.get_by_text("How deep")).to_be_visible()
    page.get_by_role("button", name="Save version 2").click()
    expect(page.get_by_text("Version 2 is saved: choose it for the next round.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    case = room.python(ROUND).strip()
    _answer_and_sign(open_as(room.email), room, case)

    assert room.python(SIGNED).strip() == "signed {'echogenicity': 'low', 'how_deep': 2.5} 2"
    page.reload()
    expect(page.locator("tbody tr").first).to_contain_text("frozen")


def test_a_test_read_is_thrown_away(open_as: Callable[[str], Page], room: Room) -> None:
    page = open_as("c@room.example")
    page.goto(f"{room.address}/p/room/protocol/?from=1")
    before = room.python(COUNTS)
    page.get_by_role("button", name="Add a question").click()
    page.locator(".pq-card").last.get_by_label("Question", exact=True).fill("Only tried")
    page.locator(".pq-card").last.get_by_label("Kind of answer").select_option("text")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Test read").click()
    tried = opened.value
    tried.wait_for_selector("#reading[data-ready]")
    expect(tried.get_by_text("test read: nothing is kept")).to_be_visible()
    for key in ("n", "1", "3", "6"):
        tried.keyboard.press(key)
    tried.get_by_label("Only tried").fill("yes")
    tried.wait_for_selector('.rd-save[data-kind="saved"]')
    tried.keyboard.press("Control+Enter")
    expect(tried.get_by_text("Your class and the rule differ")).to_be_visible()
    tried.locator(".rd-conflicts input").first.focus()
    tried.keyboard.press("3")
    tried.wait_for_url("**/p/room/protocol/")
    assert room.python(COUNTS) == before
    expect(page.locator(".pq-card").last.get_by_label("Question", exact=True)).to_have_value("Only tried")


def _write(page: Page) -> None:
    page.get_by_role("button", name="Add a question").click()
    card = page.locator(".pq-card").first
    card.get_by_label("Question", exact=True).fill("Echogenicity")
    card.get_by_label("Answer 1", exact=True).fill("Low")
    card.get_by_label("Answer 2", exact=True).fill("High")
    page.get_by_role("button", name="Add a question").click()
    card = page.locator(".pq-card").nth(1)
    card.get_by_label("Question", exact=True).fill("How deep")
    card.get_by_label("Kind of answer").select_option("number")
    card.get_by_label("Unit").fill("mm")
    card.get_by_label("To (empty: any)").fill("9")
    card.get_by_label("Shown").select_option("echogenicity")


def _reorder_and_reload(page: Page) -> None:
    """By keys; nothing typed is lost by it, nor by a reload."""
    lost = page.get_by_text("stands before what it depends on")
    page.locator(".pq-card").nth(1).get_by_label("Question", exact=True).press("Alt+ArrowUp")
    expect(lost).to_be_visible()
    expect(page.locator(".pq-card").first.get_by_label("Question", exact=True)).to_be_focused()
    page.keyboard.press("Alt+ArrowDown")
    expect(lost).to_be_hidden()
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.get_by_text("Changes that were not saved are back.")).to_be_visible()
    expect(page.locator(".pq-card").nth(1).get_by_label("Question", exact=True)).to_have_value("How deep")


def _answer_and_sign(page: Page, room: Room, case: str) -> None:
    """By keys alone: N, class, confidence, quality, then what is still missing, one after the other."""
    page.goto(f"{room.address}/read/{case}/")
    page.wait_for_selector("#reading[data-ready]")
    for key in ("n", "0", "3", "6"):
        page.keyboard.press(key)
    expect(page.locator(".rd-left")).to_contain_text("1 answer left:Echogenicity")
    page.keyboard.press("Control+Enter")  # leads to what is missing
    page.keyboard.press("Space")
    field = page.get_by_label("How deep")
    page.keyboard.press("Control+Enter")
    expect(field).to_be_focused()
    page.keyboard.type("12")
    expect(page.get_by_text("It must be at most 9 mm.")).to_be_visible()
    field.fill("2,5")
    expect(page.locator(".rd-left")).to_contain_text("All answers given")
    page.keyboard.press("Control+Enter")
    password = page.get_by_label("Password")
    password.fill(room.password)
    password.press("Control+Enter")
    page.wait_for_url(lambda url: "/read/" not in url or "/compare/" in url)

"""The protocol editor in a room of its own: from a question that a coordinator defines to a reader's signed answer."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from plaqueweb.ops.room import Room
from tests.browser.conftest import Visit

pytestmark = pytest.mark.browser
CASES = [["plain", "plain"]]
SETTING_UP = """
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
EMPTY = """
from plaqueweb.accounts.services import create_user, set_roles
from plaqueweb.studies.services import create_project
import os
user = create_user(email="first@room.example", name="First", password=os.environ["PLAQUEWEB_ROOM_PASSWORD"], by=None)
set_roles(project=create_project(slug="empty", name="Empty", by=None), user=user, roles=["coordinator"], by=None)
"""
# What of the frame can be seen of its card.
LARGER_THAN_ITS_CARD = """() => {
  const wrong = [];
  const { left, right, top, bottom } = document.querySelector("[data-preview-here]").getBoundingClientRect();
  const frame = document.querySelector("iframe").getBoundingClientRect();
  if (Math.abs(frame.right - right) > 1) wrong.push(`right ${frame.right} in ${right}`);
  if (frame.bottom > bottom + 1) wrong.push(`bottom ${frame.bottom} in ${bottom}`);
  if (document.documentElement.scrollWidth > innerWidth) wrong.push("scrolls sideways");
  return wrong;
}"""
SIGNED = """
from plaqueweb.reads.models import Read
read = Read.objects.get(assignment__round__name="Own")
print(read.state, read.own, read.assignment.round.protocol.version)
"""


def test_a_question_is_defined_answered_and_signed(visit: Visit, room: Room) -> None:
    page = visit("c@room.example")
    page.goto(f"{room.address}/p/room/protocol/")
    _write(page)
    _reorder_and_reload(page)
    preview = page.frame_locator("iframe").get_by_role("complementary", name="Answers")
    expect(preview.get_by_text("Echogenicity")).to_be_visible()
    expect(preview.get_by_text("How deep")).to_be_hidden()
    preview.get_by_role("radio", name="Low").click()
    expect(preview.get_by_text("How deep")).to_be_visible()
    page.get_by_role("button", name="Save version 2").click()
    expect(page.get_by_text("Version 2 is saved: choose it for the next round.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    case = room.python(ROUND).strip()
    _answer_and_sign(visit(room.email), room, case)

    assert room.python(SIGNED).strip() == "signed {'echogenicity': 'low', 'how_deep': 2.5} 2"
    page.reload()
    expect(page.locator("tbody tr").first).to_contain_text("frozen")


def test_a_test_read_is_thrown_away(visit: Visit, room: Room) -> None:
    page = visit("c@room.example")
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


def test_the_preview_is_the_reading_page_and_follows_the_form(visit: Visit, room: Room) -> None:
    page = visit("c@room.example")
    page.goto(f"{room.address}/p/room/protocol/?from=1")
    before = room.python(COUNTS)
    shown = page.frame_locator("iframe")
    shown.locator("#reading[data-ready]").wait_for()
    expect(shown.get_by_text("preview: nothing is kept")).to_be_visible()
    expect(shown.locator(".rd-clip")).to_have_count(2)  # those of the project's first study
    shown.locator("canvas").first.wait_for()
    assert page.evaluate(LARGER_THAN_ITS_CARD) == []
    assert page.evaluate("document.activeElement === document.body")

    page.get_by_role("button", name="Add a question").click()
    page.keyboard.type("Echogenicity")  # the keys stay in the form, whatever is drawn anew beside it
    card = page.locator(".pq-card").first
    note = page.locator("[data-preview-note]")
    expect(note).to_have_text("What is not finished yet is left out.")
    card.get_by_label("Answer 1", exact=True).fill("Low")
    card.get_by_label("Answer 2", exact=True).fill("High")
    answers = shown.get_by_role("complementary", name="Answers")
    expect(answers.get_by_role("radio", name="High")).to_be_visible()
    expect(card.get_by_label("Answer 2", exact=True)).to_be_focused()
    answers.get_by_role("radio", name="Low").click()
    answers.get_by_role("radio", name=re.compile("Complex")).click()
    page.get_by_label("A plaque is complex from").fill("4 cm")
    expect(note).to_have_text("Not shown yet: “4 cm” is no length in mm.")
    page.get_by_label("A plaque is complex from").fill("4.5")
    expect(note).to_have_text("")
    page.get_by_label("Arch").uncheck()
    expect(answers.get_by_text("Arch")).to_have_count(0)
    expect(answers.get_by_role("radio", name="Low")).to_be_checked()  # what was tried stays
    card.get_by_role("button", name="Remove", exact=True).click()
    expect(answers.get_by_role("radio", name="Low")).to_have_count(0)
    expect(shown.locator(".rd-save")).to_have_text("Nothing is kept")
    assert room.python(COUNTS) == before


def test_the_preview_gives_the_keys_back_and_ends_nothing(visit: Visit, room: Room) -> None:
    page = visit("c@room.example")
    page.goto(f"{room.address}/p/room/protocol/?from=1")
    shown = page.frame_locator("iframe")
    shown.locator("#reading[data-ready]").wait_for()
    limit = page.get_by_label("A plaque is complex from")
    limit.focus()
    shown.locator(".rd-pane").click()
    for key in ("n", "0", "3", "6", "s", "Control+Enter"):
        page.keyboard.press(key)
    expect(shown.get_by_text("A preview keeps nothing")).to_be_visible()
    page.keyboard.press("l")  # a lesion where the clip was taken: “none” cannot stand beside it
    plaque = shown.get_by_role("radiogroup", name="Descending plaque")
    expect(plaque.get_by_role("radio", name="Present")).to_be_checked()
    plaque.get_by_role("radio", name="None").click()
    expect(shown.get_by_text("Lesion 1 is in this segment: move or remove it first.")).to_be_visible()
    expect(plaque.get_by_role("radio", name="Present")).to_be_checked()
    for _ in range(2):  # out of the answer, then out of the preview
        page.keyboard.press("Escape")
    expect(limit).to_be_focused()
    page.keyboard.press("n")
    expect(limit).to_have_value("n4.0")

    view = page.get_by_role("group", name="What the preview shows")
    view.get_by_role("button", name="Answers").click()
    expect(page.locator("[data-preview]")).to_have_class(re.compile("is-close"))
    assert page.evaluate(LARGER_THAN_ITS_CARD) == []
    page.get_by_role("combobox", name="Case").select_option(label="a drawn case")
    limit.fill("4.0")
    expect(shown.locator(".rd-clip")).to_have_count(1)


def test_without_a_study_the_preview_shows_a_drawn_case(visit: Visit, room: Room) -> None:
    room.python(EMPTY)
    page = visit("first@room.example")
    page.goto(f"{room.address}/p/empty/protocol/")
    expect(page.get_by_text("No study to show yet: the case is drawn.")).to_be_visible()
    page.frame_locator("iframe").locator("#reading[data-ready]").wait_for()
    expect(page.frame_locator("iframe").locator(".rd-clip")).to_have_count(1)


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

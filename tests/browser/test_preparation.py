"""Case preparation by keys alone, in a room of its own."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from plaqueweb.ops.room import Room
from tests.browser.conftest import Console, Visit

pytestmark = pytest.mark.browser
CASES = [["plain", "plain", "plain", "unscaled"], ["biplane"]]
SETTING_UP = """
from plaqueweb.accounts.services import create_user, set_roles
from plaqueweb.studies.models import Clip, Project
import os
user = create_user(email="c@room.example", name="Coordinator", password=os.environ["PLAQUEWEB_ROOM_PASSWORD"], by=None)
set_roles(project=Project.objects.get(), user=user, roles=["coordinator"], by=None)
Clip.objects.filter(study__number=1).update(segment="", view="unknown")
"""
CLIPS = "from plaqueweb.studies.models import *\nprint([(c.segment, c.view, c.use, c.use_reason, c.calipers) for c in "
CLIPS += "Clip.objects.filter(study__number=1).order_by('number')], bool(Study.objects.get(number=1).prepared_at))"


@pytest.fixture
def page(visit: Visit) -> Page:
    return visit("c@room.example")


def test_clips_are_prepared_by_keys_with_undo(page: Page, room: Room, console: Console) -> None:
    page.goto(f"{room.address}/p/room/prepare/")
    page.keyboard.press("p")
    tiles = page.locator(".tile")
    expect(tiles).to_have_count(4)
    expect(page.locator(".tile[data-ready]")).to_have_count(4)

    for key in ("d", "s", "ArrowRight", "r", "l", "2", "ArrowRight", "3", "2"):
        page.keyboard.press(key)
    expect(tiles.nth(2)).to_contain_text("set aside: Colour Doppler")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("m")
    expect(tiles.nth(3)).to_contain_text("measurement drawn in")
    console.announced.append("422 (Unprocessable Entity)")
    page.keyboard.press("1")  # a clip with a measurement cannot be read: the page says the rule and nothing is changed
    expect(page.locator("[data-toasts]")).to_contain_text("cannot be read")
    expect(page.locator("[data-prepare-sums]")).to_contain_text("1 to read · 2 for reference · 1 set aside")

    page.keyboard.press("Control+z")
    expect(tiles.nth(3)).to_contain_text("read")
    page.keyboard.press("Control+z")
    expect(tiles.nth(2)).not_to_contain_text("set aside")
    page.keyboard.press("Control+Shift+Z")
    expect(tiles.nth(2)).to_contain_text("set aside: Colour Doppler")

    page.keyboard.press("Enter")
    page.wait_for_url("**/prepare/*/")
    expect(tiles).to_have_count(1)
    stored = (
        "[('descending', 'SAX', 'read', '', False), ('arch', 'LAX', 'reference', '', False), "
        "('', 'unknown', 'aside', 'Colour Doppler', False), ('', 'unknown', 'read', '', False)] True"
    )
    assert room.python(CLIPS).strip() == stored

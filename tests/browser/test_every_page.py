"""Every page of the site, in two sizes: no complaint of the browser, no barrier, one heading, nothing cut off."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from playwright.sync_api import Browser, Page, expect

from plaqueweb.agreement.boards.registry import BOARDS
from plaqueweb.ops.room import Room
from tests.browser.conftest import Console, log_in, watch
from tests.conftest import REPO, skip_or_fail

pytestmark = pytest.mark.browser
CASES = [["plain", "biplane"], ["unscaled"], *[["plain"]] * 4]
SIZES = {"1280": {"width": 1280, "height": 720}, "2560": {"width": 2560, "height": 1440}}
AXE = REPO / "static" / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = os.environ.get("PLAQUEWEB_SHOTS")  # a folder that gets a picture of every page in both sizes


class Look(NamedTuple):
    """One page as somebody meets it: route, address with keys of ``pages_world``, who ("" is nobody), the answer."""

    route: str
    address: str
    who: str = "manager"
    status: int = 200


def board(project: str, slug: str) -> str:
    """Return the address of a tab of the dashboard."""
    return f"/p/{project}/agreement/{'' if slug == 'overview' else slug + '/'}"


PAGES: dict[str, Look] = {
    "login": Look("login", "/login/", ""),
    "home": Look("home", "/", "stranger"),
    "project-new": Look("project-new", "/projects/new/"),
    "project-started": Look("project-new", "/projects/new/"),
    "members": Look("members", "/p/room/members/"),
    "protocol": Look("protocol", "/p/room/protocol/"),
    "protocol-test": Look("protocol-test", "/p/room/protocol/"),
    "protocol-rederive": Look("protocol-rederive", "/p/simulated/protocol/rederive/"),
    "audit": Look("audit", "/p/room/audit/"),
    "overview": Look("overview", "/p/simulated/"),
    "studies": Look("studies", "/p/room/studies/"),
    "studies-many": Look("studies", "/p/simulated/studies/"),
    "study": Look("study", "/p/room/studies/{study}/"),
    "prepare": Look("prepare", "/p/room/prepare/"),
    "prepare-study": Look("prepare-study", "/p/room/prepare/{study}/"),
    "release-queue": Look("release-queue", "/p/room/release/"),
    "release": Look("release", "/p/room/release/{upload}/"),
    "jobs": Look("jobs", "/p/room/jobs/"),
    "pipelines": Look("pipelines", "/p/room/pipelines/"),
    "rounds": Look("rounds", "/p/room/rounds/"),
    "round-new": Look("round-new", "/p/room/rounds/new/"),
    "round": Look("round", "/p/room/rounds/{round}/"),
    "practice-new": Look("practice-new", "/p/room/rounds/practice/"),
    "case-lists": Look("case-lists", "/p/room/case-lists/"),
    "case-list": Look("case-list", "/p/room/case-lists/{list}/"),
    "review": Look("review", "/p/simulated/review/"),
    "compare": Look("compare", "/p/simulated/cases/{case}/"),
    "compare-biplane": Look("compare", "/p/room/cases/{biplane}/"),
    "errors": Look("errors", "/p/simulated/errors/"),
    "error-case": Look("error-case", "/p/simulated/errors/{error}/"),
    "adjudication": Look("adjudication", "/p/simulated/adjudication/", "adjudicator"),
    "adjudication-plans": Look("adjudication", "/p/simulated/adjudication/"),
    "adjudicate": Look("adjudicate", "/p/simulated/adjudication/{adjudication}/", "adjudicator"),
    **{tab.route: Look(tab.route, board("simulated", tab.slug)) for tab in BOARDS},
    "agreement-cases": Look("agreement-cases", "/p/simulated/agreement/cases/?board=overview&show=compared"),
    "agreement-alarm": Look("agreement-alarm", "/p/simulated/agreement/alarms/{alarm}/"),
    "agreement-reports": Look("agreement-reports", "/p/simulated/agreement/reports/"),
    "agreement-report": Look("agreement-report", "/p/simulated/agreement/reports/{report}/"),
    "agreement-discordance": Look("agreement-discordance", "/p/simulated/discordance/"),
    "worklist": Look("worklist", "/p/room/worklist/", "reader"),
    "read": Look("read", "/read/{open}/", "reader"),
    "read-complex": Look("read", "/read/{draft}/", "reader"),
    "read-aided": Look("read", "/read/{aided}/", "reader"),
    "read-given": Look("read", "/read/{given}/", "reader"),
    "correct": Look("correct", "/read/{signed}/correct/", "reader"),
    "reader-profile": Look("reader-profile", "/p/room/profile/", "reader"),
    "practice-feedback": Look("practice-feedback", "/p/room/practice/{known}/", "reader"),
    "404": Look("enter", "/p/room/enter/", "stranger", 404),
    "405": Look("sign-sitting", "/p/room/worklist/sign/", "reader", 405),
    # a programme on its first day
    "empty-overview": Look("overview", "/p/empty/"),
    "empty-studies": Look("studies", "/p/empty/studies/"),
    "empty-prepare": Look("prepare", "/p/empty/prepare/"),
    "empty-release-queue": Look("release-queue", "/p/empty/release/"),
    "empty-jobs": Look("jobs", "/p/empty/jobs/"),
    "empty-rounds": Look("rounds", "/p/empty/rounds/"),
    "empty-round-new": Look("round-new", "/p/empty/rounds/new/"),
    "empty-practice-new": Look("practice-new", "/p/empty/rounds/practice/"),
    "empty-case-lists": Look("case-lists", "/p/empty/case-lists/"),
    "empty-review": Look("review", "/p/empty/review/"),
    "empty-errors": Look("errors", "/p/empty/errors/"),
    "empty-adjudication": Look("adjudication", "/p/empty/adjudication/", "adjudicator"),
    "empty-agreement": Look("agreement", board("empty", "overview")),
    "empty-agreement-time": Look("agreement-time", board("empty", "time")),
    "empty-agreement-reports": Look("agreement-reports", "/p/empty/agreement/reports/"),
    "empty-agreement-discordance": Look("agreement-discordance", "/p/empty/discordance/"),
    "empty-worklist": Look("worklist", "/p/room/worklist/", "beginner"),
}  # fmt: skip
NO_PAGES = {
    # what a form sends, or leads on
    "logout", "skip-case", "reopen-case", "adjudication-begin", "adjudication-share", "agreement-margin", "compare-of",
    "studies-site",
    # parts of pages
    "round-plan", "words", "protocol-drawn", "protocol-preview", "compare-lesions",
    # files
    "health", "openapi", "compare-csv", "compare-frames-csv", "agreement-chart", "agreement-csv", "agreement-manifest",
    "agreement-discordance-csv", "errors-csv", "protocol-rederive-csv", "round-reads", "guide-picture",
}  # fmt: skip
READY = {
    "#reading": "#reading[data-ready]",
    "[data-compare]": "[data-compare][data-ready=yes]",
    "[data-adjudicate]": "[data-adjudicate][data-ready=yes]",
}

# Tab was pressed once: whether the focus is somewhere in sight.
FIRST_STOP = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return ["Tab reaches nothing"];
  const { top, left, bottom, right } = one.getBoundingClientRect();
  const inside = top < innerHeight && left < innerWidth && bottom > 0 && right > 0;
  return inside ? [] : [`the first Tab stop is out of sight: ${one.outerHTML.slice(0, 120)}`];
}"""
# What is wrong with the page as it stands, in words. A key was pressed, so that focus by script shows as by keyboard.
LOOK = """() => {
  const wrong = [];
  const { scrollWidth: wide, clientWidth: room } = document.scrollingElement;
  if (wide > room + 1) wrong.push(`scrolls sideways: ${wide} in ${room}`);
  const main = document.querySelector("main");
  if (!main) wrong.push("no main");
  else if (main.scrollWidth > main.clientWidth + 1) {
    wrong.push(`main scrolls sideways: ${main.scrollWidth} in ${main.clientWidth}`);
  }
  const headings = [...document.querySelectorAll("h1")].filter((one) => one.checkVisibility());
  if (headings.length !== 1) wrong.push(`${headings.length} h1`);
  if (!document.title.trim() || document.title.startsWith(" ·")) wrong.push(`title "${document.title}"`);
  const reached = document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']");
  for (const one of reached) {
    if (!one.checkVisibility({ visibilityProperty: true }) || one.disabled || one.closest("[inert]")) continue;
    one.focus({ focusVisible: true, preventScroll: true });
    if (document.activeElement !== one) continue;
    const parts = [one, one.parentElement, one.closest("label, .filter, .card"), one.nextElementSibling];
    const seen = parts.filter(Boolean).some((part) => {
      const style = getComputedStyle(part);
      return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== "none";
    });
    if (!seen) wrong.push(`focus cannot be seen: ${one.outerHTML.slice(0, 120)}`);
    one.blur();
  }
  return [...new Set(wrong)];
}"""
BARRIERS = """async (rules) => {
  const found = await axe.run({ resultTypes: ["violations"], rules });
  const grave = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return grave.flatMap(({ id, nodes }) => nodes.slice(0, 3).map(({ html, any, all, none }) =>
    `${id}: ${html.slice(0, 160)} ${[...any, ...all, ...none][0]?.message ?? ""}`));
}"""


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield name and address of every route."""
    for entry in resolver.url_patterns:
        address = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, address)
        elif isinstance(entry, URLPattern):
            yield entry.name or address, address


def test_every_route_is_looked_at_or_said_to_be_no_page() -> None:
    named = {name for name, address in routes(get_resolver()) if not address.startswith("api/v1/")}

    looked_at = {look.route for look in PAGES.values()}
    assert named - looked_at - NO_PAGES == set()
    assert (looked_at | NO_PAGES) - named == set()
    assert looked_at & NO_PAGES == set()


@pytest.fixture(scope="module")
def world(room: Room) -> dict[str, Any]:
    """Who is there, and the keys of what they look at."""
    if not AXE.exists():
        skip_or_fail("axe-core is not installed (npm ci in static)")
    filled: dict[str, Any] = json.loads(
        room.python("from tests.browser import pages_world as w\nw.main()").splitlines()[-1]
    )
    return filled


def press_test_read(page: Page) -> None:
    """Start the throw-away test read of the protocol editor, in this page instead of beside it."""
    page.get_by_role("button", name="Test read").evaluate("(one) => one.removeAttribute('formtarget')")
    page.get_by_role("button", name="Test read").click()


def press_start(page: Page) -> None:
    """Start a project with somebody new, whose password is shown once."""
    page.fill("input[name=name]", "Second centre")
    page.locator("input[name=email]").first.fill("someone@room.plaqueweb.example")
    page.locator("input[name=person]").first.fill("Dr Someone")
    page.get_by_role("button", name=re.compile("Start")).click()


ACTS: dict[str, Callable[[Page], None]] = {"protocol-test": press_test_read, "project-started": press_start}


class Visitor:
    """A page of one person's browser that remembers what it complained of."""

    def __init__(self, browser: Browser, room: Room, email: str) -> None:
        self.console, self.room = Console(), room
        self.context = browser.new_context(viewport=SIZES["1280"], reduced_motion="reduce")
        self.context.set_default_timeout(30_000)
        self.page: Page = watch(self.context.new_page(), self.console)
        if email:
            log_in(self.page, room.address, email, room.password)

    def goto(self, name: str, address: str) -> int:
        """Open a page as it is reached, wait until what it fetches is there, and return its status."""
        answer = self.page.goto(f"{self.room.address}{address}", wait_until="load")
        if name in ACTS:
            with self.page.expect_navigation(wait_until="load") as led:
                ACTS[name](self.page)
            answer = led.value
        assert answer is not None
        self.page.wait_for_function("() => document.fonts.status === 'loaded'")
        for root, ready in READY.items():
            if self.page.locator(root).count():
                self.page.wait_for_selector(ready)
        self.page.wait_for_load_state("networkidle")
        return answer.status


@pytest.fixture(scope="module")
def visitors(chromium: Browser, room: Room, world: dict[str, Any]) -> Iterator[dict[str, Visitor]]:
    """One browser context a person, for all pages."""
    made = {name: Visitor(chromium, room, email) for name, email in {**world["people"], "": ""}.items()}
    yield made
    for one in made.values():
        one.context.close()


def tab_once(page: Page) -> list[str]:
    """Press Tab, and return in words what is wrong with where it leads. A page may begin in a field of its own."""
    began = page.evaluate("() => document.activeElement !== document.body")
    page.keyboard.press("Tab")
    found: list[str] = [] if began else page.evaluate(FIRST_STOP)
    return found


def wrong_with(visitor: Visitor, name: str, look: Look, world: dict[str, Any]) -> list[str]:
    """Open a page and return in words what is wrong with it in either size."""
    page = visitor.page
    page.set_viewport_size(SIZES["1280"])  # type: ignore[arg-type]
    visitor.console.complaints.clear()
    status = visitor.goto(name, look.address.format(**world))
    wrong = [] if status == look.status else [f"status {status}"]
    page.evaluate(AXE.read_text())
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"{name}-{size}.png")
        if size == "1280":
            wrong += tab_once(page)
        # Contrast is the slow part, and colours do not change with the size.
        found = [*page.evaluate(LOOK), *page.evaluate(BARRIERS, {"color-contrast": {"enabled": size == "1280"}})]
        wrong += [f"at {size}: {words}" for words in found]
    # The browser itself reports an answer that is an error; here it is the page that was asked for.
    own = [
        line for line in visitor.console.complaints if not (look.status >= 400 and f"status of {look.status}" in line)
    ]
    return wrong + own


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_in_both_sizes(name: str, visitors: dict[str, Visitor], world: dict[str, Any]) -> None:
    look = PAGES[name]

    assert wrong_with(visitors[look.who], name, look, world) == []


def test_the_area_curve_of_a_biplane_clip_is_that_of_the_region_in_view(
    visitors: dict[str, Visitor], world: dict[str, Any]
) -> None:
    page = visitors["manager"].page
    visitors["manager"].goto("compare-biplane", PAGES["compare-biplane"].address.format(**world))
    page.keyboard.press("ArrowDown")
    region, curve = page.locator("[data-curve-region]"), page.locator("[data-curve]")

    expect(region).to_have_text("region 1 of 2")
    expect(curve).to_have_attribute("aria-valuetext", re.compile(r"model 20\.4 mm²"))
    region.click()
    expect(region).to_have_text("region 2 of 2")
    expect(curve).to_have_attribute("aria-valuetext", re.compile(r"model 40\.7 mm²"))

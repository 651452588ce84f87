"""The viewer in a headless Chromium that draws in software, as an old PC does; beside each figure its raw limit.

A raw limit is the same work without the viewer, in the same browser on the same machine in the same run: three bare
canvases, a bare stroke, a bare download. On a busy machine both suffer, and only both together say whose fault it is.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import shutil
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from plaqueweb.ops.bench import Figure
from plaqueweb.ops.bench_viewer_js import (
    BARE_BRUSH,
    BARE_LOOP,
    BRUSH,
    FETCH,
    FETCHED,
    FIRST_FRAME,
    FRAME_ADDRESS,
    LOADED,
    LOOP,
    PANE_SIZES,
)
from plaqueweb.ops.room import Room

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

LINE = {"offline": False, "latency": 40, "downloadThroughput": 10e6 / 8, "uploadThroughput": 10e6 / 8}
"""10 Mb/s and 40 ms, in the browser's own emulation."""
CASES, WARM_CASES = 50, 3
OPENED = 5
"""Cases whose first frame is waited for over the emulated line; one opening alone is as much luck as line."""
LARGE = 1 + OPENED
"""Cases with a clip of 100 frames: one is painted, the others are opened over the line."""
FRAMES, ASKED_FPS = 100, 60.0
WATCH_MS = 6000
STROKE_POINTS = 240
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--enable-precise-memory-info",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
VIEWER_FILES = ("base", "viewer")
"""Names of the built files that are the viewer (see ``static/vite.config.ts``)."""


class Missing(Exception):
    """Something this part needs is not installed; the message says what."""


def _chromium() -> str:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        raise Missing("Chromium is not installed (Debian: apt-get install chromium)")
    return found


def _manifest() -> dict[str, Any]:
    path = Path(settings.BASE_DIR) / "static" / "dist" / ".vite" / "manifest.json"
    if not path.exists():
        raise Missing("the front end is not built (python3 run.py builds it)")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def viewer_figures(*, cases: int = CASES, watch_ms: int = WATCH_MS) -> list[Figure]:
    """Measure the reading room in a browser.

    Raises:
        Missing: Playwright, Chromium or the built front end is not there.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise Missing("Playwright is not installed (the extra dev has it)") from None
    path, sizes = _chromium(), bundle_figures(_manifest())
    before = os.getloadavg()[0]
    room = Room([["large"]] * LARGE + [["plain"]] * (cases + WARM_CASES))
    try:
        compared = room.compared()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            figures = [
                *_loop_figures(browser, room, compared, watch_ms),
                *_brush_figures(browser, room),
                *_line_figures(browser, room),
                *sizes,
                *_heap_figures(browser, room, cases),
            ]
            browser.close()
    finally:
        room.close()
    load = [("before", before), ("after", os.getloadavg()[0])]
    return [*(Figure(f"this machine: load {when}", value, "", None) for when, value in load), *figures]


@contextmanager
def _page(browser: Browser, room: Room) -> Iterator[tuple[Page, CDPSession]]:
    """Yield a page of its own context, logged in as the room's reader, and its line to the browser."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(f"{room.address}/login/")
    page.fill("#id_username", room.email)
    page.fill("#id_password", room.password)
    page.click("button[type=submit]")
    page.wait_for_url("**/p/**")
    try:
        yield page, context.new_cdp_session(page)
    finally:
        context.close()


def _case(page: Page, room: Room, number: int) -> None:
    """Open a case and wait for its picture."""
    page.goto(f"{room.address}/read/{room.cases[number]}/")
    page.wait_for_selector('#reading[data-ready] .vp[data-frame]:not([data-frame="0"])')


# --- the loop


def skipped_frames(shown: list[int], frames: int) -> int:
    """Count the frames that a loop passed over, from the frame numbers in the order in which they were painted."""
    steps = [(now - before) % frames for before, now in itertools.pairwise(shown)]
    return sum(step - 1 for step in steps if step > 1)


def _loop_figures(browser: Browser, room: Room, address: str, watch_ms: int) -> list[Figure]:
    """Play 100 frames of 800 × 600 in the comparison's three linked panes; then the same pictures on bare canvases."""
    with _page(browser, room) as (page, _line):
        page.goto(address)
        page.wait_for_selector('[data-compare][data-ready="yes"]')
        page.wait_for_function(LOADED)
        page.keyboard.press("Space")
        page.wait_for_timeout(2 * FRAMES / ASKED_FPS * 1000)  # the first loop, in which pictures may still be decoded
        seen = page.evaluate(LOOP, watch_ms)
        page.keyboard.press("Space")
        cine = page.evaluate(FETCHED)["name"]
        sizes = page.evaluate(PANE_SIZES)
        page.goto(f"{room.address}/p/{room.slug}/worklist/")
        bare = page.evaluate(BARE_LOOP, [cine, sizes, watch_ms])
    panes: list[list[int]] = seen["panes"]
    shown = min(len(pane) for pane in panes) / (seen["ms"] / 1000)  # the slowest of the three
    return [
        Figure("loop, asked", ASKED_FPS, "frames/s", None),
        Figure("loop in three linked panes", shown, "frames/s", 59.5, at_most=False),
        Figure("loop, skipped after the first", max(skipped_frames(pane, FRAMES) for pane in panes), "frames", 0),
        Figure("raw: three bare canvases", bare["painted"] / (bare["ms"] / 1000), "frames/s", None),
        Figure("raw: skipped there by the same clock", skipped_frames(bare["frames"], FRAMES), "frames", None),
    ]  # fmt: skip


# --- the brush


def p95(values: list[float]) -> float:
    """Return the 95th percentile, the nearest measured value above."""
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


def _stroke(page: Page, selector: str) -> None:
    """Draw to and fro over the middle of a canvas."""
    box = page.locator(selector).first.bounding_box()
    if box is None:
        raise RuntimeError("there is nothing to draw on")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for number in range(STROKE_POINTS):
        page.mouse.move(x + 150 * ((number % 60) / 30 - 1), y + number / 4)
    page.mouse.up()


def _brush_figures(browser: Browser, room: Room) -> list[Figure]:
    """From the pointer's event to the end of the frame in which it is painted."""
    with _page(browser, room) as (page, _line):
        _case(page, room, 0)
        page.wait_for_function(LOADED)
        for key in ("l", "b"):
            page.keyboard.press(key)
        page.evaluate(BRUSH, "#reading .rd-pane")
        _stroke(page, "#reading canvas")
        took: list[float] = page.evaluate("window.benchTook")
        page.goto(f"{room.address}/p/{room.slug}/worklist/")
        page.evaluate(BARE_BRUSH)
        _stroke(page, "#bench-canvas")
        bare: list[float] = page.evaluate("window.benchTook")
    return [
        Figure("brush, median", statistics.median(took), "ms", 16.0),
        Figure("brush, 95 of 100", p95(took), "ms", 33.0),
        Figure("raw: a bare stroke, median", statistics.median(bare), "ms", None),
        Figure("raw: a bare stroke, 95 of 100", p95(bare), "ms", None),
    ]


# --- the line


def _opened_over_the_line(page: Page, line: CDPSession, room: Room, cases: range) -> tuple[float, float]:
    """Open cases one after the other; return the median ms to a first frame, and those to the last one's whole loop."""
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", LINE)
    firsts = []
    for number in cases:  # left before the loop has come, so that the next case is not fetched ahead
        _case(page, room, number)
        firsts.append(float(page.evaluate("window.benchFirst")))
    page.wait_for_function(LOADED)
    return statistics.median(firsts), float(page.evaluate(FETCHED)["end"])


def _line_figures(browser: Browser, room: Room) -> list[Figure]:
    """Cases over 10 Mb/s and 40 ms: after another one, and in a browser that never saw the site's scripts."""
    with _page(browser, room) as (page, line):
        page.context.add_init_script(FIRST_FRAME)
        _case(page, room, LARGE)
        kept, loop = _opened_over_the_line(page, line, room, range(1, LARGE))
        url = page.evaluate(FETCHED)["name"]
        frame = page.evaluate(FRAME_ADDRESS)
        one, whole = page.evaluate(FETCH, frame), page.evaluate(FETCH, url)
    with _page(browser, room) as (page, line):
        page.context.add_init_script(FIRST_FRAME)
        line.send("Network.clearBrowserCache")
        cold, _loop = _opened_over_the_line(page, line, room, range(1, 2))
    return [
        Figure("first frame at 10 Mb/s and 40 ms", kept / 1000, "s", 0.4),
        Figure("first frame there, no script kept yet", cold / 1000, "s", None),
        Figure("raw: one frame fetched there", one / 1000, "s", None),
        Figure("whole loop there", loop / 1000, "s", 10.0),
        Figure("raw: the loop fetched there", whole / 1000, "s", None),
    ]


# --- sizes and memory


def bundle_figures(manifest: dict[str, Any]) -> list[Figure]:
    """Sizes of the built scripts: the viewer, and all that the reading page loads, each file compressed by itself."""
    folder = Path(settings.BASE_DIR) / "static" / "dist"

    def kilobytes(keys: set[str]) -> float:
        return sum(len(gzip.compress((folder / manifest[key]["file"]).read_bytes(), 9)) for key in keys) / 1000

    viewer = {key for key in manifest if key.split("-")[0].removeprefix("_") in VIEWER_FILES and key.endswith(".js")}
    page = _loads(manifest, "src/reading/main.ts")
    return [
        Figure("viewer, compressed", kilobytes(viewer), "kB", 30.0),
        Figure("all scripts of the reading page, compressed", kilobytes(page), "kB", None),
    ]


def _loads(manifest: dict[str, Any], entry: str) -> set[str]:
    """Return an entry and all it imports."""
    found: set[str] = set()
    waiting = [entry]
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += manifest[key].get("imports", [])
    return found


def _heap_figures(browser: Browser, room: Room, cases: int) -> list[Figure]:
    """How much more the page's heap holds after many cases, opened one after the other in one tab."""
    with _page(browser, room) as (page, line):
        line.send("Performance.enable")

        def used() -> float:
            for _ in range(2):
                line.send("HeapProfiler.collectGarbage")
            rows = {row["name"]: row["value"] for row in line.send("Performance.getMetrics")["metrics"]}
            return float(rows["JSHeapUsedSize"]) / 1e6

        for number in range(WARM_CASES):
            _case(page, room, LARGE + number)
        start = used()
        for number in range(cases):
            _case(page, room, LARGE + WARM_CASES + number)
        grown = used() - start
    return [
        Figure("heap of an open case", start, "MB", None),
        Figure(f"heap growth over {cases} cases", grown, "MB", 5.0),
    ]


__all__ = ["Missing", "bundle_figures", "p95", "skipped_frames", "viewer_figures"]

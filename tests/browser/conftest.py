"""The real site under its supervisor, and headless browsers that fail on any console error."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, sync_playwright

from plaqueweb.ops.room import Room
from tests.conftest import REPO, skip_or_fail

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FIREFOX = os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
Visit = Callable[..., Page]
START = 300.0  # seconds until the demo prints its address


@dataclass
class Site:
    """A running demo."""

    address: str
    password: str
    var: Path
    lines: list[str] = field(default_factory=list)


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    """Start ``manage.py demo`` in a folder of its own and wait for the address and the password it prints."""
    front_end()
    var = Path(tempfile.mkdtemp(prefix="plaqueweb-demo-"))
    environment = os.environ | {"PLAQUEWEB_VAR": str(var), "DJANGO_SETTINGS_MODULE": "plaqueweb.settings.dev"}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "demo"], cwd=REPO, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    lines: list[str] = []
    threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")), daemon=True).start()  # type: ignore[union-attr]
    try:
        yield Site(*_opened(process, lines), var=var, lines=lines)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        shutil.rmtree(var, ignore_errors=True)


def _opened(process: subprocess.Popen[str], lines: list[str]) -> tuple[str, str]:
    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
        text = "".join(lines)
        address, password = re.search(r"Open\s+(http://\S+)", text), re.search(r"Password\s+(\S+)", text)
        if address and password:
            return address[1].rstrip("/"), password[1]
        time.sleep(0.2)
    pytest.fail("the demo did not open:\n" + "".join(lines)[-3000:])


@pytest.fixture(scope="package")
def driver() -> Iterator[Playwright]:
    """What drives the browsers. It ends with the package: Django refuses its database beside a running event loop."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def chromium(driver: Playwright) -> Iterator[Browser]:
    """A headless Chromium of the system."""
    if not CHROMIUM:
        skip_or_fail("Chromium is not installed (Debian: apt-get install chromium)")
    browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def firefox(driver: Playwright) -> Iterator[Browser]:
    """A headless Firefox of the system, as Debian ships it: driven by WebDriver BiDi, which needs no patched build."""
    if not FIREFOX:
        skip_or_fail("Firefox is not installed (Debian: apt-get install firefox-esr)")
    browser = driver.firefox.launch(executable_path=FIREFOX, channel="moz-firefox")
    yield browser
    browser.close()


@dataclass
class Console:
    """What pages complained of; a refusal that a test provokes is announced beforehand, once for each."""

    complaints: list[str] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)

    def log(self, message: ConsoleMessage) -> None:
        """Keep errors and warnings."""
        if message.type not in {"error", "warning"}:
            return
        text = f"{message.type}: {message.text} ({message.location.get('url', '')})"
        for part in self.announced:
            if part in text:
                self.announced.remove(part)
                return
        self.complaints.append(text)


@pytest.fixture
def console() -> Iterator[Console]:
    """The console of all pages of a test: at its end none may have complained, and all that was announced has come."""
    made = Console()
    yield made
    assert made.complaints == []
    assert made.announced == []


def watch(page: Page, console: Console) -> Page:
    """Let the console hear what a page complains of."""
    page.on("console", console.log)
    page.on("pageerror", lambda error: console.complaints.append(f"exception: {error}"))
    return page


def log_in(page: Page, address: str, email: str, password: str) -> None:
    """Fill in the form of the page for logging in, and wait for where it leads."""
    page.goto(f"{address}/login/")
    page.fill("#id_username", email)
    page.fill("#id_password", password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda now: "/login/" not in now)


@contextmanager
def visits(browser: Browser, console: Console, address: str, password: str) -> Iterator[Visit]:
    """Give a function that logs somebody in, in a context of its own with the options that it is given."""
    contexts: list[BrowserContext] = []

    def visit(email: str, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        context.set_default_timeout(30_000)
        page = watch(context.new_page(), console)
        log_in(page, address, email, password)
        return page

    yield visit
    for context in contexts:
        context.close()


def front_end() -> None:
    """Skip where the front end is not built."""
    if not (REPO / "static" / "dist" / ".vite" / "manifest.json").exists():
        skip_or_fail("the front end is not built (python3 run.py test builds it)")


@pytest.fixture(scope="module")
def room(request: pytest.FixtureRequest) -> Iterator[Room]:
    """A room for each file, with its ``CASES``, and after its ``SETTING_UP`` (code of the site) where it has that."""
    front_end()
    made = Room(request.module.CASES)
    if code := getattr(request.module, "SETTING_UP", ""):
        made.python(code)
    yield made
    made.close()


@pytest.fixture
def visit(chromium: Browser, room: Room, console: Console) -> Iterator[Visit]:
    """Return a function that logs somebody of the room in with Chromium."""
    with visits(chromium, console, room.address, room.password) as made:
        yield made


@contextmanager
def accounts(browser: Browser, site: Site, console: Console) -> Iterator[Callable[[str], Page]]:
    """Give a function that logs an account of the demo in, in a context of its own."""
    with visits(browser, console, site.address, site.password) as made:
        yield lambda account: made(f"{account}@plaqueweb.example", accept_downloads=True)


@pytest.fixture
def open_as(chromium: Browser, site: Site, console: Console) -> Iterator[Callable[[str], Page]]:
    """Return a function that logs an account in with Chromium."""
    with accounts(chromium, site, console) as log_in:
        yield log_in


@pytest.fixture
def open_in_firefox(firefox: Browser, site: Site, console: Console) -> Iterator[Callable[[str], Page]]:
    """Return a function that logs an account in with Firefox."""
    with accounts(firefox, site, console) as log_in:
        yield log_in

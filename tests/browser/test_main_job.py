"""The main job, as its users walk it: a coordinator loads and releases, readers read blind, sign and compare."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from inference.dicom.write import write_us_multiframe
from tests.browser.conftest import Console, Site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]
OpenAs = Callable[[str], Page]
ALL_PREDICTED = 600_000  # ms


def test_coordinator_and_readers_walk_the_main_job(
    open_as: OpenAs, site: Site, console: Console, tmp_path: Path
) -> None:
    coordinator = open_as("coordinator")
    look_at_a_study(coordinator)
    upload_and_release(coordinator, site, tmp_path)
    wait_for_predictions(coordinator)

    first, second = open_as("reader1"), open_as("reader2")
    nothing_is_shown_before_signing(second, site)
    console.announced.append("status of 422 (Unprocessable Entity) (" + site.address + "/api/v1/reads/sign/)")
    read_a_case(first, site)
    compare(first)

    nothing_is_shown_before_signing(second, site)
    see_agreement(coordinator, site)


def test_firefox_walks_the_main_path(open_in_firefox: OpenAs, open_as: OpenAs, site: Site) -> None:
    reader = open_in_firefox("reader2")
    nothing_is_shown_before_signing(reader, site)
    wait_for_predictions(open_as("coordinator"))

    read_a_case(reader, site)
    compare(reader)

    see_agreement(open_in_firefox("coordinator"), site)


def look_at_a_study(page: Page) -> None:
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.locator("table[data-rows] tbody th a").last.click()
    player = page.locator("[data-player][data-ready]")
    expect(player).to_be_visible()
    page.keyboard.press("End")
    expect(player).not_to_have_attribute("data-frame", "1")
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    expect(player).not_to_have_attribute("data-frame", "1")
    page.keyboard.press("Space")


def files_to_upload(folder: Path) -> list[Path]:
    rng = np.random.default_rng(5)
    frames = rng.integers(0, 200, (5, 120, 160), dtype=np.uint8)
    cine = folder / "no-scale.dcm"
    write_us_multiframe(
        cine, frames, regions=[], frame_time_ms=40.0, patient_id="BROWSER-1", patient_name="Test^Browser",
        study_uid="2.25.7001", series_uid="2.25.7002", sop_uid="2.25.7003", study_date="20260101", synthetic=True,
    )  # fmt: skip
    picture = folder / "still.png"
    data = io.BytesIO()
    Image.fromarray(frames[0]).save(data, "PNG")
    picture.write_bytes(data.getvalue())
    rubbish = folder / "report.pdf"
    rubbish.write_bytes(b"%PDF-1.7 not an image at all")
    return [cine, picture, rubbish]


def upload_and_release(page: Page, site: Site, folder: Path) -> None:
    page.goto(f"{site.address}/p/demo/")
    page.set_input_files("[data-upload-input]", files_to_upload(folder))
    rows = page.locator(".upload-row")
    expect(rows.filter(has_text="no-scale.dcm").locator('[data-state="quarantined"]')).to_be_visible(timeout=90_000)
    expect(rows.filter(has_text="still.png").locator('[data-state="quarantined"]')).to_be_visible(timeout=90_000)
    refused = rows.filter(has_text="report.pdf")
    expect(refused.locator('[data-state="refused"]')).to_be_visible(timeout=90_000)
    expect(refused).to_contain_text("intake-")

    rows.filter(has_text="no-scale.dcm").get_by_role("link", name="Look").click()
    pictures = page.locator(".release-frames img")
    expect(pictures).to_have_count(3)
    pictures.evaluate_all("images => Promise.all(images.map(image => image.decode()))")
    assert pictures.evaluate_all("images => images.every(image => image.naturalWidth === 160)")
    decide(page, "Release", "looked at three frames: no text")

    page.goto(f"{site.address}/p/demo/release/")
    page.locator("table[data-rows] tbody tr a").first.click()
    decide(page, "Refuse", "a test picture, nothing to read")
    page.goto(f"{site.address}/p/demo/audit/")
    expect(page.get_by_text("looked at three frames: no text")).to_be_visible()


def decide(page: Page, act: str, reason: str) -> None:
    page.get_by_role("button", name=act).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name=act).click()
    expect(page.locator(".notice")).to_contain_text(reason)


def wait_for_predictions(page: Page) -> None:
    page.goto(page.url.replace("/audit/", "/"))
    page.wait_for_function(
        """async () => {
            const jobs = await (await fetch('/api/v1/jobs/?page_size=100')).json();
            const done = jobs.results.filter(job => job.state === 'done').length;
            return done >= 13 && jobs.results.every(job => job.state === 'done');
        }""",
        timeout=ALL_PREDICTED, polling=2000,
    )  # fmt: skip


def nothing_is_shown_before_signing(page: Page, site: Site) -> None:
    for what in ("predictions", "jobs", "cases", "consensus", "studies"):
        answer = page.request.get(f"{site.address}/api/v1/{what}/")
        assert answer.ok
        assert answer.json()["results"] == [], what
    assert page.request.get(f"{site.address}/p/demo/").status == 404
    page.goto(f"{site.address}/p/demo/worklist/")
    expect(page.get_by_text(re.compile(r"Case 1 of \d+")).first).to_be_visible()
    assert "Simulated" not in page.content()


def read_a_case(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/p/demo/worklist/")
    page.keyboard.press("Enter")
    reading = page.locator("#reading[data-ready]")
    expect(reading).to_be_visible()
    assert "Model" not in page.locator("#reading").inner_text()

    for segment in ("Ascending", "Arch", "Descending"):
        seen = page.get_by_role("radiogroup", name=f"{segment} seen")
        seen.get_by_role("radio", name="Well").click()
        plaque = page.get_by_role("radiogroup", name=f"{segment} plaque")
        plaque.get_by_role("radio", name="Present" if segment == "Descending" else "None").click()
    for key in ("l", "d", "u", "u", "m", "m", "h", "h"):  # a lesion in the descending aorta; each reason answered "no"
        page.keyboard.press(key)

    canvas = page.locator("#reading canvas").first
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.55
    page.keyboard.press("b")
    drag(page, (x - 60, y), (x + 60, y))
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    drag(page, (x, y - 30), (x, y + 30))
    expect(page.locator(".vp-overlay")).to_contain_text(re.compile(r"\d+\.\d (mm|px)"))
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    for key in ("1", "6", "3"):
        page.keyboard.press(key)
    expect(page.get_by_text("All answers given")).to_be_visible()

    page.keyboard.press("Control+Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Password").fill("not the password")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    dialog.get_by_label("Password").fill(site.password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/cases/**")


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=4)
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def compare(page: Page) -> None:
    root = page.locator('[data-compare][data-ready="yes"]')
    expect(root).to_be_visible()
    expect(page.locator('[data-pane="left"] canvas')).to_be_visible()
    expect(page.locator('[data-number="class"]')).to_contain_text("1 complex")
    expect(page.locator('[data-number="thickness"]')).to_contain_text(re.compile(r"mm|px"))
    expect(page.locator('[data-number="dice"]')).to_contain_text(re.compile(r"0\.\d\d|–"))
    expect(page.locator("[data-frame-words]")).to_contain_text(re.compile(r"ms (after R|before the first R)"))
    expect(page.locator("[data-curve] .scrub-ecg")).to_be_visible()
    model_key = page.locator('[data-go="model_key"]')
    if model_key.is_enabled():
        page.keyboard.press("y")
    key_frame = root.get_attribute("data-frame")
    page.keyboard.press("ArrowRight")
    expect(root).not_to_have_attribute("data-frame", key_frame or "")


def see_agreement(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/p/demo/agreement/")
    expect(page.get_by_role("heading", name="Agreement", exact=True)).to_be_visible()
    cells = page.locator("td.cell a")
    expect(cells.first).to_be_visible()
    cells.first.click()
    expect(page.locator("table[data-rows] tbody tr, table.data tbody tr").first).to_be_visible()
    answer = page.request.get(f"{site.address}/p/demo/agreement.csv")
    assert answer.ok
    assert answer.headers["content-type"].startswith("text/csv")
    assert len(answer.text().splitlines()) > 1

"""From the dashboard to a frozen report on paper, and its PDF."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_a_report_is_frozen_from_the_dashboard_and_prints_as_a_paper(open_as: Callable[[str], Page]) -> None:
    page = open_as("coordinator")
    page.goto(page.url.split("/p/demo/")[0] + "/p/demo/agreement/?against=known_truth")
    page.get_by_role("link", name="Report", exact=True).click()
    page.fill("#report-title", "Printed")
    # Large tabs are the worker's: the list of tabs comes by itself and says when each is done.
    page.wait_for_function(
        "() => { const all = [...document.querySelectorAll('[data-state]')].map((one) => one.dataset.state);"
        " return all.includes('done') && !all.includes('queued') && !all.includes('running'); }",
        timeout=120_000,
    )
    page.get_by_role("button", name="Freeze report").click()
    page.wait_for_url(re.compile(r"/agreement/reports/[0-9a-f-]{36}/$"))

    page.get_by_role("button", name="Print or save as PDF").wait_for()
    assert page.locator("figure svg.drawing").count() > 5
    assert page.locator("figure svg.drawing").first.bounding_box() is not None
    wide = page.evaluate(
        "document.querySelector('main.paper').scrollWidth - document.querySelector('main.paper').clientWidth"
    )
    assert wide <= 0
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 5
    assert page.get_by_role("button", name="Print or save as PDF").is_visible()

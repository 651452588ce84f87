"""From every chart of the dashboard to a case: one mark by mouse, another by keyboard, and what stands behind them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page

from plaqueweb.agreement.boards.registry import BOARDS
from plaqueweb.ops.room import Room
from tests.browser.conftest import Console, visits

pytestmark = pytest.mark.browser
CASES = [["plain"]]
Rows = list[dict[str, str]]
REFERENCE, MODEL = 1, 2  # columns of a list of cases after the first


class Mark(NamedTuple):
    """A mark as the page tells it, the address that it opens, and the row of the chart's table with that address."""

    words: str
    href: str
    row: dict[str, str]


class Listed(NamedTuple):
    """A list of cases: its rows by heading, how many subjects they have, and which rows are said to differ."""

    rows: Rows
    subjects: int
    differ: int

    def column(self, place: int) -> list[str]:
        """Every cell of a column by its place."""
        return [list(row.values())[place] for row in self.rows]


def mm(text: str) -> float | None:
    """A number as it is shown, None for a dash."""
    return None if text == "–" else float(text.replace("−", "-").removesuffix(" mm"))


def as_many_as(column: str) -> Callable[[Mark, Listed], bool]:
    """The list has as many studies as the mark's row of the table says."""
    return lambda mark, listed: len(listed.rows) == int(mark.row[column])


def has_a_value(mark: Mark, listed: Listed) -> bool:
    """Of the human ceiling: every study has what the row measures."""
    if mark.words.startswith("Dice"):
        return all(row["Dice"] != "–" for row in listed.rows if row["Case"])
    if "mm" in mark.words:
        return all(mm(row["Difference, mm"]) is not None for row in listed.rows)
    classes = {*listed.column(REFERENCE), *listed.column(MODEL)}
    return {text.removesuffix(" differs") for text in classes} <= {"Complex", "Not complex"}


def in_the_cell(mark: Mark, listed: Listed) -> bool:
    """Of the confusion table: as many subjects as the cell counts, and where each has one study, of its classes."""
    found = re.fullmatch(r"(.+), Model: (.+), (\d+)", mark.words)
    assert found
    pairs = [(one, two.removesuffix(" differs")) for one, two in zip(listed.column(1), listed.column(2), strict=True)]
    further = len(listed.rows) - listed.subjects
    return listed.subjects == int(found[3]) and pairs.count((found[1], found[2])) >= len(pairs) - 2 * further


def share_of_same(mark: Mark, listed: Listed) -> bool:
    """Counted again over the list, the share of equal classes is the one that the mark tells."""
    both = [row for row in listed.rows if _classes(row) <= {"Complex", "Not complex"}]
    assert both
    same = sum(len(_classes(row)) == 1 for row in both)
    return mark.row["Same class"] == f"{100 * same / len(both):.1f} %"


def _classes(row: dict[str, str]) -> set[str]:
    return {text.removesuffix(" differs") for text in list(row.values())[1:3]}


def at_the_threshold(mark: Mark, listed: Listed) -> bool:
    """Of ROC: a study stands at the point's threshold."""
    at = float(mark.row["Threshold"])
    return any(row["Score"] != "–" and abs(float(row["Score"]) - at) <= 0.0051 for row in listed.rows)


def in_the_bin(mark: Mark, listed: Listed) -> bool:
    """Of reliability: as many subjects as the bin has, and where each has one study, all scores within it."""
    low, high = (float(text) for text in mark.row["Probability"].split(" – "))
    inside = [low - 0.0051 <= float(row["Score"]) <= high + 0.0051 for row in listed.rows if row["Score"] != "–"]
    return listed.subjects == int(mark.row["n"]) and sum(inside) >= listed.subjects


def wrong_at_the_threshold(mark: Mark, listed: Listed) -> bool:
    """Complex below the threshold, or not complex at it; where the model gets none of them wrong, all of one class."""
    found = re.fullmatch(r"(Sensitivity|Specificity), ([\d.]+): ([\d.]+) %", mark.words)
    assert found
    positive, at = found[1] == "Sensitivity", float(found[2])
    wanted = "Complex" if positive else "Not complex"
    if found[3] == "100.0":
        return wanted in listed.column(REFERENCE)
    scores = [float(row["Score"]) for row in listed.rows if list(row.values())[1] == wanted and row["Score"] != "–"]
    return any((score < at + 0.005) if positive else (score >= at - 0.005) for score in scores)


def on_its_side(mark: Mark, listed: Listed) -> bool:
    """As many pairs as the cell counts, each on the sides of the rule that it names."""
    one, two = mark.row["Known truth"], mark.row["Model"]
    sides = {"4.0 mm or more": lambda value: value >= 4.0, "below 4.0 mm": lambda value: value < 4.0}
    values = [(mm(row["Known truth, mm"]), mm(row["Model, mm"])) for row in listed.rows]
    return len(values) == int(mark.row["Pairs"]) and all(sides[one](a) and sides[two](b) for a, b in values)


def shows_the_digit(mark: Mark, listed: Listed) -> bool:
    """The model's bar: every model value is the bar's. The readers': no more studies than values."""
    found = re.fullmatch(r"([\d.]+), (.+): (\d+)", mark.words)
    assert found
    if found[2] == "Model":
        return [row["Model, mm"] for row in listed.rows] == [found[1]] * int(found[3])
    return 0 < len(listed.rows) <= int(found[3])


def those_that_differ(mark: Mark, listed: Listed) -> bool:
    """Of kappa: the studies on which the two readers differ; where they never do, all that both read."""
    return len(listed.rows) == int(mark.row["Differ"]) or mark.row["Differ"] == "0"


def of_the_week(mark: Mark, listed: Listed) -> bool:
    """As many studies as the point counts, and as many that differ."""
    found = re.search(r": (\d+) of (\d+) differ$", mark.words)
    assert found
    return (listed.differ, len(listed.rows)) == (int(found[1]), int(found[2]))


def at_least_measured(mark: Mark, listed: Listed) -> bool:
    """Of the sum of differences: at least the studies that both measured plaque in."""
    measured = [
        row for row in listed.rows if all(mm(text) for text in (list(row.values())[-4], list(row.values())[-3]))
    ]
    return len(measured) == int(mark.row["Studies"])


def overlaps(_mark: Mark, listed: Listed) -> bool:
    """Every study has a Dice."""
    return all(row["Dice"] != "–" for row in listed.rows)


def that_make_the_difference(mark: Mark, listed: Listed) -> bool:
    """Of a paired difference of classes: the studies to which the two pipelines gave another answer; all where none."""
    told = [list(row.values()) for row in listed.rows]
    return all(row[2].removesuffix(" differs") != row[3] for row in told) or len(told) == int(mark.row["Studies"])


CASE = None
"""The mark leads to its one case itself."""
Check = Callable[[Mark, Listed], bool] | None
CLASSIFICATION: dict[str, Check] = {
    "confusion": in_the_cell, "roc": at_the_threshold, "reliability": in_the_bin, "thresholds": wrong_at_the_threshold,
}  # fmt: skip
PLOTS: dict[str, Check] = {"bland-altman": CASE, "scatter-thickness": CASE}
AREAS: dict[str, Check] = {"bland-altman-area": CASE, "scatter-area": CASE}
CHARTS: dict[str, dict[str, Check]] = {
    "overview": {"ceiling": has_a_value, "confusion": in_the_cell, "bland-altman": CASE, "trust": share_of_same},
    "classification": CLASSIFICATION,
    "segmentation": {"by-size": overlaps, "over-area": CASE},
    "measurement": {**PLOTS, "straddle": on_its_side, "digits": shows_the_digit},
    "measurement of a reader": AREAS,
    "readers": {
        "kappa": those_that_differ, "bias": as_many_as("Studies"), "repeats": as_many_as("Repeats"),
        "time": as_many_as("Cases"), "order": as_many_as("Cases"),
    },
    "pipelines": {"differences": that_make_the_difference, "parts": as_many_as("Studies")},
    "time": {
        "weeks": of_the_week, "cusum": as_many_as("Studies"), "bias": at_least_measured,
        **{f"signal_{name}": as_many_as("Predictions") for name in ("class_share", "probability", "thickness", "area")},
        "signal_picture": as_many_as("Predictions"),
    },
    "subgroups": {"subgroups": as_many_as("Studies")},
}  # fmt: skip
ELSEWHERE = {"measurement": set(AREAS), "measurement of a reader": {*PLOTS, "straddle", "digits"}}
"""Charts of a tab that another address of it shows: they need a reader's marks, or are the same there."""
IN_THE_PAGE = {"ceiling", "confusion"}
"""Charts whose marks are links of the page itself."""

# The middle of every drawn shape, from the middle one outwards: where a mark is, the pointer turns into a hand.
SHAPES = """(node) => {
  const shapes = [...node.querySelectorAll("svg path, svg rect, svg circle")];
  const boxes = shapes.map((one) => [one.getBoundingClientRect(), one.getAttribute("fill")]);
  const shown = boxes.filter(([box, fill]) => fill && fill !== "none" && box.width >= 4 && box.height >= 4);
  const middle = shown.length / 2;
  const order = shown.map((one, place) => [Math.abs(place - middle), one[0]]).sort((one, two) => one[0] - two[0]);
  return order.map(([, box]) => [box.left + box.width / 2, box.top + box.height / 2]);
}"""
HAND = "(node) => getComputedStyle(node.firstElementChild).cursor === 'pointer'"
TEXTS = "(node) => [...node.querySelectorAll('svg text')].map((one) => one.textContent)"
TABLE = """(table) => {
  const heads = [...table.querySelectorAll("thead th")].map((one) => one.textContent.trim());
  return [...table.querySelectorAll("tbody tr")].map((row) => ({
    href: row.querySelector("a[href]")?.getAttribute("href") ?? "",
    cells: [...row.cells].map((cell, place) => [heads[place], cell.textContent.trim().replace(/\\s+/g, " ")]),
  }));
}"""


@pytest.fixture(scope="module")
def world(room: Room) -> dict[str, Any]:
    """Who looks at it, and the address of each tab."""
    filled: dict[str, Any] = json.loads(
        room.python("from tests.browser import drill_world as w\nw.main()").splitlines()[-1]
    )
    return filled


@pytest.fixture(scope="module")
def complaints() -> Console:
    return Console()


@pytest.fixture(scope="module")
def page(chromium: Browser, room: Room, world: dict[str, Any], complaints: Console) -> Iterator[Page]:
    with visits(chromium, complaints, room.address, room.password) as visit:
        yield visit(world["email"], viewport={"width": 1280, "height": 720}, reduced_motion="reduce")


def table_of(table: Locator) -> list[tuple[str, dict[str, str]]]:
    """Rows of a table as (address, cells by heading)."""
    found = table.evaluate(TABLE) if table.count() else []
    return [(row["href"], dict(row["cells"])) for row in found]


class Chart:
    """One chart card of an open tab: what it was sent, and its marks."""

    def __init__(self, page: Page, key: str) -> None:
        self.page, self.key = page, key
        self.card = page.locator(f'section[id="c-{key}"]')
        self.node = self.card.locator("[data-chart]")
        source = page.locator(f'script[id="d-{key}"]')
        assert source.count(), f"{key} is not drawn: {self.card.inner_text()[:300]}"
        self.payload: dict[str, Any] = json.loads(source.text_content() or "{}")
        self.rows = table_of(self.card.locator("details table"))

    @property
    def marks(self) -> list[Mark]:
        """Every mark with its words, as a pointer is told them, and what it opens."""
        rows = dict(self.rows)
        return [Mark(words, href, rows.get(href, {})) for words, href, value in self._drawn() if href and value]

    @property
    def dead(self) -> list[str]:
        """Marks that open nothing."""
        return [words for words, href, value in self._drawn() if value and not href]

    def _drawn(self) -> Iterator[tuple[str, str, bool]]:
        """Words, address, and whether anything is drawn, of every mark."""
        data = self.payload["data"]
        match self.payload["draw"]:
            case "scatter":
                yield from ((one["label"], one.get("href", ""), True) for one in data["points"])
            case "lines":
                points = [one for line in data["lines"] if line.get("marks") for one in line["points"]]
                yield from ((one["label"], one.get("href", ""), bool(one.get("href"))) for one in points)
            case "forest":
                for row in data["rows"]:
                    yield f"{row['label']}: {row['text']}", row["href"], row["value"] is not None
            case "bars":
                for series in data["series"]:
                    for name, value, label, href in zip(
                        data["names"], series["values"], series["labels"], series["hrefs"], strict=True
                    ):
                        yield f"{name}, {series['name']}: {label}", href, bool(value)
            case "heat":
                for cell in data["cells"]:
                    words = f"{data['rows'][cell['row']]} × {data['columns'][cell['column']]}: {cell['text']}"
                    yield words, cell.get("href", ""), cell["text"] not in {"0", "–"}

    def press(self) -> Mark:
        """Walk to a mark by keyboard and open it; return it as it was told."""
        if self.key in IN_THE_PAGE:
            link = self._links()[-1]
            mark = self._mark_of(link)
            link.focus()
        else:
            self.node.focus()
            self.page.keyboard.press("End")
            self.page.keyboard.press("ArrowLeft")
            told = self.node.locator("[data-mark]").text_content()
            mark = next(one for one in self.marks if one.words == told)
        self._lead(lambda: self.page.keyboard.press("Enter"))
        return self._reached(mark)

    def click(self) -> Mark:
        """Point at a mark until the pointer is a hand, click, and return it as the pointer was told."""
        if self.key in IN_THE_PAGE:
            link = self._links()[0]
            mark = self._mark_of(link)
            self._lead(link.click)
            return self._reached(mark)
        self.node.scroll_into_view_if_needed()
        for x, y in self.node.evaluate(SHAPES):
            self.page.mouse.move(x, y)
            if self.node.evaluate(HAND):
                texts = set(self.node.evaluate(TEXTS))
                told = next((one for one in self.marks if one.words in texts), None)
                assert told, f"{self.key}: the pointer is told nothing of its mark: {texts}"
                self._lead(partial(self.page.mouse.click, x, y))
                return self._reached(told)
        raise AssertionError(f"{self.key}: nothing to click")

    def _links(self) -> list[Locator]:
        return self.card.locator(".card-body table a[href]:not([tabindex='-1'])").all()

    def _mark_of(self, link: Locator) -> Mark:
        words = link.get_attribute("aria-label") or link.inner_text()
        return Mark(words, link.get_attribute("href") or "", {})

    def _lead(self, act: Callable[[], Any]) -> None:
        with self.page.expect_navigation(wait_until="load"):
            act()

    def _reached(self, mark: Mark) -> Mark:
        """The mark that the address reached belongs to: the one that was told, or one with the same words."""
        at = urlsplit(self.page.url)
        reached = f"{at.path}?{at.query}"
        same = [mark] if self.key in IN_THE_PAGE else [one for one in self.marks if one.words == mark.words]
        found = next((one for one in same if one.href == reached), None)
        assert found, f"{self.key}: {mark.words} leads to {reached}"
        return found


def open_tab(page: Page, room: Room, address: str) -> None:
    page.goto(f"{room.address}{address}", wait_until="load")
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-chart]:not([data-offscreen])')]"
        ".every((one) => one.querySelector('svg'))"
    )


def look_at_list(page: Page, chart: Chart, mark: Mark, check: Callable[[Mark, Listed], bool]) -> dict[str, str]:
    """See that the list belongs to the mark; return the row of its last case."""
    head = page.locator(".page-head").inner_text()
    assert chart.payload["title"] in head or chart.key == "ceiling", f"{chart.key}: {head}"
    rows = table_of(page.locator("main table.data"))
    assert rows, f"{chart.key}, {mark.words}: no case"
    subjects = re.search(r"of (\d+) subject", head)
    listed = Listed(
        [cells for _href, cells in rows],
        int(subjects[1]) if subjects else len(rows),
        page.locator("td .badge.ask").count(),
    )
    assert check(mark, listed), f"{chart.key}, {mark}: {listed}"
    return rows[-1][1]


def open_last_case(page: Page) -> None:
    """Open the last case of a list by keyboard."""
    page.locator("main table.data a[href]").last.focus()
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("Enter")


def look_at_case(page: Page, chart: Chart, mark: Mark, row: dict[str, str] | None) -> None:
    """See that the case is the mark's, or the row's, and that it says what was shown there."""
    page.wait_for_selector("[data-compare][data-ready=yes]")
    label = page.locator(".cmp-study").inner_text()
    sides = [page.locator(f"figure:has([data-pane={place}]) figcaption").inner_text() for place in ("left", "right")]
    said = page.locator(".cmp-verdict, .cmp-numbers").all_inner_texts()
    if row is None:
        assert mark.words.startswith(f"{label}:"), f"{mark.words} leads to {label}"
        values = re.search(r": ([\d.]+) → ([\d.]+) mm(?!²)", mark.words)
        assert values is None or all(f"{float(text):.1f}" in " ".join(said) for text in values.groups()), (mark, said)
        return
    assert row["Case"] == label
    # Where two pipelines are compared they stand beside each other, after the other side.
    shown = list(row.values())[2:4] if len(row) > 8 else list(row.values())[1:3]
    cells = [text.removesuffix(" differs") for text in shown]
    for text, side in zip(cells, sides, strict=True):
        # A list tells apart whether a model ran without a class or did not run; over a picture both are no result.
        said = {"–": "", "Can’t assess": "no result" if "◆" in side else "can’t assess"}.get(text, text.lower())
        assert said in side.lower(), f"{chart.key}, {mark.words}: {row}; {sides}"


@pytest.mark.parametrize("tab", CHARTS)
def test_every_chart_leads_to_the_cases_behind_its_marks(
    tab: str, page: Page, room: Room, world: dict[str, Any], complaints: Console
) -> None:
    address = world["tabs"][tab]
    open_tab(page, room, address)
    shown = {
        one.removeprefix("c-") for one in page.eval_on_selector_all("section[id^=c-]", "(all) => all.map((x) => x.id)")
    }
    assert shown == set(CHARTS[tab]) | ELSEWHERE.get(tab, set())

    for key, check in CHARTS[tab].items():
        for by in (Chart.click, Chart.press):
            open_tab(page, room, address)
            chart = Chart(page, key)
            assert chart.dead == [], f"{key}: marks that open nothing"
            mark = by(chart)
            row = look_at_list(page, chart, mark, check) if check else None
            if row is None:
                look_at_case(page, chart, mark, row)
            elif by is Chart.press:  # both marks lead to a list, and every list to its cases in one way
                open_last_case(page)
                look_at_case(page, chart, mark, row)
    assert complaints.complaints == []


def test_every_tab_is_drilled(world: dict[str, Any]) -> None:
    assert set(world["tabs"]) == set(CHARTS)
    assert {tab.slug for tab in BOARDS} <= set(CHARTS)

"""The chart kit's half on the server: a chart is its title, its ground, its data and the same numbers as a table.

``draw`` names the drawing function in ``static/src/agreement/charts``; every mark of ``data`` that stands for cases
carries their address as ``href``.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from plaqueweb.agreement import present

if TYPE_CHECKING:
    from plaqueweb.agreement.report import Report

MOST_ROWS = 200
"""Rows of a chart's table that a page shows; the CSV has all of them."""


@dataclass(frozen=True)
class Column:
    """A column of a chart's table; numbers stand right."""

    label: str
    number: bool = False


@dataclass(frozen=True)
class Row:
    """A row of a chart's table; ``href`` opens its cases."""

    cells: tuple[str, ...]
    href: str = ""


class Rows(Sequence[Row]):
    """The rows of a long table, each made when it is asked for. ``weigh``: the heaviest stand first where only some are
    shown.
    """

    def __init__(
        self,
        items: Sequence[Mapping[str, Any]],
        make: Callable[[Mapping[str, Any]], Row],
        weigh: Callable[[Mapping[str, Any]], float],
    ) -> None:
        self._items, self._make, self._weigh = items, make, weigh

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        return [self._make(item) for item in self._items[at]] if isinstance(at, slice) else self._make(self._items[at])

    def heaviest(self, most: int) -> list[Row]:
        """So many rows, the heaviest first."""
        return [self._make(item) for item in heapq.nlargest(most, self._items, key=self._weigh)]


@dataclass(frozen=True)
class Chart:
    """One chart card.

    ``title`` names the comparison, ``ground`` its kind and n. ``missing`` is said instead of the chart where there is
    nothing to draw, and names what is needed. ``foot`` is the one sentence that matters; ``cases`` opens all of them.
    ``legend`` lists (mark, words): mark is "phys", "model", "ask", "grey", "both" or "mid". ``facts`` stand below the
    chart as (label, value, interval or ground). ``offscreen``: the page shows the marks itself, the script draws them
    only to save them. ``order`` says which rows a page shows where there are more than ``MOST_ROWS``.
    """

    key: str
    title: str
    ground: str
    draw: str
    data: Mapping[str, Any]
    columns: Sequence[Column]
    rows: Sequence[Row]
    foot: str = ""
    missing: str = ""
    cases: str = ""
    tall: bool = False
    legend: Sequence[tuple[str, str]] = field(default_factory=tuple)
    facts: Sequence[tuple[str, str, str]] = field(default_factory=tuple)
    note: str = ""
    offscreen: bool = False
    order: str = ""

    @property
    def data_id(self) -> str:
        """Id of the JSON in the page."""
        return f"d-{self.key}"

    @property
    def body(self) -> list[tuple[str, list[tuple[str, bool]]]]:
        """The table of the page, at most ``MOST_ROWS`` rows, as (href, [(cell, whether it is a number)])."""
        numbers = [column.number for column in self.columns]
        rows = self.rows
        if len(rows) > MOST_ROWS:
            rows = rows.heaviest(MOST_ROWS) if isinstance(rows, Rows) else rows[:MOST_ROWS]
        return [(row.href, list(zip(row.cells, numbers, strict=True))) for row in rows]

    @property
    def cut(self) -> str:
        """How many rows of how many stand on the page, and which; "" where all do."""
        count = len(self.rows)
        if count <= MOST_ROWS:
            return ""
        text = _("%(some)s of %(all)s rows") % {"some": MOST_ROWS, "all": count}
        return f"{text}, {self.order}" if self.order else text

    @property
    def payload(self) -> dict[str, Any]:
        """What the script gets: data, and what a downloaded picture must carry."""
        return {
            "draw": self.draw,
            "key": self.key,
            "title": self.title,
            "ground": self.ground,
            "data": dict(self.data),
            "notice": str(_("Research use only. Not for diagnosis.")),
        }


def cases_of(report: Report, chart: str, key: object, count: int = 1, of: str = "", at: str = "") -> str:
    """Address of the cases that ``results["picks"][chart][key]`` names; "" where there are none.

    ``of`` is the pipeline that the mark belongs to, where a chart has several: the list then has its answers. ``at``
    is the chart that the mark stands in, where several charts have the same cases behind their marks.
    """
    if not count:
        return ""
    chosen = report.selection.pipeline
    other = of if chosen is None or of != str(chosen.id) else ""
    base = reverse("agreement-cases", args=[report.selection.project.slug])
    more = {"board": report.board.slug, "pick": f"{chart}.{key}", "of": other, "chart": at}
    return f"{base}?{present.query(report.selection, **more)}"


def words_at(charts: Iterable[Chart], href: str) -> str:
    """What stands at an address of cases: the chart's title and the words of its mark; "" where no chart has it."""
    for chart in charts:
        if chart.cases == href:
            return chart.title
        # A row of a long table opens its one case, never a list.
        rows = () if isinstance(chart.rows, Rows) else chart.rows
        row = next((row for row in rows if row.href == href), None)
        words = _mark_words(chart.data, href) or (row.cells[0] if row is not None else "")
        if words:
            return f"{chart.title} · {words}"
    return ""


def _mark_words(data: Any, href: str) -> str:
    """The words of the mark with this address, wherever it stands in a chart's data."""
    if isinstance(data, Mapping):
        if data.get("href") == href:
            return str(data.get("label") or data.get("text") or "")
        for series in data.get("series") or ():
            if href in (series.get("hrefs") or ()):
                name = data["names"][series["hrefs"].index(href)]
                return f"{name}, {series['name']}" if len(data["series"]) > 1 else str(name)
        return next((words for part in data.values() if (words := _mark_words(part, href))), "")
    if isinstance(data, list | tuple):
        return next((words for part in data if (words := _mark_words(part, href))), "")
    return ""


def n_words(subjects: int, studies: int | None = None) -> str:
    """ "n = 200 subjects, 214 studies"; studies only where they differ."""
    text = ngettext("n = %(n)s subject", "n = %(n)s subjects", subjects) % {"n": subjects}
    if studies is None or studies == subjects:
        return text
    return f"{text}, {ngettext('%(n)s study', '%(n)s studies', studies) % {'n': studies}}"


def figure_words(figure: Mapping[str, Any], *, share: bool, digits: int = 2, unit: str = "", sign: bool = False) -> str:
    """A value with its unit, "–" where there is none."""
    value = figure["value"]
    if value is None:
        return "–"
    return present.percent(value, sign=sign) if share else f"{present.number(value, digits, sign=sign)}{unit}"


def interval_or_why(figure: Mapping[str, Any], *, share: bool, subjects: int, sign: bool = False) -> str:
    """The interval in words, or why there is none."""
    words = present.interval_words(figure["interval"], share=share, sign=sign)
    return words or present.why_not(figure["reason"], subjects)

"""A table behind a chart holds 200 rows on the page, those that matter first; the CSV holds all."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from plaqueweb.accounts.models import User
from plaqueweb.agreement import evidence_rows, selectors
from plaqueweb.agreement.boards import shown
from plaqueweb.agreement.boards.shown import MOST_ROWS, Chart, Column, Row, Rows
from plaqueweb.predictions import showing
from plaqueweb.predictions.models import Showing
from tests.factories import member
from tests.plaqueweb.agreement.test_pages import full
from tests.plaqueweb.agreement.world import World

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
__all__ = ["full"]


def chart(rows: Any) -> Chart:
    return Chart("key", "Title", "n = 3", "scatter", {}, [Column("Case"), Column("mm", True)], rows, order="most first")


def rows_of(text: str, key: str) -> list[list[str]]:
    """Cells of a chart's table on a page."""
    part = text[text.index(f'id="r-{key}"') :]
    body = part[part.index("<tbody>") : part.index("</tbody>")]
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, flags=re.S) for row in body.split("</tr>")]
    return [[re.sub(r"<[^>]+>", "", cell) for cell in own] for own in cells if own]


def test_a_table_of_as_many_rows_as_a_page_shows_stays_in_its_order() -> None:
    points = [{"at": at} for at in range(MOST_ROWS)]
    whole = chart(Rows(points, lambda point: Row((str(point["at"]), "1")), lambda point: point["at"]))
    assert whole.cut == ""
    assert [cells[0][0] for _href, cells in whole.body] == [str(at) for at in range(MOST_ROWS)]


def test_one_row_more_shows_the_heaviest_first_and_says_how_many_there_are() -> None:
    points = [{"at": at} for at in range(MOST_ROWS + 1)]
    made = []

    def row(point: Any) -> Row:
        made.append(point["at"])
        return Row((str(point["at"]), "1"), f"/{point['at']}/")

    cut = chart(Rows(points, row, lambda point: point["at"]))
    assert [cells[0][0] for _href, cells in cut.body] == [str(at) for at in range(MOST_ROWS, 0, -1)]
    assert cut.cut == f"{MOST_ROWS} of {MOST_ROWS + 1} rows, most first"
    assert len(made) == MOST_ROWS  # the others are made for the CSV alone
    assert [row.href for row in cut.rows] == [f"/{at}/" for at in range(MOST_ROWS + 1)]
    assert [row.href for row in cut.rows[1:3]] == ["/1/", "/2/"]


def test_plain_rows_keep_their_order_when_they_are_cut() -> None:
    cut = chart([Row((str(at), "1")) for at in range(MOST_ROWS + 5)])
    assert [cells[0][0] for _href, cells in cut.body] == [str(at) for at in range(MOST_ROWS)]


@pytest.mark.parametrize(
    ("name", "key", "board", "order"),
    [
        ("agreement", "bland-altman", "overview", "furthest apart first"),
        ("agreement-measurement", "scatter-thickness", "measurement", "furthest apart first"),
    ],
)
def test_the_page_shows_the_furthest_apart_and_leads_to_all_of_them(
    full: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch, name: str, key: str, board: str, order: str
) -> None:
    monkeypatch.setattr(shown, "MOST_ROWS", 5)
    client = browser_of(full.coordinator)

    text = client.get(reverse(name, args=[full.project.slug])).content.decode()

    part = text[text.index(f'id="r-{key}"') :]
    assert f"5 of 12 rows, {order}." in part
    link = re.search(r'<a href="([^"]+)" download>All 12 rows: CSV</a>', part)
    assert link is not None
    sent = list(csv.reader(io.StringIO(client.get(link[1].replace("&amp;", "&")).content.decode())))
    every = [(abs(float(row[1]) - float(row[2])), row[0]) for row in sent[1:]]
    assert len(every) == 12
    shown_rows = rows_of(text, key)
    assert [row[0] for row in shown_rows] == [case for _apart, case in sorted(every, reverse=True)[:5]]


def test_many_studies_are_named_and_noted_as_few_are(
    full: World, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cases(user: User) -> str:
        text: str = browser_of(user).get(reverse("agreement-cases", args=[full.project.slug])).content.decode()
        return text[text.index("<table") : text.index("</table>")]

    other = member(full.project, "coordinator")
    few = cases(full.coordinator)
    for module in (evidence_rows, selectors, showing):
        monkeypatch.setattr(module, "FEW", 3)
    many, again = cases(other), cases(other)

    assert few == many == again
    assert few.count("S-") >= 12
    noted = [
        set(Showing.objects.filter(user=user).values_list("study_id", flat=True)) for user in (full.coordinator, other)
    ]
    assert noted[0] == noted[1]
    assert len(noted[0]) == 12

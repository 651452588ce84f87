"""The tags of the components: a state is a glyph and a word, a number says when it is missing."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.template import Context, Template
from django.utils import timezone

from plaqueweb.core.templatetags import ui
from plaqueweb.core.work import WorkState
from plaqueweb.ingest.models import UploadState
from plaqueweb.predictions.models import PipelineState
from plaqueweb.reads.choices import AssignmentState

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"
SPRITE = (TEMPLATES / "components" / "sprite.html").read_text()


def rendered(source: str, **context: object) -> str:
    return Template("{% load ui %}" + source).render(Context(context))


@pytest.mark.parametrize(
    "state", [*UploadState.values, *WorkState.values, *PipelineState.values, *AssignmentState.values]
)
def test_every_state_has_its_own_glyph_in_the_sprite(state: str) -> None:
    assert state in ui.CHIPS

    glyph, _tone = ui.CHIPS[state]

    assert f'id="s-{glyph}"' in SPRITE


def test_a_chip_says_its_state_in_words_and_escapes_them() -> None:
    html = rendered("{% chip 'failed' words %}", words="clip 2 <b>")

    assert "clip 2 &lt;b&gt;" in html
    assert 'data-state="failed"' in html
    assert "#s-octagon" in html


def test_an_unknown_state_is_shown_by_its_name() -> None:
    assert "<span>strange</span>" in rendered("{% chip 'strange' %}")


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    named = {
        name
        for page in TEMPLATES.rglob("*.html")
        for name in re.findall(r"{% icon [\"'](\w[\w-]*)[\"'] %}", page.read_text())
    }

    missing = {name for name in named if f'id="i-{name}"' not in SPRITE}

    assert named
    assert missing == set()


def test_keys_are_written_one_cap_each() -> None:
    assert rendered("{% keycap 'Ctrl' '⏎' %}").count("<kbd") == 2


@pytest.mark.parametrize(
    ("source", "value", "words"),
    [
        ("{{ value|mm }}", 6.94, "6.9 mm"),
        ("{{ value|mm }}", None, "–"),
        ("{{ value|decimals:2 }}", -0.456, "−0.46"),
        ("{{ value|decimals:0 }}", 0.0, "0"),
        ("{{ value|percent }}", 0.876, "88 %"),
        ("{{ value|percent:1 }}", None, "–"),
        ("{{ value|clock }}", 74, "1:14"),
        ("{{ value|clock }}", 9.9, "0:09"),
        ("{{ value|clock }}", None, "–"),
        ("{{ value|class_words }}", 9, "can’t assess"),
        ("{{ value|class_words }}", 0, "0 not complex"),
        ("{{ value|class_words }}", None, "–"),
    ],
)
def test_numbers_carry_unit_minus_and_dash(source: str, value: float | None, words: str) -> None:
    assert rendered(source, value=value) == words


@pytest.mark.parametrize("page", sorted(TEMPLATES.rglob("*.html")), ids=lambda page: str(page.relative_to(TEMPLATES)))
def test_no_template_needs_an_unsafe_content_policy(page: Path) -> None:
    source = page.read_text()

    assert not re.search(r"<[^>]*\sstyle=", source)
    assert not re.search(r"<[^>]*\son\w+=[\"']", source)
    assert not re.search(r"<script(?![^>]*\bsrc=)", source)
    assert "hx-on" not in source


@pytest.mark.parametrize("page", sorted(TEMPLATES.rglob("*.html")), ids=lambda page: str(page.relative_to(TEMPLATES)))
def test_no_comment_runs_over_a_line_and_into_the_page(page: Path) -> None:
    for line in page.read_text().splitlines():
        assert line.count("{#") == line.count("#}")


def test_a_bar_in_parts_puts_them_one_after_the_other() -> None:
    html = rendered("{% parts total=8 signed=4 completed=2 open=1 %}")

    assert re.findall(r'x="([\d.]+)%" class="(\w+)" width="([\d.]+)%"', html) == [
        ("0.00", "signed", "50.00"),
        ("50.00", "completed", "25.00"),
        ("75.00", "open", "12.50"),
    ]


def test_a_bar_without_anything_to_count_is_empty() -> None:
    assert "NaN" not in rendered("{% parts total=0 %}")
    assert rendered("{% bar 3 0 %}") == ""


def test_dots_show_signed_readers_and_always_the_count() -> None:
    few, many = rendered("{% dots 2 3 %}"), rendered("{% dots 5 9 %}")

    assert few.count('class="full"') == 2
    assert "2/3" in few
    assert "<circle" not in many
    assert "5/9" in many


def test_arrival_is_a_time_today_a_day_this_week_and_a_date_before() -> None:
    now = timezone.now()

    assert re.fullmatch(r"\d\d:\d\d", rendered("{{ at|arrived }}", at=now))
    assert re.fullmatch(r"[A-Z][a-z]{2}", rendered("{{ at|arrived }}", at=now - timedelta(days=3)))
    assert re.fullmatch(r"\d{1,2} [A-Z][a-z]{2}", rendered("{{ at|arrived }}", at=now - timedelta(days=30)))
    assert rendered("{{ at|arrived }}", at=None) == "–"


def test_stored_values_are_written_as_words() -> None:
    assert rendered("{{ value|as_words }}", value=["a", "b"]) == "a, b"
    assert rendered("{{ value|as_words }}", value={"n": [1]}) == "n 1"
    assert rendered("{{ value|as_words }}", value=[]) == "–"

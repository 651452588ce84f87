"""Charts on paper: every kind is drawn, each mark stands where its value belongs, nothing needs a style attribute."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from django.template.loader import render_to_string

from plaqueweb.agreement.paper.charts import KINDS, NARROW, WIDE, cut, draw
from plaqueweb.agreement.paper.drawing import Drawing, Mark, ends, place, tick_words, ticks

SCATTER = {
    "points": [{"x": 2.0, "y": -1.0}, {"x": 4.0, "y": 1.0, "cross": True}, {"x": 3.0, "y": 0.0, "ring": True}],
    "x": {"min": 0, "max": 5, "name": "mean"},
    "y": {"min": -2, "max": 2, "ticks": "signed", "name": "difference"},
    "rules": [{"at": 0.5, "axis": "y", "text": "+0.50 mm", "name": "bias"}, {"at": 4, "axis": "x", "dash": "dotted"}],
    "bands": [{"axis": "y", "from": -1, "to": 1}, {"axis": "x", "from": 3.5, "to": 4.5, "text": "near 4 mm"}],
    "lines": [{"from": [0, 0], "to": [2, 2], "tone": "mid"}],
}
LINES = {
    "lines": [
        {"name": "one", "tone": "model", "points": [{"x": 0, "y": 0.1}, {"x": 1, "y": 0.4}], "marks": True,
         "label": True, "intervals": [[0.0, 0.2], None]},
        {"name": "limit", "tone": "mute", "points": [{"x": 0, "y": 0.5}, {"x": 1, "y": 0.6}], "step": True,
         "dash": "dashed"},
    ],
    "x": {"names": ["6 Jul", "3 Aug"]},
    "y": {"min": 0, "ticks": "percent", "name": "%"},
    "rules": [{"at": 0.9, "axis": "y", "text": "90 %", "name": "alarm"}],
}  # fmt: skip
FOREST = {
    "rows": [
        {"label": "All", "ground": "n = 9", "value": 0.5, "low": 0.25, "high": 0.75, "tone": "phys", "text": "50.0 %"},
        {"label": "All", "ground": "", "value": 0.6, "low": None, "high": None, "tone": "model", "text": "60.0 %",
         "joined": True},
        {"label": "A part with a name that is much too long for the room that it has", "ground": "n = 3", "value": None,
         "low": None, "high": None, "tone": "model", "text": "–"},
    ],
    "x": {"min": 0, "max": 1, "ticks": "percent", "name": "% same class"},
    "rules": [{"at": 0.5, "axis": "x", "tone": "faint", "width": 1}],
}  # fmt: skip
BARS = {
    "names": ["3.9", "4.0"],
    "series": [
        {"name": "readers", "tone": "phys", "values": [2, 4], "labels": ["2", "4"]},
        {"name": "model", "tone": "model", "values": [1, None], "labels": ["1", ""]},
    ],
    "x": {"name": "mm"},
    "y": {"name": "values", "min": 0},
}
HEAT = {
    "rows": ["A", "B"],
    "columns": ["A", "B"],
    "cells": [
        {"row": 0, "column": 1, "value": 0.5, "text": "0.50"},
        {"row": 1, "column": 0, "value": 1.0, "text": "1.00"},
        {"row": 0, "column": 0, "value": None, "text": "–", "tone": "outside"},
        {"row": 1, "column": 1, "value": None, "text": "3", "tone": "differ"},
    ],
    "min": 0,
    "max": 1,
    "words": {"rows": "", "columns": ""},
}
EXAMPLES: dict[str, Any] = {"scatter": SCATTER, "lines": LINES, "forest": FOREST, "bars": BARS, "heat": HEAT}


def of(drawing: Drawing, tag: str, cls: str = "") -> list[dict[str, str]]:
    found = [dict(mark.attributes) for mark in drawing.marks if mark.tag == tag]
    return [row for row in found if cls in row.get("class", "").split() or not cls]


def texts(drawing: Drawing) -> list[str]:
    return [mark.text for mark in drawing.marks if mark.tag == "text"]


def test_every_kind_has_an_example_here() -> None:
    assert set(EXAMPLES) == set(KINDS)


@pytest.mark.parametrize(("kind", "width"), list(itertools.product(EXAMPLES, (WIDE, NARROW))))
def test_every_kind_is_drawn_inside_its_frame_without_a_style(kind: str, width: int) -> None:
    drawing = draw(kind, EXAMPLES[kind], width=width)
    text = render_to_string("agreement/_drawing.html", {"drawing": drawing, "label": "what it shows"})

    assert "style=" not in text
    assert 'aria-label="what it shows"' in text
    assert text.count("<svg") == text.count("</svg>") == 1
    for mark in drawing.marks:
        found = dict(mark.attributes)
        for key in ("x", "x1", "x2", "cx"):
            assert -1 <= float(found.get(key, 0)) <= drawing.width + 1, mark
        for key in ("y", "y1", "y2", "cy"):
            assert -1 <= float(found.get(key, 0)) <= drawing.height + 1, mark


def test_a_kind_that_nobody_draws_is_an_error() -> None:
    with pytest.raises(ValueError, match="no drawing named pie"):
        draw("pie", {})


def test_texts_are_escaped() -> None:
    made = Drawing(10, 10)
    made.words(1, 2, "<b>A & B</b>")
    assert "&lt;b&gt;A &amp; B&lt;/b&gt;" in render_to_string(
        "agreement/_drawing.html", {"drawing": made, "label": '"><script>'}
    )


def test_a_point_of_a_scatter_stands_between_the_ticks_of_its_values() -> None:
    drawing = draw("scatter", SCATTER)
    ringed = next(row for row in of(drawing, "circle") if "s-bad" in row["class"])
    at = {mark.text: dict(mark.attributes) for mark in drawing.marks if mark.tag == "text"}

    assert float(ringed["cx"]) == pytest.approx(float(at["3"]["x"]), abs=0.2)
    zero = min(float(dict(mark.attributes)["y"]) for mark in drawing.marks if mark.text == "0")  # both axes have one
    assert float(ringed["cy"]) == pytest.approx(zero - 4, abs=0.2)
    assert {"−1", "+1", "+0.50 mm", "bias", "near 4 mm", "difference"} <= set(texts(drawing))
    assert len(of(drawing, "path", "s-ask")) == 1


def test_a_forest_is_to_scale_and_tells_people_from_models_by_shape() -> None:
    drawing = draw("forest", FOREST)
    line = of(drawing, "line", "s-phys")[0]
    circle = of(drawing, "circle", "f-phys")[0]
    ticks_at = {mark.text: float(dict(mark.attributes)["x"]) for mark in drawing.marks if mark.text in ("0", "100")}
    width = ticks_at["100"] - ticks_at["0"]

    assert float(circle["cx"]) == pytest.approx(ticks_at["0"] + 0.5 * width, abs=0.2)
    assert float(line["x2"]) - float(line["x1"]) == pytest.approx(0.5 * width, abs=0.2)
    assert len(of(drawing, "path", "f-model")) == 1
    assert any(text.endswith("…") for text in texts(drawing))
    assert "–" in texts(drawing)


def test_lines_show_limits_beyond_the_points_and_a_second_model_hollow() -> None:
    second = {**LINES["lines"][0], "name": "two"}
    drawing = draw("lines", {**LINES, "lines": [*LINES["lines"], second]})
    rule = next(mark for mark in drawing.marks if mark.text == "alarm")

    assert float(dict(rule.attributes)["y"]) > 0
    assert len(of(drawing, "path", "hollow")) == 2
    assert len(of(drawing, "path", "f-model")) == 2
    assert any("H" in row["d"] and "V" in row["d"] for row in of(drawing, "path", "dashed"))
    assert {"6 Jul", "3 Aug", "one", "two"} <= set(texts(drawing))


def test_bars_are_as_high_as_their_values() -> None:
    bars = of(draw("bars", BARS), "rect", "f-phys")
    assert float(bars[1]["height"]) == pytest.approx(2 * float(bars[0]["height"]), abs=0.2)

    lying = of(draw("bars", {**BARS, "horizontal": True}), "rect", "f-phys")
    assert float(lying[1]["width"]) == pytest.approx(2 * float(lying[0]["width"]), abs=0.2)

    stacked = draw("bars", {**BARS, "stacked": True})
    lower, upper = of(stacked, "rect", "f-phys")[0], of(stacked, "rect", "f-model")[0]
    assert float(upper["y"]) + float(upper["height"]) == pytest.approx(float(lower["y"]), abs=0.2)


def test_a_heat_map_is_darker_where_more_agree() -> None:
    shades = [float(row["fill-opacity"]) for row in of(draw("heat", HEAT), "rect", "shade")]
    assert shades == [0.29, 0.54]
    assert len(of(draw("heat", HEAT), "rect", "differ")) == 1


def test_words_at_the_ends_of_rules_never_cover_each_other() -> None:
    rules = [{"at": 0.5 + step / 1000, "axis": "y", "text": f"{step}", "name": "limit"} for step in range(3)]
    drawing = draw("scatter", {**SCATTER, "rules": rules})
    assert texts(drawing).count("limit") == 1


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (-3, 3, [-3, -2, -1, 0, 1, 2, 3]), (4, 4, [4]), (0, 7, [0, 2, 4, 6])],
)
def test_ticks_are_round(low: float, high: float, found: list[float]) -> None:
    assert ticks(low, high) == found


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        (-0.5, "plain", "−0.5"),
        (0.5, "signed", "+0.5"),
        (0.0, "signed", "0"),
        (0.125, "percent", "12.5"),
        (1, "none", ""),
    ],
)
def test_tick_words(value: float, kind: str, told: str) -> None:
    assert tick_words(value, kind) == told


def test_small_helpers() -> None:
    assert (place(1.0), place(1.26), place("a")) == ("1", "1.3", "a")
    assert ends({}, []) == (0.0, 1.05)
    assert ends({"min": 2, "max": 2}, []) == (2.0, 3.0)
    assert cut("short", 100) == "short"
    assert Mark("g", ()).text == ""
    assert re.fullmatch(r"a+…", cut("a" * 100, 60))

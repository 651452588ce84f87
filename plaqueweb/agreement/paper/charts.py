"""The five kinds of chart as drawings, each from the same data that the dashboard's script draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from plaqueweb.agreement.paper.drawing import (
    LETTER,
    Drawing,
    Field,
    Scale,
    axes,
    bands,
    ends,
    place,
    right_room,
    rules,
    tick_words,
    ticks,
)

WIDE, NARROW = 672, 328
Data = Mapping[str, Any]


def draw(kind: str, data: Data, *, width: int = WIDE) -> Drawing:
    """The drawing of a chart.

    Raises:
        ValueError: nobody draws this kind.
    """
    if kind not in KINDS:
        raise ValueError(f"no drawing named {kind}")
    return KINDS[kind](data, width)


def _room(data: Data, right: float = 16) -> dict[str, float]:
    return {"left": 48, "right": right_room(data.get("rules", []), right), "top": 12, "bottom": 42}


def scatter(data: Data, width: int) -> Drawing:
    """Points over two numbers, with rules, bands and straight lines."""
    made = Drawing(width, 300 if width > NARROW else 270)
    points, lines = data["points"], data.get("lines", [])
    x = ends(data["x"], [point["x"] for point in points])
    y = ends(data["y"], [point["y"] for point in points])
    field = axes(made, x, y, data, _room(data))
    bands(field, data.get("bands", []))
    rules(field, data.get("rules", []))
    for line in lines:
        (x1, y1), (x2, y2) = line["from"], line["to"]
        made.line(field.x(x1), field.y(y1), field.x(x2), field.y(y2), _stroke(line, "mute"))
    for point in points:
        tone = point.get("tone") or ("ask" if point.get("cross") else "point")
        shape = "cross" if point.get("cross") else ""
        made.symbol(field.x(point["x"]), field.y(point["y"]), tone, size=2.6, ring=bool(point.get("ring")), shape=shape)
    return made


def _stroke(line: Data, tone: str) -> str:
    return f"s-{line.get('tone', tone)} {line.get('dash', 'solid')} none"


def lines(data: Data, width: int) -> Drawing:
    """Lines over numbers or named places, with marks, intervals, steps and names at their ends."""
    made = Drawing(width, 270 if width <= NARROW else 250)
    every = [point for line in data["lines"] for point in line["points"]]
    names: Sequence[str] = data["x"].get("names", [])
    x = (-0.5, len(names) - 0.5) if names else ends(data["x"], [point["x"] for point in every])
    limits = [rule["at"] for rule in data.get("rules", []) if rule["axis"] == "y"]
    y = ends(data["y"], [*(point["y"] for point in every), *limits])
    labels = max((len(line["name"]) for line in data["lines"] if line.get("label")), default=0)
    field = axes(made, x, y, data, _room(data, max(16, labels * LETTER + 18) if labels else 16))
    bands(field, data.get("bands", []))
    rules(field, data.get("rules", []))
    marked = [line["name"] for line in data["lines"] if line.get("marks") and line["tone"] == "model"]
    for line in data["lines"]:
        hollow = line["name"] in marked[1:]
        _whiskers(field, line)
        _path(field, line)
        if line.get("marks"):
            for point in line["points"]:
                ring = bool(point.get("ring"))
                made.symbol(field.x(point["x"]), field.y(point["y"]), line["tone"], size=3.4, ring=ring, hollow=hollow)
    _end_names(field, data["lines"])
    return made


def _whiskers(field: Field, line: Data) -> None:
    for point, interval in zip(line["points"], line.get("intervals") or [], strict=False):
        if interval:
            x = field.x(point["x"])
            field.drawing.line(x, field.y(interval[0]), x, field.y(interval[1]), f"s-{line['tone']}")


def _path(field: Field, line: Data) -> None:
    points = [(field.x(point["x"]), field.y(point["y"])) for point in line["points"]]
    if len(points) < 2:
        return
    steps = [f"M{place(points[0][0])} {place(points[0][1])}"]
    for x, y in points[1:]:
        steps.append(f"H{place(x)}V{place(y)}" if line.get("step") else f"L{place(x)} {place(y)}")
    field.drawing.add("path", d="".join(steps), cls=_stroke(line, "ink"))


def _end_names(field: Field, found: Sequence[Data]) -> None:
    """Names at the ends of lines, moved apart where two would cover each other."""
    wanted = sorted(
        (field.y(line["points"][-1]["y"]), line["name"]) for line in found if line.get("label") and line["points"]
    )
    last = -math.inf
    for y, name in wanted:
        last = max(y, last + 12)
        field.drawing.words(field.right + 8, last + 4, name, "tick")


FOREST_RIGHT, FOREST_ROW = 112, 30


def forest(data: Data, width: int) -> Drawing:
    """Estimates with intervals, a row each; a joined row stands on the line of the one before it."""
    rows = data["rows"]
    places: list[int] = []
    for row in rows:
        places.append((places[-1] if places else 0) if row.get("joined") else (places[-1] + 1 if places else 0))
    count = (places[-1] if places else 0) + 1
    height = 10 + count * FOREST_ROW
    made = Drawing(width, height + (40 if data["x"].get("name") else 22))
    values = [row[key] for row in rows for key in ("value", "low", "high") if row[key] is not None]
    low, high = ends(data["x"], values)
    names = max((len(row[key]) for row in rows for key in ("label", "ground")), default=0) * LETTER + 16
    left, right = min(max(names, 150.0), 0.4 * width), float(width - FOREST_RIGHT)
    x = Scale(low, high, left, right)
    for value in ticks(low, high, most=6):
        made.line(x(value), 6, x(value), height, "grid")
        made.words(x(value), height + 14, tick_words(value, data["x"].get("ticks", "plain")), "tick", "middle")
    made.line(left, height, right, height, "axis")
    made.words((left + right) / 2, height + 30, data["x"].get("name", ""), "name", "middle")
    field = Field(made, x, Scale(0, 1, height, 6), left, right, 6, height)
    rules(field, [rule for rule in data.get("rules", []) if rule["axis"] == "x"])
    for number, (row, at) in enumerate(zip(rows, places, strict=True)):
        joined = bool(row.get("joined"))
        followed = number + 1 < len(rows) and bool(rows[number + 1].get("joined"))
        middle = 10 + (at + 0.5) * FOREST_ROW - 4
        y = middle + (6 if joined else -6 if followed else 0)
        _estimate(made, x, row, y, dashed=joined and row["tone"] == "model")
        made.words(right + 10, y + 4, row["text"], f"t-{row['tone']}")
        if not joined:
            made.words(0, middle + (-1 if row["ground"] else 4), cut(row["label"], left - 10), "ink")
            made.words(0, middle + 11, cut(row["ground"], left - 10), "tick")
    return made


def _estimate(made: Drawing, x: Scale, row: Data, y: float, *, dashed: bool) -> None:
    if row["low"] is not None and row["high"] is not None:
        one, two = (min(max(row[key], x.low), x.high) for key in ("low", "high"))
        made.line(x(one), y, x(two), y, f"s-{row['tone']} wide" + (" dashed" if dashed else ""))
    if row["value"] is not None:
        shape = "circle" if row["tone"] == "phys" else "diamond"
        made.symbol(x(row["value"]), y, row["tone"], shape=shape)


def cut(text: str, room: float) -> str:
    """A text that fits into so many px; what does not fit ends in …"""
    most = max(1, int(room / LETTER))
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def bars(data: Data, width: int) -> Drawing:
    """Bars side by side, or on top of each other, upright or lying; the amount stands at the end of each."""
    return _lying(data, width) if data.get("horizontal") else _upright(data, width)


def _tops(data: Data) -> list[float]:
    columns = zip(*(one["values"] for one in data["series"]), strict=True)
    amounts = [[value or 0.0 for value in column] for column in columns]
    return [sum(column) if data.get("stacked") else max(column, default=0.0) for column in amounts]


def _upright(data: Data, width: int) -> Drawing:
    made = Drawing(width, 250)
    names = data["names"]
    y = ends(data["y"], [0.0, *_tops(data)])
    shown = {"x": {**(data.get("x") or {}), "names": names}, "y": data["y"]}
    field = axes(made, (-0.5, len(names) - 0.5), y, shown, {**_room(data), "top": 20})
    slot = (field.right - field.left) / max(1, len(names)) * 0.76
    several = 1 if data.get("stacked") else max(1, len(data["series"]))
    below = [0.0] * len(names)
    for number, one in enumerate(data["series"]):
        for at, value in enumerate(one["values"]):
            if value is None:
                continue
            left = field.x(at) - slot / 2 + (0 if data.get("stacked") else number * slot / several)
            top, bottom = field.y(below[at] + value), field.y(below[at])
            made.add("rect", x=left, y=top, width=slot / several, height=bottom - top, cls=_fill(one))
            below[at] += value if data.get("stacked") else 0
            label = (one.get("labels") or [""] * len(names))[at]
            if not data.get("stacked") and value and len(label) * LETTER <= slot / several + 8:
                made.words(left + slot / several / 2, top - 3, label, "tick", "middle")
    rules(field, data.get("rules", []))
    return made


def _lying(data: Data, width: int) -> Drawing:
    names, series = data["names"], data["series"]
    row = 30
    made = Drawing(width, len(names) * row + 52)
    low, high = ends(data["y"], [0.0, *_tops(data)])
    left, right, bottom = 128.0, width - 52.0, float(len(names) * row + 8)
    x = Scale(low, high, left, right)
    for value in ticks(low, high, most=max(2, int((right - left) // 60))):
        made.line(x(value), 4, x(value), bottom, "grid")
        made.words(x(value), bottom + 14, tick_words(value, data["y"].get("ticks", "plain")), "tick", "middle")
    made.words((left + right) / 2, bottom + 32, data["y"].get("name", ""), "name", "middle")
    thick = 18 / max(1, len(series))
    for at, name in enumerate(names):
        made.words(left - 8, at * row + row / 2 + 8, cut(name, left - 8), "ink", "end")
        for number, one in enumerate(series):
            value = one["values"][at]
            if value is None:
                continue
            top = at * row + 10 + number * thick
            made.add("rect", x=left, y=top, width=max(0.5, x(value) - left), height=thick, cls=_fill(one))
            label = (one.get("labels") or [""] * len(names))[at]
            made.words(x(value) + 6, top + thick / 2 + 4, label, "tick")
    return made


def _fill(one: Data) -> str:
    light = one.get("hatch") or one["tone"] == "model"
    return f"f-{one['tone']}" + (" hatched" if light else "")


def heat(data: Data, width: int) -> Drawing:
    """A table of shades: darker is more agreement; the number stands in each cell."""
    rows, columns = data["rows"], data["columns"]
    height, left, top = 34, 150.0 if width > NARROW else 104.0, 22.0
    made = Drawing(width, int(top + len(rows) * height + 6))
    wide = min(132.0, (width - left - 8) / max(1, len(columns)))
    for at, name in enumerate(columns):
        made.words(left + (at + 0.5) * wide, 14, cut(name, wide), "tick", "middle")
    for at, name in enumerate(rows):
        made.words(left - 8, top + (at + 0.5) * height + 4, cut(name, left - 8), "ink", "end")
    for cell in data["cells"]:
        x, y = left + cell["column"] * wide, top + cell["row"] * height
        tone = cell.get("tone")
        share = _share(cell["value"], data["min"], data["max"])
        made.add(
            "rect", x=x + 1.5, y=y + 1.5, width=wide - 3, height=height - 3, cls=f"cell {tone or 'shade'}",
            fill_opacity=None if tone else f"{0.04 + 0.5 * share:.2f}",
        )  # fmt: skip
        made.words(x + wide / 2, y + height / 2 + 4, cell["text"], "ink", "middle")
    return made


def _share(value: float | None, low: float, high: float) -> float:
    return 0.0 if value is None else min(1.0, max(0.0, (value - low) / ((high - low) or 1)))


KINDS: dict[str, Callable[[Data, int], Drawing]] = {
    "scatter": scatter,
    "lines": lines,
    "forest": forest,
    "bars": bars,
    "heat": heat,
}

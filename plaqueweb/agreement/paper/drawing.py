"""Drawings for paper: shapes with classes and positions in px, for one template; no script, no style attribute.

Five kinds of chart take the same data as the script's drawings (``boards.shown.Chart.data``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LETTER = 5.9
"""Mean width of a letter at 11 px."""
MINUS = "−"
CLOSE = 10.0
"""px between two words at the ends of rules."""


@dataclass(frozen=True)
class Mark:
    """One SVG element."""

    tag: str
    attributes: tuple[tuple[str, str], ...]
    text: str = ""


@dataclass
class Drawing:
    """A picture of ``width`` × ``height`` px."""

    width: int
    height: int
    marks: list[Mark] = field(default_factory=list)

    def add(self, tag: str, text: str = "", **attributes: Any) -> None:
        """Add an element; ``cls`` is its class, numbers are written with one decimal, _ in a name is -."""
        named = {"class" if key == "cls" else key.replace("_", "-"): value for key, value in attributes.items()}
        told = tuple((key, place(value)) for key, value in named.items() if value is not None)
        self.marks.append(Mark(tag, told, text))

    def line(self, x1: float, y1: float, x2: float, y2: float, cls: str) -> None:
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, cls=cls)

    def words(self, x: float, y: float, text: str, cls: str = "", anchor: str | None = None) -> None:
        if text:
            self.add("text", text, x=x, y=y, cls=cls or None, text_anchor=anchor)

    def symbol(
        self,
        x: float,
        y: float,
        tone: str,
        *,
        size: float = 4.5,
        ring: bool = False,
        shape: str = "",
        hollow: bool = False,
    ) -> None:
        """A circle for a physician, a diamond for a model, a cross for a pair on two sides of the rule."""
        shape, fill = shape or ("diamond" if tone == "model" else "circle"), "hollow s" if hollow else "f"
        if shape == "cross":
            self.add("path", d=f"M{place(x - 3)} {place(y - 3)}l6 6m0 -6l-6 6", cls=f"s-{tone} wide")
        elif shape == "diamond":
            half = size * 1.15
            path = f"M{place(x)} {place(y - half)}l{place(half)} {place(half)}l{place(-half)} {place(half)}"
            self.add("path", d=f"{path}l{place(-half)} {place(-half)}z", cls=f"{fill}-{tone}")
        else:
            self.add("circle", cx=x, cy=y, r=size, cls=f"{fill}-{tone}")
        if ring:
            self.add("circle", cx=x, cy=y, r=size + 3, cls="s-bad none")


def place(value: Any) -> str:
    """A position with one decimal, without a useless .0; texts as they are."""
    if isinstance(value, int | float):
        return f"{value:.1f}".removesuffix(".0")
    return str(value)


@dataclass(frozen=True)
class Scale:
    """From values to px."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        spread = self.high - self.low or 1.0
        return self.start + (value - self.low) / spread * (self.end - self.start)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values between two ends, 1, 2, 2.5 or 5 times a power of ten apart."""
    spread = high - low
    if spread <= 0 or not math.isfinite(spread):
        return [low]
    size: float = 10 ** math.floor(math.log10(spread / most))
    step = next((factor * size for factor in (1, 2, 2.5, 5, 10) if spread / (factor * size) <= most), 10 * size)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 10) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def tick_words(value: float, kind: str = "plain") -> str:
    """A tick with a real minus, and a plus where signs are asked for: −1, 0, +1; shares as percent."""
    if kind == "none":
        return ""
    if kind == "percent":
        return tick_words(round(value * 100, 1))
    text = f"{abs(round(value, 3)):g}"
    if text == "0":
        return "0"
    return (MINUS if value < 0 else "+" if kind == "signed" else "") + text


def ends(axis: Mapping[str, Any], values: Iterable[float]) -> tuple[float, float]:
    """The axis' own ends, else those of the values, a little wider."""
    found = list(values)
    low = axis.get("min", min(found, default=0.0))
    high = axis.get("max", max(found, default=1.0) * 1.05)
    return float(low), float(high if high > low else low + 1)


@dataclass(frozen=True)
class Field:
    """The part of a drawing between the axes."""

    drawing: Drawing
    x: Scale
    y: Scale
    left: float
    right: float
    top: float
    bottom: float


def axes(
    drawing: Drawing, x: tuple[float, float], y: tuple[float, float], data: Mapping[str, Any], room: Mapping[str, float]
) -> Field:
    """Grid, ticks and names of two axes; ``room`` is what stays free at left, right, top and bottom."""
    left, right = room["left"], drawing.width - room["right"]
    top, bottom = room["top"], drawing.height - room["bottom"]
    made = Field(drawing, Scale(*x, left, right), Scale(*y, bottom, top), left, right, top, bottom)
    if data["y"].get("ticks") != "none":
        for value in ticks(*y, most=max(2, int((bottom - top) // 34))):
            at = made.y(value)
            drawing.line(left, at, right, at, "grid")
            drawing.words(left - 6, at + 4, tick_words(value, data["y"].get("ticks", "plain")), "tick", "end")
    names: Sequence[str] = data["x"].get("names", [])
    if names:
        _named_ticks(made, names)
    else:
        for value in ticks(*x, most=max(2, int((right - left) // 62))):
            at = made.x(value)
            drawing.line(at, bottom, at, bottom + 4, "axis")
            drawing.words(at, bottom + 16, tick_words(value, data["x"].get("ticks", "plain")), "tick", "middle")
    drawing.line(left, bottom, right, bottom, "axis")
    drawing.words((left + right) / 2, bottom + 32, data["x"].get("name", ""), "name", "middle")
    across = data["y"].get("name", "")
    if across:
        x_at, y_at = 11.0, (top + bottom) / 2
        drawing.add(
            "text", across, x=x_at, y=y_at, cls="name", text_anchor="middle",
            transform=f"rotate(-90 {place(x_at)} {place(y_at)})",
        )  # fmt: skip
    return made


def _named_ticks(field_: Field, names: Sequence[str]) -> None:
    """Names below their places, each second, third … where they would touch."""
    width = max(len(name) for name in names) * LETTER + 10
    gap = abs(field_.x(1) - field_.x(0)) if len(names) > 1 else width
    every = max(1, math.ceil(width / gap)) if gap else 1
    for number, name in enumerate(names):
        at = field_.x(number)
        field_.drawing.line(at, field_.bottom, at, field_.bottom + (4 if number % every == 0 else 2), "axis")
        if number % every == 0:
            field_.drawing.words(at, field_.bottom + 16, name, "tick", "middle")


def bands(field_: Field, found: Iterable[Mapping[str, Any]]) -> None:
    """Tinted strips across the field."""
    for band in found:
        cls = f"band f-{band.get('tone', 'ink')}"
        if band["axis"] == "y":
            one, two = sorted((_inside(field_.y, band["from"]), _inside(field_.y, band["to"])))
            field_.drawing.add(
                "rect", x=field_.left, y=one, width=field_.right - field_.left, height=max(0.5, two - one), cls=cls
            )
        else:
            one, two = sorted((_inside(field_.x, band["from"]), _inside(field_.x, band["to"])))
            field_.drawing.add(
                "rect", x=one, y=field_.top, width=max(0.5, two - one), height=field_.bottom - field_.top, cls=cls
            )
            field_.drawing.words((one + two) / 2, field_.top + 10, band.get("text", ""), "tick", "middle")


def _inside(scale: Scale, value: float) -> float:
    low, high = sorted((scale.low, scale.high))
    return scale(min(max(value, low), high))


def rules(field_: Field, found: Iterable[Mapping[str, Any]]) -> None:
    """Straight lines at a value, with what stands at their end: the value bold, its name below."""
    written: list[float] = []
    for rule in found:
        cls = f"s-{rule.get('tone', 'ink')} {rule.get('dash', 'solid')}" + (" thin" if rule.get("width") == 1 else "")
        text, name = rule.get("text", ""), rule.get("name", "")
        if rule["axis"] == "y":
            at = _inside(field_.y, rule["at"])
            field_.drawing.line(field_.left, at, field_.right, at, cls)
            if (text or name) and any(abs(at - other) < CLOSE for other in written):
                continue  # two words on one place can be read by nobody; the value stands in the table
            written += [at] if text or name else []
            field_.drawing.words(field_.right + 6, at + (0 if name else 4), text, "strong")
            field_.drawing.words(field_.right + 6, at + (12 if text else 4), name, "tick")
        else:
            at = _inside(field_.x, rule["at"])
            field_.drawing.line(at, field_.top, at, field_.bottom, cls)
            label = " ".join(part for part in (text, name) if part)
            ending = at > (field_.left + field_.right) / 2
            field_.drawing.words(at + (-4 if ending else 4), field_.top + 10, label, "tick", "end" if ending else None)


def right_room(found: Iterable[Mapping[str, Any]], least: float = 16) -> float:
    """What labels at the right ends of horizontal rules need."""
    longest = max(
        (max(len(rule.get("text", "")), len(rule.get("name", ""))) for rule in found if rule["axis"] == "y"), default=0
    )
    return max(least, longest * (LETTER + 0.6) + 14) if longest else least

"""The learning curve of a stage as a picture, beside its CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _GAP = 820, 300, 70, 190, 34
_INKS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#000000")
"""Colours that colour-blind people can tell apart (Okabe and Ito, 2008)."""
_GREY, _PALE = "#555555", "#dddddd"
Line = tuple[str, list[float]]


def draw_curve(path: Path) -> Path | None:
    """Draw ``STAGE.curve.csv`` as ``STAGE.curve.png``: the loss above, the validation figures below, over the epochs.

    Gives the picture's path; None, and draws nothing, where the file has no line yet.
    """
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    if not rows:
        return None
    epochs = [int(row["epoch"]) for row in rows]
    lines = {name: [float(row[name]) for row in rows] for name in rows[0] if name not in ("epoch", "seconds")}
    picture = Image.new("RGB", (_WIDTH, 2 * _HEIGHT + 30), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((_LEFT, 8), path.name.removesuffix(".curve.csv"), "black", ImageFont.load_default(16))
    _panel(draw, 30, epochs, [("training loss", lines.pop("loss"))])
    # A figure and its negative (which the best epoch is chosen by) say the same.
    _panel(draw, 30 + _HEIGHT, epochs, [pair for pair in lines.items() if not pair[0].startswith("minus_")])
    out = path.with_suffix(".png")
    part = out.with_suffix(".part")
    picture.save(part, "PNG", optimize=True)
    part.replace(out)
    return out


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers within ``low`` to ``high``, about ``count`` of them, 1, 2 or 5 times a power of ten apart."""
    span = high - low
    if not span > 0:
        return [low]
    rough = span / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((factor * power for factor in (1, 2, 5) if factor * power >= rough), 10 * power)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _panel(draw: ImageDraw.ImageDraw, top: int, epochs: Sequence[int], lines: Sequence[Line]) -> None:
    """One diagram with axes, ticks, lines and their names."""
    known = [value for _, values in lines for value in values if math.isfinite(value)]
    if not known:
        return
    low, high = min(known), max(known)
    pad = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    low, high = low - pad, high + pad
    left, right, above, below = _LEFT, _WIDTH - _RIGHT, top + 8, top + _HEIGHT - _GAP
    span = max(epochs[-1] - epochs[0], 1)

    def x(epoch: float) -> float:
        return left + (right - left) * (epoch - epochs[0]) / span

    def y(value: float) -> float:
        return below - (below - above) * (value - low) / (high - low)

    for value in ticks(low, high):
        draw.line([(left, y(value)), (right, y(value))], _PALE)
        draw.text((left - 8, y(value)), f"{value:.4g}", _GREY, anchor="rm")
    for epoch in sorted({round(value) for value in ticks(epochs[0], epochs[-1], 8)}):
        draw.line([(x(epoch), below), (x(epoch), below + 4)], _GREY)
        draw.text((x(epoch), below + 6), str(epoch), _GREY, anchor="ma")
    draw.rectangle([left, above, right, below], outline=_GREY)
    draw.text((right + 12, below + 6), "epoch", _GREY, anchor="la")
    for number, (name, values) in enumerate(lines):
        ink = _INKS[number % len(_INKS)]
        places = [(x(e), y(v)) for e, v in zip(epochs, values, strict=True) if math.isfinite(v)]
        draw.line(places, ink, width=2)
        for across, down in places:
            draw.ellipse([across - 2, down - 2, across + 2, down + 2], ink)
        place = above + 10 + 18 * number
        draw.line([(right + 12, place), (right + 32, place)], ink, width=3)
        draw.text((right + 38, place), name.replace("_", " "), "black", anchor="lm")

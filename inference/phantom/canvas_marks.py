"""Cheap random marks on the networks' canvas, for augmentation during training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inference.phantom.ink import check_picture, text_mask

_SNIPPETS = ("4.2", "D 2.31 cm", "62 Hz", "90", "5", "10", "MI 0.4", "TEE", "G 54", "1", "+", "x", "HR 71", "0 deg")


def draw_on_canvas(image: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """One to four cheap random marks over a picture on the networks' canvas, uint8 (rows, columns), in place.

    For augmentation during training: thin lines, dots, glyphs, short text, bars and ticks anywhere in the picture, at
    any level, sometimes half transparent. Far below a millisecond for 192 x 192. Raises ValueError for another picture.
    """
    check_picture(image)
    if image.ndim != 2:
        raise ValueError(f"The canvas is a grey picture (rows, columns); got {image.shape}.")
    drawn = Image.fromarray(image)
    pen = ImageDraw.Draw(drawn)
    for _ in range(int(rng.integers(1, 5))):
        _CANVAS_MARKS[int(rng.integers(len(_CANVAS_MARKS)))](drawn, pen, rng)
    opacity = 1.0 if rng.random() < 0.6 else float(rng.uniform(0.35, 1.0))
    over = np.asarray(drawn)
    if opacity < 1.0:
        mixed = image.astype(np.float32) * np.float32(1 - opacity) + over.astype(np.float32) * np.float32(opacity)
        over = (mixed + np.float32(0.5)).astype(np.uint8)
    image[...] = over


def _spot(drawn: Image.Image, rng: np.random.Generator) -> tuple[float, float]:
    """Column and row of a random place."""
    return float(rng.uniform(0, drawn.width)), float(rng.uniform(0, drawn.height))


def _canvas_line(drawn: Image.Image, pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    (x, y), angle, length = _spot(drawn, rng), rng.uniform(0, np.pi), rng.uniform(5, 0.9 * drawn.width)
    end = (x + length * np.cos(angle), y + length * np.sin(angle))
    pen.line((x, y, *end), fill=int(rng.integers(60, 256)), width=1)


def _canvas_dots(drawn: Image.Image, pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    (x, y), angle, step = _spot(drawn, rng), rng.uniform(0, np.pi), rng.uniform(3, 14)
    at = np.arange(int(rng.integers(2, 16))) * step
    places = np.stack((x + at * np.cos(angle), y + at * np.sin(angle)), axis=1).ravel().tolist()
    pen.point(places, fill=int(rng.integers(90, 256)))


def _canvas_ticks(drawn: Image.Image, pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    (x, y), step, length = _spot(drawn, rng), float(rng.uniform(8, 26)), int(rng.integers(1, 6))
    level = int(rng.integers(90, 256))
    for row in np.arange(y % step, drawn.height, step):
        pen.line((x, row, x + length, row), fill=level)


def _canvas_glyph(drawn: Image.Image, pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    (x, y), reach, level = _spot(drawn, rng), int(rng.integers(1, 5)), int(rng.integers(120, 256))
    if rng.random() < 0.5:
        pen.line((x - reach, y, x + reach, y), fill=level)
        pen.line((x, y - reach, x, y + reach), fill=level)
    elif rng.random() < 0.6:
        pen.line((x - reach, y - reach, x + reach, y + reach), fill=level)
        pen.line((x - reach, y + reach, x + reach, y - reach), fill=level)
    else:
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), outline=level)


def _canvas_text(drawn: Image.Image, pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    x, y = _spot(drawn, rng)
    mask = text_mask(_SNIPPETS[int(rng.integers(len(_SNIPPETS)))], float(rng.choice((0.5, 0.7, 1.0))))
    pen.bitmap((int(x), int(y)), mask, fill=int(rng.integers(90, 256)))


def _canvas_bar(drawn: Image.Image, pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    (x, y), width, height = _spot(drawn, rng), int(rng.integers(1, 6)), int(rng.integers(8, 70))
    grey = np.repeat(np.linspace(255, 0, height).astype(np.uint8)[:, None], width, axis=1)
    drawn.paste(Image.fromarray(grey), (int(x), int(y)))


_CANVAS_MARKS: tuple[Callable[[Any, Any, np.random.Generator], None], ...] = (
    _canvas_line,
    _canvas_dots,
    _canvas_ticks,
    _canvas_glyph,
    _canvas_text,
    _canvas_bar,
)

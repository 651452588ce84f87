"""Drawing over a grey picture: lines, shapes and bitmap text with a level and a cover of their own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Place = tuple[float, float]
"""Row and column of a point in the picture, in pixels."""


@lru_cache(maxsize=512)
def text_mask(text: str, size: float) -> Image.Image:
    """Cover (mode "L") of one line in Pillow's bitmap font, ``size`` times its natural height of 11 pixels.

    The bitmap font needs no font file and gives the same pixels on every machine. Raises ValueError on an empty line.
    """
    if not text:
        raise ValueError("A line of text over a picture has at least one character.")
    # The class is asked for by name: with FreeType present, Pillow's default is an outline font.
    font = ImageFont.load_default_imagefont()
    # Pillow cuts off broad letters at both ends of a line; with spaces around it they are whole.
    _, _, right, bottom = font.getbbox(f" {text} ")
    mask = Image.new("L", (int(right), int(bottom)))
    ImageDraw.Draw(mask).text((0, 0), f" {text} ", fill=255, font=font)
    shown = mask.getbbox() or (0, 0, mask.width, mask.height)
    mask = mask.crop((shown[0], 0, shown[2], mask.height))
    width, height = max(1, round(mask.width * size)), max(1, round(mask.height * size))
    return mask if (width, height) == mask.size else mask.resize((width, height), Image.Resampling.BILINEAR)


class Ink:
    """What lies over one picture of ``rows`` x ``columns`` pixels: a level times cover, and the cover (both 0 to 255).

    What is drawn outside the picture is cut off. ``cover`` below 255 lets the picture shine through.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self._light = Image.new("L", (columns, rows))
        self._cover = Image.new("L", (columns, rows))
        self._pens = (ImageDraw.Draw(self._light), ImageDraw.Draw(self._cover))

    def _fills(self, level: int, cover: int) -> tuple[tuple[ImageDraw.ImageDraw, int], ...]:
        return ((self._pens[0], level * cover // 255), (self._pens[1], cover))

    def line(self, points: Sequence[Place], level: int, *, width: int = 1, cover: int = 255) -> None:
        """A line through ``points``."""
        path = [(column, row) for row, column in points]
        for pen, fill in self._fills(level, cover):
            pen.line(path, fill=fill, width=width)

    def dots(self, first: Place, last: Place, step: float, level: int, *, radius: float = 0.5) -> None:
        """Dots every ``step`` pixels from ``first`` to ``last``."""
        length = float(np.hypot(last[0] - first[0], last[1] - first[1]))
        for t in np.arange(0.0, length + 1e-6, max(step, 1.0)) / max(length, 1e-6):
            row, column = first[0] + t * (last[0] - first[0]), first[1] + t * (last[1] - first[1])
            self.disc((row, column), radius, level)

    def disc(self, middle: Place, radius: float, level: int, *, cover: int = 255) -> None:
        """A filled circle."""
        row, column = middle
        for pen, fill in self._fills(level, cover):
            pen.ellipse((column - radius, row - radius, column + radius, row + radius), fill=fill)

    def ring(self, middle: Place, radius: float, level: int, *, start: float = 0, end: float = 360) -> None:
        """An arc from ``start`` to ``end`` (degrees, 0 = picture right, growing clockwise)."""
        row, column = middle
        for pen, fill in self._fills(level, 255):
            pen.arc((column - radius, row - radius, column + radius, row + radius), start, end, fill=fill)

    def polygon(self, points: Sequence[Place], level: int, *, filled: bool = True) -> None:
        """A closed shape."""
        path = [(column, row) for row, column in points]
        for pen, fill in self._fills(level, 255):
            pen.polygon(path, fill=fill if filled else None, outline=fill)

    def box(self, first: Place, last: Place, level: int, *, cover: int = 255) -> None:
        """A filled rectangle between two corners (top left, bottom right), both included."""
        for pen, fill in self._fills(level, cover):
            pen.rectangle((first[1], first[0], last[1], last[0]), fill=fill)

    def ramp(self, first: Place, height: int, width: int, *, brightest_first: bool = True) -> None:
        """A bar of all grey values, from its top left corner down."""
        grey = np.linspace(255, 0, max(height, 2)) if brightest_first else np.linspace(0, 255, max(height, 2))
        patch = np.repeat(grey.astype(np.uint8)[:, None], max(width, 1), axis=1)
        corner = (round(first[1]), round(first[0]))
        self._light.paste(Image.fromarray(patch), corner)
        self._cover.paste(255, (*corner, corner[0] + patch.shape[1], corner[1] + patch.shape[0]))

    def text(self, place: Place, text: str, level: int, *, size: float = 1.0, boxed: bool = False) -> None:
        """One line with its top left corner at ``place``, moved so that it stands whole in the picture where it fits.

        ``boxed`` darkens the picture behind it.
        """
        mask = text_mask(text, size)
        row = int(np.clip(round(place[0]), 0, max(self.rows - mask.height, 0)))
        column = int(np.clip(round(place[1]), 0, max(self.columns - mask.width, 0)))
        if boxed:
            self.box((row - 1, column - 2), (row + mask.height, column + mask.width + 1), 0, cover=190)
        self._light.paste(level, (column, row), mask)
        self._cover.paste(255, (column, row), mask)

    def blend(self, picture: NDArray[np.uint8], softness: float = 0.0) -> None:
        """Lay the drawing over ``picture``, uint8 (rows, columns) or (rows, columns, 3), in place.

        ``softness`` is the blur of the drawing in pixels. Raises ValueError on another shape or kind of number.
        """
        check_picture(picture)
        if picture.shape[:2] != (self.rows, self.columns):
            raise ValueError(f"This was drawn for {self.rows} x {self.columns} pixels; got {picture.shape[:2]}.")
        light, cover = self._light, self._cover
        if softness > 0:
            blur = ImageFilter.GaussianBlur(softness)
            light, cover = light.filter(blur), cover.filter(blur)
        share = np.asarray(cover)
        at = share > 0
        keep, add = 255 - share[at].astype(np.uint16), np.asarray(light)[at].astype(np.uint16)
        if picture.ndim == 3:
            keep, add = keep[:, None], add[:, None]
        mixed = (picture[at].astype(np.uint16) * keep + 127) // 255 + add
        picture[at] = np.minimum(mixed, 255).astype(np.uint8)


def check_picture(picture: NDArray[Any]) -> None:
    """Raise ValueError unless ``picture`` is uint8 (rows, columns) or (rows, columns, 3)."""
    if picture.dtype != np.uint8:
        raise ValueError(f"A picture to draw on holds 8-bit values (uint8); this holds {picture.dtype}.")
    if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] != 3):
        raise ValueError(f"A picture to draw on is (rows, columns) or (rows, columns, 3); got {picture.shape}.")

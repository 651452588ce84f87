"""Masks from pictures: a black and white mask, or a picture with the physician's orange fill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray
from scipy import ndimage

from plaqueweb.core.errors import Invalid

ORANGE_DEGREES = (18.0, 48.0)  # hue of #ff9f2e is 32°; a see-through fill over grey keeps the hue
LEAST_CHROMA = 16  # of 255; a fill of 15 % has 31, grey pictures after JPEG stay below 10
NEITHER_SHARE = 0.01  # of the pixels of a mask may lie between black and white, as edges after scaling do


def mask_from_picture(path: Path, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a mask of shape ``size`` = (rows, columns) from a PNG.

    A picture with orange in it is an overlay: its orange parts are the plaque, outlines are filled. Otherwise it must
    be black and white.

    Raises:
        Invalid: no PNG (``mask-file``), another size than the frame (``mask-size``), neither a mask nor an overlay
            (``mask-not-binary``).
    """
    pixels = _pixels(path, size)
    if pixels.ndim == 3:
        orange = orange_parts(pixels)
        if orange.any():
            return np.asarray(ndimage.binary_fill_holes(orange), dtype=np.bool_)
        pixels = pixels.max(axis=2)
    return _black_and_white(pixels, path)


def _pixels(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=["PNG"]) as picture:
            if (picture.height, picture.width) != size:
                raise Invalid(
                    _("%(file)s is %(w)d × %(h)d; the frame is %(columns)d × %(rows)d.")
                    % {"file": path.name, "w": picture.width, "h": picture.height, "columns": size[1], "rows": size[0]},
                    rule="mask-size",
                )
            plain = picture.mode in ("1", "L", "I", "I;16")
            array: NDArray[Any] = np.asarray(picture.convert("L") if picture.mode == "1" else picture) if plain else (
                np.asarray(picture.convert("RGB"))
            )  # fmt: skip
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError):
        raise Invalid(_("%(file)s cannot be read as a PNG.") % {"file": path.name}, rule="mask-file") from None
    if array.dtype != np.uint8:
        array = (array > 0).astype(np.uint8) * 255
    return array


def orange_parts(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where a picture (rows, columns, 3) carries the physician's orange, by hue and chroma."""
    red, green, blue = (pixels[..., n].astype(np.int16) for n in range(3))
    chroma = red - blue
    with np.errstate(divide="ignore", invalid="ignore"):
        hue = 60.0 * (green - blue) / chroma  # red is greatest and blue least for all hues between 0° and 60°
    ordered = (red >= green) & (green >= blue) & (chroma >= LEAST_CHROMA)
    return np.asarray(ordered & (hue >= ORANGE_DEGREES[0]) & (hue <= ORANGE_DEGREES[1]), dtype=np.bool_)


def _black_and_white(pixels: NDArray[np.uint8], path: Path) -> NDArray[np.bool_]:
    top = int(pixels.max(initial=0))
    if top <= 1:
        return np.asarray(pixels > 0, dtype=np.bool_)
    neither = np.count_nonzero((pixels > top * 0.1) & (pixels < top * 0.9))
    if neither > NEITHER_SHARE * pixels.size:
        raise Invalid(
            _("%(file)s is neither a black and white mask nor a picture with an orange plaque.") % {"file": path.name},
            rule="mask-not-binary",
        )
    return np.asarray(pixels > top / 2, dtype=np.bool_)

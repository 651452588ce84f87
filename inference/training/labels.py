"""Label maps in which a pixel may be known only in part: lumen drawn and nothing else, plaque drawn but no wall.

A pixel of a training label is 0 to 3 (background, lumen, wall, plaque) where the class is known, and ``16 + set`` where
it is one of several, ``set`` having bit n for class n. "Not lumen" is background, wall or plaque: 16 + 1 + 4 + 8 = 29.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from inference.types import BACKGROUND, LUMEN, PLAQUE, WALL

CLASS_NUMBERS: dict[str, int] = {"background": BACKGROUND, "lumen": LUMEN, "wall": WALL, "plaque": PLAQUE}
CLASS_NAMES: dict[int, str] = {number: name for name, number in CLASS_NUMBERS.items()}
CLASSES = len(CLASS_NUMBERS)
SET = 16
UNKNOWN = SET + (1 << CLASSES) - 1
"""Any class: such a pixel teaches nothing."""
CODES = UNKNOWN + 1
_MAX_SIDE = 8192

LabelMap = Mapping[int, int]
"""Value of a pixel in a file -> label code."""
WHOLE: LabelMap = {number: number for number in CLASS_NAMES}
"""Files that hold the four classes themselves."""


class LabelError(ValueError):
    """A mask or a mapping of labels that cannot be used; the text names the file and the rule."""


def code_of(classes: Iterable[int]) -> int:
    """The label code of "one of these classes". Raises LabelError for none or an unknown one."""
    numbers = set(classes)
    if not numbers or not numbers <= set(CLASS_NAMES):
        raise LabelError("A label names one or more of background, lumen, wall and plaque.")
    return numbers.pop() if len(numbers) == 1 else SET + sum(1 << number for number in numbers)


def classes_of(code: int) -> frozenset[int]:
    """The classes that a label code allows."""
    if code < SET:
        return frozenset({code})
    return frozenset(number for number in CLASS_NAMES if (code - SET) >> number & 1)


def allowed_table() -> NDArray[np.bool_]:
    """Whether code n allows class c, shape (32, 4); False in the rows of codes that do not exist."""
    table = np.zeros((CODES, CLASSES), dtype=np.bool_)
    for code in (*CLASS_NAMES, *range(SET + 1, CODES)):
        table[code, list(classes_of(code))] = True
    return table


def class_number(name: object, where: str) -> int:
    """The number of a class by its word. Raises LabelError, naming the place, for another word."""
    if not isinstance(name, str) or name not in CLASS_NUMBERS:
        raise LabelError(f"{where}: {name!r} is none of {', '.join(CLASS_NUMBERS)}.")
    return CLASS_NUMBERS[name]


def parse_label_map(given: Mapping[str, Any], where: str) -> dict[int, int]:
    """A mapping from a configuration or manifest: pixel value -> word, list of words, or "unknown".

    Raises LabelError for a value outside 0 to 255 or an unknown word.
    """
    out: dict[int, int] = {}
    for key, words in given.items():
        if not str(key).isdecimal() or int(key) > 255:
            raise LabelError(f"{where}.{key}: a pixel value is a whole number from 0 to 255.")
        if words == "unknown":
            out[int(key)] = UNKNOWN
            continue
        listed = words if isinstance(words, list) else [words]
        out[int(key)] = code_of(class_number(word, f"{where}.{key}") for word in listed)
    if not out:
        raise LabelError(f"{where}: the mapping is empty.")
    return out


def label_words(code: int) -> str | list[str]:
    """A label code as ``parse_label_map`` reads it."""
    if code == UNKNOWN:
        return "unknown"
    names = [CLASS_NAMES[number] for number in sorted(classes_of(code))]
    return names[0] if len(names) == 1 else names


def read_mask(path: Path) -> NDArray[np.uint8]:
    """The pixel values of a grey, palette or black-and-white PNG, uint8 (rows, columns).

    Raises LabelError for a colour picture, for more than 8 bits, or for a file that is no PNG: the values of a JPEG are
    not the values that were stored.
    """
    try:
        with Image.open(path, formats=("PNG",)) as picture:
            if max(picture.size) > _MAX_SIDE:
                raise LabelError(f"{path.name}: a mask may be {_MAX_SIDE} pixels wide and high at most.")
            if picture.mode not in ("L", "P", "1"):
                raise LabelError(f"{path.name}: a mask is a grey or palette PNG of 8 bits; this is {picture.mode}.")
            return np.array(picture, dtype=np.uint8)
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise LabelError(f"{path.name}: the mask cannot be read as PNG ({error}).") from error


def apply_map(values: NDArray[np.uint8], mapping: LabelMap, name: str) -> NDArray[np.uint8]:
    """Label codes (rows, columns) of the pixel values of a file. Raises LabelError for a value without a label."""
    lookup = np.full(256, 255, dtype=np.uint8)
    for value, code in mapping.items():
        lookup[value] = code
    out = lookup[values]
    if (out == 255).any():
        strange = int(values[out == 255][0])
        raise LabelError(f"{name}: the pixel value {strange} has no label; give it one in [data.labels].")
    return out


def from_binary(masks: Mapping[int, NDArray[np.uint8]], name: str) -> NDArray[np.uint8]:
    """Label codes from one binary mask a class (0 and one other value); a later class wins over an earlier one.

    Where none of them lies, the pixel is background or a class that has no mask. Raises LabelError where a mask holds
    more than two values, or the masks differ in size.
    """
    shapes = {mask.shape for mask in masks.values()}
    if len(shapes) != 1:
        raise LabelError(f"{name}: its masks differ in size.")
    rest = code_of(set(CLASS_NAMES) - set(masks))
    out = np.full(shapes.pop(), rest, dtype=np.uint8)
    for number in sorted(masks):
        found = np.unique(masks[number])
        if found.size > 2 or (found.size == 2 and found[0] != 0):
            raise LabelError(f"{name}: the mask of {CLASS_NAMES[number]} is not binary (0 and one other value).")
        out[masks[number] != 0] = number
    return out


def known_classes(labels: NDArray[np.uint8]) -> tuple[int, ...]:
    """Foreground classes that at least one pixel is known to be."""
    present = np.bincount(labels.ravel(), minlength=CODES)
    return tuple(number for number in CLASS_NAMES if number != BACKGROUND and present[number] > 0)

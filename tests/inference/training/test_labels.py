from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from inference.training.labels import (
    UNKNOWN,
    LabelError,
    allowed_table,
    apply_map,
    classes_of,
    code_of,
    from_binary,
    known_classes,
    label_words,
    parse_label_map,
    read_mask,
)
from inference.types import BACKGROUND, LUMEN, PLAQUE, WALL


def test_a_code_and_the_classes_it_allows_belong_together() -> None:
    sets = [{n for n in range(4) if bits >> n & 1} for bits in range(1, 16)]

    assert [set(classes_of(code_of(one))) for one in sets] == sets
    assert code_of({LUMEN}) == LUMEN
    assert code_of(range(4)) == UNKNOWN
    assert allowed_table()[code_of({LUMEN, WALL})].tolist() == [False, True, True, False]


def test_a_mapping_is_read_as_it_is_written() -> None:
    given = {"0": ["background", "wall", "plaque"], "128": "unknown", "255": "lumen"}

    mapping = parse_label_map(given, "data.labels")

    assert mapping == {0: code_of({BACKGROUND, WALL, PLAQUE}), 128: UNKNOWN, 255: LUMEN}
    assert {str(value): label_words(code) for value, code in mapping.items()} == given


@pytest.mark.parametrize(
    "given, why",
    [({"300": "lumen"}, "0 to 255"), ({"x": "lumen"}, "0 to 255"), ({"1": "aorta"}, "aorta"), ({}, "empty")],
)
def test_a_mapping_that_says_nothing_is_refused(given, why) -> None:
    with pytest.raises(LabelError, match=why):
        parse_label_map(given, "data.labels")


def test_a_value_without_a_label_is_refused_by_name() -> None:
    with pytest.raises(LabelError, match=r"a\.png: the pixel value 7 has no label"):
        apply_map(np.array([[0, 7]], dtype=np.uint8), {0: 0, 1: 1}, "a.png")


def test_binary_masks_say_what_a_pixel_is_not() -> None:
    lumen, plaque = np.zeros((2, 3), np.uint8), np.zeros((2, 3), np.uint8)
    lumen[0, :2], plaque[0, 1] = 255, 255

    codes = from_binary({LUMEN: lumen, PLAQUE: plaque}, "a")

    assert codes.tolist() == [[LUMEN, PLAQUE, 21], [21, 21, 21]]
    assert classes_of(21) == {BACKGROUND, WALL}
    assert known_classes(codes) == (LUMEN, PLAQUE)
    with pytest.raises(LabelError, match="not binary"):
        from_binary({LUMEN: np.array([[0, 1, 2]], np.uint8)}, "a")
    with pytest.raises(LabelError, match="differ in size"):
        from_binary({LUMEN: lumen, PLAQUE: plaque[:1]}, "a")


def test_palette_masks_give_their_numbers_and_colour_or_jpeg_is_refused(tmp_path) -> None:
    values = np.array([[0, 3], [2, 1]], dtype=np.uint8)
    palette = Image.fromarray(values, "P")
    palette.putpalette([200, 10, 10, 10, 200, 10, 10, 10, 200, 90, 90, 90])
    palette.save(tmp_path / "p.png")
    Image.fromarray(np.stack([values] * 3, 2)).save(tmp_path / "rgb.png")
    Image.fromarray(values).save(tmp_path / "j.png", "JPEG")

    assert read_mask(tmp_path / "p.png").tolist() == values.tolist()
    with pytest.raises(LabelError, match="RGB"):
        read_mask(tmp_path / "rgb.png")
    with pytest.raises(LabelError, match="cannot be read as PNG"):
        read_mask(tmp_path / "j.png")

from __future__ import annotations

import numpy as np
import pytest

from inference import metrics
from inference.preprocess import CANVAS_MM, Canvas, choose_region, colour_share, to_grey
from inference.types import RegionBox

REGION = RegionBox(1, 60, 40, 559, 439, row_mm=0.2, col_mm=0.15, source="us_region", view="SAX")


def disc(radius_mm: float, centre: tuple[int, int] = (200, 300)) -> np.ndarray:
    y, x = np.mgrid[:480, :640]
    return np.hypot((y - centre[0]) * 0.2, (x - centre[1]) * 0.15) < radius_mm


def test_a_calibrated_region_comes_to_one_physical_scale_on_both_axes() -> None:
    canvas = Canvas(REGION)
    picture = np.where(disc(12.0), 200, 0).astype(np.uint8)

    rows, columns = np.nonzero(canvas.frame(picture) > 100)

    assert np.ptp(rows) + 1 == pytest.approx(24.0 / CANVAS_MM, abs=1.5)
    assert np.ptp(columns) + 1 == pytest.approx(24.0 / CANVAS_MM, abs=1.5)


def test_masks_go_back_to_where_they_came_from() -> None:
    canvas = Canvas(REGION)
    truth = disc(9.0)
    on_canvas = canvas.labels(truth.astype(np.uint8)).astype(np.float32)
    box = (slice(0, canvas.size), slice(0, canvas.size))

    back = canvas.back(np.ascontiguousarray(on_canvas), box) > 0.5

    rows, columns = canvas.source_box(box)
    expected = truth[40:440, 60:560][rows, columns]
    assert back.shape == expected.shape
    assert metrics.dice(back, expected) > 0.98


def test_a_picture_without_scale_is_fitted_with_its_shape_kept() -> None:
    region = RegionBox(1, 0, 0, 639, 319)
    canvas = Canvas(region)
    picture = np.full((320, 640), 255, dtype=np.uint8)

    out = canvas.frame(picture)

    assert (out[:, 96] > 0).sum() == pytest.approx(96, abs=2)
    assert (out[96] > 0).sum() == 192


def test_grey_stored_as_colour_is_taken_as_it_is_and_colour_by_its_luma() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    pure = np.zeros((2, 2, 3), dtype=np.uint8)
    pure[..., 1] = 200

    assert np.array_equal(to_grey(np.stack([grey] * 3, axis=-1)), grey)
    assert to_grey(pure)[0, 0] == 200 * 150 // 256


def test_sixteen_bit_frames_and_odd_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="8-bit"):
        to_grey(np.zeros((4, 4), dtype=np.uint16))
    with pytest.raises(ValueError, match="shape"):
        to_grey(np.zeros((4, 4, 2), dtype=np.uint8))
    with pytest.raises(ValueError, match="outside the picture"):
        Canvas(REGION).frame(np.zeros((100, 100), dtype=np.uint8))


def test_a_colour_overlay_is_noticed() -> None:
    picture = np.full((480, 640, 3), 90, dtype=np.uint8)

    assert colour_share(picture, REGION) == 0.0
    picture[100:200, 100:300, 0] = 250
    assert colour_share(picture, REGION) > 0.05


def test_a_calibrated_valid_region_goes_before_others_and_none_means_the_whole_picture() -> None:
    loose = RegionBox(1, 0, 0, 630, 470)
    outside = RegionBox(2, 0, 0, 900, 400, row_mm=0.1, col_mm=0.1)
    invalid = RegionBox(3, 0, 0, 100, 100, row_mm=0.1, col_mm=0.1, valid=False, reason="outside")

    assert choose_region([loose, REGION, outside], 480, 640) is REGION
    whole = choose_region([outside, invalid], 480, 640)
    assert (whole.x1, whole.y1, whole.spacing, whole.reason) == (639, 479, None, "outside")

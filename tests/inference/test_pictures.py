"""Stored pictures: what is decoded from JPEG is what the arrays would have been."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from inference.dicom.errors import DicomError
from inference.dicom.pixels import PixelFormat
from inference.pictures import JpegPicture, LazyPicture, Planes, planes_of
from inference.preprocess import colour_share, to_grey
from inference.types import RegionBox

WHOLE = RegionBox(1, 0, 0, 119, 79)


@pytest.fixture
def grey() -> np.ndarray:
    rows, columns = np.mgrid[:80, :120]
    return (128 + 60 * np.sin(rows / 9.0) + 50 * np.cos(columns / 11.0)).astype(np.uint8)


def coloured(grey: np.ndarray) -> np.ndarray:
    picture = np.repeat(grey[..., None], 3, axis=2)
    picture[20:60, 30:90] = (220, 40, 30)
    return picture


@pytest.mark.parametrize("subsampling", ["444", "422", "420"])
def test_grey_stored_as_colour_is_read_without_the_way_to_rgb(grey: np.ndarray, subsampling: str) -> None:
    data = imagecodecs.jpeg8_encode(np.repeat(grey[..., None], 3, axis=2), level=95, subsampling=subsampling)

    planes = JpegPicture(data).read()

    assert planes.ycbcr
    assert np.abs(planes.shown.astype(int) - to_grey(imagecodecs.jpeg8_decode(data))).max() <= 1
    assert colour_share(planes, WHOLE) == 0.0


def test_a_grey_jpeg_stays_one_plane(grey: np.ndarray) -> None:
    planes = JpegPicture(imagecodecs.jpeg8_encode(grey, level=95)).read()

    assert planes.size == grey.shape
    assert planes.pixels.ndim == 2


def test_a_jpeg_that_says_it_holds_rgb_is_taken_as_rgb(grey: np.ndarray) -> None:
    data = imagecodecs.jpeg8_encode(coloured(grey), level=95, colorspace="RGB", outcolorspace="RGB")

    planes = JpegPicture(data, photometric="RGB").read()

    assert not planes.ycbcr
    assert np.abs(planes.pixels.astype(int) - coloured(grey)).mean() < 3


@pytest.mark.parametrize("subsampling", ["444", "420"])
def test_colour_is_found_in_cb_and_cr_as_in_rgb(grey: np.ndarray, subsampling: str) -> None:
    data = imagecodecs.jpeg8_encode(coloured(grey), level=95, subsampling=subsampling)

    share = colour_share(JpegPicture(data).read(), WHOLE)

    assert share == pytest.approx(colour_share(imagecodecs.jpeg8_decode(data), WHOLE), abs=0.005)
    assert share == pytest.approx(0.25, abs=0.03)


def test_a_tinted_picture_counts_as_coloured_in_both_forms() -> None:
    tint = np.full((80, 120, 3), (180, 140, 90), dtype=np.uint8)
    data = imagecodecs.jpeg8_encode(tint, level=95)

    assert colour_share(JpegPicture(data).read(), WHOLE) == colour_share(tint, WHOLE) == 1.0


@pytest.mark.parametrize("spoil", [lambda d: d[:200], lambda d: b"nothing", lambda d: d[:-400] + b"\xff\xd9"])
def test_a_broken_jpeg_is_refused_by_rule(grey: np.ndarray, spoil) -> None:
    data = imagecodecs.jpeg8_encode(grey, level=95)
    layout = PixelFormat("1.2.840.10008.1.2.4.50", 81, 120, 1, 1, 8, 8, False, 0, "MONOCHROME2")

    broken = spoil(data)
    if broken.endswith(b"\xff\xd9"):  # whole but for its scan: libjpeg fills it up, the size is what must be told
        from functools import partial

        from inference.dicom.pixels import frame_header

        picture = JpegPicture(broken, partial(frame_header, layout=layout))
    else:
        picture = JpegPicture(broken)

    with pytest.raises(DicomError):
        picture.read()


def test_arrays_and_other_forms_come_as_they_are(grey: np.ndarray) -> None:
    assert planes_of(grey).pixels is grey
    assert planes_of(LazyPicture(lambda: grey)).pixels is grey
    with pytest.raises(ValueError, match="shape"):
        _ = Planes(np.zeros(4, np.uint8)).size

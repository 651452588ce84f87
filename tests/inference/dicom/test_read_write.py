"""Every transfer syntax there and back, and every way of storing colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from inference.dicom import syntax
from inference.dicom.errors import DicomError
from inference.dicom.read import read_clip
from inference.types import RegionBox
from tests.inference.dicom.makers import BOX, moving_frames, write_clip

LOSSY = {syntax.JPEG_BASELINE: 30, syntax.JPEG_LS_NEAR: 2, syntax.JPEG_2000: 12}


@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
@pytest.mark.parametrize("transfer_syntax", syntax.TRANSFER_SYNTAXES)
def test_frames_survive_every_transfer_syntax(tmp_path: Path, transfer_syntax: str, colour: bool) -> None:
    frames = moving_frames(3, 61, 83, colour=colour)
    path = write_clip(tmp_path / "clip.dcm", frames, transfer_syntax=transfer_syntax)

    clip = read_clip(path)
    decoded = np.stack(list(clip.frames))

    assert decoded.shape == frames.shape
    assert decoded.dtype == np.uint8
    difference = np.abs(decoded.astype(int) - frames)
    assert difference.max() <= LOSSY.get(transfer_syntax, 0)
    assert difference.mean() <= 4
    assert clip.transfer_syntax == transfer_syntax


def test_the_written_file_says_calibration_frame_time_and_class(tmp_path: Path) -> None:
    ds = pydicom.dcmread(write_clip(tmp_path / "clip.dcm"))
    item = ds.SequenceOfUltrasoundRegions[0]

    assert ds.SOPClassUID == "1.2.840.10008.5.1.4.1.1.3.1"
    assert ds.FrameIncrementPointer == 0x00181063
    assert float(ds.FrameTime) == 40.0
    assert (item.PhysicalDeltaX, item.PhysicalDeltaY) == pytest.approx((0.02, 0.03))
    assert (item.PhysicalUnitsXDirection, item.RegionSpatialFormat) == (3, 1)


def test_regions_and_times_come_back_as_written(tmp_path: Path) -> None:
    second = RegionBox(2, 72, 6, 79, 53, 0.4, 0.4, "us_region")
    clip = read_clip(write_clip(tmp_path / "clip.dcm", regions=[BOX, second]))

    assert [region.spacing for region in clip.regions] == [pytest.approx((0.3, 0.2)), pytest.approx((0.4, 0.4))]
    assert clip.frame_times_ms == [0.0, 40.0, 80.0]
    assert (clip.frame_count, clip.rows, clip.columns) == (3, 60, 80)


@pytest.mark.parametrize("synthetic", [False, True])
def test_the_synthetic_mark_is_written_and_read(tmp_path: Path, synthetic: bool) -> None:
    path = write_clip(tmp_path / "clip.dcm", synthetic=synthetic)

    assert read_clip(path).synthetic is synthetic
    assert (pydicom.dcmread(path).get("SyntheticData") == "YES") is synthetic


def test_one_frame_becomes_an_ultrasound_image(tmp_path: Path) -> None:
    clip = read_clip(write_clip(tmp_path / "still.dcm", moving_frames(1)))

    assert clip.sop_class == "1.2.840.10008.5.1.4.1.1.6.1"
    assert clip.frame_times_ms == [0.0]


def test_frames_are_decoded_one_at_a_time_and_in_any_order(tmp_path: Path) -> None:
    frames = moving_frames(4)
    clip = read_clip(write_clip(tmp_path / "clip.dcm", frames, transfer_syntax=syntax.RLE))

    assert len(clip.frames) == 4
    assert np.array_equal(clip.frames[2], frames[2])
    assert np.array_equal(clip.frames[0], frames[0])
    assert [np.array_equal(a, b) for a, b in zip(clip.frames[1:3], frames[1:3], strict=True)] == [True, True]


def rewrite(path: Path, pixels: bytes, **values: object) -> Path:
    """The same file with other native pixels and other pixel tags."""
    ds = pydicom.dcmread(path)
    for keyword, value in values.items():
        if keyword.endswith("Descriptor"):
            ds.add_new(keyword, "US", value)
        else:
            setattr(ds, keyword, value)
    ds.PixelData = pixels
    ds.save_as(path)
    return path


def test_planar_configuration_one_is_put_in_order(tmp_path: Path) -> None:
    frames = moving_frames(2, colour=True)
    path = write_clip(tmp_path / "clip.dcm", frames)
    rewrite(path, frames.transpose(0, 3, 1, 2).tobytes(), PlanarConfiguration=1)

    assert np.array_equal(np.stack(list(read_clip(path).frames)), frames)


def test_ybr_full_becomes_rgb(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.dcm", moving_frames(1, colour=True))
    ybr = np.zeros((60, 80, 3), np.uint8)
    ybr[...] = (76, 85, 255)  # pure red
    rewrite(path, ybr.tobytes(), PhotometricInterpretation="YBR_FULL")

    assert np.abs(read_clip(path).frames[0][10, 10].astype(int) - (254, 0, 0)).max() <= 1


def test_native_ybr_full_422_is_unpacked(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.dcm", moving_frames(1, colour=True))
    packed = np.zeros((60, 40, 4), np.uint8)
    packed[...] = (30, 200, 128, 128)
    rewrite(path, packed.tobytes(), PhotometricInterpretation="YBR_FULL_422")

    frame = read_clip(path).frames[0]

    assert frame[0, 0].tolist() == [30, 30, 30]
    assert frame[0, 1].tolist() == [200, 200, 200]


def test_monochrome1_is_inverted(tmp_path: Path) -> None:
    frames = moving_frames(1)
    path = write_clip(tmp_path / "clip.dcm", frames)
    rewrite(path, frames.tobytes(), PhotometricInterpretation="MONOCHROME1")

    assert np.array_equal(read_clip(path).frames[0], 255 - frames[0])


@pytest.mark.parametrize("grey", [True, False], ids=["grey palette stays one channel", "colour palette becomes RGB"])
def test_palettes_are_applied(tmp_path: Path, grey: bool) -> None:
    frames = moving_frames(1)
    path = write_clip(tmp_path / "clip.dcm", frames)
    ramp = np.arange(256, dtype="<u2") * 257
    values: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour, table in (("Red", ramp), ("Green", ramp if grey else ramp[::-1]), ("Blue", ramp)):
        values[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        values[f"{colour}PaletteColorLookupTableData"] = table.tobytes()
    rewrite(path, frames.tobytes(), **values)

    frame = read_clip(path).frames[0]

    if grey:
        assert np.array_equal(frame, frames[0])
    else:
        assert np.array_equal(frame, np.stack([frames[0], 255 - frames[0], frames[0]], axis=-1))


@pytest.mark.parametrize(("window", "expected"), [(None, 128), ((1000.5, 2001.0), 255)])
def test_sixteen_bits_are_windowed(tmp_path: Path, window: tuple[float, float] | None, expected: int) -> None:
    path = write_clip(tmp_path / "clip.dcm", moving_frames(1))
    pixels = np.full((60, 80), 2048, dtype="<u2").tobytes()
    values: dict[str, object] = {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11}
    if window:
        values |= {"WindowCenter": window[0], "WindowWidth": window[1]}
    rewrite(path, pixels, **values)

    assert int(read_clip(path).frames[0][0, 0]) == expected


def test_sixteen_bit_rle_is_put_together_from_its_byte_planes(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.dcm", moving_frames(1))
    pixels = (np.arange(60 * 80, dtype=np.uint16) * 13 % 4096).reshape(60, 80)
    rewrite(path, pixels.tobytes(), BitsAllocated=16, BitsStored=12, HighBit=11)
    expected = read_clip(path).frames[0]
    ds = pydicom.dcmread(path)
    ds.compress(syntax.RLE)
    ds.save_as(path)

    assert expected.max() == 255
    assert np.array_equal(read_clip(path).frames[0], expected)


def test_bits_above_the_stored_ones_are_ignored(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.dcm", moving_frames(1))
    pixels = np.full((60, 80), 0xF800, dtype="<u2")
    rewrite(path, pixels.tobytes(), BitsAllocated=16, BitsStored=12, HighBit=11)

    assert int(read_clip(path).frames[0][0, 0]) == 128


def segmented(path: Path, length: int, segments: int) -> Path:
    """A palette of linear segments of ``length`` entries each."""
    words = np.array([0, 1, 0] + [1, length, 0xFFFF] * segments, dtype="<u2")
    values: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour in ("Red", "Green", "Blue"):
        values[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        values[f"Segmented{colour}PaletteColorLookupTableData"] = words.tobytes()
    return rewrite(path, moving_frames(1).tobytes(), **values)


def test_a_segmented_palette_is_expanded(tmp_path: Path) -> None:
    path = segmented(write_clip(tmp_path / "clip.dcm", moving_frames(1)), 255, 1)

    difference = read_clip(path).frames[0].astype(int) - moving_frames(1)[0]

    assert np.abs(difference).max() <= 1


def test_a_segmented_palette_that_swells_is_refused(tmp_path: Path) -> None:
    path = segmented(write_clip(tmp_path / "clip.dcm", moving_frames(1)), 65_535, 5000)

    with pytest.raises(DicomError, match="segments") as caught:
        read_clip(path)
    assert caught.value.rule == "pixel-format"


@pytest.mark.parametrize("table", ["basic", "extended", "none"])
def test_frames_in_several_fragments_are_put_together(tmp_path: Path, table: str) -> None:
    frames = moving_frames(3)
    path = write_clip(tmp_path / "clip.dcm", frames, transfer_syntax=syntax.JPEG_LOSSLESS)
    clip = read_clip(path)
    raw = [clip.frames.raw(index) for index in range(3)]
    expected = [clip.frames[index] for index in range(3)]
    ds = pydicom.dcmread(path)
    ds.PixelData = encapsulate(raw, fragments_per_frame=3, has_bot=table == "basic")
    if table == "extended":
        starts = np.cumsum([0] + [_fragmented_size(data) for data in raw[:-1]])
        ds.ExtendedOffsetTable = starts.astype("<u8").tobytes()
    ds.save_as(path)

    again = read_clip(path)

    assert [np.array_equal(a, b) for a, b in zip(again.frames, expected, strict=True)] == [True] * 3


def _fragmented_size(data: bytes) -> int:
    return len(encapsulate([data], fragments_per_frame=3, has_bot=False)) - 8


def test_a_jpeg_that_is_rgb_by_its_adobe_marker_is_not_converted_twice(tmp_path: Path) -> None:
    import imagecodecs

    frames = moving_frames(1, colour=True)
    path = write_clip(tmp_path / "clip.dcm", frames, transfer_syntax=syntax.JPEG_BASELINE)
    stream = imagecodecs.jpeg8_encode(frames[0], 98, colorspace="RGB", outcolorspace="RGB")
    ds = pydicom.dcmread(path)
    ds.PixelData = encapsulate([bytes(stream)])
    ds.PhotometricInterpretation = "YBR_FULL_422"
    ds.save_as(path)

    assert np.abs(read_clip(path).frames[0].astype(int) - frames[0]).mean() < 3


def test_big_endian_headers_and_pixels_are_read(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.dcm", transfer_syntax=syntax.EXPLICIT_BE)

    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == UID(syntax.EXPLICIT_BE)
    assert read_clip(path).regions[0].valid


@pytest.mark.parametrize(
    ("frames", "changes", "word"),
    [
        (np.zeros((2, 4, 4), np.uint16), {}, "uint8"),
        (np.zeros((4, 4), np.uint8), {}, "uint8"),
        (np.zeros((0, 4, 4), np.uint8), {}, "at least one frame"),
        (np.zeros((2, 4, 4), np.uint8), {"frame_time_ms": 0.0}, "FrameTime"),
        (np.zeros((2, 4, 4), np.uint8), {"transfer_syntax": "1.2.840.10008.1.2.4.201"}, "TransferSyntaxUID"),
    ],
)
def test_the_writer_refuses_what_it_cannot_write(
    tmp_path: Path, frames: np.ndarray, changes: dict[str, object], word: str
) -> None:
    with pytest.raises(DicomError, match=word):
        write_clip(tmp_path / "clip.dcm", frames, **changes)


def test_extra_elements_are_written_last(tmp_path: Path) -> None:
    extra = Dataset()
    extra.Manufacturer = "Other"

    assert pydicom.dcmread(write_clip(tmp_path / "clip.dcm", extra=extra)).Manufacturer == "Other"

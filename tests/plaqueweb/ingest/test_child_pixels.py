"""What the child stores: only pixels of calibrated regions, frame by frame equal inside, black outside."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate

from inference.dicom import syntax
from inference.dicom.codestream import jpeg_header, jpeg_segments
from inference.dicom.read import read_clip
from inference.dicom.regions import UsRegion
from inference.types import RegionBox
from plaqueweb.ingest.bundle import read_bundle
from tests.inference.dicom.makers import BOX, moving_frames, with_elements, write_clip
from tests.plaqueweb.ingest.child_tools import outside, stored_frames, take

WHOLE = RegionBox(1, 0, 0, 79, 59, 0.3, 0.2, "us_region")


@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
@pytest.mark.parametrize("transfer_syntax", syntax.TRANSFER_SYNTAXES)
def test_pixels_are_equal_inside_the_region_and_black_outside(
    tmp_path: Path, transfer_syntax: str, colour: bool
) -> None:
    path = write_clip(tmp_path / "clip.dcm", moving_frames(3, colour=colour), transfer_syntax=transfer_syntax)
    decoded = list(read_clip(path).frames)

    report = take(path)
    stored = stored_frames(report)

    assert report.ok
    assert report.findings == []
    baseline = transfer_syntax == syntax.JPEG_BASELINE and not colour  # coloured noise is not fit for JPEG again
    assert report.stored_as == ("jpeg_blanked" if baseline else "png_lossless")
    assert report.kept == [[BOX.x0, BOX.y0, BOX.x1, BOX.y1]]
    black = outside(stored[0].shape, BOX.x0, BOX.y0, BOX.x1, BOX.y1)
    for before, after in zip(decoded, stored, strict=True):
        assert after.shape == before.shape
        difference = np.abs(before.astype(int) - after)[~black]
        if baseline:
            assert difference.mean() < 0.5
            assert after[:, 76:].max() <= 12  # beyond the blocks that the edge of the region crosses
        else:
            assert difference.max() == 0
            assert after[black].max() == 0


@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
def test_a_jpeg_of_which_nothing_is_blanked_keeps_its_bytes(tmp_path: Path, colour: bool) -> None:
    frames = moving_frames(3, colour=colour)
    path = write_clip(tmp_path / "clip.dcm", frames, regions=[WHOLE], transfer_syntax=syntax.JPEG_BASELINE)
    clip = read_clip(path)

    report = take(path)
    stored = list(read_bundle(Path(report.bundle)))

    assert report.stored_as == "as_in_file_jpeg"
    for index, data in enumerate(stored):
        raw = clip.frames.raw(index).rstrip(b"\0")
        assert data == raw


def test_a_frame_that_is_black_outside_already_keeps_its_bytes(tmp_path: Path) -> None:
    frames = moving_frames(2)
    frames[:, :, 64:] = 0
    region = RegionBox(1, 0, 0, 71, 59, 0.3, 0.2, "us_region")
    path = write_clip(tmp_path / "clip.dcm", frames, regions=[region], transfer_syntax=syntax.JPEG_BASELINE)

    assert take(path).stored_as == "as_in_file_jpeg"


def test_a_blanked_jpeg_keeps_quantisation_and_sampling_of_the_file(tmp_path: Path) -> None:
    frames = np.stack([moving_frames(1)] * 3, axis=-1)
    path = write_clip(tmp_path / "clip.dcm", frames, transfer_syntax=syntax.JPEG_BASELINE)
    raw = read_clip(path).frames.raw(0)

    report = take(path)
    stored = next(read_bundle(Path(report.bundle)))

    assert report.stored_as == "jpeg_blanked"

    with Image.open(io.BytesIO(raw)) as before, Image.open(io.BytesIO(stored)) as after:
        assert after.quantization == before.quantization  # type: ignore[attr-defined]
    assert jpeg_header(stored).sampling == jpeg_header(raw).sampling


def test_text_outside_the_region_is_gone_from_the_stored_bytes(tmp_path: Path) -> None:
    frames = moving_frames(3, 120, 160)
    frames[:, :20] = 0
    frames[:, 4:16:2, 8:100:3] = 255  # a banner
    region = RegionBox(1, 8, 32, 151, 111, 0.3, 0.2, "us_region")
    path = write_clip(tmp_path / "clip.dcm", frames, regions=[region], transfer_syntax=syntax.JPEG_BASELINE)

    for frame in stored_frames(take(path)):
        assert frame[:24].max() <= 2


def test_ecg_strip_and_depth_ruler_are_kept_where_the_file_names_them(tmp_path: Path) -> None:
    frames = moving_frames(2, 100, 120)
    ecg = UsRegion(2, 10, 80, 90, 95, kind="ecg")
    ruler = UsRegion(3, 110, 10, 118, 70, kind="depth_ruler")
    region = RegionBox(1, 10, 10, 100, 70, 0.3, 0.3, "us_region")
    path = write_clip(tmp_path / "clip.dcm", frames, regions=[region, ecg, ruler])

    report = take(path)
    frame = stored_frames(report)[0]

    assert [box["kind"] for box in report.regions] == ["tissue_2d", "ecg", "depth_ruler"]
    assert np.array_equal(frame[80:96, 10:91], frames[0, 80:96, 10:91])
    assert np.array_equal(frame[10:71, 110:119], frames[0, 10:71, 110:119])
    assert frame[72:79].max() == 0


def test_two_calibrated_planes_are_both_kept(tmp_path: Path) -> None:
    second = RegionBox(2, 74, 6, 79, 53, 0.4, 0.4, "us_region")
    report = take(write_clip(tmp_path / "clip.dcm", regions=[BOX, second]))

    assert report.kept == [[8, 6, 71, 53], [74, 6, 79, 53]]
    assert [region["row_mm"] for region in report.regions] == pytest.approx([0.3, 0.4])


@pytest.mark.parametrize(
    "regions",
    [[], [RegionBox(1, 8, 6, 200, 53, 0.3, 0.2)], [RegionBox(1, 8, 6, 71, 53)]],
    ids=["none", "outside the picture", "without scale"],
)
def test_without_a_valid_region_the_whole_picture_waits_for_a_person(tmp_path: Path, regions: list[RegionBox]) -> None:
    frames = moving_frames(2)
    report = take(write_clip(tmp_path / "clip.dcm", frames, regions=regions))

    assert report.ok
    assert report.quarantined
    assert report.findings == ["no-valid-region"]
    assert report.kept == []
    assert np.array_equal(stored_frames(report)[1], frames[1])


def test_the_cine_that_pydicom_ships_has_an_impossible_region_and_is_held(tmp_path: Path) -> None:
    source = Path(str(pydicom.data.get_testdata_file("examples_ybr_color.dcm")))
    path = tmp_path / "cine.dcm"
    path.write_bytes(source.read_bytes())

    report = take(path)

    assert report.frames == 30
    assert "no-valid-region" in report.findings
    assert report.regions[0]["valid"] is False
    assert "outside the picture" in report.regions[0]["reason"]
    assert report.stored_as == "as_in_file_jpeg"
    assert len(stored_frames(report)) == 30


def test_rgb_jpeg_is_not_passed_on_because_browsers_take_it_for_ycbcr(tmp_path: Path) -> None:
    frames = moving_frames(1, colour=True)
    path = write_clip(tmp_path / "clip.dcm", frames, regions=[WHOLE], transfer_syntax=syntax.JPEG_BASELINE)
    ds = pydicom.dcmread(path)
    ds.PixelData = encapsulate([bytes(imagecodecs.jpeg8_encode(frames[0], 95, colorspace="RGB", outcolorspace="RGB"))])
    ds.PhotometricInterpretation = "RGB"
    ds.save_as(path)

    report = take(path)

    assert report.stored_as == "png_lossless"
    assert np.array_equal(stored_frames(report)[0], read_clip(path).frames[0])


def test_comments_and_exif_inside_a_frame_are_dropped(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.dcm", moving_frames(1), regions=[WHOLE], transfer_syntax=syntax.JPEG_BASELINE)
    ds = pydicom.dcmread(path)
    stream = read_clip(path).frames.raw(0)
    ds.PixelData = encapsulate([stream[:2] + b"\xff\xfe\x00\x0cMUSTERMANN" + stream[2:]])
    ds.save_as(path)

    report = take(path)

    assert report.stored_as == "as_in_file_jpeg"
    assert b"MUSTERMANN" not in Path(report.bundle).read_bytes()


def test_stored_frames_carry_nothing_but_the_picture(tmp_path: Path) -> None:
    png = next(read_bundle(Path(take(write_clip(tmp_path / "a.dcm")).bundle)))
    path = write_clip(tmp_path / "b.dcm", transfer_syntax=syntax.JPEG_BASELINE)
    jpeg = next(read_bundle(Path(take(path).bundle)))

    assert {png[at : at + 4] for at in (12, len(png) - 8)} == {b"IHDR", b"IEND"}
    assert {marker for marker, _, _ in jpeg_segments(jpeg)} <= {0xD8, 0xE0, 0xDB, 0xC0, 0xC4, 0xDA, 0xD9}


def test_the_report_names_the_bundle_by_its_hash(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.dcm")
    report = take(path)
    bundle = Path(report.bundle).read_bytes()

    assert bundle[:8] == b"CINE\x03\0\0\0"
    assert report.bundle_sha256 == hashlib.sha256(bundle).hexdigest()
    assert report.bundle_bytes == len(bundle)
    assert report.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_same_file_gives_the_same_bundle(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.dcm", transfer_syntax=syntax.JPEG_BASELINE)

    assert take(path).bundle_sha256 == take(path).bundle_sha256


def test_a_frame_that_does_not_decode_refuses_the_file_and_leaves_nothing(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.dcm", transfer_syntax=syntax.RLE)
    ds = pydicom.dcmread(path)
    clip = read_clip(path)
    ds.PixelData = encapsulate([clip.frames.raw(0), clip.frames.raw(1), clip.frames.raw(2)[:70]])
    ds.save_as(path)

    report = take(path)

    assert (report.ok, report.rule, report.tag) == (False, "intake-12", "(7FE0,0010) PixelData")
    assert report.detail.startswith("Frame 3:")
    assert list((tmp_path / "clip.dcm.out").iterdir()) == []


def lettered(frames: np.ndarray, top: int) -> np.ndarray:
    """Draw rows that look like a line of letters."""
    frames = frames.copy()
    for left in range(20, 140, 6):
        frames[:, top : top + 10, left : left + 3] = 230
    return frames


def sector(columns: int = 160) -> np.ndarray:
    """A moving square in the middle of a black picture."""
    frames = moving_frames(5, 140, columns)
    mask = outside((140, columns), 40, 40, 120, 110)
    frames[:, mask] = 0
    return frames


@pytest.mark.parametrize(("top", "flagged"), [(10, True), (60, False), (None, False)])
def test_still_letters_beside_the_moving_picture_are_found(tmp_path: Path, top: int | None, flagged: bool) -> None:
    frames = sector() if top is None else lettered(sector(), top)
    if top == 60:
        frames[:, :, :40] = frames[:, :, 121:] = 0  # letters only where the picture moves
    region = RegionBox(1, 0, 0, 159, 139, 0.3, 0.3, "us_region")

    report = take(write_clip(tmp_path / "clip.dcm", frames, regions=[region]))

    assert report.findings == (["burned-in-text"] if flagged else [])


def test_a_depth_scale_is_not_taken_for_text(tmp_path: Path) -> None:
    frames = sector()
    frames[:, 10:130:10, 150:158] = 255
    frames[:, 10:130, 157] = 255
    region = RegionBox(1, 0, 0, 159, 139, 0.3, 0.3, "us_region")

    assert take(write_clip(tmp_path / "clip.dcm", frames, regions=[region])).findings == []


@pytest.mark.parametrize(("value", "findings"), [("YES", ["burned-in-text"]), ("NO", [])])
def test_burned_in_annotation_yes_sends_the_clip_to_a_person(tmp_path: Path, value: str, findings: list[str]) -> None:
    path = with_elements(write_clip(tmp_path / "clip.dcm"), BurnedInAnnotation=value)

    assert take(path).findings == findings


def test_colour_is_measured_inside_what_is_kept(tmp_path: Path) -> None:
    frames = np.full((2, 60, 80, 3), 100, np.uint8)
    frames[:, 6:54, 8:40] = (200, 10, 10)
    report = take(write_clip(tmp_path / "clip.dcm", frames))

    assert report.colour_share == pytest.approx(0.5, abs=0.02)
    assert take(write_clip(tmp_path / "grey.dcm")).colour_share == 0.0


def test_the_synthetic_mark_survives_de_identification(tmp_path: Path) -> None:
    assert take(write_clip(tmp_path / "phantom.dcm", synthetic=True)).synthetic
    assert not take(write_clip(tmp_path / "real.dcm", synthetic=False)).synthetic


def test_secondary_capture_of_ultrasound_is_held_as_odd(tmp_path: Path) -> None:
    path = with_elements(write_clip(tmp_path / "clip.dcm"), SOPClassUID="1.2.840.10008.5.1.4.1.1.7.2")

    assert take(path).findings == ["odd-modality"]

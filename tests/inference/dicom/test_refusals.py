"""Broken and hostile files: each is refused with the rule and the tag, before anything large is allocated."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate

from inference.dicom import syntax
from inference.dicom.codestream import canonical_jpeg, jpeg2000_header, jpeg_header
from inference.dicom.errors import RULES, DicomError
from inference.dicom.read import Budget, read_clip
from tests.inference.dicom.makers import moving_frames, overwrite_us, with_elements, write_clip


def refuse(path: Path, rule: str, tag: str = "", budget: Budget | None = None) -> DicomError:
    """The error that reading every frame of the file raises, which must name this rule and this tag."""
    with pytest.raises(DicomError) as caught:
        list(read_clip(path, budget).frames)
    assert caught.value.rule == rule
    assert tag in caught.value.tag
    assert RULES[rule] in str(caught.value)
    return caught.value


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.dcm")


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 128 + b"DICN", b"%PDF-1.7" + b"x" * 300])
def test_what_has_no_dicom_mark_is_not_dicom(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    refuse(path, "not-dicom")


def test_a_file_without_meta_information_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\0" * 128 + b"DICM" + struct.pack("<HH2sH", 8, 0x60, b"CS", 2) + b"US")

    refuse(path, "header", "(0002,0010)")


@pytest.mark.parametrize("keyword", ["Rows", "Columns"])
@pytest.mark.parametrize("value", [0, 65_535])
def test_rows_and_columns_must_be_in_range(clip: Path, keyword: str, value: int) -> None:
    overwrite_us(clip, 0x0028, 0x0010 if keyword == "Rows" else 0x0011, value)

    refuse(clip, "rows-columns", keyword)


@pytest.mark.parametrize("value", ["0", "-1", "2000000000", "99999999999999", "3.5"])
def test_the_number_of_frames_must_be_in_range(clip: Path, value: str) -> None:
    data = clip.read_bytes()
    head = struct.pack("<HH", 0x0028, 0x0008) + b"IS"
    at = data.index(head)
    text = value.encode() + b" " * (len(value) % 2)
    clip.write_bytes(data[: at + 6] + struct.pack("<H", len(text)) + text + data[at + 10 :])

    refuse(clip, "frames", "(0028,0008)")


def test_a_cine_without_number_of_frames_is_refused(clip: Path) -> None:
    refuse(with_elements(clip, NumberOfFrames=None), "frames", "(0028,0008)")


def test_a_header_that_promises_more_pixels_than_there_are_is_refused(clip: Path) -> None:
    overwrite_us(clip, 0x0028, 0x0010, 61)

    refuse(clip, "pixel-data", "(7FE0,0010)")


@pytest.mark.parametrize("transfer_syntax", syntax.TRANSFER_SYNTAXES)
def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, transfer_syntax: str) -> None:
    path = write_clip(tmp_path / "clip.dcm", transfer_syntax=transfer_syntax)
    whole = path.read_bytes()
    for share in (0.1, 0.3, 0.5, 0.7, 0.9, 0.97):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(DicomError):
            list(read_clip(path).frames)


@pytest.mark.parametrize(
    ("keyword", "value", "rule"),
    [
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.2", "sop-class"),
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.104.1", "sop-class"),
        ("SOPInstanceUID", "", "uid"),
        ("SamplesPerPixel", 4, "pixel-format"),
        ("BitsAllocated", 32, "pixel-format"),
        ("BitsStored", 9, "pixel-format"),
        ("PhotometricInterpretation", "RGB", "pixel-format"),
        ("PhotometricInterpretation", "CMYK", "pixel-format"),
        ("PhotometricInterpretation", "PALETTE COLOR", "pixel-format"),
        ("PixelRepresentation", 7, "pixel-format"),
    ],
)
def test_a_header_that_contradicts_itself_is_refused_with_its_tag(
    clip: Path, keyword: str, value: object, rule: str
) -> None:
    error = refuse(with_elements(clip, **{keyword: value}), rule)

    assert "PaletteColor" in error.tag if value == "PALETTE COLOR" else keyword in error.tag


@pytest.mark.parametrize("uid", ["1" * 65, "../../etc/passwd", "1.2.3\0", "abc", "..."])
def test_a_malformed_uid_is_refused(clip: Path, uid: str) -> None:
    data = clip.read_bytes()
    old = b"1.2.826.0.1.3680043.10.3"
    at = data.rindex(struct.pack("<HH", 8, 0x18) + b"UI")
    text = uid.encode() + b"\0" * (len(uid) % 2)
    clip.write_bytes(data[: at + 6] + struct.pack("<H", len(text)) + text + data[at + 8 + len(old) :])

    if uid == "1.2.3\0":
        assert read_clip(clip).sop_uid == "1.2.3"  # padding is no fault
    else:
        refuse(clip, "uid", "(0008,0018)")


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.201"])
def test_transfer_syntaxes_outside_the_list_are_refused_before_parsing(tmp_path: Path, uid: str) -> None:
    bomb = zlib.compress(b"\0" * 50_000_000)
    text = uid.encode() + b"\0" * (len(uid) % 2)
    element = struct.pack("<HH2sH", 2, 0x10, b"UI", len(text)) + text
    path = tmp_path / "bomb.dcm"
    path.write_bytes(b"\0" * 128 + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(element)) + element + bomb)
    tracemalloc.start()

    refuse(path, "transfer-syntax", "(0002,0010)")

    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_sequences_nested_thousands_deep_are_refused(tmp_path: Path) -> None:
    clip_bytes = write_clip(tmp_path / "clip.dcm").read_bytes()
    at = clip_bytes.index(struct.pack("<HH", 0x0010, 0x0010) + b"PN")
    opening = struct.pack("<HH2sHI", 0x0008, 0x1115, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    path = tmp_path / "deep.dcm"
    path.write_bytes(clip_bytes[:at] + opening * 5000 + clip_bytes[at:])

    refuse(path, "nesting")


def test_an_element_that_claims_four_gigabytes_allocates_nothing(tmp_path: Path) -> None:
    data = write_clip(tmp_path / "clip.dcm").read_bytes()
    at = data.index(struct.pack("<HH", 0x0010, 0x0010) + b"PN")
    path = tmp_path / "huge.dcm"
    path.write_bytes(data[:at] + struct.pack("<HH2sHI", 0x0009, 0x1010, b"OB", 0, 0xFFFFFFF0) + data[at:])
    tracemalloc.start()

    with pytest.raises(DicomError):
        read_clip(path)

    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def replace_stream(path: Path, stream: bytes) -> Path:
    ds = pydicom.dcmread(path)
    ds.PixelData = encapsulate([stream] * int(ds.get("NumberOfFrames", 1)))
    ds.save_as(path)
    return path


STREAMS: dict[str, Callable[[np.ndarray], bytes]] = {
    syntax.JPEG_BASELINE: lambda frame: bytes(imagecodecs.jpeg8_encode(frame, 80)),
    syntax.JPEG_LOSSLESS: lambda frame: bytes(imagecodecs.jpeg8_encode(frame, lossless=True, predictor=1)),
    syntax.JPEG_LS: lambda frame: bytes(imagecodecs.jpegls_encode(frame)),
    syntax.JPEG_2000_LOSSLESS: lambda frame: bytes(
        imagecodecs.jpeg2k_encode(frame, codecformat="j2k", reversible=True)
    ),
}


@pytest.mark.parametrize("transfer_syntax", list(STREAMS))
def test_a_codestream_larger_than_the_header_says_is_refused_before_decoding(
    tmp_path: Path, transfer_syntax: str
) -> None:
    path = write_clip(tmp_path / "clip.dcm", moving_frames(1), transfer_syntax=transfer_syntax)
    replace_stream(path, STREAMS[transfer_syntax](np.zeros((600, 800), np.uint8)))

    error = refuse(path, "codestream", "(0028,0010)")

    assert "600 x 800" in error.detail


@pytest.mark.parametrize("transfer_syntax", list(STREAMS))
def test_a_codestream_with_other_components_is_refused(tmp_path: Path, transfer_syntax: str) -> None:
    path = write_clip(tmp_path / "clip.dcm", moving_frames(1), transfer_syntax=transfer_syntax)
    replace_stream(path, STREAMS[transfer_syntax](np.zeros((60, 80, 3), np.uint8)))

    refuse(path, "codestream", "(0028,0002)")


def test_a_tiny_jpeg_2000_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.dcm", moving_frames(1), transfer_syntax=syntax.JPEG_2000_LOSSLESS)
    stream = bytearray(STREAMS[syntax.JPEG_2000_LOSSLESS](np.zeros((60, 80), np.uint8)))
    struct.pack_into(">II", stream, 8, 25_000, 25_000)
    struct.pack_into(">II", stream, 24, 25_000, 25_000)
    replace_stream(path, bytes(stream))

    refuse(path, "codestream", "(0028,0010)")


def test_a_jpeg_2000_of_countless_tiles_is_refused() -> None:
    stream = bytearray(STREAMS[syntax.JPEG_2000_LOSSLESS](np.zeros((600, 800), np.uint8)))
    struct.pack_into(">II", stream, 24, 1, 1)

    with pytest.raises(DicomError, match="tiles"):
        jpeg2000_header(bytes(stream))


@pytest.mark.parametrize("kind", ["long segment", "too many segments", "no header", "offset outside"])
def test_rle_frames_that_lie_are_refused(tmp_path: Path, kind: str) -> None:
    path = write_clip(tmp_path / "clip.dcm", moving_frames(1), transfer_syntax=syntax.RLE)
    count = 15 if kind == "too many segments" else 1
    offset = 1_000_000 if kind == "offset outside" else 64
    header = struct.pack("<16I", count, offset, *[0] * 14)
    body = b"\x81\x00" * (200_000 if kind == "long segment" else 100)
    replace_stream(path, b"RLE!" if kind == "no header" else header + body)

    refuse(path, "codestream")


def test_an_rle_frame_with_too_few_pixels_is_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.dcm", moving_frames(1), transfer_syntax=syntax.RLE)
    replace_stream(path, struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\x00" * 4)

    refuse(path, "decode", "(7FE0,0010)")


def test_baseline_is_not_lossless_and_the_other_way_round(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.dcm", moving_frames(1), transfer_syntax=syntax.JPEG_BASELINE)
    replace_stream(path, STREAMS[syntax.JPEG_LOSSLESS](np.zeros((60, 80), np.uint8)))

    refuse(path, "codestream", "(0002,0010)")


def test_a_jpeg_without_its_end_is_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.dcm", moving_frames(1), transfer_syntax=syntax.JPEG_BASELINE)
    replace_stream(path, STREAMS[syntax.JPEG_BASELINE](moving_frames(1)[0])[:-200])

    refuse(path, "codestream")


def test_fragments_that_cannot_be_told_apart_are_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.dcm", moving_frames(3), transfer_syntax=syntax.RLE)
    clip = read_clip(path)
    ds = pydicom.dcmread(path)
    ds.PixelData = encapsulate([clip.frames.raw(index) for index in range(3)], fragments_per_frame=2, has_bot=False)
    ds.save_as(path)

    refuse(path, "pixel-data", "(7FE0,0010)")


@pytest.mark.parametrize(
    ("budget", "rule"),
    [
        (Budget(max_file_bytes=1000), "budget"),
        (Budget(max_samples=60 * 80 * 3 - 1), "budget"),
        (Budget(max_frame_pixels=60 * 80 - 1), "budget"),
        (Budget(max_frames=2), "frames"),
        (Budget(max_side=79), "rows-columns"),
    ],
)
def test_one_more_than_the_budget_is_refused(clip: Path, budget: Budget, rule: str) -> None:
    refuse(clip, rule, budget=budget)


def test_exactly_the_budget_is_read(clip: Path) -> None:
    size = clip.stat().st_size
    budget = Budget(max_side=80, max_frame_pixels=4800, max_frames=3, max_samples=14_400, max_file_bytes=size)

    assert len(list(read_clip(clip, budget).frames)) == 3


def test_secondary_capture_is_read_only_from_ultrasound_and_is_odd(clip: Path) -> None:
    secondary = "1.2.840.10008.5.1.4.1.1.7.2"

    assert read_clip(with_elements(clip, SOPClassUID=secondary)).odd_modality
    refuse(with_elements(clip, Modality="CT"), "sop-class", "(0008,0016)")


def test_ultrasound_of_another_modality_is_odd(clip: Path) -> None:
    assert not read_clip(clip).odd_modality
    assert read_clip(with_elements(clip, Modality="XA")).odd_modality


def test_no_message_repeats_text_of_the_file(clip: Path) -> None:
    path = with_elements(clip, PhotometricInterpretation="MUSTERMANN")

    assert "MUSTERMANN" not in str(refuse(path, "pixel-format"))


def test_the_canonical_jpeg_keeps_the_picture_and_drops_everything_else() -> None:
    stream = STREAMS[syntax.JPEG_BASELINE](moving_frames(1, colour=True)[0])
    secret = b"PATIENT MUSTERMANN"
    comment = b"\xff\xfe" + struct.pack(">H", len(secret) + 2) + secret
    exif = b"\xff\xe1" + struct.pack(">H", len(secret) + 8) + b"Exif\0\0" + secret
    dirty = stream[:2] + exif + comment + stream[2:] + b"TRAILER " + secret

    clean = canonical_jpeg(dirty)

    assert secret not in clean
    assert np.array_equal(imagecodecs.jpeg8_decode(clean), imagecodecs.jpeg8_decode(stream))
    assert jpeg_header(clean).rows == 60


@pytest.mark.parametrize("folder", ["dicom_bad", "dicom_us"])
def test_the_real_corpus_is_read_or_refused_by_a_rule(shared_data: Path, folder: str) -> None:
    files = [path for path in (shared_data / folder).rglob("*") if path.is_file() and path.suffix != ".csv"]
    assert files
    read, refused = [], []
    for path in files:
        try:
            frames = list(read_clip(path).frames)
        except DicomError as error:
            refused.append((path.name, error.rule))
        else:
            read.append((path.name, len(frames)))

    if folder == "dicom_us":
        assert refused == []
        assert ("examples_ybr_color.dcm", 30) in read
    else:
        assert read == []

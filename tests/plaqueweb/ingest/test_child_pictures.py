"""Plain pictures: PNG and JPEG only, one picture each, no metadata, always held for a person."""

from __future__ import annotations

import io
import struct
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from plaqueweb.ingest.bundle import read_bundle
from plaqueweb.ingest.report import ChildLimits, IntakeReport
from tests.inference.dicom.makers import moving_frames
from tests.plaqueweb.ingest.child_tools import stored_frames, take


def picture(mode: str = "L", size: tuple[int, int] = (80, 60)) -> Image.Image:
    frame = moving_frames(1, size[1], size[0], colour=True)[0]
    return Image.fromarray(frame).convert(mode)


def saved(tmp_path: Path, image: Image.Image, kind: str, **options: object) -> Path:
    path = tmp_path / f"picture.{kind.lower()}"
    image.save(path, kind, **options)
    return path


@pytest.mark.parametrize(
    ("kind", "mode", "stored_as"),
    [
        ("PNG", "L", "png_lossless"),
        ("PNG", "RGB", "png_lossless"),
        ("PNG", "P", "png_lossless"),
        ("PNG", "1", "png_lossless"),
        ("PNG", "RGBA", "png_lossless"),
        ("JPEG", "L", "as_in_file_jpeg"),
        ("JPEG", "RGB", "as_in_file_jpeg"),
    ],
)
def test_a_picture_is_stored_as_it_looks_and_held(tmp_path: Path, kind: str, mode: str, stored_as: str) -> None:
    path = saved(tmp_path, picture(mode), kind)

    report = take(path)

    assert report.ok
    assert report.findings == ["no-valid-region"]
    assert report.stored_as == stored_as
    assert not report.has_identity
    assert (report.kind, report.frames, report.rows, report.columns) == (kind.lower(), 1, 60, 80)
    grey = mode in ("L", "1")
    expected = np.asarray(Image.open(path).convert("L" if grey else "RGB"))
    assert np.array_equal(stored_frames(report)[0], expected)
    assert report.regions[0]["source"] == "none"


def test_the_same_picture_has_the_same_uid_and_another_has_another(tmp_path: Path) -> None:
    first = take(saved(tmp_path, picture(), "PNG"))
    again = take(saved(tmp_path, picture(), "PNG"))
    other = take(saved(tmp_path, picture("RGB"), "PNG"))

    assert first.sop_uid == again.sop_uid != other.sop_uid


def test_transparency_is_laid_over_black(tmp_path: Path) -> None:
    image = Image.new("RGBA", (8, 6), (200, 200, 200, 0))

    assert stored_frames(take(saved(tmp_path, image, "PNG")))[0].max() == 0


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    image = Image.fromarray(np.full((6, 8), 0x8040, np.uint16))

    assert stored_frames(take(saved(tmp_path, image, "PNG")))[0].max() == 0x80


def test_the_exif_orientation_is_applied_and_everything_else_of_it_dropped(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "MUSTERMANN"
    path = saved(tmp_path, picture("RGB"), "JPEG", exif=exif)

    report = take(path)

    assert (report.rows, report.columns) == (80, 60)
    assert report.stored_as == "png_lossless"
    assert b"MUSTERMANN" not in Path(report.bundle).read_bytes()


def test_text_chunks_exif_and_comments_are_dropped(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("Patient", "MUSTERMANN")
    png = take(saved(tmp_path, picture(), "PNG", pnginfo=info))
    exif = Image.Exif()
    exif[0x010E] = "MUSTERMANN"
    jpeg = take(saved(tmp_path, picture("RGB"), "JPEG", exif=exif, comment=b"MUSTERMANN"))

    assert jpeg.stored_as == "as_in_file_jpeg"
    for report in (png, jpeg):
        assert b"MUSTERMANN" not in Path(report.bundle).read_bytes()


def test_bytes_after_the_end_of_a_jpeg_are_dropped(tmp_path: Path) -> None:
    path = saved(tmp_path, picture("RGB"), "JPEG")
    path.write_bytes(path.read_bytes() + b"<script>MUSTERMANN</script>")

    assert b"MUSTERMANN" not in next(read_bundle(Path(take(path).bundle)))


@lru_cache
def bomb(side: int) -> bytes:
    """A PNG of side x side black pixels in a few hundred kilobytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    squeezer = zlib.compressobj(1)
    row = b"\0" * (side // 8 + 2)
    packed = b"".join(squeezer.compress(row) for _ in range(side)) + squeezer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


@lru_cache
def broken_pictures() -> dict[str, tuple[bytes, str]]:
    jpeg, png = encoded(picture("RGB"), "JPEG"), encoded(picture(), "PNG")
    frames = [picture("RGB"), picture("RGB").rotate(90)]
    return {
        "PNG of 60000 x 60000": (bomb(60_000), "intake-08"),
        "animated PNG": (encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]), "intake-15"),
        "MPO": (encoded(frames[0], "MPO", save_all=True, append_images=frames[1:]), "intake-15"),
        "CMYK JPEG": (encoded(picture("CMYK"), "JPEG"), "intake-15"),
        "GIF": (encoded(picture(), "GIF"), "intake-01"),
        "TIFF": (encoded(picture(), "TIFF"), "intake-01"),
        "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "intake-01"),
        "text": (b"hello", "intake-01"),
        "PDF": (b"%PDF-1.7\n" + b"x" * 500, "intake-01"),
        "HTML named JPEG": (b"<html><script>alert(1)</script></html>", "intake-01"),
        "HTML after a JPEG mark": (b"\xff\xd8\xff\xe0<html>" + b"x" * 500, "intake-12"),
        "zip": (b"PK\x03\x04" + b"x" * 200, "intake-01"),
        "empty": (b"", "intake-02"),
        "JPEG cut off": (jpeg[: len(jpeg) // 2], "intake-12"),
        "PNG cut off": (png[: len(png) // 2], "intake-12"),
        "PNG mark only": (png[:8], "intake-12"),
        "PNG with a wrong sum": (png[:40] + b"\xff\xff\xff\xff" + png[44:], "intake-12"),
    }


@pytest.mark.parametrize("name", list(broken_pictures()))
def test_a_broken_or_foreign_file_is_refused_by_its_rule_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    content, rule = broken_pictures()[name]
    path = tmp_path / "picture.jpg"
    path.write_bytes(content)

    report: IntakeReport = take(path)

    assert (report.ok, report.rule) == (False, rule)
    assert report.message
    assert list((tmp_path / "picture.jpg.out").iterdir()) == []


@pytest.mark.parametrize(("pixels", "ok"), [(4800, True), (4799, False)])
def test_the_limit_of_pixels_holds_exactly(tmp_path: Path, pixels: int, ok: bool) -> None:
    report = take(saved(tmp_path, picture(), "PNG"), ChildLimits(max_frame_pixels=pixels))

    assert report.ok is ok
    assert report.rule == ("" if ok else "intake-08")


def test_the_limits_of_the_decoder_are_put_back(tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS

    take(saved(tmp_path, picture(), "PNG"), ChildLimits(max_frame_pixels=1))

    assert before == Image.MAX_IMAGE_PIXELS

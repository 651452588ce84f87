"""Archives: nothing leaves the folder, nothing swells beyond what was declared, nothing nests."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

import pytest

from plaqueweb.ingest.archive import ZipLimits, expand_zip, is_zip
from plaqueweb.ingest.report import Refusal


def make_zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def expand(path: Path, limits: ZipLimits | None = None) -> list[tuple[str, bytes]]:
    out_dir = path.parent / "out"
    out_dir.mkdir()
    return [(member.name, member.path.read_bytes()) for member in expand_zip(path, out_dir, limits)]


def refused(path: Path, rule: str, limits: ZipLimits | None = None) -> None:
    with pytest.raises(Refusal) as caught:
        expand(path, limits)
    assert caught.value.rule == rule
    assert not any(found.is_symlink() for found in path.parent.rglob("*"))


def test_files_come_out_under_numbers_with_their_names_told(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"one/IM001": b"first", "two/IM001": b"second", "__MACOSX/._x": b"litter"})

    assert expand(path) == [("one/IM001", b"first"), ("two/IM001", b"second")]
    assert sorted(found.name for found in (tmp_path / "out").iterdir()) == ["000001", "000002"]


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/passwd", "C:\\evil", "..\\evil", "C:/evil"])
def test_a_path_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    refused(make_zip(tmp_path / "a.zip", {"good": b"x", name: b"y"}), "intake-22")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_link_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    entry = zipfile.ZipInfo("link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, "/etc/passwd")

    refused(path, "intake-22")


def test_an_archive_in_the_archive_is_refused(tmp_path: Path) -> None:
    inner = make_zip(tmp_path / "inner.zip", {"x": b"y"}).read_bytes()

    refused(make_zip(tmp_path / "a.zip", {"inner.dcm": inner}), "intake-25")


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"x": b"secret"})
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\x01\x02")
    data[6] |= 1
    data[central + 8] |= 1
    path.write_bytes(bytes(data))

    refused(path, "intake-23")


@pytest.mark.parametrize("claimed", [10, 99_000])
def test_a_size_that_lies_is_refused_and_writes_no_more_than_it_claims(tmp_path: Path, claimed: int) -> None:
    path = make_zip(tmp_path / "a.zip", {"x": bytes(range(256)) * 200})
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, central + 24, claimed)
    path.write_bytes(bytes(data))

    with pytest.raises(Refusal) as caught:
        expand(path)
    assert caught.value.rule in ("intake-21", "intake-26")
    assert all(found.stat().st_size <= claimed for found in (tmp_path / "out").iterdir())


def test_a_file_that_swells_a_thousandfold_is_refused(tmp_path: Path) -> None:
    refused(make_zip(tmp_path / "a.zip", {"bomb": b"\0" * 50_000_000}), "intake-19")


@pytest.mark.parametrize(
    ("limits", "rule"),
    [
        (ZipLimits(max_files=1), "intake-24"),
        (ZipLimits(max_file_bytes=4), "intake-19"),
        (ZipLimits(max_total_bytes=9), "intake-19"),
    ],
)
def test_one_more_than_the_limit_is_refused(tmp_path: Path, limits: ZipLimits, rule: str) -> None:
    refused(make_zip(tmp_path / "a.zip", {"a": b"12345", "b": b"12345"}), rule, limits)


@pytest.mark.parametrize("entries", [60_000, 0xFFFF])
def test_a_directory_that_claims_too_many_files_is_refused_before_it_is_loaded(tmp_path: Path, entries: int) -> None:
    path = make_zip(tmp_path / "a.zip", {"a": b"12345"})
    data = bytearray(path.read_bytes())
    struct.pack_into("<HH", data, data.rindex(b"PK\x05\x06") + 8, entries, entries)
    path.write_bytes(bytes(data))

    refused(path, "intake-24")


def test_a_directory_in_the_long_form_is_counted_as_well(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(3):
            archive.writestr(zipfile.ZipInfo(str(number)), b"")
    data = path.read_bytes()
    at = data.rindex(b"PK\x05\x06")
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 100_000, 100_000, 4_600_000, 0)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, at, 1)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(data[:at] + record + locator + end)

    refused(path, "intake-24")


def test_exactly_the_limits_are_unpacked(tmp_path: Path) -> None:
    limits = ZipLimits(max_files=2, max_file_bytes=5, max_total_bytes=10)

    assert len(expand(make_zip(tmp_path / "a.zip", {"a": b"12345", "b": b"12345"}), limits)) == 2


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not really", b"hello"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)

    refused(path, "intake-21")


def test_broken_data_inside_an_archive_are_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"x": bytes(range(256)) * 200}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[200] ^= 0xFF
    path.write_bytes(bytes(data))

    refused(path, "intake-21")


def test_a_dicom_file_with_a_zip_in_its_preamble_is_no_archive() -> None:
    assert is_zip(b"PK\x03\x04" + b"\0" * 200)
    assert not is_zip(b"PK\x03\x04" + b"\0" * 124 + b"DICM")

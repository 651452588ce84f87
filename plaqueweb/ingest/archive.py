"""Unpacking a zip archive without trusting a word of it: not its paths, not its links, not its sizes."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from plaqueweb.ingest.report import Refusal

_CHUNK = 1 << 16
_END_SEARCH = 22 + 65_535
_DIRECTORY_BYTES_A_FILE = 1024
_ENCRYPTED = 0x1
_NESTED = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LITTER = ("__MACOSX", ".DS_Store", "Thumbs.db", "DICOMDIR")


@dataclass(frozen=True)
class ZipLimits:
    """Limits of one archive: files, bytes of one file and of all, and how far one file may swell."""

    max_files: int = 10_000
    max_file_bytes: int = 2_000_000_000
    max_total_bytes: int = 20_000_000_000
    max_ratio: int = 1000


@dataclass(frozen=True)
class ZipMember:
    """One unpacked file: where it lies now, and its name in the archive, which may name a patient: do not store it."""

    path: Path
    name: str


def _check_directory(path: Path, limits: ZipLimits) -> None:
    """Look at how long the archive says its directory is, before all of it is loaded into memory."""
    with path.open("rb") as source:
        size = source.seek(0, 2)
        source.seek(max(0, size - _END_SEARCH))
        tail = source.read(_END_SEARCH)
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or at + 22 > len(tail):
            raise Refusal("intake-21", "It has no directory.")
        entries, length = struct.unpack_from("<HI", tail, at + 10)
        if at >= 20 and tail[at - 20 : at - 16] == b"PK\x06\x07":  # zip64 keeps larger numbers elsewhere
            source.seek(min(struct.unpack_from("<Q", tail, at - 12)[0], size))
            record = source.read(56)
            if len(record) < 56 or record[:4] != b"PK\x06\x06":
                raise Refusal("intake-21", "Its directory is broken.")
            entries, length = struct.unpack_from("<QQ", record, 32)
    if entries > limits.max_files or length > limits.max_files * _DIRECTORY_BYTES_A_FILE:
        raise Refusal("intake-24", f"It holds {entries}; {limits.max_files} are read.")


def _check_name(name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in name or (path.parts and path.parts[0][1:2] == ":"):
        raise Refusal("intake-22", "A path leads out of the archive.")


def _check_entries(entries: list[zipfile.ZipInfo], limits: ZipLimits) -> None:
    if len(entries) > limits.max_files:
        raise Refusal("intake-24", f"It holds {len(entries)}; {limits.max_files} are read.")
    for entry in entries:
        _check_name(entry.filename)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise Refusal("intake-22", "It holds a link or a device.")
        if entry.flag_bits & _ENCRYPTED:
            raise Refusal("intake-23")
        if entry.compress_type not in _METHODS:
            raise Refusal("intake-21", "Only stored and deflated files are unpacked.")
        if entry.file_size > limits.max_file_bytes:
            raise Refusal("intake-19", f"A file of {entry.file_size} bytes.")
        if entry.file_size > limits.max_ratio * max(entry.compress_size, 1) + _CHUNK:
            raise Refusal("intake-19", f"A file swells to more than {limits.max_ratio} times its size.")
    if sum(entry.file_size for entry in entries) > limits.max_total_bytes:
        raise Refusal("intake-19", f"More than {limits.max_total_bytes} bytes in all.")


def _unpack_one(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """Never writes more than the entry declares: the sum was checked, so a lie cannot fill the disk."""
    written = 0
    with archive.open(entry) as source, target.open("xb") as sink:
        while chunk := source.read(_CHUNK):
            if not written and chunk.startswith(_NESTED):
                raise Refusal("intake-25")
            written += len(chunk)
            if written > entry.file_size:
                raise Refusal("intake-26")
            sink.write(chunk)
    if written != entry.file_size:
        raise Refusal("intake-26")


def is_zip(head: bytes) -> bool:
    """True where the first bytes are those of a zip archive. A DICOM preamble may hide one: the rest decides."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06")) and head[128:132] != b"DICM"


def expand_zip(path: Path, out_dir: Path, limits: ZipLimits | None = None) -> Iterator[ZipMember]:
    """Unpack the files of an archive into ``out_dir`` under running numbers, one at a time, as they are asked for.

    Raises Refusal: before anything is unpacked for what the directory of the archive shows (paths, links, encryption,
    too many files, too many bytes), at the file for the rest (nested archive, lying size, broken data).
    """
    limits = limits or ZipLimits()
    _check_directory(path, limits)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_entries(entries, limits)
            wanted = [e for e in entries if not e.is_dir() and not set(PurePosixPath(e.filename).parts) & set(_LITTER)]
            for number, entry in enumerate(wanted, start=1):
                target = out_dir / f"{number:06d}"
                _unpack_one(archive, entry, target)
                yield ZipMember(target, entry.filename)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeError) as error:
        raise Refusal("intake-21", f"The unpacker stopped with {type(error).__name__}.") from error

"""Reading ultrasound DICOM: every check that can be made on the header, before a single pixel is decoded.

``read_clip`` gives a ``DicomClip`` whose ``frames`` decode lazily, one at a time. Only ultrasound is read (US and US
Multi-frame, their retired forms, and Secondary Capture of modality US); what breaks a rule raises ``DicomError`` with
the rule and the tag. Budgets come first: what a decoder would allocate is known before it runs.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from inference.dicom.errors import DicomError
from inference.dicom.frames import FrameSource, locate_frames
from inference.dicom.heart import Heart, heart_of
from inference.dicom.pixels import PixelFormat, palette_table, window_of
from inference.dicom.regions import UsRegion, frame_times, regions_from_dataset
from inference.dicom.syntax import DEFLATED, EXPLICIT_BE, TRANSFER_SYNTAXES, is_native

SOP_CLASSES: dict[str, str] = {
    "1.2.840.10008.5.1.4.1.1.6.1": "Ultrasound Image",
    "1.2.840.10008.5.1.4.1.1.3.1": "Ultrasound Multi-frame Image",
    "1.2.840.10008.5.1.4.1.1.6": "Ultrasound Image (retired)",
    "1.2.840.10008.5.1.4.1.1.3": "Ultrasound Multi-frame Image (retired)",
}
SECONDARY_CAPTURE: dict[str, str] = {
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture",
    "1.2.840.10008.5.1.4.1.1.7.2": "Multi-frame Grayscale Byte Secondary Capture",
    "1.2.840.10008.5.1.4.1.1.7.4": "Multi-frame True Color Secondary Capture",
}
_MULTIFRAME = ("1.2.840.10008.5.1.4.1.1.3.1", "1.2.840.10008.5.1.4.1.1.3")
_UID = re.compile(r"\A[0-9.]{1,64}\Z")
_LONG_VR = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_MAX_META_BYTES = 65_536


@dataclass(frozen=True)
class Budget:
    """Limits of one file: sides in pixels, pixels of one frame, frames, samples of the whole clip, bytes on disk."""

    max_side: int = 8192
    max_frame_pixels: int = 64_000_000
    max_frames: int = 3000
    max_samples: int = 2_000_000_000
    max_file_bytes: int = 2_000_000_000


@dataclass(frozen=True)
class DicomClip:
    """One ultrasound still or cine. ``frames`` is a sequence of uint8 arrays (rows, columns) or (rows, columns, 3) in
    RGB, decoded when asked for; ``frame_times_ms`` has one entry a frame; ``regions`` are numbered from 1; ``heart`` is
    what the file tells of the beat, None where nothing.

    ``odd_modality`` is True for Secondary Capture and wherever Modality is not US. ``dataset`` holds the header with
    identifiers: it must not leave the process that read it.
    """

    path: Path
    transfer_syntax: str
    sop_class: str
    sop_uid: str
    study_uid: str
    rows: int
    columns: int
    frame_count: int
    frames: FrameSource
    frame_times_ms: list[float]
    frame_times_source: str
    regions: list[UsRegion]
    synthetic: bool
    odd_modality: bool
    heart: Heart | None
    dataset: Dataset = field(repr=False)


class _ClampedFile(io.FileIO):
    """A file that never allocates more than it holds, however large the length field that a reader trusts."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self.size = self.seek(0, io.SEEK_END)
        self.seek(0)

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, self.size - self.tell())
        wanted = left if size is None or size < 0 else min(size, left)
        return super().read(wanted) or b""


def tag_name(keyword: str) -> str:
    """ "(0028,0010) Rows" for "Rows"."""
    tag = tag_for_keyword(keyword) or 0
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword}"


def _is_recursion(error: BaseException | None) -> bool:
    """True where the depth of recursion began it; the parser may have caught it and raised another error."""
    while error is not None:
        if isinstance(error, RecursionError):
            return True
        error = error.__cause__ or error.__context__
    return False


def read_value(ds: Dataset, keyword: str, rule: str = "header") -> Any:
    """The value of an element, None where it is absent or empty; DicomError with its tag where it cannot be read."""
    try:
        value = ds.get(keyword)
    except MemoryError:
        raise
    except Exception as error:  # pydicom converts lazily: a bad value raises nearly anything here
        if _is_recursion(error):
            raise DicomError("nesting", tag=tag_name(keyword)) from error
        raise DicomError(rule, f"Its value cannot be read ({type(error).__name__}).", tag_name(keyword)) from error
    return None if value is None or value == "" else value


def read_text(ds: Dataset, keyword: str) -> str:
    """A single text value, cleaned of control characters; empty where absent or unreadable."""
    try:
        value = read_value(ds, keyword)
    except DicomError:
        return ""
    text = "" if value is None or isinstance(value, (bytes, pydicom.Sequence)) else str(value)
    return "".join(char for char in text if char.isprintable()).strip()[:256]


def _whole(ds: Dataset, keyword: str, rule: str, default: int | None = None) -> int:
    value = read_value(ds, keyword, rule)
    if value is None:
        if default is None:
            raise DicomError(rule, "It is missing.", tag_name(keyword))
        return default
    try:
        number = int(value)
        whole = float(value) == number
    except (TypeError, ValueError, OverflowError) as error:
        raise DicomError(rule, "It is not one whole number.", tag_name(keyword)) from error
    if not whole:
        raise DicomError(rule, "It is not a whole number.", tag_name(keyword))
    return number


def _uid(ds: Dataset, keyword: str, *, required: bool) -> str:
    value = read_value(ds, keyword, "uid")
    if value is None and not required:
        return ""
    text = str(value) if value is not None else ""
    if not _UID.match(text) or not any(char != "." for char in text):
        raise DicomError("uid", "It must hold 1 to 64 digits and dots.", tag_name(keyword))
    return text


def read_transfer_syntax(head: bytes) -> str:
    """The transfer syntax from the file meta information (PS3.10 7.1), parsed here so that a lie costs nothing."""
    if len(head) < 132 or head[128:132] != b"DICM":
        raise DicomError("not-dicom", "Bytes 128 to 131 do not read DICM.")
    position = 132
    while position + 8 <= len(head):
        group, element, vr, length = struct.unpack_from("<HH2sH", head, position)
        position += 8
        if group != 2:
            break
        if vr in _LONG_VR:
            if position + 4 > len(head):
                break
            length = struct.unpack_from("<I", head, position)[0]
            position += 4
        if element == 0x0010:
            text = head[position : position + min(length, 128)].rstrip(b"\0 ").decode("latin-1")
            if not _UID.match(text):
                raise DicomError("transfer-syntax", "It is not a UID.", tag_name("TransferSyntaxUID"))
            return text
        position += length
    raise DicomError("header", "The file meta information names no transfer syntax.", tag_name("TransferSyntaxUID"))


def _check_syntax(uid: str) -> None:
    if uid in DEFLATED:
        raise DicomError("transfer-syntax", "Deflated files are refused.", tag_name("TransferSyntaxUID"))
    if uid not in TRANSFER_SYNTAXES:
        raise DicomError("transfer-syntax", f"It is {uid}.", tag_name("TransferSyntaxUID"))


def _parse(source: _ClampedFile) -> Dataset:
    try:
        return pydicom.dcmread(source, stop_before_pixels=True)
    except MemoryError:
        raise
    except Exception as error:  # ten types of exception were seen from broken files
        if _is_recursion(error):
            raise DicomError("nesting") from error
        raise DicomError("header", f"The parser stopped with {type(error).__name__}.") from error


def _check_class(ds: Dataset) -> tuple[str, bool]:
    """The SOP class and whether the modality is odd; DicomError for anything that is no ultrasound."""
    sop_class = _uid(ds, "SOPClassUID", required=True)
    modality = read_text(ds, "Modality")
    if sop_class in SOP_CLASSES:
        return sop_class, modality != "US"
    if sop_class in SECONDARY_CAPTURE and modality == "US":
        return sop_class, True
    detail = "Secondary Capture is read only with modality US." if sop_class in SECONDARY_CAPTURE else ""
    raise DicomError("sop-class", detail or f"Its SOP class is {sop_class}.", tag_name("SOPClassUID"))


def _check_size(ds: Dataset, sop_class: str, budget: Budget) -> tuple[int, int, int]:
    rows, columns = _whole(ds, "Rows", "rows-columns"), _whole(ds, "Columns", "rows-columns")
    for value, keyword in ((rows, "Rows"), (columns, "Columns")):
        if not 1 <= value <= budget.max_side:
            raise DicomError("rows-columns", f"It is {value}; 1 to {budget.max_side} is read.", tag_name(keyword))
    frames = _whole(ds, "NumberOfFrames", "frames", None if sop_class in _MULTIFRAME else 1)
    if not 1 <= frames <= budget.max_frames:
        raise DicomError("frames", f"It is {frames}; 1 to {budget.max_frames} is read.", tag_name("NumberOfFrames"))
    return rows, columns, frames


def _pixel_format(ds: Dataset, transfer_syntax: str, rows: int, columns: int, frames: int) -> PixelFormat:
    rule = "pixel-format"
    photometric = read_text(ds, "PhotometricInterpretation")
    samples = _whole(ds, "SamplesPerPixel", rule)
    allocated = _whole(ds, "BitsAllocated", rule)
    stored = _whole(ds, "BitsStored", rule, allocated)
    if samples not in (1, 3):
        raise DicomError(rule, f"It is {samples}; 1 or 3 is read.", tag_name("SamplesPerPixel"))
    if allocated not in (8, 16) or (allocated == 16 and samples == 3):
        raise DicomError(rule, f"It is {allocated}; 8, or 16 for one sample, is read.", tag_name("BitsAllocated"))
    if not 1 <= stored <= allocated:
        raise DicomError(rule, f"It is {stored} with {allocated} bits allocated.", tag_name("BitsStored"))
    one = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
    three = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
    if photometric not in (one if samples == 1 else three):
        detail = f"It does not go with {samples} sample(s) per pixel."
        raise DicomError(rule, detail, tag_name("PhotometricInterpretation"))
    planar = _whole(ds, "PlanarConfiguration", rule, 0)
    signed = _whole(ds, "PixelRepresentation", rule, 0)
    if planar not in (0, 1) or signed not in (0, 1):
        keyword = "PixelRepresentation" if planar in (0, 1) else "PlanarConfiguration"
        raise DicomError(rule, "It must be 0 or 1.", tag_name(keyword))
    window, slope, intercept = window_of(ds)
    return PixelFormat(
        transfer_syntax=transfer_syntax,
        rows=rows,
        columns=columns,
        frames=frames,
        samples=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        signed=bool(signed),
        planar=planar,
        photometric=photometric,
        window=window,
        slope=slope,
        intercept=intercept,
        table=palette_table(ds, stored) if photometric == "PALETTE COLOR" else None,
    )


def _is_synthetic(ds: Dataset) -> bool:
    """Synthetic Data (0008,001C) = YES, or SYNTHETIC among the values of Image Type (0008,0008)."""
    if read_text(ds, "SyntheticData").upper() == "YES":
        return True
    try:
        kinds = read_value(ds, "ImageType")
    except DicomError:
        return False
    listed = [kinds] if isinstance(kinds, str) else list(kinds or [])
    return any(str(kind).upper() == "SYNTHETIC" for kind in listed)


def read_clip(path: Path | str, budget: Budget | None = None) -> DicomClip:
    """Check the header of an ultrasound file and find its frames; nothing is decoded yet.

    Raises DicomError naming rule and tag; OSError when the file cannot be opened.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings quote values, and values may name a patient
        return _read_clip(Path(path), budget or Budget())


def _read_clip(path: Path, budget: Budget) -> DicomClip:
    with _ClampedFile(path) as source:
        if source.size > budget.max_file_bytes:
            raise DicomError("budget", f"The file has {source.size} bytes; {budget.max_file_bytes} are read.")
        transfer_syntax = read_transfer_syntax(source.read(_MAX_META_BYTES))
        _check_syntax(transfer_syntax)
        source.seek(0)
        ds = _parse(source)
        sop_class, odd = _check_class(ds)
        sop_uid = _uid(ds, "SOPInstanceUID", required=True)
        study_uid = _uid(ds, "StudyInstanceUID", required=False)
        rows, columns, frames = _check_size(ds, sop_class, budget)
        layout = _pixel_format(ds, transfer_syntax, rows, columns, frames)
        samples = rows * columns * layout.samples * frames
        if rows * columns > budget.max_frame_pixels or samples > budget.max_samples:
            raise DicomError(
                "budget", f"{frames} x {rows} x {columns} pixels are too many.", tag_name("NumberOfFrames")
            )
        spans = locate_frames(source, ds, layout, native=is_native(transfer_syntax))
    times, times_source = frame_times(ds, frames)
    return DicomClip(
        path=path,
        transfer_syntax=transfer_syntax,
        sop_class=sop_class,
        sop_uid=sop_uid,
        study_uid=study_uid,
        rows=rows,
        columns=columns,
        frame_count=frames,
        frames=FrameSource(path, layout, spans),
        frame_times_ms=times,
        frame_times_source=times_source,
        regions=regions_from_dataset(ds, rows, columns),
        synthetic=_is_synthetic(ds),
        odd_modality=odd,
        heart=heart_of(ds, times, times_source, big_endian=transfer_syntax == EXPLICIT_BE),
        dataset=ds,
    )

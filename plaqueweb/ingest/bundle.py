"""The stored form of a clip: one file of canonical JPEG or PNG frames.

``b"CINE" | u32 n | n x (u32 length | bytes)``, little endian. Every frame was written or checked here: its headers say
the size of the clip, and it carries no EXIF, comment or profile.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from inference.dicom.codestream import SOF_BASELINE, SOF_EXTENDED, canonical_jpeg, jpeg_header
from plaqueweb.ingest.report import Refusal

MAGIC = b"CINE"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_GREY: dict[str, int] = {"level": 3}
_PNG_COLOUR: dict[str, int] = {"level": 1, "filter": 0x10}
"""For colour the sub filter alone: half the time for a tenth more bytes."""
MAX_MEAN_CHANGE = 0.5
"""Grey levels."""
_PNG_CHUNKS = {b"IHDR", b"IDAT", b"IEND"}
Frame = NDArray[np.uint8]


class BundleWriter:
    """Writes frames one by one to ``path`` + ".part" and renames at the end; an error leaves nothing behind."""

    def __init__(self, path: Path, frames: int) -> None:
        self.path = path
        self._part = path.with_name(path.name + ".part")
        self._left = frames
        self._hash = hashlib.sha256()
        self.bytes = 0
        self._file: BinaryIO = self._part.open("wb")
        self._write(MAGIC + struct.pack("<I", frames))

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.bytes += len(data)

    def add(self, frame: bytes) -> None:
        self._left -= 1
        self._write(struct.pack("<I", len(frame)))
        self._write(frame)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def __enter__(self) -> BundleWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._left == 0:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                os.replace(self._part, self.path)
        finally:
            self._file.close()
            self._part.unlink(missing_ok=True)
        if kind is None and self._left:
            raise Refusal("intake-10", f"{self._left} frames are missing.")


def read_bundle(path: Path) -> Iterator[bytes]:
    """The stored frames of a bundle, in order. Raises ValueError where the file is no bundle or is cut off."""
    with path.open("rb") as source:
        head = source.read(8)
        if len(head) < 8 or head[:4] != MAGIC:
            raise ValueError("The file is not a bundle of frames.")
        for _ in range(struct.unpack("<I", head[4:])[0]):
            size = source.read(4)
            data = source.read(struct.unpack("<I", size)[0]) if len(size) == 4 else b""
            if not data or len(data) != struct.unpack("<I", size)[0]:
                raise ValueError("The bundle of frames is cut off.")
            yield data


def png(frame: Frame) -> bytes:
    """A lossless PNG, grey (rows, columns) or RGB (rows, columns, 3), of header, data and end chunks only."""
    data = bytes(imagecodecs.png_encode(frame, **(_PNG_COLOUR if frame.ndim == 3 else _PNG_GREY)))
    check_png(data, frame)
    return data


def check_png(data: bytes, frame: Frame) -> None:
    """Raise Refusal unless the PNG has the size and channels of the frame and only the three chunks it needs."""
    rows, columns, depth, colour = 0, 0, 0, 0
    chunks: list[bytes] = []
    position = len(PNG_SIGNATURE)
    while position + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        chunks.append(name)
        if name == b"IHDR":
            columns, rows, depth, colour = struct.unpack_from(">IIBB", data, position + 8)
        position += 12 + length
    wanted = (frame.shape[0], frame.shape[1], 8, 2 if frame.ndim == 3 else 0)
    if data[:8] != PNG_SIGNATURE or not set(chunks) <= _PNG_CHUNKS or (rows, columns, depth, colour) != wanted:
        raise Refusal("intake-12", "The stored PNG does not match its frame.")


def untouched_jpeg(data: bytes) -> bytes:
    """The file's own JPEG without application data; its coded picture is unchanged."""
    return canonical_jpeg(data)


def blanked_jpeg(original: bytes, frame: Frame, kept: NDArray[np.bool_]) -> bytes | None:
    """The blanked frame as JPEG with the original's quantisation tables and sampling.

    ``kept`` marks the pixels that were not blanked. None where the encoder does not know the sampling, or where the
    kept pixels would change by more than ``MAX_MEAN_CHANGE`` on average (saturated colour, coarsely sampled): then the
    frame must be stored without loss. Ultrasound changes by about 0.02.
    """
    with Image.open(io.BytesIO(canonical_jpeg(original)), formats=("JPEG",)) as source:
        tables = getattr(source, "quantization", None)
        sampling = JpegImagePlugin.get_sampling(source) if frame.ndim == 3 else 0
    if not tables or sampling < 0:
        return None
    options: dict[str, Any] = {"qtables": tables}
    if frame.ndim == 3:
        options["subsampling"] = sampling
    target = io.BytesIO()
    Image.fromarray(frame).save(target, "JPEG", **options)
    data = canonical_jpeg(target.getvalue())
    header = jpeg_header(data)
    components = 3 if frame.ndim == 3 else 1
    if (header.rows, header.columns, header.components) != (*frame.shape[:2], components):
        raise Refusal("intake-12", "The stored JPEG does not match its frame.")
    return data if _mean_change(imagecodecs.jpeg8_decode(data), frame, kept) <= MAX_MEAN_CHANGE else None


def _mean_change(one: Frame, other: Frame, kept: NDArray[np.bool_]) -> float:
    """Mean absolute difference in grey levels over the kept pixels, without widening the arrays."""
    difference = np.maximum(one, other) - np.minimum(one, other)
    channels = 3 if one.ndim == 3 else 1
    weight = kept[..., None] if channels == 3 else kept
    return float((difference * weight).sum(dtype=np.int64)) / max(1, int(kept.sum()) * channels)


def is_plain_jpeg(marker: int, bits: int) -> bool:
    """Whether every browser decodes this JPEG: sequential, 8 bits, Huffman coded."""
    return marker in (SOF_BASELINE, SOF_EXTENDED) and bits == 8

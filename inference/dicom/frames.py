"""Where the frames lie in the file, and a sequence that decodes them one at a time.

Source: DICOM PS3.5 A.4 (encapsulation), C.7.6.3.3.8 (Extended Offset Table). Only positions are kept: a cine of
hundreds of megabytes costs the memory of one frame.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, overload

import numpy as np
from numpy.typing import NDArray

from inference.dicom import syntax
from inference.dicom.errors import DicomError
from inference.dicom.pixels import PixelFormat, decode_frame, frame_header
from inference.pictures import JpegPicture, LazyPicture

PIXEL_DATA = "(7FE0,0010) PixelData"
_ITEM, _DELIMITER = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_UNDEFINED = 0xFFFF_FFFF
_MAX_FRAGMENTS = 200_000
_TAG_SIZE = 8
Span = tuple[int, int]
"""Position in the file and length in bytes."""


@dataclass(frozen=True)
class _Element:
    value_at: int
    length: int


def _size_of(source: BinaryIO) -> int:
    here = source.tell()
    size = source.seek(0, 2)
    source.seek(here)
    return size


def _pixel_element(source: BinaryIO, implicit: bool, little: bool) -> _Element:
    """The header of Pixel Data at the reader's position, which is where the parser stopped."""
    order = "<" if little else ">"
    head = source.read(12)
    if len(head) < 8 or struct.unpack_from(order + "HH", head) != (0x7FE0, 0x0010):
        raise DicomError("pixel-data", "It is missing.", PIXEL_DATA)
    start = source.tell() - len(head)
    if implicit:
        return _Element(start + 8, struct.unpack_from(order + "I", head, 4)[0])
    if len(head) < 12 or head[4:6] not in (b"OB", b"OW", b"UN"):
        raise DicomError("pixel-data", "Its value representation must be OB or OW.", PIXEL_DATA)
    return _Element(start + 12, struct.unpack_from(order + "I", head, 8)[0])


def _native_spans(element: _Element, layout: PixelFormat, size: int) -> list[list[Span]]:
    step = layout.native_frame_bytes
    needed = step * layout.frames
    if element.length == _UNDEFINED:
        raise DicomError("pixel-data", "It is encapsulated, but the transfer syntax is not compressed.", PIXEL_DATA)
    there = min(element.length, size - element.value_at)
    if there < needed:
        raise DicomError("pixel-data", f"It holds {there} of {needed} bytes.", PIXEL_DATA)
    if element.length > needed + 1 and element.length % step == 0 and layout.frames == 1:
        detail = f"It holds {element.length // step} pictures; the header says one."
        raise DicomError("frames", detail, "(0028,0008) NumberOfFrames")
    return [[(element.value_at + index * step, step)] for index in range(layout.frames)]


def _fragments(source: BinaryIO, start: int, size: int) -> tuple[bytes, list[Span]]:
    """The Basic Offset Table and every fragment, by walking the items; values are skipped, not read."""
    source.seek(start)
    table: bytes | None = None
    found: list[Span] = []
    while len(found) < _MAX_FRAGMENTS:
        head = source.read(_TAG_SIZE)
        if len(head) < _TAG_SIZE:
            break
        group, element, length = struct.unpack("<HHI", head)
        if (group, element) == _DELIMITER:
            return table or b"", found
        here = source.tell()
        if (group, element) != _ITEM or length == _UNDEFINED or here + length > size:
            break
        if table is None:
            table = source.read(length)
        else:
            found.append((here, length))
            source.seek(length, 1)
    raise DicomError("pixel-data", "The encapsulated fragments are broken or cut off.", PIXEL_DATA)


def _by_offsets(fragments: list[Span], offsets: Sequence[int], frames: int) -> list[list[Span]] | None:
    """Fragments grouped by an offset table, or None where the table does not fit them."""
    if len(offsets) != frames or not fragments:
        return None
    base = fragments[0][0] - _TAG_SIZE
    starts = {at - _TAG_SIZE - base: index for index, (at, _) in enumerate(fragments)}
    try:
        firsts = [starts[offset] for offset in offsets]
    except KeyError:
        return None
    if firsts[0] != 0 or firsts != sorted(set(firsts)):
        return None
    edges = [*firsts, len(fragments)]
    return [fragments[edges[i] : edges[i + 1]] for i in range(frames)]


def _by_end_marker(source: BinaryIO, fragments: list[Span], frames: int) -> list[list[Span]] | None:
    """Without a usable table: a frame ends with the fragment that ends in the end-of-image marker."""
    groups: list[list[Span]] = [[]]
    for at, length in fragments:
        groups[-1].append((at, length))
        source.seek(at + max(0, length - 10))
        if b"\xff\xd9" in source.read(min(length, 10)):
            groups.append([])
    groups = [group for group in groups if group]
    return groups if len(groups) == frames else None


def _unpack_table(data: bytes, code: str) -> list[int]:
    width = struct.calcsize(code)
    return list(struct.unpack(f"<{len(data) // width}{code}", data[: len(data) // width * width]))


def _encapsulated_spans(
    source: BinaryIO, element: _Element, layout: PixelFormat, extended: bytes, size: int
) -> list[list[Span]]:
    if element.length != _UNDEFINED:
        raise DicomError("pixel-data", "It has a length, but a compressed picture must be encapsulated.", PIXEL_DATA)
    table, fragments = _fragments(source, element.value_at, size)
    if layout.frames == 1 and fragments:
        return [fragments]
    if len(fragments) == layout.frames:
        return [[fragment] for fragment in fragments]
    grouped = (
        _by_offsets(fragments, _unpack_table(table, "I"), layout.frames)
        or _by_offsets(fragments, _unpack_table(extended, "Q"), layout.frames)
        or _by_end_marker(source, fragments, layout.frames)
    )
    if not grouped:
        detail = f"It holds {len(fragments)} fragments, which cannot be told apart into {layout.frames} frames."
        raise DicomError("pixel-data", detail, PIXEL_DATA)
    return grouped


def locate_frames(source: BinaryIO, ds: Any, layout: PixelFormat, *, native: bool) -> list[list[Span]]:
    """For every frame the pieces of the file that hold it; ``source`` stands at the Pixel Data element.

    Raises DicomError (rule "pixel-data" or "frames") where the element is missing, cut off or contradicts the header.
    """
    implicit, little = ds.original_encoding
    size = _size_of(source)
    element = _pixel_element(source, bool(implicit), bool(little))
    if native:
        return _native_spans(element, layout, size)
    extended = ds.get("ExtendedOffsetTable")
    return _encapsulated_spans(source, element, layout, extended if isinstance(extended, bytes) else b"", size)


class FrameSource(Sequence[NDArray[np.uint8]]):
    """The decoded frames of a clip, numbered from 0: uint8 (rows, columns), or (rows, columns, 3) in RGB.

    Each access reads and decodes one frame; nothing is cached. Raises DicomError (rule "codestream" or "decode").
    """

    def __init__(self, path: Path, layout: PixelFormat, spans: list[list[Span]]) -> None:
        self._path = path
        self.layout = layout
        self._spans = spans

    def __len__(self) -> int:
        return len(self._spans)

    @overload
    def __getitem__(self, index: int) -> NDArray[np.uint8]: ...

    @overload
    def __getitem__(self, index: slice) -> list[NDArray[np.uint8]]: ...

    def __getitem__(self, index: int | slice) -> NDArray[np.uint8] | list[NDArray[np.uint8]]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return decode_frame(self.raw(index), self.layout)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        for index in range(len(self)):
            yield self[index]

    def pictures(self) -> StoredFrames:
        """The same frames, read from the file in order and decoded only when each is asked for."""
        return StoredFrames(self)

    def raw(self, index: int) -> bytes:
        """The stored bytes of one frame: the codestream, or native pixels."""
        with self._path.open("rb") as source:
            pieces = []
            for at, length in self._spans[index]:
                source.seek(at)
                pieces.append(source.read(length))
        return b"".join(pieces)


class StoredFrames:
    """The frames of a ``FrameSource`` as stored pictures: whoever takes them decodes them, in whatever thread."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[JpegPicture | LazyPicture]:
        layout = self._source.layout
        plain = layout.samples == 3 or (layout.photometric == "MONOCHROME2" and layout.bits_stored == 8)
        quick = layout.transfer_syntax == syntax.JPEG_BASELINE and layout.bits_allocated == 8 and plain
        header = functools.partial(frame_header, layout=layout)
        for index in range(len(self)):
            data = self._source.raw(index)
            if quick:
                yield JpegPicture(data, header, layout.photometric)
            else:
                yield LazyPicture(functools.partial(decode_frame, data, layout))

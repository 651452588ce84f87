"""What a compressed frame says about itself, read before any decoder sees it.

Sources: ITU-T T.81 (JPEG), T.87 (JPEG-LS), T.800 Annex A (JPEG 2000), DICOM PS3.5 Annex G (RLE). A decoder allocates
what the codestream's own header asks for, whatever Rows and Columns say: so both must agree before decoding.
"""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from inference.dicom.errors import DicomError

SOI, EOI, SOS, DQT, DHT, DRI, APP0, APP14 = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xE0, 0xEE
SOF_BASELINE, SOF_EXTENDED, SOF_PROGRESSIVE, SOF_LOSSLESS, SOF_JPEG_LS = 0xC0, 0xC1, 0xC2, 0xC3, 0xF7
_SOF = {*range(0xC0, 0xD0), SOF_JPEG_LS} - {DHT, 0xC8, 0xCC}
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_NEXT_MARKER_LS = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")  # JPEG-LS stuffs a bit, not a byte
_KEPT = {DQT, DHT, DRI, SOS}
_JFIF = bytes.fromhex("ffe000104a46494600010100000100010000")
MAX_SEGMENTS = 4096
MAX_TILES = 4096


@dataclass(frozen=True)
class Codestream:
    """Size and form of one compressed picture: rows and columns in pixels, ``bits`` per component.

    ``marker`` is the JPEG frame marker (0xC0 baseline, ...), 0 for JPEG 2000. ``adobe`` is the Adobe colour transform
    (0 none, 1 YCbCr) or None.
    """

    rows: int
    columns: int
    components: int
    bits: int
    marker: int = 0
    component_ids: tuple[int, ...] = ()
    sampling: tuple[tuple[int, int], ...] = ()
    jfif: bool = False
    adobe: int | None = None

    @property
    def is_ycbcr(self) -> bool:
        """How a browser and libjpeg take three components: YCbCr unless Adobe or the component names say RGB."""
        if self.components != 3:
            return False
        if self.jfif:
            return True
        if self.adobe is not None:
            return self.adobe == 1
        return self.component_ids != (0x52, 0x47, 0x42)


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of every segment, SOI and EOI included; a scan's coded data belongs to its SOS segment.

    Raises DicomError (rule "codestream") where the chain of segments breaks or no end of image follows.
    """
    if data[:2] != b"\xff\xd8":
        raise DicomError("codestream", "The frame does not start as a JPEG picture.")
    yield SOI, 0, 2
    position, jpeg_ls = 2, False
    for _ in range(MAX_SEGMENTS):
        while data[position : position + 2] == b"\xff\xff":
            position += 1
        if position + 2 > len(data) or data[position] != 0xFF:
            raise DicomError("codestream", "The JPEG picture is cut off or broken between two segments.")
        marker = data[position + 1]
        jpeg_ls = jpeg_ls or marker == SOF_JPEG_LS
        if marker == EOI:
            yield EOI, position, position + 2
            return
        if position + 4 > len(data):
            break
        end = position + 2 + struct.unpack_from(">H", data, position + 2)[0]
        if marker == SOS:
            found = (_NEXT_MARKER_LS if jpeg_ls else _NEXT_MARKER).search(data, end)
            if not found:
                break
            end = found.start()
        if end > len(data) or end < position + 4:
            break
        yield marker, position, end
        position = end
    raise DicomError("codestream", "The JPEG picture has no end of image.")


def _read_sof(data: bytes, marker: int, start: int, end: int) -> Codestream:
    if end - start < 10:
        raise DicomError("codestream", "The JPEG frame header is too short.")
    bits, rows, columns, components = struct.unpack_from(">BHHB", data, start + 4)
    if end - start < 10 + 3 * components or not 1 <= components <= 4:
        raise DicomError("codestream", "The JPEG frame header is too short for its components.")
    triples = [tuple(data[start + 10 + 3 * i : start + 13 + 3 * i]) for i in range(components)]
    sampling = tuple((triple[1] >> 4, triple[1] & 15) for triple in triples)
    if any(not (1 <= h <= 4 and 1 <= v <= 4) for h, v in sampling):
        raise DicomError("codestream", "The JPEG sampling factors must be 1 to 4.")
    ids = tuple(triple[0] for triple in triples)
    return Codestream(rows, columns, components, bits, marker, ids, sampling)


def jpeg_header(data: bytes) -> Codestream:
    """Size and form of a JPEG or JPEG-LS picture; walks to its end, so that a cut-off one is found here."""
    header: Codestream | None = None
    jfif, adobe, scans = False, None, 0
    for marker, start, end in jpeg_segments(data):
        if marker == APP0 and data[start + 4 : start + 9] == b"JFIF\0":
            jfif = True
        elif marker == APP14 and data[start + 4 : start + 9] == b"Adobe" and end - start >= 16:
            adobe = data[start + 15]
        elif marker in _SOF:
            if header is not None:
                raise DicomError("codestream", "The JPEG picture has two frame headers.")
            header = _read_sof(data, marker, start, end)
        scans += marker == SOS
    if header is None or not scans:
        raise DicomError("codestream", "The JPEG picture has no frame header or no scan.")
    if header.rows == 0 or header.columns == 0:
        raise DicomError("codestream", "The JPEG picture has no rows or no columns.")
    return Codestream(**{**header.__dict__, "jfif": jfif, "adobe": adobe})


def canonical_jpeg(data: bytes) -> bytes:
    """The same picture, byte for byte in its coded data, without comments and application data.

    Kept: tables, frame header, scans, a JFIF marker without thumbnail and the Adobe marker, which decoders need for
    colour. Dropped: EXIF, comments, profiles and whatever follows the end of the image.
    """
    parts: list[bytes] = []
    for marker, start, end in jpeg_segments(data):
        segment = data[start:end]
        if marker in (SOI, EOI) or marker in _KEPT or marker in _SOF:
            parts.append(segment)
        elif marker == APP0 and segment[4:9] == b"JFIF\0":
            parts.append(_JFIF)
        elif marker == APP14 and segment[4:9] == b"Adobe" and len(segment) >= 16:
            parts.append(b"\xff\xee\x00\x0eAdobe" + segment[9:16])
    return b"".join(parts)


def jpeg2000_start(data: bytes) -> int:
    """Where the codestream begins: at once, or after the boxes of a JP2 file."""
    if data[:4] == b"\xff\x4f\xff\x51":
        return 0
    found = data.find(b"\xff\x4f\xff\x51", 0, 65_536) if data[4:8] == b"jP  " else -1
    if found < 0:
        raise DicomError("codestream", "The frame does not start as a JPEG 2000 picture.")
    return found


def jpeg2000_header(data: bytes) -> Codestream:
    """Size and form of a JPEG 2000 codestream from its SIZ segment (T.800 A.5.1)."""
    start = jpeg2000_start(data)
    if len(data) < start + 42:
        raise DicomError("codestream", "The JPEG 2000 header is cut off.")
    xsiz, ysiz, xo, yo, xt, yt, xto, yto, components = struct.unpack_from(">8IH", data, start + 8)
    if len(data) < start + 42 + 3 * components or not 1 <= components <= 4:
        raise DicomError("codestream", "The JPEG 2000 header is cut off or has too many components.")
    if not (xsiz > xo and ysiz > yo and xt and yt and xto <= xo and yto <= yo):
        raise DicomError("codestream", "The JPEG 2000 header has an empty picture or empty tiles.")
    tiles = -(-(xsiz - xto) // xt) * -(-(ysiz - yto) // yt)
    if tiles > MAX_TILES:
        raise DicomError("codestream", f"The JPEG 2000 picture has {tiles} tiles; at most {MAX_TILES} are read.")
    parts = [tuple(data[start + 42 + 3 * i : start + 45 + 3 * i]) for i in range(components)]
    if any(part[1:] != (1, 1) for part in parts) or len({part[0] for part in parts}) != 1:
        raise DicomError("codestream", "The JPEG 2000 components differ in size or depth.")
    return Codestream(ysiz - yo, xsiz - xo, components, (parts[0][0] & 0x7F) + 1)


def check_rle(data: bytes, rows: int, columns: int, planes: int) -> None:
    """Raise DicomError (rule "codestream") unless the RLE header fits ``planes`` byte planes of rows x columns.

    A segment may take at most twice its plane plus a little: a longer one can only be a bomb or a lie.
    """
    if len(data) < 64:
        raise DicomError("codestream", "The RLE header is cut off.")
    count, *offsets = struct.unpack_from("<16I", data)
    if count != planes:
        raise DicomError("codestream", f"The RLE frame has {count} segments; {planes} are needed.")
    edges = [*offsets[:count], len(data)]
    if edges[0] != 64 or any(not (0 < b - a <= 2 * rows * columns + 64) for a, b in itertools.pairwise(edges)):
        raise DicomError(
            "codestream", "The RLE segments do not follow one another or are longer than a picture can be."
        )

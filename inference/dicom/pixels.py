"""From the stored bytes of one frame to 8-bit grey or RGB (PS3.3 C.7.6.3, C.7.9, C.11.2).

Grey stays one channel. 16-bit pictures are windowed with the file's own window, else by their stored range, so that
all frames of a clip map alike. Codecs: imagecodecs; before any of them runs, the codestream's own header must agree
with the tags.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_color_lut

from inference.dicom import codestream, syntax
from inference.dicom.errors import DicomError

Frame = NDArray[np.uint8]
LUT_TAG = "(0028,1101) RedPaletteColorLookupTableDescriptor"
_YBR_TO_RGB = np.array([[1.0, 1.0, 1.0], [0.0, -0.344136, 1.772], [1.402, -0.714136, 0.0]], dtype=np.float32)


@dataclass(frozen=True)
class PixelFormat:
    """How pixels are stored. ``window`` is (centre, width) for stored values after ``slope`` and ``intercept``;
    ``table`` is a uint8 palette of shape (entries,) for grey or (entries, 3) for colour."""

    transfer_syntax: str
    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    planar: int
    photometric: str
    window: tuple[float, float] | None = None
    slope: float = 1.0
    intercept: float = 0.0
    table: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)

    @property
    def packed_422(self) -> bool:
        """Native YBR_FULL_422 stores two pixels as Y Y Cb Cr."""
        return self.photometric == "YBR_FULL_422" and syntax.is_native(self.transfer_syntax)

    @property
    def native_frame_bytes(self) -> int:
        samples = 2 if self.packed_422 else self.samples
        return self.rows * self.columns * samples * self.bits_allocated // 8

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.rows, self.columns, 3) if self.samples == 3 else (self.rows, self.columns)

    @property
    def dtype(self) -> np.dtype[Any]:
        code = f"{'i' if self.signed else 'u'}{self.bits_allocated // 8}"
        return np.dtype(("<" if self.transfer_syntax != syntax.EXPLICIT_BE else ">") + code)


def window_of(ds: Any) -> tuple[tuple[float, float] | None, float, float]:
    """(centre, width) or None, rescale slope and intercept; values that make no sense are as good as absent."""

    def first(keyword: str) -> float | None:
        value = ds.get(keyword)
        value = value[0] if isinstance(value, (list, tuple)) or hasattr(value, "append") else value
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            return None
        return number if math.isfinite(number) else None

    centre, width = first("WindowCenter"), first("WindowWidth")
    slope, intercept = first("RescaleSlope"), first("RescaleIntercept")
    window = (centre, width) if centre is not None and width is not None and width >= 1 else None
    return window, slope or 1.0, intercept or 0.0


def palette_table(ds: Any, bits_stored: int) -> NDArray[np.uint8]:
    """The palette as uint8 (entries,) where it is grey, (entries, 3) where it has colour; one row per stored value.

    Raises DicomError (rule "pixel-format") where the lookup tables are missing or contradict their descriptors.
    """
    if ds.get("RedPaletteColorLookupTableData") is None and ds.get("SegmentedRedPaletteColorLookupTableData"):
        return _grey_if_grey(_segmented_table(ds, bits_stored))
    columns = []
    for colour in ("Red", "Green", "Blue"):
        descriptor = ds.get(f"{colour}PaletteColorLookupTableDescriptor")
        data = ds.get(f"{colour}PaletteColorLookupTableData")
        if descriptor is None or len(descriptor) != 3 or not isinstance(data, bytes):
            raise DicomError("pixel-format", "A plain palette with three tables is needed.", LUT_TAG)
        entries, first, bits = int(descriptor[0]) or 65_536, int(descriptor[1]), int(descriptor[2])
        if bits not in (8, 16) or not 1 <= entries <= 65_536 or first < 0:
            raise DicomError("pixel-format", "The descriptor is out of range.", LUT_TAG)
        wide = bits == 16 or len(data) >= 2 * entries  # 8 bits are sometimes stored in 16-bit words
        order = "<" if ds.original_encoding[1] else ">"
        values = np.frombuffer(data, dtype=order + "u2" if wide else "u1", count=min(entries, len(data) // (1 + wide)))
        if values.size < entries:
            raise DicomError("pixel-format", f"The table holds {values.size} of {entries} entries.", LUT_TAG)
        eight = (values >> 8 if bits == 16 else values).astype(np.uint8)
        columns.append(eight[np.clip(np.arange(1 << bits_stored) - first, 0, entries - 1)])
    return _grey_if_grey(np.stack(columns, axis=1))


def _grey_if_grey(table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    red, green, blue = (np.ascontiguousarray(table[:, index]) for index in range(3))
    return red if np.array_equal(red, green) and np.array_equal(green, blue) else table


def _check_segments(ds: Any) -> None:
    """Raise DicomError where the segments expand to more than the palette's entries: four bytes can claim 65535."""
    for colour in ("Red", "Green", "Blue"):
        descriptor = ds.get(f"{colour}PaletteColorLookupTableDescriptor")
        data = ds.get(f"Segmented{colour}PaletteColorLookupTableData")
        if descriptor is None or len(descriptor) != 3 or not isinstance(data, bytes) or int(descriptor[2]) != 16:
            raise DicomError("pixel-format", "A segmented palette needs three tables of 16 bits.", LUT_TAG)
        words = np.frombuffer(data, "<u2" if ds.original_encoding[1] else ">u2", count=len(data) // 2)
        entries, at = 0, 0
        while at + 1 < words.size:
            kind, length = int(words[at]), int(words[at + 1])
            entries += length
            at += 2 + (length if kind == 0 else 1)
            if kind not in (0, 1) or entries > (int(descriptor[0]) or 65_536):
                raise DicomError("pixel-format", "The segments do not fit the palette's descriptor.", LUT_TAG)


def _segmented_table(ds: Any, bits_stored: int) -> NDArray[np.uint8]:
    """A palette kept as segments (PS3.3 C.7.9.2), expanded by pydicom for every possible stored value."""
    _check_segments(ds)
    stored = np.arange(1 << bits_stored, dtype=np.uint16)
    try:
        colours = np.asarray(apply_color_lut(stored, ds))
    except (ValueError, TypeError, AttributeError, IndexError, struct.error) as error:
        detail = f"The segments of the palette cannot be expanded ({type(error).__name__})."
        raise DicomError("pixel-format", detail, LUT_TAG) from error
    eight: NDArray[np.uint8] = (colours >> 8 if colours.dtype.itemsize == 2 else colours).astype(np.uint8)
    return eight


def _ybr_to_rgb(ybr: Frame) -> Frame:
    """YBR_FULL to RGB by the formula of PS3.3 C.7.6.3.1.2."""
    shifted = ybr.astype(np.float32)
    shifted[..., 1:] -= 128.0
    return np.clip(np.rint(shifted @ _YBR_TO_RGB), 0, 255).astype(np.uint8)


def _unpack_422(data: bytes, layout: PixelFormat) -> Frame:
    if layout.columns % 2:
        raise DicomError("pixel-format", "YBR_FULL_422 needs an even number of columns.", "(0028,0011) Columns")
    groups = np.frombuffer(data, np.uint8).reshape(layout.rows, layout.columns // 2, 4)
    ybr = np.empty((*layout.shape,), np.uint8)
    ybr[:, 0::2, 0], ybr[:, 1::2, 0] = groups[..., 0], groups[..., 1]
    ybr[..., 1] = np.repeat(groups[..., 2], 2, axis=1)
    ybr[..., 2] = np.repeat(groups[..., 3], 2, axis=1)
    return ybr


def _low_bits(values: NDArray[Any], layout: PixelFormat) -> NDArray[Any]:
    """Only the stored bits: old files keep overlays in the ones above."""
    if layout.signed or layout.bits_stored == layout.bits_allocated:
        return values
    return values & ((1 << layout.bits_stored) - 1)


def _native(data: bytes, layout: PixelFormat) -> NDArray[Any]:
    if len(data) != layout.native_frame_bytes:
        raise DicomError("pixel-data", "A frame is cut off.", "(7FE0,0010) PixelData")
    if layout.packed_422:
        return _unpack_422(data, layout)
    values = _low_bits(np.frombuffer(data, layout.dtype), layout)
    if layout.samples == 3 and layout.planar == 1:
        return values.reshape(3, layout.rows, layout.columns).transpose(1, 2, 0)
    return values.reshape(layout.shape)


def _rle(data: bytes, layout: PixelFormat) -> NDArray[Any]:
    width = layout.bits_allocated // 8
    codestream.check_rle(data, layout.rows, layout.columns, layout.samples * width)
    flat = np.frombuffer(imagecodecs.dicomrle_decode(data, layout.dtype.newbyteorder("=")), dtype=layout.dtype)
    if flat.size != layout.rows * layout.columns * layout.samples:
        raise DicomError("decode", f"The RLE frame gave {flat.size} values.", "(7FE0,0010) PixelData")
    if layout.samples == 3:
        return flat.reshape(3, layout.rows, layout.columns).transpose(1, 2, 0)
    return _low_bits(flat, layout).reshape(layout.shape)


def frame_header(data: bytes, layout: PixelFormat) -> codestream.Codestream:
    """The header of a JPEG, JPEG-LS or JPEG 2000 frame, after it was found to agree with the tags."""
    two_thousand = layout.transfer_syntax in (syntax.JPEG_2000, syntax.JPEG_2000_LOSSLESS)
    header = codestream.jpeg2000_header(data) if two_thousand else codestream.jpeg_header(data)
    if (header.rows, header.columns) != (layout.rows, layout.columns):
        detail = f"The picture is {header.rows} x {header.columns}; the header says {layout.rows} x {layout.columns}."
        raise DicomError("codestream", detail, "(0028,0010) Rows")
    if header.components != layout.samples:
        detail = f"The picture has {header.components} components; the header says {layout.samples}."
        raise DicomError("codestream", detail, "(0028,0002) SamplesPerPixel")
    if not layout.bits_stored <= header.bits <= layout.bits_allocated:
        detail = f"The picture has {header.bits} bits; the header says {layout.bits_stored}."
        raise DicomError("codestream", detail, "(0028,0101) BitsStored")
    allowed = {
        syntax.JPEG_BASELINE: (codestream.SOF_BASELINE, codestream.SOF_EXTENDED),
        syntax.JPEG_LOSSLESS: (codestream.SOF_LOSSLESS,),
        syntax.JPEG_LOSSLESS_SV1: (codestream.SOF_LOSSLESS,),
        syntax.JPEG_LS: (codestream.SOF_JPEG_LS,),
        syntax.JPEG_LS_NEAR: (codestream.SOF_JPEG_LS,),
    }.get(layout.transfer_syntax, (0,))
    if header.marker not in allowed:
        raise DicomError("codestream", "The JPEG process is not the one named.", "(0002,0010) TransferSyntaxUID")
    return header


def stored_as_ycbcr(header: codestream.Codestream, photometric: str) -> bool:
    """Whether a baseline JPEG of three components holds YCbCr. The tag says RGB wrongly often: markers win over it."""
    if photometric == "RGB" and not header.jfif and header.adobe is None:
        return False
    return header.is_ycbcr


def _baseline(data: bytes, layout: PixelFormat) -> NDArray[Any]:
    header = frame_header(data, layout)
    if layout.samples == 1:
        return np.asarray(imagecodecs.jpeg8_decode(data))
    space = "YCBCR" if stored_as_ycbcr(header, layout.photometric) else "RGB"
    return np.asarray(imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace="RGB"))


def _by_codec(decode: Callable[[bytes], Any]) -> Callable[[bytes, PixelFormat], NDArray[Any]]:
    def run(data: bytes, layout: PixelFormat) -> NDArray[Any]:
        frame_header(data, layout)
        return np.asarray(decode(data))

    return run


def _jpeg2000(data: bytes, layout: PixelFormat) -> NDArray[Any]:
    frame_header(data, layout)
    return np.asarray(imagecodecs.jpeg2k_decode(data[codestream.jpeg2000_start(data) :]))


_DECODERS: dict[str, Callable[[bytes, PixelFormat], NDArray[Any]]] = {
    **dict.fromkeys(syntax.NATIVE, _native),
    syntax.RLE: _rle,
    syntax.JPEG_BASELINE: _baseline,
    syntax.JPEG_LOSSLESS: _by_codec(imagecodecs.jpegsof3_decode),
    syntax.JPEG_LOSSLESS_SV1: _by_codec(imagecodecs.jpegsof3_decode),
    syntax.JPEG_LS: _by_codec(imagecodecs.jpegls_decode),
    syntax.JPEG_LS_NEAR: _by_codec(imagecodecs.jpegls_decode),
    syntax.JPEG_2000: _jpeg2000,
    syntax.JPEG_2000_LOSSLESS: _jpeg2000,
}


def _to_eight_bits(values: NDArray[Any], layout: PixelFormat) -> Frame:
    """Grey levels 0 to 255: the linear window of PS3.3 C.11.2.1.2, else the whole stored range."""
    if layout.bits_allocated == 8 and layout.bits_stored == 8 and not layout.signed:  # shown as stored, like its JPEG
        return values.astype(np.uint8, copy=False)
    scaled = values.astype(np.float32) * layout.slope + layout.intercept
    if layout.window is not None:
        centre, width = layout.window
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    else:
        lowest = -(1 << (layout.bits_stored - 1)) if layout.signed else 0
        low, high = float(lowest), float(lowest + (1 << layout.bits_stored) - 1)
        scaled = values.astype(np.float32)
    return np.clip(np.rint((scaled - low) / max(high - low, 1e-6) * 255.0), 0, 255).astype(np.uint8)


def _to_display(values: NDArray[Any], layout: PixelFormat) -> Frame:
    if layout.photometric == "PALETTE COLOR":
        assert layout.table is not None  # read_clip builds it for every palette file
        return np.asarray(layout.table[np.clip(values, 0, len(layout.table) - 1)])
    if layout.samples == 1:
        grey = _to_eight_bits(values, layout)
        return 255 - grey if layout.photometric == "MONOCHROME1" else grey
    already_rgb = (syntax.JPEG_BASELINE, syntax.JPEG_2000, syntax.JPEG_2000_LOSSLESS)
    if layout.photometric.startswith("YBR_FULL") and layout.transfer_syntax not in already_rgb:
        return _ybr_to_rgb(values)
    return values.astype(np.uint8, copy=False)


def decode_frame(data: bytes, layout: PixelFormat) -> Frame:
    """One frame as uint8 (rows, columns), or (rows, columns, 3) in RGB.

    Raises DicomError: "codestream" where the picture contradicts the tags, "decode" where the codec fails.
    """
    try:
        values = _DECODERS[layout.transfer_syntax](data, layout)
    except (DicomError, MemoryError):
        raise
    except (ValueError, RuntimeError, TypeError, OSError) as error:  # what the codecs raise
        raise DicomError(
            "decode", f"The codec stopped with {type(error).__name__}.", "(7FE0,0010) PixelData"
        ) from error
    if values.ndim == 3 and values.shape == (3, layout.rows, layout.columns):  # JPEG-LS may hold plane after plane
        values = values.transpose(1, 2, 0)
    if values.shape != layout.shape:
        raise DicomError("decode", f"The codec gave the shape {values.shape}.", "(7FE0,0010) PixelData")
    return np.ascontiguousarray(_to_display(values, layout))

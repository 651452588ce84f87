"""Plain pictures: PNG and JPEG, decoded under limits and turned into a canonical frame without metadata."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, PngImagePlugin

from inference.dicom.codestream import jpeg_header
from inference.dicom.errors import DicomError
from plaqueweb.ingest.bundle import is_plain_jpeg, png, untouched_jpeg
from plaqueweb.ingest.report import ChildLimits, Refusal

FORMATS = ("PNG", "JPEG")
_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Picture:
    """One plain picture: ``frame`` as uint8 grey or RGB, ``stored`` as canonical JPEG or PNG."""

    frame: NDArray[np.uint8]
    stored: bytes
    stored_as: str
    format: str


def _to_frame(image: Image.Image) -> NDArray[np.uint8]:
    """8-bit grey (rows, columns) or RGB; transparency is laid over black, 16-bit grey is divided by 256."""
    if image.mode in ("I;16", "I;16B", "I"):
        return (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        coloured = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", coloured.size, (0, 0, 0, 255)), coloured).convert("RGB")
    frame = np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
    return np.ascontiguousarray(frame)


def _check(image: Image.Image, limits: ChildLimits) -> None:
    if image.format not in FORMATS:  # a JPEG with several pictures opens as MPO
        raise Refusal("intake-15", "The JPEG holds several pictures.")
    if getattr(image, "n_frames", 1) != 1 or getattr(image, "is_animated", False):
        raise Refusal("intake-15", "The picture is animated.")
    if image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "I", "I;16", "I;16B"):
        raise Refusal("intake-15", "Only grey and RGB pictures are read.")
    columns, rows = image.size
    if max(rows, columns) > limits.max_side or rows * columns > limits.max_frame_pixels:
        raise Refusal("intake-08", f"The picture is {rows} x {columns}.")


def _check_jpeg_size(data: bytes, image: Image.Image) -> tuple[bool, bool]:
    """(browsers can show it as it is, its three components are YCbCr); DicomError where the JPEG is broken."""
    header = jpeg_header(data)
    if (header.columns, header.rows) != image.size:
        raise Refusal("intake-11", "The JPEG holds pictures of different sizes.")
    return is_plain_jpeg(header.marker, header.bits), header.components == 1 or header.is_ycbcr


@contextmanager
def _pillow_limits(limits: ChildLimits) -> Iterator[None]:
    """Pillow's own limits are global: set them, and put them back for whoever shares the process."""
    before = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_MEMORY
    Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_MEMORY = limits.max_frame_pixels, 1 << 20
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_MEMORY = before


def read_picture(path: Path, limits: ChildLimits) -> Picture:
    """Decode a PNG or JPEG file; EXIF orientation is applied, then all metadata is dropped.

    Raises Refusal naming the rule. Pillow's warnings count as errors, so that a bomb ends here.
    """
    data = path.read_bytes()
    try:
        with _pillow_limits(limits), Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check(image, limits)
            kind = str(image.format)
            plain, familiar = _check_jpeg_size(data, image) if kind == "JPEG" else (False, False)
            turned = image.getexif().get(_EXIF_ORIENTATION, 1) not in (0, 1)
            frame = _to_frame(ImageOps.exif_transpose(image) if turned else image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refusal("intake-08", f"More than {limits.max_frame_pixels} pixels.") from error
    except DicomError as error:
        raise Refusal("intake-12", error.detail) from error
    except (OSError, ValueError, SyntaxError, TypeError, EOFError, Warning) as error:
        raise Refusal("intake-12", f"The decoder stopped with {type(error).__name__}.") from error
    if kind == "JPEG" and plain and familiar and not turned:
        return Picture(frame, untouched_jpeg(data), "as_in_file_jpeg", kind)
    return Picture(frame, png(frame), "png_lossless", kind)

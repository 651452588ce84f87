"""Pictures as they are stored, decoded when their turn comes and to no more than is needed.

A colour JPEG is decoded to Y, Cb and Cr as it holds them: Y is the grey picture, and Cb and Cr say whether a flow
overlay lies on it, which spares the way to RGB and back. The codec releases the interpreter, so that pictures of
several batches are decoded at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import imagecodecs
import numpy as np
from imagecodecs import DelayedImportError
from numpy.typing import NDArray

from inference.dicom.codestream import Codestream, jpeg_header
from inference.dicom.errors import DicomError
from inference.dicom.pixels import stored_as_ycbcr


@dataclass(frozen=True)
class Planes:
    """A decoded picture. ``pixels`` is uint8: (rows, columns) grey, (rows, columns, 3) RGB, or with ``ycbcr`` Y, Cb
    and Cr."""

    pixels: NDArray[Any]
    ycbcr: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns. Raises ValueError where the array is no picture."""
        if self.pixels.ndim not in (2, 3):
            raise ValueError(f"A frame is (rows, columns) or (rows, columns, 3); got the shape {self.pixels.shape}.")
        return int(self.pixels.shape[0]), int(self.pixels.shape[1])

    @property
    def shown(self) -> NDArray[Any]:
        """What is resampled: the grey picture (a view) where Y is at hand, else the pixels as they are."""
        return self.pixels[..., 0] if self.ycbcr else self.pixels


@runtime_checkable
class StoredPicture(Protocol):
    """A picture that is decoded when it is asked for."""

    def read(self) -> Planes:
        """Decode it. Raises ValueError (DicomError among them) where it cannot be."""
        ...


@dataclass(frozen=True)
class JpegPicture:
    """A JPEG picture of 8 bits: grey, YCbCr or RGB.

    ``header`` reads the header before the codec runs and raises where it contradicts what is known of the picture.
    ``photometric``, as DICOM names it, helps to tell whether three components hold YCbCr.
    """

    data: bytes
    header: Callable[[bytes], Codestream] = jpeg_header
    photometric: str = ""

    def read(self) -> Planes:
        """Decode it. Raises DicomError (rule "codestream" or "decode")."""
        header = self.header(self.data)
        try:
            if header.components == 1:
                return Planes(np.asarray(imagecodecs.jpeg8_decode(self.data)))
            if stored_as_ycbcr(header, self.photometric):
                pixels = imagecodecs.jpeg8_decode(self.data, colorspace="YCBCR", outcolorspace="YCBCR")
                return Planes(np.asarray(pixels), ycbcr=True)
            return Planes(np.asarray(imagecodecs.jpeg8_decode(self.data, colorspace="RGB", outcolorspace="RGB")))
        except DelayedImportError:
            raise
        except (RuntimeError, ValueError) as error:  # what imagecodecs raises for broken data
            raise DicomError("decode", f"The codec stopped with {type(error).__name__}.") from error


@dataclass(frozen=True)
class LazyPicture:
    """A picture of any other form; ``decode`` gives it as uint8 (rows, columns[, 3])."""

    decode: Callable[[], NDArray[np.uint8]]

    def read(self) -> Planes:
        """Decode it, with whatever ``decode`` raises."""
        return Planes(self.decode())


def planes_of(frame: Any) -> Planes:
    """The planes of a frame: an array, uint8 (rows, columns[, 3]), or a stored picture."""
    return frame.read() if isinstance(frame, StoredPicture) else Planes(np.asarray(frame))

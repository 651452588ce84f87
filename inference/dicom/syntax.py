"""The transfer syntaxes that are read and written (PS3.5 chapter 10 and Annex A), under short names."""

from __future__ import annotations

IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_LOSSLESS, JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"
JPEG_LS, JPEG_LS_NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS, JPEG_2000 = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
RLE = "1.2.840.10008.1.2.5"
NATIVE = (IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE)
COMPRESSED = (
    JPEG_BASELINE,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
    JPEG_LS_NEAR,
    JPEG_2000_LOSSLESS,
    JPEG_2000,
    RLE,
)
TRANSFER_SYNTAXES = (*NATIVE, *COMPRESSED)
DEFLATED = ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.8.1")
"""Refused: a megabyte can inflate to gigabytes before the first check."""


def is_native(transfer_syntax: str) -> bool:
    """True where pixels are not compressed."""
    return transfer_syntax in NATIVE

"""Writing ultrasound clips as real DICOM: US Multi-frame and, for one frame, US Image (PS3.3 A.7.4 and A.6).

Used by the phantom and by tests, so that every transfer syntax the reader knows can be made without foreign files.
A synthetic clip is marked in three standard places that de-identification keeps: Synthetic Data (0008,001C) = YES,
Content Qualification (0018,9004) = RESEARCH and the value SYNTHETIC in Image Type (0008,0008).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import RLELosslessEncoder
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import Tag
from pydicom.uid import UID

from inference.dicom.errors import DicomError
from inference.dicom.regions import FORMAT_2D, FORMAT_GRAPHICS, FORMAT_WAVEFORM, UNITS_CM, UsRegion
from inference.dicom.syntax import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    JPEG_2000,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
    JPEG_LS_NEAR,
    RLE,
    TRANSFER_SYNTAXES,
)
from inference.types import RegionBox

US_IMAGE = "1.2.840.10008.5.1.4.1.1.6.1"
US_MULTIFRAME = "1.2.840.10008.5.1.4.1.1.3.1"
_IMPLEMENTATION_UID = "2.25.302846293674028163847261940283746152839"
_KIND_CODES = {"ecg": (FORMAT_WAVEFORM, 0x0A), "depth_ruler": (FORMAT_GRAPHICS, 0), "colour_2d": (FORMAT_2D, 2)}

Frame = NDArray[np.uint8]


def _encode_rle(frame: Frame) -> bytes:
    colour = frame.ndim == 3

    return RLELosslessEncoder.encode(
        frame,
        rows=frame.shape[0],
        columns=frame.shape[1],
        number_of_frames=1,
        samples_per_pixel=3 if colour else 1,
        photometric_interpretation="RGB" if colour else "MONOCHROME2",
        bits_allocated=8,
        bits_stored=8,
        pixel_representation=0,
        planar_configuration=0,
    )


def _encode_lossless(predictor: int) -> Callable[[Frame], bytes]:
    def encode(frame: Frame) -> bytes:
        return bytes(imagecodecs.jpeg8_encode(frame, lossless=True, predictor=predictor, bitspersample=8))

    return encode


def _encode_jpegls(near: int) -> Callable[[Frame], bytes]:
    def encode(frame: Frame) -> bytes:
        room = bytearray(frame.nbytes * 2 + 4096)  # the codec's own estimate is too small for noise
        return bytes(imagecodecs.jpegls_encode(frame, near, out=room))

    return encode


def _encode_baseline(frame: Frame) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(frame, 92, subsampling="422" if frame.ndim == 3 else None))


def _encode_j2k(frame: Frame) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(frame, codecformat="j2k", reversible=True))


def _encode_j2k_lossy(frame: Frame) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(frame, level=45, codecformat="j2k", reversible=False))


_ENCODERS: dict[str, tuple[Callable[[Frame], bytes], str]] = {
    JPEG_BASELINE: (_encode_baseline, "YBR_FULL_422"),
    JPEG_LOSSLESS: (_encode_lossless(6), "RGB"),
    JPEG_LOSSLESS_SV1: (_encode_lossless(1), "RGB"),
    JPEG_LS: (_encode_jpegls(0), "RGB"),
    JPEG_LS_NEAR: (_encode_jpegls(2), "RGB"),
    JPEG_2000_LOSSLESS: (_encode_j2k, "YBR_RCT"),
    JPEG_2000: (_encode_j2k_lossy, "YBR_ICT"),
    RLE: (_encode_rle, "RGB"),
}


def region_item(region: RegionBox) -> Dataset:
    """One item of the Sequence of Ultrasound Regions (0018,6011); millimetres become centimetres per pixel."""
    kind = region.kind if isinstance(region, UsRegion) else "tissue_2d"
    spatial, data = _KIND_CODES.get(kind, (FORMAT_2D, 1))
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType = spatial, data
    item.RegionFlags = int(isinstance(region, UsRegion) and region.low_priority)
    item.RegionLocationMinX0, item.RegionLocationMinY0 = region.x0, region.y0
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = region.x1, region.y1
    calibrated = region.row_mm is not None and region.col_mm is not None
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = UNITS_CM if calibrated or kind == "depth_ruler" else 0
    item.PhysicalDeltaX = (region.col_mm or 0.0) / 10.0
    item.PhysicalDeltaY = (region.row_mm or 0.0) / 10.0
    return item


def _check(frames: NDArray[Any], frame_time_ms: float, transfer_syntax: str) -> None:
    if frames.dtype != np.uint8 or frames.ndim not in (3, 4) or (frames.ndim == 4 and frames.shape[3] != 3):
        raise DicomError(
            "write", "Frames must be uint8 of shape (frames, rows, columns) or (frames, rows, columns, 3)."
        )
    if 0 in frames.shape or max(frames.shape[1:3]) > 65_535:
        raise DicomError("write", "There must be at least one frame, and Rows and Columns from 1 to 65535.")
    if not (math.isfinite(frame_time_ms) and frame_time_ms > 0):
        raise DicomError(
            "write", "Frame time must be a finite number of milliseconds above 0.", "(0018,1063) FrameTime"
        )
    if transfer_syntax not in TRANSFER_SYNTAXES:
        raise DicomError("write", "The writer does not know this transfer syntax.", "(0002,0010) TransferSyntaxUID")


def _file_meta(sop_class: str, sop_uid: str, transfer_syntax: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(sop_uid)
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.ImplementationClassUID = UID(_IMPLEMENTATION_UID)
    meta.ImplementationVersionName = "PLAQUEWEB"
    return meta


def _describe_picture(ds: Dataset, frames: NDArray[np.uint8], photometric: str) -> None:
    colour = frames.ndim == 4
    ds.SamplesPerPixel = 3 if colour else 1
    ds.PhotometricInterpretation = photometric if colour else "MONOCHROME2"
    if colour:
        ds.PlanarConfiguration = 0
    ds.Rows, ds.Columns = int(frames.shape[1]), int(frames.shape[2])
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit, ds.PixelRepresentation = 7, 0


def _describe_clip(ds: Dataset, count: int, frame_time_ms: float, regions: Sequence[RegionBox]) -> None:
    if count > 1:
        ds.NumberOfFrames = count
        ds.FrameTime = f"{frame_time_ms:.6g}"
        ds.FrameIncrementPointer = Tag(0x0018, 0x1063)
        ds.CineRate = max(1, round(1000.0 / frame_time_ms))
    if regions:
        ds.SequenceOfUltrasoundRegions = DicomSequence([region_item(region) for region in regions])


def _mark(ds: Dataset, synthetic: bool) -> None:
    if synthetic:
        ds.ImageType = ["DERIVED", "PRIMARY", "TEE", "0001", "SYNTHETIC"]
        ds.SyntheticData = "YES"
        ds.ContentQualification = "RESEARCH"
    else:
        ds.ImageType = ["ORIGINAL", "PRIMARY", "TEE", "0001"]


def write_us_multiframe(
    path: Path | str,
    frames: NDArray[np.uint8],
    *,
    regions: Sequence[RegionBox],
    frame_time_ms: float,
    patient_id: str,
    patient_name: str,
    study_uid: str,
    series_uid: str,
    sop_uid: str,
    study_date: str,
    synthetic: bool = True,
    transfer_syntax: str = EXPLICIT_LE,
    extra: Dataset | None = None,
) -> None:
    """Write frames, uint8 (n, rows, columns) or (n, rows, columns, 3) in RGB, as an ultrasound DICOM file.

    ``regions`` carry millimetres per pixel; ``study_date`` is YYYYMMDD. One frame becomes a US Image, more a US
    Multi-frame Image. Colour in JPEG baseline is written as YBR_FULL_422. ``extra`` replaces or adds elements last.
    Raises DicomError (rule "write") when an argument cannot be written.
    """
    frames = np.ascontiguousarray(frames)
    _check(frames, frame_time_ms, transfer_syntax)
    sop_class = US_MULTIFRAME if len(frames) > 1 else US_IMAGE
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, sop_uid
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study_uid, series_uid
    ds.PatientID, ds.PatientName = patient_id, patient_name
    ds.PatientBirthDate = ds.PatientSex = ds.AccessionNumber = ds.StudyID = ds.ReferringPhysicianName = ""
    ds.StudyDate, ds.StudyTime = study_date, ""
    ds.Modality, ds.Manufacturer, ds.ManufacturerModelName = "US", "PlaqueWeb", "phantom" if synthetic else ""
    ds.SeriesNumber = ds.InstanceNumber = 1
    _mark(ds, synthetic)
    encoder, photometric = _ENCODERS.get(transfer_syntax, (None, "RGB"))
    _describe_picture(ds, frames, photometric)
    _describe_clip(ds, len(frames), frame_time_ms, regions)
    if encoder is None:
        data = frames.tobytes()
        ds.PixelData = data + b"\0" * (len(data) % 2)
    else:
        ds.PixelData = encapsulate([encoder(frame) for frame in frames])
        ds["PixelData"].is_undefined_length = True
    ds["PixelData"].VR = "OB"
    if transfer_syntax in (JPEG_BASELINE, JPEG_LS_NEAR, JPEG_2000):
        ds.LossyImageCompression = "01"
    if extra is not None:
        ds.update(extra)
    ds.file_meta = _file_meta(sop_class, sop_uid, transfer_syntax)
    ds.save_as(
        Path(path),
        enforce_file_format=True,
        implicit_vr=transfer_syntax == IMPLICIT_LE,
        little_endian=transfer_syntax != EXPLICIT_BE,
    )

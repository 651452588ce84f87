"""Small moving clips and the DICOM files made of them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from scipy.ndimage import gaussian_filter

from inference.dicom.write import write_us_multiframe
from inference.types import RegionBox

BOX = RegionBox(1, 8, 6, 71, 53, 0.3, 0.2, "us_region")


def moving_frames(count: int = 3, rows: int = 60, columns: int = 80, *, colour: bool = False) -> NDArray[np.uint8]:
    """Smooth noise that changes from frame to frame and is bright everywhere."""
    rng = np.random.default_rng(7)
    shape = (count, rows, columns, 3) if colour else (count, rows, columns)
    sigma = (0, 2, 2, 0) if colour else (0, 2, 2)
    return (gaussian_filter(rng.normal(size=shape), sigma) * 300 + 120).clip(1, 255).astype(np.uint8)


def write_clip(
    path: Path, frames: NDArray[np.uint8] | None = None, *, regions: Sequence[RegionBox] = (BOX,), **changes: Any
) -> Path:
    """A complete file; ``changes`` go to the writer."""
    arguments: dict[str, Any] = {
        "regions": list(regions),
        "frame_time_ms": 40.0,
        "patient_id": "HOSPITAL-4711",
        "patient_name": "Mustermann^Erika",
        "study_uid": "1.2.826.0.1.3680043.10.1",
        "series_uid": "1.2.826.0.1.3680043.10.2",
        "sop_uid": "1.2.826.0.1.3680043.10.3",
        "study_date": "20240315",
        "synthetic": False,
    }
    write_us_multiframe(path, moving_frames() if frames is None else frames, **{**arguments, **changes})
    return path


def overwrite_us(path: Path, group: int, element: int, value: int) -> None:
    """Put another 16-bit value into an explicit little endian file without any check of a writer."""
    data = bytearray(path.read_bytes())
    head = struct.pack("<HH", group, element) + b"US" + struct.pack("<H", 2)
    at = data.index(head, 132)
    data[at + 8 : at + 10] = struct.pack("<H", value)
    path.write_bytes(bytes(data))


def with_elements(path: Path, **values: Any) -> Path:
    """Set elements of a written file; None deletes."""
    ds = pydicom.dcmread(path)
    for keyword, value in values.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    ds.save_as(path)
    return path


def region_dataset(**changes: Any) -> Dataset:
    """One calibrated item of the region sequence."""
    item = Dataset()
    values: dict[str, Any] = {
        "RegionSpatialFormat": 1,
        "RegionDataType": 1,
        "RegionFlags": 0,
        "RegionLocationMinX0": 10,
        "RegionLocationMinY0": 20,
        "RegionLocationMaxX1": 109,
        "RegionLocationMaxY1": 99,
        "PhysicalUnitsXDirection": 3,
        "PhysicalUnitsYDirection": 3,
        "PhysicalDeltaX": 0.02,
        "PhysicalDeltaY": 0.03,
    }
    for keyword, value in {**values, **changes}.items():
        if value is not None:
            setattr(item, keyword, value)
    return item


def header_with(*items: Dataset, **values: Any) -> Dataset:
    ds = Dataset()
    ds.SequenceOfUltrasoundRegions = list(items)
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds

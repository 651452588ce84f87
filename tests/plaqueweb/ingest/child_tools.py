"""Shared by the tests of the intake child."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from plaqueweb.ingest.bundle import read_bundle
from plaqueweb.ingest.child import Request, take_file
from plaqueweb.ingest.report import ChildLimits, IntakeReport

KEY = b"a key of the project, 32 bytes.."


def take(path: Path, limits: ChildLimits | None = None, key: bytes = KEY) -> IntakeReport:
    """Read one file in this process, as the child would."""
    out_dir = path.with_name(path.name + ".out")
    out_dir.mkdir(exist_ok=True)
    return take_file(Request(path, out_dir, key, limits or ChildLimits()))


def stored_frames(report: IntakeReport) -> list[NDArray[np.uint8]]:
    """The frames of a report's bundle, decoded by Pillow as a browser would."""
    return [np.asarray(Image.open(io.BytesIO(data))) for data in read_bundle(Path(report.bundle))]


def outside(shape: Sequence[int], x0: int, y0: int, x1: int, y1: int) -> NDArray[np.bool_]:
    """True outside an inclusive box."""
    mask = np.ones(shape[:2], dtype=np.bool_)
    mask[y0 : y1 + 1, x0 : x1 + 1] = False
    return mask

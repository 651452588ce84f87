"""The words that every part of the library shares. Plain numpy: importing this module never loads torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

View = Literal["SAX", "LAX", "oblique", "unknown"]
RegionSource = Literal["us_region", "manual", "none"]
Spacing = tuple[float, float]
"""Millimetres per pixel as (row, column): down the picture first, then across."""
Point = tuple[float, float]
"""A place in the source picture as (x, y) = (column, row), in pixels."""

Answer = Literal["yes", "no", "cannot tell"]
"""Answer to a question about a plaque. "cannot tell" is an answer: missing is not negative."""
REASONS: tuple[str, ...] = ("thickness", "ulceration", "mobile")
"""What can make a plaque complex by the default label rule, as far as pictures show it."""


class NoResult(StrEnum):
    """Why there is no class (``no_result``) or no thickness in mm (``no_thickness``)."""

    NO_AORTA = "no aorta"
    COLOUR = "colour"
    POOR_QUALITY = "poor quality"
    NO_SCALE = "no scale"
    OUT_OF_DISTRIBUTION = "out of distribution"
    FAILED = "failed"


VIEWS: tuple[View, ...] = ("SAX", "LAX", "oblique", "unknown")
BACKGROUND, LUMEN, WALL, PLAQUE = 0, 1, 2, 3
"""Labels of the segmenter and of the phantom. Plaque reaches from the lumen edge to the outer edge of the wall."""


@dataclass(frozen=True)
class RegionBox:
    """A part of the picture with its own calibration.

    ``x0, y0, x1, y1`` is an inclusive box in columns and rows, as in the DICOM Sequence of Ultrasound Regions
    (0018,6011). ``row_mm`` and ``col_mm`` are millimetres per pixel down and across; None means that only pixels
    can be given, never a guessed millimetre.
    """

    number: int
    x0: int
    y0: int
    x1: int
    y1: int
    row_mm: float | None = None
    col_mm: float | None = None
    source: RegionSource = "none"
    valid: bool = True
    reason: str = ""
    view: View = "unknown"

    @property
    def spacing(self) -> Spacing | None:
        """(row_mm, col_mm), or None where the region is invalid or not calibrated."""
        if not self.valid or self.row_mm is None or self.col_mm is None:
            return None
        return (self.row_mm, self.col_mm)

    @property
    def rows(self) -> int:
        return self.y1 - self.y0 + 1

    @property
    def columns(self) -> int:
        return self.x1 - self.x0 + 1


def rle_encode(mask: NDArray[Any]) -> list[int]:
    """Run lengths of a two-dimensional mask, row by row, the run of zeros first (it may be 0 long).

    Raises ValueError when ``mask`` is not two-dimensional.
    """
    array = np.asarray(mask)
    if array.ndim != 2:
        raise ValueError(f"A mask has two dimensions (rows, columns); this one has {array.ndim}.")
    flat = (array if array.dtype == np.bool_ else array != 0).ravel()
    if flat.size == 0:
        return []
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate(([0], changes, [flat.size]))
    runs: list[int] = np.diff(edges).tolist()
    return [0, *runs] if flat[0] else runs


def rle_decode(rle: Iterable[int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask of shape ``size`` = (rows, columns) from its run lengths.

    Raises ValueError, naming the rule, when a run is negative or no whole number, or when the runs do not fill
    the picture exactly.
    """
    rows, cols = int(size[0]), int(size[1])
    if rows < 0 or cols < 0:
        raise ValueError("The size of a mask is (rows, columns), neither below zero.")
    given = list(rle)
    if any(kind is bool or not issubclass(kind, (int, np.integer)) for kind in set(map(type, given))):
        raise ValueError("Run lengths must be whole numbers.")
    if given and min(given) < 0:
        raise ValueError("Run lengths must not be negative.")
    total = sum(map(int, given))
    if total != rows * cols:
        raise ValueError(f"Run lengths must add up to rows x columns = {rows * cols}; they add up to {total}.")
    runs = np.asarray(given, dtype=np.int64)
    values = np.zeros(runs.size, dtype=np.bool_)
    values[1::2] = True
    return np.repeat(values, runs).reshape(rows, cols)


@dataclass(frozen=True)
class Thickness:
    """One measured thickness.

    ``mm`` is None without calibration; ``px`` is the length of the chord in source pixels. ``method`` is
    "wall-normal", "wall-normal (circle fitted)", "depth", "inscribed (no outline)" or "none". ``chord`` holds the
    end points (lumen edge, outer edge) in source pixels. ``profile_mm`` holds the thickness along the wall, in mm
    (in pixels without calibration).
    """

    mm: float | None
    px: float | None
    method: str
    chord: tuple[Point, Point] | None = None
    profile_mm: tuple[float, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class LesionResult:
    """One plaque of a clip, followed over its frames. Lengths in mm (None without calibration), frames from 1.

    ``thickness_*``, ``chord`` and ``area_*`` belong to the key frame. ``angle`` (radians) is where the plaque's middle
    lies around the aorta's centre: 0 is picture right, growing clockwise. ``extent_mm`` is its length along the outer
    wall, ``extent_share`` the same as a share of the circumference (short axis only). ``protrusion_mm`` is how far it
    reaches into the lumen from the outer wall, thin mobile parts included. ``*_sd_mm`` are standard errors.
    ``echogenicity_db`` is relative to the wall and tissue around, ``calcified_share`` and ``shadow_share`` are shares
    (0..1) of the plaque's area and extent. ``reasons`` answers each of ``REASONS``.
    """

    number: int
    key_frame: int
    frames: tuple[int, ...]
    thickness_mm: float | None
    thickness_px: float | None
    thickness_method: str
    chord: tuple[Point, Point] | None
    area_mm2: float | None
    area_px: int
    extent_mm: float | None = None
    extent_share: float | None = None
    angle: float | None = None
    protrusion_mm: float | None = None
    mobility_mm: float | None = None
    mobility_sd_mm: float | None = None
    mobility_frames: tuple[int, ...] = ()
    ulcer_depth_mm: float | None = None
    ulcer_width_mm: float | None = None
    ulcer_sd_mm: float | None = None
    echogenicity_db: float | None = None
    calcified_share: float | None = None
    shadow_share: float | None = None
    reasons: dict[str, Answer] = field(default_factory=dict)


@dataclass(frozen=True)
class FrameResult:
    """What the model says about one frame. Frames are numbered from 1. Masks are row-major RLE on the source grid.

    ``wall_rle`` is the rest within the outer wall: lumen, wall and plaque together are the whole aorta. A frame with
    ``no_result`` does not enter the clip's result; its probability is what the classifier put out all the same.
    ``no_thickness`` says why there is no thickness in mm. ``quality`` is 0..1.
    """

    frame: int
    probability_complex: float
    plaque_area_px: int
    plaque_area_mm2: float | None
    max_thickness_mm: float | None
    max_thickness_px: float | None
    lumen_area_px: int
    plaque_rle: list[int] = field(repr=False)
    lumen_rle: list[int] = field(repr=False)
    wall_rle: list[int] = field(repr=False)
    chord: tuple[Point, Point] | None = None
    reason: str = ""
    no_result: NoResult | None = None
    no_thickness: NoResult | None = None
    quality: float | None = None
    thickness_method: str = "none"


@dataclass(frozen=True)
class ClipResult:
    """What the model says about one clip.

    With ``no_result`` there is neither probability nor class. Without calibration the class stays ("classifier only")
    and ``no_thickness`` says "no scale". ``flags`` are warnings that leave the result standing. ``area_ratio`` is
    plaque / aorta and ``arc_share`` the share of the circumference with plaque, both robust maxima over the frames and
    for short-axis views only. ``thickness_sd_mm``, ``area_sd_mm2`` and ``probability_sd`` are standard uncertainties.
    ``small_pieces`` is the greatest number of pieces below 2 mm2 in a frame, which count as no plaque.
    ``outputs`` names what was switched on, ``engine`` what the networks ran on.
    """

    frames: int
    rows: int
    columns: int
    region: RegionBox | None
    spacing_mm: Spacing | None
    probability_complex: float | None
    predicted_class: int | None
    rule_verdict: int | None
    max_thickness_mm: float | None
    key_frame: int | None
    key_chord: tuple[Point, Point] | None
    thickness_method: str
    max_plaque_area_mm2: float | None
    max_plaque_area_px: int
    reason: str
    per_frame: list[FrameResult] = field(repr=False)
    device: str = "cpu"
    seconds: float = 0.0
    no_result: NoResult | None = None
    no_thickness: NoResult | None = None
    flags: tuple[str, ...] = ()
    lesions: tuple[LesionResult, ...] = ()
    thickness_sd_mm: float | None = None
    area_sd_mm2: float | None = None
    probability_sd: float | None = None
    area_ratio: float | None = None
    arc_share: float | None = None
    protrusion_mm: float | None = None
    ood_score: float | None = None
    quality: float | None = None
    gated_frames: int = 0
    small_pieces: int = 0
    engine: str = ""
    outputs: tuple[str, ...] = ()

    def as_dict(self, *, masks: bool = False) -> dict[str, Any]:
        """JSON-ready values; run lengths only with ``masks``."""
        data = asdict(self)
        if not masks:
            for row in data["per_frame"]:
                for name in ("plaque_rle", "lumen_rle", "wall_rle"):
                    row.pop(name)
        return data


@dataclass(frozen=True)
class StudyResult:
    """What the model says about one study: the maximum over its clips that have a result."""

    probability_complex: float | None
    predicted_class: int | None
    rule_verdict: int | None
    max_thickness_mm: float | None
    max_plaque_area_mm2: float | None
    key_clip: int | None
    key_frame: int | None
    reason: str
    clips: Sequence[ClipResult] = field(repr=False, default=())
    no_result: NoResult | None = None
    no_thickness: NoResult | None = None
    flags: tuple[str, ...] = ()

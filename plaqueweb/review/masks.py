"""Masks of reads and predictions on the source grid, decoded once and compared frame by frame."""

from __future__ import annotations

import gzip
import json
import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.types import rle_decode
from plaqueweb.core.storage import read_all
from plaqueweb.predictions.models import ClipPrediction
from plaqueweb.reads.choices import Extent
from plaqueweb.reads.models import FrameAnnotation, FrameMask
from plaqueweb.studies.models import Clip, Region

Mask = NDArray[np.bool_]
Place = tuple[uuid.UUID, int, int]
"""Clip, frame (from 1), region."""
DECLARED = frozenset({Extent.ALL_MARKED, Extent.NO_PLAQUE})
"""Extents on which a frame without a mask means "no plaque here"; every other frame is unknown."""


@dataclass(frozen=True)
class MarkedFrame:
    """What a read holds on one frame and region; pixels are made once, on demand.

    ``runs`` are the run lengths of each lesion on a grid of ``size``, ``shape`` is the picture's, both (rows, columns).
    """

    place: Place
    extent: str
    runs: dict[int, list[int]]
    size: tuple[int, int]
    outline: list[list[float]] | None
    shape: tuple[int, int]
    erased: bool = False

    @property
    def declared(self) -> bool:
        """Tell whether the reader said that everything here is marked. Once a mask was erased nobody knows any more."""
        return self.extent in DECLARED and not self.erased

    @property
    def known(self) -> bool:
        """Tell whether an area can be given: something is marked, or the reader said that nothing is."""
        return bool(self.runs) or self.declared

    @cached_property
    def lesions(self) -> dict[int, Mask]:
        """The mask of each lesion by number, for reading only."""
        return {number: _fixed(rle_decode(runs, self.size)) for number, runs in self.runs.items()}

    @cached_property
    def plaque(self) -> Mask:
        """All lesions together, shape (rows, columns), for reading only."""
        masks = list(self.lesions.values())
        return masks[0] if len(masks) == 1 else _union(masks, self.shape)

    @cached_property
    def area_px(self) -> int:
        """Pixels of all lesions together."""
        return int(np.count_nonzero(self.plaque))


def _fixed(mask: Mask) -> Mask:
    """Several answers share one decoded mask, so nobody may write on it."""
    mask.setflags(write=False)
    return mask


def _union(masks: Iterable[Mask], shape: tuple[int, int]) -> Mask:
    union = np.zeros(shape, dtype=np.bool_)
    for mask in masks:
        union |= mask
    return _fixed(union)


def lesion_runs(row: FrameMask) -> dict[int, list[int]]:
    """Return the run lengths of one frame by lesion number; empty once they were erased."""
    if row.rle is None:
        return {}
    stored = json.loads(zlib.decompress(bytes(row.rle)))
    return {int(number): value["rle"] if isinstance(value, dict) else value for number, value in stored.items()}


def marked_frames(annotations: Iterable[FrameAnnotation]) -> dict[Place, MarkedFrame]:
    """Return a read's frames that carry a mask, an outline or an extent; ``clip`` and ``mask`` should be joined."""
    out: dict[Place, MarkedFrame] = {}
    for row in annotations:
        mask: FrameMask | None = getattr(row, "mask", None)
        place = (row.clip_id, row.frame, row.region)
        runs = lesion_runs(mask) if mask is not None else {}
        if runs or row.outline or row.extent:
            shape = (row.clip.rows, row.clip.columns)
            size = (mask.rows, mask.columns) if mask is not None else shape
            erased = mask is not None and mask.rle is None
            out[place] = MarkedFrame(place, row.extent, runs, size, row.outline, shape, erased)
    return out


@dataclass
class ModelMasks:
    """The masks of one prediction, opened clip by clip on demand.

    ``plaque`` and ``aorta`` (lumen, wall and plaque together) have the shape (rows, columns) of the source picture.
    """

    rows: dict[uuid.UUID, list[ClipPrediction]]
    _open: dict[uuid.UUID, list[dict[str, Any]]] = field(default_factory=dict)
    _made: dict[tuple[uuid.UUID, int, tuple[str, ...]], Mask | None] = field(default_factory=dict)

    @classmethod
    def of(cls, parts: Iterable[ClipPrediction]) -> ModelMasks:
        """Group the parts of a prediction by clip; ``masks`` should be joined."""
        grouped: dict[uuid.UUID, list[ClipPrediction]] = {}
        for part in parts:
            if part.no_result_reason:  # its masks are empty because nothing was found, not because there is no plaque
                continue
            grouped.setdefault(part.clip_id, []).append(part)
        return cls(grouped)

    def plaque(self, clip: uuid.UUID, frame: int) -> Mask | None:
        """Return the plaque on a frame, for reading only, or None where the model gave no result on the clip."""
        return self._once(clip, frame, ("plaque",))

    def aorta(self, clip: uuid.UUID, frame: int) -> Mask | None:
        """Return everything within the outer wall on a frame, for reading only, or None without a result."""
        return self._once(clip, frame, ("plaque", "lumen", "wall"))

    def knows_wall(self, clip: uuid.UUID, frame: int) -> bool:
        """Tell whether the bare wall was stored too; without it the outer wall is known only where plaque is."""
        return any("wall" in stored["frames"].get(str(frame), {}) for stored in self._objects(clip))

    def plaque_runs(self, clip: uuid.UUID, region: int) -> tuple[tuple[int, int], dict[int, list[int]]] | None:
        """Return size and run lengths of the plaque by frame in one region, undecoded; None without a result there."""
        for row, stored in zip(self._stored(clip), self._objects(clip), strict=True):
            if row.region_number == region:
                runs = {int(frame): found["plaque"] for frame, found in stored["frames"].items() if found.get("plaque")}
                return (int(stored["size"][0]), int(stored["size"][1])), runs
        return None

    def _stored(self, clip: uuid.UUID) -> list[ClipPrediction]:
        return [part for part in self.rows.get(clip, []) if part.masks is not None]

    def _objects(self, clip: uuid.UUID) -> list[dict[str, Any]]:
        if clip not in self._open:
            rows = [part.masks for part in self._stored(clip)]
            self._open[clip] = [json.loads(gzip.decompress(read_all(row))) for row in rows if row is not None]
        return self._open[clip]

    def _once(self, clip: uuid.UUID, frame: int, names: tuple[str, ...]) -> Mask | None:
        key = (clip, frame, names)
        if key not in self._made:
            self._made[key] = self._decode(clip, frame, names)
        return self._made[key]

    def _decode(self, clip: uuid.UUID, frame: int, names: tuple[str, ...]) -> Mask | None:
        size: tuple[int, int] | None = None
        masks: list[Mask] = []
        for stored in self._objects(clip):
            size = (int(stored["size"][0]), int(stored["size"][1]))
            found = stored["frames"].get(str(frame), {})
            masks += [rle_decode(found[name], size) for name in names if found.get(name)]
        if size is None:
            return None
        return _fixed(masks[0]) if len(masks) == 1 else _union(masks, size)


def within(mask: Mask, region: Region | None) -> Mask:
    """Keep what lies in a region's box (inclusive); everything where there is no region."""
    if region is None:
        return mask
    kept = np.zeros_like(mask)
    box = np.s_[region.y0 : region.y1 + 1, region.x0 : region.x1 + 1]
    kept[box] = mask[box]
    return kept


def region_of(clip: Clip, number: int) -> Region | None:
    """Return a clip's region by number from its prefetched regions."""
    return next((row for row in clip.regions.all() if row.number == number), None)


def area(pixels: int, region: Region | None) -> tuple[int, float | None]:
    """Return an area as (pixels, mm²); mm² is None without a scale."""
    spacing = region.spacing if region else None
    return pixels, None if spacing is None else pixels * spacing[0] * spacing[1]


def polygon_mask(points: list[list[float]], shape: tuple[int, int]) -> Mask:
    """Return the pixels whose centre lies within a closed polygon of (x, y) points, even-odd, shape (rows, columns).

    Every edge turns over what lies right of its crossing with a row's centre line; a pixel turned over an odd number of
    times lies within.
    """
    rows, columns = shape
    if len(points) < 3:
        return np.zeros(shape, dtype=np.bool_)
    corners = np.asarray(points, dtype=np.float64)
    nexts = np.roll(corners, -1, axis=0)
    low, high = np.minimum(corners[:, 1], nexts[:, 1]), np.maximum(corners[:, 1], nexts[:, 1])
    first = np.clip(np.ceil(low - 0.5), 0, rows).astype(np.int64)  # a row counts from low ≤ centre
    last = np.clip(np.ceil(high - 0.5), 0, rows).astype(np.int64)  # to centre < high
    counts = np.maximum(last - first, 0)
    edge = np.repeat(np.arange(len(corners)), counts)
    row = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    (x0, y0), (x1, y1) = corners[edge].T, nexts[edge].T
    at = x0 + (row + 0.5 - y0) * (x1 - x0) / (y1 - y0)
    column = np.clip(np.floor(at - 0.5) + 1, 0, columns).astype(np.int64)
    inside = np.zeros(shape, dtype=np.bool_)
    if not len(row):
        return inside
    top, bottom = int(row.min()), int(row.max()) + 1
    turns = np.bincount((row - top) * (columns + 1) + column, minlength=(bottom - top) * (columns + 1))
    odd = (turns % 2).astype(np.bool_).reshape(bottom - top, columns + 1)
    inside[top:bottom] = np.logical_xor.accumulate(odd, axis=1)[:, :columns]
    return inside

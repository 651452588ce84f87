"""How much two sides' plaque overlaps, frame by frame. Only frames about which both said something are compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inference import metrics
from plaqueweb.review.masks import Place
from plaqueweb.review.sides import ModelSide, Side, marks_of


@dataclass(frozen=True)
class FrameDice:
    """Dice of left and right on one frame; ``value`` is None where both are empty.

    ``declared``: both said that all plaque of the frame is marked (a model always does). Areas are in pixels.
    """

    place: Place
    value: float | None
    declared: bool
    left_px: int
    right_px: int


def frame_dice(left: Side, right: Side) -> list[FrameDice]:
    """Compare two sides, in clip and frame order. Where a clip has several regions, each is compared by itself."""
    if isinstance(left, ModelSide) and isinstance(right, ModelSide):
        return list(_model_dice(left, right))
    marked = marks_of(left) or marks_of(right)
    out: list[FrameDice] = []
    for place in marked.places if marked is not None else []:
        mine, theirs = left.plaque(place), right.plaque(place)
        if mine is None or theirs is None or mine.shape != theirs.shape:
            continue
        declared = left.declared(place) and right.declared(place)
        areas = int(np.count_nonzero(mine)), int(np.count_nonzero(theirs))
        out.append(FrameDice(place, metrics.dice(mine, theirs), declared, *areas))
    return out


def _model_dice(left: ModelSide, right: ModelSide) -> Iterator[FrameDice]:
    """Two models marked every frame: from run lengths alone, without a pixel, or hundreds of frames would take long."""
    for clip in left.clips:
        for region in sorted({row.number for row in clip.regions.all()} or {1}):
            mine, theirs = left.masks.plaque_runs(clip.pk, region), right.masks.plaque_runs(clip.pk, region)
            if mine is None or theirs is None or mine[0] != theirs[0]:
                continue
            for frame in range(1, clip.frames + 1):
                a, b, both = overlap_px(mine[1].get(frame, ()), theirs[1].get(frame, ()))
                value = 2 * both / (a + b) if a + b else None
                yield FrameDice((clip.pk, frame, region), value, True, a, b)


def overlap_px(a: Sequence[int], b: Sequence[int]) -> tuple[int, int, int]:
    """Return the pixels of ``a``, of ``b`` and of both, from run lengths (zero run first) of one picture size."""
    size_a, size_b = sum(a[1::2]), sum(b[1::2])
    if not size_a or not size_b:
        return size_a, size_b, 0
    edges = np.cumsum(np.asarray(a, dtype=np.int64))
    starts, ends = edges[0::2][: len(a) // 2], edges[1::2]
    # Pixels of b before a place: flat over its runs of zeros, rising by one a pixel over its runs of ones.
    places = np.concatenate(([0], np.cumsum(np.asarray(b, dtype=np.int64))))
    ones = np.asarray(b, dtype=np.int64).copy()
    ones[0::2] = 0
    before = np.concatenate(([0], np.cumsum(ones)))
    both = np.interp(ends, places, before).sum() - np.interp(starts, places, before).sum()
    return size_a, size_b, round(float(both))

"""Surface and texture of one plaque over a clip: ulcer depth and width, echogenicity, calcified and shadowed share.

Ulcer. S(u) is how far anything but blood reaches inward from the outer wall at the place u along it, the median over
the clip's frames. E = closing of S over the wall with a flat window of ``WINDOW_MM`` (greatest value around every
place, then the least of these): the surface without dents narrower than the window. Depth = max(E - S) over the plaque,
in mm; width = length of wall around it where E - S is more than half of that. Error = 1.4826 x MAD over the frames of
the depth at that place, divided by the root of their number. Source: the closing is Serra's (1982); "ulceration" as a
dent in the surface follows the usual reading of transesophageal echo; the limits below were set on phantoms.

Texture. Display grey is no calibrated echo level. Differences of grey are given as dB under a nominal display range of
60 dB over 255 levels: good for ranking plaques under one setting, not for comparing machines.
Echogenicity = (median grey of plaque - median grey of the ground around the aorta) x 60/255.
Calcified share = share of the plaque's rays whose brightest grey lies 12 nominal dB above the plaque's median.
Shadowed share = share of the plaque's rays (where the beam leaves the aorta) behind which the ground is darker by 10
nominal dB than behind the rest of the wall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.profiles import FrameProfile
from inference.types import Answer

Floats = NDArray[np.float64]
Rays = NDArray[np.bool_]
WINDOW_MM = 4.0
ULCER_DEPTH_MM = 1.2
ULCER_WIDTH_MM = 0.6
LEAST_FRAMES = 3
_DB_PER_LEVEL = 60.0 / 255.0
_CALCIFIED_DB, _SHADOW_DB = 12.0, 10.0


@dataclass(frozen=True)
class Ulcer:
    """Depth, width and standard error in mm (pixels without calibration), and the answer."""

    depth: float | None
    width: float | None
    error: float | None
    answer: Answer


def ulcer_of(frames: Sequence[FrameProfile], rays: Rays, calibrated: bool, unit: float = 1.0) -> Ulcer:
    """The deepest narrow dent in a plaque's surface; ``rays`` say where it lies, ``unit`` is one (nominal) mm."""
    if len(frames) < LEAST_FRAMES or rays.sum() < 3:
        return Ulcer(None, None, None, "cannot tell")
    solid = np.array([frame.solid for frame in frames], dtype=np.float64)
    arc = float(np.mean([frame.arc.mean() for frame in frames]))
    typical = _middle(solid, rays)
    # A crater down to the bare wall cuts a plaque in two: what lies between them belongs to both.
    size = 2 * round(WINDOW_MM * unit / max(arc, 1e-9)) + 1
    look = rays | (ndimage.maximum_filter1d(rays, size, mode="wrap") & (typical > 0))
    dent = np.where(look, closed(typical, arc, WINDOW_MM * unit) - typical, 0.0)
    at = int(dent.argmax())
    depth = float(dent[at])
    width = _run(dent > 0.5 * depth, at) * arc if depth > 0 else 0.0
    rows = solid[solid[:, at] > 0]
    each = closed(rows, arc, WINDOW_MM * unit)[:, at] - rows[:, at]
    error = 1.4826 * float(np.median(np.abs(each - np.median(each)))) / np.sqrt(len(each)) if each.size else 0.0
    if not calibrated:
        return Ulcer(depth, width, error, "cannot tell")
    answer: Answer = "yes" if depth >= ULCER_DEPTH_MM and width >= ULCER_WIDTH_MM else "no"
    return Ulcer(depth, width, error, answer)


def _middle(solid: Floats, rays: Rays) -> Floats:
    """Median over the frames in which something was found at a ray; gaps (bare wall not measured) are bridged."""
    number = (solid > 0).sum(axis=0)
    some = number >= max(1, solid.shape[0] // 4)
    out = np.zeros(solid.shape[1])
    if some.any():
        # The median of what is above zero: the middle of the last ones of a sorted column.
        ordered, first, ray = np.sort(solid, axis=0), solid.shape[0] - number[some], np.flatnonzero(some)
        low, high = (ordered[first + (number[some] - less) // 2, ray] for less in (1, 0))
        out[some] = (low + high) / 2
        lacking = rays & ~some
        out[lacking] = np.interp(np.flatnonzero(lacking), np.flatnonzero(some), out[some], period=out.size)
    return out


def closed(profile: Floats, arc: float, window: float) -> Floats:
    """Closing of closed profiles (..., rays) with a flat window of this length of wall."""
    size = max(3, 2 * round(window / max(arc, 1e-9) / 2) + 1)
    return np.asarray(ndimage.minimum_filter1d(ndimage.maximum_filter1d(profile, size, mode="wrap"), size, mode="wrap"))


def _run(mask: Rays, at: int) -> int:
    """Length of the run of True around ``at`` on a closed line."""
    if mask.all():
        return mask.size
    right = int(np.argmin(np.roll(mask, -at)))
    left = int(np.argmin(np.roll(mask, -at - 1)[::-1]))
    return right + left - 1


@dataclass(frozen=True)
class Texture:
    """Echogenicity in nominal dB, shares 0..1; None where the picture was not given or shows none of it."""

    echogenicity_db: float | None
    calcified_share: float | None
    shadow_share: float | None


def texture_of(frames: Sequence[FrameProfile], rays: Sequence[Rays]) -> Texture:
    """Echogenicity, calcified and shadowed share: medians over the frames that came with their picture."""
    shown = [(frame, mine) for frame, mine in zip(frames, rays, strict=True) if frame.grey and mine.any()]
    # A dozen frames spread over the loop tell as much as all of them.
    rows = [_texture(frame, mine) for frame, mine in shown[:: max(1, len(shown) // 12)]]
    return Texture(*(_median([row[n] for row in rows]) for n in range(3)))


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _halfway(values: NDArray[np.float32]) -> float:
    """The median of some values that are numbers; numpy's own costs ten times as much on a hundred of them."""
    ordered, half = np.sort(values), values.size // 2
    return float(ordered[half] if values.size % 2 else (ordered[half - 1] + ordered[half]) / 2)


def _texture(frame: FrameProfile, rays: Rays) -> tuple[float | None, float | None, float | None]:
    plaque, bright, behind = frame.grey["plaque"][rays], frame.grey["bright"][rays], frame.grey["behind"]
    seen = np.isfinite(plaque)
    ground = frame.grey["outside"]
    ground = ground[np.isfinite(ground) & (ground > 0)]
    if not seen.any() or ground.size == 0:
        return None, None, None
    middle = _halfway(plaque[seen])
    echogenicity = (middle - _halfway(ground)) * _DB_PER_LEVEL
    calcified = float(np.mean(bright[seen] >= middle + _CALCIFIED_DB / _DB_PER_LEVEL))
    rest = behind[~rays & np.isfinite(behind) & (behind > 0)]
    mine = behind[rays & np.isfinite(behind)]
    if rest.size < 8 or mine.size < 3:
        return echogenicity, calcified, None
    return echogenicity, calcified, float(np.mean(mine <= _halfway(rest) - _SHADOW_DB / _DB_PER_LEVEL))

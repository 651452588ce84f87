"""How far the free part of a plaque moves against its wall over a clip.

Definition: the head (the middle of the outermost 1.5 mm of what stands free in the lumen) is followed relative to the
outer wall at the plaque's foot, so that sway and pulsation of the aorta drop out. Mobility is the robust range
(95th minus 5th percentile) of its place along its main direction of movement, in mm; a plaque without a free part is
followed by the middle of its inner surface. Its standard error comes from the wall itself: how much the outer wall at
the foot jumps from frame to frame after its smooth movement is taken away.

Source: mobile components as reasons for "complex" (French Study of Aortic Plaques in Stroke, 1996; Montgomery 1996);
the range statistic is this library's own and is judged on phantoms only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.profiles import FrameProfile, FreePart
from inference.types import Answer
from inference.walls import directions

Floats = NDArray[np.float64]
LEAST_FRAMES = 6
"""Fewer frames than this show no motion worth a no."""
LEAST_FREE_SHARE = 0.25
LEAST_RANGE_MM = 1.5
_NEAR_DEGREES = 15


@dataclass(frozen=True)
class Motion:
    """``range`` and ``error`` in mm (pixels without calibration), the frames with a free part, and the answer."""

    range: float | None
    error: float | None
    frames: tuple[int, ...]
    answer: Answer


def free_part_of(profile: FrameProfile, rays: NDArray[np.bool_]) -> FreePart | None:
    """The largest free part whose foot stands on these rays, or within 15 degrees of them; None without one."""
    if not profile.free:
        return None
    reach = max(1, round(rays.size * _NEAR_DEGREES / 360))
    around = np.arange(-reach, reach + 1)
    return next((part for part in profile.free if rays[(part.ray + around) % rays.size].any()), None)


def motion_of(frames: Sequence[FrameProfile], rays: Sequence[NDArray[np.bool_]], calibrated: bool) -> Motion:
    """Mobility of one plaque from the frames that show it; ``rays`` say where it lies in each of them."""
    parts = [free_part_of(frame, mine) for frame, mine in zip(frames, rays, strict=True)]
    shown = [(frame, part) for frame, part in zip(frames, parts, strict=True) if part is not None]
    numbers = tuple(frame.frame for frame, _ in shown)
    if len(frames) < LEAST_FRAMES:
        return Motion(None, None, numbers, "cannot tell")
    free = len(shown) >= max(3, LEAST_FREE_SHARE * len(frames))
    if free:
        foot = _middle_ray(np.array([part.ray for _, part in shown]), frames[0].radius.size)
        places = np.array([part.head for _, part in shown]) - _walls_at([frame for frame, _ in shown], foot)
    else:
        foot = _middle_ray(np.concatenate([np.flatnonzero(mine) for mine in rays]), frames[0].radius.size)
        places = _surfaces(frames, np.stack(rays)) - _walls_at(frames, foot)
    moved, error = _range(places), _wall_error(frames, foot)
    if not calibrated:
        return Motion(moved, error, numbers, "cannot tell")
    answer: Answer = "yes" if free and moved >= max(LEAST_RANGE_MM, 3 * error) else "no"
    return Motion(moved, error, numbers, answer)


def _middle_ray(rays: NDArray[np.integer], count: int) -> int:
    """Circular mean of ray numbers."""
    angle = 2 * np.pi * rays / count
    return int(np.rint(np.arctan2(np.sin(angle).mean(), np.cos(angle).mean()) / (2 * np.pi) * count)) % count


def _walls_at(frames: Sequence[FrameProfile], ray: int) -> Floats:
    """The outer wall of each frame (n, 2) at a ray, from the aorta's centre; the mean over five rays against the
    outline's own unrest."""
    count = frames[0].radius.size
    around = (ray + np.arange(-2, 3)) % count
    radius = np.stack([frame.radius[around] for frame in frames]).mean(axis=1)
    return np.asarray(radius.astype(np.float64)[:, None] * directions(count)[ray])


def _surfaces(frames: Sequence[FrameProfile], rays: NDArray[np.bool_]) -> Floats:
    """Middle of the plaque's inner surface in each frame (n, 2), weighted by its thickness, from the aorta's centre."""
    length, radius = np.stack([f.length for f in frames]), np.stack([f.radius for f in frames])
    weight = np.where(rays, length, 0.0).astype(np.float64)
    bare = weight.sum(axis=1) <= 0
    weight[bare] = rays[bare]
    return np.asarray((weight * (radius - length)) @ directions(rays.shape[1]) / weight.sum(axis=1)[:, None])


def _range(places: Floats) -> float:
    """P95 - P5 along the main direction of movement of points (n, 2)."""
    away = places - np.median(places, axis=0)
    _, _, axes = np.linalg.svd(away, full_matrices=False)
    low, high = np.percentile(away @ axes[0], [5, 95])
    return float(high - low)


def _wall_error(frames: Sequence[FrameProfile], ray: int) -> float:
    """Standard error of a difference of two places: from second differences of the wall's radius over the frames.

    Second differences remove smooth movement; of white noise they have the variance 6 (1.4826 x MAD estimates its root
    robustly).
    """
    if len(frames) < 3:
        return 0.0
    radius = np.linalg.norm(_walls_at(frames, ray), axis=1)
    noise = 1.4826 * float(np.median(np.abs(np.diff(radius, n=2)))) / np.sqrt(6.0)
    return float(np.sqrt(2.0) * noise)

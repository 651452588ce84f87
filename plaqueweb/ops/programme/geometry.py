"""Masks and cheap pictures of a simulated aorta: a round wall in short axis with one crescent of plaque."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plaqueweb.ops.programme.parameters import FRAMES, PROFILE

ROWS, COLUMNS = 128, 160
SPACING_MM = 0.5
RADIUS_PX = 27.0
"""Outer edge of the wall."""
WALL_PX = 2.4
Mask = NDArray[np.bool_]
Point = tuple[float, float]


@dataclass(frozen=True)
class Aorta:
    """Distance (px) and angle (radians) of every pixel from the aorta's centre, and the centre (x, y)."""

    centre: Point
    distance: NDArray[np.float32]
    angle: NDArray[np.float32]


def aorta(centre: NDArray[np.float64]) -> Aorta:
    """Coordinates around a centre, given in px from the middle of the picture."""
    x0, y0 = COLUMNS / 2 + float(centre[0]), ROWS / 2 + float(centre[1])
    y, x = np.mgrid[0:ROWS, 0:COLUMNS].astype(np.float32)
    dx, dy = x + 0.5 - np.float32(x0), y + 0.5 - np.float32(y0)
    return Aorta((x0, y0), np.hypot(dx, dy), np.arctan2(dy, dx))


def share_on(frame: int, peak: int) -> float:
    """Share of the greatest thickness that a plaque has on a frame (from 1)."""
    return PROFILE[abs(frame - peak)]


def plaque_mask(a: Aorta, thickness_mm: float, angle: float, half_extent: float) -> Mask:
    """Crescent from the outer edge of the wall inwards, as thick as told at ``angle`` and thinning to both sides."""
    if thickness_mm <= 0:
        return np.zeros((ROWS, COLUMNS), dtype=np.bool_)
    away = np.abs(np.angle(np.exp(1j * (a.angle - np.float32(angle)))))
    depth = thickness_mm / SPACING_MM * np.sqrt(np.maximum(np.cos(np.minimum(away / half_extent, 1) * (np.pi / 2)), 0))
    return np.asarray((a.distance <= RADIUS_PX) & (a.distance > RADIUS_PX - depth) & (away < half_extent))


def lumen_mask(a: Aorta, plaque: Mask) -> Mask:
    """Blood within the wall."""
    return np.asarray((a.distance < RADIUS_PX - WALL_PX) & ~plaque)


def wall_mask(a: Aorta, plaque: Mask) -> Mask:
    """The rest within the outer edge."""
    return np.asarray((a.distance <= RADIUS_PX) & (a.distance >= RADIUS_PX - WALL_PX) & ~plaque)


def chord(a: Aorta, thickness_mm: float, angle: float) -> tuple[Point, Point]:
    """A caliper (x, y in image px) along the wall's normal at ``angle``, exactly as long as the thickness."""
    inner, (x, y) = RADIUS_PX - thickness_mm / SPACING_MM, a.centre
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    return (x + cos * RADIUS_PX, y + sin * RADIUS_PX), (x + cos * inner, y + sin * inner)


def pictures(
    a: Aorta, thickness_mm: float, angle: float, half_extent: float, peak: int, noise: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Grey frames (FRAMES, ROWS, COLUMNS) with speckle. ``noise`` raises the haze: 1 is a good picture."""
    speckle = rng.rayleigh(1.0, (FRAMES, ROWS, COLUMNS)).astype(np.float32)
    speckle = (speckle + np.roll(speckle, 1, axis=2) + np.roll(speckle, 1, axis=1)) / 3.0
    fade = 1.0 - 0.35 * np.linspace(0, 1, ROWS, dtype=np.float32)[:, None]
    frames = np.empty((FRAMES, ROWS, COLUMNS), dtype=np.uint8)
    for index in range(FRAMES):
        plaque = plaque_mask(a, thickness_mm * share_on(index + 1, peak), angle, half_extent)
        level = np.full((ROWS, COLUMNS), 46.0, dtype=np.float32)
        level[a.distance <= RADIUS_PX] = 118.0
        level[lumen_mask(a, plaque)] = 7.0 + 12.0 * (noise - 1.0)
        level[plaque] = 92.0
        haze = 6.0 * (noise - 1.0)
        frames[index] = np.clip((level * fade + haze) * speckle[index] / 1.25, 0, 255)
    return frames

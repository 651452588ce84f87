"""The outer wall as a smooth closed curve, where the segmenter lets it run out into tissue of the same grey.

A thick plaque is often as bright as what lies behind it, and then the drawn plaque bulges outward: the wall-normal
chord grows by as much. The outer wall of an aorta in cross section is nearly an oval, so an oval is laid through the
outline, by the parts that agree with each other: r(u) = a0 + a1 cos u + b1 sin u + a2 cos 2u + b2 sin 2u over the angle
u, by least squares with Tukey's biweight (Beaton and Tukey, Technometrics 16:147-185, 1974), where outlines along the
sector's edge do not count and those on plaque count less. What lies further out than the oval is given back to the
ground. Nothing is ever added.

All of it happens on the canvas, on the real-valued outputs; the edge then lies where the oval lies and not on a pixel.
Lengths are mm; without calibration the mean radius counts as 12 mm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.kernels import oval as loops
from inference.walls import directions

Margins = NDArray[np.float32]
Floats = NDArray[np.float64]
RAYS = 90
ALLOWED_MM = 0.4
"""How far an outline may lie outside of the oval: walls are not that even."""
NOMINAL_RADIUS_MM = 12.0
_TRUST = np.array([0.3, 1.0, 0.2])
"""Weight of an outline whose inside is blood, bare wall, or plaque."""
_ROUNDS, _WIDE_MM, _NARROW_MM, _SHRINK, _TUKEY = 7, 3.0, 0.5, 0.65, 4.7
_LEAST_WEIGHT = 15.0
"""Rays' worth of outline that an oval needs at least."""
_BLACK = 3
_EDGE_PX = 2.0
_STEEP = 6.0
"""Logits a pixel by which the foreground falls through zero at the oval."""
_ANGLES = 2 * np.pi * np.arange(RAYS) / RAYS
_BASIS = np.ascontiguousarray(
    np.stack([np.ones(RAYS), *(f(k * _ANGLES) for k in (1, 2) for f in (np.cos, np.sin))], axis=1)
)
_DARK = np.zeros((0, 0), dtype=np.uint8)


def trim(part: Margins, px_mm: float | None, shown: NDArray[np.uint8] | None = None) -> None:
    """Lower what lies outside the oval of a vessel, in place.

    ``part`` holds the margins (3, h, w) of lumen, wall and plaque over the ground; ``px_mm`` is the side of a pixel in
    mm, None without calibration. ``shown`` is the same part (h, w) of the picture.
    """
    picture = _DARK if shown is None else np.ascontiguousarray(shown)
    centre, radius, weight = loops.seen_from_middle(part, picture, directions(RAYS), _TRUST, _EDGE_PX, _BLACK)
    unit = px_mm or NOMINAL_RADIUS_MM / max(float(radius.mean()), 1.0)
    coefficients = oval(radius * unit, weight)
    if coefficients is not None:
        loops.cap(part, centre, coefficients / unit, ALLOWED_MM / unit, _STEEP)


def oval(radius: Floats, weight: Floats) -> Floats | None:
    """Coefficients (5) of the oval through an outline (RAYS) in mm; None where there is too little outline for one."""
    found, enough, least = loops.fitted(radius, weight, _BASIS, _ROUNDS, _WIDE_MM, _NARROW_MM, _SHRINK, _TUKEY)
    return found if enough >= _LEAST_WEIGHT and least > 0 else None

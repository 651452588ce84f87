"""Grey values along the wall of the aorta, read on the canvas picture: the ground for quality and echogenicity.

For every ray, in mm inward from the outer wall: the ground outside it, the wall band, the blood beyond the lumen edge,
the plaque in between, and what lies behind the plaque along the sound beam. Values are grey levels (0..255), NaN where
nothing could be read.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.kernels import rays
from inference.preprocess import Canvas
from inference.thickness import WallProfile
from inference.vessel import Vessel

Profile = NDArray[np.float32]
Floats = NDArray[np.float64]
_OFFSETS = np.arange(-3.0, 9.01, 0.5)
_BEHIND = np.arange(1.0, 5.01, 0.5)
_BARE_WALL_MM = 1.5
_BORDER = ("outside", "wall", "blood", "plaque")
_NAMES = (*_BORDER, "bright", "behind")
CONTRAST = 10.0
"""Grey levels by which wall or plaque must be brighter than the blood beside it, to count as seen."""
_APEX_ABOVE_MM = 3.0
"""Where the beams meet: about this far above the middle of the region's upper edge (a transesophageal probe)."""


def read(
    image: NDArray[np.uint8], vessel: Vessel, canvas: Canvas, wall: WallProfile, solid: Floats, unit: float
) -> dict[str, Profile]:
    """Profiles ``outside``, ``wall``, ``blood``, ``plaque``, ``bright``, ``behind`` over the rays of a frame.

    ``image`` is uint8 (size, size) on the canvas; ``solid`` (rays) is how far wall or plaque reaches inward (0:
    unknown); ``unit`` is the length of one (nominal) mm.
    """
    region = canvas.region
    spacing = region.spacing or (1.0, 1.0)
    step = (canvas.step_rows, canvas.step_columns)
    corner = (vessel.row - region.y0, vessel.column - region.x0)
    shift = [(corner[n] + 0.5) / step[n] + (canvas.top, canvas.left)[n] - 0.5 for n in (0, 1)]
    apex = [-_APEX_ABOVE_MM - corner[0] * spacing[0], region.columns * spacing[1] / 2 - corner[1] * spacing[1]]
    grey = rays.grey_along(
        np.ascontiguousarray(image),
        wall.curve,
        wall.normal,
        wall.length,
        solid,
        unit,
        np.array([*spacing, *step]),
        np.array(shift),
        np.array(apex),
        _OFFSETS,
        _BEHIND,
        _BARE_WALL_MM,
    )
    return dict(zip(_NAMES, grey, strict=True))


def quality_of(grey: dict[str, Profile]) -> float:
    """Share (0..1) of the aorta's border with contrast: wall, plaque or ground brighter than the blood beside it.

    Rays whose wall lies outside the sector (black on both sides) do not count; with less than a fifth left it is 0.
    """
    return float(rays.clear_share(np.stack([grey[name] for name in _BORDER]), CONTRAST))

"""What one phantom clip is made of, and how such descriptions are drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from inference.phantom.families import FAMILIES, HELD_OUT, TRAINED, Family, draw_look
from inference.phantom.overlay import DEPTH_TICKS, OverlaySpec, random_overlay

Kind = Literal["none", "thin", "thick", "ulcerated", "mobile"]
KINDS: tuple[Kind, ...] = get_args(Kind)
COMPLEX_KINDS: tuple[Kind, ...] = ("thick", "ulcerated", "mobile")
COMPLEX_MM = 4.0


@dataclass(frozen=True)
class PlaqueSpec:
    """One plaque. Angles in radians around the aorta (0 = picture right, growing clockwise); lengths in mm.

    ``thickness`` is what a reader would measure: from the lumen edge to the outer edge of the wall, wall included.
    """

    angle: float
    half_width: float
    thickness: float
    steepness: float = 4.0
    roughness: float = 0.12
    echo_db: float = -2.0
    calcified: bool = False
    ulcer_depth: float = 0.0
    ulcer_width: float = 0.0
    ulcer_offset: float = 0.0
    mobile_length: float = 0.0
    mobile_head: float = 0.0
    mobile_swing: float = 0.0
    mobile_offset: float = 0.0
    mobile_stalk: float = 0.5


@dataclass(frozen=True)
class Cyst:
    """A dark space outside the aorta (a vein, an effusion, a heart chamber): an ellipse in mm from the probe."""

    x: float
    y: float
    across: float
    down: float
    level_db: float


@dataclass(frozen=True)
class PhantomSpec:
    """Everything that decides a clip; two equal specs give equal bytes.

    Lengths are mm, angles radians, levels dB. The picture has ``rows`` x ``columns`` pixels; the sector is drawn into a
    box of ``box_rows`` x ``box_columns`` pixels that starts at row ``top`` and column ``left``.
    """

    seed: int
    kind: Kind = "none"
    rows: int = 480
    columns: int = 640
    top: int = 40
    left: int = 70
    box_rows: int = 420
    box_columns: int = 500
    anisotropy: float = 1.0
    depth_mm: float = 60.0
    half_angle: float = 0.75
    apex_mm: float = 3.0
    frequency_mhz: float = 5.0
    focus_mm: float = 25.0
    aperture_mm: float = 9.0
    centre: tuple[float, float] = (0.0, 26.0)
    radius: float = 12.0
    ellipticity: float = 0.03
    tilt: float = 0.0
    wall_mm: float = 1.2
    plaques: tuple[PlaqueSpec, ...] = ()
    heart_rate: float = 70.0
    frame_time_ms: float = 40.0
    pulsation: float = 0.03
    sway_mm: float = 0.8
    drift_mm: float = 0.4
    gain_db: float = 0.0
    dynamic_range_db: float = 60.0
    gamma: float = 1.0
    attenuation_db_cm: float = 1.0
    tgc_error_db: float = 0.0
    clutter_db: float = -26.0
    noise_db: float = -50.0
    blood_db: float = -40.0
    tissue_db: float = -9.0
    wall_db: float = 2.0
    grazing_db: float = 9.0
    persistence: float = 0.25
    reverberation_db: float = -26.0
    gas_shadow: tuple[float, float] | None = None
    family: Family = "coherent"
    """How the picture comes about; see ``inference.phantom.families``."""
    unevenness: float = 0.008
    bare_db: float = -5.0
    rim_db: float = 2.0
    rim_mm: float = 0.55
    intima_db: float = 4.0
    plaque_db: float = 7.0
    texture: float = 1.0
    looks: int = 1
    density: float = 1.0
    curve: float = 0.6
    blur_mm: float = 0.0
    cysts: tuple[Cyst, ...] = ()
    overlay: OverlaySpec | None = DEPTH_TICKS
    """What is drawn over the picture, by default plain depth ticks; None leaves it bare."""


def _size_of(kind: Kind, rng: np.random.Generator) -> float:
    """Thickness in mm of the leading plaque of a kind; close calls around 4.0 mm are rarer, but they occur."""
    if kind == "thin":
        return float(rng.uniform(1.5, 3.6) if rng.random() < 0.92 else rng.uniform(3.6, 3.94))
    if kind == "thick":
        return float(rng.uniform(4.4, 10.0) if rng.random() < 0.92 else rng.uniform(4.06, 4.4))
    if kind == "ulcerated":
        return float(rng.uniform(3.0, 7.5))
    return float(rng.uniform(1.9, 6.0))


@dataclass(frozen=True)
class _Window:
    """The sector as it stands over the aorta, to place plaque where it can be seen."""

    centre: tuple[float, float]
    radius: float
    apex_mm: float
    half_angle: float
    wall_mm: float

    def shows(self, angle: float, half_width: float) -> bool:
        """Whether the wall around ``angle`` lies in the sector with a margin for motion."""
        for at in (angle - 0.7 * half_width, angle, angle + 0.7 * half_width):
            x = self.centre[0] + self.radius * np.cos(at)
            y = self.centre[1] + self.radius * np.sin(at)
            room = (y + self.apex_mm) * np.sin(self.half_angle) - abs(x) * np.cos(self.half_angle)
            if room < 1.6 or y < 0.8:
                return False
        return True


def _angle(rng: np.random.Generator, window: _Window, half_width: float) -> float:
    """Where a plaque sits: anywhere that the sector sees, else in the middle of the far wall."""
    for _ in range(40):
        angle = float(rng.uniform(-np.pi, np.pi))
        if window.shows(angle, half_width):
            return angle
    return float(np.pi / 2)


def random_plaque(kind: Kind, rng: np.random.Generator, window: _Window) -> PlaqueSpec:
    """The leading plaque of a clip of this kind on the aorta that ``window`` shows."""
    radius = window.radius
    thickness = min(max(_size_of(kind, rng), window.wall_mm + 0.45), 0.72 * radius)
    half_width = float(rng.uniform(0.28, 1.25)) * float(np.clip(12.0 / radius, 0.8, 1.3))
    ulcer_depth = ulcer_width = mobile_length = mobile_head = 0.0
    if kind == "ulcerated":
        half_width = max(half_width, 0.55)
        ulcer_depth = float(rng.uniform(0.5, 0.85) * (thickness - 0.4))
        ulcer_width = float(rng.uniform(1.7, 4.2))
    if kind == "mobile":
        mobile_length = float(rng.uniform(3.0, min(10.0, 0.8 * radius)))
        mobile_head = float(rng.uniform(0.8, 2.1))
    return PlaqueSpec(
        angle=_angle(rng, window, half_width),
        half_width=half_width,
        thickness=thickness,
        steepness=float(rng.uniform(1.7, 6.0)),
        roughness=float(rng.uniform(0.02, 0.22)),
        echo_db=float(rng.uniform(-9.0, 4.0)),
        calcified=bool(rng.random() < 0.2),
        ulcer_depth=ulcer_depth,
        ulcer_width=ulcer_width,
        ulcer_offset=float(rng.uniform(-0.35, 0.35)),
        mobile_length=mobile_length,
        mobile_head=mobile_head,
        mobile_swing=float(rng.uniform(0.25, 0.9)),
        mobile_offset=float(rng.uniform(-0.6, 0.6)),
        mobile_stalk=float(rng.uniform(0.35, 0.9)) if mobile_length else 0.5,
    )


def _companion(kind: Kind, rng: np.random.Generator, first: PlaqueSpec) -> PlaqueSpec | None:
    """A second, smaller plaque on the other side, in a third of the clips with plaque."""
    if kind == "none" or rng.random() > 0.33:
        return None
    return PlaqueSpec(
        angle=first.angle + np.pi + float(rng.uniform(-0.7, 0.7)),
        half_width=float(rng.uniform(0.3, 0.6)),
        thickness=min(float(rng.uniform(2.0, 3.6)), max(first.thickness, 2.2)),
        roughness=float(rng.uniform(0.03, 0.15)),
        echo_db=float(rng.uniform(-7.0, 1.0)),
    )


def _cysts(rng: np.random.Generator, centre: tuple[float, float], radius: float, depth: float) -> tuple[Cyst, ...]:
    """Up to three dark spaces beside or behind the aorta, so that a dark round place alone is no aorta."""
    found: list[Cyst] = []
    for _ in range(int(rng.choice(4, p=(0.4, 0.3, 0.2, 0.1)))):
        across, down = float(rng.uniform(2.0, 14.0)), float(rng.uniform(2.0, 9.0))
        x, y = float(rng.uniform(-35.0, 35.0)), float(rng.uniform(2.0, depth))
        if np.hypot((x - centre[0]), (y - centre[1])) > radius + max(across, down) + 3.0:
            found.append(Cyst(x, y, across, down, float(rng.uniform(-30.0, -8.0))))
    return tuple(found)


def _picture_size(
    rng: np.random.Generator, depth: float, half_angle: float, apex_mm: float
) -> tuple[int, int, int, int, float]:
    """Rows and columns of the picture and of the sector's box in it, and the box's anisotropy."""
    sizes = ((480, 640), (434, 636), (600, 800), (768, 1024), (708, 1016))
    rows, columns = sizes[int(rng.choice(5, p=(0.36, 0.2, 0.24, 0.1, 0.1)))]
    box_rows = int(rng.uniform(0.7, 0.88) * rows)
    # An anisotropic grid is rare on a scanner, but files with one exist and must be measured per axis.
    anisotropy = float(rng.uniform(0.7, 1.4)) if rng.random() < 0.2 else 1.0
    width_mm = 2 * (depth + apex_mm) * np.sin(half_angle) + 2.0
    return rows, columns, box_rows, int(min(columns - 60, width_mm / depth * box_rows / anisotropy)), anisotropy


def random_spec(
    rng: np.random.Generator,
    kind: Kind | None = None,
    *,
    family: Family | None = None,
    families: str = "trained",
    marks: float = 0.0,
) -> PhantomSpec:
    """A clip description drawn from ``rng``; ``kind`` and ``family`` are drawn too when they are not given.

    ``families``: "trained" draws the look among those the shipped weights learnt from, "held out" among the others,
    "all" among all. ``marks`` is how much is drawn over the picture: 0 depth ticks only, 1 what a busy scanner leaves
    (text, calipers, traces). Raises ValueError for an unknown kind, family or set of families.
    """
    if kind is None:
        kind = KINDS[int(rng.choice(len(KINDS), p=(0.2, 0.3, 0.22, 0.14, 0.14)))]
    if kind not in KINDS:
        raise ValueError(f"A phantom kind is one of {', '.join(KINDS)}; got {kind!r}.")
    sets = {"trained": TRAINED, "held out": HELD_OUT, "all": FAMILIES}
    if families not in sets:
        raise ValueError(f"Families are drawn from {', '.join(sets)}; got {families!r}.")
    chosen = family or sets[families][int(rng.integers(len(sets[families])))]
    radius = float(rng.uniform(8.0, 17.0))
    near_wall = float(rng.uniform(1.5, 20.0))
    depth = float(rng.uniform(max(40.0, near_wall + 2 * radius + 2.0), 105.0))
    half_angle, apex_mm = float(rng.uniform(0.52, 0.85)), float(rng.uniform(0.5, 11.0))
    rows, columns, box_rows, box_columns, anisotropy = _picture_size(rng, depth, half_angle, apex_mm)
    centre = (float(rng.normal(0.0, 3.5)), near_wall + radius)
    wall_mm = float(rng.uniform(0.7, 1.7))
    plaques: tuple[PlaqueSpec, ...] = ()
    if kind != "none":
        first = random_plaque(kind, rng, _Window(centre, radius, apex_mm, half_angle, wall_mm))
        second = _companion(kind, rng, first)
        plaques = (first,) if second is None else (first, second)
    return PhantomSpec(
        seed=int(rng.integers(2**31)),
        kind=kind,
        rows=rows,
        columns=columns,
        top=int(rng.integers(24, max(25, min(48, rows - box_rows - 4)))),
        left=int(rng.integers(12, max(13, columns - box_columns - 40))),
        box_rows=box_rows,
        box_columns=box_columns,
        anisotropy=anisotropy,
        depth_mm=depth,
        half_angle=half_angle,
        apex_mm=apex_mm,
        centre=centre,
        radius=radius,
        ellipticity=float(rng.uniform(0.0, 0.13)),
        unevenness=float(rng.uniform(0.0, 0.025)),
        tilt=float(rng.uniform(0.0, np.pi)),
        wall_mm=wall_mm,
        plaques=plaques,
        cysts=_cysts(rng, centre, radius, depth),
        heart_rate=float(rng.uniform(52.0, 105.0)),
        frame_time_ms=float(rng.uniform(16.0, 55.0)),
        pulsation=float(rng.uniform(0.005, 0.06)),
        sway_mm=float(rng.uniform(0.0, 1.6)),
        drift_mm=float(rng.uniform(0.0, 1.0)),
        gas_shadow=(float(rng.uniform(-0.6, 0.6)), float(rng.uniform(0.03, 0.12))) if rng.random() < 0.15 else None,
        family=chosen,
        **draw_look(chosen, rng),
        overlay=random_overlay(rng, amount=marks) if marks > 0 else DEPTH_TICKS,
    )

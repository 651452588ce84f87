"""The shape of the phantom's aorta in millimetres, and the truth that follows from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.phantom.spec import COMPLEX_MM, PhantomSpec, PlaqueSpec
from inference.types import BACKGROUND, LUMEN, PLAQUE, WALL

Array = NDArray[np.float32]
STEPS = 1440
_PLAQUE_EDGE_MM = 0.3
_NEVER_THINNER_MM = 0.5


@dataclass(frozen=True)
class Contours:
    """Outer and inner wall of one moment as radii over the angle (both evenly sampled, closed), in mm."""

    angles: Array
    outer: Array
    inner: Array
    plaque: NDArray[np.bool_]
    plaque_db: Array


@dataclass(frozen=True)
class Anatomy:
    """The unmoving shape: wall thickness along the outer contour, and which part of it is plaque.

    ``thickness`` holds, for every sample of the outer contour, the exact length of the wall-normal chord in mm.
    """

    spec: PhantomSpec
    thickness: Array
    plaque: NDArray[np.bool_]
    plaque_db: Array
    calcified: NDArray[np.bool_]
    complex: NDArray[np.bool_]
    """Which part of the wall belongs to a plaque that is complex by itself (4.0 mm, ulceration or a mobile part)."""

    def contours(self, scale: float) -> Contours:
        """The contours with the outer radius pulsating by ``scale``; the wall keeps its thickness."""
        angles = np.linspace(-np.pi, np.pi, STEPS, endpoint=False)
        outer = outer_radius(self.spec, angles) * scale
        points = np.stack((outer * np.cos(angles), outer * np.sin(angles)), axis=1)
        tangent = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0)
        normal = np.stack((-tangent[:, 1], tangent[:, 0]), axis=1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        inside = points + normal * self.thickness[:, None]
        at = np.arctan2(inside[:, 1], inside[:, 0])
        order = np.argsort(at)
        inner = np.interp(angles, at[order], np.hypot(inside[:, 0], inside[:, 1])[order], period=2 * np.pi)
        return Contours(
            angles.astype(np.float32),
            outer.astype(np.float32),
            np.minimum(inner, outer - 0.3).astype(np.float32),
            self.plaque,
            self.plaque_db,
        )


def outer_radius(spec: PhantomSpec, angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Outer wall radius (mm) over the angle: a circle made slightly oval and slightly uneven."""
    rng = np.random.default_rng((spec.seed, 1))
    phase = rng.uniform(0, 2 * np.pi, 2)
    oval = 1 + spec.ellipticity * np.cos(2 * (angles - spec.tilt))
    uneven = np.cos(3 * angles + phase[0]) + 0.5 * np.cos(5 * angles + phase[1])
    return spec.radius * (oval + spec.unevenness * uneven)


def _wrap(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _smooth_noise(rng: np.random.Generator, angles: NDArray[np.float64], low: int, high: int) -> NDArray[np.float64]:
    total = np.zeros_like(angles)
    for order in range(low, high):
        total += rng.normal() / np.sqrt(order) * np.cos(order * angles + rng.uniform(0, 2 * np.pi))
    return total / max(float(np.abs(total).max()), 1e-6)


def _one_plaque(
    plaque: PlaqueSpec, spec: PhantomSpec, rng: np.random.Generator, angles: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What the plaque adds to the bare wall, in mm; its top reaches exactly ``plaque.thickness`` with the wall."""
    distance = np.abs(_wrap(angles - plaque.angle)) / plaque.half_width
    cap = np.exp(-(distance**plaque.steepness) * np.log(2.0))
    cap = cap * (1 + plaque.roughness * _smooth_noise(rng, angles, 4, 16))
    added: NDArray[np.float64] = cap / cap.max() * (plaque.thickness - spec.wall_mm)
    if plaque.ulcer_depth > 0:
        away = _wrap(angles - plaque.angle - plaque.ulcer_offset * plaque.half_width) * spec.radius
        crater = np.exp(-(np.abs(away / (plaque.ulcer_width / 2)) ** 6))
        added = added - plaque.ulcer_depth * crater
        # The rim stays at full height, so the stated thickness is still what a reader measures beside the crater.
        added = added * (plaque.thickness - spec.wall_mm) / max(float(added.max()), 0.3)
    return added


def build_anatomy(spec: PhantomSpec) -> Anatomy:
    """The shape described by ``spec``."""
    rng = np.random.default_rng((spec.seed, 2))
    angles = np.linspace(-np.pi, np.pi, STEPS, endpoint=False)
    thickness = np.full(STEPS, spec.wall_mm)
    plaque_at = np.zeros(STEPS, dtype=np.bool_)
    calcified = np.zeros(STEPS, dtype=np.bool_)
    level = np.zeros(STEPS)
    complex_at = np.zeros(STEPS, dtype=np.bool_)
    for plaque in spec.plaques:
        added = _one_plaque(plaque, spec, rng, angles)
        reach = np.abs(_wrap(angles - plaque.angle)) < plaque.half_width
        here = (added > _PLAQUE_EDGE_MM) | (reach & (plaque.ulcer_depth > 0))
        thickness = np.where(np.abs(added) > np.abs(thickness - spec.wall_mm), spec.wall_mm + added, thickness)
        level[here] = plaque.echo_db
        plaque_at |= here
        if round(plaque.thickness, 1) >= COMPLEX_MM or plaque.ulcer_depth > 0 or plaque.mobile_length > 0:
            complex_at |= here
        if plaque.calcified:
            calcified |= np.abs(_wrap(angles - plaque.angle)) < 0.4 * plaque.half_width
    ripple = 0.06 * spec.wall_mm * _smooth_noise(rng, angles, 2, 9)
    thickness = np.maximum(np.where(plaque_at, thickness, thickness + ripple), _NEVER_THINNER_MM)
    return Anatomy(spec, thickness.astype(np.float32), plaque_at, level.astype(np.float32), calcified, complex_at)


def mobile_distance(plaque: PlaqueSpec, contours: Contours, swing: float, x: Array, y: Array) -> Array:
    """Signed distance (mm, negative inside) to a mobile component: a stalk with a rounded head, swinging."""
    angle = plaque.angle + plaque.mobile_offset * plaque.half_width
    root = float(np.interp(angle, contours.angles, contours.inner, period=2 * np.pi)) + 0.6
    x0, y0 = root * np.cos(angle), root * np.sin(angle)
    lean = angle + np.pi + swing
    x1, y1 = x0 + plaque.mobile_length * np.cos(lean), y0 + plaque.mobile_length * np.sin(lean)
    dx, dy = x1 - x0, y1 - y0
    along = np.clip(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy), 0.0, 1.0)
    stalk = np.hypot(x - (x0 + along * dx), y - (y0 + along * dy)) - plaque.mobile_stalk
    head = np.hypot(x - x1, y - y1) - plaque.mobile_head
    return np.minimum(stalk, head).astype(np.float32)


def label_points(spec: PhantomSpec, contours: Contours, swing: float, x: Array, y: Array) -> NDArray[np.uint8]:
    """Labels of points given in mm relative to the centre of the aorta (any shape)."""
    labels = np.zeros(x.shape, dtype=np.uint8)
    radius = np.hypot(x, y)
    near = radius < float(contours.outer.max())
    angle, distance = np.arctan2(y[near], x[near]), radius[near]
    index = np.rint((angle + np.pi) / (2 * np.pi) * STEPS).astype(np.intp) % STEPS
    outer, inner = contours.outer[index], contours.inner[index]
    values = np.where(distance < inner, LUMEN, np.where(contours.plaque[index], PLAQUE, WALL)).astype(np.uint8)
    for plaque in spec.plaques:
        if plaque.mobile_length > 0:
            inside = mobile_distance(plaque, contours, swing, x[near], y[near]) < 0
            values[inside & (values == LUMEN)] = PLAQUE
    values[distance >= outer] = BACKGROUND
    labels[near] = values
    return labels


def truth_of(anatomy: Anatomy, visible: NDArray[np.bool_]) -> dict[str, object]:
    """Class, reasons and thickness of the part of the wall that the sector shows.

    ``visible`` says for every sample of the outer contour whether it lies in the picture. ``thickness_mm`` is 0.0 when
    no plaque is seen; the class follows the default label rule (at least 4.0 mm, ulceration, or a mobile part).
    """
    spec = anatomy.spec
    seen = anatomy.plaque & visible
    thickness = float(anatomy.thickness[seen].max()) if bool(seen.any()) else 0.0
    reasons = {
        "thickness": round(thickness, 1) >= COMPLEX_MM,
        "ulceration": any(plaque.ulcer_depth > 0 for plaque in spec.plaques),
        "mobile": any(plaque.mobile_length > 0 for plaque in spec.plaques),
        "thrombus": False,
    }
    protrusion = max(
        (p.thickness + p.mobile_length + p.mobile_head for p in spec.plaques if p.mobile_length > 0), default=thickness
    )
    return {
        "kind": spec.kind,
        "class": int(any(reasons.values())),
        "plaque_present": bool(seen.any()),
        "thickness_mm": round(thickness, 3),
        "protrusion_mm": round(float(protrusion), 3),
        "ulcer_depth_mm": round(max((p.ulcer_depth for p in spec.plaques), default=0.0), 3),
        "calcified": bool(anatomy.calcified.any()),
        "reasons": reasons,
        "outer_radius_mm": round(spec.radius, 3),
        "wall_mm": round(spec.wall_mm, 3),
    }

"""One phantom clip: a moving short-axis descending aorta as a transesophageal probe would show it, with exact truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from inference.phantom.acoustics import Array, Beam, ScanConverter, Tissue, build_beam, form_image, to_grey
from inference.phantom.beat import beat_at
from inference.phantom.geometry import Anatomy, Contours, build_anatomy, label_points, mobile_distance, truth_of
from inference.phantom.overlay import draw_overlay
from inference.phantom.spec import PhantomSpec
from inference.types import RegionBox, Spacing


@dataclass(frozen=True)
class PhantomClip:
    """A simulated clip. ``frames`` and ``labels`` are uint8 (n, rows, columns); labels as in ``inference.types``."""

    frames: NDArray[np.uint8] = field(repr=False)
    labels: NDArray[np.uint8] = field(repr=False)
    spacing: Spacing
    frame_time_ms: float
    region: RegionBox
    truth: dict[str, object]
    spec: PhantomSpec
    centres: tuple[tuple[float, float], ...] = ()
    """Middle of the aorta in every frame: mm right of the sector box's middle and below its top."""


@dataclass(frozen=True)
class _Moment:
    """Where everything is at one time: centre (mm), radius scale and the swing of mobile parts (radians)."""

    centre: tuple[float, float]
    scale: float
    swing: float


def spacing_of(spec: PhantomSpec) -> Spacing:
    """Millimetres per pixel (row, column) of the clip's region."""
    row_mm = (spec.depth_mm + 0.6) / spec.box_rows
    return (row_mm, row_mm * spec.anisotropy)


def _moment(spec: PhantomSpec, frame: int) -> _Moment:
    rng = np.random.default_rng((spec.seed, 4))
    rng.uniform(0, 1)  # where the beat starts, see ``beat_at``
    sway_to, drift_phase, flutter = rng.uniform(0, 2 * np.pi, 3)
    seconds = frame * spec.frame_time_ms / 1000.0
    beat = float(beat_at(spec, seconds)) % 1.0
    pulse = float(np.sin(np.pi * beat**0.6) ** 2)
    drift = spec.drift_mm * float(np.sin(2 * np.pi * 0.25 * seconds + drift_phase))
    sway = spec.sway_mm * (pulse - 0.5)
    centre = (
        spec.centre[0] + sway * float(np.cos(sway_to)) + drift,
        spec.centre[1] + sway * float(np.sin(sway_to)),
    )
    swing = max((p.mobile_swing for p in spec.plaques), default=0.0)
    lean = swing * (np.sin(2 * np.pi * beat + flutter) + 0.35 * np.sin(6 * np.pi * beat + 2 * flutter))
    return _Moment(centre, 1.0 + spec.pulsation * (pulse - 0.5), float(lean))


def _wall_levels(
    spec: PhantomSpec,
    level: Array,
    outer_gap: Array,
    inner_gap: Array,
    facing: Array,
    plaque: NDArray[np.bool_],
    plaque_db: Array,
) -> None:
    """Write the echo level of wall and plaque into ``level`` (dB), in place.

    ``outer_gap`` and ``inner_gap`` are mm inward from the outer and outward from the inner contour; ``facing`` is the
    cosine between beam and wall normal: a wall seen at a grazing angle gives its echo away from the probe.
    """
    dropout = spec.grazing_db * (1 - facing) ** 2
    inside = (outer_gap > 0) & (inner_gap > 0)
    bare = inside & ~plaque
    level[bare] = spec.wall_db + spec.bare_db
    level[inside & plaque] = plaque_db[inside & plaque]
    adventitia = np.exp(-((outer_gap / spec.rim_mm) ** 2)) * (spec.wall_db + spec.rim_db - level)
    level += np.where((outer_gap > -0.9) & (outer_gap < 1.2), np.maximum(adventitia, 0), 0) * (0.35 + 0.65 * facing)
    intima = np.exp(-((inner_gap / 0.4) ** 2)) * spec.intima_db * facing
    level += np.where(inside, intima, 0)
    near = inside | ((outer_gap > -0.9) & (outer_gap <= 0))
    level -= np.where(near & ~(plaque & (outer_gap > 0.8)), dropout, np.where(near, 0.4 * dropout, 0))


def _levels(
    anatomy: Anatomy, contours: Contours, moment: _Moment, beam: Beam, tissue_db: Array, plaque_db: Array
) -> tuple[Array, NDArray[np.bool_]]:
    """Echo level (dB) on the polar grid, and where the blood is."""
    spec = anatomy.spec
    x, y = beam.x - np.float32(moment.centre[0]), beam.y - np.float32(moment.centre[1])
    radius = np.hypot(x, y)
    steps = contours.angles.size
    index = np.rint((np.arctan2(y, x) + np.pi) / (2 * np.pi) * steps).astype(np.int32) % steps
    outer_gap = contours.outer[index] - radius
    inner_gap = radius - contours.inner[index]
    along = x * beam.x + y * (beam.y + np.float32(spec.apex_mm))
    facing = np.abs(along) / np.maximum(radius * np.hypot(beam.x, beam.y + np.float32(spec.apex_mm)), 1e-3)
    level: Array = (np.float32(spec.tissue_db) + tissue_db).astype(np.float32)
    plaque_at = contours.plaque[index]
    for cyst in spec.cysts:
        dark = ((beam.x - cyst.x) / cyst.across) ** 2 + ((beam.y - cyst.y) / cyst.down) ** 2 < 1
        level[dark] += np.float32(cyst.level_db)
    inside_plaque = np.float32(spec.tissue_db + spec.plaque_db) + contours.plaque_db[index] + plaque_db
    _wall_levels(spec, level, outer_gap, inner_gap, facing, plaque_at, inside_plaque)
    blood = inner_gap <= 0
    level[blood] = spec.blood_db
    for plaque in spec.plaques:
        if plaque.mobile_length > 0:
            piece = (mobile_distance(plaque, contours, moment.swing, x, y) < 0) & blood
            level[piece] = spec.tissue_db + spec.plaque_db + plaque.echo_db + plaque_db[piece]
            blood = blood & ~piece
    calcified = anatomy.calcified[index] & (outer_gap > 0.3) & (inner_gap > 0.3) & plaque_at
    level[calcified] += 7.0
    level -= _shadow(spec, beam, calcified, blood)
    return level, blood


def _shadow(spec: PhantomSpec, beam: Beam, calcified: NDArray[np.bool_], blood: NDArray[np.bool_]) -> Array:
    """Attenuation (dB) of what lies behind calcium, less behind blood, and an air shadow where the spec has one."""
    step = float(beam.r[1] - beam.r[0])
    local = np.where(calcified, 7.0, np.where(blood, -0.06, 0.04)).astype(np.float32) * np.float32(step)
    total = np.cumsum(local, axis=0)
    total = np.clip(gaussian_filter1d(total, 1.5, axis=1), -4.0, 26.0)
    if spec.gas_shadow is not None:
        middle, width = spec.gas_shadow
        total = total + np.float32(16.0) * np.exp(-(((beam.theta - middle) / width) ** 4))[None, :]
    return np.asarray(total, dtype=np.float32)


def _visible(
    anatomy: Anatomy, contours: Contours, moment: _Moment, converter: ScanConverter, spacing: Spacing
) -> NDArray[np.bool_]:
    """Which samples of the wall lie in the sector with their whole thickness, at one moment."""
    seen = np.ones(contours.angles.size, dtype=np.bool_)
    for radius in (contours.outer, contours.outer - anatomy.thickness):
        x = moment.centre[0] + radius * np.cos(contours.angles)
        y = moment.centre[1] + radius * np.sin(contours.angles)
        column = np.floor(x / spacing[1] + converter.shape[1] / 2).astype(np.intp)
        row = np.floor(y / spacing[0]).astype(np.intp)
        ok = (row >= 0) & (row < converter.shape[0]) & (column >= 0) & (column < converter.shape[1])
        seen &= (
            ok & converter.inside[np.clip(row, 0, converter.shape[0] - 1), np.clip(column, 0, converter.shape[1] - 1)]
        )
    return seen


def _region(spec: PhantomSpec, spacing: Spacing) -> RegionBox:
    return RegionBox(
        number=1,
        x0=spec.left,
        y0=spec.top,
        x1=spec.left + spec.box_columns - 1,
        y1=spec.top + spec.box_rows - 1,
        row_mm=spacing[0],
        col_mm=spacing[1],
        source="us_region",
        view="SAX",
    )


def simulate_clip(spec: PhantomSpec, frames: int = 18, *, every: int = 1) -> PhantomClip:
    """Simulate ``frames`` frames of ``spec``; ``every`` > 1 takes only each n-th moment (for training sets).

    The same spec gives the same bytes. ``truth`` holds class, reasons, thickness in mm over the clip and per frame;
    the class follows the whole clip. Raises ValueError when no frame is asked for.
    """
    if frames < 1 or every < 1:
        raise ValueError("A phantom clip has at least one frame, and every n-th moment means n of at least 1.")
    anatomy, beam, tissue = build_anatomy(spec), build_beam(spec), Tissue(spec)
    spacing = spacing_of(spec)
    converter = ScanConverter(spec, *spacing)
    pictures = np.zeros((frames, spec.rows, spec.columns), dtype=np.uint8)
    labels = np.zeros_like(pictures)
    box = np.s_[spec.top : spec.top + spec.box_rows, spec.left : spec.left + spec.box_columns]
    seen = np.zeros(anatomy.thickness.size, dtype=np.bool_)
    per_frame: list[float] = []
    centres: list[tuple[float, float]] = []
    polar: Array | None = None
    for number in range(frames):
        moment = _moment(spec, number * every)
        contours = anatomy.contours(moment.scale)
        centres.append(moment.centre)
        grey = _picture(anatomy, contours, moment, beam, tissue, number)
        polar = grey if polar is None else grey * (1 - spec.persistence) + polar * np.float32(spec.persistence)
        pictures[number][box] = converter(polar)
        x, y = converter.x - np.float32(moment.centre[0]), converter.y - np.float32(moment.centre[1])
        labels[number][box] = label_points(spec, contours, moment.swing, x, y) * converter.inside
        visible = _visible(anatomy, contours, moment, converter, spacing)
        seen |= visible
        here = anatomy.thickness[visible & anatomy.plaque]
        per_frame.append(round(float(here.max()), 3) if here.size else 0.0)
        if spec.overlay is not None:
            draw_overlay(pictures[number], spec, spec.overlay, number * every, spacing)
    truth = truth_of(anatomy, seen)
    truth["per_frame_thickness_mm"] = per_frame
    truth["key_frame"] = int(np.argmax(per_frame)) + 1 if max(per_frame) > 0 else None
    region = _region(spec, spacing)
    return PhantomClip(pictures, labels, spacing, spec.frame_time_ms * every, region, truth, spec, tuple(centres))


def _picture(anatomy: Anatomy, contours: Contours, moment: _Moment, beam: Beam, tissue: Tissue, number: int) -> Array:
    """The grey values of one frame on the polar grid."""
    spec = anatomy.spec
    rng = np.random.default_rng((spec.seed, 5, number))
    # Tissue moves with the aorta: look its scatterers up where they were at rest.
    scale = np.float32(1.0 / moment.scale)
    x = (beam.x - np.float32(moment.centre[0])) * scale + np.float32(spec.centre[0])
    y = (beam.y - np.float32(moment.centre[1])) * scale + np.float32(spec.centre[1])
    grain, texture, plaque_texture = tissue.sample(x, y)
    level, blood = _levels(anatomy, contours, moment, beam, texture, plaque_texture)
    fresh = rng.standard_normal((2, int(blood.sum())), dtype=np.float32)
    grain[blood] = fresh[0] + 1j * fresh[1]
    return to_grey(form_image(beam, level, grain, spec, rng), spec)

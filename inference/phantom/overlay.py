"""Distractors over the phantom's pictures: what a scanner and its user draw there and a network must not believe.

Domain randomisation (Tobin et al., IROS 2017;23-30): what varies freely beside the truth is learnt to be ignored. No
mark depends on plaque: neither its presence nor its place tells the class. Labels never change: marks lie over the
picture. All is grey but for ``colour_overlay``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label

from inference.phantom.canvas_marks import draw_on_canvas
from inference.phantom.ink import Ink, check_picture
from inference.phantom.marks import (
    Caliper,
    DepthScale,
    EcgStrip,
    FocusMarker,
    Glyph,
    GreyBar,
    Logo,
    Mark,
    Pointer,
    ProbeDial,
    Scene,
    SectorLine,
    TextBlock,
)
from inference.types import Spacing

if TYPE_CHECKING:
    from inference.phantom.spec import PhantomSpec

__all__ = ["DEPTH_TICKS", "OverlaySpec", "colour_overlay", "draw_on_canvas", "draw_overlay", "random_overlay"]

_T = TypeVar("_T")
_GLYPHS: tuple[Glyph, ...] = ("+", "x", "dot", "bracket", "circle")


@dataclass(frozen=True)
class OverlaySpec:
    """Which marks lie over a clip, drawn in this order, and how soft they are (blur in pixels).

    Without arguments: plain centimetre ticks to the right of the sector's box.
    """

    marks: tuple[Mark, ...] = (DepthScale(),)
    softness: float = 0.0

    @property
    def shows_ecg(self) -> bool:
        """Whether an ECG is drawn into the picture."""
        return any(isinstance(mark, EcgStrip) for mark in self.marks)


DEPTH_TICKS = OverlaySpec()
"""The plainest overlay."""


def _pick(rng: np.random.Generator, choices: tuple[_T, ...]) -> _T:
    return choices[int(rng.integers(len(choices)))]


def _level(rng: np.random.Generator) -> int:
    return int(rng.integers(90, 256))


def _size(rng: np.random.Generator) -> float:
    return float(rng.choice((0.8, 1.0, 1.0, 1.25, 1.6)))


def _line_of_text(rng: np.random.Generator) -> str:
    """One line as scanners print it: settings and units only, never a name, a date or a time of day."""

    def n(low: int, high: int) -> int:
        return int(rng.integers(low, high))

    return _pick(
        rng,
        (
            f"TEE {n(20, 95)} Hz",
            f"FR {n(20, 95)}Hz",
            f"{n(3, 8)}.{n(0, 10)} MHz",
            f"Gain {n(30, 80)}",
            f"G {n(30, 80)}%",
            f"C {n(40, 70)}",
            f"DR {n(45, 90)} dB",
            f"Depth {n(4, 16)} cm",
            f"{n(4, 16)}.0cm",
            f"MI 0.{n(1, 10)}  TI 0.{n(1, 10)}",
            f"TIS {n(0, 2)}.{n(0, 10)}",
            f"TIB 0.{n(1, 10)}",
            "P Low  HGen",
            "2D",
            "Harm",
            "Adult TEE",
            "Res S",
            f"HR {n(50, 110)} bpm",
            f"{n(50, 110)} BPM",
            f"PAT T: {n(35, 38)}.{n(0, 10)}C",
            f"TEE T: {n(36, 40)}.{n(0, 10)}C",
            "DESC AO",
            f"{n(0, 181)} deg",
            "Loop",
        ),
    )


def _text(rng: np.random.Generator) -> TextBlock:
    down, across = _pick(rng, ((0.01, 0.01), (0.01, 0.78), (0.01, 0.4), (0.25, 0.01), (0.7, 0.01), (0.85, 0.8)))
    lines = tuple(_line_of_text(rng) for _ in range(int(rng.integers(1, 7))))
    jitter = rng.uniform(0.0, 0.04, 2)
    place = (down + float(jitter[0]), across + float(jitter[1]))
    return TextBlock(lines, *place, level=_level(rng), size=_size(rng), boxed=bool(rng.random() < 0.15))


def _corner_text(rng: np.random.Generator) -> TextBlock:
    """Text that reaches into the sector: in a corner of its box, or near its apex or lower edge."""
    down, across = _pick(rng, ((0.03, 0.02), (0.03, 0.75), (0.12, 0.3), (0.9, 0.15), (0.88, 0.6), (0.5, 0.82)))
    lines = tuple(_line_of_text(rng) for _ in range(int(rng.integers(1, 3))))
    return TextBlock(lines, down, across, "box", _level(rng), _size(rng), bool(rng.random() < 0.2))


def _scale(rng: np.random.Generator) -> DepthScale:
    return DepthScale(
        side=_pick(rng, ("right", "right", "left")),
        style=_pick(rng, ("lines", "dots", "numbers")),
        step_mm=_pick(rng, (10.0, 10.0, 5.0, 20.0)),
        gap=int(rng.integers(-8, 14)),
        length=int(rng.integers(2, 9)),
        level=_level(rng),
        size=_size(rng),
    )


def _focus(rng: np.random.Generator) -> FocusMarker:
    return FocusMarker(
        side=_pick(rng, ("right", "left")),
        style=_pick(rng, ("triangle", "hourglass", "bar")),
        gap=int(rng.integers(-4, 8)),
        size=int(rng.integers(4, 10)),
        level=_level(rng),
    )


def _bar(rng: np.random.Generator) -> GreyBar:
    return GreyBar(
        down=float(rng.uniform(0.03, 0.5)),
        across=_pick(rng, (0.01, 0.03, 0.93, 0.96)),
        height=float(rng.uniform(0.12, 0.45)),
        width=int(rng.integers(4, 16)),
        brightest_first=bool(rng.random() < 0.85),
        framed=bool(rng.random() < 0.3),
    )


def _ecg(rng: np.random.Generator) -> EcgStrip:
    return EcgStrip(
        inside=bool(rng.random() < 0.6),
        height=float(rng.uniform(0.05, 0.15)),
        sweep_s=float(rng.uniform(1.5, 5.0)),
        phase=float(rng.uniform(0.0, 1.0)),
        level=_level(rng),
        width=_pick(rng, (1, 1, 2)),
        inverted=bool(rng.random() < 0.15),
        cursor=_pick(rng, ("gap", "line", "dot")),
    )


def _logo(rng: np.random.Generator) -> Logo:
    down, across = _pick(rng, ((0.04, 0.04), (0.04, 0.95), (0.06, 0.5), (0.94, 0.06)))
    return Logo(_pick(rng, ("blob", "rings", "wedge")), down, across, float(rng.uniform(8.0, 30.0)), _level(rng))


def _caliper(rng: np.random.Generator) -> Caliper:
    """On the aorta's wall, across the aorta or in the tissue; plaque draws it no more than any other place."""
    angle = float(rng.uniform(-np.pi, np.pi))
    way = np.array((np.cos(angle), np.sin(angle)))
    middle, length = way * rng.uniform(4.0, 15.0), float(rng.uniform(1.5, 9.0))
    choice = rng.random()
    if choice < 0.3:
        middle, length = way * 0.0, float(rng.uniform(14.0, 32.0))
    elif choice < 0.45:
        middle, way = way * rng.uniform(12.0, 25.0), np.array((-way[1], way[0]))
    first, last = middle - way * length / 2, middle + way * length / 2
    down, across = _pick(rng, ((0.9, 0.02), (0.85, 0.7), (0.15, 0.02), (0.6, 0.8)))
    return Caliper(
        first=(float(first[0]), float(first[1])),
        last=(float(last[0]), float(last[1])),
        glyph=_pick(rng, _GLYPHS),
        line=_pick(rng, ("none", "dots", "dots", "solid")),
        level=int(rng.integers(150, 256)),
        reach=int(rng.integers(2, 7)),
        label=(down, across) if rng.random() < 0.8 else None,
        size=_size(rng),
    )


def _dial(rng: np.random.Generator) -> ProbeDial:
    down, across = _pick(rng, ((0.1, 0.9), (0.12, 0.1), (0.1, 0.65), (0.2, 0.92)))
    return ProbeDial(
        degrees=int(rng.integers(0, 181)),
        down=down,
        across=across,
        radius=float(rng.uniform(8.0, 22.0)),
        level=_level(rng),
        whole=bool(rng.random() < 0.3),
    )


def _edge(rng: np.random.Generator) -> SectorLine:
    return SectorLine(_pick(rng, ("left", "right", "both", "all", "all")), _level(rng), int(rng.integers(110, 256)))


def _pointer(rng: np.random.Generator) -> Pointer:
    return Pointer(
        style=_pick(rng, ("arrow", "cross-hair")),
        down=float(rng.uniform(0.05, 0.95)),
        across=float(rng.uniform(0.1, 0.9)),
        drift=float(rng.uniform(0.0, 0.1)) if rng.random() < 0.3 else 0.0,
        size=int(rng.integers(7, 18)),
        level=int(rng.integers(150, 256)),
    )


_SHARES: tuple[tuple[float, Callable[[np.random.Generator], Mark]], ...] = (
    (0.12, _edge),
    (0.4, _bar),
    (0.85, _scale),
    (0.3, _focus),
    (0.45, _ecg),
    (0.75, _text),
    (0.35, _text),
    (0.2, _corner_text),
    (0.4, _logo),
    (0.35, _dial),
    (0.2, _caliper),
    (0.08, _caliper),
    (0.12, _pointer),
)
"""How often a clip carries each mark; a second text block and a second caliper have shares of their own."""


def random_overlay(rng: np.random.Generator, *, amount: float = 1.0) -> OverlaySpec:
    """Marks drawn from ``rng``. ``amount`` scales how often each occurs: 0 none, 1 as on scanners, above 1 crowded.

    Raises ValueError for an ``amount`` that is negative or no number.
    """
    if not 0.0 <= amount < np.inf:
        raise ValueError(f"The amount of marks is a number from 0 up; got {amount}.")
    marks = tuple(make(rng) for share, make in _SHARES if rng.random() < share * amount)
    return OverlaySpec(marks, float(rng.uniform(0.3, 0.8)) if rng.random() < 0.4 else 0.0)


def draw_overlay(
    picture: NDArray[np.uint8], spec: PhantomSpec, overlay: OverlaySpec, frame_number: int, spacing: Spacing
) -> None:
    """Draw ``overlay`` over ``picture``, uint8 (rows, columns) or (rows, columns, 3), in place and in grey.

    ``frame_number`` counts the clip's moments from 0 (``spec.frame_time_ms`` each) and moves traces and pointers;
    ``spacing`` is mm per pixel (row, column). Raises ValueError for a picture of another shape, size or kind.
    """
    check_picture(picture)
    if picture.shape[:2] != (spec.rows, spec.columns):
        raise ValueError(f"The spec's picture has {spec.rows} x {spec.columns} pixels; got {picture.shape[:2]}.")
    ink, scene = Ink(spec.rows, spec.columns), Scene(spec, spacing, frame_number)
    for mark in overlay.marks:
        mark.draw(ink, scene)
    ink.blend(picture, overlay.softness)


def colour_overlay(
    picture: NDArray[np.uint8], *, box: tuple[int, int, int, int] | None = None, seed: int = 0
) -> NDArray[np.uint8]:
    """A grey picture (rows, columns) as RGB uint8 (rows, columns, 3) with a colour Doppler box: a colour frame.

    ``box`` is first row, first column, last row, last column (both included), by default the middle of the picture.
    Flow towards the probe is red to yellow, away blue to cyan, as on the usual velocity maps, in patches where the
    sector is dark; the box is outlined and a velocity bar stands at the left edge. Raises ValueError for another
    picture or a box that is empty or lies outside it.
    """
    check_picture(picture)
    if picture.ndim != 2:
        raise ValueError(f"Colour is laid over a grey picture (rows, columns); got {picture.shape}.")
    rows, columns = picture.shape
    r0, c0, r1, c1 = box or (int(0.2 * rows), int(0.25 * columns), int(0.75 * rows), int(0.75 * columns))
    if not (0 <= r0 < r1 < rows and 0 <= c0 < c1 < columns):
        raise ValueError(f"The colour box {r0},{c0}-{r1},{c1} is empty or lies outside the picture {rows} x {columns}.")
    out = np.repeat(picture[..., None], 3, axis=2)
    part = out[r0 : r1 + 1, c0 : c1 + 1]
    rng = np.random.default_rng((seed, 11))
    blur = tuple(max(side / 14, 1.0) for side in part.shape[:2])
    flow = gaussian_filter(rng.standard_normal(part.shape[:2]), blur)
    speed = np.clip(flow / max(float(flow.std()), 1e-9) * 0.5, -1.0, 1.0)
    grey = gaussian_filter(part[..., 0].astype(np.float32), 2.0)
    shown = _sector(picture)[r0 : r1 + 1, c0 : c1 + 1]
    limit = np.quantile(grey[shown], 0.6) if shown.any() else 0.0
    flowing = shown & (grey <= limit) & (np.abs(speed) > 0.1)
    part[flowing] = _velocity_colour(speed[flowing])
    for line in (np.s_[r0, c0 : c1 + 1], np.s_[r1, c0 : c1 + 1], np.s_[r0 : r1 + 1, c0], np.s_[r0 : r1 + 1, c1]):
        out[line] = 200
    height, width = max(rows // 5, 2), min(10, columns)
    out[:height, :width] = _velocity_colour(np.linspace(1.0, -1.0, height))[:, None]
    return out


def _sector(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where the picture shows tissue or blood: all but the black that reaches in from its edges."""
    parts, _ = label(picture == 0)
    outer = np.unique(np.concatenate((parts[0], parts[-1], parts[:, 0], parts[:, -1])))
    return np.asarray(~np.isin(parts, outer[outer > 0]))


def _velocity_colour(speed: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Colour of a velocity from -1 (away) to 1 (towards the probe): uint8 (..., 3)."""
    fast = np.abs(speed)
    strong, weak = 120 + 135 * fast, 220 * fast**2
    red, blue = np.where(speed > 0, strong, 0.0), np.where(speed > 0, 0.0, strong)
    return np.asarray(np.stack((red, weak, blue), axis=-1), dtype=np.uint8)

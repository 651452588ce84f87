"""What scanners and their users leave on a picture: scales, traces, text, calipers, icons. One class for each.

Every mark is a frozen description with a ``draw`` that needs nothing but the description and the scene, so that equal
specs give equal bytes. Places are shares of the picture or of the sector's box, so that they fit every picture size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from inference.phantom.beat import trace
from inference.phantom.ink import Ink, Place
from inference.types import Spacing

if TYPE_CHECKING:
    from inference.phantom.spec import PhantomSpec

Side = Literal["left", "right"]
Anchor = Literal["picture", "box"]
Glyph = Literal["+", "x", "dot", "bracket", "circle"]


@dataclass(frozen=True)
class Scene:
    """Where a mark is drawn: the clip's geometry, mm per pixel (row, column), and the number of the moment (from 0)."""

    spec: PhantomSpec
    spacing: Spacing
    frame_number: int

    def at(self, x: float, y: float) -> Place:
        """Row and column of a point in mm (x from the sector's axis, y below the probe)."""
        spec = self.spec
        return (spec.top + y / self.spacing[0], spec.left + spec.box_columns / 2 + x / self.spacing[1])

    def share(self, anchor: Anchor, down: float, across: float) -> Place:
        """Row and column of a place given in shares of the picture or of the sector's box."""
        spec = self.spec
        if anchor == "picture":
            return (down * spec.rows, across * spec.columns)
        return (spec.top + down * spec.box_rows, spec.left + across * spec.box_columns)

    @property
    def seconds(self) -> float:
        return self.frame_number * self.spec.frame_time_ms / 1000.0


@dataclass(frozen=True)
class DepthScale:
    """Depth ticks beside the sector's box; ``gap`` pixels from its edge (negative: inside)."""

    side: Side = "right"
    style: Literal["lines", "dots", "numbers"] = "lines"
    step_mm: float = 10.0
    gap: int = 8
    length: int = 5
    level: int = 170
    size: float = 0.9

    def column(self, scene: Scene) -> float:
        spec = scene.spec
        return spec.left + spec.box_columns + self.gap if self.side == "right" else spec.left - 1 - self.gap

    def draw(self, ink: Ink, scene: Scene) -> None:
        start, way = self.column(scene), 1 if self.side == "right" else -1
        for number in range(int(scene.spec.depth_mm // self.step_mm) + 1):
            row, major = scene.at(0.0, number * self.step_mm)[0], round(number * self.step_mm) % 50 == 0
            length = self.length + 3 if major else self.length
            if self.style == "dots":
                ink.disc((row, start + way * 2), 1.5 if major else 0.6, self.level)
            else:
                ink.line([(int(row), start), (int(row), start + way * (length - 1))], self.level)
            if self.style == "numbers" and number and (major or self.step_mm >= 10):
                text = f"{number * self.step_mm / 10:.0f}"
                shift = length + 2 if way > 0 else -length - 2 - 6 * len(text)
                ink.text((row - 5, start + shift), text, self.level, size=self.size)


@dataclass(frozen=True)
class FocusMarker:
    """A small mark at the depth of the transmit focus, on one side of the sector's box."""

    side: Side = "right"
    style: Literal["triangle", "hourglass", "bar"] = "triangle"
    gap: int = 2
    size: int = 6
    level: int = 190

    def draw(self, ink: Ink, scene: Scene) -> None:
        spec = scene.spec
        row, way = scene.at(0.0, spec.focus_mm)[0], 1 if self.side == "right" else -1
        column = spec.left + spec.box_columns + self.gap if way > 0 else spec.left - 1 - self.gap
        far, half = column + way * self.size, self.size * 0.6
        if self.style == "triangle":
            ink.polygon([(row, column), (row - half, far), (row + half, far)], self.level)
        elif self.style == "hourglass":
            ink.polygon([(row, (column + far) / 2), (row - half, column), (row - half, far)], self.level)
            ink.polygon([(row, (column + far) / 2), (row + half, column), (row + half, far)], self.level)
        else:
            ink.line([(row - half, column), (row + half, column)], self.level, width=2)


@dataclass(frozen=True)
class GreyBar:
    """The bar of grey values; its place and height in shares of the picture, its width in pixels."""

    down: float
    across: float
    height: float
    width: int = 8
    brightest_first: bool = True
    framed: bool = False

    def draw(self, ink: Ink, scene: Scene) -> None:
        row, column = scene.share("picture", self.down, self.across)
        height = max(2, int(min(self.height * scene.spec.rows, scene.spec.rows - row)))
        ink.ramp((row, column), height, self.width, brightest_first=self.brightest_first)
        if self.framed:
            last = (row + height, column + self.width)
            corners = [(row - 1, column - 1), (row - 1, last[1]), last, (last[0], column - 1), (row - 1, column - 1)]
            ink.line(corners, 150)


@dataclass(frozen=True)
class EcgStrip:
    """An ECG trace along the bottom, inside the sector's box or below it, with a cursor that moves with the time.

    ``height`` in shares of the box; ``sweep_s`` is the time that the picture's width shows. Where there is no room
    below the box, the strip stands inside it.
    """

    inside: bool = False
    height: float = 0.1
    sweep_s: float = 3.0
    phase: float = 0.0
    level: int = 200
    width: int = 1
    inverted: bool = False
    cursor: Literal["gap", "line", "dot"] = "gap"

    def draw(self, ink: Ink, scene: Scene) -> None:
        spec = scene.spec
        below = spec.rows - (spec.top + spec.box_rows) - 2
        tall, bottom = self.height * spec.box_rows, spec.top + spec.box_rows - 3.0
        if not self.inside and below >= 12:
            tall = min(tall, below)
            bottom = spec.top + spec.box_rows + tall
        columns = np.arange(0, spec.box_columns, 2)
        share = columns / spec.box_columns
        now = scene.seconds / self.sweep_s % 1.0
        # The beam writes from left to right; what lies right of it is left from the sweep before.
        seconds = scene.seconds - np.where(share <= now, now - share, now - share + 1.0) * self.sweep_s
        wave = trace(seconds * spec.heart_rate / 60.0 + self.phase)
        rows = bottom - tall * (0.22 + 0.75 * (-wave if self.inverted else wave)) - (tall * 0.5 if self.inverted else 0)
        points = [(float(row), float(spec.left + column)) for row, column in zip(rows, columns, strict=True)]
        gap = 0.02 if self.cursor == "gap" else 0.0
        done = int(np.searchsorted(share, now, side="right"))
        rest = int(np.searchsorted(share, now + gap, side="right"))
        for part in (points[:done], points[rest:]):
            if len(part) > 1:
                ink.line(part, self.level, width=self.width)
        column = spec.left + now * spec.box_columns
        if self.cursor == "line":
            ink.line([(bottom - tall, column), (bottom, column)], min(self.level + 30, 255))
        elif self.cursor == "dot":
            ink.disc(points[max(done - 1, 0)], 2.0, 255)


@dataclass(frozen=True)
class TextBlock:
    """Lines of text; place in shares of the picture or of the sector's box, size as in ``text_mask``."""

    lines: tuple[str, ...]
    down: float
    across: float
    anchor: Anchor = "picture"
    level: int = 200
    size: float = 1.0
    boxed: bool = False

    def draw(self, ink: Ink, scene: Scene) -> None:
        row, column = scene.share(self.anchor, self.down, self.across)
        step = 12.0 * self.size
        # A block near the lower edge moves up as a whole, so that its lines do not fall on one another.
        row = max(0.0, min(row, scene.spec.rows - step * len(self.lines)))
        for number, line in enumerate(self.lines):
            ink.text((row + number * step, column), line, self.level, size=self.size, boxed=self.boxed)


@dataclass(frozen=True)
class Logo:
    """A maker's sign of no maker: a blob with a hole, rings, or a wedge with a bar. Place in shares of the picture."""

    style: Literal["blob", "rings", "wedge"]
    down: float
    across: float
    size: float = 14.0
    level: int = 210

    def draw(self, ink: Ink, scene: Scene) -> None:
        row, column = scene.share("picture", self.down, self.across)
        radius = self.size / 2
        if self.style == "blob":
            ink.disc((row, column), radius, self.level)
            ink.disc((row - radius * 0.2, column + radius * 0.3), radius * 0.45, 0)
        elif self.style == "rings":
            for part in (1.0, 0.7, 0.35):
                ink.ring((row, column), radius * part, self.level)
        else:
            ink.polygon([(row - radius, column), (row + radius, column - radius), (row + radius, column)], self.level)
            ink.box((row + radius * 0.4, column + 3), (row + radius, column + 3 + self.size * 2), self.level)


@dataclass(frozen=True)
class Caliper:
    """Two glyphs and a distance. Ends in mm from the aorta's middle at rest (x, y); the text is their true distance."""

    first: tuple[float, float]
    last: tuple[float, float]
    glyph: Glyph = "+"
    line: Literal["none", "dots", "solid"] = "dots"
    level: int = 230
    reach: int = 4
    label: tuple[float, float] | None = (0.9, 0.02)
    size: float = 1.0

    @property
    def text(self) -> str:
        """The distance as scanners print it, in cm."""
        length = float(np.hypot(self.first[0] - self.last[0], self.first[1] - self.last[1]))
        return f"{self.glyph if self.glyph in ('+', 'x') else 'D'} {length / 10:.2f} cm"

    def draw(self, ink: Ink, scene: Scene) -> None:
        x, y = scene.spec.centre
        ends = [scene.at(x + dx, y + dy) for dx, dy in (self.first, self.last)]
        if self.line == "dots":
            ink.dots(ends[0], ends[1], 4.0, self.level)
        elif self.line == "solid":
            ink.line(ends, self.level)
        for end in ends:
            for stroke in _strokes(self.glyph, end, self.reach):
                ink.line(stroke, self.level)
            if self.glyph in ("dot", "circle"):
                (ink.disc if self.glyph == "dot" else ink.ring)(end, self.reach / 2, self.level)
        if self.label is not None:
            ink.text(scene.share("picture", *self.label), self.text, self.level, size=self.size, boxed=True)


def _strokes(glyph: Glyph, at: Place, reach: int) -> Iterator[list[Place]]:
    row, column = round(at[0]), round(at[1])
    if glyph == "+":
        yield [(row - reach, column), (row + reach, column)]
        yield [(row, column - reach), (row, column + reach)]
    elif glyph == "x":
        yield [(row - reach, column - reach), (row + reach, column + reach)]
        yield [(row - reach, column + reach), (row + reach, column - reach)]
    elif glyph == "bracket":
        yield [(row, column - reach), (row, column + reach)]


@dataclass(frozen=True)
class ProbeDial:
    """The icon of a multiplane probe's angle: half a circle from 0 to 180 degrees with a hand and the number."""

    degrees: int
    down: float
    across: float
    radius: float = 14.0
    level: int = 190
    whole: bool = False

    def draw(self, ink: Ink, scene: Scene) -> None:
        row, column = scene.share("picture", self.down, self.across)
        ink.ring((row, column), self.radius, self.level, start=0 if self.whole else 180)
        ink.line([(row, column - self.radius), (row, column + self.radius)], self.level)
        angle = np.deg2rad(self.degrees)
        tip = (row - self.radius * float(np.sin(angle)), column - self.radius * float(np.cos(angle)))
        ink.line([(row, column), tip], 255)
        ink.disc(tip, 1.5, 255)
        ink.text((row + 3, column - 8), str(self.degrees), self.level, size=0.9)


@dataclass(frozen=True)
class SectorLine:
    """A thin line along the sector's edges: one side, both sides, or all around."""

    parts: Literal["left", "right", "both", "all"] = "all"
    level: int = 140
    cover: int = 255

    def draw(self, ink: Ink, scene: Scene) -> None:
        spec = scene.spec

        def at(depth: float, angle: float) -> Place:
            reach = depth + spec.apex_mm
            # The picture begins at the probe's face: what the sector would have above it is cut off.
            reach = max(reach, spec.apex_mm / float(np.cos(angle)))
            return scene.at(reach * float(np.sin(angle)), reach * float(np.cos(angle)) - spec.apex_mm)

        for name, angle in (("left", -spec.half_angle), ("right", spec.half_angle)):
            if self.parts in (name, "both", "all"):
                ink.line([at(0.0, angle), at(spec.depth_mm, angle)], self.level, cover=self.cover)
        if self.parts == "all":
            angles = np.linspace(-spec.half_angle, spec.half_angle, 48)
            for depth in (0.0, spec.depth_mm):
                ink.line([at(depth, float(angle)) for angle in angles], self.level, cover=self.cover)


@dataclass(frozen=True)
class Pointer:
    """A mouse arrow or a cross-hair in the sector's box (shares), slowly moving where ``drift`` > 0 (shares/s)."""

    style: Literal["arrow", "cross-hair"]
    down: float
    across: float
    drift: float = 0.0
    size: int = 11
    level: int = 255

    def draw(self, ink: Ink, scene: Scene) -> None:
        moved = self.drift * float(np.sin(scene.seconds * 2.0))
        row, column = scene.share("box", self.down + moved, self.across - moved)
        if self.style == "arrow":
            shape = ((0.0, 0.0), (1.0, 0.0), (0.75, 0.22), (0.72, 0.72))
            ink.polygon([(row + dy * self.size, column + dx * self.size) for dy, dx in shape], self.level)
            return
        for way in (-1, 1):
            ink.line([(row + way * 3, column), (row + way * self.size, column)], self.level)
            ink.line([(row, column + way * 3), (row, column + way * self.size)], self.level)


Mark = DepthScale | FocusMarker | GreyBar | EcgStrip | TextBlock | Logo | Caliper | ProbeDial | SectorLine | Pointer

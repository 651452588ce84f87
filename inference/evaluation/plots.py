"""Small plots as SVG text, to be put into a page as they are. Nothing but the standard library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 420, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 30, 44
BLUE, ORANGE, GREY = "#2b6cb0", "#c05621", "#718096"


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from low to high, about so many. Raises ValueError unless low lies below high."""
    if not low < high:
        raise ValueError("An axis goes from a lower to a higher value.")
    rough = (high - low) / about
    power = 10.0 ** _floor_log10(rough)
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999)
    first = int(-(-low // step))
    return [round(n * step, 10) for n in range(first, first + 100) if n * step <= high + step * 1e-9]


def _floor_log10(value: float) -> int:
    power = 0
    while value >= 10:
        value, power = value / 10, power + 1
    while value < 1:
        value, power = value * 10, power - 1
    return power


@dataclass
class Plot:
    """Axes with a title; things are drawn in data units, in the order of the calls."""

    title: str
    across: str
    up: str
    x: tuple[float, float]
    y: tuple[float, float]
    numbers_up: bool = True
    _parts: list[str] = field(default_factory=list)

    def _at(self, x: float, y: float) -> tuple[float, float]:
        wide, high = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
        px = _LEFT + (x - self.x[0]) / (self.x[1] - self.x[0]) * wide
        py = HEIGHT - _BOTTOM - (y - self.y[0]) / (self.y[1] - self.y[0]) * high
        return round(px, 1), round(py, 1)

    def line(
        self, points: Sequence[tuple[float, float]], colour: str = BLUE, dash: str = "", width: float = 1.5
    ) -> None:
        """A line through the points."""
        path = " ".join(f"{x},{y}" for x, y in (self._at(*point) for point in points))
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashed}/>')

    def dots(self, points: Sequence[tuple[float, float]], colour: str = BLUE, radius: float = 2.6) -> None:
        """A dot at every point that lies within the axes; the others at the border, as rings."""
        for x, y in points:
            inside = self.x[0] <= x <= self.x[1] and self.y[0] <= y <= self.y[1]
            cx, cy = self._at(min(max(x, self.x[0]), self.x[1]), min(max(y, self.y[0]), self.y[1]))
            look = f'fill="{colour}" fill-opacity="0.55"' if inside else f'fill="none" stroke="{colour}"'
            self._parts.append(f'<circle cx="{cx}" cy="{cy}" r="{radius}" {look}/>')

    def word(self, x: float, y: float, text: str, colour: str = GREY, anchor: str = "start") -> None:
        """A word at a place."""
        px, py = self._at(x, y)
        self._parts.append(
            f'<text x="{px}" y="{py}" fill="{colour}" text-anchor="{anchor}" font-size="11">{escape(text)}</text>'
        )

    def svg(self) -> str:
        """The whole plot."""
        x0, y0 = self._at(self.x[0], self.y[0])
        x1, y1 = self._at(self.x[1], self.y[1])
        frame = f'<rect x="{x0}" y="{y1}" width="{x1 - x0:.1f}" height="{y0 - y1:.1f}" fill="none" stroke="#cbd5e0"/>'
        marks = []
        for value in ticks(*self.x):
            px, _ = self._at(value, self.y[0])
            marks.append(f'<line x1="{px}" y1="{y0}" x2="{px}" y2="{y0 + 4}" stroke="{GREY}"/>')
            marks.append(f'<text x="{px}" y="{y0 + 16}" text-anchor="middle" font-size="11">{value:g}</text>')
        for value in ticks(*self.y) if self.numbers_up else ():
            _, py = self._at(self.x[0], value)
            marks.append(f'<line x1="{x0 - 4}" y1="{py}" x2="{x0}" y2="{py}" stroke="{GREY}"/>')
            marks.append(f'<text x="{x0 - 7}" y="{py + 4}" text-anchor="end" font-size="11">{value:g}</text>')
        middle = (x0 + x1) / 2
        words = (
            f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle" font-size="12">{escape(self.across)}</text>'
            f'<text x="14" y="{(y0 + y1) / 2}" text-anchor="middle" font-size="12" '
            f'transform="rotate(-90 14 {(y0 + y1) / 2})">{escape(self.up)}</text>'
            f'<text x="{middle}" y="18" text-anchor="middle" font-size="13" font-weight="600">'
            f"{escape(self.title)}</text>"
        )
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
            f'aria-label="{escape(self.title)}" font-family="system-ui, sans-serif" fill="#2d3748">'
            f"{frame}{''.join(marks)}{''.join(self._parts)}{words}</svg>"
        )


def reliability_plot(bins: Sequence[dict[str, float]], ece: float | None) -> str:
    """Share of complex studies against the mean probability, in bins of equal mass, with Wilson intervals."""
    title = "Reliability" if ece is None else f"Reliability (ECE {ece:.3f})"
    plot = Plot(title, "mean probability in the bin", "share that is complex", (0, 1), (0, 1))
    plot.line([(0, 0), (1, 1)], GREY, "4 3", 1)
    for one in bins:
        plot.line([(one["probability"], one["low"]), (one["probability"], one["high"])], BLUE, width=1)
    plot.line([(one["probability"], one["share"]) for one in bins], BLUE)
    plot.dots([(one["probability"], one["share"]) for one in bins], BLUE, 3.5)
    return plot.svg()


def roc_plot(curve: Sequence[tuple[float, float]], at: tuple[float, float] | None, threshold: float) -> str:
    """The ROC curve with the place of the operating threshold (1 - specificity, sensitivity)."""
    plot = Plot("ROC, answered studies", "1 - specificity", "sensitivity", (0, 1), (0, 1))
    plot.line([(0, 0), (1, 1)], GREY, "4 3", 1)
    plot.line(curve, BLUE)
    if at is not None:
        plot.dots([at], ORANGE, 5)
        plot.word(min(at[0] + 0.04, 0.6), max(at[1] - 0.06, 0.05), f"threshold {threshold:g}", ORANGE)
    return plot.svg()


def bland_altman_plot(pairs: Sequence[tuple[float, float]], bias: float, limits: tuple[float, float]) -> str:
    """Predicted less true thickness against their mean, with bias and limits of agreement, and +-1 mm as fine lines."""
    means = [(t + p) / 2 for t, p in pairs]
    reach = max(1.5, *(abs(p - t) for t, p in pairs)) if pairs else 1.5
    reach = min(reach * 1.08, 6.0)
    high = max((*means, 4.0)) * 1.05
    plot = Plot("Bland-Altman", "mean of true and predicted (mm)", "predicted - true (mm)", (0, high), (-reach, reach))
    for level in (-1.0, 1.0):
        plot.line([(0, level), (high, level)], "#cbd5e0", "2 3", 1)
    plot.dots([(m, p - t) for m, (t, p) in zip(means, pairs, strict=True)])
    for level, name in ((bias, "bias"), (limits[0], "-1.96 SD"), (limits[1], "+1.96 SD")):
        if abs(level) <= reach:
            plot.line([(0, level), (high, level)], ORANGE, "" if name == "bias" else "5 3", 1.3)
            plot.word(high * 0.99, level + reach * 0.03, f"{name} {level:+.2f}", ORANGE, "end")
    return plot.svg()


def scatter_plot(pairs: Sequence[tuple[float, float]]) -> str:
    """Predicted against true thickness, with the line of equality and the 4.0 mm limit on both axes."""
    high = max((4.5, *(v for pair in pairs for v in pair))) * 1.05
    plot = Plot("Thickness", "true (mm)", "predicted (mm)", (0, high), (0, high))
    plot.line([(0, 0), (high, high)], GREY, "4 3", 1)
    plot.line([(4, 0), (4, high)], "#cbd5e0", "2 3", 1)
    plot.line([(0, 4), (high, 4)], "#cbd5e0", "2 3", 1)
    plot.dots(pairs)
    return plot.svg()


def histogram_plot(values: Sequence[float], title: str, across: str, bins: int = 20) -> str:
    """How many values between 0 and 1 fall into each of so many equal steps."""
    counts = [0] * bins
    for value in values:
        counts[min(int(value * bins), bins - 1)] += 1
    plot = Plot(title, across, "frames", (0, 1), (0, max(*counts, 1) * 1.08))
    for n, count in enumerate(counts):
        left, right = n / bins, (n + 1) / bins
        plot.line([(left, 0), (left, count), (right, count), (right, 0)], BLUE)
    return plot.svg()


def interval_plot(title: str, across: str, rows: Sequence[tuple[str, float, float | None, float | None]]) -> str:
    """One line a level: its value as a dot and its interval as a bar, for shares between 0 and 1."""
    plot = Plot(title, across, "", (0, 1), (0, max(len(rows), 1) + 0.5), numbers_up=False)
    for n, (name, value, low, high) in enumerate(rows):
        y = len(rows) - n - 0.25
        if low is not None and high is not None:
            plot.line([(low, y), (high, y)], BLUE, width=3)
        plot.dots([(value, y)], ORANGE, 4)
        plot.word(0.01, y + 0.2, name)
    return plot.svg()

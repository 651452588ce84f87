"""What a printed report is made of: sections of paragraphs, tables and figures, numbered in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from plaqueweb.agreement.boards.shown import Chart
from plaqueweb.agreement.paper.charts import NARROW, WIDE, draw
from plaqueweb.agreement.paper.drawing import Drawing

Cells = Sequence[str]


@dataclass(frozen=True)
class Paragraph:
    """Text; ``strong`` is the one sentence to remember."""

    text: str
    strong: bool = False
    kind: str = "paragraph"


@dataclass(frozen=True)
class Table:
    """``columns`` are (label, whether numbers stand there); the first cell of a row names it."""

    title: str
    columns: Sequence[tuple[str, bool]]
    rows: Sequence[Cells]
    note: str = ""
    number: int = 0
    kind: str = "table"

    @property
    def body(self) -> list[list[tuple[str, str]]]:
        """Rows as (cell, its class): numbers stand right, words in a column of numbers may break, hashes are small."""
        numbers = [number for _label, number in self.columns]
        return [[(cell, _kind(cell, number)) for cell, number in zip(row, numbers, strict=True)] for row in self.rows]

    @property
    def wide(self) -> bool:
        """Tell whether it has so many columns that its letters must be smaller."""
        return len(self.columns) > 8


LONG_NUMBER, HASH = 18, 64


def _kind(cell: str, number: bool) -> str:
    if number:
        return "num why" if len(cell) > LONG_NUMBER else "num"
    return "hash" if len(cell) == HASH else ""


@dataclass(frozen=True)
class Figure:
    """A drawing with its caption. ``facts`` are (label, value, interval or ground); ``half`` stands two in a row."""

    title: str
    ground: str
    drawing: Drawing
    foot: str = ""
    facts: Sequence[tuple[str, str, str]] = field(default_factory=tuple)
    legend: Sequence[tuple[str, str]] = field(default_factory=tuple)
    half: bool = False
    number: int = 0
    kind: str = "figure"


Block = Paragraph | Table | Figure


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    key: str
    title: str
    blocks: Sequence[Block]


def figure(chart: Chart, *, half: bool = False, foot: bool = True) -> Block:
    """A chart of a tab as a figure; one that has nothing to draw as the sentence that says what is missing.

    Without ``foot`` its sentence is left out: on paper no cell opens anything. Several models get a legend.
    """
    if chart.missing:
        return Paragraph(f"{chart.title}: {chart.missing}")
    drawn = draw(chart.draw, chart.data, width=NARROW if half else WIDE)
    marked = [line for line in chart.data.get("lines", []) if line.get("marks") and line.get("tone") == "model"]
    several = [("model" if at == 0 else "model2", line["name"]) for at, line in enumerate(marked)]
    legend = chart.legend or (several if len(several) > 1 and not any(line.get("label") for line in marked) else ())
    return Figure(chart.title, chart.ground, drawn, chart.foot if foot else "", chart.facts, legend, half)


def table(chart: Chart, title: str = "") -> list[Block]:
    """The numbers of a chart as a table; none where there is nothing to draw."""
    if chart.missing or not chart.rows:
        return []
    columns = [(column.label, column.number) for column in chart.columns]
    return [Table(title or chart.title, columns, [row.cells for row in chart.rows], chart.ground)]


def numbered(sections: Sequence[Section]) -> list[Section]:
    """The same with tables and figures counted through."""
    counts = {"table": 0, "figure": 0}
    made = []
    for section in sections:
        blocks: list[Block] = []
        for block in section.blocks:
            if isinstance(block, Paragraph):
                blocks.append(block)
                continue
            counts[block.kind] += 1
            blocks.append(replace(block, number=counts[block.kind]))
        made.append(replace(section, blocks=blocks))
    return made

"""The table of a training folder: which file shows which subject, with what spacing, class and split."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from inference.types import RegionBox

COLUMNS = (
    "file", "mask", "subject", "frame", "class", "thickness_mm", "row_mm", "col_mm", "x0", "y0", "x1", "y1", "split",
)  # fmt: skip
"""Columns that are read; ``file`` and ``subject`` must be there. Others are let pass: they are for people."""
SPLIT_NAMES = ("train", "validation", "test")
PICTURES = (".png", ".jpg", ".jpeg")
DICOMS = (".dcm", ".dicom", "")


class TableError(ValueError):
    """A table of a training folder that cannot be used; the text names the row and the rule."""


@dataclass(frozen=True)
class Row:
    """One picture of a training folder.

    ``file`` and ``mask`` are relative to the folder; ``frame`` counts from 1 (DICOM cines); ``label`` is the class 0 or
    1, None where nobody gave it; ``spacing`` is (row, column) in mm; ``box`` is x0, y0, x1, y1, inclusive; ``split`` is
    empty where the training shall choose.
    """

    file: str
    subject: str
    mask: str | None = None
    frame: int = 1
    label: int | None = None
    thickness_mm: float | None = None
    spacing: tuple[float, float] | None = None
    box: tuple[int, int, int, int] | None = None
    split: str = ""

    def region(self, rows: int, columns: int) -> RegionBox | None:
        """The region that the table names, None where it names neither box nor spacing.

        Raises TableError where the box leaves the picture.
        """
        if self.box is None and self.spacing is None:
            return None
        x0, y0, x1, y1 = self.box or (0, 0, columns - 1, rows - 1)
        if x1 >= columns or y1 >= rows:
            raise TableError(f"{self.file}: the box {x0},{y0}-{x1},{y1} leaves the picture of {columns} x {rows}.")
        row_mm, col_mm = self.spacing or (None, None)
        return RegionBox(1, x0, y0, x1, y1, row_mm, col_mm, "manual" if self.spacing else "none")


def read_table(path: Path) -> list[Row]:
    """Rows of a CSV (with a header) or a JSON file (a list of objects, or one under "frames").

    Raises TableError, naming the row, for what cannot be used.
    """
    if not path.is_file():
        raise TableError(f"{path.name}: there is no such table in the folder.")
    rows = [_row(number, given) for number, given in _records(path)]
    if not rows:
        raise TableError(f"{path.name}: the table is empty.")
    return rows


def rows_of_pictures(folder: Path, images: str, subject: str) -> list[Row]:
    """Rows without a table: every picture below ``images``, its subject by the first group of the pattern ``subject``.

    Raises TableError where the folder is empty, or a file's name does not fit.
    """
    try:
        pattern = re.compile(subject)
    except re.error as error:
        raise TableError(f"data.subject: this is no regular expression ({error}).") from error
    if pattern.groups < 1:
        raise TableError("data.subject: the pattern needs a group in brackets that holds the subject.")
    rows = []
    for path in sorted(p for p in (folder / images).rglob("*") if p.suffix.lower() in (*PICTURES, *DICOMS[:2])):
        name = path.relative_to(folder).as_posix()
        found = pattern.search(name)
        if found is None:
            raise TableError(f"{name}: the pattern of data.subject does not fit its name.")
        rows.append(Row(name, found.group(1)))
    if not rows:
        raise TableError(f"There is no picture in {images} of the training folder.")
    return rows


def _records(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if path.suffix.lower() == ".json":
        yield from _json_records(path)
        return
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = {"file", "subject"} - set(reader.fieldnames or ())
            if missing:
                raise TableError(f"{path.name}: the column {', '.join(sorted(missing))} is missing.")
            yield from enumerate(reader, start=2)
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path.name}: this is no CSV in UTF-8 ({error}).") from error


def _json_records(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise TableError(f"{path.name}: this is no JSON ({error}).") from error
    listed = data.get("frames") if isinstance(data, dict) else data
    if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
        raise TableError(f"{path.name}: a list of objects is needed, at the top or under “frames”.")
    yield from enumerate(listed, start=1)


def _row(number: int, given: Mapping[str, Any]) -> Row:
    where = f"row {number}"
    text = {key: "" if given.get(key) is None else str(given[key]).strip() for key in COLUMNS}
    if not text["subject"]:
        raise TableError(f"{where}: the subject is missing; splits are by subject.")
    label = text["class"]
    if label not in ("", "0", "1"):
        raise TableError(f"{where}: the class is 0, 1 or empty; this is {label!r}.")
    if text["split"] not in ("", *SPLIT_NAMES):
        raise TableError(f"{where}: the split is train, validation, test or empty; this is {text['split']!r}.")
    frame = _whole(text["frame"], where, "frame")
    if frame is not None and frame < 1:
        raise TableError(f"{where}: frames are numbered from 1.")
    thickness = _number(text["thickness_mm"], where, "thickness_mm")
    if thickness is not None and not 0 <= thickness <= 100:
        raise TableError(f"{where}: a thickness lies between 0 and 100 mm.")
    return Row(
        file=_inside(text["file"], where),
        subject=text["subject"],
        mask=_inside(text["mask"], where) if text["mask"] else None,
        frame=frame or 1,
        label=int(label) if label else None,
        thickness_mm=thickness,
        spacing=_spacing(text, where),
        box=_box(text, where),
        split=text["split"],
    )


def _inside(name: str, where: str) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    if not name or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise TableError(f"{where}: a file is named relative to the folder and lies in it; this is {name!r}.")
    return path.as_posix()


def _number(text: str, where: str, name: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise TableError(f"{where}: {name} must be a number; this is {text!r}.")
    return value


def _whole(text: str, where: str, name: str) -> int | None:
    value = _number(text, where, name)
    if value is not None and value != int(value):
        raise TableError(f"{where}: {name} must be a whole number; this is {text!r}.")
    return None if value is None else int(value)


def _spacing(text: Mapping[str, str], where: str) -> tuple[float, float] | None:
    row, column = _number(text["row_mm"], where, "row_mm"), _number(text["col_mm"], where, "col_mm")
    if row is None and column is None:
        return None
    if row is None or column is None:
        raise TableError(f"{where}: row_mm and col_mm are given together, or neither.")
    if not (0.005 <= row <= 5 and 0.005 <= column <= 5):
        raise TableError(f"{where}: a spacing lies between 0.005 and 5 mm a pixel; this is {row} x {column}.")
    return row, column


def _box(text: Mapping[str, str], where: str) -> tuple[int, int, int, int] | None:
    values = [_whole(text[key], where, key) for key in ("x0", "y0", "x1", "y1")]
    if all(value is None for value in values):
        return None
    x0, y0, x1, y1 = (-1 if value is None else value for value in values)
    if not (0 <= x0 < x1 and 0 <= y0 < y1):
        raise TableError(f"{where}: a box is x0 < x1 and y0 < y1, none below zero and all four given.")
    return x0, y0, x1, y1

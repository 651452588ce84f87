"""Training data from a folder of pictures and masks, or from an export of the site."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.files import OpenClip, open_clip
from inference.phantom.cohort import TrainingSet
from inference.preprocess import Canvas, choose_region, to_grey
from inference.training.config import DataConfig
from inference.training.export import dataset_sha256, digest_files, read_manifest
from inference.training.labels import (
    UNKNOWN,
    WHOLE,
    LabelError,
    LabelMap,
    apply_map,
    class_number,
    from_binary,
    parse_label_map,
    read_mask,
)
from inference.training.split import (
    check_pictures,
    check_subjects,
    counts_of,
    prints_of,
    split_by_subject,
)
from inference.training.table import Row, TableError, read_table, rows_of_pictures
from inference.types import RegionBox

NO_CLASS = 255
"""Value of ``TrainingSet.classes`` where nobody gave a class."""
_TABLES = ("subjects.csv", "subjects.json")
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Sample:
    """One picture as the networks get it: the frame as stored, its label codes on the same grid (None without a mask)
    and the way to the canvas."""

    row: Row
    frame: Bytes
    codes: Bytes | None
    canvas: Canvas


class Reader:
    """Opens the rows of a folder one after the other; the last clip stays open, as do canvases of equal regions."""

    def __init__(self, folder: Path, data: DataConfig, mapping: LabelMap | None = None) -> None:
        self.folder, self.data = folder, data
        self.mapping = mapping or (parse_label_map(data.labels, "data.labels") if data.labels else WHOLE)
        self.binary = (
            {}
            if isinstance(data.masks, str)
            else {class_number(name, "data.masks"): place for name, place in data.masks.items()}
        )
        self._open: tuple[str, OpenClip] | None = None
        self._canvases: dict[RegionBox, Canvas] = {}

    def samples(self, rows: Iterable[Row]) -> Iterator[Sample]:
        """Pictures with labels, in the order of the rows. Raises ValueError naming the file and the rule."""
        for row in rows:
            frame, regions = self._picture(row)
            rows_, columns = frame.shape[:2]
            region = row.region(rows_, columns) or choose_region(regions, rows_, columns)
            if region not in self._canvases:
                self._canvases[region] = Canvas(region)
            codes = self._codes(row, (rows_, columns))
            yield Sample(row, frame, codes, self._canvases[region])

    def mask_files(self, row: Row) -> list[str]:
        """Names of the mask files that belong to a row and exist; a mask that the table names must exist."""
        if row.mask is not None:
            if not (self.folder / row.mask).is_file():
                raise TableError(f"{row.mask}: the table names this mask, and there is no such file.")
            return [row.mask]
        inside = PurePosixPath(row.file)
        if self.data.images and inside.is_relative_to(self.data.images):
            inside = inside.relative_to(self.data.images)
        folders = [self.data.masks] if isinstance(self.data.masks, str) else list(self.binary.values())
        names = [(PurePosixPath(folder) / inside.with_suffix(".png")).as_posix() for folder in folders]
        found = [name for name in names if (self.folder / name).is_file()]
        if found and len(found) != len(names):
            raise TableError(f"{row.file}: the mask {(set(names) - set(found)).pop()} is missing.")
        return found

    def _picture(self, row: Row) -> tuple[Bytes, Sequence[RegionBox]]:
        if self._open is None or self._open[0] != row.file:
            try:
                self._open = (row.file, open_clip(self.folder / row.file))
            except FileNotFoundError as error:
                raise TableError(f"{row.file}: there is no such file in the folder.") from error
            except ValueError as error:
                raise TableError(f"{row.file}: {error}") from error
        clip = self._open[1]
        if row.frame > len(clip.frames):
            raise TableError(f"{row.file}: frame {row.frame} is asked for; the file holds {len(clip.frames)}.")
        return clip.frames[row.frame - 1], clip.regions

    def _codes(self, row: Row, size: tuple[int, int]) -> Bytes | None:
        names = self.mask_files(row)
        if not names:
            return None
        masks = [read_mask(self.folder / name) for name in names]
        if any(mask.shape != size for mask in masks):
            raise LabelError(f"{names[0]}: the mask is {masks[0].shape}, its picture {size} (rows, columns).")
        if self.binary:
            return from_binary(dict(zip(self.binary, masks, strict=True)), row.file)
        return apply_map(masks[0], self.mapping, names[0])


@dataclass(frozen=True)
class FolderData:
    """A folder, split: rows and pictures on the canvas of every split, and what the card says about the data."""

    reader: Reader
    rows: dict[str, list[Row]]
    sets: dict[str, TrainingSet]
    about: dict[str, Any]


def load_folder(data: DataConfig) -> FolderData:
    """Read, split by subject and check for leaks what ``data`` ("folder" or "export") describes.

    Raises ValueError, naming file and rule, for anything that cannot be used and for every leak.
    """
    folder = Path(data.folder)
    if not data.folder or not folder.is_dir():
        raise TableError("data.folder: there is no such folder; name it there, or with --data.")
    rows, reader, about = _export(folder, data) if data.source == "export" else _folder(folder, data)
    rows = _grouped(rows, data.groups)
    splits = split_by_subject(rows, shares=data.shares, seed=data.seed, folds=data.folds, fold=data.fold)
    splits = {name: part for name, part in splits.items() if part}
    check_subjects({name: [row.subject for row in part] for name, part in splits.items()})
    sets: dict[str, TrainingSet] = {}
    prints = {}
    for name, part in splits.items():
        sets[name], pictures = _training_set(reader, part)
        prints[name] = prints_of([row.file for row in part], pictures)
    check_pictures(prints)
    return FolderData(reader, splits, sets, about | {"splits": counts_of(splits)})


def _export(folder: Path, data: DataConfig) -> tuple[list[Row], Reader, dict[str, Any]]:
    manifest = read_manifest(folder)
    reader = Reader(folder, data, manifest.labels)
    return read_table(folder / manifest.table), reader, {"sha256": manifest.sha256, "export": manifest.about}


def _folder(folder: Path, data: DataConfig) -> tuple[list[Row], Reader, dict[str, Any]]:
    reader = Reader(folder, data)
    table = data.table or next((name for name in _TABLES if (folder / name).is_file()), "")
    rows = read_table(folder / table) if table else rows_of_pictures(folder, data.images, data.subject)
    names = [table] if table else []
    for row in rows:
        if not (folder / row.file).is_file():
            raise TableError(f"{row.file}: there is no such file in the folder.")
        names += [row.file, *reader.mask_files(row)]
    return rows, reader, {"sha256": dataset_sha256(digest_files(folder, names))}


def _grouped(rows: Sequence[Row], groups: Mapping[str, Sequence[str]]) -> list[Row]:
    """Rows whose subjects are those of the groups, where they belong to one. A subject that no row has is a mistake."""
    if not groups:
        return list(rows)
    home = {subject: name for name, listed in groups.items() for subject in listed}
    strange = set(home) - {row.subject for row in rows}
    if strange:
        raise TableError(f"data.groups: there is no subject {sorted(strange)[0]}.")
    return [replace(row, subject=home.get(row.subject, row.subject)) for row in rows]


def _training_set(reader: Reader, rows: Sequence[Row]) -> tuple[TrainingSet, list[Bytes]]:
    """A split on the canvas, and its grey pictures as stored, for the leak check."""
    images, labels, pictures = [], [], []
    for sample in reader.samples(rows):
        image = sample.canvas.frame(sample.frame)
        images.append(image)
        blank = np.full(image.shape, UNKNOWN, dtype=np.uint8)
        labels.append(blank if sample.codes is None else sample.canvas.labels(sample.codes))
        region = sample.canvas.region
        pictures.append(to_grey(sample.frame[region.y0 : region.y1 + 1, region.x0 : region.x1 + 1]))
    count = len(rows)
    out = TrainingSet(
        images=np.stack(images),
        labels=np.stack(labels),
        lesions=np.zeros_like(labels[0])[None].repeat(count, axis=0),
        classes=np.array([NO_CLASS if row.label is None else row.label for row in rows], dtype=np.uint8),
        thickness_mm=np.array([row.thickness_mm for row in rows], dtype=np.float32),  # None becomes NaN
        subjects=np.array([row.subject for row in rows]),
        kinds=np.full(count, ""),
        families=np.full(count, ""),
        seeds=np.full(count, -1, dtype=np.int64),
    )
    return out, pictures

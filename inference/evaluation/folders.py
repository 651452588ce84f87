"""Cases from folders: DICOM with truth beside it, as ``inference phantom`` writes it, or pictures and masks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from inference.dicom.read import read_clip
from inference.evaluation.cases import STRUCTURES, Case, Job, make_case, truth_from
from inference.training.labels import read_mask
from inference.training.table import PICTURES, Row, read_table
from inference.types import LUMEN, PLAQUE, WALL, RegionBox


@dataclass(frozen=True)
class DicomJob:
    """One clip of a folder as ``inference phantom`` writes it."""

    file: Path
    masks: Path | None
    name: str
    subject: str
    truth: dict[str, Any] = field(repr=False)
    frames: int | None = None

    def load(self) -> Case:
        """Decode the clip and read its masks; with ``frames``, so many frames spread evenly over it."""
        clip = read_clip(self.file)
        total = len(clip.frames)
        count = total if self.frames is None else min(self.frames, total)
        chosen = [int(n) for n in np.linspace(0, total - 1, count).round()]
        pictures = np.stack([np.asarray(clip.frames[n]) for n in chosen])
        labels, known = (None, ()) if self.masks is None else read_labels(self.masks)
        if labels is not None:
            if len(labels) != total:
                raise ValueError(f"{self.name}: {len(labels)} true masks for {total} frames.")
            labels = labels[chosen]
        return make_case(self.name, self.subject, pictures, tuple(clip.regions), labels, known, truth_from(self.truth))


def read_labels(path: Path) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """True masks from an ``.npz``: ``labels`` (1 lumen, 2 wall, 3 plaque), or ``plaque`` and/or ``lumen``.

    Gives a label map (n, rows, columns) and the structures it decides on. Raises ValueError for other content.
    """
    with np.load(path, allow_pickle=False) as archive:
        if "labels" in archive:
            labels = np.asarray(archive["labels"])
            if labels.ndim != 3 or labels.max(initial=0) > PLAQUE or labels.min(initial=0) < 0:
                raise ValueError(f"{path.name}: labels are (frames, rows, columns) with values 0 to 3.")
            return labels.astype(np.uint8), STRUCTURES
        parts = {name: np.asarray(archive[name]) != 0 for name in ("lumen", "plaque") if name in archive}
    if not parts or any(part.ndim != 3 for part in parts.values()):
        raise ValueError(f"{path.name}: an .npz of true masks holds labels, or plaque and lumen, frame by frame.")
    first = next(iter(parts.values()))
    labels = np.zeros(first.shape, dtype=np.uint8)
    for name, part in parts.items():
        labels[part] = LUMEN if name == "lumen" else PLAQUE
    return labels, tuple(parts)


@dataclass(frozen=True)
class DicomSource:
    """A folder with ``dicom/`` and ``truth/*.json`` as ``inference phantom`` writes it, whoever wrote it.

    Raises ValueError when it holds no truth.
    """

    folder: Path
    frames: int | None = None

    def jobs(self) -> Sequence[Job]:
        """One job a clip. Raises ValueError naming the file and the rule when a truth file cannot be used."""
        jobs: list[Job] = []
        for path in sorted((self.folder / "truth").glob("*.json")):
            try:
                study = json.loads(path.read_text(encoding="utf-8"))
                clips = study["clips"]
                for clip in clips:
                    for name in (clip["file"], clip.get("masks") or ""):
                        if Path(name).is_absolute() or ".." in Path(name).parts:
                            raise ValueError(f"{path.name}: files are named relative to the folder; got {name!r}.")
                    masks = clip.get("masks")
                    jobs.append(
                        DicomJob(
                            self.folder / "dicom" / clip["file"],
                            None if masks is None else path.parent / masks,
                            str(clip["file"]),
                            str(study.get("subject") or path.stem),
                            clip,
                            self.frames,
                        )
                    )
            except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"{path.name}: a truth file has clips, each with its file ({error!r}).") from error
        if not jobs:
            raise ValueError("The folder holds no truth/*.json as `inference phantom` writes it.")
        return jobs

    def describe(self) -> dict[str, Any]:
        """The folder's name and how much it holds."""
        jobs = self.jobs()
        return {"source": "folder of DICOM with truth", "name": self.folder.resolve().name, "clips": len(jobs)}


@dataclass(frozen=True)
class PictureJob:
    """One picture with its mask, and what the table says of it."""

    picture: Path
    mask: Path
    means: str | None
    row: Row

    def load(self) -> Case:
        """Read both. Raises ValueError for a mask that is no label map, or a box that leaves the picture."""
        try:
            with Image.open(self.picture, formats=("PNG", "JPEG")) as image:
                grey = np.asarray(image.convert("L"), dtype=np.uint8)
        except (UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(f"{self.picture.name}: the picture cannot be decoded ({error}).") from error
        drawn = read_mask(self.mask)
        known: tuple[str, ...] = STRUCTURES
        if self.means is not None:
            value = {"lumen": LUMEN, "plaque": PLAQUE, "aorta": WALL}[self.means]
            labels, known = np.where(drawn > 0, value, 0).astype(np.uint8), (self.means,)
        elif drawn.max(initial=0) > PLAQUE:
            raise ValueError(f"{self.mask.name}: a label map holds 0 to 3; say what a two-valued mask means.")
        else:
            labels = drawn
        rows, columns = grey.shape
        region = self.row.region(rows, columns) or RegionBox(1, 0, 0, columns - 1, rows - 1)
        truth = truth_from({"class": self.row.label, "thickness_mm": self.row.thickness_mm})
        return make_case(self.row.file, self.row.subject, grey[None], (region,), labels[None], known, truth)


@dataclass(frozen=True)
class PictureSource:
    """``images/`` and ``masks/`` with equal stems, or a training folder with its ``subjects.csv``.

    Of a table that names splits, only the rows of "test" are taken. ``means`` says what a two-valued mask marks (lumen,
    plaque, aorta); None: masks are label maps 0 to 3. Raises ValueError for an unknown structure.
    """

    folder: Path
    means: str | None = None

    def __post_init__(self) -> None:
        if self.means is not None and self.means not in STRUCTURES:
            raise ValueError(f"A two-valued mask means one of {', '.join(STRUCTURES)}; got {self.means!r}.")

    def _rows(self) -> list[Row]:
        table = self.folder / "subjects.csv"
        if table.is_file():
            rows = read_table(table)
            return [row for row in rows if row.split == "test"] or [row for row in rows if not row.split]
        found = sorted(p for p in (self.folder / "images").glob("*") if p.suffix.lower() in PICTURES)
        return [Row(f"images/{path.name}", path.stem) for path in found]

    def jobs(self) -> Sequence[Job]:
        """One job a picture. Raises ValueError when a picture has no mask, or there is none."""
        jobs: list[Job] = []
        for row in self._rows():
            picture = self.folder / row.file
            mask = self.folder / (row.mask or f"masks/{picture.stem}.png")
            if not mask.is_file():
                raise ValueError(f"{row.file}: there is no {mask.parent.name}/{mask.name}.")
            jobs.append(PictureJob(picture, mask, self.means, row))
        if not jobs:
            raise ValueError("The folder holds no pictures to test on: images/*.png, or rows of subjects.csv.")
        return jobs

    def describe(self) -> dict[str, Any]:
        """The folder's name and how much it holds."""
        return {
            "source": "folder of pictures and masks",
            "name": self.folder.resolve().name,
            "pictures": len(self.jobs()),
            "masks": self.means or "label maps",
        }


def open_source(folder: Path, *, frames: int | None = None, means: str | None = None) -> DicomSource | PictureSource:
    """The source behind a folder, by what lies in it. Raises ValueError when it is neither kind."""
    if (folder / "truth").is_dir():
        return DicomSource(folder, frames)
    if (folder / "images").is_dir() or (folder / "subjects.csv").is_file():
        return PictureSource(folder, means)
    raise ValueError(
        "A folder of cases holds dicom/ and truth/ (as `inference phantom` writes), or images/ and masks/."
    )

"""Cases from folders: DICOM with truth beside it, as ``inference phantom`` writes it, or pictures and masks."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from inference.dicom.read import read_clip
from inference.evaluation.cases import STRUCTURES, Case, Job, length_of, make_case, truth_from
from inference.types import LUMEN, PLAQUE, WALL, RegionBox

_PICTURES = (".png", ".jpg", ".jpeg")


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
    """One picture with its mask."""

    picture: Path
    mask: Path
    means: str | None
    row: dict[str, str]

    def load(self) -> Case:
        """Read both. Raises ValueError for a mask that is no label map."""
        try:
            with Image.open(self.picture, formats=("PNG", "JPEG")) as image:
                grey = np.asarray(image.convert("L"), dtype=np.uint8)
            with Image.open(self.mask, formats=("PNG",)) as image:
                drawn = np.asarray(image)
        except (UnidentifiedImageError, SyntaxError) as error:
            raise ValueError(f"{self.picture.name}: picture or mask cannot be decoded ({error}).") from error
        if drawn.ndim != 2:
            raise ValueError(f"{self.mask.name}: a mask is a grey PNG, one value a pixel.")
        if self.means is None:
            if drawn.max(initial=0) > PLAQUE:
                raise ValueError(f"{self.mask.name}: a label map holds 0 to 3; say what a two-valued mask means.")
            labels, known = drawn.astype(np.uint8), STRUCTURES
        else:
            labels, known = _two_valued(drawn, self.means)
        rows, columns = grey.shape
        row_mm, col_mm = (length_of(self.row.get(key), key) or None for key in ("row_mm", "col_mm"))
        region = RegionBox(1, 0, 0, columns - 1, rows - 1, row_mm, col_mm, "manual" if row_mm and col_mm else "none")
        values: dict[str, Any] = {**self.row, "class": int(self.row["class"]) if self.row.get("class") else None}
        truth = truth_from(values)
        subject = self.row.get("subject") or self.picture.stem
        return make_case(self.picture.name, subject, grey[None], (region,), labels[None], known, truth)


def _two_valued(drawn: NDArray[Any], means: str) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    value = {"lumen": LUMEN, "plaque": PLAQUE, "aorta": WALL}[means]
    return np.where(drawn > 0, value, 0).astype(np.uint8), (means,)


@dataclass(frozen=True)
class PictureSource:
    """``images/`` and ``masks/`` with equal stems.

    ``subjects.csv`` may say more of each file: subject, row_mm, col_mm, class, thickness_mm.

    ``means`` says what a two-valued mask marks (lumen, plaque, aorta); None: masks are label maps 0 to 3.
    Raises ValueError for an unknown structure.
    """

    folder: Path
    means: str | None = None

    def __post_init__(self) -> None:
        if self.means is not None and self.means not in STRUCTURES:
            raise ValueError(f"A two-valued mask means one of {', '.join(STRUCTURES)}; got {self.means!r}.")

    def jobs(self) -> Sequence[Job]:
        """One job a picture. Raises ValueError when a picture has no mask, or there is none."""
        about: dict[str, dict[str, str]] = {}
        if (self.folder / "subjects.csv").is_file():
            with (self.folder / "subjects.csv").open(encoding="utf-8", newline="") as stream:
                about = {Path(row["file"]).stem: row for row in csv.DictReader(stream) if row.get("file")}
        jobs: list[Job] = []
        for picture in sorted(p for p in (self.folder / "images").glob("*") if p.suffix.lower() in _PICTURES):
            mask = self.folder / "masks" / f"{picture.stem}.png"
            if not mask.is_file():
                raise ValueError(f"{picture.name}: there is no masks/{mask.name}.")
            jobs.append(PictureJob(picture, mask, self.means, about.get(picture.stem, {})))
        if not jobs:
            raise ValueError("The folder holds no images/*.png or *.jpg.")
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
    if (folder / "images").is_dir():
        return PictureSource(folder, means)
    raise ValueError(
        "A folder of cases holds dicom/ and truth/ (as `inference phantom` writes), or images/ and masks/."
    )

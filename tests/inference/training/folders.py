"""Small training folders: bright rings on speckle, one blob of plaque, whose labels are known exactly."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 96


def ring(seed: int, *, plaque: bool = True) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A picture and its labels 0 to 3, both uint8 (96, 96)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    away = np.hypot(y - 48 - rng.uniform(-6, 6), x - 48 - rng.uniform(-6, 6))
    angle = np.arctan2(y - 48, x - 48)
    labels = np.zeros((SIDE, SIDE), dtype=np.uint8)
    labels[away < 24] = 2
    labels[away < 20] = 1
    if plaque:
        labels[(away < 24) & (away > 11) & (np.abs(angle - rng.uniform(-2, 2)) < 0.6)] = 3
    level = np.array([60.0, 10.0, 150.0, 190.0])[labels]
    picture = np.clip(level * rng.gamma(4.0, 0.25, (SIDE, SIDE)), 1, 255)
    return picture.astype(np.uint8), labels


def save(path: Path, array: NDArray[np.uint8]) -> None:
    """Write a PNG, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def write_rings(folder: Path, subjects: Sequence[str], *, frames: int = 2, **columns: Any) -> Path:
    """``images/SUBJECT-N.png`` with masks of equal names and a table; ``columns`` are the same in every row.

    Every other subject has plaque, and the class 1.
    """
    rows = []
    for number, subject in enumerate(subjects):
        for frame in range(frames):
            picture, labels = ring(100 * number + frame, plaque=number % 2 == 1)
            name = f"{subject}-{frame}.png"
            save(folder / "images" / name, picture)
            save(folder / "masks" / name, labels)
            rows.append({"file": f"images/{name}", "subject": subject, "class": number % 2, **columns})
    write_table(folder / "subjects.csv", rows)
    return folder


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows as CSV with the columns of the first."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

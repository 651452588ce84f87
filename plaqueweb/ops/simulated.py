"""Simulated readers of the demo: they see the phantom's truth through a stated error and sign like everybody else.

Stated error of one reader: thickness N(0, 0.6 mm); mask shifted by N(0, 1 px) and grown or shrunk by one pixel at
random; ulceration and mobility overlooked once in ten; the class follows from what the reader then believes.
"""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.postprocess import displayed_mm
from inference.thickness import thickness_from_mask
from inference.types import PLAQUE, rle_encode
from plaqueweb.reads.models import Assignment
from plaqueweb.reads.simulated import record_simulated_read
from plaqueweb.studies.models import Clip

THICKNESS_SD_MM = 0.6
SHIFT_SD_PX = 1.0
OVERLOOKED = 0.1
COMPLEX_MM = 4.0
Mask = NDArray[np.bool_]


def simulate_read(
    assignment: Assignment, truth: dict[str, Any], folder: Path, files: list[Path], rng: np.random.Generator
) -> None:
    """Read one phantom study: findings, index lesion, painted frames, thickness caliper, class."""
    worst = max(truth["clips"], key=lambda clip: (clip["class"], clip["thickness_mm"]))
    clip = _clip_of(assignment, worst, files)
    answers: dict[str, Any] = {
        "quality": "good",
        "confidence": str(rng.choice(["sure", "probable"], p=[0.7, 0.3])),
        "findings": {
            "ascending": {"visibility": "not", "plaque": None},
            "arch": {"visibility": "not", "plaque": None},
            "descending": {"visibility": "well", "plaque": "present" if worst["plaque_present"] else "none"},
        },
        "note": "",
    }
    seconds = int(rng.integers(45, 160))
    if not worst["plaque_present"]:
        answers["reader_class"] = 0
        frame = {"clip": str(clip.pk), "frame": 1, "region": 1, "extent": "no_plaque", "calipers": [], "masks": {}}
        record_simulated_read(assignment=assignment, answers=answers, frames=[frame], active_seconds=seconds)
        return
    seen = {
        key: bool(worst["reasons"][key]) and rng.random() >= OVERLOOKED for key in ("ulceration", "mobile", "thrombus")
    }
    believed = max(float(worst["thickness_mm"]) + float(rng.normal(0.0, THICKNESS_SD_MM)), 0.5)
    answers["reader_class"] = int(displayed_mm(believed) >= COMPLEX_MM or any(seen.values()))
    key = int(worst["key_frame"])
    with np.load(folder / worst["masks"], allow_pickle=False) as stored:
        labels = stored["labels"]
    other = (key - 1 + labels.shape[0] // 2) % labels.shape[0] + 1
    frames = [_frame(clip, labels, number, believed if number == key else None, rng) for number in sorted({key, other})]
    lesion = {
        "number": 1, "segment": "descending", "is_index": True, "key_clip": str(clip.pk), "key_frame": key,
        "key_region": 1, **{reason: "yes" if found else "no" for reason, found in seen.items()},
    }  # fmt: skip
    record_simulated_read(
        assignment=assignment, answers=answers, lesions=[lesion], frames=frames, active_seconds=seconds
    )


def simulate_unscored_read(assignment: Assignment) -> None:
    """Read the real cine, of which no truth is known: the simulated readers say that they cannot assess it."""
    unseen = {"visibility": "not", "plaque": None}
    answers = {
        "reader_class": 9, "quality": "limited", "confidence": "unsure", "note": "",
        "findings": {"ascending": unseen, "arch": unseen, "descending": unseen},
    }  # fmt: skip
    record_simulated_read(assignment=assignment, answers=answers, active_seconds=30)


def _clip_of(assignment: Assignment, told: dict[str, Any], files: list[Path]) -> Clip:
    """Find the stored clip of a phantom file by the hash of the file, as a site that never saw the truth would."""
    path = next(file for file in files if file.name == Path(told["file"]).name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Clip.objects.get(study=assignment.study, source_sha256=digest)


def _frame(
    clip: Clip, labels: NDArray[Any], number: int, believed: float | None, rng: np.random.Generator
) -> dict[str, Any]:
    mask = _painted(labels[number - 1] == PLAQUE, rng)
    if not mask.any():
        return {"clip": str(clip.pk), "frame": number, "region": 1, "extent": "no_plaque", "calipers": [], "masks": {}}
    calipers = [] if believed is None else _caliper(clip, mask, believed)
    runs = [int(run) for run in rle_encode(mask)]
    return {
        "clip": str(clip.pk), "frame": number, "region": 1, "extent": "all_marked", "calipers": calipers,
        "masks": {"1": {"size": [clip.rows, clip.columns], "rle": runs}},
    }  # fmt: skip


def _painted(mask: Mask, rng: np.random.Generator) -> Mask:
    """Return the mask as a hand would paint it."""
    down, across = (int(step) for step in np.rint(rng.normal(0.0, SHIFT_SD_PX, 2)))
    moved = np.roll(mask, (down, across), axis=(0, 1))
    size = int(rng.integers(-1, 2))
    if size > 0:
        return np.asarray(ndimage.binary_dilation(moved), dtype=np.bool_)
    if size < 0:
        smaller = np.asarray(ndimage.binary_erosion(moved), dtype=np.bool_)
        return smaller if smaller.any() else moved
    return moved


def _caliper(clip: Clip, mask: Mask, believed: float) -> list[dict[str, Any]]:
    """Return a thickness caliper along the mask's own chord, as long as the reader believes the plaque is thick."""
    region = clip.regions.filter(valid=True).order_by("number").first()
    if region is None or region.spacing is None:
        return []
    chord = thickness_from_mask(mask, region.spacing).chord
    if chord is None:
        return []
    (x1, y1), (x2, y2) = chord
    row_mm, col_mm = region.spacing
    length = float(np.hypot((x2 - x1) * col_mm, (y2 - y1) * row_mm))
    if length <= 0:
        return []
    grow = believed / length / 2
    mx, my, dx, dy = (x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) * grow, (y2 - y1) * grow
    points = [[mx - dx, my - dy], [mx + dx, my + dy]]
    if not all(region.x0 <= x <= region.x1 and region.y0 <= y <= region.y1 for x, y in points):
        return []
    return [{"id": str(uuid.uuid4()), "kind": "thickness", "lesion": 1, "points": points}]

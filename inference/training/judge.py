"""How well a segmenter does on a held-out split of a folder: Dice on the stored pictures, not on the canvas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from inference.preprocess import Canvas
from inference.training.folder import FolderData, Sample
from inference.training.labels import CLASS_NAMES, known_classes
from inference.training.loop import device_of_model
from inference.training.partial import partial_dice

_RESAMPLES = 2000


def judge_split(model: nn.Module, data: FolderData, split: str, batch: int = 16) -> list[dict[str, Any]]:
    """One row per picture and labelled class of a split: file, frame, subject, class and Dice.

    The network's values go back to the grid of the stored picture first, as in ``predict``; each pixel then has its
    most probable class. Dice counts the pixels where it is certain whether the class is there; pictures in which a
    class certainly is nowhere give no row for it.
    """
    rows: list[dict[str, Any]] = []
    for samples in _batches(data.reader.samples(data.rows.get(split, [])), batch):
        images = np.stack([sample.canvas.frame(sample.frame) for sample in samples])
        for sample, values in zip(samples, _forward(model, images), strict=True):
            assert sample.codes is not None
            predicted = on_source(sample.canvas, values, (sample.frame.shape[0], sample.frame.shape[1]))
            about = {"file": sample.row.file, "frame": sample.row.frame, "subject": sample.row.subject}
            rows += [
                {**about, "class": CLASS_NAMES[number], "dice": partial_dice(predicted, sample.codes, number)}
                for number in known_classes(sample.codes)
            ]
    return rows


def _batches(samples: Iterator[Sample], size: int) -> Iterator[list[Sample]]:
    kept: list[Sample] = []
    for sample in samples:
        if sample.codes is not None:
            kept.append(sample)
        if len(kept) == size:
            yield kept
            kept = []
    if kept:
        yield kept


@torch.inference_mode()
def _forward(model: nn.Module, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    model.eval()
    device = device_of_model(model)
    x = torch.from_numpy(images)[:, None].to(device).float().mul_(1.0 / 255.0)
    return np.asarray(model(x).float().cpu().numpy(), dtype=np.float32)


def on_source(canvas: Canvas, values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The most probable class of every pixel of the source picture ``size`` = (rows, columns); background outside the
    region. ``values`` is (4, h, w) on the canvas."""
    whole = (slice(0, canvas.size), slice(0, canvas.size))
    rows, columns = canvas.source_box(whole)
    out = np.zeros(size, dtype=np.uint8)
    region = canvas.region
    part = out[region.y0 : region.y1 + 1, region.x0 : region.x1 + 1]
    part[rows, columns] = canvas.back(values, whole).argmax(axis=0).astype(np.uint8)
    return out


def summarise(rows: Sequence[dict[str, Any]], seed: int = 1) -> dict[str, dict[str, Any]]:
    """Figures by class: mean Dice over pictures with its 95 % interval (subject-cluster bootstrap), median, least mean
    of a subject, counts. The interval is None with fewer than three subjects: nothing can be said of other people."""
    out: dict[str, dict[str, Any]] = {}
    for name in sorted({row["class"] for row in rows}):
        by_subject: dict[str, list[float]] = {}
        for row in rows:
            if row["class"] == name and row["dice"] is not None:
                by_subject.setdefault(row["subject"], []).append(float(row["dice"]))
        values = np.concatenate([np.asarray(listed) for listed in by_subject.values()])
        out[name] = {
            "dice": round(float(values.mean()), 4),
            "interval": _interval(list(by_subject.values()), seed),
            "median": round(float(np.median(values)), 4),
            "least_subject": round(min(float(np.mean(listed)) for listed in by_subject.values()), 4),
            "by_subject": {key: round(float(np.mean(listed)), 4) for key, listed in sorted(by_subject.items())},
            "frames": len(values),
            "subjects": len(by_subject),
        }
    return out


def _interval(clusters: list[list[float]], seed: int) -> list[float] | None:
    if len(clusters) < 3:
        return None
    sums = np.array([sum(listed) for listed in clusters])
    counts = np.array([len(listed) for listed in clusters])
    drawn = np.random.default_rng(seed).integers(0, len(clusters), (_RESAMPLES, len(clusters)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return [round(float(low), 4), round(float(high), 4)]

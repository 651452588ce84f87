"""Overlap and border distance of marked plaque: model and reader, beside two readers on the same frames.

Pure and JSON-ready. A frame without plaque on both sides has no Dice; a frame marked by one side alone has Dice 0 and
no distance. Means are over frames within a subject and then over subjects; intervals resample subjects.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from plaqueweb.agreement import stats
from plaqueweb.agreement.answers import FramePair

BANDS: tuple[tuple[str, float, float], ...] = (
    ("small", 0.0, 20.0),
    ("middle", 20.0, 60.0),
    ("large", 60.0, float("inf")),
)
"""Plaque area of the reader in mm², lower end included."""
NO_SCALE, ALL = "no_scale", "all"
DISTANCES = ("hd95_mm", "assd_mm", "nsd")
WORST = 8


def compute_segmentation(model: Sequence[FramePair], readers: Sequence[FramePair]) -> dict[str, Any]:
    """Dice by size, distances and the worst studies.

    Args:
        model: declared frames, reader against model. readers: frames that two readers declared, one against the other.
    """
    rows = [_band_row(ALL, model, readers)]
    for name in (*(band[0] for band in BANDS), NO_SCALE):
        own = [pair for pair in model if band_of(pair) == name]
        if own:
            rows.append(_band_row(name, own, [pair for pair in readers if band_of(pair) == name]))
    return {
        "bands": rows,
        "distances": [
            {
                "key": key,
                "model": _mean(model, lambda pair, key=key: getattr(pair, key)),  # type: ignore[misc]
                "readers": _mean(readers, lambda pair, key=key: getattr(pair, key)),  # type: ignore[misc]
            }
            for key in DISTANCES
        ],
        "studies": _by_study(model),
        "worst": _worst(model),
    }


def band_of(pair: FramePair) -> str:
    """The size of a frame's plaque as its reader marked it; "" without a mark, for Dice by size needs a size."""
    if pair.reader_px == 0:
        return ""
    if pair.reader_mm2 is None:
        return NO_SCALE
    return next(name for name, low, high in BANDS if low <= pair.reader_mm2 < high)


def _band_row(name: str, model: Sequence[FramePair], readers: Sequence[FramePair]) -> dict[str, Any]:
    return {
        "band": name,
        "model": _mean(model, lambda pair: pair.dice),
        "readers": _mean(readers, lambda pair: pair.dice),
        "studies": sorted({str(pair.study) for pair in model if pair.dice is not None}),
    }


def _mean(pairs: Sequence[FramePair], value: Callable[[FramePair], float | None]) -> dict[str, Any]:
    """Mean over subjects of each subject's mean, with frames, subjects, and frames without a value."""
    per_subject: dict[Any, list[float]] = defaultdict(list)
    for pair in pairs:
        found = value(pair)
        if found is not None:
            per_subject[pair.subject].append(found)
    frames = sum(len(values) for values in per_subject.values())
    ground = {"frames": frames, "subjects": len(per_subject), "without": len(pairs) - frames}
    if not per_subject:
        return {**stats.Figure(None, 0, reason="no-units").as_dict(), **ground}
    means = np.asarray([float(np.mean(values)) for values in per_subject.values()])
    columns = np.column_stack([means, np.ones(means.size)])
    figure = stats.Figure(float(means.mean()), int(means.size))
    return {**stats.interval_from_sums(figure, columns, lambda s: s[:, 0] / s[:, 1]).as_dict(), **ground}


def _by_study(model: Sequence[FramePair]) -> list[dict[str, Any]]:
    """One point a study: mean Dice and mean area in mm² of its frames with a mark of the reader."""
    found: dict[Any, list[FramePair]] = defaultdict(list)
    for pair in model:
        if pair.dice is not None and pair.reader_px and pair.reader_mm2 is not None:
            found[pair.study].append(pair)
    return [
        {
            "study": str(study),
            "dice": float(np.mean([pair.dice for pair in pairs])),
            "mm2": float(np.mean([pair.reader_mm2 for pair in pairs])),
            "frames": len(pairs),
        }
        for study, pairs in found.items()
    ]


def _worst(model: Sequence[FramePair]) -> list[dict[str, Any]]:
    """The frame with the least Dice of each of the worst studies; ties in the order of study and frame."""
    lowest: dict[Any, FramePair] = {}
    for pair in sorted(model, key=lambda pair: (str(pair.study), str(pair.key))):
        if pair.dice is None:
            continue
        kept = lowest.get(pair.study)
        if kept is None or pair.dice < (kept.dice or 0.0):
            lowest[pair.study] = pair
    ranked = sorted(lowest.values(), key=lambda pair: (pair.dice or 0.0, str(pair.study)))[:WORST]
    return [
        {
            "study": str(pair.study),
            "clip": str(pair.key[0]),
            "frame": pair.key[1],
            "dice": pair.dice,
            "kind": pair.kind,
            "mm2": pair.reader_mm2,
        }
        for pair in ranked
    ]

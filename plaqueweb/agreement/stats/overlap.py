"""Overlap of plaque masks on the frames that a reader declared, from a frame to a subject to all.

Which frames count: the reader's ``extent`` decides. "all_marked" and "no_plaque" frames are declared; "index_only",
"unusable" and frames without an annotation are unknown and never negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from plaqueweb.agreement.stats.bootstrap import with_interval
from plaqueweb.agreement.stats.figures import Figure

Extent = Literal["all_marked", "index_only", "no_plaque", "unusable"]
SCORED_EXTENTS: tuple[Extent, ...] = ("all_marked", "no_plaque")
Kind = Literal["both", "missed", "false_mark", "true_negative"]


@dataclass(frozen=True)
class FrameScore:
    """One declared frame: ``dice`` is None only for a true negative (neither marked anything)."""

    subject: Any
    kind: Kind
    dice: float | None


def score_frame(subject: Any, reader_px: int, model_px: int, dice: float | None) -> FrameScore:
    """Sort one declared frame by who marked plaque on it, given both areas in pixels and their Dice.

    "both": each marked plaque. "missed": the reader marked plaque and the model nothing, Dice 0. "false_mark": the
    reader examined the frame and marked none, the model did, Dice 0. "true_negative": both empty, no Dice.

    Raises:
        ValueError: an area below 0, or a Dice that does not fit the areas.
    """
    if reader_px < 0 or model_px < 0:
        raise ValueError(f"Areas are counts of pixels; got {reader_px} and {model_px}.")
    if reader_px == 0 and model_px == 0:
        return FrameScore(subject, "true_negative", None)
    if dice is None or not 0.0 <= dice <= 1.0:
        raise ValueError(f"A frame with a mark has a Dice from 0 to 1; got {dice}.")
    if model_px == 0:
        return FrameScore(subject, "missed", 0.0)
    return FrameScore(subject, "both", dice) if reader_px else FrameScore(subject, "false_mark", 0.0)


@dataclass(frozen=True)
class DiceSummary:
    """Dice over subjects (mean of a subject's frames), and the counts of frames without which it means nothing.

    ``median`` with its interval and ``quartiles`` are over subjects. ``scored`` frames have a Dice; of them
    ``missed`` and ``false_marks`` are 0. ``true_negatives`` are left out of Dice; ``unknown`` frames were annotated
    with an extent that declares nothing ("index_only", "unusable", or none given).
    """

    median: Figure
    mean: Figure
    quartiles: tuple[float, float] | None
    subjects: int
    scored: int
    missed: int
    false_marks: int
    true_negatives: int
    unknown: int

    def as_dict(self) -> dict[str, Any]:
        counts = {
            "subjects": self.subjects,
            "scored": self.scored,
            "missed": self.missed,
            "false_marks": self.false_marks,
            "true_negatives": self.true_negatives,
            "unknown": self.unknown,
        }
        return {
            "median": self.median.as_dict(),
            "mean": self.mean.as_dict(),
            "quartiles": list(self.quartiles) if self.quartiles else None,
            **counts,
        }


def dice_summary(frames: Sequence[FrameScore], *, unknown: int = 0) -> DiceSummary:
    """Mean Dice per subject, then median and quartiles over subjects, with intervals over resampled subjects.

    Source: Dice 1945 (``inference.metrics.dice``).

    The interval of the median is None below ten subjects ("too-few"); without a scored frame there is no value.
    """
    per_subject: dict[Any, list[float]] = {}
    for frame in frames:
        if frame.dice is not None:
            per_subject.setdefault(frame.subject, []).append(frame.dice)
    labels = list(per_subject)
    means = np.asarray([float(np.mean(per_subject[label])) for label in labels], dtype=np.float64)
    counts = {kind: sum(frame.kind == kind for frame in frames) for kind in ("both", "missed", "false_mark")}
    common = {
        "subjects": len(labels),
        "scored": sum(counts.values()),
        "missed": counts["missed"],
        "false_marks": counts["false_mark"],
        "true_negatives": sum(frame.kind == "true_negative" for frame in frames),
        "unknown": unknown,
    }
    if not labels:
        nothing = Figure(None, 0, reason="no-units")
        return DiceSummary(nothing, nothing, None, **common)
    low, high = np.percentile(means, [25, 75])
    n = len(labels)
    median = with_interval(Figure(float(np.median(means)), n), lambda w: _medians(means, w), labels)
    mean = with_interval(Figure(float(means.mean()), n), lambda w: w @ means / w.sum(axis=1), labels)
    return DiceSummary(median, mean, (float(low), float(high)), **common)


def _medians(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of ``values`` drawn ``weights`` times each, one a resample; shapes (n,), (r, n) to (r,)."""
    order = np.argsort(values)
    ordered, reached = values[order], np.cumsum(weights[:, order], axis=1)
    total = reached[:, -1]
    lower = np.argmax(reached >= np.ceil(total / 2)[:, np.newaxis], axis=1)
    upper = np.argmax(reached >= (np.floor(total / 2) + 1)[:, np.newaxis], axis=1)
    return np.asarray((ordered[lower] + ordered[upper]) / 2, dtype=np.float64)

"""When two physicians' reads differ so much that a third person decides. Pure functions over what was signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from inference import metrics
from inference.postprocess import displayed_mm
from plaqueweb.review.masks import Mask, Place

THICKNESS_MM = 1.0
"""More than this between two official thicknesses, as displayed, is a difference (twice the grey zone of 0.5 mm)."""
NEAR_MM = 0.5
"""A thickness within this of the rule can fall on either side of it (the grey zone)."""
DICE = 0.7
"""A mean Dice below this over the frames that both declared fully marked is a difference."""
_TINY = 1e-6


@dataclass(frozen=True)
class Answer:
    """What adjudication compares of one signed read.

    ``thickness_mm`` is None without a scale or a plaque; ``frames`` holds the plaque on frames declared fully marked.
    """

    reader_class: int | None
    thickness_mm: float | None = None
    frames: Mapping[Place, Mask] = field(default_factory=dict)


def mean_dice(a: Answer, b: Answer) -> float | None:
    """Mean Dice over the frames that both declared; frames empty for both are left out. None without such a frame."""
    values = [metrics.dice(a.frames[place], b.frames[place]) for place in a.frames.keys() & b.frames.keys()]
    scored = [value for value in values if value is not None]
    return float(np.mean(scored)) if scored else None


def thickness_difference(a: float | None, b: float | None) -> float | None:
    """``b − a`` of two lengths as displayed (0.1 mm), or None where one is missing."""
    if a is None or b is None:
        return None
    return round(displayed_mm(b) - displayed_mm(a), 1)


def differences(a: Answer, b: Answer) -> list[str]:
    """Return which rules two reads break: ``class``, ``thickness``, ``dice``."""
    broken: list[str] = []
    if a.reader_class != b.reader_class:
        broken.append("class")
    gap = thickness_difference(a.thickness_mm, b.thickness_mm)
    if gap is not None and abs(gap) > THICKNESS_MM + _TINY:
        broken.append("thickness")
    overlap = mean_dice(a, b)
    if overlap is not None and overlap < DICE - _TINY:
        broken.append("dice")
    return broken


def any_differences(answers: Sequence[Answer]) -> list[str]:
    """Return the rules broken by any pair, in a fixed order."""
    broken = {rule for a, b in combinations(answers, 2) for rule in differences(a, b)}
    return [rule for rule in ("class", "thickness", "dice") if rule in broken]

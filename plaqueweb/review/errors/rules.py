"""Which cases are worth a look because model and readers part. Pure functions over what was signed and predicted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from inference.postprocess import displayed_mm
from plaqueweb.review.error_models import ErrorTrigger
from plaqueweb.review.rules import DICE, NEAR_MM, THICKNESS_MM, thickness_difference

REFERENCE, MAJORITY, READER = "reference", "majority", "reader"
"""Whose class stands for the readers: a reference in force, more than half of them, or the only one."""
_TINY = 1e-6


@dataclass(frozen=True)
class Said:
    """What one side says: class 1, 0, 9 (can't assess) or None (no result), and its official thickness in mm."""

    klass: int | None
    thickness_mm: float | None = None


@dataclass(frozen=True)
class Found:
    """Why a case is in the queue: its triggers, whose class was compared, model − readers in mm, and mean Dice."""

    triggers: tuple[str, ...]
    readers_class: int | None
    against: str
    gap_mm: float | None
    dice: float | None


def class_of_readers(readers: Sequence[Said], reference: int | None) -> tuple[int | None, str]:
    """Return the class that stands for the readers and whose it is; (None, "") where they differ among themselves.

    A reference in force outranks the majority, and that a single reader. Readers who split evenly say nothing about
    the model: their case belongs to the reference queue.
    """
    if reference in (0, 1):
        return reference, REFERENCE
    given = [said.klass for said in readers if said.klass in (0, 1)]
    if len(given) == 1:
        return given[0], READER
    counted = Counter(given).most_common(1)
    if counted and 2 * counted[0][1] > len(given):
        return counted[0][0], MAJORITY
    return None, ""


def compare(
    readers: Sequence[Said], model: Said, *, reference: int | None, cutoff_mm: float, dice: Sequence[float] = ()
) -> Found:
    """Compare a prediction with the readers of its case.

    Args:
        readers: signed blind first readings of the same content.
        model: the prediction.
        reference: class of the study's reference in force, if any; it is read, never written.
        cutoff_mm: thickness from which the protocol calls a plaque complex.
        dice: each reader's mean Dice with the model over declared frames, as far as it is known.
    """
    klass, against = class_of_readers(readers, reference)
    lengths = [said.thickness_mm for said in readers if said.thickness_mm is not None]
    gap = thickness_difference(median(lengths), model.thickness_mm) if lengths else None
    overlap = sum(dice) / len(dice) if dice else None
    answered = any(said.klass in (0, 1) for said in readers)
    tests = {
        ErrorTrigger.CLASS: klass is not None and model.klass in (0, 1) and model.klass != klass,
        ErrorTrigger.NO_RESULT: answered and model.klass not in (0, 1),
        ErrorTrigger.THICKNESS: gap is not None and abs(gap) > THICKNESS_MM + _TINY,
        ErrorTrigger.DICE: overlap is not None and overlap < DICE - _TINY,
        ErrorTrigger.NEAR: any(is_near(mm, cutoff_mm) for mm in (*lengths, model.thickness_mm)),
    }
    return Found(tuple(name.value for name, true in tests.items() if true), klass, against, gap, overlap)


def is_near(mm: float | None, cutoff_mm: float) -> bool:
    """Tell whether a thickness, as displayed, lies within ``NEAR_MM`` of the rule."""
    return mm is not None and abs(displayed_mm(mm) - cutoff_mm) <= NEAR_MM + _TINY


def rank(found: Found) -> tuple[int, float, float]:
    """Sort key: another class first, then no result, then the larger difference in mm, then the smaller Dice."""
    first = [ErrorTrigger.CLASS, ErrorTrigger.NO_RESULT]
    place = next((n for n, name in enumerate(first) if name in found.triggers), len(first))
    return place, -abs(found.gap_mm or 0.0), found.dice if found.dice is not None else 1.0

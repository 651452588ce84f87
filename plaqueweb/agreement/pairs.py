"""Pairs of measurements, each of one named comparison: never mixed.

- **same frame**: the model on the very frame (and region) on which the reference measured; its official thickness where
  both chose that frame, else its value there from the curves.
- **same lesion**: the reference's index lesion, and the lesion of the other answer that is the same plaque
  (``review.matching``: the rule, corrected by what people said); each measured on its own key frame.
- **as read**: each side's official thickness, wherever it was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from plaqueweb.agreement.answers import Answer, Unit
from plaqueweb.agreement.evidence import Evidence
from plaqueweb.agreement.evidence_lesions import index_lesion, partner
from plaqueweb.agreement.filters import AS_READ, SAME_FRAME, SAME_LESION

Quantity = Literal["thickness", "area"]


@dataclass(frozen=True)
class Pair:
    """Model and reference on one study, in mm or mm². ``as_read`` is the model's official value, on its own frame."""

    unit: Unit
    model: float
    reference: float
    as_read: float | None = None


def measured_pairs(
    evidence: Evidence, units: Sequence[Unit], kind: str, quantity: Quantity = "thickness"
) -> list[Pair]:
    """The pairs of one comparison. A study without both measurements makes none.

    Raises:
        ValueError: no such kind of comparison.
    """
    made = []
    for unit in units:
        if unit.model is None or unit.reference is None:
            continue
        own = _value(unit.model, quantity)
        if kind == SAME_LESION:
            reference, value = same_lesion(evidence, unit.reference, unit.model, quantity) or (None, None)
        else:
            reference, value = _value(unit.reference, quantity), _model_value(evidence, unit, kind, quantity, own)
        if reference is not None and value is not None:
            made.append(Pair(unit, value, reference, own))
    return made


def same_lesion(
    evidence: Evidence, reference: Answer, other: Answer, quantity: Quantity = "thickness"
) -> tuple[float, float] | None:
    """(reference, other) measured on one plaque: the reference's index lesion and its partner; None without them.

    Of thickness the reference's is the official one, which stands on the index lesion.
    """
    index = index_lesion(reference)
    found = partner(evidence.matches, reference, index, other) if index is not None else None
    if index is None or found is None:
        return None
    first = _value(reference if quantity == "thickness" else index, quantity)
    second = _value(found, quantity)
    return None if first is None or second is None else (first, second)


def _value(answer: object, quantity: Quantity) -> float | None:
    value = getattr(answer, "thickness_mm" if quantity == "thickness" else "area_mm2", None)
    return None if value is None else float(value)


def _model_value(evidence: Evidence, unit: Unit, kind: str, quantity: Quantity, own: float | None) -> float | None:
    if unit.model is None or unit.reference is None:
        return None
    if kind == AS_READ:
        return own
    if kind != SAME_FRAME:
        raise ValueError(f"A comparison is same_frame, same_lesion or as_read; got {kind!r}.")
    if quantity == "thickness" and unit.reference.key is not None and unit.reference.key == unit.model.key:
        return own
    at = evidence.at.get(unit.study)
    if at is None:
        return None
    return at.thickness_mm if quantity == "thickness" else at.area_mm2


def displayed(mm: float) -> float:
    """Thickness as displayed, to 0.1 mm: the label rule is applied to what is read on the screen."""
    return float(f"{mm:.1f}")


def crosses(pair: Pair, rule_mm: float) -> bool:
    """Tell whether the two displayed thicknesses lie on two sides of the rule."""
    return (displayed(pair.model) >= rule_mm) != (displayed(pair.reference) >= rule_mm)

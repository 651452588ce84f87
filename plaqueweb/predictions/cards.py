"""Figures of a pipeline as its model cards give them, with their intervals where the cards hold any."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plaqueweb.predictions.models import ModelVersion, Pipeline

LABELS: dict[str, Any] = {
    "coverage": gettext_lazy("Studies with a class"),
    "accuracy": gettext_lazy("Accuracy, answered studies"),
    "accuracy_all": gettext_lazy("Accuracy, all studies"),
    "sensitivity": gettext_lazy("Sensitivity, answered"),
    "sensitivity_all": gettext_lazy("Sensitivity, all"),
    "specificity": gettext_lazy("Specificity, answered"),
    "specificity_all": gettext_lazy("Specificity, all"),
    "auc": gettext_lazy("AUC, answered"),
    "auc_all": gettext_lazy("AUC, all"),
    "brier": gettext_lazy("Brier score"),
    "ece": gettext_lazy("Calibration error (ECE)"),
    "plaque_dice": gettext_lazy("Plaque Dice, answered"),
    "plaque_dice_all": gettext_lazy("Plaque Dice, all"),
    "lumen_dice": gettext_lazy("Lumen Dice"),
    "rule_accuracy": gettext_lazy("Rule’s verdict equals the class"),
    "thickness_mae_mm": gettext_lazy("Thickness, mean absolute error"),
    "thickness_bias_mm": gettext_lazy("Thickness, bias"),
    "thickness_within_0.5mm": gettext_lazy("Thickness within 0.5 mm"),
    "thickness_within_1mm": gettext_lazy("Thickness within 1.0 mm"),
    "at_4mm_accuracy": gettext_lazy("On the right side of 4.0 mm"),
}
"""The figures that a page shows, in this order; a card may hold more, which the API gives too."""
SHARES = frozenset(
    {"coverage", "rule_accuracy", "rule_accuracy_all", "thickness_within_0.5mm", "thickness_within_1mm"}
    | {"at_4mm_accuracy", "validation_frame_accuracy"}
    | {f"{name}{end}" for name in ("accuracy", "sensitivity", "specificity") for end in ("", "_all")}
)
SECTIONS: dict[str, Any] = {
    "unseen_phantom": gettext_lazy("Unseen phantom subjects, looks that were trained on"),
    "held_out_families": gettext_lazy("Unseen phantom subjects, looks never trained on"),
    "all_families": gettext_lazy("Unseen phantom subjects, all looks"),
    "unseen_phantom_out_of_range": gettext_lazy("Unseen phantom subjects, beyond the trained range"),
}
TRAINING = "training"


@dataclass(frozen=True)
class CardFigure:
    """One figure of a card with its 95 % interval (``low``, ``high``) and the subjects and units it was made from."""

    key: str
    label: str
    value: float
    low: float | None = None
    high: float | None = None
    subjects: int | None = None
    units: int | None = None
    unit: str = ""

    @property
    def words(self) -> str:
        """The value with its unit: ``86.0 %``, ``0.74 mm``, ``0.938``."""
        if self.key in SHARES:
            return f"{_number(100 * self.value, 1)} %"
        return f"{_number(self.value, 2)} mm" if self.key.endswith("_mm") else _number(self.value, 3)

    @property
    def interval(self) -> str:
        """``82.1 to 91.6 %``, or "" where the card has none."""
        if self.low is None or self.high is None:
            return ""
        scale, digits = (100.0, 1) if self.key in SHARES else (1.0, 2 if self.key.endswith("_mm") else 3)
        unit = " %" if self.key in SHARES else " mm" if self.key.endswith("_mm") else ""
        ends = {"low": _number(scale * self.low, digits), "high": _number(scale * self.high, digits)}
        return _("%(low)s to %(high)s") % ends + unit


@dataclass(frozen=True)
class CardSection:
    """The figures on one set of data."""

    name: str
    title: str
    data: str
    figures: list[CardFigure] = field(default_factory=list)

    @property
    def headline(self) -> list[CardFigure]:
        """The figures that a page shows, in the order of ``LABELS``."""
        by_key = {figure.key: figure for figure in self.figures}
        return [by_key[key] for key in LABELS if key in by_key]


def sections_of(pipeline: Pipeline) -> list[CardSection]:
    """The figures of both cards by set of data. What stands in both cards is given once."""
    found: dict[str, CardSection] = {}
    for version in (pipeline.classifier, pipeline.segmenter):
        for section in card_sections(version):
            known = found.setdefault(section.name, section)
            keys = {figure.key for figure in known.figures}
            known.figures.extend(figure for figure in section.figures if figure.key not in keys)
    return list(found.values())


def card_sections(version: ModelVersion) -> list[CardSection]:
    """The figures of one card: each table under ``metrics`` is a set of data, loose numbers are of the training."""
    metrics = version.card.get("metrics")
    if not isinstance(metrics, Mapping):
        return []
    sections = [_section(name, part) for name, part in metrics.items() if isinstance(part, Mapping)]
    loose = _section(TRAINING, {key: value for key, value in metrics.items() if not isinstance(value, Mapping)})
    return [section for section in (*sections, loose) if section.figures]


def section_payload(section: CardSection) -> dict[str, Any]:
    """A section for the API."""
    return asdict(section)


def _section(name: str, part: Mapping[str, Any]) -> CardSection:
    title = _("While training") if name == TRAINING else str(SECTIONS.get(name) or _plain(name))
    intervals, counts = _table(part.get("intervals")), _table(part.get("n"))
    figures = [
        CardFigure(key, str(LABELS.get(key) or _plain(key)), float(value), *_ends(intervals.get(key)))
        for key, value in part.items()
        if is_number(value)
    ]
    data = part.get("data")
    told = ", ".join(f"{key} {value}" for key, value in data.items()) if isinstance(data, Mapping) else str(data or "")
    return CardSection(name, title, told, [_counted(figure, counts.get(figure.key)) for figure in figures])


def _counted(figure: CardFigure, n: Any) -> CardFigure:
    """With ``n`` = [subjects, units, name of the unit], as the library writes it."""
    if not isinstance(n, list) or len(n) != 3 or not (is_number(n[0]) and is_number(n[1])):
        return figure
    known = {**asdict(figure), "subjects": int(n[0]), "units": int(n[1]), "unit": str(n[2])}
    return CardFigure(**known)


def _ends(interval: Any) -> tuple[float | None, float | None]:
    if not isinstance(interval, list) or len(interval) != 2 or not all(map(is_number, interval)):
        return None, None
    return float(interval[0]), float(interval[1])


def is_number(value: Any) -> bool:
    """Whether a card's value is a finite number (no truth value)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _plain(key: str) -> str:
    return key.replace("_", " ").capitalize()


def _number(value: float, digits: int) -> str:
    text = f"{abs(value):.{digits}f}"
    return f"−{text}" if value < 0 and float(text) else text

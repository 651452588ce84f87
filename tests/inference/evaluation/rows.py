"""Rows of single cases with made-up values, for tests of the figures."""

from __future__ import annotations

from typing import Any


def row(subject: str, label: int | None = 1, probability: float | None = 0.9, **values: Any) -> dict[str, Any]:
    """A clip of ``subject`` whose plaque was drawn perfectly on two frames, unless ``values`` say otherwise."""
    perfect = {"dice": [1.0, 1.0], "iou": [1.0, 1.0], "hd95": [0.0, 0.0], "nsd": [1.0, 1.0], "assd": [0.0, 0.0]}
    base: dict[str, Any] = {
        "case": subject,
        "subject": subject,
        "frames": 2,
        "kind": "thick" if label else "thin",
        "family": "coherent",
        "beyond": "",
        "class": label,
        "true_mm": 5.0 if label else 2.5,
        "reasons": {"ulceration": False, "mobile": False},
        "ulcer_mm": 0.0,
        "echogenicity": 0.9,
        "quality": 1.5,
        "no_result": None if probability is not None else "poor quality",
        "no_thickness": None,
        "error": "",
        "probability": probability,
        "predicted": None if probability is None else int(probability >= 0.5),
        "predicted_mm": 5.0 if label else 2.5,
        "rule": label,
        "answers": {"ulceration": "no", "mobile": "no"},
        "structures": {"plaque": {**perfect, "absent": 0, "invented": 0}},
    }
    return base | values

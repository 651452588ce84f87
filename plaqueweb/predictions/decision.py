"""What classifier and thickness rule say together: a pure function, versioned by the code; it writes no label."""

from __future__ import annotations

from inference.postprocess import displayed_mm
from plaqueweb.predictions.models import Decision

CUT_OFF_MM = 4.0
GREY_MM = 0.5  # half-width of the zone near the cut-off when the measurement's own uncertainty is smaller


def decide(
    *, probability: float | None, threshold: float, thickness_mm: float | None, uncertainty_mm: float = 0.0
) -> Decision:
    """Combine the calibrated probability with the thickness rule.

    Args:
        probability: calibrated P(complex) of the study; None when the model gave no result.
        threshold: the pipeline's frozen cut-off.
        thickness_mm: official thickness; None where no clip has a scale.
        uncertainty_mm: standard uncertainty of the thickness, if known.

    Source:
        Decision logic of the project's clinical reference, section 3.4. Ulceration and mobility are unknown to the
        model, so the rule rests on thickness alone.
    """
    if probability is None:
        return Decision.NO_RESULT
    positive = probability >= threshold
    if thickness_mm is None:
        return Decision.CLASSIFIER_ONLY
    thick = displayed_mm(thickness_mm) >= CUT_OFF_MM
    near = abs(thickness_mm - CUT_OFF_MM) < max(GREY_MM, 1.96 * uncertainty_mm)
    if thick:
        if not positive:
            return Decision.DISCORDANT_THICK
        return Decision.NEAR_CUTOFF if near else Decision.CONCORDANT_COMPLEX
    if positive:
        return Decision.DISCORDANT_CLASSIFIER
    return Decision.NEAR_CUTOFF if near else Decision.CONCORDANT_NOT


def rule_class(thickness_mm: float | None) -> int | None:
    """Return the label rule's verdict by thickness alone: 1, 0, or None without a scale."""
    return None if thickness_mm is None else int(displayed_mm(thickness_mm) >= CUT_OFF_MM)

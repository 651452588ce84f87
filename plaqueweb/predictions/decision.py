"""What classifier and label rule say together: a pure function, versioned by the code; it writes no label."""

from __future__ import annotations

from inference.postprocess import COMPLEX_MM, displayed_mm, rule_verdict
from inference.types import Answer
from plaqueweb.predictions.models import Decision

CUT_OFF_MM = COMPLEX_MM
GREY_MM = 0.5  # half-width of the zone near the cut-off when the measurement's own uncertainty is smaller
COVERAGE = 1.96  # standard uncertainties on either side


def decide(
    *,
    probability: float | None,
    threshold: float,
    thickness_mm: float | None,
    uncertainty_mm: float | None = None,
    ulceration: Answer | None = None,
    mobile: Answer | None = None,
) -> Decision:
    """Combine the calibrated probability with the label rule.

    Args:
        probability: calibrated P(complex) of the study; None when the model gave no result.
        threshold: the pipeline's frozen cut-off.
        thickness_mm: official thickness; None where no clip has a scale.
        uncertainty_mm: standard uncertainty of the thickness, if known.
        ulceration: what the lesions say; None (not looked for) and "cannot tell" are unknown, never "no".
        mobile: likewise.

    Source:
        Decision logic of the project's clinical reference, section 3.4.
    """
    if probability is None:
        return Decision.NO_RESULT
    positive = probability >= threshold
    rule = rule_verdict(thickness_mm, ulceration=_known(ulceration), mobile=_known(mobile))
    if rule is None:
        return Decision.CLASSIFIER_ONLY
    grey = is_near(thickness_mm, uncertainty_mm)
    if rule:
        only_thick = "yes" not in (ulceration, mobile)
        if not positive:
            return Decision.DISCORDANT_THICK if _is_thick(thickness_mm) else Decision.DISCORDANT_REASON
        return Decision.NEAR_CUTOFF if grey and only_thick else Decision.CONCORDANT_COMPLEX
    if positive:
        return Decision.DISCORDANT_CLASSIFIER
    return Decision.NEAR_CUTOFF if grey else Decision.CONCORDANT_NOT


def is_near(thickness_mm: float | None, uncertainty_mm: float | None = None) -> bool:
    """Whether a thickness lies too near the cut-off to say on which side: within 0.5 mm, or 1.96 u if that is more."""
    if thickness_mm is None:
        return False
    return abs(thickness_mm - CUT_OFF_MM) < max(GREY_MM, COVERAGE * (uncertainty_mm or 0.0))


def rule_class(
    thickness_mm: float | None, *, ulceration: Answer | None = None, mobile: Answer | None = None
) -> int | None:
    """The label rule's verdict: 1, 0, or None where it cannot be told (no scale and no other reason)."""
    verdict = rule_verdict(thickness_mm, ulceration=_known(ulceration), mobile=_known(mobile))
    return None if verdict is None else int(verdict)


def _known(answer: Answer | None) -> bool | None:
    return {"yes": True, "no": False}.get(answer or "")


def _is_thick(thickness_mm: float | None) -> bool:
    return thickness_mm is not None and displayed_mm(thickness_mm) >= CUT_OFF_MM

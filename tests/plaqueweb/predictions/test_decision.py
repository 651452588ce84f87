"""The decision table of the clinical reference, every branch, and the reasons why there is no result."""

from __future__ import annotations

import pytest

from inference.types import Answer, NoResult
from plaqueweb.predictions.choices import MOST_TELLING, WHAT_TO_DO, NoResultReason, most_telling, what_to_do
from plaqueweb.predictions.decision import decide, is_near, rule_class
from plaqueweb.predictions.models import Decision as D

CUT = 0.5


@pytest.mark.parametrize("thickness", [None, 2.0, 5.0])
@pytest.mark.parametrize("answer", ["yes", None])
def test_without_a_probability_there_is_no_result_whatever_else_was_seen(
    thickness: float | None, answer: Answer | None
) -> None:
    found = decide(probability=None, threshold=CUT, thickness_mm=thickness, ulceration=answer, mobile=answer)

    assert found == D.NO_RESULT


@pytest.mark.parametrize(
    ("probability", "mm", "ulceration", "mobile", "expected"),
    [
        # nothing but the classifier speaks: no scale, and no reason known
        (0.9, None, None, None, D.CLASSIFIER_ONLY),
        (0.1, None, "no", "no", D.CLASSIFIER_ONLY),
        (0.9, None, "cannot tell", "no", D.CLASSIFIER_ONLY),
        # the rule says complex, by one reason or another
        (0.9, 6.0, None, None, D.CONCORDANT_COMPLEX),
        (0.9, 2.0, "yes", "no", D.CONCORDANT_COMPLEX),
        (0.9, 2.0, "no", "yes", D.CONCORDANT_COMPLEX),
        (0.9, None, "yes", None, D.CONCORDANT_COMPLEX),
        (0.1, 6.0, "no", "no", D.DISCORDANT_THICK),
        (0.1, 6.0, "yes", "yes", D.DISCORDANT_THICK),
        (0.1, 2.0, "yes", "no", D.DISCORDANT_REASON),
        (0.1, None, None, "yes", D.DISCORDANT_REASON),
        # the rule says not complex; what cannot be told is no reason
        (0.1, 2.0, "no", "no", D.CONCORDANT_NOT),
        (0.1, 2.0, "cannot tell", None, D.CONCORDANT_NOT),
        (0.9, 2.0, "no", "no", D.DISCORDANT_CLASSIFIER),
        (0.9, 3.8, "cannot tell", "cannot tell", D.DISCORDANT_CLASSIFIER),
        # near the cut-off
        (0.9, 4.2, "no", "no", D.NEAR_CUTOFF),
        (0.1, 3.7, "no", "no", D.NEAR_CUTOFF),
        (0.1, 3.7, "cannot tell", None, D.NEAR_CUTOFF),
        # near, but not the only ground
        (0.9, 4.2, "yes", "no", D.CONCORDANT_COMPLEX),
        (0.9, 3.8, "no", "yes", D.CONCORDANT_COMPLEX),
        (0.1, 4.2, "no", "no", D.DISCORDANT_THICK),
        # the probability at the cut-off counts as complex
        (0.5, 6.0, None, None, D.CONCORDANT_COMPLEX),
    ],
)
def test_the_decision_table(
    probability: float, mm: float | None, ulceration: Answer | None, mobile: Answer | None, expected: D
) -> None:
    found = decide(probability=probability, threshold=CUT, thickness_mm=mm, ulceration=ulceration, mobile=mobile)

    assert found == expected


@pytest.mark.parametrize(
    ("mm", "u", "near"),
    [
        (4.49, None, True),
        (4.5, None, False),
        (3.51, 0.0, True),
        (3.5, 0.1, False),  # 1.96 u below 0.5 mm changes nothing
        (5.1, 0.6, True),  # 1.96 · 0.6 = 1.18
        (5.2, 0.6, False),
        (None, 0.6, False),
    ],
)
def test_near_means_half_a_millimetre_or_196_standard_uncertainties(
    mm: float | None, u: float | None, near: bool
) -> None:
    assert is_near(mm, u) is near


def test_an_uncertain_thickness_widens_the_zone_of_the_decision() -> None:
    thick = {"probability": 0.9, "threshold": CUT, "thickness_mm": 5.1}

    assert decide(**thick) == D.CONCORDANT_COMPLEX
    assert decide(**thick, uncertainty_mm=0.6) == D.NEAR_CUTOFF


@pytest.mark.parametrize(
    ("mm", "ulceration", "mobile", "verdict"),
    [
        (2.0, None, None, 0),
        (2.0, "yes", "no", 1),
        (2.0, "cannot tell", "cannot tell", 0),
        (None, "no", "yes", 1),
        (None, "no", "cannot tell", None),
        (3.95, "no", "no", 1),
    ],
)
def test_the_rules_verdict_needs_a_scale_or_another_reason(
    mm: float | None, ulceration: Answer | None, mobile: Answer | None, verdict: int | None
) -> None:
    assert rule_class(mm, ulceration=ulceration, mobile=mobile) == verdict


def test_the_sites_reasons_are_the_librarys_and_each_says_what_to_do() -> None:
    assert set(NoResultReason.values) == {reason.value for reason in NoResult}
    assert set(MOST_TELLING) == set(NoResultReason) == set(WHAT_TO_DO)
    assert all(what_to_do(reason) for reason in NoResultReason.values)
    assert what_to_do("") == ""


@pytest.mark.parametrize(
    ("reasons", "told"),
    [
        ([], ""),
        (["", None], ""),
        (["no aorta", "colour"], "colour"),
        (["no aorta", "poor quality", "colour"], "poor quality"),
        (["out of distribution", "no aorta"], "out of distribution"),
        (["no aorta", "failed", "out of distribution"], "failed"),
    ],
)
def test_the_most_telling_reason_stands_for_a_study(reasons: list[str | None], told: str) -> None:
    assert most_telling(reasons) == told


def test_a_reason_outside_the_list_is_refused() -> None:
    with pytest.raises(ValueError, match="tired"):
        most_telling(["tired"])

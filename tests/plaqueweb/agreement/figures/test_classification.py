"""ROC, calibration and thresholds of the classification tab against values known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from plaqueweb.agreement.figures.classification import Scored, chance_error, compute_classification, table_at

# CLINICAL golden values: AUC 0.777778, logit interval 0.370716 to 0.954116, Brier 0.1875.
LABELS = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1]
SCORES = [0.1, 0.4, 0.35, 0.2, 0.8, 0.7, 0.65, 0.9, 0.3, 0.55, 0.45, 0.6]


def units(labels: list[int], scores: list[float | None]) -> list[Scored]:
    pairs = enumerate(zip(labels, scores, strict=True))
    return [Scored(f"study-{n}", f"subject-{n}", label, score) for n, (label, score) in pairs]


def test_area_interval_and_brier_score_are_the_golden_ones() -> None:
    found = compute_classification(units(LABELS, list(SCORES)), 0.5)

    assert found["auc"]["value"] == pytest.approx(0.777778, abs=1e-6)
    # The golden interval was made with z = 1.96, ours with the exact quantile.
    assert found["auc"]["interval"]["low"] == pytest.approx(0.370716, abs=1e-5)
    assert found["auc"]["interval"]["high"] == pytest.approx(0.954116, abs=1e-5)
    assert found["brier"]["value"] == pytest.approx(0.1875, abs=1e-9)
    assert (found["n"], found["complex"], found["all"]) == (12, 6, 12)


def test_the_curve_goes_from_nothing_to_everything_and_each_point_names_its_studies() -> None:
    roc = compute_classification(units(LABELS, list(SCORES)), 0.5)["roc"]

    assert (roc[0]["sensitivity"], roc[0]["false_positive"], roc[0]["threshold"]) == (0, 0, None)
    assert (roc[-1]["sensitivity"], roc[-1]["false_positive"]) == (1, 1)
    assert roc[1]["studies"] == ["study-7"]
    steps = [(point["sensitivity"], point["false_positive"]) for point in roc]
    assert steps == sorted(steps)


def test_a_model_that_abstains_on_a_complex_case_does_not_win_by_it() -> None:
    sure = compute_classification(units([0, 0, 1, 1] * 5, [0.1, 0.2, 0.8, 0.9] * 5), 0.5)
    shy = compute_classification(units([0, 0, 1, 1] * 5, [0.1, 0.2, None, 0.9] * 5), 0.5)

    assert sure["auc"]["value"] == sure["auc_all"]["value"] == 1.0
    assert shy["auc"]["value"] == 1.0
    assert shy["auc_all"]["value"] == pytest.approx(0.5)
    assert (shy["n"], shy["all"]) == (15, 20)


def test_a_probability_at_the_threshold_is_complex_and_the_frozen_one_is_among_those_looked_at() -> None:
    assert table_at([1, 1, 0, 0], [0.5, 0.4, 0.5, 0.1], 0.5) == [[1, 1], [1, 1]]
    found = compute_classification(units(LABELS, list(SCORES)), 0.537)
    assert 0.537 in [row["threshold"] for row in found["thresholds"]]
    for row in found["thresholds"]:
        assert np.sum(row["table"]) == 12
    called = [row["table"][0][0] + row["table"][1][0] for row in found["thresholds"]]
    assert called == sorted(called, reverse=True)


def test_a_perfect_model_shows_some_calibration_error_by_chance_and_less_with_more_cases() -> None:
    few, many = (chance_error(np.linspace(0.02, 0.98, n)) for n in (100, 2000))
    assert few is not None
    assert many is not None
    assert 0.0 < many < few < 0.2
    assert chance_error(np.zeros(0)) is None


def test_bins_hold_every_case_once() -> None:
    found = compute_classification(units(LABELS, list(SCORES)), None)
    inside = [study for made in found["bins"] for study in made["studies"]]
    assert sorted(inside) == sorted(f"study-{n}" for n in range(12))
    assert sum(made["n"] for made in found["bins"]) == 12
    assert found["threshold"] is None


def test_without_both_classes_there_is_no_curve_but_a_reason() -> None:
    found = compute_classification(units([1, 1], [0.6, 0.7]), 0.5)
    assert found["roc"] == []
    assert (found["auc"]["value"], found["auc"]["reason"]) == (None, "one-class")
    nothing = compute_classification([], None)
    assert (nothing["n"], nothing["auc"]["reason"], nothing["bins"]) == (0, "no-units", [])

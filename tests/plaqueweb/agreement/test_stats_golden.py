"""Golden values: worked examples, published tables, and scikit-learn as an oracle."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from inference.metrics import dice
from plaqueweb.agreement import stats

TABLES = Path(__file__).resolve().parents[4] / "shared" / "data" / "agreement_tables"
TWO_BY_TWO = [[40, 9], [6, 45]]
PARADOX = [[118, 5], [2, 0]]
THICKNESS_A = [2.1, 3.4, 4.2, 5, 6.3, 1.8, 3.9, 4.4, 7.2, 2.7]
THICKNESS_B = [2.3, 3.1, 4.5, 5.6, 6, 1.7, 4.1, 4, 7.9, 2.9]


def column(name: str, *fields: str) -> list[list[float]]:
    path = TABLES / name
    if not path.exists():
        pytest.skip(f"the published table {name} is not on this machine")
    with path.open() as handle:
        rows = list(csv.DictReader(handle))
    return [[float(row[field]) for row in rows] for field in fields]


def test_kappa_and_its_asymptotic_interval_match_the_worked_example() -> None:
    kappa = stats.cohen_kappa(TWO_BY_TWO)
    assert kappa.interval is not None
    assert kappa.se is not None
    assert kappa.value == pytest.approx(0.699519, abs=1e-6)
    assert kappa.se == pytest.approx(0.071394, abs=1e-6)
    assert (kappa.interval.low, kappa.interval.high) == pytest.approx((0.55959, 0.83945), abs=5e-6)


def test_chance_corrected_relatives_of_kappa_match_the_worked_example() -> None:
    assert stats.pabak(TWO_BY_TWO).value == pytest.approx(0.70, abs=1e-9)
    assert stats.gwet_ac1(TWO_BY_TWO).value == pytest.approx(0.70075, abs=5e-6)


def test_kappa_falls_below_zero_on_the_prevalence_paradox_and_ac1_does_not() -> None:
    assert stats.cohen_kappa(PARADOX).value == pytest.approx(-0.023392, abs=1e-6)
    assert stats.gwet_ac1(PARADOX).value == pytest.approx(0.94078, abs=5e-6)
    assert stats.pabak(PARADOX).value == pytest.approx(0.888, abs=1e-9)


def test_wilson_and_clopper_pearson_match_the_worked_examples() -> None:
    wilson, exact = stats.wilson(42, 50), stats.clopper_pearson(42, 50)
    assert (wilson.low, wilson.high) == pytest.approx((0.71486, 0.91663), abs=5e-6)
    assert (exact.low, exact.high) == pytest.approx((0.70887, 0.92830), abs=5e-6)
    assert stats.wilson(50, 50).low == pytest.approx(0.928652, abs=1e-6)


def test_bland_altman_matches_the_worked_example() -> None:
    result = stats.bland_altman(THICKNESS_A, THICKNESS_B)
    assert result.bias_interval is not None
    assert result.bias == pytest.approx(-0.11, abs=1e-9)
    assert result.sd == pytest.approx(0.378447, abs=1e-6)
    assert (result.lower, result.upper) == pytest.approx((-0.851756, 0.631756), abs=1e-6)
    assert (result.bias_interval.low, result.bias_interval.high) == pytest.approx((-0.380725, 0.160725), abs=1e-6)


def test_concordance_matches_the_worked_example() -> None:
    assert stats.concordance(THICKNESS_A, THICKNESS_B).value == pytest.approx(0.976122, abs=1e-6)


def test_dice_matches_the_worked_example() -> None:
    first, second = np.zeros((60, 60), dtype=bool), np.zeros((60, 60), dtype=bool)
    first[10:30, 10:40] = True
    second[12:32, 13:41] = True
    assert dice(first, second) == pytest.approx(0.837931, abs=1e-6)


def test_bland_altman_matches_the_published_peak_flow_table() -> None:
    wright, mini = column("blandr__bland.altman.PEFR.1986.csv", "WrightFirst", "MiniWrightFirst")
    result = stats.bland_altman(wright, mini)
    assert result.bias_interval is not None
    assert result.bias == pytest.approx(-2.117647, abs=1e-6)
    assert result.sd == pytest.approx(38.76513, abs=1e-5)
    assert (result.lower, result.upper) == pytest.approx((-78.097, 73.862), abs=1e-3)
    assert (result.bias_interval.low, result.bias_interval.high) == pytest.approx((-22.049, 17.814), abs=1e-3)


def test_three_reader_table_gives_the_published_bias_with_pairs_of_one_subject_kept_together() -> None:
    first, second, subject = column("timtrack__dataset1_three_readers.csv", "height_TZ", "height_EM", "subject")
    result = stats.bland_altman(first, second, subject)
    assert result.bias_interval is not None or result.subjects < stats.MIN_SUBJECTS
    assert result.n == 162
    assert result.bias == pytest.approx(1.16, abs=5e-3)
    assert result.sd == pytest.approx(7.857, abs=5e-3)


@pytest.mark.parametrize("seed", range(5))
def test_class_statistics_equal_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 2, 80).tolist()
    other = [value if generator.random() < 0.8 else 1 - value for value in truth]
    table = stats.confusion(truth, other).classes
    accuracy = stats.diagnostic(table)

    assert table.tolist() == metrics.confusion_matrix(truth, other, labels=[1, 0]).tolist()
    assert stats.cohen_kappa(table).value == pytest.approx(metrics.cohen_kappa_score(truth, other), abs=1e-12)
    assert accuracy.accuracy.value == pytest.approx(metrics.accuracy_score(truth, other))
    assert accuracy.sensitivity.value == pytest.approx(metrics.recall_score(truth, other))
    assert accuracy.specificity.value == pytest.approx(metrics.recall_score(truth, other, pos_label=0))
    assert accuracy.ppv.value == pytest.approx(metrics.precision_score(truth, other))
    assert accuracy.npv.value == pytest.approx(metrics.precision_score(truth, other, pos_label=0))
    assert stats.positive_agreement(table).value == pytest.approx(metrics.f1_score(truth, other))
    assert stats.negative_agreement(table).value == pytest.approx(metrics.f1_score(truth, other, pos_label=0))


def test_limits_of_agreement_carry_the_exact_standard_error_of_a_limit() -> None:
    # Bland and Altman 1999: var(limit) = s² (1/n + 1.96² / (2 (n - 1))), t with n - 1 = 9 degrees: 2.262157.
    result = stats.bland_altman(THICKNESS_A, THICKNESS_B)
    half = 2.262157 * 0.378447 * (1 / 10 + 1.96**2 / 18) ** 0.5
    assert result.upper_interval is not None
    assert result.upper is not None
    assert result.upper_interval.high - result.upper == pytest.approx(half, abs=1e-5)

"""The subject bootstrap from sums per subject."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaqueweb.agreement import stats
from plaqueweb.agreement.stats import clusters
from plaqueweb.agreement.stats.categorical import kappa_values, weighted_tables
from plaqueweb.agreement.stats.figures import Floats
from tests.plaqueweb.agreement.stats.tables import THICKNESS_A, THICKNESS_B, unhurried

CLASS = st.sampled_from([0, 1, 9, None])


def readings(units: int, subjects: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    first = generator.integers(0, 2, units)
    second = np.where(generator.random(units) < 0.85, first, 1 - first)
    return first, second, generator.integers(0, subjects, units)


def width(figure: stats.Figure) -> float:
    assert figure.interval is not None
    return figure.interval.high - figure.interval.low


def test_sums_and_units_give_the_same_interval() -> None:
    first, second, subjects = readings(300, 40)
    table = stats.confusion(first.tolist(), second.tolist()).classes

    def kappa(weights: Floats) -> Floats:
        return kappa_values(weighted_tables(first.tolist(), second.tolist(), weights))

    by_units = stats.with_interval(stats.cohen_kappa(table), kappa, subjects.tolist())
    by_sums = stats.class_figures(stats.class_sums(first, second, subjects))["kappa"]
    assert by_sums.interval is not None
    assert by_units.interval is not None
    assert by_sums.value == pytest.approx(by_units.value, abs=1e-12)
    expected = (by_units.interval.low, by_units.interval.high)
    assert (by_sums.interval.low, by_sums.interval.high) == pytest.approx(expected, abs=1e-12)


def test_drawing_patterns_gives_the_interval_of_drawing_subjects(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, _ = readings(2000, 1)
    first[:300] = second[:300] = 1
    sums = stats.class_sums(first, second)
    monkeypatch.setattr(clusters, "MANY_DRAWS", 10**9)
    by_subject = stats.class_figures(sums)["kappa"]
    mean = sums.mean(axis=0)
    monkeypatch.setattr(clusters, "MANY_DRAWS", 1000)
    assert stats.resampled_sums(sums).mean(axis=0) / 2000 == pytest.approx(mean, abs=0.002)
    by_pattern = stats.class_figures(sums)["kappa"]
    assert by_pattern.interval != by_subject.interval
    assert width(by_pattern) == pytest.approx(width(by_subject), rel=0.1)
    assert by_pattern.interval.low == pytest.approx(by_subject.interval.low, abs=0.01)  # type: ignore[union-attr]


def test_the_normal_limit_gives_the_interval_of_drawing_subjects(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(4)
    a = generator.normal(4, 1.5, 6000)
    sums = stats.pair_sums(a, a + generator.normal(0.1, 0.5, 6000), generator.integers(0, 2000, 6000))
    monkeypatch.setattr(clusters, "MANY_DRAWS", 10**9)
    by_subject = stats.pair_figures(sums)
    monkeypatch.setattr(clusters, "MANY_DRAWS", 1000)
    monkeypatch.setattr(clusters, "MOST_DRAWS", 1000)
    in_the_limit = stats.pair_figures(sums)
    assert in_the_limit["bias"].interval != by_subject["bias"].interval
    for name, figure in by_subject.items():
        assert width(in_the_limit[name]) == pytest.approx(width(figure), rel=0.12), name


def test_real_numbers_are_never_taken_for_patterns() -> None:
    assert clusters._patterns(np.asarray([[0.5], [1.0]])) is None
    found = clusters._patterns(np.asarray([[1.0, 2.0], [3.0, 0.0], [1.0, 2.0]]))
    assert found is not None
    assert sorted(zip(found[0].tolist(), found[1].tolist(), strict=True)) == [([1.0, 2.0], 2), ([3.0, 0.0], 1)]


def test_numbering_an_array_of_numbers_is_numbering_a_list() -> None:
    subjects = np.asarray([7, 3, 7, 12, 3, 1])
    fast, slow = stats.cluster_index(subjects), stats.cluster_index(subjects.tolist())
    assert fast[0].tolist() == slow[0].tolist() == [0, 1, 0, 2, 1, 3]
    assert fast[1] == slow[1] == 4


@unhurried
@given(st.lists(st.integers(-30, 10**9) | st.integers(0, 20), min_size=1, max_size=30))
def test_numbers_close_together_and_far_apart_are_numbered_alike(values: list[int]) -> None:
    fast, slow = stats.cluster_index(np.asarray(values)), stats.cluster_index(values)
    assert (fast[0].tolist(), fast[1]) == (slow[0].tolist(), slow[1])


def test_a_sum_that_few_subjects_carry_is_drawn_and_not_taken_from_the_normal_limit() -> None:
    generator = np.random.default_rng(2)
    sums = np.column_stack([generator.normal(1, 0.2, 6000), np.where(np.arange(6000) < 5, 1.5, 0.0)])
    assert sums.shape[0] * 1000 > clusters.MANY_DRAWS
    drawn = stats.resampled_sums(sums, replicates=1000)[:, 1]
    assert set(np.rint(drawn / 1.5 * 1e9) % 1e9) == {0.0}  # whole numbers of subjects, as in a real resample
    assert np.quantile(drawn, 0.975) > 1.5 * (5 + 1.96 * np.sqrt(5)) * 0.99
    smooth = stats.resampled_sums(np.column_stack([sums[:, 0], sums[::-1, 0]]), replicates=1000)
    assert smooth.mean(axis=0) == pytest.approx(sums[:, 0].sum(), rel=1e-3)


@unhurried
@given(st.lists(st.tuples(CLASS, CLASS), max_size=40))
def test_class_figures_are_those_of_the_single_statistics(pairs: list[tuple[int | None, int | None]]) -> None:
    rows, columns = [a for a, _ in pairs], [b for _, b in pairs]
    found = stats.class_figures(stats.class_sums(rows, columns), replicates=50)
    table = stats.confusion(rows, columns).classes
    diagnostic = stats.diagnostic(table)
    expected = {
        "observed": stats.observed_agreement(table),
        "kappa": stats.cohen_kappa(table),
        "ac1": stats.gwet_ac1(table),
        "pabak": stats.pabak(table),
        "positive": stats.positive_agreement(table),
        "negative": stats.negative_agreement(table),
        "sensitivity": diagnostic.sensitivity,
        "npv": diagnostic.npv,
    }
    for name, figure in expected.items():
        assert found[name].value == pytest.approx(figure.value, abs=1e-12), name
        assert found[name].n == int(table.sum())


def test_pair_figures_are_those_of_the_single_statistics() -> None:
    found = stats.pair_figures(stats.pair_sums(THICKNESS_A, THICKNESS_B))
    limits = stats.bland_altman(THICKNESS_A, THICKNESS_B)
    assert found["bias"].value == pytest.approx(limits.bias, abs=1e-12)
    assert found["sd"].value == pytest.approx(limits.sd, abs=1e-12)
    assert found["upper"].value == pytest.approx(limits.upper, abs=1e-12)
    assert found["ccc"].value == pytest.approx(stats.concordance(THICKNESS_A, THICKNESS_B).value, abs=1e-12)
    assert found["mae"].value == pytest.approx(stats.mean_absolute_error(THICKNESS_A, THICKNESS_B).value, abs=1e-12)
    assert found["within_0.5"].value == stats.within(THICKNESS_A, THICKNESS_B, 0.5).value
    assert found["rmse"].value == pytest.approx(0.3754997, abs=1e-6)


def test_the_interval_of_a_mean_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(9)
    covered = 0
    for _ in range(150):
        level = np.repeat(generator.normal(0, 1, 60), 4)
        noisy = level + generator.normal(0, 1, 240)
        figure = stats.pair_figures(stats.pair_sums(noisy, np.zeros(240), np.repeat(np.arange(60), 4)), replicates=400)[
            "bias"
        ]
        assert figure.interval is not None
        covered += figure.interval.low <= 0 <= figure.interval.high
    assert 132 <= covered <= 149


def test_a_share_of_one_has_no_interval_without_width() -> None:
    figure = stats.class_figures(stats.class_sums([1] * 12 + [0] * 12, [1] * 12 + [0] * 12))["sensitivity"]
    assert (figure.value, figure.interval, figure.reason) == (1.0, None, "at-bound")


def test_few_subjects_have_values_and_no_intervals() -> None:
    first, second, subjects = readings(90, 9)
    figure = stats.class_figures(stats.class_sums(first, second, subjects))["kappa"]
    assert figure.value is not None
    assert (figure.interval, figure.reason) == (None, "too-few")
    assert stats.class_figures(stats.class_sums([], []))["kappa"].reason == "no-units"
    assert stats.pair_figures(stats.pair_sums([], []))["bias"].reason == "no-units"


def test_resampling_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one subject"):
        stats.resampled_sums(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="One subject a unit"):
        stats.class_sums([1, 0], [1, 0], ["a"])
    with pytest.raises(ValueError, match="same units"):
        stats.class_sums([1, 0], [1])


def test_every_statistic_loads_neither_scipy_stats_nor_pandas_nor_django_nor_scikit_learn() -> None:
    code = (
        "import sys; from plaqueweb.agreement import stats as s;"
        "at_import = [n for n in ('scipy',) if n in sys.modules];"
        "a, b, y = list(range(12)), [x + x % 3 for x in range(12)], [0, 1] * 6;"
        "s.icc(list(zip(a, b))); s.auc(y, b); s.mcnemar([[3, 2], [1, 4]]); s.repeated_limits(a, b, a);"
        "s.proportional_bias(a, b); s.deming(a, b); s.passing_bablok(a, b); s.calibration_fit(y, [x / 20 for x in b]);"
        "s.fleiss_kappa([[2, 1]] * 6 + [[1, 2]] * 6); s.two_modalities(y, list(zip(a, b)), list(zip(b, a)));"
        "banned = ('scipy.stats', 'pandas', 'sklearn', 'django.db', 'statsmodels', 'torch');"
        "print(at_import + [name for name in banned if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""Rules of the statistics at their edges."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.metrics import dice
from plaqueweb.agreement import stats
from plaqueweb.agreement.stats.categorical import kappa_values, weighted_tables

# A busy machine is no fault of a rule.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
CLASSES = st.sampled_from([1, 0, 9, None])


def test_kappa_has_no_value_but_a_reason_when_both_gave_one_class_only() -> None:
    assert (stats.cohen_kappa([[7, 0], [0, 0]]).value, stats.cohen_kappa([[7, 0], [0, 0]]).reason) == (
        None,
        "one-class",
    )


def test_kappa_of_an_empty_table_says_that_there_are_no_units() -> None:
    assert stats.cohen_kappa([[0, 0], [0, 0]]).reason == "no-units"


def test_kappa_is_zero_when_one_rater_varies_and_the_other_does_not() -> None:
    assert stats.cohen_kappa([[5, 0], [5, 0]]).value == pytest.approx(0.0)


def test_cannot_assess_and_no_result_stand_in_the_table_but_not_in_the_two_class_part() -> None:
    table = stats.confusion([1, 1, 0, 9, 9, None], [1, None, 0, 1, 9, 0])
    assert table.counts.tolist() == [[1, 0, 0, 1], [0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0]]
    assert (table.total, table.both_assessed) == (6, 2)


def test_a_value_that_is_no_class_is_refused() -> None:
    with pytest.raises(ValueError, match="A class is"):
        stats.confusion([2], [1])


def test_raters_with_different_numbers_of_units_are_refused() -> None:
    with pytest.raises(ValueError, match="same units"):
        stats.confusion([1, 0], [1])


@unhurried
@given(st.lists(st.tuples(CLASSES, CLASSES), max_size=40))
def test_swapping_the_raters_transposes_the_table_and_keeps_kappa(pairs: list[tuple[int | None, int | None]]) -> None:
    rows, columns = [a for a, _ in pairs], [b for _, b in pairs]
    one, two = stats.confusion(rows, columns), stats.confusion(columns, rows)
    assert np.array_equal(one.counts, two.counts.T)
    assert stats.cohen_kappa(one.classes).value == pytest.approx(stats.cohen_kappa(two.classes).value)


@unhurried
@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_of_a_share_hold_the_share_and_stay_within_0_to_1(pair: tuple[int, int]) -> None:
    count, n = pair
    for interval in (stats.wilson(count, n), stats.clopper_pearson(count, n)):
        assert 0.0 <= interval.low <= count / n <= interval.high <= 1.0


@pytest.mark.parametrize(("count", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_an_impossible_share_is_refused(count: int, n: int) -> None:
    with pytest.raises(ValueError, match="proportion"):
        stats.wilson(count, n)


def test_the_bootstrap_gives_the_same_interval_for_the_same_seed_and_another_for_another() -> None:
    values = np.arange(30, dtype=float)

    def mean(weights: np.ndarray) -> np.ndarray:
        return weights @ values / weights.sum(axis=1)

    one, two, other = (
        stats.with_interval(stats.Figure(14.5, 30), mean, list(range(30)), seed=seed) for seed in (1, 1, 2)
    )
    assert one == two
    assert one.interval != other.interval


def test_the_bootstrap_draws_subjects_whole() -> None:
    # Each subject has 20 equal units: resampling units would give a far too narrow interval.
    subjects = [number // 20 for number in range(240)]
    values = np.asarray([float(subject) for subject in subjects])

    def mean(weights: np.ndarray) -> np.ndarray:
        return weights @ values / weights.sum(axis=1)

    whole = stats.with_interval(stats.Figure(5.5, 240), mean, subjects)
    single = stats.with_interval(stats.Figure(5.5, 240), mean, list(range(240)))
    assert whole.interval is not None
    assert single.interval is not None
    ratio = (whole.interval.high - whole.interval.low) / (single.interval.high - single.interval.low)
    assert ratio == pytest.approx(20**0.5, rel=0.1)


def test_below_ten_subjects_there_is_a_point_and_no_interval() -> None:
    figure = stats.with_interval(stats.Figure(0.5, 90), lambda w: w.sum(axis=1), [n % 9 for n in range(90)])
    assert (figure.value, figure.interval, figure.reason) == (0.5, None, "too-few")
    assert stats.bland_altman(range(9), range(1, 10)).reason == "too-few"


def test_no_interval_when_the_statistic_is_often_undefined_in_resamples() -> None:
    # One complex case among twelve: a third of the resamples hold none, and kappa is undefined there.
    rows = [1] + [0] * 11

    def kappa(weights: np.ndarray) -> np.ndarray:
        return kappa_values(weighted_tables(rows, rows, weights))

    figure = stats.with_interval(stats.Figure(1.0, 12), kappa, list(range(12)))
    assert (figure.interval, figure.reason) == (None, "undefined-resamples")


def test_weighted_tables_with_weight_one_are_the_plain_table() -> None:
    rows, columns = [1, 0, 9, 1, None], [1, 1, 1, 0, 0]
    table = weighted_tables(rows, columns, np.ones((1, 5)))[0]
    assert table.tolist() == stats.confusion(rows, columns).classes.tolist()


def test_several_pairs_a_subject_widen_the_interval_of_the_bias() -> None:
    generator = np.random.default_rng(3)
    subject_bias = np.repeat(generator.normal(0, 1, 20), 10)
    zeros = np.zeros(200)
    together = stats.bland_altman(subject_bias, zeros, np.repeat(np.arange(20), 10).tolist())
    apart = stats.bland_altman(subject_bias, zeros)
    assert together.bias_interval is not None
    assert apart.bias_interval is not None
    assert together.bias_interval.method == "subject bootstrap"
    assert apart.bias_interval.method == "t"
    assert together.bias_interval.high - together.bias_interval.low > 2 * (
        apart.bias_interval.high - apart.bias_interval.low
    )


def test_bland_altman_of_nothing_and_of_one_pair_gives_no_limits() -> None:
    assert stats.bland_altman([], []).reason == "no-units"
    one = stats.bland_altman([4.1], [4.0])
    assert (one.bias, one.sd, one.lower) == (pytest.approx(0.1), None, None)


def test_measurements_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        stats.bland_altman([1.0, float("nan")], [1.0, 2.0])


def test_a_difference_equal_to_the_limit_is_within_it_despite_binary_fractions() -> None:
    assert stats.within([4.6, 4.1, 9.0], [4.1, 4.6, 1.0], 0.5).count == 2


def test_concordance_needs_spread() -> None:
    assert stats.concordance([4.0, 4.0], [4.0, 4.0]).reason == "no-spread"
    assert stats.concordance([1.0, 2.0], [2.0, 1.0]).value == pytest.approx(-1.0)


def mask(*pixels: int) -> np.ndarray:
    array = np.zeros((2, 4), dtype=bool)
    array.flat[list(pixels)] = True
    return array


def score(subject: str, reader: np.ndarray, model: np.ndarray) -> stats.FrameScore:
    return stats.score_frame(subject, int(reader.sum()), int(model.sum()), dice(reader, model))


def test_a_frame_where_only_the_reader_marked_plaque_counts_zero() -> None:
    frame = score("s", mask(0, 1), mask())
    assert (frame.kind, frame.dice) == ("missed", 0.0)


def test_a_frame_where_only_the_model_marked_plaque_counts_zero() -> None:
    frame = score("s", mask(), mask(3))
    assert (frame.kind, frame.dice) == ("false_mark", 0.0)


def test_a_frame_empty_for_both_is_a_true_negative_outside_dice() -> None:
    summary = stats.dice_summary([score("s", mask(), mask())], unknown=3)
    assert (summary.true_negatives, summary.scored, summary.unknown, summary.median.value) == (1, 0, 3, None)


def test_dice_is_averaged_within_a_subject_before_it_is_summarised() -> None:
    frames = [score("a", mask(0), mask(0)) for _ in range(9)]
    frames += [score("b", mask(0), mask()), score("b", mask(0, 1), mask(0, 1))]
    summary = stats.dice_summary(frames)
    assert summary.median.value == pytest.approx(0.75)
    assert (summary.subjects, summary.scored, summary.missed) == (2, 11, 1)
    assert summary.median.reason == "too-few"


def test_the_median_of_resampled_subjects_equals_numpy() -> None:
    from plaqueweb.agreement.stats.overlap import _medians

    generator = np.random.default_rng(5)
    values, weights = generator.random(11), generator.multinomial(11, np.full(11, 1 / 11), size=40).astype(float)
    expected = [np.median(np.repeat(values, row.astype(int))) for row in weights]
    assert _medians(values, weights) == pytest.approx(np.asarray(expected))


def test_a_dice_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        stats.score_frame("s", 4, 4, None)
    with pytest.raises(ValueError, match="counts of pixels"):
        stats.score_frame("s", -1, 4, 0.5)


def test_statistics_load_neither_scipy_stats_nor_pandas_nor_django_nor_sklearn() -> None:
    code = (
        "import sys; from plaqueweb.agreement import stats; stats.clopper_pearson(1, 3);"
        "stats.bland_altman(range(12), range(1, 13));"
        "banned = ('scipy.stats', 'pandas', 'sklearn', 'django.db', 'statsmodels', 'torch');"
        "print([name for name in banned if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""Many readers, many cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from plaqueweb.agreement import stats
from plaqueweb.agreement.stats.mrmc import jackknife_merit

N, J = 90, 4


def cases(seed: int, gain: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Truth, scores of a model, and of readers without and with help that adds ``gain``."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 2, N).astype(float)
    hard = generator.normal(0, 0.5, (N, 1))
    skill = generator.normal(1.2, 0.15, J)
    plain = truth[:, np.newaxis] * skill + hard + generator.normal(0, 1, (N, J))
    helped = truth[:, np.newaxis] * (skill + gain) + hard + generator.normal(0, 1, (N, J))
    model = truth * (1.2 + gain) + hard[:, 0] + generator.normal(0, 1, N)
    return truth, model, plain, helped


def area(truth: np.ndarray, scores: np.ndarray) -> float:
    value = stats.auc(truth, scores).value
    return math.nan if value is None else value


def pseudovalues(truth: np.ndarray, scores: np.ndarray, merit) -> np.ndarray:  # type: ignore[no-untyped-def]
    whole = merit(truth, scores)
    parts = np.asarray([merit(np.delete(truth, k), np.delete(scores, k)) for k in range(truth.size)])
    return truth.size * whole - (truth.size - 1) * parts


@pytest.mark.parametrize("units", [1, 3])
def test_the_fast_jackknife_of_the_area_is_the_area_without_each_subject(units: int) -> None:
    truth, model, _, _ = cases(0)
    index = np.arange(N) // units
    fast = jackknife_merit(truth, np.round(model, 1), index, N // units, "auc")
    slow = jackknife_merit(truth, np.round(model, 1), index, N // units, area)
    assert fast[0] == pytest.approx(slow[0], abs=1e-12)
    assert fast[1] == pytest.approx(slow[1], abs=1e-12)


@pytest.mark.parametrize("merit", ["sensitivity", "specificity", "accuracy"])
def test_the_fast_jackknife_of_a_share_is_the_share_without_each_case(merit: str) -> None:
    truth, model, _, _ = cases(1)
    called = (model > 0.6).astype(float)

    def share(reference: np.ndarray, answers: np.ndarray) -> float:
        found = stats.operating_point(reference, answers, 0.5)
        value = getattr(found, merit).value
        return float(value)

    fast = jackknife_merit(truth, called, np.arange(N), N, merit)  # type: ignore[arg-type]
    slow = jackknife_merit(truth, called, np.arange(N), N, share)
    assert fast[0] == pytest.approx(slow[0], abs=1e-12)
    assert fast[1] == pytest.approx(slow[1], abs=1e-12)


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_two_modalities_equal_the_analysis_of_variance_of_pseudovalues(seed: int) -> None:
    # Dorfman, Berbaum and Metz on jackknife pseudovalues, shown by Hillis 2005 to be the same test.
    truth, _, plain, helped = cases(seed, 0.4)
    y = np.asarray([[pseudovalues(truth, scores, area) for scores in side.T] for side in (helped, plain)])
    t, r, c, grand = y.mean(axis=(1, 2)), y.mean(axis=(0, 2)), y.mean(axis=(0, 1)), y.mean()
    tr, tc, rc = y.mean(axis=2), y.mean(axis=1), y.mean(axis=0)
    ms_t = J * N * ((t - grand) ** 2).sum()
    ms_tr = N * ((tr - t[:, None] - r[None] + grand) ** 2).sum() / (J - 1)
    ms_tc = J * ((tc - t[:, None] - c[None] + grand) ** 2).sum() / (N - 1)
    rest = (
        y - tr[:, :, None] - tc[:, None, :] - rc[None] + t[:, None, None] + r[None, :, None] + c[None, None, :] - grand
    )
    ms_trc = (rest**2).sum() / ((J - 1) * (N - 1))
    bottom = ms_tr + max(ms_tc - ms_trc, 0.0)

    found = stats.two_modalities(truth, helped, plain)
    assert found.difference.value is not None
    assert found.difference.se is not None
    assert (found.difference.value / found.difference.se) ** 2 == pytest.approx(ms_t / bottom, rel=1e-6)
    assert found.df == pytest.approx((J - 1) * (bottom / ms_tr) ** 2, rel=1e-6)


@pytest.mark.parametrize("seed", [5, 6, 7])
def test_a_model_against_readers_equals_the_analysis_of_variance_of_pseudovalues(seed: int) -> None:
    truth, model, readers, _ = cases(seed)
    own = pseudovalues(truth, model, area)
    y = np.asarray([own - pseudovalues(truth, scores, area) for scores in readers.T])
    r, c, grand = y.mean(axis=1), y.mean(axis=0), y.mean()
    ms_r = N * ((r - grand) ** 2).sum() / (J - 1)
    ms_c = J * ((c - grand) ** 2).sum() / (N - 1)
    ms_rc = ((y - r[:, None] - c[None] + grand) ** 2).sum() / ((J - 1) * (N - 1))
    bottom = ms_r + max(ms_c - ms_rc, 0.0)

    found = stats.model_against_readers(truth, model, readers)
    assert found.difference.se == pytest.approx(math.sqrt(bottom / (J * N)), rel=1e-6)
    assert found.df == pytest.approx((J - 1) * (bottom / ms_r) ** 2, rel=1e-6)


def test_a_helpful_modality_is_found_and_swapping_turns_the_effect() -> None:
    truth, _, plain, helped = cases(8, 1.0)
    there, back = stats.two_modalities(truth, helped, plain), stats.two_modalities(truth, plain, helped)
    assert there.p_value is not None
    assert there.p_value < 0.01
    assert there.difference.value == pytest.approx(-back.difference.value)  # type: ignore[operator]
    assert there.p_value == pytest.approx(back.p_value)


def test_without_a_difference_the_test_is_positive_about_as_often_as_it_says() -> None:
    found = [stats.model_against_readers(*cases(seed)[:3]).p_value for seed in range(100, 300)]
    assert np.mean([p is not None and p < 0.05 for p in found]) < 0.11


def test_the_interval_covers_a_known_difference() -> None:
    # Two areas: normal scores with distances 1.2 and 1.8 over a common spread √(1 + 0.5²).
    spread = math.sqrt(2 * 1.25)

    def truth_of(distance: float) -> float:
        return 0.5 * math.erfc(-distance / spread / math.sqrt(2))

    expected = truth_of(1.8) - truth_of(1.2)
    covered = 0
    for seed in range(400, 500):
        truth, _, plain, helped = cases(seed, 0.6)
        interval = stats.two_modalities(truth, helped, plain).difference.interval
        assert interval is not None
        covered += interval.low <= expected <= interval.high
    assert covered >= 88


def test_non_inferiority_compares_the_one_sided_bound_with_the_margin() -> None:
    truth, model, readers, _ = cases(9)
    wide, narrow = (stats.model_against_readers(truth, model, readers, margin=m) for m in (0.9, 1e-6))
    assert wide.non_inferior is True
    assert wide.lower_bound is not None
    assert narrow.non_inferior is (narrow.lower_bound is not None and narrow.lower_bound > -1e-6)
    assert stats.model_against_readers(truth, model, readers).non_inferior is None
    assert wide.difference.interval is not None
    assert wide.lower_bound > wide.difference.interval.low


def test_copies_of_a_subject_prove_nothing_more() -> None:
    truth, model, readers, _ = cases(10)
    single = stats.model_against_readers(truth, model, readers)
    copies = stats.model_against_readers(
        np.repeat(truth, 3), np.repeat(model, 3), np.repeat(readers, 3, axis=0), subjects=np.repeat(np.arange(N), 3)
    )
    assert copies.difference.value == pytest.approx(single.difference.value)
    assert copies.difference.se == pytest.approx(single.difference.se, rel=1e-9)


def test_what_does_not_vary_has_no_interval() -> None:
    truth = np.asarray([0.0, 1.0] * 6)
    same = np.column_stack([truth, truth])
    found = stats.model_against_readers(truth, truth, same, "accuracy")
    assert (found.difference.value, found.difference.reason, found.p_value) == (0.0, "at-bound", None)
    few = stats.model_against_readers(truth[:6], truth[:6], same[:6], "accuracy")
    assert few.difference.reason == "too-few"


@pytest.mark.parametrize(
    ("readers", "merit", "words"),
    [
        (np.ones((4, 1)), "auc", "two or more"),
        (np.ones((3, 2)), "auc", "reference and an answer"),
        (np.full((4, 2), np.nan), "auc", "Every reader answers"),
        (np.ones((4, 2)), "kappa", "figure of merit"),
    ],
)
def test_bad_input_is_refused_by_rule(readers: np.ndarray, merit: str, words: str) -> None:
    truth = [0, 1, 0, 1]
    with pytest.raises(ValueError, match=words):
        stats.model_against_readers(truth, np.ones(readers.shape[0]), readers, merit)  # type: ignore[arg-type]


def test_a_class_of_one_subject_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two subjects"):
        stats.model_against_readers([1, 0, 0, 0], np.ones(4), np.ones((4, 2)))

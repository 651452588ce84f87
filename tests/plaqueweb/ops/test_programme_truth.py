"""The statistics find what a simulated programme was drawn with. No database: draw, compute, compare."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from plaqueweb.agreement import stats
from plaqueweb.agreement.stats import categorical
from plaqueweb.ops.programme.draw import Programme, draw
from plaqueweb.ops.programme.parameters import PIPELINES, Parameters, PipelineTraits
from plaqueweb.ops.programme.truth import expected, same_frame_sd, thickness_error_sd

P = Parameters(studies=600, weeks=30)


@pytest.fixture(scope="module")
def drawn() -> Programme:
    return draw(P)


def classes(drawn: Programme, i: int) -> list[int | None]:
    return [int(value) for value in drawn.first[i].klass]


def kappa(drawn: Programme, i: int, j: int) -> stats.Figure:
    a, b = drawn.first[i], drawn.first[j]
    kept = (a.klass != stats.CANNOT_ASSESS) & (b.klass != stats.CANNOT_ASSESS)
    one, two = a.klass[kept].tolist(), b.klass[kept].tolist()

    def values(weights: np.ndarray) -> np.ndarray:
        return categorical.kappa_values(categorical.weighted_tables(one, two, weights))

    table = stats.confusion(one, two)
    return stats.with_interval(stats.cohen_kappa(table.classes), values, drawn.studies.subject[kept].tolist())


def holds(value: float | None, interval: stats.Interval | None, truth: float, *, room: float = 1.0) -> bool:
    """Whether the interval, ``room`` times as wide, holds the truth."""
    assert value is not None
    assert interval is not None
    return value - room * (value - interval.low) <= truth <= value + room * (interval.high - value)


def test_the_same_parameters_draw_the_same_programme_and_another_seed_another(drawn: Programme) -> None:
    again, other = draw(P), draw(replace(P, seed=P.seed + 1))

    np.testing.assert_array_equal(again.first[2].thickness_mm, drawn.first[2].thickness_mm)
    np.testing.assert_array_equal(again.predictions[1].probability, drawn.predictions[1].probability)
    assert not np.array_equal(other.studies.thickness_mm, drawn.studies.thickness_mm)
    assert P.digest() != replace(P, seed=P.seed + 1).digest()


def test_another_reader_moves_neither_the_studies_nor_the_others(drawn: Programme) -> None:
    fewer = draw(replace(P, readers=P.readers[:1]))

    np.testing.assert_array_equal(fewer.studies.thickness_mm, drawn.studies.thickness_mm)
    np.testing.assert_array_equal(fewer.first[0].klass, drawn.first[0].klass)
    np.testing.assert_array_equal(fewer.predictions[0].klass, drawn.predictions[0].klass)


@pytest.mark.parametrize(("i", "j"), [(0, 1), (0, 2), (1, 2)])
def test_kappa_between_two_readers_is_found(drawn: Programme, i: int, j: int) -> None:
    found = kappa(drawn, i, j)

    assert holds(found.value, found.interval, expected(P).readers[i, j].kappa, room=1.5)


def test_nineteen_of_twenty_intervals_of_kappa_hold_the_truth() -> None:
    truth = expected(P).readers[0, 1].kappa
    found = [kappa(draw(replace(P, studies=200, weeks=20, seed=seed)), 0, 1) for seed in range(60)]
    held = [holds(figure.value, figure.interval, truth) for figure in found]

    assert sum(held) >= 52  # fewer than 52 of 60 have a chance of 1 in 60 where 95 % is true


@pytest.mark.parametrize(("i", "j"), [(0, 1), (0, 2), (1, 2)])
def test_bias_and_limits_of_agreement_as_read_are_found(drawn: Programme, i: int, j: int) -> None:
    a, b = drawn.first[i].thickness_mm, drawn.first[j].thickness_mm
    both = np.isfinite(a) & np.isfinite(b)
    truth = expected(P).readers[i, j]

    found = stats.bland_altman(b[both], a[both], drawn.studies.subject[both].tolist())

    assert holds(found.bias, found.bias_interval, truth.bias, room=1.5)
    assert holds(found.lower, found.lower_interval, truth.limits[0], room=1.5)
    assert holds(found.upper, found.upper_interval, truth.limits[1], room=1.5)


def test_on_one_frame_the_difference_of_two_readers_is_what_the_formula_says() -> None:
    truth = expected(P).readers[0, 1]

    assert truth.same_frame_bias == pytest.approx(P.readers[1].bias_mm - P.readers[0].bias_mm, abs=0.01)
    assert truth.same_frame_sd == pytest.approx(same_frame_sd(P, 0, 1), rel=0.02)


def test_the_choice_of_frame_explains_its_share_of_the_spread(drawn: Programme) -> None:
    a, b = drawn.first[0], drawn.first[1]
    both = np.isfinite(a.thickness_mm) & np.isfinite(b.thickness_mm)
    difference, same = (b.thickness_mm - a.thickness_mm), a.frame == b.frame

    share = 1 - difference[both & same].var() / difference[both].var()

    assert share == pytest.approx(expected(P).readers[0, 1].frame_share, abs=0.12)
    assert expected(P).readers[0, 1].frame_share > 0.15


def test_errors_in_common_make_readers_agree_more_than_independent_ones_would() -> None:
    alone = replace(P, readers=tuple(replace(reader, common=0.0) for reader in P.readers))

    assert expected(P).readers[0, 1].sd < expected(alone).readers[0, 1].sd - 0.05
    assert expected(P).readers[0, 1].kappa > expected(alone).readers[0, 1].kappa


def test_repeats_show_no_bias_and_less_spread_than_two_readers(drawn: Programme) -> None:
    truth = expected(P)

    assert drawn.second[0].study.size == 60
    assert abs(truth.repeats[0].bias) < 0.02
    assert truth.repeats[0].sd < truth.readers[0, 1].sd


@pytest.mark.parametrize("k", [0, 1])
def test_sensitivity_and_specificity_of_a_pipeline_are_found(drawn: Programme, k: int) -> None:
    said, truth = drawn.predictions[k].klass, drawn.studies.complex.astype(int)
    known = said != stats.CANNOT_ASSESS
    sensitivity, specificity = expected(P).accuracy[P.pipelines[k].name]

    found = stats.diagnostic(stats.confusion(truth[known].tolist(), said[known].tolist()).classes)

    assert holds(found.sensitivity.value, found.sensitivity.interval, sensitivity, room=1.5)
    assert holds(found.specificity.value, found.specificity.interval, specificity, room=1.5)


def weekly_error(drawn: Programme, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean error of a pipeline's thickness against the truth by week, and how many were measured."""
    error = drawn.predictions[k].thickness_mm - drawn.studies.thickness_mm
    used = np.isfinite(error) & drawn.studies.plaque & (drawn.predictions[k].thickness_mm > 0)
    n = np.bincount(drawn.studies.week[used], minlength=P.weeks)
    return np.bincount(drawn.studies.week[used], error[used], minlength=P.weeks) / n, n


def test_a_control_chart_finds_the_drifting_pipeline_after_its_week_and_leaves_the_other_alone(
    drawn: Programme,
) -> None:
    signals = []
    for k in (0, 1):
        mean, n = weekly_error(drawn, k)
        before = slice(0, 11)
        sigma = float(thickness_error_sd(P, k) / np.sqrt(n.mean()))
        chart = stats.cusum(mean - mean[before].mean(), 0.0, max(sigma, float(mean[before].std(ddof=1))), decision=8.0)
        signals.append(chart.alarms)

    assert list(signals[0]) == []
    first = int(min(signals[1]))
    assert PIPELINES[1].drift_from <= first <= PIPELINES[1].drift_from + 6


def test_a_pipeline_without_error_is_never_wrong_about_a_plaque() -> None:
    perfect = PipelineTraits(
        "Simulated oracle", "1", bias_mm=0.0, sd_mm=0.0, frames=(1.0, 0.0, 0.0), missed=0.0, reason_seen=1.0,
        no_result=(0, 0, 0), steepness=200.0,
    )  # fmt: skip
    p = draw(replace(P, pipelines=(perfect,)))

    np.testing.assert_array_equal(p.predictions[0].klass, p.studies.complex.astype(int))
    np.testing.assert_allclose(p.predictions[0].thickness_mm, p.studies.thickness_mm)


@pytest.mark.parametrize("wrong", [{"studies": 1}, {"weeks": 0}, {"weeks": 700}, {"repeats": 1.5}, {"readers": ()}])
def test_parameters_that_make_no_programme_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="programme"):
        replace(P, **wrong)

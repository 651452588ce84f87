"""ICC, limits of agreement beyond the plain case, and straight lines between two methods."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaqueweb.agreement import stats
from tests.plaqueweb.agreement.stats.tables import THICKNESS_A, THICKNESS_B, numbers, unhurried

VALUE = st.floats(0.5, 12).map(lambda x: round(x, 2))
PAIRS = st.lists(st.tuples(VALUE, VALUE), min_size=3, max_size=20)


def peak_flow() -> np.ndarray:
    fields = ("WrightFirst", "WrightSecond", "MiniWrightFirst", "MiniWrightSecond")
    return np.asarray(numbers("blandr__bland.altman.PEFR.1986.csv", *fields), dtype=float)


# Intraclass correlation


def test_icc_matches_the_worked_example() -> None:
    table = list(zip(THICKNESS_A, THICKNESS_B, strict=True))
    assert stats.icc(table).value == pytest.approx(0.978458, abs=1e-6)
    assert stats.icc(table, "consistency").value == pytest.approx(0.978126, abs=1e-6)


@pytest.mark.parametrize(
    ("form", "average", "value", "low", "high"),
    [
        ("one-way", False, 0.166, -0.133, 0.72),
        ("agreement", False, 0.290, 0.019, 0.76),
        ("consistency", False, 0.715, 0.342, 0.95),
        ("one-way", True, 0.443, -0.884, 0.91),
        ("agreement", True, 0.620, 0.071, 0.93),
        ("consistency", True, 0.909, 0.676, 0.99),
    ],
)
def test_four_judges_give_the_published_correlations(
    form: str, average: bool, value: float, low: float, high: float
) -> None:
    found = stats.icc(numbers("shrout_fleiss_1979.csv"), form, average=average)  # type: ignore[arg-type]
    assert found.interval is not None
    assert found.value == pytest.approx(value, abs=5e-4)
    assert found.interval.low == pytest.approx(low, abs=5e-4)
    assert found.interval.high == pytest.approx(high, abs=5e-3)


def test_three_raters_of_anxiety_give_the_published_correlations() -> None:
    table = numbers("irr__anxiety.csv")
    assert stats.icc(table).value == pytest.approx(0.198, abs=5e-4)
    assert stats.icc(table, "consistency").value == pytest.approx(0.216, abs=5e-4)


@pytest.mark.parametrize(
    ("quantity", "agreement", "consistency"), [("height", 0.9246, 0.9259), ("alpha", 0.8751, 0.8872)]
)
def test_three_readers_give_the_published_correlations(quantity: str, agreement: float, consistency: float) -> None:
    table = numbers("timtrack__dataset1_three_readers.csv", *(f"{quantity}_{reader}" for reader in ("TZ", "EM", "BH")))
    assert stats.icc(table).value == pytest.approx(agreement, abs=5e-5)
    assert stats.icc(table, "consistency").value == pytest.approx(consistency, abs=5e-5)


def test_a_constant_bias_lowers_agreement_and_not_consistency() -> None:
    biased = list(zip(THICKNESS_A, [b + 2 for b in THICKNESS_B], strict=True))
    plain = list(zip(THICKNESS_A, THICKNESS_B, strict=True))
    assert stats.icc(biased, "consistency").value == pytest.approx(stats.icc(plain, "consistency").value)
    assert stats.icc(biased).value < stats.icc(plain).value  # type: ignore[operator]


@unhurried
@given(PAIRS, st.floats(0.1, 9), st.floats(-1000, 1000))
def test_icc_and_concordance_do_not_depend_on_unit_or_order(pairs, factor: float, shift: float) -> None:  # type: ignore[no-untyped-def]
    table = np.asarray(pairs)
    if np.ptp(table) < 0.5:
        return
    moved = table[::-1, ::-1] * factor + shift
    for form in ("one-way", "agreement", "consistency"):
        assert stats.icc(table, form).value == pytest.approx(stats.icc(moved, form).value, abs=1e-6)  # type: ignore[arg-type]
    one, two = stats.concordance(table[:, 0], table[:, 1]), stats.concordance(moved[:, 0], moved[:, 1])
    assert one.value == pytest.approx(two.value, abs=1e-6)


def test_the_interval_of_an_icc_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(6)
    covered = 0
    for _ in range(200):
        table = generator.normal(0, 1.5, (40, 1)) + generator.normal(0, 1, (40, 3))
        interval = stats.icc(table, "consistency").interval
        assert interval is not None
        covered += interval.low <= 2.25 / 3.25 <= interval.high
    assert 180 <= covered <= 199


def test_several_units_a_subject_take_the_interval_from_subjects() -> None:
    generator = np.random.default_rng(1)
    table = np.repeat(generator.normal(4, 1, (15, 1)), 4, axis=0) + generator.normal(0, 0.3, (60, 2))
    found = stats.icc(table, subjects=np.repeat(np.arange(15), 4))
    assert found.interval is not None
    assert found.interval.method == "subject bootstrap"


def test_icc_at_its_edges_says_why() -> None:
    assert stats.icc([[1.0, 1.0]]).reason == "too-few"
    assert stats.icc([[3.0, 3.0], [3.0, 3.0]]).reason == "no-spread"
    assert (stats.icc([[1, 1], [2, 2]]).value, stats.icc([[1, 1], [2, 2]]).reason) == (1.0, "at-bound")
    with pytest.raises(ValueError, match="every unit by every reader"):
        stats.icc([[1.0, math.nan], [2.0, 2.0]])
    with pytest.raises(ValueError, match="two or more readers"):
        stats.icc([[1.0], [2.0]])


# Limits of agreement


def test_replicates_give_the_published_corrected_spread_of_peak_flow() -> None:
    # Bland and Altman 1986: standard deviation of a difference of single readings 37.7 l/min.
    table = peak_flow()
    found = stats.replicate_limits(table[:, :2], table[:, 2:])
    assert found.sd == pytest.approx(37.7, abs=0.05)
    assert found.bias == pytest.approx(float((table[:, :2].mean(axis=1) - table[:, 2:].mean(axis=1)).mean()))


def test_equal_numbers_of_pairs_give_the_analysis_of_variance() -> None:
    table = peak_flow()
    difference = table[:, :2] - table[:, 2:]
    within = difference.var(axis=1, ddof=1).mean()
    between = (2 * difference.mean(axis=1).var(ddof=1) - within) / 2
    found = stats.repeated_limits(table[:, :2].ravel(), table[:, 2:].ravel(), np.repeat(np.arange(17), 2))
    assert found.sd == pytest.approx(math.sqrt(within + between), abs=1e-9)
    assert (found.within, found.between) == pytest.approx((math.sqrt(within), math.sqrt(between)))


def test_the_intervals_of_repeated_limits_are_movers_written_out() -> None:
    chi2 = pytest.importorskip("scipy.stats").chi2
    table = peak_flow()
    difference = table[:, :2] - table[:, 2:]
    of_means, extra = difference.mean(axis=1).var(ddof=1), difference.var(axis=1, ddof=1).mean() / 2
    sd = math.sqrt(of_means + extra)
    low = sd**2 - math.hypot(of_means * (1 - 16 / chi2.ppf(0.975, 16)), extra * (1 - 17 / chi2.ppf(0.975, 17)))
    high = sd**2 + math.hypot(of_means * (16 / chi2.ppf(0.025, 16) - 1), extra * (17 / chi2.ppf(0.025, 17) - 1))
    of_bias = 1.96 * math.sqrt(of_means / 17)
    inward = math.hypot(of_bias, 1.96 * (sd - math.sqrt(low)))
    outward = math.hypot(of_bias, 1.96 * (math.sqrt(high) - sd))
    found = stats.repeated_limits(table[:, :2].ravel(), table[:, 2:].ravel(), np.repeat(np.arange(17), 2))
    assert found.upper_interval is not None
    assert found.lower_interval is not None
    assert found.upper is not None
    assert found.lower is not None
    upper, lower = found.upper_interval, found.lower_interval
    assert (found.upper - upper.low, upper.high - found.upper) == pytest.approx((inward, outward), rel=1e-9)
    assert (found.lower - lower.low, lower.high - found.lower) == pytest.approx((outward, inward), rel=1e-9)


def test_one_pair_a_subject_gives_the_plain_limits() -> None:
    plain = stats.bland_altman(THICKNESS_A, THICKNESS_B)
    repeated = stats.repeated_limits(THICKNESS_A, THICKNESS_B, list(range(10)))
    assert (repeated.bias, repeated.sd, repeated.upper) == pytest.approx((plain.bias, plain.sd, plain.upper))


def test_a_subject_with_many_pairs_does_not_outweigh_the_others() -> None:
    found = stats.repeated_limits([1.0] * 90 + [0.0, 0.0], [0.0] * 92, ["a"] * 90 + ["b", "c"])
    assert found.bias == pytest.approx(1 / 3)


def test_repeated_limits_cover_the_truth_as_often_as_they_say() -> None:
    generator = np.random.default_rng(3)
    subjects = np.repeat(np.arange(30), 4)
    truth = 0.2 + 1.96 * math.sqrt(0.5**2 + 0.4**2)
    covered = 0
    for _ in range(200):
        difference = 0.2 + np.repeat(generator.normal(0, 0.5, 30), 4) + generator.normal(0, 0.4, 120)
        interval = stats.repeated_limits(difference, np.zeros(120), subjects).upper_interval
        assert interval is not None
        covered += interval.low <= truth <= interval.high
    assert 180 <= covered <= 199


@unhurried
@given(PAIRS, st.lists(st.integers(0, 4), min_size=20, max_size=20))
def test_swapping_the_methods_mirrors_bias_and_limits(pairs: list[tuple[float, float]], names: list[int]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    there = stats.repeated_limits(a, b, names[: len(a)])
    back = stats.repeated_limits(b, a, names[: len(a)])
    assert there.bias == pytest.approx(-back.bias)  # type: ignore[operator]
    if there.upper is not None:
        assert there.upper == pytest.approx(-back.lower)  # type: ignore[operator]
        assert there.lower <= there.bias <= there.upper  # type: ignore[operator]
    ratio = stats.ratio_limits(a, b).ratio
    assert ratio == pytest.approx(1 / stats.ratio_limits(b, a).ratio)  # type: ignore[operator]


def test_proportional_bias_equals_least_squares_of_difference_on_mean() -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    a, b = np.asarray(THICKNESS_A), np.asarray(THICKNESS_B)
    expected = scipy_stats.linregress((a + b) / 2, a - b)
    found = stats.proportional_bias(a, b)
    assert found.slope.value == pytest.approx(expected.slope, abs=1e-12)
    assert found.intercept.value == pytest.approx(expected.intercept, abs=1e-12)
    assert found.slope.se == pytest.approx(expected.stderr, abs=1e-12)
    assert found.intercept.se == pytest.approx(expected.intercept_stderr, abs=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, abs=1e-12)


def test_a_bias_of_a_tenth_of_the_size_and_a_growing_spread_are_found() -> None:
    generator = np.random.default_rng(9)
    size = generator.uniform(1, 9, 800)
    found = stats.proportional_bias(size * 1.05 + size * generator.normal(0, 0.05, 800), size * 0.95)
    assert found.slope.value == pytest.approx(0.1, abs=0.02)
    near, far = found.limits(2.0), found.limits(8.0)
    assert near is not None
    assert far is not None
    assert (far[1] - far[0]) / (near[1] - near[0]) == pytest.approx(4, rel=0.25)
    assert far[1] - far[0] == pytest.approx(2 * 1.96 * 0.05 * 8, rel=0.1)


def test_proportional_bias_with_repeats_comes_from_subjects_and_at_its_edges_says_why() -> None:
    subjects = np.repeat(np.arange(12), 2)
    generator = np.random.default_rng(2)
    a = generator.uniform(2, 6, 24)
    found = stats.proportional_bias(a, a + generator.normal(0, 0.2, 24), subjects)
    assert found.slope.interval is not None
    assert found.slope.interval.method == "subject bootstrap"
    assert found.p_value is None
    assert stats.proportional_bias([1.0, 2.0], [1.0, 2.0]).slope.reason == "too-few"
    assert stats.proportional_bias([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]).slope.reason == "no-spread"
    assert stats.proportional_bias([], []).limits(4.0) is None


def test_limits_at_their_edges_say_why() -> None:
    assert stats.repeated_limits([], [], []).reason == "no-units"
    assert stats.repeated_limits([1.0, 2.0], [1.0, 1.0], ["a", "a"]).reason == "too-few"
    assert stats.ratio_limits([], []).reason == "no-units"
    with pytest.raises(ValueError, match="above 0"):
        stats.ratio_limits([0.0], [1.0])
    with pytest.raises(ValueError, match="at least two replicates"):
        stats.replicate_limits([[1.0]], [[1.0]])


# Lines


def test_deming_matches_the_worked_example() -> None:
    line = stats.deming(THICKNESS_A, THICKNESS_B)
    assert line.slope.value == pytest.approx(1.083903, abs=1e-6)
    assert line.intercept.value == pytest.approx(-0.234003, abs=1e-6)


def test_deming_with_equal_errors_is_the_first_principal_axis() -> None:
    points = np.column_stack([THICKNESS_A, THICKNESS_B])
    axis = np.linalg.eigh(np.cov(points.T))[1][:, 1]
    assert stats.deming(*points.T).slope.value == pytest.approx(axis[1] / axis[0])


def test_the_jackknife_of_deming_is_the_fit_without_each_pair() -> None:
    fits = []
    for out in range(10):
        kept = [i for i in range(10) if i != out]
        line = stats.deming([THICKNESS_A[i] for i in kept], [THICKNESS_B[i] for i in kept])
        fits.append((line.slope.value, line.intercept.value))
    errors = np.sqrt(0.9 * ((np.asarray(fits) - np.mean(fits, axis=0)) ** 2).sum(axis=0))
    line = stats.deming(THICKNESS_A, THICKNESS_B)
    assert (line.slope.se, line.intercept.se) == pytest.approx(tuple(errors), abs=1e-9)


def test_both_lines_recover_the_truth_where_least_squares_does_not() -> None:
    generator = np.random.default_rng(5)
    truth = generator.normal(4, 1, 600)
    a, b = truth + generator.normal(0, 0.5, 600), 0.3 + 1.2 * truth + generator.normal(0, 0.5, 600)
    least_squares = np.polyfit(a, b, 1)[0]
    line = stats.deming(a, b)
    assert line.slope.interval is not None
    assert line.slope.interval.low < 1.2 < line.slope.interval.high
    assert least_squares < line.slope.interval.low
    # Passing and Bablok's model has errors in the ratio of the slope.
    same = stats.passing_bablok(a, 0.3 + truth + generator.normal(0, 0.5, 600))
    assert same.slope.interval is not None
    assert same.slope.interval.low < 1.0 < same.slope.interval.high


@unhurried
@given(PAIRS, st.floats(0.2, 5))
def test_swapping_the_methods_inverts_demings_slope(pairs: list[tuple[float, float]], ratio: float) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    there, back = stats.deming(a, b, ratio).slope.value, stats.deming(b, a, 1 / ratio).slope.value
    assert (there is None) == (back is None)
    if there is not None and 1e-3 < abs(there) < 1e3:
        assert back == pytest.approx(1 / there, rel=1e-5)


@unhurried
@given(PAIRS, st.floats(-50, 50), st.floats(0.1, 9))
def test_lines_follow_a_change_of_origin_and_unit(pairs: list[tuple[float, float]], shift: float, unit: float) -> None:
    a, b = np.asarray([x for x, _ in pairs]), np.asarray([y for _, y in pairs])
    one, two = stats.deming(a, b), stats.deming(a * unit, b * unit + shift)
    if one.slope.value is not None and abs(one.slope.value) < 1e3:
        assert two.slope.value == pytest.approx(one.slope.value, rel=1e-5)
        assert two.intercept.value == pytest.approx(one.intercept.value * unit + shift, abs=1e-3, rel=1e-4)  # type: ignore[operator]


def passing_bablok_by_hand(a: list[float], b: list[float]) -> tuple[float, float]:
    slopes = []
    for i, j in itertools.combinations(range(len(a)), 2):
        across, up = a[j] - a[i], b[j] - b[i]
        if across == 0 and up == 0:
            continue
        slope = up / across if across else math.copysign(math.inf, up)
        if slope != -1:
            slopes.append(slope)
    slopes.sort()
    count, below = len(slopes), sum(s < -1 for s in slopes)
    if count % 2:
        slope = slopes[(count + 1) // 2 + below - 1]
    else:
        slope = (slopes[count // 2 + below - 1] + slopes[count // 2 + below]) / 2
    return slope, float(np.median([y - slope * x for x, y in zip(a, b, strict=True)]))


def test_passing_bablok_equals_its_definition_on_the_published_table() -> None:
    table = peak_flow()
    line = stats.passing_bablok(table[:, 0], table[:, 2])
    expected = passing_bablok_by_hand(table[:, 0].tolist(), table[:, 2].tolist())
    assert (line.slope.value, line.intercept.value) == pytest.approx(expected)
    assert line.slope.interval is not None
    assert line.slope.interval.low < 1 < line.slope.interval.high


def test_passing_bablok_equals_its_definition_on_the_worked_example() -> None:
    line = stats.passing_bablok(THICKNESS_A, THICKNESS_B)
    expected = passing_bablok_by_hand(THICKNESS_A, THICKNESS_B)
    assert (line.slope.value, line.intercept.value) == pytest.approx(expected)


def test_one_wild_value_moves_deming_and_hardly_passing_bablok() -> None:
    a = np.linspace(1, 9, 41)
    b = a + np.tile([0.1, -0.1, 0.05, -0.05], 11)[:41]
    wild = b.copy()
    wild[-1] = 90.0
    assert stats.passing_bablok(a, wild).slope.value == pytest.approx(1.0, abs=0.03)
    assert abs(stats.deming(a, wild).slope.value - 1.0) > 1.0  # type: ignore[operator]


def test_lines_at_their_edges_say_why() -> None:
    assert stats.deming([1.0, 2.0], [1.0, 2.0]).slope.reason == "too-few"
    assert stats.deming([1.0] * 4, [1.0, 2.0, 3.0, 4.0]).slope.reason == "no-spread"
    assert stats.passing_bablok([1.0] * 4, [1.0] * 4).slope.reason == "no-spread"
    assert stats.passing_bablok([2.0] * 3, [1.0, 2.0, 3.0]).slope.reason == "no-spread"
    with pytest.raises(ValueError, match="ratio of error variances"):
        stats.deming([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], ratio=0.0)
    with pytest.raises(ValueError, match="up to 5000 pairs"):
        stats.passing_bablok(np.arange(5001.0), np.arange(5001.0))

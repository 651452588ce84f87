"""Williams' index, interchangeability, leave one reader out, lesions."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaqueweb.agreement import stats
from tests.plaqueweb.agreement.stats.tables import MODEL, THREE_RATERS, unhurried

ANSWER = st.sampled_from([0, 1, None])
UNITS = st.lists(st.tuples(ANSWER, st.lists(ANSWER, min_size=3, max_size=3)), min_size=1, max_size=20)


def programme(error: float, n: int = 400, readers: int = 4) -> tuple[list[int], list[list[int]], list[int]]:
    """A truth, readers who err on 10 % of the cases, and a model that errs on ``error`` of them."""
    generator = np.random.default_rng(14)
    truth = generator.integers(0, 2, n)
    table = np.where(generator.random((n, readers)) < 0.1, 1 - truth[:, np.newaxis], truth[:, np.newaxis])
    model = np.where(generator.random(n) < error, 1 - truth, truth)
    return model.tolist(), table.tolist(), list(range(n))


def test_williams_index_matches_the_worked_example() -> None:
    assert stats.williams_index(MODEL, THREE_RATERS).value == pytest.approx(1.045455, abs=1e-6)


def test_williams_index_with_kappa_is_the_ratio_of_mean_kappas() -> None:
    columns = list(zip(*THREE_RATERS, strict=True))

    def kappa(first, second) -> float:  # type: ignore[no-untyped-def]
        value = stats.cohen_kappa(stats.confusion(list(first), list(second)).classes).value
        assert value is not None
        return value

    expected = np.mean([kappa(MODEL, c) for c in columns]) / np.mean([kappa(a, b) for a, b in combinations(columns, 2)])
    assert stats.williams_index(MODEL, THREE_RATERS, measure="kappa").value == pytest.approx(expected)


def test_a_model_that_is_a_reader_has_an_index_of_one_and_a_worse_one_less() -> None:
    same, readers, subjects = programme(0.1)
    worse = programme(0.25)[0]
    level, low = stats.williams_index(same, readers, subjects), stats.williams_index(worse, readers, subjects)
    assert level.interval is not None
    assert low.interval is not None
    assert level.interval.low < 1.0 < level.interval.high
    assert low.interval.high < 0.95


def test_scores_of_masks_and_distances_give_the_ratio_of_their_means() -> None:
    dice = stats.williams_index_of_scores([[0.8, 0.6], [0.7, 0.9]], [[0.9], [0.6]])
    far = stats.williams_index_of_scores([[1.0, 2.0], [1.0, np.nan]], [[0.5], [1.5]], distance=True)
    assert dice.value == pytest.approx(0.75 / 0.75)
    assert far.value == pytest.approx(1.0 / ((1.0 + 2.0) / 2))


@unhurried
@given(UNITS, st.permutations([0, 1, 2]))
def test_the_order_of_readers_and_the_names_of_classes_change_nothing(units, order) -> None:  # type: ignore[no-untyped-def]
    model, readers = [m for m, _ in units], [row for _, row in units]
    swap = {0: 1, 1: 0, None: None}
    turned_model = [swap[m] for m in model]
    turned = [[swap[row[j]] for j in order] for row in readers]
    for measure in ("agreement", "kappa"):
        one = stats.williams_index(model, readers, measure=measure).value  # type: ignore[arg-type]
        two = stats.williams_index(turned_model, turned, measure=measure).value  # type: ignore[arg-type]
        assert one == pytest.approx(two)
    one_gamma = stats.interchangeability(model, readers).gamma.value
    assert one_gamma == pytest.approx(stats.interchangeability(turned_model, turned).gamma.value)
    assert one_gamma is None or -1.0 <= one_gamma <= 1.0


def test_interchangeability_is_claimed_for_a_model_like_a_reader_and_not_for_a_worse_one() -> None:
    same, readers, subjects = programme(0.1)
    worse = programme(0.25)[0]
    good, bad = (stats.interchangeability(m, readers, subjects) for m in (same, worse))
    assert good.claimed is True
    assert bad.claimed is False
    # Two who err independently on e and f of two classes agree on (1-e)(1-f) + ef.
    assert good.readers == pytest.approx(0.82, abs=0.03)
    assert bad.gamma.value == pytest.approx(0.75 * 0.9 + 0.25 * 0.1 - 0.82, abs=0.04)


def test_the_bound_is_one_sided_towards_the_worse() -> None:
    model, readers, subjects = programme(0.1)
    found = stats.interchangeability(model, readers, subjects)
    values = stats.interchangeability_of_values(model, readers, subjects, margin=0.1)
    # A normal quantile of 0.95 against one of 0.975.
    for figure, end, bound in (
        (found.gamma, found.gamma.interval.low, found.bound),  # type: ignore[union-attr]
        (values.gamma, values.gamma.interval.high, values.bound),  # type: ignore[union-attr]
    ):
        assert (bound - figure.value) / (end - figure.value) == pytest.approx(1.645 / 1.96, rel=0.1)  # type: ignore[operator]


def test_interchangeability_is_the_difference_of_two_means_over_pairs() -> None:
    found = stats.interchangeability(MODEL, THREE_RATERS)
    table, model = np.asarray(THREE_RATERS), np.asarray(MODEL)
    with_model = np.mean([(model == table[:, j]).mean() for j in range(3)])
    between = np.mean([(table[:, i] == table[:, j]).mean() for i, j in combinations(range(3), 2)])
    assert found.gamma.value == pytest.approx(with_model - between)
    assert (found.model, found.readers) == pytest.approx((with_model, between))


def test_values_in_mm_recover_what_the_model_adds_to_the_spread() -> None:
    generator = np.random.default_rng(2)
    truth = generator.normal(4, 1, 1500)
    readers = truth[:, np.newaxis] + generator.normal(0, 0.4, (1500, 3))
    model = truth + 0.3 + generator.normal(0, 0.5, 1500)
    # E(M-R)² = 0.3² + 0.5² + 0.4², E(R-R')² = 2 · 0.4².
    found = stats.interchangeability_of_values(model, readers, margin=0.1)
    assert found.gamma.value == pytest.approx(0.3**2 + 0.5**2 - 0.4**2, abs=0.04)
    assert found.claimed is False
    assert stats.interchangeability_of_values(model, readers, margin=0.5).claimed is True


def test_readers_who_share_no_case_make_no_pair() -> None:
    readers = [[1, 1, None]] * 6 + [[None, 0, 0]] * 6
    found = stats.interchangeability([1] * 6 + [0] * 6, readers)
    assert (found.model, found.readers) == (1.0, 1.0)
    assert (found.gamma.reason, found.claimed) == ("at-bound", None)


def test_few_subjects_give_a_value_and_no_claim() -> None:
    found = stats.interchangeability(MODEL[:6], THREE_RATERS[:6])
    assert found.gamma.value is not None
    assert (found.bound, found.claimed, found.gamma.reason) == (None, None, "too-few")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: stats.williams_index([1], [[1]]), "at least two readers"),
        (lambda: stats.williams_index([1, 0], [[1, 0]]), "row of readers"),
        (lambda: stats.williams_index([1], [[1, 0]], measure="alpha"), "agreement or kappa"),
        (lambda: stats.interchangeability([1], [[1, 0]], margin=0), "margin is above 0"),
        (lambda: stats.leave_one_reader_out([1], [[1, 0]]), "at least three readers"),
        (lambda: stats.LesionCounts("a", 1, 1, 2), "part of both sides"),
    ],
)
def test_bad_input_is_refused_by_rule(call, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=words):
        call()


def test_leave_one_out_holds_model_and_reader_to_the_same_panel() -> None:
    # Reader 1 against the panel (2, 3): they agree on units 0 and 1 only; unit 2 ties and drops out.
    readers = [[1, 1, 1], [0, 1, 1], [1, 1, 0]]
    found = stats.leave_one_reader_out([1, 1, 0], readers)
    assert found.by_reader[0] == (1.0, 0.5)
    # Without reader 2: panel (1, 3) agrees on unit 0 only.
    assert found.by_reader[1] == (1.0, 1.0)
    # Without reader 3: panel (1, 2) agrees on units 0 and 2.
    assert found.by_reader[2] == (0.5, 0.5)
    assert found.ties == 1 + 2 + 1
    assert found.difference.value == pytest.approx(np.mean([0.5, 0.0, 0.0]))


def test_leave_one_out_finds_no_difference_for_a_model_like_a_reader() -> None:
    same, readers, subjects = programme(0.1)
    worse = programme(0.25)[0]
    level = stats.leave_one_reader_out(same, readers, subjects).difference
    low = stats.leave_one_reader_out(worse, readers, subjects).difference
    assert level.interval is not None
    assert low.interval is not None
    assert level.interval.low < 0 < level.interval.high
    assert low.interval.high < 0


def test_a_missing_answer_is_neither_right_nor_wrong() -> None:
    readers = [[1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 1, np.nan]]
    found = stats.leave_one_reader_out([1, np.nan, 1], readers)
    assert found.model.value == 1.0
    assert found.by_reader == ((1.0, 1.0),) * 4
    assert (found.model.n, found.ties) == (2, 0)


def test_leave_one_out_without_a_panel_has_no_value() -> None:
    found = stats.leave_one_reader_out([1, 0], [[1, None, None], [0, None, None]])
    assert found.model.reason == "no-units"
    assert stats.leave_one_reader_out([], []).by_reader == ()


def test_lesions_are_counted_over_all_studies() -> None:
    studies = [stats.LesionCounts(f"s{n}", 2, 1, 1) for n in range(10)]
    studies += [stats.LesionCounts(f"t{n}", 0, n % 2, 0) for n in range(10)]
    found = stats.lesion_figures(studies)
    assert (found.sensitivity.value, found.sensitivity.count, found.sensitivity.n) == (0.5, 10, 20)
    assert found.precision.value == pytest.approx(10 / 15)
    assert found.f1.value == pytest.approx(2 * 10 / 35)
    assert (found.extra.value, found.extra.n) == (0.25, 20)
    assert (found.clean.value, found.clean.n) == (0.5, 10)
    assert found.extra.interval is not None
    assert found.sensitivity.reason == "at-bound"


def test_lesions_of_few_subjects_have_no_interval_however_many_studies_are_empty() -> None:
    studies = [stats.LesionCounts(n, 3, 3, n % 3) for n in range(4)] + [
        stats.LesionCounts(9 + n, 0, 0, 0) for n in range(50)
    ]
    found = stats.lesion_figures(studies)
    assert found.sensitivity.reason == "too-few"
    assert stats.lesion_figures([]).extra.reason == "no-units"
    assert stats.lesion_figures([stats.LesionCounts(1, 0, 0, 0)]).sensitivity.reason == "no-units"

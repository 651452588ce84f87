from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from inference import metrics

A, B = np.zeros((60, 60), dtype=bool), np.zeros((60, 60), dtype=bool)
A[10:30, 10:40] = True
B[12:32, 13:41] = True
EMPTY = np.zeros((60, 60), dtype=bool)


def test_dice_and_iou_of_the_golden_masks() -> None:
    assert metrics.dice(A, B) == pytest.approx(0.837931, abs=5e-7)
    assert metrics.iou(A, B) == pytest.approx(0.721068, abs=5e-7)


def test_two_empty_masks_are_a_true_negative_and_one_empty_mask_is_zero() -> None:
    assert metrics.dice(EMPTY, EMPTY) is None
    assert metrics.iou(EMPTY, EMPTY) is None
    assert metrics.dice(A, EMPTY) == 0.0
    assert metrics.iou(EMPTY, A) == 0.0


def test_a_summary_counts_true_negatives_apart_from_the_mean() -> None:
    summary = metrics.summarise_dice([(A, A), (A, EMPTY), (EMPTY, EMPTY)])

    assert (summary.overlapping, summary.one_empty, summary.both_empty) == (1, 1, 1)
    assert summary.mean == pytest.approx(0.5)


def test_masks_of_different_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="same shape"):
        metrics.dice(A, B[:10])


def test_auc_of_the_golden_scores_counts_ties_as_half() -> None:
    y = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1]
    p = [0.1, 0.4, 0.35, 0.2, 0.8, 0.7, 0.65, 0.9, 0.3, 0.55, 0.45, 0.6]

    assert metrics.auc(y, p) == pytest.approx(0.777778, abs=5e-7)
    assert metrics.auc([0, 1], [0.5, 0.5]) == 0.5
    assert metrics.auc([1, 1], [0.1, 0.2]) is None


def test_mean_absolute_error_of_no_pairs_is_unknown() -> None:
    assert metrics.mean_absolute_error([], []) is None
    assert metrics.mean_absolute_error([1, 2], [2, 4]) == 1.5


def borders(a, b, spacing=(0.3, 0.2)):
    return metrics.border_distances(a, b, spacing)


def test_border_figures_of_the_golden_masks() -> None:
    found = borders(A, B)

    assert metrics.hausdorff(found) == pytest.approx(0.6)
    assert metrics.hausdorff(found, 100) == pytest.approx(0.848528, abs=5e-7)
    assert metrics.surface_dice(found, 0.5) == pytest.approx(0.310031, abs=5e-7)


def vectors() -> list[Any]:
    folder = Path(__file__).parents[2].parent / "shared" / "data" / "seg_metric_vectors"
    if not folder.is_dir():
        return [pytest.param(None, None, marks=pytest.mark.skip(reason=f"no test data in {folder.name}"))]
    rows = json.loads((folder / "expected_metrics.json").read_text())
    return [pytest.param(folder, row, id=f"{row['case']}-{row['spacing_row_col_mm'][0]}") for row in rows]


@pytest.mark.parametrize(("folder", "row"), vectors())
def test_border_figures_agree_with_an_independent_program(folder, row) -> None:
    a, b = (np.asarray(Image.open(folder / row[key])) > 0 for key in ("a", "b"))
    want = row["expected"]

    found = metrics.border_distances(a, b, row["spacing_row_col_mm"])
    one_way = [
        float(np.average(d, weights=w)) for d, w in ((found.from_a, found.length_a), (found.from_b, found.length_b))
    ]

    assert metrics.dice(a, b) == pytest.approx(want["dice"])
    assert metrics.iou(a, b) == pytest.approx(want["iou"])
    assert metrics.hausdorff(found) == pytest.approx(want["deepmind_hd95"])
    assert metrics.hausdorff(found, 100) == pytest.approx(want["deepmind_hd100"])
    assert metrics.surface_dice(found, 1.0) == pytest.approx(want["deepmind_nsd_1mm"])
    assert metrics.surface_dice(found, 2.0) == pytest.approx(want["deepmind_nsd_2mm"])
    assert one_way == pytest.approx([want["deepmind_asd_ab"], want["deepmind_asd_ba"]])
    assert min(one_way) - 1e-9 <= metrics.mean_border_distance(found) <= max(one_way) + 1e-9


def test_distances_to_an_empty_mask_are_unknown_and_its_surface_dice_is_zero() -> None:
    one, both = borders(A, EMPTY), borders(EMPTY, EMPTY)

    assert metrics.hausdorff(one) is None
    assert metrics.mean_border_distance(one) is None
    assert metrics.surface_dice(one, 1.0) == 0.0
    assert metrics.hausdorff(both) is None
    assert metrics.surface_dice(both, 1.0) is None


@pytest.mark.parametrize("spacing", [(0.0, 1.0), (float("nan"), 1.0), (1.0, float("inf")), (1.0, -0.2)])
def test_absurd_spacing_is_refused(spacing) -> None:
    with pytest.raises(ValueError, match="Spacing"):
        metrics.border_distances(A, B, spacing)


masks = arrays(np.bool_, (9, 11), elements=st.booleans())
lengths = st.floats(0.1, 3.0)


@given(masks, masks, lengths, lengths)
@settings(max_examples=60, deadline=None)
def test_border_figures_do_not_care_which_mask_comes_first(a, b, down, across) -> None:
    there, back = metrics.border_distances(a, b, (down, across)), metrics.border_distances(b, a, (down, across))

    for figure in (metrics.hausdorff, metrics.mean_border_distance, lambda f: metrics.surface_dice(f, 0.7)):
        assert figure(there) == pytest.approx(figure(back)) if figure(there) is not None else figure(back) is None


@given(masks, masks, lengths, lengths, st.floats(0.5, 4.0))
@settings(max_examples=60, deadline=None)
def test_distances_scale_with_the_spacing(a, b, down, across, factor) -> None:
    small = metrics.border_distances(a, b, (down, across))
    large = metrics.border_distances(a, b, (down * factor, across * factor))

    assert large.from_a == pytest.approx(small.from_a * factor)
    assert large.length_b == pytest.approx(small.length_b * factor)


@given(masks, masks, lengths, lengths)
@settings(max_examples=60, deadline=None)
def test_turning_picture_and_spacing_changes_no_border_figure(a, b, down, across) -> None:
    plain, turned = metrics.border_distances(a, b, (down, across)), metrics.border_distances(a.T, b.T, (across, down))

    assert sorted(plain.from_a) == pytest.approx(sorted(turned.from_a))
    assert plain.length_a.sum() == pytest.approx(turned.length_a.sum())


@given(masks, masks)
@settings(max_examples=60, deadline=None)
def test_surface_dice_grows_with_the_tolerance_up_to_one(a, b) -> None:
    found = metrics.border_distances(a, b, (1.0, 1.0))
    values = [metrics.surface_dice(found, tolerance) for tolerance in (0.0, 0.5, 1.0, 2.0, 20.0)]

    if found.empty == 0:
        assert values == sorted(values)
        assert values[-1] == pytest.approx(1.0)


@given(masks)
@settings(max_examples=40, deadline=None)
def test_a_mask_lies_on_itself(a) -> None:
    found = metrics.border_distances(a, a, (0.4, 0.7))

    if a.any():
        assert (metrics.dice(a, a), metrics.iou(a, a)) == (1.0, 1.0)
        assert (metrics.hausdorff(found, 100), metrics.surface_dice(found, 0.0)) == (0.0, 1.0)


@given(masks, masks)
@settings(max_examples=60, deadline=None)
def test_dice_and_iou_tell_the_same(a, b) -> None:
    d, i = metrics.dice(a, b), metrics.iou(a, b)

    assert (d is None) == (i is None)
    assert d is None or i == pytest.approx(d / (2 - d))


def test_brier_of_the_golden_scores() -> None:
    y = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1]
    p = [0.1, 0.4, 0.35, 0.2, 0.8, 0.7, 0.65, 0.9, 0.3, 0.55, 0.45, 0.6]

    assert metrics.brier(y, p) == pytest.approx(0.1875)
    assert metrics.brier([], []) is None


def test_calibration_error_is_the_mean_gap_of_bins_of_equal_mass() -> None:
    y, p = [0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.7, 0.95]

    assert metrics.equal_mass_bins(p, 3).tolist() == [0, 0, 1, 1, 2, 2]
    assert metrics.expected_calibration_error(y, p, 3) == pytest.approx((0.3 + 0.1 + 0.35) / 6)
    assert metrics.expected_calibration_error([], []) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_bins_of_equal_mass_differ_by_one_case_at_most_and_follow_the_order(p, bins) -> None:
    number = metrics.equal_mass_bins(p, bins)
    counts = np.bincount(number)

    assert counts.max() - counts.min() <= 1
    assert number.max() < bins
    assert (np.diff(number[np.argsort(p, kind="stable")]) >= 0).all()

from __future__ import annotations

import numpy as np
import pytest

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

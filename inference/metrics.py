"""Mask and number metrics, written once. Plain numpy.

Empty policy (Dice and IoU): both masks empty is a true negative and gives None, one empty gives 0.0. So a mean is taken
over the frames that have something to overlap, and the true negatives are counted beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def _counts(a: NDArray[Any], b: NDArray[Any]) -> tuple[int, int, int]:
    first, second = np.asarray(a), np.asarray(b)
    if first.shape != second.shape:
        raise ValueError(f"Two masks must have the same shape to be compared; got {first.shape} and {second.shape}.")
    first, second = first.astype(bool, copy=False), second.astype(bool, copy=False)
    return int(np.count_nonzero(first & second)), int(np.count_nonzero(first)), int(np.count_nonzero(second))


def dice(a: NDArray[Any], b: NDArray[Any]) -> float | None:
    """2 |A and B| / (|A| + |B|) of two masks of one shape; None when both are empty. Raises ValueError on shapes."""
    both, in_a, in_b = _counts(a, b)
    return None if in_a + in_b == 0 else 2.0 * both / (in_a + in_b)


def iou(a: NDArray[Any], b: NDArray[Any]) -> float | None:
    """|A and B| / |A or B| of two masks of one shape; None when both are empty. Raises ValueError on shapes."""
    both, in_a, in_b = _counts(a, b)
    return None if in_a + in_b == 0 else both / (in_a + in_b - both)


@dataclass(frozen=True)
class OverlapSummary:
    """Dice over many pairs: mean and median over the pairs with foreground, and the three counts."""

    mean: float | None
    median: float | None
    overlapping: int
    one_empty: int
    both_empty: int


def summarise_dice(pairs: Iterable[tuple[NDArray[Any], NDArray[Any]]]) -> OverlapSummary:
    """Dice of many pairs of masks under the empty policy; a pair with one empty mask counts as 0.0 in the mean."""
    values: list[float] = []
    both_empty = one_empty = 0
    for a, b in pairs:
        value = dice(a, b)
        if value is None:
            both_empty += 1
            continue
        one_empty += int(not np.any(a) or not np.any(b))
        values.append(value)
    mean = float(np.mean(values)) if values else None
    median = float(np.median(values)) if values else None
    return OverlapSummary(mean, median, len(values) - one_empty, one_empty, both_empty)


def auc(labels: Sequence[int], scores: Sequence[float]) -> float | None:
    """Area under the ROC curve, P(X > Y) + P(X = Y) / 2, by mid-ranks; None when only one class is there."""
    y, s = np.asarray(labels, dtype=bool), np.asarray(scores, dtype=np.float64)
    positive, negative = int(y.sum()), int((~y).sum())
    if positive == 0 or negative == 0:
        return None
    _, inverse, counts = np.unique(s, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    return float((ranks[y].sum() - positive * (positive + 1) / 2.0) / (positive * negative))


def mean_absolute_error(a: ArrayLike, b: ArrayLike) -> float | None:
    """Mean of |a - b|; None for no pairs. Raises ValueError on different lengths."""
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError("Paired values must have the same length.")
    return float(np.abs(first - second).mean()) if first.size else None

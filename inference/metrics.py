"""Mask and number metrics, written once. Plain numpy and scipy.ndimage.

Empty policy (Dice, IoU and surface Dice): both masks empty is a true negative and gives None, one empty gives 0.0. So a
mean is taken over the frames that have something to overlap, and the true negatives are counted beside it. Distances
(HD95, ASSD) are None as soon as one mask is empty: report how often beside the figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage


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


@dataclass(frozen=True)
class BorderDistances:
    """How far the borders of two masks lie apart, in the unit of the spacing (mm).

    ``from_a`` are the distances of the pieces of A's border to the nearest piece of B's, ``length_a`` the lengths of
    those pieces; ``from_b`` and ``length_b`` the other way round. All are empty when a mask is: ``empty`` says how many
    of the two masks (0, 1, 2) hold nothing.
    """

    from_a: NDArray[np.float64]
    length_a: NDArray[np.float64]
    from_b: NDArray[np.float64]
    length_b: NDArray[np.float64]
    empty: int = 0


def _piece_lengths(spacing: tuple[float, float]) -> NDArray[np.float64]:
    """Length of the border within a square of four pixel centres, for each of the 16 ways to fill its corners.

    The border joins the middles of the square's sides (marching squares): a single corner, or all but one, is cut off
    by half a diagonal; two neighbours by a whole side; two opposite corners by two half diagonals. Bits: 8 upper left,
    4 upper right, 2 lower left, 1 lower right.
    """
    row, column = spacing
    corner = 0.5 * float(np.hypot(row, column))
    lengths = np.full(16, corner)
    lengths[[0, 15]] = 0.0
    lengths[[0b1100, 0b0011]] = column
    lengths[[0b1010, 0b0101]] = row
    lengths[[0b1001, 0b0110]] = 2 * corner
    return lengths


def _border_codes(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Which corners of every square of four pixel centres lie in the mask; the mask is padded by one pixel."""
    m = np.pad(mask, 1).view(np.uint8)
    return np.asarray(8 * m[:-1, :-1] + 4 * m[:-1, 1:] + 2 * m[1:, :-1] + m[1:, 1:], dtype=np.uint8)


def border_distances(a: NDArray[Any], b: NDArray[Any], spacing: tuple[float, float]) -> BorderDistances:
    """Distances between the borders of two masks (rows, columns) of one shape, with mm per pixel (row, column).

    Each piece of border counts with its length, so that the figures do not depend on how densely a slanting border is
    sampled. Source: Nikolov et al., J Med Internet Res 2021;23(7):e26151 (surface Dice). Raises ValueError on shapes,
    on masks that are not two-dimensional, and on a spacing that is not finite and above zero.
    """
    first, second = np.asarray(a), np.asarray(b)
    if first.shape != second.shape or first.ndim != 2:
        raise ValueError(
            f"Two masks must be two-dimensional and of the same shape; got {first.shape} and {second.shape}."
        )
    if len(spacing) != 2 or not all(np.isfinite(s) and s > 0 for s in spacing):
        raise ValueError("Spacing is (row, column) in mm per pixel, both finite and above zero.")
    first, second = first.astype(bool, copy=False), second.astype(bool, copy=False)
    empty = int(not first.any()) + int(not second.any())
    if empty:
        nothing = np.zeros(0)
        return BorderDistances(nothing, nothing, nothing, nothing, empty)
    together = first | second
    rows, columns = np.flatnonzero(together.any(axis=1)), np.flatnonzero(together.any(axis=0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    codes = (_border_codes(first[box]), _border_codes(second[box]))
    on = tuple((code > 0) & (code < 15) for code in codes)
    away = tuple(ndimage.distance_transform_edt(~border, sampling=spacing) for border in on)
    lengths = _piece_lengths((float(spacing[0]), float(spacing[1])))
    return BorderDistances(away[1][on[0]], lengths[codes[0][on[0]]], away[0][on[1]], lengths[codes[1][on[1]]])


def _percentile(distances: NDArray[np.float64], lengths: NDArray[np.float64], percent: float) -> float:
    order = np.argsort(distances, kind="stable")
    share = np.cumsum(lengths[order])
    at = int(np.searchsorted(share, percent / 100.0 * share[-1]))
    return float(distances[order][min(at, distances.size - 1)])


def hausdorff(found: BorderDistances, percent: float = 95.0) -> float | None:
    """The larger of the two directed percentiles of border distances (HD95; 100 gives the Hausdorff distance).

    None when a mask is empty: there is no distance to nothing. Count those cases and report them beside the figure.
    """
    if found.empty:
        return None
    return max(_percentile(found.from_a, found.length_a, percent), _percentile(found.from_b, found.length_b, percent))


def surface_dice(found: BorderDistances, tolerance: float) -> float | None:
    """Normalised surface Dice (NSD): share of both borders that lies within ``tolerance`` (mm) of the other.

    None when both masks are empty, 0.0 when one is. Raises ValueError on a tolerance that is not finite or below zero.
    """
    if not (np.isfinite(tolerance) and tolerance >= 0):
        raise ValueError("A tolerance is finite and not below zero.")
    if found.empty:
        return 0.0 if found.empty == 1 else None
    near = found.length_a[found.from_a <= tolerance].sum() + found.length_b[found.from_b <= tolerance].sum()
    return float(near / (found.length_a.sum() + found.length_b.sum()))


def mean_border_distance(found: BorderDistances) -> float | None:
    """Average symmetric surface distance (ASSD): mean distance over both borders, weighted by length; None if empty."""
    if found.empty:
        return None
    total = (found.from_a * found.length_a).sum() + (found.from_b * found.length_b).sum()
    return float(total / (found.length_a.sum() + found.length_b.sum()))


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


def brier(labels: Sequence[int], probabilities: Sequence[float]) -> float | None:
    """Mean of (probability - label)^2; None for no pairs. Raises ValueError on different lengths."""
    y, p = np.asarray(labels, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    if y.shape != p.shape:
        raise ValueError("Paired values must have the same length.")
    return float(np.mean((p - y) ** 2)) if y.size else None


def equal_mass_bins(probabilities: Sequence[float], bins: int = 10) -> NDArray[np.intp]:
    """The bin, 0 ... bins - 1, of every probability, so that all bins hold as many (to within one, ties by order).

    Raises ValueError for less than one bin.
    """
    if bins < 1:
        raise ValueError("There must be at least one bin.")
    order = np.argsort(np.asarray(probabilities, dtype=np.float64), kind="stable")
    number = np.empty(order.size, dtype=np.intp)
    number[order] = np.arange(order.size) * min(bins, max(order.size, 1)) // max(order.size, 1)
    return number


def expected_calibration_error(labels: Sequence[int], probabilities: Sequence[float], bins: int = 10) -> float | None:
    """ECE over bins of equal mass: mean over cases of |mean probability - share of label 1| in the case's bin.

    None for no pairs. It is biased upward in small samples, the more so the more bins there are.
    Source: Naeini et al., AAAI 2015; bins of equal mass as in Nixon et al., CVPR workshops 2019.
    """
    y, p = np.asarray(labels, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    if y.shape != p.shape:
        raise ValueError("Paired values must have the same length.")
    if not y.size:
        return None
    apart = np.bincount(equal_mass_bins(probabilities, bins), weights=p - y)
    return float(np.abs(apart).sum() / y.size)

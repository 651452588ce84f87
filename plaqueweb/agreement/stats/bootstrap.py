"""The subject-cluster bootstrap: subjects are drawn with replacement, each with all its units.

Source: Field and Welsh 2007, "Bootstrapping clustered data"; for kappa on clusters Kang et al. 2013.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaqueweb.agreement.stats.figures import MIN_SUBJECTS, Figure, Floats, Interval

REPLICATES = 2000
SEED = 20210609
DEFINED = 0.9
"""Share of resamples in which the statistic must be defined before an interval is given."""
NO_WIDTH = 1e-12
_CHUNK = 250
_NUMBERS = 10_000_000
"""Weights held at once; many units are taken in fewer resamples at a time."""

_WIDEST = 4
"""Numbers of subjects that span no more than so many times the units are looked up, not sorted."""

WeightedStatistic = Callable[[Floats], Floats]
"""From weights of shape (resamples, units), how often each unit was drawn, to one value a resample; NaN: undefined."""


def cluster_index(subjects: Sequence[Any]) -> tuple[NDArray[np.intp], int]:
    """Number the subjects 0..k-1 in order of first appearance: (index per unit of shape (units,), k).

    A numpy array of whole numbers is numbered without a loop, with the same result.
    """
    if isinstance(subjects, np.ndarray) and subjects.dtype.kind in "iu":
        if subjects.size and (width := int(subjects.max()) - int(subjects.min()) + 1) <= _WIDEST * subjects.size:
            return _numbered(subjects.ravel() - subjects.min(), width)
        _, first, inverse = np.unique(subjects, return_index=True, return_inverse=True)
        place = np.empty(first.size, dtype=np.intp)
        place[np.argsort(first)] = np.arange(first.size)
        return place[inverse.ravel()], int(first.size)
    numbers: dict[Any, int] = {}
    index = [numbers.setdefault(subject, len(numbers)) for subject in subjects]
    return np.asarray(index, dtype=np.intp), len(numbers)


def _numbered(values: NDArray[Any], width: int) -> tuple[NDArray[np.intp], int]:
    """``cluster_index`` of whole numbers from 0 to width - 1, without sorting them."""
    first = np.full(width, values.size, dtype=np.intp)
    first[values[::-1]] = np.arange(values.size - 1, -1, -1)  # the last to be written is the first in order
    found = np.flatnonzero(first < values.size)
    place = np.empty(width, dtype=np.intp)
    place[found[np.argsort(first[found])]] = np.arange(found.size)
    return place[values], int(found.size)


@lru_cache(maxsize=4)
def subject_draws(subjects: int, replicates: int, seed: int) -> NDArray[np.uint16]:
    """How often each subject was drawn, shape (replicates, subjects); shared by all statistics of one comparison."""
    generator = np.random.default_rng(seed)
    counts = np.empty((replicates, subjects), dtype=np.uint16)
    for start in range(0, replicates, _CHUNK):
        rows = min(_CHUNK, replicates - start)
        drawn = generator.integers(0, subjects, size=(rows, subjects))
        drawn += np.arange(rows)[:, np.newaxis] * subjects
        counts[start : start + rows] = np.bincount(drawn.ravel(), minlength=rows * subjects).reshape(rows, subjects)
    counts.flags.writeable = False
    return counts


def bootstrap_values(
    statistic: WeightedStatistic, subjects: Sequence[Any], *, replicates: int = REPLICATES, seed: int = SEED
) -> Floats:
    """The statistic in each resample, shape (replicates,). The same seed gives the same values.

    Raises:
        ValueError: there is no subject.
    """
    index, count = cluster_index(subjects)
    if count == 0:
        raise ValueError("A bootstrap needs at least one subject.")
    draws = subject_draws(count, replicates, seed)
    rows = max(1, min(_CHUNK, _NUMBERS // index.size))
    chunks = (draws[start : start + rows][:, index] for start in range(0, replicates, rows))
    return np.concatenate([statistic(chunk.astype(np.float64)) for chunk in chunks])


def with_interval(
    figure: Figure,
    statistic: WeightedStatistic,
    subjects: Sequence[Any],
    *,
    replicates: int = REPLICATES,
    seed: int = SEED,
) -> Figure:
    """``figure`` with a percentile interval (2.5 to 97.5 %) over resampled subjects, or with the reason for none.

    No interval below ``MIN_SUBJECTS`` subjects ("too-few"), and none when the statistic is undefined in more than a
    tenth of the resamples ("undefined-resamples"): the defined ones alone would flatter it.
    """
    if figure.value is None:
        return replace(figure, interval=None)
    _, count = cluster_index(subjects)
    if count < MIN_SUBJECTS:
        return replace(figure, interval=None, reason="too-few")
    return percentile_interval(figure, bootstrap_values(statistic, subjects, replicates=replicates, seed=seed))


def percentile_interval(figure: Figure, values: Floats) -> Figure:
    """``figure`` with the 2.5 to 97.5 % interval of its resampled ``values``, shape (replicates,), NaN where undefined.

    None, with "undefined-resamples", when fewer than nine tenths of them are defined, and "at-bound" where all are
    equal: a share of 1 in 12 subjects is no proof of 1, and an interval without width would say so.
    """
    defined = values[np.isfinite(values)]
    if defined.size < DEFINED * values.size:
        return replace(figure, interval=None, reason="undefined-resamples")
    low, high = np.percentile(defined, [2.5, 97.5])
    if high - low < NO_WIDTH:
        return replace(figure, interval=None, reason="at-bound")
    return replace(figure, interval=Interval(float(low), float(high), "subject bootstrap"), reason="")

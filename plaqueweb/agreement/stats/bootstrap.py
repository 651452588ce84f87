"""The subject-cluster bootstrap: subjects are drawn with replacement, each with all its units.

Source: Field and Welsh 2007, "Bootstrapping clustered data"; for kappa on clusters Kang et al. 2013.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaqueweb.agreement.stats.figures import MIN_SUBJECTS, Figure, Floats, Interval

REPLICATES = 2000
SEED = 20210609
DEFINED = 0.9
"""Share of resamples in which the statistic must be defined before an interval is given."""
_CHUNK = 250

WeightedStatistic = Callable[[Floats], Floats]
"""From weights of shape (resamples, units), how often each unit was drawn, to one value a resample; NaN: undefined."""


def cluster_index(subjects: Sequence[Any]) -> tuple[NDArray[np.intp], int]:
    """Number the subjects 0..k-1 in order of first appearance: (index per unit of shape (units,), k)."""
    numbers: dict[Any, int] = {}
    index = [numbers.setdefault(subject, len(numbers)) for subject in subjects]
    return np.asarray(index, dtype=np.intp), len(numbers)


def _weights(index: NDArray[np.intp], subjects: int, replicates: int, seed: int) -> Iterator[Floats]:
    generator = np.random.default_rng(seed)
    for start in range(0, replicates, _CHUNK):
        size = min(_CHUNK, replicates - start)
        drawn = generator.multinomial(subjects, np.full(subjects, 1 / subjects), size=size)
        yield drawn[:, index].astype(np.float64)


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
    return np.concatenate([statistic(weights) for weights in _weights(index, count, replicates, seed)])


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
    values = bootstrap_values(statistic, subjects, replicates=replicates, seed=seed)
    values = values[np.isfinite(values)]
    if values.size < DEFINED * replicates:
        return replace(figure, interval=None, reason="undefined-resamples")
    low, high = np.percentile(values, [2.5, 97.5])
    return replace(figure, interval=Interval(float(low), float(high), "subject bootstrap"), reason="")

"""Many readers, many cases: does a difference hold for other readers and other cases?

Obuchowski and Rockette's analysis of variance with Hillis' degrees of freedom: cases enter through the covariances of
the figures of merit, which the jackknife over subjects gives. Source: Obuchowski and Rockette 1995; Hillis 2007, 2014.
A figure of merit is the AUC, sensitivity, specificity or accuracy against a reference, or any function of
(reference, answers).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plaqueweb.agreement.stats.clusters import clusters_of, subject_sums
from plaqueweb.agreement.stats.figures import MIN_SUBJECTS, Figure, Floats, Interval
from plaqueweb.agreement.stats.quantiles import t_quantile, t_two_sided, t_upper
from plaqueweb.agreement.stats.roc import placements

Merit = Literal["auc", "sensitivity", "specificity", "accuracy"]
MeritFunction = Callable[[Floats, Floats], float]
"""From reference and answers, both shape (units,), to one number; larger is better."""


@dataclass(frozen=True)
class Effect:
    """A difference of figures of merit with t interval, and what it was made of.

    ``merits``: per reader for a model against readers (the model's own in ``other``), per reader of the first and of
    the second modality otherwise. ``lower_bound`` is one-sided 95 %; ``non_inferior`` compares it with -margin and is
    None without a margin. Where nothing varies, ``df`` and ``p_value`` are None.
    """

    difference: Figure
    merits: tuple[float, ...]
    other: tuple[float, ...]
    df: float | None
    p_value: float | None
    lower_bound: float | None
    margin: float | None
    non_inferior: bool | None
    non_inferior_p: float | None


def jackknife_merit(
    reference: Floats, answers: Floats, index: NDArray[np.intp], count: int, merit: Merit | MeritFunction
) -> tuple[float, Floats]:
    """The figure of merit and its values without each subject, shape (subjects,).

    Raises:
        ValueError: the figure is not defined without one of the subjects: too few of a class.
    """
    if callable(merit):
        value = merit(reference, answers)
        left_out = np.asarray([merit(reference[index != k], answers[index != k]) for k in range(count)])
    elif merit == "auc":
        value, left_out = _jackknife_auc(reference, answers, index, count)
    else:
        counted = {"sensitivity": reference == 1, "specificity": reference == 0}.get(merit, np.ones(reference.size))
        hits = (reference == answers) * counted
        sums = subject_sums(np.column_stack([hits, counted]), index, count)
        total = sums.sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            value, left_out = float(total[0] / total[1]), (total[0] - sums[:, 0]) / (total[1] - sums[:, 1])
    if not (math.isfinite(value) and np.isfinite(left_out).all()):
        raise ValueError("Each class needs units of at least two subjects.")
    return value, left_out


def _jackknife_auc(reference: Floats, answers: Floats, index: NDArray[np.intp], count: int) -> tuple[float, Floats]:
    """All leave-one-subject-out AUCs at once: take out every pair of units in which the subject has a part."""
    truth = reference == 1
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return math.nan, np.full(count, np.nan)
    placed = placements(truth, answers)
    parts = np.column_stack([truth, ~truth, placed * truth * negatives, placed * ~truth * positives])
    up, down, wins_up, wins_down = subject_sums(parts, index, count).T
    twice = np.zeros(count)
    for k in np.nonzero((up > 0) & (down > 0))[0]:
        own, other = answers[(index == k) & truth], answers[(index == k) & ~truth]
        twice[k] = (np.sign(own[:, np.newaxis] - other) + 1).sum() / 2
    total = float(placed[truth].sum()) * negatives
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = (total - wins_up - wins_down + twice) / ((positives - up) * (negatives - down))
    return total / (positives * negatives), np.asarray(left_out)


def _covariance(left_out: Floats) -> Floats:
    """Jackknife covariance of figures from their leave-one-out values, shape (subjects, figures)."""
    count = left_out.shape[0]
    centred = left_out - left_out.mean(axis=0)
    return np.asarray((count - 1) / count * (centred.T @ centred))


def _checked(
    reference: ArrayLike, answers: Floats, merit: Merit | MeritFunction, margin: float | None
) -> NDArray[np.float64]:
    truth = np.asarray(reference, dtype=np.float64)
    if truth.ndim != 1 or answers.shape[-1] != truth.size:
        raise ValueError(f"Each unit has a reference and an answer of each reader: {truth.shape}, {answers.shape}.")
    if not callable(merit) and merit not in ("auc", "sensitivity", "specificity", "accuracy"):
        raise ValueError(f"The figure of merit is auc, sensitivity, specificity or accuracy; got {merit!r}.")
    if not callable(merit) and not np.isin(truth, (0.0, 1.0)).all():
        raise ValueError("The reference is 1 or 0.")
    if not np.isfinite(answers).all():
        raise ValueError("Every reader answers every unit here; leave out units that one of them could not assess.")
    if margin is not None and not margin > 0:
        raise ValueError(f"A margin is above 0; got {margin}.")
    return truth


def model_against_readers(
    reference: ArrayLike,
    model: ArrayLike,
    readers: ArrayLike,
    merit: Merit | MeritFunction = "auc",
    *,
    subjects: Sequence[Any] | None = None,
    margin: float | None = None,
) -> Effect:
    """Figure of merit of one model minus the mean of J readers, readers and cases both a sample.

    With D_j = θ_M - θ_j, MSR their variance (divisor J-1) and Cov2 the mean jackknife covariance of D_j and D_k:
    se = √((MSR + max(J Cov2, 0)) / J), df = (J-1) [(MSR + max(J Cov2, 0)) / MSR]².

    Args:
        reference, model: shape (units,). readers: shape (units, J), J >= 2. margin: for non-inferiority of the model.

    No interval below ``MIN_SUBJECTS`` subjects ("too-few") or where nothing varies ("at-bound").

    Raises:
        ValueError: shapes, fewer than two readers, a missing answer, or a class with fewer than two subjects.
    """
    table = np.asarray(readers, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise ValueError(f"Readers have a row a unit and a column for each of two or more; got {table.shape}.")
    answers = np.vstack([np.asarray(model, dtype=np.float64)[np.newaxis], table.T])
    truth = _checked(reference, answers, merit, margin)
    index, count = clusters_of(truth.size, subjects)
    found = [jackknife_merit(truth, row, index, count, merit) for row in answers]
    merits = np.asarray([value for value, _ in found])
    left_out = np.column_stack([values for _, values in found])
    differences, j = merits[0] - merits[1:], table.shape[1]
    covariance = _covariance(left_out[:, :1] - left_out[:, 1:])
    between = float(differences.var(ddof=1))
    shared = float(covariance.sum() - np.trace(covariance)) / (j * (j - 1))
    total = between + max(j * shared, 0.0)
    df = (j - 1) * (total / between) ** 2 if between > 1e-15 else math.inf
    effect = float(differences.mean())
    se = math.sqrt(total / j)
    return _effect(effect, se, df, count, truth.size, margin, (tuple(merits[1:].tolist()), (float(merits[0]),)))


def two_modalities(
    reference: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    merit: Merit | MeritFunction = "auc",
    *,
    subjects: Sequence[Any] | None = None,
    margin: float | None = None,
) -> Effect:
    """Mean figure of merit of J readers with ``first`` minus with ``second``: aided against unaided, say.

    With MS(TR) the modality-reader mean square, Cov2 (same modality, two readers) and Cov3 (two modalities, two
    readers) from the jackknife: se = √(2/J [MS(TR) + max(J (Cov2 - Cov3), 0)]),
    df = (J-1) [(MS(TR) + max(J (Cov2 - Cov3), 0)) / MS(TR)]². Source: Hillis 2007.

    Args:
        reference: shape (units,). first, second: shape (units, J), the same readers in the same columns, J >= 2.

    Raises:
        ValueError: as ``model_against_readers``.
    """
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 2 or one.shape != two.shape or one.shape[1] < 2:
        raise ValueError(f"Both modalities have the same units and two or more readers; got {one.shape}, {two.shape}.")
    answers = np.vstack([one.T, two.T])
    truth = _checked(reference, answers, merit, margin)
    index, count = clusters_of(truth.size, subjects)
    found = [jackknife_merit(truth, row, index, count, merit) for row in answers]
    j = one.shape[1]
    merits = np.asarray([value for value, _ in found]).reshape(2, j)
    covariance = _covariance(np.column_stack([values for _, values in found]))
    same = (_off_diagonal(covariance[:j, :j]) + _off_diagonal(covariance[j:, j:])) / 2
    across = _off_diagonal(covariance[:j, j:])
    rest = merits - merits.mean(axis=1, keepdims=True) - merits.mean(axis=0, keepdims=True) + merits.mean()
    between = float((rest**2).sum()) / (j - 1)
    total = between + max(j * (same - across), 0.0)
    df = (j - 1) * (total / between) ** 2 if between > 1e-15 else math.inf
    effect = float(merits[0].mean() - merits[1].mean())
    sides = (tuple(merits[0].tolist()), tuple(merits[1].tolist()))
    return _effect(effect, math.sqrt(2 * total / j), df, count, truth.size, margin, sides)


def _off_diagonal(block: Floats) -> float:
    j = block.shape[0]
    return float(block.sum() - np.trace(block)) / (j * (j - 1))


def _effect(
    value: float,
    se: float,
    df: float,
    subjects: int,
    n: int,
    margin: float | None,
    merits: tuple[tuple[float, ...], tuple[float, ...]],
) -> Effect:
    if subjects < MIN_SUBJECTS or se < 1e-12:
        reason: Literal["too-few", "at-bound"] = "too-few" if subjects < MIN_SUBJECTS else "at-bound"
        return Effect(Figure(value, n, reason=reason), *merits, None, None, None, margin, None, None)
    half = t_quantile(0.975, df) * se
    bound = value - t_quantile(0.95, df) * se
    return Effect(
        difference=Figure(value, n, Interval(value - half, value + half, "t"), se=se),
        merits=merits[0],
        other=merits[1],
        df=df,
        p_value=t_two_sided(value / se, df),
        lower_bound=bound,
        margin=margin,
        non_inferior=None if margin is None else bound > -margin,
        non_inferior_p=None if margin is None else t_upper((value + margin) / se, df),
    )

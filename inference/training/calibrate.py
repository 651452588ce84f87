"""Temperature and threshold, fixed on validation subjects and frozen with the pipeline."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def per_subject(margins: Iterable[float], subjects: Iterable[str], classes: Iterable[int]) -> tuple[Floats, Floats]:
    """Mean margin (logit) and class of every subject, in order of first appearance."""
    sums: dict[str, list[float]] = {}
    truth: dict[str, int] = {}
    for margin, subject, label in zip(margins, subjects, classes, strict=True):
        sums.setdefault(subject, []).append(float(margin))
        truth[subject] = int(label)
    return np.array([np.mean(v) for v in sums.values()]), np.array([truth[s] for s in sums], dtype=np.float64)


def fit_temperature(margins: Floats, classes: Floats) -> float:
    """The temperature (0.2 to 10) with the least log loss of sigmoid(margin / T); golden-section search in log T.

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
    """

    def log_loss(log_t: float) -> float:
        z = np.asarray(margins) / np.exp(log_t)
        return float(np.mean(np.logaddexp(0.0, np.where(classes > 0.5, -z, z))))

    low, high, golden = np.log(0.2), np.log(10.0), (np.sqrt(5) - 1) / 2
    a, b = high - golden * (high - low), low + golden * (high - low)
    for _ in range(60):
        if log_loss(a) < log_loss(b):
            high, b, a = b, a, high - golden * (b - low)
            a = high - golden * (high - low)
        else:
            low, a = a, b
            b = low + golden * (high - low)
    return float(np.exp((low + high) / 2))


def choose_threshold(probabilities: Floats, classes: Floats) -> float:
    """The cut-off with the best balanced accuracy; among equals the middle of the widest run, nearest 0.5."""
    candidates = np.round(np.arange(0.2, 0.801, 0.01), 2)
    positive = classes > 0.5
    if positive.all() or not positive.any():
        return 0.5
    said = probabilities[None, :] >= candidates[:, None]
    scores = 0.5 * (said[:, positive].mean(axis=1) + (~said[:, ~positive]).mean(axis=1))
    best = candidates[scores >= scores.max() - 1e-9]
    return float(best[np.argmin(np.abs(best - 0.5))])

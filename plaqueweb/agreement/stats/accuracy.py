"""Predictive values at another prevalence, and likelihood ratios, from sensitivity and specificity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from plaqueweb.agreement.stats.categorical import two_by_two
from plaqueweb.agreement.stats.figures import Figure, Interval, Z


@dataclass(frozen=True)
class PredictiveValues:
    """Predictive values at ``prevalence``."""

    prevalence: float
    ppv: Figure
    npv: Figure


def at_prevalence(table: Any, prevalence: float) -> PredictiveValues:
    """PPV and NPV at a prevalence that is not that of the units, from [[TP, FN], [FP, TN]].

    PPV = Se π / (Se π + (1-Sp)(1-π)), NPV = Sp (1-π) / (Sp (1-π) + (1-Se) π), with intervals on the logit scale:
    Var logit PPV = (1-Se)/(n₁ Se) + Sp/(n₀ (1-Sp)), Var logit NPV = Se/(n₁ (1-Se)) + (1-Sp)/(n₀ Sp).
    Source: Bayes; Mercaldo, Lau, Zhou 2007. Units must be independent subjects.

    A part without units gives no value ("no-units"); Se or Sp of 0 or 1 gives values without intervals ("at-bound").

    Raises:
        ValueError: the prevalence does not lie between 0 and 1, or the table is not 2 x 2.
    """
    if not 0.0 < prevalence < 1.0:
        raise ValueError(f"A prevalence lies between 0 and 1; got {prevalence}.")
    (tp, fn), (fp, tn) = two_by_two(table).tolist()
    diseased, well = tp + fn, fp + tn
    n = int(diseased + well)
    if diseased == 0 or well == 0:
        nothing = Figure(None, n, reason="no-units")
        return PredictiveValues(prevalence, nothing, nothing)
    se, sp = tp / diseased, tn / well
    ppv_parts = (se * prevalence, (1 - sp) * (1 - prevalence))
    npv_parts = (sp * (1 - prevalence), (1 - se) * prevalence)
    inside = 0 < se < 1 and 0 < sp < 1
    ppv_variance = (1 - se) / (diseased * se) + sp / (well * (1 - sp)) if inside else None
    npv_variance = se / (diseased * (1 - se)) + (1 - sp) / (well * sp) if inside else None
    return PredictiveValues(prevalence, _odds(*ppv_parts, ppv_variance, n), _odds(*npv_parts, npv_variance, n))


def _odds(right: float, wrong: float, variance: float | None, n: int) -> Figure:
    if right + wrong == 0:
        return Figure(None, n, reason="no-units")
    value = right / (right + wrong)
    if variance is None:
        return Figure(value, n, reason="at-bound")
    centre, half = math.log(right / wrong), Z * math.sqrt(variance)
    low, high = (1 / (1 + math.exp(-x)) for x in (centre - half, centre + half))
    return Figure(value, n, Interval(low, high, "logit"))


@dataclass(frozen=True)
class LikelihoodRatios:
    """How a positive and a negative answer change the odds of the reference's class 1; prevalence-free."""

    positive: Figure
    negative: Figure


def likelihood_ratios(table: Any) -> LikelihoodRatios:
    """LR+ = Se / (1-Sp) and LR- = (1-Se) / Sp from [[TP, FN], [FP, TN]], with intervals on the log scale.

    Var log LR+ = 1/TP - 1/(TP+FN) + 1/FP - 1/(FP+TN), LR- likewise with FN and TN. Source: Simel, Samsa, Matchar 1991.
    No value where the denominator is 0 or a row is empty ("no-units"); no interval for a ratio of 0 ("at-bound").
    """
    (tp, fn), (fp, tn) = two_by_two(table).tolist()
    return LikelihoodRatios(_ratio(tp, tp + fn, fp, fp + tn), _ratio(fn, tp + fn, tn, fp + tn))


def _ratio(top: float, diseased: float, bottom: float, well: float) -> Figure:
    n = int(diseased + well)
    if diseased == 0 or well == 0 or bottom == 0:
        return Figure(None, n, reason="no-units")
    value = (top / diseased) / (bottom / well)
    if top == 0:
        return Figure(value, n, reason="at-bound")
    half = Z * math.sqrt(1 / top - 1 / diseased + 1 / bottom - 1 / well)
    return Figure(value, n, Interval(value * math.exp(-half), value * math.exp(half), "asymptotic"))

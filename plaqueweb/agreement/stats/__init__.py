"""Agreement statistics in plain numpy: no Django here, and none of scipy.stats, pandas or scikit-learn."""

from __future__ import annotations

from plaqueweb.agreement.stats.bootstrap import bootstrap_values, cluster_index, with_interval
from plaqueweb.agreement.stats.categorical import (
    CANNOT_ASSESS,
    CATEGORIES,
    Confusion,
    Diagnostic,
    cohen_kappa,
    confusion,
    diagnostic,
    gwet_ac1,
    negative_agreement,
    observed_agreement,
    pabak,
    positive_agreement,
)
from plaqueweb.agreement.stats.continuous import BlandAltman, bland_altman, concordance, mean_absolute_error, within
from plaqueweb.agreement.stats.figures import MIN_SUBJECTS, Figure, Interval
from plaqueweb.agreement.stats.intervals import clopper_pearson, proportion, wilson
from plaqueweb.agreement.stats.overlap import DiceSummary, FrameScore, dice_summary, score_frame

__all__ = [
    "CANNOT_ASSESS",
    "CATEGORIES",
    "MIN_SUBJECTS",
    "BlandAltman",
    "Confusion",
    "Diagnostic",
    "DiceSummary",
    "Figure",
    "FrameScore",
    "Interval",
    "bland_altman",
    "bootstrap_values",
    "clopper_pearson",
    "cluster_index",
    "cohen_kappa",
    "concordance",
    "confusion",
    "diagnostic",
    "dice_summary",
    "gwet_ac1",
    "mean_absolute_error",
    "negative_agreement",
    "observed_agreement",
    "pabak",
    "positive_agreement",
    "proportion",
    "score_frame",
    "wilson",
    "with_interval",
    "within",
]

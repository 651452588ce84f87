"""Agreement statistics in plain numpy: no Django here, and none of scipy.stats, pandas or scikit-learn."""

from __future__ import annotations

from plaqueweb.agreement.stats.accuracy import LikelihoodRatios, PredictiveValues, at_prevalence, likelihood_ratios
from plaqueweb.agreement.stats.bootstrap import bootstrap_values, cluster_index, with_interval
from plaqueweb.agreement.stats.calibration import (
    Bin,
    CalibrationFit,
    brier,
    calibration_error,
    calibration_fit,
    reliability,
)
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
from plaqueweb.agreement.stats.clusters import (
    clusters_of,
    interval_from_sums,
    resampled_sums,
    subject_sums,
    subject_tables,
)
from plaqueweb.agreement.stats.continuous import BlandAltman, bland_altman, concordance, mean_absolute_error, within
from plaqueweb.agreement.stats.deming import Line, deming, passing_bablok
from plaqueweb.agreement.stats.figures import MIN_SUBJECTS, Figure, Interval
from plaqueweb.agreement.stats.icc import icc
from plaqueweb.agreement.stats.interchange import (
    Interchangeability,
    interchangeability,
    interchangeability_of_values,
    williams_index,
    williams_index_of_scores,
)
from plaqueweb.agreement.stats.intervals import clopper_pearson, proportion, wilson
from plaqueweb.agreement.stats.krippendorff import krippendorff_alpha
from plaqueweb.agreement.stats.lesions import LesionCounts, LesionFigures, lesion_figures
from plaqueweb.agreement.stats.limits import (
    RatioLimits,
    RepeatedLimits,
    ReplicateLimits,
    ratio_limits,
    repeated_limits,
    replicate_limits,
)
from plaqueweb.agreement.stats.monitoring import (
    Chart,
    Cusum,
    bernoulli_cusum,
    cusum,
    decision_limit,
    ewma,
    p_chart,
    run_length,
)
from plaqueweb.agreement.stats.mrmc import Effect, model_against_readers, two_modalities
from plaqueweb.agreement.stats.overlap import DiceSummary, FrameScore, dice_summary, score_frame
from plaqueweb.agreement.stats.paired import ClusteredMcNemar, McNemar, mcnemar, mcnemar_clustered, paired_difference
from plaqueweb.agreement.stats.panel import LeaveOneOut, leave_one_reader_out
from plaqueweb.agreement.stats.precision_recall import (
    PrecisionRecall,
    average_precision,
    average_precision_values,
    precision_recall,
)
from plaqueweb.agreement.stats.proportional import ProportionalBias, proportional_bias
from plaqueweb.agreement.stats.raters import (
    agreeing_pairs,
    brennan_prediger,
    fleiss_kappa,
    gwet_ac1_raters,
    rating_counts,
)
from plaqueweb.agreement.stats.roc import (
    AucDifference,
    RocCurve,
    auc,
    auc_values,
    compare_auc,
    operating_point,
    roc_curve,
)
from plaqueweb.agreement.stats.summaries import class_figures, class_sums, pair_figures, pair_sums
from plaqueweb.agreement.stats.weighted import weighted_kappa, weighted_kappa_of

__all__ = [
    "CANNOT_ASSESS",
    "CATEGORIES",
    "MIN_SUBJECTS",
    "AucDifference",
    "Bin",
    "BlandAltman",
    "CalibrationFit",
    "Chart",
    "ClusteredMcNemar",
    "Confusion",
    "Cusum",
    "Diagnostic",
    "DiceSummary",
    "Effect",
    "Figure",
    "FrameScore",
    "Interchangeability",
    "Interval",
    "LeaveOneOut",
    "LesionCounts",
    "LesionFigures",
    "LikelihoodRatios",
    "Line",
    "McNemar",
    "PrecisionRecall",
    "PredictiveValues",
    "ProportionalBias",
    "RatioLimits",
    "RepeatedLimits",
    "ReplicateLimits",
    "RocCurve",
    "agreeing_pairs",
    "at_prevalence",
    "auc",
    "auc_values",
    "average_precision",
    "average_precision_values",
    "bernoulli_cusum",
    "bland_altman",
    "bootstrap_values",
    "brennan_prediger",
    "brier",
    "calibration_error",
    "calibration_fit",
    "class_figures",
    "class_sums",
    "clopper_pearson",
    "cluster_index",
    "clusters_of",
    "cohen_kappa",
    "compare_auc",
    "concordance",
    "confusion",
    "cusum",
    "decision_limit",
    "deming",
    "diagnostic",
    "dice_summary",
    "ewma",
    "fleiss_kappa",
    "gwet_ac1",
    "gwet_ac1_raters",
    "icc",
    "interchangeability",
    "interchangeability_of_values",
    "interval_from_sums",
    "krippendorff_alpha",
    "leave_one_reader_out",
    "lesion_figures",
    "likelihood_ratios",
    "mcnemar",
    "mcnemar_clustered",
    "mean_absolute_error",
    "model_against_readers",
    "negative_agreement",
    "observed_agreement",
    "operating_point",
    "p_chart",
    "pabak",
    "pair_figures",
    "pair_sums",
    "paired_difference",
    "passing_bablok",
    "positive_agreement",
    "precision_recall",
    "proportion",
    "proportional_bias",
    "rating_counts",
    "ratio_limits",
    "reliability",
    "repeated_limits",
    "replicate_limits",
    "resampled_sums",
    "roc_curve",
    "run_length",
    "score_frame",
    "subject_sums",
    "subject_tables",
    "two_modalities",
    "weighted_kappa",
    "weighted_kappa_of",
    "williams_index",
    "williams_index_of_scores",
    "wilson",
    "with_interval",
    "within",
]

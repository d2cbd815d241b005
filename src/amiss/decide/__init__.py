"""Calibration scores to a number to cut at. A score strictly above it is anomalous.

So ties resolve downward: of items that share a score, all or none are flagged, and none if that
would flag more than was asked for.
"""

from amiss.decide.rules import (
    RULES,
    best_f1_threshold,
    check_rate,
    decide,
    equal_precision_recall_threshold,
    precision_recall_curve,
    probability_threshold,
    quantile_threshold,
    score_of_rule,
    sigma_threshold,
    tail_threshold,
    top_k_threshold,
)
from amiss.decide.shares import share_limits

__all__ = [
    "RULES",
    "best_f1_threshold",
    "check_rate",
    "decide",
    "equal_precision_recall_threshold",
    "precision_recall_curve",
    "probability_threshold",
    "quantile_threshold",
    "score_of_rule",
    "share_limits",
    "sigma_threshold",
    "tail_threshold",
    "top_k_threshold",
]

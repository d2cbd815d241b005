"""The scores that a threshold is found by, and another threshold by them, nothing fitted again."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.decide import decide
from amiss.run.detectors import check_rule

_LEAST_LABELLED, _LIKE_LABELLED, _MOST_DOUBTED = 3, 0.25, 0.05
"""Labelled anomalies that say what is like them; the quantile of their scores that is so; the most
of the unlabelled rows that are left out for it."""
Fitted = TypeVar("Fitted", bound=Any)
"""A dataclass with a `detector`, a `threshold` and the `calibration` scores: any of our models."""


def cut_anew(model: Fitted, rate: float, rule: str) -> Fitted:
    """Return the same model with the threshold of another rate and rule.

    Raises
    ------
    UsageError
        The rate is not in (0, 1), or the rule is unknown.
    """
    check_rule(rule, model.detector)
    threshold = decide(model.calibration, rate, rule, model.detector.resolution)
    detector = copy(model.detector)  # what was learnt is shared, the threshold is not
    detector.offset_ = -threshold.value
    changed: Fitted = replace(model, detector=detector, threshold=threshold)
    return changed


def preview_rates(
    model: Any, scores: NDArray[np.float64], rates: Sequence[float], rule: str
) -> pl.DataFrame:
    """Return how many of the scored items each false-alarm rate would flag, a row a rate."""
    thresholds = [
        decide(model.calibration, rate, rule, model.detector.resolution) for rate in rates
    ]
    return pl.DataFrame(
        {
            "false_alarm_rate": list(rates),
            "threshold": [t.value for t in thresholds],
            "flagged": [int((scores > t.value).sum()) for t in thresholds],
            "realised": [t.realised for t in thresholds],
        }
    )


def calibration_scores(
    scores: NDArray[np.float64], truth: NDArray[np.int64] | None, rule: str
) -> NDArray[np.float64]:
    """Return the scores, ascending, that a threshold is found by.

    Among unlabelled rows are anomalies like the labelled ones, or nobody would have labelled any:
    where some are labelled, rows that score like most of them are left out, at most 5 %. The rule
    ``quantile`` is a guarantee for rows like all those that are not labelled anomalies.
    """
    if truth is None:
        return np.sort(scores)
    unlabelled, anomalous = truth == -1, truth == 1
    kept = ~anomalous
    if rule != "quantile" and anomalous.sum() >= _LEAST_LABELLED and unlabelled.any():
        bound = max(
            float(np.quantile(scores[anomalous], _LIKE_LABELLED)),
            float(np.quantile(scores[unlabelled], 1 - _MOST_DOUBTED)),
        )
        kept &= ~unlabelled | (scores <= bound)
    return np.sort(scores[kept])


def note_on_labelled(
    scores: NDArray[np.float64], truth: NDArray[np.int64] | None, threshold: float
) -> list[str]:
    """Return what is to be said of a threshold that misses most of the labelled anomalies."""
    if truth is None or not (truth == 1).any():
        return []
    labelled = scores[truth == 1]
    missed = int((labelled <= threshold).sum())
    if 2 * missed <= len(labelled):
        return []
    note = (
        f"the threshold lies above {missed:,} of the {len(labelled):,} labelled anomalies, judged "
        "out of fold: rows that are not labelled score as high; label more, or ask for a higher "
        "false-alarm rate"
    )
    return [note]

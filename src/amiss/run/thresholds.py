"""Another threshold for a fitted model, by its calibration scores: nothing is fitted again."""

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

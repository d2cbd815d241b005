"""Checks of the parameters that detectors with networks share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from amiss.errors import UsageError


def check_network_parameters(detector: Any, **least: int) -> None:
    """Raise `UsageError` if one of the parameters that such detectors share makes no sense.

    Parameters
    ----------
    detector : Detector
        Parameters that are None are left to what they stand for.
    **least : int
        The least of whole numbers of its own.
    """
    shared = {"epochs": 1, "batch_size": 1, "n_networks": 1, "folds": 0, "patience": 1}
    for name, lowest in {**shared, **least}.items():
        value = getattr(detector, name)
        if value is not None and not (isinstance(value, int | np.integer) and value >= lowest):
            raise UsageError(f"{name}={value!r}; expected a whole number, {lowest} or more")
    if detector.folds == 1:
        raise UsageError("folds=1; expected 2 or more, or 0 for training scores in sample")
    if detector.learning_rate is not None and not detector.learning_rate > 0:
        raise UsageError(f"learning_rate={detector.learning_rate}; expected more than 0")
    if detector.threshold is not None and not math.isfinite(detector.threshold):
        raise UsageError(f"threshold={detector.threshold}; expected a finite number")
    hidden = detector.hidden
    if hidden is not None and not (
        isinstance(hidden, Iterable)
        and all(isinstance(size, int | np.integer) and size >= 1 for size in hidden)
    ):
        raise UsageError(f"hidden={hidden!r}; expected sizes of 1 or more, such as (32, 16)")

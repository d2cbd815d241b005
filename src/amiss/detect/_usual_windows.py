"""Which windows of time are usual enough to learn how often events usually come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amiss.detect._base import LEFT_OUT, Scores
from amiss.detect._window_counts import in_time, lasting
from amiss.detect.event_rates import EventRates
from amiss.types import Sequences

_PASSES, _WIDTHS = 4, (1, 5)
_HIGH = 0.75
"""A run of scores beyond this quantile is looked at as an incident."""


def usual_windows(X: Sequences) -> NDArray[np.bool_]:
    """Return which windows are usual enough to learn from, shape (n,).

    Left out are those whose score lies beyond all that as many windows would have if scores fell
    off as they do in the bulk, by a thousand times: one in twenty may be odd without moving it,
    and two incidents that last for up to a fifth of the log. So are odd ones that follow each
    other, by their mean: a heartbeat that stops is not much of a surprise in the first minute, but
    it lasts. Then again without these, since one incident excuses the next like it. To the same
    end, counts are cut to what they are but for two incidents while others are judged by them.
    """
    usual = np.ones(len(X), dtype=np.bool_)
    order = in_time(X)
    fences: list[float] = []
    for _ in range(_PASSES):
        scores = EventRates().train(X, np.where(usual, 0, LEFT_OUT), robust=True)
        means = [_running_mean(scores[order], width) for width in _WIDTHS]
        high = np.flatnonzero(means[0] > np.quantile(means[0], _HIGH))
        bulk = np.ones(len(X), dtype=np.bool_)
        bulk[high] = ~lasting(high, np.zeros_like(high), len(X))
        fences = fences or [_fence(mean, bulk) for mean in means]
        odd = np.zeros(len(X), dtype=np.bool_)
        for mean, fence, width in zip(means, fences, _WIDTHS, strict=True):
            beyond = (mean > fence).astype(np.float64)
            odd[order] |= _running_mean(beyond, width) > 0
        odd &= usual & (scores > np.quantile(means[0][bulk], 0.95))
        if not odd.any():
            break
        usual &= ~odd
    return usual


def _running_mean(values: Scores, width: int) -> Scores:
    """Return the mean of each value and its neighbours; beyond the ends there are zeros."""
    return np.convolve(values, np.full(width, 1 / width))[width // 2 :][: len(values)]


def _fence(scores: Scores, bulk: NDArray[np.bool_]) -> float:
    """Return beyond which none of a thousand times as many scores like the bulk's would lie."""
    middle, high = np.quantile(scores[bulk], [0.5, 0.95])
    return float(high + (high - middle) * (max(0.0, np.log10(0.05 * len(scores))) + 3))

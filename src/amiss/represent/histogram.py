"""Volume and score over time: what a timeline shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amiss.represent.sessions import Sessions
from amiss.types import NO_TIME, TimeHistogram

MOST_BINS = 240
_WIDTHS = (
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000,
    300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000,
    86_400_000,
)  # fmt: skip
"""Milliseconds that people read easily; wider ones are whole days."""
_AT_ONCE = 1 << 20
"""Events counted at once: a log of millions is not copied for its timeline."""


def bin_width(start: int, end: int, most: int = MOST_BINS) -> int:
    """Return the least width, in milliseconds, that covers the span with at most `most` bins.

    Examples
    --------
    >>> bin_width(0, 3_600_000), bin_width(0, 86_400_000 * 1000)
    (30000, 432000000)
    """
    least = (end - start) // most + 1
    wide = next((width for width in _WIDTHS if width >= least), None)
    return wide if wide is not None else -(-least // _WIDTHS[-1]) * _WIDTHS[-1]


def time_histogram(
    sessions: Sessions, scores: NDArray[np.float64], threshold: float
) -> TimeHistogram | None:
    """Return events, highest scores and flagged sessions over time; None where no line has a time.

    A session counts where it ends, a window of time where it begins.

    Parameters
    ----------
    sessions : Sessions
    scores : ndarray of float64, shape (n,)
    threshold : float
        What scores above it is flagged.
    """
    if sessions.start is not None:
        at = sessions.start
    elif len(sessions.time):
        at = sessions.time[sessions.last]
    else:
        return None
    known = at != NO_TIME
    if sessions.log.start == NO_TIME or not known.any():
        return None
    width = bin_width(sessions.log.start, sessions.log.end)
    start = sessions.log.start // width * width
    n = (sessions.log.end - start) // width + 1
    events = np.zeros(n, dtype=np.int64)
    for begin in range(0, len(sessions.time), _AT_ONCE):
        times = sessions.time[begin : begin + _AT_ONCE]
        bins = (times[times != NO_TIME] - start) // width
        events += np.bincount(np.clip(bins, 0, n - 1), minlength=n)
    bins = np.clip((at[known] - start) // width, 0, n - 1)
    highest = np.full(n, -np.inf)
    np.maximum.at(highest, bins, scores[known])
    flagged = np.bincount(bins[scores[known] > threshold], minlength=n)
    highest[np.isneginf(highest)] = np.nan
    return TimeHistogram(start, width, events, highest, flagged)

"""Volume and score over time: what a timeline shows."""

from __future__ import annotations

from dataclasses import replace

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
    if sessions.log.start == NO_TIME or not (at != NO_TIME).any():
        return None
    bins = _Bins(sessions.log.start, sessions.log.end)
    events = np.zeros(bins.count, dtype=np.int64)
    for begin in range(0, len(sessions.time), _AT_ONCE):
        times = sessions.time[begin : begin + _AT_ONCE]
        events += np.bincount(bins.of(times[times != NO_TIME]), minlength=bins.count)
    return _scored(bins, events, at, scores, threshold)


def row_histogram(
    times: NDArray[np.int64],
    scores: NDArray[np.float64],
    threshold: float,
    events: NDArray[np.int64] | None = None,
) -> TimeHistogram | None:
    """Return rows, or their events, with the highest scores over time; None where no row has one.

    Parameters
    ----------
    times : ndarray of int64, shape (n,)
        Of each row, in milliseconds, or ``NO_TIME``.
    scores : ndarray of float64, shape (n,)
    threshold : float
    events : ndarray of int64, shape (n,), optional
        How many each row stands for; by default one.

    Examples
    --------
    >>> found = row_histogram(np.array([0, 500, 60_000]), np.array([1.0, 9.0, 2.0]), 5.0)
    >>> found.width, found.events.sum().item(), found.flagged.nonzero()[0].tolist()
    (500, 3, [1])
    """
    known = times != NO_TIME
    if not known.any():
        return None
    bins = _Bins(int(times[known].min()), int(times[known].max()))
    weights = None if events is None else events[known]
    counts = np.bincount(bins.of(times[known]), weights=weights, minlength=bins.count)
    return _scored(bins, counts.astype(np.int64), times, scores, threshold)


def added(one: TimeHistogram | None, other: TimeHistogram | None) -> TimeHistogram | None:
    """Return what was logged and flagged in both, where both are of the same log.

    The scores are those of the first: others are on another scale.
    """
    if one is None or other is None or (one.start, one.width) != (other.start, other.width):
        return one
    events, flagged = one.events + other.events, one.flagged + other.flagged
    return replace(one, events=events, flagged=flagged)


class _Bins:
    """Bins of equal width that cover a span."""

    def __init__(self, start: int, end: int) -> None:
        self.width = bin_width(start, end)
        self.start = start // self.width * self.width
        self.count = (end - self.start) // self.width + 1

    def of(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the bin of each time; what is beside the span counts at its ends."""
        bins = times - self.start
        bins //= self.width
        return np.clip(bins, 0, self.count - 1, out=bins)


def _scored(
    bins: _Bins,
    events: NDArray[np.int64],
    at: NDArray[np.int64],
    scores: NDArray[np.float64],
    threshold: float,
) -> TimeHistogram:
    known = at != NO_TIME
    places, values = bins.of(at[known]), scores[known]
    highest = np.full(bins.count, -np.inf)
    np.maximum.at(highest, places, values)
    flagged = np.bincount(places[values > threshold], minlength=bins.count)
    highest[np.isneginf(highest)] = np.nan
    return TimeHistogram(bins.start, bins.width, events, highest, flagged)

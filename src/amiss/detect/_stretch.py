"""One score for a trace, from the values of its events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amiss.detect._base import Scores
from amiss.errors import UsageError


def check_stretch(stretch: int | None) -> None:
    """Raise `UsageError` unless `stretch` is None or a number of events."""
    if stretch is not None and stretch < 1:
        raise UsageError(f"stretch={stretch}; expected 1 event or more, or None for all of them")


def trace_mean(values: Scores, offsets: NDArray[np.int64], stretch: int | None) -> Scores:
    """Return the mean value of each trace, or of its calmest stretch.

    Parameters
    ----------
    values : ndarray of float64, shape (n_values,)
    offsets : ndarray of int64, shape (n + 1,)
        Values of trace *i* are ``values[offsets[i]:offsets[i + 1]]``; a trace of none has mean 0.
    stretch : int or None
        None takes the mean over all values; a number, the lowest mean of so many in a row. Traces
        that have fewer are their own stretch.

    Examples
    --------
    >>> offsets = np.array([0, 4, 5])
    >>> trace_mean(np.array([0.0, 1.0, 1.0, 4.0, 2.0]), offsets, None)
    array([1.5, 2. ])
    >>> trace_mean(np.array([0.0, 1.0, 1.0, 4.0, 2.0]), offsets, 2)
    array([0.5, 2. ])
    """
    lengths = np.diff(offsets)
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    # Sums are differences of one running sum, which may round below 0.
    means = np.maximum(np.diff(total[offsets]), 0) / np.maximum(lengths, 1)
    if stretch is None:
        return means
    long = np.flatnonzero(lengths > stretch)
    if not len(long):
        return means
    n_runs = lengths[long] - stretch + 1
    first = np.concatenate([[0], np.cumsum(n_runs)[:-1]])
    start = np.arange(n_runs.sum()) + np.repeat(offsets[:-1][long] - first, n_runs)
    runs = np.maximum(total[start + stretch] - total[start], 0) / stretch
    means[long] = np.minimum.reduceat(runs, first)
    return means

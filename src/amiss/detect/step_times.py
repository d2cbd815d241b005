"""StepTimes: a step from one event to the next that takes longer than it ever does."""

from __future__ import annotations

import numpy as np

from amiss.detect._value_detector import ValueDetector, Values, name_of
from amiss.types import NO_TIME, Sequences

_LONGEST = 1e12
"""Seconds; a longer step is a broken clock."""


class StepTimes(ValueDetector):
    """How much too slow the slowest step of a session is: the time from an event to the next one.

    Steps are told apart by the two events they are between. See
    `amiss.detect._value_tails.ValueTails` for what is learnt of each; a step that is faster than
    usual is none too many. Without times (`Sequences.time`), and where they say nothing, all
    scores are 0.

    Parameters
    ----------
    contamination : float, default 0.1
        Share of training items above the threshold of the bare detector.

    Examples
    --------
    >>> def requests(seconds):
    ...     n, whole = len(seconds), np.ones(len(seconds), dtype=bool)
    ...     time = np.column_stack([np.zeros(n), 1000 * np.array(seconds)]).astype(np.int64)
    ...     events, offsets = np.tile([0, 1], n), 2 * np.arange(n + 1)
    ...     return Sequences(events, offsets, whole, whole, ("ask", "answer"), time=time.ravel())
    >>> detector = StepTimes().fit(requests(np.linspace(0.1, 2, 200)))
    >>> detector.anomaly_score(requests([1.0, 600.0])).round(1)
    array([ 0. , 14.4])
    """

    name = "step-times"
    kind = "step"
    lower = False
    needs = ("time",)

    def _values(self, X: Sequences) -> Values:
        codes = self.vocabulary_.encode(X)
        last = np.zeros(len(codes) + 1, dtype=np.bool_)
        last[X.offsets[1:] - 1] = True  # of an empty sequence, the one before: it is last as well
        event = np.flatnonzero(~last[: len(codes)])
        if X.time is None or not len(event):
            none = np.zeros(0, dtype=np.int64)
            return Values(none, np.zeros(0), none, none)
        known = (X.time[event] != NO_TIME) & (X.time[event + 1] != NO_TIME)
        event = event[known & (codes[event] >= 0) & (codes[event + 1] >= 0)]
        seconds = np.maximum(X.time[event + 1] - X.time[event], 0) / 1000
        slot = codes[event] * (len(self.vocabulary_) + 1) + codes[event + 1]
        kept = seconds < _LONGEST
        return Values(
            slot[kept], seconds[kept], event[kept], np.zeros(int(kept.sum()), dtype=np.int64)
        )

    def _least_size(self, X: Sequences) -> float:
        # Ten times what the clock resolves: whole seconds or milliseconds.
        whole = X.time is None or not (X.time[X.time != NO_TIME] % 1000).any()
        return 10.0 if whole else 0.01

    def _next(self, X: Sequences, event: int) -> str | None:
        return name_of(X, event + 1)

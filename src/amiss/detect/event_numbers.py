"""EventNumbers: numbers in messages that are beyond all that their template usually has."""

from __future__ import annotations

import numpy as np

from amiss.detect._value_detector import ValueDetector, Values
from amiss.types import Sequences

_MOST_NUMBERS = 32
"""Numbers of a message that are looked at."""


class EventNumbers(ValueDetector):
    """How impossible the most unusual number of a session is, such as a size or a code.

    The numbers of a message are told apart by their template, by how many there are, and by their
    place among them. See `amiss.detect._value_tails.ValueTails` for what is learnt of each. Without
    numbers (`Sequences.numbers`), and where they say nothing, all scores are 0.

    Parameters
    ----------
    contamination : float, default 0.1
        Share of training items above the threshold of the bare detector.

    Examples
    --------
    >>> from amiss.types import Numbers
    >>> def received(sizes):
    ...     n, whole = len(sizes), np.ones(len(sizes), dtype=bool)
    ...     numbers = Numbers(np.arange(n + 1), np.array(sizes, dtype=float))
    ...     at = np.arange(n + 1)
    ...     return Sequences(np.zeros(n, int), at, whole, whole, ("received",), numbers=numbers)
    >>> detector = EventNumbers().fit(received(np.linspace(100, 900, 200)))
    >>> detector.anomaly_score(received([500, 10**9])).round(1)
    array([ 0. , 41.2])
    """

    name = "event-numbers"
    kind = "number"
    needs = ("numbers",)

    def _values(self, X: Sequences) -> Values:
        if X.numbers is None:
            none = np.zeros(0, dtype=np.int64)
            return Values(none, np.zeros(0), none, none)
        many = np.diff(X.numbers.offsets)
        event = np.repeat(np.arange(len(X.events)), many)
        place = np.arange(len(event)) - np.repeat(X.numbers.offsets[:-1], many)
        code = self.vocabulary_.encode(X)[event]
        value = X.numbers.values.astype(np.float64)
        kept = (code >= 0) & (place < _MOST_NUMBERS) & np.isfinite(value)
        arity = np.minimum(many, _MOST_NUMBERS)[event]
        slot = (code * (_MOST_NUMBERS + 1) + arity) * _MOST_NUMBERS + place
        return Values(slot[kept], value[kept], event[kept], place[kept] + 1)

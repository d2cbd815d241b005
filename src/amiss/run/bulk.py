"""Which sessions of an unlabelled log are normal enough to learn from.

Cutting at a quantile of contaminated scores flags a fixed share of whatever is there, and a
detector fitted to everything takes anomalies that come in numbers for normal. So the normal bulk
is grown from its core instead:

1. *Trim.* The core is the sessions that have many others near them: ``CORE_MASS`` of all.
2. *Grow.* A session within ``REACH`` of the bulk joins it; then again, from the grown bulk, until
   none joins. Normal variety is reached in small steps; an anomaly is a step too far.

What stays outside estimates the contamination; detectors are fitted and calibrated on the bulk.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amiss.detect._base import LEFT_OUT
from amiss.detect._usual_windows import usual_windows
from amiss.detect.event_counts import EventCounts
from amiss.types import Sequences

CORE_MASS = 0.05
"""A kind of session that makes up this share of the log is normal."""
TRIM = 0.1
"""Share of the sessions that are far from the core mass and start outside."""
REACH = 0.2
"""Weighted share of a session that may differ from one in the bulk."""


def normal_bulk(sequences: Sequences, *, by_rates: bool = False) -> NDArray[np.bool_]:
    """Return which sequences belong to the normal bulk, shape (n,).

    Cut sequences (see `Sequences.complete`) do not make up the bulk, but may belong to it. Windows
    of time, and with `by_rates` others too, are judged by the rates of their events.
    """
    if by_rates or sequences.start is not None:
        return usual_windows(sequences)
    complete = sequences.complete
    if not complete.any():
        return np.ones(len(sequences), dtype=np.bool_)
    # Saturated counts: "fifteen times instead of twice" is no step, "never" to "once" is.
    first = EventCounts("saturated", neighborhood=CORE_MASS).fit(sequences)
    far = first.training_score_
    bulk = complete & (far <= np.quantile(far[complete], 1 - TRIM))
    while True:
        grown = EventCounts("saturated").fit(sequences, np.where(bulk, 0, LEFT_OUT))
        near = grown.anomaly_score(sequences) <= REACH
        joined = bulk | (near & complete)
        if joined.sum() == bulk.sum():
            return bulk | near
        bulk = joined

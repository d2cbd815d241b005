"""Which sessions were cut by the start or the end of the log.

A log that ends in the middle of things holds sessions whose last events had simply not been
written yet. Whether a session is one of them is told from other sessions: of those that logged the
same last event and were then silent for as long, how many went on after all? If more than one in
five did, the session counts as open, and nothing is held missing from it. The same rule, run
backwards, tells sessions that were already running when the log began.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amiss.errors import ModelError
from amiss.types import Sequences

_DOUBT = 0.2
"""A session is over if fewer than this share of those like it went on."""
_BINS = 64
_EDGES = np.concatenate([[0.0], np.logspace(0, 10, _BINS - 1)])  # 1 ms to 115 days

_AT_ONCE = 1 << 18
"""Events whose silences are looked at at once."""


@dataclass(frozen=True, slots=True)
class Completion:
    """Learnt silences: how long each event waits for the next one, and how often none comes.

    Attributes
    ----------
    after, before : ndarray of float64, shape (n_events, n_bins)
        For each event, how many had a silence at least as long as the bin's edge, then an event.
    last, first : ndarray of float64, shape (n_events, n_bins)
        The same for silences that lasted to the log's end, or from its start.
    """

    after: NDArray[np.float64]
    before: NDArray[np.float64]
    last: NDArray[np.float64]
    first: NDArray[np.float64]

    @classmethod
    def learn(
        cls,
        sequences: Sequences,
        clock: NDArray[np.int64],
        span: tuple[int, int],
        n_events: int,
    ) -> Completion:
        """Learn from sessions that include the cut ones.

        Parameters
        ----------
        sequences : Sequences
        clock : ndarray of int64, shape (n_flat,)
            Time of each event; line numbers where there is no time.
        span : tuple of int
            Where the clock stood at the start and at the end of the log.
        n_events : int
            Number of known event ids.
        """
        events, offsets = sequences.events, sequences.offsets
        inner = np.ones(len(events), dtype=np.bool_)
        inner[offsets[:-1]] = False  # has a predecessor in its session
        after, before = (np.zeros((n_events, _BINS), dtype=np.int64) for _ in range(2))
        for start in range(0, len(events), _AT_ONCE):
            follower = np.flatnonzero(inner[start : start + _AT_ONCE]) + start
            silence = np.maximum(clock[follower] - clock[follower - 1], 0)
            after += _binned(events[follower - 1], silence, n_events)
            before += _binned(events[follower], silence, n_events)
        first, last = offsets[:-1], offsets[1:] - 1
        until_end = np.maximum(span[1] - clock[last], 0)
        since_start = np.maximum(clock[first] - span[0], 0)
        return cls(
            after=_survival(after),
            before=_survival(before),
            last=_survival(_binned(events[last], until_end, n_events)),
            first=_survival(_binned(events[first], since_start, n_events)),
        )

    def ended(self, last_event: NDArray[np.int64], silence: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether sessions are over that logged `last_event` and were then silent so long."""
        return _over(self.after, self.last, last_event, silence)

    def begun(
        self, first_event: NDArray[np.int64], silence: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Whether sessions really began with `first_event`, so long after the log's start."""
        return _over(self.before, self.first, first_event, silence)

    def to_arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return the arrays to store."""
        return {
            "after": self.after,
            "before": self.before,
            "last": self.last,
            "first": self.first,
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Completion:
        """Build from `to_arrays`.

        Raises
        ------
        ModelError
            Arrays are missing or their shapes do not fit.
        """
        try:
            made = cls(**{k: np.asarray(v, dtype=float) for k, v in arrays.items()})
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"the table of silences in this model is malformed ({error})"
            ) from None
        shapes = {table.shape for table in made.to_arrays().values()}
        if len(shapes) != 1 or next(iter(shapes))[1:] != (_BINS,):
            raise ModelError("the table of silences in this model has the wrong shape")
        return made


def _binned(
    events: NDArray[np.int64], silence: NDArray[np.int64], n_events: int
) -> NDArray[np.int64]:
    bins = np.searchsorted(_EDGES, silence, side="right") - 1
    counts = np.bincount(events * _BINS + bins, minlength=n_events * _BINS)
    return counts.reshape(-1, _BINS)


def _survival(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    return counts[:, ::-1].cumsum(axis=1)[:, ::-1].astype(float)


def _over(
    waits: NDArray[np.float64],
    stops: NDArray[np.float64],
    events: NDArray[np.int64],
    silence: NDArray[np.int64],
) -> NDArray[np.bool_]:
    bins = np.searchsorted(_EDGES, np.maximum(silence, 0), side="right") - 1
    known = events < len(stops)
    event = np.where(known, events, 0)
    goes_on = np.where(known, waits[event, bins], 0.0)
    stopped = np.where(known, stops[event, bins], 1.0)
    return goes_on <= _DOUBT * (goes_on + stopped)

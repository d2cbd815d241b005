"""What detectors share that judge the numbers of a session, and are silent where all are usual."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from amiss.detect._base import Detector, Scores, normal_items
from amiss.detect._value_tails import ValueTails
from amiss.detect._window_counts import stretches_of
from amiss.errors import InputError
from amiss.represent.sequences import Vocabulary, split_by_events
from amiss.types import Deviation, Sequences

Ints = NDArray[np.int64]

_SILENT = 3.0
"""Decades of p that are no surprise: one in a thousand normal sessions has such a value."""
_MOST = 5
_MOST_EVENTS = 1 << 19
"""What is usual is learnt from sessions of so many events, every k-th of those of a longer log."""
_AT_ONCE = 1 << 17
"""Events that are scored at a time: numbers and the times of steps take hundreds of bytes each."""


class Values(NamedTuple):
    """The numbers of sessions: each with its slot, and the event it is of."""

    slot: Ints
    value: NDArray[np.float64]
    event: Ints
    """Position in the flat events."""
    place: Ints
    """Which number of the message, from 1; 0 where there is one only."""


class ValueDetector(Detector):
    """Base of detectors whose score is how far beyond the usual the oddest number is, or 0.

    The score of a session is −log₁₀ of its smallest p-value, times the number of its values, less
    3: that of nearly all normal sessions is 0. So nothing is added to an ensemble's score by a log
    whose numbers say nothing.

    Attributes
    ----------
    vocabulary_ : Vocabulary
    tails_ : ValueTails
    """

    inputs = ("sequences",)
    resolution = 1.0
    tail_scale = 1.0
    lower: ClassVar[bool] = True
    kind: ClassVar[str]
    vocabulary_: Vocabulary
    tails_: ValueTails

    def __init__(self, contamination: float = 0.1) -> None:
        self.contamination = contamination

    @abstractmethod
    def _values(self, X: Sequences) -> Values:
        """Return the numbers of `X`, of events that are known."""

    def _fit(self, X: Sequences, y: NDArray[Any] | None) -> None:
        normal = normal_items(len(X), y)
        if not normal.any():
            raise InputError("every training item is labelled an anomaly; expected normal ones")
        rows = np.arange(len(X))
        if (events := int(X.lengths[normal].sum())) > _MOST_EVENTS:
            rows = np.flatnonzero(normal)[:: -(-events // _MOST_EVENTS)]
        scores = np.empty(len(X))
        scores[rows] = self._learn(X.take(rows), normal[rows])
        rest = np.setdiff1d(np.arange(len(X)), rows, assume_unique=True)
        for part in split_by_events(X.lengths[rest], _AT_ONCE):
            scores[rest[part]] = self._score_part(X.take(rest[part]))
        self.training_score_ = scores

    def _learn(self, X: Sequences, normal: NDArray[np.bool_]) -> Scores:
        """Learn from the normal ones, and return the scores of all, by those of other stretches."""
        self.vocabulary_ = Vocabulary.learn(X.take(normal))
        self.tails_ = ValueTails(self.lower, self._least_size(X))
        values = self._values(X)
        row = _row_of(X, values.event)
        log_p = self.tails_.learn(values.slot, values.value, stretches_of(X)[row], normal[row])
        return self._scores(values.slot, log_p, row, len(X))

    def _anomaly_score(self, X: Sequences) -> Scores:
        parts = split_by_events(X.lengths, _AT_ONCE)
        scores = [self._score_part(X.take(np.arange(len(X))[part])) for part in parts]
        return np.concatenate([np.empty(0), *scores])

    def _score_part(self, X: Sequences) -> Scores:
        values = self._values(X)
        log_p = self.tails_.log_p(values.slot, values.value)
        return self._scores(values.slot, log_p, _row_of(X, values.event), len(X))

    def _scores(self, slot: Ints, log_p: Scores, row: Ints, n: int) -> Scores:
        least = np.zeros(n)
        np.minimum.at(least, row, log_p)
        judged = np.bincount(row[self.tails_.knows(slot)], minlength=n)
        decades = -least / np.log(10) - np.log10(np.maximum(judged, 1))
        return np.asarray(np.maximum(0.0, decades - _SILENT))

    def deviations(self, X: Any) -> list[tuple[Deviation, ...]]:
        """Return the numbers of each session that are beyond the usual, the least likely first."""
        sequences: Sequences = self._check(X)
        values = self._values(sequences)
        row = _row_of(sequences, values.event)
        log_p = self.tails_.log_p(values.slot, values.value)
        judged = np.bincount(row[self.tails_.knows(values.slot)], minlength=len(sequences))
        found: list[list[Deviation]] = [[] for _ in range(len(sequences))]
        limit = -_SILENT * np.log(10) - np.log(np.maximum(judged, 1))
        for at in np.argsort(log_p, kind="stable"):
            if log_p[at] > limit.max(initial=-np.inf):
                break
            if log_p[at] > limit[row[at]] or len(found[row[at]]) == _MOST:
                continue
            event = int(values.event[at])
            found[row[at]].append(
                Deviation(
                    kind=self.kind,
                    template=name_of(sequences, event),
                    value=float(values.value[at]),
                    usual=self.tails_.usual(int(values.slot[at])),
                    p_value=float(np.exp(log_p[at])),
                    position=event - int(sequences.offsets[row[at]]),
                    parameter=int(values.place[at]) or None,
                    next_template=self._next(sequences, event),
                )
            )
        return [tuple(own) for own in found]

    def _least_size(self, X: Sequences) -> float:
        """Return below which differences of values say nothing."""
        return 0.0

    def _next(self, X: Sequences, event: int) -> str | None:
        return None

    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        return {"vocabulary": self.vocabulary_.tokens}, self.tails_.to_arrays()

    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self.vocabulary_ = Vocabulary(values["vocabulary"])
        self.tails_ = ValueTails.from_arrays(arrays, self.lower)


def _row_of(X: Sequences, event: Ints) -> Ints:
    return np.searchsorted(X.offsets, event, side="right") - 1


def name_of(X: Sequences, event: int) -> str:
    """Return what an event stands for, by its place in the flat events."""
    code = int(X.events[event])
    return X.names[code] if X.names else str(code)

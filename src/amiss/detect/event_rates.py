"""EventRates: how often each event comes in a window of time, against how often it usually does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from amiss.detect._base import Detector, Scores, normal_items
from amiss.detect._count_tails import CountTails
from amiss.detect._space import Choice, SearchSpace
from amiss.detect._window_counts import (
    EXTRA,
    FATAL,
    HOURS,
    WindowCounts,
    are_fatal,
    count_events,
    gain_by_hours,
    in_time,
    lasting,
    near_stretch,
    stretches_of,
    without_extremes,
)
from amiss.errors import InputError
from amiss.represent.sequences import Vocabulary
from amiss.types import Deviation, Sequences

Ints = NDArray[np.int64]

_DAYS = 3
"""A daily pattern is only looked for in logs of as many days."""
_EVENTS_OF_A_PATTERN = 50
_WORTH = 3.0
"""By how much, in ln of the likelihood of days left out, a daily pattern must be the better one."""
_EXTRA_WEIGHT = 0.2
_CHUNK = 1 << 22
"""Counts held at once: some 100 MB with what is computed of them."""
_SHARES, _LEAST = (0.01, 0.02, 0.05, 0.1), 5
"""Shares of the windows by which p-values are tempered, and how many windows that must be."""
_TELLING = 0.1
_SHOWN, _MOST = 0.01, 8


class EventRates(Detector):
    r"""How unlikely the counts of a window are: a flood, or a heartbeat that stops.

    Made for windows of time, of which some hold no event. The count of each template has a
    predictive distribution of its own: what was seen, with the tails of a negative binomial (see
    `amiss.detect._count_tails.CountTails`). Three more counts are judged as templates are: of all
    events, of events that training did not have, and of those of them that are alarming by their
    own words.

    A window's score is :math:`\log_{10} \sum_j w_j / p_j` over the two-sided p-values of its
    counts: the harmonic mean p-value, which holds for counts that depend on each other. A single
    count beyond all that is usual is enough; many odd ones add up. The three beside the templates
    weigh 0.2 each; templates share the rest by the share of windows that have them, so that it is
    no news that one of many rare templates came, but how often it did.

    What is fatal by its own words, such as a kernel panic, and was not in training is taken for a
    million times as unlikely as windows say: no log is long enough to tell how rare it is.

    No distribution fits all logs. Where the counts of a template are farther out than its p-values
    say, in windows that were not learnt from, their logarithms are shortened until they agree.

    Where windows know when they start (`Sequences.start`) and the log spans three days or more,
    templates may have a rate for each hour of the day: those for which it predicts days left out
    better. A window that was cut by the start or the end of the log is judged by what it has too
    much of, and is not learnt from.

    Parameters
    ----------
    daily : bool, default True
        Look for daily patterns.
    contamination : float, default 0.1
        Share of training items above the threshold of the bare detector.

    Attributes
    ----------
    vocabulary_ : Vocabulary
    hourly_ : ndarray of bool, shape (n_events + 3,)
        Which templates have a daily pattern.
    tails_ : CountTails
    weight_ : ndarray of float64, shape (n_events + 3,)
    temper_ : ndarray of float64, shape (n_events + 3,)
        By what the logarithms of p-values are multiplied.

    Notes
    -----
    ``training_score_`` is out of ten stretches of windows that follow each other, each judged by
    the others but for half a stretch on either side: a flood lasts, and would else excuse itself.
    An event is unseen, in training, if it came in one stretch only.

    References
    ----------
    D. J. Wilson: The harmonic mean p-value for combining dependent tests. PNAS 116(4), 2019.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> usual = [["beat"] * 6 + ["request"] * int(n) for n in rng.poisson(20, 200)]
    >>> flood, stopped = ["beat"] * 6 + ["request"] * 200, ["request"] * 20
    >>> scores = EventRates().fit(usual).anomaly_score([flood, stopped, usual[0]])
    >>> (scores > [20, 3, -1]).tolist(), bool(scores[2] < 1)
    ([True, True, True], True)
    """

    inputs = ("sequences",)
    name = "event-rates"
    search_space: ClassVar[SearchSpace] = {"daily": Choice((False, True))}
    tails_: CountTails
    weight_: Scores

    def __init__(self, daily: bool = True, contamination: float = 0.1) -> None:
        self.daily = daily
        self.contamination = contamination

    def _fit(self, X: Sequences, y: NDArray[Any] | None) -> None:
        self.training_score_ = self.train(X, y)

    def train(self, X: Sequences, y: NDArray[Any] | None, robust: bool = False) -> Scores:
        """Learn, and return the score of each window by others.

        With `robust`, what happened twice alone is not learnt as usual, and p-values are tempered
        by what more than one in fifty windows have, however long two incidents last.
        """
        normal = normal_items(len(X), y)
        if not normal.any():
            raise InputError("every training item is labelled an anomaly; expected normal ones")
        whole = normal & X.complete
        learnt = whole if whole.any() else normal
        self.vocabulary_ = Vocabulary.learn(X.take(learnt))
        stretch = stretches_of(X)
        counts = self._training_counts(X, learnt, stretch)
        self.hourly_ = self._find_patterns(counts, learnt)
        taught = without_extremes(counts, X, len(self.hourly_)) if robust else counts
        parts = []
        rows, columns, odd = [], [], []
        for part in range(int(stretch.max()) + 1):
            own = stretch == part
            others = learnt & ~near_stretch(own, X)
            self._learn(taught, others if others.any() else learnt)
            parts.append((np.flatnonzero(own), counts.take(own), self.tails_, self.weight_))
            for at, logs in self._log_p(parts[-1][1]):
                row, column = np.nonzero(logs < np.log(_TELLING))
                rows.append(parts[-1][0][at][row])
                columns.append(column)
                odd.append(logs[row, column])
        row, column = np.concatenate(rows), np.concatenate(columns)
        kept = learnt[row]
        if robust:
            place = np.empty(len(X), dtype=np.int64)
            place[in_time(X)] = np.arange(len(X))
            kept &= ~lasting(place[row], column, len(X))
        self.temper_ = _tempered(
            column[kept],
            np.concatenate(odd)[kept],
            _SHARES[1:] if robust else _SHARES,
            int(learnt.sum()),
            len(self.hourly_),
        )
        scores = np.empty(len(X))
        for index, own_counts, self.tails_, self.weight_ in parts:
            scores[index] = self._score(own_counts)
        self._learn(taught, learnt)
        return scores

    def _training_counts(
        self, X: Sequences, learnt: NDArray[np.bool_], stretch: Ints
    ) -> WindowCounts:
        """Return the counts, an event that came in one stretch only being unseen there."""
        codes = self.vocabulary_.encode(X)
        row = np.repeat(np.arange(len(X)), X.lengths)
        taught = learnt[row] & (codes >= 0)
        first = np.full(len(self.vocabulary_), int(stretch.max()) + 1)
        last = np.full(len(self.vocabulary_), -1)
        np.minimum.at(first, codes[taught], stretch[row[taught]])
        np.maximum.at(last, codes[taught], stretch[row[taught]])
        alone = (first == last) & (stretch.max() > 0)
        unseen = codes < 0
        known = codes[~unseen]
        unseen[~unseen] = alone[known] & (first[known] == stretch[row[~unseen]])
        return count_events(X, codes, unseen, len(self.vocabulary_))

    def _find_patterns(self, counts: WindowCounts, learnt: NDArray[np.bool_]) -> NDArray[np.bool_]:
        hourly = np.zeros(len(self.vocabulary_) + EXTRA, dtype=np.bool_)
        rows = np.flatnonzero(learnt)
        if not self.daily or counts.day is None:
            return hourly
        days, day = np.unique(counts.day[rows], return_inverse=True)
        if len(days) < _DAYS:
            return hourly
        windows = np.zeros((len(days), HOURS))
        np.add.at(windows, (day, counts.hour[rows]), 1)
        place = np.full(len(learnt), -1)
        place[rows] = day * HOURS + counts.hour[rows]
        cell = place[counts.row]
        total = np.bincount(
            counts.column[cell >= 0], counts.count[cell >= 0], minlength=len(hourly)
        )
        for column in np.flatnonzero(total >= _EVENTS_OF_A_PATTERN):
            own = (cell >= 0) & (counts.column == column)
            events = np.bincount(cell[own], counts.count[own], minlength=len(days) * HOURS)
            gain = gain_by_hours(events.reshape(len(days), HOURS).astype(np.float64), windows)
            hourly[column] = gain > _WORTH
        return hourly

    def _learn(self, counts: WindowCounts, learnt: NDArray[np.bool_]) -> None:
        n_columns = len(self.vocabulary_) + EXTRA
        self._slots_from(n_columns)
        hours = np.bincount(counts.hour[learnt], minlength=HOURS)
        column = self._column_of_slot()
        windows = np.full(len(column), int(learnt.sum()))
        hour = np.arange(len(column)) - self._first_slot[column]
        windows[self.hourly_[column]] = hours[hour[self.hourly_[column]]]
        cells = learnt[counts.row]
        slot = self._slot(counts.column[cells], counts.hour[counts.row[cells]])
        self.tails_ = CountTails.learn(slot, counts.count[cells], windows, column)
        # Templates that these windows do not have are unseen: they have no rate to be judged by.
        self.weight_ = _weights(np.bincount(counts.column[cells], minlength=n_columns))

    def _anomaly_score(self, X: Sequences) -> Scores:
        codes = self.vocabulary_.encode(X)
        return self._score(count_events(X, codes, codes < 0, len(self.vocabulary_)))

    def _score(self, counts: WindowCounts) -> Scores:
        scores = np.zeros(len(counts))
        with np.errstate(divide="ignore"):
            weight = np.log(self.weight_)
        for rows, logs in self._log_p(counts):
            terms = weight - self.temper_ * logs
            terms[counts.fatal[rows], -1] += FATAL * np.log(10)
            scores[rows] = np.logaddexp.reduce(terms, axis=1) / np.log(10)
        return scores

    def _log_p(self, counts: WindowCounts) -> Iterator[tuple[slice, Scores]]:
        """Yield rows, and ln p of each column there, shape (n_rows, n_columns)."""
        n_columns = len(self.weight_)
        step = max(1, _CHUNK // n_columns)
        for start in range(0, len(counts), step):
            rows = slice(start, min(start + step, len(counts)))
            table = counts.dense(rows, n_columns)
            logs = np.zeros(table.shape)
            regular = np.flatnonzero(self._can_be_missed())
            hour = counts.hour[rows]
            # What is not there, and need not be, is as likely as can be.
            judged = table > 0
            judged[:, regular] = True
            at, of = np.nonzero(judged)
            slot = self._slot(of, hour[at])
            upper = self.tails_.log_upper(slot, table[at, of])
            lower = self.tails_.log_lower(slot, table[at, of])
            lower[~counts.complete[rows][at]] = 0.0
            logs[at, of] = np.minimum(0.0, np.minimum(upper, lower) + np.log(2))
            yield rows, logs

    def _can_be_missed(self) -> NDArray[np.bool_]:
        """Return the columns of which a count of 0 is less likely than not, at some hour."""
        column = self._column_of_slot()
        slot = np.arange(len(column))
        missed = self.tails_.log_lower(slot, np.zeros_like(slot)) < -np.log(2)
        return np.bincount(column, missed, minlength=len(self.weight_)) > 0

    def deviations(self, X: Any) -> list[tuple[Deviation, ...]]:
        """Return what is unusual about the counts of each window, the least likely first."""
        sequences: Sequences = self._check(X)
        codes = self.vocabulary_.encode(sequences)
        counts = count_events(sequences, codes, codes < 0, len(self.vocabulary_))
        found: list[tuple[Deviation, ...]] = []
        for rows, logs in self._log_p(counts):
            for i, log_p in zip(range(rows.start, rows.stop), logs, strict=True):
                found.append(self._deviations(sequences, codes, counts, i, log_p))
        return found

    def _deviations(
        self, X: Sequences, codes: Ints, counts: WindowCounts, i: int, log_p: Scores
    ) -> tuple[Deviation, ...]:
        own = slice(X.offsets[i], X.offsets[i + 1])
        n = len(self.vocabulary_)
        log_p = np.where(self.weight_ > 0, self.temper_ * log_p, 0.0)
        log_p[n + 1 :] = 0.0  # unseen events are named one by one
        found = []
        for column in np.argsort(log_p, kind="stable")[:_MOST]:
            if log_p[column] > np.log(_SHOWN):
                break
            slot = int(self._slot(np.array([column]), counts.hour[i : i + 1])[0])
            came = np.flatnonzero(codes[own] == column) if column < n else np.zeros(0, np.int64)
            count = len(came) if column < n else int(X.lengths[i])
            low, high = self.tails_.usual(slot)
            found.append(
                Deviation(
                    kind="count",
                    template=str(self.vocabulary_.tokens[column]) if column < n else None,
                    value=float(count),
                    usual=(float(low), float(high)),
                    p_value=float(np.exp(log_p[column])),
                    position=int(came[0]) if len(came) else None,
                )
            )
        unseen = np.flatnonzero(codes[own] < 0)
        slot = int(self._slot(np.array([n + 1]), counts.hour[i : i + 1])[0])
        events, first, times = np.unique(X[i][unseen], return_index=True, return_counts=True)
        p = self.tails_.log_upper(np.full(len(times), slot), times)
        p -= FATAL * np.log(10) * are_fatal(X, events)
        found += [
            Deviation(
                kind="count",
                template=str(X.names[event]) if X.names else str(event),
                value=float(count),
                usual=None,
                p_value=float(np.exp(log)),
                position=int(unseen[at]),
            )
            for event, at, count, log in zip(events, first, times, p, strict=True)
        ]
        return tuple(sorted(found, key=lambda deviation: deviation.p_value)[:_MOST])

    def _slots_from(self, n_columns: int) -> None:
        sizes = np.where(self.hourly_, HOURS, 1)
        self._first_slot = np.concatenate([[0], np.cumsum(sizes)])[:n_columns].astype(np.int64)

    def _column_of_slot(self) -> Ints:
        return np.repeat(np.arange(len(self.hourly_)), np.where(self.hourly_, HOURS, 1))

    def _slot(self, column: Ints, hour: Ints) -> Ints:
        return self._first_slot[column] + np.where(self.hourly_[column], hour, 0)

    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        tails = self.tails_
        arrays = {
            "hourly": self.hourly_,
            "weight": self.weight_,
            "temper": self.temper_,
            "windows": tails.windows,
            "keys": tails.keys,
            "at_least": tails.at_least,
            "mean": tails.mean,
            "dispersion": tails.dispersion,
        }
        return {"vocabulary": self.vocabulary_.tokens}, arrays

    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self.vocabulary_ = Vocabulary(values["vocabulary"])
        self.hourly_, self.weight_, self.temper_ = (
            arrays[name] for name in ("hourly", "weight", "temper")
        )
        self._slots_from(len(self.weight_))
        names = ("windows", "keys", "at_least", "mean", "dispersion")
        self.tails_ = CountTails(*(arrays[name] for name in names))


def _weights(windows: Ints) -> Scores:
    """Return the weight of each column from how many windows have it: those beside, a fixed one.

    Templates that none has are unseen: they have no rate to be judged by.
    """
    weight = windows.astype(np.float64)
    weight[:-EXTRA] *= (1 - EXTRA * _EXTRA_WEIGHT) / max(1, int(windows[:-EXTRA].sum()))
    weight[-EXTRA:] = _EXTRA_WEIGHT
    return weight


def _tempered(
    column: Ints, log_p: Scores, shares: tuple[float, ...], n: int, n_columns: int
) -> Scores:
    """Return by what to multiply ln p of each column, so that not too many are too small.

    Of *n* windows a share *q* should have a p-value below *q*; shares from 1 % on are looked at,
    so that a few odd windows change nothing.

    Parameters
    ----------
    column : ndarray of int64, shape (n_odd,)
    log_p : ndarray of float64, shape (n_odd,)
        Of windows not learnt from; larger ones may be left out.
    shares : tuple of float
    n, n_columns : int
    """
    temper = np.ones(n_columns)
    order = np.lexsort((log_p, column))
    starts = np.searchsorted(column[order], np.arange(n_columns + 1))
    for share in shares:
        place = int(np.ceil(share * n))
        if place < _LEAST:
            continue
        enough = np.flatnonzero(np.diff(starts) >= place)
        found = log_p[order[starts[enough] + place - 1]]
        temper[enough] = np.minimum(temper[enough], np.log(share) / found)
    return temper

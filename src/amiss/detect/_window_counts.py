"""How often each event came in each window of time, and which windows follow each other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from amiss.types import Sequences

Scores = NDArray[np.float64]
Ints = NDArray[np.int64]

EXTRA = 3
"""Columns beside those of templates: all events, unseen ones, and unseen ones that are alarming."""
FATAL = 6.0
"""By how much, in log₁₀ p, what is fatal by its own words is less likely than windows can say."""
HOURS = 24
_INCIDENTS = 2
"""What came so many times alone, or lacked, may be an incident."""
_LASTING, _LONGEST = 5, 0.2
"""Windows, and share of the log, that an incident has that is told by how long it lasts."""
_PLACES = 40
"""Parts of a log by which incidents are told apart."""
_HOUR = 3_600_000
_FOLDS = 10
_ALARMING = 0.5
"""Severity from which an unseen event counts as alarming."""
_BEYOND_HELP = 1.5
"""Severity from which one counts as fatal."""


@dataclass(frozen=True, slots=True)
class WindowCounts:
    """How often each event came in each window: cells above 0; and what is fatal, and unseen."""

    row: Ints
    column: Ints
    count: Ints
    hour: Ints
    day: Ints | None
    complete: NDArray[np.bool_]
    fatal: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.hour)

    def take(self, kept: NDArray[np.bool_]) -> WindowCounts:
        """Return the windows that are marked."""
        cells = kept[self.row]
        row = (np.cumsum(kept) - 1)[self.row[cells]]
        day = None if self.day is None else self.day[kept]
        return WindowCounts(
            row,
            self.column[cells],
            self.count[cells],
            self.hour[kept],
            day,
            self.complete[kept],
            self.fatal[kept],
        )

    def dense(self, rows: slice, n_columns: int) -> Ints:
        """Return the counts of some windows, shape (n_rows, n_columns); cells are by row."""
        first, end = np.searchsorted(self.row, [rows.start, rows.stop])
        table = np.zeros((rows.stop - rows.start, n_columns), dtype=np.int64)
        table[self.row[first:end] - rows.start, self.column[first:end]] = self.count[first:end]
        return table


def count_events(
    X: Sequences, codes: Ints, unseen: NDArray[np.bool_], n_codes: int
) -> WindowCounts:
    """Count events; those that are `unseen` have no column of their own, but count together."""
    row = np.repeat(np.arange(len(X)), X.lengths)
    width = n_codes + EXTRA
    alarming, fatal = unseen, np.zeros(len(X), dtype=np.bool_)
    if X.severity is not None:
        alarming = unseen & (X.severity[X.events] >= _ALARMING)
        fatal[row[unseen & are_fatal(X, X.events)]] = True
    packed = np.concatenate(
        [
            row[~unseen] * width + codes[~unseen],
            row * width + n_codes,
            row[unseen] * width + n_codes + 1,
            row[alarming] * width + n_codes + 2,
        ]
    )
    cells, count = np.unique(packed, return_counts=True)
    hour, day = np.zeros(len(X), dtype=np.int64), None
    if X.start is not None:
        hour, day = X.start // _HOUR % HOURS, X.start // (_HOUR * HOURS)
    return WindowCounts(cells // width, cells % width, count, hour, day, X.complete, fatal)


def are_fatal(X: Sequences, events: NDArray[np.signedinteger]) -> NDArray[np.bool_]:
    """Return which of some events of `X` are fatal by their own words."""
    if X.severity is None:
        return np.zeros(len(events), dtype=np.bool_)
    return np.asarray(X.severity[events] >= _BEYOND_HELP)


def without_extremes(counts: WindowCounts, X: Sequences, n_columns: int) -> WindowCounts:
    """Cut the counts of each column to what is left, at most and at least, but for incidents.

    An incident is a part of the log that is beyond the rest of it: two in all, and no more than a
    fifth of the log.
    """
    place = _parts_of(X, _PLACES)
    n_places = int(place.max()) + 1
    if n_places <= 2 * _INCIDENTS:
        return counts
    key = counts.column * n_places + place[counts.row]
    size = n_columns * n_places
    most, least = np.zeros(size, dtype=np.int64), np.full(size, np.iinfo(np.int64).max)
    np.maximum.at(most, key, counts.count)
    np.minimum.at(least, key, counts.count)
    windows = np.tile(np.bincount(place, minlength=n_places), n_columns)
    least[np.bincount(key, minlength=size) < windows] = 0
    high = _highest_but_for_incidents(most.reshape(n_columns, -1))
    low = -_highest_but_for_incidents(-least.reshape(n_columns, -1))
    cut = np.clip(counts.count, low[counts.column], high[counts.column])
    row, column = [counts.row], [counts.column]
    for steady in np.flatnonzero(low > 0):  # what did not come, where it almost always does
        absent = np.ones(len(counts), dtype=np.bool_)
        absent[counts.row[counts.column == steady]] = False
        row.append(np.flatnonzero(absent))
        column.append(np.full(int(absent.sum()), steady))
    rows, columns = np.concatenate(row), np.concatenate(column)
    values = np.concatenate([cut, low[columns[len(cut) :]]])
    order = np.argsort(rows, kind="stable")[values[np.argsort(rows, kind="stable")] > 0]
    return replace(counts, row=rows[order], column=columns[order], count=values[order])


def _highest_but_for_incidents(values: Ints) -> Ints:
    """Return the highest value of each row that is neither an incident's nor beyond it.

    Parameters
    ----------
    values : ndarray of int64, shape (n_rows, n_places)
        Places in order of time.
    """
    found = np.zeros(len(values), dtype=np.int64)
    open_rows = np.ones(len(values), dtype=np.bool_)
    ranked = np.sort(values)[:, ::-1]
    longest = max(_INCIDENTS, int(_LONGEST * values.shape[1]))
    for place in range(longest + 1):
        level = ranked[:, place]
        reached = values >= level[:, None]
        starts = reached[:, 0] + (reached[:, 1:] & ~reached[:, :-1]).sum(axis=1)
        usual = open_rows & ((starts > _INCIDENTS) | (reached.sum(axis=1) > longest))
        found[usual] = level[usual]
        open_rows &= ~usual
    return found


def lasting(place: Ints, column: Ints, n: int) -> NDArray[np.bool_]:
    """Return which odd windows belong to an incident: the two longest runs of each column.

    Parameters
    ----------
    place, column : ndarray of int64, shape (n_odd,)
        Which windows are odd, in order of time, and by which column.
    n : int
        Windows in all.
    """
    marked = np.zeros(len(place), dtype=np.bool_)
    if not len(place):
        return marked
    order = np.lexsort((place, column))
    follows = (np.diff(place[order]) == 1) & (np.diff(column[order]) == 0)
    run = np.append(0, np.cumsum(~follows))
    length, owner = np.bincount(run), column[order][np.append(True, ~follows)]
    by_length = np.lexsort((-length, owner))
    first = np.searchsorted(owner[by_length], owner[by_length])
    rank = np.empty(len(length), dtype=np.int64)
    rank[by_length] = np.arange(len(length)) - first
    lasts = (rank < _INCIDENTS) & (length >= _LASTING) & (length <= _LONGEST * n)
    marked[order] = lasts[run]
    return marked


def stretches_of(X: Sequences) -> Ints:
    """Return which of ten stretches of time, or of places in a row, each item is in."""
    return _parts_of(X, _FOLDS)


def _parts_of(X: Sequences, n_parts: int) -> Ints:
    n, order = len(X), in_time(X)
    part = np.empty(n, dtype=np.int64)
    part[order] = np.arange(n) * min(n_parts, n) // n
    return part


def in_time(X: Sequences) -> Ints:
    """Return the items in order of time, or as they are where they have none."""
    return np.arange(len(X)) if X.start is None else np.argsort(X.start, kind="stable")


def near_stretch(own: NDArray[np.bool_], X: Sequences) -> NDArray[np.bool_]:
    """Return the items of a stretch, and half as many on either side of it."""
    order = in_time(X)
    at = np.flatnonzero(own[order])
    margin = len(at) // 2
    near = np.zeros(len(X), dtype=np.bool_)
    near[order[max(0, at[0] - margin) : at[-1] + 1 + margin]] = True
    return near


def gain_by_hours(events: Scores, windows: Scores) -> float:
    """Return how much better the hours predict days left out than the mean of all hours does.

    Parameters
    ----------
    events, windows : ndarray of float64, shape (n_days, 24)

    Returns
    -------
    float
        Difference of ln likelihood, of Poisson counts, over their dispersion.
    """
    others, total = windows.sum() - windows.sum(axis=1), windows.sum(axis=0) - windows
    flat = ((events.sum() - events.sum(axis=1) + 0.5) / np.maximum(others, 1))[:, None]
    by_hour = events.sum(axis=0) - events
    hourly = flat * (by_hour + 5) / (flat * total + 5)
    expected = hourly * windows
    gain = (events * np.log(hourly / flat) - (hourly - flat) * windows).sum()
    dispersion = ((events - expected) ** 2).sum() / max(1.0, expected.sum())
    return float(gain / max(1.0, dispersion))

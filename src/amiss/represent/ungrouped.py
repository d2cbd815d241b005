"""Lines that belong to no session: kept beside the sessions, and cut into windows.

A session key is on some lines only. The others say something too – a kernel panic has no request
id – and how often each kind of them comes is judged window by window, as a log without a key is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.represent.event_columns import EventColumns
from amiss.represent.grouping import ByCount, ByTime
from amiss.types import NO_TIME, RecordBatch

if TYPE_CHECKING:
    from amiss.represent.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Ungrouped:
    """Lines that belong to no session, as they came; of several files by time, if all have one.

    Attributes
    ----------
    shape : ndarray of int32, shape (n,)
        Row of the `shapes` of their sessions.
    line : ndarray of int32, shape (n,)
        1-based.
    source : ndarray of int16 or int32, shape (n,)
    time : ndarray of int64, shape (n,)
        Milliseconds, or ``NO_TIME``.
    """

    shape: NDArray[np.int32]
    line: NDArray[np.int32]
    source: NDArray[np.integer[Any]]
    time: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.line)


class UngroupedLines:
    """Gathers the lines of batches that a grouping leaves out.

    Examples
    --------
    >>> lines = UngroupedLines()
    >>> batch = RecordBatch(
    ...     0, np.arange(1, 4), pl.Series(["a", "b", "c"]), np.arange(3), pl.DataFrame(),
    ...     np.full(3, NO_TIME),
    ... )
    >>> lines.add(batch, np.array([7, 8, 9], dtype=np.int32), np.array([0, 2]))
    >>> found = lines.taken()
    >>> found.shape.tolist(), found.line.tolist()
    ([8], [2])
    """

    def __init__(self) -> None:
        self._events = EventColumns()

    def add(self, batch: RecordBatch, shape: NDArray[np.int32], rows: NDArray[np.int64]) -> None:
        """Take the lines of a batch that are not among `rows`; `shape` is of each of its lines."""
        left = np.ones(len(batch), dtype=np.bool_)
        left[rows] = False
        at = np.flatnonzero(left)
        none = np.zeros(len(at), dtype=np.int32)
        self._events.add(none, shape[at], batch.line[at], batch.source, batch.time[at])

    def taken(self, *, by_time: bool = False) -> Ungrouped | None:
        """Return the lines, None if there are none; this is empty then."""
        if not len(self._events):
            return None
        return Ungrouped(**self._events.in_order(1, by_time=by_time).columns)


def in_windows(sessions: Sessions, option: tuple[str, str | float]) -> Sessions:
    """Return the lines of a log that belong to no session as windows.

    Parameters
    ----------
    sessions : Sessions
        With `ungrouped` lines.
    option : tuple of (str, float)
        ``("every", seconds)``, windows that cover the whole log; or ``("window", lines)``, of which
        the last one is of the last lines, and may share some with the one before.

    Raises
    ------
    InputError
        Windows of time are asked for, and no line has a time.
    """
    lines, log = sessions.ungrouped, sessions.log
    assert lines is not None  # noqa: S101 - asked for where there are some
    total = len(lines)
    grouping = ByTime(float(option[1])) if option[0] == "every" else ByCount(int(option[1]))
    if isinstance(grouping, ByCount):
        lines = _whole_windows(lines, int(option[1]))
    rows, codes, missing = grouping.assign(_batch_of(lines.time))
    if isinstance(grouping, ByTime) and log.start != NO_TIME:
        # The log goes on where these lines fall silent: that is what there is to be seen.
        grouping.assign(_batch_of(np.array([log.start, log.end], dtype=np.int64)))
    at = np.arange(len(lines)) if rows is None else rows
    names, windows = grouping.names(), grouping.time_windows()
    place = codes if windows is None else windows.rank[codes]
    order = at[np.argsort(place, kind="stable")]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(place, minlength=len(names)))])
    return replace(
        sessions,
        ids=names,
        offsets=offsets.astype(np.int64),
        shape=lines.shape[order],
        line=lines.line[order],
        source=lines.source[order],
        time=lines.time[order],
        log=replace(
            log,
            unit=grouping.unit,
            grouping=f"{grouping.description}, of lines in no {log.unit}",
            option=grouping.option,
            lines=total,
            ungrouped=missing,
            notes=(),
            why="",
        ),
        trace=None,
        numbers=None,
        start=None if windows is None else windows.start,
        ungrouped=None,
    )


def _whole_windows(lines: Ungrouped, size: int) -> Ungrouped:
    """Return lines, some of the last ones twice, so that the last window has as many as others."""
    over = len(lines) % size
    if not over or len(lines) < size:
        return lines
    at = np.append(np.arange(len(lines) - over), np.arange(len(lines) - size, len(lines)))
    return Ungrouped(lines.shape[at], lines.line[at], lines.source[at], lines.time[at])


def _batch_of(time: NDArray[np.int64]) -> RecordBatch:
    """Return lines of which nothing but their times is known."""
    n = len(time)
    nothing = pl.Series([], dtype=pl.String)
    return RecordBatch(0, np.arange(1, n + 1), nothing, np.zeros(n, np.int64), pl.DataFrame(), time)

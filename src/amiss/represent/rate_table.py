"""Two logs as counts by stretch: how often what came, and in how many stretches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amiss.errors import InputError
from amiss.represent.event_columns import Column
from amiss.represent.grouping import ByGap, Grouping
from amiss.represent.sessions import KindShapes
from amiss.types import NO_TIME, RecordBatch

STRETCHES = 64
"""Of the log that has fewer lines."""
_MOST_STRETCHES = 1024
"""Of a log, in a table of counts."""
_FEWEST_LINES = 5
"""Of a stretch."""


@dataclass(frozen=True, slots=True)
class LogLines:
    """All lines of a log, in order, and which follow each other in a session.

    Attributes
    ----------
    shape, line, source : ndarray of int32, shape (n,)
    time : ndarray of int64, shape (n,)
        Milliseconds, or ``NO_TIME``.
    before, after : ndarray of int32, shape (n_pairs,)
        Rows of lines that follow each other in a session.
    sessions : int
    """

    shape: NDArray[np.int32]
    line: NDArray[np.int32]
    source: NDArray[np.int32]
    time: NDArray[np.int64]
    before: NDArray[np.int32]
    after: NDArray[np.int32]
    sessions: int

    def __len__(self) -> int:
        return len(self.shape)


def collect_lines(
    batches: Iterable[RecordBatch], shapes: KindShapes, grouping: Grouping | None
) -> LogLines:
    """Read all batches and return their lines, in order of time where all have one.

    Parameters
    ----------
    batches : iterable of RecordBatch
    shapes : KindShapes
        Gets the shapes that are new; two logs that share it number them alike.
    grouping : Grouping, optional
        What ties lines together; None: no line follows another.

    Raises
    ------
    InputError
        A log is too long.
    """
    columns = {"shape": Column(np.int32), "line": Column(np.int32), "source": Column(np.int32)}
    columns["time"] = Column(np.int64)
    sessions, rows = Column(np.int32), Column(np.int64)
    n = files = 0
    for batch in batches:
        columns["shape"].append(shapes.of(batch.kinds)[batch.kind])
        columns["line"].append(batch.line)
        columns["source"].append(np.full(len(batch), batch.source))
        columns["time"].append(batch.time)
        if grouping is not None:
            at, codes, _ = grouping.assign(batch)
            sessions.append(codes)
            rows.append(n + (np.arange(len(batch)) if at is None else at))
        n += len(batch)
        files = max(files, batch.source + 1)
    if n > np.iinfo(np.int32).max:
        raise InputError(f"a log of {n:,} lines is too long; compare parts of it, by --since")
    taken = {name: column.taken() for name, column in columns.items()}
    session, row = sessions.taken(), rows.taken()
    time = taken["time"]
    if files > 1 and not (time == NO_TIME).any():
        order = np.argsort(time, kind="stable")
        taken = {name: values[order] for name, values in taken.items()}
        place = np.empty(n, dtype=np.int64)
        place[order] = np.arange(n)
        row = place[row]
        if isinstance(grouping, ByGap):
            row, session = np.arange(n), grouping.assign_merged(taken["time"])
    order = np.lexsort((row, session))
    session, row = session[order], row[order].astype(np.int32)
    follows = np.flatnonzero(np.diff(session) == 0)
    return LogLines(
        **taken,
        before=row[follows],
        after=row[follows + 1],
        sessions=int((np.diff(session, prepend=-1) != 0).sum()),
    )


def stretches_of(lines: tuple[int, int], fewest: int = STRETCHES) -> tuple[int, int]:
    """Return into how many stretches of about equal length to cut two logs.

    Parameters
    ----------
    lines : tuple of (int, int)
        Of each log.
    fewest : int
        Stretches of the shorter log, if it has the lines.

    Examples
    --------
    >>> stretches_of((3200, 6400)), stretches_of((50, 100_000)), stretches_of((3, 4))
    ((64, 128), (10, 20000), (1, 1))
    """
    size = max(min(lines) / fewest, _FEWEST_LINES)
    first, second = (max(1, round(n / size)) for n in lines)
    return first, second


def stretch_of(n: int, stretches: int) -> NDArray[np.int64]:
    """Return the stretch of each of `n` lines.

    Examples
    --------
    >>> stretch_of(5, 2)
    array([0, 0, 0, 1, 1])
    """
    return np.arange(n, dtype=np.int64) * stretches // n


def count_by_stretch(
    items: NDArray[np.integer], stretch: NDArray[np.int64], n_items: int, n_stretches: int
) -> NDArray[np.int64]:
    """Return how often each item came in each stretch, shape (n_items, n_stretches).

    Where there are more than 1,024 stretches, neighbours are put together.

    Examples
    --------
    >>> count_by_stretch(np.array([0, 1, 0]), np.array([0, 0, 1]), 2, 2).tolist()
    [[1, 1], [1, 0]]
    """
    columns = min(n_stretches, _MOST_STRETCHES)
    flat = items.astype(np.int64) * columns + stretch * columns // n_stretches
    return np.bincount(flat, minlength=n_items * columns).reshape(n_items, columns)


def came_in(
    items: NDArray[np.integer], stretch: NDArray[np.int64], n_stretches: int
) -> NDArray[np.int64]:
    """Return which items came in which stretches: ``item * n_stretches + stretch``, each once.

    Examples
    --------
    >>> came_in(np.array([0, 1, 0, 0]), np.array([0, 0, 1, 1]), 2).tolist()
    [0, 1, 2]
    """
    return np.unique(items.astype(np.int64) * n_stretches + stretch)

"""The columns of the events of a log, gathered in memory that can be given back, by session."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from amiss.errors import InputError
from amiss.types import NO_TIME, Numbers

_COLUMNS: dict[str, Any] = {
    "session": np.int32,
    "shape": np.int32,
    "line": np.int32,
    "source": np.int32,
    "time": np.int64,
}
_PIECE = 1 << 23
"""Values of a piece: memory that is not written to is not taken."""
_AT_ONCE = 1 << 20
_LONG = 1_000_000
"""Events of a log that leaves memory behind."""
_MOST_LINES = int(np.iinfo(np.int32).max)


class OrderedEvents(NamedTuple):
    """Events ordered by session.

    Attributes
    ----------
    offsets : ndarray of int64, shape (n_sessions + 1,)
        Events of session *i* are ``offsets[i]:offsets[i + 1]`` of the columns.
    columns : dict of str to ndarray, each of shape (n_events,)
        ``shape``, ``line``, ``source`` and ``time``.
    order : ndarray of int64, shape (n_events,)
        Where each event stood before.
    """

    offsets: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]
    order: NDArray[np.int64]


class Column:
    """A column that grows by large pieces, which go back to the system when they are given up."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self._pieces: list[NDArray[Any]] = []
        self._used = _PIECE  # of the last piece

    def append(self, values: NDArray[Any]) -> None:
        """Add values at the end."""
        done = 0
        while done < len(values):
            if self._used == _PIECE:
                self._pieces.append(np.empty(_PIECE, dtype=self._kind))
                self._used = 0
            size = min(len(values) - done, _PIECE - self._used)
            self._pieces[-1][self._used : self._used + size] = values[done : done + size]
            self._used += size
            done += size

    def parts(self) -> list[NDArray[Any]]:
        """Return the values, as views on the pieces."""
        return [*self._pieces[:-1], self._pieces[-1][: self._used]] if self._pieces else []

    def taken(self) -> NDArray[Any]:
        """Return the values; the column is empty then."""
        parts = self.parts()
        self._pieces, self._used = [], _PIECE
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([*parts, np.empty(0, dtype=self._kind)])


class NumberColumns:
    """The numbers of events, gathered batch by batch, in four bytes each.

    Examples
    --------
    >>> numbers = NumberColumns()
    >>> numbers.add(Numbers(np.array([0, 2, 2, 3]), np.array([1.5, 2.0, 3.0])))
    >>> ordered = numbers.in_order(np.array([2, 1, 0]))
    >>> ordered.offsets, ordered.values
    (array([0, 1, 1, 3], dtype=int32), array([3. , 1.5, 2. ], dtype=float32))
    """

    def __init__(self) -> None:
        self._counts, self._values = Column(np.int32), Column(np.float32)

    def add(self, numbers: Numbers) -> None:
        """Add the numbers of the events of a batch."""
        self._counts.append(np.diff(numbers.offsets))
        with np.errstate(over="ignore"):  # what is larger than a float32 is infinite, and left out
            self._values.append(numbers.values.astype(np.float32))

    def in_order(self, order: NDArray[np.int64]) -> Numbers:
        """Return the numbers of the events at `order`; this is empty then."""
        before, counts = self._offsets(self._counts.parts()), self._counts.taken()[order]
        offsets, values = self._offsets([counts]), self._values.taken()
        ordered = np.empty(len(values), dtype=np.float32)
        for start in range(0, len(order), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            own = offsets[start : part.stop + 1]
            at = np.repeat(before[order[part]] - own[:-1], counts[part])
            at += np.arange(own[0], own[-1], dtype=at.dtype)
            ordered[own[0] : own[-1]] = values[at]
        return Numbers(offsets, ordered)

    @staticmethod
    def _offsets(counts: list[NDArray[np.int32]]) -> NDArray[Any]:
        total = sum(int(part.sum()) for part in counts)
        kind = np.int32 if total <= _MOST_LINES else np.int64
        offsets = np.zeros(1 + sum(map(len, counts)), dtype=kind)
        np.concatenate([*counts, np.empty(0, dtype=np.int32)], out=offsets[1:])
        return np.cumsum(offsets, out=offsets)


class EventColumns:
    """Columns of events, gathered batch by batch.

    A log of millions of lines is held as these columns alone. Each is put in order before the next
    one is touched.

    Examples
    --------
    >>> events = EventColumns()
    >>> events.add(np.array([0, 1, 0]), np.array([5, 5, 6]), np.arange(1, 4), 0, np.arange(3))
    >>> ordered = events.in_order(2)
    >>> ordered.offsets, ordered.columns["line"]
    (array([0, 2, 3]), array([1, 3, 2], dtype=int32))
    """

    def __init__(self) -> None:
        self._columns = {name: Column(kind) for name, kind in _COLUMNS.items()}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(
        self,
        session: NDArray[np.int32],
        shape: NDArray[np.int32],
        line: NDArray[np.int64],
        source: int,
        time: NDArray[np.int64],
    ) -> None:
        """Add the events of a batch, all of one file.

        Raises
        ------
        InputError
            A file has more lines than can be numbered.
        """
        if int(line.max(initial=0)) > _MOST_LINES:
            raise InputError(f"a file of more than {_MOST_LINES:,} lines; split it first")
        file = np.full(len(session), source, dtype=np.int32)
        columns: list[NDArray[Any]] = [session, shape, line, file, time]
        for name, values in zip(_COLUMNS, columns, strict=True):
            self._columns[name].append(values)
        self._count += len(session)

    def renumber(self, rank: NDArray[np.int64]) -> None:
        """Give the session that was numbered *i* the number ``rank[i]``."""
        for part in self._columns["session"].parts():
            part[:] = rank[part]

    def regroup(self, assign: Callable[[NDArray[np.int64]], NDArray[np.int32]]) -> None:
        """Give events the sessions that `assign` gives their ascending times, if all have one."""
        if not self._all_timed():
            return
        time = np.concatenate(self._columns["time"].parts())
        order = np.argsort(time, kind="stable")
        session = np.empty(len(time), dtype=np.int32)
        session[order] = assign(time[order])
        start = 0
        for part in self._columns["session"].parts():
            part[:] = session[start : start + len(part)]
            start += len(part)

    def in_order(self, n_sessions: int, *, by_time: bool = False) -> OrderedEvents:
        """Return the events by session, and in a session as they were added; this is empty then.

        With `by_time` the events of a session are in order of their times, if all have one.
        """
        by_time = by_time and self._all_timed()
        session = self._columns["session"].taken()
        counts = np.bincount(session, minlength=n_sessions)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        if by_time:
            order = np.lexsort((np.concatenate(self._columns["time"].parts()), session))
        else:
            order = _stable_order(session)
        del session
        ordered: dict[str, NDArray[Any]] = {}
        for name in ("time", "shape", "line", "source"):
            column = self._columns[name].taken()
            if name == "source" and column.max(initial=0) <= np.iinfo(np.int16).max:
                column = column.astype(np.int16)
            if name == "source" and (column == column[:1]).all():  # of one file: no memory
                ordered[name] = np.broadcast_to(column[:1].copy(), column.shape)
                continue
            ordered[name] = column[order]
        self._count = 0
        return OrderedEvents(offsets, ordered, order)

    def _all_timed(self) -> bool:
        parts = self._columns["time"].parts()
        return bool(parts) and not any((part == NO_TIME).any() for part in parts)


def give_back_memory(events: int) -> None:
    """Give memory that is free, but kept by the C library, back to the system, where it can.

    Thousands of blocks of some megabytes leave glibc with a tenth of a gigabyte of free memory, and
    so do detectors; that of few `events` is not worth the time.
    """
    if sys.platform == "linux" and events > _LONG:
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def _stable_order(codes: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the stable order of `codes`: each is sorted together with its place.

    Numbers of 64 bits are sorted by the processor's vector instructions, several times faster
    than places by their codes.
    """
    keyed = codes.astype(np.int64)
    keyed <<= 32
    keyed += np.arange(len(codes), dtype=np.uint32)
    keyed.sort()
    keyed &= (1 << 32) - 1
    return keyed

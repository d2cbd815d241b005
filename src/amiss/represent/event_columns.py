"""The columns of the events of a log, gathered in memory that can be given back, by session."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from amiss.errors import InputError
from amiss.types import NO_TIME, Numbers

_COLUMNS: dict[str, Any] = {
    "session": np.int32,
    "shape": np.int16,
    "line": np.int32,
    "source": np.int16,
    "time": np.int64,
}
"""What a value takes, at first: a column with larger ones is made wider."""
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
    place : ndarray of uint32 or int64, shape (n_events,)
        Where each event stands now, in the order in which they were added.
    """

    offsets: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]
    place: NDArray[Any]


class Column:
    """A column that grows by large pieces, which go back to the system when they are given up."""

    def __init__(self, kind: Any) -> None:
        self._kind = np.dtype(kind)
        self._pieces: list[NDArray[Any]] = []
        self._used = _PIECE  # of the last piece

    def append(self, values: NDArray[Any]) -> None:
        """Add values at the end."""
        if self._kind.kind in "iu" and len(values):
            self._widen(int(values.min()), int(values.max()))
        done = 0
        while done < len(values):
            if self._used == _PIECE:
                self._pieces.append(np.empty(_PIECE, dtype=self._kind))
                self._used = 0
            size = min(len(values) - done, _PIECE - self._used)
            self._pieces[-1][self._used : self._used + size] = values[done : done + size]
            self._used += size
            done += size

    def _widen(self, least: int, most: int) -> None:
        """Take more bytes a value, if it takes them to hold these."""
        if np.iinfo(self._kind).min <= least and most <= np.iinfo(self._kind).max:
            return
        narrow = least >= -_MOST_LINES and most <= _MOST_LINES
        self._kind = np.dtype(np.int32 if narrow else np.int64)
        for i, piece in enumerate(self._pieces):
            self._pieces[i] = piece.astype(self._kind)

    def parts(self) -> list[NDArray[Any]]:
        """Return the values, as views on the pieces."""
        return [*self._pieces[:-1], self._pieces[-1][: self._used]] if self._pieces else []

    def given_up(self) -> Iterator[NDArray[Any]]:
        """Yield the values, part by part; each is gone when the next one is asked for."""
        parts = self.parts()
        self._pieces, self._used = [], _PIECE
        while parts:
            yield parts.pop(0)

    def taken(self) -> NDArray[Any]:
        """Return the values; the column is empty then."""
        kind = self._kind
        return np.concatenate([*self.given_up(), np.empty(0, dtype=kind)])

    def only(self) -> NDArray[Any] | None:
        """Return the value that all are, as an array of one; None if they differ."""
        parts = self.parts()
        if not parts or any((part != parts[0][0]).any() for part in parts):
            return None
        return parts[0][:1].copy()

    def placed(self, place: NDArray[Any]) -> NDArray[Any]:
        """Return the values, each at its place; the column is empty then."""
        ordered = np.empty(len(place), dtype=self._kind)
        start = 0
        for part in self.given_up():
            for at in range(0, len(part), _AT_ONCE):  # places become eight bytes each
                some = part[at : at + _AT_ONCE]
                ordered[place[start + at :][: len(some)]] = some
            start += len(part)
        return ordered


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
        self._counts, self._values = Column(np.int8), Column(np.float32)

    def add(self, numbers: Numbers) -> None:
        """Add the numbers of the events of a batch."""
        self._counts.append(np.diff(numbers.offsets))
        with np.errstate(over="ignore"):  # what is larger than a float32 is infinite, and left out
            self._values.append(numbers.values.astype(np.float32))

    def in_order(self, place: NDArray[Any]) -> Numbers:
        """Return the numbers of the events, each event at its `place`; this is empty then."""
        counts, values = self._counts.taken(), self._values.taken()
        kind: type[np.signedinteger[Any]] = np.int32 if len(values) <= _MOST_LINES else np.int64
        offsets: NDArray[Any] = np.zeros(len(counts) + 1, dtype=kind)
        for start in range(0, len(place), _AT_ONCE):
            offsets[1:][place[start : start + _AT_ONCE]] = counts[start : start + _AT_ONCE]
        np.cumsum(offsets, out=offsets)
        ordered = np.empty(len(values), dtype=np.float32)
        done = 0
        for start in range(0, len(place), _AT_ONCE):
            some = counts[start : start + _AT_ONCE]
            ends = np.cumsum(some, dtype=np.int64)
            first = offsets[place[start : start + _AT_ONCE]] - ends + some
            at = np.repeat(first, some) + np.arange(ends[-1])
            ordered[at] = values[done : done + len(at)]
            done += len(at)
        return Numbers(offsets, ordered)


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
        file = np.broadcast_to(np.int32(source), session.shape)
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
        session = self._columns["session"]
        counts = np.zeros(n_sessions, dtype=np.int64)
        for part in session.parts():
            counts += np.bincount(part, minlength=n_sessions)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        if by_time:
            order = np.lexsort((np.concatenate(self._columns["time"].parts()), session.taken()))
            place: NDArray[Any] = np.empty_like(order)
            place[order] = np.arange(len(order))
        else:
            place = _stable_place(session, self._count)
        ordered: dict[str, NDArray[Any]] = {}
        for name in ("time", "shape", "line", "source"):
            column = self._columns[name]
            if name == "source" and (only := column.only()) is not None:  # one file: no memory
                ordered[name] = np.broadcast_to(only, self._count)
                continue
            ordered[name] = column.placed(place)
        self._count = 0
        return OrderedEvents(offsets, ordered, place)

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


def _stable_place(codes: Column, count: int) -> NDArray[np.uint32]:
    """Return where each code stands when they are sorted, and those that are alike stay in order.

    Each is sorted together with its place: numbers of 64 bits are sorted by the processor's vector
    instructions, several times faster than places by their codes.
    """
    keyed = np.empty(count, dtype=np.int64)
    start = 0
    for part in codes.given_up():
        keyed[start : start + len(part)] = part
        start += len(part)
    keyed <<= 32
    parts = [slice(at, min(at + _AT_ONCE, count)) for at in range(0, count, _AT_ONCE)]
    for own in parts:
        keyed[own] += np.arange(own.start, own.stop)
    keyed.sort()
    place = np.empty(count, dtype=np.uint32)
    for own in parts:
        place[keyed[own] & 0xFFFFFFFF] = np.arange(own.start, own.stop, dtype=np.uint32)
    return place

"""The columns of the events of a log, gathered in memory that can be given back, by session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from amiss.errors import InputError
from amiss.types import NO_TIME

_COLUMNS: dict[str, Any] = {
    "session": np.int32,
    "shape": np.int32,
    "line": np.int32,
    "source": np.int32,
    "time": np.int64,
}
_PIECE = 1 << 23
"""Events of a piece: memory that is not written to is not taken."""
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


class EventColumns:
    """Columns of events, gathered batch by batch.

    A log of millions of lines is held as these columns alone. They grow in large pieces, which go
    back to the system when they are given up, where small ones would stay with the process; each
    column is put in order before the next one is touched.

    Examples
    --------
    >>> events = EventColumns()
    >>> events.add(np.array([0, 1, 0]), np.array([5, 5, 6]), np.arange(1, 4), 0, np.arange(3))
    >>> ordered = events.in_order(2)
    >>> ordered.offsets, ordered.columns["line"]
    (array([0, 2, 3]), array([1, 3, 2], dtype=int32))
    """

    def __init__(self) -> None:
        self._pieces: dict[str, list[NDArray[Any]]] = {name: [] for name in _COLUMNS}
        self._used = _PIECE  # of the last piece
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
        file = np.broadcast_to(np.int32(source), len(session))
        columns: dict[str, NDArray[Any]] = {
            "session": session,
            "shape": shape,
            "line": line,
            "source": file,
            "time": time,
        }
        done = 0
        while done < len(session):
            if self._used == _PIECE:
                for name, kind in _COLUMNS.items():
                    self._pieces[name].append(np.empty(_PIECE, dtype=kind))
                self._used = 0
            size = min(len(session) - done, _PIECE - self._used)
            for name, column in columns.items():
                piece = self._pieces[name][-1]
                piece[self._used : self._used + size] = column[done : done + size]
            self._used += size
            done += size
        self._count += len(session)

    def renumber(self, rank: NDArray[np.int64]) -> None:
        """Give the session that was numbered *i* the number ``rank[i]``."""
        filled = self._parts("session")
        for part in filled:
            part[:] = rank[part]

    def regroup(self, assign: Callable[[NDArray[np.int64]], NDArray[np.int32]]) -> None:
        """Give events the sessions that `assign` gives their ascending times, if all have one."""
        if not self._all_timed():
            return
        time = np.concatenate(self._parts("time"))
        order = np.argsort(time, kind="stable")
        session = np.empty(len(time), dtype=np.int32)
        session[order] = assign(time[order])
        start = 0
        for part in self._parts("session"):
            part[:] = session[start : start + len(part)]
            start += len(part)

    def in_order(self, n_sessions: int, *, by_time: bool = False) -> OrderedEvents:
        """Return the events by session, and in a session as they were added; this is empty then.

        With `by_time` the events of a session are in order of their times, if all have one.
        """
        session = self._taken("session")
        counts = np.bincount(session, minlength=n_sessions)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        if by_time and self._all_timed():
            order = np.lexsort((np.concatenate(self._parts("time")), session))
        else:
            order = _stable_order(session)
        del session
        ordered: dict[str, NDArray[Any]] = {}
        for name in ("time", "shape", "line", "source"):
            column = self._taken(name)
            if name == "source" and column.max(initial=0) <= np.iinfo(np.int16).max:
                column = column.astype(np.int16)
            ordered[name] = column[order]
        self._count, self._used = 0, _PIECE
        return OrderedEvents(offsets, ordered, order)

    def _all_timed(self) -> bool:
        return bool(self._count) and not any((t == NO_TIME).any() for t in self._parts("time"))

    def _parts(self, name: str) -> list[NDArray[Any]]:
        pieces = self._pieces[name]
        return [*pieces[:-1], pieces[-1][: self._used]] if pieces else []

    def _taken(self, name: str) -> NDArray[Any]:
        parts = self._parts(name)
        self._pieces[name] = []
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([*parts, np.empty(0, dtype=_COLUMNS[name])])


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

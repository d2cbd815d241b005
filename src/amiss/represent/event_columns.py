"""The columns of the events of a log, as small as they can be, and put in order by session."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from amiss.types import NO_TIME

_INTEGERS = (np.int8, np.int16, np.int32)


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


@dataclass(slots=True)
class EventColumns:
    """Columns of events, gathered batch by batch.

    A log of millions of lines is held as these columns alone, so line numbers and files are kept
    in the smallest integers that hold them, and each column is put in order and its parts given
    up before the next one is touched.

    Examples
    --------
    >>> events = EventColumns()
    >>> events.add(np.array([0, 1, 0]), np.array([5, 5, 6]), np.arange(1, 4), 0, np.arange(3))
    >>> ordered = events.in_order(2)
    >>> ordered.offsets, ordered.columns["line"]
    (array([0, 2, 3]), array([1, 3, 2], dtype=int8))
    """

    sessions: list[NDArray[np.int32]] = field(default_factory=list)
    columns: dict[str, list[NDArray[Any]]] = field(
        default_factory=lambda: {name: [] for name in ("shape", "line", "source", "time")}
    )

    def __len__(self) -> int:
        return sum(len(part) for part in self.sessions)

    def add(
        self,
        session: NDArray[np.int32],
        shape: NDArray[np.int32],
        line: NDArray[np.int64],
        source: int,
        time: NDArray[np.int64],
    ) -> None:
        """Add the events of a batch, all of one file."""
        self.sessions.append(session)
        files = np.broadcast_to(np.array(source, dtype=_smallest(source)), len(session))
        last = int(line.max(initial=0))
        columns = {
            "shape": shape,
            "line": line.astype(_smallest(last)),
            "source": files,
            "time": time,
        }
        for name, column in columns.items():
            self.columns[name].append(column)

    def in_order(self, n_sessions: int, *, by_time: bool = False) -> OrderedEvents:
        """Return the events by session, and in a session as they were added; this is empty then.

        With `by_time` the events of a session are in order of their times, if all have one.
        """
        session = np.concatenate(self.sessions)
        self.sessions.clear()
        counts = np.bincount(session, minlength=n_sessions)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        order = None
        if by_time:
            time = np.concatenate(self.columns["time"])
            if not (time == NO_TIME).any():
                order = np.lexsort((time, session))
            del time
        if order is None:
            order = _stable_order(session)
        del session
        ordered: dict[str, NDArray[Any]] = {}
        for name, parts in self.columns.items():
            column = np.concatenate(parts)
            parts.clear()
            ordered[name] = column[order]
        return OrderedEvents(offsets, ordered, order)


def _smallest(largest: int) -> Any:
    """Return the smallest type of integers that holds `largest`."""
    return next((kind for kind in _INTEGERS if largest <= np.iinfo(kind).max), np.int64)


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

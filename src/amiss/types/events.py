"""Lines, events, sequences and windows, and where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

#: Reserved event ids: the start and the end of a session. Real events are 0, 1, 2, …
BEGIN, END = -1, -2

#: Fills the front of a window where fewer events came before.
PAD = -4

#: The time of a line that has none.
NO_TIME: int = int(np.iinfo(np.int64).min)


def ragged_index(
    offsets: NDArray[np.signedinteger[Any]], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return flat positions of the items of `rows`, and the offsets they then have.

    Examples
    --------
    >>> ragged_index(np.array([0, 2, 5]), np.array([1, 0]))
    (array([2, 3, 4, 0, 1]), array([0, 3, 5]))
    """
    first = offsets[rows]
    lengths = offsets[rows + 1] - first
    new = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    at: NDArray[np.int64] = np.repeat(first - new[:-1], lengths)
    at += np.arange(new[-1])
    return at, new


def distinct_codes(strings: pl.Series) -> tuple[NDArray[np.int64], pl.Series]:
    """Return for each string its row among the distinct ones, and these, by first appearance.

    Examples
    --------
    >>> import polars as pl
    >>> codes, distinct = distinct_codes(pl.Series(["b", "a", "b"]))
    >>> codes.tolist(), distinct.to_list()
    ([0, 1, 0], ['b', 'a'])
    """
    import polars as pl

    # Categories of their own, so that no process-wide table grows with the log.
    coded = strings.cast(pl.Categorical(pl.Categories.random()))
    distinct = coded.unique(maintain_order=True)
    physical = distinct.to_physical().to_numpy()
    rank = np.zeros(int(physical.max(initial=0)) + 1, dtype=np.int64)
    rank[physical] = np.arange(len(physical))
    return rank[coded.to_physical().to_numpy()], distinct.cast(pl.String)


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Lines of one file, as read: what goes from ``read/`` to ``represent/``.

    Lines that differ only in their digits are of one *kind*. All that is slow (header patterns,
    masks, the template miner) is done once a kind, never once a line.

    Attributes
    ----------
    source : int
        Index of the file in the reader's ``sources``.
    line : ndarray of int64, shape (n,)
        1-based line numbers.
    raw : polars.Series of str, shape (n,)
        The lines, without line ends.
    kind : ndarray of int64, shape (n,)
        Row of `kinds` that each line belongs to.
    kinds : polars.DataFrame
        Columns ``level`` and ``message``, and ``line`` (all of it) where lines were read as such;
        every run of digits replaced by one ``0``, UUIDs and hexadecimal numbers by those that
        `amiss.text.hexadecimal` gives.
    time : ndarray of int64, shape (n,)
        Milliseconds since the epoch, or ``NO_TIME``.
    fields : mapping of str to polars.Series
        Header fields that were asked for, by name.
    extent : ndarray of int64, shape (n,), optional
        Lines of each record, the first one being `line`; None: each is one line.
    form : ndarray of int64, shape (n,), optional
        Row of `forms` that each line belongs to.
    forms : polars.Series of str, optional
        Lines with each digit written as ``0``: what stands where is the same in all of one form.
    """

    source: int
    line: NDArray[np.int64]
    raw: pl.Series
    kind: NDArray[np.int64]
    kinds: pl.DataFrame
    time: NDArray[np.int64]
    fields: Mapping[str, pl.Series] = field(default_factory=dict)
    extent: NDArray[np.int64] | None = None
    form: NDArray[np.int64] | None = None
    forms: pl.Series | None = None

    def __len__(self) -> int:
        return len(self.line)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numeric parameters of events, in the order in which they stand in the message.

    Attributes
    ----------
    offsets : ndarray of int64 or int32, shape (n_events + 1,)
        Those of event *i* are ``values[offsets[i]:offsets[i + 1]]``.
    values : ndarray of float64 or float32, shape (n_values,)
    """

    offsets: NDArray[np.signedinteger[Any]]
    values: NDArray[np.floating[Any]]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, index: NDArray[np.int64]) -> Numbers:
        """Return the parameters of the events at `index`, in that order.

        Examples
        --------
        >>> numbers = Numbers(np.array([0, 2, 2, 3]), np.array([1.0, 2.0, 3.0]))
        >>> numbers.take(np.array([2, 0])).values
        array([3., 1., 2.])
        """
        at, offsets = ragged_index(self.offsets, index)
        return Numbers(offsets, self.values[at])


@dataclass(frozen=True, slots=True)
class Sequences:
    """Ragged sequences of events: flat ids and offsets.

    Attributes
    ----------
    events : ndarray of int64 or int32, shape (n_events,)
        Event ids from 0; sequence *i* is ``events[offsets[i]:offsets[i + 1]]``.
    offsets : ndarray of int64, shape (n + 1,)
    begun : ndarray of bool, shape (n,)
        The first event of the sequence is really its first: it did not run before the log began.
    ended : ndarray of bool, shape (n,)
        The last event is really its last: the sequence was not still open when the log ended.
    names : tuple of str
        What event id *i* stands for; empty where ids are all there is.
    severity : ndarray of float64, shape (len(names),), optional
        How alarming an event is by its own words and level, from 0 to 1; more if it is fatal.
    trace : ndarray of int64, shape (n,), optional
        Which trace each sequence is a segment of: segments of one are never in two folds.
    time : ndarray of int64, shape (n_events,), optional
        When each event was logged, in milliseconds, or ``NO_TIME``.
    numbers : Numbers, optional
        The numeric parameters of each event.
    start : ndarray of int64, shape (n,), optional
        Of windows of time: when each begins, in milliseconds. Such a window may hold no event.
    """

    events: NDArray[np.signedinteger[Any]]
    offsets: NDArray[np.int64]
    begun: NDArray[np.bool_]
    ended: NDArray[np.bool_]
    names: tuple[str, ...] = ()
    severity: NDArray[np.float64] | None = None
    trace: NDArray[np.int64] | None = None
    time: NDArray[np.int64] | None = None
    numbers: Numbers | None = None
    start: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of events in each sequence, shape (n,)."""
        return np.diff(self.offsets)

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Whether each sequence was seen from its first event to its last, shape (n,).

        A segment of a trace neither begins nor ends there, but is whole as a segment.
        """
        return self.begun & self.ended if self.trace is None else np.ones(len(self), dtype=bool)

    def __getitem__(self, i: int) -> NDArray[np.signedinteger[Any]]:
        return self.events[self.offsets[i] : self.offsets[i + 1]]

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Sequences:
        """Return the sequences at `index` (positions or a mask), in that order."""
        rows: NDArray[np.int64] = np.arange(len(self))[index]
        at, offsets = ragged_index(self.offsets, rows)
        return Sequences(
            self.events[at],
            offsets,
            self.begun[rows],
            self.ended[rows],
            self.names,
            self.severity,
            None if self.trace is None else self.trace[rows],
            None if self.time is None else self.time[at],
            None if self.numbers is None else self.numbers.take(at),
            None if self.start is None else self.start[rows],
        )


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of events: what came, and what came before it. Each is an item of its own.

    Attributes
    ----------
    history : ndarray of int, shape (n, size)
        Ids of the events before, the latest last, ``PAD`` in front where there were fewer.
    next_event : ndarray of int, shape (n,)
        Id of the event that came, or ``END``.
    names : tuple of str
        What event id *i* stands for; empty where ids are all there is.
    session : ndarray of int64, shape (n,), optional
        Row of the session that each window was cut from.
    sessions : Sequences, optional
        Those sessions, for detectors that look at more than the window.
    label : ndarray of int64, shape (n,), optional
        1 anomaly, 0 normal, −1 unknown.
    """

    history: NDArray[Any]
    next_event: NDArray[Any]
    names: tuple[str, ...] = ()
    session: NDArray[np.int64] | None = None
    sessions: Sequences | None = None
    label: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.next_event)

    @property
    def events(self) -> NDArray[Any]:
        """All event ids that occur, in no order, some more than once."""
        seen = np.unique(np.append(self.history, self.next_event))
        return seen[seen >= 0]

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Windows:
        """Return the windows at `index` (positions or a mask), in that order."""
        return Windows(
            self.history[index],
            self.next_event[index],
            self.names,
            None if self.session is None else self.session[index],
            self.sessions,
            None if self.label is None else self.label[index],
        )


@dataclass(frozen=True, slots=True)
class LogInfo:
    """Where sessions came from, for the top of every report.

    Attributes
    ----------
    sources : tuple of str
        File names as the user gave them.
    paths : tuple of str
        Where the bytes are, to show lines of them.
    format, unit, grouping : str
        Header format; what is judged (``session`` or ``window``); how lines were grouped.
    option : tuple of (str, str or float)
        The argument of `amiss.read_sessions` that groups other logs in the same way.
    lines, ungrouped : int
        Lines read, and those that belong to no session.
    start, end : int
        First and last time, in milliseconds, or ``NO_TIME``.
    notes : tuple of str
        What was mended or skipped while reading.
    templates_given : bool
        The events are templates already: nothing is mined.
    mask : tuple of str
        What private words were masked, as `amiss.read.privacy.MASKS` names it.
    why : str
        Why lines were grouped in this way, where that was found out.
    """

    sources: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    format: str = ""
    unit: str = "session"
    grouping: str = ""
    option: tuple[str, str | float] = ("", "")
    lines: int = 0
    ungrouped: int = 0
    start: int = NO_TIME
    end: int = NO_TIME
    notes: tuple[str, ...] = ()
    templates_given: bool = False
    mask: tuple[str, ...] = ()
    why: str = ""

"""Sessions: which lines belong together, in order.

Events are flat columns (shape, line, file, time) ordered by session; keys are interned; raw text
is not kept. A line that names two keys belongs to both sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import InputError
from amiss.represent.event_columns import (
    EventColumns,
    NumberColumns,
    OrderedEvents,
    give_back_memory,
)
from amiss.represent.frames import frame_with, millis_of
from amiss.represent.grouping import ByCount, ByGap, BySegment, Grouping, Interner
from amiss.represent.shapes import ShapeTable
from amiss.represent.ungrouped import Ungrouped, UngroupedLines
from amiss.types import NO_TIME, LogInfo, Numbers, RecordBatch, distinct_codes, ragged_index

_FEW_KINDS = 4096
"""Kinds of a batch that are worth remembering: more are identifiers, and do not come again."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """Events grouped by session.

    Attributes
    ----------
    ids : polars.Series of str, shape (n,)
        Session keys, in order of first appearance.
    offsets : ndarray of int64, shape (n + 1,)
        Events of session *i* are ``offsets[i]:offsets[i + 1]``.
    shape : ndarray of int16 or int32, shape (n_events,)
        Row of `shapes`.
    line : ndarray of int32, shape (n_events,)
        1-based.
    source : ndarray of int16 or int32, shape (n_events,)
        Row of ``log.sources``.
    time : ndarray of int64, shape (n_events,)
        Milliseconds, or ``NO_TIME``.
    shapes : polars.DataFrame
        Columns ``text`` and ``level``.
    log : LogInfo
    trace : polars.Series of str, shape (n,), optional
        Which trace each is a segment of.
    numbers : Numbers, optional
        The numeric parameters of each event.
    start : ndarray of int64, shape (n,), optional
        Of windows of time: when each begins, in milliseconds. Such a window may hold no event.
    ungrouped : Ungrouped, optional
        The lines that belong to no session. They are of the whole log: parts of it have none.

    Examples
    --------
    >>> frame = pl.DataFrame({"session": ["a", "b", "a"], "event": ["open", "open", "close"]})
    >>> sessions = Sessions.from_frame(frame)
    >>> len(sessions), sessions.to_frame()["events"].to_list()
    (2, [['open', 'close'], ['open']])
    """

    ids: pl.Series
    offsets: NDArray[np.int64]
    shape: NDArray[np.signedinteger[Any]]
    line: NDArray[np.int32]
    source: NDArray[np.integer[Any]]
    time: NDArray[np.int64]
    shapes: pl.DataFrame
    log: LogInfo = field(default_factory=LogInfo)
    trace: pl.Series | None = None
    numbers: Numbers | None = None
    start: NDArray[np.int64] | None = None
    ungrouped: Ungrouped | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        return (
            f"<Sessions: {len(self):,} {self.log.unit}s of {len(self.shape):,} events, "
            f"{len(self.shapes):,} shapes>"
        )

    @property
    def first(self) -> NDArray[np.int64]:
        """Position of each session's first event in the flat columns, shape (n,).

        Of a window without events, that of the first one after it, or the last of all.
        """
        return np.minimum(self.offsets[:-1], max(len(self.shape) - 1, 0))

    @property
    def last(self) -> NDArray[np.int64]:
        """Position of each session's last event in the flat columns, shape (n,).

        Of a window without events it is `first`.
        """
        return np.maximum(self.offsets[1:] - 1, self.first)

    def __getitem__(self, index: NDArray[Any] | slice | list[int] | list[bool]) -> Sessions:
        """Return the sessions at `index`: a slice, positions, or a mask."""
        rows = np.arange(len(self))[index]
        at, offsets = ragged_index(self.offsets, rows)
        return replace(
            self,
            ids=self.ids.gather(rows),
            offsets=offsets,
            shape=self.shape[at],
            line=self.line[at],
            source=self.source[at],
            time=self.time[at],
            trace=None if self.trace is None else self.trace.gather(rows),
            numbers=None if self.numbers is None else self.numbers.take(at),
            start=None if self.start is None else self.start[rows],
            ungrouped=None,
        )

    def to_frame(self) -> pl.DataFrame:
        """Return one row a session: id, start, end, first line, events as a list of shapes."""
        texts = self.shapes["text"].gather(self.shape)
        events = (
            pl.DataFrame({"at": np.repeat(np.arange(len(self)), np.diff(self.offsets)), "e": texts})
            .group_by("at", maintain_order=True)
            .agg("e")["e"]
        )
        return pl.DataFrame(
            {
                "session": self.ids,
                "start": as_datetime(self.time[self.first]),
                "end": as_datetime(self.time[self.last]),
                "first_line": self.line[self.first],
                "events": events,
            }
        )

    @classmethod
    def from_frame(
        cls, frame: Any, *, session: str = "session", event: str = "event", time: str | None = None
    ) -> Sessions:
        """Group a data frame of one row an event.

        Parameters
        ----------
        frame : polars.DataFrame, pandas.DataFrame, or anything polars reads
            Rows in time order.
        session, event, time : str
            Column names. Row numbers, from 1, stand for line numbers.

        Raises
        ------
        InputError
            A column is missing, or there are no rows.
        """
        rows = frame_with(frame, [session, event, *([time] if time else [])])
        if rows.is_empty():
            raise InputError("the data frame has no rows; expected one row an event")
        codes, texts = distinct_codes(_without_nulls(rows[event]))
        keys = Interner()
        times = millis_of(rows[time]) if time else np.full(len(rows), NO_TIME)
        events = EventColumns()
        events.add(
            keys.add(_without_nulls(rows[session])),
            codes.astype(np.int32),
            np.arange(1, len(rows) + 1, dtype=np.int64),
            0,
            times,
        )
        known = times[times != NO_TIME]
        shapes = pl.DataFrame({"text": texts, "level": [""] * len(texts)})
        log = LogInfo(
            sources=("rows",),
            grouping=session,
            lines=len(rows),
            format="data frame",
            start=int(known.min()) if len(known) else NO_TIME,
            end=int(known.max()) if len(known) else NO_TIME,
            templates_given=True,
        )
        return _assemble(events.in_order(len(keys.names())), keys.names(), shapes, log)


def _without_nulls(column: pl.Series) -> pl.Series:
    if nulls := column.null_count():
        raise InputError(f"{nulls:,} rows have no value in column {column.name!r}; drop them first")
    try:
        return column.cast(pl.String)
    except pl.exceptions.PolarsError:
        raise InputError(
            f"column {column.name!r} holds {column.dtype}; expected strings or numbers"
        ) from None


def as_datetime(millis: NDArray[np.int64]) -> pl.Series:
    """Return times as a datetime column, null where there is none."""
    series = pl.Series(millis)
    return pl.select(
        pl.when(series != NO_TIME).then(series).otherwise(None).cast(pl.Datetime("ms"))
    ).to_series()


def group_records(
    batches: Iterable[RecordBatch],
    grouping: Grouping,
    *,
    templates_given: bool = False,
    by_time: bool = False,
    numbers: Callable[[RecordBatch], Numbers] | None = None,
) -> Sessions:
    """Read all batches and return their sessions; ``log`` is filled by the caller.

    With `templates_given` the messages of the batches are templates, not masked any further. With
    `by_time`, if all events have a time, those of a session are in its order, and windows are of
    the lines of all files together: batches may be of files that were written at the same time.
    `numbers` finds the numeric parameters of the lines of a batch; by default they are not kept.

    Raises
    ------
    InputError
        No line belongs to a session.
    """
    shapes = KindShapes(masked=templates_given)
    events = EventColumns()
    values = None if numbers is None else NumberColumns()
    left = UngroupedLines()
    lines = ungrouped = 0
    start = end = NO_TIME
    for batch in batches:
        shape = shapes.of(batch.kinds)[batch.kind]
        rows, codes, missing = grouping.assign(batch)
        at = slice(None) if rows is None else rows
        events.add(codes, shape[at], batch.line[at], batch.source, batch.time[at])
        if numbers is not None and values is not None:
            own = numbers(batch)
            values.add(own if rows is None else own.take(rows))
        if rows is not None and missing and grouping.unit == "session":
            left.add(batch, shape, rows)
        lines += len(batch)
        ungrouped += missing
        known = batch.time[batch.time != NO_TIME]
        if len(known):
            start = min(start, int(known.min())) if start != NO_TIME else int(known.min())
            end = max(end, int(known.max()))
    if not len(events):
        raise InputError(
            f"none of {lines:,} lines belongs to a session by {grouping.description}; "
            "check the pattern against a line, or use --gap SECONDS or --window LINES"
        )
    if by_time and isinstance(grouping, ByGap | ByCount):
        events.regroup(grouping.assign_merged)
    names, windows = grouping.names(), grouping.time_windows()
    if windows is not None:
        events.renumber(windows.rank)
    table = pl.DataFrame({"text": shapes.table.texts, "level": shapes.table.levels})
    log = LogInfo(
        unit=grouping.unit,
        grouping=grouping.description,
        option=grouping.option,
        lines=lines,
        ungrouped=ungrouped,
        start=start,
        end=end,
        templates_given=templates_given,
    )
    ordered = events.in_order(len(names), by_time=by_time)
    found = None if values is None else values.in_order(ordered.place)
    sessions = _assemble(ordered, names, table, log, found)
    sessions = replace(sessions, ungrouped=left.taken(by_time=by_time))
    if windows is not None:
        sessions = replace(sessions, start=windows.start)
    give_back_memory(lines)
    if not isinstance(grouping, BySegment):
        return sessions
    return _with_whole_ends(replace(sessions, trace=grouping.traces()), grouping.size)


def _with_whole_ends(segments: Sessions, size: int) -> Sessions:
    """Join what is left at the end of each trace, if it is less than half a segment, to the last.

    The rate of a few events is anything.
    """
    assert segments.trace is not None  # noqa: S101 - these are segments
    trace = segments.trace
    short = 2 * np.diff(segments.offsets) < size
    codes, _ = distinct_codes(trace)
    if short.any() and (np.diff(codes) < 0).any():  # rows of other traces stood between
        segments = segments[np.argsort(codes, kind="stable")]
        return _with_whole_ends(segments, size)
    follows = np.append(False, np.diff(codes) == 0)
    joined = np.flatnonzero(short & follows)
    if not len(joined):
        return segments
    kept = np.ones(len(segments), dtype=np.bool_)
    kept[joined] = False
    return replace(
        segments,
        ids=segments.ids.filter(pl.Series(kept)),
        offsets=np.append(segments.offsets[:-1][kept], segments.offsets[-1]),
        trace=trace.filter(pl.Series(kept)),
    )


def _assemble(
    events: OrderedEvents,
    names: pl.Series,
    shapes: pl.DataFrame,
    log: LogInfo,
    numbers: Numbers | None = None,
) -> Sessions:
    return Sessions(
        ids=names,
        offsets=events.offsets,
        shape=events.columns["shape"],
        line=events.columns["line"],
        source=events.columns["source"],
        time=events.columns["time"],
        shapes=shapes,
        log=log,
        numbers=numbers,
    )


class KindShapes:
    """Shapes of kinds; most of those of a batch were there in the one before."""

    def __init__(self, *, masked: bool = False) -> None:
        self.table = ShapeTable()
        self._masked = masked
        self._known: dict[tuple[str, str], int] = {}

    def of(self, kinds: pl.DataFrame) -> NDArray[np.int32]:
        """Return the shape id of each row of `kinds`."""
        if len(kinds) > _FEW_KINDS:
            return self.table.add(kinds, masked=self._masked)
        pairs = list(zip(kinds["level"].to_list(), kinds["message"].to_list(), strict=True))
        ids = np.array([self._known.get(pair, -1) for pair in pairs], dtype=np.int32)
        new = np.flatnonzero(ids < 0)
        if len(new):
            ids[new] = self.table.add(kinds[new], masked=self._masked)
            if len(self._known) > _FEW_KINDS:
                self._known.clear()
            self._known.update((pairs[row], int(ids[row])) for row in new.tolist())
        return ids

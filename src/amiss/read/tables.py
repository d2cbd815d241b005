"""Logs that come as tables: which layout it is, and those of one session a row or a line.

Four layouts, each read into the batches of records that raw logs are read into:

- ``structured``: one row a line (`amiss.read.structured`);
- ``traces``: one row an event of a kernel trace (`amiss.read.traces`);
- ``sessions``: one row a session, its events as a list;
- ``events``: one line a session, event numbers with blanks between them, as DeepLog has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import InputError
from amiss.read.formats import EVENTS, SESSIONS, STRUCTURED, TABLES, TRACES
from amiss.read.frames import (
    column_names,
    event_kinds,
    find_column,
    no_column,
    no_rows,
    read_frames,
    storage_of,
)
from amiss.read.lines import decode_lines
from amiss.read.sources import ReadReport, Source, read_blocks
from amiss.read.structured import TEMPLATE_COLUMNS
from amiss.read.traces import CLASS_COLUMNS
from amiss.read.traces import EVENT_COLUMNS as TRACE_EVENTS
from amiss.read.value_names import is_log
from amiss.types import NO_TIME, RecordBatch

SESSION_COLUMNS = ("session_id", "session", "BlockId", "trace_id", "id")
EVENT_COLUMNS = (
    "templates", "events", "event_sequence", "EventSequence", "Features", "syscalls"
)  # fmt: skip
_RECOGNISED_BY = 100  # lines of event numbers that make a file one of these
_NUMBERS = r"^\s*-?\d+(?:\s+-?\d+)*\s*$"
_WORDS = r"^\s*-?[A-Za-z]?\d+(?:\s+-?[A-Za-z]?\d+)*\s*$"
# An item of a list written as text: 'E5', "E5" or E5.
_ITEM = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s,'"\[\]][^,\]]*"""


def recognise_table(source: Source, format: str | None, *, grouped: bool) -> str | None:  # noqa: A002 - the option's name
    """Return which layout of `TABLES` a file has; None for a raw log.

    Parameters
    ----------
    source : Source
    format : str or None
        What the user said it is.
    grouped : bool
        The user said how lines are grouped: then lines of numbers are lines of a log.
    """
    if format is not None:
        return format.lower() if format.lower() in TABLES else None
    columns = column_names(source)
    if _is_log_of_values(source, columns):
        return None
    if find_column(columns, ("Content", *TEMPLATE_COLUMNS)):
        return STRUCTURED
    if find_column(columns, CLASS_COLUMNS) and find_column(columns, TRACE_EVENTS):
        return TRACES
    known = [find_column(columns, SESSION_COLUMNS), find_column(columns, EVENT_COLUMNS)]
    if storage_of(source) not in ("CSV", "JSON lines") or all(known):
        return SESSIONS
    if any(known) and ".csv" in source.path.name.lower():
        return SESSIONS  # a header that lacks a column, not a log: the reader says which
    return EVENTS if not grouped and _holds_numbers(source) else None


def _is_log_of_values(source: Source, columns: list[str]) -> bool:
    """Return whether each row or object is a line of a log: it has a time and a message."""
    parsed = ("Content", "EventTemplate", *EVENT_COLUMNS, *CLASS_COLUMNS)
    if not is_log(columns) or find_column(columns, parsed):
        return False
    return storage_of(source) in ("CSV", "JSON lines")


def _holds_numbers(source: Source) -> bool:
    block = next(read_blocks(source, ReadReport()), b"")
    lines = decode_lines(block[: 1 << 20], ReadReport())
    if len(block) > 1 << 20:
        lines = lines.head(-1)  # cut in two
    lines = lines.filter(lines.str.strip_chars() != "").head(_RECOGNISED_BY)
    blanks = lines.str.strip_chars().str.contains(r"\s")
    return bool(len(lines) and lines.str.contains(_NUMBERS).all() and blanks.any())


class SessionTableReader:
    """Read tables of one session a row into batches of records, one record an event.

    Line numbers are row numbers. A session stands in the field that `session_column` names.

    Parameters
    ----------
    sources : sequence of Source
    session_column : str, optional
        By default one of the usual names.
    progress : callable, optional
        Told the number of bytes read so far.
    """

    format_name = SESSIONS
    templates_given = True

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        session_column: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.sources = list(sources)
        self.report = ReadReport()
        self._progress = progress
        wanted = SESSION_COLUMNS if session_column is None else (session_column,)
        columns = column_names(self.sources[0])
        session, event = find_column(columns, wanted), find_column(columns, EVENT_COLUMNS)
        if session is None:
            raise no_column(self.sources[0], columns, f"session ids such as {', '.join(wanted)}")
        if event is None:
            raise no_column(self.sources[0], columns, f"events such as {', '.join(EVENT_COLUMNS)}")
        self.session_column, self._event = session, event

    def __iter__(self) -> Iterator[RecordBatch]:
        empty = True
        for index, source in enumerate(self.sources):
            for rows, frame in read_frames(source, self.report, self._progress):
                for name in (self.session_column, self._event):
                    if name not in frame.columns:
                        raise no_column(source, frame.columns, name)
                batch = self._batch(index, rows, frame)
                if len(batch):
                    empty = False
                    yield batch
        if empty:
            raise no_rows(self.sources, self.report, "rows with a session id and events")

    def _batch(self, source: int, rows: NDArray[np.int64], frame: pl.DataFrame) -> RecordBatch:
        ids = _as_strings(frame[self.session_column])
        events = _as_lists(frame[self._event])
        bad = {
            "rows without a session id (skipped)": (ids.is_null() | (ids == "")).fill_null(True),
            "rows without events (skipped)": (events.list.len() == 0).fill_null(True),
            "rows with an event that is null (skipped)": events.list.eval(
                pl.element().is_null()
            ).list.any().fill_null(False),
        }  # fmt: skip
        good = np.ones(len(frame), dtype=np.bool_)
        for what, mask in bad.items():
            count = int((good & mask.to_numpy()).sum())
            if count:
                self.report.counts[what] += count
            good &= ~mask.to_numpy()
        events = events.filter(pl.Series(good))
        counts = events.list.len().to_numpy()
        at = np.repeat(np.flatnonzero(good), counts)
        return _event_batch(
            source, rows[at], events, {self.session_column: ids.gather(pl.Series(at))}
        )


class EventLinesReader:
    """Read lines of events, one session each, into batches of one record an event.

    Parameters
    ----------
    sources : sequence of Source
    words : bool
        Events are any words, with blanks between them; else numbers, such as 5 or E5, and other
        lines are left out.
    progress : callable, optional
        Told the number of bytes read so far.
    """

    format_name = EVENTS
    templates_given = True
    session_column = "line"

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        words: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.sources = list(sources)
        self.report = ReadReport()
        self._pattern = r"\S" if words else _WORDS
        self._progress = progress

    def __iter__(self) -> Iterator[RecordBatch]:
        empty = True
        for index, source in enumerate(self.sources):
            first = 1
            for block in read_blocks(source, self.report, self._progress):
                lines = decode_lines(block, self.report)
                batch = self._batch(index, first, lines)
                first += len(lines)
                self.report.lines += len(lines)
                if len(batch):
                    empty = False
                    yield batch
        if empty:
            raise no_rows(self.sources, self.report, "lines of event numbers such as: 5 5 22 11")

    def _batch(self, source: int, first: int, lines: pl.Series) -> RecordBatch:
        blank = lines.str.strip_chars() == ""
        good = lines.str.contains(self._pattern)
        if blank.any():
            self.report.counts["blank lines (skipped)"] += int(blank.sum())
        if other := int((~blank & ~good).sum()):
            self.report.counts["lines that are not event numbers (skipped)"] += other
        events = lines.filter(good).str.extract_all(r"\S+")
        numbers = first + np.flatnonzero(good.to_numpy())
        line = np.repeat(numbers, events.list.len().to_numpy())
        # Line numbers are ids; those of another file are others.
        names = pl.Series(line).cast(pl.String)
        if len(self.sources) > 1:
            names = pl.Series([f"{self.sources[source].name}:"]) + names
        return _event_batch(source, line, events, {self.session_column: names})


def _event_batch(
    source: int, line: NDArray[np.int64], events: pl.Series, fields: dict[str, pl.Series]
) -> RecordBatch:
    raw = events.explode() if len(events) else pl.Series([], dtype=pl.String)
    kind, kinds = event_kinds(raw, pl.Series([""]).new_from_index(0, len(raw)))
    return RecordBatch(
        source=source,
        line=line,
        raw=raw,
        kind=kind,
        kinds=kinds,
        time=np.full(len(raw), NO_TIME),
        fields=fields,
    )


def _as_strings(column: pl.Series) -> pl.Series:
    try:
        return column.cast(pl.String)
    except pl.exceptions.PolarsError:
        raise InputError(
            f"column {column.name!r} holds {column.dtype}; expected strings or numbers"
        ) from None


def _as_lists(column: pl.Series) -> pl.Series:
    """Return events as lists of strings, from lists or from text that says them."""
    if column.dtype == pl.String:
        return _split_text(column)
    try:
        return column.cast(pl.List(pl.String))
    except pl.exceptions.PolarsError:
        raise InputError(
            f"column {column.name!r} holds {column.dtype}; expected lists of events, or text with "
            "blanks or | between them"
        ) from None


def _split_text(column: pl.Series) -> pl.Series:
    text = column.str.strip_chars()
    listed = text.str.starts_with("[") & text.str.ends_with("]")
    items = text.str.extract_all(_ITEM).list.eval(
        pl.element().str.strip_chars().str.replace(r"""^(?:'(.*)'|"(.*)")$""", "${1}${2}")
    )
    barred = text.str.split("|").list.eval(pl.element().str.strip_chars())
    has_bars = bool(text.str.contains("|", literal=True).any())
    plain = barred if has_bars else text.str.extract_all(r"\S+")
    chosen = pl.select(pl.when(listed).then(items).otherwise(plain)).to_series()
    return chosen.list.eval(pl.element().filter(pl.element() != ""))

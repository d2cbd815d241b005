"""How lines become sessions: by key, header field, silence, time, number of lines, or trace."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import InputError, UsageError
from amiss.text.places import (
    PlaceFinder,
    Places,
    cut,
    find_groups,
    find_matches,
    is_blind_to_digits,
)
from amiss.types import NO_TIME, RecordBatch

_HEXADECIMAL = frozenset("abcdefABCDEFxX-")
LONGEST_SILENCE = 10_080
"""Windows without a line that are kept in a row: a week of minutes."""


class Assignment(NamedTuple):
    """Which lines of a batch belong to which sessions."""

    rows: NDArray[np.int64] | None
    """Lines, one entry an event; None: each line once."""
    codes: NDArray[np.int32]
    """The session of each entry."""
    ungrouped: int = 0
    """Lines that belong to no session."""


class Grouping(Protocol):
    """How lines become sessions: gives each line of a batch its session codes."""

    unit: str
    description: str
    option: tuple[str, str | float]

    def assign(self, batch: RecordBatch) -> Assignment:
        """Return which lines of `batch` belong to which sessions."""
        ...

    def names(self) -> pl.Series:
        """Return the session ids by code."""
        ...

    def time_windows(self) -> TimeWindows | None:
        """Return the windows in order, those without a line too; None: codes are in order."""
        ...


class TimeWindows(NamedTuple):
    """Windows of time in order."""

    rank: NDArray[np.int64]
    """The place of each code."""
    start: NDArray[np.int64]
    """When each window begins, in milliseconds; some hold no line."""


class _InOrder:
    """Sessions whose codes are in the order they are to have."""

    def time_windows(self) -> TimeWindows | None:
        """Return None: there is nothing to put in order."""
        return None


class Interner:
    """Strings to codes, in order of first appearance, over batches."""

    def __init__(self) -> None:
        # Categories of their own; they last as long as a series of them does.
        self._type = pl.Categorical(pl.Categories.random())
        self._held = pl.Series([], dtype=self._type)
        self._names: list[pl.Series] = []
        self._count = 0

    def add(self, keys: pl.Series) -> NDArray[np.int32]:
        """Return the code of each key."""
        coded = keys.cast(self._type)
        codes = coded.to_physical().to_numpy().astype(np.int32)
        new = np.flatnonzero(codes >= self._count)
        if len(new):
            # Codes are given in a row; the first line of each is the last that is written.
            first = np.full(int(codes[new].max()) + 1 - self._count, -1)
            first[codes[new][::-1] - self._count] = new[::-1]
            # Copies: what is gathered would hold on to all keys of the batch.
            self._names.append(pl.Series(keys.gather(first).to_list(), dtype=pl.String))
            self._count += len(first)
            self._held = coded.head(0)
        return codes

    def names(self) -> pl.Series:
        """Return the strings by code."""
        return pl.concat(self._names) if self._names else pl.Series([], dtype=pl.String)


class ByKey(_InOrder):
    """One session for each distinct match of a pattern in the line.

    Parameters
    ----------
    pattern : str
        A regular expression; its first group, if it has one, is the key.

    Raises
    ------
    UsageError
        The pattern is not a valid regular expression, or matches the empty string.
    """

    unit = "session"

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.description = pattern
        self.option: tuple[str, str | float] = ("session_key", pattern)
        try:
            groups = pl.Series([""]).str.extract_groups(pattern).struct.fields
            empty = bool(pl.Series([""]).str.contains(pattern).any())
        except pl.exceptions.PolarsError as error:
            raise UsageError(
                f"session key {pattern!r} is not a valid regular expression: "
                f"{str(error).splitlines()[-1].strip()}"
            ) from None
        if empty and not groups:
            raise UsageError(
                f"session key {pattern!r} matches the empty string; expected a pattern that "
                "matches a key, such as + where it has *"
            )
        self._grouped = bool(groups)
        self._start = literal_start(pattern)
        find = find_groups if self._grouped else find_matches
        self._finder = (
            PlaceFinder(partial(find, pattern=pattern)) if is_blind_to_digits(pattern) else None
        )
        self._keys = Interner()

    def assign(self, batch: RecordBatch) -> Assignment:
        """Return which lines of `batch` belong to which sessions."""
        places = self._places(batch)
        if places is not None and batch.form is not None:
            return self._cut(batch.raw, batch.form, places)
        if self._grouped:
            first = batch.raw.str.extract(self.pattern, 1)
            return _assign_values(first.replace("", None), self._keys)
        first = batch.raw.str.extract(self.pattern, 0)
        several = self._with_several(batch)
        if not len(several):
            return _assign_values(first, self._keys)
        # A line may repeat its key: it is one event all the same.
        found = batch.raw.gather(several).str.extract_all(self.pattern)
        found = found.list.unique(maintain_order=True)
        counts = found.list.len().to_numpy()
        if counts.max() <= 1:
            return _assign_values(first, self._keys)
        entries = first.is_not_null().to_numpy().astype(np.int64)
        entries[several] = counts
        rows = np.repeat(np.arange(len(entries)), entries)
        of_several = np.zeros(len(entries), dtype=np.bool_)
        of_several[several] = True
        flat = first.gather(rows)
        listed = pl.Series(np.flatnonzero(of_several[rows]), dtype=pl.UInt32)
        flat = flat.scatter(listed, found.filter(pl.Series(counts > 0)).explode())
        return Assignment(rows, self._keys.add(flat), int((entries == 0).sum()))

    def _places(self, batch: RecordBatch) -> Places | None:
        """Return where forms have their keys; None if lines are to be looked at instead."""
        if self._finder is None or batch.forms is None:
            return None
        return self._finder.find(batch.forms, len(batch))

    def _cut(self, raw: pl.Series, form: NDArray[np.int64], places: Places) -> Assignment:
        rows, keys = cut(raw, form, places)
        codes = self._keys.add(keys)
        again = np.diff(rows, prepend=-1) == 0
        if again.any():  # a line may repeat its key: it is one event all the same
            entries = rows << 32 | codes
            at = np.flatnonzero(again | np.append(again[1:], False))  # of lines with several
            _, first = np.unique(entries[at], return_index=True)
            kept = np.ones(len(rows), dtype=np.bool_)
            kept[at] = False
            kept[at[first]] = True
            rows, codes = rows[kept], codes[kept]
        missing = len(raw) - (len(rows) - int((np.diff(rows) == 0).sum()))
        whole = not missing and len(rows) == len(raw)
        return Assignment(None if whole else rows, codes, missing)

    def _with_several(self, batch: RecordBatch) -> NDArray[np.int64]:
        """Return the lines that may hold more than one match."""
        if not self._start:
            return np.arange(len(batch))
        # What cannot be of a number is as often in a kind as in its lines.
        if "line" in batch.kinds.columns and not _HEXADECIMAL.issuperset(self._start):
            starts = batch.kinds["line"].str.count_matches(self._start, literal=True)
            return np.flatnonzero((starts > 1).to_numpy()[batch.kind])
        starts = batch.raw.str.count_matches(self._start, literal=True)
        return np.flatnonzero((starts > 1).to_numpy())

    def names(self) -> pl.Series:
        """Return the session ids by code."""
        return self._keys.names()


def literal_start(pattern: str) -> str:
    r"""Return what every match of a regular expression begins with; no digit is among it.

    Examples
    --------
    >>> [literal_start(pattern) for pattern in (r"blk_-?\d+", "ab*", r"\d+", "a|b")]
    ['blk_', 'a', '', '']
    """
    literal = re.match(r"[^\\.+*?()\[\]{}^$|0-9]*", pattern)[0]  # type: ignore[index]
    if "|" in pattern:
        return ""
    return literal[:-1] if pattern[len(literal) :][:1] in tuple("*?{") else literal


class ByField(_InOrder):
    """One session for each value of a header field."""

    unit = "session"

    def __init__(self, name: str) -> None:
        self.field = name
        self.description = f"field {name}"
        self.option: tuple[str, str | float] = ("session_field", name)
        self._keys = Interner()

    def assign(self, batch: RecordBatch) -> Assignment:
        """Return which lines of `batch` belong to which sessions."""
        return _assign_values(batch.fields[self.field], self._keys)

    def names(self) -> pl.Series:
        """Return the session ids by code."""
        return self._keys.names()


def _assign_values(keys: pl.Series, interner: Interner) -> Assignment:
    missing = keys.null_count()
    if not missing:
        return Assignment(None, interner.add(keys))
    rows = keys.is_not_null().to_numpy().nonzero()[0]
    return Assignment(rows, interner.add(keys.drop_nulls()), missing)


class ByGap(_InOrder):
    """A new window after each silence of more than `seconds`.

    Raises
    ------
    UsageError
        `seconds` is not positive.
    InputError
        The lines carry no time.
    """

    unit = "window"

    def __init__(self, seconds: float) -> None:
        if not seconds > 0:
            raise UsageError(f"gap of {seconds:g} s; expected more than 0 seconds")
        self.description = f"gaps of more than {seconds:g} s"
        self.option: tuple[str, str | float] = ("gap", seconds)
        self._gap = seconds * 1000
        self._last = NO_TIME
        self._windows = 0

    def assign(self, batch: RecordBatch) -> Assignment:
        """Return which lines of `batch` belong to which windows."""
        time = np.maximum.accumulate(np.concatenate([[self._last], batch.time]))
        # A line before any time, and the first line of all, opens no window of its own.
        breaks = (np.diff(time) > self._gap) & (time[:-1] != NO_TIME)
        codes = self._windows + np.cumsum(breaks)
        self._last, self._windows = int(time[-1]), int(codes[-1])
        return Assignment(None, codes.astype(np.int32))

    def assign_merged(self, time: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the windows of the lines of all files, in order of their times."""
        codes = np.cumsum(np.diff(time, prepend=time[:1]) > self._gap)
        self._windows = int(codes[-1])
        return codes.astype(np.int32)

    def names(self) -> pl.Series:
        """Return the window ids by code."""
        if self._last == NO_TIME:
            raise InputError(
                "these lines carry no time that is understood, so gaps cannot be found; "
                "use --window LINES or --session-key PATTERN"
            )
        return pl.Series([f"window {i + 1}" for i in range(self._windows + 1)])


class ByTime:
    """A window for each `seconds` of the log, also for those in which nothing was logged.

    Windows begin at whole multiples of their length since 1970. A line without a time is in the
    window of the line before it. Where a log is silent for very long, the silence is left out: it
    says that the log was off, not that something in it stopped.

    Raises
    ------
    UsageError
        `seconds` is less than a millisecond.
    InputError
        The lines carry no time.
    """

    unit = "window"

    def __init__(self, seconds: float) -> None:
        if not seconds >= 0.001:
            raise UsageError(f"windows of {seconds:g} s; expected 0.001 or more")
        self.description = f"windows of {seconds:g} s"
        self.option: tuple[str, str | float] = ("every", seconds)
        self.every = round(seconds * 1000)
        self._last = NO_TIME
        self._codes: dict[int, int] = {}

    def assign(self, batch: RecordBatch) -> Assignment:
        """Return which lines of `batch` belong to which windows."""
        time = np.concatenate([[self._last], batch.time])
        latest = np.maximum.accumulate(np.where(time == NO_TIME, 0, np.arange(len(time))))
        time = time[latest][1:]
        self._last = int(time[-1]) if len(time) else self._last
        known = time != NO_TIME
        rows = None if known.all() else np.flatnonzero(known)
        starts, inverse = np.unique(time[known] // self.every, return_inverse=True)
        codes = [self._codes.setdefault(start, len(self._codes)) for start in starts.tolist()]
        return Assignment(rows, np.array(codes, np.int32)[inverse], int((~known).sum()))

    def names(self) -> pl.Series:
        """Return the start of each window, by its place, as text; UTC."""
        return time_names(self.time_windows().start, self.every)

    def time_windows(self) -> TimeWindows:
        """Return the windows in order."""
        if not self._codes:
            raise InputError(
                "these lines carry no time that is understood, so there are no windows of time; "
                "use --window LINES or --session-key PATTERN"
            )
        found = np.array(sorted(self._codes), dtype=np.int64)
        steps = np.append(np.diff(found), 1)
        steps[steps > LONGEST_SILENCE] = 1
        at = np.cumsum(steps) - steps
        starts = np.repeat(found - at, steps) + np.arange(int(steps.sum()))
        rank = np.empty(len(found), dtype=np.int64)
        rank[[self._codes[start] for start in found.tolist()]] = at
        return TimeWindows(rank, starts * self.every)


def time_names(start: NDArray[np.int64], every: int) -> pl.Series:
    """Return the ids of windows of time, their starts; all in milliseconds.

    Examples
    --------
    >>> time_names(np.array([60_000]), 60_000).to_list()
    ['1970-01-01 00:01:00']
    """
    form = "%Y-%m-%d %H:%M:%S%.3f" if every % 1000 else "%Y-%m-%d %H:%M:%S"
    return pl.Series(start).cast(pl.Datetime("ms")).dt.strftime(form)


class ByCount(_InOrder):
    """A new window every `lines` lines.

    Raises
    ------
    UsageError
        `lines` is less than 1.
    """

    unit = "window"

    def __init__(self, lines: int) -> None:
        if lines < 1:
            raise UsageError(f"window of {lines} lines; expected 1 or more")
        self.description = f"windows of {lines:,} lines"
        self.option: tuple[str, str | float] = ("window", lines)
        self._size = lines
        self._seen = 0

    def assign(self, batch: RecordBatch) -> Assignment:
        """Return which lines of `batch` belong to which windows."""
        at = np.arange(self._seen, self._seen + len(batch))
        self._seen += len(batch)
        return Assignment(None, (at // self._size).astype(np.int32))

    def assign_merged(self, time: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the windows of the lines of all files, in order of their times."""
        return (np.arange(len(time)) // self._size).astype(np.int32)

    def names(self) -> pl.Series:
        """Return the window ids by code."""
        return pl.Series([f"window {i + 1}" for i in range(-(-self._seen // self._size))])


class BySegment(_InOrder):
    """A new segment every `events` lines of a trace; a trace is a file, or the value of a field.

    Parameters
    ----------
    events : int
    traces : sequence of str
        Names of the files.
    field : str, optional
        Header field that names the trace of each line; by default its file is.

    Raises
    ------
    UsageError
        `events` is less than 1.
    """

    unit = "segment"

    def __init__(self, events: int, traces: Sequence[str], field: str | None = None) -> None:
        if events < 1:
            raise UsageError(f"segments of {events} events; expected 1 or more")
        self.size = events
        self.description = f"segments of {events:,} events"
        self.option: tuple[str, str | float] = ("segment", events)
        self._files = traces
        self._field = field
        self._keys = Interner()
        self._seen = np.zeros(0, dtype=np.int64)  # lines of each trace so far
        self._codes: dict[tuple[int, int], int] = {}

    def assign(self, batch: RecordBatch) -> Assignment:
        """Return which lines of `batch` belong to which segments."""
        rows, missing = None, 0
        if self._field is None:
            names = pl.Series([self._files[batch.source]]).new_from_index(0, len(batch))
            trace = self._keys.add(names)
        else:
            rows, trace, missing = _assign_values(batch.fields[self._field], self._keys)
        place = self._places(trace.astype(np.int64)) // self.size
        keys, first, inverse = np.unique(
            np.column_stack([trace, place]), axis=0, return_index=True, return_inverse=True
        )
        codes = np.empty(len(keys), dtype=np.int32)
        for i in np.argsort(first):
            codes[i] = self._codes.setdefault((int(keys[i, 0]), int(keys[i, 1])), len(self._codes))
        return Assignment(rows, codes[inverse.ravel()], missing)

    def _places(self, trace: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the place of each line in its trace, from 0."""
        n = int(trace.max(initial=-1)) + 1
        self._seen = np.pad(self._seen, (0, max(0, n - len(self._seen))))
        order = np.argsort(trace, kind="stable")
        counts = np.bincount(trace, minlength=len(self._seen))
        place = np.empty(len(trace), dtype=np.int64)
        place[order] = np.arange(len(trace)) - np.repeat(np.cumsum(counts) - counts, counts)
        place += self._seen[trace]
        self._seen += counts
        return place

    def names(self) -> pl.Series:
        """Return the segment ids by code: that of the trace, and a number from 1."""
        traces = self._keys.names().to_list()
        return pl.Series([f"{traces[t]}:{k + 1}" for t, k in self._codes], dtype=pl.String)

    def traces(self) -> pl.Series:
        """Return the trace of each segment, by code."""
        return self._keys.names().gather([trace for trace, _ in self._codes])


GROUPINGS: dict[str, Callable[[Any], Grouping]] = {
    "session_key": ByKey,
    "session_field": ByField,
    "gap": ByGap,
    "every": ByTime,
    "window": ByCount,
}
"""By the argument of `amiss.read_sessions`, as ``Grouping.option`` has it; lengths are in seconds.
Segments of traces are not among them: they need the names of the files."""

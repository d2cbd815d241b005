"""What was logged by time window and entity, counted before it is a matrix.

An entity is whatever a field names: a client address, a user, a component. Of each field, values
are counted as they are; which of them become columns is decided when a model is fitted
(`amiss.represent.entities`). Neither the order of lines nor where batches end matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from amiss.errors import InputError
from amiss.represent.frames import frame_with, millis_of
from amiss.represent.grouping import Interner
from amiss.represent.shapes import mask
from amiss.types import NO_TIME, LogInfo, RecordBatch, RowIndex, distinct_codes

TEMPLATE = "template"
"""The field that stands for messages: its values are shapes, and templates when a model is fitted.
"""
LONGEST_VALUE = 200
"""Characters of a value that are kept: an endless request is one value, not a megabyte of memory.
What is longer is told apart by its beginning."""
_LARGEST = 2.0**53
"""Beyond, whole numbers are not exact, and a few digits more would be infinite."""


@dataclass(frozen=True, slots=True)
class ValueCounts:
    """How often each row has each value of one field.

    Attributes
    ----------
    values : polars.Series of str, shape (n_values,)
    counts : scipy.sparse.csr_array of int64, shape (n_rows, n_values)
    longest : ndarray of int64, shape (n_rows,)
        Characters of the longest value.
    """

    values: pl.Series
    counts: Any
    longest: NDArray[np.int64]

    @property
    def lines(self) -> NDArray[np.int64]:
        """Lines that have the field, shape (n_rows,)."""
        return np.asarray(self.counts.sum(axis=1), dtype=np.int64)

    @property
    def distinct(self) -> NDArray[np.int64]:
        """Different values of each row, shape (n_rows,)."""
        differ: NDArray[np.int64] = np.diff(self.counts.indptr).astype(np.int64)
        return differ

    def take(self, rows: NDArray[np.int64]) -> ValueCounts:
        """Return the counts of some rows, in that order."""
        return ValueCounts(self.values, self.counts[rows], self.longest[rows])


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the numbers of one field add up to in each row.

    Attributes
    ----------
    total, largest : ndarray of float64, shape (n_rows,)
        0 where a row has no number.
    lines : ndarray of int64, shape (n_rows,)
        Lines that have one.
    """

    total: NDArray[np.float64]
    largest: NDArray[np.float64]
    lines: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> Numbers:
        """Return the numbers of some rows, in that order."""
        return Numbers(self.total[rows], self.largest[rows], self.lines[rows])


@dataclass(frozen=True, slots=True)
class Activity:
    """What each entity did in each window of time.

    Attributes
    ----------
    index : RowIndex
        The rows: window, entity and lines of each.
    every : int
        Length of the windows in milliseconds.
    counts : mapping of str to ValueCounts
        By field; also of numbers, whose values tell how many differ.
    numbers : mapping of str to Numbers
    log : LogInfo

    Examples
    --------
    >>> frame = pl.DataFrame(
    ...     {"time": [0, 2000, 61_000], "client": ["a", "a", "b"], "status": ["200", "404", "200"]}
    ... )
    >>> activity = Activity.from_frame(frame, by="client", every=60_000)
    >>> activity
    <Activity: 2 rows by client, 3 lines>
    >>> activity.index.start.tolist(), activity.index.entity.tolist()
    ([0, 60000], ['a', 'b'])
    >>> activity.counts["status"].counts.toarray().tolist()
    [[1, 1], [1, 0]]
    """

    index: RowIndex
    every: int
    counts: Mapping[str, ValueCounts]
    numbers: Mapping[str, Numbers] = field(default_factory=dict)
    log: LogInfo = field(default_factory=LogInfo)

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        lines = len(self.index.line)
        return f"<Activity: {len(self):,} rows by {self.index.by}, {lines:,} lines>"

    @property
    def by(self) -> str:
        """The field that names entities."""
        return self.index.by

    @property
    def fields(self) -> tuple[str, ...]:
        """What was counted."""
        return tuple(self.counts)

    @property
    def lines(self) -> NDArray[np.int64]:
        """Lines of each row, shape (n,)."""
        return np.diff(self.index.offsets)

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Activity:
        """Return the rows at `index` (positions or a mask), in that order."""
        rows: NDArray[np.int64] = np.arange(len(self))[index]
        return replace(
            self,
            index=self.index.take(rows),
            counts={name: counts.take(rows) for name, counts in self.counts.items()},
            numbers={name: numbers.take(rows) for name, numbers in self.numbers.items()},
        )

    @classmethod
    def concat(cls, parts: Sequence[Activity]) -> Activity:
        """Put rows of several activities below each other; none are merged.

        Raises
        ------
        InputError
            There are none, or they were not counted alike.
        """
        if not parts:
            raise InputError("no activities; expected at least one")
        for part in parts[1:]:
            check_alike(part, parts[0].by, parts[0].every, parts[0].fields)
        first = parts[0]
        return replace(
            first,
            index=_joined_index(parts),
            counts={
                name: _joined_counts([part.counts[name] for part in parts]) for name in first.counts
            },
            numbers={
                name: _joined_numbers([part.numbers[name] for part in parts])
                for name in first.numbers
            },
            log=reduce(_joined_log, (part.log for part in parts)),
        )

    @classmethod
    def from_frame(cls, frame: Any, *, by: str, every: int, time: str = "time") -> Activity:
        """Count a data frame of one row a line.

        Parameters
        ----------
        frame : polars.DataFrame, pandas.DataFrame, or anything polars reads
            Columns of numbers are added up, all others counted by value; what a column `template`
            holds are templates. Row numbers, from 1, stand for line numbers.
        by, time : str
            Column names. Times are dates and times, or integers that are milliseconds.
        every : int
            Length of a window in milliseconds.

        Raises
        ------
        InputError
            A column is missing, or no row has both.
        """
        rows = frame_with(frame, (by, time))
        others = [name for name in rows.columns if name not in (by, time)]
        numeric = [name for name in others if rows[name].dtype.is_numeric()]
        millis = millis_of(rows[time])
        blank = pl.Series([""]).new_from_index(0, len(rows))
        messages = rows[TEMPLATE].cast(pl.String).fill_null("") if TEMPLATE in others else blank
        kind, texts = distinct_codes(messages)
        batch = RecordBatch(
            source=0,
            line=np.arange(1, len(rows) + 1),
            raw=blank,
            kind=kind,
            kinds=pl.DataFrame({"level": [""] * len(texts), "message": texts}),
            time=millis,
            fields={name: rows[name].cast(pl.String) for name in (by, *others)},
        )
        found = count_records(
            [batch], by, every, fields=others, numeric=numeric, templates_given=True
        )
        log = replace(
            found.log, sources=("rows",), format="data frame", templates_given=TEMPLATE in others
        )
        return replace(found, log=log)


def check_alike(activity: Activity, by: str, every: int, fields: Iterable[str]) -> None:
    """Refuse what was not counted by the same entity and window, or has other fields.

    Raises
    ------
    InputError
        Says what differs.
    """
    if (activity.by, activity.every) != (by, every):
        raise InputError(
            f"counted by {activity.by} every {activity.every / 1000:g} s; expected by {by} every "
            f"{every / 1000:g} s: read it again with by={by!r}, every={every / 1000:g}"
        )
    missing = [name for name in fields if name not in activity.fields]
    extra = [name for name in activity.fields if name not in fields]
    if missing or extra:
        said = [f"lacks {', '.join(missing)}"] if missing else []
        said += [f"has {', '.join(extra)} besides"] if extra else []
        raise InputError(
            f"what was counted {' and '.join(said)}; expected the fields {', '.join(fields)}: "
            "read logs of the same format, with the same fields"
        )


def count_records(
    batches: Iterable[RecordBatch],
    by: str,
    every: int,
    *,
    fields: Sequence[str] = (),
    numeric: Sequence[str] = (),
    templates_given: bool = False,
) -> Activity:
    """Read all batches and return what they log by window and entity.

    Memory grows with the rows, the distinct values, and three numbers a line.

    Parameters
    ----------
    batches : iterable of RecordBatch
    by : str
        The field that names entities.
    every : int
        Length of a window in milliseconds; windows begin at whole multiples of it, in UTC.
    fields : sequence of str
        Fields to count, `TEMPLATE` among them for messages.
    numeric : sequence of str
        Those of `fields` that are numbers.
    templates_given : bool
        Messages are templates, not masked any further.

    Raises
    ------
    InputError
        No line has a time and an entity.
    """
    rows = _Rows(every)
    counted = {name: _Values() for name in fields}
    added = {name: _Sums() for name in numeric}
    lines = untimed = nameless = 0
    for batch in batches:
        entity = batch.fields[by].replace("", None)
        timed, named = batch.time != NO_TIME, entity.is_not_null().to_numpy()
        lines += len(batch)
        untimed += int((~timed).sum())
        nameless += int((timed & ~named).sum())
        keep = timed & named
        if not keep.any():
            continue
        mine, local = rows.add(batch, entity, keep)
        for name, values in counted.items():
            if name == TEMPLATE:
                values.add(*_messages(batch, templates_given), np.flatnonzero(keep), mine, local)
                continue
            cells = batch.fields[name]
            there = keep & cells.is_not_null().to_numpy()
            codes = np.full(len(batch), -1)
            codes[there], distinct = distinct_codes(cells.filter(pl.Series(there)))
            values.add(codes, distinct, np.flatnonzero(keep), mine, local)
            if name in added:
                added[name].add(distinct, codes[keep], mine, local)
    if not len(rows):
        raise _nothing_counted(by, lines, untimed)
    order, index = rows.sorted(by)
    return Activity(
        index=index,
        every=every,
        counts={name: values.sorted(order) for name, values in counted.items()},
        numbers={name: sums.sorted(order) for name, sums in added.items()},
        log=LogInfo(
            unit="entity",
            grouping=f"{by} every {every / 1000:g} s",
            lines=lines,
            ungrouped=untimed + nameless,
            start=rows.first,
            end=rows.last,
            notes=tuple(
                f"lines without {what} (not counted): {n:,}"
                for what, n in (("a time", untimed), (by, nameless))
                if n
            ),
            templates_given=templates_given,
        ),
    )


def _nothing_counted(by: str, lines: int, untimed: int) -> InputError:
    if untimed == lines:
        return InputError(
            f"none of {lines:,} lines carries a time that is understood, so there are no windows "
            "of time; say the format of the log, or group it otherwise: --session-key PATTERN, "
            "--session-field NAME or --window LINES"
        )
    return InputError(
        f"none of the {lines - untimed:,} lines with a time has {by}; name another field"
    )


def _messages(batch: RecordBatch, given: bool) -> tuple[NDArray[np.int64], pl.Series]:
    """Return the shape of each line as a code, and the shapes."""
    messages = batch.kinds["message"]
    codes, distinct = distinct_codes(messages if given else mask(messages))
    return codes[batch.kind], distinct


class _Rows:
    """Rows by number, in order of first appearance, and the lines of each."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._entities = Interner()
        self._rows: dict[tuple[int, int], int] = {}
        self._lines: list[tuple[NDArray[np.int32], NDArray[np.int64], int]] = []
        self.first = self.last = NO_TIME

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self, batch: RecordBatch, entity: pl.Series, keep: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows of a batch, and which of them each kept line belongs to."""
        time = batch.time[keep]
        self.first = int(time.min()) if self.first == NO_TIME else min(self.first, int(time.min()))
        self.last = max(self.last, int(time.max()))
        codes = self._entities.add(entity.filter(pl.Series(keep))).astype(np.int64)
        windows, window = np.unique(time // self._every, return_inverse=True)
        size = int(codes.max()) + 1
        pairs, local = np.unique(window * size + codes, return_inverse=True)
        keys = zip(windows[pairs // size].tolist(), (pairs % size).tolist(), strict=True)
        rows = self._rows
        mine = np.array([rows.setdefault(key, len(rows)) for key in keys], dtype=np.int64)
        self._lines.append((mine[local].astype(np.int32), batch.line[keep], batch.source))
        return mine, local

    def sorted(self, by: str) -> tuple[NDArray[np.int64], RowIndex]:
        """Return the rows in the order of their window and entity, and what they stand for."""
        keys = np.array(list(self._rows), dtype=np.int64)
        names = np.array(self._entities.names().to_list(), dtype=np.object_)
        rank = np.argsort(np.argsort(names))
        order = np.lexsort((rank[keys[:, 1]], keys[:, 0]))
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        row = place[np.concatenate([part[0] for part in self._lines])]
        line = np.concatenate([part[1] for part in self._lines])
        file = np.concatenate([np.full(len(part[0]), part[2]) for part in self._lines])
        lines = np.lexsort((line, file, row))
        start = keys[order, 0] * self._every
        return order, RowIndex(
            by=by,
            start=start,
            end=start + self._every,
            entity=names[keys[order, 1]],
            offsets=np.concatenate([[0], np.cumsum(np.bincount(row))]).astype(np.int64),
            line=line[lines],
            file=file[lines],
        )


class _Values:
    """How often each row has each value, added up over batches."""

    def __init__(self) -> None:
        self._names = Interner()
        self._keys = [np.zeros(0, dtype=np.int64)]
        self._counts = [np.zeros(0, dtype=np.int64)]
        self._pending = 0
        self._longest: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def add(
        self,
        codes: NDArray[np.int64],
        distinct: pl.Series,
        lines: NDArray[np.int64],
        rows: NDArray[np.int64],
        local: NDArray[np.int64],
    ) -> None:
        """Count a batch: a code for each line, −1 for none; `lines` of it belong to rows."""
        codes = codes[lines]
        self._longest = _grown(self._longest, int(rows.max()) + 1)
        there = codes >= 0
        if not there.any():
            return
        used, codes = np.unique(codes[there], return_inverse=True)
        distinct = distinct.gather(used)
        lengths = distinct.str.len_chars().cast(pl.Int64).to_numpy()
        longest = self._longest[rows]
        np.maximum.at(longest, local[there], lengths[codes])
        self._longest[rows] = longest
        names = self._names.add(distinct.str.slice(0, LONGEST_VALUE)).astype(np.int64)
        keys, counts = np.unique((rows[local[there]] << 32) | names[codes], return_counts=True)
        self._keys.append(keys)
        self._counts.append(counts)
        self._pending += len(keys)
        # So that memory goes by what is distinct, at the price of a sort each time it doubles.
        if self._pending > max(len(self._keys[0]), 1 << 20):
            self._compact()

    def _compact(self) -> None:
        keys, at = np.unique(np.concatenate(self._keys), return_inverse=True)
        counts = np.bincount(at, np.concatenate(self._counts), minlength=len(keys))
        self._keys, self._counts, self._pending = [keys], [counts.astype(np.int64)], 0

    def sorted(self, order: NDArray[np.int64]) -> ValueCounts:
        """Return the counts with rows in that order, and values in theirs."""
        self._compact()
        names = self._names.names()
        by_name = names.arg_sort().to_numpy()
        place = np.empty(len(names), dtype=np.int64)
        place[by_name] = np.arange(len(names))
        shape = len(order), len(names)
        entries = self._counts[0], (self._keys[0] >> 32, place[self._keys[0] & 0xFFFFFFFF])
        counts = sparse.csr_array(sparse.coo_array(entries, shape=shape))[order]
        counts.sort_indices()
        return ValueCounts(names.gather(by_name), counts, self._longest[order])


class _Sums:
    """What the numbers of each row add up to, over batches."""

    def __init__(self) -> None:
        self._total: NDArray[np.float64] = np.zeros(0)
        self._largest: NDArray[np.float64] = np.zeros(0)
        self._lines: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def add(
        self,
        distinct: pl.Series,
        codes: NDArray[np.int64],
        rows: NDArray[np.int64],
        local: NDArray[np.int64],
    ) -> None:
        """Add a batch: the code of each of its lines that belong to rows, −1 for none."""
        size = int(rows.max()) + 1
        self._total, self._lines = _grown(self._total, size), _grown(self._lines, size)
        self._largest = _grown(self._largest, size, -np.inf)
        parsed = distinct.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
        number = np.append(np.where(np.abs(parsed) <= _LARGEST, parsed, np.nan), np.nan)[codes]
        there = ~np.isnan(number)
        number, local = number[there], local[there]
        self._total[rows] += np.bincount(local, number, minlength=len(rows))
        self._lines[rows] += np.bincount(local, minlength=len(rows))
        largest = self._largest[rows]
        np.maximum.at(largest, local, number)
        self._largest[rows] = largest

    def sorted(self, order: NDArray[np.int64]) -> Numbers:
        """Return the sums with rows in that order."""
        largest = np.where(self._lines > 0, self._largest, 0.0)
        return Numbers(self._total[order], largest[order], self._lines[order])


def _grown(array: NDArray[Any], size: int, fill: float = 0) -> NDArray[Any]:
    """Return the array with at least `size` rows; room is doubled, so that growing is cheap."""
    if size <= len(array):
        return array
    more = np.full(max(size, 2 * len(array)) - len(array), fill, dtype=array.dtype)
    return np.concatenate([array, more])


def _joined_index(parts: Sequence[Activity]) -> RowIndex:
    files = np.cumsum([0, *(len(part.log.sources) for part in parts)])
    lines = np.cumsum([0, *(len(part.index.line) for part in parts)])
    indices = [part.index for part in parts]
    return RowIndex(
        by=indices[0].by,
        start=np.concatenate([index.start for index in indices]),
        end=np.concatenate([index.end for index in indices]),
        entity=np.concatenate([index.entity for index in indices]),
        offsets=np.concatenate(
            [[0], *(i.offsets[1:] + at for i, at in zip(indices, lines, strict=False))]
        ),
        line=np.concatenate([index.line for index in indices]),
        file=np.concatenate([i.file + at for i, at in zip(indices, files, strict=False)]),
    )


def _joined_counts(parts: Sequence[ValueCounts]) -> ValueCounts:
    names = Interner()
    places = [names.add(part.values) for part in parts]
    values = names.names()
    order = values.arg_sort().to_numpy()
    rank = np.empty(len(values), dtype=np.int64)
    rank[order] = np.arange(len(values))
    wide = [
        sparse.csr_array(
            (part.counts.data, rank[place][part.counts.indices], part.counts.indptr),
            shape=(part.counts.shape[0], len(values)),
        )
        for part, place in zip(parts, places, strict=True)
    ]
    joined = sparse.csr_array(sparse.vstack(wide, format="csr"))
    joined.sort_indices()
    return ValueCounts(values.gather(order), joined, np.concatenate([p.longest for p in parts]))


def _joined_numbers(parts: Sequence[Numbers]) -> Numbers:
    return Numbers(
        np.concatenate([part.total for part in parts]),
        np.concatenate([part.largest for part in parts]),
        np.concatenate([part.lines for part in parts]),
    )


def _joined_log(a: LogInfo, b: LogInfo) -> LogInfo:
    return replace(
        a,
        sources=a.sources + b.sources,
        paths=a.paths + b.paths,
        lines=a.lines + b.lines,
        ungrouped=a.ungrouped + b.ungrouped,
        start=min(a.start, b.start),
        end=max(a.end, b.end),
        notes=a.notes + b.notes,
    )

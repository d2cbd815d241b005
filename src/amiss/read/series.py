"""Sensor series: tables whose rows have a time, and which of them follow each other without a gap.

What is read, and how, is as with any table; a column of times and columns of labels are found, and
never become measurements.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import InputError, UsageError
from amiss.read.cells import as_labels
from amiss.read.delimited import FramePart
from amiss.read.frames import find_column
from amiss.read.rows import (
    LABEL_COLUMNS,
    check_request,
    read_parts,
    recognised_label,
    table_of,
    warn_of,
)
from amiss.read.sources import PathLike, ReadReport
from amiss.types import NO_TIME, Table, Timeline

TIME_COLUMNS = ("datetime", "timestamp", "time", "date_time", "date", "ts")
"""Names, in any case, of a column that is taken for the time if its cells are times."""
GAP_STEPS = 10.0
"""A step longer than so many usual ones of its file is a gap."""
_OTHER_LABELS = (*LABEL_COLUMNS, "changepoint", "change_point", "is_changepoint")
"""Names of columns that say something of the labels, and measure nothing."""
_LARGEST = ((1e17, 1e6), (1e14, 1e3), (1e11, 1.0), (0.0, 1e-3))
"""Epochs of at least so much are nano-, micro-, milliseconds and seconds; divided by the second."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = re.compile(r"\s*\d{4}[-/]\d\d[-/]\d\d([T ]|\s*$)")


def read_series(
    source: PathLike | Sequence[PathLike] | Any,
    *,
    time: str | None = None,
    label: str | None = None,
    columns: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    separator: str | None = None,
    max_gap: float | None = None,
    head: int | None = None,
    skip: int = 0,
    report: ReadReport | None = None,
) -> Table:
    r"""Read series of measurements, with their times and labels where there are any.

    Rows are put in the order of their times, file by file. A step longer than `max_gap` is a gap:
    no window of a detector goes across it, nor from one file to the next.

    Parameters
    ----------
    source : path-like, sequence of path-like, or data frame
        As `read_table` takes them; each file is a series of its own.
    time : str, optional
        Column of times: ISO 8601, in UTC where no zone is said, or seconds, milli-, micro- or
        nanoseconds since 1970. By default the first column called datetime, timestamp, time,
        date_time, date or ts, in any case, whose cells are times, or else the first of dates in
        ISO 8601. Without one, each file is a series without gaps.
    label : str, optional
        As `read_table`.
    columns : sequence of str, optional
        Columns to keep, in that order; by default all but times and labels.
    ignore : sequence of str
        Columns to leave out.
    separator : str, optional
        What stands between the cells of a CSV; recognised by default.
    max_gap : float, optional
        Seconds; by default ten times the median step of the file.
    head : int, optional
        Keep so many rows of each file, the first in time.
    skip : int
        Leave out so many rows at the start of each file, before `head` counts.
    report : ReadReport, optional
        Filled with what was mended or left out; without one, that is a warning.

    Returns
    -------
    Table
        With a ``timeline``; an empty cell is NaN.

    Warns
    -----
    UserWarning
        Rows were left out or put in order, or a file is damaged, and no `report` was given.

    Raises
    ------
    InputError
        As `read_table`; or a cell of the column of times is no time.
    LabelError
        The column `label` has a cell that is no label.
    UsageError
        As `read_table`; or `max_gap`, `head` or `skip` makes no sense.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "pump.csv")
    >>> _ = path.write_text(
    ...     "time;flow;anomaly\n2020-02-08 13:30:47;1.5;0\n2020-02-08 13:30:48;9.5;1\n"
    ... )
    >>> series = read_series(path)
    >>> series.columns, series.label.tolist(), np.diff(series.timeline.time).tolist()
    (('flow',), [0, 1], [1000])
    """
    check_request(columns, label, None, separator)
    _check_cut(max_gap, head, skip, ignore)
    told = ReadReport() if report is None else report
    parts, sources = read_parts(source, told, None, separator)
    parts = _without(parts, ignore)
    kept = [*(columns or ()), *([label] if label else [])]
    column = time or _recognised_time(parts, kept)
    timed = [_in_order(part, column, told) for part in parts]
    timed = _cut(timed, skip, head, told)
    if column is None:
        told.notes.append("no column of times: rows are taken as they come, each file without gaps")
    left = _without_labels([part for part, _ in timed], kept, label, told)
    table = table_of(left, sources, columns, label, None)
    if report is None:
        warn_of(told)
    times = np.concatenate([times for _, times in timed])
    return replace(table, timeline=Timeline(times, _runs([t for _, t in timed], max_gap)))


def as_times(cells: pl.Series) -> tuple[NDArray[np.int64], int]:
    """Return a column as milliseconds since 1970, UTC, and where the first cell is no time, or −1.

    What is empty is ``NO_TIME``.

    Examples
    --------
    >>> as_times(pl.Series(["1970-01-01 00:00:01.5", "1970-01-01T01:00:00+01:00"]))
    (array([1500,    0]), -1)
    >>> as_times(pl.Series([1581168647.0, 1581168648.25]))
    (array([1581168647000, 1581168648250]), -1)
    >>> as_times(pl.Series(["yesterday"]))[1]
    0
    """
    if cells.dtype in (pl.Datetime, pl.Date):
        found = cells.cast(pl.Datetime("ms")).to_physical()
        return found.fill_null(NO_TIME).to_numpy(), -1
    if cells.dtype.is_numeric():
        return _since_epoch(cells.cast(pl.Float64).to_numpy()), -1
    texts = cells.cast(pl.String, strict=False).str.strip_chars().replace("", None)
    numbers = texts.cast(pl.Float64, strict=False)
    if texts.null_count() < len(texts) and numbers.null_count() == texts.null_count():
        return _since_epoch(numbers.to_numpy()), -1
    usual = texts.str.replace_all("/", "-").str.replace("T", " ", literal=True)
    parsed = usual.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="ms", strict=False)
    times = parsed.to_physical().fill_null(NO_TIME).to_numpy().copy()
    for at in np.flatnonzero((parsed.is_null() & texts.is_not_null()).to_numpy()):
        moment = _moment(texts[int(at)])
        if moment is None:
            return times, int(at)
        times[at] = moment
    return times, -1


def _moment(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.replace("/", "-"))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None


def _since_epoch(numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    times = np.full(len(numbers), NO_TIME)
    there = np.isfinite(numbers)
    largest = np.abs(numbers[there]).max(initial=0.0)
    per_milli = next(divisor for bound, divisor in _LARGEST if largest >= bound)
    times[there] = np.round(numbers[there] / per_milli).astype(np.int64)
    return times


def _check_cut(max_gap: float | None, head: int | None, skip: int, ignore: Sequence[str]) -> None:
    if max_gap is not None and not max_gap > 0:
        raise UsageError(f"max_gap={max_gap}; expected seconds, more than 0")
    if head is not None and head < 1:
        raise UsageError(f"head={head}; expected 1 or more rows")
    if skip < 0:
        raise UsageError(f"skip={skip}; expected 0 or more rows")
    if isinstance(ignore, str):
        raise UsageError(f"ignore={ignore!r}: expected a list of names, such as [{ignore!r}]")


def _without(parts: list[FramePart], ignore: Sequence[str]) -> list[FramePart]:
    for name in ignore:
        if not any(name in part.frame.columns for part in parts):
            there = ", ".join(parts[0].frame.columns)[:300]
            raise InputError(f"{parts[0].name}: no column {name} to ignore; its columns: {there}")
    return [replace(part, frame=part.frame.drop(ignore, strict=False)) for part in parts]


def _recognised_time(parts: list[FramePart], kept: Sequence[str]) -> str | None:
    """Return the column of times of the first file, by its name or else by its cells."""
    frame = parts[0].frame
    free = [name for name in frame.columns if name not in kept]
    for wanted in TIME_COLUMNS:
        name = find_column(free, [wanted])
        if name is not None and as_times(frame[name].drop_nulls().head(1))[1] < 0:
            return name
    return next((name for name in free if _holds_dates(frame[name])), None)


def _holds_dates(cells: pl.Series) -> bool:
    if cells.dtype in (pl.Datetime, pl.Date):
        return True
    first = cells.drop_nulls().head(1)
    if first.dtype != pl.String or not len(first) or not _ISO.match(first[0]):
        return False
    return as_times(cells)[1] < 0


def _in_order(
    part: FramePart, column: str | None, report: ReadReport
) -> tuple[FramePart, NDArray[np.int64]]:
    """Return the rows of a file in the order of their times, without the column of these."""
    if column is None:
        return part, np.full(len(part), NO_TIME)
    if column not in part.frame.columns:
        there = ", ".join(part.frame.columns)[:300]
        raise InputError(f"{part.name}: no column {column} of times; its columns: {there}")
    times, bad = as_times(part.frame[column])
    if bad >= 0:
        raise InputError(
            f"{part.name}: {column}, row {part.row[bad]}: {str(part.frame[column][bad])[:40]!r}; "
            "expected a time such as 2020-02-08 13:30:47, or seconds since 1970"
        )
    timed = np.flatnonzero(times != NO_TIME)
    if len(timed) < len(part):
        report.counts["rows without a time (skipped)"] += len(part) - len(timed)
        if not len(timed):
            raise InputError(f"{part.name}: no row has a time in column {column}; expected some")
    order = timed[np.argsort(times[timed], kind="stable")]
    late = int((np.diff(times[timed]) < 0).sum())
    if late:
        report.counts["rows earlier than the row before them (put in order)"] += late
    times = times[order]
    if same := int((np.diff(times) == 0).sum()):
        report.counts["rows with the time of the row before them (kept)"] += same
    frame = part.frame[order].drop(column)
    return replace(part, frame=frame, row=part.row[order]), times


def _cut(
    timed: list[tuple[FramePart, NDArray[np.int64]]],
    skip: int,
    head: int | None,
    report: ReadReport,
) -> list[tuple[FramePart, NDArray[np.int64]]]:
    """Return the rows of each file without those skipped, and no more than asked for."""
    end = None if head is None else skip + head
    kept = [
        (replace(part, frame=part.frame[skip:end], row=part.row[skip:end]), times[skip:end])
        for part, times in timed
        if len(part) > skip
    ]
    if not kept:
        longest = max(len(part) for part, _ in timed)
        raise InputError(f"skip={skip:,}: no file has more rows than {longest:,}; skip fewer")
    if len(kept) < len(timed):
        report.counts[f"files of no more than {skip:,} rows (skipped)"] += len(timed) - len(kept)
    return kept


def _without_labels(
    parts: list[FramePart], kept: Sequence[str], label: str | None, report: ReadReport
) -> list[FramePart]:
    """Return the parts without other columns that hold labels, such as of change points."""
    shared = [n for n in parts[0].frame.columns if all(n in part.frame.columns for part in parts)]
    taken = label or recognised_label(
        [replace(part, frame=part.frame.select(shared)) for part in parts], kept
    )
    dropped: set[str] = set()
    for part in parts:
        for name in part.frame.columns:
            beside = name not in (*kept, taken) and name.strip().lower() in _OTHER_LABELS
            if beside and as_labels(part.frame[name])[1] < 0:
                dropped.add(name)
    if dropped:
        told = f"{', '.join(sorted(dropped))}: labels, so no measurement"
        report.notes.append(told + (f"; {taken} is taken" if taken else ""))
    return [replace(part, frame=part.frame.drop(dropped, strict=False)) for part in parts]


def _runs(times: list[NDArray[np.int64]], max_gap: float | None) -> NDArray[np.int64]:
    """Return the number of each row's run, which ends with its file or at a gap."""
    runs, first = [], 0
    for of_file in times:
        step = np.diff(of_file)
        if max_gap is not None:
            longest = 1000 * max_gap
        else:
            longest = GAP_STEPS * float(np.median(step[step > 0])) if (step > 0).any() else np.inf
        run = first + np.concatenate([[0], np.cumsum(step > longest)]).astype(np.int64)
        runs.append(run)
        first = int(run[-1]) + 1
    return np.concatenate(runs)

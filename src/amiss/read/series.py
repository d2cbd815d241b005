"""Sensor series: tables whose rows have a time, and which of them follow each other without a gap.

What is read, and how, is as with any table; a column of times and columns of labels are found, and
never become measurements.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
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
from amiss.read.times import as_epochs, as_times, since_epoch, texts_of
from amiss.types import NO_TIME, Table, Timeline

TIME_COLUMNS = ("datetime", "timestamp", "time", "date_time", "date", "ts")
"""Names, in any case, of a column that is taken for the time if its cells are times."""
GAP_STEPS = 10.0
"""A step longer than so many usual ones of its file is a gap."""
_OTHER_LABELS = (*LABEL_COLUMNS, "changepoint", "change_point", "is_changepoint")
"""Names of columns that say something of the labels, and measure nothing."""
_PLAUSIBLE = (315_532_800_000, 4_102_444_800_000)
"""1980 and 2100 in milliseconds: numbers between them are epochs, whatever their order."""
_DAY = r"\s*(\d{4}[-/]\d\d[-/]\d\d|\d{1,2}\.\d{1,2}\.\d{4})"
_DATE = re.compile(rf"{_DAY}([T ]|\s*$)")
_DATE_ALONE = re.compile(rf"{_DAY}\s*$")
_CLOCK = re.compile(r"\s*\d{1,2}:\d\d(:\d\d(\.\d+)?)?\s*$")
_TIMES = "a time such as 2020-02-08 13:30:47, or seconds since 1970"


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
        Column of times: ISO 8601 or day.month.year, in UTC where no zone is said, or seconds,
        milli-, micro- or nanoseconds since 1970. By default the first column called datetime,
        timestamp, time, date_time, date or ts, in any case, whose cells are times, date and time of
        day in two columns called so, or else the first column of dates. Numbers are times by the
        name of their column if they never fall, or are of 1980 to 2100. Without times, each file is
        a series without gaps. Times are kept to the millisecond.
    label : str, optional
        As `read_table`.
    columns : sequence of str, optional
        Columns to keep, in that order; by default all but times and labels.
    ignore : sequence of str
        Columns to leave out.
    separator : str, optional
        What stands between the cells of a CSV, ``tab`` for a tab; recognised by default.
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
        As `read_table`; or a cell of the column of times is no time, or a column is called as one
        is and holds none.
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
    if time is None:
        parts = _joined_times(parts, kept, told)
    column = time or _recognised_time(parts, kept)
    if column is None:
        _check_unrecognised(parts, columns, kept, told)
    timed = [_in_order(part, column, told) for part in parts]
    timed = _cut(timed, skip, head, told)
    if column is None:
        told.notes.append("no column of times: rows are taken as they come, each file without gaps")
    left = _without_labels([part for part, _ in timed], kept, label, told)
    table = table_of(left, sources, columns, label, None, of_series=True)
    if report is None:
        warn_of(told)
    times = np.concatenate([times for _, times in timed])
    return replace(table, timeline=Timeline(times, _runs([t for _, t in timed], max_gap)))


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


def _joined_times(
    parts: list[FramePart], kept: Sequence[str], report: ReadReport
) -> list[FramePart]:
    """Return the parts with the time of day, if it is in a column of its own, put to the date."""
    free = [name for name in parts[0].frame.columns if name not in kept]
    date, time = find_column(free, ["date"]), find_column(free, ["time"])
    if date is None or time is None:
        return parts
    joined = []
    for part in parts:
        if not {date, time} <= set(part.frame.columns):
            return parts
        days, clocks = texts_of(part.frame[date]), texts_of(part.frame[time])
        first = [cells.drop_nulls().head(1).to_list() for cells in (days, clocks)]
        if not (first[0] and _DATE_ALONE.match(first[0][0])):
            return parts
        if not (first[1] and _CLOCK.match(first[1][0])):
            return parts
        both = (days + " " + clocks).alias(date)
        joined.append(replace(part, frame=part.frame.drop(time).with_columns(both)))
    report.notes.append(f"{date} and {time}: together the time")
    return joined


def _recognised_time(parts: list[FramePart], kept: Sequence[str]) -> str | None:
    """Return the column of times of the first file, by its name or else by its cells."""
    frame = parts[0].frame
    free = [name for name in frame.columns if name not in kept]
    for wanted in TIME_COLUMNS:
        name = find_column(free, [wanted])
        if name is not None and _are_times(parts, name):
            return name
    return next((name for name in free if _holds_dates(frame[name])), None)


def _are_times(parts: list[FramePart], name: str) -> bool:
    """Return whether a column that is called as one of times holds such, by its first cell.

    Numbers may be of anything: those are times that never fall, or are of our age.
    """
    comma = parts[0].decimal_comma
    if as_times(parts[0].frame[name].drop_nulls().head(1), comma)[1] >= 0:
        return False
    for part in parts:
        if name not in part.frame.columns:
            continue
        numbers = as_epochs(part.frame[name], part.decimal_comma)
        if numbers is None:
            continue
        numbers = numbers[np.isfinite(numbers)]
        if not len(numbers):
            continue
        usual = since_epoch(np.array([np.median(numbers)]))[0][0]
        rises = (np.diff(numbers) >= 0).all() and (len(numbers) < 2 or numbers[-1] > numbers[0])
        if not (rises or _PLAUSIBLE[0] <= usual <= _PLAUSIBLE[1]):
            return False
    return True


def _check_unrecognised(
    parts: list[FramePart], columns: Sequence[str] | None, kept: Sequence[str], report: ReadReport
) -> None:
    """Refuse a column that is called as one of times and is text; say so of one of numbers."""
    part = parts[0]
    free = [name for name in part.frame.columns if name not in kept]
    for name in (n for n in free if n.strip().lower() in TIME_COLUMNS):
        cells = part.frame[name].drop_nulls()
        if not len(cells):
            continue
        if as_epochs(cells, part.decimal_comma) is not None:
            if columns is None:
                report.notes.append(
                    f"{name}: numbers that do not rise, taken for a measurement; time={name!r} "
                    f"(--time-column {name}) takes them for times"
                )
        elif columns is None:
            raise InputError(
                f"{part.name}: {name}: {str(cells[0])[:40]!r} is no time that is read; expected "
                f"{_TIMES}: write it so, or leave the column out with ignore= (--ignore {name})"
            )
        else:
            report.notes.append(f"{name}: {str(cells[0])[:40]!r} is no time that is read")


def _holds_dates(cells: pl.Series) -> bool:
    if cells.dtype in (pl.Datetime, pl.Date):
        return True
    first = cells.drop_nulls().head(1)
    if first.dtype != pl.String or not len(first) or not _DATE.match(first[0]):
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
        raise InputError(
            f"{part.name}: no column {column} of times; its columns: {there}; "
            "name another in time= (--time-column)"
        )
    times, bad = as_times(part.frame[column], part.decimal_comma)
    if bad >= 0:
        raise InputError(
            f"{part.name}: {column}, row {part.row[bad]}: {str(part.frame[column][bad])[:40]!r}; "
            f"expected {_TIMES}"
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

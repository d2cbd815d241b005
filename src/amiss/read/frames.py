"""Tables to data frames, whatever they are stored as: CSV in blocks, the others whole.

A row of a CSV is one line. Rows that do not fit are counted in the report and left out; the
others are kept.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import InputError
from amiss.read.lines import decode_lines
from amiss.read.sources import ReadReport, Source, read_blocks
from amiss.types import distinct_codes

SLICE = 1 << 16
"""Rows of a data frame that are handed on at once."""
_BAD_ROWS = "rows that do not fit the header (skipped)"
_HEAD = 1 << 16  # bytes of a first line that are looked at
_BINARY = {b"PAR1": "Parquet", b"ARRO": "Arrow", b"\xff\xff\xff\xff": "Arrow stream"}
_READERS: dict[str, Callable[..., pl.DataFrame]] = {
    "Parquet": pl.read_parquet,
    "Arrow": pl.read_ipc,
    "Arrow stream": pl.read_ipc_stream,
}


def storage_of(source: Source) -> str:
    """Return what a file is stored as, by its first bytes: binary, JSON lines, or CSV.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    try:
        with source.path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise InputError(f"{source.name}: cannot be read ({error.strerror})") from None
    if magic in _BINARY:
        return _BINARY[magic]
    return "JSON lines" if _first_line(source).startswith("{") else "CSV"


def column_names(source: Source) -> list[str]:
    """Return the names of a table's columns; none where a first line is no header.

    Raises
    ------
    InputError
        The file cannot be read, or is damaged.
    """
    storage = storage_of(source)
    if storage in _READERS:
        return _read_binary(source, storage, n_rows=0).columns
    first = _first_line(source)
    if storage == "CSV":
        return list(_split_header(first)[0])
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return []
    return list(value) if isinstance(value, dict) else []


def find_column(columns: Iterable[str], names: Iterable[str]) -> str | None:
    """Return the first column that has one of `names`, in the order of these, in any case.

    Examples
    --------
    >>> find_column(["LineId", "content"], ["Message", "Content"])
    'content'
    """
    known = {column.strip().lower(): column for column in reversed(list(columns))}
    return next((known[name.lower()] for name in names if name.lower() in known), None)


def read_frames(
    source: Source, report: ReadReport, progress: Callable[[int], None] | None = None
) -> Iterator[tuple[NDArray[np.int64], pl.DataFrame]]:
    """Yield a table in parts: 1-based row numbers, the header not counted, and the rows.

    Columns of a CSV are strings, without a value where a cell is empty and not quoted.

    Raises
    ------
    InputError
        The file cannot be read, or is damaged so that nothing of it can.
    """
    storage = storage_of(source)
    if storage == "CSV":
        yield from _read_csv(source, report, progress)
        return
    if storage == "JSON lines":
        rows, frame = _read_json(source, report, progress)
    else:
        frame = _read_binary(source, storage)
        rows = np.arange(1, len(frame) + 1)
        report.lines += len(frame)
        report.bytes += source.path.stat().st_size
        if progress:
            progress(report.bytes)
    for at in range(0, len(frame), SLICE):
        yield rows[at : at + SLICE], frame.slice(at, SLICE)


def _read_binary(source: Source, storage: str, n_rows: int | None = None) -> pl.DataFrame:
    try:
        return _READERS[storage](source.path, n_rows=n_rows)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{source.name}: not a whole {storage} file ({reason}); copy or write it again"
        ) from None


def _read_json(
    source: Source, report: ReadReport, progress: Callable[[int], None] | None
) -> tuple[NDArray[np.int64], pl.DataFrame]:
    blocks = list(read_blocks(source, report, progress))
    lines = pl.concat([decode_lines(block, report) for block in blocks])
    report.lines += len(lines)
    filled = (lines.str.strip_chars() != "").to_numpy()
    rows = np.flatnonzero(filled) + 1
    lines = lines.filter(pl.Series(filled))
    try:
        frame = _parse_json(lines)
    except pl.exceptions.PolarsError:  # one line does not fit: which one, only a parser tells
        good = np.array([_is_object(line) for line in lines.to_list()], dtype=np.bool_)
        report.counts["rows that are not JSON objects (skipped)"] += int((~good).sum())
        try:
            frame, rows = _parse_json(lines.filter(pl.Series(good))), rows[good]
        except pl.exceptions.PolarsError as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"{source.name}: its JSON lines are no table ({reason}); expected the same "
                "columns, of the same kind, in each"
            ) from None
    return rows, frame


def _parse_json(lines: pl.Series) -> pl.DataFrame:
    data = "\n".join(lines.to_list()).encode()
    return pl.read_ndjson(BytesIO(data), infer_schema_length=None)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _read_csv(
    source: Source, report: ReadReport, progress: Callable[[int], None] | None
) -> Iterator[tuple[NDArray[np.int64], pl.DataFrame]]:
    names: Sequence[str] = ()
    separator, fits = ",", ""
    first = 0  # the row of the first line of a block; the header is row 0
    for block in read_blocks(source, report, progress):
        lines = decode_lines(block, report)
        rows = np.arange(first, first + len(lines), dtype=np.int64)
        first += len(lines)
        if not names:
            names, separator = _split_header(lines[0])
            if not names:
                return
            fits = _row_pattern(separator)
            lines, rows = lines.slice(1), rows[1:]
        report.lines += len(lines)
        blank = lines.str.strip_chars() == ""
        if blank.any():
            report.counts["blank lines (skipped)"] += int(blank.sum())
        # A quote that is not closed would swallow the rows after it: such a row is left out.
        good = ~blank & (~lines.str.contains('"', literal=True) | lines.str.contains(fits))
        # A quote inside a cell that begins with none is a character like others.
        stray = good & lines.str.contains('"', literal=True)
        stray &= ~lines.str.contains(_row_pattern(separator, strict=True))
        frame = _parse_csv(lines.filter(good & ~stray), len(names), separator)
        if stray.any():
            loose = _parse_csv(lines.filter(stray), len(names), separator, quoted=False)
            order = np.argsort(np.append(np.flatnonzero(good & ~stray), np.flatnonzero(stray)))
            frame = pl.concat([frame, loose])[order]
        rows = rows[good.to_numpy()]
        long = frame[:, -1].is_not_null()
        bad = int((~blank & ~good).sum()) + int(long.sum())
        if bad:
            report.counts[_BAD_ROWS] += bad
        if len(frame):
            frame = frame[:, :-1].filter(~long)
            frame.columns = distinct_names(names)
            yield rows[(~long).to_numpy()], frame


def _parse_csv(
    lines: pl.Series, columns: int, separator: str, *, quoted: bool = True
) -> pl.DataFrame:
    """Return rows as strings, with one column more, for what is beyond the last."""
    names = [f"column {i}" for i in range(columns + 1)]
    if not len(lines):
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    data = "\n".join([separator.join(names), *lines.to_list()]).encode()
    return pl.read_csv(
        BytesIO(data),
        separator=separator,
        quote_char='"' if quoted else None,
        infer_schema=False,
        truncate_ragged_lines=True,
    )


def _row_pattern(separator: str, *, strict: bool = False) -> str:
    r"""Return the pattern of a line whose quotes are closed; if strict, and are around cells only.

    Examples
    --------
    >>> bool(re.search(_row_pattern(","), '1,"say ""yes"", or no"')), bool(
    ...     re.search(_row_pattern(","), '1,"say'))
    (True, False)
    """
    cut = "\\t" if separator == "\t" else separator
    inner = f'[^"{cut}]' if strict else f"[^{cut}]"
    cell = f'(?:"(?:[^"]|"")*"|(?:[^"{cut}]{inner}*)?)'
    return f"^{cell}(?:{cut}{cell})*$"


def _split_header(line: str) -> tuple[list[str], str]:
    separator = max(",;\t", key=line.count)
    if separator not in line:
        return [], separator
    try:
        cells = next(csv.reader([line], delimiter=separator))
    except csv.Error:  # a log line that a CSV could not have
        return [], separator
    return [cell.strip() for cell in cells], separator


def distinct_names(names: Sequence[str]) -> list[str]:
    """Return the names, each marked further that came before."""
    distinct: list[str] = []
    for name in names:
        while name in distinct:
            name += "'"
        distinct.append(name)
    return distinct


def _first_line(source: Source) -> str:
    block = next(read_blocks(source, ReadReport()), b"")
    return re.split(r"\r?\n", block[:_HEAD].decode(errors="replace"), maxsplit=1)[0]


def event_kinds(events: pl.Series, levels: pl.Series) -> tuple[NDArray[np.int64], pl.DataFrame]:
    """Return for each event its kind, and level and message of each kind."""
    kind, distinct = distinct_codes(levels + "\0" + events)  # no cell holds a NUL: readers drop it
    parts = distinct.str.splitn("\0", 2).struct.unnest()
    parts.columns = ["level", "message"]
    return kind, parts


def no_column(source: Source, columns: Sequence[str], wanted: str) -> InputError:
    """Return the error for a table that lacks a column."""
    there = ", ".join(columns) or "no header"
    return InputError(
        f"{source.name}: no column of {wanted}; its columns: {there[:300]}; rename one"
    )


def no_rows(sources: Sequence[Source], report: ReadReport, wanted: str) -> InputError:
    """Return the error for a table of which nothing is left."""
    names = ", ".join(source.name for source in sources[:3])
    found = [f"{what}: {count:,}" for what, count in report.counts.items()]
    what = "; ".join([*report.damage[:3], *found]) or "empty"
    return InputError(f"{names}: {what}; expected {wanted}")

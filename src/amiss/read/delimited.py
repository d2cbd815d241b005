"""CSV to a data frame of text: one line is one row, and a torn one costs itself only."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import InputError
from amiss.read.lines import decode_lines
from amiss.read.sources import ReadReport, Source, read_blocks

TORN = "rows with too few or too many cells, or an open quote (skipped)"
_QUOTED = '"(?:[^"]|"")*"'
_SAMPLE = 20  # lines that tell the separator
_NUMBER = re.compile(r"\s*[-+]?(\d[\d.,]*|\.\d+)([eE][-+]?\d+)?\s*")


@dataclass(frozen=True, slots=True)
class FramePart:
    """The rows of one file: `name` is what the user sees, `row` their 1-based numbers there."""

    name: str
    frame: pl.DataFrame
    row: NDArray[np.int64]
    file: int = 0
    decimal_comma: bool = False

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True)
class _Layout:
    names: tuple[str, ...]
    separator: str
    has_header: bool


def read_delimited(
    source: Source, report: ReadReport, has_header: bool | None, separator: str | None = None
) -> FramePart:
    """Return the rows of a CSV as text, without those that do not fit.

    Parameters
    ----------
    source : Source
    report : ReadReport
        Filled in place.
    has_header : bool or None
        None: told by the first line, which is a header if none of its cells is a number, or if
        they are 0, 1, 2, …, as data frames without names are written.
    separator : str, optional
        What stands between cells; None: told by the first lines.

    Raises
    ------
    InputError
        The file is empty or cannot be read, no row fits, or columns are of one name or of none.
    """
    layout: _Layout | None = None
    frames: list[pl.DataFrame] = []
    rows: list[NDArray[np.int64]] = []
    line = torn = 0  # lines read before the block; rows that do not fit
    below = 0  # lines up to the header, which rows are counted from
    for block in read_blocks(source, report):
        lines = decode_lines(block, report)
        numbers = np.arange(line + 1, line + 1 + len(lines), dtype=np.int64)
        line += len(lines)
        filled = lines.str.strip_chars() != ""
        lines, numbers = lines.filter(filled), numbers[filled.to_numpy()]
        if not len(lines):
            continue
        if layout is None:
            sample = lines.head(_SAMPLE).to_list()
            layout = _layout_of(source, sample, has_header, separator)
            if layout.has_header:
                below = int(numbers[0])
                lines, numbers = lines.slice(1), numbers[1:]
        whole = _cells(lines, layout.separator) == len(layout.names)
        torn += len(lines) - int(whole.sum())
        frames.append(_parsed(source, lines.filter(whole), layout))
        rows.append(numbers[whole.to_numpy()] - below)
    report.lines += line
    if layout is None:
        what = "; ".join(report.damage) or "empty"
        raise InputError(f"{source.name}: {what}; expected rows of numbers")
    if torn:
        report.counts[TORN] += torn
        if not any(map(len, frames)):
            raise InputError(
                f"{source.name}: none of its {torn:,} rows has as many cells as the header, "
                f"{len(layout.names)}; expected one cell a column"
            )
    part = FramePart(source.name, pl.concat(frames), np.concatenate(rows))
    return replace(part, decimal_comma=layout.separator == ";")


def _layout_of(
    source: Source, lines: list[str], has_header: bool | None, separator: str | None
) -> _Layout:
    separator = separator or _separator(lines)
    try:
        cells = [cell.strip() for cell in next(csv.reader([lines[0]], delimiter=separator))]
    except csv.Error as error:
        raise InputError(
            f"{source.name}:1: not a line of a CSV ({error}); expected names or numbers"
        ) from None
    if has_header is None:
        counted = len(cells) > 2 and cells == [str(i) for i in range(len(cells))]
        has_header = counted or not any(_NUMBER.fullmatch(cell) for cell in cells)
    if not has_header:
        return _Layout(tuple(f"x{i}" for i in range(len(cells))), separator, False)
    unnamed = [str(i) for i, cell in enumerate(cells, 1) if not cell]
    if len(unnamed) > 1:
        raise InputError(
            f"{source.name}: columns {', '.join(unnamed[:10])} have no name; "
            "name each in the header, or say has_header=False"
        )
    twice = sorted({cell for cell in cells if cells.count(cell) > 1})
    if twice:
        raise InputError(
            f"{source.name}: more than one column is called {', '.join(twice[:10])}; "
            "rename all but one"
        )
    return _Layout(tuple(cells), separator, True)


def _separator(lines: list[str]) -> str:
    r"""Return what separates cells: what each line has as often as the others.

    Examples
    --------
    >>> _separator(["a;b", "1,5;2,5"]), _separator(["a,b,\t", "1,2"])
    (';', ',')
    """
    bare = [re.sub(_QUOTED, "", line) for line in lines]
    for separator in "\t;,|":
        if len({line.count(separator) for line in bare}) == 1 and separator in bare[0]:
            return separator
    return max(",;\t|", key=bare[0].count)


def _cells(lines: pl.Series, separator: str) -> pl.Series:
    """Return how many cells each line has, 0 where a quote is open.

    Examples
    --------
    >>> _cells(pl.Series(['1,2', '1,"a,b"', '1,"a']), ",").to_list()
    [2, 2, 0]
    """
    if lines.str.contains('"', literal=True).any():
        lines = lines.str.replace_all(_QUOTED, "")
    counts = lines.str.count_matches(separator, literal=True).cast(pl.Int64) + 1
    return counts * (~lines.str.contains('"', literal=True)).cast(pl.Int64)


def _parsed(source: Source, lines: pl.Series, layout: _Layout) -> pl.DataFrame:
    if not len(lines):
        return pl.DataFrame(schema=dict.fromkeys(layout.names, pl.String))
    try:
        frame = pl.read_csv(
            BytesIO("\n".join(lines.to_list()).encode()),
            separator=layout.separator,
            has_header=False,
            infer_schema=False,
        )
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{source.name}: not a CSV ({reason}); write it again") from None
    if frame.shape != (len(lines), len(layout.names)):
        raise InputError(
            f"{source.name}: {len(lines):,} lines are {len(frame):,} rows of {frame.width} cells; "
            "check its quotes, expected one row a line"
        )
    frame.columns = list(layout.names)
    return frame

"""Tables of numbers: files, arrays and data frames to the rows that detectors of tables take.

Files of several parts are one table: columns are matched by name, whatever their order. A row that
does not fit its header is left out and counted; the others are kept.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import InputError, LabelError, UsageError
from amiss.read.arrays import is_array_file, read_arrays
from amiss.read.cells import as_labels, as_numbers, as_words
from amiss.read.delimited import FramePart, read_delimited
from amiss.read.frames import find_column, read_frames, storage_of
from amiss.read.sources import PathLike, ReadReport, Source, find_sources
from amiss.types import Table

LABEL_COLUMNS = ("label", "anomaly", "is_anomaly", "outlier", "y")
"""Names, in any case, of a column that is taken for the label if its cells are labels."""
_SEPARATORS = {"tab": "\t", "\\t": "\t"}
"""What a separator that is hard to type may be called."""
_LABEL_WORDS = "0 or 1, normal or anomaly, or false or true"
_SUFFIXES = frozenset({".csv", ".tsv", ".parquet", ".npz"})
_COMPRESSED = frozenset({".gz", ".zst", ".bz2", ".xz", ".zip"})


def read_table(
    source: PathLike | Sequence[PathLike] | Any,
    *,
    columns: Sequence[str] | None = None,
    label: str | None = None,
    kind: str | None = None,
    has_header: bool | None = None,
    separator: str | None = None,
    report: ReadReport | None = None,
) -> Table:
    r"""Read rows of numbers, with their labels where there are any.

    Parameters
    ----------
    source : path-like, sequence of path-like, or data frame
        Files, folders or glob patterns: CSV separated by commas, semicolons, tabs or bars, as it is
        or compressed (gzip, zstd); Parquet, Arrow or JSON lines; ``.npz`` of an array `X` of shape
        (n, n_columns), with `y` of shape (n,) where there are labels, or of one 2-D array. Or a
        data frame of polars or pandas.
    columns : sequence of str, optional
        Columns to keep, in that order; by default all but label and kind. Arrays, and a CSV
        without a header, have columns ``x0``, ``x1``, …
    label : str, optional
        Column of 0 and 1, or of words such as normal and anomaly; an empty cell or −1 is unknown.
        By default the first column called label, anomaly, is_anomaly, outlier or y, in any case,
        whose cells are such labels.
    kind : str, optional
        Column that names the class of each row. Where nothing else is the label, all kinds but
        ``normal`` are anomalies.
    has_header : bool, optional
        Whether a CSV begins with the names of its columns; by default, if no cell of its first
        line is a number.
    separator : str, optional
        What stands between the cells of a CSV, ``tab`` for a tab; recognised by default.
    report : ReadReport, optional
        Filled with what was mended or left out; without one, that is a warning.

    Returns
    -------
    Table
        Values as they came: an empty cell is NaN, infinities stay.

    Warns
    -----
    UserWarning
        Rows were left out, or a file is damaged, and no `report` was given.

    Raises
    ------
    InputError
        A file is missing, has no rows, or not the columns of the others; a column has no name, or
        the name of another, or its cells are not numbers.
    LabelError
        The column `label` has a cell that is no label.
    UsageError
        A column is asked for twice, `separator` is not one character, or `source` is neither files
        nor a data frame.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "pump.csv")
    >>> _ = path.write_text("flow;pressure;anomaly\n1.5;20;0\n9.5;;1\n")
    >>> table = read_table(path)
    >>> table.columns, table.values.tolist(), table.label.tolist()
    (('flow', 'pressure'), [[1.5, 20.0], [9.5, nan]], [0, 1])
    """
    check_request(columns, label, kind, separator)
    told = ReadReport() if report is None else report
    parts, sources = read_parts(source, told, has_header, separator)
    if report is None:
        warn_of(told)
    return table_of(parts, sources, columns, label, kind)


def table_of(
    parts: list[FramePart],
    sources: tuple[str, ...],
    columns: Sequence[str] | None,
    label: str | None,
    kind: str | None,
    *,
    of_series: bool = False,
) -> Table:
    """Return the rows of all parts as one table; arguments and errors are those of `read_table`.

    A series has no kinds, and may ignore columns: errors say what can be done.
    """
    parts, names = _aligned(parts, columns, label, kind)
    label = label or recognised_label(parts, [*(columns or ()), *([kind] if kind else [])])
    names = [name for name in names if name not in (label, kind)]
    if not names:
        others = "times and labels" if of_series else "label and kind"
        raise InputError(
            f"{parts[0].name}: no column of numbers beside {others}; expected "
            "one at least; if all of a line is taken for one cell, name what stands between cells "
            "in separator= (--separator)"
        )
    kinds = None if kind is None else np.concatenate([as_words(p.frame[kind]) for p in parts])
    if label is not None:
        labels: NDArray[np.int64] | None = _labels(parts, label, of_series)
    else:
        labels = None if kinds is None else _labels_of(kinds)
    file = np.repeat([part.file for part in parts], [len(part) for part in parts])
    return Table(
        values=_values(parts, names, of_series),
        columns=tuple(names),
        label=labels,
        kind=kinds,
        sources=sources,
        file=file.astype(np.int64) if sources else None,
        row=np.concatenate([part.row for part in parts]),
    )


def is_table_file(path: PathLike) -> bool:
    """Return whether a file is named as a table is, or is an ``.npz`` whatever its name.

    Raises
    ------
    InputError
        The file has another name and cannot be read.

    Examples
    --------
    >>> is_table_file("pump.csv.gz"), is_table_file("pump.parquet")
    (True, True)
    """
    given = Path(path)
    suffixes = [suffix.lower() for suffix in given.suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    if suffixes and suffixes[-1] in _SUFFIXES:
        return True
    return given.is_file() and is_array_file(Source(str(path), given))


def check_request(
    columns: Sequence[str] | None, label: str | None, kind: str | None, separator: str | None
) -> None:
    """Refuse arguments of `read_table` that make no sense."""
    if separator is not None and len(separator) != 1 and separator not in _SEPARATORS:
        raise UsageError(f"separator={separator!r}; expected one character, such as ';', or tab")
    if isinstance(columns, str):
        raise UsageError(f"columns={columns!r}: expected a list of names, such as [{columns!r}]")
    if columns is not None and not len(columns):
        raise UsageError("columns=[]: expected one name at least; leave it out to take all")
    wanted = [*(columns or ()), *([label] if label else [])]
    twice = sorted({name for name in wanted if wanted.count(name) > 1})
    if twice:
        raise UsageError(f"{', '.join(twice)}: asked for more than once; name each column once")
    if kind is not None and kind in (columns or ()):
        raise UsageError(f"{kind}: is the kind, which is no number; take it out of columns")


def read_parts(
    source: Any, report: ReadReport, has_header: bool | None, separator: str | None
) -> tuple[list[FramePart], tuple[str, ...]]:
    """Return the parts that have rows, and the names of all files."""
    if isinstance(source, pl.DataFrame | pl.LazyFrame) or hasattr(source, "iloc"):
        frame = _as_polars(source)
        return [_filled(FramePart("the data frame", frame, np.arange(1, len(frame) + 1)))], ()
    if not isinstance(source, str | os.PathLike | Sequence):
        raise UsageError(
            f"got {type(source).__name__}; expected a path, a list of paths, or a data frame"
        )
    found = find_sources(source)
    separator = _SEPARATORS.get(separator or "", separator)
    parts, empty = [], []
    for index, item in enumerate(found):
        part = _read_file(item, report, has_header, separator)
        try:
            parts.append(replace(_filled(part), file=index))
        except InputError as error:  # one of many: what the others hold is kept
            empty.append(error)
    if not parts:
        raise empty[0]
    if empty:
        report.counts["files with a header only (skipped)"] += len(empty)
    return parts, tuple(item.name for item in found)


def _read_file(
    source: Source, report: ReadReport, has_header: bool | None, separator: str | None
) -> FramePart:
    if is_array_file(source):
        X, y = read_arrays(source, (2,))
        frame = pl.DataFrame({f"x{i}": column for i, column in enumerate(X.T)})
        if y is not None:
            frame = frame.with_columns(pl.Series("y", y.tolist() if y.dtype.kind in "US" else y))
        return FramePart(source.name, frame, np.arange(1, len(X) + 1))
    if storage_of(source) == "CSV":
        return read_delimited(source, report, has_header, separator)
    pieces = list(read_frames(source, report))
    if not pieces:
        return FramePart(source.name, pl.DataFrame(), np.arange(0))
    row = np.concatenate([rows for rows, _ in pieces])
    return FramePart(source.name, pl.concat([piece for _, piece in pieces]), row)


def _filled(part: FramePart) -> FramePart:
    if not len(part):
        there = ", ".join(part.frame.columns)[:300] or "no columns"
        raise InputError(f"{part.name}: no rows ({there}); expected one row of numbers at least")
    return part


def _as_polars(frame: Any) -> pl.DataFrame:
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame
    names = [str(name) for name in frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"the data frame: more than one column is called {', '.join(twice[:10])}; "
            "rename all but one"
        )
    # Column by column: polars would want pyarrow, which is not among the dependencies.
    cells = [frame.iloc[:, i].to_numpy() for i in range(len(names))]
    return pl.DataFrame([_as_series(*named) for named in zip(names, cells, strict=True)])


def _as_series(name: str, cells: NDArray[Any]) -> pl.Series:
    if cells.dtype.kind in "biuf":
        return pl.Series(name, cells)
    values = [None if cell is None or cell != cell else cell for cell in _plain(cells)]
    if all(cell is None or isinstance(cell, int | float | np.number) for cell in values):
        return pl.Series(name, [None if cell is None else float(cell) for cell in values])
    return pl.Series(
        name, [None if cell is None else str(cell) for cell in values], dtype=pl.String
    )


def _plain(cells: NDArray[Any]) -> list[Any]:
    # pandas' NA is the one value that is neither true nor false when compared.
    return [None if type(cell).__name__ == "NAType" else cell for cell in cells.tolist()]


def _aligned(
    parts: list[FramePart], columns: Sequence[str] | None, label: str | None, kind: str | None
) -> tuple[list[FramePart], list[str]]:
    """Return the parts with the columns that are needed, in one order, and the names of values."""
    first = parts[0]
    shared = [name for name in first.frame.columns if all(name in p.frame.columns for p in parts)]
    for part in parts:
        there = part.frame.columns
        missing = [name for name in (*(columns or ()), label, kind) if name and name not in there]
        if missing:
            raise InputError(
                f"{part.name}: no column {', '.join(missing)}; "
                f"its columns: {', '.join(there)[:300]}"
            )
        if columns is None and set(there) != set(first.frame.columns):
            less = [name for name in first.frame.columns if name not in there]
            more = [name for name in there if name not in first.frame.columns]
            found = [f"without {', '.join(less)[:200]}"] if less else []
            found += [f"with {', '.join(more)[:200]}"] if more else []
            raise InputError(
                f"{part.name}: {' and '.join(found)}, unlike {first.name}; expected the same "
                "columns in each file: name those to take in columns= (--columns)"
            )
    if columns is None and "" in shared:
        raise InputError(
            f"{first.name}: column {first.frame.columns.index('') + 1} has no name, like an index "
            "that was written along; name it, or the columns to take in columns= (--columns)"
        )
    aligned = [replace(part, frame=part.frame.select(shared)) for part in parts]
    return aligned, list(shared if columns is None else columns)


def _values(parts: list[FramePart], names: list[str], of_series: bool) -> NDArray[np.float64]:
    values = np.empty((sum(map(len, parts)), len(names)))
    at = 0
    for part in parts:
        bad = {}
        for column, name in enumerate(names):
            cells = part.frame[name]
            numbers, first = as_numbers(cells, part.decimal_comma)
            values[at : at + len(part), column] = numbers
            if first >= 0:
                bad[name] = f"{name} (row {part.row[first]}: {_shown(cells[first])})"
        if bad:
            raise InputError(_not_numbers(part, bad, of_series))
        at += len(part)
    return values


def _not_numbers(part: FramePart, bad: dict[str, str], of_series: bool) -> str:
    told = ", ".join(list(bad.values())[:5]) + (f" and {len(bad) - 5} more" if len(bad) > 5 else "")
    first = next(iter(bad))
    if part.frame.width == 1:
        return (
            f"{part.name}: expected numbers in {told}; if a line has several cells, name what is "
            "between them in separator= (--separator)"
        )
    hint = ""
    if first == part.frame.columns[0] and part.frame[first].n_unique() == len(part) > 1:
        hint = f"; {first} looks like the name of each row"
    elif found := find_column(bad, LABEL_COLUMNS):
        hint = f"; if {found} is the class of each row, give it as kind= (in Python)"
        if of_series:
            hint = f"; if {found} is a label, its words should be {_LABEL_WORDS}"
    less = ", leave others out in ignore= (--ignore)"
    return (
        f"{part.name}: expected numbers in {told}{hint}; name the columns to take in columns= "
        f"(--columns){less if of_series else ''}, or drop or encode the others"
    )


def _shown(cell: object) -> str:
    text = repr(str(cell))
    return text if len(text) <= 40 else f"{text[:37]}…'"


def recognised_label(parts: list[FramePart], skip: Sequence[str]) -> str | None:
    """Return the first column that is called as a label is, and whose cells all are labels."""
    names = [name for name in parts[0].frame.columns if name not in skip]
    for wanted in LABEL_COLUMNS:
        name = find_column(names, [wanted])
        if name is not None and all(as_labels(part.frame[name])[1] < 0 for part in parts):
            return name
    return None


def _labels(parts: list[FramePart], name: str, of_series: bool) -> NDArray[np.int64]:
    labels = []
    kinds = f"; if {name} is the class of each row, give it as kind= (in Python)"
    kinds = "" if of_series else kinds
    for part in parts:
        values, first = as_labels(part.frame[name])
        if first >= 0:
            raise LabelError(
                f"{part.name}: {name}, row {part.row[first]}: label "
                f"{_shown(part.frame[name][first])}; expected {_LABEL_WORDS}{kinds}"
            )
        labels.append(values)
    return np.concatenate(labels)


def _labels_of(kinds: NDArray[Any]) -> NDArray[np.int64]:
    labels = np.asarray(np.char.lower(kinds) != "normal", dtype=np.int64)
    labels[kinds == ""] = -1
    return labels


def warn_of(report: ReadReport) -> None:
    """Warn of what was mended or left out, if anything was."""
    mended = [f"{what}: {n:,}" for what, n in report.counts.items() if not what.endswith("(kept)")]
    if mended or report.damage:
        warnings.warn("; ".join([*report.damage, *mended]), UserWarning, stacklevel=3)

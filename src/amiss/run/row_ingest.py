"""From files to rows, images or series: which of them they are, and reading them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

import polars as pl

from amiss.errors import AmissError, InputError, UsageError
from amiss.read.arrays import is_array_file, read_arrays
from amiss.read.frames import column_names, find_column, storage_of
from amiss.read.images import IMAGE_SUFFIXES, read_images
from amiss.read.rows import read_table
from amiss.read.series import read_series
from amiss.read.sources import PathLike, ReadReport, Source, find_sources
from amiss.run.row_data import RowData
from amiss.types import NO_TIME, Table

_TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".parquet", ".npz", ".arrow", ".jsonl", ".ndjson"})
_COMPRESSED = frozenset({".gz", ".zst", ".bz2", ".xz", ".zip"})


def read_rows(
    inputs: Sequence[PathLike],
    *,
    columns: Sequence[str] | None = None,
    label: str | None = None,
    size: tuple[int, int] | None = None,
    separator: str | None = None,
    unit: Literal["row", "image"] | None = None,
) -> tuple[RowData, list[str]]:
    r"""Read a table or images, whichever the files hold.

    A table with a column that is no number, but times, is read as a series, where no unit is asked
    for: its rows can be judged one by one all the same.

    Parameters
    ----------
    inputs : sequence of path-like
        Files, folders, glob patterns, or ``-`` for a CSV on standard input.
    columns : sequence of str, optional
        Columns of a table to take.
    label : str, optional
        Column of a table that says what is an anomaly.
    size : (int, int), optional
        Height and width that images are resized to.
    separator : str, optional
        What stands between the cells of a table; recognised by default.
    unit : {"row", "image"}, optional
        What is wanted; by default image files, folders of them, and Parquet, binary and array files
        of images are images, all else is a table.

    Returns
    -------
    data : Table or Images
    notes : list of str
        What was mended or left out.

    Raises
    ------
    InputError
        As `read_table` and `read_images`.
    UsageError
        Columns are given for images, or a size for a table.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "pump.csv")
    >>> _ = path.write_text("flow,pressure\n1.5,20\n")
    >>> read_rows([path])[0].columns
    ('flow', 'pressure')
    """
    if unit == "image" or (unit is None and holds_images(inputs)):
        if columns is not None or label is not None or separator is not None:
            raise UsageError(
                "columns, labels by column and separators are of tables; these are images"
            )
        return read_images(inputs, size=size), []
    if size is not None:
        raise UsageError("an image size is given; this input is a table")
    report = ReadReport()
    try:
        table = read_table(inputs, columns=columns, label=label, separator=separator, report=report)
    except InputError as error:
        if unit is None and columns is None:
            series = _timed(inputs, label, separator)
            if series is not None:
                return series
        if _named_as_table(inputs):
            raise
        raise InputError(
            f"{error}; if it is a log, take a detector of logs, such as session-ensemble, or name "
            "the field that says who did something: --by client"
        ) from None
    return table, _notes_of(report)


def _timed(
    inputs: Sequence[PathLike], label: str | None, separator: str | None
) -> tuple[Table, list[str]] | None:
    """Return a series and what was mended, if files hold one with times; None if not."""
    if "-" in inputs:  # can be read only once
        return None
    with suppress(AmissError):
        series, notes = read_series_rows(inputs, label=label, separator=separator)
        if series.timeline is not None and (series.timeline.time != NO_TIME).any():
            return series, ["rows have times: taken for a series", *notes]
    return None


def read_series_rows(inputs: Sequence[PathLike], **options: Any) -> tuple[Table, list[str]]:
    """Read sensor series as `amiss.read_series` does, and what was mended, left out or found.

    Parameters, Raises
    ------------------
    As `amiss.read_series`, but for `report`.
    """
    report = ReadReport()
    return read_series(inputs, **options, report=report), _notes_of(report)


def _notes_of(report: ReadReport) -> list[str]:
    counts = [f"{what}: {count:,}" for what, count in report.counts.items()]
    return [*report.notes, *counts, *report.damage]


def holds_images(inputs: Sequence[PathLike]) -> bool:
    """Return whether files hold images, by the names of all and the content of the first.

    Raises
    ------
    InputError
        There is no such file, or it cannot be read.
    """
    if "-" in inputs:  # can be read only once
        return False
    sources = find_sources(list(inputs))
    if any(source.path.suffix.lower() in IMAGE_SUFFIXES for source in sources):
        return True
    first = sources[0]
    if is_array_file(first):
        with suppress(InputError):
            read_arrays(first, (3, 4))
            return True
        return False
    if storage_of(first) == "Parquet":
        return _has_image_column(first)
    return first.path.suffix.lower() == ".bin"


def looks_like(inputs: Sequence[PathLike]) -> str | None:
    r"""Return in words what files hold that were taken for a log but are none; None if they may be.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "pump.csv")
    >>> _ = path.write_text("flow,pressure\n1.5,20\n")
    >>> looks_like([path])
    'a table of numbers'
    """
    if "-" in inputs:
        return None
    with suppress(AmissError):
        if holds_images(inputs):
            return "images"
        first = find_sources(list(inputs))[0]
        if is_array_file(first) or len(column_names(first)) > 1:
            series = read_series(first.path, report=ReadReport())
            timed = series.timeline is not None and (series.timeline.time != NO_TIME).any()
            return "a sensor series" if timed else "a table of numbers"
    return None


def _has_image_column(source: Source) -> bool:
    try:
        schema = pl.read_parquet_schema(source.path)
    except (pl.exceptions.PolarsError, OSError):  # the reader says what is wrong with it
        return False
    name = find_column(schema, ["img", "image"])
    return name is not None and isinstance(schema[name], pl.Binary | pl.Struct)


def _named_as_table(inputs: Sequence[PathLike]) -> bool:
    suffixes = os.path.basename(os.fspath(inputs[0])).lower().split(".")[1:]  # noqa: PTH119
    kept = [f".{suffix}" for suffix in suffixes if f".{suffix}" not in _COMPRESSED]
    return bool(kept) and kept[-1] in _TABLE_SUFFIXES

"""Label files: which sessions are known to be anomalous."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from amiss.errors import InputError, LabelError
from amiss.read.frames import find_column, read_frames, storage_of
from amiss.read.sources import PathLike, ReadReport, Source, read_blocks
from amiss.read.tables import SESSION_COLUMNS

ANOMALY_WORDS = frozenset({"anomaly", "anomalous", "abnormal", "1", "true"})
NORMAL_WORDS = frozenset({"normal", "0", "-", "false"})


def read_labels(path: PathLike) -> dict[str, bool]:
    """Read sessions and their labels: id → whether it is an anomaly.

    The file is a CSV with a header and two columns, such as ``BlockId,Label``, separated by
    commas, semicolons or tabs, or a table of sessions with such a column (Parquet, Arrow, JSON
    lines). Labels are ``Normal``/``Anomaly``, true/false or 0/1, in any case.

    Raises
    ------
    InputError
        The file cannot be read.
    LabelError
        The layout or a value is not of that form.
    """
    source = Source(str(path), Path(path))
    is_csv = storage_of(source) == "CSV"
    keys, cells, rows = _read_csv(source) if is_csv else _read_table(source)
    labels: dict[str, bool] = {}
    for row, key, cell in zip(rows, keys.to_list(), cells.to_list(), strict=True):
        if key is None and cell is None:
            continue  # a blank line
        label = cell or ""
        value = label.lower()
        if not key:
            raise LabelError(f"{path}:{row}: no session; expected one before the label {label!r}")
        if value not in ANOMALY_WORDS and value not in NORMAL_WORDS:
            raise LabelError(
                f"{path}:{row}: label {label!r}; expected Normal or Anomaly, or 0 or 1"
            )
        anomalous = value in ANOMALY_WORDS
        if labels.setdefault(key, anomalous) != anomalous:
            raise LabelError(
                f"{path}:{row}: session {key!r} is labelled both normal and anomalous; keep one"
            )
    if not labels:
        raise LabelError(f"{path}: no labels below the header; expected one row a session")
    return labels


def _read_csv(source: Source) -> tuple[pl.Series, pl.Series, Iterable[int]]:
    """Return sessions, labels, and the line of each."""
    path, report = source.name, ReadReport()
    text = b"".join(read_blocks(source, report)).decode(errors="replace")
    _check_whole(report)
    header, _, _ = text.partition("\n")
    separator = max(",;\t", key=header.count)
    if separator not in header:
        raise LabelError(
            f"{path}: expected a header and two columns such as BlockId,Label; "
            f"its first line is {header[:60]!r}"
        )
    if header.split(separator)[1].strip().lower() in ANOMALY_WORDS | NORMAL_WORDS:
        raise LabelError(
            f"{path}:1: expected a header such as BlockId,Label, got a label: {header[:60]!r}"
        )
    try:
        frame = pl.read_csv(
            text.encode(), separator=separator, infer_schema=False, truncate_ragged_lines=True
        )
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise LabelError(f"{path}: not a CSV of session and label ({reason})") from None
    names = frame.columns
    key = find_column(names, SESSION_COLUMNS) or names[0]
    column = find_column(names, ["Label"]) or next(name for name in names if name != key)
    return (
        frame[key].str.strip_chars(),
        frame[column].str.strip_chars(),
        range(2, len(frame) + 2),
    )


def _read_table(source: Source) -> tuple[pl.Series, pl.Series, Iterable[int]]:
    """Return sessions, labels, and the row of each, of a table that is no CSV."""
    report = ReadReport()
    parts = list(read_frames(source, report))
    _check_whole(report)
    frame = pl.concat([part for _, part in parts]) if parts else pl.DataFrame()
    key, column = find_column(frame.columns, SESSION_COLUMNS), find_column(frame.columns, ["Label"])
    if key is None or column is None:
        wanted = f"a column of session ids such as {', '.join(SESSION_COLUMNS)}, and label"
        raise LabelError(
            f"{source.name}: expected {wanted}; its columns: {', '.join(frame.columns)[:300]}"
        )
    labels = frame[column]
    if labels.dtype.is_float() and (labels.drop_nulls() == labels.drop_nulls().round()).all():
        labels = labels.cast(pl.Int64)  # a column of 0 and 1 that once had a gap
    try:
        keys, cells = frame[key].cast(pl.String), labels.cast(pl.String).str.strip_chars()
    except pl.exceptions.PolarsError:
        raise LabelError(
            f"{source.name}: columns {key} and {column} hold {frame[key].dtype} and "
            f"{labels.dtype}; expected strings or numbers"
        ) from None
    return keys, cells, [row for rows, _ in parts for row in rows.tolist()]


def _check_whole(report: ReadReport) -> None:
    if report.damage:  # half of the labels would look like all of them
        raise InputError(f"{report.damage[0]}; labels have to be whole: copy the file again")

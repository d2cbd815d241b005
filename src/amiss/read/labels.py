"""Label files: which sessions are known to be anomalous, and what analysts say of a report."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import InputError, LabelError
from amiss.read.frames import column_names, find_column, read_frames, storage_of
from amiss.read.sources import PathLike, ReadReport, Source, read_blocks
from amiss.read.tables import SESSION_COLUMNS

ANOMALY_WORDS = frozenset({"anomaly", "anomalous", "abnormal", "1", "true"})
NORMAL_WORDS = frozenset({"normal", "0", "-", "false"})
_VERDICTS = {
    **dict.fromkeys(ANOMALY_WORDS | {"malicious", "attack"}, 1),
    **dict.fromkeys(NORMAL_WORDS | {"benign"}, 0),
    **dict.fromkeys(["", "unknown", "-1"], -1),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What a spreadsheet takes for a formula; a report writes ' before it.
_FORMULA = "^'(['\\s]*[=+\\-@\uff1d\uff0b\uff0d\uff20])"


class Verdicts(NamedTuple):
    """What is known of entities at times.

    Attributes
    ----------
    name : str
        The file.
    time : ndarray of int64, shape (n,)
        Milliseconds since the epoch.
    entity : list of str, length n
    label : ndarray of int64, shape (n,)
        1 anomaly, 0 normal.
    row : ndarray of int64, shape (n,)
        1-based, the header not counted.
    """

    name: str
    time: NDArray[np.int64]
    entity: list[str]
    label: NDArray[np.int64]
    row: NDArray[np.int64]


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


def read_verdicts(path: PathLike, by: str = "source") -> Verdicts | None:
    """Read verdicts on entities: the columns ``time``, ``source`` and ``verdict`` of a table.

    A report with such a column added is one. The source may also be called ``entity`` or `by`,
    the verdict ``label``; other columns are not looked at. Verdicts are malicious, attack, anomaly,
    true or 1; benign, normal, false or 0; rows without one, or with ``unknown``, are left out.
    Times are ISO 8601; without a zone they are in UTC.

    Returns
    -------
    Verdicts or None
        None where there is no column of times: then it is a file of ids and labels.

    Raises
    ------
    InputError
        The file cannot be read.
    LabelError
        A column is missing, a value is not of that form, or there is no verdict.
    """
    source = Source(str(path), Path(path))
    columns = column_names(source)
    time = find_column(columns, ["time", "timestamp", "window", "start"])
    if time is None:
        return None
    entity = find_column(columns, [by, "source", "entity"])
    verdict = find_column(columns, ["verdict", "label"])
    if entity is None or verdict is None:
        raise LabelError(
            f"{path}: expected the columns time, source (or {by}) and verdict; its columns: "
            f"{', '.join(columns)[:300]}"
        )
    frame, rows = _whole_table(source)
    labels = [_verdict_of(cell, path, row) for cell, row in zip(frame[verdict], rows, strict=True)]
    given = np.flatnonzero(np.array(labels, dtype=np.int64) >= 0)
    if not len(given):
        raise LabelError(
            f"{path}: no verdict in any of its {len(frame):,} rows; write malicious or benign in "
            f"its column {verdict!r}"
        )
    frame, rows = frame[given], rows[given]
    names = frame[entity].cast(pl.String).str.strip_chars().str.replace(_FORMULA, "${1}")
    names = names.fill_null("")
    if (names == "").any():
        row = rows[int((names == "").arg_max() or 0)]
        raise LabelError(f"{path}: row {row} has a verdict but no {entity}; write one")
    times = [_time_of(cell, path, row) for cell, row in zip(frame[time], rows, strict=True)]
    return Verdicts(
        str(path),
        np.array(times, dtype=np.int64),
        names.to_list(),
        np.array(labels, dtype=np.int64)[given],
        rows,
    )


def _whole_table(source: Source) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """Return a table and the number of each row, or refuse one of which rows do not fit."""
    report = ReadReport()
    parts = list(read_frames(source, report))
    _check_whole(report)
    torn = [f"{n:,} {what}" for what, n in report.counts.items() if what.startswith("rows")]
    if torn:
        raise LabelError(f"{source.name}: {torn[0]}; labels have to be whole: write it again")
    if not parts:
        raise LabelError(f"{source.name}: no verdicts below the header; expected one a row")
    return pl.concat([part for _, part in parts]), np.concatenate([rows for rows, _ in parts])


def _verdict_of(cell: Any, path: PathLike, row: int) -> int:
    word = "" if cell is None else str(cell).strip().lower().removesuffix(".0")
    if word not in _VERDICTS:
        raise LabelError(
            f"{path}: row {row} has the verdict {str(cell)[:60]!r}; expected malicious or benign, "
            "or 1 or 0, or nothing where it is unknown"
        )
    return _VERDICTS[word]


def _time_of(cell: Any, path: PathLike, row: int) -> int:
    """Return a time in milliseconds; one without a zone is in UTC."""
    try:
        text = str(cell).strip().removeprefix("'")
        moment = cell if isinstance(cell, datetime) else datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        raise LabelError(
            f"{path}: row {row} has the time {str(cell)[:60]!r}; expected one such as "
            "2015-05-17T10:05:00 or 2015-05-17T12:05:00+02:00"
        ) from None


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

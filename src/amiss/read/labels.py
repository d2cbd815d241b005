"""Label files: which sessions are known to be anomalous."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from amiss.errors import InputError, LabelError
from amiss.read.sources import PathLike

_ANOMALY = frozenset({"anomaly", "anomalous", "abnormal", "1", "true"})
_NORMAL = frozenset({"normal", "0", "-", "false"})


def read_labels(path: PathLike) -> dict[str, bool]:
    """Read a CSV of session and label: id → whether it is an anomaly.

    The file has a header and two columns, such as ``BlockId,Label``, separated by commas,
    semicolons or tabs; labels are ``Normal``/``Anomaly`` or 0/1, in any case.

    Raises
    ------
    InputError
        The file cannot be read.
    LabelError
        The layout or a value is not of that form.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    header, _, _ = text.partition("\n")
    separator = max(",;\t", key=header.count)
    if separator not in header:
        raise LabelError(
            f"{path}: expected a header and two columns such as BlockId,Label; "
            f"its first line is {header[:60]!r}"
        )
    if header.split(separator)[1].strip().lower() in _ANOMALY | _NORMAL:
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
    keys = frame[names[0]].str.strip_chars()
    column = next((name for name in names[1:] if name.strip().lower() == "label"), names[1])
    cells = frame[column].str.strip_chars()
    labels: dict[str, bool] = {}
    for row, (key, cell) in enumerate(zip(keys.to_list(), cells.to_list(), strict=True), start=2):
        if key is None and cell is None:
            continue  # a blank line
        label = cell or ""
        value = label.lower()
        if not key:
            raise LabelError(f"{path}:{row}: no session; expected one before the label {label!r}")
        if value not in _ANOMALY and value not in _NORMAL:
            raise LabelError(
                f"{path}:{row}: label {label!r}; expected Normal or Anomaly, or 0 or 1"
            )
        anomalous = value in _ANOMALY
        if labels.setdefault(key, anomalous) != anomalous:
            raise LabelError(
                f"{path}:{row}: session {key!r} is labelled both normal and anomalous; keep one"
            )
    if not labels:
        raise LabelError(f"{path}: no labels below the header; expected one row a session")
    return labels

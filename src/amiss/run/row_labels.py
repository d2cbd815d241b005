"""Labels of rows, images and entities: by id, in order, from a file, or as verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amiss.errors import LabelError
from amiss.present.escape import visible
from amiss.present.summary import timestamp
from amiss.read.labels import Verdicts, read_labels, read_verdicts
from amiss.run.row_data import RowData, ids_of, is_series, item_of, items_of
from amiss.types import RowIndex, Table

RowLabels = Mapping[str, Any] | ArrayLike | str | PathLike[str]
"""Id to whether it is an anomaly, the file that says so, or 1, 0 or −1 for each row in order."""


def known_labels(data: RowData, labels: RowLabels | None) -> NDArray[np.int64] | None:
    """Return 1 (anomaly), 0 (normal) or −1 (unknown) for each row; None where nothing is known.

    Parameters
    ----------
    data : Table or Images
    labels : mapping of id to bool, path of a label file, or array of int, shape (n,), optional
        By default the labels that the data came with. Of rows with an index the file may be one of
        verdicts, as an analyst adds them to a report: any time in a window names that window.

    Raises
    ------
    LabelError
        The labels name none of the rows, are not one a row, or have other values.
    """
    return labels_and_notes(data, labels)[0]


def labels_and_notes(
    data: RowData, labels: RowLabels | None
) -> tuple[NDArray[np.int64] | None, list[str]]:
    """Return what `known_labels` does, and what a reader should know of it.

    Verdicts of other windows than those of `data` are not used, and counted.
    """
    if isinstance(labels, str | PathLike) and isinstance(data, Table) and data.index is not None:
        verdicts = read_verdicts(labels, data.index.by)
        if verdicts is not None:
            found, unmatched = match_verdicts(data.index, verdicts)
            said = f"verdicts on windows that this input does not have (not used): {unmatched:,}"
            return found, [said] if unmatched else []
    return _labels(data, labels), []


def _labels(data: RowData, labels: RowLabels | None) -> NDArray[np.int64] | None:
    if labels is None:
        return data.label
    if isinstance(labels, Mapping | str | PathLike):
        return _by_id(data, labels)
    given = np.asarray(labels)
    if given.shape != (len(data),):
        raise LabelError(
            f"labels of shape {given.shape} for {len(data):,} {items_of(data)}; expected one each"
        )
    if not np.isin(given, (-1, 0, 1)).all():
        other = given[~np.isin(given, (-1, 0, 1))][0]
        raise LabelError(
            f"label {other!r}; expected 1 (anomaly), 0 (normal) or −1 (unknown), or bool"
        )
    return given.astype(np.int64)


def match_verdicts(index: RowIndex, verdicts: Verdicts) -> tuple[NDArray[np.int64], int]:
    """Return the label of each row, and how many verdicts are of no row.

    These may be of another part of the log: they are no error while others match.

    Raises
    ------
    LabelError
        No verdict is of any row, or two of one row contradict each other.
    """
    labels: NDArray[np.int64] = np.full(len(index), -1, dtype=np.int64)
    rows: dict[tuple[int, str], list[int]] = {}
    # Entities are compared as a report shows them: with what is invisible written out.
    # Readers of CSV files strip blanks.
    shown = {name: visible(name).strip() for name in dict.fromkeys(index.entity.tolist())}
    keys = zip(index.start.tolist(), (shown[name] for name in index.entity), strict=True)
    for row, key in enumerate(keys):
        rows.setdefault(key, []).append(row)
    length = int(index.end[0] - index.start[0]) if len(index) else 1
    said: dict[tuple[int, str], int] = {}
    unmatched = 0
    given = zip(verdicts.time.tolist(), (visible(e).strip() for e in verdicts.entity), strict=True)
    for i, (time, entity) in enumerate(given):
        key, label = (time // length * length, entity), int(verdicts.label[i])
        if key not in rows:
            unmatched += 1
            continue
        before = said.setdefault(key, i)
        if verdicts.label[before] != label:
            raise LabelError(
                f"{verdicts.name}: rows {verdicts.row[before]} and {verdicts.row[i]} contradict "
                f"each other on {entity[:60]!r} in the window from {timestamp(key[0])}; keep one"
            )
        labels[rows[key]] = label
    if not said:
        first = visible(f"{timestamp(int(verdicts.time[0]))} {verdicts.entity[0]}", 80)
        such = f"{timestamp(int(index.start[0]))} {index.entity[0]}" if len(index) else ""
        raise LabelError(
            f"{verdicts.name}: none of its {len(verdicts.label):,} verdicts is of a window of this "
            f"input: they are such as {first!r}, windows such as {visible(such, 80)!r} (times in "
            "UTC); check the times and the field that names entities"
        )
    return labels, unmatched


def _by_id(data: RowData, labels: Mapping[str, Any] | str | PathLike[str]) -> NDArray[np.int64]:
    given = labels if isinstance(labels, Mapping) else read_labels(labels)
    known = {str(key): _as_label(key, value) for key, value in given.items()}
    ids = ids_of(data, np.arange(len(data)))
    if is_series(data):  # a time may be written with a blank, as tables mostly have it
        known = {"T".join(name.rsplit(" ", 1)): label for name, label in known.items()} | known
    found = np.array([known.get(name, -1) for name in ids], dtype=np.int64)
    if (found == -1).all():
        unit = item_of(data)
        raise LabelError(
            f"none of {len(known):,} labels names {'a' if unit == 'row' else 'an'} {unit} of this "
            f"input: labels name such as {next(iter(known), '')[:60]!r}, ids are such as "
            f"{ids[0][:60]!r}"
        )
    return found


def _as_label(key: object, value: Any) -> int:
    if value is None:
        return -1
    if isinstance(value, bool | np.bool_ | int | np.integer) and value in (-1, 0, 1):
        return int(value)
    raise LabelError(
        f"label {value!r} of {str(key)[:60]!r}; expected True or 1 for an anomaly, False or 0 for "
        "a normal one, None or −1 where it is unknown"
    )

"""Rows and images as models see them: their ids, their labels, and whether they fit a model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amiss.errors import InputError, LabelError
from amiss.read.labels import read_labels
from amiss.types import Images, Location, Table

RowData = Table | Images
RowLabels = Mapping[str, Any] | ArrayLike | str | PathLike[str]
"""Id to whether it is an anomaly, the file that says so, or 1, 0 or −1 for each row in order."""
_NAMED = 5  # columns that an error names


def unit_of(data: RowData) -> str:
    """Return what is judged: ``row`` or ``image``."""
    return "row" if isinstance(data, Table) else "image"


def shape_of(data: RowData) -> list[int]:
    """Return the shape of one row or image."""
    items = data.values if isinstance(data, Table) else data.pixels
    return list(items.shape[1:])


def ids_of(data: RowData, at: NDArray[np.int64]) -> list[str]:
    """Return the ids of the rows at `at`: a row's number, after its file where there are several.

    Examples
    --------
    >>> ids_of(Table(np.zeros((3, 1)), ("a",)), np.array([0, 2]))
    ['1', '3']
    """
    if isinstance(data, Images):
        return [data.ids[i] for i in at]
    rows = at + 1 if data.row is None else data.row[at]
    if len(data.sources) < 2 or data.file is None:
        return [str(row) for row in rows]
    return [f"{data.sources[f]}:{row}" for f, row in zip(data.file[at], rows, strict=True)]


def location_of(data: RowData, at: int) -> tuple[Location, ...]:
    """Return where a row is; an image's id says it already."""
    if isinstance(data, Images):
        return ()
    row = at + 1 if data.row is None else int(data.row[at])
    file = data.sources[0 if data.file is None else int(data.file[at])] if data.sources else ""
    return (Location(file, row, row),)


def find_row(data: RowData, row_id: str) -> int:
    """Return the position of the row or image that has an id.

    Raises
    ------
    InputError
        There is none.
    """
    ids = ids_of(data, np.arange(len(data)))
    if row_id not in ids:
        such = f"; ids are such as {ids[0]!r} and {ids[-1]!r}" if ids else ""
        raise InputError(f"no {unit_of(data)} {row_id!r} among {len(ids):,}{such}")
    return ids.index(row_id)


def known_labels(data: RowData, labels: RowLabels | None) -> NDArray[np.int64] | None:
    """Return 1 (anomaly), 0 (normal) or −1 (unknown) for each row; None where nothing is known.

    Parameters
    ----------
    data : Table or Images
    labels : mapping of id to bool, path of a label file, or array of int, shape (n,), optional
        By default the labels that the data came with.

    Raises
    ------
    LabelError
        The labels name none of the rows, are not one a row, or have other values.
    """
    if labels is None:
        return data.label
    if isinstance(labels, Mapping | str | PathLike):
        return _by_id(data, labels)
    given = np.asarray(labels)
    if given.shape != (len(data),):
        raise LabelError(
            f"labels of shape {given.shape} for {len(data):,} {unit_of(data)}s; expected one each"
        )
    if not np.isin(given, (-1, 0, 1)).all():
        other = given[~np.isin(given, (-1, 0, 1))][0]
        raise LabelError(
            f"label {other!r}; expected 1 (anomaly), 0 (normal) or −1 (unknown), or bool"
        )
    return given.astype(np.int64)


def _by_id(data: RowData, labels: Mapping[str, Any] | str | PathLike[str]) -> NDArray[np.int64]:
    given = labels if isinstance(labels, Mapping) else read_labels(labels)
    known = {str(key): _as_label(key, value) for key, value in given.items()}
    ids = ids_of(data, np.arange(len(data)))
    found = np.array([known.get(name, -1) for name in ids], dtype=np.int64)
    if (found == -1).all():
        raise LabelError(
            f"none of {len(known):,} labels names a {unit_of(data)} of this input: labels name "
            f"such as {next(iter(known), '')[:60]!r}, ids are such as {ids[0][:60]!r}"
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


def check_rows(data: Any) -> None:
    """Refuse what is no table and no images, or has nothing in it, or values that are not finite.

    Raises
    ------
    InputError
        Says which row and column.
    """
    if not isinstance(data, Table | Images):
        raise InputError(
            f"{type(data).__name__}; expected a Table from amiss.read_table or Images from "
            "amiss.read_images"
        )
    if not len(data):
        raise InputError(f"no {unit_of(data)}s; expected at least one")
    if isinstance(data, Images):
        return
    if np.isfinite(data.values.sum()):  # one pass and no mask, where all is well
        return
    bad = np.argwhere(~np.isfinite(data.values))
    if len(bad):
        at, column = bad[0]
        what = "no value" if np.isnan(data.values[at, column]) else "an infinite value"
        rows = len(np.unique(bad[:, 0]))
        raise InputError(
            f"row {ids_of(data, bad[:1, 0])[0]} has {what} in column {data.columns[column]!r} "
            f"({rows:,} of {len(data):,} rows have such cells); fill them in, leave those rows "
            "out, or choose other columns"
        )


def aligned(data: RowData, info: Mapping[str, Any]) -> RowData:
    """Return `data` as a model's detector knows it: the same columns in the same order.

    Parameters
    ----------
    data : Table or Images
    info : mapping
        What the model learnt from.

    Raises
    ------
    InputError
        Columns are missing, or there are others; or images are of another size.
    """
    check_rows(data)
    if unit_of(data) != info["unit"]:
        raise InputError(f"this model learnt from {info['unit']}s; this input is {unit_of(data)}s")
    if isinstance(data, Images):
        if (got := shape_of(data)) != info["shape"]:
            raise InputError(
                f"images of {_size(got)}; this model learnt from {_size(info['shape'])}: "
                f"{_resizing(got, info['shape'])}"
            )
        return data
    expected = list(info["columns"])
    if list(data.columns) == expected:
        return data
    missing = [name for name in expected if name not in data.columns]
    extra = [name for name in data.columns if name not in expected]
    said = [f"lacks {_named(missing)}"] if missing else []
    said += [f"has {_named(extra)} besides"] if extra else []
    if said:
        raise InputError(
            f"this table {' and '.join(said)}; expected the {len(expected)} columns that the model "
            "learnt from: read those alone (model.info['columns'] has them), or fit a model on "
            "such a table"
        )
    order = [data.columns.index(name) for name in expected]
    return replace(data, values=data.values[:, order], columns=tuple(expected))


def fingerprint(data: RowData) -> str:
    """Return what tells these rows or images from others."""
    items = data.values if isinstance(data, Table) else data.pixels
    digest = hashlib.sha256(np.ascontiguousarray(items).tobytes())
    digest.update("\n".join(data.columns if isinstance(data, Table) else data.ids).encode())
    return digest.hexdigest()[:16]


def describe_data(data: RowData) -> dict[str, Any]:
    """Return what was read, as plain values: unit, rows, columns, shape of one."""
    return {
        "unit": unit_of(data),
        "rows": len(data),
        "columns": list(data.columns) if isinstance(data, Table) else [],
        "shape": shape_of(data),
    }


def _resizing(got: list[int], expected: list[int]) -> str:
    if got[0] != expected[0]:
        return "give it images of as many channels, or fit a model on such"
    height, width = expected[1:]
    return f"read_images(…, size=({height}, {width})) or --image-size {height}x{width} resizes them"


def _named(columns: list[str]) -> str:
    named = ", ".join(repr(name) for name in columns[:_NAMED])
    more = f" and {len(columns) - _NAMED} more" if len(columns) > _NAMED else ""
    return f"column{'s' if len(columns) > 1 else ''} {named}{more}"


def _size(shape: list[int]) -> str:
    channels, height, width = shape
    return f"{width} × {height} pixels with {channels} channel{'s' if channels > 1 else ''}"

"""Rows and images as models see them: their ids, their labels, and whether they fit a model.

A table that was counted from a log has an index: its rows are named by window and entity. One with
a timeline is a series: its rows are named by their times, and findings are intervals of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amiss.errors import InputError
from amiss.present.escape import visible
from amiss.present.layout import plural, scored
from amiss.present.summary import timestamp
from amiss.represent.activity import Activity
from amiss.types import NO_TIME, Images, Location, RowIndex, Table, Timeline

RowData = Table | Images
RowInput = RowData | Activity
"""What models take: activity becomes a table by the columns that a model learnt."""
_NAMED = 5  # columns that an error names
_MAX_RANGES = 20
"""Ranges of lines that say where a row is from: those of who logs among many others are as many as
their lines, and nobody reads on."""


def unit_of(data: RowData) -> str:
    """Return what is found: ``row``, ``interval`` of a series, ``image``, or ``entity``.

    An entity is what one did in a window.
    """
    if isinstance(data, Images):
        return "image"
    if data.index is not None:
        return "entity"
    return "row" if data.timeline is None else "interval"


def item_of(data: RowData) -> str:
    """Return what has a score: as `unit_of`, but of a series its rows."""
    return scored(unit_of(data))


def items_of(data: RowData) -> str:
    """Return what has a score, of several."""
    return plural(item_of(data))


def is_series(data: RowInput) -> bool:
    """Return whether data are a table whose rows follow each other in time."""
    return isinstance(data, Table) and data.timeline is not None


def as_series(data: Table) -> Table:
    """Return a table as a series: without a timeline, each file is one run without times."""
    if data.timeline is not None:
        return data
    run = np.zeros(len(data), dtype=np.int64) if data.file is None else data.file
    return replace(data, timeline=Timeline(np.full(len(data), NO_TIME), run))


def shape_of(data: RowData) -> list[int]:
    """Return the shape of one row or image."""
    items = data.values if isinstance(data, Table) else data.pixels
    return list(items.shape[1:])


def ids_of(data: RowData, at: NDArray[np.int64]) -> list[str]:
    """Return the ids of the rows at `at`: a row's number, after its file where there are several.

    Of rows with an index it is the start of the window, in UTC, and the entity; of a series it is
    the time in place of the number, where there is one, and no row beside it has the same.

    Examples
    --------
    >>> ids_of(Table(np.zeros((3, 1)), ("a",)), np.array([0, 2]))
    ['1', '3']
    """
    if isinstance(data, Images):
        return [data.ids[i] for i in at]
    if data.index is not None:
        return _index_ids(data.index, at)
    names = [str(row) for row in (at + 1 if data.row is None else data.row[at])]
    if data.timeline is not None:
        times = np.where(_repeated(data, at), NO_TIME, data.timeline.time[at]).tolist()
        names = [timestamp(t) or name for t, name in zip(times, names, strict=True)]
    if len(data.sources) < 2 or data.file is None:
        return names
    return [f"{data.sources[f]}:{name}" for f, name in zip(data.file[at], names, strict=True)]


def _repeated(data: Table, at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether the row before or after has the time of a row: no time names it."""
    assert data.timeline is not None  # noqa: S101 - what makes a table a series
    time, last = data.timeline.time, len(data) - 1
    same = np.zeros(len(at), dtype=np.bool_)
    for beside in (np.maximum(at - 1, 0), np.minimum(at + 1, last)):
        twin = (beside != at) & (time[beside] == time[at])
        same |= twin if data.file is None else twin & (data.file[beside] == data.file[at])
    return same


def _index_ids(index: RowIndex, at: NDArray[np.int64]) -> list[str]:
    start, entity = index.start[at].tolist(), index.entity[at].tolist()
    return [f"{timestamp(t)} {name}" for t, name in zip(start, entity, strict=True)]


def location_of(data: RowData, at: int) -> tuple[Location, ...]:
    """Return where a row is; an image's id says it already.

    Of rows with an index these are the first ranges of lines without a gap, at most 20.
    """
    if isinstance(data, Images):
        return ()
    if data.index is not None:
        return tuple(_ranges(data.index.take(np.array([at])), data.sources))
    row = at + 1 if data.row is None else int(data.row[at])
    file = data.sources[0 if data.file is None else int(data.file[at])] if data.sources else ""
    return (Location(file, row, row),)


def _ranges(index: RowIndex, sources: tuple[str, ...]) -> list[Location]:
    breaks = (np.diff(index.file) != 0) | (np.diff(index.line) > 1)
    first = np.concatenate([[0], np.flatnonzero(breaks) + 1])[:_MAX_RANGES]
    last = np.append(np.flatnonzero(breaks), len(index.line) - 1)[:_MAX_RANGES]
    return [
        Location(sources[index.file[a]] if sources else "", int(index.line[a]), int(index.line[b]))
        for a, b in zip(first, last, strict=True)
    ]


def find_row(data: RowInput, row_id: str) -> int:
    """Return the position of the row or image that has an id.

    That of an entity may also be as it is shown: the time after a blank, and what is invisible
    written out.

    Raises
    ------
    InputError
        There is none.
    """
    index = None if isinstance(data, Images) else data.index
    if isinstance(data, Activity):
        ids = _index_ids(data.index, np.arange(len(data)))
    else:
        ids = ids_of(data, np.arange(len(data)))
    if row_id in ids:
        return ids.index(row_id)
    if index is not None:
        typed = visible(f"{row_id[:10]}T{row_id[11:]}")
        shown = [visible(name) for name in ids]
        if typed in shown:
            return shown.index(typed)
    unit = "entity" if isinstance(data, Activity) else item_of(data)
    such = f"; ids are such as {ids[0]!r} and {ids[-1]!r}" if ids else ""
    raise InputError(f"no {unit} {row_id!r} among {len(ids):,}{such}")


def check_rows(data: Any) -> None:
    """Refuse what is no table and no images, or has nothing in it, or values that are not finite.

    Raises
    ------
    InputError
        Says which row and column.
    """
    if not isinstance(data, Table | Images):
        raise InputError(
            f"{type(data).__name__}; expected a Table from amiss.read_table, Images from "
            "amiss.read_images or an Activity from amiss.read_activity"
        )
    if not len(data):
        raise InputError(f"no {items_of(data)}; expected at least one")
    if isinstance(data, Images):
        return
    if np.isfinite(data.values.sum()):  # one pass and no mask, where all is well
        return
    bad = _not_finite(data.values)
    if len(bad):
        at, column = bad[0]
        what = "no value" if np.isnan(data.values[at, column]) else "an infinite value"
        rows = len(np.unique(bad[:, 0]))
        raise InputError(
            f"row {_row_name(data, at)} has {what} in column {data.columns[column]!r} "
            f"({rows:,} of {len(data):,} rows have such cells); fill them in, leave those rows "
            "out, or choose other columns"
        )


def _row_name(data: Table, at: int) -> str:
    if not is_series(data):
        return ids_of(data, np.array([at]))[0]
    ((file, row, _),) = location_of(data, at)
    return f"{row}{f' of {file}' if file else ''}"


def _not_finite(values: Any) -> NDArray[np.int64]:
    """Return row and column of the values that are not finite, in order of rows."""
    if isinstance(values, np.ndarray):
        return np.argwhere(~np.isfinite(values))
    stored = values.tocoo()
    bad = ~np.isfinite(stored.data)
    places = np.column_stack([stored.coords[0][bad], stored.coords[1][bad]]).astype(np.int64)
    return places[np.lexsort((places[:, 1], places[:, 0]))]


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
    if isinstance(data, Table) and data.index is None:
        # Rows are rows, with times or without: the model's detector knows what to make of them.
        data = as_series(data) if info["unit"] == "interval" else replace(data, timeline=None)
    if unit_of(data) != info["unit"]:
        raise InputError(
            f"this model learnt from {plural(scored(info['unit']))}; this input is {items_of(data)}"
        )
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
    items: Any = data.values if isinstance(data, Table) else data.pixels
    if isinstance(items, np.ndarray):
        parts = [items]
    else:
        whole = items.sorted_indices()
        parts = [whole.data, whole.indices.astype(np.int64), whole.indptr.astype(np.int64)]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes())
    digest.update("\n".join(data.columns if isinstance(data, Table) else data.ids).encode())
    return digest.hexdigest()[:16]


def describe_data(data: RowData) -> dict[str, Any]:
    """Return what was read, as plain values: unit, rows, columns, shape of one.

    Of rows with an index also ``by``, what names entities; ``entities``, how many there are;
    ``every``, the window in seconds; and the lines and the span of time they were counted from. Of
    a series also ``runs``, how many there are between gaps, and the span of time.
    """
    described = {
        "unit": unit_of(data),
        "rows": len(data),
        "columns": list(data.columns) if isinstance(data, Table) else [],
        "shape": shape_of(data),
    }
    if isinstance(data, Table) and (index := data.index) is not None:
        there = bool(len(index))
        described |= {
            "by": index.by,
            "entities": len(np.unique(index.entity)),
            "every": float(index.end[0] - index.start[0]) / 1000 if there else 0.0,
            "lines": len(index.line),
            "start": timestamp(int(index.start.min())) if there else None,
            "end": timestamp(int(index.end.max())) if there else None,
        }
    if isinstance(data, Table) and (timeline := data.timeline) is not None:
        timed = timeline.time[timeline.time != NO_TIME]
        described |= {
            "runs": len(np.unique(timeline.run)),
            "start": timestamp(int(timed.min())) if len(timed) else None,
            "end": timestamp(int(timed.max())) if len(timed) else None,
        }
    return described


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

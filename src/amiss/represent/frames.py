"""Data frames of users: the columns that are needed, and their times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import InputError
from amiss.types import NO_TIME


def frame_with(frame: Any, columns: Iterable[str]) -> pl.DataFrame:
    """Return a polars frame that has these columns.

    Parameters
    ----------
    frame : polars.DataFrame, pandas.DataFrame, or anything polars reads
    columns : iterable of str

    Raises
    ------
    InputError
        It is no data frame, or a column is missing.
    """
    try:
        rows = frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(frame)
    except TypeError:
        raise InputError(f"expected a data frame, got {type(frame).__name__}") from None
    for column in columns:
        if column not in rows.columns:
            raise InputError(
                f"no column {column!r} in the data frame; it has: {', '.join(rows.columns)}"
            )
    return rows


def millis_of(column: pl.Series) -> NDArray[np.int64]:
    """Return times in milliseconds since the epoch, UTC; ``NO_TIME`` where there is none.

    Raises
    ------
    InputError
        The column holds no times.

    Examples
    --------
    >>> millis_of(pl.Series([5, 6000])).tolist()
    [5, 6000]
    """
    try:
        if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone:
            column = column.dt.convert_time_zone("UTC")
        millis = column.cast(pl.Datetime("ms")).to_physical()
    except pl.exceptions.PolarsError:
        raise InputError(
            f"column {column.name!r} holds {column.dtype}; expected dates and times, or integers "
            "that are milliseconds"
        ) from None
    return millis.fill_null(NO_TIME).to_numpy().astype(np.int64)

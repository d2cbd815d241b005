"""Columns of cells to times: dates as they are mostly written, and numbers since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.types import NO_TIME

_UNITS = ((1e17, 1e6), (1e14, 1e3), (1e11, 1.0), (0.0, 1e-3))
"""Epochs of at least so much are nano-, micro-, milliseconds and seconds; divided by the second."""
_LATEST = 253_402_300_799_999
"""The end of year 9999 in milliseconds; no time is as far from 1970, before or after."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DOTTED = r"^(\d{1,2})\.(\d{1,2})\.(\d{4})"
_FRACTION = r"(:\d\d),(\d+)"
_ZONE = r"(\d:\d\d(?::\d\d(?:[.,]\d+)?)?)\s*(?:Z|UTC|GMT|([+-])(\d\d):?(\d\d))$"
_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")


def as_times(cells: pl.Series, decimal_comma: bool = False) -> tuple[NDArray[np.int64], int]:
    """Return a column as milliseconds since 1970, UTC, and where the first cell is no time, or −1.

    What is empty is ``NO_TIME``. With `decimal_comma` seconds may be written 1,5.

    Examples
    --------
    >>> as_times(pl.Series(["1970-01-01 00:00:01.5", "1970-01-01T01:00:00+01:00"]))
    (array([1500,    0]), -1)
    >>> as_times(pl.Series(["1.1.1970 00:00:02 UTC", "02.01.1970"]))
    (array([    2000, 86400000]), -1)
    >>> as_times(pl.Series([1581168647.0, 1581168648.25]))
    (array([1581168647000, 1581168648250]), -1)
    >>> as_times(pl.Series(["yesterday"]))[1]
    0
    """
    if cells.dtype in (pl.Datetime, pl.Date):
        found = cells.cast(pl.Datetime("ms")).to_physical()
        return found.fill_null(NO_TIME).to_numpy(), -1
    numbers = as_epochs(cells, decimal_comma)
    if numbers is not None:
        return since_epoch(numbers)
    texts = texts_of(cells)
    frame = (
        texts.alias("text")
        .to_frame()
        .with_columns(
            pl.col("text")
            .str.replace(_DOTTED, "${3}-${2}-${1}")
            .str.replace_all("/", "-", literal=True)
            .str.replace(r"(\d)T(\d)", "${1} ${2}")
            .str.replace(_FRACTION, "${1}.${2}")
            .str.replace(_ZONE, "${1}")
            .alias("local"),
            *(pl.col("text").str.extract(_ZONE, i + 2).alias(n) for i, n in enumerate("shm")),
        )
    )
    parsed = pl.Series([None] * len(texts), dtype=pl.Datetime("ms"))
    for form in _FORMATS:
        left = parsed.is_null() & texts.is_not_null()
        if not left.any():
            break
        more = frame["local"].set(~left, None).str.to_datetime(form, time_unit="ms", strict=False)
        parsed = parsed.zip_with(~left, more)
    minutes = 60 * frame["h"].cast(pl.Int64) + frame["m"].cast(pl.Int64)
    offset = minutes.zip_with((frame["s"] == "+").fill_null(value=True), -minutes).fill_null(0)
    times = (parsed.to_physical() - 60_000 * offset).fill_null(NO_TIME).to_numpy().copy()
    for at in np.flatnonzero((parsed.is_null() & texts.is_not_null()).to_numpy()):
        moment = _moment(texts[int(at)])
        if moment is None:
            return times, int(at)
        times[at] = moment
    return times, -1


def texts_of(cells: pl.Series) -> pl.Series:
    """Return cells as text, without a value where they are empty."""
    return cells.cast(pl.String, strict=False).str.strip_chars().replace("", None)


def as_epochs(cells: pl.Series, decimal_comma: bool) -> NDArray[np.float64] | None:
    """Return a column of numbers, NaN where it is empty; None if a cell is no number."""
    if cells.dtype.is_numeric():
        return cells.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    texts = texts_of(cells)
    if texts.null_count() == len(texts):
        return None
    for written in (texts, texts.str.replace(",", ".", literal=True) if decimal_comma else texts):
        numbers = written.cast(pl.Float64, strict=False)
        if numbers.null_count() == texts.null_count():
            return numbers.fill_null(float("nan")).to_numpy()
    return None


def _moment(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.replace("/", "-"))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None


def since_epoch(numbers: NDArray[np.float64]) -> tuple[NDArray[np.int64], int]:
    """Return milliseconds, their unit told by the usual number, and where the first is no time."""
    times = np.full(len(numbers), NO_TIME)
    there = np.isfinite(numbers)
    if not there.any():
        return times, -1
    usual = float(np.median(np.abs(numbers[there])))
    with np.errstate(over="ignore"):  # of a corrupt cell
        millis = np.round(numbers / next(divisor for bound, divisor in _UNITS if usual >= bound))
    bad = np.flatnonzero(np.abs(millis) > _LATEST)
    there[bad] = False
    times[there] = millis[there].astype(np.int64)
    return times, int(bad[0]) if len(bad) else -1

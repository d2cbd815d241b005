"""Columns of cells to numbers and to labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.read.labels import ANOMALY_WORDS, NORMAL_WORDS

_MISSING = ["", "na", "n/a", "nan", "null", "none", "?"]
_LABELS = {
    **dict.fromkeys(ANOMALY_WORDS | {"outlier"}, 1),
    **dict.fromkeys(NORMAL_WORDS | {"inlier"}, 0),
    **dict.fromkeys(["-1", "unknown"], -1),
}
_TEXT = (pl.String, pl.Categorical, pl.Enum)


def as_numbers(cells: pl.Series, decimal_comma: bool = False) -> tuple[NDArray[np.float64], int]:
    """Return a column as numbers, and the position of the first cell that is none, or −1.

    Parameters
    ----------
    cells : polars.Series
        Numbers, truth values, or text of them; what is empty or says "NA" is NaN.
    decimal_comma : bool
        A number may be written 1,5.

    Examples
    --------
    >>> as_numbers(pl.Series(["1.5", " 2e3", "", None, "inf"]))
    (array([1.5e+00, 2.0e+03,     nan,     nan,     inf]), -1)
    >>> as_numbers(pl.Series(["true", "False"]))
    (array([1., 0.]), -1)
    >>> as_numbers(pl.Series(["1", "tcp"]))[1]
    1
    """
    if isinstance(cells.dtype, _TEXT):
        texts = cells.cast(pl.String)
        numbers = texts.cast(pl.Float64, strict=False)
        if _lost(texts, numbers).any():  # rare, so clean columns need not pay for it
            texts = _stripped(texts)
            numbers = texts.cast(pl.Float64, strict=False)
        bad = _lost(texts, numbers)
        if bad.any() and texts.drop_nulls().is_in(["true", "false"]).all():
            numbers = texts.replace_strict({"true": 1.0, "false": 0.0}, return_dtype=pl.Float64)
        elif bad.any() and decimal_comma:
            numbers = texts.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
        bad = _lost(texts, numbers)
    elif cells.dtype.is_numeric() or cells.dtype in (pl.Boolean, pl.Null):
        numbers = cells.cast(pl.Float64)
        bad = _lost(cells, numbers)
    else:
        numbers = pl.Series([None] * len(cells), dtype=pl.Float64)
        bad = cells.is_not_null()
    first = bad.arg_max() if bad.any() else -1
    return numbers.fill_null(float("nan")).to_numpy(), -1 if first is None else int(first)


def as_labels(cells: pl.Series) -> tuple[NDArray[np.int64], int]:
    """Return labels (1 anomaly, 0 normal, −1 unknown) and where the first cell is none, or −1.

    Examples
    --------
    >>> as_labels(pl.Series(["Normal", "anomaly", None, "1.0"]))
    (array([ 0,  1, -1,  1]), -1)
    >>> as_labels(pl.Series([0.0, 2.0]))[1]
    1
    """
    words = pl.Series(as_words(cells).tolist(), dtype=pl.String).str.to_lowercase()
    words = words.str.replace(r"^(-?[01])\.0+$", "${1}")  # 1.0, as tables of floats are written
    labels = words.replace_strict({**_LABELS, "": -1}, default=None, return_dtype=pl.Int64)
    first = labels.is_null().arg_max() if labels.has_nulls() else -1
    return labels.fill_null(-1).to_numpy(), -1 if first is None else int(first)


def as_words(cells: pl.Series) -> NDArray[Any]:
    """Return a column as text, whole numbers without a point, and empty where there is nothing.

    Examples
    --------
    >>> as_words(pl.Series([1.0, None])).tolist()
    ['1', '']
    """
    if cells.dtype.is_float():
        cells = cells.fill_nan(None)
        there = cells.drop_nulls()
        if ((there == there.round()) & (there.abs() < 2**53)).all():
            cells = cells.cast(pl.Int64)  # whole numbers that once had a gap
    if cells.dtype.is_nested() or cells.dtype == pl.Binary:
        texts = [str(cell) for cell in cells.to_list()]
    else:
        texts = cells.cast(pl.String).str.strip_chars().fill_null("").to_list()
    return np.array(texts, dtype=np.str_)


def _stripped(texts: pl.Series) -> pl.Series:
    texts = texts.str.strip_chars().str.to_lowercase()
    return pl.select(pl.when(~texts.is_in(_MISSING)).then(texts)).to_series()


def _lost(cells: pl.Series, numbers: pl.Series) -> pl.Series:
    return numbers.is_null() & cells.is_not_null()

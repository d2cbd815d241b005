"""Kinds of records: which messages, levels and continuations are the same but for their digits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.types import distinct_codes

_PRIORITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_BARE = r"^(?:[\w.$:+`/-]+\[0+\]:?)?$"
_LEVEL = r"^(SEVERE|WARNING|INFO|CONFIG|FINE|FINER|FINEST): "
BETWEEN = " | "
"""What stands between a message and the line below it that says what happened."""


class Values(NamedTuple):
    """What lines say.

    Attributes
    ----------
    kind : ndarray of int64, shape (n,)
        Row of `kinds` that each record belongs to.
    kinds : polars.DataFrame
        Columns ``level`` and ``message``, without digits.
    time : ndarray of int64, shape (n,)
        Milliseconds as far as the lines say, or ``NO_TIME``.
    cells : mapping of str to polars.Series
        Fields by name.
    fits : ndarray of bool, shape (n,)
        The record is in the format.
    """

    kind: NDArray[np.int64]
    kinds: pl.DataFrame
    time: NDArray[np.int64]
    cells: Mapping[str, pl.Series]
    fits: NDArray[np.bool_]


def priority_level(numbers: pl.Series, facilities: int) -> pl.Series:
    """Return the names of syslog priorities, of which a facility may be a multiple.

    Examples
    --------
    >>> priority_level(pl.Series(["13", "6", None, "x"]), 8).to_list()
    ['notice', 'info', '', '']
    """
    rank = numbers.cast(pl.Int64, strict=False) % facilities
    return rank.replace_strict(range(8), _PRIORITIES, default="", return_dtype=pl.String).fill_null(
        ""
    )


def kinds_of(message: pl.Series, level: pl.Series) -> tuple[NDArray[np.int64], pl.DataFrame]:
    """Return kinds of messages, and which one each is of.

    Examples
    --------
    >>> kind, kinds = kinds_of(pl.Series(["a 1", "a 23"]), pl.Series(["", ""]))
    >>> kind.tolist(), kinds.rows()
    ([0, 0], [('', 'a 0')])
    """
    code, distinct = distinct_codes(message)
    same, texts = distinct_codes(distinct.str.replace_all("[0-9]+", "0"))
    kinds = pl.DataFrame({"level": [""] * len(texts), "message": texts}, strict=False)
    return split_by_level(same[code], kinds.with_columns(pl.col("level").cast(pl.String)), level)


def split_by_level(
    kind: NDArray[np.int64], kinds: pl.DataFrame, level: pl.Series
) -> tuple[NDArray[np.int64], pl.DataFrame]:
    """Return kinds that tell levels apart, which records have and kinds do not."""
    code, levels = distinct_codes(level)
    pairs, split = np.unique(kind * len(levels) + code, return_inverse=True)
    row, of = np.divmod(pairs, len(levels))
    return split, pl.DataFrame(
        {"level": levels.gather(of), "message": kinds["message"].gather(row)}
    )


def add_below(
    kind: NDArray[np.int64],
    kinds: pl.DataFrame,
    first: NDArray[np.int64],
    said: NDArray[np.int64],
    of_line: NDArray[np.int64],
    keys: pl.Series,
    *,
    said_first: bool = False,
) -> tuple[NDArray[np.int64], pl.DataFrame]:
    """Return kinds with what the lines below heads say: an exception, or all there is.

    Parameters
    ----------
    kind : ndarray of int64, shape (n,)
    kinds : polars.DataFrame
        Columns ``level`` and ``message``.
    first, said : ndarray of int64, shape (n,)
        Rows of the first line below each head, and of that which names an exception, or −1.
    of_line : ndarray of int64
        Row of `keys` that each line belongs to.
    keys : polars.Series of str
        Kinds of line.
    said_first : bool
        What `said` names goes before what `first` does, where a head says nothing itself.

    Examples
    --------
    >>> kinds = pl.DataFrame({"level": ["info"], "message": ["app.Host[0]"]})
    >>> keys, none = pl.Series(["info: app.Host[0]", "  ready"]), np.array([-1])
    >>> add_below(np.array([0]), kinds, np.array([1]), none, np.array([0, 1]), keys)[1].row(0)
    ('info', 'app.Host[0] | ready')
    """
    bare = kinds["message"].str.contains(_BARE).to_numpy()[kind]  # says only who speaks
    bare = bare & (first >= 0) & ~(said_first & (said >= 0))
    row = np.where(bare, first, said)
    texts = keys.str.strip_chars().str.replace_all("00+", "0").gather(of_line[np.maximum(row, 0)])
    return add_said(kind, kinds, texts, row >= 0)


def add_said(
    kind: NDArray[np.int64], kinds: pl.DataFrame, said: pl.Series, has: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], pl.DataFrame]:
    """Return kinds with the line that says what happened added to the message, where one does.

    Parameters
    ----------
    kind : ndarray of int64, shape (n,)
    kinds : polars.DataFrame
        Columns ``level`` and ``message``.
    said : polars.Series of str, shape (n,)
        Those lines, without digits.
    has : ndarray of bool, shape (n,)
        Which records have one.

    Examples
    --------
    >>> kinds = pl.DataFrame({"level": ["WARN"], "message": ["failed"]})
    >>> said = pl.Series(["", "OSError: full"])
    >>> add_said(np.array([0, 0]), kinds, said, np.array([False, True]))[1]["message"].to_list()
    ['failed', 'failed | OSError: full']
    """
    code, texts = distinct_codes(said)
    size = len(texts) + 1
    pairs, new = np.unique(kind * size + np.where(has, code + 1, 0), return_inverse=True)
    row, of = np.divmod(pairs, size)
    added = pl.concat([pl.Series([""]), BETWEEN + texts]).gather(of)
    head = kinds[row]
    # What stands below an empty message is the message, with a level of its own.
    alone = (head["message"] == "") & (head["level"] == "")
    message = (head["message"] + added).str.strip_prefix(BETWEEN)
    level = head["level"].zip_with(~alone, message.str.extract(_LEVEL).fill_null(""))
    message = message.zip_with(~alone, message.str.replace(_LEVEL, ""))
    return new, head.with_columns(level=level, message=message)

"""Sequences in the forms users have them, distinct sequences, counts of events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import count, pairwise
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from amiss.errors import InputError
from amiss.types import BEGIN, END, Numbers, Sequences, Windows

UNKNOWN = -3
"""Stands for an event that training did not have, once events are mapped to codes."""
_EVENTS_AT_ONCE = 1 << 19
_SEQUENCES_AT_ONCE = 1 << 16


def as_sequences(X: Any) -> Sequences:
    """Return `X` as flat arrays.

    Parameters
    ----------
    X : Sequences or a list of them, polars or Arrow list column, or sequences of int or of str
        Integers below 0 are reserved: a leading ``BEGIN`` and a trailing ``END`` mark sequences
        as begun and ended where a column has any; plain lists count as complete.

    Raises
    ------
    InputError
        `X` is empty, or not a sequence of sequences of integers or strings.

    Examples
    --------
    >>> as_sequences([["open", "close"], ["open"]]).events
    array([1, 0, 1])
    """
    if isinstance(X, Sequences):
        return X
    if isinstance(X, list) and X and all(isinstance(part, Sequences) for part in X):
        return join_sequences(X)
    if isinstance(X, pl.DataFrame) and X.width == 1:
        X = X.to_series()
    arrow = hasattr(X, "__arrow_c_stream__") or hasattr(X, "__arrow_c_array__")
    if arrow and not isinstance(X, pl.Series):
        X = pl.Series(X)
        if isinstance(X.dtype, pl.Struct) and len(X.dtype.fields) == 1:  # a table of one column
            X = X.struct.unnest().to_series()
    if isinstance(X, pl.Series):
        if not isinstance(X.dtype, pl.List):
            raise InputError(f"expected a list column of events, got a column of {X.dtype}")
        lengths = X.list.len().fill_null(0).to_numpy()
        flat = X.filter(pl.Series(lengths > 0)).explode()
    else:
        rows = _rows(X)
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        try:
            flat = pl.Series([event for row in rows for event in row], strict=True)
        except TypeError:
            raise InputError("events must be all integers or all strings, got a mixture") from None
    if not len(lengths):
        raise InputError("no sequences; expected at least one")
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return _from_flat(flat, offsets)


def join_sequences(parts: Sequence[Sequences]) -> Sequences:
    """Return sequences that number their events alike, one after the other.

    What not all parts have (severities, traces, times, numbers, starts) the result has not.

    Raises
    ------
    InputError
        The parts name their events differently.
    """
    if any(part.names != parts[0].names for part in parts):
        raise InputError("sequences name their events differently; expected the same names")

    def joined(arrays: list[Any]) -> Any:
        return None if any(a is None for a in arrays) else np.concatenate(arrays)

    def ends(offsets: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        lengths = np.concatenate([np.diff(own) for own in offsets])
        return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

    numbers = [part.numbers for part in parts if part.numbers is not None]
    return Sequences(
        np.concatenate([part.events for part in parts]),
        ends([part.offsets for part in parts]),
        np.concatenate([part.begun for part in parts]),
        np.concatenate([part.ended for part in parts]),
        parts[0].names,
        parts[0].severity,
        joined([part.trace for part in parts]),
        joined([part.time for part in parts]),
        Numbers(ends([n.offsets for n in numbers]), np.concatenate([n.values for n in numbers]))
        if len(numbers) == len(parts)
        else None,
        joined([part.start for part in parts]),
    )


def _rows(X: Any) -> list[list[Any]]:
    try:
        rows = list(X)
        if not any(isinstance(row, str | bytes) for row in rows):  # not a sequence of letters
            return [list(row) for row in rows]
    except TypeError:
        pass
    raise InputError(
        f"expected sequences of events, got {type(X).__name__}; "
        "pass a list of lists of integers or strings"
    )


def _from_flat(flat: pl.Series, offsets: NDArray[np.int64]) -> Sequences:
    n = len(offsets) - 1
    everything = np.ones(n, dtype=np.bool_)
    if flat.null_count():
        raise InputError(f"{flat.null_count()} events are null; expected integers or strings")
    if not len(flat):
        return Sequences(np.empty(0, dtype=np.int64), offsets, everything, everything)
    if flat.dtype in (pl.Categorical, pl.Enum):
        flat = flat.cast(pl.String)
    if flat.dtype == pl.String:
        names = flat.unique().sort()
        codes = flat.replace_strict(
            names, pl.int_range(len(names), eager=True), return_dtype=pl.Int64
        )
        return Sequences(codes.to_numpy(), offsets, everything, everything, tuple(names))
    if not flat.dtype.is_integer():
        raise InputError(f"events must be integers or strings, got {flat.dtype}")
    try:
        events = flat.cast(pl.Int64).to_numpy()
    except pl.exceptions.PolarsError:
        raise InputError(
            f"event {flat.max()!s}: expected integers of at most 64 bits; number events from 0"
        ) from None
    if (events >= 0).all():
        return Sequences(events, offsets, everything, everything)
    if not np.isin(events[events < 0], (BEGIN, END)).all():
        raise InputError(
            f"event {int(events.min())}: integers below 0 are reserved "
            f"({BEGIN} begins a sequence, {END} ends it); number events from 0"
        )
    begins, ends = np.flatnonzero(events == BEGIN), np.flatnonzero(events == END)
    if not (np.isin(begins, offsets[:-1]).all() and np.isin(ends, offsets[1:] - 1).all()):
        raise InputError(
            f"{BEGIN} or {END} inside a sequence; expected {BEGIN} only as its first event and "
            f"{END} only as its last"
        )
    row = np.repeat(np.arange(n), np.diff(offsets))
    begun = np.bincount(row[events == BEGIN], minlength=n) > 0
    ended = np.bincount(row[events == END], minlength=n) > 0
    real = events >= 0
    lengths = np.bincount(row[real], minlength=n)
    kept = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Sequences(events[real], kept, begun, ended)


def distinct_sequences(
    sequences: Sequences,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (first, inverse, counts) of the distinct sequences, in order of first appearance.

    Two sequences are the same if their events and their begun and ended marks are.
    """
    events = sequences.events
    small = events.astype(np.min_scalar_type(int(events.max(initial=0))))  # short keys hash fast
    raw, ends = small.tobytes(), sequences.offsets * small.itemsize
    # Rows are numbered as they are first asked for, over all four kinds of marks.
    number = count().__next__
    rows: list[defaultdict[bytes, int]] = [defaultdict(number) for _ in range(4)]
    marks = sequences.begun * 2 + sequences.ended
    inverse = np.empty(len(sequences), dtype=np.int64)
    for start in range(0, len(sequences), _SEQUENCES_AT_ONCE):
        part = slice(start, start + _SEQUENCES_AT_ONCE)
        bounds = pairwise(ends[start : part.stop + 1].tolist())
        inverse[part] = [
            rows[mark][raw[a:b]] for mark, (a, b) in zip(marks[part].tolist(), bounds, strict=True)
        ]
    first = np.flatnonzero(np.diff(np.maximum.accumulate(inverse), prepend=-1))
    return first, inverse, np.bincount(inverse, minlength=len(first))


def split_by_events(lengths: NDArray[np.int64], at_once: int = _EVENTS_AT_ONCE) -> list[slice]:
    """Return which sequences to look at at a time: those of half a million events.

    What is made of each event may take fifty bytes.

    Parameters
    ----------
    lengths : ndarray of int64, shape (n,)
        Events of each sequence.
    at_once : int
        So many events instead.

    Examples
    --------
    >>> split_by_events(np.array([700_000, 300_000, 5, 2_000_000, 1]))
    [slice(0, 3, None), slice(3, 5, None)]
    """
    part = np.cumsum(lengths) // at_once
    bounds = [*np.flatnonzero(np.diff(part, prepend=-1)).tolist(), len(lengths)]
    return [slice(start, stop) for start, stop in pairwise(bounds)]


class Vocabulary:
    """The events that training had, as codes 0 … n − 1.

    Integers are looked up as they are; where sequences carry names, by name, so that two inputs
    that number the same events differently still mean the same.

    Attributes
    ----------
    tokens : list of int or of str
        Event of each code.
    """

    def __init__(self, tokens: Sequence[int] | Sequence[str]) -> None:
        self.tokens = list(tokens)
        self._codes = {token: code for code, token in enumerate(self.tokens)}

    @classmethod
    def learn(cls, X: Sequences | Windows) -> Vocabulary:
        """Learn the events that occur in `X`, wherever they stand."""
        present = np.unique(X.events)
        if X.names:
            return cls([X.names[i] for i in present])
        return cls([int(i) for i in present])

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, sequences: Sequences) -> NDArray[np.int64]:
        """Return the code of each event, ``UNKNOWN`` for those that training did not have."""
        if not len(sequences.events):
            return np.empty(0, dtype=np.int64)
        table = self.table(sequences.names, int(sequences.events.max()) + 1)
        codes: NDArray[np.int64] = table[sequences.events]
        return codes

    def table(self, names: Sequence[str], size: int) -> NDArray[np.int64]:
        """Return the codes of the event ids 0 … size − 1, which `names` gives names to, if any."""
        tokens: Sequence[Any] = names if names else range(size)
        return np.array([self._codes.get(tokens[i], UNKNOWN) for i in range(size)], dtype=np.int64)


def count_matrix(
    codes: NDArray[np.int64], offsets: NDArray[np.int64], n_codes: int
) -> sp.csr_matrix:
    """Count the known events of each sequence: CSR of float64, shape (n, n_codes)."""
    rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    known = codes >= 0
    return sp.csr_matrix(
        (np.ones(int(known.sum())), (rows[known], codes[known])),
        shape=(len(offsets) - 1, n_codes),
    )

"""Windows of events: what came before each event, as one matrix, and its distinct rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from amiss.errors import InputError, UsageError
from amiss.represent.sequences import UNKNOWN, Vocabulary, as_sequences
from amiss.types import END, PAD, Sequences, Windows

PAD_TOKEN, BEGIN_TOKEN, END_TOKEN, UNKNOWN_TOKEN = 0, 1, 2, 3
SPECIAL_TOKENS = 4
"""Tokens below this are not events; event code *c* is token ``c + SPECIAL_TOKENS``."""
_IN_CACHE = 1 << 15
"""Rows that are packed or sorted at once."""


class EventWindows(NamedTuple):
    """For each event (and end of session): the events before it, and itself.

    Attributes
    ----------
    history : ndarray of int32, shape (n_windows, size)
        Tokens before the event, the latest last, padded in front.
    target : ndarray of int32, shape (n_windows,)
        Token that came.
    sequence : ndarray of int64, shape (n_windows,)
        Row of the sequence it came in.
    position : ndarray of int64, shape (n_windows,)
        Place in the sequence; its length for the end marker.
    """

    history: NDArray[np.int32]
    target: NDArray[np.int32]
    sequence: NDArray[np.int64]
    position: NDArray[np.int64]


def as_tokens(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the tokens of event codes, one for all that training did not have."""
    return np.where(codes == UNKNOWN, UNKNOWN_TOKEN, codes + SPECIAL_TOKENS)


def event_windows(
    codes: NDArray[np.int64],
    offsets: NDArray[np.int64],
    begun: NDArray[np.bool_],
    ended: NDArray[np.bool_],
    size: int,
) -> EventWindows:
    """Cut one window for each event, with begin and end markers where they were seen.

    Parameters
    ----------
    codes : ndarray of int64, shape (n_events,)
        Event codes from 0, or ``UNKNOWN``.
    offsets : ndarray of int64, shape (n + 1,)
    begun, ended : ndarray of bool, shape (n,)
    size : int
        Events of history.

    Examples
    --------
    >>> whole = np.array([True])
    >>> event_windows(np.array([5, 6]), np.array([0, 2]), whole, whole, 2).history
    array([[ 0,  1],
           [ 1,  9],
           [ 9, 10]], dtype=int32)
    """
    n = len(offsets) - 1
    lengths = np.diff(offsets)
    marked = lengths + 1 + ended  # every sequence has a slot in front: BEGIN, or PAD if cut
    starts = np.concatenate([[0], np.cumsum(marked)])
    tokens = np.empty(starts[-1], dtype=np.int32)
    tokens[starts[:-1]] = np.where(begun, BEGIN_TOKEN, PAD_TOKEN)
    shift = np.repeat(starts[:-1] + 1 - offsets[:-1], lengths)
    tokens[np.arange(len(codes)) + shift] = as_tokens(codes)
    tokens[starts[1:][ended] - 1] = END_TOKEN

    row = np.repeat(np.arange(n), marked)
    place = np.arange(starts[-1]) - starts[row]
    targets = np.flatnonzero(place > 0)
    place, row = place[targets], row[targets]
    history = np.full((len(targets), size), PAD_TOKEN, dtype=np.int32)
    for back in range(1, size + 1):
        inside = place >= back
        history[inside, size - back] = tokens[targets[inside] - back]
    return EventWindows(history, tokens[targets], row, place - 1)


def cut_windows(X: Any, size: int = 10, labels: ArrayLike | None = None) -> Windows:
    """Cut sessions into windows of `size` events and the event that came next.

    As DeepLog's data loaders cut them: every run of `size` events with the one after it, and for
    each session a last window, padded in front where the session is shorter, whose next event is
    the end. Sessions that were cut by the end of the log have no such last window.

    Parameters
    ----------
    X : Sequences, or what `as_sequences` takes
    size : int
        Events of history.
    labels : array-like of int, shape (n_sessions,), optional
        1 anomaly, 0 normal, −1 unknown; each window gets its session's.

    Raises
    ------
    UsageError
        `size` is less than 1.
    InputError
        There is not one label a session, or no event.

    Examples
    --------
    >>> windows = cut_windows([["a", "b", "c"], ["a"]], size=2, labels=[0, 1])
    >>> window_frame(windows)["sequence"].to_list()
    [['a', 'b'], ['b', 'c'], ['a']]
    >>> window_frame(windows)["next_event"].to_list(), windows.label.tolist()
    (['c', None, None], [0, 0, 1])
    """
    if size < 1:
        raise UsageError(f"windows of {size} events; expected 1 or more")
    sequences = as_sequences(X)
    if not len(sequences.events):
        raise InputError("the sessions hold no events; expected at least one")
    own = None if labels is None else np.asarray(labels, dtype=np.int64)
    if own is not None and len(own) != len(sequences):
        raise InputError(f"{len(own)} labels for {len(sequences)} sessions; expected one each")
    codes = sequences.events
    cut = event_windows(codes, sequences.offsets, sequences.begun, sequences.ended, size)
    whole = (cut.position >= size) | (cut.target == END_TOKEN)
    ids = np.arange(-SPECIAL_TOKENS, int(codes.max()) + 1)
    ids[[PAD_TOKEN, BEGIN_TOKEN, END_TOKEN]] = PAD, PAD, END
    session = cut.sequence[whole]
    return Windows(
        history=ids[cut.history[whole]],
        next_event=ids[cut.target[whole]],
        names=sequences.names,
        session=session,
        sessions=sequences,
        label=None if own is None else own[session],
    )


def as_windows(X: Any) -> Windows | None:
    """Return `X` as windows, or None where it has another form.

    Parameters
    ----------
    X : Windows, data frame or mapping with the columns ``sequence`` and ``next_event``, or a pair
        Lists or a matrix of events, and one event a row, None at the end of a session; integers
        below 0 are reserved (``PAD``, ``END``). A column ``label`` holds 1 for anomalous windows, a
        column ``session`` what they were cut from, so that no session is in two folds.
        A pair (sequence, next event) of arrays is the same without names.

    Raises
    ------
    InputError
        The two are not as long as each other, or do not hold events.

    Examples
    --------
    >>> as_windows((np.array([[1, 2], [2, 3]]), np.array([3, 4]))).history.tolist()
    [[1, 2], [2, 3]]
    """
    if isinstance(X, Windows):
        return X
    label = session = None
    if isinstance(X, tuple) and len(X) == 2 and all(hasattr(part, "ndim") for part in X):
        history, came = X
        if history.ndim != 2 and history.dtype != object:
            return None  # two sequences of events
    elif (isinstance(X, Mapping) or hasattr(X, "columns")) and {"sequence", "next_event"} <= set(
        X if isinstance(X, Mapping) else X.columns
    ):
        history, came = X["sequence"], X["next_event"]
        columns = X if isinstance(X, Mapping) else X.columns
        if "label" in columns:
            label = np.array([_label(value) for value in X["label"]], dtype=np.int64)
        if "session" in columns:
            session = np.unique([str(s) for s in X["session"]], return_inverse=True)[1].ravel()
    else:
        return None
    if len(history) != len(came):
        raise InputError(f"{len(history)} windows and {len(came)} next events; expected one each")
    if not len(came):
        raise InputError("no windows; expected at least one")
    if isinstance(history, np.ndarray) and history.ndim == 2 and history.dtype.kind in "iu":
        ids = np.asarray(came)
        if ids.dtype.kind in "iu":
            _check_reserved(history, ids)
            return Windows(history, ids, session=session, label=label)
    return replace(_from_lists(history, came), session=session, label=label)


def _label(value: Any) -> int:
    if _is_missing(value):
        return -1
    if value in (0, 1, -1):
        return int(value)
    raise InputError(f"label {value!r} of a window; expected 1, 0 or −1")


def _is_missing(value: Any) -> bool:
    # None, NaN, and pandas' NA, which cannot be compared.
    return (
        value is None
        or type(value).__name__ == "NAType"
        or value is not value
        or (isinstance(value, float) and np.isnan(value))
    )


def _event(value: Any) -> Any:
    """Return an event as it was before its column had gaps, which make integers floats."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_reserved(history: NDArray[Any], came: NDArray[Any]) -> None:
    strange = [*history[(history < 0) & (history != PAD)], *came[(came < 0) & (came != END)]]
    if strange:
        raise InputError(
            f"event {int(strange[0])}: integers below 0 are reserved ({PAD} pads the front of a "
            f"window, {END} as next event ends a session); number events from 0"
        )


def _from_lists(history: Any, came: Any) -> Windows:
    """Make windows of lists of events that may be shorter than the longest."""
    following = [None if _is_missing(event) else _event(event) for event in came]
    if any(isinstance(row, str | bytes) for row in history):
        raise InputError("a window is a text; expected a list of events, one window a row")
    filled = ([] if _is_missing(row) else row for row in history)
    before = [[_event(e) for e in row if not _is_missing(e) and e != PAD] for row in filled]
    ended = [event is None or event == END for event in following]
    rows = [
        row if over else [*row, event]
        for row, event, over in zip(before, following, ended, strict=True)
    ]
    flat = as_sequences(rows)
    lengths = flat.lengths - ~np.array(ended)
    size = max(1, int(lengths.max()))
    matrix = np.full((len(rows), size), PAD, dtype=np.int64)
    back = np.arange(size) - size  # column → place counted from the end of the history
    at = flat.offsets[:-1, None] + lengths[:, None] + back
    inside = at >= flat.offsets[:-1, None]
    matrix[inside] = flat.events[at[inside]]
    next_event = np.full(len(rows), END, dtype=np.int64)
    goes_on = ~np.array(ended)
    next_event[goes_on] = flat.events[flat.offsets[1:][goes_on] - 1]
    return Windows(matrix, next_event, flat.names)


def window_frame(windows: Windows) -> pl.DataFrame:
    """Return one row a window: session, sequence, next_event (null at the end), label.

    Padding is left out of ``sequence``, so that a list is shorter where less came before.
    """
    size = windows.history.shape[1]
    events = pl.Series(windows.names) if windows.names else None

    def named(ids: NDArray[Any]) -> pl.Series:
        series = pl.Series(np.where(ids < 0, 0, ids).astype(np.int64))
        named = series if events is None else events.gather(series)
        return named.set(pl.Series(ids < 0), None)

    flat = named(windows.history.ravel())
    sequence = flat.reshape((len(windows), size)).arr.to_list().list.drop_nulls()
    columns = {"sequence": sequence, "next_event": named(windows.next_event)}
    if windows.session is not None:
        columns = {"session": pl.Series(windows.session), **columns}
    if windows.label is not None:
        columns["label"] = pl.Series(windows.label)
    return pl.DataFrame(columns)


def tokenise(X: Sequences | Windows, vocabulary: Vocabulary, size: int) -> EventWindows:
    """Return the windows of `X` as tokens: one for each event, or those that were given.

    Windows that were given are items of their own: ``sequence`` numbers them. Histories longer
    than `size` lose their oldest events, shorter ones are padded.
    """
    if isinstance(X, Sequences):
        return event_windows(vocabulary.encode(X), X.offsets, X.begun, X.ended, size)
    largest = max(int(X.history.max(initial=0)), int(X.next_event.max(initial=0)))
    codes = vocabulary.table(X.names, largest + 1)
    by_id = np.empty(largest + 1 - PAD, dtype=np.int32)
    by_id[-PAD:] = as_tokens(codes)
    by_id[:-PAD] = UNKNOWN_TOKEN
    by_id[0], by_id[END - PAD] = PAD_TOKEN, END_TOKEN
    history = by_id[X.history[:, -size:].astype(np.int64) - PAD]
    begins = history[:, 0] == PAD_TOKEN  # a history that is not full shows where a session began
    if X.sessions is not None and X.session is not None:
        begins &= X.sessions.begun[X.session]
    if (short := size - history.shape[1]) > 0:
        history = np.pad(history, ((0, 0), (short, 0)), constant_values=PAD_TOKEN)
    starts = np.flatnonzero(begins)
    at = (history[starts] != PAD_TOKEN).argmax(axis=1) - 1  # -1, the last, where all is padding
    history[starts, at] = BEGIN_TOKEN
    rows = np.arange(len(X), dtype=np.int64)
    place = (history != PAD_TOKEN).sum(axis=1).astype(np.int64)
    target = by_id[X.next_event.astype(np.int64) - PAD]
    return EventWindows(history, target, rows, place)


def prefixes(windows: EventWindows) -> EventWindows:
    """Return one window for each event of each window, with what stands before it in the window.

    ``sequence`` keeps the row that each comes from.

    Examples
    --------
    >>> windows = cut_windows([["a", "b"]], 2)
    >>> expanded = prefixes(tokenise(windows, Vocabulary(["a", "b"]), 2))
    >>> expanded.history.tolist(), expanded.target.tolist()
    ([[0, 0], [0, 4], [4, 5]], [4, 5, 2])
    """
    whole = np.column_stack([windows.history, windows.target])
    size = whole.shape[1] - 1
    parts = []
    for at in range(size + 1):
        real = np.flatnonzero((whole[:, at] != PAD_TOKEN) & (whole[:, at] != BEGIN_TOKEN))
        history = np.full((len(real), size), PAD_TOKEN, dtype=np.int32)
        history[:, size - at :] = whole[real, :at]
        place = windows.position[real] - (size - at)
        parts.append(EventWindows(history, whole[real, at], windows.sequence[real], place))
    return EventWindows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def distinct_rows(
    *columns: NDArray[Any],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (first, inverse, counts) of the distinct rows of matrices of small integers.

    Rows are packed into integers, as many columns to one as fit, so that sorting is cheap; neither
    packing nor sorting works on more rows at once than the processor's cache holds. The distinct
    rows are in lexicographic order.

    Parameters
    ----------
    *columns : ndarray of int, shape (n, k) or (n,)
        Side by side they are the rows.

    Examples
    --------
    >>> first, inverse, counts = distinct_rows(np.array([[1, 2], [0, 2], [1, 2]]), np.zeros(3, int))
    >>> first.tolist(), inverse.tolist(), counts.tolist()
    ([1, 0], [1, 0, 1], [1, 2])
    """
    words = _packed(columns)
    first, inverse = _distinct(words[0])
    for word in words[1:]:  # ranks so far and those of the next word, as one integer again
        _, rank = _distinct(word)
        first, inverse = _distinct(inverse * (int(rank.max(initial=0)) + 1) + rank)
    return first, inverse, np.bincount(inverse, minlength=len(first))


def _packed(columns: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
    """Return rows as numbers in the same order, shape (n_words, n), the first digits first."""
    n = len(columns[0])
    low = min((int(c.min()) for c in columns if c.size), default=0)
    base = max((int(c.max()) for c in columns if c.size), default=0) - low + 1
    per_word = max(1, 62 // max(1, (base - 1).bit_length()))
    width = sum(1 if c.ndim == 1 else c.shape[1] for c in columns)
    words = np.empty((-(-width // per_word), n), dtype=np.int64)
    for at in range(0, n, _IN_CACHE):
        block = np.column_stack([c[at : at + _IN_CACHE].astype(np.int64) - low for c in columns])
        for word, start in zip(words, range(0, width, per_word), strict=True):
            digits = block[:, start : start + per_word]
            place = [base**power for power in reversed(range(digits.shape[1]))]
            word[at : at + _IN_CACHE] = digits @ np.array(place)
    return words


def _distinct(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (first, inverse) of the distinct integers, in ascending order."""
    n = len(keys)
    first, inverse = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    found = 0
    for at in range(0, n, _IN_CACHE):
        part = slice(at, at + _IN_CACHE)
        _, own, inverse[part] = np.unique(keys[part], return_index=True, return_inverse=True)
        inverse[part] += found
        first[found : found + len(own)] = own + at
        found += len(own)
    first = first[:found]
    if n > _IN_CACHE:
        _, own, rank = np.unique(keys[first], return_index=True, return_inverse=True)
        first, inverse = first[own], rank[inverse]
    return first, inverse

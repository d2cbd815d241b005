"""Windows of events: what came before each event, as one matrix, and its distinct rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from amiss.represent.sequences import UNKNOWN

PAD_TOKEN, BEGIN_TOKEN, END_TOKEN, UNKNOWN_TOKEN = 0, 1, 2, 3
SPECIAL_TOKENS = 4
"""Tokens below this are not events; event code *c* is token ``c + SPECIAL_TOKENS``."""


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
    tokens[np.arange(len(codes)) + shift] = np.where(
        codes == UNKNOWN, UNKNOWN_TOKEN, codes + SPECIAL_TOKENS
    )
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


def distinct_rows(
    rows: NDArray[np.int32],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (first, inverse, counts) of the distinct rows of a matrix of small integers ≥ 0.

    Rows are packed into integers, as many columns to one as fit, so that sorting is cheap.
    """
    if not len(rows):
        empty = np.empty(0, dtype=np.int64)
        return empty, empty, empty
    base = int(rows.max()) + 1
    per_word = max(1, int(62 // max(1, (base - 1).bit_length())))
    code = np.zeros(len(rows), dtype=np.int64)
    first = inverse = counts = code
    for start in range(0, rows.shape[1], per_word):
        packed = np.zeros(len(rows), dtype=np.int64)
        for column in range(start, min(start + per_word, rows.shape[1])):
            packed = packed * base + rows[:, column]
        if start:  # ranks so far and the next word, as one integer again
            _, packed = np.unique(packed, return_inverse=True)
            packed = code * (int(packed.max()) + 1) + packed
        _, first, inverse, counts = np.unique(
            packed, return_index=True, return_inverse=True, return_counts=True
        )
        code = inverse
    return first, inverse, counts

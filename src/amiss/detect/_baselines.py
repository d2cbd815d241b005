"""Trivial detectors to stand beside the real ones. A model that does not beat them says so."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amiss.represent.sequences import Vocabulary, count_matrix
from amiss.represent.windows import distinct_rows, event_windows, tokenise
from amiss.types import Sequences, Windows

Scores = NDArray[np.float64]


def baseline_scores(train: Sequences, test: Sequences) -> dict[str, Scores]:
    """Return the score of each test sequence by each baseline, by name.

    ``new event``
        Number of distinct events that training does not have.
    ``new length``
        1 if no training sequence is as long.
    ``new counts``
        1 if no training sequence has the same events as often.
    ``new 2-gram``
        Number of distinct pairs of neighbours, begin and end included, that training does not have.

    Cut sequences are judged by the same rules.

    Examples
    --------
    >>> from amiss.represent.sequences import as_sequences
    >>> scores = baseline_scores(as_sequences([["a", "b"]]), as_sequences([["a", "c"], ["b", "a"]]))
    >>> {name: values.tolist() for name, values in scores.items()}  # doctest: +NORMALIZE_WHITESPACE
    {'new event': [1.0, 0.0], 'new length': [0.0, 0.0], 'new counts': [1.0, 0.0],
     'new 2-gram': [2.0, 3.0]}
    """
    vocabulary = Vocabulary.learn(train)
    codes = vocabulary.encode(test)
    row = np.repeat(np.arange(len(test)), test.lengths)
    unknown = np.unique(np.stack([row[codes < 0], test.events[codes < 0]]), axis=1)
    new_event = np.bincount(unknown[0], minlength=len(test)).astype(float)
    new_length = (~np.isin(test.lengths, train.lengths)).astype(float)

    seen = {_key(counts) for counts in _count_rows(vocabulary, train)}
    new_counts = np.array([_key(c) not in seen for c in _count_rows(vocabulary, test)], dtype=float)

    known_pairs = np.unique(_pairs(vocabulary, train)[0])
    pairs, owner = _pairs(vocabulary, test)
    fresh = ~np.isin(pairs, known_pairs)
    distinct = np.unique(np.stack([owner[fresh], pairs[fresh]]), axis=1)
    new_pair = np.bincount(distinct[0], minlength=len(test)).astype(float)
    return {
        "new event": new_event,
        "new length": new_length,
        "new counts": np.maximum(new_counts, new_event > 0),
        "new 2-gram": new_pair,
    }


def window_baseline_scores(train: Windows, test: Windows) -> dict[str, Scores]:
    """Return the score of each test window by each baseline, by name.

    ``new next event``
        1 if training never has the event that came.
    ``new 2-gram``
        1 if in training it never follows the event before.
    ``new window``
        1 if training does not have this window with this event.

    Examples
    --------
    >>> from amiss.represent.windows import cut_windows
    >>> train, test = cut_windows([["a", "b"]], 2), cut_windows([["b", "a"]], 2)
    >>> {name: values.tolist() for name, values in window_baseline_scores(train, test).items()}
    {'new next event': [0.0], 'new 2-gram': [1.0], 'new window': [1.0]}
    """
    vocabulary = Vocabulary.learn(train)
    size = test.history.shape[1]
    known, seen = tokenise(train, vocabulary, size), tokenise(test, vocabulary, size)
    pairs = [np.column_stack([w.history[:, -1:], w.target]) for w in (known, seen)]
    whole = [np.column_stack([w.history, w.target]) for w in (known, seen)]
    return {
        "new next event": (~np.isin(seen.target, known.target)).astype(np.float64),
        "new 2-gram": _new_rows(*pairs),
        "new window": _new_rows(*whole),
    }


def _new_rows(known: NDArray[np.int32], rows: NDArray[np.int32]) -> Scores:
    """Return 1 for each of `rows` that is not among the `known`, else 0."""
    _, kind, _ = distinct_rows(np.concatenate([known, rows]))
    return (~np.isin(kind[len(known) :], kind[: len(known)])).astype(np.float64)


def _count_rows(vocabulary: Vocabulary, X: Sequences) -> NDArray[np.float64]:
    counts = count_matrix(vocabulary.encode(X), X.offsets, len(vocabulary))
    dense: NDArray[np.float64] = counts.toarray()
    return dense


def _key(counts: NDArray[np.float64]) -> bytes:
    return counts.tobytes()


def _pairs(vocabulary: Vocabulary, X: Sequences) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    windows = event_windows(vocabulary.encode(X), X.offsets, X.begun, X.ended, 1)
    base = len(vocabulary) + 8
    return windows.history[:, 0].astype(np.int64) * base + windows.target, windows.sequence

"""NGrams: what n-grams of events say, as a language model or by those that are new."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from amiss.detect._base import Detector, Scores, normal_items
from amiss.detect._space import Choice, Integer, SearchSpace
from amiss.detect._stretch import check_stretch, trace_mean
from amiss.detect._train import seed_of
from amiss.detect._windowed import check_has_events, event_offsets, fold_of
from amiss.errors import UsageError
from amiss.represent.sequences import Vocabulary
from amiss.represent.windows import (
    BEGIN_TOKEN,
    END_TOKEN,
    SPECIAL_TOKENS,
    UNKNOWN_TOKEN,
    as_tokens,
    distinct_rows,
)
from amiss.types import END, Sequences

_FOLDS = 5
_EVENTS_AT_ONCE = 1 << 20
_CELLS = 1 << 22
"""Probabilities that are held at once where those of all events are asked."""
_UNSEEN = -1


class _Order(NamedTuple):
    """The n-grams of one length that training has."""

    keys: NDArray[np.int64]
    """Row of the first n − 1 events among the shorter n-grams · tokens + the last; ascending."""
    counts: NDArray[np.int64]
    followed: NDArray[np.int64]
    """How often each shorter n-gram is followed by an event."""
    kinds: NDArray[np.int64]
    """By how many different ones."""


class NGrams(Detector):
    r"""A back-off language model of n-grams, or the share of n-grams that are new.

    The baseline that networks on event traces have to beat: it is exact on what training has, and
    takes a second where they take minutes.

    Parameters
    ----------
    order : int, default 8
        Length of the longest n-grams: an event is predicted from up to ``order - 1`` before it.
    score : {"probability", "unseen"}, default "probability"
        A trace's score is the mean −ln p of its events, or the share of them that end an n-gram
        which training does not have.
    stretch : int, optional
        Score a trace by its calmest stretch: the lowest mean of so many events in a row. For
        traces that are anomalous from end to end, such as those of a process under attack: one
        that does what is known for a while is a normal one that also does something else. Leave it
        out where a fault shows in a part of a trace only.
    contamination : float, default 0.1
        Share of training items above the threshold of the bare detector.
    random_state : int, optional
        Draws the folds.

    Attributes
    ----------
    vocabulary_ : Vocabulary

    Notes
    -----
    Probabilities are interpolated after Witten and Bell: with *N* events after a context *c*, of
    *T* kinds, :math:`p(e \mid c) = \frac{n(c, e) + T p(e \mid c')}{N + T}`, where *c'* lacks the
    oldest event of *c*; the shortest context of all expects every event alike, one never seen
    among them. The begin and the end of a sequence, where they were seen, are events too.
    ``training_score_`` is out of fold, five of them, no trace in two.

    References
    ----------
    I. H. Witten, T. C. Bell: The Zero-Frequency Problem: Estimating the Probabilities of Novel
    Events in Adaptive Text Compression. IEEE Transactions on Information Theory 37(4), 1991.
    S. A. Hofmeyr, S. Forrest, A. Somayaji: Intrusion Detection Using Sequences of System Calls.
    Journal of Computer Security 6(3), 1998.

    Examples
    --------
    >>> normal = [["open", "read", "close"], ["open", "close"]] * 50
    >>> detector = NGrams().fit(normal)
    >>> late, usual = detector.anomaly_score([["close", "open"], ["open", "close"]])
    >>> bool(late > usual)
    True
    """

    inputs = ("sequences",)
    name = "n-grams"
    resolution = 1e-9
    search_space: ClassVar[SearchSpace] = {
        "order": Integer(2, 12),
        "score": Choice(("probability", "unseen")),
    }
    vocabulary_: Vocabulary
    orders_: list[_Order]

    def __init__(
        self,
        order: int = 8,
        score: Literal["probability", "unseen"] = "probability",
        stretch: int | None = None,
        contamination: float = 0.1,
        random_state: int | None = None,
    ) -> None:
        self.order = order
        self.score = score
        self.stretch = stretch
        self.contamination = contamination
        self.random_state = random_state

    def _fit(self, X: Sequences, y: NDArray[Any] | None) -> None:
        if self.order < 1:
            raise UsageError(f"order={self.order}; expected n-grams of 1 event or more")
        if self.score not in ("probability", "unseen"):
            raise UsageError(f"score={self.score!r}; expected probability or unseen")
        check_stretch(self.stretch)
        normal = normal_items(len(X), y)
        check_has_events(X.take(normal))
        fold = fold_of(X, _FOLDS, seed_of(self.random_state))
        scores = np.empty(len(X))
        for held_out in np.unique(fold):
            rows = fold == held_out
            teachers = normal & ~rows
            self._learn(X.take(teachers if teachers.any() else normal))
            scores[rows] = self._anomaly_score(X.take(rows))
        self._learn(X.take(normal))
        self.training_score_ = scores

    def _learn(self, X: Sequences) -> None:
        self.vocabulary_ = Vocabulary.learn(X)
        tokens, left = self._tokens(X)
        base = len(self.vocabulary_) + SPECIAL_TOKENS
        self.orders_ = []
        gram = np.zeros(len(tokens), dtype=np.int64)  # row of the n-gram that starts at each place
        n_shorter = 1
        for n in range(1, self.order + 1):
            at = np.flatnonzero(left >= n)
            if not len(at):  # no sequence is as long
                break
            keys, row, counts = np.unique(
                gram[at] * base + tokens[at + n - 1], return_inverse=True, return_counts=True
            )
            self.orders_.append(_order(keys, counts, n_shorter, base))
            gram = np.full(len(tokens), _UNSEEN)
            gram[at] = row
            n_shorter = len(keys)

    def _tokens(self, X: Sequences) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return all events as tokens, with begin and end where seen; and how many are left.

        The second counts the tokens from each place to the end of its sequence.
        """
        codes = self.vocabulary_.encode(X)
        marked = X.lengths + X.begun + X.ended
        starts = np.concatenate([[0], np.cumsum(marked)])
        tokens = np.empty(starts[-1], dtype=np.int64)
        tokens[starts[:-1][X.begun]] = BEGIN_TOKEN
        tokens[starts[1:][X.ended] - 1] = END_TOKEN
        shift = np.repeat(starts[:-1] + X.begun - X.offsets[:-1], X.lengths)
        tokens[np.arange(len(codes)) + shift] = as_tokens(codes)
        return tokens, np.repeat(starts[1:], marked) - np.arange(starts[-1])

    def _grams(self, tokens: NDArray[np.int64], left: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Return for each length from 0 the row of the n-gram that starts at each place."""
        base = len(self.vocabulary_) + SPECIAL_TOKENS
        grams = [np.zeros(len(tokens), dtype=np.int64)]
        for n, order in enumerate(self.orders_, 1):
            gram = np.full(len(tokens), _UNSEEN)
            at = np.flatnonzero((left >= n) & (grams[-1] != _UNSEEN))
            gram[at] = _find(order.keys, grams[-1][at] * base + tokens[at + n - 1])
            grams.append(gram)
        return grams

    def _anomaly_score(self, X: Sequences) -> Scores:
        # What is held of each event is held of some sequences at a time only.
        block = X.offsets[:-1] // _EVENTS_AT_ONCE
        edges = np.flatnonzero(np.diff(block, prepend=-1, append=block[-1:] + 1))
        scores = np.empty(len(X))
        for first, end in pairwise(edges.tolist()):
            rows = np.arange(first, end)
            part = X.take(rows)
            values = self._event_values(part, self.score)
            scores[rows] = trace_mean(values, event_offsets(part), self.stretch)
        return scores

    def event_score(self, X: Any) -> list[Scores]:
        """Return −ln p of each event of each sequence, the end marker, if seen, last."""
        sequences = self._check(X)
        values = self._event_values(sequences, "probability")
        return list(np.split(values, event_offsets(sequences)[1:-1]))

    def _event_values(self, X: Sequences, score: str) -> Scores:
        tokens, left = self._tokens(X)
        grams = self._grams(tokens, left)
        events = np.flatnonzero(tokens != BEGIN_TOKEN)
        marked = X.lengths + X.begun + X.ended
        before = np.arange(len(tokens)) - np.repeat(np.cumsum(marked) - marked, marked)
        before = before[events]
        if score == "unseen":
            length = np.minimum(before + 1, len(self.orders_))
            values = np.empty(len(events))
            for size in range(1, len(self.orders_) + 1):
                at = np.flatnonzero(length == size)
                values[at] = grams[size][events[at] - size + 1] == _UNSEEN
            return values
        p = np.full(len(events), 1 / (len(self.vocabulary_) + SPECIAL_TOKENS))
        for n, order in enumerate(self.orders_, 1):
            at = np.flatnonzero(before >= n - 1)
            start = events[at] - n + 1
            context, gram = grams[n - 1][start], grams[n][start]
            known = context != _UNSEEN
            if not known.any():
                break
            at, context, gram = at[known], context[known], gram[known]
            count = np.where(gram == _UNSEEN, 0, order.counts[gram])
            p[at] = _interpolated(count, p[at], order.followed[context], order.kinds[context])
        return np.asarray(-np.log(p))

    def expected_events(
        self, X: Any, k: int = 3
    ) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Return the `k` likeliest events at each place, with their probabilities.

        Returns
        -------
        list of (ids, probabilities)
            Both of shape (length + 1, k), the last row for what may follow; ids index the
            vocabulary's tokens, ``END`` stands for the end of the sequence.
        """
        sequences: Sequences = self._check(X)
        tokens, left = self._tokens(sequences)
        grams = self._grams(tokens, left)
        marked = sequences.lengths + sequences.begun + sequences.ended
        starts = np.cumsum(marked) - marked
        # Places of the events, and one after the last; a begin is none.
        n_places = sequences.lengths + 1
        first = np.cumsum(n_places) - n_places
        place = np.arange(n_places.sum()) - np.repeat(first, n_places)
        before = place + np.repeat(sequences.begun, n_places)
        context = self._contexts(grams, before + np.repeat(starts, n_places), before)
        # The longest context that training has says which the shorter ones are.
        longest = (context != _UNSEEN).sum(axis=1)
        row = context[np.arange(len(context)), longest - 1]
        distinct, inverse, _ = distinct_rows(longest, row)
        ids, p = self._likeliest(context[distinct], k)
        ids, p = ids[inverse], p[inverse]
        ends = np.cumsum(n_places)[:-1]
        return list(zip(np.split(ids, ends), np.split(p, ends), strict=True))

    def _contexts(
        self, grams: list[NDArray[np.int64]], at: NDArray[np.int64], before: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the row of the context of each length from 0 before each place, −1 if unseen.

        Parameters
        ----------
        grams : as `_grams` has them
        at : ndarray of int64, shape (n,)
            Places among all tokens; the one after the last of a sequence may be another's first.
        before : ndarray of int64, shape (n,)
            Tokens of the same sequence before each.
        """
        context = np.full((len(at), len(self.orders_)), _UNSEEN)
        context[:, 0] = 0
        for size in range(1, len(self.orders_)):
            long = np.flatnonzero((before >= size) & (context[:, size - 1] != _UNSEEN))
            context[long, size] = grams[size][at[long] - size]
        return context

    def _likeliest(
        self, context: NDArray[np.int64], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the `k` likeliest tokens after each context as ids, and their probabilities."""
        base = len(self.vocabulary_) + SPECIAL_TOKENS
        k = min(k, base)
        ids = np.empty((len(context), k), dtype=np.int64)
        best = np.empty((len(context), k))
        step = max(1, _CELLS // base)
        for start in range(0, len(context), step):
            rows = slice(start, start + step)
            p = self._next(context[rows])
            top = np.argsort(-p, axis=1, kind="stable")[:, :k]
            ids[rows] = np.where(top == END_TOKEN, END, top - SPECIAL_TOKENS)
            best[rows] = np.take_along_axis(p, top, axis=1)
        return ids, best

    def _next(self, contexts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the probability of each token after each context, 0 of what never comes next."""
        base = len(self.vocabulary_) + SPECIAL_TOKENS
        p = np.full((len(contexts), base), 1 / base)
        for n, order in enumerate(self.orders_):
            at = np.flatnonzero(contexts[:, n] != _UNSEEN)
            context = contexts[at, n]
            begin = np.searchsorted(order.keys, context * base)
            end = np.searchsorted(order.keys, (context + 1) * base)
            count = np.zeros((len(at), base))
            for i, (a, b) in enumerate(zip(begin, end, strict=True)):
                count[i, order.keys[a:b] % base] = order.counts[a:b]
            followed, kinds = order.followed[context], order.kinds[context]
            p[at] = _interpolated(count, p[at], followed[:, None], kinds[:, None])
        p[:, :END_TOKEN] = p[:, UNKNOWN_TOKEN] = 0
        return p

    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        arrays: dict[str, NDArray[Any]] = {}
        for n, order in enumerate(self.orders_, 1):
            arrays |= {f"keys.{n}": order.keys, f"counts.{n}": order.counts}
        return {"vocabulary": self.vocabulary_.tokens}, arrays

    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self.vocabulary_ = Vocabulary(values["vocabulary"])
        base = len(self.vocabulary_) + SPECIAL_TOKENS
        self.orders_ = []
        while f"keys.{len(self.orders_) + 1}" in arrays:
            n = len(self.orders_) + 1
            keys, counts = arrays[f"keys.{n}"], arrays[f"counts.{n}"]
            n_shorter = len(self.orders_[-1].keys) if self.orders_ else 1
            self.orders_.append(_order(keys, counts, n_shorter, base))


def _order(keys: NDArray[np.int64], counts: NDArray[np.int64], n_shorter: int, base: int) -> _Order:
    counts = np.where(keys % base == BEGIN_TOKEN, 0, counts)  # the begin follows nothing
    context = keys // base
    followed = np.bincount(context, weights=counts, minlength=n_shorter).astype(np.int64)
    return _Order(keys, counts, followed, np.bincount(context[counts > 0], minlength=n_shorter))


def _interpolated(count: Any, p: Any, followed: Any, kinds: Any) -> Any:
    """Return the probability in a longer context, from that in the shorter one."""
    total = followed + kinds
    return np.where(total > 0, (count + kinds * p) / np.maximum(total, 1), p)


def _find(keys: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the row of each of the `wanted` among the ascending `keys`, −1 where there is none."""
    if not len(keys):
        return np.full(len(wanted), _UNSEEN)
    row = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[row] == wanted, row, _UNSEEN)

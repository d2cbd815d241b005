"""NearestProfile: how unlike a trace's n-gram frequencies are to those of any normal trace."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from amiss.detect._base import Detector, Scores, normal_items
from amiss.detect._space import Choice, Integer, SearchSpace
from amiss.detect._stretch import check_stretch
from amiss.detect._train import seed_of
from amiss.detect._windowed import check_has_events
from amiss.errors import UsageError
from amiss.represent.sequences import UNKNOWN, Vocabulary
from amiss.types import Sequences, ragged_index

_CELLS = 1 << 23
"""Similarities held at once: 64 MB."""


class NearestProfile(Detector):
    r"""Distance to the nearest normal stretch of events, by how often each n-gram occurs in it.

    Traces are cut into stretches that overlap by half. A stretch is a vector of n-gram counts, each
    times its rarity; two are as far apart as 1 minus the cosine of their angle. A trace is as
    anomalous as its stretch that is nearest to a stretch of training: 0 where training has all of
    its n-grams in the same proportions, 1 where it has none of them.

    Parameters
    ----------
    order : int, default 2
        Events of an n-gram.
    stretch : int, optional, default 200
        Events of a stretch; None takes each trace as a whole.
    max_references : int, default 20000
        Stretches of training kept, drawn at random if there are more.
    contamination : float, default 0.1
        Share of training items above the threshold of the bare detector.
    random_state : int, optional
        Draws the references.

    Attributes
    ----------
    vocabulary_ : Vocabulary
    rarity_ : ndarray of float64, shape (n_kinds,)

    Notes
    -----
    The rarity of an n-gram is :math:`1 + \log\frac{1 + n}{1 + n_g}`, where :math:`n_g` of *n*
    training traces have it. ``training_score_`` leaves out all stretches of the trace that is
    scored (see ``Sequences.trace``).

    References
    ----------
    Y. Liao, V. R. Vemuri: Using Text Categorization Techniques for Intrusion Detection. USENIX
    Security 2002.

    Examples
    --------
    >>> normal = [["open", "read", "read", "close"], ["open", "close"]] * 20
    >>> detector = NearestProfile().fit(normal)
    >>> usual, odd = detector.anomaly_score([["open", "close"], ["close", "read", "open"]])
    >>> bool(odd > usual + 0.5)
    True
    """

    inputs = ("sequences",)
    name = "nearest-profile"
    resolution = 1e-9
    search_space: ClassVar[SearchSpace] = {
        "order": Integer(1, 4),
        "stretch": Choice((50, 100, 200, 400)),
    }
    vocabulary_: Vocabulary
    rarity_: NDArray[np.float64]

    def __init__(
        self,
        order: int = 2,
        stretch: int | None = 200,
        max_references: int = 20_000,
        contamination: float = 0.1,
        random_state: int | None = None,
    ) -> None:
        self.order = order
        self.stretch = stretch
        self.max_references = max_references
        self.contamination = contamination
        self.random_state = random_state

    def _fit(self, X: Sequences, y: NDArray[Any] | None) -> None:
        if not 1 <= self.order <= 4:
            raise UsageError(f"order={self.order}; expected n-grams of 1 to 4 events")
        if self.max_references < 1:
            raise UsageError(f"max_references={self.max_references}; expected 1 or more")
        check_stretch(self.stretch)
        normal = normal_items(len(X), y)
        teachers = X.take(normal)
        check_has_events(teachers)
        self.vocabulary_ = Vocabulary.learn(teachers)
        group = np.arange(len(X))
        if X.trace is not None and len(np.unique(X.trace)) > 1:
            group = X.trace
        cut, owner = self._stretches(teachers)
        keys, row = self._grams(cut)
        self.keys_ = np.unique(keys)
        trace = np.unique(group[normal], return_inverse=True)[1].ravel()
        pairs = np.unique(trace[owner[row]] * len(self.keys_) + np.searchsorted(self.keys_, keys))
        having = np.bincount(pairs % len(self.keys_), minlength=len(self.keys_))
        n_traces = int(trace.max()) + 1
        self.rarity_ = 1 + np.log((1 + n_traces) / (1 + having))
        self.unseen_rarity_ = 1 + float(np.log(1 + n_traces))
        chosen = np.arange(len(cut))
        if len(cut) > self.max_references:
            generator = np.random.default_rng(seed_of(self.random_state))
            chosen = np.sort(generator.choice(len(cut), self.max_references, replace=False))
        self.reference_ = self._vectors(cut.take(chosen))
        self.training_score_ = self._score(X, group, group[normal][owner[chosen]])

    def _stretches(self, X: Sequences) -> tuple[Sequences, NDArray[np.int64]]:
        """Return the stretches of all sequences, and the row of each one's sequence."""
        size = self.stretch
        if size is None:
            return X, np.arange(len(X))
        step = max(1, size // 2)
        more = np.maximum(-(-(X.lengths - size) // step), 0)
        owner = np.repeat(np.arange(len(X)), more + 1)
        nth = np.arange(len(owner)) - np.repeat(np.cumsum(more + 1) - more - 1, more + 1)
        # The last one ends where its sequence does.
        start = np.minimum(nth * step, np.maximum(X.lengths - size, 0)[owner])
        lengths = np.minimum(size, X.lengths[owner])
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        first = X.offsets[:-1][owner] + start
        at = np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], lengths)
        ends = np.ones(len(owner), dtype=np.bool_)
        return Sequences(X.events[at], offsets, ends, ends, X.names), owner

    def _grams(self, X: Sequences) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the n-grams of all sequences as integers, and the row each is from.

        A sequence of fewer events is one n-gram, padded.
        """
        codes = self.vocabulary_.encode(X)
        # 0 pads, 1 is any event that training does not have.
        tokens = np.where(codes == UNKNOWN, 1, codes + 2)
        base = len(self.vocabulary_) + 2
        n_grams = np.where(X.lengths > 0, np.maximum(X.lengths - self.order + 1, 1), 0)
        row = np.repeat(np.arange(len(X)), n_grams)
        start, _ = ragged_index(
            np.concatenate([[0], np.cumsum(n_grams)]).astype(np.int64), np.arange(len(X))
        )
        start += np.repeat(X.offsets[:-1] - np.cumsum(n_grams) + n_grams, n_grams)
        keys = np.zeros(len(row), dtype=np.int64)
        padded = np.append(tokens, np.zeros(self.order, dtype=np.int64))
        for place in range(self.order):
            inside = start + place < X.offsets[1:][row]
            keys = keys * base + np.where(inside, padded[start + place], 0)
        return keys, row

    def _vectors(self, X: Sequences) -> sp.csr_array:
        """Return unit vectors, shape (n, n_kinds); n-grams without a column count in the length."""
        keys, row = self._grams(X)
        pairs, counts = np.unique(np.stack([row, keys]), axis=1, return_counts=True)
        column = np.minimum(np.searchsorted(self.keys_, pairs[1]), len(self.keys_) - 1)
        known = self.keys_[column] == pairs[1]
        values = counts * np.where(known, self.rarity_[column], self.unseen_rarity_)
        length = np.sqrt(np.bincount(pairs[0], weights=values**2, minlength=len(X)))
        values = values / length[pairs[0]]
        shape = (len(X), len(self.keys_))
        return sp.csr_array((values[known], (pairs[0][known], column[known])), shape=shape)

    def _anomaly_score(self, X: Sequences) -> Scores:
        return self._score(X, None, None)

    def _score(
        self, X: Sequences, group: NDArray[np.int64] | None, own: NDArray[np.int64] | None
    ) -> Scores:
        """Score `X`; where a sequence's `group` is a reference's `own`, they are not compared."""
        cut, owner = self._stretches(X)
        scores = np.ones(len(X))
        columns = self.reference_.T.tocsr()
        step = max(1, _CELLS // max(1, columns.shape[1]))
        for at in range(0, len(cut), step):
            rows = slice(at, at + step)
            part = np.arange(at, min(at + step, len(cut)))
            likeness = (self._vectors(cut.take(part)) @ columns).toarray()
            if group is not None and own is not None:
                likeness[group[owner[rows]][:, None] == own] = 0.0
            distance = np.clip(1 - likeness.max(axis=1), 0, 1)
            np.minimum.at(scores, owner[rows], distance)
        scores[X.lengths == 0] = 0.0
        return scores

    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        arrays = {
            "keys": self.keys_,
            "rarity": self.rarity_,
            "reference": self.reference_.data,
            "reference_columns": self.reference_.indices.astype(np.int64),
            "reference_offsets": self.reference_.indptr.astype(np.int64),
        }
        values = {"vocabulary": self.vocabulary_.tokens, "unseen_rarity": self.unseen_rarity_}
        return values, arrays

    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self.vocabulary_ = Vocabulary(values["vocabulary"])
        self.unseen_rarity_ = float(values["unseen_rarity"])
        self.keys_, self.rarity_ = arrays["keys"], arrays["rarity"]
        offsets = arrays["reference_offsets"]
        self.reference_ = sp.csr_array(
            (arrays["reference"], arrays["reference_columns"], offsets),
            shape=(len(offsets) - 1, len(self.keys_)),
        )

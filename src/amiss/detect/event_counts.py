"""EventCounts: how far a session's event counts are from those of normal sessions."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from amiss.detect._base import Detector, Scores, normal_items
from amiss.detect._space import Choice, Integer, SearchSpace
from amiss.errors import InputError, UsageError
from amiss.represent.sequences import Vocabulary, count_matrix, distinct_sequences
from amiss.types import Sequences

_CHUNK = 1 << 24
"""Cells of a distance matrix held at once: 128 MB."""


class EventCounts(Detector):
    r"""Distance to the nearest normal count vectors, rare events weighing more.

    Each session becomes a vector of event counts, or of which events occur at all. The distance of
    two is their weighted L1 distance over the larger of their weighted sizes, so that 0 is the same
    and 1 has nothing in common. Distinct vectors are compared once, however often they occur.

    A session that was cut (not ``begun`` or not ``ended``) is judged on what it has, not on what
    it lacks: only surplus counts.

    Parameters
    ----------
    vectors : {"counts", "log", "saturated", "sets"}, default "counts"
        Counts as they are, ``log(1 + count)``, ``count / (1 + count)``, or 0 and 1.
    neighborhood : float, default 0
        0 measures to the nearest training session: for clean training data. A share such as 0.03
        measures how far out one must go to hold that share of all training sessions: for data that
        may be contaminated, where anomalies of one kind are each other's nearest neighbours.
    max_references : int, default 20000
        Distinct normal vectors kept, the most frequent first.
    contamination : float, default 0.1
        Share of training items above the threshold of the bare detector.

    Attributes
    ----------
    reference_ : Sequences
        One training session for each distinct vector.
    reference_count_ : ndarray of int64, shape (n_references,)
        How many training sessions have that vector.
    weight_ : ndarray of float64, shape (n_events,)

    Notes
    -----
    The weight of event *e* is :math:`1 + s_e \log\frac{1 + n}{1 + n_e}`, where :math:`n_e` of *n*
    training sessions have it, and :math:`s_e` is the severity that the sequences carry (1 where
    they carry none): an unseen calm event weighs less than an unseen error. Leave-one-out scores
    are exact from multiplicities; the weights are those of the whole training set.

    References
    ----------
    M. Landauer, F. Skopik, M. Wurzenberger: A Critical Review of Common Log Data Sets Used for
    Evaluation of Sequence-Based Anomaly Detection Techniques. FSE 2024.

    Examples
    --------
    >>> normal = [["open", "read", "close"]] * 20 + [["open", "read", "read", "close"]] * 20
    >>> detector = EventCounts().fit(normal)
    >>> usual, odd = detector.anomaly_score([["open", "read", "close"], ["open", "crash"]])
    >>> float(usual), bool(odd > 0.5)
    (0.0, True)
    """

    inputs = ("sequences",)
    name = "event-counts"
    search_space: ClassVar[SearchSpace] = {
        "vectors": Choice(("counts", "log", "saturated", "sets")),
        "neighborhood": Choice((0.0, 0.01, 0.03, 0.1)),
        "max_references": Integer(100, 20_000, log=True),
    }

    def __init__(
        self,
        vectors: Literal["counts", "log", "saturated", "sets"] = "counts",
        neighborhood: float = 0.0,
        max_references: int = 20_000,
        contamination: float = 0.1,
    ) -> None:
        self.vectors = vectors
        self.neighborhood = neighborhood
        self.max_references = max_references
        self.contamination = contamination

    def _fit(self, X: Sequences, y: NDArray[Any] | None) -> None:
        if self.vectors not in ("counts", "log", "saturated", "sets"):
            raise UsageError(f"vectors={self.vectors!r}; expected counts, log, saturated or sets")
        if not 0 <= self.neighborhood < 1:
            raise UsageError(f"neighborhood={self.neighborhood}; expected a share in [0, 1)")
        normal = normal_items(len(X), y)
        if not normal.any():
            raise InputError("every training item is labelled an anomaly; expected normal ones")
        # A cut session would teach that having half the events is normal.
        whole = normal & X.complete
        learnt = whole if whole.any() else normal
        first, inverse, _ = distinct_sequences(X)
        distinct = X.take(first)
        self._learn(distinct, inverse[learnt])
        traces = None
        if X.trace is not None and len(np.unique(X.trace)) > 1:
            traces = np.unique(X.trace, return_inverse=True)[1].ravel()
        scores = np.empty(len(X))
        scores[~learnt] = self._score(distinct, inverse[~learnt])
        if traces is None:
            scores[learnt] = self._score(distinct, inverse[learnt], left_out=True)
        else:
            scores[learnt] = self._score_by_trace(X.take(learnt), traces[learnt])
        self.training_score_ = scores

    def _learn(self, distinct: Sequences, learnt: NDArray[np.int64]) -> None:
        """Learn from the rows `learnt` of the distinct sequences, each as often as it is there."""
        taught, at, counts = np.unique(learnt, return_index=True, return_counts=True)
        order = np.argsort(at)  # of first appearance
        example, counts, n_learnt = distinct.take(taught[order]), counts[order], len(learnt)
        self.vocabulary_ = Vocabulary.learn(example)
        vectors = self._counts(example)
        rows, group = np.unique(vectors, axis=0, return_inverse=True)
        multiplicity = np.bincount(group.ravel(), weights=counts).astype(np.int64)
        occurs = (multiplicity[:, None] * (rows > 0)).sum(axis=0)
        rarity = np.log((1 + n_learnt) / (1 + occurs))
        self.weight_ = 1 + _severity_by_code(self.vocabulary_, example) * rarity
        self.unseen_weight_ = float(np.log(1 + n_learnt))
        kept = np.argsort(-multiplicity, kind="stable")[: self.max_references]
        self.reference_count_ = multiplicity[kept]
        self.reference_vectors_ = rows[kept]
        # The first example of each vector stands for it.
        representative = np.full(len(rows), -1)
        representative[group.ravel()[::-1]] = np.arange(len(example))[::-1]
        self.reference_ = example.take(representative[kept])
        self._measured_ = self._measure(self.reference_vectors_)

    def _anomaly_score(self, X: Sequences) -> Scores:
        first, inverse, _ = distinct_sequences(X)
        return self._score(X.take(first), inverse)

    def _score(
        self, distinct: Sequences, rows: NDArray[np.int64], *, left_out: bool = False
    ) -> Scores:
        """Score the `rows` of the distinct sequences.

        With `left_out` they are references, and are not compared with themselves.
        """
        used, inverse = np.unique(rows, return_inverse=True)
        scores = np.empty(len(used))
        for part, distance in self._distances(distinct.take(used)):
            mass = np.broadcast_to(self.reference_count_, distance.shape)
            if left_out:  # an item is not its own neighbour
                mass = mass - (distance <= 1e-12)
            scores[part] = self._radius(distance, mass)
        return scores[inverse]

    def _score_by_trace(self, X: Sequences, trace: NDArray[np.int64]) -> Scores:
        """Score references by those of other traces."""
        known = {tuple(row): i for i, row in enumerate(self.reference_vectors_.tolist())}
        rows = [known.get(tuple(row), -1) for row in self._counts(X).tolist()]
        kept = np.array(rows) >= 0
        mass = np.zeros((int(trace.max()) + 1, len(self.reference_count_)), dtype=np.int64)
        np.add.at(mass, (trace[kept], np.array(rows)[kept]), 1)
        scores = np.empty(len(X))
        for own in np.unique(trace):
            part = np.flatnonzero(trace == own)
            others = self.reference_count_ - mass[own]
            for at, distance in self._distances(X.take(part)):
                scores[part[at]] = self._radius(distance, np.broadcast_to(others, distance.shape))
        return scores

    def _radius(self, distance: NDArray[np.float64], mass: NDArray[np.int64]) -> Scores:
        """Return how far out one must go to hold the neighbourhood, shape (n,).

        `mass` is how many items each reference stands for, shape (n, n_references).
        """
        if self.neighborhood == 0:
            nearest: Scores = np.where(mass > 0, distance, np.inf).min(axis=1, initial=1.0)
            return nearest
        order = np.argsort(distance, axis=1)
        held = np.cumsum(np.take_along_axis(mass, order, axis=1), axis=1)
        needed = self.neighborhood * self.reference_count_.sum()
        at = np.minimum((held < needed).sum(axis=1), distance.shape[1] - 1)
        index: NDArray[np.int64] = np.take_along_axis(order, at[:, None], axis=1)
        return np.take_along_axis(distance, index, axis=1)[:, 0]

    def _distances(self, X: Sequences) -> Any:
        """Yield (rows, distances to all references) in chunks of rows."""
        vectors = self._measure(self._counts(X))
        unseen = self._unseen(X)
        size = vectors.sum(axis=1) + unseen
        reference_size = self._measured_.sum(axis=1)
        step = max(1, _CHUNK // max(1, len(reference_size)))
        for start in range(0, len(X), step):
            rows = slice(start, start + step)
            raw = cdist(vectors[rows], self._measured_, "cityblock") + unseen[rows, None]
            # Σ max(0, a − b) = (Σ|a − b| + Σa − Σb) / 2
            surplus = (raw + size[rows, None] - reference_size) / 2
            raw = np.where(X.complete[rows, None], raw, np.maximum(surplus, 0))
            larger = np.maximum(size[rows, None], reference_size)
            yield rows, raw / np.maximum(larger, 1e-12)

    def _counts(self, X: Sequences) -> NDArray[np.float64]:
        codes = self.vocabulary_.encode(X)
        dense: NDArray[np.float64] = count_matrix(codes, X.offsets, len(self.vocabulary_)).toarray()
        return dense

    def _measure(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self._transform(counts) * self.weight_)

    def _transform(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.vectors == "log":
            return np.log1p(counts)
        if self.vectors == "saturated":
            return counts / (1 + counts)
        return counts if self.vectors == "counts" else (counts > 0).astype(np.float64)

    def _unseen(self, X: Sequences) -> NDArray[np.float64]:
        """Return the weighted size of the events training did not have, shape (n,)."""
        unknown = np.flatnonzero(self.vocabulary_.encode(X) < 0)
        total = np.zeros(len(X))
        if not len(unknown):
            return total
        row = np.searchsorted(X.offsets, unknown, side="right") - 1
        pairs, counts = np.unique(np.stack([row, X.events[unknown]]), axis=1, return_counts=True)
        severity = 1.0 if X.severity is None else np.minimum(X.severity[pairs[1]], 1.0)
        weight = 1 + severity * self.unseen_weight_
        np.add.at(total, pairs[0], weight * self._transform(counts.astype(np.float64)))
        return total

    def nearest_normal(self, X: Any) -> NDArray[np.int64]:
        """Return the row of ``reference_`` most like each item, the most frequent of equals.

        Likeness is judged by the logarithm of the counts and not relative to their size, or else a
        long session, being large, would be near to everything. A cut session is like one that has
        all it has.
        """
        sequences: Sequences = self._check(X)
        reference = np.log1p(self.reference_vectors_) * self.weight_
        counts = np.log1p(self._counts(sequences)) * self.weight_
        sizes = reference.sum(axis=1)
        first, inverse, _ = distinct_sequences(sequences)
        nearest = np.empty(len(first), dtype=np.int64)
        step = max(1, _CHUNK // max(1, len(reference)))
        for start in range(0, len(first), step):
            rows = first[start : start + step]
            distance = cdist(counts[rows], reference, "cityblock")
            surplus = (distance + counts[rows].sum(axis=1, keepdims=True) - sizes) / 2
            distance = np.where(sequences.complete[rows, None], distance, surplus.round(9))
            nearest[start : start + step] = distance.argmin(axis=1)
        return nearest[inverse]

    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        values = {
            "vocabulary": self.vocabulary_.tokens,
            "names": list(self.reference_.names),
            "unseen_weight": self.unseen_weight_,
        }
        arrays = {
            "weight": self.weight_,
            "reference_vectors": self.reference_vectors_,
            "reference_count": self.reference_count_,
            "reference_events": self.reference_.events,
            "reference_offsets": self.reference_.offsets,
        }
        return values, arrays

    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self.vocabulary_ = Vocabulary(values["vocabulary"])
        self.unseen_weight_ = float(values["unseen_weight"])
        self.weight_ = arrays["weight"]
        self.reference_vectors_ = arrays["reference_vectors"]
        self.reference_count_ = arrays["reference_count"]
        whole = np.ones(len(arrays["reference_offsets"]) - 1, dtype=np.bool_)
        self.reference_ = Sequences(
            arrays["reference_events"],
            arrays["reference_offsets"],
            whole,
            whole,
            tuple(values["names"]),
        )
        self._measured_ = self._measure(self.reference_vectors_)


def _severity_by_code(vocabulary: Vocabulary, X: Sequences) -> NDArray[np.float64]:
    severity = np.ones(len(vocabulary))
    if X.severity is not None:
        codes = vocabulary.encode(X)
        known = codes >= 0
        severity[codes[known]] = np.minimum(X.severity[X.events[known]], 1.0)
    return severity

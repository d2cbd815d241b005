"""Isolation forests: as arrays that score, and how far one doubts that rows are normal."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

_TREES = 200
_SHARPNESS = 2.0
"""Of the step from normal to anomalous, in standard deviations of the forest's score."""
_BOUND = 100.0
_CELLS = 1 << 22
"""Rows times trees that are walked at once."""


@dataclass(frozen=True, slots=True)
class Forest:
    """An isolation forest of scikit-learn as arrays, its trees one after the other.

    Attributes
    ----------
    root : ndarray of int32, shape (n_trees,)
        Node that each tree begins at.
    left, right, feature : ndarray of int32, shape (n_nodes,)
        Children, and the column that decides between them. A leaf is its own child.
    threshold : ndarray of float64, shape (n_nodes,)
        Up to it a row goes left.
    length : ndarray of float64, shape (n_nodes,)
        Of leaves, the path from the root, with what telling their rows apart would add.
    usual : ndarray of float64, shape (1,)
        The mean path of as many rows as a tree was grown from.

    Examples
    --------
    >>> X = np.append(np.random.default_rng(0).normal(size=(200, 2)), [[9.0, 9.0]], axis=0)
    >>> forest, _ = Forest.learn(X, n_trees=50, n_rows=160, seed=0)
    >>> int(forest.score(X).argmax())
    200
    """

    root: NDArray[np.int32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    length: NDArray[np.float64]
    usual: NDArray[np.float64]

    @classmethod
    def learn(
        cls, X: Any, *, n_trees: int, n_rows: int, seed: int
    ) -> tuple[Self, NDArray[np.bool_]]:
        """Grow trees from `n_rows` rows each; return which those are too, shape (n, n_trees)."""
        from sklearn.ensemble import IsolationForest

        grown = IsolationForest(n_estimators=n_trees, max_samples=n_rows, random_state=seed).fit(X)
        drawn = np.zeros((len(X), n_trees), dtype=np.bool_)
        for i, rows in enumerate(grown.estimators_samples_):
            drawn[rows, i] = True
        return cls.of(grown), drawn

    @classmethod
    def of(cls, grown: Any) -> Self:
        """Take over the trees of a fitted `IsolationForest` that looks at all columns."""
        trees = [tree.tree_ for tree in grown.estimators_]
        end = np.cumsum([tree.node_count for tree in trees])
        root = np.append(0, end[:-1])
        offset = np.repeat(root, [tree.node_count for tree in trees])
        left, right, feature, threshold, rows = (
            np.concatenate([getattr(tree, name) for tree in trees])
            for name in (
                "children_left", "children_right", "feature", "threshold", "n_node_samples"
            )
        )  # fmt: skip
        depth = np.concatenate([tree.compute_node_depths() for tree in trees]) - 1
        inner, own = left >= 0, np.arange(len(left))
        return cls(
            root=root.astype(np.int32),
            left=np.where(inner, left + offset, own).astype(np.int32),
            right=np.where(inner, right + offset, own).astype(np.int32),
            feature=np.where(inner, feature, 0).astype(np.int32),
            threshold=np.where(inner, threshold, np.inf),
            length=np.where(inner, 0.0, depth + _usual_path(rows)),
            usual=_usual_path(np.array([grown.max_samples_])),
        )

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Take back what `arrays` gave."""
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, for a file."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def score(self, X: Any, drawn: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
        """Return how odd each row is, from 0 to 1: what scikit-learn's ``score_samples`` negates.

        Parameters
        ----------
        X : ndarray, shape (n, n_features)
        drawn : ndarray of bool, shape (n, n_trees), optional
            Trees that are not to be asked of a row, since they grew from it; where those are all,
            all are asked.
        """
        # Trees were grown from numbers of single precision, and are asked such.
        X = np.asarray(X, dtype=np.float32)
        n_trees = len(self.root)
        size = max(1, _CELLS // n_trees)
        mean = np.empty(len(X))
        for start in range(0, len(X), size):
            batch = slice(start, start + size)
            lengths = self._lengths(X[batch])
            asked = np.ones(lengths.shape) if drawn is None else 1.0 - drawn[batch]
            asked[~asked.any(axis=1)] = 1.0
            mean[batch] = (lengths * asked).sum(axis=1) / asked.sum(axis=1)
        usual = float(self.usual[0])
        return np.asarray(2.0 ** -(mean / usual if usual > 0 else np.ones(len(X))))

    def _lengths(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the path of each row in each tree, shape (n, n_trees)."""
        rows = np.arange(len(X))[:, None]
        at = np.broadcast_to(self.root, (len(X), len(self.root)))
        while True:
            goes_left = X[rows, self.feature[at]] <= self.threshold[at]
            further = np.where(goes_left, self.left[at], self.right[at])
            if (further == at).all():
                return self.length[at]
            at = further


def _usual_path(n: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean path of `n` rows in a tree that tells them all apart."""
    n = np.asarray(n, dtype=np.float64)
    more = np.maximum(n, 3.0)
    usual = 2.0 * (np.log(more - 1.0) + np.euler_gamma) - 2.0 * (more - 1.0) / more
    return np.where(n > 2, usual, np.where(n == 2, 1.0, 0.0))


def forest_doubt(X: Any, share: float, seed: int) -> NDArray[np.float64]:
    """Return for each row how probable it is that it is an anomaly, shape (n,).

    A logistic function of an isolation forest's score, with the mean `share`.

    Parameters
    ----------
    X : ndarray or CSR matrix, shape (n, n_features)
    share : float
    seed : int

    Examples
    --------
    >>> X = np.append(np.random.default_rng(0).normal(size=(200, 2)), [[9.0, 9.0]], axis=0)
    >>> doubt = forest_doubt(X, 0.05, 0)
    >>> int(doubt.argmax()), round(float(doubt.mean()), 3)
    (200, 0.05)
    """
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=_TREES, random_state=seed % (1 << 32)).fit(X)
    oddness = -forest.score_samples(X)
    spread = oddness.std()
    odds = _SHARPNESS * (oddness - np.median(oddness)) / (spread if spread > 0 else 1.0)
    shift = brentq(lambda b: float(expit(odds + b).mean()) - share, -_BOUND, _BOUND)
    return np.asarray(expit(odds + shift), dtype=np.float64)

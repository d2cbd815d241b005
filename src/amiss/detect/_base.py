"""The detector contract: scikit-learn outside, one domain word inside.

An author writes ``_fit(X, y)``, which sets ``training_score_``, and ``_anomaly_score(X)``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from os import PathLike
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from amiss import store
from amiss.detect._space import SearchSpace
from amiss.errors import InputError, UsageError
from amiss.represent.sequences import as_sequences

Scores = NDArray[np.float64]
LEFT_OUT = -2
"""In `y`: not to be learnt from, neither as normal nor as an anomaly."""


class Detector(OutlierMixin, BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn is untyped
    """Base of all detectors.

    Attributes
    ----------
    inputs : tuple of {"table", "series", "sequences", "windows", "images"}
        What ``X`` may be; of the class, like the next two.
    resolution : float
        Differences of score below this mean nothing, such as between networks trained twice.
    tail_scale : float
        Beyond all calibration scores, what difference of score is a difference of rank, at least.
    needs : tuple of str
        What sequences must have besides events for scores to say anything: ``numbers``, ``time``.
    search_space : mapping of parameter to Integer, Real or Choice
        What `amiss.tune` tries.
    training_score_ : ndarray of float64, shape (n,)
        The training items scored leave-one-out or out of fold, in row order. Not in a file.
    offset_ : float
        ``decision_function`` is ``score_samples - offset_``.
    history_ : list of dict
        What training went through, one entry an epoch; empty where nothing is iterated.
    """

    inputs: ClassVar[tuple[Literal["table", "series", "sequences", "windows", "images"], ...]]
    name: ClassVar[str]
    resolution: ClassVar[float] = 0.0
    tail_scale: ClassVar[float] = 0.0
    needs: ClassVar[tuple[Literal["numbers", "time"], ...]] = ()
    search_space: ClassVar[SearchSpace] = {}
    contamination: float
    training_score_: Scores
    offset_: float
    history_: list[dict[str, float]]

    def fit(self, X: Any, y: ArrayLike | None = None) -> Detector:
        """Learn what is normal.

        Parameters
        ----------
        X : see ``inputs``
        y : array-like of int, shape (n,), optional
            1 is an anomaly, −1 unknown, −2 left out, anything else normal. (Not ``predict``'s ±1.)
            Detectors that learn from normal items only leave anomalies out.

        Raises
        ------
        InputError
            `X` is empty or of the wrong form.
        """
        if not 0 < self.contamination <= 0.5:
            raise UsageError(f"contamination {self.contamination}; expected a share in (0, 0.5]")
        X, labels = self._check(X, fitting=True), None if y is None else np.asarray(y)
        if labels is not None and labels.dtype.kind not in "biuf":
            raise InputError(f"Unknown label type: {str(labels.flat[0])!r}; expected 1 or 0")
        n = X.shape[0] if hasattr(X, "shape") else len(X)  # sparse ones have no length
        if labels is not None and len(labels) != n:
            raise InputError(f"{len(labels)} labels for {n} items; expected one an item")
        self.history_ = []
        self._fit(X, labels)
        self.offset_ = -self._threshold(X)
        return self

    def anomaly_score(self, X: Any) -> Scores:
        """Return how anomalous each item is: float64, shape (n,), higher is more anomalous."""
        check_is_fitted(self, "offset_")
        return np.asarray(self._anomaly_score(self._check(X)), dtype=np.float64)

    def score_samples(self, X: Any) -> Scores:
        """Return ``-anomaly_score(X)``, as scikit-learn has it."""
        return -self.anomaly_score(X)

    def decision_function(self, X: Any) -> Scores:
        """Return ``score_samples(X) - offset_``: negative is anomalous."""
        return self.score_samples(X) - self.offset_

    def is_anomaly(self, X: Any) -> NDArray[np.bool_]:
        """Return whether each item's score lies above the threshold: bool, shape (n,)."""
        return self.anomaly_score(X) > -self.offset_

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Return +1 for normal items and −1 for anomalies, shape (n,)."""
        return np.where(self.is_anomaly(X), -1, 1)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted detector to `path`; `amiss.load` reads it."""
        check_is_fitted(self, "offset_")
        store.write(path, "detector", *self.to_state())

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the fitted state as JSON values and arrays."""
        values, arrays = self._get_fitted()
        fitted = {"offset_": self.offset_, "history_": self.history_, "fitted": values}
        manifest = {"detector": self.name, "parameters": self._get_parameters(), **fitted}
        return manifest, arrays

    def from_state(self, manifest: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Restore what `to_state` gave, into a detector made with the same parameters."""
        self.offset_ = float(manifest["offset_"])
        self.history_ = list(manifest["history_"])
        self._set_fitted(manifest["fitted"], arrays)

    def _get_parameters(self) -> dict[str, Any]:
        return dict(self.get_params(deep=False))

    def _check(self, X: Any, fitting: bool = False) -> Any:
        """Return `X` in the form that `_fit` and `_anomaly_score` work on."""
        return as_sequences(X)

    def _threshold(self, X: Any) -> float:
        return float(np.quantile(self.training_score_, 1 - self.contamination))

    @abstractmethod
    def _fit(self, X: Any, y: NDArray[Any] | None) -> None:
        """Fit, and set ``training_score_``."""

    @abstractmethod
    def _anomaly_score(self, X: Any) -> Scores:
        """Score from the fitted state alone."""

    @abstractmethod
    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what `_fit` learnt, as JSON values and arrays."""

    @abstractmethod
    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Take back what `_get_fitted` gave."""


def normal_items(n: int, y: NDArray[Any] | None) -> NDArray[np.bool_]:
    """Return which of `n` items count as normal: unlabelled ones do."""
    return np.ones(n, dtype=np.bool_) if y is None else (y != 1) & (y != LEFT_OUT)

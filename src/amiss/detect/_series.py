"""What detectors of series share: rows that follow each other, blocks to score out of fold by."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sklearn.utils.validation import check_is_fitted

from amiss.detect._row_features import ReconstructingDetector
from amiss.detect._rows import Floats
from amiss.errors import UsageError
from amiss.types import Table

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class SeriesRows:
    """The rows of one or several series, checked.

    Attributes
    ----------
    values : ndarray of float64, shape (n, n_features)
    run : ndarray of int64, shape (n,)
        Ascending from 0: rows of one number follow each other without a gap.
    """

    values: Floats
    run: Rows

    def __len__(self) -> int:
        return len(self.values)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype) if copy else np.asarray(self.values, dtype=dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, then columns."""
        return self.values.shape

    @cached_property
    def start(self) -> Rows:
        """The first row of the run of each row, shape (n,)."""
        first = np.flatnonzero(np.diff(self.run, prepend=-1))
        return np.repeat(first, np.diff(np.append(first, len(self))))


class SeriesDetector(ReconstructingDetector):
    """Base of detectors whose items are rows that follow each other.

    A row is judged together with those around it in its run, never across a gap. A plain array, or
    a table without a ``timeline``, is one run a file.

    A bare detector cuts by the out-of-fold scores of the rows it learnt from: rows next to each
    other are alike, so folds are blocks of rows that follow each other, never rows drawn at random.
    """

    inputs: ClassVar[tuple[Any, ...]] = ("series",)
    folds: int
    windows: Sequence[int]
    _taught: NDArray[np.bool_]
    """The rows learnt from, while fitting."""

    def _check(self, X: Any, fitting: bool = False) -> Any:
        values = super()._check(X, fitting)
        return SeriesRows(values, runs_of(X, len(values)))

    def _threshold(self, X: Any) -> float:
        if self.threshold is not None:
            return float(self.threshold)
        return float(np.quantile(self.training_score_[self._taught], 1 - self.contamination))

    def _check_series_parameters(self) -> None:
        if not (isinstance(self.folds, int | np.integer) and self.folds >= 2):
            raise UsageError(f"folds={self.folds!r}; expected a whole number, 2 or more")
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise UsageError(f"threshold={self.threshold}; expected a finite number")
        lengths = self.windows
        if not (
            isinstance(lengths, Sequence)
            and len(lengths)
            and all(isinstance(n, int | np.integer) and n >= 1 for n in lengths)
        ):
            raise UsageError(f"windows={lengths!r}; expected lengths in rows, such as (1, 5, 10)")
        self._check_verdict()

    def _set_cuts(self, largest: Floats) -> None:
        """Cut features by the largest score of each row, so that every flagged row has one."""
        cut = float(np.quantile(largest, 1 - self.contamination))
        self.feature_threshold_ = self.largest_threshold_ = cut

    def _infer_feature_thresholds(self, X: Any, share: float, factor: float) -> None:
        largest = self._feature_score(X).max(axis=1)
        self.feature_threshold_ = factor * float(np.quantile(largest, share))
        self.largest_threshold_ = self.feature_threshold_

    def feature_score(self, X: Any) -> Floats:
        """Return how much each channel deviates at each row, shape (n, n_features)."""
        check_is_fitted(self, "offset_")
        return self._feature_score(self._check(X))

    def reconstruct(self, X: Any) -> Floats:
        """Return what the detector expects in place of each row, in the units of `X`."""
        check_is_fitted(self, "offset_")
        return self._reconstruct(self._check(X))

    def _get_cuts(self) -> dict[str, float]:
        return {"feature": self.feature_threshold_, "largest": self.largest_threshold_}

    def _restore_cuts(self, cuts: dict[str, float]) -> None:
        self.feature_threshold_ = float(cuts["feature"])
        self.largest_threshold_ = float(cuts["largest"])

    @abstractmethod
    def _feature_score(self, X: SeriesRows) -> Floats: ...  # type: ignore[override]

    @abstractmethod
    def _reconstruct(self, X: SeriesRows) -> Floats: ...  # type: ignore[override]


def runs_of(X: Any, n: int) -> Rows:
    """Return the run of each of the `n` rows of `X`, numbered from 0 in the order they come."""
    given = None
    if isinstance(X, Table):
        given = X.file if X.timeline is None else X.timeline.run
    if given is None:
        return np.zeros(n, dtype=np.int64)
    return np.cumsum(np.diff(given, prepend=given[:1]) != 0).astype(np.int64)


def blocks(n: int, rows: Rows, folds: int) -> Rows:
    """Return the block of each of `n` rows, 0 … folds − 1: rows that follow each other.

    Parameters
    ----------
    n : int
    rows : ndarray of int64
        Those that are learnt from: blocks have as many of them each. Others are in the block of
        the last one before them.
    folds : int

    Examples
    --------
    >>> blocks(6, np.array([0, 1, 4, 5]), 2).tolist()
    [0, 0, 0, 0, 1, 1]
    """
    folds = min(folds, len(rows))
    at = np.zeros(n, dtype=np.int64)
    at[rows] = np.arange(len(rows)) * folds // max(1, len(rows))
    return np.maximum.accumulate(at)


def split_at(X: SeriesRows, apart: NDArray[np.bool_]) -> SeriesRows:
    """Return `X` with runs that end where rows that are `apart` begin or end.

    Examples
    --------
    >>> rows = SeriesRows(np.zeros((5, 1)), np.zeros(5, dtype=np.int64))
    >>> split_at(rows, np.array([False, True, True, False, False])).run.tolist()
    [0, 1, 1, 2, 2]
    """
    ends = np.diff(X.run, prepend=X.run[:1]) != 0
    ends |= np.diff(apart, prepend=apart[:1])
    return SeriesRows(X.values, np.cumsum(ends).astype(np.int64))


def standardised(X: SeriesRows, mean: Floats, scale: Floats, furthest: float) -> SeriesRows:
    """Return the rows in standard deviations from the mean, at most `furthest`: odd in any case."""
    with np.errstate(over="ignore"):
        scaled = (X.values - mean) / scale
    return SeriesRows(np.clip(scaled, -furthest, furthest), X.run)


def known_faults(n: int, y: NDArray[Any] | None) -> NDArray[np.bool_]:
    """Return which of `n` rows are labelled anomalies."""
    return np.zeros(n, dtype=np.bool_) if y is None else np.asarray(y == 1)

"""Vector autoregression: what does not follow from the rows before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from amiss import store
from amiss.detect._base import Scores, normal_items
from amiss.detect._residual_chart import ResidualChart, lagged, usable_lengths
from amiss.detect._rows import Floats, spread, taught_items
from amiss.detect._series import (
    SeriesDetector,
    SeriesRows,
    blocks,
    known_faults,
    split_at,
    standardised,
)
from amiss.errors import UsageError

_ROWS = 1 << 14
"""Whose past is held at once."""
_FURTHEST = 1e6
"""Standard deviations: what is further is odd in any case, and its sums would lose the rest."""


class VectorAutoregression(SeriesDetector):
    """Each row is predicted from the rows before it; what stays off the prediction is odd.

    A channel that wanders, such as a temperature, is predicted from where it is, so its drift is no
    fault. A channel that is noise around a level is predicted to be at that level. The score of a
    row is the largest moving mean of the residuals of any channel, in units of what it usually is.

    Parameters
    ----------
    order : int, default 8
        Rows that the next is predicted from.
    ridge : float, default 10.0
        Penalty on the weights, as if of so many rows.
    windows : sequence of int, default (1, 5, 10, 20)
        Lengths of the moving means, in rows: the longest is about how late a faint fault is found.
    folds : int, default 4
        Blocks of rows that follow each other. For each a model is learnt from the others; the score
        of a row is the highest of any model.
    margin : float, default 1.8
        What scores are divided by. A row learnt from is scored by the one model that has not seen
        its block, a later row by the strictest of all, and what drifts has drifted further by
        then: ``training_score_`` is not divided.
    outlier_type : {"instance", "feature"}, default "instance"
        What the verdict of `judge` goes by.
    threshold : float, optional
        Score above which a row is anomalous; by default found by `contamination`.
    contamination : float, default 0.01
        Share of the rows learnt from, scored out of fold, above the threshold of the bare detector.

    Attributes
    ----------
    models_ : list
        Weights and chart of each, learnt from all blocks but one.
    feature_threshold_ : float

    Notes
    -----
    H. Lütkepohl, "New Introduction to Multiple Time Series Analysis", 2005; residual charts after
    L. C. Alwan and H. V. Roberts, "Time-Series Modeling for Statistical Process Control", JBES
    6(1), 1988.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> series = np.column_stack([np.cumsum(rng.normal(size=600)), rng.normal(size=600)])
    >>> series[500:, 1] += 2  # a step of what is noise, while the other channel wanders on
    >>> detector = VectorAutoregression().fit(series[:400])
    >>> flagged = detector.is_anomaly(series)
    >>> bool(flagged[:500].mean() < 0.05), bool(flagged[520:].mean() > 0.9)
    (True, True)
    """

    name = "vector-autoregression"

    def __init__(
        self,
        order: int = 8,
        ridge: float = 10.0,
        windows: Sequence[int] = (1, 5, 10, 20),
        folds: int = 4,
        margin: float = 1.8,
        outlier_type: Literal["instance", "feature"] = "instance",
        threshold: float | None = None,
        contamination: float = 0.01,
    ) -> None:
        self.order = order
        self.ridge = ridge
        self.windows = windows
        self.folds = folds
        self.margin = margin
        self.outlier_type = outlier_type
        self.threshold = threshold
        self.contamination = contamination

    def _fit(self, X: SeriesRows, y: NDArray[Any] | None) -> None:
        self._check_parameters()
        taught = normal_items(len(X), y)
        block = blocks(len(X), taught_items(len(X), y, "rows"), self.folds)
        # No mean and no prediction reaches from a known fault into the normal rows after it.
        X = split_at(X, known_faults(len(X), y))
        self._lengths = usable_lengths(self.windows, block[taught])
        scores = np.empty(len(X))
        self.models_ = []
        for held_out in range(int(block.max()) + 1):
            at = block == held_out
            model = self._learn(X, taught & ~at)
            scores[at] = model.feature_score(X).max(axis=1)[at]
            self.models_.append(model)
        self.training_score_ = scores
        self._taught = taught
        self._set_cuts(self.training_score_[taught])

    def _learn(self, X: SeriesRows, taught: NDArray[np.bool_]) -> _Model:
        """Learn from the rows `taught`: weights from those that follow `order` others of them."""
        mean, scale = spread(X.values[taught])
        scaled = standardised(X, mean, scale, _FURTHEST)
        # Rows that follow `order` others that are taught; not the first of a run, which would
        # predict themselves.
        after = np.arange(len(X)) - split_at(X, ~taught).start
        used = np.flatnonzero(taught & (after >= self.order))
        size = self.order * X.shape[1]
        products, moments = self.ridge * np.eye(size), np.zeros((size, X.shape[1]))
        for begin in range(0, len(used), _ROWS):
            lags = lagged(scaled, self.order, rows=used[begin : begin + _ROWS])
            products += lags.T @ lags
            moments += lags.T @ scaled.values[used[begin : begin + _ROWS]]
        weights = np.asarray(np.linalg.solve(products, moments), dtype=np.float64)
        residual = SeriesRows(scaled.values - _predicted(scaled, weights), X.run)
        constant = np.ptp(X.values[taught], axis=0) == 0
        chart = ResidualChart.learn(residual, taught, self._lengths, constant=constant)
        return _Model(mean, scale, weights, chart)

    def _feature_score(self, X: SeriesRows) -> Floats:  # type: ignore[override]
        strictest = np.max([model.feature_score(X) for model in self.models_], axis=0)
        return np.asarray(strictest / self.margin)

    def _anomaly_score(self, X: SeriesRows) -> Scores:
        return np.asarray(self._feature_score(X).max(axis=1), dtype=np.float64)

    def _reconstruct(self, X: SeriesRows) -> Floats:  # type: ignore[override]
        return np.asarray(np.mean([model.predict(X) for model in self.models_], axis=0))

    def _check_parameters(self) -> None:
        self._check_series_parameters()
        if not (isinstance(self.order, int | np.integer) and self.order >= 1):
            raise UsageError(f"order={self.order!r}; expected a whole number, 1 or more")
        if not self.margin > 0:
            raise UsageError(f"margin={self.margin}; expected more than 0")
        if not self.ridge > 0:
            raise UsageError(f"ridge={self.ridge}; expected more than 0")

    # Files.

    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        arrays = {
            f"{k}.{name}": array
            for k, model in enumerate(self.models_)
            for name, array in model.arrays().items()
        }
        values = {"cuts": self._get_cuts(), "models": len(self.models_)}
        return {**self._get_columns(), **values}, arrays

    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self._set_columns(values)
        self._restore_cuts(values["cuts"])
        models = [store.with_prefix(arrays, f"{k}.") for k in range(values["models"])]
        self.models_ = [_Model.from_arrays(of_model) for of_model in models]


@dataclass(frozen=True, slots=True)
class _Model:
    """What is learnt from all blocks but one."""

    mean: Floats
    scale: Floats
    weights: Floats
    """(order · n_features, n_features), of standardised rows, the latest first."""
    chart: ResidualChart

    def feature_score(self, X: SeriesRows) -> Floats:
        scaled = self._scaled(X)
        residual = scaled.values - _predicted(scaled, self.weights)
        return self.chart.score(SeriesRows(residual, X.run))

    def predict(self, X: SeriesRows) -> Floats:
        return _predicted(self._scaled(X), self.weights) * self.scale + self.mean

    def _scaled(self, X: SeriesRows) -> SeriesRows:
        return standardised(X, self.mean, self.scale, _FURTHEST)

    def arrays(self) -> dict[str, NDArray[Any]]:
        own = {"mean": self.mean, "scale": self.scale, "weights": self.weights}
        return own | {f"chart.{name}": array for name, array in self.chart.arrays().items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> _Model:
        chart = ResidualChart.from_arrays(store.with_prefix(arrays, "chart."))
        return cls(arrays["mean"], arrays["scale"], arrays["weights"], chart)


def _predicted(scaled: SeriesRows, weights: Floats) -> Floats:
    predicted = np.empty(scaled.shape)
    order = len(weights) // scaled.shape[1]
    for begin in range(0, len(scaled), _ROWS):
        rows = np.arange(begin, min(begin + _ROWS, len(scaled)))
        # einsum adds up each row alone, so that a row has the same score in any batch.
        np.einsum(
            "ij,jk->ik",
            lagged(scaled, order, rows=rows),
            weights,
            out=predicted[rows[0] : rows[-1] + 1],
        )
    return predicted

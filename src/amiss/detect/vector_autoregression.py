"""Vector autoregression: what does not follow from the rows before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from amiss import store
from amiss.detect._base import Scores, normal_items
from amiss.detect._residual_chart import ResidualChart, lagged
from amiss.detect._rows import Floats, spread
from amiss.detect._series import SeriesDetector, SeriesRows, blocks, learnable
from amiss.errors import UsageError

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
        Blocks of rows that are scored by what was learnt from the others.
    outlier_type : {"instance", "feature"}, default "instance"
        What the verdict of `judge` goes by.
    threshold : float, optional
        Score above which a row is anomalous; by default found by `contamination`.
    contamination : float, default 0.01
        Share of the rows learnt from, scored out of fold, above the threshold of the bare detector.

    Attributes
    ----------
    mean_, scale_ : ndarray of float64, shape (n_features,)
    weights_ : ndarray of float64, shape (order · n_features, n_features)
        Of standardised rows, the latest first.
    chart_ : ResidualChart
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
        outlier_type: Literal["instance", "feature"] = "instance",
        threshold: float | None = None,
        contamination: float = 0.01,
    ) -> None:
        self.order = order
        self.ridge = ridge
        self.windows = windows
        self.folds = folds
        self.outlier_type = outlier_type
        self.threshold = threshold
        self.contamination = contamination

    def _fit(self, X: SeriesRows, y: NDArray[Any] | None) -> None:
        self._check_parameters()
        taught = normal_items(len(X), y)
        rows = learnable(taught, X)
        block = blocks(len(X), rows, self.folds)
        scores = np.empty(X.shape)
        for held_out in range(int(block.max()) + 1):
            at = block == held_out
            self._learn(X, taught & ~at)
            scores[at] = self._feature_score(X)[at]
        self._learn(X, taught)
        self.training_score_ = scores.max(axis=1)
        self._taught = taught
        self._set_cuts(self.training_score_[taught])

    def _learn(self, X: SeriesRows, taught: NDArray[np.bool_]) -> None:
        """Learn the weights from the rows `taught` that follow `order` others of them."""
        self.mean_, self.scale_ = spread(X.values[taught])
        constant = np.ptp(X.values[taught], axis=0) == 0
        scaled = self._scaled(X)
        past = lagged(scaled, self.order)
        known = lagged(SeriesRows(taught[:, None].astype(np.float64), X.run), self.order)
        whole = taught & known.all(axis=1)
        used = whole if whole.any() else taught
        lags = past[used]
        penalty = self.ridge * np.eye(lags.shape[1])
        self.weights_ = np.linalg.solve(lags.T @ lags + penalty, lags.T @ scaled.values[used])
        residual = self._residual(scaled, past)
        self.chart_ = ResidualChart.learn(residual, taught, self.windows, constant=constant)

    def _scaled(self, X: SeriesRows) -> SeriesRows:
        with np.errstate(over="ignore"):
            scaled = (X.values - self.mean_) / self.scale_
        return SeriesRows(np.clip(scaled, -_FURTHEST, _FURTHEST), X.run)

    def _residual(self, scaled: SeriesRows, past: Floats) -> SeriesRows:
        # einsum adds up each row alone, so that a row has the same score in any batch.
        predicted = np.einsum("ij,jk->ik", past, self.weights_)
        return SeriesRows(scaled.values - predicted, scaled.run)

    def _feature_score(self, X: SeriesRows) -> Floats:  # type: ignore[override]
        scaled = self._scaled(X)
        return self.chart_.score(self._residual(scaled, lagged(scaled, self.order)))

    def _anomaly_score(self, X: SeriesRows) -> Scores:
        return np.asarray(self._feature_score(X).max(axis=1), dtype=np.float64)

    def _reconstruct(self, X: SeriesRows) -> Floats:  # type: ignore[override]
        scaled = self._scaled(X)
        residual = self._residual(scaled, lagged(scaled, self.order)).values
        return (scaled.values - residual) * self.scale_ + self.mean_

    def _check_parameters(self) -> None:
        self._check_series_parameters()
        if not (isinstance(self.order, int | np.integer) and self.order >= 1):
            raise UsageError(f"order={self.order!r}; expected a whole number, 1 or more")
        if not self.ridge > 0:
            raise UsageError(f"ridge={self.ridge}; expected more than 0")

    # Files.

    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        arrays = {"mean": self.mean_, "scale": self.scale_, "weights": self.weights_}
        arrays |= {f"chart.{name}": array for name, array in self.chart_.arrays().items()}
        return {**self._get_columns(), "cuts": self._get_cuts()}, arrays

    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self._set_columns(values)
        self._restore_cuts(values["cuts"])
        self.mean_, self.scale_ = arrays["mean"], arrays["scale"]
        self.weights_ = arrays["weights"]
        self.chart_ = ResidualChart.from_arrays(store.with_prefix(arrays, "chart."))

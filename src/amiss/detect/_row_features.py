"""What detectors share that reconstruct an item: scores, thresholds and verdicts of features."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from amiss.detect._rows import Floats, RowDetector
from amiss.errors import UsageError
from amiss.types import Judgement

_THRESHOLD_ITEMS = 2000


class ReconstructingDetector(RowDetector):
    """Base of detectors that reconstruct an item, and so say which of its features deviate.

    Attributes
    ----------
    feature_threshold_ : float
        A feature whose score lies above deviates.
    largest_threshold_ : float
        An item whose largest feature score lies above is anomalous if `outlier_type` is "feature".
    """

    outlier_type: Literal["instance", "feature"]
    feature_threshold_: float
    largest_threshold_: float

    def _check_verdict(self) -> None:
        if self.outlier_type not in ("instance", "feature"):
            raise UsageError(f"outlier_type={self.outlier_type!r}; expected instance or feature")

    def feature_score(self, X: Any) -> Floats:
        """Return the squared reconstruction error of each feature, shape of `X`.

        In units of the feature's variance in training; of images, in squared pixel values.
        """
        check_is_fitted(self, "offset_")
        return self._feature_score(self._check(X))

    def reconstruct(self, X: Any) -> Floats:
        """Return what the detector makes of `X`, in the units and the shape of `X`."""
        check_is_fitted(self, "offset_")
        return self._reconstruct(self._check(X))

    def judge(self, X: Any) -> Judgement:
        """Return scores, verdicts and reconstructions of instances and features in one object."""
        check_is_fitted(self, "offset_")
        values = self._check(X)
        score, threshold = self._anomaly_score(values), -self.offset_
        feature_score = self._feature_score(values)
        deviant = _largest(feature_score) > self.largest_threshold_
        return Judgement(
            score=score,
            threshold=threshold,
            is_anomaly=deviant if self.outlier_type == "feature" else score > threshold,
            feature_score=feature_score,
            feature_threshold=self.feature_threshold_,
            feature_is_anomaly=feature_score > self.feature_threshold_,
            values=np.asarray(values, dtype=np.float64),
            reconstruction=self._reconstruct(values),
            feature_names=self.feature_names(),
        )

    def _infer_feature_thresholds(self, X: NDArray[Any], share: float, factor: float) -> None:
        self._set_feature_thresholds(X, share, share, factor)
        if self.outlier_type == "feature" and len(X) > _THRESHOLD_ITEMS:
            # The verdict's own threshold: of all items, so that 100 % is the largest of them.
            blocks = range(0, len(X), _THRESHOLD_ITEMS)
            largest = [_largest(self._feature_score(X[at:][:_THRESHOLD_ITEMS])) for at in blocks]
            cut = np.quantile(np.concatenate(largest), share)
            self.largest_threshold_ = factor * float(cut)

    def _set_feature_thresholds(
        self, X: NDArray[Any], feature_share: float, item_share: float, factor: float = 1.0
    ) -> None:
        """Cut so that such shares of the features, and of the items by their largest, lie below."""
        # Of millions of pixels, some thousand items say the same.
        scores = self._feature_score(X[:: -(-len(X) // _THRESHOLD_ITEMS)])
        self.feature_threshold_ = factor * float(np.quantile(scores, feature_share))
        self.largest_threshold_ = factor * float(np.quantile(_largest(scores), item_share))

    @abstractmethod
    def _feature_score(self, X: NDArray[Any]) -> Floats:
        """Return how much each feature deviates, shape of `X`."""

    @abstractmethod
    def _reconstruct(self, X: NDArray[Any]) -> Floats:
        """Return what the detector makes of `X`, in its units."""


def _largest(feature_score: Floats) -> Floats:
    """Return the largest score of each item, shape (n,)."""
    return np.asarray(feature_score.reshape(len(feature_score), -1).max(axis=1))

"""What detectors of tables and images share: checks of what comes in, and the threshold."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from amiss.detect._base import Detector, normal_items
from amiss.errors import InputError, UsageError
from amiss.types import Images, Table

Floats = NDArray[np.float64]
CONSTANT_SCALE = 0.25
"""Of a column that never varied, where a change by one is to be odd. Smaller ones cost on
arrhythmia, where normal rows change such columns too."""
_NORMAL_MAD = 1.4826
"""Standard deviations of a Gaussian in one median absolute deviation."""
_ROUNDING = 1e-6
"""A spread below this share of the median is rounding."""
_LEAST_SCALE = 1e-9
"""A spread below this share of the mean is rounding: the column is constant."""


class RowDetector(Detector):
    """Base of detectors whose items are rows of a table, or images.

    A bare detector flags the share `contamination` of the items it was fitted to, as scikit-learn
    has it, unless `threshold` says where to cut.

    Attributes
    ----------
    shape_ : tuple of int
        Of one item: (n_features,), or (channels, height, width).
    accepts_sparse : bool
        Tables may be CSR; of the class.
    """

    inputs: ClassVar[tuple[Any, ...]] = ("table", "images")
    threshold: float | None
    accepts_sparse: ClassVar[bool] = False
    shape_: tuple[int, ...]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.accepts_sparse
        return tags

    def _check(self, X: Any, fitting: bool = False) -> NDArray[Any]:
        if isinstance(X, Images) or _dimensions(X) == 4:
            values: NDArray[Any] = self._check_images(X.pixels if isinstance(X, Images) else X)
        else:
            values = self._check_table(X, fitting)
        if fitting:
            self.shape_ = values.shape[1:]
        elif values.ndim - 1 != len(self.shape_):
            raise InputError(
                f"{_what(values.shape[1:])}; this detector learnt from {_what(self.shape_)}: "
                "expected such"
            )
        elif values.shape[1:] != self.shape_:
            raise InputError(
                f"images of {_size(values.shape[1:])}; this detector learnt from "
                f"{_size(self.shape_)}: resize them with amiss.read_images(…, size=…)"
            )
        return values

    def _check_table(self, X: Any, fitting: bool) -> Any:
        if isinstance(X, Table) and not issparse(X.values):
            X = pl.DataFrame(X.values, schema=list(X.columns))
        if self.accepts_sparse and issparse(X.values if isinstance(X, Table) else X):
            return self._check_sparse(X, fitting)
        _check_numeric(X)
        if "images" in self.inputs and _dimensions(X) == 3:
            raise InputError(
                f"an array of shape {np.shape(X)}; expected rows, (n, features), or images, "
                "(n, channels, height, width): images without colours have one channel"
            )
        if isinstance(X, list) and not X:
            raise InputError("no rows; expected a table of shape (n, features) with one or more")
        X = validate_data(self, X, reset=fitting, dtype=np.float64, ensure_all_finite=False)
        if fitting and len(X) < 2:
            raise InputError(
                "n_samples=1: a single row cannot say what is normal; expected two or more"
            )
        names = getattr(self, "feature_names_in_", None)
        _check_finite(X, None if names is None else list(names))
        checked: Floats = X
        return checked

    def _check_sparse(self, X: Any, fitting: bool) -> Any:
        """Return rows as CSR. scikit-learn has no names for the columns of such."""
        names = list(X.columns) if isinstance(X, Table) else None
        values = X.values if isinstance(X, Table) else X
        values = csr_array(
            check_array(values, accept_sparse="csr", dtype=np.float64, ensure_all_finite=False)
        )
        if not values.has_canonical_format:
            values = values.copy()
            values.sum_duplicates()
        if values.nnz < np.iinfo(np.int32).max:  # trees of scikit-learn take narrow indices only
            narrow = values.indices.astype(np.int32, copy=False)
            offsets = values.indptr.astype(np.int32, copy=False)
            values = csr_array((values.data, narrow, offsets), shape=values.shape)
        if not np.isfinite(values.data.sum()) and not np.isfinite(values.data).all():
            raise InputError("NaN or inf in a sparse table; expected finite numbers: fill them")
        if not fitting and values.shape[1] != self.shape_[0]:
            raise InputError(
                f"X has {values.shape[1]} features, but {type(self).__name__} is expecting "
                f"{self.shape_[0]} features as input"
            )
        known = getattr(self, "feature_names_in_", None)
        if not fitting and names is not None and known is not None and names != list(known):
            raise InputError(
                "The feature names should match those that were passed during fit: other columns, "
                "or not in the same order"
            )
        if fitting:
            if values.shape[0] < 2:
                raise InputError("n_samples=1: expected two rows or more to learn from")
            self.n_features_in_ = values.shape[1]
            self.__dict__.pop("feature_names_in_", None)  # those of another fit
            if names is not None:
                self.feature_names_in_ = np.array(names, dtype=object)
        return values

    def _check_images(self, X: Any) -> NDArray[np.float32]:
        if "images" not in self.inputs:
            raise InputError(f"{self.name} takes tables, not {_what(np.shape(X)[1:])}")
        if np.asarray(X).dtype.kind in "iu" and np.max(X) > 1:
            raise InputError(
                f"pixels are whole numbers up to {np.max(X)}; expected 0 to 1: divide them by 255"
            )
        # torch takes no views that run backwards, and warns of arrays that are read-only.
        pixels: NDArray[np.float32] = np.require(X, np.float32, ["C", "W"])
        if not pixels.size:
            raise InputError(f"images of shape {pixels.shape}; expected one or more, with pixels")
        if not np.isfinite(pixels).all():
            at = int(np.flatnonzero(~np.isfinite(pixels).all(axis=(1, 2, 3)))[0])
            raise InputError(f"image {at} has pixels that are NaN or infinite; leave it out")
        return pixels

    def _threshold(self, X: Any) -> float:
        if self.threshold is not None:
            return float(self.threshold)
        return float(np.quantile(self._anomaly_score(X), 1 - self.contamination))

    def feature_names(self) -> tuple[str, ...]:
        """Return the names of the columns, made up where there were none; empty for images."""
        if len(self.shape_) > 1:
            return ()
        names = getattr(self, "feature_names_in_", None)
        if names is None:
            names = [f"feature {i}" for i in range(self.shape_[0])]
        return tuple(str(name) for name in names)

    def infer_threshold(self, X: Any, threshold_perc: float = 95.0, margin: float = 0.0) -> Self:
        """Set the thresholds so that `threshold_perc` of the items of `X` lie below.

        Parameters
        ----------
        X : items of which so many are normal
        threshold_perc : float
            Percentage of the items below the threshold; 100 cuts at the largest score.
        margin : float
            How far above to cut, as a share of the spread of the scores between their median and
            that percentile: with only normal items, 100 and 0.1, say. Of feature scores, a share
            of their threshold.

        Returns
        -------
        self
        """
        check_is_fitted(self, "offset_")
        if not 0 < threshold_perc <= 100:
            raise UsageError(f"threshold_perc={threshold_perc}; expected a percentage, such as 95")
        if not margin >= 0:
            raise UsageError(f"margin={margin}; expected 0 or more")
        values = self._check(X)
        scores = self._anomaly_score(values)
        cut = float(np.percentile(scores, threshold_perc))
        self.offset_ = -(cut + margin * (cut - float(np.median(scores))))
        self._infer_feature_thresholds(values, threshold_perc / 100, 1 + margin)
        return self

    def _infer_feature_thresholds(self, X: Any, share: float, factor: float) -> None:
        """Cut so that `share` of features and items lie below, where features are scored."""

    def _get_columns(self) -> dict[str, Any]:
        """Return the shape of an item and the names of its columns, as JSON values."""
        names = getattr(self, "feature_names_in_", None)
        return {
            "shape": list(self.shape_),
            "feature_names": None if names is None else [str(name) for name in names],
        }

    def _set_columns(self, values: dict[str, Any]) -> None:
        self.shape_ = tuple(values["shape"])
        if len(self.shape_) == 1:
            self.n_features_in_ = self.shape_[0]
        if values["feature_names"] is not None:
            self.feature_names_in_ = np.array(values["feature_names"], dtype=object)


def _dimensions(X: Any) -> int:
    return np.ndim(X) if isinstance(X, list | tuple) else getattr(X, "ndim", 0)


def taught_items(n: int, y: NDArray[Any] | None, units: str = "items") -> NDArray[np.int64]:
    """Return the positions of the items that count as normal.

    Raises
    ------
    InputError
        There are fewer than two.
    """
    rows = np.flatnonzero(normal_items(n, y))
    if len(rows) < 2:
        raise InputError(
            f"{len(rows)} of {n} {units} are not labelled anomalies; expected two normal ones or "
            "more"
        )
    return rows


def robust_spread(values: Floats, axis: int) -> tuple[Floats, Floats]:
    """Return medians along `axis`, and median absolute deviations in standard deviations.

    Examples
    --------
    >>> median, deviation = robust_spread(np.array([[1.0, 2.0, 3.0], [7.0, 7.0, 7.0]]), axis=1)
    >>> median.tolist(), deviation.tolist()
    ([2.0, 7.0], [1.4826, 1.0])
    """
    median = np.median(values, axis=axis, keepdims=True)
    deviation = _NORMAL_MAD * np.median(np.abs(values - median), axis=axis)
    median = median.squeeze(axis)
    # Most may be the same: then the others say what is usual, if any do.
    others, rounding = values.std(axis=axis), _ROUNDING * np.abs(median)
    return median, np.where(
        deviation > rounding, deviation, np.where(others > rounding, others, 1.0)
    )


def spread(values: Floats, constant: float = 1.0) -> tuple[Floats, Floats]:
    """Return the mean and the scale of each column; that of a constant column is `constant`."""
    mean, scale = values.mean(axis=0), values.std(axis=0)
    varies = scale > _LEAST_SCALE * np.maximum(np.abs(mean), 1e-3)
    return mean, np.where(varies, scale, constant)


def _check_numeric(X: Any) -> None:
    """Raise `InputError` that names the columns of a frame that are not numbers."""
    schema = getattr(X, "schema", None)
    if isinstance(X, pl.DataFrame) and schema is not None:
        bad = [
            name
            for name, dtype in schema.items()
            if not (dtype.is_numeric() or dtype == pl.Boolean)
        ]
    elif hasattr(X, "dtypes") and hasattr(X, "columns"):  # pandas
        kinds = [getattr(dtype, "kind", "O") for dtype in X.dtypes]
        bad = [
            name
            for i, (name, kind) in enumerate(zip(X.columns, kinds, strict=True))
            if kind not in "biuf" and not (kind == "O" and _holds_numbers(X.iloc[:, i]))
        ]
    else:
        return
    if bad:
        raise InputError(
            f"columns that are not numbers: {', '.join(map(str, bad))}; expected numeric columns: "
            "drop them, or encode them as numbers"
        )


def _holds_numbers(column: Any) -> bool:
    try:
        np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return True


def _check_finite(X: Floats, names: list[str] | None) -> None:
    if np.isfinite(X.sum()):  # one pass, without a mask, where all is well
        return
    bad = np.argwhere(~np.isfinite(X))
    if not len(bad):
        return
    row, column = bad[0]
    value = X[row, column]
    what = "NaN" if np.isnan(value) else "inf"
    where = f"column {column}" if names is None else f"column {names[column]!r}"
    more = f", and {len(bad) - 1:,} more" if len(bad) > 1 else ""
    raise InputError(
        f"{what} in row {row}, {where}{more}; expected finite numbers: fill them, or leave out "
        "the rows"
    )


def _what(shape: tuple[int, ...]) -> str:
    return f"rows of {shape[0]} columns" if len(shape) == 1 else f"images of {_size(shape)}"


def _size(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    return f"{height} × {width} pixels with {channels} channel{'s' if channels != 1 else ''}"

"""Two stages: a forest marks a share of the rows, an autoencoder of the others judges them all."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from amiss import store
from amiss.decide.rules import equal_precision_recall_threshold, precision_recall_curve
from amiss.detect._base import LEFT_OUT, Detector, Scores, normal_items
from amiss.detect._forest import Forest
from amiss.detect._rows import Floats, taught_items
from amiss.detect._series import SeriesDetector, SeriesRows
from amiss.detect._train import seed_of
from amiss.errors import InputError, UsageError
from amiss.types import NO_TIME, Table, Timeline

_LEAST = 1e-12


class StageLabels(NamedTuple):
    """What the stages say of each row.

    Attributes
    ----------
    first, second, final : ndarray of bool, shape (n,)
    first_score, second_score : ndarray of float64, shape (n,)
    projection : ndarray of float64, shape (n, n_components + 1)
        What the second stage looks at: the components, of which the first two make a scatter plot,
        and last the distance of a row from what they make of it.
    """

    first: NDArray[np.bool_]
    second: NDArray[np.bool_]
    final: NDArray[np.bool_]
    first_score: Scores
    second_score: Scores
    projection: Floats


class TwoStageLabeler(SeriesDetector):
    """An isolation forest marks rows; an autoencoder of the rows it left labels them once more.

    The rows that the forest did not mark are scaled, reduced to principal components, and learnt by
    an LSTM autoencoder, with the distance of each row from what its components make of it: what no
    component describes would go unseen. Its error is cut where, against the marks of the forest,
    precision equals recall: there both stages label as many rows. How far they agree is agreement,
    not accuracy.

    Nothing that is learnt from sees what it is judged by: the marks are no feature, the error of a
    row is that of a network that saw no window of its block, and a label stands at its row.

    Parameters
    ----------
    contamination : float, default 0.02
        Share of the rows that the forest marks.
    final : {"second", "agreement", "union"}, default "second"
        Rows that count as anomalous: those of the second stage, of both, or of either. The score is
        the error, or the lesser or larger of both scores, each in units of its threshold. The
        forest's are of rows that it grew from, so that thresholds on these are somewhat low.
    n_components : int or float, default 0.9
        Principal components, or the share of the variance that they keep.
    n_trees : int, default 200
    forest : estimator, optional
        Instead of the isolation forest: has ``fit``, ``score_samples`` and ``offset_``, as
        scikit-learn's outlier detectors have.
    scaler, projection : transformer, optional
        Instead of `StandardScaler` and `PCA`.
    autoencoder : Detector, optional
        Instead of `LSTMAutoencoder(timesteps=10, score_type="error")`: a detector of series. Where
        the rows to label are those fitted to, `VectorAutoregression` needs no margin: 1.
    threshold : float, optional
        Error above which the second stage labels a row, instead of where precision equals recall.
    outlier_type : {"instance", "feature"}, default "instance"
        What the verdict of `judge` goes by.
    random_state : int, optional

    Attributes
    ----------
    labels_ : StageLabels
        Of the rows fitted to, the second stage out of fold. Not in a file.
    curve_ : tuple of ndarray
        Threshold, precision and recall of the second stage against the first. Not in a file.
    first_threshold_, second_threshold_ : float
    forest_, scaler_, projection_, autoencoder_
        The fitted stages.

    Notes
    -----
    F. T. Liu, K. M. Ting and Z.-H. Zhou, "Isolation Forest", ICDM 2008, for the first stage. Where
    scores tie there may be no cut with precision equal to recall; the nearest is taken. Where a
    third of the rows is anomalous, the rows the forest leaves are not normal, and neither is what
    the autoencoder learns.

    Examples
    --------
    >>> from amiss.detect import VectorAutoregression
    >>> rng = np.random.default_rng(0)
    >>> series = rng.normal(size=(300, 3))
    >>> series[200:206] += 6
    >>> second = VectorAutoregression(margin=1.0)
    >>> labeler = TwoStageLabeler(autoencoder=second, random_state=0).fit(series)
    >>> first, second = labeler.labels_.first, labeler.labels_.second
    >>> int(first.sum()), int(second.sum()), bool(labeler.labels_.final[200:206].any())
    (6, 6, True)
    """

    name = "two-stage"
    resolution = 1e-6
    decides: ClassVar[bool] = True
    """Its threshold is part of what it does: a model may keep it unless a rule is asked for."""

    def __init__(
        self,
        contamination: float = 0.02,
        final: Literal["second", "agreement", "union"] = "second",
        n_components: float = 0.9,
        n_trees: int = 200,
        forest: Any = None,
        scaler: Any = None,
        projection: Any = None,
        autoencoder: Detector | None = None,
        threshold: float | None = None,
        outlier_type: Literal["instance", "feature"] = "instance",
        random_state: int | None = None,
    ) -> None:
        self.contamination = contamination
        self.final = final
        self.n_components = n_components
        self.n_trees = n_trees
        self.forest = forest
        self.scaler = scaler
        self.projection = projection
        self.autoencoder = autoencoder
        self.threshold = threshold
        self.outlier_type = outlier_type
        self.random_state = random_state

    # Fitting.

    def _fit(self, X: SeriesRows, y: NDArray[Any] | None) -> None:
        self._check_parameters()
        seed = seed_of(self.random_state)
        taught = normal_items(len(X), y)
        rows = taught_items(len(X), y, "rows")
        self._fit_forest(X.values[rows], seed)
        first_score = self._first_score(X)
        first = first_score > self.first_threshold_
        left = taught & ~first
        if left.sum() < 2:
            raise InputError(
                f"the first stage leaves {left.sum()} of {len(rows)} rows; expected two or more: "
                "a smaller contamination"
            )
        self.scaler_ = clone(StandardScaler() if self.scaler is None else self.scaler)
        reducer = self._default_pca(int(left.sum())) if self.projection is None else self.projection
        self.projection_ = clone(reducer)
        scaled = self.scaler_.fit_transform(X.values[left])
        with np.errstate(invalid="ignore"):  # the share of the variance, where there is none
            self.projection_.fit(scaled)
        projected = self._project(X)
        self.autoencoder_ = self._made_autoencoder(seed)
        # Left out, not anomalous: what is around a marked row is judged with it, as later on.
        self.autoencoder_.fit(_series(projected, X), np.where(left, 0, LEFT_OUT))
        self.history_ = self.autoencoder_.history_
        error = self.autoencoder_.training_score_
        self.second_threshold_ = self._crossing(error[taught], first[taught])
        self.curve_ = precision_recall_curve(error[taught], first[taught])
        self.training_score_ = self._combined(first_score, error)
        self.labels_ = self._labelled(first_score, error, projected)
        self._taught = taught
        if hasattr(self.projection_, "inverse_transform"):
            self._set_cuts(self._feature_score(X)[taught].max(axis=1))
        else:
            self.feature_threshold_ = self.largest_threshold_ = np.inf

    def _fit_forest(self, values: Floats, seed: int) -> None:
        if self.forest is None:
            made = IsolationForest(
                n_estimators=self.n_trees, contamination=self.contamination,
                random_state=seed % (1 << 32),
            )  # fmt: skip
        else:
            made = clone(self.forest)
        made.fit(values)
        self.first_threshold_ = float(-made.offset_)
        known = type(made) is IsolationForest and made.max_features == 1.0
        self.forest_ = Forest.of(made) if known else made
        if self.forest is None:  # by the very scores that are cut: where all are alike, none is odd
            marked = self.forest_.score(values)
            self.first_threshold_ = float(np.quantile(marked, 1 - self.contamination))

    def _default_pca(self, n_rows: int) -> PCA:
        whole = isinstance(self.n_components, int | np.integer)
        most = min(self.shape_[0], n_rows)
        return PCA(min(self.n_components, most) if whole else self.n_components, svd_solver="full")

    def _made_autoencoder(self, seed: int) -> Detector:
        if self.autoencoder is not None:
            return clone(self.autoencoder)  # type: ignore[no-any-return]  # scikit-learn is untyped
        from amiss.detect.lstm_autoencoder import LSTMAutoencoder

        return LSTMAutoencoder(timesteps=10, score_type="error", random_state=seed)

    def _crossing(self, error: Scores, first: NDArray[np.bool_]) -> float:
        if self.threshold is not None:
            return float(self.threshold)
        if not first.any():  # of rows that are all alike, none is marked: then none is labelled
            return float(error.max())
        return equal_precision_recall_threshold(error, first).value

    def _threshold(self, X: Any) -> float:
        return self.second_threshold_ if self.final == "second" else 1.0

    # Scoring.

    def label(self, X: Any) -> StageLabels:
        """Return what the stages say of the rows of `X`."""
        check_is_fitted(self, "offset_")
        rows = self._check(X)
        projected = self._project(rows)
        error = self.autoencoder_.anomaly_score(_series(projected, rows))
        return self._labelled(self._first_score(rows), error, projected)

    def _labelled(self, first_score: Scores, error: Scores, projected: Floats) -> StageLabels:
        first, second = first_score > self.first_threshold_, error > self.second_threshold_
        final = {"second": second, "agreement": first & second, "union": first | second}[self.final]
        return StageLabels(first, second, final, first_score, error, projected)

    def _first_score(self, X: SeriesRows) -> Scores:
        if isinstance(self.forest_, Forest):
            return self.forest_.score(X.values)
        return np.asarray(-self.forest_.score_samples(X.values), dtype=np.float64)

    def _project(self, X: SeriesRows) -> Floats:
        scaled = self.scaler_.transform(X.values)
        components = np.asarray(self.projection_.transform(scaled), dtype=np.float64)
        if not hasattr(self.projection_, "inverse_transform"):
            return components
        left = scaled - self.projection_.inverse_transform(components)
        return np.column_stack([components, np.sqrt((left**2).sum(axis=1))])

    def _combined(self, first_score: Scores, error: Scores) -> Scores:
        if self.final == "second":
            return error
        both = [
            score / max(threshold, _LEAST)
            for score, threshold in (
                (first_score, self.first_threshold_), (error, self.second_threshold_),
            )
        ]  # fmt: skip
        return np.asarray(np.minimum(*both) if self.final == "agreement" else np.maximum(*both))

    def _anomaly_score(self, X: SeriesRows) -> Scores:
        error = self.autoencoder_.anomaly_score(_series(self._project(X), X))
        return self._combined(self._first_score(X), error)

    def _reconstruct(self, X: SeriesRows) -> Floats:  # type: ignore[override]
        stages = (self.projection_, self.scaler_, self.autoencoder_)
        wanted = ("inverse_transform", "inverse_transform", "reconstruct")
        for stage, method in zip(stages, wanted, strict=True):
            if not hasattr(stage, method):
                raise UsageError(
                    f"{type(stage).__name__} has no {method}: no channel is told apart"
                )
        series = _series(self._project(X), X)
        components = self.autoencoder_.reconstruct(series)[:, :-1]
        scaled = self.projection_.inverse_transform(components)
        return np.asarray(self.scaler_.inverse_transform(scaled), dtype=np.float64)

    def _feature_score(self, X: SeriesRows) -> Floats:  # type: ignore[override]
        reconstruction = self._reconstruct(X)
        deviation = self.scaler_.transform(X.values) - self.scaler_.transform(reconstruction)
        return np.asarray(deviation**2, dtype=np.float64)

    def _check_parameters(self) -> None:
        if self.final not in ("second", "agreement", "union"):
            raise UsageError(f"final={self.final!r}; expected second, agreement or union")
        if not (isinstance(self.n_trees, int | np.integer) and self.n_trees >= 1):
            raise UsageError(f"n_trees={self.n_trees!r}; expected a whole number, 1 or more")
        whole = isinstance(self.n_components, int | np.integer)
        if not (self.n_components >= 1 if whole else 0 < self.n_components < 1):
            raise UsageError(
                f"n_components={self.n_components!r}; expected a number of components, or a share "
                "of the variance below 1"
            )
        if self.autoencoder is not None and "series" not in self.autoencoder.inputs:
            raise UsageError(
                f"autoencoder {self.autoencoder.name!r}; expected a detector of series, such as "
                "LSTMAutoencoder"
            )
        self._check_verdict()

    # Files.

    def _get_parameters(self) -> dict[str, Any]:
        stages = {"forest": None, "scaler": None, "projection": None, "autoencoder": None}
        return {**self.get_params(deep=False), **stages}

    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        for name, known in (("forest", Forest), ("scaler", StandardScaler), ("projection", PCA)):
            stage = getattr(self, f"{name}_")
            if type(stage) is not known:
                raise UsageError(
                    f"{name} {type(stage).__name__} was given, and a file cannot hold it; expected "
                    "the stages of scikit-learn that stand there by default"
                )
        manifest, arrays = self.autoencoder_.to_state()
        arrays = {f"autoencoder.{name}": array for name, array in arrays.items()}
        arrays |= {f"forest.{name}": array for name, array in self.forest_.arrays().items()}
        pca = self.projection_
        arrays |= {"components": pca.components_, "variance": pca.explained_variance_}
        arrays |= {"centre": pca.mean_, "mean": self.scaler_.mean_, "scale": self.scaler_.scale_}
        thresholds = {"first": self.first_threshold_, "second": self.second_threshold_}
        values = {
            **self._get_columns(),
            "cuts": self._get_cuts(),
            "thresholds": thresholds,
            "whiten": bool(pca.whiten),
            "autoencoder": {**manifest, "history_": []},
            "given": self.autoencoder is not None,
        }
        return values, arrays

    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        from amiss.detect import get_detector

        self._set_columns(values)
        self._restore_cuts(values["cuts"])
        self.first_threshold_ = float(values["thresholds"]["first"])
        self.second_threshold_ = float(values["thresholds"]["second"])
        self.forest_ = Forest.from_arrays(store.with_prefix(arrays, "forest."))
        self.scaler_ = StandardScaler()
        self.scaler_.mean_, self.scaler_.scale_ = arrays["mean"], arrays["scale"]
        self.scaler_.n_features_in_ = self.shape_[0]
        pca = PCA(whiten=values["whiten"])
        pca.components_, pca.mean_ = arrays["components"], arrays["centre"]
        pca.explained_variance_, pca.n_components_ = arrays["variance"], len(pca.components_)
        pca.n_features_in_ = self.shape_[0]
        self.projection_ = pca
        manifest = values["autoencoder"]
        self.autoencoder_ = get_detector(manifest["detector"])(**manifest["parameters"])
        self.autoencoder_.from_state(manifest, store.with_prefix(arrays, "autoencoder."))
        if values["given"]:
            self.autoencoder = clone(self.autoencoder_)


def _series(projected: Floats, X: SeriesRows) -> Table:
    """Return rows of components as a series with the runs of `X`."""
    names = tuple(f"column {i + 1}" for i in range(projected.shape[1]))
    return Table(projected, names, timeline=Timeline(np.full(len(X), NO_TIME), X.run))

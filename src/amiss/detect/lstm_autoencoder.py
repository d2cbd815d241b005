"""LSTM autoencoder over windows of a series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from amiss import store
from amiss.detect._base import Scores, normal_items
from amiss.detect._lstm_autoencoder_network import LSTMAutoencoderNetwork
from amiss.detect._residual_chart import ResidualChart, usable_lengths
from amiss.detect._rows import Floats, spread, taught_items
from amiss.detect._series import (
    Rows,
    SeriesDetector,
    SeriesRows,
    blocks,
    known_faults,
    split_at,
    standardised,
)
from amiss.detect._space import Choice, Integer, Real, SearchSpace
from amiss.detect._train import resolve_device, seed_of, seeded, threads, train
from amiss.errors import UsageError

_FURTHEST = 1e4
"""Standard deviations: what is further is odd in any case."""
_SCORING_BATCH = 2048
_MOST_WINDOWS = 20_000
"""That are learnt from; of more, these are drawn."""
_ORDER, _RIDGE = 5, 100.0
"""Of the residuals' own past, in `ResidualChart`."""


class _Errors(NamedTuple):
    """Of each row by each network, the mean over the windows that cover it."""

    residual: Floats
    """(networks, n, n_features), signed, in standard deviations."""
    squared: Floats


class LSTMAutoencoder(TransformerMixin, SeriesDetector):  # type: ignore[misc]  # scikit-learn is untyped
    """Windows of a series are encoded in one state and decoded: what comes out otherwise is odd.

    Parameters
    ----------
    timesteps : int, default 16
        Rows of a window.
    layers : sequence of int, default (32, 16)
        Units of the encoder's LSTM layers; the last state is repeated for each step, and decoded
        by the same layers in reverse order.
    stride : int, default 1
        Rows from one window to the next, at most `timesteps`.
    score_type : {"chart", "error"}, default "chart"
        ``"error"`` is the published score, the mean squared error. ``"chart"`` is the largest
        moving mean of the signed errors of any channel, less what follows from the errors before,
        in units of what it usually is out of fold: a channel that wanders off slowly is badly
        reconstructed, but no fault.
    windows : sequence of int, default (1, 5, 10, 20)
        Lengths of these moving means, in rows.
    folds : int, default 4
        Blocks of rows that follow each other. For each there is a network that has seen no window
        with a row of the block; scores are the mean of the networks.
    epochs, batch_size, learning_rate
        See `amiss.detect._train.train`.
    outlier_type : {"instance", "feature"}, default "instance"
        What the verdict of `judge` goes by.
    threshold : float, optional
        Score above which a row is anomalous; by default found by `contamination`.
    device : {"auto", "cpu", "cuda"}, default "auto"
    contamination : float, default 0.01
        Share of the rows learnt from, scored out of fold, above the threshold of the bare detector.
    random_state : int, optional

    Attributes
    ----------
    network_ : LSTMAutoencoderNetwork
        Of a member for each block.
    mean_, scale_ : ndarray of float64, shape (n_features,)
    chart_ : ResidualChart
    feature_threshold_ : float

    Notes
    -----
    P. Malhotra et al., "LSTM-based Encoder-Decoder for Multi-sensor Anomaly Detection", ICML 2016
    workshop; the decoder here gets the encoding at each step. The score of a row is the mean over
    the windows that cover it. No window crosses a gap: a run shorter than a window is one with its
    first row repeated in front.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> phase = np.arange(300)[:, None] / np.array([3, 5])
    >>> series = np.sin(phase) + 0.1 * rng.normal(size=(300, 2))
    >>> detector = LSTMAutoencoder(timesteps=8, layers=(8, 4), epochs=10, random_state=0)
    >>> detector = detector.fit(series[:200])
    >>> series[250:] += 2
    >>> scores = detector.anomaly_score(series)
    >>> bool(scores[260:].min() > np.median(scores[200:250]))
    True
    """

    name = "lstm-autoencoder"
    resolution = 1e-6
    search_space: ClassVar[SearchSpace] = {
        "timesteps": Integer(4, 64, log=True),
        "learning_rate": Real(1e-3, 3e-2, log=True),
        "score_type": Choice(("chart", "error")),
    }

    def __init__(
        self,
        timesteps: int = 16,
        layers: Sequence[int] = (32, 16),
        stride: int = 1,
        score_type: Literal["chart", "error"] = "chart",
        windows: Sequence[int] = (1, 5, 10, 20),
        folds: int = 4,
        epochs: int = 40,
        batch_size: int = 64,
        learning_rate: float = 0.01,
        outlier_type: Literal["instance", "feature"] = "instance",
        threshold: float | None = None,
        device: str = "auto",
        contamination: float = 0.01,
        random_state: int | None = None,
    ) -> None:
        self.timesteps = timesteps
        self.layers = layers
        self.stride = stride
        self.score_type = score_type
        self.windows = windows
        self.folds = folds
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.outlier_type = outlier_type
        self.threshold = threshold
        self.device = device
        self.contamination = contamination
        self.random_state = random_state

    # Fitting.

    def _fit(self, X: SeriesRows, y: NDArray[Any] | None) -> None:
        self._check_parameters()
        taught = normal_items(len(X), y)
        block = blocks(len(X), taught_items(len(X), y, "rows"), self.folds)
        n_folds = int(block.max()) + 1
        # No window and no mean reaches from a known fault into the normal rows after it.
        X = split_at(X, known_faults(len(X), y))
        self._lengths = usable_lengths(self.windows, block[taught])
        self.mean_, self.scale_ = spread(X.values[taught])
        learnt = np.stack([taught & (block != k) for k in range(n_folds)])
        self.network_ = self._ready(self._train(self._scaled(X), learnt))
        errors = self._errors(self.network_, X)
        rows = np.arange(len(X))
        constant = np.ptp(X.values[taught], axis=0) == 0
        self.chart_ = self._chart(errors.residual[block, rows], X, block, taught, constant)
        if self.score_type == "error":
            scores = errors.squared[block, rows]
        else:
            scores = np.empty(X.shape)
            for k in range(n_folds):
                # The chart of a block is of the other blocks, as its network is.
                others = taught & (block != k)
                chart = self._chart(errors.residual[block, rows], X, block, others, constant)
                of_block = chart.score(SeriesRows(errors.residual[k], X.run))
                scores[block == k] = of_block[block == k]
        self.training_score_ = self._of_features(scores)
        self._taught = taught
        self._set_cuts(scores[taught].max(axis=1))

    def _chart(
        self,
        residual: Floats,
        X: SeriesRows,
        block: Rows,
        taught: NDArray[np.bool_],
        constant: NDArray[np.bool_],
    ) -> ResidualChart:
        # The residuals of two blocks are of two networks: no mean goes across.
        apart = np.cumsum(np.diff(X.run * (block.max() + 1) + block, prepend=0) != 0)
        return ResidualChart.learn(
            SeriesRows(residual, apart.astype(np.int64)), taught, self._lengths,
            constant=constant, order=_ORDER, ridge=_RIDGE,
        )  # fmt: skip

    def _train(self, scaled: SeriesRows, learnt: NDArray[np.bool_]) -> LSTMAutoencoderNetwork:
        """Train a network for each row of `learnt`, on windows of rows that are True there."""
        device = resolve_device(self.device)
        places, _ = self._places(scaled)
        whole = np.asarray(learnt[:, places].all(axis=2))
        # Too few rows between those left out for a whole window: then those with the most.
        share = learnt[:, places].mean(axis=2)
        whole |= ~np.any(whole, axis=1, keepdims=True) & (share == share.max(axis=1, keepdims=True))
        used = np.flatnonzero(np.any(whole, axis=0))
        seed = seed_of(self.random_state)
        if len(used) > _MOST_WINDOWS:
            used = np.random.default_rng(seed).choice(used, _MOST_WINDOWS, replace=False)
        x = torch.from_numpy(scaled.values.astype(np.float32)).to(device)
        at = torch.from_numpy(places[used]).to(device)
        weights = torch.from_numpy(whole[:, used].astype(np.float32)).to(device)

        def loss(module: nn.Module, windows: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
            losses = ((module(windows[None]) - windows) ** 2).mean(dim=(2, 3))
            return (losses * weight).sum(), weight.sum() / len(weight)

        network = self._network(len(learnt), seed).to(device)
        self.history_ = train(
            network,
            loss,
            lambda indices: (x[at[indices]], weights[:, indices]),
            len(used),
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            random_state=seed,
            device=device,
        )
        return network

    def _network(self, n_members: int, seed: int = 0) -> LSTMAutoencoderNetwork:
        sizes = self.shape_[0], self.timesteps, self.layers
        made = seeded(lambda: LSTMAutoencoderNetwork(n_members, *sizes), seed)
        return cast("LSTMAutoencoderNetwork", made)

    def _ready(self, network: LSTMAutoencoderNetwork) -> LSTMAutoencoderNetwork:
        # In float64 a row has the same score in whatever batch its window comes.
        return network.to(resolve_device(self.device)).double().eval().requires_grad_(False)

    # Scoring.

    def _places(self, X: SeriesRows) -> tuple[Rows, NDArray[np.bool_]]:
        """Return the rows of each window, and which of them are not repeated: (n, timesteps)."""
        first = np.flatnonzero(np.diff(X.run, prepend=-1))
        ends = []
        for begin, end in zip(first, np.append(first[1:], len(X)), strict=True):
            last = np.arange(min(begin + self.timesteps, end) - 1, end, self.stride)
            ends.append(last if last[-1] == end - 1 else np.append(last, end - 1))
        last = np.concatenate(ends)
        places = last[:, None] - np.arange(self.timesteps)[::-1]
        start = X.start[last][:, None]
        return np.maximum(places, start), places >= start

    def _scaled(self, X: SeriesRows) -> SeriesRows:
        return standardised(X, self.mean_, self.scale_, _FURTHEST)

    def _window_errors(
        self, network: LSTMAutoencoderNetwork, X: SeriesRows
    ) -> Iterator[tuple[Rows, NDArray[np.bool_], Floats]]:
        """Yield rows and signed errors of windows by each member, batch by batch."""
        device = resolve_device(self.device)
        values = torch.from_numpy(self._scaled(X).values).to(device)
        places, real = self._places(X)
        with torch.inference_mode(), threads(1):
            for begin in range(0, len(places), _SCORING_BATCH):
                batch = slice(begin, begin + _SCORING_BATCH)
                x = values[torch.from_numpy(places[batch]).to(device)]
                yield places[batch], real[batch], (x - network(x[None])).cpu().numpy()

    def _errors(self, network: LSTMAutoencoderNetwork, X: SeriesRows) -> _Errors:
        residual = np.zeros((network.n_members, *X.shape))
        squared, count = np.zeros_like(residual), np.zeros(len(X))
        for places, real, errors in self._window_errors(network, X):
            for step in range(self.timesteps):  # a row is at one place of a window only
                there = real[:, step]
                rows, of_step = places[there, step], errors[:, there, step]
                count[rows] += 1
                residual[:, rows] += of_step
                squared[:, rows] += of_step**2
        residual /= count[:, None]
        squared /= count[:, None]
        return _Errors(residual, squared)

    def _feature_score(self, X: SeriesRows) -> Floats:  # type: ignore[override]
        errors = self._errors(self.network_, X)
        if self.score_type == "error":
            return np.asarray(errors.squared.mean(axis=0))
        scores = [self.chart_.score(SeriesRows(r, X.run)) for r in errors.residual]
        return np.asarray(np.mean(scores, axis=0))

    def _of_features(self, scores: Floats) -> Scores:
        whole = scores.mean(axis=1) if self.score_type == "error" else scores.max(axis=1)
        return np.asarray(whole, dtype=np.float64)

    def _anomaly_score(self, X: SeriesRows) -> Scores:
        return self._of_features(self._feature_score(X))

    def _reconstruct(self, X: SeriesRows) -> Floats:  # type: ignore[override]
        residual = self._errors(self.network_, X).residual.mean(axis=0)
        expected: Floats = (self._scaled(X).values - residual) * self.scale_ + self.mean_
        return expected

    def window_score(self, X: Any) -> Scores:
        """Return the mean squared error of each window, shape (n_windows,); see `window_rows`."""
        check_is_fitted(self, "offset_")
        rows = self._check(X)
        found = []
        for _, real, errors in self._window_errors(self.network_, rows):
            of_steps = (errors**2).mean(axis=(0, 3))
            found.append((of_steps * real).sum(axis=1) / real.sum(axis=1))
        return np.concatenate(found)

    def window_rows(self, X: Any) -> Rows:
        """Return the first and the last row of each window, shape (n_windows, 2)."""
        check_is_fitted(self, "offset_")
        return self._places(self._check(X))[0][:, [0, -1]]

    def transform(self, X: Any) -> Floats:
        """Return the encoding of each window by the first network, shape (n_windows, units)."""
        check_is_fitted(self, "offset_")
        rows = self._check(X)
        values = torch.from_numpy(self._scaled(rows).values).to(resolve_device(self.device))
        with torch.inference_mode(), threads(1):
            encoded = self.network_.encode(values[self._places(rows)[0]][None])
        return np.asarray(encoded[0].cpu().numpy())

    def _check_parameters(self) -> None:
        self._check_series_parameters()
        for name in ("timesteps", "stride", "epochs", "batch_size"):
            value = getattr(self, name)
            if not (isinstance(value, int | np.integer) and value >= 1):
                raise UsageError(f"{name}={value!r}; expected a whole number, 1 or more")
        if self.stride > self.timesteps:
            raise UsageError(
                f"stride={self.stride}; expected no more than the {self.timesteps} timesteps of a "
                "window: rows between windows would not be judged"
            )
        if not len(self.layers) or not all(size >= 1 for size in self.layers):
            raise UsageError(f"layers={self.layers!r}; expected sizes of 1 or more, as (32, 16)")
        if not self.learning_rate > 0:
            raise UsageError(f"learning_rate={self.learning_rate}; expected more than 0")
        if self.score_type not in ("chart", "error"):
            raise UsageError(f"score_type={self.score_type!r}; expected chart or error")

    # Files.

    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        arrays = {
            f"network.{name}": tensor.cpu().numpy().astype(np.float32)
            for name, tensor in self.network_.state_dict().items()
        }
        arrays |= {f"chart.{name}": array for name, array in self.chart_.arrays().items()}
        arrays |= {"mean": self.mean_, "scale": self.scale_}
        values = {"cuts": self._get_cuts(), "members": self.network_.n_members}
        return {**self._get_columns(), **values}, arrays

    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self._set_columns(values)
        self._restore_cuts(values["cuts"])
        self.mean_, self.scale_ = arrays["mean"], arrays["scale"]
        self.chart_ = ResidualChart.from_arrays(store.with_prefix(arrays, "chart."))
        network = self._network(int(values["members"]))
        weights = store.with_prefix(arrays, "network.")
        network.load_state_dict({n: torch.from_numpy(np.array(w)) for n, w in weights.items()})
        self.network_ = self._ready(network)

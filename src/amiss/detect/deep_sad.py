"""Deep SAD: rows are drawn to a centre, labelled anomalies pushed away from it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from amiss import store
from amiss.detect._base import LEFT_OUT, Scores
from amiss.detect._forest import forest_doubt
from amiss.detect._parameters import check_network_parameters
from amiss.detect._rows import (
    CONSTANT_SCALE,
    Floats,
    RowDetector,
    robust_spread,
    spread,
    taught_items,
)
from amiss.detect._sparse import SharedLinear, SparseRows
from amiss.detect._stack import stacked_mlp
from amiss.detect._train import Batch, Loss, resolve_device, seed_of, seeded, threads, train
from amiss.errors import InputError, UsageError

_NEAREST_CENTRE = 0.1
"""Least absolute value of a coordinate of the centre: zero weights must not lead there."""
_EPS = 1e-6
"""Keeps the inverse of a distance finite, as published."""
_FURTHEST = 1e9
_CELLS = 1 << 22
"""Numbers of a batch that is scored."""
_STEPS_AN_EPOCH = 40
_LARGEST_BATCH = 4096
_DECODED_CELLS = 1 << 24
"""Numbers of a batch that autoencoders reconstruct, all members together."""
_LEAST_DECODED = 32
"""Rows of such a batch, however many columns there are."""

Rows = Tensor | SparseRows


class DeepSADNetwork(nn.Module):
    """Encoders of several members: linear layers without biases, leaky ReLU between them.

    A bias would let a network map everything to the centre.

    Parameters
    ----------
    n_members, n_features : int
    hidden : sequence of int
    latent : int
    """

    def __init__(self, n_members: int, n_features: int, hidden: Sequence[int], latent: int) -> None:
        super().__init__()
        sizes = [*hidden, latent]
        self.first = SharedLinear(n_members, n_features, sizes[0])
        self.rest = (
            nn.Sequential(nn.LeakyReLU(), stacked_mlp(n_members, sizes, nn.LeakyReLU, bias=False))
            if hidden
            else nn.Identity()
        )
        self.register_buffer("centre", torch.zeros(n_members, 1, latent))

    def forward(self, x: Rows) -> Tensor:
        """Map rows, (n, n_features), to embeddings, (members, n, latent)."""
        return cast("Tensor", self.rest(self.first(x)))

    def squared_distance(self, x: Rows) -> Tensor:
        """Map rows to squared distances from the centre of each member, (members, n)."""
        squared: Tensor = (self(x) - self.get_buffer("centre")) ** 2
        return squared.sum(dim=2)


class DeepSAD(TransformerMixin, RowDetector):  # type: ignore[misc]  # scikit-learn is untyped
    r"""Deep semi-supervised anomaly detection: far from the centre is odd; labels say what else is.

    Parameters
    ----------
    hidden : sequence of int, default (64, 32)
        Units of the encoder's layers.
    latent : int, default 16
        Size of the embedding.
    eta : float, default 1.0
        Weight of labelled rows, normal and anomalous, against unlabelled ones.
    labels : {"amiss", "deep-sad"}, default "amiss"
        What `y` says. ``"amiss"``: 1 anomaly, 0 normal, −1 unlabelled. ``"deep-sad"``, as the
        published code has it: −1 anomaly, 1 normal, 0 unlabelled. An array of the one read as the
        other trains backwards.
    prior : float, default 0.05
        Share of the unlabelled rows that an isolation forest takes for anomalies. Half of the
        networks weigh each unlabelled row by it: an odd one is drawn to the centre less, or pushed
        away. 0: none does, which is the published loss.
    oversample : float, default 0.2
        Labelled anomalies added to each step, as a share of its rows: few labels are in each.
    pretrain_epochs : int, default 0
        Epochs of an autoencoder whose encoder the networks begin with; of `pretrain`, 0 stands for
        `epochs`.
    pretrained : DeepSAD, optional
        One that `pretrain` or `fit` ran on, of the same columns and sizes: its encoders and its
        scaling are what the networks begin with. It is not in a file; the weights are.
    score_type : {"scaled", "distance"}, default "scaled"
        ``"scaled"`` is the distance to the centre, in median absolute deviations above the median
        of the training rows, mean over the networks. ``"distance"`` is the published score, the
        mean squared distance.
    log_scale : bool, optional
        Take ln(1 + |x|), with the sign of x, of all values. By default of sparse rows, which are
        mostly counts.
    n_networks : int, default 2
        Networks for each fold, trained at once; scores are their mean.
    folds : int, default 4
        Each network learns without one fold of the rows, which gives their ``training_score_``;
        all of them score other rows. 0: all learn from all, and training scores are in sample.
    epochs, learning_rate, weight_decay, patience
        See `amiss.detect._train.train`, which keeps the best weights.
    batch_size : int, optional
        By default so many rows that an epoch has some 40 steps, from 128 to 4,096.
    threshold : float, optional
        Score above which a row is anomalous; by default found by `contamination`.
    device : {"auto", "cpu", "cuda"}, default "auto"
    contamination : float, default 0.1
        Share of the training rows above the threshold of the bare detector.
    random_state : int, optional

    Attributes
    ----------
    network_ : DeepSADNetwork
    mean_, scale_ : ndarray of float64, shape (n_features,)
        Of the rows not labelled anomalies; sparse rows are scaled, never centred: the mean is 0.
    history_ : list of dict
        ``phase`` 0 is pretraining.

    Notes
    -----
    L. Ruff et al., "Deep Semi-Supervised Anomaly Detection", ICLR 2020. The loss of an unlabelled
    row is its squared distance :math:`d` to a centre fixed before training, that of a labelled
    normal one :math:`\eta d`, that of a labelled anomaly :math:`\eta / d`. With a prior :math:`q`
    that an unlabelled row is an anomaly its loss is :math:`(1 - q) d + \eta q / d`.

    Pretraining is off by default: on five classic sets it lowered the mean ROC-AUC at 5 % labels
    by half a point (docs/deep_sad.md).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(size=(300, 2)), rng.normal((4, 0), 0.5, size=(20, 2))])
    >>> y = np.full(320, -1)
    >>> y[300:305] = 1
    >>> detector = DeepSAD(random_state=0).fit(X, y)
    >>> usual, odd = detector.anomaly_score([[0, 4], [4, 0]])
    >>> bool(odd > usual)
    True
    """

    name = "deep-sad"
    inputs = ("table",)
    accepts_sparse = True

    def __init__(
        self,
        hidden: Sequence[int] = (64, 32),
        latent: int = 16,
        eta: float = 1.0,
        labels: Literal["amiss", "deep-sad"] = "amiss",
        prior: float = 0.05,
        oversample: float = 0.2,
        pretrain_epochs: int = 0,
        pretrained: DeepSAD | None = None,
        score_type: Literal["scaled", "distance"] = "scaled",
        log_scale: bool | None = None,
        n_networks: int = 2,
        folds: int = 4,
        epochs: int = 30,
        batch_size: int | None = None,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-6,
        patience: int = 10,
        threshold: float | None = None,
        device: str = "auto",
        contamination: float = 0.1,
        random_state: int | None = None,
    ) -> None:
        self.hidden = hidden
        self.latent = latent
        self.eta = eta
        self.labels = labels
        self.prior = prior
        self.oversample = oversample
        self.pretrain_epochs = pretrain_epochs
        self.pretrained = pretrained
        self.score_type = score_type
        self.log_scale = log_scale
        self.n_networks = n_networks
        self.folds = folds
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.patience = patience
        self.threshold = threshold
        self.device = device
        self.contamination = contamination
        self.random_state = random_state

    def __sklearn_clone__(self) -> DeepSAD:
        # `pretrained` is what it is for being trained: a clone of it would not be.
        return type(self)(**self.get_params(deep=False))

    # Fitting.

    def pretrain(self, X: Any) -> Self:
        """Train the autoencoder alone, to be given to others as `pretrained`.

        Parameters
        ----------
        X : array-like or CSR matrix, shape (n, n_features)
            Rows taken for normal.

        Returns
        -------
        self
        """
        self._check_parameters()
        X = self._check(X, fitting=True)
        seed = seed_of(self.random_state)
        self.history_ = []
        self._learn_scale(X)
        self.network_ = self._build(seed)
        self._pretrain(self._resident(X), np.ones((self._n_members, X.shape[0]), np.bool_), seed)
        return self

    def _fit(self, X: Any, y: NDArray[Any] | None) -> None:
        self._check_parameters()
        given = self._amiss_labels(X.shape[0], y)
        normal = taught_items(len(given), given)
        kept = np.flatnonzero(given != LEFT_OUT)
        learnt, labels = (X, given) if len(kept) == len(given) else (X[kept], given[kept])
        seed = seed_of(self.random_state)
        if self.pretrained is None:
            self._learn_scale(X[normal])
            self.network_ = self._build(seed)
        else:
            self._begin_with(self.pretrained, X)
        fold = self._deal(labels, seed)
        members = np.arange(self._n_members)
        judges = fold == (members % max(1, self.folds))[:, None]
        doubt = np.zeros(judges.shape)
        doubt[:, labels == 1] = 1.0
        if self.prior:
            unlabelled = np.flatnonzero(labels == -1)
            believers = members >= len(members) // 2
            if len(unlabelled) > 1:
                found = forest_doubt(learnt[unlabelled], self.prior, seed)
                doubt[np.ix_(believers, unlabelled)] = found
        rows = self._resident(learnt)
        taken_for_normal = ~judges & (labels != 1)
        if self.pretrain_epochs and self.pretrained is None:
            self._pretrain(rows, taken_for_normal, seed)
        self._set_centre(rows, taken_for_normal)
        weight = np.where(labels == 0, self.eta, 1.0) * ~judges
        self._train(rows, weight, doubt, np.flatnonzero(labels == 1), seed)
        self._ready()
        distance = self._distances(X)
        self.median_, self.deviation_ = robust_spread(distance[:, normal], axis=1)
        judged = np.ones((len(members), len(given)), dtype=np.bool_)
        judged[:, kept] = judges
        judged[:, ~judged.any(axis=0)] = True  # what no fold holds is scored by all
        own = self._scaled(distance)
        self.training_score_ = np.asarray((own * judged).sum(axis=0) / judged.sum(axis=0))

    @property
    def _n_members(self) -> int:
        return self.n_networks * max(1, self.folds)

    def _amiss_labels(self, n: int, y: NDArray[Any] | None) -> NDArray[np.int64]:
        """Return 1 anomaly, 0 normal, −1 unlabelled, −2 left out."""
        if y is None:
            return np.full(n, -1)
        if self.labels == "amiss":
            given = np.where(np.isin(y, (1, -1, LEFT_OUT)), y, 0)
            return np.asarray(given, dtype=np.int64)
        if not np.isin(y, (-1, 0, 1)).all():
            other = y[~np.isin(y, (-1, 0, 1))][0]
            raise InputError(
                f"label {other!r}; with labels='deep-sad' expected −1 (anomaly), 1 (normal) or 0 "
                "(unlabelled)"
            )
        return np.select([y == -1, y == 1], [1, 0], -1)

    def _deal(self, labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """Return the fold of each row; −1: in none. Anomalies are dealt evenly."""
        fold = np.full(len(labels), -1)
        if self.folds:
            rng = np.random.default_rng(seed)
            for some in (labels == 1, labels != 1):
                rows = rng.permutation(np.flatnonzero(some))
                # A fold that held the only rows would leave nothing to learn from.
                if len(rows) > 1:
                    fold[rows] = np.arange(len(rows)) % self.folds
        return fold

    def _learn_scale(self, X: Any) -> None:
        self._logs = isinstance(X, csr_array) if self.log_scale is None else self.log_scale
        X = self._logged(X)
        learn = _sparse_spread if isinstance(X, csr_array) else spread
        self.mean_, self.scale_ = learn(X, CONSTANT_SCALE)

    def _begin_with(self, other: DeepSAD, X: Any) -> None:
        if not hasattr(other, "network_"):
            raise UsageError("pretrained: not trained; call its pretrain(X) first")
        mine = (self.shape_, tuple(self.hidden), self.latent, self._n_members)
        theirs = (other.shape_, tuple(other.hidden), other.latent, other._n_members)
        if mine != theirs:
            raise UsageError(
                f"pretrained on (columns, hidden, latent, networks) {theirs}; expected {mine}"
            )
        if isinstance(X, csr_array) and other.mean_.any():
            raise UsageError(
                "pretrained on dense rows, whose columns were centred: sparse ones would have to "
                "be filled; expected one pretrained on sparse rows"
            )
        self.mean_, self.scale_, self._logs = other.mean_, other.scale_, other._logs
        self.network_ = self._build(0)
        self.network_.load_state_dict(other.network_.state_dict())

    def _build(self, seed: int) -> DeepSADNetwork:
        sizes = (self._n_members, self.shape_[0], list(self.hidden), self.latent)
        network = seeded(lambda: DeepSADNetwork(*sizes), seed)
        return cast("DeepSADNetwork", network.to(resolve_device(self.device)))

    def _pretrain(self, rows: Rows, learns: NDArray[np.bool_], seed: int) -> None:
        n_members = self._n_members
        sizes = [self.latent, *reversed(self.hidden), self.shape_[0]]
        decoder = seeded(lambda: stacked_mlp(n_members, sizes, nn.LeakyReLU, bias=False), seed + 1)
        whole = nn.ModuleList([self.network_, decoder.to(resolve_device(self.device))])
        weights = torch.from_numpy(learns.astype(np.float32)).to(resolve_device(self.device))

        def loss(module: nn.Module, batch: Rows, weight: Tensor) -> tuple[Tensor, Tensor]:
            encoder, decoder = cast("nn.ModuleList", module)
            target = batch if isinstance(batch, Tensor) else batch.dense()
            error = ((decoder(encoder(batch)) - target) ** 2).mean(dim=2)
            return (error * weight).sum(), weight.sum() / len(weight)

        def batch(indices: Tensor) -> tuple[Rows, Tensor]:
            return _take(rows, indices), weights[:, indices]

        epochs = self.pretrain_epochs or self.epochs
        # What is decoded is dense, whatever the rows are.
        most = max(_LEAST_DECODED, _DECODED_CELLS // (n_members * self.shape_[0]))
        self._learn(whole, loss, batch, rows, seed, phase=0, epochs=epochs, most=most)

    def _set_centre(self, rows: Rows, learns: NDArray[np.bool_]) -> None:
        """Set the centre of each member to the mean embedding of the rows it takes for normal."""
        device = resolve_device(self.device)
        weights = torch.from_numpy(learns.astype(np.float32)).to(device)
        total = torch.zeros_like(self.network_.get_buffer("centre"))
        with torch.no_grad(), threads(1):
            for at in torch.split(torch.arange(len(rows), device=device), self._scoring_batch()):
                embedded = self.network_(_take(rows, at))
                total += (embedded * weights[:, at, None]).sum(dim=1, keepdim=True)
        centre = total / weights.sum(dim=1).clamp_min(1.0)[:, None, None]
        away = torch.where(centre < 0, -_NEAREST_CENTRE, _NEAREST_CENTRE)
        guarded = torch.where(centre.abs() < _NEAREST_CENTRE, away, centre)
        self.network_.get_buffer("centre").copy_(guarded)

    def _train(
        self,
        rows: Rows,
        weight: NDArray[np.float64],
        doubt: NDArray[np.float64],
        anomalous: NDArray[np.int64],
        seed: int,
    ) -> None:
        """Train the encoders; `weight` and `doubt` (that a row is normal) are (members, n)."""
        device = resolve_device(self.device)
        weights = torch.from_numpy(weight.astype(np.float32)).to(device)
        doubts = torch.from_numpy(doubt.astype(np.float32)).to(device)
        labelled = torch.from_numpy(anomalous).to(device)

        def batch(indices: Tensor) -> tuple[Rows, Tensor, Tensor]:
            if more := math.ceil(self.oversample * len(indices)) if len(labelled) else 0:
                drawn = torch.randint(len(labelled), (more,))
                indices = torch.cat([indices, labelled[drawn.to(device)]])
            return _take(rows, indices), weights[:, indices], doubts[:, indices]

        def loss(
            module: nn.Module, batch: Rows, weight: Tensor, doubt: Tensor
        ) -> tuple[Tensor, Tensor]:
            near = cast("DeepSADNetwork", module).squared_distance(batch)
            losses = (1 - doubt) * near + self.eta * doubt / (near + _EPS)
            return (losses * weight).sum(), (weight > 0).sum() / len(weight)

        self._learn(self.network_, loss, batch, rows, seed, phase=1, epochs=self.epochs)

    def _learn(
        self,
        module: nn.Module,
        loss: Loss,
        batch: Batch,
        rows: Rows,
        seed: int,
        *,
        phase: int,
        epochs: int,
        most: int = _LARGEST_BATCH,
    ) -> None:
        """Train `module`, which has the encoders in it, in batches of `most` rows at most."""
        size = self.batch_size or int(np.clip(len(rows) // _STEPS_AN_EPOCH, 128, _LARGEST_BATCH))
        first, idle = self.network_.first.weight, _idle_columns(rows)
        begun = first.detach()[idle]
        history = train(
            module,
            loss,
            batch,
            len(rows),
            epochs=epochs,
            batch_size=min(size, most),
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            patience=self.patience,
            random_state=seed,
            device=resolve_device(self.device),
        )
        # No gradient tells of columns that never vary: decay alone would make the network blind.
        with torch.no_grad():
            first[idle] = begun
        self.history_ += [{"phase": float(phase), **entry} for entry in history]

    # Scoring.

    def _anomaly_score(self, X: Any) -> Scores:
        return np.asarray(self._scaled(self._distances(X)).mean(axis=0), dtype=np.float64)

    def _scaled(self, distance: Floats) -> Floats:
        """Return the score of each row by each member, (members, n), from its distance."""
        if self.score_type == "distance":
            return distance**2
        return (distance - self.median_[:, None]) / self.deviation_[:, None]

    def _distances(self, X: Any) -> Floats:
        parts = [self.network_.squared_distance(x).sqrt() for x in self._batches(X)]
        return np.concatenate([part.cpu().numpy() for part in parts], axis=1)

    def _batches(self, X: Any) -> Iterator[Rows]:
        size = self._scoring_batch()
        with torch.inference_mode(), threads(1):
            for start in range(0, X.shape[0], size):
                yield self._resident(X[start : start + size], torch.float64)

    def _scoring_batch(self) -> int:
        return int(np.clip(_CELLS // self.shape_[0], 64, 8192))

    def _logged(self, X: Any) -> Any:
        if not self._logs:
            return X
        if isinstance(X, csr_array):
            logged = np.sign(X.data) * np.log1p(np.abs(X.data))
            return csr_array((logged, X.indices, X.indptr), shape=X.shape)
        return np.sign(X) * np.log1p(np.abs(X))

    def _resident(self, X: Any, dtype: torch.dtype = torch.float32) -> Rows:
        """Return rows, scaled, as tensors; sparse ones stay sparse where their mean is 0."""
        device = resolve_device(self.device)
        X = self._logged(X)
        if isinstance(X, csr_array) and not self.mean_.any():
            data = np.clip(X.data / self.scale_[X.indices], -_FURTHEST, _FURTHEST)
            scaled = csr_array((data, X.indices, X.indptr), shape=X.shape)
            return SparseRows.of(scaled, dtype, device)
        dense = X.toarray() if isinstance(X, csr_array) else X
        with np.errstate(over="ignore"):
            # What is further away is odd in any case, and its square would overflow.
            dense = np.clip((dense - self.mean_) / self.scale_, -_FURTHEST, _FURTHEST)
        return torch.from_numpy(dense).to(device, dtype)

    def transform(self, X: Any) -> Floats:
        """Return the embedding of each row by the first network, shape (n, latent)."""
        check_is_fitted(self, "offset_")
        parts = [self.network_(x)[0].cpu().numpy() for x in self._batches(self._check(X))]
        return np.concatenate(parts)

    def differentiable_score(self) -> nn.Module:
        """Return a module that maps dense rows, float64 (n, n_features), to their scores (n,)."""
        check_is_fitted(self, "offset_")
        return _Score(self)

    def _check_parameters(self) -> None:
        check_network_parameters(self, latent=1, pretrain_epochs=0)
        for name in ("eta", "oversample", "weight_decay"):
            if not getattr(self, name) >= 0:
                raise UsageError(f"{name}={getattr(self, name)}; expected 0 or more")
        if not 0 <= self.prior < 1:
            raise UsageError(f"prior={self.prior}; expected a share below 1")
        for name, known in (("labels", ("amiss", "deep-sad")), ("score_type", _SCORES)):
            if getattr(self, name) not in known:
                raise UsageError(
                    f"{name}={getattr(self, name)!r}; expected one of: {', '.join(known)}"
                )

    # Files.

    def _ready(self) -> None:
        """Score in float64: a row has the same score in whatever batch it comes."""
        self.network_.double().eval().requires_grad_(False)

    def _get_parameters(self) -> dict[str, Any]:
        return {**super()._get_parameters(), "pretrained": None}

    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        state = self.network_.state_dict()
        arrays = {
            f"network.{name}": t.cpu().numpy().astype(np.float32) for name, t in state.items()
        }
        for name in ("mean", "scale", "median", "deviation"):
            arrays[name] = getattr(self, f"{name}_")
        return {**self._get_columns(), "logs": self._logs}, arrays

    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self._set_columns(values)
        self._logs = bool(values["logs"])
        for name in ("mean", "scale", "median", "deviation"):
            setattr(self, f"{name}_", arrays[name])
        self.network_ = self._build(0)
        weights = store.with_prefix(arrays, "network.")
        state = {name: torch.from_numpy(np.array(weight)) for name, weight in weights.items()}
        self.network_.load_state_dict(state)
        self._ready()


_SCORES = ("distance", "scaled")


class _Score(nn.Module):
    """The score as a function that gradients can be taken of."""

    def __init__(self, detector: DeepSAD) -> None:
        super().__init__()
        self.network = detector.network_
        self._logs, self._scaled = detector._logs, detector.score_type == "scaled"
        device = resolve_device(detector.device)
        for name in ("mean", "scale", "median", "deviation"):
            self.register_buffer(name, torch.from_numpy(getattr(detector, f"{name}_")).to(device))

    def forward(self, x: Tensor) -> Tensor:
        if self._logs:
            # As `_logged`, but with a slope of one at zero, where most of a sparse row is.
            x = torch.log1p(x.clamp_min(0)) - torch.log1p((-x).relu())
        scaled = (x - self.get_buffer("mean")) / self.get_buffer("scale")
        squared = self.network.squared_distance(scaled.clamp(-_FURTHEST, _FURTHEST))
        if not self._scaled:
            return squared.mean(dim=0)
        # At the centre itself the root has no gradient.
        distance = (squared + torch.finfo(squared.dtype).tiny).sqrt()
        median, deviation = self.get_buffer("median"), self.get_buffer("deviation")
        return ((distance - median[:, None]) / deviation[:, None]).mean(dim=0)


def _take(rows: Rows, indices: Tensor) -> Rows:
    return rows[indices] if isinstance(rows, Tensor) else rows.take(indices)


def _idle_columns(rows: Rows) -> Tensor:
    """Return which columns are zero in all rows, shape (n_features,)."""
    if isinstance(rows, Tensor):
        largest = rows.abs().amax(dim=0)
    else:
        largest = rows.values.new_zeros(rows.n_columns)
        largest.scatter_reduce_(0, rows.columns, rows.values.abs(), "amax")
    return largest < _EPS


def _sparse_spread(X: Any, constant: float) -> tuple[Floats, Floats]:
    """Return zeros, and the standard deviation of each column of a CSR matrix."""
    n = X.shape[0]
    mean = np.asarray(X.sum(axis=0)).ravel() / n
    squares = np.asarray(X.multiply(X).sum(axis=0)).ravel() / n
    scale = np.sqrt(np.maximum(squares - mean**2, 0.0))
    return np.zeros(X.shape[1]), np.where(scale > 1e-9 * np.abs(mean), scale, constant)

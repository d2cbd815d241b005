"""What detectors share that encode an item, reconstruct it, and judge it by both."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from amiss.detect._base import Scores
from amiss.detect._mixture import Mixture
from amiss.detect._network_detector import NetworkDetector, Parts
from amiss.detect._reconstruction import AutoencoderNetwork, recon_features
from amiss.detect._rows import Floats, spread, taught_items
from amiss.detect._train import (
    reduced_precision,
    resolve_device,
    seed_of,
    threads,
    train,
)
from amiss.errors import UsageError

_SCORING_BATCH, _IMAGE_SCORING_BATCH = 8192, 256
_RIDGE = 1e-3
"""Added to the variances of standardised encodings, so that no component collapses to a point."""

ReconFunction = Callable[[Tensor, Tensor], Tensor]
"""Items and their reconstructions, shape (n, ...) → features, shape (n, k)."""
_FURTHEST = 1e9
"""Standard deviations."""
_FEATURE_SHARE = 0.99
"""Of the feature scores of training items that lie below the threshold of features."""


class Encoded(NamedTuple):
    """What one network makes of a batch of scaled items."""

    x: Tensor
    mean: Tensor
    """(n, latent)"""
    log_variance: Tensor | None
    reconstruction: Tensor
    """Decoded from `mean`, shape of `x`."""


class Autoencoder(TransformerMixin, NetworkDetector):  # type: ignore[misc]  # scikit-learn is untyped
    """Base of `VAE`, `AEGMM` and `VAEGMM`: one network for scoring, one a fold for calibration.

    All are trained at once, in the same steps; a row weighs nothing in the loss of the network of
    its own fold, which then scores it.
    """

    # What a subclass says.

    _losses_compare = True
    """Training losses of different epochs are of one kind, so that the best tells the weights."""

    def _row_loss(
        self, network: AutoencoderNetwork, x: Tensor, weight: Tensor, progress: float
    ) -> Tensor:
        """Return the loss of each item by each member, shape (members, n).

        `weight` (members, n) is that of the items, `progress` the share of the steps done.
        """
        raise NotImplementedError

    def _learn_parts(self, network: AutoencoderNetwork, X: NDArray[Any], seed: int) -> Parts:
        """Return what the score needs, learnt from the items that `network` was trained on."""
        raise NotImplementedError

    def _score_batch(self, network: AutoencoderNetwork, parts: Parts, batch: Encoded) -> Scores:
        """Return the scores of a batch by one network."""
        raise NotImplementedError

    def _item_loss(self, x: Tensor, reconstruction: Tensor) -> Tensor:
        """Return the squared error or the user's loss of each item, shape (members, n)."""
        if self.loss_function is None:
            return ((x - reconstruction) ** 2).flatten(2).sum(dim=2)
        expanded = x.expand_as(reconstruction).flatten(0, 1)
        losses = self.loss_function(expanded, reconstruction.flatten(0, 1))
        return losses.reshape(reconstruction.shape[:2])

    # Fitting.

    def _fit(self, X: NDArray[Any], y: NDArray[Any] | None) -> None:
        self.settings_ = self._settings()
        self._check_parameters()
        rows = taught_items(len(X), y)
        seed = seed_of(self.random_state)
        if X.ndim == 2:
            self.mean_, self.scale_ = spread(X[rows])
        else:  # pixels have a scale of their own
            self.mean_, self.scale_ = np.zeros(1), np.ones(1)
        # Fewer rows than folds: each is a fold of its own.
        n_folds = min(self.folds, len(rows))
        rng = np.random.default_rng(seed)
        fold = rng.permutation(len(rows)) % max(1, n_folds)
        masks = [np.ones(len(rows), dtype=np.bool_)] * self.settings_.n_networks
        masks += [fold != held_out for held_out in range(n_folds)]
        network = self._build(seed, len(masks))
        self._rehearse(network, len(masks))
        self._train(network, X[rows], np.stack(masks), seed)
        members = [self._member(network, k) for k in range(len(masks))]
        self.networks_ = members[: self.settings_.n_networks]
        self.parts_ = [
            self._learn_parts(member, X[rows], seed + k) for k, member in enumerate(self.networks_)
        ]
        self.training_score_ = np.empty(len(X))
        others = np.setdiff1d(np.arange(len(X)), rows)
        judged_in_sample = rows if not n_folds else np.empty(0, dtype=np.int64)
        for at in (others, judged_in_sample):
            if len(at):
                self.training_score_[at] = self._anomaly_score(X[at])
        for held_out in range(n_folds):
            k = self.settings_.n_networks + held_out
            parts = self._learn_parts(members[k], X[rows[masks[k]]], seed + k)
            at = rows[~masks[k]]
            self.training_score_[at] = self._score_by(members[k], parts, X[at])
        self._set_feature_thresholds(X[rows], _FEATURE_SHARE, 1 - self.contamination)

    def _rehearse(self, network: AutoencoderNetwork, n_members: int) -> None:
        """Raise `UsageError` if what was given fails in a loss: not after minutes of training."""
        if not (given := self._given()):
            return
        ones = torch.ones(n_members, 2)
        types = (torch.float32, torch.float64) if len(self.shape_) == 1 else (torch.float32,)
        for dtype in types:
            x = torch.full((1, 2, *self.shape_), 0.5, dtype=dtype)
            try:
                # Tables are scored in float64.
                tried = copy.deepcopy(network).cpu().to(dtype).eval()
                with torch.no_grad(), torch.random.fork_rng(devices=[]):
                    losses = self._row_loss(tried, x, ones.to(dtype), 1.0)
                if losses.shape != ones.shape:
                    raise ValueError(f"losses of shape {tuple(losses.shape[1:])} for 2 items")
            except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise UsageError(
                    f"{', '.join(given)} fail on items of shape {self.shape_} in {dtype}: "
                    f"{reason}; see the shapes that {type(self).__name__} expects of them"
                ) from None

    def _train(
        self, network: AutoencoderNetwork, X: NDArray[Any], masks: NDArray[np.bool_], seed: int
    ) -> None:
        device = resolve_device(self.device)
        tables = len(self.shape_) == 1
        x = torch.from_numpy(self._scale(X).astype(np.float32, copy=False)).to(device)
        weights = torch.from_numpy(masks.astype(np.float32)).to(device)
        n_validation = round(self.validation_fraction * len(x))
        validation = None
        if 0 < n_validation < len(x):
            drawn = np.random.default_rng(seed + 1).permutation(len(x))[:n_validation]
            validation = torch.from_numpy(drawn).to(device)
        if not tables:
            x = self._laid_out(x)
            self._laid_out(network)

        def loss(
            module: nn.Module, batch: Tensor, weight: Tensor, progress: float
        ) -> tuple[Tensor, Tensor]:
            with reduced_precision(not tables):
                losses = self._row_loss(
                    cast("AutoencoderNetwork", module), batch[None], weight, progress
                )
            total: Tensor = (losses * weight).sum()
            return total, weight.sum() / len(weight)

        self.history_ = train(
            network,
            loss,
            lambda indices: (x[indices], weights[:, indices]),
            len(x),
            validation=validation,
            with_progress=True,
            epochs=self.epochs,
            batch_size=self.settings_.batch_size,
            learning_rate=self.settings_.learning_rate,
            patience=self.patience if self._losses_compare or n_validation else None,
            random_state=seed,
            device=device,
        )

    # Scoring.

    def _anomaly_score(self, X: NDArray[Any]) -> Scores:
        scores = [self._score_by(*member, X) for member in self._members()]
        return np.asarray(np.mean(scores, axis=0), dtype=np.float64)

    def _members(self) -> Iterator[tuple[AutoencoderNetwork, Parts]]:
        return zip(self.networks_, self.parts_, strict=True)

    def _score_by(self, network: AutoencoderNetwork, parts: Parts, X: NDArray[Any]) -> Scores:
        scores = [self._score_batch(network, parts, b) for b in self._encoded(network, X)]
        return np.concatenate(scores)

    def _encoded(self, network: AutoencoderNetwork, X: NDArray[Any]) -> Iterator[Encoded]:
        """Yield what `network`, of one member, makes of `X`, batch by batch."""
        device = resolve_device(self.device)
        tables = len(self.shape_) == 1
        size = _SCORING_BATCH if tables else _IMAGE_SCORING_BATCH
        with torch.inference_mode(), threads(1):
            for start in range(0, len(X), size):
                x = torch.from_numpy(self._scale(X[start : start + size])).to(device)
                if not tables:
                    x = self._laid_out(x)
                mean, log_variance = network.encode(x[None])
                reconstruction = network.decode(mean)[0]
                yield Encoded(
                    x, mean[0], None if log_variance is None else log_variance[0], reconstruction
                )

    def _scale(self, X: NDArray[Any]) -> NDArray[Any]:
        if X.ndim != 2:
            return X
        # What is further away is odd in any case, and its square would overflow.
        with np.errstate(over="ignore"):
            return np.clip((X - self.mean_) / self.scale_, -_FURTHEST, _FURTHEST)

    def _error(self, network: AutoencoderNetwork, parts: Parts, batch: Encoded) -> Tensor:
        """Return the squared error of each feature, in scaled units, in float64."""
        noise = parts.get("noise")
        if noise is None or not len(noise) or batch.log_variance is None:
            return (batch.x - batch.reconstruction).double() ** 2
        total = torch.zeros(batch.x.shape, dtype=torch.float64, device=batch.x.device)
        spread = torch.exp(0.5 * batch.log_variance)
        for drawn in torch.from_numpy(noise).to(spread):
            decoded = network.decode((batch.mean + spread * drawn)[None])[0]
            total += (batch.x - decoded).double() ** 2
        return total / len(noise)

    def error_score(self, X: Any, outlier_perc: float = 100.0) -> Scores:
        """Return the mean feature score of the features that deviate most, shape (n,).

        Parameters
        ----------
        X : items
        outlier_perc : float
            Percentage of the features; 100 is the plain mean squared error.
        """
        check_is_fitted(self, "offset_")
        if not 0 < outlier_perc <= 100:
            raise UsageError(f"outlier_perc={outlier_perc}; expected a percentage above 0")
        error = torch.from_numpy(self._feature_score(self._check(X)))
        return np.asarray(self._top_mean(error, outlier_perc).numpy(), dtype=np.float64)

    def _top_mean(self, error: Tensor, outlier_perc: float | None = None) -> Tensor:
        """Return the mean over the `outlier_perc` features that deviate most, shape (n,)."""
        flat = error.reshape(len(error), -1)
        share = (self.settings_.outlier_perc if outlier_perc is None else outlier_perc) / 100
        count = max(1, math.ceil(share * flat.shape[1]))
        top = flat if count == flat.shape[1] else flat.topk(count, dim=1).values
        return top.mean(dim=1)

    def _columns(self, network: AutoencoderNetwork, parts: Parts, batch: Encoded) -> Floats:
        """Return what combined scores look at: the encoding, and the root reconstruction error."""
        error = self._top_mean(self._error(network, parts, batch)).sqrt()
        columns = torch.cat([batch.mean.double(), error[:, None]], dim=1)
        return np.asarray(columns.cpu().numpy(), dtype=np.float64)

    def _learn_mixture(
        self, network: AutoencoderNetwork, parts: Parts, X: NDArray[Any], seed: int
    ) -> Parts:
        columns = [self._columns(network, parts, batch) for batch in self._encoded(network, X)]
        mixture = Mixture.learn(np.concatenate(columns), self.n_components, _RIDGE, seed)
        return {**parts, **mixture.to_arrays()}

    def _combined(self, network: AutoencoderNetwork, parts: Parts, batch: Encoded) -> Scores:
        """Return how far the columns are from where they are dense."""
        return Mixture.from_arrays(parts).distance(self._columns(network, parts, batch))

    def _feature_score(self, X: NDArray[Any]) -> Floats:
        total = np.zeros(X.shape)
        for network, parts in self._members():
            encoded = self._encoded(network, X)
            errors = [self._error(network, parts, b).cpu().numpy() for b in encoded]
            total += np.concatenate(errors)
        return total / self.settings_.n_networks

    def _reconstruct(self, X: NDArray[Any]) -> Floats:
        total = np.zeros(X.shape)
        for network in self.networks_:
            parts = [batch.reconstruction.cpu().numpy() for batch in self._encoded(network, X)]
            total += np.concatenate(parts)
        total /= self.settings_.n_networks
        return total * self.scale_ + self.mean_ if X.ndim == 2 else total

    def transform(self, X: Any) -> Floats:
        """Return the encoding of each item by the first network, shape (n, latent)."""
        check_is_fitted(self, "offset_")
        encoded = self._encoded(self.networks_[0], self._check(X))
        return np.concatenate([batch.mean.double().cpu().numpy() for batch in encoded])

    def recon_features(self, X: Any) -> Floats:
        """Return what is kept of the reconstruction beside the encoding, shape (n, k).

        Its cosine with the item and the relative Euclidean distance, unless `recon_function` says
        otherwise.
        """
        check_is_fitted(self, "offset_")
        function = getattr(self, "recon_function", None) or recon_features
        encoded = self._encoded(self.networks_[0], self._check(X))
        parts = [function(b.x, b.reconstruction).double().cpu().numpy() for b in encoded]
        return np.concatenate(parts)

"""Variational autoencoder for tables and images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from amiss.detect._autoencoder import Encoded
from amiss.detect._base import Scores
from amiss.detect._network_detector import LossFunction, Parts
from amiss.detect._reconstruction import AutoencoderNetwork
from amiss.detect._variational import Variational

_LEAST_VARIANCE = 1e-4
"""Of a feature's errors, as a share of the mean over the features."""


class VAE(Variational):
    r"""Variational autoencoder: what is badly reconstructed, or encoded far from the rest, is odd.

    Parameters
    ----------
    hidden : sequence of int, optional
        Units of the encoder's layers, mirrored by the decoder, (32, 16) by default; for images
        channels of convolutions that halve height and width, (32, 64, 128) by default.
    latent : int, optional
        Size of the encoding; 4 by default, 128 for images.
    score_type : {"combined", "mse", "probability"}, optional
        ``"mse"`` is the published score, the mean squared reconstruction error.
        ``"probability"`` is −ln of the density of the item, each feature with the spread that its
        errors had in training. ``"combined"`` is how far the latent mean and the
        root reconstruction error together are from where a Gaussian mixture, fitted to them, is
        dense, in standard deviations. The default is ``"combined"``,
        for images ``"mse"``.
    n_components : int, default 8
        Of the mixture of the combined score; 1 makes it the Mahalanobis distance.
    sim : float, optional
        Standard deviation of an observation in the ELBO, in units of the scaled features; 0.1 by
        default, 0.05 for images.
    beta : float, default 1.0
        Weight of the Kullback–Leibler divergence.
    samples : int, default 0
        Encodings drawn to be decoded for the reconstruction error, with noise that is fixed in
        fitting; 0 decodes the latent mean.
    outlier_perc : float, optional
        Percentage of the features, the most deviating ones, that make the reconstruction error. 100
        by default; of images 1, since what is odd in an image is odd in a place.
    outlier_type : {"instance", "feature"}, default "instance"
        What the verdict of `judge` goes by.
    encoder, decoder : nn.Module, optional
        Maps from (n, ...) to (n, k), to which layers for mean and log variance are added, and from
        (n, latent) to (n, ...). They are copied, not trained in place.
    module : nn.Module, optional
        Instead of both: has ``encode``, which returns mean and log variance, and ``decode``.
    loss_function : callable, optional
        Items and reconstructions → losses, shape (n,), instead of the Gaussian likelihood.
    threshold : float, optional
        Score above which an item is anomalous; by default found by `contamination`.
    n_networks : int, optional
        Networks of other initial weights, trained at once; scores are their mean. 3 by default, 1
        for images.
    folds : int, default 2
        Networks that are trained beside, each without one fold of the items, for
        ``training_score_``. 0 trains none, and the training scores are in sample: then find the
        threshold on other items, with `infer_threshold`.
    validation_fraction : float, default 0
        Share of the items that are not learnt from, to stop by.
    epochs, batch_size, learning_rate, patience
        See `amiss.detect._train.train`. By default steps are of 1,024 rows at a rate of up to 0.01,
        or of 128 images at 0.002.
    device : {"auto", "cpu", "cuda"}, default "auto"
    contamination : float, default 0.1
        Share of the training items above the threshold of the bare detector.
    random_state : int, optional

    Attributes
    ----------
    networks_ : list of AutoencoderNetwork
    mean_, scale_ : ndarray of float64
        Of the features of the training rows; 0 and 1 for images.
    feature_threshold_ : float

    Notes
    -----
    D. P. Kingma and M. Welling, "Auto-Encoding Variational Bayes", ICLR 2014; J. An and S. Cho,
    "Variational Autoencoder based Anomaly Detection using Reconstruction Probability", 2015.

    Rows are standardised with what they were in training. Where the published score is the error
    alone, an item that lies far outside but is easy to reconstruct goes unseen.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> base = rng.normal(size=(500, 2))
    >>> X = np.column_stack([base, base.sum(axis=1)])
    >>> detector = VAE(random_state=0).fit(X)
    >>> usual, odd = detector.anomaly_score([[1, 1, 2], [1, 1, -2]])
    >>> bool(odd > usual)
    True
    """

    name = "vae"
    _scores = ("combined", "mse", "probability")

    def __init__(
        self,
        hidden: Sequence[int] | None = None,
        latent: int | None = None,
        score_type: Literal["combined", "mse", "probability"] | None = None,
        n_components: int = 8,
        sim: float | None = None,
        beta: float = 1.0,
        samples: int = 0,
        outlier_perc: float | None = None,
        outlier_type: Literal["instance", "feature"] = "instance",
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        module: nn.Module | None = None,
        loss_function: LossFunction | None = None,
        threshold: float | None = None,
        n_networks: int | None = None,
        folds: int = 2,
        validation_fraction: float = 0.0,
        epochs: int = 30,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        patience: int = 10,
        device: str = "auto",
        contamination: float = 0.1,
        random_state: int | None = None,
    ) -> None:
        self.hidden = hidden
        self.latent = latent
        self.score_type = score_type
        self.n_components = n_components
        self.sim = sim
        self.beta = beta
        self.samples = samples
        self.outlier_perc = outlier_perc
        self.outlier_type = outlier_type
        self.encoder = encoder
        self.decoder = decoder
        self.module = module
        self.loss_function = loss_function
        self.threshold = threshold
        self.n_networks = n_networks
        self.folds = folds
        self.validation_fraction = validation_fraction
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.device = device
        self.contamination = contamination
        self.random_state = random_state

    def _row_loss(
        self, network: AutoencoderNetwork, x: Tensor, weight: Tensor, progress: float
    ) -> Tensor:
        return self._bound(network, x).loss

    def _learn_parts(self, network: AutoencoderNetwork, X: NDArray[Any], seed: int) -> Parts:
        parts = self._draw_noise(network.latent, seed)
        if self.settings_.score_type == "combined":
            return self._learn_mixture(network, parts, X, seed)
        if self.settings_.score_type == "probability":
            encoded = self._encoded(network, X)
            errors = [self._error(network, parts, b).sum(dim=0).cpu().numpy() for b in encoded]
            variance: NDArray[np.float64] = np.sum(errors, axis=0) / len(X)
            # A feature that is always reconstructed: what deviates is odd, but not infinitely so.
            least = _LEAST_VARIANCE * max(float(np.mean(variance)), 1e-30)
            return {**parts, "variance": np.maximum(variance, least)}
        return parts

    def _score_batch(self, network: AutoencoderNetwork, parts: Parts, batch: Encoded) -> Scores:
        if self.settings_.score_type == "combined":
            return self._combined(network, parts, batch)
        error = self._error(network, parts, batch)
        if self.settings_.score_type == "probability":
            variance = torch.from_numpy(parts["variance"]).to(error.device)
            error = 0.5 * (error / variance + torch.log(2 * torch.pi * variance))
        return np.asarray(self._top_mean(error).cpu().numpy(), dtype=np.float64)

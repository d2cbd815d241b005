"""Variational autoencoder and Gaussian mixture, learnt together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from amiss.detect._autoencoder import ReconFunction
from amiss.detect._energy import EnergyDetector
from amiss.detect._network_detector import LossFunction
from amiss.detect._reconstruction import AutoencoderNetwork
from amiss.detect._variational import Variational


class VAEGMM(Variational, EnergyDetector):
    r"""VAE and Gaussian mixture, learnt together: an encoding of low density is odd.

    Parameters
    ----------
    hidden : sequence of int, optional
        Units of the encoder's layers, mirrored by the decoder, (32, 16) by default; for images
        channels of convolutions that halve height and width, (32, 64, 128) by default.
    latent : int, optional
        Size of the encoding; 4 by default, 128 for images.
    score_type : {"combined", "energy", "mse"}, optional
        ``"energy"`` is the published score, −ln p of the encoding and the reconstruction features
        under the mixture of the density network. ``"combined"`` is how far the encoding and
        the root reconstruction error are from where a mixture, fitted to them afterwards by
        expectation-maximisation, is dense, in standard deviations. ``"mse"`` is the mean
        squared reconstruction error. The default is ``"combined"``, for images ``"mse"``.
    n_components : int, default 8
        Of the mixtures.
    w_energy, w_covariance : float, default 0.01 and 1e-5
        Weights of the energy, and of the inverse variances of the components, in the loss; the
        energy comes in after 30 % of the steps. 0.1 and 0.005 are the published ones.
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
    density : nn.Module, optional
        Maps encodings and reconstruction features, (n, latent + k), to memberships that sum to 1.
    recon_function : callable, optional
        Items and reconstructions → features, shape (n, k), instead of cosine and relative Euclidean
        distance.
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
    B. Zong et al., "Deep Autoencoding Gaussian Mixture Model for Unsupervised Anomaly Detection",
    ICLR 2018; the variational encoding as in alibi-detect's OutlierVAEGMM.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> base = rng.normal(size=(500, 2))
    >>> X = np.column_stack([base, base.sum(axis=1)])
    >>> detector = VAEGMM(random_state=0).fit(X)
    >>> usual, odd = detector.anomaly_score([[1, 1, 2], [1, 1, -2]])
    >>> bool(odd > usual)
    True
    """

    name = "vaegmm"

    def __init__(
        self,
        hidden: Sequence[int] | None = None,
        latent: int | None = None,
        score_type: Literal["combined", "energy", "mse"] | None = None,
        n_components: int = 8,
        w_energy: float = 0.01,
        w_covariance: float = 1e-5,
        sim: float | None = None,
        beta: float = 1.0,
        samples: int = 0,
        outlier_perc: float | None = None,
        outlier_type: Literal["instance", "feature"] = "instance",
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        module: nn.Module | None = None,
        density: nn.Module | None = None,
        recon_function: ReconFunction | None = None,
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
        self.w_energy = w_energy
        self.w_covariance = w_covariance
        self.sim = sim
        self.beta = beta
        self.samples = samples
        self.outlier_perc = outlier_perc
        self.outlier_type = outlier_type
        self.encoder = encoder
        self.decoder = decoder
        self.module = module
        self.density = density
        self.recon_function = recon_function
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
        bound = self._bound(network, x)
        energy = self._energy_loss(network, x, bound.z, bound.reconstruction, weight, progress)
        return bound.loss + energy

"""What variational autoencoders share: the evidence lower bound, and noise that is drawn once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from amiss.detect._autoencoder import Autoencoder
from amiss.detect._network_detector import Parts
from amiss.detect._reconstruction import AutoencoderNetwork, divergence, draw_noise
from amiss.errors import UsageError


class Bound(NamedTuple):
    """The evidence lower bound of a batch, and what it was made of."""

    loss: Tensor
    """The negative bound, up to a constant, shape (members, n)."""
    z: Tensor
    """Encodings that were drawn, shape (members, n, latent)."""
    reconstruction: Tensor


class Variational(Autoencoder):
    """Base of `VAE` and `VAEGMM`."""

    variational = True
    sim: float | None
    beta: float
    samples: int

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.sim is not None and not self.sim > 0:
            raise UsageError(f"sim={self.sim}; expected a standard deviation above 0")
        if self.samples < 0:
            raise UsageError(f"samples={self.samples}; expected 0 or more")

    def _bound(self, network: AutoencoderNetwork, x: Tensor) -> Bound:
        mean, log_variance = network.encode(x)
        assert log_variance is not None  # noqa: S101 - the network is variational
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        reconstruction = network.decode(z)
        loss = self._item_loss(x, reconstruction)
        if self.loss_function is None:
            loss = loss / (2 * self.settings_.sim**2)
        return Bound(loss + self.beta * divergence(mean, log_variance), z, reconstruction)

    def _draw_noise(self, latent: int, seed: int) -> Parts:
        return {"noise": draw_noise(self.samples, latent, seed)}

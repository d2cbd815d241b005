"""Autoencoders that learn together with a Gaussian mixture of their encodings."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from amiss.detect._autoencoder import Autoencoder, Encoded, ReconFunction
from amiss.detect._base import Scores
from amiss.detect._mixture import Mixture, batch_energy
from amiss.detect._network_detector import Parts
from amiss.detect._reconstruction import AutoencoderNetwork, recon_features
from amiss.detect._stack import Each, stacked_mlp
from amiss.errors import UsageError

_DENSITY_HIDDEN = 10
_RIDGE = 1e-3
_START, _RAMP = 0.3, 0.3
"""The energy comes in after 30 % of the steps and is whole at 60 %: before the autoencoder has
learnt anything, it would pull all encodings together."""


class EnergyDetector(Autoencoder):
    """Base of `AEGMM` and `VAEGMM`.

    The density network gives the memberships of an item's encoding and reconstruction features in
    the components of a mixture; the energy of the item under it is part of the loss.
    """

    density: nn.Module | None
    recon_function: ReconFunction | None
    w_energy: float
    w_covariance: float
    _scores = ("combined", "energy", "mse")
    _losses_compare = False

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.w_energy < 0 or self.w_covariance < 0:
            raise UsageError(
                f"w_energy={self.w_energy}, w_covariance={self.w_covariance}; expected 0 or more"
            )

    def _density(self, n_members: int, latent: int) -> nn.Module:
        zeros = torch.zeros(1, *self.shape_)
        features = self._recon(zeros, zeros)
        if features.ndim != 2:
            raise UsageError(
                f"recon_function gives shape {tuple(features.shape)} for 1 item; expected (n, k)"
            )
        n_in = latent + features.shape[1]
        if self.density is not None:
            return Each([copy.deepcopy(self.density) for _ in range(n_members)])
        mlp = stacked_mlp(n_members, [n_in, _DENSITY_HIDDEN, self.n_components], nn.Tanh)
        return nn.Sequential(mlp, nn.Softmax(dim=2))

    def _energy_loss(
        self,
        network: AutoencoderNetwork,
        x: Tensor,
        z: Tensor,
        reconstruction: Tensor,
        weight: Tensor,
        progress: float,
    ) -> Tensor:
        """Return the part of the loss that the mixture makes, shape (members, n)."""
        ramp = min(1.0, max(0.0, (progress - _START) / _RAMP))
        if not ramp or not self.w_energy:
            return torch.zeros(weight.shape, device=x.device)
        features = self._recon(
            x.expand_as(reconstruction).flatten(0, 1), reconstruction.flatten(0, 1)
        )
        rows = torch.cat([z, features.reshape(*z.shape[:2], -1)], dim=2)
        energy, penalty = batch_energy(rows, _memberships(network, rows), weight, _RIDGE)
        # The penalty is of the whole mixture: every item bears it alike.
        loss = self.w_energy * energy + self.w_covariance * penalty[:, None]
        return ramp * loss.to(x.dtype)

    def _recon(self, x: Tensor, reconstruction: Tensor) -> Tensor:
        return (self.recon_function or recon_features)(x, reconstruction)

    def _learn_parts(self, network: AutoencoderNetwork, X: NDArray[Any], seed: int) -> Parts:
        parts = self._draw_noise(network.latent, seed)
        if self.settings_.score_type == "combined":
            return self._learn_mixture(network, parts, X, seed)
        if self.settings_.score_type == "energy":
            rows, memberships = [], []
            for batch in self._encoded(network, X):
                columns = self._energy_columns(batch)
                rows.append(columns.double().cpu().numpy())
                memberships.append(_memberships(network, columns[None])[0].double().cpu().numpy())
            mixture = Mixture.of_membership(
                np.concatenate(rows), np.concatenate(memberships), _RIDGE
            )
            return {**parts, **mixture.to_arrays()}
        return parts

    def _draw_noise(self, latent: int, seed: int) -> Parts:
        return {}

    def _energy_columns(self, batch: Encoded) -> Tensor:
        return torch.cat([batch.mean, self._recon(batch.x, batch.reconstruction)], dim=1)

    def _score_batch(self, network: AutoencoderNetwork, parts: Parts, batch: Encoded) -> Scores:
        if self.settings_.score_type == "combined":
            return self._combined(network, parts, batch)
        if self.settings_.score_type == "mse":
            error = self._top_mean(self._error(network, parts, batch))
            return np.asarray(error.cpu().numpy(), dtype=np.float64)
        rows = self._energy_columns(batch).double().cpu().numpy()
        return Mixture.from_arrays(parts).energy(rows)


def _memberships(network: AutoencoderNetwork, rows: Tensor) -> Tensor:
    assert network.density is not None  # noqa: S101 - built with one
    memberships: Tensor = network.density(rows)
    if memberships.shape[:2] != rows.shape[:2] or memberships.ndim != 3:
        raise ValueError(
            f"density gives shape {tuple(memberships.shape[1:])} for {rows.shape[1]} items; "
            "expected (n, components)"
        )
    return memberships

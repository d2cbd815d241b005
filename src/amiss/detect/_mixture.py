"""Gaussian mixtures in float64: one fitted to encodings, and one of the memberships of a batch."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits
from torch import Tensor

from amiss.errors import UsageError

Floats = NDArray[np.float64]
_LEAST_WEIGHT = 0.006
"""Of a component: fewer rows are no habit."""
_PARTS = ("centre", "scale", "log_weight", "mean", "cholesky")
_ROWS = 30_000
"""Rows that a mixture is fitted to, drawn if there are more: enough for a few full covariances."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """A Gaussian mixture over standardised columns.

    Attributes
    ----------
    centre, scale : ndarray of float64, shape (d,)
    log_weight : ndarray of float64, shape (k,)
    mean : ndarray of float64, shape (k, d)
    cholesky : ndarray of float64, shape (k, d, d)
        Lower factors of the covariances.
    """

    centre: Floats
    scale: Floats
    log_weight: Floats
    mean: Floats
    cholesky: Floats

    @classmethod
    def learn(cls, rows: Floats, n_components: int, ridge: float, seed: int) -> Mixture:
        """Fit by expectation-maximisation.

        Parameters
        ----------
        rows : ndarray of float64, shape (n, d)
        n_components : int
            At most; fewer where rows are so few that a component would have less than two for
            each of its means and widths.
        ridge : float
            Added to the variances of the standardised columns.
        seed : int
        """
        if n_components < 1:
            raise UsageError(f"n_components={n_components}; expected 1 or more")
        rng = np.random.default_rng(seed)
        centre, scale = rows.mean(axis=0), rows.std(axis=0)
        # A column that never varies: anything else than its value is far away, but finitely so.
        scale = np.where(scale > 1e-6 * np.maximum(np.abs(centre), 1.0), scale, 1.0)
        if len(rows) > _ROWS:
            rows = rows[rng.choice(len(rows), _ROWS, replace=False)]
        z = (rows - centre) / scale
        n_components = min(n_components, max(1, len(z) // (2 * z.shape[1] + 2)))
        if n_components == 1:
            mean = z.mean(axis=0)[None]
            covariance = ((z - mean).T @ (z - mean) / len(z))[None]
            weight = np.ones(1)
        else:
            n_components = min(n_components, len(np.unique(z, axis=0)))
            mixture = GaussianMixture(
                n_components, reg_covar=ridge, random_state=int(rng.integers(2**31))
            )
            # One thread: so few columns are no work for two.
            with warnings.catch_warnings(), threadpool_limits(1):
                # A hundred steps are near enough.
                warnings.simplefilter("ignore", ConvergenceWarning)
                mixture.fit(z)
            mean, covariance, weight = mixture.means_, mixture.covariances_, mixture.weights_
            # A few odd rows that are alike would have a component: they would be the most normal.
            kept = weight >= min(_LEAST_WEIGHT, weight.max())
            mean, covariance, weight = mean[kept], covariance[kept], weight[kept]
            weight = weight / weight.sum()
        ridged = covariance + ridge * np.eye(z.shape[1])
        return cls(centre, scale, np.log(weight), mean, np.linalg.cholesky(ridged))

    @classmethod
    def of_membership(cls, rows: Floats, membership: Floats, ridge: float) -> Mixture:
        """Return the mixture that memberships, shape (n, k), make of rows, shape (n, d)."""
        d = rows.shape[1]
        log_weight, mean, lower = membership_mixture(
            torch.from_numpy(rows)[None],
            torch.from_numpy(membership)[None],
            torch.ones(1, len(rows)),
            ridge,
        )
        parts = (part[0].numpy() for part in (log_weight, mean, lower))
        return cls(np.zeros(d), np.ones(d), *parts)

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Mixture:
        """Take back what `to_arrays` gave."""
        return cls(*(arrays[name] for name in _PARTS))

    def distance(self, rows: Floats) -> Floats:
        """Return the Mahalanobis distance, generalised to several components, shape (n,).

        The root of twice the energy above that of a row at the mean of every component: its tail
        is that of a distance, so that one row far out does not carry a threshold away.
        """
        log_height = self.log_weight - self._log_width()
        above = self.energy(rows) + logsumexp(log_height)
        return np.asarray(np.sqrt(2 * np.maximum(above, 0.0)), dtype=np.float64)

    def energy(self, rows: Floats) -> Floats:
        """Return −ln of the density over the standardised columns, shape (n,)."""
        log_density = -0.5 * self._squared(rows) - self._log_width()
        return np.asarray(-logsumexp(log_density + self.log_weight, axis=1), dtype=np.float64)

    def _log_width(self) -> Floats:
        """Return −ln of each component's density at its mean, shape (k,)."""
        diagonal = np.log(np.diagonal(self.cholesky, axis1=1, axis2=2)).sum(axis=1)
        return np.asarray(diagonal + 0.5 * len(self.centre) * math.log(2 * math.pi))

    def _squared(self, rows: Floats) -> Floats:
        z = (rows - self.centre) / self.scale
        squared = np.empty((len(z), len(self.mean)))
        for k, (mean, lower) in enumerate(zip(self.mean, self.cholesky, strict=True)):
            white = solve_triangular(lower, (z - mean).T, lower=True, check_finite=False)
            squared[:, k] = np.einsum("ij,ij->j", white, white)
        return squared

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the parts by name."""
        return {name: getattr(self, name) for name in _PARTS}


def batch_energy(
    rows: Tensor, membership: Tensor, weight: Tensor, ridge: float
) -> tuple[Tensor, Tensor]:
    """Return −ln p of each row under the mixture that the memberships of the batch make.

    Differentiable; the Cholesky factors are of float64, since in float32 the covariances of
    encodings that hardly vary are singular. As in Zong et al., "Deep Autoencoding Gaussian Mixture
    Model for Unsupervised Anomaly Detection", ICLR 2018.

    Parameters
    ----------
    rows : Tensor, shape (members, n, d)
    membership : Tensor, shape (members, n, k)
        Sums to 1 over the components.
    weight : Tensor, shape (members, n)
        Of each row in the mixture.
    ridge : float
        Added to the variances.

    Returns
    -------
    energy : Tensor of float64, shape (members, n)
    penalty : Tensor of float64, shape (members,)
        The sum of the inverse variances: large where a component collapses.
    """
    with torch.autocast(rows.device.type, enabled=False):
        # Covariances of half precision are not positive definite.
        single = torch.float32 if rows.dtype == torch.bfloat16 else rows.dtype
        return _batch_energy(rows.to(single), membership.to(single), weight.to(single), ridge)


def _batch_energy(
    rows: Tensor, membership: Tensor, weight: Tensor, ridge: float
) -> tuple[Tensor, Tensor]:
    log_weight, mean, lower = membership_mixture(rows, membership, weight, ridge)
    d = rows.shape[2]
    # The factors need float64, the many products with them do not.
    inverse = torch.linalg.solve_triangular(lower, torch.eye(d, dtype=lower.dtype), upper=False)
    difference = rows[:, None] - mean[:, :, None].to(rows.dtype)
    white = difference @ inverse.transpose(2, 3).to(rows.dtype)
    diagonal = torch.log(torch.diagonal(lower, dim1=2, dim2=3)).sum(dim=2)
    constant = log_weight - diagonal - 0.5 * d * math.log(2 * math.pi)
    log_density = constant[..., None] - 0.5 * (white**2).sum(dim=3)
    variance = (lower**2).sum(dim=3)
    return -torch.logsumexp(log_density, dim=1), (1 / variance).sum((1, 2))


def membership_mixture(
    rows: Tensor, membership: Tensor, weight: Tensor, ridge: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return log weights (m, k), means (m, k, d), lower Cholesky factors (m, k, d, d)."""
    share = (membership * weight[..., None]).transpose(1, 2)  # (members, k, n)
    total = share.double().sum(dim=2).clamp_min(1e-9)
    mean = (share @ rows).double() / total[..., None]
    # Centred before it is squared, so that nothing cancels in single precision.
    difference = rows[:, None] - mean[:, :, None].to(rows.dtype)
    covariance = (share[..., None] * difference).transpose(2, 3) @ difference
    covariance = covariance.double() / total[..., None, None]
    # More where the variances are so large that rounding alone makes them indefinite.
    rounding = 10 * torch.finfo(rows.dtype).eps
    least = torch.diagonal(covariance.detach(), dim1=2, dim2=3).sum(dim=2).mul(rounding)
    ridged = covariance + least.clamp_min(ridge)[..., None, None] * torch.eye(
        rows.shape[2], dtype=torch.float64
    )
    log_weight = torch.log(total / total.sum(dim=1, keepdim=True))
    return log_weight, mean, torch.linalg.cholesky(ridged)

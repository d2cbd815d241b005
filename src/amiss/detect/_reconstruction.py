"""The networks of autoencoders, of sizes or of the user's modules, several members at once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from amiss.detect._stack import Each, StackedLinear, stacked_mlp
from amiss.errors import UsageError

_LOG_VARIANCE = 12.0
"""Bound on the log variance of an encoding: beyond it, exp overflows in float32 products."""


class EachWhole(Each):
    """Modules with methods ``encode`` and ``decode`` of their own, one a member."""

    def encode(self, x: Tensor) -> list[Tensor | tuple[Tensor, Tensor]]:
        """Return what each member makes of (members or 1, n, ...)."""
        return [m.encode(x[i if len(x) > 1 else 0]) for i, m in enumerate(self.members)]  # type: ignore[operator]

    def decode(self, z: Tensor) -> Tensor:
        """Map (members, n, latent) to (members, n, ...)."""
        return torch.stack([m.decode(z[i]) for i, m in enumerate(self.members)])  # type: ignore[operator]


class AutoencoderNetwork(nn.Module):
    """Encoder and decoder; the encoder gives a mean and, if variational, a log variance.

    Attributes
    ----------
    shape : tuple of int
        Of one item.
    latent : int
    density : nn.Module or None
        Gives the memberships of encodings in the components of a mixture.
    """

    density: nn.Module | None

    def __init__(
        self,
        shape: tuple[int, ...],
        latent: int,
        encoder: nn.Module,
        mean: nn.Module,
        log_variance: nn.Module | None,
        decoder: nn.Module,
    ) -> None:
        super().__init__()
        self.shape, self.latent = shape, latent
        self.encoder, self.mean, self.decoder = encoder, mean, decoder
        self.log_variance = log_variance
        self.density = None

    @classmethod
    def build(
        cls,
        n_members: int,
        shape: tuple[int, ...],
        *,
        hidden: Sequence[int],
        latent: int,
        variational: bool,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        module: nn.Module | None = None,
        density: Callable[[int, int], nn.Module | None],
    ) -> AutoencoderNetwork:
        """Make the network from sizes, or of copies of given modules.

        Parameters
        ----------
        n_members : int
        shape : tuple of int
            (n_features,), or (channels, height, width).
        hidden : sequence of int
            Units of the encoder's layers, mirrored by the decoder; for images, channels of
            convolutions that halve height and width.
        latent : int
        variational : bool
        encoder, decoder, module : nn.Module, optional
            `encoder` maps (n, ...) to (n, k), `decoder` (n, latent) to (n, ...) or (n, size);
            `module` has methods ``encode`` and ``decode`` that do. A variational ``encode`` returns
            mean and log variance.
        density : callable
            (members, latent) → the network of memberships, or None.

        Raises
        ------
        UsageError
            The modules do not fit the items.
        """
        hidden = tuple(hidden)
        if not hidden or min(hidden) < 1 or latent < 1:
            raise UsageError(f"hidden={hidden}, latent={latent}; expected sizes of 1 or more")
        if module is not None:
            network: AutoencoderNetwork = WholeNetwork(n_members, shape, module, variational)
        else:
            network = cls._of_parts(n_members, shape, hidden, latent, variational, encoder, decoder)
        network.density = density(n_members, network.latent)
        network._check_fits()
        return network

    @classmethod
    def _of_parts(
        cls,
        n_members: int,
        shape: tuple[int, ...],
        hidden: tuple[int, ...],
        latent: int,
        variational: bool,
        encoder: nn.Module | None,
        decoder: nn.Module | None,
    ) -> AutoencoderNetwork:
        tables = len(shape) == 1
        body: nn.Module
        mean: nn.Module = nn.Identity()
        if encoder is not None:
            body = _copies(encoder, n_members)
            width = _width(encoder, shape)
            if not variational:
                latent = width  # what the encoder gives is the encoding
        elif tables:
            body = nn.Sequential(stacked_mlp(n_members, [shape[0], *hidden]), nn.ReLU())
            width = hidden[-1]
        else:
            body = Each([_convolutions(shape, hidden) for _ in range(n_members)])
            width = int(np.prod(_map_shape(shape, hidden)))
        if encoder is None or variational:
            mean = StackedLinear(n_members, width, latent)
        log_variance = StackedLinear(n_members, width, latent) if variational else None
        out: nn.Module
        if decoder is not None:
            out = _copies(decoder, n_members)
        elif tables:
            out = stacked_mlp(n_members, [latent, *hidden[::-1], shape[0]])
        else:
            out = Each([_transposed(shape, hidden, latent) for _ in range(n_members)])
        return cls(shape, latent, body, mean, log_variance, out)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Map (members or 1, n, ...) to mean and log variance, (members, n, latent)."""
        states = self.encoder(x)
        if self.log_variance is None:
            return self.mean(states), None
        return self.mean(states), _bounded(self.log_variance(states))

    def decode(self, z: Tensor) -> Tensor:
        """Map (members, n, latent) to (members, n, ...)."""
        decoded: Tensor = self.decoder(z)
        return decoded.reshape(*z.shape[:2], *self.shape)

    @torch.no_grad()
    def _check_fits(self) -> None:
        """Raise `UsageError` if modules that were given do not fit the items."""
        training = self.training
        self.eval()
        try:
            mean, _ = self.encode(torch.zeros(1, 2, *self.shape))
            decoded = self.decode(mean)
        except (RuntimeError, ValueError, TypeError, AttributeError) as error:
            raise UsageError(
                f"the given modules do not fit items of shape {self.shape}: {error}; expected an "
                "encoder from (n, ...) to (n, k) and a decoder from (n, latent) back"
            ) from None
        finally:
            self.train(training)
        if mean.ndim != 3 or decoded.shape[2:] != self.shape:
            raise UsageError(
                f"encodings of shape {tuple(mean.shape[1:])} and reconstructions of shape "
                f"{tuple(decoded.shape[1:])} for items of shape {self.shape}; expected "
                "(n, latent) and the shape of the items"
            )


class WholeNetwork(AutoencoderNetwork):
    """Copies of one module with ``encode`` and ``decode``."""

    def __init__(
        self, n_members: int, shape: tuple[int, ...], module: nn.Module, variational: bool
    ) -> None:
        if not (hasattr(module, "encode") and hasattr(module, "decode")):
            raise UsageError(
                f"module {type(module).__name__} has no methods encode and decode; expected both, "
                "or give encoder= and decoder="
            )
        whole = EachWhole([copy.deepcopy(module) for _ in range(n_members)])
        super().__init__(shape, 0, whole, nn.Identity(), None, nn.Identity())
        self.variational = variational
        with torch.no_grad():
            try:
                self.latent = self.encode(torch.zeros(1, 2, *shape))[0].shape[-1]
            except (RuntimeError, ValueError, TypeError) as error:
                raise UsageError(
                    f"module does not encode items of shape {shape}: {error}"
                ) from None

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Map (members or 1, n, ...) to mean and log variance, (members, n, latent)."""
        encoded = self._whole().encode(x)
        if not self.variational:
            return torch.stack([e if isinstance(e, Tensor) else e[0] for e in encoded]), None
        if any(isinstance(e, Tensor) for e in encoded):
            raise UsageError("module.encode gives one tensor; expected (mean, log variance)")
        means, log_variances = zip(*encoded, strict=True)
        return torch.stack(means), _bounded(torch.stack(log_variances))

    def decode(self, z: Tensor) -> Tensor:
        """Map (members, n, latent) to (members, n, ...)."""
        return self._whole().decode(z).reshape(*z.shape[:2], *self.shape)

    def _whole(self) -> EachWhole:
        assert isinstance(self.encoder, EachWhole)  # noqa: S101 - what __init__ made
        return self.encoder


def recon_features(x: Tensor, reconstruction: Tensor) -> Tensor:
    """Return cosine and relative Euclidean distance of items and reconstructions.

    Safe where an item or its reconstruction is zero: norms are kept from zero by a hundredth of
    what a standardised item of that size has.

    Parameters
    ----------
    x, reconstruction : Tensor, shape (n, ...)

    Returns
    -------
    Tensor, shape (n, 2)

    Examples
    --------
    >>> recon_features(torch.zeros(1, 4), torch.zeros(1, 4))
    tensor([[0., 0.]])
    """
    x, reconstruction = x.flatten(1), reconstruction.flatten(1)
    least = 0.01 * x.shape[1] ** 0.5
    norms = [(v.pow(2).sum(dim=1) + least**2).sqrt() for v in (x, reconstruction)]
    cosine = (x * reconstruction).sum(dim=1) / (norms[0] * norms[1])
    # Below a root, a gradient needs what is kept from zero.
    distance = ((x - reconstruction).pow(2).sum(dim=1) + 1e-12).sqrt() - 1e-6
    return torch.stack([cosine, distance / norms[0]], dim=1)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the Kullback–Leibler divergence from the standard normal, summed over the latent."""
    return 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum(dim=-1)


def draw_noise(samples: int, latent: int, seed: int) -> NDArray[np.float64]:
    """Return noise for encodings, kept so that scores do not depend on the batch."""
    return np.random.default_rng(seed).standard_normal((samples, latent))


def _bounded(log_variance: Tensor) -> Tensor:
    return log_variance.clamp(-_LOG_VARIANCE, _LOG_VARIANCE)


def _copies(module: nn.Module, n: int) -> Each:
    return Each([copy.deepcopy(module) for _ in range(n)])


@torch.no_grad()
def _width(encoder: nn.Module, shape: tuple[int, ...]) -> int:
    try:
        states: Tensor = copy.deepcopy(encoder).eval()(torch.zeros(2, *shape))
    except (RuntimeError, ValueError, TypeError) as error:
        raise UsageError(f"encoder does not take items of shape {shape}: {error}") from None
    if not isinstance(states, Tensor):
        raise UsageError(f"encoder gives a {type(states).__name__} for 2 items; expected (2, k)")
    if states.ndim != 2:
        raise UsageError(
            f"encoder gives shape {tuple(states.shape)} for 2 items; expected (2, k): flatten it"
        )
    return states.shape[1]


def _map_shape(shape: tuple[int, ...], hidden: Sequence[int]) -> tuple[int, int, int]:
    """Return channels, height and width after the convolutions."""
    _, height, width = shape
    for _ in hidden:
        height, width = (height + 1) // 2, (width + 1) // 2
    return hidden[-1], height, width


def _convolutions(shape: tuple[int, ...], hidden: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n_in, n_out in zip([shape[0], *hidden], hidden, strict=False):
        layers += [nn.Conv2d(n_in, n_out, 3, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten())


class _Crop(nn.Module):
    """Cut what the doubling of odd sizes is too large."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, ≥ height, ≥ width) to (n, channels, height, width)."""
        return x[:, :, : self.height, : self.width]


def _transposed(shape: tuple[int, ...], hidden: Sequence[int], latent: int) -> nn.Sequential:
    first = _map_shape(shape, hidden)
    layers: list[nn.Module] = [
        nn.Linear(latent, int(np.prod(first))), nn.ReLU(), nn.Unflatten(1, first),
    ]  # fmt: skip
    widths = [*hidden[::-1], shape[0]]
    for n_in, n_out in pairwise(widths):
        layers += [nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Sigmoid(), _Crop(*shape[1:]))

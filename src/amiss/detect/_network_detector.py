"""The networks of autoencoders as detectors keep them: parameters, building, saving."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from amiss import store
from amiss.detect._parameters import check_network_parameters
from amiss.detect._reconstruction import AutoencoderNetwork
from amiss.detect._row_features import ReconstructingDetector
from amiss.detect._rows import Floats
from amiss.detect._stack import keep_members
from amiss.detect._train import resolve_device, seeded
from amiss.errors import ModelError, UsageError

LossFunction = Callable[[Tensor, Tensor], Tensor]
"""Items and their reconstructions, shape (n, ...) → losses, shape (n,)."""
Parts = dict[str, NDArray[Any]]
"""What the score of one network needs beside the network."""


class Settings(NamedTuple):
    """What parameters that are None stand for; kept with what was fitted."""

    hidden: Sequence[int]
    latent: int
    score_type: str
    outlier_perc: float
    sim: float
    n_networks: int
    batch_size: int
    learning_rate: float


TABLE_SETTINGS = Settings((32, 16), 4, "combined", 100.0, 0.1, 3, 1024, 0.01)
IMAGE_SETTINGS = Settings((32, 64, 128), 128, "mse", 1.0, 0.05, 1, 128, 0.002)


class NetworkDetector(ReconstructingDetector):
    """Base of detectors whose networks encode and reconstruct, of sizes or of given modules."""

    variational = False
    hidden: Sequence[int] | None
    latent: int | None
    score_type: str | None
    n_components: int
    outlier_perc: float | None
    encoder: nn.Module | None
    decoder: nn.Module | None
    module: nn.Module | None
    loss_function: LossFunction | None
    n_networks: int | None
    folds: int
    validation_fraction: float
    epochs: int
    batch_size: int | None
    learning_rate: float | None
    patience: int
    device: str
    random_state: int | None
    settings_: Settings
    networks_: list[AutoencoderNetwork]
    """Those that score, of one member each."""
    parts_: list[Parts]
    mean_: Floats
    scale_: Floats
    _scores: tuple[str, ...] = ()

    def _settings(self) -> Settings:
        tables = len(self.shape_) == 1
        defaults = TABLE_SETTINGS if tables else IMAGE_SETTINGS
        if tables:  # an encoding is no longer than what it encodes
            defaults = defaults._replace(latent=min(defaults.latent, self.shape_[0]))
        given = {n: getattr(self, n, None) for n in Settings._fields}
        return defaults._replace(**{n: value for n, value in given.items() if value is not None})

    def _check_parameters(self) -> None:
        self._check_verdict()
        if self.settings_.score_type not in self._scores:
            raise UsageError(
                f"score_type={self.score_type!r}; expected one of: {', '.join(self._scores)}"
            )
        check_network_parameters(self, n_components=1)
        if not 0 < self.settings_.outlier_perc <= 100:
            raise UsageError(f"outlier_perc={self.outlier_perc}; expected a percentage above 0")
        if not 0 <= self.validation_fraction < 1:
            raise UsageError(
                f"validation_fraction={self.validation_fraction}; expected a share below 1"
            )
        if self.module is not None and (self.encoder is not None or self.decoder is not None):
            raise UsageError("module and encoder or decoder were given; expected the one or both")

    def _density(self, n_members: int, n_features: int) -> nn.Module | None:
        """Return the network that gives memberships in the components of a mixture, if any."""
        return None

    def _build(self, seed: int, n_members: int) -> AutoencoderNetwork:
        return cast("AutoencoderNetwork", seeded(lambda: self._network(n_members), seed)).to(
            resolve_device(self.device)
        )

    def _network(self, n_members: int) -> AutoencoderNetwork:
        return AutoencoderNetwork.build(
            n_members,
            self.shape_,
            hidden=self.settings_.hidden,
            latent=self.settings_.latent,
            variational=self.variational,
            encoder=self.encoder,
            decoder=self.decoder,
            module=self.module,
            density=self._density,
        )

    def _member(self, network: AutoencoderNetwork, k: int) -> AutoencoderNetwork:
        member = copy.deepcopy(network)
        keep_members(member, [k])
        return self._ready(member)

    def _ready(self, network: AutoencoderNetwork) -> AutoencoderNetwork:
        # Rows are scored in float64: their scores are the same in whatever batch they come.
        # Images are laid out as in training: a network read from a file gives the very same scores.
        ready = network.double() if len(self.shape_) == 1 else self._laid_out(network)
        return ready.eval().requires_grad_(False)

    def _laid_out(self, what: Any) -> Any:
        """Return a network or images with channels last in memory, where convolutions are ours.

        Modules that were given may ask for views that only the usual layout has.
        """
        given = self.encoder is not None or self.decoder is not None or self.module is not None
        return what if given else what.to(memory_format=torch.channels_last)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted detector to `path`; `amiss.load` reads it.

        Modules and functions that were given are code, and are not written: a warning names
        them, and `amiss.load(path, modules={...})` asks for them.
        """
        super().save(path)
        if given := self._given():
            again = ", ".join(f"{name!r}: …" for name in given)
            warnings.warn(
                f"{path} is without {', '.join(given)}, which cannot be stored (the weights are): "
                f"load it with amiss.load({str(path)!r}, modules={{{again}}})",
                UserWarning,
                stacklevel=2,
            )

    def _given(self) -> list[str]:
        """Return the names of the parameters that are modules or functions."""
        parameters = self.get_params(deep=False)
        return [n for n, v in parameters.items() if isinstance(v, nn.Module) or callable(v)]

    def _get_parameters(self) -> dict[str, Any]:
        given = self._given()
        return {n: None if n in given else v for n, v in self.get_params(deep=False).items()}

    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        arrays = {
            f"network.{k}.{name}": tensor.cpu().numpy().astype(np.float32)
            for k, network in enumerate(self.networks_)
            for name, tensor in network.state_dict().items()
        }
        arrays |= {
            f"parts.{k}.{name}": array
            for k, parts in enumerate(self.parts_)
            for name, array in parts.items()
        }
        values = {
            **self._get_columns(),
            "feature_threshold": self.feature_threshold_,
            "largest_threshold": self.largest_threshold_,
            "given": self._given(),
            "settings": self.settings_._asdict(),
        }
        return values, {**arrays, "mean": self.mean_, "scale": self.scale_}

    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        absent = [name for name in values["given"] if getattr(self, name) is None]
        if absent:
            again = ", ".join(f"{name!r}: …" for name in absent)
            raise ModelError(
                f"fitted with a {' and a '.join(absent)} of the user's own, which a file cannot "
                f"hold; load it with amiss.load(path, modules={{{again}}})"
            )
        self.settings_ = Settings(**values["settings"])
        self._set_columns(values)
        self.feature_threshold_ = float(values["feature_threshold"])
        self.largest_threshold_ = float(values["largest_threshold"])
        self.mean_, self.scale_ = arrays["mean"], arrays["scale"]
        n_networks = self.settings_.n_networks
        self.parts_ = [store.with_prefix(arrays, f"parts.{k}.") for k in range(n_networks)]
        self.networks_ = []
        for k in range(n_networks):
            network = self._build(0, 1)
            weights = store.with_prefix(arrays, f"network.{k}.")
            network.load_state_dict({n: torch.from_numpy(np.array(w)) for n, w in weights.items()})
            self.networks_.append(self._ready(network))

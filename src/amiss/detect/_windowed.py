"""What detectors share that look at sessions through windows of events."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from amiss import store
from amiss.detect._base import Detector, Scores
from amiss.detect._layers import WindowEncoder
from amiss.detect._train import resolve_device, seeded
from amiss.errors import InputError, UsageError
from amiss.represent.sequences import Vocabulary, as_sequences
from amiss.represent.windows import (
    SPECIAL_TOKENS,
    UNKNOWN_TOKEN,
    EventWindows,
    as_windows,
    tokenise,
)
from amiss.types import Sequences, Windows

_UNKNOWN_DROPOUT = 0.01
"""Share of history tokens replaced by UNKNOWN in training, so that it means something."""


class WindowDetector(Detector):
    """Base of detectors that take sessions, or windows that were cut already.

    Attributes
    ----------
    vocabulary_ : Vocabulary
    network_ : nn.Module
    """

    inputs = ("sequences",)
    window: int
    cell: Literal["lstm", "gru"]
    embedding: int
    hidden: int
    layers: int
    bidirectional: bool
    dense: int
    dropout: float
    epochs: int
    device: str
    vocabulary_: Vocabulary
    network_: nn.Module

    def fit(self, X: Any, y: ArrayLike | None = None) -> WindowDetector:
        """Learn from sessions, or from windows (see `amiss.represent.windows.as_windows`).

        Parameters
        ----------
        X : sequences or windows
        y : array-like of int, shape (n,), optional
            1 is an anomaly, −1 unknown, anything else normal; by default the windows' own labels.
        """
        if self.window < 1:
            raise UsageError(f"window={self.window}; expected 1 event of history or more")
        if self.cell not in ("lstm", "gru"):
            raise UsageError(f"cell={self.cell!r}; expected lstm or gru")
        if self.epochs < 1:
            raise UsageError(f"epochs={self.epochs}; expected 1 or more")
        X = self._check(X)
        super().fit(X, X.label if y is None and isinstance(X, Windows) else y)
        return self

    def _check(self, X: Any, fitting: bool = False) -> Sequences | Windows:
        windows = as_windows(X)
        return as_sequences(X) if windows is None else windows

    def _tokens(self, X: Sequences | Windows) -> EventWindows:
        return tokenise(X, self.vocabulary_, self.window)

    def _network(self) -> nn.Module:
        """Return the network, with fresh weights, for the vocabulary."""
        raise NotImplementedError

    def _encoder(self) -> WindowEncoder:
        return WindowEncoder(
            len(self.vocabulary_) + SPECIAL_TOKENS,
            self.embedding,
            self.hidden,
            self.layers,
            self.cell,
            self.bidirectional,
            self.dropout,
        )

    def _build(self, seed: int) -> nn.Module:
        return seeded(self._network, seed).to(resolve_device(self.device))

    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        return {"vocabulary": self.vocabulary_.tokens}, network_arrays(self.network_)

    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self.vocabulary_ = Vocabulary(values["vocabulary"])
        self.network_ = self._build(0)
        load_network(self.network_, arrays)


def network_arrays(network: nn.Module) -> dict[str, NDArray[Any]]:
    """Return the weights of a network as arrays, for `load_network`."""
    return {f"network.{name}": w.cpu().numpy() for name, w in network.state_dict().items()}


def load_network(network: nn.Module, arrays: dict[str, NDArray[Any]]) -> None:
    """Give a network the weights that `network_arrays` gave, ready to score."""
    weights = store.with_prefix(arrays, "network.")
    network.load_state_dict({n: torch.from_numpy(np.array(w)) for n, w in weights.items()})
    network.eval()


def hide_some(history: Tensor, noise: torch.Generator) -> Tensor:
    """Write UNKNOWN for a few events, so that training meets it."""
    hidden = torch.rand(history.shape, generator=noise, device=history.device) < _UNKNOWN_DROPOUT
    return history.masked_fill(hidden & (history >= SPECIAL_TOKENS), UNKNOWN_TOKEN)


def largest(values: Scores, item: NDArray[np.int64], n: int) -> Scores:
    """Return the largest of the `values` of each of `n` items, 0 where there is none."""
    scores = np.zeros(n)
    np.maximum.at(scores, item, values)
    return scores


def fold_of(X: Sequences | Windows, n: int, seed: int) -> NDArray[np.int64]:
    """Return a fold from 0 to n − 1 for each item; what is of one trace or session stays together.

    With fewer traces or sessions than folds, the last folds are empty. Segments of a single trace
    are in folds of neighbours: the best that one trace allows.
    """
    group = X.trace if isinstance(X, Sequences) else X.session
    generator = np.random.default_rng(seed)
    if group is None:
        return generator.permutation(len(X)) % n
    if isinstance(X, Sequences):  # traces may be numbered in any way; rows of sessions are
        group = np.unique(group, return_inverse=True)[1].ravel()
        if len(X) and not group.any():
            return np.arange(len(X)) * min(n, len(X)) // len(X)
    return (generator.permutation(int(group.max(initial=-1)) + 1) % n)[group]


def event_offsets(X: Sequences) -> NDArray[np.int64]:
    """Return where the events of each sequence start, ends that were seen counted as events."""
    return np.concatenate([[0], np.cumsum(X.lengths + X.ended)]).astype(np.int64)


def check_has_events(X: Sequences | Windows) -> None:
    """Raise `InputError` if there is nothing to learn from."""
    if not len(X) or not len(X.events):
        raise InputError("no events of normal sessions to learn from; expected at least one")

"""LSTM autoencoders of several members, trained and run at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from amiss.detect._stack import StackedLinear


class StackedLSTM(nn.Module):
    """An LSTM layer for each member: its products are batched over the members.

    Parameters
    ----------
    n_members, n_in, n_out : int

    Examples
    --------
    >>> layer = StackedLSTM(3, 4, 2)
    >>> layer(torch.zeros(3, 5, 7, 4)).shape
    torch.Size([3, 5, 7, 2])
    """

    def __init__(self, n_members: int, n_in: int, n_out: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(n_out)  # as nn.LSTM has it
        self.n_out = n_out
        self.given = nn.Parameter(torch.empty(n_members, n_in, 4 * n_out).uniform_(-bound, bound))
        self.state = nn.Parameter(torch.empty(n_members, n_out, 4 * n_out).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_members, 1, 4 * n_out).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Map (members, n, timesteps, n_in) to the states, (members, n, timesteps, n_out)."""
        members, n, timesteps, n_in = x.shape
        flat = torch.baddbmm(self.bias, x.reshape(members, n * timesteps, n_in), self.given)
        return self._states(list(flat.view(members, n, timesteps, -1).unbind(2)))

    def repeated(self, x: Tensor, timesteps: int) -> Tensor:
        """Map one input for all steps, (members, n, n_in), to (members, n, timesteps, n_out)."""
        return self._states([torch.baddbmm(self.bias, x, self.given)] * timesteps)

    def _states(self, given: list[Tensor]) -> Tensor:
        states: list[Tensor] = []
        cell: Tensor | None = None
        for of_step in given:
            gates = torch.baddbmm(of_step, states[-1], self.state) if states else of_step
            take_in, forget, give_out, new = gates.chunk(4, dim=2)
            added = take_in.sigmoid() * new.tanh()
            cell = added if cell is None else forget.sigmoid() * cell + added
            states.append(give_out.sigmoid() * cell.tanh())
        return torch.stack(states, dim=2)


class LSTMAutoencoderNetwork(nn.Module):
    """Encoder that ends in one state a window, and a decoder that gets this at each step.

    Parameters
    ----------
    n_members : int
    n_features : int
    timesteps : int
    layers : sequence of int
        Units of the encoder's layers, mirrored by the decoder.

    Examples
    --------
    >>> network = LSTMAutoencoderNetwork(2, 3, timesteps=8, layers=(16, 4))
    >>> network(torch.zeros(1, 5, 8, 3)).shape
    torch.Size([2, 5, 8, 3])
    """

    def __init__(
        self, n_members: int, n_features: int, timesteps: int, layers: Sequence[int]
    ) -> None:
        super().__init__()
        self.n_members, self.timesteps = n_members, timesteps
        inwards, outwards = [n_features, *layers], [layers[-1], *layers[::-1]]
        self.encoder = nn.ModuleList([StackedLSTM(n_members, a, b) for a, b in pairwise(inwards)])
        self.decoder = nn.ModuleList([StackedLSTM(n_members, a, b) for a, b in pairwise(outwards)])
        self.out = StackedLinear(n_members, layers[0], n_features)

    def encode(self, x: Tensor) -> Tensor:
        """Map (members or 1, n, timesteps, n_features) to (members, n, units)."""
        states = x.expand(self.n_members, -1, -1, -1)
        for layer in self.encoder:
            states = layer(states)
        return states[:, :, -1]

    def decode(self, z: Tensor) -> Tensor:
        """Map (members, n, units) to (members, n, timesteps, n_features)."""
        first = self.decoder[0]
        assert isinstance(first, StackedLSTM)  # noqa: S101 - what __init__ made
        states = first.repeated(z, self.timesteps)
        for layer in self.decoder[1:]:
            states = layer(states)
        members, n, timesteps, units = states.shape
        flat: Tensor = self.out(states.reshape(members, n * timesteps, units))
        return flat.view(members, n, timesteps, -1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (members or 1, n, timesteps, n_features) to its reconstruction by each member."""
        return self.decode(self.encode(x))

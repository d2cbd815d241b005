"""Several networks of one shape, trained and run at once.

A step of a small network is mostly overhead: three networks in one step cost little more than one.
All take and give tensors with the members in front, shape (members, n, ...), or (1, n, ...) where
all members get the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class StackedLinear(nn.Module):
    """A linear layer for each member: one batched product.

    Parameters
    ----------
    n_members, n_in, n_out : int
    bias : bool

    Examples
    --------
    >>> layer = StackedLinear(3, 4, 2)
    >>> layer(torch.zeros(1, 5, 4)).shape
    torch.Size([3, 5, 2])
    """

    def __init__(self, n_members: int, n_in: int, n_out: int, bias: bool = True) -> None:
        super().__init__()
        bound = 1 / math.sqrt(max(1, n_in))  # as nn.Linear has it
        self.weight = nn.Parameter(torch.empty(n_members, n_in, n_out).uniform_(-bound, bound))
        self.bias = (
            nn.Parameter(torch.empty(n_members, 1, n_out).uniform_(-bound, bound)) if bias else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (members or 1, n, n_in) to (members, n, n_out)."""
        given = x.expand(len(self.weight), -1, -1)
        if self.bias is None:
            return torch.bmm(given, self.weight)
        return torch.baddbmm(self.bias, given, self.weight)


class Each(nn.Module):
    """Modules of any kind, one a member, called in turn.

    Parameters
    ----------
    modules : sequence of nn.Module
        Each maps (n, ...) to (n, ...).
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(modules)

    def forward(self, x: Tensor) -> Tensor:
        """Map (members or 1, n, ...) to (members, n, ...)."""
        shared = len(x) == 1
        outputs = [m(x[0 if shared else i]) for i, m in enumerate(self.members)]
        return outputs[0][None] if len(outputs) == 1 else torch.stack(outputs)


def stacked_mlp(
    n_members: int,
    sizes: Sequence[int],
    activation: Callable[[], nn.Module] = nn.ReLU,
    bias: bool = True,
) -> nn.Sequential:
    """Return stacked linear layers of these sizes, an activation between any two of them."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [StackedLinear(n_members, n_in, n_out, bias), activation()]
    return nn.Sequential(*layers[:-1])


def keep_members(module: nn.Module, members: Sequence[int]) -> None:
    """Leave only these members in `module` and all that it holds, in place."""
    index = list(members)
    for part in module.modules():
        if isinstance(part, StackedLinear):
            part.weight = nn.Parameter(part.weight.detach()[index].clone())
            if part.bias is not None:
                part.bias = nn.Parameter(part.bias.detach()[index].clone())
        elif isinstance(part, Each):
            part.members = nn.ModuleList([part.members[i] for i in index])

"""The one training path: shuffled slices of resident tensors, fused Adam, best weights kept."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from amiss.errors import UsageError

Batch = Callable[[Tensor], tuple[Any, ...]]
"""Indices, shape (batch,) → the arguments of the loss."""
Loss = Callable[..., tuple[Tensor, Tensor]]
"""The module and a batch → (sum of the weighted losses, sum of the weights)."""


def train(
    module: nn.Module,
    loss: Loss,
    batch: Batch,
    n_items: int,
    *,
    validation: Tensor | None = None,
    epochs: int = 100,
    batch_size: int = 512,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.0,
    patience: int = 10,
    random_state: int | None = None,
    device: torch.device | None = None,
) -> list[dict[str, float]]:
    """Train `module` in place and leave it with its best weights, in evaluation mode.

    Parameters
    ----------
    module : nn.Module
    loss : callable
        ``loss(module, *batch(indices))`` gives the sum of weighted losses and of weights.
    batch : callable
        ``batch(indices)`` gives the tensors of those items.
    n_items : int
        Items 0 … n_items − 1 are trained on, the ones in `validation` left out.
    validation : Tensor of int64, optional
        Items to stop by; without them the training loss decides.
    patience : int
        Epochs without improvement before stopping.
    random_state : int, optional
        Seeds a generator of its own; the global one is not touched.

    Returns
    -------
    list of dict
        ``epoch``, ``loss`` and, with validation items, ``validation_loss`` of each epoch.
    """
    generator = torch.Generator().manual_seed(seed_of(random_state))
    held_out = torch.zeros(n_items, dtype=torch.bool)
    if validation is not None:
        held_out[validation.cpu()] = True
    items = torch.nonzero(~held_out).squeeze(1)
    optimizer = torch.optim.Adam(
        module.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True
    )
    steps = max(1, epochs * -(-len(items) // batch_size))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=learning_rate, total_steps=steps, pct_start=0.2
    )
    history: list[dict[str, float]] = []
    best, best_weights, waited = float("inf"), copy.deepcopy(module.state_dict()), 0
    for epoch in range(epochs):
        module.train()
        total = weight = 0.0
        order = items[torch.randperm(len(items), generator=generator)]
        for indices in torch.split(order, batch_size):
            summed, weights = loss(module, *batch(indices.to(device)))
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(summed / weights.clamp_min(1e-12))
            optimizer.step()
            schedule.step()
            total += float(summed.detach())
            weight += float(weights)
        entry = {"epoch": float(epoch), "loss": total / max(weight, 1e-12)}
        if validation is not None and len(validation):
            entry["validation_loss"] = _mean_loss(module, loss, batch, validation, batch_size)
        history.append(entry)
        current = entry.get("validation_loss", entry["loss"])
        if current < best - 1e-4 * abs(best if np.isfinite(best) else 0.0):
            best, waited = current, 0
            best_weights = copy.deepcopy(module.state_dict())
        else:
            waited += 1
            if waited >= patience:
                break
    module.load_state_dict(best_weights)
    module.eval()
    return history


@torch.no_grad()
def _mean_loss(
    module: nn.Module, loss: Loss, batch: Batch, items: Tensor, batch_size: int
) -> float:
    module.eval()
    total = weight = 0.0
    for indices in torch.split(items, 4 * batch_size):
        summed, weights = loss(module, *batch(indices))
        total += float(summed)
        weight += float(weights)
    return total / max(weight, 1e-12)


def resolve_device(name: str) -> torch.device:
    """Return the device called ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    UsageError
        The name is another one, or CUDA is asked for and there is none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda"):
        raise UsageError(f"device {name!r}; expected auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("device 'cuda': this machine has no usable GPU; use auto or cpu")
    return torch.device(name)


def seed_of(random_state: int | None) -> int:
    """Return a seed: `random_state`, or one drawn from the system's entropy."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    return int(random_state)


def seeded(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Build a module with seeded initial weights, the global generator left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()

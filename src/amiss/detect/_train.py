"""The one training path: shuffled slices of resident tensors, fused Adam, best weights kept."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from amiss.detect._adam import OneCycleAdam
from amiss.errors import UsageError

_LEAST_STEPS, _LEAST_PATIENCE = 200, 50

Batch = Callable[[Tensor], tuple[Any, ...]]
"""Indices, shape (batch,) → the arguments of the loss."""
Loss = Callable[..., tuple[Tensor, Tensor]]
"""The module, a batch, and if asked for the progress → (sum of the losses, sum of the weights)."""


def train(
    module: nn.Module,
    loss: Loss,
    batch: Batch,
    n_items: int,
    *,
    validation: Tensor | None = None,
    with_progress: bool = False,
    epochs: int = 100,
    batch_size: int = 512,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.0,
    patience: int | None = 10,
    random_state: int | None = None,
    device: torch.device | None = None,
    n_threads: int | None = 1,
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
    with_progress : bool
        ``loss`` takes one more argument: the share of the steps that are done; 1 in validation.
    epochs, patience : int
        Most epochs, and those without improvement before stopping; stretched where there are so
        few items that the epochs would make less than 200 steps. Patience None: all epochs are
        made and the last weights kept, where losses of different epochs are not to be compared.
    random_state : int, optional
        The global generator is left as it was.

    n_threads : int, optional
        Threads of one step. More than one pays only where a step takes milliseconds: the networks
        of logs and tables lose by it, and lose badly where other work shares the cores. None takes
        what torch has set.

    Returns
    -------
    list of dict
        ``epoch``, ``loss`` and, with validation items, ``validation_loss`` of each epoch.
    """
    # Dropout draws from the global generator.
    with torch.random.fork_rng(devices=[]), threads(n_threads):
        torch.manual_seed(seed_of(random_state))
        return _train(
            module, loss, batch, n_items, validation, with_progress, epochs, batch_size,
            learning_rate, weight_decay, patience, device,
        )  # fmt: skip


def _train(
    module: nn.Module,
    loss: Loss,
    batch: Batch,
    n_items: int,
    validation: Tensor | None,
    with_progress: bool,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    patience: int | None,
    device: torch.device | None,
) -> list[dict[str, float]]:
    held_out = torch.zeros(n_items, dtype=torch.bool)
    if validation is not None:
        held_out[validation.cpu()] = True
    items = torch.nonzero(~held_out).squeeze(1)
    # A handful of distinct windows makes an epoch of one step: epochs alone would train nothing.
    steps_an_epoch = max(1, -(-len(items) // batch_size))
    stretch = max(1, -(-_LEAST_STEPS // (epochs * steps_an_epoch)))
    epochs *= stretch
    if patience is not None:
        # As many steps as the rate takes to rise may pass before there is anything to lose.
        patience = max(patience * stretch, -(-_LEAST_PATIENCE // steps_an_epoch))
    steps = epochs * steps_an_epoch
    optimizer = OneCycleAdam(module.parameters(), learning_rate, steps, weight_decay)
    history: list[dict[str, float]] = []
    best, best_weights, waited = float("inf"), copy.deepcopy(module.state_dict()), 0
    step = 0
    for epoch in range(epochs):
        module.train()
        total = weight = 0.0
        order = items[torch.randperm(len(items))]
        for indices in torch.split(order, batch_size):
            progress = (step / steps,) if with_progress else ()
            summed, weights = loss(module, *batch(indices.to(device)), *progress)
            step += 1
            optimizer.zero_grad()
            torch.autograd.backward(summed / weights.clamp_min(1e-12))
            optimizer.step()
            total += float(summed.detach())
            weight += float(weights)
        entry = {"epoch": float(epoch), "loss": total / max(weight, 1e-12)}
        if validation is not None and len(validation):
            done = (1.0,) if with_progress else ()
            entry["validation_loss"] = _mean_loss(module, loss, batch, validation, batch_size, done)
        history.append(entry)
        if patience is None:
            continue
        current = entry.get("validation_loss", entry["loss"])
        if current < best - 1e-4 * abs(best if np.isfinite(best) else 0.0):
            best, waited = current, 0
            best_weights = copy.deepcopy(module.state_dict())
        else:
            waited += 1
            if waited >= patience:
                break
    if patience is not None:
        module.load_state_dict(best_weights)
    module.eval()
    return history


@torch.no_grad()
def _mean_loss(
    module: nn.Module,
    loss: Loss,
    batch: Batch,
    items: Tensor,
    batch_size: int,
    progress: tuple[float, ...],
) -> float:
    module.eval()
    total = weight = 0.0
    for indices in torch.split(items, 4 * batch_size):
        summed, weights = loss(module, *batch(indices), *progress)
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


def reduced_precision(wanted: bool) -> AbstractContextManager[Any]:
    """Return a context in which products are of bfloat16, where wanted and the processor has it."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    has = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return torch.autocast("cpu", torch.bfloat16) if wanted and has else nullcontext()


@contextmanager
def threads(n: int | None) -> Iterator[None]:
    """Run torch with `n` threads, then again with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(n or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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

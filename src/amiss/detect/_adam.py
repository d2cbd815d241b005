"""Adam along one cycle of rates, as `torch.optim` has it, without what it imports.

The first step of any optimiser of torch imports its compiler, which nothing here uses: two seconds
of CPU and a tenth of a gigabyte. The function behind `torch.optim.Adam` does without.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn
from torch.optim.adam import adam

_RISING = 0.2
"""Share of the steps in which the rate rises."""
_FIRST, _LAST = 25.0, 1e4
"""The highest rate is so many times the first one, which is so many times the last one."""
_CALM, _SWIFT = 0.95, 0.85
"""How long gradients are remembered at the lowest rates, and at the highest."""
_SQUARES, _EPS = 0.999, 1e-8


class OneCycleAdam:
    """Adam whose rate rises to a peak and falls again; what it does is what torch does, bit by bit.

    The same as ``torch.optim.Adam(parameters, weight_decay=weight_decay, fused=True)`` with
    ``OneCycleLR(optimizer, max_lr=peak, total_steps=steps, pct_start=0.2)``.

    Parameters
    ----------
    parameters : iterable of nn.Parameter
    peak : float
        The highest rate.
    steps : int
        How many there will be; 10 or more.
    weight_decay : float
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], peak: float, steps: int, weight_decay: float = 0.0
    ) -> None:
        self._parameters = [p for p in parameters if p.requires_grad]
        self._peak, self._steps, self._weight_decay = peak, steps, weight_decay
        self._done = 0
        own = self._parameters
        self._means = [torch.zeros_like(p) for p in own]
        self._squares = [torch.zeros_like(p) for p in own]
        self._counts = [torch.zeros((), dtype=torch.float32, device=p.device) for p in own]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move each parameter that has a gradient."""
        rate, memory = self._now()
        moved = [i for i, p in enumerate(self._parameters) if p.grad is not None]
        adam(
            [self._parameters[i] for i in moved],
            [grad for p in self._parameters if (grad := p.grad) is not None],
            [self._means[i] for i in moved],
            [self._squares[i] for i in moved],
            [],
            [self._counts[i] for i in moved],
            fused=True,
            amsgrad=False,
            beta1=memory,
            beta2=_SQUARES,
            lr=rate,
            weight_decay=self._weight_decay,
            eps=_EPS,
            maximize=False,
        )
        self._done += 1

    def _now(self) -> tuple[float, float]:
        """Return the rate of this step, and how long gradients are remembered."""
        first = self._peak / _FIRST
        top, end = _RISING * self._steps - 1, self._steps - 1
        if self._done <= top:
            share = self._done / top
            return _between(first, self._peak, share), _between(_CALM, _SWIFT, share)
        share = (self._done - top) / (end - top)
        return _between(self._peak, first / _LAST, share), _between(_SWIFT, _CALM, share)


def _between(start: float, end: float, share: float) -> float:
    """Return where half a wave from `start` to `end` is."""
    return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)

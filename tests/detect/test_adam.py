"""Adam along one cycle: what torch's optimiser does, without its compiler."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from amiss.detect._adam import OneCycleAdam


def _network() -> nn.Sequential:
    torch.manual_seed(3)
    network = nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))
    network[1].bias.requires_grad_(False)
    return network


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("steps", [10, 57])
def test_steps_are_those_of_torch(steps: int, weight_decay: float) -> None:
    ours, theirs = _network(), _network()
    optimizer = OneCycleAdam(ours.parameters(), 0.03, steps, weight_decay)
    adam = torch.optim.Adam(theirs.parameters(), lr=0.03, weight_decay=weight_decay, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        adam, max_lr=0.03, total_steps=steps, pct_start=0.2
    )
    for step in range(steps):
        items = torch.arange(step, step + 3) % 7
        for network, chosen in ((ours, optimizer), (theirs, adam)):
            chosen.zero_grad()
            torch.autograd.backward(network(items).square().sum())
            chosen.step()
        schedule.step()
        for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(own, other)


def test_training_imports_no_compiler() -> None:
    code = (
        "import sys; from amiss.detect.next_event import NextEvent; "
        "NextEvent(epochs=1, random_state=0).fit([['a', 'b']] * 9); "
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

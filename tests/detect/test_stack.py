"""Networks in a stack are the networks they would be alone."""

import numpy as np
import pytest
import torch
from torch import nn

from amiss.detect._stack import Each, StackedLinear, keep_members, stacked_mlp


def _alone(stacked, k):
    """Return member `k` of a stack of linear layers as layers of torch."""
    layers = []
    for layer in stacked if isinstance(stacked, nn.Sequential) else [stacked]:
        if isinstance(layer, StackedLinear):
            linear = nn.Linear(*layer.weight.shape[1:])
            linear.weight.data = layer.weight.detach()[k].T.clone()
            linear.bias.data = layer.bias.detach()[k, 0].clone()
            layers.append(linear)
        else:
            layers.append(type(layer)())
    return nn.Sequential(*layers)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_a_member_of_a_stacked_layer_is_a_linear_layer(generator):
    layer = StackedLinear(3, 4, 2)
    x = torch.randn(3, 5, 4, generator=generator)
    y = layer(x)
    assert y.shape == (3, 5, 2)
    for k in range(3):
        torch.testing.assert_close(y[k], _alone(layer, k)(x[k]))


def test_what_all_members_get_is_given_once(generator):
    layer = stacked_mlp(3, [4, 6, 2], nn.Tanh)
    x = torch.randn(1, 5, 4, generator=generator)
    torch.testing.assert_close(layer(x), layer(x.expand(3, 5, 4)))
    for k in range(3):
        torch.testing.assert_close(layer(x)[k], _alone(layer, k)(x[0]))


def test_members_begin_with_weights_of_their_own_as_torch_draws_them():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer, linear = StackedLinear(3, 100, 50), nn.Linear(100, 50)
    assert not torch.equal(layer.weight[0], layer.weight[1])
    for k in range(3):
        assert layer.weight[k].abs().max() <= 0.1
        assert layer.weight[k].std().item() == pytest.approx(linear.weight.std().item(), rel=0.05)
        assert layer.bias[k].std().item() == pytest.approx(linear.bias.std().item(), rel=0.3)


def _steps(network, loss, n_steps=20):
    optimizer = torch.optim.SGD(network.parameters(), lr=0.002)
    for _ in range(n_steps):
        optimizer.zero_grad()
        loss(network).backward()
        optimizer.step()


@pytest.mark.parametrize("sizes", [[4, 2], [4, 6, 2]])
def test_training_together_is_training_alone(sizes, generator):
    x, target = (torch.randn(30, n, generator=generator) for n in (4, 2))
    # Each member leaves out a third of the rows.
    mask = torch.stack([torch.arange(30) % 3 != k for k in range(3)]).float()
    together = stacked_mlp(3, sizes, nn.Tanh)
    alone = [_alone(together, k) for k in range(3)]
    _steps(
        together, lambda net: (((net(x[None]) - target) ** 2).sum(dim=2) * mask).sum(dim=1).sum()
    )
    for k, network in enumerate(alone):
        rows = mask[k] > 0
        _steps(network, lambda net, rows=rows: ((net(x[rows]) - target[rows]) ** 2).sum())
        torch.testing.assert_close(together(x[None])[k], network(x), rtol=1e-4, atol=1e-5)


def test_rows_that_weigh_nothing_teach_a_member_nothing(generator):
    x = torch.randn(1, 8, 4, generator=generator)
    layer = StackedLinear(2, 4, 1)
    mask = torch.tensor([[1.0] * 8, [0.0] * 8])
    ((layer(x)[..., 0] ** 2) * mask).sum().backward()
    assert layer.weight.grad[0].abs().sum() > 0
    assert layer.weight.grad[1].abs().sum() == 0


def test_members_of_any_kind_are_called_in_turn(generator):
    modules = [nn.Linear(4, 2), nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))]
    each = Each(modules)
    x = torch.randn(2, 5, 4, generator=generator)
    torch.testing.assert_close(
        each(x), torch.stack([m(part) for m, part in zip(modules, x, strict=True)])
    )
    shared = each(x[:1])
    torch.testing.assert_close(shared, torch.stack([m(x[0]) for m in modules]))
    torch.testing.assert_close(Each(modules[:1])(x[:1]), modules[0](x[0])[None])


@pytest.mark.parametrize("kept", [[0], [2], [2, 0], [0, 1, 2]])
def test_members_that_are_kept_do_as_before(kept, generator):
    network = nn.Sequential(
        stacked_mlp(3, [4, 5, 4]),
        Each([nn.Sequential(nn.Linear(4, 3), nn.Tanh()) for _ in range(3)]),
        StackedLinear(3, 3, 2),
    )
    x = torch.randn(1, 6, 4, generator=generator)
    before = network(x)
    keep_members(network, kept)
    assert network(x).shape == (len(kept), 6, 2)
    torch.testing.assert_close(network(x), before[kept])
    weights = {name: tuple(w.shape) for name, w in network.state_dict().items()}
    assert all(shape[0] == len(kept) for name, shape in weights.items() if name[0] in "02")
    assert not any(f"members.{len(kept)}." in name for name in weights)


def test_members_that_are_kept_share_nothing_with_the_rest():
    layer = StackedLinear(2, 3, 1)
    weights = layer.weight
    kept = weights.detach().clone()
    keep_members(layer, [1])
    with torch.no_grad():
        layer.weight += 1
    np.testing.assert_array_equal(weights.detach(), kept)

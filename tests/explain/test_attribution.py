"""Attributions add up to the score, name what was planted, and stay within bounds."""

import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch import nn

from amiss.detect import get_detector
from amiss.errors import AmissError, InputError
from amiss.explain.attribution import Attributions, attribute, draw_background
from amiss.types import Table


class Distance(nn.Module):
    """Squared distance of an embedding without biases to a centre, as in Deep SAD."""

    def __init__(self, n_columns, seed=0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        sizes = [n_columns, 16, 8]
        self.weights = [
            torch.randn(a, b, generator=generator, dtype=torch.float64) / a**0.5
            for a, b in pairwise(sizes)
        ]
        self.largest = 0

    def forward(self, x):
        assert x.dtype == torch.float64
        self.largest = max(self.largest, x.numel())
        hidden = nn.functional.leaky_relu(x @ self.weights[0])
        return ((hidden @ self.weights[1] - 0.3) ** 2).sum(dim=1)


class Network:
    """What attributions need of a detector with a network."""

    def __init__(self, module):
        self.module = module

    def differentiable_score(self):
        return self.module

    def anomaly_score(self, X):
        with torch.no_grad():
            return self.module(torch.from_numpy(X)).numpy()


class BlackBox:
    """What attributions need of any detector."""

    def __init__(self, score):
        self.score = score
        self.calls = []

    def anomaly_score(self, X):
        self.calls.append(len(X))
        return self.score(X)


class Linear(nn.Module):
    def forward(self, x):
        return x @ torch.arange(1.0, 1.0 + x.shape[1], dtype=torch.float64)


def rows(n, n_columns, seed=0):
    return np.random.default_rng(seed).normal(size=(n, n_columns))


@pytest.fixture(params=["gradients", "sampling"])
def linear(request):
    if request.param == "gradients":
        return Network(Linear())
    return BlackBox(lambda X: X @ np.arange(1.0, 1.0 + X.shape[1]))


def test_a_linear_score_is_shared_out_exactly(linear):
    X, background = rows(3, 5), rows(40, 5, 1)
    found = attribute(linear, X, background)
    expected = (X - background.mean(axis=0)) * np.arange(1, 6)
    np.testing.assert_allclose(found.values, expected, atol=1e-5)
    assert found.base == pytest.approx(linear.anomaly_score(background).mean())
    np.testing.assert_array_equal(found.score, linear.anomaly_score(X))
    assert found.additivity_error.max() < 1e-5


def test_gradients_add_up_to_the_score_of_odd_rows():
    network, background = Network(Distance(30)), rows(100, 30, 1)
    X = rows(50, 30)
    X[np.arange(50), np.arange(50) % 30] += 8
    found = attribute(network, X, background)
    assert found.additivity_error.max() < 0.05


def test_rows_that_do_not_add_up_get_more_steps():
    network, background = Network(Distance(30)), rows(20, 30, 1)
    X = 5 * rows(20, 30)
    few = attribute(network, X, background, n_steps=1)
    assert np.median(few.additivity_error) < 0.03


def test_gradients_agree_with_expected_gradients_of_many_draws():
    module, background = Distance(30), rows(50, 30, 1)
    X = 3 * rows(4, 30)
    found = attribute(Network(module), X, background)
    rng = np.random.default_rng(0)
    for row, values in zip(X, found.values, strict=True):
        base = background[rng.integers(50, size=20_000)]
        point = torch.from_numpy(base + rng.random((20_000, 1)) * (row - base)).requires_grad_()
        (gradient,) = torch.autograd.grad(module(point).sum(), point)
        drawn = (gradient.numpy() * (row - base)).mean(axis=0)
        assert np.corrcoef(drawn, values)[0, 1] > 0.99


def test_sampling_gives_shapley_values():
    background = np.zeros((100, 3))
    found = attribute(
        BlackBox(lambda X: X[:, 0] * X[:, 1] + X[:, 2]), [[2.0, 3.0, 1.0]], background
    )
    np.testing.assert_allclose(found.values, [[3, 3, 1]], atol=1.0)
    assert found.values[0, 2] == pytest.approx(1)
    assert found.values.sum() == pytest.approx(7, abs=1e-5)


def test_columns_that_are_as_in_the_background_have_no_part(linear):
    X, background = rows(2, 6), rows(10, 6, 1)
    X[:, 2] = background[:, 2] = 7
    assert (attribute(linear, X, background).values[:, 2] == 0).all()
    assert (attribute(linear, background[:1], background[:1]).values == 0).all()


@pytest.mark.parametrize("detector", [Network(Distance(40)), BlackBox(lambda X: (X**2).sum(1))])
def test_csr_rows_get_what_dense_rows_get(detector):
    X = rows(4, 40) * (rows(4, 40, 3) > 1)
    background = rows(30, 40, 1) * (rows(30, 40, 4) > 1)
    dense = attribute(detector, X, background)
    sparse = attribute(detector, csr_array(X), csr_array(background))
    np.testing.assert_array_equal(dense.values, sparse.values)
    np.testing.assert_array_equal(dense.rescaled(), sparse.rescaled())


@pytest.mark.parametrize("detector", [Network(Distance(12)), BlackBox(lambda X: X.max(axis=1))])
def test_what_a_row_gets_does_not_depend_on_the_batch(detector):
    X, background = rows(3, 12), rows(10, 12, 1)
    whole = attribute(detector, X, background).values
    alone = [attribute(detector, X[i : i + 1], background).values[0] for i in range(3)]
    np.testing.assert_array_equal(whole, alone)


def test_the_global_generator_is_left_as_it_was():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    attribute(BlackBox(lambda X: X.sum(axis=1)), rows(1, 4), rows(5, 4))
    assert torch.equal(before, torch.get_rng_state())


def test_many_columns_are_explained_in_small_blocks():
    module = Distance(20_000)
    X = csr_array((np.full(20, 9.0), (np.zeros(20, int), np.arange(0, 20_000, 1000))), (1, 20_000))
    counts = np.random.default_rng(0).poisson(3e-3, size=(100, 20_000)).astype(float)
    found = attribute(Network(module), X, csr_array(counts), n_steps=4)
    assert module.largest <= 2_000_000
    assert found.additivity_error.max() < 0.02


def test_a_table_is_scored_by_the_names_of_its_columns():
    X = rows(60, 4)
    detector = get_detector("vae")(epochs=1, folds=0, random_state=0).fit(
        Table(X, ("bytes", "lines", "status", "path"))
    )
    found = attribute(detector, Table(X[:2], ("bytes", "lines", "status", "path")), X[2:12])
    assert found.additivity_error.max() < 1e-3


@pytest.mark.parametrize("name", ["vae", "aegmm", "vaegmm"])
def test_detectors_without_gradients_name_the_odd_column(name):
    X = rows(300, 2) @ rows(2, 6, 1) + 0.1 * rows(300, 6, 2)
    detector = get_detector(name)(epochs=5, folds=0, random_state=0).fit(X)
    odd = X[:3].copy()
    odd[[0, 1, 2], [4, 0, 3]] += 30
    found = attribute(detector, odd, draw_background(X, most=20))
    np.testing.assert_array_equal(found.top(1)[:, 0], [4, 0, 3])
    assert found.additivity_error.max() < 1e-3


def test_zeros_are_shown_as_zero_and_the_rest_from_one():
    values = np.array([[-0.5, 4.0, 9.0], [1.0, 1.0, 1.0]])
    shown = Attributions(
        values, np.zeros(2), 0.0, np.array([[1.0, 2.0, 0.0], [0, 0, 0]])
    ).rescaled()
    np.testing.assert_array_equal(shown, [[1, 5.5, 0], [0, 0, 0]])


def test_the_columns_that_raise_the_score_come_first():
    found = Attributions(np.array([[0.1, -9.0, 3.0, 0.1]]), np.zeros(1), 0.0, np.ones((1, 4)))
    assert found.top(3).tolist() == [[2, 0, 3]]
    assert found.top(9).tolist() == [[2, 0, 3, 1]]


def test_the_error_is_a_share_of_the_score_difference():
    found = Attributions(np.array([[1.0, 2.0], [0, 0]]), np.array([5.0, 1.0]), 1.0, np.ones((2, 2)))
    np.testing.assert_allclose(found.additivity_error, [0.25, 0])


def test_background_is_drawn_by_the_seed_from_what_is_allowed():
    values = np.arange(1000.0)[:, None]
    allowed = values[:, 0] >= 500
    drawn = draw_background(values, allowed, 4)
    assert drawn.shape == (100, 1)
    assert drawn.min() >= 500
    np.testing.assert_array_equal(drawn, np.unique(drawn)[:, None])
    np.testing.assert_array_equal(drawn, draw_background(values, np.flatnonzero(allowed), 4))
    assert not np.array_equal(drawn, draw_background(values, allowed, 5))
    sparse = draw_background(csr_array(values), allowed, 4)
    assert sparse.format == "csr"
    np.testing.assert_array_equal(sparse.toarray(), drawn)
    assert len(draw_background(values[:3])) == 3


@pytest.mark.parametrize(
    ("X", "background", "said"),
    [
        (np.ones((1, 3)), np.ones((5, 2)), "background of 2 columns for rows of 3"),
        (np.ones((1, 3)), np.ones((0, 3)), "no background rows"),
        (np.ones((1, 3, 4, 4)), np.ones((5, 3)), "expected rows"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(X, background, said):
    with pytest.raises(InputError, match=said):
        attribute(BlackBox(lambda X: X.sum(axis=1)), X, background)


def test_no_rows_have_no_attributions():
    found = attribute(BlackBox(lambda X: X.sum(axis=1)), np.empty((0, 3)), np.ones((5, 3)))
    assert found.values.shape == (0, 3)
    assert len(found) == 0


def test_without_captum_the_error_says_what_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "captum", None)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(AmissError, match=r"pip install 'amiss\[explain\]'"):
        attribute(Network(Linear()), np.ones((1, 3)), np.ones((2, 3)))

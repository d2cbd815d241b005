"""Mixtures are what they say: densities of known components, finite whatever they are given."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from amiss.detect._mixture import _ROWS, Mixture, batch_energy
from amiss.errors import UsageError


def _planted(n=600):
    """Return rows of two components: three quarters around (0, 0), a quarter around (30, −10)."""
    rng = np.random.default_rng(1)
    wide = rng.multivariate_normal([0, 0], [[4, 1.5], [1.5, 1]], 3 * n // 4)
    narrow = rng.multivariate_normal([30, -10], [[0.25, 0], [0, 9]], n // 4)
    return np.concatenate([wide, narrow])


def _scipy_energy(mixture, rows):
    z = (rows - mixture.centre) / mixture.scale
    log_density = [
        multivariate_normal(mean, lower @ lower.T).logpdf(z) + weight
        for mean, lower, weight in zip(
            mixture.mean, mixture.cholesky, mixture.log_weight, strict=True
        )
    ]
    return -logsumexp(np.reshape(log_density, (len(mixture.mean), -1)), axis=0)


def test_planted_components_are_found():
    mixture = Mixture.learn(_planted(), 2, 1e-6, 0)
    order = np.argsort(mixture.mean[:, 0])
    weight = np.exp(mixture.log_weight)[order]
    np.testing.assert_allclose(weight, [0.75, 0.25], atol=0.01)
    mean = (mixture.mean * mixture.scale + mixture.centre)[order]
    np.testing.assert_allclose(mean, [[0, 0], [30, -10]], atol=0.5)
    covariance = (mixture.cholesky @ mixture.cholesky.transpose(0, 2, 1))[order]
    covariance *= np.outer(mixture.scale, mixture.scale)
    np.testing.assert_allclose(covariance[0], [[4, 1.5], [1.5, 1]], atol=0.4)
    np.testing.assert_allclose(covariance[1], [[0.25, 0], [0, 9]], atol=1.2)


@pytest.mark.parametrize("n_components", [1, 2, 3])
def test_the_energy_is_the_log_density_that_scipy_has(n_components):
    rows = _planted()
    mixture = Mixture.learn(rows, n_components, 1e-3, 0)
    assert len(mixture.mean) == n_components
    seen = np.concatenate([rows[::50], [[10.0, 10.0], [-200.0, 50.0]]])
    np.testing.assert_allclose(mixture.energy(seen), _scipy_energy(mixture, seen), rtol=1e-9)


def test_one_component_is_the_mahalanobis_distance():
    rows = _planted()
    mixture = Mixture.learn(rows, 1, 0.0, 0)
    inverse = np.linalg.inv(np.cov(rows.T, bias=True))
    centred = rows - rows.mean(axis=0)
    expected = np.sqrt(np.einsum("ij,jk,ik->i", centred, inverse, centred))
    distance = mixture.distance(rows)
    np.testing.assert_allclose(distance, expected, rtol=1e-6, atol=1e-6)
    # And so its energy ranks alike.
    assert (np.argsort(mixture.energy(rows)) == np.argsort(expected)).all()


@pytest.mark.parametrize("n_components", [1, 4])
def test_units_of_the_columns_do_not_matter(n_components):
    rows = _planted()
    units = np.array([1e-3, 1e4])
    plain = Mixture.learn(rows, n_components, 1e-3, 0)
    scaled = Mixture.learn(rows * units + 5, n_components, 1e-3, 0)
    np.testing.assert_allclose(scaled.energy(rows * units + 5), plain.energy(rows), rtol=1e-5)


@pytest.mark.parametrize("n_components", [1, 2, 8])
@pytest.mark.parametrize(
    "rows",
    [
        np.ones((40, 3)),  # all the same
        np.zeros((1, 2)),  # fewer rows than components
        np.arange(6.0).reshape(3, 2),
        np.repeat([[0.0, 1.0], [5.0, 1.0]], 30, axis=0),  # two distinct ones, a constant column
        np.column_stack([np.arange(50.0), np.arange(50.0)]),  # a singular covariance
        np.column_stack([np.arange(50.0), np.full(50, 1e9)]),
    ],
)
def test_degenerate_rows_have_finite_energies(rows, n_components):
    mixture = Mixture.learn(rows, n_components, 1e-3, 0)
    odd = rows[:1] + [100.0] * rows.shape[1]
    energy = mixture.energy(np.concatenate([rows, odd]))
    assert np.isfinite(energy).all()
    assert energy[-1] > energy[:-1].max() + 10
    assert np.isfinite(mixture.distance(odd)).all()


def test_a_value_that_a_constant_column_never_had_is_far_away():
    rows = np.column_stack([np.random.default_rng(0).normal(size=100), np.full(100, 7.0)])
    mixture = Mixture.learn(rows, 2, 1e-3, 0)
    assert mixture.energy([[0.0, 8.0]])[0] > mixture.energy(rows).max() + 100


def test_what_was_learnt_goes_through_arrays():
    rows = _planted()
    mixture = Mixture.learn(rows, 2, 1e-3, 0)
    again = Mixture.from_arrays({**mixture.to_arrays(), "noise": np.ones(2)})
    np.testing.assert_array_equal(again.energy(rows), mixture.energy(rows))


def test_the_same_seed_gives_the_same_mixture():
    # More rows than are fitted to: some are drawn.
    rows = np.random.default_rng(2).normal(size=(_ROWS + 1000, 2))
    first, second = (Mixture.learn(rows, 2, 1e-3, 3).energy(rows[:50]) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_no_components_are_refused():
    with pytest.raises(UsageError, match="n_components=0; expected 1 or more"):
        Mixture.learn(_planted(), 0, 1e-3, 0)


def _memberships(n, k, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(k), n)


def test_hard_memberships_are_the_moments_of_their_rows():
    rows, ridge = _planted(), 1e-9
    hard = np.eye(2)[np.repeat([0, 1], [450, 150])]
    mixture = Mixture.of_membership(rows, hard, ridge)
    np.testing.assert_allclose(np.exp(mixture.log_weight), [0.75, 0.25])
    np.testing.assert_allclose(mixture.mean, [rows[:450].mean(axis=0), rows[450:].mean(axis=0)])
    covariance = mixture.cholesky @ mixture.cholesky.transpose(0, 2, 1)
    np.testing.assert_allclose(covariance[1], np.cov(rows[450:].T, bias=True), atol=1e-6)
    np.testing.assert_allclose(mixture.energy(rows), _scipy_energy(mixture, rows), rtol=1e-9)


def test_the_energy_of_a_batch_is_that_of_the_mixture_of_its_memberships():
    rows = np.stack([_planted(80), _planted(80)[::-1] * 0.5])
    membership = np.stack([_memberships(80, 3), _memberships(80, 3, 1)])
    energy, penalty = batch_energy(
        torch.from_numpy(rows), torch.from_numpy(membership), torch.ones(2, 80), 1e-2
    )
    assert energy.shape == (2, 80)
    for k in range(2):
        mixture = Mixture.of_membership(rows[k], membership[k], 1e-2)
        np.testing.assert_allclose(energy[k], mixture.energy(rows[k]), rtol=1e-6)
        variance = (mixture.cholesky**2).sum(axis=2)
        np.testing.assert_allclose(penalty[k], (1 / variance).sum(), rtol=1e-6)


def test_rows_without_weight_are_not_in_the_mixture_of_a_batch():
    rows, membership = _planted(80), _memberships(80, 2)
    weight = torch.ones(1, 80)
    weight[:, 60:] = 0
    energy, _ = batch_energy(
        torch.from_numpy(rows)[None], torch.from_numpy(membership)[None], weight, 1e-2
    )
    mixture = Mixture.of_membership(rows[:60], membership[:60], 1e-2)
    np.testing.assert_allclose(energy[0], mixture.energy(rows), rtol=1e-6)


@pytest.mark.parametrize("weight", [1.0, 0.0])
@pytest.mark.parametrize("n", [1, 5])
def test_gradients_are_finite_where_all_rows_are_the_same(n, weight):
    rows = torch.full((2, n, 3), 0.7, requires_grad=True)
    logits = torch.zeros(2, n, 4, requires_grad=True)
    energy, penalty = batch_energy(rows, logits.softmax(2), torch.full((2, n), weight), 1e-3)
    (energy.sum() + penalty.sum()).backward()
    assert torch.isfinite(energy).all()
    assert torch.isfinite(rows.grad).all()
    assert torch.isfinite(logits.grad).all()


def test_single_precision_is_near_enough_far_from_zero():
    rows, membership = _planted(80) + 1000.0, _memberships(80, 2)
    energy, _ = batch_energy(
        torch.from_numpy(rows).float()[None],
        torch.from_numpy(membership).float()[None],
        torch.ones(1, 80),
        1e-2,
    )
    exact = Mixture.of_membership(rows, membership, 1e-2).energy(rows)
    np.testing.assert_allclose(energy[0], exact, atol=1e-2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_large_rows_that_depend_on_each_other_are_positive_definite(dtype):
    base = torch.randn(1, 60, 2, generator=torch.Generator().manual_seed(0)) * 1e4
    rows = torch.cat([base, base.sum(2, keepdim=True), base[..., :1] / 3], dim=2).to(dtype)
    membership = torch.from_numpy(_memberships(60, 4)).to(dtype)[None]
    rows.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        energy, penalty = batch_energy(rows, membership, torch.ones(1, 60), 1e-3)
    (energy.sum() + penalty.sum()).backward()
    assert torch.isfinite(energy).all()
    assert torch.isfinite(rows.grad).all()


_VALUES = st.floats(-1e6, 1e6).map(lambda value: round(value, 6))


@settings(max_examples=40)
@given(
    rows=st.tuples(st.integers(1, 20), st.integers(1, 3)).flatmap(
        lambda shape: arrays(np.float64, shape, elements=_VALUES)
    ),
    n_components=st.integers(1, 4),
)
def test_whatever_is_learnt_energies_are_finite(rows, n_components):
    mixture = Mixture.learn(rows, n_components, 1e-3, 0)
    seen = np.concatenate([rows, np.zeros((1, rows.shape[1])), rows[:1] + 1e7])
    assert np.isfinite(mixture.energy(seen)).all()
    assert (mixture.distance(seen) >= 0).all()

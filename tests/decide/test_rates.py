"""Changes beyond chance, on data whose truth is known."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.decide.rates import (
    chance_of_one_side,
    changed_rates,
    one_sided,
    permutations_for,
    rate_p_values,
    rate_ratio,
)

AFTER = np.arange(64) >= 32


@given(own=st.integers(1, 40), other=st.integers(1, 40), k=st.integers(1, 60))
def test_chance_of_one_side_counts_choices(own, other, k):
    chance = chance_of_one_side(np.array([k]), own, other)[0]
    expected = comb(own, k) / comb(own + other, k) if k <= own else 0.0
    assert chance == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_one_sided_by_enumeration():
    """The p-value bounds how often any item is on one side, over all ways to cut six stretches."""
    items = [{0}, {0, 1}, {1, 2, 3}, {2, 4, 5}]
    n, own = 6, 3
    stretches = np.array([len(item) for item in items])
    ways = [set(way) for way in combinations(range(n), own)]
    for least in (1, 2, 3):
        often = np.mean([any(len(i) >= least and i <= way for i in items) for way in ways])
        only = stretches == least
        p = one_sided(stretches, only, own, n - own).p_value[only][0]
        assert often <= p + 1e-9
    expected = np.mean([sum(item <= way for item in items) for way in ways])
    assert one_sided(stretches, stretches > 0, own, n - own).expected == pytest.approx(expected)


def test_one_sided_of_unequal_logs():
    """One stretch of a hundred: what comes there only is news sooner than the other way round."""
    stretches, only = np.array([2]), np.array([True])
    rare = one_sided(stretches, only, 2, 200).p_value[0]
    usual = one_sided(stretches, only, 200, 2).p_value[0]
    assert rare < 0.001 < 0.9 < usual


def test_rare_things_hide_each_other():
    many = one_sided(np.full(50, 6), np.arange(50) == 0, 32, 32).p_value[0]
    alone = one_sided(np.array([6]), np.array([True]), 32, 32).p_value[0]
    assert alone < 0.02 < 0.5 < many


@pytest.mark.parametrize("kind", ["poisson", "overdispersed", "bursts"])
def test_false_alarm_rate(kind):
    """Of 100 comparisons without a change, as many are named as was asked for, at most."""
    named = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        rate = rng.lognormal(1, 1.5, 30)[:, None]
        if kind == "overdispersed":
            rate = rate * rng.gamma(0.5, 2, (30, 64))
        if kind == "bursts":
            rate = rate * np.where(rng.random((30, 64)) < 0.05, 40, 0.5)
        counts = rng.poisson(rate * np.ones((1, 64)))
        named += rate_p_values(counts, counts.sum(axis=0) + 1.0, AFTER, 300, rng).min() <= 0.1
    assert named <= 19  # of a binomial of 100 and 0.1, more come once in 500


def test_a_poisson_test_would_name_bursts():
    rng = np.random.default_rng(5)
    counts = rng.poisson(2, (1, 64))
    counts[0, 40] += 300
    assert rate_p_values(counts, np.ones(64), AFTER, 500, rng)[0] > 0.1


@pytest.mark.parametrize("factor", [0.3, 3.0])
def test_a_changed_rate_is_found_and_its_size_told(factor):
    rng = np.random.default_rng(1)
    counts = rng.poisson(20, (10, 64))
    counts[3] = rng.poisson(np.where(AFTER, 20 * factor, 20))
    found = changed_rates(counts, AFTER, 0.01, rng=rng)
    assert found.changed.nonzero()[0].tolist() == [3]
    assert found.ratio.low[3] < factor < found.ratio.high[3]
    assert found.p_value[3] <= 0.01


def test_one_explosion_does_not_change_all_others():
    rng = np.random.default_rng(2)
    counts = rng.poisson(50, (20, 64))
    counts[0, 32:] *= 30
    found = changed_rates(counts, AFTER, 0.01, min_ratio=1.2, rng=rng)
    assert found.changed.nonzero()[0].tolist() == [0]
    assert found.ratio.ratio[1:] == pytest.approx(1, abs=0.1)


def test_a_busier_log_is_no_change():
    rng = np.random.default_rng(3)
    counts = rng.poisson(np.where(AFTER, 60, 20) * rng.lognormal(0, 1, (20, 1)))
    assert not changed_rates(counts, AFTER, 0.01, rng=rng).changed.any()


def test_small_changes_are_not_named():
    rng = np.random.default_rng(4)
    counts = rng.poisson(100_000, (5, 64))
    counts[0, 32:] = rng.poisson(110_000, 32)
    assert changed_rates(counts, AFTER, 0.01, rng=rng).changed[0]
    assert not changed_rates(counts, AFTER, 0.01, min_ratio=1.2, rng=rng).changed.any()


def test_intervals_hold_their_level():
    """Of bursty counts, 95 % intervals hold the true ratio about as often."""
    rng = np.random.default_rng(6)
    rate = np.where(AFTER, 20.0, 10.0) * rng.gamma(2, 0.5, (1000, 64))
    found = rate_ratio(rng.poisson(rate), np.ones(64), AFTER)
    holds = ((found.low < 2) & (found.high > 2)).mean()
    assert 0.92 < holds < 0.98


def test_what_never_varies():
    counts = np.array([[5] * 64, [0] * 64])
    p = rate_p_values(counts, np.ones(64), AFTER, 100, np.random.default_rng(0))
    assert p.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("shape", [(0, 8), (3, 2), (2, 1)], ids=str)
def test_too_little_to_compare(shape):
    after = np.arange(shape[1]) >= shape[1] // 2
    p = rate_p_values(
        np.ones(shape, dtype=int), np.ones(shape[1]), after, 50, np.random.default_rng(0)
    )
    assert p.tolist() == [1.0] * shape[0]


def test_enough_permutations():
    assert permutations_for(0.005) == 2000

"""Changes beyond chance, on data whose truth is known."""

import numpy as np
import pytest

from amiss.decide.rates import (
    changed_rates,
    permutations_for,
    rate_p_values,
    rate_ratio,
)

AFTER = np.arange(64) >= 32


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


@pytest.mark.parametrize("stays", [0.6, 0.8])
def test_shares_that_drift_slowly(stays):
    """Neighbours are alike, and counts hide how much; asked for 1 in 100."""
    named = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        log_rate = np.zeros((30, 64))
        for at in range(1, 64):
            noise = rng.normal(0, 0.5 * np.sqrt(1 - stays**2), 30)
            log_rate[:, at] = stays * log_rate[:, at - 1] + noise
        counts = rng.poisson(3 * np.exp(log_rate))
        named += changed_rates(counts, AFTER, 0.01, rng=rng).changed.any()
    assert named <= 6


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

"""What came in one run only, beyond chance, on data whose truth is known."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.decide.one_side import chance_of_one_side, named_of, one_sided, places_of


def came(rows):
    """Return codes of a matrix of items by stretches."""
    return np.flatnonzero(np.asarray(rows).ravel())


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
        only = np.arange(len(items)) == [len(item) for item in items].index(least)
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


def test_many_new_at_once_do_not_hide_each_other():
    """Forty that are new, each in nine stretches, beside forty that come in both logs."""
    places = np.array([9] * 40 + [5] * 40)
    only = np.arange(80) < 40
    found = one_sided(places, only, 64, 64)
    assert found.p_value[0] < 0.01 / 6
    assert named_of(found.p_value, 0.01 / 6, 0.01).tolist() == only.tolist()


@pytest.mark.parametrize("together", [1, 5, 40], ids=["apart", "in fives", "all"])
def test_without_a_change_few_are_named(together):
    """However items come together, over random choices of the stretches."""
    rng = np.random.default_rng(together)
    named = 0
    for _ in range(2000):
        kinds = rng.integers(1, 9, 40 // together)
        after = np.repeat(rng.hypergeometric(32, 32, kinds) == kinds, together)
        found = one_sided(np.repeat(kinds, together), after, 32, 32)
        named += (found.p_value <= 0.05).any()
    assert named <= 130  # 0.05 of 2,000, and three standard deviations


@given(rows=st.lists(st.lists(st.booleans(), min_size=10, max_size=10), min_size=1, max_size=5))
def test_places_are_between_one_and_the_stretches(rows):
    found = places_of([came(rows), came(rows[::-1])], (10, 10), len(rows))
    both = np.array(rows).sum(axis=1) + np.array(rows[::-1]).sum(axis=1)
    assert found.stretches.tolist() == both.tolist()
    assert (found.places <= both + 1e-9).all()
    assert (found.places >= np.minimum(both, 1)).all()


def test_a_burst_over_several_stretches_is_one_place():
    rng = np.random.default_rng(0)
    rows = rng.random((50, 64)) < 0.2
    rows[0] = (np.arange(64) >= 30) & (np.arange(64) < 36)
    found = places_of([came(rows), np.array([], dtype=int)], (64, 64), 50)
    assert found.places[0] < 2
    assert found.places[1:].sum() > 0.8 * found.stretches[1:].sum()
    assert not found.sure


def test_neighbours_that_are_alike_are_noticed():
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.random((50, 16)) < 0.2, 4, axis=1)
    found = places_of([came(rows), came(rows)], (64, 64), 50)
    assert found.sure
    assert found.alike > 0.5


def test_what_comes_everywhere_is_no_burst():
    rows = np.ones((3, 64), dtype=bool)
    found = places_of([np.array([], dtype=int), came(rows)], (64, 64), 3)
    assert found.places.tolist() == [64.0] * 3

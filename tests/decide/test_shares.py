import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from amiss.decide import share_limits


def test_a_segment_beyond_the_threshold_by_chance_is_no_anomalous_trace():
    rng = np.random.default_rng(0)
    rate, size = 0.00135, 700
    flagged = rng.binomial(size, rate, 4000)
    limits = share_limits(flagged[:10], np.full(10, size), np.full(3990, size))
    assert (flagged[10:] / size > limits).mean() < 0.01


def test_where_normal_traces_differ_more_is_allowed():
    parts = np.full(6, 500)
    alike = share_limits(np.full(6, 10), parts, np.array([500]))
    differing = share_limits(np.array([0, 0, 0, 5, 10, 45]), parts, np.array([500]))
    assert alike[0] < 0.06 < differing[0]


def test_luck_in_calibration_does_not_make_the_limit_lower_than_the_rate_asked():
    none = np.zeros(5, dtype=int)
    limit = share_limits(none, np.full(5, 100), np.array([1000]), rate=0.01)
    assert limit[0] > 0.01


def test_a_trace_of_one_segment_is_as_anomalous_as_that():
    assert share_limits(np.array([50]), np.array([100]), np.array([1]))[0] == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=9))
def test_limits_are_shares_that_can_be_passed(traces):
    parts = np.array([a + b for a, b in traces])
    flagged = np.array([a for a, _ in traces])
    limits = share_limits(flagged, parts, np.arange(1, 30))
    assert (limits >= 0).all()
    assert (limits < 1).all()

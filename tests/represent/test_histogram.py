"""Events and scores over time: all events counted once, in bins people read."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.represent.histogram import MOST_BINS, bin_width, row_histogram, time_histogram
from amiss.represent.sessions import Sessions
from amiss.types import NO_TIME

DAY = 86_400_000


def sessions_of(times, ids):
    frame = pl.DataFrame({"session": ids, "event": ["e"] * len(ids), "time": times})
    return Sessions.from_frame(frame, time="time")


@given(st.integers(-(10**13), 10**13), st.integers(0, 10**13))
def test_at_most_so_many_bins_cover_any_span(start, length):
    width = bin_width(start, start + length)
    assert (start + length - start // width * width) // width + 1 <= MOST_BINS + 1
    assert width <= 1 or length >= width * (MOST_BINS // 4) or width > DAY


def test_sessions_count_where_they_end():
    times = [0, 1000, 5000, 9000]
    sessions = sessions_of(times, ["a", "b", "a", "b"])
    found = time_histogram(sessions, np.array([1.0, 7.0]), 5.0)
    assert found.events.sum() == 4
    assert found.start == 0
    at = [t // found.width for t in (5000, 9000)]
    assert found.score[at].tolist() == [1.0, 7.0]
    assert found.flagged[at].tolist() == [0, 1]
    assert np.isnan(np.delete(found.score, at)).all()
    assert found.flagged.sum() == 1


def test_the_worst_of_a_bin_is_shown():
    found = row_histogram(np.array([0, 1, 2, DAY]), np.array([1.0, 9.0, 3.0, 2.0]), 2.5)
    assert found.score[0] == 9.0
    assert found.flagged[0] == 2
    assert found.events.tolist()[0] == 3


def test_rows_stand_for_as_many_events_as_they_have():
    times = np.array([0, NO_TIME, DAY])
    found = row_histogram(times, np.array([1.0, 99.0, 2.0]), 5.0, np.array([10, 20, 30]))
    assert found.events.sum() == 40
    assert found.flagged.sum() == 0
    assert found.events.dtype == np.int64


def test_without_times_there_is_no_timeline():
    frame = pl.DataFrame({"session": ["a"], "event": ["e"]})
    assert time_histogram(Sessions.from_frame(frame), np.array([1.0]), 0.5) is None
    assert row_histogram(np.array([NO_TIME]), np.array([1.0]), 0.5) is None


@pytest.mark.parametrize("n", [1, 1000])
def test_one_moment_is_one_bin(n):
    found = row_histogram(np.full(n, 1_700_000_000_123), np.arange(n, dtype=float), n)
    assert (len(found), found.events.tolist()) == (1, [n])


@given(st.lists(st.tuples(st.integers(0, 10**12), st.floats(0, 9)), min_size=1, max_size=50))
def test_every_row_is_in_a_bin_of_its_time(rows):
    times = np.array([t for t, _ in rows])
    scores = np.array([s for _, s in rows])
    found = row_histogram(times, scores, 5.0)
    assert found.events.sum() == len(rows)
    assert found.flagged.sum() == (scores > 5).sum()
    bins = (times - found.start) // found.width
    assert all(found.score[b] >= s for b, s in zip(bins, scores, strict=True))

"""One line with a wrong time does not move the clock of a stream."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.run.stream_clock import StreamClock
from amiss.types import NO_TIME

HOUR = 3_600_000
YEAR = 8766 * HOUR


def told(moments, far=HOUR, pieces=1):
    clock = StreamClock(far)
    parts = [clock.tell(part) for part in np.array_split(np.array(moments, np.int64), pieces)]
    return np.concatenate(parts).tolist(), clock


@given(
    steps=st.lists(st.integers(-60_000, 60_000), min_size=1, max_size=30),
    wrong=st.sampled_from([3 * YEAR, -3 * YEAR]),
    pieces=st.integers(1, 4),
    data=st.data(),
)
def test_a_wrong_line_among_others_changes_nothing_after_it(steps, wrong, pieces, data):
    moments = (10 * YEAR + np.cumsum(steps)).tolist()
    at = data.draw(st.integers(1, len(moments)))
    right, clock = told(moments)
    odd, disturbed = told([*moments[:at], moments[at - 1] + wrong, *moments[at:]], pieces=pieces)
    assert odd[:at] + odd[at + 1 :] == right
    assert disturbed.now == clock.now


@pytest.mark.parametrize("gap", [2 * HOUR, 2 * YEAR])
def test_a_real_silence_is_believed_at_the_second_line(gap):
    moments = [0, 1000, 1000 + gap, 2000 + gap, 2000 + gap]
    assert told(moments)[0] == [0, 1000, 1000, 2000 + gap, 2000 + gap]


def test_rare_lines_move_the_clock():
    hours = [3 * HOUR * i for i in range(8)]
    assert told(hours)[1].now == hours[-1]


def test_what_is_about_now_is_believed_at_once():
    now = round(time.time() * 1000)
    assert told([now - YEAR, now])[1].now >= now


def test_a_first_line_that_is_wrong_is_not_kept_to():
    moments = [6 * YEAR, 1000, 2000, 3000, 4000]
    assert told(moments)[1].now == 4000


def test_lines_without_times_have_that_of_the_line_before():
    assert told([5, NO_TIME, 9, NO_TIME])[0] == [5, 5, 9, 9]
    assert told([NO_TIME, NO_TIME])[1].start == NO_TIME

"""Windows of time: each is there, also where nothing was logged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import amiss
from amiss.errors import UsageError
from amiss.read.records import RecordReader
from amiss.represent.grouping import ByTime
from amiss.represent.sessions import group_records
from amiss.run.prepare import learn_sequences

LINE = '1.2.3.4 - - [17/May/2015:10:{:02}:{:02} +0000] "GET /{} HTTP/1.1" 200 5\n'


def written(folder, moments):
    path = folder / "access.log"
    path.write_text("".join(LINE.format(*divmod(at, 60), i) for i, at in enumerate(moments)))
    return path


def test_a_window_in_which_nothing_was_logged_is_a_session_without_events(tmp_path):
    sessions = amiss.read_sessions(written(tmp_path, [0, 70, 190, 195]), every="1m")
    assert sessions.ids.to_list()[0] == "2015-05-17 10:00:00"
    assert np.diff(sessions.offsets).tolist() == [1, 1, 0, 2]
    assert np.diff(sessions.start).tolist() == [60_000] * 3
    _, _, sequences = learn_sequences(sessions)
    assert sequences.lengths.tolist() == [1, 1, 0, 2]
    assert sequences.take(np.array([2, 3])).start.tolist() == sessions.start[2:].tolist()


@given(moments=st.lists(st.integers(0, 3599), min_size=1, max_size=40))
def test_lines_in_any_order_are_counted_in_their_windows(tmp_path_factory, moments):
    path = written(tmp_path_factory.mktemp("log"), moments)
    sessions = group_records(RecordReader(path), ByTime(60))
    minutes = np.array(moments) // 60
    counts = np.bincount(minutes - minutes.min())
    assert np.diff(sessions.offsets).tolist() == counts.tolist()
    for i in range(len(sessions)):
        lines = sessions.line[sessions.offsets[i] : sessions.offsets[i + 1]]
        assert (minutes[lines - 1] - minutes.min() == i).all()


def test_a_silence_of_weeks_is_no_stretch_of_windows(tmp_path):
    path = tmp_path / "access.log"
    line = '1.2.3.4 - - [{}/2015:10:00:00 +0000] "GET / HTTP/1.1" 200 5\n'
    path.write_text(line.format("17/May") + line.format("17/Jul"))
    assert len(amiss.read_sessions(path, every=60)) == 2


def test_no_length_of_a_window():
    with pytest.raises(UsageError, match=r"expected 0\.001"):
        ByTime(0)

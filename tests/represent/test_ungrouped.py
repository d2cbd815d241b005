"""Lines that belong to no session are kept, and cut into windows."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from amiss import read_sessions
from amiss.errors import InputError
from amiss.represent.ungrouped import in_windows

LOG = """\
2026-11-22 10:00:00 INFO start of day
2026-11-22 10:00:05 INFO open id=1
2026-11-22 10:00:20 INFO beat
2026-11-22 10:00:25 INFO close id=1
2026-11-22 10:02:10 INFO beat
2026-11-22 10:03:59 INFO open id=2
"""


@pytest.fixture
def sessions(tmp_path):
    log = tmp_path / "app.log"
    log.write_text(LOG)
    return read_sessions(log, session_key=r"id=\d+")


def test_lines_in_no_session_are_kept(sessions):
    assert sessions.ungrouped.line.tolist() == [1, 3, 5]
    texts = sessions.shapes["text"].to_list()
    assert [texts[shape] for shape in sessions.ungrouped.shape] == ["start of day", "beat", "beat"]
    assert len(sessions.ungrouped) == sessions.log.ungrouped == 3


def test_a_log_of_which_every_line_has_a_key_keeps_none(tmp_path):
    log = tmp_path / "app.log"
    log.write_text("open id=1\nclose id=1\n")
    assert read_sessions(log, session_key=r"id=\d+").ungrouped is None


def test_some_of_the_sessions_are_without_the_lines_in_none(sessions):
    assert sessions[:1].ungrouped is None


@pytest.mark.parametrize("by", [{"every": 60}, {"window": 3}, {"gap": 30}])
def test_windows_of_all_lines_leave_none(tmp_path, by):
    log = tmp_path / "app.log"
    log.write_text(LOG)
    assert read_sessions(log, **by).ungrouped is None


def test_windows_of_time_cover_the_log_also_where_these_lines_are_silent(sessions):
    windows = in_windows(sessions, ("every", 60))
    assert windows.ids.to_list() == [f"2026-11-22 10:0{minute}:00" for minute in range(4)]
    assert np.diff(windows.offsets).tolist() == [2, 0, 1, 0]
    assert windows.line.tolist() == [1, 3, 5]
    assert (windows.log.unit, windows.log.lines, windows.log.ungrouped) == ("window", 3, 0)
    assert windows.start is not None
    assert windows.ungrouped is None


def test_windows_of_lines_are_of_so_many(sessions):
    windows = in_windows(sessions, ("window", 2))
    assert np.diff(windows.offsets).tolist() == [2, 2]  # the last one shares a line
    assert windows.start is None


def test_lines_of_several_files_are_in_order_of_time(tmp_path):
    (tmp_path / "a.log").write_text(
        "2026-11-22 10:00:00 INFO beat a\n" + LOG.splitlines()[1] + "\n"
    )
    (tmp_path / "b.log").write_text(
        "2026-11-22 09:59:00 INFO beat b\n2026-11-22 10:01:00 INFO beat b\n"
    )
    sessions = read_sessions([tmp_path / "a.log", tmp_path / "b.log"], session_key=r"id=\d+")
    time = sessions.ungrouped.time
    assert (np.diff(time) > 0).all()
    assert sessions.ungrouped.source.tolist() == [1, 0, 1]


def test_where_batches_end_does_not_matter(tmp_path, monkeypatch):
    log = tmp_path / "app.log"
    log.write_text(LOG * 50)
    whole = read_sessions(log, session_key=r"id=\d+").ungrouped
    monkeypatch.setattr("amiss.read.sources.BLOCK", 128, raising=False)
    parts = read_sessions(log, session_key=r"id=\d+").ungrouped
    assert whole.line.tolist() == parts.line.tolist()
    assert len(whole) == 150


def test_lines_without_times_have_no_windows_of_time(tmp_path):
    log = tmp_path / "app.log"
    log.write_text("open id=1\nbeat\n")
    sessions = read_sessions(log, session_key=r"id=\d+")
    with pytest.raises(InputError, match="no time"):
        in_windows(sessions, ("every", 60))


def test_shapes_are_those_of_the_sessions(sessions):
    windows = in_windows(replace(sessions, ids=pl.Series(["a", "b"])), ("every", 60))
    assert windows.shapes is sessions.shapes

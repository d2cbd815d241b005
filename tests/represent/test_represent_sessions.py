"""Sessions: which lines belong together, whatever the size of the batches they came in."""

import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.errors import InputError, UsageError
from amiss.read import sources
from amiss.read.records import RecordReader
from amiss.represent.grouping import ByCount, ByField, ByGap, ByKey
from amiss.represent.sessions import Sessions, group_records
from amiss.types import NO_TIME


def hdfs(second, pid, message):
    return (
        f"081109 {second // 3600:02}{second // 60 % 60:02}{second % 60:02} {pid} INFO d: {message}"
    )


# A line with a time of another form: no header of this log, and no part of the record above it.
OTHER = "2008-11-09 00:00:00 stray"


def write(folder, lines):
    path = Path(folder) / "app.log"
    path.write_text("\n".join(lines) + "\n")
    return path


def group(path, grouping, *, block=None, fields=(), **options):
    with pytest.MonkeyPatch.context() as patch:
        if block:
            patch.setattr(sources, "BLOCK", block)
        return group_records(RecordReader(path, fields=fields, **options), grouping)


def lines_of(sessions):
    """Return {session id: its line numbers}, in order."""
    return {
        name: sessions.line[sessions.offsets[i] : sessions.offsets[i + 1]].tolist()
        for i, name in enumerate(sessions.ids)
    }


def by_hand(keys_of_lines):
    found = {}
    for number, keys in enumerate(keys_of_lines, start=1):
        for key in dict.fromkeys(keys):
            found.setdefault(key, []).append(number)
    return found


# ---------------------------------------------------------------- keys


def test_a_line_with_two_keys_belongs_to_both_and_with_one_key_twice_once(tmp_path):
    path = write(
        tmp_path,
        ["a blk_1", "b blk_1 and blk_-2", "c blk_-2 (blk_-2)", "d none", "e blk_3 blk_3 blk_1"],
    )
    sessions = group(path, ByKey(r"blk_-?\d+"))
    assert lines_of(sessions) == {"blk_1": [1, 2, 5], "blk_-2": [2, 3], "blk_3": [5]}
    assert sessions.log.ungrouped == 1
    assert sessions.log.lines == 5
    assert sessions.log.unit == "session"


def test_the_first_group_of_a_pattern_is_the_key(tmp_path):
    path = write(tmp_path, ["user=ann did x", "user=bob did y", "user= did z", "user=ann again"])
    sessions = group(path, ByKey(r"user=(?P<who>\w*)"))
    assert lines_of(sessions) == {"ann": [1, 4], "bob": [2]}
    assert sessions.log.ungrouped == 1
    plain = group(path, ByKey(r"user=(?:\w+)"))
    assert plain.ids.to_list() == ["user=ann", "user=bob"]


@pytest.mark.parametrize("pattern", ["(", "[a", "(?=look)ahead", r"(a)\1", r"\w{1000}{1000}"])
def test_an_invalid_pattern_is_a_usage_error(pattern):
    with pytest.raises(UsageError, match="is not a valid regular expression") as caught:
        ByKey(pattern)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pattern", ["", r"\d*", "a?", "a|"])
def test_a_pattern_that_matches_nothing_at_all_is_a_usage_error(pattern):
    with pytest.raises(UsageError, match="matches the empty string"):
        ByKey(pattern)


def test_a_pattern_that_matches_no_line_is_an_input_error_with_a_way_out(tmp_path):
    path = write(tmp_path, ["a", "b"])
    with pytest.raises(
        InputError, match=r"none of 2 lines belongs to a session by req-\\d\+.*--gap SECONDS"
    ):
        group(path, ByKey(r"req-\d+"))


# ---------------------------------------------------------------- fields, gaps, counts


def test_a_field_groups_lines_of_the_same_value(tmp_path):
    path = write(tmp_path, [hdfs(1, 7, "a"), OTHER, hdfs(2, 8, "b"), hdfs(3, 7, "c")])
    sessions = group(path, ByField("PID"), fields=["PID"], format="hdfs")
    assert lines_of(sessions) == {"7": [1, 4], "8": [3]}
    assert sessions.log.ungrouped == 1


def test_a_gap_opens_a_window_and_lines_without_time_stay_where_they_are(tmp_path):
    lines = ["no time", hdfs(0, 1, "a"), hdfs(60, 1, "b"), OTHER, hdfs(121, 1, "c")]
    # Clocks of several machines: a line that is late does not open or close anything.
    lines += [hdfs(100, 1, "late"), hdfs(181, 1, "d"), OTHER, hdfs(300, 1, "e")]
    sessions = group(write(tmp_path, lines), ByGap(60), format="hdfs")
    assert lines_of(sessions) == {
        "window 1": [1, 2, 3, 4],
        "window 2": [5, 6, 7, 8],
        "window 3": [9],
    }
    assert sessions.log.unit == "window"


def test_gaps_in_lines_without_times_are_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"carry no time.*--window LINES"):
        group(write(tmp_path, ["a", "b"]), ByGap(60))


def test_windows_of_so_many_lines_leave_the_rest_in_a_smaller_one(tmp_path):
    sessions = group(write(tmp_path, [str(i) for i in range(7)]), ByCount(3))
    assert lines_of(sessions) == {"window 1": [1, 2, 3], "window 2": [4, 5, 6], "window 3": [7]}


@pytest.mark.parametrize("make", [lambda: ByCount(0), lambda: ByCount(-1), lambda: ByGap(0)])
def test_a_window_of_nothing_is_a_usage_error(make):
    with pytest.raises(UsageError, match="expected"):
        make()
    with pytest.raises(UsageError, match="gap of nan s; expected more than 0"):
        ByGap(float("nan"))


LINES = st.lists(
    st.tuples(
        st.integers(0, 300),  # seconds since the line before
        st.integers(1, 3),
        st.sampled_from(["x blk_1", "blk_2 y blk_-3", "blk_1 blk_1", "z", "blk_2 blk_1 blk_2", ""]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=50)
@given(rows=LINES, block=st.integers(1, 300), strays=st.sets(st.integers(0, 24)))
def test_batch_boundaries_do_not_matter(tmp_path_factory, rows, block, strays):
    clock = np.cumsum([wait for wait, _, _ in rows])
    lines = [
        f"{OTHER} {text}" if i in strays else hdfs(int(t), pid, text)
        for i, (t, (_, pid, text)) in enumerate(zip(clock, rows, strict=True))
    ]
    path = write(tmp_path_factory.getbasetemp(), lines)

    def check(make, wanted, **options):
        for size in (block, None):
            if wanted is None or not wanted:
                with pytest.raises(InputError):
                    group(path, make(), block=size, format="hdfs", **options)
            else:
                sessions = group(path, make(), block=size, format="hdfs", **options)
                assert lines_of(sessions) == wanted

    check(lambda: ByKey(r"blk_-?\d+"), by_hand(re.findall(r"blk_-?\d+", line) for line in lines))
    pids = [[] if i in strays else [str(pid)] for i, (_, pid, _) in enumerate(rows)]
    check(lambda: ByField("pid"), by_hand(pids), fields=["pid"])
    check(lambda: ByCount(4), by_hand([f"window {i // 4 + 1}"] for i in range(len(lines))))
    windows, number, last = [], 1, None
    for i, t in enumerate(clock):
        if i not in strays:
            number += last is not None and t - last > 100
            last = t
        windows.append([f"window {number}"])
    check(lambda: ByGap(100), None if last is None else by_hand(windows))


# ---------------------------------------------------------------- the container


@pytest.fixture
def sessions(tmp_path):
    lines = [hdfs(1, 1, "open blk_1"), hdfs(2, 1, "open blk_2"), hdfs(5, 1, "blk_1 of size 17")]
    lines += [
        hdfs(7, 1, "close blk_2"),
        hdfs(9, 1, "blk_3 has no time").replace("081109", "081399"),
    ]
    return group(write(tmp_path, lines), ByKey(r"blk_\d+"))


def test_a_frame_shows_sessions_as_they_are(sessions):
    frame = sessions.to_frame()
    assert frame["session"].to_list() == ["blk_1", "blk_2", "blk_3"]
    assert frame["first_line"].to_list() == [1, 2, 5]
    assert frame["events"].to_list() == [
        ["open blk_<*>", "blk_<*> of size <*>"],
        ["open blk_<*>", "close blk_<*>"],
        ["blk_<*> has no time"],
    ]
    second = datetime(2008, 11, 9, tzinfo=UTC)
    assert frame["start"].to_list() == [
        second.replace(second=1, tzinfo=None),
        second.replace(second=2, tzinfo=None),
        None,
    ]
    assert frame["end"].dt.second().to_list() == [5, 7, None]
    assert (sessions.log.start, sessions.log.end) == (
        int(second.timestamp() + 1) * 1000,
        int(second.timestamp() + 7) * 1000,
    )


@pytest.mark.parametrize(
    "index",
    [
        slice(1, None),
        slice(None, None, -1),
        [2, 0, 0],
        [-1],
        [],
        [True, False, True],
        np.array([False, True, False]),
        np.array([1, 2]),
        slice(5, 9),
    ],
)
def test_sessions_are_picked_as_numpy_picks_rows(sessions, index):
    picked = sessions[index]
    rows = np.arange(3)[index]
    assert len(picked) == len(rows)
    assert picked.to_frame().rows() == [sessions.to_frame().row(i) for i in rows.tolist()]
    assert picked.log == sessions.log


def test_columns_that_go_together_have_one_length(sessions):
    for column in (sessions.shape, sessions.line, sessions.source, sessions.time):
        assert len(column) == sessions.offsets[-1] == 5
    assert sessions.line[sessions.first].tolist() == [1, 2, 5]
    assert sessions.line[sessions.last].tolist() == [3, 4, 5]
    assert repr(sessions) == "<Sessions: 3 sessions of 5 events, 4 shapes>"


# ---------------------------------------------------------------- data frames

EVENTS = st.lists(
    st.tuples(st.sampled_from(["s1", "s2", ""]), st.sampled_from(["open", "close", ""])),
    min_size=1,
    max_size=12,
)


@given(rows=EVENTS, kind=st.sampled_from([pl.DataFrame, pd.DataFrame, dict]))
def test_a_frame_of_events_is_grouped_by_session(rows, kind):
    columns = {"session": [s for s, _ in rows], "event": [e for _, e in rows]}
    sessions = Sessions.from_frame(kind(columns))
    wanted = {}
    for session, event in rows:
        wanted.setdefault(session, []).append(event)
    frame = sessions.to_frame()
    assert dict(zip(frame["session"], frame["events"].to_list(), strict=True)) == wanted
    assert lines_of(sessions) == by_hand([session] for session, _ in rows)
    exploded = frame.select("session", event="events").explode("event")
    assert Sessions.from_frame(exploded).to_frame()["events"].to_list() == list(wanted.values())


def test_a_frame_may_name_its_columns_and_bring_times_and_numbers():
    frame = pl.DataFrame(
        {
            "trace": [7, 8, 7],
            "call": [3, 3, 5],
            "at": [datetime(2024, 1, 1), datetime(2024, 1, 2), None],
        }
    )
    sessions = Sessions.from_frame(frame, session="trace", event="call", time="at")
    assert sessions.ids.to_list() == ["7", "8"]
    assert sessions.to_frame()["events"].to_list() == [["3", "5"], ["3"]]
    day = 86_400_000
    first = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1000
    assert sessions.time.tolist() == [first, NO_TIME, first + day]
    assert (sessions.log.start, sessions.log.end) == (first, first + day)


def test_times_of_a_pandas_frame_with_a_time_zone_become_utc():
    times = pd.to_datetime(["2024-01-01 12:00", "2024-01-01 13:00"]).tz_localize("Europe/Berlin")
    frame = pd.DataFrame({"session": ["a", "a"], "event": ["x", "y"], "t": times})
    noon = int(datetime(2024, 1, 1, 11, tzinfo=UTC).timestamp()) * 1000
    assert Sessions.from_frame(frame, time="t").time.tolist() == [noon, noon + 3_600_000]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"session": ["a"], "name": ["x"]}, "no column 'event'.* it has: session, name"),
        ({"session": [], "event": []}, "no rows"),
        ({"session": ["a", None, None], "event": ["x"] * 3}, "2 rows have no value in .*'session'"),
        ({"session": ["a", "b"], "event": [None, "x"]}, "1 rows have no value in column 'event'"),
        ({"session": ["a"], "event": [["x"]]}, "column 'event' holds List"),
        (42, "expected a data frame, got int"),
    ],
)
def test_a_frame_that_does_not_fit_is_an_input_error(frame, message):
    with pytest.raises(InputError, match=message):
        Sessions.from_frame(frame)


def test_times_as_text_are_an_input_error():
    frame = pl.DataFrame({"session": ["a"], "event": ["x"], "t": ["yesterday"]})
    with pytest.raises(InputError, match="column 't' holds String; expected dates and times"):
        Sessions.from_frame(frame, time="t")

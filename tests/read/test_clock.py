"""Times: the years that are missing, zones, clocks that were set back, since and until."""

import gzip
import os
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.errors import InputError, UsageError
from amiss.read import sources
from amiss.read.records import RecordReader
from amiss.read.stamps import BY_NAME, LAYOUTS, find_layout, in_year, read_stamps
from amiss.types import NO_TIME


def millis(*moment):
    return round(datetime(*moment, tzinfo=UTC).timestamp() * 1000)


def syslog(stamps):
    return "".join(f"{stamp} host cron[1]: run\n" for stamp in stamps)


def read(tmp_path, text, *, written=None, block=None, **options):
    path = tmp_path / "app.log"
    path.write_text(text)
    if written:
        os.utime(path, (written / 1000, written / 1000))
    with pytest.MonkeyPatch.context() as patch:
        if block:
            patch.setattr(sources, "BLOCK", block)
        reader = RecordReader(path, **options)
        batches = list(reader)
    return np.concatenate([batch.time for batch in batches]), reader


def test_a_missing_year_is_that_of_the_file_and_turns_over(tmp_path):
    text = syslog(["Dec 30 23:00:00", "Dec 31 23:59:59", "Jan  1 00:00:01", "Feb 29 10:00:00"])
    times, reader = read(tmp_path, text, written=millis(2024, 3, 1))
    assert times.tolist() == [
        millis(2023, 12, 30, 23), millis(2023, 12, 31, 23, 59, 59), millis(2024, 1, 1, 0, 0, 1),
        millis(2024, 2, 29, 10),
    ]  # fmt: skip
    (note,) = reader.report.notes
    assert "times without a year; taken as 2023 to 2024, by the date of the file" in note


def test_a_line_out_of_order_at_new_year_does_not_cost_a_year(tmp_path):
    text = syslog(["Dec 31 23:59:58", "Jan  1 00:00:00", "Dec 31 23:59:59", "Jan  1 00:00:01"])
    times, _ = read(tmp_path, text, written=millis(2024, 1, 2))
    years = [datetime.fromtimestamp(t / 1000, UTC).year for t in times]
    assert years == [2023, 2024, 2023, 2024]


@pytest.mark.parametrize(
    ("stamps", "written", "years"),
    [
        (["Jan  1 10:00:00", "Sep  1 10:00:00", "Dec  1 10:00:00"], (2024, 12, 2), [2024] * 3),
        (["Jan  1 00:00:01", "Dec 24 10:00:00", "Dec 25 10:00:00"], (2024, 12, 26), [2024] * 3),
        (["Jul  5 10:00:00", "Jan  5 10:00:00"], (2024, 1, 6), [2023, 2024]),
        (["Feb 29 10:00:00", "Mar  1 10:00:00"], (2026, 5, 1), [2024, 2024]),
    ],
    ids=["quiet", "boot", "half a year", "leap"],
)
def test_years_of_quiet_logs_boots_and_leap_days(tmp_path, stamps, written, years):
    times, reader = read(tmp_path, syslog(stamps), written=millis(*written))
    assert [datetime.fromtimestamp(t / 1000, UTC).year for t in times] == years
    assert (np.diff(times) > 0).all()
    assert len(reader.report.notes) == 1


def test_a_log_of_last_summer_is_of_last_summer(tmp_path):
    times, _ = read(tmp_path, syslog(["Jun 14 15:16:01"]), written=millis(2024, 3, 1))
    assert times.tolist() == [millis(2023, 6, 14, 15, 16, 1)]


def test_a_packed_file_is_dated_by_what_it_holds(tmp_path):
    path = tmp_path / "a.log.gz"
    path.write_bytes(gzip.compress(syslog(["Jun 14 15:16:01"]).encode(), mtime=1_000_000_000))
    (batch,) = RecordReader(path)
    assert batch.time.tolist() == [millis(2001, 6, 14, 15, 16, 1)]


def test_times_of_day_turn_over_at_midnight(tmp_path):
    lines = ["23:59:58.500 [main] INFO  a.B - x", "00:00:01.000 [main] INFO  a.B - y"]
    times, reader = read(tmp_path, "\n".join(lines), written=millis(2024, 3, 1, 12))
    assert times.tolist() == [millis(2024, 2, 29, 23, 59, 58) + 500, millis(2024, 3, 1, 0, 0, 1)]
    assert "times without a date" in reader.report.notes[0]


@pytest.mark.parametrize("block", [None, 50])
def test_a_clock_that_was_set_back_is_counted_and_said(tmp_path, block):
    lines = [f"2024-01-01T10:{minute}:00Z INFO x\n" for minute in (10, 11, 59, 58, 12, 13)]
    _, reader = read(tmp_path, "".join(lines), block=block)
    (note,) = reader.report.notes
    assert "earlier than the one above: 1 (by up to 0:46:00)" in note


@pytest.mark.parametrize(
    ("stamp", "hour", "minute"),
    [
        ("2024-01-01T10:00:00Z", 10, 0), ("2024-01-01T10:00:00+02:00", 8, 0),
        ("2024-01-01 10:00:00.000-0530", 15, 30), ("2024-01-01T10:00:00", 10, 0),
        ("2024-01-01T10:00:00,5+02", 8, 0),
    ],
)  # fmt: skip
def test_zones_are_honoured_and_none_is_utc(tmp_path, stamp, hour, minute):
    times, _ = read(tmp_path, f"{stamp} INFO x\n")
    assert times[0] // 1000 * 1000 == millis(2024, 1, 1, hour, minute)


@settings(max_examples=200)
@given(
    moment=st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)),
    form=st.sampled_from(
        [
            "%Y-%m-%d %H:%M:%S,%f", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y/%m/%d %H:%M:%S.%f",
            "%Y-%m-%d-%H.%M.%S.%f", "%a %b %d %H:%M:%S.%f %Y", "%d/%b/%Y:%H:%M:%S.%f +0000",
            "%d-%b-%Y %H:%M:%S.%f", "%d.%m.%Y %H:%M:%S.%f", "%Y%m%dT%H%M%S.%f",
            "%b %d %Y %H:%M:%S.%f",
        ]
    ),
)  # fmt: skip
def test_layouts_read_what_strftime_writes(moment, form):
    text = pl.Series([moment.strftime(form)] * 3)
    layout = find_layout(text)
    assert layout is not None
    wanted = round(moment.replace(tzinfo=UTC, microsecond=0).timestamp() * 1000)
    assert read_stamps(text, layout).tolist() == [wanted + moment.microsecond // 1000] * 3


@settings(max_examples=200)
@given(texts=st.lists(st.text(st.sampled_from("0123456789-/:. TZJanFeb+,APM"), max_size=25)))
def test_any_text_is_a_time_or_none(texts):
    for layout in LAYOUTS:
        times = read_stamps(pl.Series(texts, dtype=pl.String), layout)
        assert len(times) == len(texts)
        assert ((times == NO_TIME) | (np.abs(times) < 10**18)).all()


def test_the_order_of_day_and_month_is_told_by_those_beyond_twelve():
    assert find_layout(pl.Series(["03/04/2024 10:00:00"])).name == "mm/dd/yyyy"
    days = pl.Series(["03/04/2024 10:00:00", "13/04/2024 10:00:00"])
    assert find_layout(days).name == "dd/mm/yyyy"
    assert read_stamps(days, BY_NAME["dd/mm/yyyy"])[0] == millis(2024, 4, 3, 10)


def test_a_day_that_the_year_has_not_is_the_next():
    leap = read_stamps(pl.Series(["Feb 29 10:00:00"]), BY_NAME["syslog"])
    assert in_year(leap, np.array([2023])).tolist() == [millis(2023, 3, 1, 10)]


LOG = "".join(
    f"2024-01-01 10:00:0{second} INFO {second}\n  of {second}\n" for second in range(6)
)  # fmt: skip


@pytest.mark.parametrize("block", [None, 30])
def test_since_and_until_leave_out_what_is_outside(tmp_path, block):
    start = millis(2024, 1, 1, 10)
    times, reader = read(tmp_path, LOG, since=start + 2000, until=start + 4000, block=block)
    assert ((times - start) // 1000).tolist() == [2, 3]
    assert reader.report.counts["records before since or after until (left out)"] == 4
    assert reader.report.lines == 12


def test_lines_without_a_time_follow_the_one_above(tmp_path):
    log = "081109 203615 1 INFO d: {}\n"
    bad = log.replace("081109", "081399")
    text = (
        bad.format("x")
        + log.format("a")
        + bad.format("y")
        + log.replace("15 1", "25 1").format("b")
    )
    start = millis(2008, 11, 9, 20, 36, 15)
    options = {"format": "hdfs"}
    assert len(read(tmp_path, text + bad.format("z"), **options)[0]) == 5
    assert read(tmp_path, text, until=start + 1, **options)[0].tolist() == [NO_TIME, start, NO_TIME]
    assert read(tmp_path, text, since=start + 1, **options)[0].tolist() == [start + 10_000]


def test_nothing_between_since_and_until_says_where_the_log_is(tmp_path):
    with pytest.raises(InputError, match="its times go from 2024-01-01T10:00:00") as caught:
        read(tmp_path, LOG, since=millis(2025, 1, 1))
    assert "to 2024-01-01T10:00:05" in str(caught.value)


def test_since_needs_times(tmp_path):
    with pytest.raises(UsageError, match="plain lines format carry no time"):
        read(tmp_path, "a\nb\n", since=0)

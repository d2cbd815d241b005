"""What a series is: rows in the order of their times, runs between gaps, and no label measured."""

import warnings
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.errors import InputError, LabelError, UsageError
from amiss.read.series import read_series
from amiss.read.sources import ReadReport
from amiss.read.times import as_times
from amiss.types import NO_TIME

START = datetime(2020, 2, 8, 13, 30, 47, tzinfo=UTC)


def write(path, seconds, more=(), header="datetime;flow;heat", separator=";"):
    rows = [header]
    for i, second in enumerate(seconds):
        time = (START + timedelta(seconds=second)).strftime("%Y-%m-%d %H:%M:%S")
        rows.append(separator.join([time, f"{i}.5", "7", *(column[i] for column in more)]))
    path.write_text("\n".join(rows) + "\n")
    return path


def millis(second):
    return int((START.timestamp() + second) * 1000)


def test_times_are_found_and_measure_nothing(tmp_path):
    series = amiss.read_series(write(tmp_path / "a.csv", range(5)))
    assert series.columns == ("flow", "heat")
    assert series.timeline.time.tolist() == [millis(i) for i in range(5)]
    assert series.timeline.run.tolist() == [0] * 5
    assert series.label is None


def test_a_step_of_more_than_ten_usual_ones_is_a_gap_and_so_is_the_next_file(tmp_path):
    seconds = [0, 1, 2, 4, 6, 7, 17, 18, 29, 30]  # usual: 1 s; 10 s are none yet, 11 s are
    files = [write(tmp_path / "a.csv", seconds), write(tmp_path / "b.csv", [31, 32, 33])]
    assert read_series(files).timeline.run.tolist() == [0] * 8 + [1] * 2 + [2] * 3
    assert read_series(files[0], max_gap=1.5).timeline.run.tolist() == [
        0,
        0,
        0,
        1,
        2,
        2,
        3,
        3,
        4,
        4,
    ]
    assert set(read_series(files[0], max_gap=60).timeline.run) == {0}


def test_labels_other_than_the_label_are_left_out_with_a_note(tmp_path):
    path = write(
        tmp_path / "a.csv",
        range(3),
        more=(("0.0", "1.0", "1.0"), ("0.0", "1.0", "0.0")),
        header="datetime;flow;heat;anomaly;changepoint",
    )
    report = ReadReport()
    series = read_series(path, report=report)
    assert series.columns == ("flow", "heat")
    assert series.label.tolist() == [0, 1, 1]
    assert report.notes == ["changepoint: labels, so no measurement; anomaly is taken"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_series(path, label="changepoint").label.tolist() == [0, 1, 0]
    # Who asks for it by name gets it.
    assert read_series(path, columns=["flow", "changepoint"]).columns == ("flow", "changepoint")


def test_rows_are_put_in_order_and_twins_are_kept(tmp_path):
    path = write(tmp_path / "a.csv", [2, 0, 1, 1])
    report = ReadReport()
    series = read_series(path, report=report)
    assert series.values[:, 0].tolist() == [1.5, 2.5, 3.5, 0.5]
    assert series.row.tolist() == [2, 3, 4, 1]
    assert report.counts == {
        "rows earlier than the row before them (put in order)": 1,
        "rows with the time of the row before them (kept)": 1,
    }
    with pytest.warns(UserWarning, match="put in order"):
        read_series(path)


def test_rows_without_a_time_are_skipped_and_what_is_no_time_is_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("time,flow\n2020-01-01 00:00:00,1\n,2\n2020-01-01T00:00:01Z,3\n")
    report = ReadReport()
    assert read_series(path, report=report).row.tolist() == [1, 3]
    assert report.counts == {"rows without a time (skipped)": 1}
    path.write_text("time,flow\n2020-01-01 00:00:00,1\nnoon,2\n")
    with pytest.raises(InputError, match="time, row 2: 'noon'; expected a time such as"):
        read_series(path)
    with pytest.raises(InputError, match="no column when of times; its columns: time, flow"):
        read_series(path, time="when")


def test_times_may_have_any_name_if_they_are_dates_and_be_seconds_if_called_so(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("flow,measured at\n1,2020/01/01 00:00:00.250\n2,2020-01-01T02:00:01+02:00\n")
    series = read_series(path)
    assert series.columns == ("flow",)
    assert np.diff(series.timeline.time).tolist() == [750]
    path.write_text("Timestamp,flow\n1577836800,1\n1577836801,2\n")
    assert read_series(path).timeline.time[0] == 1577836800000
    path.write_text("clock,flow\n5,1\n6,2\n")
    assert read_series(path, time="clock").timeline.time.tolist() == [5000, 6000]


@pytest.mark.parametrize(
    ("cells", "second"),
    [
        (["08.02.2020 13:30:40", "8.2.2020 13:30:41"], 1),
        (["2020-02-08 13:30:40 UTC", "2020-02-08T13:30:41Z"], 1),
        (["2020-02-08 13:30+0100", "2020-02-08T07:30:00-05:00"], 0),
        (["08.02.2020", "09.02.2020"], 86_400),
        (['"2020-02-08 13:30:40,250"', '"2020-02-08 13:30:41,750Z"'], 1.5),
    ],
)
def test_dates_of_other_kinds_are_times(tmp_path, cells, second):
    path = tmp_path / "a.csv"
    path.write_text("Datetime,flow\n" + "".join(f"{cell},{i}\n" for i, cell in enumerate(cells)))
    series = read_series(path)
    assert series.columns == ("flow",)
    assert np.diff(series.timeline.time).tolist() == [1000 * second]
    assert np.datetime64(int(series.timeline.time[0]), "ms").astype(str).startswith("2020-02-08")


def test_a_date_and_a_time_of_day_are_one_time(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Date,Time,flow\n08.02.2020,13:30:47,1\n08.02.2020,13:30:48.5,2\n")
    report = ReadReport()
    series = read_series(path, report=report)
    assert (series.columns, report.notes) == (("flow",), ["Date and Time: together the time"])
    assert series.timeline.time.tolist() == [millis(0), millis(1.5)]


@pytest.mark.parametrize("cell", ["02/08/2020 13:30:40", "Feb 8 13:30", "noon"])
def test_what_is_called_time_and_is_none_is_told(tmp_path, cell):
    path = tmp_path / "a.csv"
    path.write_text(f"datetime,flow\n{cell},1\n{cell},2\n")
    with pytest.raises(InputError, match=r"is no time that is read; expected a time such as 2020"):
        read_series(path)
    assert read_series(path, ignore=["datetime"]).columns == ("flow",)
    report = ReadReport()
    assert read_series(path, columns=["flow"], report=report).columns == ("flow",)
    assert "is no time that is read" in report.notes[0]


def test_seconds_may_have_a_decimal_comma(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("ts;flow\n1581168647,5;1,5\n1581168648,25;2\n")
    series = read_series(path)
    assert series.columns == ("flow",)
    assert series.timeline.time.tolist() == [1581168647500, 1581168648250]


def test_numbers_that_fall_are_times_only_if_they_are_epochs_or_it_is_said(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("ts,flow\n30,1\n10,2\n20,3\n")
    report = ReadReport()
    series = read_series(path, report=report)
    assert series.columns == ("ts", "flow")
    assert series.row.tolist() == [1, 2, 3]
    assert "--time-column ts" in report.notes[0]
    assert read_series(path, time="ts", report=report).row.tolist() == [2, 3, 1]
    path.write_text("ts,flow\n1581168649,1\n1581168647,2\n")
    assert read_series(path, report=report).row.tolist() == [2, 1]
    path.write_text("ts,flow\n0.5,1\n1.5,2\n")
    assert read_series(path).timeline.time.tolist() == [500, 1500]


def test_one_corrupt_epoch_changes_no_unit_and_is_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("ts,flow\n1581168647,1\n1581168648,2\n1581168649000000,3\n1581168650,4\n")
    with pytest.raises(InputError, match="ts, row 3: '1581168649000000'; expected a time"):
        read_series(path)


def test_many_times_with_a_zone_are_as_those_without(tmp_path):
    plain = pl.Series([(START + timedelta(seconds=i)).isoformat() for i in range(2000)])
    zoned = plain.str.replace(r"\+00:00$", "Z")
    ahead = pl.Series(
        [(START + timedelta(seconds=i, hours=2)).isoformat()[:-6] + "+02:00" for i in range(2000)]
    )
    expected = [millis(i) for i in range(2000)]
    for cells in (plain, zoned, ahead):
        assert as_times(cells)[0].tolist() == expected


def test_another_separator_is_asked_for(tmp_path):
    path = write(tmp_path / "a.csv", range(3), separator="\t", header="datetime\tflow\theat")
    for separator in ("\t", "tab", r"\t", None):
        assert read_series(path, separator=separator).columns == ("flow", "heat")
    with pytest.raises(InputError, match=r"what is between them in separator= \(--separator\)"):
        read_series(path, separator=",")
    write(path, range(3), separator="|", header="datetime|flow|heat")
    assert read_series(path).columns == ("flow", "heat")


def test_words_that_are_no_labels_are_answered_with_those_that_are(tmp_path):
    path = write(tmp_path / "a.csv", range(2), (("ok", "broken"),), "datetime;flow;heat;label")
    for options in ({}, {"label": "label"}):
        with pytest.raises((InputError, LabelError), match="0 or 1, normal or anomaly") as raised:
            read_series(path, **options)
        assert "kind=" not in str(raised.value)
    with pytest.raises(InputError, match=r"leave others out in ignore= \(--ignore\)"):
        read_series(path)


def test_a_series_without_times_has_runs_by_file(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("flow\n1\n2\n3\n")
    report = ReadReport()
    series = read_series([tmp_path / "a.csv", tmp_path / "b.csv"], report=report)
    assert series.timeline.run.tolist() == [0, 0, 0, 1, 1, 1]
    assert (series.timeline.time == NO_TIME).all()
    assert "no column of times" in report.notes[0]


def test_the_first_rows_of_each_file_are_taken_or_left_out(tmp_path):
    files = [write(tmp_path / "a.csv", range(6)), write(tmp_path / "b.csv", range(3))]
    assert read_series(files, head=2).row.tolist() == [1, 2, 1, 2]
    assert read_series(files, head=2, skip=1).row.tolist() == [2, 3, 2, 3]
    report = ReadReport()
    series = read_series(files, skip=4, report=report)
    assert series.row.tolist() == [5, 6]
    assert series.file.tolist() == [0, 0]
    assert report.counts == {"files of no more than 4 rows (skipped)": 1}
    with pytest.raises(InputError, match="no file has more rows than 6; skip fewer"):
        read_series(files, skip=6)


def test_columns_are_chosen_ignored_and_separated(tmp_path):
    path = write(tmp_path / "a.csv", range(2), (("x", "y"),), "datetime|flow|heat|who", "|")
    assert read_series(path, separator="|", ignore=["who"]).columns == ("flow", "heat")
    assert read_series(path, separator="|", columns=["heat"]).columns == ("heat",)
    with pytest.raises(InputError, match="expected numbers in who"):
        read_series(path, separator="|")
    with pytest.raises(InputError, match="no column whom to ignore"):
        read_series(path, separator="|", ignore=["whom"])


def test_a_data_frame_is_a_series_too():
    frame = pl.DataFrame({"when": [START, START + timedelta(seconds=1)], "flow": [1.0, 2.0]})
    series = read_series(frame)
    assert series.columns == ("flow",)
    assert series.timeline.time.tolist() == [millis(0), millis(1)]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_gap": 0}, "max_gap=0"),
        ({"head": 0}, "head=0"),
        ({"skip": -1}, "skip=-1"),
        ({"ignore": "flow"}, "expected a list of names"),
        ({"separator": ";;"}, "expected one character"),
    ],
)
def test_what_makes_no_sense_is_refused(options, words):
    with pytest.raises(UsageError, match=words):
        read_series(pl.DataFrame({"flow": [1.0]}), **options)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([1e3, 2e3], [1_000_000, 2_000_000]),
        ([1577836800000, 1577836800001], [1577836800000, 1577836800001]),
        ([1577836800000000], [1577836800000]),
        (["2020-01-01", None], [1577836800000, NO_TIME]),
        (["2020-01-01 00:00", "2020-01-01T00:00:00.001"], [1577836800000, 1577836800001]),
    ],
)
def test_times_are_milliseconds(cells, expected):
    assert as_times(pl.Series(cells))[0].tolist() == expected


def test_the_set_of_the_source_is_read_as_it_is(data_dir):
    files = sorted((data_dir / "skab").glob("*/*.csv"))
    if not files:
        pytest.skip("SKAB is not there")
    series = read_series(files)
    assert len(series.columns) == 8
    assert len(np.unique(series.file)) == len(files)
    assert 0.3 < series.label.mean() < 0.4
    steps = np.diff(series.timeline.time)[np.diff(series.timeline.run) == 0]
    assert steps.min() > 0
    assert steps.max() <= 10_000

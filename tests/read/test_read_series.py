"""What a series is: rows in the order of their times, runs between gaps, and no label measured."""

import warnings
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.errors import InputError, UsageError
from amiss.read.series import as_times, read_series
from amiss.read.sources import ReadReport
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

"""From files to sessions: groupings, provenance, labels, and the real log."""

import csv
import gzip
import io
import random
import re
import sys

import numpy as np
import polars as pl
import pytest

from amiss.errors import InputError, LabelError, UsageError
from amiss.read.labels import read_labels
from amiss.read.lines import read_lines
from amiss.read.sources import Source, remove_spooled
from amiss.represent.sessions import Sessions
from amiss.run.ingest import match_labels, read_sessions

HDFS = "081109 2035{:02} {} INFO dfs.DataNode: {}"


@pytest.fixture
def log(tmp_path):
    rows = [(1, 7, "got blk_1"), (2, 8, "got blk_-2"), (50, 7, "lost blk_1 and blk_-2")]
    path = tmp_path / "app.log"
    path.write_text("\n".join([HDFS.format(*row) for row in rows] + ["", "stray"]) + "\n")
    return path


def members(sessions):
    return {
        name: sessions.line[sessions.offsets[i] : sessions.offsets[i + 1]].tolist()
        for i, name in enumerate(sessions.ids)
    }


def test_a_known_format_brings_its_session_key(log):
    sessions = read_sessions(log)
    assert members(sessions) == {"blk_1": [1, 3], "blk_-2": [2, 3]}
    assert sessions.log.format == "hdfs"
    assert sessions.log.option == ("session_key", r"blk_-?\d+")


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("session_key", r"lost (blk_\d+)", {"blk_1": [3]}),
        ("session_field", "PID", {"7": [1, 3], "8": [2]}),
        ("gap", 30, {"window 1": [1, 2], "window 2": [3]}),
        ("window", 3, {"window 1": [1, 2, 3]}),
    ],
)
def test_lines_are_grouped_as_asked_and_again_by_the_recorded_option(log, option, value, wanted):
    sessions = read_sessions(log, **{option: value})
    assert members(sessions) == wanted
    name, recorded = sessions.log.option
    assert members(read_sessions(log, **{name: recorded})) == wanted


def test_the_log_is_described_with_what_was_mended(log):
    sessions = read_sessions(log)
    info = sessions.log
    assert info.sources == info.paths == (str(log),)
    assert info.lines == 5
    assert info.ungrouped == 0
    assert info.end - info.start == 49_000
    assert info.notes == ("blank lines (skipped): 1", "lines that continue a record (joined): 1")


def test_damage_is_noted_and_what_came_before_it_is_kept(tmp_path):
    draw = random.Random(0)
    lines = [HDFS.format(i % 60, i, f"got blk_{i % 50} {draw.random()}") for i in range(3000)]
    path = tmp_path / "app.log.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode())[:-9000])
    sessions = read_sessions(path)
    assert len(sessions) == 50
    assert 1000 < sessions.log.lines < 3000
    assert any("the gzip data ends early" in note for note in sessions.log.notes)


def test_events_know_the_file_and_line_they_come_from(tmp_path):
    for name in ("a.log", "b.log"):
        lines = [f"{name} id={i % 3} step {i}" for i in range(1, 10)]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    sessions = read_sessions(tmp_path, session_key=r"id=\d")
    assert len(sessions) == 3
    info = sessions.log
    files = [
        Source(n, p) for n, p in zip(info.sources, map(type(tmp_path), info.paths), strict=True)
    ]
    for i, key in enumerate(sessions.ids):
        at = slice(*sessions.offsets[i : i + 2])
        where = list(zip(sessions.source[at].tolist(), sessions.line[at].tolist(), strict=True))
        assert len(where) == 6
        texts = read_lines(files, {f: {n for g, n in where if g == f} for f in (0, 1)})
        assert all(key in texts[place] for place in where)


def test_standard_input_is_read_as_a_file_is(log, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(log.read_bytes())))
    try:
        sessions = read_sessions("-")
        assert members(sessions) == members(read_sessions(log))
        assert sessions.log.sources == ("<stdin>",)
        found = read_lines([Source("<stdin>", type(log)(sessions.log.paths[0]))], {0: {5}})
        assert found == {(0, 5): "stray"}
    finally:
        remove_spooled()


def test_how_an_unknown_log_is_grouped_is_found_out_and_said(tmp_path):
    path = tmp_path / "app.log"
    steps = ("open", "read", "check", "close")
    path.write_text("".join(f"{step} job_{i:04d}\n" for i in range(50) for step in steps))
    sessions = read_sessions(path)
    assert sessions.log.option == ("session_key", r"job_\d+")
    assert (len(sessions), len(sessions.shape)) == (50, 200)
    assert sessions.log.why


def test_a_log_that_nothing_ties_together_is_cut_into_windows(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("hello\nworld\n")
    assert read_sessions(path).log.option[0] == "window"


def test_a_table_of_numbers_is_no_log(tmp_path):
    path = tmp_path / "pump.csv"
    path.write_text("flow,pressure\n" + "1.5,20\n" * 30)
    with pytest.raises(UsageError, match=r"a table of numbers, not a log.*read_table"):
        read_sessions(path)


def test_two_groupings_at_once_are_a_usage_error(log):
    with pytest.raises(UsageError, match="only one of session key"):
        read_sessions(log, window=5, gap=3)
    with pytest.raises(UsageError, match="only one"):
        read_sessions(log, session_key="", window=5)


@pytest.mark.parametrize("options", [{}, {"window": 2}, {"gap": 2.0}, {"session_key": "x"}])
def test_a_log_without_a_line_is_an_input_error_however_it_is_grouped(tmp_path, options):
    path = tmp_path / "app.log"
    for data in (b"", b"\n\n \n"):
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"app\.log: (empty|only blank lines)"):
            read_sessions(path, **options)


def test_a_key_that_no_line_has_is_an_input_error(log):
    with pytest.raises(InputError, match="none of 3 lines belongs to a session by req-"):
        read_sessions(log, session_key=r"req-\d+")


def test_progress_ends_at_the_size_of_the_input(log):
    told = []
    read_sessions(log, progress=told.append)
    assert told[-1] == log.stat().st_size


def test_labels_are_matched_by_session(log):
    sessions = read_sessions(log)
    anomalous, labelled = match_labels(sessions, {"blk_-2": True, "blk_9": True})
    assert anomalous.tolist() == [False, True]
    assert labelled.tolist() == [False, True]


def test_labels_of_another_log_are_a_label_error_that_shows_both(log):
    with pytest.raises(LabelError, match=r"none of 1 labels names a session.*'x'.*'blk_1'"):
        match_labels(read_sessions(log), {"x": True})


def test_a_simulated_log_is_grouped_as_its_labels_are(simulation):
    sessions = read_sessions(simulation.log)
    with simulation.labels.open(newline="") as file:
        wanted = [row["BlockId"] for row in csv.DictReader(file)]
    assert sorted(sessions.ids) == sorted(wanted)
    assert len(sessions) == simulation.sessions
    assert sessions.log.lines == simulation.lines == len(sessions.shape)
    assert sessions.log.notes == ()
    lines = simulation.log.read_text().splitlines()
    for i in np.linspace(0, len(sessions) - 1, 40, dtype=int):
        numbers = members(sessions[[i]])[sessions.ids[int(i)]]
        pattern = re.compile(re.escape(sessions.ids[int(i)]) + r"(?!\d)")
        assert numbers == [n for n, line in enumerate(lines, start=1) if pattern.search(line)]


def test_the_real_hdfs_log_is_read_whole(data_dir):
    sessions = read_sessions(data_dir / "hdfs" / "HDFS.log.gz")
    labels = read_labels(data_dir / "hdfs" / "anomaly_label.csv")
    assert sessions.log.lines == 156_132
    assert sessions.log.ungrouped == 0
    assert sessions.log.notes == ()
    assert len(sessions) == 8_055
    assert set(sessions.ids) <= set(labels)
    anomalous, labelled = match_labels(sessions, labels)
    assert labelled.all()
    assert anomalous.sum() == 251
    assert (np.diff(sessions.offsets) > 0).all()
    assert (sessions.time >= sessions.log.start).all()
    assert (sessions.time <= sessions.log.end).all()


def test_labels_are_true_or_false_and_unknown_ones_are_no_labels(tmp_path):
    frame = pl.DataFrame({"session": [1, 2, 3], "event": ["a", "b", "c"]})
    sessions = Sessions.from_frame(frame)
    anomalous, labelled = match_labels(sessions, {1: 1, 2: False, 3: -1})
    assert anomalous.tolist() == [True, False, False]
    assert labelled.tolist() == [True, True, False]
    with pytest.raises(LabelError, match="label 'Normal' of session '1'"):
        match_labels(sessions, {1: "Normal"})
    with pytest.raises(LabelError, match="such as '9'"):
        match_labels(sessions, {9: True})


STAMP = "2026-01-01 00:{:02d}:00,000 INFO [main] {}\n"


def test_services_are_merged_in_order_of_time_and_rotated_files_go_on(tmp_path):
    parts = {
        "api.log.1": [(1, "ask id=7"), (3, "wait id=7")],
        "api.log": [(6, "answer id=7"), (7, "ask id=8")],
        "db.log": [(2, "select id=7"), (4, "rows id=7")],
    }
    for name, lines in parts.items():
        (tmp_path / name).write_text("".join(STAMP.format(*line) for line in lines))
    sessions = read_sessions(tmp_path, session_key=r"id=\d+")
    texts = sessions.shapes["text"].gather(sessions.shape[: sessions.offsets[1]]).to_list()
    words = [text.split()[-2] for text in texts]
    assert words == ["ask", "select", "wait", "rows", "answer"]
    windows = read_sessions(tmp_path, gap=70)
    assert len(windows) == 2  # between minutes 4 and 6
    assert np.diff(windows.offsets).tolist() == [4, 2]
    assert len(read_sessions(tmp_path, window=4)) == 2

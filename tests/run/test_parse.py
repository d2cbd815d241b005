"""A log as a table: exactly what was logged, and the same sessions when it is read back."""

import csv
import gzip
import io
from itertools import islice

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import amiss
from amiss.errors import InputError, UsageError
from amiss.represent.templates import TemplateMiner

EVENT = ["EventId", "EventTemplate", "LineCount"]
HEAD = "081109 2035{:02} 143 INFO dfs.DataNode: "


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "app.log"
    contents = ["got blk_1 7", "=1+1 blk_2", 'say "no", blk_1 9', "", "got blk_2 8"]
    rows = [HEAD.format(i) + content for i, content in enumerate(contents)]
    path.write_text("\n".join([*rows[:2], "", "stray, line", *rows[2:]]) + "\n")
    return path


def rows_of(path):
    return list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))


def as_templates(sessions):
    texts = sessions.shapes["text"].to_list()
    if not sessions.log.templates_given:
        miner = TemplateMiner()
        ids = miner.add(texts).tolist()
        texts = [miner.templates[i] for i in ids]
    return [texts[i] for i in sessions.shape]


def assert_same_sessions(a, b):
    assert a.ids.to_list() == b.ids.to_list()
    for name in ("offsets", "line", "source", "time"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    assert as_templates(a) == as_templates(b)


def test_the_layout_is_that_of_structured_logs(log, tmp_path):
    parsed = amiss.parse_log(log, tmp_path / "a.csv", templates=tmp_path / "t.csv")
    day, node = ["081109"], ["143", "INFO", "dfs.DataNode"]
    assert rows_of(tmp_path / "a.csv") == [
        ["LineId", "Date", "Time", "Pid", "Level", "Component", "Content", *EVENT],
        ["1", *day, "203500", *node, "got blk_1 7", "E1", "got blk_<*> <*>", "1"],
        ["2", *day, "203501", *node, "=1+1 blk_2", "E2", "=<*> blk_<*>", "3"],
        ["5", *day, "203502", *node, 'say "no", blk_1 9', "E3", 'say "no", blk_<*> <*>', "1"],
        ["6", *day, "203503", *node, "", "E4", "", "1"],
        ["7", *day, "203504", *node, "got blk_2 8", "E1", "got blk_<*> <*>", "1"],
    ]
    assert rows_of(tmp_path / "t.csv") == [
        [*EVENT[:2], "Occurrences"],
        ["E1", "got blk_<*> <*>", "2"],
        ["E2", "=<*> blk_<*>", "1"],
        ["E3", 'say "no", blk_<*> <*>', "1"],
        ["E4", "", "1"],
    ]
    assert (parsed.lines, parsed.templates, parsed.format) == (5, 4, "hdfs")
    assert parsed.notes == (
        "blank lines (skipped): 1",
        "lines that continue a record (joined): 1",
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "app.log", "t.csv"]


def test_lines_of_several_files_are_numbered_on(log, tmp_path):
    second = tmp_path / "b.log"
    second.write_text(HEAD.format(9) + "got blk_3 1\n")
    seen = []
    amiss.parse_log([log, second], tmp_path / "a.csv", progress=seen.append)
    assert [row[0] for row in rows_of(tmp_path / "a.csv")[1:]] == [*list("12567"), "8"]
    assert seen[-1] == 2 * (log.stat().st_size + second.stat().st_size)


def test_a_compressed_table_is_the_same_bytes_each_time(log, tmp_path):
    for name in ("a.csv.gz", "b.csv.gz", "a.csv"):
        amiss.parse_log(log, tmp_path / name)
    packed = (tmp_path / "a.csv.gz").read_bytes()
    assert packed == (tmp_path / "b.csv.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / "a.csv").read_bytes()


def test_what_cannot_be_written_leaves_what_was_there(log, tmp_path):
    with pytest.raises(UsageError, match=r"app\.log: is the log itself; name another file"):
        amiss.parse_log(log, log)
    with pytest.raises(UsageError, match="given for both tables"):
        amiss.parse_log(log, tmp_path / "a.csv", templates=tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"a\.csv: cannot be written"):
        amiss.parse_log(log, tmp_path / "absent" / "a.csv")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="folder: cannot be written"):
        amiss.parse_log(log, tmp_path / "folder")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["app.log", "folder"]


text = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=20)
hostile = st.lists(st.sampled_from([*list("\",;=\r\t <*>'\\|"), '""', "blk_1", "blk_2", "\u2028"]))
line = st.tuples(st.booleans(), text | hostile.map("".join))


@settings(max_examples=60)
@given(lines=st.lists(line, max_size=12), option=st.sampled_from(["window", "session_key"]))
@example(lines=[(True, 'a"b'), (False, '"'), (True, "x\r"), (True, "\ry")], option="window")
@example(lines=[(False, "\ufeff\x85\x1c"), (True, '"blk_1,'), (True, ",")], option="session_key")
def test_hostile_lines_come_back_as_the_same_sessions(tmp_path_factory, lines, option):
    folder = tmp_path_factory.mktemp("parse")
    path, table = folder / "app.log", folder / "a.csv"
    rows = [HEAD.format(i) + t if known else t for i, (known, t) in enumerate(lines)]
    path.write_bytes("\n".join([HEAD.format(59) + "blk_1", *rows]).encode() + b"\n")
    amiss.parse_log(path, table, format="hdfs")
    grouping = {option: {"window": 3, "session_key": r"blk_\d"}[option]}
    raw = amiss.read_sessions(path, format="hdfs", **grouping)
    assert_same_sessions(raw, amiss.read_sessions(table, **grouping))


def test_a_real_log_comes_back_as_the_same_sessions(data_dir, tmp_path):
    path = tmp_path / "HDFS.log"
    with gzip.open(data_dir / "hdfs" / "HDFS.log.gz", "rb") as file:
        path.write_bytes(b"".join(islice(file, 20_000)))
    parsed = amiss.parse_log(path, tmp_path / "HDFS.log_structured.csv.gz")
    assert parsed.lines == 20_000
    raw, back = amiss.read_sessions(path), amiss.read_sessions(parsed.output)
    assert_same_sessions(raw, back)
    assert (raw.log.start, raw.log.end) == (back.log.start, back.log.end)
    assert back.log.notes == ()


def test_access_logs_keep_what_was_asked_for_in_odd_lines_too(tmp_path):
    line = '10.0.0.1 - {} [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"'
    (tmp_path / "a.log").write_text("\n".join(line.format(user) for user in ("-", "a b", "c")))
    amiss.parse_log(tmp_path / "a.log", tmp_path / "a.csv")
    header, *rows = rows_of(tmp_path / "a.csv")
    assert header[1:6] == ["Vhost", "Client", "Ident", "User", "Time"]
    assert [row[header.index("User")] for row in rows] == ["", "a b", "c"]
    assert {row[header.index("Content")] for row in rows} == {"GET /a HTTP/1.1"}


def test_how_many_lines_a_record_is_stands_in_its_row(tmp_path):
    trace = ["java.io.IOException: broken", "\tat a.B.c(B.java:7)", "\tat a.B.d(B.java:9)"]
    path = tmp_path / "app.log"
    path.write_text("\n".join([HEAD.format(0) + "failed", *trace, HEAD.format(1) + "up"]) + "\n")
    amiss.parse_log(path, tmp_path / "a.csv")
    head, *rows = rows_of(tmp_path / "a.csv")
    assert [(row[0], row[head.index("LineCount")]) for row in rows] == [("1", "4"), ("5", "1")]

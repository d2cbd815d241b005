"""Logs that come as tables: layouts, what is recognised, what is left out and said."""

import gzip

import polars as pl
import pytest
import zstandard

import amiss
from amiss.errors import InputError, LabelError, UsageError
from amiss.read.sources import Source
from amiss.read.structured import read_contents
from amiss.run.ingest import read_sessions

HEADER = "LineId,Date,Time,Pid,Level,Component,Content,EventId,EventTemplate"
ROWS = [
    "1,081109,203518,143,INFO,dfs.DataNode,got blk_1,E1,got <*>",
    '3,081109,203519,7,WARN,dfs.DataNode,"lost blk_1, ""and"" blk_-2",E2,"lost <*>, ""and"" <*>"',
    "4,081109,203520,7,INFO,dfs.DataNode,got blk_-2,E1,got <*>",
]
SESSIONS = {
    "session_id": ["a", "b", "c"],
    "label": [0, 1, 0],
    "templates": [["open <*>", "close"], ["open <*>", "open file"], ["close"]],
}


@pytest.fixture
def structured(tmp_path):
    path = tmp_path / "HDFS.log_structured.csv"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n")
    return path


def members(sessions):
    lines = [sessions.line[a:b].tolist() for a, b in zip(*_bounds(sessions), strict=True)]
    return dict(zip(sessions.ids.to_list(), lines, strict=True))


def events(sessions):
    frame = sessions.to_frame()
    return dict(zip(frame["session"].to_list(), frame["events"].to_list(), strict=True))


def _bounds(sessions):
    return sessions.offsets[:-1], sessions.offsets[1:]


# One row a line.


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.compress])
def test_a_structured_csv_gives_its_templates_lines_levels_and_times(structured, compress):
    structured.write_bytes(compress(structured.read_bytes()))
    sessions = read_sessions(structured)
    assert members(sessions) == {"blk_1": [1, 3], "blk_-2": [3, 4]}
    assert events(sessions)["blk_1"] == ["got <*>", 'lost <*>, "and" <*>']
    assert sessions.shapes["level"].to_list() == ["INFO", "WARN"]
    assert amiss.types.NO_TIME not in sessions.time
    assert sessions.to_frame()["start"].dt.strftime("%FT%T").to_list() == [
        "2008-11-09T20:35:18",
        "2008-11-09T20:35:19",
    ]
    assert (sessions.log.format, sessions.log.templates_given) == ("structured", True)
    assert sessions.log.option == ("session_key", r"blk_-?\d+")
    assert sessions.log.lines == 3


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("session_key", r"got (blk_\d+)", {"blk_1": [1]}),
        ("session_field", "pid", {"143": [1], "7": [3, 4]}),
        ("session_field", "EventId", {"E1": [1, 4], "E2": [3]}),
        ("gap", 1, {"window 1": [1, 3, 4]}),
        ("window", 2, {"window 1": [1, 3], "window 2": [4]}),
    ],
)
def test_a_structured_csv_is_grouped_as_a_log_is(structured, option, value, wanted):
    assert members(read_sessions(structured, **{option: value})) == wanted


def test_leading_zeros_that_a_tool_dropped_are_put_back(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        f"{HEADER}\n1,81109,203518,1,INFO,d,blk_1,E1,t\n2,81110,518,1,INFO,d,blk_1,E1,t"
    )
    assert read_sessions(path).to_frame()["end"].dt.strftime("%F %T").to_list() == [
        "2008-11-10 00:05:18"
    ]


def test_event_ids_stand_in_for_templates_and_content_for_both(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Content;EventId\nblk_1 x;E7\nblk_1 y;E8\n")
    assert events(read_sessions(path)) == {"blk_1": ["E7", "E8"]}
    path.write_text("Time\tContent\n1\tblk_1 took 7 s\n2\tblk_1 took 19 s\n")
    mined = read_sessions(path)
    assert [text.split(" ", 1)[1] for text in events(mined)["blk_1"]] == ["took <*> s"] * 2
    assert (mined.log.templates_given, mined.log.format) == (False, "structured content")


def test_rows_that_do_not_fit_are_counted_and_the_others_kept(structured):
    bad = [
        "5,081109,203521,7,INFO,dfs.DataNode",  # torn
        '6,081109,203521,7,INFO,dfs.DataNode,"got blk_9,E1,got <*>',  # a quote left open
        "7,081109,203521,7,INFO,dfs.DataNode,got, blk_9,E1,got <*>",  # a comma too many
        "",
    ]
    structured.write_text("\n".join([HEADER, ROWS[0], *bad, *ROWS[1:]]) + "\n")
    sessions = read_sessions(structured)
    assert members(sessions) == {"blk_1": [1, 3], "blk_-2": [3, 4]}
    assert sessions.log.notes == (
        "blank lines (skipped): 1",
        "rows that do not fit the header (skipped): 2",
        "rows without an event (skipped): 1",
    )


def test_what_cannot_be_read_as_asked_is_said(structured, tmp_path):
    with pytest.raises(
        UsageError, match=r"no column 'node' in this structured log; .*LineId, Date"
    ):
        read_sessions(structured, session_field="node")
    structured.write_text(f"{HEADER}\n")
    with pytest.raises(InputError, match=r"structured.csv: empty; expected rows with an event"):
        read_sessions(structured)
    structured.write_text("a,EventId\n1,E1\n")
    with pytest.raises(UsageError, match=r"no usual session key is known for this log .structured"):
        read_sessions(structured)
    (tmp_path / "b.csv").write_text("no table\n")
    with pytest.raises(InputError, match=r"b\.csv: no column of EventTemplate.*columns: no header"):
        read_sessions(tmp_path / "b.csv", format="structured")
    with pytest.raises(InputError, match=r"b\.csv: no column of EventId, as in .*structured"):
        read_sessions([structured, tmp_path / "b.csv"], session_field="a")


def test_contents_are_found_again_by_line_id(structured):
    found = read_contents([Source("x", structured)], {0: {1, 3, 99}})
    assert found == {(0, 1): "got blk_1", (0, 3): 'lost blk_1, "and" blk_-2'}


def test_findings_of_a_structured_csv_show_what_was_logged(tmp_path):
    path = tmp_path / "a.csv"
    calm = [f"{2 * i + j},blk_{i} {w},{w} <*>" for i in range(60) for j, w in enumerate("ab", 1)]
    path.write_text("\n".join(["LineId,Content,EventTemplate", *calm, "121,blk_7 crash,<*> boom"]))
    found = amiss.scan(read_sessions(path), detector="event-counts")
    assert found[0].id == "blk_7"
    assert found[0].surprises[0].text == "blk_7 crash"
    assert found[0].locations[0].first_line == 121


# One row a session.


def write(frame, path):
    """Write a table as its name says."""
    text = pl.col("templates").list.join("|")
    writers = {
        ".parquet": frame.write_parquet,
        ".arrow": frame.write_ipc,
        ".arrows": frame.write_ipc_stream,
        ".jsonl": frame.write_ndjson,
        ".csv": frame.with_columns(text).write_csv,
    }
    writers[path.suffix](path)
    return path


SUFFIXES = [".parquet", ".arrow", ".arrows", ".jsonl", ".csv"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_session_tables_of_any_storage_are_the_same_sessions(tmp_path, suffix):
    path = write(pl.DataFrame(SESSIONS), tmp_path / f"table{suffix}")
    sessions = read_sessions(path)
    assert events(sessions) == dict(zip(SESSIONS["session_id"], SESSIONS["templates"], strict=True))
    assert members(sessions) == {"a": [1, 1], "b": [2, 2], "c": [3]}
    assert (sessions.log.format, sessions.log.lines, sessions.log.paths) == ("sessions", 3, ())
    assert sessions.log.option == ("session_field", "session_id")
    assert amiss.read_labels(path) == {"a": False, "b": True, "c": False}
    again = read_sessions(path, session_field="label", format="sessions")
    assert members(again) == {"0": [1, 1, 3], "1": [2, 2]}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('BlockId,Label,Features\nb1,Success,"[E5,E22]"\n', ["E5", "E22"]),
        ("BlockId,EventSequence\nb1,\"['E5', 'E22']\"\n", ["E5", "E22"]),
        ("BlockId,EventSequence\nb1,\"['a, b', 'it']\"\n", ["a, b", "it"]),
        ("id;events\nb1;5 22\n", ["5", "22"]),
        ("session\tevents\nb1\topen file | close\n", ["open file", "close"]),
    ],
)
def test_lists_written_as_text_are_understood(tmp_path, text, wanted):
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert events(read_sessions(path)) == {"b1": wanted}


def test_a_row_that_is_bad_alone_is_left_out_and_counted(tmp_path):
    frame = pl.DataFrame(
        {"id": ["a", None, "b", "c", "d"], "events": [[1, 2], [1], None, [], [3, None]]}
    )
    sessions = read_sessions(write_plain(frame, tmp_path / "a.parquet"))
    assert events(sessions) == {"a": ["1", "2"]}
    assert sessions.log.notes == (
        "rows without a session id (skipped): 1",
        "rows without events (skipped): 2",
        "rows with an event that is null (skipped): 1",
    )
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "a", "events": ["x"]}\n\n{"id": "b", "ev\n{"id": "c", "events": ["y"]}')
    sessions = read_sessions(path)
    assert members(sessions) == {"a": [1], "c": [4]}
    assert "rows that are not JSON objects (skipped): 1" in sessions.log.notes


def write_plain(frame, path):
    frame.write_parquet(path)
    return path


def test_bad_tables_are_one_clear_line(tmp_path):
    whole = write_plain(pl.DataFrame(SESSIONS), tmp_path / "whole.parquet").read_bytes()
    torn = tmp_path / "torn.parquet"
    for content in (whole[:-20], whole[: len(whole) // 2], whole[:8]):
        torn.write_bytes(content)
        with pytest.raises(InputError, match=r"torn\.parquet: not a whole Parquet file") as caught:
            read_sessions(torn)
        assert "\n" not in str(caught.value)
    other = write_plain(pl.DataFrame({"id": [1], "words": [["x"]]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match=r"no column of events such as templates.*: id, words"):
        read_sessions(other)
    with pytest.raises(LabelError, match=r"ids such as session_id.*, and label; its columns: id"):
        amiss.read_labels(other)
    nulls = write_plain(pl.DataFrame({"id": ["a"], "events": [[None]]}), tmp_path / "nulls.parquet")
    with pytest.raises(InputError, match=r"event that is null .skipped.: 1; expected rows with a"):
        read_sessions(nulls)
    odd = write_plain(pl.DataFrame({"id": ["a"], "events": [{"x": 1}]}), tmp_path / "odd.parquet")
    with pytest.raises(InputError, match=r"column 'events' holds Struct.*; expected lists"):
        read_sessions(odd)
    csv = tmp_path / "a.csv"
    csv.write_text("session_id:label:events\na:0:5\n")
    with pytest.raises(InputError, match=r"no column of session ids .*; its columns: no header"):
        read_sessions(csv, format="sessions")
    csv.write_text("session_id,label\na,0\n")
    with pytest.raises(InputError, match=r"no column of events .*; its columns: session_id, label"):
        read_sessions(csv)
    csv.write_text("")
    with pytest.raises(InputError, match=r"empty"):
        read_sessions(csv)


@pytest.mark.parametrize("option", [{"window": 2}, {"gap": 1}, {"session_key": "a"}])
def test_what_is_grouped_already_is_not_grouped_again(tmp_path, option):
    path = write_plain(pl.DataFrame(SESSIONS), tmp_path / "a.parquet")
    with pytest.raises(UsageError, match=r"a\.parquet: each row is a session already"):
        read_sessions(path, **option)


def test_labels_may_be_numbers_truth_values_or_words(tmp_path):
    wanted = {"a": False, "b": True}
    numbers = [pl.Series([0, 1], dtype=dtype) for dtype in (pl.Int8, pl.Int64, pl.Float64)]
    for label in (*numbers, pl.Series([False, True]), pl.Series(["Normal", "Anomaly"])):
        frame = pl.DataFrame({"session": ["a", "b"], "Label": label})
        assert amiss.read_labels(write_plain(frame, tmp_path / "l.parquet")) == wanted
    (tmp_path / "l.csv").write_text("n;BlockId;Label\n1;a;Normal\n2;b;Anomaly\n")
    assert amiss.read_labels(tmp_path / "l.csv") == wanted


def test_rows_of_a_table_are_whole_sessions(tmp_path):
    rows = [["a", "b", "c"]] * 30 + [["a"]]
    frame = pl.DataFrame({"id": [str(i) for i in range(31)], "events": rows})
    sessions = read_sessions(write_plain(frame, tmp_path / "a.parquet"))
    model = amiss.fit(sessions, detector="event-counts")
    assert model.completion is None
    assert model.sequences(sessions)[0].complete.all()
    found = model.detect(sessions)
    assert [f.id for f in found] == ["30"]
    assert found[0].missing
    assert {s.text for s in found[0].surprises} <= {""}


# Lines of event numbers.


def test_lines_of_event_numbers_are_sessions(tmp_path):
    path = tmp_path / "hdfs_train.gz"
    rows = ["5 22 5 "] * 100 + ["", "stray words", "22"]
    path.write_bytes(gzip.compress("\n".join(rows).encode()))
    sessions = read_sessions(path)
    assert len(sessions) == 101
    assert events(sessions)["103"] == ["22"]
    assert sessions.log.format == "events"
    assert "lines that are not event numbers (skipped): 1" in sessions.log.notes
    assert "blank lines (skipped): 1" in sessions.log.notes
    with pytest.raises(UsageError, match=r"each row is a session already .events format"):
        read_sessions(path, window=2, format="events")


def test_numbers_are_lines_of_a_log_where_these_are_grouped(tmp_path):
    path = tmp_path / "numbers"
    path.write_text("5 22\n5 22\n")
    assert read_sessions(path, window=1).log.format == "plain"
    path.write_text("E5 E22\n")
    assert events(read_sessions(path, format="events")) == {"1": ["E5", "E22"]}
    path.write_text("5\n7\n")  # one number a line may be anything
    assert read_sessions(path).log.format == "plain"
    path.write_text("open read close\n\nopen\n")  # told so, any words are events
    named = read_sessions(path, format="events")
    assert events(named) == {"1": ["open", "read", "close"], "3": ["open"]}
    path.write_text("5 22\n" * 100 + "stray\n")  # but not among numbers
    assert "lines that are not event numbers (skipped): 1" in (
        read_sessions(path, format="events").log.notes
    )


# Real data.


def test_real_session_tables_and_their_labels(data_dir):
    path = data_dir / "hdfs" / "HDFS_100k_sessions.parquet"
    sessions = read_sessions(path)
    assert (len(sessions), len(sessions.shape), len(sessions.shapes)) == (7940, 104815, 19)
    assert sum(amiss.read_labels(path).values()) == 313
    train = read_sessions(data_dir / "hdfs" / "deeplog" / "hdfs_train.gz")
    assert (len(train), len(train.shapes)) == (4855, 14)


@pytest.mark.parametrize("system", ["HDFS", "BGL", "OpenStack", "OpenSSH", "Spark", "Apache"])
def test_real_structured_logs_lose_no_row(data_dir, system):
    path = data_dir / "loghub-2k" / f"{system}_2k.log_structured.csv.gz"
    sessions = read_sessions(path, window=2000)
    assert sessions.line.tolist() == list(range(1, 2001))
    frame = pl.read_csv(path, infer_schema=False)
    assert events(sessions)["window 1"] == frame["EventTemplate"].to_list()

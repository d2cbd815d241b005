import gzip

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss import read_sessions, trace_overview
from amiss.errors import InputError, LabelError, UsageError
from amiss.run.ingest import match_labels


def write_trace(path, n, header="class,event"):
    rows = [f"COMM,{'SND' if i % 2 else 'REC'}_MESSAGE" for i in range(n)]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_events_are_class_and_name_and_each_file_is_a_trace(tmp_path):
    for name in ("a.csv", "b.csv"):
        write_trace(tmp_path / name, 25)
    segments = read_sessions(tmp_path, segment=10)
    assert segments.log.format == "traces"
    assert segments.log.unit == "segment"
    assert segments.shapes["text"].to_list() == ["COMM REC_MESSAGE", "COMM SND_MESSAGE"]
    names = [trace.rsplit("/", 1)[-1] for trace in segments.trace]
    assert names == ["a.csv"] * 3 + ["b.csv"] * 3
    assert [i.rsplit("/", 1)[-1] for i in segments.ids][:3] == ["a.csv:1", "a.csv:2", "a.csv:3"]
    # Rows are counted in each file.
    assert segments.line[segments.offsets[:-1]].tolist() == [1, 11, 21] * 2


def test_what_is_left_at_the_end_joins_the_last_segment_unless_it_is_half_of_one(tmp_path):
    lengths = {}
    for n in (9, 10, 14, 15, 24):
        path = write_trace(tmp_path / f"{n}.csv", n)
        segments = read_sessions(path, segment=10)
        lengths[n] = (segments.offsets[1:] - segments.offsets[:-1]).tolist()
    assert lengths == {9: [9], 10: [10], 14: [14], 15: [10, 5], 24: [10, 14]}


def test_segments_are_of_a_thousand_events_by_default(tmp_path):
    segments = read_sessions(write_trace(tmp_path / "a.csv", 2000))
    assert len(segments) == 2
    assert segments.log.option == ("segment", 1000)


def test_names_of_columns_in_any_case_other_columns_and_compression(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"Time;Class;Event\n1;A;x\n2;;y\n3;B;\n\n4;B;z;9\n"))
    segments = read_sessions(path)
    assert segments.shapes["text"].to_list() == ["A x", "y"]
    assert segments.line.tolist() == [1, 2]
    assert {
        "rows without an event (skipped): 1",
        "blank lines (skipped): 1",
        "rows that do not fit the header (skipped): 1",
    } <= set(segments.log.notes)


def test_a_trace_of_nothing_and_one_without_a_class_say_so(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("class,event\n")
    with pytest.raises(InputError, match="expected rows with a class and an event"):
        read_sessions(path)
    path.write_text("event,cpu\nx,1\n")
    with pytest.raises(InputError, match="no column of classes and one of events"):
        read_sessions(path, format="traces")
    with pytest.raises(UsageError, match="segments of 0 events"):
        read_sessions(path, segment=0)
    with pytest.raises(UsageError, match="give only one of"):
        read_sessions(path, segment=5, window=5)


def test_rows_of_a_session_table_are_traces_too(tmp_path):
    path = tmp_path / "calls.parquet"
    frame = pl.DataFrame({"trace_id": ["p", "q"], "syscalls": [[1, 2] * 6, [3] * 4]})
    frame.write_parquet(path)
    segments = read_sessions(path, segment=5)
    assert segments.ids.to_list() == ["p:1", "p:2", "q:1"]
    assert (segments.offsets[1:] - segments.offsets[:-1]).tolist() == [5, 7, 4]
    assert segments.trace.to_list() == ["p", "p", "q"]


def test_a_log_is_cut_by_file_too(tmp_path):
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text("started\nstopped\n" * 3)
    assert len(read_sessions(tmp_path, segment=4)) == 4
    assert len(read_sessions(tmp_path, window=4)) == 3


@given(st.lists(st.integers(0, 40), min_size=1, max_size=4), st.integers(1, 12))
def test_no_event_is_lost_and_segments_are_whole(tmp_path_factory, lengths, size):
    folder = tmp_path_factory.mktemp("traces")
    for i, n in enumerate(lengths):
        write_trace(folder / f"{i}.csv", n)
    if not sum(lengths):
        with pytest.raises(InputError):
            read_sessions(folder, segment=size)
        return
    segments = read_sessions(folder, segment=size)
    counts = segments.offsets[1:] - segments.offsets[:-1]
    assert counts.sum() == sum(lengths)
    for trace in segments.trace.unique():
        own = counts[(segments.trace == trace).to_numpy()]
        assert (own[:-1] == size).all()
        assert own[-1] < 1.5 * size


def test_a_label_of_a_trace_is_one_of_its_segments(tmp_path):
    for name in ("a.csv", "b.csv"):
        write_trace(tmp_path / name, 20)
    segments = read_sessions(tmp_path, segment=10)
    odd, known = match_labels(segments, {"b.csv": True})
    assert odd.tolist() == known.tolist() == [False, False, True, True]
    odd, known = match_labels(segments, {str(tmp_path / "b.csv"): True, "b.csv:1": False})
    assert (odd.tolist(), known.tolist()) == (
        [False, False, False, True],
        [False, False] + [True] * 2,
    )
    with pytest.raises(LabelError):
        match_labels(segments, {"c.csv": True})


def test_quotes_inside_cells_are_characters_and_rows_around_them_stay(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('class,event\nA,5" disk\nB,c\n"A,q",r\nC,"d ""e"" f"\nB,c"\n')
    segments = read_sessions(path)
    came = segments.shapes["text"].gather(segments.shape).to_list()
    assert came == ['A 5" disk', "B c", "A,q r", 'C d "e" f', 'B c"']
    assert segments.line.tolist() == [1, 2, 3, 4, 5]
    path.write_text('class,event\nA,"x y\nz"\nB,c\n')  # a line break in quotes is a torn row
    assert read_sessions(path).line.tolist() == [3]


def test_a_class_is_one_word_and_an_event_no_list(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("class,event\nKER CALL,X Y\n,foo bar\n")
    table = trace_overview(read_sessions(path))
    assert table.select("class", "event").rows()[:3] == [
        (None, "foo_bar"), ("KER_CALL", None), ("KER_CALL", "X Y"),
    ]  # fmt: skip
    frame = pl.DataFrame({"class": ["A"], "event": [["x", "y"]]})
    frame.write_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="expected the name of one event a row"):
        read_sessions(tmp_path / "t.parquet")


def test_an_empty_trace_among_others_is_told_of(tmp_path):
    write_trace(tmp_path / "a.csv", 9)
    (tmp_path / "b.csv").write_text("class,event\n")
    (note,) = read_sessions(tmp_path).log.notes
    assert note.endswith("b.csv: no events (left out)")


def test_traces_may_be_called_anything(tmp_path):
    path = tmp_path / "calls.parquet"
    names = ["class", "event", "text", "^.*$", "trace 1"]
    frame = pl.DataFrame({"trace_id": names, "syscalls": [["a", "b"]] * 5})
    frame.write_parquet(path)
    table = trace_overview(read_sessions(path, segment=2))
    assert table.columns == ["class", "event", "class'", "event'", "text", "^.*$", "trace 1"]
    assert table["^.*$"].to_list() == [1, 1]
    assert table["class"].to_list() == [None, None]


def test_a_remainder_joins_its_own_trace_whatever_stands_between(tmp_path):
    path = tmp_path / "calls.parquet"
    events = [list("abcdefghij"), list("xyzx"), list("kl")]
    pl.DataFrame({"trace_id": ["p", "q", "p"], "syscalls": events}).write_parquet(path)
    segments = read_sessions(path, segment=10)
    lengths = dict(zip(segments.ids, segments.offsets[1:] - segments.offsets[:-1], strict=True))
    assert lengths == {"p:1": 12, "q:1": 4}


def test_a_label_that_may_mean_two_files_is_refused(tmp_path):
    for name in ("n", "a"):
        (tmp_path / name).mkdir()
        write_trace(tmp_path / name / "t.csv", 10)
    segments = read_sessions([tmp_path / "n", tmp_path / "a"], segment=10)
    with pytest.raises(LabelError, match="2 files are called so"):
        match_labels(segments, {"t.csv": True})
    odd, _ = match_labels(segments, {str(tmp_path / "a" / "t.csv"): True})
    assert odd.tolist() == [False, True]

"""Records of several lines: nothing is lost, nothing made up, whatever the size of the blocks."""

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from amiss.read import multiline, sources
from amiss.read.multiline import join
from amiss.read.records import RecordReader
from amiss.read.sources import Source

HEAD = "2015-10-18 18:01:4{} {} [main] a.B: {}"
TRACE = [
    "java.net.NoRouteToHostException: No route to host 10.0.0.1",
    "\tat sun.nio.ch.Net.connect(Net.java:12)",
    "Caused by: java.io.IOException: x",
    "\t... 3 more",
]


def read(tmp_path, lines, *, block=None, **options):
    path = tmp_path / "app.log"
    path.write_text("\n".join(lines) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        if block:
            patch.setattr(sources, "BLOCK", block)
        reader = RecordReader(path, **options)
        return list(reader), reader


def records(batches):
    """Return (line, extent, level, message, raw) of each record."""
    return [
        (line, extent, *kind, raw)
        for b in batches
        for line, extent, kind, raw in zip(
            b.line.tolist(),
            [1] * len(b) if b.extent is None else b.extent.tolist(),
            b.kinds.select("level", "message").gather(b.kind).rows(),
            b.raw.to_list(),
            strict=True,
        )
    ]


@pytest.mark.parametrize("block", [None, 1, 50, 200])
def test_a_stack_trace_belongs_to_the_line_above(tmp_path, block):
    lines = [
        HEAD.format(1, "INFO", "start"), HEAD.format(2, "WARN", "failed 7"), *TRACE, "",
        HEAD.format(3, "INFO", "end"),
    ]  # fmt: skip
    batches, reader = read(tmp_path, lines, block=block, format="hadoop")
    said = "failed 0 | java.net.NoRouteToHostException: No route to host 0.0.0.0"
    assert records(batches) == [
        (1, 1, "INFO", "start", lines[0]),
        (2, 5, "WARN", said, lines[1]),
        (8, 1, "INFO", "end", lines[7]),
    ]
    assert reader.report.counts["lines that continue a record (joined)"] == 4
    assert reader.report.counts["blank lines (skipped)"] == 1
    assert reader.report.lines == 8


def test_of_a_python_traceback_its_last_line_says_what_happened(tmp_path):
    lines = [
        "2015-10-18 18:01:47,978 - app - ERROR - query failed",
        "Traceback (most recent call last):", '  File "x.py", line 3, in f', "    g()",
        "KeyError: 'a 7'",
    ]  # fmt: skip
    ((line, extent, level, message, _),) = records(read(tmp_path, lines)[0])
    assert (line, extent, level) == (1, 5, "ERROR")
    assert message == "query failed | KeyError: 'a 0'"


def test_a_line_with_a_time_of_another_form_is_a_record_of_its_own(tmp_path):
    lines = [
        HEAD.format(1, "INFO", "a"),
        "Jun 14 15:16:01 host cron: b",
        HEAD.format(2, "INFO", "c"),
    ]
    batches, reader = read(tmp_path, lines, format="hadoop")
    assert [record[0] for record in records(batches)] == [1, 2, 3]
    assert reader.report.counts == {"lines not in the Hadoop (log4j) format (kept)": 1}


@pytest.mark.parametrize(
    "line", ['{"time":"2024-03-01T10:00:00Z","msg":"a 5"}', "ts=2024-03-01T10:00:00Z msg=a"]
)
def test_a_trace_between_lines_that_name_their_values_joins_the_one_above(tmp_path, line):
    lines = [
        line,
        "panic: boom",
        "goroutine 1 [running]:",
        "\tmain.go:12 +0x1d",
        line,
        "other",
        line,
    ]
    assert [record[:2] for record in records(read(tmp_path, lines)[0])] == [
        (1, 4), (5, 1), (6, 1), (7, 1),
    ]  # fmt: skip


def test_a_log_that_goes_on_in_another_format_is_not_one_record(tmp_path):
    lines = [HEAD.format(1, "INFO", "a"), *['{"level":"error","msg":"full"}'] * 60]
    assert len(records(read(tmp_path, lines, format="hadoop")[0])) == 61
    lines = [HEAD.format(1, "INFO", "a"), *["disk full", *TRACE[1:3]] * 60]
    found = records(read(tmp_path, lines, format="hadoop")[0])
    assert found[0][:2] == (1, 151)
    assert [record[1] for record in found[1:]] == [3] * 10


@pytest.mark.parametrize("block", [None, 1, 40, 90])
def test_parts_of_a_line_are_one_record_whatever_the_block(tmp_path, block):
    parts = ["stdout F a", "stdout P b", "stdout P c", "stdout F d", "stderr P e", "stdout F f"]
    lines = [f"2024-05-06T10:00:0{n}.123456789Z {part}" for n, part in enumerate(parts)]
    batches, reader = read(tmp_path, lines, block=block)
    assert reader.format.name == "cri"
    found = [(line, extent, message) for line, extent, _, message, _ in records(batches)]
    assert found == [(1, 1, "a"), (2, 3, "b"), (5, 1, "e"), (6, 1, "f")]


def test_an_inch_in_a_csv_opens_no_quote(tmp_path):
    rows = [f'2024-01-01 10:00:00,INFO,{5 + i}" disk' for i in range(200)]
    batches, _ = read(tmp_path, ["time,level,message", *rows], format="csv")
    assert sum(map(len, batches)) == 200


def test_plain_lines_are_single_unless_indented_or_of_a_trace(tmp_path):
    lines = ["started", *TRACE, "ended", "Error: no"]
    batches, reader = read(tmp_path, lines)
    assert reader.format.name == "plain"
    assert [record[:2] for record in records(batches)] == [(1, 1), (2, 4), (6, 1), (7, 1)]


def test_a_log_whose_lines_are_all_indented_has_single_lines(tmp_path):
    batches, _ = read(tmp_path, [f"   {i} boxes" for i in range(100)])
    assert sum(map(len, batches)) == 100


def test_what_stands_above_the_first_head_is_a_record(tmp_path):
    lines = ["  banner", "\tof two lines", HEAD.format(1, "INFO", "a")]
    assert [r[:2] for r in records(read(tmp_path, lines, format="hadoop")[0])] == [(1, 2), (3, 1)]


@pytest.mark.parametrize("block", [None, 40, 100])
def test_a_record_without_end_is_cut(tmp_path, monkeypatch, block):
    monkeypatch.setattr(multiline, "MAX_RECORD", 7)
    lines = [HEAD.format(1, "INFO", "a"), *["  more"] * 20, HEAD.format(2, "INFO", "b")]
    batches, _ = read(tmp_path, lines, block=block, format="hadoop")
    assert [record[:2] for record in records(batches)] == [(1, 7), (8, 7), (15, 7), (22, 1)]


LINES = st.lists(
    st.sampled_from(
        [
            HEAD.format(1, "INFO", "ok 5"), HEAD.format(2, "WARN", "failed"), *TRACE, "", "  ",
            "free text", "Jun 14 15:16:01 host cron: b", "é ü", "\r", '{"msg": "b"}',
        ]
    ),
    min_size=1,
    max_size=40,
)  # fmt: skip


@settings(max_examples=150)
@given(
    lines=LINES,
    block=st.integers(1, 400),
    most=st.sampled_from([2, 5, 10_000]),
    known=st.sampled_from(["hadoop", "plain", "json", "combined", r"^\S+ \S+ (?P<message>.*)$"]),
)
@example(lines=["", TRACE[0], "", *TRACE], block=1, most=2, known="hadoop")
def test_blocks_do_not_matter_and_every_line_is_of_one_record(
    tmp_path_factory, lines, block, most, known
):
    if known == "json":  # what names there are, the first block tells
        lines = ['{"msg": "a 1"}', *lines]
    said = [number for number, line in enumerate(lines, 1) if line.strip()]
    if not said:
        return
    folder = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiline, "MAX_RECORD", most)
        whole, _ = read(folder, lines, format=known)
        parts, reader = read(folder, lines, block=block, format=known)
    assert records(parts) == records(whole)
    covered = [
        number
        for line, extent, *_ in records(parts)
        for number in range(line, line + extent)
        if lines[number - 1].strip()
    ]
    assert covered == said
    joined = reader.report.counts["lines that continue a record (joined)"]
    assert len(records(parts)) + joined == len(said)


CSV = st.lists(
    st.sampled_from(['2024-01-01 10:00:00,I,"a', 'b",1', "2024-01-01 10:00:01,W,c,2", '"', ""]),
    max_size=20,
)  # fmt: skip


@settings(max_examples=80)
@given(rows=CSV)
def test_no_row_of_a_csv_is_lost_whatever_its_quotes(tmp_path_factory, rows):
    lines = ["time,level,message,id", "2024-01-01 10:00:00,INFO,first,0", *rows]
    batches, _ = read(tmp_path_factory.getbasetemp(), lines, format="csv")
    covered = [n for line, extent, *_ in records(batches) for n in range(line, line + extent)]
    assert [n for n in covered if lines[n - 1]] == [
        n for n in range(2, len(lines) + 1) if lines[n - 1]
    ]


def test_joining_says_how_many_lines_and_which_says_what():
    goes_on, says = np.array([0, 1, 1, 0, 1], dtype=bool), np.array([0, 0, 1, 0, 1], dtype=bool)
    joined = join(np.array([3, 4, 6, 7, 8]), goes_on, says, 3)
    assert joined.head.tolist() == [0, 3]
    assert joined.extent.tolist() == [4, 2]
    assert joined.first.tolist() == [1, 4]
    assert joined.said.tolist() == [2, 4]


def test_an_empty_block_lets_go_of_what_was_held_back(tmp_path):
    head = HEAD.format(1, "INFO", "a").encode()
    blocks = [head + b"\n  at x\n", b"", b"  at y\n" + head + b"\n"]
    path = tmp_path / "unused"
    path.write_text("")
    reader = RecordReader([Source("stream", path)], format="hadoop", blocks=lambda _: iter(blocks))
    batches = list(reader)
    assert [len(batch) for batch in batches] == [1, 0, 2]
    assert [record[:2] for record in records(batches)] == [(1, 2), (3, 1), (4, 1)]
    assert isinstance(batches[1].raw, pl.Series)

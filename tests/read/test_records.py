"""Records: no line is lost, none is invented, and each has its file and line number."""

import codecs
import gzip
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from amiss.errors import InputError, UsageError
from amiss.read import lines as line_blocks
from amiss.read import sources
from amiss.read.compression import is_known
from amiss.read.lines import read_lines
from amiss.read.multiline import CONTINUES
from amiss.read.records import RecordReader
from amiss.text.hexadecimal import level_hexadecimal
from amiss.types import NO_TIME

HDFS = "081109 203518 143 INFO dfs.DataNode$PacketResponder: Received block blk_{} of size 91178"

BLANK, NUL = "blank lines (skipped)", "lines with NUL bytes (removed)"
JOINED = "lines that continue a record (joined)"
NOT_UTF8 = "lines with bytes that are not UTF-8 (replaced)"
TORN = "last line without a line end (kept)"

# Pieces that make trouble where a block, a character or a line ends between them.
PIECES = [
    b"\n", b"\n", b"\r\n", b"\r", b"\0", b"\0\0\n", b" ", b"\t", b"a", b"word ", b"blk_-17", b"0",
    b"1234567890", b"\xc3\xa9", b"\xc3", b"\xa9", b"\xff", b"\xf0\x9f\x98\x80", b"\xef\xbf\xbd",
    b"\xe2\x80\xa8", b"\x1c", b"\x85", b"\xef\xbb\xbf", b"\x1b[31m", b"<*>", b"\xff\xfe", b'"',
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join) | st.binary(max_size=60)


def read(path, *, block=None, max_line=None, **options):
    """Return [(file index, line number, text)], the kinds of the lines, and the reader."""
    with pytest.MonkeyPatch.context() as patch:
        if block:
            patch.setattr(sources, "BLOCK", block)
        if max_line:
            patch.setattr(sources, "MAX_LINE", max_line)
            patch.setattr(line_blocks, "MAX_LINE", max_line)
        reader = RecordReader(path, **options)
        found, kinds = [], []
        for batch in reader:
            assert len(batch) == len(batch.raw) == len(batch.kind) == len(batch.time)
            numbers = batch.line.tolist()
            found.extend(
                zip([batch.source] * len(batch), numbers, batch.raw.to_list(), strict=True)
            )
            kinds.extend(batch.kinds.select("level", "message").gather(batch.kind).rows())
    return found, kinds, reader


def read_again(path, numbers, *, block=None, max_line=None):
    with pytest.MonkeyPatch.context() as patch:
        if block:
            patch.setattr(sources, "BLOCK", block)
        if max_line:
            patch.setattr(sources, "MAX_LINE", max_line)
            patch.setattr(line_blocks, "MAX_LINE", max_line)
        return read_lines(sources.find_sources(path), {0: set(numbers)})


def cut(line, max_line):
    if len(line) <= max_line:
        return line
    stop = max_line
    while stop > max_line - 3 and line[stop] & 0xC0 == 0x80:
        stop -= 1
    return line[:stop]


def expected(data, max_line=1 << 20):
    """Read `data` the slow and obvious way: texts by line number, and the report's counts."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", errors="replace").encode()
    else:
        data = data.removeprefix(codecs.BOM_UTF8)
    counts = Counter()
    counts[NUL] = sum(b"\0" in line for line in data.split(b"\n"))
    data = data.replace(b"\0", b"")
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    else:
        counts[TORN] = 1
    texts = {}
    for number, line in enumerate(lines, start=1):
        line_cut = cut(line, max_line)
        counts[f"lines longer than {max_line:,} bytes (cut)"] += line_cut != line
        try:
            text = line_cut.decode()
        except UnicodeDecodeError:
            counts[NOT_UTF8] += 1
            text = line_cut.decode(errors="replace")
        texts[number] = text.rstrip("\r")
        counts[BLANK] += is_blank(texts[number])
    return texts, +counts


def uncoloured(text):
    found = re.findall("\x1b\\[[0-9;]*m", text)
    return re.sub("\x1b\\[[0-9;]*m", "", text) if len(found) > 1 else text


def is_blank(text):
    return all(c.isspace() and c not in "\x1c\x1d\x1e\x1f" for c in text)


@pytest.fixture(scope="module")
def hostile_file(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile") / "hostile.log"


@settings(max_examples=300)
@given(data=HOSTILE, block=st.integers(1, 60), max_line=st.sampled_from([8, 23, 1 << 20]))
@example(data=b"x" * 50, block=7, max_line=8)
@example(data=b"\xe2\x80\xa8" * 9 + b"\nend", block=3, max_line=8)
@example(data=bytes(30) + b"good\nbad" + bytes(9) + b"\n", block=32, max_line=8)
def test_any_bytes_go_in_and_every_line_comes_out(hostile_file, data, block, max_line):
    assume(not is_known(data))
    hostile_file.write_bytes(data)
    texts, counts = expected(data, max_line)
    # Colours are no text.
    shown = {number: uncoloured(text) for number, text in texts.items()}
    counts[BLANK] += sum(is_blank(shown[n]) and not is_blank(text) for n, text in texts.items())
    counts = +counts
    said = [(0, number, text) for number, text in shown.items() if not is_blank(text)]
    # Of plain lines, those that look like lines of a stack trace continue the one above.
    wanted = [
        record
        for at, record in enumerate(said)
        if not at or not pl.Series([record[2]]).str.contains(CONTINUES)[0]
    ]
    if not wanted:
        with pytest.raises(InputError, match="expected a log with at least one line"):
            read(hostile_file, block=block, max_line=max_line, format="plain")
    else:
        for size in (block, None):
            found, kinds, reader = read(hostile_file, block=size, max_line=max_line, format="plain")
            assert found == wanted
            for (_, message), (_, _, text) in zip(kinds, wanted, strict=True):
                leveled = level_hexadecimal(text.encode()).decode()
                assert message.startswith(re.sub("[0-9]+", "0", leveled))
            assert reader.report.lines == len(texts)
            joined = Counter({JOINED: len(said) - len(wanted)})
            assert reader.report.counts == counts + joined
    numbers = [*texts, len(texts) + 1]
    again = read_again(hostile_file, numbers, block=block, max_line=max_line)
    assert again == {(0, number): text for number, text in texts.items()}


def test_line_numbers_hold_across_blocks_and_files(tmp_path):
    lines = {
        name: [HDFS.format(i) if i % 3 else "" for i in range(start, start + 500)]
        for name, start in (("a.log", 1), ("b.log", 7))
    }
    for name, content in lines.items():
        (tmp_path / name).write_text("\n".join(content) + "\n")
    found, _, reader = read(tmp_path, block=4096)
    assert [Path(source.name).name for source in reader.sources] == ["a.log", "b.log"]
    assert found == [
        (file, number, text)
        for file, name in enumerate(lines)
        for number, text in enumerate(lines[name], start=1)
        if text
    ]
    assert reader.report.lines == 1000
    assert reader.report.counts[BLANK] == sum(not text for c in lines.values() for text in c)


def test_read_lines_returns_the_text_of_the_asked_lines_only(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text("".join(f"{name} {i}\r\n" for i in range(1, 10_001)))
    found = read_lines(sources.find_sources(tmp_path), {0: {1, 5000, 10_000}, 1: {77, 20_000}})
    assert found == {
        (0, 1): "a 1",
        (0, 5000): "a 5000",
        (0, 10_000): "a 10000",
        (1, 77): "b 77",
    }


def test_a_ten_megabyte_line_is_cut_and_counted_and_its_neighbours_kept(tmp_path):
    path = tmp_path / "long.log"
    path.write_bytes(b"first\n" + b"x" * 10_000_000 + b"\nlast\n")
    found, _, reader = read(path)
    assert [(number, len(text)) for _, number, text in found] == [(1, 5), (2, 1 << 20), (3, 4)]
    assert reader.report.counts == {"lines longer than 1,048,576 bytes (cut)": 1}
    assert read_again(path, [2, 3]) == {(0, 2): found[1][2], (0, 3): "last"}


def test_a_long_line_is_measured_in_bytes_wherever_it_stands(tmp_path):
    # 600,000 characters, but 1.2 MB: a line alone in its block is cut as any other.
    for name, before in (("alone", b""), ("behind", b"other\n" * 500_000)):
        path = tmp_path / name
        path.write_bytes(before + "é".encode() * 600_000 + b"\n")
        found, _, reader = read(path)
        assert found[-1][2] == "é" * (1 << 19)
        assert reader.report.counts == {"lines longer than 1,048,576 bytes (cut)": 1}


def test_a_log_torn_in_its_last_line_keeps_that_line(tmp_path):
    path = tmp_path / "torn.log"
    path.write_text(HDFS.format(1) + "\n" + HDFS.format(2)[:60])
    found, _, reader = read(path)
    assert [number for _, number, _ in found] == [1, 2]
    assert found[1][2] == HDFS.format(2)[:60]
    assert reader.report.counts[TORN] == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"\n \r\n\t\n", "only blank lines"),
        (bytes(100), "empty"),
        (gzip.compress(b""), "empty"),
        (gzip.compress(b"text\n" * 1000)[:12], "ends early"),
    ],
    ids=["no bytes", "blank lines", "NUL bytes", "empty archive", "archive cut at its start"],
)
def test_a_log_without_a_line_is_an_input_error(tmp_path, data, message):
    path = tmp_path / "app.log"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message) as caught:
        read(path)
    assert "app.log" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_format_is_recognised_where_half_the_lines_fit(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("\n".join([HDFS.format(i) for i in range(5)] + ["\tat java.lang.Thread"] * 5))
    _, kinds, reader = read(path)
    assert reader.format.name == "hdfs"
    assert kinds[0] == ("INFO", "Received block blk_0 of size 0")
    assert len(kinds) == 5
    assert reader.report.counts[JOINED] == 5


def test_lines_without_a_known_header_are_plain(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("\n".join([HDFS.format(1)] * 4 + ["something else"] * 5))
    found, kinds, reader = read(path)
    assert reader.format.name == "plain"
    assert len(found) == 9
    assert set(kinds) == {("", re.sub(r"\d+", "0", HDFS.format(1))), ("", "something else")}


def test_blank_lines_at_the_start_do_not_decide_the_format(tmp_path):
    (tmp_path / "a.log").write_text("\n\n")
    (tmp_path / "b.log").write_text(HDFS.format(1) + "\n")
    found, _, reader = read(tmp_path)
    assert reader.format.name == "hdfs"
    assert found == [(1, 1, HDFS.format(1))]


def test_the_format_can_be_said(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("not so\n" * 9 + HDFS.format(1) + "\n")
    _, kinds, reader = read(path, format="HDFS")
    assert reader.format.name == "hdfs"
    assert kinds[-1][0] == "INFO"
    with pytest.raises(
        UsageError,
        match=r"unknown log format 'hfds'; expected one of: audit, json, .*, hdfs, ",
    ):
        RecordReader(path, format="hfds")


def test_times_are_utc_milliseconds_and_a_bad_one_is_none(tmp_path):
    lines = [
        HDFS.format(1),
        HDFS.format(2).replace("081109 203518", "081399 203518"),
        "  at Thread.run",
        HDFS.format(3).replace("081109 203518", "691231 235959"),
    ]
    path = tmp_path / "app.log"
    path.write_text("\n".join(lines) + "\n")
    (batch,) = RecordReader(path, format="hdfs")
    moment = datetime(2008, 11, 9, 20, 35, 18, tzinfo=UTC)
    assert batch.time.tolist()[:2] == [int(moment.timestamp()) * 1000, NO_TIME]
    assert batch.line.tolist() == [1, 2, 4]
    assert batch.extent.tolist() == [1, 2, 1]


def test_plain_lines_have_no_time(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("on 2008-11-09 something\n")
    (batch,) = RecordReader(path)
    assert batch.time.tolist() == [NO_TIME]


def test_header_fields_are_read_from_each_line(tmp_path):
    path = tmp_path / "app.log"
    path.write_text(
        "081109 203518 143 INFO dfs.DataNode: a\n"
        "2008-11-09 00:00:00 of another log\n"
        "081109 203519 7 WARN dfs.FSNamesystem: b\n"
    )
    (batch,) = RecordReader(path, fields=["PID", "component", "level", "date"])
    assert batch.fields["PID"].to_list() == ["143", None, "7"]
    assert batch.fields["component"].to_list() == ["dfs.DataNode", None, "dfs.FSNamesystem"]
    assert batch.fields["level"].to_list() == ["INFO", None, "WARN"]
    assert batch.fields["date"].to_list() == ["081109", None, "081109"]


def test_a_header_field_that_is_not_there_is_a_usage_error(tmp_path):
    path = tmp_path / "app.log"
    path.write_text(HDFS.format(1))
    with pytest.raises(UsageError, match=r"no header field 'thread'.* date, time, pid, level"):
        list(RecordReader(path, fields=["thread"]))
    path.write_text("plain\n")
    with pytest.raises(UsageError, match="its fields: none"):
        list(RecordReader(path, fields=["pid"]))


def test_lines_that_differ_only_in_digits_are_of_one_kind(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("".join(HDFS.format(f"-{i}") + "\n" for i in range(1000)))
    (batch,) = RecordReader(path)
    assert batch.kinds.select("level", "message").rows() == [
        ("INFO", "Received block blk_-0 of size 0")
    ]
    assert not batch.kind.any()


def test_total_bytes_is_the_size_on_disk(tmp_path):
    (tmp_path / "a").write_bytes(gzip.compress(b"x\n" * 1000))
    (tmp_path / "b").write_bytes(b"y\n")
    reader = RecordReader(tmp_path)
    assert reader.total_bytes == (tmp_path / "a").stat().st_size + 2
    list(reader)
    assert reader.report.bytes == reader.total_bytes

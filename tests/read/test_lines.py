import re

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from amiss.read.lines import KindsOfForms, decode_lines, read_kinds, split_kinds
from amiss.read.sources import ReadReport, Source

PIECES = st.sampled_from(
    [bytes([c]) for c in b'a7 ",\t\0#\\\n\r\xff']
    + [c.encode() for c in ("00", "\n\n", "\r\n", "x" * 40, "\ufeff", "é", "\u2028", "\x85")]
)


def lines_of(block):
    text = block.decode(errors="replace")
    return [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")] if text else []


@settings(max_examples=300)
@given(block=st.lists(PIECES, max_size=12).map(b"".join))
@example(block=b"\xef\xbb\xbf")
@example(block=b"\n\n")
def test_a_block_is_its_lines_whatever_it_holds(block):
    assert decode_lines(block, ReadReport()).to_list() == lines_of(block)


@settings(max_examples=200)
@given(block=st.lists(PIECES, max_size=12).map(b"".join))
def test_lines_of_one_kind_differ_in_their_digits_only(block):
    raw, kind, kinds, form, forms = split_kinds(block, ReadReport())
    wanted = [re.sub("[0-9]+", "0", line) for line in lines_of(block)]
    assert len(raw) == len(wanted)
    assert kinds.gather(kind).to_list() == wanted
    assert kinds.to_list() == list(dict.fromkeys(wanted))
    assert forms.gather(form).to_list() == [re.sub("[0-9]", "0", line) for line in lines_of(block)]


def test_digits_are_found_across_what_is_looked_at_in_one_go(monkeypatch):
    monkeypatch.setattr("amiss.read.lines._SCRATCH", 8)
    _, kind, kinds, *_ = split_kinds(b"abc123456xyz\nabc7xyz\n1\n/:09\n", ReadReport())
    assert kind.tolist() == [0, 0, 1, 2]
    assert kinds.to_list() == ["abc0xyz", "0", "/:0"]


def test_lines_come_block_by_block_and_counts_with_the_last(tmp_path, monkeypatch):
    monkeypatch.setattr("amiss.read.sources.BLOCK", 8)
    path = tmp_path / "a.log"
    path.write_bytes(b"one 1\ntwo \xff\nthree\nfour")
    report = ReadReport(bytes=5)
    blocks = list(read_kinds(Source("a.log", path), report))
    assert len(blocks) > 1
    assert pl.concat([b.raw for b in blocks]).to_list() == ["one 1", "two �", "three", "four"]
    assert report.bytes == 5 + path.stat().st_size
    assert sorted(report.counts.values()) == [1, 1]


def test_who_stops_early_waits_for_no_more_than_a_block(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"one\ntwo\n")
    lines = read_kinds(Source("a.log", path), ReadReport())
    assert next(lines).raw.to_list() == ["one", "two"]
    lines.close()


def test_no_more_is_remembered_of_forms_than_some_megabytes(monkeypatch):
    monkeypatch.setattr("amiss.read.lines._REMEMBERED_SIZE", 1000)
    known = KindsOfForms()
    for size in range(1, 60):
        kind, kinds = known.of(pl.Series(["0" * size + " up", "down " + "0" * size]))
        assert kinds.gather(kind).to_list() == ["0 up", "down 0"]
        assert sum(map(len, known._of_form)) <= 1000 + 2 * 65

"""A sample of a log: start, middle and end, whatever it is packed in."""

from __future__ import annotations

import gzip

import pytest

from amiss.errors import InputError
from amiss.read.sources import Source, find_sources
from amiss.run.sample import take_sample

LINES = [f"2026-03-01 09:00:{i % 60:02} INFO app: step {i} of job_{i // 5:05}" for i in range(9000)]


def _log(path, lines=LINES):
    path.write_text("".join(f"{line}\n" for line in lines))
    return find_sources(path)


def _texts(sample):
    return [line for batch in sample.batches for line in batch.raw.to_list()]


def test_a_small_file_is_read_whole_and_nothing_is_copied(tmp_path):
    sample = take_sample(_log(tmp_path / "a.log", LINES[:100]))
    assert sample.whole
    assert _texts(sample) == LINES[:100]
    assert [piece.first_line for piece in sample.pieces] == [1]


def test_of_a_large_file_whole_lines_of_start_middle_and_end_are_read(tmp_path):
    sample = take_sample(_log(tmp_path / "a.log"), size=1 << 16)
    texts = _texts(sample)
    assert not sample.whole
    assert set(texts) <= set(LINES)
    assert texts[0] == LINES[0]
    assert texts[-1] == LINES[-1]
    assert any(line in texts for line in LINES[4000:5000])
    assert [piece.first_line for piece in sample.pieces] == [1, 0, 0]
    assert 1 << 15 < sum(map(len, texts)) < 1 << 17


def test_of_a_packed_file_the_start_is_read(tmp_path):
    path = tmp_path / "a.log.gz"
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in LINES).encode()))
    sample = take_sample(find_sources(path), size=1 << 16)
    texts = _texts(sample)
    assert texts == LINES[: len(texts)]
    assert not sample.whole
    assert take_sample(find_sources(path)).whole


def test_utf_16_is_read_from_its_start(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes("".join(f"{line}\n" for line in LINES).encode("utf-16"))
    sample = take_sample(find_sources(path), size=1 << 16)
    texts = _texts(sample)
    assert texts == LINES[: len(texts)]


def test_of_many_files_some_are_read_the_first_and_the_last_among_them(tmp_path):
    for i in range(20):
        _log(tmp_path / f"{i:02}.log", LINES[10 * i : 10 * i + 10])
    sample = take_sample(find_sources(tmp_path))
    names = [piece.source.path.name for piece in sample.pieces]
    assert names[0] == "00.log"
    assert names[-1] == "19.log"
    assert len(names) < 20
    assert not sample.whole


def test_fields_that_say_who_or_what_are_read_times_and_levels_are_not(tmp_path):
    line = "081109 203615 148 INFO dfs.DataNode: Receiving block blk_7"
    sample = take_sample(_log(tmp_path / "a.log", [line] * 20))
    assert sample.fields == ("pid", "component")
    assert sample.batches[0].fields["pid"].to_list() == ["148"] * 20


def test_a_line_longer_than_the_sample_is_no_reason_to_fail(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("x" * 300_000 + "\n" + "short\n" * 5 + "y" * 300_000)
    assert take_sample(find_sources(path), size=1 << 16).lines > 0


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("")
    with pytest.raises(InputError, match="empty"):
        take_sample([Source("a.log", path)])

"""Identifiers in messages become patterns of session keys."""

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.represent.grouping import ByKey
from amiss.represent.key_candidates import find_candidates

UUID = "5f0c3c9e-1b1a-4a53-9a5d-0d6d6f1f2a3b"


def _values(*messages, before=""):
    return [c.value for c in find_candidates([(before, m, 1) for m in messages])]


@pytest.mark.parametrize(
    ("message", "pattern", "key"),
    [
        ("Served block blk_-7", r"blk_-?\d+", "blk_-7"),
        ("started attempt_1_m_2 ok", r"\battempt_[0-9A-Za-z_]+", "attempt_1_m_2"),
        (f"got req-{UUID}", "req-", f"req-{UUID}"),
        (f"[instance: {UUID}] up", "instance: (", UUID),
        (f"id {UUID} is unknown", "[0-9a-fA-F]{8}-", UUID),
        ("from 10.0.0.1:5000", r"\d{1,3}", "10.0.0.1"),
        ("neighbour aa:bb:cc:dd:ee:0f lost", "[0-9a-fA-F]{2}:", "aa:bb:cc:dd:ee:0f"),
        ("Running (TID 17)", r"\bTID (\d+)", "17"),
        ("login user=anna ok", r"\buser=", "anna"),
        ('open order="7A" now', r"\border=", "7A"),
        ("sshd[4711]: hello", r"\[(\d+)\]", "4711"),
        ("[conn12] end", r"\bconn\d+", "conn12"),
        ("object 0x7fae is gone", r"\b0x[0-9a-fA-F]+", "0x7fae"),
        ("span 00c0ffee00c0ffee ended", r"\b[0-9A-Za-z]{16}\b", "00c0ffee00c0ffee"),
        ("1s1a2b-00C3D4-E5 Completed", r"\b[0-9A-Za-z]{6}-", "1s1a2b-00C3D4-E5"),
        ('"job_id": 17, "x": 1', r"""\bjob_id": (\d+)""", "17"),
    ],
)
def test_forms_of_identifiers(message, pattern, key):
    found = [value for value in _values(message) if pattern in value or value == pattern]
    assert found, _values(message)
    match = re.search(found[0], message)
    assert match is not None
    assert (match.groups() or (match[0],))[0] == key


def test_the_first_word_of_a_message_is_looked_for_behind_what_is_before_it():
    (value,) = _values("3F2A1B9C0D: removed", before="]: ")
    assert value == r"\]: ([0-9A-Za-z]{10,}):"


@pytest.mark.parametrize(
    "message",
    ["size 17", "took 3 ms", "waited for 31 seconds", "is : 0.18", "on Jul 9", "no digits"],
)
def test_amounts_times_and_parts_of_numbers_are_left_out(message):
    assert _values(message) == []


def test_one_prefix_is_one_pattern_whatever_follows_it():
    assert _values("task_1_m_2", "task_1-r") == [r"\btask_[0-9A-Za-z_-]+"]


def test_those_of_most_lines_come_first_and_no_more_than_asked_for():
    messages = [("", f"word{chr(97 + i)}_{i} here", 100 - i) for i in range(20)]
    found = find_candidates(messages, most=3)
    assert [c.lines for c in found] == [100, 99, 98]


@given(st.lists(st.text(max_size=60), max_size=8), st.text(max_size=3))
def test_any_message_gives_patterns_that_group_lines(messages, before):
    messages = [message.replace("\n", " ") for message in messages]
    for candidate in find_candidates([(before, message, 1) for message in messages]):
        re.compile(candidate.value)
        ByKey(candidate.value)
        assert pl.Series(messages).str.contains(candidate.value).dtype == pl.Boolean


def test_a_long_hostile_message_is_cut():
    assert len(find_candidates([("", "a1=" * 500_000 + "blk_1 " * 100_000, 1)])) < 10

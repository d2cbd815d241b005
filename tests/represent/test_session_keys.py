import re

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from amiss.represent.grouping import ByKey, Interner, literal_start
from amiss.text.places import cut, find_groups, find_matches, is_blind_to_digits
from amiss.types import NO_TIME, RecordBatch

WORDS = st.lists(st.sampled_from(["blk_1", "blk_22", "blk_", "b", "7", "blk_1x", "é"]), max_size=5)
LINES = st.lists(WORDS.map(" ".join), min_size=1, max_size=12)
PATTERNS = [r"blk_-?\d+", r"blk_\d", r"\d+", r"blk_1|b", r"b(lk_\d+)?", r"blk_+\d", "[b7]"]
BLIND = [r"blk_-?\d+", r"\d+", r"b(lk_\d+)?", r"blk_([0-9x]+)", r"\bé?\b", r"([b\d])", r"é (.)"]
TELLING = [
    "blk_1|b",
    "[b7]",
    "[0-3]+",
    r"\x31",
    r"b{1}1",
    "[a-0-9]",
    r"\p{Nd}",
    r"[\d--5]",
    "(?P<n1>b)",
]
UNGROUPED = [pattern for pattern in PATTERNS if "(" not in pattern]


def batch(lines, with_lines):
    kinds = list(dict.fromkeys(re.sub("[0-9]+", "0", line) for line in lines))
    kind = np.array([kinds.index(re.sub("[0-9]+", "0", line)) for line in lines])
    forms = list(dict.fromkeys(re.sub("[0-9]", "0", line) for line in lines))
    columns = {"level": [""] * len(kinds), "message": kinds}
    return RecordBatch(
        source=0,
        line=np.arange(1, len(lines) + 1),
        raw=pl.Series(lines, dtype=pl.String),
        kind=kind,
        kinds=pl.DataFrame(columns | ({"line": kinds} if with_lines else {})),
        time=np.full(len(lines), NO_TIME),
        form=np.array([forms.index(re.sub("[0-9]", "0", line)) for line in lines]),
        forms=pl.Series(forms, dtype=pl.String),
    )


@settings(max_examples=200)
@given(lines=LINES, pattern=st.sampled_from(UNGROUPED), with_lines=st.booleans())
@example(lines=["blk_1 blk_22 blk_1", "b", "blk_22"], pattern=r"blk_-?\d+", with_lines=True)
def test_a_line_is_of_each_session_whose_key_it_names(lines, pattern, with_lines):
    grouping = ByKey(pattern)
    rows, codes, missing = grouping.assign(batch(lines, with_lines))
    names = grouping.names().to_list()
    rows = np.arange(len(lines)) if rows is None else rows
    found = [(int(row), names[code]) for row, code in zip(rows, codes, strict=True)]
    keys = [list(dict.fromkeys(re.findall(pattern, line))) for line in lines]
    assert found == [(row, key) for row, own in enumerate(keys) for key in own]
    assert missing == sum(not own for own in keys)
    assert names == list(dict.fromkeys(key for _, key in found))


@settings(deadline=None, max_examples=200)
@given(lines=LINES, pattern=st.sampled_from(BLIND))
@example(lines=["b blk_7", "b blk_22"], pattern="(b)")
def test_what_is_cut_is_what_would_be_found(lines, pattern):
    of = batch(lines, with_lines=False)
    rows, texts = cut(of.raw, of.form, find_matches(of.forms, pattern))
    wanted = of.raw.str.extract_all(pattern).to_list()
    assert rows.tolist() == [row for row, own in enumerate(wanted) for _ in own]
    assert texts.to_list() == [text for own in wanted for text in own]
    if "(" in pattern and (places := find_groups(of.forms, pattern)) is not None:
        rows, texts = cut(of.raw, of.form, places)
        group = of.raw.str.extract(pattern, 1).replace("", None)
        assert rows.tolist() == np.flatnonzero(group.is_not_null()).tolist()
        assert texts.to_list() == group.drop_nulls().to_list()


@pytest.mark.parametrize("pattern", BLIND)
def test_a_pattern_that_takes_any_digit_is_looked_for_in_forms(pattern):
    assert is_blind_to_digits(pattern)


@pytest.mark.parametrize("pattern", TELLING)
def test_a_pattern_that_names_digits_is_not(pattern):
    assert not is_blind_to_digits(pattern)


def test_all_sessions_are_the_same_whether_lines_or_forms_are_looked_at(monkeypatch):
    lines = [f"é{i % 7} open blk_{i} of {i % 3}" for i in range(90)] + ["none"]
    for pattern in (r"blk_\d+", r"blk_(\d+)", r"of (\d)"):
        assigned = []
        for ratio in (1e9, 0.1):
            monkeypatch.setattr("amiss.text.places._LINES_OF_TEXT", ratio)
            grouping = ByKey(pattern)
            assigned.append([grouping.assign(batch(lines, True)), grouping.names().to_list()])
        for one, other in zip(*assigned, strict=True):
            np.testing.assert_equal(one, other)


@given(lines=LINES, pattern=st.sampled_from(PATTERNS))
def test_every_match_begins_with_the_literal_start(lines, pattern):
    start = literal_start(pattern)
    for line in lines:
        assert all(match[0].startswith(start) for match in re.finditer(pattern, line))


@given(st.lists(st.lists(st.text(max_size=3), min_size=1), max_size=5))
def test_codes_are_of_first_appearance_over_batches(batches):
    interner = Interner()
    codes = [interner.add(pl.Series(keys, dtype=pl.String)) for keys in batches]
    names = interner.names().to_list()
    assert names == list(dict.fromkeys(key for keys in batches for key in keys))
    for keys, own in zip(batches, codes, strict=True):
        assert [names[code] for code in own] == keys

"""Sequences in the forms users have them, and what is counted in them."""

from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.errors import InputError
from amiss.represent.sequences import (
    UNKNOWN,
    Vocabulary,
    as_sequences,
    count_matrix,
    distinct_sequences,
)
from amiss.types import BEGIN, END, Sequences

WORDS = [["open", "close"], [], ["open"]]
NUMBERS = [[5, 0], [], [5]]


def to_lists(sequences):
    """Return the events as the user gave them."""
    rows = [sequences[i].tolist() for i in range(len(sequences))]
    if not sequences.names:
        return rows
    return [[sequences.names[i] for i in row] for row in rows]


@pytest.mark.parametrize(
    "form",
    [
        list,
        tuple,
        lambda rows: [tuple(row) for row in rows],
        lambda rows: [np.array(row) for row in rows],
        lambda rows: (row for row in rows),
        pl.Series,
        lambda rows: pl.DataFrame({"events": rows}),
        pa.array,
        lambda rows: pa.chunked_array([rows[:1], rows[1:]]),
        lambda rows: pa.table({"events": rows}),
        pd.Series,
        lambda rows: pd.DataFrame({"events": rows}),
    ],
    ids=[
        "list",
        "tuple",
        "tuples",
        "arrays",
        "generator",
        "polars column",
        "polars frame",
        "arrow array",
        "arrow chunks",
        "arrow table",
        "pandas column",
        "pandas frame",
    ],
)
@pytest.mark.parametrize("rows", [WORDS, NUMBERS], ids=["words", "numbers"])
def test_all_forms_of_the_same_sequences_mean_the_same(form, rows):
    sequences = as_sequences(form(rows))
    assert to_lists(sequences) == rows
    assert sequences.events.dtype == sequences.offsets.dtype == np.int64
    assert sequences.complete.all()


def test_arrow_dictionaries_and_categories_are_words():
    coded = pa.array(["open", "close", "open"]).dictionary_encode()
    column = pa.ListArray.from_arrays(pa.array([0, 2, 2, 3], pa.int32()), coded)
    assert to_lists(as_sequences(column)) == WORDS
    dtype = pl.List(pl.Enum(["close", "open"]))
    assert to_lists(as_sequences(pl.Series(WORDS, dtype=dtype))) == WORDS


def test_null_rows_of_a_column_are_empty_sequences():
    assert to_lists(as_sequences(pl.Series([[1], None, [2]]))) == [[1], [], [2]]


def test_sequences_stay_what_they_are():
    made = as_sequences(WORDS)
    assert as_sequences(made) is made


@pytest.mark.parametrize("rows", [[[]], [[], []]])
def test_sequences_without_events_are_sequences(rows):
    sequences = as_sequences(rows)
    assert sequences.lengths.tolist() == [0] * len(rows)
    assert sequences.events.dtype == np.int64


def test_marks_say_which_sequences_were_seen_from_start_to_end():
    sequences = as_sequences([[BEGIN, 1, 2, END], [1], [BEGIN, 3], [4, END], [BEGIN, END]])
    assert to_lists(sequences) == [[1, 2], [1], [3], [4], []]
    assert sequences.begun.tolist() == [True, False, True, False, True]
    assert sequences.ended.tolist() == [True, False, False, True, True]
    assert sequences.complete.tolist() == [True, False, False, False, True]


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ([], "no sequences"),
        (pl.Series([], dtype=pl.List(pl.Int64)), "no sequences"),
        ([[1, "a"]], "mixture"),
        ([["a"], [1]], "mixture"),
        ([[1], [2.5]], "mixture"),
        ([[1.5]], "integers or strings, got Float64"),
        ([[True]], "integers or strings, got Boolean"),
        ([[None, 1]], "1 events are null"),
        ([[-3]], "event -3: integers below 0 are reserved"),
        ([[1, BEGIN, 2]], "inside a sequence"),
        ([[1, END, 2]], "inside a sequence"),
        ([[2**63]], "at most 64 bits"),
        ([1, 2], "expected sequences of events, got list"),
        (["open", "close"], "expected sequences of events, got list"),
        ("open", "expected sequences of events, got str"),
        ([b"open"], "expected sequences of events, got list"),
        ({"a": [1]}, "expected sequences of events, got dict"),
        (None, "expected sequences of events, got NoneType"),
        (7, "expected sequences of events, got int"),
        (pl.Series([1, 2]), "expected a list column of events, got a column of Int64"),
        (pl.DataFrame({"a": [[1]], "b": [[2]]}), "expected a list column"),
    ],
)
def test_what_is_no_sequence_of_events_is_an_input_error(given_, message):
    with pytest.raises(InputError, match=message):
        as_sequences(given_)


MARKED = st.lists(
    st.tuples(st.lists(st.integers(0, 2), max_size=3), st.booleans(), st.booleans()),
    min_size=1,
    max_size=12,
)


def build(rows):
    lengths = [len(events) for events, _, _ in rows]
    return Sequences(
        np.array([e for events, _, _ in rows for e in events], dtype=np.int64),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.array([begun for _, begun, _ in rows]),
        np.array([ended for _, _, ended in rows]),
    )


@given(rows=MARKED)
def test_distinct_sequences_are_those_that_differ_in_events_or_marks(rows):
    first, inverse, counts = distinct_sequences(build(rows))
    keys = [(tuple(events), begun, ended) for events, begun, ended in rows]
    seen = list(dict.fromkeys(keys))
    assert [keys[i] for i in first] == seen
    assert first.tolist() == [keys.index(key) for key in seen]
    assert [seen[i] for i in inverse] == keys
    assert counts.tolist() == [keys.count(key) for key in seen]


def test_distinct_sequences_of_large_numbers_are_told_apart():
    # 256 is 0 in one byte, and 65,536 in two.
    sequences = as_sequences([[0], [256], [65_536], [2**40], [0, 0], [0], []])
    assert distinct_sequences(sequences)[1].tolist() == [0, 1, 2, 3, 4, 0, 5]


@given(rows=MARKED, data=st.data())
def test_take_returns_the_sequences_asked_for_in_that_order(rows, data):
    index = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=6))
    taken = build(rows).take(np.array(index, dtype=np.int64))
    assert to_lists(taken) == [rows[i][0] for i in index]
    assert taken.begun.tolist() == [rows[i][1] for i in index]
    assert taken.ended.tolist() == [rows[i][2] for i in index]


@given(
    train=st.lists(st.lists(st.sampled_from("abcd"), max_size=4), min_size=1, max_size=5),
    test=st.lists(st.lists(st.sampled_from("abcdef"), max_size=4), min_size=1, max_size=5),
)
def test_a_vocabulary_knows_words_by_name_however_they_are_numbered(train, test):
    vocabulary = Vocabulary.learn(as_sequences(train))
    assert sorted(vocabulary.tokens) == sorted({word for row in train for word in row})
    codes = vocabulary.encode(as_sequences(test)).tolist()
    decoded = [vocabulary.tokens[c] if c != UNKNOWN else None for c in codes]
    assert decoded == [w if w in vocabulary.tokens else None for row in test for w in row]


def test_a_vocabulary_takes_numbers_as_they_are():
    vocabulary = Vocabulary.learn(as_sequences([[7, 3], [1000]]))
    assert len(vocabulary) == 3
    assert vocabulary.encode(as_sequences([[3, 8, 1000, 7]])).tolist() == [0, UNKNOWN, 2, 1]
    assert vocabulary.encode(as_sequences([[]])).tolist() == []


def test_a_vocabulary_learns_only_the_names_that_occur():
    sequences = as_sequences([["a", "b"], ["c"]]).take(np.array([1]))
    assert Vocabulary.learn(sequences).tokens == ["c"]


@given(rows=st.lists(st.lists(st.integers(-1, 4), max_size=8), min_size=1, max_size=6))
def test_counts_are_the_numbers_of_each_known_event(rows):
    codes = np.array([UNKNOWN if c < 0 else c for row in rows for c in row], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    counts = count_matrix(codes, offsets, 5)
    assert counts.shape == (len(rows), 5)
    assert counts.dtype == np.float64
    wanted = [[Counter(row)[code] for code in range(5)] for row in rows]
    assert counts.toarray().tolist() == wanted

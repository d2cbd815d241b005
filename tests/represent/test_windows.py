"""Windows of events, against the slow and obvious way to cut them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from amiss.errors import InputError
from amiss.represent.sequences import UNKNOWN, Vocabulary, as_sequences
from amiss.represent.windows import (
    BEGIN_TOKEN,
    END_TOKEN,
    PAD_TOKEN,
    SPECIAL_TOKENS,
    UNKNOWN_TOKEN,
    as_windows,
    cut_windows,
    distinct_rows,
    event_windows,
    prefixes,
    tokenise,
)
from amiss.types import END, PAD

ROWS = st.lists(
    st.tuples(
        st.lists(st.sampled_from([UNKNOWN, 0, 1, 2]), max_size=5), st.booleans(), st.booleans()
    ),
    max_size=6,
)


@settings(max_examples=100)
@given(rows=ROWS, size=st.integers(1, 7))
def test_each_event_has_the_events_before_it(rows, size):
    codes = np.array([c for events, _, _ in rows for c in events], dtype=np.int64)
    lengths = [len(events) for events, _, _ in rows]
    windows = event_windows(
        codes,
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.array([begun for _, begun, _ in rows], dtype=np.bool_),
        np.array([ended for _, _, ended in rows], dtype=np.bool_),
        size,
    )
    wanted = []
    for row, (events, begun, ended) in enumerate(rows):
        tokens = [UNKNOWN_TOKEN if c == UNKNOWN else c + SPECIAL_TOKENS for c in events]
        tokens = [BEGIN_TOKEN if begun else PAD_TOKEN, *tokens, *[END_TOKEN] * ended]
        for at in range(1, len(tokens)):
            history = ([PAD_TOKEN] * size + tokens[:at])[-size:]
            wanted.append((history, tokens[at], row, at - 1))
    found = zip(
        windows.history.tolist(),
        windows.target.tolist(),
        windows.sequence.tolist(),
        windows.position.tolist(),
        strict=True,
    )
    assert list(found) == wanted
    assert windows.history.shape == (len(wanted), size)


def check_distinct(rows, *columns):
    first, inverse, counts = distinct_rows(*(columns or (rows,)))
    wanted, _, wanted_inverse, wanted_counts = np.unique(
        rows, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    assert len(first) == len(wanted)
    np.testing.assert_array_equal(rows[first][inverse], rows)
    np.testing.assert_array_equal(np.bincount(inverse, minlength=len(first)), counts)
    # The same rows fall together, whatever the numbers of the groups.
    assert len(set(zip(inverse.tolist(), wanted_inverse.tolist(), strict=True))) == len(wanted)
    assert sorted(counts.tolist()) == sorted(wanted_counts.tolist())


@settings(max_examples=100)
@given(
    rows=hnp.arrays(
        np.int32,
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12),
        elements=st.sampled_from([0, 1, 2, 3, 1000, 2**31 - 2, 2**31 - 1]),
    )
)
@example(rows=np.zeros((3, 100), dtype=np.int32))
@example(rows=np.array([[2**31 - 1] * 9, [2**31 - 2] * 9], dtype=np.int32))
def test_distinct_rows_are_those_numpy_finds(rows):
    check_distinct(rows)


@pytest.mark.parametrize("size", [2, 60, 5_000, 2**31 - 1])
def test_distinct_rows_of_large_vocabularies_are_those_numpy_finds(size):
    rng = np.random.default_rng(0)
    rows = rng.integers(0, size, (500, 11)).astype(np.int32)
    rows = rows[rng.integers(0, 500, 4_000)]
    changed = rng.integers(0, 4_000, 300)
    rows[changed, rng.integers(0, 11, 300)] = rng.integers(0, size, 300)
    check_distinct(rows)


@pytest.mark.parametrize("n", [1, 7, 8, 9, 15, 16, 17, 100])
def test_distinct_rows_do_not_depend_on_how_many_are_packed_at_once(n, monkeypatch):
    monkeypatch.setattr("amiss.represent.windows._IN_CACHE", 8)
    rows = np.random.default_rng(n).integers(0, 3, (n, 3))
    check_distinct(rows)
    first, inverse, _ = distinct_rows(rows)
    wanted, wanted_first, wanted_inverse = np.unique(
        rows, axis=0, return_index=True, return_inverse=True
    )
    assert rows[first].tolist() == wanted.tolist()
    assert (first.tolist(), inverse.tolist()) == (wanted_first.tolist(), wanted_inverse.tolist())


def test_distinct_rows_of_several_matrices_are_those_side_by_side():
    rng = np.random.default_rng(0)
    history = rng.integers(-4, 2, (200, 2)).astype(np.int8)
    came = rng.integers(0, 3, 200).astype(np.uint64)  # with a signed type: float64, if not cast
    check_distinct(np.column_stack([history, came.astype(np.int64)]), history, came)


def test_no_rows_have_no_distinct_ones():
    assert [len(part) for part in distinct_rows(np.empty((0, 3), dtype=np.int32))] == [0, 0, 0]


def test_windows_that_were_cut_have_the_tokens_of_their_sessions():
    sessions = as_sequences([["a", "b", "c"], ["a"], []])
    vocabulary = Vocabulary.learn(sessions)
    cut = tokenise(cut_windows(sessions, 2), vocabulary, 2)
    own = tokenise(sessions, vocabulary, 2)
    whole = (own.position >= 2) | (own.target == END_TOKEN)
    assert cut.history.tolist() == own.history[whole].tolist()
    assert cut.target.tolist() == own.target[whole].tolist()


def test_each_event_of_a_window_is_judged_by_those_before_it_in_the_window():
    windows = (np.array([[7, 8], [PAD, 8]]), np.array([9, END]))
    expanded = prefixes(tokenise(as_windows(windows), Vocabulary([7, 8, 9]), 2))
    shown = zip(
        expanded.sequence.tolist(), expanded.history.tolist(), expanded.target.tolist(), strict=True
    )
    a, b, c = (code + SPECIAL_TOKENS for code in range(3))
    assert sorted(shown) == [
        (0, [PAD_TOKEN, PAD_TOKEN], a),
        (0, [PAD_TOKEN, a], b),
        (0, [a, b], c),
        (1, [PAD_TOKEN, BEGIN_TOKEN], b),
        (1, [BEGIN_TOKEN, b], END_TOKEN),
    ]


@pytest.mark.parametrize("form", ["polars", "pandas", "mapping", "pair"])
def test_windows_are_taken_in_the_forms_users_have_them(form):
    sequence, following = [["a", "b"], ["b"]], ["c", None]
    columns = {"sequence": sequence, "next_event": following, "label": [0, 1]}
    given = {
        "polars": lambda: pl.DataFrame(columns),
        "pandas": lambda: pd.DataFrame(columns),
        "mapping": lambda: columns,
        "pair": lambda: (np.array([[0, 1], [PAD, 1]]), np.array([2, END])),
    }[form]()
    windows = as_windows(given)
    assert windows.history.tolist() == [[0, 1], [PAD, 1]]
    assert windows.next_event.tolist() == [2, END]
    assert windows.names == (() if form == "pair" else ("a", "b", "c"))
    if form != "pair":
        assert windows.label.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((np.array([[1]]), np.array([1, 2])), "1 windows and 2 next events"),
        ((np.array([[-7]]), np.array([1])), "integers below 0 are reserved"),
        ({"sequence": [], "next_event": []}, "no windows"),
        ({"sequence": ["ab"], "next_event": ["c"]}, "expected a list of events"),
        ({"sequence": [["a"]], "next_event": ["c"], "label": ["bad"]}, "expected 1, 0 or"),
    ],
)
def test_what_is_no_window_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        as_windows(given)


def test_gaps_in_columns_are_the_end_of_a_session_or_an_unknown_label():
    frame = pd.DataFrame(
        {
            "session": ["s", "s", "t"],
            "sequence": [[1, 2], [2, 3], None],
            "next_event": [3, None, 1],  # which makes it a column of floats
            "label": [1, None, 0],
        }
    )
    windows = as_windows(frame)
    assert windows.history.tolist() == [[1, 2], [2, 3], [PAD, PAD]]
    assert windows.next_event.tolist() == [3, END, 1]
    assert windows.label.tolist() == [1, -1, 0]
    assert windows.session.tolist() == [0, 0, 1]


def test_two_sequences_are_not_windows():
    assert as_windows((np.array([1, 2, 3]), np.array([1, 2]))) is None


def test_begin_is_told_only_where_a_session_began():
    vocabulary = Vocabulary([1, 2, 3])
    narrow = as_windows((np.array([[1, 2], [PAD, 1]]), np.array([3, 2])))
    first, second = tokenise(narrow, vocabulary, 4).history.tolist()
    assert BEGIN_TOKEN not in first  # what came before the two is not known
    assert second[-2] == BEGIN_TOKEN
    cut = replace(as_sequences([[1, 2]]), begun=np.array([False]))
    assert BEGIN_TOKEN not in tokenise(cut_windows(cut, 3), vocabulary, 3).history

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.errors import InputError
from amiss.represent import event_columns
from amiss.represent.event_columns import Column, EventColumns, NumberColumns
from amiss.types import NO_TIME, Numbers

BATCHES = st.lists(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9), st.integers(0, 50)), max_size=7),
    min_size=1,
    max_size=6,
)


def gathered(batches):
    events = EventColumns()
    first = 1
    for source, batch in enumerate(batches):
        session, shape, time = np.array(batch, dtype=np.int64).reshape(-1, 3).T
        line = np.arange(first, first + len(batch))
        events.add(session.astype(np.int32), shape.astype(np.int32), line, source, time)
        first += len(batch)
    rows = [(*row, source) for source, batch in enumerate(batches) for row in batch]
    return events, [(s, shape, time, n + 1, f) for n, (s, shape, time, f) in enumerate(rows)]


def in_rows(ordered):
    names = ("shape", "time", "line", "source")
    flat = zip(*(ordered.columns[name].tolist() for name in names), strict=True)
    session = np.repeat(np.arange(len(ordered.offsets) - 1), np.diff(ordered.offsets))
    return [(s, *row) for s, row in zip(session.tolist(), flat, strict=True)]


@given(batches=BATCHES, piece=st.integers(1, 9), by_time=st.booleans())
def test_events_come_by_session_in_the_order_they_came_or_of_their_times(batches, piece, by_time):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_columns, "_PIECE", piece)
        events, rows = gathered(batches)
        assert len(events) == len(rows)
        ordered = events.in_order(5, by_time=by_time)
    assert in_rows(ordered) == sorted(rows, key=lambda row: (row[0], row[2] if by_time else 0))
    assert ordered.columns["line"][ordered.place].tolist() == [row[3] for row in rows]


def test_without_all_times_the_order_is_that_of_the_lines():
    events, rows = gathered([[(0, 1, 9), (0, 2, NO_TIME), (0, 3, 4)]])
    assert in_rows(events.in_order(1, by_time=True)) == rows


@given(batches=BATCHES, piece=st.integers(1, 9))
def test_windows_of_several_files_follow_the_merged_times(batches, piece):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_columns, "_PIECE", piece)
        events, rows = gathered(batches)
        events.regroup(lambda time: (np.arange(len(time)) // 3).astype(np.int32))
        ordered = events.in_order(-(-len(rows) // 3), by_time=True)
    merged = sorted(rows, key=lambda row: row[2])
    assert [row[3] for row in in_rows(ordered)] == [row[3] for row in merged]


def test_more_lines_than_can_be_numbered_are_an_error():
    one = np.zeros(1, dtype=np.int32)
    with pytest.raises(InputError, match="split it first"):
        EventColumns().add(one, one, np.array([1 << 31]), 0, np.zeros(1, dtype=np.int64))


@given(
    values=st.lists(
        st.lists(st.sampled_from([0, 7, -9, 1 << 15, -(1 << 16), 1 << 31, -(1 << 40)]), max_size=4),
        max_size=6,
    ),
    piece=st.integers(1, 5),
)
def test_a_column_is_as_wide_as_its_values(values, piece):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_columns, "_PIECE", piece)
        column = Column(np.int16)
        for batch in values:
            column.append(np.array(batch, dtype=np.int64))
        flat = [value for batch in values for value in batch]
        assert column.only() is None if len(set(flat)) != 1 else column.only().tolist() == flat[:1]
        taken = column.taken()
    assert taken.tolist() == flat
    assert (taken.dtype == np.int16) == all(-(1 << 15) <= value < 1 << 15 for value in flat)


@given(
    counts=st.lists(st.lists(st.integers(0, 3), max_size=5), min_size=1, max_size=5),
    at_once=st.integers(1, 4),
    seed=st.integers(0, 9),
)
def test_numbers_go_where_their_events_go(counts, at_once, seed):
    numbers = NumberColumns()
    values = iter(range(1000))
    events = []
    for batch in counts:
        own = [[float(next(values)) for _ in range(count)] for count in batch]
        offsets = np.concatenate([[0], np.cumsum(batch)]).astype(np.int64)
        numbers.add(Numbers(offsets, np.array([value for event in own for value in event])))
        events += own
    place = np.random.default_rng(seed).permutation(len(events)).astype(np.uint32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_columns, "_AT_ONCE", at_once)
        ordered = numbers.in_order(place)
    found = [ordered.values[a:b].tolist() for a, b in pairwise(ordered.offsets)]
    assert [found[at] for at in place] == events

"""Numbers in messages: which are amounts, and what they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.read.records import RecordReader
from amiss.represent.grouping import ByCount
from amiss.represent.numbers import find_numbers, find_places
from amiss.represent.sessions import group_records

HEADER = "081109 203518 143 INFO dfs.DataNode: "


def numbers_of(folder, *messages):
    path = folder / "app.log"
    path.write_text("".join(f"{HEADER}{message}\n" for message in messages))
    (batch,) = RecordReader(path)
    found = find_numbers(batch)
    assert len(found) == len(messages)
    return [
        found.values[a:b].tolist() for a, b in zip(found.offsets, found.offsets[1:], strict=False)
    ]


@pytest.mark.parametrize(
    ("message", "numbers"),
    [
        ("Received block blk_-77 of size 67108864 from /10.0.0.1", [67108864]),
        ("took 12ms, wrote 3.25 MB (97%)", [12, 3.25, 97]),
        ("rc=-1 temperature: -3.5C", [-1, -3.5]),
        ("sshd[42] port 22 pid 7 user_id=5 userId: 3", []),
        ("10.0.0.1:50010 /data/1/2 v1.2.3 2008-11-09 20:35:18 0x1f a1b2", []),
        ("no digits at all", []),
        ("finished in 7.", [7]),
        ("007 of 00", [7, 0]),
        ('{"size": 5, "x": 6}', [5, 6]),
    ],
)
def test_amounts_are_found_and_names_are_not(tmp_path, message, numbers):
    assert numbers_of(tmp_path, message) == [numbers]


def test_lines_of_several_kinds_keep_their_own_numbers(tmp_path):
    messages = ["size 1 of blk_5", "nothing", "took 12 ms", "size 300 of blk_6"]
    assert numbers_of(tmp_path, *messages) == [[1], [], [12], [300]]


def test_a_number_too_long_for_a_float_is_only_large(tmp_path):
    ((value,),) = numbers_of(tmp_path, "size 1" + "0" * 400)
    assert value > 1e300
    assert np.isfinite(value)


def test_a_record_of_several_lines_has_the_numbers_of_its_first():
    first = "the request of somebody for something failed after 0 ms"
    second = "java.io.IOException: 0 of 0 bytes"
    places = find_places(f"{first} {second}", f"0-0 0:0 ERROR a: {first}")
    assert [place.run for place in places] == [4]


def test_sessions_carry_the_numbers_of_their_events(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("".join(f"{HEADER}size {i} of blk_{i}\n" for i in range(5)))
    sessions = group_records(RecordReader(path), ByCount(2), numbers=find_numbers)
    assert sessions[[2, 0]].numbers.values.tolist() == [4, 0, 1]


@settings(max_examples=60)
@given(values=st.lists(st.decimals(0, 10**12, places=2) | st.integers(0, 10**15), min_size=1))
def test_numbers_come_back(tmp_path_factory, values):
    messages = [f"moved {value} bytes to /disk{i}" for i, value in enumerate(values)]
    found = numbers_of(tmp_path_factory.mktemp("log"), *messages)
    np.testing.assert_allclose(np.ravel(found), [float(value) for value in values], rtol=1e-12)


@settings(max_examples=60)
@given(data=st.binary(max_size=300))
def test_any_bytes_have_some_numbers_or_none(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("log") / "any.log"
    path.write_bytes(b"size 5\n" + data)
    for batch in RecordReader(path):
        found = find_numbers(batch)
        assert len(found) == len(batch)
        assert found.offsets[-1] == len(found.values)
        assert np.isfinite(found.values).all()

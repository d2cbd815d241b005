import numpy as np
import pytest

from amiss.represent.sequences import UNKNOWN
from amiss.represent.source_target import source_target_windows

NO, YES = np.array([False]), np.array([True])


@pytest.mark.parametrize("length", [0, 1, 4, 5, 6, 23])
@pytest.mark.parametrize("stride", [1, 3, 5])
@pytest.mark.parametrize("ended", [NO, YES])
def test_every_event_is_a_target(length, stride, ended):
    codes, offsets = np.arange(length), np.array([0, length])
    windows = source_target_windows(codes, offsets, YES, ended, 4, 5, stride)
    events = [*range(4, length + 4), *[2] * int(ended[0])]
    seen = set()
    for source, target, at in zip(*windows[:2], windows.position, strict=True):
        before = [0] * 4 + [1] + events[:at]
        assert source.tolist() == before[-4:]
        assert target.tolist() == [*events[at : at + 5], *[0] * 5][:5]
        seen |= set(range(at, min(at + 5, len(events))))
    assert seen == set(range(len(events)))


def test_sequences_do_not_run_into_each_other():
    both = np.array([False, False])
    windows = source_target_windows(
        np.array([0, 1, UNKNOWN]), np.array([0, 2, 3]), both, both, 2, 2, 2
    )
    assert windows.source.tolist() == [[0, 0], [0, 0]]
    assert windows.target.tolist() == [[4, 5], [3, 0]]
    assert windows.sequence.tolist() == [0, 1]


def test_a_draw_is_some_of_the_windows_in_order():
    codes, offsets = np.arange(50), np.array([0, 20, 20, 50])
    ends = np.zeros(3, dtype=bool)
    every = source_target_windows(codes, offsets, ends, ends, 3, 2, 1)
    some = source_target_windows(codes, offsets, ends, ends, 3, 2, 1, draw=(10, 7))
    assert len(some.sequence) == 10
    rows = some.target[:, 0] - 4
    for drawn, of_all in zip(some, every, strict=True):
        np.testing.assert_array_equal(drawn, of_all[rows])
    assert (np.diff(rows) > 0).all()

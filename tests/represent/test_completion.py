"""A log cut in the middle of its sessions: which were over, and which were merely not done."""

import numpy as np
import pytest

from amiss.errors import ModelError
from amiss.represent.completion import Completion
from amiss.types import Sequences

STEPS = 5
HOUR = 3_600_000
START, STOP = HOUR // 2, HOUR


@pytest.fixture(scope="module")
def cut_log():
    """Return a log of 2,000 sessions of five steps, cut at both sides: arrays, and the truth."""
    rng = np.random.default_rng(3)
    begin = rng.integers(0, HOUR + HOUR // 4, 2_000)
    waits = rng.integers(2_000, 60_000, (2_000, STEPS - 1))
    times = begin[:, None] + np.concatenate([np.zeros((2_000, 1), int), waits.cumsum(1)], axis=1)
    seen = (times >= START) & (times <= STOP)
    kept = seen.any(axis=1)
    times, seen = times[kept], seen[kept]
    events = np.broadcast_to(np.arange(STEPS), times.shape)
    n = len(times)
    sequences = Sequences(
        events[seen].astype(np.int64),
        np.concatenate([[0], np.cumsum(seen.sum(axis=1))]).astype(np.int64),
        np.ones(n, dtype=np.bool_),
        np.ones(n, dtype=np.bool_),
    )
    return sequences, times[seen], seen[:, 0], seen[:, -1]


def judge(completion, sequences, clock):
    first, last = sequences.offsets[:-1], sequences.offsets[1:] - 1
    begun = completion.begun(sequences.events[first], clock[first] - START)
    ended = completion.ended(sequences.events[last], STOP - clock[last])
    return begun, ended


def test_open_sessions_are_told_from_finished_ones(cut_log):
    sequences, clock, truly_begun, truly_ended = cut_log
    assert min((~truly_begun).sum(), (~truly_ended).sum()) > 20  # the log is cut indeed
    begun, ended = judge(Completion.learn(sequences, clock, (START, STOP), STEPS), sequences, clock)
    assert begun[truly_begun].all()  # nothing else ever goes before the first step
    assert ended[truly_ended].all()
    assert (~begun[~truly_begun]).mean() > 0.9
    assert (~ended[~truly_ended]).mean() > 0.9


def test_a_session_silent_for_longer_than_ever_is_over_wherever_it_stopped(cut_log):
    sequences, clock, _, _ = cut_log
    completion = Completion.learn(sequences, clock, (START, STOP), STEPS)
    middle = np.array([1, 2, 3])
    assert not completion.ended(middle, np.full(3, 1_000)).any()
    assert completion.ended(middle, np.full(3, HOUR)).all()
    assert completion.begun(middle, np.full(3, HOUR)).all()


def test_an_event_never_seen_counts_as_last_and_as_first():
    sequences = Sequences(np.array([0, 1]), np.array([0, 2]), np.array([True]), np.array([True]))
    completion = Completion.learn(sequences, np.array([0, 10_000]), (0, 10_000), 2)
    assert completion.ended(np.array([7]), np.array([0])).all()
    assert completion.begun(np.array([7]), np.array([0])).all()
    assert completion.ended(np.array([1, 0]), np.array([0, 0])).tolist() == [True, False]
    assert completion.begun(np.array([0, 1]), np.array([0, 0])).tolist() == [True, False]


def test_clocks_that_run_backwards_or_stand_still_do_no_harm():
    sequences = Sequences(
        np.array([0, 1, 0, 1]), np.array([0, 2, 4]), np.ones(2, bool), np.ones(2, bool)
    )
    completion = Completion.learn(sequences, np.array([500, 100, 100, 100]), (100, 100), 2)
    assert completion.ended(np.array([0, 1]), np.array([-5, -5])).tolist() == [False, True]


def test_silences_come_back_from_their_arrays(cut_log):
    sequences, clock, _, _ = cut_log
    completion = Completion.learn(sequences, clock, (START, STOP), STEPS)
    loaded = Completion.from_arrays(completion.to_arrays())
    for was, now in zip(
        judge(completion, sequences, clock), judge(loaded, sequences, clock), strict=True
    ):
        np.testing.assert_array_equal(was, now)


TABLE = np.zeros((2, 64))
NAMES = ("after", "before", "last", "first")


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        dict.fromkeys(NAMES[:3], TABLE),
        dict.fromkeys([*NAMES, "extra"], TABLE),
        {**dict.fromkeys(NAMES, TABLE), "first": np.zeros((3, 64))},
        {**dict.fromkeys(NAMES, TABLE), "last": np.zeros(2)},
        dict.fromkeys(NAMES, TABLE[:, :9]),
        dict.fromkeys(NAMES, np.zeros(128)),
        dict.fromkeys(NAMES, np.array(1.0)),
        dict.fromkeys(NAMES, np.array([["a"] * 64])),
    ],
)
def test_malformed_arrays_are_a_model_error(arrays):
    with pytest.raises(ModelError, match="table of silences"):
        Completion.from_arrays(arrays)

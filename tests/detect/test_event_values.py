"""Numbers in messages and times between events, as detectors and as members of the ensemble."""

import numpy as np
import pytest

from amiss.detect import EventCounts, EventNumbers, SessionEnsemble, StepTimes
from amiss.errors import InputError
from amiss.represent.sequences import as_sequences
from amiss.types import NO_TIME, Numbers, Sequences

NAMES = ("open", "read", "close")


def sessions(sizes, seconds):
    """Return sessions of open, read (of a size), and close (after some seconds)."""
    n, whole = len(sizes), np.ones(len(sizes), dtype=bool)
    offsets = np.zeros(3 * n + 1, dtype=np.int64)
    offsets[1:] = np.repeat(np.arange(n), 3) + np.tile([0, 1, 1], n)
    start = 10_000 * np.arange(n)
    time = start[:, None] + np.column_stack([np.zeros(n), np.full(n, 5), 1000 * np.array(seconds)])
    return Sequences(
        np.tile([0, 1, 2], n),
        3 * np.arange(n + 1),
        whole,
        whole,
        NAMES,
        time=time.astype(np.int64).ravel(),
        numbers=Numbers(offsets, np.array(sizes, dtype=float)),
    )


def normal(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    return rng.lognormal(8, 1, n).round(), rng.lognormal(0, 0.5, n) + 0.1


def test_an_impossible_size_is_found_and_said():
    sizes, seconds = normal()
    detector = EventNumbers().fit(sessions(sizes, seconds))
    odd = sessions([3000, 1e14, -7], [1, 1, 1])
    scores = detector.anomaly_score(odd)
    assert scores[0] == 0
    assert scores[1] > detector.training_score_.max() + 1
    (deviation,) = detector.deviations(odd)[1]
    assert (deviation.kind, deviation.template, deviation.parameter) == ("number", "read", 1)
    assert deviation.position == 1
    assert deviation.usual[1] < 1e6 < deviation.value


def test_a_slow_step_is_found_and_said_and_a_fast_one_is_not():
    detector = StepTimes().fit(sessions(*normal()))
    odd = sessions([1, 1, 1], [1, 100_000, 0])
    scores = detector.anomaly_score(odd)
    assert scores[1] > detector.training_score_.max() + 1
    assert scores[[0, 2]].tolist() == [0, 0]
    (deviation,) = detector.deviations(odd)[1]
    assert (deviation.template, deviation.next_template) == ("read", "close")
    assert deviation.usual[1] < 10


def test_what_is_impossible_is_not_learnt_as_usual():
    sizes, seconds = normal()
    sizes[700] = 1e14
    train = sessions(sizes, seconds)
    detector = EventNumbers().fit(train)
    assert detector.training_score_.argmax() == 700
    assert detector.anomaly_score(train).argmax() == 700
    assert detector.deviations(train)[700][0].usual[1] < 1e6


def test_new_normal_sessions_are_no_surprise():
    train, new = sessions(*normal()), sessions(*normal(5000, seed=1))
    for detector in (EventNumbers(), StepTimes()):
        assert (detector.fit(train).anomaly_score(new) > 1).mean() < 0.001


def test_counters_and_clocks_fall_silent():
    n = 2000
    train = sessions(np.arange(n), np.ones(n))
    detector = EventNumbers().fit(train)
    assert detector.anomaly_score(sessions(np.arange(n, 3 * n), np.ones(2 * n))).max() < 1


def test_another_code_than_the_usual_ones_is_odd():
    codes = np.tile([200, 200, 200, 404], 5000)
    detector = EventNumbers().fit(sessions(codes, np.ones(20_000)))
    scores = detector.anomaly_score(sessions([200, 404, 302], [1, 1, 1]))
    assert scores[:2].tolist() == [0, 0]
    assert scores[2] > 1


@pytest.mark.parametrize("detector", [EventNumbers(), StepTimes()])
def test_without_numbers_and_times_there_is_nothing_to_say(detector):
    plain = as_sequences([["open", "close"]] * 30)
    scores = detector.fit(plain).anomaly_score(sessions([1e9], [1e9]))
    assert scores.tolist() == [0]
    assert detector.deviations(plain)[0] == ()


def test_lines_without_a_time_have_no_step():
    train = sessions(*normal())
    detector = StepTimes().fit(train)
    odd = sessions([1.0], [100_000])
    timeless = Sequences(
        odd.events, odd.offsets, odd.begun, odd.ended, NAMES, time=np.full(3, NO_TIME)
    )
    assert detector.anomaly_score(timeless).tolist() == [0]


def test_the_ensemble_takes_them_on_where_there_is_something_to_look_at():
    sizes, seconds = normal(400)
    train = sessions(sizes, seconds)
    members = [("counts", EventCounts()), ("numbers", EventNumbers()), ("step times", StepTimes())]
    ensemble = SessionEnsemble(members, random_state=0).fit(train)
    odd = sessions([1e15, 3000], [1, 100_000])
    surprise = ensemble.member_score(odd)
    assert surprise.argmax(axis=1).tolist() == [1, 2]
    assert (ensemble.anomaly_score(odd) > ensemble.training_score_.max()).all()
    named = SessionEnsemble()._default_members(train)
    assert [name for name, _ in named][-2:] == ["numbers", "step times"]
    named = SessionEnsemble()._default_members(as_sequences([["open"]]))
    assert [name for name, _ in named] == ["event counts", "event sets", "next event"]


def test_sequences_are_joined_with_what_all_of_them_have():
    one, two = sessions([1.0, 2.0], [1, 1]), sessions([3.0], [1])
    joined = as_sequences([one, two])
    assert joined.lengths.tolist() == [3, 3, 3]
    assert joined.numbers.take(np.array([1, 4, 7])).values.tolist() == [1, 2, 3]
    plain = as_sequences([["close", "open", "read"]])
    renamed = Sequences(plain.events, plain.offsets, plain.begun, plain.ended, NAMES)
    assert as_sequences([one, renamed]).numbers is None
    with pytest.raises(InputError, match="expected the same names"):
        as_sequences([one, plain])

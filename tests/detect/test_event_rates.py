"""Rates of events in windows of time: floods, what stops, and what is usual at some hours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom, poisson

from amiss.decide import decide
from amiss.detect._base import LEFT_OUT
from amiss.detect._count_tails import CountTails
from amiss.detect._usual_windows import usual_windows
from amiss.detect._window_counts import lasting
from amiss.detect.event_rates import EventRates
from amiss.types import Sequences

MINUTE = 60_000


def a_log(minutes, seed=0, daily=0.0):
    """Return the counts of four kinds of event by minute: steady, random, clumped, by the clock."""
    rng = np.random.default_rng(seed)
    at = np.arange(minutes)
    level = 1 + daily * np.sin(2 * np.pi * at / 1440)
    return {
        "beat": 6 + (rng.random(minutes) < 0.02).astype(int),
        "request": rng.poisson(20 * level),
        "retry": rng.poisson(0.2, minutes) * rng.geometric(0.4, minutes),
        "rotate": np.where(at % 60 == 5, 12, 0),
    }


def windows(counts, severity=None):
    names = tuple(counts)
    table = np.column_stack([counts[name] for name in names])
    events = np.concatenate([np.repeat(np.arange(len(names)), row) for row in table])
    offsets = np.concatenate([[0], np.cumsum(table.sum(axis=1))])
    whole = np.ones(len(table), dtype=bool)
    start = np.arange(len(table)) * MINUTE
    return Sequences(events, offsets, whole, whole, names, severity, start=start)


def flagged(log, rate=0.0005):
    """Return which windows a scan without labels flags."""
    usual = usual_windows(log)
    detector = EventRates().fit(log, np.where(usual, 0, LEFT_OUT))
    scores = detector.training_score_.copy()
    if not usual.all():
        scores[~usual] = detector.anomaly_score(log.take(~usual))
    return scores > decide(scores[usual], rate).value, detector


@pytest.mark.parametrize(
    ("event", "change"),
    [
        ("beat", lambda counts: 0 * counts),
        ("request", lambda counts: counts + 80),
        ("request", lambda counts: 0 * counts),
        ("rotate", lambda counts: counts + 40),
    ],
)
def test_a_flood_and_a_heartbeat_that_stops_are_found_without_labels(event, change):
    counts = a_log(2880)
    counts[event][700:706] = change(counts[event][700:706])
    found, detector = flagged(windows(counts))
    assert found[700:706].all()
    assert found.sum() <= 9
    deviation = detector.deviations(windows(counts).take(np.array([702])))[0][0]
    assert deviation.template in (event, None)


def test_two_incidents_do_not_excuse_each_other():
    counts = a_log(1440)
    for start in (300, 900):
        counts["beat"][start : start + 8] = 0
    found, _ = flagged(windows(counts))
    assert found[300:308].all()
    assert found[900:908].all()


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("silent", [("beat",), ("beat", "request", "retry", "rotate")])
def test_a_long_silence_does_not_excuse_itself(silent, share):
    minutes = 720
    start, end = int(0.45 * minutes), int((0.45 + share) * minutes)
    counts = a_log(minutes)
    for event in silent:
        counts[event][start:end] = 0
    found, _ = flagged(windows(counts))
    assert found[start:end].all()
    assert found.sum() <= end - start + 2


def test_two_long_silences_and_a_heartbeat_that_stops_before_the_end_are_found():
    counts = a_log(1440)
    truth = np.zeros(1440, dtype=bool)
    truth[300:340] = truth[800:840] = truth[1380:] = True
    for event in counts:
        counts[event][truth & (np.arange(1440) < 1380)] = 0
    counts["beat"][1380:] = 0
    found, _ = flagged(windows(counts))
    assert found[truth].all()
    assert found[~truth].sum() <= 2


def test_what_is_calm_by_night_is_usual():
    counts = a_log(1440)
    counts["request"][:480] = 0
    found, _ = flagged(windows(counts))
    assert found.sum() <= 2


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 2)), unique=True))
def test_at_most_two_runs_of_a_column_are_incidents(odd):
    place, column = np.array(odd, dtype=np.int64).reshape(-1, 2).T
    marked = lasting(place, column, 100)
    for own in range(3):
        chosen = np.zeros(102, dtype=int)
        chosen[1 + place[marked & (column == own)]] = 1
        starts, ends = np.flatnonzero(np.diff(chosen) == 1), np.flatnonzero(np.diff(chosen) == -1)
        assert len(starts) <= 2
        assert ((ends - starts >= 5) & (ends - starts <= 20)).all()


def test_what_comes_by_the_clock_is_usual():
    found, _ = flagged(windows(a_log(2880)))
    assert found.sum() <= 3


def test_an_event_that_training_did_not_have_is_named():
    counts = a_log(2880)
    detector = EventRates().fit(windows(counts))
    counts["crash"] = np.zeros(2880, dtype=int)
    counts["crash"][50] = 15
    log = windows(counts, np.array([0.2, 0.2, 0.2, 0.2, 1.0]))
    scores = detector.anomaly_score(log)
    assert scores.argmax() == 50
    first = detector.deviations(log.take(np.array([50])))[0][0]
    assert (first.template, first.value, first.usual) == ("crash", 15.0, None)
    assert log[50][first.position] == 4


def test_nights_are_calm_and_days_are_not():
    log = windows(a_log(5 * 1440, daily=0.8))
    assert [log.names[i] for i in np.flatnonzero(EventRates().fit(log).hourly_[:4])] == ["request"]
    by_hour, flat = EventRates().fit(log), EventRates(daily=False).fit(log)
    counts = a_log(1440, seed=1, daily=0.8)
    counts["request"][1080] = 22  # the middle of the night: 4 are usual, at noon 36
    odd = windows(counts)
    assert by_hour.anomaly_score(odd).argmax() == 1080
    assert flat.anomaly_score(odd).argmax() != 1080
    assert by_hour.deviations(odd.take(np.array([1080])))[0][0].usual[1] < 15


def test_no_daily_pattern_is_made_up():
    log = windows(a_log(5 * 1440))
    assert not EventRates().fit(log).hourly_.any()


def test_windows_that_the_log_cuts_are_not_short_of_anything():
    log = windows(a_log(600))
    detector = EventRates().fit(log)
    stopped = Sequences(
        log.events[:3], np.array([0, 3]), np.array([False]), np.array([True]), log.names
    )
    whole = Sequences(log.events[:3], np.array([0, 3]), *[np.array([True])] * 2, log.names)
    assert detector.anomaly_score(stopped)[0] < 0.5 < 5 < detector.anomaly_score(whole)[0]


def test_windows_without_events_are_scored():
    log = windows(a_log(600))
    none = np.zeros(0, dtype=np.int64)
    empty = Sequences(none, np.zeros(3, np.int64), *[np.ones(2, bool)] * 2, log.names)
    detector = EventRates().fit(log)
    scores = detector.anomaly_score(empty)
    assert (scores > detector.training_score_.max()).all()
    total = [d for d in detector.deviations(empty)[0] if d.template is None]
    assert total[0].value == 0
    assert total[0].usual[0] > 10


def test_what_only_windows_left_out_have_is_unseen():
    log = [["open"]] * 30 + [["crash"]] * 2
    detector = EventRates().fit(log, np.array([0] * 30 + [LEFT_OUT] * 2))
    assert detector.training_score_[30:].min() > detector.training_score_[:30].max()


@settings(max_examples=30)
@given(
    counts=st.lists(st.integers(0, 30), min_size=1, max_size=60),
    asked=st.lists(st.integers(0, 100_000), min_size=2, max_size=2),
)
def test_p_values_are_some_and_fall_towards_the_tails(counts, asked):
    count = np.array(counts)
    slot = np.zeros(int((count > 0).sum()), dtype=np.int64)
    tails = CountTails.learn(slot, count[count > 0], np.array([len(count)]), np.zeros(1, int))
    asked = np.sort(asked)
    upper, lower = (f(np.zeros(2, int), asked) for f in (tails.log_upper, tails.log_lower))
    assert np.isfinite([upper, lower]).all()
    assert (upper <= 0).all()
    assert (lower <= 0).all()
    assert upper[0] >= upper[1] - 1e-9
    assert lower[0] <= lower[1] + 1e-9


@pytest.mark.parametrize("drawn", [poisson(4), nbinom(2, 0.2)])
def test_p_values_hold_on_counts_of_the_same_kind(drawn):
    rng = np.random.default_rng(0)
    seen, new = drawn.rvs(4000, random_state=rng), drawn.rvs(20_000, random_state=rng)
    slot = np.zeros(int((seen > 0).sum()), dtype=np.int64)
    tails = CountTails.learn(slot, seen[seen > 0], np.array([4000]), np.zeros(1, int))
    p = np.exp(tails.log_p(np.zeros(20_000, int), new))
    for level in (0.1, 0.01, 0.001):
        assert (p < level).mean() < 1.5 * level + 0.0005


def test_usual_is_where_the_middle_of_the_windows_lay():
    count = np.arange(1, 1001)
    tails = CountTails.learn(np.zeros(1000, int), count, np.array([1000]), np.zeros(1, int))
    assert tails.usual(0, 0.9) == (51, 950)

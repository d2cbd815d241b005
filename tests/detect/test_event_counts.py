import numpy as np
import pytest

from amiss.detect import EventCounts
from amiss.errors import InputError, UsageError
from amiss.represent.sequences import as_sequences
from amiss.types import Sequences

NORMAL = [["open", "read", "close"]] * 30 + [["open", "read", "read", "close"]] * 20


def _cut(sequences, ended):
    made = as_sequences(sequences)
    return Sequences(made.events, made.offsets, made.begun, np.array(ended), made.names)


def test_sessions_seen_in_training_score_zero():
    detector = EventCounts().fit(NORMAL)
    np.testing.assert_array_equal(detector.anomaly_score(NORMAL), 0)


def test_missing_surplus_and_unseen_events_all_raise_the_score():
    detector = EventCounts().fit(NORMAL)
    missing, surplus, unseen = detector.anomaly_score(
        [["open", "read"], ["open", "read", "close", "close"], ["open", "read", "close", "crash"]]
    )
    assert missing > 0
    assert surplus > 0
    assert unseen > missing  # what never occurred weighs more than what always does


def test_leave_one_out_is_exact_from_multiplicities():
    odd = ["open", "close"]
    detector = EventCounts().fit([*NORMAL, odd])
    # Each other session has a twin; the odd one is measured to the nearest of the others.
    np.testing.assert_array_equal(detector.training_score_[:-1], 0)
    others = EventCounts().fit(NORMAL)
    assert detector.training_score_[-1] == pytest.approx(others.anomaly_score([odd])[0], rel=0.05)
    assert detector.anomaly_score([odd])[0] == 0


def test_order_of_events_does_not_matter():
    detector = EventCounts().fit(NORMAL)
    one, other = detector.anomaly_score([["a", "open", "read"], ["read", "a", "open"]])
    assert one == other


def test_a_session_cut_by_the_end_of_the_log_lacks_nothing():
    detector = EventCounts().fit(NORMAL)
    started = [["open"], ["open"]]
    ended, still_open = detector.anomaly_score(_cut(started, [True, False]))
    assert ended > 0
    assert still_open == 0


def test_surplus_counts_in_a_cut_session_too():
    detector = EventCounts().fit(NORMAL)
    assert detector.anomaly_score(_cut([["open", "crash"]], [False]))[0] > 0


def test_cut_sessions_do_not_teach_that_half_is_normal():
    training = [*NORMAL, *[["open"]] * 40]
    detector = EventCounts().fit(_cut(training, [True] * len(NORMAL) + [False] * 40))
    assert detector.anomaly_score([["open"]])[0] > 0


def test_neighbourhood_sees_through_anomalies_that_come_in_numbers():
    contaminated = NORMAL * 10 + [["open", "crash"]] * 10  # 2 % of all
    nearest = EventCounts().fit(contaminated)
    robust = EventCounts(neighborhood=0.05).fit(contaminated)
    assert nearest.anomaly_score([["open", "crash"]])[0] == 0
    scores = robust.anomaly_score([["open", "crash"], *NORMAL])
    assert scores[0] > scores[1:].max()


def test_calm_novelties_weigh_less_than_alarming_ones():
    def session(event, severity):
        names = ("open", "read", "close", event)
        events = np.array([0, 1, 2, 3])
        whole = np.array([True])
        severities = np.array([0.25, 0.25, 0.25, severity])
        return Sequences(events, np.array([0, 4]), whole, whole, names, severities)

    detector = EventCounts().fit(NORMAL)
    calm = detector.anomaly_score(session("status", 0.25))[0]
    alarming = detector.anomaly_score(session("exception", 1.0))[0]
    assert 0 < calm < alarming


def test_events_are_matched_by_name_when_numbered_differently():
    detector = EventCounts().fit(NORMAL)
    assert detector.anomaly_score([["close", "open", "read"]])[0] == 0
    assert detector.anomaly_score([["read", "open", "zzz", "aaa"]])[0] > 0


def test_nearest_normal_is_the_most_alike_and_the_most_frequent_of_equals():
    detector = EventCounts().fit(NORMAL)
    row = detector.nearest_normal([["open", "read", "crash", "close"]])[0]
    reference = detector.reference_
    assert [reference.names[e] for e in reference[row]] == ["open", "read", "close"]
    assert detector.reference_count_[row] == 30


def test_nearest_normal_of_a_cut_session_is_one_that_has_all_it_has():
    detector = EventCounts().fit([*NORMAL, *[["open"]] * 3])
    row = detector.nearest_normal(_cut([["open", "read"]], [False]))[0]
    reference = detector.reference_
    assert [reference.names[e] for e in reference[row]] == ["open", "read", "close"]


def test_chunks_of_the_distance_matrix_do_not_change_scores(monkeypatch):
    generator = np.random.default_rng(0)
    sequences = [list(generator.choice(list("abcdef"), size=5)) for _ in range(200)]
    whole = EventCounts().fit(sequences)
    expected = whole.anomaly_score(sequences[:50])
    monkeypatch.setattr("amiss.detect.event_counts._CHUNK", 64)
    np.testing.assert_array_equal(whole.anomaly_score(sequences[:50]), expected)


@pytest.mark.parametrize(
    "parameters", [{"vectors": "words"}, {"neighborhood": 1.5}, {"contamination": 0.9}]
)
def test_wrong_parameters_are_named(parameters):
    with pytest.raises(UsageError, match="expected"):
        EventCounts(**parameters).fit(NORMAL)


def test_only_anomalies_to_learn_from_is_an_error():
    with pytest.raises(InputError, match="every training item is labelled"):
        EventCounts().fit(NORMAL, np.ones(len(NORMAL)))

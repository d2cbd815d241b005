import numpy as np
import pytest

from amiss.detect import NextEvent
from amiss.errors import InputError, UsageError
from amiss.represent.sequences import as_sequences
from amiss.types import END, Sequences

NORMAL = [["open", "read", "read", "close"], ["open", "write", "close"]] * 60


@pytest.fixture(scope="module")
def detector():
    return NextEvent(random_state=0, epochs=40).fit(NORMAL)


def test_usual_sessions_score_below_unusual_order_missing_end_and_unseen_event(detector):
    usual = detector.anomaly_score(NORMAL[:2]).max()
    odd = detector.anomaly_score(
        [["close", "read", "open"], ["open", "read"], ["open", "write", "crash", "close"]]
    )
    assert (odd > usual + 1).all()


def test_a_short_session_is_not_flagged_for_being_short():
    normal = [["ping"]] * 60 + [["open", *["read"] * 8, "close"]] * 60
    detector = NextEvent(random_state=0, epochs=40).fit(normal)
    short, long = detector.anomaly_score([["ping"], ["open", *["read"] * 8, "close"]])
    assert short < 2
    assert long < 5


def test_the_end_of_a_session_that_is_still_open_is_not_judged(detector):
    started = as_sequences([["open", "read"]])
    still_open = Sequences(
        started.events, started.offsets, started.begun, np.array([False]), started.names
    )
    assert detector.anomaly_score(still_open)[0] < 2
    assert detector.anomaly_score(started)[0] > 3


def test_event_score_has_one_value_an_event_and_one_for_the_end(detector):
    scores = detector.event_score([["open", "crash"], ["open"]])
    assert [len(s) for s in scores] == [3, 2]
    assert scores[0].argmax() == 1  # the crash
    assert detector.anomaly_score([["open", "crash"]])[0] == scores[0].max()


def test_expected_events_are_likeliest_first_with_probabilities(detector):
    (ids, probabilities), *_ = detector.expected_events([["open", "write"]], k=2)
    tokens = detector.vocabulary_.tokens
    assert tokens[ids[0, 0]] == "open"
    assert {tokens[i] for i in ids[1]} == {"read", "write"}
    assert tokens[ids[2, 0]] == "close"
    assert (np.diff(probabilities, axis=1) <= 0).all()
    (ids, _), *_ = detector.expected_events([["open", "write", "close"]], k=1)
    assert ids[-1, 0] == END


def test_rank_scores_follow_the_top_k_rule():
    detector = NextEvent(score="rank", random_state=0, epochs=40).fit(NORMAL)
    usual, unseen = detector.anomaly_score([["open", "read", "read", "close"], ["crash"]])
    assert usual <= 1  # read or write after open: both are in the top two
    assert unseen > 4


def test_training_improves_and_history_tells_it(detector):
    history = detector.history_
    assert history[-1]["loss"] < history[0]["loss"]
    assert {"epoch", "loss", "validation_loss"} <= set(history[0])


def test_early_stopping_keeps_the_best_epoch():
    detector = NextEvent(random_state=0, epochs=200, patience=3).fit(NORMAL)
    assert len(detector.history_) < 200


@pytest.mark.parametrize("parameters", [{"cell": "lstm", "layers": 2}, {"bidirectional": True}])
def test_other_networks_learn_too(parameters):
    detector = NextEvent(random_state=0, epochs=40, **parameters).fit(NORMAL)
    usual, odd = detector.anomaly_score([NORMAL[0], ["read", "open", "open"]])
    assert odd > usual + 1


def test_repeats_weigh_as_much_as_their_number():
    frequent = [["a", "b"]] * 95 + [["a", "c"]] * 5
    detector = NextEvent(random_state=0, epochs=80, dropout=0.0).fit(frequent)
    (ids, probabilities), *_ = detector.expected_events([["a"]], k=2)
    assert detector.vocabulary_.tokens[ids[1, 0]] == "b"
    assert probabilities[1, 0] == pytest.approx(0.95, abs=0.04)


def test_sequences_without_events_score_zero_when_open(detector):
    nothing = Sequences(
        np.empty(0, dtype=np.int64), np.array([0, 0]), np.array([True]), np.array([False])
    )
    assert detector.anomaly_score(nothing)[0] == 0


@pytest.mark.parametrize(
    "parameters", [{"cell": "rnn"}, {"window": 0}, {"score": "odds"}, {"device": "tpu"}]
)
def test_wrong_parameters_are_named(parameters):
    with pytest.raises(UsageError, match="expected"):
        NextEvent(**parameters).fit(NORMAL)


def test_nothing_normal_to_learn_from_is_an_error():
    with pytest.raises(InputError, match="expected at least one"):
        NextEvent().fit(NORMAL, np.ones(len(NORMAL)))

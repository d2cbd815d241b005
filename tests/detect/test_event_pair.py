import numpy as np
import polars as pl
import pytest

import amiss
from amiss.detect import EventPair
from amiss.detect._base import LEFT_OUT
from amiss.errors import InputError, UsageError
from amiss.represent.sequences import as_sequences
from amiss.represent.windows import cut_windows

NORMAL = [["open", "read", "read", "close"], ["open", "write", "close"]] * 60
# All of its events are usual, and so is each after the one before.
LABELLED = ["open", "read", "read", "read", "read", "close"]


def _quick(**parameters):
    return EventPair(random_state=0, hidden=16, dense=16, **parameters)


@pytest.fixture(scope="module")
def labelled():
    return _quick().fit([*NORMAL, *[LABELLED] * 3], [0] * len(NORMAL) + [1] * 3)


def test_a_few_labels_teach_what_no_novelty_shows(labelled):
    unlabelled = _quick().fit(NORMAL)
    usual = NORMAL[0]
    assert np.diff(labelled.anomaly_score([usual, LABELLED]))[0] > 1
    odd_before = np.diff(unlabelled.anomaly_score([usual, LABELLED]))[0]
    assert np.diff(labelled.anomaly_score([usual, LABELLED]))[0] > odd_before


def test_pairs_that_never_happened_are_anomalous_without_a_label():
    detector = _quick().fit(NORMAL)
    usual = detector.anomaly_score(NORMAL[:2]).max()
    assert (detector.anomaly_score([["close", "read", "open"], ["crash"]]) > 5 * usual).all()


def test_the_score_of_a_session_is_that_of_its_worst_event(labelled):
    events = labelled.event_score([LABELLED, ["open"]])
    assert [len(values) for values in events] == [7, 2]
    scores = labelled.anomaly_score([LABELLED, ["open"]])
    assert scores.tolist() == [values.max() for values in events]
    assert (scores >= 0).all()


def test_windows_are_items_of_their_own_and_know_their_session():
    sessions = [*NORMAL, *[LABELLED] * 10]
    labels = [0] * len(NORMAL) + [1] * 10
    windows = cut_windows(sessions, 2, labels)
    detector = _quick(window=2).fit(windows)
    assert detector.training_score_.shape == (len(windows),)
    scores = detector.anomaly_score(windows)
    # The same window and event, in a usual session and in the labelled one.
    same = (windows.history == windows.history[0]).all(axis=1)
    same &= windows.next_event == windows.next_event[0]
    bad = windows.label == 1
    assert scores[same & bad].min() > scores[same & ~bad & (windows.session % 2 == 0)].max()


def test_arrays_without_sessions_need_no_context():
    sequence = np.array([[0, 1], [1, 2], [0, 1]] * 30)
    next_event = np.array([2, 0, 3] * 30)
    labels = [0, 0, 1] * 30
    with pytest.raises(InputError, match="context=False"):
        _quick(window=2).fit((sequence, next_event), labels)
    detector = _quick(window=2, context=False).fit((sequence, next_event), labels)
    usual, odd = detector.anomaly_score((np.array([[0, 1], [0, 1]]), np.array([2, 3])))
    assert odd > usual + 1


def test_balanced_classes_raise_the_probability_of_the_rare_one():
    items = [*NORMAL, *[NORMAL[0]] * 4]
    labels = [0] * len(NORMAL) + [1] * 4  # the same session with both labels: 4 of 64
    plain, balanced = (
        _quick(class_weight=weight, corrupted=0.01).fit(items, labels).anomaly_score([NORMAL[0]])[0]
        for weight in (1.0, "balanced")
    )
    assert 1 - np.exp(-plain) == pytest.approx(4 / 64, abs=0.1)
    assert 1 - np.exp(-balanced) > 0.4


def test_training_scores_of_anomalies_are_out_of_fold(labelled):
    alone = _quick().fit([*NORMAL, ["open", "open"]], [0] * len(NORMAL) + [1])
    inside = alone.anomaly_score([["open", "open"]])[0]
    assert alone.training_score_[-1] < inside


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"class_weight": -1.0}, "class_weight=-1.0"),
        ({"corrupted": 0.0}, "corrupted=0.0"),
        ({"class_weight": "auto"}, "class_weight='auto'"),
        ({"epochs": 0}, "epochs=0"),
        ({"window": 0}, "window=0"),
        ({"cell": "rnn"}, "expected lstm or gru"),
    ],
)
def test_senseless_parameters_are_refused(parameters, message):
    with pytest.raises(UsageError, match=message):
        EventPair(**parameters).fit(NORMAL)


def test_nothing_normal_to_learn_from_is_refused():
    with pytest.raises(InputError, match="at least one"):
        EventPair().fit(as_sequences([["a"], ["b"]]), [1, 1])


def test_what_is_left_out_is_neither_taught_nor_held_anomalous():
    rare = ["admin", "reset"]
    detector = _quick().fit([*NORMAL, *[rare] * 6], [0] * len(NORMAL) + [LEFT_OUT] * 6)
    assert "admin" not in detector.vocabulary_.tokens
    taught = _quick().fit([*NORMAL, *[rare] * 6], [0] * len(NORMAL) + [1] * 6)
    scrambled = [["close", "read", "open"]]
    assert detector.anomaly_score([rare])[0] < taught.anomaly_score([rare])[0]
    assert detector.anomaly_score(scrambled)[0] > 1


def test_findings_are_explained_without_expected_events():
    rows = [(f"a{i}", event) for i in range(60) for event in ("open", "read", "close")]
    rows += [(f"x{i}", event) for i in range(9) for event in ("open", "close", "read", "read")]
    frame = pl.DataFrame(rows, schema=["session", "event"], orient="row")
    sessions = amiss.Sessions.from_frame(frame)
    labels = {name: name[0] == "x" for name in sessions.ids}
    model = amiss.fit(sessions, labels, detector=_quick())
    finding = model.explain(sessions, "x1")
    assert finding.surprises
    assert 0 <= finding.surprises[0].probability <= 1
    assert "unexpected" in finding.explain()
    assert amiss.scan(sessions, detector=_quick()).to_dict()["scored"] == 69

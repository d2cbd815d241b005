from copy import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from amiss.detect import EventSeq2Seq
from amiss.detect._seq2seq import Seq2SeqNetwork
from amiss.errors import InputError, UsageError
from amiss.represent.sequences import as_sequences
from amiss.types import END, PAD, Sequences

CYCLE = ["tick", "read", "send", "wait", "sleep", "wake"]
SMALL = {"source_length": 4, "target_length": 3, "embedding": 8, "hidden": 16, "attention": 8}


def _segments(rows, trace=None):
    whole = as_sequences(rows)
    ends = np.zeros(len(whole), dtype=bool)
    return Sequences(whole.events, whole.offsets, ends, ends, whole.names, trace=trace)


NORMAL = _segments([(CYCLE * 9)[start : start + 48] for start in range(6)] * 2)


@pytest.fixture(scope="module")
def detector():
    return EventSeq2Seq(**SMALL, epochs=20, random_state=0).fit(NORMAL)


def test_a_fault_raises_both_scores(detector):
    odd = [*CYCLE, "crash", "crash", "send", "send", *CYCLE]
    rows = _segments([CYCLE * 4, odd])
    usual, worse = detector.mean_surprise(rows)
    assert worse > usual + 1
    usual, worse = detector.misclassification_rate(rows)
    assert usual < 0.2  # nothing says what comes first
    assert 0.3 < worse <= 1
    np.testing.assert_array_equal(detector.anomaly_score(rows), detector.mean_surprise(rows))


def test_the_rate_can_be_the_score(detector):
    rated = copy(detector).set_params(score="rate")
    rows = _segments([CYCLE * 4, CYCLE[::-1] * 4])
    np.testing.assert_array_equal(rated.anomaly_score(rows), detector.misclassification_rate(rows))


def test_what_follows_from_the_events_read_is_predicted(detector):
    predictions = detector.predict_windows(_segments([CYCLE * 3]))
    tokens = detector.vocabulary_.tokens
    late = np.flatnonzero(predictions.position >= 6)
    for row in late:
        at = predictions.position[row]
        expected = [CYCLE[(at + place) % 6] for place in range(3)]
        assert [tokens[i] for i in predictions.predicted[row]] == expected
        assert [tokens[i] for i in predictions.target[row]] == expected
        before = [CYCLE[(at - 4 + place) % 6] for place in range(4)]
        assert [tokens[i] for i in predictions.source[row]] == before


def test_predictions_add_up_to_the_scores(detector):
    rows = _segments([CYCLE * 3 + ["crash", "send"], ["wait"], CYCLE[:5]])
    found = detector.predict_windows(rows)
    assert found.attention.shape == (len(found), 3, 4)
    np.testing.assert_allclose(found.attention.sum(axis=2), 1, rtol=1e-5)
    assert (found.target[~found.counted] == PAD).all()
    wrong = found.predicted != found.target
    for row in range(len(rows)):
        own = found.sequence == row
        counted = found.counted[own]
        assert counted.sum() == rows.lengths[row]
        assert wrong[own][counted].mean() == detector.misclassification_rate(rows)[row]
        surprise = found.surprise[own][counted]
        assert surprise.mean() == pytest.approx(detector.mean_surprise(rows)[row])
        np.testing.assert_allclose(surprise, detector.event_score(rows)[row])


def test_sequences_shorter_than_a_window_have_a_score(detector):
    scores = detector.anomaly_score(_segments([["tick"], ["crash"], CYCLE[:2], []]))
    assert np.isfinite(scores).all()
    assert scores[1] > scores[0]
    assert scores[3] == 0


def test_a_shorter_stride_predicts_events_again(detector):
    again = copy(detector).set_params(score_stride=1)
    rows = _segments([CYCLE * 4])
    assert len(again.predict_windows(rows)) == 24
    assert len(detector.predict_windows(rows)) == 8
    assert len(again.event_score(rows)[0]) == 24
    assert 0 <= again.misclassification_rate(rows)[0] <= 0.2


def test_expected_events_have_the_probabilities_of_event_score(detector):
    rows = replace(_segments([CYCLE * 2]), ended=np.array([True]))
    ids, p = detector.expected_events(rows, k=50)[0]
    assert ids.shape == p.shape == (13, 7)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    tokens = detector.vocabulary_.tokens
    wanted = [*(tokens.index(name) for name in CYCLE * 2), END]
    found = [p[at][list(ids[at]).index(event)] for at, event in enumerate(wanted)]
    np.testing.assert_allclose(-np.log(found), detector.event_score(rows)[0], rtol=1e-5)


def test_the_end_is_predicted_where_it_was_seen():
    sessions = [["open", "read", "close"], ["open", "close"]] * 20
    detector = EventSeq2Seq(**SMALL, epochs=20, random_state=0).fit(sessions)
    whole = detector.event_score([["open", "close"], ["open"]])
    assert [len(scores) for scores in whole] == [3, 2]
    assert whole[0][-1] < 0.5
    assert whole[1][-1] > 2


def test_segments_of_one_trace_are_in_one_fold():
    odd = ["crash", "dump", "halt", "boot"] * 6
    rows = _segments([CYCLE * 4] * 6 + [odd] * 4, trace=np.array([0, 1, 2, 3, 4, 5, 6, 6, 6, 6]))
    detector = EventSeq2Seq(**SMALL, epochs=10, random_state=0).fit(rows)
    assert detector.training_score_[6:].min() > 2
    assert detector.anomaly_score(rows)[6:].max() < 1


def test_a_draw_of_strided_windows_teaches_a_decoder_that_reads_what_it_wrote():
    detector = EventSeq2Seq(
        **SMALL, epochs=20, teacher_forcing=0.5, score="rate", max_windows=100, train_stride=2,
        random_state=0,
    ).fit(NORMAL)  # fmt: skip
    assert detector.windows_["cut"] == 100
    assert detector.windows_["distinct"] <= 100
    assert detector.misclassification_rate(_segments([CYCLE * 8]))[0] < 0.1
    assert ((detector.training_score_ >= 0) & (detector.training_score_ <= 1)).all()


def test_padding_before_the_source_does_not_count():
    torch.manual_seed(0)
    network = Seq2SeqNetwork(9, 4, 8, 4, 0.0).eval()
    attention = network.decode(torch.tensor([[0, 0, 5, 6], [0, 0, 0, 0]]), 2).attention
    assert (attention[0, :, :2] == 0).all()
    assert torch.isfinite(attention).all()


@pytest.mark.parametrize(
    "parameters",
    [
        {"source_length": 0},
        {"target_length": 0},
        {"train_stride": 0},
        {"score_stride": 6},
        {"max_windows": 0},
        {"folds": 1},
        {"score": "rank"},
        {"stretch": 0},
        {"teacher_forcing": 1.5},
    ],
    ids=lambda parameters: next(iter(parameters)),
)
def test_parameters_that_make_no_sense(parameters):
    with pytest.raises(UsageError, match="expected"):
        EventSeq2Seq(**parameters).fit(NORMAL)


def test_only_anomalies_to_learn_from():
    with pytest.raises(InputError, match="expected"):
        EventSeq2Seq().fit(NORMAL, np.ones(len(NORMAL)))

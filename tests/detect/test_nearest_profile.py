import numpy as np
import pytest

from amiss.detect import NearestProfile
from amiss.errors import UsageError
from amiss.represent.sequences import as_sequences
from amiss.types import Sequences


def _segments(rows, trace):
    whole = as_sequences(rows)
    ends = np.zeros(len(whole), dtype=bool)
    return Sequences(whole.events, whole.offsets, ends, ends, whole.names, trace=np.array(trace))


def test_the_same_proportions_have_no_distance():
    detector = NearestProfile(order=1, stretch=None).fit([[0, 1], [2, 2]])
    same, turned, other = detector.anomaly_score([[0, 1, 0, 1], [1, 0], [3, 3]])
    assert same == pytest.approx(0, abs=1e-12)
    assert turned == pytest.approx(0, abs=1e-12)
    assert other == 1


def test_an_unseen_event_counts_as_much_as_the_rarest():
    detector = NearestProfile(order=1, stretch=None).fit([[0]] * 3)
    # weights: event 0 is in 3 of 3 traces, so 1; the unseen one 1 + ln 4
    expected = 1 - 1 / np.hypot(1, 1 + np.log(4))
    assert detector.anomaly_score([[0, 5]])[0] == pytest.approx(expected)


def test_a_trace_is_as_odd_as_its_most_usual_stretch():
    normal, odd = [0, 1] * 10, [1, 1, 0, 0] * 5
    part = NearestProfile(stretch=20).fit([normal] * 5)
    whole = NearestProfile(stretch=None).fit([normal] * 5)
    assert part.anomaly_score([normal + odd])[0] < 1e-9
    assert whole.anomaly_score([normal + odd])[0] > 0.1
    assert part.anomaly_score([odd])[0] > 0.1


def test_training_stretches_of_the_same_trace_are_no_neighbours():
    rows = [[0, 1, 2]] * 4 + [[7, 8, 9]] * 2
    of_two = NearestProfile().fit(_segments(rows, [0, 0, 1, 1, 2, 3]))
    of_one = NearestProfile().fit(_segments(rows, [0, 0, 1, 1, 2, 2]))
    assert of_two.training_score_.max() < 1e-9
    assert of_one.training_score_[4:].min() == 1


def test_references_are_drawn_if_there_are_too_many():
    rows = [[i, i + 1, i] for i in range(30)]
    detector = NearestProfile(max_references=10, random_state=0).fit(rows)
    assert (detector.anomaly_score(rows) < 1e-9).sum() == 10


@pytest.mark.parametrize("parameters", [{"order": 9}, {"stretch": 0}, {"max_references": 0}])
def test_parameters_that_make_no_sense(parameters):
    with pytest.raises(UsageError, match="expected"):
        NearestProfile(**parameters).fit([[0, 1]])

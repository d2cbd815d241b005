"""Every detector of events judges the segments of a trace by those of other traces."""

import numpy as np
import pytest

from amiss.detect import CATALOGUE, get_detector
from amiss.types import Sequences

NAMES = [
    name
    for name, entry in CATALOGUE.items()
    if "sequences" in entry.inputs and not get_detector(name).needs  # these have events only
]
QUICK = {"epochs": 4, "folds": 2, "n_networks": 1}


def cut(traces):
    rows = [segment for segments in traces for segment in segments]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    trace = np.repeat(np.arange(len(traces)), [len(segments) for segments in traces])
    marks = np.zeros(len(rows), dtype=bool)
    names = tuple("abcdefgh")
    return Sequences(np.concatenate(rows), offsets, marks, marks, names, trace=trace)


def make(name):
    detector = get_detector(name)()
    known = detector.get_params(deep=False)
    return detector.set_params(
        **{key: value for key, value in QUICK.items() if key in known},
        **({"random_state": 0} if "random_state" in known else {}),
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_one_trace_alone_does_is_odd_out_of_fold(name):
    rng = np.random.default_rng(0)
    usual = [[np.tile([0, 1, 2], 8)[: rng.integers(20, 24)] for _ in range(6)] for _ in range(5)]
    other = [np.tile([3, 5, 4, 6], 6) for _ in range(6)]
    detector = make(name).fit(cut([*usual, other]))
    scores = detector.training_score_
    assert scores[-6:].min() > scores[:-6].max()


@pytest.mark.parametrize("name", NAMES)
def test_a_single_trace_is_judged_by_its_other_segments(name):
    rng = np.random.default_rng(1)
    odd = [np.tile([3, 5, 4, 6], 6)]
    segments = [np.tile([0, 1, 2], 8)[: rng.integers(20, 24)] for _ in range(20)] + odd
    detector = make(name).fit(cut([segments]))
    scores = detector.training_score_
    assert scores[-1] > scores[:-1].max()

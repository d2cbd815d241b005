import numpy as np
import pytest

from amiss.detect import NGrams
from amiss.detect._stretch import trace_mean
from amiss.errors import UsageError
from amiss.represent.sequences import as_sequences
from amiss.types import END, Sequences

NORMAL = [["open", "read", "read", "close"], ["open", "write", "close"]] * 20


def _cut(rows, begun=False, ended=False, trace=None):
    whole = as_sequences(rows)
    marks = [np.full(len(whole), mark) for mark in (begun, ended)]
    return Sequences(whole.events, whole.offsets, *marks, whole.names, trace=trace)


def test_probabilities_are_those_of_witten_and_bell():
    # 3 of a, 1 of b; 6 tokens, no begin or end seen: a after the empty context is (3 + 2/6) / 6.
    detector = NGrams(order=2).fit(_cut([[0, 0, 0, 1]]))
    first, second = detector.event_score(_cut([[0, 0]]))[0]
    alone = (3 + 2 / 6) / 6
    assert np.exp(-first) == pytest.approx(alone)
    # after a: a twice and b once, so 3 events of 2 kinds
    assert np.exp(-second) == pytest.approx((2 + 2 * alone) / 5)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_probabilities_of_all_that_may_follow_sum_to_one(order):
    detector = NGrams(order=order).fit(NORMAL)
    base = len(detector.vocabulary_) + 4
    ids, p = detector.expected_events([["open", "write"]], k=base)[0]
    assert ids.shape == p.shape == (3, base)
    unseen = 1 - p.sum(axis=1)  # begin, padding and the unseen event have the rest
    assert (unseen > 0).all()
    assert (unseen < 0.05).all()


def test_expected_events_have_the_probabilities_of_event_score():
    detector = NGrams(random_state=0).fit(NORMAL)
    session = ["open", "write", "close"]
    ids, p = detector.expected_events([session], k=9)[0]
    tokens = detector.vocabulary_.tokens
    wanted = [*(tokens.index(name) for name in session), END]
    found = [p[at][list(ids[at]).index(event)] for at, event in enumerate(wanted)]
    np.testing.assert_allclose(-np.log(found), detector.event_score([session])[0])


def test_share_of_unseen_n_grams_counts_each_place():
    detector = NGrams(order=2, score="unseen").fit(_cut([[0, 1, 2, 0, 1]]))
    scores = detector.anomaly_score(_cut([[0, 1, 2], [1, 0, 1, 2], [7, 7]]))
    np.testing.assert_allclose(scores, [0, 1 / 4, 1])


def test_n_grams_do_not_cross_sequences():
    detector = NGrams(order=3, score="unseen").fit(_cut([[0, 1], [2, 3]]))
    assert detector.anomaly_score(_cut([[1, 2]]))[0] == 0.5


def test_stretch_is_the_calmest_run_of_events():
    calm, odd = ["open", "read", "read", "close"] * 5, ["crash"] * 20
    whole, part = (NGrams(stretch=s, random_state=0).fit([calm] * 10) for s in (None, 10))
    rows = _cut([calm + odd, odd])
    assert whole.anomaly_score(rows)[0] > 1
    assert part.anomaly_score(rows)[0] < 0.1
    np.testing.assert_allclose(part.anomaly_score(rows)[1], whole.anomaly_score(rows)[1])


def test_calmest_runs_are_those_of_a_plain_loop():
    generator = np.random.default_rng(0)
    offsets = np.array([0, 0, 3, 10, 11, 30])
    values = generator.random(30)
    found = trace_mean(values, offsets, 4)
    for i, score in enumerate(found):
        part = values[offsets[i] : offsets[i + 1]]
        runs = [part[a : a + 4].mean() for a in range(max(1, len(part) - 3))] if len(part) else [0]
        assert score == pytest.approx(min(runs))


def test_segments_of_one_trace_are_in_one_fold():
    # What only one trace has is as unseen to its segments as to any other.
    rows = [[0, 1, 2, 3]] * 8 + [[5, 6, 7, 8]] * 8
    apart = NGrams(random_state=0).fit(_cut(rows, trace=np.repeat(np.arange(8), 2)))
    together = NGrams(random_state=0).fit(
        _cut(rows, trace=np.repeat([0, 1, 2, 3, 9], [2, 2, 2, 2, 8]))
    )
    assert apart.training_score_[8:].max() < 1.5
    assert together.training_score_[8:].min() > 2


@pytest.mark.parametrize(
    "parameters", [{"order": 0}, {"score": "rank"}, {"stretch": 0}], ids=lambda p: next(iter(p))
)
def test_parameters_that_make_no_sense(parameters):
    with pytest.raises(UsageError, match="expected"):
        NGrams(**parameters).fit(NORMAL)


def test_segments_shorter_than_the_order_are_learnt_from_and_scored():
    rng = np.random.default_rng(0)
    short = [rng.integers(0, 3, 4).tolist() for _ in range(20)]
    for score in ("probability", "unseen"):
        detector = NGrams(order=8, score=score).fit(short)
        state = detector.to_state()
        again = NGrams(order=8, score=score)
        again.from_state(*state)
        longer = [[0, 1, 2] * 5, [7]]
        assert np.isfinite(detector.anomaly_score(longer)).all()
        assert again.anomaly_score(longer).tolist() == detector.anomaly_score(longer).tolist()
        assert len(detector.expected_events(longer)[0][0]) == 16


def test_expected_events_are_the_likeliest_by_the_scores():
    rng = np.random.default_rng(1)
    normal = [rng.integers(0, 4, rng.integers(1, 12)).tolist() for _ in range(60)]
    detector = NGrams(order=3).fit(normal)
    for row, (ids, p) in enumerate(detector.expected_events(normal[:9], k=9)):
        own = detector.event_score(normal[:9])[row]
        came = [*normal[row], END]
        for place, event in enumerate(came):
            code = event if event == END else detector.vocabulary_.tokens.index(event)
            at = ids[place].tolist().index(code)
            # Tokens that never come next have a share of what is scored, but are not expected.
            assert p[place][at] == pytest.approx(np.exp(-own[place]))
        assert (np.diff(p, axis=1) <= 1e-12).all()


def test_blocks_of_sequences_do_not_change_scores(monkeypatch):
    rng = np.random.default_rng(2)
    normal = [rng.integers(0, 5, rng.integers(0, 30)).tolist() for _ in range(50)]
    detector = NGrams().fit(normal)
    whole = detector.anomaly_score(normal)
    monkeypatch.setattr("amiss.detect.ngrams._EVENTS_AT_ONCE", 40)
    assert detector.anomaly_score(normal) == pytest.approx(whole, abs=1e-12)

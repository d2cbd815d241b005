"""A vector autoregression predicts each row from the rows before it."""

import numpy as np
import pytest

from amiss.detect import VectorAutoregression
from amiss.errors import UsageError
from amiss.types import NO_TIME, Table, Timeline


def _coupled(n=400, seed=0):
    """Return two channels, the second what the first was a row before."""
    first = np.random.default_rng(seed).normal(size=n + 1)
    return np.column_stack([first[1:], first[:-1] + 100.0])


def test_what_follows_from_the_row_before_is_predicted():
    X = _coupled()
    detector = VectorAutoregression(order=1, ridge=0.1).fit(X)
    predicted = detector.reconstruct(X)[1:, 1]
    assert np.abs(predicted - X[1:, 1]).max() < 0.1


def test_a_broken_relation_is_found_though_each_channel_is_as_usual():
    X = _coupled()
    detector = VectorAutoregression(order=2).fit(X[:300])
    X[320:, 1] = np.random.default_rng(1).normal(size=80) + 100
    assert detector.is_anomaly(X)[330:].mean() > 0.9
    assert not detector.is_anomaly(X)[300:320].any()


def test_a_drift_goes_on_without_alarm_and_a_step_of_noise_does_not():
    rng = np.random.default_rng(2)
    drift = np.cumsum(rng.normal(size=900)) + 0.05 * np.arange(900)
    X = np.column_stack([drift, rng.normal(size=900)])
    detector = VectorAutoregression().fit(X[:400])
    assert detector.is_anomaly(X).mean() < 0.05
    X[600:, 1] += 2.5
    assert detector.is_anomaly(X)[625:].mean() > 0.95


def test_scores_are_those_of_the_strictest_model():
    X = _coupled()
    detector = VectorAutoregression(order=1, folds=3).fit(X)
    rows = detector._check(X)
    each = [model.feature_score(rows) for model in detector.models_]
    assert len(each) == 3
    np.testing.assert_allclose(detector.feature_score(X) * detector.margin, np.max(each, axis=0))


def test_the_margin_is_of_later_rows_only():
    X = _coupled()
    plain, wide = (VectorAutoregression(margin=m).fit(X) for m in (1.0, 2.0))
    np.testing.assert_allclose(plain.anomaly_score(X), 2 * wide.anomaly_score(X))
    np.testing.assert_array_equal(plain.training_score_, wide.training_score_)
    assert wide.offset_ == plain.offset_


def test_the_first_rows_of_a_run_do_not_predict_themselves():
    # Runs of four rows at levels of their own: nothing of order 8 can be learnt from them.
    levels = np.repeat(np.random.default_rng(3).normal(size=(60, 2)), 4, axis=0)
    times = np.full(240, NO_TIME)
    series = Table(levels, ("a", "b"), timeline=Timeline(times, np.arange(240) // 4))
    detector = VectorAutoregression().fit(series)
    assert all((model.weights == 0).all() for model in detector.models_)


def test_an_odd_row_in_a_run_of_two_is_seen():
    X = np.random.default_rng(4).normal(size=(400, 2))
    detector = VectorAutoregression().fit(Table(X, ("a", "b")))
    short = Table(
        np.array([[0.0, 0.0], [0.0, 14.0], [0.0, 0.0], [14.0, 0.0], [0.0, 0.0]]),
        ("a", "b"),
        timeline=Timeline(np.full(5, NO_TIME), np.array([0, 0, 1, 2, 2])),
    )
    flagged = detector.is_anomaly(short)
    assert flagged[1]
    assert flagged[3]
    assert not flagged[[0, 2]].any()


@pytest.mark.parametrize("parameters", [{"order": 0}, {"ridge": 0.0}, {"margin": -1.0}])
def test_parameters_that_make_no_sense(parameters):
    with pytest.raises(UsageError, match=next(iter(parameters))):
        VectorAutoregression(**parameters).fit(_coupled(20))

import numpy as np
import pytest

from amiss.detect import EventCounts, SessionEnsemble
from amiss.detect._calibration import Calibration
from amiss.errors import UsageError

NORMAL = [["open", "read", "close"]] * 60 + [["open", "read", "read", "close"]] * 40


def _ensemble():
    return SessionEnsemble(
        members=[("counts", EventCounts()), ("sets", EventCounts("sets"))], random_state=0
    )


def test_score_is_the_sum_of_what_the_members_say():
    ensemble = _ensemble().fit(NORMAL)
    items = [["open", "crash"], ["open", "read", "close"]]
    members = ensemble.member_score(items)
    assert members.shape == (2, 2)
    assert ensemble.member_names == ["counts", "sets"]
    np.testing.assert_allclose(ensemble.anomaly_score(items), members.sum(axis=1))
    assert (members[0] > members[1]).all()


def test_members_given_are_not_changed():
    counts = EventCounts()
    SessionEnsemble(members=[("counts", counts)]).fit(NORMAL)
    assert not hasattr(counts, "offset_")


def test_no_members_is_an_error():
    with pytest.raises(UsageError, match="expected at least one"):
        SessionEnsemble(members=[]).fit(NORMAL)


def test_p_values_of_new_normal_scores_are_uniform_or_larger():
    generator = np.random.default_rng(0)
    calibration = Calibration.learn(generator.normal(size=2000))
    p = calibration.p_value(generator.normal(size=20_000))
    for level in (0.5, 0.1, 0.01):
        assert (p <= level).mean() <= level * 1.3


def test_beyond_the_calibration_scores_rarer_is_still_rarer():
    calibration = Calibration.learn(np.random.default_rng(0).exponential(size=500))
    top = calibration.scores[-1]
    surprise = calibration.surprise(top + np.array([0.1, 1.0, 10.0, 1000.0]))
    assert (np.diff(surprise) > 0).all()
    assert np.isfinite(surprise).all()


def test_constant_calibration_scores_are_no_division_by_zero():
    calibration = Calibration.learn(np.zeros(100))
    surprise = calibration.surprise(np.array([0.0, 0.5, 1.0]))
    assert surprise[0] == 0
    assert (np.diff(surprise) > 0).all()


def test_the_least_surprise_can_be_the_score():
    ensemble = _ensemble().set_params(combine="least").fit(NORMAL)
    items = [["open", "crash"], ["open", "read", "read", "read", "close"]]
    members = ensemble.member_score(items)
    np.testing.assert_allclose(ensemble.anomaly_score(items), members.min(axis=1))
    assert ensemble.anomaly_score(items)[1] < members[1].max()  # an usual set, in unusual numbers
    with pytest.raises(UsageError, match="expected sum or least"):
        _ensemble().set_params(combine="mean").fit(NORMAL)


def test_members_keep_no_training_scores_and_no_score_is_minus_zero():
    ensemble = SessionEnsemble(members=[("counts", EventCounts())]).fit(NORMAL)
    assert not hasattr(ensemble.members_[0][1], "training_score_")
    for scores in (ensemble.training_score_, ensemble.anomaly_score(NORMAL)):
        assert not np.signbit(scores).any()

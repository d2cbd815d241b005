import numpy as np
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import NearestNeighbors

import amiss
from amiss import store
from amiss.detect import TableEnsemble
from amiss.detect._forest import Forest
from amiss.errors import UsageError
from amiss.types import Table

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 3)) * [1.0, 10.0, 0.1] + 5
ODD = np.array([[9.0, -30.0, 5.5], [0.0, 50.0, 4.0]])


def _ensemble(**parameters):
    return TableEnsemble(**{"epochs": 3, "n_trees": 20, "random_state": 0, **parameters})


@pytest.fixture(scope="module")
def fitted():
    return _ensemble().fit(X)


def test_the_score_is_the_mean_of_what_the_members_say(fitted):
    members = fitted.member_score(ODD)
    assert members.shape == (2, len(fitted.member_names))
    np.testing.assert_allclose(fitted.anomaly_score(ODD), members.mean(axis=1))
    assert (members > 2).all()


def test_members_are_on_one_scale():
    fresh = np.random.default_rng(1).normal(size=(2000, 3)) * [1.0, 10.0, 0.1] + 5
    members = _ensemble(epochs=20, n_trees=100).fit(X).member_score(fresh)
    # What training rows score out of fold is what rows alike score.
    np.testing.assert_allclose(np.median(members, axis=0), 0, atol=0.3)
    deviation = 1.4826 * np.median(np.abs(members - np.median(members, axis=0)), axis=0)
    np.testing.assert_allclose(deviation, 1, atol=0.3)


def test_training_scores_leave_the_row_itself_out(fitted):
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    search = NearestNeighbors(n_neighbors=6).fit(scaled)
    own = search.kneighbors(scaled)[0][:, 5]
    assert fitted.median_[1] == pytest.approx(np.median(own), rel=1e-5)
    other = search.kneighbors((ODD - X.mean(axis=0)) / X.std(axis=0), 5)[0][:, 4]
    expected = (other - fitted.median_[1]) / fitted.deviation_[1]
    np.testing.assert_allclose(fitted.member_score(ODD)[:, 1], expected, rtol=1e-5)


def test_labelled_anomalies_reach_deep_sad_alone(fitted):
    both = np.concatenate([X, np.tile([6.0, 10.0, 5.2], (20, 1))])
    unlabelled = [-1] * len(X)
    told = _ensemble().fit(both, unlabelled + [1] * 20)
    apart = _ensemble().fit(X, unlabelled)
    before, after = apart.member_score(both), told.member_score(both)
    np.testing.assert_array_equal(after[:, 1:], before[:, 1:])
    assert (after[len(X) :, 0] > before[len(X) :, 0]).all()
    left_out = _ensemble().fit(both, unlabelled + [-2] * 20)
    np.testing.assert_array_equal(left_out.member_score(both), before)


def test_rows_beyond_what_is_kept_are_scored_too(monkeypatch):
    monkeypatch.setattr("amiss.detect.table_ensemble._LEAST_ROWS", 50)
    monkeypatch.setattr("amiss.detect.table_ensemble._MOST_ROWS", 100)
    fitted = _ensemble().fit(X)
    assert fitted.neighbors_.shape == (100, 3)
    assert np.isfinite(fitted.training_score_).all()
    np.testing.assert_array_equal(_ensemble().fit(X).training_score_, fitted.training_score_)


def test_rows_that_are_all_the_same_are_no_division_by_zero():
    fitted = _ensemble().fit(np.ones((30, 3)))
    usual, odd = fitted.anomaly_score([[1.0, 1.0, 1.0], [1.0, 1.0, 3.0]])
    assert np.isfinite([usual, odd]).all()
    assert odd > usual


def test_a_saved_ensemble_scores_as_before(fitted, tmp_path):
    fitted.save(tmp_path / "d.amiss")
    again = amiss.load(tmp_path / "d.amiss")
    np.testing.assert_array_equal(again.member_score(ODD), fitted.member_score(ODD))
    np.testing.assert_array_equal(again.is_anomaly(X), fitted.is_anomaly(X))
    assert again.history_ == fitted.history_
    again.save(tmp_path / "e.amiss")
    # Not byte for byte: a file says when it was made.
    (first, arrays), (second, others) = (store.read(tmp_path / f"{n}.amiss") for n in "de")
    assert first["content"] == second["content"]
    assert first["arrays_sha256"] == second["arrays_sha256"]
    assert arrays.keys() == others.keys()


@pytest.mark.parametrize("parameters", [{"n_neighbors": 0}, {"n_trees": 0}, {"n_trees": 1.5}])
def test_senseless_numbers_are_refused(parameters):
    key, value = next(iter(parameters.items()))
    with pytest.raises(UsageError, match=f"{key}={value}; expected a whole number"):
        _ensemble(**parameters).fit(X)


def test_a_model_of_rows_detects_explains_and_is_saved(tmp_path):
    columns = ("a", "b", "c")
    model = amiss.fit(Table(X, columns), detector="table-ensemble")
    rows = Table(np.concatenate([X[:40], ODD]), columns)
    found = model.detect(rows)
    assert {finding.id for finding in found[:2]} == {"41", "42"}
    assert model.explain(rows, found[0].id).score == found[0].score
    model.save(tmp_path / "m.amiss")
    again = amiss.load(tmp_path / "m.amiss").detect(rows)
    np.testing.assert_array_equal(again.scores, found.scores)


# The forest.


@pytest.mark.parametrize(("n", "n_rows"), [(1000, 256), (40, 40), (3, 2), (2, 1)])
def test_a_forest_of_arrays_scores_as_that_of_scikit_learn(n, n_rows):
    rows = np.random.default_rng(n).normal(size=(n, 6)).astype(np.float32)
    rows[:, 1] = np.round(rows[:, 1])
    rows[:, 2] = 1.0
    grown = IsolationForest(n_estimators=30, max_samples=n_rows, random_state=0).fit(rows)
    seen = np.concatenate([rows, 3 * np.random.default_rng(9).normal(size=(500, 6))])
    forest = Forest.of(grown)
    np.testing.assert_allclose(forest.score(seen), -grown.score_samples(seen), atol=1e-9, rtol=0)
    learnt, drawn = Forest.learn(rows, n_trees=30, n_rows=n_rows, seed=0)
    np.testing.assert_array_equal(learnt.score(seen), forest.score(seen))
    assert (drawn.sum(axis=0) == n_rows).all()
    again = Forest.from_arrays(forest.arrays())
    np.testing.assert_array_equal(again.score(seen), forest.score(seen))


def test_trees_that_grew_from_a_row_are_not_asked_of_it():
    rows = np.random.default_rng(0).normal(size=(60, 2))
    forest, drawn = Forest.learn(rows, n_trees=100, n_rows=30, seed=0)
    assert forest.score(rows, drawn).mean() > forest.score(rows).mean()
    everywhere = np.ones_like(drawn)
    np.testing.assert_allclose(forest.score(rows, everywhere), forest.score(rows))

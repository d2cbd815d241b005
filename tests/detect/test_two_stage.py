"""Two stages: what each says, and what is final."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.kernel_approximation import Nystroem
from sklearn.neighbors import LocalOutlierFactor
from sklearn.preprocessing import RobustScaler, StandardScaler

import amiss
from amiss.detect import EventCounts, LSTMAutoencoder, TwoStageLabeler, VectorAutoregression
from amiss.errors import InputError, UsageError


def _series(n=300, seed=0):
    values = np.random.default_rng(seed).normal(size=(n, 4))
    values[120:124] += 6
    values[200:203, 0] -= 7
    return values


def _labeler(**parameters):
    stages = {"autoencoder": VectorAutoregression(margin=1.0), "random_state": 0}
    return TwoStageLabeler(**{**stages, **parameters})


X = _series()


@pytest.fixture(scope="module")
def fitted():
    return _labeler().fit(X)


def test_the_forest_marks_its_share(fitted):
    assert fitted.labels_.first.sum() == 6


def test_precision_equals_recall_where_the_error_is_cut(fitted):
    labels = fitted.labels_
    assert labels.second.sum() == labels.first.sum()
    thresholds, precision, recall = fitted.curve_
    at = np.searchsorted(thresholds, fitted.second_threshold_)
    assert precision[at] == pytest.approx(recall[at])
    np.testing.assert_array_equal(labels.second, labels.second_score > fitted.second_threshold_)


def test_labels_stand_at_their_rows():
    spike = np.random.default_rng(0).normal(size=(200, 4))
    spike[90] += 25
    single = VectorAutoregression(windows=(1,), margin=1.0)
    labels = _labeler(contamination=0.005, autoencoder=single).fit(spike).labels_
    assert np.flatnonzero(labels.first).tolist() == [90]
    assert np.flatnonzero(labels.second).tolist() == [90]


@pytest.mark.parametrize("final", ["second", "agreement", "union"])
def test_final_labels_are_selectable(final):
    labeler = _labeler(final=final).fit(X)
    labels = labeler.labels_
    expected = {
        "second": labels.second,
        "agreement": labels.first & labels.second,
        "union": labels.first | labels.second,
    }[final]
    np.testing.assert_array_equal(labels.final, expected)
    np.testing.assert_array_equal(labeler.training_score_ > -labeler.offset_, expected)
    seen = _series(80, seed=4)
    np.testing.assert_array_equal(labeler.label(seen).final, labeler.is_anomaly(seen))


def test_the_marks_are_no_feature_and_rows_marked_are_not_learnt_from(fitted):
    assert fitted.scaler_.n_features_in_ == 4
    left = X[~fitted.labels_.first]
    np.testing.assert_allclose(fitted.scaler_.mean_, left.mean(axis=0))
    np.testing.assert_allclose(
        fitted.projection_.components_,
        PCA(0.9, svd_solver="full").fit(StandardScaler().fit_transform(left)).components_,
    )


def test_the_projection_has_the_components_and_what_they_leave(fitted):
    n_components = fitted.projection_.n_components_
    assert fitted.labels_.projection.shape == (300, n_components + 1)
    assert (fitted.labels_.projection[:, -1] >= 0).all()


def test_what_no_component_describes_is_seen():
    base = np.random.default_rng(1).normal(size=(300, 1))
    together = np.repeat(base, 3, axis=1) + 0.01 * np.random.default_rng(2).normal(size=(300, 3))
    labeler = _labeler(n_components=1).fit(together)
    apart = together[:50].copy()
    apart[25:, 2] *= -1
    scores = labeler.anomaly_score(apart)
    assert np.median(scores[35:]) > scores[:25].max()


def test_every_stage_is_replaceable():
    labeler = _labeler(
        forest=LocalOutlierFactor(novelty=True, contamination=0.03),
        scaler=RobustScaler(),
        projection=PCA(2),
    ).fit(X)
    assert isinstance(labeler.scaler_, RobustScaler)
    assert labeler.labels_.projection.shape == (300, 3)
    assert labeler.labels_.first.sum() > 0
    with pytest.raises(UsageError, match="LocalOutlierFactor was given"):
        labeler.to_state()


def test_a_projection_without_way_back_labels_but_tells_no_channel_apart():
    labeler = _labeler(projection=Nystroem(n_components=2, random_state=0)).fit(X)
    assert labeler.label(X).projection.shape == (300, 2)
    with pytest.raises(UsageError, match="no inverse_transform"):
        labeler.feature_score(X)


def test_the_estimators_that_are_given_are_not_fitted_in_place():
    forest, autoencoder = IsolationForest(random_state=0, contamination=0.02), LSTMAutoencoder()
    autoencoder.set_params(timesteps=4, layers=(4,), epochs=1, random_state=0)
    _labeler(forest=forest, autoencoder=autoencoder).fit(X[:60])
    assert not hasattr(forest, "offset_")
    assert not hasattr(autoencoder, "offset_")


def test_a_file_has_all_stages(fitted, tmp_path):
    fitted.save(tmp_path / "labeler.amiss")
    again = amiss.load(tmp_path / "labeler.amiss")
    for old, new in zip(fitted.label(X), again.label(X), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-6)
    assert again.second_threshold_ == fitted.second_threshold_


def test_rows_all_alike_are_all_normal():
    labeler = _labeler().fit(np.ones((40, 3)))
    assert not labeler.labels_.final.any()


def test_later_rows_are_labelled_as_those_learnt_from():
    labeler = _labeler().fit(X)
    again = labeler.label(X)
    np.testing.assert_array_equal(again.first, labeler.labels_.first)
    assert (again.second & labeler.labels_.second).any()
    assert again.second.mean() < 0.1


def test_a_loaded_labeler_has_the_autoencoder_that_was_given(fitted, tmp_path):
    fitted.save(tmp_path / "labeler.amiss")
    again = amiss.load(tmp_path / "labeler.amiss")
    assert isinstance(again.autoencoder, VectorAutoregression)
    assert again.autoencoder.margin == 1.0


def test_more_components_than_rows():
    wide = np.random.default_rng(0).normal(size=(12, 30))
    assert _labeler(n_components=25).fit(wide).labels_.projection.shape[1] <= 13


def test_a_threshold_instead_of_the_crossing():
    assert _labeler(threshold=2.5).fit(X).second_threshold_ == 2.5


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"final": "both"}, "final='both'"),
        ({"n_components": 0}, "n_components=0"),
        ({"n_components": 1.5}, "n_components=1.5"),
        ({"n_trees": 0}, "n_trees=0"),
        ({"autoencoder": EventCounts()}, "detector of series"),
        ({"contamination": 0.7}, "contamination 0.7"),
    ],
)
def test_two_stage_parameters_that_make_no_sense(parameters, message):
    with pytest.raises(UsageError, match=message):
        _labeler(**parameters).fit(X)


def test_a_first_stage_that_marks_nearly_all_is_refused():
    class Strict(IsolationForest):
        def fit(self, X, y=None, sample_weight=None):
            super().fit(X)
            self.offset_ = 0.0
            return self

    with pytest.raises(InputError, match="leaves 0 of 300 rows"):
        _labeler(forest=Strict()).fit(X)

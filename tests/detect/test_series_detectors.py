"""What all detectors of series promise, and the moving means that they chart."""

import numpy as np
import polars as pl
import pytest

from amiss.detect import CATALOGUE, LSTMAutoencoder, TwoStageLabeler, VectorAutoregression
from amiss.detect._residual_chart import ResidualChart, lagged, moving_mean, usable_lengths
from amiss.detect._series import SeriesRows, blocks, runs_of
from amiss.errors import InputError, UsageError
from amiss.types import NO_TIME, Table, Timeline

NAMES = ("level", "other", "wander")
MAKERS = {
    "lstm-autoencoder": lambda **p: LSTMAutoencoder(
        # What does not learn stops early: most promises do not need a good network.
        **{
            "timesteps": 4,
            "layers": (4, 2),
            "folds": 2,
            "epochs": 50,
            "learning_rate": 1e-8,
            "random_state": 0,
            **p,
        }
    ),
    "two-stage": lambda **p: TwoStageLabeler(
        **{"autoencoder": VectorAutoregression(), "random_state": 0, **p}
    ),
    "vector-autoregression": lambda **p: VectorAutoregression(**p),
}


def _values(n=240, seed=0):
    """Return noise around two levels, and a random walk."""
    noise = np.random.default_rng(seed).normal(size=(n, 3))
    return np.column_stack([noise[:, 0] + 5, noise[:, 1], np.cumsum(noise[:, 2])])


def _series(values, run=None, names=NAMES):
    run = np.zeros(len(values), dtype=np.int64) if run is None else np.asarray(run)
    return Table(values, names, timeline=Timeline(np.full(len(values), NO_TIME), run))


X = _values()


@pytest.fixture(scope="module", params=MAKERS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(name):
    return MAKERS[name]().fit(_series(X))


def test_these_are_all_detectors_of_series():
    assert sorted(MAKERS) == sorted(n for n, e in CATALOGUE.items() if "series" in e.inputs)


# What comes in.


def test_an_array_and_a_frame_are_one_run(name):
    of_table = MAKERS[name]().fit(_series(X)).training_score_
    of_array = MAKERS[name]().fit(X).training_score_
    of_frame = MAKERS[name]().fit(pl.DataFrame(X, schema=list(NAMES))).training_score_
    np.testing.assert_array_equal(of_array, of_table)
    np.testing.assert_array_equal(of_frame, of_table)


def test_a_table_without_times_has_a_run_for_each_file():
    table = Table(X[:4], NAMES, sources=("a", "b"), file=np.array([0, 0, 1, 1]))
    assert runs_of(table, 4).tolist() == [0, 0, 1, 1]


def test_run_numbers_that_come_again_are_other_runs():
    assert runs_of(_series(X[:4], [7, 7, 3, 7]), 4).tolist() == [0, 0, 1, 2]


def test_other_columns_are_refused(fitted):
    with pytest.raises(ValueError, match="feature names"):
        fitted.anomaly_score(_series(X, names=("level", "other", "else")))


def test_cells_that_are_no_numbers_are_named(fitted):
    values = X.copy()
    values[3, 1] = np.nan
    with pytest.raises(InputError, match=r"NaN in row 3, column 'other'"):
        fitted.anomaly_score(_series(values))


def test_one_normal_row_is_too_few(name):
    with pytest.raises(InputError, match="expected two"):
        MAKERS[name]().fit(_series(X[:20]), np.r_[0, np.ones(19)])


@pytest.mark.parametrize(
    "parameters",
    [{"folds": 1}, {"threshold": np.inf}, {"windows": ()}, {"windows": (0, 5)}, {"windows": 5}],
)
def test_parameters_that_make_no_sense_are_refused(parameters):
    for make in (MAKERS["lstm-autoencoder"], MAKERS["vector-autoregression"]):
        with pytest.raises(UsageError, match=next(iter(parameters))):
            make(**parameters).fit(X)


# Runs.


def test_rows_of_a_run_are_scored_without_those_of_others(fitted):
    two = _series(np.concatenate([X[:50], X[100:150]]), np.repeat([0, 1], 50))
    alone = np.concatenate([fitted.anomaly_score(_series(part)) for part in (X[:50], X[100:150])])
    np.testing.assert_allclose(fitted.anomaly_score(two), alone, rtol=1e-9)


def test_every_row_is_judged_in_runs_shorter_than_a_window(fitted):
    scores = fitted.anomaly_score(_series(X[:9], [0, 0, 1, 2, 2, 2, 2, 2, 2]))
    assert scores.shape == (9,)
    assert np.isfinite(scores).all()


def test_an_odd_first_row_is_seen(fitted):
    values = X[:60].copy()
    values[0, 0] += 12
    assert fitted.anomaly_score(_series(values))[0] > np.median(fitted.anomaly_score(_series(X)))


def test_runs_of_a_single_row_can_be_learnt_from(name):
    detector = MAKERS[name]().fit(_series(X[:40], np.arange(40)))
    assert np.isfinite(detector.anomaly_score(_series(X[:40], np.arange(40)))).all()


# What is learnt.


@pytest.mark.parametrize("name", ["vector-autoregression", "lstm-autoencoder"])
def test_a_labelled_fault_changes_neither_threshold_nor_what_is_usual(name):
    values = X.copy()
    values[100:120, 1] += 50
    odd = np.zeros(len(values))
    odd[100:120] = 1
    calm, known = MAKERS[name]().fit(_series(X)), MAKERS[name]().fit(_series(values), odd)
    assert known.offset_ == pytest.approx(calm.offset_, rel=0.4)
    assert known.training_score_[120:140].max() < -1.5 * calm.offset_
    later = _values(60, seed=9)
    later[30:, 1] += 5
    assert known.anomaly_score(_series(later))[50:].min() > -known.offset_


def test_rows_of_a_block_are_scored_by_a_model_that_has_not_seen_them():
    values = X.copy()
    values[180:] = values[180:] * 3 + 20  # the last of four blocks
    scores = VectorAutoregression(order=2).fit(values).training_score_
    assert scores[185:].min() > scores[:175].max()


def test_blocks_follow_the_rows_that_are_learnt_from():
    assert blocks(8, np.array([2, 3, 6, 7]), 2).tolist() == [0, 0, 0, 0, 0, 0, 1, 1]
    assert blocks(3, np.array([0, 2]), 4).tolist() == [0, 0, 1]


def test_a_threshold_that_is_given_is_kept(name):
    detector = MAKERS[name](threshold=3.5).fit(X[:60])
    assert -detector.offset_ == 3.5


# What is said of channels.


def test_the_channel_that_moved_deviates_most(name):
    values = _values(300, seed=1)
    detector = MAKERS[name]().fit(_series(values[:200]))
    values[250:, 0] += 8
    assert detector.feature_score(_series(values))[270:].mean(axis=0).argmax() == 0


def test_judge_says_the_same_as_its_parts(fitted):
    judged = fitted.judge(_series(X))
    np.testing.assert_array_equal(judged.score, fitted.anomaly_score(_series(X)))
    np.testing.assert_array_equal(judged.feature_score, fitted.feature_score(_series(X)))
    np.testing.assert_array_equal(judged.reconstruction, fitted.reconstruct(_series(X)))
    np.testing.assert_array_equal(judged.values, X)
    assert judged.reconstruction.shape == X.shape
    assert judged.feature_names == NAMES


@pytest.mark.parametrize("name", ["vector-autoregression", "lstm-autoencoder"])
def test_a_flagged_row_has_a_channel_that_deviates(name):
    values = _values(400, seed=3)
    values[300:330, 1] += 9
    judged = MAKERS[name]().fit(_series(X)).judge(_series(values))
    assert judged.is_anomaly.any()
    assert judged.feature_is_anomaly[judged.is_anomaly].any(axis=1).all()


def test_infer_threshold_moves_both_thresholds(name):
    detector = MAKERS[name]().fit(X)
    detector.infer_threshold(X, 90)
    assert np.isclose(detector.is_anomaly(X).mean(), 0.1, atol=0.01)
    largest = detector.feature_score(X).max(axis=1)
    assert np.isclose((largest > detector.feature_threshold_).mean(), 0.1, atol=0.01)


def test_state_goes_there_and_back(fitted):
    manifest, arrays = fitted.to_state()
    again = type(fitted)(**manifest["parameters"])
    again.from_state(manifest, arrays)
    seen = _series(_values(70, seed=5), np.repeat([0, 1], 35))
    np.testing.assert_allclose(again.feature_score(seen), fitted.feature_score(seen), rtol=1e-5)
    np.testing.assert_allclose(again.anomaly_score(seen), fitted.anomaly_score(seen), rtol=1e-5)
    assert again.feature_threshold_ == fitted.feature_threshold_


# Moving means.


def test_moving_means_begin_anew_with_a_run():
    rows = SeriesRows(np.arange(6.0)[:, None], np.array([0, 0, 0, 1, 1, 1]))
    mean, count = moving_mean(rows, 3)
    assert mean.ravel().tolist() == [0.0, 0.5, 1.0, 3.0, 3.5, 4.0]
    assert count.tolist() == [1, 2, 3, 1, 2, 3]


def test_before_a_run_there_is_its_first_row():
    rows = SeriesRows(np.array([[1.0, 5.0], [2.0, 6.0], [9.0, 7.0]]), np.array([0, 0, 1]))
    assert lagged(rows, 1).tolist() == [[1.0, 5.0], [1.0, 5.0], [9.0, 7.0]]


def test_a_small_step_stands_out_in_long_means_only():
    noise = np.random.default_rng(0).normal(size=(600, 1))
    noise[400:] += 1.5
    rows = SeriesRows(noise, np.zeros(600, dtype=np.int64))
    taught = np.arange(600) < 400
    constant = np.zeros(1, dtype=np.bool_)
    charts = {w: ResidualChart.learn(rows, taught, [w], constant=constant) for w in (1, 20)}
    scores = {w: chart.score(rows).ravel() for w, chart in charts.items()}
    found = {w: np.mean(s[420:] > np.quantile(s[:400], 0.99)) for w, s in scores.items()}
    assert found[20] > 0.95 > 0.5 > found[1]


def test_residuals_that_drift_are_expected_from_their_past():
    drift = 0.05 * np.arange(800) + np.random.default_rng(1).normal(size=800)
    rows = SeriesRows(drift[:, None], np.zeros(800, dtype=np.int64))
    taught = np.arange(800) < 400
    constant = np.zeros(1, dtype=np.bool_)
    as_they_are, expected = (
        ResidualChart.learn(rows, taught, (1, 5), constant=constant, order=order).score(rows)[400:]
        for order in (0, 3)
    )
    assert np.median(expected) < 2 < np.median(as_they_are)


def test_a_channel_that_never_varied_stands_out_once_it_does():
    rows = SeriesRows(np.zeros((50, 1)), np.zeros(50, dtype=np.int64))
    chart = ResidualChart.learn(rows, np.ones(50, bool), (1,), constant=np.ones(1, bool))
    moved = SeriesRows(np.array([[0.0], [1.0]]), np.zeros(2, dtype=np.int64))
    assert chart.score(moved).ravel().tolist() == [0.0, 4.0]


def test_a_mean_with_a_row_that_is_not_taught_teaches_nothing():
    noise = np.random.default_rng(0).normal(size=(1000, 1))
    noise[300:340] += 50
    taught = np.ones(1000, dtype=np.bool_)
    taught[300:340] = False
    rows = SeriesRows(noise, np.zeros(1000, dtype=np.int64))
    chart = ResidualChart.learn(rows, taught, (20,), constant=np.zeros(1, bool))
    assert chart.scale[0, 0] < 0.4


def test_lengths_that_few_rows_tell_nothing_of_are_left_out():
    assert usable_lengths((1, 5, 10, 20), np.repeat([0, 1], 100)) == [1, 5, 10, 20]
    assert usable_lengths((5, 10), np.repeat([0, 1], [49, 80])) == [5]
    assert usable_lengths((5, 10), np.array([0, 1])) == [1]

"""What all detectors of tables promise, whatever they learn."""

import pickletools
import zipfile

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import amiss
from amiss.detect import AEGMM, CATALOGUE, VAE, get_detector
from amiss.errors import InputError, UsageError
from amiss.types import Table

NAMES = [name for name, entry in CATALOGUE.items() if "table" in entry.inputs]
RECONSTRUCTING = [name for name in NAMES if hasattr(get_detector(name), "judge")]
reconstructing = pytest.mark.parametrize("name", RECONSTRUCTING, scope="module")
"""Only detectors that reconstruct promise this; the fixtures below are of those then."""
NETWORKS = [name for name in NAMES if name != "table-ensemble"]
of_networks = pytest.mark.parametrize("name", NETWORKS, scope="module")
"""Only detectors that are networks and nothing else promise this."""
COLUMNS = ("a", "b", "sum", "one")
# What does not learn stops after an epoch or two: most promises do not need a good network.
QUICK = {
    "hidden": (4,), "latent": 2, "epochs": 200, "patience": 1, "validation_fraction": 0.3,
    "learning_rate": 1e-8, "n_networks": 1, "folds": 0, "n_components": 2, "n_trees": 4,
    "random_state": 0,
}  # fmt: skip
# 200 steps.
SMALL = {
    "hidden": (8,), "latent": 2, "epochs": 2, "n_networks": 1, "folds": 0,
    "n_components": 4, "random_state": 0,
}  # fmt: skip


def _made(name, parameters):
    """Return a detector with those of the parameters that it has."""
    known = get_detector(name)().get_params(deep=False)
    if "patience" not in known:  # nothing would stop it early
        parameters = {**parameters, "epochs": min(parameters["epochs"], 2)}
    return get_detector(name)(**{n: v for n, v in parameters.items() if n in known})


def _quick(name, **parameters):
    return _made(name, {**QUICK, **parameters})


def _small(name, **parameters):
    return _made(name, {**SMALL, **parameters})


def _copy(detector):
    manifest, arrays = detector.to_state()
    again = type(detector)(**manifest["parameters"])
    again.from_state(manifest, arrays)
    return again


def _rows(n=120, seed=0):
    """Return rows of which the third column is the sum of two, and the fourth never varies."""
    base = np.random.default_rng(seed).normal(size=(n, 2))
    return np.column_stack([base, base.sum(axis=1) + 20, np.full(n, 5.0)])


X = _rows()
SEEN = np.concatenate([_rows(10, 1), [[1.0, 1.0, 18.0, 5.0]]])  # the sum of the last is wrong


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def quick(name):
    return _quick(name).fit(X)


@pytest.fixture(scope="module")
def named(name):
    return _quick(name).fit(Table(X, COLUMNS))


@pytest.fixture(scope="module")
def small(name):
    return _small(name).fit(X)


# The outside: scikit-learn.


@parametrize_with_checks([_quick(name, n_components=1) for name in NAMES])
def test_scikit_learn_finds_nothing_to_object_to(estimator, check):
    if "array_api" in getattr(check, "func", check).__name__:
        pytest.skip("array API dispatch is not offered")
    check(estimator)


def test_hardly_a_check_of_scikit_learn_is_left_out(name):
    assert len(list(estimator_checks_generator(_quick(name)))) > 45


# What comes in.


@pytest.mark.parametrize(
    "form",
    [
        lambda rows: Table(rows, COLUMNS),
        lambda rows: pl.DataFrame(rows, schema=list(COLUMNS)),
        lambda rows: pd.DataFrame(rows, columns=COLUMNS),
        lambda rows: pd.DataFrame(rows, columns=COLUMNS).astype(object),
        lambda rows: pd.DataFrame(rows, columns=COLUMNS).convert_dtypes(),
    ],
    ids=["Table", "polars", "pandas", "objects", "nullable"],
)
def test_frames_score_as_the_array_does(name, quick, named, form):
    fitted = _quick(name).fit(form(X))
    assert fitted.feature_names() == COLUMNS
    expected = quick.anomaly_score(SEEN)
    np.testing.assert_array_equal(fitted.anomaly_score(form(SEEN)), expected)
    np.testing.assert_array_equal(named.anomaly_score(form(SEEN)), expected)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_lists_and_integers_score_as_the_array_does(quick, named):
    rows = np.round(SEEN)
    expected = quick.anomaly_score(rows)
    np.testing.assert_array_equal(quick.anomaly_score(rows.tolist()), expected)
    np.testing.assert_array_equal(quick.anomaly_score(rows.astype(int)), expected)
    np.testing.assert_array_equal(quick.anomaly_score(rows.astype(np.float32)), expected)
    np.testing.assert_array_equal(named.anomaly_score(rows.tolist()), expected)


def test_scores_do_not_depend_on_the_batch(small):
    together = small.anomaly_score(SEEN)
    alone = [small.anomaly_score(row[None])[0] for row in SEEN]
    np.testing.assert_allclose(alone, together, rtol=1e-9)
    # More rows than are scored at once.
    many = small.anomaly_score(np.tile(SEEN, (800, 1)))
    np.testing.assert_allclose(many, np.tile(together, 800), rtol=1e-9)


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "inf")])
def test_values_that_are_not_finite_are_told_by_row_and_column(quick, named, value, word):
    rows = SEEN.copy()
    rows[3, 2] = value
    with pytest.raises(InputError, match=rf"{word} in row 3, column 2; expected finite"):
        quick.anomaly_score(rows)
    with pytest.raises(InputError, match=rf"{word} in row 3, column 'sum'; expected"):
        named.anomaly_score(Table(rows, COLUMNS))
    rows[5:7, 0] = np.nan
    with pytest.raises(InputError, match="row 3, column 2, and 2 more"):
        _quick(quick.name).fit(rows)


def test_missing_values_of_frames_are_told_by_row_and_column(name):
    column = [1, None, 3]
    for frame in (
        pl.DataFrame({"a": [1, 2, 3], "b": column}),
        pd.DataFrame({"a": [1, 2, 3], "b": pd.array(column, dtype="Int64")}),
    ):
        with pytest.raises(InputError, match="NaN in row 1, column 'b'"):
            _quick(name).fit(frame)


def test_columns_that_are_not_numbers_are_named(name):
    columns = {"a": [1.0, 2.0], "word": ["x", "y"], "when": pd.to_datetime(["2020", "2021"])}
    frame = pd.DataFrame({**columns, "sort": pd.Categorical(["u", "v"]), "n": [True, False]})
    with pytest.raises(InputError, match=r"not numbers: word, when, sort; expected numeric"):
        _quick(name).fit(frame)
    polars = pl.DataFrame({"a": [1.0, 2.0], "word": ["x", "y"], "n": [True, False]})
    with pytest.raises(InputError, match=r"not numbers: word; expected numeric columns: drop"):
        _quick(name).fit(polars)


def test_other_columns_are_refused(named):
    with pytest.raises(ValueError, match=r"(?s)feature names should match.*other"):
        named.anomaly_score(Table(SEEN, ("a", "b", "sum", "other")))
    with pytest.raises(ValueError, match="same order"):
        named.anomaly_score(Table(SEEN[:, ::-1], COLUMNS[::-1]))


@pytest.mark.parametrize(
    "method", ["anomaly_score", "transform", "feature_score", "judge", "reconstruct"]
)
def test_every_method_checks_what_it_is_given(quick, method):
    if method != "anomaly_score" and quick.name not in RECONSTRUCTING:
        assert hasattr(quick, method) == (method == "transform" and quick.name in NETWORKS)
        if not hasattr(quick, method):
            return
    with pytest.raises(ValueError, match=r"3 features.*expecting 4"):
        getattr(quick, method)(np.zeros((2, 3)))
    with pytest.raises(InputError, match="NaN in row 0, column 1"):
        getattr(quick, method)([[0, np.nan, 0, 0]])


def test_sparse_rows_are_refused_in_clear_words_where_they_are_not_taken(name):
    if get_detector(name).accepts_sparse:
        assert np.isfinite(_quick(name).fit(sp.csr_array(X)).anomaly_score(SEEN)).all()
        return
    with pytest.raises(TypeError, match=r"Sparse.*toarray"):
        _quick(name).fit(sp.csr_array(X))


def test_what_is_no_table_is_refused_in_clear_words(name, quick):
    with pytest.raises(ValueError, match="Expected 2D array"):
        quick.anomaly_score(X[0])
    images = "images" in quick.inputs
    three = r"\(6, 20, 4\).*\(n, channels, height, width\)" if images else "Found array with dim 3"
    with pytest.raises(ValueError, match=three):
        quick.anomaly_score(X.reshape(6, 20, 4))
    four = "learnt from rows of 4 col" if images else f"{name} takes tables, not"
    with pytest.raises(InputError, match=rf"images of 2 × 2 pixels .* {four}" if images else four):
        quick.anomaly_score(np.zeros((3, 1, 2, 2)))
    for nothing in ([], np.empty((0, 4))):
        with pytest.raises(ValueError, match=r"expected|minimum of 1"):
            quick.anomaly_score(nothing)


def test_a_single_row_cannot_say_what_is_normal(name, quick):
    with pytest.raises(InputError, match=r"n_samples=1.*expected two or more"):
        _quick(name).fit(X[:1])
    assert _quick(name).fit(X[:2]).anomaly_score(X[:1]).shape == (1,)
    assert quick.anomaly_score(X[:1]).shape == (1,)


def test_constant_columns_are_no_harm_and_a_change_of_them_is_odd(name, small):
    changed = X[:5] + np.array([0.0, 0.0, 0.0, 3.0])
    assert small.anomaly_score(changed).min() > np.quantile(small.anomaly_score(X), 0.99)
    constant = _quick(name).fit(np.full((20, 3), 1e6))
    scores = constant.anomaly_score([[1e6] * 3, [1e6, 1e6, 1e6 + 50]])
    assert np.isfinite(scores).all()
    assert scores[1] > scores[0]


def test_units_of_the_columns_do_not_matter(name, small):
    units, origin = np.array([1e-6, 1e6, 100.0, 1.0]), np.array([0.0, 1e6, -50.0, 9.0])
    other = _small(name).fit(X * units + origin)
    scores = other.anomaly_score(SEEN * units + origin)
    np.testing.assert_allclose(scores, small.anomaly_score(SEEN), rtol=0.05, atol=0.05)


# Labels.


def test_what_is_left_out_is_not_learnt(name):
    both = np.concatenate([X, np.tile([1.0, 1.0, 14.0, 5.0], (30, 1))])
    normal = [0] * len(X)
    expected = _quick(name, folds=2).fit(X, normal)
    fitted = _quick(name, folds=2).fit(both, [*normal, *[-2] * 30])
    np.testing.assert_array_equal(fitted.anomaly_score(SEEN), expected.anomaly_score(SEEN))
    np.testing.assert_array_equal(fitted.training_score_[: len(X)], expected.training_score_)
    assert np.isfinite(fitted.training_score_).all()


@reconstructing
def test_labelled_anomalies_and_what_is_left_out_are_not_learnt(name):
    odd = np.tile([1.0, 1.0, 14.0, 5.0], (30, 1))
    both = np.concatenate([X, odd])
    left = [0] * len(X)
    # Each way the same rows are learnt from, so the networks are the same.
    expected = _quick(name, folds=2).fit(X).anomaly_score(SEEN)
    for label in (1, -2, True):
        fitted = _quick(name, folds=2).fit(both, left + [label] * 30)
        np.testing.assert_array_equal(fitted.anomaly_score(SEEN), expected)
        assert fitted.training_score_.shape == (len(both),)
        assert np.isfinite(fitted.training_score_).all()
    for label in (-1, 0):
        fitted = _quick(name).fit(both, left + [label] * 30)
        assert (fitted.mean_ == both.mean(axis=0)).all()


def test_labels_that_leave_nothing_are_refused(name):
    with pytest.raises(InputError, match="0 of 120 items are not labelled anomalies; expected two"):
        _quick(name).fit(X, [1] * len(X))
    with pytest.raises(InputError, match="1 of 120 items are"):
        _quick(name).fit(X, [0] + [-2] * (len(X) - 1))
    with pytest.raises(InputError, match="2 labels for 120 items"):
        _quick(name).fit(X, [0, 1])


# Thresholds and verdicts.


def test_a_bare_detector_flags_the_share_it_was_told(name):
    for share in (0.05, 0.25):
        fitted = _quick(name, contamination=share).fit(X)
        assert fitted.is_anomaly(X).mean() == pytest.approx(share, abs=1 / len(X))


def test_a_threshold_that_is_given_is_the_threshold(name, quick):
    cut = float(np.median(quick.anomaly_score(SEEN)))
    fitted = _quick(name, threshold=cut).fit(X)
    assert fitted.is_anomaly(SEEN).sum() == len(SEEN) // 2
    if name in RECONSTRUCTING:
        assert fitted.judge(SEEN).threshold == cut
        np.testing.assert_array_equal(fitted.judge(SEEN).is_anomaly, fitted.is_anomaly(SEEN))


def test_an_inferred_threshold_leaves_the_stated_share_below(name):
    fitted = _quick(name).fit(X)
    rows = _rows(400, 3)
    for percentage, n_above in ((95, 20), (75, 100), (100, 0)):
        assert fitted.infer_threshold(rows, percentage) is fitted
        assert fitted.is_anomaly(rows).sum() == n_above


@reconstructing
@pytest.mark.parametrize("outlier_type", ["instance", "feature"])
def test_inferred_thresholds_leave_the_stated_share_below(name, outlier_type):
    fitted = _quick(name, outlier_type=outlier_type).fit(X)
    rows = _rows(400, 3)
    for percentage, n_above in ((95, 20), (75, 100), (100, 0)):
        assert fitted.infer_threshold(rows, percentage) is fitted
        verdict = fitted.judge(rows)
        assert verdict.is_anomaly.sum() == n_above
        flagged = verdict.feature_is_anomaly.mean()
        assert flagged == pytest.approx(1 - percentage / 100, abs=0.001)


@reconstructing
def test_a_hundred_percent_lie_below_however_many_they_are(name):
    fitted = _quick(name, outlier_type="feature").fit(X)
    rows = _rows(4101, 4)
    rows[-1, 0] = 50.0  # the largest is no row that a stride would meet
    assert not fitted.infer_threshold(rows, 100).judge(rows).is_anomaly.any()
    assert fitted.infer_threshold(rows, 99).judge(rows).is_anomaly.sum() == 41


def test_a_margin_cuts_above_by_a_share_of_the_spread(quick):
    scores = quick.anomaly_score(X)
    fitted = _copy(quick).infer_threshold(X, 90, margin=0.5)
    cut, middle = np.percentile(scores, 90), np.median(scores)
    assert -fitted.offset_ == pytest.approx(cut + 0.5 * (cut - middle))
    if quick.name in RECONSTRUCTING:
        features = fitted.feature_threshold_
        assert features > fitted.infer_threshold(X, 90).feature_threshold_


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0.0,), "threshold_perc=0"), ((101.0,), "threshold_perc=101"), ((95.0, -1.0), "margin=-1")],
)
def test_senseless_thresholds_are_refused(quick, arguments, message):
    with pytest.raises(UsageError, match=message):
        quick.infer_threshold(X, *arguments)


@reconstructing
def test_a_judgement_says_it_all_in_one_object(named):
    table = Table(SEEN, COLUMNS)
    found = named.judge(table)
    assert len(found) == len(SEEN)
    np.testing.assert_array_equal(found.score, named.anomaly_score(table))
    assert found.threshold == -named.offset_
    np.testing.assert_array_equal(found.is_anomaly, named.is_anomaly(table))
    np.testing.assert_array_equal(found.feature_score, named.feature_score(table))
    assert found.feature_score.shape == found.reconstruction.shape == SEEN.shape
    expected = found.feature_score > named.feature_threshold_
    np.testing.assert_array_equal(found.feature_is_anomaly, expected)
    assert found.feature_threshold == named.feature_threshold_
    np.testing.assert_array_equal(found.values, SEEN)
    np.testing.assert_array_equal(found.reconstruction, named.reconstruct(table))
    assert found.feature_names == COLUMNS


@reconstructing
def test_the_verdict_goes_by_the_largest_feature_where_it_is_told_so(name):
    fitted = _small(name, outlier_type="feature", contamination=0.05).fit(X)
    largest = fitted.feature_score(X).max(axis=1)
    flagged = fitted.judge(X).is_anomaly
    assert flagged.sum() == 6
    assert largest[flagged].min() > largest[~flagged].max()


def test_columns_without_names_are_numbered(quick):
    numbered = tuple(f"feature {i}" for i in range(4))
    assert quick.feature_names() == numbered
    if quick.name in RECONSTRUCTING:
        assert quick.judge(SEEN).feature_names == numbered


# What the networks make of rows.


@reconstructing
def test_the_column_that_deviates_is_told(name):
    # Six columns of two that vary: one that does not fit the others is seen by itself.
    base = np.random.default_rng(0).normal(size=(400, 2))
    rows = base @ np.random.default_rng(1).normal(size=(2, 6)) * [1, 10, 100, 1, 1, 1] + 3
    fitted = _small(name, hidden=(16,), epochs=3, score_type="mse").fit(rows)
    for column in range(6):
        odd = rows[:20].copy()
        odd[:, column] += 4 * rows[:, column].std()
        found = fitted.judge(odd)
        assert (found.feature_score.argmax(axis=1) == column).mean() > 0.8
        assert found.feature_is_anomaly[:, column].mean() > 0.8
    # In the units of the data: as far from the values as a fraction of the spread.
    error = np.sqrt(((fitted.reconstruct(rows) - rows) ** 2).mean(axis=0))
    assert (error < 0.5 * rows.std(axis=0)).all()
    expected = ((fitted.reconstruct(rows) - rows) / rows.std(axis=0)) ** 2
    np.testing.assert_allclose(fitted.feature_score(rows), expected, rtol=1e-6)


@of_networks
def test_encodings_have_their_shape(quick):
    assert quick.transform(SEEN).shape == (len(SEEN), 2)


@reconstructing
def test_reconstruction_features_have_their_shape(quick):
    features = quick.recon_features(SEEN)
    assert features.shape == (len(SEEN), 2)
    assert (np.abs(features[:, 0]) <= 1).all()
    assert (features[:, 1] >= 0).all()


@reconstructing
def test_reconstruction_features_are_finite_of_rows_that_are_the_mean(quick):
    features = quick.recon_features([quick.mean_, quick.mean_ + 1e6])
    assert np.isfinite(features).all()
    assert abs(features[0, 0]) <= 1


@reconstructing
def test_the_score_may_look_at_the_worst_columns_alone(name):
    rows = np.random.default_rng(0).normal(size=(100, 10))
    kinds = {"score_type": "mse"}
    whole, worst, three = (
        _quick(name, outlier_perc=percentage, **kinds).fit(rows) for percentage in (None, 1, 30)
    )
    features = np.sort(whole.feature_score(rows), axis=1)
    np.testing.assert_allclose(whole.anomaly_score(rows), features.mean(axis=1))
    np.testing.assert_allclose(worst.anomaly_score(rows), features[:, -1])
    np.testing.assert_allclose(three.anomaly_score(rows), features[:, -3:].mean(axis=1))


@reconstructing
def test_several_networks_score_by_their_mean(name):
    fitted = _quick(name, n_networks=3, score_type="mse").fit(X)
    np.testing.assert_allclose(fitted.anomaly_score(SEEN), fitted.feature_score(SEEN).mean(axis=1))
    assert fitted.transform(SEEN).shape == (len(SEEN), 2)
    one = _quick(name, score_type="mse").fit(X)
    assert not np.allclose(one.anomaly_score(SEEN), fitted.anomaly_score(SEEN))


SCORES = [
    (name, score)
    for name, scores in (
        ("deep-sad", ("distance", "scaled")),
        ("vae", ("combined", "mse", "probability")),
        ("aegmm", ("combined", "mse", "energy")),
        ("vaegmm", ("combined", "mse", "energy")),
    )
    for score in scores
]


@pytest.mark.parametrize(("name", "score_type"), SCORES)
def test_each_kind_of_score_ranks_what_is_far_off_first(name, score_type):
    fitted = _small(name, score_type=score_type).fit(X)
    far = [[9.0, -9.0, 80.0, 5.0], [1.0, 1.0, -20.0, 5.0]]
    scores = fitted.anomaly_score([*_rows(100, 5), *far])
    assert scores.dtype == np.float64
    assert scores[-2:].min() > scores[:-2].max()
    beyond = fitted.anomaly_score([[1e30, 0.0, 0.0, 5.0], [1e100] * 4])
    assert (beyond > scores.max()).all()


@of_networks
def test_each_detector_is_tried_with_each_kind_of_score(name):
    kinds = ", ".join(sorted(kind for tried, kind in SCORES if tried == name))
    with pytest.raises(UsageError, match=rf"expected one of: {kinds}$"):
        _quick(name, score_type="other").fit(X)


@reconstructing
def test_one_component_scores_by_a_distance(name):
    fitted = _small(name, score_type="combined", n_components=1).fit(X)
    assert (fitted.anomaly_score(SEEN) >= 0).all()


def test_encodings_drawn_once_for_all_give_the_same_score_again():
    for name in ("vae", "vaegmm"):
        fitted = _quick(name, samples=3, score_type="mse").fit(X)
        scores = fitted.anomaly_score(SEEN)
        np.testing.assert_array_equal(fitted.anomaly_score(SEEN), scores)
        np.testing.assert_allclose(fitted.anomaly_score(SEEN[4:5]), scores[4:5])
        plain = _quick(name, score_type="mse").fit(X)
        assert not np.allclose(plain.anomaly_score(SEEN), scores)


# Training.


@reconstructing
def test_training_scores_are_out_of_fold_unless_told_otherwise(name):
    # Few rows and a large network: those learnt by heart score lower than unseen ones.
    rows = np.random.default_rng(0).normal(size=(30, 6))
    heart = {"hidden": (32,), "latent": 6, "epochs": 400, "score_type": "mse", "n_networks": 1}
    fitted = _small(name, **{**heart, "folds": 3}).fit(rows)
    inside = fitted.anomaly_score(rows)
    assert np.median(fitted.training_score_) > 1.3 * np.median(inside)
    bare = _quick(name, folds=0).fit(rows)
    np.testing.assert_array_equal(bare.training_score_, bare.anomaly_score(rows))


def test_folds_do_not_change_the_share_that_a_detector_flags(name):
    for folds in (0, 2, 500):  # more than rows: each is a fold
        fitted = _quick(name, folds=folds).fit(X[:6])
        assert np.isfinite(fitted.training_score_).all()


@reconstructing
def test_validation_rows_are_told_apart_in_the_history(name, small):
    assert "validation_loss" not in small.history_[0]
    fitted = _small(name, validation_fraction=0.25).fit(X)
    assert {"epoch", "loss", "validation_loss"} <= set(fitted.history_[0])
    losses = [entry["validation_loss"] for entry in fitted.history_]
    assert min(losses) < losses[0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"score_type": "logp"}, r"score_type='logp'; expected one of: "),
        ({"folds": 1}, "folds=1; expected 2 or more, or 0"),
        ({"folds": -1}, "folds=-1"),
        ({"epochs": 0}, "epochs=0; expected a whole number, 1 or more"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"patience": 0}, "patience=0"),
        ({"n_networks": 0}, "n_networks=0"),
        ({"learning_rate": 0.0}, "learning_rate=0.0; expected more than 0"),
        ({"threshold": np.inf}, "threshold=inf; expected a finite number"),
        ({"contamination": 0.0}, "contamination 0.0"),
        ({"hidden": 4}, r"hidden=4"),
        ({"hidden": (4, 0)}, r"hidden=\(4, 0\)"),
        ({"latent": 0}, "latent=0"),
        ({"device": "abacus"}, "device 'abacus'; expected auto, cpu or cuda"),
    ],
)
def test_senseless_parameters_are_refused(name, parameters, message):
    if not parameters.keys() <= get_detector(name)().get_params().keys():
        assert name not in NETWORKS
        return
    with pytest.raises(UsageError, match=message):
        _quick(name, **parameters).fit(X)


@reconstructing
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "n_components=0"),
        ({"outlier_perc": 0}, "outlier_perc=0; expected a percentage above 0"),
        ({"outlier_perc": 101}, "outlier_perc=101"),
        ({"outlier_type": "row"}, "outlier_type='row'; expected instance or feature"),
        ({"validation_fraction": 1.0}, "validation_fraction=1.0"),
        ({"hidden": ()}, r"hidden=\(\)"),
    ],
)
def test_senseless_parameters_of_autoencoders_are_refused(name, parameters, message):
    with pytest.raises(UsageError, match=message):
        _quick(name, **parameters).fit(X)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("vae", {"sim": 0.0}),
        ("vae", {"samples": -1}),
        ("vaegmm", {"sim": -1.0}),
        ("vaegmm", {"samples": -1}),
        ("vaegmm", {"w_energy": -0.1}),
        ("aegmm", {"noise": -0.1}),
        ("aegmm", {"w_covariance": -0.1}),
    ],
)
def test_senseless_parameters_of_their_own_are_refused(name, parameters):
    key, value = next(iter(parameters.items()))
    with pytest.raises(UsageError, match=f"{key}={value}"):
        _quick(name, **parameters).fit(X)


def test_what_is_searched_are_parameters(name):
    cls = get_detector(name)
    assert set(cls.search_space) <= set(cls().get_params())


# Files.


@pytest.mark.parametrize(("name", "score_type"), SCORES)
def test_a_saved_detector_scores_and_judges_as_before(name, score_type, tmp_path):
    parameters = {"samples": 2, "n_networks": 2, "score_type": score_type}
    table = Table(SEEN, COLUMNS)
    fitted = _quick(name, **parameters).fit(Table(X, COLUMNS)).infer_threshold(Table(X, COLUMNS))
    fitted.save(tmp_path / "d.amiss")
    again = amiss.load(tmp_path / "d.amiss")
    assert type(again) is type(fitted)
    assert again.get_params() == fitted.get_params() | {"hidden": again.hidden}
    np.testing.assert_array_equal(again.anomaly_score(table), fitted.anomaly_score(table))
    assert again.offset_ == fitted.offset_
    assert again.feature_names() == COLUMNS
    if name in RECONSTRUCTING:
        before, after = fitted.judge(table), again.judge(table)
        parts = ("score", "is_anomaly", "feature_score", "feature_is_anomaly", "reconstruction")
        for part in parts:
            np.testing.assert_array_equal(getattr(after, part), getattr(before, part))
        assert after.feature_threshold == before.feature_threshold
        assert after.feature_names == COLUMNS
    np.testing.assert_array_equal(again.transform(table), fitted.transform(table))
    assert again.history_ == fitted.history_
    with pytest.raises(ValueError, match="same order"):
        again.anomaly_score(Table(SEEN[:, ::-1], COLUMNS[::-1]))


def test_what_was_loaded_is_saved_and_fitted_like_what_was_fitted(quick, tmp_path):
    quick.save(tmp_path / "d.amiss")
    again = amiss.load(tmp_path / "d.amiss")
    again.save(tmp_path / "e.amiss")
    np.testing.assert_array_equal(
        amiss.load(tmp_path / "e.amiss").anomaly_score(SEEN), quick.anomaly_score(SEEN)
    )
    np.testing.assert_array_equal(again.fit(X).anomaly_score(SEEN), quick.anomaly_score(SEEN))


def test_a_file_is_small_and_holds_data_alone(quick, tmp_path):
    path = tmp_path / "d.amiss"
    quick.save(path)
    # Trees and the rows that may be neighbours are more than the weights of a small network.
    assert path.stat().st_size < (20_000 if quick.name in NETWORKS else 50_000)
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == ["arrays.safetensors", "manifest.json"]
        for part in archive.namelist():
            with pytest.raises((ValueError, IndexError, UnicodeError)):
                list(pickletools.genops(archive.read(part)))


def test_values_beyond_all_bounds_are_the_most_anomalous():
    X = np.random.default_rng(0).normal(size=(60, 3))
    detector = AEGMM(hidden=(4,), epochs=2, random_state=0).fit(X)
    scores = detector.anomaly_score(np.vstack([X, [1e200, 0, 0], [1e308, -1e308, 0]]))
    assert np.isfinite(scores).all()
    assert scores[:-2].max() < scores[-2:].min()


def test_words_for_labels_are_refused():
    X = np.random.default_rng(0).normal(size=(10, 3))
    with pytest.raises(InputError, match="Unknown label type: 'anomaly'; expected 1"):
        VAE(epochs=1).fit(X, ["anomaly"] * 10)


def test_pixels_that_are_not_from_0_to_1_are_refused():
    images = np.full((5, 1, 4, 4), 200, dtype=np.uint8)
    with pytest.raises(InputError, match="divide them by 255"):
        VAE(epochs=1).fit(images)


def test_parameters_of_numpy_are_stored(tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 3))
    detector = VAE(hidden=np.array([4]), n_components=np.int64(2), epochs=1, random_state=0).fit(X)
    detector.save(tmp_path / "m.amiss")
    np.testing.assert_array_equal(
        amiss.load(tmp_path / "m.amiss").anomaly_score(X), detector.anomaly_score(X)
    )


def test_many_epochs_of_one_step_do_not_stop_before_anything_is_learnt():
    X = np.random.default_rng(0).normal(size=(70, 4)) @ np.diag([1, 1, 0.1, 0.1])
    history = VAE(hidden=(8,), epochs=300, folds=0, random_state=0).fit(X).history_
    assert history[-1]["loss"] < history[0]["loss"] / 2


@pytest.mark.parametrize("detector", [VAE, AEGMM])
def test_an_odd_row_that_was_learnt_from_is_not_the_most_normal(detector):
    t = np.random.default_rng(0).normal(size=(1000, 2))
    X = np.column_stack([t, t.sum(axis=1)])
    X[0] = [1, 1, -9]
    fitted = detector(epochs=5, random_state=0).fit(X)
    for scores in (fitted.anomaly_score(X), fitted.training_score_):
        assert scores[0] > np.quantile(scores[1:], 0.98)

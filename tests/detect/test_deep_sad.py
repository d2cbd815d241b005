"""What Deep SAD learns from labels, from sparse rows, and from another that was pretrained."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone

import amiss
from amiss.detect import DeepSAD
from amiss.errors import InputError, UsageError
from amiss.types import Table

QUICK = {"hidden": (8,), "latent": 4, "epochs": 3, "folds": 2, "n_networks": 1, "random_state": 0}


def _quick(**parameters):
    return DeepSAD(**{**QUICK, **parameters})


RNG = np.random.default_rng(0)
NORMAL = RNG.normal(size=(300, 3))
ODD = RNG.normal((3, 0, 0), 0.3, size=(40, 3))
X = np.concatenate([NORMAL, ODD])
UNKNOWN = np.full(len(X), -1)
FRESH = np.random.default_rng(1).normal((3, 0, 0), 0.3, size=(30, 3))


def _counts(n, n_columns=30, seed=0):
    """Return counts of which a tenth is not zero."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random((n, n_columns)) < 0.1, rng.poisson(3, (n, n_columns)) + 1.0, 0.0)


COUNTS = _counts(300)
NEW = _counts(20, seed=1)


@pytest.fixture(scope="module")
def dense():
    return _quick().fit(X)


@pytest.fixture(scope="module")
def sparse():
    return _quick().fit(sp.csr_array(COUNTS))


@pytest.fixture(scope="module")
def pretrained():
    return _quick(pretrain_epochs=5).pretrain(X)


def _labelled(positions, label):
    y = UNKNOWN.copy()
    y[positions] = label
    return y


# Labels.


def test_both_conventions_give_the_same_detector():
    ours = _labelled(slice(300, 310), 1)
    ours[:50] = 0
    theirs = np.select([ours == 1, ours == 0], [-1, 1], 0)
    expected = _quick().fit(X, ours)
    fitted = _quick(labels="deep-sad").fit(X, theirs)
    np.testing.assert_array_equal(fitted.anomaly_score(FRESH), expected.anomaly_score(FRESH))
    np.testing.assert_array_equal(fitted.training_score_, expected.training_score_)
    # Read as the other convention, the same array is another detector.
    assert not np.allclose(
        _quick().fit(X, theirs).anomaly_score(FRESH), expected.score_samples(X)[0]
    )


@pytest.mark.parametrize("value", [-2, 2, 0.5])
def test_values_that_the_convention_does_not_have_are_refused(value):
    y = np.zeros(len(X))
    y[7] = value
    with pytest.raises(
        InputError, match=rf"label .*{value}.*expected −1 \(anomaly\), 1 \(normal\)"
    ):
        _quick(labels="deep-sad").fit(X, y)


@pytest.mark.parametrize("n_labelled", [1, 5, 40])
def test_labelled_anomalies_raise_the_score_of_unseen_ones_like_them(n_labelled):
    parameters = {"epochs": 20, "folds": 4, "n_networks": 2}
    without = _quick(**parameters).fit(X)
    taught = _quick(**parameters).fit(X, _labelled(slice(300, 300 + n_labelled), 1))

    def rank(detector):
        usual = detector.anomaly_score(np.random.default_rng(2).normal(size=(400, 3)))
        return np.mean(detector.anomaly_score(FRESH)[:, None] > usual)

    assert rank(taught) > rank(without)
    assert rank(taught) > (0.9 if n_labelled > 1 else 0.8)


def test_rows_labelled_normal_lower_the_score_of_unseen_ones_like_them():
    parameters = {"epochs": 20, "folds": 4, "n_networks": 2, "eta": 4.0}
    without = _quick(**parameters).fit(X)
    taught = _quick(**parameters).fit(X, _labelled(slice(300, 340), 0))

    def rank(detector):
        return np.mean(detector.anomaly_score(FRESH)[:, None] > detector.anomaly_score(NORMAL))

    assert rank(taught) < rank(without)


@pytest.mark.parametrize(
    "y",
    [
        UNKNOWN,
        np.zeros(len(X), dtype=int),
        np.arange(len(X)) % 4 - 2,
        _labelled(slice(2, None), 1),
        _labelled(slice(2, None), -2),
        _labelled([0], 1),
        _labelled([0], 0),
        _labelled(slice(300, None), 1).astype(float),
        _labelled(slice(300, None), 1) == 1,
    ],
    ids=["none", "normal", "all", "anomalies", "left out", "anomaly", "one", "float", "bool"],
)
def test_any_mix_of_labels_will_do(y):
    for parameters in ({}, {"folds": 0, "prior": 0.0}):
        fitted = _quick(**parameters).fit(X, y)
        assert fitted.training_score_.shape == (len(X),)
        assert np.isfinite(fitted.training_score_).all()
        assert np.isfinite(fitted.anomaly_score(FRESH)).all()


def test_no_labels_are_the_same_as_all_unknown(dense):
    fitted = _quick().fit(X, UNKNOWN)
    np.testing.assert_array_equal(fitted.anomaly_score(FRESH), dense.anomaly_score(FRESH))


def test_what_is_left_out_changes_nothing_but_is_scored():
    y = _labelled(slice(300, 305), 1)
    y[310:] = -2
    fitted = _quick(n_networks=2).fit(X, y)
    expected = _quick(n_networks=2).fit(X[:310], y[:310])
    np.testing.assert_array_equal(fitted.anomaly_score(FRESH), expected.anomaly_score(FRESH))
    np.testing.assert_array_equal(fitted.training_score_[:310], expected.training_score_)
    np.testing.assert_allclose(fitted.training_score_[310:], fitted.anomaly_score(X[310:]))


def test_anomalies_do_not_tell_what_the_usual_spread_is():
    odd = np.concatenate([NORMAL, np.full((20, 3), 1e6)])
    fitted = _quick().fit(odd, np.repeat([-1, 1], [300, 20]))
    np.testing.assert_allclose(fitted.scale_, NORMAL.std(axis=0))


# Training scores.


def test_training_scores_are_of_networks_that_did_not_see_the_label():
    parameters = {"epochs": 30, "folds": 4, "n_networks": 2, "hidden": (32,)}
    # Labels at random: what is learnt of them by heart is of no use out of fold.
    rows = np.random.default_rng(3).normal(size=(200, 10))
    y = np.where(np.arange(200) < 20, 1, -1)
    fitted = _quick(**parameters).fit(rows, y)
    inside = fitted.anomaly_score(rows)
    assert np.median(inside[:20]) > np.median(fitted.training_score_[:20]) + 0.5


def test_without_folds_training_scores_are_in_sample():
    fitted = _quick(folds=0).fit(X)
    np.testing.assert_allclose(fitted.training_score_, fitted.anomaly_score(X))


def test_more_folds_than_rows_are_a_fold_a_row():
    fitted = _quick(folds=9).fit(X[:5])
    assert np.isfinite(fitted.training_score_).all()


# Sparse rows.


def test_sparse_rows_and_the_same_filled_have_the_same_score(sparse):
    csr = sparse.anomaly_score(sp.csr_array(NEW))
    np.testing.assert_allclose(sparse.anomaly_score(NEW), csr, rtol=1e-9)
    assert not sparse.mean_.any()  # scaled, never centred
    np.testing.assert_allclose(
        sparse.transform(sp.csr_array(NEW)), sparse.transform(NEW), rtol=1e-9, atol=1e-12
    )


def test_a_detector_of_dense_rows_scores_sparse_ones():
    fitted = _quick().fit(COUNTS)
    assert fitted.mean_.all()
    scores = fitted.anomaly_score(sp.csr_array(NEW))
    np.testing.assert_allclose(scores, fitted.anomaly_score(NEW), rtol=1e-9)


def _twice(rows):
    """Return the rows with each cell stored as two halves, unsorted."""
    csr = sp.csr_array(rows)
    two = sp.coo_array((np.tile(csr.data / 2, 2), np.tile(csr.tocoo().coords, 2)), shape=csr.shape)
    order = np.lexsort((-two.coords[1], two.coords[0]))
    indptr = np.searchsorted(two.coords[0][order], np.arange(csr.shape[0] + 1))
    return sp.csr_array((two.data[order], two.coords[1][order], indptr), shape=csr.shape)


@pytest.mark.parametrize(
    "form",
    [
        sp.csr_matrix,
        sp.csc_array,
        sp.coo_array,
        _twice,
        lambda rows: Table(sp.csr_array(rows), tuple(f"c{i}" for i in range(30))),
        lambda rows: sp.csr_array(
            (
                sp.csr_array(rows).data,
                sp.csr_array(rows).indices.astype(np.int64),
                sp.csr_array(rows).indptr.astype(np.int64),
            ),
            shape=rows.shape,
        ),
    ],
    ids=["csr_matrix", "csc", "coo", "duplicates", "Table", "int64"],
)
def test_any_form_of_sparse_rows_is_the_same(sparse, form):
    expected = sparse.anomaly_score(sp.csr_array(NEW))
    given = form(NEW)
    np.testing.assert_allclose(sparse.anomaly_score(given), expected, rtol=1e-9)
    fitted = _quick().fit(form(COUNTS))
    np.testing.assert_allclose(fitted.anomaly_score(sp.csr_array(NEW)), expected, rtol=1e-6)


def test_sparse_rows_that_are_given_are_not_changed():
    given = _twice(COUNTS)
    data, indices = given.data.copy(), given.indices.copy()
    _quick().fit(given)
    np.testing.assert_array_equal(given.data, data)
    np.testing.assert_array_equal(given.indices, indices)


def test_labelled_rows_of_a_sparse_table_are_learnt():
    odd, unseen = _counts(30, seed=5), _counts(30, seed=6)
    for rows in (odd, unseen):
        rows[:, 3:6] = 4
    both = sp.csr_array(np.concatenate([COUNTS, odd]))
    parameters = {"epochs": 20, "n_networks": 2}
    y = np.repeat([-1, 1], [300, 30])
    new = sp.csr_array(np.vstack([NEW, unseen]))
    taught = _quick(**parameters).fit(both, y).anomaly_score(new)
    without = _quick(**parameters).fit(both).anomaly_score(new)
    assert np.median(taught[20:]) > np.quantile(taught[:20], 0.9)
    assert np.median(without[20:]) < np.quantile(without[:20], 0.9)


def test_sparse_rows_are_never_filled_as_a_whole():
    n, n_columns = 20_000, 50_000
    rng = np.random.default_rng(0)
    at = rng.integers(n_columns, size=5 * n)
    rows = sp.csr_array((np.ones(5 * n), at, np.arange(0, 5 * n + 1, 5)), shape=(n, n_columns))
    detector = _quick(hidden=(4,), latent=2, epochs=1, folds=0, prior=0.0)
    tracemalloc.start()
    detector.fit(rows)
    detector.anomaly_score(rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Filled, they have 8 GB; torch's own memory is not traced, so nothing may be filled in it.
    assert peak < 100e6


def test_no_block_of_sparse_rows_is_filled_in_training(monkeypatch):
    def fill(self, *args, **kwargs):
        raise AssertionError(f"{self.shape} filled")

    for name in ("toarray", "todense"):
        monkeypatch.setattr(sp.csr_array, name, fill)
    fitted = _quick().fit(sp.csr_array(COUNTS))
    assert np.isfinite(fitted.anomaly_score(sp.csr_array(NEW))).all()


def test_sparse_values_that_are_not_finite_are_refused():
    rows = sp.csr_array(COUNTS)
    rows.data[3] = np.nan
    with pytest.raises(InputError, match="NaN or inf in a sparse table"):
        _quick().fit(rows)


def test_sparse_tables_of_other_columns_are_refused():
    names = tuple(f"c{i}" for i in range(30))
    fitted = _quick().fit(Table(sp.csr_array(COUNTS), names))
    assert fitted.feature_names() == names
    with pytest.raises(ValueError, match="same order"):
        fitted.anomaly_score(Table(sp.csr_array(NEW), names[::-1]))
    with pytest.raises(ValueError, match=r"2 features.*expecting 30"):
        fitted.anomaly_score(sp.csr_array((2, 2)))


def test_negative_numbers_keep_their_sign_where_logarithms_are_taken():
    rows = np.random.default_rng(0).normal(size=(200, 3)) * 100
    fitted = _quick(log_scale=True).fit(rows)
    one, other = fitted.transform([[50.0, 0, 0], [-50.0, 0, 0]])
    assert not np.allclose(one, other)


# Scores.


def test_scores_do_not_depend_on_the_batch(dense, sparse):
    for detector, rows in ((dense, X), (sparse, sp.csr_array(COUNTS))):
        together = detector.anomaly_score(rows)
        np.testing.assert_allclose(detector.anomaly_score(rows[:3]), together[:3], rtol=1e-9)
        np.testing.assert_allclose(detector.anomaly_score(rows[[7]]), together[7], rtol=1e-9)


def test_scaled_scores_are_robust_deviations_of_the_distance(dense):
    one = _quick(folds=0).fit(X)
    raw = _quick(folds=0, score_type="distance").fit(X)
    distance = np.sqrt(raw.anomaly_score(X))
    median = np.median(distance)
    mad = np.median(np.abs(distance - median))
    np.testing.assert_allclose(one.anomaly_score(X), (distance - median) / (1.4826 * mad))
    assert (raw.anomaly_score(X) >= 0).all()
    assert np.median(dense.anomaly_score(X)) == pytest.approx(0, abs=0.5)


def test_rows_that_are_all_the_same_have_safe_scores():
    for rows in (np.full((50, 3), 7.0), np.zeros((50, 3)), sp.csr_array((50, 3))):
        fitted = _quick().fit(rows)
        scores = fitted.anomaly_score(np.array([[7.0] * 3, [0.0] * 3, [9.0, 9.0, 9.0]]))
        assert np.isfinite(scores).all()
        assert np.abs(fitted.training_score_).max() < 1e-3
        assert scores[2] != scores[0]


def test_most_rows_may_be_the_same():
    rows = np.zeros((100, 3))
    rows[:10] = np.random.default_rng(0).normal(size=(10, 3))
    scores = _quick().fit(rows).anomaly_score(rows)
    assert np.isfinite(scores).all()
    assert np.abs(scores).max() < 1e3


def test_a_change_of_a_column_that_never_varied_is_odd_however_many_there_are():
    rows = np.random.default_rng(0).normal(size=(400, 40))
    rows[:, 5] = 2.0
    for given in (rows, sp.csr_array(np.abs(rows) * (np.arange(40) != 5))):
        fitted = DeepSAD(epochs=10, random_state=0).fit(given)
        changed = given[:20].toarray() if sp.issparse(given) else given[:20].copy()
        changed[:, 5] += 10
        cut = np.quantile(fitted.anomaly_score(given), 0.99)
        assert np.median(fitted.anomaly_score(changed)) > cut


def test_the_centre_is_away_from_zero(dense):
    for detector in (dense, _quick().fit(np.zeros((20, 3)))):
        centre = detector.network_.get_buffer("centre")
        assert centre.abs().min() > 0.0999
    assert not any(name.endswith("bias") for name in dense.network_.state_dict())


def test_embeddings_have_the_size_they_were_told(dense):
    assert dense.transform(X).shape == (len(X), 4)
    assert _quick(hidden=()).fit(X).transform(X).shape == (len(X), 4)
    assert _quick(hidden=np.array([5, 4])).fit(X).transform(X[:1]).shape == (1, 4)


@pytest.mark.parametrize("score_type", ["scaled", "distance"])
@pytest.mark.parametrize("log_scale", [False, True])
def test_the_differentiable_score_is_the_score(score_type, log_scale):
    fitted = _quick(score_type=score_type, log_scale=log_scale).fit(sp.csr_array(COUNTS))
    rows = torch.tensor(np.vstack([NEW, np.zeros((1, 30))]), requires_grad=True)
    scores = fitted.differentiable_score()(rows)
    np.testing.assert_allclose(scores.detach().numpy(), fitted.anomaly_score(rows.detach().numpy()))
    (gradient,) = torch.autograd.grad(scores.sum(), rows)
    assert torch.isfinite(gradient).all()
    # Zeros are most of a sparse row: what another value there would do must show.
    assert (gradient[-1] != 0).any()


def test_the_gradient_by_a_column_that_is_zero_is_that_of_the_score(sparse):
    score, step = sparse.differentiable_score(), 1e-6
    row = torch.tensor(NEW[:1], requires_grad=True)
    (gradient,) = torch.autograd.grad(score(row).sum(), row)
    for column in np.flatnonzero(NEW[0] == 0)[:10]:
        moved = np.repeat(NEW[:1], 2, axis=0)
        moved[:, column] = step, -step
        up, down = sparse.anomaly_score(moved)
        slope = pytest.approx((up - down) / (2 * step), rel=1e-3)
        assert gradient[0, column].item() == slope


def test_the_gradient_at_the_centre_is_finite():
    fitted = _quick(score_type="scaled").fit(np.zeros((20, 3)))
    rows = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(fitted.differentiable_score()(rows).sum(), rows)
    assert torch.isfinite(gradient).all()


# Pretraining.


def _phases(detector):
    return [entry["phase"] for entry in detector.history_]


@pytest.mark.parametrize("rows", [X, sp.csr_array(COUNTS)], ids=["dense", "sparse"])
def test_pretraining_comes_first_and_learns(rows):
    fitted = _quick(pretrain_epochs=5).fit(rows)
    phases = _phases(fitted)
    assert set(phases) == {0.0, 1.0}
    assert phases == sorted(phases)
    losses = [entry["loss"] for entry in fitted.history_ if entry["phase"] == 0]
    assert min(losses) < losses[0]
    assert np.isfinite(fitted.anomaly_score(rows)).all()


def test_networks_begin_with_what_was_pretrained(pretrained):
    assert set(_phases(pretrained)) == {0.0}
    begun = {name: t.clone() for name, t in pretrained.network_.state_dict().items()}
    # Next to no step is made: the encoders are still those.
    fitted = _quick(pretrained=pretrained, pretrain_epochs=5, learning_rate=1e-9).fit(X)
    assert set(_phases(fitted)) == {1.0}
    for name, weights in fitted.network_.state_dict().items():
        if name != "centre":
            torch.testing.assert_close(weights.float(), begun[name].float(), atol=1e-5, rtol=0)
    for name, weights in pretrained.network_.state_dict().items():
        torch.testing.assert_close(weights, begun[name])
    other = _quick(learning_rate=1e-9).fit(X)
    assert not np.allclose(other.transform(X), fitted.transform(X))


def test_pretraining_makes_as_many_epochs_as_it_is_told_or_those_of_training():
    parameters = {"batch_size": 1, "patience": 1000}
    assert len(_quick(epochs=2, **parameters).pretrain(X).history_) == 2
    assert len(_quick(pretrain_epochs=1, **parameters).pretrain(X).history_) == 1


def test_one_that_was_fitted_is_pretrained_too(dense):
    fitted = _quick(pretrained=dense).fit(X[:100])
    np.testing.assert_array_equal(fitted.scale_, dense.scale_)
    assert np.isfinite(fitted.anomaly_score(X)).all()


def test_pretrained_ones_of_other_columns_or_sizes_are_refused(pretrained):
    for parameters, rows in (({"latent": 3}, X), ({"folds": 4}, X), ({}, X[:, :2])):
        with pytest.raises(
            UsageError, match=r"pretrained on \(columns, hidden, latent, networks\)"
        ):
            _quick(pretrained=pretrained, **parameters).fit(rows)
    with pytest.raises(UsageError, match=r"not trained; call its pretrain\(X\) first"):
        _quick(pretrained=_quick()).fit(X)
    with pytest.raises(UsageError, match="pretrained on dense rows, whose columns were centred"):
        _quick(pretrained=pretrained).fit(sp.csr_array(np.abs(X)))


def test_the_best_weights_are_kept():
    # At such a rate training comes apart in the middle, and ends worse than it had been.
    wild = {"learning_rate": 3.0, "epochs": 40, "patience": 40, "folds": 0, "prior": 0.0}
    fitted = _quick(**wild, score_type="distance").fit(NORMAL)
    losses = [entry["loss"] for entry in fitted.history_]
    assert min(losses) < 0.7 * losses[-1]
    assert fitted.anomaly_score(NORMAL).mean() < losses[-1]


# Parameters and files.


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"labels": "other"}, "labels='other'; expected one of: amiss, deep-sad"),
        ({"score_type": "mse"}, "score_type='mse'; expected one of: distance, scaled"),
        ({"eta": -1.0}, "eta=-1.0; expected 0 or more"),
        ({"oversample": -0.1}, "oversample=-0.1; expected 0 or more"),
        ({"weight_decay": float("nan")}, "weight_decay=nan; expected 0 or more"),
        ({"prior": 1.0}, "prior=1.0; expected a share below 1"),
        ({"pretrain_epochs": -1}, "pretrain_epochs=-1; expected a whole number, 0 or more"),
        ({"latent": 1.5}, "latent=1.5; expected a whole number, 1 or more"),
        ({"hidden": 8}, "hidden=8; expected sizes"),
    ],
)
def test_senseless_parameters_are_refused(parameters, message):
    with pytest.raises(UsageError, match=message):
        _quick(**parameters).fit(X)


@pytest.mark.parametrize("score_type", ["scaled", "distance"])
def test_a_saved_detector_of_sparse_rows_scores_as_before(score_type, tmp_path):
    names = tuple(f"c{i}" for i in range(30))
    table = Table(sp.csr_array(COUNTS), names)
    begun = _quick().pretrain(table)
    fitted = _quick(pretrained=begun, score_type=score_type).fit(table)
    fitted.save(tmp_path / "d.amiss")
    again = amiss.load(tmp_path / "d.amiss")
    assert again.feature_names() == names
    assert again.pretrained is None
    assert again.history_ == fitted.history_
    for rows in (Table(sp.csr_array(NEW), names), Table(NEW, names)):
        np.testing.assert_array_equal(again.anomaly_score(rows), fitted.anomaly_score(rows))
        np.testing.assert_array_equal(again.transform(rows), fitted.transform(rows))
    score = again.differentiable_score()(torch.tensor(NEW))
    np.testing.assert_allclose(score.numpy(), fitted.anomaly_score(Table(NEW, names)))


def test_what_is_only_pretrained_neither_scores_nor_is_saved(pretrained, tmp_path):
    with pytest.raises(ValueError, match="not fitted"):
        pretrained.anomaly_score(X)
    with pytest.raises(ValueError, match="not fitted"):
        pretrained.save(tmp_path / "d.amiss")


def test_a_clone_has_the_pretrained_one_as_it_is(pretrained):
    detector = _quick(pretrained=pretrained)
    again = clone(detector)
    assert again.pretrained is pretrained
    np.testing.assert_array_equal(
        again.fit(X).anomaly_score(FRESH), detector.fit(X).anomaly_score(FRESH)
    )

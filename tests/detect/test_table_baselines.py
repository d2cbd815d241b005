"""The plain detectors of rows: they find what stands out, and nothing trips them."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from amiss.detect._table_baselines import table_baseline_scores
from amiss.errors import InputError, UsageError

NAMES = ["znorm", "mahalanobis", "pca", "gmm", "iforest"]


@pytest.fixture(scope="module")
def correlated():
    """Return normal rows along a line of three columns, and odd ones beside it."""
    rng = np.random.default_rng(3)
    t = rng.normal(size=(600, 1))
    normal = t @ np.array([[1.0, 2.0, -1.0]]) + 0.1 * rng.normal(size=(600, 3))
    odd = normal[:40] * np.array([1.0, -1.0, 1.0]) + 1.0
    return normal[100:], np.concatenate([normal[:100], odd]), np.repeat([0, 1], [100, 40])


def test_each_baseline_has_its_name(correlated):
    train, test, _ = correlated
    scores = table_baseline_scores(train, test, 0)
    assert list(scores) == NAMES
    for values in scores.values():
        assert values.shape == (len(test),)
        assert values.dtype == np.float64


def test_baselines_find_rows_that_stand_out(correlated):
    train, test, truth = correlated
    scores = table_baseline_scores(train, test, 0)
    for name in ("mahalanobis", "pca", "gmm"):
        assert roc_auc_score(truth, scores[name]) > 0.95


def test_the_figures_are_those_of_their_definition(correlated):
    train, test, _ = correlated
    z = (test - train.mean(axis=0)) / train.std(axis=0)
    scores = table_baseline_scores(train, test, 0, ["znorm", "mahalanobis", "pca"])
    assert scores["znorm"] == pytest.approx(np.linalg.norm(z, axis=1))
    inverse = np.linalg.inv(np.cov(train.T))
    centred = test - train.mean(axis=0)
    expected = np.sqrt(np.einsum("ij,jk,ik->i", centred, inverse, centred))
    assert scores["mahalanobis"] == pytest.approx(expected)
    # One component has more than 90 % here: the error is the distance from a line.
    axis = np.linalg.svd((train - train.mean(axis=0)) / train.std(axis=0))[2][0]
    assert scores["pca"] == pytest.approx(np.linalg.norm(z - np.outer(z @ axis, axis), axis=1))


def test_scores_do_not_depend_on_the_batch(correlated):
    train, test, _ = correlated
    whole = table_baseline_scores(train, test, 0)
    alone = table_baseline_scores(train, test[7:8], 0)
    part = table_baseline_scores(train, test[3:50], 0)
    for name in NAMES:
        assert alone[name][0] == whole[name][7]
        np.testing.assert_array_equal(part[name], whole[name][3:50])


def test_more_rows_than_a_block_are_scored_alike(correlated):
    train, test, _ = correlated
    many = table_baseline_scores(train, np.tile(test, (40, 1)), 0, ["znorm", "pca", "gmm"])
    once = table_baseline_scores(train, test, 0, ["znorm", "pca", "gmm"])
    for name, values in once.items():
        np.testing.assert_allclose(many[name], np.tile(values, 40), rtol=1e-12, atol=1e-12)


def test_the_same_seed_gives_the_same_scores(correlated):
    train, test, _ = correlated
    first, second = (table_baseline_scores(train, test, 5) for _ in range(2))
    for name in NAMES:
        np.testing.assert_array_equal(first[name], second[name])


def test_a_constant_column_divides_nothing_by_zero():
    rng = np.random.default_rng(0)
    train = rng.normal(size=(300, 4))
    train[:, 1], train[:, 2] = 0.0, 1e9 + 0.1
    usual, odd = train[:5].copy(), train[:5].copy()
    odd[:, 1] = 50.0
    with np.errstate(all="raise"):
        scores = table_baseline_scores(train, np.concatenate([usual, odd]), 0, NAMES[:4])
    for name in NAMES[:4]:
        assert np.isfinite(scores[name]).all()
    for name in ("znorm", "gmm", "pca"):
        assert scores[name][5:].min() > scores[name][:5].max()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_a_few_rows_are_enough(n):
    rows = np.arange(3.0 * n).reshape(n, 3) ** 1.5
    scores = table_baseline_scores(rows, rows + 1, 0)
    for name in NAMES:
        assert np.isfinite(scores[name]).all()


@pytest.mark.filterwarnings("error")
def test_rows_that_are_all_the_same_are_enough():
    scores = table_baseline_scores(np.ones((50, 2)), np.array([[1.0, 1.0], [1.0, 7.0]]), 0)
    assert scores["znorm"].tolist() == [0.0, 6.0]
    assert all(np.isfinite(values).all() for values in scores.values())


def test_no_rows_to_score_are_no_scores(correlated):
    scores = table_baseline_scores(correlated[0], np.empty((0, 3)), 0, ["znorm", "pca"])
    assert all(values.shape == (0,) for values in scores.values())


def test_many_rows_are_drawn_from_for_the_mixture():
    rng = np.random.default_rng(1)
    train = rng.normal(size=(21_000, 2))
    test = np.array([[0.0, 0.0], [8.0, 8.0]])
    first, second = (table_baseline_scores(train, test, 0, ["gmm"])["gmm"] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first[1] > first[0]


def test_tables_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r"\(3, 2\).*\(3, 4\).*same columns"):
        table_baseline_scores(np.ones((3, 2)), np.ones((3, 4)))
    with pytest.raises(InputError, match="not empty"):
        table_baseline_scores(np.ones((0, 2)), np.ones((3, 2)))
    with pytest.raises(UsageError, match="'lof'; expected some of znorm"):
        table_baseline_scores(np.ones((3, 2)), np.ones((3, 2)), 0, ["lof"])

"""Sparse values as detectors take them, and their quantiles."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from amiss.detect import VAE
from amiss.errors import InputError
from amiss.run import row_values
from amiss.run.row_values import as_taken, check_size, column_quantiles, dense, score_rows
from amiss.types import Table


def sparse_table(n=60, columns=7, seed=0):
    values = random_array((n, columns), density=0.3, rng=np.random.default_rng(seed), format="csr")
    return Table(csr_array(values - 0.5 * (values > 0.6)), tuple("abcdefg"[:columns]))


@pytest.mark.parametrize("seed", range(5))
def test_quantiles_of_sparse_columns_are_those_of_dense_ones(seed):
    values = sparse_table(n=23 + seed, seed=seed).values.copy()
    values.data[:3] = 0.0  # zeros may be written out too
    shares = [0.0, 0.005, 0.3, 0.5, 0.77, 0.995, 1.0]
    wanted = np.quantile(values.toarray(), shares, axis=0)
    np.testing.assert_array_equal(column_quantiles(values, shares), wanted)
    np.testing.assert_array_equal(column_quantiles(values.toarray(), shares), wanted)


def test_quantiles_of_one_row_and_of_no_values():
    assert column_quantiles(csr_array([[0.0, -3.0]]), [0.005, 0.995]).tolist() == [[0, -3]] * 2
    assert column_quantiles(csr_array((4, 2)), [0.5]).tolist() == [[0, 0]]


def test_rows_are_scored_in_blocks_as_at_once(monkeypatch):
    table = sparse_table()
    detector = VAE(hidden=(8,), epochs=2, random_state=0).fit(as_taken(table, VAE()))
    monkeypatch.setattr(row_values, "_BLOCK_BYTES", 8 * 7 * 9)
    np.testing.assert_allclose(
        score_rows(detector, table), detector.anomaly_score(dense(table)), rtol=1e-12
    )


def test_detectors_that_take_sparse_tables_get_them():
    table = sparse_table()
    takes = SimpleNamespace(accepts_sparse=True, anomaly_score=lambda X: X.values.sum(axis=1))
    assert as_taken(table, takes) is table
    np.testing.assert_allclose(score_rows(takes, table), table.values.toarray().sum(axis=1))


def test_a_table_too_large_to_be_dense_is_refused():
    large = Table(csr_array((200_000, 20_000)), tuple(map(str, range(20_000))))
    with pytest.raises(
        InputError, match=r"200,000 rows of 20,000 columns would be 32.0 GB .* detector 'vae' needs"
    ):
        as_taken(large, VAE())
    check_size(Table(np.zeros((3, 2)), ("a", "b")), "nobody")

"""Values of tables as detectors take them: sparse ones made dense, at once or in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amiss.detect import CATALOGUE, get_detector
from amiss.detect._base import Detector
from amiss.errors import InputError
from amiss.run.row_data import RowData, items_of
from amiss.types import Table

_MOST_BYTES = 4 << 30
"""Of a table without its zeros left out: a detector holds a few of them while it learns."""
_BLOCK_BYTES = 64 << 20
"""Made dense at once where rows are only scored."""


def is_sparse(data: RowData) -> bool:
    """Return whether data are a table that leaves out its zeros."""
    return isinstance(data, Table) and not isinstance(data.values, np.ndarray)


def dense(data: RowData) -> RowData:
    """Return the same data, a sparse table as a dense one."""
    if isinstance(data, Table) and is_sparse(data):
        return replace(data, values=np.asarray(data.values.toarray(), dtype=np.float64))
    return data


def as_taken(data: RowData, detector: Detector) -> RowData:
    """Return data as a detector learns from them: dense, unless it takes sparse tables.

    Raises
    ------
    InputError
        The table would be too large.
    """
    if not is_sparse(data) or _takes_sparse(detector):
        return data
    check_size(data, f"detector {detector.name!r}")
    return dense(data)


def check_size(data: RowData, taker: str) -> None:
    """Refuse a sparse table that is too large to be made dense for `taker`.

    Raises
    ------
    InputError
        Says how large it would be, and which detectors take it as it is.
    """
    if not isinstance(data, Table) or not is_sparse(data):
        return
    rows, columns = data.values.shape
    if rows * columns * 8 <= _MOST_BYTES:
        return
    sparse = [name for name in CATALOGUE if _takes_sparse(get_detector(name))]
    instead = f"take the detector {' or '.join(sparse)}, or " if sparse else "take "
    raise InputError(
        f"{rows:,} {items_of(data)} of {columns:,} columns would be {rows * columns * 8 / 1e9:.1f} "
        f"GB with their zeros, as {taker} needs them; {instead}fewer columns or rows"
    )


def score_rows(detector: Detector, data: RowData) -> NDArray[np.float64]:
    """Return the anomaly scores; of a sparse table some rows are made dense at a time, if any."""
    if not is_sparse(data) or _takes_sparse(detector) or not len(data):
        return detector.anomaly_score(data)
    assert isinstance(data, Table)  # noqa: S101 - only tables are sparse
    size = max(1, _BLOCK_BYTES // (8 * max(1, len(data.columns))))
    rows = np.arange(len(data))
    blocks = (dense(data.take(rows[at : at + size])) for at in range(0, len(data), size))
    return np.concatenate([detector.anomaly_score(block) for block in blocks])


def column_quantiles(values: Any, shares: Sequence[float]) -> NDArray[np.float64]:
    """Return quantiles of each column, shape (n_shares, n_columns), as ``numpy.quantile`` has them.

    Zeros that a sparse matrix leaves out count, but are never written out.

    Parameters
    ----------
    values : ndarray or CSR matrix, shape (n, n_columns)
        At least one row.
    shares : sequence of float

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> column_quantiles(csr_array([[0.0, -2.0], [0.0, 0.0], [4.0, 6.0]]), [0.0, 0.5, 0.75])
    array([[ 0., -2.],
           [ 0.,  0.],
           [ 2.,  3.]])
    """
    if isinstance(values, np.ndarray):
        return np.asarray(np.quantile(values, shares, axis=0))
    stored = values.tocsc()
    n, columns = stored.shape
    column = np.repeat(np.arange(columns), np.diff(stored.indptr))
    ordered = np.append(stored.data[np.lexsort((stored.data, column))], 0.0)
    below = np.bincount(column, stored.data < 0, minlength=columns).astype(np.int64)
    zeros = n - np.diff(stored.indptr).astype(np.int64)

    def ranked(rank: int) -> NDArray[np.float64]:
        """Return the value of that rank in each column: negatives, then zeros, then the rest."""
        at = stored.indptr[:-1] + np.where(rank < below, rank, rank - zeros)
        left_out = (rank >= below) & (rank < below + zeros)
        return np.where(left_out, 0.0, ordered[np.where(left_out, -1, at)])

    found = []
    for share in shares:
        place = share * (n - 1)
        low, high = ranked(int(np.floor(place))), ranked(int(np.ceil(place)))
        part = place - np.floor(place)
        # As numpy does it, so that both give the same numbers.
        up = low + (high - low) * part
        found.append(up if part < 0.5 else high - (high - low) * (1 - part))
    return np.array(found)


def _takes_sparse(detector: Any) -> bool:
    return bool(getattr(detector, "accepts_sparse", False))

"""Figures of rows in ranges: how well scores find intervals whose borders are not known to a row.

F1 of rows holds a detector to the very row at which somebody began to label. These figures do not;
nor are scores adjusted by points, which flags a whole interval for one lucky row in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amiss.errors import InputError, UsageError

Ranges = list[tuple[int, int]]
"""First row, and the row after the last."""


def volume_under_pr(
    scores: NDArray[np.float64], anomalous: NDArray[np.bool_], max_buffer: int = 100
) -> float:
    """Return VUS-PR: the range-aware area under the precision-recall curve, mean over buffers.

    For a buffer of b rows, the b/2 rows before and after each anomalous range count as anomalous by
    less and less: by √(1 − d/b) at d rows from it. Recall is multiplied by the share of the ranges
    that have a flagged row at all. No threshold is chosen: it goes through all scores.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
        Of the rows of one series, in order; higher is more anomalous.
    anomalous : ndarray of bool, shape (n,)
    max_buffer : int
        Buffers from 0 to so many rows are averaged over.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    InputError
        No row is anomalous, or there are not as many scores as labels.
    UsageError
        `max_buffer` is negative.

    Notes
    -----
    J. Paparrizos, P. Boniol, T. Palpanas, R. S. Tsay, A. Elmore and M. J. Franklin, "Volume Under
    the Surface: A New Accuracy Evaluation Measure for Time-Series Anomaly Detection", PVLDB 15(11),
    2022.

    Examples
    --------
    >>> truth = np.repeat([False, True, False], 200)
    >>> late = np.roll(truth, 20).astype(float)
    >>> round(volume_under_pr(truth.astype(float), truth), 2)
    0.95
    >>> volume_under_pr(late, truth) > volume_under_pr(1.0 - truth, truth)
    True
    """
    scores, anomalous = np.asarray(scores, dtype=np.float64), np.asarray(anomalous, dtype=np.bool_)
    if scores.shape != anomalous.shape or scores.ndim != 1:
        raise InputError(f"{scores.shape} scores for {anomalous.shape} labels; expected one a row")
    if not anomalous.any():
        raise InputError("no row is anomalous; precision and recall need some")
    if max_buffer < 0:
        raise UsageError(f"max_buffer={max_buffer}; expected 0 or more rows")
    areas = [_area(scores, anomalous, buffer) for buffer in range(max_buffer + 1)]
    return float(np.mean(areas))


def ranges_of(anomalous: NDArray[np.bool_]) -> Ranges:
    """Return first row and end of each range of rows that follow each other.

    Examples
    --------
    >>> ranges_of(np.array([True, False, True, True]))
    [(0, 1), (2, 4)]
    """
    edges = np.flatnonzero(np.diff(anomalous.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _area(scores: NDArray[np.float64], anomalous: NDArray[np.bool_], buffer: int) -> float:
    """Return the area under the curve for one buffer."""
    ranges = ranges_of(anomalous)
    weight = _softened(anomalous, ranges, buffer)
    order = np.argsort(-scores, kind="stable")
    # A cut falls between scores that differ.
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    found = np.cumsum(weight[order])[last]
    precision = found / (last + 1)
    total = (anomalous.sum() + weight.sum()) / 2
    recall = np.minimum(found / total, 1.0)
    cuts = scores[order][last]
    best = np.array([scores[weight_range].max() for weight_range in _widened(weight, ranges)])
    recall *= (best[:, None] >= cuts).mean(axis=0)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def _softened(anomalous: NDArray[np.bool_], ranges: Ranges, buffer: int) -> NDArray[np.float64]:
    """Return how far each row counts as anomalous, from 0 to 1."""
    weight = anomalous.astype(np.float64)
    distance = np.arange(1, buffer // 2 + 1)
    near = np.sqrt(1 - distance / max(buffer, 1))
    for first, end in ranges:
        for rows in (first - distance, end - 1 + distance):
            inside = (rows >= 0) & (rows < len(weight))
            weight[rows[inside]] = np.maximum(weight[rows[inside]], near[inside])
    return weight


def _widened(weight: NDArray[np.float64], ranges: Ranges) -> list[slice]:
    """Return each range with the rows around it that count; ranges that then touch are one."""
    wide = ranges_of(weight > 0)
    return [slice(a, b) for a, b in wide if any(a <= first < b for first, _ in ranges)]

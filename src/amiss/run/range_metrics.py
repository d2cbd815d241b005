"""Figures of rows in ranges: how well scores find intervals whose borders are not known to a row.

F1 of rows holds a detector to the very row at which somebody began to label. These figures do not;
nor are scores adjusted by points, which flags a whole interval for one lucky row in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amiss.errors import InputError, UsageError


def volume_under_pr(
    scores: NDArray[np.float64],
    anomalous: NDArray[np.bool_],
    max_buffer: int = 100,
    *,
    run: NDArray[np.int64] | None = None,
    labelled: NDArray[np.bool_] | None = None,
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
    run : ndarray of int64, shape (n,), optional
        Rows next to each other and of one number follow each other without a gap; ranges and their
        buffers end where a run does. By default all are of one.
    labelled : ndarray of bool, shape (n,), optional
        Rows that are judged. Those without a label are there, so that distances are right, and are
        left out of precision and recall. By default all are judged.

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
    2022. Where the buffers of two ranges overlap, a row counts by the nearer range, the larger of
    the two; ranges whose buffers touch are one when it is asked whether they have a flagged row.

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
    judged = np.ones(len(scores), dtype=np.bool_) if labelled is None else labelled
    anomalous = anomalous & judged
    if not anomalous.any():
        raise InputError("no row is anomalous; precision and recall need some")
    if max_buffer < 0:
        raise UsageError(f"max_buffer={max_buffer}; expected 0 or more rows")
    starts = np.zeros(len(scores), dtype=np.bool_)
    if run is not None:
        starts[1:] = np.diff(run) != 0
    order = np.flatnonzero(judged)
    order = order[np.argsort(-scores[order], kind="stable")]
    # A cut falls between scores that differ.
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    cuts = scores[order][last]
    seen = np.where(judged, scores, -np.inf)
    distance = _distances(anomalous, starts)
    areas = []
    for buffer in range(max_buffer + 1):
        weight = _softened(distance, buffer)
        found = np.cumsum(weight[order])[last]
        total = (anomalous.sum() + weight[judged].sum()) / 2
        recall = np.minimum(found / total, 1.0)
        best = np.sort(_highest_of_ranges(seen, weight > 0, starts))
        recall *= 1 - np.searchsorted(best, cuts) / len(best)
        areas.append(float((np.diff(recall, prepend=0.0) * found / (last + 1)).sum()))
    return float(np.mean(areas))


def _distances(anomalous: NDArray[np.bool_], starts: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how many rows the nearest anomalous row of the run is away; infinite without one.

    Examples
    --------
    >>> starts = np.array([False, False, False, False, True])
    >>> _distances(np.array([False, True, False, False, False]), starts).tolist()
    [1.0, 0.0, 1.0, 2.0, inf]
    """
    ends = np.append(starts[1:], True)
    after = _since(anomalous, starts)
    before = _since(anomalous[::-1], ends[::-1])[::-1]
    return np.minimum(after, before)


def _since(anomalous: NDArray[np.bool_], starts: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how many rows ago the last anomalous row of the run was."""
    at = np.arange(len(anomalous))
    last = np.maximum.accumulate(np.where(anomalous, at, -1))
    first = np.maximum.accumulate(np.where(starts, at, 0))
    return np.where(last >= first, at - last, np.inf)


def _softened(distance: NDArray[np.float64], buffer: int) -> NDArray[np.float64]:
    """Return how far each row counts as anomalous, from 0 to 1."""
    near = distance <= buffer // 2
    weight = np.zeros(len(distance))
    weight[near] = np.sqrt(1 - distance[near] / max(buffer, 1))
    return weight


def _highest_of_ranges(
    scores: NDArray[np.float64], inside: NDArray[np.bool_], starts: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the highest score of each range with its buffer; those that touch are one."""
    at = np.flatnonzero(inside)
    first = np.concatenate([[True], (np.diff(at) > 1) | starts[at[1:]]])
    return np.maximum.reduceat(scores[at], np.flatnonzero(first))

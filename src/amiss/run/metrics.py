"""Verdicts and scores beside the truth: confusion, areas, curves, and what no method can pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

_CURVE_POINTS = 100


def at_threshold(truth: Bools, flagged: Bools) -> dict[str, Any]:
    """Return precision, recall, F1 and confusion of the anomalies, and the same of the normals."""
    hit, false = int((truth & flagged).sum()), int((~truth & flagged).sum())
    missed, passed = int((truth & ~flagged).sum()), int((~truth & ~flagged).sum())
    return {
        **_scores(hit, false, missed),
        "confusion": {
            "true_positive": hit,
            "false_positive": false,
            "false_negative": missed,
            "true_negative": passed,
        },
        "normal": {**_scores(passed, missed, false), "items": passed + false},
    }


def _scores(hit: int, false: int, missed: int) -> dict[str, float]:
    return {
        "precision": hit / (hit + false) if hit + false else 0.0,
        "recall": hit / (hit + missed) if hit + missed else 0.0,
        "f1": 2 * hit / (2 * hit + false + missed) if hit + false + missed else 0.0,
    }


def areas(truth: Bools, scores: Floats) -> dict[str, Any]:
    """Return the areas under the precision-recall and ROC curves; None where one class is absent.

    Examples
    --------
    >>> areas(np.array([False, True]), np.array([0.1, 0.9]))
    {'pr_auc': 1.0, 'roc_auc': 1.0}
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    if truth.all() or not truth.any():
        return {"pr_auc": None, "roc_auc": None}  # one class has no curve
    return {
        "pr_auc": float(average_precision_score(truth, scores)),
        "roc_auc": float(roc_auc_score(truth, scores)),
    }


def curves(truth: Bools, scores: Floats) -> dict[str, list[list[float]]]:
    """Return both curves as points to draw, at most a hundred each.

    Returns
    -------
    dict
        ``pr``: [recall, precision]; ``roc``: [false-positive rate, true-positive rate].
    """
    from sklearn.metrics import precision_recall_curve, roc_curve

    if truth.all() or not truth.any():
        return {"pr": [], "roc": []}
    precision, recall, _ = precision_recall_curve(truth, scores)
    false, hit, _ = roc_curve(truth, scores)
    return {"pr": _thinned(recall[::-1], precision[::-1]), "roc": _thinned(false, hit)}


def _thinned(x: Floats, y: Floats) -> list[list[float]]:
    at = np.unique(np.linspace(0, len(x) - 1, min(_CURVE_POINTS, len(x))).astype(int))
    return [[round(float(a), 6), round(float(b), 6)] for a, b in zip(x[at], y[at], strict=True)]


def top_k_table(truth: Bools, ranks: Floats, largest: int = 10) -> list[dict[str, Any]]:
    """Return precision, recall and F1 of "an event outside the k likeliest", for k from 1."""
    return [{"k": k, **at_threshold(truth, ranks > k - 1)} for k in range(1, largest + 1)]


def ceiling(kind: NDArray[np.int64], truth: Bools) -> float:
    """Return the best F1 of any method that must treat items of one kind alike.

    Items that look the same and carry both labels bound what can be reached. The kinds are flagged
    in the order of their share of anomalies, as far as it raises F1.

    Parameters
    ----------
    kind : ndarray of int64, shape (n,)
        Row of the distinct item that each item equals.
    truth : ndarray of bool, shape (n,)

    Examples
    --------
    >>> ceiling(np.array([0, 0, 0, 1]), np.array([True, False, False, True]))
    0.6666666666666666
    """
    bad = np.bincount(kind, weights=truth)
    total = np.bincount(kind)
    order = np.argsort(-bad / np.maximum(total, 1), kind="stable")
    hit, flagged = np.cumsum(bad[order]), np.cumsum(total[order])
    f1 = 2 * hit / np.maximum(flagged + truth.sum(), 1)
    return float(f1.max(initial=0.0))


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Return mean, range and the values themselves."""
    return {
        "mean": float(np.mean(values)),
        "min": float(min(values)),
        "max": float(max(values)),
        "values": [float(value) for value in values],
    }


def merged_runs(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Put the seeds side by side: figures as mean and range, curves and tables of the first.

    Parameters
    ----------
    runs : list of dict
        Of each seed: ``ceilings``, ``detectors`` and ``baselines``, by name.
    """
    first = runs[0]
    merged: dict[str, Any] = {
        "ceilings": {
            name: spread([run["ceilings"][name] for run in runs]) for name in first["ceilings"]
        }
    }
    for group in ("detectors", "baselines"):
        merged[group] = {name: _merged([run[group][name] for run in runs]) for name in first[group]}
    return merged


def _merged(runs: list[dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for key, value in runs[0].items():
        values = [run[key] for run in runs]
        if key in ("confusion", "normal", "curves", "kinds"):
            merged[key] = value  # of the first seed
        elif key == "top_k":
            merged[key] = [
                {"k": row["k"]}
                | {f: spread([v[i][f] for v in values]) for f in ("precision", "recall", "f1")}
                for i, row in enumerate(value)
            ]
        elif all(v is not None for v in values):
            merged[key] = spread(values)
    return merged

"""Cross-validation: labelled sessions in folds, and how well a detector does on those held out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, f1_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from amiss.decide import best_f1_threshold
from amiss.detect._base import Detector
from amiss.errors import InputError, LabelError
from amiss.represent.sequences import as_sequences
from amiss.represent.sessions import Sessions
from amiss.run.ingest import match_labels
from amiss.run.prepare import learn_sequences
from amiss.types import Sequences

METRICS = ("pr_auc", "f1")


def represent(sessions: Any, labels: Any) -> tuple[Sequences, NDArray[np.int64]]:
    """Return the sequences, and 1, 0 or −1 for each: anomalous, normal, unknown."""
    if not isinstance(sessions, Sessions):
        sequences = as_sequences(sessions)
        truth = np.asarray(labels)
        if truth.shape != (len(sequences),):
            raise LabelError(
                f"labels of shape {truth.shape} for {len(sequences)} sequences; expected one each"
            )
        return sequences, np.where(truth == 1, 1, np.where(truth == -1, -1, 0))
    if not isinstance(labels, Mapping | str | PathLike):
        raise LabelError(
            f"labels as {type(labels).__name__}; expected, for sessions, a mapping of session id "
            "to bool, or the path of a label file"
        )
    anomalous, labelled = match_labels(sessions, labels)
    # All at once, as a fit does: neither templates nor what was cut depends on labels.
    _, _, sequences = learn_sequences(sessions)
    return sequences, np.where(labelled, anomalous, -1).astype(np.int64)


def check_strata(truth: NDArray[np.int64], folds: int) -> None:
    """Refuse labels of which some fold would have none of a kind."""
    for label, word in ((1, "anomalies"), (0, "normal sessions")):
        count = int((truth == label).sum())
        if count < folds:
            raise InputError(
                f"{count} {word} are labelled; {folds} folds need at least one in each: label more"
                + (f", or take {count} folds" if count >= 2 else "")
            )


def splits(
    truth: NDArray[np.int64],
    folds: int,
    repeats: int,
    random_state: int,
    trace: NDArray[np.int64] | None = None,
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the seed, what to learn from, and what to judge by: labelled sessions only.

    With `trace`, of segments, nothing is learnt from traces that are judged.
    """
    known = np.flatnonzero(truth != -1)
    for seed in range(random_state, random_state + repeats):
        if trace is None:
            split = StratifiedKFold(folds, shuffle=True, random_state=seed)
            parts = split.split(known, truth[known])
        else:
            grouped = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
            parts = grouped.split(known, truth[known], trace[known])
        for _, judged in parts:
            test = known[judged]
            if trace is None:
                yield seed, np.setdiff1d(np.arange(len(truth)), test), test
            else:
                yield seed, np.flatnonzero(~np.isin(trace, trace[test])), test


def measure(
    metric: str,
    detector: Detector,
    sequences: Sequences,
    truth: NDArray[np.int64],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
) -> float:
    """Return the metric of a detector, fitted on `train`, on `test`."""
    scores = detector.anomaly_score(sequences.take(test))
    anomalous = truth[test] == 1
    if metric == "pr_auc":
        return float(average_precision_score(anomalous, scores))
    judged = truth[train] != -1
    threshold = best_f1_threshold(detector.training_score_[judged], truth[train][judged] == 1)
    return float(f1_score(anomalous, scores > threshold.value, zero_division=0.0))


def fingerprint(sequences: Sequences, truth: NDArray[np.int64]) -> str:
    """Return what tells these sequences and labels from others."""
    digest = hashlib.sha256()
    events = sequences.events.astype(np.int64)
    for array in (events, sequences.offsets, sequences.begun, sequences.ended, truth):
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update("\n".join(map(str, sequences.names)).encode())
    return digest.hexdigest()[:16]

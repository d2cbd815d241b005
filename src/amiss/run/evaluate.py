"""How well a model does on labelled sessions, its members and trivial baselines beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.detect._baselines import baseline_scores
from amiss.represent.sessions import Sessions
from amiss.represent.severity import is_error_level
from amiss.run.ingest import Labels, match_labels
from amiss.run.metrics import areas, at_threshold
from amiss.run.pipeline import Model

SCHEMA = "amiss.evaluation/1"


def evaluate(model: Model, sessions: Sessions, labels: Labels) -> dict[str, Any]:
    """Score labelled sessions and compare with the labels, at session level.

    Parameters
    ----------
    model : Model
    sessions : Sessions
        Those without a label are left out and counted.
    labels : mapping of session id to bool, or path of a label file

    Returns
    -------
    dict
        The schema ``amiss.evaluation/1``: precision, recall, F1 and confusion at the model's
        threshold, areas under the precision-recall and ROC curves, and the same for each member
        and each trivial baseline. Of segments also ``traces``, the same for whole traces: one is an
        anomaly if a segment of it is.

    Raises
    ------
    LabelError
        The labels name none of the sessions.
    """
    anomalous, labelled = match_labels(sessions, labels)
    truth = anomalous[labelled]
    # All sessions are represented, as detect does: what was cut shows by the whole log.
    sequences = model.sequences(sessions)[0].take(labelled)
    scores = model.detector.anomaly_score(sequences)
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "unit": sessions.log.unit,
        "sessions": len(truth),
        "unlabelled": int((~labelled).sum()),
        "anomalies": int(truth.sum()),
        "threshold": model.threshold._asdict(),
        **at_threshold(truth, scores > model.threshold.value),
        **areas(truth, scores),
        "members": {},
        "baselines": {},
    }
    if hasattr(model.detector, "member_score"):
        columns = model.detector.member_score(sequences).T
        for name, column in zip(model.info["members"], columns, strict=True):
            report["members"][name] = areas(truth, column)
    nearest = next(
        (
            d
            for d in (model.detector, *(m for _, m in getattr(model.detector, "members_", [])))
            if hasattr(d, "reference_")
        ),
        None,
    )
    trivial: dict[str, NDArray[np.float64]] = {}
    if nearest is not None:
        trivial = baseline_scores(nearest.reference_, sequences)
        # References are one session a count vector: not all pairs of neighbours are among them.
        del trivial["new 2-gram"]
    trivial["any ERROR line"] = error_lines(sessions[labelled])
    for name, column in trivial.items():
        report["baselines"][name] = {**at_threshold(truth, column > 0), **areas(truth, column)}
    if sessions.trace is not None and model.calibration_trace is not None:
        own = sessions.trace.filter(pl.Series(labelled))
        report["traces"] = _evaluate_traces(model, own, scores, truth)
    return report


def _evaluate_traces(
    model: Model, trace: pl.Series, scores: NDArray[np.float64], truth: NDArray[np.bool_]
) -> dict[str, Any]:
    """Compare the verdicts on whole traces with whether a segment of them is anomalous."""
    verdicts = model.judge_traces(trace, scores)
    odd = pl.DataFrame({"trace": trace, "odd": truth}).group_by("trace").agg(pl.col("odd").any())
    known = dict(odd.rows())
    labels = np.array([known[verdict.trace] for verdict in verdicts])
    return {
        "traces": len(verdicts),
        "anomalies": int(labels.sum()),
        **at_threshold(labels, np.array([verdict.is_anomaly for verdict in verdicts])),
        **areas(labels, np.array([verdict.share for verdict in verdicts])),
    }


def error_lines(sessions: Sessions) -> NDArray[np.float64]:
    """Return the number of lines at level ERROR or worse in each session, shape (n,)."""
    bad = np.array([is_error_level(level) for level in sessions.shapes["level"]], dtype=float)
    totals = np.concatenate([[0.0], np.cumsum(bad[sessions.shape])])
    return np.asarray(totals[sessions.offsets[1:]] - totals[sessions.offsets[:-1]])


def evaluation_frame(report: dict[str, Any]) -> pl.DataFrame:
    """Return the report as one row a detector: the model, its members, the baselines."""
    rows = [{"detector": "model", **_flat(report)}]
    for group in ("members", "baselines"):
        rows += [{"detector": name, **_flat(values)} for name, values in report[group].items()]
    return pl.DataFrame(rows)


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    return {key: values.get(key) for key in ("precision", "recall", "f1", "pr_auc", "roc_auc")}

"""What a model keeps besides what it has learnt: when it did, what users said, how it did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amiss.run.feedback import clock, feedback_of_content, feedback_to_content
from amiss.types import NO_TIME

_FIGURES = ("precision", "recall", "f1", "pr_auc", "roc_auc")


def remembered_to_content(model: Any) -> dict[str, Any]:
    """Return what a model file holds of it."""
    return {
        "fitted": model.fitted,
        "feedback": feedback_to_content(model.feedback),
        "evaluations": list(model.evaluations),
    }


def remembered_of_content(content: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a model from what a file holds; older files hold nothing of it."""
    return {
        "fitted": content.get("fitted", NO_TIME),
        "feedback": feedback_of_content(content.get("feedback")),
        "evaluations": tuple(content.get("evaluations", ())),
    }


def keep_evaluation(
    model: Any, report: dict[str, Any], sources: Sequence[str], now: int | None = None
) -> dict[str, Any]:
    """Let a model keep how it did on labelled data, for its card; save it to keep that.

    Parameters
    ----------
    model : Model or RowModel
    report : dict
        What `amiss.evaluate` returned: the schema ``amiss.evaluation/1``.
    sources : sequence of str
        Names of the files that were judged.
    now : int, optional
        Milliseconds since 1970, UTC; by default the clock says.

    Returns
    -------
    dict
        What was added to ``model.evaluations``. An older one of the same files and the same
        threshold gives way to it.
    """
    entry = {
        "when": clock(now),
        "sources": list(sources),
        "unit": report["unit"],
        "items": report["sessions"],
        "anomalies": report["anomalies"],
        "threshold": model.threshold.value,
        **{name: report.get(name) for name in _FIGURES},
    }
    same = ("sources", "threshold")
    older = [e for e in model.evaluations if any(e[key] != entry[key] for key in same)]
    model.evaluations = (*older, entry)
    return entry

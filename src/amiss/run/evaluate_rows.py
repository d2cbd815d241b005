"""How well a model of tables or images does on labelled data, plain baselines beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from amiss.decide import best_f1_threshold, decide
from amiss.detect._table_baselines import table_baseline_scores
from amiss.errors import InputError, LabelError
from amiss.run.evaluate import SCHEMA
from amiss.run.metrics import areas, at_threshold
from amiss.run.range_metrics import volume_under_pr
from amiss.run.row_data import (
    RowData,
    RowInput,
    is_series,
    item_of,
)
from amiss.run.row_fit import FALSE_ALARM_RATE
from amiss.run.row_labels import RowLabels, known_labels, labels_and_notes
from amiss.run.row_values import check_size, dense, score_rows
from amiss.run.rows import RowModel
from amiss.types import Table, Threshold

_IMAGE_BASELINES = ("znorm", "pca")
"""Those that are cheap for thousands of pixels."""
Truth = NDArray[np.int64]


def evaluate_rows(
    model: RowModel,
    data: RowInput,
    labels: RowLabels | None = None,
    *,
    train: RowInput | None = None,
    train_labels: RowLabels | None = None,
    random_state: int = 0,
) -> dict[str, Any]:
    """Score labelled rows or images and compare with the labels.

    Parameters
    ----------
    model : RowModel
    data : Table, Images or Activity
        What has no label is left out and counted.
    labels : mapping of id to bool, path of a label file, or array of int, optional
        By default the labels that `data` has.
    train : Table, Images or Activity, optional
        What the model learnt from: then baselines that learn from it stand beside the model.
    train_labels : as `labels`, optional
    random_state : int
        Seeds the baselines.

    Returns
    -------
    dict
        The schema ``amiss.evaluation/1``: precision, recall, F1 and confusion at the model's
        threshold, and areas under the precision-recall and ROC curves; the same for each baseline,
        its threshold found by the same rule. Of a series also ``false_alarm_rate`` (the share of
        the normal rows that is flagged), ``missing_rate`` (of the anomalous ones that is not) and
        ``vus_pr`` (the mean over files of `amiss.run.range_metrics.volume_under_pr`). Rows are
        judged one by one: nothing is adjusted. Where the data name classes, ``kinds``: for each
        class of anomaly how much of it was flagged. ``notes`` say what of the labels was not used.

    Raises
    ------
    LabelError
        There are no labels, or they do not fit.
    InputError
        The data do not fit the model.

    Examples
    --------
    >>> from amiss.run.row_fit import fit_rows
    >>> values = np.random.default_rng(0).normal(size=(300, 1)) * [1.0, 2.0]
    >>> odd = Table(np.array([[1.0, 2.0], [9.0, -9.0]]), ("a", "b"), np.array([0, 1]))
    >>> evaluate_rows(fit_rows(Table(values, ("a", "b"))), odd)["f1"]
    1.0
    """
    known = model.represent(data)
    given, notes = labels_and_notes(known, labels)
    truth = required_labels(given, item_of(known))
    judged = known.take(truth >= 0)
    anomalous = truth[truth >= 0] == 1
    ranges: dict[str, Any] = {}
    if is_series(known):  # rows without a label are around those with one
        of_all = score_rows(model.detector, known)
        ranges = range_figures(known, truth, of_all)
        scores = of_all[truth >= 0]
    else:
        scores = score_rows(model.detector, judged)
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "unit": item_of(known),
        "sessions": len(judged),
        "unlabelled": int((truth < 0).sum()),
        "anomalies": int(anomalous.sum()),
        "threshold": model.threshold._asdict(),
        **at_threshold(anomalous, scores > model.threshold.value),
        **areas(anomalous, scores),
        **alarm_figures(judged, anomalous, scores > model.threshold.value),
        **ranges,
        "kinds": recall_by_kind(judged, anomalous, scores > model.threshold.value),
        "members": {},
        "baselines": {},
        "notes": notes,
    }
    if train is not None:
        learnt = model.represent(train)
        taught = known_labels(learnt, train_labels)
        report["baselines"] = baseline_figures(
            learnt, taught, judged, anomalous, model.threshold, random_state
        )
    return report


def required_labels(truth: Truth | None, unit: str) -> Truth:
    """Return the labels, or say that they are needed."""
    if truth is None or not (truth >= 0).any():
        if unit == "entity":
            raise LabelError(
                "no entity has a label; expected verdicts on times and sources: a CSV with the "
                "columns time, source and verdict, or labels by id"
            )
        raise LabelError(
            f"no {unit} has a label; expected a column of 0 and 1 (label=…, on the command line "
            "--label-column), or labels by id"
        )
    return truth


def alarm_figures(
    data: RowData, anomalous: NDArray[np.bool_], flagged: NDArray[np.bool_]
) -> dict[str, Any]:
    """Return false-alarm rate and missing rate of the rows of a series; None without such rows."""
    if not is_series(data):
        return {}
    return {
        "false_alarm_rate": _share(flagged[~anomalous]),
        "missing_rate": _share(~flagged[anomalous]),
    }


def _share(rows: NDArray[np.bool_]) -> float | None:
    return float(rows.mean()) if len(rows) else None


def range_figures(data: RowData, truth: Truth, scores: NDArray[np.float64]) -> dict[str, Any]:
    """Return what is told of scores of a series by ranges: the mean over files with anomalies.

    `data` has its rows without a label too: they lie between the others.
    """
    if not isinstance(data, Table) or data.timeline is None:
        return {}
    file = np.zeros(len(data), dtype=np.int64) if data.file is None else data.file
    volumes = [
        volume_under_pr(
            scores[of], truth[of] == 1, run=data.timeline.run[of], labelled=truth[of] >= 0
        )
        for of in (file == one for one in np.unique(file[truth == 1]))
    ]
    return {"vus_pr": float(np.mean(volumes)) if volumes else None}


def recall_by_kind(data: RowData, anomalous: NDArray[np.bool_], flagged: NDArray[np.bool_]) -> Any:
    """Return for each class of anomaly how many there are, and how many of them were flagged."""
    if data.kind is None:
        return {}
    found = {}
    for kind in np.unique(data.kind[anomalous]):
        of_kind = anomalous & (data.kind == kind)
        items, hit = int(of_kind.sum()), int((of_kind & flagged).sum())
        found[str(kind)] = {"items": items, "flagged": hit, "recall": hit / items}
    return found


def baseline_figures(
    train: RowData,
    taught: Truth | None,
    test: RowData,
    anomalous: NDArray[np.bool_],
    threshold: Threshold,
    random_state: int,
) -> dict[str, Any]:
    """Return the figures of `baseline_scores`, at their thresholds and of their curves."""
    scored = baseline_scores(train, taught, test, threshold, random_state)
    return {
        name: {**at_threshold(anomalous, scores > cut), **areas(anomalous, scores)}
        for name, (scores, cut, _) in scored.items()
    }


def baseline_scores(
    train: RowData,
    taught: Truth | None,
    test: RowData,
    threshold: Threshold,
    random_state: int,
) -> dict[str, tuple[NDArray[np.float64], float, NDArray[np.float64]]]:
    """Return scores of baselines, their cuts, and the scores these were found by.

    Cuts are found by the rule and at the rate of `threshold`. Baselines learn from the same rows as
    the model, and their thresholds come from the scores of these rows; with so few parameters, in
    sample is as good as out of fold.
    """
    known, items = _flat(train), _flat(test)
    normal = np.ones(len(known), dtype=np.bool_) if taught is None else taught != 1
    if not normal.any():
        raise InputError("every training row is labelled an anomaly; expected normal ones")
    names = None if isinstance(train, Table) else _IMAGE_BASELINES
    found = {}
    both = table_baseline_scores(known[normal], np.concatenate([known, items]), random_state, names)
    for name, column in both.items():
        of_train, scores = column[: len(known)], column[len(known) :]
        if threshold.rule == "f1" and taught is not None:
            judged = taught >= 0
            cut = best_f1_threshold(of_train[judged], taught[judged] == 1)
        else:
            rule = "quantile" if threshold.rule == "quantile" else "tail"
            cut = decide(of_train[normal], threshold.rate or FALSE_ALARM_RATE, rule)
        found[name] = (scores, cut.value, of_train[normal])
    return found


def _flat(data: RowData) -> NDArray[np.float64]:
    if isinstance(data, Table):
        check_size(data, "each baseline")
        whole = dense(data)
        assert isinstance(whole, Table)  # noqa: S101 - as `data` is
        return np.asarray(whole.values, dtype=np.float64)
    return data.pixels.reshape(len(data), -1).astype(np.float64)

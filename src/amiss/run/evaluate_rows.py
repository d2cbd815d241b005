"""How well a model of tables or images does on labelled data, plain baselines beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from amiss.decide import best_f1_threshold, decide
from amiss.detect._base import Detector
from amiss.detect._table_baselines import table_baseline_scores
from amiss.errors import InputError, LabelError, UsageError
from amiss.run.evaluate import SCHEMA
from amiss.run.experiment import SCHEMA as EXPERIMENT_SCHEMA
from amiss.run.experiment import Experiment, split_sessions
from amiss.run.metrics import areas, at_threshold, curves, merged_runs
from amiss.run.row_data import RowData, RowLabels, aligned, check_rows, known_labels, unit_of
from amiss.run.rows import DEFAULT_DETECTOR, FALSE_ALARM_RATE, RowModel, fit_rows
from amiss.types import Table, Threshold

_IMAGE_BASELINES = ("znorm", "pca")
"""Those that are cheap for thousands of pixels."""
Truth = NDArray[np.int64]


def evaluate_rows(
    model: RowModel,
    data: RowData,
    labels: RowLabels | None = None,
    *,
    train: RowData | None = None,
    train_labels: RowLabels | None = None,
    random_state: int = 0,
) -> dict[str, Any]:
    """Score labelled rows or images and compare with the labels.

    Parameters
    ----------
    model : RowModel
    data : Table or Images
        What has no label is left out and counted.
    labels : mapping of id to bool, path of a label file, or array of int, optional
        By default the labels that `data` has.
    train : Table or Images, optional
        What the model learnt from: then baselines that learn from it stand beside the model.
    train_labels : as `labels`, optional
    random_state : int
        Seeds the baselines.

    Returns
    -------
    dict
        The schema ``amiss.evaluation/1``: precision, recall, F1 and confusion at the model's
        threshold, and areas under the precision-recall and ROC curves; the same for each baseline,
        its threshold found by the same rule. Where the data name classes, ``kinds``: for each class
        of anomaly how much of it was flagged.

    Raises
    ------
    LabelError
        There are no labels, or they do not fit.
    InputError
        The data do not fit the model.

    Examples
    --------
    >>> values = np.random.default_rng(0).normal(size=(300, 1)) * [1.0, 2.0]
    >>> odd = Table(np.array([[1.0, 2.0], [9.0, -9.0]]), ("a", "b"), np.array([0, 1]))
    >>> evaluate_rows(fit_rows(Table(values, ("a", "b"))), odd)["f1"]
    1.0
    """
    known = aligned(data, model.info)
    truth = _required(known_labels(known, labels), unit_of(known))
    judged = known.take(truth >= 0)
    anomalous = truth[truth >= 0] == 1
    scores = model.detector.anomaly_score(judged)
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "unit": unit_of(data),
        "sessions": len(judged),
        "unlabelled": int((truth < 0).sum()),
        "anomalies": int(anomalous.sum()),
        "threshold": model.threshold._asdict(),
        **at_threshold(anomalous, scores > model.threshold.value),
        **areas(anomalous, scores),
        "kinds": _kinds(judged, anomalous, scores > model.threshold.value),
        "members": {},
        "baselines": {},
    }
    if train is not None:
        learnt = aligned(train, model.info)
        taught = known_labels(learnt, train_labels)
        report["baselines"] = _baselines(
            learnt, taught, judged, anomalous, model.threshold, random_state
        )
    return report


def run_row_experiment(
    data: RowData,
    labels: RowLabels | None = None,
    detectors: Iterable[str | Detector] | Mapping[str, str | Detector] = (DEFAULT_DETECTOR,),
    *,
    train: float = 0.5,
    split: Literal["uniform", "time"] = "uniform",
    seeds: Iterable[int] = range(5),
    use_labels: bool = True,
    false_alarm_rate: float = FALSE_ALARM_RATE,
) -> Experiment:
    """Fit detectors on a part of labelled rows or images and judge them on the rest.

    Parameters
    ----------
    data : Table or Images
        What has no label is left out.
    labels : mapping of id to bool, path of a label file, or array of int, optional
        By default the labels that `data` has.
    detectors : iterable, or mapping
        Names of the catalogue, or detectors of your own by the name to show.
    train : float
        Share to learn from.
    split : {"uniform", "time"}
        At random and stratified, or the first ones.
    seeds : iterable of int
        One split and one training each.
    use_labels : bool
        True: anomalies in the training part are not taken for normal, and the threshold is that of
        the best F1 there, judged out of fold. False: all of it is taken for normal, and the
        threshold is set by `false_alarm_rate`.
    false_alarm_rate : float

    Returns
    -------
    Experiment
        Of one level, ``row`` or ``image``.

    Raises
    ------
    LabelError
        There are no labels, or they do not fit.
    UsageError
        A detector or split is unknown, or takes other data.
    InputError
        There are too few rows, or none to choose a threshold by.
    """
    check_rows(data)
    unit = unit_of(data)
    truth = _required(known_labels(data, labels), unit)
    data, truth = data.take(truth >= 0), truth[truth >= 0]
    named = _named(detectors)
    seeds = list(seeds)
    if not seeds:
        raise UsageError("no seeds; expected at least one")
    report: dict[str, Any] = {
        "schema": EXPERIMENT_SCHEMA,
        "split": {"how": split, "train": float(train), "seeds": seeds, "labels": use_labels},
        "data": [],
        "levels": {},
    }
    runs = []
    for seed in seeds:
        chosen = split_sessions(truth, train, split, seed, unit)
        for part, mask in (("train", chosen), ("test", ~chosen)):
            counts = {f"{unit}s": int(mask.sum()), f"anomalous_{unit}s": int(truth[mask].sum())}
            report["data"].append({"seed": seed, "part": part, **counts})
        learnt, taught = data.take(chosen), truth[chosen] if use_labels else None
        judged, anomalous = data.take(~chosen), truth[~chosen] == 1
        found: dict[str, Any] = {"ceilings": {}, "detectors": {}, "baselines": {}}
        rule = "f1" if use_labels else "tail"
        for name, detector in named.items():
            model = fit_rows(
                learnt,
                # Not None: that would be the labels the data came with.
                np.full(len(learnt), -1) if taught is None else taught,
                detector=detector if isinstance(detector, str) else clone(detector),
                false_alarm_rate=false_alarm_rate,
                rule=rule,
                random_state=seed,
            )
            scores = model.detector.anomaly_score(judged)
            flagged = scores > model.threshold.value
            found["detectors"][name] = {
                **at_threshold(anomalous, flagged),
                **areas(anomalous, scores),
                "threshold": model.threshold.value,
                "curves": curves(anomalous, scores),
                "kinds": _kinds(judged, anomalous, flagged),
                "fit_cpu_s": model.info["cpu_seconds"],
            }
        wanted = Threshold(rule, 0.0, false_alarm_rate)
        found["baselines"] = _baselines(learnt, taught, judged, anomalous, wanted, seed)
        runs.append(found)
    report["levels"] = {unit: merged_runs(runs)}
    return Experiment(report)


def _required(truth: Truth | None, unit: str) -> Truth:
    if truth is None or not (truth >= 0).any():
        raise LabelError(
            f"no {unit} has a label; expected a column of 0 and 1 (label=…, on the command line "
            "--label-column), or labels by id"
        )
    return truth


def _named(
    detectors: Iterable[str | Detector] | Mapping[str, str | Detector],
) -> dict[str, str | Detector]:
    if isinstance(detectors, Mapping):
        return dict(detectors)
    given = [detectors] if isinstance(detectors, str | Detector) else list(detectors)
    named = {d if isinstance(d, str) else d.name: d for d in given}
    if len(named) < len(given):
        raise UsageError("two detectors have one name; give a mapping with names of your own")
    if not named:
        raise UsageError("no detectors; expected at least one")
    return named


def _kinds(data: RowData, anomalous: NDArray[np.bool_], flagged: NDArray[np.bool_]) -> Any:
    """Return for each class of anomaly how many there are, and how many of them were flagged."""
    if data.kind is None:
        return {}
    found = {}
    for kind in np.unique(data.kind[anomalous]):
        of_kind = anomalous & (data.kind == kind)
        items, hit = int(of_kind.sum()), int((of_kind & flagged).sum())
        found[str(kind)] = {"items": items, "flagged": hit, "recall": hit / items}
    return found


def _baselines(
    train: RowData,
    taught: Truth | None,
    test: RowData,
    anomalous: NDArray[np.bool_],
    threshold: Threshold,
    random_state: int,
) -> dict[str, Any]:
    """Return the figures of baselines, cut by the rule and at the rate of `threshold`.

    They learn from the same rows as the model. Their thresholds come from the scores of these
    rows; with so few parameters, in sample is as good as out of fold.
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
        found[name] = {**at_threshold(anomalous, scores > cut.value), **areas(anomalous, scores)}
    return found


def _flat(data: RowData) -> NDArray[np.float64]:
    if isinstance(data, Table):
        return data.values
    return data.pixels.reshape(len(data), -1).astype(np.float64)

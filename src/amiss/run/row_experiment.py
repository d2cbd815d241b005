"""Detectors of tables or images side by side: split, fit, decide on training data, judge the rest.

As `amiss.run.experiment` does with sessions: nothing is chosen on the rows that are judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from amiss.detect._base import Detector
from amiss.errors import UsageError
from amiss.represent.activity import Activity
from amiss.represent.entities import EntityFeatures
from amiss.run.detectors import takes_series
from amiss.run.evaluate_rows import (
    baseline_figures,
    recall_by_kind,
    required_labels,
)
from amiss.run.experiment import SCHEMA, Experiment, split_sessions
from amiss.run.metrics import areas, at_threshold, curves, merged_runs
from amiss.run.row_data import (
    RowData,
    RowInput,
    check_rows,
    is_series,
    item_of,
    items_of,
)
from amiss.run.row_fit import FALSE_ALARM_RATE, fit_rows, usual_detector
from amiss.run.row_labels import RowLabels, known_labels
from amiss.run.row_values import score_rows
from amiss.run.series_experiment import run_series_experiment
from amiss.types import Table, Threshold


def run_row_experiment(
    data: RowInput,
    labels: RowLabels | None = None,
    detectors: Iterable[str | Detector] | Mapping[str, str | Detector] | None = None,
    *,
    train: float = 0.5,
    split: Literal["uniform", "time"] = "uniform",
    each_file: bool = False,
    seeds: Iterable[int] = range(5),
    use_labels: bool = True,
    false_alarm_rate: float = FALSE_ALARM_RATE,
) -> Experiment:
    """Fit detectors on a part of labelled rows or images and judge them on the rest.

    Parameters
    ----------
    data : Table, Images or Activity
        What has no label is left out; rows of a series without a label are not judged.
    labels : mapping of id to bool, path of a label file, or array of int, optional
        By default the labels that `data` has.
    detectors : iterable, or mapping, optional
        Names of the catalogue, or detectors of your own by the name to show; by default as
        `amiss.fit` has it.
    train : float
        Share to learn from; of series, from 1 on, so many rows of each file.
    split : {"uniform", "time"}
        At random and stratified, or the first ones. Of series it is always the first rows of each
        file: rows drawn at random would have their neighbours on both sides.
    each_file : bool
        Of series: a model for each file, the judged rows of all pooled.
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
        Of one level: ``row``, ``image`` or ``entity``.

    Raises
    ------
    LabelError
        There are no labels, or they do not fit.
    UsageError
        A detector or split is unknown, or takes other data.
    InputError
        There are too few rows, or none to choose a threshold by.
    """
    named = _named([usual_detector(data)] if detectors is None else detectors)
    rows = _rows_of(data)
    check_rows(rows)
    unit, units = item_of(rows), items_of(rows)
    seeds = list(seeds)
    if not seeds:
        raise UsageError("no seeds; expected at least one")
    table = data if isinstance(data, Table) and data.index is None else None
    if table is not None and (is_series(table) or any(map(takes_series, named.values()))):
        return run_series_experiment(
            table, labels, named, train=train, each_file=each_file, seeds=seeds,
            use_labels=use_labels, false_alarm_rate=false_alarm_rate,
        )  # fmt: skip
    if each_file:
        raise UsageError("a model for each file is for series; leave each_file out")
    truth = required_labels(known_labels(rows, labels), unit)
    data, truth = data.take(truth >= 0), truth[truth >= 0]
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "split": {"how": split, "train": float(train), "seeds": seeds, "labels": use_labels},
        "data": [],
        "levels": {},
    }
    runs = []
    for seed in seeds:
        chosen = split_sessions(truth, train, split, seed, unit)
        for part, mask in (("train", chosen), ("test", ~chosen)):
            counts = {units: int(mask.sum()), f"anomalous_{units}": int(truth[mask].sum())}
            report["data"].append({"seed": seed, "part": part, **counts})
        learnt, judged = _parts(data, chosen)
        taught, anomalous = truth[chosen] if use_labels else None, truth[~chosen] == 1
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
            scores = score_rows(model.detector, judged)
            flagged = scores > model.threshold.value
            found["detectors"][name] = {
                **at_threshold(anomalous, flagged),
                **areas(anomalous, scores),
                "threshold": model.threshold.value,
                "curves": curves(anomalous, scores),
                "kinds": recall_by_kind(judged, anomalous, flagged),
                "fit_cpu_s": model.info["cpu_seconds"],
            }
        wanted = Threshold(rule, 0.0, false_alarm_rate)
        found["baselines"] = baseline_figures(learnt, taught, judged, anomalous, wanted, seed)
        runs.append(found)
    report["levels"] = {unit: merged_runs(runs)}
    return Experiment(report)


def _rows_of(data: RowInput) -> RowData:
    """Return the rows that labels name; activity has no columns yet."""
    if not isinstance(data, Activity):
        return data
    return Table(np.empty((len(data), 0)), (), sources=data.log.sources, index=data.index)


def _parts(data: RowInput, chosen: NDArray[np.bool_]) -> tuple[RowData, RowData]:
    """Return what is learnt from, and what is judged; columns are learnt from the first."""
    if not isinstance(data, Activity):
        return data.take(chosen), data.take(~chosen)
    space = EntityFeatures()
    return space.fit_transform(data.take(chosen)), space.transform(data.take(~chosen))


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

"""Detectors of series side by side: the first rows of each file are learnt from, the rest judged.

As `amiss.run.row_experiment` does with rows that stand for themselves. Where each file has a model
of its own, as a test bench has one for each run, the rows of all files are pooled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from amiss.detect._base import Detector
from amiss.errors import InputError, UsageError
from amiss.run.evaluate_rows import (
    alarm_figures,
    baseline_scores,
    range_figures,
    recall_by_kind,
    required_labels,
)
from amiss.run.experiment import SCHEMA, Experiment
from amiss.run.metrics import areas, at_threshold, curves, merged_runs
from amiss.run.row_data import as_series
from amiss.run.row_fit import FALSE_ALARM_RATE, fit_rows
from amiss.run.row_labels import RowLabels, known_labels
from amiss.run.row_values import score_rows
from amiss.types import Table, Threshold

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class _Judged(NamedTuple):
    """Scores of the judged rows of one model: 1 is its threshold, 0 the usual score."""

    scores: Floats
    flagged: Bools


def run_series_experiment(
    data: Table,
    labels: RowLabels | None,
    detectors: Mapping[str, str | Detector],
    *,
    train: float = 0.5,
    each_file: bool = False,
    seeds: list[int],
    use_labels: bool = True,
    false_alarm_rate: float = FALSE_ALARM_RATE,
) -> Experiment:
    """Fit detectors on the first rows of each file and judge them on the others.

    Parameters
    ----------
    data : Table
    labels : mapping of id to bool, path of a label file, or array of int, optional
        By default the labels that `data` has. Rows without a label are not judged, but rows around
        them are judged with them.
    detectors : mapping of str to str or Detector
    train : float
        Share of the rows of each file to learn from; from 1 on, so many rows.
    each_file : bool
        A model for each file.
    seeds : list of int
    use_labels : bool
        As `amiss.run_row_experiment` has it.
    false_alarm_rate : float

    Returns
    -------
    Experiment
        Of one level, ``row``. Areas under curves of several models are those of scores in units of
        their thresholds.

    Raises
    ------
    LabelError
        There are no labels, or they do not fit.
    UsageError
        `train` makes no sense.
    InputError
        A file has no rows to judge.
    """
    data = as_series(data)
    truth = required_labels(known_labels(data, labels), "row")
    file = np.zeros(len(data), dtype=np.int64) if data.file is None else data.file
    learnt = _first_rows(data, file, train)
    models = [file == one for one in np.unique(file)] if each_file else [np.ones_like(learnt)]
    tested = ~learnt & (truth >= 0)
    counted = [
        {
            "part": part,
            "rows": int((of & (truth >= 0)).sum()),
            "anomalous_rows": int((truth[of] == 1).sum()),
        }
        for part, of in (("train", learnt), ("test", tested))
    ]
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "split": {
            "how": "time", "train": float(train), "seeds": seeds, "labels": use_labels,
            "each_file": each_file,
        },
        "data": [{"seed": seed, **part} for seed in seeds for part in counted],
        "levels": {},
    }  # fmt: skip
    taught = truth if use_labels else np.full(len(data), -1)
    rule = "f1" if use_labels else "tail"
    order = np.concatenate([np.flatnonzero(of & ~learnt) for of in models])
    rest, known = data.take(order), truth[order]
    runs = []
    for seed in seeds:
        found: dict[str, Any] = {"ceilings": {}, "detectors": {}, "baselines": {}}
        for name, detector in detectors.items():
            seconds, parts = 0.0, []
            for of in models:
                model = fit_rows(
                    data.take(of & learnt),
                    taught[of & learnt],
                    detector=detector if isinstance(detector, str) else clone(detector),
                    false_alarm_rate=false_alarm_rate,
                    rule=rule,
                    random_state=seed,
                )
                scores = score_rows(model.detector, data.take(of & ~learnt))
                parts.append(_judged(scores, model.threshold.value, model.calibration))
                seconds += model.info["cpu_seconds"]
            found["detectors"][name] = {
                **_figures(rest, known, parts), "threshold": 1.0, "fit_cpu_s": seconds,
            }  # fmt: skip
        wanted = Threshold(rule, 0.0, false_alarm_rate)
        by_model = [
            baseline_scores(
                data.take(of & learnt),
                taught[of & learnt] if use_labels else None,
                data.take(of & ~learnt),
                wanted,
                seed,
            )
            for of in models
        ]
        found["baselines"] = {
            name: _figures(rest, known, [_judged(*scored[name]) for scored in by_model])
            for name in by_model[0]
        }
        runs.append(found)
    report["levels"] = {"row": merged_runs(runs)}
    return Experiment(report)


def _first_rows(data: Table, file: NDArray[np.int64], train: float) -> Bools:
    """Return which rows are learnt from: the first of each file."""
    if not (0 < train < 1 or (train >= 1 and float(train).is_integer())):
        raise UsageError(
            f"train={train:g}; expected a share between 0 and 1, or a number of rows of each file"
        )
    learnt = np.zeros(len(file), dtype=np.bool_)
    for one in np.unique(file):
        rows = np.flatnonzero(file == one)
        n = round(train * len(rows)) if train < 1 else int(train)
        if not 0 < n < len(rows):
            name = data.sources[one] if data.sources else "this series"
            raise InputError(f"{name}: {len(rows):,} rows, {n:,} to learn from; judge the others")
        learnt[rows[:n]] = True
    return learnt


def _judged(scores: Floats, threshold: float, calibration: Floats) -> _Judged:
    usual = float(np.median(calibration))
    unit = threshold - usual
    return _Judged((scores - usual) / (unit if unit > 0 else 1.0), scores > threshold)


def _figures(data: Table, truth: NDArray[np.int64], parts: list[_Judged]) -> dict[str, Any]:
    """Return the figures of the rows with a label; the others lie between them."""
    labelled = truth >= 0
    of_all = np.concatenate([part.scores for part in parts])
    scores, anomalous = of_all[labelled], truth[labelled] == 1
    flagged = np.concatenate([part.flagged for part in parts])[labelled]
    judged = data.take(labelled)
    return {
        **at_threshold(anomalous, flagged),
        **areas(anomalous, scores),
        **alarm_figures(judged, anomalous, flagged),
        **range_figures(data, truth, of_all),
        "curves": curves(anomalous, scores),
        "kinds": recall_by_kind(judged, anomalous, flagged),
    }

"""Experiments on series: first rows are learnt from, files may have models of their own."""

import json

import numpy as np
import pytest

from amiss.detect import VectorAutoregression
from amiss.errors import InputError, UsageError
from amiss.run.row_experiment import run_row_experiment
from amiss.types import Table, Timeline

COLUMNS = ("flow", "heat", "volts")


def make_series(n=200, odd=(), files=1, level=0.0):
    """Return files of rows, each at another level, with faults from one row to another."""
    rng = np.random.default_rng(0)
    file = np.repeat(np.arange(files), n)
    values = rng.normal([5, 70, 230], 0.1, size=(n * files, 3)) + level * file[:, None]
    label = np.zeros(n * files, dtype=np.int64)
    for first, last in odd:
        values[first : last + 1, 1] += 4
        label[first : last + 1] = 1
    timeline = Timeline(1000 * np.arange(n * files), file)
    sources = tuple(f"{i}.csv" for i in range(files))
    return Table(values, COLUMNS, label, sources=sources, file=file, timeline=timeline)


def run(series, labels=None, **options):
    options = {"seeds": [0], **options}
    return run_row_experiment(series, labels, {"mine": VectorAutoregression(order=2)}, **options)


def test_the_first_rows_of_each_file_are_learnt_from():
    odd = [(a, a + 5) for a in (20, 80, 120, 180, 220, 280, 320, 380)]
    series = make_series(odd=odd, files=2)
    label = series.label.copy()
    label[150:160] = -1
    result = run(series, label)
    report = result.to_dict()
    train, test = report["data"]
    assert (train["rows"], train["anomalous_rows"]) == (200, 24)
    assert (test["rows"], test["anomalous_rows"]) == (190, 24)
    assert report["split"]["how"] == "time"
    figures = report["levels"]["row"]["detectors"]["mine"]
    assert figures["f1"]["mean"] > 0.5
    assert figures["vus_pr"]["mean"] > 0.7
    assert figures["missing_rate"]["mean"] == 1 - figures["recall"]["mean"]
    assert "mahalanobis" in report["levels"]["row"]["baselines"]
    assert "50% to learn from, in time order" in repr(result)
    assert "ROC-AUC     FAR     MAR  VUS-PR   F1 range" in repr(result)
    json.dumps(report, allow_nan=False)


def test_each_file_may_have_a_model_of_its_own():
    series = make_series(odd=[(150, 159), (360, 369), (550, 559)], files=3, level=20.0)
    options = {"train": 100, "use_labels": False}
    together = run(series, **options).to_dict()["levels"]["row"]
    apart = run(series, **options, each_file=True)
    figures = apart.to_dict()["levels"]["row"]
    for name, group in (("mine", "detectors"), ("mahalanobis", "baselines")):
        assert figures[group][name]["recall"]["mean"] > 0.9
        assert figures[group][name]["roc_auc"]["mean"] > 0.85
    # What is odd at one level is not odd to a model that knows them all.
    assert (
        figures["baselines"]["znorm"]["f1"]["mean"] > together["baselines"]["znorm"]["f1"]["mean"]
    )
    assert "100 rows of each file, a model for each file, to learn from" in repr(apart)
    assert sum(figures["detectors"]["mine"]["confusion"].values()) == 300


def test_what_makes_no_sense_is_refused():
    series = make_series(odd=[(150, 159)])
    for train in (0, 1.5, -1):
        with pytest.raises(UsageError, match="expected a share between 0 and 1, or a number"):
            run(series, train=train)
    with pytest.raises(InputError, match=r"0.csv: 200 rows, 200 to learn from"):
        run(series, train=200)
    with pytest.raises(UsageError, match="each_file out"):
        run_row_experiment(
            Table(series.values, COLUMNS, series.label), detectors=["vae"], each_file=True
        )

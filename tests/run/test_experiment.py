import numpy as np
import polars as pl
import pytest

import amiss
from amiss.detect import EventCounts, EventPair, NextEvent
from amiss.errors import InputError, LabelError, UsageError
from amiss.run.experiment import run_experiment, split_sessions

USUAL = ["open", "read", "close"]
EVENTS = [USUAL] * 170 + [["open", "crash"]] * 20 + [USUAL] * 10
LABELS = np.array([0] * 170 + [1] * 30)  # ten anomalies look like normal sessions


@pytest.fixture(scope="module")
def found():
    detectors = {"counts": EventCounts(), "ranks": NextEvent(score="rank", epochs=3)}
    return run_experiment(EVENTS, LABELS, detectors, train=0.5, seeds=[3, 4])


def test_the_ceiling_is_what_alike_sessions_allow(found):
    level = found.report["levels"]["session"]
    # 20 of 30 anomalies can be told: F1 is at most 2·20 / (20 + 30), more or less by the split.
    assert level["ceilings"]["ceiling"]["mean"] == pytest.approx(0.8, abs=0.1)
    assert level["detectors"]["counts"]["f1"]["mean"] == pytest.approx(
        level["ceilings"]["ceiling"]["mean"]
    )
    assert level["baselines"]["new event"]["precision"]["mean"] == 1


def test_splits_are_described_and_stratified(found):
    train = found.data_frame().filter(pl.col("part") == "train")
    assert train["sessions"].to_list() == [100, 100]
    assert train["anomalous_sessions"].to_list() == [15, 15]
    assert set(found.data_frame()["windows"]) == {100}  # sessions shorter than a window: one each


def test_k_is_chosen_on_training_sessions_and_the_table_shows_every_k(found):
    ranks = found.report["levels"]["session"]["detectors"]["ranks"]
    assert [row["k"] for row in ranks["top_k"]] == list(range(1, 11))
    assert 1 <= ranks["k"]["mean"] <= 10
    text = repr(found)
    assert "chosen on training data" in text
    assert "no method that sees event ids alone can pass" in text


def test_one_row_a_detector_and_seed(found):
    frame = found.to_frame()
    assert frame.filter(kind="detector", detector="counts")["seed"].to_list() == [3, 4]
    assert {"precision", "recall", "f1", "pr_auc", "roc_auc"} <= set(frame.columns)


def test_windows_are_judged_by_detectors_that_take_windows():
    long = [[*USUAL] * 5] * 60 + [[*["open", "read"] * 7, "crash"]] * 10
    found = run_experiment(
        long,
        [0] * 60 + [1] * 10,
        {"pair": EventPair(hidden=8, epochs=2), "counts": EventCounts()},
        train=0.5,
        seeds=[0],
        levels=["session", "window"],
    )
    windows = found.report["levels"]["window"]
    assert list(windows["detectors"]) == ["pair"]
    assert windows["detectors"]["pair"]["f1"]["mean"] > 0.9
    assert set(windows["ceilings"]) == {"ceiling", "ceiling_in_session"}
    assert set(windows["baselines"]) == {"new next event", "new 2-gram", "new window"}
    assert found.report["data"][0]["windows"] == 35 * 6 - 0 * 5


def test_labels_that_are_not_used_are_not_looked_at():
    spoiled = LABELS.copy()
    train = split_sessions(LABELS, 0.5, "time")
    spoiled[train] = 1 - spoiled[train]
    results = [
        run_experiment(EVENTS, y, ["event-counts"], train=train, seeds=[0], use_labels=False)
        .report["levels"]["session"]["detectors"]["event-counts"]
        for y in (LABELS, spoiled)
    ]  # fmt: skip
    for result in results:  # times differ
        del result["fit_cpu_s"], result["score_cpu_s"]
    assert results[0] == results[1]


def test_splits_in_time_order_take_the_first():
    assert split_sessions(LABELS, 0.25, "time").nonzero()[0].max() == 49
    uniform = split_sessions(LABELS, 0.2, "uniform", seed=5)
    assert LABELS[uniform].sum() == 6
    assert (uniform == split_sessions(LABELS, 0.2, "uniform", seed=5)).all()
    assert (uniform != split_sessions(LABELS, 0.2, "uniform", seed=6)).any()


def test_sessions_of_a_log_go_by_their_labels():
    rows = [(f"s{i}", event) for i, session in enumerate(EVENTS) for event in session]
    sessions = amiss.Sessions.from_frame(
        pl.DataFrame(rows, schema=["session", "event"], orient="row")
    )
    labels = {f"s{i}": bool(label) for i, label in enumerate(LABELS) if i != 7}
    found = run_experiment(sessions, labels, ["event-counts"], train=0.5, seeds=[0])
    assert sum(row["sessions"] for row in found.report["data"]) == 199
    windows = amiss.session_windows(sessions, 2, labels)
    assert windows.label[windows.session == 7].tolist() == [-1, -1]
    assert amiss.window_frame(windows).columns == ["session", "sequence", "next_event", "label"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"train": 1.5}, UsageError, "a training share of 1.5"),
        ({"split": "random"}, UsageError, "uniform or time"),
        ({"levels": ["event"]}, UsageError, "session or window"),
        ({"levels": ["window"]}, UsageError, "event-counts: judges whole sessions"),
        ({"train": 0.001}, InputError, "cannot be split"),
        ({"train": np.ones(200, dtype=bool)}, UsageError, "both values"),
        ({"train": np.arange(3)}, UsageError, "shape"),
        ({"train": 0.5, "split": "time"}, InputError, "both kinds"),  # no anomaly to choose by
    ],
)
def test_what_cannot_be_run_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        run_experiment(EVENTS, LABELS, ["event-counts"], seeds=[0], **options)


def test_two_detectors_of_one_name_and_too_few_labels_are_refused():
    with pytest.raises(UsageError, match="give a mapping"):
        run_experiment(EVENTS, LABELS, ["event-counts", EventCounts("log")])
    with pytest.raises(LabelError, match="expected one each"):
        run_experiment(EVENTS, LABELS[:-1], ["event-counts"])

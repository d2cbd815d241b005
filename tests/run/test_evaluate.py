import polars as pl
import pytest

import amiss
from amiss.errors import LabelError
from amiss.run.evaluate import evaluate, evaluation_frame


@pytest.fixture(scope="module")
def sessions():
    rows = [(f"a{i}", e) for i in range(100) for e in ("open", "read", "close")]
    rows += [(f"x{i}", e) for i in range(3) for e in ("open", "crash")]
    return amiss.Sessions.from_frame(pl.DataFrame(rows, schema=["session", "event"], orient="row"))


@pytest.fixture(scope="module")
def report(sessions):
    labels = {name: name.startswith("x") for name in sessions.ids}
    del labels["a0"]
    model = amiss.fit(sessions, labels, detector="event-counts")
    return evaluate(model, sessions, labels)


def test_figures_are_those_of_the_labelled_sessions(report):
    assert report["sessions"] == 102
    assert report["unlabelled"] == 1
    assert report["confusion"] == {
        "true_positive": 3,
        "false_positive": 0,
        "false_negative": 0,
        "true_negative": 99,
    }
    assert report["precision"] == report["recall"] == report["f1"] == 1
    assert report["pr_auc"] == report["roc_auc"] == pytest.approx(1)


def test_baselines_stand_beside_the_model(report):
    assert report["baselines"]["new event"]["f1"] == 1
    assert report["baselines"]["any ERROR line"]["f1"] == 0
    assert evaluation_frame(report)["detector"][0] == "model"


def test_one_class_has_no_curve(sessions):
    labels = dict.fromkeys(sessions.ids.to_list(), False)
    report = evaluate(amiss.fit(sessions, labels, detector="event-counts"), sessions, labels)
    assert report["pr_auc"] is None


def test_labels_of_other_sessions_are_refused(sessions):
    model = amiss.fit(sessions, detector="event-counts")
    with pytest.raises(LabelError, match="check the session key"):
        evaluate(model, sessions, {"other": True})

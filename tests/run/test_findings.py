"""Findings as a Python user has them: a sequence, a frame, a dict, and words."""

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from amiss import evaluate, fit, read_sessions, scan
from amiss.errors import LabelError
from amiss.present.text import summarise
from amiss.run.evaluate import error_lines, evaluation_frame


@pytest.fixture
def findings(simulated_model, simulated_sessions):
    return simulated_model.detect(simulated_sessions)


def test_findings_are_a_sequence_the_most_anomalous_first(findings):
    scores = [finding.score for finding in findings]
    assert len(findings) == len(scores) > 2
    assert scores == sorted(scores, reverse=True)
    assert findings[0] is next(iter(findings))
    assert findings[-1].score == scores[-1]
    assert [f.id for f in findings[:2]] == [f.id for f in findings][:2]
    assert findings[0] in findings


def test_exactly_the_sessions_above_the_threshold_are_findings(findings):
    above = findings.scores > findings.threshold.value
    assert {f.id for f in findings} == set(findings.ids.filter(pl.Series(above)))
    assert len(findings.scores) == len(findings.ids) == len(findings.complete)


def test_the_p_value_falls_as_the_score_rises(findings):
    p_values = [finding.p_value for finding in findings]
    assert p_values == sorted(p_values)
    assert all(0 < p <= 1 for p in p_values)


def test_the_frame_has_one_row_a_finding(findings):
    frame = findings.to_frame()
    assert frame["session"].to_list() == [f.id for f in findings]
    assert frame["line"].to_list() == [f.locations[0].first_line for f in findings]
    assert frame.schema["start"] == pl.Datetime("ms")
    assert frame["start"][0] > datetime(2026, 1, 1)
    assert frame.schema["missing"] == pl.List(pl.String)


def test_the_frame_of_no_findings_has_the_same_columns(findings, simulated_model, tmp_path):
    log = tmp_path / "calm.log"
    log.write_text("".join(f"{e} id={i}\n" for i in range(30) for e in ("open", "close")))
    none = scan(read_sessions(log, session_key=r"id=\d+"), detector="event-counts")
    assert len(none) == 0
    assert not none
    assert none.to_frame().schema == findings.to_frame().schema
    assert "flagged    0 sessions" in repr(none)


def test_findings_of_a_log_without_times_have_no_time_in_the_frame(tmp_path):
    log = tmp_path / "plain.log"
    rows = [f"{event} id={i}" for i in range(30) for event in ("open", "close")]
    log.write_text("\n".join([*rows, "open id=99", "crash id=99"]))
    findings = scan(read_sessions(log, session_key=r"id=\d+"), detector="event-counts")
    assert findings.to_frame()["start"].to_list() == [None]


def test_a_finding_explains_itself_in_words(findings):
    text = findings[0].explain()
    assert text.startswith(f"session {findings[0].id}\n")
    assert f":{findings[0].locations[0].first_line}  " in text


def test_the_findings_print_as_their_overview(findings):
    assert repr(findings).startswith("log ")
    assert findings[0].id in repr(findings)


def test_the_dict_counts_what_was_scored_and_cut(findings):
    content = findings.to_dict()
    assert content["scored"] == len(findings.scores)
    assert content["source"]["cut"] == int((~findings.complete).sum())
    assert len(content["findings"]) == len(findings)


def test_a_scan_brings_the_model_that_it_learnt(simulated_sessions):
    findings = scan(simulated_sessions, detector="event-counts")
    again = findings.fitted.detect(simulated_sessions)
    assert findings.threshold == again.threshold
    shared = {f.id for f in findings} & {f.id for f in again}
    assert len(shared) >= 0.9 * len(findings)
    np.testing.assert_array_equal(findings.complete, again.complete)


# Findings against the truth.


@pytest.fixture
def plain_sessions(tmp_path):
    """Sessions of a log without times, so that lines are its clock; the last one is cut."""
    log = tmp_path / "plain.log"
    rows = [f"{e} id={i}" for i in range(80) for e in ("open", "read", "close")]
    rows[60:60] = ["open id=900", "crash id=900"]
    log.write_text("\n".join([*rows, "open id=999"]))
    return read_sessions(log, session_key=r"id=\d+")


def test_an_evaluation_counts_what_detect_flags(plain_sessions):
    model = fit(plain_sessions, detector="event-counts")
    truth = {f"id={i}": i == 900 for i in [*range(80), 900, 999]}
    report = evaluate(model, plain_sessions, truth)
    assert report["confusion"] == {
        "true_positive": 1,
        "false_positive": 0,
        "false_negative": 0,
        "true_negative": 81,
    }
    assert (report["precision"], report["recall"], report["f1"]) == (1.0, 1.0, 1.0)
    assert (report["pr_auc"], report["roc_auc"]) == (1.0, 1.0)


def test_what_was_cut_is_told_by_the_whole_log_whichever_sessions_have_a_label(tmp_path):
    log = tmp_path / "plain.log"
    rows = [f"{e} id={i}" for i in range(80) for e in ("open", "read", "close")]
    rows[60:60] = ["open id=900", "read id=900"]
    log.write_text("\n".join(rows))
    sessions = read_sessions(log, session_key=r"id=\d+")
    model = fit(sessions, {"id=900": True, "id=1": False}, detector="event-counts")
    assert [finding.id for finding in model.detect(sessions)] == ["id=900"]
    # Of the labelled sessions it is the last, and yet it was not cut: it stopped short.
    report = evaluate(model, sessions, {"id=1": False, "id=2": False, "id=900": True})
    assert report["unlabelled"] == len(sessions) - 3
    assert report["confusion"]["true_positive"] == 1


def test_one_class_has_no_curve(plain_sessions):
    model = fit(plain_sessions, detector="event-counts")
    report = evaluate(model, plain_sessions, {"id=1": False, "id=2": False})
    assert (report["pr_auc"], report["roc_auc"]) == (None, None)
    assert (report["precision"], report["recall"], report["f1"]) == (0.0, 0.0, 0.0)


def test_labels_of_another_log_are_refused(plain_sessions):
    model = fit(plain_sessions, detector="event-counts")
    with pytest.raises(LabelError, match="check the session key"):
        evaluate(model, plain_sessions, {"blk_1": True})


def test_the_evaluation_as_a_frame_has_a_row_for_model_members_and_baselines(
    simulated_model, simulated_sessions, simulation
):
    report = evaluate(simulated_model, simulated_sessions, simulation.labels)
    frame = evaluation_frame(report)
    names = ["model", *report["members"], *report["baselines"]]
    assert frame["detector"].to_list() == names
    assert frame["pr_auc"][0] == report["pr_auc"]
    assert frame["f1"][1] is None
    assert report["pr_auc"] > report["anomalies"] / report["sessions"]


def test_error_lines_are_counted_by_level(tmp_path):
    log = tmp_path / "app.log"
    stamp = "260302 074635 77"
    log.write_text(
        f"{stamp} INFO app.A: open id=1\n{stamp} ERROR app.A: bad id=1\n{stamp} FATAL app.A: worse"
        f" id=1\n{stamp} WARN app.A: hm id=2\n{stamp} INFO app.A: error in words id=2\n"
    )
    assert error_lines(read_sessions(log, session_key=r"id=\d+")).tolist() == [2.0, 0.0]


def test_an_overview_reads_as_all_findings_do(simulated_model, simulated_sessions):
    findings = simulated_model.detect(simulated_sessions)
    content, overview = findings.to_dict(), findings.overview()
    assert summarise(overview, None) == summarise(content, None)
    worst = [
        next(f for f in content["findings"] if f["incident"] == i["id"])
        for i in content["incidents"]
    ]
    assert sorted(f["id"] for f in overview["findings"]) == sorted(f["id"] for f in worst)
    assert overview["flagged"] == content["flagged"] == len(findings)

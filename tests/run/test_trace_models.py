"""Kernel traces through a model: segments, verdicts on whole traces, what was mispredicted."""

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.errors import UsageError
from amiss.run.traces import judge_traces
from amiss.types import Threshold


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    return amiss.simulate_traces(tmp_path_factory.mktemp("kernel"), scale=0.02, seed=3).traces


def clean(traces, *numbers):
    return [traces / f"clean_{n:02}.csv" for n in numbers]


def others(traces):
    return [*clean(traces, 7, 8, 9, 10), *sorted(traces.glob("ls_*")), *traces.glob("busy*")]


@pytest.fixture(scope="module")
def model(traces):
    segments = amiss.read_sessions(clean(traces, 1, 2, 3, 4, 5, 6), segment=300)
    return amiss.fit(segments, detector="n-grams", clean=True, rule="sigma-3")


@pytest.fixture(scope="module")
def findings(model, traces):
    return model.detect(amiss.read_sessions(others(traces), segment=300))


def test_each_faulty_trace_is_found_and_no_clean_one(findings):
    names = {v.trace.rsplit("/", 1)[-1]: v.is_anomaly for v in findings.traces}
    assert names == {name: not name.startswith("clean") for name in names}
    assert len(names) == 9


def test_verdicts_survive_a_file_and_follow_another_threshold(model, findings, traces, tmp_path):
    model.save(tmp_path / "m.amiss")
    again = amiss.load(tmp_path / "m.amiss")
    segments = amiss.read_sessions(others(traces), segment=300)
    assert again.detect(segments).traces == findings.traces
    strict = again.set_threshold(0.01, "sigma-30").detect(segments)
    assert sum(v.flagged for v in strict.traces) < sum(v.flagged for v in findings.traces)


def test_a_finding_says_which_rows_and_what_was_mispredicted(findings, traces):
    worst = findings[0]
    assert worst.unit == "segment"
    (where,) = worst.locations
    assert where.last_line - where.first_line >= 299
    assert worst.events == worst.nearest == ()
    rows = pl.read_csv(where.file).slice(
        where.first_line - 1, where.last_line - where.first_line + 1
    )
    came = (rows["class"] + " " + rows["event"]).to_list()
    assert worst.mispredicted
    for event in worst.mispredicted:
        assert event.events == came.count(event.template)
        assert 0 < event.expected_events <= event.missed <= event.events
        assert event.expected != event.template


def test_segments_of_one_trace_judge_each_other_in_no_fold(traces):
    # Two traces of another system: what only one of them has is news in both folds.
    segments = amiss.read_sessions(clean(traces, 1, 2), segment=300)
    model = amiss.fit(segments, detector="n-grams", clean=True)
    assert len(np.unique(model.calibration_trace)) == 2
    assert len(model.calibration_trace) == len(model.calibration) == len(segments)


def test_evaluate_tells_of_segments_and_of_traces(model, traces):
    segments = amiss.read_sessions(others(traces), segment=300)
    names = [path.name for path in others(traces)]
    labels = {name: not name.startswith("clean") for name in names}
    report = amiss.evaluate(model, segments, labels)
    assert report["traces"]["traces"] == 9
    assert report["traces"]["recall"] == report["traces"]["precision"] == 1.0
    assert report["sessions"] == len(segments)


def test_overview_counts_classes_and_events(traces):
    sessions = amiss.read_sessions(clean(traces, 1, 2))
    table = amiss.trace_overview(sessions)
    first = pl.read_csv(traces / "clean_01.csv")
    column = table.columns[2]
    messages = table.filter(pl.col("event") == "SND_MESSAGE", pl.col("class") == "COMM")[column]
    assert messages.to_list() == [(first["event"] == "SND_MESSAGE").sum()]
    whole = table.filter(pl.col("event").is_null(), pl.col("class") == "COMM")[column]
    assert whole.to_list() == [(first["class"] == "COMM").sum()]
    assert table.filter(pl.col("event").is_not_null())[column].sum() == len(first)


def test_the_verdict_on_a_trace_asks_for_more_than_chance():
    trace = pl.Series(["a"] * 500 + ["b"] * 500)
    scores = np.zeros(1000)
    scores[:2], scores[500:560] = 9.0, 9.0
    calibration = np.concatenate([np.full(3, 9.0), np.zeros(1497)])
    verdicts = judge_traces(
        trace, scores, Threshold("tail", 1.0, 0.002), calibration, np.repeat([0, 1, 2], 500)
    )
    assert [v.is_anomaly for v in verdicts] == [False, True]


def test_predictions_need_a_detector_that_predicts(model, traces):
    with pytest.raises(UsageError, match="predicts no windows"):
        amiss.prediction_frame(model, amiss.read_sessions(clean(traces, 1), segment=300))


@pytest.fixture(scope="module")
def predicting(traces):
    from amiss.detect import EventSeq2Seq

    detector = EventSeq2Seq(hidden=8, embedding=4, attention=4, epochs=1, max_windows=2000)
    segments = amiss.read_sessions(clean(traces, 1, 2), segment=300)
    return amiss.fit(segments, detector=detector, clean=True)


def test_predictions_are_beside_what_came_and_each_event_is_in_one_row(predicting, traces):
    segments = amiss.read_sessions([*clean(traces, 3), traces / "ls_fifo_01.csv"], segment=300)
    frame = amiss.prediction_frame(predicting, segments)
    names = segments.shapes["text"].gather(segments.shape)
    assert frame["true"].explode().to_list() == names.to_list()
    assert frame["true"].list.len().to_list() == frame["predicted"].list.len().to_list()
    first = frame.group_by("session", maintain_order=True).first()
    assert first["line"].to_list() == segments.line[segments.offsets[:-1]].tolist()
    assert first["session"].to_list() == segments.ids.to_list()
    missed = frame.select(pl.col("true", "predicted").explode())
    rate = (missed["true"] != missed["predicted"]).fill_null(True).mean()
    sequences, _ = predicting.sequences(segments)
    rates = predicting.detector.misclassification_rate(sequences)
    weighed = (rates * sequences.lengths).sum() / sequences.lengths.sum()
    assert rate == pytest.approx(weighed, abs=0.02)


def test_predictions_are_written_as_a_frame_or_as_ids(predicting, traces, tmp_path):
    from amiss.run.predictions import write_predictions

    segments = amiss.read_sessions(clean(traces, 3), segment=300)
    for name in ("p.parquet", "p.npy"):
        write_predictions(predicting, segments, tmp_path / name)
    frame, ids = pl.read_parquet(tmp_path / "p.parquet"), np.load(tmp_path / "p.npy")
    assert ids.shape == (len(frame), 2, 5)
    tokens = predicting.detector.vocabulary_.tokens
    assert [tokens[i] for i in ids[0, 0] if i >= 0] == frame["true"][0].to_list()


def test_experiments_and_folds_keep_traces_whole(traces):
    from amiss.run.experiment import split_sessions
    from amiss.run.validation import splits

    trace = np.repeat([5, 3, 9, 1], [3, 5, 2, 4])
    truth = np.array([0] * 8 + [0, 1] + [0, 0, 1, 0])
    for seed in range(5):
        chosen = split_sessions(truth, 0.5, "uniform", seed, trace=trace)
        assert all(len(set(chosen[trace == name])) == 1 for name in np.unique(trace))
    assert split_sessions(truth, 0.5, "time", trace=trace).tolist() == [True] * 8 + [False] * 6
    for _, train, test in splits(truth, 2, 1, 0, trace):
        assert not set(trace[train]) & set(trace[test])


def test_one_trace_and_other_segments_than_learnt_are_told_of(traces):
    one = amiss.read_sessions(clean(traces, 1), segment=300)
    model = amiss.fit(one, detector="n-grams", clean=True, rule="sigma-3")
    assert "learn from two or more" in model.threshold.note
    assert len(np.unique(model.calibration)) > 1
    found = model.detect(amiss.read_sessions(clean(traces, 1), segment=100))
    assert any("learnt from segments of 300 events" in note for note in found.log.notes)
    assert not model.detect(one).log.notes


def test_a_name_of_a_file_in_capitals_is_kept(predicting, traces, tmp_path):
    from amiss.run.predictions import write_predictions

    write_predictions(predicting, amiss.read_sessions(clean(traces, 3)), tmp_path / "p.NPY")
    assert [path.name for path in tmp_path.iterdir()] == ["p.NPY"]


def test_what_was_mispredicted_is_what_the_decoder_wrote(predicting, traces):
    segments = amiss.read_sessions(traces / "ls_fifo_01.csv", segment=300)
    told = predicting.explain(segments, segments.ids[2])
    frame = amiss.prediction_frame(predicting, segments[[2]]).select(
        pl.col("true", "predicted").explode()
    )
    for event in told.mispredicted:
        own = frame.filter(pl.col("true") == event.template)
        assert event.events == len(own)
        assert event.missed == (own["predicted"] != event.template).fill_null(True).sum()


def test_the_overview_says_what_was_mispredicted_time_and_again(findings):
    worst = findings[0].mispredicted[0]
    shown = repr(findings)
    assert f'mispredicted {worst.missed} × "{worst.template}"' in shown
    assert "of 300 events" in shown

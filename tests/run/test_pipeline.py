import json

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.detect import EventCounts
from amiss.errors import InputError, LabelError, ModelError, UsageError
from amiss.run.bulk import normal_bulk
from amiss.run.models import load_model


def _frame(sessions):
    rows = [(name, event) for name, events in sessions for event in events]
    return pl.DataFrame(rows, schema=["session", "event"], orient="row")


def _sessions(odd=()):
    usual = [(f"a{i}", ["open", "read", "close"]) for i in range(150)]
    usual += [(f"b{i}", ["open", "read", "read", "close"]) for i in range(100)]
    return amiss.Sessions.from_frame(_frame([*usual, *odd]))


ODD = [("odd", ["open", "crash", "close"])]


@pytest.fixture(scope="module")
def model():
    return amiss.fit(_sessions(ODD), detector="event-counts")


def test_fit_and_detect_find_the_odd_session_without_labels(model):
    findings = model.detect(_sessions(ODD))
    assert [f.id for f in findings] == ["odd"]
    assert findings[0].surprises[0].template == "crash"
    assert (
        findings[0].locations[0].first_line == 852
    )  # its second event: 150 × 3 + 100 × 4 rows before it
    assert "crash" in findings[0].explain()
    assert findings.to_frame()["session"].to_list() == ["odd"]


def test_scan_judges_what_it_learnt_from_out_of_fold(model):
    findings = amiss.scan(_sessions(ODD), detector="event-counts")
    assert [f.id for f in findings] == ["odd"]
    assert len(findings.scores) == 251


def _timed_jobs(path, odd=-1, broken=-1):
    """Write jobs of three lines; the step of one is slow, one lacks its last line."""
    rng = np.random.default_rng(0)
    lines = []
    for job in range(400):
        start = 20.0 * job
        read = start + 0.1 + 0.1 * rng.random()
        end = read + 0.5 + 0.3 * rng.random() + (60 if job == odd else 0)
        lines += [(start, f"start job-{job:05d}"), (read, f"read for job-{job:05d}")]
        if job != broken:
            lines.append((end, f"end job-{job:05d}"))
    stamps = (np.array([at for at, _ in lines]) * 1000).astype("datetime64[ms]")
    rows = sorted(zip(stamps, [text for _, text in lines], strict=True))
    path.write_text("".join(f"{str(at).replace('T', ' ')} INFO {text}\n" for at, text in rows))
    return amiss.read_sessions(path, session_key=r"job-\d+")


@pytest.mark.parametrize(
    ("fault", "said"),
    [({"odd": 200}, 'a slow step after "read'), ({"broken": 200}, 'missing 1 × "end')],
)
def test_what_scan_flags_is_said_and_found_by_the_model_it_learnt(tmp_path, fault, said):
    sessions = _timed_jobs(tmp_path / "app.log", **fault)
    findings = amiss.scan(sessions, false_alarm_rate=0.005)
    assert findings[0].id == "job-00200"
    assert said in str(findings)
    found = findings.fitted.detect(sessions)
    assert {f.id: f.score for f in found} == {f.id: f.score for f in findings}
    assert findings.fitted.explain(sessions, "job-00200").score == findings[0].score


def test_what_is_flagged_is_not_learnt_unless_it_is_said_to_be_normal():
    odd = [(f"o{i}", ["read", "open", "read", "close"]) for i in range(1)]
    loose = amiss.fit(_sessions(odd), detector="n-grams", false_alarm_rate=0.01)
    assert loose.info["set_aside"] >= 1
    trusted = amiss.fit(_sessions(odd), detector="n-grams", false_alarm_rate=0.01, clean=True)
    assert trusted.info["set_aside"] == 0


def test_only_normal_sessions_flag_nothing():
    assert len(amiss.scan(_sessions(), detector="event-counts")) == 0


def test_anomalies_in_numbers_are_not_learnt_as_normal():
    odd = [(f"odd{i}", ["open", "crash", "close"]) for i in range(8)]
    found = {f.id for f in amiss.scan(_sessions(odd), detector="event-counts")}
    assert found == {name for name, _ in odd}


def test_with_clean_true_everything_is_learnt():
    odd = [(f"odd{i}", ["open", "crash", "close"]) for i in range(8)]
    model = amiss.fit(_sessions(odd), detector="event-counts", clean=True)
    assert len(model.detect(_sessions(odd))) == 0


def test_labelled_anomalies_are_left_out(model):
    odd = [(f"odd{i}", ["open", "crash", "close"]) for i in range(30)]  # too many to trim
    labels = {name: True for name, _ in odd}
    fitted = amiss.fit(_sessions(odd), labels, detector="event-counts")
    assert fitted.info["labelled_anomalies"] == 30
    assert len(fitted.detect(_sessions(odd))) == 30


def test_labels_that_name_no_session_are_refused():
    with pytest.raises(LabelError, match="none of 1 labels names a session"):
        amiss.fit(_sessions(), {"elsewhere": True}, detector="event-counts")


def test_all_labelled_anomalous_is_refused():
    labels = dict.fromkeys(_sessions().ids.to_list(), True)
    with pytest.raises(InputError, match="expected normal ones"):
        amiss.fit(_sessions(), labels, detector="event-counts")


@pytest.mark.parametrize(
    "wrong",
    [{"rule": "magic"}, {"false_alarm_rate": 2.0}, {"detector": "oracle"}],
)
def test_wrong_requests_name_what_was_expected(wrong):
    with pytest.raises(UsageError, match="expected"):
        amiss.fit(_sessions(), **{"detector": "event-counts", **wrong})


def test_a_wrong_rate_is_refused_before_anything_is_learnt():
    class Untouchable(EventCounts):
        def _fit(self, X, y):
            raise AssertionError("learnt first")

    with pytest.raises(UsageError, match="false-alarm rate 7"):
        amiss.fit(_sessions(), detector=Untouchable(), false_alarm_rate=7)


def test_saved_model_gives_the_same_findings(model, tmp_path):
    model.save(tmp_path / "m.amiss")
    loaded = load_model(tmp_path / "m.amiss")
    again, before = loaded.detect(_sessions(ODD)), model.detect(_sessions(ODD))
    np.testing.assert_array_equal(again.scores, before.scores)
    assert json.dumps(again.to_dict()) == json.dumps(before.to_dict())
    assert loaded.info == model.info


def test_ensemble_survives_saving(tmp_path):
    fitted = amiss.fit(_sessions(ODD))
    fitted.save(tmp_path / "m.amiss")
    loaded = load_model(tmp_path / "m.amiss")
    np.testing.assert_array_equal(loaded.score(_sessions(ODD)), fitted.score(_sessions(ODD)))
    assert [f.id for f in loaded.detect(_sessions(ODD))] == ["odd"]


def test_bare_detector_is_loaded_as_such_and_is_no_model(tmp_path):
    detector = EventCounts().fit([["a", "b"]] * 20)
    detector.save(tmp_path / "d.amiss")
    assert isinstance(amiss.load(tmp_path / "d.amiss"), EventCounts)
    with pytest.raises(ModelError, match="bare detector"):
        load_model(tmp_path / "d.amiss")


def test_another_rate_flags_more_without_fitting_again(model):
    odd = [*ODD, ("long", ["open", *["read"] * 5, "close"])]
    strict, loose = model.set_threshold(0.005), model.set_threshold(0.4)
    assert len(strict.detect(_sessions(odd))) <= len(loose.detect(_sessions(odd)))
    assert model.preview(_sessions(odd), [0.005, 0.4])["flagged"].is_sorted()


def test_setting_a_threshold_leaves_the_model_as_it_was():
    # Every length once: each session is out of sample a little different.
    rows = [(f"s{i}", ["open", *["read"] * i, "close"]) for i in range(1, 80)]
    model = amiss.fit(amiss.Sessions.from_frame(_frame(rows)), detector="event-counts", clean=True)
    before = (model.threshold, model.detector.offset_)
    changed = model.set_threshold(0.3)
    assert changed.threshold.value < model.threshold.value
    assert changed.detector.offset_ == -changed.threshold.value
    assert (model.threshold, model.detector.offset_) == before


def test_next_event_decides_by_top_k_and_by_probability():
    for rule in ("top-3", "p-0.01"):
        fitted = amiss.fit(_sessions(ODD), detector="next-event", rule=rule)
        assert [f.id for f in fitted.detect(_sessions(ODD))] == ["odd"]
        assert fitted.threshold.rule in ("top-3", "probability 0.01")


def test_rules_for_single_events_need_a_detector_that_scores_them(model):
    with pytest.raises(UsageError, match="cuts the rank of single events"):
        model.set_threshold(0.01, "top-3")
    with pytest.raises(UsageError, match="cuts the probability of single events"):
        amiss.fit(_sessions(), rule="p-0.001")


def test_too_few_sessions_for_the_rate_are_said_so(model):
    assert "cannot resolve" in model.threshold.note


def test_unseen_templates_at_detection_do_not_change_the_model(model):
    known = len(model.miner)
    model.detect(_sessions([("new", ["open", "never seen before", "close"])]))
    assert len(model.miner) == known


def test_explain_answers_for_sessions_that_are_not_flagged(model):
    finding = model.explain(_sessions(), "a7")
    assert finding.score <= model.threshold.value
    with pytest.raises(InputError, match="no session 'zzz'"):
        model.explain(_sessions(), "zzz")


def test_same_seed_same_findings():
    first, second = (amiss.scan(_sessions(ODD), random_state=3) for _ in range(2))
    np.testing.assert_array_equal(first.scores, second.scores)


def test_bulk_grows_from_the_core_in_small_steps():
    # Each kind is a little longer than the one before: all are reached from the first.
    lengths = [*[4] * 200, *[5] * 20, *[6] * 8, *[7] * 3, 8]
    chain = [(f"s{i}", ["open", *["read"] * n, "close"]) for i, n in enumerate(lengths)]
    sessions = amiss.Sessions.from_frame(_frame([*chain, *ODD]))
    sequences, _ = amiss.fit(sessions, detector="event-counts").sequences(sessions)
    bulk = normal_bulk(sequences)
    assert bulk[:-1].all()
    assert not bulk[-1]


def test_hdfs_scan_finds_most_anomalies_with_few_false_alarms(data_dir):
    folder = data_dir / "hdfs"
    sessions = amiss.read_sessions(folder / "HDFS.log.gz")
    labels = amiss.read_labels(folder / "anomaly_label.csv")
    truth = np.array([labels[session] for session in sessions.ids])
    findings = amiss.scan(sessions)
    flagged = findings.scores > findings.threshold.value
    assert (flagged & truth).sum() >= 240  # of 251
    assert (flagged & ~truth).sum() <= 40  # of 7,804
    finding = findings[0]
    assert finding.id in finding.surprises[0].text  # the line shown is one of the session's


def test_templates_that_are_given_are_not_mined(tmp_path):
    texts = ["open <*>", "open file", "open door"]
    frame = pl.DataFrame({"session": [str(i // 3) for i in range(60)], "event": texts * 20})
    sessions = amiss.Sessions.from_frame(frame)
    assert sessions.log.templates_given
    model = amiss.fit(sessions, detector="event-counts", clean=True)
    assert model.miner.templates == texts
    model.save(tmp_path / "m.amiss")
    loaded = load_model(tmp_path / "m.amiss")
    assert loaded.score(sessions).tolist() == model.score(sessions).tolist()
    assert loaded.sequences(sessions)[0].names == tuple(texts)


def test_the_best_f1_of_labelled_sessions_is_a_rule():
    usual, odd = ["open", "read", "close"], ["open", "read", "read", "close"]
    rows = [(f"n{i}", event) for i in range(60) for event in usual]
    rows += [(f"x{i}", event) for i in range(4) for event in odd]
    sessions = amiss.Sessions.from_frame(
        pl.DataFrame(rows, schema=["session", "event"], orient="row")
    )
    labels = {name: name.startswith("x") for name in sessions.ids if name not in ("n0", "n1")}
    model = amiss.fit(sessions, labels, detector="event-counts", rule="f1")
    assert model.threshold.rule == "f1"
    assert {f.id[0] for f in model.detect(sessions)} == {"x"}
    with pytest.raises(UsageError, match="f1 without labels"):
        amiss.fit(sessions, detector="event-counts", rule="f1")
    with pytest.raises(UsageError, match="fit with labels"):
        model.set_threshold(0.1, "f1")

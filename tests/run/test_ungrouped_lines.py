"""Lines that belong to no session are judged beside the sessions."""

import json
from dataclasses import replace

import numpy as np
import pytest

import amiss
from amiss import read_sessions
from amiss.present.finding_lines import findings_to_lines
from amiss.present.page_payload import payload
from amiss.present.text import describe_model, summarise

START = np.datetime64("2026-11-22T00:00:00")
PANIC = "FATAL kernel: Kernel panic - not syncing: Attempted to kill init!"


def stamped(second, text):
    return f"{str(START + np.timedelta64(int(second), 's')).replace('T', ' ')} {text}"


def make_log(seed=0, extra=(), hours=3):
    """Return a log of requests, with heartbeats and other lines that have no key between them."""
    rng = np.random.default_rng(seed)
    span = hours * 3600
    events = [(second, "INFO beat ok") for second in range(0, span, 30)]
    events += [(s, "INFO gc ran") for s in rng.uniform(0, span, hours * 60)]
    events += [(s, "WARN disk is nearly full") for s in rng.uniform(0, span, hours * 10)]
    for i in range(300):
        at = rng.uniform(0, span - 10)
        for step, text in enumerate(("open", "read", "check", "close")):
            events.append((at + step, f"INFO {text} job_{i:05d}"))
    events += extra
    return "".join(f"{stamped(*event)}\n" for event in sorted(events))


def sessions_of(folder, **options):
    path = folder / "app.log"
    path.write_text(make_log(**options))
    return read_sessions(path, session_key=r"job_\d+")


def scanned(folder, **options):
    return amiss.scan(sessions_of(folder, **options), detector="event-counts")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    sessions = sessions_of(tmp_path_factory.mktemp("log"))
    return amiss.fit(sessions, detector="event-counts")


FLOOD = tuple((5000 + i / 10, "WARN disk is nearly full") for i in range(300))
ONE_PANIC = ((5000, PANIC),)


@pytest.mark.parametrize("extra", [FLOOD, ONE_PANIC], ids=["flood", "panic"])
def test_what_happens_beside_the_sessions_is_found(tmp_path, extra):
    found = scanned(tmp_path, extra=extra)
    windows = [finding for finding in found if finding.unit == "window"]
    assert windows
    assert all(finding.id.startswith("2026-11-22 01:2") for finding in windows)
    assert found.alarms == len(found)
    assert found.ungrouped.flagged == len(windows)
    assert sum(len(incident.findings) for incident in found.incidents) == len(found)


@pytest.mark.parametrize("extra", [FLOOD, ONE_PANIC], ids=["flood", "panic"])
def test_a_saved_model_finds_it_in_another_log(tmp_path, model, extra):
    model.save(tmp_path / "m.amiss")
    found = amiss.load(tmp_path / "m.amiss").detect(sessions_of(tmp_path, seed=1, extra=extra))
    assert {finding.id[:15] for finding in found if finding.unit == "window"} == {"2026-11-22 01:2"}


def test_a_heartbeat_that_stops_is_found(tmp_path, model):
    log = make_log(seed=1).splitlines(keepends=True)
    quiet = [line for line in log if not ("beat" in line and "02:1" <= line[11:15] < "02:2")]
    path = tmp_path / "quiet.log"
    path.write_text("".join(quiet))
    found = model.detect(read_sessions(path, session_key=r"job_\d+"))
    assert {finding.id[11:15] for finding in found} >= {"02:1"}


def test_healthy_lines_are_not_flagged_more_often_than_is_allowed(tmp_path):
    flagged = judged = 0
    for seed in range(8):
        found = scanned(tmp_path, seed=seed)
        flagged += found.ungrouped.flagged
        judged += found.ungrouped.scored
    assert judged > 1000
    assert flagged <= 2  # 0.0005 of them, and twice the standard deviation of that


def test_sessions_are_judged_as_if_there_were_no_other_lines(tmp_path):
    sessions = sessions_of(tmp_path)
    with_lines = amiss.scan(sessions, detector="event-counts")
    alone = amiss.scan(sessions[:], detector="event-counts")
    assert alone.ungrouped is None
    assert np.array_equal(with_lines.scores, alone.scores)
    assert with_lines.threshold == alone.threshold
    assert with_lines.ids.to_list() == alone.ids.to_list()


def test_labels_are_of_sessions_and_figures_are_of_them(tmp_path):
    sessions = sessions_of(tmp_path, extra=FLOOD)
    labels = dict.fromkeys(sessions.ids, False) | {sessions.ids[0]: True}
    model = amiss.fit(sessions, detector="event-counts")
    own, alone = (amiss.evaluate(model, data, labels) for data in (sessions, sessions[:]))
    assert own == alone


def test_what_was_judged_how_is_said(tmp_path):
    found = scanned(tmp_path, extra=FLOOD)
    content = found.to_dict()
    assert content["ungrouped"]["lines"] == content["source"]["ungrouped_lines"] > 0
    assert content["flagged"] == len(content["findings"])
    text = summarise(content)
    assert f"judged in {content['ungrouped']['scored']} windows of" in text
    assert "windows of lines in no session" in " ".join(text.split())
    lines = [json.loads(line) for line in findings_to_lines(content)]
    thresholds = {line["unit"]: line["threshold"] for line in lines}
    assert thresholds["window"] == content["ungrouped"]["threshold"]["value"]


def test_too_few_lines_are_said_not_to_be_judged(tmp_path):
    log = tmp_path / "app.log"
    jobs = (f"INFO {text} job_{i:03d}" for i in range(60) for text in ("open", "close"))
    events = ["INFO up", *jobs]
    log.write_text("".join(f"{stamped(i, text)}\n" for i, text in enumerate(events)))
    found = amiss.scan(read_sessions(log, session_key=r"job_\d+"), detector="event-counts")
    assert found.ungrouped is None
    assert any("1 line in no session: not judged" in note for note in found.log.notes)
    assert "1 line in no session was not judged." in " ".join(repr(found).split())


def test_lines_without_times_are_judged_in_windows_of_lines(tmp_path):
    rng = np.random.default_rng(0)
    lines = []
    for i in range(400):
        lines += [f"open job_{i:04d}", f"close job_{i:04d}"]
        lines += ["beat ok"] * 3 + ["gc ran"] * int(rng.poisson(1))
        lines += ["disk is nearly full"] * (200 if i == 250 else 0)
    log = tmp_path / "plain.log"
    log.write_text("\n".join(lines))
    found = amiss.scan(read_sessions(log, session_key=r"job_\d+"), detector="event-counts")
    assert {finding.unit for finding in found} == {"window"}


def test_a_window_is_explained_by_its_id(tmp_path, model):
    sessions = sessions_of(tmp_path, seed=1, extra=ONE_PANIC)
    (finding,) = (f for f in model.detect(sessions) if f.unit == "window")
    again = model.explain(sessions, finding.id)
    assert (again.unit, again.score) == ("window", finding.score)
    assert "Kernel panic" in again.explain()
    assert model.threshold_of("window").value != model.threshold_of("session").value


def test_another_rate_is_for_both(model):
    changed = model.set_threshold(0.01)
    assert changed.ungrouped.threshold.value <= model.ungrouped.threshold.value
    assert changed.ungrouped.threshold.rate == 0.01


def test_a_log_of_sessions_alone_says_that_the_model_learnt_from_other_lines(tmp_path, model):
    log = tmp_path / "alone.log"
    log.write_text("".join(line for line in make_log(seed=1).splitlines(True) if "job_" in line))
    found = model.detect(read_sessions(log, session_key=r"job_\d+"))
    assert found.ungrouped is None
    assert any("every line is in a session" in note for note in found.log.notes)


def test_a_model_of_sessions_alone_says_how_such_lines_come_to_be_judged(tmp_path, model):
    sessions = sessions_of(tmp_path, seed=1)
    alone = replace(model, ungrouped=None)
    expected = "the model learnt from no such lines; fit it to 100 or more of them"
    assert any(expected in note for note in alone.detect(sessions).log.notes)


def test_an_incident_of_such_lines_can_be_muted(tmp_path):
    own = amiss.fit(sessions_of(tmp_path), detector="event-counts")
    sessions = sessions_of(tmp_path, seed=1, extra=FLOOD)
    before = own.detect(sessions)
    amiss.mute(own, before.incidents[0].id, who="me", now=0)
    after = own.detect(sessions)
    assert len(after.muted.ids) >= 1
    assert len(after) == len(before) - len(after.muted.ids) == after.alarms


def test_templates_count_the_lines_in_no_session(model):
    counts = dict(zip(model.miner.templates, model.miner.counts.tolist(), strict=True))
    assert counts["beat ok"] == 360


def test_the_page_says_no_threshold_that_is_of_others(tmp_path):
    found = scanned(tmp_path, extra=FLOOD)
    assert payload(found.to_dict(), [], details=1, width=80)["threshold"] is None


@pytest.mark.parametrize(
    ("aside", "expected"),
    [(0, "no session left out"), (3, "3 sessions (1 %) left out as unlike the rest")],
    ids=["none", "some"],
)
def test_what_was_left_out_is_said_of_sessions(model, aside, expected):
    info = model.info | {"set_aside": aside}
    described = {"model": info, "threshold": model.threshold._asdict(), "file": "m", "bytes": 1}
    assert expected in " ".join(describe_model(described).split())


def untimed(folder, seed, extra=(), beats=237):
    """Return a log without times, in which not every window of ten lines is full."""
    rng = np.random.default_rng(seed)
    lines = [f"INFO {text} job_{i:05d}" for i in range(200) for text in ("open", "read", "close")]
    others = [rng.choice(["INFO beat ok", "INFO gc ran"], p=[0.8, 0.2]) for _ in range(beats)]
    at = np.sort(rng.integers(0, len(lines), len(others)))
    text = np.insert(np.array(lines, dtype=object), at, others).tolist()
    for place, line in extra:
        text.insert(place, line)
    path = folder / "untimed.log"
    path.write_text("\n".join(text) + "\n")
    return read_sessions(path, session_key=r"job_\d+")


def test_the_last_window_of_lines_is_as_long_as_the_others(tmp_path):
    found = amiss.scan(untimed(tmp_path, 3), detector="event-counts")
    assert found.ungrouped.scored == 24
    assert found.ungrouped.flagged == 0


def test_what_is_fatal_does_not_set_the_threshold_that_it_is_judged_by(tmp_path):
    sessions = untimed(tmp_path, 1, extra=[(400, PANIC)], beats=137)
    found = amiss.scan(sessions, detector="event-counts")
    (window,) = [finding for finding in found if finding.unit == "window"]
    assert window.p_value < 1e-6
    content = found.to_dict()
    said = summarise(content)
    assert "Something is wrong" in said
    assert "Kernel panic" in said


def test_healthy_logs_with_one_line_in_many_windows_are_calm(tmp_path):
    # A heartbeat in each window, and what comes by chance in some: two of it are no incident.
    for seed in range(6):
        rng = np.random.default_rng(seed)
        span = 12_000
        events = [(second, "INFO beat ok") for second in range(0, span, 60)]
        events += [(s, "INFO gc ran") for s in rng.uniform(0, span, span // 300)]
        for i in range(300):
            at = rng.uniform(0, span - 10)
            events += [(at + k, f"INFO step {k} job_{i:05d}") for k in range(3)]
        path = tmp_path / f"{seed}.log"
        path.write_text("".join(f"{stamped(*event)}\n" for event in sorted(events)))
        sessions = read_sessions(path, session_key=r"job_\d+")
        assert amiss.scan(sessions, detector="event-counts").ungrouped.flagged == 0

"""The command line as its users meet it: what it prints, what it exits with, how it fails."""

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import pytest

import amiss
from amiss.detect import CATALOGUE

FAST = ("--detector", "event-counts")
KEY = ("--session-key", r"id=\d+")


@pytest.fixture(scope="session")
def calm_log(tmp_path_factory):
    """Return a log in which all sessions are the same."""
    path = tmp_path_factory.mktemp("calm") / "calm.log"
    path.write_text("".join(f"{e} id={i}\n" for i in range(60) for e in ("open", "close")))
    return path


@pytest.fixture(scope="session")
def odd_log(calm_log, tmp_path_factory):
    """Return the same log with one session that is not."""
    path = tmp_path_factory.mktemp("odd") / "odd.log"
    lines = calm_log.read_text().splitlines()
    lines[30:30] = ["open id=777", "disk on fire id=777"]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def counts_model(simulation, tmp_path_factory):
    """Return a model that needs no torch, learnt from the simulated log."""
    path = tmp_path_factory.mktemp("counts") / "counts.amiss"
    sessions = amiss.read_sessions(simulation.log)
    amiss.fit(sessions, detector="event-counts").save(path)
    return path


@pytest.fixture(scope="session")
def plain_model(calm_log, tmp_path_factory):
    path = tmp_path_factory.mktemp("plain") / "plain.amiss"
    sessions = amiss.read_sessions(calm_log, session_key=KEY[1])
    amiss.fit(sessions, detector="event-counts").save(path)
    return path


@pytest.fixture
def truth(simulation):
    with simulation.labels.open(newline="") as file:
        return {row["BlockId"]: row["Label"] == "Anomaly" for row in csv.DictReader(file)}


def content_of(outcome):
    assert outcome.err == ""
    return json.loads(outcome.out)


def ids_of(content):
    return [finding["id"] for finding in content["findings"]]


# What it prints.


def test_a_scan_says_what_was_read_learnt_and_flagged(run_amiss, simulation):
    code, out, err = run_amiss("scan", simulation.log, *FAST)
    assert (code, err) == (0, "")
    rows = out.splitlines()
    assert rows[0].startswith("log        HDFS.log · 8,000 lines · 2026-03-02")
    assert rows[1].startswith(rf"sessions   {simulation.sessions:,} by blk_-?\d+")
    assert any(row.startswith("learnt     event counts · from") for row in rows)
    flagged = next(row for row in rows if row.startswith("flagged"))
    assert int(flagged.split()[1]) > 0
    assert re.search(r"^Something is wrong since 2026-03-02 .* incidents?\b", out, re.MULTILINE)
    assert re.search(r"^  [0-9a-f]{8}$", out, re.MULTILINE)
    assert re.search(r"^    HDFS\.log:\d+ +26030\d \d{6} ", out, re.MULTILINE)
    assert '" in no normal session' in out


def test_the_json_of_a_scan_has_what_the_text_shows(run_amiss, simulation):
    content = content_of(run_amiss("scan", simulation.log, *FAST, "--json"))
    text = run_amiss("scan", simulation.log, *FAST, "--all").out
    assert content["schema"] == "amiss.findings/1"
    assert f"flagged    {len(content['findings'])} sessions" in text
    top = content["findings"][0]
    assert re.search(rf"score {top['score']:.2f} · (such as )?{top['id']}", text)
    for incident in content["incidents"]:
        assert f"\n  {incident['id']}\n" in text


def test_every_incident_is_shown_on_demand_only(run_amiss, tmp_path):
    log = tmp_path / "many.log"
    rows = [f"{e} id={i}" for i in range(300) for e in ("open", "close")]
    for i, word in enumerate("abcdefghijkl"):
        rows[i * 40 : i * 40] = [f"open id={900 + i}", f"{word} broke {word} id={900 + i}"]
    log.write_text("\n".join(rows) + "\n")
    some = run_amiss("scan", log, *KEY, *FAST).out
    everything = run_amiss("scan", log, *KEY, *FAST, "--all").out
    assert "… and 2 incidents more, 2 sessions: --all" in some
    told = re.compile(r'^    "\w broke ', re.MULTILINE)
    assert len(told.findall(some)) == 10
    assert len(told.findall(everything)) == 12
    assert "incidents more" not in everything


@pytest.mark.parametrize("columns", [80, 100, 160])
def test_no_line_is_wider_than_the_terminal(
    run_amiss, monkeypatch, simulation, simulated_model_file, columns
):
    monkeypatch.setenv("COLUMNS", str(columns))
    on_log = (simulation.log, "--model", simulated_model_file)
    session = json.loads(run_amiss("detect", *on_log, "--json").out)["findings"][0]["id"]
    for arguments in (
        ("detect", *on_log, "--all"),
        ("detect", *on_log, "--preview"),
        ("explain", *on_log, "--id", session),
        ("evaluate", *on_log, "--labels", simulation.labels),
    ):
        rows = run_amiss(*arguments).out.splitlines()
        # What is to be copied stands in full: the next command, and where a line is.
        too_wide = [row for row in rows if len(row) > columns and not row.startswith("next: ")]
        assert not [row for row in too_wide if f"{simulation.log.name}:" not in row]
        assert not [row for row in rows if row != row.rstrip()]


def test_real_logs_give_a_readable_overview(run_amiss, data_dir, tmp_path):
    model = tmp_path / "real.amiss"
    log = data_dir / "hdfs" / "HDFS.log.gz"
    code, out, _ = run_amiss("scan", log, *FAST, "--save", model)
    assert code == 0
    assert out.startswith("log        HDFS.log.gz · 156,132 lines · 2008-11-09")
    assert "sessions   8,055 by" in out
    assert "java.io.IOException" in out
    assert "more: --all shows them" in out or "lines more" in out
    told = re.split(r"^  [0-9a-f]{8}(?:-\d+)?$", out, flags=re.MULTILINE)[1:]
    assert 5 <= len(told) <= 10
    for incident in told:
        assert re.search(r"^    [\d,]+ sessions?, 2008-11-\d\d", incident, re.MULTILINE)
        assert re.search(r"^    HDFS\.log\.gz:\d+ +0811\d\d ", incident, re.MULTILINE)


def test_the_detectors_are_those_of_the_catalogue(run_amiss):
    rows = run_amiss("detectors").out.splitlines()
    assert [row.split()[0] for row in rows] == list(CATALOGUE)
    content = content_of(run_amiss("detectors", "--json"))
    assert content["schema"] == "amiss.detectors/1"
    assert content["detectors"] == list(CATALOGUE)
    assert content["inputs"]["event-counts"] == ["sequences"]


def test_the_version_is_printed(run_amiss):
    assert run_amiss("--version") == (0, f"amiss {amiss.__version__}\n", "")


# Fit, detect, and what passes between them.


def test_a_fitted_model_finds_what_a_saved_scan_finds(run_amiss, simulation, tmp_path):
    fitted, scanned = tmp_path / "fitted.amiss", tmp_path / "scanned.amiss"
    run_amiss("fit", simulation.log, "-o", fitted, *FAST)
    run_amiss("scan", simulation.log, "--save", scanned, *FAST)
    first = content_of(run_amiss("detect", simulation.log, "-m", fitted, "--json"))
    second = content_of(run_amiss("detect", simulation.log, "-m", scanned, "--json"))
    assert first["findings"] == second["findings"] != []
    assert first["threshold"] == second["threshold"]


def test_a_model_file_finds_what_the_model_found_before_it_was_saved(
    run_amiss, simulation, simulated_model, simulated_sessions, simulated_model_file
):
    content = content_of(run_amiss("detect", simulation.log, "-m", simulated_model_file, "--json"))
    assert ids_of(content) == [f.id for f in simulated_model.detect(simulated_sessions)]


def test_a_fit_says_what_it_learnt_and_where_it_wrote_it(run_amiss, simulation, tmp_path):
    path = tmp_path / "m.amiss"
    code, out, err = run_amiss("fit", simulation.log, "-o", path, *FAST)
    assert (code, err) == (0, "")
    assert "learnt     event counts · from" in out
    assert "flags      score above" in out
    assert "m.amiss · " in out
    content = content_of(run_amiss("fit", simulation.log, "-o", path, *FAST, "--json"))
    assert content["schema"] == "amiss.model/1"
    assert content["bytes"] == path.stat().st_size
    assert content["model"]["sessions"] == simulation.sessions


def test_labelled_anomalies_are_not_learnt_from(run_amiss, simulation, tmp_path):
    path = tmp_path / "m.amiss"
    out = run_amiss("fit", simulation.log, "-o", path, *FAST, "--labels", simulation.labels).out
    assert f"{simulation.anomalies} labelled anomalies not taken for normal" in out


def test_a_clean_log_is_learnt_from_whole(run_amiss, simulation, tmp_path):
    out = run_amiss("fit", simulation.log, "-o", tmp_path / "m", *FAST, "--clean").out
    assert "without labels · nothing left out" in " ".join(out.split())


def test_another_rate_flags_more_without_another_fit(run_amiss, simulation, simulated_model_file):
    before = simulated_model_file.read_bytes()
    counts = []
    for rate in (0.0001, 0.05, 0.3):
        content = content_of(
            run_amiss(
                "detect", simulation.log, "-m", simulated_model_file,
                "--false-alarm-rate", rate, "--json",
            )
        )  # fmt: skip
        assert content["threshold"]["rate"] == rate
        counts.append(len(content["findings"]))
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]
    assert simulated_model_file.read_bytes() == before


def test_another_rule_alone_keeps_the_rate_of_the_model(run_amiss, simulation, counts_model):
    content = content_of(
        run_amiss("detect", simulation.log, "-m", counts_model, "--rule", "quantile", "--json")
    )
    assert content["threshold"]["rule"] == "quantile"
    assert content["threshold"]["rate"] == 0.0005


def test_a_preview_counts_what_each_rate_would_flag(run_amiss, simulation, simulated_model_file):
    preview = ("detect", simulation.log, "-m", simulated_model_file, "--preview")
    code, out, _ = run_amiss(*preview)
    assert code == 0
    assert out.splitlines()[0] == f"{simulation.sessions} sessions"
    assert "where" not in out
    content = content_of(run_amiss(*preview, "--json"))
    assert content["schema"] == "amiss.preview/1"
    assert (content["unit"], content["scored"]) == ("session", simulation.sessions)
    flagged = [row["flagged"] for row in content["rates"]]
    assert flagged == sorted(flagged)
    detected = content_of(
        run_amiss(
            "detect", simulation.log, "-m", simulated_model_file,
            "--false-alarm-rate", content["rates"][-1]["false_alarm_rate"], "--json",
        )
    )  # fmt: skip
    assert len(detected["findings"]) == flagged[-1]


def test_the_model_groups_other_logs_as_it_was_taught(run_amiss, odd_log, plain_model):
    content = content_of(run_amiss("detect", odd_log, "-m", plain_model, "--json"))
    assert ids_of(content) == ["id=777"]
    assert content["source"]["grouping"] == KEY[1]


@pytest.mark.parametrize(
    "grouping",
    [("--gap", "30"), ("--window", "40"), ("--session-field", "pid")],
)
def test_lines_are_grouped_as_asked(run_amiss, simulation, grouping):
    content = content_of(run_amiss("scan", simulation.log, *FAST, *grouping, "--json"))
    unit = "session" if grouping[0] == "--session-field" else "window"
    assert content["source"]["unit"] == unit
    assert content["scored"] > 1


# The exit code.


@pytest.mark.parametrize(
    ("limit", "code"), [("any", 3), ("1", 3), ("2", 0), ("99999", 0), (None, 0)]
)
def test_findings_fail_the_run_where_asked(run_amiss, odd_log, limit, code):
    fail_on = ("--fail-on", limit) if limit else ()
    outcome = run_amiss("scan", odd_log, *KEY, *FAST, *fail_on)
    assert outcome.code == code
    assert "flagged    1 session " in outcome.out


def test_detect_fails_on_findings_too(run_amiss, odd_log, plain_model):
    assert run_amiss("detect", odd_log, "-m", plain_model, "--fail-on", "any").code == 3


def test_a_calm_log_does_not_fail_the_run(run_amiss, calm_log, plain_model):
    code, out, err = run_amiss("detect", calm_log, "-m", plain_model, "--fail-on", "any")
    assert (code, err) == (0, "")
    assert "flagged    0 sessions" in out
    assert "next:" not in out


# Usage: exit code 2, one line that says what came and what was expected.


def assert_one_line(outcome, code, *words):
    assert outcome.code == code
    assert outcome.out == ""
    assert outcome.err.startswith("amiss: ")
    assert outcome.err.count("\n") == 1
    assert outcome.err.endswith("\n")
    assert "Traceback" not in outcome.err
    for word in words:
        assert word in outcome.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scan", "LOG", "--gap", "3", "--window", "4"], ["only one of", "gap", "window"]),
        (["scan", "LOG", *KEY, "--detector", "oracle"], ["oracle", "session-ensemble"]),
        (["scan", "LOG", *KEY, *FAST, "--rule", "hunch"], ["hunch", "tail, quantile"]),
        (["detect", "LOG", "-m", "MODEL", "--rule", "hunch"], ["hunch", "tail, quantile"]),
        (["scan", "LOG", *KEY, *FAST, "--false-alarm-rate", "7"], ["7", "between 0 and 1"]),
        (["scan", "LOG", *KEY, *FAST, "--false-alarm-rate", "0"], ["0", "between 0 and 1"]),
        (
            ["detect", "LOG", "-m", "MODEL", "--false-alarm-rate", "-1"],
            ["-1", "between 0 and 1"],
        ),
        (["scan", "LOG", "--false-alarm-rate", "few"], ["--false-alarm-rate", "scan --help"]),
        (["scan", "LOG", "--fail-on", "0"], ["'0'", "expected any"]),
        (["scan", "LOG", "--fail-on", "some"], ["'some'", "expected any"]),
        (["detect", "LOG", "-m", "MODEL", "--fail-on", "1.5"], ["'1.5'", "expected any"]),
        (["scan", "LOG", "--nope"], ["--nope", "see: amiss scan --help"]),
        (["scan"], ["missing", "INPUT", "see: amiss scan --help"]),
        (["detect", "LOG"], ["--model", "see: amiss detect --help"]),
        (["explain", "LOG"], ["--id", "see: amiss explain --help"]),
        (["guess", "LOG"], ["guess", "see: amiss --help"]),
        (["simulate", "cloud"], ["cloud", "see: amiss simulate --help"]),
        (["scan", "LOG", "--gap", "long"], ["--gap"]),
        (["scan", "LOG", "--gap", "-1"], ["-1", "more than 0"]),
        (["scan", "LOG", "--window", "0"], ["0", "1 or more"]),
        (["scan", "LOG", "--session-key", "id=("], ["id=(", "regular expression"]),
        (["scan", "LOG", "--session-field", "pid"], ["'pid'", "plain lines"]),
        (["scan", "LOG", "--format", "klingon"], ["klingon", "hdfs", "plain"]),
        (["scan", "LOG", *KEY, "--save", "none/m.amiss"], ["none/m.amiss", "no folder"]),
        (["fit", "LOG", *KEY, "-o", "FOLDER"], ["is a folder", "model file"]),
        (["explain", "LOG", "--id", "x", "-m", "MODEL", "--findings", "f"], ["not both"]),
        (["simulate", "hdfs", "-o", "LOG"], ["is a file", "folder"]),
        (["simulate", "hdfs", "-o", "FOLDER", "--lines", "0"], ["lines is 0", "1 or more"]),
        (["simulate", "hdfs", "-o", "FOLDER", "--anomaly-share", "2"], ["2.0", "0.5"]),
    ],
    ids=lambda value: " ".join(value[:3]) if value[0] in ("scan", "fit") else None,
)
def test_a_request_that_makes_no_sense_exits_with_2(
    run_amiss, monkeypatch, tmp_path, calm_log, plain_model, arguments, words
):
    monkeypatch.chdir(tmp_path)
    named = {"LOG": calm_log, "MODEL": plain_model, "FOLDER": tmp_path}
    assert_one_line(run_amiss(*(named.get(a, a) for a in arguments)), 2, *words)


def test_without_a_command_there_is_help(run_amiss):
    code, out, _ = run_amiss()
    assert code == 2
    assert "Usage: amiss" in out
    assert "detect" in out


# Failures: exit code 1, one line that says what to do.


def fail_no_such_file(folder):
    return ["scan", folder / "none.log"], ["none.log", "no such file", "- to read stdin"]


def fail_folder_without_files(folder):
    return ["scan", folder], ["holds no files", "name a log file"]


def fail_pattern_without_match(folder):
    return ["scan", folder / "*.log"], ["no file matches"]


def fail_empty_file(folder):
    (folder / "empty.log").touch()
    return ["scan", folder / "empty.log"], ["empty", "at least one line"]


def fail_no_line_matches(folder):
    (folder / "app.log").write_text("open id=1\n")
    words = ["none of 1 lines", r"user=\d+", "check the pattern"]
    return ["scan", folder / "app.log", "--session-key", r"user=\d+"], words


def fail_gaps_without_times(folder):
    (folder / "app.log").write_text("open id=1\n" * 5)
    return ["scan", folder / "app.log", "--gap", "5"], ["no time", "--window LINES"]


def fail_no_such_model(folder):
    (folder / "app.log").write_text("open id=1\n")
    return ["detect", folder / "app.log", "-m", folder / "none"], ["no such model", "amiss fit"]


def fail_model_is_text(folder):
    (folder / "app.log").write_text("open id=1\n")
    words = ["app.log", "not an amiss model file", "fit the model again"]
    return ["detect", folder / "app.log", "-m", folder / "app.log"], words


def fail_model_is_a_folder(folder):
    (folder / "app.log").write_text("open id=1\n")
    return ["detect", folder / "app.log", "-m", folder], ["cannot be read"]


def fail_findings_missing(folder):
    arguments = ["explain", folder / "a", "--id", "x", "--findings", folder / "none.json"]
    return arguments, ["none.json", "cannot be read"]


@pytest.mark.parametrize(
    "failure",
    [
        fail_no_such_file,
        fail_folder_without_files,
        fail_pattern_without_match,
        fail_empty_file,
        fail_no_line_matches,
        fail_gaps_without_times,
        fail_no_such_model,
        fail_model_is_text,
        fail_model_is_a_folder,
        fail_findings_missing,
    ],
)
def test_input_that_cannot_be_used_exits_with_1(run_amiss, tmp_path, failure):
    arguments, words = failure(tmp_path)
    assert_one_line(run_amiss(*arguments), 1, *words)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_named(run_amiss, tmp_path):
    log = tmp_path / "secret.log"
    log.write_text("open id=1\n")
    log.chmod(0)
    assert_one_line(run_amiss("scan", log, *KEY), 1, "secret.log", "cannot be read")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,label\nid=9999,Normal\n", ["id=9999", "id=0", "check the session key"]),
        ("id,label\nid=1,Normal\nid=2,Perhaps\n", ["labels.csv:3", "erhaps", "Normal or Anomaly"]),
        ("nothing but words\n", ["labels.csv", "two columns"]),
        ("id,label\n", ["labels.csv", "no labels"]),
        (None, ["labels.csv", "cannot be read"]),
    ],
)
@pytest.mark.parametrize("command", ["fit", "scan", "evaluate"])
def test_labels_that_do_not_fit_are_refused(
    run_amiss, tmp_path, calm_log, plain_model, command, text, words
):
    labels = tmp_path / "labels.csv"
    if text is not None:
        labels.write_text(text)
    arguments = {
        "fit": ["fit", calm_log, *KEY, *FAST, "-o", tmp_path / "m.amiss"],
        "scan": ["scan", calm_log, *KEY, *FAST],
        "evaluate": ["evaluate", calm_log, "-m", plain_model],
    }[command]
    assert_one_line(run_amiss(*arguments, "--labels", labels), 1, *words)
    assert not (tmp_path / "m.amiss").exists()


def test_a_model_of_another_format_is_refused(run_amiss, simulation, plain_model):
    outcome = run_amiss("detect", simulation.log, "-m", plain_model, *KEY)
    assert_one_line(outcome, 1)
    outcome = run_amiss("detect", simulation.log, "-m", plain_model, "--window", "50")
    assert_one_line(outcome, 1, "'plain'", "'hdfs'", "fit a model on such a log")


def truncated(source, target):
    target.write_bytes(source.read_bytes()[: source.stat().st_size // 2])


def flipped(source, target):
    content = bytearray(source.read_bytes())
    content[len(content) // 2] ^= 0xFF
    target.write_bytes(content)


def with_another_threshold(source, target):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith(".json"):
                manifest = json.loads(content)
                manifest["content"]["threshold"]["value"] = 1e9
                content = json.dumps(manifest).encode()
            new.writestr(name, content)


def with_a_stranger_inside(source, target):
    target.write_bytes(source.read_bytes())
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("code.pkl", b"cos\nsystem\n.")


def emptied(source, target):
    target.touch()


@pytest.mark.parametrize(
    "spoil", [truncated, flipped, with_another_threshold, with_a_stranger_inside, emptied]
)
def test_a_spoilt_model_is_refused(run_amiss, tmp_path, calm_log, plain_model, spoil):
    spoilt = tmp_path / "spoilt.amiss"
    spoil(plain_model, spoilt)
    outcome = run_amiss("detect", calm_log, "-m", spoilt)
    assert_one_line(outcome, 1, "spoilt.amiss", "fit the model again")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "score  session\n",
        "[]",
        "{}",
        '{"findings": 3, "threshold": {"value": 1}}',
        '{"findings": [{"id": "x"}], "threshold": {"value": 1}}',
        '{"findings": [{"id": "x", "score": "high"}], "threshold": {"value": 1}}',
        "[" * 200_000,
        "\udcff",
    ],
    ids=["empty", "text", "list", "object", "number", "bare", "wrong", "deep", "binary"],
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_findings_that_are_none_are_refused(run_amiss, tmp_path, odd_log, text, form):
    file = tmp_path / "findings.json"
    file.write_bytes(text.encode(errors="surrogateescape"))
    outcome = run_amiss("explain", odd_log, "--id", "x", "--findings", file, *form)
    assert_one_line(outcome, 1, "findings.json: not findings", "detect --json")


def test_an_unknown_session_is_refused_with_an_example(run_amiss, tmp_path, odd_log, plain_model):
    file = tmp_path / "findings.json"
    file.write_text(run_amiss("detect", odd_log, "-m", plain_model, "--json").out)
    by_model = run_amiss("explain", odd_log, "--id", "id=5000", "-m", plain_model)
    assert_one_line(by_model, 1, "'id=5000'", "'id=0'")
    by_findings = run_amiss("explain", odd_log, "--id", "id=5000", "--findings", file)
    assert_one_line(by_findings, 1, "'id=5000'", "'id=777'")
    # Before anything is learnt, which may take minutes.
    assert_one_line(run_amiss("explain", odd_log, "--id", "id=5000", *KEY), 1, "'id=0'")


def test_an_error_of_the_system_is_one_line_too(run_amiss, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "HDFS.log")

    monkeypatch.setattr(Path, "mkdir", full)
    outcome = run_amiss("simulate", "hdfs", "-o", tmp_path / "new")
    assert_one_line(outcome, 1, "HDFS.log: No space left on device")


# Standard input.


def test_standard_input_is_read_and_its_copy_removed(
    run_amiss, monkeypatch, tmp_path, odd_log, plain_model
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    outcome = run_amiss("detect", "-", "-m", plain_model, "--json", stdin=odd_log.read_bytes())
    content = content_of(outcome)
    assert content["source"]["files"] == ["<stdin>"]
    assert content["findings"][0]["got"][0]["text"] == "disk on fire id=777"
    assert list(tmp_path.iterdir()) == []


def test_the_copy_is_removed_after_a_failure_too(run_amiss, monkeypatch, tmp_path, plain_model):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert_one_line(run_amiss("detect", "-", "-m", plain_model), 1, "<stdin>", "empty")
    assert list(tmp_path.iterdir()) == []


def test_no_next_command_is_offered_for_what_cannot_be_read_again(run_amiss, odd_log, plain_model):
    outcome = run_amiss("detect", "-", "-m", plain_model, stdin=odd_log.read_bytes())
    assert "id=777" in outcome.out
    assert "next:" not in outcome.out


# Explain.


def test_explain_by_a_model_and_by_findings_say_the_same(
    run_amiss, tmp_path, simulation, simulated_model_file
):
    file = tmp_path / "findings.json"
    file.write_text(run_amiss("detect", simulation.log, "-m", simulated_model_file, "--json").out)
    content = json.loads(file.read_text())
    session = content["findings"][-1]["id"]
    ask = ("explain", simulation.log, f"--id={session}")
    by_model = run_amiss(*ask, "-m", simulated_model_file)
    by_findings = run_amiss(*ask, "--findings", file)
    assert by_model == by_findings
    assert by_model.code == 0
    assert by_model.out.startswith(f"session {session}\nscore ")
    assert ", flagged (threshold " in by_model.out
    assert "what the detectors say" in by_model.out
    as_json = content_of(run_amiss(*ask, "-m", simulated_model_file, "--json"))
    assert as_json.pop("schema") == "amiss.finding/1"
    assert as_json.pop("threshold") == content["threshold"]["value"]
    assert as_json["id"] == session
    assert as_json["got"] == content["findings"][-1]["got"]


def test_a_session_that_was_not_flagged_can_be_explained(run_amiss, calm_log, plain_model):
    code, out, _ = run_amiss("explain", calm_log, "--id", "id=3", "-m", plain_model)
    assert code == 0
    assert "score      0.00, not flagged (threshold " in out


def test_explain_with_the_log_alone_judges_as_a_scan_does(run_amiss, odd_log):
    scanned = content_of(run_amiss("scan", odd_log, *KEY, "--json"))
    code, out, err = run_amiss("explain", odd_log, *KEY, "--id", "id=777")
    assert (code, err) == (0, "")
    assert ids_of(scanned) == ["id=777"]
    assert f"score      {scanned['findings'][0]['score']:.2f}, flagged" in out
    assert f"{odd_log}:32  in no normal session\n      disk on fire id=777\n" in out


# The command offered next.


def next_command(outcome):
    row = next(row for row in outcome.out.splitlines() if row.startswith("next: "))
    words = shlex.split(row.removeprefix("next: "))
    assert words[0] == "amiss"
    return words[1:]


def test_the_next_command_after_detect_explains_the_first_finding(run_amiss, odd_log, plain_model):
    offered = next_command(run_amiss("detect", odd_log, "-m", plain_model))
    assert run_amiss(*offered).out.startswith("session id=777\n")


def test_the_next_command_after_a_saved_scan_uses_its_model(run_amiss, odd_log, tmp_path):
    model = tmp_path / "with space.amiss"
    offered = next_command(run_amiss("scan", odd_log, *KEY, *FAST, "--save", model))
    assert str(model) in offered
    assert run_amiss(*offered).out.startswith("session id=777\n")


def test_the_next_command_groups_the_log_as_the_scan_did(run_amiss, monkeypatch, odd_log):
    offered = []
    # So that nothing is trained.
    monkeypatch.setattr("amiss.cli.scan.DEFAULT_DETECTOR", "event-counts")
    outcome = run_amiss("scan", odd_log, *KEY, *FAST, "--format", "plain", "--seed", "3")
    offered = next_command(outcome)
    assert offered[0] == "explain"
    assert f"--session-key={KEY[1]}" in offered
    assert "--format=plain" in offered
    assert "--seed=3" in offered
    assert "scan --save m.amiss" in outcome.out


def test_a_scan_that_explain_could_not_repeat_says_to_save_the_model(run_amiss, odd_log):
    out = run_amiss("scan", odd_log, *KEY, *FAST).out
    assert "next: scan with --save m.amiss, then amiss explain" in out


# Evaluate and simulate.


def test_evaluate_without_a_model_learns_from_a_part_and_judges_the_rest(run_amiss, simulation):
    command = ("evaluate", simulation.log, "--labels", simulation.labels)
    options = ("--detector", "event-counts", "--train", "0.5", "--seeds", "2")
    outcome = run_amiss(*command, *options)
    assert outcome.code == 0
    assert "no method that sees event ids alone can pass" in outcome.out
    report = content_of(run_amiss(*command, *options, "--json"))
    assert report["schema"] == "amiss.experiment/1"
    level = report["levels"]["session"]
    assert len(level["detectors"]["event-counts"]["f1"]["values"]) == 2
    assert level["detectors"]["event-counts"]["curves"]["pr"]
    assert level["ceilings"]["ceiling"]["mean"] <= 1
    both = run_amiss(*command, "--model", "m.amiss", *options)
    assert both.code == 2
    assert "without --model" in both.err
    unknown = run_amiss(*command, "--level", "events")
    assert (unknown.code, unknown.err.count("\n")) == (2, 1)


def test_evaluate_compares_the_findings_with_the_labels(
    run_amiss, simulation, simulated_model_file, truth
):
    on_log = (simulation.log, "-m", simulated_model_file)
    flagged = set(ids_of(content_of(run_amiss("detect", *on_log, "--json"))))
    anomalies = {session for session, anomalous in truth.items() if anomalous}
    report = content_of(run_amiss("evaluate", *on_log, "--labels", simulation.labels, "--json"))
    assert report["confusion"] == {
        "true_positive": len(flagged & anomalies),
        "false_positive": len(flagged - anomalies),
        "false_negative": len(anomalies - flagged),
        "true_negative": len(truth) - len(flagged | anomalies),
    }
    assert report["precision"] == pytest.approx(len(flagged & anomalies) / len(flagged))
    assert report["recall"] == pytest.approx(len(flagged & anomalies) / len(anomalies))
    members = {"event counts", "event sets", "next event", "step times"}
    assert set(report["members"]) == members
    assert "new event" in report["baselines"]
    out = run_amiss("evaluate", *on_log, "--labels", simulation.labels).out
    for title in ("precision", "recall", "F1", "PR-AUC", "ROC-AUC", "baselines", "missed"):
        assert title in out
    (figures,) = [row for row in out.splitlines() if row.startswith("  this model ")]
    names = ("precision", "recall", "f1", "pr_auc", "roc_auc")
    assert figures.split()[2:] == [f"{report[name]:.4f}" for name in names]


def test_sessions_without_a_label_are_left_out_of_an_evaluation(
    run_amiss, simulation, counts_model, tmp_path
):
    labels = tmp_path / "few.csv"
    labels.write_text("".join(simulation.labels.read_text().splitlines(keepends=True)[:101]))
    on_log = (simulation.log, "-m", counts_model, "--labels", labels)
    report = content_of(run_amiss("evaluate", *on_log, "--json"))
    assert report["sessions"] == 100
    assert report["unlabelled"] == simulation.sessions - 100
    assert sum(report["confusion"].values()) == 100
    assert "100 with a label" in run_amiss("evaluate", *on_log).out


def test_a_simulation_writes_a_log_that_a_scan_reads(run_amiss, tmp_path):
    made = ("simulate", "hdfs", "-o", tmp_path / "sim", "--lines", "1500", "--seed", "4")
    code, out, err = run_amiss(*made)
    assert (code, err) == (0, "")
    assert "HDFS.log · 1,500 lines · " in out
    log = next_command(run_amiss(*made))
    assert log == ["scan", str(tmp_path / "sim" / "HDFS.log")]
    assert run_amiss(*log, *FAST).code == 0
    content = content_of(run_amiss(*made, "--json"))
    assert content["schema"] == "amiss.simulation/1"
    assert content["lines"] == 1500
    assert Path(content["labels"]).is_file()


# Logs that were parsed before, and parsing.


def test_a_parsed_log_is_scanned_as_the_log_is(run_amiss, tmp_path, simulation):
    table, templates = tmp_path / "a.csv.gz", tmp_path / "t.csv"
    made = run_amiss("parse", simulation.log, "-o", table, "--templates", templates)
    assert made.code == 0, made.err
    assert f"written    {table}" in made.out
    assert templates.read_text().startswith("EventId,EventTemplate,Occurrences\nE1,")
    scan = ("scan", "--json", "--detector", "event-counts")
    raw, parsed = (json.loads(run_amiss(*scan, path).out) for path in (simulation.log, table))
    assert parsed["source"]["format"] == "structured"
    assert [f["id"] for f in parsed["findings"]] == [f["id"] for f in raw["findings"]]
    line, text = parsed["findings"][0]["got"][0]["first_line"], raw["findings"][0]["got"][0]["text"]
    assert line == raw["findings"][0]["got"][0]["first_line"]
    assert text.endswith(parsed["findings"][0]["got"][0]["text"])


def test_parse_to_stdout_and_as_json(run_amiss, tmp_path):
    out = run_amiss("parse", "-", "-o", "-", stdin=b"open 1\nopen 2\n")
    assert out.code == 0, out.err
    assert out.out.splitlines()[0] == "LineId,Content,EventId,EventTemplate,LineCount"
    assert out.out.splitlines()[2] == "2,open 2,E1,open <*>,1"
    both = run_amiss("parse", "-", "-o", "-", "--json", stdin=b"open 1\n")
    assert (both.code, both.out) == (2, "")
    assert "give -o a file name" in both.err
    summary = json.loads(
        run_amiss("parse", "-", "-o", tmp_path / "a.csv", "--json", stdin=b"open 1\n").out
    )
    assert (summary["schema"], summary["lines"], summary["templates"]) == ("amiss.parse/1", 1, 1)


def test_a_table_of_sessions_goes_through_all_commands(run_amiss, tmp_path):
    table, model = tmp_path / "sessions.csv", tmp_path / "m.amiss"
    rows = [f"s{i},0,open file|close" for i in range(60)] + ["odd,1,open file|crash"]
    table.write_text("\n".join(["session_id,label,events", *rows]) + "\n")
    fitted = run_amiss("fit", table, "-o", model, "--labels", table, "--detector", "event-counts")
    assert fitted.code == 0, fitted.err
    assert "61 rows · sessions format · 3 templates" in fitted.out
    found = run_amiss("detect", table, "--model", model)
    assert "sessions.csv:61" in found.out
    report = json.loads(
        run_amiss("evaluate", table, "--labels", table, "--model", model, "--json").out
    )
    assert report["confusion"]["true_positive"] == 1
    explained = run_amiss("explain", table, "--id", "odd", "--model", model)
    assert '"crash"' in explained.out
    assert "s1,0" not in explained.out


# Other processes: pipes, signals, imports.


def start(*arguments, **options):
    command = [sys.executable, "-m", "amiss.cli", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.PIPE}
    return subprocess.Popen(command, preexec_fn=_heed_interrupts, **(pipes | options))


def _heed_interrupts():
    # A shell starts what runs in the background with interrupts ignored, and children inherit it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_reader_that_has_enough_leaves_no_traceback(odd_log, plain_model):
    process = start("detect", odd_log, "-m", plain_model, "--fail-on", "any")
    process.stdout.close()
    with process:
        process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == 3


def test_help_into_a_closed_pipe_leaves_no_traceback():
    process = start("scan", "--help")
    process.stdout.close()
    with process:
        process.stdin.close()
        assert b"Traceback" not in process.stderr.read()


def test_an_interrupt_exits_with_130_and_says_so_in_a_line(tmp_path):
    # A shell's background job, and so its children, may be deaf to interrupts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with start("scan", "-", env={**os.environ, "TMPDIR": str(tmp_path)}) as process:
        signal.signal(signal.SIGINT, before)
        # It reads what never ends; that it has begun shows by its copy.
        while not any(tmp_path.iterdir()) and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert process.stderr.read() == b"amiss: interrupted\n"
        assert process.stdout.read() == b""


def test_results_go_to_stdout_in_whatever_encoding_it_has(odd_log, plain_model):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    with start("detect", odd_log, "-m", plain_model, env=environment) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert b"id=777" in out


def python(code):
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    return run.stdout


# Tuning, and the configs it writes.


@pytest.fixture(scope="session")
def tuned(simulation, tmp_path_factory):
    """Return a folder with the model, config and study of a short search, and what it printed."""
    folder = tmp_path_factory.mktemp("tuned")
    run = subprocess.run(
        [
            sys.executable, "-m", "amiss.cli", "tune", simulation.log,
            "--labels", simulation.labels, *FAST, "--trials", "4",
            "-o", folder / "m.amiss", "--config-out", folder / "best.toml",
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert run.stderr == ""
    return folder, run.stdout


def test_tuning_shows_the_best_beside_the_defaults(tuned):
    folder, out = tuned
    rows = out.splitlines()
    assert rows[0].startswith("tuned      event counts · 4 trials: ")
    assert rows[1] == "judged     by PR-AUC on sessions not learnt from · mean over 3 folds"
    assert [row.split()[0] for row in rows[4:8]] == [
        "vectors", "neighborhood", "max_references", "PR-AUC",
    ]  # fmt: skip
    default, best = map(float, rows[7].split()[1:])
    assert default <= best
    assert ("No trial did better than the defaults" in out) == (default == best)
    for label, name in (("study", "m.amiss.study.db"), ("config", "best.toml")):
        assert f"{label:<11}{folder / name}" in out
        assert (folder / name).is_file()


def test_the_next_command_after_tuning_makes_the_same_model(tuned, run_amiss, simulation):
    folder, out = tuned
    line = next(row for row in out.splitlines() if row.startswith("next: "))
    words = shlex.split(line.removeprefix("next: amiss "))
    again = folder / "again.amiss"
    assert words[0] == "fit"
    assert run_amiss(*words[:-1], again).code == 0
    first, second = (amiss.load(folder / name) for name in ("m.amiss", "again.amiss"))
    assert first.threshold == second.threshold
    assert first.detector.get_params() == second.detector.get_params()


def test_a_scan_takes_a_config(tuned, run_amiss, simulation):
    folder, _ = tuned
    code, out, err = run_amiss("scan", simulation.log, "--config", folder / "best.toml")
    assert (code, err) == (0, "")
    assert "learnt     event counts · from" in out
    assert "next: scan with --save m.amiss, then" in out  # explain alone would learn otherwise


def test_the_json_of_tuning_has_every_trial(tuned, run_amiss, simulation):
    folder, _ = tuned
    content = content_of(
        run_amiss(
            "tune", simulation.log, "--labels", simulation.labels, *FAST, "--trials", "5",
            "--study", folder / "m.amiss.study.db", "-o", folder / "json.amiss", "--json",
        )
    )  # fmt: skip
    assert content["schema"] == "amiss.tuning/1"
    assert [trial["trial"] for trial in content["trials"]] == [0, 1, 2, 3, 4]
    assert content["best"]["value"] >= content["default"]["value"]
    assert content["config"]["parameters"] == content["best"]["parameters"]
    assert content["model_file"] == str(folder / "json.amiss")
    assert content["config_file"] is None


def test_tuning_says_what_it_lacks(run_amiss, simulation, tuned, tmp_path):
    folder, _ = tuned
    output = ("-o", tmp_path / "m.amiss")
    labels = ("--labels", simulation.labels)
    for arguments, said in (
        ((simulation.log, *output), "tuning needs labels"),
        ((simulation.log, *labels, *output, "--metric", "auc"), "metric 'auc'"),
        ((simulation.log, *labels, *output, "--space", folder / "best.toml"), "no parameter"),
        ((simulation.log, *labels, *output, "--config-out", tmp_path), "name of a config file"),
        ((simulation.log, *labels, *output, *FAST, "--trials", "1", "--folds", "2",
          "--study", folder / "m.amiss.study.db"), "begun with other folds (3, not 2)"),
    ):  # fmt: skip
        code, out, err = run_amiss("tune", *arguments)
        assert (code, out) == (2, ""), err
        assert said in err
    assert not (tmp_path / "m.amiss").exists()


def test_a_config_and_a_detector_exclude_each_other(run_amiss, simulation, tuned):
    folder, _ = tuned
    code, _, err = run_amiss("scan", simulation.log, *FAST, "--config", folder / "best.toml")
    assert code == 2
    assert "--detector event-counts and --config" in err
    assert "give one" in err


HEAVY = (
    "sorted({'torch', 'polars', 'sklearn', 'scipy', 'pandas', 'numpy', 'optuna'}"
    " & set(sys.modules))"
)


def test_help_of_every_command_imports_nothing_heavy():
    out = python(
        f"""
import contextlib, io, sys
from typer.main import get_command
from amiss import cli

def walk(command, path):
    yield path
    for name, below in getattr(command, "commands", {{}}).items():
        yield from walk(below, [*path, name])

paths = list(walk(get_command(cli.app), []))
for path in paths:
    sys.argv = ["amiss", *path, "--help"]
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.suppress(SystemExit):
        cli.main()
    assert "Usage: amiss" in shown.getvalue(), path
print([" ".join(path) for path in paths], {HEAVY})
"""
    )
    assert "'scan'" in out
    assert "'simulate hdfs'" in out
    assert out.strip().endswith("[]")


def test_the_list_of_detectors_imports_nothing_heavy():
    code = f"""
import contextlib, sys
from amiss import cli
sys.argv = ["amiss", "detectors"]
with contextlib.suppress(SystemExit):
    cli.main()
print({HEAVY})
"""
    assert python(code).splitlines()[-1] == "[]"


def test_importing_amiss_imports_nothing_heavy():
    assert python(f"import sys, amiss; dir(amiss); print({HEAVY})").strip() == "[]"


def test_counting_needs_no_torch(calm_log):
    code = f"""
import contextlib, sys
from amiss import cli
sys.argv = ["amiss", "scan", {str(calm_log)!r}, *{KEY!r}, *{FAST!r}, "--json"]
with contextlib.suppress(SystemExit):
    cli.main()
print("torch" in sys.modules)
"""
    assert python(code).splitlines()[-1] == "False"

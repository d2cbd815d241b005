"""Logs as they come: what is selected, masked, followed, and templates that are kept."""

import json

import pytest

STEPS = ("open", "read", "check", "close")
WORDS = {"open": "opened", "read": "reading data of", "check": "checks pass in", "close": "closed"}
FAST = ("--detector", "event-counts")


def line(second, text):
    hours, rest = divmod(second, 3600)
    return f"2026-11-22 {hours:02}:{rest // 60:02}:{rest % 60:02},000 INFO app: {text}\n"


@pytest.fixture(scope="module")
def jobs_log(tmp_path_factory):
    path = tmp_path_factory.mktemp("jobs") / "jobs.log"
    lines = [
        line(60 * i + at, f"{WORDS[step]} job_{i:04d} for user=alice from 10.0.0.{i % 7}")
        for i in range(80)
        for at, step in enumerate(STEPS)
    ]
    lines.insert(200, line(60 * 50 + 3, "crashed job_0050 token=hunter2"))
    path.write_text("".join(lines))
    return path


@pytest.fixture(scope="module")
def jobs_model(jobs_log, tmp_path_factory):
    import amiss

    path = tmp_path_factory.mktemp("model") / "jobs.amiss"
    sessions = amiss.read_sessions(jobs_log, session_key=r"job_\d+", until=3_000_000_000_000)
    amiss.fit(sessions, detector="event-counts").save(path)
    return path


def test_no_option_is_needed_and_the_choice_is_said(run_amiss, jobs_log):
    said = run_amiss("scan", jobs_log, *FAST)
    assert said.code == 0
    assert r"by job_\d+" in said.out
    assert "found" in said.out
    assert "job_0050" in said.out


def test_since_and_until_select_lines(run_amiss, jobs_log):
    said = run_amiss(
        "scan", jobs_log, *FAST, "--json", "--since", "2026-11-22 00:10", "--until",
        "2026-11-22T00:20:00Z",
    )  # fmt: skip
    content = json.loads(said.out)
    assert content["scored"] == 10
    assert content["source"]["start"] == "2026-11-22T00:10:00"
    swapped = run_amiss("scan", jobs_log, "--since", "2026-11-23", "--until", "2026-11-22", *FAST)
    assert (swapped.code, "not before until" in swapped.err) == (2, True)
    wrong = run_amiss("scan", jobs_log, "--since", "yesterday")
    assert wrong.code == 2
    assert "'yesterday' is no moment; expected such as" in wrong.err


def test_private_words_are_neither_shown_nor_kept(run_amiss, jobs_log, tmp_path):
    model = tmp_path / "m.amiss"
    for options in ((), ("--json",)):
        said = run_amiss("scan", jobs_log, *FAST, "--mask", "all", "--save", model, *options)
        assert said.code == 0
        for word in ("alice", "10.0.0.", "hunter2"):
            assert word not in said.out
            assert word.encode() not in model.read_bytes()
        assert "job_0050" in said.out
    again = run_amiss("explain", jobs_log, "--id", "job_0050", "--model", model)
    assert "token=secret" in again.out  # a model masks what it learnt without
    assert "hunter2" not in again.out
    refused = run_amiss("scan", jobs_log, "--mask", "names")
    assert refused.code == 2
    assert "expected some of: secrets, emails, addresses, users" in refused.err


def test_a_stream_is_followed(run_amiss, jobs_log, jobs_model):
    said = run_amiss(
        "detect", "-", "--model", jobs_model, "--follow", "--json", "--fail-on", "any",
        stdin=jobs_log.read_bytes(),
    )  # fmt: skip
    assert said.code == 3
    (finding,) = [json.loads(row) for row in said.out.splitlines()]
    assert (finding["schema"], finding["id"]) == ("amiss.finding/1", "job_0050")
    assert "crashed job_0050" in finding["got"][0]["text"]
    assert "1 of 80 sessions flagged" in said.err
    text = run_amiss("detect", "-", "-m", jobs_model, "--follow", stdin=jobs_log.read_bytes())
    assert text.code == 0
    assert text.out.startswith("session job_0050\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["LOG", "--follow"], "standard input"),
        (["-", "--idle", "5m"], "--follow"),
        (["-", "--follow", "--idle", "soon"], "'soon'"),
        (["-", "--follow", "--window", "5"], "--window"),
        (["-", "--follow", "--csv"], "--csv"),
    ],
)
def test_what_makes_no_sense_with_a_stream_is_refused(run_amiss, jobs_log, jobs_model, words, said):
    words = [str(jobs_log) if word == "LOG" else word for word in words]
    outcome = run_amiss("detect", *words, "--model", jobs_model)
    assert outcome.code == 2
    assert said in outcome.err


def test_templates_of_another_model_are_started_from(run_amiss, jobs_log, jobs_model, tmp_path):
    named = tmp_path / "named.amiss"
    named.write_bytes(jobs_model.read_bytes())
    assert run_amiss("templates", named, "--name", "0=begin of a job").code == 0
    model = tmp_path / "next.amiss"
    fitted = run_amiss("fit", jobs_log, "-o", model, *FAST, "--templates", named)
    assert fitted.code == 0
    listed = json.loads(run_amiss("templates", model, "--json").out)
    assert next(t for t in listed["templates"] if t["id"] == 0)["name"] == "begin of a job"
    table = tmp_path / "t.csv"
    table.write_text("a,b\n" + "1,2\n" * 40)
    refused = run_amiss("fit", table, "--detector", "vae", "-o", model, "--templates", named)
    assert refused.code == 2
    assert "templates are of log lines" in refused.err


def test_a_model_reads_by_the_pattern_that_it_learnt_with(run_amiss, jobs_log, tmp_path):
    config = tmp_path / "amiss.toml"
    pattern = r"^(?P<time>\S+ \S+) (?P<level>[A-Z]+) (?P<app>\w+): (?P<message>.*)$"
    config.write_text(f"schema = \"amiss.config/1\"\nformat = '{pattern}'\n")
    model = tmp_path / "own.amiss"
    by = ("--session-field", "app")
    assert run_amiss("fit", jobs_log, "-o", model, "--config", config, *FAST, *by).code == 0
    said = json.loads(run_amiss("detect", jobs_log, "-m", model, "--json").out)
    assert said["source"]["format"] == pattern
    assert said["scored"] == 1


def test_a_table_of_a_log_can_be_masked_and_of_a_part(run_amiss, jobs_log, tmp_path):
    table = tmp_path / "jobs.csv"
    said = run_amiss("parse", jobs_log, "-o", table, "--mask", "all", "--until", "2026-11-22 01:00")
    assert said.code == 0
    assert len(table.read_text().splitlines()) == 1 + 60 * 4 + 1
    assert "alice" not in table.read_text()

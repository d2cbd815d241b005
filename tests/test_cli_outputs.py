"""What scan and detect print for other programs, and the page they write."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

import amiss
from amiss.detect import VAE

FAST = ("--detector", "event-counts")
KEY = ("--session-key", r"id=(\S+)")
FORMS = ("--csv", "--json", "--jsonl", "--sarif")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("outputs")


@pytest.fixture(scope="module")
def calm_log(folder):
    path = folder / "calm.log"
    path.write_text("".join(f"{event} id={i}\n" for i in range(150) for event in ("open", "close")))
    return path


@pytest.fixture(scope="module")
def odd_log(folder, calm_log):
    """Return a log with a session whose name is a formula, one that fails, and one of bytes."""
    path = folder / "odd.log"
    odd = b'open id==1+1\nfailed badly id==1+1\nopen id=777\nfailed badly id=777\nopen id=\xff,"x\n'
    path.write_bytes(odd + calm_log.read_bytes())
    return path


@pytest.fixture(scope="module")
def model(folder, calm_log):
    path = folder / "calm.amiss"
    sessions = amiss.read_sessions(calm_log, session_key=KEY[1])
    amiss.fit(sessions, detector="event-counts").save(path)
    return path


def write_table(path, odd):
    rng = np.random.default_rng(0)
    load = rng.normal(10, 2, 200)
    flow = 2 * load + rng.normal(0, 0.1, 200)
    flow[odd] += 40
    rows = [f"{a:.4f},{b:.4f}\n" for a, b in zip(load, flow, strict=True)]
    path.write_text("".join(["load,flow\n", *rows]))
    return path


def test_every_form_holds_the_same_findings(run_amiss, odd_log):
    said = {form: run_amiss("scan", odd_log, *KEY, *FAST, form) for form in FORMS}
    assert {outcome.code for outcome in said.values()} == {0}
    found = json.loads(said["--json"].out)["findings"]
    assert [f["id"] for f in found] == ["=1+1", "777", '\ufffd,"x']
    lines = [json.loads(row) for row in said["--jsonl"].out.splitlines()]
    threshold = json.loads(said["--json"].out)["threshold"]["value"]
    assert lines == [{"schema": "amiss.finding/1", **f, "threshold": threshold} for f in found]
    rows = list(csv.DictReader(io.StringIO(said["--csv"].out)))
    assert [row["id"] for row in rows] == ["'=1+1", "777", '\ufffd,"x']
    assert [row["incident"] for row in rows] == [f["incident"] for f in found]
    assert rows[0]["line"] == "failed badly id==1+1"
    (run,) = json.loads(said["--sarif"].out)["runs"]
    assert [result["properties"]["incident"] for result in run["results"]] == [
        f["incident"] for f in found
    ]
    assert run["results"][1]["locations"][0]["physicalLocation"]["region"]["startLine"] == 4


def test_a_followed_stream_prints_the_same_lines(run_amiss, odd_log, model):
    whole = run_amiss("detect", odd_log, "-m", model, "--jsonl")
    stream = run_amiss(
        "detect", "-", "-m", model, "--follow", "--jsonl", stdin=odd_log.read_bytes()
    )
    expected, came = (
        [json.loads(row) for row in said.out.splitlines()] for said in (whole, stream)
    )
    assert len(came) == len(expected) == 3
    for one, other in zip(came, expected, strict=True):
        assert list(one) == list(other)
        for name in ("schema", "incident", "id", "score", "threshold"):
            assert one[name] == other[name]


def test_explain_prints_the_same_members(run_amiss, odd_log, model):
    line = json.loads(run_amiss("detect", odd_log, "-m", model, "--jsonl").out.splitlines()[0])
    said = run_amiss("explain", odd_log, "-m", model, "--id", line["id"], "--json")
    assert set(json.loads(said.out)) == set(line)


@pytest.mark.parametrize("form", FORMS)
def test_exit_codes_are_those_of_the_text(run_amiss, odd_log, model, form):
    said = run_amiss("detect", odd_log, "-m", model, form, "--fail-on", "any")
    assert said.code == 3
    assert said.out
    assert run_amiss("detect", odd_log, "-m", model, form, "--fail-on", "4").code == 0


def test_without_findings_there_is_a_header_or_nothing(run_amiss, calm_log, model):
    said = {form: run_amiss("detect", calm_log, "-m", model, form) for form in FORMS}
    assert said["--csv"].out.count("\n") == 1
    assert said["--csv"].out.startswith("unit,id,incident,")
    assert said["--jsonl"].out == ""
    assert json.loads(said["--sarif"].out)["runs"][0]["results"] == []


def test_findings_of_a_table_come_in_every_form(run_amiss, folder):
    model, table = folder / "rows.amiss", write_table(folder / "odd.csv", [20, 30])
    calm = amiss.read_table(write_table(folder / "calm.csv", []))
    amiss.fit(calm, detector=VAE(epochs=4, latent=1, random_state=0)).save(model)
    said = {form: run_amiss("detect", table, "-m", model, form) for form in FORMS}
    assert {outcome.code for outcome in said.values()} == {0}
    found = json.loads(said["--json"].out)["findings"]
    assert {f["id"] for f in found} & {"21", "31"}
    lines = [json.loads(row) for row in said["--jsonl"].out.splitlines()]
    rows = list(csv.DictReader(io.StringIO(said["--csv"].out)))
    (run,) = json.loads(said["--sarif"].out)["runs"]
    ids = [f["id"] for f in found]
    assert ids == [line["id"] for line in lines] == [row["row"] for row in rows]
    assert ids == [result["properties"]["id"] for result in run["results"]]
    assert {result["ruleId"] for result in run["results"]} == {"feature"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--csv", "--json"), "--csv and --json would both write to stdout"),
        (("--jsonl", "--sarif"), "--jsonl and --sarif would both write to stdout"),
        (("--html", "-"), "a page goes to a file"),
        (("--html", "no/such/folder/page.html"), "there is no folder"),
    ],
    ids=["csv-json", "jsonl-sarif", "html-stdout", "html-folder"],
)
def test_what_cannot_be_written_is_told_before_anything_is_read(run_amiss, words, said):
    for command in (("scan", "missing.log"), ("detect", "missing.log", "-m", "missing.amiss")):
        outcome = run_amiss(*command, *words)
        assert outcome.code == 2
        assert said in outcome.err


@pytest.mark.parametrize("form", ["--csv", "--jsonl", "--sarif"])
def test_a_preview_prints_no_findings(run_amiss, calm_log, model, form):
    outcome = run_amiss("detect", calm_log, "-m", model, "--preview", form)
    assert outcome.code == 2
    assert f"leave out {form}" in outcome.err


def test_notes_go_to_stderr_beside_lines(run_amiss, odd_log):
    content = json.loads(run_amiss("scan", odd_log, *KEY, *FAST, "--json").out)
    notes = [*content["source"]["notes"], content["threshold"]["note"]]
    assert notes[-1]
    for form in ("--csv", "--jsonl"):
        err = run_amiss("scan", odd_log, *KEY, *FAST, form).err
        assert err == "".join(f"amiss: {note}\n" for note in notes)


def test_a_page_is_written_beside_what_is_printed(run_amiss, odd_log, model, folder):
    page = folder / "report.html"
    said = run_amiss("detect", odd_log, "-m", model, "--html", page, "--fail-on", "any")
    assert said.code == 3
    assert f"\nreport: {page}\n" in said.out
    text = page.read_text(encoding="utf-8")
    assert text.lower().startswith("<!doctype html>")
    beside = run_amiss("detect", odd_log, "-m", model, "--html", page, "--jsonl")
    assert len([json.loads(row) for row in beside.out.splitlines()]) == 3
    assert f"report: {page}\n" in beside.err


def test_a_page_of_a_scan_with_labels_says_how_well_they_are_met(run_amiss, odd_log, folder):
    labels, page = folder / "labels.csv", folder / "labelled.html"
    names = [str(i) for i in range(150)]
    rows = [f"{name},{'Anomaly' if name in ('3', '4') else 'Normal'}\n" for name in names]
    labels.write_text("".join(["id,label\n", *rows]))
    said = run_amiss("scan", odd_log, *KEY, *FAST, "--labels", labels, "--html", page)
    assert said.code == 0
    assert "baseline: " in page.read_text(encoding="utf-8")
    assert run_amiss("scan", odd_log, *KEY, *FAST, "--html", page).code == 0
    assert "baseline: " not in page.read_text(encoding="utf-8")


def test_python_has_the_same(odd_log, model, run_amiss):
    sessions = amiss.read_sessions(odd_log, session_key=KEY[1])
    findings = amiss.load(model).detect(sessions)
    assert run_amiss("detect", odd_log, "-m", model, "--csv").out == findings.to_csv()
    assert run_amiss("detect", odd_log, "-m", model, "--jsonl").out == findings.to_jsonl()
    said = json.loads(run_amiss("detect", odd_log, "-m", model, "--sarif").out)
    assert said == findings.to_sarif(Path.cwd())


@pytest.mark.parametrize("option", ["--html", "--save"])
@pytest.mark.parametrize("given", ["app.log", "*.log", "."])
def test_what_is_read_is_not_written_over(run_amiss, tmp_path, monkeypatch, option, given):
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "app.log"
    log.write_text("id=1 open\nid=1 close\n" * 20)
    before = log.read_bytes()
    outcome = run_amiss("scan", given, option, "app.log")
    assert outcome.code == 2
    assert "app.log: is read by this command; name another file" in outcome.err
    assert log.read_bytes() == before

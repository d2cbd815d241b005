"""The command line on what entities do: from an access log to a report, and back by verdicts."""

import csv
import io
import json
from importlib import resources

import numpy as np
import pytest
from jsonschema import Draft202012Validator

import amiss
from amiss.detect import DeepSAD

SCHEMA = resources.files("amiss.present").joinpath("findings.schema.json")
ODD = "10.9.9.9"
HOSTILE = "=1+1\x1b[2J"
CONFIG = """schema = "amiss.config/1"
detector = "deep-sad"

[parameters]
epochs = 4
n_networks = 1
folds = 2
"""
COUNTED = ("--by", "client", "--every", "1m")


def write_log(path, seed=0, scans=(), by=ODD):
    """Write an hour of 12 visitors; at the minutes in `scans` one asks for what is not there."""
    rng = np.random.default_rng(seed)
    lines = []
    for minute in range(60):
        for _ in range(12):
            client, second = rng.integers(1, 13), rng.integers(0, 60)
            lines.append((minute, second, f"10.0.0.{client}", f"/page{rng.integers(4)}", 200))
        if minute in scans:
            lines += [(minute, i, by, f"/x{minute}-{i}", 404) for i in range(40)]
    text = "".join(
        f'{client} - - [17/May/2015:10:{minute:02}:{second:02} +0000] "GET {page} HTTP/1.1" '
        f'{status} 512 "-" "Mozilla/5.0"\n'
        for minute, second, client, page, status in sorted(lines)
    )
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("entities")


@pytest.fixture(scope="module")
def quick(folder):
    path = folder / "quick.toml"
    path.write_text(CONFIG)
    return ("--config", path)


@pytest.fixture(scope="module")
def calm(folder):
    return write_log(folder / "calm.log")


@pytest.fixture(scope="module")
def odd(folder):
    return write_log(folder / "odd.log", 1, (7, 30))


@pytest.fixture(scope="module")
def model(folder, calm):
    path = folder / "m.amiss"
    activity = amiss.read_activity(calm, by="client", every="1m")
    detector = DeepSAD(epochs=4, n_networks=1, folds=2, random_state=0)
    amiss.fit(activity, detector=detector).save(path)
    return path


@pytest.fixture(scope="module")
def sessions_model(folder, calm):
    path = folder / "s.amiss"
    sessions = amiss.read_sessions(calm, session_field="client")
    amiss.fit(sessions, detector="event-counts").save(path)
    return path


def content_of(outcome):
    assert (outcome.code, outcome.err) == (0, "")
    return json.loads(outcome.out)


def rows_of(outcome):
    assert outcome.code == 0
    assert all("calibration items" in note for note in outcome.err.splitlines())
    return list(csv.DictReader(io.StringIO(outcome.out)))


def test_a_log_is_fitted_and_another_judged(run_amiss, calm, odd, quick, tmp_path):
    path = tmp_path / "m.amiss"
    code, out, err = run_amiss("fit", calm, *COUNTED, *quick, "-o", path)
    assert (code, err) == (0, "")
    rows = out.splitlines()
    assert rows[0] == (
        "log        calm.log · 720 lines · 2015-05-17 10:00:00 – 11:00:00 · combined format"
    )
    assert rows[1].startswith("entities   4")
    assert " by client every 1m · 12 clients · " in rows[1]
    assert rows[2].startswith("learnt     deep-sad · from 4")
    assert "entities in " in rows[2]
    assert "1 % of normal entities wanted" in out
    code, out, err = run_amiss("detect", odd, "-m", path)
    assert (code, err) == (0, "")
    assert f"next: amiss explain {odd} --id='2015-05-17T10:" in out
    assert "fit --labels" in out
    head, *found = out.partition("\n\n")[2].splitlines()
    assert head.split() == ["score", "time", "source", "where"]
    assert f"2015-05-17 10:07:00  {ODD} " in found[0] + found[2]
    assert any(word in found[1] for word in ("404", "4xx", "unseen path", "lines", "path"))
    assert "entitys" not in out


def test_the_json_is_of_the_schema(run_amiss, odd, model):
    content = content_of(run_amiss("detect", odd, "-m", model, "--json"))
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(content)
    assert content["flagged"] == len(content["findings"])
    assert content["source"]["by"] == "client"
    assert {f["id"] for f in content["findings"][:2]} == {
        f"2015-05-17T10:{m}:00 {ODD}" for m in ("07", "30")
    }
    top = content_of(run_amiss("detect", odd, "-m", model, "--json", "--top", "1"))
    assert len(top["findings"]) == 1
    assert top["flagged"] == content["flagged"]


def test_the_report_with_verdicts_is_a_label_file(run_amiss, odd, model, quick, tmp_path):
    rows = rows_of(run_amiss("detect", odd, "-m", model, "--csv", "--top", "4", "--top-k", "2"))
    assert [row["source"] for row in rows[:2]] == [ODD, ODD]
    assert list(rows[0])[:3] == ["time", "source", "anomaly_score"]
    assert "top_2_value" in rows[0]
    assert "top_3_value" not in rows[0]
    labels = tmp_path / "report.csv"
    with labels.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], "verdict"])
        writer.writeheader()
        verdicts = ["malicious", "malicious", "benign", ""]
        writer.writerows(row | {"verdict": v} for row, v in zip(rows, verdicts, strict=True))
    path = tmp_path / "m.amiss"
    fit = ("fit", odd, *COUNTED, *quick, "--labels", labels, "-o", path)
    content = content_of(run_amiss(*fit, "--json"))
    assert content["model"]["labelled_anomalies"] == 2
    assert content["model"]["labelled_normal"] == 1
    assert "2 labelled anomalies and 1 normal" in run_amiss(*fit).out
    report = content_of(run_amiss("evaluate", odd, "-m", path, "--labels", labels, "--json"))
    assert (report["unit"], report["sessions"], report["anomalies"]) == ("entity", 3, 2)
    text = run_amiss("evaluate", odd, "-m", path, "--labels", labels).out
    assert text.startswith("entities   3 with a label, 2 of them anomalies · ")


def test_one_window_of_one_source_is_explained(run_amiss, odd, model, tmp_path):
    name = f"2015-05-17T10:07:00 {ODD}"
    code, out, err = run_amiss("explain", odd, "-m", model, "--id", name)
    assert (code, err) == (0, "")
    assert out.startswith(f"entity {name}\nscore")
    assert ", flagged (threshold" in out
    assert "when       2015-05-17 10:07:00 to 10:08:00" in out
    assert "what adds most to the score" in out
    assert "its 40 lines, the first 10, of odd.log" in out
    number, line = next(
        (i, text) for i, text in enumerate(odd.read_text().splitlines(), 1) if ODD in text
    )
    assert f"    {number}  {line[:60]}" in out
    content = content_of(run_amiss("explain", odd, "-m", model, "--id", name, "--json"))
    assert content["raw_lines"][0] == {"file": str(odd), "line": number, "text": line}
    assert (len(content["raw_lines"]), content["line_count"]) == (10, 40)
    assert set(content["words"]) == {f["name"] for f in content["features"]}
    kept = tmp_path / "f.json"
    kept.write_text(run_amiss("detect", odd, "-m", model, "--json").out)
    assert run_amiss("explain", odd, "--findings", kept, "--id", name).out.startswith("entity 20")


def test_options_are_taken_from_the_model_and_may_be_repeated(run_amiss, odd, model):
    plain = run_amiss("detect", odd, "-m", model)
    same = run_amiss("detect", odd, "-m", model, "--by", "Client", "--every", "60")
    assert same.out == plain.out
    assert plain.code == 0


def test_standard_input_is_a_log_too(run_amiss, odd, model):
    piped = run_amiss("detect", "-", "-m", model, "--json", stdin=odd.read_bytes())
    content = content_of(piped)
    assert content["source"]["files"] == ["<stdin>"]
    name = content["findings"][0]["id"]
    found = run_amiss("explain", "-", "-m", model, "--id", name, stdin=odd.read_bytes())
    assert ODD in found.out.partition("of <stdin>")[2]


def test_rates_previews_and_exit_codes_work_as_for_rows(run_amiss, odd, calm, model):
    loose = content_of(run_amiss("detect", odd, "-m", model, "--false-alarm-rate", "0.3", "--json"))
    assert loose["threshold"]["rate"] == 0.3
    assert loose["flagged"] > 2
    preview = run_amiss("detect", odd, "-m", model, "--preview")
    assert preview.out.splitlines()[0].endswith(" entities")
    assert run_amiss("detect", odd, "-m", model, "--fail-on", "2").code == 3
    # What is shown is not what was flagged.
    shown = run_amiss("detect", odd, "-m", model, "--top", "200", "--fail-on", "150")
    assert shown.code == 0
    assert len(shown.out.splitlines()) > 200
    assert run_amiss("detect", odd, "-m", model, "--top", "1", "--fail-on", "2").code == 3


def test_a_scan_fits_and_judges_in_one_go(run_amiss, odd, quick, tmp_path):
    path = tmp_path / "s.amiss"
    code, out, err = run_amiss("scan", odd, *COUNTED, *quick, "--save", path)
    assert (code, err) == (0, "")
    assert "flagged    " in out
    assert f"--model {path}" in out
    assert amiss.load(path).space.by == "client"


def test_detectors_are_compared_on_verdicts(run_amiss, odd, tmp_path):
    labels = tmp_path / "verdicts.csv"
    activity = amiss.read_activity(odd, by="client", every="1m")
    with labels.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "source", "verdict"])
        for start, entity in zip(activity.index.start, activity.index.entity, strict=True):
            moment = str(np.datetime64(int(start), "ms"))
            writer.writerow([moment, entity, "malicious" if entity == ODD else "benign"])
    code, out, err = run_amiss(
        "evaluate", odd, *COUNTED, "--labels", labels, "--seeds", "1", "--detector", "deep-sad"
    )
    assert (code, err) == (0, "")
    assert "\nentities " in out
    for name in ("deep-sad", "iforest", "znorm"):
        assert f"  {name} " in out


def test_hostile_names_are_shown_and_taken_as_they_are_shown(run_amiss, model, tmp_path, quick):
    log = write_log(tmp_path / "hostile.log", 2, (12,), by=HOSTILE)
    outcome = run_amiss("detect", log, "-m", model)
    assert "\x1b" not in outcome.out
    assert "=1+1\\x1b[2J" in outcome.out
    shown = "2015-05-17 10:12:00 =1+1\\x1b[2J"
    found = run_amiss("explain", log, "-m", model, f"--id={shown}")
    assert (found.code, "\x1b" in found.out) == (0, False)
    report = run_amiss("detect", log, "-m", model, "--csv").out
    assert ",'=1+1\\x1b[2J," in report
    labels = tmp_path / "labels.csv"
    header, first, *_ = report.splitlines()
    labels.write_text(f"{header},verdict\n{first},attack\n")
    fit = ("fit", log, *COUNTED, *quick, "--labels", labels, "-o", tmp_path / "m.amiss", "--json")
    assert content_of(run_amiss(*fit))["model"]["labelled_anomalies"] == 1


def test_verdicts_that_were_not_used_are_told(run_amiss, odd, quick, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text(
        f"time,client,verdict\n2015-05-17T10:07:09Z,{ODD},1\n2016-05-17T10:07:09Z,{ODD},1\n"
    )
    path = tmp_path / "m.amiss"
    outcome = run_amiss("fit", odd, *COUNTED, *quick, "--labels", labels, "-o", path)
    assert "note       verdicts on windows that this input does not have (not used): 1" in (
        outcome.out
    )
    judged = run_amiss("evaluate", odd, "-m", path, "--labels", labels, "--json")
    assert "(not used): 1" in judged.err
    assert json.loads(judged.out)["anomalies"] == 1


def test_a_report_is_of_tables_too(run_amiss, tmp_path, odd):
    rng = np.random.default_rng(0)
    table = tmp_path / "pump.csv"
    rows = [f"{a:.4f},{b:.4f}" for a, b in rng.normal(size=(80, 2))]
    table.write_text("\n".join(["flow,heat", *rows]) + "\n")
    path = tmp_path / "m.amiss"
    config = tmp_path / "quick.toml"
    config.write_text(CONFIG)
    assert run_amiss("fit", table, "--config", config, "-o", path).code == 0
    found = rows_of(run_amiss("detect", table, "-m", path, "--csv", "--top", "2"))
    assert list(found[0])[:2] == ["row", "anomaly_score"]
    assert len(found) == 2
    text = run_amiss("detect", table, "-m", path, "--top", "3", "--top-k", "1").out
    assert "where" in text
    assert len(text.partition("\n\n")[2].splitlines()) >= 4


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["fit", "LOG", *COUNTED, "--detector", "event-pair", "-o", "OUT"], 2,
         ["detector event-pair takes logs", "deep-sad", "vae"]),
        (["scan", "LOG", "--by", "client", "--session-field", "pid"], 2,
         ["--session-field makes sessions"]),
        (["scan", "LOG", "--by", "client", "--clean"], 2, ["--clean is for sessions"]),
        (["scan", "LOG", "--by", "client", "--columns", "a"], 2, ["--columns is for tables"]),
        (["scan", "LOG", "--every", "1m", "--fields", "path"], 2,
         ["--fields is of windows by --by FIELD"]),
        (["fit", "LOG", "--by", "host", "-o", "OUT"], 2, ["no header field 'host'", "client"]),
        (["fit", "LOG", "--by", "client", "--every", "soon", "-o", "OUT"], 2, ["'soon'", "10s"]),
        (["fit", "LOG", *COUNTED, "--fields", "path,x", "-o", "OUT"], 2, ["'x'", "path"]),
        (["detect", "LOG", "-m", "MODEL", "--every", "5m"], 2,
         ["--every 5m: this model learnt with --every 1m"]),
        (["detect", "LOG", "-m", "MODEL", "--by", "agent"], 2,
         ["--by agent: this model learnt with --by client"]),
        (["detect", "LOG", "-m", "MODEL", "--fields", "path"], 2,
         ["--fields path: this model learnt with --fields user,method,path"]),
        (["detect", "LOG", "-m", "MODEL", "--format", "hdfs"], 2,
         ["--format hdfs: this model learnt with --format combined"]),
        (["detect", "LOG", "-m", "MODEL", "--window", "9"], 2, ["--window makes sessions"]),
        (["detect", "LOG", "-m", "MODEL", "--csv", "--json"], 2, ["--csv and --json"]),
        (["detect", "LOG", "-m", "MODEL", "--top", "0"], 2, ["--top 0; expected 1"]),
        (["detect", "LOG", "-m", "MODEL", "--top-k", "-1"], 2, ["--top-k -1; expected 1"]),
        (["detect", "LOG", "-m", "SESSIONS", "--by", "client"], 2,
         ["--by counts what entities did; this model learnt from sessions"]),
        (["detect", "LOG", "-m", "SESSIONS", "--top", "3"], 2, ["learnt from sessions", "--json"]),
        (["explain", "LOG", "--by", "client", "--id", "x"], 2, ["amiss fit LOG --by client"]),
        (["explain", "LOG", "-m", "MODEL", "--id", "x"], 1, ["no entity 'x'", "2015-05-17T10:0"]),
        (["detect", "OTHER", "-m", "MODEL"], 1, ["none of 2 lines", "combined"]),
        (["evaluate", "LOG", "-m", "MODEL"], 1, ["no entity has a label", "verdict"]),
        (["evaluate", "LOG", *COUNTED, "--detector", "event-pair"], 2, ["takes logs"]),
        (["fit", "LOG", "--detector", "deep-sad", "-o", "OUT"], 1, ["if it is a log", "--by"]),
        (["tune", "LOG", "--by", "client", "-o", "OUT"], 2, ["--by"]),
    ],
    ids=lambda value: " ".join(value[:1] + value[-2:]) if isinstance(value, list) else None,
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_one_line(
    run_amiss, tmp_path, odd, model, sessions_model, arguments, code, words
):
    other = tmp_path / "app.log"
    other.write_text("open id=1\nclose id=1\n")
    named = {
        "LOG": odd, "MODEL": model, "SESSIONS": sessions_model, "OTHER": other,
        "OUT": tmp_path / "o.amiss",
    }  # fmt: skip
    outcome = run_amiss(*(named.get(a, a) for a in arguments))
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.startswith("amiss: ")
    assert outcome.err.count("\n") == 1
    for word in words:
        assert word in outcome.err


def test_an_explanation_names_the_values_that_were_never_seen(run_amiss, odd, model):
    code, out, _ = run_amiss("explain", odd, "-m", model, "--id", f"2015-05-17T10:07:00 {ODD}")
    assert code == 0
    assert any(f"lines with unseen {name} (" in out for name in ("path", "status", "status_class"))
    content = content_of(
        run_amiss("explain", odd, "-m", model, "--id", f"2015-05-17T10:07:00 {ODD}", "--json")
    )
    told = content["words"].values()
    assert any(
        "unseen status (404)" in words or "(/x7-0, /x7-1, /x7-10, …)" in words for words in told
    )


def test_what_a_model_masked_is_masked_in_other_logs(run_amiss, folder, quick, calm, odd):
    model = folder / "masked.amiss"
    run_amiss("fit", calm, *COUNTED, *quick, "--mask", "addresses", "-o", model, "--quiet")
    assert amiss.load(model).info["mask"] == ["addresses"]
    found = json.loads(run_amiss("detect", odd, "-m", model, "--json", "--quiet")[1])
    assert found["findings"]
    assert "10.9.9.9" not in json.dumps(found)
    assert all("address-" in finding["id"] for finding in found["findings"])

"""A log line is hostile input: nothing of it reaches the terminal or breaks the JSON."""

import csv
import io
import json
import unicodedata
from importlib import resources

import pytest
from jsonschema import Draft202012Validator

FAST = ("--detector", "event-counts")
KEY = ("--session-key", r"id=(\S+)")
TRICKS = {
    "escape": "\x1b[31mred alert\x1b[0m \x1b[2J\x1b[1;1H",
    "title": "\x1b]0;owned\x07 \x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\",
    "c1": "\x9b31mred\x9d0;owned\x9c",
    "bidi": "user \u202eexe.txt\u202c \u2066isolate\u2069 \u061cmark",
    "invisible": "pass\u200bword\u2060\ufeff soft\u00adhyphen tag\U000e0041",
    "nul": "nul\0byte and \x08\x08\x08 backspaces",
    "script": "<script>alert(1)</script> <img src=x onerror=alert(1)>",
    "markup": "[red]markup[/red] [bold] {braces} %s %(x)s $(touch pwned) `id` '; DROP TABLE",
    "separators": "line\u2028separator\u2029paragraph\x85next\x0bvertical\x0cform",
    "carriage": "overwritten\rlooks harmless",
    "binary": b"not utf-8 \xff\xfe\xc3(".decode(errors="surrogateescape"),
    "long": "x" * 100_000 + "\x1b[31m",
    "csv": "=cmd|' /C calc'!A0",
}
IDS = {name: str(9000 + i) for i, name in enumerate(TRICKS)}


@pytest.fixture(scope="module")
def hostile_log(tmp_path_factory):
    """Return a log of calm sessions, and of one for each trick."""
    path = tmp_path_factory.mktemp("hostile") / "app.log"
    rows = [f"{event} id={i}" for i in range(150) for event in ("open", "close")]
    for i, (name, text) in enumerate(TRICKS.items()):
        key = f"id={IDS[name]}"
        rows[i * 12 : i * 12] = [f"open {key}", f"{name} {key} {text}", f"close {key}"]
    path.write_bytes(("\n".join(rows) + "\n").encode(errors="surrogateescape"))
    return path


def assert_harmless(text):
    for character in text.replace("\n", ""):
        assert unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"}, repr(character)
        assert character not in "\u061c\u200b\u200e\u200f\u2060\ufeff\u00ad\U000e0041"
        assert not 0x202A <= ord(character) <= 0x202E
        assert not 0x2066 <= ord(character) <= 0x2069


def test_the_overview_holds_nothing_that_a_terminal_obeys(run_amiss, hostile_log):
    code, out, err = run_amiss("scan", hostile_log, *KEY, *FAST, "--all")
    assert code == 0
    assert "flagged    13 sessions" in out
    assert_harmless(out)
    assert_harmless(err)
    assert r"red alert \x1b[" in out  # colours are gone, what moves the cursor is shown
    assert "<script>" in out
    assert "[red]markup[/red]" in out
    assert max(map(len, out.splitlines())) <= 200


def test_the_detail_of_each_finding_holds_nothing_that_a_terminal_obeys(
    run_amiss, hostile_log, tmp_path
):
    model = tmp_path / "m.amiss"
    run_amiss("scan", hostile_log, *KEY, *FAST, "--save", model)
    for name, session in IDS.items():
        code, out, _ = run_amiss("explain", hostile_log, "--id", session, "-m", model)
        assert code == 0
        assert f"      {name} id={session} " in out
        assert_harmless(out)
        assert max(map(len, out.splitlines())) <= 200


def test_the_json_is_valid_and_plain_ascii(run_amiss, hostile_log):
    out = run_amiss("scan", hostile_log, *KEY, *FAST, "--json").out
    assert out.isascii()
    assert_harmless(out)
    content = json.loads(out)
    schema = resources.files("amiss.present").joinpath("findings.schema.json")
    Draft202012Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(content)
    texts = {f["id"]: f["got"][0]["text"] for f in content["findings"]}
    assert set(texts) == set(IDS.values())
    # In the JSON the line is as it was: whoever shows it escapes it.
    for name in ("escape", "bidi", "script", "long"):
        assert texts[IDS[name]] == f"{name} id={IDS[name]} {TRICKS[name]}"


@pytest.mark.parametrize("form", ["--csv", "--jsonl", "--sarif"])
def test_what_other_programs_take_is_harmless_too(run_amiss, hostile_log, form):
    code, out, err = run_amiss("scan", hostile_log, *KEY, *FAST, form)
    assert code == 0
    assert_harmless(out)
    assert_harmless(err)
    rows = out.splitlines()
    if form == "--csv":
        rows = list(csv.reader(io.StringIO(out)))
        assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
        assert len({len(row) for row in rows}) == 1
    elif form == "--jsonl":
        assert {json.loads(row)["id"] for row in rows} == set(IDS.values())
    else:
        (run,) = json.loads(out)["runs"]
        assert len(run["results"]) == len(TRICKS)
        assert not any("](" in result["message"]["text"] for result in run["results"])


def test_what_was_mended_while_reading_is_noted(run_amiss, hostile_log):
    out = run_amiss("scan", hostile_log, *KEY, *FAST).out
    assert "NUL bytes" in out
    assert "not UTF-8" in out


def test_a_hostile_session_id_is_written_out_wherever_it_is_shown(run_amiss, tmp_path):
    log = tmp_path / "app.log"
    rows = [f"{event} id={i}" for i in range(50) for event in ("open", "close")]
    evil = "\x1b[2J\u202e';touch${IFS}pwned;'"
    log.write_text("\n".join([*rows[:40], f"open id={evil}", f"crash id={evil}", *rows[40:]]))
    code, out, _ = run_amiss("scan", log, *KEY, *FAST)
    assert code == 0
    assert "flagged    1 session " in out
    assert_harmless(out)
    (offered,) = [row for row in out.splitlines() if row.startswith("next: ")]
    assert "--id='" in offered
    unknown = run_amiss("explain", log, *KEY, "--id", f"{evil}?")
    assert unknown.code == 1
    assert_harmless(unknown.err)


def test_a_hostile_file_name_is_written_out_wherever_it_is_shown(run_amiss, tmp_path):
    log = tmp_path / "a\x1b[31m\u202e.log"
    log.write_text("".join(f"{e} id={i}\n" for i in range(40) for e in ("open", "close")))
    with log.open("a") as file:
        file.write("open id=x\nburn id=x\nclose id=x\n")
    code, out, _ = run_amiss("scan", log, *KEY, *FAST)
    assert code == 0
    assert r"a\x1b[31m\u202e.log" in out
    assert_harmless(out)
    missing = run_amiss("scan", tmp_path / "no\x1b[2J\nsuch.log", *KEY)
    assert missing.code == 1
    assert missing.err.count("\n") == 1
    assert_harmless(missing.err)


def test_hostile_labels_are_written_out_when_refused(run_amiss, hostile_log, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("id,label\n1,\x1b[31mMaybe\n")
    outcome = run_amiss("scan", hostile_log, *KEY, *FAST, "--labels", labels)
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1
    assert_harmless(outcome.err)


def test_hostile_findings_are_written_out_when_explained(run_amiss, hostile_log, tmp_path):
    file = tmp_path / "findings.json"
    content = json.loads(run_amiss("scan", hostile_log, *KEY, *FAST, "--json").out)
    (finding, *_) = content["findings"]
    evil = "\x1b[2J\u202eevil"
    finding |= {"id": "x", "unit": evil, "events": [evil], "contributions": []}
    finding["contributions"] = [{"name": evil, "score": 2.0}]
    finding["got"][0] |= {"file": evil, "text": evil, "template": evil}
    file.write_text(json.dumps(content))
    code, out, _ = run_amiss("explain", hostile_log, "--id", "x", "--findings", file)
    assert code == 0
    assert "evil" in out
    assert_harmless(out)

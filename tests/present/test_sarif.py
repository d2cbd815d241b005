"""SARIF: valid in the parts that are used, harmless, the same in each run."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from amiss.present.sarif import MOST_RESULTS, findings_to_sarif

# The parts of sarif-schema-2.1.0.json (OASIS, errata 01) that are used, as strict as it is there.
TEXT = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}
LEVEL = {"enum": ["none", "note", "warning", "error"]}


def parts(required, **properties):
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def many(items):
    return {"type": "array", "items": items, "uniqueItems": True}


PLACE = parts(
    [],
    physicalLocation=parts(
        ["artifactLocation"],
        artifactLocation=parts([], uri={"type": "string", "pattern": r"^[A-Za-z0-9_.~/%:-]+$"}),
        region=parts([], startLine={"type": "integer", "minimum": 1}, snippet=TEXT),
    ),
)
RESULT = parts(
    ["message"],
    ruleId={"type": "string"},
    ruleIndex={"type": "integer", "minimum": -1},
    level=LEVEL,
    message=TEXT,
    locations={"type": "array", "items": PLACE},
    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}},
    properties={"type": "object"},
)
RULE = parts(
    ["id"],
    id={"type": "string"},
    name={"type": "string"},
    shortDescription=TEXT,
    fullDescription=TEXT,
    help=TEXT,
    defaultConfiguration=parts([], level=LEVEL),
    properties=parts([], tags=many({"type": "string"})),
)
DRIVER = parts(["name"], name={"type": "string"}, version={"type": "string"}, rules=many(RULE))
INVOCATION = parts(
    ["executionSuccessful"],
    executionSuccessful={"type": "boolean"},
    toolExecutionNotifications={
        "type": "array",
        "items": parts(["message"], level=LEVEL, message=TEXT),
    },
)
RUN = parts(
    ["tool"],
    tool=parts(["driver"], driver=DRIVER),
    invocations={"type": "array", "items": INVOCATION},
    results={"type": "array", "items": RESULT},
    properties={"type": "object"},
)
SARIF = {
    **parts(
        ["version", "runs"],
        version={"const": "2.1.0"},
        runs={"type": "array", "items": RUN, "minItems": 1},
    )
}
SARIF["properties"]["$schema"] = {"type": "string"}


def finding(finding_id="a", score=9.0, p_value=1e-9, text="disk failed", file="a.log", **said):
    place = {"file": file, "first_line": 3, "last_line": 3}
    got = {
        "template": text, "text": text, "probability": None, "unseen": True, "position": 0, **place,
    }  # fmt: skip
    return {
        "unit": "session", "id": finding_id, "incident": "3fdf315b", "confirmed": False,
        "score": score, "p_value": p_value, "start": None, "end": None,
        "locations": [place], "got": [got],
        "expected": [[]], "deviations": [], "missing": [], "surplus": [], "mispredicted": [],
        "features": [], "contributions": [], **said,
    }  # fmt: skip


def content(*findings, rate=0.01):
    return {
        "source": {"unit": "session", "notes": ["a note"], "files": ["first.log"]},
        "model": {"detector": "event-counts"},
        "threshold": {"value": 1.0, "rule": "tail", "rate": rate, "note": ""},
        "scored": 5,
        "flagged": len(findings),
        "muted": {"findings": 0, "incidents": 0, "mutes": 0},
        "incidents": [],
        "findings": list(findings),
    }


def run_of(*findings, folder=None, **said):
    sarif = findings_to_sarif(content(*findings, **said), "0.1.0", folder)
    Draft202012Validator(SARIF).validate(sarif)
    json.dumps(sarif, allow_nan=False)
    return sarif["runs"][0]


def test_a_finding_is_a_result_of_the_rule_of_its_leading_reason():
    run = run_of(finding())
    (result,) = run["results"]
    rules = run["tool"]["driver"]["rules"]
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == "unseen"
    assert result["message"]["text"] == 'session a: in no normal session: "disk failed"'
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a.log"
    assert place["region"] == {"startLine": 3, "snippet": {"text": "disk failed"}}
    assert result["properties"]["incident"] == "3fdf315b"
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note == {"level": "note", "message": {"text": "a note"}}


def test_there_is_one_rule_for_each_kind_of_symptom(schema):
    kinds = schema["$defs"]["symptom"]["properties"]["kind"]["enum"]
    assert [rule["id"] for rule in run_of()["tool"]["driver"]["rules"]] == kinds


@pytest.fixture
def schema():
    from importlib import resources

    return json.loads(
        resources.files("amiss.present").joinpath("findings.schema.json").read_text("utf-8")
    )


def test_no_findings_are_no_results():
    assert run_of()["results"] == []


@pytest.mark.parametrize(
    ("score", "p_value", "rate", "level"),
    [
        (9.0, 0.0005, 0.01, "error"),
        (9.0, 0.005, 0.01, "warning"),
        (0.5, 1e-9, 0.01, "note"),
        (9.0, 0.00005, None, "error"),
        (9.0, 0.005, None, "warning"),
    ],
)
def test_the_level_goes_by_threshold_and_p_value(score, p_value, rate, level):
    (result,) = run_of(finding(score=score, p_value=p_value), rate=rate)["results"]
    assert result["level"] == level


def test_of_very_many_findings_the_first_are_results_and_a_notification_says_so():
    run = run_of(*(finding(str(i)) for i in range(MOST_RESULTS + 7)))
    assert len(run["results"]) == MOST_RESULTS
    last = run["invocations"][0]["toolExecutionNotifications"][-1]
    assert last["level"] == "warning"
    assert "5,007 findings" in last["message"]["text"]
    assert "7 are left out" in last["message"]["text"]


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("a b#c?d.log", "a%20b%23c%3Fd.log"),
        ("a:b.log", "a%3Ab.log"),
        ("<stdin>", "%3Cstdin%3E"),
        ("/repo/logs/ä.log", "logs/%C3%A4.log"),
        ("/elsewhere/x.log", "file:///elsewhere/x.log"),
        ("bad\udcff.log", "bad%FF.log"),
        ("bad\ud800.log", "bad%ED%A0%80.log"),
    ],
    ids=["blanks", "colon", "stdin", "inside", "outside", "bytes", "surrogate"],
)
def test_paths_are_references(file, uri):
    (result,) = run_of(finding(file=file), folder="/repo")["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == uri


def test_what_is_nowhere_is_placed_at_the_first_file():
    silent = finding(locations=[], got=[], expected=[])
    (result,) = run_of(silent)["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "first.log"}, "region": {"startLine": 1}}


def test_what_is_muted_is_counted():
    said = {**content(), "muted": {"findings": 12, "incidents": 1, "mutes": 2}}
    (run,) = findings_to_sarif(said, "0.1.0")["runs"]
    assert run["properties"]["muted"] == 12
    last = run["invocations"][0]["toolExecutionNotifications"][-1]
    assert last["message"]["text"].startswith("muted: 12 sessions and 1 incident by 2 mutes")


def test_an_image_is_its_own_place():
    region = {"left": 1, "top": 2, "width": 3, "height": 4}
    feature = {
        "name": "red", "value": 0.9, "expected": 0.1, "score": 8.0, "usual": None, "region": region,
    }  # fmt: skip
    image = finding("a b.png", unit="image", locations=[], features=[feature], got=[], expected=[])
    (result,) = run_of(image)["results"]
    assert result["ruleId"] == "feature"
    assert result["message"]["text"] == "image a b.png: red at x 1–3, y 2–5: 0.9, expected 0.1"
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "a%20b.png"}, "region": {"startLine": 1}}


def test_fingerprints_stay_when_lines_come_before():
    moved = finding()
    moved["got"][0]["first_line"] = 99
    prints = [run_of(f)["results"][0]["partialFingerprints"] for f in (finding(), moved)]
    assert prints[0] == prints[1]
    assert run_of(finding("b"))["results"][0]["partialFingerprints"] != prints[0]


def test_a_log_line_makes_no_link_and_no_placeholder():
    (result,) = run_of(finding(text="[click](http://evil) {0} \x1b[2J\u202e"))["results"]
    said = result["message"]["text"]
    assert "](" not in said
    assert "{{0}}" in said
    assert "\x1b" not in said
    assert "\u202e" not in json.dumps(result, ensure_ascii=False)


@given(st.text(), st.text(min_size=1), st.text(min_size=1))
def test_whatever_a_log_says_it_stays_valid(text, file, finding_id):
    file = file.replace("\0", "") or "a"
    assert run_of(finding(finding_id, text=text, file=file))["results"]

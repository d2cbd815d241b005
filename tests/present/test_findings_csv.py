"""Findings as CSV and as JSON lines."""

import csv
import io
import json

import pytest

from amiss.present.finding_lines import findings_to_lines
from amiss.present.findings_csv import COLUMNS, findings_to_csv

PLACE = {"file": "a.log", "first_line": 3, "last_line": 5}


def finding(**said):
    return {
        "unit": "session", "id": "s1", "incident": "3fdf315b", "confirmed": True, "score": 9.5,
        "p_value": 0.001, "start": "2026-11-22T10:00:00", "end": None,
        "locations": [PLACE], "got": [],
        "expected": [], "deviations": [], "missing": [], "surplus": [], "mispredicted": [],
        "features": [], "contributions": [], **said,
    }  # fmt: skip


def got(template, text="raw", **said):
    return {
        "template": template, "text": text, "probability": 0.001, "unseen": False, "file": "b.log",
        "first_line": 7, "last_line": 7, **said,
    }  # fmt: skip


def rows_of(*findings):
    return list(csv.DictReader(io.StringIO(findings_to_csv({"findings": list(findings)}))))


def test_a_finding_is_a_row_with_its_leading_reason_and_the_line_that_shows_it():
    expected = [[{"template": "closed", "probability": 0.9}]]
    (row,) = rows_of(finding(got=[got("opened twice")], expected=expected))
    assert row == {
        "unit": "session", "id": "s1", "incident": "3fdf315b", "confirmed": "true", "score": "9.5",
        "p_value": "0.001", "start": "2026-11-22T10:00:00", "end": "", "file": "a.log",
        "first_line": "3",
        "last_line": "5", "kind": "unexpected",
        "reason": 'unexpected here: "opened twice", expected "closed" (90 %)',
        "template": "opened twice", "line_file": "b.log", "line_number": "7", "line": "raw",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "kind", "reason"),
    [
        ({"missing": [{"template": "closed", "events": 2}]}, "missing", 'missing 2 × "closed"'),
        ({}, "combination", "an unusual combination of usual events"),
        (
            {"mispredicted": [
                {"template": "a", "events": 9, "missed": 4, "expected": "b", "expected_events": 2}
            ]},
            "mispredicted",
            'mispredicted 4 × "a", expected "b" (50 %)',
        ),
    ],
    ids=["missing", "combination", "mispredicted"],
)  # fmt: skip
def test_reasons_that_no_line_shows_have_none(said, kind, reason):
    (row,) = rows_of(finding(**said))
    assert (row["kind"], row["reason"]) == (kind, reason)
    assert (row["line_file"], row["line_number"], row["line"]) == ("", "", "")


def test_a_number_is_shown_by_its_line():
    odd = {
        "kind": "number", "template": "took <*> ms", "value": 9e4, "usual": [1.0, 9.0],
        "p_value": 1e-6, "position": 0, "parameter": 1, "next_template": None, "file": "c.log",
        "first_line": 8, "last_line": 8, "text": "took 90000 ms",
    }  # fmt: skip
    (row,) = rows_of(finding(deviations=[odd]))
    assert row["kind"] == "number"
    assert (row["line_file"], row["line_number"], row["line"]) == ("c.log", "8", "took 90000 ms")


def test_no_findings_are_the_header_alone():
    assert findings_to_csv({"findings": []}) == ",".join(COLUMNS) + "\n"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", " =1", "\t=1", "\r=1", "'=1", "' =1"])
def test_nothing_is_a_formula(text):
    (row,) = rows_of(finding(id=text, got=[got(text, text)], expected=[[]]))
    for name in ("id", "template", "line"):
        assert row[name].startswith(("'", "\\x0d"))


def test_hostile_text_stays_in_its_cell():
    text = 'a","b\r\nc\x1b[2J\u202e\udcff\x00' + "x" * 100_000
    (row,) = rows_of(finding(id=text, got=[got(text, text)], expected=[[]]))
    for name in ("id", "template", "line", "reason"):
        assert len(row[name]) <= 32_767
        assert not set(row[name]) & set("\r\n\x1b\x00\u202e\udcff")
    assert row["line"].startswith('a","b\\x0d\\x0ac')
    findings_to_csv({"findings": [finding(id=text)]}).encode()


def test_lines_are_one_finding_each_with_the_threshold():
    content = {"threshold": {"value": None}, "findings": [finding(), finding(id="a\n\u2028b")]}
    lines = list(findings_to_lines(content))
    assert [json.loads(line)["id"] for line in lines] == ["s1", "a\n\u2028b"]
    assert not any("\n" in line or "\u2028" in line for line in lines)
    first = json.loads(lines[0])
    assert (first["schema"], first["incident"]) == ("amiss.finding/1", "3fdf315b")
    assert first["threshold"] is None

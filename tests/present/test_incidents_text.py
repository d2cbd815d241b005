"""Incidents in words: harmless, within the terminal, and every part said once."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.explain.incidents import group_incidents
from amiss.present.incident_overview import describe_incidents
from amiss.present.incidents import describe_symptom, extent, headline
from amiss.present.summary import findings_to_dict, log_to_dict
from amiss.types import Feature, Finding, Location, LogInfo, Surprise, Threshold

HOUR = 3_600_000
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
EVIL = "\x1b[31m<script>\u202e\ud800\nend"


def finding(name, line, *templates, text=None, file="app.log", unit="session", time=HOUR):
    odd = tuple(
        Surprise(t, Location(file, line + i, line + i), text or f"raw {t}", None, unseen=True)
        for i, t in enumerate(templates)
    )
    places = tuple(s.location for s in odd) or (Location(file, line, line),)
    return Finding(unit, name, 9.25, 0.001, time, time + line * 1000, places, surprises=odd)


def summary_of(*findings, files=("app.log",)):
    log = LogInfo(files, "hdfs", lines=100, start=0, end=50 * HOUR)
    source, threshold = log_to_dict(log, cut=0, templates=3), Threshold("tail", 5.0)
    incidents = group_incidents(findings)
    return findings_to_dict(findings, source, {}, threshold, scored=1000, incidents=incidents)


def test_a_headline_says_what_how_many_and_when():
    (incident,) = summary_of(*(finding(f"s{i}", 10 * i, "disk failed") for i in range(18)))[
        "incidents"
    ]
    said = '"disk failed" in no normal session; 18 sessions, 1970-01-01 01:00:00 – 01:02:50'
    assert headline(incident) == said


def test_a_headline_says_what_came_first_and_what_came_most():
    first = [finding(f"s{i}", 10 * i, "power lost", "link lost") for i in range(1, 5)]
    more = [finding(f"t{i}", 10 * i, "link lost") for i in range(5, 12)]
    (incident,) = summary_of(*first, *more)["incidents"]
    assert headline(incident).startswith(
        '"power lost" in no normal session, "link lost" in no normal'
    )


@pytest.mark.parametrize(
    ("symptom", "said"),
    [
        (("unseen", "boom", ""), '"boom" in no normal window'),
        (("unexpected", "boom", ""), 'unexpected "boom"'),
        (("ends", None, ""), "the window ends too early"),
        (("missing", "boom", ""), 'missing "boom"'),
        (("count", "boom", "low"), 'too few "boom"'),
        (("count", None, "high"), "too many lines"),
        (("number", "took <*> ms", "2 low"), 'the 2nd number of "took <*> ms" too low'),
        (("step", "open", "close"), 'a slow step after "open"'),
        (("mispredicted", "open", "close"), 'mispredicted "open"'),
        (("combination", None, ""), "an unusual combination of usual events"),
    ],
)
def test_a_symptom_is_said_in_a_few_words(symptom, said):
    assert (
        describe_symptom(dict(zip(("kind", "template", "detail"), symptom, strict=True)), "window")
        == said
    )


def test_features_are_said_as_columns():
    odd = Finding(
        "row", "3", 9.0, 0.001, -(2**63), -(2**63), (), features=(Feature("bytes", 9.0, 1.0, 5.0),)
    )
    (incident,) = summary_of(odd)["incidents"]
    assert headline(incident) == "bytes too high; 1 row"


def test_a_log_without_times_says_none():
    odd = finding("s", 1, "boom", time=-(2**63))
    odd = Finding(**{f: getattr(odd, f) for f in odd.__slots__} | {"end": -(2**63)})
    (incident,) = summary_of(odd)["incidents"]
    assert extent(incident) == "1 session"


def test_an_incident_is_told_with_its_lines_and_how_many_more():
    summary = summary_of(*(finding(f"s{i}", 10 * i + 1, "disk failed") for i in range(18)))
    assert describe_incidents(summary) == [
        "",
        f"  {summary['incidents'][0]['id']}",
        '    "disk failed" in no normal session',
        "    18 sessions, 1970-01-01 01:00:00 – 01:02:51 · score 9.25 · such as s0",
        "    app.log:1    raw disk failed",
        "    app.log:171  raw disk failed",
        "    … and 16 lines more",
    ]


def test_what_most_findings_have_in_common_is_said():
    failed = [
        finding(f"s{i}", i + 1, "disk failed", text="disk failed on 10.0.0.7") for i in range(9)
    ]
    rows = "\n".join(describe_incidents(summary_of(*failed)))
    assert "address 10.0.0.7 in all" in rows
    assert "file" not in rows
    two = [finding(f"s{i}", i + 1, "disk failed", file=f"h{i // 7}/app.log") for i in range(9)]
    rows = "\n".join(describe_incidents(summary_of(*two, files=("h0/app.log", "h1/app.log"))))
    assert "file h0/app.log in 7 of 9" in rows
    assert "file h1" not in rows


TEXT = st.one_of(
    st.just(EVIL), st.just("x" * 5000), st.text(st.characters(), min_size=1, max_size=60)
)


@settings(max_examples=100)
@given(TEXT, TEXT, TEXT, st.sampled_from([40, 80, 200]), st.integers(1, 3))
def test_no_text_of_a_log_moves_the_cursor_or_is_too_wide(template, text, name, width, count):
    findings = [finding(name + str(i), 7 * i + 1, template, "b", text=text) for i in range(count)]
    summary = summary_of(*findings)
    rows = describe_incidents(summary, width=width)
    assert not [row for row in rows if UNSAFE.search(row)]
    assert max(map(len, rows)) <= width or width < 60
    assert not UNSAFE.search(headline(summary["incidents"][0]))

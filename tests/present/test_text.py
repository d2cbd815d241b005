"""What a reader sees: every line says something, fits the terminal, and is said once."""

import copy
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.explain.incidents import group_incidents
from amiss.present.reasons import why
from amiss.present.summary import findings_to_dict, log_to_dict
from amiss.present.text import (
    describe_evaluation,
    describe_finding,
    describe_model,
    describe_preview,
    summarise,
)
from amiss.types import (
    NO_TIME,
    Contribution,
    Difference,
    Expectation,
    Finding,
    Location,
    LogInfo,
    Surprise,
    Threshold,
)

HOUR = 3_600_000
MODEL = {
    "detector": "session-ensemble",
    "members": ["event counts", "next event"],
    "unit": "session",
    "sessions": 1000,
    "cpu_seconds": 3.4,
    "labelled_anomalies": None,
    "set_aside": 12,
    "lines": 20_000,
    "start": 0,
    "end": 50 * HOUR,
    "format": "hdfs",
    "templates": 7,
}
LOG = LogInfo(
    sources=("logs/app.log",),
    format="hdfs",
    grouping=r"id=\d+",
    lines=20_000,
    start=0,
    end=50 * HOUR,
)
THRESHOLD = Threshold("tail", 5.5, 0.0005, 0.0004)
LONG = "a template that is by far too long for a narrow terminal " * 4


def got(template, line=7, probability=0.001, expected=(), unseen=False, file="logs/app.log"):
    return Surprise(
        template=template,
        location=Location(file, line, line),
        text=f"raw {template}",
        probability=None if unseen else probability,
        unseen=unseen,
        expected=tuple(Expectation(*e) for e in expected),
    )


def found(session="id=1", *surprises, missing=(), surplus=(), file="logs/app.log", **given):
    return Finding(
        **{
            "unit": "session",
            "id": session,
            "score": 9.25,
            "p_value": 0.0002,
            "start": HOUR,
            "end": 2 * HOUR,
            "locations": tuple(s.location for s in surprises) or (Location(file, 3, 3),),
            "surprises": surprises,
            "missing": tuple(Difference(*m) for m in missing),
            "surplus": tuple(Difference(*s) for s in surplus),
            **given,
        }
    )


def summary_of(*findings, log=LOG, model=MODEL, threshold=THRESHOLD, scored=1000, cut=0):
    incidents = group_incidents(findings)
    source = log_to_dict(log, cut, templates=7)
    return findings_to_dict(findings, source, model, threshold, scored=scored, incidents=incidents)


def overview(*findings, width=120, most=10, **given):
    return summarise(summary_of(*findings, **given), most, width)


def test_the_overview_says_what_was_read_learnt_and_flagged():
    assert overview(found(), cut=30, width=80).splitlines()[:9] == [
        "log        app.log · 20,000 lines · 1970-01-01 00:00 – 1970-01-03 02:00",
        "           hdfs format · 7 templates",
        r"sessions   1,000 by id=\d+",
        "           30 cut by the start or end of the log: judged on what they have",
        "learnt     session ensemble of event counts and next event",
        "           from 1,000 sessions in 3.4 s · without labels",
        "           12 (1.2 %) left out as unlike the rest",
        "flagged    1 session (0.1 %)",
        "           at most 0.05 % of normal sessions wanted, 0.04 % in calibration",
    ]


def test_nothing_flagged_is_said_without_an_empty_table():
    text = overview()
    assert "flagged    0 sessions (0 %)" in text
    assert "where" not in text


def test_one_of_a_thing_is_not_several():
    log = LogInfo(("a",), format="plain", grouping="k", lines=1, ungrouped=1)
    model = MODEL | {"sessions": 1, "labelled_anomalies": 1, "set_aside": 0, "cpu_seconds": 0.0}
    text = overview(log=log, model=model, scored=1)
    assert "1 line ·" in text
    assert "1 line in none of them" in text
    assert "from 1 session in less than 0.1 s" in text
    assert "1 labelled anomaly not taken for normal" in text


@pytest.mark.parametrize(
    ("labelled", "aside", "said"),
    [
        (None, 0, "without labels · nothing left out"),
        (None, 9, "without labels · 9 (0.9 %) left out as unlike the rest"),
        (40, 0, "40 labelled anomalies not taken for normal"),
        (
            40,
            9,
            "40 labelled anomalies not taken for normal · 9 (0.9 %) left out as unlike the rest",
        ),
    ],
)
def test_what_was_not_learnt_from_is_said(labelled, aside, said):
    text = overview(model=MODEL | {"labelled_anomalies": labelled, "set_aside": aside}, width=200)
    assert said in text


def test_windows_are_called_windows():
    log = LogInfo(("a",), format="plain", unit="window", grouping="windows of 50 lines", lines=500)
    text = overview(found(unit="window", id="window 3"), log=log, scored=10)
    assert "windows    10 of 50 lines" in text
    assert "flagged    1 window (10 %)" in text
    assert "sessions" not in text.replace("from 1,000 sessions", "")


def test_notes_of_the_reader_and_of_the_threshold_are_broken_to_fit():
    note = "so many words about what was mended " * 6
    threshold = THRESHOLD._replace(note="too few items to resolve the rate " * 4)
    log = LogInfo(("a",), format="hdfs", grouping="k", lines=9, notes=(note,))
    rows = overview(log=log, threshold=threshold, width=80).splitlines()
    assert sum(row.startswith("note ") for row in rows) == 2
    assert max(map(len, rows)) <= 80


def test_the_verdict_stands_above_the_incidents():
    rows = overview(*(found(f"id={i}", got("boom", unseen=True)) for i in range(9))).splitlines()
    at = next(i for i, row in enumerate(rows) if row.startswith("Something is wrong"))
    assert "9 of 1,000 sessions" in rows[at]
    assert re.fullmatch(r"  [0-9a-f]{8}", rows[at + 2])
    assert rows[at + 3] == '    "boom" in no normal session'
    assert rows[at + 4].startswith("    9 sessions, 1970-01-01 01:00:00")
    assert "such as id=0" in rows[at + 4]


def test_what_the_headline_says_is_not_said_again():
    text = overview(found("s", got("boom", unseen=True)))
    assert text.count('"boom"') == 1
    assert "    app.log:7  raw boom" in text


def test_incidents_beyond_the_top_are_counted_and_shown_on_demand():
    findings = [found(f"id={i}", got(f"event {i}", unseen=True)) for i in range(12)]
    findings += [found("id=99", got("event 11", unseen=True))]
    text = overview(*findings)
    assert "… and 2 incidents more, 3 sessions: --all" in text
    assert '"event 9"' in text
    assert '"event 10"' not in text
    everything = overview(*findings, most=None)
    assert '"event 11"' in everything
    assert "… and" not in everything


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        (found("s", got("boom")), ['unexpected "boom"']),
        (
            found("s", got(None, expected=[("close", 0.371)])),
            ["the session ends too early", 'the session ends, expected "close" (37 %)'],
        ),
        (
            found("s", got("late", expected=[("end of session", 0.9)])),
            ['unexpected "late"', 'unexpected here: "late", expected the end (90 %)'],
        ),
        (found("s", missing=[("read", 2)]), ['missing "read"', 'missing 2 × "read"']),
        (found("s", surplus=[("read", 2)]), ['surplus "read"', 'surplus 2 × "read"']),
        (found("s"), ["an unusual combination of usual events"]),
        (
            found("s", contributions=(Contribution("sets", 0.2), Contribution("step times", 3.0))),
            ["a step that is slow beside those of other sessions"],
        ),
        (
            found("s", missing=[("a", 3), ("b", 2), ("c", 1), ("d", 1), ("e", 1)]),
            ['missing "a"', 'missing 3 × "a"', 'missing 2 × "b"', 'missing 1 × "c" (+2 more)'],
        ),
    ],
)
def test_what_changed_is_said_in_a_few_plain_words(finding, said):
    rows = [row.strip() for row in overview(finding).splitlines()]
    at = next(i for i, row in enumerate(rows) if re.fullmatch(r"[0-9a-f]{8}", row))
    told = [row for row in rows[at + 1 :] if not row.startswith(("1 session,", "app.log:"))]
    assert [row for row in told if row in said] == said
    assert len(told) <= len(said) + 1


def test_a_long_template_is_shortened_and_what_follows_it_is_kept():
    finding = found(
        "s",
        got(LONG, expected=[(LONG[::-1], 0.99)]),
        missing=[(LONG, 3), ("b", 1), ("c", 1), ("d", 1)],
    )
    text = overview(finding, width=80)
    assert '    unexpected "a template that is by far too long' in text
    assert '…",\n      expected "' in text
    assert '…" (99 %)' in text
    assert 'missing 1 × "b" (+2 more)' in text
    assert max(map(len, text.splitlines())) <= 80


def test_why_counts_the_reasons_it_leaves_out():
    finding = summary_of(found("s", missing=[("a", 1)] * 5))["findings"][0]
    reasons, more = why(finding, most=2)
    assert (len(reasons), more) == (2, 3)


def test_files_of_one_name_are_told_apart_by_their_folders():
    log = LogInfo(("h1/app.log", "h2/app.log"), format="hdfs", grouping="k", lines=9)
    text = overview(
        found("a", got("x", file="h1/app.log")), found("b", got("y", file="h2/app.log")), log=log
    )
    assert "h1/app.log:7" in text
    assert "h2/app.log:7" in text
    assert "log        2 files, app.log first" in text


def test_a_single_file_goes_by_its_name_alone_in_the_overview():
    text = overview(found("a", got("x")))
    assert " app.log:7" in text


def test_the_detail_names_the_file_in_full():
    assert "logs/app.log:7  " in describe_finding(found("a", got("x")))


@pytest.mark.parametrize(
    ("threshold", "said"),
    [
        (5.5, "score      9.25, flagged (threshold 5.50) · p = 0.0002"),
        (9.25, "score      9.25, not flagged (threshold 9.25) · p = 0.0002"),
        (None, "score      9.25 · p = 0.0002"),
    ],
)
def test_the_detail_says_whether_the_session_was_flagged(threshold, said):
    finding = summary_of(found())["findings"][0] | {"threshold": threshold}
    assert said in describe_finding(finding).splitlines()


def test_the_detail_shows_what_came_and_what_was_expected_and_the_nearest():
    finding = found(
        "id=5",
        got("boom", unseen=True, line=8, expected=[("read", 0.98)]),
        got(None, line=9, probability=0.002, expected=[("close", 0.5)]),
        missing=[("close", 1)],
        surplus=[("open", 2)],
        contributions=(Contribution("event counts", 3.25), Contribution("next event", -0.0)),
        events=("open", "open", "open", "boom"),
        nearest=("open", "close"),
        nearest_count=41,
    )
    assert describe_finding(finding, 80).splitlines() == [
        "session id=5",
        "score      9.25 · p = 0.0002",
        "when       1970-01-01 01:00:00 – 02:00:00",
        "",
        "  what the detectors say (−log₁₀ p)",
        "      3.25  event counts     ▇▇▇▇▇▇",
        "      0.00  next event",
        "",
        "  what came, and what was expected there",
        "    logs/app.log:8  in no normal session",
        "      raw boom",
        "      expected   98 %  read",
        "    logs/app.log:9  the session ends after this line (p = 0.002)",
        "      raw None",
        "      expected   50 %  close",
        "",
        "  missing, against the nearest normal session",
        "      1 × close",
        "",
        "  surplus, against the nearest normal session",
        "      2 × open",
        "",
        "  the nearest normal session (41 like it in training)",
        "     here normal  template",
        "  ≠     3      1  open",
        "  ≠     0      1  close",
        "  ≠     1      0  boom",
    ]


def test_a_cut_session_is_called_cut():
    text = describe_finding(found(complete=False))
    assert "cut        by the start or end of the log: nothing counts as missing" in text


def test_a_log_without_times_has_no_line_about_them():
    text = describe_finding(found(start=NO_TIME, end=NO_TIME))
    assert "when" not in text
    assert "None" not in text


def test_a_moment_is_no_span():
    assert "when       1970-01-01 01:00:00\n" in describe_finding(found(end=HOUR)) + "\n"


def test_a_long_raw_line_is_broken_into_rows_and_then_cut():
    long = Surprise("x", Location("f", 1, 1), text="word " * 5000, probability=0.01)
    rows = describe_finding(found("a", long), 80).splitlines()
    assert sum("word word" in row for row in rows) == 4
    assert max(map(len, rows)) <= 80


@settings(max_examples=60)
@given(
    st.text(alphabet=st.characters(), min_size=1, max_size=400),
    st.integers(min_value=60, max_value=200),
)
def test_no_line_is_wider_than_the_terminal_whatever_the_log_says(text, width):
    finding = found(
        text[:20],
        got(text, expected=[(text, 0.5)]),
        got(text[::-1], unseen=True),
        missing=[(text, 2)],
        surplus=[(text, 1)],
        contributions=(Contribution(text, 2.0),),
        events=(text,),
        nearest=(text[::-1],),
    )
    log = LogInfo(("a.log",), format="hdfs", grouping=text, lines=9, notes=(text,))
    # Names and places stand in full: they are what a reader copies.
    overview_rows = overview(finding, log=log, width=width).splitlines()
    wide = [row for row in overview_rows if len(row) > width and "app.log:7" not in row]
    assert not wide
    rows = describe_finding(finding, width).splitlines()
    assert not [row for row in rows[1:] if len(row) > width and "logs/app.log:7" not in row]
    shown = "".join([*overview_rows, *rows])
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}]


def test_a_fit_is_described_with_its_file_and_threshold():
    described = {
        "file": "a.amiss",
        "bytes": 65_536,
        "model": MODEL,
        "threshold": THRESHOLD._replace(note="mind this")._asdict(),
    }
    assert describe_model(described, 80).splitlines() == [
        "log        20,000 lines · 1970-01-01 00:00 – 1970-01-03 02:00 · hdfs format",
        "           7 templates",
        "learnt     session ensemble of event counts and next event",
        "           from 1,000 sessions in 3.4 s · without labels",
        "           12 (1.2 %) left out as unlike the rest",
        "flags      score above 5.50",
        "           at most 0.05 % of normal sessions wanted, 0.04 % in calibration",
        "model      a.amiss · 66 kB",
        "note       mind this",
    ]


def test_a_preview_is_a_table_of_rates():
    rows = [{"false_alarm_rate": 0.001, "realised": 0.0012, "threshold": 3.5, "flagged": 1234}]
    text = describe_preview({"unit": "window", "scored": 5000, "rates": rows})
    assert text.splitlines() == [
        "5,000 windows",
        "    wanted  calibration  score above  flagged",
        "     0.1 %       0.12 %         3.50    1,234",
    ]


def test_an_evaluation_shows_the_confusion_and_leaves_unknown_figures_blank():
    report = {
        "unit": "session",
        "sessions": 100,
        "unlabelled": 7,
        "anomalies": 4,
        "precision": 0.75,
        "recall": 0.5,
        "f1": 0.6,
        "pr_auc": None,
        "roc_auc": 0.9,
        "confusion": {
            "true_positive": 1,
            "false_positive": 2,
            "false_negative": 3,
            "true_negative": 94,
        },
        "members": {"\x1b[2Jcounts": {"pr_auc": 0.5, "roc_auc": 0.5}},
        "baselines": {},
    }
    text = describe_evaluation(report)
    assert text.splitlines() == [
        "sessions   100 with a label, 4 of them anomalies · 7 without a label left out",
        "flagged    1 anomaly and 2 normal · missed 3 · passed 94 normal",
        "",
        "                   precision  recall      F1  PR-AUC  ROC-AUC",
        "  this model          0.7500  0.5000  0.6000           0.9000",
        r"    \x1b[2Jcounts                             0.5000   0.5000",
    ]


def test_describing_changes_nothing_of_what_is_described():
    summary = summary_of(found("a", got("x", expected=[("y", 0.5)])))
    before = copy.deepcopy(summary)
    summarise(summary)
    describe_finding(summary["findings"][0])
    assert summary == before

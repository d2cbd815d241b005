"""What changed between two logs, as text and as a page."""

import copy
import re
import unicodedata

import pytest

from amiss.present.diff import describe_diff, diff_verdict
from amiss.present.diff_page import render_diff

HOSTILE = '<script>alert(1)</script><img src=x onerror="x">\x1b[31m\u202e\x00' + "y" * 5000


def template(before, after, **more):
    return {
        "template": "open <*>", "name": None, "alarming": False, "before": before, "after": after,
        "before_stretches": min(before, 32), "after_stretches": min(after, 32), "ratio": None,
        "low": None, "high": None, "p_value": 0.0001,
        "example": {"file": "logs/after.log", "line": 7, "text": "open 1"}, **more,
    }  # fmt: skip


def side(name):
    return {
        "files": [f"logs/{name}.log"], "format": "plain", "lines": 1000, "sessions": 50,
        "start": "2026-03-01T00:00:00", "end": "2026-03-01T01:00:00", "stretches": 32, "notes": [],
    }  # fmt: skip


@pytest.fixture
def content():
    line = {"file": "logs/after.log", "line": 9, "text": "close 1"}
    return {
        "schema": "amiss.diff/1",
        "before": side("before"),
        "after": side("after"),
        "grouping": {"by": r"job_\d+", "why": "found"},
        "false_alarm_rate": 0.01,
        "min_ratio": 1.2,
        "alarms": 4,
        "expected_by_chance": {"new": 5.6, "gone": 0.0, "transitions": 21.0},
        "in_one_log_only": {"new": 2, "gone": 1, "transitions": 1},
        "new": [template(0, 12, alarming=True, template="fatal: <*>")],
        "gone": [template(40, 0)],
        "changed": [template(50, 99, ratio=2.0, low=1.6, high=2.51)],
        "transitions": [
            {
                "first": "open <*>", "second": "close <*>", "alarming": False, "after": 30,
                "after_stretches": 20, "new_template": False, "p_value": 0.001,
                "example": [line, line],
            }
        ],
        "within_chance": [template(0, 1, alarming=True)],
        "transitions_within_chance": [],
        "notes": [],
    }  # fmt: skip


def hostile(content):
    """Return the values with a trick in the place of each string that may come from a log."""
    changed = copy.deepcopy(content)
    for kind in ("new", "gone", "changed", "within_chance"):
        for change in changed[kind]:
            change["template"] = HOSTILE
            change["example"] = {"file": HOSTILE, "line": 1, "text": HOSTILE}
    changed["new"][0]["name"] = HOSTILE
    pair = changed["transitions"][0]
    pair["first"] = pair["second"] = HOSTILE
    pair["example"] = [{"file": HOSTILE, "line": 1, "text": HOSTILE}] * 2
    for name in ("before", "after"):
        changed[name] |= {"files": [HOSTILE], "notes": [HOSTILE], "format": HOSTILE}
    changed["notes"] = [HOSTILE]
    changed["grouping"]["by"] = HOSTILE
    return changed


def test_the_verdict_comes_first(content):
    text = describe_diff(content, width=200)
    assert text.splitlines()[0] == (
        "verdict    1 template is new, 1 is gone, 1 changed in rate, 1 transition is new; without "
        "change or drift 1 in 100 comparisons names anything; 1 alarming template seen after only, "
        "within chance"
    )


def test_what_is_said_of_each(content):
    text = describe_diff(content, width=120)
    assert "       0       12  fatal: <*>\n                   alarming · in 12 stretches\n" in text
    assert "      50       99  open <*>" in text
    assert "×2.0 (1.6 to 2.5), p = 0.0001" in text
    assert "→ close <*>" in text
    assert "after.log:7: open 1" in text
    assert "seen after only, within chance (1 more, 5.6 by chance alone)" in text
    assert "seen before only" not in text


def test_no_change(content):
    for kind in ("new", "gone", "changed", "transitions", "within_chance"):
        content[kind] = []
    assert diff_verdict(content) == "no change beyond chance"
    assert "before    after" not in describe_diff(content)
    assert "<h1>No change beyond chance.</h1>" in render_diff(content)


def test_many_lines_that_chance_may_explain_are_mentioned(content):
    content["within_chance"] = [template(0, 300), template(0, 20), template(0, 9), template(50, 0)]
    verdict = diff_verdict(content)
    assert verdict.endswith(
        "; 2 templates seen after only (320 lines), in too few places to tell from chance"
    )
    content["after"]["lines"] = 100
    assert "3 templates seen after only (329 lines)" in diff_verdict(content)


def test_ten_of_a_kind_and_how_many_more(content):
    content["new"] = content["new"] * 25
    text = describe_diff(content)
    assert text.count("fatal: <*>") == 10
    assert "and 15 more: --all and --json show them" in text
    assert describe_diff(content, None).count("fatal: <*>") == 25


@pytest.mark.parametrize("width", [40, 80, 200])
def test_text_of_hostile_lines(content, width):
    text = describe_diff(hostile(content), width=width)
    for character in text.replace("\n", ""):
        assert unicodedata.category(character) not in {"Cc", "Cf"}, repr(character)
    rows = text.split("\n\n", 2)[2].splitlines()
    assert max(map(len, rows)) <= max(width, 130)


def test_page_of_hostile_lines(content):
    page = render_diff(hostile(content))
    body = page[page.index("<body>") : page.rindex("<script>")]
    assert "<script" not in body
    assert "<img" not in body
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body
    assert len(page) < 200_000


def test_page_allows_itself_only(content):
    page = render_diff(content)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert policy.startswith("default-src 'none'")
    assert "style=" not in page[page.index("<body>") :]
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "1 template is new" in page
    assert page.count("<section") == 5
    for name in re.findall(r'<a href="#(part-\d)"', page):
        assert f'id="{name}"' in page

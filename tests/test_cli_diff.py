"""`amiss diff`: what is printed, and the exit codes of a gate."""

from __future__ import annotations

import json

import pytest

STEPS = ("open", "read", "close")


def lines(n=300, steps=STEPS):
    return [f"{step} job_{i:06}" for i in range(n) for step in steps]


@pytest.fixture
def logs(tmp_path):
    before, same, new, rare = (
        tmp_path / name for name in ("before.log", "same.log", "new.log", "rare.log")
    )
    text = "\n".join(lines()) + "\n"
    before.write_text(text)
    same.write_text(text)
    new.write_text("\n".join(lines(steps=("open", "read", "wait", "close"))) + "\n")
    rare.write_text(text + "fatal: disk lost\n")
    return {path.stem: str(path) for path in (before, same, new, rare)}


def test_what_is_new(logs, run_amiss):
    done = run_amiss("diff", logs["before"], logs["new"])
    assert done.code == 0
    assert done.out.startswith("verdict    1 template is new, 2 transitions are new;")
    assert "       0      300  wait job_<*>" in done.out
    assert "new.log:3: wait job_000000" in done.out


def test_without_a_change_it_is_silent(logs, run_amiss):
    done = run_amiss("diff", logs["before"], logs["same"], "--fail-on", "any")
    assert done.code == 0
    assert done.out.startswith("verdict    no change beyond chance\n")
    assert not done.err


@pytest.mark.parametrize(
    ("after", "fail_on", "code"),
    [
        ("new", "new", 3),
        ("new", "any", 3),
        ("new", "rate", 0),
        ("new", "gone", 0),
        ("rare", "any", 0),
        ("rare", "alarming", 3),
        ("same", "alarming", 0),
        ("new", "some", 2),
    ],
)
def test_the_gate(logs, run_amiss, after, fail_on, code):
    done = run_amiss("diff", logs["before"], logs[after], "--fail-on", fail_on)
    assert done.code == code
    if code == 2:
        assert "expected one of new, gone, rate, any, alarming" in done.err


def test_gone_the_other_way_round(logs, run_amiss):
    assert run_amiss("diff", logs["new"], logs["before"], "--fail-on", "gone").code == 3


def test_json_and_page(logs, run_amiss, tmp_path):
    page = tmp_path / "diff.html"
    done = run_amiss("diff", logs["before"], logs["new"], "--json", "--html", page)
    content = json.loads(done.out)
    assert content["schema"] == "amiss.diff/1"
    assert content["new"][0]["template"] == "wait job_<*>"
    assert "wait job_&lt;*&gt;" in page.read_text(encoding="utf-8")


def test_one_side_may_be_standard_input(logs, run_amiss):
    text = "\n".join(lines(steps=("open", "close"))) + "\n"
    done = run_amiss("diff", logs["before"], "-", "--fail-on", "gone", stdin=text.encode())
    assert done.code == 3
    assert "<stdin>" in done.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("before",), 2, "missing argument"),
        (("before", "absent"), 1, "no such file"),
        (("before", "same", "--false-alarm-rate", "0"), 2, "rate"),
        (("before", "same", "--false-alarm-rate", "1e-9"), 2, "0.0001 or more"),
        (("before", "same", "--min-ratio", "0.5"), 2, "1 or more"),
        (("before", "same", "--min-ratio", "inf", "--json"), 2, "1 or more"),
        (("before", "same", "--session-key", "a", "--gap", "3"), 2, "only one"),
        (("before", "same", "--session-key", "("), 2, "not a valid regular expression"),
        (("before", "same", "--html", "absent/page.html"), 2, "no folder"),
        (("before", "same", "--model", "before"), 1, "before.log"),
    ],
    ids=[
        "one log",
        "no file",
        "rate",
        "tiny rate",
        "ratio",
        "endless",
        "groupings",
        "pattern",
        "page",
        "model",
    ],
)
def test_errors(logs, run_amiss, words, code, said):
    done = run_amiss("diff", *(logs.get(word, word) for word in words))
    assert done.code == code
    assert said in done.err.lower()
    assert done.err.count("\n") == 1

"""`amiss inspect`: what is printed, and that the command it names runs."""

from __future__ import annotations

import json
import shlex

import pytest

STEPS = ("accepted", "parsed", "stored", "done")
HOSTILE = "\x1b[31mred\u202e"


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "my app.log"
    lines = [
        f"Mar  1 09:{i // 60:02}:{i % 60:02} gate sshd[{2000 + i // 4}]: {STEPS[i % 4]} {HOSTILE}"
        for i in range(400)
    ]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_text(log, run_amiss):
    done = run_amiss("inspect", str(log))
    assert done.code == 0
    assert "syslog (BSD syslog)" in done.out
    assert "fits 100 % of the lines" in done.out
    assert "4 templates" in done.out
    assert "field pid" in done.out
    assert f"next: amiss scan '{log}' --session-field pid" in done.out
    assert not set(done.out) & set("\x1b\u202e")
    assert "\\x1b[31mred\\u202e" in done.out


def test_rows_fit_the_terminal(log, run_amiss, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = run_amiss("inspect", str(log))
    table = done.out.split("\nnext: ")[0].splitlines()[2:]
    assert max(map(len, table)) <= 80


def test_json_and_the_next_command(log, run_amiss):
    done = run_amiss("inspect", str(log), "--json")
    content = json.loads(done.out)
    assert content["schema"] == "amiss.inspection/1"
    words = shlex.split(content["next"])
    assert words == ["amiss", "scan", str(log), "--session-field", "pid"]
    scanned = run_amiss(*words[1:], "--json")
    assert scanned.code == 0, scanned.err
    assert json.loads(scanned.out)["scored"] == 100


def test_all_shows_all(tmp_path, run_amiss):
    path = tmp_path / "a.log"
    names = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]
    path.write_text("".join(f"{a} {b} went wrong\n{b}: {a}\n" for a in names for b in names[::-1]))
    few, many = run_amiss("inspect", str(path)), run_amiss("inspect", str(path), "--all")
    assert "more: --all and --json show all" in few.out
    assert "show all" not in many.out


def test_a_table_is_named(tmp_path, run_amiss):
    path = tmp_path / "pump.csv"
    path.write_text("flow,pressure\n1.5,20\n")
    done = run_amiss("inspect", str(path))
    assert "a table of numbers" in done.out
    assert "--detector vae" in done.out


def test_what_is_wrong_is_said(tmp_path, run_amiss):
    assert run_amiss("inspect", str(tmp_path / "none.log")).code == 1
    path = tmp_path / "a.log"
    path.write_text("x\n")
    done = run_amiss("inspect", str(path), "--format", "nonsense")
    assert done.code == 2
    assert "unknown log format" in done.err


def test_what_is_masked_is_not_shown(tmp_path, run_amiss):
    path = tmp_path / "a.log"
    line = "Mar  1 09:00:{:02} gate sshd[{}]: {} from 10.20.30.{} for anna@example.org\n"
    lines = (line.format(i % 60, 2000 + i // 4, STEPS[i % 4], i // 4 % 9) for i in range(200))
    path.write_text("".join(lines))
    done = run_amiss("inspect", str(path), "--mask", "all")
    assert done.code == 0, done.err
    assert "10.20.30." not in done.out
    assert "anna@example.org" not in done.out
    assert "--mask all --session-field pid" in done.out

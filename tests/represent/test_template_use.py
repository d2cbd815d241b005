"""How often templates came, when, and where first."""

import numpy as np
import polars as pl

from amiss.represent import template_use as module
from amiss.represent.sessions import Sessions
from amiss.represent.template_use import template_use
from amiss.run.prepare import learn_sequences
from amiss.types import NO_TIME

ROWS = [
    ("a", "open", 1000), ("b", "open", 2000), ("a", "read", 3000),
    ("b", "close", 9000), ("a", "open", 500), ("b", "crash", 9500),
]  # fmt: skip


def used(rows=ROWS, known=3, names=None, timed=True):
    frame = pl.DataFrame(rows, schema=["session", "event", "time"], orient="row")
    sessions = Sessions.from_frame(frame, time="time" if timed else None)
    _, _, sequences = learn_sequences(sessions)
    return template_use(sessions, sequences, known, names)


def test_templates_are_counted_with_their_times_and_first_line():
    found = used()
    assert (found[0].template, found[0].events) == ("open", 3)
    assert {u.template: (u.start, u.end) for u in found} == {
        "open": (500, 2000), "read": (3000, 3000), "close": (9000, 9000), "crash": (9500, 9500)
    }  # fmt: skip
    assert {u.template: u.first.first_line for u in found} == {
        "open": 1, "read": 3, "close": 4, "crash": 6
    }  # fmt: skip


def test_what_the_model_has_not_is_new_and_names_are_those_of_users():
    found = {u.template: u for u in used(known=3, names={0: "opened"})}
    assert [t for t, u in found.items() if u.new] == ["crash"]
    assert found["open"].name == "opened"
    assert found["read"].name is None


def test_without_times_there_are_none():
    assert {(u.start, u.end) for u in used(timed=False)} == {(NO_TIME, NO_TIME)}


def test_a_long_log_looked_at_in_parts_says_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    rows = [
        (f"s{rng.integers(9)}", f"event {'abcdef'[rng.integers(6)]}", int(t)) for t in range(500)
    ]
    whole = used(rows)
    monkeypatch.setattr(module, "_AT_ONCE", 7)
    assert used(rows) == whole
    assert sum(u.events for u in whole) == 500

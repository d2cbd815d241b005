"""A log that is judged while it is written."""

import io
import os
import threading

import numpy as np
import pytest

import amiss
from amiss.errors import InputError, UsageError
from amiss.run import follow as following
from amiss.run.follow import follow

STEPS = ("open", "read", "check", "close")


def line(second, text):
    hours, rest = divmod(second, 3600)
    return f"2026-11-22 {hours:02}:{rest // 60:02}:{rest % 60:02} INFO {text}\n"


def normal_log(sessions=60):
    """Return jobs of four steps, one a minute, a step a second."""
    return "".join(
        line(60 * i + at, f"{step} job_{i:04d}")
        for i in range(sessions)
        for at, step in enumerate(STEPS)
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "jobs.log"
    path.write_text(normal_log())
    return amiss.fit(amiss.read_sessions(path, session_key=r"job_\d+"), detector="event-counts")


class Pieces(io.RawIOBase):
    """A stream that brings a few lines at a time."""

    def __init__(self, text, lines):
        self.pieces = iter(text.encode().splitlines(keepends=True))
        self.lines = lines

    def readable(self):
        return True

    def read1(self, _=-1):
        return b"".join(next(self.pieces, b"") for _ in range(self.lines))


def found_in(model, text, **options):
    looks = list(follow(model, io.BytesIO(text.encode()), interval=0.2, **options))
    return [finding for look in looks for finding in look], looks


def test_a_stream_is_judged_as_the_same_log_is(model, tmp_path):
    text = normal_log(30) + line(1900, "open job_9999") + line(1901, "crash job_9999")
    text += line(3000, "open job_0000")  # so that the last session is over
    path = tmp_path / "odd.log"
    path.write_text(text)
    whole = model.detect(amiss.read_sessions(path, session_key=r"job_\d+"))
    assert {finding.id for finding in whole} >= {"job_9999"}
    streamed, looks = found_in(model, text, idle=60)
    assert {f.id for f in streamed} == {f.id for f in whole}
    odd = next(f for f in streamed if f.id == "job_9999")
    assert odd.surprises[0].text == line(1901, "crash job_9999").rstrip()
    assert odd.surprises[0].location.first_line == 122
    assert sum(len(look.ids) for look in looks) >= 31


def test_a_session_is_judged_while_the_stream_goes_on(model):
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        found = follow(model, stream, idle=60, interval=0.05)
        os.write(writing, (line(0, "open job_7") + line(1, "crash job_7")).encode())
        os.write(writing, line(100, "open job_8").encode())
        first = next(found)
        assert [finding.id for finding in first] == ["job_7"]
        threading.Timer(0.1, os.close, [writing]).start()
        list(found)


def test_what_goes_on_is_judged_as_a_whole_and_reported_once(model):
    halves = [line(0, "open job_1"), line(1, "read job_1")]
    later = [line(500, "check job_1"), line(501, "close job_1"), line(900, "open job_2")]
    streamed, _ = found_in(model, "".join(halves + later), idle=60)
    assert "job_1" not in {f.id for f in streamed}
    crash = [line(0, "crash job_1"), line(500, "crash job_1"), line(900, "open job_2")]
    streamed, _ = found_in(model, "".join(crash), idle=60)
    assert [f.id for f in streamed].count("job_1") == 1


def test_memory_goes_by_what_is_open(model, monkeypatch):
    monkeypatch.setattr(following, "MOST_EVENTS", 40)
    monkeypatch.setattr(following, "_NAMES", 10)
    text = normal_log(60) + line(3700, "crash job_9999") + line(4000, "open job_0")
    pending = []
    original = following._OpenSessions.forget

    def watched(self):
        original(self)
        pending.append((len(self._events), len(self._numbers)))

    monkeypatch.setattr(following._OpenSessions, "forget", watched)
    found = [
        f.id for look in follow(model, Pieces(text, 20), idle=60, interval=0.001) for f in look
    ]
    assert "job_9999" in found
    assert max(events for events, _ in pending[1:]) <= 80
    assert pending[-1][1] <= 20


def test_windows_of_time_are_judged_those_without_a_line_too(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "beat.log"
    beats = "".join(line(10 * i, "heartbeat") for i in range(1000))
    path.write_text(beats)
    sessions = amiss.read_sessions(path, every="1m")
    model = amiss.fit(sessions, detector="event-rates", clean=True)
    stops = "".join(line(10 * i, "heartbeat") for i in range(200) if not 60 <= i < 120)
    stops += line(2000 + int(rng.integers(5)), "heartbeat")
    looks = list(follow(model, Pieces(stops, 3), interval=0.001))
    ids = [name for look in looks for name in look.ids]
    assert len(ids) == len(set(ids)) == 34
    flagged = {finding.id for look in looks for finding in look}
    assert {f"2026-11-22 00:{minute}:00" for minute in range(11, 19)} <= flagged


def test_what_cannot_be_followed_is_said(model, tmp_path):
    with pytest.raises(UsageError, match="more than 0"):
        list(follow(model, io.BytesIO(b""), idle=0))
    assert list(follow(model, io.BytesIO(b""))) == []
    with pytest.raises(InputError, match=r"none of \d+ lines belongs to a session"):
        list(follow(model, io.BytesIO(b"an other log\nof no jobs\n")))
    path = tmp_path / "traces.txt"
    path.write_text("1 2 3\n" * 30)
    of_rows = amiss.fit(amiss.read_sessions(path), detector="event-counts", clean=True)
    with pytest.raises(UsageError, match="a stream cannot be judged"):
        list(follow(of_rows, io.BytesIO(b"x\n")))


def test_numbers_are_judged_too(tmp_path):
    path = tmp_path / "sizes.log"
    path.write_text("".join(line(i, f"sent job_{i:04d} size {1000 + i % 97}") for i in range(900)))
    sessions = amiss.read_sessions(path, session_key=r"job_\d+", numbers=True)
    model = amiss.fit(sessions, detector="event-numbers", clean=True)
    odd = line(0, "sent job_7 size 1010") + line(1, "sent job_8 size 900000000")
    found, _ = found_in(model, odd)
    assert [finding.id for finding in found] == ["job_8"]
    assert found[0].deviations


def test_one_line_with_a_wrong_time_does_not_close_what_is_open(model):
    wrong = line(1, "read job_0001").replace("2026", "2099")
    text = line(0, "open job_0001") + wrong + line(2, "check job_0001") + line(3, "close job_0001")
    looks = list(follow(model, Pieces(text + line(900, "open job_0002"), 1), interval=0.001))
    assert not any(len(look) for look in looks[:-1])
    assert "job_0001" in [name for look in looks for name in look.ids]


def test_each_finding_is_of_an_incident_though_one_of_it_was_reported_before(model):
    text = line(0, "open job_9998") + line(1, "crash job_9998")
    text += line(1000, "open job_0001")  # the first is over
    # It goes on, and is judged again, beside another that crashes.
    text += (
        line(1001, "crash job_9998") + line(1002, "open job_9999") + line(1003, "crash job_9999")
    )
    text += line(3000, "open job_0002")
    found, looks = found_in(model, text)
    assert [f.id for f in found if f.id.startswith("job_999")] == ["job_9998", "job_9999"]
    for look in looks:
        content = look.to_dict()
        assert all(f["incident"] for f in content["findings"])
        placed = sorted(at for incident in look.incidents for at in incident.findings)
        assert placed == list(range(len(look)))
        for incident in content["incidents"]:
            assert set(incident["ids"]) <= {f["id"] for f in content["findings"]}

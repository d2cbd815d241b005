"""Session keys are found in logs of all kinds, and not where there are none."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from amiss.read.sources import find_sources
from amiss.run.discovery import choose_grouping, discover_keys, usual_choice
from amiss.run.sample import take_sample

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def _interleaved(
    seed: int, sessions: int, steps: list[list[str]], apart: float = 2.0
) -> Iterator[tuple[datetime, int, str]]:
    """Yield (time, session, step) of sessions that overlap, in the order of time."""
    rng = random.Random(seed)
    lines, at = [], 0.0
    for session in range(sessions):
        at += rng.expovariate(1 / apart)
        moment = at
        for step in rng.choice(steps):
            lines.append((moment, session, step))
            moment += rng.expovariate(1.0)
    for moment, session, step in sorted(lines):
        yield START + timedelta(seconds=moment), session, step


STEPS = [
    ["accepted", "parsed the header", "looked up the account", "stored the result", "done"],
    ["accepted", "parsed the header", "looked up the account", "found it in the cache", "done"],
    ["accepted", "rejected by the filter", "done"],
]


def _ids(seed, make, count):
    rng = random.Random(seed)
    return [make(rng) for _ in range(count)]


def _uuid(rng):
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _queue(rng):
    return "".join(rng.choice("0123456789ABCDEF") for _ in range(10))


def service_of_requests():
    ids = _ids(1, _uuid, 200)
    for time, session, step in _interleaved(1, 200, STEPS):
        yield f"{time:%Y-%m-%d %H:%M:%S},120 INFO [worker-{session % 4}] app.Api: {step} request={ids[session]}"  # noqa: E501


def json_with_traces():
    rng = random.Random(2)
    ids = _ids(2, lambda r: f"{r.getrandbits(64):016x}", 200)
    for time, session, step in _interleaved(2, 200, STEPS):
        yield json.dumps(
            {
                "timestamp": f"{time:%Y-%m-%dT%H:%M:%S}.{rng.randrange(1000):03}Z",
                "level": "info",
                "service": "shop",
                "trace_id": ids[session],
                "span_id": f"{rng.getrandbits(64):016x}",
                "duration_ms": rng.randrange(40),
                "message": step,
            }
        )


def mail_queue():
    ids = _ids(3, _queue, 200)
    steps = [
        ["client=mail.example.org", "message-id=<a@b>", "from=<a@b>, size=1200", "to=<c@d>, ok",
         "removed"],
        ["client=mail.example.org", "message-id=<a@b>", "from=<a@b>, size=1200", "to=<c@d>, failed",
         "sender told", "removed"],
    ]  # fmt: skip
    for time, session, step in _interleaved(3, 200, steps):
        yield f"{time:%b %d %H:%M:%S} mx postfix/qmgr[812]: {ids[session]}: {step}"


def database_connections():
    steps = [
        ["connection accepted", "authenticated", "query planned", "query done", "end"],
        ["connection accepted", "authentication failed", "end"],
    ]
    for time, session, step in _interleaved(4, 200, steps):
        yield f"{time:%Y-%m-%dT%H:%M:%S.000+0000} I NETWORK [conn{session + 4000}] {step}"


def key_value_pairs():
    for time, session, step in _interleaved(5, 200, STEPS):
        yield f"{time:%Y-%m-%d %H:%M:%S} INFO {step}, order={session + 70000}"


def logfmt():
    for time, session, step in _interleaved(12, 200, STEPS):
        yield f'time={time:%Y-%m-%dT%H:%M:%SZ} level=info msg="{step}" order={session + 70000}'


def traces_and_spans_without_names():
    rng = random.Random(13)
    ids = _ids(13, lambda r: f"{r.getrandbits(64):016x}", 200)
    for time, session, step in _interleaved(13, 200, STEPS):
        span = f"{rng.getrandbits(64):016x}"
        yield f"{time:%Y-%m-%d %H:%M:%S} INFO [shop,{ids[session]},{span}] app.Orders : {step}"


def orders_of_customers():
    rng = random.Random(14)
    customers = [rng.randrange(30) for _ in range(200)]
    for time, session, step in _interleaved(14, 200, STEPS):
        customer = customers[session] + 500
        yield f"{time:%Y-%m-%d %H:%M:%S} INFO {step} customer={customer} order=A{session + 10000}"


def plain_jobs():
    for _, session, step in _interleaved(6, 200, STEPS):
        yield f"job_{session:06d} {step}"


def processes_of_syslog():
    for time, session, step in _interleaved(7, 200, STEPS, apart=30):
        yield f"{time:%b %d %H:%M:%S} gate sshd[{20000 + session * 3}]: {step}"


def measurements():
    rng = random.Random(8)
    for i in range(1500):
        time = START + timedelta(seconds=7 * i)
        text = rng.choice(
            ["temperature is {} degrees", "wrote {} rows", "queue holds {} items", "pump at {} rpm"]
        )
        yield f"{time:%Y-%m-%d %H:%M:%S} INFO {text.format(rng.randrange(200))}"


def one_id_a_line():
    rng = random.Random(9)
    for i in range(1500):
        time = START + timedelta(seconds=i)
        text = rng.choice(["sent", "received", "forwarded", "dropped", "stored"])
        yield f"{time:%Y-%m-%d %H:%M:%S} INFO message {_uuid(rng)} was {text}"


def threads_that_live_on():
    rng = random.Random(10)
    for i in range(1500):
        time = START + timedelta(seconds=i)
        text = rng.choice(["polling", "idle", "flushed the cache", "took a task", "no task"])
        yield f"{time:%Y-%m-%d %H:%M:%S} INFO [pool-1-thread-{rng.randrange(8)}] app.Pool: {text}"


def one_after_the_other():
    steps = ["batch started", "read 120 files", "computed", "wrote 3 tables", "batch done"]
    for i in range(750):
        yield f"{START + timedelta(seconds=12 * i):%Y-%m-%d %H:%M:%S} INFO {steps[i % 5]}"


FOUND = {
    service_of_requests: "request",
    json_with_traces: "trace_id",
    mail_queue: "[0-9A-Za-z]{10,}",
    database_connections: "context",
    key_value_pairs: "order",
    logfmt: "order",
    traces_and_spans_without_names: "shop,",
    orders_of_customers: "order",
    plain_jobs: r"job_\d+",
    processes_of_syslog: "pid",
}


def _write(tmp_path, lines):
    path = tmp_path / "app.log"
    path.write_text("".join(f"{line}\n" for line in lines))
    return find_sources(path)


@pytest.mark.parametrize("log", FOUND, ids=lambda log: log.__name__)
def test_the_key_of_interleaved_sessions_is_found(log, tmp_path):
    choice = choose_grouping(_write(tmp_path, log()))
    assert choice.option in ("session_key", "session_field")
    assert FOUND[log] in choice.value
    assert "of the lines" in choice.reason


@pytest.mark.parametrize(
    "log", [measurements, one_id_a_line, threads_that_live_on, one_after_the_other]
)
def test_where_nothing_ties_lines_together_windows_of_time_are_taken(log, tmp_path):
    found = discover_keys(take_sample(_write(tmp_path, log())))
    assert found.choice.option == "every", found.candidates[0]
    assert "none is a good session key" in found.choice.reason


@pytest.mark.parametrize("year", ["1970", "2031"])
def test_a_few_lines_of_a_wrong_clock_do_not_lengthen_windows(year, tmp_path):
    lines = list(measurements())
    found = discover_keys(take_sample(_write(tmp_path, lines))).choice
    lines[100] = year + lines[100][4:]
    lines[200] = year + lines[200][4:]
    assert discover_keys(take_sample(_write(tmp_path, lines))).choice == found


def test_without_times_windows_of_lines_are_taken(tmp_path):
    choice = choose_grouping(_write(tmp_path, (line[20:] for line in measurements())))
    assert (choice.option, choice.value) == ("window", 37)


def test_requests_are_counted_by_who_sent_them(tmp_path):
    line = '10.0.0.{} - - [17/May/2015:10:{:02}:{:02} +0000] "GET /a{} HTTP/1.1" 200 512'
    lines = (line.format(i % 7, i // 60 % 60, i % 60, i % 5) for i in range(600))
    choice = choose_grouping(_write(tmp_path, lines))
    assert (choice.option, choice.value) == ("by", "client")


def test_hosts_are_taken_where_processes_are_not_told_apart(tmp_path):
    rng = random.Random(11)
    texts = ["session opened", "session closed", "time set", "disk checked", "job started"]
    lines = (
        f"{START + timedelta(seconds=i):%b %d %H:%M:%S} n{rng.randrange(30)} "
        f"crond[{rng.randrange(300, 340)}]: {rng.choice(texts)}"
        for i in range(1500)
    )
    choice = choose_grouping(_write(tmp_path, lines))
    assert (choice.option, choice.value) == ("session_field", "host")


def test_the_usual_key_of_a_format_is_taken_unless_lines_lack_it(tmp_path):
    line = "081109 2036{:02} 148 INFO dfs.DataNode: {} block {}"
    with_key = [line.format(i % 60, "Receiving", f"blk_{i}") for i in range(50)]
    choice = usual_choice(take_sample(_write(tmp_path, with_key)))
    assert choice is not None
    assert choice.value == r"blk_-?\d+"
    without = [line.format(i % 60, "Lost", "all") for i in range(50)]
    assert usual_choice(take_sample(_write(tmp_path, without))) is None


@pytest.mark.parametrize(
    "text",
    [
        "\n\nx\n",
        "a=b\n",
        "\x1b[31m[[[ 7 ]]] (((=:: '\"\n",
        "1 2 3\n",
        "é=ü ☃_7 ☃_7\n" * 3,
        "7" * 5000,
    ],
)
def test_any_text_is_grouped_in_some_way(text, tmp_path):
    path = tmp_path / "odd.log"
    path.write_text(text)
    choice = choose_grouping(find_sources(path))
    assert choice.option in ("session_key", "session_field", "every", "window", "by")
    assert choice.reason

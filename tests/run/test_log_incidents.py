"""Incidents of whole logs: the faults there are, when they were, and who had them."""

import csv
from collections import Counter

import pytest

import amiss
from amiss.run.incidents import names_of
from amiss.simulate.hdfs import simulate_hdfs
from amiss.types import LogInfo

KEY = r"id=\d+"


def log_of(path, rows):
    path.write_text("".join(f"{row}\n" for row in rows))
    return path


def stamped(second, text):
    hours, rest = divmod(second, 3600)
    return f"2026-03-02 {hours:02}:{rest // 60:02}:{rest % 60:02} INFO {text}"


def visits(begin, count, *extra):
    rows = []
    for i in range(count):
        name = f"id={begin}{i}"
        words = ["open", *extra, "close"] if extra else ["open", "read", "close"]
        rows += [(begin + 20 * i + k, f"{word} {name}") for k, word in enumerate(words)]
    return rows


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    rows = (
        visits(0, 2000)
        + visits(3600 * 3, 30, "disk on fire")
        + visits(3600 * 9, 25, "disk on fire")
    )
    path = log_of(
        tmp_path_factory.mktemp("logs") / "app.log", [stamped(*row) for row in sorted(rows)]
    )
    return amiss.scan(amiss.read_sessions(path, session_key=KEY), detector="event-counts")


def test_two_outages_are_two_incidents_with_the_times_of_their_lines(findings):
    first, second = sorted(findings.incidents, key=lambda incident: incident.start)
    assert [len(i.findings) for i in (first, second)] == [30, 25]
    assert second.id == f"{first.id}-2"
    starts = [amiss.present.summary.timestamp(i.start) for i in (first, second)]
    assert starts == ["2026-03-02T03:00:01", "2026-03-02T09:00:01"]
    assert all("disk on fire" in line.text for line in first.lines)


def test_an_incident_in_json_is_that_of_its_findings(findings):
    content = findings.to_dict()
    of = Counter(finding["incident"] for finding in content["findings"])
    assert of == {i["id"]: i["findings"] for i in content["incidents"]}


def test_lines_that_no_finding_shows_are_read_too(tmp_path):
    rows = [(i, f"{word} id={i}") for i in range(400) for word in ("open", "close")]
    rows += [(500, "open id=900")] + [(501 + i, f"open id={901 + i}") for i in range(5)]
    rows += [(600 + i, f"{word} id={950 + i}") for i in range(300) for word in ("open", "close")]
    path = log_of(tmp_path / "app.log", [stamped(*row) for row in sorted(rows)])
    found = amiss.scan(amiss.read_sessions(path, session_key=KEY), detector="event-counts")
    assert len(found) >= 6
    assert all(line.text for incident in found.incidents for line in incident.lines)
    assert any(incident.lines for incident in found.incidents)


def test_masked_words_stay_masked_in_stories(tmp_path):
    rows = [
        (i, f"{word} id={i} by ann@example.org") for i in range(300) for word in ("open", "close")
    ]
    rows += [(400, "open id=900 by ann@example.org"), (400, "fire id=900 by ann@example.org")]
    path = log_of(tmp_path / "app.log", [stamped(*row) for row in sorted(rows)])
    sessions = amiss.read_sessions(path, session_key=KEY, mask=["emails"])
    found = amiss.scan(sessions, detector="event-counts")
    told = [line.text for incident in found.incidents for line in incident.lines]
    assert told
    assert not any("ann@" in text for text in told)


def test_hosts_are_those_of_the_header_and_of_the_message():
    names = names_of(LogInfo(("a",), format="syslog"))
    line = "Mar  2 10:00:00 web-7 sshd[123]: Failed password from 10.0.0.9 port 22"
    assert list(names(line)) == [("host", "web-7"), ("address", "10.0.0.9")]
    assert list(names_of(LogInfo(("a",), format="no such format"))("to 10.0.0.9")) == [
        ("address", "10.0.0.9")
    ]


def test_incidents_of_a_simulated_cluster_are_its_faults(tmp_path):
    made = simulate_hdfs(tmp_path, lines=30_000, seed=5, anomaly_share=0.05, episodes=9)
    with made.faults.open(newline="") as file:
        truth = {row["BlockId"]: row["Fault"] for row in csv.DictReader(file)}
    sessions = amiss.read_sessions(made.log, session_key=r"blk_-?\d+")
    found = amiss.scan(sessions, labels=made.labels, detector="event-counts")
    alike = 0
    for incident in found.incidents:
        kinds = Counter(truth.get(found[at].id, "") for at in incident.findings)
        alike += max(kinds.values())
    assert alike >= 0.9 * len(found)

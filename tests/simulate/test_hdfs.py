"""What a user of the simulated cluster relies on: its files, its labels, its faults."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.errors import UsageError
from amiss.simulate.hdfs import FAULTS, Simulation, simulate_hdfs

if TYPE_CHECKING:
    from pathlib import Path

HEADER = re.compile(r"\d{6} \d{6} \d+ (INFO|WARN) dfs\.[A-Za-z$]+: \S.*")
BLOCK = re.compile(r"blk_-?\d+")
OVERDUE = timedelta(minutes=10)
NEVER_NORMAL = (
    "writeBlock",
    "empty packet",
    "Redundant addStoredBlock",
    "Unexpected error trying to delete",
)


@dataclass
class Files:
    lines: list[str]
    sessions: dict[str, list[str]]
    labels: dict[str, str]
    faults: dict[str, str]

    @property
    def end(self) -> datetime:
        return time_of(self.lines[-1])


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def read(simulation: Simulation) -> Files:
    lines = simulation.log.read_text(encoding="ascii").splitlines()
    sessions: dict[str, list[str]] = {}
    for line in lines:
        for block in set(BLOCK.findall(line)):
            sessions.setdefault(block, []).append(line)
    labels, faults = rows(simulation.labels), rows(simulation.faults)
    assert labels[0] == ["BlockId", "Label"]
    assert faults[0] == ["BlockId", "Fault"]
    assert len(dict(labels)) == len(labels), "a block is labelled twice"
    assert len(dict(faults)) == len(faults), "a block has two faults"
    return Files(lines, sessions, dict(labels[1:]), dict(faults[1:]))


def time_of(line: str) -> datetime:
    return datetime.strptime(line[:13], "%y%m%d %H%M%S")


def number(session: list[str], text: str) -> int:
    return sum(text in line for line in session)


def shows(fault: str, session: list[str], end: datetime) -> bool:
    """Whether someone who reads the session in a log with this end sees the fault."""
    ended, stored = number(session, "terminating"), number(session, "blockMap updated")
    overdue = end - time_of(session[0]) >= OVERDUE
    if fault == "lost_after_allocation":
        return len(session) == 2 and number(session, "allocateBlock") == 1 and overdue
    if fault == "truncated_pipeline":
        return (number(session, "Receiving block"), ended, stored) == (3, 2, 2) and overdue
    if fault == "missing_replica":
        return (ended, stored) == (3, 2) and overdue
    if fault == "repeated_report":
        return stored > 3 and not number(session, "to replicate")
    if fault == "early_delete":
        deleted = next(i for i, line in enumerate(session) if "NameSystem.delete" in line)
        return not number(session[:deleted], "Received block")
    text = {
        "write_exception": "received exception java.io",
        "redundant_store": "WARN dfs.FSNamesystem: BLOCK* NameSystem.addStoredBlock: Redundant",
        "empty_packet": "Receiving empty packet",
        "unexpected_delete": "WARN dfs.FSDataset: Unexpected error trying to delete",
    }[fault]
    return number(session, text) > 0


def check_labels(files: Files) -> None:
    """Every block is labelled, and the label is what the log shows."""
    assert set(files.labels) == set(files.sessions)
    assert {b for b, label in files.labels.items() if label == "Anomaly"} == set(files.faults)
    assert set(files.labels.values()) <= {"Normal", "Anomaly"}
    for block, fault in files.faults.items():
        assert shows(fault, files.sessions[block], files.end), (block, fault)
    for block, session in files.sessions.items():
        if files.labels[block] == "Normal":
            assert not any(text in line for text in NEVER_NORMAL for line in session), block
            if files.end - time_of(session[0]) > OVERDUE + timedelta(minutes=2):
                assert number(session, "blockMap updated") >= 3, block
                assert not shows("repeated_report", session, files.end), block


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    return simulate_hdfs(tmp_path_factory.mktemp("hdfs"), lines=60_000, seed=3, anomaly_share=0.05)


@pytest.fixture(scope="module")
def files(simulation: Simulation) -> Files:
    return read(simulation)


@pytest.mark.parametrize("lines", [1, 2, 19, 999, 12_345])
def test_writes_exactly_the_lines_asked_for(tmp_path: Path, lines: int) -> None:
    simulation = simulate_hdfs(tmp_path, lines=lines)
    text = simulation.log.read_bytes()
    assert text.endswith(b"\n")
    assert text.count(b"\n") == simulation.lines == lines
    check_labels(read(simulation))


def test_files_are_where_other_tools_look_for_them(tmp_path: Path) -> None:
    simulation = simulate_hdfs(str(tmp_path / "not" / "there"), lines=100)
    assert simulation.log == tmp_path / "not" / "there" / "HDFS.log"
    assert simulation.labels.name == "anomaly_label.csv"
    assert simulation.faults.name == "faults.csv"


def test_every_line_has_the_header_of_the_real_log_and_one_block(files: Files) -> None:
    for line in files.lines:
        assert HEADER.fullmatch(line), line
        assert len(set(BLOCK.findall(line))) == 1, line


def test_lines_are_in_order_of_time(files: Files) -> None:
    times = [line[:13] for line in files.lines]
    assert times == sorted(times)
    assert time_of(files.lines[0]) < files.end


def test_labels_cover_all_sessions_and_tell_the_truth(files: Files) -> None:
    check_labels(files)


def test_numbers_returned_are_those_of_the_files(simulation: Simulation, files: Files) -> None:
    assert simulation.lines == len(files.lines)
    assert simulation.sessions == len(files.sessions)
    assert simulation.anomalies == len(files.faults)


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    first, second, other = (
        simulate_hdfs(tmp_path / name, lines=5000, seed=seed)
        for name, seed in (("first", 1), ("second", 1), ("other", 2))
    )
    for name in ("log", "labels", "faults"):
        assert getattr(first, name).read_bytes() == getattr(second, name).read_bytes()
        assert getattr(first, name).read_bytes() != getattr(other, name).read_bytes()


def test_an_earlier_simulation_is_replaced(tmp_path: Path) -> None:
    simulate_hdfs(tmp_path, lines=3000, seed=1)
    check_labels(read(simulate_hdfs(tmp_path, lines=500, seed=2)))


@pytest.mark.parametrize("share", [0.01, 0.03, 0.2, 0.5])
def test_share_of_faults_is_about_what_was_asked_for(tmp_path: Path, share: float) -> None:
    simulation = simulate_hdfs(tmp_path, lines=60_000, anomaly_share=share)
    assert 0.7 * share < simulation.anomalies / simulation.sessions < 1.3 * share


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("lines", "share"), [(4400, 0.03), (6000, 0.001), (3700, 0.5)])
def test_each_fault_is_there_from_200_sessions_on(
    tmp_path: Path, lines: int, share: float, seed: int
) -> None:
    simulation = simulate_hdfs(tmp_path, lines=lines, seed=seed, anomaly_share=share)
    if simulation.sessions >= 200:
        assert set(read(simulation).faults.values()) == set(FAULTS)


def test_there_are_faults_of_every_sort(files: Files) -> None:
    kinds = Counter(files.faults.values())
    assert set(kinds) == set(FAULTS)
    assert len(FAULTS) >= 6
    assert min(kinds.values()) > 3


def test_without_faults_all_is_normal(tmp_path: Path) -> None:
    simulation = simulate_hdfs(tmp_path, lines=20_000, anomaly_share=0)
    files = read(simulation)
    assert simulation.anomalies == 0
    assert set(files.labels.values()) == {"Normal"}
    assert files.faults == {}
    check_labels(files)


@pytest.mark.parametrize("lines", [*range(3, 400, 13), *range(4000, 4200, 11)])
def test_a_fault_that_was_cut_off_is_not_labelled(tmp_path: Path, lines: int) -> None:
    files = read(simulate_hdfs(tmp_path, lines=lines, seed=lines, anomaly_share=0.5))
    check_labels(files)


@settings(max_examples=60)
@given(st.integers(1, 600), st.integers(0, 2**32), st.floats(0, 0.5))
def test_any_log_is_complete_and_truly_labelled(lines: int, seed: int, share: float) -> None:
    with TemporaryDirectory() as directory:
        simulation = simulate_hdfs(directory, lines, seed, share)
        files = read(simulation)
    assert len(files.lines) == lines
    assert files.lines == sorted(files.lines)
    check_labels(files)


def test_blocks_overlap_and_some_are_still_open_at_the_end(files: Files) -> None:
    order = [BLOCK.findall(line)[0] for line in files.lines]
    changes = sum(a != b for a, b in pairwise(order))
    assert changes > 2 * len(files.sessions)
    normal = [s for b, s in files.sessions.items() if files.labels[b] == "Normal"]
    undeleted = sum(not number(s, "Deleting block") for s in normal)
    assert 0 < undeleted < len(normal) / 2


def test_normal_blocks_are_read_verified_replicated_and_fail_to_be_served(files: Files) -> None:
    normal = [s for b, s in files.sessions.items() if files.labels[b] == "Normal"]
    for text in ("Served block", "Got exception while serving", "Verification succeeded"):
        assert sum(number(s, text) > 0 for s in normal) > len(normal) / 20
    replicated = [s for s in normal if number(s, "Transmitted block")]
    assert 0 < len(replicated) < len(normal) / 20
    for session in replicated:
        assert number(session, "blockMap updated") == 4


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"lines": 0}, ["lines is 0", "at least 1", "ask for"]),
        ({"lines": -5}, ["lines is -5"]),
        ({"seed": -1}, ["seed is -1", "0 or more"]),
        ({"anomaly_share": -0.1}, ["anomaly_share is -0.1", "0 to 0.5", "pass"]),
        ({"anomaly_share": 0.51}, ["anomaly_share is 0.51", "0 to 0.5"]),
        ({"anomaly_share": float("nan")}, ["anomaly_share is nan"]),
    ],
)
def test_senseless_requests_are_refused(
    tmp_path: Path, arguments: dict[str, float], parts: list[str]
) -> None:
    target = tmp_path / "out"
    with pytest.raises(UsageError) as error:
        simulate_hdfs(target, **arguments)
    for part in parts:
        assert part in str(error.value)
    assert not target.exists()

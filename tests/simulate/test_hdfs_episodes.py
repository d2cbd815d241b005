"""Faults that come in episodes: each of one kind, within a short stretch of time."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
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

BLOCK = re.compile(r"blk_-?\d+")


def faults_of(simulation: Simulation) -> list[dict[str, str]]:
    with simulation.faults.open(newline="") as file:
        return list(csv.DictReader(file))


def begins_of(simulation: Simulation) -> dict[str, datetime]:
    begins: dict[str, datetime] = {}
    for line in simulation.log.read_text(encoding="ascii").splitlines():
        for block in BLOCK.findall(line):
            begins.setdefault(block, datetime.strptime(line[:13], "%y%m%d %H%M%S"))
    return begins


def test_an_episode_is_one_fault_within_forty_minutes(tmp_path: Path) -> None:
    simulation = simulate_hdfs(tmp_path, lines=60_000, seed=3, episodes=12)
    begins = begins_of(simulation)
    times, kinds = defaultdict(list), defaultdict(set)
    for row in faults_of(simulation):
        times[int(row["Episode"])].append(begins[row["BlockId"]])
        kinds[int(row["Episode"])].add(row["Fault"])
    assert set(times) <= set(range(1, 13))
    assert len(times) >= 10
    assert all(len(found) == 1 for found in kinds.values())
    spans = sorted((min(found), max(found)) for found in times.values())
    assert all(end - begin <= timedelta(minutes=40) for begin, end in spans)
    assert all(a[1] < b[0] for a, b in pairwise(spans))
    assert [min(times[n]) for n in sorted(times)] == [begin for begin, _ in spans]


def test_all_faults_come_up_in_turn(tmp_path: Path) -> None:
    rows = faults_of(simulate_hdfs(tmp_path, lines=100_000, seed=1, episodes=18))
    episodes = {row["Episode"]: row["Fault"] for row in rows}
    assert set(episodes.values()) == set(FAULTS)
    assert max(Counter(episodes.values()).values()) == 2


def test_as_many_blocks_fail_as_without_episodes(tmp_path: Path) -> None:
    spread, bursts = (
        simulate_hdfs(tmp_path / str(episodes), lines=60_000, seed=2, episodes=episodes)
        for episodes in (0, 15)
    )
    assert 0.5 * spread.anomalies < bursts.anomalies < 1.5 * spread.anomalies


def test_without_episodes_there_is_no_third_column(tmp_path: Path) -> None:
    simulation = simulate_hdfs(tmp_path, lines=5000)
    assert simulation.faults.read_text().splitlines()[0] == "BlockId,Fault"


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    first, second, other = (
        simulate_hdfs(tmp_path / name, lines=20_000, seed=1, episodes=episodes)
        for name, episodes in (("first", 5), ("second", 5), ("other", 6))
    )
    for name in ("log", "labels", "faults"):
        assert getattr(first, name).read_bytes() == getattr(second, name).read_bytes()
    assert first.faults.read_bytes() != other.faults.read_bytes()


@settings(max_examples=25)
@given(st.integers(1, 3000), st.integers(0, 2**32), st.floats(0, 0.5), st.integers(0, 50))
def test_any_log_has_its_faults_in_its_episodes(
    lines: int, seed: int, share: float, episodes: int
) -> None:
    with TemporaryDirectory() as directory:
        simulation = simulate_hdfs(directory, lines, seed, share, episodes)
        rows = faults_of(simulation)
        labels = simulation.labels.read_text().splitlines()[1:]
    assert {row["BlockId"] for row in rows} == {
        label.partition(",")[0] for label in labels if label.endswith("Anomaly")
    }
    if episodes:
        assert all(1 <= int(row["Episode"]) <= episodes for row in rows)


@pytest.mark.parametrize("episodes", [-1, 51])
def test_senseless_numbers_of_episodes_are_refused(tmp_path: Path, episodes: int) -> None:
    with pytest.raises(UsageError, match=f"episodes is {episodes}; .* 0 to 50"):
        simulate_hdfs(tmp_path / "out", episodes=episodes)
    assert not (tmp_path / "out").exists()

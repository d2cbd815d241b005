"""Incidents: how many the findings of a log fall into, and whether each is of one cause.

On the HDFS set, causes are not known; what is measured is how many incidents there are to read. On
simulated logs they are: with faults at any time, and in episodes of one fault each. Both are judged
as ``amiss scan`` does, and as ``amiss detect`` does with a model of a log without faults.

The constants of `amiss.explain` were set while looking at seeds 0 to 2; the figures are of others.
"""

from __future__ import annotations

import csv
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import amiss
from amiss.explain.incidents import group_incidents
from amiss.run.findings import Findings
from amiss.run.pipeline import fit, scan
from amiss.simulate.hdfs import simulate_hdfs
from amiss.types import Finding, Incident
from benchmarks.figures import Figures, data_dir

KEY = r"blk_-?\d+"
SEEDS = range(10, 15)
EPISODES = (0, 9, 18)
LINES = 100_000
CLEAN_SEED = 900
FINDINGS = 20_000
NO_FAULT = "no fault"


class Judged(NamedTuple):
    """How well incidents of a simulated log fit its faults."""

    findings: int
    alike: int
    """Findings in an incident most of which are of the same fault; none counts as one."""
    true: int
    """As `alike`, of incidents of a fault only."""
    most: int
    """Incidents that one episode of a fault falls into; without episodes, one fault."""
    incidents: int
    episodes: int
    apart: int
    """Episodes that share no incident with another one."""


def judge(
    findings: Sequence[Finding],
    incidents: Sequence[Incident],
    truth: dict[str, tuple[str, str]],
) -> Judged:
    """Compare incidents with the faults, and their episodes, by session."""
    alike = true = 0
    into: dict[tuple[str, str], set[str]] = defaultdict(set)
    within: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for incident in incidents:
        of = [truth.get(findings[at].id, (NO_FAULT, "")) for at in incident.findings]
        kinds = Counter(kind for kind, _ in of)
        alike += max(kinds.values())
        true += max((count for kind, count in kinds.items() if kind != NO_FAULT), default=0)
        for episode in of:
            if episode[0] != NO_FAULT:
                into[episode].add(incident.id)
                within[incident.id].add(episode)
    mixed = {episode for some in within.values() if len(some) > 1 for episode in some}
    most = max(map(len, into.values()), default=0)
    apart = len(into) - len(mixed)
    return Judged(len(findings), alike, true, most, len(incidents), len(into), apart)


def faults_of(path: Path) -> dict[str, tuple[str, str]]:
    """Return fault and episode of each faulty block."""
    with path.open(encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["BlockId"]: (row["Fault"], row.get("Episode", "")) for row in rows}


def on_simulations(figures: Figures, seeds: Sequence[int], lines: int = LINES) -> None:
    """Measure purity, and how many incidents a fault falls into."""
    found: dict[str, list[Judged]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as scratch:
        clean = simulate_hdfs(Path(scratch, "clean"), lines, CLEAN_SEED, 0.0)
        model = fit(amiss.read_sessions(clean.log, session_key=KEY), clean=True)
        for seed in seeds:
            for episodes in EPISODES:
                made = simulate_hdfs(Path(scratch, "log"), lines, seed, episodes=episodes)
                sessions = amiss.read_sessions(made.log, session_key=KEY)
                truth = faults_of(made.faults)
                for name, findings in (
                    ("scan", scan(sessions)),
                    ("detect", model.detect(sessions)),
                ):
                    judged = judge(findings.items, findings.incidents, truth)
                    found[name].append(judged)
                    print(f"    seed {seed}, {episodes} episodes, {name}: {judged}", flush=True)
    runs_of_both = [*found["scan"], *found["detect"]]
    purities = [j.alike / j.findings for j in runs_of_both]
    total = sum(j.findings for j in runs_of_both)
    figures.add("incident_purity_simulated", sum(j.alike for j in runs_of_both) / total, purities)
    for name, runs in found.items():
        strict = [j.true / j.findings for j in runs]
        all_of = sum(j.findings for j in runs)
        key = f"incident_purity_simulated_{name}_false_alarms_impure"
        figures.add(key, sum(j.true for j in runs) / all_of, strict)
    figures.add("incidents_per_episode_max", max(j.most for j in runs_of_both))
    counts = [j.incidents for j in runs_of_both]
    figures.add("incidents_simulated_median", sorted(counts)[len(counts) // 2], counts)
    in_episodes = [j for i, j in enumerate(runs_of_both) if EPISODES[i % len(EPISODES)]]
    told = sum(j.apart for j in in_episodes) / sum(j.episodes for j in in_episodes)
    figures.add("episodes_told_apart", told)


def on_hdfs(figures: Figures) -> None:
    """Measure how many incidents the findings of the HDFS set fall into."""
    folder = data_dir() / "hdfs"
    labels = amiss.read_labels(folder / "anomaly_label.csv")
    sessions = amiss.read_sessions(folder / "HDFS.log.gz", session_key=KEY)
    findings: Findings = scan(sessions)
    sizes = sorted((len(i.findings) for i in findings.incidents), reverse=True)
    figures.add("incidents_hdfs", len(sizes))
    figures.add("incidents_hdfs_findings", len(findings))
    figures.add("incidents_hdfs_largest", sizes[0])
    figures.add("incidents_hdfs_of_one_finding", sizes.count(1))
    figures.add("incidents_hdfs_story_lines_max", max(len(i.lines) for i in findings.incidents))
    hits = [sum(labels[findings[at].id] for at in i.findings) for i in findings.incidents]
    figures.add("incidents_hdfs_with_labelled_anomalies", sum(hit > 0 for hit in hits))
    sizes_hits = zip(findings.incidents, hits, strict=True)
    pure = sum(max(hit, len(i.findings) - hit) for i, hit in sizes_hits)
    figures.add("incidents_hdfs_label_purity", pure / len(findings))
    grouping_time(figures, findings.items)


def grouping_time(figures: Figures, findings: Sequence[Finding]) -> None:
    """Measure the time to group 20,000 findings: those of the set, drawn again and again."""
    rng = random.Random(0)
    many = [replace(rng.choice(findings), id=f"s{i}") for i in range(FINDINGS)]
    seconds = []
    for _ in range(3):
        started = time.process_time()
        group_incidents(many)
        seconds.append(time.process_time() - started)
    figures.add("incidents_grouping_cpu_s_20000", min(seconds), seconds)


def measure(figures: Figures, *, quick: bool = False) -> None:
    """Measure all, or on one small log."""
    on_hdfs(figures)
    on_simulations(figures, SEEDS[:1] if quick else SEEDS, 20_000 if quick else LINES)

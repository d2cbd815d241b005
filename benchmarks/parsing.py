"""Templates against the ground truth of Loghub, beside Drain3, Tipping and LogLead.

Grouping accuracy (Zhu et al., ICSE-SEIP 2019): the share of lines whose group is exactly a group of
the ground truth. Parsing accuracy: the share of lines whose template is the truth's, word by word,
wildcards side by side taken for one. One configuration for all systems, and nothing of the ground
truth is used but to count.

The constants of the miner were looked at on the same ten systems. How much that flatters them is
measured: each system is also parsed with the constants that are best on the other nine.

The peers need an environment of their own: `AMISS_PARSER_PEER_PYTHON` names its interpreter
(``pip install drain3 tipping loglead``).
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

import amiss
from amiss.read.lines import KindsOfForms
from amiss.represent import template_mining
from amiss.represent.shapes import mask
from amiss.represent.templates import TemplateMiner
from benchmarks.figures import Figures, data_dir, parse_arguments

PEERS = ("drain3", "tipping", "loglead")
PEER = Path(__file__).parent / "peers" / "parsers.py"
OTHER_VALUES, OTHER_MUCH, OTHER_STATES = (3, 4, 5, 6), (4, 5, 6), (8, 16, 32)
HEADER = re.compile(r"^\d+ \d+ \d+ [A-Z]+ [^\s:]+: (.*)$")
"""Of HDFS: peers are given messages, so that the time they take is their own."""


class System(NamedTuple):
    """Messages of one system, and the truth."""

    name: str
    messages: list[str]
    events: list[str]
    templates: list[str]


def main() -> None:
    quick = parse_arguments(__doc__).quick
    figures = Figures("parsing")
    systems = read_systems()
    measure_ours(figures, systems)
    measure_other_constants(figures, systems)
    measure_raw(figures, systems)
    if python := os.environ.get("AMISS_PARSER_PEER_PYTHON"):
        with tempfile.TemporaryDirectory() as scratch:
            for peer in PEERS:
                measure_peer(figures, python, peer, systems, Path(scratch))
            measure_cost(figures, python, Path(scratch), 20_000 if quick else None)
    else:
        print("no AMISS_PARSER_PEER_PYTHON: Drain3, Tipping and LogLead are not measured")
    if find_spec("benchmarks.scale"):
        import_module("benchmarks.scale").measure(figures, quick)
    if not quick:
        print(f"wrote {figures.write()}")


def read_systems() -> list[System]:
    """Return the ten samples of Loghub."""
    systems = []
    for path in sorted((data_dir() / "loghub-2k").glob("*_structured.csv.gz")):
        table = pl.read_csv(gzip.decompress(path.read_bytes()), infer_schema=False)
        columns = [
            table[c].fill_null("").to_list() for c in ("Content", "EventId", "EventTemplate")
        ]
        systems.append(System(path.name.split("_")[0].lower(), *columns))
    return systems


def parse(messages: Sequence[str]) -> list[str]:
    """Return the template of each message, as amiss sees it."""
    forms = pl.Series(messages, dtype=pl.String).str.replace_all("[0-9]", "0")
    kind, kinds = KindsOfForms().of(forms)
    shapes = mask(kinds)[kind]
    distinct = shapes.unique(maintain_order=True)
    miner = TemplateMiner()
    ids = miner.add(distinct.to_list())
    texts = [miner.templates[i] for i in ids]
    return shapes.replace_strict(distinct, pl.Series(texts, dtype=pl.String)).to_list()


def grouping_accuracy(found: Sequence[Any], truth: Sequence[str]) -> float:
    """Return the share of lines in groups that are groups of the truth.

    Examples
    --------
    >>> grouping_accuracy(["a", "a", "b", "c"], ["1", "1", "2", "2"])
    0.5
    """
    lines: dict[Any, list[int]] = defaultdict(list)
    sizes: dict[str, int] = defaultdict(int)
    for i, (group, event) in enumerate(zip(found, truth, strict=True)):
        lines[group].append(i)
        sizes[event] += 1
    right = 0
    for members in lines.values():
        events = {truth[i] for i in members}
        if len(events) == 1 and sizes[events.pop()] == len(members):
            right += len(members)
    return right / len(truth)


def parsing_accuracy(found: Sequence[str], truth: Sequence[str]) -> float:
    """Return the share of lines whose template is the truth's.

    Examples
    --------
    >>> parsing_accuracy(["from <*>  <*>", "to <*>"], ["from <*>", "to x"])
    0.5
    """
    pairs = zip(found, truth, strict=True)
    return sum(_normal(a) == _normal(b) for a, b in pairs) / len(truth)


def _normal(template: str) -> str:
    return re.sub(r"(?:<\*> ?)+(?=<\*>)", "", " ".join(template.split()))


def measure_ours(figures: Figures, systems: list[System]) -> None:
    """Group and parse each system."""
    ga, pa = {}, {}
    for system in systems:
        found = parse(system.messages)
        ga[system.name] = grouping_accuracy(found, system.events)
        pa[system.name] = parsing_accuracy(found, system.templates)
    figures.add("ga_mean", _mean(ga))
    figures.add("pa_mean", _mean(pa))
    for name in ga:
        figures.add(f"ga_{name}", ga[name])
        figures.add(f"pa_{name}", pa[name])


def measure_other_constants(figures: Figures, systems: list[System]) -> None:
    """Parse each system with the constants that are best on the other nine."""
    names = ("_VALUES", "_MUCH", "_STATES")
    usual = [getattr(template_mining, name) for name in names]
    found = []
    for constants in [*product(OTHER_VALUES, OTHER_MUCH, OTHER_STATES), usual]:
        for name, value in zip(names, constants, strict=True):
            setattr(template_mining, name, value)
        found.append([grouping_accuracy(parse(s.messages), s.events) for s in systems])
    table = np.array(found)
    others = table.sum(axis=1, keepdims=True) - table
    left_out = table[others.argmax(axis=0), np.arange(len(systems))]
    figures.add("ga_mean_left_out", float(left_out.mean()))
    means = table.mean(axis=1)
    figures.add("ga_mean_other_constants", float(np.median(means)), means.tolist())


def measure_raw(figures: Figures, systems: list[System]) -> None:
    """Group the raw lines: the header is recognised and taken off, as a user would have it."""
    ga, folder = {}, data_dir() / "loghub-2k"
    with tempfile.TemporaryDirectory() as scratch:
        for system in systems:
            raw = next(p for p in folder.iterdir() if p.name.lower() == f"{system.name}_2k.log.gz")
            table = Path(scratch, "table.csv")
            amiss.parse_log(raw, table)
            rows = pl.read_csv(table, infer_schema=False)
            events = dict(zip(rows["LineId"].cast(int).to_list(), rows["EventId"], strict=True))
            found = [events.get(i, f"line {i}") for i in range(1, len(system.events) + 1)]
            ga[system.name] = grouping_accuracy(found, system.events)
    figures.add("raw_ga_mean", _mean(ga))
    for name, value in ga.items():
        figures.add(f"raw_ga_{name}", value)


def measure_peer(
    figures: Figures, python: str, peer: str, systems: list[System], scratch: Path
) -> None:
    """Group each system by a peer; parsing accuracy where it gives templates."""
    ga, pa = {}, {}
    for system in systems:
        answer = ask(python, peer, system.messages, scratch)
        if answer is None:
            figures.add(f"{peer}_ga_mean", None)
            return
        clusters, texts, said = answer
        ga[system.name] = grouping_accuracy(clusters, system.events)
        if any(texts):
            pa[system.name] = parsing_accuracy(texts, system.templates)
    figures.versions[peer] = said["version"]
    figures.add(f"{peer}_ga_mean", _mean(ga))
    if pa:
        figures.add(f"{peer}_pa_mean", _mean(pa))
    for name, value in ga.items():
        figures.add(f"{peer}_ga_{name}", value)


def measure_cost(figures: Figures, python: str, scratch: Path, most: int | None) -> None:
    """Time the peers on the messages of HDFS, read and stripped of their headers beforehand."""
    raw = gzip.decompress((data_dir() / "hdfs" / "HDFS.log.gz").read_bytes()).decode()
    matches = (HEADER.match(line) for line in raw.splitlines()[:most])
    messages = [match[1] for match in matches if match]
    figures.add("peers_lines", len(messages))
    for peer in PEERS:
        answer = ask(python, peer, messages, scratch)
        for what in ("cpu_s", "peak_gb"):
            figures.add(f"{peer}_{what}", None if answer is None else answer[2][what])


def ask(
    python: str, peer: str, messages: list[str], scratch: Path
) -> tuple[list[str], list[str], dict[str, Any]] | None:
    """Return clusters, templates and cost of a peer; None if it fails."""
    source, target = scratch / "messages.txt", scratch / "clusters.txt"
    lines = (re.sub(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", " ", text) for text in messages)
    source.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    done = subprocess.run(
        [python, str(PEER), peer, str(source), str(target)], capture_output=True, text=True
    )
    if done.returncode:
        print(f"  {peer}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    rows = [line.split("\t", 1) for line in target.read_text(encoding="utf-8").split("\n")[:-1]]
    said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return [row[0] for row in rows], [row[1] for row in rows], said


def _mean(values: dict[str, float]) -> float:
    return float(np.mean(list(values.values())))


if __name__ == "__main__":
    main()

"""Deep SAD on six classic outlier sets, beside PyOD, DeepOD and a random forest.

Ten stratified splits of each set, 60 % of the rows to learn from, 40 % to judge by ROC-AUC. Columns
are standardised by the mean and the standard deviation of the rows learnt from, for all alike. Of
the anomalies among those, as many are labelled as 0, 1 or 5 % of the rows learnt from, or all of
them where there are fewer. Other rows learnt from are unlabelled, in two settings:

- they hold the anomalies that are not labelled (the figures without a suffix);
- they are normal, and anomalies that are not labelled are left out (``_clean``), as in the code of
  Ruff et al. (ICLR 2020) unless told otherwise.

A part is a detector at a share of labels in a setting. Its figures are written once all sets are
through and replace those it had, so parts can be measured apart (``--only``); ``parts`` in the
results says when each was, and at which commit.

The peers need an environment of their own: `AMISS_OUTLIER_PEER_PYTHON` names its interpreter.
Without it they are not measured, and what was stays.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from amiss.detect import get_detector
from benchmarks.figures import RESULTS, Figures, data_dir

Values = NDArray[np.float64]
Labels = NDArray[np.int64]
Scores = NDArray[np.float64]

SETS = {
    "arrhythmia": "arrhythmia.csv",
    "cardio": "6_cardio.npz",
    "satellite": "30_satellite.npz",
    "satimage-2": "31_satimage-2.npz",
    "shuttle": "32_shuttle.npz",
    "thyroid": "38_thyroid.npz",
}
OURS = ("deep-sad", "table-ensemble")
PERCENTS = (0, 1, 5)
SUFFIXES = ("", "_clean")
TREES = 300
ROOT = Path(__file__).parents[1]
PEER = ROOT / "benchmarks" / "peers" / "outliers.py"


@dataclass(frozen=True)
class Column:
    """How a detector is measured."""

    name: str
    percents: tuple[int, ...]
    peer: bool = True
    """Runs in the environment of the peers."""
    splits: int = 10
    on_shuttle: int = 10
    """Splits of shuttle, which has eight times the rows of the next largest."""
    skipped: tuple[tuple[str, int], ...] = ()
    """Sets and percentages that would take too long."""


_SLOW: dict[str, Any] = {"splits": 3, "on_shuttle": 1}
_ONCE = (("shuttle", 1),)  # two minutes a fit: such networks learn shuttle at 5 % only
COLUMNS = {
    column.name: column
    for column in (
        Column("deep-sad", PERCENTS, peer=False),
        Column("table-ensemble", PERCENTS, peer=False),
        *(Column(name, (0,)) for name in ("iforest", "knn", "ecod", "pca", "hbos", "copod")),
        Column("lof", (0,), on_shuttle=3),
        Column("mcd", (0,), on_shuttle=3),
        Column("random-forest", (1, 5), peer=False),
        Column("random-forest-balanced", (1, 5), peer=False),
        Column("feawad", (1, 5), **_SLOW),
        Column("xgbod", (1, 5), splits=3, skipped=(("shuttle", 1), ("shuttle", 5))),
        Column("deepod-deep-sad", (1, 5), **_SLOW, skipped=_ONCE),  # 0.4.1 divides by zero at 0 %
        Column("devnet", (1, 5), **_SLOW, skipped=_ONCE),
        Column("rosas", (1, 5), **_SLOW, skipped=_ONCE),
        Column("deep-svdd", (0,), **_SLOW),
    )
}


class Task(NamedTuple):
    """What a detector is given, and what it is judged by."""

    train: Values
    known: Labels
    """1: labelled an anomaly, 0: not labelled."""
    test: Values
    truth: Labels
    """Of the test rows."""


class Scored(NamedTuple):
    """What comes of one fit."""

    scores: Scores
    """Of the test rows."""
    fit_cpu_s: float


class FailedError(Exception):
    """A peer could not do it."""


Run = Callable[[str, Task, int], Scored]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="reduced run, writes no results")
    parser.add_argument("--only", nargs="+", choices=COLUMNS, help="measure these anew", default=[])
    parser.add_argument("--percent", nargs="+", type=int, choices=PERCENTS, default=PERCENTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    _commit()
    columns = [COLUMNS[name] for name in arguments.only or COLUMNS]
    with ExitStack() as stack:
        run_peer = stack.enter_context(peers()) if any(c.peer for c in columns) else None
        for percent in arguments.percent:
            for column in columns:
                run = run_peer if column.peer else run_here
                if run is None or percent not in column.percents:
                    continue
                for suffix in SUFFIXES:
                    print(f"{column.name}, {percent} %{suffix}", flush=True)
                    measured = measure(column, percent, suffix, run, quick=arguments.quick)
                    if not arguments.quick:
                        record(column, percent, suffix, measured)


@cache
def load(name: str) -> tuple[Values, Labels]:
    """Return the rows of a set and which of them are anomalies."""
    path = data_dir() / "adbench" / SETS[name]
    if path.suffix == ".csv":
        table = np.loadtxt(path, delimiter=",", skiprows=1)
        return table[:, :-1], table[:, -1].astype(np.int64)
    with np.load(path) as given:
        return given["X"].astype(np.float64), given["y"].astype(np.int64)


def split(name: str, seed: int, percent: int, suffix: str = "") -> Task:
    """Return what a detector learns from and is judged on."""
    rows, anomaly = load(name)
    train, test, train_anomaly, truth = train_test_split(
        rows, anomaly, test_size=0.4, stratify=anomaly, random_state=seed
    )
    # The fewer labels of 1 % are among those of 5 %.
    anomalies = np.random.default_rng(seed).permutation(np.flatnonzero(train_anomaly))
    known = np.zeros(len(train), dtype=np.int64)
    known[anomalies[: round(percent / 100 * len(train))]] = 1
    if suffix == "_clean":
        kept = (train_anomaly == 0) | (known == 1)
        train, known = train[kept], known[kept]
    mean, scale = train.mean(axis=0), train.std(axis=0)
    scale[scale == 0] = 1
    return Task((train - mean) / scale, known, (test - mean) / scale, truth)


def measure(
    column: Column, percent: int, suffix: str, run: Run, *, quick: bool = False
) -> dict[str, tuple[list[float], list[float]]]:
    """Return ROC-AUC and CPU seconds of each fit, by set; empty where a peer failed."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for name in ("arrhythmia", "thyroid") if quick else SETS:
        if (name, percent) in column.skipped:
            continue
        aucs: list[float] = []
        seconds: list[float] = []
        splits = column.on_shuttle if name == "shuttle" else column.splits
        for seed in range(1 if quick else splits):
            task = split(name, seed, percent, suffix)
            try:
                scored = run(column.name, task, seed)
            except FailedError as error:
                print(f"  {name}, seed {seed}: {error}", flush=True)
                break
            aucs.append(float(roc_auc_score(task.truth, scored.scores)))
            seconds.append(scored.fit_cpu_s)
        found[name] = aucs, seconds
        if aucs:
            told = f"AUC {100 * np.mean(aucs):.2f}, {np.mean(seconds):.2f} CPU s, {len(aucs)} fits"
            print(f"    {name}: {task.known.sum()} labelled, {told}", flush=True)
    return found


def run_here(name: str, task: Task, seed: int) -> Scored:
    """Fit ours, or a random forest on the labels alone, in this process."""
    if name in OURS:
        detector: Any = get_detector(name)(random_state=seed)
        begun = time.process_time()
        detector.fit(task.train, np.where(task.known == 1, 1, -1))
        fitted = time.process_time()
        scores = detector.anomaly_score(task.test)
    else:
        weight = "balanced" if name.endswith("balanced") else None
        forest = RandomForestClassifier(TREES, class_weight=weight, random_state=seed)
        begun = time.process_time()
        forest.fit(task.train, task.known)
        fitted = time.process_time()
        scores = forest.predict_proba(task.test)[:, 1]
    return Scored(scores, fitted - begun)


@contextmanager
def peers() -> Iterator[Run | None]:
    """Start the peers in their environment."""
    python = os.environ.get("AMISS_OUTLIER_PEER_PYTHON")
    if not python:
        print("no AMISS_OUTLIER_PEER_PYTHON: PyOD and DeepOD are not measured")
        yield None
        return
    threads = ("OMP", "MKL", "OPENBLAS", "NUMBA")
    process = subprocess.Popen(
        [python, str(PEER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
        env=os.environ | {f"{of}_NUM_THREADS": "1" for of in threads},
    )  # fmt: skip
    requests, answers = process.stdin, process.stdout
    assert requests is not None
    assert answers is not None

    def read() -> dict[str, Any]:
        line = answers.readline()
        if not line:
            raise RuntimeError(f"the peers ended with code {process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    with tempfile.TemporaryDirectory() as scratch:
        rows, scores = Path(scratch, "rows.npz"), Path(scratch, "scores.npy")

        def run(name: str, task: Task, seed: int) -> Scored:
            np.savez(rows, train=task.train, known=task.known, test=task.test)
            request = {"detector": name, "rows": str(rows), "scores": str(scores), "seed": seed}
            print(json.dumps(request), file=requests, flush=True)
            answer = read()
            if "failed" in answer:
                raise FailedError(answer["failed"])
            found = np.load(scores)
            if not np.isfinite(found).all():
                raise FailedError("scores that are no numbers")
            return Scored(found, answer["fit_cpu_s"])

        try:
            _PEER_VERSIONS.update(read()["versions"])
            yield run
        finally:
            requests.close()
            process.wait()


_PEER_VERSIONS: dict[str, str] = {}


# What is kept.


def record(
    column: Column,
    percent: int,
    suffix: str,
    measured: dict[str, tuple[list[float], list[float]]],
) -> None:
    """Replace the figures of a part. Those of others are read anew: they may run meanwhile."""
    there = (RESULTS / "deep_sad.json").exists()
    figures = Figures.read("deep_sad") if there else Figures("deep_sad")
    figures.versions |= _PEER_VERSIONS
    means: list[float] = []
    for name in SETS:
        aucs, seconds = measured.get(name, ([], []))
        key = f"{column.name}_{name}"
        _drop(figures, f"{key}_auc_{percent}{suffix}")
        mean = float(np.mean(aucs)) if aucs else None
        deviation = float(np.std(aucs, ddof=1)) if len(aucs) > 1 else None
        figures.add(f"{key}_auc_{percent}{suffix}", mean, aucs)
        figures.add(f"{key}_sd_{percent}{suffix}", deviation)
        if not suffix:
            figures.add(f"{key}_cpu_s_{percent}", float(np.mean(seconds)) if seconds else None)
        means += [] if mean is None else [mean]
    whole = len(means) == len(SETS)
    mean_key = f"{column.name}_mean_auc_{percent}{suffix}"
    figures.add(mean_key, float(np.mean(means)) if whole else None)
    keys = [f"{column.name}_{name}_cpu_s_{p}" for name in SETS for p in column.percents]
    fits = [value for key in keys if (value := figures.figures.get(key)) is not None]
    figures.add(f"{column.name}_cpu_s", float(np.mean(fits)) if fits else None)
    figures.parts[f"{column.name}_{percent}{suffix}"] = {
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": _commit(),
    }
    best_peers(figures, suffix)
    count_rows(figures)
    figures.write()


def best_peers(figures: Figures, suffix: str) -> None:
    """Find the best mean of a peer; what does not look at labels is as good with any of them."""
    for percent in PERCENTS:
        means = {
            name: mean
            for name, column in COLUMNS.items()
            for at in (percent if percent in column.percents else 0,)
            if name not in OURS
            and (at == percent or column.percents == (0,))
            and (mean := figures.figures.get(f"{name}_mean_auc_{at}{suffix}")) is not None
        }
        if means:
            best = max(means, key=lambda name: means[name])
            key = f"best_peer_mean_auc_{percent}{suffix}"
            figures.add(key, means[best])
            figures.parts[key] = {"detector": best}


def count_rows(figures: Figures) -> None:
    """Add how many rows are learnt from, anomalies among them, and labels, as in every split."""
    for name in SETS:
        known = {percent: split(name, 0, percent).known for percent in PERCENTS}
        figures.add(f"{name}_rows", len(known[0]))
        figures.add(f"{name}_anomalies", split(name, 0, 100).known.sum())
        for percent in PERCENTS:
            figures.add(f"{name}_labelled_{percent}", known[percent].sum())


def _drop(figures: Figures, key: str) -> None:
    figures.figures.pop(key, None)
    figures.spread.pop(key, None)


@cache
def _commit() -> str:
    """Return the commit at the start, with a plus where files that matter differ from it."""

    def git(*command: str) -> str:
        told = subprocess.run(
            ["git", *command], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return told.stdout.strip()

    changed = git("status", "--porcelain", "--", "src/amiss/detect", "benchmarks/*.py")
    return git("rev-parse", "--short", "HEAD") + "+" * bool(changed)


if __name__ == "__main__":
    main()

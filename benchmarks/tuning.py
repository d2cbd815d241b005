"""``amiss tune`` on a fifth of HDFS_100k, killed half way and resumed, judged on the other four.

The search sees the training sessions only. Default and tuned parameters are then fitted to all of
them with several seeds; the threshold is the best F1 on their out-of-fold scores.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split

import amiss
from amiss.decide import best_f1_threshold
from amiss.detect import get_detector
from amiss.types import Sequences
from benchmarks.figures import Figures, data_dir, parse_arguments

DETECTOR = "next-event"
TRAIN_SHARE = 0.2
SEEDS = range(5)
Bools = NDArray[np.bool_]


def main() -> None:
    quick = parse_arguments(__doc__).quick
    frame = pl.read_parquet(data_dir() / "hdfs" / "HDFS_100k_sessions.parquet")
    truth = frame["label"].to_numpy().astype(bool)
    train, test = train_test_split(
        np.arange(len(frame)), train_size=TRAIN_SHARE, random_state=0, stratify=truth
    )
    train, test = np.sort(train), np.sort(test)
    figures = Figures("tuning")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        tables = {"train": folder / "train.parquet", "test": folder / "test.parquet"}
        for path, rows in zip(tables.values(), (train, test), strict=True):
            frame[rows].select("session_id", "templates").write_parquet(path)
        labels = folder / "labels.csv"
        frame[train].select("session_id", "label").write_csv(labels)

        found, minutes = search(folder, tables["train"], labels, 4 if quick else 20)
        model = amiss.load(folder / "tuned.amiss")
        if not isinstance(model, amiss.Model):
            raise TypeError(f"expected a model from amiss tune, got {model!r}")
        taught, seen = (model.sequences(amiss.read_sessions(path))[0] for path in tables.values())
    figures.add("minutes_20_trials" if not quick else "minutes_4_trials", minutes)
    figures.add("trials_pruned", found["counts"]["pruned"])
    figures.add("trials_failed", found["counts"]["failed"])
    figures.add("trials_interrupted", found["counts"]["interrupted"])
    figures.add("default_validation", found["default"]["value"])
    figures.add("tuned_validation", found["best"]["value"])
    seeds = range(1) if quick else SEEDS
    for name, parameters in (("default", {}), ("tuned", found["best"]["parameters"])):
        runs = [
            held_out_f1(parameters, seed, taught, truth[train], seen, truth[test]) for seed in seeds
        ]
        figures.add(f"{name}_f1", float(np.mean(runs)), runs)
    print(f"  best: {found['best']['parameters']}")
    if not quick:
        print(f"wrote {figures.write()}")


def search(folder: Path, table: Path, labels: Path, trials: int) -> tuple[dict[str, Any], float]:
    """Search, kill it once half of the trials are done, resume it; return its JSON and minutes."""
    study = folder / "study.db"
    command = [
        sys.executable, "-m", "amiss.cli", "tune", str(table), "--labels", str(labels),
        "--detector", DETECTOR, "--trials", str(trials), "--study", str(study),
        "-o", str(folder / "tuned.amiss"), "--json",
    ]  # fmt: skip
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while ended_trials(study) < trials // 2:
        if process.poll() is not None:
            sys.exit("the search ended before it was killed")
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    print(f"  killed after {ended_trials(study)} of {trials} trials", flush=True)
    resumed = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    minutes = (time.monotonic() - started) / 60
    found: dict[str, Any] = json.loads(resumed.stdout)
    counted = sum(n for state, n in found["counts"].items() if state != "interrupted")
    if counted != trials:
        sys.exit(f"{counted} trials after the search was resumed; expected {trials}")
    return found, minutes


def ended_trials(study: Path) -> int:
    """Return how many trials of a study have ended; 0 before there is one."""
    query = "select count(*) from trials where state in ('COMPLETE', 'PRUNED', 'FAIL')"
    try:
        with closing(sqlite3.connect(f"file:{study}?mode=ro", uri=True)) as connection:
            return int(connection.execute(query).fetchone()[0])
    except sqlite3.Error:
        return 0


def held_out_f1(
    parameters: dict[str, Any],
    seed: int,
    taught: Sequences,
    known: Bools,
    seen: Sequences,
    truth: Bools,
) -> float:
    detector = get_detector(DETECTOR)(**parameters, random_state=seed)
    detector.fit(taught, known.astype(int))
    threshold = best_f1_threshold(detector.training_score_, known)
    return float(f1_score(truth, detector.anomaly_score(seen) > threshold.value))


if __name__ == "__main__":
    main()

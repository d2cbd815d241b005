"""ADFA-LD: system calls of processes, some of them under attack; whole traces are judged.

Detectors learn from ``train`` (833 normal traces). A fixed half of ``validation`` gives the
thresholds, the other half and all attacks are the test. Designs were chosen on the first half and
the attacks Adduser and Hydra_FTP (figures ``dev_``): Hydra_SSH and Java_Meterpreter were looked at
in these figures only, and no label of the test chose anything.

Thresholds are label-free: the rule ``tail`` at two rates, and mean + 3 sigma. Of these the tail at
10 % was chosen beforehand, in development. Detectors are trained with three seeds, the half for
thresholds stays the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from amiss.decide import decide
from amiss.detect import (
    EventCounts,
    EventSeq2Seq,
    NearestProfile,
    NextEvent,
    NGrams,
    TraceEnsemble,
)
from amiss.detect._base import Detector
from amiss.detect._calibration import Calibration
from amiss.represent.sequences import as_sequences
from amiss.represent.windows import distinct_rows
from amiss.types import Sequences
from benchmarks.figures import Figures, data_dir, parse_arguments

SEEDS = (0, 1, 2)
CHOSEN_ON = ("Adduser", "Hydra_FTP")
STRETCH = 100
RULES = {"tail_5": ("tail", 0.05), "tail_10": ("tail", 0.1), "sigma_3": ("sigma-3", 0.05)}
"""Rule, and the share of normal traces that may be flagged."""

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Data:
    """All traces, and which of them are what."""

    traces: Sequences
    family: NDArray[Any]
    train: NDArray[np.int64]
    threshold: NDArray[np.int64]
    test: NDArray[np.int64]

    @property
    def attack(self) -> NDArray[np.bool_]:
        """Whether each trace is of an attack."""
        return np.asarray(self.family != "normal")

    @property
    def development(self) -> NDArray[np.int64]:
        """What designs were chosen on."""
        return np.append(self.threshold, np.flatnonzero(np.isin(self.family, CHOSEN_ON)))


def read_data(quick: bool) -> Data:
    frame = pl.read_parquet(data_dir() / "adfa-ld" / "adfa_ld.parquet")
    if quick:
        frame = frame.with_row_index().filter(pl.col("index") % 12 == 0)
    split = frame["split"].to_numpy()
    normal = np.random.default_rng(0).permutation(np.flatnonzero(split == "validation"))
    half = len(normal) // 2
    return Data(
        as_sequences(frame["syscalls"]),
        frame["family"].to_numpy(),
        np.flatnonzero(split == "train"),
        np.sort(normal[:half]),
        np.concatenate([np.sort(normal[half:]), np.flatnonzero(split == "attack")]),
    )


@dataclass
class Run:
    """One detector, trained with one seed."""

    name: str
    detector: Detector
    scores: Scores
    fit_cpu_s: float
    score_cpu_s: float


def run_all(data: Data, seed: int, networks: bool, quick: bool) -> Iterator[Run]:
    """Yield each detector, fitted to the traces of ``train``, with the scores of all traces."""
    small: dict[str, Any] = {"epochs": 1} if quick else {}
    members: dict[str, Detector] = {
        "ngram_lm_stretch": NGrams(stretch=STRETCH),
        "profile": NearestProfile(),
        "event_counts_saturated": EventCounts("saturated"),
    }
    fitted = {name: _fitted(name, detector, data, seed) for name, detector in members.items()}
    yield from fitted.values()
    combined: dict[str, Literal["least", "sum"]] = {"ensemble": "least", "ensemble_sum": "sum"}
    for name, how in combined.items():
        yield _together(name, list(fitted.values()), how, data)
    if seed == SEEDS[0]:  # the folds of n-grams are all that a seed changes in these
        yield _fitted("ngram", NGrams(order=7, score="unseen"), data, seed)
        yield _fitted("ngram_lm", NGrams(), data, seed)
        yield _fitted("event_counts", EventCounts(), data, seed)
    if not networks:
        return
    network = EventSeq2Seq(train_stride=2, stretch=STRETCH, **small)
    fitted["seq2seq"] = run = _fitted("seq2seq", network, data, seed)
    yield run
    variants: dict[str, dict[str, Any]] = {
        "seq2seq_mean": {"stretch": None},
        "seq2seq_rate": {"score": "rate"},
    }
    for name, changes in variants.items():
        changed = copy(run.detector)
        changed.set_params(**changes)
        yield _scored(name, changed, data, run.fit_cpu_s)
    yield _together("ensemble_seq2seq", list(fitted.values()), "least", data)
    if seed == SEEDS[0]:
        yield _fitted("next_event", NextEvent(**small), data, seed)


def _together(name: str, runs: list[Run], combine: Literal["least", "sum"], data: Data) -> Run:
    ensemble = _put_together([run.detector for run in runs], combine)
    return _scored(name, ensemble, data, sum(run.fit_cpu_s for run in runs))


def _put_together(members: list[Detector], combine: Literal["least", "sum"]) -> TraceEnsemble:
    """Return what `TraceEnsemble` is once fitted, without training its members again."""
    named = [(member.name, member) for member in members]
    ensemble = TraceEnsemble(members=named, combine=combine)
    ensemble.members_ = named
    ensemble.calibrations_ = [
        Calibration.learn(member.training_score_, member.resolution) for member in members
    ]
    ensemble.offset_ = 0.0
    return ensemble


def _fitted(name: str, detector: Detector, data: Data, seed: int) -> Run:
    if "random_state" in detector.get_params():
        detector.set_params(random_state=seed)
    start = time.process_time()
    detector.fit(data.traces.take(data.train))
    return _scored(name, detector, data, time.process_time() - start)


def _scored(name: str, detector: Detector, data: Data, fit_cpu_s: float) -> Run:
    start = time.process_time()
    scores = detector.anomaly_score(data.traces)
    return Run(name, detector, scores, fit_cpu_s, time.process_time() - start)


def measure(run: Run, data: Data) -> dict[str, float]:
    """Return the figures of one run, those of development among them."""
    found = {"fit_cpu_s": run.fit_cpu_s, "score_cpu_s": run.score_cpu_s}
    for prefix, rows in {"": data.test, "dev_": data.development}.items():
        truth, scores = data.attack[rows], run.scores[rows]
        found[f"{prefix}auc"] = float(roc_auc_score(truth, scores))
        found[f"{prefix}pr_auc"] = float(average_precision_score(truth, scores))
        for word, (rule, rate) in RULES.items():
            limit = decide(run.scores[data.threshold], rate, rule).value
            found[f"{prefix}f1_{word}"] = float(f1_score(truth, scores > limit))
    flagged = {
        word: run.scores > decide(run.scores[data.threshold], rate, rule).value
        for word, (rule, rate) in RULES.items()
    }
    normal = data.test[~data.attack[data.test]]
    for word, verdict in flagged.items():
        found[f"false_{word}"] = float(verdict[normal].mean())
        found[f"recall_{word}"] = float(verdict[data.attack].mean())
    for family in np.unique(data.family[data.attack]):
        own = np.flatnonzero(data.family == family)
        truth = np.repeat([0, 1], [len(normal), len(own)])
        key = str(family).lower()
        found[f"{key}_auc"] = float(roc_auc_score(truth, run.scores[np.append(normal, own)]))
        for word, verdict in flagged.items():
            found[f"{key}_recall_{word}"] = float(verdict[own].mean())
    return found


def savings(figures: Figures, detector: Any, data: Data) -> None:
    """Add how many windows there are, and how many distinct ones are looked at."""
    for key, count in detector.windows_.items():
        figures.add(f"train_windows_{key}", count)
    windows = detector._scoring_windows(data.traces)
    figures.add("score_windows_cut", len(windows.sequence))
    figures.add("score_windows_distinct", len(distinct_rows(windows.source, windows.target)[0]))


def main() -> None:
    torch.set_num_threads(1)
    arguments = parse_arguments(
        __doc__, cheap="measure what needs no network, and keep the other figures as they are"
    )
    quick = arguments.quick
    data = read_data(quick)
    figures = Figures.read("adfa") if arguments.cheap else Figures("adfa")
    runs: dict[str, list[dict[str, float]]] = {}
    for seed in SEEDS[: 1 if quick else None]:
        for run in run_all(data, seed, not arguments.cheap, quick):
            runs.setdefault(run.name, []).append(measure(run, data))
            shown = {key: round(runs[run.name][-1][key], 4) for key in ("auc", "pr_auc", "dev_auc")}
            print(f"  seed {seed} {run.name:<24} {shown}", flush=True)
            if run.name == "seq2seq" and seed == SEEDS[0]:
                savings(figures, run.detector, data)
    add_all(figures, runs, lambda name, key: f"{name}_{key}")
    best = runs["ensemble"]
    for key, own in {"best_auc": "auc", "best_f1_label_free": "f1_tail_10"}.items():
        values = [figures_of[own] for figures_of in best]
        figures.add(key, float(np.mean(values)), values)
    for family in np.unique(data.family[data.attack]):
        values = [found[f"{str(family).lower()}_recall_tail_10"] for found in best]
        figures.add(f"{str(family).lower()}_recall", float(np.mean(values)), values)
        figures.add(f"{str(family).lower()}_traces", int((data.family == family).sum()))
    for part in ("train", "threshold", "test"):
        figures.add(f"{part}_traces", len(getattr(data, part)))
    if not quick:
        figures.write()


def add_all(
    figures: Figures, runs: dict[str, list[dict[str, float]]], key_of: Callable[[str, str], str]
) -> None:
    """Add the mean of each figure over the seeds, and its spread."""
    for name, of_seeds in runs.items():
        for key in of_seeds[0]:
            values = [found[key] for found in of_seeds]
            figures.add(key_of(name, key), float(np.mean(values)), values)


if __name__ == "__main__":
    main()

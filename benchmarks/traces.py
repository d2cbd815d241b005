"""Kernel traces of a simulated real-time system: which files, and which segments, have a fault.

`amiss.simulate_traces` writes ten clean traces, whose sampling becomes faster from one to the next,
and five with a fault that is active in bursts. Detectors learn from clean traces alone, and take
their thresholds from them, out of fold: no trace is in two folds. Judged are other clean traces and
the faulty ones, in segments of 1,000 events. Two splits: every other clean trace is learnt from,
so that judged ones are among them (`between`); and the first six are, so that the judged ones are
faster than any that was learnt from (`beyond`).

`EventSeq2Seq` scores a segment by its mean −ln p or, as the published workflow does, by its
misclassification rate (`rate_`). The threshold is the mean plus 3 standard deviations of the clean
segments, or the tail at one clean segment in a thousand.

A segment is anomalous if the fault is active in a tenth of its events. The truth is the
simulation's own.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

import amiss
from amiss.detect import EventCounts, EventSeq2Seq, NextEvent, NGrams
from amiss.detect._base import Detector
from amiss.represent.source_target import source_target_windows
from amiss.represent.windows import distinct_rows
from amiss.simulate.trace import TRACE_FAULTS, TraceSimulation
from benchmarks.figures import Figures, parse_arguments

SCALE, SEEDS = 0.05, 5
SEGMENT = 1_000
ACTIVE = 0.1
SPLITS = {
    "between": ((1, 3, 5, 7, 9), (2, 4, 6, 8, 10)),
    "beyond": ((1, 2, 3, 4, 5, 6), (7, 8, 9, 10)),
}
"""Numbers of the clean traces that are learnt from, and of those that are judged."""
DETECTORS: dict[str, Callable[[int], Detector]] = {
    "": lambda seed: EventSeq2Seq(random_state=seed),
    "rate_": lambda seed: EventSeq2Seq(score="rate", random_state=seed),
    "next_event_": lambda seed: NextEvent(random_state=seed),
    "n_grams_": lambda seed: NGrams(random_state=seed),
    "event_counts_": lambda _: EventCounts(),
}
"""By what their figures begin with."""
CHEAP = ("n_grams_", "event_counts_")
RULES = ("sigma-3", "tail")
RATE = 0.001


class Judged(NamedTuple):
    """What a model says of the segments, and what is true of them."""

    score: NDArray[np.float64]
    anomalous: NDArray[np.bool_]
    trace: NDArray[Any]
    is_faulty: NDArray[np.bool_]


def main() -> None:
    options = parse_arguments(__doc__, cheap="leave the figures of networks as they are")
    seeds = 1 if options.quick else SEEDS
    scale = 0.02 if options.quick else SCALE
    runs: dict[str, list[float]] = {}
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            made = amiss.simulate_traces(folder, scale=scale, seed=seed)
            for split in SPLITS:
                _run(runs, made, split, seed, CHEAP if options.cheap else tuple(DETECTORS))
    figures = Figures.read("traces") if options.cheap else Figures("traces")
    for name in CHEAP if options.cheap else DETECTORS:
        measured = datetime.now(UTC).isoformat(timespec="minutes")
        figures.parts[name.strip("_") or "event_seq2seq"] = {"at": measured, "runs": seeds}
    figures.add("scale", scale)
    for key, values in runs.items():
        figures.add(key, float(np.mean(values)), values)
    if not options.quick:
        print(f"written: {figures.write()}")


def _run(
    runs: dict[str, list[float]],
    made: TraceSimulation,
    split: str,
    seed: int,
    detectors: Sequence[str],
) -> None:
    learnt, judged = (
        [made.traces / f"clean_{number:02d}.csv" for number in numbers] for numbers in SPLITS[split]
    )
    train = amiss.read_sessions(learnt, segment=SEGMENT)
    faulty = [made.traces / f"{fault}.csv" for fault in TRACE_FAULTS]
    test = amiss.read_sessions([*judged, *faulty], segment=SEGMENT)
    anomalous = _get_truth(made, test)
    assert test.trace is not None
    trace = np.array([Path(name).stem for name in test.trace])
    before = "" if split == "between" else f"{split}_"
    facts = {
        "train_segments": len(train), "test_segments": len(test),
        "anomalous_segments": anomalous.sum(), "clean_files": len(judged),
    }  # fmt: skip
    _note(runs, before, facts)
    for name in detectors:
        make = DETECTORS[name]
        if name == "rate_" and before:
            continue  # to save time
        started = time.process_time()
        model = amiss.fit(train, detector=make(seed), clean=True)
        fitted = time.process_time()
        score = model.score(test)
        scored = time.process_time()
        prefix = f"{before}{name}"
        _note(runs, prefix, {"fit_cpu_s": fitted - started, "score_cpu_s": scored - fitted})
        if isinstance(model.detector, EventSeq2Seq) and not name:
            _note(runs, prefix, _describe(model, test, anomalous, trace))
        segments = Judged(score, anomalous, trace, np.isin(trace, TRACE_FAULTS))
        _note(runs, prefix, {"segment_auc": roc_auc_score(anomalous, score)})
        for rule in RULES:
            cut = model.set_threshold(RATE, rule)
            verdicts = cut.judge_traces(test.trace, score)
            found = {Path(verdict.trace).stem for verdict in verdicts if verdict.is_anomaly}
            after = "" if rule == RULES[0] else f"_{rule}"
            measured = _measure(segments, cut.threshold.value, found)
            _note(runs, prefix, {f"{key}{after}": value for key, value in measured.items()})
        shown = ("files_found", "files_false", "segment_f1", "segment_auc", "fit_cpu_s")
        print(seed, prefix, *(f"{key} {runs[prefix + key][-1]:.3f}" for key in shown), flush=True)


def _describe(
    model: amiss.Model, test: amiss.Sessions, anomalous: NDArray[np.bool_], trace: NDArray[Any]
) -> dict[str, float]:
    """Return how many windows are distinct, and how many events are mispredicted."""
    detector = model.detector
    X, _ = model.sequences(test)
    windows = source_target_windows(
        detector.vocabulary_.encode(X), X.offsets, X.begun, X.ended,
        detector.source_length, detector.target_length, detector.target_length,
    )  # fmt: skip
    first, _, _ = distinct_rows(windows.source, windows.target)
    rate = detector.misclassification_rate(X)
    return {
        "train_windows": detector.windows_["cut"],
        "train_windows_distinct": detector.windows_["distinct"],
        "test_windows": len(windows.sequence),
        "test_windows_distinct": len(first),
        "clean_rate": rate[~np.isin(trace, TRACE_FAULTS)].mean(),
        "anomalous_rate": rate[anomalous].mean(),
    }


def _note(runs: dict[str, list[float]], prefix: str, values: dict[str, Any]) -> None:
    for key, value in values.items():
        runs.setdefault(f"{prefix}{key}", []).append(float(value))


def _get_truth(made: TraceSimulation, segments: amiss.Sessions) -> NDArray[np.bool_]:
    """Return of which segments a tenth of the events lies in the ranges of a fault."""
    ranges = pl.read_csv(made.ranges)
    first, last = segments.line[segments.first], segments.line[segments.last]
    active = np.zeros(len(segments))
    assert segments.trace is not None
    for at, name in enumerate(segments.trace):
        own = ranges.filter(file=Path(name).name)
        low = np.maximum(own["first_row"].to_numpy(), first[at])
        high = np.minimum(own["last_row"].to_numpy(), last[at])
        active[at] = np.maximum(high - low + 1, 0).sum()
    return active >= ACTIVE * (last - first + 1)


def _measure(segments: Judged, cut: float, found: set[str]) -> dict[str, float]:
    flagged = segments.score > cut
    hits = int((flagged & segments.anomalous).sum())
    clean = ~segments.is_faulty
    names = set(segments.trace[clean].tolist())
    return {
        "files_found": len(found & set(TRACE_FAULTS)),
        "files_false": len(found & names),
        "segment_f1": 2 * hits / max(1, int(flagged.sum() + segments.anomalous.sum())),
        "segment_precision": hits / max(1, int(flagged.sum())),
        "segment_recall": hits / int(segments.anomalous.sum()),
        "clean_flagged": float(flagged[clean].mean()),
        **{
            f"{fault}_recall": float(flagged[(segments.trace == fault) & segments.anomalous].mean())
            for fault in TRACE_FAULTS
        },
    }


if __name__ == "__main__":
    main()

"""The loglizer workflow on HDFS_100k: 20 % of the sessions to learn from, the others judged.

Splits are stratified, five seeds. Every threshold is the one of the best F1 on the training
sessions, judged out of fold. Windows are those of the published loaders: every ten events with
the next one, and for each session a last window, padded if it is shorter, before the end. Each
result stands beside the ceiling of its own test set: the best F1 of any method that sees event
ids only, bounded by sessions (windows) that are alike and carry both labels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

import amiss
from amiss.decide import decide
from amiss.detect import EventCounts, EventPair, NextEvent, SessionEnsemble
from amiss.detect._base import Detector
from amiss.run.experiment import run_experiment
from amiss.run.validation import represent
from benchmarks.figures import Figures, data_dir, parse_arguments

RATES = (0.05, 0.01, 0.005, 0.001)


def with_pair() -> SessionEnsemble:
    """Return the ensemble for labelled sessions."""
    return SessionEnsemble(
        [("event counts", EventCounts()), ("next event", NextEvent()), ("event pair", EventPair())]
    )


def main() -> None:
    quick = parse_arguments(__doc__).quick
    seeds = range(1) if quick else range(5)
    path = data_dir() / "hdfs" / "HDFS_100k_sessions.parquet"
    sessions, labels = amiss.read_sessions(path), amiss.read_labels(path)
    figures = Figures("hdfs_100k")

    session_level(figures, sessions, labels, seeds)
    window_level(figures, sessions, labels, seeds)
    contaminated(figures, sessions, labels, seeds)
    deep_loglizer(figures, sessions, labels, pl.read_parquet(path), seeds)
    deeplog(figures, seeds)
    if not quick:
        print(f"wrote {figures.write()}")


def session_level(
    figures: Figures, sessions: amiss.Sessions, labels: dict[str, bool], seeds: range
) -> None:
    detectors: dict[str, str | Detector] = {
        "ensemble with event pair": with_pair(),
        "event pair": EventPair(),
        "next event": NextEvent(),
        "next event top-k": NextEvent(score="rank"),
        "event counts": EventCounts(),
    }
    found = run_experiment(sessions, labels, detectors, seeds=seeds)
    print(found)
    level = found.report["levels"]["session"]
    add(figures, "session_f1_best", level["detectors"]["ensemble with event pair"]["f1"])
    add(figures, "session_f1_event_pair", level["detectors"]["event pair"]["f1"])
    add(figures, "session_f1_next_event", level["detectors"]["next event"]["f1"])
    add(figures, "session_f1_next_event_top_k", level["detectors"]["next event top-k"]["f1"])
    add(figures, "session_f1_event_counts", level["detectors"]["event counts"]["f1"])
    add(figures, "session_f1_new_count_vector", level["baselines"]["new counts"]["f1"])
    add(figures, "session_f1_new_2gram", level["baselines"]["new 2-gram"]["f1"])
    add(figures, "session_f1_new_length", level["baselines"]["new length"]["f1"])
    add(figures, "session_f1_new_event", level["baselines"]["new event"]["f1"])
    add(figures, "ceiling_session_f1", level["ceilings"]["ceiling"])
    for row in level["detectors"]["next event top-k"]["top_k"]:
        add(figures, f"top_{row['k']}_session_f1", row["f1"])
    for name, title in (("event pair", "event_pair"), ("next event", "next_event")):
        add(figures, f"fit_cpu_s_{title}", level["detectors"][name]["fit_cpu_s"])


def window_level(
    figures: Figures, sessions: amiss.Sessions, labels: dict[str, bool], seeds: range
) -> None:
    detectors: dict[str, str | Detector] = {
        "next event": NextEvent(),
        "event pair": EventPair(context=False),
        "event pair with session": EventPair(),
    }
    found = run_experiment(sessions, labels, detectors, seeds=seeds, levels=["window"])
    print(found)
    level = found.report["levels"]["window"]
    alone, within = (level["ceilings"][name] for name in ("ceiling", "ceiling_in_session"))
    blind, pair, seeing = (level["detectors"][name]["f1"] for name in detectors)
    add(figures, "window_f1_next_event", blind)
    add(figures, "window_f1_event_pair", pair)
    add(figures, "window_f1_context", seeing)
    add(figures, "window_f1_new_2gram", level["baselines"]["new 2-gram"]["f1"])
    add(figures, "window_f1_new_window", level["baselines"]["new window"]["f1"])
    add(figures, "ceiling_window_f1", alone)
    add(figures, "ceiling_window_in_session_f1", within)
    add(figures, "window_ceiling_ratio_next_event", ratios(blind, alone))
    add(figures, "window_ceiling_ratio_context", ratios(seeing, alone))
    add(figures, "window_in_session_ceiling_ratio_context", ratios(seeing, within))


def contaminated(
    figures: Figures, sessions: amiss.Sessions, labels: dict[str, bool], seeds: range
) -> None:
    """Learn from the training part as it is, anomalies included, no label looked at."""
    detectors: dict[str, str | Detector] = {
        "session ensemble": SessionEnsemble(), "next event": NextEvent(),
    }  # fmt: skip
    found = run_experiment(sessions, labels, detectors, seeds=seeds, use_labels=False)
    print(found)
    level = found.report["levels"]["session"]["detectors"]
    add(figures, "session_f1_contaminated", level["session ensemble"]["f1"])
    add(figures, "session_f1_contaminated_next_event", level["next event"]["f1"])


def deep_loglizer(
    figures: Figures,
    sessions: amiss.Sessions,
    labels: dict[str, bool],
    table: pl.DataFrame,
    seeds: range,
) -> None:
    """Judge by the split that deep-loglizer publishes with the file."""
    part = dict(zip(table["session_id"], table["split_deeploglizer"], strict=True))
    train = np.array([part[session] == "train" for session in sessions.ids])
    detectors: dict[str, str | Detector] = {
        "ensemble with event pair": with_pair(),
        "event pair": EventPair(),
        "event counts": EventCounts(),
    }
    found = run_experiment(sessions, labels, detectors, train=train, seeds=seeds)
    print(found)
    level = found.report["levels"]["session"]
    add(figures, "deeploglizer_split_f1", level["detectors"]["ensemble with event pair"]["f1"])
    add(figures, "deeploglizer_split_f1_event_pair", level["detectors"]["event pair"]["f1"])
    add(figures, "deeploglizer_split_f1_event_counts", level["detectors"]["event counts"]["f1"])
    add(figures, "deeploglizer_split_f1_new_counts", level["baselines"]["new counts"]["f1"])
    add(figures, "deeploglizer_split_ceiling", level["ceilings"]["ceiling"])


def deeplog(figures: Figures, seeds: range) -> None:
    """Learn from four fifths of DeepLog's normal sessions; judge the rest and the abnormal ones."""
    folder = data_dir() / "hdfs" / "deeplog"
    normal = amiss.read_sessions(folder / "hdfs_train.gz")
    abnormal = amiss.read_sessions(folder / "hdfs_test_abnormal.gz")
    taught = represent(normal, dict.fromkeys(normal.ids, False))[0]
    strange = represent(abnormal, dict.fromkeys(abnormal.ids, True))[0]
    runs: dict[str, list[float]] = {}
    for seed in seeds:
        held_out = np.random.default_rng(seed).random(len(taught)) < 0.2
        for name, detector in (
            ("next_event", NextEvent(random_state=seed)),
            ("rank", NextEvent(score="rank", random_state=seed)),
            ("counts", EventCounts()),
        ):
            detector.fit(taught.take(~held_out))
            usual = detector.anomaly_score(taught.take(held_out))
            odd = detector.anomaly_score(strange)
            cuts = (
                [(f"top_{k}", k - 1.0) for k in (1, 3, 5, 7, 9)]
                if name == "rank"
                else [
                    (f"{name}_{rate:g}", decide(detector.training_score_, rate).value)
                    for rate in RATES
                ]
            )
            for cut_name, cut in cuts:
                runs.setdefault(f"deeplog_recall_{cut_name}", []).append((odd > cut).mean())
                runs.setdefault(f"deeplog_false_{cut_name}", []).append((usual > cut).mean())
    for key, values in runs.items():
        figures.add(key, float(np.mean(values)), values)


def ratios(found: dict[str, Any], ceiling: dict[str, Any]) -> dict[str, Any]:
    """Return F1 over ceiling, split by split."""
    values = [a / b for a, b in zip(found["values"], ceiling["values"], strict=True)]
    return {"mean": float(np.mean(values)), "values": values}


def add(figures: Figures, key: str, spread: dict[str, Any]) -> None:
    figures.add(key, spread["mean"], spread["values"])


if __name__ == "__main__":
    main()

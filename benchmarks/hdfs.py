"""Raw HDFS log in, findings out: detection with and without labels, and speed.

Nothing is chosen on test labels: thresholds come from out-of-fold scores of the sessions learnt
from, by the default rule and rate.
"""

from __future__ import annotations

import gzip
import re
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, f1_score

import amiss
from amiss.decide import tail_threshold
from amiss.detect._baselines import baseline_scores
from amiss.detect.session_ensemble import SessionEnsemble
from amiss.run.evaluate import error_lines
from amiss.run.pipeline import FALSE_ALARM_RATE, fit, scan
from amiss.types import Sequences
from benchmarks.figures import Figures, cpu_seconds, data_dir, parse_arguments

SEEDS = range(5)
KEY = r"blk_-?\d+"
CUT_LINES = 100_000
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def main() -> None:
    quick = parse_arguments(__doc__).quick
    folder = data_dir() / "hdfs"
    log, label_file = folder / "HDFS.log.gz", folder / "anomaly_label.csv"
    labels = amiss.read_labels(label_file)
    sessions = amiss.read_sessions(log, session_key=KEY)
    truth = np.array([labels[session] for session in sessions.ids])
    figures = Figures("hdfs")

    random_halves(figures, sessions, truth, labels, range(1) if quick else SEEDS)
    halves_in_time(figures, sessions, truth, labels)
    unsupervised(figures, sessions, truth, range(1) if quick else SEEDS)
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch, "HDFS.log")
        plain.write_bytes(gzip.decompress(log.read_bytes()))
        cut_sessions(figures, sessions, plain, labels, Path(scratch))
        speed(figures, log, plain, 1 if quick else 5)
    if not quick:
        print(f"wrote {figures.write()}")


def random_halves(
    figures: Figures,
    sessions: amiss.Sessions,
    truth: Bools,
    labels: dict[str, bool],
    seeds: range,
) -> None:
    """Fit on the normal sessions of one half, detect on the other."""
    runs: dict[str, list[float]] = {}
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(len(sessions))
        half = len(sessions) // 2
        train, test = np.sort(order[:half]), np.sort(order[half:])
        _judge(runs, sessions, truth, labels, train, test, seed)
    f1, ap, false = runs["ensemble_semi_f1"], runs["semi_ap"], runs["semi_false_alarm_rate"]
    figures.add("semi_f1_mean", float(np.mean(f1)), f1)
    figures.add("semi_f1_min", min(f1))
    figures.add("semi_ap_mean", float(np.mean(ap)), ap)
    figures.add("semi_false_alarm_rate", float(np.mean(false)), false)
    for key, values in runs.items():
        if key.endswith("_semi_f1") and key != "ensemble_semi_f1":
            figures.add(key, float(np.mean(values)), values)


def halves_in_time(
    figures: Figures, sessions: amiss.Sessions, truth: Bools, labels: dict[str, bool]
) -> None:
    """Fit on the normal sessions that began in the first half of the file."""
    order = np.argsort(sessions.line[sessions.first], kind="stable")
    half = len(sessions) // 2
    runs: dict[str, list[float]] = {}
    _judge(runs, sessions, truth, labels, order[:half], order[half:], 0)
    figures.add("time_f1", runs["ensemble_semi_f1"][0])
    figures.add("time_ap", runs["semi_ap"][0])
    figures.add("time_false_alarms", runs["false_alarms"][0])
    figures.add("time_missed", runs["missed"][0])


def _judge(
    runs: dict[str, list[float]],
    sessions: amiss.Sessions,
    truth: Bools,
    labels: dict[str, bool],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    seed: int,
) -> None:
    model = fit(sessions[train], labels, random_state=seed)
    sequences, _ = model.sequences(sessions[test])
    scores, known = model.detector.anomaly_score(sequences), truth[test]
    flagged = scores > model.threshold.value

    def note(key: str, value: float) -> None:
        runs.setdefault(key, []).append(value)

    note("ensemble_semi_f1", f1_score(known, flagged))
    note("semi_ap", average_precision_score(known, scores))
    note("false_alarms", float((flagged & ~known).sum()))
    note("missed", float((~flagged & known).sum()))
    note("semi_false_alarm_rate", float(flagged[~known].mean()))
    normal = ~truth[train]
    for name, member in model.detector.members_:
        cut = tail_threshold(member.training_score_[normal], FALSE_ALARM_RATE).value
        alone = member.anomaly_score(sequences) > cut
        note(f"{name.replace(' ', '_')}_semi_f1", f1_score(known, alone))
    learnt, _ = model.sequences(sessions[train[normal]])
    trivial = baseline_scores(learnt, sequences)
    trivial["any ERROR line"] = error_lines(sessions[test])
    for name, values in trivial.items():
        key = name.lower().replace(" ", "_").replace("-", "")
        note(f"{key}_semi_f1", f1_score(known, values > 0, zero_division=0.0))


def unsupervised(figures: Figures, sessions: amiss.Sessions, truth: Bools, seeds: range) -> None:
    """Scan the whole file, no label used."""
    runs: dict[str, list[float]] = {"ap": [], "f1": [], "p": []}
    for seed in seeds:
        scores, threshold = _scan_scores(sessions, seed)
        runs["ap"].append(average_precision_score(truth, scores))
        runs["f1"].append(f1_score(truth, scores > threshold))
        top = np.argsort(-scores, kind="stable")[:250]
        runs["p"].append(truth[top].mean())
    # The figures are those of the default seed, which is what a user gets; the spread is beside.
    figures.add("unsup_ap", runs["ap"][0], runs["ap"])
    figures.add("unsup_f1", runs["f1"][0], runs["f1"])
    figures.add("unsup_precision_at_250", runs["p"][0], runs["p"])


def _scan_scores(sessions: amiss.Sessions, seed: int) -> tuple[Floats, float]:
    findings = scan(sessions, random_state=seed)
    return findings.scores, findings.threshold.value


def cut_sessions(
    figures: Figures, whole: amiss.Sessions, plain: Path, labels: dict[str, bool], scratch: Path
) -> None:
    """Judge the first 100,000 lines: with sessions cut by the end told apart, and without.

    Fitted on the normal sessions of one random half of the whole file, applied to those sessions
    of the other half that the first 100,000 lines hold, complete or not.
    """
    head = scratch / "head.log"
    with plain.open("rb") as source, head.open("wb") as target:
        target.writelines(line for line, _ in zip(source, range(CUT_LINES), strict=False))
    cut = amiss.read_sessions(head, session_key=KEY)
    order = np.random.default_rng(0).permutation(len(whole))
    train = whole[np.sort(order[: len(whole) // 2])]
    test = cut[~cut.ids.is_in(train.ids.to_list()).to_numpy()]
    truth = np.array([labels[session] for session in test.ids])
    normal = np.array([not labels[session] for session in train.ids])

    model = fit(train, labels)
    taught, seen = model.sequences(train)[0], model.sequences(test)[0]
    figures.add("cut_sessions_open", float((~seen.complete).sum()))
    for suffix, told_apart in (("", True), ("_naive", False)):
        if not told_apart:
            taught, seen = _all_complete(taught), _all_complete(seen)
        detector = SessionEnsemble(random_state=0).fit(taught, np.where(normal, 0, 1))
        threshold = tail_threshold(detector.training_score_[normal], FALSE_ALARM_RATE)
        flagged = detector.anomaly_score(seen) > threshold.value
        figures.add(f"cut_false_alarms{suffix}", float((flagged & ~truth).sum()))
        figures.add(f"cut_missed{suffix}", float((~flagged & truth).sum()))

    findings = scan(cut)
    truth = np.array([labels[session] for session in cut.ids])
    flagged = findings.scores > findings.threshold.value
    figures.add("cut_scan_false_alarms", float((flagged & ~truth).sum()))
    figures.add("cut_scan_missed", float((~flagged & truth).sum()))


def _all_complete(sequences: Sequences) -> Sequences:
    everything = np.ones(len(sequences), dtype=np.bool_)
    return replace(sequences, begun=everything, ended=everything)


def speed(figures: Figures, log: Path, plain: Path, runs: int) -> None:
    """CPU seconds of whole commands, and lines a CPU second beside Drain3, in turn."""
    amiss_command = [sys.executable, "-m", "amiss.cli"]
    scans = [
        cpu_seconds([*amiss_command, "scan", str(log), "--session-key", KEY]) for _ in range(runs)
    ]
    figures.add("scan_cpu_s", float(np.median(scans)), scans)
    helps = [cpu_seconds([*amiss_command, "--help"]) for _ in range(runs)]
    figures.add("help_cpu_s", float(np.median(helps)), helps)

    lines = sum(1 for _ in plain.open("rb"))
    ours: list[float] = []
    peer: list[float] = []
    amiss.read_sessions(plain, session_key=KEY)  # first use starts polars' threads
    for _ in range(runs):
        started = time.process_time()
        amiss.read_sessions(plain, session_key=KEY)
        ours.append(lines / (time.process_time() - started))
        if (rate := _drain3_lines_per_cpu_second(plain)) is not None:
            peer.append(rate)
    figures.add("ingest_lines_per_cpu_s", float(np.median(ours)), ours)
    figures.add("drain3_masked_lines_per_cpu_s", float(np.median(peer)) if peer else None, peer)
    ratios = [our / their for our, their in zip(ours, peer, strict=False)]
    figures.add("ingest_ratio_drain3", float(np.median(ratios)) if ratios else None, ratios)


def _drain3_lines_per_cpu_second(plain: Path, most: int = 50_000) -> float | None:
    """Mine the messages of the first lines with Drain3 and masks equivalent to ours."""
    try:
        from drain3 import TemplateMiner
        from drain3.masking import MaskingInstruction
        from drain3.template_miner_config import TemplateMinerConfig
    except ImportError:
        return None
    config = TemplateMinerConfig()
    config.masking_instructions = [
        MaskingInstruction(r"blk_-?\d+", "ID"),
        MaskingInstruction(r"/?\d+\.\d+\.\d+\.\d+(:\d+)?", "IP"),
        MaskingInstruction(r"(/[^\s/]+){2,}/\S*\d\S*", "PATH"),
        MaskingInstruction(r"\b\d+\b", "NUM"),
    ]
    miner = TemplateMiner(config=config)
    header = re.compile(r"^\d+ \d+ \d+ [A-Z]+ [^\s:]+: (.*)$")
    with plain.open(encoding="utf-8") as file:
        head = [line for line, _ in zip(file, range(most), strict=False)]
    started = time.process_time()
    for line in head:
        match = header.match(line)
        miner.add_log_message(match[1] if match else line)
    return len(head) / (time.process_time() - started)


if __name__ == "__main__":
    main()

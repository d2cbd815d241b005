"""Kernel traces: learn from clean runs of a real-time system, judge other runs, show where and why.

    python examples/kernel_traces.py [--out FOLDER] [--scale SHARE]

The traces are simulated: ten clean ones, five with a fault. Every other clean one is learnt from.
Plots need matplotlib: pip install 'amiss[plot]'.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import amiss
from amiss.detect import EventSeq2Seq
from amiss.present.plots import plot_attention, plot_rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=0.02, help="length, as a share of full size")
    parser.add_argument("--out", type=Path, default=Path("kernel_traces"), help="where to write")
    options = parser.parse_args()

    made = amiss.simulate_traces(options.out, scale=options.scale, seed=1)
    files = sorted(made.traces.iterdir())
    learnt = [file for file in files if file.stem[-1] in "13579" and "clean" in file.stem]
    train = amiss.read_sessions(learnt)  # in segments of 1,000 events
    test = amiss.read_sessions([file for file in files if file not in learnt])

    # Mean plus three standard deviations of the rates of clean segments, each judged by a network
    # that has seen nothing of its trace.
    detector = EventSeq2Seq(score="rate", random_state=0)
    model = amiss.fit(train, detector=detector, clean=True, rule="sigma-3")
    findings = model.detect(test)
    print(findings)
    verdicts = pl.DataFrame(findings.traces)
    print(verdicts.with_columns(pl.col("trace").str.split("/").list.last()))

    # The rates of all segments, those shaded in which a fault is active by the simulation's truth.
    ranges = pl.read_csv(made.ranges)
    first, last = test.line[test.first], test.line[test.last]
    trace = np.array(test.trace)
    rates = []
    for verdict in findings.traces:
        file = Path(verdict.trace)
        own = trace == verdict.trace
        active = np.zeros(verdict.segments, np.bool_)
        for begin, end in ranges.filter(file=file.name)["first_row", "last_row"].iter_rows():
            active |= (first[own] <= end) & (last[own] >= begin)
        rates.append((file.stem, findings.scores[own], active))
    save(plot_rates(rates, findings.threshold.value)[0], options.out / "rates.png")

    # What the worst window of the worst segment looked at.
    sequences, _ = model.sequences(test)
    windows = detector.predict_windows(sequences.take(findings.scores.argsort()[-1:]))
    missed = ((windows.target != windows.predicted) & windows.counted).sum(axis=1)
    worst = np.argmax(missed * (windows.source >= 0).all(axis=1))
    tokens = [*detector.vocabulary_.tokens, "no known event"]
    read, came, predicted = (
        [str(tokens[max(event, -1)]) for event in events[worst]]
        for events in (windows.source, windows.target, windows.predicted)
    )
    save(
        plot_attention(windows.attention[worst], read, came, predicted), options.out / "window.png"
    )


def save(ax: Any, path: Path) -> None:
    ax.figure.savefig(path, bbox_inches="tight")
    print(f"written: {path}")


if __name__ == "__main__":
    main()

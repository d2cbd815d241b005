"""Sensor series: learn the first rows of a file, find intervals in the rest, label in two stages.

    python examples/sensor_series.py [--file CSV] [--plots FOLDER]

Takes a file of SKAB (a test bench of pumps and valves) from the folder that AMISS_DATA names, or
generates a series like it. Plots need matplotlib: pip install 'amiss[plot]'.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

import amiss
from amiss.detect import LSTMAutoencoder, TwoStageLabeler, VectorAutoregression
from amiss.present import plots
from amiss.types import Table, Timeline

LEARNT = 400
"""Rows at the start of each file that are known to be normal, as SKAB's own protocol has it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(os.environ.get("AMISS_DATA", ""), "skab", "valve1", "0.csv")
    parser.add_argument("--file", type=Path, default=default, help="a series with labels")
    parser.add_argument("--plots", type=Path, help="folder for the pictures")
    options = parser.parse_args()
    series = amiss.read_series(options.file) if options.file.is_file() else generate()
    rows = np.arange(len(series))
    calm, rest = series.take(rows < LEARNT), series.take(rows >= LEARNT)

    for detector in (VectorAutoregression(), LSTMAutoencoder(random_state=0)):
        model = amiss.fit(calm, detector=detector)
        print(model.detect(rest))
        report = amiss.evaluate(model, rest)
        shares = (report["f1"], report["false_alarm_rate"], report["missing_rate"])
        print("F1 {:.2f}, {:.0%} false alarms, {:.0%} missed".format(*shares), end="")
        print(f", VUS-PR {report['vus_pr']:.2f}: row by row, never point-adjusted\n")

    # No row known to be normal: two stages label all of the file. They may agree and be wrong.
    labeler = TwoStageLabeler(contamination=0.02, random_state=0).fit(series)
    labels = labeler.labels_
    both, either = (labels.first & labels.second).sum(), (labels.first | labels.second).sum()
    print(f"two stages label {labels.first.sum()} and {labels.second.sum()} rows, ", end="")
    print(f"{both} of {either} alike: agreement, not accuracy")

    if options.plots:
        options.plots.mkdir(parents=True, exist_ok=True)
        assert rest.row is not None
        judged, worst = model.detector.judge(rest), model.detect(rest, top=1)[0]
        first, last = np.searchsorted(rest.row, worst.locations[0][1:]).tolist()
        score, cut = labels.second_score, labeler.second_threshold_
        pictures = {
            "error": plots.plot_score_over_time(
                judged.score, rest, model.threshold.value, rest.label
            ),
            "interval": plots.plot_interval(rest, judged, first, last),
            "contributions": plots.plot_contributions(worst),
            "projection": plots.plot_projection(labels.projection, labels.first),
            "stages": plots.plot_stage_confusion(labels.first, labels.second),
            "second_stage": plots.plot_score_over_time(score, series, cut, series.label),
            "precision_recall": plots.plot_precision_recall(labeler.curve_, cut),
        }
        for name, axes in pictures.items():
            figure = np.ravel(np.asarray(axes, dtype=object))[0].figure
            figure.savefig(options.plots / f"{name}.png", bbox_inches="tight")
        print(f"{len(pictures)} pictures in {options.plots}")


def generate(n: int = 1200, seed: int = 0) -> Table:
    """Return a series like those of SKAB: a pump, of which a valve closes after two thirds."""
    rng = np.random.default_rng(seed)
    fault = (np.arange(n) >= 2 * n // 3) & (np.arange(n) < 9 * n // 10)
    flow = 32 + rng.normal(0, 0.5, n) - 1.5 * fault
    pressure = 0.4 + 0.02 * (32 - flow) + rng.normal(0, 0.2, n)
    temperature = 70 + np.cumsum(rng.normal(0, 0.02, n))
    current = 2.2 + 0.1 * (flow - 32) + rng.normal(0, 0.1, n)
    time = 1_581_168_647_000 + 1000 * np.arange(n)
    return Table(
        np.column_stack([flow, pressure, temperature, current]),
        ("flow", "pressure", "temperature", "current"),
        fault.astype(np.int64),
        row=np.arange(1, n + 1),
        timeline=Timeline(time, np.zeros(n, dtype=np.int64)),
    )


if __name__ == "__main__":
    main()

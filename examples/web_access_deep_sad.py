"""Access logs: learn from traffic and a few labelled windows of a scan, report another scan.

    python examples/web_access_deep_sad.py [--normal LOG] [--scan LOG] [--judge LOG] [--out FOLDER]

By default the three logs are those in the folder weblog of the one that AMISS_DATA names.
Attributions need captum, the plot matplotlib: pip install 'amiss[explain,plot]'.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np

import amiss
from amiss import Activity
from amiss.present.plots import plot_training
from amiss.present.report import report_to_csv


def main() -> None:
    folder = Path(os.environ.get("AMISS_DATA", "data")) / "weblog"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--normal", type=Path, default=folder / "access_normal.log.gz")
    parser.add_argument("--scan", type=Path, default=folder / "scan_acunetix.log.gz")
    parser.add_argument("--judge", type=Path, default=folder / "scan_w3af.log.gz")
    parser.add_argument("--out", type=Path, default=Path("web_access"), help="folder to write to")
    options = parser.parse_args()

    # What each client did in windows of ten seconds.
    normal, scan, judged = (
        amiss.read_activity(log, by="client", every="10s")
        for log in (options.normal, options.scan, options.judge)
    )
    activity = Activity.concat([normal, scan])
    print(f"learnt from: {normal} and {scan}\njudged: {judged}")

    # Of the scan, one window in twenty is labelled; nothing is known of all others.
    labels = np.full(len(activity), -1)
    labels[len(normal) :: 20] = 1
    model = amiss.fit(activity, labels, detector="deep-sad")
    print(f"{model}, {(labels == 1).sum()} windows labelled\n")

    findings = model.detect(judged)
    print(findings)
    if findings:
        print(f"\n{findings[0].explain()}\n")

    # The parts of all columns in the scores of all that was flagged.
    assert model.space is not None
    mean = model.attribute(judged).values.mean(axis=0)
    print("what adds most to the scores of all of them, on average")
    for column in np.argsort(-mean)[:5]:
        print(f"{mean[column]:8.1f}  {model.space.describe(model.info['columns'][column])}")

    # With a column `verdict` added, this file is labels for the next fit.
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "report.csv").write_text(report_to_csv(findings.report(top_k=3)))
    model.save(options.out / "web_access.amiss")
    figure: Any = plot_training(model.detector.history_).figure
    figure.savefig(options.out / "training.png", bbox_inches="tight")
    print(f"\nreport, model and picture of the training in {options.out}")


if __name__ == "__main__":
    main()

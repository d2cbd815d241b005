"""KDD Cup 99: learn normal connections, decide a threshold, look at what is flagged.

    python examples/kdd99_outliers.py [--rows N] [--plots FOLDER]

Needs the data: in the folder that AMISS_DATA names, or downloaded once with --download. Plots need
matplotlib: pip install 'amiss[plot]'.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.metrics import f1_score, roc_auc_score

import amiss
from amiss.detect import AEGMM, VAE, VAEGMM
from amiss.detect._table_baselines import table_baseline_scores
from amiss.present import plots


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000, help="normal rows to learn from")
    parser.add_argument("--plots", type=Path, help="folder for the pictures")
    parser.add_argument("--download", action="store_true")
    options = parser.parse_args()
    data = amiss.load_kdd99(download=options.download)
    assert data.label is not None
    print(f"{len(data):,} rows, {int(data.label.sum()):,} of them attacks")

    # Duplicates stay on one side: the same row must not be learnt from and judged.
    rng = np.random.default_rng(0)
    _, kind = np.unique(data.values, axis=0, return_inverse=True)
    learnt_kinds = rng.random(int(kind.max()) + 1) < 0.6
    normal = data.label == 0
    train = data.take(rng.permutation(np.flatnonzero(normal & learnt_kinds[kind]))[: options.rows])
    rest = data.take(np.flatnonzero(~normal | ~learnt_kinds[kind]))

    calibration = amiss.create_outlier_batch(rest, 1_000, 5, random_state=1)
    test = amiss.create_outlier_batch(rest, 1_000, 10, random_state=2)
    assert test.label is not None
    rows, scores = [], {}
    detectors = {"vae": VAE(random_state=0), "aegmm": AEGMM(random_state=0)}
    for name, detector in {**detectors, "vaegmm": VAEGMM(random_state=0)}.items():
        # Of a batch in which one row in twenty is odd, 95 % lie below the threshold.
        detector.fit(train).infer_threshold(calibration, threshold_perc=95)
        scores[name] = detector.anomaly_score(test)
        f1 = f1_score(test.label, detector.is_anomaly(test))
        rows.append({"detector": name, "f1": f1, "auc": roc_auc_score(test.label, scores[name])})
    both = np.concatenate([calibration.values, test.values])
    for name, score in table_baseline_scores(train.values, both, random_state=0).items():
        scores[name] = score[len(calibration) :]
        threshold = np.percentile(score[: len(calibration)], 95)
        f1 = f1_score(test.label, scores[name] > threshold)
        rows.append({"detector": name, "f1": f1, "auc": roc_auc_score(test.label, scores[name])})
    with pl.Config(tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True):
        print(pl.DataFrame(rows).with_columns(pl.col("f1", "auc").round(4)))
    print("One draw moves F1 by 0.03 and more; docs/outliers.md has a hundred of each.\n")

    # The same as a model: a false-alarm rate decides, and findings say which columns deviate.
    model = amiss.fit(train, detector=VAE(random_state=0), false_alarm_rate=0.01)
    print(model.detect(test))

    if options.plots:
        detector = detectors["vae"]
        options.plots.mkdir(parents=True, exist_ok=True)
        judged = detector.judge(test)
        pictures = {
            "scores": plots.plot_scores(judged, test.kind),
            "features": plots.plot_feature_outliers(judged, max_instances=3, top_n=8),
            "roc": plots.plot_roc((test.label, scores)),
            "encoding": plots.plot_encoding(
                detector.transform(test), detector.recon_features(test), test.kind
            ),
            "confusion": plots.plot_confusion(test.label, judged.is_anomaly),
            "training": plots.plot_training(detector.history_),
        }
        for name, axes in pictures.items():
            figure = np.ravel(np.asarray(axes))[0].figure
            figure.savefig(options.plots / f"{name}.png", bbox_inches="tight")
        print(f"{len(pictures)} pictures in {options.plots}")


if __name__ == "__main__":
    main()

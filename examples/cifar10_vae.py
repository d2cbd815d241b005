"""CIFAR-10: a VAE learns clean images; masks of noise are found, and shown where they are.

    python examples/cifar10_vae.py [--images N] [--epochs N] [--plots FOLDER]

Needs the data: in the folder that AMISS_DATA names, or downloaded once with --download; and
pip install 'amiss[images,plot]'. The mask study is that of the published example: ten sizes from 2
to 20, twenty masks on each of fifty images.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

import amiss
from amiss.detect import VAE
from amiss.present import plots

SIZES = range(2, 21, 2)
SHARES = (20, 40, 60, 80, 100)
"""Percentages of the pixels, the most deviating ones, that make the score."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5_000, help="images to learn from")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--masks", type=int, default=20, help="masks an image and size")
    parser.add_argument("--plots", type=Path, default=Path("cifar10-plots"))
    parser.add_argument("--download", action="store_true")
    options = parser.parse_args()
    train = amiss.load_cifar10(limit=options.images, download=options.download)
    test = amiss.load_cifar10(split="test", limit=1_000, download=options.download)

    # The threshold is found on other images than were learnt from, so no folds are needed.
    detector = VAE(epochs=options.epochs, folds=0, random_state=0).fit(train)
    detector.infer_threshold(test.pixels[:500], threshold_perc=95)
    clean = test.take(np.arange(500, 1_000))
    usual = detector.anomaly_score(clean)
    print(
        f"learnt from {len(train):,} images; mean squared error on others "
        f"{detector.error_score(clean).mean():.4f}"
    )

    images = clean.take(np.arange(50))
    rows = []
    by_size = np.empty((len(SIZES), len(images)))
    by_share = {f"{share} %": np.empty((len(SIZES), len(images))) for share in SHARES}
    for at, size in enumerate(SIZES):
        repeated = np.repeat(images.pixels, options.masks, axis=0)
        masked = amiss.apply_mask(repeated, size, noise="normal", random_state=size).pixels
        score = detector.anomaly_score(masked)
        by_size[at] = score.reshape(len(images), -1).mean(axis=1)
        for share, means in zip(SHARES, by_share.values(), strict=True):
            of_share = detector.error_score(masked, outlier_perc=share)
            means[at] = of_share.reshape(len(images), -1).mean(axis=1)
        truth = np.repeat([0, 1], [len(usual), len(score)])
        auc = roc_auc_score(truth, np.concatenate([usual, score]))
        flagged = float((score > -detector.offset_).mean())
        rows.append({"mask": f"{size} × {size}", "auc": auc, "flagged": flagged})
    with pl.Config(tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, tbl_rows=20):
        print(pl.DataFrame(rows).with_columns(pl.col("auc", "flagged").round(3)))
    print(f"{(usual > -detector.offset_).mean():.1%} of clean images are flagged")

    masked = amiss.apply_mask(images.pixels, 8, noise="normal", random_state=0).pixels
    half = np.concatenate([images.pixels[:25], masked[25:]])
    truth = np.repeat([0, 1], 25)
    judged = detector.judge(half)
    pictures = {
        "scores": plots.plot_scores(judged, truth),
        "images": plots.plot_image_outliers(judged, max_instances=5),
        "clean": plots.plot_image_outliers(detector.judge(images.pixels[:3])),
        "mask-size": plots.plot_score_by_mask_size(SIZES, by_size, threshold=-detector.offset_),
        "mask-size-by-share": plots.plot_score_by_mask_size(SIZES, by_share),
        "confusion": plots.plot_confusion(truth, judged.is_anomaly, ("clean", "masked")),
        "training": plots.plot_training(detector.history_),
    }
    options.plots.mkdir(parents=True, exist_ok=True)
    for name, axes in pictures.items():
        figure = np.ravel(np.asarray(axes))[0].figure
        figure.savefig(options.plots / f"{name}.png", bbox_inches="tight")
    print(f"{len(pictures)} pictures in {options.plots}")


if __name__ == "__main__":
    main()

"""VAE on CIFAR-10: masks that are noise against clean images, and where the noise is.

Trained on the first images of the training file. Clean images are the first thousand of the test
file, masked ones the second thousand, so no image is in both; a mask is one square at a random
place, normal noise added and clipped, as in the published study, or uniform noise added. Thresholds
of pixels come from the training images. What is odd was chosen on images of the training file that
were not learnt from: the share of pixels that the score looks at, and the size of the network.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

import amiss
from amiss.detect import VAE
from amiss.detect._table_baselines import table_baseline_scores
from benchmarks.figures import Figures, data_dir, parse_arguments

SIZES = (4, 8, 12, 20)
IMAGES, EPOCHS = 20_000, 20
Pixels = NDArray[np.float32]


def main() -> None:
    quick = parse_arguments(__doc__).quick
    figures = Figures("cifar10")
    folder = data_dir() / "cifar10"
    train = amiss.load_cifar10(folder, limit=1_000 if quick else IMAGES)
    test = amiss.load_cifar10(folder, split="test", limit=400 if quick else None)
    detector = VAE(epochs=2 if quick else EPOCHS, folds=0, random_state=0)
    started, cpu = time.perf_counter(), time.process_time()
    detector.fit(train)
    figures.add("train_minutes", (time.perf_counter() - started) / 60)
    figures.add("train_cpu_minutes", (time.process_time() - cpu) / 60)
    figures.add("train_images", len(train))
    figures.add("train_epochs", len(detector.history_))
    cpu = time.process_time()
    error = detector.error_score(test)
    figures.add("score_images_per_cpu_s", len(test) / (time.process_time() - cpu))
    figures.add("test_mse", float(error.mean()))
    figures.add("train_mse", float(detector.error_score(train.pixels[:2_000]).mean()))

    n = len(test) // 2 if quick else 1_000
    clean, others = test.pixels[:n], test.pixels[n : 2 * n]
    masks(figures, detector, clean, others)
    baselines(figures, train.pixels[:5_000], clean, others)
    saved(figures, detector, clean)
    if not quick:
        print(f"wrote {figures.write()}")


def masks(figures: Figures, detector: VAE, clean: Pixels, others: Pixels) -> None:
    usual = {"": detector.anomaly_score(clean), "_all_pixels": detector.error_score(clean)}
    noises: tuple[tuple[Literal["normal", "uniform"], str], ...] = (
        ("normal", ""),
        ("uniform", "_uniform"),
    )
    for noise, suffix in noises:
        overlaps = []
        for size in SIZES:
            masked = amiss.apply_mask(others, size, noise=noise, random_state=size)
            judged = detector.judge(masked.pixels)
            scores = {"": judged.score, "_all_pixels": detector.error_score(masked.pixels)}
            for kind, score in scores.items():
                figures.add(f"mask_auc_{size}{suffix}{kind}", auc(usual[kind], score))
            overlap = intersection(judged.feature_is_anomaly, masked.mask)
            figures.add(f"mask_iou_{size}{suffix}", overlap)
            overlaps.append(overlap)
        figures.add(f"mask_iou{suffix}", float(np.mean(overlaps)), overlaps)


def baselines(figures: Figures, train: Pixels, clean: Pixels, others: Pixels) -> None:
    """Scores that need no network, of the pixels as columns."""
    for size in SIZES:
        masked = amiss.apply_mask(others, size, noise="normal", random_state=size).pixels
        rows = np.concatenate([clean, masked]).reshape(2 * len(clean), -1).astype(np.float64)
        found = table_baseline_scores(
            train.reshape(len(train), -1).astype(np.float64),
            rows,
            random_state=0,
            names=("znorm", "pca"),
        )
        for name, score in found.items():
            figures.add(f"{name}_mask_auc_{size}", auc(score[: len(clean)], score[len(clean) :]))


def saved(figures: Figures, detector: VAE, images: Pixels) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vae.amiss")
        detector.save(path)
        again = amiss.load(path)
        figures.add("model_file_mb", path.stat().st_size / 1e6)
    same = np.array_equal(again.anomaly_score(images), detector.anomaly_score(images))
    figures.add("loaded_scores_identical", float(same))


def auc(normal: NDArray[np.float64], anomalous: NDArray[np.float64]) -> float:
    truth = np.r_[np.zeros(len(normal)), np.ones(len(anomalous))]
    return float(roc_auc_score(truth, np.r_[normal, anomalous]))


def intersection(found: NDArray[np.bool_], mask: NDArray[np.bool_]) -> float:
    """Return the mean intersection over union of pixels found, in any channel, and masked."""
    found, mask = np.max(found, axis=1), np.max(mask, axis=1)
    both, either = (found & mask).sum(axis=(1, 2)), (found | mask).sum(axis=(1, 2))
    return float((both / either).mean())


if __name__ == "__main__":
    main()

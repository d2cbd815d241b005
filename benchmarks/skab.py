"""Detectors of series on SKAB, beside plain baselines: a test bench of pumps and valves, labelled.

23 of the 34 files of SKAB, 8 channels at 1 Hz. Its own protocol: of each file the first 400 rows
are learnt from without labels, the rows after them are judged. F1, false-alarm rate (FAR) and
missing-alarm rate (MAR) are of all rows judged, pooled; never adjusted by points. VUS-PR is the
mean of the files. Thresholds come from the 400 rows alone: the 99 % quantile of the scores, out of
fold where the method has such; of the two stages, where precision equals recall.

What was chosen (methods, sizes, smoothing, the margin) was chosen on the files ``other/*`` and
``valve1`` of even number. ``_unseen`` figures are of the other 8, which were looked at three times:
docs/series.md says for what.

Without labels and without a part known to be normal: ``_whole`` figures fit a method on all rows
of a file and judge the same rows.

Methods can be measured apart (``--only``); ``parts`` in the results says when each was.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from amiss.detect import LSTMAutoencoder, TwoStageLabeler, VectorAutoregression
from amiss.detect._base import Detector
from amiss.detect._table_baselines import table_baseline_scores
from amiss.read.series import read_series
from amiss.read.sources import ReadReport
from amiss.run.range_metrics import volume_under_pr
from amiss.types import Table
from benchmarks.figures import Figures, data_dir

LEARNT = 400
QUANTILE = 0.99
SMOOTHED = 20
SEEDS = (0, 1, 2)


class Scored(NamedTuple):
    """What comes of one file."""

    scores: NDArray[np.float64]
    """Of the rows that are judged."""
    threshold: float


Method = Callable[[Table, Table, int], Scored]
"""Rows learnt from, all rows, seed → scores of all rows, and the threshold."""


def always(train: Table, rows: Table, seed: int) -> Scored:
    del train, seed
    return Scored(np.ones(len(rows)), 0.0)


def baseline(name: str, smoothed: int = 1, power: float = 1.0) -> Method:
    """Return a baseline, its scores as trailing means of so many rows."""

    def run(train: Table, rows: Table, seed: int) -> Scored:
        together = np.concatenate([train.values, rows.values])
        scores = table_baseline_scores(train.values, together, seed, [name])[name] ** power
        learnt, judged = scores[: len(train)], scores[len(train) :]
        cut = float(np.quantile(trailing_mean(learnt, smoothed), QUANTILE))
        return Scored(trailing_mean(judged, smoothed), cut)

    return run


def detector(make: Callable[[int], Detector]) -> Method:
    """Return a detector of ours, cut where it cuts by itself."""

    def run(train: Table, rows: Table, seed: int) -> Scored:
        fitted = make(seed).fit(train)
        return Scored(fitted.anomaly_score(rows), -fitted.offset_)

    return run


def trailing_mean(scores: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    total = np.cumsum(np.append(0.0, scores))
    end = np.arange(1, len(scores) + 1)
    begin = np.maximum(0, end - length)
    mean: NDArray[np.float64] = (total[end] - total[begin]) / (end - begin)
    return mean


METHODS: dict[str, tuple[Method, Sequence[int]]] = {
    "always": (always, (0,)),
    "znorm": (baseline("znorm", power=2.0), (0,)),
    "znorm_smoothed": (baseline("znorm", SMOOTHED, power=2.0), (0,)),
    "mahalanobis": (baseline("mahalanobis"), (0,)),
    "pca": (baseline("pca"), (0,)),
    "iforest": (baseline("iforest"), SEEDS),
    "var": (detector(lambda _: VectorAutoregression()), (0,)),
    "lstm_ae": (detector(lambda seed: LSTMAutoencoder(random_state=seed)), SEEDS),
    "lstm_ae_error": (
        detector(lambda seed: LSTMAutoencoder(score_type="error", random_state=seed)), (0,)
    ),
    "two_stage": (detector(lambda seed: TwoStageLabeler(random_state=seed)), SEEDS),
}  # fmt: skip
WHOLE = ("znorm", "mahalanobis", "iforest", "var", "lstm_ae", "two_stage")
"""Measured unsupervised too, with one seed."""
BEST = "var"
"""By the files that choices were made on."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="reduced run, writes no results")
    parser.add_argument("--only", nargs="+", choices=METHODS, default=[], help="measure these anew")
    parser.add_argument("--whole", action="store_true", help="of those, unsupervised figures alone")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="of methods that draw")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    series = read_all()
    if arguments.quick:
        series = dict(list(series.items())[::8])
    print(f"{len(series)} files, {sum(len(s) for s in series.values()):,} rows")
    for name in arguments.only or METHODS:
        method, seeds = METHODS[name]
        if not arguments.whole:
            used = seeds[: 1 if arguments.quick else arguments.seeds]
            runs = [judge(method, series, seed, LEARNT) for seed in used]
            keep(name, runs, arguments.quick)
        if name in WHOLE and (arguments.whole or not arguments.only) and not arguments.quick:
            keep(f"{name}_whole", [judge(method, series, 0, None)], arguments.quick)


def read_all() -> dict[str, Table]:
    """Return each file by its name, such as ``valve1/3``."""
    root = data_dir() / "skab"
    files = [p for part in ("other", "valve1") for p in sorted((root / part).glob("*.csv"))]
    return {f"{p.parent.name}/{p.stem}": _read(p) for p in files}


def _read(path: Path) -> Table:
    return read_series(path, label="anomaly", report=ReadReport())


def is_unseen(name: str) -> bool:
    """Return whether a file was left out of all choices."""
    folder, number = name.split("/")
    return folder == "valve1" and int(number) % 2 == 1


def judge(
    method: Method, series: dict[str, Table], seed: int, learnt: int | None
) -> dict[str, float]:
    """Return the figures of one seed; `learnt` rows come first, None fits on all and judges all."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    counts: dict[bool, NDArray[np.int64]] = {False: np.zeros(4, int), True: np.zeros(4, int)}
    volumes: dict[bool, list[float]] = {False: [], True: []}
    for name, rows in series.items():
        train = rows.take(np.arange(learnt or len(rows)))
        scored = method(train, rows, seed)
        judged = slice(learnt or 0, None)
        assert rows.label is not None
        truth, scores = rows.label[judged] == 1, scored.scores[judged]
        flagged = scores > scored.threshold
        of_file = [truth & flagged, ~truth & flagged, truth & ~flagged, ~truth & ~flagged]
        counts[is_unseen(name)] += np.array([part.sum() for part in of_file])
        volumes[is_unseen(name)].append(volume_under_pr(scores, truth))
    after = resource.getrusage(resource.RUSAGE_SELF)
    found = {
        **rates(counts[False] + counts[True]),
        "vus_pr": float(np.mean(volumes[False] + volumes[True])),
    }
    if volumes[True]:
        unseen = {**rates(counts[True]), "vus_pr": float(np.mean(volumes[True]))}
        found |= {f"unseen_{key}": value for key, value in unseen.items()}
    found["cpu_s_per_file"] = (after.ru_utime - before.ru_utime) / len(series)
    return found


def rates(counts: NDArray[np.int64]) -> dict[str, float]:
    """Return F1, false-alarm rate and missing-alarm rate."""
    hit, false, missed, quiet = (float(c) for c in counts)
    return {
        "f1": 2 * hit / max(1.0, 2 * hit + false + missed),
        "far": false / max(1.0, false + quiet),
        "mar": missed / max(1.0, hit + missed),
    }


def keep(name: str, runs: list[dict[str, float]], quick: bool) -> None:
    """Add the figures of a method to those there are."""
    figures = Figures("skab")
    with suppress(FileNotFoundError):
        figures = Figures.read("skab")
    print(name)
    for key in runs[0]:
        values = [run[key] for run in runs]
        spread: list[Any] = values if len(values) > 1 else []
        figures.add(f"{name}_{key}", float(np.mean(values)), spread)
        if name == BEST:
            figures.add(f"best_{key}", float(np.mean(values)), spread)
    figures.parts[name] = {"at": datetime.now(UTC).isoformat(timespec="minutes"), "runs": len(runs)}
    if not quick:
        figures.write()


if __name__ == "__main__":
    main()

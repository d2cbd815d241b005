"""VAE, AEGMM and VAEGMM on KDD Cup 1999, beside plain baselines and alibi-detect.

The 10 % file, 18 continuous features. Its 97,278 normal rows are 55,808 distinct ones, so they are
split by distinct row, anew for each fit: 60 % to learn from, 20 % for the threshold, 20 % to judge.
A redraw takes 1,000 rows with 5 % attacks for the threshold, the 95th percentile of their scores,
and 1,000 rows with 10 % attacks to judge; both draw attacks at their natural frequency, from
disjoint random halves of them. Figures are medians over 20 redraws of each of 5 fits.

Sizes, scores and mixtures were chosen on half of the attack types (every other one in the order of
their frequency) against normal rows for the threshold; ``--variants`` prints that table. AUC of
the other half of the types is told apart.

alibi-detect needs an environment of its own: `AMISS_PEER_PYTHON` names its interpreter. Without
it, what is measured beside it is not obtained.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

import amiss
from amiss.detect import get_detector
from amiss.detect._table_baselines import table_baseline_scores
from amiss.types import Table
from benchmarks.figures import Figures, cpu_seconds, data_dir, parse_arguments, peak_gb

Values = NDArray[np.float64]
Scores = NDArray[np.float64]

DETECTORS = ("vae", "aegmm", "vaegmm")
BASELINES = ("mahalanobis", "znorm", "pca", "gmm", "iforest")
PUBLISHED_SCORE = {"vae": "mse", "aegmm": "energy", "vaegmm": "energy"}
BATCH = 1024
SOURCE_ROWS = 100_000
PEER_BUDGET = 200.0  # CPU seconds of training, each
EPOCHS = (4, 8, 15, 30)  # of one network; 30 is the default, 4 make 200 steps
PEER = Path(__file__).parent / "peers" / "alibi_kdd99.py"


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    fits: int = 5
    redraws: int = 20
    rounds: int = 3
    parameters: dict[str, Any] = field(default_factory=dict)
    """Of all detectors."""


QUICK = Size(1, 3, 1, {"epochs": 3})


@dataclass(frozen=True)
class Data:
    """Normal rows, and the distinct rows of the attacks with what each attack is."""

    normal: Values
    distinct: NDArray[np.int64]
    """The number of each normal row's distinct one."""
    attack: Values
    """Distinct."""
    attack_row: NDArray[np.int64]
    """The distinct row of each attack."""
    kind: NDArray[Any]
    """Of each attack."""
    development: tuple[str, ...]
    unseen: tuple[str, ...]

    def split(self, seed: int) -> tuple[Values, Values, Values]:
        """Return the normal rows to learn from, for the threshold, and to judge."""
        n = int(self.distinct.max()) + 1
        order = np.random.default_rng(seed).permutation(n)
        part = np.full(n, 2)
        part[order[: int(0.6 * n)]] = 0
        part[order[int(0.6 * n) : int(0.8 * n)]] = 1
        of_row = part[self.distinct]
        train, validation, test = (self.normal[of_row == i] for i in range(3))
        return train, validation, test


class Scored(NamedTuple):
    """Scores of the rows of one split by one detector."""

    validation: Scores
    test: Scores
    attack: Scores
    """Of each attack, not of distinct rows."""


@dataclass
class Judged:
    """What comes of one detector, a value a redraw or a fit."""

    f1: list[float] = field(default_factory=list)
    auc: list[float] = field(default_factory=list)
    unseen: list[float] = field(default_factory=list)
    unseen_macro: list[float] = field(default_factory=list)
    dev: list[float] = field(default_factory=list)
    validation_dev: list[float] = field(default_factory=list)
    """AUC of the rows for the threshold against the development types."""
    fit_cpu_s: list[float] = field(default_factory=list)


def main() -> None:
    arguments = parse_arguments(
        __doc__,
        variants="print the table the defaults were chosen by",
        defaults="measure the three detectors with their defaults anew; other figures stay",
    )
    torch.set_num_threads(1)
    data = load()
    if arguments.variants:
        variants(data, arguments)
        return
    size = QUICK if arguments.quick else Size()
    figures = Figures.read("kdd99") if arguments.defaults else Figures("kdd99")
    figures.add("distinct_normal_share", (data.distinct.max() + 1) / len(data.normal))
    if arguments.defaults:
        detection(figures, data, size, defaults_only=True)
        print(f"wrote {figures.write()}")
        return
    judged = detection(figures, data, size)
    source_protocol(figures, data, size)
    scoring(figures, data, size)
    ours_alone(figures, data, size)
    with peer(data, enabled=not arguments.quick) as ask:
        beside_alibi(figures, data, size, judged, ask)
    if not arguments.quick:
        print(f"wrote {figures.write()}")


def load() -> Data:
    table = amiss.load_kdd99(data_dir() / "kdd99" / "kddcup.data_10_percent.gz")
    assert table.label is not None
    assert table.kind is not None
    normal, attack = table.values[table.label == 0], table.values[table.label == 1]
    kind = table.kind[table.label == 1]
    names, counts = np.unique(kind, return_counts=True)
    types = [str(name) for name in names[np.argsort(-counts, kind="stable")]]
    rows, attack_row = np.unique(attack, axis=0, return_inverse=True)
    _, distinct = np.unique(normal, axis=0, return_inverse=True)
    return Data(
        normal, distinct.ravel(), rows, attack_row.ravel(), kind, tuple(types[::2]),
        tuple(types[1::2]),
    )  # fmt: skip


# Detection.


def detection(
    figures: Figures, data: Data, size: Size, *, defaults_only: bool = False
) -> dict[str, Judged]:
    """F1 and AUC of detectors and baselines, over fits and redraws."""
    judged: dict[str, Judged] = {}
    for seed in range(size.fits):
        train, validation, test = data.split(seed)
        judged_rows = np.concatenate([validation, test, data.attack])
        names = () if defaults_only else BASELINES
        baselines = table_baseline_scores(train, judged_rows, random_state=seed, names=names)
        for name, scores in baselines.items():
            judge(judged.setdefault(name, Judged()), data, _parted(scores, data, test), seed, size)
        for name in DETECTORS:
            published = {"score_type": PUBLISHED_SCORE[name], "n_networks": 1, "folds": 0}
            kinds: list[tuple[str, dict[str, Any]]] = [(name, {})]
            if not defaults_only:
                kinds.append((f"{name}_published", published))
            for key, parameters in kinds:
                found = judged.setdefault(key, Judged())
                detector = make(name, seed, **size.parameters, **parameters)
                found.fit_cpu_s.append(_timed(detector.fit, train))
                scores = detector.anomaly_score(judged_rows)
                judge(found, data, _parted(scores, data, test), seed, size)
                print(
                    f"    fit {seed}, {key}: F1 {np.median(found.f1[-size.redraws :]):.4f}, "
                    f"AUC {np.median(found.auc[-size.redraws :]):.5f}, "
                    f"development {found.validation_dev[-1]:.5f}, "
                    f"unseen {found.unseen[-1]:.4f}, CPU s {found.fit_cpu_s[-1]:.1f}",
                    flush=True,
                )
    for name, found in judged.items():
        if name.endswith("_published"):
            _add_draws(figures, name, found)
            continue
        _add_draws(figures, name, found)
        figures.add(f"{name}_unseen_auc", float(np.mean(found.unseen)), found.unseen)
        figures.add(
            f"{name}_unseen_macro_auc", float(np.mean(found.unseen_macro)), found.unseen_macro
        )
        figures.add(f"{name}_dev_auc", float(np.mean(found.dev)), found.dev)
    for name in DETECTORS:
        seconds = judged[name].fit_cpu_s
        figures.add(f"{name}_fit_cpu_s", float(np.median(seconds)), seconds)
    return judged


def make(name: str, seed: int, **parameters: Any) -> Any:
    """Return an unfitted detector by its name in the catalogue."""
    return get_detector(name)(random_state=seed, **parameters)


def _parted(scores: Scores, data: Data, test: Values) -> Scored:
    """Take apart the scores of validation, test and distinct attack rows."""
    normal, attack = np.split(scores, [len(scores) - len(data.attack)])
    validation, judged = np.split(normal, [len(normal) - len(test)])
    return Scored(validation, judged, attack[data.attack_row])


def judge(found: Judged, data: Data, scored: Scored, seed: int, size: Size) -> None:
    """Add what comes of one fit to `found`."""
    rng = np.random.default_rng(100 + seed)
    half = rng.random(len(scored.attack)) < 0.5
    f1, auc = redraw(
        (scored.validation, scored.attack[half]), (scored.test, scored.attack[~half]), rng,
        size.redraws,
    )  # fmt: skip
    found.f1 += f1
    found.auc += auc
    of = {kind: scored.attack[data.kind == kind] for kind in (*data.development, *data.unseen)}

    def pooled(normal: Scores, kinds: Sequence[str]) -> float:
        return roc_auc(normal, np.concatenate([of[kind] for kind in kinds]))

    found.unseen.append(pooled(scored.test, data.unseen))
    found.dev.append(pooled(scored.test, data.development))
    found.validation_dev.append(pooled(scored.validation, data.development))
    macro = [roc_auc(scored.test, of[kind]) for kind in data.unseen]
    found.unseen_macro.append(float(np.mean(macro)))


def redraw(
    threshold_from: tuple[Scores, Scores],
    judged_on: tuple[Scores, Scores],
    rng: np.random.Generator,
    n: int,
) -> tuple[list[float], list[float]]:
    """Return F1 and AUC of `n` redraws; given are scores of normal rows and of attacks."""
    # Rows are scored once, and their scores drawn: a row's score does not depend on the batch.
    tables = [
        Table(
            np.concatenate([normal, attack])[:, None],
            ("score",),
            label=np.repeat([0, 1], [len(normal), len(attack)]),
        )
        for normal, attack in (threshold_from, judged_on)
    ]
    f1, auc = [], []
    for _ in range(n):
        batch = amiss.create_outlier_batch(tables[0], 1000, 5, random_state=rng)
        threshold = np.percentile(batch.values[:, 0], 95)
        batch = amiss.create_outlier_batch(tables[1], 1000, 10, random_state=rng)
        assert batch.label is not None
        scores = batch.values[:, 0]
        f1.append(float(f1_score(batch.label, scores > threshold)))
        auc.append(float(roc_auc_score(batch.label, scores)))
    return f1, auc


def roc_auc(normal: Scores, attack: Scores) -> float:
    label = np.repeat([0, 1], [len(normal), len(attack)])
    return float(roc_auc_score(label, np.concatenate([normal, attack])))


def _add_draws(figures: Figures, key: str, found: Judged) -> None:
    figures.add(f"{key}_f1_median", float(np.median(found.f1)), found.f1)
    figures.add(f"{key}_f1_p05", float(np.quantile(found.f1, 0.05)))
    figures.add(f"{key}_auc_median", float(np.median(found.auc)), found.auc)


def source_protocol(figures: Figures, data: Data, size: Size) -> None:
    """The protocol of the published examples: the same normal rows are learnt and judged.

    400,000 rows drawn with replacement are 100,000 here, and no networks are trained for scores
    out of fold, which nothing here uses.
    """
    scored_rows = np.concatenate([data.normal, data.attack])
    for name in DETECTORS:
        f1: list[float] = []
        auc: list[float] = []
        for seed in range(min(size.fits, 2)):
            rng = np.random.default_rng(200 + seed)
            train = data.normal[rng.integers(0, len(data.normal), SOURCE_ROWS)]
            detector = make(name, seed, folds=0, **size.parameters).fit(train)
            scores = detector.anomaly_score(scored_rows)
            attack = scores[len(data.normal) :][data.attack_row]
            rows = (scores[: len(data.normal)], attack)
            found = redraw(rows, rows, rng, size.redraws)
            f1 += found[0]
            auc += found[1]
        figures.add(f"{name}_f1_source_protocol", float(np.median(f1)), f1)
        figures.add(f"{name}_auc_source_protocol", float(np.median(auc)), auc)


# Cost.


def scoring(figures: Figures, data: Data, size: Size) -> None:
    """Rows a CPU second, and the size of saved detectors."""
    train, validation, test = data.split(0)
    rng = np.random.default_rng(0)
    rows = test[rng.integers(0, len(test), 50_000)]
    with tempfile.TemporaryDirectory() as scratch:
        for name in DETECTORS:
            # How it was trained does not matter to the file, nor to the speed.
            detector = make(name, 0, folds=0, epochs=2).fit(train[:20_000])
            path = Path(scratch, f"{name}.amiss")
            detector.save(path)
            again = amiss.load(path)
            if not isinstance(again, type(detector)):
                raise TypeError(f"expected a {name}, got {again!r}")
            judged = validation[:5000]
            if not np.array_equal(again.anomaly_score(judged), detector.anomaly_score(judged)):
                raise ValueError(f"{name} scores otherwise after saving and loading")
            figures.add(f"model_file_kb_{name}", path.stat().st_size / 1000)
            if name == "vae":
                _score_rates(figures, detector, rows, size)


def _score_rates(figures: Figures, detector: Any, rows: Values, size: Size) -> None:
    small = np.array_split(rows[:6400], 100)
    rates: dict[str, list[float]] = {"64": [], "50k": []}
    for _ in range(size.rounds):
        seconds = _timed(lambda: [detector.anomaly_score(batch) for batch in small])
        rates["64"].append(6400 / seconds)
        rates["50k"].append(len(rows) / _timed(detector.anomaly_score, rows))
    for key, runs in rates.items():
        figures.add(f"score_rows_per_cpu_s_{key}", float(np.median(runs)), runs)


def ours_alone(figures: Figures, data: Data, size: Size) -> None:
    """Import, memory, and several networks at once."""
    imports = {"import_s": "import amiss", "import_vae_s": "import amiss.detect.vae"}
    for key, statement in imports.items():
        runs = [cpu_seconds([sys.executable, "-c", statement]) for _ in range(size.rounds)]
        figures.add(key, float(np.median(runs)), runs)
    train, _, _ = data.split(0)
    ratios = []
    for _ in range(size.rounds):
        singles = [published_size("vae", seed, **size.parameters) for seed in range(5)]
        each = [_timed(single.fit, train) for single in singles]
        stacked = published_size("vae", 0, n_networks=5, **size.parameters)
        ratios.append(sum(each) / _timed(stacked.fit, train))
    figures.add("stacked_ratio", float(np.median(ratios)), ratios)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "train.npy")
        np.save(path, train)
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            figures.add("fit_peak_gb", process.submit(_fit_alone, path, size).result())


def _fit_alone(path: Path, size: Size) -> float:
    make("vae", 0, **size.parameters).fit(np.load(path))
    return peak_gb()


def published_size(name: str, seed: int = 0, **parameters: Any) -> Any:
    """Return the detector with the networks that alibi-detect's examples have, one of them."""
    sizes: dict[str, Any] = {"hidden": (20, 15, 7), "latent": 2, "score_type": "mse"}
    if name == "vaegmm":
        sizes |= {"n_components": 2, "samples": 10, "score_type": "energy"}
    if name == "aegmm":
        sizes = {
            "encoder": _tanh([18, 60, 30, 10, 1]),
            "decoder": _tanh([1, 10, 30, 60, 18]),
            "latent": 1,
            "n_components": 2,
            "score_type": "energy",
        }
    common = {"n_networks": 1, "folds": 0, "batch_size": BATCH}
    return make(name, seed, **{**sizes, **common, **parameters})


def _tanh(sizes: list[int]) -> nn.Module:
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def step_seconds(name: str, train: Values, epochs: int) -> float:
    """Return CPU seconds a training step, of those in which the energy is part of the loss."""
    times: list[float] = []
    hook = register_optimizer_step_post_hook(lambda *_: times.append(time.process_time()))
    try:
        published_size(name, epochs=epochs).fit(train)
    finally:
        hook.remove()
    late = times[int(0.4 * len(times)) :]
    return (late[-1] - late[0]) / (len(late) - 1)


# Beside alibi-detect.

Ask = Callable[[dict[str, Any]], dict[str, Any]]


@contextmanager
def peer(data: Data, *, enabled: bool) -> Iterator[Ask | None]:
    """Start alibi-detect in its environment, with the rows of the first split."""
    python = os.environ.get("AMISS_PEER_PYTHON")
    if not python or not enabled:
        print("no AMISS_PEER_PYTHON: nothing is measured beside alibi-detect" * enabled)
        yield None
        return
    train, validation, _ = data.split(0)
    # Its `fit` shuffles within 1,024 rows; the examples give it rows in random order.
    train = np.random.default_rng(0).permutation(train)
    mean, scale = train.mean(axis=0), train.std(axis=0)
    developed = np.isin(data.kind, data.development)
    counts = np.bincount(data.attack_row[developed], minlength=len(data.attack))
    there = counts > 0
    rows = {
        "train": (train - mean) / scale,
        "rows": (np.concatenate([validation, data.attack[there]]) - mean) / scale,
        "label": np.repeat([0.0, 1.0], [len(validation), there.sum()]),
        "weight": np.concatenate([np.ones(len(validation)), counts[there]]),
    }
    with tempfile.TemporaryDirectory() as scratch:
        for name, values in rows.items():
            np.save(Path(scratch, f"{name}.npy"), values.astype(np.float32))
        process = subprocess.Popen(
            [python, str(PEER), scratch],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        requests, answers = process.stdin, process.stdout
        assert requests is not None
        assert answers is not None

        def read() -> dict[str, Any]:
            line = answers.readline()
            if not line:
                raise RuntimeError(f"alibi-detect ended with code {process.wait()}")
            answer: dict[str, Any] = json.loads(line)
            return answer

        def ask(request: dict[str, Any]) -> dict[str, Any]:
            if request["do"] == "start":
                return started
            print(json.dumps(request), file=requests, flush=True)
            return read()

        try:
            started = read()
            yield ask
        finally:
            requests.close()
            process.wait()


def beside_alibi(
    figures: Figures, data: Data, size: Size, judged: dict[str, Judged], ask: Ask | None
) -> None:
    """CPU seconds a step, and to an AUC; without a peer our side alone."""
    train, _, _ = data.split(0)
    if ask:
        started = ask({"do": "start"})
        figures.versions |= started["versions"]
        figures.add("alibi_import_cpu_s", started["import_cpu_s"])
        first = ask({"do": "steps", "name": "vae", "epochs": 4})
        figures.add("alibi_fit_peak_gb", first["peak_gb"])
    else:
        figures.add("alibi_import_cpu_s", None)
        figures.add("alibi_fit_peak_gb", None)
    ours: dict[str, list[float]] = {name: [] for name in DETECTORS}
    theirs: dict[str, list[float]] = {name: [] for name in DETECTORS}
    for _ in range(size.rounds):
        for name in DETECTORS:
            if ask:
                theirs[name].append(ask({"do": "steps", "name": name, "epochs": 4})["step_s"])
            ours[name].append(step_seconds(name, train, epochs=20 if ask else 4))
    for name in DETECTORS:
        key = "step_us" if name == "vae" else f"{name}_step_us"
        _add_median(figures, key, [1e6 * s for s in ours[name]])
        _add_median(figures, f"{name}_alibi_step_us", [1e6 * s for s in theirs[name]])
        pairs = zip(theirs[name], ours[name], strict=True) if ask else ()
        _add_median(figures, f"{name}_cpu_ratio_alibi", [their / our for their, our in pairs])
    for name in DETECTORS:
        _to_auc(figures, name, data, judged[name], _curve(figures, name, ask))


def _curve(figures: Figures, name: str, ask: Ask | None) -> list[list[float]]:
    """Return [step, CPU seconds, AUC] of the peer; of the first of three seeds that has any."""
    curve: list[list[float]] = []
    failed = 0
    while ask and not curve and failed < 3:
        answer = ask({"do": "curve", "name": name, "budget": PEER_BUDGET, "seed": failed})
        curve = answer["curve"]
        failed += not curve
        print(f"    alibi-detect, {name}: {answer['ended']}; AUC on the way")
        print("    " + ", ".join(f"{spent:.0f} s {auc:.4f}" for _, spent, auc in curve[::3]))
    figures.add(f"{name}_alibi_failed_seeds", failed if ask else None)
    return curve


def _add_median(figures: Figures, key: str, runs: list[float]) -> None:
    figures.add(key, float(np.median(runs)) if runs else None, runs)


def _to_auc(
    figures: Figures, name: str, data: Data, ours: Judged, curve: list[list[float]]
) -> None:
    """Compare CPU seconds of whole fits of ours to those until the peer's best AUC."""
    seconds = float(np.median(ours.fit_cpu_s))
    # The peer learns from the first split; so the AUC on the rows of that is compared.
    figures.add(f"{name}_validation_dev_auc", ours.validation_dev[0])
    if not curve:
        for key in (
            "alibi_auc",
            "alibi_cpu_s",
            "alibi_last_auc",
            "alibi_cpu_s_to_our_auc",
            "alibi_auc_in_our_time",
            "cpu_s_to_auc_ratio",
            "one_network_epochs",
            "one_network_cpu_s",
            "cpu_s_to_auc_ratio_one_network",
        ):
            figures.add(f"{name}_{key}", None)
        return
    best = max(auc for _, _, auc in curve)
    until = next(spent for _, spent, auc in curve if auc == best)
    figures.add(f"{name}_alibi_auc", best)
    figures.add(f"{name}_alibi_cpu_s", until)
    figures.add(f"{name}_alibi_last_auc", curve[-1][2])
    ours_reached = [spent for _, spent, auc in curve if auc >= ours.validation_dev[0]]
    figures.add(f"{name}_alibi_cpu_s_to_our_auc", min(ours_reached, default=None))
    soon = [auc for _, spent, auc in curve if spent <= seconds]
    figures.add(f"{name}_alibi_auc_in_our_time", max(soon, default=None))
    reached = ours.validation_dev[0] >= best
    figures.add(f"{name}_cpu_s_to_auc_ratio", until / seconds if reached else None)
    one_network(figures, name, data, best, until)


def one_network(figures: Figures, name: str, data: Data, goal: float, until: float) -> None:
    """CPU seconds of one network of ours, no folds, for as few epochs as reach the peer's AUC."""
    train, validation, _ = data.split(0)
    developed = np.isin(data.kind, data.development)
    fits: list[float] = []
    for epochs in EPOCHS:
        fits, reached = [], []
        for seed in range(3):
            detector = make(name, seed, n_networks=1, folds=0, epochs=epochs)
            fits.append(_timed(detector.fit, train))
            attack = detector.anomaly_score(data.attack)[data.attack_row[developed]]
            reached.append(roc_auc(detector.anomaly_score(validation), attack))
        print(f"    {epochs} epochs: AUC {np.round(reached, 4)}, CPU s {np.round(fits, 1)}")
        if min(reached) >= goal:
            figures.add(f"{name}_one_network_epochs", epochs)
            _add_median(figures, f"{name}_one_network_cpu_s", fits)
            _add_median(
                figures, f"{name}_cpu_s_to_auc_ratio_one_network", [until / s for s in fits]
            )
            return
    for key in ("one_network_epochs", "one_network_cpu_s", "cpu_s_to_auc_ratio_one_network"):
        figures.add(f"{name}_{key}", None)


def _timed(run: Callable[..., object], *given: Any) -> float:
    started = time.process_time()
    run(*given)
    return time.process_time() - started


# Development.

_VARIANTS: dict[str, list[dict[str, Any]]] = {
    "vae": [
        {},
        {"score_type": "mse"},
        {"score_type": "probability"},
        {"n_components": 1},
        {"n_components": 4},
        {"n_networks": 1},
        {"hidden": (20, 15, 7), "latent": 2},
        {"hidden": (20, 15, 7), "latent": 2, "score_type": "mse"},
        {"hidden": (64, 32)},
        {"latent": 2},
        {"latent": 8},
        {"sim": 0.1},
        {"sim": 1.0},
    ],
    "aegmm": [
        {},
        {"score_type": "energy"},
        {"score_type": "mse"},
        {"n_components": 2},
        {"n_components": 4},
        {"noise": 0.01},
        {"hidden": (64, 32)},
        {"latent": 2},
    ],
    "vaegmm": [
        {},
        {"score_type": "energy"},
        {"score_type": "mse"},
        {"n_components": 2},
        {"n_components": 4},
        {"hidden": (64, 32)},
        {"latent": 2},
        {"sim": 0.1},
        {"sim": 1.0},
    ],
}


def variants(data: Data, arguments: argparse.Namespace) -> None:
    """Print AUC on the normal rows for the threshold and the development types of attack."""
    seeds = range(1 if arguments.quick else 2)
    more = QUICK.parameters if arguments.quick else {}
    scored_rows = data.attack
    print(f"{'':64} pooled   macro    CPU s")
    for name, choices in _VARIANTS.items():
        for choice in choices:
            pooled, macro, seconds = [], [], []
            for seed in seeds:
                train, validation, _ = data.split(seed)
                detector = make(name, seed, folds=0, **{**choice, **more})
                seconds.append(_timed(detector.fit, train))
                normal = detector.anomaly_score(validation)
                attack = detector.anomaly_score(scored_rows)[data.attack_row]
                of = [attack[data.kind == kind] for kind in data.development]
                pooled.append(roc_auc(normal, np.concatenate(of)))
                macro.append(float(np.mean([roc_auc(normal, scores) for scores in of])))
            said = ", ".join(f"{key}={value}" for key, value in choice.items()) or "default"
            means = f"{np.mean(pooled):.5f}  {np.mean(macro):.5f}  {np.mean(seconds):.1f}"
            print(f"{name:8}{said:56} {means}", flush=True)


if __name__ == "__main__":
    main()

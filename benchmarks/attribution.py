"""Attributions of Deep SAD's score: do they add up, name what was planted, and what do they cost?

Rows follow eight factors and noise, 100 or 500 columns. Deep SAD learns from 5,000 of them and from
250 labelled anomalies. In an anomaly one of twenty columns is eight standard deviations off. What
is explained are 100 such rows. Times are CPU time on one thread.

Beside ours are captum's `GradientShap` and shap's `GradientExplainer`, against the same 100
background rows, with 800 gradients a row; ours begins with 400; and shap's `DeepExplainer`. Values
are compared with expected gradients of 5,000 draws, by rank correlation over the columns of a row;
``draws`` are 5,000 others.

shap needs an environment of its own: `AMISS_OUTLIER_PEER_PYTHON` names its interpreter. It is given
the same networks in torch's own layers, which are what it knows. Without it, its figures are not
obtained. ``--sparse`` measures the memory of fits to many columns alone.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import spearmanr

from amiss.detect import get_detector
from amiss.explain.attribution import attribute, draw_background, import_captum
from benchmarks.figures import Figures, parse_arguments, peak_gb

Values = NDArray[np.float64]

COLUMNS = (100, 500)
FACTORS, NOISE, OFF = 8, 0.5, 8.0
LABELLED, JUDGED, PLANTED = 250, 100, 20
DRAWS = 5000
GRADIENTS = 800
"""Of each row, for those that draw them."""
PEER = Path(__file__).parent / "peers" / "shap_gradients.py"


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rows: int = 5000
    fits: int = 3
    columns: tuple[int, ...] = COLUMNS
    compared: int = 100
    """Rows that explainers are compared on."""
    sampled: int = 10
    """Rows that are explained without gradients, at 100 columns."""
    sparse: tuple[int, int] = (200_000, 20_000)


QUICK = Size(1000, 1, (100,), 10, 2, (5_000, 2_000))


class Planted(NamedTuple):
    """Rows to learn from, and odd ones of which the column is known."""

    train: Values
    known: NDArray[np.int64]
    """1: labelled an anomaly, −1: not labelled."""
    odd: Values
    column: NDArray[np.int64]


def main() -> None:
    arguments = parse_arguments(__doc__, sparse="measure the memory of sparse fits alone")
    torch.set_num_threads(1)
    size = QUICK if arguments.quick else Size()
    figures = Figures.read("attribution") if arguments.sparse else Figures("attribution")
    figures.versions["captum"] = version("captum")
    if not arguments.sparse:
        for columns in size.columns:
            planted(figures, columns, size, peer=not arguments.quick)
        without_gradients(figures, size)
        if not arguments.quick:
            figures.write()
    sparse(figures, size)
    if not arguments.quick:
        print(f"wrote {figures.write()}")


def plant(columns: int, size: Size, seed: int) -> Planted:
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=(FACTORS, columns)) / 3

    def draw(n: int) -> Values:
        rows: Values = rng.normal(size=(n, FACTORS)) @ loadings
        return rows + NOISE * rng.normal(size=rows.shape)

    normal = draw(size.rows)
    scale = normal.std(axis=0)

    watched = rng.choice(columns, PLANTED, replace=False)

    def spoil(n: int) -> tuple[Values, NDArray[np.int64]]:
        rows, column = draw(n), rng.choice(watched, n)
        rows[np.arange(n), column] += OFF * scale[column] * rng.choice([-1, 1], n)
        return rows, column

    labelled, _ = spoil(LABELLED)
    odd, column = spoil(JUDGED)
    known = np.repeat([-1, 1], [size.rows, LABELLED])
    return Planted(np.concatenate([normal, labelled]), known, odd, column)


def _background(data: Planted) -> Values:
    rows: Values = draw_background(data.train, data.known != 1, 0)
    return rows


def planted(figures: Figures, columns: int, size: Size, *, peer: bool) -> None:
    """Ours on planted columns, over fits; on the first of them beside the others."""
    top, errors, seconds = [], [], []
    for seed in range(size.fits):
        data = plant(columns, size, seed)
        detector = get_detector("deep-sad")(random_state=seed).fit(data.train, data.known)
        background = _background(data)
        begun = time.process_time()
        found = attribute(detector, data.odd, background)
        seconds.append(time.process_time() - begun)
        top.append(float(np.mean(found.top(1)[:, 0] == data.column)))
        errors.append(float(found.additivity_error.max()))
        if not seed:
            compare(figures, detector, data.odd[: size.compared], background, peer=peer)
    suffix = "" if columns == COLUMNS[0] else f"_{columns}"
    figures.add(f"planted_top1{suffix}", float(np.mean(top)), top)
    figures.add(f"additivity_error{suffix}", max(errors), errors)
    each = [1000 * s / JUDGED for s in seconds]
    figures.add(f"ms_per_row_{columns}", float(np.median(each)), each)


# Beside others.


def compare(
    figures: Figures, detector: Any, odd: Values, background: Values, *, peer: bool
) -> None:
    columns = odd.shape[1]
    module = detector.differentiable_score()
    drawn = expected_gradients(module, odd, background, seed=0)
    wanted = detector.anomaly_score(odd) - detector.anomaly_score(background).mean()

    def tell(name: str, values: Values, cpu_s: float) -> None:
        missed = np.abs(values.sum(axis=1) - wanted) / np.abs(wanted)
        figures.add(f"{name}_rho_{columns}", rank_correlation(values, drawn))
        figures.add(f"{name}_additivity_median_{columns}", float(np.median(missed)))
        figures.add(f"{name}_additivity_max_{columns}", float(missed.max()))
        figures.add(f"{name}_ms_{columns}", 1000 * cpu_s / len(odd))

    tell("ours", *_timed(lambda: attribute(detector, odd, background).values))
    tell("gradient_shap", *_timed(lambda: gradient_shap(module, odd, background)))
    tell("draws", *_timed(lambda: expected_gradients(module, odd, background, seed=1)))
    answers = ask_shap(figures, detector, odd, background) if peer else {}
    for name in ("shap_gradient", "shap_deep"):
        if name in answers:
            tell(name, *answers[name])
            continue
        for what in ("rho", "additivity_median", "additivity_max", "ms"):
            figures.add(f"{name}_{what}_{columns}", None)


def rank_correlation(values: Values, others: Values) -> float:
    """Return the mean over rows."""
    return float(np.mean([spearmanr(*pair).statistic for pair in zip(values, others, strict=True)]))


def expected_gradients(
    module: torch.nn.Module, odd: Values, background: Values, seed: int
) -> Values:
    generator = torch.Generator().manual_seed(seed)
    base = torch.from_numpy(background)
    found = []
    for row in torch.from_numpy(odd):
        drawn = base[torch.randint(len(base), (DRAWS,), generator=generator)]
        share = torch.rand(DRAWS, 1, generator=generator, dtype=torch.float64)
        point = (drawn + share * (row - drawn)).requires_grad_()
        (gradient,) = torch.autograd.grad(module(point).sum(), point)
        found.append((gradient * (row - drawn)).mean(dim=0).numpy())
    return np.stack(found)


def gradient_shap(module: torch.nn.Module, odd: Values, background: Values) -> Values:
    method = import_captum().GradientShap(module)
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - captum draws from the global generator
    base = torch.from_numpy(background)
    found = []
    for row in torch.from_numpy(odd):
        one = row[None].clone().requires_grad_()
        found.append(method.attribute(one, base, n_samples=GRADIENTS)[0].detach().numpy())
    return np.stack(found)


def ask_shap(
    figures: Figures, detector: Any, odd: Values, background: Values
) -> dict[str, tuple[Values, float]]:
    """Return values and CPU seconds of shap's explainers; of none without their environment."""
    python = os.environ.get("AMISS_OUTLIER_PEER_PYTHON")
    if not python:
        print("no AMISS_OUTLIER_PEER_PYTHON: shap is not measured")
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        torch.save(in_plain_layers(detector), folder / "networks.pt")
        scores = detector.anomaly_score(odd)
        np.savez(folder / "rows.npz", odd=odd, background=background, scores=scores)
        done = subprocess.run(
            [python, str(PEER), scratch, str(GRADIENTS)], check=True, capture_output=True, text=True
        )
        answer = json.loads(done.stdout)
        figures.versions |= answer["versions"]
        for name, reason in answer["failed"].items():
            print(f"    {name}: {reason}")
        return {
            name: (np.load(folder / f"{name}.npy"), seconds)
            for name, seconds in answer["cpu_s"].items()
        }


def in_plain_layers(detector: Any) -> dict[str, Any]:
    """Return the networks of Deep SAD one by one, and what else the score is made of."""
    centres = detector.network_.get_buffer("centre")
    members: list[list[torch.nn.Module]] = [[] for _ in centres]
    for weight in detector.network_.parameters():
        # The first layer has its members side by side, the others one after the other.
        parts = weight if weight.ndim == 3 else weight.chunk(len(members), dim=1)
        for layers, part in zip(members, parts, strict=True):
            layer = torch.nn.Linear(len(part), part.shape[1], bias=False)
            layer.weight = torch.nn.Parameter(part.T.detach().clone(), requires_grad=False)
            layers += [layer, torch.nn.LeakyReLU()]
    return {
        "networks": [torch.nn.Sequential(*layers[:-1]) for layers in members],
        "centres": centres[:, 0],
        **{
            name: torch.from_numpy(getattr(detector, f"{name}_"))
            for name in ("mean", "scale", "median", "deviation")
        },
    }


def without_gradients(figures: Figures, size: Size) -> None:
    """Shapley sampling through the score of a VAE."""
    data = plant(COLUMNS[0], size, 0)
    detector = get_detector("vae")(random_state=0, folds=0).fit(data.train, data.known)
    background, odd = _background(data), data.odd[: size.sampled]
    begun = time.process_time()
    found = attribute(detector, odd, background)
    cpu_s = time.process_time() - begun
    again = attribute(detector, odd, background, random_state=1)
    figures.add("sampling_ms_per_row_100", 1000 * cpu_s / len(odd))
    figures.add("sampling_additivity_error", float(found.additivity_error.max()))
    figures.add("sampling_rho_orders", rank_correlation(found.values, again.values))
    right = found.top(1)[:, 0] == data.column[: size.sampled]
    figures.add("sampling_planted_top1", float(np.mean(right)))


# Many columns.


def sparse(figures: Figures, size: Size) -> None:
    """Peak memory of a process that fits and explains rows of which 0.1 % of the cells are filled.

    The rows themselves are in it.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        for key, value in process.submit(_fit_sparse, size).result().items():
            figures.add(key, value)


def _fit_sparse(size: Size) -> dict[str, float]:
    torch.set_num_threads(1)
    n, columns = size.sparse
    rng = np.random.default_rng(0)
    filled = columns // 1000
    at = rng.integers(columns, size=(n, filled)).ravel()
    counts = rng.poisson(2, size=n * filled) + 1.0
    rows = csr_array((counts, at, np.arange(0, n * filled + 1, filled)), shape=(n, columns))
    rows.sum_duplicates()
    given_gb = peak_gb()
    detector = get_detector("deep-sad")(random_state=0)
    begun = time.process_time()
    detector.fit(rows, np.where(np.arange(n) % 1000, -1, 1))
    fitted = time.process_time()
    fit_gb = peak_gb()
    found = attribute(detector, rows[:10], draw_background(rows))
    return {
        "sparse_peak_gb": fit_gb,
        "sparse_rows_gb": given_gb,
        "sparse_fit_cpu_s": fitted - begun,
        "sparse_explained_peak_gb": peak_gb(),
        "sparse_ms_per_row": 1000 * (time.process_time() - fitted) / len(found),
        "sparse_additivity_error": float(found.additivity_error.max()),
    }


def _timed(run: Callable[[], Values]) -> tuple[Values, float]:
    begun = time.process_time()
    return run(), time.process_time() - begun


if __name__ == "__main__":
    main()

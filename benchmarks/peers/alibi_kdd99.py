"""The side of alibi-detect in ``benchmarks.kdd99``: run by the interpreter of its own environment.

Started with the folder of the rows, it answers one JSON object a line for one on its input. The
networks are those of the library's own examples on KDD Cup 1999, `fit` is called as they call it;
clocks are read in the optimiser, at each step.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 1024
NOT_BETTER = 1e-4  # of the AUC, for so long a share of the budget: then it is done
WAIT = 0.4

# What `import_module` gives is Any: the library is not in the environment of the type checker.
tf: Any = None
od: Any = None
gmm: Any = None


class EnoughError(Exception):
    """The budget is spent, or nothing becomes better."""


class DivergedError(Exception):
    """The weights are no numbers any more."""


class WatchedAdam:
    """Adam as `fit` makes it by default, which notes the CPU seconds at each step.

    Parameters
    ----------
    watch : callable, optional
        Is called after each step with the number of steps and the CPU seconds so far; the time
        that it takes itself does not count.
    """

    def __init__(self, watch: Callable[[int, float], None] | None = None) -> None:
        self.adam = tf.keras.optimizers.Adam()
        self.watch = watch
        self.times: list[float] = []
        self.paused = 0.0

    def apply_gradients(self, pairs: Any) -> None:
        self.adam.apply_gradients(pairs)
        now = time.process_time()
        self.times.append(now - self.paused)
        if self.watch is not None:
            self.watch(len(self.times), self.times[-1])
            self.paused += time.process_time() - now


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not an answer
    _import()
    folder = Path(sys.argv[1])
    train = np.load(folder / "train.npy")
    started = {"import_cpu_s": time.process_time(), "versions": _versions()}
    print(json.dumps(started), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["do"] == "steps":
            answer = steps(asked["name"], train, asked["epochs"])
        else:
            answer = curve(asked["name"], train, folder, asked["budget"], asked["seed"])
        print(json.dumps({**answer, "peak_gb": _peak_gb()}), file=answers, flush=True)


def _import() -> None:
    global tf, od, gmm
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    tf = import_module("tensorflow")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    od = import_module("alibi_detect.od")
    gmm = import_module("alibi_detect.models.tensorflow.gmm")
    logging.getLogger("alibi_detect").setLevel(logging.ERROR)


def _versions() -> dict[str, str]:
    return {"alibi-detect": version("alibi-detect"), "tensorflow": tf.__version__}


def build(name: str, n_features: int, seed: int = 0) -> Any:
    """Return the detector of the example."""
    tf.random.set_seed(seed)
    if name == "aegmm":
        return od.OutlierAEGMM(
            encoder_net=_mlp([n_features, 60, 30, 10, 1], "tanh"),
            decoder_net=_mlp([1, 10, 30, 60, n_features], "tanh"),
            gmm_density_net=_mlp([3, 10, 2], "tanh", "softmax"),
            n_gmm=2,
        )
    networks = {
        "encoder_net": _mlp([n_features, 20, 15, 7], "relu", "relu"),
        "decoder_net": _mlp([2, 7, 15, 20, n_features], "relu"),
        "latent_dim": 2,
    }
    if name == "vaegmm":
        density = _mlp([4, 10, 2], "tanh", "softmax")
        return od.OutlierVAEGMM(**networks, gmm_density_net=density, n_gmm=2, samples=10)
    return od.OutlierVAE(**networks, score_type="mse", samples=5)


def _mlp(sizes: list[int], activation: str, last: str | None = None) -> Any:
    dense = [tf.keras.layers.Dense(size, activation=activation) for size in sizes[1:-1]]
    dense.append(tf.keras.layers.Dense(sizes[-1], activation=last))
    return tf.keras.Sequential([tf.keras.Input(shape=(sizes[0],)), *dense])


def _fit(name: str, detector: Any, train: Any, optimizer: WatchedAdam, epochs: int) -> None:
    more = {"cov_elbo": {"sim": 0.01}} if name == "vae" else {}  # else it is the default
    detector.fit(train, optimizer=optimizer, epochs=epochs, batch_size=BATCH, verbose=False, **more)


def steps(name: str, train: Any, epochs: int) -> dict[str, Any]:
    """Return CPU seconds a training step; those before the second epoch do not count."""
    optimizer = WatchedAdam()
    _fit(name, build(name, train.shape[1]), train, optimizer, epochs)
    times = optimizer.times[-(-len(train) // BATCH) :]
    return {"step_s": (times[-1] - times[0]) / (len(times) - 1)}


def curve(name: str, train: Any, folder: Path, budget: float, seed: int) -> dict[str, Any]:
    """Train until the budget of CPU seconds is spent, or nothing becomes better.

    Returns [step, CPU seconds, AUC] on the way; it ends where all scores are NaN.
    """
    rows, label, weight = (np.load(folder / f"{part}.npy") for part in ("rows", "label", "weight"))
    detector = build(name, train.shape[1], seed)
    found: list[list[float]] = []
    next_step, best, best_at = 50, -1.0, 0.0
    begun = time.process_time()

    def watch(step: int, at: float) -> None:
        nonlocal next_step, best, best_at
        spent = at - begun
        if step < next_step and spent < budget:
            return
        next_step = max(step + 50, int(step * 1.1))
        score = _score(name, detector, train, rows)
        if not np.isfinite(score).any():
            raise DivergedError
        value = _auc(np.nan_to_num(score, nan=np.inf), label, weight)
        found.append([step, spent, value])
        if value > best + NOT_BETTER:
            best, best_at = value, spent
        if spent >= budget or spent - best_at > WAIT * budget:
            raise EnoughError

    ended = "budget spent, or no better"
    try:
        _fit(name, detector, train, WatchedAdam(watch), 100_000)
    except EnoughError:
        pass
    except DivergedError:
        ended = "all scores are NaN"
    except tf.errors.InvalidArgumentError as error:  # a covariance that is not one
        ended = f"failed: {error.message[:200]}"
    return {"curve": found, "ended": ended}


def _score(name: str, detector: Any, train: Any, rows: Any) -> Any:
    if name == "vae":
        return detector.score(rows)[1]
    network = getattr(detector, name)
    _, z, gamma = network(train)  # as at the end of `fit`
    mixture = gmm.gmm_params(z, gamma)
    detector.phi, detector.mu, detector.cov, detector.L, detector.log_det_cov = mixture
    return detector.score(rows)


def _auc(score: Any, label: Any, weight: Any) -> float:
    """Return the area under the ROC curve of weighted rows."""
    values, place = np.unique(score, return_inverse=True)
    odd = np.bincount(place, weight * label, len(values))
    usual = np.bincount(place, weight * (1 - label), len(values))
    below = np.cumsum(usual) - usual / 2
    return float((odd * below).sum() / (odd.sum() * usual.sum()))


def _peak_gb() -> float:
    status = Path("/proc/self/status")  # there the parent's memory is not in it
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024 / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9


if __name__ == "__main__":
    main()

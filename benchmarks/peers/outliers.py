"""The side of PyOD and DeepOD in ``benchmarks.deep_sad``: run in an environment of their own.

It answers one JSON object a line for one on its input. A request names a detector, a seed and an
``.npz`` file with `train`, `known` (1: a labelled anomaly, 0: not labelled) and `test`; scores of
the test rows go to the ``.npy`` file that it names. Detectors have the defaults of their library.

DeepOD 0.4.1 asks for a torch of 2022 and works with one of today: it is installed without its
requirements. Nothing in it is replaced.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

# What `import_module` gives is Any: the libraries are not in the environment of the type checker.
Build = Callable[[int, int], Any]


def _pyod(module: str, name: str, *, seeded: bool = False, **parameters: Any) -> Build:
    def build(n_features: int, seed: int) -> Any:
        more: dict[str, Any] = {"random_state": seed} if seeded else {}
        if name == "DeepSVDD":
            more |= {"n_features": n_features, "verbose": 0}
        return getattr(import_module(f"pyod.models.{module}"), name)(**more, **parameters)

    return build


def _deepod(name: str) -> Build:
    def build(_: int, seed: int) -> Any:
        found = getattr(import_module("deepod.models.tabular"), name)
        return found(device="cpu", verbose=0, random_state=seed)

    return build


UNLABELLED: dict[str, Build] = {
    "iforest": _pyod("iforest", "IForest", seeded=True),
    "knn": _pyod("knn", "KNN"),
    "lof": _pyod("lof", "LOF"),
    "ecod": _pyod("ecod", "ECOD"),
    # Components of hardly any variance weigh the more: with all of them, columns that depend on
    # each other (cardio) make every score infinite.
    "pca": _pyod("pca", "PCA", seeded=True, n_components=0.999),
    "hbos": _pyod("hbos", "HBOS"),
    "copod": _pyod("copod", "COPOD"),
    "mcd": _pyod("mcd", "MCD", seeded=True),
    "deep-svdd": _pyod("deep_svdd", "DeepSVDD", seeded=True),
}
LABELLED: dict[str, Build] = {
    "xgbod": _pyod("xgbod", "XGBOD", seeded=True),
    "deepod-deep-sad": _deepod("DeepSAD"),
    "devnet": _deepod("DevNet"),
    "rosas": _deepod("RoSAS"),
    "feawad": _deepod("FeaWAD"),
}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not an answer
    torch = import_module("torch")
    torch.set_num_threads(1)
    versions = {library: version(library) for library in ("pyod", "deepod", "xgboost-cpu")}
    print(json.dumps({"versions": versions}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = score(**asked)
        except Exception as error:  # one detector that fails is a figure not obtained
            answer = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def score(detector: str, rows: str, scores: str, seed: int) -> dict[str, Any]:
    """Fit a detector and write its scores; returns the CPU seconds of the fit."""
    warm(detector)
    with np.load(rows) as given:
        train, known, test = given["train"], given["known"], given["test"]
    np.random.seed(seed)  # noqa: NPY002 - that is what these libraries draw from
    random.seed(seed)
    import_module("torch").manual_seed(seed)
    begun = time.process_time()
    model = fit(detector, train, known, seed)
    fitted = time.process_time()
    np.save(scores, np.asarray(model.decision_function(test), dtype=np.float64).ravel())
    return {"fit_cpu_s": fitted - begun}


def fit(detector: str, train: Any, known: Any, seed: int) -> Any:
    """Return a fitted detector."""
    model = (LABELLED | UNLABELLED)[detector](train.shape[1], seed)
    if detector in LABELLED:
        model.fit(train, known)
    else:
        model.fit(train)
    return model


@cache
def warm(detector: str) -> None:
    """Fit and score once, so that no clock counts what is imported and compiled on first use."""
    rows = np.random.default_rng(0).normal(size=(200, 4))
    fit(detector, rows, (np.arange(200) < 10).astype(int), 0).decision_function(rows)


if __name__ == "__main__":
    main()

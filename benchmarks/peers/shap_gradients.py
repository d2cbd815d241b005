"""The side of shap in ``benchmarks.attribution``: run by the interpreter of its own environment.

Started with a folder and the gradients of each row: there are ``networks.pt``, what Deep SAD's
score is made of, and ``rows.npz`` with `odd`, `background` and the `scores` of the former. Values
go to ``<explainer>.npy``; what it prints is one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not an answer
    # What `import_module` gives is Any: shap is not in the environment of the type checker.
    shap, torch = import_module("shap"), import_module("torch")
    torch.set_num_threads(1)
    folder, gradients = Path(sys.argv[1]), int(sys.argv[2])
    given = torch.load(folder / "networks.pt", weights_only=False)

    class Score(torch.nn.Module):  # type: ignore[misc, name-defined]
        """As a column: the explainers take no other."""

        def __init__(self) -> None:
            super().__init__()
            self.networks = torch.nn.ModuleList(given["networks"])

        def forward(self, x: Any) -> Any:
            scaled = (x - given["mean"]) / given["scale"]
            scores = []
            for i, network in enumerate(self.networks):
                squared = ((network(scaled) - given["centres"][i]) ** 2).sum(dim=1, keepdim=True)
                scores.append((squared.sqrt() - given["median"][i]) / given["deviation"][i])
            return sum(scores) / len(scores)

    rows = np.load(folder / "rows.npz")
    odd, background = torch.from_numpy(rows["odd"]), torch.from_numpy(rows["background"])
    np.testing.assert_allclose(Score()(odd)[:, 0].numpy(), rows["scores"], rtol=1e-6)
    explainers: dict[str, tuple[Any, dict[str, Any]]] = {
        "shap_gradient": (shap.GradientExplainer, {"nsamples": gradients}),
        "shap_deep": (shap.DeepExplainer, {"check_additivity": False}),
    }
    cpu_s: dict[str, float] = {}
    failed: dict[str, str] = {}
    for name, (explainer, options) in explainers.items():
        np.random.seed(0)  # noqa: NPY002 - shap draws from the global generator
        try:
            begun = time.process_time()
            values = explainer(Score(), background).shap_values(odd, **options)
            cpu_s[name] = time.process_time() - begun
            np.save(folder / f"{name}.npy", np.asarray(values).reshape(odd.shape))
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"[:200]
    versions = {"shap": version("shap")}
    answer = {"cpu_s": cpu_s, "failed": failed, "versions": versions}
    print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()

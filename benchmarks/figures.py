"""Where figures are kept: one JSON a benchmark, schema ``amiss.figures/1``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
_LIBRARIES = ("amiss", "numpy", "polars", "scikit-learn", "scipy", "torch", "optuna", "drain3")


@dataclass
class Figures:
    """Figures of one benchmark, with the spread of those that come from several runs."""

    name: str
    figures: dict[str, float | None] = field(default_factory=dict)
    spread: dict[str, list[float]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    """Of peers, which are in an environment of their own."""
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of a benchmark that is measured part by part: when, and at which commit, each was."""

    @classmethod
    def read(cls, name: str) -> Figures:
        """Return the figures there are, for a benchmark that measures a part of them anew."""
        content = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        peers = {k: v for k, v in content["versions"].items() if k not in _LIBRARIES}
        return cls(name, content["figures"], content["spread"], peers, content.get("parts", {}))

    def add(self, key: str, value: float | None, runs: Sequence[float] = ()) -> None:
        """Set a figure; None means tried and not obtained. `runs` gives its spread."""
        self.figures[key] = None if value is None else round(float(value), 6)
        if len(runs):
            low, high = round(float(min(runs)), 6), round(float(max(runs)), 6)
            self.spread[key] = [low, high, len(runs)]
        shown = "not obtained" if value is None else f"{value:,.4f}"
        print(f"  {key:<36} {shown}", flush=True)

    def write(self) -> Path:
        """Write the figures to the results folder."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.name}.json"
        content = {
            "schema": "amiss.figures/1",
            "date": datetime.now(UTC).date().isoformat(),
            "machine": _machine(),
            "versions": _versions() | self.versions,
            "command": f"python -m benchmarks.{self.name}",
            **({"parts": self.parts} if self.parts else {}),
            "figures": self.figures,
            "spread": self.spread,
        }
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return path


def parse_arguments(description: str | None, **flags: str) -> argparse.Namespace:
    """Parse ``--quick``: a reduced run that never writes to the results.

    `flags` are the names and the help of others.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="reduced run, writes no results")
    for name, meaning in flags.items():
        parser.add_argument(f"--{name}", action="store_true", help=meaning)
    return parser.parse_args()


def data_dir() -> Path:
    """Return the folder of the data sets: ``AMISS_DATA``, or shared/data beside the project."""
    default = Path(__file__).parents[2] / "shared" / "data"
    path = Path(os.environ.get("AMISS_DATA", default))
    if not path.is_dir():
        sys.exit(f"no data at {path}: set AMISS_DATA to the folder of the data sets")
    return path


def cpu_seconds(command: Sequence[str], **options: Any) -> float:
    """Run a command and return the CPU seconds it and its children took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def peak_gb() -> float:
    """Return the peak resident memory of this process."""
    status = Path("/proc/self/status")  # there the parent's memory is not in it
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024 / 1e9
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used * (1 if sys.platform == "darwin" else 1024) / 1e9


def _machine() -> str:
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{platform.machine()}, {os.cpu_count()} cores, {system}"


def _versions() -> dict[str, str]:
    found = {}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found

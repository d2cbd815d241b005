"""Run all benchmarks, one after the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NOT_BENCHMARKS = {"__init__", "__main__", "figures", "tables", "repeated_log", "scale"}


def main() -> None:
    here = Path(__file__).parent
    for path in sorted(here.glob("*.py")):
        if path.stem not in NOT_BENCHMARKS:
            print(f"== {path.stem}", flush=True)
            subprocess.run(
                [sys.executable, "-m", f"benchmarks.{path.stem}", *sys.argv[1:]], check=True
            )


if __name__ == "__main__":
    main()

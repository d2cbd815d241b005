"""The HTML page: its size, and how long it takes to write, for 100 to 10,000 findings.

The findings are sessions of a simulated log, 30 % of them with a fault, scanned by the ensemble as
the command line does, with a threshold below all scores: so many of the highest are taken.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from amiss import Findings, read_sessions, scan, simulate_hdfs
from amiss.explain.incidents import group_incidents
from amiss.run.page import write_page
from benchmarks.figures import Figures, parse_arguments

COUNTS = (100, 1_000, 10_000)
REPEATS = 3
LINES = 200_000
"""Of the simulated log: some 11,000 sessions."""


def all_flagged(folder: Path, lines: int = LINES) -> Findings:
    """Return findings in which each session of a simulated log is one."""
    simulation = simulate_hdfs(folder, lines=lines, seed=8, anomaly_share=0.3)
    sessions = read_sessions(simulation.log)
    fitted = scan(sessions).fitted
    assert fitted is not None
    least = float(fitted.detect(sessions).scores.min())
    fitted.threshold = fitted.threshold._replace(value=least - 1.0)
    return fitted.detect(sessions)


def measure(figures: Figures, *, quick: bool = False) -> None:
    """Add ``html_kb_N`` and ``render_s_N`` for each N of `COUNTS` that the log has.

    The time is that of `write_page`: what ``--html`` adds to a scan.
    """
    with tempfile.TemporaryDirectory() as name:
        found = all_flagged(Path(name), 20_000 if quick else LINES)
        path = Path(name, "report.html")
        for count in COUNTS:
            if count > len(found):
                continue
            items = found.items[:count]
            part = replace(found, items=items, incidents=group_incidents(items))
            taken = []
            for _ in range(REPEATS):
                start = time.perf_counter()
                write_page(part, path)
                taken.append(time.perf_counter() - start)
            figures.add(f"html_kb_{count}", path.stat().st_size / 1000)
            figures.add(f"render_s_{count}", min(taken), taken)


def main() -> None:
    """Measure and merge the figures into those of the report."""
    quick = parse_arguments(__doc__).quick
    try:
        figures = Figures.read("report")
    except FileNotFoundError:
        figures = Figures("report")
    measure(figures, quick=quick)
    if not quick:
        figures.write()


if __name__ == "__main__":
    main()

"""The report: incidents, the HTML page, `amiss diff`. All parts, or those that are named.

``python -m benchmarks.report incidents`` measures that part anew and keeps the other figures.
"""

from __future__ import annotations

import argparse

from benchmarks import report_diff, report_incidents, report_page
from benchmarks.figures import RESULTS, Figures

PARTS = {
    "incidents": report_incidents.measure,
    "page": report_page.measure,
    "diff": report_diff.measure,
}


def main() -> None:
    """Measure and merge the figures into those there are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="by default all")
    parser.add_argument("--quick", action="store_true", help="reduced run, writes no results")
    given = parser.parse_args()
    known = (RESULTS / "report.json").exists() and not given.quick
    figures = Figures.read("report") if known else Figures("report")
    for name in given.parts or PARTS:
        PARTS[name](figures, quick=given.quick)
    if not given.quick:
        print(f"wrote {figures.write()}")


if __name__ == "__main__":
    main()

"""Lines a second, and how time and memory grow with the log, beside Drain3 and LogLead.

The long logs are copies of the HDFS log, one after the other, with fresh block ids and later dates
(`benchmarks.repeated_log`). `lines_per_cpu_s` is from the raw file to the template of each line,
`lines_per_cpu_s_sessions` to sessions by block id; CPU seconds are of all threads. The peers are
given messages that are read and stripped of their headers already, which flatters them; ratios are
of runs in turn. Peaks are of the resident memory of whole commands: `amiss fit` and `amiss detect`.

Run by ``benchmarks.parsing``, which keeps the figures; alone it measures this part of them anew.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

import amiss
from amiss.read.records import RecordReader
from amiss.represent.sessions import KindShapes
from amiss.represent.templates import TemplateMiner
from benchmarks.figures import Figures, data_dir, parse_arguments
from benchmarks.repeated_log import write_repeated

KEY = r"blk_-?\d+"
RUNS = 3
SPEED_LINES = 1_000_000
SIZES = (200_000, 1_000_000, 4_000_000, 11_000_000)
PEER = Path(__file__).parent / "peers" / "parsers.py"
COMMAND = """
import atexit, json, sys, time
from pathlib import Path
from benchmarks.figures import peak_gb
said = Path(sys.argv[1])
atexit.register(lambda: said.write_text(json.dumps([time.process_time(), peak_gb()])))
from amiss.cli.commands import main
sys.argv = ["amiss", *sys.argv[2:]]
main()
"""


class Cost(NamedTuple):
    """What a command took."""

    cpu_s: float
    peak_gb: float
    wall_s: float


def main() -> None:
    quick = parse_arguments(__doc__).quick
    figures = Figures("parsing") if quick else Figures.read("parsing")
    measure(figures, quick)
    if not quick:
        print(f"wrote {figures.write()}")


def measure(figures: Figures, quick: bool) -> None:
    """Measure speed, ratios to the peers, and growth."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        log = scratch / "HDFS.log"
        log.write_bytes(gzip.decompress((data_dir() / "hdfs" / "HDFS.log.gz").read_bytes()))
        measure_speed(figures, log, scratch, quick)
        measure_growth(figures, log, scratch, SIZES[:1] if quick else SIZES)


def measure_speed(figures: Figures, log: Path, scratch: Path, quick: bool) -> None:
    """Lines a CPU second, ours and the peers' in turn; also where identifiers are UUIDs."""
    long, uuids = scratch / "long.log", scratch / "uuids.log"
    lines = SPEED_LINES // 10 if quick else SPEED_LINES
    write_repeated(log, long, lines)
    write_repeated(log, uuids, lines, hexadecimal=True)
    messages = scratch / "messages.txt"
    count = _write_messages(log, messages, 20_000 if quick else None)
    amiss.read_sessions(log, session_key=KEY)  # first use starts polars' threads
    rates: dict[str, list[float]] = {}
    for _ in range(1 if quick else RUNS):
        started = time.process_time()
        _read_templates(long)
        rates.setdefault("", []).append(lines / (time.process_time() - started))
        for name, path, key in (
            ("_sessions", long, KEY),
            ("_sessions_uuid", uuids, r"blk_[0-9a-f-]+"),
        ):
            started, clock = time.process_time(), time.perf_counter()
            amiss.read_sessions(path, session_key=key)
            rates.setdefault(name, []).append(lines / (time.process_time() - started))
            rates.setdefault(f"{name}_wall", []).append(lines / (time.perf_counter() - clock))
        for peer in ("drain3", "loglead"):
            if (took := _peer_seconds(peer, messages, scratch)) is not None:
                rates.setdefault(peer, []).append(count / took)
    for name in ("", "_sessions", "_sessions_uuid"):
        figures.add(f"lines_per_cpu_s{name}", float(np.median(rates[name])), rates[name])
    wall = rates["_sessions_wall"]
    figures.add("lines_per_s_sessions", float(np.median(wall)), wall)
    for peer in ("drain3", "loglead"):
        if peer not in rates:
            figures.add(f"ratio_{peer}", None)
            continue
        figures.add(f"{peer}_lines_per_cpu_s", float(np.median(rates[peer])), rates[peer])
        ratios = np.divide(rates["_sessions"], rates[peer]).tolist()
        figures.add(f"ratio_{peer}", float(np.median(ratios)), ratios)


def measure_growth(figures: Figures, log: Path, scratch: Path, sizes: tuple[int, ...]) -> None:
    """CPU seconds and peak memory of `amiss fit` and `amiss detect` on longer and longer logs."""
    for lines in sizes:
        long, model = scratch / "long.log", scratch / "long.amiss"
        write_repeated(log, long, lines)
        fit = _run(scratch, "fit", str(long), "--session-key", KEY, "-o", str(model))
        detect = _run(scratch, "detect", str(long), "-m", str(model))
        for name, cost in (("fit", fit), ("detect", detect)):
            figures.add(f"scale_{lines}_{name}_cpu_s", cost.cpu_s)
            figures.add(f"scale_{lines}_{name}_wall_s", cost.wall_s)
            figures.add(f"scale_{lines}_{name}_peak_gb", cost.peak_gb)
        if lines == SIZES[-1]:
            figures.add("peak_gb_fit_11m", fit.peak_gb)
            figures.add("peak_gb_detect_11m", detect.peak_gb)
            figures.add("wall_s_detect_11m", detect.wall_s)


def _read_templates(log: Path) -> None:
    """Read a log to the shape of each line, and mine the templates of the shapes."""
    shapes = KindShapes()
    of_lines = [shapes.of(batch.kinds)[batch.kind] for batch in RecordReader(log)]
    ids = TemplateMiner().add(shapes.table.texts)
    for shape in of_lines:
        ids[shape]


def _write_messages(log: Path, target: Path, most: int | None) -> int:
    lines = log.read_text(encoding="utf-8").splitlines()[:most]
    target.write_text("".join(f"{line.split(': ', 1)[1]}\n" for line in lines), encoding="utf-8")
    return len(lines)


def _peer_seconds(peer: str, messages: Path, scratch: Path) -> float | None:
    """Return the CPU seconds of a peer; None without its environment, or if it fails."""
    python = os.environ.get("AMISS_PARSER_PEER_PYTHON")
    if not python:
        return None
    command = [python, str(PEER), peer, str(messages), str(scratch / "clusters.txt")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"  {peer}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return float(json.loads(done.stdout.strip().splitlines()[-1])["cpu_s"])


def _run(scratch: Path, *arguments: str) -> Cost:
    said = scratch / "cost.json"
    clock = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", COMMAND, str(said), *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    wall = time.perf_counter() - clock
    cpu, peak = json.loads(said.read_text())
    return Cost(cpu, peak, wall)


if __name__ == "__main__":
    main()

"""A day of a small service, with faults that no order of events shows, and what is said of them.

    python examples/rates_and_numbers.py

Two logs are written to a scratch folder. In the first a heartbeat stops for twelve minutes,
requests come ten times as often for three, and nothing is logged for three. In the second one
request reads an impossible size, one ends with another code, and one takes an hour.
"""

from __future__ import annotations

import random
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import amiss

START = datetime(2025, 3, 1)
Lines = list[tuple[datetime, str]]


def heartbeats_and_requests() -> Lines:
    """Return the lines of a day by time."""
    rng = random.Random(3)
    lines: Lines = []
    for minute in range(1440):
        time = START + timedelta(minutes=minute)
        if 900 <= minute < 903:
            continue
        if not 700 <= minute < 712:
            lines += [
                (time + timedelta(seconds=s + 0.3 * rng.random()), "heartbeat from node-7 ok")
                for s in (5, 20, 35, 50)
            ]
        for _ in range(rng.randrange(5, 20) + (150 if 300 <= minute < 303 else 0)):
            said = f"request served in {rng.randrange(5, 90)} ms, {rng.randrange(200, 5000)} bytes"
            lines.append((time + timedelta(seconds=60 * rng.random()), said))
    return sorted(lines)


def requests() -> Lines:
    """Return the lines of 3,000 requests by time, of three lines each."""
    rng = random.Random(1)
    lines: Lines = []
    time = START
    for i in range(3000):
        time += timedelta(seconds=rng.expovariate(1 / 5))
        size = 10**15 if i == 1500 else int(rng.lognormvariate(9, 1))
        wait = 4000 if i == 2200 else rng.lognormvariate(0, 0.4)
        code = 137 if i == 700 else 0
        lines += [
            (time, f"request r-{i} opened"),
            (time + timedelta(seconds=0.2), f"request r-{i} read {size} bytes"),
            (time + timedelta(seconds=0.2 + wait), f"request r-{i} closed with code {code}"),
        ]
    return sorted(lines)


def written(path: Path, lines: Lines) -> Path:
    """Write lines as a log and return its path."""
    text = (f"{t:%Y-%m-%d %H:%M:%S},{t.microsecond // 1000:03d} INFO {said}\n" for t, said in lines)
    path.write_text("".join(text))
    return path


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = written(Path(folder, "rate.log"), heartbeats_and_requests())
        print(amiss.scan(amiss.read_sessions(log, every="1m")), end="\n\n")

        log = written(Path(folder, "req.log"), requests())
        findings = amiss.scan(amiss.read_sessions(log, session_key=r"r-\d+", numbers=True))
        print(findings, end="\n\n")
        print(findings[0].explain())


if __name__ == "__main__":
    main()

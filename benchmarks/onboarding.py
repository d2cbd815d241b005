"""Onboarding: what `amiss inspect` makes of logs that nobody described, and whether a scan runs.

Ten Loghub samples of 2,000 lines, the HDFS log, and three access logs. Of each: ``amiss inspect``,
then the command that it says to run next. A format is right if it is the one that the log is in; a
key is right if it is one that who knows the system would take. What is judged is what was
discovered: a key that is usual for a format does not count. Findings have to point at lines that
are there, with the text that they show.

The rules of discovery were developed on these logs, on invented ones (``tests/run``), and on parts
of them; so the keys of their halves are figures of how stable it is, not of unseen systems.
"""

from __future__ import annotations

import gzip
import json
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from amiss.read.sources import find_sources
from amiss.run.discovery import discover_keys
from amiss.run.sample import take_sample
from benchmarks.figures import Figures, data_dir, parse_arguments

NONE = "none"
"""Truth where lines of a log have nothing in common that ties them together."""


class Log(NamedTuple):
    """A log, what format it is in, and what is right for a session key: a pattern of names."""

    file: str
    format: str
    key: str
    words: str
    """The right key in words."""


LOGS = {
    "HDFS": Log("loghub-2k/HDFS_2k.log.gz", "hdfs", "blk_", "block id"),
    "Hadoop": Log(
        "loghub-2k/Hadoop_2k.log.gz", "hadoop", "attempt_|container_", "attempt or container id"
    ),
    "Spark": Log("loghub-2k/Spark_2k.log.gz", "spark", NONE, NONE),
    "OpenStack": Log(
        "loghub-2k/OpenStack_2k.log.gz", "openstack", "instance|req-|^request$",
        "request or instance id",
    ),
    "OpenSSH": Log("loghub-2k/OpenSSH_2k.log.gz", "syslog", "^pid$", "pid"),
    "Linux": Log("loghub-2k/Linux_2k.log.gz", "syslog", "^pid$", "pid"),
    "Apache": Log("loghub-2k/Apache_2k.log.gz", "apache_error", NONE, NONE),
    "HealthApp": Log("loghub-2k/HealthApp_2k.log.gz", "healthapp", NONE, NONE),
    "BGL": Log("loghub-2k/BGL_2k.log.gz", "bgl", "^node$", "node"),
    "Thunderbird": Log("loghub-2k/Thunderbird_2k.log.gz", "thunderbird", "^node$", "node"),
    "HDFS, 156,132 lines": Log("hdfs/HDFS.log.gz", "hdfs", "blk_", "block id"),
    "web, normal": Log("weblog/access_normal.log.gz", "combined", "^client$", "client address"),
    "web, Acunetix": Log("weblog/scan_acunetix.log.gz", "combined", "^client$", "client address"),
    "web, w3af": Log("weblog/scan_w3af.log.gz", "combined", "^client$", "client address"),
}  # fmt: skip


def is_right(choice: dict[str, Any], log: Log) -> bool:
    """Whether lines are grouped as who knows the system would."""
    if choice["option"] in ("every", "window"):
        return log.key == NONE
    return log.key != NONE and re.search(log.key, choice["value"]) is not None


def run(words: list[str]) -> tuple[int, str, str]:
    """Run the command line; return its exit code, output and complaints."""
    done = subprocess.run(
        [sys.executable, "-m", "amiss.cli", *words], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def misplaced(findings: list[dict[str, Any]], path: Path) -> int:
    """Return how many findings point at no line of the file, or show a text that is not there."""
    lines = gzip.decompress(path.read_bytes()).decode(errors="replace").split("\n")
    wrong = 0
    for finding in findings:
        fits = all(
            1 <= place["first_line"] <= place["last_line"] <= len(lines)
            for place in finding["locations"]
        )
        for event in finding["got"]:
            at, text = event["first_line"], event["text"].rstrip("\r")
            fits = fits and 1 <= at <= len(lines) and lines[at - 1].rstrip("\r") == text
        wrong += not (fits and finding["locations"])
    return wrong


def look_at(log: Log, *, scan: bool) -> dict[str, Any]:
    """Inspect one log and run what is said to be next."""
    path = data_dir() / log.file
    code, out, err = run(["inspect", str(path), "--json", "--quiet"])
    if code:
        return {"crashed": err.strip()[-300:], "format_right": False, "key_right": False}
    content = json.loads(out)
    discovered = content["discovered"]
    found = {
        "lines": content["sample"]["records"],
        "format": content["format"]["name"],
        "fits": content["format"]["share"],
        "format_right": content["format"]["name"] == log.format,
        "truth": log.words,
        "option": discovered["option"],
        "value": discovered["value"],
        "reason": discovered["reason"],
        "key_right": is_right(discovered, log),
        "score": content["session_keys"][0]["score"] if content["session_keys"] else 0,
        "templates": len(content["templates"]),
    }
    if not scan:
        return found
    code, out, err = run([*shlex.split(content["next"])[1:], "--json", "--quiet"])
    if code:
        return {**found, "crashed": err.strip()[-300:]}
    scanned = json.loads(out)
    return {
        **found,
        "scored": scanned["scored"],
        "flagged": scanned["flagged"],
        "misplaced": misplaced(scanned["findings"], path),
    }


def halves(log: Log) -> list[bool]:
    """Return whether the key is right on each half of the lines, looked at by itself."""
    path = data_dir() / log.file
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    right = []
    with tempfile.TemporaryDirectory() as folder:
        for part in (lines[: len(lines) // 2], lines[len(lines) // 2 :]):
            file = Path(folder, "half.log")
            file.write_bytes(b"".join(part))
            choice = discover_keys(take_sample(find_sources(file))).choice
            right.append(is_right(choice._asdict(), log))
    return right


def main() -> None:
    arguments = parse_arguments(__doc__)
    figures = Figures("onboarding")
    stable: list[bool] = []
    for name, log in LOGS.items():
        found = look_at(log, scan=not arguments.quick)
        figures.parts[name] = found
        key = f"{found.get('option')} {found.get('value')}"
        print(f"  {name:<20} {found.get('format'):<14} {key:<40} {found.get('crashed', '')}")
        if not arguments.quick:
            of_halves = halves(log)
            found["halves_right"] = sum(of_halves)
            stable += of_halves
    parts = list(figures.parts.values())
    figures.add("formats_right", sum(part["format_right"] for part in parts))
    figures.add("formats_total", len(parts))
    figures.add("keys_right", sum(part["key_right"] for part in parts))
    figures.add("keys_total", len(parts))
    figures.add("crashes", sum("crashed" in part for part in parts))
    if not arguments.quick:
        figures.add("findings", sum(part.get("flagged", 0) for part in parts))
        figures.add("findings_misplaced", sum(part.get("misplaced", 0) for part in parts))
        figures.add("keys_right_halves", sum(stable))
        figures.add("keys_total_halves", len(stable))
        figures.write()


if __name__ == "__main__":
    main()

"""`amiss diff`: are changes found that were put in, and is it silent where nothing changed.

Halves without a change: sessions, or stretches of time, are drawn at random into two logs; of
simulated logs, which do not drift, the halves in time. Then the second half is changed in one way,
and the difference counts as found if it is named as what it is: another difference does not count.
The least change and the corrections for bursts and drift were chosen on simulated logs of seeds 1
to 3 and on the Loghub samples of Apache, BGL, Hadoop, HealthApp and Linux, none of which is here.
The number of stretches was doubled, from 32, after a first run on these logs, which had no alarm
either.

``diff_found`` is of all changes but one: a template that comes in bursts has no rate to speak of,
and how often its doubling is found is a figure of its own. Access logs are looked at for false
alarms only: nearly all of their requests are of one template.

Halves in time of real logs are another matter: they drift, so what is named there is counted, not
held against it.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from amiss import LogDiff, diff_logs, simulate_hdfs
from benchmarks.figures import Figures, data_dir, parse_arguments

SAMPLES = ("OpenSSH", "OpenStack", "Spark", "Thunderbird")
STRETCHES = 50
"""Of a log whose stretches are drawn."""
NEW_LINES = 20
LEAST_LINES = 100
"""Of a template that is doubled or taken out, in the half that is changed."""
STEADY, PARTS = 0.75, 32
"""What comes in such a share of so many parts of the half has a rate; what does not, bursts."""
SWAPPED = 50
"""Sessions whose order is changed."""
SIMULATED = 40_000


class Log(NamedTuple):
    """A log as lines, and what is known of each: kind of message, session."""

    name: str
    lines: list[str]
    kind: list[str]
    session: list[str]
    """Empty where lines have none."""
    message: list[str]


def hdfs_log(name: str, text: str) -> Log:
    """Return an HDFS log; the words of a message without digits and slashes are its kind."""
    lines = text.splitlines(keepends=True)
    kind = [
        " ".join(word for word in line.split()[3:] if not re.search(r"[\d/]", word))
        for line in lines
    ]
    found = (re.search(r"blk_-?\d+", line) for line in lines)
    message = [line.rstrip("\n").split(": ", 1)[-1] for line in lines]
    return Log(name, lines, kind, [match[0] if match else "" for match in found], message)


def sample_log(folder: Path, name: str) -> Log:
    """Return a Loghub sample; the kind of a line is the event it is labelled as."""
    lines = gzip.decompress((folder / f"{name}_2k.log.gz").read_bytes()).decode(errors="replace")
    table = gzip.decompress((folder / f"{name}_2k.log_structured.csv.gz").read_bytes()).decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    kind, message = [row["EventId"] for row in rows], [row["Content"] for row in rows]
    return Log(name, lines.splitlines(keepends=True), kind, [], message)


def web_log(path: Path) -> Log:
    """Return an access log; method, first part of the path and status are the kind of a line."""
    lines = gzip.decompress(path.read_bytes()).decode(errors="replace").splitlines(keepends=True)
    request = re.compile(r'"(\S+) (/[^/?" ]*)[^"]*" (\d+)')
    found = [request.search(line) for line in lines]
    kind = [" ".join(match.groups()) if match else "" for match in found]
    return Log("web", lines, kind, [], [match[0] if match else "" for match in found])


def by_session(log: Log, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw sessions: which lines are of the second log."""
    names: dict[str, int] = {}
    codes = np.array([names.setdefault(session, len(names)) for session in log.session])
    drawn: NDArray[np.bool_] = rng.integers(0, 2, len(names)).astype(bool)[codes]
    return drawn


def by_stretch(log: Log, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw stretches of time: which lines are of the second log."""
    stretch = np.arange(len(log.lines)) * STRETCHES // len(log.lines)
    drawn: NDArray[np.bool_] = rng.permutation(np.arange(STRETCHES) % 2 == 1)[stretch]
    return drawn


def in_time(log: Log, _rng: np.random.Generator | None = None) -> NDArray[np.bool_]:
    """Return which lines are of the second half."""
    return np.arange(len(log.lines)) * 2 >= len(log.lines)


Split = Callable[[Log, np.random.Generator], NDArray[np.bool_]]


def compare(before: Sequence[str], after: Sequence[str]) -> LogDiff:
    """Write both logs and compare them."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("before.log", "after.log")]
        for path, lines in zip(paths, (before, after), strict=True):
            path.write_text("".join(lines), encoding="utf-8")
        return diff_logs(*paths)


def frequent(
    log: Log, rows: Sequence[int], rng: np.random.Generator, *, steady: bool = True
) -> str | None:
    """Return a kind that many of the lines are of, all along or in bursts; None: there is none."""
    counts = Counter(log.kind[row] for row in rows)
    parts = Counter(
        kind for kind, _ in {(log.kind[row], i * PARTS // len(rows)) for i, row in enumerate(rows)}
    )
    known = sorted(
        kind
        for kind, n in counts.items()
        if n >= LEAST_LINES and (parts[kind] >= STEADY * PARTS) == steady
    )
    return str(rng.choice(known)) if known else None


class Change(NamedTuple):
    """A log that was changed, and how a difference is told to be that change."""

    lines: list[str]
    is_found: Callable[[LogDiff], bool]


def add_new(log: Log, rows: Sequence[int], rng: np.random.Generator) -> Change:
    """Put lines of a new template where others stand, with their headers."""
    lines = [log.lines[row] for row in rows]
    for at in sorted(rng.choice(len(lines), NEW_LINES, replace=False).tolist(), reverse=True):
        shelf, guests = rng.integers(1_000_000), rng.integers(10_000)
        said = f"warmed shelf {shelf} of the larder for {guests} guests"
        if log.name == "web":
            said = f'"GET /larder/{rng.integers(1_000_000)} HTTP/1.1" 200'
        elif log.session:
            said += f" blk_{rng.integers(1_000_000_000)}"
        line, message = log.lines[rows[at]], log.message[rows[at]]
        start = line.rfind(message) if message else 0
        lines.insert(at, f"{line[:start]}{said}{line[start + len(message) :].strip()}\n")
    return Change(lines, lambda d: any("larder" in change.example.text for change in d.new))


def double(
    log: Log, rows: Sequence[int], rng: np.random.Generator, *, steady: bool = True
) -> Change | None:
    """Write the lines of a template twice."""
    kind = frequent(log, rows, rng, steady=steady)
    if kind is None:
        return None
    lines = [line for row in rows for line in [log.lines[row]] * (1 + (log.kind[row] == kind))]
    known = dict(zip((line.rstrip("\r\n") for line in log.lines), log.kind, strict=True))
    return Change(
        lines,
        lambda d: any(c.ratio > 1 and known.get(c.example.text) == kind for c in d.changed),
    )


def double_bursts(log: Log, rows: Sequence[int], rng: np.random.Generator) -> Change | None:
    """Write the lines of a template twice that comes in bursts, so has no rate to speak of."""
    return double(log, rows, rng, steady=False)


def take_out(log: Log, rows: Sequence[int], rng: np.random.Generator) -> Change | None:
    """Leave out the lines of a template."""
    kind = frequent(log, rows, rng)
    if kind is None:
        return None
    known = dict(zip((line.rstrip("\r\n") for line in log.lines), log.kind, strict=True))
    return Change(
        [log.lines[row] for row in rows if log.kind[row] != kind],
        # A template that is wider than the kind is not gone, but comes less often.
        lambda d: any(
            known.get(c.example.text) == kind or (c.ratio < 1 and _shares(c.template, kind, log))
            for c in [*d.gone, *d.changed]
        ),
    )


def _shares(template: str, kind: str, log: Log) -> bool:
    """Return whether a template covers a line of a kind."""
    words = [re.escape(part) for part in template.split("<*>")]
    pattern = re.compile(".*".join(words).replace(r"\ ", r"\s+"))
    return pattern.search(log.lines[log.kind.index(kind)]) is not None


def reorder(log: Log, rows: Sequence[int], rng: np.random.Generator) -> Change | None:
    """Swap two lines that follow each other, in some sessions, to an order that never was."""
    if not log.session:
        return None
    last: dict[str, int] = {}
    pairs: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for place, row in enumerate(rows):
        if (at := last.get(log.session[row])) is not None:
            pairs.setdefault((log.kind[rows[at]], log.kind[row]), []).append((at, place))
        last[log.session[row]] = place
    ever = set()
    last = {}
    for row, session in enumerate(log.session):
        if session in last:
            ever.add((log.kind[last[session]], log.kind[row]))
        last[session] = row
    usable = sorted(
        pair for pair, at in pairs.items() if len(at) >= 4 * SWAPPED and pair[::-1] not in ever
    )
    first, second = usable[rng.integers(len(usable))]
    lines = [log.lines[row] for row in rows]
    places = pairs[first, second]
    for i in rng.choice(len(places), SWAPPED, replace=False):
        one, two = places[i]
        lines[one], lines[two] = lines[two], lines[one]
    known = dict(zip((line.rstrip("\r\n") for line in log.lines), log.kind, strict=True))
    return Change(
        lines,
        lambda d: any(
            [known.get(example.text) for example in pair.example] == [second, first]
            for pair in d.transitions
        ),
    )


CHANGES: dict[str, Callable[[Log, Sequence[int], np.random.Generator], Change | None]] = {
    "new template": add_new,
    "doubled rate": double,
    "gone": take_out,
    "order": reorder,
    "doubled bursts": double_bursts,
}


def simulated(seed: int, lines: int = SIMULATED) -> Log:
    """Return a simulated HDFS log, which does not drift."""
    with tempfile.TemporaryDirectory() as folder:
        simulate_hdfs(folder, lines=lines, seed=seed)
        text = Path(folder, "HDFS.log").read_text(encoding="utf-8")
    return hdfs_log(f"simulated, seed {seed}", text)


def real_logs() -> dict[str, Log]:
    """Return the real logs."""
    folder = data_dir()
    hdfs = gzip.decompress((folder / "hdfs/HDFS.log.gz").read_bytes()).decode()
    return {
        "HDFS": hdfs_log("HDFS", hdfs),
        "web": web_log(folder / "weblog/access_normal.log.gz"),
        **{name: sample_log(folder / "loghub-2k", name) for name in SAMPLES},
    }


def halves(
    log: Log, split: Split, rng: np.random.Generator
) -> tuple[list[str], list[int], list[str]]:
    """Return the lines of the first log, and the rows and lines of the second."""
    second = split(log, rng)
    rows = np.flatnonzero(second).tolist()
    first = [log.lines[row] for row in np.flatnonzero(~second).tolist()]
    return first, rows, [log.lines[row] for row in rows]


def measure(figures: Figures, *, quick: bool = False) -> None:
    """Add ``diff_found``, ``diff_false_alarms_of_20`` and what they are made of."""
    real = real_logs()
    in_sim = [simulated(seed) for seed in range(11, 12 if quick else 17)]
    unchanged: list[tuple[Log, Split, int]] = [
        (real["HDFS"], by_session, seed) for seed in range(1 if quick else 5)
    ]
    if not quick:
        unchanged += [(real["HDFS"], by_stretch, seed) for seed in range(2)]
        unchanged += [(real["web"], by_stretch, seed) for seed in range(3)]
    unchanged += [(real[name], by_stretch, 0) for name in SAMPLES]
    unchanged += [(log, in_time, 0) for log in in_sim]
    alarms: dict[str, int] = {}
    for log, split, seed in unchanged:
        before, _, after = halves(log, split, np.random.default_rng([2026, seed]))
        named = compare(before, after).alarms
        alarms[f"{log.name}, {split.__name__}, {seed}"] = named
    figures.parts["diff, unchanged"] = dict(alarms)
    false = sum(named > 0 for named in alarms.values())
    figures.add(f"diff_false_alarms_of_{len(alarms)}", false)

    changed: list[tuple[Log, Split, int]] = []
    for seed in range(200, 201 if quick else 203):
        changed.append((real["HDFS"], by_session, seed))
        changed += [(real[name], by_stretch, seed) for name in SAMPLES]
    changed += [(log, in_time, 200) for log in in_sim]
    found: dict[str, Any] = {}
    total: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for log, split, seed in changed:
        for number, kind in enumerate(CHANGES):
            rng = np.random.default_rng([2026, seed, number])
            before, rows, _ = halves(log, split, rng)
            change = CHANGES[kind](log, rows, rng)
            if change is None:  # the log has nothing of the kind
                continue
            is_found = change.is_found(compare(before, change.lines))
            total[kind] += 1
            right[kind] += is_found
            found[f"{log.name}, {seed}, {kind}"] = is_found
    figures.parts["diff, changed"] = found
    for kind in CHANGES:
        figures.add(f"diff_found_{kind.replace(' ', '_')}", right[kind] / max(total[kind], 1))
    figures.parts["diff, found of"] = {kind: f"{right[kind]} of {total[kind]}" for kind in CHANGES}
    told = [kind for kind in CHANGES if kind != "doubled bursts"]
    figures.add("diff_found", sum(right[k] for k in told) / sum(total[k] for k in told))

    drift: dict[str, Any] = {}
    for name, log in real.items():
        before, _, after = halves(log, in_time, np.random.default_rng(0))
        d = compare(before, after)
        drift[name] = {
            "new": len(d.new), "gone": len(d.gone), "changed": len(d.changed),
            "transitions": len(d.transitions),
        }  # fmt: skip
    figures.parts["diff, halves in time of real logs"] = drift
    figures.add("diff_real_halves_with_changes", sum(any(d.values()) for d in drift.values()))
    figures.add("diff_cpu_s_two_million_lines", None if quick else cpu_seconds_of_a_million())


def cpu_seconds_of_a_million() -> float:
    """Return the CPU time it takes to compare two logs of a million lines each."""
    lines = simulated(20, 250_000).lines
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("before.log", "after.log")]
        for path in paths:
            path.write_text("".join(lines) * 4, encoding="utf-8")
        start = time.process_time()
        diff_logs(*paths)
        return time.process_time() - start


def main() -> None:
    """Measure and merge the figures into those of the report."""
    quick = parse_arguments(__doc__).quick
    measured = Figures("report")
    measure(measured, quick=quick)
    if quick:
        return
    try:  # now, since others may have written meanwhile
        figures = Figures.read("report")
    except FileNotFoundError:
        figures = Figures("report")
    figures.figures.update(measured.figures)
    figures.parts.update(measured.parts)
    print(figures.write())


if __name__ == "__main__":
    main()

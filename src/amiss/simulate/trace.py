"""Kernel traces of a periodic real-time system on one processor, and the truth about them.

Tasks are released by pulses of timers, which the clock interrupt sends; they ask servers by
messages. Sampling becomes faster from one clean trace to the next: more of the same, no fault.
Faults keep to the protocol of messages. They change in what order its steps follow each other, as
who runs first is another, and in part they have events that no clean trace has.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from amiss.errors import UsageError
from amiss.simulate._kernel import EVENTS, STEP, Floats, Ints, Jobs, repeat_steps, schedule

__all__ = ["TRACE_FAULTS", "TraceSimulation", "simulate_traces"]

TRACE_FAULTS = (
    "ls_fifo_01",  # `ls -R` in a loop, FIFO scheduled above the control tasks
    "ls_fifo_02",  # the same, on other directories and at other times
    "ls_sporadic",  # the same under sporadic scheduling: its priority drops with its budget
    "busy_loop_half",  # a thread computes for half of the time
    "busy_loop_full",  # a thread computes for nearly all of the time
)
"""Names of the injected faults, one faulty file each."""

_SECONDS = 100.0
_TICK = 0.0005
_CLEAN = 10
_PULSES = (36_701, 144_575)  # of the first clean file and of the last
_ERRORS = 6
_MESSAGES = (46_000, 66_000)  # of a faulty file; clean ones have 18,000, by the rates of the tasks
_BURSTS = 8
_JOINED = 250  # rows; events of a fault that are closer are of one range

# A program is a tuple of choices: steps and how often each is taken.
_Program = tuple[dict[str, float], ...]
_USUAL = {"ask": 0.93, "ask_read": 0.06, "ask_busy": 0.01}
_LARGE = {"ask": 0.05, "ask_read": 0.93, "ask_busy": 0.02}


class _Task(NamedTuple):
    level: int
    per_second: float
    program: _Program


def _program(*choices: str | dict[str, float]) -> _Program:
    return tuple({one: 1.0} if isinstance(one, str) else one for one in choices)


_TASKS = {
    "control": _Task(3, 50, _program("begin", _USUAL, "compute", _USUAL, "end")),
    "navigation": _Task(4, 10, _program("begin", _USUAL, _LARGE, "filter", _USUAL, "end")),
    "logging": _Task(6, 20, _program("begin", "lock", _LARGE, "unlock", "end")),
    "telemetry": _Task(
        6, 5, _program("begin", *[_USUAL] * 3, _LARGE, {"timer": 0.5, "nothing": 0.5}, "end")
    ),
    "housekeeping": _Task(
        6, 2, _program("begin", *[_USUAL] * 5, "timer", {"detach": 0.2, "nothing": 0.8}, "end")
    ),
}
_SAMPLED = {"nothing": 0.85, "post": 0.09, "hand_on": 0.03, "clock": 0.03}
_WATCH = _Task(4, 40, _program("slept", {"clock": 0.9, "nothing": 0.1}, "sleep"))
_DRIVER = _program("received", {"post": 0.2, "hand_on": 0.8}, "listen")
_DRIVERS = {"serial": 25.0, "disk": 12.0}  # interrupts a second


@dataclass(frozen=True)
class TraceSimulation:
    """What `simulate_traces` wrote.

    Attributes
    ----------
    traces : Path
        Folder of the traces: ``clean_01.csv`` to ``clean_10.csv`` and one file a fault, named as
        in `TRACE_FAULTS`; columns ``class`` and ``event``.
    truth : Path
        ``truth.csv``: ``file,label,fault`` of every file, ``Normal`` or ``Anomaly``.
    ranges : Path
        ``truth_ranges.csv``: ``file,first_row,last_row,fault`` of the rows during which a fault
        was active, counted from 1 without the header.
    files, anomalies, events : int
        How many files, faulty files, and events in all files there are.
    """

    traces: Path
    truth: Path
    ranges: Path
    files: int
    anomalies: int
    events: int


def simulate_traces(directory: str | Path, *, scale: float = 1.0, seed: int = 0) -> TraceSimulation:
    """Write kernel traces of a simulated real-time system: ten clean ones, five with a fault.

    A clean trace has 18,000 messages at full scale, and more pulses of timers from file to file:
    from 36,701 to 144,575, since sampling becomes faster. A faulty one has 46,000 to 66,000
    messages. Its fault is active in bursts only, of which some show in nothing but the order of
    the events. The same arguments give the same bytes.

    Parameters
    ----------
    directory : str or Path
        Where to write; created if missing. Files of an earlier simulation are replaced.
    scale : float, default 1.0
        Length of the traces, as a share of full size: 0.6 to 1.4 million events in clean ones.
    seed : int, default 0
        Seed of all that is random.

    Returns
    -------
    TraceSimulation
        The files and what is in them.

    Raises
    ------
    UsageError
        If `scale` is not from 0.005 to 1, or `seed` below 0.

    References
    ----------
    Traces of such a system are studied in M. Salem, M. Crowley, S. Fischmeister: Anomaly Detection
    Using Inter-Arrival Curves for Real-Time Systems. ECRTS 2016.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as directory:
    ...     simulation = simulate_traces(directory, scale=0.005)
    ...     files = sorted(path.name for path in simulation.traces.iterdir())
    >>> len(files), files[0], simulation.anomalies
    (15, 'busy_loop_full.csv', 5)
    """
    if not 0.005 <= scale <= 1:  # put this way round, it refuses NaN too
        expected = "a share of full size is from 0.005 to 1; pass such a number, as 0.1"
        raise UsageError(f"scale is {scale}, but {expected}")
    if seed < 0:
        raise UsageError(f"seed is {seed}, but a seed is 0 or more; pass such a number")
    folder = Path(directory) / "traces"
    folder.mkdir(parents=True, exist_ok=True)
    truth, ranges, n_events = [], [], 0
    names = [f"clean_{number:02d}" for number in range(1, _CLEAN + 1)]
    for number, name in enumerate([*names, *TRACE_FAULTS]):
        rng = np.random.default_rng([seed, number])
        fault = name if name in TRACE_FAULTS else ""
        events, burst = _trace(rng, scale, number, fault)
        n_events += len(events)
        words = pl.DataFrame({"word": EVENTS}).select(
            pl.col("word").str.split_exact("/", 1).struct.rename_fields(["class", "event"])
        )
        words.unnest("word")[events].write_csv(folder / f"{name}.csv")
        truth.append((f"{name}.csv", "Anomaly" if fault else "Normal", fault))
        ranges += [(f"{name}.csv", first, last, fault) for first, last in _get_ranges(burst)]
    paths = (Path(directory) / "truth.csv", Path(directory) / "truth_ranges.csv")
    _write(paths[0], ("file", "label", "fault"), truth)
    _write(paths[1], ("file", "first_row", "last_row", "fault"), ranges)
    return TraceSimulation(folder, *paths, len(truth), len(TRACE_FAULTS), n_events)


def _write(path: Path, header: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    with path.open("w", encoding="ascii", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def _trace(rng: np.random.Generator, scale: float, number: int, fault: str) -> tuple[Ints, Ints]:
    """Return the events of one file in order, and of each the burst of the fault, or −1."""
    seconds = _SECONDS * scale
    pulses = np.linspace(*_PULSES, _CLEAN)
    target = pulses[number] if not fault else rng.uniform(pulses[2], pulses[7])
    jobs = Jobs()
    timers: list[Floats] = []  # when a timer sends a pulse
    asked = 0
    for task in _TASKS.values():  # housekeeping is the last
        released = _grid(rng, task.per_second, seconds)
        steps = _draw(rng, task.program, len(released))
        asked += int(np.isin(steps, [STEP[ask] for ask in _USUAL]).sum())
        timers.append(released)
        jobs.add(released, task.level, steps)
    _fail_some(rng, jobs.steps[-1], ceil(_ERRORS * scale))
    n_timers = sum(len(released) for released in timers)
    double, sampled = _sample(rng, jobs, round(target * scale) - n_timers, seconds)
    for interrupt, rate in _DRIVERS.items():
        raised = np.sort(rng.uniform(0, seconds, round(rate * seconds)))
        jobs.add(raised, 0, repeat_steps(interrupt, len(raised)))
        jobs.add(raised, 5, _draw(rng, _DRIVER, len(raised)))
    woken = _grid(rng, _WATCH.per_second, seconds)
    jobs.add(woken, _WATCH.level, _draw(rng, _WATCH.program, len(woken)))
    if fault:
        wanted = rng.uniform(*_MESSAGES) * scale - asked
        woken = np.append(woken, _add_fault(rng, jobs, fault, wanted, seconds))
    _interrupt(jobs, np.concatenate([*timers, sampled]), double, woken)
    return schedule(rng, jobs)


def _grid(rng: np.random.Generator, per_second: float, seconds: float) -> Floats:
    """Return the times of a periodic timer with jitter, on ticks of the clock."""
    n = max(round(per_second * seconds), 1)
    at = (np.arange(n) + rng.uniform(0, 1) + rng.normal(0, 0.03, n)) * seconds / n
    return np.sort(_on_tick(at))


def _on_tick(time: Floats) -> Floats:
    """Return when the clock interrupts at that time or next."""
    tick: Floats = np.ceil(time / _TICK) * _TICK
    return tick


def _draw(rng: np.random.Generator, program: _Program, n: int) -> Ints:
    """Return the steps of `n` jobs, a row each."""
    columns = []
    for choice in program:
        numbers = np.array([STEP[name] for name in choice])
        shares = np.array(list(choice.values()))
        columns.append(rng.choice(numbers, n, p=shares / shares.sum()))
    return np.stack(columns, axis=1).astype(np.int64)


def _fail_some(rng: np.random.Generator, steps: Ints, n: int) -> None:
    asks = np.flatnonzero(steps == STEP["ask"])
    steps[rng.choice(asks, min(n, len(asks)), replace=False)] = STEP["ask_failed"]


def _sample(
    rng: np.random.Generator, jobs: Jobs, n_pulses: int, seconds: float
) -> tuple[Ints, Floats]:
    """Add the task that samples: mostly two channels at once, each with a pulse of its own."""
    n = max(n_pulses // 2, 1)
    channels = np.full(n, 2)
    some = rng.permutation(n)[: 2 * (n // 12)].reshape(2, -1)
    channels[some[0]], channels[some[1]] = 1, 3
    channels[0] += n_pulses - 2 * n
    released = _grid(rng, n / seconds, seconds)
    steps = np.full((n, 6), -1)
    steps[:, 0], steps[:, 5] = STEP["begin"], STEP["end"]
    for more in (1, 2, 3):
        steps[channels > more, more] = STEP["another"]
    steps[:, 4] = _draw(rng, (_SAMPLED,), n)[:, 0]
    jobs.add(released, 1, steps)
    return channels, released


def _interrupt(jobs: Jobs, released: Floats, channels: Ints, woken: Floats) -> None:
    """Add the clock interrupts that release tasks; timers of one tick share one."""
    n_tasks = len(released) - len(channels)
    ticks = np.concatenate([released, woken])
    extra = np.concatenate([np.zeros(n_tasks, np.int64), channels - 1, np.zeros(len(woken))])
    first = np.repeat([STEP["pulse"], STEP["wake"]], [len(released), len(woken)])
    order = np.argsort(ticks, kind="stable")
    length = 1 + extra[order].astype(np.int64)
    begin = np.cumsum(length) - length
    steps = np.full(length.sum(), STEP["same"])
    steps[begin] = first[order]
    # Ticks are multiples of one number, so what is of one tick differs by rounding at most.
    tick, at = np.unique(np.round(ticks[order] / _TICK).astype(np.int64), return_index=True)
    starts = begin[at]
    steps = np.insert(steps, starts, STEP["tick"])
    sizes = np.diff(np.append(starts, length.sum())) + 2
    steps = np.insert(steps, np.cumsum(sizes - 1), STEP["tock"])
    jobs.add_flat(np.multiply(tick, _TICK, dtype=np.float64), 0, steps, sizes)


class _Burst(NamedTuple):
    fault: str
    number: int
    begin: float
    length: float
    n_messages: float
    odd: float  # how much of it is in other orders than usual
    loud: bool  # has what no clean trace has, now and then


def _add_fault(
    rng: np.random.Generator, jobs: Jobs, fault: str, n_messages: float, seconds: float
) -> Floats:
    """Add the jobs of the fault, in bursts; return when the clock wakes its threads."""
    n_bursts = max(round(_BURSTS * (seconds / _SECONDS) ** 0.5), 2)
    slot = seconds / n_bursts
    share = rng.dirichlet(np.full(n_bursts, 1.5))
    loud = rng.permutation(n_bursts) < n_bursts // 2
    loud[share.argmax()] = True
    odd = rng.uniform(0.1, 1, n_bursts)
    woken = [np.empty(0)]
    for number in range(n_bursts):
        begin, length = (number + rng.uniform(0.05, 0.4)) * slot, slot * rng.uniform(0.25, 0.55)
        wanted = n_messages * share[number]
        burst = _Burst(fault, number, begin, length, wanted, odd[number], bool(loud[number]))
        if fault.startswith("ls"):
            _list_files(rng, jobs, burst)
        else:
            woken += [_supervise(rng, jobs, burst), _spin(jobs, burst)]
    return np.concatenate(woken)


def _release(rng: np.random.Generator, burst: _Burst, others: int = 0) -> tuple[Floats, Ints]:
    """Return when the jobs of a burst are released, and how many messages each sends.

    `others` are those that a job sends besides.
    """
    asks = np.minimum(1 + rng.geometric(0.35, int(burst.n_messages) + 1), 12)
    sent = np.cumsum(asks + others)
    asks = asks[: max(int(np.searchsorted(sent, burst.n_messages)), 1)]
    return burst.begin + np.sort(rng.uniform(0, burst.length, len(asks))), asks


def _list_files(rng: np.random.Generator, jobs: Jobs, burst: _Burst) -> None:
    """Add an `ls` that asks the file system from one wait for the disk to the next.

    It has the higher priority, so it goes on before the file system is back at its receive.
    """
    is_sporadic = burst.fault == "ls_sporadic"
    released, asks = _release(rng, burst, others=2 if is_sporadic else 1)
    n, odd = len(asks), burst.odd
    jobs.add(released, 0, repeat_steps("disk", n), burst.number)
    choice = {"eager": 0.8 * odd, "eager_read": 0.2 * odd}
    choice |= {"ask": 0.8 * (1 - odd), "ask_read": 0.2 * (1 - odd)}
    if burst.loud:
        choice["eager_failed"] = 0.06
    spent = rng.random(n) < (0.5 if is_sporadic else 0)
    end = np.where(spent, STEP["spent"], STEP["late_disk"])
    extra = np.full((n, 3), -1)
    if burst.loud:
        extra[rng.random(n) < 0.06, 0] = STEP["notify"]
        extra[rng.random(n) < 0.01, 1:] = STEP["stop"], STEP["start"]
    steps = [repeat_steps("from_disk", n), _asks(rng, asks, choice), extra, end]
    jobs.add(released, 2, np.column_stack(steps), burst.number)
    if spent.any():
        # What is left when the budget is spent is done in the background, in the usual order.
        rest = _asks(rng, np.minimum(asks[spent], 2), {"ask": 0.8, "ask_read": 0.2})
        m = len(rest)
        steps = [repeat_steps("run", m), rest, repeat_steps("ask_disk", m)]
        jobs.add(released[spent], 7, np.column_stack(steps), burst.number)


def _supervise(rng: np.random.Generator, jobs: Jobs, burst: _Burst) -> Floats:
    """Add a supervisor that asks the servers what is late; return when the clock wakes it."""
    released, asks = _release(rng, burst)
    released, n, odd = _on_tick(released), len(asks), burst.odd
    choice = {"ask": 1 - odd, "ask_busy": 0.4 * odd, "timed": 0.4 * odd, "eager": 0.2 * odd}
    extra = np.full((n, 1), -1)
    if burst.loud:
        choice["ask_failed"] = 0.05
        extra[rng.random(n) < 0.08, 0] = STEP["notify"]
    steps = [repeat_steps("slept", n), _asks(rng, asks, choice), extra, repeat_steps("sleep", n)]
    jobs.add(released, 2, np.column_stack(steps), burst.number)
    return released


def _spin(jobs: Jobs, burst: _Burst) -> Floats:
    """Add the thread that computes, above logging and telemetry; return when it is woken."""
    is_half = burst.fault == "busy_loop_half"
    released = _on_tick(burst.begin + np.arange(0, burst.length, 0.02 if is_half else 0.05))
    steps = "slept_half sleep" if is_half else "slept " + "spin " * 11 + "sleep"
    jobs.add(released, 5, repeat_steps(steps, len(released)), burst.number)
    return released


def _asks(rng: np.random.Generator, n_asks: Ints, choice: dict[str, float]) -> Ints:
    """Return so many messages for each job, −1 behind the last."""
    n, most = len(n_asks), int(n_asks.max())
    drawn = _draw(rng, (choice,), n * most).reshape(n, most)
    return np.where(np.arange(most) < n_asks[:, None], drawn, -1)


def _get_ranges(burst: Ints) -> list[tuple[int, int]]:
    """Return first and last row, from 1, of what belongs to a fault."""
    rows = np.flatnonzero(burst >= 0)
    if not len(rows):
        return []
    cuts = np.flatnonzero(np.diff(rows) > _JOINED)
    begin, end = np.append(rows[0], rows[cuts + 1]), np.append(rows[cuts], rows[-1])
    return list(zip((begin + 1).tolist(), (end + 1).tolist(), strict=True))

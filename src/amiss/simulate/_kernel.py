"""What a kernel writes, step by step, and how fixed priorities put the steps of jobs in order.

A level is given the time that the levels above leave, and serves its jobs in the order of their
release. Everything is computed a level at a time, never an event at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from amiss.types import ragged_index

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Spans = tuple[Floats, Floats]
"""Begin and end of spans of time, in order and disjoint."""

# What the kernel writes of one step. `~80` is work before the next event, in microseconds.
_ASK = "KER_CALL/MSG_SENDV COMM/SND_MESSAGE"
_SERVE = "THREAD/THRUNNING COMM/REC_MESSAGE KER_EXIT/MSG_RECEIVEV ~50"
_READ = "KER_CALL/MSG_READV KER_EXIT/MSG_READV ~20"
_ANSWER = "KER_CALL/MSG_REPLYV COMM/REPLY_MESSAGE THREAD/THREADY"
_AWAIT = "KER_CALL/MSG_RECEIVEV THREAD/THRECEIVE"
_CONTINUE = "THREAD/THRUNNING KER_EXIT/MSG_SENDV ~15"
_ANSWERED = f"{_ANSWER} KER_EXIT/MSG_REPLYV {_AWAIT} {_CONTINUE}"
_BUSY = f"{_ASK} THREAD/THSEND THREAD/THRUNNING"
_TAKEN = "KER_CALL/MSG_RECEIVEV THREAD/THREPLY COMM/REC_MESSAGE KER_EXIT/MSG_RECEIVEV ~50"
_UNLOCK = "KER_CALL/SYNC_MUTEX_UNLOCK KER_EXIT/SYNC_MUTEX_UNLOCK"
_FAILED = f"KER_CALL/MSG_ERROR COMM/MSG_ERROR THREAD/THREADY KER_EXIT/MSG_ERROR {_AWAIT}"
# The client has the higher priority: it goes on before the server is back at its receive.
_EAGER = f"{_ANSWER} {_CONTINUE}"
_LATE = f"{_BUSY} KER_EXIT/MSG_REPLYV {_TAKEN}"

STEPS = {
    "tick": "INT_ENTR/0x00000000",
    "pulse": "COMM/SND_PULSE_EXE THREAD/THREADY",
    "same": "COMM/SND_PULSE_EXE",  # to a thread that is ready by then
    "wake": "THREAD/THREADY",
    "tock": "INT_EXIT/0x00000000",
    "serial": "INT_ENTR/0x00000024 THREAD/THREADY INT_EXIT/0x00000024",
    "disk": "INT_ENTR/0x0000000e THREAD/THREADY INT_EXIT/0x0000000e",
    "run": "THREAD/THRUNNING",
    "begin": "THREAD/THRUNNING COMM/REC_PULSE KER_EXIT/MSG_RECEIVEV ~10",
    "slept": "THREAD/THRUNNING KER_EXIT/TIMER_TIMEOUT",
    "sleep": "~10 KER_CALL/TIMER_TIMEOUT THREAD/THNANOSLEEP",
    "another": "KER_CALL/MSG_RECEIVEV COMM/REC_PULSE KER_EXIT/MSG_RECEIVEV ~10",
    "end": _AWAIT,
    "received": "THREAD/THRUNNING KER_EXIT/INTERRUPT_WAIT ~60",
    "listen": "KER_CALL/INTERRUPT_WAIT THREAD/THINTR",
    "post": "KER_CALL/SYNC_SEM_POST KER_EXIT/SYNC_SEM_POST",
    "hand_on": "KER_CALL/SYNC_SEM_POST THREAD/THREADY KER_EXIT/SYNC_SEM_POST",
    "clock": "KER_CALL/CLOCK_TIME KER_EXIT/CLOCK_TIME",
    "timer": "KER_CALL/TIMER_SETTIME KER_EXIT/TIMER_SETTIME",
    "lock": "KER_CALL/SYNC_MUTEX_LOCK KER_EXIT/SYNC_MUTEX_LOCK ~20",
    "unlock": _UNLOCK,
    "detach": "KER_CALL/CONNECT_DETACH COMM/SND_PULSE_DIS THREAD/THREADY KER_EXIT/CONNECT_DETACH",
    "compute": "SYSTEM/FUNC_ENTER ~250 SYSTEM/FUNC_EXIT",
    "filter": "SYSTEM/FUNC_ENTER ~1800 SYSTEM/FUNC_EXIT",
    "nothing": "",
    "ask": f"{_ASK} THREAD/THREPLY {_SERVE} {_ANSWERED}",
    "ask_read": f"{_ASK} THREAD/THREPLY {_SERVE} {_READ} {_ANSWERED}",
    "ask_busy": f"{_BUSY} {_UNLOCK} {_TAKEN} {_ANSWERED}",
    "ask_failed": f"{_ASK} THREAD/THREPLY {_SERVE} {_FAILED} {_CONTINUE}",
    # Faults from here on.
    "eager": f"{_LATE} {_EAGER}",
    "eager_read": f"{_LATE} {_READ} {_EAGER}",
    "eager_failed": f"{_LATE} KER_CALL/MSG_ERROR COMM/MSG_ERROR THREAD/THREADY {_CONTINUE}",
    "late_disk": f"{_LATE} KER_CALL/INTERRUPT_WAIT THREAD/THINTR",
    "ask_disk": f"{_ASK} THREAD/THREPLY {_SERVE} KER_CALL/INTERRUPT_WAIT THREAD/THINTR",
    "from_disk": f"THREAD/THRUNNING KER_EXIT/INTERRUPT_WAIT ~30 {_EAGER}",
    "notify": "KER_CALL/MSG_SENDPULSE COMM/SND_PULSE THREAD/THREADY KER_EXIT/MSG_SENDPULSE",
    "stop": "THREAD/THDESTROY PROCESS/PROCDESTROY COMM/SND_PULSE_DEA COMM/SIGNAL",
    "start": "PROCESS/PROCCREATE THREAD/THCREATE THREAD/THREADY ~200 THREAD/THRUNNING",
    "spent": "THREAD/THREADY",  # the budget at the higher priority is
    "slept_half": "THREAD/THRUNNING KER_EXIT/TIMER_TIMEOUT ~9700",
    "timed": "KER_CALL/TIMER_TIMEOUT KER_EXIT/TIMER_TIMEOUT "
    f"{_ASK} THREAD/THREPLY {_SERVE} {_ANSWERED}",
    "spin": "~3900 THREAD/THREADY THREAD/THRUNNING",  # a slice of round robin
}
STEP = {name: number for number, name in enumerate(STEPS)}


def _parse_steps() -> tuple[list[str], Ints, Ints, Floats]:
    """Return distinct events, and for all steps one after the other: offsets, events, seconds."""
    known: dict[str, int] = {}
    events, costs, lengths = [], [], []
    for text in STEPS.values():
        cost, length = 3.0, 0
        for word in text.split():
            if word.startswith("~"):
                cost += float(word[1:])
                continue
            events.append(known.setdefault(word, len(known)))
            costs.append(cost * 1e-6)
            cost, length = 3.0, length + 1
        lengths.append(length)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return list(known), offsets, np.array(events, np.int64), np.array(costs)


EVENTS, _STEP_OFFSETS, _STEP_EVENTS, _STEP_COSTS = _parse_steps()
LEVELS = 8
"""0 are interrupts, 1 is sampling, 2 what takes precedence of control, 7 the background."""
_READY, _RUNNING = (EVENTS.index(f"THREAD/{state}") for state in ("THREADY", "THRUNNING"))


def repeat_steps(names: str, n: int) -> Ints:
    """Return the steps of `n` jobs that all do the same, a row each."""
    return np.tile([STEP[name] for name in names.split()], (n, 1))


@dataclass
class Jobs:
    """Jobs as they are told, in no order.

    Attributes
    ----------
    arrival : list of ndarray of float64
        Seconds at which each job is released.
    level : list of ndarray of int64
    steps : list of ndarray of int64
        Numbers of `STEP`, job after job.
    n_steps : list of ndarray of int64
        How many of them are of each job.
    burst : list of ndarray of int64
        The burst of a fault that each job is of, or −1.
    """

    arrival: list[Floats] = field(default_factory=list)
    level: list[Ints] = field(default_factory=list)
    steps: list[Ints] = field(default_factory=list)
    n_steps: list[Ints] = field(default_factory=list)
    burst: list[Ints] = field(default_factory=list)

    def add(self, arrival: Floats, level: int, steps: Ints, burst: int = -1) -> None:
        """Add jobs; `steps` has a row a job, −1 for none."""
        taken = steps >= 0
        self.add_flat(arrival, level, steps[taken], taken.sum(axis=1), burst)

    def add_flat(
        self, arrival: Floats, level: int, steps: Ints, n_steps: Ints, burst: int = -1
    ) -> None:
        """Add jobs whose steps come one job after the other."""
        self.arrival.append(arrival)
        self.level.append(np.full(len(arrival), level))
        self.steps.append(steps)
        self.n_steps.append(n_steps)
        self.burst.append(np.full(len(arrival), burst))


def schedule(rng: np.random.Generator, told: Jobs) -> tuple[Ints, Ints]:
    """Put the events of all jobs in order.

    Returns
    -------
    events : ndarray of int64, shape (n_events,)
        Numbers of `EVENTS`, switches from one thread to another among them.
    burst : ndarray of int64, shape (n_events,)
        The burst of a fault that each is of, or −1.
    """
    arrival, level = np.concatenate(told.arrival), np.concatenate(told.level)
    steps, n_steps = np.concatenate(told.steps), np.concatenate(told.n_steps)
    burst = np.concatenate(told.burst)
    at, offsets = ragged_index(_STEP_OFFSETS, steps)
    cost = _STEP_COSTS[at] * rng.gamma(4, 0.25, len(at))
    first_step = np.concatenate([[0], np.cumsum(n_steps)])
    event_offsets = offsets[first_step]  # of jobs
    job = np.repeat(np.arange(len(arrival)), np.diff(event_offsets))
    total = np.concatenate([[0], np.cumsum(cost)])
    duration = np.diff(total[event_offsets])
    within = total[1:] - total[event_offsets][job]
    time = np.empty(len(at))
    busy = (np.empty(0), np.empty(0))
    for one in range(LEVELS):
        jobs = np.flatnonzero(level == one)
        if not len(jobs):
            continue
        jobs = jobs[np.argsort(arrival[jobs], kind="stable")]
        before: Floats = np.cumsum(duration[jobs]) - duration[jobs]
        # Who comes first is served first, in the time that is left.
        start: Floats = before + np.maximum.accumulate(_free_time(arrival[jobs], busy) - before)
        rows, lengths = ragged_index(event_offsets, jobs)
        of_level = np.repeat(start, np.diff(lengths)) + within[rows]
        time[rows] = _clock_time(of_level, busy)
        spans = np.stack([_clock_time(start, busy), _clock_time(start + duration[jobs], busy)])
        busy = _unite(np.concatenate([np.stack(busy), spans], axis=1))
    order = np.argsort(time, kind="stable")
    is_first, is_last = np.zeros((2, len(at)), np.int64)
    is_thread = level > 0  # interrupts switch nothing
    is_first[event_offsets[:-1][is_thread]] = 1
    is_last[event_offsets[1:][is_thread] - 1] = 1
    return _switch(
        _STEP_EVENTS[at][order], burst[job][order], time[order], arrival[job][order],
        is_first[order], is_last[order],
    )  # fmt: skip


def _free_time(clock: Floats, busy: Spans) -> Floats:
    """Return how much of the time until `clock` the levels above leave."""
    begin, end = busy
    if not len(begin):
        return clock
    used = np.concatenate([[0.0], np.cumsum(end - begin)])
    last = np.searchsorted(begin, clock, side="right")
    over = np.where(last > 0, np.maximum(end[last - 1] - clock, 0), 0)
    free: Floats = clock - used[last] + over
    return free


def _clock_time(free: Floats, busy: Spans) -> Floats:
    """Return when so much time was left by the levels above."""
    begin, end = busy
    used = np.concatenate([[0.0], np.cumsum(end - begin)])
    clock: Floats = free + used[np.searchsorted(begin - used[:-1], free, side="right")]
    return clock


def _unite(spans: Floats) -> Spans:
    """Return disjoint spans of time, in order, that cover the same."""
    begin, end = spans[:, np.argsort(spans[0], kind="stable")]
    until = np.maximum.accumulate(end)
    new = np.append(True, begin[1:] > until[:-1])
    return begin[new], until[np.append(np.flatnonzero(new)[1:] - 1, len(until) - 1)]


def _switch(
    events: Ints,
    burst: Ints,
    time: Floats,
    arrival: Floats,
    is_first: Ints,
    is_last: Ints,
) -> tuple[Ints, Ints]:
    """Insert what the kernel writes when one job displaces another, and when it goes on."""
    edge = np.flatnonzero(is_first | is_last)
    # A job that waited runs when the one before it ends: nothing else does in between.
    waited = np.zeros(len(edge), np.bool_)
    waited[1:] = (is_first[edge[1:]] == 1) & (is_last[edge[:-1]] == 1)
    waited[1:] &= arrival[edge[1:]] <= time[edge[:-1]]
    running = np.cumsum(is_first[edge] - is_last[edge]) - is_first[edge]
    displaced = edge[(is_first[edge] == 1) & (running > 0) & ~waited]
    resumed = edge[(is_last[edge] == 1) & ~np.append(waited[1:], False)] + 1
    places = np.concatenate([displaced, resumed])
    inserted = np.repeat([_READY, _RUNNING], [len(displaced), len(resumed)])
    return np.insert(events, places, inserted), np.insert(burst, places, -1)

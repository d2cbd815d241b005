"""An HDFS-like cluster that writes its log, and the truth about it.

Jobs run one after the other: each writes blocks in three replicas, may read them later, and has
them deleted after hours. Lines have the formats of the HDFS v1 log; all that varies is drawn.

The lines of one second are in the order of their text, as in the published log. So a line is a
position: what sorts up to the last line was written, what sorts behind it was cut off.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, count, repeat
from pathlib import Path
from time import gmtime, strftime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from amiss.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["FAULTS", "Simulation", "simulate_hdfs"]

FAULTS = (
    "write_exception",  # a datanode fails while it receives, and the block is given up
    "lost_after_allocation",  # one datanode begins, and nothing ever follows
    "truncated_pipeline",  # three datanodes begin, two finish
    "missing_replica",  # three datanodes finish, two replicas are registered
    "redundant_store",  # the namenode is told twice of one replica, and warns
    "empty_packet",  # every datanode of the pipeline receives an empty packet
    "repeated_report",  # replicas are registered again, long after the write
    "early_delete",  # the block is deleted while it is still being written
    "unexpected_delete",  # a datanode is told to delete a block it does not know
)
"""Names of the injected faults, as they stand in ``faults.csv``."""

_START = 1_772_409_600  # 2026-03-02, in seconds of the epoch
_LOG_SECONDS = 39 * 3600  # the span of the published log, which short logs cover as well
_JOB_SECONDS = 1800
_MAX_RATE = 4.0  # blocks per second, as in the published log; bounds how many are open at once
_MEAN_LINES = 19.8  # of a block, those cut off included, as measured
_PLANTED_FROM = 150  # expected blocks from which each fault is planted once
_MOST_EPISODES = 50
_EPISODE_SECONDS = 600, 2400  # the shortest and the longest episode
_MOST_FAULTY = 0.9  # of the blocks of an episode
_OVERDUE = 600  # seconds after which an event that never came counts as missing
_NODES = 203

_NAMESYSTEM = "dfs.FSNamesystem: BLOCK* NameSystem"
_ADD = f"{_NAMESYSTEM}.addStoredBlock"
_ALLOCATE = f"%s INFO {_NAMESYSTEM}.allocateBlock: %s %s"
_STORE = f"%s INFO {_ADD}: blockMap updated: %s:50010 is added to %s size %s"
_AGAIN = f"%s WARN {_ADD}: Redundant addStoredBlock request received for %s on %s:50010 size %s"
_INVALIDATE = f"%s INFO {_NAMESYSTEM}.delete: %s is added to invalidSet of %s:50010"
_ASK = "%s INFO dfs.FSNamesystem: BLOCK* ask %s:50010 to replicate %s to datanode(s) %s:50010"
_COPY = "%s INFO dfs.DataNode: %s:50010 Starting thread to transfer block %s to %s:50010"
_COPIED = "%s INFO dfs.DataNode$DataTransfer: %s:50010:Transmitted block %s to /%s:50010"
_COPY_RECEIVED = "%s INFO dfs.DataNode$DataXceiver: Received block %s %s of size %s"
_RECEIVE = "%s INFO dfs.DataNode$DataXceiver: Receiving block %s %s"
_RECEIVED = "%s INFO dfs.DataNode$PacketResponder: Received block %s of size %s from /%s"
_RESPONDED = "%s INFO dfs.DataNode$PacketResponder: PacketResponder %s for block %s terminating"
_EMPTY = "%s INFO dfs.DataNode$BlockReceiver: Receiving empty packet for block %s"
_FAILED = "%s INFO dfs.DataNode$DataXceiver: writeBlock %s received exception java.io.%s"
_SERVED = "%s INFO dfs.DataNode$DataXceiver: %s:50010 Served block %s to /%s"
_UNSERVED = "%s WARN dfs.DataNode$DataXceiver: %s:50010:Got exception while serving %s to /%s:"
_VERIFIED = "%s INFO dfs.DataBlockScanner: Verification succeeded for %s"
_REMOVE = "%s INFO dfs.FSDataset: Deleting block %s file /mnt/hadoop/dfs/data/current/subdir%s/%s"
_UNKNOWN = "%s WARN dfs.FSDataset: Unexpected error trying to delete block %s."
_UNKNOWN += " BlockInfo not found in volumeMap."


@dataclass(frozen=True)
class Simulation:
    """What `simulate_hdfs` wrote.

    Attributes
    ----------
    log : Path
        ``HDFS.log``.
    labels : Path
        ``anomaly_label.csv``: ``BlockId,Label`` of every block, ``Normal`` or ``Anomaly``.
    faults : Path
        ``faults.csv``: ``BlockId,Fault`` of every block labelled ``Anomaly``; see `FAULTS`. Of a
        simulation with episodes also ``Episode``, from 1.
    lines, sessions, anomalies : int
        How many lines, blocks and anomalous blocks there are.
    """

    log: Path
    labels: Path
    faults: Path
    lines: int
    sessions: int
    anomalies: int


def simulate_hdfs(
    directory: str | Path,
    lines: int = 100_000,
    seed: int = 0,
    anomaly_share: float = 0.03,
    episodes: int = 0,
) -> Simulation:
    """Write the log of a simulated HDFS cluster, its labels and its faults.

    The log stops after `lines` lines, wherever the cluster is then: the blocks still open are
    normal, and so is a faulty block whose fault had not shown yet. The same arguments give the
    same bytes.

    Parameters
    ----------
    directory : str or Path
        Where to write; created if missing. Files of an earlier simulation are replaced.
    lines : int, default 100_000
        Lines of the log. A block has about twenty.
    seed : int, default 0
        Seed of all that is random.
    anomaly_share : float, default 0.03
        Share of blocks with a fault, 0 to 0.5. Unless it is 0, a log of 200 blocks or more has
        each fault at least once, even where the share alone would give fewer.
    episodes : int, default 0
        Stretches of 10 to 40 minutes in which faults come, those of one episode all of one fault;
        outside of them none does. 0: faults come at any time. An episode that nearly all blocks
        would have to fail in has fewer, so the share may not be reached.

    Returns
    -------
    Simulation
        The three files and what is in them.

    Raises
    ------
    UsageError
        If `lines` is below 1, `seed` below 0, `anomaly_share` outside 0 to 0.5, or `episodes`
        outside 0 to 50.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as directory:
    ...     simulation = simulate_hdfs(directory, lines=5000)
    ...     len(simulation.log.read_text().splitlines())
    5000
    >>> simulation.anomalies >= len(FAULTS)
    True
    """
    if lines < 1:
        raise UsageError(f"lines is {lines}, but a log has at least 1 line; ask for 1 or more")
    if seed < 0:
        raise UsageError(f"seed is {seed}, but a seed is 0 or more; pass such a number")
    if not 0 <= anomaly_share <= 0.5:  # put this way round, it refuses NaN too
        expected = "a share of all blocks is from 0 to 0.5; pass such a number, as 0.03"
        raise UsageError(f"anomaly_share is {anomaly_share}, but {expected}")
    if not 0 <= episodes <= _MOST_EPISODES:
        raise UsageError(f"episodes is {episodes}; a log has room for 0 to {_MOST_EPISODES}")
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    log, labels, faults = (directory / f for f in ("HDFS.log", "anomaly_label.csv", "faults.csv"))
    blocks = array("q")  # eight bytes each, as there may be millions
    faulty: list[tuple[int, str, int, str]] = []  # block, fault, episode, and what shows it
    bursts = _episodes(episodes, max(lines / _MEAN_LINES, 20.0), seed)
    written, last = 0, ""
    pending: defaultdict[int, list[str]] = defaultdict(list)
    with log.open("w", encoding="ascii", newline="\n") as out:
        for job, sessions in enumerate(_jobs(lines, seed, anomaly_share, bursts)):
            for session in sessions:
                for second, line in zip(session.seconds, session.lines, strict=True):
                    pending[second // _JOB_SECONDS].append(line)
            # No later job writes into the time of this one: its lines are all there.
            due = sorted(pending.pop(job, ()))[: lines - written]
            out.writelines(due)
            written += len(due)
            last = due[-1] if due else last
            begun = [s for s in sessions if written < lines or min(s.lines) <= last]
            blocks.extend([s.block for s in begun])
            faulty += [(s.block, s.fault, s.episode, s.evidence) for s in begun if s.fault]
            if written == lines:
                break
    shown = {block: (fault, of) for block, fault, of, evidence in faulty if evidence <= last}
    with labels.open("w", encoding="ascii", newline="\n") as out:
        out.write("BlockId,Label\n")
        out.writelines(f"blk_{b},{'Anomaly' if b in shown else 'Normal'}\n" for b in blocks)
    rows = [f"blk_{b},{fault}{f',{of}' if episodes else ''}\n" for b, (fault, of) in shown.items()]
    header = f"BlockId,Fault{',Episode' if episodes else ''}\n"
    faults.write_text("".join([header, *rows]), encoding="ascii", newline="\n")
    return Simulation(log, labels, faults, written, len(blocks), len(shown))


@lru_cache(maxsize=2**16)
def _stamp(second: int) -> str:
    return strftime("%y%m%d %H%M%S", gmtime(_START + second))


class _Draws:
    """Single random numbers, drawn in bulk: a call into numpy for each costs more than a line."""

    def __init__(self, rng: np.random.Generator) -> None:
        bulks = (rng.random(8192).tolist() for _ in repeat(None))
        self.share: Callable[[], float] = chain.from_iterable(bulks).__next__

    def below(self, end: int) -> int:
        return int(self.share() * end)


class _Episode(NamedTuple):
    """A stretch in which blocks fail, in seconds of the log, and what is wrong with them."""

    number: int
    begin: int
    end: int
    fault: str


def _episodes(count: int, blocks: float, seed: int) -> list[_Episode]:
    """Return stretches that do not overlap, in order of time; all faults come up in turn."""
    if not count:
        return []
    rng = np.random.default_rng([seed, 1])  # of its own, so that the log is the same otherwise
    room = max(_LOG_SECONDS, blocks / _MAX_RATE) * 0.9 / count  # what shows late still shows
    faults = [FAULTS[i] for i in rng.permutation(len(FAULTS))]
    found = []
    for at in range(count):
        length = min(int(rng.integers(*_EPISODE_SECONDS)), int(room))
        begin = int(at * room + rng.uniform(0, room - length))
        found.append(_Episode(at + 1, begin, begin + length, faults[at % len(faults)]))
    return found


def _jobs(
    lines: int, seed: int, anomaly_share: float, episodes: list[_Episode]
) -> Iterator[list[_Session]]:
    """Yield the blocks of one job after the other, each told to its end."""
    rng = np.random.default_rng(seed)
    draws = _Draws(rng)
    numbers = rng.choice(65_536, size=_NODES, replace=False).tolist()
    cluster = [f"10.40.{number // 256}.{number % 256}" for number in numbers]
    expected = max(lines / _MEAN_LINES, 20.0)
    rate = min(expected / _LOG_SECONDS, _MAX_RATE)
    planted: dict[int, str] = {}
    if anomaly_share > 0 and expected >= _PLANTED_FROM and not episodes:
        # Among the first third, so that even what shows at the deletion shows before the end.
        places = rng.choice(int(expected / 3), size=len(FAULTS), replace=False).tolist()
        planted = dict(zip(places, FAULTS, strict=True))
    share = (anomaly_share * expected - len(planted)) / (expected - len(planted))
    if episodes:
        within = rate * sum(episode.end - episode.begin for episode in episodes)
        share = min(_MOST_FAULTY, anomaly_share * expected / within)
    begun = count()
    for job in count():
        start, end = job * _JOB_SECONDS, (job + 1) * _JOB_SECONDS
        deleted = end + 3600 + draws.below(6 * 3600)
        # Three jobs in eight are read, one to three times.
        reads = [end + draws.below(deleted - end - 1200) for _ in range(draws.below(8) - 4)]
        path = f"/user/hadoop/job{job}/_temporary/_task_202603020000_{job:04d}_m"
        size = int(rng.poisson(rate * _JOB_SECONDS * rng.uniform(0.4, 1.6)))
        begins = np.sort(rng.integers(start, end, size=size)).tolist()
        identities = rng.integers(-(2**63), 2**63, size=size).tolist()
        sessions: list[_Session] = []
        for part, (begin, block) in enumerate(zip(begins, identities, strict=True)):
            fault = planted.get(next(begun), "")
            episode = next((e for e in episodes if e.begin <= begin < e.end), None)
            if not fault and (episode or not episodes) and draws.share() < share:
                fault = episode.fault if episode else FAULTS[draws.below(len(FAULTS))]
            file = f"{path}_{part:06d}_0/part-{part:05d}."
            sessions.append(_Session(block, fault, begin, file, reads, deleted, cluster, draws))
            sessions[-1].episode = episode.number if episode else 0
            sessions[-1].live()
        yield sessions


@dataclass(eq=False, slots=True)
class _Session:
    """One block, and the events of its life as they are told."""

    block: int
    fault: str
    begin: int
    file: str
    reads: list[int]
    deleted: int
    cluster: list[str]
    draws: _Draws
    seconds: list[int] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)  # written in those seconds
    evidence: str = ""  # the line that first shows the fault, or the time it shows as a gap
    name: str = ""
    size: int = 64 * 1024 * 1024
    replicas: list[str] = field(default_factory=list)
    episode: int = 0

    def live(self) -> None:
        """Tell the whole life of the block, with its fault if it has one."""
        draws, fault, begin = self.draws, self.fault, self.begin
        name = self.name = f"blk_{self.block}"
        # Any step below a third of the cluster gives four different nodes.
        node, step = draws.below(_NODES), 1 + draws.below(_NODES // 3 - 1)
        *self.replicas, spare = (self.cluster[(node + k * step) % _NODES] for k in range(4))
        written = begin + 20 + draws.below(40)
        if fault != "early_delete" and draws.share() < 0.06:
            self.size, written = 1_000_000 + draws.below(40_000_000), begin + 5 + draws.below(10)
        self._log(begin, _ALLOCATE, 26 + draws.below(10), self.file, name)
        pipeline = {"lost_after_allocation": 1, "write_exception": 2}.get(fault, 3)
        # The writer runs on the first datanode, which is so a source twice: 0, 0, 1.
        sources = [self.replicas[place // 2] for place in range(pipeline)]
        threads = [self._receive(begin + k * draws.below(3), n)[0] for k, n in enumerate(sources)]
        if fault == "lost_after_allocation":
            self.evidence = _stamp(begin + _OVERDUE)
        elif fault == "write_exception":
            cause = ("IOException: Could not read from stream", "EOFException")[draws.below(2)]
            self.evidence = self._log(written, _FAILED, threads[0], name, cause)
        else:
            self._finish(written, threads)
            if fault == "early_delete":
                self.evidence = self._delete(begin + 5 + draws.below(5), 1, 8)
                return
            if not fault and draws.share() < 0.015:
                self._replicate(written + 1 + draws.below(600), spare)
            for second in self.reads:
                self._read(second)
            if draws.share() < 0.14:
                self._log(written + draws.below(self.deleted - written), _VERIFIED, 13, name)
            self._delete(self.deleted + draws.below(60), 68, 270)

    def _receive(self, second: int, node: str) -> tuple[int, str]:
        thread = self._thread(second)
        ends = f"src: /{node}:{32_768 + self.draws.below(28_000)} dest: /{node}:50010"
        self._log(second, _RECEIVE, thread, self.name, ends)
        return thread, ends

    def _finish(self, second: int, threads: list[int]) -> None:
        """End the write on the datanodes and register the replicas, or most of them."""
        name, size, draws, fault = self.name, self.size, self.draws, self.fault
        if fault == "empty_packet":
            self.evidence = min([self._log(second, _EMPTY, thread, name) for thread in threads])
        for place, thread in enumerate(threads[:2] if fault == "truncated_pipeline" else threads):
            ended = second + draws.below(2)
            self._log(ended, _RESPONDED, thread + 1, 2 - place, name)
            self._log(ended, _RECEIVED, thread + 1, name, size, self.replicas[place // 2])
        if fault in ("truncated_pipeline", "missing_replica"):
            self.replicas.pop()
            self.evidence = _stamp(second + _OVERDUE)
        for node in self.replicas:
            self._store(second + draws.below(2), _STORE, node, name)
        if fault == "redundant_store":
            self.evidence = self._store(second + 5, _AGAIN, name, self.replicas[0])
        elif fault == "repeated_report":
            second += 300 + draws.below(2700)
            self.evidence = min([self._store(second, _STORE, n, name) for n in self.replicas[:2]])

    def _replicate(self, second: int, target: str) -> None:
        """Copy the block to a fourth datanode, as happens now and then."""
        name, source, draws = self.name, self.replicas[0], self.draws
        self._log(second, _ASK, 19, source, name, target)
        self._log(second + 2, _COPY, 19, source, name, target)
        thread, ends = self._receive(second + 2 + draws.below(2), source)
        second += 10 + draws.below(30)
        self._log(second, _COPY_RECEIVED, thread, name, ends, self.size)
        self._log(second, _COPIED, self._thread(second), source, name, target)
        self._store(second + draws.below(2), _STORE, target, name)
        self.replicas.append(target)

    def _read(self, second: int) -> None:
        for _ in range(1 + self.draws.below(3)):
            second += self.draws.below(300)
            server = self.replicas[self.draws.below(len(self.replicas))]
            reader = self.cluster[self.draws.below(_NODES)]
            # A reader that hangs up is no fault, for all the warning says.
            text = (_SERVED, _UNSERVED)[self.draws.below(2)]
            self._log(second, text, self._thread(second), server, self.name, reader)

    def _delete(self, second: int, wait: int, within: int) -> str:
        """Invalidate the replicas, remove their files after `wait`, and return how it began."""
        name, draws, thread = self.name, self.draws, 26 + self.draws.below(10)
        begun = [self._log(second, _INVALIDATE, thread, name, node) for node in self.replicas]
        removals = [second + wait + draws.below(within) for _ in self.replicas]
        if self.fault == "unexpected_delete":
            self.evidence = self._log(removals[0], _UNKNOWN, 19, name)
        for removed in removals:
            self._log(removed, _REMOVE, 18 + draws.below(2), name, draws.below(64), name)
        return min(begun)

    def _store(self, second: int, text: str, *names: str) -> str:
        return self._log(second, text, 26 + self.draws.below(10), *names, self.size)

    def _thread(self, second: int) -> int:
        return 140 + second // 6 + self.draws.below(400)  # datanodes count theirs up

    def _log(self, second: int, text: str, *values: str | int) -> str:
        line = f"{_stamp(second)} {text % values}\n"
        self.seconds.append(second)
        self.lines.append(line)
        return line

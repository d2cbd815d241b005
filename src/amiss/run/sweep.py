"""A sweep of two-stage labels: every file at every contamination, in parallel and resumable.

Each result is one small JSON file, written when it is done: what stopped goes on from these.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import clone

from amiss.detect._base import Detector
from amiss.errors import AmissError, InputError, UsageError
from amiss.present.summary import timestamp
from amiss.read.series import read_series
from amiss.read.sources import PathLike, ReadReport, Source, find_sources
from amiss.run.row_data import check_rows
from amiss.types import Table

SCHEMA = "amiss.sweep/1"
CONTAMINATIONS = (0.01, 0.015, 0.02, 0.025, 0.03)
COLUMNS = {
    "file": pl.String, "contamination": pl.Float64, "rows": pl.Int64, "threshold": pl.Float64,
    "agreed": pl.Int64, "first_only": pl.Int64, "second_only": pl.Int64, "agreement": pl.Float64,
}  # fmt: skip
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


class _Task(NamedTuple):
    """One file at one setting, and where its result goes."""

    source: Source
    target: Path
    labeler: Detector
    settings: dict[str, Any]
    reading: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep found.

    Attributes
    ----------
    folder : Path
        Where the results are.
    results : list of dict
        The schema ``amiss.sweep/1``, by file and contamination: counts, thresholds, and the rows
        and times that each stage labelled.
    failed : list of str
        What could not be done, and why, a line a file and reason.
    notes : list of str
        What was mended or left out while reading.
    resumed : int
        How many of the results were there already.
    """

    folder: Path
    results: list[dict[str, Any]] = field(repr=False)
    failed: list[str]
    notes: list[str]
    resumed: int

    def to_frame(self) -> pl.DataFrame:
        """Return one row a file and contamination.

        ``agreed`` are rows that both stages label; ``agreement`` is their share of those that
        either labels: how alike the stages are, which is not how right they are. None where no row
        is labelled.
        """
        rows = [[result[name] for name in COLUMNS] for result in self.results]
        return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def run_sweep(
    source: PathLike | Sequence[PathLike],
    output: PathLike,
    contaminations: Sequence[float] = CONTAMINATIONS,
    *,
    labeler: Detector | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    **reading: Any,
) -> Sweep:
    """Label the rows of each series in two stages, at each contamination.

    Labels in the data are never looked at. What is in `output` already, of the same bytes and
    settings, is not done again.

    Parameters
    ----------
    source : path-like or sequence of path-like
        Files, folders or glob patterns, each file a series by itself.
    output : path-like
        Folder for one JSON file a result, and the table ``sweep.csv``; made if it is not there.
    contaminations : sequence of float
        Shares of the rows that the first stage labels.
    labeler : TwoStageLabeler, optional
        With other parameters than the usual.
    jobs : int, optional
        Processes of one thread each; by default as many as there are cores. One is this process.
    progress : callable, optional
        Told how many results there are, and how many there will be.
    **reading
        As `amiss.read_series` has them, such as `time` and `ignore`.

    Returns
    -------
    Sweep

    Raises
    ------
    InputError
        There is no such file, or the folder cannot be written.
    UsageError
        A contamination, or the number of jobs, makes no sense.
    """
    sources, folder = _checked(source, output, contaminations, jobs)
    if labeler is None:
        from amiss.detect.two_stage import TwoStageLabeler

        labeler = TwoStageLabeler(random_state=0)
    tasks = [
        _task(item, folder, labeler, float(contamination), reading)
        for item in sources
        for contamination in contaminations
    ]
    kept = {i: found for i, task in enumerate(tasks) if (found := _kept(task)) is not None}
    done, failed = dict(kept), dict[int, str]()
    total = len(tasks)
    todo = {i: task for i, task in enumerate(tasks) if i not in kept}
    if progress:
        progress(len(done), total)
    try:
        with _running(todo, min(jobs or os.cpu_count() or 1, max(1, len(todo)))) as outcomes:
            for i, outcome in outcomes:
                if isinstance(outcome, str):
                    failed[i] = outcome
                else:
                    done[i] = outcome
                if progress:
                    progress(len(done) + len(failed), total)
    finally:  # stopped or not: what is done is told
        ordered = [done[i] for i in sorted(done)]
        said = _failures_of([(tasks[i], failed[i]) for i in sorted(failed)])
        swept = Sweep(folder, ordered, said, _notes_of(ordered), len(kept))
        _write(folder / "sweep.csv", swept.to_frame().write_csv())
    return swept


def _checked(
    source: Any, output: PathLike, contaminations: Sequence[float], jobs: int | None
) -> tuple[list[Source], Path]:
    for share in contaminations:
        if not 0 < share <= 0.5:
            raise UsageError(f"contamination {share:g}; expected a share in (0, 0.5]")
    if not len(contaminations) or len(set(contaminations)) < len(contaminations):
        raise UsageError("contaminations: expected one or more, each once, such as 0.01,0.02")
    if jobs is not None and jobs < 1:
        raise UsageError(f"jobs={jobs}; expected 1 or more")
    given = [source] if isinstance(source, str | os.PathLike) else list(source)
    if "-" in given:
        raise UsageError("a sweep reads each file several times; expected files, not -")
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: no folder to write to ({error.strerror})") from None
    return find_sources(given), folder


def _task(
    source: Source,
    folder: Path,
    labeler: Detector,
    contamination: float,
    reading: Mapping[str, Any],
) -> _Task:
    from amiss import __version__

    made = clone(labeler).set_params(contamination=contamination)
    parameters = {name: _said(value) for name, value in made.get_params(deep=False).items()}
    try:
        digest = hashlib.sha256(source.path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{source.name}: cannot be read ({error.strerror})") from None
    settings = {
        "sha256": digest,
        "labeler": made.name,
        "parameters": parameters,
        "reading": {name: _said(value) for name, value in reading.items() if value is not None},
        "version": __version__,
    }
    # Files of one name may be in several folders.
    place = hashlib.sha256(str(source.path.resolve()).encode()).hexdigest()[:8]
    stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in source.path.stem)[:60]
    target = folder / f"{stem}-{place}-{contamination:g}.json"
    return _Task(source, target, made, settings, dict(reading))


def _said(value: Any) -> Any:
    """Return a parameter as JSON has it; of a stage that is given, how it was made."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return [_said(item) for item in value] if isinstance(value, list | tuple) else repr(value)


def _kept(task: _Task) -> dict[str, Any] | None:
    """Return the result that is there already, if it is of the same bytes and settings."""
    try:
        found = json.loads(task.target.read_text(encoding="utf-8"))
        same = found["schema"] == SCHEMA and found["settings"] == task.settings
        complete = all(name in found for name in (*COLUMNS, "notes", "final"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return {**found, "file": task.source.name} if same and complete else None


@contextmanager
def _running(
    todo: dict[int, _Task], jobs: int
) -> Iterator[Iterator[tuple[int, dict[str, Any] | str]]]:
    """Give the outcomes as they come; processes do not outlive this, whatever ends it."""
    if jobs == 1 or not todo:
        yield ((i, _outcome(task)) for i, task in todo.items())
        return
    before = set(multiprocessing.active_children())
    spawning = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    with _one_thread():
        pool = ProcessPoolExecutor(jobs, mp_context=spawning, initializer=_leave_interrupts)
        try:
            with _uninterrupted():  # processes begin as they are submitted to
                futures = {pool.submit(_outcome, task): i for i, task in todo.items()}
            yield ((futures[future], _told(future)) for future in as_completed(futures))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - before:
                process.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes that are started meanwhile calculate with one thread each."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let processes that are started meanwhile be without Ctrl-C from their first instruction.

    They inherit that it is blocked. One that comes meanwhile comes to this process afterwards.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_interrupts() -> None:
    """Leave Ctrl-C to the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _told(future: Future[dict[str, Any] | str]) -> dict[str, Any] | str:
    try:
        return future.result()
    except BrokenProcessPool:
        return (
            "a process ended before it was done, as when memory is short; the same command goes "
            "on, with --jobs 1 in one process"
        )


def _outcome(task: _Task) -> dict[str, Any] | str:
    """Return a result, which is written, or what went wrong."""
    report = ReadReport()
    try:
        series = read_series([task.source], **task.reading, report=report)
        check_rows(series)
        result = _labelled(task, series)
    except UsageError:  # so are all the others
        raise
    except AmissError as error:
        return str(error).removeprefix(f"{task.source.name}: ")
    except Exception as error:  # of whatever one file makes of a stage: the others are done
        reason = next(iter(str(error).splitlines()), "")
        return f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    mended = [f"{what}: {n:,}" for what, n in report.counts.items()]
    result["notes"] = [*report.notes, *mended, *report.damage]
    lines = [f'"{name}": {json.dumps(value, allow_nan=False)}' for name, value in result.items()]
    _write(task.target, "{\n" + ",\n".join(lines) + "\n}\n")
    return result


def _labelled(task: _Task, series: Table) -> dict[str, Any]:
    labeler: Any = task.labeler
    labels = labeler.fit(series).labels_
    first, second = labels.first, labels.second
    either = int((first | second).sum())
    agreed = int((first & second).sum())
    return {
        "schema": SCHEMA,
        "file": task.source.name,
        "contamination": float(labeler.contamination),
        "rows": len(series),
        "first_threshold": float(labeler.first_threshold_),
        "threshold": float(labeler.second_threshold_),
        "agreed": agreed,
        "first_only": int((first & ~second).sum()),
        "second_only": int((second & ~first).sum()),
        "agreement": agreed / either if either else None,
        "first": _places(series, first),
        "second": _places(series, second),
        "final": _places(series, labels.final),
        "settings": task.settings,
    }


def _places(series: Table, labelled: NDArray[np.bool_]) -> dict[str, Any]:
    """Return which rows are labelled: their 1-based numbers in the data of the file, and times."""
    at = np.flatnonzero(labelled)
    assert series.row is not None  # noqa: S101 - as read_series gives them
    assert series.timeline is not None  # noqa: S101
    times = [timestamp(time) for time in series.timeline.time[at].tolist()]
    return {"rows": series.row[at].tolist(), "times": times}


def _failures_of(failed: Sequence[tuple[_Task, str]]) -> list[str]:
    """Return a line a file and reason, with the contaminations that failed for it."""
    shares: dict[tuple[str, str], list[str]] = {}
    for task, reason in failed:
        of = shares.setdefault((task.source.name, reason), [])
        of.append(f"{task.labeler.contamination:g}")
    return sorted(f"{name} at {', '.join(of)}: {reason}" for (name, reason), of in shares.items())


def _notes_of(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is to be said of the files, each note once."""
    files: dict[str, set[str]] = {}
    for result in results:
        for note in result["notes"]:
            files.setdefault(note, set()).add(result["file"])
    return [
        f"{next(iter(of))}: {note}" if len(of) == 1 else f"{len(of)} files: {note}"
        for note, of in files.items()
    ]


def _write(target: Path, text: str) -> None:
    """Write a file as a whole or not at all."""
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror})") from None

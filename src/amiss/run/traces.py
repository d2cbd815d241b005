"""Whole traces: what is judged segment by segment is anomalous as a whole, or is not."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.decide import share_limits
from amiss.read.formats import TRACES
from amiss.read.frames import distinct_names
from amiss.represent.sessions import Sessions
from amiss.types import Threshold, TraceVerdict, distinct_codes


def judge_traces(
    trace: pl.Series,
    scores: NDArray[np.float64],
    threshold: Threshold,
    calibration: NDArray[np.float64],
    calibration_trace: NDArray[np.int64],
) -> tuple[TraceVerdict, ...]:
    """Return the verdict on each trace, in order of first appearance.

    Parameters
    ----------
    trace : polars.Series of str, shape (n,)
        Which trace each segment is of.
    scores : ndarray of float64, shape (n,)
    threshold : Threshold
    calibration : ndarray of float64, shape (m,)
        Scores of normal segments that the detector was not fitted to.
    calibration_trace : ndarray of int64, shape (m,)
        Which trace each of these is of.

    Examples
    --------
    >>> normal = np.zeros(200)
    >>> verdicts = judge_traces(
    ...     pl.Series(["a", "a", "b", "b"]), np.array([0.0, 0.0, 9.0, 9.0]),
    ...     Threshold("sigma-3", 1.0), normal, np.repeat([0, 1], 100),
    ... )
    >>> [(v.trace, v.flagged, v.is_anomaly) for v in verdicts]
    [('a', 0, False), ('b', 2, True)]
    """
    codes, names = distinct_codes(trace)
    segments, flagged = _counted(codes, scores > threshold.value, len(names))
    known = np.unique(calibration_trace, return_inverse=True)[1]
    normal, odd = _counted(known, calibration > threshold.value, int(known.max(initial=-1)) + 1)
    limits = share_limits(odd, normal, segments, threshold.rate)
    shares = flagged / segments
    return tuple(
        TraceVerdict(name, int(n), int(k), float(share), float(limit), bool(share > limit))
        for name, n, k, share, limit in zip(
            names.to_list(), segments, flagged, shares, limits, strict=True
        )
    )


def _counted(
    trace: NDArray[np.int64], flagged: NDArray[np.bool_], n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many segments each trace has, and how many of them are flagged."""
    return np.bincount(trace, minlength=n), np.bincount(trace[flagged], minlength=n)


def trace_overview(sessions: Sessions) -> pl.DataFrame:
    r"""Count the classes and the events of each trace.

    Parameters
    ----------
    sessions : Sessions
        Of kernel traces, or any other: without traces, the files stand for them. Only kernel
        traces have classes.

    Returns
    -------
    polars.DataFrame
        One row an event and one a class (``event`` is null there), in order of name, and one column
        of counts a trace.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from amiss import read_sessions
    >>> path = pathlib.Path(tempfile.mkdtemp(), "a.csv")
    >>> _ = path.write_text("class,event\nCOMM,SND\nCOMM,REC\nCOMM,SND\n")
    >>> trace_overview(read_sessions(path)).rows()[1][:2]
    ('COMM', 'REC')
    """
    lengths = np.diff(sessions.offsets)
    if sessions.trace is not None:
        codes, names = distinct_codes(sessions.trace)
        of_event = np.repeat(codes, lengths)
        columns = names.to_list()
    else:
        of_event, columns = sessions.source.astype(np.int64), list(sessions.log.sources)
    n = len(columns)
    flat = np.bincount(
        sessions.shape.astype(np.int64) * n + of_event, minlength=len(sessions.shapes) * n
    )
    # Traces may be called anything: columns get their names last.
    counts = pl.DataFrame(
        flat.reshape(len(sessions.shapes), n), schema=[f"trace {i}" for i in range(n)]
    )
    names = sessions.shapes["text"]
    split = sessions.log.format == TRACES
    group = names.str.extract(r"^(\S+) \S") if split else pl.repeat(None, len(names), eager=True)
    event = names.str.replace(r"^\S+ ", "") if split else names
    table = counts.insert_column(0, event.alias("event"))
    table = table.insert_column(0, group.cast(pl.String).alias("class"))
    by_class = table.group_by("class").agg(pl.exclude("class", "event").sum())
    by_class = by_class.filter(pl.col("class").is_not_null())
    whole = pl.concat([by_class, table], how="diagonal").select(table.columns)
    whole = whole.sort("class", "event", nulls_last=False)
    whole.columns = distinct_names(["class", "event", *columns])
    return whole

"""Intervals: rows of a series that are flagged, and follow each other, are one finding.

Scores and thresholds are of single rows. What deviates in an interval is what deviates on average
over its rows; detectors judge whole runs, since the score of a row depends on those around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amiss.detect._base import Detector
from amiss.detect._calibration import Calibration
from amiss.errors import InputError
from amiss.explain.attribution import Attributions, attribute
from amiss.explain.rows import MOST_FEATURES, explain_attributed, explain_judged
from amiss.run.findings import ExplainedFinding
from amiss.run.row_data import ids_of
from amiss.run.row_values import dense
from amiss.types import Feature, Finding, Judgement, Location, Table, Timeline

BRIDGED = 3
"""Rows in a row that may lie below the threshold within an interval."""
_ATTRIBUTED = 20
"""Rows of an interval, those of the highest scores, whose scores are shared out."""
Rows = NDArray[np.int64]


def find_intervals(flagged: NDArray[np.bool_], run: NDArray[np.int64]) -> list[Rows]:
    """Return the rows of each interval, from its first flagged row to its last.

    Rows of a run are one interval if at most `BRIDGED` rows that are not flagged stand between.

    Parameters
    ----------
    flagged : ndarray of bool, shape (n,)
    run : ndarray of int64, shape (n,)
        Rows of one number follow each other, in the order in which they stand.

    Examples
    --------
    >>> flagged = np.array([1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1], dtype=bool)
    >>> [rows.tolist() for rows in find_intervals(flagged, np.repeat([0, 1], [10, 1]))]
    [[0, 1, 2, 3, 4], [9], [10]]
    """
    order = np.argsort(run, kind="stable")
    at = np.flatnonzero(flagged[order])
    if not len(at):
        return []
    of = run[order][at]
    breaks = np.flatnonzero((np.diff(at) > BRIDGED + 1) | (np.diff(of) != 0)) + 1
    return [order[part[0] : part[-1] + 1] for part in np.split(at, breaks)]


def highest_intervals(
    scores: NDArray[np.float64], run: NDArray[np.int64], threshold: float, top: int | None
) -> list[Rows]:
    """Return the intervals beyond the threshold, or at most `top`, flagged or not.

    Beside those that are flagged these are rows of the highest scores, neighbours taken together.
    """
    flagged = scores > threshold
    found = find_intervals(flagged, run)
    if top is None:
        return found
    found.sort(key=lambda rows: -scores[rows].max())
    if len(found) < top:
        rest = np.setdiff1d(np.arange(len(scores)), np.concatenate([np.empty(0, int), *found]))
        more = rest[np.argsort(-scores[rest], kind="stable")[: top - len(found)]]
        found += find_intervals(np.isin(np.arange(len(scores)), more), run)
    return found[:top]


def explain_intervals(
    detector: Detector,
    calibration: NDArray[np.float64],
    data: Table,
    scores: NDArray[np.float64],
    intervals: Sequence[Rows],
    usual: NDArray[np.float64] | None = None,
    background: Any = None,
    most: int = MOST_FEATURES,
) -> tuple[ExplainedFinding, ...]:
    """Explain intervals of a series, the most anomalous first.

    The score is the highest of the rows; the features are the channels with the highest mean of
    their scores over the interval, each with its value where it deviates most.
    """
    ordered = sorted(intervals, key=lambda rows: -scores[rows].max())
    highest = np.array([scores[rows].max() for rows in ordered])
    p_values = Calibration(calibration, detector.resolution).p_value(highest)
    features = _features(detector, data, scores, ordered, usual, background, most)
    return tuple(
        ExplainedFinding.of(
            Finding(
                unit="interval",
                id=ids_of(data, rows[:1])[0],
                score=float(score),
                p_value=float(p),
                start=int(_timeline(data).time[rows[0]]),
                end=int(_timeline(data).time[rows[-1]]),
                locations=(_location(data, rows),),
                features=found,
            )
        )
        for rows, score, p, found in zip(ordered, highest, p_values, features, strict=True)
    )


def find_interval(data: Table, flagged: NDArray[np.bool_], name: str) -> Rows:
    """Return the rows of the interval that a name is of; of a row that is in none, that row.

    Parameters
    ----------
    data : Table
        With a timeline.
    flagged : ndarray of bool, shape (n,)
    name : str
        The id of an interval, any time within it, or the number of a row; after the name of the
        file and a colon, where there are several.

    Raises
    ------
    InputError
        There is no such row.
    """
    at = _find_row(data, name)
    for rows in find_intervals(flagged, _timeline(data).run):
        if at in rows:
            return rows
    return np.array([at])


def _timeline(data: Table) -> Timeline:
    assert data.timeline is not None  # noqa: S101 - what makes a table a series
    return data.timeline


def _find_row(data: Table, name: str) -> int:
    inside = np.ones(len(data), dtype=np.bool_)
    wanted = name
    if len(data.sources) > 1 and data.file is not None:
        of = [i for i, source in enumerate(data.sources) if name.startswith(f"{source}:")]
        if not of:
            raise _no_row(data, name)
        source = max(of, key=lambda i: len(data.sources[i]))
        inside, wanted = data.file == source, name[len(data.sources[source]) + 1 :]
    if wanted.isdecimal():
        number = np.arange(1, len(data) + 1) if data.row is None else data.row
        found = np.flatnonzero(inside & (number == int(wanted)))
    else:
        found = _at_time(data, inside, _millis(wanted))
    if not len(found):
        raise _no_row(data, name)
    return int(found[0])


def _at_time(data: Table, inside: NDArray[np.bool_], millis: int | None) -> Rows:
    """Return the row of that time, or the last one before it in a run that goes on after it."""
    timeline = _timeline(data)
    if millis is None:
        return np.empty(0, dtype=np.int64)
    if len(same := np.flatnonzero(inside & (timeline.time == millis))):
        return same
    for rows in _rows_by_run(timeline.run).values():
        times = timeline.time[rows]
        if inside[rows[0]] and times[0] < millis < times[-1]:
            return rows[np.searchsorted(times, millis) - 1 :][:1]
    return np.empty(0, dtype=np.int64)


def _millis(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _no_row(data: Table, name: str) -> InputError:
    first, last = ids_of(data, np.array([0, len(data) - 1]))
    return InputError(f"no time or row {name!r} in this series; it goes from {first!r} to {last!r}")


def _location(data: Table, rows: Rows) -> Location:
    numbers = rows + 1 if data.row is None else data.row[rows]
    at = 0 if data.file is None else int(data.file[rows[0]])
    file = data.sources[at] if data.sources else ""
    return Location(file, int(numbers.min()), int(numbers.max()))


def _features(
    detector: Any,
    data: Table,
    scores: NDArray[np.float64],
    intervals: Sequence[Rows],
    usual: NDArray[np.float64] | None,
    background: Any,
    most: int,
) -> list[tuple[Feature, ...]]:
    if not len(intervals):
        return []
    if hasattr(detector, "judge"):
        found: dict[int, tuple[Feature, ...]] = {}
        for judged, places in _judged_by_run(detector, data, intervals):
            means = _mean_judgement(judged, [rows for _, rows in places])
            for (place, _), features in zip(
                places, explain_judged(means, usual, most), strict=True
            ):
                found[place] = features
        return [found[i] for i in range(len(intervals))]
    if "table" in detector.inputs and background is not None and find_spec("captum"):
        from amiss.detect._train import threads

        with threads(1):
            parts = [
                _mean_parts(attribute(detector, data.take(_highest(rows, scores)), background))
                for rows in intervals
            ]
        return [explain_attributed(part, data.columns, usual, most)[0] for part in parts]
    return [()] * len(intervals)


def _judged_by_run(
    detector: Any, data: Table, intervals: Sequence[Rows]
) -> Iterator[tuple[Judgement, list[tuple[int, Rows]]]]:
    """Yield what a detector says of each run with intervals, and these: place, rows of the run."""
    runs = _rows_by_run(_timeline(data).run)
    of = _timeline(data).run
    places: dict[int, list[tuple[int, Rows]]] = {}
    for i, rows in enumerate(intervals):
        number = int(of[rows[0]])
        within = np.searchsorted(runs[number], rows).astype(np.int64)
        places.setdefault(number, []).append((i, within))
    for number, found in places.items():
        yield detector.judge(dense(data.take(runs[number]))), found


def _rows_by_run(run: NDArray[np.int64]) -> dict[int, Rows]:
    order = np.argsort(run, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(run[order])) + 1)
    return {int(run[rows[0]]): rows for rows in parts if len(rows)}


def _mean_judgement(judged: Judgement, intervals: list[Rows]) -> Judgement:
    """Return one item an interval: mean scores, and the values where each channel is worst."""
    worst = [rows[judged.feature_score[rows].argmax(axis=0)] for rows in intervals]
    across = np.arange(judged.feature_score.shape[1])
    mean = np.array([judged.feature_score[rows].mean(axis=0) for rows in intervals])
    return replace(
        judged,
        score=np.array([judged.score[rows].max() for rows in intervals]),
        is_anomaly=np.array([judged.is_anomaly[rows].any() for rows in intervals]),
        feature_score=mean,
        feature_is_anomaly=mean > judged.feature_threshold,
        values=np.array([judged.values[rows, across] for rows in worst]),
        reconstruction=np.array([judged.reconstruction[rows, across] for rows in worst]),
    )


def _highest(rows: Rows, scores: NDArray[np.float64]) -> Rows:
    return rows[np.argsort(-scores[rows], kind="stable")[:_ATTRIBUTED]]


def _mean_parts(parts: Attributions) -> Attributions:
    """Return one item for all: mean parts, and the values where each column adds most."""
    worst = parts.values.argmax(axis=0)
    values = np.asarray(parts.rows[worst, np.arange(parts.values.shape[1])]).reshape(1, -1)
    return replace(
        parts,
        values=parts.values.mean(axis=0, keepdims=True),
        score=parts.score.mean(keepdims=True),
        rows=values,
    )

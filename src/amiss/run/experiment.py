"""Detectors side by side on labelled sessions: split, fit, decide on training data, judge the rest.

Nothing is chosen on the sessions that are judged: thresholds come from the out-of-fold scores of
the training sessions. Beside every result stand trivial baselines and the ceiling: the best F1
of any method that sees event ids only, which sessions that are alike but carry both labels bound.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import train_test_split

from amiss.decide import best_f1_threshold, decide
from amiss.detect import get_detector
from amiss.detect._base import LEFT_OUT, Detector
from amiss.detect._baselines import baseline_scores, window_baseline_scores
from amiss.detect._windowed import WindowDetector
from amiss.errors import InputError, UsageError
from amiss.present.experiment import describe_experiment
from amiss.represent.sequences import distinct_sequences
from amiss.represent.windows import cut_windows, distinct_rows
from amiss.run.bulk import normal_bulk
from amiss.run.metrics import areas, at_threshold, ceiling, curves, merged_runs, top_k_table
from amiss.run.pipeline import FALSE_ALARM_RATE
from amiss.run.validation import represent
from amiss.types import Sequences, Windows

SCHEMA = "amiss.experiment/1"
Bools = NDArray[np.bool_]
Items = Sequences | Windows
DEFAULT_DETECTORS = ("event-pair", "next-event", "event-counts", "session-ensemble")
Detectors = Sequence[str | Detector] | Mapping[str, str | Detector]


@dataclass(frozen=True, slots=True)
class Experiment:
    """What `run_experiment` returns.

    Attributes
    ----------
    report : dict
        The schema ``amiss.experiment/1``.
    """

    report: dict[str, Any]

    def __repr__(self) -> str:
        return describe_experiment(self.report)

    def to_dict(self) -> dict[str, Any]:
        """Return the schema ``amiss.experiment/1`` as plain values."""
        return self.report

    def to_frame(self) -> pl.DataFrame:
        """Return one row a level, detector or baseline, and seed."""
        rows = []
        for level, content in self.report["levels"].items():
            for group in ("detectors", "baselines"):
                for name, values in content[group].items():
                    for i, seed in enumerate(self.report["split"]["seeds"]):
                        figures = {
                            key: value["values"][i]
                            for key, value in values.items()
                            if isinstance(value, dict) and "values" in value
                        }
                        rows.append(
                            {"level": level, "kind": group[:-1], "detector": name, "seed": seed}
                            | figures
                        )
        return pl.DataFrame(rows, infer_schema_length=None)

    def data_frame(self) -> pl.DataFrame:
        """Return what the splits hold: sessions, windows, anomalies in train and test."""
        return pl.DataFrame(self.report["data"])


class _Level(NamedTuple):
    """Items of one level, session or window, split."""

    train: Items
    test: Items
    train_truth: NDArray[np.int64]
    truth: Bools
    ceilings: dict[str, float]
    baselines: dict[str, NDArray[np.float64]]


def split_sessions(
    truth: NDArray[np.int64],
    train: float,
    how: Literal["uniform", "time"] = "uniform",
    seed: int = 0,
    unit: str = "session",
    trace: NDArray[np.int64] | None = None,
) -> Bools:
    """Return which sessions, or other units, are for training, shape (n,).

    Parameters
    ----------
    truth : ndarray of int64, shape (n,)
        1, 0 or −1; a uniform split is stratified by it.
    train : float
        Share of the sessions, in (0, 1).
    how : {"uniform", "time"}
        At random, or the first of them in the order they have.
    seed : int
    unit : str
        What errors call them.
    trace : ndarray of int64, shape (n,), optional
        Which trace each is a segment of: whole traces are for training, or none of one. One is
        anomalous if a segment of it is.

    Raises
    ------
    UsageError
        `train` is no share, or `how` is another word.

    Examples
    --------
    >>> split_sessions(np.array([0, 0, 1, 1]), 0.5, "time").tolist()
    [True, True, False, False]
    """
    if not 0 < train < 1:
        raise UsageError(f"a training share of {train}; expected one between 0 and 1, such as 0.2")
    if how not in ("uniform", "time"):
        raise UsageError(f"split {how!r}; expected uniform or time")
    if trace is not None:
        _, first, own = np.unique(trace, return_index=True, return_inverse=True)
        own = np.argsort(np.argsort(first))[own.ravel()]  # in the order they have
        of_trace = np.full(len(first), -1)
        np.maximum.at(of_trace, own, truth)
        return split_sessions(of_trace, train, how, seed, "trace")[own]
    n_train = round(train * len(truth))
    rows = np.arange(n_train)
    if how == "uniform":
        try:
            rows = train_test_split(
                np.arange(len(truth)), train_size=n_train, stratify=truth, random_state=seed
            )[0]
        except ValueError:  # fewer of a kind than it needs
            n_train = 0
    chosen = np.zeros(len(truth), dtype=np.bool_)
    chosen[rows[:n_train]] = True
    if chosen.all() or not chosen.any():
        raise InputError(
            f"{len(truth)} {unit}s cannot be split so that {train:g} of them train and others are "
            f"judged; give more {unit}s, or another share"
        )
    return chosen


def run_experiment(
    sessions: Any,
    labels: Any,
    detectors: str | Detector | Detectors = DEFAULT_DETECTORS,
    *,
    train: float | Bools = 0.2,
    split: Literal["uniform", "time"] = "uniform",
    seeds: Iterable[int] = range(5),
    levels: Sequence[str] = ("session",),
    window: int = 10,
    use_labels: bool = True,
    false_alarm_rate: float = FALSE_ALARM_RATE,
) -> Experiment:
    """Fit detectors on a part of labelled sessions and judge them on the rest, for several seeds.

    Parameters
    ----------
    sessions : Sessions, or sequences of events
    labels : mapping of session id to bool, or path of a label file; for sequences, array of int
        Sessions without a label (−1) are left out.
    detectors : sequence or mapping
        Names of the catalogue, or detectors of your own by the name to show.
    train : float, or ndarray of bool, shape (n,)
        Share of the sessions to learn from; or which ones, the same for all seeds.
    split : {"uniform", "time"}
        See `split_sessions`.
    seeds : iterable of int
        One split and one training each.
    levels : sequence of {"session", "window"}
        What is judged. At window level, only detectors that take windows.
    window : int
        Events of a window (see `amiss.represent.windows.cut_windows`).
    use_labels : bool
        False: training labels are not looked at. The normal bulk is learnt from, as `amiss.fit`
        does without labels, and the threshold is set by `false_alarm_rate`. True: the threshold
        is that of the best F1 on the training sessions, judged out of fold.
    false_alarm_rate : float

    Returns
    -------
    Experiment

    Raises
    ------
    UsageError
        A level, split or detector is unknown.
    InputError
        There are too few sessions, or training has no anomaly to choose a threshold by.

    Examples
    --------
    >>> events = [["open", "close"]] * 90 + [["open", "crash"]] * 10
    >>> result = run_experiment(
    ...     events, [0] * 90 + [1] * 10, ["event-counts"], train=0.5, seeds=[0]
    ... )
    >>> result.report["levels"]["session"]["detectors"]["event-counts"]["f1"]["mean"]
    1.0
    """
    for level in levels:
        if level not in ("session", "window"):
            raise UsageError(f"level {level!r}; expected session or window")
    sequences, truth = represent(sessions, labels)
    if (known := truth >= 0).sum() < len(truth):
        sequences, truth = sequences.take(known), truth[known]
    unfitted = _named([detectors] if isinstance(detectors, str | Detector) else detectors)
    if "window" in levels and not any(isinstance(d, WindowDetector) for d in unfitted.values()):
        raise UsageError(
            f"{', '.join(unfitted)}: judges whole sessions, not windows; add next-event or "
            "event-pair, or judge sessions"
        )
    seeds = list(seeds)
    if not seeds:
        raise UsageError("no seeds; expected at least one")
    given = None if isinstance(train, int | float | np.number) else _mask(train, len(known))
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "split": {
            "how": split if given is None else "given",
            "train": float(np.mean(train)),
            "seeds": seeds,
            "labels": use_labels,
            "window": window,
        },
        "data": [],
        "levels": {},
    }
    windows = cut_windows(sequences, window, truth)  # to count: the splits cut their own
    runs: dict[str, list[dict[str, Any]]] = {level: [] for level in levels}
    for seed in seeds:
        if given is None:
            share = float(np.mean(train))
            chosen = split_sessions(truth, share, split, seed, trace=sequences.trace)
        else:
            chosen = given[known]
        report["data"] += _describe_split(windows, truth, chosen, seed)
        for level in levels:
            build = _session_level if level == "session" else _window_level
            items = build(sequences, truth, chosen, window)
            runs[level].append(_judge_all(items, unfitted, seed, use_labels, false_alarm_rate))
    report["levels"] = {level: merged_runs(parts) for level, parts in runs.items()}
    return Experiment(report)


def _mask(train: Any, n: int) -> Bools:
    mask = np.asarray(train)
    if mask.dtype != np.bool_ or mask.shape != (n,) or mask.all() or not mask.any():
        raise UsageError(
            f"train of {mask.dtype} and shape {mask.shape}; expected a share, or a bool for each "
            f"of {n} sessions with both values among them"
        )
    return mask


def _named(detectors: Detectors) -> dict[str, Detector]:
    pairs = (
        detectors.items()
        if isinstance(detectors, Mapping)
        else [(d if isinstance(d, str) else d.name, d) for d in detectors]
    )
    named: dict[str, Detector] = {}
    for name, detector in pairs:
        if name in named:
            raise UsageError(f"two detectors are called {name!r}; give a mapping with names")
        named[name] = get_detector(detector)() if isinstance(detector, str) else detector
        if "sequences" not in named[name].inputs:
            takes = " or ".join(named[name].inputs)
            raise UsageError(f"detector {name!r} takes {takes}, not sessions")
    return named


def _describe_split(
    windows: Windows, truth: NDArray[np.int64], chosen: Bools, seed: int
) -> list[dict[str, Any]]:
    assert windows.session is not None  # noqa: S101 - cut from sessions
    assert windows.label is not None  # noqa: S101 - labels were given
    rows = []
    for part, mask in (("train", chosen), ("test", ~chosen)):
        inside = mask[windows.session]
        rows.append(
            {
                "seed": seed,
                "part": part,
                "sessions": int(mask.sum()),
                "anomalous_sessions": int((truth[mask] == 1).sum()),
                "windows": int(inside.sum()),
                "anomalous_windows": int((windows.label[inside] == 1).sum()),
            }
        )
    return rows


def _session_level(X: Sequences, truth: NDArray[np.int64], chosen: Bools, window: int) -> _Level:
    del window
    train, test = X.take(chosen), X.take(~chosen)
    judged = truth[~chosen] == 1
    kind = distinct_sequences(test)[1]
    return _Level(
        train,
        test,
        truth[chosen],
        judged,
        {"ceiling": ceiling(kind, judged)},
        baseline_scores(train.take(truth[chosen] != 1), test),
    )


def _window_level(X: Sequences, truth: NDArray[np.int64], chosen: Bools, window: int) -> _Level:
    train = cut_windows(X.take(chosen), window, truth[chosen])
    test = cut_windows(X.take(~chosen), window, truth[~chosen])
    assert train.label is not None  # noqa: S101 - labels were given
    assert test.label is not None  # noqa: S101
    assert test.sessions is not None  # noqa: S101 - cut from sessions
    judged = test.label == 1
    alone = distinct_rows(test.history, test.next_event)[1]
    both = distinct_rows(alone, distinct_sequences(test.sessions)[1][test.session])[1]
    return _Level(
        train,
        test,
        train.label,
        judged,
        {"ceiling": ceiling(alone, judged), "ceiling_in_session": ceiling(both, judged)},
        window_baseline_scores(train.take(train.label != 1), test),
    )


def _judge_all(
    level: _Level, detectors: dict[str, Detector], seed: int, use_labels: bool, rate: float
) -> dict[str, Any]:
    found: dict[str, Any] = {"ceilings": level.ceilings, "detectors": {}, "baselines": {}}
    for name, values in level.baselines.items():
        found["baselines"][name] = {
            **at_threshold(level.truth, values > 0), **areas(level.truth, values)
        }  # fmt: skip
    bulk = None if use_labels else _bulk(level.train)
    for name, unfitted in detectors.items():
        if isinstance(level.test, Windows) and not isinstance(unfitted, WindowDetector):
            continue  # judges whole sessions only
        detector = clone(unfitted)
        if "random_state" in detector.get_params(deep=False) and detector.random_state is None:
            detector.set_params(random_state=seed)
        found["detectors"][name] = _judge(detector, level, bulk, rate)
    return found


def _judge(detector: Detector, level: _Level, bulk: Bools | None, rate: float) -> dict[str, Any]:
    """Fit and judge; by labels, or where there is a `bulk`, by that and a false-alarm rate."""
    started = time.process_time()
    if bulk is None:
        anomalous = level.train_truth == 1
        detector.fit(level.train, level.train_truth)
        threshold = best_f1_threshold(detector.training_score_, anomalous)
    else:
        detector.fit(level.train, np.where(bulk, 0, LEFT_OUT))
        threshold = decide(detector.training_score_[bulk], rate, "tail", detector.resolution)
    fitted = time.process_time()
    scores = detector.anomaly_score(level.test)
    result = {
        **at_threshold(level.truth, scores > threshold.value),
        **areas(level.truth, scores),
        "threshold": threshold.value,
        "curves": curves(level.truth, scores),
        "fit_cpu_s": fitted - started,
        "score_cpu_s": time.process_time() - fitted,
    }
    if getattr(detector, "score", None) == "rank":
        result["k"] = int(np.floor(threshold.value)) + 1
        result["top_k"] = top_k_table(level.truth, scores)
    return result


def _bulk(train: Items) -> Bools:
    """Return which items are of sessions in the normal bulk."""
    if isinstance(train, Sequences):
        return normal_bulk(train)
    assert train.sessions is not None  # noqa: S101 - cut from sessions
    inside: Bools = normal_bulk(train.sessions)[train.session]
    return inside

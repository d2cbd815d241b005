"""Tuning: the parameters of a detector that rank, or flag, labelled sessions best.

What is optimised is measured on sessions that the detector of that trial did not learn from:
stratified folds over sessions, the same for every trial.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike
from sklearn.base import clone

from amiss.detect import get_detector
from amiss.detect._base import Detector
from amiss.errors import InputError, UsageError
from amiss.represent.sessions import Sessions
from amiss.run.config import is_plain, make_config, write_config
from amiss.run.ingest import Labels
from amiss.run.pipeline import Model, fit
from amiss.run.space import search_space_of, to_plain
from amiss.run.study import Report, Trial, import_optuna, open_study, run_trials
from amiss.run.validation import METRICS, check_strata, fingerprint, measure, represent, splits

SCHEMA = "amiss.tuning/1"
_STATES = ("finished", "pruned", "failed", "interrupted")

Progress = Callable[[int, int, float | None], None]
"""Told the trials that are done, those asked for, and the best value so far."""


@dataclass(frozen=True, slots=True)
class TuningResult:
    """What a search found.

    Attributes
    ----------
    detector, metric : str
    folds, repeats, random_state : int
    best_parameters, default_parameters : dict
        Of the parameters that were searched; the best may be the defaults.
    best_value : float
        Mean of the metric over the folds, on sessions not learnt from.
    default_value : float or None
        The same of the detector as it was; None if it failed.
    trials : tuple of Trial
        In order.
    study : Path or None
        The SQLite file.
    model : Model or Detector
        The best, refitted on all that was given: a model where that was `Sessions`.
    fixed_parameters : dict
        What the given detector had set that was not searched.
    """

    detector: str
    metric: str
    folds: int
    repeats: int
    random_state: int
    best_parameters: dict[str, Any]
    best_value: float
    default_parameters: dict[str, Any]
    default_value: float | None
    trials: tuple[Trial, ...]
    study: Path | None
    model: Model | Detector
    fixed_parameters: dict[str, Any]

    def __repr__(self) -> str:
        default = "failed" if self.default_value is None else f"{self.default_value:.4f}"
        return (
            f"<TuningResult: {self.detector} {self.metric} {self.best_value:.4f}, "
            f"default {default}, {len(self.trials)} trials>"
        )

    @property
    def improved(self) -> bool:
        """Whether the best parameters did better than the defaults."""
        return self.default_value is None or self.best_value > self.default_value

    def config(self) -> dict[str, Any]:
        """Return the best parameters as the schema ``amiss.config/1``."""
        return make_config(self.detector, {**self.fixed_parameters, **self.best_parameters})

    def save_config(self, path: str | PathLike[str]) -> None:
        """Write `config` as TOML, for ``amiss fit --config``."""
        write_config(path, self.config())

    def counts(self) -> dict[str, int]:
        """Return the number of trials in each state."""
        return {state: sum(t.state == state for t in self.trials) for state in _STATES}

    def to_frame(self) -> pl.DataFrame:
        """Return one row a trial, a column a parameter."""
        rows = [
            {"trial": t.number, "state": t.state, self.metric: t.value, "seconds": t.seconds,
             "error": t.error, **{n: t.parameters.get(n) for n in self.best_parameters}}
            for t in self.trials
        ]  # fmt: skip
        types = {"error": pl.String, self.metric: pl.Float64, "seconds": pl.Float64}
        return pl.DataFrame(rows, schema_overrides=types, infer_schema_length=None)

    def to_dict(self) -> dict[str, Any]:
        """Return the schema ``amiss.tuning/1`` as plain values."""
        return {
            "schema": SCHEMA,
            "detector": self.detector,
            "metric": self.metric,
            "folds": self.folds,
            "repeats": self.repeats,
            "random_state": self.random_state,
            "best": {"value": self.best_value, "parameters": self.best_parameters},
            "default": {"value": self.default_value, "parameters": self.default_parameters},
            "improved": self.improved,
            "counts": self.counts(),
            "study": None if self.study is None else str(self.study),
            "config": self.config(),
            "trials": [
                {
                    "trial": t.number, "state": t.state, "value": t.value, "seconds": t.seconds,
                    "error": t.error or None, "parameters": t.parameters,
                }
                for t in self.trials
            ],
        }  # fmt: skip


def tune(
    sessions: Sessions | Any,
    labels: Labels | ArrayLike | None,
    detector: str | Detector = "next-event",
    *,
    space: Mapping[str, Any] | str | PathLike[str] | None = None,
    n_trials: int = 20,
    repeats: int = 1,
    folds: int = 3,
    metric: str = "pr_auc",
    storage: str | PathLike[str] | None = None,
    study_name: str = "amiss",
    timeout: float | None = None,
    random_state: int = 0,
    progress: Progress | None = None,
) -> TuningResult:
    """Search the parameters of a detector, and refit it with the best.

    Parameters
    ----------
    sessions : Sessions, or sequences as detectors take them
    labels : mapping of session id to bool, or path of a label file; of bare sequences an array
        In an array 1 is an anomaly, −1 unknown, 0 normal. Sessions without a label are learnt from
        as normal ones, as `amiss.fit` does, and not judged by.
    detector : str or Detector
        Parameters that are not searched keep the values they have.
    space : mapping of parameter to Integer, Real or Choice, or path of a TOML file, optional
        Instead of the detector's own ``search_space``.
    n_trials : int
        Trials of the whole study; the first takes the detector's parameters as they are.
    repeats : int
        Other folds and seeds, averaged in each trial.
    folds : int
    metric : {"pr_auc", "f1"}
        Area under the precision-recall curve, or F1 at the threshold that is best on the
        out-of-fold training scores.
    storage : path-like, optional
        SQLite file of the study: a search that was stopped or killed goes on from it. Without, it
        is kept in memory.
    study_name : str
    timeout : float, optional
        Seconds after which no further trial begins.
    random_state : int
    progress : callable, optional
        Called with the trials done, those asked for, and the best value so far.

    Raises
    ------
    UsageError
        There are no labels, the search space or an option makes no sense, or the study was begun
        with other data, detector, space, metric, folds, repeats or seed.
    InputError
        There are fewer anomalies, or normal sessions, than folds; or every trial failed.
    AmissError
        optuna is not installed.

    Examples
    --------
    >>> usual = [["open", "read", "close"], ["open", "close"]] * 20
    >>> odd = [["open", "crash"]] * 6
    >>> found = tune(usual + odd, [0] * 40 + [1] * 6, "event-counts", n_trials=2)
    >>> found.best_value, found.improved
    (1.0, False)
    """
    check_request(labels, detector, space, n_trials, repeats, folds, metric, timeout)
    base = get_detector(detector)() if isinstance(detector, str) else clone(detector)
    chosen = search_space_of(type(base), space)
    defaults = {name: base.get_params(deep=False)[name] for name in chosen}
    sequences, truth = represent(sessions, labels)
    check_strata(truth, folds)
    setting = {
        "data": fingerprint(sequences, truth),
        "detector": base.name,
        "parameters": {name: repr(v) for name, v in base.get_params(deep=False).items()},
        "space": to_plain(chosen),
        "metric": metric,
        "folds": folds,
        "repeats": repeats,
        "seed": random_state,
    }

    def evaluate(parameters: dict[str, Any], report: Report) -> float:
        values: list[float] = []
        for seed, train, test in splits(truth, folds, repeats, random_state, sequences.trace):
            made = _seeded(clone(base).set_params(**parameters), seed)
            made.fit(sequences.take(train), truth[train])
            values.append(measure(metric, made, sequences, truth, train, test))
            report(float(np.mean(values)))
        return float(np.mean(values))

    def announce(trials: list[Trial]) -> None:
        if progress:
            done = sum(t.state != "interrupted" for t in trials)
            best = max((t.value for t in _finished(trials)), default=None)
            progress(done, n_trials, best)

    path = _path_of(storage)
    with open_study(path, study_name, setting, folds * repeats) as study:
        trials = run_trials(
            study, chosen, defaults, n_trials, evaluate,
            timeout=timeout, random_state=random_state, progress=announce,
        )  # fmt: skip
    finished = _finished(trials)
    if not finished:
        failed = [t for t in trials if t.error]
        reason = f"; the first: {failed[0].error}" if failed else ""
        raise InputError(f"none of {len(trials)} trials came to an end{reason}")
    best = max(finished, key=lambda t: t.value)  # of equals the first: the defaults, if they are
    refitted = _seeded(clone(base).set_params(**best.parameters), random_state)
    if isinstance(sessions, Sessions):
        known: Any = labels
        model: Model | Detector = fit(sessions, known, detector=refitted, random_state=random_state)
    else:
        model = refitted.fit(sequences, truth)
    fixed = clone(base).get_params(deep=False)
    usual = type(base)().get_params(deep=False)
    return TuningResult(
        detector=base.name,
        metric=metric,
        folds=folds,
        repeats=repeats,
        random_state=random_state,
        best_parameters=best.parameters,
        best_value=best.value,
        default_parameters=defaults,
        default_value=next((t.value for t in finished if t.default), None),
        trials=tuple(trials),
        study=path,
        model=model,
        fixed_parameters={
            name: value
            for name, value in fixed.items()
            if name not in chosen and is_plain(value) and value != usual[name]
        },
    )


def check_request(
    labels: Any,
    detector: str | Detector,
    space: Mapping[str, Any] | str | PathLike[str] | None,
    n_trials: int,
    repeats: int,
    folds: int,
    metric: str,
    timeout: float | None,
) -> None:
    """Refuse, before anything is read, what `tune` would refuse.

    Raises
    ------
    UsageError, AmissError
        As `tune`.
    """
    if labels is None:
        raise UsageError(
            "tuning needs labels: without them there is nothing to choose parameters by; give "
            "labels (--labels CSV), or use the detector as it is"
        )
    if metric not in METRICS:
        raise UsageError(f"metric {metric!r}; expected one of: {', '.join(METRICS)}")
    counts = (("trials", n_trials, 1), ("repeats", repeats, 1), ("folds", folds, 2))
    for name, value, least in counts:
        if value < least:
            raise UsageError(f"{name} {value}; expected {least} or more")
    if timeout is not None and not timeout > 0:
        raise UsageError(f"timeout {timeout}; expected more than 0")
    search_space_of(get_detector(detector) if isinstance(detector, str) else type(detector), space)
    import_optuna()


def _path_of(storage: str | PathLike[str] | None) -> Path | None:
    if storage is None:
        return None
    if isinstance(storage, str) and "://" in storage:
        raise UsageError(
            f"storage {storage!r}; expected the path of an SQLite file, not an address"
        )
    return Path(storage)


def _seeded(detector: Detector, seed: int) -> Detector:
    if "random_state" in detector.get_params(deep=False):
        detector.set_params(random_state=seed)
    return detector


def _finished(trials: Sequence[Trial]) -> list[Any]:
    return [trial for trial in trials if trial.state == "finished"]

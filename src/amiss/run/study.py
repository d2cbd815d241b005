"""The study of a search: what was tried, kept in SQLite, so that a killed one goes on.

All that knows optuna is here. A trial that a kill left running is closed and queued again with the
same parameters; it is *interrupted* if another trial says so by ``retry_of``, which leaves no
moment at which a second kill could lose it or count it twice.
"""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from amiss.detect._space import Choice, Integer, SearchSpace
from amiss.errors import AmissError, InputError, UsageError

if TYPE_CHECKING:
    import optuna

_STARTUP_TRIALS = 5
"""Random trials before TPE; optuna's ten, in each bracket, would be most of a short study."""
_MOST_TRIES = 3
"""A trial in which the process died so often is not tried again: it may be what kills it."""

Report = Callable[[float], None]
"""Told the mean so far; it ends the trial if it is not worth going on."""
Evaluate = Callable[[dict[str, Any], Report], float]


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of parameters and what came of it.

    Attributes
    ----------
    number : int
    state : {"finished", "pruned", "failed", "interrupted"}
        An interrupted trial was queued again, and does not count.
    parameters : dict
    value : float or None
        Of a finished trial; of a pruned one the mean of what it went through.
    seconds : float or None
    error : str
        Why it failed, or empty.
    default : bool
        Whether these are the detector's own parameters.
    """

    number: int
    state: str
    parameters: dict[str, Any]
    value: float | None
    seconds: float | None
    error: str
    default: bool


@contextmanager
def open_study(
    path: Path | None, name: str, setting: Mapping[str, Any], steps: int
) -> Iterator[optuna.Study]:
    """Open a study, or begin it; in memory without a path.

    Parameters
    ----------
    path : Path, optional
        An SQLite file.
    name : str
    setting : dict
        What the values of the trials depend on, as JSON values.
    steps : int
        Reports of a trial that is not pruned.

    Raises
    ------
    UsageError
        The study was made under another setting, or another process is at it.
    InputError
        The file is no study.
    """
    optuna = import_optuna()
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings(), _only_one(path):
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        storage = _open_storage(path)
        try:
            study = optuna.create_study(
                storage=storage,
                study_name=name,
                direction="maximize",
                load_if_exists=True,
                pruner=optuna.pruners.HyperbandPruner(1, steps),
            )
            _check_setting(study, setting, path)
            yield study
        finally:
            if path:  # or else the open connection is complained of when Python ends
                storage.remove_session()
                storage.engine.dispose()
            optuna.logging.set_verbosity(verbosity)


def run_trials(
    study: optuna.Study,
    space: SearchSpace,
    defaults: Mapping[str, Any],
    n_trials: int,
    evaluate: Evaluate,
    *,
    timeout: float | None = None,
    random_state: int = 0,
    progress: Callable[[list[Trial]], None] | None = None,
) -> list[Trial]:
    """Go on until `n_trials` are finished, pruned or failed, those of earlier runs included.

    The first trial takes `defaults`, and is never pruned. After an interrupt, or a kill, the trial
    that was running is queued again.
    """
    optuna = import_optuna()
    started = time.monotonic()
    _requeue_running(study, died=True)
    if not study.get_trials(deepcopy=False):
        study.enqueue_trial(
            {name: value for name, value in defaults.items() if value in space[name]},
            user_attrs={"default": True},
        )
    while True:
        trials = trials_of(study)
        counted = sum(trial.state != "interrupted" for trial in trials)
        if progress:
            progress(trials)
        late = timeout is not None and counted and time.monotonic() - started >= timeout
        if counted >= n_trials or late:
            return trials
        # Seeded anew for each trial: a study that goes on draws what it would have drawn.
        seed = np.random.SeedSequence([random_state, counted]).generate_state(1)[0]
        study.sampler = optuna.samplers.TPESampler(seed=int(seed), n_startup_trials=_STARTUP_TRIALS)
        try:
            _run_trial(study, space, defaults, evaluate)
        except BaseException:
            _requeue_running(study, died=False)
            raise


def trials_of(study: optuna.Study) -> list[Trial]:
    """Return the trials that have ended, in order."""
    found = study.get_trials(deepcopy=False)
    retried = {trial.user_attrs.get("retry_of") for trial in found}
    trials = []
    for trial in found:
        if not trial.state.is_finished():
            continue
        state = {"COMPLETE": "finished", "PRUNED": "pruned"}.get(trial.state.name, "failed")
        error = trial.user_attrs.get("error", "")
        if state == "failed" and trial.number in retried:
            state = "interrupted"
        elif state == "failed" and not error:
            error = f"the process ended in it {_MOST_TRIES} times"
        duration = trial.duration
        trials.append(
            Trial(
                number=trial.number,
                state=state,
                parameters=trial.user_attrs.get("parameters", trial.params),
                value=trial.value,
                seconds=None if duration is None else duration.total_seconds(),
                error=error,
                default=trial.user_attrs.get("default", False),
            )
        )
    return trials


def _run_trial(
    study: optuna.Study, space: SearchSpace, defaults: Mapping[str, Any], evaluate: Evaluate
) -> None:
    optuna = import_optuna()
    trial = study.ask()
    default = trial.user_attrs.get("default", False)
    means: list[float] = []

    def report(mean: float) -> None:
        means.append(mean)
        trial.report(mean, len(means))
        # Asked of the defaults too, for others are compared with what the pruner noted.
        if trial.should_prune() and not default:
            raise optuna.TrialPruned

    try:
        parameters = {
            # The defaults need not be in a space that the user gave.
            name: defaults[name]
            if default and defaults[name] not in space[name]
            else _suggest(trial, name, space)
            for name in space
        }
        trial.set_user_attr("parameters", parameters)
        value = evaluate(parameters, report)
        if not math.isfinite(value):
            raise ValueError(f"the metric is {value}; expected a number")
    except optuna.TrialPruned:
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    except Exception as error:  # the study goes on: the next parameters may be fine
        trial.set_user_attr("error", f"{type(error).__name__}: {error}")
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    else:
        study.tell(trial, value)


def _suggest(trial: optuna.Trial, name: str, space: SearchSpace) -> Any:
    entry = space[name]
    if isinstance(entry, Choice):
        return trial.suggest_categorical(name, entry.options)
    if isinstance(entry, Integer):
        # optuna warns of a step that does not lead to the end.
        high = entry.low + (entry.high - entry.low) // entry.step * entry.step
        return trial.suggest_int(name, entry.low, high, step=entry.step, log=entry.log)
    return trial.suggest_float(name, entry.low, entry.high, log=entry.log)


def _requeue_running(study: optuna.Study, died: bool) -> None:
    """Close the trials that nobody runs any more, and queue them again."""
    optuna = import_optuna()
    found = study.get_trials(deepcopy=False)
    retried = {trial.user_attrs.get("retry_of") for trial in found}
    for trial in found:
        if trial.state != optuna.trial.TrialState.RUNNING:
            continue
        tries = trial.user_attrs.get("tries", 0) + died
        if trial.number not in retried and tries < _MOST_TRIES:
            kept = {k: v for k, v in trial.user_attrs.items() if k == "default"}
            study.enqueue_trial(
                trial.params, user_attrs={**kept, "retry_of": trial.number, "tries": tries}
            )
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)


def _check_setting(study: optuna.Study, setting: Mapping[str, Any], path: Path | None) -> None:
    attributes = study.user_attrs
    if "setting" not in attributes:
        if study.get_trials(deepcopy=False):
            raise UsageError(f"{path}: holds a study that amiss tune did not make; name another")
        study.set_user_attr("setting", dict(setting))
        return
    differing = [
        _difference(name, attributes["setting"].get(name), now)
        for name, now in setting.items()
        if attributes["setting"].get(name) != now
    ]
    if differing:
        raise UsageError(
            f"{path}: the study was begun with other {', other '.join(differing)}, so its trials "
            "cannot be compared with new ones; name another study file, or go on as it was begun"
        )


def _difference(name: str, before: Any, now: Any) -> str:
    if isinstance(before, dict) and isinstance(now, dict):
        other = [key for key in {**before, **now} if before.get(key) != now.get(key)]
        return f"{name} ({', '.join(other)})"
    return name if name == "data" else f"{name} ({before}, not {now})"


def _open_storage(path: Path | None) -> Any:
    optuna = import_optuna()
    if path is None:
        return optuna.storages.InMemoryStorage()
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: expected the name of a study file in a folder that there is")
    from sqlalchemy.engine import URL
    from sqlalchemy.exc import DatabaseError

    url = URL.create("sqlite", database=str(path))
    try:
        return optuna.storages.RDBStorage(url.render_as_string(hide_password=False))
    except DatabaseError as error:
        raise InputError(
            f"{path}: cannot be used as a study ({error.orig}); expected a file that amiss tune "
            "wrote, or none"
        ) from None


@contextmanager
def _only_one(path: Path | None) -> Iterator[None]:
    """Refuse a study that another process is at: its running trial is not a dead one."""
    if path is None or sys.platform == "win32" or not path.absolute().parent.is_dir():
        yield
        return
    import fcntl

    lock = path.with_name(f"{path.name}.lock")
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                f"{path}: another process is at this study; wait for it, or name another file"
            ) from None
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def import_optuna() -> Any:
    """Return optuna, which is an extra, or say how to get it."""
    try:
        import optuna
    except ImportError:
        raise AmissError(
            "tuning needs optuna, which is not installed; type: pip install 'amiss[tune]'"
        ) from None
    return optuna

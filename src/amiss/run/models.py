"""One door for all data: fit, scan, load and evaluate go by what they are given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from typing import Any, overload

from amiss import store
from amiss.detect._base import Detector
from amiss.errors import InputError, ModelError, UsageError
from amiss.present.layout import plural
from amiss.represent.activity import Activity
from amiss.represent.sessions import Sessions
from amiss.run import pipeline, row_fit
from amiss.run.detectors import load_detector
from amiss.run.evaluate import evaluate as evaluate_sessions
from amiss.run.evaluate_rows import evaluate_rows
from amiss.run.findings import Findings
from amiss.run.ingest import Labels
from amiss.run.pipeline import FALSE_ALARM_RATE as RATE_OF_SESSIONS
from amiss.run.pipeline import Model
from amiss.run.row_data import RowInput
from amiss.run.row_findings import RowFindings
from amiss.run.row_fit import FALSE_ALARM_RATE as RATE_OF_ROWS
from amiss.run.row_labels import RowLabels
from amiss.run.rows import RowModel
from amiss.run.templates import miner_of
from amiss.types import Images, Table

_REASON = 100
"""Characters of a foreign error that are shown: those of torch go on for pages."""


@overload
def fit(
    data: Sessions,
    labels: Labels | None = None,
    *,
    detector: str | Detector | None = None,
    clean: bool | None = None,
    false_alarm_rate: float | None = None,
    rule: str | None = None,
    random_state: int = 0,
    templates: Model | RowModel | None = None,
) -> Model: ...
@overload
def fit(
    data: RowInput,
    labels: RowLabels | None = None,
    *,
    detector: str | Detector | None = None,
    clean: bool | None = None,
    false_alarm_rate: float | None = None,
    rule: str | None = None,
    random_state: int = 0,
    templates: Model | RowModel | None = None,
) -> RowModel: ...
def fit(
    data: Sessions | RowInput,
    labels: Any = None,
    *,
    detector: str | Detector | None = None,
    clean: bool | None = None,
    false_alarm_rate: float | None = None,
    rule: str | None = None,
    random_state: int = 0,
    templates: Model | RowModel | None = None,
) -> Model | RowModel:
    """Learn what is normal.

    Parameters
    ----------
    data : Sessions, Table, Images or Activity
    labels : mapping of id to bool, or path of a label file, optional
        What is known to be anomalous is not taken for normal. For all but sessions also an array:
        1 is an anomaly, 0 normal, −1 unknown; by default the labels they came with. For an
        `Activity` also the path of verdicts: a report with a column ``verdict`` added.
    detector : str or Detector, optional
        A name of the catalogue, or a detector with parameters of its own. By default
        ``session-ensemble`` for sessions, ``vae`` for tables and images,
        ``vector-autoregression`` for series, ``deep-sad`` for an `Activity`.
    clean : bool, optional
        Of sessions: whether those not labelled anomalous are all normal. By default they are with
        labels; without, the normal bulk is estimated and the rest left out.
    false_alarm_rate : float, optional
        Bound on the share of normal items that are flagged; by default 0.0005 for sessions, 0.01
        for all else.
    rule : str, optional
        ``tail``, the default, or ``quantile``; ``sigma-K`` such as ``sigma-3``, the mean plus 3
        standard deviations; with labels of both kinds also ``f1``, the best F1 of what is labelled,
        judged out of fold; with the detector ``next-event`` also ``top-K`` and ``p-X``, which flag
        a session with an event outside its K likeliest, or less likely than X. The detector
        ``two-stage`` keeps its own cut unless a rule or a rate is given.
    random_state : int
    templates : Model or RowModel, optional
        Of sessions of a raw log: another model, whose templates are started from, with their ids
        and with what a user corrected in them. What users muted and confirmed is kept.

    Returns
    -------
    Model or RowModel

    Raises
    ------
    InputError
        There is nothing to learn from.
    LabelError
        The labels do not fit the data.
    UsageError
        The detector takes other data, or the rule or the rate makes no sense.

    Examples
    --------
    >>> import polars as pl
    >>> events = ["open", "read", "close"] * 40 + ["open", "crash"]
    >>> ids = [str(i // 3) for i in range(120)] + ["odd", "odd"]
    >>> sessions = Sessions.from_frame(pl.DataFrame({"session": ids, "event": events}))
    >>> model = fit(sessions, detector="event-counts")
    >>> [finding.id for finding in model.detect(sessions)]
    ['odd']
    """
    options = _options(data, detector, clean, false_alarm_rate, rule)
    if isinstance(data, Sessions):
        if templates is not None:
            options["miner"] = miner_of(templates)
        model = pipeline.fit(data, labels, random_state=random_state, **options)
        if templates is not None:  # what users said of them is of the new model too
            model.feedback = templates.feedback
        return model
    if templates is not None:
        raise UsageError("templates are of log lines; leave them out")
    return row_fit.fit_rows(data, labels, random_state=random_state, **options)


@overload
def scan(
    data: Sessions,
    labels: Labels | None = None,
    *,
    detector: str | Detector | None = None,
    clean: bool | None = None,
    false_alarm_rate: float | None = None,
    rule: str | None = None,
    random_state: int = 0,
) -> Findings: ...
@overload
def scan(
    data: RowInput,
    labels: RowLabels | None = None,
    *,
    detector: str | Detector | None = None,
    clean: bool | None = None,
    false_alarm_rate: float | None = None,
    rule: str | None = None,
    random_state: int = 0,
) -> RowFindings: ...
def scan(
    data: Sessions | RowInput,
    labels: Any = None,
    *,
    detector: str | Detector | None = None,
    clean: bool | None = None,
    false_alarm_rate: float | None = None,
    rule: str | None = None,
    random_state: int = 0,
) -> Findings | RowFindings:
    """Fit and detect on the same data; what was learnt from is judged out of fold.

    Parameters, Raises
    ------------------
    As `fit`. The fitted model is the findings' ``fitted``.
    """
    options = _options(data, detector, clean, false_alarm_rate, rule)
    if isinstance(data, Sessions):
        return pipeline.scan(data, labels, random_state=random_state, **options)
    return row_fit.scan_rows(data, labels, random_state=random_state, **options)


def _options(
    data: Any,
    detector: str | Detector | None,
    clean: bool | None,
    rate: float | None,
    rule: str | None,
) -> dict[str, Any]:
    """Return the options that were given; the others are for each kind of data to choose."""
    if not isinstance(data, Sessions | Table | Images | Activity):
        raise InputError(
            f"{type(data).__name__}; expected Sessions from amiss.read_sessions, a Table from "
            "amiss.read_table, Images from amiss.read_images or an Activity from "
            "amiss.read_activity"
        )
    if clean is not None and not isinstance(data, Sessions):
        raise UsageError(
            "clean is for sessions, of which the normal bulk is estimated; of tables, images and "
            "entities all that is not labelled an anomaly is learnt from: leave it out"
        )
    given = {"detector": detector, "clean": clean, "false_alarm_rate": rate, "rule": rule}
    return {name: value for name, value in given.items() if value is not None}


def load(path: str | PathLike[str], modules: Mapping[str, Any] | None = None) -> Any:
    """Read what was saved: a model, or a bare detector.

    Parameters
    ----------
    path : path-like
    modules : mapping of parameter name to module or function, optional
        What a detector was given that is code, and so is not in its file, such as
        ``{"encoder": …}``. Of modules only the weights are read from the file.

    Returns
    -------
    Model, RowModel or Detector

    Raises
    ------
    InputError
        The file cannot be read.
    ModelError
        The file is not a model, or damaged, altered, or of a newer format.
    """
    manifest, arrays = store.read(path)
    make = _MAKERS[manifest["kind"]]
    try:
        return make(manifest["content"], arrays, modules)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        reason = next(iter(str(error).splitlines()), "")[:_REASON].rstrip(": ")
        raise ModelError(
            f"{path}: its content does not fit this version of amiss ({type(error).__name__}: "
            f"{reason}); fit the model again"
        ) from None


def usual_rate(model: Model | RowModel) -> float:
    """Return the false-alarm rate of a model: that of its threshold, or the usual one."""
    usual = RATE_OF_ROWS if isinstance(model, RowModel) else RATE_OF_SESSIONS
    return model.threshold.rate or usual


def load_model(path: str | PathLike[str]) -> Model | RowModel:
    """Read a saved model.

    Raises
    ------
    InputError, ModelError
        As `load`; also where the file holds a bare detector.
    """
    loaded = load(path)
    if not isinstance(loaded, Model | RowModel):
        raise ModelError(f"{path}: holds a bare detector; expected a model from: amiss fit")
    return loaded


@contextmanager
def changed_model(path: str | PathLike[str]) -> Iterator[Model | RowModel]:
    """Read a saved model, and save it when the block ends; an error leaves the file as it was.

    Others who change it so wait meanwhile, so that nothing that is said gets lost.

    Raises
    ------
    InputError, ModelError
        As `load_model`.
    """
    with store.locked(path):
        model = load_model(path)
        yield model
        model.save(path)


def evaluate(
    model: Model | RowModel, data: Sessions | RowInput, labels: Any = None, **options: Any
) -> dict[str, Any]:
    """Score labelled data and compare with the labels.

    Parameters
    ----------
    model : Model or RowModel
    data : Sessions, Table, Images or Activity
        As the model takes it. What has no label is left out and counted.
    labels : mapping of id to bool, or path of a label file
        For all but sessions also an array of 1, 0 and −1; by default the labels they came with.
        For an `Activity` also the path of verdicts.
    **options
        For all but sessions, as `amiss.run.evaluate_rows.evaluate_rows` has them: `train`, what
        the model learnt from, puts baselines beside it.

    Returns
    -------
    dict
        The schema ``amiss.evaluation/1``: precision, recall, F1 and confusion at the model's
        threshold, areas under the precision-recall and ROC curves, and the same for each member
        and each trivial baseline.

    Raises
    ------
    LabelError
        There are no labels, or they name nothing in the data.
    UsageError
        The model takes other data.
    """
    if isinstance(model, RowModel):
        if isinstance(data, Sessions):
            raise UsageError(
                f"this model learnt from {plural(model.info['unit'])}; expected such data"
            )
        return evaluate_rows(model, data, labels, **options)
    if not isinstance(data, Sessions):
        raise UsageError("this model learnt from sessions; expected such from read_sessions")
    if labels is None:
        raise UsageError("no labels; expected a mapping of session id to bool, or a label file")
    return evaluate_sessions(model, data, labels, **options)


_MAKERS = {
    "model": Model.from_content,
    "rows": RowModel.from_content,
    "detector": load_detector,
}
assert set(_MAKERS) == set(store.KINDS)  # noqa: S101 - what is written can be read

"""Fitting a `RowModel`: tables, series, images and activity to a detector and its threshold."""

from __future__ import annotations

import time

import numpy as np

from amiss.decide import best_f1_threshold, check_rate, decide
from amiss.detect._base import Detector
from amiss.errors import InputError, UsageError
from amiss.explain.attribution import draw_background
from amiss.represent.activity import Activity
from amiss.represent.entities import EntityFeatures
from amiss.run.detectors import make_detector, takes_series
from amiss.run.feedback import clock
from amiss.run.row_data import (
    RowData,
    RowInput,
    as_series,
    check_rows,
    fingerprint,
    is_series,
    item_of,
)
from amiss.run.row_findings import RowFindings
from amiss.run.row_labels import RowLabels, labels_and_notes
from amiss.run.row_values import as_taken, column_quantiles
from amiss.run.rows import RowModel, describe_input
from amiss.run.thresholds import calibration_scores, note_on_labelled
from amiss.types import Table, Threshold

DEFAULT_DETECTOR = "vae"
ENTITY_DETECTOR = "deep-sad"
"""The default where an `Activity` is given: its table is sparse, and analysts label some of it."""
FALSE_ALARM_RATE = 0.01
"""Default bound on the share of normal rows that are flagged."""
SERIES_DETECTOR = "vector-autoregression"
"""The default where a series is given: of those on SKAB the best, and the quickest."""
_USUAL = (0.005, 0.995)


def fit_rows(
    data: RowInput,
    labels: RowLabels | None = None,
    *,
    detector: str | Detector | None = None,
    false_alarm_rate: float | None = None,
    rule: str | None = None,
    random_state: int = 0,
) -> RowModel:
    """Learn what normal rows of a table, normal images or normal entities look like.

    Parameters
    ----------
    data : Table, Images or Activity
        What becomes a column of an `Activity` is learnt with the detector.
    labels : mapping of id to bool, path of a label file, or array of int, optional
        1 is an anomaly, 0 normal, −1 unknown; by default the labels that `data` has. Anomalies are
        not taken for normal; rows that are unknown are. Of entities the file may be one of
        verdicts: a report with a column ``verdict`` added.
    detector : str or Detector, optional
        A name of the catalogue, or a detector with parameters of its own; by default ``vae``,
        ``vector-autoregression`` for a series, and ``deep-sad`` for an `Activity`.
    false_alarm_rate : float, optional
        Bound on the share of normal rows that are flagged; by default 0.01.
    rule : str, optional
        ``tail`` or ``quantile``; with labels of both kinds also ``f1``, the best F1 of the
        labelled rows, judged out of fold. By default ``tail``; a detector that decides by itself,
        as ``two-stage`` does, keeps its own cut unless a rule or a rate is given.
    random_state : int

    Returns
    -------
    RowModel

    Raises
    ------
    InputError
        There are no rows, a value is missing or infinite, or all are labelled anomalies.
    LabelError
        The labels do not fit the rows.
    UsageError
        The detector takes other data, or the rule or the rate makes no sense.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> t = rng.normal(size=500)
    >>> table = Table(np.column_stack([t, 2 * t]), ("volts", "amperes"))
    >>> model = fit_rows(table)
    >>> other = Table(np.array([[1.0, 2.0], [1.0, -9.0]]), table.columns)
    >>> [finding.id for finding in model.detect(other)]
    ['2']
    """
    return _fit(data, labels, detector, false_alarm_rate, rule, random_state)[0]


def scan_rows(
    data: RowInput,
    labels: RowLabels | None = None,
    *,
    detector: str | Detector | None = None,
    false_alarm_rate: float | None = None,
    rule: str | None = None,
    random_state: int = 0,
) -> RowFindings:
    """Fit and detect on the same rows, each judged by what was learnt without it.

    Parameters, Raises
    ------------------
    As `fit_rows`. The fitted model is the findings' ``fitted``.
    """
    model, known = _fit(data, labels, detector, false_alarm_rate, rule, random_state)
    return model.judged(data, known, model.detector.training_score_)


def _fit(
    data: RowInput,
    labels: RowLabels | None,
    detector: str | Detector | None,
    rate: float | None,
    rule: str | None,
    random_state: int,
) -> tuple[RowModel, RowData]:
    """Return the model, and the data as it learnt from them."""
    started = time.process_time()
    told = rate is not None or rule is not None
    rate, rule = FALSE_ALARM_RATE if rate is None else rate, rule or "tail"
    check_rate(rate)
    if detector is None:
        detector = usual_detector(data)
    space, known = _learnt_space(data)
    check_rows(known)
    if isinstance(known, Table) and known.index is None and takes_series(detector):
        known = as_series(known)
    takes = "series" if is_series(known) else "table" if isinstance(known, Table) else "images"
    chosen = make_detector(detector, random_state, rule, takes)
    _check_decision(chosen, item_of(known))
    truth, notes = labels_and_notes(known, labels)
    if rule == "f1" and truth is None:
        raise UsageError("rule f1 without labels; give labels of both kinds, or the rule tail")
    normal = np.ones(len(known), dtype=np.bool_) if truth is None else truth != 1
    if not normal.any():
        raise InputError(
            f"every {item_of(known)} is labelled an anomaly; expected normal ones to learn from"
        )
    chosen.fit(as_taken(known, chosen), truth)
    calibration = calibration_scores(chosen.training_score_, truth, rule)
    if not told and getattr(chosen, "decides", False):
        value = -float(chosen.offset_)
        threshold = Threshold("own", value, None, float((calibration > value).mean()))
    elif rule == "f1" and truth is not None:
        judged = truth >= 0
        threshold = best_f1_threshold(chosen.training_score_[judged], truth[judged] == 1)
    else:
        threshold = decide(calibration, rate, rule, chosen.resolution)
    chosen.offset_ = -threshold.value
    notes += note_on_labelled(chosen.training_score_, truth, threshold.value)
    info = {
        "sources": list(known.sources),
        **describe_input(data, known),
        "labelled_anomalies": None if truth is None else int((~normal).sum()),
        "labelled_normal": None if truth is None else int((truth == 0).sum()),
        "detector": chosen.name,
        "random_state": random_state,
        "cpu_seconds": round(time.process_time() - started, 1),
        "fingerprint": fingerprint(known),
        "notes": [*(data.log.notes if isinstance(data, Activity) else ()), *notes],
    }
    if info["unit"] == "entity":  # what was masked in the log is masked in others too
        info["mask"] = list(data.log.mask) if isinstance(data, Activity) else []
    usual = background = None
    if isinstance(known, Table):
        taken = known.values[normal]
        usual = column_quantiles(taken, _USUAL)
        background = draw_background(taken, random_state=random_state)
    model = RowModel(chosen, threshold, calibration, info, usual, background, space, fitted=clock())
    return model, known


def usual_detector(data: RowInput) -> str:
    """Return the name of the detector that is taken where none is named."""
    if isinstance(data, Activity):
        return ENTITY_DETECTOR
    return SERIES_DETECTOR if is_series(data) else DEFAULT_DETECTOR


def _learnt_space(data: RowInput) -> tuple[EntityFeatures | None, RowData]:
    """Return the columns learnt from activity, and what is in them; other data as they are."""
    if not isinstance(data, Activity):
        return None, data
    space = EntityFeatures()
    return space, space.fit_transform(data)


def _check_decision(chosen: Detector, unit: str) -> None:
    """Refuse a detector that would decide by itself."""
    if getattr(chosen, "outlier_type", "instance") == "feature":
        raise UsageError(
            "outlier_type 'feature' flags by single features; a model cuts the score of the whole "
            f"{unit}: use outlier_type='instance', or the detector by itself"
        )
    if getattr(chosen, "threshold", None) is not None:
        raise UsageError(
            f"threshold={chosen.threshold}: a model finds its own by the rule and the rate; leave "
            "it out, or use the detector by itself"
        )
    if getattr(chosen, "labels", "amiss") != "amiss":
        raise UsageError(
            f"labels={chosen.labels!r}: a model has labels of 1 for an anomaly, 0 for a normal "
            f"{unit} and −1 for what is unknown, and tells its detector so; leave it out"
        )

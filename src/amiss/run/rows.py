"""RowModel = columns + detector + decision, of tables and images: fit, detect, scan."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss import store
from amiss.decide import best_f1_threshold, check_rate, decide
from amiss.detect._base import Detector
from amiss.errors import InputError, UsageError
from amiss.run.detectors import (
    check_rule,
    detector_state,
    load_detector,
    make_detector,
)
from amiss.run.findings import ExplainedFinding
from amiss.run.row_data import (
    RowData,
    RowLabels,
    aligned,
    check_rows,
    describe_data,
    find_row,
    fingerprint,
    known_labels,
    unit_of,
)
from amiss.run.row_findings import RowFindings, explain_at
from amiss.run.thresholds import cut_anew, preview_rates
from amiss.types import Table, Threshold

DEFAULT_DETECTOR = "vae"
FALSE_ALARM_RATE = 0.01
"""Default bound on the share of normal rows that are flagged."""
_USUAL = (0.005, 0.995)
PREVIEW_RATES = (0.001, 0.005, 0.01, 0.02, 0.05)


@dataclass(slots=True)
class RowModel:
    """A fitted detector of table rows or images and its threshold: data in, findings out.

    Attributes
    ----------
    detector : Detector
    threshold : Threshold
    calibration : ndarray of float64
        Out-of-fold scores of the rows taken for normal, ascending.
    info : dict
        What the model learnt from, as plain values; among them the columns it expects.
    usual : ndarray of float64, shape (2, n_columns), or None
        Between which values 99 % of the rows taken for normal lie in each column; None for images.
    """

    detector: Detector
    threshold: Threshold
    calibration: NDArray[np.float64]
    info: dict[str, Any]
    usual: NDArray[np.float64] | None = None

    def __repr__(self) -> str:
        return (
            f"<RowModel: {self.detector.name} learnt from {self.info['rows']:,} "
            f"{self.info['unit']}s of shape {tuple(self.info['shape'])}>"
        )

    def score(self, data: RowData) -> NDArray[np.float64]:
        """Return the anomaly score of each row or image, shape (n,).

        Columns may be in any order.

        Raises
        ------
        InputError
            Columns are missing, or there are others; images are of another size.
        """
        return self.detector.anomaly_score(aligned(data, self.info))

    def detect(self, data: RowData) -> RowFindings:
        """Return the rows whose score lies above the threshold, explained.

        Raises
        ------
        InputError
            As `score`.
        """
        known = aligned(data, self.info)
        return self.judged(known, self.detector.anomaly_score(known))

    def explain(self, data: RowData, row_id: str) -> ExplainedFinding:
        """Explain one row or image, flagged or not.

        Raises
        ------
        InputError
            As `score`; or there is none of that id.
        """
        known = aligned(data, self.info)
        at = find_row(known, row_id)
        one = known.take(np.array([at]))
        scores = np.full(len(known), np.nan)
        scores[at] = self.detector.anomaly_score(one)[0]
        return self._explained(known, scores, np.array([at]))[0]

    def set_threshold(self, rate: float, rule: str = "tail") -> RowModel:
        """Return the same model with another false-alarm rate; nothing is fitted again.

        Raises
        ------
        UsageError
            The rate is not in (0, 1), or the rule is unknown.
        """
        return cut_anew(self, rate, rule)

    def preview(
        self, data: RowData, rates: Sequence[float] = PREVIEW_RATES, rule: str = "tail"
    ) -> pl.DataFrame:
        """Return how many of the rows each false-alarm rate would flag."""
        check_rule(rule, self.detector)
        return preview_rates(self, self.score(data), rates, rule)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model to one file; `amiss.load` reads it."""
        manifest, arrays = detector_state(self.detector)
        arrays["calibration"] = self.calibration
        if self.usual is not None:
            arrays["usual"] = self.usual
        content = {
            "info": self.info,
            "threshold": self.threshold._asdict(),
            "detector": manifest,
        }
        store.write(path, "rows", content, arrays)

    @classmethod
    def from_content(
        cls,
        content: dict[str, Any],
        arrays: dict[str, NDArray[Any]],
        modules: Mapping[str, Any] | None = None,
    ) -> RowModel:
        """Return the model that `save` wrote, from what a file holds of it."""
        return cls(
            detector=load_detector(
                content["detector"], store.with_prefix(arrays, "detector."), modules
            ),
            threshold=Threshold(**content["threshold"]),
            calibration=arrays["calibration"],
            info=content["info"],
            usual=arrays.get("usual"),
        )

    def judged(self, data: RowData, scores: NDArray[np.float64]) -> RowFindings:
        """Return the findings of rows that have been scored, shape (n,)."""
        flagged = np.flatnonzero(scores > self.threshold.value)
        flagged = flagged[np.argsort(-scores[flagged], kind="stable")]
        return RowFindings(
            items=self._explained(data, scores, flagged),
            source={"files": list(data.sources), **describe_data(data), "notes": []},
            model=self.info,
            threshold=self.threshold,
            scores=scores,
            fitted=self,
        )

    def _explained(
        self, data: RowData, scores: NDArray[np.float64], at: NDArray[np.int64]
    ) -> tuple[ExplainedFinding, ...]:
        return explain_at(self.detector, self.calibration, data, scores, at, self.usual)


def fit_rows(
    data: RowData,
    labels: RowLabels | None = None,
    *,
    detector: str | Detector = DEFAULT_DETECTOR,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    rule: str = "tail",
    random_state: int = 0,
) -> RowModel:
    """Learn what normal rows of a table, or normal images, look like.

    Parameters
    ----------
    data : Table or Images
    labels : mapping of id to bool, path of a label file, or array of int, optional
        1 is an anomaly, 0 normal, −1 unknown; by default the labels that `data` has. Anomalies are
        not taken for normal; rows that are unknown are.
    detector : str or Detector
        A name of the catalogue, or a detector with parameters of its own.
    false_alarm_rate : float
        Bound on the share of normal rows that are flagged.
    rule : str
        ``tail`` or ``quantile``; with labels of both kinds also ``f1``, the best F1 of the
        labelled rows, judged out of fold.
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
    return _fit(data, labels, detector, false_alarm_rate, rule, random_state)


def scan_rows(
    data: RowData,
    labels: RowLabels | None = None,
    *,
    detector: str | Detector = DEFAULT_DETECTOR,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    rule: str = "tail",
    random_state: int = 0,
) -> RowFindings:
    """Fit and detect on the same rows, each judged by what was learnt without it.

    Parameters, Raises
    ------------------
    As `fit_rows`. The fitted model is the findings' ``fitted``.
    """
    model = _fit(data, labels, detector, false_alarm_rate, rule, random_state)
    return model.judged(data, model.detector.training_score_)


def _fit(
    data: RowData,
    labels: RowLabels | None,
    detector: str | Detector,
    rate: float,
    rule: str,
    random_state: int,
) -> RowModel:
    started = time.process_time()
    check_rate(rate)
    check_rows(data)
    takes = "table" if isinstance(data, Table) else "images"
    chosen = make_detector(detector, random_state, rule, takes)
    if getattr(chosen, "outlier_type", "instance") == "feature":
        raise UsageError(
            "outlier_type 'feature' flags by single features; a model cuts the score of the whole "
            f"{unit_of(data)}: use outlier_type='instance', or the detector by itself"
        )
    if getattr(chosen, "threshold", None) is not None:
        raise UsageError(
            f"threshold={chosen.threshold}: a model finds its own by the rule and the rate; leave "
            "it out, or use the detector by itself"
        )
    truth = known_labels(data, labels)
    if rule == "f1" and truth is None:
        raise UsageError("rule f1 without labels; give labels of both kinds, or the rule tail")
    normal = np.ones(len(data), dtype=np.bool_) if truth is None else truth != 1
    if not normal.any():
        raise InputError(
            f"every {unit_of(data)} is labelled an anomaly; expected normal ones to learn from"
        )
    chosen.fit(data, truth)
    calibration = np.sort(chosen.training_score_[normal])
    if rule == "f1" and truth is not None:
        judged = truth >= 0
        threshold = best_f1_threshold(chosen.training_score_[judged], truth[judged] == 1)
    else:
        threshold = decide(calibration, rate, rule, chosen.resolution)
    chosen.offset_ = -threshold.value
    info = {
        "sources": list(data.sources),
        **describe_data(data),
        "labelled_anomalies": None if truth is None else int((~normal).sum()),
        "detector": chosen.name,
        "random_state": random_state,
        "cpu_seconds": round(time.process_time() - started, 1),
        "fingerprint": fingerprint(data),
    }
    usual = None
    if isinstance(data, Table):
        usual = np.quantile(data.values[normal], _USUAL, axis=0)
    return RowModel(chosen, threshold, calibration, info, usual)

"""RowModel = columns + detector + decision, of tables, series, images and entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from amiss import store
from amiss.detect._base import Detector
from amiss.errors import InputError, ModelError, UsageError
from amiss.explain.attribution import Attributions, attribute
from amiss.explain.incidents import group_incidents
from amiss.explain.rows import MOST_FEATURES
from amiss.present.layout import plural, scored
from amiss.represent.activity import Activity
from amiss.represent.entities import EntityFeatures
from amiss.represent.histogram import row_histogram
from amiss.run.detectors import check_rule, detector_state, load_detector
from amiss.run.feedback import shown_of
from amiss.run.findings import ExplainedFinding
from amiss.run.incidents import tell_incidents
from amiss.run.intervals import (
    explain_intervals,
    find_interval,
    find_intervals,
    highest_intervals,
)
from amiss.run.remembered import remembered_of_content, remembered_to_content
from amiss.run.row_data import RowData, RowInput, aligned, describe_data, find_row, is_series
from amiss.run.row_findings import RowFindings, explain_at, notes_on
from amiss.run.row_values import score_rows
from amiss.run.thresholds import cut_anew, preview_rates
from amiss.types import NO_TIME, Feedback, Incident, Table, Threshold, TimeHistogram

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
    background : ndarray of float64 or CSR matrix, shape (n, n_columns), or None
        At most 100 of the rows taken for normal, which attributions compare with; None for images.
    space : EntityFeatures or None
        What makes columns of what entities did, if the model was fitted on an `Activity`.
    feedback : tuple of Feedback
        What users muted and confirmed; see `amiss.mute` and `amiss.confirm`.
    fitted : int
        When, in milliseconds since 1970, UTC; ``NO_TIME`` where an older file does not say.
    evaluations : tuple of dict
        How it did on labelled data, where that was kept.
    """

    detector: Detector
    threshold: Threshold
    calibration: NDArray[np.float64]
    info: dict[str, Any]
    usual: NDArray[np.float64] | None = None
    background: Any = None
    space: EntityFeatures | None = None
    feedback: tuple[Feedback, ...] = ()
    fitted: int = NO_TIME
    evaluations: tuple[dict[str, Any], ...] = ()

    def __repr__(self) -> str:
        return (
            f"<RowModel: {self.detector.name} learnt from {self.info['rows']:,} "
            f"{plural(scored(self.info['unit']))} of shape {tuple(self.info['shape'])}>"
        )

    def represent(self, data: RowInput) -> RowData:
        """Return data as the detector knows them: activity by the model's columns, all in order.

        Raises
        ------
        InputError
            Columns are missing, or there are others; images are of another size; activity was
            counted otherwise.
        """
        if not isinstance(data, Activity):
            return aligned(data, self.info)
        if self.space is None:
            raise InputError(
                f"this model learnt from {plural(self.info['unit'])}; this input is what each "
                f"{data.by} did, and the model has no columns for it: fit one on an Activity"
            )
        return aligned(self.space.transform(data), self.info)

    def score(self, data: RowInput) -> NDArray[np.float64]:
        """Return the anomaly score of each row or image, shape (n,).

        Columns may be in any order.

        Raises
        ------
        InputError
            As `represent`.
        """
        return score_rows(self.detector, self.represent(data))

    def detect(
        self, data: RowInput, *, top: int | None = None, top_k: int = MOST_FEATURES
    ) -> RowFindings:
        """Return the rows whose score lies above the threshold, explained.

        Those of a series that follow each other are one finding, an interval.

        Parameters
        ----------
        data : Table, Images or Activity
        top : int, optional
            So many rows, or intervals, of the highest scores instead, flagged or not.
        top_k : int
            Features of each.

        Raises
        ------
        InputError
            As `represent`.
        """
        known = self.represent(data)
        scores = score_rows(self.detector, known)
        return self.judged(data, known, scores, top=top, top_k=top_k)

    def report(
        self, data: RowInput, top_k: int = MOST_FEATURES, top: int | None = None
    ) -> pl.DataFrame:
        """Return the detection report: one row a flagged row, the most anomalous first.

        Its columns are those of `RowFindings.report`. Only the rows in it are explained.

        Parameters
        ----------
        data : Table, Images or Activity
        top_k : int
            Features of each.
        top : int, optional
            So many rows of the highest scores instead, flagged or not.

        Raises
        ------
        InputError
            As `represent`.
        """
        return self.detect(data, top=top, top_k=top_k).report()

    def explain(self, data: RowInput, row_id: str) -> ExplainedFinding:
        """Explain one row or image, flagged or not; of a series the interval that a time is in.

        Raises
        ------
        InputError
            As `represent`; or there is none of that id.
        """
        known = self.represent(data)
        if isinstance(known, Table) and is_series(known):  # scores are of rows among others
            scores = score_rows(self.detector, known)
            rows = find_interval(known, scores > self.threshold.value, row_id)
            return self._explained(known, scores, [rows])[0]
        at = find_row(known, row_id)
        one = known.take(np.array([at]))
        scores = np.full(len(known), np.nan)
        scores[at] = score_rows(self.detector, one)[0]
        return self._explained(known, scores, np.array([at]))[0]

    def attribute(
        self,
        data: RowInput,
        rows: Sequence[str] | NDArray[Any] | None = None,
        *,
        random_state: int | None = 0,
    ) -> Attributions:
        """Share out the anomaly scores of some rows among their columns.

        Parameters
        ----------
        data : Table or Activity
        rows : sequence of str, or ndarray of int or bool, optional
            Ids, positions or a mask, in the order wanted; by default those flagged, the most
            anomalous first.
        random_state : int, optional
            Orders the columns where the detector has no gradients.

        Returns
        -------
        Attributions
            Columns are in the order of ``model.info["columns"]``.

        Raises
        ------
        AmissError
            captum is not installed.
        InputError
            As `represent`; there is no row of an id; or these are images.
        """
        known = self.represent(data)
        if not isinstance(known, Table):
            raise InputError("attributions are of columns; expected a table, these are images")
        if "table" not in self.detector.inputs:
            raise InputError(
                f"detector {self.detector.name!r} scores a row by those around it, so the score "
                "cannot be shared out among its columns; findings say which columns deviate"
            )
        if self.background is None:
            raise ModelError("this model has no background rows to compare with; fit it again")
        if rows is None:
            at = self._highest(score_rows(self.detector, known), None)
        elif isinstance(rows, np.ndarray) and rows.dtype.kind in "iub":
            at = np.arange(len(known))[rows]
        else:
            at = np.array([find_row(known, str(name)) for name in rows], dtype=np.int64)
        return attribute(self.detector, known.take(at), self.background, random_state=random_state)

    def set_threshold(self, rate: float, rule: str = "tail") -> RowModel:
        """Return the same model with another false-alarm rate; nothing is fitted again.

        Raises
        ------
        UsageError
            The rate is not in (0, 1), or the rule is unknown.
        """
        return cut_anew(self, rate, rule)

    def preview(
        self, data: RowInput, rates: Sequence[float] = PREVIEW_RATES, rule: str = "tail"
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
        arrays |= {f"background.{k}": v for k, v in _background_arrays(self.background).items()}
        content = {
            "info": self.info,
            "threshold": self.threshold._asdict(),
            "detector": manifest,
            "space": None if self.space is None else self.space.to_content(),
            **remembered_to_content(self),
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
        info, space = content["info"], content.get("space")
        return cls(
            detector=load_detector(
                content["detector"], store.with_prefix(arrays, "detector."), modules
            ),
            threshold=Threshold(**content["threshold"]),
            calibration=arrays["calibration"],
            info=info,
            usual=arrays.get("usual"),
            background=_background_of(store.with_prefix(arrays, "background."), info["shape"]),
            space=None if space is None else EntityFeatures.from_content(space),
            **remembered_of_content(content),
        )

    def judged(
        self,
        data: RowInput,
        known: RowData,
        scores: NDArray[np.float64],
        *,
        top: int | None = None,
        top_k: int = MOST_FEATURES,
    ) -> RowFindings:
        """Return the findings of `data`, which are `known` to the detector, and were scored."""
        for name, value in (("top", top), ("top_k", top_k)):
            if value is not None and value < 1:
                raise UsageError(f"{name}={value}; expected 1 or more")
        at: Any
        intervals = None
        if isinstance(known, Table) and known.timeline is not None:
            cut = self.threshold.value
            at = highest_intervals(scores, known.timeline.run, cut, top)
            intervals = len(find_intervals(scores > cut, known.timeline.run))
        else:
            at = self._highest(scores, top)
        notes = list(data.log.notes) if isinstance(data, Activity) else []
        if len(at):
            notes += notes_on(self.detector, self.background)
        items = self._explained(known, scores, at, top_k)
        shown = shown_of(self, items, group_incidents(items))
        kept = set(shown.kept)
        hidden = [scores[at[i]] > self.threshold.value for i in range(len(items)) if i not in kept]
        return RowFindings(
            items=tuple(items[i] for i in shown.kept),
            source={"files": list(known.sources), **describe_input(data, known), "notes": notes},
            model=self.info,
            threshold=self.threshold,
            scores=scores,
            fitted=self,
            top_k=top_k,
            intervals=None if intervals is None else intervals - int(sum(map(np.any, hidden))),
            incidents=_told(shown.incidents, data),
            histogram=_histogram(known, scores, self.threshold.value),
            muted=shown.muted,
            muted_rows=int(sum(map(np.sum, hidden))),
            confirmed=shown.confirmed,
        )

    def _highest(self, scores: NDArray[np.float64], top: int | None) -> NDArray[np.int64]:
        """Return the rows that are flagged, or the `top` ones, the most anomalous first."""
        order = np.argsort(-scores, kind="stable")
        return order[scores[order] > self.threshold.value] if top is None else order[:top]

    def _explained(
        self,
        data: RowData,
        scores: NDArray[np.float64],
        at: Any,
        top_k: int = MOST_FEATURES,
    ) -> tuple[ExplainedFinding, ...]:
        """Explain rows at positions `at`; of a series, intervals."""
        explain: Any = explain_intervals if is_series(data) else explain_at
        found: tuple[ExplainedFinding, ...] = explain(
            self.detector, self.calibration, data, scores, at, self.usual, self.background, top_k
        )
        return found


def describe_input(data: RowInput, known: RowData) -> dict[str, Any]:
    """Return what was read, as plain values; of a log also its format."""
    described = describe_data(known)
    if described["unit"] == "entity":
        described["format"] = data.log.format if isinstance(data, Activity) else ""
    return described


def _told(incidents: tuple[Incident, ...], data: RowInput) -> tuple[Incident, ...]:
    """Read the lines that incidents show; rows that were not counted from a log have none."""
    return tell_incidents(incidents, data.log) if isinstance(data, Activity) else incidents


def _histogram(
    known: RowData, scores: NDArray[np.float64], threshold: float
) -> TimeHistogram | None:
    """Return scores over time, of series beside their rows, of entities beside their lines."""
    if not isinstance(known, Table):
        return None
    if known.index is not None:
        lines = np.diff(known.index.offsets)
        return row_histogram(known.index.start, scores, threshold, lines)
    if known.timeline is not None:
        return row_histogram(known.timeline.time, scores, threshold)
    return None


def _background_arrays(background: Any) -> dict[str, NDArray[Any]]:
    if background is None:
        return {}
    if isinstance(background, np.ndarray):
        return {"rows": background}
    return {name: getattr(background, name) for name in ("data", "indices", "indptr")}


def _background_of(arrays: dict[str, NDArray[Any]], shape: list[int]) -> Any:
    if "data" not in arrays:
        return arrays.get("rows")
    parts = arrays["data"], arrays["indices"], arrays["indptr"]
    return sparse.csr_array(parts, shape=(len(parts[2]) - 1, shape[0]))

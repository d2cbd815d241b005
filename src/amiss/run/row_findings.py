"""Findings of tables and images: what a `RowModel` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.detect._base import Detector
from amiss.detect._calibration import Calibration
from amiss.errors import UsageError
from amiss.explain.attribution import attribute
from amiss.explain.rows import MOST_FEATURES, explain_attributed, explain_judged
from amiss.present.report import report_frame, report_to_csv
from amiss.present.summary import findings_to_dict
from amiss.present.text import summarise
from amiss.run.findings import ExplainedFinding, FindingSequence
from amiss.run.row_data import RowData, ids_of, location_of, unit_of
from amiss.run.row_values import dense
from amiss.types import (
    NO_TIME,
    NOTHING_MUTED,
    Feature,
    Finding,
    Incident,
    Muted,
    Table,
    Threshold,
    TimeHistogram,
)

if TYPE_CHECKING:
    from amiss.run.rows import RowModel

_JUDGED = 512
"""Rows or images judged at once: of each, all features are held several times over."""
_CELLS = 4_000_000
"""Parts in scores that are held at once: of many columns, few rows are explained at a time."""


@dataclass(frozen=True, slots=True)
class RowFindings(FindingSequence):
    """The flagged rows, images or entities, the most anomalous first, and how they were decided.

    Of a series they are intervals: flagged rows that follow each other.

    Those of `RowModel.detect` with `top` are so many of the highest scores, flagged or not.

    Attributes
    ----------
    source : dict
        What was judged, as plain values.
    model : dict
        What was learnt, as plain values.
    threshold : Threshold
    scores : ndarray of float64, shape (n,)
        Of all rows, in their order.
    fitted : amiss.RowModel or None
        The model that decided.
    top_k : int
        Features that each has at most.
    intervals : int or None
        Of a series: how many intervals lie beyond the threshold and are not muted, among the items
        or not.
    incidents : tuple of Incident
        The findings, those that belong together as one, the worst first.
    histogram : TimeHistogram or None
        Of series and entities: rows and scores over time.
    muted : Muted
        What is not among the items, since a user of the model muted it.
    muted_rows : int
        How many rows of these lie beyond the threshold.
    confirmed : frozenset of str
        Ids of findings and incidents that a user of the model confirmed.
    """

    items: tuple[ExplainedFinding, ...]
    source: dict[str, Any]
    model: dict[str, Any]
    threshold: Threshold
    scores: NDArray[np.float64] = field(repr=False)
    fitted: RowModel | None = None
    top_k: int = MOST_FEATURES
    intervals: int | None = None
    incidents: tuple[Incident, ...] = ()
    histogram: TimeHistogram | None = None
    muted: Muted = NOTHING_MUTED
    muted_rows: int = 0
    confirmed: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return summarise(self.overview())

    @property
    def alarms(self) -> int:
        """How many rows, images or entities are flagged and not muted; of a series, intervals."""
        return self._flagged if self.intervals is None else self.intervals

    @property
    def _flagged(self) -> int:
        return int((self.scores > self.threshold.value).sum()) - self.muted_rows

    def to_dict(self) -> dict[str, Any]:
        """Return the schema ``amiss.findings/1`` as plain values."""
        return findings_to_dict(
            self.items,
            self.source,
            self.model,
            self.threshold,
            scored=len(self.scores),
            flagged=self._flagged,
            incidents=self.incidents,
            histogram=self.histogram,
            muted=self.muted,
            confirmed=self.confirmed,
        )

    def to_csv(self) -> str:
        """Return the report as CSV that is harmless to open."""
        return report_to_csv(self.report())

    def to_frame(self) -> pl.DataFrame:
        """Return one row a finding, with the feature that deviates most.

        Of an interval also ``start`` and ``end``, and its ``last_line``.
        """
        first = [f.features[0] if f.features else None for f in self.items]
        places = [f.locations[0] if f.locations else None for f in self.items]
        unit = self.source["unit"]
        columns: list[tuple[str, Any, list[Any]]] = [
            (unit, pl.String, [f.id for f in self.items]),
            ("score", pl.Float64, [f.score for f in self.items]),
            ("p_value", pl.Float64, [f.p_value for f in self.items]),
            ("file", pl.String, [place.file if place else None for place in places]),
            ("line", pl.Int64, [place.first_line if place else None for place in places]),
            ("feature", pl.String, [f.name if f else None for f in first]),
            ("value", pl.Float64, [f.value if f else None for f in first]),
            ("expected", pl.Float64, [f.expected if f else None for f in first]),
        ]
        if unit == "interval":
            span = [(f.start, f.end) for f in self.items]
            columns[1:1] = [
                (name, pl.Datetime("ms"), [None if t[i] == NO_TIME else t[i] for t in span])
                for i, name in enumerate(("start", "end"))
            ]
            lasts = [place.last_line if place else None for place in places]
            columns.insert(7, ("last_line", pl.Int64, lasts))
        # No findings are a frame of the same columns.
        return pl.DataFrame([pl.Series(name, cells, kind) for name, kind, cells in columns])

    def report(self, top_k: int | None = None) -> pl.DataFrame:
        """Return the detection report: one row a finding, the most anomalous first.

        Its columns are ``time`` (UTC) and ``source``, or the id of a row or an image, or that of an
        interval with its ``start`` and ``end``; ``anomaly_score``; ``top_1_feature``,
        ``top_1_attribution`` (how much it adds to the score; of detectors that reconstruct, how
        much it deviates), ``top_1_value`` … ``top_k_value``; and where the raw lines are: ``file``,
        ``first_line``, ``lines``.

        Parameters
        ----------
        top_k : int, optional
            Features of each row; by default, and at most, those that were asked for when the
            findings were made.

        Raises
        ------
        UsageError
            It is more, or less than one.
        """
        top_k = self.top_k if top_k is None else top_k
        if not 1 <= top_k <= self.top_k:
            raise UsageError(f"top_k={top_k}; expected 1 to {self.top_k}")
        return report_frame(self.items, self.source["unit"], top_k)


def explain_at(
    detector: Detector,
    calibration: NDArray[np.float64],
    data: RowData,
    scores: NDArray[np.float64],
    at: NDArray[np.int64],
    usual: NDArray[np.float64] | None = None,
    background: Any = None,
    most: int = MOST_FEATURES,
) -> tuple[ExplainedFinding, ...]:
    """Explain the rows or images at positions `at`, in that order.

    What deviates is told by a detector that has ``judge``. Of others, the score is shared out among
    the columns, against `background`: rows of a table, dense or CSR. Without it, or without
    captum (`notes_on` says so), there is the score alone. Each has at most `most` features.
    """
    p_values = Calibration(calibration, detector.resolution).p_value(scores[at])
    features = _features(detector, data, at, usual, background, most)
    index = data.index if isinstance(data, Table) else None
    return tuple(
        ExplainedFinding.of(
            Finding(
                unit=unit_of(data),
                id=name,
                score=float(scores[i]),
                p_value=float(p),
                start=NO_TIME if index is None else int(index.start[i]),
                end=NO_TIME if index is None else int(index.end[i]),
                locations=location_of(data, int(i)),
                features=found,
            )
        )
        for i, name, p, found in zip(at, ids_of(data, at), p_values, features, strict=True)
    )


def notes_on(detector: Any, background: Any) -> list[str]:
    """Return why findings name no columns, if they do not."""
    if hasattr(detector, "judge") or background is None:
        return []
    if "series" in detector.inputs:
        return [f"which columns the scores come from is not told by detector {detector.name}"]
    if find_spec("captum"):
        return []
    missing = "captum is not installed; type: pip install 'amiss[explain]'"
    return [f"which columns the scores come from is not told: {missing}"]


def _features(
    detector: Any,
    data: RowData,
    at: NDArray[np.int64],
    usual: NDArray[np.float64] | None,
    background: Any,
    most: int,
) -> list[tuple[Feature, ...]]:
    found: list[tuple[Feature, ...]] = []
    if hasattr(detector, "judge"):
        cells = len(data.columns) if isinstance(data, Table) else 1
        size = max(1, min(_JUDGED, _CELLS // max(1, cells)))
        for start in range(0, len(at), size):
            judged = detector.judge(dense(data.take(at[start : start + size])))
            found += explain_judged(judged, usual, most)
    elif isinstance(data, Table) and background is not None and find_spec("captum"):
        from amiss.detect._train import threads

        size = max(1, _CELLS // len(data.columns))
        with threads(1):
            for start in range(0, len(at), size):
                parts = attribute(detector, data.take(at[start : start + size]), background)
                found += explain_attributed(parts, data.columns, usual, most)
    return found or [()] * len(at)

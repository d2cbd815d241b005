"""What a model scored becomes findings: sessions, and beside them the lines that are in none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amiss.represent.histogram import added, time_histogram
from amiss.represent.sessions import Sessions
from amiss.represent.template_use import joined_use, template_use
from amiss.run.explanation import explain_rows
from amiss.run.feedback import shown_of
from amiss.run.findings import ExplainedFinding, Findings
from amiss.run.incidents import find_incidents, tell_incidents
from amiss.run.ungrouped import as_likely_as_scored
from amiss.types import JudgedUngrouped, Sequences


@dataclass(frozen=True, slots=True)
class Judged:
    """Sessions, or windows, as a model scored them.

    Attributes
    ----------
    model : amiss.Model
    sessions : Sessions
    sequences : Sequences
    scores : ndarray of float64, shape (n,)
    """

    model: Any
    sessions: Sessions
    sequences: Sequences
    scores: NDArray[np.float64]

    @property
    def rows(self) -> NDArray[np.int64]:
        """Those beyond the threshold, the most anomalous first."""
        flagged = np.flatnonzero(self.scores > self.model.threshold.value)
        return flagged[np.argsort(-self.scores[flagged], kind="stable")]

    def explained(self) -> tuple[ExplainedFinding, ...]:
        """Return the findings of `rows`."""
        detector, calibration = self.model.detector, self.model.calibration
        return explain_rows(
            detector, calibration, self.sessions, self.sequences, self.scores, self.rows
        )


def find(
    judged: Judged, beside: Judged | None, notes: Sequence[str], templates: int | None = None
) -> Findings:
    """Return the findings of sessions, and of windows of the lines in none, as one list.

    Scores of both are on scales of their own: how many times its threshold each is puts them in
    order. Scores beyond *k* thresholds are about as rare in both.

    Parameters
    ----------
    judged : Judged
    beside : Judged or None
    notes : sequence of str
        What is to be said besides.
    templates : int, optional
        Templates of this log; by default those that came in what was judged.
    """
    model, sessions = judged.model, judged.sessions
    parts = [judged] if beside is None else [judged, beside]
    items = [*judged.explained()]
    if beside is not None:
        items += as_likely_as_scored(beside.explained())
    rows = np.concatenate([part.rows for part in parts])
    part_of = np.repeat(np.arange(len(parts)), [len(part.rows) for part in parts])
    if beside is not None:
        order = np.argsort(-_times_threshold(items, part_of, parts), kind="stable")
        items, rows, part_of = [items[i] for i in order], rows[order], part_of[order]
    places = [(part.sessions, part_of == i, rows[part_of == i]) for i, part in enumerate(parts)]
    shown = shown_of(model, items, find_incidents(items, places))
    scores = [part.scores.copy() for part in parts]
    hidden = np.delete(np.arange(len(items)), shown.kept)
    for at in hidden:  # what is muted counts as not flagged
        scores[part_of[at]][rows[at]] = -np.inf
    drawn = zip(parts, scores, strict=True)
    histograms = [time_histogram(p.sessions, s, p.model.threshold.value) for p, s in drawn]
    use = reduce(joined_use, [_use(part) for part in parts])
    return Findings(
        items=tuple(items[at] for at in shown.kept),
        log=replace(sessions.log, notes=(*sessions.log.notes, *notes)),
        model=model.info,
        threshold=model.threshold,
        ids=sessions.ids,
        scores=judged.scores,
        complete=judged.sequences.complete,
        templates=len(use) if templates is None else templates,
        fitted=model,
        traces=model.judge_traces(sessions.trace, scores[0]),
        incidents=tell_incidents(shown.incidents, sessions.log),
        muted=shown.muted,
        confirmed=shown.confirmed,
        histogram=reduce(added, histograms),
        template_use=use,
        ungrouped=None if beside is None else _described(beside),
    )


def _times_threshold(
    items: Sequence[ExplainedFinding], part_of: NDArray[np.int64], parts: Sequence[Judged]
) -> NDArray[np.float64]:
    """Return by how many times each finding is beyond its threshold."""
    values = np.array([part.model.threshold.value for part in parts])[part_of]
    scores = np.array([item.score for item in items], dtype=np.float64)
    return np.where(values > 0, scores / np.where(values > 0, values, 1.0), np.inf)


def _use(judged: Judged) -> tuple[Any, ...]:
    miner = judged.model.miner
    return template_use(judged.sessions, judged.sequences, len(miner), miner.names)


def _described(beside: Judged) -> JudgedUngrouped:
    log = beside.sessions.log
    return JudgedUngrouped(
        unit=log.unit,
        grouping=log.grouping,
        lines=log.lines - log.ungrouped,
        scored=len(beside.scores),
        flagged=len(beside.rows),
        threshold=beside.model.threshold,
    )

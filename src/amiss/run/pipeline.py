"""Model = representation + detector + decision, of logs: fit, detect, scan."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss import store
from amiss.decide import best_f1_threshold, check_rate, decide
from amiss.detect._base import LEFT_OUT, Detector
from amiss.errors import InputError, ModelError, UsageError
from amiss.represent.completion import Completion
from amiss.represent.sessions import Sessions
from amiss.represent.templates import TemplateMiner
from amiss.run.bulk import normal_bulk
from amiss.run.detectors import make_detector
from amiss.run.explanation import explain_rows
from amiss.run.feedback import clock
from amiss.run.findings import ExplainedFinding, Findings
from amiss.run.ingest import Labels, match_labels
from amiss.run.judged import Judged, find
from amiss.run.learnt import describe_learnt
from amiss.run.model_file import fields_of_content, model_to_content
from amiss.run.prepare import learn_sequences, mark_cut, to_sequences
from amiss.run.relearning import learn_without
from amiss.run.thresholds import cut_anew, preview_rates
from amiss.run.traces import judge_traces
from amiss.run.ungrouped import (
    DETECTOR,
    bounded,
    notes_beside,
    rule_beside,
    windows_as_learnt,
    windows_beside,
)
from amiss.types import NO_TIME, Feedback, Sequences, Threshold, TraceVerdict

FALSE_ALARM_RATE = 0.0005
"""Default bound on the share of normal sessions that are flagged."""
_ONE_TRACE = (
    "all segments are of one trace, which is judged by other parts of itself: another trace may "
    "score higher without being anomalous; learn from two or more"
)
PREVIEW_RATES = (0.0001, 0.0005, 0.001, 0.005, 0.01)


@dataclass(slots=True)
class Model:
    """A fitted pipeline: log lines in, findings out.

    Attributes
    ----------
    miner : TemplateMiner
    completion : Completion or None
        Tells sessions that were cut; None where sessions are windows.
    detector : Detector
    threshold : Threshold
    calibration : ndarray of float64
        Out-of-fold scores of the sessions taken for normal, ascending.
    info : dict
        What the model learnt from, as plain values.
    calibration_trace : ndarray of int64, shape (n,), or None
        Of segments: which trace each of the calibration scores is of.
    feedback : tuple of Feedback
        What users muted and confirmed; see `amiss.mute` and `amiss.confirm`.
    fitted : int
        When, in milliseconds since 1970, UTC; ``NO_TIME`` where an older file does not say.
    evaluations : tuple of dict
        How it did on labelled data, where that was kept.
    ungrouped : Model or None
        Judges windows of the lines that belong to no session, where there were enough of them.
    """

    miner: TemplateMiner
    completion: Completion | None
    detector: Detector
    threshold: Threshold
    calibration: NDArray[np.float64]
    info: dict[str, Any]
    calibration_trace: NDArray[np.int64] | None = None
    feedback: tuple[Feedback, ...] = ()
    fitted: int = NO_TIME
    evaluations: tuple[dict[str, Any], ...] = ()
    ungrouped: Model | None = None

    def __repr__(self) -> str:
        return (
            f"<Model: {self.detector.name} learnt from {self.info['sessions']:,} "
            f"{self.info['unit']}s, {len(self.miner)} templates>"
        )

    def sequences(self, sessions: Sessions) -> tuple[Sequences, int]:
        """Return the events of `sessions` as this model sees them, and how many templates occur.

        Raises
        ------
        ModelError
            The model was fitted on another header format.
        """
        expected = self.info["format"]
        if sessions.log.format != expected:
            raise ModelError(
                f"this model was fitted on logs in the {expected!r} format, this input is "
                f"{sessions.log.format!r}; fit a model on such a log, or pass --format {expected}"
            )
        shape_ids, miner = self.miner.extended(sessions.shapes["text"].to_list())
        sequences = to_sequences(sessions, shape_ids, miner.templates)
        marked = mark_cut(sequences, sessions, self.completion)
        return marked, int(np.count_nonzero(np.bincount(sequences.events)))

    def score(self, sessions: Sessions) -> NDArray[np.float64]:
        """Return the anomaly score of each session, shape (n,)."""
        return self.detector.anomaly_score(self.sequences(sessions)[0])

    def detect(self, sessions: Sessions) -> Findings:
        """Return the sessions whose score lies above the threshold, explained.

        Windows of the lines that are in no session are judged too, if the model learnt from such.
        """
        windows = None
        if self.ungrouped is not None:
            windows = windows_as_learnt(sessions, self.ungrouped.info)
        beside = self.ungrouped.judge(windows) if self.ungrouped and windows else None
        notes = [*self._notes(sessions), *notes_beside(sessions, self, windows)]
        return find(self.judge(sessions), beside, notes)

    def explain(self, sessions: Sessions, session_id: str) -> ExplainedFinding:
        """Explain one session, flagged or not.

        Raises
        ------
        InputError
            There is no session of that id.
        """
        if self.ungrouped is not None and session_id not in sessions.ids:
            windows = windows_as_learnt(sessions, self.ungrouped.info)
            if windows is not None and session_id in windows.ids:
                return self.ungrouped.explain(windows, session_id)
        at = (sessions.ids == session_id).arg_max()
        if at is None or sessions.ids[at] != session_id:
            raise InputError(
                f"no {sessions.log.unit} {session_id!r} in this log; ids are such as "
                f"{sessions.ids[0]!r}"
            )
        sequences, _ = self.sequences(sessions)
        scores = self.detector.anomaly_score(sequences)
        rows = np.array([at])
        return explain_rows(self.detector, self.calibration, sessions, sequences, scores, rows)[0]

    def set_threshold(self, rate: float, rule: str = "tail") -> Model:
        """Return the same model with another false-alarm rate; nothing is fitted again.

        Raises
        ------
        UsageError
            The rate is not in (0, 1), or the rule is unknown.
        """
        changed = cut_anew(self, rate, rule)
        if self.ungrouped is None:
            return changed
        beside = cut_anew(self.ungrouped, rate, rule_beside(rule))
        windows = self.info["ungrouped"]["windows"]
        return replace(changed, ungrouped=bounded(beside, rate, windows))

    def threshold_of(self, unit: str) -> Threshold:
        """Return the threshold of sessions, or that of windows of lines that are in none."""
        beside = self.ungrouped
        return self.threshold if beside is None or unit != beside.info["unit"] else beside.threshold

    def preview(
        self, sessions: Sessions, rates: Sequence[float] = PREVIEW_RATES, rule: str = "tail"
    ) -> pl.DataFrame:
        """Return how many of `sessions` each false-alarm rate would flag."""
        return preview_rates(self, self.score(sessions), rates, rule)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model to one file; `amiss.load` reads it."""
        content, arrays = model_to_content(self)
        store.write(path, "model", content, arrays)

    @classmethod
    def from_content(
        cls,
        content: dict[str, Any],
        arrays: dict[str, NDArray[Any]],
        modules: Mapping[str, Any] | None = None,
    ) -> Model:
        """Return the model that `save` wrote, from what a file holds of it."""
        model = cls(**fields_of_content(content, arrays, modules))
        if (beside := content.get("ungrouped")) is not None:
            own = store.with_prefix(arrays, "ungrouped.")
            model.ungrouped = cls(**fields_of_content(beside, own, None, model.miner))
        return model

    def judge(self, sessions: Sessions) -> Judged:
        """Return the sessions with their scores."""
        sequences = self.sequences(sessions)[0]
        return Judged(self, sessions, sequences, self.detector.anomaly_score(sequences))

    def _notes(self, sessions: Sessions) -> list[str]:
        """Return what makes these sessions unlike those the model learnt from."""
        unit, learnt, given = sessions.log.unit, self.info["option"], sessions.log.option
        if unit == self.info["unit"] == "segment" and list(given) != list(learnt):
            note = (
                f"the model learnt from segments of {learnt[1]:,} events: scores of others spread "
                "more or less than those its threshold is from"
            )
            return [note]
        return []

    def judge_traces(
        self, trace: pl.Series | None, scores: NDArray[np.float64]
    ) -> tuple[TraceVerdict, ...]:
        """Return the verdict on each trace, in order; none where there are no traces.

        Parameters
        ----------
        trace : polars.Series of str, shape (n,), or None
            Which trace each session is a segment of.
        scores : ndarray of float64, shape (n,)
        """
        if trace is None or self.calibration_trace is None:
            return ()
        return judge_traces(trace, scores, self.threshold, self.calibration, self.calibration_trace)


def fit(
    sessions: Sessions,
    labels: Labels | None = None,
    *,
    detector: str | Detector = "session-ensemble",
    clean: bool | None = None,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    rule: str = "tail",
    random_state: int = 0,
    miner: TemplateMiner | None = None,
) -> Model:
    """Learn what is normal.

    Parameters
    ----------
    sessions : Sessions
    labels : mapping of session id to bool, or path of a label file, optional
        Sessions known to be anomalous are left out of what counts as normal.
    detector : str or Detector
        A name of the catalogue, or a detector with parameters of its own.
    clean : bool, optional
        Whether the sessions (those not labelled anomalous) are all normal. By default they are
        with labels; without, the normal bulk is estimated and the rest left out.
    false_alarm_rate : float
        Bound on the share of normal sessions that are flagged.
    rule : str
        ``tail`` or ``quantile``; ``sigma-K``, the mean plus K standard deviations; with the
        detector ``next-event`` also ``top-K`` and ``p-X``, which flag a session with an event
        outside its K likeliest, or less likely than X; with labels of both kinds also ``f1``, the
        best F1 of the labelled sessions, judged out of fold.
    random_state : int
    miner : TemplateMiner, optional
        Templates to start from, with their ids and what users corrected; it stays as it is.

    Raises
    ------
    InputError
        There are no sessions, or none of them counts as normal.
    LabelError
        The labels do not fit the sessions.

    Examples
    --------
    >>> events = ["open", "read", "close"] * 40 + ["open", "crash"]
    >>> ids = [str(i // 3) for i in range(120)] + ["odd", "odd"]
    >>> sessions = Sessions.from_frame(pl.DataFrame({"session": ids, "event": events}))
    >>> model = fit(sessions, detector="event-counts")
    >>> [finding.id for finding in model.detect(sessions)]
    ['odd']
    """
    model, _ = _fit(sessions, labels, detector, clean, false_alarm_rate, rule, random_state, miner)
    if (windows := windows_beside(sessions)) is not None:
        _fit_beside(model, windows, clean, false_alarm_rate, rule)
    return model


def scan(
    sessions: Sessions,
    labels: Labels | None = None,
    *,
    detector: str | Detector = "session-ensemble",
    clean: bool | None = None,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    rule: str = "tail",
    random_state: int = 0,
) -> Findings:
    """Fit and detect on the same sessions; those learnt from are judged out of fold.

    Parameters, Raises
    ------------------
    As `fit`. The fitted model is the findings' ``fitted``.
    """
    model, learnt = _fit(sessions, labels, detector, clean, false_alarm_rate, rule, random_state)
    judged, beside = _judged_out_of_fold(model, sessions, learnt), None
    windows = windows_beside(sessions)
    if windows is not None:
        own, learnt = _fit_beside(model, windows, clean, false_alarm_rate, rule)
        beside = _judged_out_of_fold(own, windows, learnt)
    notes = [*model._notes(sessions), *notes_beside(sessions, model, windows)]
    return find(judged, beside, notes, len(model.miner))


_Learnt = tuple[Sequences, NDArray[np.bool_], NDArray[np.bool_]]
"""What was fitted to; what of it was learnt; what was flagged, and learnt again without."""


def _judged_out_of_fold(model: Model, sessions: Sessions, fitted: _Learnt) -> Judged:
    """Return the scores of what was learnt from, by others, and of what was not."""
    sequences, learnt, flagged = fitted
    scores = model.detector.training_score_.copy()
    if not learnt.all():
        found = model.detector.anomaly_score(sequences.take(~learnt))
        # What was flagged by others stays so, if what has not learnt it again knows it.
        kept = flagged[~learnt] & (found <= model.threshold.value)
        scores[~learnt] = np.where(kept, scores[~learnt], found)
    return Judged(model, sessions, sequences, scores)


def _fit_beside(
    model: Model, windows: Sessions, clean: bool | None, rate: float, rule: str
) -> tuple[Model, _Learnt]:
    """Let a model learn what is usual of windows of the lines that are in no session."""
    own, learnt = _fit(windows, None, DETECTOR, clean, rate, rule_beside(rule), 0, model.miner)
    if model.miner.counts is not None and own.miner.counts is not None:
        model.miner.counts = model.miner.counts + own.miner.counts
    own = bounded(replace(own, miner=model.miner), rate, len(windows))
    if not clean:  # what is beyond this threshold, too, is not what the model is to know
        sequences, known, flagged = learnt
        y = np.where(known, 0, LEFT_OUT)
        beyond = own.detector.training_score_ > own.threshold.value
        own.detector, more = learn_without(own.detector, sequences, y, beyond, fewest=1)
        own.detector.offset_ = -own.threshold.value
        learnt = sequences, known & ~more, flagged | more
    model.ungrouped = own
    model.info["ungrouped"] = {"windows": len(windows), "lines": own.info["lines"]}
    return own, learnt


def _fit(
    sessions: Sessions,
    labels: Labels | None,
    detector: str | Detector,
    clean: bool | None,
    rate: float,
    rule: str,
    random_state: int,
    known: TemplateMiner | None = None,
) -> tuple[Model, _Learnt]:
    started = time.process_time()
    if not len(sessions):
        raise InputError("no sessions to learn from; expected at least one")
    check_rate(rate)
    chosen = make_detector(detector, random_state, rule)
    if rule == "f1" and labels is None:
        raise UsageError("rule f1 without labels; give labels of both kinds, or the rule tail")
    miner, completion, sequences = learn_sequences(sessions, known)

    anomalous = labelled = np.zeros(len(sessions), dtype=np.bool_)
    if labels is not None:
        anomalous, labelled = match_labels(sessions, labels)
    learnt = ~anomalous
    known_anomalies = int(anomalous.sum())
    if not learnt.any():
        raise InputError("every session is labelled an anomaly; expected normal ones to learn from")
    trusted = labels is not None if clean is None else clean
    if not trusted:
        rest = sequences if learnt.all() else sequences.take(learnt)
        learnt[learnt] = normal_bulk(rest, by_rates=chosen.name == DETECTOR)
    y = np.where(anomalous, 1, np.where(learnt, 0, LEFT_OUT))
    chosen.fit(sequences, y)
    order = np.argsort(chosen.training_score_[learnt], kind="stable")
    calibration = chosen.training_score_[learnt][order]
    trace = None if sequences.trace is None else sequences.trace[learnt][order]
    if rule == "f1":
        threshold = best_f1_threshold(chosen.training_score_[labelled], anomalous[labelled])
    else:
        threshold = decide(calibration, rate, rule, chosen.resolution)
    if trace is not None and len(np.unique(trace)) == 1:
        threshold = threshold._replace(note="; ".join(filter(None, [threshold.note, _ONE_TRACE])))
    flagged = np.zeros(len(sessions), dtype=np.bool_)
    if not trusted:
        beyond = chosen.training_score_ > threshold.value
        chosen, flagged = learn_without(chosen, sequences, y, beyond)
        learnt &= ~flagged
    chosen.offset_ = -threshold.value
    info = {
        **describe_learnt(sessions, chosen),
        "templates": len(miner),
        "labelled_anomalies": known_anomalies if labels is not None else None,
        "set_aside": int((~learnt).sum()) - known_anomalies,
        "random_state": random_state,
        "cpu_seconds": round(time.process_time() - started, 1),
    }
    model = Model(miner, completion, chosen, threshold, calibration, info, trace, fitted=clock())
    return model, (sequences, learnt, flagged)

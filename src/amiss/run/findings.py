"""Findings: what `detect` and `scan` return."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from os import PathLike
from typing import Any, Protocol, overload

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss import __version__
from amiss.present.finding_lines import findings_to_lines
from amiss.present.findings_csv import findings_to_csv
from amiss.present.sarif import findings_to_sarif
from amiss.present.summary import findings_to_dict, log_to_dict
from amiss.present.text import describe_finding, summarise
from amiss.represent.sessions import Sessions, as_datetime
from amiss.types import (
    NOTHING_MUTED,
    Finding,
    Incident,
    JudgedUngrouped,
    LogInfo,
    Muted,
    Sequences,
    TemplateUse,
    Threshold,
    TimeHistogram,
    TraceVerdict,
)


class FittedModel(Protocol):
    """What the model behind findings can do; `amiss.Model` is one."""

    threshold: Threshold

    def sequences(self, sessions: Sessions) -> tuple[Sequences, int]:
        """Return the events of `sessions` as the model sees them."""
        ...

    def detect(self, sessions: Sessions) -> Findings:
        """Judge other sessions."""
        ...

    def explain(self, sessions: Sessions, session_id: str) -> ExplainedFinding:
        """Explain one session, flagged or not."""
        ...

    def preview(self, sessions: Sessions) -> pl.DataFrame:
        """Return how many sessions each false-alarm rate would flag."""
        ...

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model to one file."""
        ...


class ExplainedFinding(Finding):
    """A finding that can put itself into words."""

    __slots__ = ()

    @classmethod
    def of(cls, finding: Finding) -> ExplainedFinding:
        """Return `finding` with the method `explain`."""
        return cls(**{f.name: getattr(finding, f.name) for f in fields(finding)})

    def explain(self) -> str:
        """Return what was expected, what came, and the lines, as plain text."""
        return describe_finding(self)


class FindingSequence(Sequence[ExplainedFinding], ABC):
    """Findings as a sequence, the most anomalous first, and what other programs take of them."""

    __slots__ = ()
    items: tuple[ExplainedFinding, ...]
    fitted: Any  # the model that decided, if it is at hand

    @overload
    def __getitem__(self, index: int) -> ExplainedFinding: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ExplainedFinding]: ...
    def __getitem__(self, index: int | slice) -> ExplainedFinding | Sequence[ExplainedFinding]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[ExplainedFinding]:
        return iter(self.items)

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the schema ``amiss.findings/1`` as plain values."""

    def overview(self) -> dict[str, Any]:
        """Return as much of `to_dict` as an overview tells."""
        return self.to_dict()

    def to_jsonl(self) -> str:
        """Return each finding as one line of JSON: the schema ``amiss.finding/1``."""
        return "".join(f"{line}\n" for line in findings_to_lines(self.to_dict()))

    def to_sarif(self, folder: str | PathLike[str] | None = None) -> dict[str, Any]:
        """Return SARIF 2.1.0, for code hosts; absolute paths in `folder` are made relative."""
        return findings_to_sarif(self.to_dict(), __version__, folder)

    def to_html(self, path: str | PathLike[str], evaluation: dict[str, Any] | None = None) -> None:
        """Write one self-contained HTML page; `evaluation` is as of `amiss.run.page.write_page`."""
        from amiss.run.page import write_page

        write_page(self, path, evaluation)


@dataclass(frozen=True, slots=True)
class Findings(FindingSequence):
    """The flagged sessions, the most anomalous first, and how they were decided.

    Attributes
    ----------
    log : LogInfo
        Where the sessions came from.
    model : dict
        What was learnt, as plain values.
    threshold : Threshold
    ids : polars.Series of str, shape (n,)
        All scored sessions.
    scores : ndarray of float64, shape (n,)
    complete : ndarray of bool, shape (n,)
        False for sessions cut by the start or the end of the log.
    templates : int
        Templates in this log.
    fitted : amiss.Model or None
        The model that decided.
    traces : tuple of TraceVerdict
        Of segments: the verdict on each whole trace, in order.
    incidents : tuple of Incident
        The findings, those that belong together as one, the worst first.
    histogram : TimeHistogram or None
        Events and scores over time; None where no line has a time.
    template_use : tuple of TemplateUse
        The templates that came, the most frequent first.
    muted : Muted
        What was flagged, and is not among the items, since a user of the model muted it.
    confirmed : frozenset of str
        Ids of findings and incidents that a user of the model confirmed.
    ungrouped : JudgedUngrouped or None
        The windows of the lines that belong to no session, where there are some. Findings of them
        are among the items; the ids and scores are those of sessions.
    """

    items: tuple[ExplainedFinding, ...]
    log: LogInfo
    model: dict[str, Any]
    threshold: Threshold
    ids: pl.Series
    scores: NDArray[np.float64]
    complete: NDArray[np.bool_]
    templates: int
    fitted: FittedModel | None = None
    traces: tuple[TraceVerdict, ...] = ()
    incidents: tuple[Incident, ...] = ()
    histogram: TimeHistogram | None = None
    template_use: tuple[TemplateUse, ...] = ()
    muted: Muted = NOTHING_MUTED
    confirmed: frozenset[str] = frozenset()
    ungrouped: JudgedUngrouped | None = None

    def __repr__(self) -> str:
        return summarise(self.overview())

    @property
    def alarms(self) -> int:
        """How much is flagged and not muted; of segments, how many traces are anomalous.

        A long normal trace has some segments beyond the threshold by chance.
        """
        if self.traces:
            return sum(verdict.is_anomaly for verdict in self.traces)
        windows = 0 if self.ungrouped is None else self.ungrouped.flagged
        return int((self.scores > self.threshold.value).sum()) + windows - len(self.muted.ids)

    def to_dict(self) -> dict[str, Any]:
        """Return the schema ``amiss.findings/1`` as plain values."""
        return self._to_dict()

    def overview(self) -> dict[str, Any]:
        """Return the same with only the most anomalous finding of each incident.

        It is what an overview tells; twenty thousand findings as plain values are 100 MB.
        """
        return self._to_dict(worst_only=True)

    def _to_dict(self, worst_only: bool = False) -> dict[str, Any]:
        return findings_to_dict(
            self.items,
            log_to_dict(self.log, int((~self.complete).sum()), self.templates),
            self.model,
            self.threshold,
            scored=len(self.scores),
            traces=self.traces,
            incidents=self.incidents,
            histogram=self.histogram,
            muted=self.muted,
            confirmed=self.confirmed,
            ungrouped=self.ungrouped,
            worst_only=worst_only,
        )

    def to_csv(self) -> str:
        """Return one row a finding as CSV that is harmless to open."""
        return findings_to_csv(self.to_dict())

    def to_frame(self) -> pl.DataFrame:
        """Return one row a finding."""
        return pl.DataFrame(
            {
                "session": [f.id for f in self.items],
                "score": [f.score for f in self.items],
                "p_value": [f.p_value for f in self.items],
                "start": as_datetime(np.array([f.start for f in self.items], dtype=np.int64)),
                "end": as_datetime(np.array([f.end for f in self.items], dtype=np.int64)),
                "file": [f.locations[0].file for f in self.items],
                "line": [f.locations[0].first_line for f in self.items],
                "got": [f.surprises[0].template if f.surprises else None for f in self.items],
                "missing": [[c.template for c in f.missing] for f in self.items],
            },
            schema_overrides={  # no findings are a frame of the same columns
                "session": pl.String,
                "score": pl.Float64,
                "p_value": pl.Float64,
                "file": pl.String,
                "line": pl.Int64,
                "got": pl.String,
                "missing": pl.List(pl.String),
            },
        )

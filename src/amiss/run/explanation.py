"""From scored sessions to findings, with the raw lines they point at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from amiss.detect._base import Detector
from amiss.detect._calibration import Calibration
from amiss.explain.sessions import explain_sessions
from amiss.read.formats import STRUCTURED
from amiss.read.lines import read_lines
from amiss.read.sources import Source
from amiss.read.structured import read_contents
from amiss.represent.sessions import Sessions
from amiss.run.findings import ExplainedFinding
from amiss.types import Contribution, Finding, Sequences

_EXPLAINED = 512
"""Sessions that are explained at once: of each event, what else was likely is held."""


def explain_rows(
    detector: Detector,
    calibration: NDArray[np.float64],
    sessions: Sessions,
    sequences: Sequences,
    scores: NDArray[np.float64],
    rows: NDArray[np.int64],
) -> tuple[ExplainedFinding, ...]:
    """Explain the sessions at `rows`, in that order.

    What a detector can say (which events, which normal session) is found by presence, on itself
    or on its members.
    """
    blocks = (rows[at : at + _EXPLAINED] for at in range(0, len(rows), _EXPLAINED))
    found: list[Finding] = []
    for block in blocks:
        found += _explain(detector, calibration, sessions, sequences, scores, block)
    return tuple(ExplainedFinding.of(finding) for finding in _with_lines(found, sessions))


def _explain(
    detector: Detector,
    calibration: NDArray[np.float64],
    sessions: Sessions,
    sequences: Sequences,
    scores: NDArray[np.float64],
    rows: NDArray[np.int64],
) -> list[Finding]:
    chosen = sequences.take(rows)
    members = [detector, *(member for _, member in getattr(detector, "members_", []))]
    return explain_sessions(
        sessions[rows],
        chosen,
        scores[rows],
        Calibration(calibration, detector.resolution).p_value(scores[rows]),
        _contributions(detector, chosen),
        # One that says what it expected instead is preferred.
        next((m for m in members if hasattr(m, "expected_events")), None)
        or next((m for m in members if hasattr(m, "event_score")), None),
        next((m for m in members if hasattr(m, "nearest_normal")), None),
    )


def _contributions(detector: Detector, chosen: Sequences) -> list[tuple[Contribution, ...]]:
    if not hasattr(detector, "member_score"):
        return [()] * len(chosen)
    names = getattr(detector, "member_names")  # noqa: B009 - comes with member_score
    return [
        tuple(Contribution(name, float(s)) for name, s in zip(names, row, strict=True))
        for row in detector.member_score(chosen)
    ]


def _with_lines(findings: list[Finding], sessions: Sessions) -> list[Finding]:
    """Read the lines that the findings point at, in one pass, and put them in."""
    log = sessions.log
    if not log.paths:
        return findings
    source_of = {name: index for index, name in enumerate(log.sources)}
    wanted: dict[int, set[int]] = {}
    for finding in findings:
        for surprise in finding.surprises:
            wanted.setdefault(source_of[surprise.location.file], set()).add(
                surprise.location.first_line
            )
    files = [Source(n, Path(p)) for n, p in zip(log.sources, log.paths, strict=True)]
    texts = (read_contents if log.format.startswith(STRUCTURED) else read_lines)(files, wanted)
    return [
        replace(
            finding,
            surprises=tuple(
                replace(s, text=texts.get((source_of[s.location.file], s.location.first_line), ""))
                for s in finding.surprises
            ),
        )
        for finding in findings
    ]

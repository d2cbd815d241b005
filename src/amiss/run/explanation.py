"""From scored sessions to findings, with the raw lines they point at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from amiss.detect._base import Detector
from amiss.detect._calibration import Calibration
from amiss.explain.sessions import explain_sessions
from amiss.represent.sessions import Sessions
from amiss.run.findings import ExplainedFinding
from amiss.run.raw_lines import read_again
from amiss.types import Contribution, Deviation, Finding, Location, Sequences

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
    return _with_lines(found, sessions)


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
        _deviations(members, chosen),
        [_before(sessions, int(row)) for row in rows],
    )


def _deviations(members: list[Detector], chosen: Sequences) -> list[tuple[Deviation, ...]]:
    """Return the counts, numbers and times that are not usual, by all members that know of any."""
    found: list[list[Deviation]] = [[] for _ in range(len(chosen))]
    for member in members:
        if hasattr(member, "deviations"):
            for own, others in zip(found, member.deviations(chosen), strict=True):
                own += others
    return [tuple(sorted(own, key=lambda deviation: deviation.p_value)) for own in found]


def _before(sessions: Sessions, row: int) -> Location:
    """Return the last line before a session in the order of sessions, or the first one after it.

    It is where a window of time is that holds no line.
    """
    at = max(int(sessions.offsets[row]) - 1, 0)
    line = int(sessions.line[at])
    return Location(sessions.log.sources[sessions.source[at]], line, line)


def _contributions(detector: Detector, chosen: Sequences) -> list[tuple[Contribution, ...]]:
    if not hasattr(detector, "member_score"):
        return [()] * len(chosen)
    names = getattr(detector, "member_names")  # noqa: B009 - comes with member_score
    scores = detector.member_score(chosen)
    first = {row.tobytes(): row.tolist() for row in scores}
    # Sessions that are alike share what is said of them.
    made = {key: tuple(map(Contribution, names, row)) for key, row in first.items()}
    return [made[row.tobytes()] for row in scores]


def _with_lines(findings: list[Finding], sessions: Sessions) -> tuple[ExplainedFinding, ...]:
    """Read the lines that the findings point at, in one pass, and put them in.

    The list is empty then: tens of thousands of findings are not held twice.
    """
    log = sessions.log
    source_of = {name: index for index, name in enumerate(log.sources)}
    texts: dict[tuple[int, int], str] = {}
    if log.paths:
        wanted: dict[int, set[int]] = {}
        for finding in findings:
            for place in _places(finding):
                wanted.setdefault(source_of[place.file], set()).add(place.first_line)
        texts = read_again(log, wanted)

    def text(place: Location) -> str:
        return texts.get((source_of[place.file], place.first_line), "")

    findings.reverse()
    told = []
    while findings:
        finding = findings.pop()
        told.append(ExplainedFinding.of(with_texts(finding, text) if log.paths else finding))
    return tuple(told)


_AnyFinding = TypeVar("_AnyFinding", bound=Finding)


def with_texts(finding: _AnyFinding, text: Callable[[Location], str]) -> _AnyFinding:
    """Return a finding with the raw lines that it shows; `text` returns that of a place."""
    return replace(
        finding,
        surprises=tuple(replace(s, text=text(s.location)) for s in finding.surprises),
        deviations=tuple(
            d._replace(text=text(d.location) if d.location else "") for d in finding.deviations
        ),
    )


def _places(finding: Finding) -> Iterator[Location]:
    """Yield the lines that a finding shows."""
    yield from (surprise.location for surprise in finding.surprises)
    yield from (d.location for d in finding.deviations if d.location is not None)

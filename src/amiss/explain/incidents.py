"""Incidents: findings that belong together, told as one."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from amiss.explain.symptoms import symptoms_of
from amiss.types import NO_TIME, Finding, Incident, Location, Shared, StoryLine, Symptom

MOST_LINES = 20
"""Raw lines that tell the story of an incident."""


def group_incidents(findings: Sequence[Finding]) -> tuple[Incident, ...]:
    """Return findings grouped into incidents, the worst first.

    Parameters
    ----------
    findings : sequence of Finding
        The most anomalous first. Each is in exactly one incident.
    """
    groups: dict[Symptom, list[int]] = {}
    for at, finding in enumerate(findings):
        groups.setdefault(next(iter(symptoms_of(finding))), []).append(at)
    return tuple(_incident(findings, members, leading) for leading, members in groups.items())


def kind_id(symptom: Symptom) -> str:
    """Return the id that incidents of a leading symptom share: 8 hexadecimal digits.

    Examples
    --------
    >>> kind_id(Symptom("unseen", "disk failed"))
    '3fdf315b'
    """
    text = "\x1f".join([symptom.kind, symptom.template or "", symptom.detail])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _incident(findings: Sequence[Finding], members: list[int], leading: Symptom) -> Incident:
    counts: Counter[Symptom] = Counter()
    files: Counter[str] = Counter()
    lines: dict[Location, StoryLine] = {}
    for at in members:
        finding = findings[at]
        shown = symptoms_of(finding)
        counts.update(shown.keys())
        files.update({place.file for place in finding.locations})
        texts = {s.location: s.text for s in finding.surprises}
        for symptom, place in shown.items():
            if place is not None:
                line = StoryLine(place, finding.start, texts.get(place, ""), finding.id, symptom)
                lines.setdefault(place, line)
    times = [t for at in members for t in (findings[at].start, findings[at].end) if t != NO_TIME]
    first = findings[members[0]]
    return Incident(
        id=kind_id(leading),
        kind=kind_id(leading),
        rarest=leading,
        worst=counts.most_common(1)[0][0],
        start=min(times, default=NO_TIME),
        end=max(times, default=NO_TIME),
        score=first.score,
        p_value=first.p_value,
        findings=tuple(members),
        symptoms=tuple(counts.most_common()),
        shared=tuple(Shared("file", name, count) for name, count in files.most_common()),
        lines=tuple(list(lines.values())[:MOST_LINES]),
        more_lines=max(0, len(lines) - MOST_LINES),
    )

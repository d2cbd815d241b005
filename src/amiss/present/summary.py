"""Findings as plain values: the schema ``amiss.findings/1``. Everything else is made from it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from amiss.store import finite
from amiss.types import (
    NO_TIME,
    NOTHING_MUTED,
    Deviation,
    Finding,
    Incident,
    JudgedUngrouped,
    Location,
    LogInfo,
    Muted,
    StoryLine,
    Surprise,
    Threshold,
    TimeHistogram,
    TraceVerdict,
)

SCHEMA = "amiss.findings/1"
_MOST_IDS = 20
"""Findings that an incident names; each finding says which incident it is of."""


def findings_to_dict(
    findings: Sequence[Finding],
    source: dict[str, Any],
    model: dict[str, Any],
    threshold: Threshold,
    *,
    scored: int,
    flagged: int | None = None,
    traces: Sequence[TraceVerdict] = (),
    incidents: Sequence[Incident] = (),
    histogram: TimeHistogram | None = None,
    muted: Muted = NOTHING_MUTED,
    confirmed: Collection[str] = (),
    ungrouped: JudgedUngrouped | None = None,
    worst_only: bool = False,
) -> dict[str, Any]:
    """Return findings as JSON values.

    Parameters
    ----------
    findings : sequence of Finding
    source : dict
        What was judged: of a log what `log_to_dict` returns; of tables and images files, unit,
        rows, columns, shape of one, notes.
    model : dict
        What was learnt.
    threshold : Threshold
    scored, flagged : int
        Units that were judged, and those of them beyond the threshold; by default the findings.
    traces : sequence of TraceVerdict
        Of segments: the verdicts on whole traces.
    incidents : sequence of Incident
        What findings belong together.
    histogram : TimeHistogram, optional
        Events and scores over time.
    muted : Muted
        What was flagged, but is not among the findings.
    confirmed : collection of str
        Ids of findings and incidents that a user confirmed.
    ungrouped : JudgedUngrouped, optional
        What was judged beside the units: windows of the lines that belong to none.
    worst_only : bool
        Of each incident only the most anomalous finding: all that an overview tells.
    """
    listed: Collection[int] = range(len(findings))
    if worst_only:
        listed = sorted(incident.findings[0] for incident in incidents)
    of = {at: incident.id for incident in incidents for at in incident.findings}
    return {
        "schema": SCHEMA,
        "source": source,
        "model": model,
        "threshold": {**threshold._asdict(), "value": finite(threshold.value)},
        "scored": scored,
        "flagged": len(findings) if flagged is None else flagged,
        "ungrouped": None if ungrouped is None else _ungrouped(ungrouped, findings),
        "traces": [verdict._asdict() for verdict in traces],
        "muted": _muted(muted),
        "incidents": [
            {**incident_to_dict(incident, findings), "confirmed": incident.id in confirmed}
            for incident in incidents
        ],
        "histogram": None if histogram is None else histogram_to_dict(histogram),
        "findings": [
            {
                **finding_to_dict(findings[at]),
                "incident": of.get(at),
                "confirmed": findings[at].id in confirmed,
            }
            for at in listed
        ],
    }


def log_to_dict(log: LogInfo, cut: int, templates: int) -> dict[str, Any]:
    """Return where sessions came from as JSON values.

    Parameters
    ----------
    log : LogInfo
    cut, templates : int
        Sessions cut by the start or end of the log; templates in the log.
    """
    return {
        "files": list(log.sources),
        "format": log.format,
        "lines": log.lines,
        "ungrouped_lines": log.ungrouped,
        "start": timestamp(log.start),
        "end": timestamp(log.end),
        "templates": templates,
        "unit": log.unit,
        "grouping": log.grouping,
        "why": log.why,
        "cut": cut,
        "notes": list(log.notes),
    }


def _ungrouped(judged: JudgedUngrouped, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return what was judged beside; ``flagged`` is how many of the findings are of it."""
    threshold = judged.threshold
    return {
        **judged._asdict(),
        "flagged": sum(finding.unit == judged.unit for finding in findings),
        "threshold": {**threshold._asdict(), "value": finite(threshold.value)},
    }


def threshold_of(content: dict[str, Any], unit: str | None) -> dict[str, Any]:
    """Return the threshold that a finding of some unit was judged by.

    Parameters
    ----------
    content : dict
        The schema ``amiss.findings/1``.
    unit : str or None
    """
    ungrouped = content.get("ungrouped")
    found = ungrouped if ungrouped is not None and ungrouped["unit"] == unit else content
    threshold: dict[str, Any] = found["threshold"]
    return threshold


def _muted(muted: Muted) -> dict[str, int]:
    """Return how much is not shown, and how many mutes hide it."""
    return {
        "findings": len(muted.ids),
        "incidents": len(muted.incidents),
        "mutes": muted.mutes,
    }


def finding_to_dict(finding: Finding) -> dict[str, Any]:
    """Return one finding as JSON values; ``expected[i]`` is what was expected for ``got[i]``."""
    return {
        "unit": finding.unit,
        "id": finding.id,
        "score": finding.score,
        "p_value": finding.p_value,
        "start": timestamp(finding.start),
        "end": timestamp(finding.end),
        "complete": finding.complete,
        "locations": [_location(location) for location in finding.locations],
        # Adding zero makes minus zero, the −log₁₀ of p = 1, a plain zero.
        "contributions": [{"name": c.name, "score": c.score + 0.0} for c in finding.contributions],
        "expected": [[e._asdict() for e in s.expected] for s in finding.surprises],
        "got": [_got(s) for s in finding.surprises],
        "missing": [c._asdict() for c in finding.missing],
        "surplus": [c._asdict() for c in finding.surplus],
        "nearest_normal": {
            "events": list(finding.nearest),
            "sessions_like_it": finding.nearest_count,
        },
        "events": list(finding.events),
        "features": [
            {**f._asdict(), "region": f.region._asdict() if f.region else None}
            for f in finding.features
        ],
        "mispredicted": [m._asdict() for m in finding.mispredicted],
        "deviations": [_deviation(d) for d in finding.deviations],
    }


def incident_to_dict(incident: Incident, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return one incident as JSON values; ``ids`` are those of its most anomalous findings."""
    return {
        "id": incident.id,
        "kind": incident.kind,
        "unit": findings[incident.findings[0]].unit,
        "rarest": incident.rarest._asdict(),
        "worst": incident.worst._asdict(),
        "start": timestamp(incident.start),
        "end": timestamp(incident.end),
        "score": incident.score,
        "p_value": incident.p_value,
        "findings": len(incident.findings),
        "ids": [findings[at].id for at in incident.findings[:_MOST_IDS]],
        "symptoms": [{**s._asdict(), "findings": count} for s, count in incident.symptoms],
        "shared": [shared._asdict() for shared in incident.shared],
        "lines": [_story_line(line) for line in incident.lines],
        "more_lines": incident.more_lines,
    }


def histogram_to_dict(histogram: TimeHistogram) -> dict[str, Any]:
    """Return a histogram as JSON values; scores are null where nothing ends."""
    return {
        "start": timestamp(histogram.start),
        "bin_seconds": histogram.width / 1000,
        "events": histogram.events.tolist(),
        "score": [finite(score) for score in histogram.score.tolist()],
        "flagged": histogram.flagged.tolist(),
    }


def _story_line(line: StoryLine) -> dict[str, Any]:
    return {
        **_location(line.location),
        "time": timestamp(line.time),
        "text": line.text,
        "id": line.id,
        "symptom": line.symptom._asdict(),
    }


def timestamp(millis: int) -> str | None:
    """Return a time as ISO 8601 in UTC, None where there is none.

    Examples
    --------
    >>> timestamp(1226262930000)
    '2008-11-09T20:35:30'
    """
    if millis == NO_TIME:
        return None
    moment = datetime.fromtimestamp(millis / 1000, UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds" if millis % 1000 else "seconds")


def _got(surprise: Surprise) -> dict[str, Any]:
    values = asdict(surprise)
    del values["expected"], values["location"]
    return {**values, **_location(surprise.location)}


def _deviation(deviation: Deviation) -> dict[str, Any]:
    values = deviation._asdict()
    place, usual = values.pop("location"), values["usual"]
    values |= {"file": None, "first_line": None, "last_line": None} | (
        _location(place) if place else {}
    )
    return {**values, "usual": None if usual is None else list(usual)}


def _location(location: Location) -> dict[str, Any]:
    return location._asdict()

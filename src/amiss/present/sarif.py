"""Findings as SARIF 2.1.0, the format in which code hosts take what a tool has found."""

from __future__ import annotations

import hashlib
import re
from os import PathLike
from pathlib import PurePath
from typing import Any, NamedTuple
from urllib.parse import quote

from amiss.present.escape import visible
from amiss.present.incidents import headline
from amiss.present.layout import describe_muted, notes_of
from amiss.present.leading import Leading, leading_reason
from amiss.present.summary import threshold_of

MOST_RESULTS = 5000
"""Code hosts show no more of one run."""
_MOST_INCIDENTS = 100
_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_SMALL = 0.001
"""The false-alarm rate that levels go by where the threshold's rule has none."""
_LINK = re.compile(r"\](?=\()")


class _Rule(NamedTuple):
    name: str
    short: str
    help: str


_RULES = {
    "unseen": _Rule(
        "UnseenEvent",
        "An event that nothing normal has.",
        "What the model learnt from has no line of this template. Read the line: new code, a new "
        "configuration, or an error that had not happened yet.",
    ),
    "unexpected": _Rule(
        "UnexpectedEvent",
        "An event where others were expected.",
        "The template is known, but after the events before it the model holds others likelier. "
        "The message says which.",
    ),
    "ends": _Rule(
        "EarlyEnd",
        "A session that ends where more was expected.",
        "The last lines are those of a session that goes on. Look for what stopped it.",
    ),
    "missing": _Rule(
        "MissingEvent",
        "An event is missing.",
        "The nearest normal session has more events of this template.",
    ),
    "surplus": _Rule(
        "SurplusEvent",
        "An event comes too often.",
        "The nearest normal session has fewer events of this template: repeats, retries, doubles.",
    ),
    "count": _Rule(
        "UnusualCount",
        "So many lines in this window of time are unusual.",
        "The count of a template, or of all lines, is beyond what windows of time usually have.",
    ),
    "number": _Rule(
        "UnusualNumber",
        "A number in a message is unusual.",
        "The number is beyond what this place of this template usually has: sizes, times, codes.",
    ),
    "step": _Rule(
        "SlowStep",
        "The time between two events is unusual.",
        "What came next came later than it usually does.",
    ),
    "mispredicted": _Rule(
        "MispredictedEvents",
        "Events are mispredicted time and again.",
        "In this segment the model often held another event likelier than the one that came.",
    ),
    "feature": _Rule(
        "UnusualFeature",
        "A value of a row, an interval, an entity or an image is unusual.",
        "The message names the columns or regions that deviate most or add most to the score.",
    ),
    "combination": _Rule(
        "UnusualCombination",
        "Nothing alone is unusual, but all of it together is.",
        "Compare it with the nearest normal session, as amiss explain shows it.",
    ),
}
_AT = {kind: at for at, kind in enumerate(_RULES)}


def findings_to_sarif(
    content: dict[str, Any], version: str, folder: str | PathLike[str] | None = None
) -> dict[str, Any]:
    """Return findings as a SARIF 2.1.0 log of one run, the most anomalous first.

    Parameters
    ----------
    content : dict
        The schema ``amiss.findings/1``.
    version : str
        Of amiss.
    folder : path, optional
        Absolute paths inside it are made relative to it: code hosts want them by the root of the
        repository.

    Returns
    -------
    dict
        One rule for each kind of symptom, and one result for each finding, by its leading reason:
        of level ``note`` if it is not beyond the threshold, ``error`` if its p-value is at most a
        tenth of the false-alarm rate (0.001 where the threshold goes by none), else ``warning``.
        Of more than 5,000 findings these are the results; a notification says how many there are.

    Examples
    --------
    >>> content = {
    ...     "source": {"unit": "session", "notes": []}, "findings": [], "incidents": [],
    ...     "threshold": {"value": 1.0, "rule": "tail", "rate": 0.01, "note": ""},
    ...     "model": {"detector": "event-counts"}, "scored": 5, "flagged": 0,
    ...     "muted": {"findings": 0, "incidents": 0, "mutes": 0},
    ... }
    >>> run = findings_to_sarif(content, "0.1.0")["runs"][0]
    >>> len(run["results"]), run["tool"]["driver"]["name"]
    (0, 'amiss')
    """
    threshold, found = content["threshold"], content["findings"]
    files = content["source"].get("files") or [None]
    results = [
        _result(finding, threshold_of(content, finding["unit"]), files[0], folder)
        for finding in found[:MOST_RESULTS]
    ]
    said = [("note", note) for note in notes_of(content)]
    if muted := describe_muted(content):
        said.append(("note", f"muted: {muted}"))
    if left := len(found) - len(results):
        capped = f"{len(found):,} findings; the {len(results):,} most anomalous are results, "
        said.append(("warning", f"{capped}{left:,} are left out: --jsonl prints all"))
    run = {
        "tool": {
            "driver": {
                "name": "amiss",
                "version": version,
                "rules": [_rule(kind) for kind in _RULES],
            }
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    {"level": level, "message": {"text": _text(note)}} for level, note in said
                ],
            }
        ],
        "results": results,
        "properties": {
            "unit": content["source"]["unit"],
            "scored": content["scored"],
            "flagged": content["flagged"],
            "muted": content["muted"]["findings"],
            "detector": visible(content["model"]["detector"]),
            "threshold": threshold["value"],
            "rule": threshold["rule"],
            "rate": threshold["rate"],
            "incidents": [
                {"id": incident["id"], "findings": incident["findings"], "text": headline(incident)}
                for incident in content["incidents"][:_MOST_INCIDENTS]
            ],
        },
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(kind: str) -> dict[str, Any]:
    rule = _RULES[kind]
    return {
        "id": kind,
        "name": rule.name,
        "shortDescription": {"text": rule.short},
        "fullDescription": {"text": rule.help},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": "warning"},
        "properties": {"tags": ["anomaly"]},
    }


def _result(
    finding: dict[str, Any],
    threshold: dict[str, Any],
    file: str | None,
    folder: str | PathLike[str] | None,
) -> dict[str, Any]:
    lead = leading_reason(finding)
    name = visible(finding["id"], 200)
    if not name.startswith(finding["unit"]):  # windows and segments are called so
        name = f"{finding['unit']} {name}"
    said = f"{name}: {lead.words}"
    return {
        "ruleId": lead.kind,
        "ruleIndex": _AT[lead.kind],
        "level": _level(finding, threshold),
        "message": {"text": _text(said)},
        "locations": _locations(finding, lead, file, folder),
        "partialFingerprints": _fingerprints(finding, lead),
        "properties": {
            "unit": finding["unit"],
            "id": visible(finding["id"]),
            "score": finding["score"],
            "pValue": finding["p_value"],
            "start": finding["start"],
            "end": finding["end"],
            "incident": finding["incident"],
            "confirmed": finding["confirmed"],
        },
    }


def _level(finding: dict[str, Any], threshold: dict[str, Any]) -> str:
    if threshold["value"] is not None and finding["score"] <= threshold["value"]:
        return "note"  # one of the highest scores, asked for with --top
    return "error" if finding["p_value"] <= (threshold["rate"] or _SMALL) / 10 else "warning"


def _locations(
    finding: dict[str, Any], lead: Leading, first: str | None, folder: str | PathLike[str] | None
) -> list[dict[str, Any]]:
    """Return where a finding shows; a window without lines is nowhere, but hosts want a place."""
    file = lead.file or (finding["id"] if finding["unit"] == "image" else first)
    if not file:
        return []
    region: dict[str, Any] = {"startLine": lead.line or 1}
    if lead.text:
        region["snippet"] = {"text": lead.text}
    place = {"artifactLocation": {"uri": _uri(file, folder)}, "region": region}
    return [{"physicalLocation": place}]


def _uri(file: str, folder: str | PathLike[str] | None) -> str:
    """Return a path as a reference: relative where it is inside the folder, percent-encoded."""
    path = PurePath(file)
    if path.is_absolute():
        inside = folder is not None and path.is_relative_to(folder)
        path = path.relative_to(folder) if inside and folder else path
    # What is no UTF-8 in a name came as lone surrogates, each of which stands for a byte.
    try:
        raw = path.as_posix().encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = path.as_posix().encode("utf-8", "surrogatepass")
    said = quote(raw, safe="/")
    return f"file://{said}" if path.is_absolute() else said


def _fingerprints(finding: dict[str, Any], lead: Leading) -> dict[str, str]:
    """Return what is the same in each run that finds it, though lines came before it."""
    parts = (lead.kind, lead.template or "", finding["unit"], finding["id"])
    text = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(text).hexdigest()[:16]
    # The first is the name that code hosts look for.
    return {"primaryLocationLineHash": f"{digest}:1", "amissFinding/v1": digest}


def _text(said: str) -> str:
    """Return a message that holds no link and no placeholder, whatever a log line says."""
    said = _LINK.sub("] ", visible(said))
    return said.replace("{", "{{").replace("}", "}}")

"""Incidents for a terminal: since when, where, what changed, and the lines."""

from __future__ import annotations

import textwrap
from typing import Any

from amiss.present.escape import visible
from amiss.present.incidents import describe_symptom, extent
from amiss.present.layout import counted, place, short_names, shown_score
from amiss.present.reasons import Reason, quoted, why

MOST_INCIDENTS = 10
"""Incidents in an overview, unless asked for more."""
_SHOWN_LINES = 3
_MOST_SHARED = 3
_INDENT = 4


def describe_incidents(
    summary: dict[str, Any], most: int | None = MOST_INCIDENTS, width: int = 100
) -> list[str]:
    """Return rows that tell each incident: id, what happened, how much and when, where, lines.

    Parameters
    ----------
    summary : dict
        The schema ``amiss.findings/1``.
    most : int, optional
        Incidents to tell; None tells all.
    width : int
        Columns of the terminal.
    """
    names = short_names(summary["source"]["files"])
    worst: dict[str, dict[str, Any]] = {}
    for finding in summary["findings"]:
        worst.setdefault(finding["incident"], finding)
    shown = summary["incidents"][:most]
    everywhere = _shared_by_all(summary["incidents"])
    rows: list[str] = []
    for incident in shown:
        found = worst.get(incident["id"])
        rows += ["", *_incident_rows(incident, found, names, everywhere, width)]
    if left := summary["incidents"][len(shown) :]:
        findings = counted(sum(i["findings"] for i in left), visible(left[0]["unit"], 40))
        of = counted(len(left), "incident")
        rows += ["", f"  … and {of} more, {findings}: --all shows them, --json all there is"]
    return rows


def _incident_rows(
    incident: dict[str, Any],
    worst: dict[str, Any] | None,
    names: dict[str, str],
    everywhere: set[tuple[str, str]],
    width: int,
) -> list[str]:
    room = max(20, width - _INDENT)
    rows = [f"  {incident['id']}" + (" · confirmed" if incident.get("confirmed") else "")]
    for symptom in (incident["rarest"], incident["worst"]):
        said = " " * _INDENT + _shortened(symptom, incident["unit"], room)
        if said not in rows:
            rows.append(said)
    example = visible(incident["ids"][0], 40)
    told = [extent(incident), f"score {shown_score(incident['score'])}"]
    told += [f"such as {example}" if incident["findings"] > 1 else example]
    told += _where(incident, names, everywhere)
    rows += [" " * _INDENT + row for row in _flowed(told, room)]
    if worst is not None:
        rows += [" " * _INDENT + row for row in _changes(incident, worst, room)]
    rows += _line_rows(incident, names, width)
    return rows


def _shortened(symptom: dict[str, Any], unit: str, room: int) -> str:
    """Return a symptom in words, its template cut so that all fits `room` columns."""
    around = len(describe_symptom({**symptom, "template": "x"}, unit)) - 1
    return describe_symptom(symptom, unit, max(12, room - around + 2))


def _flowed(parts: list[str], room: int) -> list[str]:
    """Return parts in rows of `room` columns, broken between parts, then at spaces."""
    rows: list[str] = []
    for part in parts:
        if rows and len(rows[-1]) + 3 + len(part) <= room:
            rows[-1] += f" · {part}"
        else:
            rows += [part] if len(part) <= room else textwrap.wrap(part, room)
    return rows


def _shared_by_all(incidents: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Return what all of several incidents have in common: it tells none of them."""
    if len(incidents) < 2:
        return set()
    return set.intersection(*({(s["kind"], s["value"]) for s in i["shared"]} for i in incidents))


def _where(
    incident: dict[str, Any], names: dict[str, str], everywhere: set[tuple[str, str]]
) -> list[str]:
    """Return what most findings of an incident have in common, unlike others."""
    count = incident["findings"]
    told = []
    for shared in incident["shared"]:
        if (shared["kind"], shared["value"]) in everywhere or 2 * shared["findings"] <= count:
            continue
        if shared["kind"] == "file" and len(names) < 2:
            continue
        value = visible(names.get(shared["value"], shared["value"]), 40)
        many = "all" if shared["findings"] == count else f"{shared['findings']:,} of {count:,}"
        told.append(f"{visible(shared['kind'], 20)} {value}" + (f" in {many}" if count > 1 else ""))
    return told[:_MOST_SHARED]


def _changes(incident: dict[str, Any], worst: dict[str, Any], room: int) -> list[str]:
    """Return why the worst finding was flagged, what the headline says already left out."""
    reasons, more = why(worst)
    symptoms = [incident[key] for key in ("rarest", "worst")]
    said = {s["template"] for s in symptoms if s["template"] is not None}
    said |= {describe_symptom(s, incident["unit"]) for s in symptoms}
    left = [r for r in reasons if _has_numbers(r) or not {r.template, r.words} & said]
    if not left:
        return []
    after = f" (+{more} more)" if more else ""
    rows = [row for reason in left[:-1] for row in reason.rows(room)]
    return rows + left[-1].rows(room, after)


def _has_numbers(reason: Reason) -> bool:
    return bool(reason.events or reason.after or reason.expected)


def _line_rows(incident: dict[str, Any], names: dict[str, str], width: int) -> list[str]:
    lines = incident["lines"]
    first = next((line for line in lines if line["symptom"] == incident["rarest"]), None)
    order = [line for line in (first, *lines[-1:], *lines) if line is not None]
    kept: list[dict[str, Any]] = []
    for line in order:
        if line not in kept and len(kept) < _SHOWN_LINES:
            kept.append(line)
    kept.sort(key=lines.index)
    places = [place(line, names) for line in kept]
    wide = max(map(len, places), default=0)
    rows = []
    for where, line in zip(places, kept, strict=True):
        if wide + 2 <= width // 3:
            rows.append(f"    {where:<{wide}}  {_text(line, max(20, width - wide - 6))}".rstrip())
        else:
            rows += [f"    {where}", f"      {_text(line, max(20, width - 6))}".rstrip()]
    left = len(incident["lines"]) - len(kept) + incident["more_lines"]
    if rows and left:
        rows.append(f"    … and {counted(left, 'line')} more")
    return rows


def _text(line: dict[str, Any], room: int) -> str:
    """Return a raw line; of a table of sessions, which has none of one event, the event."""
    template = line["symptom"]["template"]
    if line["text"] or template is None:
        return visible(line["text"], room)
    return quoted(template, room)

"""Incidents in words: what is the matter, since when, where, and the lines that tell it."""

from __future__ import annotations

from typing import Any

from amiss.present.escape import visible
from amiss.present.layout import ROW_UNITS, counted, time_span
from amiss.present.reasons import ordinal, quoted


def headline(incident: dict[str, Any], room: int | None = None) -> str:
    """Return an incident in one line: what began it, what is worst, how much of it, and when.

    Parameters
    ----------
    incident : dict
        One of ``incidents`` of the schema ``amiss.findings/1``.
    room : int, optional
        Columns that each of the two templates in it may fill.

    Returns
    -------
    str
        What is invisible or moves the cursor is written out: it can be shown as it is.

    Examples
    --------
    >>> symptom = {"kind": "unseen", "template": "disk <*> failed", "detail": ""}
    >>> headline({
    ...     "unit": "session", "rarest": symptom, "worst": symptom, "findings": 18,
    ...     "start": "2008-11-09T20:35:00", "end": "2008-11-11T10:12:00",
    ... })
    '"disk <*> failed" in no normal session; 18 sessions, 2008-11-09 20:35 – 2008-11-11 10:12'
    """
    return f"{what_happened(incident, room)}; {extent(incident)}"


def what_happened(incident: dict[str, Any], room: int | None = None) -> str:
    """Return the earliest rare event and the worst symptom, once where they are one."""
    unit = incident.get("unit", "session")
    said = [describe_symptom(incident[key], unit, room) for key in ("rarest", "worst")]
    return ", ".join(dict.fromkeys(said))


def extent(incident: dict[str, Any]) -> str:
    """Return how many findings an incident has, and from when to when they are."""
    parts = [counted(incident["findings"], visible(incident.get("unit", "session"), 40))]
    if span := time_span(incident["start"], incident["end"]):
        parts.append(span)
    return ", ".join(parts)


def describe_symptom(symptom: dict[str, Any], unit: str, room: int | None = None) -> str:
    """Return a symptom in words, its template cut to `room` columns.

    Examples
    --------
    >>> describe_symptom({"kind": "count", "template": None, "detail": "low"}, "window")
    'too few lines'
    >>> number = {"kind": "number", "template": "took <*> ms", "detail": "1 high"}
    >>> describe_symptom(number, "window")
    'the 1st number of "took <*> ms" too high'
    """
    kind, template, detail = symptom["kind"], symptom["template"], symptom["detail"]
    if kind == "combination":
        values = "values" if unit in ROW_UNITS else "events"
        return f"an unusual combination of usual {values}"
    if kind == "ends":
        return f"the {visible(unit, 40)} ends too early"
    if kind == "feature":
        name = visible(template or "", room)
        return f"a region in {name}" if detail == "region" else f"{name} {_side(detail)}"
    if template is None:
        return "too few lines" if detail == "low" else "too many lines"
    name = quoted(template, room)
    if kind == "number":
        which, _, side = detail.partition(" ")
        of = f"the {ordinal(int(which))} number of " if which.isdecimal() else "a number of "
        return f"{of}{name} {_side(side)}"
    return {
        "unseen": f"{name} in no normal {visible(unit, 40)}",
        "unexpected": f"unexpected {name}",
        "missing": f"missing {name}",
        "surplus": f"surplus {name}",
        "count": f"too {'few' if detail == 'low' else 'many'} {name}",
        "step": f"a slow step after {name}",
        "mispredicted": f"mispredicted {name}",
    }.get(kind, f"{visible(kind, 40)} {name}")


def _side(detail: str) -> str:
    return {"high": "too high", "low": "too low"}.get(detail, "unusual")

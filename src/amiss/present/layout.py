"""Building blocks of text: labelled paragraphs, counts, names of places."""

from __future__ import annotations

import textwrap
from datetime import datetime
from pathlib import PurePath
from typing import Any

from amiss.present.escape import visible
from amiss.present.reasons import percent

LABEL_WIDTH = 11
MOST_SHOWN = 10
"""Findings, or kinds of them, in an overview, unless asked for more."""
ROW_UNITS = frozenset({"row", "interval", "image", "entity"})
"""Units of tables and images; the others are of logs."""


def labelled(label: str, text: str, width: int) -> str:
    """Return a labelled paragraph, broken so that it fits `width`: at separators, then spaces."""
    room = max(20, width - LABEL_WIDTH)
    rows: list[str] = []
    for part in visible(text).split(" · "):
        if rows and len(rows[-1]) + 3 + len(part) <= room:
            rows[-1] += f" · {part}"
        else:
            rows += [part] if len(part) <= room else textwrap.wrap(part, room)
    indent = "\n" + " " * LABEL_WIDTH
    return f"{label:<{LABEL_WIDTH}}{indent.join(rows)}"


def short_names(files: list[str]) -> dict[str, str]:
    """Return the shortest ends of the paths that tell the files apart."""
    paths = {name: PurePath(name).parts for name in files}
    for depth in range(1, max((len(parts) for parts in paths.values()), default=0)):
        short = {name: str(PurePath(*parts[-depth:])) for name, parts in paths.items()}
        if len(set(short.values())) == len(short):
            return short
    return {name: name for name in files}


def place(location: dict[str, Any], names: dict[str, str]) -> str:
    """Return a file and its line, the file by its short name if it has one."""
    shown = visible(names.get(location["file"], location["file"]))
    shown = shown if len(shown) <= 60 else f"…{shown[-59:]}"
    return f"{shown}:{location['first_line']}"


def time_span(start: str | None, end: str | None) -> str:
    """Return from when to when, as far as it is needed to tell them apart."""
    if start is None or end is None:
        return ""
    first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    if first.date() != last.date():
        return f"{first:%Y-%m-%d %H:%M} – {last:%Y-%m-%d %H:%M}"
    until = "" if first == last else f" – {last:%H:%M:%S}"
    return f"{first:%Y-%m-%d %H:%M:%S}{until}"


def length(seconds: float) -> str:
    """Return the length of a window as the command line takes it.

    Examples
    --------
    >>> [length(seconds) for seconds in (10, 300, 90, 3600, 0.5)]
    ['10s', '5m', '90s', '1h', '0.5s']
    """
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def counted(count: int, one: str, several: str = "") -> str:
    """Return a number and its noun."""
    return f"{count:,} {one if count == 1 else several or plural(one)}"


def plural(unit: str) -> str:
    """Return the plural of what is judged, or of a field.

    Examples
    --------
    >>> plural("entity"), plural("row"), plural("address")
    ('entities', 'rows', 'addresses')
    """
    if unit.endswith("y"):
        return f"{unit.removesuffix('y')}ies"
    return f"{unit}es" if unit.endswith("s") else f"{unit}s"


def scored(unit: str) -> str:
    """Return what has a score of its own: of intervals these are their rows."""
    return "row" if unit == "interval" else unit


def describe_threshold(threshold: dict[str, Any], unit: str) -> list[str]:
    """Return where the line was drawn, in parts."""
    unit = scored(unit)
    parts = []
    if threshold["rate"] is not None:
        parts.append(
            f"at most {percent(threshold['rate'])} of normal {plural(unit)} wanted, "
            f"{percent(threshold['realised'] or 0.0)} in calibration"
        )
    if threshold["value"] is not None:
        parts.append(f"score above {shown_score(threshold['value'])}")
    return parts


def describe_decision(summary: dict[str, Any]) -> str:
    """Return how many were flagged, and where the line was drawn."""
    count, unit = summary["flagged"], summary["source"]["unit"]
    ungrouped = summary.get("ungrouped")
    if ungrouped is not None:
        count -= ungrouped["flagged"]
    share = count / max(1, summary["scored"])
    flagged = f"{counted(count, scored(unit))} ({percent(share)})"
    decided = [flagged, *describe_threshold(summary["threshold"], unit)]
    if ungrouped is not None:
        value, of = shown_score(ungrouped["threshold"]["value"]), ungrouped["flagged"]
        decided.append(f"{counted(of, ungrouped['unit'])} with a score above {value}")
    return " · ".join(decided)


def describe_muted(summary: dict[str, Any]) -> str:
    """Return how much is not shown since a user muted it; nothing where nothing is.

    Examples
    --------
    >>> describe_muted({
    ...     "muted": {"findings": 12, "incidents": 1, "mutes": 2}, "source": {"unit": "session"},
    ... })
    '12 sessions and 1 incident by 2 mutes: amiss show MODEL lists them'
    """
    muted = summary["muted"]
    if not muted["findings"]:
        return ""
    what = counted(muted["findings"], summary["source"]["unit"])
    what += f" and {counted(muted['incidents'], 'incident')}" if muted["incidents"] else ""
    return f"{what} by {counted(muted['mutes'], 'mute')}: amiss show MODEL lists them"


def describe_labels(anomalies: int | None) -> str:
    """Return what a fit knew of anomalies; None: it had no labels."""
    if anomalies is None:
        return "without labels"
    return f"{counted(anomalies, 'labelled anomaly', 'labelled anomalies')} not taken for normal"


def describe_score(finding: dict[str, Any]) -> str:
    """Return the score, whether it is beyond the threshold if that is known, and the p-value."""
    said = shown_score(finding["score"])
    if (threshold := finding.get("threshold")) is not None:
        said += ", flagged " if finding["score"] > threshold else ", not flagged "
        said += f"(threshold {shown_score(threshold)})"
    return f"{said} · p = {finding['p_value']:.2g}"


def describe_kinds(kinds: dict[str, Any]) -> list[str]:
    """Return how much of each class of anomaly was flagged, as a table."""
    names = [visible(kind, 24) for kind in kinds]
    width = max(len("class of anomaly"), *map(len, names))
    rows = [f"    {'class of anomaly':<{width}} {'items':>9} {'flagged':>9} {'recall':>8}"]
    rows += [
        f"    {name:<{width}} {v['items']:>9,} {v['flagged']:>9,} {v['recall']:>8.4f}"
        for name, v in zip(names, kinds.values(), strict=True)
    ]
    return rows


def notes_of(summary: dict[str, Any]) -> list[str]:
    """Return what a reader should know of the input and of the threshold."""
    notes = list(summary["source"]["notes"])
    if summary["threshold"]["note"]:
        notes.append(summary["threshold"]["note"])
    return notes


def duration(seconds: float) -> str:
    """Return seconds of computing as text."""
    return f"{seconds:g} s" if seconds else "less than 0.1 s"


def shown_score(score: float) -> str:
    """Return a score with two decimals, or two digits where these would say nothing.

    Examples
    --------
    >>> [shown_score(score) for score in (12.345, 0.0, 0.00456, 7e9)]
    ['12.35', '0.00', '0.0046', '7e+09']
    """
    if score == 0 or 0.005 <= abs(score) < 1e7:
        return f"{score:.2f}"
    return f"{score:.2g}"

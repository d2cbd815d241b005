"""Titles and counts of the page."""

from __future__ import annotations

from typing import Any

from amiss.present.escape import visible
from amiss.present.layout import counted, plural, scored, short_names, time_span
from amiss.present.reasons import percent

_NAME = 60
"""Characters of the name of a file."""


def counts(summary: dict[str, Any], new_templates: int | None) -> list[tuple[str, str, str]]:
    """Return numbers with their names and a remark: what was read, judged, flagged.

    Parameters
    ----------
    summary : dict
    new_templates : int, optional
        Templates that the model did not know; None where there is no table of them.
    """
    source, unit = summary["source"], scored(summary["source"]["unit"])
    flagged, total = summary["flagged"], summary["scored"]
    found: list[tuple[str, str, str]] = []
    ungrouped = summary.get("ungrouped")
    if ungrouped is not None:
        flagged -= ungrouped["flagged"]
    share = f"{percent(flagged / max(1, total))} of {total:,}"
    found.append((f"{flagged:,}", f"{plural(unit)} flagged", share))
    if ungrouped is not None:
        of = f"of {ungrouped['scored']:,}, of lines in no {unit}"
        found.append((f"{ungrouped['flagged']:,}", f"{plural(ungrouped['unit'])} flagged", of))
    if traces := summary["traces"]:
        odd = sum(trace["is_anomaly"] for trace in traces)
        found.insert(0, (f"{odd:,}", "traces anomalous", f"of {len(traces):,}"))
    shown = len(summary["findings"])
    incidents = len(summary["incidents"])
    found.append((f"{incidents:,}", "incident" if incidents == 1 else "incidents", _of(shown)))
    if (muted := summary.get("muted")) and (muted["findings"] or muted["incidents"]):
        remark = counted(muted["incidents"], "incident") if muted["incidents"] else ""
        found.append((f"{muted['findings']:,}", "muted, not shown", remark))
    if source.get("lines") is not None:
        found.append((f"{source['lines']:,}", "lines read", _files(source["files"])))
    elif source.get("rows") is not None:
        found.append((f"{source['rows']:,}", "rows read", _files(source["files"])))
    if source.get("templates"):
        new = "" if new_templates is None else f"{new_templates:,} new to the model"
        found.append((f"{source['templates']:,}", "templates", new))
    return found


def span_of(summary: dict[str, Any]) -> str:
    """Return from when to when the input goes, if it has times."""
    source = summary["source"]
    return time_span(source.get("start"), source.get("end"))


def title_of(summary: dict[str, Any]) -> str:
    """Return the files in a few words: the first one, and how many more."""
    names = short_names(summary["source"]["files"])
    first = visible(next(iter(names.values()), "input"), _NAME)
    more = len(names) - 1
    return f"{first} and {more:,} more" if more > 0 else first


def _of(findings: int) -> str:
    return f"of {counted(findings, 'finding')}"


def _files(files: list[str]) -> str:
    return f"in {counted(len(files), 'file')}" if files else ""

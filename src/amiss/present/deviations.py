"""Counts, numbers and times that are not usual, in words."""

from __future__ import annotations

from typing import Any

from amiss.present.escape import visible
from amiss.present.layout import place
from amiss.present.reasons import figure, ordinal, quoted, usual

_LINE = 2
"""Rows of the terminal that a raw line may fill."""


def describe_deviations(finding: dict[str, Any], width: int) -> list[str]:
    """Return what is unusual of the counts, numbers and times of a finding, a paragraph each."""
    rows: list[str] = []
    for d in finding["deviations"]:
        where = f"{place(d, {})}  " if d["file"] else ""
        rows.append(f"    {where}{deviation_words(d, finding['unit'])} (p = {d['p_value']:.2g})")
        shown = visible(d["text"], _LINE * (width - 6)) if d["text"] else ""
        if not shown and d["template"]:
            shown = quoted(d["template"], width - 6)
        rows += ["      " + shown[at : at + width - 6] for at in range(0, len(shown), width - 6)]
    return ["", "  counts, numbers and times that are not usual", *rows] if rows else []


def deviation_words(d: dict[str, Any], unit: str) -> str:
    """Return how much is unusual, and what is usual."""
    known = f", {usual(d)}" if d["usual"] else f", in no normal {unit}"
    if d["kind"] == "number":
        return f"its {ordinal(d['parameter'])} number is {figure(d['value'])}{known}"
    if d["kind"] == "step":
        following = f" {quoted(d['next_template'], 40)}" if d["next_template"] else ""
        return f"{figure(d['value'])} s until the next event{following}{known}"
    if d["template"] is None:
        return f"{figure(d['value'])} lines in all{known}"
    return f"{figure(d['value'])} ×{known}"

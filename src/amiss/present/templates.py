"""Templates as plain values, text and CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

from amiss.present.escape import csv_cell, visible

SCHEMA = "amiss.templates/1"
_INDENT = " " * 10
_COLUMNS = ("id", "text", "count", "name", "merged", "seen", "example")


def templates_to_dict(entries: list[dict[str, Any]], done: list[str]) -> dict[str, Any]:
    """Return templates as JSON values, schema ``amiss.templates/1``.

    Parameters
    ----------
    entries : list of dict
        Keys as `amiss.run.templates.TemplateEntry` has fields.
    done : list of str
        Corrections that were made.
    """
    return {"schema": SCHEMA, "corrections": done, "templates": entries}


def describe_templates(entries: list[dict[str, Any]], width: int, with_log: bool) -> str:
    """Return templates as text, the commonest first.

    Examples
    --------
    >>> entry = {"id": 3, "text": "open <*>", "count": 7, "name": "opened", "merged": [5]}
    >>> print(describe_templates([{**entry, "seen": None, "example": None}], 60, False))
       id      count  template
        3          7  open <*>
              name opened · merged 5
    """
    which = "seen" if with_log else "count"
    lines = [f"{'id':>5}{which:>11}  template"]
    for entry in sorted(entries, key=lambda e: (-(e[which] or 0), e["id"])):
        count = "–" if entry[which] is None else f"{entry[which]:,}"
        lines.append(f"{entry['id']:>5}{count:>11}  {visible(entry['text'], max(width - 18, 20))}")
        said = []
        if entry["name"]:
            said.append(f"name {visible(entry['name'])}")
        if entry["merged"]:
            said.append("merged " + ", ".join(map(str, entry["merged"])))
        if with_log and entry["count"] is None:
            said.append("not in the model")
        if said:
            lines.append(f"{_INDENT}{' · '.join(said)}")
        if entry["example"] is not None:
            lines.append(f"{_INDENT}{visible(entry['example'], max(width - 10, 20))}")
    return "\n".join(lines)


def templates_to_csv(entries: list[dict[str, Any]]) -> str:
    """Return templates as CSV; cells are made safe for spreadsheets."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for entry in entries:
        values = {**entry, "merged": " ".join(map(str, entry["merged"]))}
        writer.writerow([csv_cell(values[column]) for column in _COLUMNS])
    return text.getvalue()

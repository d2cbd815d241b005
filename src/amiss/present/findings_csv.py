"""Findings of a log as CSV, one row each, for spreadsheets and other programs."""

from __future__ import annotations

import csv
import io
from typing import Any

from amiss.present.escape import csv_cell
from amiss.present.leading import leading_reason

COLUMNS = (
    "unit", "id", "incident", "confirmed", "score", "p_value", "start", "end", "file", "first_line",
    "last_line", "kind", "reason", "template", "line_file", "line_number", "line",
)  # fmt: skip
_MOST = 30_000
"""Characters of a cell: a spreadsheet takes 32,767."""


def findings_to_csv(content: dict[str, Any]) -> str:
    """Return findings as CSV that is harmless to open, the most anomalous first.

    Control and invisible characters are written out, and ``'`` stands before what a spreadsheet
    would take for a formula. Without findings there is the header alone.

    Parameters
    ----------
    content : dict
        The schema ``amiss.findings/1``.

    Returns
    -------
    str
        ``file``, ``first_line`` and ``last_line`` are between which lines a finding shows, in the
        first of its files; ``kind``, ``reason`` and ``template`` its leading reason; ``line_file``,
        ``line_number`` and ``line`` the raw line that shows that, empty where none does. Times are
        ISO 8601 in UTC.

    Examples
    --------
    >>> findings_to_csv({"findings": []}).split(",")[:4]
    ['unit', 'id', 'incident', 'confirmed']
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for finding in content["findings"]:
        writer.writerow([_cell(value) for value in _row(finding)])
    return text.getvalue()


def _row(finding: dict[str, Any]) -> tuple[Any, ...]:
    lead, places = leading_reason(finding), finding["locations"]
    first = places[0] if places else {"file": None, "first_line": None}
    last = max((p["last_line"] for p in places if p["file"] == first["file"]), default=None)
    shown = (lead.file, lead.line, lead.text) if lead.text else (None, None, None)
    return (
        finding["unit"], finding["id"], finding["incident"], str(finding["confirmed"]).lower(),
        finding["score"], finding["p_value"], finding["start"], finding["end"], first["file"],
        first["first_line"], last,
        lead.kind, lead.words, lead.template, *shown,
    )  # fmt: skip


def _cell(value: Any) -> Any:
    return csv_cell(value[:_MOST]) if isinstance(value, str) else value

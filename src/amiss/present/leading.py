"""The leading reason of a finding, with the line that shows it: what has room for one only."""

from __future__ import annotations

from typing import Any, NamedTuple

from amiss.present.escape import visible
from amiss.present.layout import shown_score
from amiss.present.reasons import why
from amiss.present.rows import row_reason

_ROOM = 1000
"""Columns of a reason in words: its templates may be long."""
_LONGEST = 2000
"""Characters of a raw line; what says more has the line's number."""


class Leading(NamedTuple):
    """What is the matter with a finding first of all."""

    kind: str
    """As of `amiss.types.Symptom`."""
    template: str | None
    """The template, or the column; None where it is of none."""
    words: str
    """The reason in one line; what is invisible is written out."""
    file: str | None
    """Where it shows, or else where the finding begins; None: nowhere."""
    line: int | None
    """Its number in the file; of a table the number of the row, of an image None."""
    text: str
    """The raw line, invisible characters written out; empty where no line shows it."""


def leading_reason(finding: dict[str, Any]) -> Leading:
    """Return the leading reason of a finding.

    Parameters
    ----------
    finding : dict
        One of ``findings`` of the schema ``amiss.findings/1``.

    Examples
    --------
    >>> finding = {
    ...     "unit": "session", "score": 9.0, "got": [], "expected": [], "deviations": [],
    ...     "missing": [{"template": "closed", "events": 1}], "surplus": [], "features": [],
    ...     "locations": [{"file": "a.log", "first_line": 3, "last_line": 7}],
    ... }
    >>> leading_reason(finding)[:5]
    ('missing', 'closed', 'missing 1 × "closed"', 'a.log', 3)
    """
    places = finding["locations"]
    begins = places[0] if places else {"file": None, "first_line": None}
    if features := finding["features"]:
        words = row_reason(finding, _ROOM)
        return Leading("feature", features[0]["name"], words, *_place(begins), "")
    if finding["unit"] in ("row", "interval", "image", "entity"):
        words = f"a score of {shown_score(finding['score'])}"
        return Leading("combination", None, words, *_place(begins), "")
    reason = why(finding)[0][0]
    words = " ".join(part.strip() for part in reason.rows(_ROOM))
    shown = reason.shows or begins
    text = visible(str(shown.get("text") or ""), _LONGEST)
    return Leading(reason.symptom, reason.template, words, *_place(shown), text)


def _place(shown: dict[str, Any]) -> tuple[str | None, int | None]:
    return shown["file"] or None, shown["first_line"] or None

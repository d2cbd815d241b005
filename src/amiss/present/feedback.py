"""Mutes and confirmations as plain values and as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amiss.present.escape import visible
from amiss.present.layout import counted, labelled
from amiss.present.summary import timestamp
from amiss.types import Feedback

SCHEMA = "amiss.feedback/1"
_DONE = {"mute": "muted", "confirm": "confirmed"}
_TEXT = 300
"""Characters of a template, and of what it is about, that are shown."""


def feedback_to_dicts(feedback: Sequence[Feedback], now: int) -> list[dict[str, Any]]:
    """Return mutes and confirmations as JSON values, numbered from 1.

    Parameters
    ----------
    feedback : sequence of Feedback
        All of a model, in order.
    now : int
        Milliseconds since 1970, UTC: ``holds`` says whether each does then.

    Examples
    --------
    >>> entry = Feedback("disk failed", "template", "mute", "me", when=0, until=2000)
    >>> [(e["number"], e["until"], e["holds"]) for e in feedback_to_dicts([entry], now=1000)]
    [(1, '1970-01-01T00:00:02', True)]
    """
    return [
        {
            "number": number,
            "verdict": entry.verdict,
            "kind": entry.kind,
            "what": entry.what,
            "about": entry.about,
            "who": entry.who,
            "when": timestamp(entry.when),
            "why": entry.why,
            "until": timestamp(entry.until),
            "ids": list(entry.ids),
            "known": None if entry.known is None else list(entry.known),
            "undone": timestamp(entry.undone),
            "undone_by": entry.undone_by,
            "holds": entry.holds(now),
        }
        for number, entry in enumerate(feedback, 1)
    ]


def describe_entry(entry: dict[str, Any], unit: str = "session") -> str:
    """Return one mute or confirmation in words.

    Parameters
    ----------
    entry : dict
        As `feedback_to_dicts` has it.
    unit : str
        What findings of the model are.

    Examples
    --------
    >>> entry = Feedback("blk_7", "finding", "confirm", "me", when=0, why="disk")
    >>> describe_entry(feedback_to_dicts([entry], now=0)[0])
    'confirmed session blk_7 · by me, 1970-01-01 · disk'
    """
    what = visible(entry["what"], _TEXT)
    kind = unit if entry["kind"] == "finding" else entry["kind"]
    kind = "incidents" if (entry["verdict"], kind) == ("mute", "incident") else kind
    name = f'"{what}"' if kind == "template" else what
    if entry["about"]:
        name += f" ({visible(entry['about'], _TEXT)})"
    parts = [f"{_DONE[entry['verdict']]} {visible(kind)} {name}"]
    if entry["ids"]:
        parts[0] += f", {counted(len(entry['ids']), visible(unit))}"
    parts.append(f"by {visible(entry['who'], 60)}, {_minute(entry['when'])}")
    if entry["why"]:
        parts.append(visible(entry["why"], _TEXT))
    if entry["until"]:
        over = not entry["holds"] and not entry["undone"]
        parts.append(f"until {_minute(entry['until'])}" + (", over" if over else ""))
    if entry["undone"]:
        parts.append(f"undone by {visible(entry['undone_by'], 60)}, {_minute(entry['undone'])}")
    return " · ".join(parts)


def describe_feedback(entries: Sequence[dict[str, Any]], unit: str, width: int) -> list[str]:
    """Return mutes and confirmations as rows, one or more each."""
    return [
        labelled(f"  {entry['number']:>4}", describe_entry(entry, unit), width) for entry in entries
    ]


def _minute(moment: str) -> str:
    """Return a moment to the minute, a day without one."""
    return moment[:10] if moment[11:] == "00:00:00" else moment[:16].replace("T", " ")

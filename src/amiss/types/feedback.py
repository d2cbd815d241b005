"""What users say of findings: this is of no interest, that was an anomaly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from amiss.types.events import NO_TIME

TEMPLATE, INCIDENT, FINDING = "template", "incident", "finding"
"""What a mute or a confirmation is of."""
MUTE, CONFIRM = "mute", "confirm"


@dataclass(frozen=True, slots=True)
class Feedback:
    """One mute or confirmation, with who, when and why; kept in the model file.

    Attributes
    ----------
    what : str
        The text of a template; the id of an incident, of a mute the part of it that all incidents
        of that kind share; or the id of a finding, such as that of a session.
    kind : {"template", "incident", "finding"}
    verdict : {"mute", "confirm"}
    who : str
    when : int
        Milliseconds since 1970, UTC, like all times here.
    why : str
    until : int
        From then on a mute hides nothing; ``NO_TIME``: it always does.
    about : str
        What it is of, in words, where that is known.
    ids : tuple of str
        The findings of an incident that was confirmed, as far as they were given: anomalies by
        their ids.
    known : tuple of str, or None
        Of a muted incident: its templates that training did not have, which are all that it hides;
        None where that was not looked up.
    undone : int
        When it was taken back; ``NO_TIME``: it was not.
    undone_by : str
    """

    what: str
    kind: str
    verdict: str
    who: str
    when: int
    why: str = ""
    until: int = NO_TIME
    about: str = ""
    ids: tuple[str, ...] = ()
    known: tuple[str, ...] | None = None
    undone: int = NO_TIME
    undone_by: str = ""

    def holds(self, now: int) -> bool:
        """Return whether it is neither taken back nor over at `now`."""
        return self.undone == NO_TIME and (self.until == NO_TIME or now < self.until)


class Muted(NamedTuple):
    """What was flagged, and is not shown since a user muted it."""

    ids: tuple[str, ...] = ()
    """Of the findings."""
    incidents: tuple[str, ...] = ()
    """Ids of those of which no finding is left."""
    mutes: int = 0
    """How many mutes hid them."""


NOTHING_MUTED = Muted()

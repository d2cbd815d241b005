"""What users muted is taken out of the findings, what they confirmed is marked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from amiss.explain.incidents import narrowed
from amiss.explain.symptoms import symptoms_of
from amiss.types import Finding, Incident
from amiss.types.feedback import (
    CONFIRM,
    INCIDENT,
    MUTE,
    NOTHING_MUTED,
    TEMPLATE,
    Feedback,
    Muted,
)

_CONSEQUENCES = frozenset({"missing", "surplus"})
"""Kinds of symptom that say what did not come, or too often; they follow from the others."""


class Shown(NamedTuple):
    """What is left of findings and incidents."""

    kept: list[int]
    """Positions of the findings that are left."""
    incidents: tuple[Incident, ...]
    """Their findings count among those that are left."""
    muted: Muted = NOTHING_MUTED
    confirmed: frozenset[str] = frozenset()
    """Ids of findings and incidents that a user confirmed."""


def leave_out_muted(
    findings: Sequence[Finding],
    incidents: Sequence[Incident],
    feedback: Sequence[Feedback],
    now: int,
    templates: Mapping[str, str] | None = None,
) -> Shown:
    """Return what is left when what is muted is not shown.

    A template that is muted hides findings that nothing else speaks for: all events and values
    that were not expected are of muted templates; or, where there are none, all that is missing or
    surplus is. An incident that is muted hides all later incidents of its kind.

    Parameters
    ----------
    findings : sequence of Finding
    incidents : sequence of Incident
        Of all findings, so that their ids do not depend on what is muted.
    feedback : sequence of Feedback
    now : int
        Milliseconds since 1970, UTC; what was muted until then is shown.
    templates : mapping of str to str, optional
        What templates that were muted are called now, if not as they were then.

    Examples
    --------
    >>> from amiss.types import Location, Surprise
    >>> place = Location("a.log", 7, 7)
    >>> odd = Surprise("disk <*> failed", place, unseen=True)
    >>> finding = Finding("session", "s1", 9.0, 0.001, 0, 0, (place,), surprises=(odd,))
    >>> mute = Feedback("disk <*> failed", "template", "mute", "me", when=0, until=1000)
    >>> leave_out_muted([finding], [], [mute], now=999).muted.ids
    ('s1',)
    >>> leave_out_muted([finding], [], [mute], now=1000).kept
    [0]
    """
    held = [entry for entry in feedback if entry.holds(now)]
    confirmed = frozenset(entry.what for entry in held if entry.verdict == CONFIRM)
    mutes = [entry for entry in held if entry.verdict == MUTE]
    known = templates or {}
    texts = {known.get(m.what, m.what) for m in mutes if m.kind == TEMPLATE}
    kinds = {m.what for m in mutes if m.kind == INCIDENT}
    if not mutes:
        return Shown(list(range(len(findings))), tuple(incidents), confirmed=confirmed)
    used: set[str] = set()
    hidden: set[int] = set()
    for at, finding in enumerate(findings):
        if by := _templates_that_hide(finding, texts):
            hidden.add(at)
            used |= by
    for incident in incidents:
        if incident.kind in kinds:
            hidden.update(incident.findings)
            used.add(incident.kind)
    kept = [at for at in range(len(findings)) if at not in hidden]
    place = {at: i for i, at in enumerate(kept)}
    left, gone = [], []
    for incident in incidents:
        members = [at for at in incident.findings if at in place]
        if not members:
            gone.append(incident.id)
        else:
            rest = narrowed(incident, findings, members)
            left.append(replace(rest, findings=tuple(place[at] for at in rest.findings)))
    muted = Muted(tuple(findings[at].id for at in sorted(hidden)), tuple(gone), len(used))
    return Shown(kept, tuple(left), muted, confirmed)


def _templates_that_hide(finding: Finding, muted: Collection[str]) -> set[str]:
    """Return the muted templates that are all there is to a finding; none if there is more."""
    symptoms = symptoms_of(finding)
    telling = [s for s in symptoms if s.kind not in _CONSEQUENCES] or list(symptoms)
    found: set[str] = set()
    for symptom in telling:
        template = symptom.template
        if template is None or symptom.kind == "feature" or template not in muted:
            return set()
        found.add(template)
    return found

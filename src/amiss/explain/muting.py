"""What users muted is taken out of the findings, what they confirmed is marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from amiss.explain.incidents import kind_id, narrowed
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

_NEWS = "unseen"
"""The kind of symptom that is fatal news, or may be: nothing hides it that was not meant."""
_MOST, _NEARLY_ALL = 0.5, 0.9
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
    surplus is. An incident that is muted hides what is like it in all later incidents of its kind:
    findings with what most of an incident shows, and with no event new to training but those that
    it had when it was muted, or where that is not known, that nearly all of the incident has.

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
    confirmed = _confirmed(findings, incidents, held)
    mutes = [entry for entry in held if entry.verdict == MUTE]
    known = templates or {}
    texts = {known.get(m.what, m.what) for m in mutes if m.kind == TEMPLATE}
    kinds = {m.what: m for m in mutes if m.kind == INCIDENT}
    if not mutes:
        return Shown(list(range(len(findings))), tuple(incidents), confirmed=confirmed)
    used: set[str] = set()
    hidden: set[int] = set()
    for at, finding in enumerate(findings):
        if by := _templates_that_hide(finding, texts):
            hidden.add(at)
            used |= by
    for incident in incidents:
        if incident.kind in kinds and (like := _like(incident, findings, kinds[incident.kind])):
            hidden |= like
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


def _like(incident: Incident, findings: Sequence[Finding], mute: Feedback) -> set[int]:
    """Return the findings of an incident that are what was muted, not what stands beside it."""
    shown = {at: set(symptoms_of(findings[at])) for at in incident.findings}
    counts = Counter(symptom for symptoms in shown.values() for symptom in symptoms)
    least = min(max(counts.values()), _MOST * len(shown))
    typical = {s for s, n in counts.items() if n >= least or kind_id(s) == incident.kind}
    if mute.known is None:
        known = {s for s, n in counts.items() if n >= _NEARLY_ALL * len(shown)}
    else:
        known = {s for s in counts if s.template in mute.known}
    known |= {s for s in counts if s.kind != _NEWS or kind_id(s) == incident.kind}
    return {at for at, symptoms in shown.items() if symptoms & typical and symptoms <= known}


def _confirmed(
    findings: Sequence[Finding], incidents: Sequence[Incident], held: Sequence[Feedback]
) -> frozenset[str]:
    """Return what was confirmed, incidents by their findings where these are known."""
    confirmed = {e.what for e in held if e.verdict == CONFIRM and not e.ids}
    ids = {name for e in held if e.verdict == CONFIRM for name in e.ids}
    confirmed |= {i.id for i in incidents if any(findings[at].id in ids for at in i.findings)}
    return frozenset(confirmed)


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

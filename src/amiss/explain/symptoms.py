"""What is the matter with a finding, without its numbers: what findings of one cause share."""

from __future__ import annotations

from amiss.types import Deviation, Feature, Finding, Location, Surprise, Symptom

_COMBINATION = Symptom("combination")
_TELLING = 0.3
"""A feature with less than this share of the highest score says little beside that."""


def symptoms_of(finding: Finding) -> dict[Symptom, Location | None]:
    """Return the symptoms of a finding, the strongest first, each with the line that shows it.

    None stands where no line does: of an event that is missing, or of a row.

    Examples
    --------
    >>> from amiss.types import Difference, Location, Surprise
    >>> place = Location("a.log", 7, 7)
    >>> finding = Finding(
    ...     "session", "s1", 9.0, 0.001, 0, 0, (place,),
    ...     surprises=(Surprise("disk failed", place, unseen=True),),
    ...     missing=(Difference("closed", 1),),
    ... )
    >>> [(symptom.kind, symptom.template) for symptom in symptoms_of(finding)]
    [('unseen', 'disk failed'), ('missing', 'closed')]
    """
    found: list[tuple[float, Symptom, Location | None]] = [
        *((s.probability or 0.0, _of_surprise(s), s.location) for s in finding.surprises),
        *((odd.p_value, _of_deviation(odd), odd.location) for odd in finding.deviations),
    ]
    found.sort(key=lambda item: item[0])
    symptoms: dict[Symptom, Location | None] = {}
    for _, symptom, location in found:
        symptoms.setdefault(symptom, location)
    for missed in finding.mispredicted:
        symptoms.setdefault(Symptom("mispredicted", missed.template, missed.expected), None)
    for kind, differences in (("missing", finding.missing), ("surplus", finding.surplus)):
        for difference in differences:
            symptoms.setdefault(Symptom(kind, difference.template), None)
    most = max((feature.score for feature in finding.features), default=0.0)
    for feature in finding.features:
        if feature.score >= _TELLING * most:
            symptoms.setdefault(_of_feature(feature), None)
    return symptoms or {_COMBINATION: None}


def _of_surprise(surprise: Surprise) -> Symptom:
    if surprise.template is None:
        return Symptom("ends")
    return Symptom("unseen" if surprise.unseen else "unexpected", surprise.template)


def _of_deviation(odd: Deviation) -> Symptom:
    if odd.usual is None and odd.kind == "count":
        return Symptom("unseen", odd.template)
    if odd.kind == "step":
        return Symptom("step", odd.template, odd.next_template or "")
    side = "" if odd.usual is None else "high" if odd.value > odd.usual[1] else "low"
    place = f"{odd.parameter} " if odd.parameter is not None else ""
    return Symptom(odd.kind, odd.template, f"{place}{side}".strip())


def _of_feature(feature: Feature) -> Symptom:
    if feature.region is not None:
        return Symptom("feature", feature.name, "region")
    middle = feature.expected
    if middle is None and feature.usual is not None:
        middle = sum(feature.usual) / 2
    side = "" if middle is None else "high" if feature.value > middle else "low"
    return Symptom("feature", feature.name, side)

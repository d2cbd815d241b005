"""Incidents: findings that belong together, told as one.

Findings of the same symptoms are of one cause (`signatures`); of one cause, those with a long
silence between them are several incidents (`episodes`). Short ones of different symptoms that come
at the same time, and mostly name the same host, are one. Windows of time that are neighbours are
one whatever their symptoms: what stands in a window has its time in common.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from amiss.explain.episodes import join_neighbours, overlapping, split_episodes
from amiss.explain.names import names_in
from amiss.explain.signatures import NEWS, Signature, group_signatures, weight
from amiss.explain.story import Story, place_of
from amiss.explain.symptoms import symptoms_of
from amiss.types import NO_TIME, Finding, Incident, Location, Shared, StoryLine, Symptom

Names = Callable[[str], Iterable[tuple[str, str]]]

_STRETCHES = frozenset({"window", "segment", "entity"})
"""Units that are stretches of time, or of lines: those that flag one after the other are one."""
_TABULAR = frozenset({"row", "interval", "image"})
"""Units that no lines of a log tell of."""
_TYPICAL = 0.25
"""Of the windows of a run, how many show what counts for it."""
_SHORT = 0.1
"""Of the time that all findings span: what is shorter may be joined by what it shares."""
_MOSTLY = 0.5
_ELSEWHERE = 0.25
"""A host that so many of the other findings name tells nothing."""
_LEAST = 3
"""Findings that an incident needs before what they share says anything."""
_COMPARED = 300
_NAMED = 3
"""Lines of a finding, those of its strongest symptoms, that say which hosts it is of."""
_MOST_SHARED = 10


@dataclass(frozen=True, slots=True)
class _Fact:
    """A finding, and what is known of it."""

    finding: Finding
    symptoms: dict[Symptom, Location | None]
    lines: tuple[StoryLine, ...]
    time: int
    """When its strongest symptom showed first."""
    end: int
    names: frozenset[tuple[str, str]]

    @property
    def place(self) -> tuple[int, str, int, str]:
        """What findings are ordered by, whatever the order they came in."""
        finding = self.finding
        first = finding.locations[0] if finding.locations else Location("", 0, 0)
        return self.time, first.file, first.first_line, finding.id


def group_incidents(
    findings: Sequence[Finding],
    times: Mapping[Location, int] | None = None,
    names: Names = names_in,
) -> tuple[Incident, ...]:
    """Return findings grouped into incidents, the worst first.

    Neither the order of findings nor that of files matters to what is one incident.

    Parameters
    ----------
    findings : sequence of Finding
        The most anomalous first. Each is in exactly one incident.
    times : mapping of Location to int, optional
        When the lines that findings show were logged, in milliseconds. Where a line is not among
        them, its finding's start stands for it.
    names : callable, optional
        Yields kind and value of what a raw line names: hosts and addresses.

    Examples
    --------
    >>> from amiss.types import Surprise
    >>> def failed(name, line):
    ...     place = Location("a.log", line, line)
    ...     odd = Surprise("disk <*> failed", place, "disk 7 failed", unseen=True)
    ...     return Finding("session", name, 9.0, 0.001, line, line, (place,), surprises=(odd,))
    >>> incidents = group_incidents([failed(f"s{i}", i) for i in range(1000)])
    >>> [(incident.worst.template, len(incident.findings)) for incident in incidents]
    [('disk <*> failed', 1000)]
    """
    facts = [_fact(finding, times or {}, names) for finding in findings]
    groups = _of_one_unit(facts, _joined(facts, _episodes(facts, _causes(facts))))
    incidents = [_incident(facts, members) for members in groups]
    numbered = _numbered(incidents, facts)
    return tuple(sorted(numbered, key=lambda incident: (-incident.score, incident.findings[0])))


def narrowed(
    incident: Incident,
    findings: Sequence[Finding],
    members: Sequence[int],
    names: Names = names_in,
) -> Incident:
    """Return an incident of some of its findings only; it keeps its id.

    What began it stays, too, if any of those that are left shows it.

    Parameters
    ----------
    incident : Incident
    findings : sequence of Finding
        Those that the incident is of.
    members : sequence of int
        Positions among them of those that are left, at least one.
    names : callable, optional
        As `group_incidents` has it.
    """
    if len(members) == len(incident.findings):
        return incident
    times = {line.location: line.time for line in incident.lines}
    facts = {at: _fact(findings[at], times, names) for at in members}
    left = _incident(facts, list(members))
    begun = incident.rarest if incident.rarest in dict(left.symptoms) else left.rarest
    return replace(left, id=incident.id, kind=incident.kind, rarest=begun)


def kind_id(symptom: Symptom) -> str:
    """Return the id that incidents of a leading symptom share: 8 hexadecimal digits.

    Examples
    --------
    >>> kind_id(Symptom("unseen", "disk failed"))
    '3fdf315b'
    """
    text = "\x1f".join([symptom.kind, symptom.template or "", symptom.detail])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _fact(finding: Finding, times: Mapping[Location, int], names: Names) -> _Fact:
    symptoms = symptoms_of(finding)
    texts = {s.location: s.text for s in finding.surprises}
    texts |= {d.location: d.text for d in finding.deviations if d.location is not None}
    lines = []
    if finding.unit not in _TABULAR:
        shown = {s: place for s, place in symptoms.items() if place is not None}
        if not shown and finding.locations:  # the line where it is; nothing else shows anything
            first = finding.locations[0]
            place = Location(first.file, first.first_line, first.first_line)
            shown = {next(iter(symptoms)): place}
        lines = [
            StoryLine(place, times.get(place, finding.start), texts.get(place, ""), finding.id, s)
            for s, place in shown.items()
        ]
    time, end = finding.start, finding.end
    if finding.unit not in _STRETCHES and lines:
        heaviest = max(weight(line.symptom) for line in lines)
        time = min(line.time for line in lines if weight(line.symptom) == heaviest)
        if any(line.location in times for line in lines):
            end = max(line.time for line in lines)
    texts_told = dict.fromkeys(line.text for line in lines[:_NAMED])
    named = {name for text in texts_told if text for name in names(text)}
    if finding.unit == "entity" and " " in finding.id:
        named.add(("source", finding.id.split(" ", 1)[1]))
    return _Fact(finding, symptoms, tuple(lines), time, end, frozenset(named))


def _causes(facts: Sequence[_Fact]) -> list[list[int]]:
    """Return findings by what is the matter with them."""
    runs = _runs(facts)
    signatures = [_typical([facts[at] for at in run]) for run in runs]
    groups: dict[int, list[int]] = {}
    for group, run in zip(group_signatures(signatures).tolist(), runs, strict=True):
        groups.setdefault(group, []).extend(run)
    return list(groups.values())


def _runs(facts: Sequence[_Fact]) -> list[list[int]]:
    """Return the stretches that are neighbours together, all other findings alone."""
    streams: dict[tuple[str, ...], list[int]] = {}
    runs: list[list[int]] = []
    for at, fact in enumerate(facts):
        if fact.finding.unit in _STRETCHES and fact.finding.locations:
            streams.setdefault(_stream(fact), []).append(at)
        else:
            runs.append([at])
    for stream, members in streams.items():
        found = [facts[at].finding for at in members]
        if stream[0] == "time":
            first, last = [f.start for f in found], [f.end for f in found]
        else:
            first = [f.locations[0].first_line for f in found]
            last = [f.locations[0].last_line for f in found]
        number = join_neighbours(np.array(first, dtype=np.int64), np.array(last, dtype=np.int64))
        parts: dict[int, list[int]] = {}
        for run, at in zip(number.tolist(), members, strict=True):
            parts.setdefault(run, []).append(at)
        runs += parts.values()
    return runs


def _stream(fact: _Fact) -> tuple[str, ...]:
    """Return what neighbours are neighbours in: of an entity what it did, of others the log."""
    finding = fact.finding
    timed = finding.start != NO_TIME and finding.end != NO_TIME
    if finding.unit == "entity":
        return ("time" if timed else "lines", finding.id.split(" ", 1)[-1])
    if timed and finding.unit == "window":
        return ("time", "")
    return ("lines", finding.locations[0].file)


def _typical(run: list[_Fact]) -> Signature:
    if len(run) == 1:
        return frozenset(run[0].symptoms)
    counts = Counter(symptom for fact in run for symptom in fact.symptoms)
    most = max(counts.values())
    return frozenset(s for s, n in counts.items() if n >= min(most, _TYPICAL * len(run)))


def _episodes(facts: Sequence[_Fact], causes: list[list[int]]) -> list[list[int]]:
    """Split findings of one cause where it was silent for long."""
    found: list[list[int]] = []
    for members in causes:
        timed = [at for at in members if facts[at].time != NO_TIME]
        rest = [at for at in members if facts[at].time == NO_TIME]
        times = np.array([facts[at].time for at in timed], dtype=np.int64)
        parts = [[timed[i] for i in part] for part in split_episodes(times)] if timed else [[]]
        found += [rest + parts[0], *parts[1:]]
    return found


def _joined(facts: Sequence[_Fact], groups: list[list[int]]) -> list[list[int]]:
    """Join short incidents at the same time that mostly name the same host, unlike others."""
    candidates = [
        i
        for i, members in enumerate(groups)
        if len(members) >= _LEAST and all(facts[at].time != NO_TIME for at in members)
    ]
    candidates = sorted(candidates, key=lambda i: -len(groups[i]))[:_COMPARED]
    if len(candidates) < 2:
        return groups
    named = [Counter(name for at in groups[i] for name in facts[at].names) for i in candidates]
    overall = Counter(name for fact in facts for name in fact.names)
    spans = [_span(facts, groups[i]) for i in candidates]
    longest = _SHORT * (max(b for _, b in spans) - min(a for a, _ in spans))
    root = list(range(len(groups)))
    for a, b in overlapping(spans, longest):
        sizes = len(groups[candidates[a]]), len(groups[candidates[b]])
        others = len(facts) - sum(sizes)
        for name, count in named[a].items():
            both = count >= _MOSTLY * sizes[0] and named[b][name] >= _MOSTLY * sizes[1]
            elsewhere = overall[name] - count - named[b][name]
            if both and others >= _LEAST and elsewhere <= _ELSEWHERE * others:
                first, second = _root(root, candidates[a]), _root(root, candidates[b])
                root[max(first, second)] = min(first, second)
                break
    joined: dict[int, list[int]] = {}
    for i, members in enumerate(groups):
        joined.setdefault(_root(root, i), []).extend(members)
    return list(joined.values())


def _of_one_unit(facts: Sequence[_Fact], groups: list[list[int]]) -> list[list[int]]:
    """Split groups of sessions and windows: how many findings an incident has is said of a unit."""
    if len({fact.finding.unit for fact in facts}) < 2:
        return groups
    parts: list[list[int]] = []
    for members in groups:
        units: dict[str, list[int]] = {}
        for at in members:
            units.setdefault(facts[at].finding.unit, []).append(at)
        parts += units.values()
    return parts


def _root(root: list[int], at: int) -> int:
    while root[at] != at:
        at = root[at]
    return at


def _span(facts: Sequence[_Fact], members: list[int]) -> tuple[int, int]:
    times = [facts[at].time for at in members]
    return min(times), max(times)


def _incident(facts: Sequence[_Fact] | Mapping[int, _Fact], members: list[int]) -> Incident:
    members = sorted(members)
    counts = Counter(symptom for at in members for symptom in facts[at].symptoms)
    ranked = sorted(counts, key=lambda s: (-counts[s] * weight(s), *_key(s)))
    story = Story()
    for at in members:
        story.add(facts[at].lines)
    lines, more = story.lines(ranked)
    leading = _leading(counts, len(members))
    worst = ranked[0]
    rarest = _earliest(counts, story, len(members)) or leading
    first = min(members, key=lambda at: (-facts[at].finding.score, facts[at].place))
    if _as_common(rarest, worst, counts) and weight(rarest) >= weight(worst):
        # Said once is enough; but what is fatal may be in few findings, beside much that is not.
        own = facts[first].symptoms
        worst = min(own, key=lambda s: (-weight(s), counts[s], *_key(s)))
        if weight(worst) < max(weight(rarest), NEWS) or _as_common(worst, rarest, counts):
            worst = rarest
    starts = [facts[at].time for at in members if facts[at].time != NO_TIME]
    ends = [facts[at].end for at in members if facts[at].end != NO_TIME]
    return Incident(
        id=kind_id(leading),
        kind=kind_id(leading),
        rarest=rarest,
        worst=worst,
        start=min(starts, default=NO_TIME),
        end=max([*starts, *ends], default=NO_TIME),
        score=facts[first].finding.score,
        p_value=facts[first].finding.p_value,
        findings=tuple(members),
        symptoms=tuple(sorted(counts.items(), key=lambda item: (-item[1], *_key(item[0])))),
        shared=_shared([facts[at] for at in members]),
        lines=lines,
        more_lines=more,
    )


def _as_common(one: Symptom, other: Symptom, counts: Counter[Symptom]) -> bool:
    """Return whether about as many findings, or more, show the one as the other."""
    return counts[one] >= 0.9 * counts[other]


def _key(symptom: Symptom) -> tuple[str, str, str]:
    return symptom.kind, symptom.template or "", symptom.detail


def _leading(counts: Counter[Symptom], findings: int) -> Symptom:
    """Return the strongest symptom that half of the findings show.

    Which of several it is does not hang on how many show it, or ids would change as a log goes on.
    """
    most = max(counts.values())
    common = [s for s, n in counts.items() if n >= min(most, findings / 2)]
    return min(common, key=lambda s: (-weight(s), *_key(s)))


def _earliest(counts: Counter[Symptom], story: Story, findings: int) -> Symptom | None:
    """Return the strong symptom that was seen first, those that hardly any finding shows aside."""
    lines = [line for s, n in counts.items() if n >= findings / 5 and (line := story.first(s))]
    if not lines:
        return None
    heaviest = max(weight(line.symptom) for line in lines)
    strong = [line for line in lines if weight(line.symptom) == heaviest]
    return min(strong, key=lambda line: (place_of(line), _key(line.symptom))).symptom


def _shared(facts: list[_Fact]) -> tuple[Shared, ...]:
    """Return the files, hosts and sources, the most frequent first."""
    counts: Counter[tuple[str, str]] = Counter()
    for fact in facts:
        counts.update({("file", place.file) for place in fact.finding.locations})
        counts.update(fact.names)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Shared(*name, count) for name, count in ranked[:_MOST_SHARED])


def _numbered(incidents: list[Incident], facts: Sequence[_Fact]) -> list[Incident]:
    """Give incidents of the same leading symptom different ids, in order of time."""
    first = {id(i): min(facts[at].place for at in i.findings) for i in incidents}
    seen: Counter[str] = Counter()
    numbered = []
    for incident in sorted(incidents, key=lambda incident: first[id(incident)]):
        seen[incident.kind] += 1
        again = f"-{seen[incident.kind]}" if seen[incident.kind] > 1 else ""
        numbered.append(replace(incident, id=incident.kind + again))
    return numbered

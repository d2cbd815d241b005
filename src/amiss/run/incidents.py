"""What incidents need of the log itself: when lines were logged, who logged them, their text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from amiss.errors import UsageError
from amiss.explain.incidents import Names, group_incidents
from amiss.explain.names import names_in
from amiss.explain.symptoms import symptoms_of
from amiss.read.format_type import HEADER
from amiss.read.formats import get_format
from amiss.represent.sessions import Sessions
from amiss.run.raw_lines import read_again
from amiss.types import Finding, Incident, Location, LogInfo, ragged_index

_HOSTS = {"host": "host", "hostname": "host", "node": "host", "client": "address"}
"""Fields of a header that say who logged a line, and what to call it."""


Part = tuple[Sessions, NDArray[np.bool_], NDArray[np.int64]]
"""Sessions, which findings are of them, and the rows that these are of."""


def find_incidents(findings: Sequence[Finding], parts: Sequence[Part]) -> tuple[Incident, ...]:
    """Group findings into incidents, the worst first: the order of findings says what is worse.

    Parameters
    ----------
    findings : sequence of Finding
        The most anomalous first.
    parts : sequence of (Sessions, ndarray of bool, ndarray of int64)
        Of one log: its sessions, and what else was judged of it.
    """
    times: dict[Location, int] = {}
    for sessions, own, rows in parts:
        times |= line_times([findings[at] for at in np.flatnonzero(own).tolist()], sessions, rows)
    found = group_incidents(findings, times, names_of(parts[0][0].log))
    return found if len(parts) == 1 else tuple(sorted(found, key=lambda i: i.findings[0]))


def line_times(
    findings: Sequence[Finding], sessions: Sessions, rows: NDArray[np.int64]
) -> dict[Location, int]:
    """Return when the lines that findings show were logged, in milliseconds.

    Parameters
    ----------
    findings : sequence of Finding
    sessions : Sessions
    rows : ndarray of int64, shape (n,)
        The sessions that the findings are of.
    """
    source = {name: index for index, name in enumerate(sessions.log.sources)}
    places = {place for f in findings for place in symptoms_of(f).values() if place is not None}
    ordered = sorted(place for place in places if place.file in source)
    if not ordered or not len(sessions.time):
        return {}
    wanted = np.array([(source[p.file] << 32) | p.first_line for p in ordered], dtype=np.int64)
    at, _ = ragged_index(sessions.offsets, rows)
    key = (sessions.source[at].astype(np.int64) << 32) | sessions.line[at]
    if not len(key):
        return {}
    order = np.argsort(key, kind="stable")
    found = np.minimum(np.searchsorted(key, wanted, sorter=order), len(key) - 1)
    there = key[order[found]] == wanted
    times = sessions.time[at[order[found]]]
    return {p: int(t) for p, t, is_there in zip(ordered, times, there, strict=True) if is_there}


def names_of(log: LogInfo) -> Names:
    """Return what finds the hosts and addresses in a line: in its header, and in what it says."""
    try:
        form = get_format(log.format)
    except UsageError:  # a table that was parsed before
        return names_in
    groups = set(re.compile(form.header).groupindex) if form.layout == HEADER else set()
    fields = [(kind, name) for name, kind in _HOSTS.items() if name in groups]
    if not fields:
        return names_in
    header = re.compile(form.header)

    def names(text: str) -> Iterator[tuple[str, str]]:
        if match := header.match(text):
            yield from ((kind, match[name]) for kind, name in fields if match[name])
        yield from names_in(text)

    return names


def tell_incidents(incidents: Sequence[Incident], log: LogInfo) -> tuple[Incident, ...]:
    """Read the lines that incidents show and no finding does, in one pass, and put them in."""
    source = {name: index for index, name in enumerate(log.sources)}
    wanted: dict[int, set[int]] = {}
    for incident in incidents:
        for line in incident.lines:
            if not line.text and line.location.file in source:
                wanted.setdefault(source[line.location.file], set()).add(line.location.first_line)
    if not wanted or not log.paths:
        return tuple(incidents)
    texts = read_again(log, wanted)
    told = []
    for incident in incidents:
        lines = tuple(
            line
            if line.text
            else line._replace(
                text=texts.get((source.get(line.location.file, -1), line.location.first_line), "")
            )
            for line in incident.lines
        )
        told.append(replace(incident, lines=lines))
    return tuple(told)

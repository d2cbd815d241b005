"""How often each template came in a log, and when."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amiss.represent.sessions import Sessions
from amiss.types import NO_TIME, Location, Sequences, TemplateUse

_AT_ONCE = 1 << 20
"""Events looked at together: a log of millions is not copied for its table of templates."""
_LATEST = np.iinfo(np.int64).max


def template_use(
    sessions: Sessions,
    sequences: Sequences,
    known: int,
    names: dict[int, str] | None = None,
) -> tuple[TemplateUse, ...]:
    """Return the templates that came, the most frequent first.

    Parameters
    ----------
    sessions : Sessions
    sequences : Sequences
        Their events as templates, one for one.
    known : int
        Ids below are of templates that the model has; others are new.
    names : dict of int to str, optional
        What users call templates.
    """
    n = len(sequences.names)
    counts = np.zeros(n, dtype=np.int64)
    first, last = np.full(n, _LATEST), np.full(n, NO_TIME)
    place = np.full(n, -1, dtype=np.int64)
    order = np.full(n, _LATEST)
    for begin in range(0, len(sequences.events), _AT_ONCE):
        events = sequences.events[begin : begin + _AT_ONCE]
        times = sessions.time[begin : begin + _AT_ONCE]
        counts += np.bincount(events, minlength=n)
        timed = times != NO_TIME
        np.minimum.at(first, events[timed], times[timed])
        np.maximum.at(last, events[timed], times[timed])
        _keep_first(order, place, events, _rank(sessions, begin, len(events)), begin)
    came = np.flatnonzero(counts)
    names = names or {}
    return tuple(
        TemplateUse(
            sequences.names[i],
            int(counts[i]),
            NO_TIME if first[i] == _LATEST else int(first[i]),
            int(last[i]),
            _location(sessions, int(place[i])),
            bool(i >= known),
            names.get(int(i)),
        )
        for i in came[np.argsort(-counts[came], kind="stable")]
    )


def joined_use(
    one: tuple[TemplateUse, ...], other: tuple[TemplateUse, ...]
) -> tuple[TemplateUse, ...]:
    """Return how often templates came in two parts of a log, the most frequent first."""
    both = {use.template: use for use in one}
    for use in other:
        known = both.get(use.template)
        both[use.template] = use if known is None else _both(known, use)
    return tuple(sorted(both.values(), key=lambda use: -use.events))


def _both(a: TemplateUse, b: TemplateUse) -> TemplateUse:
    starts = [use.start for use in (a, b) if use.start != NO_TIME]
    return a._replace(
        events=a.events + b.events,
        start=min(starts, default=NO_TIME),
        end=max(a.end, b.end),
        first=min(a, b, key=lambda use: (use.start, use.first.file, use.first.first_line)).first,
    )


def _rank(sessions: Sessions, begin: int, count: int) -> NDArray[np.int64]:
    """Return the place of events in the files: first by file, then by line."""
    part = slice(begin, begin + count)
    return (sessions.source[part].astype(np.int64) << 32) | sessions.line[part]


def _keep_first(
    order: NDArray[np.int64],
    place: NDArray[np.int64],
    events: NDArray[np.signedinteger],
    rank: NDArray[np.int64],
    begin: int,
) -> None:
    before = order.copy()
    np.minimum.at(order, events, rank)
    new = np.flatnonzero(rank == order[events])
    new = new[order[events[new]] < before[events[new]]]
    place[events[new]] = begin + new


def _location(sessions: Sessions, at: int) -> Location:
    line = int(sessions.line[at])
    return Location(sessions.log.sources[sessions.source[at]], line, line)

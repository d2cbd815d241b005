"""Sessions to the sequences a detector takes: templates, severities, cut sessions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from amiss.represent.completion import Completion
from amiss.represent.event_columns import give_back_memory
from amiss.represent.sessions import Sessions
from amiss.represent.severity import severities
from amiss.represent.templates import TemplateMiner
from amiss.types import NO_TIME, Sequences, distinct_codes


def learn_sequences(
    sessions: Sessions, known: TemplateMiner | None = None
) -> tuple[TemplateMiner, Completion | None, Sequences]:
    """Learn templates and what a cut session is; return both, and the events by them.

    Templates that are known, as another model has them, keep their ids and what users corrected.
    """
    if sessions.log.templates_given:
        miner = TemplateMiner.exact()
    else:
        miner = TemplateMiner() if known is None else TemplateMiner.from_state(known.to_state())
    shape_ids = miner.add(sessions.shapes["text"].to_list())
    sequences = to_sequences(sessions, shape_ids, miner.templates)
    miner.count(sequences.events)
    completion = learn_completion(sequences, sessions)
    return miner, completion, mark_cut(sequences, sessions, completion)


def to_sequences(
    sessions: Sessions, shape_ids: NDArray[np.int64], templates: list[str]
) -> Sequences:
    """Return the events as template ids, none marked as cut; segments neither begin nor end.

    A template is as alarming as the worst of its shapes.
    """
    give_back_memory(len(sessions.shape))  # what reading took
    worst = np.zeros(len(templates))
    levels = sessions.shapes["level"].to_list()
    np.maximum.at(worst, shape_ids, severities(sessions.shapes["text"].to_list(), levels))
    whole = np.full(len(sessions), sessions.trace is None)
    trace = None if sessions.trace is None else distinct_codes(sessions.trace)[0]
    return Sequences(
        shape_ids.astype(np.int32)[sessions.shape],  # of a long log these are most of the memory
        sessions.offsets,
        whole,
        whole,
        tuple(templates),
        worst,
        trace,
        sessions.time,
        sessions.numbers,
        sessions.start,
    )


def mark_cut(sequences: Sequences, sessions: Sessions, completion: Completion | None) -> Sequences:
    """Mark the sequences that the start or the end of the log cut."""
    if sequences.start is not None and sessions.log.start != NO_TIME:
        every = round(1000 * float(sessions.log.option[1]))
        begun = sequences.start >= sessions.log.start
        return replace(sequences, begun=begun, ended=sequences.start + every <= sessions.log.end)
    if completion is None:
        return sequences
    clock = _clock(sessions)
    start, end = _span(sessions, clock)
    first, last = sessions.first, sessions.last
    return replace(
        sequences,
        begun=completion.begun(sequences.events[first], clock[first] - start),
        ended=completion.ended(sequences.events[last], end - clock[last]),
    )


def learn_completion(sequences: Sequences, sessions: Sessions) -> Completion | None:
    """Learn which sessions are cut; None where they are windows, or whole rows of a table."""
    if sessions.log.unit != "session" or _are_rows(sessions):
        return None
    clock = _clock(sessions)
    return Completion.learn(sequences, clock, _span(sessions, clock), len(sequences.names))


def _are_rows(sessions: Sessions) -> bool:
    """Whether each session stands in one line, of no time: it cannot have been cut."""
    timeless = bool((sessions.time == NO_TIME).all())
    return timeless and bool((sessions.line[sessions.first] == sessions.line[sessions.last]).all())


def _clock(sessions: Sessions) -> NDArray[np.int64]:
    """Return the time of each event; line numbers where the log has no time."""
    if (sessions.time == NO_TIME).any():
        return sessions.line.astype(np.int64)
    return sessions.time


def _span(sessions: Sessions, clock: NDArray[np.int64]) -> tuple[int, int]:
    if sessions.log.start == NO_TIME or (sessions.time == NO_TIME).any():
        return int(clock.min()), int(clock.max())
    return sessions.log.start, sessions.log.end

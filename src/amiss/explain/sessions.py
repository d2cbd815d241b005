"""Why a session was flagged: surprising events, missing ones, the nearest normal session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from amiss.types import (
    END,
    NO_TIME,
    Contribution,
    Deviation,
    Difference,
    Expectation,
    Finding,
    Location,
    LogInfo,
    Misprediction,
    Sequences,
    Surprise,
)

MOST_SURPRISES = 5
_MOST_MISPREDICTED = 10
_NOTHING = -9
"""No event: where nothing was predicted."""
_UNLIKELY = 0.05
"""An event expected with more than this probability is no surprise, whatever its rank."""


class ScoresEvents(Protocol):
    """A detector that scores single events (see the contract: found by presence)."""

    vocabulary_: Any

    def event_score(self, X: Any) -> list[NDArray[np.float64]]:
        """Return −ln of the probability of each event; it may have ``expected_events`` too."""
        ...


class KnowsNearest(Protocol):
    """A detector that names the nearest normal sequence."""

    vocabulary_: Any
    reference_: Sequences
    reference_count_: NDArray[np.int64]

    def nearest_normal(self, X: Any) -> NDArray[np.int64]:
        """Return the row of ``reference_`` nearest to each item."""
        ...


class EventPlaces(Protocol):
    """Where the events of the explained sessions stand: the columns of `Sessions`."""

    @property
    def ids(self) -> Any: ...  # noqa: D102 - see Sessions
    @property
    def offsets(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def line(self) -> NDArray[np.integer[Any]]: ...  # noqa: D102
    @property
    def source(self) -> NDArray[np.integer[Any]]: ...  # noqa: D102
    @property
    def time(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def log(self) -> LogInfo: ...  # noqa: D102


def explain_sessions(
    sessions: EventPlaces,
    sequences: Sequences,
    scores: NDArray[np.float64],
    p_values: NDArray[np.float64],
    contributions: Sequence[tuple[Contribution, ...]],
    events: ScoresEvents | None,
    nearest: KnowsNearest | None,
    deviations: Sequence[tuple[Deviation, ...]] = (),
    before: Sequence[Location] = (),
) -> list[Finding]:
    """Return one finding a session, in the order given; raw lines are filled in by the caller.

    Parameters
    ----------
    sessions, sequences : the sessions to explain, and their events; both of length n
    scores, p_values : ndarray of float64, shape (n,)
    contributions : sequence of tuples of Contribution
    events, nearest : detectors that can say so, or None
    deviations : sequence of tuples of Deviation, optional
        What is unusual of each session, the least likely first; places are filled in here.
    before : sequence of Location, optional
        A line beside each session, for windows of time that hold none.
    """
    event_scores = events.event_score(sequences) if events else None
    ask = getattr(events, "expected_events", None)
    expected = ask(sequences) if ask else None
    rows = nearest.nearest_normal(sequences) if nearest else None
    known = _known_names(events, nearest)
    parts = sessions.log.unit == "segment"
    codes = events.vocabulary_.encode(sequences) if events and expected and parts else None
    likeliest = _written(events, sequences) if codes is not None else None
    timed = sequences.start is not None
    whole = sequences.complete
    said: dict[Any, _Said] = {}
    findings = []
    for i in range(len(sequences)):
        own_scores = event_scores[i] if event_scores else None
        own_expected = expected[i] if expected else None
        reference = int(rows[i]) if rows is not None else -1
        # Sessions that are alike are as surprising: what is said of them is found, and held, once.
        key = (
            bool(sequences.ended[i]),
            reference,
            sequences[i].tobytes(),
            *(a.tobytes() for a in (own_scores, *(own_expected or ())) if a is not None),
        )
        if key not in said:
            names = tuple(sequences.names[e] for e in sequences[i])
            like: tuple[str, ...] = ()
            if nearest is not None:
                like = tuple(nearest.reference_.names[e] for e in nearest.reference_[reference])
            tokens = events.vocabulary_.tokens if events else []
            odd_events = _odd_events(names, known, key[0], own_scores, own_expected, tokens)
            differences = _differences(names, like if nearest else names, known)
            said[key] = _Said(names, like, odd_events, *differences)
        names, like, odd_events, missing, surplus = said[key]
        alike = int(nearest.reference_count_[reference]) if nearest is not None else 0
        complete = bool(whole[i])
        places = _Places(sessions, i)
        surprises = tuple(
            Surprise(
                template=event.template,
                location=places.at(event.position),
                probability=event.probability,
                unseen=event.unseen,
                expected=event.expected,
                position=event.position,
            )
            for event in odd_events
        )
        odd = tuple(places.of(deviation) for deviation in deviations[i]) if deviations else ()
        shown = [s.location for s in surprises] + [d.location for d in odd if d.location]
        locations = tuple(dict.fromkeys(shown)) or places.end() or tuple(before[i : i + 1])
        if parts:
            locations = places.all()
        elif timed:
            locations = tuple(dict.fromkeys([*shown, *places.all()])) or tuple(before[i : i + 1])
        mispredicted: tuple[Misprediction, ...] = ()
        if expected and codes is not None and events:
            own = codes[sequences.offsets[i] : sequences.offsets[i + 1]]
            top = likeliest[i] if likeliest else expected[i][0][: len(own), 0]
            mispredicted = _mispredicted(names, own, top, events.vocabulary_.tokens)
        findings.append(
            Finding(
                unit=sessions.log.unit,
                id=str(sessions.ids[i]),
                score=float(scores[i]),
                p_value=float(p_values[i]),
                start=int(sequences.start[i]) if sequences.start is not None else places.time(0),
                end=_window_end(sessions.log, sequences, i) if timed else places.time(-1),
                locations=locations,
                contributions=contributions[i],
                surprises=surprises,
                missing=missing if complete else (),
                surplus=surplus,
                complete=complete,
                # These are some thousand events: the lines say which, if each has one.
                events=() if timed or (parts and _is_range(locations[0])) else names,
                nearest=() if parts else like,
                nearest_count=alike,
                mispredicted=mispredicted,
                deviations=odd,
            )
        )
    return findings


def _is_range(location: Location) -> bool:
    return location.first_line < location.last_line


def _window_end(log: LogInfo, sequences: Sequences, i: int) -> int:
    """Return when a window of time ends, by its length."""
    option, length = log.option
    assert sequences.start is not None  # noqa: S101 - these are windows of time
    return int(sequences.start[i]) + (round(1000 * float(length)) if option == "every" else 0)


class _Places:
    """Lines and times of one session's events."""

    def __init__(self, sessions: EventPlaces, i: int) -> None:
        self._sessions = sessions
        self._first, self._end = int(sessions.offsets[i]), int(sessions.offsets[i + 1])

    def at(self, position: int) -> Location:
        """Return where the event is; beyond the last one, where the last one is."""
        flat = min(self._first + position, self._end - 1) if position >= 0 else self._end + position
        line = int(self._sessions.line[flat])
        return Location(self._sessions.log.sources[self._sessions.source[flat]], line, line)

    def of(self, deviation: Deviation) -> Deviation:
        """Return a deviation with the place of its event."""
        if deviation.position is None:
            return deviation
        return deviation._replace(location=self.at(deviation.position))

    def end(self) -> tuple[Location, ...]:
        """Return where the last event is, if there is one."""
        return (self.at(-1),) if self._end > self._first else ()

    def all(self) -> tuple[Location, ...]:
        """Return the lines from the first to the last event, of each file."""
        lines = self._sessions.line[self._first : self._end]
        source = self._sessions.source[self._first : self._end]
        files = dict.fromkeys(source.tolist())
        return tuple(
            Location(
                self._sessions.log.sources[file],
                int(lines[source == file].min()),
                int(lines[source == file].max()),
            )
            for file in files
        )

    def time(self, position: int) -> int:
        times = self._sessions.time[self._first : self._end]
        known = times[times != NO_TIME]
        return int(known[position]) if len(known) else NO_TIME


def _known_names(events: ScoresEvents | None, nearest: KnowsNearest | None) -> set[str] | None:
    detector = events or nearest
    return {str(t) for t in detector.vocabulary_.tokens} if detector else None


class _OddEvent(NamedTuple):
    """An event that was not expected where it came, wherever its session is."""

    template: str | None
    position: int
    probability: float | None
    unseen: bool
    expected: tuple[Expectation, ...]


class _Said(NamedTuple):
    """What is said of all sessions that are alike."""

    names: tuple[str, ...]
    like: tuple[str, ...]
    odd_events: tuple[_OddEvent, ...]
    missing: tuple[Difference, ...]
    surplus: tuple[Difference, ...]


def _odd_events(
    names: tuple[str, ...],
    known: set[str] | None,
    ended: bool,
    event_scores: NDArray[np.float64] | None,
    expected: tuple[NDArray[np.int64], NDArray[np.float64]] | None,
    tokens: Sequence[Any],
) -> tuple[_OddEvent, ...]:
    """Return the least expected events, each template once, the least likely first."""
    unseen = [known is not None and name not in known for name in names]
    order = list(range(len(names) + ended))
    if event_scores is not None:
        order.sort(key=lambda at: (not (at < len(names) and unseen[at]), -event_scores[at]))
    else:
        order = [at for at in order if at < len(names) and unseen[at]]
    found: list[_OddEvent] = []
    seen: set[str | None] = set()
    for at in order:
        name = names[at] if at < len(names) else None
        is_unseen = name is not None and unseen[at]
        probability = None
        if event_scores is not None and not is_unseen:
            probability = float(np.exp(-event_scores[at]))
            if probability > _UNLIKELY:
                continue
        if name in seen:
            continue
        seen.add(name)
        likely = _expectations(expected, at, tokens) if expected else ()
        found.append(_OddEvent(name, at, probability, is_unseen, likely))
        if len(found) == MOST_SURPRISES:
            break
    return tuple(found)


def _expectations(
    expected: tuple[NDArray[np.int64], NDArray[np.float64]], at: int, tokens: Sequence[Any]
) -> tuple[Expectation, ...]:
    ids, probabilities = expected
    return tuple(
        Expectation("end of session" if i == END else str(tokens[i]), float(p))
        for i, p in zip(ids[at], probabilities[at], strict=True)
        if p >= _UNLIKELY
    )


def _written(events: Any, sequences: Sequences) -> list[NDArray[np.int64]] | None:
    """Return the event that was predicted at each place, by a detector that predicts windows.

    It has read its own predictions, not what came, so it may miss what it would expect by now.
    """
    if not hasattr(events, "predict_windows"):
        return None
    found = events.predict_windows(sequences)
    flat = np.full(len(sequences.events), _NOTHING)
    rows, places, at = predicted_events(found, sequences)
    flat[at] = found.predicted[rows, places]
    return list(np.split(flat, sequences.offsets[1:-1]))


def predicted_events(
    found: Any, sequences: Sequences
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the row and the place in it of each prediction of an event, and which event it is.

    The end of a sequence is predicted too, but is no event.
    """
    rows, places = np.nonzero(found.counted & (found.target != END))
    at = sequences.offsets[found.sequence[rows]] + found.position[rows] + places
    return rows, places, at


def _mispredicted(
    names: tuple[str, ...],
    codes: NDArray[np.int64],
    likeliest: NDArray[np.int64],
    tokens: Sequence[Any],
) -> tuple[Misprediction, ...]:
    """Return the kinds of event that were most often not the likeliest one.

    Parameters
    ----------
    names : tuple of str, shape (n,)
    codes, likeliest : ndarray of int64, shape (n,)
        Rows of `tokens` that came, and that were held likeliest; below 0 where there is none.
    tokens : sequence
    """
    came = Counter(names)
    missed = np.flatnonzero(codes != likeliest)
    instead: dict[str, Counter[int]] = {}
    for at in missed:
        instead.setdefault(names[at], Counter())[int(likeliest[at])] += 1
    worst = sorted(instead.items(), key=lambda item: (-item[1].total(), item[0]))
    found = []
    for name, others in worst[:_MOST_MISPREDICTED]:
        other, times = others.most_common(1)[0]
        expected = str(tokens[other]) if other >= 0 else "end of session"
        found.append(Misprediction(name, came[name], others.total(), expected, times))
    return tuple(found)


def _differences(
    names: tuple[str, ...], like: tuple[str, ...], known: set[str] | None
) -> tuple[tuple[Difference, ...], tuple[Difference, ...]]:
    """Return what the session lacks and what it has more of, the largest differences first."""
    have, usual = Counter(names), Counter(like)
    missing = (usual - have).most_common()
    surplus = [(n, c) for n, c in (have - usual).most_common() if known is None or n in known]
    return tuple(Difference(*m) for m in missing), tuple(Difference(*s) for s in surplus)

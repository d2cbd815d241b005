"""A log that goes on: sessions are judged when they have been silent, findings come as they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import InputError, UsageError
from amiss.explain.incidents import narrowed
from amiss.read.live import live_blocks
from amiss.read.records import RecordReader
from amiss.read.sources import Source
from amiss.represent.grouping import GROUPINGS, LONGEST_SILENCE, time_names
from amiss.represent.numbers import find_numbers
from amiss.represent.sessions import Sessions
from amiss.represent.shapes import ShapeTable
from amiss.run.explanation import with_texts
from amiss.run.findings import Findings
from amiss.run.pipeline import Model
from amiss.run.stream_clock import StreamClock
from amiss.types import NO_TIME, Incident, Location, LogInfo, Numbers, RecordBatch

IDLE = 300.0
"""Seconds of silence after which a session is over, unless told."""
MOST_EVENTS = 1 << 19
"""Events that are held before sessions that were judged are forgotten."""
_FAR = 3_600_000
"""Milliseconds that one line may be ahead of the others before it is asked whether it is right."""
_FAR_WINDOWS = 10
_NAMES = 1 << 16
"""Sessions that the grouping knows by name before it starts anew."""


def follow(
    model: Model,
    stream: BinaryIO,
    *,
    idle: float = IDLE,
    interval: float = 1.0,
    mask: Sequence[str] = (),
) -> Iterator[Findings]:
    """Judge a log while it is written; memory goes by the sessions that are open.

    A session is judged when it has been silent for `idle` seconds, by the times of the log; where
    nothing comes, the clock goes on. If it goes on after all, it is judged again as a whole, and
    reported if it was not yet. Sessions are forgotten, the oldest first, where many events are
    held; what comes later under the same name is a session of its own then. Windows are over when
    the next one begins. At the end of the stream what is open is judged. Lines that belong to no
    session are not.

    Parameters
    ----------
    model : Model
        Of raw logs; sessions are made as its were.
    stream : binary file
    idle : float
        Seconds.
    interval : float
        Seconds between two looks at what is over.
    mask : sequence of str
        As `amiss.read_sessions` has it.

    Yields
    ------
    Findings
        Of the sessions that were over at that look; most hold none. Line numbers count from the
        first line of the stream.

    Raises
    ------
    UsageError
        The model learnt from tables, or from segments of traces.
    InputError
        The stream has ended, and no line of it belonged to a session.
    """
    name, value = model.info["option"] or ("", "")
    if name not in GROUPINGS:
        raise UsageError(
            f"a stream cannot be judged by a model of {model.info['format']} "
            f"({model.info['grouping']}); expected one of raw logs, by key, field, gap or window"
        )
    if not idle > 0:
        raise UsageError(f"idle for {idle:g} s; expected more than 0 seconds")
    pending = _OpenSessions(name, value, model.info)
    model = replace(model, ungrouped=None)  # of a stream, sessions alone are judged
    reader = RecordReader(
        [Source("<stdin>", Path("-"))],
        format=model.info["format"],
        fields=[value] if name == "session_field" else [],
        mask=mask,
        blocks=lambda _: live_blocks(stream, interval),
    )
    try:
        for batch in reader:
            pending.add(batch)
            yield from _judged(model, pending, idle * 1000)
    except InputError:
        if pending.lines:
            raise
        return  # nothing came: nothing is amiss
    yield from _judged(model, pending, None)
    if not pending.grouped:
        raise InputError(
            f"none of {pending.lines:,} lines belongs to a {model.info['unit']} by "
            f"{model.info['grouping']}; is this a log such as the model learnt from?"
        )


def _judged(model: Model, pending: _OpenSessions, idle: float | None) -> Iterator[Findings]:
    closed = pending.over(idle)
    if closed is None:
        return
    sessions, texts = closed
    found = model.detect(sessions)
    news = [at for at, finding in enumerate(found) if finding.id not in pending.reported]
    pending.reported.update(found[at].id for at in news)
    pending.forget()

    def text(place: Location) -> str:
        return texts.get(place.first_line, "")

    yield replace(
        found,
        items=tuple(with_texts(found[at], text) for at in news),
        incidents=tuple(_incidents_of(news, found)),
    )


def _incidents_of(kept: Sequence[int], found: Findings) -> Iterator[Incident]:
    """Yield the incidents of the findings that are kept, their places as these are counted."""
    at = {old: new for new, old in enumerate(kept)}
    for incident in found.incidents:
        if members := [old for old in incident.findings if old in at]:
            left = narrowed(incident, found.items, members)
            yield replace(left, findings=tuple(at[old] for old in left.findings))


_SCHEMA: dict[str, Any] = {
    "session": pl.Int64, "shape": pl.Int32, "line": pl.Int64, "time": pl.Int64, "clock": pl.Int64,
    "text": pl.String, "numbers": pl.List(pl.Float64),
}  # fmt: skip


class _OpenSessions:
    """Events of sessions that may go on, as columns.

    Sessions go by numbers of their own, since the grouping, which knows all names there ever were,
    is made anew now and then. The number of a window of time is its start.
    """

    def __init__(self, option: str, value: Any, info: Mapping[str, Any]) -> None:
        self._option, self._value = option, value
        self._with_numbers = bool(info.get("numbers"))
        self._grouping = self._new_grouping()
        self._format = info["format"]
        self._shapes = ShapeTable()
        self._events = pl.DataFrame(schema=_SCHEMA)
        self._numbers: dict[str, int] = {}
        self._judged_events: dict[int, int] = {}  # how many events a session had when it was judged
        self.reported: set[str] = set()
        self._begun = 0  # sessions so far
        self._judged = NO_TIME  # windows of time before this one are judged
        every = self._grouping.every if option == "every" else 0
        self._clock = StreamClock(far=max(_FAR, _FAR_WINDOWS * every))
        self.lines = self.grouped = self.late = 0

    def _new_grouping(self) -> Any:
        return GROUPINGS[self._option](self._value)

    def add(self, batch: RecordBatch) -> None:
        """Take the lines of a batch."""
        if not len(batch):
            return
        self.lines += len(batch)
        shape = self._shapes.add(batch.kinds)[batch.kind]
        clock = self._clock.tell(batch.time)
        if self._option == "every" and self._clock.now < self._judged:  # the clock was set back
            self._judged = NO_TIME
        rows, session = self._sessions(batch, clock)
        self.grouped += len(rows)
        events = pl.DataFrame(
            {
                "session": session,
                "shape": shape[rows],
                "line": batch.line[rows],
                "time": batch.time[rows],
                "clock": clock[rows],
                "text": batch.raw.gather(rows),
                "numbers": self._numbers_of(batch, rows),
            },
            schema=_SCHEMA,
        )
        late = (events["session"] < self._judged).sum() if self._option == "every" else 0
        if late:
            events = events.filter(pl.col("session") >= self._judged)
            self.late += int(late)
        self._events = self._events.vstack(events)

    def _numbers_of(self, batch: RecordBatch, rows: NDArray[np.int64]) -> list[list[float]]:
        if not self._with_numbers:
            return [[]] * len(rows)
        found = find_numbers(batch).take(rows)
        return [found.values[a:b].tolist() for a, b in pairwise(found.offsets.tolist())]

    def _sessions(
        self, batch: RecordBatch, clock: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the lines that belong to sessions, and the numbers of these."""
        everything = np.arange(len(batch))
        if self._option == "every":
            every = self._grouping.every
            return everything, clock // every * every
        rows, codes, _ = self._grouping.assign(batch)
        rows = everything if rows is None else rows
        if self._grouping.unit == "window":
            return rows, codes.astype(np.int64)
        names = self._grouping.names()
        distinct, inverse = np.unique(codes, return_inverse=True)
        numbers = []
        for name in names.gather(distinct).to_list():
            number = self._numbers.setdefault(name, self._begun)
            self._begun += number == self._begun
            numbers.append(number)
        if len(names) > _NAMES:
            self._grouping = self._new_grouping()
        return rows, np.array(numbers, dtype=np.int64)[inverse]

    def over(self, idle: float | None) -> tuple[Sessions, dict[int, str]] | None:
        """Take out the sessions that are over, and the texts of their lines; None: there are none.

        Parameters
        ----------
        idle : float or None
            Milliseconds; None: all that are open are over, since the stream is.
        """
        if self._clock.start == NO_TIME and not len(self._events):
            return None
        now = self._clock.later()
        if self._option == "every":
            numbers = self._windows(now, ended=idle is None)
        else:
            numbers = self._silent(now, idle)
        if not len(numbers):
            return None
        closed = pl.col("session").is_in(numbers)
        events = self._events.filter(closed)
        if self._grouping.unit == "window":  # it is over for good
            self._events = self._events.filter(~closed)
        texts = dict(zip(events["line"].to_list(), events["text"].to_list(), strict=True))
        return self._as_sessions(events, numbers, now), texts

    def _silent(self, now: int, idle: float | None) -> NDArray[np.int64]:
        held = self._events.group_by("session", maintain_order=True).agg(
            pl.col("clock").max(), pl.len().alias("events")
        )
        newest = pl.col("session") == pl.col("session").max()
        if self._grouping.unit == "session":
            judged = held["session"].replace_strict(self._judged_events, default=0)
            held = held.filter(judged < held["events"])
            if idle is not None:
                held = held.filter(pl.col("clock") <= now - idle)
            self._judged_events.update(zip(held["session"], held["events"], strict=True))
        elif idle is not None and self._option == "gap":
            held = held.filter(~newest | (pl.col("clock") < now - 1000 * self._value))
        elif idle is not None:
            held = held.filter(~newest)
        return held["session"].to_numpy()

    def forget(self) -> None:
        """Drop sessions that are judged, those that have been silent for longest first."""
        if self._grouping.unit == "window":
            self.reported.clear()
        if len(self._events) <= MOST_EVENTS:
            return
        held = self._events.group_by("session").agg(pl.col("clock").max(), pl.len().alias("events"))
        judged = held["session"].replace_strict(self._judged_events, default=0)
        over = held.filter(judged == held["events"]).sort("clock", "session")
        excess = len(self._events) - MOST_EVENTS // 2
        dropped = over.filter(pl.col("events").cum_sum().shift(1, fill_value=0) < excess)["session"]
        self._events = self._events.filter(~pl.col("session").is_in(dropped.implode()))
        gone = set(dropped.to_list())
        self._judged_events = {n: k for n, k in self._judged_events.items() if n not in gone}
        self.reported -= {name for name, number in self._numbers.items() if number in gone}
        self._numbers = {name: n for name, n in self._numbers.items() if n not in gone}

    def _windows(self, now: int, *, ended: bool) -> NDArray[np.int64]:
        """Return the starts of the windows that are over, those without a line too."""
        every = self._grouping.every
        if self._judged == NO_TIME:
            self._judged = int(self._events["session"].to_numpy().min())
        stop = self._clock.now // every * every + every if ended else now // every * every
        starts = np.arange(self._judged, stop, every)
        self._judged = max(self._judged, stop)
        if len(starts) > LONGEST_SILENCE:  # the log was off
            starts = np.union1d(starts[-1:], self._events["session"].to_numpy())
            starts = starts[starts < stop]
        return starts

    def _as_sessions(self, events: pl.DataFrame, numbers: NDArray[np.int64], now: int) -> Sessions:
        place = {number: at for at, number in enumerate(numbers.tolist())}
        at = np.array([place[number] for number in events["session"].to_list()], dtype=np.int64)
        order = np.argsort(at, kind="stable")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(at, minlength=len(numbers)))])
        used, shape = np.unique(events["shape"].to_numpy(), return_inverse=True)
        table = pl.DataFrame(
            {
                "text": [self._shapes.texts[i] for i in used],
                "level": [self._shapes.levels[i] for i in used],
            },
            schema={"text": pl.String, "level": pl.String},
        )
        moments = events["time"].to_numpy()[order]
        log = LogInfo(
            sources=("<stdin>",),
            format=self._format,
            unit=self._grouping.unit,
            grouping=self._grouping.description,
            option=self._grouping.option,
            lines=self.lines,
            start=self._clock.start,
            end=now if self._clock.start != NO_TIME else NO_TIME,
            notes=(f"lines too late for their window: {self.late:,}",) if self.late else (),
        )
        return Sessions(
            ids=self._ids(numbers),
            offsets=offsets.astype(np.int64),
            shape=shape[order].astype(np.int32),
            line=events["line"].to_numpy()[order],
            source=np.zeros(len(events), dtype=np.int32),
            time=moments,
            shapes=table,
            log=log,
            numbers=self._numbers_at(events["numbers"].gather(order)),
            start=numbers if self._option == "every" else None,
        )

    def _numbers_at(self, values: pl.Series) -> Numbers | None:
        if not self._with_numbers:
            return None
        counts = values.list.len().to_numpy()
        flat = values.filter(values.list.len() > 0).explode().to_numpy()
        return Numbers(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), flat)

    def _ids(self, numbers: NDArray[np.int64]) -> pl.Series:
        if self._option == "every":
            return time_names(numbers, self._grouping.every)
        if self._grouping.unit == "window":
            return pl.Series([f"window {number + 1}" for number in numbers.tolist()])
        names = {number: name for name, number in self._numbers.items()}
        return pl.Series([names[number] for number in numbers.tolist()], dtype=pl.String)

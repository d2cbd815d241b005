"""What the times of a file leave open: the year, the day, and whether the clock went back."""

from __future__ import annotations

import time
from calendar import isleap
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from amiss.read.sources import ReadReport, Source
from amiss.read.stamps import SINCE_START, in_year
from amiss.types import NO_TIME

JUMP = 60_000
"""Milliseconds that a time may lie before the one above it; threads write out of order."""
_DAY = 86_400_000
_YEAR_2000 = 946_684_800_000
_LEAP_DAY = 59  # days from 1 January to 29 February


class Clock:
    """Complete the times of one file, in the order of its lines.

    A time without a year is in the last year in which the first lines are not later than the file
    was written; years follow each other where the times turn over. In the same way with times of
    day. A log of more than a year, whose lines have none, is placed too late: it is said.

    Parameters
    ----------
    source : Source
    period : int
        As in `amiss.read.stamps.Layout`: 0 if the times say everything.
    """

    def __init__(self, source: Source, period: int = 0) -> None:
        self._source = source
        self._period = period
        self._last = NO_TIME  # as it was written
        self._turns = 0
        self._newest = NO_TIME  # as it was told
        self._first = NO_TIME
        self._jumps = 0
        self._largest = 0
        self._base: int | None = None
        self._written = 0

    def tell(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the times of the next lines, complete; ``NO_TIME`` where there is none."""
        known = times != NO_TIME
        if not known.any():
            return times
        told = times[known]
        if self._period > 0:
            told = self._unwrapped(told)
        steps = np.diff(told, prepend=told[:1] if self._newest == NO_TIME else self._newest)
        back = steps < -JUMP
        if back.any():
            self._jumps += int(back.sum())
            self._largest = max(self._largest, int(-steps.min()))
        if self._first == NO_TIME:
            self._first = int(told[0])
        self._newest = int(told[-1])
        if self._period <= 0:
            return times
        out = times.copy()
        out[known] = told
        return out

    def _unwrapped(self, told: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return times of 2000 in the years, or on the days, that they are of."""
        steps = np.diff(told, prepend=told[:1] if self._last == NO_TIME else self._last)
        # Far back is a turn: no clock is set back by months. Far on is a line of before the turn,
        # if there was one.
        turned = steps < -self._period // 6
        late = steps > self._period - self._period // 6
        turns = self._turns + np.cumsum(turned.astype(np.int64) - late)
        turns -= np.minimum.accumulate(np.minimum(turns, 0))
        self._last, self._turns = int(told[-1]), int(turns[-1])
        if self._base is None:
            self._base = self._place(int(told[-1])) - int(turns[-1])
            if self._period != _DAY:
                self._base -= _years_since_leap(told, self._base + turns)
        if self._period == _DAY:
            return told + _DAY * (self._base + turns)
        return in_year(told, self._base + turns)

    def _place(self, moment: int) -> int:
        """Return the last year, or the days since the first of 2000, that a time may be of."""
        self._written = min(_written(self._source), int(time.time() * 1000))
        latest = self._written + _DAY  # zones, and clocks that are not quite right
        if self._period == _DAY:
            return (self._written - moment) // _DAY
        year = datetime.fromtimestamp(latest / 1000, UTC).year
        placed = int(in_year(np.array([moment]), np.array([year]))[0])
        return year if placed <= latest else year - 1

    def add_notes(self, report: ReadReport) -> None:
        """Add to `report` what a reader should know of the times of this file."""
        name = self._source.name
        if self._period == SINCE_START and self._first != NO_TIME:
            report.notes.append(
                f"{name}: its times count from a start that it does not name; they are shown as if "
                "that had been the beginning of 1970"
            )
        if self._base is not None and self._period == _DAY:
            day = _text(self._first, "%Y-%m-%d")
            report.notes.append(
                f"{name}: times without a date; the first day is taken as {day}, when the file was "
                "written"
            )
        elif self._base is not None:
            years = sorted({_text(self._first, "%Y"), _text(self._newest, "%Y")})
            report.notes.append(
                f"{name}: times without a year; taken as {' to '.join(years)}, by the date of the "
                "file"
            )
            if self._newest > self._written + 2 * _DAY:
                report.notes.append(
                    f"{name}: its times go beyond the date of the file: the log is of more than a "
                    "year, and its years are too late"
                )
        if self._jumps:
            longest = timedelta(seconds=self._largest // 1000)
            report.notes.append(
                f"{name}: lines more than a minute earlier than the one above: {self._jumps:,} (by "
                f"up to {longest}); the clock was set back, or they are out of order"
            )


def _years_since_leap(told: NDArray[np.int64], years: NDArray[np.int64]) -> int:
    """Return by how many years times of 2000 are too late for their 29 February to exist."""
    of_leap = years[(told - _YEAR_2000) // _DAY == _LEAP_DAY]
    if not len(of_leap):
        return 0
    return next((n for n in range(9) if isleap(int(of_leap[0]) - n)), 0)


def _text(moment: int, form: str) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment)).strftime(form)


def _written(source: Source) -> int:
    """Return when a file was written, in milliseconds; of gzip, when what it holds was."""
    with source.path.open("rb") as file:
        head = file.read(8)
    stamped = int.from_bytes(head[4:8], "little") if head.startswith(b"\x1f\x8b") else 0
    return 1000 * stamped or int(source.path.stat().st_mtime * 1000)

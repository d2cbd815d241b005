"""What time it is in a log that is being written, though single lines may have it wrong."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from amiss.types import NO_TIME

_DAY = 86_400_000
_AGREE = 3
"""So many lines in a row that are far behind set the clock back."""


class StreamClock:
    """The clock of a stream, by the times of its lines; by that of this machine where it has none.

    A time far ahead is believed if it is about now, or if the next line is not behind it: one line
    with a wrong time must not make all that is open look silent. Where several lines in a row are
    far behind, the clock was wrong, or was set back, and follows them.

    Parameters
    ----------
    far : int
        Milliseconds that are far ahead, or behind.

    Attributes
    ----------
    now : int
        Milliseconds, or ``NO_TIME`` before the first line.
    start : int
        The first time that was believed.

    Examples
    --------
    >>> clock = StreamClock(far=3_600_000)
    >>> clock.tell(np.array([0, 1000, 10**12, 2000])).tolist(), clock.now
    ([0, 1000, 1000, 2000], 2000)
    """

    def __init__(self, far: int) -> None:
        self.now = self.start = NO_TIME
        self._far = far
        self._ahead = NO_TIME  # a time that is not believed yet
        self._behind = 0
        self._arrived = time.monotonic()

    def tell(self, moments: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what the clock said at each line, shape (n,): its time, or what it was before."""
        self._arrived = time.monotonic()
        known = moments != NO_TIME
        if self.start == NO_TIME:
            if not known.any():
                self.now = round(self._arrived * 1000)
                return np.full(len(moments), self.now)
            self.now = self.start = int(moments[known][0])
        told = np.append(self.now, moments)
        latest = np.maximum.accumulate(np.where(np.append(True, known), np.arange(len(told)), 0))
        clock = told[latest][1:]
        far = np.abs(clock - np.maximum.accumulate(np.append(self.now, clock))[:-1]) > self._far
        if far.any() or self._ahead != NO_TIME or self._behind:
            clock = np.array([self._told(int(moment)) for moment in clock], dtype=np.int64)
        else:
            self.now = max(self.now, int(clock.max(initial=self.now)))
        return clock

    def _told(self, moment: int) -> int:
        if moment > self.now + self._far:
            confirmed = self._ahead != NO_TIME and moment >= self._ahead - self._far
            if confirmed or abs(moment - time.time() * 1000) < _DAY:
                # A log of rare lines has such steps all the time.
                self._far = max(self._far, min(2 * (moment - self.now), _DAY))
                self.now, self._ahead = moment, NO_TIME
            else:
                self._ahead = moment
            return self.now
        self._ahead = NO_TIME
        self._behind = self._behind + 1 if moment < self.now - self._far else 0
        if self._behind >= _AGREE:
            self.now, self._behind = moment, 0
            self.start = min(self.start, moment)
        self.now = max(self.now, moment)
        return moment

    def later(self) -> int:
        """Return what the clock says by now, in milliseconds: it goes on where nothing comes."""
        return self.now + round((time.monotonic() - self._arrived) * 1000)

"""How likely a count is that far above or below what it usually is, of many kinds at once.

A *slot* is what has a usual count: a template, or a template at some hour of the day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammainc, gammaincc, gammaln

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SHIFT = 32
"""A slot and a count make one integer, so that one sorted array serves all slots."""
_PRIOR_EVENTS = 10
"""The dispersion of a template with so few events is half that of the others."""
_PRIOR_HOUR_EVENTS = 5
"""The rate of an hour with so few events is half that of the whole day."""
_USUAL_DISPERSION = 1.0
"""Where too few templates have enough events to learn from."""
_ENOUGH = 20
_POISSON, _STEADIEST = 1e-3, -0.95
"""A dispersion below the first is none; below 0 counts are steady, but not steadier than so."""
_UNDERFLOW = 1e-280


@dataclass(frozen=True, slots=True)
class CountTails:
    r"""Predictive tails of counts: what was seen, and a negative binomial beyond it.

    The negative binomial has a variance of (1 + dispersion) times its mean: events that come in
    clumps. Steadier counts, of a dispersion below 0, have the tails of Poisson counts of as much
    smaller events. Few events say little of their dispersion, so it is drawn to that of other
    templates.

    What is above is judged in two parts, whether any event comes and how many do then:
    :math:`P(C \ge c) = \frac{N_{\ge 1} + 1/2}{n + 1} \cdot \frac{N_{\ge c} + G(c \mid 1)}
    {N_{\ge 1} + 1}`, with :math:`N_{\ge c}` of *n* windows seen to have *c* events or more, and
    :math:`G(c \mid m) = G(\ge c) / G(\ge m)` of the negative binomial. Beyond the largest count *m*
    that was seen it is :math:`G(c \mid m)`, so that the tail goes on from there. What is below is
    judged in the same way, in one part. So a count that was never seen is as odd as the number of
    windows can tell, and odder the further it is from what was seen.

    Attributes
    ----------
    windows : ndarray of int64, shape (n_slots,)
        How many windows each slot was learnt from.
    keys : ndarray of int64, shape (n_keys,)
        Slot and count of each distinct count above 0 that was seen, ascending.
    at_least : ndarray of int64, shape (n_keys,)
        How many windows had that count or more.
    mean, dispersion : ndarray of float64, shape (n_slots,)

    Examples
    --------
    A heartbeat that came three times in each of 99 windows, and does not come:

    >>> slot, count = np.zeros(99, dtype=np.int64), np.full(99, 3)
    >>> tails = CountTails.learn(slot, count, np.array([99]), np.zeros(1, dtype=np.int64))
    >>> tails.log_p(np.array([0, 0]), np.array([3, 0])).round(1)
    array([  0. , -31.1])
    """

    windows: Ints
    keys: Ints
    at_least: Ints
    mean: Floats
    dispersion: Floats

    @classmethod
    def learn(cls, slot: Ints, count: Ints, windows: Ints, column: Ints) -> CountTails:
        """Learn from the counts above 0; in all other windows of a slot the count was 0.

        Parameters
        ----------
        slot, count : ndarray of int64, shape (n_cells,)
        windows : ndarray of int64, shape (n_slots,)
        column : ndarray of int64, shape (n_slots,)
            Slots of one column, such as the hours of a template, have one dispersion; their
            rates are drawn to that of the column.
        """
        packed, times = np.unique((slot << _SHIFT) | count, return_counts=True)
        at_least = np.cumsum(times[::-1])[::-1]
        owner = packed >> _SHIFT
        ends = np.searchsorted(owner, owner, side="right")
        at_least = at_least - np.append(at_least, 0)[ends]
        events = np.bincount(slot, weights=count, minlength=len(windows)).astype(np.float64)
        mean = _means(events, windows.astype(np.float64), column)
        squares = count.astype(np.float64) ** 2
        square = np.bincount(slot, weights=squares, minlength=len(windows)).astype(np.float64)
        dispersion = _dispersions(events, square, mean, windows.astype(np.float64), column)
        return cls(windows, packed, at_least, mean, dispersion)

    def log_p(self, slot: Ints, count: Ints) -> Floats:
        """Return the natural logarithm of the two-sided p-value of each count, shape (n,)."""
        least = np.minimum(self.log_upper(slot, count), self.log_lower(slot, count))
        return np.asarray(np.minimum(0.0, least + np.log(2)))

    def log_upper(self, slot: Ints, count: Ints) -> Floats:
        """Return ln P(C ≥ count), shape (n,)."""
        n, one = self.windows[slot], np.ones_like(count)
        any_seen, seen = self._seen(slot, one), self._seen(slot, count)
        mean, dispersion = self.mean[slot], self.dispersion[slot]
        start = np.where(seen > 0, 1, np.maximum(self._extremes(slot)[1], 1))
        tail = _log_at_least(count, mean, dispersion) - _log_at_least(start, mean, dispersion)
        with np.errstate(divide="ignore"):
            many = np.logaddexp(np.log(seen), np.minimum(tail, 0.0)) - np.log(any_seen + 1)
        some = np.log((any_seen + 0.5) / (n + 1))
        return np.where(count < 1, 0.0, np.minimum(0.0, some + many))

    def log_lower(self, slot: Ints, count: Ints) -> Floats:
        """Return ln P(C ≤ count), shape (n,)."""
        n = self.windows[slot]
        seen = n - self._seen(slot, count + 1)
        mean, dispersion = self.mean[slot], self.dispersion[slot]
        least = np.where(seen > 0, count, self._extremes(slot)[0])
        tail = _log_at_most(count, mean, dispersion) - _log_at_most(least, mean, dispersion)
        with np.errstate(divide="ignore"):
            both: Floats = np.logaddexp(np.log(seen), tail) - np.log(n + 1)
        return np.minimum(0.0, both)

    def _extremes(self, slot: Ints) -> tuple[Ints, Ints]:
        """Return the least and the largest count that each slot was seen to have."""
        owner = self.keys >> _SHIFT
        first, end = np.searchsorted(owner, slot), np.searchsorted(owner, slot, side="right")
        padded = np.append(self.keys & ((1 << _SHIFT) - 1), 0)
        always = self._seen(slot, np.ones_like(slot)) == self.windows[slot]
        some = end > first
        least = np.where(some & always, padded[np.minimum(first, len(self.keys))], 0)
        return least, np.where(some, padded[np.maximum(end - 1, 0)], 0)

    def usual(self, slot: int, share: float = 0.99) -> tuple[int, int]:
        """Return between which counts the middle `share` of the windows lay."""
        rows = slice(*np.searchsorted(self.keys >> _SHIFT, [slot, slot + 1]))
        counts, at_least = self.keys[rows] & ((1 << _SHIFT) - 1), self.at_least[rows]
        beyond = (1 - share) / 2 * self.windows[slot] + 1e-9
        # The least count that so few windows fall short of, the highest that so few exceed.
        below = self.windows[slot] - np.append(at_least[1:], 0)
        low = 0
        if len(counts) and self.windows[slot] - at_least[0] <= beyond:
            low = int(counts[np.argmax(below > beyond)])
        high = int(counts[at_least > beyond][-1]) if (at_least > beyond).any() else 0
        return low, high

    def _seen(self, slot: Ints, count: Ints) -> Ints:
        """Return how many windows of each slot had the count or more."""
        if not len(self.keys):
            return np.where(count < 1, self.windows[slot], 0)
        at = np.searchsorted(self.keys, (slot << _SHIFT) | np.maximum(count, 0))
        inside = np.minimum(at, len(self.keys) - 1)
        same = (at < len(self.keys)) & (self.keys[inside] >> _SHIFT == slot)
        return np.where(count < 1, self.windows[slot], np.where(same, self.at_least[inside], 0))


def _means(events: Floats, windows: Ints, column: Ints) -> Floats:
    """Return the rate of each slot; half an event more than were seen, as it might have been."""
    n_columns = int(column.max(initial=-1)) + 1
    total = np.bincount(column, weights=events, minlength=n_columns)
    all_windows = np.bincount(column, weights=windows, minlength=n_columns)
    rate = ((total + 0.5) / np.maximum(all_windows, 1))[column]
    expected = rate * windows
    hourly: Floats = rate * (events + _PRIOR_HOUR_EVENTS) / (expected + _PRIOR_HOUR_EVENTS)
    alone = np.bincount(column, minlength=n_columns)[column] == 1
    return np.where(alone, rate, hourly)


def _dispersions(
    events: Floats, square: Floats, mean: Floats, windows: Ints, column: Ints
) -> Floats:
    """Return by how much more the counts vary than Poisson ones, over the mean."""
    n_columns = int(column.max(initial=-1)) + 1
    deviation = np.maximum(square - 2 * mean * events + windows * mean**2, 0.0)
    spread = np.bincount(column, weights=deviation, minlength=n_columns)
    total = np.bincount(column, weights=events, minlength=n_columns)
    own = spread / np.maximum(total, 1) - 1
    known = own[total >= _ENOUGH]
    others = max(0.0, float(np.median(known))) if len(known) >= 3 else _USUAL_DISPERSION
    weight = total + _PRIOR_EVENTS
    return np.asarray((total * own + _PRIOR_EVENTS * others) / weight)[column]


def _log_at_least(count: Ints, mean: Floats, dispersion: Floats) -> Floats:
    """Return ln P(C ≥ count) beyond what was seen, count at least 1."""
    c = np.maximum(count, 1).astype(np.float64)
    clumped, steady = _clumped_and_steady(dispersion)
    regular = gammainc(c * steady - (steady - 1) / 2, mean * steady)
    tail = np.where(
        dispersion < _POISSON, regular, betainc(c, mean / clumped, clumped / (1 + clumped))
    )
    return _logarithm(tail, c, mean, dispersion)


def _log_at_most(count: Ints, mean: Floats, dispersion: Floats) -> Floats:
    """Return ln P(C ≤ count) beyond what was seen."""
    c = np.maximum(count, 0).astype(np.float64)
    clumped, steady = _clumped_and_steady(dispersion)
    regular = gammaincc((c + 1) * steady - (steady - 1) / 2, mean * steady)
    tail = np.where(
        dispersion < _POISSON, regular, betainc(mean / clumped, c + 1, 1 / (1 + clumped))
    )
    return _logarithm(tail, c, mean, dispersion)


def _clumped_and_steady(dispersion: Floats) -> tuple[Floats, Floats]:
    """Return the dispersion where events clump, and by what to scale where they do not.

    Counts that vary less than Poisson ones are like Poisson ones of more, smaller events; the
    middle between two counts is where one ends and the next begins.
    """
    return np.maximum(dispersion, _POISSON), 1 / (1 + np.clip(dispersion, _STEADIEST, 0.0))


def _logarithm(tail: Floats, count: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """Return ln of a tail; where it is too small for a float, that of its largest term."""
    clumped, steady = _clumped_and_steady(dispersion)
    size = mean / clumped
    c, m = count * steady, mean * steady
    poisson = c * np.log(m) - m - gammaln(c + 1)
    negative = (
        gammaln(count + size) - gammaln(size) - gammaln(count + 1)
        + count * np.log(clumped / (1 + clumped)) - size * np.log1p(clumped)
    )  # fmt: skip
    term = np.where(dispersion < _POISSON, poisson, negative)
    return np.where(tail > _UNDERFLOW, np.log(np.maximum(tail, _UNDERFLOW)), term)

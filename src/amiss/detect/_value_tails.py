"""How far a number is beyond the values that numbers of its kind have, of many kinds at once.

A *slot* is a kind of number: the second one of a template, or the seconds between two events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LEAST = 50
"""Values of a slot from which something is learnt."""
_KEPT = 64
"""Smallest and largest values of a slot that are kept."""
_TAIL = 0.05
"""Share of the values that a tail is fitted to."""
_NARROWEST = 0.05
"""Least scale of a tail, as a share of the value and of the range of the slot."""
_FEW, _OFTEN = 16, 20
"""With so few distinct values, each as often on average, a slot is of codes, not of amounts."""
_SHARES, _PLACES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1), 5
"""Shares of the values by which p-values are tempered, and how many values that must be: fewer may
be anomalies that nobody labelled."""
_ODD, _IMPOSSIBLE = 0.1, 1e-6
_USUAL = 0.005


class ValueTails:
    r"""Tails of values beyond the smallest and the largest that were seen, by slot.

    Of *n* values, :math:`P(V \ge v) = \frac{N_{\ge v} + e^{-(y - y_{max})^+ / \sigma}}{n + 1}` with
    :math:`y = \mathrm{asinh}(v / c)` and *c* the median size: linear near 0, logarithmic beyond, so
    the tail is a power law; :math:`\sigma` is the mean excess over the highest twentieth. What few
    distinct values a slot has are codes: another one is as odd as those that came once are rare.

    Values that go where none was before (counters, clocks) have tails that do not hold: where
    p-values of values not learnt from are too small, their logarithms are shortened until they
    agree. Such slots fall silent. What is impossible by the others is not learnt as usual.

    Parameters
    ----------
    lower : bool
        Judge what is too small, too.
    least_size : float
        *c*, at least: smaller differences say nothing.

    Attributes
    ----------
    slots : ndarray of int64, shape (n_slots,)
        Ids of the slots with enough values, ascending.
    shape : ndarray of float64, shape (n_slots, 7)
        Of each: number of values, *c*, scales below and above, the usual range, and by what the
        logarithm of p is multiplied.
    ends : ndarray of float64, shape (n_slots, 128)
        The smallest values, ascending, and the largest ones.
    codes : ndarray of float64, shape (n_slots, 17)
        The distinct values of codes, and how likely another one is; NaN where there is none.
    """

    def __init__(self, lower: bool = True, least_size: float = 0.0) -> None:
        self.lower = lower
        self.least_size = least_size

    def learn(self, slot: Ints, value: Floats, stretch: Ints, learnt: NDArray[np.bool_]) -> Floats:
        """Learn from values, and return ln p of each, by those of other stretches.

        Parameters
        ----------
        slot : ndarray of int64, shape (n,)
        value : ndarray of float64, shape (n,)
        stretch : ndarray of int64, shape (n,)
            Which stretch of the log each is in, from 0.
        learnt : ndarray of bool, shape (n,)
            The others are only judged.
        """
        order = np.lexsort((value, slot))
        order = order[learnt[order]]
        log_p = np.zeros(len(value))
        n_stretches = int(stretch.max(initial=0)) + 1
        for part in range(n_stretches):
            own = stretch == part
            self._fit(slot, value, order if n_stretches == 1 else order[~own[order]])
            log_p[own] = self.log_p(slot[own], value[own])
        self._fit(slot, value, order)
        self._temper(slot[learnt], log_p[learnt])
        at, known = self._find(slot)
        log_p[known] *= self.shape[at[known], 6]
        log_p[~known] = 0.0
        if (out := log_p < np.log(_IMPOSSIBLE)).any():
            slots, temper = self.slots, self.shape[:, 6]
            self._fit(slot, value, order[~out[order]])
            self.shape[:, 6] = temper[np.searchsorted(slots, self.slots)]
        return log_p

    def _fit(self, slot: Ints, value: Floats, order: Ints) -> None:
        """Learn from the values at `order`, which is by slot and value."""
        slots, first, n = np.unique(slot[order], return_index=True, return_counts=True)
        enough = np.flatnonzero(n >= _LEAST)
        self.slots = slots[enough]
        self.shape = np.ones((len(enough), 7))
        self.ends = np.zeros((len(enough), 2 * _KEPT))
        self.codes = np.full((len(enough), _FEW + 1), np.nan)
        for i, k in enumerate(enough):
            values = value[order[first[k] : first[k] + n[k]]]
            self.shape[i, :6], self.ends[i], self.codes[i] = _describe(values, self.least_size)

    def _temper(self, slot: Ints, log_p: Floats) -> None:
        odd = log_p < np.log(_ODD)
        at, known = self._find(slot[odd])
        found, logs = at[known], log_p[odd][known]
        order = np.lexsort((logs, found))
        starts = np.searchsorted(found[order], np.arange(len(self.slots) + 1))
        for share in _SHARES:
            place = np.ceil(share * self.shape[:, 0]).astype(np.int64)
            enough = np.flatnonzero((place >= _PLACES) & (np.diff(starts) >= place))
            at_place = logs[order[starts[enough] + place[enough] - 1]]
            self.shape[enough, 6] = np.minimum(self.shape[enough, 6], np.log(share) / at_place)

    def log_p(self, slot: Ints, value: Floats) -> Floats:
        """Return ln p of each value, two-sided, tempered; 0 where a slot is not known."""
        log_p = np.zeros(len(value))
        at, known = self._find(slot)
        order = np.flatnonzero(known)[np.argsort(at[known], kind="stable")]
        for i, rows in _runs(at, order):
            log_p[rows] = self._log_p_of(i, value[rows])
        return log_p

    def _log_p_of(self, i: int, value: Floats) -> Floats:
        n, size, low_scale, high_scale, _, _, temper = self.shape[i]
        smallest, largest = self.ends[i, :_KEPT], self.ends[i, _KEPT:]
        y = np.arcsinh(value / size)
        above = _KEPT - np.searchsorted(largest, value)
        excess = np.maximum(y - np.arcsinh(largest[-1] / size), 0)
        p = (above + np.exp(-excess / high_scale)) / (n + 1)
        p[value <= largest[0]] = 1.0
        log_p = np.where(excess > 0, -excess / high_scale - np.log(n + 1), np.log(p))
        if self.lower:
            below = np.searchsorted(smallest, value, side="right")
            lack = np.maximum(np.arcsinh(smallest[0] / size) - y, 0)
            p = (below + np.exp(-lack / low_scale)) / (n + 1)
            p[value >= smallest[-1]] = 1.0
            less = np.where(lack > 0, -lack / low_scale - np.log(n + 1), np.log(p))
            log_p = np.minimum(log_p, less)
            unseen = ~np.isin(value, self.codes[i, :_FEW])
            if not np.isnan(self.codes[i, _FEW]):
                log_p = np.where(unseen, np.minimum(log_p, self.codes[i, _FEW]), 0.0)
            log_p = log_p + np.log(2)
        return np.asarray(np.minimum(0.0, temper * log_p))

    def usual(self, slot: int) -> tuple[float, float]:
        """Return between which values 99 % of those of a slot lay."""
        i = int(np.searchsorted(self.slots, slot))
        return float(self.shape[i, 4]), float(self.shape[i, 5])

    def knows(self, slot: Ints) -> NDArray[np.bool_]:
        """Return which slots have been learnt, shape (n,)."""
        return self._find(slot)[1]

    def _find(self, slot: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        if not len(self.slots):
            return np.zeros(len(slot), np.int64), np.zeros(len(slot), np.bool_)
        at = np.minimum(np.searchsorted(self.slots, slot), len(self.slots) - 1)
        return at, self.slots[at] == slot

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what was learnt as arrays."""
        return {
            "slots": self.slots, "shape": self.shape, "ends": self.ends, "codes": self.codes
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]], lower: bool = True) -> ValueTails:
        """Return what `to_arrays` gave."""
        tails = cls(lower)
        tails.slots, tails.shape = arrays["slots"], arrays["shape"]
        tails.ends, tails.codes = arrays["ends"], arrays["codes"]
        return tails


def _describe(values: Floats, least_size: float) -> tuple[Floats, Floats, Floats]:
    """Return the shape, the ends and the codes of ascending values."""
    n = len(values)
    sizes = np.abs(values[values != 0])
    size = max(float(np.median(sizes)) if len(sizes) else 1.0, least_size)
    y = np.arcsinh(values / size)
    tail = max(1, int(_TAIL * n))
    narrowest = _NARROWEST * max(1.0, float(y[-1] - y[0]))
    low_scale = max(narrowest, float((y[tail] - y[:tail]).mean()))
    high_scale = max(narrowest, float((y[n - tail :] - y[n - tail - 1]).mean()))
    usual = values[int(_USUAL * n)], values[n - 1 - int(_USUAL * n)]
    ends = np.empty(2 * _KEPT)
    kept = min(n, _KEPT)
    ends[:_KEPT], ends[_KEPT:] = np.inf, -np.inf
    ends[:kept], ends[2 * _KEPT - kept :] = values[:kept], values[n - kept :]
    codes = np.full(_FEW + 1, np.nan)
    distinct, times = np.unique(values, return_counts=True)
    if len(distinct) <= _FEW and n >= _OFTEN * len(distinct):
        codes[: len(distinct)] = distinct
        codes[_FEW] = np.log(((times == 1).sum() + 0.5) / (n + 1))
    return np.array([n, size, low_scale, high_scale, *usual]), ends, codes


def _runs(at: Ints, order: Ints) -> Iterator[tuple[int, Ints]]:
    """Yield each number that `at` has at `order`, and where; `order` is by it."""
    starts = np.flatnonzero(np.diff(at[order], prepend=-1))
    for rows in np.split(order, starts[1:]) if len(order) else ():
        yield int(at[rows[0]]), rows

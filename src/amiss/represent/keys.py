"""What makes an identifier a session key, measured on a sample of a log.

A session key names a run of something: many lines hold it, its values come back, a value lives
shortly beside the log, its lines are of several templates, and what follows what within a value is
more regular than in lines taken at random. An identifier that has the first but lives as long as
the log names a place (a node, a client), not a run; one that the template tells (a component, a
level) says what kind of line it is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ORDER = 3
"""Events before that predict the next one."""


class KeyMeasures(NamedTuple):
    """How an identifier behaves as a session key."""

    coverage: float
    """Share of the lines that hold it."""
    values: int
    """Distinct values."""
    reuse: float
    """Lines of a value, on average."""
    recurring: float
    """Share of its lines whose value comes more than once."""
    recurring_values: int
    """Values that come more than once."""
    templates: int
    """Templates whose lines hold it."""
    template_share: float
    """The same, as a share of all templates of the sample."""
    variety: float
    """Distinct templates of a value that comes more than once, on average over its lines."""
    life: float
    """From the first line of a value to the last, as a share of the log, the mean of its share of
    the time and of the lines: the median over lines. Time alone calls whatever comes in bursts
    short, lines alone what a flood interrupts long."""
    life_at_random: float
    """What `life` would be if the lines of each value stood anywhere."""
    freedom: float
    """How much of a value the template does not tell: 0 it tells all, 1 nothing."""
    bits: float = 0.0
    """Bits a line to predict its template from those before it of the same value."""
    bits_raw: float = 0.0
    """The same from the lines before it in the log, on the same lines."""
    bits_at_random: float = 0.0
    """The same if values were dealt to the lines at random; 0: not measured."""

    @property
    def predictability(self) -> float:
        """Which share of the bits of a random grouping the key saves, from 0 to 1."""
        if self.bits_at_random <= 0:
            return 0.0
        return max(0.0, 1 - self.bits / self.bits_at_random)


def measure_key(
    rows: NDArray[np.int64],
    codes: NDArray[np.int64],
    template: NDArray[np.int64],
    clock: NDArray[np.int64],
) -> KeyMeasures:
    """Measure an identifier; how predictable its sequences are, `measure_bits` adds.

    Parameters
    ----------
    rows : ndarray of int64, shape (m,)
        Lines that hold a value, ascending; a line that holds several is there several times.
    codes : ndarray of int64, shape (m,)
        The value of each entry, from 0.
    template : ndarray of int64, shape (n,)
        The template of each line of the sample, from 0.
    clock : ndarray of int64, shape (n,)
        The time of each line, or its number where there are no times.

    Examples
    --------
    >>> rows, codes = np.arange(6), np.array([0, 1, 0, 1, 2, 2])
    >>> m = measure_key(rows, codes, np.array([0, 0, 1, 1, 0, 1]), np.arange(6))
    >>> m.coverage, m.values, m.reuse, m.variety
    (1.0, 3, 2.0, 2.0)
    """
    n_templates = int(template.max(initial=0)) + 1
    order = np.argsort(codes, kind="stable")
    value, event, when = codes[order], template[rows[order]], clock[rows[order]]
    first = np.append(True, value[1:] != value[:-1])
    start = np.flatnonzero(first)
    count = np.diff(np.append(start, len(value)))
    several = count > 1
    distinct = _distinct_by_value(np.cumsum(first) - 1, event, n_templates, len(start))
    life = (_spans(when, clock, start) + _spans(rows[order], rows, start)) / 2
    named = np.bincount(event, minlength=n_templates) > 0
    free_at_random = _entropy_given(_dealt(value), event)
    return KeyMeasures(
        coverage=(1 + int((rows[1:] != rows[:-1]).sum())) / len(template),
        values=len(start),
        reuse=len(value) / len(start),
        recurring=float(count[several].sum() / len(value)),
        recurring_values=int(several.sum()),
        templates=int(named.sum()),
        template_share=float(named.sum() / (np.bincount(template) > 0).sum()),
        variety=_mean_over_lines(distinct, count, several),
        life=_median_over_lines(life, count, several),
        life_at_random=_median_over_lines((count - 1) / (count + 1), count, several),
        freedom=_entropy_given(value, event) / free_at_random if free_at_random > 0 else 0.0,
    )


def measure_bits(
    measures: KeyMeasures,
    rows: NDArray[np.int64],
    codes: NDArray[np.int64],
    template: NDArray[np.int64],
    raw_bits: NDArray[np.float64],
) -> KeyMeasures:
    """Add how predictable the sequences of an identifier are.

    Parameters
    ----------
    measures : KeyMeasures
    rows, codes, template : ndarray of int64
        As in `measure_key`.
    raw_bits : ndarray of float64, shape (n,)
        What each line costs in the order of the log (`event_bits` of one value).
    """
    n_templates = int(template.max(initial=0)) + 1
    order = np.argsort(codes, kind="stable")
    value, event = codes[order], template[rows[order]]
    dealt = _dealt(value)
    # In groups again, and each group in the order of the log.
    again = np.argsort(dealt.astype(np.int64) * len(order) + order)
    held = np.append(True, rows[1:] != rows[:-1])
    return measures._replace(
        bits=float(event_bits(value, event, n_templates).mean()),
        bits_raw=float(raw_bits[rows[held]].mean()),
        bits_at_random=float(event_bits(dealt[again], event[again], n_templates).mean()),
    )


def _dealt(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return values dealt to the entries at random, always in the same way."""
    return np.random.default_rng(0).permutation(values)


def _spans(
    when: NDArray[np.int64], clock: NDArray[np.int64], start: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return from when to when each value is there, as a share of all there is."""
    whole = max(1, int(clock.max() - clock.min()))
    return (np.maximum.reduceat(when, start) - np.minimum.reduceat(when, start)) / whole


def event_bits(
    value: NDArray[np.int64], event: NDArray[np.int64], n_events: int
) -> NDArray[np.float64]:
    """Return how many bits each event costs, given those before it of the same value.

    Orders up to ``ORDER`` are blended, each by its own number of distinct successors; an event is
    predicted from all others, itself left out. So a value that comes once is worth what its event
    is worth at the beginning of any.

    Parameters
    ----------
    value : ndarray of int64, shape (m,)
        In groups: equal values stand together.
    event : ndarray of int64, shape (m,)

    References
    ----------
    I. Witten, T. Bell: The Zero-Frequency Problem. IEEE Trans. Inf. Theory 37(4), 1991.

    Examples
    --------
    >>> value, event = np.repeat([0, 1, 2], 2), np.array([0, 1, 0, 1, 1, 0])
    >>> event_bits(value, event, 2).round(1)
    array([1.1, 0.2, 1.1, 0.2, 2.8, 1.3])
    """
    m = len(event)
    total = np.bincount(event, minlength=n_events)
    chance = (total[event] - 0.5) / (m - 1 + 0.5 * n_events)
    at = np.arange(m)
    begin = np.append(True, value[1:] != value[:-1])
    place = at - np.maximum.accumulate(np.where(begin, at, 0))
    context = np.zeros(m, dtype=np.int64)
    for back in range(1, ORDER + 1):
        before = np.full(m, n_events, dtype=np.int64)
        before[back:] = np.where(place[back:] >= back, event[:-back], n_events)
        context = np.unique(context * (n_events + 1) + before, return_inverse=True)[1].ravel()
        pairs, row, count = np.unique(
            context * n_events + event, return_inverse=True, return_counts=True
        )
        hits = count[row.ravel()] - 1
        seen = np.bincount(context)[context] - 1
        kinds = np.bincount(pairs // n_events)[context] - (hits == 0)
        known = seen + kinds
        blended = (hits + kinds * chance) / np.maximum(known, 1)
        # Before the first event there is nothing: a longer context there is the same again.
        chance = np.where((known > 0) & (place >= back - 1), blended, chance)
    bits: NDArray[np.float64] = -np.log2(np.maximum(chance, 1e-12))
    return bits


def _distinct_by_value(
    value: NDArray[np.int64], event: NDArray[np.int64], n_events: int, n_values: int
) -> NDArray[np.int64]:
    pairs = np.unique(value * n_events + event)
    return np.bincount(pairs // n_events, minlength=n_values)


def _mean_over_lines(
    of_value: NDArray[np.int64], count: NDArray[np.int64], several: NDArray[np.bool_]
) -> float:
    lines = count[several].sum()
    return float((of_value * count)[several].sum() / lines) if lines else 1.0


def _median_over_lines(
    of_value: NDArray[np.float64], count: NDArray[np.int64], several: NDArray[np.bool_]
) -> float:
    return float(np.median(np.repeat(of_value[several], count[several]))) if several.any() else 0.0


def _entropy(codes: NDArray[np.int64]) -> float:
    share = np.unique(codes, return_counts=True)[1] / len(codes)
    return float(-(share * np.log2(share)).sum())


def _entropy_given(codes: NDArray[np.int64], given: NDArray[np.int64]) -> float:
    """Return the entropy of `codes` that is left when `given` is known, in bits."""
    return max(0.0, _entropy(codes * (int(given.max()) + 1) + given) - _entropy(given))

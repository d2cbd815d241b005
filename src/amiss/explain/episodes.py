"""When findings of one cause are several episodes, and which findings are one stretch of time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_CHANCE = 0.01
"""How often a steady rate may have a silence that is taken for the end of an episode."""
_MINUTE = 60_000
"""Milliseconds. Clocks are coarse, and nobody calls it two outages if a minute is between them."""
_FEW = 4
"""Bursts with long silences between them that are told apart whatever their rate; more of them are
one thing that comes time and again, unless chance does not explain a silence between them."""


def split_episodes(times: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the positions of each episode, in order of time.

    A silence ends an episode if it is longer than chance explains, had what came before and after
    come at a steady rate. Of *k* silences that share a span, the longest is longer than the share
    *u* with a probability of at most *k* (1 − *u*)^(*k* − 1): so the rule has no scale of its own.

    Parameters
    ----------
    times : ndarray of int64, shape (n,)
        Milliseconds, in any order.

    Examples
    --------
    >>> hour = 3_600_000
    >>> outages = np.array([3 * hour + 9000 * i for i in range(50)] + [20 * hour, 20 * hour + 60])
    >>> [len(episode) for episode in split_episodes(outages)]
    [50, 2]
    >>> len(split_episodes(np.arange(50) * hour))
    1
    """
    order = np.argsort(times, kind="stable")
    episodes: list[NDArray[np.int64]] = []
    left = [order]
    while left:
        part = left.pop()
        at = _longest_silence(times[part])
        if at is None:
            episodes.append(part)
        else:
            left += [part[at:], part[:at]]
    return episodes


def _longest_silence(times: NDArray[np.int64]) -> int | None:
    """Return where the longest silence ends, if it ends an episode; `times` ascend."""
    gaps = np.diff(times)
    if len(gaps) < 2 or gaps.max() < _MINUTE:
        return None
    at = int(gaps.argmax())
    longest, span = int(gaps[at]), int(times[-1] - times[0])
    if _chance(longest / span, len(gaps)) >= _CHANCE:
        return None
    # Things that come in bursts leave longer silences than a steady rate: bursts are counted, then.
    ends = np.flatnonzero(gaps > longest / 2)
    first = times[np.concatenate([[0], ends + 1])]
    last = times[np.concatenate([ends, [len(times) - 1]])]
    short = bool((last - first <= longest / 2).all())
    if short and len(first) <= _FEW:
        return at + 1
    starts = len(np.flatnonzero(gaps > longest / 10)) + 1
    return at + 1 if _chance(longest / span, starts - 1) < _CHANCE else None


def _chance(share: float, silences: int) -> float:
    return silences * (1 - share) ** (silences - 1) if silences > 0 else 1.0


def join_neighbours(first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which run each stretch is of: neighbours, or with one of their length between them.

    Parameters
    ----------
    first, last : ndarray of int64, shape (n,)
        Where stretches begin and end, of one unit: milliseconds, or lines.

    Examples
    --------
    >>> join_neighbours(np.array([0, 30, 10, 60]), np.array([10, 40, 20, 70]))
    array([0, 0, 0, 1])
    """
    order = np.lexsort((last, first))
    begins, ends = first[order], np.maximum.accumulate(last[order])
    wide = (last - first)[order]
    quiet = begins[1:] - ends[:-1]
    breaks = quiet > np.maximum(wide[1:], wide[:-1])
    runs = np.empty(len(first), dtype=np.int64)
    runs[order] = np.concatenate([[0], np.cumsum(breaks)])[: len(first)]
    return runs


def overlapping(spans: Sequence[tuple[int, int]], longest: float) -> list[tuple[int, int]]:
    """Return the pairs of spans, of at most that length, that overlap or nearly do.

    Nearly: what lies between them is no longer than the longer of both.

    Examples
    --------
    >>> overlapping([(0, 10), (15, 20), (100, 110), (0, 90)], 20)
    [(0, 1)]
    """
    short = sorted((a, b, i) for i, (a, b) in enumerate(spans) if b - a <= longest)
    pairs = []
    for place, (start, end, i) in enumerate(short):
        for begin, until, j in short[place + 1 :]:
            if begin - end > longest:
                break
            if begin - end <= max(end - start, until - begin):
                pairs.append((min(i, j), max(i, j)))
    return pairs

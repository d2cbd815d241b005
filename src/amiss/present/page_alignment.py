"""Two sequences side by side: what is in both stands in one column, gaps are shown."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import NamedTuple

GAP = -1
END = -2
"""The end of a session, where that is what surprised."""
MOST_EVENTS = 2000
"""Events of each sequence that are aligned: the rest of longer ones is counted."""
MOST_COLUMNS = 240
"""Columns that are shown; of longer ones those that differ, and some beside them."""
_BESIDE = 6


class Column(NamedTuple):
    """An event of one sequence, of the other, or of both: positions, or `GAP`."""

    here: int
    normal: int


def align(here: Sequence[Hashable], normal: Sequence[Hashable]) -> list[Column]:
    """Return the columns of a longest common subsequence, in order.

    Rows of the table of common lengths differ from the one above by at most one in each place, so
    a row is one number of as many bits, and a step is four operations on it (Hyyrö 2004).

    Examples
    --------
    >>> align("abcd", "axcd")
    [Column(here=0, normal=0), Column(here=1, normal=-1), Column(here=-1, normal=1), \
Column(here=2, normal=2), Column(here=3, normal=3)]
    """
    places: dict[Hashable, int] = {}
    for j, event in enumerate(normal):
        places[event] = places.get(event, 0) | 1 << j
    full = (1 << len(normal)) - 1
    rows = [full]
    for event in here:
        row = rows[-1]
        common = row & places.get(event, 0)
        rows.append(((row + common) | (row - common)) & full)

    def longest(i: int, j: int) -> int:
        return j - (rows[i] & ((1 << j) - 1)).bit_count()

    columns: list[Column] = []
    i, j = len(here), len(normal)
    while i or j:
        if i and j and here[i - 1] == normal[j - 1]:
            i, j = i - 1, j - 1
            columns.append(Column(i, j))
        elif j and (not i or longest(i, j - 1) >= longest(i - 1, j)):
            j -= 1
            columns.append(Column(GAP, j))
        else:
            i -= 1
            columns.append(Column(i, GAP))
    return columns[::-1]


def shown_columns(count: int, telling: Sequence[int], most: int = MOST_COLUMNS) -> list[range]:
    """Return which of `count` columns to show: all, or those near the telling ones.

    Parameters
    ----------
    count : int
    telling : sequence of int
        Columns that surprise or differ, in order.
    most : int
        Columns to show.

    Returns
    -------
    list of range
        In order, apart from each other.

    Examples
    --------
    >>> shown_columns(5, [2])
    [range(0, 5)]
    >>> shown_columns(1000, [500], most=40)
    [range(0, 6), range(494, 507), range(994, 1000)]
    """
    if count <= most:
        return [range(count)]
    kept = {*range(_BESIDE), *range(count - _BESIDE, count)}
    for at in telling:
        near = set(range(max(0, at - _BESIDE), min(count, at + _BESIDE + 1)))
        if len(kept | near) > most:
            break
        kept |= near
    places = sorted(kept)
    breaks = [i for i, (a, b) in enumerate(pairwise(places), 1) if b > a + 1]
    edges = [0, *breaks, len(places)]
    return [range(places[a], places[b - 1] + 1) for a, b in pairwise(edges)]

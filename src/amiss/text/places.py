"""Where in lines a pattern matches, found once for all lines that differ in their digits only."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.text.views import cut_texts
from amiss.types import ragged_index

_LINES_OF_TEXT = 4
"""As many lines of a form make it worth looking at forms, not at lines."""
_REMEMBERED = 1 << 14
"""Texts whose places are kept."""
_REMEMBERED_SIZE = 1 << 23
"""Characters of texts whose places are kept."""
_SETS = re.compile(r"\[\^?[^\[\]\\]*\]")
_ALL_DIGITS = re.compile(r"(?<![-&~])0-9(?![-&~])")
_HARMLESS = re.compile(r"\\[dDwWsSbBtnr]|\\[^\w\s<>]|\{\d+(?:,\d*)?\}")


def is_blind_to_digits(pattern: str) -> bool:
    r"""Return whether a regular expression matches the same places whatever values digits have.

    Where that is not plain to see, it is taken for one that does not.

    Examples
    --------
    >>> [is_blind_to_digits(p) for p in (r"blk_-?\d+", "[0-9a-f]{8}", r"id=([^ ]+)")]
    [True, True, True]
    >>> [is_blind_to_digits(p) for p in ("v1", "[1-9]+", r"\x41", "[+-0-9]")]
    [False, False, False, False]
    """
    plain = _HARMLESS.sub("", pattern)
    plain = _SETS.sub(lambda found: _ALL_DIGITS.sub("", found[0]), plain)
    return not re.search(r"[\d\\]", plain)


class Places(NamedTuple):
    """Where texts hold what was looked for, in bytes.

    Attributes
    ----------
    offsets : ndarray of int64, shape (n + 1,)
        Places in text *i* are ``offsets[i]:offsets[i + 1]`` of the others.
    start, length : ndarray of int64, shape (n_places,)
    """

    offsets: NDArray[np.int64]
    start: NDArray[np.int64]
    length: NDArray[np.int64]


def find_matches(texts: pl.Series, pattern: str) -> Places:
    r"""Return where the matches of a regular expression are in texts without line ends.

    Examples
    --------
    >>> find_matches(pl.Series(["b", "é 12 b 345"]), r"\d+")
    Places(offsets=array([0, 0, 2]), start=array([3, 8]), length=array([2, 3]))
    """
    pieces = texts.str.replace_all(pattern, "\n${0}\n").str.split("\n")
    size = pieces.list.len().to_numpy().astype(np.int64)
    length = pieces.explode().str.len_bytes().to_numpy().astype(np.int64)
    first = np.cumsum(size) - size
    ends = np.cumsum(length)
    before = ends - length  # in all texts, and below in those above
    before -= np.repeat(before[first], size)
    is_match = (np.arange(len(length)) - np.repeat(first, size)) % 2 == 1
    offsets = np.concatenate([[0], np.cumsum(size // 2)])
    return Places(offsets, before[is_match], length[is_match])


def find_groups(texts: pl.Series, pattern: str) -> Places | None:
    r"""Return where the first match in each text has its first group, if that holds anything.

    None: in some match the text of the group is there more than once.

    Examples
    --------
    >>> find_groups(pl.Series(["b", "é id=12 id=3"]), r"id=(\d+)")
    Places(offsets=array([0, 0, 1]), start=array([6]), length=array([2]))
    >>> find_groups(pl.Series(["id=12 12"]), r"id=(\d+) \d+")
    """
    matches = find_matches(texts, pattern)
    start, length, of = [], [], []
    pairs = zip(texts.str.extract(pattern, 0), texts.str.extract(pattern, 1), strict=True)
    for row, (whole, group) in enumerate(pairs):
        if not group:
            continue
        at = whole.find(group)
        if at != whole.rfind(group):
            return None
        of.append(row)
        start.append(int(matches.start[matches.offsets[row]]) + len(whole[:at].encode()))
        length.append(len(group.encode()))
    offsets = np.searchsorted(of, np.arange(len(texts) + 1))
    return Places(offsets, np.array(start, dtype=np.int64), np.array(length, dtype=np.int64))


class PlaceFinder:
    r"""Where something is in texts; most of those of a batch were there in the one before.

    Parameters
    ----------
    find : callable
        From texts to the places, or None where they cannot be told.

    Examples
    --------
    >>> finder = PlaceFinder(lambda texts: find_groups(texts, r"id=(\d+)"))
    >>> finder.find(pl.Series(["b", "é id=12 id=3"]), lines=100)
    Places(offsets=array([0, 0, 1]), start=array([6]), length=array([2]))
    """

    def __init__(self, find: Callable[[pl.Series], Places | None]) -> None:
        self._find = find
        self._known: dict[str, tuple[list[int], list[int]]] = {}
        self._size = 0

    def find(self, texts: pl.Series, lines: int) -> Places | None:
        """Return where texts have what is looked for; None where lines are to be looked at instead.

        Parameters
        ----------
        texts : polars.Series of str
        lines : int
            How many lines the texts stand for: of few lines each they are not worth it.
        """
        if _LINES_OF_TEXT * len(texts) > lines:
            return None
        wanted = texts.to_list()
        if new := [text for text in wanted if text not in self._known]:
            if len(self._known) > _REMEMBERED or self._size > _REMEMBERED_SIZE:
                self._known.clear()
                self._size = 0
                new = wanted
            self._size += sum(map(len, new))
            found = self._find(pl.Series(new))
            if found is None:
                return None
            start, length = found.start.tolist(), found.length.tolist()
            for text, (at, end) in zip(new, pairwise(found.offsets.tolist()), strict=True):
                self._known[text] = start[at:end], length[at:end]
        own = [self._known[text] for text in wanted]
        return Places(
            np.cumsum([0, *(len(starts) for starts, _ in own)]),
            np.array([place for starts, _ in own for place in starts], dtype=np.int64),
            np.array([size for _, lengths in own for size in lengths], dtype=np.int64),
        )


def cut(
    lines: pl.Series, form: NDArray[np.int64], places: Places
) -> tuple[NDArray[np.int64], pl.Series]:
    """Return what lines hold at the places of their forms, and which line each is of.

    Examples
    --------
    >>> places = Places(np.array([0, 0, 2]), np.array([0, 3]), np.array([1, 2]))
    >>> rows, texts = cut(pl.Series(["a", "1 b34", "5 b67"]), np.array([0, 1, 1]), places)
    >>> rows.tolist(), texts.to_list()
    ([1, 1, 2, 2], ['1', '34', '5', '67'])
    """
    at, offsets = ragged_index(places.offsets, form)
    rows = np.repeat(np.arange(len(lines)), np.diff(offsets))
    return rows, cut_texts(lines, rows, places.start[at], places.length[at])

"""Where lines of one form have what their header captures, so that lines need not be matched."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache, partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.read.format_type import HEADER, Format
from amiss.text.places import PlaceFinder, Places, cut, is_blind_to_digits

_MOST_AROUND = 4
"""Groups that a group of a header may be in."""


class HeaderPlaces:
    r"""What groups of a format's header capture in lines, cut where their forms have it.

    Parameters
    ----------
    fmt : Format

    Examples
    --------
    >>> from amiss.read.formats import get_format
    >>> places = HeaderPlaces(get_format("klog"))
    >>> lines = [f"I0102 03:04:0{i}.678901       {i} a.go:{i}] up\n" for i in range(8)]
    >>> forms = pl.Series(["I0000 00:00:00.000000       0 a.go:0] up"])
    >>> form = np.zeros(8, dtype=np.int64)
    >>> places.cells("time", pl.Series(lines), form, forms)[7]
    '0102 03:04:07.678901'
    """

    def __init__(self, fmt: Format) -> None:
        self._header = fmt.header
        self._usable = fmt.layout == HEADER and not fmt.loose
        self._finders: dict[str, PlaceFinder | None] = {}

    def cells(
        self, name: str, raw: pl.Series, form: NDArray[np.int64], forms: pl.Series
    ) -> pl.Series | None:
        """Return what a group captures in each line, null where nothing; None: look at lines.

        Parameters
        ----------
        name : str
            Of the group.
        raw : polars.Series of str, shape (n,)
        form : ndarray of int64, shape (n,)
            Row of `forms` that each line belongs to.
        forms : polars.Series of str
            Lines with each digit written as ``0``.
        """
        if not self._usable:
            return None
        if name not in self._finders:
            self._finders[name] = self._make_finder(name)
        finder = self._finders[name]
        if finder is None or (places := finder.find(forms, len(raw))) is None:
            return None
        rows, cells = cut(raw, form, places)
        if len(rows) == len(raw):
            return cells
        at = np.full(len(raw), -1)
        at[rows] = np.arange(len(rows))
        return cells.gather(pl.Series(at).replace(-1, None))

    def _make_finder(self, name: str) -> PlaceFinder | None:
        upto = upto_group(self._header, name, _MOST_AROUND)
        if upto is None or not is_blind_to_digits(self._header):
            return None
        return PlaceFinder(partial(_find_group, header=self._header, upto=upto, name=name))


def _find_group(texts: pl.Series, header: str, upto: str, name: str) -> Places | None:
    """Return where a header's group is in texts; None if what stands before it does not tell."""
    found = pl.DataFrame(
        {
            "value": texts.str.extract_groups(header).struct.field(name),
            "head": texts.str.extract(upto, 0),
            "told": texts.str.extract_groups(upto).struct.field(name),
        }
    )
    there = found["value"].is_not_null()
    ends = pl.col("head").str.ends_with(pl.col("value")) & (pl.col("told") == pl.col("value"))
    if not found.filter(there).select(ends.fill_null(value=False).all()).item():
        return None
    rows = there.to_numpy()
    size = found.select(pl.all().str.len_bytes().cast(pl.Int64).fill_null(0))
    start = (size["head"] - size["value"]).to_numpy()[rows]
    return Places(np.concatenate([[0], np.cumsum(rows)]), start, size["value"].to_numpy()[rows])


@lru_cache(maxsize=256)
def upto_group(header: str, name: str, most_around: int = 0) -> str | None:
    r"""Return the start of a pattern up to a group; None if that is none.

    Groups around it, at most so many, are closed behind it. What they hold else, such as an
    alternative, is left out: whether the start still captures the same is to be seen.

    Examples
    --------
    >>> upto_group(r"^(?P<time>\S+) (?P<host>\S+): (?P<message>.*)$", "host")
    '^(?P<time>\\S+) (?P<host>\\S+)'
    >>> upto_group(r"^\S+(?:\[(?P<pid>\d+)\])?:", "pid", most_around=1)
    '^\\S+(?:\\[(?P<pid>\\d+))'
    """
    at = header.find(f"(?P<{name}>")
    if at < 0:
        return None
    depth, i, in_class = 0, at, False
    while i < len(header):
        character = header[i]
        if character == "\\":
            i += 1
        elif in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
            i += header[i + 1] in "]^"
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if not depth:
                break
        i += 1
    for around in range(most_around + 1):
        start = header[: i + 1] + ")" * around
        with suppress(re.error):
            re.compile(start)
            return start
    return None

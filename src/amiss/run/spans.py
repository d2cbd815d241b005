"""Lengths of time and moments, as users type them."""

from __future__ import annotations

import math
import re

import polars as pl

from amiss.errors import UsageError
from amiss.read.times import as_times
from amiss.types import NO_TIME

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST_WINDOW = 366 * 86400.0


def parse_every(every: str | float, what: str = "every") -> int:
    """Return a length of time in milliseconds; `what` is the option that it was given for.

    Raises
    ------
    UsageError
        It is none, or less than a millisecond, or more than a year.

    Examples
    --------
    >>> [parse_every(every) for every in ("10s", "5m", "1h", "1d", 0.5)]
    [10000, 300000, 3600000, 86400000, 500]
    """
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([a-z]*)\s*", str(every).lower())
    seconds = float(match[1]) * _UNITS.get(match[2], math.nan) if match else math.nan
    if not 0.001 <= seconds <= _LONGEST_WINDOW:
        raise UsageError(
            f"{what} {every!r}: no length of time; expected such as 10s, 5m, 1h or 1d, or "
            "seconds, up to a year"
        )
    return round(seconds * 1000)


def parse_moment(text: str) -> int:
    """Return a moment in milliseconds since 1970, UTC.

    Raises
    ------
    UsageError
        It is none.

    Examples
    --------
    >>> parse_moment("1970-01-01 00:01"), parse_moment("1970-01-01T01:00:00+01:00")
    (60000, 0)
    """
    found, bad = as_times(pl.Series([text]))
    if bad >= 0 or found[0] == NO_TIME:
        raise UsageError(
            f"{text!r} is no moment; expected such as 2026-11-22, '2026-11-22 14:30' or "
            "2026-11-22T14:30:00+01:00; UTC where no zone is given"
        )
    return int(found[0])

"""Where in a line its time stands, and what it says."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.read.format_type import GIVEN, Format
from amiss.read.stamps import BY_NAME, read_stamps
from amiss.types import NO_TIME


def period_of(fmt: Format) -> int:
    """Return in how many milliseconds times of a format go round; 0: they say everything."""
    known = BY_NAME.get(fmt.time)
    return known.period if known else 0


def as_written(stamps: pl.Series, fmt: Format) -> NDArray[np.int64]:
    """Return times in milliseconds, as far as their texts say; ``NO_TIME`` for what is none."""
    if "%" not in fmt.time:
        return read_stamps(stamps, BY_NAME[fmt.time])
    # A form with a time zone gives times in UTC; times without are taken for such.
    moments = stamps.str.to_datetime(fmt.time, time_unit="ms", strict=False)
    return moments.to_physical().fill_null(NO_TIME).to_numpy()


def stamps_of(raw: pl.Series, fmt: Format) -> pl.Series:
    """Return the texts that say when lines were written, null where there is none."""
    if fmt.time_width:
        return raw.str.slice(0, fmt.time_width)
    if "(?P<time>" not in fmt.header:
        return raw.str.extract_groups(fmt.header).struct.field("date")
    groups = raw.str.extract_groups(_upto_time(fmt.header)).struct.unnest()
    if "date" in groups.columns and fmt.layout == GIVEN:
        return groups["date"] + " " + groups["time"]
    return groups["time"]


@lru_cache(maxsize=64)
def _upto_time(header: str) -> str:
    """Return the start of a pattern up to the group ``time``: the rest need not be matched."""
    at = header.index("(?P<time>")
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
    try:
        re.compile(header[: i + 1])
    except re.error:  # the group stands inside another one
        return header
    return header[: i + 1]
